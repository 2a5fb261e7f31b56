/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A projection over a projection becomes one, unless that would compute something twice or draw
 * another random number. A projection that changes nothing goes.
 */
#include "plan/nodes/project.h"
#include "plan/rules/rules.h"

static bool is_identity(const struct hr_plan *plan)
{
    assert(plan->kind == HR_P_PROJECT);
    const struct hr_plan *child = plan->children[0];
    const struct hr_select *project = hr_select_of_const(plan);
    if (project->expr_count != child->output_count) return false;
    for (uint32_t i = 0; i < project->expr_count; i++) {
        const struct hr_expr *e = project->exprs[i];
        if (e->kind != HR_X_ATTR || e->attr_id != child->output[i].id) return false;
        if (strcmp(e->name, child->output[i].name) != 0) return false;
    }
    return true;
}

struct uses {
    uint32_t id, count;
};

static bool count_use(void *arg, const struct hr_expr *expr)
{
    struct uses *u = arg;
    u->count += expr->kind == HR_X_ATTR && expr->attr_id == u->id;
    return true;
}

static bool is_cheap(const struct hr_expr *expr)
{
    while (expr->kind == HR_X_FIELD) expr = expr->args[0];
    return expr->kind == HR_X_ATTR || expr->kind == HR_X_LITERAL;
}

static bool may_combine(const struct hr_select *upper, const struct hr_select *lower)
{
    for (uint32_t i = 0; i < lower->expr_count; i++) {
        const struct hr_expr *item = lower->exprs[i];
        if (item->kind != HR_X_ALIAS) continue;
        if (!hr_expr_is_deterministic(item)) return false;
        if (is_cheap(item->args[0])) continue;
        struct uses uses = {item->attr_id, 0};
        for (uint32_t j = 0; j < upper->expr_count; j++)
            hr_expr_walk(upper->exprs[j], count_use, &uses);
        if (uses.count > 1) return false;
    }
    return true;
}

/* An upper item over the lower's input, with its own name and id. */
static hr_status combine_item(struct hr_rule_ctx *ctx, const struct hr_select *lower,
                              struct hr_expr **item, struct hr_err *err)
{
    struct hr_expr *e = *item;
    if (e->kind == HR_X_ALIAS)
        return hr_expr_inline(ctx->arena, &e->args[0], lower->exprs, lower->expr_count, err);
    for (uint32_t i = 0; i < lower->expr_count; i++) {
        const struct hr_expr *from = lower->exprs[i];
        if (from->kind != HR_X_ALIAS || from->attr_id != e->attr_id) continue;
        struct hr_expr *copy = hr_expr_copy(ctx->arena, from);
        if (!copy) return HR_OOM(err);
        copy->name = e->name;
        *item = copy;
        return HR_OK;
    }
    return HR_OK;
}

hr_status hr_rule_combine_projects(struct hr_rule_ctx *ctx, struct hr_plan **plan,
                                   struct hr_err *err)
{
    assert((*plan)->resolved);
    if ((*plan)->kind != HR_P_PROJECT) return HR_OK;
    struct hr_plan *below = (*plan)->children[0];
    if (is_identity(*plan)) {
        *plan = below;
        ctx->changed = true;
        return HR_OK;
    }
    if (below->kind != HR_P_PROJECT) return HR_OK;
    struct hr_project_node *upper = HR_NODE(project, *plan), *lower = HR_NODE(project, below);
    if (!may_combine(&upper->select, &lower->select)) return HR_OK;
    for (uint32_t i = 0; i < upper->select.expr_count; i++)
        HR_TRY(combine_item(ctx, &lower->select, &upper->select.exprs[i], err));
    upper->keeps_event_time = upper->keeps_event_time || lower->keeps_event_time;
    (*plan)->children[0] = below->children[0];
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, *plan, err);
}
