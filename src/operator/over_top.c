/* SPDX-License-Identifier: Apache-2.0 */
/* The first rows of each partition of a block by the order, ties by position. In the rows of
 * a key that is in order of arrival. */
#include <stdlib.h>

#include "operator/over_block.h"

static int compare_rows(const void *a, const void *b, void *arg)
{
    const struct hr_over_block *block = arg;
    const struct hr_over_pnode *node = block->node;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    for (uint32_t k = 0; k < node->order_count; k++) {
        const struct hr_column *col = &block->rows->columns[node->order[k]];
        bool vx = hr_column_valid(col, x), vy = hr_column_valid(col, y);
        if (!vx || !vy) {
            if (vx == vy) continue;
            return vx == node->nulls_first[k] ? 1 : -1;
        }
        int c = hr_column_compare(col, x, col, y);
        if (c) return node->descending[k] ? -c : c;
    }
    return (x < y) == node->newest_first ? 1 : -1; /* never the same row */
}

hr_status hr_over_top(struct hr_over_block *block, uint32_t limit, uint32_t *ret_rows,
                      uint32_t *ret_counts, struct hr_err *err)
{
    uint32_t *all = hr_arena_alloc(block->arena, (block->count + 1) * sizeof *all), at = 0;
    if (!all) return HR_OOM(err);
    for (uint32_t p = 0; p < block->part_count; p++) {
        uint32_t start = block->starts[p], count = block->starts[p + 1] - start;
        for (uint32_t i = 0; i < count; i++) all[i] = start + i;
        qsort_r(all, count, sizeof *all, compare_rows, block);
        ret_counts[p] = HR_MIN(count, limit);
        for (uint32_t i = 0; i < ret_counts[p]; i++) ret_rows[at++] = all[i];
    }
    return HR_OK;
}
