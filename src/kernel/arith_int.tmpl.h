/* SPDX-License-Identifier: Apache-2.0 */
/* Template: integer arithmetic of T (parameters T, U unsigned, NAME, T_MIN; W wider or absent). */
#define FN(name) HR_K_PASTE(name##_, NAME)

/* One row: the wrapped result. Bits of *bad tell whether it is wrong: its sign bit only, for the
 * operators that vectorise well that way. */
#define SIGN_BIT ((U)((U)1 << (sizeof(T) * 8 - 1)))

HR_INLINE T FN(row_add)(T x, T y, U *bad)
{
    T r = (T)((U)x + (U)y);
    *bad |= (U)((x ^ r) & (y ^ r));
    return r;
}

HR_INLINE T FN(row_sub)(T x, T y, U *bad)
{
    T r = (T)((U)x - (U)y);
    *bad |= (U)((x ^ y) & (x ^ r));
    return r;
}

HR_INLINE T FN(row_mul)(T x, T y, U *bad)
{
    T r;
#ifdef W
    W wide = (W)((W)x * (W)y);
    r = (T)wide;
    /* The upper half must be the sign of the lower one. */
    *bad |= (U)((T)(wide >> (sizeof(T) * 8)) ^ (T)(r >> (sizeof(T) * 8 - 1))) ? SIGN_BIT : 0;
#else
    *bad |= __builtin_mul_overflow(x, y, &r) ? SIGN_BIT : 0;
#endif
    return r;
}

/* Divisors are made harmless where they would trap. */
HR_INLINE T FN(row_div)(T x, T y, U *bad)
{
    bool wrong = (y == 0) | ((x == T_MIN) & (y == -1));
    *bad |= wrong ? SIGN_BIT : 0;
    return (T)(x / (wrong ? 1 : y));
}

HR_INLINE T FN(row_mod)(T x, T y, U *bad)
{
    *bad |= y == 0 ? SIGN_BIT : 0;
    return (T)(x % (((y == 0) | (y == -1)) ? 1 : y));
}

HR_INLINE T FN(row_abs)(T x, T y, U *bad)
{
    HR_UNUSED(y);
    T r = (T)(x < 0 ? 0 - (U)x : (U)x);
    *bad |= (U)r; /* MIN alone stays negative */
    return r;
}

#define OP add
#include "kernel/arith_loop.tmpl.h"
#define OP sub
#include "kernel/arith_loop.tmpl.h"
#define OP mul
#include "kernel/arith_loop.tmpl.h"
#define OP div
#include "kernel/arith_loop.tmpl.h"
#define OP mod
#include "kernel/arith_loop.tmpl.h"
#define OP abs
#include "kernel/arith_loop.tmpl.h"

static int64_t FN(negate)(const void *a, const uint64_t *valid, size_t n, void *out)
{
    const T zero = 0;
    return FN(sub)(HR_CONST_COL, &zero, a, valid, n, out);
}

static int64_t FN(absolute)(const void *a, const uint64_t *valid, size_t n, void *out)
{
    const T zero = 0;
    return FN(abs)(HR_COL_CONST, a, &zero, valid, n, out);
}

#undef SIGN_BIT
#undef FN
#undef T
#undef U
#undef W
#undef NAME
#undef T_MIN
