/* SPDX-License-Identifier: Apache-2.0 */
/* Filter: makes a selection; columns are not copied. */
#include "operator/operator.h"

struct filter {
    struct hr_op op;
    struct hr_eval *eval;
};

static hr_status filter_open(const struct hr_pnode *node, struct hr_task *task,
                             struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(node->program && node->expr_count == 1);
    struct filter *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    HR_TRY(hr_eval_new(node->program, task->mem, &op->eval, err));
    hr_eval_set_context(op->eval, task->now_us, task->partition);
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status filter_batch(struct filter *op, struct hr_batch *in, struct hr_batch **ret_batch,
                              struct hr_err *err)
{
    struct hr_batch *out = NULL;
    hr_status status = hr_op_derive(op->op.node->schema, in, op->op.task->mem, &out, err);
    if (status != HR_OK) {
        hr_batch_unref(in);
        return status;
    }
    memcpy(out->columns, in->columns, in->schema->field_count * sizeof *in->columns);
    const uint32_t *sel;
    uint32_t count;
    status = hr_eval_filter(op->eval, in, &out->arena, &sel, &count, err);
    if (status != HR_OK || count == 0) {
        hr_batch_unref(out);
        return status;
    }
    if (count < in->sel_count) {
        out->sel = sel;
        out->sel_count = count;
    }
    *ret_batch = out;
    return HR_OK;
}

static hr_status filter_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    for (;;) {
        struct hr_batch *in, *out = NULL;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        if (in) HR_TRY(filter_batch((struct filter *)base, in, &out, err));
        if (in && !out) continue;
        *ret_batch = out;
        return HR_OK;
    }
}

static void filter_close(struct hr_op *base)
{
    hr_eval_free(((struct filter *)base)->eval);
}

static void filter_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    if (node->exprs && node->expr_count) hr_expr_print(node->exprs[0], out);
}

const struct hr_operator_vt hr_op_filter = {
    .name = "Filter",
    .passes_columns = true,
    .open = filter_open,
    .next = filter_next,
    .close = filter_close,
    .explain = filter_explain,
};
