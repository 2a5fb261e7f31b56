/* SPDX-License-Identifier: Apache-2.0 */
/* Template: comparisons of T (parameters T, NAME, FLOATING) to bits; see k_compare.c. */
#define FN(name) HR_K_PASTE(name##_, NAME)
#if defined(FLOATING)
/* NaN = NaN and above all; & and | keep the loop free of branches. */
#define EQUAL(x, y) (((x) == (y)) | (((x) != (x)) & ((y) != (y))))
#define LESS(x, y) (((x) < (y)) | (((x) == (x)) & ((y) != (y))))
#define LESS_EQUAL(x, y) (((x) <= (y)) | ((y) != (y)))
#else
#define EQUAL(x, y) ((x) == (y))
#define LESS(x, y) ((x) < (y))
#define LESS_EQUAL(x, y) ((x) <= (y))
#endif

/* one: b is a single value. The full block has a constant count, so that its loop unrolls. */
#define BLOCK(name, CMP)                                                                          \
    HR_INLINE uint64_t FN(name)(const T *restrict a, const T *restrict b, size_t n, bool one)     \
    {                                                                                             \
        uint8_t bytes[64];                                                                        \
        if (n == 64) {                                                                            \
            for (size_t i = 0; i < 64; i++) bytes[i] = (uint8_t) - (int)(CMP(a[i], b[one ? 0 : i])); \
            return pack_bytes(bytes);                                                             \
        }                                                                                         \
        uint64_t word = 0;                                                                        \
        for (size_t i = 0; i < n; i++) word |= (uint64_t)(CMP(a[i], b[one ? 0 : i])) << i;        \
        return word;                                                                              \
    }
BLOCK(equal, EQUAL)
BLOCK(less, LESS)
BLOCK(less_equal, LESS_EQUAL)

#define LOOP(block)                                                       \
    for (size_t at = 0; at < n; at += 64) {                               \
        size_t rows = HR_MIN(n - at, (size_t)64);                         \
        uint64_t word = FN(block)(a + at, one ? b : b + at, rows, one);   \
        bits[at / 64] = (word ^ invert) & low_bits(rows);                 \
    }

HR_INLINE void FN(compare)(enum hr_cmp_op op, const T *a, const T *b, size_t n, uint64_t *bits, bool one)
{
    uint64_t invert = op == HR_CMP_NE || op == HR_CMP_GT || op == HR_CMP_GE ? UINT64_MAX : 0;
    if (op == HR_CMP_EQ || op == HR_CMP_NE) {
        LOOP(equal)
    } else if (op == HR_CMP_LT || op == HR_CMP_GE) {
        LOOP(less)
    } else {
        LOOP(less_equal)
    }
}

static void FN(cols)(enum hr_cmp_op op, const void *a, const void *b, size_t n, uint64_t *bits)
{
    FN(compare)(op, a, b, n, bits, false);
}

static void FN(to_const)(enum hr_cmp_op op, const void *a, const void *value, size_t n, uint64_t *bits)
{
    const T one = *(const T *)value;
    FN(compare)(op, a, &one, n, bits, true);
}

#undef LOOP
#undef BLOCK
#undef EQUAL
#undef LESS
#undef LESS_EQUAL
#undef FN
#undef T
#undef NAME
#undef FLOATING
