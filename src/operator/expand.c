/* SPDX-License-Identifier: Apache-2.0 */
/* Expand: every input row once per projection (sliding windows, grouping sets, COUNT DISTINCTs). */
#include "operator/expand.h"
#include "operator/operator.h"

struct expand {
    struct hr_op op;
    struct hr_eval **evals;
    struct hr_batch *in;
    uint32_t next; /* projection of in */
};

static void expand_close(struct hr_op *base)
{
    struct expand *op = (struct expand *)base;
    for (uint32_t i = 0; op->evals && i < HR_PNODE(expand, base->node)->projection_count; i++)
        hr_eval_free(op->evals[i]);
    hr_batch_unref(op->in);
    op->in = NULL;
}

static hr_status expand_open(const struct hr_pnode *node, struct hr_task *task,
                             struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(HR_PNODE(expand, node)->projections);
    const struct hr_expand_pnode *expand = HR_PNODE(expand, node);
    struct expand *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->evals = HR_NEW_ARRAY(task->arena, struct hr_eval *, expand->projection_count + 1);
    if (!op->evals) return HR_OOM(err);
    for (uint32_t i = 0; i < expand->projection_count; i++) {
        hr_status status = hr_eval_new(expand->projections[i], task->mem, &op->evals[i], err);
        if (status != HR_OK) {
            expand_close(&op->op);
            return status;
        }
        hr_eval_set_context(op->evals[i], task->now_us, task->partition);
    }
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status expand_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    const struct hr_expand_pnode *expand = HR_PNODE(expand, base->node);
    struct expand *op = (struct expand *)base;
    if (op->in && op->next == expand->projection_count) {
        hr_batch_unref(op->in);
        op->in = NULL;
    }
    if (!op->in) {
        op->next = 0;
        HR_TRY(hr_op_next(base->children[0], &op->in, err));
        if (!op->in || expand->projection_count == 0) {
            *ret_batch = NULL;
            return HR_OK;
        }
    }
    struct hr_batch *out, *in = hr_batch_ref(op->in);
    hr_status status = hr_op_derive(base->node->schema, in, base->task->mem, &out, err);
    if (status != HR_OK) {
        hr_batch_unref(in);
        return status;
    }
    status = hr_eval_run(op->evals[op->next], op->in, &out->arena, out->columns, err);
    if (status != HR_OK) {
        hr_batch_unref(out);
        return status;
    }
    op->next++;
    *ret_batch = out;
    return HR_OK;
}

static void expand_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_buf_printf(out, "%u projections", HR_PNODE(expand, node)->projection_count);
}

/* As many sliding windows as projections: exprs are the first one's only. */
static void expand_origin(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_buf_printf(out, "%u of ", HR_PNODE(expand, node)->projection_count);
}

const struct hr_operator_vt hr_op_expand = {
    .name = "Expand",
    .computes_columns = true,
    .put_origin = expand_origin,
    .node_size = sizeof(struct hr_expand_pnode),
    .open = expand_open,
    .next = expand_next,
    .close = expand_close,
    .explain = expand_explain,
};
