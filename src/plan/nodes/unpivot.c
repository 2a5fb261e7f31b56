/* SPDX-License-Identifier: Apache-2.0 */
/* UNPIVOT: a row for each group of columns. Analysis makes an EXPAND of it. */
#include "plan/nodes/unpivot.h"

#include "plan/analyze.h"
#include "plan/node.h"

static const struct hr_node_exprs exprs[] = {
    HR_NODE_ROWS(hr_unpivot_node, rows, row_count, row_width),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_unpivot = {
    .name = "Unpivot",
    .size = sizeof(struct hr_unpivot_node),
    .exprs = exprs,
    .analyze = hr_analyze_unpivot,
};
