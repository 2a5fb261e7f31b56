/* SPDX-License-Identifier: Apache-2.0 */
/* A name in FROM. Analysis puts a scan, rows in memory, a view or a CTE in its place. */
#include "plan/nodes/relation.h"

#include "plan/analyze.h"
#include "plan/node.h"

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_relation_node *relation = HR_NODE(relation, plan);
    hr_buf_puts(out, " [");
    hr_node_print_names(relation->name_parts, relation->name_part_count, ".", out);
    hr_buf_puts(out, relation->is_stream ? "], [], true" : "], [], false");
}

const struct hr_node_vt hr_node_relation = {
    .name = "UnresolvedRelation",
    .size = sizeof(struct hr_relation_node),
    .analyze = hr_analyze_relation,
    .print = print,
};
