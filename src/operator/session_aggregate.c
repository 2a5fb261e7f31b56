/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SessionAggregate: grouping by a session_window and other keys. Each row brings [start, end) of
 * its own; the sessions of a key are merged as rows come (sessions.h).
 *
 *   rows → late ones dropped and counted (own end at or below the epoch before's watermark)
 *        → the key's sessions → the row's session → aggregates updated in place
 *   after the input:
 *     append    the sessions that this epoch's watermark has closed, found by their key's deadline
 *     complete  all sessions; nothing is ever dropped (also at rest: the state is then the task's)
 *
 * At rest rows come in order of time (a Sort below), so that a new session is nearly always the
 * newest of its key. Memory: the state's.
 */
#include "operator/sessions.h"
#include "operator/stateful.h"

#define BLOCK HR_STATEFUL_BLOCK

struct session_aggregate {
    struct hr_op op;
    struct hr_stateful s;
    struct hr_state *own; /* at rest: the state */
    struct hr_eval *eval;
    struct hr_vector *vectors, *keys; /* keys: those that are not the session */
    struct hr_arena scratch;
    struct hr_sessions_scratch merging;
    bool closing; /* append */
    uint64_t block;
    /* of the block under way */
    struct hr_session_block {
        uint32_t rows[BLOCK], some_rows[BLOCK];
        int64_t times[BLOCK];
        uint8_t *values[BLOCK], *states[BLOCK], *some_states[BLOCK];
    } * b;
    /* output */
    bool listed;
    struct hr_ktable_iter iter;
    uint8_t **rows; /* keys being put out */
    uint32_t row_count, row, session, passed;
};

/* --- Opening ---------------------------------------------------------------------------------- */

static hr_status session_aggregate_args(const struct hr_pnode *node, struct hr_arena *arena,
                                        struct hr_state_args *ret, struct hr_err *err)
{
    struct hr_state_layout *table = &ret->tables[0];
    ret->operator_name = "sessionWindowStateStoreSaveExec"; /* Spark's name for it */
    table->value_bytes = (uint32_t)offsetof(struct hr_sessions, newest) + hr_session_bytes(node);
    struct hr_sessions *init = hr_arena_zalloc(arena, table->value_bytes);
    if (!init) return HR_OOM(err);
    hr_sessions_init(node, init);
    table->states_init = (const uint8_t *)init;
    table->codec =
        (struct hr_state_codec){hr_sessions_save, hr_sessions_load, hr_sessions_done, node};
    table->has_deadline = true;
    table->deadline_at = (uint32_t)offsetof(struct hr_sessions, deadline_us);
    return HR_OK;
}

/* Rows at rest have no state from before: it is made here. */
static hr_status open_own(struct session_aggregate *op, const struct hr_type *const *types,
                          uint32_t count, struct hr_err *err)
{
    struct hr_task *task = op->op.task;
    struct hr_state_args args = {.mem = task->mem, .part_count = 1};
    HR_TRY(session_aggregate_args(op->op.node, task->arena, &args, err));
    HR_TRY(hr_state_new(&args, &op->own, err));
    op->s = (struct hr_stateful){.task = task,
                                 .parts = op->own->parts,
                                 .part_count = 1,
                                 .late_us = INT64_MIN,
                                 .evict_us = INT64_MIN,
                                 .keys = {.mem = task->mem}};
    if (count == 0) return HR_OK;
    return hr_key_codec_new(task->arena, types, count, &op->s.codec, err);
}

static hr_status open_parts(struct session_aggregate *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    struct hr_task *task = op->op.task;
    uint32_t count = 0;
    hr_arena_init(&op->scratch, task->mem);
    hr_buf_init(&op->merging.buf, 0);
    op->b = hr_arena_alloc(task->arena, sizeof *op->b);
    const struct hr_type **types =
        HR_NEW_ARRAY(task->arena, const struct hr_type *, agg->key_count + 1);
    op->keys = HR_NEW_ARRAY(task->arena, struct hr_vector, agg->key_count + 1);
    op->vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, node->expr_count + 1);
    op->merging.states = hr_arena_zalloc(task->arena, HR_MAX(agg->states_bytes, 8));
    if (!op->b || !types || !op->keys || !op->vectors || !op->merging.states) return HR_OOM(err);
    for (uint32_t i = 0; i < agg->key_count; i++)
        if ((int32_t)i != agg->session_key) types[count++] = node->schema->fields[i].type;
    if (node->state_id < 0) {
        HR_TRY(open_own(op, types, count, err));
    } else {
        HR_TRY(hr_stateful_open(&op->s, node, task, types, count, err));
        op->closing = agg->output_mode != HR_MODE_COMPLETE;
        if (!op->closing) op->s.late_us = INT64_MIN; /* complete: nothing is late, as in Spark */
    }
    HR_TRY(hr_eval_new(node->program, task->mem, &op->eval, err));
    hr_eval_set_context(op->eval, task->now_us, task->partition);
    return HR_OK;
}

static void session_aggregate_close(struct hr_op *base)
{
    struct session_aggregate *op = (struct session_aggregate *)base;
    hr_stateful_close(&op->s);
    hr_state_free(op->own);
    hr_eval_free(op->eval);
    hr_buf_done(&op->merging.buf);
    hr_arena_done(&op->scratch);
}

static hr_status session_aggregate_open(const struct hr_pnode *node, struct hr_task *task,
                                        struct hr_op **children, struct hr_op **ret_op,
                                        struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(hr_agg_node(node)->session_key >= 0 && hr_agg_node(node)->mode == HR_AGG_COMPLETE);
    struct session_aggregate *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        session_aggregate_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

/* --- Input ------------------------------------------------------------------------------------ */

/* The keys' rows → op->b->values. */
static hr_status find_keys(struct session_aggregate *op, uint32_t count, struct hr_err *err)
{
    assert(count > 0 && count <= BLOCK);
    if (op->s.codec) {
        HR_TRY(hr_stateful_encode(&op->s, op->keys, op->b->rows, count, err));
        return hr_stateful_upsert(&op->s, 0, HR_PANE_NONE, count, op->b->values, NULL, err);
    }
    struct hr_string empty = hr_string_make("", 0);
    uint64_t hash = hr_key_hash("", 0);
    struct hr_ktable *table;
    HR_TRY(hr_state_pane(hr_stateful_part(&op->s, hash), 0, HR_PANE_NONE, &table, err));
    HR_TRY(hr_ktable_upsert(table, &empty, &hash, 1, op->b->values, NULL, err));
    for (uint32_t i = 1; i < count; i++) op->b->values[i] = op->b->values[0];
    return HR_OK;
}

static struct hr_state_part *part_of(struct session_aggregate *op, uint32_t index)
{
    return op->s.codec ? hr_stateful_part(&op->s, op->s.keys.hashes[index])
                       : hr_stateful_part(&op->s, hr_key_hash("", 0));
}

/* A row that opens a session or bridges some: the states of the key's sessions may move. */
static hr_status place(struct session_aggregate *op, uint32_t index, int64_t start_us,
                       int64_t end_us, struct hr_session **ret, struct hr_err *err)
{
    assert(start_us < end_us && index < BLOCK);
    const struct hr_pnode *node = op->op.node;
    struct hr_sessions *sessions = (struct hr_sessions *)(void *)op->b->values[index];
    bool earlier = false;
    HR_TRY(hr_sessions_place(node, sessions, start_us, end_us, &op->merging, ret, &earlier, err));
    return earlier && op->closing ? hr_state_arm(part_of(op, index), 0, op->b->values[index], err)
                                  : HR_OK;
}

/* Updates the aggregates of the rows [from, to), whose states are known. */
static hr_status update(struct session_aggregate *op, struct hr_eval_ctx *ctx, uint32_t from,
                        uint32_t to, const int32_t *weights, struct hr_err *err)
{
    assert(from <= to && to <= BLOCK);
    if (from == to) return HR_OK;
    return hr_agg_update(op->op.node, ctx, op->vectors, op->b->rows + from, op->b->states + from,
                         to - from, weights, op->b->some_rows, op->b->some_states, err);
}

/* Start of a row's own session; hr_stateful_time gives its end. */
static int64_t start_of(const struct hr_vector *session, uint32_t row)
{
    const int64_t *starts = session->col.children[0].values;
    return starts[hr_vector_row(session, row)];
}

/* rows[0 … count) of the block, none late: rows wait for the update until a session moves that one
 * of them is in. */
static hr_status take_block(struct session_aggregate *op, struct hr_eval_ctx *ctx, uint32_t count,
                            const int32_t *weights, struct hr_err *err)
{
    assert(count <= BLOCK);
    const struct hr_vector *session = &op->vectors[hr_agg_node(op->op.node)->session_key];
    uint32_t from = 0;
    if (count == 0) return HR_OK;
    HR_TRY(find_keys(op, count, err));
    op->block++;
    for (uint32_t i = 0; i < count; i++) {
        struct hr_sessions *sessions = (struct hr_sessions *)(void *)op->b->values[i];
        struct hr_session *into = &sessions->newest;
        int64_t start_us = start_of(session, op->b->rows[i]);
        if (HR_LIKELY(hr_sessions_grows(sessions, start_us))) {
            hr_sessions_grow(sessions, op->b->times[i]);
        } else {
            if (sessions->block == op->block) {
                HR_TRY(update(op, ctx, from, i, weights, err));
                from = i;
                op->block++;
            }
            HR_TRY(place(op, i, start_us, op->b->times[i], &into, err));
        }
        sessions->block = op->block;
        op->b->states[i] = hr_session_states(into);
    }
    return update(op, ctx, from, count, weights, err);
}

static hr_status take_batch(struct hr_op *base, const struct hr_batch *in, struct hr_err *err)
{
    assert(hr_agg_node(base->node)->session_key >= 0);
    struct session_aggregate *op = (struct session_aggregate *)base;
    const struct hr_aggregate_pnode *agg = hr_agg_node(op->op.node);
    struct hr_task *task = op->op.task;
    hr_arena_reset(&op->scratch);
    HR_TRY(hr_eval_vectors(op->eval, in, &op->scratch, op->vectors, err));
    for (uint32_t i = 0, n = 0; i < agg->key_count; i++)
        if ((int32_t)i != agg->session_key) op->keys[n++] = op->vectors[i];
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
        n = hr_stateful_drop_late(&op->s, &op->vectors[agg->session_key], op->b->rows,
                                  op->b->times, n);
        HR_TRY(take_block(op, &ctx, n, in->weights, err));
    }
    return HR_OK;
}

/* --- Output ----------------------------------------------------------------------------------- */

/* The key's columns of count sessions, the session's among them. */
static hr_status key_columns(struct session_aggregate *op, const struct hr_ktable *table,
                             uint8_t *const *values, struct hr_session *const *sessions,
                             uint32_t count, struct hr_batch *out, struct hr_err *err)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(op->op.node);
    uint32_t at = (uint32_t)agg->session_key;
    struct hr_str_view *views = hr_arena_alloc(&op->scratch, sizeof *views * count);
    struct hr_column *keys = HR_NEW_ARRAY(&out->arena, struct hr_column, agg->key_count + 1);
    if (!views || !keys) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) views[i] = hr_ktable_key(table, values[i]);
    if (op->s.codec) HR_TRY(hr_keys_decode(op->s.codec, views, count, &out->arena, keys, err));
    for (uint32_t i = 0, n = 0; i < agg->key_count; i++)
        if (i != at) out->columns[i] = keys[n++];
    const struct hr_type *type = op->op.node->schema->fields[at].type;
    struct hr_column *col = &out->columns[at];
    assert(type->id == HR_T_STRUCT && type->field_count == 2);
    HR_TRY(hr_column_alloc(&out->arena, type, count, false, col, err));
    for (uint32_t f = 0; f < 2; f++) {
        HR_TRY(hr_column_alloc(&out->arena, type->fields[f].type, count, false, &col->children[f],
                               err));
        int64_t *times = (int64_t *)(uintptr_t)col->children[f].values;
        for (uint32_t i = 0; i < count; i++)
            times[i] = f == 0 ? sessions[i]->start_us : sessions[i]->end_us;
    }
    return HR_OK;
}

static hr_status make_output(struct session_aggregate *op, const struct hr_ktable *table,
                             uint8_t *const *values, struct hr_session *const *sessions,
                             uint32_t count, struct hr_batch **ret, struct hr_err *err)
{
    assert(count > 0 && count <= BLOCK);
    const struct hr_pnode *node = op->op.node;
    struct hr_task *task = op->op.task;
    hr_status status = HR_OK;
    struct hr_batch *out = hr_batch_new(node->schema, count, task->mem);
    if (!out) return HR_OOM(err);
    HR_TRY_OUT(key_columns(op, table, values, sessions, count, out, err));
    for (uint32_t i = 0; i < count; i++) op->b->states[i] = hr_session_states(sessions[i]);
    struct hr_eval_ctx ctx = {.conf = task->conf,
                              .arena = &out->arena,
                              .now_us = task->now_us,
                              .partition = task->partition,
                              .row_count = count,
                              .sel_count = count};
    HR_TRY_OUT(hr_agg_emit(node, &ctx, op->b->states, count, out, err));
    *ret = out;
    return HR_OK;
out:
    hr_batch_unref(out);
    return status;
}

/* The next keys of the part: due ones, or some of all. False in *ret: there are none. */
static hr_status list_keys(struct session_aggregate *op, struct hr_state_part *part, bool *ret,
                           struct hr_err *err)
{
    struct hr_state_table *t = &part->tables[0];
    op->row = op->session = op->passed = op->row_count = 0;
    *ret = false;
    if (t->pane_count == 0) return HR_OK;
    if (op->closing) {
        if (op->listed || op->s.evict_us == INT64_MIN) return HR_OK;
        HR_TRY(hr_state_due(part, 0, op->s.evict_us, &op->rows, &op->row_count, err));
    } else {
        if (!op->listed) hr_ktable_iter_all(t->panes[0].table, &op->iter);
        op->rows = op->b->values;
        op->row_count = hr_ktable_iter_next(&op->iter, op->rows, BLOCK);
    }
    op->listed = true;
    *ret = op->row_count > 0;
    return HR_OK;
}

/* The closed sessions of keys that are all put out go. */
static hr_status forget(struct session_aggregate *op, struct hr_state_part *part,
                        struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    struct hr_ktable *table = part->tables[0].panes[0].table;
    for (; op->closing && op->passed < op->row; op->passed++) {
        uint8_t *value = op->rows[op->passed];
        struct hr_sessions *sessions = (struct hr_sessions *)(void *)value;
        uint32_t ended = hr_sessions_ended(node, sessions, op->s.evict_us);
        part->rows_removed += ended;
        if (ended == sessions->count) {
            HR_TRY(hr_ktable_delete(table, value, err));
            continue;
        }
        HR_TRY(hr_ktable_touch(table, value, err));
        hr_sessions_drop(node, sessions, ended);
        HR_TRY(hr_state_arm(part, 0, value, err));
    }
    return HR_OK;
}

/* Fills values and sessions from the listed keys. Returns their number. */
static uint32_t gather(struct session_aggregate *op, uint8_t **values, struct hr_session **sessions,
                       uint32_t max)
{
    const struct hr_pnode *node = op->op.node;
    uint32_t n = 0;
    while (n < max && op->row < op->row_count) {
        struct hr_sessions *s = (struct hr_sessions *)(void *)op->rows[op->row];
        uint32_t total = op->closing ? hr_sessions_ended(node, s, op->s.evict_us) : s->count;
        while (n < max && op->session < total) {
            values[n] = op->rows[op->row];
            sessions[n++] = hr_sessions_at(node, s, op->session++);
        }
        if (op->session < total) break;
        op->row++;
        op->session = 0;
    }
    return n;
}

static hr_status output_part(struct hr_op *base, struct hr_state_part *part, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct session_aggregate *op = (struct session_aggregate *)base;
    uint32_t batch_rows = op->op.task->conf->batch_rows;
    uint32_t max = HR_MIN(batch_rows ? batch_rows : BLOCK, BLOCK);
    hr_arena_reset(&op->scratch);
    uint8_t **values = hr_arena_alloc(&op->scratch, sizeof *values * max);
    struct hr_session **sessions = hr_arena_alloc(&op->scratch, sizeof *sessions * max);
    if (!values || !sessions) return HR_OOM(err);
    for (;;) {
        if (op->row == op->row_count) {
            bool more = false;
            HR_TRY(list_keys(op, part, &more, err));
            if (!more) return HR_OK;
        }
        struct hr_ktable *table = part->tables[0].panes[0].table;
        uint32_t count = gather(op, values, sessions, max);
        if (count) HR_TRY(make_output(op, table, values, sessions, count, ret, err));
        hr_status status = forget(op, part, err);
        if (status != HR_OK) {
            hr_batch_unref(*ret);
            *ret = NULL;
        }
        if (count || status != HR_OK) return status;
    }
}

static hr_status leave_part(struct hr_op *base, struct hr_state_part *part, struct hr_err *err)
{
    HR_UNUSED(part);
    HR_UNUSED(err);
    ((struct session_aggregate *)base)->listed = false;
    return HR_OK;
}

static hr_status session_aggregate_next(struct hr_op *base, struct hr_batch **ret_batch,
                                        struct hr_err *err)
{
    static const struct hr_stateful_steps steps = {NULL, take_batch, output_part, leave_part};
    struct session_aggregate *op = (struct session_aggregate *)base;
    return hr_stateful_next(base, &op->s, &steps, ret_batch, err);
}

static void session_aggregate_text(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_aggregate_pnode *agg = hr_agg_node(node);
    hr_buf_puts(out, "the sessions of each key, ");
    if (agg->output_mode == HR_MODE_COMPLETE)
        hr_buf_puts(out, "kept for ever");
    else
        hr_buf_printf(out, "each until the watermark reaches %s.end",
                      node->schema->fields[agg->session_key].name);
}

const struct hr_operator_vt hr_op_session_aggregate = {
    .name = "SessionAggregate",
    .gathers = true,
    .state_identity = hr_agg_state_identity,
    .node_size = sizeof(struct hr_aggregate_pnode),
    .open = session_aggregate_open,
    .next = session_aggregate_next,
    .close = session_aggregate_close,
    .explain = hr_agg_explain,
    .state_args = session_aggregate_args,
    .state_text = session_aggregate_text,
};
