/* SPDX-License-Identifier: Apache-2.0 */
/*
 * combineByKey and what is made of it: reduceByKey, foldByKey, aggregateByKey, distinct,
 * countByKey.
 *
 *   values ── combine (map side) ── shuffle by key ── combine (merging states) ── states
 *
 * Both sides are one operator over the keyed table: a key's row holds the state as cells. On the
 * map side the table is emitted and emptied when it grows beyond FLUSH_BYTES, so memory is
 * bounded and keys that never repeat cost little; the reduce side holds all of its partition's
 * keys.
 */
#include "api/api.h"
#include "state/table.h"

#define FLUSH_BYTES (INT64_C(64) << 20)

enum simple { MERGE_CALL, MERGE_SUM, MERGE_MIN, MERGE_MAX };

struct combine_node {
    struct hr_node node;
    struct hr_arena arena;
    const struct hr_key_codec *codec;
    const struct hr_type *state; /* NULL: keys only (distinct) */
    uint32_t keys;
    /* A key's first row: from the row's values, from zero and a merge, or from create. */
    hr_fill_fn zero;
    hr_row_fn create;
    hr_merge_fn merge;
    enum simple simple;
    void *arg;
    bool flushes; /* map side */
};

struct combine_iter {
    struct hr_batch_iter base;
    struct combine_node *op;
    struct hr_batch_iter *parent;
    struct hr_mem *mem;
    const volatile bool *cancelled;
    struct hr_ktable *table;
    struct hr_keys keys;
    uint8_t **states;
    uint8_t *is_new;
    uint32_t capacity;
    struct hr_merger merger;
    struct hr_ktable_iter emit;
    bool emitting, ended;
};

/* --- Ready reducers --------------------------------------------------------------------------- */

/* As functions, for callers that pass them to other places. */
static hr_status merge_columns(enum simple how, const struct hr_row *a, const struct hr_row *b,
                               struct hr_emitter *out)
{
    for (uint32_t i = 0; i < hr_row_columns(a); i++) {
        const struct hr_type *type = out->schema->fields[i].type;
        bool a_null = hr_row_is_null(a, i), b_null = hr_row_is_null(b, i);
        if (a_null || b_null) {
            if (a_null && b_null)
                hr_emit_null(out);
            else
                hr_emit_field(out, a_null ? b : a, i);
        } else if (type->id == HR_T_FLOAT || type->id == HR_T_DOUBLE) {
            double x = hr_row_double(a, i), y = hr_row_double(b, i);
            hr_emit_double(out, how == MERGE_SUM ? x + y : (how == MERGE_MIN) == (x < y) ? x : y);
        } else if (hr_type_is_string(type)) {
            int cmp = hr_text_cmp(hr_row_str(a, i), hr_row_str(b, i));
            if (how == MERGE_SUM)
                hr_emit_double(out, 0); /* reports the type */
            else
                hr_emit_field(out, (how == MERGE_MIN) == (cmp < 0) ? a : b, i);
        } else {
            int64_t x = hr_row_long(a, i), y = hr_row_long(b, i);
            hr_emit_long(out, how == MERGE_SUM                ? (int64_t)((uint64_t)x + (uint64_t)y)
                              : (how == MERGE_MIN) == (x < y) ? x
                                                              : y);
        }
    }
    hr_emit_end(out);
    return HR_OK;
}

hr_status hr_sum(void *arg, const struct hr_row *a, const struct hr_row *b, struct hr_emitter *out,
                 struct hr_err *err)
{
    HR_UNUSED(arg), HR_UNUSED(err);
    return merge_columns(MERGE_SUM, a, b, out);
}

hr_status hr_min(void *arg, const struct hr_row *a, const struct hr_row *b, struct hr_emitter *out,
                 struct hr_err *err)
{
    HR_UNUSED(arg), HR_UNUSED(err);
    return merge_columns(MERGE_MIN, a, b, out);
}

hr_status hr_max(void *arg, const struct hr_row *a, const struct hr_row *b, struct hr_emitter *out,
                 struct hr_err *err)
{
    HR_UNUSED(arg), HR_UNUSED(err);
    return merge_columns(MERGE_MAX, a, b, out);
}

/* Which merges can be done without a call: LONG and DOUBLE columns only. */
static enum simple simple_of(const struct hr_type *state, hr_merge_fn fn)
{
    enum simple how = fn == hr_sum   ? MERGE_SUM
                      : fn == hr_min ? MERGE_MIN
                      : fn == hr_max ? MERGE_MAX
                                     : MERGE_CALL;
    for (uint32_t i = 0; state && i < state->field_count; i++) {
        enum hr_type_id id = state->fields[i].type->id;
        if (id != HR_T_LONG && id != HR_T_DOUBLE && id != HR_T_TIMESTAMP) return MERGE_CALL;
    }
    return how;
}

HR_INLINE void merge_i64(enum simple how, int64_t *into, int64_t v)
{
    if (how == MERGE_SUM)
        *into = (int64_t)((uint64_t)*into + (uint64_t)v);
    else if (how == MERGE_MIN ? v < *into : v > *into)
        *into = v;
}

HR_INLINE void merge_f64(enum simple how, double *into, double v)
{
    if (how == MERGE_SUM)
        *into += v;
    else if (how == MERGE_MIN ? v < *into : v > *into)
        *into = v;
}

/* Column c of all rows into their states. New rows' states are zero cells whose null bits are
 * set. Inlined with how and floating constant. */
HR_INLINE void merge_column(const struct combine_iter *it, const struct hr_batch *batch, uint32_t c,
                            enum simple how, bool floating)
{
    const struct hr_column *col = &batch->columns[it->op->keys + c];
    const int64_t *values = col->values;
    const uint32_t *sel = batch->sel;
    uint64_t bit = UINT64_C(1) << c;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint32_t row = sel ? sel[i] : i;
        struct hr_cells *cells = (struct hr_cells *)(void *)it->states[i];
        if (!hr_column_valid(col, row)) continue;
        if (HR_UNLIKELY(cells->nulls & bit)) {
            cells->nulls &= ~bit;
            memcpy(&cells->cell[c].i64, values + row, 8);
        } else if (floating) {
            merge_f64(how, &cells->cell[c].f64, ((const double *)col->values)[row]);
        } else {
            merge_i64(how, &cells->cell[c].i64, values[row]);
        }
    }
}

static void merge_simple(const struct combine_iter *it, const struct hr_batch *batch, uint32_t c)
{
    bool floating = it->op->state->fields[c].type->id == HR_T_DOUBLE;
    switch (it->op->simple) {
    case MERGE_SUM:
        if (floating)
            merge_column(it, batch, c, MERGE_SUM, true);
        else
            merge_column(it, batch, c, MERGE_SUM, false);
        break;
    case MERGE_MIN:
        if (floating)
            merge_column(it, batch, c, MERGE_MIN, true);
        else
            merge_column(it, batch, c, MERGE_MIN, false);
        break;
    default:
        if (floating)
            merge_column(it, batch, c, MERGE_MAX, true);
        else
            merge_column(it, batch, c, MERGE_MAX, false);
    }
}

/* --- The operator ----------------------------------------------------------------------------- */

static hr_status first_state(struct combine_iter *it, const struct hr_row *values,
                             struct hr_cells *cells, struct hr_err *err)
{
    const struct combine_node *op = it->op;
    if (op->create) {
        struct hr_emitter out;
        hr_emitter_init_cells(&out, op->state, cells);
        hr_status status = hr_emitter_check(&out, op->create(op->arg, values, &out, err), err);
        if (status == HR_OK && out.rows != 1)
            status = hr_err_fail(err, "a combiner's create emits one row");
        if (status != HR_OK) hr_cells_done(op->state, cells);
        return status;
    }
    if (!op->zero) return hr_cells_from_row(op->state, values, 0, cells, err);
    HR_TRY(hr_fill_cells(op->zero, op->arg, op->state, cells, err));
    return hr_merger_merge(&it->merger, cells, values, err);
}

static hr_status merge_calls(struct combine_iter *it, const struct hr_batch *batch,
                             struct hr_err *err)
{
    const struct combine_node *op = it->op;
    struct hr_row row, values;
    hr_row_of_batch(batch, 0, &row);
    hr_row_slice(&row, op->keys, row.count_ - op->keys, &values);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        struct hr_cells *cells = (struct hr_cells *)(void *)it->states[i];
        values.index_ = batch->sel ? batch->sel[i] : i;
        HR_TRY(it->is_new[i] ? first_state(it, &values, cells, err)
                             : hr_merger_merge(&it->merger, cells, &values, err));
    }
    return HR_OK;
}

static hr_status scratch(struct combine_iter *it, uint32_t rows, struct hr_err *err)
{
    if (rows <= it->capacity) return HR_OK;
    hr_free(it->states);
    hr_free(it->is_new);
    it->capacity = 0;
    it->states = hr_alloc(rows * sizeof *it->states);
    it->is_new = hr_alloc(rows);
    if (!it->states || !it->is_new) return HR_OOM(err);
    it->capacity = rows;
    return HR_OK;
}

static hr_status take_in(struct combine_iter *it, const struct hr_batch *batch, struct hr_err *err)
{
    const struct combine_node *op = it->op;
    struct hr_vector vectors[HR_ORDER_MAX];
    for (uint32_t i = 0; i < op->keys; i++)
        vectors[i] = (struct hr_vector){.col = batch->columns[i]};
    HR_TRY(scratch(it, batch->sel_count, err));
    HR_TRY(hr_keys_encode(op->codec, vectors, batch->sel, batch->sel_count, 0, &it->keys, err));
    bool calls = op->state && op->simple == MERGE_CALL;
    HR_TRY(hr_ktable_upsert(it->table, it->keys.views, it->keys.hashes, batch->sel_count,
                            it->states, calls ? it->is_new : NULL, err));
    if (!op->state) return HR_OK;
    if (calls) return merge_calls(it, batch, err);
    for (uint32_t c = 0; c < op->state->field_count; c++) merge_simple(it, batch, c);
    return HR_OK;
}

/* Rows taken in at once: their keys, hashes and states stay in the first cache, which leaves the
 * second one to the table. */
#define TAKE_ROWS 1024u

static hr_status take_in_parts(struct combine_iter *it, struct hr_batch *batch, struct hr_err *err)
{
    hr_status status = HR_OK;
    for (uint32_t at = 0; at < batch->sel_count && status == HR_OK; at += TAKE_ROWS) {
        struct hr_batch *part = hr_batch_slice(batch, at, HR_MIN(TAKE_ROWS, batch->sel_count - at));
        status = part ? take_in(it, part, err) : HR_OOM(err);
        hr_batch_unref(part);
    }
    return status;
}

static void state_done(void *arg, uint8_t *states)
{
    hr_cells_done(((struct combine_node *)arg)->state, (struct hr_cells *)(void *)states);
}

static bool state_has_strings(const struct hr_type *state)
{
    for (uint32_t i = 0; state && i < state->field_count; i++)
        if (hr_type_is_string(state->fields[i].type)) return true;
    return false;
}

static hr_status make_table(struct combine_iter *it, struct hr_err *err)
{
    const struct combine_node *op = it->op;
    union {
        struct hr_cells cells;
        uint8_t bytes[sizeof(struct hr_cells) + HR_CELLS_MAX * sizeof(union hr_cell)];
    } init;
    memset(&init, 0, sizeof init);
    if (op->simple != MERGE_CALL) init.cells.nulls = UINT64_MAX;
    struct hr_ktable_options options = {
        .states_bytes = op->state ? (uint32_t)hr_cells_bytes(op->state->field_count) : 8,
        .states_init = init.bytes,
        .mem = it->mem,
        .row_done = state_has_strings(op->state) ? state_done : NULL,
        .arg = it->op,
    };
    return hr_ktable_new(&options, &it->table, err);
}

/* Up to a batch of the table's rows; NULL: it has been emitted whole. */
static hr_status emit(struct combine_iter *it, struct hr_batch **ret, struct hr_err *err)
{
    const struct combine_node *op = it->op;
    const struct hr_type *schema = op->node.base.schema;
    uint8_t *states[1024];
    struct hr_str_view keys[1024];
    uint32_t n = hr_ktable_iter_next(&it->emit, states, HR_COUNT(states));
    *ret = NULL;
    if (!n) return HR_OK;
    struct hr_batch *batch = hr_batch_new(schema, n, NULL);
    if (!batch) return HR_OOM(err);
    for (uint32_t i = 0; i < n; i++) keys[i] = hr_ktable_key(it->table, states[i]);
    hr_status status = hr_keys_decode(op->codec, keys, n, &batch->arena, batch->columns, err);
    for (uint32_t c = 0; status == HR_OK && op->state && c < op->state->field_count; c++)
        status = hr_cells_to_column(op->state, c, states, 0, n, &batch->arena,
                                    &batch->columns[op->keys + c], err);
    if (status != HR_OK)
        hr_batch_unref(batch);
    else
        *ret = batch;
    return status;
}

/* Fills the table from the parent, to its end or until it is full. */
static hr_status fill(struct combine_iter *it, struct hr_err *err)
{
    while (!it->ended) {
        struct hr_batch *batch;
        if (it->cancelled && __atomic_load_n(it->cancelled, __ATOMIC_RELAXED))
            return HR_RAISE(err, HR_E_CANCELLED);
        HR_TRY(it->parent->next(it->parent, &batch, err));
        if (!batch) {
            it->ended = true;
            break;
        }
        hr_status status = take_in_parts(it, batch, err);
        hr_batch_unref(batch);
        HR_TRY(status);
        if (it->op->flushes && hr_ktable_bytes(it->table) > FLUSH_BYTES) break;
    }
    hr_ktable_iter_all(it->table, &it->emit);
    it->emitting = true;
    return HR_OK;
}

static hr_status combine_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct combine_iter *it = (struct combine_iter *)iter;
    for (;;) {
        if (!it->emitting) HR_TRY(fill(it, err));
        HR_TRY(emit(it, ret, err));
        if (*ret || it->ended) return HR_OK;
        hr_ktable_clear(it->table);
        it->emitting = false;
    }
}

static void combine_close(struct hr_batch_iter *iter)
{
    struct combine_iter *it = (struct combine_iter *)iter;
    if (it->parent) it->parent->close(it->parent);
    hr_ktable_free(it->table);
    hr_keys_done(&it->keys);
    hr_free(it->states);
    hr_free(it->is_new);
    hr_free(it);
}

static hr_status combine_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                 struct hr_batch_iter **ret, struct hr_err *err)
{
    struct combine_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->base = (struct hr_batch_iter){combine_next, combine_close};
    it->op = (struct combine_node *)rdd;
    it->mem = ctx->mem;
    it->cancelled = ctx->cancelled;
    it->keys.mem = ctx->mem;
    if (it->op->state) hr_merger_init(&it->merger, it->op->merge, it->op->arg, it->op->state);
    hr_status status = make_table(it, err);
    if (status == HR_OK) status = hr_rdd_parent_iter(rdd, 0, partition, ctx, &it->parent, err);
    if (status != HR_OK) {
        combine_close(&it->base);
        return status;
    }
    *ret = &it->base;
    return HR_OK;
}
static const struct hr_rdd_vt combine_vt = {"MapPartitionsRDD", combine_compute, NULL,
                                            hr_node_free};
static const struct hr_rdd_vt reduce_vt = {"ShuffledRDD", combine_compute, NULL, hr_node_free};

/* --- Building --------------------------------------------------------------------------------- */

static void combine_done(struct hr_node *node)
{
    hr_arena_done(&((struct combine_node *)node)->arena);
}

struct combine_spec {
    const struct hr_type *state;
    uint32_t keys;
    hr_fill_fn zero;
    hr_row_fn create;
    hr_merge_fn merge_value, merge_states;
    void *arg;
    bool no_map_side;
};

static struct combine_node *combine_node(struct hr_rdd *rdd, const struct hr_dependency *dep,
                                         const struct combine_spec *spec, bool map_side,
                                         uint32_t partitions, struct hr_placement placed,
                                         struct hr_err *err)
{
    const struct hr_type *types[HR_ORDER_MAX];
    const struct hr_type *keys = hr_schema_slice(rdd->schema, 0, spec->keys);
    const struct hr_type *schema =
        keys && spec->state ? hr_schema_concat(keys, spec->state, false, false) : keys;
    if (!schema) {
        if (dep->partitioner) dep->partitioner->free(dep->partitioner);
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    struct combine_node *op = hr_node_new(
        &(struct hr_node_spec){.vt = dep->kind == HR_DEP_SHUFFLE ? &reduce_vt : &combine_vt,
                               .size = sizeof *op,
                               .pool = hr_node_of(rdd)->pool,
                               .schema = schema,
                               .partitions = partitions,
                               .deps = dep,
                               .dep_count = 1,
                               .key_columns = spec->keys,
                               .placed = placed,
                               .op_done = combine_done},
        err);
    if (!op) return NULL;
    for (uint32_t i = 0; i < spec->keys; i++) types[i] = rdd->schema->fields[i].type;
    op->state = spec->state;
    op->keys = spec->keys;
    op->arg = spec->arg;
    op->flushes = map_side;
    return hr_key_codec_new(&op->arena, types, spec->keys, &op->codec, err) == HR_OK ? op : NULL;
}

/* Rows of values become states; on either side of the shuffle. */
static void makes_states(struct combine_node *op, const struct combine_spec *spec)
{
    op->zero = spec->zero;
    op->create = spec->create;
    op->merge = spec->merge_value;
    if (!spec->zero && !spec->create) op->simple = simple_of(spec->state, spec->merge_value);
}

static void merges_states(struct combine_node *op, const struct combine_spec *spec)
{
    op->merge = spec->merge_states;
    op->simple = simple_of(spec->state, spec->merge_states);
}

static struct hr_rdd *combine(struct hr_rdd *rdd, const struct combine_spec *spec,
                              uint32_t partitions, struct hr_err *err)
{
    if (spec->keys > HR_ORDER_MAX) {
        HR_UNUSED(
            HR_FAIL(err, HR_E_LIMIT, "a key of %u columns; at most %d", spec->keys, HR_ORDER_MAX));
        return NULL;
    }
    if (spec->state && hr_cells_check(spec->state, err) != HR_OK) return NULL;
    const struct hr_placement to = hr_default_placement(&rdd, 1, spec->keys, partitions);
    const struct hr_placement anywhere = {0};
    struct hr_dependency narrow = {.kind = HR_DEP_ONE_TO_ONE, .parent = rdd};
    bool placed = hr_node_is_placed(hr_node_of(rdd), spec->keys, &to);
    struct combine_node *op = NULL;
    if (placed || !spec->no_map_side) {
        op = combine_node(rdd, &narrow, spec, !placed, rdd->partition_count, placed ? to : anywhere,
                          err);
        if (!op) return NULL;
        makes_states(op, spec);
        if (placed) return &op->node.base;
    }
    struct hr_rdd *from = op ? &op->node.base : rdd;
    struct hr_dependency wide = {.kind = HR_DEP_SHUFFLE,
                                 .parent = from,
                                 .partitioner =
                                     hr_partitioner_of(from->schema, spec->keys, &to, err)};
    if (!wide.partitioner) return NULL;
    bool combined = op != NULL;
    op = combine_node(from, &wide, spec, false, to.partitions, to, err);
    if (!op) return NULL;
    if (combined)
        merges_states(op, spec);
    else
        makes_states(op, spec);
    return &op->node.base;
}

static const struct hr_type *values_of(const struct hr_rdd *rdd, struct hr_err *err)
{
    uint32_t keys = hr_node_of(rdd)->key_columns;
    if (rdd->schema->field_count <= keys) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the RDD has key columns only, no values"));
        return NULL;
    }
    return hr_schema_slice(rdd->schema, keys, rdd->schema->field_count - keys);
}

struct hr_rdd *hr_rdd_reduce_by_key(struct hr_rdd *rdd, hr_merge_fn fn, void *arg,
                                    uint32_t partitions, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    return hr_rdd_fold_by_key(rdd, NULL, fn, arg, partitions, err);
}

struct hr_rdd *hr_rdd_fold_by_key(struct hr_rdd *rdd, hr_fill_fn zero, hr_merge_fn fn, void *arg,
                                  uint32_t partitions, struct hr_err *err)
{
    if (!fn) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    const struct hr_type *values = rdd ? values_of(rdd, err) : NULL;
    if (!values) return NULL;
    struct combine_spec spec = {.state = values,
                                .keys = hr_node_of(rdd)->key_columns,
                                .zero = zero,
                                .merge_value = fn,
                                .merge_states = fn,
                                .arg = arg};
    return combine(rdd, &spec, partitions, err);
}

struct hr_rdd *hr_rdd_aggregate_by_key(struct hr_rdd *rdd, const char *state_schema,
                                       hr_fill_fn zero, hr_merge_fn seq, hr_merge_fn comb,
                                       void *arg, uint32_t partitions, struct hr_err *err)
{
    if (!zero) {
        HR_UNUSED(hr_missing("no function of zero", err));
        return NULL;
    }
    if (!seq) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    if (!comb) {
        HR_UNUSED(hr_missing("no function", err));
        return NULL;
    }
    const struct hr_type *state;
    if (!rdd || hr_schema_from_ddl(state_schema, &state, err) != HR_OK || !values_of(rdd, err))
        return NULL;
    struct combine_spec spec = {.state = state,
                                .keys = hr_node_of(rdd)->key_columns,
                                .zero = zero,
                                .merge_value = seq,
                                .merge_states = comb,
                                .arg = arg};
    return combine(rdd, &spec, partitions, err);
}

struct hr_rdd *hr_rdd_combine_by_key(struct hr_rdd *rdd, const struct hr_combiner *c,
                                     uint32_t partitions, struct hr_err *err)
{
    if (!c) {
        HR_UNUSED(hr_missing("no combiner", err));
        return NULL;
    }
    const struct hr_type *state;
    if (!rdd || hr_schema_from_ddl(c->state_schema, &state, err) != HR_OK || !values_of(rdd, err))
        return NULL;
    struct combine_spec spec = {.state = state,
                                .keys = hr_node_of(rdd)->key_columns,
                                .create = c->create,
                                .merge_value = c->merge_value,
                                .merge_states = c->merge_states,
                                .arg = c->arg,
                                .no_map_side = c->no_map_side};
    return combine(rdd, &spec, partitions, err);
}

struct hr_rdd *hr_rdd_distinct(struct hr_rdd *rdd, uint32_t partitions, struct hr_err *err)
{
    if (!rdd) return NULL;
    struct combine_spec spec = {.keys = rdd->schema->field_count};
    struct hr_rdd *out = combine(rdd, &spec, partitions, err);
    if (!out) return NULL;
    hr_node_of(out)->key_columns = hr_node_of(rdd)->key_columns;
    if (hr_node_of(rdd)->key_columns != rdd->schema->field_count)
        hr_node_place(hr_node_of(out), (struct hr_placement){0});
    return out;
}

/* --- Counting --------------------------------------------------------------------------------- */

static hr_status emit_one(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    HR_UNUSED(arg), HR_UNUSED(row), HR_UNUSED(err);
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return HR_OK;
}

/* The first n columns as key and how many rows have it. */
static struct hr_rows *count_by(struct hr_rdd *rdd, uint32_t n, struct hr_err *err)
{
    if (n != hr_node_of(rdd)->key_columns) rdd = hr_rdd_with_keys(rdd, n, err);
    struct hr_rdd *ones = hr_rdd_map_values(rdd, "count LONG", emit_one, NULL, err);
    return hr_rdd_collect(hr_rdd_reduce_by_key(ones, hr_sum, NULL, 0, err), err);
}

struct hr_rows *hr_rdd_count_by_key(struct hr_rdd *rdd, struct hr_err *err)
{
    return rdd ? count_by(rdd, hr_node_of(rdd)->key_columns, err) : NULL;
}

struct hr_rows *hr_rdd_count_by_value(struct hr_rdd *rdd, struct hr_err *err)
{
    return rdd ? count_by(rdd, rdd->schema->field_count, err) : NULL;
}
