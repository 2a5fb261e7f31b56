/* SPDX-License-Identifier: Apache-2.0 */
/* Structs and maps. A struct shares its fields' columns; maps are built. */
#include "base/decimal.h"
#include "expr/functions/array.h"
#include "expr/functions/value_set.h"
#include "expr/internal.h"

/* --- Structs -----------------------------------------------------------------------------------*/

hr_status hr_bind_struct(HR_BIND_ARGS)
{
    struct hr_field *fields = HR_NEW_ARRAY(arena, struct hr_field, call->arg_count + 1);
    HR_UNUSED(conf);
    if (!fields) return HR_OOM(err);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct hr_expr *arg = call->args[i];
        bool named = arg->kind == HR_X_ATTR || arg->kind == HR_X_COLUMN ||
                     arg->kind == HR_X_ALIAS || arg->kind == HR_X_FIELD || arg->kind == HR_X_VAR;
        const char *name = named && arg->name ? arg->name : hr_arena_printf(arena, "col%u", i + 1);
        if (!name) return HR_OOM(err);
        fields[i] = (struct hr_field){name, arg->type, arg->nullable};
    }
    call->type = hr_type_struct(fields, call->arg_count);
    call->nullable = false;
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_bind_named_struct(HR_BIND_ARGS)
{
    uint32_t count = call->arg_count / 2;
    struct hr_field *fields = HR_NEW_ARRAY(arena, struct hr_field, count + 1);
    if (!fields) return HR_OOM(err);
    if (call->arg_count % 2) {
        char actual[16];
        actual[hr_format_i64(call->arg_count, actual)] = 0;
        return HR_RAISE(err, HR_E_WRONG_NUM_ARGS_EVEN, "functionName", "`named_struct`",
                        "expectedNum", "2n (n > 0)", "actualNum", actual, "docroot",
                        "https://spark.apache.org/docs/latest");
    }
    for (uint32_t i = 0; i < count; i++) {
        struct hr_str_view name;
        const struct hr_expr *value = call->args[2 * i + 1];
        if (!hr_resolve_const_string(arena, conf, call->args[2 * i], &name))
            return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_CREATE_NAMED_STRUCT_WITHOUT_FOLDABLE_STRING,
                            "sqlExpr", hr_expr_quoted(arena, call), "inputExprs",
                            hr_arena_printf(arena, "[%s]",
                                            hr_expr_quoted(arena, call->args[2 * i])));
        fields[i] = (struct hr_field){hr_arena_strndup(arena, name.ptr, name.len), value->type,
                                      value->nullable};
    }
    call->type = hr_type_struct(fields, count);
    call->nullable = false;
    return call->type ? HR_OK : HR_OOM(err);
}

/* Column of a vector: constants are spread over all rows. */
static hr_status spread(struct hr_eval_ctx *ctx, const struct hr_vector *v, struct hr_column *ret,
                        struct hr_err *err)
{
    if (!v->is_const || ctx->row_count == 1) {
        *ret = v->col;
        return HR_OK;
    }
    if (!hr_arg_valid(v, 0))
        return hr_column_nulls(ctx->arena, v->col.type, ctx->row_count, ret, err);
    uint32_t *rows = hr_arena_zalloc(ctx->arena, sizeof *rows * (ctx->row_count + 1));
    if (!rows) return HR_OOM(err);
    return hr_column_take(ctx->arena, &v->col, rows, ctx->row_count, ret, err);
}

static hr_status make_struct(HR_EVAL_ARGS, uint32_t first, uint32_t step)
{
    uint32_t n = call->type->field_count;
    struct hr_column *children = HR_NEW_ARRAY(ctx->arena, struct hr_column, n + 1);
    if (!children) return HR_OOM(err);
    for (uint32_t i = 0; i < n; i++) {
        HR_TRY(spread(ctx, &args[first + i * step], &children[i], err));
        children[i].type = call->type->fields[i].type;
        children[i].length = ctx->row_count;
    }
    out->children = children;
    return HR_OK;
}

hr_status hr_fn_struct(HR_EVAL_ARGS)
{
    return make_struct(ctx, call, args, out, err, 0, 1);
}
hr_status hr_fn_named_struct(HR_EVAL_ARGS)
{
    return make_struct(ctx, call, args, out, err, 1, 2);
}

/* --- Maps --------------------------------------------------------------------------------------*/

hr_status hr_bind_map(HR_BIND_ARGS)
{
    const struct hr_type *k = hr_type(HR_T_STRING), *v = hr_type(HR_T_STRING);
    bool nullable = false;
    if (call->arg_count % 2) {
        char actual[16];
        actual[hr_format_i64(call->arg_count, actual)] = 0;
        return HR_RAISE(err, HR_E_WRONG_NUM_ARGS_EVEN, "functionName", "`map`", "expectedNum",
                        "2n (n > 0)", "actualNum", actual, "docroot",
                        "https://spark.apache.org/docs/latest");
    }
    if (call->arg_count) {
        HR_TRY(hr_resolve_same_type(arena, conf, call, 0, call->arg_count, 2, &k, err));
        HR_TRY(hr_resolve_same_type(arena, conf, call, 1, call->arg_count, 2, &v, err));
    } else {
        k = v = hr_type(HR_T_NULL);
    }
    for (uint32_t i = 1; i < call->arg_count; i += 2)
        nullable = nullable || call->args[i]->nullable;
    call->type = hr_type_map(k, v, nullable);
    call->nullable = false;
    return call->type ? HR_OK : HR_OOM(err);
}

static void put(struct hr_builder *b, const struct hr_column *col, uint32_t row)
{
    if (col->type->id != HR_T_NULL && hr_column_valid(col, row))
        hr_builder_copy(b, col, row);
    else
        hr_builder_null(b);
}

/* A key must not be NULL nor stand in the open entries already. */
hr_status hr_map_check_key(struct hr_eval_ctx *ctx, struct hr_place_set *seen,
                           const struct hr_column *keys, uint32_t row, struct hr_err *err)
{
    bool is_new;
    if (keys->type->id == HR_T_NULL || !hr_column_valid(keys, row))
        return HR_RAISE(err, HR_E_NULL_MAP_KEY);
    HR_TRY(hr_place_set_add(seen, keys, row, &is_new, err));
    if (is_new) return HR_OK;
    struct hr_buf text = {0};
    hr_column_print(keys, row, ctx->conf->tz, &text);
    hr_status status = HR_RAISE(err, HR_E_DUPLICATED_MAP_KEY, "key", hr_buf_cstr(&text),
                                "mapKeyDedupPolicy", "\"spark.sql.mapKeyDedupPolicy\"");
    hr_buf_done(&text);
    return status;
}

/* The rows of a function that makes maps, with the set of the keys of one of them. */
typedef hr_status map_rows(HR_EVAL_ARGS, struct hr_place_set *seen);

static hr_status with_keys(HR_EVAL_ARGS, map_rows *rows)
{
    struct hr_place_set seen = {0};
    hr_status status = rows(ctx, call, args, out, err, &seen);
    hr_place_set_done(&seen);
    return status;
}

static hr_status new_builder(struct hr_eval_ctx *ctx, const struct hr_type *type,
                             struct hr_builder **ret, struct hr_err *err)
{
    *ret = hr_builder_new(ctx->arena, type, ctx->row_count);
    return *ret ? HR_OK : HR_OOM(err);
}

static hr_status map_of_pairs(HR_EVAL_ARGS, struct hr_place_set *seen)
{
    struct hr_builder *b;
    HR_TRY(new_builder(ctx, call->type, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        hr_place_set_clear(seen);
        for (uint32_t a = 0; a < call->arg_count; a += 2) {
            if (!hr_arg_valid(&args[a], row)) return HR_RAISE(err, HR_E_NULL_MAP_KEY);
            uint32_t at = hr_vector_row(&args[a], row);
            HR_TRY(hr_map_check_key(ctx, seen, &args[a].col, at, err));
            put(hr_builder_child(b, 0), &args[a].col, at);
            put(hr_builder_child(b, 1), &args[a + 1].col, hr_vector_row(&args[a + 1], row));
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

hr_status hr_fn_map(HR_EVAL_ARGS)
{
    return with_keys(ctx, call, args, out, err, map_of_pairs);
}

hr_status hr_fn_map_keys(HR_EVAL_ARGS)
{
    bool values = strcmp(call->function->name, "map_values") == 0;
    struct hr_builder *b;
    HR_TRY(new_builder(ctx, call->type, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        uint32_t from, to;
        hr_list_range(&args[0], row, &from, &to);
        for (uint32_t i = from; i < to; i++)
            put(hr_builder_child(b, 0), &args[0].col.children[values], i);
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

hr_status hr_bind_map_parts(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type;
    const char *name = call->function->name;
    HR_UNUSED(conf);
    HR_UNUSED(arena);
    if (strcmp(name, "map_keys") == 0) {
        call->type = hr_type_array(t->fields[0].type, false);
    } else if (strcmp(name, "map_values") == 0) {
        call->type = hr_type_array(t->fields[1].type, t->fields[1].nullable);
    } else {
        struct hr_field fields[] = {{"key", t->fields[0].type, false},
                                    {"value", t->fields[1].type, t->fields[1].nullable}};
        const struct hr_type *s = hr_type_struct(fields, 2);
        call->type = s ? hr_type_array(s, false) : NULL;
    }
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_fn_map_entries(HR_EVAL_ARGS)
{
    struct hr_builder *b;
    HR_TRY(new_builder(ctx, call->type, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        uint32_t from, to;
        hr_list_range(&args[0], row, &from, &to);
        for (uint32_t i = from; i < to; i++) {
            struct hr_builder *s = hr_builder_child(b, 0);
            put(hr_builder_child(s, 0), &args[0].col.children[0], i);
            put(hr_builder_child(s, 1), &args[0].col.children[1], i);
            hr_builder_close(s);
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

hr_status hr_bind_map_from_arrays(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    HR_UNUSED(arena);
    const struct hr_type *k = call->args[0]->type, *v = call->args[1]->type;
    call->type = hr_type_map(k->fields[0].type, v->fields[0].type, v->fields[0].nullable);
    return call->type ? HR_OK : HR_OOM(err);
}

static hr_status map_of_arrays(HR_EVAL_ARGS, struct hr_place_set *seen)
{
    struct hr_builder *b;
    HR_TRY(new_builder(ctx, call->type, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        uint32_t kf, kt, vf, vt;
        hr_list_range(&args[0], row, &kf, &kt);
        hr_list_range(&args[1], row, &vf, &vt);
        if (kt - kf != vt - vf)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "The key array and value array of MapData must have the same length.");
        hr_place_set_clear(seen);
        for (uint32_t i = 0; i < kt - kf; i++) {
            HR_TRY(hr_map_check_key(ctx, seen, &args[0].col.children[0], kf + i, err));
            put(hr_builder_child(b, 0), &args[0].col.children[0], kf + i);
            put(hr_builder_child(b, 1), &args[1].col.children[0], vf + i);
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

hr_status hr_fn_map_from_arrays(HR_EVAL_ARGS)
{
    return with_keys(ctx, call, args, out, err, map_of_arrays);
}

hr_status hr_bind_map_from_entries(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type;
    const struct hr_type *s = t->id == HR_T_ARRAY ? t->fields[0].type : NULL;
    HR_UNUSED(conf);
    if (!s || s->id != HR_T_STRUCT || s->field_count != 2)
        return hr_resolve_unexpected_type(arena, call, 0, "\"ARRAY\" of pair \"STRUCT\"", err);
    call->type = hr_type_map(s->fields[0].type, s->fields[1].type, s->fields[1].nullable);
    return call->type ? HR_OK : HR_OOM(err);
}

/* NULL where an entry is. */
static hr_status map_of_entries(HR_EVAL_ARGS, struct hr_place_set *seen)
{
    struct hr_builder *b;
    const struct hr_column *entries = &args[0].col.children[0];
    HR_TRY(new_builder(ctx, call->type, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        uint32_t from, to;
        hr_list_range(&args[0], row, &from, &to);
        bool whole = true;
        for (uint32_t i = from; i < to; i++) whole = whole && hr_column_valid(entries, i);
        hr_place_set_clear(seen);
        if (!whole) {
            hr_builder_null(b);
            continue;
        }
        for (uint32_t i = from; i < to; i++) {
            HR_TRY(hr_map_check_key(ctx, seen, &entries->children[0], i, err));
            put(hr_builder_child(b, 0), &entries->children[0], i);
            put(hr_builder_child(b, 1), &entries->children[1], i);
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

hr_status hr_fn_map_from_entries(HR_EVAL_ARGS)
{
    return with_keys(ctx, call, args, out, err, map_of_entries);
}

hr_status hr_fn_map_contains_key(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        uint32_t from, to;
        bool found = false;
        hr_list_range(&args[0], row, &from, &to);
        if (args[0].col.children[0].type->id == HR_T_NULL) from = to; /* map() */
        for (uint32_t i = from; i < to && !found; i++)
            found = hr_column_equal(&args[0].col.children[0], i, &args[1].col,
                                    hr_vector_row(&args[1], row));
        hr_out_bool(out, row, found);
    }
    return HR_OK;
}

hr_status hr_bind_map_concat(HR_BIND_ARGS)
{
    const struct hr_type *t;
    if (!call->arg_count) {
        call->type = hr_type_map(hr_type(HR_T_STRING), hr_type(HR_T_STRING), false);
        return call->type ? HR_OK : HR_OOM(err);
    }
    HR_TRY(hr_resolve_same_type(arena, conf, call, 0, call->arg_count, 1, &t, err));
    if (t->id != HR_T_MAP) return hr_resolve_unexpected_type(arena, call, 0, "\"MAP\"", err);
    call->type = t;
    return HR_OK;
}

static hr_status map_of_maps(HR_EVAL_ARGS, struct hr_place_set *seen)
{
    struct hr_builder *b;
    HR_TRY(new_builder(ctx, call->type, &b, err));
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        hr_place_set_clear(seen);
        for (uint32_t a = 0; a < call->arg_count; a++) {
            uint32_t from, to;
            const struct hr_column *children = args[a].col.children;
            hr_list_range(&args[a], row, &from, &to);
            for (uint32_t i = from; i < to; i++) {
                HR_TRY(hr_map_check_key(ctx, seen, &children[0], i, err));
                put(hr_builder_child(b, 0), &children[0], i);
                put(hr_builder_child(b, 1), &children[1], i);
            }
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

hr_status hr_fn_map_concat(HR_EVAL_ARGS)
{
    return with_keys(ctx, call, args, out, err, map_of_maps);
}

hr_status hr_bind_str_to_map(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    if (call->arg_count == 1)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_string(arena, hr_sv(",")), err));
    if (call->arg_count == 2)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_string(arena, hr_sv(":")), err));
    call->type = hr_type_map(hr_type(HR_T_STRING), hr_type(HR_T_STRING), true);
    return call->type ? HR_OK : HR_OOM(err);
}

/* --- Generators: the analyzer and the Generate operator run them
 * ----------------------------------*/

hr_status hr_bind_generator(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type;
    HR_UNUSED(conf);
    HR_UNUSED(arena);
    HR_UNUSED(err);
    call->type = t->field_count ? t->fields[0].type : t;
    return HR_OK;
}
