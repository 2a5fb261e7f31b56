/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Detectors of drift: they watch one number (an error of 0 and 1, a loss, a score), row by row, and
 * say when it is no longer what it was. Kinds:
 *
 *   adwin         a window that is cut where its older and newer parts differ (Bifet, Gavaldà 2007)
 *   page_hinkley  the sum of what exceeds the mean so far, against its least value
 *   ddm           the error rate against its best so far (Gama and others 2004)
 *
 * predict gives 1 where the last epoch saw a drift, 0.5 where it saw a warning, else 0; the feature
 * given to it does not matter. DESCRIBE MODEL says how many there were and when the last was.
 */
#include "ml/features.h"
#include "ml/io.h"
#include "ml/ml.h"

#define ADWIN_BUCKETS 5  /* of one size, before two become one of the next */
#define ADWIN_LEVELS  40 /* sizes 1, 2, 4 … */

enum level { QUIET, WARNING, DRIFT };

struct drift_options {
    double delta, threshold, alpha, warn, drift;
    int64_t min_rows, clock;
};

struct drift {
    struct hr_ml_model model;
    int64_t seen;                       /* rows */
    int64_t drifts, warnings;           /* found */
    int64_t last_drift;                 /* the row; 0: none */
    int64_t level;                      /* the highest of this epoch … */
    int64_t said;                       /* … and of the last one */
    int64_t n;                          /* rows since the last drift */
    double mean, sum, least, most_down; /* page_hinkley, ddm: mean, and what they add up */
    double best_p, best_s;              /* ddm */
    /* adwin: buckets of 2^level rows, oldest last */
    double *sums, *squares; /* by level and bucket; squares: about the bucket's mean */
    uint32_t *counts;       /* buckets of a level */
    double total, spread;   /* of the whole window */
    int64_t width;
};

static struct drift *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct drift, model);
}

static void tell(struct drift *m, enum level level)
{
    if (level == QUIET) return;
    if (m->level < (int64_t)level) m->level = level;
    if (level == WARNING) {
        m->warnings++;
        return;
    }
    m->drifts++;
    m->last_drift = m->seen;
}

static hr_status refuse(struct hr_err *err, const char *name, const char *why)
{
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", name, "why", why);
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct drift *m = self(model);
    if (model->input_count != 1)
        return HR_RAISE(err, HR_E_ML_INPUT, "model", model->vt->name, "why",
                        "it watches one number: the query gives one column");
    m->sums = HR_NEW_ARRAY(&model->arena, double, ADWIN_LEVELS *(ADWIN_BUCKETS + 1));
    m->squares = HR_NEW_ARRAY(&model->arena, double, ADWIN_LEVELS *(ADWIN_BUCKETS + 1));
    m->counts = HR_NEW_ARRAY(&model->arena, uint32_t, ADWIN_LEVELS);
    m->best_p = m->best_s = 1e300;
    return m->sums && m->squares && m->counts ? HR_OK : HR_OOM(err);
}

/* ---- ADWIN ---- */

static size_t bucket_at(uint32_t level, uint32_t bucket)
{
    return (size_t)level * (ADWIN_BUCKETS + 1) + bucket;
}

/* Two oldest buckets of a full level become one of the next, which is its newest. */
static void merge_up(struct drift *m, uint32_t level)
{
    if (m->counts[level] <= ADWIN_BUCKETS || level + 1 == ADWIN_LEVELS) return;
    double size = ldexp(1, (int)level);
    size_t last = bucket_at(level, m->counts[level] - 1), before = last - 1;
    double a = m->sums[last] / size, b = m->sums[before] / size;
    double sum = m->sums[last] + m->sums[before];
    double squares = m->squares[last] + m->squares[before] + (a - b) * (a - b) * size / 2;
    m->counts[level] -= 2;
    size_t first = bucket_at(level + 1, 0);
    memmove(&m->sums[first + 1], &m->sums[first], sizeof *m->sums * m->counts[level + 1]);
    memmove(&m->squares[first + 1], &m->squares[first], sizeof *m->sums * m->counts[level + 1]);
    m->sums[first] = sum;
    m->squares[first] = squares;
    m->counts[level + 1]++;
    merge_up(m, level + 1);
}

static void add_to_window(struct drift *m, double x)
{
    if (m->width > 0) {
        double n = (double)m->width, by = x - m->total / n;
        m->spread += n * by * by / (n + 1);
    }
    m->total += x;
    m->width++;
    memmove(&m->sums[1], &m->sums[0], sizeof *m->sums * m->counts[0]);
    memmove(&m->squares[1], &m->squares[0], sizeof *m->sums * m->counts[0]);
    m->sums[0] = x;
    m->squares[0] = 0;
    m->counts[0]++;
    merge_up(m, 0);
}

static void drop_oldest(struct drift *m)
{
    uint32_t level = ADWIN_LEVELS - 1;
    while (m->counts[level] == 0) level--;
    size_t at = bucket_at(level, m->counts[level] - 1);
    double size = ldexp(1, (int)level), rest = (double)m->width - size;
    m->total -= m->sums[at];
    double by = rest > 0 ? m->sums[at] / size - m->total / rest : 0;
    m->spread -= m->squares[at] + (rest > 0 ? size * rest * by * by / (size + rest) : 0);
    m->width -= (int64_t)size;
    m->counts[level]--;
}

/* Is there a cut whose sides differ? From the oldest bucket on. */
static bool differs(const struct drift *m)
{
    const struct drift_options *o = m->model.opt;
    double n0 = 0, s0 = 0, n = (double)m->width;
    double variance = m->spread / n, delta = log(2 * log(n) / o->delta);
    for (uint32_t level = ADWIN_LEVELS; level-- > 0;) {
        for (uint32_t b = m->counts[level]; b-- > 0;) {
            n0 += ldexp(1, (int)level);
            s0 += m->sums[bucket_at(level, b)];
            double n1 = n - n0;
            if (n0 < 5 || n1 < 5) continue;
            double harmonic = 1 / (n0 - 4) + 1 / (n1 - 4);
            double bound = sqrt(2 * harmonic * variance * delta) + 2 * harmonic * delta / 3;
            if (fabs(s0 / n0 - (m->total - s0) / n1) > bound) return true;
        }
    }
    return false;
}

static void watch_adwin(struct drift *m, double x)
{
    const struct drift_options *o = m->model.opt;
    bool found = false;
    add_to_window(m, x);
    if (m->seen % o->clock != 0) return;
    while (m->width >= o->min_rows && differs(m)) {
        drop_oldest(m);
        found = true;
    }
    tell(m, found ? DRIFT : QUIET);
}

/* ---- Page-Hinkley, DDM ---- */

static void start_anew(struct drift *m)
{
    m->n = 0;
    m->mean = m->sum = m->least = m->most_down = 0;
    m->best_p = m->best_s = 1e300;
}

static void watch_page_hinkley(struct drift *m, double x)
{
    const struct drift_options *o = m->model.opt;
    m->n++;
    m->mean += (x - m->mean) / (double)m->n;
    m->sum = o->alpha * m->sum + (x - m->mean - o->delta);
    m->least = HR_MIN(m->least, m->sum);
    if (m->n < o->min_rows || m->sum - m->least <= o->threshold) return;
    tell(m, DRIFT);
    start_anew(m);
}

static void watch_ddm(struct drift *m, double x)
{
    const struct drift_options *o = m->model.opt;
    m->n++;
    m->mean += (x - m->mean) / (double)m->n;
    double p = m->mean, s = sqrt(p * (1 - p) / (double)m->n);
    if (m->n <= o->min_rows) return;
    if (p + s <= m->best_p + m->best_s) {
        m->best_p = p;
        m->best_s = s;
    }
    if (p + s > m->best_p + o->drift * m->best_s) {
        tell(m, DRIFT);
        start_anew(m);
    } else if (p + s > m->best_p + o->warn * m->best_s) {
        tell(m, WARNING);
    }
}

/* ---- what they share ---- */

static hr_status learn_with(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                            void (*watch)(struct drift *, double), bool errors, struct hr_err *err)
{
    struct drift *m = self(model);
    for (uint32_t i = 0; i < rows->count; i++) {
        double x = rows->x[0][i];
        if (errors && x != 0 && x != 1)
            return HR_RAISE(err, HR_E_ML_INPUT, "model", model->vt->name, "why",
                            "it watches errors: the column must be 0 or 1, or BOOLEAN");
        m->seen++;
        watch(m, x);
    }
    return HR_OK;
}

#define LEARNER(name, errors)                                                               \
    static hr_status learn_##name(struct hr_ml_model *model, const struct hr_ml_rows *rows, \
                                  struct hr_ml_scores *ret_before, struct hr_err *err)      \
    {                                                                                       \
        HR_UNUSED(ret_before);                                                              \
        return learn_with(model, rows, watch_##name, errors, err);                          \
    }
LEARNER(adwin, false)
LEARNER(page_hinkley, false)
LEARNER(ddm, true)

static hr_status end(struct hr_ml_model *model, struct hr_err *err)
{
    HR_UNUSED(err);
    self(model)->said = self(model)->level;
    self(model)->level = QUIET;
    return HR_OK;
}

static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct drift *m = HR_CONTAINER_OF(model, const struct drift, model);
    for (uint32_t i = 0; i < rows->count; i++) ret->value[i] = (double)m->said / DRIFT;
}

static void describe(const struct hr_ml_model *model, struct hr_buf *out)
{
    const struct drift *m = HR_CONTAINER_OF(model, const struct drift, model);
    hr_buf_printf(out, "%lld drifts, %lld warnings in %lld rows", (long long)m->drifts,
                  (long long)m->warnings, (long long)m->seen);
    if (m->last_drift) hr_buf_printf(out, "; the last drift at row %lld", (long long)m->last_drift);
}

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    struct drift *m = self(model);
    int64_t *const numbers[] = {&m->seen,       &m->drifts, &m->warnings,
                                &m->last_drift, &m->said,   &m->n};
    static const char *const names[] = {"seen", "drifts", "warnings", "lastDrift", "level", "rows"};
    for (size_t i = 0; i < HR_COUNT(names); i++) hr_ml_io_i64(io, names[i], numbers[i]);
    double *const values[] = {&m->mean,   &m->sum,   &m->least, &m->best_p,
                              &m->best_s, &m->total, &m->spread};
    static const char *const value_names[] = {"mean",          "sum",   "least", "bestRate",
                                              "bestDeviation", "total", "spread"};
    for (size_t i = 0; i < HR_COUNT(value_names); i++) hr_ml_io_f64(io, value_names[i], values[i]);
    hr_ml_io_i64(io, "width", &m->width);
    hr_ml_io_u32s(io, "bucketCounts", m->counts, ADWIN_LEVELS);
    for (uint32_t l = 0; l < ADWIN_LEVELS && hr_ml_io_reads(io) && !io->why; l++)
        if (m->counts[l] > ADWIN_BUCKETS) hr_ml_io_fail(io, "bucketCounts", "is out of its range");
    hr_ml_io_f64s(io, "bucketSums", m->sums, ADWIN_LEVELS * (ADWIN_BUCKETS + 1));
    hr_ml_io_f64s(io, "bucketSquares", m->squares, ADWIN_LEVELS * (ADWIN_BUCKETS + 1));
}

#define OPTION(name, type, member, def, min, max, doc)                               \
    {                                                                                \
        name, type, offsetof(struct drift_options, member), def, min, max, NULL, doc \
    }

static const struct hr_opt_spec adwin_specs[] = {
    OPTION("delta", HR_OPT_DOUBLE, delta, "0.002", 0, 0, "how likely a false alarm may be"),
    OPTION("clock", HR_OPT_INT, clock, "32", 1, 1000000, "rows between two looks"),
    OPTION("minRows", HR_OPT_INT, min_rows, "10", 2, INT32_MAX, "rows before the first look"),
};
static const struct hr_opt_spec page_hinkley_specs[] = {
    OPTION("delta", HR_OPT_DOUBLE, delta, "0.005", 0, 0, "an excess over the mean that is fine"),
    OPTION("threshold", HR_OPT_DOUBLE, threshold, "50", 0, 0, "of the sum; about 10 for errors"),
    OPTION("alpha", HR_OPT_DOUBLE, alpha, "0.9999", 0, 0, "what the sum keeps after each row"),
    OPTION("minRows", HR_OPT_INT, min_rows, "30", 1, INT32_MAX, "rows before the first alarm"),
};
static const struct hr_opt_spec ddm_specs[] = {
    OPTION("warningLevel", HR_OPT_DOUBLE, warn, "2", 0, 0, "deviations above the best rate"),
    OPTION("driftLevel", HR_OPT_DOUBLE, drift, "3", 0, 0, "deviations above the best rate"),
    OPTION("minRows", HR_OPT_INT, min_rows, "30", 1, INT32_MAX, "rows before the first alarm"),
};

static hr_status check_adwin(const void *options, struct hr_err *err)
{
    const struct drift_options *o = options;
    return o->delta > 0 && o->delta < 1 ? HR_OK : refuse(err, "delta", "must be between 0 and 1");
}

static hr_status check_page_hinkley(const void *options, struct hr_err *err)
{
    const struct drift_options *o = options;
    if (!(o->delta >= 0 && isfinite(o->delta))) return refuse(err, "delta", "must not be below 0");
    if (!(o->threshold > 0 && isfinite(o->threshold)))
        return refuse(err, "threshold", "must be above 0");
    if (!(o->alpha > 0 && o->alpha <= 1))
        return refuse(err, "alpha", "must be above 0 and at most 1");
    return HR_OK;
}

static hr_status check_ddm(const void *options, struct hr_err *err)
{
    const struct drift_options *o = options;
    return o->warn > 0 && o->drift >= o->warn && isfinite(o->drift)
               ? HR_OK
               : refuse(err, "driftLevel", "must not be below warningLevel, which is above 0");
}

#define KIND(kind, text)                              \
    extern const struct hr_ml_vt hr_ml_##kind;        \
    const struct hr_ml_vt hr_ml_##kind = {            \
        .name = #kind,                                \
        .task = HR_ML_ANOMALY,                        \
        .doc = text,                                  \
        .options = kind##_specs,                      \
        .option_count = HR_COUNT(kind##_specs),       \
        .options_size = sizeof(struct drift_options), \
        .size = sizeof(struct drift),                 \
        .check = check_##kind,                        \
        .open = open_model,                           \
        .learn = learn_##kind,                        \
        .end = end,                                   \
        .score = score,                               \
        .fields = fields,                             \
        .describe = describe,                         \
    }

KIND(adwin, "drift of a number: two parts of its window differ");
KIND(page_hinkley, "drift of a number upwards: what exceeds its mean adds up");
KIND(ddm, "drift of an error rate: it is above the best so far");
