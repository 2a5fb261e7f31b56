/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A block: whole partitions of sorted rows that are computed at once. Positions are rows of the
 * block. What is made for it lives in the block's arena.
 */
#ifndef HR_OPERATOR_OVER_BLOCK_H
#define HR_OPERATOR_OVER_BLOCK_H

#include "operator/over.h"

struct hr_over_block {
    const struct hr_over_pnode *node;
    struct hr_batch *rows; /* without selection */
    uint32_t count;
    uint32_t *starts, part_count; /* of partitions; starts[part_count] is count */
    bool *is_start;               /* by row */
    uint32_t *skip;  /* by partition: its first rows have no results of their own; NULL: none */
    uint8_t **carry; /* by partition: struct hr_over_carry and states; NULL: none */
    uint32_t *peer_start, *peer_end; /* by row: those equal by the order; hr_over_peers */
    struct hr_arena *arena;
    const struct hr_conf *conf;
    int64_t now_us;
};

/* Finds the partitions. The batch is borrowed. */
hr_status hr_over_block_init(struct hr_over_block *block, const struct hr_over_pnode *node,
                             struct hr_batch *rows, struct hr_arena *arena,
                             struct hr_err *err) HR_CHECKED;
/* The same where partitions and skips are known: starts and skip are set. */
hr_status hr_over_block_parts(struct hr_over_block *block, struct hr_batch *rows,
                              uint32_t part_count, struct hr_err *err) HR_CHECKED;
/* The first row of a partition that has a result. */
HR_INLINE uint32_t hr_over_first(const struct hr_over_block *block, uint32_t p)
{
    return block->starts[p] + (block->skip ? block->skip[p] : 0);
}
HR_INLINE struct hr_over_carry *hr_over_carried(const struct hr_over_block *block, uint32_t p)
{
    return block->carry ? (struct hr_over_carry *)(void *)block->carry[p] : NULL;
}
/* The block's rows have come out: counts them in the carries. */
hr_status hr_over_advance(struct hr_over_block *block, struct hr_err *err) HR_CHECKED;
hr_status hr_over_peers(struct hr_over_block *block, struct hr_err *err) HR_CHECKED;

/* By row: its frame is [lo, hi), empty where lo ≥ hi. Within a partition neither goes back. */
struct hr_frames {
    uint32_t *lo, *hi;
};
hr_status hr_over_frames(struct hr_over_block *block, const struct hr_over_spec *spec,
                         struct hr_frames *ret, struct hr_err *err) HR_CHECKED;

/* Equal by partition? */
bool hr_over_same_partition(const struct hr_over_pnode *node, const struct hr_batch *a,
                            uint32_t a_row, const struct hr_batch *b, uint32_t b_row);

/* The first limit rows of each partition by the order, one partition after the other, and how many
 * of each. Room for block->count and block->part_count. */
hr_status hr_over_top(struct hr_over_block *block, uint32_t limit, uint32_t *ret_rows,
                      uint32_t *ret_counts, struct hr_err *err) HR_CHECKED;

/* The columns of results. out's arena is the result's. */
bool hr_over_is_value(const struct hr_over_spec *spec); /* a matter of positions; else aggregate */
hr_status hr_over_value(struct hr_over_block *block, const struct hr_over_spec *spec,
                        struct hr_arena *arena, struct hr_column *ret,
                        struct hr_err *err) HR_CHECKED;
hr_status hr_over_aggregate(struct hr_over_block *block, const struct hr_over_spec *spec,
                            struct hr_arena *arena, struct hr_column *ret,
                            struct hr_err *err) HR_CHECKED;

#endif
