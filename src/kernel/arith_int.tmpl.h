/* SPDX-License-Identifier: Apache-2.0 */
/* Template: integer arithmetic of T (parameters T, U unsigned, W wider or absent, NAME, T_MIN). */
#define FN(name) HR_K_PASTE(name##_, NAME)

/* One row: the wrapped result, and whether it is wrong (0 or 1). */
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
    /* The sign bit of *bad tells, as above. */
#ifdef W
    W wide = (W)((W)x * (W)y);
    T r = (T)wide;
    *bad |= (U)((U)(r != wide) << (sizeof(T) * 8 - 1));
    return r;
#else
    T r;
    *bad |= (U)__builtin_mul_overflow(x, y, &r) << (sizeof(T) * 8 - 1);
    return r;
#endif
}
/* Divisors are made harmless where they would trap. */
HR_INLINE T FN(row_div)(T x, T y, U *bad)
{
    bool wrong = (y == 0) | ((x == T_MIN) & (y == -1));
    *bad |= (U)((U)wrong << (sizeof(T) * 8 - 1));
    return (T)(x / (wrong ? 1 : y));
}
HR_INLINE T FN(row_mod)(T x, T y, U *bad)
{
    *bad |= (U)((U)(y == 0) << (sizeof(T) * 8 - 1));
    return (T)(x % ((y == 0) | (y == -1) ? 1 : y));
}

#define SIGN_BIT ((U)((U)1 << (sizeof(T) * 8 - 1)))

/* The row in [at, at + rows) that failed and is valid, or -1. */
#define FIND_BAD(call)                                               \
    do {                                                             \
        uint64_t live = valid_word(valid, at);                       \
        for (size_t i = 0; i < rows; i++) {                          \
            U one_bad = 0;                                           \
            (void)(call);                                            \
            if ((one_bad & SIGN_BIT) && (live >> i & 1)) return (int64_t)(at + i); \
        }                                                            \
    } while (0)

/* full: whole blocks get a loop of constant count, which vectorises best; not for division. */
#define BINARY(op, full)                                                                              \
    HR_INLINE int64_t FN(op##_impl)(const T *a, const T *b, const uint64_t *valid, size_t n, T *out, \
                                    bool a_one, bool b_one)                                       \
    {                                                                                             \
        for (size_t at = 0; at < n; at += BLOCK_ROWS) {                                           \
            size_t rows = HR_MIN(n - at, (size_t)BLOCK_ROWS);                                     \
            const T *x = a_one ? a : a + at, *y = b_one ? b : b + at;                             \
            T results[BLOCK_ROWS];                                                                \
            U bad = 0;                                                                            \
            if (full && rows == BLOCK_ROWS) {                                                           \
                for (size_t i = 0; i < BLOCK_ROWS; i++)                                           \
                    results[i] = FN(row_##op)(x[a_one ? 0 : i], y[b_one ? 0 : i], &bad);          \
            } else {                                                                              \
                for (size_t i = 0; i < rows; i++)                                                 \
                    results[i] = FN(row_##op)(x[a_one ? 0 : i], y[b_one ? 0 : i], &bad);          \
            }                                                                                     \
            if (HR_UNLIKELY(bad & SIGN_BIT))                                                      \
                FIND_BAD(FN(row_##op)(x[a_one ? 0 : i], y[b_one ? 0 : i], &one_bad));             \
            memcpy(out + at, results, rows * sizeof(T));                                          \
        }                                                                                         \
        return -1;                                                                                \
    }                                                                                             \
    static int64_t FN(op)(enum hr_shape shape, const void *a, const void *b, const uint64_t *valid, \
                          size_t n, void *out)                                                    \
    {                                                                                             \
        const T a_value = n ? *(const T *)a : 0, b_value = n ? *(const T *)b : 0;                 \
        if (shape == HR_COL_COL) return FN(op##_impl)(a, b, valid, n, out, false, false);         \
        if (shape == HR_COL_CONST) return FN(op##_impl)(a, &b_value, valid, n, out, false, true); \
        return FN(op##_impl)(&a_value, b, valid, n, out, true, false);                            \
    }
BINARY(add, true)
BINARY(sub, true)
BINARY(mul, true)
BINARY(div, false)
BINARY(mod, false)

static int64_t FN(negate)(const void *a, const uint64_t *valid, size_t n, void *out)
{
    const T zero = 0;
    return FN(sub)(HR_CONST_COL, &zero, a, valid, n, out);
}

static int64_t FN(absolute)(const void *from, const uint64_t *valid, size_t n, void *to)
{
    const T *a = from;
    T *out = to;
    for (size_t at = 0; at < n; at += BLOCK_ROWS) {
        size_t rows = HR_MIN(n - at, (size_t)BLOCK_ROWS);
        bool bad = false;
        for (size_t i = 0; i < rows; i++) bad |= a[at + i] == T_MIN;
        if (HR_UNLIKELY(bad)) {
            uint64_t live = valid_word(valid, at);
            for (size_t i = 0; i < rows; i++)
                if (a[at + i] == T_MIN && (live >> i & 1)) return (int64_t)(at + i);
        }
        for (size_t i = 0; i < rows; i++) {
            T v = a[at + i];
            out[at + i] = v < 0 ? (T)(0 - (U)v) : v;
        }
    }
    return -1;
}

#undef FIND_BAD
#undef SIGN_BIT
#undef BINARY
#undef FN
#undef T
#undef U
#undef W
#undef NAME
#undef T_MIN
