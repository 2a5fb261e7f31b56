/* SPDX-License-Identifier: Apache-2.0 */
/* Gathers by row number. Where rows are few and far between this is a chain of cache misses that no
 * instruction set mends, so the loops are plain. */
#include "kernel/isa.h"

#define GATHER(type, name)                                                                \
    static void gather_##name(const void *from, const uint32_t *rows, size_t n, void *to) \
    {                                                                                     \
        const type *src = from;                                                           \
        type *out = to;                                                                   \
        for (size_t i = 0; i < n; i++) out[i] = src[rows[i]];                             \
    }
typedef unsigned __int128 word128;
GATHER(uint8_t, 1)
GATHER(uint16_t, 2)
GATHER(uint32_t, 4)
GATHER(uint64_t, 8)
GATHER(word128, 16)

const struct hr_gather_kernels HR_K_NAME(gather) = {
    .width = {gather_1, gather_2, gather_4, gather_8, gather_16},
};
