/* SPDX-License-Identifier: Apache-2.0 */
/* Views, number parsing, UTF-8, JSON strings, codecs and hashes. */
#include "base/hash.h"
#include "base/str.h"
#include "base/utf8.h"
#include "hr_test.h"

HR_TEST(sv_compare_and_trim)
{
    HR_EXPECT_TRUE(hr_sv_cmp(hr_sv("ab"), hr_sv("abc")) < 0);
    HR_EXPECT_TRUE(hr_sv_cmp(hr_sv("\xff"), hr_sv("a")) > 0);
    HR_EXPECT_TRUE(hr_sv_cmp(hr_svn(NULL, 0), hr_sv("")) == 0);
    HR_EXPECT_TRUE(hr_sv_eq(hr_svn("a\0b", 3), hr_svn("a\0b", 3)));
    HR_EXPECT_TRUE(hr_sv_eq_nocase(hr_sv("AbZ[@"), hr_sv("aBz[@")));
    HR_EXPECT_FALSE(hr_sv_eq_nocase(hr_sv("["), hr_sv("{")));
    struct hr_str_view t = hr_sv_trim(hr_sv(" \t\r\n a b \f\v"));
    HR_EXPECT_EQ_BYTES(t.ptr, t.len, "a b");
    HR_EXPECT_EQ_U64(hr_sv_trim(hr_sv("  ")).len, 0);
}

HR_TEST(parse_integers)
{
    int64_t v = 77;
    const char *bad[] = {
        "",   "-", "+", "1 ", " 1", "0x1", "1.0", "9223372036854775808", "-9223372036854775809",
        "--1"};
    for (size_t i = 0; i < HR_COUNT(bad); i++) HR_EXPECT_FALSE(hr_parse_i64(hr_sv(bad[i]), &v));
    HR_EXPECT_EQ_I64(v, 77);
    HR_EXPECT_TRUE(hr_parse_i64(hr_sv("-9223372036854775808"), &v) && v == INT64_MIN);
    HR_EXPECT_TRUE(hr_parse_i64(hr_sv("+0009223372036854775807"), &v) && v == INT64_MAX);
    uint64_t u;
    HR_EXPECT_TRUE(hr_parse_u64(hr_sv("18446744073709551615"), &u) && u == UINT64_MAX);
    HR_EXPECT_FALSE(hr_parse_u64(hr_sv("18446744073709551616"), &u));
    HR_EXPECT_FALSE(hr_parse_u64(hr_sv("-1"), &u));
}

HR_TEST(parse_floats_as_strtod)
{
    uint64_t seed = 3;
    for (int i = 0; i < 200000; i++) {
        char text[64];
        uint64_t r = hr_splitmix64(&seed);
        double want;
        memcpy(&want, &r, 8);
        if (isnan(want)) continue;
        if (i % 3 == 0)
            snprintf(text, sizeof text, "%.17g", want);
        else if (i % 3 == 1)
            snprintf(text, sizeof text, "%llu.%02llue%d", (unsigned long long)(r % 100000),
                     (unsigned long long)(r >> 40) % 100, (int)(r >> 20) % 60 - 30);
        else
            snprintf(text, sizeof text, "%llu%010llu", (unsigned long long)r,
                     (unsigned long long)(r % 9999999967));
        double got = -1;
        if (!HR_EXPECT_TRUE(hr_parse_f64(hr_sv(text), &got))) puts(text);
        HR_EXPECT_EQ_F64(got, strtod(text, NULL));
    }
    double v = 5;
    const char *bad[] = {"",   ".",  "-",    "1e",     "1e+",  "0x10",   "1d",
                         "1 ", "e5", "1..2", "nan(1)", "-nan", "infinit"};
    for (size_t i = 0; i < HR_COUNT(bad); i++)
        if (!HR_EXPECT_FALSE(hr_parse_f64(hr_sv(bad[i]), &v))) puts(bad[i]);
    HR_EXPECT_TRUE(hr_parse_f64(hr_sv("-Infinity"), &v) && v == -INFINITY);
    HR_EXPECT_TRUE(hr_parse_f64(hr_sv("NaN"), &v) && isnan(v));
    HR_EXPECT_TRUE(hr_parse_f64(hr_sv("-0"), &v) && v == 0 && signbit(v));
    HR_EXPECT_TRUE(hr_parse_f64(hr_sv("1e999999999999"), &v) && isinf(v));
    char zeros[2000];
    memset(zeros, '0', sizeof zeros);
    zeros[sizeof zeros - 1] = '1';
    HR_EXPECT_TRUE(hr_parse_f64(hr_svn(zeros, sizeof zeros), &v) && v == 1);
}

HR_TEST(parse_sizes_and_durations)
{
    static const struct {
        const char *text;
        int64_t value; /* -1: malformed */
    } sizes[] = {{"64m", 67108864},
                 {"10 GiB", 10737418240},
                 {"512k", 524288},
                 {"1024", 1024},
                 {"7 KB", 7168},
                 {"3b", 3},
                 {"2 bytes", 2},
                 {"1p", INT64_C(1) << 50},
                 {"", -1},
                 {"m", -1},
                 {"1.5m", -1},
                 {"1 xb", -1},
                 {"99999999999g", -1}},
      durations[] = {{"10 seconds", 10000000},
                     {"500 ms", 500000},
                     {"1 minute 30 seconds", 90000000},
                     {"interval 5 seconds", 5000000},
                     {"INTERVAL 1 DAY", 86400000000},
                     {"2h", 7200000000},
                     {"1.5 seconds", 1500000},
                     {"0", 0},
                     {".25 s", 250000},
                     {"3 us", 3},
                     {"1w", 604800000000},
                     {"10", -1},
                     {"1 month", -1},
                     {"", -1},
                     {"seconds", -1},
                     {"1. s", -1},
                     {"- s", -1},
                     {"9999999999999 days", -1}};
    for (size_t i = 0; i < HR_COUNT(sizes); i++) {
        int64_t v = -1;
        HR_EXPECT_EQ_I64(hr_parse_bytes(hr_sv(sizes[i].text), &v), sizes[i].value >= 0);
        if (sizes[i].value >= 0) HR_EXPECT_EQ_I64(v, sizes[i].value);
    }
    for (size_t i = 0; i < HR_COUNT(durations); i++) {
        int64_t v = -1;
        if (!HR_EXPECT_EQ_I64(hr_parse_duration(hr_sv(durations[i].text), &v),
                              durations[i].value >= 0))
            puts(durations[i].text);
        if (durations[i].value >= 0) HR_EXPECT_EQ_I64(v, durations[i].value);
    }
    int64_t v;
    HR_EXPECT_TRUE(hr_parse_duration(hr_sv("-1.5 s"), &v) && v == -1500000);
}

/* Every code point there and back, and everything that is none is refused. */
HR_TEST(utf8_all_code_points)
{
    for (uint32_t cp = 0; cp <= 0x10FFFF; cp++) {
        if (cp >= 0xD800 && cp <= 0xDFFF) continue;
        char bytes[4];
        uint32_t back;
        size_t n = hr_utf8_encode(cp, bytes);
        HR_ASSERT_TRUE(hr_utf8_valid(bytes, n) && hr_utf8_count(bytes, n) == 1);
        HR_ASSERT_TRUE(hr_utf8_decode(bytes, n, &back) == n && back == cp);
        for (size_t k = 1; k < n; k++) HR_ASSERT_TRUE(!hr_utf8_valid(bytes, k));
    }
    const char *bad[] = {"\x80",
                         "\xC0\xAF",
                         "\xC1\xBF",
                         "\xE0\x80\xAF",
                         "\xED\xA0\x80",
                         "\xF0\x8F\xBF\xBF",
                         "\xF4\x90\x80\x80",
                         "\xF8\x88\x80\x80\x80",
                         "abcdefghijklmnopqrstuvwxyz012345\xFF"};
    for (size_t i = 0; i < HR_COUNT(bad); i++)
        HR_EXPECT_FALSE(hr_utf8_valid(bad[i], strlen(bad[i])));
    const char *text = "abcdefghij\xC3\xA4\xE2\x82\xAC\xF0\x9F\x98\x80\xFFxyzabcdefgh";
    size_t len = strlen(text);
    HR_EXPECT_EQ_U64(hr_utf8_count(text, len), 25);
    HR_EXPECT_EQ_U64(hr_utf8_offset(text, len, 0), 0);
    HR_EXPECT_EQ_U64(hr_utf8_offset(text, len, 12), 15);
    HR_EXPECT_EQ_U64(hr_utf8_offset(text, len, 14), 20);
    HR_EXPECT_EQ_U64(hr_utf8_offset(text, len, 24), len - 1);
    HR_EXPECT_EQ_U64(hr_utf8_offset(text, len, 99), len);
}

HR_TEST(json_strings)
{
    struct hr_buf buf = {0};
    hr_buf_put_json(&buf, hr_svn("a\"\\/\b\f\n\r\t\x01\0\xC3\xA4\xFF\xE2\x82", 16));
    HR_EXPECT_EQ_STR(
        hr_buf_cstr(&buf),
        "\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u0000\xC3\xA4\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");
    hr_buf_done(&buf);
}

HR_TEST(codecs_round_trip_and_stop_at_the_end)
{
    struct hr_buf buf = {0};
    static const uint64_t values[] = {0, 1, 127, 128, 300, UINT32_MAX, INT64_MAX, UINT64_MAX};
    for (size_t i = 0; i < HR_COUNT(values); i++) {
        hr_buf_put_varint(&buf, values[i]);
        hr_buf_put_u64(&buf, values[i]);
        hr_buf_put_u32(&buf, (uint32_t)values[i]);
        hr_buf_put_u8(&buf, (uint8_t)values[i]);
        hr_buf_put_bytes(&buf, "hello", i % 6);
    }
    HR_ASSERT_OK(hr_buf_status(&buf, NULL));
    for (size_t cut = 0; cut <= buf.len; cut++) {
        char *exact = malloc(cut + 1);
        memcpy(exact, buf.ptr, cut);
        struct hr_reader r = hr_reader(exact, cut);
        for (size_t i = 0; i < HR_COUNT(values); i++) {
            uint64_t v = hr_get_varint(&r), w = hr_get_u64(&r);
            uint32_t x = hr_get_u32(&r);
            uint8_t y = hr_get_u8(&r);
            struct hr_str_view s = hr_get_bytes(&r);
            if (r.failed) break;
            HR_EXPECT_TRUE(v == values[i] && w == v && x == (uint32_t)v && y == (uint8_t)v);
            HR_EXPECT_TRUE(s.len == i % 6 && memcmp(s.ptr, "hello", s.len) == 0);
        }
        HR_EXPECT_EQ_I64(r.failed, cut < buf.len);
        free(exact);
    }
    struct hr_reader long_one = hr_reader("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10);
    HR_EXPECT_EQ_U64(hr_get_varint(&long_one), 0);
    HR_EXPECT_TRUE(long_one.failed);
    hr_buf_done(&buf);
}

static uint32_t crc_bit_by_bit(uint32_t crc, const unsigned char *p, size_t n)
{
    crc = ~crc;
    for (; n; n--, p++) {
        crc ^= *p;
        for (int i = 0; i < 8; i++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
    }
    return ~crc;
}

HR_TEST(crc32c)
{
    HR_EXPECT_EQ_U64(hr_crc32c(0, "123456789", 9), 0xE3069283);
    unsigned char bytes[300];
    uint64_t seed = 1;
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (unsigned char)hr_splitmix64(&seed);
    for (size_t n = 0; n < 280; n++) {
        uint32_t want = crc_bit_by_bit(0, bytes + n % 9, n);
        HR_EXPECT_EQ_U64(hr_crc32c(0, bytes + n % 9, n), want);
        uint32_t split = hr_crc32c(0, bytes + n % 9, n / 3);
        HR_EXPECT_EQ_U64(hr_crc32c(split, bytes + n % 9 + n / 3, n - n / 3), want);
    }
}

/* The state format depends on these values: a change needs a new format version. */
HR_TEST(hashes_are_stable)
{
    HR_EXPECT_EQ_U64(hr_hash_u64(1), 0xb456bcfc34c2cb2cull);
    HR_EXPECT_EQ_U64(hr_hash_bytes("", 0), 0x2d06800538d394c2ull);
    HR_EXPECT_EQ_U64(hr_hash_slot(UINT64_MAX), 255);
}
