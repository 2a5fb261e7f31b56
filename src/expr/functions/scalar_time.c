/* SPDX-License-Identifier: Apache-2.0 */
/* Dates and timestamps: fields, arithmetic, truncation, formatting, parsing. */
#include <math.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/functions/functions.h"
#include "expr/functions/time_arith.h"
#include "expr/internal.h"

/* --- Now ---------------------------------------------------------------------------------------*/

hr_status hr_fn_now(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) HR_OUT(int64_t, out)[row] = ctx->now_us;
    return HR_OK;
}

hr_status hr_fn_localtimestamp(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) HR_OUT(int64_t, out)[row] = hr_tz_to_local(ctx->conf->tz, ctx->now_us);
    return HR_OK;
}

hr_status hr_fn_current_date(HR_EVAL_ARGS)
{
    int64_t day = hr_floor_div(hr_tz_to_local(ctx->conf->tz, ctx->now_us), HR_US_PER_DAY);
    HR_ALL_ROWS(ctx, row) HR_OUT(int32_t, out)[row] = (int32_t)day;
    return HR_OK;
}

hr_status hr_fn_current_timezone(HR_EVAL_ARGS)
{
    const char *name = hr_tz_name(ctx->conf->tz);
    HR_ALL_ROWS(ctx, row) HR_TRY(hr_out_str(ctx, out, row, name, strlen(name), err));
    return HR_OK;
}

hr_status hr_fn_current_schema(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(args);
    const char *name = ctx->conf->schema ? ctx->conf->schema : "default";
    HR_ALL_ROWS(ctx, row) HR_TRY(hr_out_str(ctx, out, row, name, strlen(name), err));
    return HR_OK;
}

hr_status hr_fn_current_catalog(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(args);
    HR_ALL_ROWS(ctx, row) HR_TRY(hr_out_str(ctx, out, row, "spark_catalog", 13, err));
    return HR_OK;
}

/* --- Fields ------------------------------------------------------------------------------------*/

enum field { F_YEAR, F_QUARTER, F_MONTH, F_WEEK, F_DAY, F_DOW, F_DOW_ISO, F_WEEKDAY, F_DOY, F_HOUR,
             F_MINUTE, F_SECOND, F_YEAR_OF_WEEK, F_SECONDS };

/* 0 Monday … 6 Sunday. */
static int weekday(int64_t days) { return (int)(((days + 3) % 7 + 7) % 7); }

static int64_t year_start(int64_t year) { return hr_days_from_civil(year, 1, 1); }

/* ISO: the week of the year's first Thursday is week 1. */
static int iso_week(int64_t days, int64_t *ret_year)
{
    int64_t thursday = days - weekday(days) + 3;
    int32_t y, m, d;
    hr_civil_from_days(thursday, &y, &m, &d);
    *ret_year = y;
    return (int)((thursday - year_start(y)) / 7) + 1;
}

static int64_t field_at(int64_t days, int64_t in_day, enum field field)
{
    int64_t week_year;
    int32_t y = 0, m = 0, d = 0;
    if (field <= F_DAY || field == F_DOY) hr_civil_from_days(days, &y, &m, &d);
    switch (field) {
    case F_YEAR: return y;
    case F_QUARTER: return (m - 1) / 3 + 1;
    case F_MONTH: return m;
    case F_DAY: return d;
    case F_WEEK: return iso_week(days, &week_year);
    case F_YEAR_OF_WEEK: iso_week(days, &week_year); return week_year;
    case F_DOW: return (weekday(days) + 1) % 7 + 1;
    case F_DOW_ISO: return weekday(days) + 1;
    case F_WEEKDAY: return weekday(days);
    case F_DOY: return days - year_start(y) + 1;
    case F_HOUR: return in_day / HR_US_PER_HOUR;
    case F_MINUTE: return in_day / HR_US_PER_MINUTE % 60;
    default: return in_day / HR_US_PER_SECOND % 60;
    }
}

static int64_t field_of(int64_t local, enum field field)
{
    int64_t days = hr_floor_div(local, HR_US_PER_DAY);
    return field_at(days, local - days * HR_US_PER_DAY, field);
}

/* Dates reach further than timestamps: they are not made µs on the way. */
static int64_t field_of_row(const struct hr_eval_ctx *ctx, const struct hr_vector *v, uint32_t row,
                            enum field field)
{
    if (v->col.type->id == HR_T_DATE) return field_at(hr_arg_i64(v, row), 0, field);
    return field_of(hr_local_us(ctx, v, row), field);
}

#define FIELD(NAME, F)                                                                        \
    hr_status hr_fn_##NAME(HR_EVAL_ARGS)                                                      \
    {                                                                                         \
        HR_EACH_ROW(ctx, out, row)                                                            \
            HR_OUT(int32_t, out)[row] = (int32_t)field_of_row(ctx, &args[0], row, F);         \
        return HR_OK;                                                                         \
    }
FIELD(year, F_YEAR)
FIELD(quarter, F_QUARTER)
FIELD(month, F_MONTH)
FIELD(weekofyear, F_WEEK)
FIELD(day, F_DAY)
FIELD(dayofweek, F_DOW)
FIELD(weekday, F_WEEKDAY)
FIELD(dayofyear, F_DOY)
FIELD(hour, F_HOUR)
FIELD(minute, F_MINUTE)
FIELD(second, F_SECOND)

static const struct {
    const char *name;
    enum field field;
} fields[] = {
    {"year", F_YEAR}, {"y", F_YEAR}, {"years", F_YEAR}, {"yr", F_YEAR}, {"yrs", F_YEAR},
    {"yearofweek", F_YEAR_OF_WEEK}, {"quarter", F_QUARTER}, {"qtr", F_QUARTER},
    {"month", F_MONTH}, {"mon", F_MONTH}, {"mons", F_MONTH}, {"months", F_MONTH},
    {"week", F_WEEK}, {"w", F_WEEK}, {"weeks", F_WEEK}, {"day", F_DAY}, {"d", F_DAY},
    {"days", F_DAY}, {"dayofweek", F_DOW}, {"dow", F_DOW}, {"dayofweek_iso", F_DOW_ISO},
    {"dow_iso", F_DOW_ISO}, {"doy", F_DOY}, {"hour", F_HOUR}, {"h", F_HOUR}, {"hours", F_HOUR},
    {"hr", F_HOUR}, {"hrs", F_HOUR}, {"minute", F_MINUTE}, {"m", F_MINUTE}, {"min", F_MINUTE},
    {"mins", F_MINUTE}, {"minutes", F_MINUTE}, {"second", F_SECONDS}, {"s", F_SECONDS},
    {"sec", F_SECONDS}, {"seconds", F_SECONDS}, {"secs", F_SECONDS},
};

static bool has_field(const struct hr_type *t, enum field field)
{
    int at = field == F_YEAR     ? HR_IV_YEAR
             : field == F_MONTH  ? HR_IV_MONTH
             : field == F_DAY    ? HR_IV_DAY
             : field == F_HOUR   ? HR_IV_HOUR
             : field == F_MINUTE ? HR_IV_MINUTE
             : field == F_SECONDS ? HR_IV_SECOND
                                  : -1;
    if (t->id == HR_T_TIME) return at >= HR_IV_HOUR;
    return !hr_type_is_interval(t) || (at >= t->start_field && at <= t->end_field);
}

hr_status hr_bind_extract(HR_BIND_ARGS)
{
    struct hr_str_view name;
    enum field *field = HR_NEW(arena, enum field);
    if (!field) return HR_OOM(err);
    size_t i = HR_COUNT(fields);
    if (hr_resolve_const_string(arena, conf, call->args[0], &name))
        for (i = 0; i < HR_COUNT(fields) && !hr_sv_eq_nocase(name, hr_sv(fields[i].name)); i++) {}
    if (hr_expr_is_literal_null(call->args[0])) { /* no row is evaluated */
        call->bound = field;
        call->type = hr_type(HR_T_DOUBLE);
        return HR_OK;
    }
    if (i == HR_COUNT(fields) || !has_field(call->args[1]->type, fields[i].field))
        return HR_RAISE(err, HR_E_INVALID_EXTRACT_FIELD, "field",
                        hr_arena_printf(arena, "`%s`", hr_expr_text(arena, call->args[0])), "expr",
                        hr_expr_quoted(arena, call->args[1]));
    *field = fields[i].field;
    const struct hr_type *t = call->args[1]->type;
    if (t->id == HR_T_STRING || t->id == HR_T_NULL) {
        t = hr_type(HR_T_TIMESTAMP);
        HR_TRY(hr_resolve_cast(arena, &call->args[1], t, err));
    }
    if (!hr_type_is_datetime(t) && !hr_type_is_interval(t) && t->id != HR_T_TIME)
        return hr_resolve_unexpected_type(arena, call, 1, "(\"TIMESTAMP\" or \"INTERVAL\")", err);
    call->bound = field;
    bool small = hr_type_is_interval(t) && *field != F_YEAR && *field != F_DAY;
    call->type =
        *field == F_SECONDS && t->id == HR_T_TIME
            ? hr_type_decimal(2 + t->precision, t->precision)
        : *field == F_SECONDS ? hr_type_decimal(8, 6) : hr_type(small ? HR_T_BYTE : HR_T_INT);
    return HR_OK;
}

static int64_t interval_field(const struct hr_type *t, int64_t v, enum field field)
{
    if (t->id == HR_T_INTERVAL_YM) return field == F_YEAR ? v / 12 : v % 12;
    return field == F_DAY      ? v / HR_US_PER_DAY
           : field == F_HOUR   ? v / HR_US_PER_HOUR % 24
           : field == F_MINUTE ? v / HR_US_PER_MINUTE % 60
                               : v % HR_US_PER_MINUTE;
}

/* The seconds of a TIME, with as many digits as it has. */
static int64_t clock_seconds(const struct hr_vector *v, uint32_t row)
{
    int64_t ns = hr_arg_i64(v, row) % (60 * HR_NS_PER_SECOND);
    for (int i = v->col.type->precision; i < 9; i++) ns /= 10;
    return ns;
}

hr_status hr_fn_extract(HR_EVAL_ARGS)
{
    enum field field = *(const enum field *)call->bound;
    const struct hr_type *t = args[1].col.type;
    HR_EACH_ROW(ctx, out, row) {
        bool interval = hr_type_is_interval(t);
        int64_t us = interval || field != F_SECONDS || t->id == HR_T_DATE
                         ? 0 : hr_local_us(ctx, &args[1], row);
        int64_t v = interval ? interval_field(t, hr_arg_i64(&args[1], row), field)
                    : field == F_SECONDS
                        ? (us % HR_US_PER_MINUTE + HR_US_PER_MINUTE) % HR_US_PER_MINUTE
                        : field_of_row(ctx, &args[1], row, field);
        if (field == F_SECONDS && t->id == HR_T_TIME)
            HR_OUT(hr_i128, out)[row] = clock_seconds(&args[1], row);
        else if (field == F_SECONDS)
            HR_OUT(hr_i128, out)[row] = v;
        else if (call->type->id == HR_T_BYTE)
            HR_OUT(int8_t, out)[row] = (int8_t)v;
        else
            HR_OUT(int32_t, out)[row] = (int32_t)v;
    }
    return HR_OK;
}

hr_status hr_fn_dayname(HR_EVAL_ARGS)
{
    static const char *const names[] = {"Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"};
    HR_EACH_ROW(ctx, out, row)
        hr_out_str_shared(out, row, names[weekday(hr_arg_i64(&args[0], row))], 3);
    return HR_OK;
}

hr_status hr_fn_monthname(HR_EVAL_ARGS)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    HR_EACH_ROW(ctx, out, row)
        hr_out_str_shared(out, row,
                          names + 3 * (field_of_row(ctx, &args[0], row, F_MONTH) - 1), 3);
    return HR_OK;
}

/* --- Arithmetic --------------------------------------------------------------------------------*/

static hr_status put_day(struct hr_column *out, uint32_t row, int64_t day, struct hr_err *err)
{
    if (day != (int32_t)day) return hr_raise_overflow(NULL, err);
    HR_OUT(int32_t, out)[row] = (int32_t)day;
    return HR_OK;
}

/* The one place where a text is a number of days. */
hr_status hr_bind_date_add(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    if (call->args[1]->type->id != HR_T_STRING) return HR_OK;
    return hr_resolve_cast(arena, &call->args[1], hr_type(HR_T_INT), err);
}

/* Wraps, as Spark's does. */
hr_status hr_fn_date_add(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(int32_t, out)[row] =
            (int32_t)(hr_arg_i64(&args[0], row) + hr_arg_i64(&args[1], row));
    return HR_OK;
}

hr_status hr_fn_date_sub(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(int32_t, out)[row] =
            (int32_t)(hr_arg_i64(&args[0], row) - hr_arg_i64(&args[1], row));
    return HR_OK;
}

hr_status hr_fn_datediff(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(int32_t, out)[row] =
            (int32_t)(hr_arg_i64(&args[0], row) - hr_arg_i64(&args[1], row));
    return HR_OK;
}

hr_status hr_fn_add_months(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        HR_TRY(put_day(out, row,
                       hr_add_months(hr_arg_i64(&args[0], row), hr_arg_i64(&args[1], row)),
                       err));
    return HR_OK;
}

hr_status hr_fn_months_between(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        int64_t a = hr_local_us(ctx, &args[0], row), b = hr_local_us(ctx, &args[1], row);
        int64_t da = hr_floor_div(a, HR_US_PER_DAY), db = hr_floor_div(b, HR_US_PER_DAY);
        int32_t ya, ma, ya_d, yb, mb, yb_d;
        hr_civil_from_days(da, &ya, &ma, &ya_d);
        hr_civil_from_days(db, &yb, &mb, &yb_d);
        double months = (ya - yb) * 12 + (ma - mb);
        bool both_last = ya_d == hr_days_in_month(ya, ma) && yb_d == hr_days_in_month(yb, mb);
        if (ya_d != yb_d && !both_last) {
            int64_t sa = (a - da * HR_US_PER_DAY) / HR_US_PER_SECOND,
                    sb = (b - db * HR_US_PER_DAY) / HR_US_PER_SECOND;
            months += (double)((ya_d - yb_d) * 86400 + sa - sb) / (31.0 * 86400);
            if (call->arg_count < 3 || hr_arg_bool(&args[2], row))
                months = round(months * 1e8) / 1e8;
        }
        HR_OUT(double, out)[row] = months;
    }
    return HR_OK;
}

hr_status hr_bind_months_between(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    return call->arg_count == 2 ? hr_resolve_add_arg(arena, call, hr_expr_bool(arena, true), err)
                                : HR_OK;
}

hr_status hr_fn_last_day(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        int32_t y, m, d;
        hr_civil_from_days(hr_arg_i64(&args[0], row), &y, &m, &d);
        HR_OUT(int32_t, out)[row] = (int32_t)hr_days_from_civil(y, m, hr_days_in_month(y, m));
    }
    return HR_OK;
}

hr_status hr_fn_next_day(HR_EVAL_ARGS)
{
    static const char *const names[] = {"monday", "tuesday",  "wednesday", "thursday",
                                        "friday", "saturday", "sunday"};
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[1], row);
        int found = -1;
        for (int i = 0; i < 7; i++)
            if (hr_sv_eq_nocase(s, hr_sv(names[i])) || hr_sv_eq_nocase(s, hr_svn(names[i], 3)) ||
                hr_sv_eq_nocase(s, hr_svn(names[i], 2)))
                found = i;
        int64_t day = hr_arg_i64(&args[0], row);
        if (found < 0) {
            const char *text = hr_arena_strndup(ctx->arena, s.ptr, s.len);
            if (ctx->conf->ansi)
                return HR_RAISE(err, HR_E_ILLEGAL_DAY_OF_WEEK, "string", text ? text : "?");
            hr_out_null(out, row);
            continue;
        }
        HR_OUT(int32_t, out)[row] = (int32_t)(day + 1 + (found - weekday(day + 1) + 7) % 7);
    }
    return HR_OK;
}

/* --- Truncation --------------------------------------------------------------------------------*/

enum unit {
    U_NONE,
    U_MICRO,
    U_MILLI,
    U_SECOND,
    U_MINUTE,
    U_HOUR,
    U_DAY,
    U_WEEK,
    U_MONTH,
    U_QUARTER,
    U_YEAR
};

static enum unit unit_of(struct hr_str_view s)
{
    static const struct {
        const char *name;
        enum unit unit;
    } units[] = {{"microsecond", U_MICRO}, {"millisecond", U_MILLI}, {"second", U_SECOND},
                 {"minute", U_MINUTE}, {"hour", U_HOUR}, {"day", U_DAY}, {"dd", U_DAY},
                 {"week", U_WEEK}, {"month", U_MONTH}, {"mon", U_MONTH}, {"mm", U_MONTH},
                 {"quarter", U_QUARTER}, {"year", U_YEAR}, {"yyyy", U_YEAR}, {"yy", U_YEAR}};
    for (size_t i = 0; i < HR_COUNT(units); i++)
        if (hr_sv_eq_nocase(s, hr_sv(units[i].name))) return units[i].unit;
    return U_NONE;
}

static int64_t truncate_days(int64_t days, enum unit unit)
{
    int32_t y, m, d;
    if (unit < U_WEEK) return days;
    if (unit == U_WEEK) return days - weekday(days);
    hr_civil_from_days(days, &y, &m, &d);
    return hr_days_from_civil(y,
                              unit == U_MONTH     ? m
                              : unit == U_QUARTER ? (m - 1) / 3 * 3 + 1
                                                  : 1,
                              1);
}

hr_status hr_fn_trunc(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        enum unit unit = unit_of(hr_arg_str(&args[1], row));
        if (unit < U_WEEK)
            hr_out_null(out, row);
        else
            HR_OUT(int32_t, out)[row] = (int32_t)truncate_days(hr_arg_i64(&args[0], row), unit);
    }
    return HR_OK;
}

hr_status hr_fn_date_trunc(HR_EVAL_ARGS)
{
    static const int64_t steps[] = {[U_MICRO] = 1, [U_MILLI] = 1000, [U_SECOND] = HR_US_PER_SECOND,
                                    [U_MINUTE] = HR_US_PER_MINUTE, [U_HOUR] = HR_US_PER_HOUR};
    bool zoned = args[1].col.type->id == HR_T_TIMESTAMP;
    HR_EACH_ROW(ctx, out, row) {
        enum unit unit = unit_of(hr_arg_str(&args[0], row));
        if (unit == U_NONE) {
            hr_out_null(out, row);
            continue;
        }
        int64_t v = hr_arg_i64(&args[1], row), local = hr_local_us(ctx, &args[1], row);
        if (unit <= U_SECOND) {
            HR_OUT(int64_t, out)[row] = hr_floor_div(v, steps[unit]) * steps[unit];
            continue;
        }
        local = unit <= U_HOUR
                    ? hr_floor_div(local, steps[unit]) * steps[unit]
                    : truncate_days(hr_floor_div(local, HR_US_PER_DAY), unit) * HR_US_PER_DAY;
        HR_OUT(int64_t, out)[row] = zoned ? hr_tz_to_utc(ctx->conf->tz, local) : local;
    }
    return HR_OK;
}

/* --- Making ------------------------------------------------------------------------------------*/

static hr_status out_of_bounds(const char *what, const char *range, int64_t v, struct hr_err *err)
{
    struct hr_buf text = {0};
    hr_buf_printf(&text, "Invalid value for %s (valid values %s): %lld", what, range, (long long)v);
    hr_status status = HR_RAISE(err, HR_E_DATETIME_FIELD_OUT_OF_BOUNDS_PLAIN, "rangeMessage",
                                hr_buf_cstr(&text));
    hr_buf_done(&text);
    return status;
}

static hr_status check_date(int64_t y, int64_t m, int64_t d, struct hr_err *err)
{
    if (y < -999999999 || y > 999999999)
        return out_of_bounds("Year", "-999999999 - 999999999", y, err);
    if (m < 1 || m > 12) return out_of_bounds("MonthOfYear", "1 - 12", m, err);
    if (d < 1 || d > 31) return out_of_bounds("DayOfMonth", "1 - 28/31", d, err);
    if (d > hr_days_in_month(y, (int32_t)m)) {
        static const char *const names[] = {"JANUARY",   "FEBRUARY", "MARCH",    "APRIL",
                                            "MAY",       "JUNE",     "JULY",     "AUGUST",
                                            "SEPTEMBER", "OCTOBER",  "NOVEMBER", "DECEMBER"};
        struct hr_buf text = {0};
        if (m == 2 && d == 29)
            hr_buf_printf(&text, "Invalid date 'February 29' as '%lld' is not a leap year",
                          (long long)y);
        else
            hr_buf_printf(&text, "Invalid date '%s %lld'", names[m - 1], (long long)d);
        hr_status status = HR_RAISE(err, HR_E_DATETIME_FIELD_OUT_OF_BOUNDS_PLAIN, "rangeMessage",
                                    hr_buf_cstr(&text));
        hr_buf_done(&text);
        return status;
    }
    return HR_OK;
}

hr_status hr_fn_make_date(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        int64_t y = hr_arg_i64(&args[0], row), m = hr_arg_i64(&args[1], row),
                d = hr_arg_i64(&args[2], row);
        hr_status status = check_date(y, m, d, ctx->conf->ansi ? err : NULL);
        if (status != HR_OK && ctx->conf->ansi) return status;
        if (status != HR_OK)
            hr_out_null(out, row);
        else
            HR_TRY(put_day(out, row, hr_days_from_civil(y, (int32_t)m, (int32_t)d), err));
    }
    return HR_OK;
}

static hr_status check_time(int64_t h, int64_t mi, int64_t us, struct hr_err *err)
{
    if (h < 0 || h > 23) return out_of_bounds("HourOfDay", "0 - 23", h, err);
    if (mi < 0 || mi > 59) return out_of_bounds("MinuteOfHour", "0 - 59", mi, err);
    if (us < 0) return out_of_bounds("SecondOfMinute", "0 - 59", us / HR_US_PER_SECOND, err);
    if (us > 60 * HR_US_PER_SECOND) {
        struct hr_buf text = {0};
        hr_buf_printf(&text, "%lld.%06lld", (long long)(us / 1000000), (long long)(us % 1000000));
        hr_status status =
            HR_RAISE(err, HR_E_INVALID_FRACTION_OF_SECOND, "secAndMicros", hr_buf_cstr(&text));
        hr_buf_done(&text);
        return status;
    }
    return HR_OK;
}

hr_status hr_fn_make_timestamp(HR_EVAL_ARGS)
{
    bool zoned = call->type->id == HR_T_TIMESTAMP,
         nulls = call->function->flags & HR_FN_TRY || !ctx->conf->ansi;
    HR_EACH_ROW(ctx, out, row) {
        int64_t y = hr_arg_i64(&args[0], row), m = hr_arg_i64(&args[1], row),
                d = hr_arg_i64(&args[2], row);
        int64_t h = hr_arg_i64(&args[3], row), mi = hr_arg_i64(&args[4], row);
        int64_t us = (int64_t)HR_ARG(hr_i128, &args[5], row);
        hr_status status = check_date(y, m, d, nulls ? NULL : err);
        if (status == HR_OK) status = check_time(h, mi, us, nulls ? NULL : err);
        const struct hr_tz *tz = ctx->conf->tz;
        if (call->arg_count > 6) tz = hr_tz_find(hr_arg_str(&args[6], row));
        if (status == HR_OK && !tz)
            status = HR_RAISE(nulls ? NULL : err, HR_E_INVALID_TIMEZONE, "timeZone",
                              hr_value_sql(ctx->arena, &args[6].col, hr_vector_row(&args[6], row)));
        if (status != HR_OK && !nulls) return status;
        if (status != HR_OK) {
            hr_out_null(out, row);
            continue;
        }
        if (!hr_put_shifted(out, row, zoned ? tz : NULL,
                            hr_days_from_civil(y, (int32_t)m, (int32_t)d),
                            h * HR_US_PER_HOUR + mi * HR_US_PER_MINUTE + us)) {
            if (!nulls) return hr_raise_overflow(NULL, err);
            hr_out_null(out, row);
        }
    }
    return HR_OK;
}

hr_status hr_bind_make_timestamp(HR_BIND_ARGS)
{
    static const char *const words[] = {"int", "int", "int", "int", "int", "numeric", "string"};
    static const char *const shown[] = {"\"INT\"", "\"INT\"",           "\"INT\"", "\"INT\"",
                                        "\"INT\"", "\"DECIMAL(16,6)\"", "\"STRING\""};
    bool ntz = strstr(call->function->name, "_ntz") != NULL;
    if (call->arg_count <= (ntz ? 2u : 3u))
        return hr_bind_make_timestamp_of_date(arena, conf, call, err);
    if (call->arg_count < 6) return hr_resolve_wrong_count(arena, call, "[6, 7]", err);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct hr_type *to = hr_type_implicit(call->args[i]->type, hr_sv(words[i]));
        if (!to) return hr_resolve_unexpected_type(arena, call, i, shown[i], err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i], i == 5 ? hr_type_decimal(16, 6) : to, err));
    }
    call->type = hr_type(ntz ? HR_T_TIMESTAMP_NTZ : HR_T_TIMESTAMP);
    return HR_OK;
}

/* --- Numbers and times -------------------------------------------------------------------------*/

static hr_status raise_from_number(struct hr_eval_ctx *ctx, const struct hr_vector *v, uint32_t row,
                                   const char *unit, struct hr_err *err)
{
    const char *text = hr_arena_printf(ctx->arena, "create a TIMESTAMP from %s %s since the epoch",
                                       hr_value_sql(ctx->arena, &v->col, hr_vector_row(v, row)),
                                       unit);
    return HR_RAISE(err, HR_E_DATETIME_OVERFLOW, "operation", text ? text : "?");
}

/* Fractions saturate and have no instant for NaN and infinities; decimals are taken exactly. */
static hr_status from_number(HR_EVAL_ARGS, int64_t unit, const char *unit_name)
{
    const struct hr_type *t = args[0].col.type;
    HR_EACH_ROW(ctx, out, row) {
        int64_t *r = &HR_OUT(int64_t, out)[row];
        if (t->id == HR_T_DECIMAL) {
            hr_i128 v = HR_ARG(hr_i128, &args[0], row), us, one = hr_pow10[t->scale];
            if (__builtin_mul_overflow(v, unit, &us) || us / one != (int64_t)(us / one))
                return raise_from_number(ctx, &args[0], row, unit_name, err);
            if (us % one != 0) return hr_raise_overflow(NULL, err);
            *r = (int64_t)(us / one);
        } else if (hr_type_is_fractional(t)) {
            double us = hr_arg_f64(&args[0], row) * (double)unit;
            if (!isfinite(hr_arg_f64(&args[0], row))) hr_out_null(out, row);
            *r = us >= 0x1p63 ? INT64_MAX : us > -0x1p63 ? (int64_t)us : INT64_MIN;
        } else if (__builtin_mul_overflow(hr_arg_i64(&args[0], row), unit, r)) {
            return raise_from_number(ctx, &args[0], row, unit_name, err);
        }
    }
    return HR_OK;
}

hr_status hr_fn_timestamp_seconds(HR_EVAL_ARGS)
{
    return from_number(ctx, call, args, out, err, HR_US_PER_SECOND, "seconds");
}
hr_status hr_fn_timestamp_millis(HR_EVAL_ARGS)
{
    return from_number(ctx, call, args, out, err, 1000, "milliseconds");
}
hr_status hr_fn_timestamp_micros(HR_EVAL_ARGS)
{
    return from_number(ctx, call, args, out, err, 1, "microseconds");
}

static hr_status to_number(HR_EVAL_ARGS, int64_t unit)
{
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(int64_t, out)[row] = hr_floor_div(hr_arg_i64(&args[0], row), unit);
    return HR_OK;
}

hr_status hr_fn_unix_seconds(HR_EVAL_ARGS)
{
    return to_number(ctx, call, args, out, err, HR_US_PER_SECOND);
}
hr_status hr_fn_unix_millis(HR_EVAL_ARGS) { return to_number(ctx, call, args, out, err, 1000); }
hr_status hr_fn_unix_micros(HR_EVAL_ARGS) { return to_number(ctx, call, args, out, err, 1); }

hr_status hr_fn_unix_date(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) HR_OUT(int32_t, out)[row] = HR_ARG(int32_t, &args[0], row);
    return HR_OK;
}

/* --- Text --------------------------------------------------------------------------------------*/

/* The pattern of argument index, compiled when the statement is resolved; else per batch. */
static hr_status bind_format(HR_BIND_ARGS, uint32_t index)
{
    struct hr_str_view pattern;
    call->bound = NULL;
    if (call->arg_count <= index) return HR_OK;
    const struct hr_type *t = call->args[index]->type;
    if (t->id != HR_T_STRING && t->id != HR_T_NULL)
        return hr_resolve_unexpected_type(arena, call, index, "\"STRING\"", err);
    HR_TRY(hr_resolve_cast(arena, &call->args[index], hr_type(HR_T_STRING), err));
    if (!hr_resolve_const_string(arena, conf, call->args[index], &pattern)) return HR_OK;
    struct hr_time_format *f;
    struct hr_err bad = {0}; /* is raised by the first row that needs it, as in Spark */
    if (hr_time_format_compile(arena, pattern, &f, &bad) == HR_OK) call->bound = f;
    return HR_OK;
}

static hr_status format_at(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                           const struct hr_vector *v, uint32_t row, struct hr_time_format **ret,
                           struct hr_err *err)
{
    *ret = call->bound;
    return call->bound ? HR_OK : hr_time_format_compile(ctx->arena, hr_arg_str(v, row), ret, err);
}

hr_status hr_bind_date_format(HR_BIND_ARGS)
{
    return bind_format(arena, conf, call, err, 1);
}

hr_status hr_fn_date_format(HR_EVAL_ARGS)
{
    struct hr_time_format *f = NULL;
    HR_TEXT_ROWS({
        status_ = format_at(ctx, call, &args[1], row, &f, err);
        if (status_ != HR_OK) break;
        hr_time_format_print(f, hr_local_us(ctx, &args[0], row), ctx->conf->tz, &buf);
    });
}

hr_status hr_bind_from_unixtime(HR_BIND_ARGS)
{
    if (call->arg_count == 1)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_string(arena, hr_sv("yyyy-MM-dd HH:mm:ss")),
                                  err));
    return bind_format(arena, conf, call, err, 1);
}

hr_status hr_fn_from_unixtime(HR_EVAL_ARGS)
{
    struct hr_time_format *f = NULL;
    int64_t us;
    HR_TEXT_ROWS({
        status_ = format_at(ctx, call, &args[1], row, &f, err);
        if (status_ == HR_OK &&
            __builtin_mul_overflow(HR_ARG(int64_t, &args[0], row), HR_US_PER_SECOND, &us))
            status_ = raise_from_number(ctx, &args[0], row, "seconds", err);
        if (status_ != HR_OK) break;
        hr_time_format_print(f, hr_tz_to_local(ctx->conf->tz, us), ctx->conf->tz, &buf);
    });
}

static hr_status cannot_parse(struct hr_eval_ctx *ctx, struct hr_str_view s, const char *func,
                              struct hr_err *err)
{
    const char *message = hr_arena_printf(ctx->arena, "Text '%.*s' could not be parsed at index 0",
                                          (int)s.len, s.ptr);
    return HR_RAISE(err, HR_E_CANNOT_PARSE_TIMESTAMP, "message", message ? message : "?", "func",
                    func);
}

/* to_timestamp(s, pattern), to_date(s, pattern), unix_timestamp(s, pattern): strings with a
 * pattern. Without one these are casts (resolved so). */
static hr_status parse_rows(HR_EVAL_ARGS, int64_t unit, const char *func)
{
    struct hr_time_format *f = NULL;
    bool nulls = call->function->flags & HR_FN_TRY || !ctx->conf->ansi,
         zoned = call->type->id != HR_T_TIMESTAMP_NTZ;
    HR_EACH_ROW(ctx, out, row) {
        int64_t us = 0;
        HR_TRY(format_at(ctx, call, &args[1], row, &f, err));
        HR_TRY(hr_time_format_check_parse(f, err));
        struct hr_str_view s = hr_arg_str(&args[0], row);
        if (!hr_time_format_parse(f, s, zoned ? ctx->conf->tz : hr_tz_utc(), &us)) {
            if (!nulls) return cannot_parse(ctx, s, func, err);
            hr_out_null(out, row);
            continue;
        }
        if (call->type->id == HR_T_DATE)
            HR_OUT(int32_t, out)[row] =
                (int32_t)hr_floor_div(hr_tz_to_local(ctx->conf->tz, us), HR_US_PER_DAY);
        else
            HR_OUT(int64_t, out)[row] = us / unit;
    }
    return HR_OK;
}

hr_status hr_fn_to_timestamp(HR_EVAL_ARGS)
{
    return parse_rows(ctx, call, args, out, err, 1, "`try_to_timestamp`");
}
hr_status hr_fn_to_date(HR_EVAL_ARGS)
{
    return parse_rows(ctx, call, args, out, err, 1, "`try_to_date`");
}

/* Without a pattern, or of something that is no text: a cast of the argument. */
static hr_status as_cast(HR_BIND_ARGS, const struct hr_type *type, bool is_try)
{
    struct hr_expr *arg = call->args[0];
    if (!hr_type_can_cast(arg->type, type))
        return hr_resolve_unexpected_type(
            arena, call, 0,
            "(\"STRING\" or \"DATE\" or \"TIMESTAMP\" or \"TIMESTAMP WITHOUT TIME ZONE\")", err);
    struct hr_expr *cast = hr_expr_cast(arena, arg, type);
    if (!cast) return HR_OOM(err);
    cast->implicit_cast = true;
    cast->try_cast = is_try;
    cast->nullable = arg->nullable || is_try;
    cast->sql_pos = call->sql_pos;
    cast->sql_end = call->sql_end;
    if (arg->type != type) call->args[0] = cast;
    call->type = type;
    HR_UNUSED(conf);
    return HR_OK;
}

hr_status hr_bind_to_timestamp(HR_BIND_ARGS)
{
    bool is_try = call->function->flags & HR_FN_TRY;
    const char *name = call->function->name;
    const struct hr_type *to = strstr(name, "_ntz")   ? hr_type(HR_T_TIMESTAMP_NTZ)
                               : strstr(name, "date") ? hr_type(HR_T_DATE)
                                                      : hr_type(HR_T_TIMESTAMP);
    const struct hr_type *from = call->args[0]->type;
    bool number = to->id == HR_T_TIMESTAMP && hr_type_is_numeric(from);
    if (!hr_type_is_datetime(from) && from->id != HR_T_NULL && !number &&
        hr_type_can_store(from, hr_type(HR_T_STRING)))
        HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type(HR_T_STRING), err));
    if (number && call->arg_count == 2)
        return hr_resolve_unexpected_type(arena, call, 0, "\"STRING\"", err);
    if (call->arg_count == 2 && hr_type_can_store(call->args[1]->type, hr_type(HR_T_STRING)))
        HR_TRY(hr_resolve_cast(arena, &call->args[1], hr_type(HR_T_STRING), err));
    HR_TRY(bind_format(arena, conf, call, err, 1));
    if (call->arg_count == 1 || call->args[0]->type->id != HR_T_STRING) {
        HR_TRY(as_cast(arena, conf, call, err, to, is_try));
        call->function = hr_function_find_internal("__shown");
        return HR_OK;
    }
    call->type = to;
    return HR_OK;
}

/* The argument itself: a call that has become a cast but prints as it was written. */
hr_status hr_fn_shown(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    struct hr_column col = args[0].col;
    if (args[0].is_const && ctx->row_count > 1) { /* the argument that is not shown is a column */
        uint32_t *rows = hr_arena_zalloc(ctx->arena, sizeof *rows * ctx->row_count);
        if (!rows) return HR_OOM(err);
        HR_TRY(hr_column_take(ctx->arena, &args[0].col, rows, ctx->row_count, &col, err));
    }
    col.type = out->type;
    *out = col;
    return HR_OK;
}

hr_status hr_bind_unix_timestamp(HR_BIND_ARGS)
{
    if (call->arg_count == 0) {
        struct hr_expr *now = hr_expr_call(arena, "now", NULL, 0);
        if (!now) return HR_OOM(err);
        HR_TRY(hr_expr_resolve_node(arena, conf, now, err));
        now->name = "current_timestamp";
        HR_TRY(hr_resolve_add_arg(arena, call, now, err));
    }
    if (call->arg_count == 1)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_string(arena, hr_sv("yyyy-MM-dd HH:mm:ss")),
                                  err));
    const struct hr_type *t = call->args[0]->type;
    if (t->id == HR_T_DATE || t->id == HR_T_NULL)
        HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type(HR_T_TIMESTAMP), err));
    t = call->args[0]->type;
    if (t->id != HR_T_STRING && t->id != HR_T_TIMESTAMP && t->id != HR_T_TIMESTAMP_NTZ)
        return hr_resolve_unexpected_type(
            arena, call, 0,
            "(\"STRING\" or \"DATE\" or \"TIMESTAMP\" or \"TIMESTAMP WITHOUT TIME ZONE\")", err);
    return bind_format(arena, conf, call, err, 1);
}

hr_status hr_fn_unix_timestamp(HR_EVAL_ARGS)
{
    if (args[0].col.type->id != HR_T_STRING) { /* towards 0, unlike unix_seconds */
        HR_EACH_ROW(ctx, out, row)
            HR_OUT(int64_t, out)[row] = HR_ARG(int64_t, &args[0], row) / HR_US_PER_SECOND;
        return HR_OK;
    }
    return parse_rows(ctx, call, args, out, err, HR_US_PER_SECOND, "`try_to_timestamp`");
}

/* --- Zones -------------------------------------------------------------------------------------*/

static hr_status shift_zone(HR_EVAL_ARGS, bool from_utc)
{
    HR_EACH_ROW(ctx, out, row) {
        const struct hr_tz *tz = hr_tz_find(hr_arg_str(&args[1], row));
        if (!tz)
            return HR_RAISE(err, HR_E_INVALID_TIMEZONE, "timeZone",
                            hr_value_sql(ctx->arena, &args[1].col, hr_vector_row(&args[1], row)));
        int64_t us = HR_ARG(int64_t, &args[0], row);
        /* the instant whose session wall clock is that of the other zone */
        HR_OUT(int64_t, out)[row] = from_utc ? hr_tz_to_utc(hr_tz_utc(), hr_tz_to_local(tz, us))
                                             : hr_tz_to_utc(tz, us);
    }
    return HR_OK;
}

hr_status hr_fn_from_utc_timestamp(HR_EVAL_ARGS)
{
    return shift_zone(ctx, call, args, out, err, true);
}
hr_status hr_fn_to_utc_timestamp(HR_EVAL_ARGS)
{
    return shift_zone(ctx, call, args, out, err, false);
}
