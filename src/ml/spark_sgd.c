/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spark's StreamingLinearRegressionWithSGD and StreamingLogisticRegressionWithSGD: gradient descent
 * over the whole epoch, from the last weights on. As there: no intercept (give it a column of
 * ones), no scaling, and the steps begin anew with every epoch. The rows of an epoch are kept until
 * its end.
 */
#include "ml/features.h"
#include "ml/io.h"
#include "ml/java_random.h"
#include "ml/ml.h"

#define GAP_FRACTION 0.4 /* smaller samples skip rows instead of drawing for each */
#define GAP_EPSILON  5e-11

struct sgd_options {
    double step, fraction, tolerance, reg;
    int64_t iterations;
    const char *weights, *threshold;
};

struct sgd {
    struct hr_ml_model model;
    uint32_t d, padded;
    double *w, *gradient, *previous;
    double *rows; /* of the epoch: padded features and the label */
    size_t row_count, row_capacity;
    bool logistic, has_threshold;
    double threshold;
};

#define COMMON_OPTIONS                                                                            \
    {"stepSize",                                                                                  \
     HR_OPT_DOUBLE,                                                                               \
     offsetof(struct sgd_options, step),                                                          \
     "0.1",                                                                                       \
     0,                                                                                           \
     0,                                                                                           \
     NULL,                                                                                        \
     "of the first step; the i-th is by the root of i smaller"},                                  \
        {"numIterations",                                                                         \
         HR_OPT_INT,                                                                              \
         offsetof(struct sgd_options, iterations),                                                \
         "50",                                                                                    \
         1,                                                                                       \
         1000000,                                                                                 \
         NULL,                                                                                    \
         "steps an epoch"},                                                                       \
        {"miniBatchFraction",                                                                     \
         HR_OPT_DOUBLE,                                                                           \
         offsetof(struct sgd_options, fraction),                                                  \
         "1",                                                                                     \
         0,                                                                                       \
         0,                                                                                       \
         NULL,                                                                                    \
         "of the rows that each step sees"},                                                      \
        {"convergenceTol",                                                                        \
         HR_OPT_DOUBLE,                                                                           \
         offsetof(struct sgd_options, tolerance),                                                 \
         "0.001",                                                                                 \
         0,                                                                                       \
         0,                                                                                       \
         NULL,                                                                                    \
         "an epoch's steps end when the weights move less than that; 0: never"},                  \
    {                                                                                             \
        "initialWeights", HR_OPT_STRING, offsetof(struct sgd_options, weights), NULL, 0, 0, NULL, \
            "'0.1, 0.2': one for each feature; default: zeros"                                    \
    }

static const struct hr_opt_spec linear_specs[] = {COMMON_OPTIONS};
static const struct hr_opt_spec logistic_specs[] = {
    COMMON_OPTIONS,
    {"regParam", HR_OPT_DOUBLE, offsetof(struct sgd_options, reg), "0", 0, 0, NULL, "L2"},
    {"threshold", HR_OPT_STRING, offsetof(struct sgd_options, threshold), "0.5", 0, 0, NULL,
     "predict gives 1 above it, else 0; 'none': it gives the probability"},
};

static hr_status refuse(struct hr_err *err, const char *name, const char *why)
{
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", name, "why", why);
}

static hr_status check(const void *options, struct hr_err *err)
{
    const struct sgd_options *o = options;
    double threshold;
    if (!(o->step > 0 && isfinite(o->step))) return refuse(err, "stepSize", "must be above 0");
    if (!(o->fraction > 0 && o->fraction <= 1))
        return refuse(err, "miniBatchFraction", "must be above 0 and at most 1");
    if (!(o->tolerance >= 0 && o->tolerance <= 1))
        return refuse(err, "convergenceTol", "must be between 0 and 1");
    if (!(o->reg >= 0 && isfinite(o->reg))) return refuse(err, "regParam", "must not be below 0");
    if (o->threshold && strcmp(o->threshold, "none") != 0 &&
        !(hr_parse_f64(hr_sv(o->threshold), &threshold) && threshold >= 0 && threshold <= 1))
        return refuse(err, "threshold", "must be between 0 and 1, or 'none'");
    return HR_OK;
}

static struct sgd *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct sgd, model);
}
static const struct sgd *self_const(const struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, const struct sgd, model);
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct sgd *m = self(model);
    const struct sgd_options *o = model->opt;
    m->d = model->input_count;
    m->padded = hr_ml_padded(m->d);
    m->logistic = model->vt->task == HR_ML_BINARY;
    m->has_threshold = m->logistic && strcmp(o->threshold, "none") != 0;
    if (m->has_threshold && !hr_parse_f64(hr_sv(o->threshold), &m->threshold))
        return HR_BUG(err, "threshold");
    m->w = HR_NEW_ARRAY(&model->arena, double, m->padded);
    m->gradient = HR_NEW_ARRAY(&model->arena, double, m->padded);
    m->previous = HR_NEW_ARRAY(&model->arena, double, m->padded);
    if (!m->w || !m->gradient || !m->previous) return HR_OOM(err);
    if (!o->weights) return HR_OK;
    return hr_ml_parse_numbers(o->weights, "initialWeights", m->w, m->d, err);
}

static void close_model(struct hr_ml_model *model)
{
    hr_free(self(model)->rows);
}

static hr_status make_room(struct sgd *m, size_t more, struct hr_err *err)
{
    size_t wanted = m->row_count + more;
    if (wanted <= m->row_capacity) return HR_OK;
    size_t capacity = HR_MAX(wanted, m->row_capacity * 2);
    double *grown = hr_realloc(m->rows, capacity * (m->padded + 1) * sizeof *grown);
    if (!grown) return HR_OOM(err);
    m->rows = grown;
    m->row_capacity = capacity;
    return HR_OK;
}

static void probabilities(const struct sgd *m, const struct hr_ml_rows *rows, double *z)
{
    for (uint32_t i = 0; i < rows->count; i++) z[i] = 0;
    for (uint32_t j = 0; j < m->d; j++)
        for (uint32_t i = 0; i < rows->count; i++) z[i] += m->w[j] * rows->x[j][i];
    if (m->logistic)
        for (uint32_t i = 0; i < rows->count; i++) z[i] = hr_ml_sigmoid(z[i]);
}

static hr_status learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err)
{
    struct sgd *m = self(model);
    HR_TRY(make_room(m, rows->count, err));
    for (uint32_t i = 0; i < rows->count; i++) {
        double *row = m->rows + (m->row_count + i) * (m->padded + 1);
        for (uint32_t j = 0; j < m->padded; j++) row[j] = j < m->d ? rows->x[j][i] : 0;
        row[m->padded] = rows->y[i];
    }
    m->row_count += rows->count;
    probabilities(m, rows, ret_before->value);
    return HR_OK;
}

/* ---- the steps of an epoch ---- */

static void add_row(struct sgd *m, const double *row)
{
    double z = hr_ml_dot(m->w, row, m->padded);
    double by = (m->logistic ? 1 / (1 + exp(-z)) : z) - row[m->padded];
    for (uint32_t j = 0; j < m->padded; j++) m->gradient[j] += by * row[j];
}

/* Rows to skip before the next of the sample. */
static int64_t draw_gap(struct hr_java_random *r, double log_rest)
{
    double u = hr_java_double(r);
    return (int64_t)(log(u > GAP_EPSILON ? u : GAP_EPSILON) / log_rest);
}

/* Sums the gradient over a sample of the rows (Spark's of one partition); how many they are. */
static size_t sum_sample(struct sgd *m, int64_t step)
{
    const struct sgd_options *o = m->model.opt;
    struct hr_java_random seeds = hr_java_random(42 + step);
    struct hr_java_random r = hr_xorshift_random(hr_java_long(&seeds));
    double log_rest = log1p(-o->fraction);
    bool gaps = o->fraction <= GAP_FRACTION;
    size_t taken = 0;
    int64_t skip = gaps ? draw_gap(&r, log_rest) : 0;
    for (size_t i = 0; i < m->row_count; i++) {
        if (gaps ? skip-- > 0 : hr_java_double(&r) > o->fraction) continue;
        add_row(m, m->rows + i * (m->padded + 1));
        taken++;
        if (gaps) skip = draw_gap(&r, log_rest);
    }
    return taken;
}

static size_t sum_all(struct sgd *m)
{
    for (size_t i = 0; i < m->row_count; i++) add_row(m, m->rows + i * (m->padded + 1));
    return m->row_count;
}

static bool converged(const struct sgd *m)
{
    const struct sgd_options *o = m->model.opt;
    double moved = 0, norm = 0;
    for (uint32_t j = 0; j < m->d; j++) {
        moved += (m->w[j] - m->previous[j]) * (m->w[j] - m->previous[j]);
        norm += m->w[j] * m->w[j];
    }
    return sqrt(moved) < o->tolerance * HR_MAX(sqrt(norm), 1.0);
}

static hr_status end(struct hr_ml_model *model, struct hr_err *err)
{
    struct sgd *m = self(model);
    const struct sgd_options *o = model->opt;
    int64_t steps = 0;
    HR_UNUSED(err);
    for (int64_t i = 1; i <= o->iterations; i++) {
        memset(m->gradient, 0, sizeof *m->gradient * m->padded);
        size_t count = o->fraction < 1 ? sum_sample(m, i) : sum_all(m);
        if (count == 0) continue;
        double step = o->step / sqrt((double)i), shrink = 1 - step * (m->logistic ? o->reg : 0);
        for (uint32_t j = 0; j < m->d; j++) {
            m->previous[j] = m->w[j];
            m->w[j] = m->w[j] * shrink - step * (m->gradient[j] / (double)count);
        }
        if (steps++ > 0 && converged(m)) break;
    }
    hr_free(m->rows);
    m->rows = NULL;
    m->row_count = m->row_capacity = 0;
    return HR_OK;
}

static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct sgd *m = self_const(model);
    probabilities(m, rows, ret->value);
    if (!m->has_threshold) return;
    for (uint32_t i = 0; i < rows->count; i++) ret->value[i] = ret->value[i] > m->threshold;
}

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    hr_ml_io_f64s(io, "weights", self(model)->w, self(model)->d);
}

#define KIND(kind, of, specs, text)                 \
    const struct hr_ml_vt hr_ml_##kind = {          \
        .name = #kind,                              \
        .task = of,                                 \
        .doc = text,                                \
        .options = specs,                           \
        .option_count = HR_COUNT(specs),            \
        .options_size = sizeof(struct sgd_options), \
        .size = sizeof(struct sgd),                 \
        .check = check,                             \
        .open = open_model,                         \
        .close = close_model,                       \
        .learn = learn,                             \
        .end = end,                                 \
        .score = score,                             \
        .fields = fields,                           \
    }

extern const struct hr_ml_vt hr_ml_streaming_linear_regression_with_sgd,
    hr_ml_streaming_logistic_regression_with_sgd;
KIND(streaming_linear_regression_with_sgd, HR_ML_REGRESSION, linear_specs,
     "Spark's StreamingLinearRegressionWithSGD");
KIND(streaming_logistic_regression_with_sgd, HR_ML_BINARY, logistic_specs,
     "Spark's StreamingLogisticRegressionWithSGD");
