/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns that nobody above asks for are not made, carried or read. From the root down; a node's
 * output only ever gets shorter, and the root's stays.
 */
#include "plan/rules/rules.h"

struct wanted {
    uint32_t *items;
    uint32_t count, capacity;
};

struct prune {
    struct hr_rule_ctx *ctx;
    struct wanted *set;
    bool failed;
};

static bool has(const struct wanted *w, uint32_t id)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->items[i] == id) return true;
    return false;
}

static hr_status want(struct hr_rule_ctx *ctx, struct wanted *w, uint32_t id, struct hr_err *err)
{
    return has(w, id) || HR_VEC_PUSH(ctx->arena, w, id) ? HR_OK : HR_OOM(err);
}

static bool want_ref(void *arg, const struct hr_expr *expr)
{
    struct prune *p = arg;
    if (expr->kind == HR_X_ATTR && want(p->ctx, p->set, expr->attr_id, NULL) != HR_OK)
        p->failed = true;
    return !p->failed;
}

static hr_status want_refs(struct hr_rule_ctx *ctx, struct wanted *w, struct hr_expr *const *exprs,
                           uint32_t count, struct hr_err *err)
{
    struct prune p = {ctx, w, false};
    for (uint32_t i = 0; i < count; i++)
        if (exprs[i]) hr_expr_walk(exprs[i], want_ref, &p);
    return p.failed ? HR_OOM(err) : HR_OK;
}

static hr_status want_output(struct hr_rule_ctx *ctx, struct wanted *w, const struct hr_plan *plan,
                             struct hr_err *err)
{
    for (uint32_t i = 0; i < plan->output_count; i++) HR_TRY(want(ctx, w, plan->output[i].id, err));
    return HR_OK;
}

static void drop_exprs(struct hr_plan *plan, const struct wanted *w)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < plan->expr_count; i++)
        if (has(w, plan->exprs[i]->attr_id)) plan->exprs[kept++] = plan->exprs[i];
    plan->expr_count = kept;
}

/* A leaf keeps at least one column: a source without any could not say how many rows it has. */
static void drop_scanned(struct hr_plan *scan, const struct wanted *w)
{
    uint32_t kept = 0, narrow = 0;
    for (uint32_t i = 0; i < scan->output_count; i++) {
        if (has(w, scan->output[i].id)) scan->output[kept++] = scan->output[i];
        if (kept == 0 && hr_type_width(scan->output[narrow].type) == 0) narrow = i;
    }
    if (kept == 0 && scan->output_count) scan->output[kept++] = scan->output[narrow];
    scan->output_count = kept;
}

static void drop_expanded(struct hr_plan *expand, const struct wanted *w)
{
    uint32_t kept = 0;
    for (uint32_t j = 0; j < expand->row_width; j++) {
        if (!has(w, expand->output[j].id)) continue;
        for (uint32_t i = 0; i < expand->row_count; i++) expand->rows[i][kept] = expand->rows[i][j];
        expand->output[kept++] = expand->output[j];
    }
    expand->row_width = expand->output_count = kept;
}

static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan **plan, const struct wanted *up,
                       struct hr_err *err);

/* A side of a join without what only its filters needed. */
static hr_status narrow(struct hr_rule_ctx *ctx, struct hr_plan **child, const struct wanted *w,
                        struct hr_err *err)
{
    uint32_t needed = 0;
    for (uint32_t i = 0; i < (*child)->output_count; i++) needed += has(w, (*child)->output[i].id);
    bool leaf = (*child)->child_count == 0;
    if (needed == (*child)->output_count || leaf) return HR_OK;
    struct hr_plan *project = hr_plan_pass(ctx->arena, *child);
    if (!project) return HR_OOM(err);
    drop_exprs(project, w);
    *child = project;
    return hr_plan_refresh(ctx->arena, project, err);
}

/* The children's columns at the same places. */
static hr_status prune_union(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct wanted *up,
                             struct hr_err *err)
{
    for (uint32_t i = 0; i < plan->child_count; i++) {
        struct wanted w = {0};
        struct hr_plan *project = hr_plan_pass(ctx->arena, plan->children[i]);
        if (!project) return HR_OOM(err);
        if (project->expr_count != plan->output_count)
            return HR_BUG(err, "a union's input has %u columns", project->expr_count);
        uint32_t kept = 0;
        for (uint32_t j = 0; j < plan->output_count; j++) {
            if (!has(up, plan->output[j].id)) continue;
            HR_TRY(want(ctx, &w, project->exprs[j]->attr_id, err));
            project->exprs[kept++] = project->exprs[j];
        }
        project->expr_count = kept;
        HR_TRY(prune(ctx, &project->children[0], &w, err));
        HR_TRY(hr_plan_refresh(ctx->arena, project, err));
        plan->children[i] = project;
    }
    uint32_t kept = 0;
    for (uint32_t j = 0; j < plan->output_count; j++)
        if (has(up, plan->output[j].id)) plan->output[kept++] = plan->output[j];
    plan->output_count = kept;
    return hr_plan_refresh(ctx->arena, plan, err);
}

/* What a node needs of its children when up is needed of it; drops its own surplus. */
static hr_status needs(struct hr_rule_ctx *ctx, struct hr_plan *p, const struct wanted *up,
                       struct wanted *down, struct hr_err *err)
{
    bool passes = p->kind != HR_P_PROJECT && p->kind != HR_P_AGGREGATE && p->kind != HR_P_EXPAND;
    for (uint32_t i = 0; i < up->count && passes; i++) HR_TRY(want(ctx, down, up->items[i], err));
    if (!passes && p->kind != HR_P_EXPAND) drop_exprs(p, up);
    HR_TRY(want_refs(ctx, down, p->exprs, p->expr_count, err));
    HR_TRY(want_refs(ctx, down, p->groups, p->group_count, err));
    HR_TRY(want_refs(ctx, down, &p->condition, 1, err));
    if (p->kind == HR_P_DISTINCT && p->expr_count == 0)
        HR_TRY(want_output(ctx, down, p->children[0], err));
    if (p->kind != HR_P_EXPAND) return HR_OK;
    drop_expanded(p, up);
    for (uint32_t i = 0; i < p->row_count; i++)
        HR_TRY(want_refs(ctx, down, p->rows[i], p->row_width, err));
    return HR_OK;
}

static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan **plan, const struct wanted *up,
                       struct hr_err *err)
{
    struct hr_plan *p = *plan;
    if (p->kind == HR_P_SCAN) drop_scanned(p, up);
    if (p->kind == HR_P_UNION) return prune_union(ctx, p, up, err);
    if (p->child_count == 0) return HR_OK;
    struct wanted down = {0};
    HR_TRY(needs(ctx, p, up, &down, err));
    for (uint32_t i = 0; i < p->child_count; i++) {
        HR_TRY(prune(ctx, &p->children[i], &down, err));
        if (p->kind == HR_P_JOIN) HR_TRY(narrow(ctx, &p->children[i], &down, err));
    }
    return hr_plan_refresh(ctx->arena, p, err);
}

hr_status hr_prune_columns(struct hr_rule_ctx *ctx, struct hr_plan **root, struct hr_err *err)
{
    struct wanted all = {0};
    HR_TRY(want_output(ctx, &all, *root, err));
    return prune(ctx, root, &all, err);
}
