/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals of up to 38 digits: an unscaled 128-bit integer and a scale kept by the type. */
#ifndef HR_BASE_DECIMAL_H
#define HR_BASE_DECIMAL_H

#include "base/str.h"

#define HR_DECIMAL_MAX_PRECISION 38

/* 10^n for n in 0 … 38. */
extern const hr_i128 hr_pow10[39];

HR_INLINE bool hr_decimal_fits(hr_i128 unscaled, int precision)
{
    return unscaled < hr_pow10[precision] && unscaled > -hr_pow10[precision];
}
/* Changes the scale, rounding half up (away from zero), as Spark. false on overflow of 128 bits. */
bool hr_decimal_rescale(hr_i128 unscaled, int from_scale, int to_scale, hr_i128 *ret);
/* Digits in |unscaled| (0 has one). */
int hr_decimal_digits(hr_i128 unscaled);
/* "-12.30", "1E+3" accepted; value rounded half up to scale. false: malformed.
 * *ret_overflow true: does not fit the precision. */
bool hr_decimal_parse(struct hr_str_view text, int precision, int scale, hr_i128 *ret,
                      bool *ret_overflow);
/* Plain notation with exactly scale digits. Returns length; out has 48 bytes; no NUL. */
size_t hr_decimal_format(hr_i128 unscaled, int scale, char *out);
/* As Java's BigDecimal.toString (what Spark's cast to STRING of DECIMAL prints is plain; this is
 * for error messages). */
double hr_decimal_to_double(hr_i128 unscaled, int scale);
/* The shortest decimal text of the double, rounded half up to scale. false: overflow, NaN, inf. */
bool hr_decimal_from_double(double value, int precision, int scale, hr_i128 *ret);
/* (a × b), (a ÷ b) with intermediate 256 bits, result at result_scale rounded half up. false:
 * overflow of 38 digits (or b = 0). */
bool hr_decimal_mul(hr_i128 a, int a_scale, hr_i128 b, int b_scale, int result_scale, hr_i128 *ret);
bool hr_decimal_div(hr_i128 a, int a_scale, hr_i128 b, int b_scale, int result_scale, hr_i128 *ret);

/* a ÷ b (not 0) cut towards zero, and what remains, at the larger scale of the two and with a's
 * sign: always right. false: the quotient is beyond 38 digits (it is untouched). */
bool hr_decimal_divmod(hr_i128 a, int a_scale, hr_i128 b, int b_scale, hr_i128 *ret_quotient,
                       hr_i128 *ret_rest);

/* Java's Double.toString / Float.toString: shortest digits, "1.0E10", "NaN", "Infinity".
 * Returns length; out has 32 bytes; no NUL. */
size_t hr_format_f64(double value, char *out);
size_t hr_format_f32(float value, char *out);
size_t hr_format_i64(int64_t value, char *out);

#endif
