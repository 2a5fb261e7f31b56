/* SPDX-License-Identifier: Apache-2.0 */
/* Limits go down: below projections (where they meet their ORDER BY), into unions and limits. */
#include "plan/rules/rules.h"

static hr_status limit_child(struct hr_rule_ctx *ctx, struct hr_plan **child, int64_t limit,
                             struct hr_err *err)
{
    const struct hr_plan *c = *child;
    bool limited = c->kind == HR_P_LIMIT && c->limit >= 0 && c->limit <= limit;
    if (limited || c->kind == HR_P_LOCAL) return HR_OK;
    struct hr_plan *node = hr_plan_new1(ctx->arena, HR_P_LIMIT, *child);
    if (!node) return HR_OOM(err);
    node->limit = limit;
    *child = node;
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, node, err);
}

hr_status hr_rule_push_limits(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *limit = *plan;
    if (limit->kind != HR_P_LIMIT || limit->is_streaming) return HR_OK;
    struct hr_plan *child = limit->children[0];
    if (child->kind == HR_P_PROJECT) {
        limit->children[0] = child->children[0];
        HR_TRY(hr_plan_refresh(ctx->arena, limit, err));
        child->children[0] = limit;
        *plan = child;
        ctx->changed = true;
        return hr_plan_refresh(ctx->arena, child, err);
    }
    if (child->kind == HR_P_LIMIT && limit->offset == 0 && child->limit >= 0 && limit->limit >= 0) {
        child->limit = HR_MIN(child->limit, limit->limit);
        *plan = child;
        ctx->changed = true;
        return HR_OK;
    }
    bool bounded = limit->limit >= 0 && limit->limit <= INT64_MAX - limit->offset;
    if (child->kind != HR_P_UNION || !bounded) return HR_OK;
    for (uint32_t i = 0; i < child->child_count; i++)
        HR_TRY(limit_child(ctx, &child->children[i], limit->limit + limit->offset, err));
    return HR_OK;
}
