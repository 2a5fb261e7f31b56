/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregates with WITHIN GROUP (ORDER BY …): percentile_cont, percentile_disc, mode, listagg. Their
 * last arguments are the keys. What is kept of a row for listagg is the text and the keys, as
 * bytes; the order is made when the result is asked for.
 */
#include <math.h>

#include "expr/functions/agg.h"
#include "expr/program.h"

static hr_status within_error(struct hr_arena *arena, const struct hr_expr *call, hr_status code,
                              struct hr_err *err)
{
    const char *name = hr_arena_printf(arena, "`%s`", call->function->name);
    return HR_RAISE(err, code, "funcName", name ? name : "?");
}

static hr_status wrong_orderings(struct hr_arena *arena, const struct hr_expr *call,
                                 const char *expected, struct hr_err *err)
{
    const char *name = hr_arena_printf(arena, "`%s`", call->function->name);
    const char *actual = hr_arena_printf(arena, "%u", call->order_count);
    return HR_RAISE(err, HR_E_WITHIN_GROUP_ORDERINGS, "funcName", name ? name : "?", "expectedNum",
                    expected, "actualNum", actual ? actual : "?");
}

/* --- percentile_cont, percentile_disc ----------------------------------------------------------*/

/* (percentage, key) becomes what percentile takes, (key, percentage), in the order of the key. */
struct ordered_percentiles {
    struct hr_percentages p;
    bool disc;
};

hr_status hr_bind_percentile_within(HR_BIND_ARGS)
{
    if (call->order_count == 0)
        return within_error(arena, call, HR_E_WITHIN_GROUP_MISSING, err);
    if (call->distinct) return within_error(arena, call, HR_E_WITHIN_GROUP_DISTINCT, err);
    if (call->order_count != 1) return wrong_orderings(arena, call, "1", err);
    struct hr_expr *key = call->args[1], *value = key->args[0];
    if (value->type->id == HR_T_STRING)
        HR_TRY(hr_resolve_cast(arena, &key->args[0], hr_type(HR_T_DOUBLE), err));
    struct hr_expr *flat = hr_arena_memdup(arena, call, sizeof *call);
    struct hr_expr **args = HR_NEW_ARRAY(arena, struct hr_expr *, 2);
    struct ordered_percentiles *o = HR_NEW(arena, struct ordered_percentiles);
    if (!flat || !args || !o) return HR_OOM(err);
    args[0] = key->args[0];
    args[1] = call->args[0];
    flat->args = args;
    flat->order_count = 0;
    HR_TRY(hr_bind_percentile(arena, conf, flat, err));
    key->args[0] = flat->args[0];
    key->type = flat->args[0]->type;
    call->args[0] = flat->args[1];
    const struct hr_percentages *p = flat->bound;
    double *values = hr_arena_memdup(arena, p->values, sizeof *values * (p->count ? p->count : 1));
    if (!values) return HR_OOM(err);
    o->p = *p;
    o->p.values = values;
    o->disc = strcmp(call->function->name, "percentile_disc") == 0;
    for (uint32_t i = 0; i < p->count && key->descending && !o->disc; i++)
        values[i] = 1 - values[i];
    call->bound = o;
    call->type = flat->type;
    call->nullable = true;
    return HR_OK;
}

static uint32_t within_bytes(const struct hr_expr *call)
{
    return hr_agg_percentile.state_bytes(call);
}

static hr_status within_update(HR_UPDATE_ARGS)
{
    return hr_agg_percentile.update(call, ctx, args + 1, rows, count, states, offset, weights, err);
}

/* The first value that so large a part of the rows does not follow. */
static double discrete(const double *sorted, uint64_t n, double p, bool descending)
{
    double rank = ceil(p * (double)n);
    uint64_t at = rank < 1 ? 0 : (uint64_t)rank - 1;
    at = HR_MIN(at, n - 1);
    return sorted[descending ? n - 1 - at : at];
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return isnan(x) ? !isnan(y) : isnan(y) ? -1 : (x > y) - (x < y);
}

static hr_status disc_emit(HR_EMIT_ARGS)
{
    const struct ordered_percentiles *o = call->bound;
    const struct hr_type *one = o->p.is_array ? call->type->fields[0].type : call->type;
    bool descending = call->args[1]->descending;
    struct hr_builder *b = hr_builder_new(ctx->arena, out->type, count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        if (!blob->count || !o->p.count) {
            hr_builder_null(b);
            continue;
        }
        qsort(blob->ptr, blob->count, sizeof(double), by_value);
        struct hr_builder *to = o->p.is_array ? hr_builder_child(b, 0) : b;
        for (uint32_t k = 0; k < o->p.count; k++) {
            double v = discrete((const double *)(void *)blob->ptr, blob->count, o->p.values[k],
                                descending);
            if (one->id == HR_T_DOUBLE)
                hr_builder_f64(to, v);
            else
                hr_builder_i64(to, (int64_t)v);
        }
        if (o->p.is_array) hr_builder_close(b);
    }
    return hr_builder_finish(b, out, err);
}

static hr_status within_emit(HR_EMIT_ARGS)
{
    const struct ordered_percentiles *o = call->bound;
    if (o->disc) return disc_emit(call, ctx, states, offset, count, out, err);
    return hr_agg_percentile.emit(call, ctx, states, offset, count, out, err);
}

static hr_status within_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                              struct hr_err *err)
{
    return hr_agg_percentile.merge(call, into, from, err);
}
static void within_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out)
{
    hr_agg_percentile.save(call, state, out);
}
static hr_status within_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                             struct hr_err *err)
{
    return hr_agg_percentile.load(call, state, in, err);
}
static void within_done(const struct hr_expr *call, uint8_t *state)
{
    hr_agg_percentile.done(call, state);
}

const struct hr_aggregate hr_agg_percentile_within = {.state_bytes = within_bytes,
    .update = within_update, .merge = within_merge, .emit = within_emit, .save = within_save,
    .load = within_load, .done = within_done};

/* --- mode --------------------------------------------------------------------------------------*/

/* mode(), mode(v), mode(v, true): the last is the first with ORDER BY v. */
hr_status hr_bind_mode(HR_BIND_ARGS)
{
    uint32_t plain = call->arg_count - call->order_count;
    if (call->order_count) {
        if (call->distinct) return within_error(arena, call, HR_E_WITHIN_GROUP_DISTINCT, err);
        if (plain || call->order_count != 1)
            return wrong_orderings(arena, call, plain ? "0" : "1", err);
    } else if (plain == 0) {
        return within_error(arena, call, HR_E_WITHIN_GROUP_MISSING, err);
    }
    if (plain == 2) {
        struct hr_vector flag = {.is_const = true};
        const struct hr_expr *arg = call->args[1];
        if (hr_expr_is_literal_null(arg))
            return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNEXPECTED_NULL, "sqlExpr",
                            hr_expr_quoted(arena, arg), "exprName", "`deterministic`");
        if (arg->type->id != HR_T_BOOLEAN)
            return hr_resolve_unexpected_type(arena, call, 1, "\"BOOLEAN\"", err);
        if (!hr_expr_is_foldable(arg))
            return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                            hr_expr_quoted(arena, call), "inputName", "`deterministic`",
                            "inputType", "\"BOOLEAN\"", "inputExpr", hr_expr_quoted(arena, arg));
        HR_TRY(hr_expr_fold(arena, conf, arg, &flag.col, err));
        if (!hr_arg_valid(&flag, 0))
            return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNEXPECTED_NULL, "sqlExpr",
                            hr_expr_quoted(arena, call), "exprName", "`deterministic`");
        call->arg_count = 1;
        if (hr_arg_bool(&flag, 0)) {
            struct hr_expr *key = hr_expr_new(arena, HR_X_SORT), **args;
            args = HR_NEW(arena, struct hr_expr *);
            if (!key || !args) return HR_OOM(err);
            args[0] = call->args[0];
            key->args = args;
            key->arg_count = 1;
            key->nulls_first = true;
            key->type = args[0]->type;
            key->nullable = args[0]->nullable;
            call->args[0] = key;
            call->order_count = 1;
        }
    }
    call->type = call->args[0]->type;
    call->nullable = true;
    if (call->type->id == HR_T_MAP) {
        call->type = NULL;
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ORDERING_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", "`mode`", "dataType",
                        hr_type_quoted(arena, call->args[0]->type));
    }
    return HR_OK;
}

/* Which of the values that are most frequent: the first, or the least or greatest of them. */
static hr_status choose_mode(struct hr_arena *arena, const struct hr_expr *call,
                             const struct hr_value_set *set, struct hr_builder *b,
                             struct hr_err *err)
{
    uint32_t pos = 0, n = 0, best = 0;
    struct hr_str_view key;
    int64_t weight, most = 0;
    while (hr_value_set_next(set, &pos, &key, &weight)) most = HR_MAX(most, weight);
    struct hr_builder *ties = hr_builder_new(arena, call->type, 4);
    struct hr_column values;
    if (!ties) return HR_OOM(err);
    for (pos = 0; most > 0 && hr_value_set_next(set, &pos, &key, &weight);) {
        struct hr_reader in = hr_reader(key.ptr, key.len);
        if (weight < most || (n && !call->order_count)) continue;
        if (!hr_value_decode(call->type, &in, ties))
            return HR_BUG(err, "a kept value cannot be read");
        n++;
    }
    HR_TRY(hr_builder_finish(ties, &values, err));
    for (uint32_t i = 1; i < n; i++) {
        int c = hr_column_compare(&values, i, &values, best);
        if (call->args[0]->descending ? c > 0 : c < 0) best = i;
    }
    if (n)
        hr_builder_copy(b, &values, best);
    else
        hr_builder_null(b);
    return HR_OK;
}

static hr_status mode_emit(HR_EMIT_ARGS)
{
    struct hr_builder *b = hr_builder_new(ctx->arena, out->type, count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        HR_TRY(choose_mode(ctx->arena, call, HR_STATE(struct hr_value_set, i), b, err));
    const struct hr_type *type = out->type;
    HR_TRY(hr_builder_finish(b, out, err));
    out->type = type;
    return HR_OK;
}

static hr_status mode_update(HR_UPDATE_ARGS)
{
    return hr_agg_set_update_args(call, ctx, args, rows, count, states, offset, weights, err, 1,
                                  true);
}

const struct hr_aggregate hr_agg_mode = {.state_bytes = hr_agg_set_bytes, .update = mode_update,
    .merge = hr_agg_set_merge, .emit = mode_emit, .save = hr_agg_set_save, .load = hr_agg_set_load,
    .done = hr_agg_set_done, .can_retract = true};

/* --- listagg -----------------------------------------------------------------------------------*/

/* The text and the keys of every row whose text is not NULL. */
hr_status hr_listagg_ordered_update(HR_UPDATE_ARGS)
{
    struct hr_buf bytes = {0};
    hr_status status = HR_OK;
    HR_UNUSED(ctx);
    HR_UNUSED(weights);
    HR_EACH_INPUT(&args[0])
    {
        hr_buf_clear(&bytes);
        hr_value_encode(&args[0].col, at, &bytes);
        for (uint32_t k = call->arg_count - call->order_count; k < call->arg_count; k++)
            hr_value_encode(&args[k].col, hr_vector_row(&args[k], row), &bytes);
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        status = hr_buf_status(&bytes, err);
        if (status == HR_OK) status = hr_blob_append(blob, bytes.ptr, bytes.len, err);
        if (status != HR_OK) break;
        blob->count++;
    }
    hr_buf_done(&bytes);
    return status;
}

struct ordering {
    const struct hr_expr *call;
    struct hr_column *keys;
    uint32_t first; /* argument */
};

static int by_keys(const void *a, const void *b, void *arg)
{
    const struct ordering *o = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    for (uint32_t k = 0; k < o->call->order_count; k++) {
        const struct hr_expr *sort = o->call->args[o->first + k];
        const struct hr_column *col = &o->keys[k];
        bool nx = col->type->id == HR_T_NULL || !hr_column_valid(col, x);
        bool ny = col->type->id == HR_T_NULL || !hr_column_valid(col, y);
        if (nx && ny) continue;
        if (nx || ny) return nx == sort->nulls_first ? -1 : 1;
        int c = hr_column_compare(col, x, col, y);
        if (c) return sort->descending ? -c : c;
    }
    return x < y ? -1 : x > y;
}

static hr_status join_ordered(struct hr_arena *arena, const struct hr_expr *call,
                              const struct hr_blob *blob, struct hr_str_view delimiter,
                              struct hr_buf *out, struct hr_err *err)
{
    uint32_t n = (uint32_t)blob->count, keys = call->order_count;
    struct ordering o = {.call = call, .first = call->arg_count - keys};
    struct hr_builder **b = HR_NEW_ARRAY(arena, struct hr_builder *, keys + 1);
    struct hr_column *cols = HR_NEW_ARRAY(arena, struct hr_column, keys + 1);
    uint32_t *order = hr_arena_alloc(arena, sizeof *order * (n + 1));
    if (!b || !cols || !order) return HR_OOM(err);
    for (uint32_t k = 0; k <= keys; k++) {
        uint32_t arg = k ? o.first + k - 1 : 0;
        b[k] = hr_builder_new(arena, call->args[arg]->type, n);
        if (!b[k]) return HR_OOM(err);
    }
    struct hr_reader in = hr_reader(blob->ptr, blob->len);
    for (uint32_t i = 0; i < n; i++) {
        order[i] = i;
        for (uint32_t k = 0; k <= keys; k++)
            if (!hr_value_decode(b[k]->type, &in, b[k]))
                return HR_BUG(err, "a kept value cannot be read");
    }
    for (uint32_t k = 0; k <= keys; k++) HR_TRY(hr_builder_finish(b[k], &cols[k], err));
    o.keys = cols + 1;
    qsort_r(order, n, sizeof *order, by_keys, &o);
    for (uint32_t i = 0; i < n; i++) {
        if (i) hr_buf_put_sv(out, delimiter);
        hr_buf_put_sv(out, hr_string_view((const struct hr_string *)cols[0].values + order[i]));
    }
    return hr_buf_status(out, err);
}

hr_status hr_listagg_ordered_emit(HR_EMIT_ARGS)
{
    const struct hr_str_view *delimiter = call->bound;
    struct hr_buf text = {.max_bytes = HR_TEXT_MAX};
    struct hr_arena scratch;
    hr_status status = HR_OK;
    hr_arena_init(&scratch, ctx->arena->mem);
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        const struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        hr_buf_clear(&text);
        hr_arena_reset(&scratch);
        if (!blob->count) {
            hr_out_null(out, i);
            continue;
        }
        status = join_ordered(&scratch, call, blob, *delimiter, &text, err);
        if (status == HR_OK) status = hr_out_str(ctx, out, i, text.ptr, text.len, err);
    }
    hr_buf_done(&text);
    hr_arena_done(&scratch);
    return status;
}
