/* SPDX-License-Identifier: Apache-2.0 */
/*
 * + - * / % div and bits. Whole columns are computed without looking at NULLs or the selection,
 * collecting whether anything overflowed; only then rows are looked at one by one, to find whether
 * one that counts is at fault (a NULL's garbage is not).
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3") /* -O2 of gcc 12 does not vectorise these loops */
#endif
#include <math.h>
#include <stdio.h>

#include "base/decimal.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

enum op { ADD, SUB, MUL };

static const char *const op_symbols[] = {"+", "-", "*"};
static const char *const op_try[] = {"try_add", "try_subtract", "try_multiply"};

static bool is_try(const struct hr_expr *call) { return call->function->flags & HR_FN_TRY; }

hr_status hr_raise_overflow(const char *alternative, struct hr_err *err)
{
    char text[96] = "";
    if (alternative) {
        struct hr_buf buf = {0};
        hr_buf_printf(&buf, " Use '%s' to tolerate overflow and return NULL instead.", alternative);
        const char *p = hr_buf_cstr(&buf);
        memcpy(text, p, HR_MIN(strlen(p) + 1, sizeof text - 1));
        hr_buf_done(&buf);
    }
    return HR_RAISE(err, HR_E_ARITHMETIC_OVERFLOW, "message", "overflow", "alternative", text,
                    "config", HR_ANSI_CONFIG);
}

hr_status hr_raise_interval_overflow(const char *alternative, struct hr_err *err)
{
    if (!alternative) return HR_RAISE(err, HR_E_INTERVAL_ARITHMETIC_OVERFLOW);
    char name[32];
    snprintf(name, sizeof name, "`%s`", alternative);
    return HR_RAISE(err, HR_E_INTERVAL_ARITHMETIC_OVERFLOW_IN, "functionName", name);
}

hr_status hr_raise_decimal_range(const char *value, const struct hr_type *type, struct hr_err *err)
{
    char precision[8], scale[8];
    precision[hr_format_i64(type->precision, precision)] = 0;
    scale[hr_format_i64(type->scale, scale)] = 0;
    return HR_RAISE(err, HR_E_NUMERIC_VALUE_OUT_OF_RANGE, "value", value, "precision", precision,
                    "scale", scale, "config", HR_ANSI_CONFIG);
}

/* --- Integers ----------------------------------------------------------------------------------*/

#define SHAPES(BODY)                                        \
    if (a_const) {                                          \
        const int64_t x = a[0];                             \
        for (uint32_t i = 0; i < n; i++) {                  \
            const int64_t y = b[i];                         \
            BODY                                            \
        }                                                   \
    } else if (b_const) {                                   \
        const int64_t y = b[0];                             \
        for (uint32_t i = 0; i < n; i++) {                  \
            const int64_t x = a[i];                         \
            BODY                                            \
        }                                                   \
    } else {                                                \
        for (uint32_t i = 0; i < n; i++) {                  \
            const int64_t x = a[i], y = b[i];               \
            BODY                                            \
        }                                                   \
    }

/* Non-zero (or negative) result: some row overflowed. */
#define NARROW(NAME, T, OP)                                                                \
    static uint64_t NAME(const T *restrict a, bool a_const, const T *restrict b, bool b_const, \
                         T *restrict r, uint32_t n)                                        \
    {                                                                                      \
        uint64_t over = 0;                                                                 \
        SHAPES({                                                                           \
            int64_t z = x OP y;                                                            \
            r[i] = (T)z;                                                                   \
            over |= (uint64_t)(z != (T)z);                                                 \
        })                                                                                 \
        return over;                                                                       \
    }
NARROW(add_i8, int8_t, +)
NARROW(sub_i8, int8_t, -)
NARROW(mul_i8, int8_t, *)
NARROW(add_i16, int16_t, +)
NARROW(sub_i16, int16_t, -)
NARROW(mul_i16, int16_t, *)
NARROW(add_i32, int32_t, +)
NARROW(sub_i32, int32_t, -)
NARROW(mul_i32, int32_t, *)

static uint64_t add_i64(const int64_t *restrict a, bool a_const, const int64_t *restrict b,
                        bool b_const, int64_t *restrict r, uint32_t n)
{
    int64_t over = 0;
    SHAPES({
        int64_t z = (int64_t)((uint64_t)x + (uint64_t)y);
        r[i] = z;
        over |= (x ^ z) & (y ^ z);
    })
    return over < 0;
}

static uint64_t sub_i64(const int64_t *restrict a, bool a_const, const int64_t *restrict b,
                        bool b_const, int64_t *restrict r, uint32_t n)
{
    int64_t over = 0;
    SHAPES({
        int64_t z = (int64_t)((uint64_t)x - (uint64_t)y);
        r[i] = z;
        over |= (x ^ y) & (x ^ z);
    })
    return over < 0;
}

static uint64_t mul_i64(const int64_t *restrict a, bool a_const, const int64_t *restrict b,
                        bool b_const, int64_t *restrict r, uint32_t n)
{
    uint64_t over = 0;
    SHAPES({ over |= (uint64_t)__builtin_mul_overflow(x, y, &r[i]); })
    return over;
}

static bool overflows(enum op op, int64_t x, int64_t y, const struct hr_type *type)
{
    int64_t z;
    bool over = op == ADD   ? __builtin_add_overflow(x, y, &z)
                : op == SUB ? __builtin_sub_overflow(x, y, &z)
                            : __builtin_mul_overflow(x, y, &z);
    int bits = 8 * (int)hr_type_width(type);
    if (!over && bits < 64) over = z != (int64_t)((uint64_t)z << (64 - bits)) >> (64 - bits);
    return over;
}

static hr_status raise_int_overflow(enum op op, int64_t x, int64_t y, const struct hr_type *type,
                                    struct hr_err *err)
{
    if (type->id == HR_T_INTERVAL_YM || type->id == HR_T_INTERVAL_DT)
        return hr_raise_interval_overflow(op_try[op], err);
    if (type->id == HR_T_INT || type->id == HR_T_LONG) return hr_raise_overflow(op_try[op], err);
    char a[32], b[32];
    const char *suffix = "S"; /* as Spark shows BYTE too */
    size_t n = hr_format_i64(x, a);
    memcpy(a + n, suffix, 2);
    n = hr_format_i64(y, b);
    memcpy(b + n, suffix, 2);
    char name[32] = "`";
    n = strlen(op_try[op]);
    memcpy(name + 1, op_try[op], n);
    memcpy(name + 1 + n, "`", 2);
    return HR_RAISE(err, HR_E_BINARY_ARITHMETIC_OVERFLOW, "value1", a, "symbol", op_symbols[op],
                    "value2", b, "functionName", name);
}

static hr_status check_ints(HR_EVAL_ARGS, enum op op)
{
    if (!ctx->conf->ansi && !is_try(call)) return HR_OK; /* wraps around */
    HR_EACH_ROW(ctx, out, row) {
        int64_t x = hr_arg_i64(&args[0], row), y = hr_arg_i64(&args[1], row);
        if (!overflows(op, x, y, call->type)) continue;
        if (!is_try(call)) return raise_int_overflow(op, x, y, call->type, err);
        hr_out_null(out, row);
    }
    return HR_OK;
}

#define RUN(T, add, sub, mul)                                                                \
    do {                                                                                     \
        const T *a = args[0].col.values, *b = args[1].col.values;                            \
        T *r = HR_OUT(T, out);                                                               \
        over = op == ADD ? add(a, args[0].is_const, b, args[1].is_const, r, ctx->row_count)  \
             : op == SUB ? sub(a, args[0].is_const, b, args[1].is_const, r, ctx->row_count)  \
                         : mul(a, args[0].is_const, b, args[1].is_const, r, ctx->row_count); \
    } while (0)

/* --- Floating point ----------------------------------------------------------------------------*/

#define REAL_LOOP(T, EXPR)                                            \
    do {                                                              \
        const T *restrict a = args[0].col.values;                     \
        const T *restrict b = args[1].col.values;                     \
        T *restrict r = HR_OUT(T, out);                               \
        if (args[0].is_const) {                                       \
            const T x = a[0];                                         \
            for (uint32_t i = 0; i < ctx->row_count; i++) {           \
                const T y = b[i];                                     \
                r[i] = EXPR;                                          \
            }                                                         \
        } else if (args[1].is_const) {                                \
            const T y = b[0];                                         \
            for (uint32_t i = 0; i < ctx->row_count; i++) {           \
                const T x = a[i];                                     \
                r[i] = EXPR;                                          \
            }                                                         \
        } else {                                                      \
            for (uint32_t i = 0; i < ctx->row_count; i++) {           \
                const T x = a[i], y = b[i];                           \
                r[i] = EXPR;                                          \
            }                                                         \
        }                                                             \
    } while (0)

/* --- Decimals ----------------------------------------------------------------------------------*/

static hr_status decimal_overflow(hr_i128 value, int scale, bool exact, const struct hr_type *type,
                                  struct hr_err *err)
{
    char text[64];
    if (exact)
        text[hr_decimal_format(value, scale, text)] = 0;
    else
        memcpy(text, "The result", 11);
    return hr_raise_decimal_range(text, type, err);
}

/* x + y, half up, where one of them has no room at the other's scale: the digits that the result
 * drops are summed apart. false: the result overflows. */
static bool add_in_parts(hr_i128 x, int xs, hr_i128 y, int ys, int scale, hr_i128 *ret)
{
    int drop = HR_MAX(xs, ys) - scale;
    if (drop <= 0) return false;
    hr_i128 high = 0, low = 0, one = hr_pow10[drop], *parts[] = {&x, &y};
    int scales[] = {xs, ys};
    for (int i = 0; i < 2; i++) {
        hr_i128 v = *parts[i];
        if (scales[i] > scale) {
            hr_i128 unit = hr_pow10[scales[i] - scale];
            low += v % unit * hr_pow10[drop + scale - scales[i]];
            v /= unit;
        } else if (!hr_decimal_rescale(v, scales[i], scale, &v)) {
            return false;
        }
        high += v; /* two of at most 38 digits */
    }
    high += low / one;
    low %= one;
    if ((high > 0 && low < 0) || (high < 0 && low > 0)) { /* of one sign */
        int sign = high > 0 ? 1 : -1;
        high -= sign;
        low += sign * one;
    }
    if (low >= one - low) high++;
    if (-low >= one + low) high--;
    *ret = high;
    return true;
}

/* x op y at the scale of the result. false: overflow; *wide then holds the value at wide_scale. */
HR_INLINE bool decimal_op(enum op op, hr_i128 x, int xs, hr_i128 y, int ys,
                          const struct hr_type *type, hr_i128 *ret, hr_i128 *wide, bool *exact)
{
    *exact = false;
    if (op == MUL) {
        if (x == (int64_t)x && y == (int64_t)y && xs + ys == type->scale) {
            *ret = x * y;
        } else if (!hr_decimal_mul(x, xs, y, ys, type->scale, ret)) {
            *exact = xs + ys == type->scale && !__builtin_mul_overflow(x, y, wide);
            return false;
        }
    } else {
        int scale = HR_MAX(xs, ys);
        hr_i128 z = op == ADD ? y : -y;
        if (xs < scale || ys < scale) {
            hr_i128 a = x, b = z;
            if (!hr_decimal_rescale(x, xs, scale, &a) || !hr_decimal_rescale(z, ys, scale, &b) ||
                __builtin_add_overflow(a, b, &z)) {
                if (!add_in_parts(x, xs, z, ys, type->scale, ret)) return false;
                *wide = *ret;
                *exact = true;
                return hr_decimal_fits(*ret, type->precision);
            }
        } else if (__builtin_add_overflow(x, z, &z)) {
            return false;
        }
        if (scale == type->scale)
            *ret = z;
        else if (!hr_decimal_rescale(z, scale, type->scale, ret))
            return false;
    }
    *wide = *ret;
    *exact = true;
    return hr_decimal_fits(*ret, type->precision);
}

static hr_status decimal_arith(HR_EVAL_ARGS, enum op op)
{
    int xs = args[0].col.type->scale, ys = args[1].col.type->scale;
    hr_i128 *r = HR_OUT(hr_i128, out);
    bool nulls = is_try(call) || !ctx->conf->ansi;
    HR_EACH_ROW(ctx, out, row) {
        hr_i128 wide = 0, x = HR_ARG(hr_i128, &args[0], row), y = HR_ARG(hr_i128, &args[1], row);
        bool exact;
        if (HR_LIKELY(decimal_op(op, x, xs, y, ys, call->type, &r[row], &wide, &exact))) continue;
        if (!nulls) return decimal_overflow(wide, call->type->scale, exact, call->type, err);
        hr_out_null(out, row);
    }
    return HR_OK;
}

/* --- + - * -------------------------------------------------------------------------------------*/

static hr_status arith(HR_EVAL_ARGS, enum op op)
{
    uint64_t over = 0;
    switch (call->type->id) {
    case HR_T_BYTE: RUN(int8_t, add_i8, sub_i8, mul_i8); break;
    case HR_T_SHORT: RUN(int16_t, add_i16, sub_i16, mul_i16); break;
    case HR_T_INT:
    case HR_T_INTERVAL_YM: RUN(int32_t, add_i32, sub_i32, mul_i32); break;
    case HR_T_LONG:
    case HR_T_INTERVAL_DT: RUN(int64_t, add_i64, sub_i64, mul_i64); break;
    case HR_T_FLOAT:
        if (op == ADD)
            REAL_LOOP(float, x + y);
        else if (op == SUB)
            REAL_LOOP(float, x - y);
        else
            REAL_LOOP(float, x * y);
        break;
    case HR_T_DOUBLE:
        if (op == ADD)
            REAL_LOOP(double, x + y);
        else if (op == SUB)
            REAL_LOOP(double, x - y);
        else
            REAL_LOOP(double, x * y);
        break;
    case HR_T_DECIMAL: return decimal_arith(ctx, call, args, out, err, op);
    default: return HR_BUG(err, "arithmetic on %s", hr_type_info[call->type->id].name);
    }
    return HR_UNLIKELY(over) ? check_ints(ctx, call, args, out, err, op) : HR_OK;
}

hr_status hr_fn_add(HR_EVAL_ARGS) { return arith(ctx, call, args, out, err, ADD); }
hr_status hr_fn_sub(HR_EVAL_ARGS) { return arith(ctx, call, args, out, err, SUB); }
hr_status hr_fn_mul(HR_EVAL_ARGS) { return arith(ctx, call, args, out, err, MUL); }

/* --- / % div -----------------------------------------------------------------------------------*/

static bool is_zero(const struct hr_vector *v, uint32_t row)
{
    if (v->col.type->id == HR_T_DECIMAL) return HR_ARG(hr_i128, v, row) == 0;
    if (hr_type_is_fractional(v->col.type)) return hr_arg_f64(v, row) == 0;
    return hr_arg_i64(v, row) == 0;
}

/* Division by zero is an error, or NULL in try_ and without ANSI. */
static hr_status check_zero(HR_EVAL_ARGS, hr_status code)
{
    if (args[1].is_const && !is_zero(&args[1], 0)) return HR_OK;
    HR_EACH_ROW(ctx, out, row) {
        if (!is_zero(&args[1], row)) continue;
        if (ctx->conf->ansi && !is_try(call)) return HR_RAISE(err, code, "config", HR_ANSI_CONFIG);
        hr_out_null(out, row);
    }
    return HR_OK;
}

static hr_status decimal_div(HR_EVAL_ARGS)
{
    int xs = args[0].col.type->scale, ys = args[1].col.type->scale;
    hr_i128 *r = HR_OUT(hr_i128, out);
    HR_EACH_ROW(ctx, out, row) {
        hr_i128 x = HR_ARG(hr_i128, &args[0], row), y = HR_ARG(hr_i128, &args[1], row);
        if (hr_decimal_div(x, xs, y, ys, call->type->scale, &r[row]) &&
            hr_decimal_fits(r[row], call->type->precision))
            continue;
        if (ctx->conf->ansi && !is_try(call))
            return decimal_overflow(0, 0, false, call->type, err);
        hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_fn_div(HR_EVAL_ARGS)
{
    HR_TRY(check_zero(ctx, call, args, out, err, HR_E_DIVIDE_BY_ZERO));
    if (call->type->id == HR_T_DECIMAL) return decimal_div(ctx, call, args, out, err);
    REAL_LOOP(double, x / y);
    return HR_OK;
}

/* The quotient has 38 digits at most; its low 64 bits are the result, as in Spark. */
static hr_status decimal_idiv(HR_EVAL_ARGS)
{
    int xs = args[0].col.type->scale, ys = args[1].col.type->scale;
    HR_EACH_ROW(ctx, out, row) {
        hr_i128 q = 0, rest;
        if (HR_ARG(hr_i128, &args[1], row) == 0) continue; /* NULL already, or an error */
        if (!hr_decimal_divmod(HR_ARG(hr_i128, &args[0], row), xs,
                               HR_ARG(hr_i128, &args[1], row), ys, &q, &rest) ||
            !hr_decimal_fits(q, 38))
            return hr_raise_decimal_range("The result", hr_type_decimal(38, 0), err);
        HR_OUT(int64_t, out)[row] = (int64_t)q;
    }
    return HR_OK;
}

hr_status hr_fn_idiv(HR_EVAL_ARGS)
{
    HR_TRY(check_zero(ctx, call, args, out, err, HR_E_DIVIDE_BY_ZERO));
    int64_t *r = HR_OUT(int64_t, out);
    if (args[0].col.type->id == HR_T_DECIMAL) return decimal_idiv(ctx, call, args, out, err);
    HR_EACH_ROW(ctx, out, row) { /* of intervals, too */
        int64_t x = hr_arg_i64(&args[0], row), y = hr_arg_i64(&args[1], row);
        if (y == -1) {
            if (x == INT64_MIN && ctx->conf->ansi) return hr_raise_overflow("try_divide", err);
            r[row] = (int64_t)(0 - (uint64_t)x);
        } else {
            r[row] = x / y;
        }
    }
    return HR_OK;
}

/* x % y and, where positive, Spark's pmod. */
#define MOD_ROWS(T, WIDE, REM, NEGATIVE)                                 \
    HR_EACH_ROW(ctx, out, row) {                                         \
        WIDE x = HR_ARG(T, &args[0], row), y = HR_ARG(T, &args[1], row); \
        WIDE z = REM;                                                    \
        if (positive && (NEGATIVE)) {                                    \
            x = z + y;                                                   \
            z = REM;                                                     \
        }                                                                \
        HR_OUT(T, out)[row] = (T)z;                                      \
    }
/* z + y of small types has more bits, as in Java; that of INT and BIGINT wraps. */
#define INT_ROWS(T, U)                                                            \
    HR_EACH_ROW(ctx, out, row) {                                                  \
        T x = HR_ARG(T, &args[0], row), y = HR_ARG(T, &args[1], row), z;          \
        z = y == -1 ? (T)0 : (T)(x % y);                                          \
        if (positive && z < 0) z = y == -1 ? (T)0 : (T)((T)((U)z + (U)y) % y);    \
        HR_OUT(T, out)[row] = z;                                                  \
    }

static hr_status decimal_mod(HR_EVAL_ARGS, bool positive)
{
    int xs = args[0].col.type->scale, ys = args[1].col.type->scale, scale = HR_MAX(xs, ys);
    hr_i128 *r = HR_OUT(hr_i128, out);
    HR_EACH_ROW(ctx, out, row) {
        hr_i128 y = HR_ARG(hr_i128, &args[1], row), q, z = 0;
        if (y == 0) continue;
        (void)hr_decimal_divmod(HR_ARG(hr_i128, &args[0], row), xs, y, ys, &q, &z);
        if (positive && z < 0) { /* (z + y) % y; y of more digits than z's type is not reached */
            hr_i128 wide;
            if (hr_decimal_rescale(y, ys, scale, &wide)) z = (z + wide) % wide;
        }
        if (hr_decimal_rescale(z, scale, call->type->scale, &r[row]) &&
            hr_decimal_fits(r[row], call->type->precision))
            continue;
        if (ctx->conf->ansi && !is_try(call))
            return decimal_overflow(z, scale, true, call->type, err);
        hr_out_null(out, row);
    }
    return HR_OK;
}

static hr_status modulo(HR_EVAL_ARGS, bool positive)
{
    HR_TRY(check_zero(ctx, call, args, out, err, HR_E_REMAINDER_BY_ZERO));
    switch (call->type->id) {
    case HR_T_BYTE: MOD_ROWS(int8_t, int32_t, x % y, z < 0) break;
    case HR_T_SHORT: MOD_ROWS(int16_t, int32_t, x % y, z < 0) break;
    case HR_T_INT: INT_ROWS(int32_t, uint32_t) break;
    case HR_T_LONG: INT_ROWS(int64_t, uint64_t) break;
    case HR_T_FLOAT: MOD_ROWS(float, float, fmodf(x, y), z < 0) break;
    case HR_T_DOUBLE: MOD_ROWS(double, double, fmod(x, y), z < 0) break;
    default: return decimal_mod(ctx, call, args, out, err, positive);
    }
    return HR_OK;
}

hr_status hr_fn_mod(HR_EVAL_ARGS) { return modulo(ctx, call, args, out, err, false); }
hr_status hr_fn_pmod(HR_EVAL_ARGS) { return modulo(ctx, call, args, out, err, true); }

/* --- One operand -------------------------------------------------------------------------------*/

#define NEGATE(T, U, LOWEST)                                                              \
    HR_EACH_ROW(ctx, out, row) {                                                          \
        T x = HR_ARG(T, &args[0], row);                                                   \
        if (x == (LOWEST) && ctx->conf->ansi)                                             \
            return hr_type_is_interval(call->type) ? hr_raise_interval_overflow(NULL, err) \
                                                   : hr_raise_overflow(NULL, err);        \
        HR_OUT(T, out)[row] = (T)(0 - (U)x);                                              \
    }

hr_status hr_fn_negative(HR_EVAL_ARGS)
{
    switch (call->type->id) {
    case HR_T_BYTE: NEGATE(int8_t, uint8_t, INT8_MIN) break;
    case HR_T_SHORT: NEGATE(int16_t, uint16_t, INT16_MIN) break;
    case HR_T_INT:
    case HR_T_INTERVAL_YM: NEGATE(int32_t, uint32_t, INT32_MIN) break;
    case HR_T_LONG:
    case HR_T_INTERVAL_DT: NEGATE(int64_t, uint64_t, INT64_MIN) break;
    case HR_T_FLOAT:
        HR_EACH_ROW(ctx, out, row) HR_OUT(float, out)[row] = -HR_ARG(float, &args[0], row);
        break;
    case HR_T_DOUBLE:
        HR_EACH_ROW(ctx, out, row) HR_OUT(double, out)[row] = -HR_ARG(double, &args[0], row);
        break;
    default:
        HR_EACH_ROW(ctx, out, row) HR_OUT(hr_i128, out)[row] = -HR_ARG(hr_i128, &args[0], row);
    }
    return HR_OK;
}

hr_status hr_fn_positive(HR_EVAL_ARGS)
{
    HR_UNUSED(ctx);
    HR_UNUSED(call);
    HR_UNUSED(err);
    out->values = args[0].col.values; /* immutable: shared */
    return HR_OK;
}

/* --- Bits --------------------------------------------------------------------------------------*/

#define BITS(EXPR)                                                                       \
    do {                                                                                 \
        switch (hr_type_width(call->type)) {                                             \
        case 1: BITS_LOOP(int8_t, EXPR); break;                                          \
        case 2: BITS_LOOP(int16_t, EXPR); break;                                         \
        case 4: BITS_LOOP(int32_t, EXPR); break;                                         \
        default: BITS_LOOP(int64_t, EXPR); break;                                        \
        }                                                                                \
    } while (0)
#define BITS_LOOP(T, EXPR)                                                               \
    for (uint32_t i = 0; i < ctx->row_count; i++) {                                      \
        T x = HR_ARG(T, &args[0], i), y = HR_ARG(T, &args[1], i);                        \
        HR_OUT(T, out)[i] = (T)(EXPR);                                                   \
    }

hr_status hr_fn_bit_and(HR_EVAL_ARGS)
{
    BITS(x & y);
    return HR_OK;
}

hr_status hr_fn_bit_or(HR_EVAL_ARGS)
{
    BITS(x | y);
    return HR_OK;
}

hr_status hr_fn_bit_xor(HR_EVAL_ARGS)
{
    BITS(x ^ y);
    return HR_OK;
}

hr_status hr_fn_bit_not(HR_EVAL_ARGS)
{
    for (uint32_t i = 0; i < ctx->row_count; i++) {
        int64_t v = ~hr_arg_i64(&args[0], i);
        switch (hr_type_width(call->type)) {
        case 1: HR_OUT(int8_t, out)[i] = (int8_t)v; break;
        case 2: HR_OUT(int16_t, out)[i] = (int16_t)v; break;
        case 4: HR_OUT(int32_t, out)[i] = (int32_t)v; break;
        default: HR_OUT(int64_t, out)[i] = v;
        }
    }
    return HR_OK;
}

#define SHIFT(EXPR32, EXPR64)                                                            \
    for (uint32_t i = 0; i < ctx->row_count; i++) {                                      \
        int32_t n = HR_ARG(int32_t, &args[1], i);                                        \
        if (call->type->id == HR_T_INT) {                                                \
            int32_t x = HR_ARG(int32_t, &args[0], i);                                    \
            HR_OUT(int32_t, out)[i] = (int32_t)(EXPR32);                                 \
        } else {                                                                         \
            int64_t x = HR_ARG(int64_t, &args[0], i);                                    \
            HR_OUT(int64_t, out)[i] = (int64_t)(EXPR64);                                 \
        }                                                                                \
    }                                                                                    \
    return HR_OK;

hr_status hr_fn_shiftleft(HR_EVAL_ARGS) { SHIFT((uint32_t)x << (n & 31), (uint64_t)x << (n & 63)) }
hr_status hr_fn_shiftright(HR_EVAL_ARGS) { SHIFT(x >> (n & 31), x >> (n & 63)) }
hr_status hr_fn_shiftrightunsigned(HR_EVAL_ARGS)
{
    SHIFT((uint32_t)x >> (n & 31), (uint64_t)x >> (n & 63))
}
