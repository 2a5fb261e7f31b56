/* SPDX-License-Identifier: Apache-2.0 */
/* Levels and dictionary indices as runs: eight and more of one value as a run, others as bits. */
#include "format/parquet/write.h"

HR_INLINE uint32_t item_at(const void *items, size_t i, uint32_t size)
{
    return size == 1 ? ((const uint8_t *)items)[i] : ((const uint32_t *)items)[i];
}

HR_INLINE void put_bits(struct hr_buf *out, const void *items, uint32_t from, uint32_t to,
                        uint32_t width, uint32_t size)
{
    uint32_t groups = (to - from + 7) / 8, bits = 0;
    uint64_t pending = 0;
    if (from == to) return;
    hr_buf_put_varint(out, (uint64_t)groups << 1 | 1);
    char *at = hr_buf_reserve(out, (size_t)groups * width + 8);
    if (!at) return;
    for (uint32_t i = from; i < from + groups * 8; i++) {
        uint64_t v = i < to ? item_at(items, i, size) : 0;
        pending |= v << bits;
        for (bits += width; bits >= 8; bits -= 8, pending >>= 8) *at++ = (char)pending;
    }
    out->len += (size_t)groups * width;
}

HR_INLINE void put_runs(struct hr_buf *out, const void *items, uint32_t count, uint32_t width,
                        uint32_t size)
{
    uint32_t from = 0, i = 0; /* those from on are not written yet */
    if (width == 0) return;
    while (i < count) {
        uint32_t v = item_at(items, i, size), run = 1;
        while (i + run < count && item_at(items, i + run, size) == v) run++;
        uint32_t fill = (0 - (i - from)) & 7; /* bits come in groups of 8 */
        if (run < 8 + fill) {
            i += run;
            continue;
        }
        put_bits(out, items, from, i + fill, width, size);
        hr_buf_put_varint(out, (uint64_t)(run - fill) << 1);
        hr_buf_append(out, &v, (width + 7) / 8);
        from = i += run;
    }
    put_bits(out, items, from, count, width, size);
}

void pq_put_levels(struct hr_buf *out, const uint8_t *levels, uint32_t count, uint32_t width)
{
    put_runs(out, levels, count, width, 1);
}

void pq_put_indices(struct hr_buf *out, const uint32_t *indices, uint32_t count, uint32_t width)
{
    put_runs(out, indices, count, width, 4);
}
