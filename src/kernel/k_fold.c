/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Folds. Integer sums run in 64 bits over blocks that cannot overflow (32-bit and smaller values)
 * or in 128 bits, with one check at the end. Float sums are sequential on purpose: the order is
 * part of the result. Words without a valid row are skipped, full words take a loop without a mask.
 */
#include "kernel/isa.h"

/* Sums ---------------------------------------------------------------------------------------- */

/* *sum must stay as it was: the builtin writes the wrapped value, so add to a copy. */
#define ADD_TO(sum, total)                                                   \
    do {                                                                     \
        int64_t result_;                                                     \
        if (__builtin_add_overflow(*(sum), (total), &result_)) return false; \
        *(sum) = result_;                                                    \
        return true;                                                         \
    } while (0)
/* Values of up to 32 bits: 2^31 of them fit into 64 bits, and a batch has no more. */
#define SUM_SMALL(type, name)                                                               \
    static bool sum_##name(const void *from, const uint64_t *valid, size_t n, int64_t *sum) \
    {                                                                                       \
        const type *values = from;                                                          \
        int64_t total = 0;                                                                  \
        for (size_t at = 0; at < n; at += 64) {                                             \
            size_t rows = HR_MIN(n - at, (size_t)64);                                       \
            uint64_t word = valid_word(valid, at) & low_bits(rows);                         \
            const type *v = values + at;                                                    \
            if (word == UINT64_MAX) {                                                       \
                for (size_t i = 0; i < 64; i++) total += v[i];                              \
            } else {                                                                        \
                for (; word; word &= word - 1) total += v[__builtin_ctzll(word)];           \
            }                                                                               \
        }                                                                                   \
        ADD_TO(sum, total);                                                                 \
    }
SUM_SMALL(int8_t, i8)
SUM_SMALL(int16_t, i16)
SUM_SMALL(int32_t, i32)

/* 64-bit values: the low halves and the high halves are summed apart, which vectorises; together
 * they are the 128-bit sum. */
static bool sum_i64(const void *from, const uint64_t *valid, size_t n, int64_t *sum)
{
    const int64_t *values = from;
    uint64_t low = 0;
    int64_t high = 0;
    for (size_t at = 0; at < n; at += 64) {
        size_t rows = HR_MIN(n - at, (size_t)64);
        uint64_t word = valid_word(valid, at) & low_bits(rows);
        const int64_t *v = values + at;
        if (word == UINT64_MAX) {
            uint64_t low_part = 0;
            uint64_t high_part = 0; /* biased to unsigned: a logical shift vectorises everywhere */
            for (size_t i = 0; i < 64; i++) {
                uint64_t biased = (uint64_t)v[i] ^ UINT64_C(0x8000000000000000);
                low_part += biased & 0xFFFFFFFFu;
                high_part += biased >> 32;
            }
            low += low_part;
            high += (int64_t)high_part - (INT64_C(64) << 31);
        } else {
            for (; word; word &= word - 1) {
                int64_t x = v[__builtin_ctzll(word)];
                low += (uint64_t)x & 0xFFFFFFFFu;
                high += x >> 32;
            }
        }
    }
    hr_i128 total = (hr_i128)high * ((hr_i128)1 << 32) + low + *sum;
    if (total > INT64_MAX || total < INT64_MIN) return false;
    *sum = (int64_t)total;
    return true;
}

static bool sum_i128(const hr_i128 *values, const uint64_t *valid, size_t n, hr_i128 *sum)
{
    hr_i128 total = *sum;
    bool bad = false;
    for (size_t at = 0; at < n; at += 64) {
        uint64_t word = valid_word(valid, at) & low_bits(HR_MIN(n - at, (size_t)64));
        for (; word; word &= word - 1)
            bad |=
                __builtin_add_overflow(total, values[at + (size_t)__builtin_ctzll(word)], &total);
    }
    if (bad) return false;
    *sum = total;
    return true;
}

#define SUM_FLOAT(type, name)                                                                \
    static void sum_##name(const type *values, const uint64_t *valid, size_t n, double *sum) \
    {                                                                                        \
        double total = *sum;                                                                 \
        for (size_t at = 0; at < n; at += 64) {                                              \
            uint64_t word = valid_word(valid, at) & low_bits(HR_MIN(n - at, (size_t)64));    \
            const type *v = values + at;                                                     \
            if (word == UINT64_MAX) {                                                        \
                for (size_t i = 0; i < 64; i++) total += (double)v[i];                       \
            } else {                                                                         \
                for (; word; word &= word - 1) total += (double)v[__builtin_ctzll(word)];    \
            }                                                                                \
        }                                                                                    \
        *sum = total;                                                                        \
    }
SUM_FLOAT(float, f32)
SUM_FLOAT(double, f64)

/* Least and greatest -------------------------------------------------------------------------- */

#define T    int8_t
#define NAME i8
#include "kernel/extreme.tmpl.h"
#define T    int16_t
#define NAME i16
#include "kernel/extreme.tmpl.h"
#define T    int32_t
#define NAME i32
#include "kernel/extreme.tmpl.h"
#define T    int64_t
#define NAME i64
#include "kernel/extreme.tmpl.h"
#define T    hr_i128
#define NAME i128
#include "kernel/extreme.tmpl.h"
#define T        float
#define NAME     f32
#define FLOATING 1
#include "kernel/extreme.tmpl.h"
#define T        double
#define NAME     f64
#define FLOATING 1
#include "kernel/extreme.tmpl.h"

#define ROW(name)                                                                  \
    {                                                                              \
        [HR_K_I8] = name##_i8, [HR_K_I16] = name##_i16, [HR_K_I32] = name##_i32,   \
        [HR_K_I64] = name##_i64, [HR_K_F32] = name##_f32, [HR_K_F64] = name##_f64, \
        [HR_K_I128] = name##_i128                                                  \
    }

const struct hr_fold_kernels HR_K_NAME(fold) = {
    .sum_i64 = {sum_i8, sum_i16, sum_i32, sum_i64},
    .sum_f32 = sum_f32,
    .sum_f64 = sum_f64,
    .sum_i128 = sum_i128,
    .min = ROW(min),
    .max = ROW(max),
};
