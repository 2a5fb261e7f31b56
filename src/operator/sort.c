/* SPDX-License-Identifier: Apache-2.0 */
/* Sort: all rows of the task's partition in order, in memory or as runs on disk that are merged. */
#include "operator/sort.h"
#include "operator/sorter.h"
#include "operator/spill.h"

struct sort {
    struct hr_op op;
    struct hr_sorter *sorter;
    struct hr_sort_runs *runs; /* NULL: all rows are in memory */
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

/* Sorting takes the rows once more, and two entries a row. */
static bool is_due(struct sort *op)
{
    int64_t limit, room = hr_mem_room(op->op.task->mem, &limit);
    if (room > limit / 8 * 7) return false;
    int64_t bytes = hr_sorter_bytes(op->sorter);
    return hr_spill_due(op->op.task, bytes, bytes + (int64_t)hr_sorter_rows(op->sorter) * 32);
}

static hr_status spill(struct sort *op, struct hr_err *err)
{
    if (!op->runs)
        HR_TRY(hr_sort_runs_new(op->op.task, op->sorter, op->op.node->schema, &op->runs, err));
    return hr_sort_runs_add(op->runs, err);
}

static hr_status sort_next(struct hr_op *base, struct hr_batch **ret_batch, struct hr_err *err)
{
    struct sort *op = (struct sort *)base;
    while (!op->sorted) {
        struct hr_batch *in;
        HR_TRY(hr_op_next(base->children[0], &in, err));
        if (in) {
            HR_TRY(hr_sorter_add(op->sorter, in, err));
            if (is_due(op)) HR_TRY(spill(op, err));
            continue;
        }
        if (op->runs)
            HR_TRY(spill(op, err));
        else
            HR_TRY(hr_sorter_sort(op->sorter, -1, err));
        op->sorted = true;
    }
    if (op->runs) return hr_sort_runs_next(op->runs, ret_batch, err);
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
    hr_sort_runs_free(((struct sort *)base)->runs);
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
