/* SPDX-License-Identifier: Apache-2.0 */
/* Template: comparisons of T (parameters T, NAME; FLOATING; LANES for 4 and 8 bytes);
 * k_compare.c. */
#define FN(name) HR_K_PASTE(name##_, NAME)
#if defined(FLOATING)
/* NaN = NaN and above all; & and | keep the loop free of branches, and work on vectors. */
#define EQUAL(x, y)      (((x) == (y)) | (((x) != (x)) & ((y) != (y))))
#define LESS(x, y)       (((x) < (y)) | (((x) == (x)) & ((y) != (y))))
#define LESS_EQUAL(x, y) (((x) <= (y)) | ((y) != (y)))
#else
#define EQUAL(x, y)      ((x) == (y))
#define LESS(x, y)       ((x) < (y))
#define LESS_EQUAL(x, y) ((x) <= (y))
#endif
#if defined(LANES) && defined(HR_K_LANE_BYTES)
#define USE_LANES 1
typedef T FN(lanes) __attribute__((vector_size(HR_K_LANE_BYTES)));
#else
#define USE_LANES 0
#endif

#define BLOCK equal
#define CMP   EQUAL
#include "kernel/compare_block.tmpl.h"
#define BLOCK less
#define CMP   LESS
#include "kernel/compare_block.tmpl.h"
#define BLOCK less_equal
#define CMP   LESS_EQUAL
#include "kernel/compare_block.tmpl.h"

HR_INLINE void FN(compare)(enum hr_cmp_op op, const T *a, const T *b, size_t n, uint64_t *bits,
                           bool one)
{
    uint64_t invert = op == HR_CMP_NE || op == HR_CMP_GT || op == HR_CMP_GE ? UINT64_MAX : 0;
    if (op == HR_CMP_EQ || op == HR_CMP_NE)
        FN(all_equal)(a, b, n, bits, one, invert);
    else if (op == HR_CMP_LT || op == HR_CMP_GE)
        FN(all_less)(a, b, n, bits, one, invert);
    else
        FN(all_less_equal)(a, b, n, bits, one, invert);
}

static void FN(cols)(enum hr_cmp_op op, const void *a, const void *b, size_t n, uint64_t *bits)
{
    FN(compare)(op, a, b, n, bits, false);
}

static void FN(to_const)(enum hr_cmp_op op, const void *a, const void *value, size_t n,
                         uint64_t *bits)
{
    const T one = *(const T *)value;
    FN(compare)(op, a, &one, n, bits, true);
}

#undef USE_LANES
#undef EQUAL
#undef LESS
#undef LESS_EQUAL
#undef FN
#undef T
#undef NAME
#undef FLOATING
#undef LANES
