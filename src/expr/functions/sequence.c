/* SPDX-License-Identifier: Apache-2.0 */
/* sequence: integers by a step; dates and timestamps by months, days and microseconds, of which
 * months and days go by the calendar of the session's zone. */
#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/functions/array.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

hr_status hr_elements_exceeded(struct hr_eval_ctx *ctx, const char *function, hr_i128 elements,
                               struct hr_err *err)
{
    char text[64];
    const char *name = hr_arena_printf(ctx->arena, "`%s`", function);
    text[hr_decimal_format(elements, 0, text)] = 0;
    return HR_RAISE(err, HR_E_COLLECTION_SIZE_LIMIT, "numberOfElements", text,
                    "maxRoundedArrayLength", "10000000", "parameter", "`count`", "functionName",
                    name ? name : "?");
}

static hr_status wrong_types(struct hr_arena *arena, const struct hr_expr *call,
                             struct hr_err *err)
{
    return HR_RAISE(err, HR_E_SEQUENCE_WRONG_INPUT_TYPES, "sqlExpr", hr_expr_quoted(arena, call),
                    "functionName", "`sequence`", "startType",
                    "(\"TIMESTAMP\" or \"TIMESTAMP_NTZ\" or \"DATE\")", "stepType",
                    "(\"INTERVAL\" or \"INTERVAL YEAR TO MONTH\" or \"INTERVAL DAY TO SECOND\")",
                    "otherStartType", "\"INTEGRAL\"");
}

hr_status hr_bind_sequence(HR_BIND_ARGS)
{
    const struct hr_type *t;
    bool by_interval = call->arg_count > 2 && hr_type_is_interval(call->args[2]->type);
    struct hr_err ignored = {0};
    if (hr_resolve_same_type(arena, conf, call, 0, by_interval ? 2 : call->arg_count, 1, &t,
                             &ignored) != HR_OK)
        return wrong_types(arena, call, err);
    bool times = t->id == HR_T_DATE || t->id == HR_T_TIMESTAMP || t->id == HR_T_TIMESTAMP_NTZ;
    if (times ? call->arg_count > 2 && !by_interval : by_interval || !hr_type_is_integral(t))
        return wrong_types(arena, call, err);
    call->type = hr_type_array(t, false);
    return call->type ? HR_OK : HR_OOM(err);
}

struct sequence {
    const struct hr_type *type;
    const struct hr_tz *tz; /* of TIMESTAMP; else NULL */
    int64_t start, stop;    /* µs of TIMESTAMPs, else as they are */
    int64_t months, days;
    int64_t step; /* µs of TIMESTAMPs, else of the values */
};

static int64_t add_months(int64_t day, int64_t months)
{
    int32_t y, m, d;
    hr_civil_from_days(day, &y, &m, &d);
    int64_t total = (int64_t)y * 12 + (m - 1) + months;
    int64_t year = total >= 0 ? total / 12 : -((11 - total) / 12);
    int32_t month = (int32_t)(total - year * 12) + 1;
    return hr_days_from_civil(year, month, HR_MIN(d, hr_days_in_month(year, month)));
}

static int64_t floor_day(int64_t us)
{
    return us / HR_US_PER_DAY - (us % HR_US_PER_DAY < 0);
}

/* The k-th value of a sequence by the calendar. */
static int64_t calendar_at(const struct sequence *s, int64_t k)
{
    if (s->type->id == HR_T_DATE) return add_months(s->start, k * s->months) + k * s->days;
    int64_t local = s->tz ? hr_tz_to_local(s->tz, s->start) : s->start;
    int64_t day = floor_day(local), time = local - day * HR_US_PER_DAY;
    local = (add_months(day, k * s->months) + k * s->days) * HR_US_PER_DAY + time;
    return (s->tz ? hr_tz_to_utc(s->tz, local) : local) + k * s->step;
}

static hr_status no_way(struct hr_err *err)
{
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                   "the step of sequence does not lead from its start to its stop");
}

static hr_status put_steps(struct hr_eval_ctx *ctx, const struct sequence *s,
                           struct hr_builder *to, struct hr_err *err)
{
    hr_i128 count = s->step ? ((hr_i128)s->stop - s->start) / s->step + 1 : 1;
    if (s->step == 0 ? s->start != s->stop : (s->step > 0) != (s->stop >= s->start))
        if (s->start != s->stop) return no_way(err);
    if (count > HR_ELEMENTS_MAX) return hr_elements_exceeded(ctx, "sequence", count, err);
    for (int64_t k = 0; k < (int64_t)count; k++)
        hr_builder_i64(to, (int64_t)(s->start + (hr_i128)k * s->step));
    return HR_OK;
}

static hr_status put_calendar(struct hr_eval_ctx *ctx, const struct sequence *s,
                              struct hr_builder *to, struct hr_err *err)
{
    hr_i128 unit = s->type->id == HR_T_DATE ? 1 : HR_US_PER_DAY;
    hr_i128 step = ((hr_i128)s->months * 28 + s->days) * unit + s->step;
    bool up = step > 0;
    if (step == 0 || up != (s->stop >= s->start)) {
        if (s->start != s->stop) return no_way(err);
        hr_builder_i64(to, s->start);
        return HR_OK;
    }
    hr_i128 about = ((hr_i128)s->stop - s->start) / step;
    if (about > HR_ELEMENTS_MAX) return hr_elements_exceeded(ctx, "sequence", about + 1, err);
    for (int64_t k = 0, v; v = calendar_at(s, k), up ? v <= s->stop : v >= s->stop; k++)
        hr_builder_i64(to, v);
    return HR_OK;
}

/* The step of a row, as months, days and the rest. */
static void set_step(struct sequence *s, const struct hr_type *by, int64_t step)
{
    bool date = s->type->id == HR_T_DATE;
    s->months = s->days = s->step = 0;
    if (!by || !hr_type_is_interval(by)) {
        s->step = step;
    } else if (by->id == HR_T_INTERVAL_YM) {
        s->months = step;
    } else {
        s->days = step / HR_US_PER_DAY;
        s->step = step % HR_US_PER_DAY;
        if (date) s->step = 0;
    }
}

hr_status hr_fn_sequence(HR_EVAL_ARGS)
{
    const struct hr_type *t = call->type->fields[0].type;
    const struct hr_type *by = call->arg_count > 2 ? args[2].col.type : NULL;
    struct sequence s = {t, t->id == HR_T_TIMESTAMP ? ctx->conf->tz : NULL, 0, 0, 0, 0, 0};
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    if (!b) return HR_OOM(err);
    HR_BUILD_ROWS(ctx, out, b, row) {
        s.start = hr_arg_i64(&args[0], row);
        s.stop = hr_arg_i64(&args[1], row);
        set_step(&s, by, by ? hr_arg_i64(&args[2], row) : s.start <= s.stop ? 1 : -1);
        if (!by && hr_type_is_datetime(t)) {
            s.days = s.step;
            s.step = 0;
        }
        bool calendar = s.months || s.days;
        HR_TRY((calendar ? put_calendar : put_steps)(ctx, &s, hr_builder_child(b, 0), err));
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}
