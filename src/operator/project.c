/* SPDX-License-Identifier: Apache-2.0 */
/* Project: one program computes the output's columns; the selection passes through. */
#include "operator/operator.h"

struct project {
    struct hr_op op;
    struct hr_eval *eval;
};

static hr_status project_open(const struct hr_pnode *node, struct hr_task *task,
                              struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(node->program && node->expr_count == node->schema->field_count);
    struct project *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    HR_TRY(hr_eval_new(node->program, task->mem, &op->eval, err));
    hr_eval_set_context(op->eval, task->now_us, task->partition);
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status project_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct project *op = (struct project *)base;
    struct hr_batch *in, *out;
    HR_TRY(hr_op_next(base->children[0], &in, err));
    if (!in) {
        *ret_batch = NULL;
        return HR_OK;
    }
    hr_status status = hr_op_derive(base->node->schema, in, base->task->mem, &out, err);
    if (status != HR_OK) {
        hr_batch_unref(in);
        return status;
    }
    status = hr_eval_run(op->eval, in, &out->arena, out->columns, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    *ret_batch = out;
    return HR_OK;
}

static void project_close(struct hr_op *base)
{
    hr_eval_free(((struct project *)base)->eval);
}

static void project_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_op_print_exprs(node->exprs, node->expr_count, out);
}

const struct hr_operator_vt hr_op_project = {
    .name = "Project",
    .computes_columns = true,
    .open = project_open,
    .next = project_next,
    .close = project_close,
    .explain = project_explain,
};
