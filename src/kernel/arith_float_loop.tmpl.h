/* SPDX-License-Identifier: Apache-2.0 */
/* Template: the loop of one operator (parameters OP, EXPR; DIVIDES) inside of
 * arith_float.tmpl.h. */
#define FN2(name) HR_K_PASTE(HR_K_PASTE(OP, name##_), NAME)

HR_INLINE int64_t FN2(_impl)(const T *a, const T *b, const uint64_t *valid, size_t n, T *out,
                             bool a_one, bool b_one)
{
#if defined(DIVIDES)
    for (size_t i = 0; i < n; i++) {
        bool zero = b[b_one ? 0 : i] == 0;
        if (HR_UNLIKELY(zero) && (!valid || hr_bit_get(valid, (uint32_t)i))) return (int64_t)i;
    }
#else
    HR_UNUSED(valid);
#endif
    HR_K_INDEPENDENT
    for (size_t i = 0; i < n; i++) out[i] = EXPR(a[a_one ? 0 : i], b[b_one ? 0 : i]);
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
#undef OP
#undef EXPR
#undef DIVIDES
