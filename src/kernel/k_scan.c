/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes: where is this one? 64 at a time, compared to bytes of 0 or 0xFF and packed to a word. */
#include "kernel/isa.h"

HR_INLINE uint64_t equal_word(const char *text, char c)
{
#if defined(__AVX512BW__)
    return _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(text), _mm512_set1_epi8(c));
#else
    uint8_t bytes[64];
    for (int i = 0; i < 64; i++) bytes[i] = (uint8_t) - (text[i] == c);
    return pack_bytes(bytes);
#endif
}

static size_t find(const char *text, size_t n, char c)
{
    /* The C library's has the fastest loop for each machine already. */
    const char *at = n ? memchr(text, c, n) : NULL;
    return at ? (size_t)(at - text) : n;
}

HR_INLINE uint64_t any_of(const char *text, const char set[4])
{
    uint8_t bytes[64];
    const char a = set[0], b = set[1], c = set[2], d = set[3];
    for (int i = 0; i < 64; i++) {
        char x = text[i];
        bytes[i] = (uint8_t) - ((x == a) | (x == b) | (x == c) | (x == d));
    }
    return pack_bytes(bytes);
}

static void mark(const char *text, size_t n, const char set[4], uint64_t *bits)
{
    size_t at = 0;
    for (; at + 64 <= n; at += 64) bits[at / 64] = any_of(text + at, set);
    if (at == n) return;
    char tail[64];
    memset(tail, 0, sizeof tail);
    memcpy(tail, text + at, n - at);
    bits[at / 64] = any_of(tail, set) & low_bits(n - at);
}

static size_t positions(const char *text, size_t n, char c, uint32_t *out, size_t max)
{
    size_t k = 0;
    char tail[64];
    for (size_t at = 0; at < n && k < max; at += 64) {
        const char *from = text + at;
        size_t rest = HR_MIN(n - at, (size_t)64);
        if (rest < 64) {
            memset(tail, 0, sizeof tail);
            memcpy(tail, from, rest);
            from = tail;
        }
        uint64_t word = equal_word(from, c) & low_bits(rest);
        for (; word && k < max; word &= word - 1)
            out[k++] = (uint32_t)(at + (size_t)__builtin_ctzll(word));
    }
    return k;
}

const struct hr_scan_kernels HR_K_NAME(scan) = {.find = find, .mark = mark, .positions = positions};
