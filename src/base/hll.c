/* SPDX-License-Identifier: Apache-2.0 */
/* HyperLogLog's arithmetic (hll.h): Heule et al.'s thresholds, without their bias table. */
#include "base/hll.h"

#include <math.h>

uint32_t hr_hll_precision(double relative_sd)
{
    int p = (int)ceil(2.0 * log(1.106 / relative_sd) / log(2.0));
    return (uint32_t)HR_MAX(HR_HLL_P_MIN, HR_MIN(p, HR_HLL_P_MAX));
}

void hr_hll_merge(uint8_t *into, const uint8_t *from, uint32_t p)
{
    for (size_t i = 0; i < hr_hll_bytes(p); i++) into[i] = HR_MAX(into[i], from[i]);
}

/* Where linear counting is better than the raw estimate, by precision from 4. */
static const double thresholds[] = {10,   20,   40,    80,    220,   400,    900,   1800,
                                    3100, 6500, 11500, 20000, 50000, 120000, 350000};

int64_t hr_hll_estimate(const uint8_t *registers, uint32_t p)
{
    double m = (double)(1u << p), sum = 0, zeros = 0;
    for (uint32_t i = 0; i < 1u << p; i++) {
        sum += ldexp(1.0, -registers[i]);
        zeros += registers[i] == 0;
    }
    double alpha = p == 4 ? 0.673 : p == 5 ? 0.697 : p == 6 ? 0.709 : 0.7213 / (1.0 + 1.079 / m);
    double raw = alpha * m * m / sum;
    if (zeros > 0) { /* the raw estimate is biased where many registers are empty */
        double linear = m * log(m / zeros);
        if (linear <= thresholds[p - 4] || raw <= 2.5 * m) return llround(linear);
    }
    return llround(raw);
}
