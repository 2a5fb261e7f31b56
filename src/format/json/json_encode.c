/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to JSON lines, as Spark writes them: NULL fields are left out (of structs too; elements of
 * arrays and values of maps stay as null), timestamps as 2024-01-01T00:00:00.000Z in the session's
 * zone, decimals as plain numbers, NaN and infinities as strings, binaries in base64.
 *
 * Each value is appended by the function of its type; text without escapes is copied in runs.
 */
#include "base/decimal.h"
#include "base/utf8.h"
#include "format/json/json.h"

struct json_encoder {
    struct hr_encoder base;
    struct hr_arena arena;
    struct json_options options;
    const struct hr_tz *tz;
    struct hr_time_format *timestamp_format, *timestamp_ntz_format, *date_format;
};

extern const struct hr_format_vt hr_format_json;

static hr_status encoder_setup(struct json_encoder *e, const struct hr_format_args *args,
                               struct hr_err *err)
{
    struct json_options *o = &e->options;
    HR_TRY(hr_options_parse(hr_json_options.specs, hr_json_options.count, args->options, o, err));
    e->tz = args->conf && args->conf->tz ? args->conf->tz : hr_tz_utc();
    if (o->zone && !(e->tz = hr_tz_find(hr_sv(o->zone))))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option timeZone: unknown zone %s", o->zone);
    if (o->timestamp_format)
        HR_TRY(hr_time_format_compile(&e->arena, hr_sv(o->timestamp_format),
                                      &e->timestamp_format, err));
    if (o->timestamp_ntz_format)
        HR_TRY(hr_time_format_compile(&e->arena, hr_sv(o->timestamp_ntz_format),
                                      &e->timestamp_ntz_format, err));
    if (o->date_format)
        HR_TRY(hr_time_format_compile(&e->arena, hr_sv(o->date_format), &e->date_format, err));
    return HR_OK;
}

hr_status hr_json_encoder_open(const struct hr_format_args *args, struct hr_encoder **ret,
                               struct hr_err *err)
{
    struct json_encoder *e = hr_zalloc(sizeof *e);
    if (!e) return HR_OOM(err);
    e->base.vt = &hr_format_json;
    hr_arena_init(&e->arena, args->mem);
    hr_status status = encoder_setup(e, args, err);
    if (status) {
        hr_json_encoder_close(&e->base);
        return status;
    }
    *ret = &e->base;
    return HR_OK;
}

void hr_json_encoder_close(struct hr_encoder *base)
{
    if (!base) return;
    struct json_encoder *e = HR_CONTAINER_OF(base, struct json_encoder, base);
    hr_arena_done(&e->arena);
    hr_free(e);
}

/* 0: as it is; 1: \u00XX; else the letter behind the backslash. */
static const char escapes[256] = {
    [0 ... 31] = 1, ['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't',
    ['"'] = '"',    ['\\'] = '\\'};

static size_t plain_run(const char *p, size_t len)
{
    size_t i = 0;
    for (; i + 8 <= len; i += 8) {
        uint64_t v, quote, slash;
        memcpy(&v, p + i, 8);
        quote = v ^ UINT64_C(0x2222222222222222);
        slash = v ^ UINT64_C(0x5c5c5c5c5c5c5c5c);
        uint64_t hit = (v - UINT64_C(0x2020202020202020)) & ~v;
        hit |= (quote - UINT64_C(0x0101010101010101)) & ~quote;
        hit |= (slash - UINT64_C(0x0101010101010101)) & ~slash;
        if (hit & UINT64_C(0x8080808080808080)) break;
    }
    while (i < len && !escapes[(unsigned char)p[i]]) i++;
    return i;
}

static void put_string(struct hr_buf *out, const char *p, size_t len)
{
    static const char hex[] = "0123456789ABCDEF";
    hr_buf_putc(out, '"');
    for (;;) {
        size_t run = plain_run(p, len);
        if (run) hr_buf_append(out, p, run);
        if (run == len) break;
        unsigned char c = (unsigned char)p[run];
        if (escapes[c] == 1) {
            char text[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
            hr_buf_append(out, text, 6);
        } else {
            hr_buf_putc(out, '\\');
            hr_buf_putc(out, escapes[c]);
        }
        p += run + 1;
        len -= run + 1;
    }
    hr_buf_putc(out, '"');
}

static void put_base64(struct hr_buf *out, const char *p, size_t len)
{
    static const char abc[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *u = (const unsigned char *)p;
    hr_buf_putc(out, '"');
    for (size_t i = 0; i < len; i += 3) {
        uint32_t v = (uint32_t)u[i] << 16;
        if (i + 1 < len) v |= (uint32_t)u[i + 1] << 8;
        if (i + 2 < len) v |= u[i + 2];
        char quad[4] = {abc[v >> 18], abc[v >> 12 & 63], i + 1 < len ? abc[v >> 6 & 63] : '=',
                        i + 2 < len ? abc[v & 63] : '='};
        hr_buf_append(out, quad, 4);
    }
    hr_buf_putc(out, '"');
}

static char *two(char *o, int v)
{
    o[0] = (char)('0' + v / 10);
    o[1] = (char)('0' + v % 10);
    return o + 2;
}

/* 2024-01-31T12:34:56.789, milliseconds always. */
static char *iso_local(char *o, int64_t us)
{
    struct hr_civil c = hr_civil_from_us(us);
    int year = c.year;
    if (year < 0 || year > 9999) {
        *o++ = year < 0 ? '-' : '+';
        if (year < 0) year = -year;
    }
    if (year > 9999) {
        o += hr_format_i64(year, o);
    } else {
        o = two(o, year / 100);
        o = two(o, year % 100);
    }
    *o++ = '-';
    o = two(o, c.month);
    *o++ = '-';
    o = two(o, c.day);
    *o++ = 'T';
    o = two(o, c.hour);
    *o++ = ':';
    o = two(o, c.minute);
    *o++ = ':';
    o = two(o, c.second);
    *o++ = '.';
    int ms = c.us / 1000;
    *o++ = (char)('0' + ms / 100);
    return two(o, ms % 100);
}

static void put_timestamp(struct json_encoder *e, struct hr_buf *out, int64_t us, bool ntz)
{
    const struct hr_time_format *format = ntz ? e->timestamp_ntz_format : e->timestamp_format;
    const struct hr_tz *tz = ntz ? hr_tz_utc() : e->tz;
    int64_t local = ntz ? us : hr_tz_to_local(tz, us);
    if (format) {
        struct hr_buf text = {0};
        hr_time_format_print(format, local, tz, &text);
        put_string(out, text.ptr ? text.ptr : "", text.len);
        out->failed |= text.failed;
        hr_buf_done(&text);
        return;
    }
    char buffer[64], *o = buffer;
    *o++ = '"';
    o = iso_local(o, local);
    if (!ntz) {
        int32_t offset = hr_tz_offset_at(tz, us);
        if (offset == 0) {
            *o++ = 'Z';
        } else {
            int minutes = (offset < 0 ? -offset : offset) / 60;
            *o++ = offset < 0 ? '-' : '+';
            o = two(o, minutes / 60);
            *o++ = ':';
            o = two(o, minutes % 60);
        }
    }
    *o++ = '"';
    hr_buf_append(out, buffer, (size_t)(o - buffer));
}

static void put_date(struct json_encoder *e, struct hr_buf *out, int32_t days)
{
    struct hr_buf text = {0};
    char buffer[48];
    if (e->date_format) {
        hr_time_format_print(e->date_format, days * HR_US_PER_DAY, hr_tz_utc(), &text);
        put_string(out, text.ptr ? text.ptr : "", text.len);
        out->failed |= text.failed;
        hr_buf_done(&text);
        return;
    }
    buffer[0] = '"';
    size_t n = hr_format_date(days, buffer + 1);
    buffer[n + 1] = '"';
    hr_buf_append(out, buffer, n + 2);
}

static void put_double(struct hr_buf *out, double v, const char *text, size_t len)
{
    bool special = v != v || v - v != 0;
    if (special) hr_buf_putc(out, '"');
    hr_buf_append(out, text, len);
    if (special) hr_buf_putc(out, '"');
}

static void put_value(struct json_encoder *e, struct hr_buf *out, const struct hr_column *col,
                      uint32_t row);

static void put_struct(struct json_encoder *e, struct hr_buf *out, const struct hr_type *type,
                       const struct hr_column *columns, uint32_t row)
{
    bool first = true;
    hr_buf_putc(out, '{');
    for (uint32_t i = 0; i < type->field_count; i++) {
        bool valid = type->fields[i].type->id != HR_T_NULL && hr_column_valid(&columns[i], row);
        if (!valid && e->options.ignore_null) continue;
        if (!first) hr_buf_putc(out, ',');
        first = false;
        put_string(out, type->fields[i].name, strlen(type->fields[i].name));
        hr_buf_putc(out, ':');
        if (valid)
            put_value(e, out, &columns[i], row);
        else
            hr_buf_append(out, "null", 4);
    }
    hr_buf_putc(out, '}');
}

static void put_element(struct json_encoder *e, struct hr_buf *out, const struct hr_column *col,
                        uint32_t row)
{
    if (col->type->id != HR_T_NULL && hr_column_valid(col, row))
        put_value(e, out, col, row);
    else
        hr_buf_append(out, "null", 4);
}

static void put_map_key(struct json_encoder *e, struct hr_buf *out, const struct hr_column *col,
                        uint32_t row)
{
    struct hr_buf text = {0};
    hr_column_print(col, row, e->tz, &text);
    put_string(out, text.ptr ? text.ptr : "", text.len);
    out->failed |= text.failed;
    hr_buf_done(&text);
}

static void put_container(struct json_encoder *e, struct hr_buf *out, const struct hr_column *col,
                          uint32_t row)
{
    const int32_t *offsets = col->values;
    bool is_map = col->type->id == HR_T_MAP;
    hr_buf_putc(out, is_map ? '{' : '[');
    for (int32_t i = offsets[row]; i < offsets[row + 1]; i++) {
        if (i > offsets[row]) hr_buf_putc(out, ',');
        if (is_map) {
            put_map_key(e, out, &col->children[0], (uint32_t)i);
            hr_buf_putc(out, ':');
        }
        put_element(e, out, &col->children[is_map], (uint32_t)i);
    }
    hr_buf_putc(out, is_map ? '}' : ']');
}

static void put_number(struct hr_buf *out, const struct hr_column *col, uint32_t row)
{
    char text[64];
    size_t len = 0;
    hr_i128 decimal;
    switch (col->type->id) {
    case HR_T_BYTE: len = hr_format_i64(((const int8_t *)col->values)[row], text); break;
    case HR_T_SHORT: len = hr_format_i64(((const int16_t *)col->values)[row], text); break;
    case HR_T_INT: len = hr_format_i64(((const int32_t *)col->values)[row], text); break;
    case HR_T_LONG: len = hr_format_i64(((const int64_t *)col->values)[row], text); break;
    case HR_T_FLOAT: {
        float v = ((const float *)col->values)[row];
        put_double(out, (double)v, text, hr_format_f32(v, text));
        return;
    }
    case HR_T_DOUBLE: {
        double v = ((const double *)col->values)[row];
        put_double(out, v, text, hr_format_f64(v, text));
        return;
    }
    default:
        memcpy(&decimal, (const char *)col->values + (size_t)row * 16, 16);
        len = hr_decimal_format(decimal, col->type->scale, text);
        break;
    }
    hr_buf_append(out, text, len);
}

static void put_value(struct json_encoder *e, struct hr_buf *out, const struct hr_column *col,
                      uint32_t row)
{
    const struct hr_string *strings = col->values;
    switch (col->type->id) {
    case HR_T_BOOLEAN:
        hr_buf_puts(out, hr_bit_get(col->values, row) ? "true" : "false");
        break;
    case HR_T_STRING:
        put_string(out, hr_string_ptr(&strings[row]), strings[row].len);
        break;
    case HR_T_BINARY: put_base64(out, hr_string_ptr(&strings[row]), strings[row].len); break;
    case HR_T_DATE: put_date(e, out, ((const int32_t *)col->values)[row]); break;
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ:
        put_timestamp(e, out, ((const int64_t *)col->values)[row],
                      col->type->id == HR_T_TIMESTAMP_NTZ);
        break;
    case HR_T_TIME:
    case HR_T_INTERVAL_YM:
    case HR_T_INTERVAL_DT: put_map_key(e, out, col, row); break;
    case HR_T_ARRAY:
    case HR_T_MAP: put_container(e, out, col, row); break;
    case HR_T_STRUCT: put_struct(e, out, col->type, col->children, row); break;
    default: put_number(out, col, row); break;
    }
}

hr_status hr_json_encode(struct hr_encoder *base, const struct hr_batch *batch, struct hr_buf *out,
                         uint64_t *ret_ends, struct hr_err *err)
{
    struct json_encoder *e = HR_CONTAINER_OF(base, struct json_encoder, base);
    const char *sep = e->options.line_sep ? e->options.line_sep : "\n";
    size_t sep_len = strlen(sep);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint32_t row = batch->sel ? batch->sel[i] : i;
        put_struct(e, out, batch->schema, batch->columns, row);
        hr_buf_append(out, sep, sep_len);
        if (ret_ends) ret_ends[i] = out->len;
    }
    return hr_buf_status(out, err);
}
