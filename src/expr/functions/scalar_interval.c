/* SPDX-License-Identifier: Apache-2.0 */
/* Intervals: made, between two times, added to times, multiplied and divided. */
#include <math.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/functions/functions.h"
#include "expr/functions/time_arith.h"
#include "expr/internal.h"

hr_status hr_bind_make_interval(HR_BIND_ARGS)
{
    bool ym = strcmp(call->function->name, "make_ym_interval") == 0;
    uint32_t want = ym ? 2 : 4;
    HR_UNUSED(conf);
    while (call->arg_count < want)
        HR_TRY(hr_resolve_add_arg(arena, call, call->arg_count == 3
               ? hr_expr_decimal(arena, 0, 7, 6) : hr_expr_int(arena, hr_type(HR_T_INT), 0), err));
    for (uint32_t i = 0; i < want; i++) {
        if (!hr_type_implicit(call->args[i]->type, hr_sv("int")))
            return hr_resolve_unexpected_type(arena, call, i,
                                              i == 3 ? "\"DECIMAL(18,6)\"" : "\"INT\"", err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i],
                               i == 3 ? hr_type_decimal(18, 6) : hr_type(HR_T_INT), err));
    }
    call->type = ym ? hr_type_interval_ym(HR_IV_YEAR, HR_IV_MONTH)
                    : hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND);
    return HR_OK;
}

hr_status hr_fn_make_interval(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        int64_t a = hr_arg_i64(&args[0], row), b = hr_arg_i64(&args[1], row);
        if (call->type->id == HR_T_INTERVAL_YM) {
            if (a * 12 + b != (int32_t)(a * 12 + b))
                return HR_RAISE(err, HR_E_INTERVAL_ARITHMETIC_OVERFLOW);
            HR_OUT(int32_t, out)[row] = (int32_t)(a * 12 + b);
        } else {
            hr_i128 us = (hr_i128)a * HR_US_PER_DAY + b * HR_US_PER_HOUR +
                         hr_arg_i64(&args[2], row) * HR_US_PER_MINUTE +
                         HR_ARG(hr_i128, &args[3], row);
            if (us != (int64_t)us) return HR_RAISE(err, HR_E_INTERVAL_ARITHMETIC_OVERFLOW);
            HR_OUT(int64_t, out)[row] = (int64_t)us;
        }
    }
    return HR_OK;
}

hr_status hr_fn_interval_days(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(int32_t, out)[row] = (int32_t)(HR_ARG(int64_t, &args[0], row) / HR_US_PER_DAY);
    return HR_OK;
}

hr_status hr_bind_date_diff(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    bool dates = strcmp(call->function->name, "__date_diff") == 0;
    call->type = dates ? hr_type_interval_dt(HR_IV_DAY, HR_IV_DAY)
                       : hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND);
    if (!dates)
        for (int i = 0; i < 2; i++) {
            const struct hr_type *o = call->args[1 - i]->type;
            if (call->args[i]->type->id == HR_T_DATE || call->args[i]->type->id == HR_T_STRING ||
                (call->args[i]->type->id == HR_T_TIMESTAMP_NTZ && o->id == HR_T_TIMESTAMP))
                HR_TRY(hr_resolve_cast(arena, &call->args[i],
                                       hr_type(o->id == HR_T_TIMESTAMP_NTZ &&
                                                       call->args[i]->type->id != HR_T_TIMESTAMP_NTZ
                                                   ? HR_T_TIMESTAMP_NTZ
                                                   : HR_T_TIMESTAMP),
                                       err));
        }
    return HR_OK;
}

hr_status hr_fn_date_diff_interval(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        if (__builtin_mul_overflow(hr_arg_i64(&args[0], row) - hr_arg_i64(&args[1], row),
                                   HR_US_PER_DAY, &HR_OUT(int64_t, out)[row]))
            return hr_raise_interval_overflow(NULL, err);
    return HR_OK;
}

hr_status hr_fn_timestamp_diff_interval(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        if (__builtin_sub_overflow(hr_local_us(ctx, &args[0], row), hr_local_us(ctx, &args[1], row),
                                   &HR_OUT(int64_t, out)[row]))
            return HR_RAISE(err, HR_E_INTERVAL_ARITHMETIC_OVERFLOW);
    return HR_OK;
}

hr_status hr_bind_time_add(HR_BIND_ARGS)
{
    HR_UNUSED(arena);
    HR_UNUSED(conf);
    HR_UNUSED(err);
    call->type = call->args[0]->type;
    return HR_OK;
}

/* One sum; false: out of range. Whole days keep the wall clock, as in Spark. */
static bool add_interval(struct hr_eval_ctx *ctx, const struct hr_vector *args, uint32_t row,
                         int64_t delta, struct hr_column *out)
{
    const struct hr_type *t = args[0].col.type;
    const struct hr_tz *tz = t->id == HR_T_TIMESTAMP ? ctx->conf->tz : NULL;
    int64_t v = hr_arg_i64(&args[0], row), *r = HR_OUT(int64_t, out) + row;
    bool months = args[1].col.type->id == HR_T_INTERVAL_YM;
    if (t->id == HR_T_DATE) {
        int64_t day = months ? hr_add_months(v, delta) : v + delta / HR_US_PER_DAY;
        HR_OUT(int32_t, out)[row] = (int32_t)day;
        return day == (int32_t)day;
    }
    if (months) {
        int64_t local = hr_local_us(ctx, &args[0], row), day = hr_floor_div(local, HR_US_PER_DAY);
        return hr_put_shifted(out, row, tz, hr_add_months(day, delta), local - day * HR_US_PER_DAY);
    }
    if (__builtin_add_overflow(v, delta, r)) return false;
    int64_t days = delta / HR_US_PER_DAY;
    if (tz && days)
        *r = hr_tz_to_utc(tz, hr_tz_to_local(tz, v) + days * HR_US_PER_DAY) + delta % HR_US_PER_DAY;
    return true;
}

static hr_status time_add(HR_EVAL_ARGS, int sign)
{
    bool is_try = call->function->flags & HR_FN_TRY;
    HR_EACH_ROW(ctx, out, row) {
        int64_t delta = hr_arg_i64(&args[1], row);
        bool ok = sign > 0 || !__builtin_sub_overflow((int64_t)0, delta, &delta);
        if (HR_LIKELY(ok && add_interval(ctx, args, row, delta, out))) continue;
        if (!is_try)
            return ok ? hr_raise_overflow(NULL, err) : hr_raise_interval_overflow(NULL, err);
        hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_fn_time_add(HR_EVAL_ARGS) { return time_add(ctx, call, args, out, err, 1); }
hr_status hr_fn_time_sub(HR_EVAL_ARGS) { return time_add(ctx, call, args, out, err, -1); }

hr_status hr_bind_interval_scale(HR_BIND_ARGS)
{
    HR_UNUSED(arena);
    HR_UNUSED(conf);
    const struct hr_type *t = call->args[0]->type;
    call->type = t->id == HR_T_INTERVAL_YM ? hr_type_interval_ym(HR_IV_YEAR, HR_IV_MONTH)
                                           : hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND);
    return call->type ? HR_OK : HR_OOM(err);
}

/* v times or divided by a number, rounded half up; false: out of range. */
static bool scaled(const struct hr_vector *by, uint32_t row, int64_t v, bool divide, hr_i128 *ret)
{
    if (by->col.type->id == HR_T_DOUBLE) {
        double d = hr_arg_f64(by, row), x = divide ? (double)v / d : (double)v * d;
        bool fits = x >= -0x1p63 && x < 0x1p63;
        *ret = fits ? (hr_i128)llround(x) : 0;
        return fits;
    }
    bool decimal = by->col.type->id == HR_T_DECIMAL;
    hr_i128 n = decimal ? HR_ARG(hr_i128, by, row) : hr_arg_i64(by, row);
    int scale = decimal ? by->col.type->scale : 0;
    return divide ? hr_decimal_div(v, 0, n, scale, 0, ret)
                  : hr_decimal_mul(v, 0, n, scale, 0, ret);
}

static bool is_zero_number(const struct hr_vector *v, uint32_t row)
{
    if (v->col.type->id == HR_T_DECIMAL) return HR_ARG(hr_i128, v, row) == 0;
    return v->col.type->id == HR_T_DOUBLE ? hr_arg_f64(v, row) == 0 : hr_arg_i64(v, row) == 0;
}

static hr_status interval_scale(HR_EVAL_ARGS, bool divide)
{
    bool months = call->type->id == HR_T_INTERVAL_YM, is_try = call->function->flags & HR_FN_TRY;
    HR_EACH_ROW(ctx, out, row) {
        hr_i128 r = 0;
        bool zero = divide && is_zero_number(&args[1], row);
        bool ok = !zero && scaled(&args[1], row, hr_arg_i64(&args[0], row), divide, &r) &&
                  r == (months ? (int32_t)r : (int64_t)r);
        if (!ok && !is_try)
            return zero ? HR_RAISE(err, HR_E_INTERVAL_DIVIDED_BY_ZERO)
                        : hr_raise_interval_overflow(divide ? "try_divide" : NULL, err);
        if (!ok)
            hr_out_null(out, row);
        else if (months)
            HR_OUT(int32_t, out)[row] = (int32_t)r;
        else
            HR_OUT(int64_t, out)[row] = (int64_t)r;
    }
    return HR_OK;
}

hr_status hr_fn_interval_mul(HR_EVAL_ARGS)
{
    return interval_scale(ctx, call, args, out, err, false);
}
hr_status hr_fn_interval_div(HR_EVAL_ARGS)
{
    return interval_scale(ctx, call, args, out, err, true);
}
