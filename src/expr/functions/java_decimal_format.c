/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/functions/java_decimal_format.h"

#include <limits.h>
#include <math.h>
#include <string.h>

/* Digits behind the point of a DOUBLE. */
#define FRACTION_MAX 340

/* --- Patterns ----------------------------------------------------------------------------------*/

static void affix_put(struct hr_decimal_format_affix *a, const char *text, size_t len)
{
    if (a->len + len > sizeof a->text) len = 0;
    memcpy(a->text + a->len, text, len);
    a->len += len;
}

static void affix_join(struct hr_decimal_format_affix *ret, const char *text,
                       const struct hr_decimal_format_affix *a)
{
    *ret = (struct hr_decimal_format_affix){0};
    affix_put(ret, text, strlen(text));
    affix_put(ret, a->text, a->len);
}

struct hr_decimal_format hr_decimal_format_plain(int digits)
{
    struct hr_decimal_format f = {.min_whole = 1, .max_whole = INT_MAX, .min_fraction = digits,
                                  .max_fraction = digits, .group = 3, .multiplier = 1};
    affix_join(&f.minus_before, "-", &f.before);
    return f;
}

/* Reads the text up to the digits (or, behind them, up to ';'); false: a special character. */
static bool read_affix(struct hr_str_view p, size_t *pos, bool suffix, int *multiplier,
                       struct hr_decimal_format_affix *ret)
{
    bool quoted = false;
    size_t i = *pos;
    for (; i < p.len; i++) {
        char c = p.ptr[i];
        if (c == '\'') {
            if (i + 1 < p.len && p.ptr[i + 1] == '\'')
                affix_put(ret, p.ptr + i++, 1);
            else
                quoted = !quoted;
            continue;
        }
        if (!quoted && c == ';') break;
        if (!quoted && strchr("#0,.", c)) {
            if (suffix) return false;
            break;
        }
        bool per_mille = i + 3 <= p.len && memcmp(p.ptr + i, "\xe2\x80\xb0", 3) == 0;
        if (!quoted && (c == '%' || per_mille)) {
            if (*multiplier != 1) return false;
            *multiplier = per_mille ? 1000 : 100;
        }
        affix_put(ret, p.ptr + i, 1);
    }
    *pos = i;
    return !quoted;
}

struct counts {
    int left, zero, right, point, group;
};

/* "#,##0.00E0"; what is wrong, or NULL. */
static const char *read_digits(struct hr_str_view p, size_t *pos, struct counts *n,
                               struct hr_decimal_format *f)
{
    size_t i = *pos;
    for (; i < p.len; i++) {
        char c = p.ptr[i];
        if (c == '#') {
            n->zero > 0 ? n->right++ : n->left++;
            if (n->group >= 0 && n->point < 0) n->group++;
        } else if (c == '0') {
            if (n->right > 0) return "Unexpected '0' in pattern";
            n->zero++;
            if (n->group >= 0 && n->point < 0) n->group++;
        } else if (c == ',') {
            n->group = 0;
        } else if (c == '.') {
            if (n->point >= 0) return "Multiple decimal separators in pattern";
            n->point = n->left + n->zero + n->right;
        } else {
            break;
        }
    }
    if (i < p.len && p.ptr[i] == 'E') {
        f->exponential = true;
        for (i++; i < p.len && p.ptr[i] == '0'; i++) f->min_exponent++;
        if (n->left + n->zero < 1 || f->min_exponent < 1)
            return "Malformed exponential pattern";
    }
    *pos = i;
    return NULL;
}

/* What the counted characters mean. */
static const char *take_counts(struct counts n, struct hr_decimal_format *f)
{
    if (n.zero == 0 && n.left > 0 && n.point >= 0) {
        int whole = n.point ? n.point : 1;
        n.right = n.left - whole;
        n.left = whole - 1;
        n.zero = 1;
    }
    if ((n.point < 0 && n.right > 0) ||
        (n.point >= 0 && (n.point < n.left || n.point > n.left + n.zero)) || n.group == 0)
        return "Malformed pattern";
    int total = n.left + n.zero + n.right, point = n.point >= 0 ? n.point : total;
    f->min_whole = point - n.left;
    f->max_whole = f->exponential ? n.left + f->min_whole : INT_MAX;
    f->max_fraction = n.point >= 0 ? total - n.point : 0;
    f->min_fraction = n.point >= 0 ? n.left + n.zero - n.point : 0;
    f->group = HR_MAX(n.group, 0);
    f->always_point = n.point == 0 || n.point == total;
    return NULL;
}

const char *hr_decimal_format_parse(struct hr_str_view p, struct hr_decimal_format *ret)
{
    static const char unquoted[] = "Unquoted special character in pattern";
    struct hr_decimal_format f = {.multiplier = 1}, minus = {.multiplier = 1};
    struct counts n = {.point = -1, .group = -1}, ignored = n;
    size_t i = 0;
    if (!read_affix(p, &i, false, &f.multiplier, &f.before)) return unquoted;
    const char *wrong = read_digits(p, &i, &n, &f);
    if (wrong) return wrong;
    if (!read_affix(p, &i, true, &f.multiplier, &f.after)) return unquoted;
    if ((wrong = take_counts(n, &f))) return wrong;
    bool other = i < p.len;
    if (other) {
        i++;
        if (!read_affix(p, &i, false, &minus.multiplier, &minus.before)) return unquoted;
        if ((wrong = read_digits(p, &i, &ignored, &minus))) return wrong;
        if (!read_affix(p, &i, true, &minus.multiplier, &minus.after) || i < p.len)
            return unquoted;
        f.minus_before = minus.before;
        f.minus_after = minus.after;
    }
    if (!other || (f.before.len == f.minus_before.len && f.after.len == f.minus_after.len &&
                   !memcmp(f.before.text, f.minus_before.text, f.before.len) &&
                   !memcmp(f.after.text, f.minus_after.text, f.after.len))) {
        affix_join(&f.minus_before, "-", &f.before);
        f.minus_after = f.after;
    }
    *ret = f;
    return NULL;
}

/* --- Numbers -----------------------------------------------------------------------------------*/

static bool is_zero(const struct hr_java_digits *x) { return x->count == 0 || x->d[0] == '0'; }

static void put_fixed(const struct hr_decimal_format *f, struct hr_java_digits *x,
                      struct hr_buf *out)
{
    hr_java_digits_half_even(x, x->exponent + f->max_fraction);
    while (x->count && x->d[x->count - 1] == '0') x->count--;
    if (x->count == 0) x->exponent = 0;
    int whole = HR_MAX(f->min_whole, x->exponent), at = 0;
    for (int i = whole - 1; i >= 0; i--) {
        hr_buf_putc(out, i < x->exponent && at < x->count ? x->d[at++] : '0');
        if (f->group && i && i % f->group == 0) hr_buf_putc(out, ',');
    }
    bool fraction = f->min_fraction > 0 || at < x->count;
    if (whole <= 0 && !fraction) hr_buf_putc(out, '0');
    if (fraction || f->always_point) hr_buf_putc(out, '.');
    for (int i = 0; i < f->max_fraction; i++) {
        if (i >= f->min_fraction && at >= x->count) break;
        bool before = -1 - i > x->exponent - 1;
        hr_buf_putc(out, !before && at < x->count ? x->d[at++] : '0');
    }
}

static void put_exponential(const struct hr_decimal_format *f, struct hr_java_digits *x,
                            struct hr_buf *out)
{
    if (f->max_whole + f->max_fraction > 0)
        hr_java_digits_half_even(x, f->max_whole + f->max_fraction);
    while (x->count && x->d[x->count - 1] == '0') x->count--;
    int exponent = x->count ? x->exponent : 0, min_whole = f->min_whole, repeat = f->max_whole;
    if (repeat > 1 && repeat > min_whole) {
        exponent = (exponent >= 1 ? exponent - 1 : exponent - repeat) / repeat * repeat;
        min_whole = 1;
    } else {
        exponent -= min_whole;
    }
    int whole = x->count ? x->exponent - exponent : min_whole;
    int total = HR_MAX(HR_MAX(f->min_whole + f->min_fraction, whole), x->count);
    for (int i = 0; i < total; i++) {
        if (i == whole) hr_buf_putc(out, '.');
        hr_buf_putc(out, i < x->count ? x->d[i] : '0');
    }
    if (f->always_point && total == whole) hr_buf_putc(out, '.');
    if (!x->count) exponent = 0;
    hr_buf_printf(out, "E%s%0*d", exponent < 0 ? "-" : "", f->min_exponent,
                  exponent < 0 ? -exponent : exponent);
}

static void put_number(const struct hr_decimal_format *f, bool negative, struct hr_java_digits *x,
                       struct hr_buf *out)
{
    const struct hr_decimal_format_affix *before = negative ? &f->minus_before : &f->before;
    const struct hr_decimal_format_affix *after = negative ? &f->minus_after : &f->after;
    hr_buf_append(out, before->text, before->len);
    if (!x)
        hr_buf_puts(out, "\xe2\x88\x9e");
    else if (f->exponential)
        put_exponential(f, x, out);
    else
        put_fixed(f, x, out);
    hr_buf_append(out, after->text, after->len);
}

void hr_decimal_format_f64(const struct hr_decimal_format *format, double value,
                           struct hr_buf *out)
{
    struct hr_decimal_format f = *format;
    struct hr_java_digits x;
    if (isnan(value)) {
        hr_buf_puts(out, "NaN");
        return;
    }
    f.min_fraction = HR_MIN(f.min_fraction, FRACTION_MAX);
    f.max_fraction = HR_MIN(f.max_fraction, FRACTION_MAX);
    value *= f.multiplier;
    if (isfinite(value)) hr_java_digits_f64(value, &x);
    put_number(&f, signbit(value), isfinite(value) ? &x : NULL, out);
}

void hr_decimal_format_i128(const struct hr_decimal_format *f, hr_i128 value, int scale,
                            struct hr_buf *out)
{
    struct hr_java_digits x;
    hr_java_digits_decimal(value, scale, &x);
    if (!is_zero(&x)) x.exponent += f->multiplier == 100 ? 2 : f->multiplier == 1000 ? 3 : 0;
    put_number(f, value < 0, &x, out);
}
