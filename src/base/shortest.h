/* SPDX-License-Identifier: Apache-2.0 */
/* Shortest decimal digits of floating-point numbers. */
#ifndef HR_BASE_SHORTEST_H
#define HR_BASE_SHORTEST_H

#include "base/base.h"

/* digits × 10^exponent; digits may end with zeros. */
struct hr_shortest {
    uint64_t digits;
    int exponent;
};

/* Of |v|, which is finite and not zero. Java's choice: at least two digits, nearest of the
 * shortest. */
struct hr_shortest hr_shortest_f64(double v);
struct hr_shortest hr_shortest_f32(float v);

#endif
