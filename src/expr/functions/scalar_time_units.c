/* SPDX-License-Identifier: Apache-2.0 */
/* timestampadd, timestampdiff and the forms of make_timestamp of a date and a time of day. */
#include <stdio.h>

#include "expr/functions/functions.h"
#include "expr/functions/time_arith.h"

enum kind { U_MICROS, U_DAYS, U_MONTHS };

struct unit {
    const char *name;
    enum kind kind;
    int64_t size;
};

static const struct unit units[] = {
    {"YEAR", U_MONTHS, 12},
    {"QUARTER", U_MONTHS, 3},
    {"MONTH", U_MONTHS, 1},
    {"WEEK", U_DAYS, 7},
    {"DAY", U_DAYS, 1},
    {"DAYOFYEAR", U_DAYS, 1},
    {"HOUR", U_MICROS, HR_US_PER_HOUR},
    {"MINUTE", U_MICROS, HR_US_PER_MINUTE},
    {"SECOND", U_MICROS, HR_US_PER_SECOND},
    {"MILLISECOND", U_MICROS, 1000},
    {"MICROSECOND", U_MICROS, 1},
};

static const struct unit *find_unit(struct hr_str_view name)
{
    for (size_t i = 0; i < HR_COUNT(units); i++)
        if (hr_sv_eq_nocase(name, hr_sv(units[i].name)))
            return &units[i];
    return NULL;
}

hr_status hr_bind_time_units(HR_BIND_ARGS)
{
    struct hr_str_view name;
    const struct unit *unit = NULL;
    if (hr_resolve_const_string(arena, conf, call->args[0], &name)) unit = find_unit(name);
    if (!unit) return HR_BUG(err, "%s without a unit", call->name);
    call->bound = (void *)(uintptr_t)unit;
    if (!call->type) call->type = call->args[2]->type;
    return HR_OK;
}

static hr_status units_overflow(struct hr_eval_ctx *ctx, const struct hr_vector *args, uint32_t row,
                                const struct unit *unit, struct hr_err *err)
{
    const struct hr_column *at = &args[2].col;
    struct hr_buf text = {0};
    hr_buf_printf(&text, "add %lldL %s to %s '", (long long)HR_ARG(int64_t, &args[1], row),
                  unit->name, hr_type_sql(ctx->arena, at->type));
    hr_column_print(at, hr_vector_row(&args[2], row), ctx->conf->tz, &text);
    hr_buf_putc(&text, '\'');
    hr_status status = HR_RAISE(err, HR_E_DATETIME_OVERFLOW, "operation", hr_buf_cstr(&text));
    hr_buf_done(&text);
    return status;
}

/* Java's int holds the days and months that are added. */
static bool add_units(const struct unit *unit, int64_t n, int64_t local, int64_t *ret_day,
                      int64_t *ret_in_day)
{
    int64_t day = hr_floor_div(local, HR_US_PER_DAY), count;
    *ret_in_day = local - day * HR_US_PER_DAY;
    if (__builtin_mul_overflow(n, unit->size, &count) || count != (int32_t)count) return false;
    *ret_day = unit->kind == U_MONTHS ? hr_add_months(day, count) : day + count;
    return true;
}

hr_status hr_fn_timestampadd(HR_EVAL_ARGS)
{
    const struct unit *unit = call->bound;
    const struct hr_tz *tz = call->type->id == HR_T_TIMESTAMP ? ctx->conf->tz : NULL;
    HR_EACH_ROW(ctx, out, row)
    {
        int64_t n = HR_ARG(int64_t, &args[1], row), us = HR_ARG(int64_t, &args[2], row), day,
                in_day, more;
        bool ok;
        if (unit->kind == U_MICROS) {
            ok = !__builtin_mul_overflow(n, unit->size, &more) &&
                 !__builtin_add_overflow(us, more, &HR_OUT(int64_t, out)[row]);
        } else {
            ok = add_units(unit, n, hr_local_us(ctx, &args[2], row), &day, &in_day) &&
                 hr_put_shifted(out, row, tz, day, in_day);
        }
        if (!ok) return units_overflow(ctx, args, row, unit, err);
    }
    return HR_OK;
}

/* Whole months between two wall clocks, as java.time counts them. */
static int64_t months_between(int64_t a, int64_t b)
{
    int32_t y, m, d;
    int64_t day_a = hr_floor_div(a, HR_US_PER_DAY), day_b = hr_floor_div(b, HR_US_PER_DAY);
    int64_t in_a = a - day_a * HR_US_PER_DAY, in_b = b - day_b * HR_US_PER_DAY;
    if (day_b > day_a && in_b < in_a) day_b--;
    if (day_b < day_a && in_b > in_a) day_b++;
    hr_civil_from_days(day_a, &y, &m, &d);
    int64_t packed_a = ((int64_t)y * 12 + m - 1) * 32 + d;
    hr_civil_from_days(day_b, &y, &m, &d);
    return (((int64_t)y * 12 + m - 1) * 32 + d - packed_a) / 32;
}

hr_status hr_fn_timestampdiff(HR_EVAL_ARGS)
{
    const struct unit *unit = call->bound;
    HR_UNUSED(err);
    HR_EACH_ROW(ctx, out, row)
    {
        int64_t a = hr_local_us(ctx, &args[1], row), b = hr_local_us(ctx, &args[2], row);
        int64_t size = unit->kind == U_DAYS ? unit->size * HR_US_PER_DAY : unit->size;
        hr_i128 us = (hr_i128)b - a;
        HR_OUT(int64_t, out)[row] = unit->kind == U_MONTHS ? months_between(a, b) / unit->size
                                                           : (int64_t)(us / size);
    }
    return HR_OK;
}

/* --- Of a date and a time of day ---------------------------------------------------------------*/

hr_status hr_bind_make_timestamp_of_date(HR_BIND_ARGS)
{
    static const enum hr_type_id ids[] = {HR_T_DATE, HR_T_TIME, HR_T_STRING};
    bool ntz = strstr(call->function->name, "_ntz") != NULL;
    bool is_try = call->function->flags & HR_FN_TRY, ltz = strstr(call->function->name, "_ltz");
    const char *shown = ltz ? "make_timestamp" : call->name;
    for (uint32_t i = 0; i < call->arg_count; i++) {
        struct hr_expr *arg = call->args[i];
        char required[24];
        snprintf(required, sizeof required, "\"%s\"", hr_type_sql(arena, hr_type(ids[i])));
        if (arg->type->id != ids[i] && arg->type->id != HR_T_NULL)
            return hr_resolve_unexpected_type(arena, call, i, required, err);
        if (arg->type->id == HR_T_NULL)
            HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type(ids[i]), err));
    }
    HR_TRY(hr_resolve_as(arena, conf, call,
                         ntz ? (is_try ? "__try_make_timestamp_ntz" : "__make_timestamp_ntz")
                             : "__make_timestamp", err));
    call->name = shown;
    return HR_OK;
}

hr_status hr_fn_make_timestamp_of_date(HR_EVAL_ARGS)
{
    bool zoned = call->type->id == HR_T_TIMESTAMP;
    HR_EACH_ROW(ctx, out, row)
    {
        const struct hr_tz *tz = ctx->conf->tz;
        int64_t in_day = call->arg_count > 1 ? HR_ARG(int64_t, &args[1], row) / 1000 : 0;
        if (call->arg_count > 2) tz = hr_tz_find(hr_arg_str(&args[2], row));
        if (!tz)
            return HR_RAISE(err, HR_E_INVALID_TIMEZONE, "timeZone",
                            hr_value_sql(ctx->arena, &args[2].col, hr_vector_row(&args[2], row)));
        if (!hr_put_shifted(out, row, zoned ? tz : NULL, HR_ARG(int32_t, &args[0], row), in_day))
            return hr_raise_overflow(NULL, err);
    }
    return HR_OK;
}

/* --- convert_timezone --------------------------------------------------------------------------*/

hr_status hr_bind_convert_timezone(HR_BIND_ARGS)
{
    if (call->arg_count == 2) {
        struct hr_expr *zone = hr_expr_call(arena, "current_timezone", NULL, 0);
        struct hr_expr **args = HR_NEW_ARRAY(arena, struct hr_expr *, 3);
        if (!zone || !args) return HR_OOM(err);
        HR_TRY(hr_expr_resolve_node(arena, conf, zone, err));
        args[0] = zone;
        args[1] = call->args[0];
        args[2] = call->args[1];
        call->args = args;
        call->arg_count = 3;
    }
    const enum hr_type_id ids[] = {HR_T_STRING, HR_T_STRING, HR_T_TIMESTAMP_NTZ};
    static const char *const words[] = {"string", "string", "timestamp_ntz"};
    for (uint32_t i = 0; i < 3; i++) {
        const struct hr_type *to = hr_type_implicit(call->args[i]->type, hr_sv(words[i]));
        if (!to)
            return hr_resolve_unexpected_type(
                arena, call, i, ids[i] == HR_T_STRING ? "\"STRING\"" : "\"TIMESTAMP_NTZ\"", err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i], to, err));
    }
    call->type = hr_type(HR_T_TIMESTAMP_NTZ);
    return HR_OK;
}

hr_status hr_fn_convert_timezone(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_EACH_ROW(ctx, out, row)
    {
        const struct hr_tz *tz[2];
        for (uint32_t i = 0; i < 2; i++) {
            tz[i] = hr_tz_find(hr_arg_str(&args[i], row));
            if (tz[i]) continue;
            return HR_RAISE(err, HR_E_INVALID_TIMEZONE, "timeZone",
                            hr_value_sql(ctx->arena, &args[i].col, hr_vector_row(&args[i], row)));
        }
        int64_t utc = hr_tz_to_utc(tz[0], HR_ARG(int64_t, &args[2], row));
        HR_OUT(int64_t, out)[row] = hr_tz_to_local(tz[1], utc);
    }
    return HR_OK;
}
