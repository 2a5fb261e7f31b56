/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Template: the loop of one operator (parameter OP) inside of arith_int.tmpl.h. Blocks are computed
 * and checked in one pass. When out is one of the inputs, a block is checked before it is written,
 * so that a failure can still be found in the inputs.
 */
#define FN2(name) HR_K_PASTE(HR_K_PASTE(OP, name##_), NAME)
#define ROW       HR_K_PASTE(HR_K_PASTE(row_, OP), HR_K_PASTE(_, NAME))

static HR_NOINLINE int64_t FN2(_find)(const T *a, const T *b, const uint64_t *valid, size_t at,
                                      size_t end, bool a_one, bool b_one)
{
    for (size_t i = at; i < end; i++) {
        U bad = 0;
        (void)ROW(a[a_one ? 0 : i], b[b_one ? 0 : i], &bad);
        if ((bad & SIGN_BIT) && (!valid || hr_bit_get(valid, (uint32_t)i))) return (int64_t)i;
    }
    return -1;
}

HR_INLINE int64_t FN2(_impl)(const T *a, const T *b, const uint64_t *valid, size_t n, T *out,
                             bool a_one, bool b_one)
{
    bool in_place = out == a || out == b;
    for (size_t at = 0; at < n; at += BLOCK_ROWS) {
        size_t end = HR_MIN(n, at + BLOCK_ROWS);
        U bad = 0;
        if (HR_UNLIKELY(in_place)) {
            for (size_t i = at; i < end; i++) (void)ROW(a[a_one ? 0 : i], b[b_one ? 0 : i], &bad);
        } else {
            HR_K_INDEPENDENT
            for (size_t i = at; i < end; i++)
                out[i] = ROW(a[a_one ? 0 : i], b[b_one ? 0 : i], &bad);
        }
        if (HR_UNLIKELY(bad & SIGN_BIT)) {
            int64_t row = FN2(_find)(a, b, valid, at, end, a_one, b_one);
            if (row >= 0) return row;
        }
        if (HR_UNLIKELY(in_place)) {
            for (size_t i = at; i < end; i++)
                out[i] = ROW(a[a_one ? 0 : i], b[b_one ? 0 : i], &bad);
        }
    }
    return -1;
}

static int64_t HR_K_PASTE(HR_K_PASTE(OP, _), NAME)(enum hr_shape shape, const void *a,
                                                   const void *b, const uint64_t *valid, size_t n,
                                                   void *out)
{
    if (n == 0) return -1;
    const T a_value = *(const T *)a, b_value = *(const T *)b;
    if (shape == HR_COL_COL) return FN2(_impl)(a, b, valid, n, out, false, false);
    if (shape == HR_COL_CONST) return FN2(_impl)(a, &b_value, valid, n, out, false, true);
    return FN2(_impl)(&a_value, b, valid, n, out, true, false);
}

#undef FN2
#undef ROW
#undef OP
