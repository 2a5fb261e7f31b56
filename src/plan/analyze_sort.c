/* SPDX-License-Identifier: Apache-2.0 */
/* What stands above a select list: WHERE, ORDER BY, LIMIT and OFFSET, DISTINCT. */
#include <stdio.h>

#include "expr/program.h"
#include "plan/analyze.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/distinct.h"
#include "plan/nodes/filter.h"
#include "plan/nodes/limit.h"
#include "plan/nodes/sort.h"

struct carry {
    struct hr_analyzer *an;
    struct hr_plan *child;
    struct hr_err *err;
    hr_status status;
};

static bool carry_ref(void *arg, const struct hr_expr *expr)
{
    struct carry *c = arg;
    if (expr->kind == HR_X_ATTR && !expr->is_outer)
        c->status = hr_carry_up(c->an, c->child, expr->attr_id, c->err);
    return c->status == HR_OK;
}

/* What a node's child showed before the node's expressions were resolved. */
struct shown {
    struct hr_plan *restore;
    uint32_t count;
};

static hr_status remember(struct hr_analyzer *an, const struct hr_plan *node, struct shown *ret,
                          struct hr_err *err)
{
    ret->count = node->children[0]->output_count;
    ret->restore = hr_plan_pass(an->arena, node->children[0]);
    return ret->restore ? HR_OK : HR_OOM(err);
}

/* Brings up what exprs use from below the child, and hides it again above the node. */
static hr_status carry_missing(struct hr_analyzer *an, struct hr_plan **plan,
                               struct hr_expr *const *exprs, uint32_t count,
                               const struct shown *shown, struct hr_err *err)
{
    struct hr_plan *node = *plan;
    struct carry carry = {an, node->children[0], err, HR_OK};
    for (uint32_t i = 0; i < count; i++)
        if (!hr_expr_walk(exprs[i], carry_ref, &carry)) return carry.status;
    HR_TRY(hr_plan_refresh(an->arena, node, err));
    if (node->output_count == shown->count) return HR_OK;
    shown->restore->children[0] = node;
    *plan = shown->restore;
    return hr_plan_refresh(an->arena, shown->restore, err);
}

static bool list_aggregate(void *arg, const struct hr_expr *expr)
{
    struct hr_exprs *list = arg;
    if (hr_expr_is_aggregate(expr) && list->count < list->capacity)
        list->items[list->count++] = (struct hr_expr *)(uintptr_t)expr;
    return true;
}

static hr_status invalid_where(struct hr_analyzer *an, const struct hr_plan *filter,
                               struct hr_err *err)
{
    struct hr_expr *found[8];
    struct hr_exprs list = {found, 0, HR_COUNT(found)};
    const struct hr_expr *condition = HR_NODE(filter, filter)->condition;
    hr_expr_walk(condition, list_aggregate, &list);
    struct hr_buf buf = {0};
    for (uint32_t i = 0; i < list.count; i++) {
        if (i) hr_buf_puts(&buf, ", ");
        hr_buf_puts(&buf, hr_qualified_text(an, found[i], filter->children[0]));
    }
    hr_status status =
        HR_RAISE(err, HR_E_INVALID_WHERE_CONDITION, "condition",
                 hr_expr_quoted(an->arena, condition), "expressionList", hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    hr_err_at(err, filter->sql_pos, filter->sql_end);
    return status;
}

hr_status hr_analyze_filter(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_FILTER && (*plan)->child_count == 1);
    assert((*plan)->child_count == 1 && (*plan)->children[0]->resolved);
    struct hr_plan *filter = *plan;
    struct shown shown;
    HR_TRY(remember(an, filter, &shown, err));
    struct hr_names names = {.inputs = {filter->children[0]},
                             .input_count = 1,
                             .descend = !HR_NODE(filter, filter)->is_pipe};
    struct hr_expr **place = &HR_NODE(filter, filter)->condition;
    HR_TRY(hr_resolve(an, &names, place, err));
    HR_TRY(hr_take_outer_aggregates(an, place, err));
    struct hr_expr *condition = *place;
    if (hr_expr_has_over(condition)) return hr_over_in_clause(condition, "WHERE", err);
    if (hr_expr_has_aggregate(condition)) return invalid_where(an, filter, err);
    if (condition->type->id != HR_T_BOOLEAN) {
        const char *quoted = hr_expr_quoted(an->arena, condition);
        const char *type =
            hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, condition->type));
        HR_RAISE(err, HR_E_DATATYPE_MISMATCH_FILTER_NOT_BOOLEAN, "sqlExpr", quoted, "filter",
                 quoted, "type", type ? type : "?");
        return hr_err_at(err, filter->sql_pos, filter->sql_end);
    }
    return carry_missing(an, plan, place, 1, &shown, err);
}

/* ORDER BY ------------------------------------------------------------------------------------- */

static bool small_int(const struct hr_expr *expr, int64_t *ret)
{
    if (expr->kind != HR_X_LITERAL || expr->type->id != HR_T_INT) return false;
    if (!hr_column_valid(expr->literal, 0)) return false;
    *ret = *(const int32_t *)expr->literal->values;
    return true;
}

static hr_status sort_ordinal(struct hr_analyzer *an, const struct hr_plan *child, int64_t ordinal,
                              struct hr_expr **key, struct hr_err *err)
{
    uint32_t size = 0;
    for (uint32_t i = 0; i < child->output_count; i++) {
        if (child->output[i].hidden) continue;
        size++;
        if (size != ordinal) continue;
        *key = hr_attr_ref(an->arena, &child->output[i]);
        return *key ? HR_OK : HR_OOM(err);
    }
    char index[24], most[16];
    snprintf(index, sizeof index, "%lld", (long long)ordinal);
    snprintf(most, sizeof most, "%u", size);
    HR_RAISE(err, HR_E_ORDER_BY_POS_OUT_OF_RANGE, "index", index, "size", most);
    return hr_err_at(err, (*key)->sql_pos, (*key)->sql_end);
}

/* ORDER BY ALL, unless there is a column of that name. */
static hr_status sort_all(struct hr_analyzer *an, struct hr_plan *sort, struct hr_err *err)
{
    assert(sort->kind == HR_P_SORT);
    struct hr_sort_node *node = HR_NODE(sort, sort);
    const struct hr_plan *child = sort->children[0];
    struct hr_expr *only = node->keys[0]->args[0];
    if (node->key_count != 1 || only->kind != HR_X_NAME || only->name_part_count != 1 ||
        !hr_str_eq_nocase(only->name_parts[0], "all"))
        return HR_OK;
    for (uint32_t i = 0; i < child->output_count; i++)
        if (hr_name_eq(an, child->output[i].name, "all")) return HR_OK;
    struct hr_expr **keys = HR_NEW_ARRAY(an->arena, struct hr_expr *, child->output_count + 1);
    if (!keys) return HR_OOM(err);
    for (uint32_t i = 0; i < child->output_count; i++) {
        keys[i] = hr_expr_copy(an->arena, node->keys[0]);
        if (!keys[i]) return HR_OOM(err);
        keys[i]->args[0] = hr_attr_ref(an->arena, &child->output[i]);
        if (!keys[i]->args[0]) return HR_OOM(err);
    }
    node->keys = keys;
    node->key_count = child->output_count;
    return HR_OK;
}

/* The aggregation that a sort key may still reach: below filters and what HAVING put above. */
static struct hr_plan *aggregate_below(struct hr_plan *plan)
{
    for (;;) {
        if (plan->kind == HR_P_AGGREGATE) return plan;
        if (plan->kind == HR_P_PROJECT) {
            const struct hr_select *select = hr_select_of(plan);
            for (uint32_t i = 0; i < select->expr_count; i++)
                if (select->exprs[i]->kind != HR_X_ATTR) return NULL;
        } else if (plan->kind != HR_P_FILTER || !HR_NODE(filter, plan)->is_having) {
            return NULL;
        }
        plan = plan->children[0];
    }
}

static hr_status sort_key(struct hr_analyzer *an, struct hr_plan *sort, struct hr_expr **key,
                          struct hr_err *err)
{
    bool is_pipe = HR_NODE(sort, sort)->is_pipe;
    struct hr_plan *child = sort->children[0], *agg = is_pipe ? NULL : aggregate_below(child);
    int64_t ordinal;
    if (small_int(*key, &ordinal)) return sort_ordinal(an, child, ordinal, key, err);
    if (agg) return hr_resolve_over_aggregate(an, agg, child, key, err);
    struct hr_names names = {.inputs = {child}, .input_count = 1, .descend = !is_pipe};
    HR_TRY(hr_resolve(an, &names, key, err));
    if (!hr_expr_has_aggregate(*key)) return HR_OK;
    HR_RAISE(err, HR_E_MISSING_GROUP_BY);
    return hr_err_at(err, sort->sql_pos, sort->sql_end);
}

static hr_status unorderable(struct hr_analyzer *an, const struct hr_expr *key, struct hr_err *err)
{
    const char *type = hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, key->type));
    HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ORDERING_TYPE, "sqlExpr",
             hr_expr_quoted(an->arena, key), "functionName", "`sortorder`", "dataType",
             type ? type : "?");
    return hr_err_at(err, key->sql_pos, key->sql_end);
}

hr_status hr_analyze_sort(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_SORT && (*plan)->child_count == 1);
    assert((*plan)->child_count == 1 && (*plan)->children[0]->resolved);
    struct hr_plan *sort = *plan;
    struct shown shown;
    HR_TRY(remember(an, sort, &shown, err));
    HR_TRY(sort_all(an, sort, err));
    const struct hr_sort_node *node = HR_NODE(sort, sort);
    for (uint32_t i = 0; i < node->key_count; i++) {
        struct hr_expr *key = node->keys[i];
        HR_TRY(sort_key(an, sort, &key->args[0], err));
        key->type = key->args[0]->type;
        if (key->type->id == HR_T_MAP) return unorderable(an, key, err);
    }
    return carry_missing(an, plan, node->keys, node->key_count, &shown, err);
}

/* LIMIT and OFFSET ----------------------------------------------------------------------------- */

static hr_status bad_limit(struct hr_analyzer *an, hr_status code, const struct hr_expr *expr,
                           const char *name, const char *key, const char *value, int32_t pos,
                           int32_t end, struct hr_err *err)
{
    hr_err_raise(err, __FILE__, __LINE__, code, "expr", hr_expr_quoted(an->arena, expr), "name",
                 name, key, value, (char *)NULL);
    return hr_err_at(err, pos, end);
}

static hr_status fold_limit(struct hr_analyzer *an, const struct hr_plan *plan,
                            struct hr_expr *expr, const char *name, int64_t *ret,
                            struct hr_err *err)
{
    struct hr_names names = {.inputs = {plan->children[0]}, .input_count = 1};
    HR_TRY(hr_resolve(an, &names, &expr, err));
    int32_t pos = expr->sql_pos, end = expr->sql_end;
    if (!hr_expr_is_foldable(expr) || hr_expr_has_aggregate(expr))
        return bad_limit(an, HR_E_INVALID_LIMIT_IS_UNFOLDABLE, expr, name, NULL, NULL,
                         plan->sql_pos, plan->sql_end, err);
    if (hr_expr_is_literal_null(expr))
        return bad_limit(an, HR_E_INVALID_LIMIT_IS_NULL, expr, name, NULL, NULL, pos, end, err);
    if (!hr_type_is_integral(expr->type) || expr->type->id == HR_T_LONG) {
        const char *type = hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, expr->type));
        return bad_limit(an, HR_E_INVALID_LIMIT_DATA_TYPE, expr, name, "dataType", type, pos, end,
                         err);
    }
    struct hr_expr *wide = expr;
    HR_TRY(hr_expr_coerce(an->arena, an->conf, &wide, hr_type(HR_T_LONG), err));
    struct hr_column value;
    HR_TRY(hr_expr_fold(an->arena, an->conf, wide, &value, err));
    if (!hr_column_valid(&value, 0))
        return bad_limit(an, HR_E_INVALID_LIMIT_IS_NULL, expr, name, NULL, NULL, pos, end, err);
    int64_t v = *(const int64_t *)value.values;
    if (v < 0) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)v);
        return bad_limit(an, HR_E_INVALID_LIMIT_IS_NEGATIVE, expr, name, "v", text, pos, end, err);
    }
    *ret = v;
    return HR_OK;
}

hr_status hr_analyze_limit(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_LIMIT && (*plan)->child_count == 1);
    assert((*plan)->child_count == 1 && (*plan)->children[0]->resolved);
    struct hr_limit_node *limit = HR_NODE(limit, *plan);
    if (limit->limit_expr)
        HR_TRY(fold_limit(an, *plan, limit->limit_expr, "limit", &limit->limit, err));
    if (limit->offset_expr)
        HR_TRY(fold_limit(an, *plan, limit->offset_expr, "offset", &limit->offset, err));
    limit->limit_expr = limit->offset_expr = NULL;
    return hr_plan_refresh(an->arena, *plan, err);
}

/*
 * SELECT DISTINCT of a stream is a grouping by all columns, as in Spark: it obeys the output modes
 * of an aggregation, and a key that comes again is touched again.
 */
static hr_status group_by_all(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    const struct hr_plan *child = (*plan)->children[0];
    struct hr_expr **keys = HR_NEW_ARRAY(an->arena, struct hr_expr *, child->output_count + 1);
    if (!keys) return HR_OOM(err);
    for (uint32_t i = 0; i < child->output_count; i++) {
        keys[i] = hr_attr_ref(an->arena, &child->output[i]);
        if (!keys[i]) return HR_OOM(err);
    }
    struct hr_plan *agg = hr_plan_become(an->arena, HR_P_AGGREGATE, *plan);
    if (!agg) return HR_OOM(err);
    struct hr_aggregate_node *node = HR_NODE(aggregate, agg);
    /* Items that nobody asks for are dropped from their list, groups never are. */
    node->groups = keys;
    node->select.exprs = hr_arena_memdup(an->arena, keys, sizeof *keys * (child->output_count + 1));
    if (!node->select.exprs) return HR_OOM(err);
    node->select.expr_count = node->group_count = child->output_count;
    *plan = agg;
    return hr_plan_refresh(an->arena, agg, err);
}

/* DEDUPLICATE BY ALL: the columns that are in sight. */
static hr_status all_keys(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    struct hr_distinct_node *distinct = HR_NODE(distinct, plan);
    const struct hr_plan *child = plan->children[0];
    distinct->keys = HR_NEW_ARRAY(an->arena, struct hr_expr *, child->output_count + 1);
    if (!distinct->keys) return HR_OOM(err);
    for (uint32_t i = 0; i < child->output_count; i++) {
        if (child->output[i].hidden) continue;
        struct hr_expr *key = hr_attr_ref(an->arena, &child->output[i]);
        if (!key) return HR_OOM(err);
        distinct->keys[distinct->key_count++] = key;
    }
    return HR_OK;
}

/* On a stream: which key is the event time, else which other column. */
static hr_status find_time(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    struct hr_distinct_node *distinct = HR_NODE(distinct, plan);
    const struct hr_plan *child = plan->children[0];
    distinct->time_key = -1;
    for (uint32_t i = 0; i < distinct->key_count && distinct->time_key < 0; i++) {
        distinct->delay_us = hr_expr_watermark_delay(plan, distinct->keys[i]);
        if (distinct->delay_us < 0) continue;
        distinct->time = distinct->keys[i];
        distinct->time_key = (int32_t)i;
    }
    for (uint32_t i = 0; i < child->output_count && !distinct->time; i++) {
        if (child->output[i].watermark_delay_us < 0) continue;
        distinct->time = hr_attr_ref(an->arena, &child->output[i]);
        if (!distinct->time) return HR_OOM(err);
        distinct->delay_us = child->output[i].watermark_delay_us;
    }
    return HR_OK;
}

static hr_status map_key(struct hr_analyzer *an, const struct hr_plan *plan, const char *name,
                         const struct hr_type *of, struct hr_err *err)
{
    const char *type = hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, of));
    HR_RAISE(err, HR_E_SET_OPERATION_ON_MAP_TYPE, "colName", hr_quote_name(an->arena, &name, 1),
             "dataType", type ? type : "?");
    return hr_err_at(err, plan->sql_pos, plan->sql_end);
}

static hr_status analyze_deduplicate(struct hr_analyzer *an, struct hr_plan *plan,
                                     struct hr_err *err)
{
    struct hr_distinct_node *distinct = HR_NODE(distinct, plan);
    struct hr_names names = {.inputs = {plan->children[0]}, .input_count = 1};
    if (distinct->key_count == 0) HR_TRY(all_keys(an, plan, err));
    for (uint32_t i = 0; i < distinct->key_count; i++) {
        HR_TRY(hr_resolve(an, &names, &distinct->keys[i], err));
        const struct hr_expr *key = distinct->keys[i];
        if (key->type->id != HR_T_MAP) continue;
        return map_key(an, plan, hr_expr_text(an->arena, key), key->type, err);
    }
    if (plan->children[0]->is_streaming) HR_TRY(find_time(an, plan, err));
    return hr_plan_refresh(an->arena, plan, err);
}

hr_status hr_analyze_distinct(struct hr_analyzer *an, struct hr_plan **ret_plan, struct hr_err *err)
{
    assert((*ret_plan)->kind == HR_P_DISTINCT && (*ret_plan)->child_count == 1);
    assert((*ret_plan)->child_count == 1 && (*ret_plan)->children[0]->resolved);
    struct hr_plan *plan = *ret_plan;
    if (HR_NODE(distinct, plan)->by_keys) return analyze_deduplicate(an, plan, err);
    for (uint32_t i = 0; i < plan->children[0]->output_count; i++) {
        const struct hr_attr *attr = &plan->children[0]->output[i];
        if (attr->type->id == HR_T_MAP) return map_key(an, plan, attr->name, attr->type, err);
    }
    if (plan->children[0]->is_streaming && plan->children[0]->output_count)
        return group_by_all(an, ret_plan, err);
    return hr_plan_refresh(an->arena, plan, err);
}
