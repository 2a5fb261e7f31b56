/* SPDX-License-Identifier: Apache-2.0 */
/* Decimals against schoolbook arithmetic on digits, and floating-point text against strtod. */
#include "base/decimal.h"
#include "base/hash.h"
#include "hr_test.h"

/* A natural number as decimal digits, least significant first: slow, obvious, and not ours. */
struct digits {
    int d[160];
};

static struct digits from_i128(hr_i128 v)
{
    struct digits r = {{0}};
    hr_u128 u = v < 0 ? -(hr_u128)v : (hr_u128)v;
    for (int i = 0; u; u /= 10) r.d[i++] = (int)(u % 10);
    return r;
}

static struct digits multiply(const struct digits *a, const struct digits *b)
{
    struct digits r = {{0}};
    for (int i = 0; i < 80; i++) {
        int carry = 0;
        for (int j = 0; j < 80; j++) {
            carry += r.d[i + j] + a->d[i] * b->d[j];
            r.d[i + j] = carry % 10;
            carry /= 10;
        }
    }
    return r;
}

/* Drops n digits, half up; or adds zeros for n < 0. */
static struct digits shift(const struct digits *a, int n)
{
    struct digits r = {{0}};
    for (int i = 0; i < 160; i++)
        if (i + n >= 0 && i + n < 160) r.d[i] = a->d[i + n];
    if (n > 0 && n <= 160 && a->d[n - 1] >= 5)
        for (int i = 0; ++r.d[i] == 10; i++) r.d[i] = 0;
    return r;
}

/* false: more than 38 digits. */
static bool to_i128(const struct digits *a, bool negative, hr_i128 *ret)
{
    hr_i128 v = 0;
    for (int i = 159; i >= 38; i--)
        if (a->d[i]) return false;
    for (int i = 37; i >= 0; i--) v = v * 10 + a->d[i];
    *ret = negative ? -v : v;
    return true;
}

static hr_i128 random_decimal(uint64_t *seed)
{
    int digits = (int)(hr_splitmix64(seed) % 38) + 1;
    hr_u128 v = (hr_u128)hr_splitmix64(seed) << 64 | hr_splitmix64(seed);
    v %= (hr_u128)hr_pow10[digits];
    return hr_splitmix64(seed) & 1 ? -(hr_i128)v : (hr_i128)v;
}

HR_TEST(decimal_multiplies_as_on_paper)
{
    uint64_t seed = 11;
    for (int i = 0; i < 20000; i++) {
        hr_i128 a = random_decimal(&seed), b = random_decimal(&seed), got = 0, want = 0;
        int sa = (int)(hr_splitmix64(&seed) % 39), sb = (int)(hr_splitmix64(&seed) % 39);
        int sr = (int)(hr_splitmix64(&seed) % 39);
        struct digits x = from_i128(a), y = from_i128(b), p = multiply(&x, &y);
        p = shift(&p, sa + sb - sr);
        bool fits = to_i128(&p, (a < 0) != (b < 0), &want);
        bool ok = hr_decimal_mul(a, sa, b, sb, sr, &got);
        HR_ASSERT_TRUE(ok == fits && (!ok || got == want));
    }
}

/* a / b is right when |a 10^p - q b| <= |b| / 2, with ties away from zero. */
HR_TEST(decimal_divides_to_the_nearest)
{
    uint64_t seed = 12;
    int done = 0;
    for (int i = 0; i < 200000; i++) {
        hr_i128 a = random_decimal(&seed) % hr_pow10[18], b = random_decimal(&seed) % hr_pow10[16],
                q;
        int power = (int)(hr_splitmix64(&seed) % 19);
        if (b == 0) continue;
        HR_ASSERT_TRUE(hr_decimal_div(a, 0, b, 0, power, &q));
        hr_i128 rest = a * hr_pow10[power] - q * b, size = b < 0 ? -b : b;
        rest = rest < 0 ? -rest : rest;
        HR_ASSERT_TRUE(rest * 2 <= size);
        bool away = q == 0 ? rest * 2 < size : true;
        HR_ASSERT_TRUE(away);
        done++;
    }
    HR_EXPECT_TRUE(done > 100000);
    hr_i128 q = 7;
    HR_EXPECT_FALSE(hr_decimal_div(1, 0, 0, 0, 5, &q));
    HR_EXPECT_FALSE(hr_decimal_div(hr_pow10[37], 0, 1, 10, 38, &q));
    HR_EXPECT_TRUE(q == 7);
    HR_EXPECT_TRUE(hr_decimal_div(5, 1, 10, 0, 1, &q) && q == 1);   /* 0.05 → 0.1 */
    HR_EXPECT_TRUE(hr_decimal_div(-5, 1, 10, 0, 1, &q) && q == -1); /* away from zero */
    HR_EXPECT_TRUE(hr_decimal_div(hr_pow10[37], 38, hr_pow10[37], 0, 0, &q) && q == 0);
    /* (10^38 - 1) / (10^38 - 1) with all the digits there are */
    HR_EXPECT_TRUE(hr_decimal_div(hr_pow10[38] - 1, 38, hr_pow10[38] - 1, 38, 37, &q) &&
                   q == hr_pow10[37]);
}

HR_TEST(decimal_rescales_half_up)
{
    hr_i128 v = 0;
    HR_EXPECT_TRUE(hr_decimal_rescale(125, 2, 1, &v) && v == 13);
    HR_EXPECT_TRUE(hr_decimal_rescale(-125, 2, 1, &v) && v == -13);
    HR_EXPECT_TRUE(hr_decimal_rescale(124, 2, 1, &v) && v == 12);
    HR_EXPECT_TRUE(hr_decimal_rescale(5, 1, 4, &v) && v == 5000);
    HR_EXPECT_TRUE(hr_decimal_rescale(hr_pow10[38] - 1, 38, 0, &v) && v == 1);
    HR_EXPECT_FALSE(hr_decimal_rescale(hr_pow10[37], 0, 38, &v));
    HR_EXPECT_TRUE(hr_decimal_rescale(0, 0, 38, &v) && v == 0);
}

HR_TEST(decimal_text_round_trip)
{
    uint64_t seed = 13;
    for (int i = 0; i < 50000; i++) {
        hr_i128 v = random_decimal(&seed), back = 0;
        int scale = (int)(hr_splitmix64(&seed) % 39);
        char text[64];
        bool overflow = true;
        size_t n = hr_decimal_format(v, scale, text);
        HR_ASSERT_TRUE(n <= 48);
        HR_ASSERT_TRUE(hr_decimal_parse(hr_svn(text, n), 38, scale, &back, &overflow) &&
                       !overflow && back == v);
        /* digits as the text has them */
        int digits = 0;
        bool leading = true;
        for (size_t k = 0; k < n; k++) {
            leading = leading && !(text[k] >= '1' && text[k] <= '9');
            digits += text[k] >= '0' && text[k] <= '9' && !leading;
        }
        HR_ASSERT_TRUE(hr_decimal_digits(v) == (v == 0 ? 1 : digits));
    }
}

HR_TEST(decimal_parse_forms)
{
    static const struct {
        const char *text;
        int precision, scale;
        int64_t value;
        int outcome; /* 0 fine, 1 overflow, 2 malformed */
    } cases[] = {
        {"12.345", 5, 2, 1235, 0},
        {"-12.345", 5, 2, -1235, 0},
        {"1E+3", 4, 0, 1000, 0},
        {"1e-3", 4, 3, 1, 0},
        {"1e-4", 4, 3, 0, 0},
        {"5e-4", 4, 3, 1, 0},
        {" 7 ", 3, 0, 7, 0},
        {".5", 2, 1, 5, 0},
        {"5.", 2, 0, 5, 0},
        {"+0.0", 2, 1, 0, 0},
        {"999.5", 3, 0, 0, 1},
        {"999.4", 3, 0, 999, 0},
        {"1e40", 38, 0, 0, 1},
        {"0e999999999999", 3, 0, 0, 0},
        {"1e-999999999999", 3, 0, 0, 0},
        {"", 3, 0, 0, 2},
        {".", 3, 0, 0, 2},
        {"1e", 3, 0, 0, 2},
        {"1,5", 3, 0, 0, 2},
        {"--1", 3, 0, 0, 2},
        {"NaN", 3, 0, 0, 2},
        {"0000000000000000000000000000000000000000000000000000000000000000000000000000000000000001",
         3, 0, 1, 0},
    };
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        hr_i128 v = 0;
        bool overflow = false;
        bool ok = hr_decimal_parse(hr_sv(cases[i].text), cases[i].precision, cases[i].scale, &v,
                                   &overflow);
        if (!HR_EXPECT_EQ_I64(!ok ? 2 : overflow, cases[i].outcome)) puts(cases[i].text);
        if (ok && !overflow) HR_EXPECT_EQ_I64((int64_t)v, cases[i].value);
    }
}

HR_TEST(decimal_and_double)
{
    hr_i128 v = 0;
    HR_EXPECT_TRUE(hr_decimal_from_double(0.1, 10, 5, &v) && v == 10000);
    HR_EXPECT_TRUE(hr_decimal_from_double(2.675, 10, 2, &v) && v == 268); /* by its shortest text */
    HR_EXPECT_TRUE(hr_decimal_from_double(-1e20, 38, 0, &v) && v == -hr_pow10[20]);
    HR_EXPECT_FALSE(hr_decimal_from_double(1e20, 20, 0, &v));
    HR_EXPECT_FALSE(hr_decimal_from_double(NAN, 20, 0, &v));
    HR_EXPECT_FALSE(hr_decimal_from_double(INFINITY, 20, 0, &v));
    HR_EXPECT_TRUE(hr_decimal_from_double(-0.0, 20, 0, &v) && v == 0);
    HR_EXPECT_EQ_F64(hr_decimal_to_double(12345, 2), 123.45);
    HR_EXPECT_EQ_F64(hr_decimal_to_double(-(hr_pow10[38] - 1), 38), -1.0);
    HR_EXPECT_EQ_F64(hr_decimal_to_double(hr_pow10[30] + 1, 30), 1.0);
}

static int significant(const char *text)
{
    int digits = 0, zeros = 0;
    bool leading = true;
    for (; *text && *text != 'e' && *text != 'E'; text++) {
        if (*text < '0' || *text > '9' || (leading && *text == '0')) continue;
        leading = false;
        digits++;
        zeros = *text == '0' ? zeros + 1 : 0;
    }
    return digits - zeros;
}

/* Reads back, and no shorter text does (two digits are the least that Java prints). */
static void check_f64(double v)
{
    char text[40], shorter[40];
    size_t n = hr_format_f64(v, text);
    HR_EXPECT_TRUE(n <= 32);
    text[n] = '\0';
    HR_EXPECT_EQ_F64(strtod(text, NULL), v);
    for (int precision = 2; precision <= 17; precision++) {
        snprintf(shorter, sizeof shorter, "%.*e", precision - 1, v);
        if (strtod(shorter, NULL) == v) break;
    }
    HR_EXPECT_TRUE(significant(text) <= HR_MAX(significant(shorter), 2));
}

static void check_f32(float v)
{
    char text[40], shorter[40];
    size_t n = hr_format_f32(v, text);
    text[n] = '\0';
    HR_EXPECT_EQ_F64((double)strtof(text, NULL), (double)v);
    for (int precision = 2; precision <= 9; precision++) {
        snprintf(shorter, sizeof shorter, "%.*e", precision - 1, (double)v);
        if (strtof(shorter, NULL) == v) break;
    }
    HR_EXPECT_TRUE(significant(text) <= HR_MAX(significant(shorter), 2));
}

HR_TEST(floats_print_shortest)
{
    uint64_t seed = 14;
    for (int i = 0; i < 60000; i++) {
        uint64_t r = hr_splitmix64(&seed);
        double v = (double)(r % 1000000007) / 1000;
        if (i % 4 == 1) memcpy(&v, &r, 8);
        if (i % 4 == 2) r &= UINT64_C(0x7ff0000000000000), memcpy(&v, &r, 8); /* powers of two */
        if (i % 4 == 3)
            r &= UINT64_C(0x000fffffffffffff) >> (r >> 58), memcpy(&v, &r, 8); /* subnormal */
        if (isfinite(v) && v != 0) check_f64(v);
        float f = (float)v;
        uint32_t bits = (uint32_t)r;
        if (i & 1) memcpy(&f, &bits, 4);
        if (isfinite(f) && f != 0) check_f32(f);
    }
}

HR_TEST(floats_print_as_java)
{
    static const struct {
        double v;
        const char *text;
    } cases[] = {{0.0, "0.0"},
                 {-0.0, "-0.0"},
                 {1, "1.0"},
                 {-1.5, "-1.5"},
                 {1e7, "1.0E7"},
                 {9999999, "9999999.0"},
                 {0.001, "0.001"},
                 {0.0001, "1.0E-4"},
                 {123456789.125, "1.23456789125E8"},
                 {1e21, "1.0E21"},
                 {4.9e-324, "4.9E-324"},
                 {1.7976931348623157e308, "1.7976931348623157E308"},
                 {1e23, "1.0E23"},
                 {2e-3, "0.002"},
                 {100, "100.0"},
                 {12345678, "1.2345678E7"},
                 {NAN, "NaN"},
                 {INFINITY, "Infinity"},
                 {-INFINITY, "-Infinity"},
                 {2.2250738585072014E-308, "2.2250738585072014E-308"}};
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        char text[40];
        HR_EXPECT_EQ_BYTES(text, hr_format_f64(cases[i].v, text), cases[i].text);
    }
    char text[40];
    HR_EXPECT_EQ_BYTES(text, hr_format_f32(0.1F, text), "0.1");
    HR_EXPECT_EQ_BYTES(text, hr_format_f32(1.4e-45F, text), "1.4E-45");
    HR_EXPECT_EQ_BYTES(text, hr_format_f32(3.4028235e38F, text), "3.4028235E38");
    HR_EXPECT_EQ_BYTES(text, hr_format_f32(16777216.F, text), "1.6777216E7");
    HR_EXPECT_EQ_BYTES(text, hr_format_i64(INT64_MIN, text), "-9223372036854775808");
}
