/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decimals: 128-bit unscaled integers with 256-bit intermediates, and the text of numbers as Java
 * prints it.
 *
 * Rounding is half up (away from zero) everywhere, as Spark's Decimal.
 */
#include "base/decimal.h"

#include <math.h>
#include <stdio.h>

#include "base/shortest.h"

#define E19 ((hr_i128)UINT64_C(10000000000000000000))
const hr_i128 hr_pow10[39] = {
    1,
    10,
    100,
    1000,
    10000,
    100000,
    1000000,
    10000000,
    100000000,
    1000000000,
    INT64_C(10000000000),
    INT64_C(100000000000),
    INT64_C(1000000000000),
    INT64_C(10000000000000),
    INT64_C(100000000000000),
    INT64_C(1000000000000000),
    INT64_C(10000000000000000),
    INT64_C(100000000000000000),
    INT64_C(1000000000000000000),
    E19,
    E19 * 10,
    E19 * 100,
    E19 * 1000,
    E19 * 10000,
    E19 * 100000,
    E19 * 1000000,
    E19 * 10000000,
    E19 * 100000000,
    E19 * 1000000000,
    E19 *INT64_C(10000000000),
    E19 *INT64_C(100000000000),
    E19 *INT64_C(1000000000000),
    E19 *INT64_C(10000000000000),
    E19 *INT64_C(100000000000000),
    E19 *INT64_C(1000000000000000),
    E19 *INT64_C(10000000000000000),
    E19 *INT64_C(100000000000000000),
    E19 *INT64_C(1000000000000000000),
    E19 *E19,
};

static hr_u128 magnitude(hr_i128 v)
{
    return v < 0 ? -(hr_u128)v : (hr_u128)v;
}

/* |v| with the sign put back; false when it does not fit. */
static bool with_sign(hr_u128 v, bool negative, hr_i128 *ret)
{
    const hr_u128 max = ((hr_u128)1 << 127) - 1;
    if (v > max) return false;
    *ret = negative ? -(hr_i128)v : (hr_i128)v;
    return true;
}

/* 256-bit unsigned, for intermediates --------------------------------------------------------- */

struct u256 {
    uint64_t w[4]; /* least significant first */
};

static struct u256 mul_128(hr_u128 a, hr_u128 b)
{
    struct u256 r = {{0}};
    uint64_t x[2] = {(uint64_t)a, (uint64_t)(a >> 64)}, y[2] = {(uint64_t)b, (uint64_t)(b >> 64)};
    for (int i = 0; i < 2; i++) {
        hr_u128 carry = 0;
        for (int j = 0; j < 2; j++) {
            carry += (hr_u128)x[i] * y[j] + r.w[i + j];
            r.w[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        r.w[i + 2] = (uint64_t)carry;
    }
    return r;
}

static bool is_zero_high(const struct u256 *v)
{
    return (v->w[2] | v->w[3]) == 0;
}

static hr_u128 low_128(const struct u256 *v)
{
    return (hr_u128)v->w[1] << 64 | v->w[0];
}

/* (high, low) / d where high < d, so that the quotient is one word. */
static uint64_t divide_words(uint64_t high, uint64_t low, uint64_t d, uint64_t *rest)
{
#if defined(__x86_64__)
    uint64_t q;
    __asm__("divq %4" : "=a"(q), "=d"(*rest) : "0"(low), "1"(high), "r"(d) : "cc");
    return q;
#else
    hr_u128 n = (hr_u128)high << 64 | low;
    *rest = (uint64_t)(n % d);
    return (uint64_t)(n / d);
#endif
}

/* v / d, quotient in place, remainder returned. Bit by bit when both are long: rare and exact. */
static hr_u128 divide(struct u256 *v, hr_u128 d)
{
    assert(d != 0);
    if (d >> 64 == 0) {
        uint64_t rest = 0;
        for (int i = is_zero_high(v) ? 1 : 3; i >= 0; i--)
            v->w[i] = divide_words(rest, v->w[i], (uint64_t)d, &rest);
        return rest;
    }
    if (is_zero_high(v)) {
        hr_u128 n = low_128(v), q = n / d;
        *v = (struct u256){{(uint64_t)q, (uint64_t)(q >> 64), 0, 0}};
        return n - q * d;
    }
    struct u256 q = {{0}};
    hr_u128 rest = 0;
    for (int bit = 255; bit >= 0; bit--) {
        bool carry = (bool)(rest >> 127);
        rest = rest << 1 | (v->w[bit / 64] >> (bit % 64) & 1);
        if (carry || rest >= d) {
            rest -= d;
            q.w[bit / 64] |= UINT64_C(1) << (bit % 64);
        }
    }
    *v = q;
    return rest;
}

/* n / d rounded half up to 128 bits. */
static bool divide_half_up(struct u256 n, hr_u128 d, hr_u128 *ret)
{
    hr_u128 rest = divide(&n, d);
    if (!is_zero_high(&n)) return false;
    hr_u128 q = low_128(&n);
    if (rest >= d - rest && ++q == 0) return false;
    *ret = q;
    return true;
}

/* v × 10^power, power up to 76; false when it leaves 256 bits. */
static bool scale_up(struct u256 *v, int power)
{
    while (power > 0) {
        int step = HR_MIN(power, 19);
        uint64_t by = (uint64_t)hr_pow10[step];
        hr_u128 carry = 0;
        for (int i = 0; i < 4; i++) {
            carry += (hr_u128)v->w[i] * by;
            v->w[i] = (uint64_t)carry;
            carry >>= 64;
        }
        if (carry) return false;
        power -= step;
    }
    return true;
}

/* v / 10^power half up, any power: what is below half of the last digit is gone. */
static bool scale_down(struct u256 v, int power, hr_u128 *ret)
{
    assert(power >= 0);
    if (power > 77) {
        *ret = 0;
        return true;
    }
    /* Truncating first and rounding at the last step is exact for half up: the digit that decides
     * is the highest one dropped. */
    while (power > 38) {
        divide(&v, (hr_u128)hr_pow10[power - 38 < 19 ? power - 38 : 19]);
        power -= power - 38 < 19 ? power - 38 : 19;
    }
    return divide_half_up(v, (hr_u128)hr_pow10[power], ret);
}

/* Arithmetic ---------------------------------------------------------------------------------- */

bool hr_decimal_rescale(hr_i128 unscaled, int from_scale, int to_scale, hr_i128 *ret)
{
    if (from_scale == to_scale) {
        *ret = unscaled;
        return true;
    }
    if (to_scale > from_scale) {
        int power = to_scale - from_scale;
        if (unscaled == 0) {
            *ret = 0;
            return true;
        }
        hr_i128 product;
        if (power > 38 || __builtin_mul_overflow(unscaled, hr_pow10[power], &product)) return false;
        *ret = product;
        return true;
    }
    int power = from_scale - to_scale;
    if (power > 38) {
        *ret = 0; /* |unscaled| < 1.8e38, so below half of 10^39 */
        return true;
    }
    hr_i128 d = hr_pow10[power], q = unscaled / d, rest = unscaled % d;
    if (magnitude(rest) >= (hr_u128)d - magnitude(rest)) q += unscaled < 0 ? -1 : 1;
    *ret = q;
    return true;
}

int hr_decimal_digits(hr_i128 unscaled)
{
    hr_u128 v = magnitude(unscaled);
    int n = 1;
    while (n <= 38 && v >= (hr_u128)hr_pow10[n]) n++;
    return n;
}

/* v / 10^power half up for what fits into 64 bits; the machine divides these by itself. */
static uint64_t scale_down_64(uint64_t v, int power)
{
    uint64_t d = (uint64_t)hr_pow10[power], q = v / d, rest = v - q * d;
    return q + (rest >= d - rest);
}

bool hr_decimal_mul(hr_i128 a, int a_scale, hr_i128 b, int b_scale, int result_scale, hr_i128 *ret)
{
    hr_i128 small;
    int drop = a_scale + b_scale - result_scale;
    if (drop >= 0 && drop <= 19 && !__builtin_mul_overflow(a, b, &small)) {
        /* The product of most columns: at most a division of 64 bits. */
        if (drop == 0 && hr_decimal_fits(small, 38)) {
            *ret = small;
            return true;
        }
        if (drop && magnitude(small) >> 64 == 0) {
            hr_i128 q = (hr_i128)scale_down_64((uint64_t)magnitude(small), drop);
            *ret = small < 0 ? -q : q;
            return true;
        }
    }
    bool negative = (a < 0) != (b < 0);
    struct u256 product = mul_128(magnitude(a), magnitude(b));
    int down = a_scale + b_scale - result_scale;
    hr_u128 v;
    if (down < 0) {
        if (!scale_up(&product, -down) || !is_zero_high(&product)) return false;
        v = low_128(&product);
    } else if (!scale_down(product, down, &v)) {
        return false;
    }
    hr_i128 result;
    if (!with_sign(v, negative, &result) || !hr_decimal_fits(result, 38)) return false;
    *ret = result;
    return true;
}

bool hr_decimal_div(hr_i128 a, int a_scale, hr_i128 b, int b_scale, int result_scale, hr_i128 *ret)
{
    if (b == 0) return false;
    bool negative = (a < 0) != (b < 0);
    hr_u128 v, x = magnitude(a), y = magnitude(b), small;
    int power = result_scale - a_scale + b_scale;
    if (power >= 0 && power <= 38 && !__builtin_mul_overflow(x, (hr_u128)hr_pow10[power], &small) &&
        (small | y) >> 64 == 0) {
        uint64_t q = (uint64_t)small / (uint64_t)y, rest = (uint64_t)small - q * (uint64_t)y;
        v = (hr_u128)q + (rest >= (uint64_t)y - rest);
        *ret = negative ? -(hr_i128)v : (hr_i128)v;
        return true;
    }
    struct u256 n = mul_128(x, 1);
    int up = result_scale - a_scale + b_scale; /* a / 10^as ÷ b / 10^bs × 10^rs */
    if (up >= 0) {
        if (!scale_up(&n, up) || !divide_half_up(n, magnitude(b), &v)) return false;
    } else {
        /* Dropping digits: divide by b × 10^-up, which is at most 256 bits wide. */
        struct u256 d = mul_128(magnitude(b), 1);
        if (!scale_up(&d, -up) || !is_zero_high(&d))
            v = 0;
        else if (!divide_half_up(n, low_128(&d), &v))
            return false;
    }
    hr_i128 result;
    if (!with_sign(v, negative, &result) || !hr_decimal_fits(result, 38)) return false;
    *ret = result;
    return true;
}

bool hr_decimal_divmod(hr_i128 a, int a_scale, hr_i128 b, int b_scale, hr_i128 *ret_quotient,
                       hr_i128 *ret_rest)
{
    assert(b != 0);
    struct u256 n = mul_128(magnitude(a), 1), d = mul_128(magnitude(b), 1);
    if (a_scale < b_scale ? !scale_up(&n, b_scale - a_scale) : !scale_up(&d, a_scale - b_scale))
        return false;
    hr_u128 rest = magnitude(a);
    if (is_zero_high(&d))
        rest = divide(&n, low_128(&d));
    else
        n = (struct u256){{0}}; /* the divisor has more digits than any dividend */
    *ret_rest = a < 0 ? -(hr_i128)rest : (hr_i128)rest;
    return is_zero_high(&n) && with_sign(low_128(&n), (a < 0) != (b < 0), ret_quotient);
}

/* Text ---------------------------------------------------------------------------------------- */

static size_t put_u64(uint64_t v, char *out)
{
    char tmp[20];
    size_t n = 0;
    do tmp[n++] = (char)('0' + v % 10);
    while ((v /= 10) != 0);
    for (size_t i = 0; i < n; i++) out[i] = tmp[n - 1 - i];
    return n;
}

size_t hr_format_i64(int64_t value, char *out)
{
    if (value >= 0) return put_u64((uint64_t)value, out);
    out[0] = '-';
    return 1 + put_u64(0 - (uint64_t)value, out + 1);
}

/* Digits of v, at least min of them (zeros in front). Returns their number. */
static size_t put_u128(hr_u128 v, size_t min, char *out)
{
    char tmp[48];
    size_t n = 0;
    while (v >> 64) {
        uint64_t low = (uint64_t)(v % (hr_u128)E19);
        v /= (hr_u128)E19;
        for (int i = 0; i < 19; i++, low /= 10) tmp[n++] = (char)('0' + low % 10);
    }
    for (uint64_t low = (uint64_t)v; low; low /= 10) tmp[n++] = (char)('0' + low % 10);
    while (n < min) tmp[n++] = '0';
    for (size_t i = 0; i < n; i++) out[i] = tmp[n - 1 - i];
    return n;
}

size_t hr_decimal_format(hr_i128 unscaled, int scale, char *out)
{
    assert(scale >= 0 && scale <= HR_DECIMAL_MAX_PRECISION);
    char digits[48];
    size_t n = put_u128(magnitude(unscaled), (size_t)scale + 1, digits), at = 0;
    if (unscaled < 0) out[at++] = '-';
    memcpy(out + at, digits, n - (size_t)scale);
    at += n - (size_t)scale;
    if (scale) {
        out[at++] = '.';
        memcpy(out + at, digits + n - (size_t)scale, (size_t)scale);
        at += (size_t)scale;
    }
    return at;
}

/* The parts of "-12.30E+3": significant digits as text, and where their point is. */
struct literal {
    char digits
        [80]; /* significant, without zeros in front; more are dropped, which half up allows */
    int count;
    int64_t point; /* value = 0.digits × 10^point */
    bool negative;
};

/* "e+12" to the end of the text. */
static bool read_exponent(const char *p, const char *end, int64_t *ret)
{
    bool minus = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    int64_t e = 0;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9') return false;
        if (e < 1000000000) e = e * 10 + (*p - '0');
    }
    *ret = minus ? -e : e;
    return true;
}

static bool read_literal(struct hr_str_view text, struct literal *lit)
{
    const char *p = text.ptr, *end = p + text.len;
    lit->count = 0;
    lit->point = 0;
    lit->negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    bool point = false, any = false;
    for (; p < end; p++) {
        if (*p == '.' && !point) {
            point = true;
            continue;
        }
        if (*p < '0' || *p > '9') break;
        any = true;
        if (lit->count > 0 || *p != '0') {
            if (lit->count < (int)sizeof lit->digits) lit->digits[lit->count++] = *p;
            lit->point += !point;
        } else {
            lit->point -= point;
        }
    }
    if (!any) return false;
    int64_t e = 0;
    if (p < end && (*p == 'e' || *p == 'E')) {
        if (!read_exponent(p + 1, end, &e)) return false;
        p = end;
    }
    lit->point += e;
    return p == end;
}

/* The literal's value at scale; false: more than 38 digits. */
static bool literal_value(const struct literal *lit, int scale, hr_i128 *ret)
{
    int64_t keep = lit->point + scale; /* digits of the result */
    hr_u128 v = 0;
    if (lit->count == 0 || keep < 0) {
        *ret = 0;
        return true;
    }
    if (keep > HR_DECIMAL_MAX_PRECISION) return false;
    for (int64_t i = 0; i < keep; i++)
        v = v * 10 + (i < lit->count ? (hr_u128)(lit->digits[i] - '0') : 0);
    if (keep < lit->count && lit->digits[keep] >= '5') v++;
    *ret = lit->negative ? -(hr_i128)v : (hr_i128)v;
    return true;
}

bool hr_decimal_parse(struct hr_str_view text, int precision, int scale, hr_i128 *ret,
                      bool *ret_overflow)
{
    assert(precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision);
    struct literal lit;
    if (!read_literal(hr_sv_trim(text), &lit)) return false;
    hr_i128 v;
    bool fits = literal_value(&lit, scale, &v) && hr_decimal_fits(v, precision);
    *ret_overflow = !fits;
    if (fits) *ret = v;
    return true;
}

double hr_decimal_to_double(hr_i128 unscaled, int scale)
{
    /* Exact operands give one correctly rounded division, as BigDecimal.doubleValue. */
    static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (scale >= 0 && scale <= 22 && magnitude(unscaled) <= (hr_u128)1 << 53)
        return (double)(int64_t)unscaled / exact[scale];
    char text[64];
    size_t n = put_u128(magnitude(unscaled), 1, text + 1);
    text[0] = unscaled < 0 ? '-' : '+';
    n += 1 + (size_t)snprintf(text + 1 + n, sizeof text - 1 - n, "e%d", -scale);
    double v = 0;
    bool ok = hr_parse_f64(hr_svn(text, n), &v);
    assert(ok);
    HR_UNUSED(ok);
    return v;
}

/* Floats -------------------------------------------------------------------------------------- */

struct shortest {
    char digits[20];
    int count;
    int exponent; /* of the first digit */
};

static void split(struct hr_shortest number, struct shortest *s)
{
    char text[24];
    while (number.digits % 10 == 0) {
        number.digits /= 10;
        number.exponent++;
    }
    s->count = (int)put_u64(number.digits, text);
    memcpy(s->digits, text, (size_t)s->count);
    s->exponent = number.exponent + s->count - 1;
}

/* Java: plain from 1E-3 up to below 1E7, else d.dddE±x; always a digit behind the point. */
static size_t put_java(const struct shortest *s, char *out)
{
    size_t at = 0;
    if (s->exponent < -3 || s->exponent >= 7) {
        out[at++] = s->digits[0];
        out[at++] = '.';
        if (s->count == 1) out[at++] = '0';
        for (int i = 1; i < s->count; i++) out[at++] = s->digits[i];
        out[at++] = 'E';
        return at + hr_format_i64(s->exponent, out + at);
    }
    int i = 0;
    if (s->exponent < 0) out[at++] = '0';
    for (; i <= s->exponent; i++) out[at++] = i < s->count ? s->digits[i] : '0';
    out[at++] = '.';
    for (int zero = -1; zero > s->exponent; zero--) out[at++] = '0';
    if (i >= s->count) out[at++] = '0';
    for (; i < s->count; i++) out[at++] = s->digits[i];
    return at;
}

static size_t put_special(double v, char *out)
{
    const char *text = isnan(v)     ? "NaN"
                       : isinf(v)   ? (v > 0 ? "Infinity" : "-Infinity")
                       : signbit(v) ? "-0.0"
                                    : "0.0";
    size_t n = strlen(text);
    memcpy(out, text, n);
    return n;
}

size_t hr_format_f64(double value, char *out)
{
    if (!isfinite(value) || value == 0) return put_special(value, out);
    size_t at = 0;
    if (value < 0) {
        out[at++] = '-';
        value = -value;
    }
    if (value < 1e7 && value == (double)(int64_t)value) {
        at += put_u64((uint64_t)value, out + at);
        out[at++] = '.';
        out[at++] = '0';
        return at;
    }
    struct shortest s;
    split(hr_shortest_f64(value), &s);
    return at + put_java(&s, out + at);
}

size_t hr_format_f32(float value, char *out)
{
    if (!isfinite(value) || value == 0) return put_special((double)value, out);
    size_t at = 0;
    if (value < 0) {
        out[at++] = '-';
        value = -value;
    }
    struct shortest s;
    split(hr_shortest_f32(value), &s);
    return at + put_java(&s, out + at);
}

bool hr_decimal_from_double(double value, int precision, int scale, hr_i128 *ret)
{
    if (!isfinite(value)) return false;
    if (value == 0) {
        *ret = 0;
        return true;
    }
    struct shortest s;
    split(hr_shortest_f64(value), &s);
    struct literal lit = {
        .count = s.count, .point = (int64_t)s.exponent + 1, .negative = value < 0};
    memcpy(lit.digits, s.digits, (size_t)s.count);
    hr_i128 v;
    if (!literal_value(&lit, scale, &v) || !hr_decimal_fits(v, precision)) return false;
    *ret = v;
    return true;
}
