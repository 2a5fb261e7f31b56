/* SPDX-License-Identifier: Apache-2.0 */
/* format_string and printf in the manner of Java's Formatter: its flags, which of them go together
 * and with what, and its rounding (half up, of the shortest digits that mean the number). */
#include <math.h>
#include <stdio.h>

#include "base/utf8.h"
#include "expr/functions/array.h"
#include "expr/functions/functions.h"
#include "expr/functions/java_digits.h"
#include "expr/functions/java_format.h"
#include "expr/internal.h"
#include "expr/spark_hash.h"

#define PRECISION_MAX 1000
#define WIDTH_MAX 1000000

/* ddd.ddd with so many digits behind the point. */
static void put_fixed(struct hr_buf *out, double v, int precision, bool group)
{
    struct hr_java_digits x;
    hr_java_digits_f64(v, &x);
    hr_java_digits_half_up(&x, x.exponent + precision);
    for (int i = HR_MIN(0, x.exponent - 1); i < x.exponent; i++) {
        if (i < 0 && x.exponent > 0) continue;
        int left = x.exponent - i - 1;
        if (x.exponent <= 0) {
            hr_buf_putc(out, '0');
            break;
        }
        hr_buf_putc(out, i < x.count ? x.d[i] : '0');
        if (group && left && left % 3 == 0) hr_buf_putc(out, ',');
    }
    if (precision > 0) hr_buf_putc(out, '.');
    for (int i = 0; i < precision; i++) {
        int at = x.exponent + i;
        hr_buf_putc(out, at >= 0 && at < x.count ? x.d[at] : '0');
    }
}

static void put_scientific(struct hr_buf *out, double v, int precision)
{
    struct hr_java_digits x;
    hr_java_digits_f64(v, &x);
    hr_java_digits_half_up(&x, precision + 1);
    int exponent = v == 0 ? 0 : x.exponent - 1;
    hr_buf_putc(out, x.d[0]);
    if (precision > 0) hr_buf_putc(out, '.');
    hr_buf_append(out, x.d + 1, (size_t)precision);
    hr_buf_printf(out, "e%c%02d", exponent < 0 ? '-' : '+', abs(exponent));
}

static void put_general(struct hr_buf *out, double v, int precision, bool group)
{
    struct hr_java_digits x;
    if (precision == 0) precision = 1;
    hr_java_digits_f64(v, &x);
    hr_java_digits_half_up(&x, precision);
    if (v == 0)
        put_fixed(out, v, precision - 1, group);
    else if (x.exponent > -4 && x.exponent <= precision)
        put_fixed(out, v, precision - x.exponent, group);
    else
        put_scientific(out, v, precision - 1);
}

/* --- format_string
 * -------------------------------------------------------------------------------*/

struct spec {
    int width, precision; /* -1: none */
    char conversion;      /* lower case */
    bool upper, left, plus, space, zero, group, parens, alternate, last;
};

static bool *flag_of(struct spec *s, char c)
{
    switch (c) {
    case '-': return &s->left;
    case '+': return &s->plus;
    case ' ': return &s->space;
    case '0': return &s->zero;
    case ',': return &s->group;
    case '(': return &s->parens;
    case '#': return &s->alternate;
    case '<': return &s->last;
    default: return NULL;
    }
}

static bool number_at(struct hr_str_view f, size_t *i, int *ret)
{
    int64_t n = 0;
    size_t from = *i;
    for (; *i < f.len && f.ptr[*i] >= '0' && f.ptr[*i] <= '9'; ++*i)
        n = HR_MIN(n * 10 + f.ptr[*i] - '0', (int64_t)WIDTH_MAX + 1);
    *ret = (int)n;
    return *i > from;
}

/* Whether the flags go together, and with the conversion. */
static bool flags_fit(const struct spec *s)
{
    bool number = strchr("defg", s->conversion) != NULL;
    if ((s->left || s->zero) && s->width < 0) return false;
    if ((s->left && s->zero) || (s->plus && s->space)) return false;
    if ((s->plus || s->space || s->parens) && !number) return false;
    if (s->group && (!number || s->conversion == 'e')) return false;
    if (s->zero && !number && !strchr("xo", s->conversion)) return false;
    if (s->alternate && !strchr("xoef", s->conversion)) return false;
    if (s->precision >= 0 && strchr("dxoc%n", s->conversion)) return false;
    return s->conversion != 'n' || (s->width < 0 && !s->left);
}

/* Parses what follows a '%'; false: not a format. *ret_arg 0: the next one. */
static bool parse_spec(struct hr_str_view f, size_t *pos, struct spec *ret, int *ret_arg)
{
    struct spec s = {.width = -1, .precision = -1};
    size_t i = *pos, start = i;
    *ret_arg = 0;
    if (!number_at(f, &i, ret_arg) || i >= f.len || f.ptr[i] != '$' || f.ptr[start] == '0') {
        i = start;
        *ret_arg = 0;
    } else {
        i++;
    }
    for (bool *flag; i < f.len && (flag = flag_of(&s, f.ptr[i])); i++) {
        if (*flag) return false;
        *flag = true;
    }
    int n;
    if (number_at(f, &i, &n)) s.width = n;
    if (i < f.len && f.ptr[i] == '.') {
        i++;
        if (!number_at(f, &i, &s.precision)) return false;
    }
    if (i >= f.len || s.width > WIDTH_MAX || s.precision > PRECISION_MAX) return false;
    char c = f.ptr[i++];
    s.upper = c >= 'A' && c <= 'Z';
    s.conversion = s.upper ? (char)(c + 32) : c;
    *pos = i;
    *ret = s;
    bool known = s.upper ? strchr("SXEGBHC", c) != NULL : strchr("sdxofegbhcn%", c) != NULL;
    return known && flags_fit(&s);
}

static void put_padded(struct hr_buf *buf, const struct spec *s, struct hr_str_view text)
{
    size_t len = text.len;
    if (s->precision >= 0) len = hr_utf8_offset(text.ptr, text.len, (size_t)s->precision);
    int64_t missing = s->width - (int64_t)hr_utf8_count(text.ptr, len);
    if (!s->left)
        for (int64_t i = 0; i < missing; i++) hr_buf_putc(buf, ' ');
    if (s->upper)
        hr_text_case(buf, hr_svn(text.ptr, len), true);
    else
        hr_buf_append(buf, text.ptr, len);
    if (s->left)
        for (int64_t i = 0; i < missing; i++) hr_buf_putc(buf, ' ');
}

/* A number's digits with sign, parentheses, zeros and padding around them. */
static void put_signed(struct hr_buf *buf, const struct spec *s, bool negative,
                       struct hr_str_view digits, bool zeros)
{
    struct hr_buf text = {0};
    bool around = negative && s->parens;
    struct spec outer = {.width = s->width, .precision = -1, .left = s->left, .upper = s->upper};
    if (around)
        hr_buf_putc(&text, '(');
    else if (negative)
        hr_buf_putc(&text, '-');
    else if (s->plus || s->space)
        hr_buf_putc(&text, s->plus ? '+' : ' ');
    int64_t have = (int64_t)(text.len + digits.len) + around;
    if (s->zero && zeros)
        for (; have < s->width; have++) hr_buf_putc(&text, '0');
    hr_buf_put_sv(&text, digits);
    if (around) hr_buf_putc(&text, ')');
    put_padded(buf, &outer, hr_svn(text.ptr, text.len));
    if (text.failed) buf->failed = true;
    hr_buf_done(&text);
}

static void put_integer(struct hr_buf *buf, const struct spec *s, int64_t v, int bytes)
{
    char text[32];
    struct hr_buf digits = {0};
    bool decimal = s->conversion == 'd', negative = decimal && v < 0;
    uint64_t u = negative ? 0 - (uint64_t)v : (uint64_t)v;
    if (!decimal && bytes < 8) u &= (1ull << (bytes * 8)) - 1;
    const char *format = decimal ? "%llu" : s->conversion == 'x' ? "%llx" : "%llo";
    int n = snprintf(text, sizeof text, format, (unsigned long long)u);
    if (!decimal && s->alternate) hr_buf_puts(&digits, s->conversion == 'x' ? "0x" : "0");
    if (!decimal && s->zero)
        for (int64_t k = n + (int64_t)digits.len; k < s->width; k++) hr_buf_putc(&digits, '0');
    for (int i = 0; i < n; i++) {
        if (s->group && i && (n - i) % 3 == 0) hr_buf_putc(&digits, ',');
        hr_buf_putc(&digits, text[i]);
    }
    put_signed(buf, s, negative, hr_svn(digits.ptr, digits.len), decimal);
    if (digits.failed) buf->failed = true;
    hr_buf_done(&digits);
}

static void put_real(struct hr_buf *buf, const struct spec *s, double v)
{
    struct hr_buf digits = {0};
    int precision = s->precision < 0 ? 6 : s->precision;
    bool finite = isfinite(v);
    if (isnan(v))
        hr_buf_puts(&digits, "NaN");
    else if (!finite)
        hr_buf_puts(&digits, "Infinity");
    else if (s->conversion == 'f')
        put_fixed(&digits, v, precision, s->group);
    else if (s->conversion == 'e')
        put_scientific(&digits, v, precision);
    else
        put_general(&digits, v, precision, s->group);
    if (finite && s->alternate && !precision) hr_buf_putc(&digits, '.');
    struct spec plain = *s;
    if (isnan(v)) plain.plus = plain.space = false;
    put_signed(buf, &plain, signbit(v) && !isnan(v), hr_svn(digits.ptr, digits.len), finite);
    if (digits.failed) buf->failed = true;
    hr_buf_done(&digits);
}

static void print_list(const struct hr_conf *conf, const struct hr_column *col, uint32_t from,
                       uint32_t to, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    for (uint32_t i = from; i < to; i++) {
        if (i > from) hr_buf_putc(out, ',');
        hr_java_print_row(conf, col, i, out);
    }
    hr_buf_putc(out, ']');
}

void hr_java_print_row(const struct hr_conf *conf, const struct hr_column *col, uint32_t row,
                       struct hr_buf *out)
{
    const struct hr_type *t = col->type;
    struct hr_vector v = {.col = *col};
    uint32_t from, to;
    if (t->id == HR_T_NULL || !hr_column_valid(col, row)) {
        hr_buf_puts(out, "null");
    } else if (t->id == HR_T_ARRAY || t->id == HR_T_MAP) {
        hr_list_range(&v, row, &from, &to);
        if (t->id == HR_T_MAP) hr_buf_puts(out, "keys: ");
        print_list(conf, &col->children[0], from, to, out);
        if (t->id == HR_T_MAP) hr_buf_puts(out, ", values: ");
        if (t->id == HR_T_MAP) print_list(conf, &col->children[1], from, to, out);
    } else if (t->id == HR_T_STRUCT) {
        hr_buf_putc(out, '[');
        for (uint32_t f = 0; f < t->field_count; f++) {
            if (f) hr_buf_putc(out, ',');
            hr_java_print_row(conf, &col->children[f], row, out);
        }
        hr_buf_putc(out, ']');
    } else if (hr_type_is_datetime(t) || hr_type_is_interval(t)) {
        hr_buf_put_i64(out, hr_arg_i64(&v, row));
    } else {
        hr_column_print(col, row, conf->tz, out);
    }
}

/* %h: hashCode of the Java object that Spark hands on; false where that differs with every run. */
static bool print_hash(const struct hr_column *col, uint32_t row, struct hr_buf *text)
{
    struct hr_vector v = {.col = *col};
    uint64_t bits;
    double d;
    float f;
    switch (col->type->id) {
    case HR_T_STRING: bits = hr_spark_murmur3(col, row, 42); break;
    case HR_T_BOOLEAN: bits = hr_arg_bool(&v, row) ? 1231 : 1237; break;
    case HR_T_FLOAT:
        f = (float)hr_arg_f64(&v, row);
        memcpy(&bits, &f, sizeof f);
        bits &= UINT32_MAX;
        break;
    case HR_T_DOUBLE:
        d = hr_arg_f64(&v, row);
        memcpy(&bits, &d, sizeof d);
        bits ^= bits >> 32;
        break;
    default:
        if (!hr_type_is_integral(col->type) && !hr_type_is_datetime(col->type) &&
            !hr_type_is_interval(col->type))
            return false;
        bits = (uint64_t)hr_arg_i64(&v, row);
        if (hr_type_width(col->type) == 8) bits ^= bits >> 32;
    }
    hr_buf_printf(text, "%x", (uint32_t)bits);
    return true;
}

/* %c: a code point. %b, %h: what Java says of the value. False: not of this type. */
static bool print_other(struct hr_eval_ctx *ctx, const struct spec *s, const struct hr_vector *v,
                        uint32_t row, struct hr_buf *text)
{
    enum hr_type_id id = v->col.type->id;
    bool null = !hr_arg_valid(v, row);
    if (s->conversion == 'b') {
        bool yes = !null && (id != HR_T_BOOLEAN || hr_arg_bool(v, row));
        hr_buf_puts(text, yes ? "true" : "false");
        return true;
    }
    if (null) {
        hr_buf_puts(text, "null");
        return true;
    }
    if (s->conversion == 'c') {
        bool small = hr_type_is_integral(v->col.type) && id != HR_T_LONG;
        int64_t c = small ? hr_arg_i64(v, row) : -1;
        char bytes[4];
        if (c < 0 || c > 0x10ffff) return false;
        hr_buf_append(text, bytes, hr_utf8_encode((uint32_t)c, bytes));
        return true;
    }
    if (s->conversion == 'h') return print_hash(&v->col, hr_vector_row(v, row), text);
    hr_java_print_row(ctx->conf, &v->col, hr_vector_row(v, row), text);
    return true;
}

static bool put_argument(struct hr_eval_ctx *ctx, struct hr_buf *buf, const struct spec *s,
                         const struct hr_vector *v, uint32_t row)
{
    const struct hr_type *t = v->col.type;
    bool real = t->id == HR_T_FLOAT || t->id == HR_T_DOUBLE;
    bool integral = hr_type_is_integral(t) || hr_type_is_datetime(t) || hr_type_is_interval(t);
    if (hr_arg_valid(v, row) && strchr("dxo", s->conversion)) {
        if (integral) put_integer(buf, s, hr_arg_i64(v, row), (int)hr_type_width(t));
        return integral;
    }
    if (hr_arg_valid(v, row) && strchr("feg", s->conversion)) {
        if (real) put_real(buf, s, hr_arg_f64(v, row));
        return real;
    }
    struct hr_buf text = {0};
    bool ok = print_other(ctx, s, v, row, &text);
    if (ok) put_padded(buf, s, hr_svn(text.ptr, text.len));
    if (text.failed) buf->failed = true;
    hr_buf_done(&text);
    return ok;
}

/* One row; false: the format does not fit its arguments. */
static bool format_row(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                       const struct hr_vector *args, uint32_t row, struct hr_buf *buf)
{
    struct hr_str_view f = hr_arg_str(&args[0], row);
    uint32_t next = 1, last = 0;
    for (size_t i = 0; i < f.len;) {
        struct spec s;
        int at;
        char c = f.ptr[i++];
        if (c != '%') {
            hr_buf_putc(buf, c);
            continue;
        }
        if (!parse_spec(f, &i, &s, &at)) return false;
        if (s.conversion == '%') {
            put_padded(buf, &s, hr_sv("%"));
        } else if (s.conversion == 'n') {
            hr_buf_putc(buf, '\n');
        } else {
            last = s.last ? last : at ? (uint32_t)at : next++;
            if (!last || last >= call->arg_count ||
                !put_argument(ctx, buf, &s, &args[last], row))
                return false;
        }
    }
    return true;
}

hr_status hr_fn_format_string(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) if (!hr_arg_valid(&args[0], row)) hr_out_null(out, row);
    HR_TEXT_ROWS({
        if (!format_row(ctx, call, args, row, &buf)) {
            struct hr_str_view f = hr_arg_str(&args[0], row);
            if (memmem(f.ptr, f.len, "%0$", 3)) {
                status_ = HR_RAISE(err, HR_E_ZERO_FORMAT_INDEX, "parameter", "`strfmt`",
                                   "functionName", "`format_string`");
                break;
            }
            status_ = HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                              "the format '%.*s' does not fit its arguments", (int)f.len, f.ptr);
            break;
        }
    });
}
