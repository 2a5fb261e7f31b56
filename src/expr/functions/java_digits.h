/* SPDX-License-Identifier: Apache-2.0 */
/* A number as the decimal digits that Java's Formatter and DecimalFormat go by. */
#ifndef HR_EXPR_FUNCTIONS_JAVA_DIGITS_H
#define HR_EXPR_FUNCTIONS_JAVA_DIGITS_H

#include "base/decimal.h"

/* Digits that may be asked for, of which those of the number itself are at most 770. */
#define HR_JAVA_DIGITS_MAX 1024

/* 0.d1d2d3… times 10^exponent, without the sign; d1 is 0 for zero only. */
struct hr_java_digits {
    int count, exponent;
    double real; /* what the digits were made of when they are those of a DOUBLE */
    bool is_real;
    char d[2 * HR_JAVA_DIGITS_MAX];
};

/* The shortest digits that mean the finite value. */
void hr_java_digits_f64(double value, struct hr_java_digits *ret);
void hr_java_digits_decimal(hr_i128 value, int scale, struct hr_java_digits *ret);
/* Keeps the first n digits (there are n behind), a half rounded up, as Formatter does. */
void hr_java_digits_half_up(struct hr_java_digits *x, int n);
/* Keeps at most the first n digits; a half by the exact value, a true half to the even digit. */
void hr_java_digits_half_even(struct hr_java_digits *x, int n);

#endif
