/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/functions/java_digits.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/str.h"

/* From "123.45E6", without a sign. */
static void take_text(const char *text, size_t n, struct hr_java_digits *ret)
{
    int point = -1, exponent = 0, zeros = 0;
    int64_t e;
    ret->count = 0;
    for (size_t i = 0; i < n; i++) {
        if (text[i] == '.') {
            point = ret->count;
        } else if (text[i] == 'E' || text[i] == 'e') {
            if (text[i + 1] == '+') i++;
            if (hr_parse_i64(hr_svn(text + i + 1, n - i - 1), &e)) exponent = (int)e;
            break;
        } else {
            ret->d[ret->count++] = text[i];
        }
    }
    ret->exponent = (point < 0 ? ret->count : point) + exponent;
    while (zeros < ret->count - 1 && ret->d[zeros] == '0') zeros++;
    memmove(ret->d, ret->d + zeros, (size_t)(ret->count - zeros));
    ret->count -= zeros;
    ret->exponent -= zeros;
    while (ret->count > 1 && ret->d[ret->count - 1] == '0') ret->count--;
    if (ret->d[0] == '0') ret->exponent = 1;
}

void hr_java_digits_f64(double value, struct hr_java_digits *ret)
{
    char text[40];
    size_t n = hr_format_f64(fabs(value), text);
    text[n] = 0;
    take_text(text, n, ret);
    ret->real = fabs(value);
    ret->is_real = true;
}

void hr_java_digits_decimal(hr_i128 value, int scale, struct hr_java_digits *ret)
{
    char text[64];
    size_t n = hr_decimal_format(value, scale, text), sign = n && text[0] == '-';
    text[n] = 0;
    take_text(text + sign, n - sign, ret);
    ret->is_real = false;
}

/* Adds one to the last digit. */
static void step_up(struct hr_java_digits *x)
{
    int i = x->count - 1;
    while (i >= 0 && x->d[i] == '9') x->d[i--] = '0';
    if (i >= 0) {
        x->d[i]++;
        return;
    }
    memmove(x->d + 1, x->d, (size_t)x->count);
    x->d[0] = '1';
    x->count++;
    x->exponent++;
}

void hr_java_digits_half_up(struct hr_java_digits *x, int n)
{
    if (n > HR_JAVA_DIGITS_MAX + 400) n = HR_JAVA_DIGITS_MAX + 400;
    bool up = n >= 0 && n < x->count && x->d[n] >= '5';
    while (x->count < n) x->d[x->count++] = '0';
    x->count = n > 0 ? n : 0;
    if (up) step_up(x);
}

void hr_java_digits_half_even(struct hr_java_digits *x, int n)
{
    if (n >= x->count) return;
    if (n >= 0 && n == x->count - 1 && x->d[n] == '5' && x->is_real) {
        char text[HR_JAVA_DIGITS_MAX];
        int len = snprintf(text, sizeof text, "%.780e", x->real);
        take_text(text, (size_t)len, x);
    }
    bool up = n >= 0 && n < x->count && x->d[n] >= '5';
    if (up && x->d[n] == '5' && n == x->count - 1) up = n > 0 && (x->d[n - 1] - '0') % 2;
    x->count = n > 0 ? n : 0;
    if (up) step_up(x);
}
