/* SPDX-License-Identifier: Apache-2.0 */
/* Union: the children's rows one child after the other. A task normally has one of the children. */
#include "operator/operator.h"

struct union_op {
    struct hr_op op;
    uint32_t child;
};

static hr_status union_open(const struct hr_pnode *node, struct hr_task *task,
                            struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count >= 1);
    struct union_op *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status union_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct union_op *op = (struct union_op *)base;
    for (; op->child < base->node->child_count; op->child++) {
        struct hr_op *child = base->children[op->child];
        struct hr_batch *in = NULL, *out;
        if (child) HR_TRY(hr_op_next(child, &in, err));
        if (!in) continue;
        if (in->schema == base->node->schema) {
            *ret_batch = in;
            return HR_OK;
        }
        /* The first child's names and the widest nullability. */
        hr_status status = hr_op_derive(base->node->schema, in, base->task->mem, &out, err);
        if (status != HR_OK) {
            hr_batch_unref(in);
            return status;
        }
        memcpy(out->columns, in->columns, in->schema->field_count * sizeof *in->columns);
        *ret_batch = out;
        return HR_OK;
    }
    *ret_batch = NULL;
    return HR_OK;
}

/* Each child has tasks of its own. */
static bool union_is_single(const struct hr_pnode *node)
{
    HR_UNUSED(node);
    return false;
}

const struct hr_operator_vt hr_op_union = {
    .name = "Union",
    .appends_children = true,
    .is_single = union_is_single,
    .open = union_open,
    .next = union_next,
};
