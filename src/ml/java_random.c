/* SPDX-License-Identifier: Apache-2.0 */
#include "ml/java_random.h"

#include "ml/features.h"

#define LCG_MULTIPLIER 0x5DEECE66DULL
#define LCG_MASK       ((UINT64_C(1) << 48) - 1)

struct hr_java_random hr_java_random(int64_t seed)
{
    return (struct hr_java_random){.seed = ((uint64_t)seed ^ LCG_MULTIPLIER) & LCG_MASK};
}

/* The seed is hashed: its eight bytes, high ones first. */
struct hr_java_random hr_xorshift_random(int64_t seed)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++) bytes[i] = (uint8_t)((uint64_t)seed >> (56 - 8 * i));
    uint32_t low = hr_murmur3_32(bytes, 8, 0x3c074a61);
    uint32_t high = hr_murmur3_32(bytes, 8, low);
    return (struct hr_java_random){.seed = (uint64_t)high << 32 | low, .xorshift = true};
}

int32_t hr_java_bits(struct hr_java_random *r, int bits)
{
    if (r->xorshift) {
        uint64_t s = r->seed;
        s ^= s << 21;
        s ^= s >> 35;
        s ^= s << 4;
        r->seed = s;
        return (int32_t)(uint32_t)(s & ((UINT64_C(1) << bits) - 1));
    }
    r->seed = (r->seed * LCG_MULTIPLIER + 0xB) & LCG_MASK;
    return (int32_t)(uint32_t)(r->seed >> (48 - bits));
}

int64_t hr_java_long(struct hr_java_random *r)
{
    int64_t high = hr_java_bits(r, 32);
    return (int64_t)((uint64_t)high << 32) + hr_java_bits(r, 32);
}

double hr_java_double(struct hr_java_random *r)
{
    int64_t high = hr_java_bits(r, 26);
    return (double)((high << 27) + hr_java_bits(r, 27)) * 0x1p-53;
}

double hr_java_gaussian(struct hr_java_random *r)
{
    double a, b, s;
    if (r->has_gaussian) {
        r->has_gaussian = false;
        return r->gaussian;
    }
    do {
        a = 2 * hr_java_double(r) - 1;
        b = 2 * hr_java_double(r) - 1;
        s = a * a + b * b;
    } while (s >= 1 || s == 0);
    double by = sqrt(-2 * log(s) / s);
    r->gaussian = b * by;
    r->has_gaussian = true;
    return a * by;
}
