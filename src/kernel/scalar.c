/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference: every kernel as the plainest loop over rows, written apart from the fast ones, for
 * tests to compare with and for HR_ISA=scalar. Kept free of vector code on purpose.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-vectorize")
#endif
#include <math.h>

#include "kernel/kernel.h"
#include "kernel/scalar.h"

/* Comparisons --------------------------------------------------------------------------------- */

static bool holds(enum hr_cmp_op op, int order)
{
    switch (op) {
    case HR_CMP_EQ: return order == 0;
    case HR_CMP_NE: return order != 0;
    case HR_CMP_LT: return order < 0;
    case HR_CMP_LE: return order <= 0;
    case HR_CMP_GT: return order > 0;
    case HR_CMP_GE: return order >= 0;
    }
    return false;
}

#define ORDER_INT(name, type)                             \
    static int order_##name(const void *a, const void *b) \
    {                                                     \
        type x, y;                                        \
        memcpy(&x, a, sizeof x);                          \
        memcpy(&y, b, sizeof y);                          \
        return (x > y) - (x < y);                         \
    }
ORDER_INT(i8, int8_t)
ORDER_INT(i16, int16_t)
ORDER_INT(i32, int32_t)
ORDER_INT(i64, int64_t)
ORDER_INT(i128, hr_i128)

static int order_f64(const void *a, const void *b)
{
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (isnan(x) || isnan(y)) return (int)isnan(x) - (int)isnan(y);
    return (x > y) - (x < y);
}

static int order_f32(const void *a, const void *b)
{
    float x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    double p = (double)x, q = (double)y;
    return order_f64(&p, &q);
}

#define COMPARE(name, width)                                                                       \
    static void cols_##name(enum hr_cmp_op op, const void *a, const void *b, size_t n,             \
                            uint64_t *bits)                                                        \
    {                                                                                              \
        memset(bits, 0, hr_bit_words(n) * 8);                                                      \
        for (size_t i = 0; i < n; i++)                                                             \
            if (holds(op,                                                                          \
                      order_##name((const char *)a + i * (width), (const char *)b + i * (width)))) \
                hr_bit_set(bits, (uint32_t)i);                                                     \
    }                                                                                              \
    static void to_const_##name(enum hr_cmp_op op, const void *a, const void *b, size_t n,         \
                                uint64_t *bits)                                                    \
    {                                                                                              \
        memset(bits, 0, hr_bit_words(n) * 8);                                                      \
        for (size_t i = 0; i < n; i++)                                                             \
            if (holds(op, order_##name((const char *)a + i * (width), b)))                         \
                hr_bit_set(bits, (uint32_t)i);                                                     \
    }
COMPARE(i8, 1)
COMPARE(i16, 2)
COMPARE(i32, 4)
COMPARE(i64, 8)
COMPARE(f32, 4)
COMPARE(f64, 8)
COMPARE(i128, 16)

#define NUMBERS(name)                                                        \
    [HR_K_I8] = name##_i8, [HR_K_I16] = name##_i16, [HR_K_I32] = name##_i32, \
    [HR_K_I64] = name##_i64, [HR_K_F32] = name##_f32, [HR_K_F64] = name##_f64

static const struct hr_compare_kernels compare = {
    .cols = {NUMBERS(cols), [HR_K_I128] = cols_i128},
    .to_const = {NUMBERS(to_const), [HR_K_I128] = to_const_i128},
};

/* Bitmaps ------------------------------------------------------------------------------------- */

static size_t to_sel(const uint64_t *bits, size_t n, uint32_t *sel)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (hr_bit_get(bits, (uint32_t)i)) sel[k++] = (uint32_t)i;
    return k;
}

static const struct hr_bits_kernels bits_kernels = {to_sel};

const struct hr_kernels hr_kernels_scalar = {"scalar", &compare, &bits_kernels};
