/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StateAggregate: grouped aggregation that goes on from epoch to epoch.
 *
 *   rows (COMPLETE) or partial states (FINAL) in
 *     → late rows dropped and counted (event time at or below the epoch before's watermark)
 *     → the pane of the row's window → the group's row → aggregates updated in place
 *   after the input:
 *     append    the groups of panes that this epoch's watermark has closed; the panes are dropped
 *     update    the groups touched in this epoch; closed panes are dropped
 *     complete  all groups; nothing is ever dropped
 *     changes   of the touched groups what was said before, with weight −1, and what is to be said
 *               now, where they differ
 *
 * Where rows may be taken back or changes go out, a group's value ends with a struct group: how
 * many rows there are (a group without any is no longer there), and for an epoch where its result
 * of before stands. That result is made when the epoch first touches the group: the state has all
 * that it takes, so that no result has to be kept.
 *
 * A group key that is a window (STRUCT<start, end>) makes a pane per window end, so that closing
 * one frees a whole table. An event-time key that is a bare TIMESTAMP has too many values for that:
 * its groups share one pane and closed ones are found by a scan when the watermark has moved.
 *
 * Memory: the state's tables (the query's budget); scratch of one input batch. Failure: the part is
 * ahead of the last commit; the query restores it (state.h).
 */
#include "operator/agg_states.h"
#include "operator/stateful.h"

#define BLOCK        HR_STATEFUL_BLOCK
#define PANES_LINEAR 16 /* distinct panes of a block found by linear search; more are sorted */

struct group {
    int64_t rows;
    uint32_t before; /* in op->before, from 1; 0: it was not there. 0 between epochs */
    uint32_t unused;
};

/* What is known of up to BLOCK rows at a time. */
struct block {
    uint8_t *states[BLOCK], *some_states[BLOCK];
    uint32_t rows[BLOCK], some_rows[BLOCK];
    int64_t panes[BLOCK];
    uint32_t order[BLOCK]; /* indexes into the block, by pane */
};

struct state_aggregate {
    struct hr_op op;
    struct hr_stateful s;
    struct hr_eval *eval;
    struct hr_vector *vectors;
    struct hr_arena scratch;
    uint8_t *merge_state;
    bool windowed; /* panes by window end */
    bool closing;  /* rows go when the watermark passes: append and update with an event-time key */
    struct block *b; /* scratch, not zeroed: opening must stay cheap for small epochs */
    /* output */
    uint32_t pane_index, dirty_index;
    struct hr_ktable_iter iter;
    bool iterating;
    /* changes */
    bool counted; /* values end with a struct group */
    uint32_t *dirty_counts;     /* by part: of the pane under way, before the block */
    struct hr_batch **befores;  /* results of before, as the groups were touched */
    uint32_t before_count, before_capacity, before_rows;
    struct hr_batch *before;    /* all of them */
    struct hr_batch *later;     /* goes out next */
};

/* --- Opening ---------------------------------------------------------------------------------- */

static bool is_counted(const struct hr_aggregate_pnode *agg)
{
    return agg->retracts || agg->emits_changes;
}

static struct group *group_of(const struct hr_pnode *node, uint8_t *states)
{
    return (struct group *)(void *)(states + hr_agg_node(node)->states_bytes);
}

static void codec_save(const void *arg, const uint8_t *value, struct hr_buf *out)
{
    hr_agg_save(arg, value, out);
    if (is_counted(hr_agg_node(arg)))
        hr_buf_append(out, value + hr_agg_node(arg)->states_bytes, sizeof(struct group));
}

static hr_status codec_load(const void *arg, uint8_t *value, struct hr_reader *in,
                            struct hr_err *err)
{
    hr_agg_init(arg, value);
    HR_TRY(hr_agg_load(arg, value, in, err));
    if (!is_counted(hr_agg_node(arg))) return HR_OK;
    if ((size_t)(in->end - in->pos) < sizeof(struct group))
        return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", "state", "why",
                        "the count of a group is cut short");
    memcpy(value + hr_agg_node(arg)->states_bytes, in->pos, sizeof(struct group));
    in->pos += sizeof(struct group);
    return HR_OK;
}

static void codec_done(const void *arg, uint8_t *value)
{
    hr_agg_done(arg, value);
}

static hr_status state_aggregate_args(const struct hr_pnode *node, struct hr_arena *arena,
                                      struct hr_state_args *ret, struct hr_err *err)
{
    ret->operator_name = "stateStoreSave";
    struct hr_state_layout *table = &ret->tables[0];
    table->value_bytes = HR_MAX(hr_agg_node(node)->states_bytes, 8);
    if (is_counted(hr_agg_node(node)))
        table->value_bytes = hr_agg_node(node)->states_bytes + sizeof(struct group);
    uint8_t *init = hr_arena_zalloc(arena, table->value_bytes);
    if (!init) return HR_OOM(err);
    hr_agg_init(node, init);
    table->states_init = init;
    if (!hr_agg_is_plain(node))
        table->codec = (struct hr_state_codec){codec_save, codec_load, codec_done, node};
    return HR_OK;
}

static hr_status open_parts(struct state_aggregate *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    struct hr_task *task = op->op.task;
    hr_arena_init(&op->scratch, task->mem);
    op->b = hr_arena_alloc(task->arena, sizeof *op->b);
    if (!op->b) return HR_OOM(err);
    if (agg->event_time_key >= 0) {
        op->windowed = node->schema->fields[agg->event_time_key].type->id == HR_T_STRUCT;
        op->closing = agg->output_mode != HR_MODE_COMPLETE;
    }
    const struct hr_type **types =
        HR_NEW_ARRAY(task->arena, const struct hr_type *, agg->key_count + 1);
    op->vectors =
        HR_NEW_ARRAY(task->arena, struct hr_vector, HR_MAX(node->expr_count, agg->key_count) + 1);
    op->merge_state = hr_arena_zalloc(task->arena, HR_MAX(agg->states_bytes, 8));
    if (!types || !op->vectors || !op->merge_state) return HR_OOM(err);
    for (uint32_t i = 0; i < agg->key_count; i++) types[i] = node->schema->fields[i].type;
    HR_TRY(hr_stateful_open(&op->s, node, task, types, agg->key_count, err));
    op->counted = is_counted(agg);
    op->dirty_counts = HR_NEW_ARRAY(task->arena, uint32_t, op->s.part_count + 1);
    if (!op->dirty_counts) return HR_OOM(err);
    if (!op->closing) op->s.late_us = INT64_MIN; /* complete: nothing is late (Spark's rule) */
    if (agg->mode == HR_AGG_FINAL) return HR_OK;
    HR_TRY(hr_eval_new(node->program, task->mem, &op->eval, err));
    hr_eval_set_context(op->eval, task->now_us, task->partition);
    return HR_OK;
}

static void state_aggregate_close(struct hr_op *base)
{
    struct state_aggregate *op = (struct state_aggregate *)base;
    hr_stateful_close(&op->s);
    hr_eval_free(op->eval);
    hr_arena_done(&op->scratch);
    for (uint32_t i = 0; i < op->before_count; i++) hr_batch_unref(op->befores[i]);
    hr_free(op->befores);
    hr_batch_unref(op->before);
    hr_batch_unref(op->later);
}

static hr_status state_aggregate_open(const struct hr_pnode *node, struct hr_task *task,
                                      struct hr_op **children, struct hr_op **ret_op,
                                      struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(node->state_id >= 0 && task->exec->states);
    struct state_aggregate *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        state_aggregate_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* --- Panes ------------------------------------------------------------------------------------ */

/* Keeps the rows that are not late; fills panes. Returns their number. */
static uint32_t drop_late(struct state_aggregate *op, uint32_t count)
{
    assert(count <= BLOCK);
    const struct hr_aggregate_pnode *agg = hr_agg_node(op->op.node);
    bool timed = agg->event_time_key >= 0;
    const struct hr_vector *time = timed ? &op->vectors[agg->event_time_key] : NULL;
    count = hr_stateful_drop_late(&op->s, time, op->b->rows, op->b->panes, count);
    for (uint32_t i = 0; timed && !op->windowed && i < count; i++) op->b->panes[i] = HR_PANE_NONE;
    return count;
}

static int compare_panes(const void *a, const void *b, void *arg)
{
    const int64_t *panes = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (panes[x] != panes[y]) return panes[x] < panes[y] ? -1 : 1;
    return x < y ? -1 : x > y; /* rows of a pane keep their order: first() and last() see it */
}

/* Fills order with the block's indexes, pane by pane. Almost every block has one or two panes. */
static void order_by_pane(struct state_aggregate *op, uint32_t count)
{
    assert(count <= BLOCK);
    int64_t seen[PANES_LINEAR];
    uint32_t seen_count = 0, at = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t s = 0;
        while (s < seen_count && seen[s] != op->b->panes[i]) s++;
        if (s < seen_count) continue;
        if (seen_count == PANES_LINEAR) {
            for (uint32_t k = 0; k < count; k++) op->b->order[k] = k;
            qsort_r(op->b->order, count, sizeof *op->b->order, compare_panes, op->b->panes);
            return;
        }
        seen[seen_count++] = op->b->panes[i];
    }
    for (uint32_t s = 0; s < seen_count; s++) {
        for (uint32_t i = 0; i < count; i++) {
            op->b->order[at] = i;
            at += op->b->panes[i] == seen[s];
        }
    }
    assert(at == count);
}

/* --- Input ------------------------------------------------------------------------------------ */

static hr_status update_rows(struct state_aggregate *op, struct hr_eval_ctx *ctx,
                             const uint32_t *rows, uint32_t count, const int32_t *weights,
                             struct hr_err *err)
{
    assert(op->eval && count <= BLOCK);
    return hr_agg_update(op->op.node, ctx, op->vectors, rows, op->b->states, count, weights,
                         op->b->some_rows, op->b->some_states, err);
}

static hr_status merge_rows(struct state_aggregate *op, const struct hr_column *saved,
                            const uint32_t *rows, uint32_t count, struct hr_err *err)
{
    assert(saved->type->id == HR_T_BINARY && count <= BLOCK);
    const struct hr_string *strings = saved->values;
    for (uint32_t i = 0; i < count; i++)
        HR_TRY(hr_agg_merge(op->op.node, op->merge_state, op->b->states[i],
                            hr_string_view(&strings[rows[i]]), err));
    return HR_OK;
}

/* The one group of an aggregation without keys. */
static hr_status find_single(struct state_aggregate *op, uint32_t count, struct hr_err *err)
{
    assert(count <= BLOCK);
    struct hr_ktable *table;
    HR_TRY(hr_state_pane(&op->s.parts[0], 0, HR_PANE_NONE, &table, err));
    struct hr_string empty = hr_string_make("", 0);
    uint64_t hash = hr_key_hash("", 0);
    HR_TRY(hr_ktable_upsert(table, &empty, &hash, 1, op->b->states, NULL, err));
    for (uint32_t i = 1; i < count; i++) op->b->states[i] = op->b->states[0];
    return HR_OK;
}

/* The groups of rows (all of one pane) → op->b->states. */
static hr_status find_groups(struct state_aggregate *op, int64_t pane, const uint32_t *rows,
                             uint32_t count, struct hr_err *err)
{
    if (hr_agg_node(op->op.node)->key_count == 0) return find_single(op, count, err);
    HR_TRY(hr_stateful_encode(&op->s, op->vectors, rows, count, err));
    return hr_stateful_upsert(&op->s, 0, pane, count, op->b->states, NULL, err);
}

/* --- Changes: what was said before ------------------------------------------------------------ */

static hr_status results_of(struct state_aggregate *op, struct hr_ktable *table,
                            uint8_t *const *states, uint32_t count, struct hr_arena *scratch,
                            struct hr_batch **ret, struct hr_err *err);

static hr_status note_dirty(struct state_aggregate *op, int64_t pane, struct hr_err *err)
{
    assert(op->counted);
    if (hr_agg_node(op->op.node)->key_count == 0) pane = HR_PANE_NONE;
    for (uint32_t p = 0; p < op->s.part_count; p++) {
        struct hr_ktable *table;
        HR_TRY(hr_state_pane(&op->s.parts[p], 0, pane, &table, err));
        op->dirty_counts[p] = hr_ktable_dirty_count(table);
    }
    return HR_OK;
}

/* Results of groups that are there, which this epoch touches for the first time. */
static hr_status keep_results(struct state_aggregate *op, struct hr_ktable *table,
                              uint8_t *const *states, uint32_t count, struct hr_err *err)
{
    assert(op->counted && count > 0);
    if (op->before_count == op->before_capacity) {
        uint32_t capacity = op->before_capacity ? 2 * op->before_capacity : 8;
        void *grown = hr_realloc(op->befores, sizeof *op->befores * capacity);
        if (!grown) return HR_OOM(err);
        op->befores = grown;
        op->before_capacity = capacity;
    }
    struct hr_arena scratch;
    hr_arena_init(&scratch, op->op.task->mem);
    hr_status status = results_of(op, table, states, count, &scratch,
                                  &op->befores[op->before_count], err);
    hr_arena_done(&scratch);
    HR_TRY(status);
    op->before_count++;
    for (uint32_t i = 0; i < count; i++)
        group_of(op->op.node, states[i])->before = ++op->before_rows;
    return HR_OK;
}

/* The one group of an aggregation without keys is there from the first epoch on. */
static bool is_there(const struct state_aggregate *op, const struct group *group)
{
    return group->rows > 0 || (hr_agg_node(op->op.node)->key_count == 0 && group->unused);
}

static hr_status keep_touched(struct state_aggregate *op, struct hr_ktable *table, uint32_t from,
                              struct hr_err *err)
{
    uint8_t *states[BLOCK];
    uint32_t total = hr_ktable_dirty_count(table), n = 0;
    for (uint32_t i = from; i < total; i++) {
        uint8_t *row = hr_ktable_dirty(table, i);
        states[n] = row;
        n += is_there(op, group_of(op->op.node, row)) && n < BLOCK;
    }
    return n ? keep_results(op, table, states, n, err) : HR_OK;
}

/* Rows of the block are about to go into the groups op->b->states. */
static hr_status count_rows(struct state_aggregate *op, int64_t pane, const uint32_t *rows,
                            uint32_t count, const int32_t *weights, struct hr_err *err)
{
    assert(op->counted);
    const struct hr_pnode *node = op->op.node;
    if (hr_agg_node(node)->key_count == 0) pane = HR_PANE_NONE;
    for (uint32_t p = 0; hr_agg_node(node)->emits_changes && p < op->s.part_count; p++) {
        struct hr_ktable *table;
        HR_TRY(hr_state_pane(&op->s.parts[p], 0, pane, &table, err));
        HR_TRY(keep_touched(op, table, op->dirty_counts[p], err));
    }
    for (uint32_t i = 0; i < count; i++)
        group_of(node, op->b->states[i])->rows += weights ? weights[rows[i]] : 1;
    return HR_OK;
}

/* rows[0 … count) of the block are live rows of in. */
static hr_status take_block(struct state_aggregate *op, struct hr_eval_ctx *ctx,
                            const struct hr_batch *in, uint32_t count, struct hr_err *err)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(op->op.node);
    bool from_states = agg->mode == HR_AGG_FINAL;
    assert(count <= BLOCK && (from_states || op->eval));
    count = drop_late(op, count);
    order_by_pane(op, count);
    uint32_t rows[BLOCK];
    for (uint32_t at = 0; at < count;) {
        int64_t pane = op->b->panes[op->b->order[at]];
        uint32_t n = 0;
        while (at + n < count && op->b->panes[op->b->order[at + n]] == pane) {
            rows[n] = op->b->rows[op->b->order[at + n]];
            n++;
        }
        if (op->counted) HR_TRY(note_dirty(op, pane, err));
        HR_TRY(find_groups(op, pane, rows, n, err));
        if (op->counted) HR_TRY(count_rows(op, pane, rows, n, in->weights, err));
        if (from_states) {
            HR_TRY(merge_rows(op, &in->columns[agg->key_count], rows, n, err));
        } else {
            HR_TRY(update_rows(op, ctx, rows, n, in->weights, err));
        }
        at += n;
    }
    return HR_OK;
}

static hr_status take_batch(struct hr_op *base, const struct hr_batch *in, struct hr_err *err)
{
    struct state_aggregate *op = (struct state_aggregate *)base;
    const struct hr_pnode *node = op->op.node;
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    struct hr_task *task = op->op.task;
    hr_arena_reset(&op->scratch);
    if (agg->mode == HR_AGG_FINAL) {
        for (uint32_t i = 0; i < agg->key_count; i++)
            op->vectors[i] = (struct hr_vector){.col = in->columns[i]};
    } else {
        HR_TRY(hr_eval_vectors(op->eval, in, &op->scratch, op->vectors, err));
    }
    struct hr_eval_ctx ctx = {
        .conf = task->conf,
        .arena = &op->scratch,
        .now_us = task->now_us,
        .partition = task->partition,
        .row_count = in->row_count,
        .sel = in->sel,
        .sel_count = in->sel_count,
    };
    for (uint32_t at = 0; at < in->sel_count; at += BLOCK) {
        uint32_t n = HR_MIN(BLOCK, in->sel_count - at);
        for (uint32_t i = 0; i < n; i++) op->b->rows[i] = hr_op_row(in, at + i);
        HR_TRY(take_block(op, &ctx, in, n, err));
    }
    return HR_OK;
}

/* One group without keys: there is a result even when no row ever came. */
static hr_status begin_input(struct hr_op *base, struct hr_err *err)
{
    struct state_aggregate *op = (struct state_aggregate *)base;
    if (hr_agg_node(base->node)->key_count || base->task->partition != 0) return HR_OK;
    if (op->counted) HR_TRY(note_dirty(op, HR_PANE_NONE, err));
    HR_TRY(find_single(op, 1, err));
    return op->counted ? count_rows(op, HR_PANE_NONE, NULL, 0, NULL, err) : HR_OK;
}

/* --- Output ----------------------------------------------------------------------------------- */

/* The groups' keys and results; scratch: for as long as it takes. */
static hr_status results_of(struct state_aggregate *op, struct hr_ktable *table,
                            uint8_t *const *states, uint32_t count, struct hr_arena *scratch,
                            struct hr_batch **ret, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    struct hr_task *task = op->op.task;
    struct hr_batch *out = hr_batch_new(node->schema, count, task->mem);
    struct hr_str_view *views = hr_arena_alloc(scratch, sizeof *views * count);
    hr_status status = HR_OK;
    if (!out || !views) {
        status = HR_OOM(err);
        goto out;
    }
    for (uint32_t i = 0; i < count; i++) views[i] = hr_ktable_key(table, states[i]);
    if (hr_agg_node(node)->key_count)
        HR_TRY_OUT(hr_keys_decode(op->s.codec, views, count, &out->arena, out->columns, err));
    struct hr_eval_ctx ctx = {.conf = task->conf,
                              .arena = &out->arena,
                              .now_us = task->now_us,
                              .partition = task->partition,
                              .row_count = count,
                              .sel_count = count};
    HR_TRY_OUT(hr_agg_emit(node, &ctx, states, count, out, err));
    *ret = out;
    return HR_OK;
out:
    hr_batch_unref(out);
    return status;
}

static hr_status make_output(struct state_aggregate *op, struct hr_ktable *table, uint32_t count,
                             struct hr_batch **ret, struct hr_err *err)
{
    assert(count > 0 && count <= BLOCK);
    hr_arena_reset(&op->scratch);
    return results_of(op, table, op->b->states, count, &op->scratch, ret, err);
}

/* The event time of a group from its key bytes: bare TIMESTAMP keys only. */
static hr_status group_times(struct state_aggregate *op, struct hr_ktable *table, uint32_t count,
                             struct hr_column *ret_columns, struct hr_err *err)
{
    struct hr_str_view *views = hr_arena_alloc(&op->scratch, sizeof *views * count);
    if (!views) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) views[i] = hr_ktable_key(table, op->b->states[i]);
    return hr_keys_decode(op->s.codec, views, count, &op->scratch, ret_columns, err);
}

/* Of the count groups in op->b->states keeps those whose event time the watermark has passed. */
static hr_status keep_closed(struct state_aggregate *op, struct hr_ktable *table, uint32_t *count,
                             struct hr_err *err)
{
    assert(op->closing && !op->windowed); /* windows go pane by pane */
    const struct hr_pnode *node = op->op.node;
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    struct hr_column *columns = HR_NEW_ARRAY(&op->scratch, struct hr_column, agg->key_count);
    if (!columns) return HR_OOM(err);
    HR_TRY(group_times(op, table, *count, columns, err));
    struct hr_vector key = {.col = columns[agg->event_time_key]};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < *count; i++) {
        int64_t time_us = hr_stateful_time(&key, i);
        op->b->states[kept] = op->b->states[i];
        kept += time_us != HR_TIME_NONE && time_us <= op->s.evict_us;
    }
    *count = kept;
    return HR_OK;
}

/* The next groups of a pane's table: all of them, or those touched in this epoch. */
static uint32_t next_groups(struct state_aggregate *op, struct hr_ktable *table, bool dirty_only)
{
    uint32_t max =
        HR_MIN(op->op.task->conf->batch_rows ? op->op.task->conf->batch_rows : BLOCK, BLOCK);
    if (!dirty_only) {
        if (!op->iterating) hr_ktable_iter_all(table, &op->iter);
        op->iterating = true;
        return hr_ktable_iter_next(&op->iter, op->b->states, max);
    }
    uint32_t total = hr_ktable_dirty_count(table), n = 0;
    while (n < max && op->dirty_index < total) {
        uint8_t *states = hr_ktable_dirty(table, op->dirty_index++);
        op->b->states[n] = states;
        n += !(hr_krow_of(states)->flags & HR_KROW_DELETED);
    }
    return n;
}

static void next_pane(struct state_aggregate *op)
{
    op->iterating = false;
    op->dirty_index = 0;
}

/* Update and complete: every pane's groups. */
static hr_status output_panes(struct state_aggregate *op, struct hr_state_part *part,
                              bool dirty_only, struct hr_batch **ret, struct hr_err *err)
{
    const struct hr_state_table *t = &part->tables[0];
    while (op->pane_index < t->pane_count) {
        struct hr_ktable *table = t->panes[op->pane_index].table;
        uint32_t count = next_groups(op, table, dirty_only);
        if (count) return make_output(op, table, count, ret, err);
        next_pane(op);
        op->pane_index++;
    }
    return HR_OK;
}

/* Deletes the closed groups of the shared pane. */
static hr_status evict_rows(struct state_aggregate *op, struct hr_state_part *part,
                            struct hr_err *err)
{
    assert(op->closing && !op->windowed);
    struct hr_pane *pane = hr_state_oldest_pane(part, 0, HR_PANE_NONE);
    if (!pane) return HR_OK;
    struct hr_ktable_iter iter;
    hr_ktable_iter_all(pane->table, &iter);
    for (;;) {
        uint32_t count = hr_ktable_iter_next(&iter, op->b->states, BLOCK);
        if (count == 0) return HR_OK;
        hr_arena_reset(&op->scratch);
        HR_TRY(keep_closed(op, pane->table, &count, err));
        for (uint32_t i = 0; i < count; i++)
            HR_TRY(hr_ktable_delete(pane->table, op->b->states[i], err));
        part->rows_removed += count;
    }
}

static hr_status evict(struct state_aggregate *op, struct hr_state_part *part, struct hr_err *err)
{
    int64_t watermark_us = op->s.evict_us;
    if (!op->closing || watermark_us == INT64_MIN) return HR_OK;
    /* A watermark that has not moved closes nothing new: a scan of all groups is saved. */
    if (!op->windowed && !hr_stateful_moved(&op->s)) return HR_OK;
    if (!op->windowed) return evict_rows(op, part, err);
    assert(op->closing);
    while (hr_state_oldest_pane(part, 0, watermark_us)) HR_TRY(hr_state_drop_oldest(part, 0, err));
    return HR_OK;
}

/* Append: the groups that the watermark has closed, pane by pane; each pane goes when it is
 * through. */
/* Of the count groups in op->b->states keeps those that have rows. */
static uint32_t keep_there(struct state_aggregate *op, uint32_t count)
{
    assert(count <= BLOCK);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        op->b->states[kept] = op->b->states[i];
        kept += !op->counted || group_of(op->op.node, op->b->states[i])->rows > 0;
    }
    return kept;
}

static hr_status output_closed(struct state_aggregate *op, struct hr_state_part *part,
                               struct hr_batch **ret, struct hr_err *err)
{
    assert(op->iterating || op->dirty_index == 0);
    int64_t watermark_us = op->s.evict_us;
    if (watermark_us == INT64_MIN || !op->closing) return HR_OK;
    if (op->windowed) {
        for (struct hr_pane *pane; (pane = hr_state_oldest_pane(part, 0, watermark_us));) {
            uint32_t read = next_groups(op, pane->table, false), count = keep_there(op, read);
            if (count) return make_output(op, pane->table, count, ret, err);
            if (read) continue;
            next_pane(op);
            HR_TRY(hr_state_drop_oldest(part, 0, err));
        }
        return HR_OK;
    }
    struct hr_pane *pane = hr_state_oldest_pane(part, 0, HR_PANE_NONE);
    while (pane) {
        uint32_t count = next_groups(op, pane->table, false);
        if (count == 0) {
            next_pane(op); /* the next part begins anew */
            break;
        }
        hr_arena_reset(&op->scratch);
        HR_TRY(keep_closed(op, pane->table, &count, err));
        count = keep_there(op, count);
        if (count) return make_output(op, pane->table, count, ret, err);
    }
    return HR_OK;
}

/* --- Changes: what is said now ---------------------------------------------------------------- */

static hr_status set_weights(struct hr_batch *batch, int32_t weight, struct hr_err *err)
{
    int32_t *weights =
        hr_arena_alloc_aligned(&batch->arena, sizeof *weights * (batch->row_count + 1));
    if (!weights) return HR_OOM(err);
    for (uint32_t i = 0; i < batch->row_count; i++) weights[i] = weight;
    batch->weights = weights;
    return HR_OK;
}

/* Do the group's result of before (row a) and that of now (row b) agree? */
static bool same_result(const struct state_aggregate *op, uint32_t a, const struct hr_batch *now,
                        uint32_t b)
{
    for (uint32_t c = hr_agg_node(op->op.node)->key_count; c < now->schema->field_count; c++)
        if (!hr_column_equal(&op->before->columns[c], a, &now->columns[c], b)) return false;
    return true;
}

static hr_status take_before(struct state_aggregate *op, const uint32_t *rows, uint32_t count,
                             struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *out = hr_batch_new(op->op.node->schema, count, op->op.task->mem);
    if (!out) return HR_OOM(err);
    hr_status status = hr_batch_hold_batch(out, op->before) ? HR_OK : HR_OOM(err);
    for (uint32_t c = 0; c < out->schema->field_count && status == HR_OK; c++)
        status = hr_column_take(&out->arena, &op->before->columns[c], rows, count,
                                &out->columns[c], err);
    if (status == HR_OK) status = set_weights(out, -1, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret = out;
    return HR_OK;
}

/* Leaves of the groups in op->b->states those that are there; of all of them `before` says where
 * their results of before stand (from 1), and the order is: those that are there first. */
static hr_status sort_groups(struct state_aggregate *op, struct hr_ktable *table, uint32_t count,
                             uint32_t *before, uint32_t *ret_there, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    bool single = hr_agg_node(node)->key_count == 0;
    uint32_t there = 0, gone = 0, *gone_before = op->b->some_rows;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t *states = op->b->states[i];
        struct group *group = group_of(node, states);
        uint32_t was = group->before;
        group->before = 0;
        if (group->rows < 0)
            return HR_RAISE(err, HR_E_CHANGE_BELOW_ZERO, "operator", node->vt->name, "row",
                            "a group has fewer than none");
        if (single) group->unused = 1;
        if (is_there(op, group)) {
            before[there] = was;
            op->b->states[there++] = states;
            continue;
        }
        HR_TRY(hr_ktable_delete(table, states, err));
        if (was) gone_before[gone++] = was;
    }
    memcpy(before + there, gone_before, sizeof *before * gone);
    op->b->order[0] = gone;
    *ret_there = there;
    return HR_OK;
}

/* What a block of touched groups has to say: first what is taken back. */
static hr_status say_changes(struct state_aggregate *op, struct hr_ktable *table, uint32_t count,
                             struct hr_batch **ret, struct hr_err *err)
{
    uint32_t before[BLOCK], there = 0, back = 0, *rows = op->b->rows, *kept = op->b->some_rows;
    struct hr_batch *now = NULL;
    HR_TRY(sort_groups(op, table, count, before, &there, err));
    uint32_t gone = op->b->order[0], n = 0;
    if (there) HR_TRY(make_output(op, table, there, &now, err));
    for (uint32_t i = 0; i < there; i++) {
        bool was = before[i] != 0;
        if (was && same_result(op, before[i] - 1, now, i)) continue;
        if (was) rows[back++] = before[i] - 1;
        kept[n++] = i;
    }
    for (uint32_t i = 0; i < gone; i++) rows[back++] = before[there + i] - 1;
    hr_status status = HR_OK;
    if (n) {
        op->later = n < there ? hr_batch_with_sel(now, kept, n) : hr_batch_ref(now);
        if (!op->later) status = HR_OOM(err);
    }
    hr_batch_unref(now);
    if (status == HR_OK && back) status = take_before(op, rows, back, ret, err);
    if (status == HR_OK && !back) {
        *ret = op->later;
        op->later = NULL;
    }
    return status;
}

static hr_status gather_before(struct state_aggregate *op, struct hr_err *err)
{
    if (op->before || op->before_count == 0) return HR_OK;
    op->before = hr_batch_concat(op->befores, op->before_count, op->op.node->schema, false);
    return op->before ? HR_OK : HR_OOM(err);
}

static hr_status output_changes(struct state_aggregate *op, struct hr_state_part *part,
                                struct hr_batch **ret, struct hr_err *err)
{
    const struct hr_state_table *t = &part->tables[0];
    HR_TRY(gather_before(op, err));
    if (op->later) {
        *ret = op->later;
        op->later = NULL;
        return HR_OK;
    }
    while (op->pane_index < t->pane_count) {
        struct hr_ktable *table = t->panes[op->pane_index].table;
        uint32_t count = next_groups(op, table, true);
        if (count) {
            HR_TRY(say_changes(op, table, count, ret, err));
            if (*ret) return HR_OK;
            continue;
        }
        next_pane(op);
        op->pane_index++;
    }
    return HR_OK;
}

static hr_status output_part(struct hr_op *base, struct hr_state_part *part, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct state_aggregate *op = (struct state_aggregate *)base;
    if (hr_agg_node(op->op.node)->emits_changes) return output_changes(op, part, ret, err);
    switch (hr_agg_node(op->op.node)->output_mode) {
    case HR_MODE_APPEND: return output_closed(op, part, ret, err);
    case HR_MODE_UPDATE: return output_panes(op, part, true, ret, err);
    case HR_MODE_COMPLETE: return output_panes(op, part, false, ret, err);
    case HR_MODE_CHANGELOG: break;
    }
    return HR_OK;
}

static hr_status leave_part(struct hr_op *base, struct hr_state_part *part, struct hr_err *err)
{
    struct state_aggregate *op = (struct state_aggregate *)base;
    op->pane_index = 0;
    return evict(op, part, err);
}

static hr_status state_aggregate_next(struct hr_op *base, struct hr_batch **ret_batch,
                                      struct hr_err *err)
{
    static const struct hr_stateful_steps steps = {begin_input, take_batch, output_part,
                                                   leave_part};
    struct state_aggregate *op = (struct state_aggregate *)base;
    return hr_stateful_next(base, &op->s, &steps, ret_batch, err);
}

static void state_aggregate_text(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    hr_buf_puts(out, agg->key_count ? "a row for each group" : "one row");
    if (agg->key_count == 0) return;
    if (agg->event_time_key < 0 || agg->output_mode == HR_MODE_COMPLETE) {
        hr_buf_puts(out, agg->retracts ? ", kept while it has rows" : ", kept for ever");
        return;
    }
    const struct hr_field *key = &node->schema->fields[agg->event_time_key];
    hr_buf_printf(out, " until the watermark reaches %s%s", key->name,
                  key->type->id == HR_T_STRUCT ? ".end" : "");
}

/* As Spark runs it, that is for its output mode to say. */
static const char *state_aggregate_grows(const struct hr_pnode *node)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    if (!agg->emits_changes || agg->key_count == 0) return NULL;
    if (agg->event_time_key >= 0 && agg->output_mode != HR_MODE_COMPLETE) return NULL;
    return agg->retracts ? "groups, as many as have rows; a window of an event time with a "
                           "watermark among the keys would bound them"
                         : "groups, for ever; a window of an event time with a watermark among "
                           "the keys would bound them";
}

const struct hr_operator_vt hr_op_state_aggregate = {
    .name = "StateAggregate",
    .state_identity = hr_agg_state_identity,
    .node_size = sizeof(struct hr_aggregate_pnode),
    .gathers = true,
    .open = state_aggregate_open,
    .next = state_aggregate_next,
    .close = state_aggregate_close,
    .explain = hr_agg_explain,
    .state_args = state_aggregate_args,
    .state_text = state_aggregate_text,
    .grows = state_aggregate_grows,
};
