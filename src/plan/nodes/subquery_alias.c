/* SPDX-License-Identifier: Apache-2.0 */
/* child AS name [(columns)]: a qualifier for names. Behind analysis it is its child. */
#include "plan/nodes/subquery_alias.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const char *name = HR_NODE(subquery_alias, plan)->name;
    hr_buf_printf(out, " %s", name ? name : "");
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    return hr_physical(pl, plan->children[0], ret, err);
}

const struct hr_node_vt hr_node_subquery_alias = {
    .name = "SubqueryAlias",
    .size = sizeof(struct hr_subquery_alias_node),
    .analyze = hr_analyze_subquery_alias,
    .print = print,
    .max_rows = hr_node_rows_of_child,
    .accepts = HR_CHANGES_ANY,
    .physical = physical,
};
