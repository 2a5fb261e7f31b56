/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StateDedup: the first row of every key over the life of a streaming query. The state's value is
 * the key's deadline, by which keys that the watermark has passed are found and forgotten: the
 * event time where a key is one (or a window: its end), or within the watermark the first row's
 * time and the delay (a duplicate does not extend it). Else keys are kept for ever (Spark's rule).
 * Late rows are dropped and counted wherever the input has an event time.
 */
#include "operator/distinct.h"
#include "operator/stateful.h"

#define BLOCK HR_STATEFUL_BLOCK

struct state_dedup {
    struct hr_op op;
    struct hr_stateful s;
    struct hr_eval *eval;
    struct hr_vector *vectors;
    struct hr_arena scratch;
    /* of one block */
    uint32_t rows[BLOCK];
    int64_t times[BLOCK];
    uint8_t *states[BLOCK];
    uint8_t is_new[BLOCK];
    bool done;
};

static hr_status state_dedup_args(const struct hr_pnode *node, struct hr_arena *arena,
                                  struct hr_state_args *ret, struct hr_err *err)
{
    HR_UNUSED(arena);
    HR_UNUSED(err);
    ret->operator_name =
        HR_PNODE(distinct, node)->within_watermark ? "dedupeWithinWatermark" : "dedupe";
    ret->tables[0].value_bytes = sizeof(int64_t);
    ret->tables[0].has_deadline = HR_PNODE(distinct, node)->expires;
    return HR_OK;
}

static void state_dedup_close(struct hr_op *base)
{
    struct state_dedup *op = (struct state_dedup *)base;
    hr_stateful_close(&op->s);
    hr_eval_free(op->eval);
    hr_arena_done(&op->scratch);
}

static hr_status open_parts(struct state_dedup *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    const struct hr_distinct_pnode *distinct = HR_PNODE(distinct, node);
    struct hr_task *task = op->op.task;
    hr_arena_init(&op->scratch, task->mem);
    const struct hr_type **types =
        HR_NEW_ARRAY(task->arena, const struct hr_type *, distinct->key_count + 1);
    op->vectors = HR_NEW_ARRAY(task->arena, struct hr_vector, node->expr_count + 1);
    if (!types || !op->vectors) return HR_OOM(err);
    for (uint32_t i = 0; i < distinct->key_count; i++) types[i] = node->exprs[i]->type;
    HR_TRY(hr_stateful_open(&op->s, node, task, types, distinct->key_count, err));
    HR_TRY(hr_eval_new(node->program, task->mem, &op->eval, err));
    hr_eval_set_context(op->eval, task->now_us, task->partition);
    return HR_OK;
}

static hr_status state_dedup_open(const struct hr_pnode *node, struct hr_task *task,
                                  struct hr_op **children, struct hr_op **ret_op,
                                  struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(node->state_id >= 0 && task->exec->states);
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

/* When the key of a row is forgotten. */
static int64_t deadline_of(const struct hr_distinct_pnode *distinct, int64_t time_us)
{
    if (time_us == HR_TIME_NONE && distinct->within_watermark) time_us = 0; /* Spark's reading */
    if (time_us == HR_TIME_NONE || time_us > INT64_MAX - distinct->life_us) return time_us;
    return time_us + distinct->life_us;
}

/* Keeps the rows of the block that are neither late nor known. Returns their number. */
static hr_status keep_new(struct state_dedup *op, uint32_t count, uint32_t *ret_count,
                          struct hr_err *err)
{
    const struct hr_distinct_pnode *distinct = HR_PNODE(distinct, op->op.node);
    const struct hr_vector *time = distinct->time >= 0 ? &op->vectors[distinct->time] : NULL;
    count = hr_stateful_drop_late(&op->s, time, op->rows, op->times, count);
    HR_TRY(hr_stateful_encode(&op->s, op->vectors, op->rows, count, err));
    HR_TRY(hr_stateful_upsert(&op->s, 0, HR_PANE_NONE, count, op->states, op->is_new, err));
    uint32_t kept = 0;
    assert(count <= BLOCK);
    for (uint32_t i = 0; i < count; i++) {
        if (!op->is_new[i]) continue;
        struct hr_state_part *part = hr_stateful_part(&op->s, op->s.keys.hashes[i]);
        int64_t deadline_us = deadline_of(distinct, op->times[i]);
        memcpy(op->states[i], &deadline_us, sizeof deadline_us);
        if (distinct->expires) HR_TRY(hr_state_arm(part, 0, op->states[i], err));
        part->rows_updated++;
        op->rows[kept++] = op->rows[i];
    }
    *ret_count = kept;
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
        HR_TRY_OUT(keep_new(op, n, &n, err));
        memcpy(sel + total, op->rows, n * sizeof *sel);
        total += n;
    }
    if (total == 0) {
        hr_batch_unref(out);
        return HR_OK;
    }
    assert(total <= in->sel_count);
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
    if (!HR_PNODE(distinct, op->op.node)->expires || !hr_stateful_moved(&op->s)) return HR_OK;
    for (uint32_t p = 0; p < op->s.part_count; p++) {
        struct hr_state_part *part = &op->s.parts[p];
        uint8_t **rows;
        uint32_t count;
        HR_TRY(hr_state_due(part, 0, op->s.evict_us, &rows, &count, err));
        for (uint32_t i = 0; i < count; i++)
            HR_TRY(hr_ktable_delete(part->tables[0].panes[0].table, rows[i], err));
        part->rows_removed += count;
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

static void state_dedup_identity(const struct hr_pnode *node, struct hr_state_identity *inout)
{
    if (node->program) inout->key_count = HR_PNODE(distinct, node)->key_count;
    if (HR_PNODE(distinct, node)->within_watermark) inout->variant = " within watermark";
}

static void state_dedup_text(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_distinct_pnode *distinct = HR_PNODE(distinct, node);
    hr_buf_puts(out, "each key");
    if (!distinct->expires) {
        hr_buf_puts(out, ", kept for ever");
        return;
    }
    hr_buf_puts(out, " until the watermark reaches ");
    hr_expr_print(node->exprs[distinct->time], out);
    if (node->exprs[distinct->time]->type->id == HR_T_STRUCT) hr_buf_puts(out, ".end");
    if (distinct->life_us)
        hr_buf_printf(out, " of its first row + %lld microseconds", (long long)distinct->life_us);
}

const struct hr_operator_vt hr_op_state_dedup = {
    .name = "StateDedup",
    .state_identity = state_dedup_identity,
    .node_size = sizeof(struct hr_distinct_pnode),
    .gathers = true,
    .open = state_dedup_open,
    .next = state_dedup_next,
    .close = state_dedup_close,
    .explain = state_dedup_explain,
    .state_args = state_dedup_args,
    .state_text = state_dedup_text,
};
