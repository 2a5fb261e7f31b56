/* SPDX-License-Identifier: Apache-2.0 */
/* Template: float arithmetic of T (parameters T, NAME, FMOD). Only a zero divisor fails. */
#define FN(name) HR_K_PASTE(name##_, NAME)

#define BINARY(op, EXPR, CHECK)                                                                   \
    HR_INLINE int64_t FN(op##_impl)(const T *a, const T *b, const uint64_t *valid, size_t n, T *out, \
                                    bool a_one, bool b_one)                                       \
    {                                                                                             \
        for (size_t at = 0; at < n; at += BLOCK_ROWS) {                                           \
            size_t rows = HR_MIN(n - at, (size_t)BLOCK_ROWS);                                     \
            const T *p = a_one ? a : a + at, *q = b_one ? b : b + at;                             \
            uint64_t live = valid_word(valid, at);                                                \
            for (size_t i = 0; CHECK && i < rows; i++)                                            \
                if (HR_UNLIKELY(q[b_one ? 0 : i] == 0) && (live >> i & 1)) return (int64_t)(at + i); \
            for (size_t i = 0; i < rows; i++) {                                                   \
                T x = p[a_one ? 0 : i], y = q[b_one ? 0 : i];                                     \
                out[at + i] = (EXPR);                                                             \
            }                                                                                     \
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
BINARY(add, x + y, false)
BINARY(sub, x - y, false)
BINARY(mul, x *y, false)
BINARY(div, x / y, true)
BINARY(mod, FMOD(x, y), true)

static int64_t FN(negate)(const void *from, const uint64_t *valid, size_t n, void *to)
{
    const T *a = from;
    T *out = to;
    HR_UNUSED(valid);
    for (size_t i = 0; i < n; i++) out[i] = -a[i];
    return -1;
}

static int64_t FN(absolute)(const void *from, const uint64_t *valid, size_t n, void *to)
{
    const T *a = from;
    T *out = to;
    HR_UNUSED(valid);
    for (size_t i = 0; i < n; i++) out[i] = a[i] < 0 ? -a[i] : a[i] + 0; /* -0.0 + 0 is 0.0 */
    return -1;
}

#undef BINARY
#undef FN
#undef T
#undef NAME
#undef FMOD
