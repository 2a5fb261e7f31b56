/* SPDX-License-Identifier: Apache-2.0 */
/* Range: the numbers start, start + step … below (step < 0: above) end. */
#include "operator/range.h"
#include "operator/exec.h"
#include "operator/operator.h"

#define TASK_ROWS 32768 /* numbers that are worth more than one task */

struct range {
    struct hr_op op;
    uint64_t next, end; /* positions in the range */
};

static uint64_t range_count(const struct hr_pnode *node)
{
    const struct hr_range_pnode *range = HR_PNODE(range, node);
    hr_i128 span = (hr_i128)range->end - range->start;
    hr_i128 step = range->step;
    if (step == 0 || (span < 0) != (step < 0) || span == 0) return 0;
    hr_i128 up = step > 0 ? step - 1 : step + 1;
    return (uint64_t)((span + up) / step);
}

static hr_status range_open(const struct hr_pnode *node, struct hr_task *task,
                            struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 0);
    assert(task->share_count > 0 && task->share < task->share_count);
    struct range *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    uint64_t count = range_count(node);
    op->next = (uint64_t)((hr_u128)count * task->share / task->share_count);
    op->end = (uint64_t)((hr_u128)count * (task->share + 1) / task->share_count);
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status range_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct range *op = (struct range *)base;
    const struct hr_pnode *node = base->node;
    const struct hr_range_pnode *range = HR_PNODE(range, node);
    uint32_t rows = base->task->conf->batch_rows ? base->task->conf->batch_rows : HR_BATCH_ROWS;
    if (op->end - op->next < rows) rows = (uint32_t)(op->end - op->next);
    if (rows == 0) {
        *ret_batch = NULL;
        return HR_OK;
    }
    struct hr_batch *batch = hr_batch_new(node->schema, rows, base->task->mem);
    if (!batch) return HR_OOM(err);
    if (node->schema->field_count) {
        struct hr_column col;
        hr_status status =
            hr_column_alloc(&batch->arena, hr_type(HR_T_LONG), rows, false, &col, err);
        if (status != HR_OK) {
            hr_batch_unref(batch);
            return status;
        }
        int64_t *values = (int64_t *)(uintptr_t)col.values;
        uint64_t v = (uint64_t)range->start + op->next * (uint64_t)range->step;
        for (uint32_t i = 0; i < rows; i++, v += (uint64_t)range->step) values[i] = (int64_t)v;
        batch->columns[0] = col;
    }
    op->next += rows;
    *ret_batch = batch;
    return HR_OK;
}

static void range_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_range_pnode *range = HR_PNODE(range, node);
    hr_buf_printf(out, "(%lld, %lld, step=%lld)", (long long)range->start, (long long)range->end,
                  (long long)range->step);
}

static uint32_t range_partitions(const struct hr_pipeline *pipeline, const struct hr_pnode *node)
{
    const struct hr_range_pnode *range = HR_PNODE(range, node);
    if (range->step == 0) return 1;
    hr_i128 rows = ((hr_i128)range->end - range->start) / range->step;
    return rows > TASK_ROWS ? HR_MAX(pipeline->exec->conf->threads, 1) : 1;
}

static int64_t range_rows(const struct hr_exec *exec, const struct hr_pnode *node)
{
    const struct hr_range_pnode *range = HR_PNODE(range, node);
    HR_UNUSED(exec);
    if (range->step == 0) return 0;
    hr_i128 n = ((hr_i128)range->end - range->start) / range->step;
    return n > INT32_MAX ? INT32_MAX : n < 0 ? 0 : (int64_t)n;
}

const struct hr_operator_vt hr_op_range = {
    .name = "Range",
    .node_size = sizeof(struct hr_range_pnode),
    .partitions = range_partitions,
    .rows_estimate = range_rows,
    .open = range_open,
    .next = range_next,
    .explain = range_explain,
};
