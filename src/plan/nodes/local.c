/* SPDX-License-Identifier: Apache-2.0 */
/* Batches in memory: folded VALUES, tables in memory, nothing at all. */
#include "operator/local.h"
#include "plan/nodes/local.h"

#include "plan/node.h"
#include "plan/physical.h"

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    hr_buf_putc(out, ' ');
    hr_node_print_output(plan, out);
}

static int64_t max_rows(const struct hr_plan *plan, const int64_t *child_rows)
{
    assert(plan->child_count == 0);
    const struct hr_local_node *local = HR_NODE(local, plan);
    int64_t rows = 0;
    HR_UNUSED(child_rows);
    for (uint32_t i = 0; i < local->batch_count; i++) rows += local->batches[i]->sel_count;
    return rows;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 0);
    const struct hr_local_node *local = HR_NODE(local, plan);
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_local, hr_plan_schema(plan), NULL, NULL);
    if (!node) return HR_OOM(err);
    HR_PNODE(local, node)->batches = local->batches;
    HR_PNODE(local, node)->batch_count = local->batch_count;
    *ret = node;
    return HR_OK;
}

const struct hr_node_vt hr_node_local = {
    .name = "LocalRelation",
    .size = sizeof(struct hr_local_node),
    .print = print,
    .max_rows = max_rows,
    .physical = physical,
};
