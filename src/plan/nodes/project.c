/* SPDX-License-Identifier: Apache-2.0 */
/* A select list without grouping. */
#include "plan/nodes/project.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

hr_status hr_select_push(struct hr_arena *arena, struct hr_plan *plan, struct hr_expr *item,
                         struct hr_err *err)
{
    struct hr_select *select = hr_select_of(plan);
    struct hr_exprs exprs = {select->exprs, select->expr_count, select->expr_count};
    if (!HR_VEC_PUSH(arena, &exprs, item)) return HR_OOM(err);
    select->exprs = exprs.items;
    select->expr_count = exprs.count;
    return HR_OK;
}

/* The attribute that an output expression makes. */
static struct hr_attr attr_of(const struct hr_plan *plan, const struct hr_expr *expr)
{
    const struct hr_expr *value = expr->kind == HR_X_ALIAS ? expr->args[0] : expr;
    const struct hr_attr *from =
        value->kind == HR_X_ATTR ? hr_plan_input_attr(plan, value->attr_id) : NULL;
    struct hr_attr attr = {
        .id = expr->attr_id,
        .name = expr->name,
        .type = expr->type,
        .nullable = expr->nullable,
        .watermark_delay_us = hr_expr_watermark_delay(plan, value),
    };
    if (expr->kind == HR_X_ATTR && from) {
        attr.qualifier = from->qualifier;
        attr.nullable = from->nullable;
        attr.was_hidden = from->hidden || from->was_hidden;
    }
    return attr;
}

hr_status hr_select_output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->child_count == 1);
    const struct hr_select *select = hr_select_of(plan);
    const struct hr_project_node *project =
        plan->kind == HR_P_PROJECT ? HR_NODE(project, plan) : NULL;
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, select->expr_count + 1);
    if (!output) return HR_OOM(err);
    for (uint32_t i = 0; i < select->expr_count; i++) {
        const struct hr_attr *old = hr_plan_attr(plan, select->exprs[i]->attr_id);
        output[i] = attr_of(plan, select->exprs[i]);
        if (!old) continue;
        output[i].hidden = old->hidden;
        if (project && project->keeps_event_time)
            output[i].watermark_delay_us = old->watermark_delay_us;
    }
    plan->output = output;
    plan->output_count = select->expr_count;
    return HR_OK;
}

hr_status hr_select_prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    struct hr_wanted down = {0};
    hr_prune_exprs(plan, up);
    HR_TRY(hr_want_refs(ctx, &down, plan, err));
    return hr_prune_children(ctx, plan, &down, err);
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_select *select = hr_select_of_const(plan);
    hr_buf_putc(out, ' ');
    hr_node_print_list(select->exprs, select->expr_count, out);
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->resolved && plan->child_count == 1);
    const struct hr_select *select = hr_select_of_const(plan);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_project, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    *ret = node;
    return hr_bind_program(pl, node, plan->children[0], select->exprs, select->expr_count, err);
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPRS(hr_project_node, select.exprs, select.expr_count),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_project = {
    .name = "Project",
    .size = sizeof(struct hr_project_node),
    .exprs = exprs,
    .in_block = true,
    .may_fold = true,
    .analyze = hr_analyze_select,
    .output = hr_select_output,
    .print = print,
    .prune = hr_select_prune,
    .max_rows = hr_node_rows_of_child,
    .accepts = HR_CHANGES_ANY,
    .physical = physical,
};
