/* SPDX-License-Identifier: Apache-2.0 */
/* Filters → bounds, and what statistics say to them. */
#include "format/bound.h"

struct maker {
    struct hr_arena *arena;
    const struct hr_type *over, *wanted;
    HR_VEC(struct hr_bound) bounds;
};

/* The number in wanted of a column that filters name; -1: none, or expr is something else. */
static int32_t column_of(const struct maker *m, const struct hr_expr *expr)
{
    if (expr->kind != HR_X_COLUMN) return -1;
    assert(expr->ordinal < m->over->field_count);
    const char *name = m->over->fields[expr->ordinal].name;
    int32_t at = hr_type_field_index(m->wanted, hr_sv(name));
    return at >= 0 && m->wanted->fields[at].type == expr->type ? at : -1;
}

static bool is_value(const struct hr_expr *expr, const struct hr_type *type)
{
    return expr->kind == HR_X_LITERAL && expr->type == type && hr_column_valid(expr->literal, 0);
}

static hr_status add(struct maker *m, int32_t column, enum hr_bound_op op,
                     struct hr_expr *const *values, uint32_t count, struct hr_err *err)
{
    const struct hr_column **columns = HR_NEW_ARRAY(m->arena, const struct hr_column *, count + 1);
    if (!columns) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) columns[i] = values[i]->literal;
    struct hr_bound bound = {(uint32_t)column, op, columns, count};
    return HR_VEC_PUSH(m->arena, &m->bounds, bound) ? HR_OK : HR_OOM(err);
}

/* column op literal, or the other way round. */
static hr_status add_comparison(struct maker *m, const struct hr_expr *call, struct hr_err *err)
{
    static const struct {
        const char *name;
        enum hr_bound_op op, turned;
    } ops[] = {{"=", HR_BOUND_EQ, HR_BOUND_EQ},
               {"<", HR_BOUND_LT, HR_BOUND_GT},
               {"<=", HR_BOUND_LE, HR_BOUND_GE},
               {">", HR_BOUND_GT, HR_BOUND_LT},
               {">=", HR_BOUND_GE, HR_BOUND_LE}};
    if (call->arg_count != 2) return HR_OK;
    bool turned = call->args[0]->kind == HR_X_LITERAL;
    struct hr_expr *column = call->args[turned], *value = call->args[!turned];
    int32_t at = column_of(m, column);
    if (at < 0 || !is_value(value, column->type)) return HR_OK;
    for (size_t i = 0; i < HR_COUNT(ops); i++)
        if (strcmp(call->name, ops[i].name) == 0)
            return add(m, at, turned ? ops[i].turned : ops[i].op, &value, 1, err);
    return HR_OK;
}

static hr_status add_filter(struct maker *m, const struct hr_expr *filter, struct hr_err *err)
{
    if (filter->kind != HR_X_CALL || filter->arg_count == 0) return HR_OK;
    int32_t at = column_of(m, filter->args[0]);
    if (strcmp(filter->name, "and") == 0) {
        for (uint32_t i = 0; i < filter->arg_count; i++)
            HR_TRY(add_filter(m, filter->args[i], err));
        return HR_OK;
    }
    if (at >= 0 && strcmp(filter->name, "isnull") == 0)
        return add(m, at, HR_BOUND_NULL, NULL, 0, err);
    if (at >= 0 && strcmp(filter->name, "isnotnull") == 0)
        return add(m, at, HR_BOUND_NOT_NULL, NULL, 0, err);
    if (at >= 0 && strcmp(filter->name, "in") == 0) {
        for (uint32_t i = 1; i < filter->arg_count; i++)
            if (!is_value(filter->args[i], filter->args[0]->type)) return HR_OK;
        return add(m, at, HR_BOUND_IN, filter->args + 1, filter->arg_count - 1, err);
    }
    return add_comparison(m, filter, err);
}

hr_status hr_bounds_of(struct hr_arena *arena, struct hr_expr *const *filters, uint32_t count,
                       const struct hr_type *over, const struct hr_type *wanted,
                       const struct hr_bound **ret, uint32_t *ret_count, struct hr_err *err)
{
    struct maker m = {.arena = arena, .over = over, .wanted = wanted};
    for (uint32_t i = 0; i < count; i++) HR_TRY(add_filter(&m, filters[i], err));
    *ret = m.bounds.items;
    *ret_count = m.bounds.count;
    return HR_OK;
}

static bool in_range(const struct hr_column *value, const struct hr_bound_range *range)
{
    if (range->min && hr_column_compare(value, 0, range->min, 0) < 0) return false;
    return !range->max || hr_column_compare(value, 0, range->max, 0) <= 0;
}

bool hr_bound_may_hold(const struct hr_bound *bound, const struct hr_bound_range *range)
{
    if (bound->op == HR_BOUND_NULL) return !range->no_nulls;
    if (range->only_nulls) return false;
    if (bound->op == HR_BOUND_NOT_NULL) return true;
    assert(bound->value_count > 0);
    const struct hr_column *value = bound->values[0], *min = range->min, *max = range->max;
    /* NaN is above all values and in no statistics. */
    enum hr_type_id id = value->type->id;
    struct hr_bound_range known = *range;
    if (id == HR_T_FLOAT || id == HR_T_DOUBLE) known.max = max = NULL;
    switch (bound->op) {
    case HR_BOUND_LT: return !min || hr_column_compare(min, 0, value, 0) < 0;
    case HR_BOUND_LE: return !min || hr_column_compare(min, 0, value, 0) <= 0;
    case HR_BOUND_GT: return !max || hr_column_compare(max, 0, value, 0) > 0;
    case HR_BOUND_GE: return !max || hr_column_compare(max, 0, value, 0) >= 0;
    default: break;
    }
    for (uint32_t i = 0; i < bound->value_count; i++)
        if (in_range(bound->values[i], &known)) return true;
    return false;
}
