/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Casts of columns, by pairs of types. A cast to STRING prints, from STRING parses (cast_string.c);
 * numbers convert in loops over all rows that collect whether something did not fit, and only then
 * look for the row; nested types cast their children for the rows that count.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("O3")
#endif
#include <math.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/cast.h"
#include "expr/eval.h"

hr_status hr_cast_overflow(const struct hr_cast *c, uint32_t row, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CAST_OVERFLOW, "value",
                    hr_value_sql(c->ctx->arena, &c->in->col, hr_vector_row(c->in, row)),
                    "sourceType", hr_type_quoted(c->ctx->arena, c->from), "targetType",
                    hr_type_quoted(c->ctx->arena, c->to), "ansiConfig", HR_ANSI_CONFIG);
}

hr_status hr_cast_invalid(const struct hr_cast *c, uint32_t row, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CAST_INVALID_INPUT, "expression",
                    hr_value_sql(c->ctx->arena, &c->in->col, hr_vector_row(c->in, row)),
                    "sourceType", hr_type_quoted(c->ctx->arena, c->from), "targetType",
                    hr_type_quoted(c->ctx->arena, c->to), "ansiConfig", HR_ANSI_CONFIG);
}

static hr_status decimal_range(const struct hr_cast *c, uint32_t row, struct hr_err *err)
{
    struct hr_buf text = {0};
    if (c->from->id == HR_T_DOUBLE && fabs(hr_arg_f64(c->in, row)) < 1e15 &&
        hr_arg_f64(c->in, row) == rint(hr_arg_f64(c->in, row)))
        hr_buf_put_i64(&text, (int64_t)hr_arg_f64(c->in, row)); /* plain, as BigDecimal */
    else
        hr_column_print(&c->in->col, hr_vector_row(c->in, row), hr_tz_utc(), &text);
    hr_status status = hr_raise_decimal_range(hr_buf_cstr(&text), c->to, err);
    hr_buf_done(&text);
    return status;
}

/* A row that does not fit: NULL where that is asked for, else the error. */
#define FAILED(c, row, raise)                       \
    do {                                            \
        if (!(c)->nulls) return raise((c), (row), err); \
        hr_out_null((c)->out, (row));               \
    } while (0)

/* --- Numbers -----------------------------------------------------------------------------------*/

#define CONVERT(FROM, TO)                                                        \
    do {                                                                         \
        const FROM *restrict a = c->in->col.values;                              \
        TO *restrict r = HR_OUT(TO, c->out);                                     \
        for (uint32_t i = 0; i < c->rows; i++) {                                 \
            r[i] = (TO)a[i];                                                     \
            over |= (uint64_t)((FROM)r[i] != a[i]);                              \
        }                                                                        \
    } while (0)
#define CONVERT_TO(TO)                                            \
    switch (c->from->id) {                                        \
    case HR_T_BYTE: CONVERT(int8_t, TO); break;                   \
    case HR_T_SHORT: CONVERT(int16_t, TO); break;                 \
    case HR_T_INT: CONVERT(int32_t, TO); break;                   \
    default: CONVERT(int64_t, TO); break;                         \
    }

static bool fits_integral(int64_t v, const struct hr_type *type)
{
    int bits = 8 * (int)hr_type_width(type);
    return bits == 64 || (v >= -(INT64_C(1) << (bits - 1)) && v < INT64_C(1) << (bits - 1));
}

static void put_i64(struct hr_column *out, uint32_t row, int64_t v)
{
    switch (hr_type_width(out->type)) {
    case 1: HR_OUT(int8_t, out)[row] = (int8_t)v; break;
    case 2: HR_OUT(int16_t, out)[row] = (int16_t)v; break;
    case 4: HR_OUT(int32_t, out)[row] = (int32_t)v; break;
    default: HR_OUT(int64_t, out)[row] = v;
    }
}

static hr_status integral_to_integral(const struct hr_cast *c, struct hr_err *err)
{
    uint64_t over = 0;
    switch (hr_type_width(c->to)) {
    case 1: CONVERT_TO(int8_t) break;
    case 2: CONVERT_TO(int16_t) break;
    case 4: CONVERT_TO(int32_t) break;
    default: CONVERT_TO(int64_t) break;
    }
    if (HR_LIKELY(!over) || (c->nulls && !c->is_try)) return HR_OK; /* legacy: wraps */
    HR_EACH_ROW(c->ctx, c->out, row)
        if (!fits_integral(hr_arg_i64(c->in, row), c->to)) FAILED(c, row, hr_cast_overflow);
    return HR_OK;
}

static hr_status integral_to_real(const struct hr_cast *c)
{
    uint64_t over = 0;
    if (c->to->id == HR_T_FLOAT)
        CONVERT_TO(float)
    else
        CONVERT_TO(double)
    HR_UNUSED(over);
    return HR_OK;
}

static hr_status real_to_integral(const struct hr_cast *c, struct hr_err *err)
{
    int bits = 8 * (int)hr_type_width(c->to);
    double limit = ldexp(1.0, bits - 1), most = bits == 64 ? limit : limit - 1;
    HR_EACH_ROW(c->ctx, c->out, row) {
        double v = hr_arg_f64(c->in, row);
        if (floor(v) <= most && ceil(v) >= -limit) {
            put_i64(c->out, row, v >= 0x1p63 ? INT64_MAX : (int64_t)v); /* 2^63 passes in Spark */
        } else if (c->nulls && !c->is_try) { /* legacy: Java's saturating conversion */
            put_i64(c->out, row,
                    isnan(v) ? 0
                    : v > 0  ? INT64_MAX >> (64 - bits)
                             : INT64_MIN >> (64 - bits));
        } else {
            FAILED(c, row, hr_cast_overflow);
        }
    }
    return HR_OK;
}

static void real_to_real(const struct hr_cast *c)
{
    HR_ALL_ROWS(c->ctx, row) {
        double v = hr_arg_f64(c->in, row);
        if (c->to->id == HR_T_FLOAT)
            HR_OUT(float, c->out)[row] = (float)v;
        else
            HR_OUT(double, c->out)[row] = v;
    }
}

/* --- Decimals ----------------------------------------------------------------------------------*/

static hr_status to_decimal(const struct hr_cast *c, struct hr_err *err)
{
    int p = c->to->precision, s = c->to->scale;
    bool real = c->from->id == HR_T_FLOAT || c->from->id == HR_T_DOUBLE;
    hr_i128 *r = HR_OUT(hr_i128, c->out);
    HR_EACH_ROW(c->ctx, c->out, row) {
        bool ok;
        if (real) {
            double v = hr_arg_f64(c->in, row);
            ok = hr_decimal_from_double(v, p, s, &r[row]);
            if (!isfinite(v)) { /* no error, whatever the mode */
                hr_out_null(c->out, row);
                continue;
            }
        } else if (c->from->id == HR_T_DECIMAL) {
            ok = hr_decimal_rescale(HR_ARG(hr_i128, c->in, row), c->from->scale, s, &r[row]) &&
                 hr_decimal_fits(r[row], p);
        } else {
            ok = !__builtin_mul_overflow((hr_i128)hr_arg_i64(c->in, row), hr_pow10[s], &r[row]) &&
                 hr_decimal_fits(r[row], p);
        }
        if (!ok) FAILED(c, row, decimal_range);
    }
    return HR_OK;
}

static hr_status decimal_to_number(const struct hr_cast *c, struct hr_err *err)
{
    int scale = c->from->scale;
    HR_EACH_ROW(c->ctx, c->out, row) {
        hr_i128 v = HR_ARG(hr_i128, c->in, row);
        if (c->to->id == HR_T_DOUBLE) {
            HR_OUT(double, c->out)[row] = hr_decimal_to_double(v, scale);
        } else if (c->to->id == HR_T_FLOAT) {
            HR_OUT(float, c->out)[row] = (float)hr_decimal_to_double(v, scale);
        } else {
            v /= hr_pow10[scale];
            if (v == (int64_t)v && fits_integral((int64_t)v, c->to))
                put_i64(c->out, row, (int64_t)v);
            else if (c->nulls && !c->is_try)
                put_i64(c->out, row, (int64_t)v);
            else
                FAILED(c, row, hr_cast_overflow);
        }
    }
    return HR_OK;
}

/* --- Booleans ----------------------------------------------------------------------------------*/

static void to_boolean(const struct hr_cast *c)
{
    HR_EACH_ROW(c->ctx, c->out, row) {
        bool v = c->from->id == HR_T_DECIMAL            ? HR_ARG(hr_i128, c->in, row) != 0
                 : hr_type_is_fractional(c->from) ? hr_arg_f64(c->in, row) != 0
                                                        : hr_arg_i64(c->in, row) != 0;
        hr_out_bool(c->out, row, v);
    }
}

/* A date is neither true nor false. */
static void all_null(const struct hr_cast *c)
{
    HR_EACH_ROW(c->ctx, c->out, row) hr_out_null(c->out, row);
}

/* Its bytes, the high ones first. */
static hr_status integral_to_binary(const struct hr_cast *c, struct hr_err *err)
{
    size_t width = hr_type_width(c->from);
    HR_EACH_ROW(c->ctx, c->out, row) {
        uint64_t v = __builtin_bswap64((uint64_t)hr_arg_i64(c->in, row));
        HR_TRY(hr_out_str(c->ctx, c->out, row, (const char *)&v + (sizeof v - width), width, err));
    }
    return HR_OK;
}

static void boolean_to_number(const struct hr_cast *c)
{
    HR_EACH_ROW(c->ctx, c->out, row) {
        bool v = hr_arg_bool(c->in, row);
        if (c->to->id == HR_T_DECIMAL)
            HR_OUT(hr_i128, c->out)[row] = v ? hr_pow10[c->to->scale] : 0;
        else if (c->to->id == HR_T_DOUBLE)
            HR_OUT(double, c->out)[row] = v;
        else if (c->to->id == HR_T_FLOAT)
            HR_OUT(float, c->out)[row] = v;
        else
            put_i64(c->out, row, v);
    }
}

/* --- Dates and times ---------------------------------------------------------------------------*/

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

static hr_status datetime_to_datetime(const struct hr_cast *c, struct hr_err *err)
{
    const struct hr_tz *tz = c->ctx->conf->tz;
    HR_EACH_ROW(c->ctx, c->out, row) {
        int64_t v = hr_arg_i64(c->in, row), local = v;
        if (c->from->id == HR_T_TIMESTAMP) local = hr_tz_to_local(tz, v);
        if (c->from->id == HR_T_DATE && __builtin_mul_overflow(v, HR_US_PER_DAY, &local)) {
            if (!c->is_try) return hr_raise_overflow(NULL, err);
            hr_out_null(c->out, row);
            continue;
        }
        put_i64(c->out, row, c->to->id == HR_T_DATE ? floor_div(local, HR_US_PER_DAY)
                             : c->to->id == HR_T_TIMESTAMP ? hr_tz_to_utc(tz, local) : local);
    }
    return HR_OK;
}

static hr_status timestamp_to_number(const struct hr_cast *c, struct hr_err *err)
{
    HR_EACH_ROW(c->ctx, c->out, row) {
        int64_t us = HR_ARG(int64_t, c->in, row);
        if (c->to->id == HR_T_DOUBLE) {
            HR_OUT(double, c->out)[row] = (double)us / 1e6;
        } else if (c->to->id == HR_T_FLOAT) {
            HR_OUT(float, c->out)[row] = (float)((double)us / 1e6);
        } else if (c->to->id == HR_T_DECIMAL) {
            hr_i128 *r = &HR_OUT(hr_i128, c->out)[row];
            if (!hr_decimal_rescale(us, 6, c->to->scale, r) ||
                !hr_decimal_fits(*r, c->to->precision))
                FAILED(c, row, decimal_range);
        } else {
            int64_t s = floor_div(us, HR_US_PER_SECOND);
            if (fits_integral(s, c->to))
                put_i64(c->out, row, s);
            else
                FAILED(c, row, hr_cast_overflow);
        }
    }
    return HR_OK;
}

static hr_status number_to_timestamp(const struct hr_cast *c, struct hr_err *err)
{
    int64_t *r = HR_OUT(int64_t, c->out);
    HR_EACH_ROW(c->ctx, c->out, row) {
        if (hr_type_is_integral(c->from)) {
            int64_t s = hr_arg_i64(c->in, row); /* saturates, as Java's SECONDS.toMicros */
            if (__builtin_mul_overflow(s, HR_US_PER_SECOND, &r[row]))
                r[row] = s < 0 ? INT64_MIN : INT64_MAX;
        } else if (c->from->id == HR_T_DECIMAL) {
            hr_i128 v = HR_ARG(hr_i128, c->in, row), unit = hr_pow10[c->from->scale];
            hr_u128 whole = (hr_u128)(v / unit) * 1000000; /* wraps, as BigDecimal.longValue */
            r[row] = (int64_t)(whole + (hr_u128)(v % unit * 1000000 / unit));
        } else {
            double seconds = hr_arg_f64(c->in, row), us = seconds * 1e6;
            bool fits = us >= -0x1p63 && us <= 0x1p63;
            if (!isfinite(seconds) && !c->nulls) return hr_cast_invalid(c, row, err);
            if (!isfinite(seconds) || (!fits && c->is_try)) hr_out_null(c->out, row);
            else if (!fits && !c->nulls) return hr_cast_overflow(c, row, err);
            r[row] = us >= 0x1p63 ? INT64_MAX : us > -0x1p63 ? (int64_t)us : INT64_MIN;
        }
    }
    return HR_OK;
}

/* µs or months in one of an interval's field. */
static int64_t interval_unit(const struct hr_type *type)
{
    static const int64_t units[] = {
        [HR_IV_YEAR] = 12, [HR_IV_MONTH] = 1, [HR_IV_DAY] = HR_US_PER_DAY,
        [HR_IV_HOUR] = HR_US_PER_HOUR, [HR_IV_MINUTE] = HR_US_PER_MINUTE,
        [HR_IV_SECOND] = HR_US_PER_SECOND};
    return units[type->end_field];
}

static hr_status interval_to_number(const struct hr_cast *c, struct hr_err *err)
{
    int64_t unit = interval_unit(c->from);
    HR_EACH_ROW(c->ctx, c->out, row) {
        int64_t v = hr_arg_i64(c->in, row);
        if (c->to->id == HR_T_DECIMAL) {
            hr_i128 *r = &HR_OUT(hr_i128, c->out)[row];
            if (!hr_decimal_div(v, 0, unit, 0, c->to->scale, r) ||
                !hr_decimal_fits(*r, c->to->precision))
                FAILED(c, row, decimal_range);
        } else if (fits_integral(v / unit, c->to)) {
            put_i64(c->out, row, v / unit);
        } else {
            FAILED(c, row, hr_cast_overflow);
        }
    }
    return HR_OK;
}

static hr_status number_to_interval(const struct hr_cast *c, struct hr_err *err)
{
    int64_t unit = interval_unit(c->to);
    HR_EACH_ROW(c->ctx, c->out, row) {
        int64_t v;
        bool ok;
        if (c->from->id == HR_T_DECIMAL) {
            hr_i128 wide;
            ok = hr_decimal_mul(HR_ARG(hr_i128, c->in, row), c->from->scale, unit, 0, 0, &wide) &&
                 wide == (int64_t)wide;
            v = ok ? (int64_t)wide : 0;
        } else {
            ok = !__builtin_mul_overflow(hr_arg_i64(c->in, row), unit, &v);
        }
        if (ok && fits_integral(v, c->to))
            put_i64(c->out, row, v);
        else
            FAILED(c, row, hr_cast_overflow);
    }
    return HR_OK;
}

static void interval_to_interval(const struct hr_cast *c)
{
    /* finer fields are cut off; fractions belong to the seconds */
    int64_t unit = c->to->end_field == HR_IV_SECOND ? 1 : interval_unit(c->to);
    HR_EACH_ROW(c->ctx, c->out, row) {
        int64_t v = hr_arg_i64(c->in, row);
        put_i64(c->out, row, v - v % unit);
    }
}

/* --- Nested types ------------------------------------------------------------------------------*/

/* A child column, only the given rows of it. */
static hr_status cast_child(const struct hr_cast *c, const struct hr_column *child,
                            const struct hr_type *to, const uint32_t *sel, uint32_t sel_count,
                            struct hr_column *ret, struct hr_err *err)
{
    struct hr_eval_ctx ctx = *c->ctx;
    ctx.row_count = child->length;
    ctx.sel = sel;
    ctx.sel_count = sel_count;
    struct hr_vector v = {.col = *child};
    return hr_cast_column(&ctx, &v, to, c->is_try, ret, err);
}

static hr_status cast_struct(const struct hr_cast *c, struct hr_err *err)
{
    struct hr_arena *arena = c->ctx->arena;
    uint32_t *sel = hr_arena_alloc(arena, sizeof *sel * (c->ctx->sel_count + 1)), n = 0;
    struct hr_column *children = HR_NEW_ARRAY(arena, struct hr_column, c->to->field_count + 1);
    if (!sel || !children) return HR_OOM(err);
    HR_EACH_ROW(c->ctx, c->out, row) sel[n++] = row;
    for (uint32_t i = 0; i < c->to->field_count; i++)
        HR_TRY(cast_child(c, &c->in->col.children[i], c->to->fields[i].type, sel, n, &children[i],
                          err));
    c->out->children = children;
    return HR_OK;
}

static hr_status cast_list(const struct hr_cast *c, struct hr_err *err)
{
    struct hr_arena *arena = c->ctx->arena;
    const int32_t *offsets = c->in->col.values;
    uint32_t total = 0, n = 0;
    HR_EACH_ROW(c->ctx, c->out, row) total += (uint32_t)(offsets[row + 1] - offsets[row]);
    uint32_t *sel = hr_arena_alloc(arena, sizeof *sel * (total + 1));
    struct hr_column *children = HR_NEW_ARRAY(arena, struct hr_column, c->to->field_count);
    if (!sel || !children) return HR_OOM(err);
    HR_EACH_ROW(c->ctx, c->out, row)
        for (int32_t at = offsets[row]; at < offsets[row + 1]; at++) sel[n++] = (uint32_t)at;
    for (uint32_t i = 0; i < c->to->field_count; i++)
        HR_TRY(cast_child(c, &c->in->col.children[i], c->to->fields[i].type, sel, n, &children[i],
                          err));
    c->out->children = children;
    c->out->values = offsets;
    return HR_OK;
}

/* --- Times of day ------------------------------------------------------------------------------*/

static hr_status time_to_number(const struct hr_cast *c, struct hr_err *err)
{
    HR_EACH_ROW(c->ctx, c->out, row) {
        int64_t ns = HR_ARG(int64_t, c->in, row), s = ns / HR_NS_PER_SECOND;
        if (c->to->id == HR_T_DECIMAL) {
            hr_i128 *r = &HR_OUT(hr_i128, c->out)[row];
            if (hr_decimal_rescale(ns, 9, c->to->scale, r) &&
                hr_decimal_fits(*r, c->to->precision))
                continue;
            char text[48];
            text[hr_decimal_format(ns, 9, text)] = 0;
            if (!c->nulls) return hr_raise_decimal_range(text, c->to, err);
            hr_out_null(c->out, row);
        } else if (fits_integral(s, c->to)) {
            put_i64(c->out, row, s);
        } else {
            FAILED(c, row, hr_cast_overflow);
        }
    }
    return HR_OK;
}

/* With today's date. */
static hr_status time_to_datetime(const struct hr_cast *c)
{
    const struct hr_tz *tz = c->ctx->conf->tz;
    int64_t now = hr_tz_to_local(tz, c->ctx->now_us);
    int64_t midnight = floor_div(now, HR_US_PER_DAY) * HR_US_PER_DAY;
    HR_EACH_ROW(c->ctx, c->out, row) {
        int64_t us = midnight + HR_ARG(int64_t, c->in, row) / 1000;
        put_i64(c->out, row, c->to->id == HR_T_TIMESTAMP ? hr_tz_to_utc(tz, us) : us);
    }
    return HR_OK;
}

static void to_time(const struct hr_cast *c)
{
    HR_EACH_ROW(c->ctx, c->out, row) {
        int64_t v = HR_ARG(int64_t, c->in, row);
        if (c->from->id == HR_T_TIMESTAMP) v = hr_tz_to_local(c->ctx->conf->tz, v);
        if (c->from->id != HR_T_TIME)
            v = (v - floor_div(v, HR_US_PER_DAY) * HR_US_PER_DAY) * 1000;
        HR_OUT(int64_t, c->out)[row] = hr_time_cut(v, c->to->precision);
    }
}

static hr_status cast_time_of_day(const struct hr_cast *c, struct hr_err *err)
{
    if (c->to->id == HR_T_TIME) return (to_time(c), HR_OK);
    if (hr_type_is_datetime(c->to)) return time_to_datetime(c);
    return time_to_number(c, err);
}

/* --- Dispatch ----------------------------------------------------------------------------------*/

static hr_status cast_from_time(const struct hr_cast *c, struct hr_err *err)
{
    if (hr_type_is_datetime(c->to)) return datetime_to_datetime(c, err);
    if (c->to->id == HR_T_BOOLEAN && c->from->id != HR_T_DATE) return (to_boolean(c), HR_OK);
    if (c->to->id == HR_T_BOOLEAN) return (all_null(c), HR_OK);
    return timestamp_to_number(c, err);
}

static hr_status cast_number(const struct hr_cast *c, struct hr_err *err)
{
    bool integral = hr_type_is_integral(c->from);
    switch (c->to->id) {
    case HR_T_BOOLEAN: to_boolean(c); return HR_OK;
    case HR_T_BINARY: return integral_to_binary(c, err);
    case HR_T_DECIMAL: return to_decimal(c, err);
    case HR_T_TIMESTAMP: return number_to_timestamp(c, err);
    case HR_T_INTERVAL_YM:
    case HR_T_INTERVAL_DT: return number_to_interval(c, err);
    default: break;
    }
    if (c->from->id == HR_T_DECIMAL) return decimal_to_number(c, err);
    if (hr_type_is_integral(c->to))
        return integral ? integral_to_integral(c, err) : real_to_integral(c, err);
    if (integral) return integral_to_real(c);
    real_to_real(c);
    return HR_OK;
}

static hr_status cast_dispatch(const struct hr_cast *c, struct hr_err *err)
{
    if (c->to->id == HR_T_STRING) return hr_cast_to_string(c, err);
    if (c->from->id == HR_T_STRING || c->from->id == HR_T_BINARY)
        return hr_cast_from_string(c, err);
    if (hr_type_is_numeric(c->from)) return cast_number(c, err);
    if (c->from->id == HR_T_TIME || c->to->id == HR_T_TIME) return cast_time_of_day(c, err);
    switch (c->from->id) {
    case HR_T_BOOLEAN: boolean_to_number(c); return HR_OK;
    case HR_T_DATE:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ: return cast_from_time(c, err);
    case HR_T_INTERVAL_YM:
    case HR_T_INTERVAL_DT:
        if (!hr_type_is_interval(c->to)) return interval_to_number(c, err);
        interval_to_interval(c);
        return HR_OK;
    case HR_T_STRUCT: return cast_struct(c, err);
    case HR_T_ARRAY:
    case HR_T_MAP: return cast_list(c, err);
    default: return HR_BUG(err, "no cast from %s", hr_type_info[c->from->id].name);
    }
}

hr_status hr_cast_column(struct hr_eval_ctx *ctx, const struct hr_vector *in,
                         const struct hr_type *to, bool try_cast, struct hr_column *out,
                         struct hr_err *err)
{
    const struct hr_type *from = in->col.type;
    struct hr_vector row = *in; /* of constants there is one row: nothing below needs to know */
    struct hr_eval_ctx one = *ctx;
    if (in->is_const) {
        one.row_count = 1;
        one.sel = NULL;
        one.sel_count = 1;
    }
    if (from == to || hr_type_same(from, to)) {
        *out = in->col;
        out->type = to;
        return HR_OK;
    }
    uint32_t rows = one.row_count;
    if (from->id == HR_T_NULL) return hr_column_nulls(ctx->arena, to, rows, out, err);
    HR_TRY(hr_out_alloc(ctx->arena, to, rows, out, err));
    if (in->col.validity)
        memcpy((void *)(uintptr_t)out->validity, in->col.validity, hr_bit_words(rows) * 8);
    bool nulls = try_cast || !ctx->conf->ansi;
    struct hr_cast c = {&one, &row, from, to, out, rows, nulls, try_cast};
    return cast_dispatch(&c, err);
}
