/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns that nobody above asks for are not made, carried or read. From the root down; a node's
 * output only ever gets shorter, and the root's stays. Kinds of nodes that drop something of their
 * own do so in nodes/ (prune).
 */
#include "plan/node.h"
#include "plan/nodes/project.h"
#include "plan/rules/prune.h"

bool hr_wanted_has(const struct hr_wanted *w, uint32_t id)
{
    for (uint32_t i = 0; i < w->count; i++)
        if (w->items[i] == id) return true;
    return false;
}

hr_status hr_want(struct hr_rule_ctx *ctx, struct hr_wanted *w, uint32_t id, struct hr_err *err)
{
    return hr_wanted_has(w, id) || HR_VEC_PUSH(ctx->arena, w, id) ? HR_OK : HR_OOM(err);
}

hr_status hr_want_output(struct hr_rule_ctx *ctx, struct hr_wanted *w, const struct hr_plan *plan,
                         struct hr_err *err)
{
    for (uint32_t i = 0; i < plan->output_count; i++)
        HR_TRY(hr_want(ctx, w, plan->output[i].id, err));
    return HR_OK;
}

struct refs {
    struct hr_rule_ctx *ctx;
    struct hr_wanted *set;
    bool failed;
};

static bool want_ref(void *arg, const struct hr_expr *expr)
{
    struct refs *r = arg;
    if (expr->kind == HR_X_ATTR && hr_want(r->ctx, r->set, expr->attr_id, NULL) != HR_OK)
        r->failed = true;
    return !r->failed;
}

static hr_status want_expr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct refs *r = arg;
    hr_expr_walk(*expr, want_ref, r);
    return r->failed ? HR_OOM(err) : HR_OK;
}

hr_status hr_want_refs(struct hr_rule_ctx *ctx, struct hr_wanted *w, struct hr_plan *plan,
                       struct hr_err *err)
{
    struct refs r = {ctx, w, false};
    return hr_plan_each_expr(plan, want_expr, &r, err);
}

void hr_prune_exprs(struct hr_plan *plan, const struct hr_wanted *w)
{
    struct hr_select *select = hr_select_of(plan);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < select->expr_count; i++)
        if (hr_wanted_has(w, select->exprs[i]->attr_id)) select->exprs[kept++] = select->exprs[i];
    select->expr_count = kept;
}

hr_status hr_prune_children(struct hr_rule_ctx *ctx, struct hr_plan *plan,
                            const struct hr_wanted *down, struct hr_err *err)
{
    assert(plan->child_count > 0);
    for (uint32_t i = 0; i < plan->child_count; i++)
        HR_TRY(hr_prune(ctx, &plan->children[i], down, err));
    return hr_plan_refresh(ctx->arena, plan, err);
}

hr_status hr_prune(struct hr_rule_ctx *ctx, struct hr_plan **plan, const struct hr_wanted *up,
                   struct hr_err *err)
{
    struct hr_plan *p = *plan;
    const struct hr_node_vt *vt = hr_plan_vt(p);
    assert(p->resolved);
    if (vt->prune) return vt->prune(ctx, p, up, err);
    if (p->child_count == 0) return HR_OK;
    struct hr_wanted down = {0};
    for (uint32_t i = 0; i < up->count; i++) HR_TRY(hr_want(ctx, &down, up->items[i], err));
    HR_TRY(hr_want_refs(ctx, &down, p, err));
    return hr_prune_children(ctx, p, &down, err);
}

hr_status hr_prune_columns(struct hr_rule_ctx *ctx, struct hr_plan **root, struct hr_err *err)
{
    struct hr_wanted all = {0};
    HR_TRY(hr_want_output(ctx, &all, *root, err));
    return hr_prune(ctx, root, &all, err);
}
