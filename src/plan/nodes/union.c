/* SPDX-License-Identifier: Apache-2.0 */
/* UNION ALL; UNION has a DISTINCT above. */
#include "plan/nodes/union.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/nodes/project.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

/* The children's columns at the same places. */
static hr_status prune_child(struct hr_rule_ctx *ctx, const struct hr_plan *plan,
                             struct hr_plan **child, const struct hr_wanted *up, struct hr_err *err)
{
    struct hr_wanted w = {0};
    struct hr_plan *project = hr_plan_pass(ctx->arena, *child);
    if (!project) return HR_OOM(err);
    struct hr_select *select = hr_select_of(project);
    if (select->expr_count != plan->output_count)
        return HR_BUG(err, "a union's input has %u columns", select->expr_count);
    uint32_t kept = 0;
    for (uint32_t j = 0; j < plan->output_count; j++) {
        if (!hr_wanted_has(up, plan->output[j].id)) continue;
        HR_TRY(hr_want(ctx, &w, select->exprs[j]->attr_id, err));
        select->exprs[kept++] = select->exprs[j];
    }
    select->expr_count = kept;
    HR_TRY(hr_prune(ctx, &project->children[0], &w, err));
    *child = project;
    return hr_plan_refresh(ctx->arena, project, err);
}

static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err)
{
    assert(plan->child_count >= 1);
    assert(plan->resolved && plan->child_count >= 2);
    for (uint32_t i = 0; i < plan->child_count; i++)
        HR_TRY(prune_child(ctx, plan, &plan->children[i], up, err));
    uint32_t kept = 0;
    for (uint32_t j = 0; j < plan->output_count; j++)
        if (hr_wanted_has(up, plan->output[j].id)) plan->output[kept++] = plan->output[j];
    plan->output_count = kept;
    return hr_plan_refresh(ctx->arena, plan, err);
}

static hr_status check_streaming(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err)
{
    assert(plan->is_streaming && plan->child_count >= 2);
    HR_UNUSED(check);
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (!plan->children[i]->is_streaming)
            return hr_node_refuse(
                plan, err,
                "Union between streaming and batch DataFrames/Datasets is not supported");
    return HR_OK;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->child_count >= 1);
    assert(plan->resolved && plan->child_count >= 2);
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_union, hr_plan_schema(plan), NULL, NULL);
    if (!node) return HR_OOM(err);
    node->children = HR_NEW_ARRAY(pl->arena, struct hr_pnode *, plan->child_count + 1);
    if (!node->children) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->child_count; i++) {
        HR_TRY(hr_physical(pl, plan->children[i], &node->children[i], err));
        node->is_streaming = node->is_streaming || node->children[i]->is_streaming;
        node->is_changes = node->is_changes || node->children[i]->is_changes;
    }
    node->child_count = plan->child_count;
    *ret = node;
    return HR_OK;
}

const struct hr_node_vt hr_node_union = {
    .name = "Union",
    .size = sizeof(struct hr_union_node),
    .analyze = hr_analyze_union,
    .prune = prune,
    .max_rows = hr_node_rows_none_of_none,
    .accepts = HR_CHANGES_ANY,
    .check_streaming = check_streaming,
    .physical = physical,
};
