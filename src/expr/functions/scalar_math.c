/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers: rounding, powers, logarithms, angles, bases. */
#include <math.h>
#include <stdio.h>

#include "base/decimal.h"
#include "expr/functions/functions.h"
#include "expr/functions/java_math.h"
#include "expr/internal.h"

/* --- One double to one double
 * --------------------------------------------------------------------*/

#define UNARY(NAME, EXPR)                                                     \
    hr_status hr_fn_##NAME(HR_EVAL_ARGS)                                      \
    {                                                                         \
        HR_EACH_ROW(ctx, out, row) {                                          \
            double x = HR_ARG(double, &args[0], row);                         \
            HR_OUT(double, out)[row] = (EXPR);                                \
        }                                                                     \
        return HR_OK;                                                         \
    }
/* NULL where the logarithm is not defined, as in Spark. */
#define LOGARITHM(NAME, LOWEST, EXPR)                                         \
    hr_status hr_fn_##NAME(HR_EVAL_ARGS)                                      \
    {                                                                         \
        HR_EACH_ROW(ctx, out, row) {                                          \
            double x = HR_ARG(double, &args[0], row);                         \
            if (x <= (LOWEST)) hr_out_null(out, row);                         \
            HR_OUT(double, out)[row] = (EXPR);                                \
        }                                                                     \
        return HR_OK;                                                         \
    }
#define BINARY(NAME, EXPR)                                                                  \
    hr_status hr_fn_##NAME(HR_EVAL_ARGS)                                                    \
    {                                                                                       \
        HR_EACH_ROW(ctx, out, row) {                                                        \
            double x = HR_ARG(double, &args[0], row), y = HR_ARG(double, &args[1], row);    \
            HR_OUT(double, out)[row] = (EXPR);                                              \
        }                                                                                   \
        return HR_OK;                                                                       \
    }

static const double pi = 3.14159265358979323846;

UNARY(sqrt, sqrt(x))
UNARY(cbrt, hr_java_cbrt(x))
UNARY(exp, hr_java_exp(x))
UNARY(expm1, expm1(x))
UNARY(sin, sin(x))
UNARY(cos, cos(x))
UNARY(tan, tan(x))
UNARY(cot, 1 / tan(x))
UNARY(sec, 1 / cos(x))
UNARY(csc, 1 / sin(x))
UNARY(asin, asin(x))
UNARY(acos, acos(x))
UNARY(atan, hr_java_atan(x))
UNARY(sinh, hr_java_sinh(x))
UNARY(cosh, hr_java_cosh(x))
UNARY(tanh, tanh(x))
UNARY(asinh, asinh(x))
UNARY(acosh, acosh(x))
UNARY(atanh, 0.5 * (log1p(x) - log1p(-x)))
UNARY(degrees, x * (180.0 / pi))
UNARY(radians, x / 180.0 * pi)
UNARY(rint, rint(x))
LOGARITHM(ln, 0, log(x))
LOGARITHM(log10, 0, log10(x))
LOGARITHM(log2, 0, log(x) / log(2.0))
LOGARITHM(log1p, -1, log1p(x))
BINARY(pow, pow(x, y))
BINARY(atan2, hr_java_atan2(x + 0.0, y + 0.0)) /* as Spark: -0.0 counts as 0.0 */
BINARY(hypot, hypot(x, y))

/* FLOAT only where both are. */
hr_status hr_bind_nanvl(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    bool narrow =
        call->args[0]->type->id == HR_T_FLOAT && call->args[1]->type->id == HR_T_FLOAT;
    for (uint32_t i = 0; i < 2 && !narrow; i++) {
        const struct hr_type *to = hr_type_implicit(call->args[i]->type, hr_sv("double"));
        if (!to)
            return hr_resolve_unexpected_type(arena, call, i, "(\"DOUBLE\" or \"FLOAT\")", err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i], to, err));
    }
    call->type = hr_type(narrow ? HR_T_FLOAT : HR_T_DOUBLE);
    call->nullable = call->args[0]->nullable || call->args[1]->nullable;
    return HR_OK;
}

hr_status hr_fn_pi(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) HR_OUT(double, out)[row] = pi;
    return HR_OK;
}

hr_status hr_fn_e(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) HR_OUT(double, out)[row] = 2.718281828459045;
    return HR_OK;
}

/* log(base, x); log(x) is written log(e(), x). */
hr_status hr_bind_log(HR_BIND_ARGS)
{
    if (call->arg_count == 2) return HR_OK;
    struct hr_expr *e = hr_expr_call(arena, "e", NULL, 0), *x = call->args[0];
    if (!e) return HR_OOM(err);
    HR_TRY(hr_expr_resolve_node(arena, conf, e, err));
    HR_TRY(hr_resolve_add_arg(arena, call, x, err));
    call->args[0] = e;
    return HR_OK;
}

hr_status hr_fn_log(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        double base = HR_ARG(double, &args[0], row), x = HR_ARG(double, &args[1], row);
        if (base <= 0 || x <= 0) hr_out_null(out, row);
        HR_OUT(double, out)[row] = log(x) / (base == 2.718281828459045 ? 1.0 : log(base));
    }
    return HR_OK;
}

/* --- abs, sign ---------------------------------------------------------------------------------*/

hr_status hr_fn_abs(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        if (call->type->id == HR_T_DECIMAL) {
            hr_i128 v = HR_ARG(hr_i128, &args[0], row);
            HR_OUT(hr_i128, out)[row] = v < 0 ? -v : v;
        } else if (call->type->id == HR_T_DOUBLE) {
            HR_OUT(double, out)[row] = fabs(HR_ARG(double, &args[0], row));
        } else if (call->type->id == HR_T_FLOAT) {
            HR_OUT(float, out)[row] = fabsf(HR_ARG(float, &args[0], row));
        } else {
            int64_t v = hr_arg_i64(&args[0], row);
            int bits = 8 * (int)hr_type_width(call->type);
            if (v == INT64_MIN >> (64 - bits) && ctx->conf->ansi)
                return hr_raise_overflow(NULL, err);
            v = v < 0 ? (int64_t)(0 - (uint64_t)v) : v;
            memcpy(HR_OUT(char, out) + (size_t)row * hr_type_width(call->type), &v,
                   hr_type_width(call->type));
        }
    }
    return HR_OK;
}

hr_status hr_fn_signum(HR_EVAL_ARGS)
{
    bool interval = hr_type_is_interval(args[0].col.type);
    HR_EACH_ROW(ctx, out, row) {
        double x = interval ? (double)hr_arg_i64(&args[0], row) : hr_arg_f64(&args[0], row);
        HR_OUT(double, out)[row] = x > 0 ? 1.0 : x < 0 ? -1.0 : x;
    }
    return HR_OK;
}

/* --- Rounding ----------------------------------------------------------------------------------*/

enum rounding { HALF_UP, HALF_EVEN, FLOOR, CEILING };

/* v, at scale from, rounded to scale to (which may be negative); the result has scale max(to, 0).
 */
static bool round_decimal(hr_i128 v, int from, int to, enum rounding how, hr_i128 *ret)
{
    if (to >= from) return hr_decimal_rescale(v, from, to, ret);
    bool tiny = from - to > 38, up = false; /* tiny: less than half a unit, whatever v is */
    hr_i128 unit = hr_pow10[HR_MIN(from - to, 38)], q = tiny ? 0 : v / unit,
            r = tiny ? v : v % unit, size = r < 0 ? -r : r;
    int half = tiny ? -1 : size > unit - size ? 1 : size == unit - size ? 0 : -1;
    if (how == HALF_UP) up = half >= 0 && r != 0;
    if (how == HALF_EVEN) up = half > 0 || (half == 0 && r != 0 && q % 2 != 0);
    if (how == FLOOR) up = r < 0;
    if (how == CEILING) up = r > 0;
    if (up) q += v < 0 ? -1 : 1;
    if (to >= 0 || q == 0) return (*ret = q, true);
    return -to <= 38 && !__builtin_mul_overflow(q, hr_pow10[-to], ret);
}

/* The digits of |x| without leading zeros and the power of ten of the last one. */
static int digits_of(double x, char *digits, int *ret_exponent)
{
    char text[32];
    size_t n = hr_format_f64(fabs(x), text);
    int count = 0, exponent = 0, fraction = 0;
    bool point = false;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == 'E') {
            bool negative = text[i + 1] == '-';
            for (i += 1 + negative; i < n; i++) exponent = exponent * 10 + (text[i] - '0');
            if (negative) exponent = -exponent;
        } else if (text[i] == '.') {
            point = true;
        } else {
            fraction += point;
            if (count || text[i] != '0') digits[count++] = text[i];
        }
    }
    *ret_exponent = exponent - fraction;
    return count;
}

/* As Java's BigDecimal(Double.toString(x)).setScale(to, how): on the shortest digits of x. */
static double round_double(double x, int to, enum rounding how)
{
    char digits[40];
    int exponent;
    if (!isfinite(x)) return x;
    int count = digits_of(x, digits, &exponent), drop = -to - exponent;
    if (drop <= 0) return x == 0 ? 0 : x;
    if (drop > count) return 0;
    bool rest = false;
    for (int i = count - drop + 1; i < count; i++) rest = rest || digits[i] != '0';
    char next = digits[count - drop];
    count -= drop;
    bool odd = count && (digits[count - 1] - '0') % 2 != 0;
    bool up = next > '5' || (next == '5' && (how == HALF_UP || rest || odd));
    int64_t kept = 0; /* 17 digits at most */
    for (int i = 0; i < count; i++) kept = kept * 10 + (digits[i] - '0');
    char text[48];
    size_t n = hr_format_i64(kept + up, text);
    text[n++] = 'E';
    n += hr_format_i64(-to, text + n);
    double r = 0;
    if (!hr_parse_f64(hr_svn(text, n), &r)) return x;
    return x < 0 && r != 0 ? -r : r;
}

/* Beyond the point Spark names no alternative. */
static hr_status raise_rounded(hr_i128 value, bool exact, const struct hr_type *type,
                               struct hr_err *err)
{
    char text[64] = "The rounded value", precision[8], scale[8];
    if (exact) text[hr_decimal_format(value, 0, text)] = 0;
    precision[hr_format_i64(type->precision, precision)] = 0;
    scale[hr_format_i64(type->scale, scale)] = 0;
    return HR_RAISE(err, HR_E_NUMERIC_VALUE_OUT_OF_RANGE_PLAIN, "roundedValue", text,
                    "originalValue", text, "precision", precision, "scale", scale);
}

static hr_status round_rows(HR_EVAL_ARGS, enum rounding how)
{
    const struct hr_type *from = args[0].col.type;
    int64_t scale = 0;
    if (call->arg_count > 1 && hr_arg_valid(&args[1], 0)) scale = hr_arg_i64(&args[1], 0);
    scale = HR_MAX(-400, HR_MIN(scale, 400));
    HR_EACH_ROW(ctx, out, row) {
        if (from->id == HR_T_DOUBLE || from->id == HR_T_FLOAT) {
            double x = hr_arg_f64(&args[0], row);
            if (from->id == HR_T_DOUBLE)
                HR_OUT(double, out)[row] = round_double(x, (int)scale, how);
            else
                HR_OUT(float, out)[row] = (float)round_double(x, (int)scale, how);
            continue;
        }
        hr_i128 r, v = from->id == HR_T_DECIMAL ? HR_ARG(hr_i128, &args[0], row)
                                                : hr_arg_i64(&args[0], row);
        int s = from->id == HR_T_DECIMAL ? from->scale : 0;
        bool ok = round_decimal(v, s, scale > s ? s : (int)scale, how, &r);
        if (call->type->id == HR_T_DECIMAL) {
            if (!ok ||
                !hr_decimal_rescale(r, HR_MAX(0, (int)HR_MIN(scale, s)), call->type->scale, &r) ||
                !hr_decimal_fits(r, call->type->precision))
                return scale < 0 ? raise_rounded(r, ok, call->type, err)
                                 : hr_raise_decimal_range("The rounded value", call->type, err);
            HR_OUT(hr_i128, out)[row] = r;
        } else {
            int64_t x = (int64_t)r;
            int bits = 8 * (int)hr_type_width(call->type);
            if (!ok || r != x || x != (int64_t)((uint64_t)x << (64 - bits)) >> (64 - bits))
                return hr_raise_overflow(NULL, err);
            memcpy(HR_OUT(char, out) + (size_t)row * hr_type_width(call->type), &x,
                   hr_type_width(call->type));
        }
    }
    return HR_OK;
}

hr_status hr_fn_round(HR_EVAL_ARGS) { return round_rows(ctx, call, args, out, err, HALF_UP); }
hr_status hr_fn_bround(HR_EVAL_ARGS) { return round_rows(ctx, call, args, out, err, HALF_EVEN); }

hr_status hr_bind_round(HR_BIND_ARGS)
{
    if (call->arg_count == 1)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 0), err));
    int64_t scale = 0; /* of NULL, too */
    if (!hr_expr_is_foldable(call->args[1]))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                        hr_expr_quoted(arena, call), "inputName", "`scale`", "inputType", "\"INT\"",
                        "inputExpr", hr_expr_quoted(arena, call->args[1]));
    hr_resolve_const_i64(arena, conf, call->args[1], &scale);
    const struct hr_type *t = call->args[0]->type;
    call->type = t;
    if (t->id == HR_T_DECIMAL) {
        int digits = t->precision - t->scale + 1;
        if (scale < 0)
            call->type = hr_type_decimal((int)HR_MIN(38, HR_MAX(digits, -scale + 1)), 0);
        else
            call->type = hr_type_decimal(HR_MIN(38, digits + (int)HR_MIN(t->scale, scale)),
                                         (int)HR_MIN(t->scale, scale));
    }
    return call->type ? HR_OK : HR_OOM(err);
}

/* The types that ceil and floor take. */
static hr_status cast_ceil_args(HR_BIND_ARGS)
{
    bool scaled = call->arg_count == 2;
    const char *takes[] = {scaled ? "decimal" : "double|decimal|long", "int"};
    static const char *const names[] = {"\"DECIMAL\"", "\"INT\""};
    HR_UNUSED(conf);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct hr_type *t = hr_type_implicit(call->args[i]->type, hr_sv(takes[i]));
        if (!t)
            return hr_resolve_unexpected_type(
                arena, call, i, scaled ? names[i] : "(\"DOUBLE\" or \"DECIMAL\" or \"BIGINT\")",
                err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i], t, err));
    }
    return HR_OK;
}

/* ceil and floor: BIGINT, or DECIMAL; with a scale always DECIMAL. */
hr_status hr_bind_ceil(HR_BIND_ARGS)
{
    int64_t scale = 0;
    bool scaled = call->arg_count == 2;
    if (scaled && !hr_resolve_const_i64(arena, conf, call->args[1], &scale))
        return HR_RAISE(err, HR_E_NON_FOLDABLE_ARGUMENT, "funcName",
                        hr_arena_printf(arena, "`%s`", call->name), "paramName", "`scale`",
                        "paramType", "\"INT\"");
    HR_TRY(cast_ceil_args(arena, conf, call, err));
    if (scaled) hr_resolve_const_i64(arena, conf, call->args[1], &scale);
    const struct hr_type *t = call->args[0]->type;
    if (t->id != HR_T_DECIMAL) {
        call->type = hr_type(HR_T_LONG);
        return HR_OK;
    }
    int digits = t->precision - t->scale + 1, s = (int)HR_MAX(0, HR_MIN(t->scale, scale));
    if (!scaled)
        call->type = t->scale == 0 ? t : hr_type_decimal(HR_MIN(38, digits), 0);
    else
        call->type = scale < 0 ? hr_type_decimal((int)HR_MIN(38, HR_MAX(digits, -scale + 1)), 0)
                               : hr_type_decimal(HR_MIN(38, digits + s), s);
    return call->type ? HR_OK : HR_OOM(err);
}

static hr_status ceil_rows(HR_EVAL_ARGS, enum rounding how)
{
    enum hr_type_id id = args[0].col.type->id;
    if (id != HR_T_DOUBLE) return round_rows(ctx, call, args, out, err, how);
    HR_EACH_ROW(ctx, out, row) {
        double x = HR_ARG(double, &args[0], row);
        x = how == FLOOR ? floor(x) : ceil(x);
        bool fits = x >= -0x1p63 && x < 0x1p63;
        if (!fits && !isnan(x) && ctx->conf->ansi) return hr_raise_overflow(NULL, err);
        HR_OUT(int64_t, out)[row] = fits         ? (int64_t)x
                                    : isnan(x)   ? 0
                                    : x > 0      ? INT64_MAX
                                                 : INT64_MIN;
    }
    return HR_OK;
}

hr_status hr_fn_ceil(HR_EVAL_ARGS) { return ceil_rows(ctx, call, args, out, err, CEILING); }
hr_status hr_fn_floor(HR_EVAL_ARGS) { return ceil_rows(ctx, call, args, out, err, FLOOR); }

/* --- Integers ----------------------------------------------------------------------------------*/

hr_status hr_fn_factorial(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        int32_t n = HR_ARG(int32_t, &args[0], row);
        int64_t f = 1;
        for (int32_t i = 2; i <= n && n <= 20; i++) f *= i;
        if (n < 0 || n > 20) hr_out_null(out, row);
        HR_OUT(int64_t, out)[row] = f;
    }
    return HR_OK;
}

hr_status hr_fn_bit_count(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        int64_t v = hr_arg_i64(&args[0], row);
        HR_OUT(int32_t, out)[row] = __builtin_popcountll((uint64_t)v);
    }
    return HR_OK;
}

static hr_status raise_bit_position(const struct hr_expr *call, int32_t at, int bits,
                                    struct hr_err *err)
{
    char value[16], upper[16];
    value[hr_format_i64(at, value)] = 0;
    upper[hr_format_i64(bits, upper)] = 0;
    bool get = call->function->name[0] == 'g';
    return HR_RAISE(err, HR_E_INVALID_BIT_POSITION, "parameter", "`pos`", "functionName",
                    get ? "`getbit`" : "`bit_get`", "upper", upper, "invalidValue", value);
}

hr_status hr_fn_getbit(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        int32_t at = HR_ARG(int32_t, &args[1], row),
                bits = 8 * (int)hr_type_width(args[0].col.type);
        if (at < 0 || at >= bits)
            return raise_bit_position(call, at, bits, err);
        HR_OUT(int8_t, out)[row] = (int8_t)(hr_arg_i64(&args[0], row) >> at & 1);
    }
    return HR_OK;
}

hr_status hr_fn_bin(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        uint64_t v = (uint64_t)HR_ARG(int64_t, &args[0], row);
        int top = v ? 63 - __builtin_clzll(v) : 0;
        for (int i = top; i >= 0; i--) hr_buf_putc(&buf, (char)('0' + (v >> i & 1)));
    });
}

hr_status hr_fn_conv(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) {
        if (!hr_bit_get(out->validity, row)) continue;
        int32_t from = HR_ARG(int32_t, &args[1], row), to = HR_ARG(int32_t, &args[2], row);
        int32_t base = to < 0 ? -to : to;
        if (from < 2 || from > 36 || base < 2 || base > 36 ||
            !hr_sv_trim(hr_arg_str(&args[0], row)).len)
            hr_out_null(out, row);
    }
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_sv_trim(hr_arg_str(&args[0], row));
        int32_t from = HR_ARG(int32_t, &args[1], row);
        int32_t to = HR_ARG(int32_t, &args[2], row);
        uint64_t v = 0;
        bool negative = s.ptr[0] == '-';
        bool over = false;
        for (size_t i = negative; i < s.len; i++) {
            char c = s.ptr[i];
            int d = c >= '0' && c <= '9'   ? c - '0'
                    : c >= 'a' && c <= 'z' ? c - 'a' + 10
                    : c >= 'A' && c <= 'Z' ? c - 'A' + 10
                                           : 99;
            if (d >= from) break;
            over = over || __builtin_mul_overflow(v, (uint64_t)from, &v) ||
                   __builtin_add_overflow(v, (uint64_t)d, &v);
        }
        if (over && ctx->conf->ansi) {
            hr_buf_done(&buf);
            return hr_raise_overflow(NULL, err);
        }
        if (over) v = UINT64_MAX;
        if (negative && to > 0) v = 0 - v;
        if (negative && to < 0 && (int64_t)v < 0) v = UINT64_MAX;
        bool minus = to < 0 && (negative || (int64_t)v < 0);
        if (to < 0 && !negative && (int64_t)v < 0) v = 0 - v;
        uint64_t base = (uint64_t)(to < 0 ? -to : to);
        char digits[65];
        int n = 65;
        do {
            digits[--n] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[v % base];
            v /= base;
        } while (v);
        if (minus) hr_buf_putc(&buf, '-');
        hr_buf_append(&buf, digits + n, (size_t)(65 - n));
    });
}

/* Numbers, or intervals of one kind. */
hr_status hr_bind_width_bucket(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    for (uint32_t i = 1; i < 3; i++)
        if (call->args[i]->type->id != call->args[0]->type->id)
            return hr_resolve_diff_types(arena, call, 0, 3, 1, err);
    return HR_OK;
}

/* A number, or an interval's months or microseconds. */
static double bucket_arg(const struct hr_vector *arg, uint32_t row)
{
    if (arg->col.type->id == HR_T_DOUBLE) return HR_ARG(double, arg, row);
    return (double)hr_arg_i64(arg, row);
}

hr_status hr_fn_width_bucket(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        double x = bucket_arg(&args[0], row), lo = bucket_arg(&args[1], row),
               hi = bucket_arg(&args[2], row);
        int64_t n = HR_ARG(int64_t, &args[3], row), r;
        if (n <= 0 || n == INT64_MAX || isnan(x) || lo == hi || !isfinite(lo) || !isfinite(hi)) {
            hr_out_null(out, row);
            continue;
        }
        if (lo < hi)
            r = x < lo ? 0 : x >= hi ? n + 1 : (int64_t)((double)n * (x - lo) / (hi - lo)) + 1;
        else
            r = x > lo ? 0 : x <= hi ? n + 1 : (int64_t)((double)n * (lo - x) / (lo - hi)) + 1;
        HR_OUT(int64_t, out)[row] = r;
    }
    return HR_OK;
}

/* --- Partitions --------------------------------------------------------------------------------*/

hr_status hr_fn_spark_partition_id(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) HR_OUT(int32_t, out)[row] = (int32_t)ctx->partition;
    return HR_OK;
}

/* --- Errors on purpose -------------------------------------------------------------------------*/

hr_status hr_fn_raise_error(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) {
        struct hr_str_view s =
            hr_arg_valid(&args[0], row) ? hr_arg_str(&args[0], row) : hr_sv("null");
        const char *text = hr_arena_strndup(ctx->arena, s.ptr, s.len);
        return HR_RAISE(err, HR_E_USER_RAISED_EXCEPTION, "errorMessage", text ? text : "?");
    }
    return HR_OK;
}

hr_status hr_bind_assert_true(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    if (call->arg_count == 2) return HR_OK;
    const char *text =
        hr_arena_printf(arena, "'%s' is not true!", hr_expr_text(arena, call->args[0]));
    return text ? hr_resolve_add_arg(arena, call, hr_expr_string(arena, hr_sv(text)), err)
                : HR_OOM(err);
}

hr_status hr_fn_assert_true(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) {
        hr_out_null(out, row);
        if (hr_arg_valid(&args[0], row) && hr_arg_bool(&args[0], row)) continue;
        struct hr_buf text = {0};
        if (call->arg_count > 1 && hr_arg_valid(&args[1], row))
            hr_buf_put_sv(&text, hr_arg_str(&args[1], row));
        else
            hr_buf_printf(&text, "'%s' is not true!", hr_expr_text(ctx->arena, call->args[0]));
        hr_status status =
            HR_RAISE(err, HR_E_USER_RAISED_EXCEPTION, "errorMessage", hr_buf_cstr(&text));
        hr_buf_done(&text);
        return status;
    }
    return HR_OK;
}

hr_status hr_fn_typeof(HR_EVAL_ARGS)
{
    const char *text = hr_type_simple(ctx->arena, call->args[0]->type);
    HR_ALL_ROWS(ctx, row) HR_TRY(hr_out_str(ctx, out, row, text, strlen(text), err));
    return HR_OK;
}
