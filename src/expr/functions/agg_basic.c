/* SPDX-License-Identifier: Apache-2.0 */
/*
 * count, sum, avg, count_if, bool_and, bool_or, bit_and, bit_or, bit_xor: states of fixed size that
 * take rows back (weights). Loops by input type: no call a row.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include <math.h>

#include "base/decimal.h"
#include "expr/functions/agg.h"

double hr_agg_f64(const struct hr_vector *v, uint32_t at)
{
    switch (v->col.type->id) {
    case HR_T_DECIMAL:
        return hr_decimal_to_double(((const hr_i128 *)v->col.values)[at], v->col.type->scale);
    case HR_T_FLOAT: return ((const float *)v->col.values)[at];
    case HR_T_DOUBLE: return ((const double *)v->col.values)[at];
    default: {
        struct hr_vector one = *v;
        one.is_const = false;
        return (double)hr_arg_i64(&one, at);
    }
    }
}

/* --- count -------------------------------------------------------------------------------------*/

static uint32_t bytes_8(const struct hr_expr *call) { return call ? 8 : 8; }
static uint32_t bytes_16(const struct hr_expr *call) { return call ? 16 : 16; }

static bool all_valid(const struct hr_expr *call, const struct hr_vector *args, uint32_t row)
{
    for (uint32_t a = 0; a < call->arg_count; a++)
        if (!hr_arg_valid(&args[a], row)) return false;
    return true;
}

/* No argument can be NULL: every row counts. */
static bool never_null(const struct hr_expr *call, const struct hr_vector *args)
{
    for (uint32_t a = 0; a < call->arg_count; a++)
        if (args[a].col.type->id == HR_T_NULL || (args[a].is_const ? !hr_arg_valid(&args[a], 0)
                                                                   : args[a].col.validity != NULL))
            return false;
    return true;
}

static hr_status count_update(HR_UPDATE_ARGS)
{
    HR_UNUSED(ctx);
    HR_UNUSED(err);
    if (never_null(call, args) && !weights) {
        for (uint32_t i = 0; i < count; i++) (*HR_STATE(int64_t, i))++;
        return HR_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows ? rows[i] : i;
        if (all_valid(call, args, row)) *HR_STATE(int64_t, i) += weights ? weights[row] : 1;
    }
    return HR_OK;
}

static hr_status count_update_one(const struct hr_expr *call, struct hr_eval_ctx *ctx,
                                  const struct hr_vector *args, const uint32_t *rows,
                                  uint32_t count, uint8_t *state, struct hr_err *err)
{
    HR_UNUSED(ctx);
    HR_UNUSED(err);
    int64_t n = 0;
    if (never_null(call, args))
        n = count;
    else
        for (uint32_t i = 0; i < count; i++) n += all_valid(call, args, rows ? rows[i] : i);
    *(int64_t *)(void *)state += n;
    return HR_OK;
}

static hr_status count_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                             struct hr_err *err)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    *(int64_t *)(void *)into += *(const int64_t *)(const void *)from;
    return HR_OK;
}

static hr_status count_emit(HR_EMIT_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(ctx);
    HR_UNUSED(err);
    for (uint32_t i = 0; i < count; i++) HR_OUT(int64_t, out)[i] = *HR_STATE(int64_t, i);
    return HR_OK;
}

hr_status hr_bind_count(HR_BIND_ARGS)
{
    HR_UNUSED(arena);
    HR_UNUSED(conf);
    HR_UNUSED(err);
    call->nullable = false;
    return HR_OK;
}

const struct hr_aggregate hr_agg_count = {
    .state_bytes = bytes_8, .update = count_update, .update_one = count_update_one,
    .merge = count_merge, .emit = count_emit, .can_retract = true};

/* count_if: the argument is true. */
static hr_status count_if_update(HR_UPDATE_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(ctx);
    HR_UNUSED(err);
    HR_EACH_INPUT(&args[0])
        *HR_STATE(int64_t, i) += hr_bit_get(args[0].col.values, at) * (weights ? weights[row] : 1);
    return HR_OK;
}

const struct hr_aggregate hr_agg_count_if = {.state_bytes = bytes_8, .update = count_if_update,
    .merge = count_merge, .emit = count_emit, .can_retract = true};

/* --- sum ---------------------------------------------------------------------------------------*/

struct sum_i64 {
    int64_t sum, n;
};
struct sum_f64 {
    double sum;
    int64_t n;
};
struct sum_i128 { /* over: the sum left 128 bits */
    hr_i128_in_state sum;
    int64_t n;
};
#define SUM_OVER (INT64_MIN / 2) /* n of a sum that overflowed */

enum sum_kind { SUM_I64, SUM_F64, SUM_I128 };

static enum sum_kind sum_kind(const struct hr_type *type)
{
    if (type->id == HR_T_DECIMAL) return SUM_I128;
    return type->id == HR_T_FLOAT || type->id == HR_T_DOUBLE ? SUM_F64 : SUM_I64;
}

static bool is_try_sum(const struct hr_expr *call) { return call->function->flags & HR_FN_TRY; }

static uint32_t sum_bytes(const struct hr_expr *call)
{
    return sum_kind(call->args[0]->type) == SUM_I128 ? sizeof(struct sum_i128) : 16;
}

#define SUM_INTS(T)                                                                         \
    do {                                                                                    \
        const T *a = v->col.values;                                                         \
        HR_EACH_INPUT(v)                                                                    \
        {                                                                                   \
            struct sum_i64 *s = HR_STATE(struct sum_i64, i);                                \
            int64_t x = a[at];                                                              \
            if (weights) {                                                                  \
                over |= __builtin_mul_overflow(x, (int64_t)weights[row], &x);               \
                s->n += weights[row];                                                       \
            } else {                                                                        \
                s->n++;                                                                     \
            }                                                                               \
            over |= bad = __builtin_add_overflow(s->sum, x, &s->sum);                       \
            if (HR_UNLIKELY(bad)) s->n = SUM_OVER;                                          \
        }                                                                                   \
    } while (0)
#define SUM_REALS(T)                                                                        \
    do {                                                                                    \
        const T *a = v->col.values;                                                         \
        HR_EACH_INPUT(v)                                                                    \
        {                                                                                   \
            struct sum_f64 *s = HR_STATE(struct sum_f64, i);                                \
            s->sum += weights ? (double)a[at] * weights[row] : (double)a[at];               \
            s->n += weights ? weights[row] : 1;                                             \
        }                                                                                   \
    } while (0)

static void sum_decimals(const struct hr_vector *v, const uint32_t *rows, uint32_t count,
                         uint8_t *const *states, uint32_t offset, const int32_t *weights)
{
    const hr_i128 *a = v->col.values;
    HR_EACH_INPUT(v)
    {
        struct sum_i128 *s = HR_STATE(struct sum_i128, i);
        hr_i128 sum, x = a[at] * (weights ? weights[row] : 1);
        s->n += weights ? weights[row] : 1;
        if (__builtin_add_overflow(s->sum, x, &sum)) s->n = SUM_OVER;
        s->sum = sum;
    }
}

static hr_status sum_update(HR_UPDATE_ARGS)
{
    HR_UNUSED(ctx);
    const struct hr_vector *v = &args[0];
    bool over = false, bad;
    switch (v->col.type->id) {
    case HR_T_BYTE: SUM_INTS(int8_t); break;
    case HR_T_SHORT: SUM_INTS(int16_t); break;
    case HR_T_INT:
    case HR_T_INTERVAL_YM: SUM_INTS(int32_t); break;
    case HR_T_LONG:
    case HR_T_INTERVAL_DT: SUM_INTS(int64_t); break;
    case HR_T_FLOAT: SUM_REALS(float); break;
    case HR_T_DOUBLE: SUM_REALS(double); break;
    case HR_T_DECIMAL: sum_decimals(v, rows, count, states, offset, weights); break;
    default: break;
    }
    if (HR_UNLIKELY(over) && !is_try_sum(call))
        return hr_type_is_interval(v->col.type) ? hr_raise_interval_overflow("try_add", err)
                                                : hr_raise_overflow("try_add", err);
    return HR_OK;
}

#define SUM_DENSE(T, A)                                  \
    do {                                                 \
        const T *a = v->col.values;                      \
        for (uint32_t i = 0; i < count; i++) A += a[i];  \
    } while (0)

/* One group, all rows, no NULL: what vectorises. Others go the general way. */
static hr_status sum_update_one(const struct hr_expr *call, struct hr_eval_ctx *ctx,
                                const struct hr_vector *args, const uint32_t *rows, uint32_t count,
                                uint8_t *state, struct hr_err *err)
{
    const struct hr_vector *v = &args[0];
    enum hr_type_id id = v->col.type->id;
    bool narrow = id == HR_T_BYTE || id == HR_T_SHORT || id == HR_T_INT;
    if (rows || v->is_const || v->col.validity || !narrow) {
        uint8_t **same = hr_arena_alloc(ctx->arena, sizeof *same * (count + 1));
        if (!same) return HR_OOM(err);
        for (uint32_t i = 0; i < count; i++) same[i] = state;
        return sum_update(call, ctx, args, rows, count, same, 0, NULL, err);
    }
    struct sum_i64 *s = (struct sum_i64 *)(void *)state;
    int64_t sum = 0; /* at most 2^32 values of 32 bits: no overflow */
    if (id == HR_T_BYTE)
        SUM_DENSE(int8_t, sum);
    else if (id == HR_T_SHORT)
        SUM_DENSE(int16_t, sum);
    else
        SUM_DENSE(int32_t, sum);
    s->n += count;
    if (!__builtin_add_overflow(s->sum, sum, &s->sum)) return HR_OK;
    s->n = SUM_OVER;
    return is_try_sum(call) ? HR_OK : hr_raise_overflow("try_add", err);
}

static hr_status sum_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                           struct hr_err *err)
{
    bool over = false;
    switch (sum_kind(call->args[0]->type)) {
    case SUM_F64: {
        struct sum_f64 *a = (void *)into;
        const struct sum_f64 *b = (const void *)from;
        a->sum += b->sum;
        a->n += b->n;
        return HR_OK;
    }
    case SUM_I128: {
        struct sum_i128 *a = (void *)into;
        const struct sum_i128 *b = (const void *)from;
        hr_i128 sum;
        over = __builtin_add_overflow(a->sum, b->sum, &sum) || a->n < 0 || b->n < 0;
        a->sum = sum;
        a->n = over ? SUM_OVER : a->n + b->n;
        return HR_OK; /* reported when the result is wanted */
    }
    case SUM_I64: {
        struct sum_i64 *a = (void *)into;
        const struct sum_i64 *b = (const void *)from;
        over = __builtin_add_overflow(a->sum, b->sum, &a->sum);
        a->n = over || a->n < 0 || b->n < 0 ? SUM_OVER : a->n + b->n;
        return over && !is_try_sum(call) ? hr_raise_overflow("try_add", err) : HR_OK;
    }
    }
    return HR_OK;
}

/* summed: the sum has 38 digits at most; ok: v is the result. */
static hr_status decimal_result(const struct hr_expr *call, struct hr_eval_ctx *ctx, hr_i128 v,
                                bool summed, bool ok, uint32_t i, struct hr_column *out,
                                struct hr_err *err)
{
    if (ok && hr_decimal_fits(v, call->type->precision)) {
        HR_OUT(hr_i128, out)[i] = v;
        return HR_OK;
    }
    if (is_try_sum(call) || !ctx->conf->ansi) {
        hr_out_null(out, i);
        return HR_OK;
    }
    bool sum = call->function->aggregate == &hr_agg_sum;
    if (!call->distinct && (sum || !summed))
        return HR_RAISE(err, HR_E_ARITHMETIC_OVERFLOW, "message", "Overflow in sum of decimals",
                        "alternative",
                        sum ? " Use 'try_sum' to tolerate overflow and return NULL instead."
                            : " Use 'try_avg' to tolerate overflow and return NULL instead.",
                        "config", HR_ANSI_CONFIG);
    char text[64] = "The sum";
    if (ok) text[hr_decimal_format(v, call->type->scale, text)] = 0;
    return hr_raise_decimal_range(text, call->type, err);
}

/* Whether a sum of intervals is one; else NULL, or the error. */
static hr_status interval_sum(const struct hr_expr *call, hr_i128 sum, uint32_t i,
                              struct hr_column *out, bool *ret_fits, struct hr_err *err)
{
    *ret_fits = sum == (call->type->id == HR_T_INTERVAL_YM ? (int32_t)sum : (int64_t)sum);
    if (*ret_fits) return HR_OK;
    if (!is_try_sum(call)) return hr_raise_interval_overflow("try_add", err);
    hr_out_null(out, i);
    return HR_OK;
}

static hr_status sum_emit(HR_EMIT_ARGS)
{
    bool fits;
    enum sum_kind kind = sum_kind(call->args[0]->type);
    for (uint32_t i = 0; i < count; i++) {
        if (kind == SUM_I128) {
            struct sum_i128 *s = HR_STATE(struct sum_i128, i);
            if (s->n == 0)
                hr_out_null(out, i);
            else
                HR_TRY(decimal_result(call, ctx, s->sum, s->n > 0, s->n > 0, i, out, err));
            continue;
        }
        struct sum_i64 *s = HR_STATE(struct sum_i64, i);
        if (s->n <= 0) hr_out_null(out, i);
        if (hr_type_is_interval(call->type) && s->n > 0)
            HR_TRY(interval_sum(call, s->sum, i, out, &fits, err));
        if (kind == SUM_F64)
            HR_OUT(double, out)[i] = HR_STATE(struct sum_f64, i)->sum;
        else if (call->type->id == HR_T_INTERVAL_YM)
            HR_OUT(int32_t, out)[i] = (int32_t)s->sum;
        else
            HR_OUT(int64_t, out)[i] = s->sum;
    }
    return HR_OK;
}

/* sum and avg take numbers and intervals; strings become DOUBLE. */
static hr_status numeric_arg(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    const struct hr_type *t = call->args[0]->type;
    if (hr_type_is_interval(t)) return HR_OK;
    const struct hr_type *to = hr_type_implicit(t, hr_sv("numeric"));
    if (!to)
        return hr_resolve_unexpected_type(arena, call, 0, "\"NUMERIC\" or \"ANSI INTERVAL\"", err);
    return hr_resolve_cast(arena, &call->args[0], to, err);
}

hr_status hr_bind_sum(HR_BIND_ARGS)
{
    HR_TRY(numeric_arg(arena, conf, call, err));
    const struct hr_type *t = call->args[0]->type;
    call->nullable = true;
    if (hr_type_is_interval(t))
        call->type = t;
    else if (t->id == HR_T_DECIMAL)
        call->type = hr_type_decimal_bounded(t->precision + 10, t->scale);
    else
        call->type = hr_type(hr_type_is_integral(t) ? HR_T_LONG : HR_T_DOUBLE);
    return HR_OK;
}

const struct hr_aggregate hr_agg_sum = {.state_bytes = sum_bytes, .update = sum_update,
    .update_one = sum_update_one, .merge = sum_merge, .emit = sum_emit, .can_retract = true};

/* --- avg ---------------------------------------------------------------------------------------*/

/* Integers are summed as doubles, as in Spark; decimals and intervals exactly. */
static enum sum_kind avg_kind(const struct hr_type *type)
{
    return type->id == HR_T_DECIMAL || hr_type_is_interval(type) ? SUM_I128 : SUM_F64;
}

static uint32_t avg_bytes(const struct hr_expr *call)
{
    return avg_kind(call->args[0]->type) == SUM_I128 ? sizeof(struct sum_i128) : 16;
}

static hr_status avg_update(HR_UPDATE_ARGS)
{
    HR_UNUSED(ctx);
    HR_UNUSED(call);
    HR_UNUSED(err);
    const struct hr_vector *v = &args[0];
    switch (v->col.type->id) {
    case HR_T_BYTE: SUM_REALS(int8_t); break;
    case HR_T_SHORT: SUM_REALS(int16_t); break;
    case HR_T_INT: SUM_REALS(int32_t); break;
    case HR_T_LONG: SUM_REALS(int64_t); break;
    case HR_T_FLOAT: SUM_REALS(float); break;
    case HR_T_DOUBLE: SUM_REALS(double); break;
    case HR_T_DECIMAL: sum_decimals(v, rows, count, states, offset, weights); break;
    default:
        HR_EACH_INPUT(v)
        {
            struct sum_i128 *s = HR_STATE(struct sum_i128, i);
            s->sum += (hr_i128)hr_arg_i64(v, at) * (weights ? weights[row] : 1);
            s->n += weights ? weights[row] : 1;
        }
    }
    return HR_OK;
}

static hr_status avg_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                           struct hr_err *err)
{
    HR_UNUSED(err);
    if (avg_kind(call->args[0]->type) == SUM_F64) {
        ((struct sum_f64 *)(void *)into)->sum += ((const struct sum_f64 *)(const void *)from)->sum;
        ((struct sum_f64 *)(void *)into)->n += ((const struct sum_f64 *)(const void *)from)->n;
    } else {
        ((struct sum_i128 *)(void *)into)->sum +=
            ((const struct sum_i128 *)(const void *)from)->sum;
        ((struct sum_i128 *)(void *)into)->n += ((const struct sum_i128 *)(const void *)from)->n;
    }
    return HR_OK;
}

static hr_status avg_emit(HR_EMIT_ARGS)
{
    const struct hr_type *from = call->args[0]->type;
    for (uint32_t i = 0; i < count; i++) {
        struct sum_f64 *f = HR_STATE(struct sum_f64, i);
        struct sum_i128 *d = HR_STATE(struct sum_i128, i);
        bool real = avg_kind(from) == SUM_F64;
        int64_t n = real ? f->n : d->n;
        hr_i128 v = 0;
        bool fits = true;
        if (n > 0 && hr_type_is_interval(from))
            HR_TRY(interval_sum(call, d->sum, i, out, &fits, err));
        if (n == 0 || !fits) {
            hr_out_null(out, i);
        } else if (real) {
            HR_OUT(double, out)[i] = f->sum / (double)n;
        } else if (from->id == HR_T_DECIMAL) {
            bool sum = n > 0 && hr_decimal_fits(d->sum, 38);
            bool ok = sum && hr_decimal_div(d->sum, from->scale, n, 0, call->type->scale, &v);
            HR_TRY(decimal_result(call, ctx, v, sum, ok, i, out, err));
        } else if (!hr_decimal_div(d->sum, 0, n, 0, 0, &v)) {
            hr_out_null(out, i);
        } else if (from->id == HR_T_INTERVAL_YM) {
            HR_OUT(int32_t, out)[i] = (int32_t)v;
        } else {
            HR_OUT(int64_t, out)[i] = (int64_t)v;
        }
    }
    return HR_OK;
}

hr_status hr_bind_avg(HR_BIND_ARGS)
{
    HR_TRY(numeric_arg(arena, conf, call, err));
    const struct hr_type *t = call->args[0]->type;
    call->nullable = true;
    if (hr_type_is_interval(t))
        call->type =
            t->id == HR_T_INTERVAL_YM ? hr_type_interval_ym(0, 1) : hr_type_interval_dt(2, 5);
    else if (t->id == HR_T_DECIMAL)
        call->type = hr_type_decimal_bounded(t->precision + 4, t->scale + 4);
    else
        call->type = hr_type(HR_T_DOUBLE);
    return HR_OK;
}

const struct hr_aggregate hr_agg_avg = {.state_bytes = avg_bytes, .update = avg_update,
    .merge = avg_merge, .emit = avg_emit, .can_retract = true};

/* --- bool_and, bool_or: counts of true and false
 * ------------------------------------------------*/

struct truth {
    int64_t trues, falses;
};

static hr_status truth_update(HR_UPDATE_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(ctx);
    HR_UNUSED(err);
    HR_EACH_INPUT(&args[0])
    {
        bool b = hr_bit_get(args[0].col.values, at);
        int64_t w = weights ? weights[row] : 1;
        HR_STATE(struct truth, i)->trues += b ? w : 0;
        HR_STATE(struct truth, i)->falses += b ? 0 : w;
    }
    return HR_OK;
}

static hr_status truth_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                             struct hr_err *err)
{
    HR_TRY(count_merge(call, into, from, err));
    return count_merge(call, into + 8, from + 8, err);
}

static hr_status bool_and_emit(HR_EMIT_ARGS)
{
    for (uint32_t i = 0; i < count; i++) {
        struct truth *s = HR_STATE(struct truth, i);
        hr_out_bool(out, i, s->falses == 0);
        if (s->trues + s->falses == 0) hr_out_null(out, i);
    }
    return HR_OK;
}

static hr_status bool_or_emit(HR_EMIT_ARGS)
{
    for (uint32_t i = 0; i < count; i++) {
        struct truth *s = HR_STATE(struct truth, i);
        hr_out_bool(out, i, s->trues > 0);
        if (s->trues + s->falses == 0) hr_out_null(out, i);
    }
    return HR_OK;
}

const struct hr_aggregate hr_agg_bool_and = {.state_bytes = bytes_16, .update = truth_update,
    .merge = truth_merge, .emit = bool_and_emit, .can_retract = true};
const struct hr_aggregate hr_agg_bool_or = {.state_bytes = bytes_16, .update = truth_update,
    .merge = truth_merge, .emit = bool_or_emit, .can_retract = true};

/* --- bit_and, bit_or, bit_xor, product
 * -----------------------------------------------------------*/

struct bits {
    int64_t value, n;
};

#define BITS_AGG(NAME, EXPR)                                                                      \
    static hr_status NAME##_update(HR_UPDATE_ARGS)                                                \
    {                                                                                             \
        HR_EACH_INPUT(&args[0])                                                                   \
        {                                                                                         \
            struct bits *s = HR_STATE(struct bits, i);                                            \
            int64_t x = hr_arg_i64(&args[0], row), a = s->value;                                  \
            s->value = s->n++ ? (EXPR) : x;                                                       \
        }                                                                                         \
        return HR_OK;                                                                             \
    }                                                                                             \
    static hr_status NAME##_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from, \
                                  struct hr_err *err)                                             \
    {                                                                                             \
        struct bits *s = (void *)into;                                                            \
        const struct bits *f = (const void *)from;                                                \
        int64_t x = f->value, a = s->value;                                                       \
        if (f->n) s->value = s->n ? (EXPR) : x;                                                   \
        s->n += f->n;                                                                             \
        return HR_OK;                                                                             \
    }                                                                                             \
    const struct hr_aggregate hr_agg_##NAME = {.state_bytes = bytes_16, .update = NAME##_update,  \
                                               .merge = NAME##_merge, .emit = bits_emit};

static hr_status bits_emit(HR_EMIT_ARGS)
{
    for (uint32_t i = 0; i < count; i++) {
        struct bits *s = HR_STATE(struct bits, i);
        if (s->n == 0) hr_out_null(out, i);
        switch (hr_type_width(call->type)) {
        case 1: HR_OUT(int8_t, out)[i] = (int8_t)s->value; break;
        case 2: HR_OUT(int16_t, out)[i] = (int16_t)s->value; break;
        case 4: HR_OUT(int32_t, out)[i] = (int32_t)s->value; break;
        default: HR_OUT(int64_t, out)[i] = s->value;
        }
    }
    return HR_OK;
}
BITS_AGG(bit_and, a & x)
BITS_AGG(bit_or, a | x)
BITS_AGG(bit_xor, a ^ x)

/* --- Moments: variance, skewness, kurtosis
 * ------------------------------------------------------*/

struct moments { /* Spark's CentralMomentAgg */
    double n, avg, m2, m3, m4;
};

static uint32_t moments_bytes(const struct hr_expr *call)
{
    return call ? sizeof(struct moments) : 0;
}

static hr_status moments_update(HR_UPDATE_ARGS)
{
    HR_EACH_INPUT(&args[0])
    {
        struct moments *s = HR_STATE(struct moments, i);
        double x = ((const double *)args[0].col.values)[at];
        double n = s->n + 1, delta = x - s->avg, dn = delta / n, d2 = delta * delta;
        double avg = s->avg + dn;
        double m2 = s->m2 + delta * (delta - dn), dn2 = dn * dn;
        double m3 = s->m3 - 3.0 * dn * m2 + delta * (d2 - dn2);
        s->m4 = s->m4 - 4.0 * dn * m3 - 6.0 * dn2 * m2 + delta * (delta * d2 - dn * dn2);
        s->m3 = m3;
        s->m2 = m2;
        s->avg = avg;
        s->n = n;
    }
    return HR_OK;
}

static hr_status moments_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                               struct hr_err *err)
{
    struct moments *a = (void *)into;
    const struct moments *b = (const void *)from;
    double n1 = a->n, n2 = b->n, n = n1 + n2;
    if (n2 == 0) return HR_OK;
    if (n1 == 0) { /* the very mean: avg / n * n may be another number */
        *a = *b;
        return HR_OK;
    }
    double delta = b->avg - a->avg, dn = delta / n;
    double m2 = a->m2 + b->m2 + delta * dn * n1 * n2;
    double m3 = a->m3 + b->m3 + dn * dn * delta * n1 * n2 * (n1 - n2) +
                3.0 * dn * (n1 * b->m2 - n2 * a->m2);
    a->m4 = a->m4 + b->m4 + dn * dn * dn * delta * n1 * n2 * (n1 * n1 - n1 * n2 + n2 * n2) +
            6.0 * dn * dn * (n1 * n1 * b->m2 + n2 * n2 * a->m2) +
            4.0 * dn * (n1 * b->m3 - n2 * a->m3);
    a->m3 = m3;
    a->m2 = m2;
    a->avg += dn * n2;
    a->n = n;
    return HR_OK;
}

#define MOMENTS_AGG(NAME, NULL_WHEN, EXPR)                                                 \
    static hr_status NAME##_emit(HR_EMIT_ARGS)                                             \
    {                                                                                      \
        for (uint32_t i = 0; i < count; i++) {                                             \
            struct moments s = *HR_STATE(struct moments, i);                               \
            double n = s.n;                                                                \
            if (NULL_WHEN) hr_out_null(out, i);                                            \
            HR_OUT(double, out)[i] = (EXPR);                                               \
        }                                                                                  \
        return HR_OK;                                                                      \
    }                                                                                      \
    const struct hr_aggregate hr_agg_##NAME = {.state_bytes = moments_bytes,               \
        .update = moments_update, .merge = moments_merge, .emit = NAME##_emit};
MOMENTS_AGG(var_pop, n == 0, s.m2 / n)
MOMENTS_AGG(var_samp, n <= 1, s.m2 / (n - 1))
MOMENTS_AGG(stddev_pop, n == 0, sqrt(s.m2 / n))
MOMENTS_AGG(stddev_samp, n <= 1, sqrt(s.m2 / (n - 1)))
MOMENTS_AGG(skewness, n == 0 || s.m2 == 0, sqrt(n) * s.m3 / sqrt(s.m2 * s.m2 * s.m2))
MOMENTS_AGG(kurtosis, n == 0 || s.m2 == 0, n * s.m4 / (s.m2 * s.m2) - 3.0)

/* --- Two variables
 * ------------------------------------------------------------------------------*/

struct pair_moments { /* Spark's Covariance and PearsonCorrelation */
    double n, x_avg, y_avg, ck, x_mk, y_mk;
};

static uint32_t pair_bytes(const struct hr_expr *call)
{
    return call ? sizeof(struct pair_moments) : 0;
}

static hr_status pair_update(HR_UPDATE_ARGS)
{
    HR_EACH_INPUT(&args[0])
    {
        if (!hr_arg_valid(&args[1], row)) continue;
        struct pair_moments *s = HR_STATE(struct pair_moments, i);
        double x = hr_agg_f64(&args[0], at), y = hr_agg_f64(&args[1], hr_vector_row(&args[1], row));
        double n = s->n + 1, dx = x - s->x_avg, dy = y - s->y_avg;
        double x_avg = s->x_avg + dx / n, y_avg = s->y_avg + dy / n;
        s->ck += dx * (y - y_avg);
        s->x_mk += dx * (x - x_avg);
        s->y_mk += dy * (y - y_avg);
        s->n = n;
        s->x_avg = x_avg;
        s->y_avg = y_avg;
    }
    return HR_OK;
}

static hr_status pair_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                            struct hr_err *err)
{
    struct pair_moments *a = (void *)into;
    const struct pair_moments *b = (const void *)from;
    if (b->n == 0) return HR_OK;
    if (a->n == 0) {
        *a = *b;
        return HR_OK;
    }
    double n = a->n + b->n, dx = b->x_avg - a->x_avg, dy = b->y_avg - a->y_avg;
    a->ck += b->ck + dx * (dy / n) * a->n * b->n;
    a->x_mk += b->x_mk + dx * (dx / n) * a->n * b->n;
    a->y_mk += b->y_mk + dy * (dy / n) * a->n * b->n;
    a->x_avg += dx / n * b->n;
    a->y_avg += dy / n * b->n;
    a->n = n;
    return HR_OK;
}

#define PAIR_AGG(NAME, NULL_WHEN, EXPR)                                                    \
    static hr_status NAME##_emit(HR_EMIT_ARGS)                                             \
    {                                                                                      \
        for (uint32_t i = 0; i < count; i++) {                                             \
            struct pair_moments s = *HR_STATE(struct pair_moments, i);                     \
            double n = s.n;                                                                \
            if (NULL_WHEN) hr_out_null(out, i);                                            \
            HR_OUT(double, out)[i] = (EXPR);                                               \
        }                                                                                  \
        return HR_OK;                                                                      \
    }                                                                                      \
    const struct hr_aggregate hr_agg_##NAME = {.state_bytes = pair_bytes,                  \
        .update = pair_update, .merge = pair_merge, .emit = NAME##_emit};
PAIR_AGG(covar_pop, n == 0, s.ck / n)
PAIR_AGG(covar_samp, n <= 1, s.ck / (n - 1))
PAIR_AGG(corr, n <= 1 || s.x_mk == 0 || s.y_mk == 0, s.ck / sqrt(s.x_mk * s.y_mk))
/* regr_r2(y, x) and regr_sxy */
PAIR_AGG(regr_r2, n == 0 || s.y_mk == 0,
         s.x_mk == 0 ? 1.0 : (s.ck / sqrt(s.y_mk * s.x_mk)) * (s.ck / sqrt(s.y_mk * s.x_mk)))
PAIR_AGG(regr_sxy, n == 0, s.ck)

/* The other regr_…(y, x): central moments of each and the covariance with x first; rounded as
 * Spark's, which has these apart from those of corr. */
struct line_moments {
    double n, x_sum, y_sum, x_avg, y_avg, ck, x_m2, y_m2;
};

static uint32_t line_bytes(const struct hr_expr *call)
{
    return call ? sizeof(struct line_moments) : 0;
}

static hr_status line_update(HR_UPDATE_ARGS)
{
    HR_EACH_INPUT(&args[0])
    {
        if (!hr_arg_valid(&args[1], row)) continue;
        struct line_moments *s = HR_STATE(struct line_moments, i);
        double y = hr_agg_f64(&args[0], at), x = hr_agg_f64(&args[1], hr_vector_row(&args[1], row));
        double n = s->n + 1, dx = x - s->x_avg, dy = y - s->y_avg;
        s->x_avg += dx / n;
        s->y_avg += dy / n;
        s->ck += dx * (y - s->y_avg);
        s->x_m2 += dx * (dx - dx / n);
        s->y_m2 += dy * (dy - dy / n);
        s->x_sum += x;
        s->y_sum += y;
        s->n = n;
    }
    return HR_OK;
}

static hr_status line_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                            struct hr_err *err)
{
    struct line_moments *a = (void *)into;
    const struct line_moments *b = (const void *)from;
    if (b->n == 0) return HR_OK;
    if (a->n == 0) {
        *a = *b;
        return HR_OK;
    }
    double n = a->n + b->n, dx = b->x_avg - a->x_avg, dy = b->y_avg - a->y_avg;
    a->ck += b->ck + dx * (dy / n) * a->n * b->n;
    a->x_m2 += b->x_m2 + dx * (dx / n) * a->n * b->n;
    a->y_m2 += b->y_m2 + dy * (dy / n) * a->n * b->n;
    a->x_avg += dx / n * b->n;
    a->y_avg += dy / n * b->n;
    a->x_sum += b->x_sum;
    a->y_sum += b->y_sum;
    a->n = n;
    return HR_OK;
}

#define LINE_AGG(NAME, T, NULL_WHEN, EXPR)                                                 \
    static hr_status NAME##_emit(HR_EMIT_ARGS)                                             \
    {                                                                                      \
        for (uint32_t i = 0; i < count; i++) {                                             \
            struct line_moments s = *HR_STATE(struct line_moments, i);                     \
            if (NULL_WHEN) hr_out_null(out, i);                                            \
            HR_OUT(T, out)[i] = (T)(EXPR);                                                 \
        }                                                                                  \
        return HR_OK;                                                                      \
    }                                                                                      \
    const struct hr_aggregate hr_agg_##NAME = {.state_bytes = line_bytes,                  \
        .update = line_update, .merge = line_merge, .emit = NAME##_emit};
LINE_AGG(regr_slope, double, s.n == 0 || s.x_m2 == 0, s.ck / s.x_m2)
LINE_AGG(regr_intercept, double, s.n == 0 || s.x_m2 == 0, s.y_avg - s.ck / s.x_m2 * s.x_avg)
LINE_AGG(regr_avgx, double, s.n == 0, s.x_sum / s.n)
LINE_AGG(regr_avgy, double, s.n == 0, s.y_sum / s.n)
LINE_AGG(regr_sxx, double, s.n == 0, s.x_m2)
LINE_AGG(regr_syy, double, s.n == 0, s.y_m2)
LINE_AGG(regr_count, int64_t, false, s.n)

/* --- product -----------------------------------------------------------------------------------*/

static hr_status product_update(HR_UPDATE_ARGS)
{
    HR_EACH_INPUT(&args[0])
    {
        struct sum_f64 *s = HR_STATE(struct sum_f64, i);
        double x = ((const double *)args[0].col.values)[at];
        s->sum = s->n++ ? s->sum * x : x;
    }
    return HR_OK;
}

static hr_status product_merge(const struct hr_expr *call, uint8_t *into, const uint8_t *from,
                               struct hr_err *err)
{
    struct sum_f64 *a = (void *)into;
    const struct sum_f64 *b = (const void *)from;
    if (b->n) a->sum = a->n ? a->sum * b->sum : b->sum;
    a->n += b->n;
    return HR_OK;
}

static hr_status product_emit(HR_EMIT_ARGS)
{
    for (uint32_t i = 0; i < count; i++) {
        HR_OUT(double, out)[i] = HR_STATE(struct sum_f64, i)->sum;
        if (!HR_STATE(struct sum_f64, i)->n) hr_out_null(out, i);
    }
    return HR_OK;
}
const struct hr_aggregate hr_agg_product = {.state_bytes = bytes_16, .update = product_update,
    .merge = product_merge, .emit = product_emit};
