/* SPDX-License-Identifier: Apache-2.0 */
/* Filter b (Filter a x) → Filter (a AND b) x: the lower one is still asked first. */
#include "plan/rules/rules.h"

hr_status hr_rule_combine_filters(struct hr_rule_ctx *ctx, struct hr_plan **plan,
                                  struct hr_err *err)
{
    struct hr_plan *upper = *plan;
    if (upper->kind != HR_P_FILTER || upper->children[0]->kind != HR_P_FILTER) return HR_OK;
    struct hr_plan *lower = upper->children[0];
    if (!hr_expr_is_deterministic(upper->condition) || !hr_expr_is_deterministic(lower->condition))
        return HR_OK;
    struct hr_expr *args[] = {lower->condition, upper->condition};
    HR_TRY(hr_call(ctx->arena, ctx->conf, "and", args, 2, &upper->condition, err));
    upper->children[0] = lower->children[0];
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, upper, err);
}
