/* SPDX-License-Identifier: Apache-2.0 */
/* The generators that Spark draws from: java.util.Random and XORShiftRandom. */
#ifndef HR_ML_JAVA_RANDOM_H
#define HR_ML_JAVA_RANDOM_H

#include "base/base.h"

struct hr_java_random {
    uint64_t seed;
    bool xorshift;
    bool has_gaussian; /* the second of a pair is kept */
    double gaussian;
};

struct hr_java_random hr_java_random(int64_t seed);
struct hr_java_random hr_xorshift_random(int64_t seed);
/* Random.next: so many bits, at most 32. */
int32_t hr_java_bits(struct hr_java_random *r, int bits);
int64_t hr_java_long(struct hr_java_random *r);
double hr_java_double(struct hr_java_random *r);
double hr_java_gaussian(struct hr_java_random *r);

#endif
