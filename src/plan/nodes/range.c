/* SPDX-License-Identifier: Apache-2.0 */
/* range(start, end, step): one LONG column. */
#include "operator/range.h"
#include "plan/nodes/range.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_range_node *range = HR_NODE(range, plan);
    hr_buf_printf(out, " (%lld, %lld, step=%lld)", (long long)range->start, (long long)range->end,
                  (long long)range->step);
}

static int64_t max_rows(const struct hr_plan *plan, const int64_t *child_rows)
{
    assert(plan->child_count == 0);
    const struct hr_range_node *range = HR_NODE(range, plan);
    HR_UNUSED(child_rows);
    if (range->step <= 0) return -1;
    return range->end > range->start ? (range->end - range->start) / range->step + 1 : 0;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 0);
    const struct hr_range_node *range = HR_NODE(range, plan);
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_range, hr_plan_schema(plan), NULL, NULL);
    if (!node) return HR_OOM(err);
    assert(range->step != 0); /* analysis */
    struct hr_range_pnode *out = HR_PNODE(range, node);
    out->start = range->start;
    out->end = range->end;
    out->step = range->step;
    *ret = node;
    return HR_OK;
}

const struct hr_node_vt hr_node_range = {
    .name = "Range",
    .size = sizeof(struct hr_range_node),
    .analyze = hr_analyze_range,
    .print = print,
    .max_rows = max_rows,
    .physical = physical,
};
