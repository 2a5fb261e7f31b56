/* SPDX-License-Identifier: Apache-2.0 */
/* The models that a plan scores with or trains. */
#include "plan/models.h"

#include "plan/node.h"
#include "plan/nodes/train.h"

struct collect {
    struct hr_arena *arena;
    struct hr_plan_models *models;
    bool failed;
};

static void add(struct collect *c, struct hr_ml_entry *entry, bool trains)
{
    for (uint32_t i = 0; i < c->models->count; i++) {
        struct hr_plan_model *m = &c->models->items[i];
        if (m->entry != entry) continue;
        m->trains |= trains;
        m->scores |= !trains;
        return;
    }
    struct hr_plan_model made = {entry, trains, !trains};
    if (!HR_VEC_PUSH(c->arena, c->models, made)) c->failed = true;
}

static bool see_call(void *arg, const struct hr_expr *expr)
{
    if (hr_expr_is(expr, HR_ROLE_MODEL) && expr->bound) add(arg, expr->bound, false);
    return true;
}

static hr_status see_expr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    HR_UNUSED(err);
    hr_expr_walk(*expr, see_call, arg);
    return HR_OK;
}

static hr_status see_plan(struct collect *c, struct hr_plan *plan, struct hr_err *err)
{
    if (plan->kind == HR_P_TRAIN) add(c, HR_NODE(train, plan)->entry, true);
    HR_TRY(hr_plan_each_expr(plan, see_expr, c, err));
    for (uint32_t i = 0; i < plan->child_count; i++) HR_TRY(see_plan(c, plan->children[i], err));
    return HR_OK;
}

hr_status hr_plan_find_models(struct hr_arena *arena, struct hr_plan *plan,
                              struct hr_plan_models *ret, struct hr_err *err)
{
    struct collect c = {arena, ret, false};
    *ret = (struct hr_plan_models){0};
    HR_TRY(see_plan(&c, plan, err));
    return c.failed ? HR_OOM(err) : HR_OK;
}
