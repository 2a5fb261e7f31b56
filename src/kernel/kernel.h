/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kernels: the loops over arrays, compiled for several instruction sets and chosen once at start.
 *
 *     const struct hr_kernels *k = hr_kernels();
 *     k->compare->cols[HR_K_I64](HR_CMP_LT, a, b, n, bits);
 *
 * Rules for all of them
 *   arrays   need the alignment of their element only; nothing is read or written beyond n elements
 *            (bits: beyond the last word). Input and output may be the same array, not overlap.
 *   bits     64-bit words; bits past n in an output are zero, in an input are ignored. A NULL
 *            `valid` means that all rows are valid.
 *   NULLs    rows that are not valid are computed like any other, and never report an error.
 *   errors   a kernel that can fail returns the first failing valid row, or -1. Rows behind it may
 *            or may not be written.
 *   order    floats compare in Spark's total order: -0.0 = 0.0, NaN = NaN, NaN above all.
 *
 * No kernel allocates, locks or calls out. All threads share the tables.
 */
#ifndef HR_KERNEL_KERNEL_H
#define HR_KERNEL_KERNEL_H

#include "column/column.h"

enum hr_ktype {
    HR_K_I8, HR_K_I16, HR_K_I32, HR_K_I64, HR_K_F32, HR_K_F64,
    HR_K_I128,
    HR_K_STR,   /* struct hr_string */
    HR_K_COUNT,
    HR_K_NUMBERS = HR_K_I128, /* the first so many have arithmetic */
};

enum hr_cmp_op { HR_CMP_EQ, HR_CMP_NE, HR_CMP_LT, HR_CMP_LE, HR_CMP_GT, HR_CMP_GE };

/* DIV and MOD of integers are Java's: towards zero, the sign of the dividend. They fail on a zero
 * divisor (floats, too: Spark's ANSI mode) and on MIN / -1; MIN % -1 is 0. */
enum hr_arith_op {
    HR_ARITH_ADD,
    HR_ARITH_SUB,
    HR_ARITH_MUL,
    HR_ARITH_DIV,
    HR_ARITH_MOD,
    HR_ARITH_COUNT
};

/* Which operand is one value for all rows. */
enum hr_shape { HR_COL_COL, HR_COL_CONST, HR_CONST_COL };

enum hr_bit_op { HR_BIT_AND, HR_BIT_OR, HR_BIT_XOR, HR_BIT_ANDNOT };

struct hr_compare_kernels {
    void (*cols[HR_K_COUNT])(enum hr_cmp_op op, const void *a, const void *b, size_t n,
                             uint64_t *bits);
    void (*to_const[HR_K_COUNT])(enum hr_cmp_op op, const void *a, const void *value, size_t n,
                                 uint64_t *bits);
};

struct hr_arith_kernels {
    int64_t (*binary[HR_ARITH_COUNT][HR_K_NUMBERS])(enum hr_shape shape, const void *a,
                                                    const void *b, const uint64_t *valid, size_t n,
                                                    void *out);
    int64_t (*negate[HR_K_NUMBERS])(const void *a, const uint64_t *valid, size_t n, void *out);
    int64_t (*absolute[HR_K_NUMBERS])(const void *a, const uint64_t *valid, size_t n, void *out);
    /* Fails where the value does not fit; a float is cut towards zero, NaN does not fit. As in
     * Spark, 2^63 as a float fits LONG, as its maximum. */
    int64_t (*cast[HR_K_NUMBERS][HR_K_NUMBERS])(const void *a, const uint64_t *valid, size_t n,
                                                void *out);
};

struct hr_bits_kernels {
    void (*combine)(enum hr_bit_op op, const uint64_t *a, const uint64_t *b, size_t n,
                    uint64_t *out);
    void (*invert)(const uint64_t *a, size_t n, uint64_t *out);
    size_t (*count)(const uint64_t *bits, size_t n);
    /* Numbers of the set bits; sel has room for n. Returns how many. */
    size_t (*to_sel)(const uint64_t *bits, size_t n, uint32_t *sel);
    /* Those of sel whose bit is set; out may be sel. Returns how many. */
    size_t (*filter_sel)(const uint64_t *bits, const uint32_t *sel, size_t n, uint32_t *out);
    void (*gather)(const uint64_t *bits, const uint32_t *rows, size_t n, uint64_t *out);
};

/* Fixed-width values src[rows[i]] by width in bytes: 1, 2, 4, 8, 16 at index 0 … 4. */
struct hr_gather_kernels {
    void (*width[5])(const void *src, const uint32_t *rows, size_t n, void *out);
};

struct hr_fold_kernels {
    /* *sum += the valid values. false: overflow, *sum untouched. I8 … I64. */
    bool (*sum_i64[HR_K_I64 + 1])(const void *values, const uint64_t *valid, size_t n,
                                  int64_t *sum);
    /* In row order, one after the other, as Spark: the same result on every machine. */
    void (*sum_f32)(const float *values, const uint64_t *valid, size_t n, double *sum);
    void (*sum_f64)(const double *values, const uint64_t *valid, size_t n, double *sum);
    bool (*sum_i128)(const hr_i128 *values, const uint64_t *valid, size_t n, hr_i128 *sum);
    /* *best becomes the least (greatest) of itself and the valid values when has_best, else of the
     * values alone. Returns whether *best is set now. Not for STR. */
    bool (*min[HR_K_STR])(const void *values, const uint64_t *valid, size_t n, bool has_best,
                          void *best);
    bool (*max[HR_K_STR])(const void *values, const uint64_t *valid, size_t n, bool has_best,
                          void *best);
};

/* hash[i] = hr_hash_combine(hash[i], value i), as hr_column_hash: part of the state format. */
struct hr_hash_kernels {
    void (*combine[HR_K_COUNT])(const void *values, const uint64_t *valid, size_t n,
                                uint64_t *hash);
};

struct hr_scan_kernels {
    /* Index of the first byte c, or n. */
    size_t (*find)(const char *text, size_t n, char c);
    /* Bit i set where text[i] is one of the four (repeat one to ask for fewer). */
    void (*mark)(const char *text, size_t n, const char set[4], uint64_t *bits);
    /* Positions of c, ascending, at most max; returns how many. */
    size_t (*positions)(const char *text, size_t n, char c, uint32_t *out, size_t max);
};

struct hr_kernels {
    const char *name; /* "scalar", "base", "v3", "v4" */
    const struct hr_compare_kernels *compare;
    const struct hr_arith_kernels *arith;
    const struct hr_bits_kernels *bits;
    const struct hr_gather_kernels *gather;
    const struct hr_fold_kernels *fold;
    const struct hr_hash_kernels *hash;
    const struct hr_scan_kernels *scan;
};

/* The best that this machine runs; HR_ISA=scalar|base|v3|v4 in the environment asks for less. */
const struct hr_kernels *hr_kernels(void);
/* A set by name, NULL when this build or this machine has it not. For tests and benchmarks. */
const struct hr_kernels *hr_kernels_named(const char *name);

/* The kernels' type of a column's values, HR_K_COUNT when there is none. */
HR_INLINE enum hr_ktype hr_ktype_of(const struct hr_type *type)
{
    static const uint8_t table[HR_T_COUNT] = {
        [HR_T_NULL] = HR_K_COUNT,      [HR_T_BOOLEAN] = HR_K_COUNT,   [HR_T_BYTE] = HR_K_I8,
        [HR_T_SHORT] = HR_K_I16,       [HR_T_INT] = HR_K_I32,         [HR_T_LONG] = HR_K_I64,
        [HR_T_FLOAT] = HR_K_F32,       [HR_T_DOUBLE] = HR_K_F64,      [HR_T_DECIMAL] = HR_K_I128,
        [HR_T_STRING] = HR_K_STR,      [HR_T_BINARY] = HR_K_STR,      [HR_T_DATE] = HR_K_I32,
        [HR_T_TIMESTAMP] = HR_K_I64,   [HR_T_TIMESTAMP_NTZ] = HR_K_I64,
        [HR_T_INTERVAL_YM] = HR_K_I32, [HR_T_INTERVAL_DT] = HR_K_I64, [HR_T_ARRAY] = HR_K_COUNT,
        [HR_T_MAP] = HR_K_COUNT,       [HR_T_STRUCT] = HR_K_COUNT,
    };
    return (enum hr_ktype)table[type->id];
}

#endif
