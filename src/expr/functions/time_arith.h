/* SPDX-License-Identifier: Apache-2.0 */
/* What functions of times and of intervals both count with. */
#ifndef HR_EXPR_FUNCTIONS_TIME_ARITH_H
#define HR_EXPR_FUNCTIONS_TIME_ARITH_H

#include "base/datetime.h"
#include "expr/internal.h"

/* make_timestamp(date, time[, zone]). */
hr_status hr_bind_make_timestamp_of_date(struct hr_arena *arena, const struct hr_conf *conf,
                                         struct hr_expr *call, struct hr_err *err) HR_CHECKED;

static inline int64_t hr_floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* Wall-clock µs of a date or time argument. */
static inline int64_t hr_local_us(const struct hr_eval_ctx *ctx, const struct hr_vector *v,
                                  uint32_t row)
{
    int64_t x = hr_arg_i64(v, row);
    if (v->col.type->id == HR_T_DATE) return x * HR_US_PER_DAY;
    if (v->col.type->id == HR_T_TIME) return x / 1000; /* of the first day */
    return v->col.type->id == HR_T_TIMESTAMP ? hr_tz_to_local(ctx->conf->tz, x) : x;
}

/* The same day of another month, or that month's last. */
static inline int64_t hr_add_months(int64_t days, int64_t months)
{
    int32_t y, m, d;
    hr_civil_from_days(days, &y, &m, &d);
    int64_t total = (int64_t)y * 12 + (m - 1) + months, year = hr_floor_div(total, 12);
    int32_t month = (int32_t)(total - year * 12) + 1;
    return hr_days_from_civil(year, month, HR_MIN(d, hr_days_in_month(year, month)));
}

/* A day and a time of day as UTC of a zone (NULL: as they are); false: out of range. */
static inline bool hr_put_shifted(struct hr_column *out, uint32_t row, const struct hr_tz *tz,
                                  int64_t day, int64_t in_day)
{
    int64_t us;
    if (__builtin_mul_overflow(day, HR_US_PER_DAY, &us) || __builtin_add_overflow(us, in_day, &us))
        return false;
    HR_OUT(int64_t, out)[row] = tz ? hr_tz_to_utc(tz, us) : us;
    return true;
}

#endif
