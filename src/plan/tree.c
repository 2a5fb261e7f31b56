/* SPDX-License-Identifier: Apache-2.0 */
/* Plans as trees: outputs, references and copies. Everything is made in the plan's arena. */
#include "plan/tree.h"

const struct hr_attr *hr_plan_attr(const struct hr_plan *plan, uint32_t id)
{
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

struct hr_expr *hr_attr_ref(struct hr_arena *arena, const struct hr_attr *attr)
{
    struct hr_expr *expr = hr_expr_new(arena, HR_X_ATTR);
    if (!expr) return NULL;
    expr->name = attr->name;
    expr->type = attr->type;
    expr->nullable = attr->nullable;
    expr->attr_id = attr->id;
    return expr;
}

/* The attribute that an output expression makes. */
static struct hr_attr attr_of(const struct hr_plan *plan, const struct hr_expr *expr)
{
    const struct hr_expr *value = expr->kind == HR_X_ALIAS ? expr->args[0] : expr;
    const struct hr_attr *from =
        value->kind == HR_X_ATTR ? hr_plan_input_attr(plan, value->attr_id) : NULL;
    struct hr_attr attr = {
        .id = expr->attr_id,
        .name = expr->name,
        .type = expr->type,
        .nullable = expr->nullable,
        .watermark_delay_us = from ? from->watermark_delay_us : -1,
    };
    if (expr->kind == HR_X_ATTR && from) {
        attr.qualifier = from->qualifier;
        attr.nullable = from->nullable;
        attr.was_hidden = from->hidden || from->was_hidden;
    }
    return attr;
}

static hr_status output_of_exprs(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, plan->expr_count + 1);
    if (!output) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->expr_count; i++) {
        const struct hr_attr *old = hr_plan_attr(plan, plan->exprs[i]->attr_id);
        output[i] = attr_of(plan, plan->exprs[i]);
        if (!old) continue;
        output[i].hidden = old->hidden;
        if (plan->outer) output[i].watermark_delay_us = old->watermark_delay_us;
    }
    plan->output = output;
    plan->output_count = plan->expr_count;
    return HR_OK;
}

/* Noted once: the rules may later put an expression in the attribute's place. */
static void find_event_time(struct hr_plan *plan)
{
    for (uint32_t i = 0; i < plan->group_count && plan->event_time_key < 0; i++) {
        const struct hr_attr *attr = plan->groups[i]->kind == HR_X_ATTR
                                         ? hr_plan_input_attr(plan, plan->groups[i]->attr_id)
                                         : NULL;
        if (attr && attr->watermark_delay_us >= 0) plan->event_time_key = (int32_t)i;
    }
}

static hr_status output_of_join(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    const struct hr_plan *left = plan->children[0], *right = plan->children[1];
    bool only_left = plan->join_type == HR_JOIN_SEMI || plan->join_type == HR_JOIN_ANTI;
    uint32_t count = left->output_count + (only_left ? 0 : right->output_count);
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, count + 1);
    if (!output) return HR_OOM(err);
    bool null_left = plan->join_type == HR_JOIN_RIGHT || plan->join_type == HR_JOIN_FULL;
    bool null_right = plan->join_type == HR_JOIN_LEFT || plan->join_type == HR_JOIN_FULL;
    for (uint32_t i = 0; i < count; i++) {
        bool is_left = i < left->output_count;
        output[i] = is_left ? left->output[i] : right->output[i - left->output_count];
        if (is_left ? null_left : null_right) output[i].nullable = true;
    }
    plan->output = output;
    plan->output_count = count;
    return HR_OK;
}

static hr_status output_of_child(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    const struct hr_plan *child = plan->children[0];
    struct hr_attr *output =
        hr_arena_memdup(arena, child->output, sizeof *output * child->output_count);
    if (!output && child->output_count) return HR_OOM(err);
    plan->output = output;
    plan->output_count = child->output_count;
    return HR_OK;
}

/* GENERATE: the child's columns, then its own, which stand behind them in the old output. */
static hr_status output_of_generate(struct hr_arena *arena, struct hr_plan *plan,
                                    struct hr_err *err)
{
    const struct hr_plan *child = plan->children[0];
    uint32_t own = plan->column_count, count = child->output_count + own;
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, count + 1);
    if (!output) return HR_OOM(err);
    for (uint32_t i = 0; i < child->output_count; i++) output[i] = child->output[i];
    for (uint32_t i = 0; i < own; i++)
        output[child->output_count + i] = plan->output[plan->output_count - own + i];
    plan->output = output;
    plan->output_count = count;
    return HR_OK;
}

static hr_status output_of_watermark(struct hr_arena *arena, struct hr_plan *plan,
                                     struct hr_err *err)
{
    HR_TRY(output_of_child(arena, plan, err));
    for (uint32_t i = 0; i < plan->output_count; i++)
        if (plan->output[i].id == plan->exprs[0]->attr_id)
            plan->output[i].watermark_delay_us = plan->delay_us;
    return HR_OK;
}

hr_status hr_plan_refresh(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    bool streaming = plan->kind == HR_P_SCAN && plan->is_stream;
    for (uint32_t i = 0; i < plan->child_count; i++)
        streaming = streaming || plan->children[i]->is_streaming;
    plan->is_streaming = streaming;
    plan->resolved = true;
    switch (plan->kind) {
    case HR_P_AGGREGATE: find_event_time(plan); return output_of_exprs(arena, plan, err);
    case HR_P_PROJECT: return output_of_exprs(arena, plan, err);
    case HR_P_JOIN: return output_of_join(arena, plan, err);
    case HR_P_WATERMARK: return output_of_watermark(arena, plan, err);
    case HR_P_GENERATE: return output_of_generate(arena, plan, err);
    case HR_P_FILTER:
    case HR_P_SORT:
    case HR_P_LIMIT:
    case HR_P_DISTINCT:
    case HR_P_SETOP: return output_of_child(arena, plan, err);
    default: return HR_OK; /* nodes with attributes of their own */
    }
}

struct hr_plan *hr_plan_pass(struct hr_arena *arena, struct hr_plan *child)
{
    struct hr_plan *plan = hr_plan_new1(arena, HR_P_PROJECT, child);
    if (!plan) return NULL;
    plan->exprs = HR_NEW_ARRAY(arena, struct hr_expr *, child->output_count + 1);
    if (!plan->exprs) return NULL;
    for (uint32_t i = 0; i < child->output_count; i++) {
        if (child->output[i].hidden) continue;
        struct hr_expr *ref = hr_attr_ref(arena, &child->output[i]);
        if (!ref) return NULL;
        plan->exprs[plan->expr_count++] = ref;
    }
    return hr_plan_refresh(arena, plan, NULL) == HR_OK ? plan : NULL;
}

hr_status hr_plan_filter(struct hr_arena *arena, struct hr_plan *child, struct hr_expr *condition,
                         struct hr_plan **ret, struct hr_err *err)
{
    if (!condition) {
        *ret = child;
        return HR_OK;
    }
    struct hr_plan *plan = hr_plan_new1(arena, HR_P_FILTER, child);
    if (!plan) return HR_OOM(err);
    plan->condition = condition;
    HR_TRY(hr_plan_refresh(arena, plan, err));
    *ret = plan;
    return HR_OK;
}

/* Copies --------------------------------------------------------------------------------------- */

static bool copy_exprs(struct hr_arena *arena, struct hr_expr ***exprs, uint32_t count)
{
    if (!*exprs) return true;
    struct hr_expr **copy = HR_NEW_ARRAY(arena, struct hr_expr *, count + 1);
    if (!copy) return false;
    for (uint32_t i = 0; i < count; i++)
        if ((*exprs)[i] && !(copy[i] = hr_expr_copy(arena, (*exprs)[i]))) return false;
    *exprs = copy;
    return true;
}

static bool copy_expr(struct hr_arena *arena, struct hr_expr **expr)
{
    return !*expr || (*expr = hr_expr_copy(arena, *expr)) != NULL;
}

static bool copy_rows(struct hr_arena *arena, struct hr_plan *plan)
{
    if (!plan->rows) return true;
    struct hr_expr ***rows = HR_NEW_ARRAY(arena, struct hr_expr **, plan->row_count + 1);
    if (!rows) return false;
    for (uint32_t i = 0; i < plan->row_count; i++) {
        rows[i] = plan->rows[i];
        if (!copy_exprs(arena, &rows[i], plan->row_width)) return false;
    }
    plan->rows = rows;
    return true;
}

struct hr_plan *hr_plan_copy(struct hr_arena *arena, const struct hr_plan *plan)
{
    struct hr_plan *copy = hr_arena_memdup(arena, plan, sizeof *plan);
    if (!copy) return NULL;
    if (!copy_exprs(arena, &copy->exprs, plan->expr_count) ||
        !copy_exprs(arena, &copy->groups, plan->group_count) || !copy_rows(arena, copy) ||
        !copy_expr(arena, &copy->condition) || !copy_expr(arena, &copy->limit_expr) ||
        !copy_expr(arena, &copy->offset_expr))
        return NULL;
    copy->children = HR_NEW_ARRAY(arena, struct hr_plan *, plan->child_count + 1);
    if (!copy->children) return NULL;
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (!(copy->children[i] = hr_plan_copy(arena, plan->children[i]))) return NULL;
    if (!plan->cte_count) return copy;
    copy->ctes = hr_arena_memdup(arena, plan->ctes, sizeof *plan->ctes * plan->cte_count);
    if (!copy->ctes) return NULL;
    for (uint32_t i = 0; i < plan->cte_count; i++)
        if (!(copy->ctes[i].plan = hr_plan_copy(arena, plan->ctes[i].plan))) return NULL;
    return copy;
}

/* References ----------------------------------------------------------------------------------- */

static bool ref_within(void *arg, const struct hr_expr *expr)
{
    return expr->kind != HR_X_ATTR || hr_plan_attr(arg, expr->attr_id);
}

bool hr_expr_within(const struct hr_expr *expr, const struct hr_plan *plan)
{
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

bool hr_expr_is_call(const struct hr_expr *expr, const char *name, uint32_t arg_count)
{
    return expr->kind == HR_X_CALL && expr->arg_count == arg_count &&
           hr_str_eq_nocase(expr->name, name);
}

hr_status hr_expr_split_and(struct hr_arena *arena, struct hr_expr *condition,
                            struct hr_exprs *parts, struct hr_err *err)
{
    while (hr_expr_is_call(condition, "and", 2)) {
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
    struct inline_arg arg = {arena, list, list_count};
    return hr_expr_rewrite(expr, inline_attr, &arg, err);
}
