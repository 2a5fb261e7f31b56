/* SPDX-License-Identifier: Apache-2.0 */
/* The small parsers of base and column: numbers, decimals, durations, times, zones, date-time
 * patterns, types. What they accept must print and read back as the same value. The first byte
 * picks the parser. */
#include "base/decimal.h"
#include "base/tz.h"
#include "base/utf8.h"
#include "column/type_parse.h"

static void check(bool good)
{
    if (!good) __builtin_trap();
}

static void decimals(struct hr_str_view s)
{
    hr_i128 v = 0, back = 0;
    bool overflow;
    char text[64];
    if (!hr_decimal_parse(s, 38, 10, &v, &overflow) || overflow) return;
    size_t n = hr_decimal_format(v, 10, text);
    check(hr_decimal_parse(hr_svn(text, n), 38, 10, &back, &overflow) && !overflow && back == v);
}

static void floats(struct hr_str_view s)
{
    double v = 0, back = 0;
    char text[40];
    if (!hr_parse_f64(s, &v)) return;
    size_t n = hr_format_f64(v, text);
    check(n <= 32 && hr_parse_f64(hr_svn(text, n), &back) && (back == v || v != v));
}

static void times(struct hr_str_view s)
{
    int64_t us = 0, back = 0;
    int32_t days = 0, days_back = 0;
    char text[48];
    if (hr_parse_date(s, &days)) {
        size_t n = hr_format_date(days, text);
        check(n <= 40 && hr_parse_date(hr_svn(text, n), &days_back) && days_back == days);
    }
    if (hr_parse_timestamp(s, hr_tz_utc(), &us)) {
        size_t n = hr_format_timestamp(us, hr_tz_utc(), text);
        check(n <= 40 && hr_parse_timestamp(hr_svn(text, n), hr_tz_utc(), &back) && back == us);
    }
    (void)hr_parse_timestamp_ntz(s, &us);
    (void)hr_parse_duration(s, &us);
    (void)hr_parse_bytes(s, &us);
}

/* A pattern up to the first NUL, the text behind it. */
static void patterns(struct hr_str_view s)
{
    struct hr_arena arena = {0};
    struct hr_time_format *format;
    struct hr_buf buf = {0};
    int64_t us = 0;
    const char *nul = s.len ? memchr(s.ptr, '\0', s.len) : NULL;
    size_t n = nul ? (size_t)(nul - s.ptr) : s.len;
    struct hr_str_view text = nul ? hr_svn(nul + 1, s.len - n - 1) : hr_sv("2024-01-01");
    if (hr_time_format_compile(&arena, hr_svn(s.ptr, n), &format, NULL) == HR_OK) {
        if (hr_time_format_parse(format, text, hr_tz_utc(), &us))
            hr_time_format_print(format, us, hr_tz_utc(), &buf);
        hr_time_format_print(format, -1, hr_tz_find(hr_sv("Asia/Kolkata")), &buf);
    }
    hr_buf_done(&buf);
    hr_arena_done(&arena);
}

static void utf8(struct hr_str_view s)
{
    struct hr_buf buf = {0};
    size_t count = hr_utf8_count(s.ptr, s.len);
    check(count <= s.len && hr_utf8_offset(s.ptr, s.len, count) == s.len);
    hr_buf_put_json(&buf, s);
    check(hr_utf8_valid(buf.ptr, buf.len));
    hr_buf_done(&buf);
}

static void types(struct hr_str_view s)
{
    struct hr_arena arena = {0};
    const struct hr_type *type = NULL, *back = NULL;
    if (hr_type_parse(s, &type, NULL) == HR_OK) {
        const char *text = hr_type_sql(&arena, type);
        check(hr_type_parse(hr_sv(text), &back, NULL) == HR_OK && hr_type_same(back, type));
    }
    hr_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static void (*const parsers[])(struct hr_str_view) = {decimals, floats, times,
                                                          patterns, utf8,   types};
    if (size < 1 || size > 4096) return 0;
    struct hr_str_view s = hr_svn((const char *)data + 1, size - 1);
    if (data[0] % 7 == 6)
        (void)hr_tz_find(s);
    else
        parsers[data[0] % 7](s);
    return 0;
}
