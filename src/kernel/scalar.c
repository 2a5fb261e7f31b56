/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The reference: every kernel as the plainest loop over rows, written apart from the fast ones, for
 * tests to compare with and for HR_ISA=scalar. Kept free of vector code on purpose.
 */
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC optimize("no-tree-vectorize")
#endif
#include <math.h>

#include "base/hash.h"
#include "kernel/kernel.h"
#include "kernel/scalar.h"

static bool is_valid(const uint64_t *valid, size_t i)
{
    return !valid || hr_bit_get(valid, (uint32_t)i);
}

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

static int order_str(const void *a, const void *b)
{
    return hr_sv_cmp(hr_string_view(a), hr_string_view(b));
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
COMPARE(str, 16)

#define NUMBERS(name)                                                        \
    [HR_K_I8] = name##_i8, [HR_K_I16] = name##_i16, [HR_K_I32] = name##_i32, \
    [HR_K_I64] = name##_i64, [HR_K_F32] = name##_f32, [HR_K_F64] = name##_f64

static const struct hr_compare_kernels compare = {
    .cols = {NUMBERS(cols), [HR_K_I128] = cols_i128, [HR_K_STR] = cols_str},
    .to_const = {NUMBERS(to_const), [HR_K_I128] = to_const_i128, [HR_K_STR] = to_const_str},
};

/* Arithmetic ---------------------------------------------------------------------------------- */

/* Every integer operation in 128 bits; false when it fails. */
static bool int_op(enum hr_arith_op op, hr_i128 x, hr_i128 y, hr_i128 low, hr_i128 high,
                   hr_i128 *ret)
{
    hr_i128 r = 0;
    if (op == HR_ARITH_ADD) r = x + y;
    if (op == HR_ARITH_SUB) r = x - y;
    if (op == HR_ARITH_MUL) r = x * y;
    if (op == HR_ARITH_DIV && y != 0) r = x / y;
    if (op == HR_ARITH_MOD && y != 0) r = x % y;
    *ret = r;
    if (op >= HR_ARITH_DIV && y == 0) return false;
    return r >= low && r <= high;
}

#define INT_ARITH(op, OP, name, type, low, high)                                  \
    static int64_t op##_##name(enum hr_shape shape, const void *a, const void *b, \
                               const uint64_t *valid, size_t n, void *out)        \
    {                                                                             \
        for (size_t i = 0; i < n; i++) {                                          \
            type x = ((const type *)a)[shape == HR_CONST_COL ? 0 : i];            \
            type y = ((const type *)b)[shape == HR_COL_CONST ? 0 : i];            \
            hr_i128 r;                                                            \
            bool fine = int_op(OP, x, y, low, high, &r);                          \
            if (!fine && is_valid(valid, i)) return (int64_t)i;                   \
            ((type *)out)[i] = (type)r;                                           \
        }                                                                         \
        return -1;                                                                \
    }
#define FLOAT_ARITH(op, OP, name, type)                                                 \
    static int64_t op##_##name(enum hr_shape shape, const void *a, const void *b,       \
                               const uint64_t *valid, size_t n, void *out)              \
    {                                                                                   \
        for (size_t i = 0; i < n; i++) {                                                \
            type x = ((const type *)a)[shape == HR_CONST_COL ? 0 : i];                  \
            type y = ((const type *)b)[shape == HR_COL_CONST ? 0 : i];                  \
            if (OP >= HR_ARITH_DIV && y == 0 && is_valid(valid, i)) return (int64_t)i;  \
            ((type *)out)[i] = OP == HR_ARITH_ADD   ? x + y                             \
                               : OP == HR_ARITH_SUB ? x - y                             \
                               : OP == HR_ARITH_MUL ? x * y                             \
                               : OP == HR_ARITH_DIV ? x / y                             \
                                                    : (type)fmod((double)x, (double)y); \
        }                                                                               \
        return -1;                                                                      \
    }
#define ARITH(op, OP)                                     \
    INT_ARITH(op, OP, i8, int8_t, INT8_MIN, INT8_MAX)     \
    INT_ARITH(op, OP, i16, int16_t, INT16_MIN, INT16_MAX) \
    INT_ARITH(op, OP, i32, int32_t, INT32_MIN, INT32_MAX) \
    INT_ARITH(op, OP, i64, int64_t, INT64_MIN, INT64_MAX) \
    FLOAT_ARITH(op, OP, f32, float)                       \
    FLOAT_ARITH(op, OP, f64, double)
ARITH(add, HR_ARITH_ADD)
ARITH(sub, HR_ARITH_SUB)
ARITH(mul, HR_ARITH_MUL)
ARITH(div, HR_ARITH_DIV)
ARITH(mod, HR_ARITH_MOD)

#define INT_UNARY(name, type, low)                                                            \
    static int64_t negate_##name(const void *a, const uint64_t *valid, size_t n, void *out)   \
    {                                                                                         \
        for (size_t i = 0; i < n; i++) {                                                      \
            type v = ((const type *)a)[i];                                                    \
            if (v == (low) && is_valid(valid, i)) return (int64_t)i;                          \
            ((type *)out)[i] = v == (low) ? v : (type)-v;                                     \
        }                                                                                     \
        return -1;                                                                            \
    }                                                                                         \
    static int64_t absolute_##name(const void *a, const uint64_t *valid, size_t n, void *out) \
    {                                                                                         \
        for (size_t i = 0; i < n; i++) {                                                      \
            type v = ((const type *)a)[i];                                                    \
            if (v == (low) && is_valid(valid, i)) return (int64_t)i;                          \
            ((type *)out)[i] = v < 0 && v != (low) ? (type)-v : v;                            \
        }                                                                                     \
        return -1;                                                                            \
    }
INT_UNARY(i8, int8_t, INT8_MIN)
INT_UNARY(i16, int16_t, INT16_MIN)
INT_UNARY(i32, int32_t, INT32_MIN)
INT_UNARY(i64, int64_t, INT64_MIN)

#define FLOAT_UNARY(name, type)                                                               \
    static int64_t negate_##name(const void *a, const uint64_t *valid, size_t n, void *out)   \
    {                                                                                         \
        HR_UNUSED(valid);                                                                     \
        for (size_t i = 0; i < n; i++) ((type *)out)[i] = -((const type *)a)[i];              \
        return -1;                                                                            \
    }                                                                                         \
    static int64_t absolute_##name(const void *a, const uint64_t *valid, size_t n, void *out) \
    {                                                                                         \
        HR_UNUSED(valid);                                                                     \
        for (size_t i = 0; i < n; i++)                                                        \
            ((type *)out)[i] = (type)fabs((double)((const type *)a)[i]);                      \
        return -1;                                                                            \
    }
FLOAT_UNARY(f32, float)
FLOAT_UNARY(f64, double)

/* Casts: through 128-bit integers or doubles. */
static bool float_to_int(double v, double low, double high, int64_t *ret)
{
    *ret = 0;
    if (isnan(v) || floor(v) > high || ceil(v) < low) return false; /* Spark's own test */
    *ret = v >= 0x1p63 ? INT64_MAX : (int64_t)v;
    return true;
}

#define CAST(from_name, from, to_name, to, low, high)                                           \
    static int64_t cast_##from_name##_##to_name(const void *a, const uint64_t *valid, size_t n, \
                                                void *out)                                      \
    {                                                                                           \
        for (size_t i = 0; i < n; i++) {                                                        \
            from v = ((const from *)a)[i];                                                      \
            bool from_float = (from)0.5 != 0, to_float = (to)0.5 != 0, fine = true;             \
            int64_t whole = 0;                                                                  \
            if (!to_float && from_float)                                                        \
                fine = float_to_int((double)v, (double)(low), (double)(high), &whole);          \
            if (!to_float && !from_float) {                                                     \
                whole = (int64_t)v;                                                             \
                fine = whole >= (low) && whole <= (high);                                       \
            }                                                                                   \
            if (!fine && is_valid(valid, i)) return (int64_t)i;                                 \
            ((to *)out)[i] = to_float ? (to)v : (to)whole;                                      \
        }                                                                                       \
        return -1;                                                                              \
    }
#define CASTS(from_name, from)                                \
    CAST(from_name, from, i8, int8_t, INT8_MIN, INT8_MAX)     \
    CAST(from_name, from, i16, int16_t, INT16_MIN, INT16_MAX) \
    CAST(from_name, from, i32, int32_t, INT32_MIN, INT32_MAX) \
    CAST(from_name, from, i64, int64_t, INT64_MIN, INT64_MAX) \
    CAST(from_name, from, f32, float, 0, 0)                   \
    CAST(from_name, from, f64, double, 0, 0)
CASTS(i8, int8_t)
CASTS(i16, int16_t)
CASTS(i32, int32_t)
CASTS(i64, int64_t)
CASTS(f32, float)
CASTS(f64, double)

static const struct hr_arith_kernels arith = {
    .binary = {[HR_ARITH_ADD] = {NUMBERS(add)},
               [HR_ARITH_SUB] = {NUMBERS(sub)},
               [HR_ARITH_MUL] = {NUMBERS(mul)},
               [HR_ARITH_DIV] = {NUMBERS(div)},
               [HR_ARITH_MOD] = {NUMBERS(mod)}},
    .negate = {NUMBERS(negate)},
    .absolute = {NUMBERS(absolute)},
    .cast = {[HR_K_I8] = {NUMBERS(cast_i8)},
             [HR_K_I16] = {NUMBERS(cast_i16)},
             [HR_K_I32] = {NUMBERS(cast_i32)},
             [HR_K_I64] = {NUMBERS(cast_i64)},
             [HR_K_F32] = {NUMBERS(cast_f32)},
             [HR_K_F64] = {NUMBERS(cast_f64)}},
};

/* Bits ---------------------------------------------------------------------------------------- */

static void combine(enum hr_bit_op op, const uint64_t *a, const uint64_t *b, size_t n,
                    uint64_t *out)
{
    for (size_t w = 0; w < hr_bit_words(n); w++) {
        uint64_t word = 0;
        for (size_t i = w * 64; i < n && i < w * 64 + 64; i++) {
            bool x = hr_bit_get(a, (uint32_t)i), y = hr_bit_get(b, (uint32_t)i);
            bool r = op == HR_BIT_AND   ? x && y
                     : op == HR_BIT_OR  ? x || y
                     : op == HR_BIT_XOR ? x != y
                                        : x && !y;
            word |= (uint64_t)r << (i % 64);
        }
        out[w] = word;
    }
}

static void invert(const uint64_t *a, size_t n, uint64_t *out)
{
    for (size_t w = 0; w < hr_bit_words(n); w++) {
        uint64_t word = 0;
        for (size_t i = w * 64; i < n && i < w * 64 + 64; i++)
            word |= (uint64_t)!hr_bit_get(a, (uint32_t)i) << (i % 64);
        out[w] = word;
    }
}

static size_t count(const uint64_t *bits, size_t n)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++) k += hr_bit_get(bits, (uint32_t)i);
    return k;
}

static size_t to_sel(const uint64_t *bits, size_t n, uint32_t *sel)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (hr_bit_get(bits, (uint32_t)i)) sel[k++] = (uint32_t)i;
    return k;
}

static size_t filter_sel(const uint64_t *bits, const uint32_t *sel, size_t n, uint32_t *out)
{
    size_t k = 0;
    for (size_t i = 0; i < n; i++)
        if (hr_bit_get(bits, sel[i])) out[k++] = sel[i];
    return k;
}

static void gather_bits(const uint64_t *bits, const uint32_t *rows, size_t n, uint64_t *out)
{
    memset(out, 0, hr_bit_words(n) * 8);
    for (size_t i = 0; i < n; i++)
        if (hr_bit_get(bits, rows[i])) hr_bit_set(out, (uint32_t)i);
}

static const struct hr_bits_kernels bits_kernels = {combine, invert,     count,
                                                    to_sel,  filter_sel, gather_bits};

/* Gathers ------------------------------------------------------------------------------------- */

#define GATHER(width)                                                                        \
    static void gather_##width(const void *src, const uint32_t *rows, size_t n, void *out)   \
    {                                                                                        \
        for (size_t i = 0; i < n; i++)                                                       \
            memcpy((char *)out + i * (width), (const char *)src + (size_t)rows[i] * (width), \
                   width);                                                                   \
    }
GATHER(1)
GATHER(2)
GATHER(4)
GATHER(8)
GATHER(16)

static const struct hr_gather_kernels gather = {
    {gather_1, gather_2, gather_4, gather_8, gather_16}};

/* Folds --------------------------------------------------------------------------------------- */

#define SUM_INT(name, type)                                                                   \
    static bool sum_##name(const void *values, const uint64_t *valid, size_t n, int64_t *sum) \
    {                                                                                         \
        hr_i128 total = *sum;                                                                 \
        for (size_t i = 0; i < n; i++)                                                        \
            if (is_valid(valid, i)) total += ((const type *)values)[i];                       \
        if (total > INT64_MAX || total < INT64_MIN) return false;                             \
        *sum = (int64_t)total;                                                                \
        return true;                                                                          \
    }
SUM_INT(i8, int8_t)
SUM_INT(i16, int16_t)
SUM_INT(i32, int32_t)
SUM_INT(i64, int64_t)

static void sum_f64(const double *values, const uint64_t *valid, size_t n, double *sum)
{
    for (size_t i = 0; i < n; i++)
        if (is_valid(valid, i)) *sum += values[i];
}

static void sum_f32(const float *values, const uint64_t *valid, size_t n, double *sum)
{
    for (size_t i = 0; i < n; i++)
        if (is_valid(valid, i)) *sum += (double)values[i];
}

static bool sum_i128(const hr_i128 *values, const uint64_t *valid, size_t n, hr_i128 *sum)
{
    hr_i128 total = *sum;
    for (size_t i = 0; i < n; i++)
        if (is_valid(valid, i) && __builtin_add_overflow(total, values[i], &total)) return false;
    *sum = total;
    return true;
}

#define EXTREME(op, sign, name, type)                                                        \
    static bool op##_##name(const void *values, const uint64_t *valid, size_t n, bool has,   \
                            void *best)                                                      \
    {                                                                                        \
        for (size_t i = 0; i < n; i++) {                                                     \
            const type *v = (const type *)values + i;                                        \
            if (!is_valid(valid, i) || (has && (sign)*order_##name(v, best) <= 0)) continue; \
            memcpy(best, v, sizeof *v);                                                      \
            has = true;                                                                      \
        }                                                                                    \
        return has;                                                                          \
    }
#define EXTREMES(op, sign)          \
    EXTREME(op, sign, i8, int8_t)   \
    EXTREME(op, sign, i16, int16_t) \
    EXTREME(op, sign, i32, int32_t) \
    EXTREME(op, sign, i64, int64_t) \
    EXTREME(op, sign, f32, float)   \
    EXTREME(op, sign, f64, double)  \
    EXTREME(op, sign, i128, hr_i128)
EXTREMES(min, -1)
EXTREMES(max, 1)

static const struct hr_fold_kernels fold = {
    .sum_i64 = {sum_i8, sum_i16, sum_i32, sum_i64},
    .sum_f32 = sum_f32,
    .sum_f64 = sum_f64,
    .sum_i128 = sum_i128,
    .min = {NUMBERS(min), [HR_K_I128] = min_i128},
    .max = {NUMBERS(max), [HR_K_I128] = max_i128},
};

/* Hashes: by the column's own function -------------------------------------------------------- */

#define HASH(name, type_id)                                                                      \
    static void hash_##name(const void *values, const uint64_t *valid, size_t n, uint64_t *hash) \
    {                                                                                            \
        struct hr_type type = {.id = type_id};                                                   \
        struct hr_column col = {                                                                 \
            .type = &type, .length = (uint32_t)n, .validity = valid, .values = values};          \
        hr_column_hash(&col, NULL, (uint32_t)n, hash);                                           \
    }
HASH(i8, HR_T_BYTE)
HASH(i16, HR_T_SHORT)
HASH(i32, HR_T_INT)
HASH(i64, HR_T_LONG)
HASH(f32, HR_T_FLOAT)
HASH(f64, HR_T_DOUBLE)
HASH(i128, HR_T_DECIMAL)
HASH(str, HR_T_STRING)

static const struct hr_hash_kernels hash_kernels = {
    {NUMBERS(hash), [HR_K_I128] = hash_i128, [HR_K_STR] = hash_str}};

/* Bytes --------------------------------------------------------------------------------------- */

static size_t find(const char *text, size_t n, char c)
{
    size_t i = 0;
    while (i < n && text[i] != c) i++;
    return i;
}

static void mark(const char *text, size_t n, const char set[4], uint64_t *bits)
{
    memset(bits, 0, hr_bit_words(n) * 8);
    for (size_t i = 0; i < n; i++)
        if (memchr(set, text[i], 4)) hr_bit_set(bits, (uint32_t)i);
}

static size_t positions(const char *text, size_t n, char c, uint32_t *out, size_t max)
{
    size_t k = 0;
    for (size_t i = 0; i < n && k < max; i++)
        if (text[i] == c) out[k++] = (uint32_t)i;
    return k;
}

static const struct hr_scan_kernels scan = {find, mark, positions};

const struct hr_kernels hr_kernels_scalar = {
    "scalar", &compare, &arith, &bits_kernels, &gather, &fold, &hash_kernels, &scan,
};
