/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregates that keep values of any type: min, max, first, last, max_by, min_by, collect_list,
 * collect_set, listagg, mode. Fixed-width minima live in the state; other values are kept encoded
 * (codec.h) in heap bytes that belong to the state.
 */
#include <math.h>

#include "base/datetime.h"
#include "expr/functions/agg.h"

/* --- min, max ----------------------------------------------------------------------------------*/

struct extreme {
    union {
        int64_t i;
        double d;
        hr_i128_in_state w;
    };
    uint64_t has;
};
static_assert(sizeof(struct extreme) == 24, "as large as a blob");

static uint32_t bytes_24(const struct hr_expr *call) { return call ? 24 : 24; }

static bool in_state(const struct hr_type *type)
{
    return !hr_type_is_nested(type) && !hr_type_is_string(type) && type->id != HR_T_NULL;
}

/* Two encoded values that are not NULL. */
static int encoded_compare(const struct hr_type *type, struct hr_str_view a, struct hr_str_view b)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    struct hr_builder *builder = hr_builder_new(&arena, type, 2);
    struct hr_reader ra = hr_reader(a.ptr, a.len), rb = hr_reader(b.ptr, b.len);
    struct hr_column col;
    int c = 0;
    if (builder && hr_value_decode(type, &ra, builder) && hr_value_decode(type, &rb, builder) &&
        hr_builder_finish(builder, &col, NULL) == HR_OK)
        c = hr_column_compare(&col, 0, &col, 1);
    hr_arena_done(&arena);
    return c;
}

#define EXTREME_LOOP(T, FIELD, BETTER)                                \
    do {                                                              \
        const T *values = v->col.values;                              \
        HR_EACH_INPUT(v)                                              \
        {                                                             \
            struct extreme *s = HR_STATE(struct extreme, i);          \
            const T x = values[at];                                   \
            if (!s->has || (BETTER)) s->FIELD = x;                    \
            s->has = 1;                                               \
        }                                                             \
    } while (0)
#define EXTREME_TYPES(OP, REAL)                                                       \
    switch (v->col.type->id) {                                                        \
    case HR_T_BYTE: EXTREME_LOOP(int8_t, i, x OP s->i); return HR_OK;                 \
    case HR_T_SHORT: EXTREME_LOOP(int16_t, i, x OP s->i); return HR_OK;               \
    case HR_T_INT:                                                                    \
    case HR_T_DATE:                                                                   \
    case HR_T_INTERVAL_YM: EXTREME_LOOP(int32_t, i, x OP s->i); return HR_OK;         \
    case HR_T_LONG:                                                                   \
    case HR_T_TIMESTAMP:                                                              \
    case HR_T_TIMESTAMP_NTZ:                                                          \
    case HR_T_TIME:                                                                   \
    case HR_T_INTERVAL_DT: EXTREME_LOOP(int64_t, i, x OP s->i); return HR_OK;         \
    case HR_T_FLOAT: EXTREME_LOOP(float, d, REAL); return HR_OK;                      \
    case HR_T_DOUBLE: EXTREME_LOOP(double, d, REAL); return HR_OK;                    \
    case HR_T_DECIMAL: EXTREME_LOOP(hr_i128, w, x OP s->w); return HR_OK;             \
    default: break;                                                                   \
    }

/* Strings are kept as they are, nested values encoded. */
static hr_status extreme_bytes(const struct hr_vector *v, uint32_t at, int sign,
                               struct hr_blob *blob, struct hr_buf *scratch, struct hr_err *err)
{
    struct hr_str_view key;
    int c = 1;
    if (hr_type_is_string(v->col.type)) {
        key = hr_string_view(&((const struct hr_string *)v->col.values)[at]);
        if (blob->count) c = sign * hr_sv_cmp(key, hr_svn(blob->ptr, blob->len));
    } else {
        hr_buf_clear(scratch);
        hr_value_encode(&v->col, at, scratch);
        HR_TRY(hr_buf_status(scratch, err));
        key = hr_svn(scratch->ptr, scratch->len);
        if (blob->count) c = sign * encoded_compare(v->col.type, key, hr_svn(blob->ptr, blob->len));
    }
    if (c <= 0) return HR_OK;
    blob->count = 1;
    return hr_blob_set(blob, key.ptr, key.len, err);
}

static hr_status extreme_others(const struct hr_vector *v, const uint32_t *rows, uint32_t count,
                                uint8_t *const *states, uint32_t offset, int sign,
                                struct hr_err *err)
{
    struct hr_buf scratch = {0};
    hr_status status = HR_OK;
    HR_EACH_INPUT(v)
    {
        if (v->col.type->id == HR_T_BOOLEAN) {
            struct extreme *s = HR_STATE(struct extreme, i);
            int64_t x = hr_bit_get(v->col.values, at);
            if (!s->has || sign * (x - s->i) > 0) s->i = x;
            s->has = 1;
        } else if (status == HR_OK) {
            status = extreme_bytes(v, at, sign, HR_STATE(struct hr_blob, i), &scratch, err);
        }
    }
    hr_buf_done(&scratch);
    return status;
}

static hr_status min_update(HR_UPDATE_ARGS)
{
    const struct hr_vector *v = &args[0];
    EXTREME_TYPES(<, x < s->d || (s->d != s->d && x == x))
    return extreme_others(v, rows, count, states, offset, -1, err);
}

static hr_status max_update(HR_UPDATE_ARGS)
{
    const struct hr_vector *v = &args[0];
    EXTREME_TYPES(>, x > s->d || (x != x && s->d == s->d))
    return extreme_others(v, rows, count, states, offset, 1, err);
}

static hr_status extreme_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                               int sign, struct hr_err *err)
{
    const struct hr_type *type = call->args[0]->type;
    if (!in_state(type)) {
        struct hr_blob *a = (void *)into;
        const struct hr_blob *b = (const void *)from;
        struct hr_str_view x = {a->ptr, a->len}, y = {b->ptr, b->len};
        if (!b->count) return HR_OK;
        int c = !a->count ? 1
                : hr_type_is_string(type) ? hr_sv_cmp(y, x) : encoded_compare(type, y, x);
        if (a->count && sign * c <= 0) return HR_OK;
        a->count = 1;
        return hr_blob_set(a, y.ptr, y.len, err);
    }
    struct extreme *a = (void *)into;
    const struct extreme *b = (const void *)from;
    if (!b->has) return HR_OK;
    int c;
    if (type->id == HR_T_DECIMAL)
        c = (b->w > a->w) - (b->w < a->w);
    else if (hr_type_is_fractional(type))
        c = isnan(b->d) ? !isnan(a->d) : isnan(a->d) ? -1 : (b->d > a->d) - (b->d < a->d);
    else
        c = (b->i > a->i) - (b->i < a->i);
    if (!a->has || sign * c > 0) *a = *b;
    return HR_OK;
}

static hr_status min_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                           struct hr_err *err)
{
    return extreme_merge(call, into, from, -1, err);
}

static hr_status max_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                           struct hr_err *err)
{
    return extreme_merge(call, into, from, 1, err);
}

static void put_fixed(struct hr_column *out, uint32_t i, const struct extreme *s)
{
    switch (out->type->id) {
    case HR_T_BOOLEAN: hr_out_bool(out, i, s->i != 0); break;
    case HR_T_FLOAT: HR_OUT(float, out)[i] = (float)s->d; break;
    case HR_T_DOUBLE: HR_OUT(double, out)[i] = s->d; break;
    case HR_T_DECIMAL: HR_OUT(hr_i128, out)[i] = s->w; break;
    default:
        switch (hr_type_width(out->type)) {
        case 1: HR_OUT(int8_t, out)[i] = (int8_t)s->i; break;
        case 2: HR_OUT(int16_t, out)[i] = (int16_t)s->i; break;
        case 4: HR_OUT(int32_t, out)[i] = (int32_t)s->i; break;
        default: HR_OUT(int64_t, out)[i] = s->i;
        }
    }
}

/* A blob without bytes has no address. */
static struct hr_reader blob_reader(const struct hr_blob *blob)
{
    return hr_reader(blob->len ? (const char *)blob->ptr : "", blob->len);
}

/* Blobs with one encoded value each (count 0: NULL) to a column, through a builder. */
static hr_status emit_encoded(HR_EMIT_ARGS)
{
    struct hr_builder *b = hr_builder_new(ctx->arena, out->type, count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        struct hr_reader in = blob_reader(blob);
        if (!blob->count)
            hr_builder_null(b);
        else if (!hr_value_decode(out->type, &in, b))
            return HR_BUG(err, "a kept value cannot be read");
    }
    const struct hr_type *type = out->type;
    HR_TRY(hr_builder_finish(b, out, err));
    out->type = type;
    HR_UNUSED(call);
    return HR_OK;
}

static hr_status extreme_emit(HR_EMIT_ARGS)
{
    const struct hr_type *type = call->args[0]->type;
    if (type->id == HR_T_NULL) {
        for (uint32_t i = 0; i < count; i++) hr_out_null(out, i);
        return HR_OK;
    }
    if (hr_type_is_nested(type)) return emit_encoded(call, ctx, states, offset, count, out, err);
    for (uint32_t i = 0; i < count; i++) {
        if (in_state(type)) {
            struct extreme *s = HR_STATE(struct extreme, i);
            if (!s->has) hr_out_null(out, i);
            put_fixed(out, i, s);
        } else {
            struct hr_blob *blob = HR_STATE(struct hr_blob, i);
            if (!blob->count) hr_out_null(out, i);
            HR_TRY(hr_out_str(ctx, out, i, blob->ptr, blob->len, err));
        }
    }
    return HR_OK;
}

/* --- What growing states have in common
 * ---------------------------------------------------------*/

static void save_blob(const struct hr_blob *blob, struct hr_buf *out)
{
    hr_buf_put_varint(out, blob->count);
    hr_buf_put_bytes(out, blob->ptr, blob->len);
}

static hr_status load_blob(struct hr_blob *blob, struct hr_reader *in, struct hr_err *err)
{
    uint64_t n = hr_get_varint(in);
    struct hr_str_view bytes = hr_get_bytes(in);
    if (in->failed) return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "an aggregate's state is damaged");
    blob->count = n;
    return hr_blob_set(blob, bytes.ptr, bytes.len, err);
}

static void blob_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out)
{
    HR_UNUSED(call);
    save_blob((const void *)state, out);
}

static hr_status blob_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                           struct hr_err *err)
{
    HR_UNUSED(call);
    return load_blob((void *)state, in, err);
}

static void blob_done(const struct hr_expr *call, uint8_t *state)
{
    HR_UNUSED(call);
    hr_blob_done((void *)state);
}

static void extreme_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out)
{
    if (in_state(call->args[0]->type))
        hr_buf_append(out, state, sizeof(struct extreme));
    else
        blob_save(call, state, out);
}

static hr_status extreme_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                              struct hr_err *err)
{
    if (!in_state(call->args[0]->type)) return blob_load(call, state, in, err);
    if ((size_t)(in->end - in->pos) < sizeof(struct extreme))
        return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "an aggregate's state is damaged");
    memcpy(state, in->pos, sizeof(struct extreme));
    in->pos += sizeof(struct extreme);
    return HR_OK;
}

static void extreme_done(const struct hr_expr *call, uint8_t *state)
{
    if (!in_state(call->args[0]->type)) blob_done(call, state);
}

hr_status hr_bind_extreme(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    if (!hr_type_is_orderable(call->args[call->arg_count - 1]->type))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ORDERING_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName",
                        hr_arena_printf(arena, "`%s`", call->function->name), "dataType",
                        hr_type_quoted(arena, call->args[call->arg_count - 1]->type));
    call->type = call->args[0]->type;
    call->nullable = true;
    return HR_OK;
}

const struct hr_aggregate hr_agg_min = {.state_bytes = bytes_24, .update = min_update,
    .merge = min_merge, .emit = extreme_emit, .save = extreme_save, .load = extreme_load,
    .done = extreme_done};
const struct hr_aggregate hr_agg_max = {.state_bytes = bytes_24, .update = max_update,
    .merge = max_merge, .emit = extreme_emit, .save = extreme_save, .load = extreme_load,
    .done = extreme_done};

/* --- first, last, any_value
 * ---------------------------------------------------------------------*/

hr_status hr_bind_first(HR_BIND_ARGS)
{
    int64_t ignore = 0;
    if (call->arg_count > 1 &&
        (call->args[1]->type->id != HR_T_BOOLEAN || call->args[1]->kind != HR_X_LITERAL))
        return hr_resolve_unexpected_type(arena, call, 1, "\"BOOLEAN\"", err);
    if (call->arg_count > 1) {
        struct hr_vector v = {.col = *call->args[1]->literal, .is_const = true};
        ignore = hr_arg_valid(&v, 0) && hr_arg_bool(&v, 0);
    }
    HR_UNUSED(conf);
    call->bound = hr_arena_memdup(arena, &ignore, sizeof ignore);
    call->type = call->args[0]->type;
    call->nullable = true;
    return call->bound ? HR_OK : HR_OOM(err);
}

static bool ignores_nulls(const struct hr_expr *call) { return *(const int64_t *)call->bound; }

static hr_status keep_update(HR_UPDATE_ARGS, bool last)
{
    struct hr_buf scratch = {0};
    hr_status status = HR_OK;
    const struct hr_vector *v = &args[0];
    for (uint32_t k = 0; k < count && status == HR_OK; k++) {
        uint32_t i = last ? count - 1 - k : k; /* from the end: few are overwritten */
        uint32_t row = rows ? rows[i] : i;
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        if (blob->count & (last ? 2 : 1)) continue;
        if (ignores_nulls(call) && !hr_arg_valid(v, row)) continue;
        hr_buf_clear(&scratch);
        hr_value_encode(&v->col, hr_vector_row(v, row), &scratch);
        blob->count = last ? 3 : 1;
        status = hr_blob_set(blob, scratch.ptr, scratch.len, err);
    }
    if (last) /* 2 marks "set in this batch" */
        for (uint32_t i = 0; i < count; i++) HR_STATE(struct hr_blob, i)->count &= 1;
    hr_buf_done(&scratch);
    HR_UNUSED(ctx);
    HR_UNUSED(weights);
    return status;
}

static hr_status first_update(HR_UPDATE_ARGS)
{
    return keep_update(call, ctx, args, rows, count, states, offset, weights, err, false);
}

static hr_status last_update(HR_UPDATE_ARGS)
{
    return keep_update(call, ctx, args, rows, count, states, offset, weights, err, true);
}

static hr_status first_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                             struct hr_err *err)
{
    struct hr_blob *a = (void *)into;
    const struct hr_blob *b = (const void *)from;
    HR_UNUSED(call);
    if (a->count || !b->count) return HR_OK;
    a->count = 1;
    return hr_blob_set(a, b->ptr, b->len, err);
}

static hr_status last_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                            struct hr_err *err)
{
    struct hr_blob *a = (void *)into;
    const struct hr_blob *b = (const void *)from;
    HR_UNUSED(call);
    if (!b->count) return HR_OK;
    a->count = 1;
    return hr_blob_set(a, b->ptr, b->len, err);
}

const struct hr_aggregate hr_agg_first = {.state_bytes = bytes_24, .update = first_update,
    .merge = first_merge, .emit = emit_encoded, .save = blob_save, .load = blob_load,
    .done = blob_done};
const struct hr_aggregate hr_agg_last = {.state_bytes = bytes_24, .update = last_update,
    .merge = last_merge, .emit = emit_encoded, .save = blob_save, .load = blob_load,
    .done = blob_done};

/* --- max_by, min_by ----------------------------------------------------------------------------*/

struct by {
    struct hr_blob value, key;
};

static uint32_t by_bytes(const struct hr_expr *call) { return call ? sizeof(struct by) : 0; }

static hr_status by_offer(const struct hr_expr *call, struct by *s, struct hr_str_view key,
                          struct hr_str_view value, int sign, struct hr_err *err)
{
    const struct hr_type *type = call->args[1]->type;
    /* of equal keys the later row wins, as in Spark */
    if (s->key.count &&
        sign * encoded_compare(type, key, hr_svn(s->key.ptr, s->key.len)) < 0)
        return HR_OK;
    s->key.count = s->value.count = 1;
    HR_TRY(hr_blob_set(&s->key, key.ptr, key.len, err));
    return hr_blob_set(&s->value, value.ptr, value.len, err);
}

static hr_status by_update(HR_UPDATE_ARGS, int sign)
{
    struct hr_buf key = {0}, value = {0};
    hr_status status = HR_OK;
    const struct hr_vector *by = &args[1];
    HR_EACH_INPUT(by)
    {
        if (status != HR_OK) break;
        hr_buf_clear(&key);
        hr_buf_clear(&value);
        hr_value_encode(&by->col, at, &key);
        hr_value_encode(&args[0].col, hr_vector_row(&args[0], row), &value);
        status = by_offer(call, HR_STATE(struct by, i), hr_svn(key.ptr, key.len),
                          hr_svn(value.ptr, value.len), sign, err);
    }
    hr_buf_done(&key);
    hr_buf_done(&value);
    HR_UNUSED(ctx);
    HR_UNUSED(weights);
    return status;
}

static hr_status max_by_update(HR_UPDATE_ARGS)
{
    return by_update(call, ctx, args, rows, count, states, offset, weights, err, 1);
}

static hr_status min_by_update(HR_UPDATE_ARGS)
{
    return by_update(call, ctx, args, rows, count, states, offset, weights, err, -1);
}

static hr_status by_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from, int sign,
                          struct hr_err *err)
{
    const struct by *b = (const void *)from;
    if (!b->key.count) return HR_OK;
    return by_offer(call, (void *)into, hr_svn(b->key.ptr, b->key.len),
                    hr_svn(b->value.ptr, b->value.len), sign, err);
}

static hr_status max_by_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                              struct hr_err *err)
{
    return by_merge(call, into, from, 1, err);
}

static hr_status min_by_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                              struct hr_err *err)
{
    return by_merge(call, into, from, -1, err);
}

static void by_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out)
{
    const struct by *s = (const void *)state;
    HR_UNUSED(call);
    save_blob(&s->value, out);
    save_blob(&s->key, out);
}

static hr_status by_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                         struct hr_err *err)
{
    struct by *s = (void *)state;
    HR_UNUSED(call);
    HR_TRY(load_blob(&s->value, in, err));
    return load_blob(&s->key, in, err);
}

static void by_done(const struct hr_expr *call, uint8_t *state)
{
    blob_done(call, state);
    blob_done(call, state + sizeof(struct hr_blob));
}

const struct hr_aggregate hr_agg_max_by = {.state_bytes = by_bytes, .update = max_by_update,
    .merge = max_by_merge, .emit = emit_encoded, .save = by_save, .load = by_load,
    .done = by_done};
const struct hr_aggregate hr_agg_min_by = {.state_bytes = by_bytes, .update = min_by_update,
    .merge = min_by_merge, .emit = emit_encoded, .save = by_save, .load = by_load,
    .done = by_done};

/* --- collect_list, listagg
 * ----------------------------------------------------------------------*/

static hr_status list_update(HR_UPDATE_ARGS)
{
    struct hr_buf scratch = {0};
    hr_status status = HR_OK;
    HR_EACH_INPUT(&args[0])
    {
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        hr_buf_clear(&scratch);
        hr_value_encode(&args[0].col, at, &scratch);
        blob->count++;
        status = hr_blob_append(blob, scratch.ptr, scratch.len, err);
        if (status != HR_OK) break;
    }
    hr_buf_done(&scratch);
    HR_UNUSED(call);
    HR_UNUSED(ctx);
    HR_UNUSED(weights);
    return status;
}

static hr_status list_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                            struct hr_err *err)
{
    struct hr_blob *a = (void *)into;
    const struct hr_blob *b = (const void *)from;
    HR_UNUSED(call);
    a->count += b->count;
    return hr_blob_append(a, b->ptr, b->len, err);
}

static hr_status list_emit(HR_EMIT_ARGS)
{
    const struct hr_type *element = call->args[0]->type;
    struct hr_builder *b = hr_builder_new(ctx->arena, out->type, count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        struct hr_reader in = blob_reader(blob);
        for (uint64_t k = 0; k < blob->count; k++)
            if (!hr_value_decode(element, &in, hr_builder_child(b, 0)))
                return HR_BUG(err, "a kept value cannot be read");
        hr_builder_close(b);
    }
    const struct hr_type *type = out->type;
    HR_TRY(hr_builder_finish(b, out, err));
    out->type = type;
    return HR_OK;
}

hr_status hr_bind_collect(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    if (call->function->aggregate == &hr_agg_collect_set &&
        !hr_type_is_orderable(call->args[0]->type))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNSUPPORTED_INPUT_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", "`collect_set`", "dataType",
                        "\"MAP\" or \"COLLATED STRING\"");
    call->type = hr_type_array(call->args[0]->type, false);
    call->nullable = false;
    return call->type ? HR_OK : HR_OOM(err);
}

const struct hr_aggregate hr_agg_collect_list = {.state_bytes = bytes_24, .update = list_update,
    .merge = list_merge, .emit = list_emit, .save = blob_save, .load = blob_load,
    .done = blob_done};

/* listagg(text, separator): the separator is constant. */
static hr_status listagg_emit(HR_EMIT_ARGS)
{
    struct hr_str_view sep = *(const struct hr_str_view *)call->bound;
    struct hr_buf text = {0};
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        struct hr_blob *blob = HR_STATE(struct hr_blob, i);
        struct hr_reader in = blob_reader(blob);
        hr_buf_clear(&text);
        for (uint64_t k = 0; k < blob->count; k++) {
            hr_get_u8(&in);
            struct hr_str_view s = hr_get_bytes(&in);
            if (k) hr_buf_put_sv(&text, sep);
            hr_buf_put_sv(&text, s);
        }
        if (!blob->count) hr_out_null(out, i);
        status = hr_buf_status(&text, err);
        if (status == HR_OK) status = hr_out_str(ctx, out, i, text.ptr, text.len, err);
    }
    hr_buf_done(&text);
    return status;
}

/* The separator behind the text, in front of the keys of WITHIN GROUP. */
static hr_status add_separator(struct hr_arena *arena, struct hr_expr *call, struct hr_err *err)
{
    HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_null(arena, hr_type(HR_T_NULL)), err));
    struct hr_expr *separator = call->args[call->arg_count - 1];
    for (uint32_t i = call->arg_count - 1; i > 1; i--) call->args[i] = call->args[i - 1];
    call->args[1] = separator;
    return HR_OK;
}

hr_status hr_bind_listagg(HR_BIND_ARGS)
{
    struct hr_str_view *sep = HR_NEW(arena, struct hr_str_view);
    if (!sep) return HR_OOM(err);
    if (call->arg_count - call->order_count == 1) HR_TRY(add_separator(arena, call, err));
    if (!hr_expr_is_literal_null(call->args[1]) &&
        !hr_resolve_const_string(arena, conf, call->args[1], sep))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                        hr_expr_quoted(arena, call), "inputName", "`delimiter`", "inputType",
                        "\"STRING\"", "inputExpr", hr_expr_quoted(arena, call->args[1]));
    for (uint32_t i = 2; i < call->arg_count && call->distinct; i++)
        if (!hr_expr_equal(call->args[0], call->args[i]->args[0]))
            return HR_RAISE(err, HR_E_WITHIN_GROUP_MISMATCH, "funcName", "`listagg`", "funcArg",
                            hr_expr_quoted(arena, call->args[0]), "orderingExpr",
                            hr_expr_quoted(arena, call->args[i]->args[0]));
    call->bound = sep;
    if (call->order_count) call->name = "listagg"; /* as in Spark, whatever was written */
    call->type = call->args[0]->type;
    call->nullable = true;
    return HR_OK;
}

static hr_status text_update(HR_UPDATE_ARGS)
{
    return call->order_count ? hr_listagg_ordered_update(call, ctx, args, rows, count, states,
                                                         offset, weights, err)
                             : list_update(call, ctx, args, rows, count, states, offset, weights,
                                           err);
}

static hr_status text_emit(HR_EMIT_ARGS)
{
    return call->order_count
               ? hr_listagg_ordered_emit(call, ctx, states, offset, count, out, err)
               : listagg_emit(call, ctx, states, offset, count, out, err);
}

const struct hr_aggregate hr_agg_listagg = {.state_bytes = bytes_24, .update = text_update,
    .merge = list_merge, .emit = text_emit, .save = blob_save, .load = blob_load,
    .done = blob_done};

/* --- Sets: collect_set, mode, and DISTINCT around any aggregate
 * ----------------------------------*/

uint32_t hr_agg_set_bytes(const struct hr_expr *call)
{
    return call ? (sizeof(struct hr_value_set) + 7u) & ~7u : 0;
}

static hr_status add_tuple(const struct hr_vector *args, uint32_t arg_count, uint32_t row,
                           int64_t weight, struct hr_buf *scratch, struct hr_value_set *set,
                           struct hr_err *err)
{
    hr_buf_clear(scratch);
    for (uint32_t a = 0; a < arg_count; a++)
        hr_value_encode_key(&args[a].col, hr_vector_row(&args[a], row), scratch);
    HR_TRY(hr_buf_status(scratch, err));
    return hr_value_set_add(set, scratch->ptr, (uint32_t)scratch->len, weight, err);
}

hr_status hr_agg_set_update_args(HR_UPDATE_ARGS, uint32_t arg_count, bool skip_nulls)
{
    struct hr_buf scratch = {0};
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        uint32_t row = rows ? rows[i] : i;
        bool null = false;
        for (uint32_t a = 0; a < arg_count && skip_nulls; a++)
            null = null || !hr_arg_valid(&args[a], row);
        if (!null)
            status = add_tuple(args, arg_count, row, weights ? weights[row] : 1, &scratch,
                               HR_STATE(struct hr_value_set, i), err);
    }
    hr_buf_done(&scratch);
    HR_UNUSED(call);
    HR_UNUSED(ctx);
    return status;
}

static hr_status set_update(HR_UPDATE_ARGS)
{
    return hr_agg_set_update_args(call, ctx, args, rows, count, states, offset, weights, err, 1,
                                  true);
}

hr_status hr_agg_set_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                           struct hr_err *err)
{
    uint32_t pos = 0;
    struct hr_str_view key;
    int64_t weight;
    HR_UNUSED(call);
    while (hr_value_set_next((const void *)from, &pos, &key, &weight))
        HR_TRY(hr_value_set_add((void *)into, key.ptr, (uint32_t)key.len, weight, err));
    return HR_OK;
}

void hr_agg_set_save(const struct hr_expr *call, const uint8_t *state, struct hr_buf *out)
{
    HR_UNUSED(call);
    hr_value_set_save((const void *)state, out);
}

hr_status hr_agg_set_load(const struct hr_expr *call, uint8_t *state, struct hr_reader *in,
                          struct hr_err *err)
{
    HR_UNUSED(call);
    return hr_value_set_load((void *)state, in, err);
}

void hr_agg_set_done(const struct hr_expr *call, uint8_t *state)
{
    HR_UNUSED(call);
    hr_value_set_done((void *)state);
}

static hr_status collect_set_emit(HR_EMIT_ARGS)
{
    struct hr_builder *b = hr_builder_new(ctx->arena, out->type, count);
    if (!b) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t pos = 0;
        struct hr_str_view key;
        while (hr_value_set_next(HR_STATE(struct hr_value_set, i), &pos, &key, NULL)) {
            struct hr_reader in = hr_reader(key.ptr, key.len);
            if (!hr_value_decode(call->args[0]->type, &in, hr_builder_child(b, 0)))
                return HR_BUG(err, "a kept value cannot be read");
        }
        hr_builder_close(b);
    }
    const struct hr_type *type = out->type;
    HR_TRY(hr_builder_finish(b, out, err));
    out->type = type;
    return HR_OK;
}

const struct hr_aggregate hr_agg_collect_set = {.state_bytes = hr_agg_set_bytes,
    .update = set_update, .merge = hr_agg_set_merge, .emit = collect_set_emit,
    .save = hr_agg_set_save, .load = hr_agg_set_load, .done = hr_agg_set_done, .can_retract = true};

/* --- DISTINCT ----------------------------------------------------------------------------------*/

static hr_status distinct_update(HR_UPDATE_ARGS)
{
    bool is_count = call->function->aggregate == &hr_agg_count;
    return hr_agg_set_update_args(call, ctx, args, rows, count, states, offset, weights, err,
                           call->arg_count, is_count);
}

/* The tuples of one group as vectors, fed to the inner aggregate's fresh state. */
static hr_status distinct_replay(const struct hr_expr *call, struct hr_eval_ctx *ctx,
                                 const struct hr_value_set *set, uint8_t *inner, struct hr_err *err)
{
    uint32_t n = call->arg_count, pos = 0;
    struct hr_builder **builders = HR_NEW_ARRAY(ctx->arena, struct hr_builder *, n);
    struct hr_vector *vectors = HR_NEW_ARRAY(ctx->arena, struct hr_vector, n);
    if (!builders || !vectors) return HR_OOM(err);
    for (uint32_t a = 0; a < n; a++)
        if (!(builders[a] = hr_builder_new(ctx->arena, call->args[a]->type, set->live)))
            return HR_OOM(err);
    struct hr_str_view key;
    while (hr_value_set_next(set, &pos, &key, NULL)) {
        struct hr_reader in = hr_reader(key.ptr, key.len);
        for (uint32_t a = 0; a < n; a++)
            if (!hr_value_decode(call->args[a]->type, &in, builders[a]))
                return HR_BUG(err, "a kept value cannot be read");
    }
    for (uint32_t a = 0; a < n; a++) HR_TRY(hr_builder_finish(builders[a], &vectors[a].col, err));
    uint8_t **states = hr_arena_alloc(ctx->arena, sizeof *states * (set->live + 1));
    if (!states) return HR_OOM(err);
    for (uint32_t i = 0; i < set->live; i++) states[i] = inner;
    struct hr_eval_ctx one = *ctx;
    one.row_count = set->live;
    return call->function->aggregate->update(call, &one, vectors, NULL, set->live, states, 0, NULL,
                                             err);
}

static hr_status distinct_emit(HR_EMIT_ARGS)
{
    const struct hr_aggregate *agg = call->function->aggregate;
    if (agg == &hr_agg_count) {
        for (uint32_t i = 0; i < count; i++)
            HR_OUT(int64_t, out)[i] = HR_STATE(struct hr_value_set, i)->live;
        return HR_OK;
    }
    uint32_t bytes = (agg->state_bytes(call) + 7u) & ~7u;
    uint8_t **inner = HR_NEW_ARRAY(ctx->arena, uint8_t *, count + 1);
    if (!inner) return HR_OOM(err);
    hr_status status = HR_OK;
    uint32_t made = 0;
    for (; made < count && status == HR_OK; made++) {
        inner[made] = hr_arena_zalloc(ctx->arena, bytes);
        if (!inner[made]) {
            status = HR_OOM(err);
            break;
        }
        if (agg->init) agg->init(call, inner[made]);
        status = distinct_replay(call, ctx, HR_STATE(struct hr_value_set, made), inner[made], err);
    }
    if (status == HR_OK) status = agg->emit(call, ctx, inner, 0, count, out, err);
    for (uint32_t i = 0; i < made && agg->done; i++) agg->done(call, inner[i]);
    return status;
}

const struct hr_aggregate hr_agg_distinct = {.state_bytes = hr_agg_set_bytes,
    .update = distinct_update, .merge = hr_agg_set_merge, .emit = distinct_emit,
    .save = hr_agg_set_save, .load = hr_agg_set_load, .done = hr_agg_set_done, .can_retract = true};

const struct hr_aggregate *hr_aggregate_of(const struct hr_expr *call)
{
    const struct hr_aggregate *agg = call->function->aggregate;
    bool same = agg == &hr_agg_min || agg == &hr_agg_max || agg == &hr_agg_bool_and ||
                agg == &hr_agg_bool_or || agg == &hr_agg_collect_set || agg == &hr_agg_bit_and ||
                agg == &hr_agg_bit_or;
    if (call->retracts) return hr_agg_retracting(call);
    return call->distinct && !same ? &hr_agg_distinct : agg;
}
