/* SPDX-License-Identifier: Apache-2.0 */
/* VALUES. Analysis computes the rows and puts a LOCAL in its place. */
#include "plan/nodes/values.h"

#include "plan/analyze.h"
#include "plan/node.h"

static const struct hr_node_exprs exprs[] = {
    HR_NODE_ROWS(hr_values_node, rows, row_count, row_width),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_values = {
    .name = "UnresolvedInlineTable",
    .size = sizeof(struct hr_values_node),
    .exprs = exprs,
    .analyze = hr_analyze_values,
};
