/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One JSON value to one column, by Spark's rules: numbers and other values become text in STRING
 * columns exactly as written, integers become TIMESTAMPs as seconds, strings become numbers only
 * where they say NaN or infinity, and so on. What does not fit leaves the column NULL and the
 * record is a partial result (d->mismatch).
 */
#include "base/decimal.h"
#include "base/utf8.h"
#include "expr/read_text.h"
#include "format/json/json.h"

static void mismatch(struct json_decoder *d)
{
    d->mismatch = true;
}

static bool fits(enum hr_type_id id, int64_t v)
{
    switch (id) {
    case HR_T_BYTE: return v >= INT8_MIN && v <= INT8_MAX;
    case HR_T_SHORT: return v >= INT16_MIN && v <= INT16_MAX;
    case HR_T_INT: return v >= INT32_MIN && v <= INT32_MAX;
    default: return true;
    }
}

static void store_int(struct json_node *node, uint32_t idx, int64_t v)
{
    switch (node->id) {
    case HR_T_BYTE: ((int8_t *)node->values)[idx] = (int8_t)v; break;
    case HR_T_SHORT: ((int16_t *)node->values)[idx] = (int16_t)v; break;
    case HR_T_INT:
    case HR_T_DATE: ((int32_t *)node->values)[idx] = (int32_t)v; break;
    default: ((int64_t *)node->values)[idx] = v; break;
    }
    json_mark(node, idx);
}

static void store_double(struct json_node *node, uint32_t idx, double v)
{
    if (node->id == HR_T_FLOAT)
        ((float *)node->values)[idx] = (float)v;
    else
        ((double *)node->values)[idx] = v;
    json_mark(node, idx);
}

static void store_string(struct json_node *node, uint32_t idx, const char *text, size_t len)
{
    ((struct hr_string *)node->values)[idx] = hr_string_make(text, (uint32_t)len);
    json_mark(node, idx);
}

static void store_decimal(struct json_node *node, uint32_t idx, hr_i128 v)
{
    memcpy((char *)node->values + (size_t)idx * sizeof v, &v, sizeof v);
    json_mark(node, idx);
}

static void put_decimal(struct json_decoder *d, struct json_node *node, uint32_t idx,
                        struct hr_str_view text)
{
    hr_i128 v;
    bool overflow = false;
    if (!hr_decimal_parse(text, node->type->precision, node->type->scale, &v, &overflow) ||
        overflow) {
        mismatch(d);
        return;
    }
    store_decimal(node, idx, v);
}

/* A valid JSON number as the nearest double; beyond its range: infinity. */
static double number_value(const char *text, size_t len)
{
    double v;
    if (hr_parse_f64(hr_svn(text, len), &v)) return v;
    char copy[512];
    if (len >= sizeof copy) len = sizeof copy - 1; /* digits that far do not matter */
    memcpy(copy, text, len);
    copy[len] = 0;
    return strtod(copy, NULL);
}

void hr_json_put_number(struct json_decoder *d, struct json_node *node, uint32_t idx,
                        const char *text, size_t len, bool is_integer)
{
    struct hr_str_view view = hr_svn(text, len);
    int64_t v;
    switch (node->id) {
    case HR_T_STRING: hr_json_put_raw(d, node, idx, text, len); return;
    case HR_T_BYTE:
    case HR_T_SHORT:
    case HR_T_INT:
    case HR_T_LONG:
        if (is_integer && hr_parse_i64(view, &v) && fits(node->id, v)) {
            store_int(node, idx, v);
            return;
        }
        break;
    case HR_T_FLOAT:
    case HR_T_DOUBLE: store_double(node, idx, number_value(text, len)); return;
    case HR_T_DECIMAL: put_decimal(d, node, idx, view); return;
    case HR_T_TIMESTAMP:
        if (is_integer && hr_parse_i64(view, &v) && v <= INT64_MAX / HR_US_PER_SECOND &&
            v >= INT64_MIN / HR_US_PER_SECOND) {
            store_int(node, idx, v * HR_US_PER_SECOND);
            return;
        }
        break;
    default: break;
    }
    mismatch(d);
}

static bool special_double(struct hr_str_view text, double *ret)
{
    static const struct {
        const char *text;
        double value;
    } names[] = {{"NaN", __builtin_nan("")},        {"Infinity", __builtin_inf()},
                 {"+Infinity", __builtin_inf()},    {"INF", __builtin_inf()},
                 {"+INF", __builtin_inf()},         {"-Infinity", -__builtin_inf()},
                 {"-INF", -__builtin_inf()}};
    for (size_t i = 0; i < HR_COUNT(names); i++) {
        if (hr_sv_eq(text, hr_sv(names[i].text))) {
            *ret = names[i].value;
            return true;
        }
    }
    return false;
}

static bool parse_time(struct json_decoder *d, enum hr_type_id id, struct hr_str_view text,
                       int64_t *ret)
{
    int32_t days;
    switch (id) {
    case HR_T_DATE:
        if (d->date_format) {
            if (!hr_time_format_parse(d->date_format, text, hr_tz_utc(), ret)) return false;
            *ret = *ret >= 0 ? *ret / HR_US_PER_DAY : -((HR_US_PER_DAY - 1 - *ret) / HR_US_PER_DAY);
            return true;
        }
        if (!hr_parse_date(text, &days)) return false;
        *ret = days;
        return true;
    case HR_T_TIMESTAMP:
        if (d->timestamp_format)
            return hr_time_format_parse(d->timestamp_format, text, d->tz, ret);
        return hr_parse_timestamp(text, d->tz, ret);
    case HR_T_TIME: return hr_parse_time_of_day(text, ret, &(int){0});
    default:
        if (d->timestamp_ntz_format)
            return hr_time_format_parse(d->timestamp_ntz_format, text, hr_tz_utc(), ret);
        return hr_read_timestamp_ntz(text, ret);
    }
}

/* "YYYY-MM-DDThh:mm" in front, then only ":ss…": remember the minute for the fast path. */
static void remember_minute(struct json_decoder *d, struct json_node *node, const char *text,
                            size_t len, int64_t us)
{
    if (d->timestamp_format || len < 20 || text[len - 1] != 'Z' || text[16] != ':' ||
        text[10] != 'T' || text[4] != '-' || text[7] != '-' || text[13] != ':' || us < 0)
        return;
    int64_t rest = us % HR_US_PER_MINUTE;
    memcpy(node->ts_prefix, text, 16);
    node->ts_base_us = us - rest;
    node->ts_cached = true;
}

static void put_base64(struct json_decoder *d, struct json_node *node, uint32_t idx,
                       const char *text, size_t len)
{
    char *bytes = hr_json_bytes(d, len);
    size_t n = 0;
    if (bytes && hr_json_base64_decode(text, len, bytes, &n))
        store_string(node, idx, bytes, n);
    else
        mismatch(d);
}

void hr_json_put_string(struct json_decoder *d, struct json_node *node, uint32_t idx,
                        const char *text, size_t len)
{
    struct hr_str_view view = hr_svn(text, len);
    double number;
    int64_t us;
    hr_i128 decimal;
    switch (node->id) {
    case HR_T_STRING: store_string(node, idx, text, len); return;
    case HR_T_BINARY: put_base64(d, node, idx, text, len); return;
    case HR_T_FLOAT:
    case HR_T_DOUBLE:
        if (special_double(view, &number)) {
            store_double(node, idx, number);
            return;
        }
        break;
    case HR_T_DECIMAL:
        if (hr_read_decimal(view, node->type, &decimal)) {
            store_decimal(node, idx, decimal);
            return;
        }
        break;
    case HR_T_DATE:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
    case HR_T_TIME:
        if (len && parse_time(d, node->id, view, &us)) {
            store_int(node, idx, us);
            if (node->id == HR_T_TIMESTAMP) remember_minute(d, node, text, len, us);
            return;
        }
        break;
    default: break;
    }
    mismatch(d);
}

void hr_json_put_bool(struct json_decoder *d, struct json_node *node, uint32_t idx, bool value,
                      const char *text, size_t len)
{
    if (node->id == HR_T_BOOLEAN) {
        ((uint8_t *)node->values)[idx] = value;
        json_mark(node, idx);
    } else if (node->id == HR_T_STRING) {
        hr_json_put_raw(d, node, idx, text, len);
    } else {
        mismatch(d);
    }
}

void hr_json_put_raw(struct json_decoder *d, struct json_node *node, uint32_t idx,
                     const char *text, size_t len)
{
    if (node->id == HR_T_STRING)
        store_string(node, idx, text, len);
    else
        mismatch(d);
}

bool hr_json_base64_decode(const char *text, size_t len, char *out, size_t *ret_len)
{
    uint32_t acc = 0, bits = 0;
    size_t n = 0, i = 0;
    while (len > 0 && i < 2 && text[len - 1] == '=') {
        len--;
        i++;
    }
    if (len % 4 == 1) return false;
    for (i = 0; i < len; i++) {
        int c = (unsigned char)text[i], v;
        if (c >= 'A' && c <= 'Z') v = c - 'A';
        else if (c >= 'a' && c <= 'z') v = c - 'a' + 26;
        else if (c >= '0' && c <= '9') v = c - '0' + 52;
        else if (c == '+') v = 62;
        else if (c == '/') v = 63;
        else return false;
        acc = acc << 6 | (uint32_t)v;
        bits += 6;
        if (bits >= 8) {
            bits -= 8;
            out[n++] = (char)(acc >> bits);
        }
    }
    *ret_len = n;
    return true;
}
