/* SPDX-License-Identifier: Apache-2.0 */
/* Casts from and to STRING (and BINARY). */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/cast.h"

/* --- To text -----------------------------------------------------------------------------------*/

/* Without ANSI as Java's BigDecimal.toString: less than 1e-6 with an exponent. */
static void print_scientific(hr_i128 v, int scale, struct hr_buf *out)
{
    char text[64];
    size_t n = hr_decimal_format(v, 0, text), sign = text[0] == '-';
    int exponent = (int)(n - sign) - 1 - scale;
    if (exponent >= -6) {
        n = hr_decimal_format(v, scale, text);
        hr_buf_append(out, text, n);
        return;
    }
    hr_buf_append(out, text, sign + 1);
    if (n > sign + 1) hr_buf_putc(out, '.');
    hr_buf_append(out, text + sign + 1, n - sign - 1);
    hr_buf_printf(out, "E%d", exponent);
}

hr_status hr_cast_to_string(const struct hr_cast *c, struct hr_err *err)
{
    if (c->from->id == HR_T_BINARY) {
        c->out->values = c->in->col.values;
        return HR_OK;
    }
    struct hr_buf buf = {.max_bytes = HR_TEXT_MAX};
    hr_status status = HR_OK;
    bool integral = hr_type_is_integral(c->from);
    bool scientific = c->from->id == HR_T_DECIMAL && !c->ctx->conf->ansi;
    HR_EACH_ROW(c->ctx, c->out, row) {
        if (integral) {
            char digits[32];
            size_t n = hr_format_i64(hr_arg_i64(c->in, row), digits);
            status = hr_out_str(c->ctx, c->out, row, digits, n, err);
        } else {
            hr_buf_clear(&buf);
            if (scientific)
                print_scientific(HR_ARG(hr_i128, c->in, row), c->from->scale, &buf);
            else
                hr_column_print(&c->in->col, hr_vector_row(c->in, row), c->ctx->conf->tz, &buf);
            status = hr_buf_status(&buf, err);
            if (status == HR_OK) status = hr_out_str(c->ctx, c->out, row, buf.ptr, buf.len, err);
        }
        if (status != HR_OK) break;
    }
    hr_buf_done(&buf);
    return status;
}

/* --- From text ---------------------------------------------------------------------------------*/

/* Spark trims blanks and ISO control characters. */
static struct hr_str_view trim_all(struct hr_str_view s)
{
    while (s.len && ((unsigned char)s.ptr[0] <= ' ' || s.ptr[0] == 0x7f)) s.ptr++, s.len--;
    while (s.len && ((unsigned char)s.ptr[s.len - 1] <= ' ' || s.ptr[s.len - 1] == 0x7f)) s.len--;
    return s;
}

/* Fractions are trimmed as Java trims. */
static struct hr_str_view trim_java(struct hr_str_view s)
{
    while (s.len && (unsigned char)s.ptr[0] <= ' ') s.ptr++, s.len--;
    while (s.len && (unsigned char)s.ptr[s.len - 1] <= ' ') s.len--;
    return s;
}

bool hr_text_to_i64(struct hr_str_view text, bool allow_fraction, int64_t *ret)
{
    struct hr_str_view s = trim_all(text);
    bool negative = s.len && s.ptr[0] == '-';
    size_t i = s.len && (s.ptr[0] == '-' || s.ptr[0] == '+');
    if (i == s.len) return false;
    int64_t v = 0; /* negative: the range is larger there */
    size_t digits = 0;
    for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++, digits++)
        if (__builtin_mul_overflow(v, 10, &v) || __builtin_sub_overflow(v, s.ptr[i] - '0', &v))
            return false;
    if (allow_fraction && i < s.len && s.ptr[i] == '.') {
        for (i++; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++) digits++;
    }
    if (i != s.len || !digits) return false;
    if (!negative && v == INT64_MIN) return false;
    *ret = negative ? v : -v;
    return true;
}

bool hr_text_to_f64(struct hr_str_view text, double *ret)
{
    static const struct {
        const char *word;
        double value;
    } words[] = {{"inf", INFINITY}, {"+inf", INFINITY}, {"infinity", INFINITY},
                 {"+infinity", INFINITY}, {"-inf", -INFINITY}, {"-infinity", -INFINITY},
                 {"nan", NAN}};
    struct hr_str_view s = trim_java(text);
    if (!s.len) return false;
    if (s.len == 4 && (s.ptr[0] == '-' || s.ptr[0] == '+') && !memcmp(s.ptr + 1, "NaN", 3)) {
        *ret = NAN;
        return true;
    }
    char last = s.ptr[s.len - 1];
    if ((unsigned char)(s.ptr[0] | 32) - 'a' < 26u || (last | 32) == 'y' || (last | 32) == 'f') {
        for (size_t i = 0; i < HR_COUNT(words); i++)
            if (hr_sv_eq_nocase(s, hr_sv(words[i].word))) {
                *ret = words[i].value;
                return true;
            }
    }
    if (s.len > 1 && ((last | 32) == 'd' || (last | 32) == 'f')) s.len--; /* Java's suffixes */
    char first = s.ptr[0] == '+' || s.ptr[0] == '-' ? (s.len > 1 ? s.ptr[1] : 0) : s.ptr[0];
    if (first != '.' && !(first >= '0' && first <= '9')) return false;
    if (memchr(s.ptr, 'x', s.len) || memchr(s.ptr, 'X', s.len)) return false;
    return hr_parse_f64(s, ret);
}

bool hr_text_to_bool(struct hr_str_view text, bool *ret)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"t", true}, {"yes", true}, {"y", true}, {"1", true},
                 {"false", false}, {"f", false}, {"no", false}, {"n", false}, {"0", false}};
    struct hr_str_view s = trim_all(text);
    for (size_t i = 0; i < HR_COUNT(words); i++)
        if (hr_sv_eq_nocase(s, hr_sv(words[i].word))) {
            *ret = words[i].value;
            return true;
        }
    return false;
}

/* A number at *pos; false: none. */
static bool take_number(struct hr_str_view s, size_t *pos, int64_t *ret)
{
    size_t i = *pos;
    int64_t v = 0;
    for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++)
        if (i - *pos > 17 || __builtin_mul_overflow(v, 10, &v) ||
            __builtin_add_overflow(v, s.ptr[i] - '0', &v))
            return false;
    if (i == *pos) return false;
    *pos = i;
    *ret = v;
    return true;
}

static const char *const field_names[] = {"year", "month", "day", "hour", "minute", "second"};

/* Takes the words of the type's fields, "DAY TO SECOND", and nothing else. */
static bool is_fields(struct hr_str_view s, const struct hr_type *type)
{
    char want[32], got[32];
    size_t n = 0;
    bool one = type->start_field == type->end_field;
    snprintf(want, sizeof want, one ? "%s" : "%s to %s", field_names[type->start_field],
             field_names[type->end_field]);
    s = trim_all(s);
    for (size_t i = 0; i < s.len && n < sizeof got - 1; i++) {
        bool blank = (unsigned char)s.ptr[i] <= ' ';
        if (!blank)
            got[n++] = (char)(s.ptr[i] >= 'A' && s.ptr[i] <= 'Z' ? s.ptr[i] | 32 : s.ptr[i]);
        else if (got[n - 1] != ' ')
            got[n++] = ' ';
    }
    return n == strlen(want) && memcmp(got, want, n) == 0;
}

/* Takes "INTERVAL '" … "' DAY TO SECOND" off, where the fields are the type's; the sign is
 * multiplied. false: malformed. */
static bool strip_interval(struct hr_str_view *text, const struct hr_type *type, int *sign)
{
    struct hr_str_view s = trim_all(*text);
    if (s.len > 9 && hr_sv_eq_nocase(hr_svn(s.ptr, 8), hr_sv("interval"))) {
        s = trim_all(hr_svn(s.ptr + 8, s.len - 8));
        if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
            if (s.ptr[0] == '-') *sign = -*sign;
            s = trim_all(hr_svn(s.ptr + 1, s.len - 1));
        }
        const char *end = s.len > 1 && s.ptr[0] == '\'' ? memchr(s.ptr + 1, '\'', s.len - 1) : NULL;
        if (!end || !is_fields(hr_svn(end + 1, (size_t)(s.ptr + s.len - end) - 1), type))
            return false;
        s = hr_svn(s.ptr + 1, (size_t)(end - s.ptr) - 1);
    }
    if (s.len && (s.ptr[0] == '-' || s.ptr[0] == '+')) {
        if (s.ptr[0] == '-') *sign = -*sign;
        s = hr_svn(s.ptr + 1, s.len - 1);
    }
    *text = s;
    return true;
}

static bool take_fraction(struct hr_str_view s, size_t *pos, int64_t *ret_us)
{
    *ret_us = 0;
    if (*pos >= s.len || s.ptr[*pos] != '.') return true;
    int64_t unit = 100000;
    for (++*pos; *pos < s.len && s.ptr[*pos] >= '0' && s.ptr[*pos] <= '9'; ++*pos, unit /= 10)
        *ret_us += (s.ptr[*pos] - '0') * unit;
    return true;
}

bool hr_text_to_interval(struct hr_str_view text, const struct hr_type *type, int64_t *ret)
{
    static const int64_t units[] = {12, 1, HR_US_PER_DAY, HR_US_PER_HOUR, HR_US_PER_MINUTE,
                                    HR_US_PER_SECOND};
    static const char separators[] = {0, '-', 0, ' ', ':', ':'};
    int sign = 1;
    struct hr_str_view s = text;
    if (!strip_interval(&s, type, &sign)) return false;
    size_t pos = 0;
    int64_t total = 0;
    for (int field = type->start_field; field <= type->end_field; field++) {
        int64_t v, us = 0;
        if (field > type->start_field) {
            if (pos >= s.len || s.ptr[pos] != separators[field]) return false;
            pos++;
        }
        if (!take_number(s, &pos, &v)) return false;
        if (field == HR_IV_SECOND && !take_fraction(s, &pos, &us)) return false;
        if (__builtin_mul_overflow(v, units[field], &v) ||
            __builtin_add_overflow(total, v, &total) || __builtin_add_overflow(total, us, &total))
            return false;
    }
    if (pos != s.len) return false;
    *ret = sign * total;
    return true;
}

static bool parse_integral(const struct hr_cast *c, struct hr_str_view s, uint32_t row)
{
    int64_t v;
    if (!hr_text_to_i64(s, c->nulls && !c->is_try, &v)) return false;
    switch (c->to->id) {
    case HR_T_BYTE: HR_OUT(int8_t, c->out)[row] = (int8_t)v; return v == (int8_t)v;
    case HR_T_SHORT: HR_OUT(int16_t, c->out)[row] = (int16_t)v; return v == (int16_t)v;
    case HR_T_INT: HR_OUT(int32_t, c->out)[row] = (int32_t)v; return v == (int32_t)v;
    default: HR_OUT(int64_t, c->out)[row] = v; return true;
    }
}

static bool parse_row(const struct hr_cast *c, struct hr_str_view s, uint32_t row, bool *ret_over)
{
    struct hr_column *out = c->out;
    bool b = false;
    double d = 0;
    int64_t v = 0;
    switch (c->to->id) {
    case HR_T_BOOLEAN:
        if (!hr_text_to_bool(s, &b)) return false;
        hr_out_bool(out, row, b);
        return true;
    case HR_T_FLOAT:
        if (!hr_text_to_f64(s, &d)) return false;
        HR_OUT(float, out)[row] = (float)d;
        return true;
    case HR_T_DOUBLE: return hr_text_to_f64(s, &HR_OUT(double, out)[row]);
    case HR_T_DECIMAL:
        return hr_decimal_parse(trim_java(s), c->to->precision, c->to->scale,
                                &HR_OUT(hr_i128, out)[row], ret_over) && !*ret_over;
    case HR_T_DATE: return hr_parse_date(s, &HR_OUT(int32_t, out)[row]);
    case HR_T_TIMESTAMP:
        return hr_parse_timestamp(s, c->ctx->conf->tz, &HR_OUT(int64_t, out)[row]);
    case HR_T_TIMESTAMP_NTZ: return hr_parse_timestamp_ntz(s, &HR_OUT(int64_t, out)[row]);
    case HR_T_TIME:
        if (!hr_parse_time_of_day(s, &v, &(int){0})) return false;
        HR_OUT(int64_t, out)[row] = hr_time_cut(v, c->to->precision);
        return true;
    case HR_T_INTERVAL_YM:
        if (!hr_text_to_interval(s, c->to, &v) || v != (int32_t)v) return false;
        HR_OUT(int32_t, out)[row] = (int32_t)v;
        return true;
    case HR_T_INTERVAL_DT: return hr_text_to_interval(s, c->to, &HR_OUT(int64_t, out)[row]);
    default: return parse_integral(c, s, row);
    }
}

static hr_status interval_invalid(const struct hr_cast *c, struct hr_str_view text,
                                  struct hr_err *err)
{
    struct hr_arena *arena = c->ctx->arena;
    bool months = c->to->id == HR_T_INTERVAL_YM;
    static const char *const forms[] = {"y", "m", "d", "h", "m", "s.n"};
    static const char separators[] = {0, '-', 0, ' ', ':', ':'};
    char form[32];
    size_t n = (size_t)snprintf(form, sizeof form, "`[+|-]");
    for (int f = c->to->start_field; f <= c->to->end_field; f++)
        n += (size_t)snprintf(form + n, sizeof form - n, "%.1s%s",
                              f > c->to->start_field ? &separators[f] : "", forms[f]);
    snprintf(form + n, sizeof form - n, "`");
    const char *input = hr_arena_strndup(arena, text.ptr, text.len);
    return HR_RAISE(err, months ? HR_E_INVALID_INTERVAL_TEXT : HR_E_INVALID_INTERVAL_TEXT_NOTICE,
                    "input", input ? input : "?", "intervalStr",
                    months ? "year-month" : "day-time", "supportedFormat", form, "typeName",
                    hr_type_quoted(arena, c->to));
}

/* A number that has no room in its type: one of more than 38 digits before the point has none in
 * any; an exponent that is no int is no number to Java. */
static hr_status decimal_over(const struct hr_cast *c, uint32_t row, struct hr_str_view number,
                              struct hr_err *err)
{
    const char *text = hr_arena_strndup(c->ctx->arena, number.ptr, number.len);
    if (!text) return HR_OOM(err);
    const char *e = strpbrk(text, "eE"), *p = text + strspn(text, "+-");
    errno = 0;
    int64_t exponent = e ? strtoll(e + 1, NULL, 10) : 0, digits = 0;
    if (errno || exponent != (int32_t)exponent) return hr_cast_invalid(c, row, err);
    for (p += strspn(p, "0"); *p >= '0' && *p <= '9'; p++) digits++;
    if (digits == 0 && *p == '.') digits = -(int64_t)strspn(p + 1, "0");
    if (digits + exponent > 38)
        return HR_RAISE(err, HR_E_NUMERIC_OUT_OF_SUPPORTED_RANGE, "value", text);
    return hr_raise_decimal_range(text, c->to, err);
}

hr_status hr_cast_from_string(const struct hr_cast *c, struct hr_err *err)
{
    if (hr_type_is_string(c->to)) {
        c->out->values = c->in->col.values;
        return HR_OK;
    }
    HR_EACH_ROW(c->ctx, c->out, row) {
        struct hr_str_view s = hr_arg_str(c->in, row);
        bool over = false;
        if (HR_LIKELY(parse_row(c, s, row, &over))) continue;
        if (c->nulls) {
            hr_out_null(c->out, row);
        } else if (over) {
            return decimal_over(c, row, trim_all(s), err);
        } else {
            return hr_type_is_interval(c->to) ? interval_invalid(c, s, err)
                                              : hr_cast_invalid(c, row, err);
        }
    }
    return HR_OK;
}
