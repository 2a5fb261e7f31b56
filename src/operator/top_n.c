/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TopN: the first limit rows (after offset) of an order. Rows are gathered until there are several
 * times as many as wanted, then sorted and cut: a bounded buffer without a heap's work per row.
 */
#include "operator/sort.h"
#include "operator/sorter.h"

#define GATHER_MIN 32768

struct top_n {
    struct hr_op op;
    struct hr_sorter *sorter;
    uint64_t next, end;
    bool sorted;
};

static hr_status top_n_open(const struct hr_pnode *node, struct hr_task *task,
                            struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(node->program && HR_PNODE(sort, node)->limit >= 0);
    struct top_n *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    HR_TRY(hr_sorter_new(node, task, &op->sorter, err));
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status gather(struct top_n *op, struct hr_err *err)
{
    const struct hr_pnode *node = op->op.node;
    const struct hr_sort_pnode *sort = HR_PNODE(sort, node);
    int64_t offset = HR_MAX(sort->offset, 0);
    int64_t wanted =
        sort->limit < 0 || sort->limit > INT64_MAX - offset ? -1 : sort->limit + offset;
    uint64_t most = wanted < 0 ? UINT64_MAX : HR_MAX((uint64_t)wanted * 4, GATHER_MIN);
    while (wanted != 0) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(op->op.children[0], &in, err));
        if (!in) break;
        HR_TRY(hr_sorter_add(op->sorter, in, err));
        if (hr_sorter_rows(op->sorter) > most) HR_TRY(hr_sorter_sort(op->sorter, wanted, err));
    }
    HR_TRY(hr_sorter_sort(op->sorter, -1, err));
    op->end = hr_sorter_rows(op->sorter);
    if (wanted >= 0) op->end = HR_MIN(op->end, (uint64_t)wanted);
    op->next = HR_MIN((uint64_t)offset, op->end);
    op->sorted = true;
    return HR_OK;
}

static hr_status top_n_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct top_n *op = (struct top_n *)base;
    if (!op->sorted) HR_TRY(gather(op, err));
    *ret_batch = NULL;
    uint32_t batch_rows = base->task->conf->batch_rows;
    uint32_t count = (uint32_t)HR_MIN(op->end - op->next, batch_rows ? batch_rows : HR_BATCH_ROWS);
    if (!count) return HR_OK;
    HR_TRY(hr_sorter_take(op->sorter, op->next, count, ret_batch, err));
    op->next += count;
    return HR_OK;
}

static void top_n_close(struct hr_op *base)
{
    hr_sorter_free(((struct top_n *)base)->sorter);
}

static void top_n_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    const struct hr_sort_pnode *sort = HR_PNODE(sort, node);
    hr_buf_printf(out, "(limit=%lld, ", (long long)sort->limit);
    if (sort->offset > 0) hr_buf_printf(out, "offset=%lld, ", (long long)sort->offset);
    hr_buf_puts(out, "orderBy=");
    hr_op_print_exprs(node->exprs, node->expr_count, out);
    hr_buf_putc(out, ')');
}

const struct hr_operator_vt hr_op_top_n = {
    .name = "TakeOrdered",
    .node_size = sizeof(struct hr_sort_pnode),
    .gathers = true,
    .open = top_n_open,
    .next = top_n_next,
    .close = top_n_close,
    .explain = top_n_explain,
};
