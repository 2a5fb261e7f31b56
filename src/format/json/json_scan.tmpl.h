/* SPDX-License-Identifier: Apache-2.0 */
/* Strings and numbers of the fast parsers, for k_json.c alone. */
#ifndef HR_FORMAT_JSON_JSON_SCAN_TMPL_H
#define HR_FORMAT_JSON_JSON_SCAN_TMPL_H

#include "format/json/json_vector.tmpl.h"

/* --- Strings ---------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 sequence at p (lead ≥ 0x80), 0: invalid. */
static unsigned utf8_sequence(const char *s, const char *end)
{
    const uint8_t *p = (const uint8_t *)s;
    size_t left = (size_t)(end - s);
    unsigned c = p[0], n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    if (c < 0xc2 || c > 0xf4 || left < n) return 0;
    for (unsigned i = 1; i < n; i++)
        if ((p[i] & 0xc0) != 0x80) return 0;
    if (c == 0xe0 && p[1] < 0xa0) return 0;
    if (c == 0xed && p[1] > 0x9f) return 0;
    if (c == 0xf0 && p[1] < 0x90) return 0;
    if (c == 0xf4 && p[1] > 0x8f) return 0;
    return n;
}

/* The closing quote of a string body with something special in it; NULL: damaged. */
static HR_NOINLINE const char *string_end_slow(const char *p, const char *end, bool *ret_escaped)
{
    while (p < end) {
        unsigned char c = (unsigned char)*p;
        if (c == '"') return p;
        if (c == '\\') {
            *ret_escaped = true;
            p += 2;
        } else if (c >= 0x80) {
            unsigned n = utf8_sequence(p, end);
            if (!n) return NULL;
            p += n;
        } else if (c < 0x20) {
            return NULL;
        } else {
            p += first_bit(special(p));
        }
    }
    return NULL;
}

HR_INLINE const char *string_end(const char *p, const char *end, bool *ret_escaped)
{
    unsigned n = first_bit(special(p));
    if (HR_LIKELY(n < VW && p[n] == '"' && p + n < end)) return p + n;
    return string_end_slow(p, end, ret_escaped);
}

/* An escaped or unusual string body [p, q) into its column. */
static HR_NOINLINE bool put_text(struct json_decoder *d, struct json_node *node, uint32_t idx,
                                 const char *p, const char *q, bool escaped)
{
    size_t len = (size_t)(q - p);
    if (escaped) {
        char *out = hr_json_bytes(d, len);
        if (!out || !hr_json_unescape(p, q, false, out, &len)) return false;
        p = out;
    }
    hr_json_put_string(d, node, idx, p, len);
    return !d->mismatch;
}

/* An escape of an unread string still has to be right. */
static HR_NOINLINE bool check_escapes(struct json_decoder *d, const char *p, const char *q)
{
    size_t len;
    char small[256], *out = (size_t)(q - p) <= sizeof small ? small
                                                             : hr_json_bytes(d, (size_t)(q - p));
    return out && hr_json_unescape(p, q, false, out, &len);
}

/* "…:ss.mmmZ" within the remembered minute. */
HR_INLINE bool time_in_minute(const struct json_node *node, const char *p, size_t len,
                              int64_t *ret_us)
{
    if (len < 20 || len > 27 || !node->ts_cached) return false;
    const char *prefix = (const char *)node->ts_prefix;
    if (((load8(p) ^ load8(prefix)) | (load8(p + 8) ^ load8(prefix + 8))) != 0) return false;
    unsigned s10 = (unsigned)(p[17] - '0'), s1 = (unsigned)(p[18] - '0');
    if (p[16] != ':' || s10 > 5 || s1 > 9 || p[len - 1] != 'Z') return false;
    int64_t us = node->ts_base_us + (int64_t)(s10 * 10 + s1) * 1000000;
    if (len > 20) {
        unsigned n = (unsigned)len - 21;
        static const uint32_t scale[7] = {1000000, 100000, 10000, 1000, 100, 10, 1};
        if (p[19] != '.' || n == 0 || digits_at(p + 20) != n) return false;
        us += (int64_t)digits_value(p + 20, n) * scale[n];
    }
    *ret_us = us;
    return true;
}

HR_INLINE bool put_string(struct json_decoder *d, struct json_node *node, uint32_t idx,
                          const char *p, const char *q)
{
    if (HR_LIKELY(node->id == HR_T_STRING)) {
        put_view((struct hr_string *)node->values + idx, p, (uint32_t)(q - p));
        json_mark(node, idx);
        return true;
    }
    if (node->id == HR_T_TIMESTAMP &&
        time_in_minute(node, p, (size_t)(q - p), (int64_t *)node->values + idx)) {
        json_mark(node, idx);
        return true;
    }
    return put_text(d, node, idx, p, q, false);
}

/* --- Numbers ---------------------------------------------------------------------------------- */

static const char *number_end(const char *p, const char *end, bool *ret_integer)
{
#define DIGIT (p < end && (unsigned)(*p - '0') < 10)
    *ret_integer = true;
    if (p < end && *p == '-') p++;
    if (!DIGIT) return NULL;
    if (*p == '0')
        p++;
    else
        while (DIGIT) p++;
    if (p < end && *p == '.') {
        *ret_integer = false;
        p++;
        if (!DIGIT) return NULL;
        while (DIGIT) p++;
    }
    if (p < end && (*p | 32) == 'e') {
        *ret_integer = false;
        p++;
        if (p < end && (*p == '+' || *p == '-')) p++;
        if (!DIGIT) return NULL;
        while (DIGIT) p++;
    }
    return p;
#undef DIGIT
}

static HR_NOINLINE const char *number_slow(struct json_decoder *d, struct json_node *node,
                                           uint32_t idx, const char *p, const char *end)
{
    bool is_integer;
    const char *q = number_end(p, end, &is_integer);
    if (!q || q >= end) return NULL;
    if (node) hr_json_put_number(d, node, idx, p, (size_t)(q - p), is_integer);
    return d->mismatch ? NULL : q;
}

/* mantissa × 10^-fraction of the usual number: few digits, no exponent. */
HR_INLINE bool put_mantissa(struct json_node *node, uint32_t idx, bool negative, uint64_t mantissa,
                            unsigned fraction)
{
    static const double pow10[] = {1e0, 1e1, 1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    static const uint64_t ipow10[] = {1, 10, 100, 1000, 10000, 100000, 1000000, 10000000,
                                      100000000, 1000000000, 10000000000, 100000000000,
                                      1000000000000, 10000000000000, 100000000000000,
                                      1000000000000000};
    int64_t v = negative ? -(int64_t)mantissa : (int64_t)mantissa;
    switch (node->id) {
    case HR_T_LONG:
        if (fraction) return false;
        ((int64_t *)node->values)[idx] = v;
        break;
    case HR_T_INT:
        if (fraction || v != (int32_t)v) return false;
        ((int32_t *)node->values)[idx] = (int32_t)v;
        break;
    case HR_T_DOUBLE: {
        if (mantissa >> 53) return false;
        double real = (double)mantissa / pow10[fraction];
        ((double *)node->values)[idx] = negative ? -real : real;
        break;
    }
    case HR_T_DECIMAL: {
        unsigned scale = node->type->scale;
        if (fraction > scale || scale - fraction > 15) return false;
        hr_u128 unscaled = (hr_u128)mantissa * ipow10[scale - fraction];
        unsigned whole = node->type->precision;
        if (whole <= 15 ? unscaled >= ipow10[whole] : unscaled >> 49) return false;
        hr_i128 out = negative ? -(hr_i128)unscaled : (hr_i128)unscaled;
        memcpy((char *)node->values + (size_t)idx * 16, &out, 16);
        break;
    }
    default: return false;
    }
    json_mark(node, idx);
    return true;
}

/* A number at p; its end, or NULL. */
HR_INLINE const char *number(struct json_decoder *d, struct json_node *node, uint32_t idx,
                             const char *p, const char *end)
{
    bool negative = *p == '-';
    const char *start = p + negative, *q;
    unsigned n = digits_at(start), fraction = 0;
    if (HR_UNLIKELY(n - 1 >= 15 || (n > 1 && *start == '0')))
        return number_slow(d, node, idx, p, end);
    q = start + n;
    uint64_t mantissa = digits_value(start, n);
    if (*q == '.') {
        fraction = digits_at(q + 1);
        if (fraction == 0 || n + fraction > 15) return number_slow(d, node, idx, p, end);
        uint64_t scale = 1;
        for (unsigned i = 0; i < fraction; i++) scale *= 10;
        mantissa = mantissa * scale + digits_value(q + 1, fraction);
        q += fraction + 1;
    }
    if (HR_UNLIKELY((*q | 32) == 'e' || q >= end)) return number_slow(d, node, idx, p, end);
    if (node && !put_mantissa(node, idx, negative, mantissa, fraction))
        return number_slow(d, node, idx, p, end);
    return q;
}

#endif
