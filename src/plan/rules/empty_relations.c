/* SPDX-License-Identifier: Apache-2.0 */
/* A filter that is never true and LIMIT 0 give nothing, and so does much of what stands on them. */
#include "plan/rules/rules.h"

static bool is_empty(const struct hr_plan *plan)
{
    return plan->kind == HR_P_LOCAL && plan->batch_count == 0;
}

static bool never_true(const struct hr_expr *condition)
{
    if (condition->kind != HR_X_LITERAL) return false;
    if (condition->type->id == HR_T_NULL || !hr_column_valid(condition->literal, 0)) return true;
    return condition->type->id == HR_T_BOOLEAN && !hr_bit_get(condition->literal->values, 0);
}

static bool always_true(const struct hr_expr *condition)
{
    return condition->kind == HR_X_LITERAL && !never_true(condition);
}

static bool join_is_empty(const struct hr_plan *join)
{
    bool left = is_empty(join->children[0]), right = is_empty(join->children[1]);
    switch (join->join_type) {
    case HR_JOIN_LEFT:
    case HR_JOIN_ANTI: return left;
    case HR_JOIN_RIGHT: return right;
    case HR_JOIN_FULL: return left && right;
    default: return left || right;
    }
}

static bool gives_nothing(const struct hr_plan *plan)
{
    switch (plan->kind) {
    case HR_P_FILTER: return never_true(plan->condition) || is_empty(plan->children[0]);
    case HR_P_LIMIT: return plan->limit == 0 || is_empty(plan->children[0]);
    case HR_P_PROJECT:
    case HR_P_SORT:
    case HR_P_DISTINCT:
    case HR_P_EXPAND:
    case HR_P_GENERATE: return is_empty(plan->children[0]);
    case HR_P_AGGREGATE: return plan->group_count > 0 && is_empty(plan->children[0]);
    case HR_P_JOIN: return join_is_empty(plan);
    case HR_P_UNION:
        for (uint32_t i = 0; i < plan->child_count; i++)
            if (!is_empty(plan->children[i])) return false;
        return true;
    default: return false;
    }
}

hr_status hr_rule_empty_relations(struct hr_rule_ctx *ctx, struct hr_plan **plan,
                                  struct hr_err *err)
{
    struct hr_plan *p = *plan;
    if (p->kind == HR_P_FILTER && always_true(p->condition)) {
        *plan = p->children[0];
        ctx->changed = true;
        return HR_OK;
    }
    if (p->is_streaming || !gives_nothing(p)) return HR_OK;
    struct hr_plan *empty = hr_plan_new(ctx->arena, HR_P_LOCAL);
    if (!empty) return HR_OOM(err);
    empty->output = p->output;
    empty->output_count = p->output_count;
    *plan = empty;
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, empty, err);
}
