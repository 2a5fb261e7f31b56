/* SPDX-License-Identifier: Apache-2.0 */
/* Plans as trees: outputs, references and copies. Everything is made in the plan's arena. */
#include "plan/tree.h"

#include "plan/nodes/filter.h"
#include "plan/nodes/project.h"

const struct hr_attr *hr_plan_attr(const struct hr_plan *plan, uint32_t id)
{
    if (plan->output_count == 0) return NULL;
    const uint32_t guess = id - plan->output[0].id; /* ids of one select list follow each other */
    if (guess < plan->output_count && plan->output[guess].id == id) return &plan->output[guess];
    for (uint32_t i = 0; i < plan->output_count; i++)
        if (plan->output[i].id == id) return &plan->output[i];
    return NULL;
}

const struct hr_attr *hr_plan_input_attr(const struct hr_plan *plan, uint32_t id)
{
    for (uint32_t i = 0; i < plan->child_count; i++) {
        const struct hr_attr *attr = hr_plan_attr(plan->children[i], id);
        if (attr) return attr;
    }
    return NULL;
}

/* The window in window.end - 1 µs, or NULL. */
static const struct hr_expr *window_of_last_instant(const struct hr_expr *expr)
{
    if (expr->kind != HR_X_CALL || expr->arg_count != 2 || strcmp(expr->name, "-") != 0)
        return NULL;
    const struct hr_expr *end = expr->args[0], *one = expr->args[1];
    bool ends = end->kind == HR_X_FIELD && hr_str_eq_nocase(end->name, "end");
    if (!ends || one->kind != HR_X_LITERAL || one->type->id != HR_T_INTERVAL_DT) return NULL;
    bool is_one = hr_column_valid(one->literal, 0) && *(const int64_t *)one->literal->values == 1;
    return is_one ? end->args[0] : NULL;
}

int64_t hr_expr_watermark_delay(const struct hr_plan *plan, const struct hr_expr *expr)
{
    const struct hr_expr *window = window_of_last_instant(expr);
    if (window) expr = window;
    if (expr->kind != HR_X_ATTR) return -1;
    const struct hr_attr *attr = hr_plan_input_attr(plan, expr->attr_id);
    return attr ? attr->watermark_delay_us : -1;
}

struct hr_expr *hr_attr_ref(struct hr_arena *arena, const struct hr_attr *attr)
{
    assert(attr->type);
    assert(attr && attr->id);
    struct hr_expr *expr = hr_expr_new(arena, HR_X_ATTR);
    if (!expr) return NULL;
    expr->name = attr->name;
    expr->type = attr->type;
    expr->nullable = attr->nullable;
    expr->attr_id = attr->id;
    return expr;
}

struct hr_plan *hr_plan_pass(struct hr_arena *arena, struct hr_plan *child)
{
    assert(child);
    assert(child->resolved);
    struct hr_plan *plan = hr_plan_new1(arena, HR_P_PROJECT, child);
    if (!plan) return NULL;
    struct hr_select *select = hr_select_of(plan);
    select->exprs = HR_NEW_ARRAY(arena, struct hr_expr *, child->output_count + 1);
    if (!select->exprs) return NULL;
    for (uint32_t i = 0; i < child->output_count; i++) {
        if (child->output[i].hidden) continue;
        struct hr_expr *ref = hr_attr_ref(arena, &child->output[i]);
        if (!ref) return NULL;
        select->exprs[select->expr_count++] = ref;
    }
    return hr_plan_refresh(arena, plan, NULL) == HR_OK ? plan : NULL;
}

hr_status hr_plan_filter(struct hr_arena *arena, struct hr_plan *child, struct hr_expr *condition,
                         struct hr_plan **ret, struct hr_err *err)
{
    assert(child->resolved);
    if (!condition) {
        *ret = child;
        return HR_OK;
    }
    struct hr_plan *plan = hr_plan_new1(arena, HR_P_FILTER, child);
    if (!plan) return HR_OOM(err);
    HR_NODE(filter, plan)->condition = condition;
    HR_TRY(hr_plan_refresh(arena, plan, err));
    *ret = plan;
    return HR_OK;
}

/* References ----------------------------------------------------------------------------------- */

static bool ref_within(void *arg, const struct hr_expr *expr)
{
    return expr->kind != HR_X_ATTR || hr_plan_attr(arg, expr->attr_id);
}

bool hr_expr_within(const struct hr_expr *expr, const struct hr_plan *plan)
{
    assert(plan->resolved);
    return hr_expr_walk(expr, ref_within, (void *)(uintptr_t)plan);
}

static bool ref_differs(void *arg, const struct hr_expr *expr)
{
    return expr->kind != HR_X_ATTR || expr->attr_id != *(const uint32_t *)arg;
}

bool hr_expr_uses(const struct hr_expr *expr, uint32_t attr_id)
{
    return !hr_expr_walk(expr, ref_differs, &attr_id);
}

bool hr_expr_never_true(const struct hr_expr *condition)
{
    if (condition->kind != HR_X_LITERAL) return false;
    if (condition->type->id == HR_T_NULL || !hr_column_valid(condition->literal, 0)) return true;
    return condition->type->id == HR_T_BOOLEAN && !hr_bit_get(condition->literal->values, 0);
}

hr_status hr_expr_split_and(struct hr_arena *arena, struct hr_expr *condition,
                            struct hr_exprs *parts, struct hr_err *err)
{
    while (hr_expr_is(condition, HR_ROLE_AND)) {
        HR_TRY(hr_expr_split_and(arena, condition->args[0], parts, err));
        condition = condition->args[1];
    }
    return HR_VEC_PUSH(arena, parts, condition) ? HR_OK : HR_OOM(err);
}

hr_status hr_call(struct hr_arena *arena, const struct hr_conf *conf, const char *name,
                  struct hr_expr *const *args, uint32_t arg_count, struct hr_expr **ret,
                  struct hr_err *err)
{
    struct hr_expr *call = hr_expr_call(arena, name, args, arg_count);
    if (!call) return HR_OOM(err);
    HR_TRY(hr_expr_resolve_node(arena, conf, call, err));
    *ret = call;
    return HR_OK;
}

hr_status hr_expr_join_and(struct hr_arena *arena, const struct hr_conf *conf,
                           const struct hr_exprs *parts, struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *all = parts->count ? parts->items[0] : NULL;
    for (uint32_t i = 1; i < parts->count; i++) {
        struct hr_expr *args[] = {all, parts->items[i]};
        HR_TRY(hr_call(arena, conf, "and", args, 2, &all, err));
    }
    *ret = all;
    return HR_OK;
}

struct inline_arg {
    struct hr_arena *arena;
    struct hr_expr *const *list;
    uint32_t count;
};

static hr_status inline_attr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct inline_arg *in = arg;
    if ((*expr)->kind != HR_X_ATTR) return HR_OK;
    for (uint32_t i = 0; i < in->count; i++) {
        const struct hr_expr *item = in->list[i];
        if (item->kind != HR_X_ALIAS || item->attr_id != (*expr)->attr_id) continue;
        struct hr_expr *copy = hr_expr_copy(in->arena, item->args[0]);
        if (!copy) return HR_OOM(err);
        if (copy->sql_pos < 0) {
            copy->sql_pos = (*expr)->sql_pos;
            copy->sql_end = (*expr)->sql_end;
        }
        *expr = copy;
        return HR_OK;
    }
    return HR_OK;
}

hr_status hr_expr_inline(struct hr_arena *arena, struct hr_expr **expr, struct hr_expr *const *list,
                         uint32_t list_count, struct hr_err *err)
{
    assert(*expr);
    struct inline_arg arg = {arena, list, list_count};
    return hr_expr_rewrite(expr, inline_attr, &arg, err);
}
