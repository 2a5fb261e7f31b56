/* SPDX-License-Identifier: Apache-2.0 */
/* (a AND b) OR (a AND c) → a AND (b OR c): a may be a join's key, or go further down. */
#include "plan/nodes/filter.h"
#include "plan/nodes/join.h"
#include "plan/rules/rules.h"

static hr_status split_or(struct hr_arena *arena, struct hr_expr *condition, struct hr_exprs *parts,
                          struct hr_err *err)
{
    while (hr_expr_is(condition, HR_ROLE_OR)) {
        HR_TRY(split_or(arena, condition->args[0], parts, err));
        condition = condition->args[1];
    }
    return HR_VEC_PUSH(arena, parts, condition) ? HR_OK : HR_OOM(err);
}

static int32_t index_of(const struct hr_exprs *list, const struct hr_expr *expr)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (hr_expr_equal(list->items[i], expr)) return (int32_t)i;
    return -1;
}

static void take_out(struct hr_exprs *list, uint32_t at)
{
    assert(at < list->count);
    for (uint32_t i = at + 1; i < list->count; i++) list->items[i - 1] = list->items[i];
    list->count--;
}

/* What all alternatives ask for, taken out of them. */
static hr_status common_parts(struct hr_arena *arena, struct hr_exprs *alternatives, uint32_t count,
                              struct hr_exprs *common, struct hr_err *err)
{
    assert(count > 0);
    for (uint32_t i = 0; i < alternatives[0].count;) {
        struct hr_expr *part = alternatives[0].items[i];
        bool in_all = hr_expr_is_deterministic(part);
        for (uint32_t a = 1; a < count && in_all; a++)
            in_all = index_of(&alternatives[a], part) >= 0;
        if (!in_all) {
            i++;
            continue;
        }
        if (!HR_VEC_PUSH(arena, common, part)) return HR_OOM(err);
        for (uint32_t a = 0; a < count; a++)
            take_out(&alternatives[a], (uint32_t)index_of(&alternatives[a], part));
    }
    return HR_OK;
}

static hr_status factor_part(struct hr_rule_ctx *ctx, struct hr_expr **part, struct hr_err *err)
{
    struct hr_exprs ors = {0}, common = {0};
    struct hr_expr *rest = NULL;
    if (!hr_expr_is(*part, HR_ROLE_OR)) return HR_OK;
    HR_TRY(split_or(ctx->arena, *part, &ors, err));
    struct hr_exprs *alternatives = HR_NEW_ARRAY(ctx->arena, struct hr_exprs, ors.count);
    if (!alternatives) return HR_OOM(err);
    for (uint32_t a = 0; a < ors.count; a++)
        HR_TRY(hr_expr_split_and(ctx->arena, ors.items[a], &alternatives[a], err));
    HR_TRY(common_parts(ctx->arena, alternatives, ors.count, &common, err));
    if (common.count == 0) return HR_OK;
    ctx->changed = true;
    bool any_empty = false; /* that alternative asks for nothing more: neither do the others */
    for (uint32_t a = 0; a < ors.count && !any_empty; a++) {
        struct hr_expr *one = NULL;
        HR_TRY(hr_expr_join_and(ctx->arena, ctx->conf, &alternatives[a], &one, err));
        any_empty = one == NULL;
        struct hr_expr *args[] = {rest, one};
        if (rest && one) HR_TRY(hr_call(ctx->arena, ctx->conf, "or", args, 2, &one, err));
        rest = one;
    }
    if (!any_empty && !HR_VEC_PUSH(ctx->arena, &common, rest)) return HR_OOM(err);
    return hr_expr_join_and(ctx->arena, ctx->conf, &common, part, err);
}

hr_status hr_rule_factor_or(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_expr **condition = NULL;
    struct hr_exprs parts = {0};
    bool before = ctx->changed;
    if ((*plan)->kind == HR_P_FILTER) condition = &HR_NODE(filter, *plan)->condition;
    if ((*plan)->kind == HR_P_JOIN) condition = &HR_NODE(join, *plan)->condition;
    if (!condition || !*condition) return HR_OK;
    HR_TRY(hr_expr_split_and(ctx->arena, *condition, &parts, err));
    ctx->changed = false;
    for (uint32_t i = 0; i < parts.count; i++) HR_TRY(factor_part(ctx, &parts.items[i], err));
    if (ctx->changed) HR_TRY(hr_expr_join_and(ctx->arena, ctx->conf, &parts, condition, err));
    ctx->changed = ctx->changed || before;
    return HR_OK;
}
