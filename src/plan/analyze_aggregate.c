/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Grouping: what GROUP BY means (ordinals, aliases, ALL), what may stand in the output list, and
 * how HAVING and ORDER BY reach aggregates and groups that the list does not have. After analysis
 * an AGGREGATE's expressions are made of its groups and of aggregate calls over its child.
 */
#include <stdio.h>

#include "plan/analyze.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/filter.h"

/* Groups --------------------------------------------------------------------------------------- */

static hr_status group_has_aggregate(struct hr_analyzer *an, const struct hr_plan *plan,
                                     const struct hr_expr *group, struct hr_err *err)
{
    HR_RAISE(err, HR_E_GROUP_BY_AGGREGATE, "sqlExpr",
             hr_qualified_text(an, group, plan->children[0]));
    return hr_err_at(err, group->sql_pos, group->sql_end);
}

bool hr_group_ordinal(const struct hr_expr *expr, int64_t *ret)
{
    if (expr->kind != HR_X_LITERAL || !expr->type || expr->type->id != HR_T_INT) return false;
    if (!hr_column_valid(expr->literal, 0)) return false;
    *ret = *(const int32_t *)expr->literal->values;
    return true;
}

/* A resolved copy of a select item's value. */
static hr_status value_of_item(struct hr_analyzer *an, const struct hr_plan *plan,
                               const struct hr_expr *item, struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *value = hr_expr_copy(an->arena, item);
    if (!value) return HR_OOM(err);
    value = hr_expr_strip_alias(value);
    struct hr_names names = {.inputs = {plan->children[0]}, .input_count = 1};
    HR_TRY(hr_resolve(an, &names, &value, err));
    *ret = value;
    return HR_OK;
}

static hr_status group_of_ordinal(struct hr_analyzer *an, const struct hr_plan *plan,
                                  int64_t ordinal, struct hr_expr **group, struct hr_err *err)
{
    int32_t pos = (*group)->sql_pos, end = (*group)->sql_end;
    const struct hr_select *select = hr_select_of_const(plan);
    char index[24], size[16];
    snprintf(index, sizeof index, "%lld", (long long)ordinal);
    snprintf(size, sizeof size, "%u", select->expr_count);
    if (ordinal < 1 || ordinal > select->expr_count) {
        HR_RAISE(err, HR_E_GROUP_BY_POS_OUT_OF_RANGE, "index", index, "size", size);
        return hr_err_at(err, pos, end);
    }
    const struct hr_expr *item = select->exprs[ordinal - 1];
    struct hr_expr *value = NULL;
    HR_TRY(value_of_item(an, plan, item, &value, err));
    if (hr_expr_has_aggregate(value)) {
        const char *name = item->kind == HR_X_ALIAS ? item->name : hr_expr_text(an->arena, value);
        const char *text = hr_arena_printf(an->arena, "%s AS `%s`",
                                           hr_qualified_text(an, value, plan->children[0]), name);
        HR_RAISE(err, HR_E_GROUP_BY_POS_AGGREGATE, "index", index, "aggExpr", text ? text : "?");
        return hr_err_at(err, pos, end);
    }
    *group = value;
    return HR_OK;
}

/* A name that the input does not have may be the alias of an item. */
static const struct hr_expr *item_by_alias(const struct hr_analyzer *an, const struct hr_plan *plan,
                                           const struct hr_expr *name)
{
    if (name->kind != HR_X_NAME || name->name_part_count != 1) return NULL;
    const struct hr_select *select = hr_select_of_const(plan);
    for (uint32_t i = 0; i < select->expr_count; i++)
        if (select->exprs[i]->kind == HR_X_ALIAS &&
            hr_name_eq(an, select->exprs[i]->name, name->name_parts[0]))
            return select->exprs[i];
    return NULL;
}

hr_status hr_resolve_group(struct hr_analyzer *an, const struct hr_plan *plan,
                           struct hr_expr **group, struct hr_err *err)
{
    int64_t ordinal;
    if (hr_group_ordinal(*group, &ordinal)) return group_of_ordinal(an, plan, ordinal, group, err);
    struct hr_names names = {.inputs = {plan->children[0]}, .input_count = 1, .optional = true};
    HR_TRY(hr_resolve(an, &names, group, err));
    const struct hr_expr *item = item_by_alias(an, plan, *group);
    if (item) {
        struct hr_expr *value = NULL;
        HR_TRY(value_of_item(an, plan, item, &value, err));
        *group = value;
    }
    names.optional = false;
    HR_TRY(hr_resolve(an, &names, group, err));
    *group = hr_expr_strip_alias(*group);
    if (hr_expr_has_aggregate(*group)) return group_has_aggregate(an, plan, *group, err);
    return HR_OK;
}

/* GROUP BY ALL: the items without aggregates. */
static hr_status group_by_all(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->kind == HR_P_AGGREGATE);
    struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    const struct hr_select *select = &agg->select;
    agg->groups = HR_NEW_ARRAY(an->arena, struct hr_expr *, select->expr_count + 1);
    if (!agg->groups) return HR_OOM(err);
    agg->group_count = 0;
    for (uint32_t i = 0; i < select->expr_count; i++) {
        if (hr_expr_has_aggregate(select->exprs[i])) continue;
        struct hr_expr *value = NULL;
        HR_TRY(value_of_item(an, plan, select->exprs[i], &value, err));
        if (!hr_expr_is_foldable(value)) agg->groups[agg->group_count++] = value;
    }
    return HR_OK;
}

hr_status hr_analyze_groups(struct hr_analyzer *an, struct hr_plan *plan,
                            struct hr_window_use *window, struct hr_err *err)
{
    struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    if (hr_has_grouping_sets(agg)) return hr_analyze_grouping_sets(an, plan, window, err);
    if (agg->group_by_all) HR_TRY(group_by_all(an, plan, err));
    for (uint32_t i = 0; i < agg->group_count; i++)
        HR_TRY(hr_resolve_group(an, plan, &agg->groups[i], err));
    HR_TRY(hr_analyze_windows(an, plan, window, agg->groups, agg->group_count, err));
    for (uint32_t i = 0; i < agg->group_count && window->is_session; i++) {
        const struct hr_expr *group = agg->groups[i];
        bool is_session = group->kind == HR_X_ATTR && group->attr_id == window->attr.id;
        if (is_session) agg->session_key = (int32_t)i;
    }
    return HR_OK;
}

/* The output list ------------------------------------------------------------------------------ */

static bool is_group(const struct hr_plan *plan, const struct hr_expr *expr)
{
    const struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    for (uint32_t i = 0; i < agg->group_count; i++)
        if (hr_expr_equal(agg->groups[i], expr)) return true;
    return false;
}

static hr_status check_call(const struct hr_expr *call, struct hr_err *err)
{
    for (uint32_t i = 0; i < call->arg_count; i++) {
        if (hr_expr_has_over(call->args[i])) return HR_RAISE(err, HR_E_WINDOW_IN_AGGREGATE);
        if (!hr_expr_has_aggregate(call->args[i])) continue;
        HR_RAISE(err, HR_E_NESTED_AGGREGATE_FUNCTION);
        return hr_err_at(err, call->args[i]->sql_pos, call->args[i]->sql_end);
    }
    return HR_OK;
}

static hr_status missing_aggregation(struct hr_analyzer *an, const struct hr_plan *plan,
                                     const struct hr_expr *expr, struct hr_err *err)
{
    if (HR_NODE(aggregate, plan)->group_count == 0) {
        HR_RAISE(err, HR_E_MISSING_GROUP_BY);
        return hr_err_at(err, plan->sql_pos, plan->sql_end);
    }
    const char *any = hr_arena_printf(an->arena, "\"any_value(%s)\"", expr->name);
    return HR_RAISE(err, HR_E_MISSING_AGGREGATION, "expression", hr_expr_quoted(an->arena, expr),
                    "expressionAnyValue", any ? any : "any_value");
}

static hr_status check_item(struct hr_analyzer *an, const struct hr_plan *plan,
                            const struct hr_expr *expr, struct hr_err *err)
{
    if (hr_expr_is_aggregate(expr)) return check_call(expr, err);
    if (is_group(plan, expr) || (expr->kind == HR_X_ATTR && expr->is_outer)) return HR_OK;
    if (expr->kind == HR_X_SUBQUERY && expr->subquery->form == HR_SUBQUERY_SCALAR &&
        expr->arg_count) {
        HR_RAISE(err, HR_E_SCALAR_SUBQUERY_IS_IN_GROUP_BY_OR_AGGREGATE_FUNCTION, "sqlExpr",
                 hr_expr_quoted(an->arena, expr));
        return hr_err_at(err, expr->sql_pos, expr->sql_end);
    }
    if (expr->kind == HR_X_ATTR) return missing_aggregation(an, plan, expr, err);
    for (uint32_t i = 0; i < expr->arg_count; i++) HR_TRY(check_item(an, plan, expr->args[i], err));
    return HR_OK;
}

hr_status hr_check_aggregate(struct hr_analyzer *an, const struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->kind == HR_P_AGGREGATE);
    assert(plan->kind == HR_P_AGGREGATE && plan->resolved);
    const struct hr_select *select = hr_select_of_const(plan);
    for (uint32_t i = 0; i < select->expr_count; i++)
        HR_TRY(check_item(an, plan, select->exprs[i], err));
    return HR_OK;
}

/* Over the aggregate --------------------------------------------------------------------------- */

/* Puts a reference to the output column whose value *expr is in its place; makes the column where
 * there is none. */
static hr_status use_column(struct hr_analyzer *an, struct hr_plan *agg, struct hr_expr **expr,
                            struct hr_err *err)
{
    assert(agg->kind == HR_P_AGGREGATE);
    struct hr_select *select = hr_select_of(agg);
    struct hr_expr *item = NULL;
    for (uint32_t i = 0; i < select->expr_count && !item; i++)
        if (hr_expr_equal(hr_expr_strip_alias(select->exprs[i]), *expr)) item = select->exprs[i];
    if (!item) {
        item = *expr;
        HR_TRY(hr_name_output(an, &item, NULL, err));
        HR_TRY(hr_select_push(an->arena, agg, item, err));
        HR_TRY(hr_plan_refresh(an->arena, agg, err));
    }
    struct hr_expr *ref = hr_attr_ref(an->arena, hr_plan_attr(agg, item->attr_id));
    if (!ref) return HR_OOM(err);
    ref->sql_pos = (*expr)->sql_pos;
    ref->sql_end = (*expr)->sql_end;
    *expr = ref;
    return HR_OK;
}

hr_status hr_over_aggregate_columns(struct hr_analyzer *an, struct hr_plan *agg,
                                    struct hr_expr **expr, struct hr_err *err)
{
    struct hr_expr *e = *expr;
    if (hr_expr_is_aggregate(e)) {
        HR_TRY(check_call(e, err));
        return use_column(an, agg, expr, err);
    }
    if (e->kind == HR_X_LITERAL) return HR_OK;
    if (is_group(agg, e)) return use_column(an, agg, expr, err);
    if (e->kind == HR_X_ATTR) return missing_aggregation(an, agg, e, err);
    for (uint32_t i = 0; i < e->arg_count; i++)
        HR_TRY(hr_over_aggregate_columns(an, agg, &e->args[i], err));
    return e->filter ? hr_over_aggregate_columns(an, agg, &e->filter, err) : HR_OK;
}

static hr_status push_down(struct hr_analyzer *an, struct hr_plan *agg,
                           const struct hr_plan *visible, struct hr_expr **expr, struct hr_err *err)
{
    assert(agg->kind == HR_P_AGGREGATE);
    struct hr_expr *e = *expr;
    if (hr_expr_is_aggregate(e)) {
        const struct hr_select *s = hr_select_of(agg);
        for (uint32_t i = 0; i < e->arg_count; i++)
            HR_TRY(hr_expr_inline(an->arena, &e->args[i], s->exprs, s->expr_count, err));
        if (e->filter) HR_TRY(hr_expr_inline(an->arena, &e->filter, s->exprs, s->expr_count, err));
        HR_TRY(check_call(e, err));
        return use_column(an, agg, expr, err);
    }
    if (e->kind == HR_X_LITERAL) return HR_OK;
    if (is_group(agg, e)) return use_column(an, agg, expr, err);
    if (e->kind == HR_X_ATTR) {
        if (e->is_outer || hr_plan_attr(agg, e->attr_id)) return HR_OK;
        return hr_unresolved(an, e, &visible, 1, err);
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        HR_TRY(push_down(an, agg, visible, &e->args[i], err));
    return HR_OK;
}

/* Aggregates and groups that *expr needs are added to the node's output. */
static hr_status resolve_over(struct hr_analyzer *an, struct hr_plan *agg,
                              const struct hr_plan *visible, bool groups_first,
                              struct hr_expr **expr, struct hr_err *err)
{
    assert(agg->kind == HR_P_AGGREGATE && agg->resolved && visible->resolved);
    struct hr_names names = {
        .inputs = {visible}, .input_count = 1, .aggregate = agg, .groups_first = groups_first};
    HR_TRY(hr_resolve(an, &names, expr, err));
    HR_TRY(hr_use_groupings(an, HR_NODE(aggregate, agg), expr, err));
    return push_down(an, agg, visible, expr, err);
}

hr_status hr_resolve_over_aggregate(struct hr_analyzer *an, struct hr_plan *agg,
                                    const struct hr_plan *visible, struct hr_expr **expr,
                                    struct hr_err *err)
{
    return resolve_over(an, agg, visible, false, expr, err);
}

static hr_status refresh_down_to(struct hr_analyzer *an, struct hr_plan *top, struct hr_plan *last,
                                 struct hr_err *err)
{
    if (top != last) HR_TRY(refresh_down_to(an, top->children[0], last, err));
    return hr_plan_refresh(an->arena, top, err);
}

/* HAVING comes before the windows of the select list: it goes below them. */
static hr_status having_below_windows(struct hr_analyzer *an, struct hr_plan **plan,
                                      struct hr_err *err)
{
    struct hr_plan *filter = *plan, *top = filter->children[0], *window = top;
    while (window->children[0]->kind == HR_P_OVER) window = window->children[0];
    filter->children[0] = window->children[0];
    HR_TRY(hr_analyze_having(an, &filter, err));
    window->children[0] = filter;
    *plan = top;
    return refresh_down_to(an, top, window, err);
}

hr_status hr_analyze_having(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_FILTER && (*plan)->child_count == 1);
    assert((*plan)->child_count == 1 && (*plan)->children[0]->resolved);
    struct hr_plan *filter = *plan, *agg = filter->children[0];
    if (hr_expr_has_over(HR_NODE(filter, filter)->condition))
        return hr_over_in_clause(HR_NODE(filter, filter)->condition, "HAVING", err);
    if (agg->kind == HR_P_PROJECT) return having_below_windows(an, plan, err);
    if (agg->kind != HR_P_AGGREGATE) return hr_analyze_filter(an, plan, err);
    struct hr_plan *restore = hr_plan_pass(an->arena, agg);
    if (!restore) return HR_OOM(err);
    const struct hr_select *select = hr_select_of(agg);
    uint32_t before = select->expr_count;
    HR_TRY(resolve_over(an, agg, agg, true, &HR_NODE(filter, filter)->condition, err));
    HR_TRY(hr_plan_refresh(an->arena, filter, err));
    HR_TRY(hr_analyze_filter(an, plan, err));
    if (select->expr_count == before) return HR_OK;
    restore->children[0] = *plan;
    *plan = restore;
    return hr_plan_refresh(an->arena, restore, err);
}
