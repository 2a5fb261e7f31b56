/* SPDX-License-Identifier: Apache-2.0 */
/* Limit and offset: skips the first offset rows, passes up to limit more, then pulls no further. */
#include "operator/limit.h"
#include "operator/operator.h"

struct limit {
    struct hr_op op;
    int64_t skip, left; /* left -1: all */
};

static hr_status limit_open(const struct hr_pnode *node, struct hr_task *task,
                            struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(HR_PNODE(limit, node)->limit >= -1);
    const struct hr_limit_pnode *limit = HR_PNODE(limit, node);
    struct limit *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    op->skip = HR_MAX(limit->offset, 0);
    op->left = limit->limit;
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status limit_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct limit *op = (struct limit *)base;
    *ret_batch = NULL;
    while (op->left != 0) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        if (!in) return HR_OK;
        uint32_t count = in->sel_count;
        if (op->skip >= count) {
            op->skip -= count;
            hr_batch_unref(in);
            continue;
        }
        uint32_t first = (uint32_t)op->skip, wanted = count - first;
        if (op->left >= 0 && op->left < wanted) wanted = (uint32_t)op->left;
        op->skip = 0;
        if (op->left > 0) op->left -= wanted;
        if (wanted == count) {
            *ret_batch = in;
            return HR_OK;
        }
        struct hr_batch *out = hr_batch_slice(in, first, wanted);
        hr_batch_unref(in);
        if (!out) return HR_OOM(err);
        *ret_batch = out;
        return HR_OK;
    }
    return HR_OK;
}

static void limit_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_limit_pnode *limit = HR_PNODE(limit, node);
    if (limit->limit >= 0) hr_buf_printf(out, "%lld", (long long)limit->limit);
    if (limit->offset > 0)
        hr_buf_printf(out, "%soffset %lld", limit->limit >= 0 ? " " : "", (long long)limit->offset);
}

const struct hr_operator_vt hr_op_limit = {
    .name = "Limit",
    .node_size = sizeof(struct hr_limit_pnode),
    .open = limit_open,
    .next = limit_next,
    .explain = limit_explain,
};
