/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HashAggregate over the keyed table: one row a group, its states updated by arrays of pointers, so
 * that neither keys nor aggregates cost a call per row.
 *
 *   COMPLETE  rows → results
 *   PARTIAL   rows → keys and one BINARY of states (what an exchange moves)
 *   FINAL     the latter → results
 *
 * A batch goes in blocks of BLOCK rows: find the groups, then update every aggregate while the rows
 * are in the cache. Without keys there is one row of states and no table, and one result row even
 * when there was no input. A DISTINCT aggregate keeps a table of (group, arguments) already seen
 * and
 * passes on the first of each.
 */
#include "expr/codec.h"
#include "operator/agg_spill.h"
#include "operator/agg_states.h"
#include "operator/exchange.h"
#include "operator/exec.h"
#include "operator/spill.h"
#include "state/table.h"

#define BLOCK 2048u

struct distinct {
    struct hr_ktable *seen;
    const struct hr_key_codec *codec;
    struct hr_vector *vectors; /* group, then arguments */
};

struct aggregate {
    struct hr_op op;
    const struct hr_pnode
        *input;       /* whose program and argument places hold: op.node, or the PARTIAL */
    bool from_states; /* FINAL over states */
    struct hr_eval *eval;
    const struct hr_key_codec *codec;
    struct hr_keys keys, distinct_keys;
    struct hr_ktable *table;
    uint8_t *single;           /* states without keys */
    struct distinct *distinct; /* by aggregate; NULL: none is DISTINCT */
    struct hr_vector *vectors;
    struct hr_arena scratch; /* of one input batch */
    struct hr_buf buf;
    uint8_t *merge_state; /* FINAL: one set of states to merge from */
    /* of one block */
    uint8_t **states, **some_states;
    uint32_t *some_rows;
    uint8_t *is_new;
    struct hr_ktable_iter iter;
    struct hr_value_account heap; /* of the states */
    struct hr_agg_spill *spill;   /* NULL: all groups are in memory */
    bool loaded, done;
};

/* In a plan of one task a FINAL takes the rows of its PARTIAL itself. */
static const struct hr_pnode *aggregate_input(const struct hr_pnode *node, bool collapsed)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    if (agg->mode != HR_AGG_FINAL) return node;
    const struct hr_pnode *child = node->children[0];
    if (collapsed && hr_pnode_exchange(child)) child = child->children[0];
    if (child->vt != node->vt) return node;
    const struct hr_aggregate_pnode *partial = hr_agg_node(child);
    bool fits = partial->mode == HR_AGG_PARTIAL && partial->agg_count == agg->agg_count;
    return fits ? child : node;
}

static void row_done(void *arg, uint8_t *states)
{
    hr_agg_done(arg, states);
}

/* --- Opening ---------------------------------------------------------------------------------- */

static hr_status open_distinct(struct aggregate *op, const struct hr_agg_spec *spec,
                               struct distinct *d, struct hr_err *err)
{
    assert(spec->distinct && !d->seen);
    struct hr_arena *arena = op->op.task->arena;
    uint32_t args = spec->call->arg_count;
    const struct hr_type **types = HR_NEW_ARRAY(arena, const struct hr_type *, args + 1);
    d->vectors = HR_NEW_ARRAY(arena, struct hr_vector, args + 1);
    if (!types || !d->vectors) return HR_OOM(err);
    types[0] = hr_type(HR_T_LONG);
    for (uint32_t i = 0; i < args; i++) types[i + 1] = spec->call->args[i]->type;
    HR_TRY(hr_key_codec_new(arena, types, args + 1, &d->codec, err));
    struct hr_ktable_options options = {.mem = op->op.task->mem};
    return hr_ktable_new(&options, &d->seen, err);
}

static hr_status open_groups(struct aggregate *op, struct hr_err *err)
{
    assert(!op->table && !op->single);
    const struct hr_pnode *node = op->op.node;
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    struct hr_arena *arena = op->op.task->arena;
    uint8_t *init = hr_arena_zalloc(arena, HR_MAX(agg->states_bytes, 8));
    if (!init) return HR_OOM(err);
    hr_agg_init(node, init);
    if (agg->key_count == 0) {
        op->single = init;
        return HR_OK;
    }
    const struct hr_type **types = HR_NEW_ARRAY(arena, const struct hr_type *, agg->key_count);
    if (!types) return HR_OOM(err);
    for (uint32_t i = 0; i < agg->key_count; i++) types[i] = node->schema->fields[i].type;
    HR_TRY(hr_key_codec_new(arena, types, agg->key_count, &op->codec, err));
    struct hr_ktable_options options = {
        .states_bytes = agg->states_bytes,
        .states_init = init,
        .mem = op->op.task->mem,
        .row_done = hr_agg_needs_done(node) ? row_done : NULL,
        .arg = (void *)(uintptr_t)node,
    };
    return hr_ktable_new(&options, &op->table, err);
}

static hr_status open_parts(struct aggregate *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    struct hr_task *task = op->op.task;
    hr_arena_init(&op->scratch, task->mem);
    op->heap.mem = task->mem;
    op->keys.mem = op->distinct_keys.mem = task->mem;
    op->states = hr_arena_alloc(task->arena, BLOCK * sizeof *op->states);
    op->some_states = hr_arena_alloc(task->arena, BLOCK * sizeof *op->some_states);
    op->some_rows = hr_arena_alloc(task->arena, BLOCK * sizeof *op->some_rows);
    op->is_new = hr_arena_alloc(task->arena, BLOCK);
    if (!op->states || !op->some_states || !op->some_rows || !op->is_new) return HR_OOM(err);
    HR_TRY(open_groups(op, err));
    if (op->from_states) {
        op->vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, agg->key_count + 1);
        op->merge_state = hr_arena_zalloc(task->arena, HR_MAX(agg->states_bytes, 8));
        return op->vectors && op->merge_state ? HR_OK : HR_OOM(err);
    }
    op->vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, op->input->expr_count + 1);
    if (!op->vectors) return HR_OOM(err);
    HR_TRY(hr_eval_new(op->input->program, task->mem, &op->eval, err));
    hr_eval_set_context(op->eval, task->now_us, task->partition);
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        if (!agg->aggs[a].distinct) continue;
        if (!op->distinct) {
            op->distinct = HR_NEW_ARRAY(task->arena, struct distinct, agg->agg_count);
            if (!op->distinct) return HR_OOM(err);
        }
        HR_TRY(open_distinct(op, &agg->aggs[a], &op->distinct[a], err));
    }
    return HR_OK;
}

static void aggregate_close(struct hr_op *base)
{
    struct aggregate *op = (struct aggregate *)base;
    const struct hr_pnode *node = base->node;
    struct hr_value_account *before = hr_value_account_enter(&op->heap);
    if (op->single) hr_agg_done(node, op->single);
    op->single = NULL;
    hr_ktable_free(op->table);
    op->table = NULL;
    hr_agg_spill_free(op->spill);
    op->spill = NULL;
    for (uint32_t a = 0; op->distinct && a < hr_agg_node(node)->agg_count; a++)
        hr_ktable_free(op->distinct[a].seen);
    (void)hr_value_account_enter(before);
    hr_value_account_done(&op->heap);
    hr_keys_done(&op->keys);
    hr_keys_done(&op->distinct_keys);
    hr_eval_free(op->eval);
    hr_buf_done(&op->buf);
    hr_arena_done(&op->scratch);
}

static hr_status aggregate_open(const struct hr_pnode *node, struct hr_task *task,
                                struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    struct aggregate *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->input = aggregate_input(node, task->pipeline && task->pipeline->collapsed);
    op->from_states = op->input == node && hr_agg_node(node)->mode == HR_AGG_FINAL;
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        aggregate_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* --- Rows in ---------------------------------------------------------------------------------- */

/* The rows of a block that one aggregate gets. */
struct block {
    const uint32_t *rows;
    uint8_t *const *states;
    uint32_t count;
};

/* Keeps the rows where the FILTER predicate is true. */
static void apply_filter(struct aggregate *op, const struct hr_vector *predicate, struct block *b)
{
    assert(b->count <= BLOCK);
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        uint32_t row = hr_vector_row(predicate, b->rows[i]);
        bool pass = hr_bit_get(predicate->col.values, row) && hr_column_valid(&predicate->col, row);
        op->some_rows[n] = b->rows[i];
        op->some_states[n] = b->states[i];
        n += pass;
    }
    *b = (struct block){op->some_rows, op->some_states, n};
}

/* Keeps the first row of each (group, arguments). */
static hr_status apply_distinct(struct aggregate *op, const struct hr_agg_spec *spec,
                                struct distinct *d, struct block *b, struct hr_err *err)
{
    assert(d->seen && b->count > 0 && b->count <= BLOCK);
    const struct hr_vector *args = op->vectors + spec->first_arg;
    uint32_t arg_count = spec->call->arg_count;
    /* The group's number stands at the physical row's place of no column: encode it apart. */
    uint32_t max_row = 0;
    for (uint32_t i = 0; i < b->count; i++) max_row = HR_MAX(max_row, b->rows[i]);
    int64_t *groups = hr_arena_alloc_aligned(&op->scratch, ((size_t)max_row + 1) * 8);
    if (!groups) return HR_OOM(err);
    for (uint32_t i = 0; i < b->count; i++) groups[b->rows[i]] = (int64_t)(uintptr_t)b->states[i];
    d->vectors[0] = (struct hr_vector){
        .col = {.type = hr_type(HR_T_LONG), .length = max_row + 1, .values = groups}};
    memcpy(d->vectors + 1, args, arg_count * sizeof *args);
    HR_TRY(hr_keys_encode(d->codec, d->vectors, b->rows, b->count, 0, &op->distinct_keys, err));
    uint8_t *seen[BLOCK];
    HR_TRY(hr_ktable_upsert(d->seen, op->distinct_keys.views, op->distinct_keys.hashes, b->count,
                            seen, op->is_new, err));
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        op->some_rows[n] = b->rows[i];
        op->some_states[n] = b->states[i];
        n += op->is_new[i];
    }
    *b = (struct block){op->some_rows, op->some_states, n};
    return HR_OK;
}

static hr_status update_block(struct aggregate *op, struct hr_eval_ctx *ctx,
                              const struct block *whole, const int32_t *weights, struct hr_err *err)
{
    const struct hr_pnode *node = op->input;
    const struct hr_aggregate_pnode *agg_node = hr_agg_node(node);
    for (uint32_t a = 0; a < agg_node->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg_node->aggs[a];
        struct block b = *whole;
        if (spec->filter >= 0) apply_filter(op, &op->vectors[spec->filter], &b);
        if (spec->distinct && b.count) HR_TRY(apply_distinct(op, spec, &op->distinct[a], &b, err));
        if (!b.count) continue;
        const struct hr_aggregate *agg = hr_agg_of(spec);
        const struct hr_vector *args = op->vectors + spec->first_arg;
        if (op->single && agg->update_one && !weights)
            HR_TRY(agg->update_one(spec->call, ctx, args, b.rows, b.count,
                                   op->single + spec->state_offset, err));
        else
            HR_TRY(agg->update(spec->call, ctx, args, b.rows, b.count, b.states, spec->state_offset,
                               weights, err));
    }
    return HR_OK;
}

static struct hr_eval_ctx eval_ctx(struct aggregate *op, struct hr_arena *arena,
                                   const struct hr_batch *in)
{
    struct hr_task *task = op->op.task;
    struct hr_eval_ctx ctx = {
        .conf = task->conf,
        .arena = arena,
        .now_us = task->now_us,
        .partition = task->partition,
    };
    if (in) {
        ctx.row_count = in->row_count;
        ctx.sel = in->sel;
        ctx.sel_count = in->sel_count;
    }
    return ctx;
}

static hr_status find_groups(struct aggregate *op, uint32_t at, uint32_t n, struct hr_err *err)
{
    assert(n <= BLOCK);
    assert(op->single || op->table);
    if (op->single) {
        for (uint32_t i = 0; i < n; i++) op->states[i] = op->single;
        return HR_OK;
    }
    return hr_ktable_upsert(op->table, op->keys.views + at, op->keys.hashes + at, n, op->states,
                            NULL, err);
}

/* Without keys, filters and DISTINCT whole batches go to update_one. */
static hr_status take_rows_single(struct aggregate *op, struct hr_eval_ctx *ctx,
                                  const struct hr_batch *in, bool *ret_taken, struct hr_err *err)
{
    const struct hr_pnode *node = op->input;
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    *ret_taken = false;
    if (!op->single || in->weights) return HR_OK;
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg->aggs[a];
        if (spec->filter >= 0 || spec->distinct || !hr_agg_of(spec)->update_one) return HR_OK;
    }
    for (uint32_t a = 0; a < agg->agg_count; a++) {
        const struct hr_agg_spec *spec = &agg->aggs[a];
        HR_TRY(hr_agg_of(spec)->update_one(spec->call, ctx, op->vectors + spec->first_arg, in->sel,
                                           in->sel_count, op->single + spec->state_offset, err));
    }
    *ret_taken = true;
    return HR_OK;
}

static hr_status take_rows(struct aggregate *op, const struct hr_batch *in, struct hr_err *err)
{
    assert(!op->from_states && op->eval);
    const struct hr_pnode *node = op->op.node;
    hr_arena_reset(&op->scratch);
    HR_TRY(hr_eval_vectors(op->eval, in, &op->scratch, op->vectors, err));
    struct hr_eval_ctx ctx = eval_ctx(op, &op->scratch, in);
    bool taken;
    HR_TRY(take_rows_single(op, &ctx, in, &taken, err));
    if (taken) return HR_OK;
    if (hr_agg_node(node)->key_count)
        HR_TRY(hr_keys_encode(op->codec, op->vectors, in->sel, in->sel_count, 0, &op->keys, err));
    uint32_t *all = NULL;
    if (!in->sel) {
        all = hr_arena_alloc(&op->scratch, (size_t)in->row_count * sizeof *all);
        if (!all) return HR_OOM(err);
        for (uint32_t i = 0; i < in->row_count; i++) all[i] = i;
    }
    for (uint32_t at = 0; at < in->sel_count; at += BLOCK) {
        uint32_t n = HR_MIN(BLOCK, in->sel_count - at);
        HR_TRY(find_groups(op, at, n, err));
        struct block b = {(in->sel ? in->sel : all) + at, op->states, n};
        HR_TRY(update_block(op, &ctx, &b, in->weights, err));
    }
    return HR_OK;
}

/* --- States in -------------------------------------------------------------------------------- */

static hr_status take_states(struct aggregate *op, const struct hr_batch *in, struct hr_err *err)
{
    /* Keys, then the states as bytes: what PARTIAL gives. */
    assert(in->schema->field_count == hr_agg_node(op->op.node)->key_count + 1);
    const struct hr_pnode *node = op->op.node;
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    for (uint32_t i = 0; i < agg->key_count; i++)
        op->vectors[i] = (struct hr_vector){.col = in->columns[i]};
    if (agg->key_count)
        HR_TRY(hr_keys_encode(op->codec, op->vectors, in->sel, in->sel_count, 0, &op->keys, err));
    const struct hr_string *states = in->columns[agg->key_count].values;
    for (uint32_t at = 0; at < in->sel_count; at += BLOCK) {
        uint32_t n = HR_MIN(BLOCK, in->sel_count - at);
        HR_TRY(find_groups(op, at, n, err));
        for (uint32_t i = 0; i < n; i++)
            HR_TRY(hr_agg_merge(node, op->merge_state, op->states[i],
                                hr_string_view(&states[hr_op_row(in, at + i)]), err));
    }
    return HR_OK;
}

/* --- Out -------------------------------------------------------------------------------------- */

static hr_status emit_results(struct aggregate *op, uint8_t **states, uint32_t count,
                              struct hr_batch *out, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    struct hr_eval_ctx ctx = eval_ctx(op, &out->arena, NULL);
    ctx.row_count = ctx.sel_count = count;
    return hr_agg_emit(node, &ctx, states, count, out, err);
}

/* The states of each group as bytes: saved where the aggregate can grow, else as they are. */
static hr_status emit_states(struct aggregate *op, uint8_t **states, uint32_t count,
                             struct hr_batch *out, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    struct hr_column *col = &out->columns[hr_agg_node(node)->key_count];
    HR_TRY(hr_column_alloc(&out->arena, hr_type(HR_T_BINARY), count, false, col, err));
    struct hr_string *strings = (struct hr_string *)(uintptr_t)col->values;
    for (uint32_t i = 0; i < count; i++) {
        hr_buf_clear(&op->buf);
        hr_agg_save(node, states[i], &op->buf);
        HR_TRY(hr_buf_status(&op->buf, err));
        const char *copy = op->buf.ptr;
        if (op->buf.len > HR_STRING_INLINE) {
            copy = hr_arena_memdup(&out->arena, op->buf.ptr, op->buf.len);
            if (!copy) return HR_OOM(err);
        }
        strings[i] = hr_string_make(copy, (uint32_t)op->buf.len);
    }
    return HR_OK;
}

static hr_status make_output(struct aggregate *op, uint8_t **states, uint32_t count,
                             struct hr_batch **ret, struct hr_err *err)
{
    assert(count > 0 && count <= BLOCK);
    assert(op->single || op->table);
    const struct hr_pnode *node = op->op.node;
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    struct hr_batch *out = hr_batch_new(node->schema, count, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = HR_OK;
    if (agg->key_count) {
        struct hr_str_view *views =
            hr_arena_alloc(&op->scratch, (size_t)count * sizeof(struct hr_str_view));
        if (!views) {
            status = HR_OOM(err);
        } else {
            for (uint32_t i = 0; i < count; i++) views[i] = hr_ktable_key(op->table, states[i]);
            status = hr_keys_decode(op->codec, views, count, &out->arena, out->columns, err);
        }
    }
    if (status == HR_OK)
        status = agg->mode == HR_AGG_PARTIAL ? emit_states(op, states, count, out, err)
                                             : emit_results(op, states, count, out, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret = out;
    return HR_OK;
}

/* Groups go to disk before the table's next growth would pass the budget. Not those of DISTINCT
 * aggregates, which also keep what they have seen. */
static hr_status spill_if_due(struct aggregate *op, struct hr_err *err)
{
    struct hr_task *task = op->op.task;
    int64_t limit, held;
    if (!op->table || op->distinct || hr_mem_room(task->mem, &limit) > limit / 8 * 7) return HR_OK;
    held = hr_ktable_bytes(op->table) + atomic_load(&op->heap.bytes);
    if (!hr_spill_due(task, held, held + (int64_t)hr_ktable_count(op->table) * 16))
        return HR_OK;
    if (!op->spill) HR_TRY(hr_agg_spill_new(op->op.node, task, &op->spill, err));
    hr_arena_reset(&op->scratch);
    return hr_agg_spill_flush(op->spill, op->table, err);
}

static hr_status load_input(struct aggregate *op, struct hr_err *err)
{
    assert(!op->loaded && !op->done);
    for (;;) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(op->op.children[0], &in, err));
        if (!in) break;
        hr_status status = op->from_states ? take_states(op, in, err) : take_rows(op, in, err);
        hr_batch_unref(in);
        HR_TRY(status);
        HR_TRY(spill_if_due(op, err));
    }
    hr_arena_reset(&op->scratch);
    if (op->spill) HR_TRY(hr_agg_spill_flush(op->spill, op->table, err));
    if (op->table) hr_ktable_iter_all(op->table, &op->iter);
    op->loaded = true;
    return HR_OK;
}

static hr_status next(struct aggregate *op, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct hr_op *base = &op->op;
    if (!op->loaded) HR_TRY(load_input(op, err));
    *ret_batch = NULL;
    if (op->done) return HR_OK;
    if (op->single) {
        op->done = true;
        return make_output(op, &op->single, 1, ret_batch, err);
    }
    uint32_t batch_rows = base->task->conf->batch_rows;
    uint32_t max = HR_MIN(batch_rows ? batch_rows : HR_BATCH_ROWS, BLOCK);
    uint32_t count = hr_ktable_iter_next(&op->iter, op->states, max);
    for (bool more = op->spill != NULL; count == 0 && more;) {
        HR_TRY(hr_agg_spill_load(op->spill, op->table, &more, err));
        hr_ktable_iter_all(op->table, &op->iter);
        count = hr_ktable_iter_next(&op->iter, op->states, max);
    }
    if (count == 0) {
        op->done = true;
        return HR_OK;
    }
    hr_arena_reset(&op->scratch);
    return make_output(op, op->states, count, ret_batch, err);
}

static hr_status aggregate_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct aggregate *op = (struct aggregate *)base;
    struct hr_value_account *before = hr_value_account_enter(&op->heap);
    hr_status status = next(op, ret_batch, err);
    (void)hr_value_account_enter(before);
    return status;
}

const struct hr_operator_vt hr_op_hash_aggregate = {
    .name = "HashAggregate",
    .computes_columns = true,
    .node_size = sizeof(struct hr_aggregate_pnode),
    .is_tight_in_explain = true,
    .input = aggregate_input,
    .gathers = true,
    .open = aggregate_open,
    .next = aggregate_next,
    .close = aggregate_close,
    .explain = hr_agg_explain,
};
