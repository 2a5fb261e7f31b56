/* SPDX-License-Identifier: Apache-2.0 */
/* A filter that is never true and LIMIT 0 give nothing, and so does much of what stands on them. */
#include "plan/node.h"
#include "plan/nodes/filter.h"
#include "plan/nodes/local.h"
#include "plan/rules/rules.h"

static bool is_empty(const struct hr_plan *plan)
{
    return plan->kind == HR_P_LOCAL && HR_NODE(local, plan)->batch_count == 0;
}

static bool always_true(const struct hr_expr *condition)
{
    return condition->kind == HR_X_LITERAL && !hr_expr_never_true(condition);
}

/* What is known here of the inputs is only whether they are empty. */
static hr_status gives_nothing(struct hr_arena *arena, const struct hr_plan *plan, bool *ret,
                               struct hr_err *err)
{
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    *ret = false;
    if (!vt->max_rows || plan->child_count == 0) return HR_OK;
    int64_t few[8], *rows = few;
    if (plan->child_count > HR_COUNT(few)) rows = HR_NEW_ARRAY(arena, int64_t, plan->child_count);
    if (!rows) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->child_count; i++) rows[i] = is_empty(plan->children[i]) ? 0 : -1;
    *ret = vt->max_rows(plan, rows) == 0;
    return HR_OK;
}

hr_status hr_rule_empty_relations(struct hr_rule_ctx *ctx, struct hr_plan **plan,
                                  struct hr_err *err)
{
    assert((*plan)->resolved);
    struct hr_plan *p = *plan;
    bool nothing = false;
    if (p->kind == HR_P_FILTER && always_true(HR_NODE(filter, p)->condition)) {
        *plan = p->children[0];
        ctx->changed = true;
        return HR_OK;
    }
    if (p->is_streaming) return HR_OK;
    HR_TRY(gives_nothing(ctx->arena, p, &nothing, err));
    if (!nothing) return HR_OK;
    struct hr_plan *empty = hr_plan_new(ctx->arena, HR_P_LOCAL);
    if (!empty) return HR_OOM(err);
    empty->output = p->output;
    empty->output_count = p->output_count;
    *plan = empty;
    ctx->changed = true;
    return hr_plan_refresh(ctx->arena, empty, err);
}
