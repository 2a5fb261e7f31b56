/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A filter above an outer join that is never true for a row of NULLs drops the rows that the join
 * made up: LEFT and RIGHT become INNER, FULL becomes LEFT, RIGHT or INNER.
 */
#include "plan/nodes/filter.h"
#include "plan/nodes/join.h"
#include "plan/rules/rules.h"

/* Is expr NULL whenever side's columns are? */
static bool passes_null(const struct hr_expr *expr, const struct hr_plan *side)
{
    if (expr->kind == HR_X_ATTR) return hr_plan_attr(side, expr->attr_id) != NULL;
    if (expr->kind == HR_X_CAST || expr->kind == HR_X_FIELD)
        return passes_null(expr->args[0], side);
    if (expr->kind != HR_X_CALL || !expr->function) return false;
    if (!(expr->function->flags & HR_FN_STRICT)) return false;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (passes_null(expr->args[i], side)) return true;
    return false;
}

static bool rejects(const struct hr_expr *condition, const struct hr_plan *side)
{
    if (hr_expr_is(condition, HR_ROLE_AND))
        return rejects(condition->args[0], side) || rejects(condition->args[1], side);
    if (hr_expr_is(condition, HR_ROLE_OR))
        return rejects(condition->args[0], side) && rejects(condition->args[1], side);
    if (hr_expr_is(condition, HR_ROLE_IS_NOT_NULL)) return passes_null(condition->args[0], side);
    return passes_null(condition, side);
}

hr_status hr_rule_simplify_joins(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->resolved);
    struct hr_plan *filter = *plan;
    if (filter->kind != HR_P_FILTER || filter->children[0]->kind != HR_P_JOIN) return HR_OK;
    struct hr_plan *join = filter->children[0];
    enum hr_join_type *of_join = &HR_NODE(join, join)->type, type = *of_join;
    const struct hr_expr *condition = HR_NODE(filter, filter)->condition;
    bool no_left = rejects(condition, join->children[0]);
    bool no_right = rejects(condition, join->children[1]);
    switch (type) {
    case HR_JOIN_LEFT: type = no_right ? HR_JOIN_INNER : type; break;
    case HR_JOIN_RIGHT: type = no_left ? HR_JOIN_INNER : type; break;
    case HR_JOIN_FULL:
        type = no_left && no_right ? HR_JOIN_INNER
               : no_left           ? HR_JOIN_LEFT
               : no_right          ? HR_JOIN_RIGHT
                                   : type;
        break;
    default: break;
    }
    if (type == *of_join) return HR_OK;
    *of_join = type;
    ctx->changed = true;
    HR_TRY(hr_plan_refresh(ctx->arena, join, err));
    return hr_plan_refresh(ctx->arena, filter, err);
}
