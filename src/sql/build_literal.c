/* SPDX-License-Identifier: Apache-2.0 */
/* Literals: the values of numbers, strings, hex, DATE and TIMESTAMP texts, as Spark reads them. */
#include <math.h>
#include <stdio.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "base/utf8.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

static struct hr_sql_x literal(struct hr_sql_parser *p, struct hr_expr *x,
                               const struct hr_sql_token *token)
{
    return hr_sql_wrap(p, x, token->pos, token->end, 1);
}

char *hr_sql_ident(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    if (p->status != HR_OK) return NULL;
    char *copy = hr_arena_strndup(p->arena, token->ptr, token->len);
    if (!copy) {
        hr_sql_oom(p);
        return NULL;
    }
    if (token->len < 2 || copy[0] != '`') return copy;
    size_t n = 0;
    for (size_t i = 1; i + 1 < token->len; i++) {
        copy[n++] = copy[i];
        if (copy[i] == '`') i++;
    }
    copy[n] = 0;
    return copy;
}

/* Strings -------------------------------------------------------------------------------------- */

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9') return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* \uXXXX, \UXXXXXXXX at s (behind the letter): the bytes of text used, 0 when it is none. */
static size_t unescape_unicode(const char *s, const char *end, size_t digits, uint32_t *ret)
{
    uint32_t code = 0;
    if ((size_t)(end - s) < digits) return 0;
    for (size_t i = 0; i < digits; i++) {
        int d = hex_digit(s[i]);
        if (d < 0) return 0;
        code = code * 16 + (uint32_t)d;
    }
    if (code > 0x10ffff) return 0;
    *ret = code;
    return digits;
}

static bool is_octal(const char *s, const char *end)
{
    return end - s >= 3 && s[0] >= '0' && s[0] <= '1' && s[1] >= '0' && s[1] <= '7' &&
           s[2] >= '0' && s[2] <= '7';
}

/* What stands behind a backslash at s; writes to *out and returns the bytes of text used. */
static size_t unescape(const char *s, const char *end, char **out)
{
    static const char from[] = "0bnrtZ", to[] = "\0\b\n\r\t\x1a";
    uint32_t code, low;
    size_t n;
    if (is_octal(s, end)) {
        *(*out)++ = (char)((s[0] - '0') * 64 + (s[1] - '0') * 8 + (s[2] - '0'));
        return 3;
    }
    if ((*s == 'u' && (n = unescape_unicode(s + 1, end, 4, &code))) ||
        (*s == 'U' && (n = unescape_unicode(s + 1, end, 8, &code)))) {
        n++;
        if (code >= 0xd800 && code < 0xdc00 && end - (s + n) >= 6 && s[n] == '\\' &&
            s[n + 1] == 'u' && unescape_unicode(s + n + 2, end, 4, &low) && low >= 0xdc00 &&
            low < 0xe000) { /* a surrogate pair */
            code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
            n += 6;
        }
        if (code >= 0xd800 && code < 0xe000) code = '?'; /* Java writes a lone half so */
        *out += hr_utf8_encode(code, *out);
        return n;
    }
    if (*s == '%' || *s == '_') {
        *(*out)++ = '\\'; /* kept for LIKE */
        *(*out)++ = *s;
        return 1;
    }
    const char *known = memchr(from, *s, sizeof from - 1);
    *(*out)++ = known ? to[known - from] : *s;
    return 1;
}

static void append_string(char **out, const struct hr_sql_token *token)
{
    const char *s = token->ptr, *end = token->ptr + token->len - 1;
    bool raw = *s != '\'' && *s != '"';
    if (raw) s++;
    char quote = *s++;
    while (s < end) {
        if (raw) {
            *(*out)++ = *s++;
        } else if (*s == '\\' && s + 1 < end) {
            s++;
            s += unescape(s, end, out);
        } else {
            if (*s == quote) s++; /* doubled */
            *(*out)++ = *s++;
        }
    }
}

struct hr_str_view hr_sql_string(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    if (p->status != HR_OK) return hr_svn("", 0);
    size_t room = 1;
    for (uint32_t i = 0; i < token->count; i++) room += p->raw[token->first + i].len;
    char *bytes = hr_arena_alloc(p->arena, room), *out = bytes;
    if (!bytes) {
        hr_sql_oom(p);
        return hr_svn("", 0);
    }
    for (uint32_t i = 0; i < token->count; i++) append_string(&out, &p->raw[token->first + i]);
    *out = 0;
    return hr_svn(bytes, (size_t)(out - bytes));
}

const char *hr_sql_cstring(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    struct hr_str_view s = hr_sql_string(p, token);
    if (memchr(s.ptr, 0, s.len))
        hr_sql_unsupported(p, token->pos, token->end, "a NUL in this text");
    return s.ptr;
}

/* ('key' 'value'): strings side by side are one literal elsewhere, here the first is the key. */
const char *hr_sql_property_key(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    struct hr_sql_token part = *token;
    part.count = 1;
    const char *key = hr_sql_cstring(p, &part);
    part.first++;
    part.count = token->count - 1;
    p->property_rest = part.count ? hr_sql_cstring(p, &part) : NULL;
    return key;
}

const char *hr_sql_property_value(struct hr_sql_parser *p, const char *value)
{
    if (value && p->property_rest) hr_sql_syntax_error(p, &p->tokens[p->at], NULL);
    if (value) return value;
    return p->property_rest ? p->property_rest : "";
}

struct hr_sql_x hr_sql_string_literal(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    struct hr_str_view s = hr_sql_string(p, token);
    if (p->status != HR_OK) return (struct hr_sql_x){0};
    return literal(p, hr_expr_string(p->arena, s), token);
}

static void invalid_typed(struct hr_sql_parser *p, const struct hr_sql_token *token,
                          const char *type, struct hr_str_view value)
{
    char quoted[160], name[40];
    snprintf(quoted, sizeof quoted, "'%.*s'", (int)HR_MIN(value.len, 120), value.ptr);
    snprintf(name, sizeof name, "\"%s\"", type);
    HR_SQL_RAISE(p, token->pos, token->end, HR_E_INVALID_TYPED_LITERAL, "valueType", name, "value",
                 quoted);
}

/* A literal of a type that expr.h has no constructor for: room for one value. */
static void *new_value(struct hr_sql_parser *p, const struct hr_type *type, struct hr_expr **ret)
{
    struct hr_expr *x = hr_expr_new(p->arena, HR_X_LITERAL);
    struct hr_column *col = HR_NEW(p->arena, struct hr_column);
    if (!x || !col || hr_column_alloc(p->arena, type, 1, false, col, NULL) != HR_OK) {
        hr_sql_oom(p);
        return NULL;
    }
    x->literal = col;
    x->type = type;
    *ret = x;
    return (void *)(uintptr_t)col->values;
}

/* X'1F': an odd number of digits has a zero in front. */
struct hr_sql_x hr_sql_hex(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    if (p->status != HR_OK) return (struct hr_sql_x){0};
    struct hr_str_view text = hr_svn(token->ptr + 2, token->len - 3);
    char *bytes = hr_arena_zalloc(p->arena, text.len / 2 + 1);
    if (!bytes) hr_sql_oom(p);
    size_t odd = text.len % 2;
    for (size_t i = 0; i < text.len && bytes; i++) {
        int d = hex_digit(text.ptr[i]);
        if (d < 0) {
            invalid_typed(p, token, "X", text);
            return (struct hr_sql_x){0};
        }
        size_t at = (i + odd) / 2;
        bytes[at] = (char)((unsigned char)bytes[at] * 16 + d);
    }
    struct hr_expr *x;
    struct hr_string *value = bytes ? new_value(p, hr_type(HR_T_BINARY), &x) : NULL;
    if (!value) return (struct hr_sql_x){0};
    *value = hr_string_make(bytes, (uint32_t)((text.len + odd) / 2));
    return literal(p, x, token);
}

struct hr_sql_x hr_sql_simple(struct hr_sql_parser *p, const struct hr_sql_token *token, int kind)
{
    if (p->status != HR_OK) return (struct hr_sql_x){0};
    struct hr_expr *x = kind < 0 ? hr_expr_null(p->arena, NULL) : hr_expr_bool(p->arena, kind == 1);
    return literal(p, x, token);
}

/* DATE '…', TIMESTAMP '…' in the session's zone. */
struct hr_sql_x hr_sql_typed(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    if (p->status != HR_OK) return (struct hr_sql_x){0};
    const struct hr_sql_token *word = &p->raw[token->first];
    struct hr_sql_token string = p->raw[token->first + 1];
    string.first = token->first + 1;
    string.count = 1;
    struct hr_str_view text = hr_sql_string(p, &string);
    if (p->status != HR_OK) return (struct hr_sql_x){0};
    int64_t us = 0;
    int32_t days = 0;
    bool ok;
    const char *name = "TIMESTAMP";
    const struct hr_type *type = hr_type(HR_T_TIMESTAMP);
    if (hr_sql_word_is(word, "DATE")) {
        name = "DATE";
        type = hr_type(HR_T_DATE);
        ok = hr_parse_date(text, &days);
        us = days;
    } else if (hr_sql_word_is(word, "TIME")) {
        int digits;
        name = "TIME";
        ok = hr_parse_time_of_day(text, &us, &digits);
        if (ok && digits > 9) {
            const char *value = hr_arena_printf(p->arena, "'%.*s'", (int)text.len, text.ptr);
            HR_SQL_RAISE(p, token->pos, token->end, HR_E_INVALID_TIME_LITERAL_PRECISION, "value",
                         value ? value : "?");
            return (struct hr_sql_x){0};
        }
        type = hr_type_time(HR_MAX(HR_TIME_PRECISION, HR_MIN(digits, 9)));
    } else if (hr_sql_word_is(word, "TIMESTAMP_NTZ")) {
        name = "TIMESTAMP_NTZ";
        type = hr_type(HR_T_TIMESTAMP_NTZ);
        ok = hr_parse_timestamp_ntz(text, &us);
    } else {
        ok = hr_parse_timestamp(text, p->tz, &us);
        if (hr_sql_word_is(word, "TIMESTAMP_LTZ")) name = "TIMESTAMP_LTZ";
    }
    if (!ok) {
        invalid_typed(p, token, name, text);
        return (struct hr_sql_x){0};
    }
    return literal(p, hr_expr_int(p->arena, type, us), token);
}

/* Numbers -------------------------------------------------------------------------------------- */

struct number {
    char digits[512]; /* with a sign, NUL-terminated, without suffix */
    char suffix;      /* upper case; 'B' for BD; 0 none */
    bool negative, exponent, point;
};

static bool split_number(const struct hr_sql_token *minus, const struct hr_sql_token *token,
                         struct number *n)
{
    size_t len = token->len, at = 0;
    memset(n, 0, sizeof *n);
    char last = token->ptr[len - 1] & ~0x20;
    if (last == 'D' && (token->ptr[len - 2] & ~0x20) == 'B') {
        n->suffix = 'B';
        len -= 2;
    } else if (last == 'L' || last == 'S' || last == 'Y' || last == 'D' || last == 'F') {
        n->suffix = last;
        len--;
    }
    if (len + 2 > sizeof n->digits) return false;
    n->negative = minus != NULL;
    if (minus) n->digits[at++] = '-';
    for (size_t i = 0; i < len; i++) {
        char c = token->ptr[i];
        n->exponent = n->exponent || (c | 0x20) == 'e';
        n->point = n->point || c == '.';
        n->digits[at++] = c;
    }
    return true;
}

static struct hr_sql_x out_of_range(struct hr_sql_parser *p, const struct hr_sql_token *token,
                                    const struct number *n, const char *type, const char *low,
                                    const char *high)
{
    HR_SQL_RAISE(p, token->pos, token->end, HR_E_INVALID_NUMERIC_LITERAL_RANGE,
                 "rawStrippedQualifier", n->digits, "typeName", type, "minValue", low, "maxValue",
                 high);
    return (struct hr_sql_x){0};
}

static struct hr_sql_x integer(struct hr_sql_parser *p, const struct hr_sql_token *token,
                               const struct number *n)
{
    static const struct {
        char suffix;
        enum hr_type_id id;
        int64_t low, high;
        const char *name, *low_text, *high_text;
    } kinds[] = {
        {'L', HR_T_LONG, INT64_MIN, INT64_MAX, "bigint", "-9223372036854775808",
         "9223372036854775807"},
        {'S', HR_T_SHORT, INT16_MIN, INT16_MAX, "smallint", "-32768", "32767"},
        {'Y', HR_T_BYTE, INT8_MIN, INT8_MAX, "tinyint", "-128", "127"},
    };
    int64_t value;
    bool fits = hr_parse_i64(hr_sv(n->digits), &value);
    for (size_t i = 0; i < HR_COUNT(kinds); i++) {
        if (n->suffix != kinds[i].suffix) continue;
        if (!fits || value < kinds[i].low || value > kinds[i].high)
            return out_of_range(p, token, n, kinds[i].name, kinds[i].low_text, kinds[i].high_text);
        return literal(p, hr_expr_int(p->arena, hr_type(kinds[i].id), value), token);
    }
    bool is_int = value >= INT32_MIN && value <= INT32_MAX;
    return literal(p, hr_expr_int(p->arena, hr_type(is_int ? HR_T_INT : HR_T_LONG), value), token);
}

static struct hr_sql_x floating(struct hr_sql_parser *p, const struct hr_sql_token *token,
                                const struct number *n)
{
    double value;
    if (!hr_parse_f64(hr_sv(n->digits), &value)) value = INFINITY;
    if (n->suffix == 'F') {
        if (!(fabs(value) <= 3.4028234663852886e38))
            return out_of_range(p, token, n, "float", "-3.4028234663852886E+38",
                                "3.4028234663852886E+38");
        struct hr_expr *x;
        float *out = new_value(p, hr_type(HR_T_FLOAT), &x);
        if (!out) return (struct hr_sql_x){0};
        *out = (float)value;
        return literal(p, x, token);
    }
    if (isinf(value))
        return out_of_range(p, token, n, "double", "-1.7976931348623157E+308",
                            "1.7976931348623157E+308");
    return literal(p, hr_expr_double(p->arena, value), token);
}

/* As BigDecimal reads it: precision is the number of digits kept, but not below the scale. */
static struct hr_sql_x decimal(struct hr_sql_parser *p, const struct hr_sql_token *token,
                               const struct number *n)
{
    const char *s = n->digits + n->negative;
    hr_i128 unscaled = 0;
    int digits = 0, scale = 0;
    bool point = false;
    for (; *s && (*s | 0x20) != 'e'; s++) {
        if (*s == '.') {
            point = true;
            continue;
        }
        if (unscaled != 0 || *s != '0') digits++;
        if (digits <= HR_DECIMAL_MAX_PRECISION) unscaled = unscaled * 10 + (*s - '0');
        scale += point;
    }
    int64_t exponent = 0;
    if (*s && !hr_parse_i64(hr_sv(s + 1 + (s[1] == '+')), &exponent)) exponent = 1000;
    if (exponent > 1000 || exponent < -1000) exponent = 1000;
    scale -= (int)exponent;
    for (; scale < 0 && digits <= HR_DECIMAL_MAX_PRECISION; scale++) {
        if (unscaled != 0) digits++;
        if (digits <= HR_DECIMAL_MAX_PRECISION) unscaled *= 10;
        if (unscaled == 0) scale = -1;
    }
    int precision = HR_MAX(HR_MAX(digits, 1), scale);
    if (precision > HR_DECIMAL_MAX_PRECISION || scale < 0) {
        char text[16];
        snprintf(text, sizeof text, "%d", scale < 0 ? digits - scale : precision);
        HR_SQL_RAISE(p, -1, -1, HR_E_DECIMAL_PRECISION, "precision", text, "maxPrecision", "38");
        return (struct hr_sql_x){0};
    }
    if (n->negative) unscaled = -unscaled;
    return literal(p, hr_expr_decimal(p->arena, unscaled, precision, scale), token);
}

struct hr_sql_x hr_sql_number(struct hr_sql_parser *p, const struct hr_sql_token *minus,
                              const struct hr_sql_token *token)
{
    struct number n;
    int64_t value;
    struct hr_sql_x x;
    if (p->status != HR_OK) return (struct hr_sql_x){0};
    if (!split_number(minus, token, &n)) {
        HR_SQL_RAISE(p, token->pos, token->end, HR_E_LIMIT, "what", "the length of a number",
                     "limit", "500 digits");
        return (struct hr_sql_x){0};
    }
    if (n.suffix == 'L' || n.suffix == 'S' || n.suffix == 'Y')
        x = integer(p, token, &n);
    else if (n.suffix == 'D' || n.suffix == 'F' || (n.exponent && n.suffix != 'B'))
        x = floating(p, token, &n);
    else if (!n.point && !n.exponent && !n.suffix && hr_parse_i64(hr_sv(n.digits), &value))
        x = integer(p, token, &n);
    else
        x = decimal(p, token, &n);
    if (minus && x.x) x.pos = x.x->sql_pos = minus->pos;
    return x;
}
