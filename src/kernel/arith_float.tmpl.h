/* SPDX-License-Identifier: Apache-2.0 */
/* Template: float arithmetic of T (parameters T, NAME, FMOD). Only a zero divisor fails. */
#define FN(name) HR_K_PASTE(name##_, NAME)

#define OP         add
#define EXPR(x, y) ((x) + (y))
#include "kernel/arith_float_loop.tmpl.h"
#define OP         sub
#define EXPR(x, y) ((x) - (y))
#include "kernel/arith_float_loop.tmpl.h"
#define OP         mul
#define EXPR(x, y) ((x) * (y))
#include "kernel/arith_float_loop.tmpl.h"
#define OP         div
#define EXPR(x, y) ((x) / (y))
#define DIVIDES    1
#include "kernel/arith_float_loop.tmpl.h"
#define OP         mod
#define EXPR(x, y) FMOD(x, y)
#define DIVIDES    1
#include "kernel/arith_float_loop.tmpl.h"

static int64_t FN(negate)(const void *from, const uint64_t *valid, size_t n, void *to)
{
    const T *a = from;
    T *out = to;
    HR_UNUSED(valid);
    HR_K_INDEPENDENT
    for (size_t i = 0; i < n; i++) out[i] = -a[i];
    return -1;
}

static int64_t FN(absolute)(const void *from, const uint64_t *valid, size_t n, void *to)
{
    const T *a = from;
    T *out = to;
    HR_UNUSED(valid);
    HR_K_INDEPENDENT
    for (size_t i = 0; i < n; i++) out[i] = a[i] < 0 ? -a[i] : a[i] + 0; /* -0.0 + 0 is 0.0 */
    return -1;
}

#undef FN
#undef T
#undef NAME
#undef FMOD
