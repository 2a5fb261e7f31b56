/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alternating least squares, as Spark's ml.recommendation.ALS: ratings of users for items become a
 * vector for each, whose product is the rating; explicit, or implicit (ratings are how often, and
 * say how sure a preference is). Features are the user and the item, whole numbers; the label is
 * the rating.
 *
 * A training (an epoch of a stream) keeps its ratings and solves. What is new since the last full
 * solve is folded in: the users and items that got ratings are solved with the others as they are.
 * With the same seed and blocks the factors are Spark's within floating point.
 */
#include <stdlib.h>

#include "base/hash.h"
#include "ml/features.h"
#include "ml/io.h"
#include "ml/java_random.h"
#include "ml/ml.h"

#define RANK_MAX    256
#define RATINGS_MAX (1u << 26)
#define FIRST_SLOTS 64u

struct als_options {
    int64_t rank, iterations, user_blocks, item_blocks, seed, refit;
    double reg, alpha;
    bool implicit;
};

/* The vectors of one side, and where each id's ratings are. */
struct side {
    int64_t *ids;     /* in order of first sight */
    float *factors;   /* rank each */
    uint8_t *touched; /* got ratings in this epoch */
    uint32_t count, capacity;
    uint32_t *slots; /* number + 1 by hash of the id */
    uint32_t slot_count;
    uint32_t *starts, *order; /* ratings by id: order[starts[i] … starts[i + 1]) */
};

struct rating {
    uint32_t at[2]; /* user, item: numbers of their sides */
    float value;
};

struct als {
    struct hr_ml_model model;
    uint32_t rank;
    struct side sides[2]; /* users, items */
    struct rating *ratings;
    uint32_t rating_count, rating_capacity, solved; /* solved: ratings at the last full solve */
};

#define OPTION(name, type, member, def, min, max, doc)                             \
    {                                                                              \
        name, type, offsetof(struct als_options, member), def, min, max, NULL, doc \
    }

static const struct hr_opt_spec specs[] = {
    OPTION("rank", HR_OPT_INT, rank, "10", 1, RANK_MAX, "numbers of a vector"),
    OPTION("maxIter", HR_OPT_INT, iterations, "10", 1, 1000, "rounds of a full solve"),
    OPTION("regParam", HR_OPT_DOUBLE, reg, "0.1", 0, 0, "times the ratings of a user or item"),
    OPTION("implicitPrefs", HR_OPT_BOOL, implicit, "false", 0, 0,
           "ratings say how sure a preference is"),
    OPTION("alpha", HR_OPT_DOUBLE, alpha, "1", 0, 0, "implicit: how much surer a rating makes"),
    OPTION("numUserBlocks", HR_OPT_INT, user_blocks, "10", 1, 10000, "as in Spark: of the start"),
    OPTION("numItemBlocks", HR_OPT_INT, item_blocks, "10", 1, 10000, "as in Spark: of the start"),
    OPTION("seed", HR_OPT_INT, seed, "0", INT64_MIN, INT64_MAX, "of the start"),
    OPTION("refitEvery", HR_OPT_INT, refit, "100", 1, INT32_MAX,
           "all is solved anew when the ratings are more by so many percent; what comes between is "
           "folded in"),
};

static hr_status check(const void *options, struct hr_err *err)
{
    const struct als_options *o = options;
    if (!(o->reg >= 0 && isfinite(o->reg)))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "regParam", "why", "must not be below 0");
    if (!(o->alpha >= 0 && isfinite(o->alpha)))
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "alpha", "why", "must not be below 0");
    if (o->alpha != 1 && !o->implicit)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "alpha", "why",
                        "only implicitPrefs 'true' has it");
    return HR_OK;
}

static struct als *self(struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, struct als, model);
}
static const struct als *self_const(const struct hr_ml_model *model)
{
    return HR_CONTAINER_OF(model, const struct als, model);
}

static hr_status open_model(struct hr_ml_model *model, struct hr_err *err)
{
    struct als *m = self(model);
    if (model->input_count != 2)
        return HR_RAISE(err, HR_E_ML_INPUT, "model", "als", "why",
                        "its features are the number of a user and the number of an item");
    m->rank = (uint32_t)((const struct als_options *)model->opt)->rank;
    return HR_OK;
}

static void close_model(struct hr_ml_model *model)
{
    struct als *m = self(model);
    for (int s = 0; s < 2; s++) {
        struct side *side = &m->sides[s];
        hr_free(side->ids);
        hr_free(side->factors);
        hr_free(side->touched);
        hr_free(side->slots);
        hr_free(side->starts);
        hr_free(side->order);
    }
    hr_free(m->ratings);
}

/* ---- ids ---- */

static uint32_t *find_slot(const struct side *side, int64_t id)
{
    uint32_t mask = side->slot_count - 1, at = (uint32_t)hr_hash_u64((uint64_t)id) & mask;
    while (side->slots[at] && side->ids[side->slots[at] - 1] != id) at = (at + 1) & mask;
    return &side->slots[at];
}

/* The number of an id; -1: unknown. */
static int64_t find_id(const struct side *side, double id)
{
    if (side->slot_count == 0 || id != floor(id) || fabs(id) > INT32_MAX) return -1;
    return (int64_t)*find_slot(side, (int64_t)id) - 1;
}

static hr_status grow(struct side *side, uint32_t rank, struct hr_err *err)
{
    if (side->count * 2 >= side->slot_count) {
        uint32_t count = HR_MAX(FIRST_SLOTS, side->slot_count * 2);
        uint32_t *slots = hr_zalloc(sizeof *slots * count);
        if (!slots) return HR_OOM(err);
        hr_free(side->slots);
        side->slots = slots;
        side->slot_count = count;
        for (uint32_t i = 0; i < side->count; i++) *find_slot(side, side->ids[i]) = i + 1;
    }
    if (side->count < side->capacity) return HR_OK;
    uint32_t capacity = HR_MAX(16u, side->capacity * 2);
    int64_t *ids = hr_realloc(side->ids, sizeof *ids * capacity);
    if (ids) side->ids = ids;
    float *factors = hr_realloc(side->factors, sizeof *factors * capacity * rank);
    if (factors) side->factors = factors;
    uint8_t *touched = hr_realloc(side->touched, capacity);
    if (touched) side->touched = touched;
    if (!ids || !factors || !touched) return HR_OOM(err);
    side->capacity = capacity;
    return HR_OK;
}

static void draw_vector(struct hr_java_random *r, float *v, uint32_t rank)
{
    double norm = 0;
    for (uint32_t k = 0; k < rank; k++) {
        v[k] = (float)hr_java_gaussian(r);
        norm += (double)v[k] * v[k];
    }
    float by = 1 / (float)sqrt(norm);
    for (uint32_t k = 0; k < rank; k++) v[k] *= by;
}

static hr_status take_id(struct als *m, int which, double id, uint32_t *ret, struct hr_err *err)
{
    struct side *side = &m->sides[which];
    if (id != floor(id) || fabs(id) > INT32_MAX)
        return HR_RAISE(err, HR_E_ML_INPUT, "model", "als", "why",
                        "users and items are whole numbers of the range of INT");
    int64_t found = find_id(side, id);
    if (found < 0) {
        HR_TRY(grow(side, m->rank, err));
        struct hr_java_random r = hr_xorshift_random((int64_t)hr_hash_u64((uint64_t)(int64_t)id));
        draw_vector(&r, side->factors + (size_t)side->count * m->rank, m->rank);
        side->ids[side->count] = (int64_t)id;
        found = side->count++;
        *find_slot(side, (int64_t)id) = side->count;
    }
    side->touched[found] = 1;
    *ret = (uint32_t)found;
    return HR_OK;
}

/* ---- solving ---- */

/* Ratings by the ids of a side (counting sort). */
static hr_status sort_ratings(struct als *m, int which, struct hr_err *err)
{
    struct side *side = &m->sides[which];
    uint32_t *starts = hr_zalloc(sizeof *starts * (side->count + 2));
    uint32_t *order = hr_alloc(sizeof *order * (m->rating_count + 1));
    hr_free(side->starts);
    hr_free(side->order);
    side->starts = starts;
    side->order = order;
    if (!starts || !order) return HR_OOM(err);
    for (uint32_t i = 0; i < m->rating_count; i++) starts[m->ratings[i].at[which] + 2]++;
    for (uint32_t i = 0; i < side->count; i++) starts[i + 2] += starts[i + 1];
    for (uint32_t i = 0; i < m->rating_count; i++) order[starts[m->ratings[i].at[which] + 1]++] = i;
    return HR_OK;
}

struct solver {
    double *a, *b, *all; /* rank², rank, rank²: all is YᵀY of the other side */
};

static void add_outer(double *a, const float *v, double by, uint32_t rank)
{
    for (uint32_t i = 0; i < rank; i++)
        for (uint32_t j = 0; j <= i; j++) a[(size_t)i * rank + j] += by * v[i] * v[j];
}

/* Cholesky in place of the lower triangle, then b becomes the solution. False: not positive. */
static bool solve(double *a, double *b, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t j = 0; j <= i; j++) {
            double sum = a[(size_t)i * n + j];
            for (uint32_t k = 0; k < j; k++) sum -= a[(size_t)i * n + k] * a[(size_t)j * n + k];
            if (i == j && !(sum > 0)) return false;
            a[(size_t)i * n + j] = i == j ? sqrt(sum) : sum / a[(size_t)j * n + j];
        }
    }
    for (uint32_t i = 0; i < n; i++) {
        for (uint32_t k = 0; k < i; k++) b[i] -= a[(size_t)i * n + k] * b[k];
        b[i] /= a[(size_t)i * n + i];
    }
    for (uint32_t i = n; i-- > 0;) {
        for (uint32_t k = i + 1; k < n; k++) b[i] -= a[(size_t)k * n + i] * b[k];
        b[i] /= a[(size_t)i * n + i];
    }
    return true;
}

static hr_status solve_one(struct als *m, int which, uint32_t number, struct solver *s,
                           struct hr_err *err)
{
    const struct als_options *o = m->model.opt;
    const struct side *own = &m->sides[which], *other = &m->sides[1 - which];
    double counted = 0;
    memset(s->b, 0, sizeof *s->b * m->rank);
    if (o->implicit)
        memcpy(s->a, s->all, sizeof *s->a * m->rank * m->rank);
    else
        memset(s->a, 0, sizeof *s->a * m->rank * m->rank);
    for (uint32_t i = own->starts[number]; i < own->starts[number + 1]; i++) {
        const struct rating *rating = &m->ratings[own->order[i]];
        const float *v = other->factors + (size_t)rating->at[1 - which] * m->rank;
        double r = rating->value, sure = o->implicit ? o->alpha * fabs(r) : 1;
        double wish = o->implicit ? (r > 0 ? 1 + sure : 0) : r;
        counted += !o->implicit || r > 0;
        add_outer(s->a, v, sure, m->rank);
        for (uint32_t k = 0; k < m->rank; k++) s->b[k] += wish * v[k];
    }
    for (uint32_t k = 0; k < m->rank; k++) s->a[(size_t)k * m->rank + k] += counted * o->reg;
    if (!solve(s->a, s->b, m->rank))
        return HR_RAISE(err, HR_E_ML_INPUT, "model", "als", "why",
                        "a user or item cannot be solved for: raise regParam");
    float *to = own->factors + (size_t)number * m->rank;
    for (uint32_t k = 0; k < m->rank; k++) to[k] = (float)s->b[k];
    return HR_OK;
}

static hr_status solve_side(struct als *m, int which, bool all, struct solver *s,
                            struct hr_err *err)
{
    const struct als_options *o = m->model.opt;
    struct side *own = &m->sides[which], *other = &m->sides[1 - which];
    memset(s->all, 0, sizeof *s->all * m->rank * m->rank);
    for (uint32_t i = 0; i < other->count && o->implicit; i++)
        add_outer(s->all, other->factors + (size_t)i * m->rank, 1, m->rank);
    for (uint32_t i = 0; i < own->count; i++)
        if (all || own->touched[i]) HR_TRY(solve_one(m, which, i, s, err));
    return HR_OK;
}

/* ---- the start of a full solve, as Spark draws it ---- */

static uint64_t byteswap(uint64_t v)
{
    const uint64_t by = 0x9e3775cd9e3775cdULL;
    return __builtin_bswap64(v * by) * by;
}

struct by_id {
    int64_t id;
    uint32_t number, block;
};

static int compare_ids(const void *a, const void *b)
{
    const struct by_id *x = a, *y = b;
    if (x->block != y->block) return x->block < y->block ? -1 : 1;
    return (x->id > y->id) - (x->id < y->id);
}

static hr_status draw_side(struct als *m, int which, int64_t seed, uint32_t blocks,
                           struct hr_err *err)
{
    struct side *side = &m->sides[which];
    struct by_id *ids = hr_alloc(sizeof *ids * (side->count + 1));
    struct hr_java_random r = {0};
    if (!ids) return HR_OOM(err);
    for (uint32_t i = 0; i < side->count; i++) {
        int64_t block = side->ids[i] % blocks;
        ids[i] = (struct by_id){side->ids[i], i, (uint32_t)(block < 0 ? block + blocks : block)};
    }
    qsort(ids, side->count, sizeof *ids, compare_ids);
    for (uint32_t i = 0; i < side->count; i++) {
        if (i == 0 || ids[i].block != ids[i - 1].block)
            r = hr_xorshift_random((int64_t)byteswap((uint64_t)seed ^ ids[i].block));
        draw_vector(&r, side->factors + (size_t)ids[i].number * m->rank, m->rank);
    }
    hr_free(ids);
    return HR_OK;
}

static hr_status start_anew(struct als *m, struct hr_err *err)
{
    const struct als_options *o = m->model.opt;
    struct hr_java_random seeds = hr_xorshift_random(o->seed);
    int64_t users = hr_java_long(&seeds), items = hr_java_long(&seeds);
    HR_TRY(draw_side(m, 0, users, (uint32_t)o->user_blocks, err));
    return draw_side(m, 1, items, (uint32_t)o->item_blocks, err);
}

/* ---- learning ---- */

static hr_status learn(struct hr_ml_model *model, const struct hr_ml_rows *rows,
                       struct hr_ml_scores *ret_before, struct hr_err *err)
{
    struct als *m = self(model);
    if (m->rating_count + rows->count > RATINGS_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the ratings of a model", "limit", "67108864");
    if (m->rating_count + rows->count > m->rating_capacity) {
        uint32_t capacity = HR_MAX(HR_ML_BLOCK, m->rating_capacity * 2);
        struct rating *grown = hr_realloc(m->ratings, sizeof *grown * capacity);
        if (!grown) return HR_OOM(err);
        m->ratings = grown;
        m->rating_capacity = capacity;
    }
    if (m->solved) model->vt->score(model, rows, ret_before);
    for (uint32_t i = 0; i < rows->count; i++) {
        struct rating *rating = &m->ratings[m->rating_count];
        HR_TRY(take_id(m, 0, rows->x[0][i], &rating->at[0], err));
        HR_TRY(take_id(m, 1, rows->x[1][i], &rating->at[1], err));
        rating->value = (float)rows->y[i];
        m->rating_count++;
    }
    return HR_OK;
}

static hr_status solve_all(struct als *m, struct solver *s, struct hr_err *err)
{
    const struct als_options *o = m->model.opt;
    bool full = m->solved == 0 ||
                (double)m->rating_count >= (double)m->solved * (1 + (double)o->refit / 100);
    if (full) HR_TRY(start_anew(m, err));
    for (int64_t i = 0; i < (full ? o->iterations : 2); i++) {
        HR_TRY(solve_side(m, 1, full, s, err));
        HR_TRY(solve_side(m, 0, full, s, err));
    }
    if (full) m->solved = m->rating_count;
    for (int side = 0; side < 2; side++) memset(m->sides[side].touched, 0, m->sides[side].count);
    return HR_OK;
}

static hr_status end(struct hr_ml_model *model, struct hr_err *err)
{
    struct als *m = self(model);
    size_t n = m->rank;
    double *room = hr_alloc(sizeof *room * (2 * n * n + n));
    if (!room) return HR_OOM(err);
    struct solver s = {room, room + n * n, room + n * n + n};
    hr_status status = sort_ratings(m, 0, err);
    if (status == HR_OK) status = sort_ratings(m, 1, err);
    if (status == HR_OK) status = solve_all(m, &s, err);
    hr_free(room);
    return status;
}

/* Unknown users and items have no rating. */
static void score(const struct hr_ml_model *model, const struct hr_ml_rows *rows,
                  struct hr_ml_scores *ret)
{
    const struct als *m = self_const(model);
    for (uint32_t i = 0; i < rows->count; i++) {
        int64_t user = find_id(&m->sides[0], rows->x[0][i]);
        int64_t item = find_id(&m->sides[1], rows->x[1][i]);
        float sum = 0;
        ret->value[i] = NAN;
        if (user < 0 || item < 0) continue;
        const float *u = m->sides[0].factors + (size_t)user * m->rank;
        const float *v = m->sides[1].factors + (size_t)item * m->rank;
        for (uint32_t k = 0; k < m->rank; k++) sum += u[k] * v[k];
        ret->value[i] = (double)sum;
    }
}

static uint32_t recommend(const struct hr_ml_model *model, double user, uint32_t k,
                          int64_t *ret_items, double *ret_scores)
{
    const struct als *m = self_const(model);
    const struct side *items = &m->sides[1];
    int64_t found = find_id(&m->sides[0], user);
    uint32_t count = 0;
    if (found < 0 || m->solved == 0) return 0;
    const float *u = m->sides[0].factors + (size_t)found * m->rank;
    for (uint32_t i = 0; i < items->count; i++) {
        const float *v = items->factors + (size_t)i * m->rank;
        float sum = 0;
        for (uint32_t j = 0; j < m->rank; j++) sum += u[j] * v[j];
        if (count == k && !((double)sum > ret_scores[k - 1])) continue;
        uint32_t at = count < k ? count++ : k - 1;
        for (; at > 0 && ret_scores[at - 1] < (double)sum; at--) {
            ret_scores[at] = ret_scores[at - 1];
            ret_items[at] = ret_items[at - 1];
        }
        ret_scores[at] = (double)sum;
        ret_items[at] = items->ids[i];
    }
    return count;
}

/* ---- fields ---- */

static void side_fields(struct als *m, int which, struct hr_ml_io *io, struct hr_arena *scratch)
{
    struct side *side = &m->sides[which];
    uint32_t count = side->count, number;
    bool reads = hr_ml_io_reads(io);
    hr_ml_io_count(io, which ? "itemCount" : "userCount", &count, INT32_MAX);
    if (io->why) return;
    int64_t *ids = HR_NEW_ARRAY(scratch, int64_t, count + 1);
    double *factors = HR_NEW_ARRAY(scratch, double, (size_t)count * m->rank + 1);
    if (!ids || !factors) {
        hr_ml_io_fail(io, "users", "do not fit into memory");
        return;
    }
    for (uint32_t i = 0; i < count && !reads; i++) ids[i] = side->ids[i];
    for (size_t i = 0; i < (size_t)count * m->rank && !reads; i++) factors[i] = side->factors[i];
    hr_ml_io_i64s(io, which ? "items" : "users", ids, count);
    hr_ml_io_f64s(io, which ? "itemFactors" : "userFactors", factors, (size_t)count * m->rank);
    for (uint32_t i = 0; i < count && reads && !io->why; i++) {
        if (take_id(m, which, (double)ids[i], &number, NULL) != HR_OK || number != i)
            hr_ml_io_fail(io, which ? "items" : "users", "cannot be read");
        else
            side->touched[i] = 0;
    }
    for (size_t i = 0; i < (size_t)count * m->rank && reads && !io->why; i++)
        side->factors[i] = (float)factors[i];
}

static void rating_fields(struct als *m, struct hr_ml_io *io, struct hr_arena *scratch)
{
    bool reads = hr_ml_io_reads(io);
    uint32_t count = m->rating_count;
    hr_ml_io_count(io, "ratingCount", &count, RATINGS_MAX);
    hr_ml_io_count(io, "solvedRatings", &m->solved, RATINGS_MAX);
    if (io->why) return;
    uint32_t *at = HR_NEW_ARRAY(scratch, uint32_t, (size_t)count * 2 + 1);
    double *values = HR_NEW_ARRAY(scratch, double, count + 1);
    struct rating *ratings = reads ? hr_alloc(sizeof *ratings * (count + 1)) : m->ratings;
    if (!at || !values || (reads && !ratings)) {
        hr_ml_io_fail(io, "ratings", "do not fit into memory");
        return;
    }
    for (uint32_t i = 0; i < count && !reads; i++) {
        at[2 * i] = ratings[i].at[0];
        at[2 * i + 1] = ratings[i].at[1];
        values[i] = ratings[i].value;
    }
    hr_ml_io_u32s(io, "ratingPlaces", at, (size_t)count * 2);
    hr_ml_io_f64s(io, "ratings", values, count);
    if (!reads) return;
    hr_free(m->ratings);
    m->ratings = ratings;
    m->rating_capacity = count + 1;
    for (uint32_t i = 0; i < count && !io->why; i++) {
        if (at[2 * i] >= m->sides[0].count || at[2 * i + 1] >= m->sides[1].count)
            hr_ml_io_fail(io, "ratingPlaces", "is out of its range");
        ratings[i] = (struct rating){{at[2 * i], at[2 * i + 1]}, (float)values[i]};
    }
    m->rating_count = io->why ? 0 : count;
}

static void fields(struct hr_ml_model *model, struct hr_ml_io *io)
{
    struct als *m = self(model);
    struct hr_arena scratch = {0};
    side_fields(m, 0, io, &scratch);
    side_fields(m, 1, io, &scratch);
    rating_fields(m, io, &scratch);
    hr_arena_done(&scratch);
}

extern const struct hr_ml_vt hr_ml_als;
const struct hr_ml_vt hr_ml_als = {
    .name = "als",
    .task = HR_ML_REGRESSION,
    .doc = "what a user would rate an item, by alternating least squares",
    .options = specs,
    .option_count = HR_COUNT(specs),
    .options_size = sizeof(struct als_options),
    .size = sizeof(struct als),
    .check = check,
    .open = open_model,
    .close = close_model,
    .learn = learn,
    .end = end,
    .score = score,
    .fields = fields,
    .recommend = recommend,
};
