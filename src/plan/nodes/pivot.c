/* SPDX-License-Identifier: Apache-2.0 */
/* PIVOT: analysis makes aggregations of it. */
#include "plan/nodes/pivot.h"

#include "plan/analyze.h"
#include "plan/node.h"

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPRS(hr_pivot_node, aggregates, aggregate_count),
    HR_NODE_EXPRS(hr_pivot_node, columns, column_count),
    HR_NODE_EXPRS(hr_pivot_node, values, value_count),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_pivot = {
    .name = "Pivot",
    .size = sizeof(struct hr_pivot_node),
    .exprs = exprs,
    .analyze = hr_analyze_pivot,
};
