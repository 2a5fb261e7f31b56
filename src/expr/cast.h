/* SPDX-License-Identifier: Apache-2.0 */
/* A cast that runs, shared by cast*.c. */
#ifndef HR_EXPR_CAST_H
#define HR_EXPR_CAST_H

#include "expr/internal.h"
#include "expr/program.h"

struct hr_cast {
    struct hr_eval_ctx *ctx;
    const struct hr_vector *in;
    const struct hr_type *from, *to;
    struct hr_column *out; /* allocated; validity is in's */
    uint32_t rows;
    bool nulls;  /* what cannot be cast becomes NULL: try_cast, or ANSI is off */
    bool is_try;
};

hr_status hr_cast_overflow(const struct hr_cast *c, uint32_t row, struct hr_err *err) HR_COLD;
hr_status hr_cast_invalid(const struct hr_cast *c, uint32_t row, struct hr_err *err) HR_COLD;
hr_status hr_cast_to_string(const struct hr_cast *c, struct hr_err *err) HR_CHECKED;
hr_status hr_cast_from_string(const struct hr_cast *c, struct hr_err *err) HR_CHECKED;

/* Spark's parsing of numbers in text: trimmed, a sign, digits; nothing else. */
bool hr_text_to_i64(struct hr_str_view text, bool allow_fraction, int64_t *ret);
bool hr_text_to_f64(struct hr_str_view text, double *ret);
bool hr_text_to_bool(struct hr_str_view text, bool *ret);
/* "1-2" or "INTERVAL '1-2' YEAR TO MONTH"; "1 02:03:04.5" and the like. */
bool hr_text_to_interval(struct hr_str_view text, const struct hr_type *type, int64_t *ret);

/* A time of day with so many digits of a second. */
HR_INLINE int64_t hr_time_cut(int64_t ns, int precision)
{
    static const int32_t units[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                    10000,      1000,      100,      10,      1};
    return ns - ns % units[precision];
}

#endif
