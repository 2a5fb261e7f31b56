/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Filters go towards the sources, part by part: below what keeps the columns that a part asks for.
 * Only deterministic parts move. What cannot move stays above.
 */
#include "plan/node.h"
#include "plan/nodes/filter.h"
#include "plan/nodes/join.h"
#include "plan/nodes/project.h"
#include "plan/rules/rules.h"

struct parts {
    struct hr_exprs stay, left, right; /* left: into child 0 */
};

static hr_status rebuild(struct hr_rule_ctx *ctx, struct hr_plan *node, uint32_t child,
                         const struct hr_exprs *parts, struct hr_err *err)
{
    assert(child < node->child_count);
    struct hr_expr *condition = NULL;
    HR_TRY(hr_expr_join_and(ctx->arena, ctx->conf, parts, &condition, err));
    return hr_plan_filter(ctx->arena, node->children[child], condition, &node->children[child],
                          err);
}

/* Ends a push: left parts into the node's child, the rest above the node. */
static hr_status finish(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_plan *node,
                        const struct parts *parts, struct hr_err *err)
{
    if (parts->left.count == 0 && parts->right.count == 0) return HR_OK;
    struct hr_expr *stay = NULL;
    if (parts->left.count) HR_TRY(rebuild(ctx, node, 0, &parts->left, err));
    if (parts->right.count) HR_TRY(rebuild(ctx, node, 1, &parts->right, err));
    HR_TRY(hr_plan_refresh(ctx->arena, node, err));
    HR_TRY(hr_expr_join_and(ctx->arena, ctx->conf, &parts->stay, &stay, err));
    ctx->changed = true;
    return hr_plan_filter(ctx->arena, node, stay, plan, err);
}

static bool project_is_deterministic(const struct hr_select *project)
{
    for (uint32_t i = 0; i < project->expr_count; i++)
        if (!hr_expr_is_deterministic(project->exprs[i])) return false;
    return true;
}

static hr_status through_project(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_FILTER && (*plan)->children[0]->kind == HR_P_PROJECT);
    struct hr_plan *filter = *plan, *project = filter->children[0];
    struct hr_select *select = hr_select_of(project);
    struct hr_expr **condition = &HR_NODE(filter, filter)->condition;
    if (!project_is_deterministic(select) || !hr_expr_is_deterministic(*condition)) return HR_OK;
    HR_TRY(hr_expr_inline(ctx->arena, condition, select->exprs, select->expr_count, err));
    filter->children[0] = project->children[0];
    HR_TRY(hr_plan_refresh(ctx->arena, filter, err));
    project->children[0] = filter;
    *plan = project;
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, project, err);
}

/* Parts that the node below lets through (its sink) are asked of its child. */
static hr_status through_unary(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->children[0]->child_count == 1);
    struct hr_plan *filter = *plan, *node = filter->children[0];
    struct hr_exprs all = {0};
    struct parts parts = {.stay = {0}};
    HR_TRY(hr_expr_split_and(ctx->arena, HR_NODE(filter, filter)->condition, &all, err));
    for (uint32_t i = 0; i < all.count; i++) {
        bool sinks = hr_expr_is_deterministic(all.items[i]);
        if (sinks) HR_TRY(hr_plan_vt(node)->sink(ctx->arena, node, &all.items[i], &sinks, err));
        if (!HR_VEC_PUSH(ctx->arena, sinks ? &parts.left : &parts.stay, all.items[i]))
            return HR_OOM(err);
    }
    return finish(ctx, plan, node, &parts, err);
}

/* Each child gets the filter over its own columns. */
struct rename {
    struct hr_arena *arena;
    const struct hr_plan *node, *child;
};

static hr_status rename_attr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct rename *r = arg;
    if ((*expr)->kind != HR_X_ATTR) return HR_OK;
    for (uint32_t i = 0; i < r->node->output_count; i++) {
        if (r->node->output[i].id != (*expr)->attr_id) continue;
        struct hr_expr *ref = hr_attr_ref(r->arena, &r->child->output[i]);
        if (!ref) return HR_OOM(err);
        ref->sql_pos = (*expr)->sql_pos;
        ref->sql_end = (*expr)->sql_end;
        *expr = ref;
        return HR_OK;
    }
    return HR_OK;
}

static hr_status through_union(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_FILTER && (*plan)->children[0]->kind == HR_P_UNION);
    struct hr_plan *filter = *plan, *node = filter->children[0];
    const struct hr_expr *whole = HR_NODE(filter, filter)->condition;
    if (!hr_expr_is_deterministic(whole)) return HR_OK;
    for (uint32_t i = 0; i < node->child_count; i++) {
        struct rename r = {ctx->arena, node, node->children[i]};
        struct hr_expr *condition = hr_expr_copy(ctx->arena, whole);
        if (!condition) return HR_OOM(err);
        HR_TRY(hr_expr_rewrite(&condition, rename_attr, &r, err));
        HR_TRY(hr_plan_filter(ctx->arena, node->children[i], condition, &node->children[i], err));
    }
    *plan = node;
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, node, err);
}

/* Joins ---------------------------------------------------------------------------------------- */

/* Which sides a WHERE above the join may filter before it, and which its ON. */
static bool where_left(enum hr_join_type t)
{
    return t != HR_JOIN_RIGHT && t != HR_JOIN_FULL;
}
static bool where_right(enum hr_join_type t)
{
    return t == HR_JOIN_INNER || t == HR_JOIN_CROSS || t == HR_JOIN_RIGHT;
}
static bool on_left(enum hr_join_type t)
{
    return t == HR_JOIN_INNER || t == HR_JOIN_RIGHT || t == HR_JOIN_SEMI;
}
static bool on_right(enum hr_join_type t)
{
    return t != HR_JOIN_RIGHT && t != HR_JOIN_FULL && t != HR_JOIN_CROSS;
}

static hr_status deal(struct hr_rule_ctx *ctx, const struct hr_plan *join, bool to_left,
                      bool to_right, struct hr_expr *condition, struct parts *parts,
                      struct hr_err *err)
{
    assert(join->kind == HR_P_JOIN && join->child_count == 2);
    struct hr_exprs all = {0};
    HR_TRY(hr_expr_split_and(ctx->arena, condition, &all, err));
    for (uint32_t i = 0; i < all.count; i++) {
        struct hr_expr *part = all.items[i];
        struct hr_exprs *to = &parts->stay;
        bool fixed = hr_expr_is_deterministic(part) && !hr_expr_is_foldable(part);
        if (fixed && to_left && hr_expr_within(part, join->children[0]))
            to = &parts->left;
        else if (fixed && to_right && hr_expr_within(part, join->children[1]))
            to = &parts->right;
        if (!HR_VEC_PUSH(ctx->arena, to, part)) return HR_OOM(err);
    }
    return HR_OK;
}

static hr_status through_join(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_FILTER && (*plan)->children[0]->kind == HR_P_JOIN);
    struct hr_plan *filter = *plan, *below = filter->children[0];
    struct hr_join_node *join = HR_NODE(join, below);
    struct hr_expr *condition = HR_NODE(filter, filter)->condition;
    enum hr_join_type t = join->type;
    struct parts parts = {.stay = {0}};
    HR_TRY(deal(ctx, below, where_left(t), where_right(t), condition, &parts, err));
    bool inner = t == HR_JOIN_INNER || t == HR_JOIN_CROSS;
    if (!inner || !hr_expr_is_deterministic(condition))
        return finish(ctx, plan, below, &parts, err);
    /* What is about both sides is the join's own business. */
    if (parts.stay.count) {
        struct hr_expr *both = NULL;
        HR_TRY(hr_expr_join_and(ctx->arena, ctx->conf, &parts.stay, &both, err));
        struct hr_expr *args[] = {join->condition, both};
        if (join->condition) HR_TRY(hr_call(ctx->arena, ctx->conf, "and", args, 2, &both, err));
        join->condition = both;
        join->type = HR_JOIN_INNER;
        parts.stay.count = 0;
        ctx->changed = true;
        *plan = below;
    }
    HR_TRY(hr_plan_refresh(ctx->arena, below, err));
    return finish(ctx, plan, below, &parts, err);
}

static hr_status out_of_condition(struct hr_rule_ctx *ctx, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->kind == HR_P_JOIN);
    struct hr_join_node *join = HR_NODE(join, plan);
    enum hr_join_type t = join->type;
    struct parts parts = {.stay = {0}};
    HR_TRY(deal(ctx, plan, on_left(t), on_right(t), join->condition, &parts, err));
    if (parts.left.count == 0 && parts.right.count == 0) return HR_OK;
    if (parts.left.count) HR_TRY(rebuild(ctx, plan, 0, &parts.left, err));
    if (parts.right.count) HR_TRY(rebuild(ctx, plan, 1, &parts.right, err));
    HR_TRY(hr_expr_join_and(ctx->arena, ctx->conf, &parts.stay, &join->condition, err));
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, plan, err);
}

hr_status hr_rule_push_filters(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->resolved);
    struct hr_plan *p = *plan;
    if (p->kind == HR_P_JOIN && HR_NODE(join, p)->condition) return out_of_condition(ctx, p, err);
    if (p->kind != HR_P_FILTER) return HR_OK;
    switch (p->children[0]->kind) {
    case HR_P_PROJECT: return through_project(ctx, plan, err);
    case HR_P_JOIN: return through_join(ctx, plan, err);
    case HR_P_UNION: return through_union(ctx, plan, err);
    default: return hr_plan_vt(p->children[0])->sink ? through_unary(ctx, plan, err) : HR_OK;
    }
}
