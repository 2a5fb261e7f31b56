/* SPDX-License-Identifier: Apache-2.0 */
/* Small things that several kinds of models share. */
#ifndef HR_ML_FEATURES_H
#define HR_ML_FEATURES_H

#include <math.h>

#include "column/column.h"

/* MurmurHash3_x86_32 as it was published (Spark's ml.HashingTF: seed 42). */
uint32_t hr_murmur3_32(const void *data, size_t size, uint32_t seed);

HR_INLINE double hr_ml_sigmoid(double z)
{
    return z >= 0 ? 1 / (1 + exp(-z)) : exp(z) / (1 + exp(z));
}

/* Sum of products in four lanes: the same bits wherever it is compiled. count is a multiple of 4;
 * what stands behind the last value is zero. */
HR_INLINE double hr_ml_dot(const double *a, const double *b, uint32_t count)
{
    double lanes[4] = {0};
    for (uint32_t j = 0; j < count; j += 4)
        for (uint32_t k = 0; k < 4; k++) lanes[k] += a[j + k] * b[j + k];
    return (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
}
HR_INLINE uint32_t hr_ml_padded(uint32_t count)
{
    return (count + 3) & ~3u;
}

/* "1, 2; 3, 4" of an option: exactly count finite numbers. */
hr_status hr_ml_parse_numbers(const char *text, const char *option, double *ret, size_t count,
                              struct hr_err *err) HR_CHECKED;

/* Mean and variance of numbers as they come (Welford). */
struct hr_ml_moments {
    double mean, m2;
};
HR_INLINE void hr_ml_moments_add(struct hr_ml_moments *m, double n, double x)
{
    double delta = x - m->mean;
    m->mean += delta / n;
    m->m2 += delta * (x - m->mean);
}

#endif
