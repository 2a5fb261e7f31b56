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

const struct hr_compare_kernels HR_K_NAME(compare) = {
    .cols = {[HR_K_I8] = cols_i8,
             [HR_K_I16] = cols_i16,
             [HR_K_I32] = cols_i32,
             [HR_K_I64] = cols_i64,
             [HR_K_F32] = cols_f32,
             [HR_K_F64] = cols_f64,
             [HR_K_I128] = cols_i128},
    .to_const = {[HR_K_I8] = to_const_i8,
                 [HR_K_I16] = to_const_i16,
                 [HR_K_I32] = to_const_i32,
                 [HR_K_I64] = to_const_i64,
                 [HR_K_F32] = to_const_f32,
                 [HR_K_F64] = to_const_f64,
                 [HR_K_I128] = to_const_i128},
};
