/* SPDX-License-Identifier: Apache-2.0 */
/* Filter b (Filter a x) → Filter (a AND b) x: the lower one is still asked first. */
#include "plan/nodes/filter.h"
#include "plan/rules/rules.h"

hr_status hr_rule_combine_filters(struct hr_rule_ctx *ctx, struct hr_plan **plan,
                                  struct hr_err *err)
{
    assert((*plan)->resolved);
    struct hr_plan *upper = *plan;
    if (upper->kind != HR_P_FILTER || upper->children[0]->kind != HR_P_FILTER) return HR_OK;
    struct hr_plan *lower = upper->children[0];
    struct hr_expr **first = &HR_NODE(filter, lower)->condition;
    struct hr_expr **second = &HR_NODE(filter, upper)->condition;
    if (!hr_expr_is_deterministic(*first) || !hr_expr_is_deterministic(*second)) return HR_OK;
    struct hr_expr *args[] = {*first, *second};
    HR_TRY(hr_call(ctx->arena, ctx->conf, "and", args, 2, second, err));
    upper->children[0] = lower->children[0];
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, upper, err);
}
