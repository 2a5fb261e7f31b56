/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes of a column's values, combined into one hash a row; the words are those of
 * column/hash.h. */
#include "column/hash.h"
#include "kernel/isa.h"

#define WORD(v) ((uint64_t)(int64_t)(v))
#define T       int8_t
#define NAME    i8
#include "kernel/hash.tmpl.h"
#define T    int16_t
#define NAME i16
#include "kernel/hash.tmpl.h"
#define T    int32_t
#define NAME i32
#include "kernel/hash.tmpl.h"
#define T    int64_t
#define NAME i64
#include "kernel/hash.tmpl.h"
#undef WORD

#define WORD(v) hr_word_of_f64((double)(v))
#define T       float
#define NAME    f32
#include "kernel/hash.tmpl.h"
#define T    double
#define NAME f64
#include "kernel/hash.tmpl.h"
#undef WORD

#define WORD(v) hr_word_of_i128(v)
#define T       hr_i128
#define NAME    i128
#include "kernel/hash.tmpl.h"
#undef WORD

#define WORD(v) hr_word_of_string(&(v))
#define T       struct hr_string
#define NAME    str
#include "kernel/hash.tmpl.h"
#undef WORD

const struct hr_hash_kernels HR_K_NAME(hash) = {
    .combine = {[HR_K_I8] = hash_i8,
                [HR_K_I16] = hash_i16,
                [HR_K_I32] = hash_i32,
                [HR_K_I64] = hash_i64,
                [HR_K_F32] = hash_f32,
                [HR_K_F64] = hash_f64,
                [HR_K_I128] = hash_i128,
                [HR_K_STR] = hash_str},
};
