/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shortest decimal digits that read back as the same double or float, by Schubfach (R.
 * Giulietti, "The Schubfach way to render doubles", 2020), which is what Java's Double.toString has
 * been since JDK 19.
 *
 * v = c 2^q, and the numbers that round to v are the interval [(c - 1/2) 2^q, (c + 1/2) 2^q].
 * Scaled by a power of ten such that the interval is between 2 and 20 wide, it holds at least one
 * integer, and at most one multiple of ten: that one is the answer if there is one, else the
 * integer nearest to v. The scaling multiplies by the top 126 bits of 10^-k, rounded up; those are
 * exact enough for every double. The table of them is computed at first use, from integers of 1280
 * bits, in a few dozen microseconds.
 */
#include "base/shortest.h"

#include <pthread.h>

/* Powers of ten ------------------------------------------------------------------------------- */

#define K_MIN (-324)
#define K_MAX 292

/* The top 126 bits of 10^-k plus one, as two halves of 63 bits. */
static struct {
    uint64_t high, low;
} powers[K_MAX - K_MIN + 1];

#define LIMBS 40
/* A natural number, 32 bits a limb, least significant first. */
struct big {
    uint32_t limb[LIMBS];
};

static int bit_length(const struct big *v)
{
    for (int i = LIMBS - 1; i >= 0; i--)
        if (v->limb[i]) return i * 32 + 32 - __builtin_clz(v->limb[i]);
    return 0;
}

static void set_power(int k, const struct big *v)
{
    int shift = bit_length(v) - 126;
    hr_u128 top = 0;
    for (int bit = 125; bit >= 0; bit--) {
        int at = bit + shift;
        top = top << 1 | (at >= 0 ? v->limb[at / 32] >> (at % 32) & 1 : 0);
    }
    top += 1;
    powers[k - K_MIN].high = (uint64_t)(top >> 63);
    powers[k - K_MIN].low = (uint64_t)top & (UINT64_MAX >> 1);
}

static void fill_powers(void)
{
    struct big v = {{1}};
    for (int k = 0; k >= K_MIN; k--) { /* 10^0, 10^1, … */
        set_power(k, &v);
        uint64_t carry = 0;
        for (int i = 0; i < LIMBS; i++) {
            carry += (uint64_t)v.limb[i] * 10;
            v.limb[i] = (uint32_t)carry;
            carry >>= 32;
        }
    }
    memset(&v, 0, sizeof v);
    v.limb[LIMBS - 1] = 1; /* 2^1248; 10^-292 leaves 278 of its bits */
    for (int k = 1; k <= K_MAX; k++) {
        uint64_t rest = 0;
        for (int i = LIMBS - 1; i >= 0; i--) {
            rest = rest << 32 | v.limb[i];
            v.limb[i] = (uint32_t)(rest / 10);
            rest %= 10;
        }
        set_power(k, &v);
    }
}

static pthread_once_t powers_once = PTHREAD_ONCE_INIT;

/* floor(log10(2^e)), floor(log10(3/4 2^e)), floor(log2(10^e)) for the e of doubles. */
static int log10_of_pow2(int e)
{
    return (int)(e * INT64_C(661971961083) >> 41);
}

static int log10_of_three_quarters_pow2(int e)
{
    return (int)((e * INT64_C(661971961083) - INT64_C(274743187321)) >> 41);
}

static int log2_of_pow10(int e)
{
    return (int)(e * INT64_C(913124641741) >> 38);
}

/* Rounding to odd ----------------------------------------------------------------------------- */

static uint64_t multiply_high(uint64_t a, uint64_t b)
{
    return (uint64_t)((hr_u128)a * b >> 64);
}

/* floor of g cp / 2^127, its lowest bit set when anything was cut: compares right with multiples
 * of two. */
static uint64_t scaled(uint64_t high, uint64_t low, uint64_t cp)
{
    const uint64_t mask = UINT64_MAX >> 1;
    uint64_t x = multiply_high(low, cp), y_low = high * cp, y_high = multiply_high(high, cp);
    uint64_t z = (y_low >> 1) + x;
    uint64_t w = y_high + (z >> 63);
    return w | (((z & mask) + mask) >> 63);
}

/* The same for floats, for which one half of the power is enough. */
static uint64_t scaled_float(uint64_t g, uint64_t cp)
{
    const uint64_t mask = 0xFFFFFFFF;
    uint64_t x = multiply_high(g, cp);
    return x >> 31 | (((x & mask) + mask) >> 32);
}

/* The choice ---------------------------------------------------------------------------------- */

/* v, its lower and its upper bound, times four; odd: the bounds themselves do not round to v. */
struct interval {
    uint64_t v, lower, upper;
    uint64_t odd;
};

static struct hr_shortest choose(const struct interval *in, int k)
{
    uint64_t s = in->v >> 2;
    if (s >= 100) {
        uint64_t down = s / 10 * 10, up = down + 10;
        bool down_in = in->lower + in->odd <= down << 2, up_in = (up << 2) + in->odd <= in->upper;
        if (down_in != up_in) return (struct hr_shortest){down_in ? down : up, k};
    }
    uint64_t t = s + 1;
    bool s_in = in->lower + in->odd <= s << 2, t_in = (t << 2) + in->odd <= in->upper;
    if (s_in != t_in) return (struct hr_shortest){s_in ? s : t, k};
    int64_t side = (int64_t)(in->v - ((s + t) << 1));
    return (struct hr_shortest){side < 0 || (side == 0 && !(s & 1)) ? s : t, k};
}

/* c 2^q; irregular: the numbers below are closer together than those above. */
static struct hr_shortest of_double(uint64_t c, int q, bool irregular)
{
    int k = irregular ? log10_of_three_quarters_pow2(q) : log10_of_pow2(q);
    int h = q + log2_of_pow10(-k) + 2;
    uint64_t high = powers[k - K_MIN].high, low = powers[k - K_MIN].low, c4 = c << 2;
    struct interval in = {
        .v = scaled(high, low, c4 << h),
        .lower = scaled(high, low, (c4 - (irregular ? 1 : 2)) << h),
        .upper = scaled(high, low, (c4 + 2) << h),
        .odd = c & 1,
    };
    return choose(&in, k);
}

static struct hr_shortest of_float(uint64_t c, int q, bool irregular)
{
    int k = irregular ? log10_of_three_quarters_pow2(q) : log10_of_pow2(q);
    int h = q + log2_of_pow10(-k) + 33;
    uint64_t g = powers[k - K_MIN].high + 1, c4 = c << 2;
    struct interval in = {
        .v = scaled_float(g, c4 << h),
        .lower = scaled_float(g, (c4 - (irregular ? 1 : 2)) << h),
        .upper = scaled_float(g, (c4 + 2) << h),
        .odd = c & 1,
    };
    return choose(&in, k);
}

/* A whole number keeps all of its digits. */
static bool whole(uint64_t c, int q, int precision, struct hr_shortest *ret)
{
    if (q >= 0 || q <= -precision || (c >> -q) << -q != c) return false;
    *ret = (struct hr_shortest){c >> -q, 0};
    return true;
}

struct hr_shortest hr_shortest_f64(double v)
{
    uint64_t bits;
    memcpy(&bits, &v, 8);
    uint64_t fraction = bits & (UINT64_MAX >> 12);
    int exponent = (int)(bits >> 52 & 0x7FF);
    struct hr_shortest s;
    assert(exponent != 0x7FF && (exponent || fraction));
    pthread_once(&powers_once, fill_powers);
    if (exponent == 0) {
        /* The three smallest would have a single digit; Java wants the two nearest ones. */
        if (fraction >= 3) return of_double(fraction, -1074, false);
        s = of_double(fraction * 10, -1074, false);
        s.exponent -= 1;
        return s;
    }
    uint64_t c = fraction | UINT64_C(1) << 52;
    int q = exponent - 1075;
    if (whole(c, q, 53, &s)) return s;
    return of_double(c, q, fraction == 0 && exponent > 1);
}

struct hr_shortest hr_shortest_f32(float v)
{
    uint32_t bits;
    memcpy(&bits, &v, 4);
    uint32_t fraction = bits & (UINT32_MAX >> 9);
    int exponent = (int)(bits >> 23 & 0xFF);
    struct hr_shortest s;
    assert(exponent != 0xFF && (exponent || fraction));
    pthread_once(&powers_once, fill_powers);
    if (exponent == 0) {
        if (fraction >= 8) return of_float(fraction, -149, false);
        s = of_float((uint64_t)fraction * 10, -149, false);
        s.exponent -= 1;
        return s;
    }
    uint64_t c = fraction | UINT32_C(1) << 23;
    int q = exponent - 150;
    if (whole(c, q, 24, &s)) return s;
    return of_float(c, q, fraction == 0 && exponent > 1);
}
