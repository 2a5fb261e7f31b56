/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StateDedup: the first row of every key over the life of a streaming query. The state's value is
 * the row's event time where a key is one (or a window: its end), so that keys the watermark has
 * passed are found by a scan of the values and forgotten; without one they are kept for ever
 * (Spark's rule). Late rows are dropped and counted.
 */
#include "operator/distinct.h"
#include "operator/operator.h"
#include "state/state.h"

#define BLOCK     2048u
#define TIME_NONE INT64_MIN /* no event time: kept for ever */

struct state_dedup {
    struct hr_op op;
    struct hr_state_part *parts; /* own part; all where the plan is one task */
    uint32_t part_count;
    struct hr_eval *eval;
    const struct hr_key_codec *codec;
    struct hr_keys keys;
    struct hr_vector *vectors;
    struct hr_arena scratch;
    /* of one block */
    uint32_t rows[BLOCK], order[BLOCK];
    int64_t times[BLOCK];
    struct hr_string views[BLOCK];
    uint64_t hashes[BLOCK];
    uint8_t *states[BLOCK];
    uint8_t is_new[BLOCK], keep[BLOCK];
    bool done;
};

static hr_status state_dedup_args(const struct hr_pnode *node, struct hr_arena *arena,
                                  struct hr_state_args *ret, struct hr_err *err)
{
    HR_UNUSED(node);
    HR_UNUSED(arena);
    HR_UNUSED(err);
    ret->operator_name = "dedupe";
    ret->tables[0].value_bytes = sizeof(int64_t);
    return HR_OK;
}

static void state_dedup_close(struct hr_op *base)
{
    struct state_dedup *op = (struct state_dedup *)base;
    hr_keys_done(&op->keys);
    hr_eval_free(op->eval);
    hr_arena_done(&op->scratch);
}

static hr_status open_parts(struct state_dedup *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    const struct hr_distinct_pnode *distinct = HR_PNODE(distinct, node);
    struct hr_task *task = op->op.task;
    hr_arena_init(&op->scratch, task->mem);
    op->keys.mem = task->mem;
    struct hr_state *state = task->exec->states[node->state_id];
    bool all = task->partition_count == 1;
    if (!all && task->partition >= state->part_count)
        return HR_BUG(err, "task %u of a state of %u parts", task->partition, state->part_count);
    op->parts = &state->parts[all ? 0 : task->partition];
    op->part_count = all ? state->part_count : 1;
    const struct hr_type **types =
        HR_NEW_ARRAY(task->arena, const struct hr_type *, distinct->key_count + 1);
    op->vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, distinct->key_count + 1);
    if (!types || !op->vectors) return HR_OOM(err);
    for (uint32_t i = 0; i < distinct->key_count; i++) types[i] = node->exprs[i]->type;
    HR_TRY(hr_key_codec_new(task->arena, types, distinct->key_count, &op->codec, err));
    HR_TRY(hr_eval_new(node->program, task->mem, &op->eval, err));
    hr_eval_set_context(op->eval, task->now_us, task->partition);
    return HR_OK;
}

static hr_status state_dedup_open(const struct hr_pnode *node, struct hr_task *task,
                                  struct hr_op **children, struct hr_op **ret_op,
                                  struct hr_err *err)
{
    struct state_dedup *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    hr_status status = open_parts(op, err);
    if (status != HR_OK) {
        state_dedup_close(&op->op);
        return status;
    }
    *ret_op = &op->op;
    return HR_OK;
}

static int64_t event_time(const struct state_dedup *op, uint32_t row)
{
    const struct hr_distinct_pnode *distinct = HR_PNODE(distinct, op->op.node);
    if (distinct->event_time_key < 0) return TIME_NONE;
    const struct hr_vector *key = &op->vectors[distinct->event_time_key];
    uint32_t r = hr_vector_row(key, row);
    const struct hr_column *col = &key->col;
    if (!hr_column_valid(col, r)) return TIME_NONE;
    if (col->type->id == HR_T_STRUCT) col = &col->children[1];
    return hr_column_valid(col, r) ? ((const int64_t *)col->values)[r] : TIME_NONE;
}

/* Keeps the rows that are not late in rows and times; returns their number. */
static uint32_t drop_late(struct state_dedup *op, uint32_t count)
{
    struct hr_task *task = op->op.task;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t time_us = event_time(op, op->rows[i]);
        op->rows[kept] = op->rows[i];
        op->times[kept] = time_us;
        kept += time_us == TIME_NONE || time_us > task->late_watermark_us;
    }
    if (kept < count) atomic_fetch_add(&task->exec->rows_dropped_late, (int64_t)(count - kept));
    return kept;
}

/* The share of part p of the block's encoded keys: marks its new rows in keep. */
static hr_status insert_part(struct state_dedup *op, uint32_t p, uint32_t count, struct hr_err *err)
{
    uint32_t all_parts = op->parts[0].state->part_count, n = 0;
    for (uint32_t i = 0; i < count; i++) {
        op->order[n] = i;
        op->views[n] = op->keys.views[i];
        op->hashes[n] = op->keys.hashes[i];
        n += op->part_count == 1 || hr_key_partition(op->keys.hashes[i], all_parts) == p;
    }
    if (n == 0) return HR_OK;
    struct hr_ktable *table;
    HR_TRY(hr_state_pane(&op->parts[p], 0, HR_PANE_NONE, &table, err));
    HR_TRY(hr_ktable_upsert(table, op->views, op->hashes, n, op->states, op->is_new, err));
    for (uint32_t i = 0; i < n; i++) {
        op->keep[op->order[i]] = op->is_new[i];
        if (op->is_new[i]) memcpy(op->states[i], &op->times[op->order[i]], sizeof(int64_t));
        op->parts[p].rows_updated += op->is_new[i];
    }
    return HR_OK;
}

static hr_status first_rows(struct state_dedup *op, struct hr_batch *in, struct hr_batch **ret,
                            struct hr_err *err)
{
    hr_arena_reset(&op->scratch);
    HR_TRY(hr_eval_vectors(op->eval, in, &op->scratch, op->vectors, err));
    uint32_t *sel, total = 0;
    struct hr_batch *out = hr_batch_new_sel(in, in->sel_count, &sel);
    if (!out) return HR_OOM(err);
    hr_status status = HR_OK;
    for (uint32_t at = 0; at < in->sel_count; at += BLOCK) {
        uint32_t n = HR_MIN(BLOCK, in->sel_count - at);
        for (uint32_t i = 0; i < n; i++) op->rows[i] = hr_op_row(in, at + i);
        n = drop_late(op, n);
        HR_TRY_OUT(hr_keys_encode(op->codec, op->vectors, op->rows, n, 0, &op->keys, err));
        for (uint32_t p = 0; p < op->part_count; p++) HR_TRY_OUT(insert_part(op, p, n, err));
        for (uint32_t i = 0; i < n; i++) {
            sel[total] = op->rows[i];
            total += op->keep[i];
        }
    }
    if (total == 0) {
        hr_batch_unref(out);
        return HR_OK;
    }
    out->sel_count = total;
    *ret = out;
    return HR_OK;
out:
    hr_batch_unref(out);
    return status;
}

/* Forgets the keys that the watermark has passed. */
static hr_status evict(struct state_dedup *op, struct hr_err *err)
{
    const struct hr_task *task = op->op.task;
    int64_t watermark_us = task->evict_watermark_us;
    if (HR_PNODE(distinct, op->op.node)->event_time_key < 0 || watermark_us == INT64_MIN ||
        watermark_us == task->late_watermark_us)
        return HR_OK;
    for (uint32_t p = 0; p < op->part_count; p++) {
        struct hr_pane *pane = hr_state_oldest_pane(&op->parts[p], 0, HR_PANE_NONE);
        if (!pane) continue;
        struct hr_ktable_iter iter;
        hr_ktable_iter_all(pane->table, &iter);
        for (uint32_t n; (n = hr_ktable_iter_next(&iter, op->states, BLOCK)) > 0;) {
            for (uint32_t i = 0; i < n; i++) {
                int64_t time_us;
                memcpy(&time_us, op->states[i], sizeof time_us);
                if (time_us == TIME_NONE || time_us > watermark_us) continue;
                HR_TRY(hr_ktable_delete(pane->table, op->states[i], err));
                op->parts[p].rows_removed++;
            }
        }
    }
    return HR_OK;
}

static hr_status state_dedup_next(struct hr_op *base, struct hr_batch **ret_batch,
                                  struct hr_err *err)
{
    struct state_dedup *op = (struct state_dedup *)base;
    *ret_batch = NULL;
    while (!op->done) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        if (!in) {
            op->done = true;
            return evict(op, err);
        }
        hr_status status = first_rows(op, in, ret_batch, err);
        hr_batch_unref(in);
        HR_TRY(status);
        if (*ret_batch) return HR_OK;
    }
    return HR_OK;
}

static void state_dedup_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_buf_puts(out, "(keys=");
    hr_op_print_exprs(node->exprs, HR_PNODE(distinct, node)->key_count, out);
    hr_buf_puts(out, ")");
}

const struct hr_operator_vt hr_op_state_dedup = {
    .name = "StateDedup",
    .node_size = sizeof(struct hr_distinct_pnode),
    .open = state_dedup_open,
    .next = state_dedup_next,
    .close = state_dedup_close,
    .explain = state_dedup_explain,
    .state_args = state_dedup_args,
};
