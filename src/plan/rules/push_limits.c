/* SPDX-License-Identifier: Apache-2.0 */
/* Limits go down: below projections (where they meet their ORDER BY), into unions and limits. */
#include "plan/nodes/limit.h"
#include "plan/rules/rules.h"

static hr_status limit_child(struct hr_rule_ctx *ctx, struct hr_plan **child, int64_t limit,
                             struct hr_err *err)
{
    const struct hr_plan *c = *child;
    const struct hr_limit_node *own = c->kind == HR_P_LIMIT ? HR_NODE(limit, c) : NULL;
    bool limited = own && own->limit >= 0 && own->limit <= limit;
    if (limited || c->kind == HR_P_LOCAL) return HR_OK;
    struct hr_plan *node = hr_plan_new1(ctx->arena, HR_P_LIMIT, *child);
    if (!node) return HR_OOM(err);
    HR_NODE(limit, node)->limit = limit;
    *child = node;
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, node, err);
}

hr_status hr_rule_push_limits(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->resolved);
    if ((*plan)->kind != HR_P_LIMIT || (*plan)->is_streaming) return HR_OK;
    struct hr_limit_node *limit = HR_NODE(limit, *plan);
    struct hr_plan *child = (*plan)->children[0];
    if (child->kind == HR_P_PROJECT) {
        (*plan)->children[0] = child->children[0];
        HR_TRY(hr_plan_refresh(ctx->arena, *plan, err));
        child->children[0] = *plan;
        *plan = child;
        ctx->changed = true;
        return hr_plan_refresh(ctx->arena, child, err);
    }
    struct hr_limit_node *lower = child->kind == HR_P_LIMIT ? HR_NODE(limit, child) : NULL;
    if (lower && limit->offset == 0 && lower->limit >= 0 && limit->limit >= 0) {
        lower->limit = HR_MIN(lower->limit, limit->limit);
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
