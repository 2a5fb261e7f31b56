/* SPDX-License-Identifier: Apache-2.0 */
/* The optimiser's loop: the rules of rules/rules.def to a fixed point, then column pruning. */
#include "plan/catalog.h"
#include "plan/rules/rules.h"

#define ROUNDS_MAX 50

static const struct rule {
    const char *name;
    hr_rule_fn run;
} rules[] = {
#define X(name, doc) {#name, hr_rule_##name},
#include "plan/rules/rules.def"
#undef X
};

static hr_status apply(struct hr_rule_ctx *ctx, struct hr_plan **plan, uint32_t depth,
                       struct hr_err *err)
{
    if (depth > HR_PLAN_DEPTH_MAX * 4)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the depth of the plan", "limit", "1600");
    for (uint32_t i = 0; i < (*plan)->child_count; i++)
        HR_TRY(apply(ctx, &(*plan)->children[i], depth + 1, err));
    for (uint32_t i = 0; i < HR_COUNT(rules); i++) HR_TRY(rules[i].run(ctx, plan, err));
    return HR_OK;
}

static hr_status to_fixed_point(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    ctx->changed = true;
    for (uint32_t round = 0; round < ROUNDS_MAX && ctx->changed; round++) {
        ctx->changed = false;
        HR_TRY(apply(ctx, plan, 0, err));
    }
    return HR_OK;
}

hr_status hr_plan_optimize(struct hr_arena *arena, const struct hr_conf *conf,
                           struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->resolved);
    struct hr_rule_ctx ctx = {.arena = arena, .conf = conf};
    HR_TRY(to_fixed_point(&ctx, plan, err));
    HR_TRY(hr_reorder_joins(&ctx, plan, err));
    HR_TRY(hr_prune_columns(&ctx, plan, err));
    return to_fixed_point(&ctx, plan, err); /* projections that pruning left empty-handed */
}
