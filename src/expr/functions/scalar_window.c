/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bounds of windows of time: what the analyser makes of window(). In one step, because every row of
 * a windowed aggregation passes here.
 */
#include "expr/functions/functions.h"
#include "expr/internal.h"

/* Times before the origin go down, not towards zero. Bounds that do not fit wrap, as in Spark. */
HR_INLINE int64_t window_bound(int64_t time, int64_t slide, int64_t start, int64_t shift)
{
    int64_t since = (int64_t)((uint64_t)time - (uint64_t)start);
    int64_t into = since % slide;
    into += into < 0 ? slide : 0;
    return (int64_t)((uint64_t)time - (uint64_t)into + (uint64_t)shift);
}

hr_status hr_fn_session_end(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    int64_t *to = HR_OUT(int64_t, out);
    HR_EACH_ROW(ctx, out, row)
    {
        int64_t gap;
        bool valid = hr_parse_duration(hr_arg_str(&args[1], row), &gap) &&
                     !__builtin_add_overflow(hr_arg_i64(&args[0], row), gap, &to[row]);
        if (!valid) hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_fn_window_bound(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    const int64_t *time = args[0].col.values;
    int64_t *to = (int64_t *)(uintptr_t)out->values;
    int64_t slide = hr_arg_i64(&args[1], 0), start = hr_arg_i64(&args[2], 0);
    int64_t shift = hr_arg_i64(&args[3], 0);
    if (!args[1].is_const || !args[2].is_const || !args[3].is_const || slide <= 0)
        return HR_BUG(err, "the bounds of a window are not constant");
    for (uint32_t i = 0; i < ctx->sel_count; i++) {
        uint32_t row = ctx->sel ? ctx->sel[i] : i;
        to[row] = window_bound(time[hr_vector_row(&args[0], row)], slide, start, shift);
    }
    return HR_OK;
}
