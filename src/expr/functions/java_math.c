/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StrictMath is defined by the approximations of fdlibm: the same reductions, the same polynomials
 * and the same order of operations give the same bits. The coefficients are fdlibm's.
 */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "base/base.h"
#include "expr/functions/java_math.h"

static uint64_t bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static double double_of(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* c[0] + x (c[1] + x (c[2] + …)) */
static double polynomial(const double *c, int count, double x)
{
    double r = c[count - 1];
    for (int i = count - 2; i >= 0; i--) r = c[i] + x * r;
    return r;
}

/* --- exp ---------------------------------------------------------------------------------------*/

#define LN2_HIGH 6.93147180369123816490e-01
#define LN2_LOW  1.90821492927058770002e-10
#define LN2      6.93147180559945286227e-01

/* x = k ln 2 + r with |r| at most half of ln 2; e to the r by a rational approximation. */
double hr_java_exp(double x)
{
    static const double p[] = {1.66666666666666019037e-01, -2.77777777770155933842e-03,
                               6.61375632143793436117e-05, -1.65339022054652515390e-06,
                               4.13813679705723846039e-08};
    double size = fabs(x), high = 0, low = 0;
    int k = 0;
    if (isnan(x) || x == INFINITY) return x;
    if (x > 7.09782712893383973096e+02) return INFINITY;
    if (x < -7.45133219101941108420e+02) return 0;
    if (bits_of(size) >> 32 > 0x3fd62e42) { /* half of ln 2 */
        if (bits_of(size) >> 32 < 0x3ff0a2b2) { /* one and a half */
            k = x < 0 ? -1 : 1;
            high = x - k * LN2_HIGH;
            low = k * LN2_LOW;
        } else {
            k = (int)(1.44269504088896338700e+00 * x + (x < 0 ? -0.5 : 0.5));
            high = x - k * LN2_HIGH;
            low = k * LN2_LOW;
        }
        x = high - low;
    } else if (size < 0x1p-28) {
        return 1 + x;
    }
    double t = x * x, c = x - t * polynomial(p, HR_COUNT(p), t);
    if (k == 0) return 1 - (x * c / (c - 2) - x);
    return ldexp(1 - (low - x * c / (2 - c) - high), k);
}

/* --- sinh, cosh --------------------------------------------------------------------------------*/

/* Half of e to the size, which may be beyond the largest double. */
static double half_exp(double size)
{
    if (size < 7.09782712893383973096e+02) return 0.5 * hr_java_exp(size);
    double w = hr_java_exp(0.5 * size);
    return 0.5 * w * w;
}

double hr_java_cosh(double x)
{
    double size = fabs(x);
    if (!isfinite(x)) return size;
    if (size < 0.5 * LN2) {
        double t = expm1(size), w = 1 + t;
        return size < 0x1p-55 ? w : 1 + t * t / (w + w);
    }
    if (size < 22) {
        double t = hr_java_exp(size);
        return 0.5 * t + 0.5 / t;
    }
    return half_exp(size);
}

double hr_java_sinh(double x)
{
    if (!isfinite(x) || fabs(x) < 22) return sinh(x); /* of expm1 */
    return copysign(half_exp(fabs(x)), x);
}

/* --- cbrt --------------------------------------------------------------------------------------*/

/* A third of the exponent, a rational step to 23 bits, cut to 20 and rounded up, one of Newton. */
double hr_java_cbrt(double x)
{
    double size = fabs(x), t;
    if (!isfinite(x) || x == 0) return x;
    if (bits_of(size) >> 32 < 0x00100000) {
        t = size * 0x1p54;
        t = double_of(((bits_of(t) >> 32) / 3 + 696219795) << 32 | (bits_of(t) & 0xffffffff));
    } else {
        t = double_of(((bits_of(size) >> 32) / 3 + 715094163) << 32);
    }
    double r = t * t / size, s = 5.42857142857142815906e-01 + r * t;
    t *= 3.57142857142857150787e-01 +
         1.60714285714285720630e+00 /
             (s + 1.41428571428571436819e+00 + -7.05306122448979611050e-01 / s);
    t = double_of(((bits_of(t) >> 32) + 1) << 32);
    s = t * t;
    r = size / s;
    r = (r - t) / (t + t + r);
    return copysign(t + t * r, x);
}

/* --- atan --------------------------------------------------------------------------------------*/

/* The angle from that of 0, 1/2, 1, 3/2 or infinity, which is known to twice the digits. */
double hr_java_atan(double x)
{
    static const double known[] = {4.63647609000806093515e-01, 7.85398163397448278999e-01,
                                   9.82793723247329054082e-01, 1.57079632679489655800e+00},
                        below[] = {2.26987774529616870924e-17, 3.06161699786838301793e-17,
                                   1.39033110312309984516e-17, 6.12323399573676603587e-17},
                        even[] = {3.33333333333329318027e-01,  1.42857142725034663711e-01,
                                  9.09088713343650656196e-02,  6.66107313738753120669e-02,
                                  4.97687799461593236017e-02,  1.62858201153657823623e-02},
                        odd[] = {-1.99999999998764832476e-01, -1.11111104054623557880e-01,
                                 -7.69187620504482999495e-02, -5.83357013379057348645e-02,
                                 -3.65315727442169155270e-02};
    double size = fabs(x), t = size;
    int from = -1;
    if (isnan(x)) return x;
    if (size >= 0x1p66) return copysign(known[3] + below[3], x);
    if (size < 0x1p-29) return x;
    if (size < 0.4375) {
        t = x;
    } else if (size < 0.6875) {
        from = 0;
        t = (2 * size - 1) / (2 + size);
    } else if (size < 1.1875) {
        from = 1;
        t = (size - 1) / (size + 1);
    } else if (size < 2.4375) {
        from = 2;
        t = (size - 1.5) / (1 + 1.5 * size);
    } else {
        from = 3;
        t = -1 / size;
    }
    double z = t * t, w = z * z;
    double s = z * polynomial(even, HR_COUNT(even), w) + w * polynomial(odd, HR_COUNT(odd), w);
    if (from < 0) return t - t * s;
    return copysign(known[from] - (t * s - below[from] - t), x);
}

#define PI     3.14159265358979311600e+00
#define PI_LOW 1.22464679914735317720e-16

double hr_java_atan2(double y, double x)
{
    if (isnan(x) || isnan(y)) return x + y;
    if (x == 1) return hr_java_atan(y);
    if (y == 0) return signbit(x) ? copysign(PI, y) : y;
    if (x == 0) return copysign(PI / 2, y);
    if (isinf(x)) {
        double angle = isinf(y) ? PI / 4 : 0;
        return copysign(x > 0 ? angle : isinf(y) ? 3 * (PI / 4) : PI, y);
    }
    if (isinf(y)) return copysign(PI / 2, y);
    int apart = (int)(bits_of(fabs(y)) >> 52) - (int)(bits_of(fabs(x)) >> 52);
    double angle;
    if (apart > 60)
        angle = PI / 2 + 0.5 * PI_LOW;
    else if (x < 0 && apart < -60)
        angle = 0;
    else
        angle = hr_java_atan(fabs(y / x));
    if (x > 0) return signbit(y) ? -angle : angle;
    return signbit(y) ? angle - PI_LOW - PI : PI - (angle - PI_LOW);
}
