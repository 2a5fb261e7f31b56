/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Watermark: notes the range of event times that pass (for the next epoch's watermark and for
 * progress) and lets the rows through. The column is a TIMESTAMP, or a window STRUCT whose end
 * counts. Numbers are added to the run's only at the end, so that a retried task counts once.
 */
#include "operator/watermark.h"
#include "operator/operator.h"

struct watermark {
    struct hr_op op;
    int64_t max_us, min_us, count;
    int64_t sum_ms;
};

static hr_status watermark_open(const struct hr_pnode *node, struct hr_task *task,
                                struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(HR_PNODE(watermark, node)->column < node->schema->field_count);
    struct watermark *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->max_us = INT64_MIN;
    op->min_us = INT64_MAX;
    *ret_op = &op->op;
    return HR_OK;
}

static void observe(struct watermark *op, const struct hr_batch *batch)
{
    const struct hr_column *col = &batch->columns[HR_PNODE(watermark, op->op.node)->column];
    const uint64_t *outer = NULL;
    if (col->type->id == HR_T_STRUCT) {
        outer = col->validity;
        col = &col->children[col->type->field_count - 1];
    }
    const int64_t *values = col->values;
    int64_t max = op->max_us, min = op->min_us, count = 0, sum = 0;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint32_t row = hr_op_row(batch, i);
        if (!hr_column_valid(col, row) || (outer && !hr_bit_get(outer, row))) continue;
        int64_t v = values[row];
        max = HR_MAX(max, v);
        min = HR_MIN(min, v);
        sum += v / 1000;
        count++;
    }
    op->max_us = max;
    op->min_us = min;
    op->sum_ms += sum;
    op->count += count;
}

static void publish(struct watermark *op)
{
    struct hr_exec *exec = op->op.task->exec;
    uint32_t index = HR_PNODE(watermark, op->op.node)->index;
    if (!op->count || !exec->watermarks || index >= exec->watermark_count) return;
    struct hr_exec_watermark *w = &exec->watermarks[index];
    int64_t seen = atomic_load(&w->max_us);
    while (seen < op->max_us && !atomic_compare_exchange_weak(&w->max_us, &seen, op->max_us)) {}
    seen = atomic_load(&w->min_us);
    while (seen > op->min_us && !atomic_compare_exchange_weak(&w->min_us, &seen, op->min_us)) {}
    atomic_fetch_add(&w->sum_ms, op->sum_ms);
    atomic_fetch_add(&w->count, op->count);
    op->count = 0;
}

static hr_status watermark_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct watermark *op = (struct watermark *)base;
    HR_TRY(hr_op_next(base->children[0], ret_batch, err));
    if (*ret_batch)
        observe(op, *ret_batch);
    else
        publish(op);
    return HR_OK;
}

static void watermark_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_watermark_pnode *mark = HR_PNODE(watermark, node);
    hr_buf_printf(out, "%s, interval %lld microseconds", node->schema->fields[mark->column].name,
                  (long long)mark->delay_us);
}

const struct hr_operator_vt hr_op_watermark = {
    .name = "EventTimeWatermark",
    .passes_columns = true,
    .node_size = sizeof(struct hr_watermark_pnode),
    .marks_event_time = true,
    .open = watermark_open,
    .next = watermark_next,
    .explain = watermark_explain,
};
