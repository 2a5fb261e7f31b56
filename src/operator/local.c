/* SPDX-License-Identifier: Apache-2.0 */
/* LocalTableScan: batches in memory (VALUES, one row, cached tables). */
#include "operator/local.h"
#include "operator/operator.h"

struct local {
    struct hr_op op;
    uint32_t next, end;
};

static hr_status local_open(const struct hr_pnode *node, struct hr_task *task,
                            struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 0);
    struct local *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->end = hr_op_share(task, HR_PNODE(local, node)->batch_count, &op->next);
    op->end += op->next;
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status local_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct local *op = (struct local *)base;
    HR_UNUSED(err);
    while (op->next < op->end) {
        struct hr_batch *batch = HR_PNODE(local, base->node)->batches[op->next++];
        if (batch->sel_count == 0) continue;
        *ret_batch = hr_batch_ref(batch);
        return HR_OK;
    }
    *ret_batch = NULL;
    return HR_OK;
}

static void local_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < node->schema->field_count; i++)
        hr_buf_printf(out, "%s%s", i ? ", " : "", node->schema->fields[i].name);
    hr_buf_putc(out, ']');
}

static int64_t local_rows(const struct hr_exec *exec, const struct hr_pnode *node)
{
    const struct hr_local_pnode *local = HR_PNODE(local, node);
    int64_t rows = 0;
    HR_UNUSED(exec);
    for (uint32_t i = 0; i < local->batch_count; i++) rows += local->batches[i]->sel_count;
    return rows;
}

static bool local_is_single(const struct hr_pnode *node)
{
    HR_UNUSED(node);
    return true;
}

const struct hr_operator_vt hr_op_local = {
    .name = "LocalTableScan",
    .node_size = sizeof(struct hr_local_pnode),
    .rows_estimate = local_rows,
    .is_single = local_is_single,
    .open = local_open,
    .next = local_next,
    .explain = local_explain,
};
