/* SPDX-License-Identifier: Apache-2.0 */
/* Which arguments the functions of arrays take, and what they make of them. */
#include "expr/functions/functions.h"
#include "expr/internal.h"

/* Spark's TypeCoercion.findTightestCommonType: nothing is lost, so decimals of two types have none.
 * FLOAT holds every integer here. */
static const struct hr_type *tightest(const struct hr_type *a, const struct hr_type *b)
{
    if (a == b || b->id == HR_T_NULL) return a;
    if (a->id == HR_T_NULL) return b;
    if (hr_type_is_numeric(a) && hr_type_is_numeric(b)) {
        if (a->id != HR_T_DECIMAL && b->id != HR_T_DECIMAL) return a->id > b->id ? a : b;
        if (a->id != HR_T_DECIMAL) {
            const struct hr_type *swap = a;
            a = b;
            b = swap;
        }
        if (!hr_type_is_integral(b)) return NULL;
        const struct hr_type *whole = hr_type_decimal_for(b);
        return a->precision - a->scale >= whole->precision ? a : NULL;
    }
    if (a->id == HR_T_ARRAY && b->id == HR_T_ARRAY) {
        const struct hr_type *e = tightest(a->fields[0].type, b->fields[0].type);
        return e ? hr_type_array(e, a->fields[0].nullable || b->fields[0].nullable) : NULL;
    }
    return hr_type_tightest(a, b);
}

static const char *shown_name(struct hr_arena *arena, const struct hr_expr *call)
{
    const char *name = hr_arena_printf(arena, "`%s`", call->function->name);
    return name ? name : "?";
}

static hr_status unordered(struct hr_arena *arena, const struct hr_expr *call,
                           const struct hr_type *type, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ORDERING_TYPE, "sqlExpr",
                    hr_expr_quoted(arena, call), "functionName", shown_name(arena, call),
                    "dataType", hr_type_quoted(arena, type));
}

static hr_status element_differs(struct hr_arena *arena, const struct hr_expr *call,
                                 uint32_t value, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_ARRAY_FUNCTION_DIFF_TYPES, "sqlExpr",
                    hr_expr_quoted(arena, call), "functionName", shown_name(arena, call),
                    "dataType", "\"ARRAY\"", "leftType",
                    hr_type_quoted(arena, call->args[0]->type), "rightType",
                    hr_type_quoted(arena, call->args[value]->type));
}

/* Casts an array and an element to their common type: NULL where there is none. */
static hr_status join_element(struct hr_arena *arena, struct hr_expr *call, bool wider,
                              const struct hr_type **ret, struct hr_err *err)
{
    const struct hr_type *t = call->args[0]->type, *v = call->args[1]->type;
    const struct hr_type *e = NULL;
    if (t->id == HR_T_ARRAY)
        e = wider ? hr_type_tightest(t->fields[0].type, v) : tightest(t->fields[0].type, v);
    *ret = e;
    if (!e) return HR_OK;
    HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type_array(e, t->fields[0].nullable), err));
    return hr_resolve_cast(arena, &call->args[1], e, err);
}

/* array_contains takes what both can be widened to, array_position nothing that loses. */
hr_status hr_bind_array_search(HR_BIND_ARGS)
{
    bool contains = strcmp(call->function->name, "array_contains") == 0;
    const struct hr_type *t = call->args[0]->type, *e;
    HR_UNUSED(conf);
    if (t->id == HR_T_NULL || (call->args[1]->type->id == HR_T_NULL && contains))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NULL_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", shown_name(arena, call));
    if (t->id != HR_T_ARRAY) return hr_resolve_unexpected_type(arena, call, 0, "\"ARRAY\"", err);
    HR_TRY(join_element(arena, call, contains, &e, err));
    if (!e) return element_differs(arena, call, 1, err);
    return hr_type_is_orderable(e) ? HR_OK : unordered(arena, call, e, err);
}

hr_status hr_bind_array_edit(HR_BIND_ARGS)
{
    bool remove = strcmp(call->function->name, "array_remove") == 0;
    const struct hr_type *t = call->args[0]->type, *e;
    bool null_value = call->args[1]->nullable;
    HR_UNUSED(conf);
    if (t->id != HR_T_ARRAY && !remove)
        return hr_resolve_unexpected_type(arena, call, 0, "\"ARRAY\"", err);
    HR_TRY(join_element(arena, call, false, &e, err));
    if (!e) return element_differs(arena, call, 1, err);
    if (remove && !hr_type_is_orderable(e)) return unordered(arena, call, e, err);
    call->type = hr_type_array(e, t->fields[0].nullable || (null_value && !remove));
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_bind_array_insert(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type, *at = call->args[1]->type, *e = NULL;
    HR_UNUSED(conf);
    if (t->id == HR_T_ARRAY) e = tightest(t->fields[0].type, call->args[2]->type);
    if (!hr_type_is_integral(at) || at->id == HR_T_LONG)
        if (t->id == HR_T_ARRAY && at->id != HR_T_NULL)
            return hr_resolve_unexpected_type(arena, call, 1, "\"INT\"", err);
    if (!e) return element_differs(arena, call, 2, err);
    HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type_array(e, t->fields[0].nullable), err));
    HR_TRY(hr_resolve_cast(arena, &call->args[1], hr_type(HR_T_INT), err));
    HR_TRY(hr_resolve_cast(arena, &call->args[2], e, err));
    call->type = hr_type_array(e, true);
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_bind_array_extreme(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type;
    HR_UNUSED(conf);
    bool fit = t->id != HR_T_ARRAY || hr_type_is_orderable(t->fields[0].type);
    return fit ? HR_OK : unordered(arena, call, t->fields[0].type, err);
}

/* Two arrays as sets. */
hr_status hr_bind_arrays(HR_BIND_ARGS)
{
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type, *e = NULL;
    HR_UNUSED(conf);
    if (a->id == HR_T_ARRAY && b->id == HR_T_ARRAY)
        e = tightest(a->fields[0].type, b->fields[0].type);
    if (!e)
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_BINARY_ARRAY_DIFF_TYPES, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", shown_name(arena, call),
                        "arrayType", "\"ARRAY\"", "leftType", hr_type_quoted(arena, a),
                        "rightType", hr_type_quoted(arena, b));
    if (!hr_type_is_orderable(e)) return unordered(arena, call, e, err);
    bool nulls = a->fields[0].nullable || b->fields[0].nullable;
    HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type_array(e, a->fields[0].nullable), err));
    HR_TRY(hr_resolve_cast(arena, &call->args[1], hr_type_array(e, b->fields[0].nullable), err));
    if (!call->type) call->type = hr_type_array(e, nulls);
    return call->type ? HR_OK : HR_OOM(err);
}

/* --- Elements and values of maps ---------------------------------------------------------------*/

static hr_status key_differs(struct hr_arena *arena, const struct hr_expr *call, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_MAP_FUNCTION_DIFF_TYPES, "sqlExpr",
                    hr_expr_quoted(arena, call), "functionName", shown_name(arena, call),
                    "dataType", "\"MAP\"", "leftType", hr_type_quoted(arena, call->args[0]->type),
                    "rightType", hr_type_quoted(arena, call->args[1]->type));
}

/* The map's keys and argument 1 become one type. */
static hr_status join_key(struct hr_arena *arena, struct hr_expr *call, struct hr_err *err)
{
    const struct hr_type *t = call->args[0]->type;
    const struct hr_type *k = tightest(t->fields[0].type, call->args[1]->type);
    if (!k) return key_differs(arena, call, err);
    const struct hr_type *map = hr_type_map(k, t->fields[1].type, t->fields[1].nullable);
    if (!map) return HR_OOM(err);
    HR_TRY(hr_resolve_cast(arena, &call->args[0], map, err));
    return hr_resolve_cast(arena, &call->args[1], k, err);
}

hr_status hr_bind_map_contains_key(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    if (call->args[0]->type->id != HR_T_MAP && call->args[1]->type->id != HR_T_NULL)
        return key_differs(arena, call, err);
    if (call->args[1]->type->id == HR_T_NULL)
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NULL_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", shown_name(arena, call));
    return join_key(arena, call, err);
}

static hr_status field_by_text(HR_BIND_ARGS)
{
    struct hr_str_view name;
    if (!hr_resolve_const_string(arena, conf, call->args[1], &name))
        return HR_RAISE(err, HR_E_INVALID_EXTRACT_FIELD, "field",
                        hr_expr_quoted(arena, call->args[1]), "expr", hr_expr_quoted(arena, call));
    call->kind = HR_X_FIELD;
    call->name = hr_arena_strndup(arena, name.ptr, name.len);
    call->arg_count = 1;
    call->function = NULL;
    return call->name ? hr_expr_resolve_node(arena, conf, call, err) : HR_OOM(err);
}

/* a[i] */
static hr_status bind_subscript(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type, *index = call->args[1]->type;
    if (t->id == HR_T_NULL) { /* of nothing there is nothing */
        call->type = t;
        return HR_OK;
    }
    if (t->id == HR_T_STRUCT && index->id == HR_T_STRING)
        return field_by_text(arena, conf, call, err);
    if (t->id == HR_T_MAP) {
        const struct hr_type *k = t->fields[0].type;
        if (k->id == HR_T_NULL && index->id != HR_T_NULL)
            return hr_resolve_unexpected_type(arena, call, 1, hr_type_quoted(arena, k), err);
        call->type = t->fields[1].type;
        return hr_resolve_cast(arena, &call->args[1], k, err);
    }
    if (t->id != HR_T_ARRAY)
        return HR_RAISE(err, HR_E_INVALID_EXTRACT_BASE_FIELD_TYPE, "base",
                        hr_expr_quoted(arena, call->args[0]), "other", hr_type_quoted(arena, t));
    if (!hr_type_is_integral(index) && index->id != HR_T_NULL)
        return hr_resolve_unexpected_type(arena, call, 1, "\"INTEGRAL\"", err);
    call->type = t->fields[0].type;
    return index->id == HR_T_NULL ? hr_resolve_cast(arena, &call->args[1], hr_type(HR_T_INT), err)
                                  : HR_OK;
}

/* get(a, i) */
static hr_status bind_get(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type, *from = call->args[1]->type;
    HR_UNUSED(conf);
    if (t->id != HR_T_ARRAY) return hr_resolve_unexpected_type(arena, call, 0, "\"ARRAY\"", err);
    const struct hr_type *index = hr_type_is_numeric(from) ? hr_type(HR_T_INT)
                                                           : hr_type_implicit(from, hr_sv("int"));
    if (!index) return hr_resolve_unexpected_type(arena, call, 1, "\"INT\"", err);
    call->type = t->fields[0].type;
    return hr_resolve_cast(arena, &call->args[1], index, err);
}

/* element_at and try_element_at take what is no wider than INT, or the type of the map's keys. */
static hr_status bind_element_at(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type, *index = call->args[1]->type;
    HR_UNUSED(conf);
    if (t->id == HR_T_MAP) {
        call->type = t->fields[1].type;
        return join_key(arena, call, err);
    }
    if (t->id != HR_T_ARRAY)
        return hr_resolve_unexpected_type(arena, call, 0, "(\"ARRAY\" or \"MAP\")", err);
    if (!hr_type_is_integral(index) || index->id == HR_T_LONG)
        return hr_resolve_unexpected_type(arena, call, 1, "\"INT\"", err);
    call->type = t->fields[0].type;
    return hr_resolve_cast(arena, &call->args[1], hr_type(HR_T_INT), err);
}

hr_status hr_bind_lookup(HR_BIND_ARGS)
{
    const char *name = call->function->name;
    call->nullable = true;
    if (strcmp(name, "[]") == 0) return bind_subscript(arena, conf, call, err);
    if (strcmp(name, "get") == 0) return bind_get(arena, conf, call, err);
    return bind_element_at(arena, conf, call, err);
}
