/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Template: casts from FROM (parameters FROM, FROM_NAME, CHECK_T; FLOATING) to the six number
 * types. WRONG(v) is non-zero, in an integer as wide as FROM, where v does not fit.
 */
#if defined(FLOATING)
/* A value that does not fit becomes 0 before the conversion, which would be undefined. The bounds
 * are exclusive where the type's own limit plus one is a float; 2^63 gives the largest LONG. */
#define IN(low, high) (((double)v > (low)) & ((double)v < (high)))
#define IN_LONG       (((double)v >= -0x1p63) & ((double)v <= 0x1p63))
#define TO            int8_t
#define TO_NAME       i8
#define WRONG(v)      (!IN(-129.0, 128.0))
#define VALUE(v)      (IN(-129.0, 128.0) ? (int32_t)(v) : 0)
#include "kernel/cast_to.tmpl.h"
#define TO       int16_t
#define TO_NAME  i16
#define WRONG(v) (!IN(-32769.0, 32768.0))
#define VALUE(v) (IN(-32769.0, 32768.0) ? (int32_t)(v) : 0)
#include "kernel/cast_to.tmpl.h"
#define TO       int32_t
#define TO_NAME  i32
#define WRONG(v) (!IN(-2147483649.0, 2147483648.0))
#define VALUE(v) (IN(-2147483649.0, 2147483648.0) ? (int32_t)(v) : 0)
#include "kernel/cast_to.tmpl.h"
#define TO       int64_t
#define TO_NAME  i64
#define WRONG(v) (!IN_LONG)
#define VALUE(v) (!IN_LONG ? 0 : (double)(v) == 0x1p63 ? INT64_MAX : (int64_t)(v))
#include "kernel/cast_to.tmpl.h"
#undef IN
#undef IN_LONG
#else
#define TO       int8_t
#define TO_NAME  i8
#define WRONG(v) ((v) ^ (FROM)(int8_t)(v))
#include "kernel/cast_to.tmpl.h"
#define TO       int16_t
#define TO_NAME  i16
#define WRONG(v) ((v) ^ (FROM)(int16_t)(v))
#include "kernel/cast_to.tmpl.h"
#define TO       int32_t
#define TO_NAME  i32
#define WRONG(v) ((v) ^ (FROM)(int32_t)(v))
#include "kernel/cast_to.tmpl.h"
#define TO      int64_t
#define TO_NAME i64
#include "kernel/cast_to.tmpl.h"
#endif
#define TO      float
#define TO_NAME f32
#include "kernel/cast_to.tmpl.h"
#define TO      double
#define TO_NAME f64
#include "kernel/cast_to.tmpl.h"

#undef FROM
#undef FROM_NAME
#undef CHECK_T
