/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Linear and logistic regression, row by row. Numbers are features as they are or standardised by
 * the mean and deviation of the rows so far (this one included); a text is one of 2^hashBits
 * weights, chosen by a hash of column and value. Optimisers:
 *
 *   sgd      w -= rate · g
 *   adagrad  w -= rate · g / sqrt(sum of g²)
 *   ftrl     FTRL-proximal of the paper, with l1 and l2
 *   newton   recursive least squares with logistic weights: no rate, a matrix of d²
 *
 * A row costs one pass over its features, without allocation.
 */
#include "ml/features.h"
#include "ml/io.h"
#include "ml/ml.h"

enum optimizer { SGD, ADAGRAD, FTRL, NEWTON };
enum { AUTO, ALWAYS, NEVER };

struct linear_options {
    int optimizer, standardize;
    double rate, intercept_rate, l1, l2, beta, positive_weight, forgetting, initial_variance;
    bool intercept;
    int64_t hash_bits;
};

struct linear {
    struct hr_ml_model model;
    uint32_t d, padded;    /* numbers, rounded up */
    uint32_t width;        /* weights: numbers, intercept, texts */
    uint32_t hashed, mask; /* where the weights of texts begin */
    uint32_t *seeds;       /* of texts, by input */
    uint32_t *numbers;     /* inputs that are numbers */
    enum optimizer optimizer;
    bool standardize, logistic;
    double rate, intercept_rate;
    int64_t seen;
    struct hr_ml_moments *moments;
    double *w, *g2, *z; /* weights; sums of squares; FTRL's z. w has `padded` + 1 + texts */
    double *p;          /* newton: (d + 1)², row by row */
    double *row, *px;   /* of the row that is learned */
    uint32_t *slots;    /* of its texts */
    double *scale, *shift;
};

#define COMMON_OPTIONS                                                                         \
    {"optimizer",                                                                              \
     HR_OPT_ENUM,                                                                              \
     offsetof(struct linear_options, optimizer),                                               \
     "adagrad",                                                                                \
     0,                                                                                        \
     0,                                                                                        \
     "sgd|adagrad|ftrl|newton",                                                                \
     "how a row changes the weights; newton is second order: no learning rate, numbers only"}, \
        {"learningRate",                                                                       \
         HR_OPT_DOUBLE,                                                                        \
         offsetof(struct linear_options, rate),                                                \
         "0",                                                                                  \
         0,                                                                                    \
         0,                                                                                    \
         NULL,                                                                                 \
         "step of sgd (default 0.01), adagrad (0.1) and ftrl (0.05)"},                         \
        {"interceptLearningRate",                                                              \
         HR_OPT_DOUBLE,                                                                        \
         offsetof(struct linear_options, intercept_rate),                                      \
         "0",                                                                                  \
         0,                                                                                    \
         0,                                                                                    \
         NULL,                                                                                 \
         "step of sgd's intercept; default: learningRate"},                                    \
        {"intercept",                                                                          \
         HR_OPT_BOOL,                                                                          \
         offsetof(struct linear_options, intercept),                                           \
         "true",                                                                               \
         0,                                                                                    \
         0,                                                                                    \
         NULL,                                                                                 \
         "learns a constant too"},                                                             \
        {"standardize",                                                                        \
         HR_OPT_ENUM,                                                                          \
         offsetof(struct linear_options, standardize),                                         \
         "auto",                                                                               \
         0,                                                                                    \
         0,                                                                                    \
         "auto|true|false",                                                                    \
         "numbers less their mean, by their deviation, of the rows so far; auto: for sgd and " \
         "adagrad"},                                                                           \
        {"l1", HR_OPT_DOUBLE, offsetof(struct linear_options, l1), "0", 0,                     \
         0,    NULL,          "ftrl: weights below it are 0"},                                 \
        {"l2", HR_OPT_DOUBLE, offsetof(struct linear_options, l2),       "0", 0,               \
         0,    NULL,          "shrinks the weights (sgd, adagrad, ftrl)"},                     \
        {"beta", HR_OPT_DOUBLE, offsetof(struct linear_options, beta),         "1", 0,         \
         0,      NULL,          "ftrl: the larger, the slower the first steps"},               \
        {"forgetting",                                                                         \
         HR_OPT_DOUBLE,                                                                        \
         offsetof(struct linear_options, forgetting),                                          \
         "1",                                                                                  \
         0,                                                                                    \
         0,                                                                                    \
         NULL,                                                                                 \
         "newton: weight of the past after each row, at most 1"},                              \
        {"initialVariance",                                                                    \
         HR_OPT_DOUBLE,                                                                        \
         offsetof(struct linear_options, initial_variance),                                    \
         "10",                                                                                 \
         0,                                                                                    \
         0,                                                                                    \
         NULL,                                                                                 \
         "newton: how free the weights are before the first row"},                             \
    {                                                                                          \
        "hashBits", HR_OPT_INT, offsetof(struct linear_options, hash_bits), "12", 1, 24, NULL, \
            "STRING features: 2^hashBits weights for their values"                             \
    }

static const struct hr_opt_spec linear_specs[] = {COMMON_OPTIONS};
static const struct hr_opt_spec logistic_specs[] = {
    COMMON_OPTIONS,
    {"positiveWeight", HR_OPT_DOUBLE, offsetof(struct linear_options, positive_weight), "1", 0, 0,
     NULL, "how many rows a row with the label 1 counts for"},
};

/* ---- options ---- */

static hr_status refuse(struct hr_err *err, const char *name, const char *why)
{
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", name, "why", why);
}

static hr_status check(const void *options, struct hr_err *err)
{
    const struct linear_options *o = options;
    if (!(o->rate >= 0 && isfinite(o->rate))) return refuse(err, "learningRate", "must be above 0");
    if (!(o->intercept_rate >= 0 && isfinite(o->intercept_rate)))
        return refuse(err, "interceptLearningRate", "must be above 0");
    if (!(o->l1 >= 0 && isfinite(o->l1))) return refuse(err, "l1", "must not be below 0");
    if (!(o->l2 >= 0 && isfinite(o->l2))) return refuse(err, "l2", "must not be below 0");
    if (!(o->beta > 0 && isfinite(o->beta))) return refuse(err, "beta", "must be above 0");
    if (!(o->forgetting > 0 && o->forgetting <= 1))
        return refuse(err, "forgetting", "must be above 0 and at most 1");
    if (!(o->initial_variance > 0 && isfinite(o->initial_variance)))
        return refuse(err, "initialVariance", "must be above 0");
    if (!(o->positive_weight >= 0 && isfinite(o->positive_weight)))
        return refuse(err, "positiveWeight", "must be above 0");
    if (o->l1 > 0 && o->optimizer != FTRL) return refuse(err, "l1", "only optimizer 'ftrl' has it");
    if (o->beta != 1 && o->optimizer != FTRL)
        return refuse(err, "beta", "only optimizer 'ftrl' has it");
    if (o->intercept_rate > 0 && (o->optimizer != SGD || !o->intercept))
        return refuse(err, "interceptLearningRate",
                      "only optimizer 'sgd' with an intercept has it");
    if (o->optimizer != NEWTON) {
        if (o->forgetting != 1) return refuse(err, "forgetting", "only optimizer 'newton' has it");
        if (o->initial_variance != 10)
            return refuse(err, "initialVariance", "only optimizer 'newton' has it");
    } else if (o->rate > 0 || o->l2 > 0) {
        return refuse(err, o->rate > 0 ? "learningRate" : "l2", "optimizer 'newton' has none");
    }
    return HR_OK;
}

static struct linear *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct linear, model);
}
static const struct linear *self_const(const struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, const struct linear, model);
}

/* ---- making ---- */

static hr_status choose(struct linear *m, struct hr_err *err)
{
    static const double rates[] = {[SGD] = 0.01, [ADAGRAD] = 0.1, [FTRL] = 0.05, [NEWTON] = 0};
    const struct linear_options *o = m->model.opt;
    m->optimizer = (enum optimizer)o->optimizer;
    m->rate = o->rate > 0 ? o->rate : rates[m->optimizer];
    m->intercept_rate = o->intercept_rate > 0 ? o->intercept_rate : m->rate;
    m->standardize = o->standardize == ALWAYS ||
                     (o->standardize == AUTO && (m->optimizer == SGD || m->optimizer == ADAGRAD));
    if (m->model.text_count && m->optimizer == NEWTON)
        return HR_RAISE(err, HR_E_ML_INPUT, "model", m->model.vt->name, "why",
                        "optimizer 'newton' takes numbers only; use 'adagrad' or 'ftrl' for STRING "
                        "features");
    if (m->model.text_count == 0 && hr_options_get(&m->model.options, "hashBits"))
        return refuse(err, "hashBits", "it is for STRING features, and there are none");
    return HR_OK;
}

static hr_status list_inputs(struct linear *m, struct hr_err *err)
{
    struct hr_arena *arena = &m->model.arena;
    uint32_t texts = 0;
    m->numbers = HR_NEW_ARRAY(arena, uint32_t, m->model.input_count);
    m->seeds = HR_NEW_ARRAY(arena, uint32_t, m->model.input_count);
    m->slots = HR_NEW_ARRAY(arena, uint32_t, m->model.input_count);
    if (!m->numbers || !m->seeds || !m->slots) return HR_OOM(err);
    m->d = 0;
    for (uint32_t i = 0; i < m->model.input_count; i++) {
        const struct hr_ml_input *input = &m->model.inputs[i];
        m->seeds[i] = hr_murmur3_32(input->name, strlen(input->name), 42);
        if (input->is_text)
            texts++;
        else
            m->numbers[m->d++] = i;
    }
    const struct linear_options *o = m->model.opt;
    m->padded = hr_ml_padded(m->d);
    m->hashed = m->padded + 1;
    m->mask = texts ? (1u << o->hash_bits) - 1 : 0;
    m->width = m->hashed + (texts ? m->mask + 1 : 0);
    return HR_OK;
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct linear *m = self(model);
    struct hr_arena *arena = &model->arena;
    const struct linear_options *o = model->opt;
    m->logistic = model->vt->task == HR_ML_BINARY;
    HR_TRY(choose(m, err));
    HR_TRY(list_inputs(m, err));
    size_t n = m->padded + 1;
    m->moments = HR_NEW_ARRAY(arena, struct hr_ml_moments, n);
    m->w = HR_NEW_ARRAY(arena, double, m->width);
    m->g2 = HR_NEW_ARRAY(arena, double, m->width);
    m->z = HR_NEW_ARRAY(arena, double, m->width);
    m->row = HR_NEW_ARRAY(arena, double, n + 4);
    m->px = HR_NEW_ARRAY(arena, double, n + 4);
    m->scale = HR_NEW_ARRAY(arena, double, n);
    m->shift = HR_NEW_ARRAY(arena, double, n);
    if (!m->moments || !m->w || !m->g2 || !m->z || !m->row || !m->px || !m->scale || !m->shift)
        return HR_OOM(err);
    for (uint32_t j = 0; j < m->padded; j++) m->scale[j] = m->standardize ? 0 : 1;
    if (m->optimizer != NEWTON) return HR_OK;
    m->p = HR_NEW_ARRAY(arena, double, (size_t)(m->d + 1) * (m->d + 1));
    if (!m->p) return HR_OOM(err);
    for (uint32_t j = 0; j <= m->d; j++)
        m->p[(size_t)j * (m->d + 1) + j] = j == m->d && !o->intercept ? 0 : o->initial_variance;
    return HR_OK;
}

/* ---- a row ---- */

/* The features of row i into m->row, standardised by statistics that it is in. */
static void take_row(struct linear *m, const struct hr_ml_rows *rows, uint32_t i)
{
    m->seen++;
    double n = (double)m->seen;
    for (uint32_t j = 0; j < m->d; j++) {
        double x = rows->x[m->numbers[j]][i];
        if (m->standardize) {
            struct hr_ml_moments *s = &m->moments[j];
            hr_ml_moments_add(s, n, x);
            x = s->m2 > 0 ? (x - s->mean) / sqrt(s->m2 / n) : 0;
        }
        m->row[j] = x;
    }
    uint32_t t = 0;
    for (uint32_t j = 0; t < m->model.text_count; j++) {
        if (!m->model.inputs[j].is_text) continue;
        const struct hr_string *s = &rows->texts[j][i];
        m->slots[t++] =
            m->hashed + (hr_murmur3_32(hr_string_ptr(s), s->len, m->seeds[j]) & m->mask);
    }
}

static double margin(const struct linear *m)
{
    double z = hr_ml_dot(m->w, m->row, m->padded) + m->w[m->padded];
    for (uint32_t t = 0; t < m->model.text_count; t++) z += m->w[m->slots[t]];
    return z;
}

static void step_one(struct linear *m, uint32_t at, double g, double l2)
{
    g += l2 * m->w[at];
    if (m->optimizer == ADAGRAD) {
        m->g2[at] += g * g;
        if (m->g2[at] > 0) m->w[at] -= m->rate * g / sqrt(m->g2[at]);
    } else {
        m->w[at] -= (at == m->padded ? m->intercept_rate : m->rate) * g;
    }
}

static void ftrl_one(struct linear *m, uint32_t at, double g)
{
    const struct linear_options *o = m->model.opt;
    double n = m->g2[at] + g * g;
    double sigma = (sqrt(n) - sqrt(m->g2[at])) / m->rate;
    m->z[at] += g - sigma * m->w[at];
    m->g2[at] = n;
    double z = m->z[at], sign = z < 0 ? -1 : 1;
    m->w[at] = fabs(z) <= o->l1 ? 0 : -(z - sign * o->l1) / ((o->beta + sqrt(n)) / m->rate + o->l2);
}

static void first_order(struct linear *m, double error)
{
    const struct linear_options *o = m->model.opt;
    if (m->optimizer == FTRL) {
        for (uint32_t j = 0; j < m->d; j++) ftrl_one(m, j, error * m->row[j]);
        if (o->intercept) ftrl_one(m, m->padded, error);
        for (uint32_t t = 0; t < m->model.text_count; t++) ftrl_one(m, m->slots[t], error);
        return;
    }
    if (m->optimizer == SGD && o->l2 == 0) {
        double step = m->rate * error;
        for (uint32_t j = 0; j < m->padded; j++) m->w[j] -= step * m->row[j];
    } else {
        for (uint32_t j = 0; j < m->d; j++) step_one(m, j, error * m->row[j], o->l2);
    }
    if (o->intercept) step_one(m, m->padded, error, 0);
    for (uint32_t t = 0; t < m->model.text_count; t++) step_one(m, m->slots[t], error, o->l2);
}

/* P ← (P − P x xᵀ P · h / (1 + h · xᵀ P x)) / λ;  w ← w + P x · (y − p), by one triangle. */
static void second_order(struct linear *m, double error, double h, double weight)
{
    const struct linear_options *o = m->model.opt;
    uint32_t n = m->d + 1;
    double *x = m->row, *px = m->px, xpx = 0;
    x[m->d] = o->intercept ? 1 : 0;
    for (uint32_t a = 0; a < n; a++) {
        double sum = 0;
        for (uint32_t b = 0; b < n; b++) sum += m->p[(size_t)a * n + b] * x[b];
        px[a] = sum;
        xpx += sum * x[a];
    }
    h *= weight;
    double gain = h / (o->forgetting + h * xpx), left = 1 / o->forgetting;
    for (uint32_t a = 0; a < n; a++) {
        for (uint32_t b = 0; b <= a; b++) {
            double v = (m->p[(size_t)a * n + b] - gain * px[a] * px[b]) * left;
            m->p[(size_t)a * n + b] = m->p[(size_t)b * n + a] = v;
        }
    }
    /* P'x = Px / (λ + h·xᵀPx) */
    double step = -error * weight / (o->forgetting + h * xpx);
    for (uint32_t a = 0; a < m->d; a++) m->w[a] += step * px[a];
    m->w[m->padded] += step * px[m->d];
    x[m->d] = 0;
}

/* Of the loss, as seen from the row: where the label was far away the step is bounded as if it had
 * been met half way, or one surprise would throw the weights away. */
static double curvature(double p, double error)
{
    return HR_MAX(HR_MAX(p * (1 - p), fabs(error) / 4), 1e-3);
}

/* With a past that fades, features that stay away would grow without bound. */
static void bound_variance(struct linear *m)
{
    const struct linear_options *o = m->model.opt;
    uint32_t n = m->d + 1;
    if (o->forgetting == 1) return;
    for (uint32_t a = 0; a < n; a++) {
        double v = m->p[(size_t)a * n + a], most = o->initial_variance;
        if (v <= most) continue;
        double by = sqrt(most / v);
        for (uint32_t b = 0; b < n; b++) {
            m->p[(size_t)a * n + b] *= by;
            m->p[(size_t)b * n + a] *= by;
        }
    }
}

static hr_status learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err)
{
    struct linear *m = self(model);
    const struct linear_options *o = model->opt;
    HR_UNUSED(err);
    for (uint32_t i = 0; i < rows->count; i++) {
        double y = rows->y[i];
        take_row(m, rows, i);
        double p = margin(m);
        if (m->logistic) p = hr_ml_sigmoid(p);
        ret_before->value[i] = p;
        double weight = m->logistic && y != 0 ? o->positive_weight : 1;
        if (m->optimizer == NEWTON) {
            second_order(m, p - y, m->logistic ? curvature(p, p - y) : 1, weight);
            bound_variance(m);
        } else {
            first_order(m, (p - y) * weight);
        }
    }
    return HR_OK;
}

/* What scoring needs of the statistics: x · scale + shift. */
static void make_scale(struct linear *m)
{
    for (uint32_t j = 0; j < m->d && m->standardize; j++) {
        const struct hr_ml_moments *s = &m->moments[j];
        m->scale[j] = s->m2 > 0 && m->seen ? 1 / sqrt(s->m2 / (double)m->seen) : 0;
        m->shift[j] = -s->mean * m->scale[j];
    }
}

static hr_status end(struct hr_ml_model *model, struct hr_err *err)
{
    HR_UNUSED(err);
    make_scale(self(model));
    return HR_OK;
}

static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct linear *m = self_const(model);
    double *z = ret->value;
    double base = m->w[m->padded];
    for (uint32_t j = 0; j < m->d; j++) base += m->w[j] * m->shift[j];
    for (uint32_t i = 0; i < rows->count; i++) z[i] = base;
    for (uint32_t j = 0; j < m->d; j++) {
        const double *x = rows->x[m->numbers[j]];
        double w = m->w[j] * m->scale[j];
        for (uint32_t i = 0; i < rows->count; i++) z[i] += w * x[i];
    }
    for (uint32_t j = 0; j < model->input_count && model->text_count; j++) {
        if (!model->inputs[j].is_text) continue;
        for (uint32_t i = 0; i < rows->count; i++) {
            const struct hr_string *s = &rows->texts[j][i];
            z[i] +=
                m->w[m->hashed + (hr_murmur3_32(hr_string_ptr(s), s->len, m->seeds[j]) & m->mask)];
        }
    }
    if (m->logistic)
        for (uint32_t i = 0; i < rows->count; i++) z[i] = hr_ml_sigmoid(z[i]);
}

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    struct linear *m = self(model);
    hr_ml_io_f64s(io, "weights", m->w, m->d);
    hr_ml_io_f64(io, "intercept", &m->w[m->padded]);
    hr_ml_io_f64s(io, "hashedWeights", m->w + m->hashed, m->width - m->hashed);
    hr_ml_io_i64(io, "seen", &m->seen);
    if (m->standardize) hr_ml_io_f64s(io, "moments", (double *)m->moments, (size_t)m->d * 2);
    if (m->optimizer == ADAGRAD || m->optimizer == FTRL) {
        hr_ml_io_f64s(io, "squares", m->g2, m->d);
        hr_ml_io_f64s(io, "squaresOfOthers", m->g2 + m->padded, m->width - m->padded);
    }
    if (m->optimizer == FTRL) {
        hr_ml_io_f64s(io, "z", m->z, m->d);
        hr_ml_io_f64s(io, "zOfOthers", m->z + m->padded, m->width - m->padded);
    }
    if (m->optimizer == NEWTON)
        hr_ml_io_f64s(io, "covariance", m->p, (size_t)(m->d + 1) * (m->d + 1));
    if (hr_ml_io_reads(io)) make_scale(m);
}

#define KIND(kind, of, specs, text)                    \
    const struct hr_ml_vt hr_ml_##kind = {             \
        .name = #kind,                                 \
        .task = of,                                    \
        .doc = text,                                   \
        .options = specs,                              \
        .option_count = HR_COUNT(specs),               \
        .options_size = sizeof(struct linear_options), \
        .size = sizeof(struct linear),                 \
        .takes_texts = true,                           \
        .check = check,                                \
        .open = open_model,                            \
        .learn = learn,                                \
        .end = end,                                    \
        .score = score,                                \
        .fields = fields,                              \
    }

extern const struct hr_ml_vt hr_ml_linear_regression, hr_ml_logistic_regression;
KIND(linear_regression, HR_ML_REGRESSION, linear_specs, "a number, by a weighted sum of features");
KIND(logistic_regression, HR_ML_BINARY, logistic_specs,
     "the probability of true, by a weighted sum of features");
