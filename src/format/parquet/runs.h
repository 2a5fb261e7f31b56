/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers of few bits: RLE runs (levels, dictionary indices, booleans) and DELTA_BINARY_PACKED.
 * Both are streams that are read piece by piece, never beyond their end; false: they are damaged.
 */
#ifndef HR_FORMAT_PARQUET_RUNS_H
#define HR_FORMAT_PARQUET_RUNS_H

#include "base/base.h"

struct pq_rle {
    const uint8_t *pos, *end;
    uint32_t width;
    bool packed;
    uint64_t left;       /* of the run */
    uint32_t value;      /* of a run of one value */
    const uint8_t *bits; /* of a packed run */
    uint64_t bit;        /* where its next value begins */
};
struct pq_rle pq_rle(const void *data, size_t size, uint32_t width);
bool pq_rle_read(struct pq_rle *rle, uint32_t *out, uint32_t count);
/* The same of width ≤ 8. */
bool pq_rle_bytes(struct pq_rle *rle, uint8_t *out, uint32_t count);
/* Of width 1, as bits from bit at on, which are zero so far; *ret_ones: how many are set. */
bool pq_rle_bits(struct pq_rle *rle, uint64_t *out, uint32_t at, uint32_t count,
                 uint32_t *ret_ones);

struct pq_delta {
    const uint8_t *pos, *end;
    uint32_t per_block, per_mini, minis; /* values; miniblocks of a block */
    uint64_t left;                       /* values to come, those in buffer not counted */
    uint64_t last, min_delta;
    const uint8_t *widths;
    uint32_t mini, mini_left; /* the running one; values in it */
    bool first;
    uint64_t buffer[32];
    uint32_t at, count; /* in buffer */
};
/* Reads the head. */
bool pq_delta_open(struct pq_delta *delta, const void *data, size_t size);
bool pq_delta_read(struct pq_delta *delta, uint64_t *out, uint32_t count);
/* Where it ends, when nothing has been read yet; NULL: damaged. */
const uint8_t *pq_delta_end(const struct pq_delta *delta);

#endif
