/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Holt-Winters: level, trend and season of a series, or of one for each key. Features are [the
 * key,] and the step, a whole number that says when (the hour, say); the label is the value. The
 * first two seasons give the start; a step without a value is filled by its forecast, a row for a
 * step that has passed is left out and counted.
 *
 *   level'  = α (y − s) + (1 − α)(level + trend)        multiplicative: y / s
 *   trend'  = β (level' − level) + (1 − β) trend
 *   s'      = γ (y − level') + (1 − γ) s                 multiplicative: y / level'
 */
#include "base/hash.h"
#include "ml/features.h"
#include "ml/io.h"
#include "ml/keyed.h"
#include "ml/ml.h"

#define PERIOD_MAX  10000
#define GAP_MAX     1000000 /* steps that are filled at once: more, and the series begins anew */

enum { ADDITIVE, MULTIPLICATIVE, NONE };

struct hw_options {
    int64_t period;
    double alpha, beta, gamma;
    int seasonal;
};

struct series {
    char *key;
    int64_t step, seen; /* the last step; rows, filled ones too */
    double level, trend;
    double *season; /* by step modulo period; before the start: the first values, two seasons */
};

struct hw {
    struct hr_ml_model model;
    uint32_t period, room;    /* numbers of a series' season */
    uint32_t key_at, step_at; /* inputs; key_at UINT32_MAX: one series */
    struct hr_ml_keyed series;
    int64_t late;
};

#define OPTION(name, type, member, def, min, max, choices, doc)                      \
    {                                                                                \
        name, type, offsetof(struct hw_options, member), def, min, max, choices, doc \
    }

static const struct hr_opt_spec specs[] = {
    OPTION("period", HR_OPT_INT, period, "24", 1, PERIOD_MAX, NULL, "steps of a season"),
    OPTION("seasonal", HR_OPT_ENUM, seasonal, "additive", 0, 0, "additive|multiplicative|none",
           "how the season meets the level"),
    OPTION("alpha", HR_OPT_DOUBLE, alpha, "0.3", 0, 0, NULL, "how fast the level follows"),
    OPTION("beta", HR_OPT_DOUBLE, beta, "0.1", 0, 0, NULL, "how fast the trend follows"),
    OPTION("gamma", HR_OPT_DOUBLE, gamma, "0.1", 0, 0, NULL, "how fast the season follows"),
};

static hr_status check(const void *options, struct hr_err *err)
{
    const struct hw_options *o = options;
    const struct {
        const char *name;
        double value;
    } rates[] = {{"alpha", o->alpha}, {"beta", o->beta}, {"gamma", o->gamma}};
    for (size_t i = 0; i < HR_COUNT(rates); i++)
        if (!(rates[i].value >= 0 && rates[i].value <= 1))
            return HR_RAISE(err, HR_E_INVALID_OPTION, "name", rates[i].name, "why",
                            "must be between 0 and 1");
    if (o->seasonal == NONE && (o->gamma != 0.1 || o->period != 24))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", o->gamma != 0.1 ? "gamma" : "period",
                        "why", "seasonal 'none' has no season");
    return HR_OK;
}

static struct hw *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct hw, model);
}
static const struct hw *self_const(const struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, const struct hw, model);
}

static int seasonal(const struct hw *m)
{
    return ((const struct hw_options *)m->model.opt)->seasonal;
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct hw *m = self(model);
    const struct hw_options *o = model->opt;
    bool fits = model->input_count <= 2 && model->number_count == 1;
    if (!fits)
        return HR_RAISE(err, HR_E_ML_INPUT, "model", "holt_winters", "why",
                        "its features are [a key, which is a STRING, and] the step, a number");
    hr_ml_keyed_init(&m->series, sizeof(struct series));
    m->key_at = UINT32_MAX;
    for (uint32_t i = 0; i < model->input_count; i++) {
        if (model->inputs[i].is_text)
            m->key_at = i;
        else
            m->step_at = i;
    }
    m->period = o->seasonal == NONE ? 1 : (uint32_t)o->period;
    m->room = 2 * m->period;
    return HR_OK;
}

static void close_model(struct hr_ml_model *model)
{
    hr_ml_keyed_done(&self(model)->series);
}

/* ---- series by key ---- */

static hr_status take_series(struct hw *m, struct hr_str_view key, struct series **ret,
                             struct hr_err *err)
{
    void *taken = hr_ml_keyed_find(&m->series, key);
    if (!taken) {
        double *season = HR_NEW_ARRAY(&m->model.arena, double, m->room);
        if (!season) return HR_OOM(err);
        HR_TRY(hr_ml_keyed_take(&m->series, &m->model.arena, key, "the series of a model", &taken,
                                err));
        ((struct series *)taken)->season = season;
    }
    *ret = taken;
    return HR_OK;
}

static struct hr_str_view key_of(const struct hw *m, const struct hr_ml_rows *rows, uint32_t i)
{
    return m->key_at == UINT32_MAX ? hr_sv("") : hr_string_view(&rows->texts[m->key_at][i]);
}

/* ---- one series ---- */

static bool has_started(const struct hw *m, const struct series *s)
{
    return s->seen >= m->room;
}

static uint32_t phase(const struct hw *m, int64_t step)
{
    int64_t at = step % m->period;
    return (uint32_t)(at < 0 ? at + m->period : at);
}

static double forecast(const struct hw *m, const struct series *s, int64_t step)
{
    double base = s->level + s->trend * (double)(step - s->step);
    if (seasonal(m) == NONE) return base;
    double season = s->season[phase(m, step)];
    return seasonal(m) == MULTIPLICATIVE ? base * season : base + season;
}

/* Two seasons are there: their means give level and trend, what is left the season. */
static void start(struct hw *m, struct series *s)
{
    uint32_t p = m->period;
    double first = 0, second = 0, *values = s->season;
    for (uint32_t i = 0; i < p; i++) {
        first += values[i] / p;
        second += values[p + i] / p;
    }
    s->trend = (second - first) / p;
    /* The mean of two seasons lies in their middle; the level is that of their last step. */
    double middle = (first + second) / 2;
    s->level = middle + s->trend * (2 * p - 1) / 2.0;
    double season[2];
    for (uint32_t i = 0; i < p; i++) {
        for (uint32_t k = 0; k < 2; k++) {
            double at = middle + s->trend * ((double)(k * p + i) - (2 * p - 1) / 2.0);
            double y = values[k * p + i];
            season[k] = seasonal(m) == MULTIPLICATIVE ? (at != 0 ? y / at : 1) : y - at;
        }
        values[i] = (season[0] + season[1]) / 2;
    }
    /* values[i] belongs to the step of the i-th value: turn it to where its phase is. */
    uint32_t shift = phase(m, s->step - (int64_t)m->room + 1);
    for (uint32_t i = 0; i < p; i++) values[p + (i + shift) % p] = values[i];
    memcpy(values, values + p, sizeof *values * p);
    memset(values + p, 0, sizeof *values * p);
    if (seasonal(m) == NONE) values[0] = 0;
}

static void update(struct hw *m, struct series *s, double y)
{
    const struct hw_options *o = m->model.opt;
    bool times = o->seasonal == MULTIPLICATIVE;
    double *season = &s->season[phase(m, s->step)], old = s->level, rest = y;
    if (times)
        rest = *season != 0 ? y / *season : y;
    else if (o->seasonal == ADDITIVE)
        rest = y - *season;
    s->level = o->alpha * rest + (1 - o->alpha) * (s->level + s->trend);
    s->trend = o->beta * (s->level - old) + (1 - o->beta) * s->trend;
    if (o->seasonal == NONE) return;
    double now = times ? (s->level != 0 ? y / s->level : 1) : y - s->level;
    *season = o->gamma * now + (1 - o->gamma) * *season;
}

static void add_value(struct hw *m, struct series *s, int64_t step, double y)
{
    s->step = step;
    if (has_started(m, s)) {
        update(m, s, y);
    } else {
        s->season[s->seen] = y;
        if (s->seen + 1 == m->room) start(m, s);
    }
    s->seen++;
}

/* Steps between the last one and this: as they were forecast; before the start, as the last was. */
static void fill_gap(struct hw *m, struct series *s, int64_t step)
{
    if (step - s->step > GAP_MAX) {
        s->seen = 0;
        s->level = s->trend = 0;
        memset(s->season, 0, sizeof *s->season * m->room);
        return;
    }
    while (s->step + 1 < step) {
        bool started = has_started(m, s);
        double y = started ? forecast(m, s, s->step + 1) : s->season[s->seen - 1];
        if (started) { /* a forecast that comes true moves the level along, nothing else */
            s->level += s->trend;
            s->step++;
            s->seen++;
        } else {
            add_value(m, s, s->step + 1, y);
        }
    }
}

static hr_status learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err)
{
    struct hw *m = self(model);
    for (uint32_t i = 0; i < rows->count; i++) {
        double at = rows->x[m->step_at][i];
        struct series *s = NULL;
        if (at != floor(at) || fabs(at) > 1e15)
            return HR_RAISE(err, HR_E_ML_INPUT, "model", "holt_winters", "why",
                            "the step must be a whole number");
        int64_t step = (int64_t)at;
        HR_TRY(take_series(m, key_of(m, rows, i), &s, err));
        if (s->seen > 0 && step <= s->step) {
            m->late++;
            continue;
        }
        if (s->seen > 0) fill_gap(m, s, step);
        if (s->seen > 0 && has_started(m, s)) ret_before->value[i] = forecast(m, s, step);
        add_value(m, s, step, rows->y[i]);
    }
    return HR_OK;
}

/* Unknown series, and those that have not seen two seasons, have no forecast. */
static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct hw *m = self_const(model);
    for (uint32_t i = 0; i < rows->count; i++) {
        double at = rows->x[m->step_at][i];
        const struct series *s = hr_ml_keyed_find(&m->series, key_of(m, rows, i));
        bool known = s && has_started(m, s) && at == floor(at) && fabs(at) < 1e15;
        ret->value[i] = known ? forecast(m, s, (int64_t)at) : NAN;
    }
}

static void describe(const struct hr_ml_model *model, struct hr_buf *out)
{
    const struct hw *m = self_const(model);
    hr_buf_printf(out, "%u series, %lld rows of steps that had passed", m->series.count,
                  (long long)m->late);
}

/* ---- fields ---- */

static void series_fields(struct hw *m, uint32_t count, char **keys, double *numbers,
                          struct hr_ml_io *io)
{
    size_t each = 4 + (size_t)m->room;
    bool reads = hr_ml_io_reads(io);
    for (uint32_t i = 0; i < count && !reads; i++) {
        const struct series *s = (const struct series *)m->series.rows + i;
        double *to = numbers + each * i;
        keys[i] = s->key;
        to[0] = (double)s->step;
        to[1] = (double)s->seen;
        to[2] = s->level;
        to[3] = s->trend;
        memcpy(to + 4, s->season, sizeof *to * m->room);
    }
    hr_ml_io_strs(io, "keys", keys, count, &m->model.arena);
    hr_ml_io_f64s(io, "series", numbers, each * count); /* step, rows, level, trend, season */
    for (uint32_t i = 0; i < count && reads && !io->why; i++) {
        struct series *s = NULL;
        const double *from = numbers + each * i;
        bool whole = keys[i] && fabs(from[0]) <= 1e15 && from[1] >= 1 && from[1] <= 1e15;
        if (!whole || take_series(m, hr_sv(keys[i]), &s, NULL) != HR_OK ||
            m->series.count != i + 1) {
            hr_ml_io_fail(io, "series", "cannot be read");
            return;
        }
        s->step = (int64_t)from[0];
        s->seen = (int64_t)from[1];
        s->level = from[2];
        s->trend = from[3];
        memcpy(s->season, from + 4, sizeof *from * m->room);
    }
}

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    struct hw *m = self(model);
    struct hr_arena scratch = {0};
    uint32_t count = m->series.count;
    hr_ml_io_i64(io, "lateRows", &m->late);
    hr_ml_io_count(io, "seriesCount", &count, HR_ML_KEYED_MAX);
    if (!io->why) {
        char **keys = HR_NEW_ARRAY(&scratch, char *, count + 1);
        double *numbers = HR_NEW_ARRAY(&scratch, double, (4 + (size_t)m->room) * count + 1);
        if (keys && numbers)
            series_fields(m, count, keys, numbers, io);
        else
            hr_ml_io_fail(io, "series", "do not fit into memory");
    }
    hr_arena_done(&scratch);
}

extern const struct hr_ml_vt hr_ml_holt_winters;
const struct hr_ml_vt hr_ml_holt_winters = {
    .name = "holt_winters",
    .task = HR_ML_REGRESSION,
    .doc = "the next values of a series with trend and season, or of one for each key",
    .options = specs,
    .option_count = HR_COUNT(specs),
    .options_size = sizeof(struct hw_options),
    .size = sizeof(struct hw),
    .takes_texts = true,
    .check = check,
    .open = open_model,
    .close = close_model,
    .learn = learn,
    .score = score,
    .fields = fields,
    .describe = describe,
};
