/* SPDX-License-Identifier: Apache-2.0 */
/* format_number. */
#include "expr/functions/functions.h"
#include "expr/functions/java_decimal_format.h"
#include "expr/internal.h"

/* --- format_number ---------------------------------------------------------------------------- */

/* Digits behind the point that may be asked for. */
#define DIGITS_MAX 1000000

/* The format of one row; *ret_known false: there is none (fewer than no digits). */
static hr_status row_format(const struct hr_vector *v, uint32_t row, struct hr_decimal_format *ret,
                            bool *ret_known, struct hr_err *err)
{
    *ret_known = true;
    if (v->col.type->id == HR_T_STRING) {
        struct hr_str_view pattern = hr_arg_str(v, row);
        const char *wrong = NULL;
        if (pattern.len)
            wrong = hr_decimal_format_parse(pattern, ret);
        else
            *ret = hr_decimal_format_plain(0);
        return wrong ? HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s \"%.*s\"", wrong,
                               (int)HR_MIN(pattern.len, 200u), pattern.ptr)
                     : HR_OK;
    }
    int32_t digits = HR_ARG(int32_t, v, row);
    if (digits > DIGITS_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the digits of format_number", "limit", "1000000");
    *ret_known = digits >= 0;
    *ret = hr_decimal_format_plain(digits);
    return HR_OK;
}

hr_status hr_fn_format_number(HR_EVAL_ARGS)
{
    const struct hr_type *t = args[0].col.type;
    struct hr_decimal_format f;
    bool known, ready = false;
    HR_TEXT_ROWS({
        if (!ready) status_ = row_format(&args[1], row, &f, &known, err);
        if (status_ != HR_OK) break;
        ready = args[1].is_const;
        if (!known) {
            hr_out_null(out, row);
            continue;
        }
        if (t->id == HR_T_DECIMAL)
            hr_decimal_format_i128(&f, HR_ARG(hr_i128, &args[0], row), t->scale, &buf);
        else if (hr_type_is_integral(t))
            hr_decimal_format_i128(&f, hr_arg_i64(&args[0], row), 0, &buf);
        else
            hr_decimal_format_f64(&f, hr_arg_f64(&args[0], row), &buf);
    });
}
