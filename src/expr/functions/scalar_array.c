/* SPDX-License-Identifier: Apache-2.0 */
/* Arrays: made, looked up, searched, rearranged. Results are built in row order (HR_BUILD_ROWS). */
#include "base/datetime.h"
#include "base/decimal.h"
#include "base/utf8.h"
#include "expr/functions/array.h"
#include "expr/functions/value_set.h"
#include "expr/internal.h"

static hr_status new_builder(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                             struct hr_builder **ret, struct hr_err *err)
{
    *ret = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    return *ret ? HR_OK : HR_OOM(err);
}

static const struct hr_column *elements(const struct hr_vector *v)
{
    return &v->col.children[0];
}

static bool same_element(const struct hr_vector *list, uint32_t i, const struct hr_vector *v,
                         uint32_t row)
{
    return elements(list)->type->id != HR_T_NULL && hr_column_valid(elements(list), i) &&
           hr_column_equal(elements(list), i, &v->col, hr_vector_row(v, row));
}

static bool element_is_null(const struct hr_vector *list, uint32_t i)
{
    return elements(list)->type->id == HR_T_NULL || !hr_column_valid(elements(list), i);
}

/* --- Making ------------------------------------------------------------------------------------*/

hr_status hr_bind_array(HR_BIND_ARGS)
{
    const struct hr_type *t = hr_type(HR_T_NULL);
    bool nullable = false;
    if (call->arg_count)
        HR_TRY(hr_resolve_same_type(arena, conf, call, 0, call->arg_count, 1, &t, err));
    for (uint32_t i = 0; i < call->arg_count; i++) nullable = nullable || call->args[i]->nullable;
    call->type = hr_type_array(t, nullable);
    call->nullable = false;
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_fn_array(HR_EVAL_ARGS)
{
    struct hr_builder *b;
    HR_TRY(new_builder(ctx, call, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        for (uint32_t a = 0; a < call->arg_count; a++) {
            if (hr_arg_valid(&args[a], row))
                hr_builder_copy(hr_builder_child(b, 0), &args[a].col, hr_vector_row(&args[a], row));
            else
                hr_builder_null(hr_builder_child(b, 0));
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

/* Copies elements [from, to) of an array to the open row. */
static void copy_range(struct hr_builder *b, const struct hr_vector *v, uint32_t from, uint32_t to)
{
    for (uint32_t i = from; i < to; i++) {
        if (element_is_null(v, i))
            hr_builder_null(hr_builder_child(b, 0));
        else
            hr_builder_copy(hr_builder_child(b, 0), elements(v), i);
    }
}

static void copy_value(struct hr_builder *b, const struct hr_vector *v, uint32_t row)
{
    if (hr_arg_valid(v, row))
        hr_builder_copy(hr_builder_child(b, 0), &v->col, hr_vector_row(v, row));
    else
        hr_builder_null(hr_builder_child(b, 0));
}

#define ARRAY_ROWS(...)                               \
    do {                                              \
        struct hr_builder *b;                         \
        HR_TRY(new_builder(ctx, call, &b, err));      \
        HR_BUILD_ROWS(ctx, out, b, row)               \
        {                                             \
            uint32_t from = 0, to = 0;                \
            hr_list_range(&args[0], row, &from, &to); \
            __VA_ARGS__                               \
            hr_builder_close(b);                      \
        }                                             \
        return hr_out_from_builder(ctx, b, out, err); \
    } while (0)

hr_status hr_array_reverse(HR_EVAL_ARGS)
{
    ARRAY_ROWS({
        for (uint32_t i = to; i-- > from;) copy_range(b, &args[0], i, i + 1);
    });
}

hr_status hr_array_concat(HR_EVAL_ARGS)
{
    ARRAY_ROWS({
        uint64_t count = 0;
        for (uint32_t a = 0; a < call->arg_count; a++) {
            hr_list_range(&args[a], row, &from, &to);
            count += to - from;
            if (count > HR_ELEMENTS_MAX) return hr_elements_exceeded(ctx, "concat", count, err);
            copy_range(b, &args[a], from, to);
        }
    });
}

hr_status hr_fn_array_repeat(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) if (!hr_arg_valid(&args[1], row)) hr_out_null(out, row);
    struct hr_builder *b;
    HR_TRY(new_builder(ctx, call, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        int32_t count = HR_ARG(int32_t, &args[1], row);
        if (count > HR_ELEMENTS_MAX) return hr_elements_exceeded(ctx, "array_repeat", count, err);
        if (count > 0 && !hr_builder_room(hr_builder_child(b, 0), (uint32_t)count)) break;
        enum hr_type_id id = args[0].col.type->id;
        bool text = id == HR_T_STRING || id == HR_T_BINARY;
        for (; count > 0; count--) { /* one text, many times */
            if (text && hr_arg_valid(&args[0], row))
                hr_builder_str_shared(hr_builder_child(b, 0), hr_arg_str(&args[0], row));
            else
                copy_value(b, &args[0], row);
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

hr_status hr_fn_array_append(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) if (!hr_arg_valid(&args[0], row)) hr_out_null(out, row);
    ARRAY_ROWS({
        copy_range(b, &args[0], from, to);
        copy_value(b, &args[1], row);
    });
}

hr_status hr_fn_array_prepend(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) if (!hr_arg_valid(&args[0], row)) hr_out_null(out, row);
    ARRAY_ROWS({
        copy_value(b, &args[1], row);
        copy_range(b, &args[0], from, to);
    });
}

/* A position from the front counts from 1, one from the end from -1 (behind the last). What lies
 * between the array and a position beyond it is NULL. */
hr_status hr_fn_array_insert(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row)
    if (!hr_arg_valid(&args[0], row) || !hr_arg_valid(&args[1], row)) hr_out_null(out, row);
    ARRAY_ROWS({
        int64_t at = hr_arg_i64(&args[1], row);
        int64_t count = (int64_t)to - from;
        if (at == 0) return HR_RAISE(err, HR_E_INVALID_INDEX_OF_ZERO);
        if (HR_MAX(at, -at) > HR_ELEMENTS_MAX)
            return hr_elements_exceeded(ctx, "array_insert", HR_MAX(at, -at), err);
        int64_t before = at > 0 ? at - 1 : count + 1 + at;
        if (before < 0) copy_value(b, &args[2], row);
        for (int64_t k = before; k < 0; k++) hr_builder_null(hr_builder_child(b, 0));
        copy_range(b, &args[0], from, from + (uint32_t)HR_MIN(HR_MAX(before, 0), count));
        for (int64_t k = count; k < before; k++) hr_builder_null(hr_builder_child(b, 0));
        if (before >= 0) copy_value(b, &args[2], row);
        copy_range(b, &args[0], from + (uint32_t)HR_MIN(HR_MAX(before, 0), count), to);
    });
}

hr_status hr_fn_array_remove(HR_EVAL_ARGS)
{
    ARRAY_ROWS({
        for (uint32_t i = from; i < to; i++)
            if (!same_element(&args[0], i, &args[1], row)) copy_range(b, &args[0], i, i + 1);
    });
}

hr_status hr_fn_array_compact(HR_EVAL_ARGS)
{
    ARRAY_ROWS({
        for (uint32_t i = from; i < to; i++)
            if (!element_is_null(&args[0], i)) copy_range(b, &args[0], i, i + 1);
    });
}

hr_status hr_fn_slice(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        if (HR_ARG(int32_t, &args[1], row) == 0)
            return HR_RAISE(err, HR_E_INVALID_SLICE_START, "parameter", "`start`", "functionName",
                            "`slice`");
        int32_t length = HR_ARG(int32_t, &args[2], row);
        if (length >= 0) continue;
        char text[24];
        text[hr_format_i64(length, text)] = 0;
        return HR_RAISE(err, HR_E_INVALID_SLICE_LENGTH, "parameter", "`length`", "functionName",
                        "`slice`", "length", text);
    }
    ARRAY_ROWS({
        int64_t n = (int64_t)to - from;
        int64_t start = HR_ARG(int32_t, &args[1], row);
        int64_t len = HR_ARG(int32_t, &args[2], row);
        start = start > 0 ? start - 1 : n + start;
        if (start >= 0 && start < n)
            copy_range(b, &args[0], from + (uint32_t)start,
                       from + (uint32_t)HR_MIN(n, start + len));
    });
}

hr_status hr_fn_flatten(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        uint32_t from, to;
        hr_list_range(&args[0], row, &from, &to);
        for (uint32_t i = from; i < to; i++)
            if (element_is_null(&args[0], i)) hr_out_null(out, row);
    }
    ARRAY_ROWS({
        struct hr_vector inner = {.col = *elements(&args[0])};
        uint64_t count = 0;
        for (uint32_t i = from; i < to; i++) {
            uint32_t f = 0;
            uint32_t t = 0;
            hr_list_range(&inner, i, &f, &t);
            count += t - f;
            if (count > HR_ELEMENTS_MAX) return hr_elements_exceeded(ctx, "flatten", count, err);
            copy_range(b, &inner, f, t);
        }
    });
}

hr_status hr_bind_flatten(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type;
    if (t->id != HR_T_ARRAY || t->fields[0].type->id != HR_T_ARRAY)
        return hr_resolve_unexpected_type(arena, call, 0, "\"ARRAY\" of \"ARRAY\"", err);
    call->type = t->fields[0].type;
    call->nullable = call->args[0]->nullable || t->fields[0].nullable;
    return HR_OK;
}

/* --- Sets of elements --------------------------------------------------------------------------*/

struct sets {
    struct hr_place_set seen, other;
};

enum set_op { DISTINCT, UNION, INTERSECT, EXCEPT };

static bool is_zero(const struct hr_column *col, uint32_t row)
{
    if (col->type->id == HR_T_DOUBLE)
        return hr_column_valid(col, row) && ((const double *)col->values)[row] == 0;
    return col->type->id == HR_T_FLOAT && hr_column_valid(col, row) &&
           ((const float *)col->values)[row] == 0;
}

/* The elements [from, to) of v that are new, into the open array. */
static hr_status add_new(struct sets *s, const struct hr_vector *v, uint32_t from, uint32_t to,
                         enum set_op op, struct hr_builder *b, struct hr_err *err)
{
    for (uint32_t i = from; i < to; i++) {
        bool is_new;
        if (op >= INTERSECT && hr_place_set_has(&s->other, elements(v), i) != (op == INTERSECT))
            continue;
        HR_TRY(hr_place_set_add(&s->seen, elements(v), i, &is_new, err));
        if (!is_new) continue;
        if (is_zero(elements(v), i)) /* -0.0 and 0.0 are one: the latter */
            hr_builder_f64(hr_builder_child(b, 0), 0.0);
        else
            copy_range(b, v, i, i + 1);
    }
    return HR_OK;
}

static hr_status add_all(struct hr_place_set *set, const struct hr_vector *v, uint32_t from,
                         uint32_t to, struct hr_err *err)
{
    bool is_new;
    hr_place_set_clear(set);
    for (uint32_t i = from; i < to; i++)
        HR_TRY(hr_place_set_add(set, elements(v), i, &is_new, err));
    return HR_OK;
}

static hr_status set_rows(HR_EVAL_ARGS, struct sets *s, enum set_op op)
{
    ARRAY_ROWS({
        uint32_t f = 0;
        uint32_t t = 0;
        if (op != DISTINCT) hr_list_range(&args[1], row, &f, &t);
        if (op >= INTERSECT) HR_TRY(add_all(&s->other, &args[1], f, t, err));
        hr_place_set_clear(&s->seen);
        HR_TRY(add_new(s, &args[0], from, to, op, b, err));
        if (op == UNION) HR_TRY(add_new(s, &args[1], f, t, op, b, err));
    });
}

static hr_status with_sets(HR_EVAL_ARGS, enum set_op op)
{
    struct sets s = {.seen = {0}};
    hr_status status = set_rows(ctx, call, args, out, err, &s, op);
    hr_place_set_done(&s.seen);
    hr_place_set_done(&s.other);
    return status;
}

hr_status hr_fn_array_distinct(HR_EVAL_ARGS)
{
    return with_sets(ctx, call, args, out, err, DISTINCT);
}
hr_status hr_fn_array_union(HR_EVAL_ARGS)
{
    return with_sets(ctx, call, args, out, err, UNION);
}
hr_status hr_fn_array_intersect(HR_EVAL_ARGS)
{
    return with_sets(ctx, call, args, out, err, INTERSECT);
}
hr_status hr_fn_array_except(HR_EVAL_ARGS)
{
    return with_sets(ctx, call, args, out, err, EXCEPT);
}

static hr_status overlap_rows(HR_EVAL_ARGS, struct hr_place_set *second)
{
    HR_UNUSED(call);
    HR_EACH_ROW(ctx, out, row) {
        uint32_t f0, t0, f1, t1;
        bool found = false, null = false;
        hr_list_range(&args[0], row, &f0, &t0);
        hr_list_range(&args[1], row, &f1, &t1);
        HR_TRY(add_all(second, &args[1], f1, t1, err));
        for (uint32_t i = f0; i < t0 && !found; i++) {
            if (element_is_null(&args[0], i))
                null = true;
            else
                found = hr_place_set_has(second, elements(&args[0]), i);
        }
        for (uint32_t i = f1; i < t1; i++) null = null || element_is_null(&args[1], i);
        hr_out_bool(out, row, found);
        if (!found && null && f0 < t0 && f1 < t1) hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_fn_arrays_overlap(HR_EVAL_ARGS)
{
    struct hr_place_set second = {0};
    hr_status status = overlap_rows(ctx, call, args, out, err, &second);
    hr_place_set_done(&second);
    return status;
}

/* --- Sorting -----------------------------------------------------------------------------------*/

struct sort_ctx {
    const struct hr_vector *v;
    int sign;
    bool nulls_last;
};

static int compare_elements(const void *a, const void *b, void *arg)
{
    const struct sort_ctx *s = arg;
    uint32_t i = *(const uint32_t *)a, k = *(const uint32_t *)b;
    bool n1 = element_is_null(s->v, i), n2 = element_is_null(s->v, k);
    if (n1 || n2) return (n1 - n2) * (s->nulls_last ? 1 : -1);
    return s->sign * hr_column_compare(elements(s->v), i, elements(s->v), k);
}

/* sort_array(a, ascending): NULLs first when ascending. array_sort(a): NULLs last. */
hr_status hr_fn_sort_array(HR_EVAL_ARGS)
{
    bool sorts_last = hr_str_eq_nocase(call->function->name, "array_sort");
    ARRAY_ROWS({
        uint32_t n = to - from;
        uint32_t *order = hr_arena_alloc(ctx->arena, sizeof *order * (n + 1));
        if (!order) return HR_OOM(err);
        for (uint32_t i = 0; i < n; i++) order[i] = from + i;
        bool ascending = call->arg_count < 2 || hr_arg_bool(&args[1], row);
        struct sort_ctx s = {&args[0], ascending ? 1 : -1, sorts_last || !ascending};
        qsort_r(order, n, sizeof *order, compare_elements, &s);
        for (uint32_t i = 0; i < n; i++) copy_range(b, &args[0], order[i], order[i] + 1);
    });
}

hr_status hr_bind_sort_array(HR_BIND_ARGS)
{
    if (call->arg_count == 1 && hr_str_eq_nocase(call->function->name, "sort_array"))
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_bool(arena, true), err));
    if (!hr_type_is_orderable(call->args[0]->type))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ORDERING_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", "`sort_array`", "dataType",
                        hr_type_quoted(arena, call->args[0]->type));
    HR_UNUSED(conf);
    return HR_OK;
}

static hr_status array_extreme(HR_EVAL_ARGS, int sign)
{
    struct hr_builder *b;
    HR_TRY(new_builder(ctx, call, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        uint32_t from, to, best = UINT32_MAX;
        hr_list_range(&args[0], row, &from, &to);
        for (uint32_t i = from; i < to; i++) {
            if (element_is_null(&args[0], i)) continue;
            if (best == UINT32_MAX ||
                sign * hr_column_compare(elements(&args[0]), i, elements(&args[0]), best) > 0)
                best = i;
        }
        if (best == UINT32_MAX)
            hr_builder_null(b);
        else
            hr_builder_copy(b, elements(&args[0]), best);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

hr_status hr_fn_array_max(HR_EVAL_ARGS)
{
    return array_extreme(ctx, call, args, out, err, 1);
}
hr_status hr_fn_array_min(HR_EVAL_ARGS)
{
    return array_extreme(ctx, call, args, out, err, -1);
}

/* --- Looking up --------------------------------------------------------------------------------*/

hr_status hr_bind_size(HR_BIND_ARGS)
{
    return conf->ansi ? HR_OK : hr_resolve_as(arena, conf, call, "__size_of_null", err);
}

hr_status hr_fn_size_of_null(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) {
        uint32_t from = 1, to = 0;
        if (hr_arg_valid(&args[0], row)) hr_list_range(&args[0], row, &from, &to);
        HR_OUT(int32_t, out)[row] = (int32_t)(to - from);
    }
    return HR_OK;
}

hr_status hr_fn_size(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        uint32_t from, to;
        hr_list_range(&args[0], row, &from, &to);
        HR_OUT(int32_t, out)[row] = (int32_t)(to - from);
    }
    return HR_OK;
}

hr_status hr_fn_array_contains(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        uint32_t from, to;
        bool found = false, null = false;
        hr_list_range(&args[0], row, &from, &to);
        for (uint32_t i = from; i < to && !found; i++) {
            null = null || element_is_null(&args[0], i);
            found = same_element(&args[0], i, &args[1], row);
        }
        hr_out_bool(out, row, found);
        if (!found && null) hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_fn_array_position(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        uint32_t from, to;
        hr_list_range(&args[0], row, &from, &to);
        int64_t found = 0;
        for (uint32_t i = from; i < to && !found; i++)
            if (same_element(&args[0], i, &args[1], row)) found = (int64_t)(i - from) + 1;
        HR_OUT(int64_t, out)[row] = found;
    }
    return HR_OK;
}

hr_status hr_fn_array_join(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        uint32_t from = 0;
        uint32_t to = 0;
        bool any = false;
        hr_list_range(&args[0], row, &from, &to);
        struct hr_vector items = {.col = *elements(&args[0])};
        for (uint32_t i = from; i < to; i++) {
            bool null = element_is_null(&args[0], i);
            if (null && call->arg_count < 3) continue;
            if (any) hr_buf_put_sv(&buf, hr_arg_str(&args[1], row));
            hr_buf_put_sv(&buf, null ? hr_arg_str(&args[2], row) : hr_arg_str(&items, i));
            any = true;
        }
    });
}

hr_status hr_bind_array_join(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    return hr_resolve_cast(arena, &call->args[0], hr_type_array(hr_type(HR_T_STRING), true), err);
}

/* a[i], get(a, i): from 0. element_at(a, i): from 1, negative from the end. Maps by key. */
enum lookup { SUBSCRIPT, GET, ELEMENT_AT, TRY_ELEMENT_AT };

static hr_status bad_index(HR_EVAL_ARGS, enum lookup how, int64_t index, uint32_t n)
{
    char text[24], size[24];
    text[hr_format_i64(index, text)] = 0;
    size[hr_format_i64(n, size)] = 0;
    if (how == ELEMENT_AT)
        return HR_RAISE(err, HR_E_INVALID_ARRAY_INDEX_IN_ELEMENT_AT, "indexValue", text,
                        "arraySize", size);
    return HR_RAISE(err, HR_E_INVALID_ARRAY_INDEX, "indexValue", text, "arraySize", size);
}

static hr_status find_element(HR_EVAL_ARGS, enum lookup how, uint32_t row, uint32_t *ret)
{
    uint32_t from, to;
    hr_list_range(&args[0], row, &from, &to);
    if (args[0].col.type->id == HR_T_MAP) {
        for (uint32_t i = to; i-- > from;)
            if (same_element(&args[0], i, &args[1], row)) *ret = i;
        return HR_OK;
    }
    int64_t index = hr_arg_i64(&args[1], row), n = (int64_t)to - from, at = index;
    if (how >= ELEMENT_AT) {
        if (index == 0) return HR_RAISE(err, HR_E_INVALID_INDEX_OF_ZERO);
        at = index > 0 ? index - 1 : n + index;
    }
    if (at >= 0 && at < n) {
        *ret = from + (uint32_t)at;
        return HR_OK;
    }
    bool nulls = how == GET || how == TRY_ELEMENT_AT || !ctx->conf->ansi;
    return nulls ? HR_OK : bad_index(ctx, call, args, out, err, how, index, (uint32_t)n);
}

static hr_status lookup(HR_EVAL_ARGS, enum lookup how)
{
    const struct hr_column *values =
        &args[0].col.children[args[0].col.type->id == HR_T_MAP ? 1 : 0];
    uint32_t *take = hr_arena_alloc(ctx->arena, sizeof *take * (ctx->row_count + 1));
    if (!take) return HR_OOM(err);
    memset(take, 0xff, sizeof *take * ctx->row_count);
    HR_ALL_ROWS(ctx, row) /* the result may be VOID, and still has errors */
    if (hr_arg_valid(&args[0], row) && hr_arg_valid(&args[1], row))
        HR_TRY(find_element(ctx, call, args, out, err, how, row, &take[row]));
    const struct hr_type *type = out->type;
    HR_TRY(hr_column_take(ctx->arena, values, take, ctx->row_count, out, err));
    out->type = type;
    return HR_OK;
}

hr_status hr_fn_subscript(HR_EVAL_ARGS)
{
    return lookup(ctx, call, args, out, err, SUBSCRIPT);
}
hr_status hr_fn_get(HR_EVAL_ARGS)
{
    return lookup(ctx, call, args, out, err, GET);
}
hr_status hr_fn_element_at(HR_EVAL_ARGS)
{
    return lookup(ctx, call, args, out, err, ELEMENT_AT);
}
hr_status hr_fn_try_element_at(HR_EVAL_ARGS)
{
    return lookup(ctx, call, args, out, err, TRY_ELEMENT_AT);
}

/* --- arrays_zip --------------------------------------------------------------------------------*/

hr_status hr_bind_arrays_zip(HR_BIND_ARGS)
{
    struct hr_field *fields = HR_NEW_ARRAY(arena, struct hr_field, call->arg_count + 1);
    HR_UNUSED(conf);
    if (!fields) return HR_OOM(err);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        if (call->args[i]->type->id == HR_T_NULL)
            HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type_array(hr_type(HR_T_NULL), true),
                                   err));
        const struct hr_expr *arg = call->args[i];
        if (arg->type->id != HR_T_ARRAY)
            return hr_resolve_unexpected_type(arena, call, i, "\"ARRAY\"", err);
        bool named = arg->kind == HR_X_ATTR || arg->kind == HR_X_COLUMN || arg->kind == HR_X_ALIAS;
        const char *name = named && arg->name ? arg->name : hr_arena_printf(arena, "%u", i);
        fields[i] = (struct hr_field){name, arg->type->fields[0].type, true};
    }
    const struct hr_type *s = hr_type_struct(fields, call->arg_count);
    call->type = s ? hr_type_array(s, false) : NULL;
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_fn_arrays_zip(HR_EVAL_ARGS)
{
    struct hr_builder *b;
    HR_TRY(new_builder(ctx, call, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        uint32_t most = 0, from, to;
        for (uint32_t a = 0; a < call->arg_count; a++) {
            hr_list_range(&args[a], row, &from, &to);
            most = HR_MAX(most, to - from);
        }
        for (uint32_t k = 0; k < most; k++) {
            struct hr_builder *s = hr_builder_child(b, 0);
            for (uint32_t a = 0; a < call->arg_count; a++) {
                hr_list_range(&args[a], row, &from, &to);
                if (from + k >= to || element_is_null(&args[a], from + k))
                    hr_builder_null(hr_builder_child(s, a));
                else
                    hr_builder_copy(hr_builder_child(s, a), elements(&args[a]), from + k);
            }
            hr_builder_close(s);
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}
