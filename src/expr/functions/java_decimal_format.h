/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers by the patterns of Java's DecimalFormat ("#,##0.00", "0.##E0", "#%;(#)"), locale US. */
#ifndef HR_EXPR_FUNCTIONS_JAVA_DECIMAL_FORMAT_H
#define HR_EXPR_FUNCTIONS_JAVA_DECIMAL_FORMAT_H

#include "base/str.h"
#include "expr/functions/java_digits.h"

#define HR_DECIMAL_FORMAT_AFFIX 64

/* Text before or after the digits. */
struct hr_decimal_format_affix {
    char text[HR_DECIMAL_FORMAT_AFFIX];
    size_t len;
};

struct hr_decimal_format {
    int min_whole, max_whole, min_fraction, max_fraction, group, min_exponent;
    int multiplier; /* 1, 100 (%) or 1000 (‰) */
    bool exponential, always_point;
    struct hr_decimal_format_affix before, after, minus_before, minus_after;
};

/* Digits in groups of three, and so many behind the point. */
struct hr_decimal_format hr_decimal_format_plain(int digits);
/* NULL, or what is wrong with the pattern. */
const char *hr_decimal_format_parse(struct hr_str_view pattern, struct hr_decimal_format *ret);
void hr_decimal_format_f64(const struct hr_decimal_format *f, double value, struct hr_buf *out);
void hr_decimal_format_i128(const struct hr_decimal_format *f, hr_i128 value, int scale,
                            struct hr_buf *out);

#endif
