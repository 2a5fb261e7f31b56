/* SPDX-License-Identifier: Apache-2.0 */
/* Random numbers of samples: the same seed gives the same ones. */
#ifndef HR_RDD_RANDOM_H
#define HR_RDD_RANDOM_H

#include <math.h>

#include "base/hash.h"

/* In [0, 1). */
HR_INLINE double hr_random_uniform(uint64_t *state)
{
    return (double)(hr_splitmix64(state) >> 11) * 0x1p-53;
}

/* Below n (> 0). */
HR_INLINE uint64_t hr_random_below(uint64_t *state, uint64_t n)
{
    return (uint64_t)(((hr_u128)hr_splitmix64(state) * n) >> 64);
}

/* Knuth's; means are small numbers, and beyond 30 the normal approximation is good. */
HR_INLINE uint32_t hr_random_poisson(uint64_t *state, double mean)
{
    if (mean > 30) {
        double u = hr_random_uniform(state), v = hr_random_uniform(state);
        double n = mean + sqrt(mean) * sqrt(-2 * log(u + 1e-300)) * cos(6.283185307179586 * v);
        return n < 0 ? 0 : (uint32_t)(n + 0.5);
    }
    double limit = exp(-mean), p = 1;
    uint32_t n = 0;
    do {
        n++;
        p *= hr_random_uniform(state);
    } while (p > limit);
    return n - 1;
}

#endif
