/* SPDX-License-Identifier: Apache-2.0 */
/*
 * k-means as Spark's StreamingKMeans: rows go to the centre that is nearest at the start of the
 * epoch; at its end the weights of all centres fade, centres move to where their rows are, and one
 * that has died takes half of the largest. Without initialCenters the centres are found in the
 * first epoch by k-means++ and some rounds of Lloyd's (init 'rows'), or drawn as Spark's
 * setRandomCenters does ('random').
 */
#include "ml/features.h"
#include "ml/io.h"
#include "ml/java_random.h"
#include "ml/ml.h"

#define K_MAX     4096
#define DYING     1e-8
#define PERTURB   1e-14
#define FIRST_MAX 65536u /* rows that the first centres are found in */
#define ROUNDS    20

enum { ROWS, RANDOM };
enum { BATCHES, POINTS };

struct kmeans_options {
    int64_t k, seed;
    double decay, half_life, weight;
    int unit, init;
    const char *centers, *weights;
};

struct kmeans {
    struct hr_ml_model model;
    uint32_t k, d, ready; /* centres that there are */
    double decay;
    double *centers, *weights; /* k × d; k */
    double *sums, *counts;     /* of the epoch */
    double *first;             /* rows until there are centres; d each */
    uint32_t first_count, first_capacity;
};

static const struct hr_opt_spec specs[] = {
    {"k", HR_OPT_INT, offsetof(struct kmeans_options, k), "2", 1, K_MAX, NULL, "clusters"},
    {"decayFactor", HR_OPT_DOUBLE, offsetof(struct kmeans_options, decay), "1", 0, 0, NULL,
     "what the past counts after one time unit: 1 all of it, 0 nothing"},
    {"halfLife", HR_OPT_DOUBLE, offsetof(struct kmeans_options, half_life), "0", 0, 0, NULL,
     "in place of decayFactor: time units after which the past counts half"},
    {"timeUnit", HR_OPT_ENUM, offsetof(struct kmeans_options, unit), "batches", 0, 0,
     "batches|points", "what decays the past: an epoch with rows, or each row"},
    {"init", HR_OPT_ENUM, offsetof(struct kmeans_options, init), "rows", 0, 0, "rows|random",
     "where the centres begin: in the rows of the first epoch (k-means++), or drawn from N(0, 1) "
     "as "
     "Spark draws them"},
    {"seed", HR_OPT_INT, offsetof(struct kmeans_options, seed), "0", INT64_MIN, INT64_MAX, NULL,
     "of what is drawn"},
    {"initialWeight", HR_OPT_DOUBLE, offsetof(struct kmeans_options, weight), "0", 0, 0, NULL,
     "how many rows a centre counts for at first (init 'random')"},
    {"initialCenters", HR_OPT_STRING, offsetof(struct kmeans_options, centers), NULL, 0, 0, NULL,
     "'0, 0; 5, 5': k points, in place of init"},
    {"initialWeights", HR_OPT_STRING, offsetof(struct kmeans_options, weights), NULL, 0, 0, NULL,
     "'1, 1': of initialCenters; default: zeros"},
};

static hr_status refuse(struct hr_err *err, const char *name, const char *why)
{
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", name, "why", why);
}

static hr_status check(const void *options, struct hr_err *err)
{
    const struct kmeans_options *o = options;
    if (!(o->decay >= 0 && isfinite(o->decay)))
        return refuse(err, "decayFactor", "must not be below 0");
    if (!(o->half_life >= 0 && isfinite(o->half_life)))
        return refuse(err, "halfLife", "must be above 0");
    if (o->half_life > 0 && o->decay != 1)
        return refuse(err, "halfLife", "it is in place of decayFactor: give one of them");
    if (!(o->weight >= 0 && isfinite(o->weight)))
        return refuse(err, "initialWeight", "must not be below 0");
    if (o->weights && !o->centers)
        return refuse(err, "initialWeights", "they are those of initialCenters");
    if (o->centers && o->init == RANDOM)
        return refuse(err, "init", "initialCenters are in place of it");
    if (o->init != RANDOM && o->weight > 0)
        return refuse(err, "initialWeight", "it is for init 'random'");
    if (o->centers && o->seed != 0)
        return refuse(err, "seed", "with initialCenters nothing is drawn");
    return HR_OK;
}

static struct kmeans *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct kmeans, model);
}
static const struct kmeans *self_const(const struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, const struct kmeans, model);
}

static hr_status begin(struct kmeans *m, struct hr_err *err)
{
    const struct kmeans_options *o = m->model.opt;
    if (o->centers) {
        HR_TRY(hr_ml_parse_numbers(o->centers, "initialCenters", m->centers, (size_t)m->k * m->d,
                                   err));
        m->ready = m->k;
        if (!o->weights) return HR_OK;
        HR_TRY(hr_ml_parse_numbers(o->weights, "initialWeights", m->weights, m->k, err));
        for (uint32_t c = 0; c < m->k; c++)
            if (m->weights[c] < 0) return refuse(err, "initialWeights", "must not be below 0");
    } else if (o->init == RANDOM) {
        struct hr_java_random r = hr_xorshift_random(o->seed);
        for (size_t i = 0; i < (size_t)m->k * m->d; i++) m->centers[i] = hr_java_gaussian(&r);
        for (uint32_t c = 0; c < m->k; c++) m->weights[c] = o->weight;
        m->ready = m->k;
    }
    return HR_OK;
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct kmeans *m = self(model);
    const struct kmeans_options *o = model->opt;
    m->k = (uint32_t)o->k;
    m->d = model->input_count;
    m->decay = o->half_life > 0 ? exp(log(0.5) / o->half_life) : o->decay;
    m->centers = HR_NEW_ARRAY(&model->arena, double, (size_t)m->k * m->d);
    m->sums = HR_NEW_ARRAY(&model->arena, double, (size_t)m->k * m->d);
    m->weights = HR_NEW_ARRAY(&model->arena, double, m->k);
    m->counts = HR_NEW_ARRAY(&model->arena, double, m->k);
    if (!m->centers || !m->sums || !m->weights || !m->counts) return HR_OOM(err);
    return begin(m, err);
}

/* Squared distance from the nearest centre, the first of equal ones. */
static double nearest(const struct kmeans *m, const struct hr_ml_rows *rows, uint32_t i,
                      uint32_t *ret)
{
    double best = INFINITY;
    *ret = 0;
    for (uint32_t c = 0; c < m->ready; c++) {
        const double *center = m->centers + (size_t)c * m->d;
        double sum = 0;
        for (uint32_t j = 0; j < m->d; j++) {
            double by = center[j] - rows->x[j][i];
            sum += by * by;
        }
        if (sum < best) {
            best = sum;
            *ret = c;
        }
    }
    return best;
}

/* ---- the first centres ---- */

static struct hr_ml_rows first_row(const struct kmeans *m, uint32_t i, const double **x)
{
    for (uint32_t j = 0; j < m->d; j++) x[j] = m->first + (size_t)i * m->d + j;
    return (struct hr_ml_rows){.count = 1, .x = x};
}

static void add_center(struct kmeans *m, uint32_t row)
{
    memcpy(m->centers + (size_t)m->ready * m->d, m->first + (size_t)row * m->d,
           sizeof *m->first * m->d);
    m->ready++;
}

/* k-means++: each next centre is a row, the likelier the farther it is from those there are. */
static void draw_centers(struct kmeans *m, double *away, const double **x)
{
    const struct kmeans_options *o = m->model.opt;
    struct hr_java_random r = hr_xorshift_random(o->seed);
    add_center(m, (uint32_t)(hr_java_double(&r) * m->first_count));
    while (m->ready < m->k) {
        double total = 0;
        uint32_t c, chosen = 0;
        for (uint32_t i = 0; i < m->first_count; i++) {
            struct hr_ml_rows row = first_row(m, i, x);
            total += away[i] = nearest(m, &row, 0, &c);
        }
        if (total == 0) return; /* fewer different rows than clusters */
        double at = hr_java_double(&r) * total;
        for (uint32_t i = 0; i < m->first_count && at >= 0; i++) {
            if (away[i] > 0) chosen = i;
            at -= away[i];
        }
        add_center(m, chosen);
    }
}

/* One round of Lloyd's; did a centre move? */
static bool improve(struct kmeans *m, const double **x)
{
    bool moved = false;
    memset(m->sums, 0, sizeof *m->sums * m->k * m->d);
    memset(m->counts, 0, sizeof *m->counts * m->k);
    for (uint32_t i = 0; i < m->first_count; i++) {
        struct hr_ml_rows row = first_row(m, i, x);
        uint32_t c;
        nearest(m, &row, 0, &c);
        m->counts[c]++;
        for (uint32_t j = 0; j < m->d; j++) m->sums[(size_t)c * m->d + j] += *x[j];
    }
    for (uint32_t c = 0; c < m->ready; c++) {
        for (uint32_t j = 0; j < m->d && m->counts[c] > 0; j++) {
            double v = m->sums[(size_t)c * m->d + j] / m->counts[c];
            moved |= v != m->centers[(size_t)c * m->d + j];
            m->centers[(size_t)c * m->d + j] = v;
        }
    }
    return moved;
}

static hr_status keep_first(struct kmeans *m, const struct hr_ml_rows *rows, struct hr_err *err)
{
    uint32_t count = HR_MIN(rows->count, FIRST_MAX - m->first_count);
    if (m->first_count + count > m->first_capacity) {
        uint32_t capacity = HR_MAX(HR_ML_BLOCK, m->first_capacity * 2);
        double *grown = hr_realloc(m->first, sizeof *grown * capacity * m->d);
        if (!grown) return HR_OOM(err);
        m->first = grown;
        m->first_capacity = capacity;
    }
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t j = 0; j < m->d; j++)
            m->first[(size_t)(m->first_count + i) * m->d + j] = rows->x[j][i];
    m->first_count += count;
    return HR_OK;
}

static void close_model(struct hr_ml_model *model)
{
    hr_free(self(model)->first);
}

/* Finds the centres; then they stand where their rows are, which count once. */
static hr_status find_first(struct kmeans *m, struct hr_err *err)
{
    double *away = hr_alloc(sizeof *away * m->first_count);
    const double **x = hr_alloc(sizeof *x * m->d);
    if (away && x) {
        draw_centers(m, away, x);
        for (uint32_t round = 0; round < ROUNDS && improve(m, x); round++) continue;
        improve(m, x); /* the last counts */
    }
    bool failed = !away || !x;
    hr_free(away);
    hr_free(x);
    hr_free(m->first);
    m->first = NULL;
    m->first_count = m->first_capacity = 0;
    return failed ? HR_OOM(err) : HR_OK;
}

/* ---- learning ---- */

static hr_status learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err)
{
    struct kmeans *m = self(model);
    HR_UNUSED(ret_before);
    if (m->ready == 0) return keep_first(m, rows, err);
    for (uint32_t i = 0; i < rows->count; i++) {
        uint32_t c = 0;
        nearest(m, rows, i, &c);
        m->counts[c]++;
        for (uint32_t j = 0; j < m->d; j++) m->sums[(size_t)c * m->d + j] += rows->x[j][i];
    }
    return HR_OK;
}

static void move_center(struct kmeans *m, uint32_t c)
{
    double *center = m->centers + (size_t)c * m->d, *sum = m->sums + (size_t)c * m->d;
    double count = m->counts[c], weight = m->weights[c] + count;
    double by = count / HR_MAX(weight, 1e-16);
    m->weights[c] = weight;
    for (uint32_t j = 0; j < m->d; j++) center[j] = center[j] * (1 - by) + by / count * sum[j];
}

/* A cluster that has died takes half of the largest, a trifle beside it. */
static void split_dying(struct kmeans *m)
{
    uint32_t large = 0, small = 0;
    for (uint32_t c = 1; c < m->ready; c++) {
        if (m->weights[c] > m->weights[large]) large = c;
        if (m->weights[c] < m->weights[small]) small = c;
    }
    if (!(m->weights[small] < DYING * m->weights[large])) return;
    m->weights[large] = m->weights[small] = (m->weights[large] + m->weights[small]) / 2;
    double *a = m->centers + (size_t)large * m->d, *b = m->centers + (size_t)small * m->d;
    for (uint32_t j = 0; j < m->d; j++) {
        double x = a[j], p = PERTURB * HR_MAX(fabs(x), 1.0);
        a[j] = x + p;
        b[j] = x - p;
    }
}

static hr_status end(struct hr_ml_model *model, struct hr_err *err)
{
    struct kmeans *m = self(model);
    const struct kmeans_options *o = model->opt;
    double rows = 0;
    if (m->ready == 0) HR_TRY(find_first(m, err));
    for (uint32_t c = 0; c < m->k; c++) rows += m->counts[c];
    double fade = o->unit == POINTS ? pow(m->decay, rows) : m->decay;
    for (uint32_t c = 0; c < m->k; c++) {
        m->weights[c] *= fade;
        if (m->counts[c] > 0) move_center(m, c);
    }
    if (m->ready > 1) split_dying(m);
    memset(m->sums, 0, sizeof *m->sums * m->k * m->d);
    memset(m->counts, 0, sizeof *m->counts * m->k);
    return HR_OK;
}

static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct kmeans *m = self_const(model);
    for (uint32_t i = 0; i < rows->count; i++)
        ret->value[i] = sqrt(nearest(m, rows, i, &ret->index[i]));
}

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    struct kmeans *m = self(model);
    hr_ml_io_count(io, "centerCount", &m->ready, m->k);
    hr_ml_io_f64s(io, "centers", m->centers, (size_t)m->ready * m->d);
    hr_ml_io_f64s(io, "weights", m->weights, m->ready);
}

extern const struct hr_ml_vt hr_ml_kmeans;
const struct hr_ml_vt hr_ml_kmeans = {
    .name = "kmeans",
    .task = HR_ML_CLUSTERS,
    .doc = "Spark's StreamingKMeans: the nearest of k centres that follow the data",
    .options = specs,
    .option_count = HR_COUNT(specs),
    .options_size = sizeof(struct kmeans_options),
    .size = sizeof(struct kmeans),
    .check = check,
    .open = open_model,
    .close = close_model,
    .learn = learn,
    .end = end,
    .score = score,
    .fields = fields,
};
