/* SPDX-License-Identifier: Apache-2.0 */
/* Sort: all rows of the task's partition in memory, in order. */
#include "operator/sort.h"
#include "operator/sorter.h"

struct sort {
    struct hr_op op;
    struct hr_sorter *sorter;
    uint64_t next;
    bool sorted;
};

static hr_status sort_open(const struct hr_pnode *node, struct hr_task *task,
                           struct hr_op **children, struct hr_op **ret_op, struct hr_err *err)
{
    assert(children && node->child_count == 1);
    assert(node->program && HR_PNODE(sort, node)->descending);
    struct sort *op = hr_op_new(node, task, children, sizeof *op);
    if (!op) return HR_OOM(err);
    HR_TRY(hr_sorter_new(node, task, &op->sorter, err));
    *ret_op = &op->op;
    return HR_OK;
}

static hr_status sort_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct sort *op = (struct sort *)base;
    while (!op->sorted) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        if (in) {
            HR_TRY(hr_sorter_add(op->sorter, in, err));
            continue;
        }
        HR_TRY(hr_sorter_sort(op->sorter, -1, err));
        op->sorted = true;
    }
    *ret_batch = NULL;
    uint32_t batch_rows = base->task->conf->batch_rows;
    uint64_t left = hr_sorter_rows(op->sorter) - op->next;
    uint32_t count = (uint32_t)HR_MIN(left, batch_rows ? batch_rows : HR_BATCH_ROWS);
    if (!count) return HR_OK;
    HR_TRY(hr_sorter_take(op->sorter, op->next, count, ret_batch, err));
    op->next += count;
    return HR_OK;
}

static void sort_close(struct hr_op *base)
{
    hr_sorter_free(((struct sort *)base)->sorter);
}

static void sort_explain(const struct hr_pnode *node, struct hr_buf *out)
{
    hr_op_print_exprs(node->exprs, node->expr_count, out);
}

const struct hr_operator_vt hr_op_sort = {
    .name = "Sort",
    .node_size = sizeof(struct hr_sort_pnode),
    .gathers = true,
    .open = sort_open,
    .next = sort_next,
    .close = sort_close,
    .explain = sort_explain,
};
