/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Comparisons to bits. The order is total, so three loops serve six operators: NE, GT and GE are
 * the inverted bits of EQ, LE and LT. 64 rows make a word: values of 4 and 8 bytes by the sign bits
 * of vector lanes, others by way of 64 bytes of 0 or 0xFF, which compilers vectorise for any width.
 */
#include "kernel/isa.h"

#define T    int8_t
#define NAME i8
#include "kernel/compare.tmpl.h"
#define T    int16_t
#define NAME i16
#include "kernel/compare.tmpl.h"
#define T     int32_t
#define NAME  i32
#define LANES HR_K_SIGNS_4
#include "kernel/compare.tmpl.h"
#define T     int64_t
#define NAME  i64
#define LANES HR_K_SIGNS_8
#include "kernel/compare.tmpl.h"
#define T    hr_i128
#define NAME i128
#include "kernel/compare.tmpl.h"
#define T        float
#define NAME     f32
#define LANES    HR_K_SIGNS_4
#define FLOATING 1
#include "kernel/compare.tmpl.h"
#define T        double
#define NAME     f64
#define LANES    HR_K_SIGNS_8
#define FLOATING 1
#include "kernel/compare.tmpl.h"

/* Strings ------------------------------------------------------------------------------------- */

/* Equality tests the word of length and prefix for a whole block first: that is all it takes where
 * keys differ. */
HR_INLINE uint64_t same_heads(const struct hr_string *a, const struct hr_string *b, size_t n,
                              size_t step)
{
    uint8_t bytes[64];
    for (size_t i = 0; i < n; i++) {
        uint64_t x, y;
        memcpy(&x, &a[i], 8);
        memcpy(&y, &b[i * step], 8);
        bytes[i] = x == y ? 0xFF : 0;
    }
    memset(bytes + n, 0, 64 - n);
    return pack_bytes(bytes);
}

HR_INLINE uint64_t equal_block(const struct hr_string *a, const struct hr_string *b, size_t n,
                               size_t step)
{
    uint64_t heads = same_heads(a, b, n, step), word = 0;
    for (; heads; heads &= heads - 1) {
        size_t i = (size_t)__builtin_ctzll(heads);
        word |= (uint64_t)hr_string_eq(&a[i], &b[i * step]) << i;
    }
    return word;
}

HR_INLINE uint64_t less_block(const struct hr_string *a, const struct hr_string *b, size_t n,
                              size_t step, int below)
{
    uint64_t word = 0;
    for (size_t i = 0; i < n; i++)
        word |= (uint64_t)(hr_string_cmp(&a[i], &b[i * step]) < below) << i;
    return word;
}

HR_INLINE void compare_strings(enum hr_cmp_op op, const void *left, const void *right, size_t n,
                               uint64_t *bits, size_t step)
{
    const struct hr_string *a = left, *b = right;
    uint64_t invert = op == HR_CMP_NE || op == HR_CMP_GT || op == HR_CMP_GE ? UINT64_MAX : 0;
    bool equal = op == HR_CMP_EQ || op == HR_CMP_NE;
    int below = op == HR_CMP_LE || op == HR_CMP_GT ? 1 : 0;
    for (size_t at = 0; at < n; at += 64) {
        size_t rows = HR_MIN(n - at, (size_t)64);
        const struct hr_string *y = b + at * step;
        uint64_t word =
            equal ? equal_block(a + at, y, rows, step) : less_block(a + at, y, rows, step, below);
        bits[at / 64] = (word ^ invert) & low_bits(rows);
    }
}

static void cols_str(enum hr_cmp_op op, const void *a, const void *b, size_t n, uint64_t *bits)
{
    compare_strings(op, a, b, n, bits, 1);
}

static void to_const_str(enum hr_cmp_op op, const void *a, const void *value, size_t n,
                         uint64_t *bits)
{
    compare_strings(op, a, value, n, bits, 0);
}

const struct hr_compare_kernels HR_K_NAME(compare) = {
    .cols = {[HR_K_I8] = cols_i8,
             [HR_K_I16] = cols_i16,
             [HR_K_I32] = cols_i32,
             [HR_K_I64] = cols_i64,
             [HR_K_F32] = cols_f32,
             [HR_K_F64] = cols_f64,
             [HR_K_I128] = cols_i128,
             [HR_K_STR] = cols_str},
    .to_const = {[HR_K_I8] = to_const_i8,
                 [HR_K_I16] = to_const_i16,
                 [HR_K_I32] = to_const_i32,
                 [HR_K_I64] = to_const_i64,
                 [HR_K_F32] = to_const_f32,
                 [HR_K_F64] = to_const_f64,
                 [HR_K_I128] = to_const_i128,
                 [HR_K_STR] = to_const_str},
};
