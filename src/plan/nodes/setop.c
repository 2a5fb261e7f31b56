/* SPDX-License-Identifier: Apache-2.0 */
/* EXCEPT and INTERSECT. Analysis makes joins of them. */
#include "plan/nodes/setop.h"

#include "plan/analyze.h"
#include "plan/node.h"

static const char *title(const struct hr_plan *plan)
{
    return HR_NODE(setop, plan)->op == HR_SET_EXCEPT ? "Except" : "Intersect";
}

const struct hr_node_vt hr_node_setop = {
    .name = "Except",
    .size = sizeof(struct hr_setop_node),
    .analyze = hr_analyze_setop,
    .output = hr_node_output_of_child,
    .title = title,
};
