/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HyperLogLog: about how many different 64-bit hashes were seen, in 2^p registers of a byte each
 * (all 0 at first). Sketches of the same p merge by the larger register.
 */
#ifndef HR_BASE_HLL_H
#define HR_BASE_HLL_H

#include "base/base.h"

#define HR_HLL_P_MIN 4
#define HR_HLL_P_MAX 18

/* The p with about this relative standard deviation, within the limits. */
uint32_t hr_hll_precision(double relative_sd);
HR_INLINE size_t hr_hll_bytes(uint32_t p)
{
    return (size_t)1 << p;
}
HR_INLINE void hr_hll_add(uint8_t *registers, uint32_t p, uint64_t hash)
{
    uint64_t rest = (hash << p) | (UINT64_C(1) << (p - 1));
    uint8_t rank = (uint8_t)(__builtin_clzll(rest) + 1);
    uint64_t index = hash >> (64 - p);
    if (registers[index] < rank) registers[index] = rank;
}
void hr_hll_merge(uint8_t *into, const uint8_t *from, uint32_t p);
int64_t hr_hll_estimate(const uint8_t *registers, uint32_t p);

#endif
