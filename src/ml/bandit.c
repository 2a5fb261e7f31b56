/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bandit: which arm (an ad, a variant) to choose in a context (a segment), learned from what came
 * of earlier choices. Features are texts, the last one the arm; the label is 1 where it went well.
 * predict gives the mean of an arm, SQL's choose the arm that the policy would take:
 *
 *   thompson  a draw from Beta(1 + good, 1 + bad) for each arm, the greatest wins
 *   ucb1      mean + exploration · sqrt(2 ln t / n)
 *
 * A draw is a function of the seed and the number that choose is given, so that a replay chooses as
 * before.
 */
#include "base/hash.h"
#include "ml/features.h"
#include "ml/io.h"
#include "ml/keyed.h"
#include "ml/ml.h"

#define PAIRS       "the pairs of context and arm of a bandit"
#define UNIT_MAX    1e100
#define SEPARATOR   '\x1f' /* between the parts of a key */
#define KEY_MAX     4096

enum { THOMPSON, UCB1 };

struct bandit_options {
    int policy;
    int64_t seed;
    double exploration, discount;
    const char *arms;
};

struct pair {
    char *key; /* context and arm, in the model's arena */
    double tries, good;
};

struct bandit {
    struct hr_ml_model model;
    struct hr_ml_keyed pairs;
    double unit; /* what a row counts now: the past fades by its growing */
};

static const struct hr_opt_spec specs[] = {
    {"policy", HR_OPT_ENUM, offsetof(struct bandit_options, policy), "thompson", 0, 0,
     "thompson|ucb1", "how choose weighs what is good against what is not known yet"},
    {"arms", HR_OPT_STRING, offsetof(struct bandit_options, arms), NULL, 0, 0, NULL,
     "'a, b, c': what may be chosen before the first row; others are added as rows name them"},
    {"exploration", HR_OPT_DOUBLE, offsetof(struct bandit_options, exploration), "1", 0, 0, NULL,
     "ucb1: weight of what is not known"},
    {"discount", HR_OPT_DOUBLE, offsetof(struct bandit_options, discount), "1", 0, 0, NULL,
     "what the past counts after each row, at most 1: follows tastes that change"},
    {"seed", HR_OPT_INT, offsetof(struct bandit_options, seed), "1", INT64_MIN, INT64_MAX, NULL,
     "thompson: of the draws"},
};

static hr_status check(const void *options, struct hr_err *err)
{
    const struct bandit_options *o = options;
    if (!(o->discount > 0 && o->discount <= 1))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "discount", "why",
                        "must be above 0 and at most 1");
    if (!(o->exploration >= 0 && isfinite(o->exploration)))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "exploration", "why",
                        "must not be below 0");
    if (o->exploration != 1 && o->policy != UCB1)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "exploration", "why",
                        "only policy 'ucb1' has it");
    if (o->seed != 1 && o->policy != THOMPSON)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "seed", "why",
                        "policy 'ucb1' draws nothing");
    return HR_OK;
}

static struct bandit *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct bandit, model);
}
static const struct bandit *self_const(const struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, const struct bandit, model);
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct bandit *m = self(model);
    const struct bandit_options *o = model->opt;
    uint32_t number;
    if (model->number_count)
        return HR_RAISE(err, HR_E_ML_INPUT, "model", "bandit", "why",
                        "its features are STRING: the context, then the arm");
    m->unit = 1;
    hr_ml_keyed_init(&m->pairs, sizeof(struct pair));
    for (const char *at = o->arms; at && *at;) {
        size_t len = strcspn(at, ",");
        struct hr_str_view arm = hr_sv_trim(hr_svn(at, len));
        if (arm.len) HR_TRY(hr_ml_class(model, arm, &number, err));
        at += len + (at[len] == ',');
    }
    return HR_OK;
}

static void close_model(struct hr_ml_model *model)
{
    hr_ml_keyed_done(&self(model)->pairs);
}

/* ---- pairs ---- */

/* "segment␟arm"; too long: cut, and told apart by what is left. */
static size_t put_part(char *key, size_t len, struct hr_str_view part, bool last)
{
    size_t take = HR_MIN(part.len, len + 2 < KEY_MAX ? KEY_MAX - len - 2 : 0);
    memcpy(key + len, part.ptr, take);
    len += take;
    if (!last && len < KEY_MAX) key[len++] = SEPARATOR;
    return len;
}

static struct hr_str_view key_of(const struct bandit *m, const struct hr_ml_rows *rows, uint32_t i,
                                 char *key)
{
    size_t len = 0;
    for (uint32_t j = 0; j < m->model.input_count && len + 2 < KEY_MAX; j++)
        len = put_part(key, len, hr_string_view(&rows->texts[j][i]), j + 1 == m->model.input_count);
    return hr_svn(key, len);
}

/* ---- learning and means ---- */

static double mean_of(const struct bandit *m, const struct pair *pair)
{
    double tries = pair ? pair->tries / m->unit : 0, good = pair ? pair->good / m->unit : 0;
    return (good + 1) / (tries + 2);
}

static void bound_unit(struct bandit *m)
{
    if (m->unit < UNIT_MAX) return;
    struct pair *pairs = m->pairs.rows;
    for (uint32_t i = 0; i < m->pairs.count; i++) {
        pairs[i].tries /= m->unit;
        pairs[i].good /= m->unit;
    }
    m->unit = 1;
}

static hr_status learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err)
{
    struct bandit *m = self(model);
    const struct bandit_options *o = model->opt;
    char key[KEY_MAX];
    for (uint32_t i = 0; i < rows->count; i++) {
        struct pair *pair;
        void *taken = NULL;
        uint32_t arm;
        HR_TRY(
            hr_ml_class(model, hr_string_view(&rows->texts[model->input_count - 1][i]), &arm, err));
        HR_TRY(hr_ml_keyed_take(&m->pairs, &model->arena, key_of(m, rows, i, key), PAIRS, &taken,
                                err));
        pair = taken;
        ret_before->value[i] = mean_of(m, pair);
        m->unit /= o->discount;
        pair->tries += m->unit;
        pair->good += m->unit * rows->y[i];
        bound_unit(m);
    }
    return HR_OK;
}

static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct bandit *m = self_const(model);
    char key[KEY_MAX];
    for (uint32_t i = 0; i < rows->count; i++)
        ret->value[i] = mean_of(m, hr_ml_keyed_find(&m->pairs, key_of(m, rows, i, key)));
}

/* ---- choosing ---- */

static double uniform(uint64_t *state)
{
    return ((double)(hr_splitmix64(state) >> 11) + 0.5) * 0x1p-53;
}

static double gaussian(uint64_t *state)
{
    double u = uniform(state), v = uniform(state);
    return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

/* Marsaglia and Tsang; shape at least 1. */
static double gamma_draw(double shape, uint64_t *state)
{
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = gaussian(state), v = 1 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        if (log(uniform(state)) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

static double value_of(const struct bandit *m, const struct pair *pair, double all, uint64_t row,
                       uint32_t arm)
{
    const struct bandit_options *o = m->model.opt;
    double tries = pair ? pair->tries / m->unit : 0, good = pair ? pair->good / m->unit : 0;
    if (o->policy == UCB1)
        return tries > 0 ? good / tries + o->exploration * sqrt(2 * log(HR_MAX(all, 1.0)) / tries)
                         : INFINITY;
    uint64_t state = hr_hash_combine(hr_hash_combine((uint64_t)o->seed, row), arm);
    double a = gamma_draw(1 + good, &state), b = gamma_draw(1 + HR_MAX(tries - good, 0.0), &state);
    return a / (a + b);
}

static bool choose(const struct hr_ml_model *model, const struct hr_string *context, uint64_t row,
                   uint32_t *ret_class, double *ret_value)
{
    const struct bandit *m = self_const(model);
    char key[KEY_MAX];
    size_t start = 0;
    double best = -INFINITY, all = 0;
    for (uint32_t j = 0; j + 1 < model->input_count && start + 2 < KEY_MAX; j++)
        start = put_part(key, start, hr_string_view(&context[j]), false);
    for (int round = 0; round < 2; round++) { /* first how many tries there were */
        for (uint32_t arm = 0; arm < model->class_count; arm++) {
            size_t len = put_part(key, start, hr_sv(model->classes[arm]), true);
            const struct pair *pair = hr_ml_keyed_find(&m->pairs, hr_svn(key, len));
            if (round == 0) {
                all += pair ? pair->tries / m->unit : 0;
                continue;
            }
            double v = value_of(m, pair, all, row, arm);
            if (v > best) {
                best = v;
                *ret_class = arm;
                *ret_value = isinf(v) ? 1 : v;
            }
        }
    }
    return model->class_count > 0;
}

/* ---- fields ---- */

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    struct bandit *m = self(model);
    struct hr_arena scratch = {0};
    uint32_t count = m->pairs.count;
    hr_ml_io_count(io, "pairCount", &count, HR_ML_KEYED_MAX);
    char **keys = HR_NEW_ARRAY(&scratch, char *, count + 1);
    double *tries = HR_NEW_ARRAY(&scratch, double, count + 1);
    double *good = HR_NEW_ARRAY(&scratch, double, count + 1);
    if (!keys || !tries || !good) {
        hr_ml_io_fail(io, "pairs", "do not fit into memory");
        hr_arena_done(&scratch);
        return;
    }
    for (uint32_t i = 0; i < count && !hr_ml_io_reads(io); i++) {
        const struct pair *pair = (const struct pair *)m->pairs.rows + i;
        keys[i] = pair->key;
        tries[i] = pair->tries;
        good[i] = pair->good;
    }
    hr_ml_io_f64(io, "unit", &m->unit);
    hr_ml_io_strs(io, "pairs", keys, count, &scratch);
    hr_ml_io_f64s(io, "tries", tries, count);
    hr_ml_io_f64s(io, "good", good, count);
    if (hr_ml_io_reads(io) && !(m->unit >= 1)) hr_ml_io_fail(io, "unit", "is out of its range");
    for (uint32_t i = 0; i < count && hr_ml_io_reads(io) && !io->why; i++) {
        void *taken = NULL;
        if (!keys[i] || hr_ml_keyed_take(&m->pairs, &model->arena, hr_sv(keys[i]), PAIRS, &taken,
                                         NULL) != HR_OK) {
            hr_ml_io_fail(io, "pairs", "cannot be read");
            break;
        }
        struct pair *pair = taken;
        pair->tries = tries[i];
        pair->good = good[i];
    }
    hr_arena_done(&scratch);
}

extern const struct hr_ml_vt hr_ml_bandit;
const struct hr_ml_vt hr_ml_bandit = {
    .name = "bandit",
    .task = HR_ML_BINARY,
    .doc = "which of several arms does best, tried while it is used",
    .options = specs,
    .option_count = HR_COUNT(specs),
    .options_size = sizeof(struct bandit_options),
    .size = sizeof(struct bandit),
    .takes_texts = true,
    .check = check,
    .open = open_model,
    .close = close_model,
    .learn = learn,
    .score = score,
    .fields = fields,
    .choose = choose,
};
