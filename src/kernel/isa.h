/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For the files k_*.c alone, which are compiled once per instruction set: names with its suffix,
 * and the few steps that compilers do not find by themselves (64 bytes to 64 bits).
 *
 * HR_ISA is base, v3 or v4; HR_ISA_LEVEL 1, 3 or 4.
 */
#ifndef HR_KERNEL_ISA_H
#define HR_KERNEL_ISA_H

#include "kernel/kernel.h"

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#ifndef HR_ISA
#define HR_ISA       base
#define HR_ISA_LEVEL 1
#endif

#define HR_K_PASTE_(a, b) a##b
#define HR_K_PASTE(a, b)  HR_K_PASTE_(a, b)
/* hr_k_compare_v3, … */
#define HR_K_NAME(name) HR_K_PASTE(hr_k_##name##_, HR_ISA)

extern const struct hr_compare_kernels HR_K_NAME(compare);
extern const struct hr_bits_kernels HR_K_NAME(bits);

/* The lowest n (1 … 64) bits. */
HR_INLINE uint64_t low_bits(size_t n)
{
    return UINT64_MAX >> (64 - n);
}

/* Sign bits of four (eight) lanes of 8 (4) bytes. */
#if defined(__AVX2__)
#define HR_K_LANE_BYTES 32
#define HR_K_SIGNS_8(v) ((uint64_t)(uint32_t)_mm256_movemask_pd((__m256d)(v)))
#define HR_K_SIGNS_4(v) ((uint64_t)(uint32_t)_mm256_movemask_ps((__m256)(v)))
#elif defined(__SSE2__)
#define HR_K_LANE_BYTES 16
#define HR_K_SIGNS_8(v) ((uint64_t)(uint32_t)_mm_movemask_pd((__m128d)(v)))
#define HR_K_SIGNS_4(v) ((uint64_t)(uint32_t)_mm_movemask_ps((__m128)(v)))
#endif

/* 64 bytes of 0 or 0xFF to bits. */
HR_INLINE uint64_t pack_bytes(const uint8_t *bytes)
{
#if defined(__AVX2__)
    uint32_t a =
        (uint32_t)_mm256_movemask_epi8(_mm256_loadu_si256((const __m256i *)(const void *)bytes));
    uint32_t b = (uint32_t)_mm256_movemask_epi8(
        _mm256_loadu_si256((const __m256i *)(const void *)(bytes + 32)));
    return (uint64_t)b << 32 | a;
#elif defined(__SSE2__)
    uint64_t word = 0;
    for (int i = 0; i < 4; i++) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(bytes + 16 * i));
        word |= (uint64_t)(uint32_t)_mm_movemask_epi8(v) << (16 * i);
    }
    return word;
#elif defined(__ARM_NEON)
    static const uint8_t weights[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
    const uint8x16_t weight = vld1q_u8(weights);
    uint8x16_t a = vandq_u8(vld1q_u8(bytes), weight), b = vandq_u8(vld1q_u8(bytes + 16), weight);
    uint8x16_t c = vandq_u8(vld1q_u8(bytes + 32), weight),
               d = vandq_u8(vld1q_u8(bytes + 48), weight);
    uint8x16_t sum = vpaddq_u8(vpaddq_u8(a, b), vpaddq_u8(c, d));
    sum = vpaddq_u8(sum, sum);
    return vgetq_lane_u64(vreinterpretq_u64_u8(sum), 0);
#else
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t eight;
        memcpy(&eight, bytes + 8 * i, 8);
        word |= ((eight & UINT64_C(0x8040201008040201)) * UINT64_C(0x0101010101010101) >> 56)
                << (8 * i);
    }
    return word;
#endif
}

#endif
