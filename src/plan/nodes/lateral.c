/* SPDX-License-Identifier: Apache-2.0 */
/* JOIN LATERAL (query): the query is asked for each row of child 0. Analysis makes a join of it. */
#include "plan/nodes/lateral.h"

#include "plan/analyze.h"
#include "plan/node.h"

static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    const struct hr_lateral_node *lateral = HR_NODE(lateral, plan);
    const struct hr_plan *left = plan->children[0], *right = lateral->query->subquery->plan;
    uint32_t count = left->output_count + right->output_count;
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, count + 1);
    if (!output) return HR_OOM(err);
    for (uint32_t i = 0; i < left->output_count; i++) output[i] = left->output[i];
    for (uint32_t i = 0; i < right->output_count; i++) {
        struct hr_attr *attr = &output[left->output_count + i];
        *attr = right->output[i];
        attr->nullable = attr->nullable || lateral->type == HR_JOIN_LEFT;
    }
    plan->output = output;
    plan->output_count = count;
    return HR_OK;
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPR(hr_lateral_node, query),
    HR_NODE_EXPR(hr_lateral_node, condition),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_lateral = {
    .name = "LateralJoin",
    .size = sizeof(struct hr_lateral_node),
    .exprs = exprs,
    .analyzes_children = true, /* the left side first */
    .analyze = hr_analyze_lateral,
    .output = output,
};
