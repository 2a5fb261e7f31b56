/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PIVOT and UNPIVOT.
 *
 * PIVOT groups by what neither its aggregates nor its columns use. As in Spark it is done twice
 * over: by the groups and the pivot's columns, then by the groups alone, where each value takes the
 * one row that is its own, so that a group without it has NULL, for count() too. Where a result is
 * no number, each aggregate is computed once a value, over the rows that have it.
 *
 * UNPIVOT makes a row of each input row for each group of columns.
 */
#include "expr/program.h"
#include "plan/analyze.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/expand.h"
#include "plan/nodes/pivot.h"
#include "plan/nodes/unpivot.h"

struct pivot {
    struct hr_analyzer *an;
    struct hr_pivot_node *node;
    struct hr_plan *child;
    struct hr_expr *column;   /* the value that is compared: of several columns a struct */
    const char **value_names; /* of the values */
    struct hr_expr **values;  /* literals */
    const char **agg_names;   /* of the aggregates, for the names of the columns */
    struct hr_exprs groups;
};

/* Parts ---------------------------------------------------------------------------------------- */

static bool is_in_aggregate(const struct hr_expr *e, const struct hr_expr **ret_outside)
{
    if (hr_expr_is_aggregate(e)) return true;
    if (e->kind == HR_X_ATTR) {
        *ret_outside = e;
        return false;
    }
    for (uint32_t i = 0; i < e->arg_count; i++)
        if (!is_in_aggregate(e->args[i], ret_outside)) return false;
    return true;
}

static hr_status resolve_aggregates(struct pivot *p, struct hr_err *err)
{
    struct hr_names names = {.inputs = {p->child}, .input_count = 1};
    p->agg_names = HR_NEW_ARRAY(p->an->arena, const char *, p->node->aggregate_count + 1);
    if (!p->agg_names) return HR_OOM(err);
    for (uint32_t i = 0; i < p->node->aggregate_count; i++) {
        struct hr_expr **agg = &p->node->aggregates[i];
        const struct hr_expr *outside = NULL;
        HR_TRY(hr_resolve(p->an, &names, agg, err));
        bool named = (*agg)->kind == HR_X_ALIAS;
        struct hr_expr *value = hr_expr_strip_alias(*agg);
        p->agg_names[i] = named ? (*agg)->name : hr_expr_text(p->an->arena, value);
        *agg = value;
        if (is_in_aggregate(value, &outside) && hr_expr_has_aggregate(value)) continue;
        const char *text = hr_qualified_text(p->an, outside ? outside : value, p->child);
        HR_RAISE(err, HR_E_PIVOT_NO_AGGREGATE, "sql", text);
        return hr_err_at(err, value->sql_pos, value->sql_end);
    }
    return HR_OK;
}

static hr_status struct_of(struct hr_analyzer *an, struct hr_expr *const *fields, uint32_t count,
                           struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr **args = HR_NEW_ARRAY(an->arena, struct hr_expr *, count + 1);
    if (!args) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        if (!(args[i] = hr_expr_copy(an->arena, fields[i]))) return HR_OOM(err);
    return hr_call(an->arena, an->conf, "struct", args, count, ret, err);
}

static bool has_map(const struct hr_type *type)
{
    bool found = type->id == HR_T_MAP;
    for (uint32_t i = 0; i < type->field_count && !found; i++)
        found = has_map(type->fields[i].type);
    return found;
}

static hr_status resolve_columns(struct pivot *p, struct hr_err *err)
{
    struct hr_names names = {.inputs = {p->child}, .input_count = 1};
    for (uint32_t i = 0; i < p->node->column_count; i++) {
        struct hr_expr **column = &p->node->columns[i];
        HR_TRY(hr_resolve(p->an, &names, column, err));
        if (!has_map((*column)->type)) continue;
        const char *name = (*column)->name ? (*column)->name : hr_expr_text(p->an->arena, *column);
        return HR_RAISE(err, HR_E_INCOMPARABLE_PIVOT_COLUMN, "columnName",
                        hr_quote_name(p->an->arena, &name, 1));
    }
    if (p->node->column_count == 1) {
        p->column = p->node->columns[0];
        return HR_OK;
    }
    return struct_of(p->an, p->node->columns, p->node->column_count, &p->column, err);
}

static hr_status value_mismatch(struct pivot *p, const struct hr_expr *value, struct hr_err *err)
{
    struct hr_arena *arena = p->an->arena;
    return HR_RAISE(err, HR_E_PIVOT_VALUE_DATA_TYPE_MISMATCH, "value", hr_expr_text(arena, value),
                    "valueType", hr_type_simple(arena, value->type), "pivotType",
                    hr_type_simple(arena, p->column->type));
}

/* A value as a literal of the column's type, and the name that it gives. */
static hr_status resolve_value(struct pivot *p, uint32_t i, struct hr_err *err)
{
    struct hr_analyzer *an = p->an;
    struct hr_names names = {.inputs = {p->child}, .input_count = 1};
    struct hr_expr *value = p->node->values[i];
    struct hr_buf text = {0};
    HR_TRY(hr_resolve(an, &names, &value, err));
    bool named = value->kind == HR_X_ALIAS;
    if (named) p->value_names[i] = value->name;
    value = hr_expr_strip_alias(value);
    if (!hr_expr_is_foldable(value) || hr_expr_has_aggregate(value))
        return HR_RAISE(err, HR_E_NON_LITERAL_PIVOT_VALUES, "expression",
                        hr_expr_quoted(an->arena, value));
    if (!hr_type_same(value->type, p->column->type)) {
        bool one_is_struct =
            (value->type->id == HR_T_STRUCT) != (p->column->type->id == HR_T_STRUCT);
        if (one_is_struct || !hr_type_can_cast(value->type, p->column->type))
            return value_mismatch(p, value, err);
        value = hr_expr_cast(an->arena, value, p->column->type);
        if (!value) return HR_OOM(err);
        value->sql_pos = p->node->plan.sql_pos;
        value->sql_end = p->node->plan.sql_end;
        HR_TRY(hr_expr_resolve_node(an->arena, an->conf, value, err));
    }
    struct hr_expr *literal = hr_expr_new(an->arena, HR_X_LITERAL);
    struct hr_column *folded = HR_NEW(an->arena, struct hr_column);
    if (!literal || !folded) return HR_OOM(err);
    HR_TRY(hr_expr_fold(an->arena, an->conf, value, folded, err));
    literal->literal = folded;
    literal->type = p->column->type;
    literal->nullable = !hr_column_valid(folded, 0);
    p->values[i] = literal;
    if (named) return HR_OK;
    hr_column_print(folded, 0, an->conf->tz, &text);
    p->value_names[i] = hr_arena_strdup(an->arena, literal->nullable ? "null" : hr_buf_cstr(&text));
    hr_buf_done(&text);
    return p->value_names[i] ? HR_OK : HR_OOM(err);
}

static hr_status resolve_values(struct pivot *p, struct hr_err *err)
{
    uint32_t count = p->node->value_count;
    p->values = HR_NEW_ARRAY(p->an->arena, struct hr_expr *, count + 1);
    p->value_names = HR_NEW_ARRAY(p->an->arena, const char *, count + 1);
    if (!p->values || !p->value_names) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) HR_TRY(resolve_value(p, i, err));
    return HR_OK;
}

static bool is_used(const struct pivot *p, uint32_t attr_id)
{
    for (uint32_t i = 0; i < p->node->aggregate_count; i++)
        if (hr_expr_uses(p->node->aggregates[i], attr_id)) return true;
    for (uint32_t i = 0; i < p->node->column_count; i++)
        if (hr_expr_uses(p->node->columns[i], attr_id)) return true;
    return false;
}

static hr_status find_groups(struct pivot *p, struct hr_err *err)
{
    for (uint32_t i = 0; i < p->child->output_count; i++) {
        const struct hr_attr *attr = &p->child->output[i];
        if (attr->hidden || is_used(p, attr->id)) continue;
        struct hr_expr *ref = hr_attr_ref(p->an->arena, attr);
        if (!ref || !HR_VEC_PUSH(p->an->arena, &p->groups, ref)) return HR_OOM(err);
    }
    return HR_OK;
}

/* The aggregations ----------------------------------------------------------------------------- */

static hr_status push_copy(struct pivot *p, struct hr_exprs *list, const struct hr_expr *e,
                           struct hr_err *err)
{
    struct hr_expr *copy = hr_expr_copy(p->an->arena, e);
    return copy && HR_VEC_PUSH(p->an->arena, list, copy) ? HR_OK : HR_OOM(err);
}

static hr_status push_alias(struct pivot *p, struct hr_exprs *list, struct hr_expr *e,
                            const char *name, struct hr_err *err)
{
    struct hr_expr *alias = hr_expr_alias(p->an->arena, e, name);
    return alias && HR_VEC_PUSH(p->an->arena, list, alias) ? HR_OK : HR_OOM(err);
}

/* SELECT items FROM child GROUP BY groups. */
static hr_status aggregate(struct pivot *p, struct hr_plan *child, const struct hr_exprs *items,
                           const struct hr_exprs *groups, struct hr_plan **ret, struct hr_err *err)
{
    struct hr_plan *plan = hr_plan_new1(p->an->arena, HR_P_AGGREGATE, child);
    if (!plan) return HR_OOM(err);
    plan->sql_pos = p->node->plan.sql_pos;
    plan->sql_end = p->node->plan.sql_end;
    hr_select_of(plan)->exprs = items->items;
    hr_select_of(plan)->expr_count = items->count;
    HR_NODE(aggregate, plan)->groups = groups->items;
    HR_NODE(aggregate, plan)->group_count = groups->count;
    *ret = plan;
    return hr_analyze(p->an, ret, err);
}

static hr_status column_name(struct pivot *p, uint32_t value, uint32_t agg, const char **ret,
                             struct hr_err *err)
{
    *ret = p->value_names[value];
    if (p->node->aggregate_count == 1) return HR_OK;
    *ret = hr_arena_printf(p->an->arena, "%s_%s", p->value_names[value], p->agg_names[agg]);
    return *ret ? HR_OK : HR_OOM(err);
}

static hr_status is_value(struct pivot *p, const struct hr_expr *column, uint32_t value,
                          struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *args[] = {hr_expr_copy(p->an->arena, column),
                              hr_expr_copy(p->an->arena, p->values[value])};
    if (!args[0] || !args[1]) return HR_OOM(err);
    return hr_call(p->an->arena, p->an->conf, "<=>", args, 2, ret, err);
}

/* Spark's PivotFirst knows numbers and booleans. */
static bool all_are_numbers(const struct pivot *p)
{
    for (uint32_t i = 0; i < p->node->aggregate_count; i++) {
        const struct hr_type *type = p->node->aggregates[i]->type;
        if (!hr_type_is_numeric(type) && type->id != HR_T_BOOLEAN) return false;
    }
    return true;
}

static hr_status first_of(struct pivot *p, const struct hr_attr *attr, struct hr_expr *condition,
                          struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *arg = hr_attr_ref(p->an->arena, attr);
    if (!arg) return HR_OOM(err);
    struct hr_expr *call = hr_expr_call(p->an->arena, "first", &arg, 1);
    if (!call) return HR_OOM(err);
    call->filter = condition;
    *ret = call;
    return HR_OK;
}

static hr_status pivot_in_two_steps(struct pivot *p, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_exprs items = {0}, groups = {0};
    uint32_t own = p->groups.count, aggs = p->node->aggregate_count;
    for (uint32_t i = 0; i < own; i++) {
        HR_TRY(push_copy(p, &items, p->groups.items[i], err));
        HR_TRY(push_copy(p, &groups, p->groups.items[i], err));
    }
    for (uint32_t i = 0; i < aggs; i++)
        HR_TRY(push_alias(p, &items, p->node->aggregates[i], p->agg_names[i], err));
    HR_TRY(push_alias(p, &items, p->column, "__pivot", err));
    HR_TRY(push_copy(p, &groups, p->column, err));
    struct hr_plan *first = NULL;
    HR_TRY(aggregate(p, p->child, &items, &groups, &first, err));
    struct hr_expr *column = hr_attr_ref(p->an->arena, &first->output[own + aggs]);
    if (!column) return HR_OOM(err);
    items = groups = (struct hr_exprs){0};
    for (uint32_t i = 0; i < own; i++) {
        HR_TRY(push_copy(p, &items, p->groups.items[i], err));
        HR_TRY(push_copy(p, &groups, p->groups.items[i], err));
    }
    for (uint32_t v = 0; v < p->node->value_count; v++) {
        for (uint32_t i = 0; i < aggs; i++) {
            struct hr_expr *condition = NULL, *call = NULL;
            const char *name = NULL;
            HR_TRY(column_name(p, v, i, &name, err));
            HR_TRY(is_value(p, column, v, &condition, err));
            HR_TRY(first_of(p, &first->output[own + i], condition, &call, err));
            HR_TRY(push_alias(p, &items, call, name, err));
        }
    }
    return aggregate(p, first, &items, &groups, plan, err);
}

struct restrict_to {
    struct pivot *p;
    uint32_t value;
};

/* agg(x) FILTER (WHERE f) → agg(x) FILTER (WHERE f AND column <=> value); first and last skip
 * NULLs, as Spark's rewriting makes them. */
static hr_status restrict_aggregate(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct restrict_to *r = arg;
    struct hr_arena *arena = r->p->an->arena;
    struct hr_expr *e = *expr, *condition = NULL;
    if (!hr_expr_is_aggregate(e)) return HR_OK;
    HR_TRY(is_value(r->p, r->p->column, r->value, &condition, err));
    if (e->filter) {
        struct hr_expr *both[] = {e->filter, condition};
        HR_TRY(hr_call(arena, r->p->an->conf, "and", both, 2, &condition, err));
    }
    e->filter = condition;
    enum hr_function_role role = hr_expr_role(e);
    if ((role != HR_ROLE_FIRST && role != HR_ROLE_LAST) || e->arg_count != 1) return HR_OK;
    struct hr_expr *args[] = {e->args[0], hr_expr_bool(arena, true)};
    struct hr_expr *call = args[1] ? hr_expr_call(arena, e->name, args, 2) : NULL;
    if (!call) return HR_OOM(err);
    call->filter = condition;
    *expr = call;
    return hr_expr_resolve_node(arena, r->p->an->conf, call, err);
}

static hr_status pivot_by_value(struct pivot *p, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_exprs items = {0}, groups = {0};
    for (uint32_t i = 0; i < p->groups.count; i++) {
        HR_TRY(push_copy(p, &items, p->groups.items[i], err));
        HR_TRY(push_copy(p, &groups, p->groups.items[i], err));
    }
    for (uint32_t v = 0; v < p->node->value_count; v++) {
        for (uint32_t i = 0; i < p->node->aggregate_count; i++) {
            struct restrict_to to = {p, v};
            struct hr_expr *agg = hr_expr_copy(p->an->arena, p->node->aggregates[i]);
            const char *name = NULL;
            if (!agg) return HR_OOM(err);
            HR_TRY(hr_expr_rewrite(&agg, restrict_aggregate, &to, err));
            HR_TRY(column_name(p, v, i, &name, err));
            HR_TRY(push_alias(p, &items, agg, name, err));
        }
    }
    return aggregate(p, p->child, &items, &groups, plan, err);
}

hr_status hr_analyze_pivot(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct pivot p = {.an = an, .node = HR_NODE(pivot, *plan), .child = (*plan)->children[0]};
    HR_TRY(resolve_aggregates(&p, err));
    HR_TRY(resolve_columns(&p, err));
    HR_TRY(resolve_values(&p, err));
    HR_TRY(find_groups(&p, err));
    return all_are_numbers(&p) ? pivot_in_two_steps(&p, plan, err) : pivot_by_value(&p, plan, err);
}

/* UNPIVOT -------------------------------------------------------------------------------------- */

static hr_status not_columns(struct hr_analyzer *an, const struct hr_unpivot_node *node,
                             const struct hr_plan *child, struct hr_err *err)
{
    const char *text = "";
    for (uint32_t i = 0; i < node->row_count; i++) {
        for (uint32_t j = 0; j < node->row_width && text; j++) {
            const struct hr_expr *e = node->rows[i][j];
            if (e->kind == HR_X_ATTR) continue;
            text = hr_arena_printf(an->arena, "%s%s\"%s AS %s\"", text, *text ? ", " : "",
                                   hr_expr_text(an->arena, e), e->name ? e->name : "?");
        }
    }
    HR_UNUSED(child);
    return HR_RAISE(err, HR_E_UNPIVOT_REQUIRES_ATTRIBUTES, "given", "value", "empty", "id",
                    "expressions", text ? text : "?");
}

static hr_status resolve_rows(struct hr_analyzer *an, struct hr_unpivot_node *node,
                              const struct hr_plan *child, struct hr_err *err)
{
    struct hr_names names = {.inputs = {child}, .input_count = 1};
    bool all_attrs = true;
    for (uint32_t i = 0; i < node->row_count; i++) {
        for (uint32_t j = 0; j < node->row_width; j++) {
            HR_TRY(hr_resolve(an, &names, &node->rows[i][j], err));
            all_attrs = all_attrs && node->rows[i][j]->kind == HR_X_ATTR;
        }
    }
    return all_attrs ? HR_OK : not_columns(an, node, child, err);
}

static hr_status values_mismatch(struct hr_analyzer *an, const struct hr_unpivot_node *node,
                                 uint32_t at, struct hr_err *err)
{
    const char *text = "";
    for (uint32_t i = 0; text && i < node->row_count; i++) {
        const struct hr_expr *e = node->rows[i][at];
        bool seen = false;
        for (uint32_t k = 0; k < i; k++)
            seen = seen || hr_type_same(node->rows[k][at]->type, e->type);
        if (seen) continue;
        const char *names = "";
        for (uint32_t k = i; names && k < node->row_count; k++) {
            const struct hr_expr *same = node->rows[k][at];
            if (!hr_type_same(same->type, e->type)) continue;
            names = hr_arena_printf(an->arena, "%s%s`%s`", names, *names ? ", " : "", same->name);
        }
        text = hr_arena_printf(an->arena, "%s%s\"%s\" (%s)", text, i ? ", " : "",
                               hr_type_sql(an->arena, e->type), names ? names : "?");
    }
    return HR_RAISE(err, HR_E_UNPIVOT_VALUE_DATA_TYPE_MISMATCH, "types", text ? text : "?");
}

/* No text beside another type: as in an inline table. */
static hr_status common_type(struct hr_analyzer *an, const struct hr_unpivot_node *node,
                             uint32_t at, const struct hr_type **ret, bool *ret_nullable,
                             struct hr_err *err)
{
    const struct hr_type *type = node->rows[0][at]->type;
    *ret_nullable = false;
    for (uint32_t i = 0; i < node->row_count; i++) {
        const struct hr_type *other = node->rows[i][at]->type;
        *ret_nullable = *ret_nullable || node->rows[i][at]->nullable;
        if (hr_type_same(type, other)) continue;
        bool mixed = (type->id == HR_T_STRING) != (other->id == HR_T_STRING) &&
                     type->id != HR_T_NULL && other->id != HR_T_NULL;
        type = mixed ? NULL : hr_type_common(type, other);
        if (!type) return values_mismatch(an, node, at, err);
    }
    *ret = type;
    return HR_OK;
}

static hr_status group_name(struct hr_analyzer *an, const struct hr_unpivot_node *node, uint32_t i,
                            struct hr_expr **ret, struct hr_err *err)
{
    const char *name = node->aliases[i];
    for (uint32_t j = 0; !node->aliases[i] && j < node->row_width; j++) {
        name = hr_arena_printf(an->arena, "%s%s%s", j ? name : "", j ? "_" : "",
                               node->rows[i][j]->name);
        if (!name) return HR_OOM(err);
    }
    *ret = hr_expr_string(an->arena, hr_sv(name));
    return *ret ? HR_OK : HR_OOM(err);
}

static bool is_value_column(const struct hr_unpivot_node *node, uint32_t attr_id)
{
    for (uint32_t i = 0; i < node->row_count; i++)
        for (uint32_t j = 0; j < node->row_width; j++)
            if (node->rows[i][j]->attr_id == attr_id) return true;
    return false;
}

static struct hr_attr new_attr(const char *name, const struct hr_type *type, bool nullable)
{
    return (struct hr_attr){.id = hr_expr_next_attr_id(),
                            .name = name,
                            .type = type,
                            .nullable = nullable,
                            .watermark_delay_us = -1};
}

/* The other columns, which group it is, its values. */
static hr_status expand(struct hr_analyzer *an, struct hr_unpivot_node *node, struct hr_plan *child,
                        struct hr_plan **ret, struct hr_err *err)
{
    struct hr_plan *plan = hr_plan_new1(an->arena, HR_P_EXPAND, child);
    if (!plan) return HR_OOM(err);
    struct hr_expand_node *out = HR_NODE(expand, plan);
    uint32_t at = 0, room = child->output_count + 1 + node->row_width;
    out->rows = HR_NEW_ARRAY(an->arena, struct hr_expr **, node->row_count);
    plan->output = HR_NEW_ARRAY(an->arena, struct hr_attr, room);
    if (!out->rows || !plan->output) return HR_OOM(err);
    for (uint32_t i = 0; i < node->row_count; i++) {
        out->rows[i] = HR_NEW_ARRAY(an->arena, struct hr_expr *, room);
        if (!out->rows[i]) return HR_OOM(err);
    }
    for (uint32_t c = 0; c < child->output_count; c++) {
        const struct hr_attr *attr = &child->output[c];
        if (attr->hidden || is_value_column(node, attr->id)) continue;
        for (uint32_t i = 0; i < node->row_count; i++)
            if (!(out->rows[i][at] = hr_attr_ref(an->arena, attr))) return HR_OOM(err);
        plan->output[at++] = *attr;
    }
    for (uint32_t i = 0; i < node->row_count; i++)
        HR_TRY(group_name(an, node, i, &out->rows[i][at], err));
    plan->output[at++] = new_attr(node->name, hr_type(HR_T_STRING), false);
    for (uint32_t j = 0; j < node->row_width; j++) {
        const struct hr_type *type = NULL;
        bool nullable = false;
        HR_TRY(common_type(an, node, j, &type, &nullable, err));
        for (uint32_t i = 0; i < node->row_count; i++) {
            out->rows[i][at] = hr_expr_copy(an->arena, node->rows[i][j]);
            if (!out->rows[i][at]) return HR_OOM(err);
            HR_TRY(hr_expr_coerce(an->arena, an->conf, &out->rows[i][at], type, err));
        }
        plan->output[at++] = new_attr(node->values[j], type, nullable);
    }
    out->row_count = node->row_count;
    out->row_width = plan->output_count = at;
    *ret = plan;
    return hr_plan_refresh(an->arena, plan, err);
}

/* A row whose values are all NULL is left out. */
static hr_status exclude_nulls(struct hr_analyzer *an, const struct hr_unpivot_node *node,
                               struct hr_plan **plan, struct hr_err *err)
{
    struct hr_expr *any = NULL;
    uint32_t first = (*plan)->output_count - node->row_width;
    for (uint32_t j = 0; j < node->row_width; j++) {
        struct hr_expr *value = hr_attr_ref(an->arena, &(*plan)->output[first + j]), *is = NULL;
        if (!value) return HR_OOM(err);
        HR_TRY(hr_call(an->arena, an->conf, "isnotnull", &value, 1, &is, err));
        struct hr_expr *both[] = {any, is};
        if (!any)
            any = is;
        else
            HR_TRY(hr_call(an->arena, an->conf, "or", both, 2, &any, err));
    }
    return hr_plan_filter(an->arena, *plan, any, plan, err);
}

hr_status hr_analyze_unpivot(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_unpivot_node *node = HR_NODE(unpivot, *plan);
    struct hr_plan *child = (*plan)->children[0];
    if (node->row_width != node->value_count) {
        const char *names = "";
        for (uint32_t i = 0; names && i < node->value_count; i++)
            names = hr_arena_printf(an->arena, "%s%s%s", names, i ? ", " : "", node->values[i]);
        HR_RAISE(err, HR_E_UNPIVOT_VALUE_SIZE_MISMATCH, "names", names ? names : "?");
        return hr_err_at(err, (*plan)->sql_pos, (*plan)->sql_end);
    }
    HR_TRY(resolve_rows(an, node, child, err));
    HR_TRY(expand(an, node, child, plan, err));
    return node->include_nulls ? HR_OK : exclude_nulls(an, node, plan, err);
}
