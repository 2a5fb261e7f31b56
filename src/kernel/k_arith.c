/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Arithmetic and casts. A block of rows is computed without branches while it is noted whether any
 * row failed; only a block that had one is looked at row by row, and only failures of valid rows
 * count.
 */
#include "kernel/isa.h"

#include <math.h>

#define BLOCK_ROWS 512

/* Integers: W is wide enough for any product; for 64 bits the compiler's builtins are used. */
#define T     int8_t
#define U     uint8_t
#define W     int16_t
#define NAME  i8
#define T_MIN INT8_MIN
#include "kernel/arith_int.tmpl.h"
#define T     int16_t
#define U     uint16_t
#define W     int32_t
#define NAME  i16
#define T_MIN INT16_MIN
#include "kernel/arith_int.tmpl.h"
#define T     int32_t
#define U     uint32_t
#define W     int64_t
#define NAME  i32
#define T_MIN INT32_MIN
#include "kernel/arith_int.tmpl.h"
#define T     int64_t
#define U     uint64_t
#define NAME  i64
#define T_MIN INT64_MIN
#include "kernel/arith_int.tmpl.h"

#define T    float
#define NAME f32
#define FMOD fmodf
#include "kernel/arith_float.tmpl.h"
#define T    double
#define NAME f64
#define FMOD fmod
#include "kernel/arith_float.tmpl.h"

/* Casts --------------------------------------------------------------------------------------- */

#define FROM      int8_t
#define CHECK_T   int8_t
#define FROM_NAME i8
#include "kernel/cast_from.tmpl.h"
#define FROM      int16_t
#define CHECK_T   int16_t
#define FROM_NAME i16
#include "kernel/cast_from.tmpl.h"
#define FROM      int32_t
#define CHECK_T   int32_t
#define FROM_NAME i32
#include "kernel/cast_from.tmpl.h"
#define FROM      int64_t
#define CHECK_T   int64_t
#define FROM_NAME i64
#include "kernel/cast_from.tmpl.h"
#define FLOATING  1
#define FROM      float
#define CHECK_T   int32_t
#define FROM_NAME f32
#include "kernel/cast_from.tmpl.h"
#define FROM      double
#define CHECK_T   int64_t
#define FROM_NAME f64
#include "kernel/cast_from.tmpl.h"
#undef FLOATING

#define ROW(name)                                                                 \
    {                                                                             \
        [HR_K_I8] = name##_i8, [HR_K_I16] = name##_i16, [HR_K_I32] = name##_i32,  \
        [HR_K_I64] = name##_i64, [HR_K_F32] = name##_f32, [HR_K_F64] = name##_f64 \
    }

const struct hr_arith_kernels HR_K_NAME(arith) = {
    .binary = {[HR_ARITH_ADD] = ROW(add),
               [HR_ARITH_SUB] = ROW(sub),
               [HR_ARITH_MUL] = ROW(mul),
               [HR_ARITH_DIV] = ROW(div),
               [HR_ARITH_MOD] = ROW(mod)},
    .negate = ROW(negate),
    .absolute = ROW(absolute),
    .cast = {[HR_K_I8] = ROW(cast_i8),
             [HR_K_I16] = ROW(cast_i16),
             [HR_K_I32] = ROW(cast_i32),
             [HR_K_I64] = ROW(cast_i64),
             [HR_K_F32] = ROW(cast_f32),
             [HR_K_F64] = ROW(cast_f64)},
};
