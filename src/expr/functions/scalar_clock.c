/* SPDX-License-Identifier: Apache-2.0 */
/* Functions of TIME, times of day in nanoseconds since midnight. */
#include <math.h>
#include <stdio.h>

#include "base/decimal.h"
#include "expr/cast.h"
#include "expr/functions/functions.h"
#include "expr/functions/time_arith.h"
#include "expr/program.h"

static const char *clock_text(struct hr_arena *arena, int64_t ns)
{
    char text[48];
    text[hr_format_time_of_day(ns, text)] = 0;
    const char *copy = hr_arena_printf(arena, "TIME '%s'", text);
    return copy ? copy : "?";
}

/* --- Now ---------------------------------------------------------------------------------------*/

hr_status hr_bind_current_time(HR_BIND_ARGS)
{
    int64_t digits = HR_TIME_PRECISION;
    call->name = "current_time"; /* localtime prints so, too */
    if (call->arg_count == 0)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), digits), err));
    if (!hr_expr_is_foldable(call->args[0]))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                        hr_expr_quoted(arena, call), "inputName", "`precision`", "inputType",
                        "\"INT\"", "inputExpr", hr_expr_quoted(arena, call->args[0]));
    struct hr_column value;
    HR_TRY(hr_expr_fold(arena, conf, call->args[0], &value, err));
    if (!hr_resolve_const_i64(arena, conf, call->args[0], &digits) || digits < 0 || digits > 9) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)digits);
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_VALUE_OUT_OF_RANGE, "sqlExpr",
                        hr_expr_quoted(arena, call), "exprName", "`precision`", "valueRange",
                        "[0, 9]", "currentValue", text);
    }
    call->type = hr_type_time((int)digits);
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_fn_current_time(HR_EVAL_ARGS)
{
    int64_t local = hr_tz_to_local(ctx->conf->tz, ctx->now_us);
    int64_t us = local - hr_floor_div(local, HR_US_PER_DAY) * HR_US_PER_DAY;
    HR_UNUSED(args);
    HR_UNUSED(err);
    HR_ALL_ROWS(ctx, row)
        HR_OUT(int64_t, out)[row] = hr_time_cut(us * 1000, call->type->precision);
    return HR_OK;
}

/* --- From numbers and texts --------------------------------------------------------------------*/

hr_status hr_bind_make_time(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    const struct hr_type *t = call->args[2]->type;
    if (!hr_type_is_numeric(t) && t->id != HR_T_STRING && t->id != HR_T_NULL)
        return hr_resolve_unexpected_type(arena, call, 2, "\"DECIMAL(16,6)\"", err);
    return hr_resolve_cast(arena, &call->args[2], hr_type_decimal(16, 6), err);
}

static hr_status out_of_bounds(const char *what, int most, int64_t value, struct hr_err *err)
{
    char text[112];
    snprintf(text, sizeof text, "Invalid value for %s (valid values 0 - %d): %lld", what, most,
             (long long)value);
    return HR_RAISE(err, HR_E_DATETIME_FIELD_OUT_OF_BOUNDS_PLAIN, "rangeMessage", text);
}

hr_status hr_fn_make_time(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_EACH_ROW(ctx, out, row)
    {
        int64_t h = HR_ARG(int32_t, &args[0], row), m = HR_ARG(int32_t, &args[1], row);
        int64_t us = (int64_t)HR_ARG(hr_i128, &args[2], row);
        int64_t s = hr_floor_div(us, HR_US_PER_SECOND);
        if (h < 0 || h > 23) return out_of_bounds("HourOfDay", 23, h, err);
        if (m < 0 || m > 59) return out_of_bounds("MinuteOfHour", 59, m, err);
        if (s < 0 || s > 59) return out_of_bounds("SecondOfMinute", 59, s, err);
        HR_OUT(int64_t, out)[row] = (h * 3600 + m * 60) * HR_NS_PER_SECOND + us * 1000;
    }
    return HR_OK;
}

hr_status hr_bind_to_time(HR_BIND_ARGS)
{
    struct hr_str_view pattern;
    struct hr_time_format *format;
    if (call->arg_count == 2 && hr_resolve_const_string(arena, conf, call->args[1], &pattern)) {
        HR_TRY(hr_time_format_compile(arena, pattern, &format, err));
        call->bound = format;
    }
    return HR_OK;
}

hr_status hr_fn_to_time(HR_EVAL_ARGS)
{
    bool is_try = call->function->flags & HR_FN_TRY;
    struct hr_time_format *format = call->bound;
    HR_EACH_ROW(ctx, out, row)
    {
        struct hr_str_view s = hr_arg_str(&args[0], row), p = hr_sv("HH:mm:ss.SSSSSS");
        int64_t ns = 0, us;
        bool ok;
        if (call->arg_count == 2) {
            p = hr_arg_str(&args[1], row);
            if (!call->bound) HR_TRY(hr_time_format_compile(ctx->arena, p, &format, err));
            HR_TRY(hr_time_format_check_parse(format, err));
            ok = hr_time_format_parse(format, s, hr_tz_utc(), &us);
            if (ok) ns = (us - hr_floor_div(us, HR_US_PER_DAY) * HR_US_PER_DAY) * 1000;
        } else {
            ok = hr_parse_time_of_day(s, &ns, &(int){0});
        }
        HR_OUT(int64_t, out)[row] = hr_time_cut(ns, HR_TIME_PRECISION);
        if (ok) continue;
        if (!is_try) {
            const char *input = hr_arena_printf(ctx->arena, "'%.*s'", (int)s.len, s.ptr);
            const char *shape = hr_arena_printf(ctx->arena, "'%.*s'", (int)p.len, p.ptr);
            return HR_RAISE(err, HR_E_CANNOT_PARSE_TIME, "input", input ? input : "?", "format",
                            shape ? shape : "?");
        }
        hr_out_null(out, row);
    }
    return HR_OK;
}

static hr_status check_clock(hr_i128 ns, struct hr_err *err)
{
    if (ns >= 0 && ns < HR_NS_PER_DAY) return HR_OK;
    char number[48], text[160];
    number[hr_decimal_format(ns, 0, number)] = 0;
    snprintf(text, sizeof text,
             "Invalid TIME value: must be between 00:00:00 and 23:59:59.999999999, but got %s "
             "nanoseconds",
             number);
    return HR_RAISE(err, HR_E_DATETIME_FIELD_OUT_OF_BOUNDS_PLAIN, "rangeMessage", text);
}

hr_status hr_fn_time_from_seconds(HR_EVAL_ARGS)
{
    const struct hr_type *t = args[0].col.type;
    HR_UNUSED(call);
    HR_EACH_ROW(ctx, out, row)
    {
        hr_i128 ns = 0;
        if (t->id == HR_T_DECIMAL) {
            ns = HR_ARG(hr_i128, &args[0], row);
            for (int i = t->scale; i > 9; i--) ns /= 10;
            for (int i = t->scale; i < 9 && ns <= HR_NS_PER_DAY && ns >= -HR_NS_PER_DAY; i++)
                ns *= 10;
        } else if (hr_type_is_integral(t)) {
            ns = (hr_i128)hr_arg_i64(&args[0], row) * HR_NS_PER_SECOND;
        } else {
            double d = hr_arg_f64(&args[0], row) * 1e9;
            if (!isfinite(d))
                return HR_RAISE(err, HR_E_DATETIME_FIELD_OUT_OF_BOUNDS_PLAIN, "rangeMessage",
                                "Cannot convert NaN or Infinite value to TIME");
            ns = d > 1e30 ? (hr_i128)1e30 : d < -1e30 ? (hr_i128)-1e30 : (hr_i128)d;
        }
        HR_TRY(check_clock(ns, err));
        HR_OUT(int64_t, out)[row] = (int64_t)ns;
    }
    return HR_OK;
}

static hr_status from_units(HR_EVAL_ARGS, int64_t unit)
{
    HR_UNUSED(call);
    HR_EACH_ROW(ctx, out, row)
    {
        hr_i128 ns = (hr_i128)hr_arg_i64(&args[0], row) * unit;
        HR_TRY(check_clock(ns, err));
        HR_OUT(int64_t, out)[row] = (int64_t)ns;
    }
    return HR_OK;
}

hr_status hr_fn_time_from_millis(HR_EVAL_ARGS)
{
    return from_units(ctx, call, args, out, err, 1000000);
}
hr_status hr_fn_time_from_micros(HR_EVAL_ARGS)
{
    return from_units(ctx, call, args, out, err, 1000);
}

/* --- To numbers --------------------------------------------------------------------------------*/

hr_status hr_bind_time_to_seconds(HR_BIND_ARGS)
{
    HR_UNUSED(arena);
    HR_UNUSED(conf);
    call->type = hr_type_decimal(14, 6);
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_fn_time_to_seconds(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(hr_i128, out)[row] = HR_ARG(int64_t, &args[0], row) / 1000;
    return HR_OK;
}

static hr_status to_units(HR_EVAL_ARGS, int64_t unit)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(int64_t, out)[row] = HR_ARG(int64_t, &args[0], row) / unit;
    return HR_OK;
}

hr_status hr_fn_time_to_millis(HR_EVAL_ARGS)
{
    return to_units(ctx, call, args, out, err, 1000000);
}
hr_status hr_fn_time_to_micros(HR_EVAL_ARGS)
{
    return to_units(ctx, call, args, out, err, 1000);
}

/* --- Units -------------------------------------------------------------------------------------*/

static hr_status unit_of(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                         struct hr_str_view name, int64_t *ret, struct hr_err *err)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"HOUR", 3600 * HR_NS_PER_SECOND},
                 {"MINUTE", 60 * HR_NS_PER_SECOND},
                 {"SECOND", HR_NS_PER_SECOND},
                 {"MILLISECOND", 1000000},
                 {"MICROSECOND", 1000}};
    for (size_t i = 0; i < HR_COUNT(units); i++) {
        *ret = units[i].ns;
        if (hr_sv_eq_nocase(name, hr_sv(units[i].name))) return HR_OK;
    }
    const char *got = hr_arena_printf(ctx->arena, "'%.*s'", (int)name.len, name.ptr);
    const char *function = hr_arena_printf(ctx->arena, "`%s`", call->function->name);
    return HR_RAISE(err, HR_E_INVALID_TIME_UNIT, "functionName", function ? function : "?",
                    "invalidValue", got ? got : "?");
}

hr_status hr_fn_time_trunc(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
    {
        int64_t unit = 0, ns = HR_ARG(int64_t, &args[1], row);
        HR_TRY(unit_of(ctx, call, hr_arg_str(&args[0], row), &unit, err));
        HR_OUT(int64_t, out)[row] = ns - ns % unit;
    }
    return HR_OK;
}

hr_status hr_fn_time_diff(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
    {
        int64_t unit = 0;
        HR_TRY(unit_of(ctx, call, hr_arg_str(&args[0], row), &unit, err));
        HR_OUT(int64_t, out)[row] =
            (HR_ARG(int64_t, &args[2], row) - HR_ARG(int64_t, &args[1], row)) / unit;
    }
    return HR_OK;
}

/* --- Intervals ---------------------------------------------------------------------------------*/

hr_status hr_bind_clock_add(HR_BIND_ARGS)
{
    HR_UNUSED(arena);
    HR_UNUSED(conf);
    int digits = call->args[1]->type->end_field == HR_IV_SECOND ? HR_TIME_PRECISION : 0;
    call->type = hr_type_time(HR_MAX(digits, call->args[0]->type->precision));
    return call->type ? HR_OK : HR_OOM(err);
}

static hr_status clock_overflow(struct hr_eval_ctx *ctx, const struct hr_vector *args, uint32_t row,
                                int64_t delta, struct hr_err *err)
{
    const struct hr_type *t = args[1].col.type;
    struct hr_buf text = {0};
    hr_buf_puts(&text, "add ");
    hr_format_interval_dt(delta, t->start_field, t->end_field, &text);
    hr_buf_printf(&text, " to the time value %s",
                  clock_text(ctx->arena, HR_ARG(int64_t, &args[0], row)));
    hr_status status = HR_RAISE(err, HR_E_DATETIME_OVERFLOW, "operation", hr_buf_cstr(&text));
    hr_buf_done(&text);
    return status;
}

static hr_status clock_add(HR_EVAL_ARGS, bool subtract)
{
    bool is_try = call->function->flags & HR_FN_TRY;
    HR_EACH_ROW(ctx, out, row)
    {
        int64_t delta = HR_ARG(int64_t, &args[1], row);
        if (subtract) delta = delta == INT64_MIN ? INT64_MAX : -delta;
        hr_i128 ns = HR_ARG(int64_t, &args[0], row) + (hr_i128)delta * 1000;
        HR_OUT(int64_t, out)[row] = (int64_t)ns;
        if (HR_LIKELY(ns >= 0 && ns < HR_NS_PER_DAY)) continue;
        if (!is_try) return clock_overflow(ctx, args, row, delta, err);
        hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_fn_clock_add(HR_EVAL_ARGS)
{
    return clock_add(ctx, call, args, out, err, false);
}
hr_status hr_fn_clock_sub(HR_EVAL_ARGS)
{
    return clock_add(ctx, call, args, out, err, true);
}

hr_status hr_bind_clock_diff(HR_BIND_ARGS)
{
    HR_UNUSED(arena);
    HR_UNUSED(conf);
    call->type = hr_type_interval_dt(HR_IV_HOUR, HR_IV_SECOND);
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_fn_clock_diff(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(int64_t, out)[row] =
            (HR_ARG(int64_t, &args[0], row) - HR_ARG(int64_t, &args[1], row)) / 1000;
    return HR_OK;
}
