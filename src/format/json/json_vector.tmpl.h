/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bytes by the vector, for k_json.c alone. A variant is VW, the bytes of a vector; vmask, MASK_BITS
 * bits for each of them; and special, differs, first_bit (VW when there is none), digits_at.
 *
 *   HR_ISA_LEVEL 4, 3, 1  x86-64: AVX-512, AVX2, SSE2
 *   HR_ISA_LEVEL 1        arm64: NEON
 *   HR_ISA_LEVEL 0        any little-endian processor: words of 64 bits
 */
#ifndef HR_FORMAT_JSON_JSON_VECTOR_TMPL_H
#define HR_FORMAT_JSON_JSON_VECTOR_TMPL_H

#include "format/json/json.h"

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

HR_INLINE uint64_t load8(const char *p)
{
    uint64_t v;
    memcpy(&v, p, 8);
    return v;
}
HR_INLINE uint32_t load4(const char *p)
{
    uint32_t v;
    memcpy(&v, p, 4);
    return v;
}

#if HR_ISA_LEVEL >= 4
#define VW 64
typedef uint64_t vmask;
HR_INLINE vmask special(const char *p)
{
    __m512i v = _mm512_loadu_si512(p);
    return _mm512_cmplt_epi8_mask(v, _mm512_set1_epi8(0x20)) |
           _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('"')) |
           _mm512_cmpeq_epi8_mask(v, _mm512_set1_epi8('\\'));
}
HR_INLINE bool differs(const char *p, const char *lit, vmask mask)
{
    return _mm512_mask_cmpneq_epi8_mask(mask, _mm512_loadu_si512(p), _mm512_load_si512(lit)) != 0;
}
HR_INLINE unsigned first_bit(vmask m) { return (unsigned)_tzcnt_u64(m); }
#elif HR_ISA_LEVEL >= 3
#define VW 32
typedef uint32_t vmask;
HR_INLINE vmask special(const char *p)
{
    __m256i v = _mm256_loadu_si256((const __m256i *)(const void *)p);
    __m256i low = _mm256_cmpgt_epi8(_mm256_set1_epi8(0x20), v);
    __m256i quote = _mm256_cmpeq_epi8(_mm256_set1_epi8('"'), v);
    __m256i slash = _mm256_cmpeq_epi8(_mm256_set1_epi8('\\'), v);
    return (uint32_t)_mm256_movemask_epi8(_mm256_or_si256(low, _mm256_or_si256(quote, slash)));
}
HR_INLINE bool differs(const char *p, const char *lit, vmask mask)
{
    __m256i eq = _mm256_cmpeq_epi8(_mm256_loadu_si256((const __m256i *)(const void *)p),
                                   _mm256_load_si256((const __m256i *)(const void *)lit));
    return (~(uint32_t)_mm256_movemask_epi8(eq) & mask) != 0;
}
HR_INLINE unsigned first_bit(vmask m) { return _tzcnt_u32(m); }
#elif HR_ISA_LEVEL >= 1 && defined(__x86_64__)
#define VW 16
typedef uint32_t vmask; /* 16 bits used */
HR_INLINE vmask special(const char *p)
{
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
    __m128i quote = _mm_cmpeq_epi8(_mm_set1_epi8('"'), v);
    __m128i slash = _mm_cmpeq_epi8(_mm_set1_epi8('\\'), v);
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(low, _mm_or_si128(quote, slash)));
}
HR_INLINE bool differs(const char *p, const char *lit, vmask mask)
{
    __m128i eq = _mm_cmpeq_epi8(_mm_loadu_si128((const __m128i *)(const void *)p),
                                _mm_load_si128((const __m128i *)(const void *)lit));
    return (~(uint32_t)_mm_movemask_epi8(eq) & mask) != 0;
}
HR_INLINE unsigned first_bit(vmask m) { return (unsigned)__builtin_ctz(m | 1u << 16); }
#elif HR_ISA_LEVEL >= 1 && defined(__aarch64__)
#define VW        16
#define MASK_BITS 4 /* of a vmask for each byte: NEON has no instruction that gathers sign bits */
typedef uint64_t vmask;
HR_INLINE vmask mask_of(uint8x16_t set)
{
    return vget_lane_u64(vreinterpret_u64_u8(vshrn_n_u16(vreinterpretq_u16_u8(set), 4)), 0);
}
HR_INLINE unsigned first_bit(vmask m) { return m ? (unsigned)__builtin_ctzll(m) >> 2 : 16; }
HR_INLINE vmask special(const char *p)
{
    uint8x16_t v = vld1q_u8((const uint8_t *)p);
    uint8x16_t low = vcltq_s8(vreinterpretq_s8_u8(v), vdupq_n_s8(0x20));
    uint8x16_t quote = vceqq_u8(v, vdupq_n_u8('"')), slash = vceqq_u8(v, vdupq_n_u8('\\'));
    return mask_of(vorrq_u8(low, vorrq_u8(quote, slash)));
}
HR_INLINE bool differs(const char *p, const char *lit, vmask mask)
{
    uint8x16_t eq = vceqq_u8(vld1q_u8((const uint8_t *)p), vld1q_u8((const uint8_t *)lit));
    return (~mask_of(eq) & mask) != 0;
}
HR_INLINE unsigned digits_at(const char *p)
{
    uint8x16_t v = vsubq_u8(vld1q_u8((const uint8_t *)p), vdupq_n_u8('0'));
    return first_bit(mask_of(vcgtq_u8(v, vdupq_n_u8(9))));
}
#else
/* Words of eight bytes. Each byte is worked on without a carry into the next: its low seven bits
 * are added to what makes them reach the eighth. */
#define VW 16
typedef uint32_t vmask; /* 16 bits used */
#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))
HR_INLINE uint64_t at_least(uint64_t v, unsigned byte) /* 0x80 where the low seven bits are; ≥ 1 */
{
    return ((v & EACH(0x7f)) + EACH(0x80u - byte)) & EACH(0x80);
}
/* One bit a byte from the 0x80s. */
HR_INLINE vmask gather(uint64_t flags)
{
    return (vmask)((flags >> 7) * UINT64_C(0x0102040810204080) >> 56);
}
HR_INLINE uint64_t special_in(uint64_t v)
{
    uint64_t usual = at_least(v, 0x20) & at_least(v ^ EACH('"'), 1) & at_least(v ^ EACH('\\'), 1);
    return (~usual | v) & EACH(0x80);
}
HR_INLINE vmask special(const char *p)
{
    return gather(special_in(load8(p))) | gather(special_in(load8(p + 8))) << 8;
}
HR_INLINE vmask differing(uint64_t a, uint64_t b)
{
    uint64_t v = a ^ b;
    return gather((at_least(v, 1) | v) & EACH(0x80));
}
HR_INLINE bool differs(const char *p, const char *lit, vmask mask)
{
    vmask all = differing(load8(p), load8(lit)) | differing(load8(p + 8), load8(lit + 8)) << 8;
    return (all & mask) != 0;
}
HR_INLINE unsigned first_bit(vmask m) { return (unsigned)__builtin_ctz(m | 1u << 16); }
HR_INLINE vmask no_digits(const char *p)
{
    uint64_t v = load8(p) ^ EACH('0');
    return gather((at_least(v, 10) | v) & EACH(0x80));
}
HR_INLINE unsigned digits_at(const char *p)
{
    return first_bit(no_digits(p) | no_digits(p + 8) << 8);
}
#undef EACH
#endif

#ifndef MASK_BITS
#define MASK_BITS 1
#endif
/* The first n bytes, n ≤ VW. */
HR_INLINE vmask mask_first(size_t n)
{
    size_t bits = n * MASK_BITS;
    return bits == sizeof(vmask) * 8 ? (vmask)-1 : (vmask)(((vmask)1 << bits) - 1);
}

/* The low n bytes, n ≤ 8. */
HR_INLINE uint64_t low_bytes(uint64_t v, uint32_t n)
{
#if HR_ISA_LEVEL >= 3
    return _bzhi_u64(v, n * 8);
#else
    return n >= 8 ? v : v & ((UINT64_C(1) << (n * 8)) - 1);
#endif
}

#if HR_ISA_LEVEL >= 1 && defined(__x86_64__)
/* Digits at p, up to 16. */
HR_INLINE unsigned digits_at(const char *p)
{
    __m128i v = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p),
                             _mm_set1_epi8('0'));
    __m128i ok = _mm_cmpeq_epi8(_mm_min_epu8(v, _mm_set1_epi8(9)), v);
    return (unsigned)__builtin_ctz(~(unsigned)_mm_movemask_epi8(ok));
}
#endif

#if HR_ISA_LEVEL < 3
/* The value of n digits, 1 ≤ n ≤ 8, the first of which is the lowest byte: pairs, fours, eight. */
HR_INLINE uint64_t eight_digits(const char *p, unsigned n)
{
    uint64_t v = (load8(p) - UINT64_C(0x3030303030303030)) << (64 - 8 * n);
    v = (v * 10 + (v >> 8)) & UINT64_C(0x00ff00ff00ff00ff);
    v = (v * 100 + (v >> 16)) & UINT64_C(0x0000ffff0000ffff);
    return (v * 10000 + (v >> 32)) & UINT64_C(0xffffffff);
}
#endif

/* The value of n digits, 1 ≤ n ≤ 16. */
HR_INLINE uint64_t digits_value(const char *p, unsigned n)
{
#if HR_ISA_LEVEL >= 3
    static const uint8_t align[32] = {128, 128, 128, 128, 128, 128, 128, 128, 128, 128, 128,
                                      128, 128, 128, 128, 128, 0,   1,   2,   3,   4,   5,
                                      6,   7,   8,   9,   10,  11,  12,  13,  14,  15};
    __m128i v = _mm_sub_epi8(_mm_loadu_si128((const __m128i *)(const void *)p),
                             _mm_set1_epi8('0'));
    v = _mm_shuffle_epi8(v, _mm_loadu_si128((const __m128i *)(const void *)(align + n)));
    v = _mm_maddubs_epi16(v, _mm_set1_epi16(0x010a));
    v = _mm_madd_epi16(v, _mm_set1_epi32(0x00010064));
    v = _mm_packus_epi32(v, v);
    v = _mm_madd_epi16(v, _mm_set1_epi32(0x00012710));
    uint64_t w = (uint64_t)_mm_cvtsi128_si64(v);
    return (w & 0xffffffffu) * 100000000u + (w >> 32);
#else
    if (n <= 8) return eight_digits(p, n);
    return eight_digits(p, n - 8) * 100000000u + eight_digits(p + n - 8, 8);
#endif
}

/* Without a branch on the length: lengths around 12 would mispredict. */
HR_INLINE void put_view(struct hr_string *to, const char *p, uint32_t len)
{
    uint64_t head = low_bytes(load4(p), len < 4 ? len : 4);
    uint64_t tail = low_bytes(load8(p + 4), len < 4 ? 0 : len < 12 ? len - 4 : 8);
    uint64_t words[2] = {len | head << 32, len <= HR_STRING_INLINE ? tail : (uint64_t)(uintptr_t)p};
    memcpy(to, words, 16);
}

#endif
