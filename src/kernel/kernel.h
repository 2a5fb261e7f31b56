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
 *   bits     64-bit words; bits past n in an output are zero, in an input are ignored.
 *   NULLs    rows that are not valid are computed like any other.
 *   order    floats compare in Spark's total order: -0.0 = 0.0, NaN = NaN, NaN above all.
 *
 * No kernel allocates, locks or calls out. All threads share the tables.
 */
#ifndef HR_KERNEL_KERNEL_H
#define HR_KERNEL_KERNEL_H

#include "column/column.h"

enum hr_ktype { HR_K_I8, HR_K_I16, HR_K_I32, HR_K_I64, HR_K_F32, HR_K_F64, HR_K_I128, HR_K_COUNT };

enum hr_cmp_op { HR_CMP_EQ, HR_CMP_NE, HR_CMP_LT, HR_CMP_LE, HR_CMP_GT, HR_CMP_GE };

struct hr_compare_kernels {
    void (*cols[HR_K_COUNT])(enum hr_cmp_op op, const void *a, const void *b, size_t n,
                             uint64_t *bits);
    void (*to_const[HR_K_COUNT])(enum hr_cmp_op op, const void *a, const void *value, size_t n,
                                 uint64_t *bits);
};

struct hr_bits_kernels {
    /* Numbers of the set bits; sel has room for n. Returns how many. */
    size_t (*to_sel)(const uint64_t *bits, size_t n, uint32_t *sel);
};

struct hr_kernels {
    const char *name; /* "scalar", "base", "v3", "v4" */
    const struct hr_compare_kernels *compare;
    const struct hr_bits_kernels *bits;
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
        [HR_T_STRING] = HR_K_COUNT,    [HR_T_BINARY] = HR_K_COUNT,    [HR_T_DATE] = HR_K_I32,
        [HR_T_TIME] = HR_K_I64,        [HR_T_TIMESTAMP] = HR_K_I64,
        [HR_T_TIMESTAMP_NTZ] = HR_K_I64,
        [HR_T_INTERVAL_YM] = HR_K_I32, [HR_T_INTERVAL_DT] = HR_K_I64, [HR_T_ARRAY] = HR_K_COUNT,
        [HR_T_MAP] = HR_K_COUNT,       [HR_T_STRUCT] = HR_K_COUNT,
    };
    return (enum hr_ktype)table[type->id];
}

#endif
