/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bits to selections. A word that is all zero is skipped, one that is all ones fills a run; in
 * between, each byte of bits is looked up in a table of positions (2 KiB), or compressed by one
 * instruction where there is one.
 */
#include "kernel/isa.h"

/* positions[b][0 … popcount(b)) are the set bits of the byte b. */
static uint8_t positions[256][8];

__attribute__((constructor)) static void fill_positions(void)
{
    for (int b = 0; b < 256; b++)
        for (int i = 0, k = 0; i < 8; i++)
            if (b >> i & 1) positions[b][k++] = (uint8_t)i;
}

/* The set bits of a full word of 64 rows from row `base`; out has room for 64 more numbers. */
HR_INLINE size_t expand_word(uint64_t word, uint32_t base, uint32_t *out)
{
    uint32_t *start = out;
#if defined(__AVX512F__)
    const __m512i sixteen = _mm512_set1_epi32(16);
    __m512i rows =
        _mm512_add_epi32(_mm512_set1_epi32((int)base),
                         _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    for (int i = 0; i < 4; i++, word >>= 16) {
        __mmask16 mask = (__mmask16)word;
        _mm512_storeu_si512(out, _mm512_maskz_compress_epi32(mask, rows));
        out += __builtin_popcount(mask);
        rows = _mm512_add_epi32(rows, sixteen);
    }
#else
    for (int i = 0; i < 8; i++, word >>= 8, base += 8) {
        const uint8_t *p = positions[word & 255];
#if defined(__AVX2__)
        __m256i eight = _mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)p));
        eight = _mm256_add_epi32(eight, _mm256_set1_epi32((int)base));
        _mm256_storeu_si256((__m256i *)(void *)out, eight);
#else
        for (int k = 0; k < 8; k++) out[k] = base + p[k];
#endif
        out += __builtin_popcount((uint32_t)(word & 255));
    }
#endif
    return (size_t)(out - start);
}

/* As above for any word, writing no more than its numbers. */
HR_INLINE size_t expand_exact(uint64_t word, uint32_t base, uint32_t *out)
{
    size_t k = 0;
    for (; word; word &= word - 1) out[k++] = base + (uint32_t)__builtin_ctzll(word);
    return k;
}

static size_t to_sel(const uint64_t *bits, size_t n, uint32_t *sel)
{
    size_t k = 0, words = n / 64;
    for (size_t w = 0; w < words; w++) {
        uint64_t word = bits[w];
        uint32_t base = (uint32_t)(w * 64);
        if (word == 0) continue;
        if (word == UINT64_MAX) {
            for (uint32_t i = 0; i < 64; i++) sel[k + i] = base + i;
            k += 64;
        } else if (__builtin_popcountll(word) <= 6) {
            k += expand_exact(word, base, sel + k);
        } else {
            k += expand_word(word, base, sel + k); /* k <= base: whole vectors stay within n */
        }
    }
    if (n % 64) k += expand_exact(bits[words] & low_bits(n % 64), (uint32_t)(words * 64), sel + k);
    return k;
}

const struct hr_bits_kernels HR_K_NAME(bits) = {.to_sel = to_sel};
