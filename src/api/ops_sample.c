/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stratified samples: sampleByKey, whose fractions hold on average, and sampleByKeyExact, which
 * takes ceil(fraction * rows) of each key.
 *
 * The first is a pass over each partition. The second sees all rows of a key together, behind a
 * shuffle where they are not in place already, and draws by Knuth's selection sampling, which keeps
 * the order of the rows. A key's numbers come from the seed and the key, wherever it lies.
 */
#include <math.h>

#include "api/api.h"
#include "api/random.h"
#include "state/table.h"

struct sample_node {
    struct hr_node node;
    struct hr_arena arena;
    const struct hr_key_codec *codec; /* exact */
    hr_fraction_fn fraction;
    void *arg;
    bool replacement;
    uint64_t seed;
};

static void sample_done(struct hr_node *node)
{
    hr_arena_done(&((struct sample_node *)node)->arena);
}

static hr_status fraction_of(const struct sample_node *op, const struct hr_row *key, double *ret,
                             struct hr_err *err)
{
    double f = op->fraction(op->arg, key);
    HR_TRY(hr_emitter_check(NULL, HR_OK, err)); /* a key read as the wrong type */
    if (f >= 0 && f <= (op->replacement ? 1e6 : 1)) {
        *ret = f;
        return HR_OK;
    }
    char text[128];
    hr_row_print(key, text, sizeof text);
    return HR_FAIL(err, HR_E_USER_FUNCTION, "sampleByKey: a fraction of %g for key %s", f, text);
}

/* --- On average ------------------------------------------------------------------------------- */

struct sample_iter {
    struct hr_batch_iter base;
    const struct sample_node *op;
    struct hr_batch_iter *parent;
    uint64_t random;
};

/* The rows of the batch in rows, count of them. */
static hr_status gather(struct hr_batch *batch, const uint32_t *rows, uint32_t count,
                        struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *out = hr_batch_new(batch->schema, count, NULL);
    hr_status status = out && hr_batch_hold_batch(out, batch) ? HR_OK : HR_OOM(err);
    for (uint32_t c = 0; status == HR_OK && c < batch->schema->field_count; c++)
        status =
            hr_column_take(&out->arena, &batch->columns[c], rows, count, &out->columns[c], err);
    if (status != HR_OK)
        hr_batch_unref(out);
    else
        *ret = out;
    return status;
}

struct row_list {
    uint32_t *rows;
    uint32_t count, capacity;
};

static hr_status push_rows(struct row_list *list, uint32_t row, uint32_t times, struct hr_err *err)
{
    uint64_t wanted = (uint64_t)list->count + times;
    if (wanted > list->capacity) {
        uint64_t capacity = HR_MAX(wanted, (uint64_t)list->capacity * 2);
        if (capacity > INT32_MAX)
            return HR_FAIL(err, HR_E_LIMIT, "a sample's batch of more than 2^31 rows");
        uint32_t *rows = hr_realloc(list->rows, capacity * sizeof *rows);
        if (!rows) return HR_OOM(err);
        list->rows = rows;
        list->capacity = (uint32_t)capacity;
    }
    while (times--) list->rows[list->count++] = row;
    return HR_OK;
}

static hr_status sample_batch(struct sample_iter *it, struct hr_batch *batch, struct hr_batch **ret,
                              struct hr_err *err)
{
    const struct sample_node *op = it->op;
    struct row_list list = {0};
    struct hr_row row, key;
    hr_status status = HR_OK;
    hr_row_of_batch(batch, 0, &row);
    hr_row_slice(&row, 0, op->node.key_columns, &key);
    for (uint32_t i = 0; i < batch->sel_count && status == HR_OK; i++) {
        double f = 0;
        key.index_ = batch->sel ? batch->sel[i] : i;
        status = fraction_of(op, &key, &f, err);
        uint32_t times = status != HR_OK   ? 0
                         : op->replacement ? hr_random_poisson(&it->random, f)
                                           : hr_random_uniform(&it->random) < f;
        if (times) status = push_rows(&list, key.index_, times, err);
    }
    if (status == HR_OK) status = gather(batch, list.rows, list.count, ret, err);
    hr_free(list.rows);
    return status;
}

static hr_status sample_next(struct hr_batch_iter *base, struct hr_batch **ret, struct hr_err *err)
{
    struct sample_iter *it = (struct sample_iter *)base;
    struct hr_batch *batch;
    HR_TRY(it->parent->next(it->parent, &batch, err));
    *ret = NULL;
    if (!batch) return HR_OK;
    hr_status status = sample_batch(it, batch, ret, err);
    hr_batch_unref(batch);
    return status;
}

static void sample_close(struct hr_batch_iter *base)
{
    struct sample_iter *it = (struct sample_iter *)base;
    it->parent->close(it->parent);
    hr_free(it);
}

static hr_status sample_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                struct hr_batch_iter **ret, struct hr_err *err)
{
    const struct sample_node *op = (const struct sample_node *)rdd;
    struct sample_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->base = (struct hr_batch_iter){sample_next, sample_close};
    it->op = op;
    it->random = hr_hash_combine(op->seed, hr_hash_u64(partition + UINT64_C(1)));
    hr_status status = hr_rdd_parent_iter(rdd, 0, partition, ctx, &it->parent, err);
    if (status != HR_OK) {
        hr_free(it);
        return status;
    }
    *ret = &it->base;
    return HR_OK;
}
static const struct hr_rdd_vt sample_vt = {"MapPartitionsRDD", sample_compute, NULL, hr_node_free};

/* --- Exactly ---------------------------------------------------------------------------------- */

/* A key, while its partition is drawn from. */
struct stratum {
    uint64_t random;
    double next;                       /* with replacement: where in [0, 1) the next draw falls */
    uint32_t rows, left, wanted, seen; /* left: rows to come; wanted: draws to come */
};

HR_INLINE struct stratum *stratum_of(uint8_t *states)
{
    return (struct stratum *)(void *)states;
}

/* How many rows each key has, and so how many are wanted of it. */
static hr_status plan_strata(const struct sample_node *op, const struct hr_batch *batch,
                             uint8_t *const *states, const struct hr_keys *keys, struct hr_err *err)
{
    struct hr_row row, key;
    hr_row_of_batch(batch, 0, &row);
    hr_row_slice(&row, 0, op->node.key_columns, &key);
    for (uint32_t i = 0; i < batch->row_count; i++) stratum_of(states[i])->rows++;
    for (uint32_t i = 0; i < batch->row_count; i++) {
        struct stratum *s = stratum_of(states[i]);
        double f, wanted;
        if (s->seen++) continue;
        key.index_ = i;
        HR_TRY(fraction_of(op, &key, &f, err));
        wanted = ceil(f * s->rows);
        if (wanted > INT32_MAX)
            return HR_FAIL(err, HR_E_LIMIT, "a sample of more than 2^31 rows of a key");
        s->random = hr_hash_combine(op->seed, keys->hashes[i]);
        s->left = s->rows;
        s->wanted = (uint32_t)wanted;
    }
    return HR_OK;
}

/* The least of the draws that are left, which are uniform behind the last one: so they come in
 * order of the rows, and each costs the same. */
static void next_draw(struct stratum *s)
{
    double u = hr_random_uniform(&s->random);
    if (s->wanted) s->next = 1 - (1 - s->next) * pow(u, 1.0 / s->wanted);
}

/* How often this row is drawn, of the stratum's rows in order. */
static uint32_t draw(const struct sample_node *op, struct stratum *s)
{
    uint32_t times = 0;
    if (op->replacement) {
        if (s->left == s->rows) next_draw(s);
        double end = s->left == 1 ? 2 : (double)(s->rows - s->left + 1) / s->rows;
        for (; s->wanted && s->next < end; next_draw(s)) {
            times++;
            s->wanted--;
        }
    } else {
        times = hr_random_below(&s->random, s->left) < s->wanted;
        s->wanted -= times;
    }
    s->left--;
    return times;
}

static hr_status draw_all(const struct sample_node *op, struct hr_batch *batch,
                          struct hr_batch **ret, struct hr_err *err)
{
    struct hr_ktable *table = NULL;
    struct hr_ktable_options options = {.states_bytes = sizeof(struct stratum)};
    struct hr_keys keys = {0};
    struct hr_vector vectors[HR_ORDER_MAX];
    struct row_list list = {0};
    uint32_t n = batch->row_count;
    uint8_t **states = hr_alloc((n + 1) * sizeof *states);
    for (uint32_t i = 0; i < op->node.key_columns; i++)
        vectors[i] = (struct hr_vector){.col = batch->columns[i]};
    hr_status status = states ? hr_ktable_new(&options, &table, err) : HR_OOM(err);
    if (status == HR_OK) status = hr_keys_encode(op->codec, vectors, NULL, n, 0, &keys, err);
    if (status == HR_OK)
        status = hr_ktable_upsert(table, keys.views, keys.hashes, n, states, NULL, err);
    if (status == HR_OK) status = plan_strata(op, batch, states, &keys, err);
    for (uint32_t i = 0; i < n && status == HR_OK; i++) {
        uint32_t times = draw(op, stratum_of(states[i]));
        if (times) status = push_rows(&list, i, times, err);
    }
    if (status == HR_OK) status = gather(batch, list.rows, list.count, ret, err);
    hr_ktable_free(table);
    hr_keys_done(&keys);
    hr_free(states);
    hr_free(list.rows);
    return status;
}

static hr_status exact_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                               struct hr_batch_iter **ret, struct hr_err *err)
{
    struct hr_batch *all, *some;
    HR_TRY(hr_drain_one(rdd, 0, partition, ctx, &all, err));
    hr_status status = draw_all((const struct sample_node *)rdd, all, &some, err);
    hr_batch_unref(all);
    return status == HR_OK ? hr_iter_of_batch(some, ret, err) : status;
}
static const struct hr_rdd_vt exact_vt = {"MapPartitionsRDD", exact_compute, NULL, hr_node_free};

/* --- Building --------------------------------------------------------------------------------- */

static struct sample_node *sample_node(const struct hr_rdd_vt *vt, struct hr_rdd *rdd,
                                       bool with_replacement, hr_fraction_fn fraction, void *arg,
                                       uint64_t seed, struct hr_err *err)
{
    struct sample_node *op = hr_node_narrow(vt, sizeof *op, rdd, rdd->schema, sample_done, err);
    if (!op) return NULL;
    hr_node_place(&op->node, hr_node_of(rdd)->placed);
    op->replacement = with_replacement;
    op->fraction = fraction;
    op->arg = arg;
    op->seed = seed;
    return op;
}

struct hr_rdd *hr_rdd_sample_by_key(struct hr_rdd *rdd, bool with_replacement,
                                    hr_fraction_fn fraction, void *arg, uint64_t seed,
                                    struct hr_err *err)
{
    if (!rdd) return NULL;
    struct sample_node *op =
        sample_node(&sample_vt, rdd, with_replacement, fraction, arg, seed, err);
    return op ? &op->node.base : NULL;
}

struct hr_rdd *hr_rdd_sample_by_key_exact(struct hr_rdd *rdd, bool with_replacement,
                                          hr_fraction_fn fraction, void *arg, uint64_t seed,
                                          struct hr_err *err)
{
    const struct hr_type *types[HR_ORDER_MAX];
    if (!rdd) return NULL;
    if (!hr_node_of(rdd)->placed.partitions) rdd = hr_rdd_partition_by(rdd, 0, err);
    if (!rdd) return NULL;
    struct sample_node *op =
        sample_node(&exact_vt, rdd, with_replacement, fraction, arg, seed, err);
    if (!op) return NULL;
    uint32_t keys = op->node.key_columns;
    for (uint32_t i = 0; i < keys && i < HR_ORDER_MAX; i++) types[i] = rdd->schema->fields[i].type;
    return hr_key_codec_new(&op->arena, types, keys, &op->codec, err) == HR_OK ? &op->node.base
                                                                               : NULL;
}
