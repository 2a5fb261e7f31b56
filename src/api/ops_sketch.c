/* SPDX-License-Identifier: Apache-2.0 */
/*
 * countApproxDistinct and countApproxDistinctByKey: HyperLogLog over the hashes that shuffles use.
 *
 *   rows ── sketch (map side) ── shuffle by key ── merge sketches ── counts
 *
 * Both sides are one operator: a keyed table whose rows are registers. Without a key (the action)
 * the table has one row. The map side is emitted and emptied when it grows beyond FLUSH_BYTES.
 * Compared with counting distinct rows, a key costs 2^p bytes however many values it has.
 */
#include "api/api.h"
#include "base/hash.h"
#include "base/hll.h"
#include "state/table.h"

#define FLUSH_BYTES (INT64_C(64) << 20)
#define EMIT_ROWS   256

struct sketch_node {
    struct hr_node node;
    struct hr_arena arena;
    const struct hr_key_codec *key, *value; /* key NULL: there is none; value NULL: merges */
    uint32_t keys, p;
    bool counts, flushes; /* emits counts, not registers */
};

struct sketch_iter {
    struct hr_batch_iter base;
    const struct sketch_node *op;
    struct hr_batch_iter *parent;
    const volatile bool *cancelled;
    struct hr_ktable *table;
    struct hr_keys keys, values;
    uint8_t **states;
    struct hr_string *no_keys; /* empty keys and their hashes, where there is no key */
    uint64_t *no_hashes;
    uint32_t capacity;
    struct hr_ktable_iter emit;
    bool emitting, ended;
};

/* --- Taking rows in --------------------------------------------------------------------------- */

static hr_status scratch(struct sketch_iter *it, uint32_t rows, struct hr_err *err)
{
    if (rows <= it->capacity) return HR_OK;
    hr_free(it->states);
    hr_free(it->no_keys);
    hr_free(it->no_hashes);
    it->states = hr_alloc(rows * sizeof *it->states);
    it->no_keys = hr_zalloc(rows * sizeof *it->no_keys);
    it->no_hashes = hr_zalloc(rows * sizeof *it->no_hashes);
    it->capacity = it->states && it->no_keys && it->no_hashes ? rows : 0;
    return it->capacity ? HR_OK : HR_OOM(err);
}

static hr_status encode(const struct hr_key_codec *codec, const struct hr_batch *batch,
                        uint32_t first, uint32_t count, struct hr_keys *keys, struct hr_err *err)
{
    struct hr_vector vectors[HR_ORDER_MAX];
    for (uint32_t i = 0; i < count; i++)
        vectors[i] = (struct hr_vector){.col = batch->columns[first + i]};
    return hr_keys_encode(codec, vectors, batch->sel, batch->sel_count, 0, keys, err);
}

static hr_status merge_registers(const struct sketch_iter *it, const struct hr_batch *batch,
                                 struct hr_err *err)
{
    const struct sketch_node *op = it->op;
    const struct hr_string *sketches = batch->columns[op->keys].values;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        const struct hr_string *s = &sketches[batch->sel ? batch->sel[i] : i];
        if (s->len != hr_hll_bytes(op->p)) return HR_BUG(err, "a sketch of %u bytes", s->len);
        hr_hll_merge(it->states[i], (const uint8_t *)hr_string_ptr(s), op->p);
    }
    return HR_OK;
}

static hr_status take_in(struct sketch_iter *it, const struct hr_batch *batch, struct hr_err *err)
{
    const struct sketch_node *op = it->op;
    uint32_t n = batch->sel_count, columns = batch->schema->field_count;
    HR_TRY(scratch(it, n, err));
    if (op->key) HR_TRY(encode(op->key, batch, 0, op->keys, &it->keys, err));
    HR_TRY(hr_ktable_upsert(it->table, op->key ? it->keys.views : it->no_keys,
                            op->key ? it->keys.hashes : it->no_hashes, n, it->states, NULL, err));
    if (!op->value) return merge_registers(it, batch, err);
    HR_TRY(encode(op->value, batch, op->keys, columns - op->keys, &it->values, err));
    for (uint32_t i = 0; i < n; i++)
        hr_hll_add(it->states[i], op->p, hr_hash_u64(it->values.hashes[i]));
    return HR_OK;
}

/* Fills the table from the parent, to its end or until it is full. */
static hr_status fill(struct sketch_iter *it, struct hr_err *err)
{
    while (!it->ended) {
        struct hr_batch *batch;
        if (it->cancelled && __atomic_load_n(it->cancelled, __ATOMIC_RELAXED))
            return HR_RAISE(err, HR_E_CANCELLED);
        HR_TRY(it->parent->next(it->parent, &batch, err));
        it->ended = batch == NULL;
        if (!batch) break;
        hr_status status = batch->sel_count ? take_in(it, batch, err) : HR_OK;
        hr_batch_unref(batch);
        HR_TRY(status);
        if (it->op->flushes && hr_ktable_bytes(it->table) > FLUSH_BYTES) break;
    }
    hr_ktable_iter_all(it->table, &it->emit);
    it->emitting = true;
    return HR_OK;
}

/* --- Output ----------------------------------------------------------------------------------- */

static hr_status sketch_column(const struct sketch_node *op, uint8_t *const *states, uint32_t n,
                               struct hr_batch *out, struct hr_err *err)
{
    struct hr_column *col = &out->columns[op->keys];
    HR_TRY(hr_column_alloc(&out->arena, out->schema->fields[op->keys].type, n, false, col, err));
    if (op->counts) {
        int64_t *counts = (int64_t *)(uintptr_t)col->values;
        for (uint32_t i = 0; i < n; i++) counts[i] = hr_hll_estimate(states[i], op->p);
        return HR_OK;
    }
    struct hr_string *sketches = (struct hr_string *)(uintptr_t)col->values;
    for (uint32_t i = 0; i < n; i++) {
        char *copy = hr_arena_memdup(&out->arena, states[i], hr_hll_bytes(op->p));
        if (!copy) return HR_OOM(err);
        sketches[i] = hr_string_make(copy, (uint32_t)hr_hll_bytes(op->p));
    }
    return HR_OK;
}

static hr_status emit(struct sketch_iter *it, struct hr_batch **ret, struct hr_err *err)
{
    const struct sketch_node *op = it->op;
    uint8_t *states[EMIT_ROWS];
    struct hr_str_view keys[EMIT_ROWS];
    uint32_t n = hr_ktable_iter_next(&it->emit, states, EMIT_ROWS);
    *ret = NULL;
    if (!n) return HR_OK;
    struct hr_batch *out = hr_batch_new(op->node.base.schema, n, NULL);
    if (!out) return HR_OOM(err);
    for (uint32_t i = 0; i < n; i++) keys[i] = hr_ktable_key(it->table, states[i]);
    hr_status status = HR_OK;
    if (op->key) status = hr_keys_decode(op->key, keys, n, &out->arena, out->columns, err);
    if (status == HR_OK) status = sketch_column(op, states, n, out, err);
    if (status != HR_OK)
        hr_batch_unref(out);
    else
        *ret = out;
    return status;
}

static hr_status sketch_next(struct hr_batch_iter *base, struct hr_batch **ret, struct hr_err *err)
{
    struct sketch_iter *it = (struct sketch_iter *)base;
    for (;;) {
        if (!it->emitting) HR_TRY(fill(it, err));
        HR_TRY(emit(it, ret, err));
        if (*ret || it->ended) return HR_OK;
        hr_ktable_clear(it->table);
        it->emitting = false;
    }
}

static void sketch_close(struct hr_batch_iter *base)
{
    struct sketch_iter *it = (struct sketch_iter *)base;
    if (it->parent) it->parent->close(it->parent);
    hr_ktable_free(it->table);
    hr_keys_done(&it->keys);
    hr_keys_done(&it->values);
    hr_free(it->states);
    hr_free(it->no_keys);
    hr_free(it->no_hashes);
    hr_free(it);
}

static hr_status sketch_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                struct hr_batch_iter **ret, struct hr_err *err)
{
    const struct sketch_node *op = (const struct sketch_node *)rdd;
    struct sketch_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->base = (struct hr_batch_iter){sketch_next, sketch_close};
    it->op = op;
    it->cancelled = ctx->cancelled;
    it->keys.mem = it->values.mem = ctx->mem;
    struct hr_ktable_options options = {.states_bytes = (uint32_t)hr_hll_bytes(op->p),
                                        .mem = ctx->mem};
    hr_status status = hr_ktable_new(&options, &it->table, err);
    if (status == HR_OK) status = hr_rdd_parent_iter(rdd, 0, partition, ctx, &it->parent, err);
    if (status != HR_OK) {
        sketch_close(&it->base);
        return status;
    }
    *ret = &it->base;
    return HR_OK;
}
static const struct hr_rdd_vt sketch_vt = {"MapPartitionsRDD", sketch_compute, NULL, hr_node_free};

/* --- Building --------------------------------------------------------------------------------- */

static void sketch_done(struct hr_node *node)
{
    hr_arena_done(&((struct sketch_node *)node)->arena);
}

static hr_status codec_of(struct hr_arena *arena, const struct hr_type *schema, uint32_t first,
                          uint32_t count, const struct hr_key_codec **ret, struct hr_err *err)
{
    const struct hr_type *types[HR_ORDER_MAX];
    if (count > HR_ORDER_MAX)
        return HR_FAIL(err, HR_E_LIMIT, "%u columns to count distinct; at most %d", count,
                       HR_ORDER_MAX);
    for (uint32_t i = 0; i < count; i++) types[i] = schema->fields[first + i].type;
    return hr_key_codec_new(arena, types, count, ret, err);
}

struct sketch_spec {
    struct hr_pool *pool;
    uint32_t keys, p;
};

/* rows: the parent's are rows, else sketches; counts: emits counts, else sketches. */
static struct hr_rdd *sketch_node(struct hr_rdd *rdd, const struct sketch_spec *spec,
                                  const struct hr_dependency *dep, struct hr_placement placed,
                                  bool rows, bool counts, struct hr_err *err)
{
    struct hr_field last = {counts ? "count" : "sketch", hr_type(counts ? HR_T_LONG : HR_T_BINARY),
                            false};
    const struct hr_type *value = hr_type_struct(&last, 1), *schema = value;
    if (value && spec->keys) {
        const struct hr_type *keys = hr_schema_slice(rdd->schema, 0, spec->keys);
        schema = keys ? hr_schema_concat(keys, value, false, false) : NULL;
    }
    if (!schema) {
        if (dep->partitioner) dep->partitioner->free(dep->partitioner);
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    struct sketch_node *op = hr_node_new(
        &(struct hr_node_spec){.vt = &sketch_vt,
                               .size = sizeof *op,
                               .pool = spec->pool,
                               .schema = schema,
                               .partitions = dep->partitioner ? dep->partitioner->partition_count
                                                              : rdd->partition_count,
                               .deps = dep,
                               .dep_count = 1,
                               .key_columns = spec->keys,
                               .placed = placed,
                               .op_done = sketch_done},
        err);
    if (!op) return NULL;
    op->keys = spec->keys;
    op->p = spec->p;
    op->counts = counts;
    op->flushes = !counts;
    hr_status status = HR_OK;
    if (op->keys) status = codec_of(&op->arena, rdd->schema, 0, op->keys, &op->key, err);
    if (status == HR_OK && rows)
        status = codec_of(&op->arena, rdd->schema, op->keys, rdd->schema->field_count - op->keys,
                          &op->value, err);
    return status == HR_OK ? &op->node.base : NULL;
}

static hr_status check_sd(double relative_sd, struct hr_err *err)
{
    if (relative_sd > 0.002 && relative_sd <= 1) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                   "a relative standard deviation of %g; above 0.002, at most 1", relative_sd);
}

struct hr_rdd *hr_rdd_count_approx_distinct_by_key(struct hr_rdd *rdd, double relative_sd,
                                                   uint32_t partitions, struct hr_err *err)
{
    if (!rdd || check_sd(relative_sd, err) != HR_OK) return NULL;
    const struct hr_node *node = hr_node_of(rdd);
    struct sketch_spec spec = {node->pool, node->key_columns, hr_hll_precision(relative_sd)};
    if (rdd->schema->field_count <= spec.keys) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the RDD has key columns only, no values"));
        return NULL;
    }
    const struct hr_placement to = hr_default_placement(&rdd, 1, spec.keys, partitions);
    struct hr_dependency dep = {.kind = HR_DEP_ONE_TO_ONE, .parent = rdd};
    if (hr_node_is_placed(node, spec.keys, &to))
        return sketch_node(rdd, &spec, &dep, to, true, true, err);
    struct hr_rdd *from = sketch_node(rdd, &spec, &dep, (struct hr_placement){0}, true, false, err);
    if (!from) return NULL;
    dep = (struct hr_dependency){.kind = HR_DEP_SHUFFLE, .parent = from};
    dep.partitioner = hr_partitioner_of(from->schema, spec.keys, &to, err);
    return dep.partitioner ? sketch_node(from, &spec, &dep, to, false, true, err) : NULL;
}

/* One sketch a partition, merged into one count. */
static struct hr_rdd *count_all(struct hr_rdd *rdd, const struct sketch_spec *spec,
                                struct hr_err *err)
{
    const struct hr_placement anywhere = {0};
    struct hr_dependency dep = {.kind = HR_DEP_ONE_TO_ONE, .parent = rdd};
    struct hr_rdd *from = sketch_node(rdd, spec, &dep, anywhere, true, false, err);
    if (!from) return NULL;
    dep = (struct hr_dependency){.kind = HR_DEP_SHUFFLE, .parent = from};
    dep.partitioner = hr_partitioner_single(err);
    return dep.partitioner ? sketch_node(from, spec, &dep, anywhere, false, true, err) : NULL;
}

hr_status hr_rdd_count_approx_distinct(struct hr_rdd *rdd, double relative_sd, uint64_t *ret,
                                       struct hr_err *err)
{
    struct hr_pool pool;
    struct hr_err own = {0};
    if (!err) err = &own;
    if (!rdd) return err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
    HR_TRY(check_sd(relative_sd, err));
    hr_pool_init(&pool, hr_node_of(rdd)->ctx);
    struct sketch_spec spec = {&pool, 0, hr_hll_precision(relative_sd)};
    struct hr_rows *rows = hr_rdd_collect(count_all(rdd, &spec, err), err);
    hr_pool_done(&pool);
    if (!rows) return err->code;
    const struct hr_row *row = hr_rows_next(rows);
    *ret = row ? (uint64_t)hr_row_long(row, 0) : 0; /* no rows: no sketch */
    hr_rows_free(rows);
    return HR_OK;
}
