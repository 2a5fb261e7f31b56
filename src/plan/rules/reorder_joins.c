/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FROM a, b, c names relations in any order: where the one that comes next has no condition with
 * those before it, one that has is joined first. Chains of inner joins without such a gap stay as
 * they are written. Runs once, when filters have reached the joins; not on streams, whose states
 * belong to their places.
 */
#include "plan/nodes/join.h"
#include "plan/nodes/project.h"
#include "plan/rules/rules.h"

struct chain {
    struct hr_plan **items; /* relations in the order of the text */
    uint32_t count, capacity;
    struct hr_exprs conditions;
    bool gap; /* a join without a condition */
};

static bool is_inner(const struct hr_plan *plan)
{
    if (plan->kind != HR_P_JOIN) return false;
    enum hr_join_type type = HR_NODE(join, plan)->type;
    return type == HR_JOIN_INNER || type == HR_JOIN_CROSS;
}

static hr_status collect(struct hr_rule_ctx *ctx, struct hr_plan *plan, struct chain *c,
                         struct hr_err *err)
{
    assert(plan);
    if (!is_inner(plan)) return HR_VEC_PUSH(ctx->arena, c, plan) ? HR_OK : HR_OOM(err);
    struct hr_expr *condition = HR_NODE(join, plan)->condition;
    HR_TRY(collect(ctx, plan->children[0], c, err));
    HR_TRY(collect(ctx, plan->children[1], c, err));
    if (!condition) c->gap = true;
    return condition ? hr_expr_split_and(ctx->arena, condition, &c->conditions, err) : HR_OK;
}

/* Attributes of either plan. */
struct pair {
    const struct hr_plan *left, *right;
};

static bool in_pair(void *arg, const struct hr_expr *expr)
{
    const struct pair *p = arg;
    return expr->kind != HR_X_ATTR || hr_plan_attr(p->left, expr->attr_id) ||
           hr_plan_attr(p->right, expr->attr_id);
}

/* Is there an equality between the two? */
static bool connected(const struct chain *c, const struct hr_plan *left,
                      const struct hr_plan *right)
{
    struct pair pair = {left, right};
    for (uint32_t i = 0; i < c->conditions.count; i++) {
        const struct hr_expr *e = c->conditions.items[i];
        if (!e || !hr_expr_is(e, HR_ROLE_EQUAL) || !hr_expr_walk(e, in_pair, &pair)) continue;
        if (!hr_expr_within(e, left) && !hr_expr_within(e, right)) return true;
    }
    return false;
}

/* Joins right to *left by all conditions that can be asked of them. */
static hr_status join_next(struct hr_rule_ctx *ctx, struct chain *c, struct hr_plan **left,
                           struct hr_plan *right, struct hr_err *err)
{
    assert(*left);
    struct pair pair = {*left, right};
    struct hr_exprs parts = {0};
    struct hr_plan *join = hr_plan_new2(ctx->arena, HR_P_JOIN, *left, right);
    if (!join) return HR_OOM(err);
    for (uint32_t i = 0; i < c->conditions.count; i++) {
        struct hr_expr *e = c->conditions.items[i];
        if (!e || !hr_expr_walk(e, in_pair, &pair)) continue;
        if (!HR_VEC_PUSH(ctx->arena, &parts, e)) return HR_OOM(err);
        c->conditions.items[i] = NULL;
    }
    HR_NODE(join, join)->type = parts.count ? HR_JOIN_INNER : HR_JOIN_CROSS;
    HR_TRY(hr_expr_join_and(ctx->arena, ctx->conf, &parts, &HR_NODE(join, join)->condition, err));
    *left = join;
    return hr_plan_refresh(ctx->arena, join, err);
}

static hr_status reorder_chain(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct chain *c,
                               struct hr_err *err)
{
    struct hr_plan *restore = hr_plan_pass(ctx->arena, *plan), *left = c->items[0];
    if (!restore || restore->output_count != (*plan)->output_count) return HR_OK;
    for (uint32_t i = 0; i < c->conditions.count; i++)
        if (!hr_expr_is_deterministic(c->conditions.items[i])) return HR_OK;
    for (uint32_t left_over = c->count - 1; left_over > 0; left_over--) {
        uint32_t next = 0;
        for (uint32_t i = 1; i < c->count && !next; i++)
            if (c->items[i] && connected(c, left, c->items[i])) next = i;
        for (uint32_t i = 1; i < c->count && !next; i++)
            if (c->items[i]) next = i;
        HR_TRY(join_next(ctx, c, &left, c->items[next], err));
        c->items[next] = NULL;
    }
    restore->children[0] = left;
    *plan = restore;
    return hr_plan_refresh(ctx->arena, restore, err);
}

hr_status hr_reorder_joins(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    struct chain c = {.items = NULL};
    bool reorders = is_inner(*plan) && !(*plan)->is_streaming;
    if (reorders) HR_TRY(collect(ctx, *plan, &c, err));
    for (uint32_t i = 0; i < (*plan)->child_count && !reorders; i++)
        HR_TRY(hr_reorder_joins(ctx, &(*plan)->children[i], err));
    for (uint32_t i = 0; i < c.count; i++) {
        struct hr_plan *relation = c.items[i];
        for (uint32_t j = 0; j < relation->child_count; j++)
            HR_TRY(hr_reorder_joins(ctx, &relation->children[j], err));
    }
    return c.count > 2 && c.gap ? reorder_chain(ctx, plan, &c, err) : HR_OK;
}
