/* SPDX-License-Identifier: Apache-2.0 */
/* Template: one comparison (parameters BLOCK, CMP) inside of compare.tmpl.h. one: b is one
 * value. */
#define FN2(name) HR_K_PASTE(HR_K_PASTE(name, BLOCK), HR_K_PASTE(_, NAME))

/* 64 rows to a word. */
HR_INLINE uint64_t FN2(full_)(const T *a, const T *b, bool one)
{
#if USE_LANES
    enum { STEP = HR_K_LANE_BYTES / sizeof(T) };
    uint64_t word = 0;
    FN(lanes) x, y = {0};
    if (one) y += b[0];
    for (int i = 0; i < 64; i += STEP) {
        memcpy(&x, a + i, sizeof x);
        if (!one) memcpy(&y, b + i, sizeof y);
        word |= LANES(CMP(x, y)) << i;
    }
    return word;
#else
    uint8_t bytes[64];
    for (int i = 0; i < 64; i++) bytes[i] = (uint8_t) - (CMP(a[i], b[one ? 0 : i]));
    return pack_bytes(bytes);
#endif
}

HR_INLINE void FN2(all_)(const T *a, const T *b, size_t n, uint64_t *bits, bool one,
                         uint64_t invert)
{
    size_t at = 0;
    for (; at + 64 <= n; at += 64)
        bits[at / 64] = FN2(full_)(a + at, one ? b : b + at, one) ^ invert;
    if (at == n) return;
    uint64_t word = 0;
    for (size_t i = at; i < n; i++) word |= (uint64_t)(CMP(a[i], b[one ? 0 : i])) << (i - at);
    bits[at / 64] = (word ^ invert) & low_bits(n - at);
}

#undef FN2
#undef BLOCK
#undef CMP
