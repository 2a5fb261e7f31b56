/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partitions, peers and frames of a block. Frames are found by two pointers that only go forward:
 * the rows are sorted, so the bounds of a row are not before those of the row above it.
 */
#include "operator/over_block.h"

/* Where values change ---------------------------------------------------------------------------*/

#define MARK_CHANGES(T)                                                              \
    do {                                                                             \
        const T *v = col->values;                                                    \
        for (uint32_t i = 1; i < count; i++) marks[i] = marks[i] || v[i] != v[i - 1]; \
    } while (0)

static void mark_changes(const struct hr_column *col, uint32_t count, bool *marks)
{
    if (!col->validity) {
        switch (col->type->id) {
        case HR_T_INT:
        case HR_T_DATE: MARK_CHANGES(int32_t); return;
        case HR_T_LONG:
        case HR_T_TIMESTAMP:
        case HR_T_TIMESTAMP_NTZ: MARK_CHANGES(int64_t); return;
        default: break;
        }
    }
    for (uint32_t i = 1; i < count; i++)
        if (!marks[i]) marks[i] = !hr_column_equal(col, i - 1, col, i);
}

bool hr_over_same_partition(const struct hr_over_pnode *node, const struct hr_batch *a,
                            uint32_t a_row, const struct hr_batch *b, uint32_t b_row)
{
    for (uint32_t k = 0; k < node->partition_count; k++)
        if (!hr_column_equal(&a->columns[node->partition[k]], a_row,
                             &b->columns[node->partition[k]], b_row))
            return false;
    return true;
}

hr_status hr_over_block_init(struct hr_over_block *block, const struct hr_over_pnode *node,
                             struct hr_batch *rows, struct hr_arena *arena, struct hr_err *err)
{
    assert(!rows->sel && rows->row_count > 0);
    uint32_t count = rows->row_count, parts = 0;
    block->node = node;
    block->rows = rows;
    block->count = count;
    block->arena = arena;
    block->peer_start = block->peer_end = NULL;
    block->skip = NULL;
    block->carry = NULL;
    block->is_start = hr_arena_zalloc(arena, count);
    if (!block->is_start) return HR_OOM(err);
    block->is_start[0] = true;
    for (uint32_t k = 0; k < node->partition_count; k++)
        mark_changes(&rows->columns[node->partition[k]], count, block->is_start);
    for (uint32_t i = 0; i < count; i++) parts += block->is_start[i];
    block->starts = hr_arena_alloc(arena, (parts + 1) * sizeof *block->starts);
    if (!block->starts) return HR_OOM(err);
    block->part_count = 0;
    for (uint32_t i = 0; i < count; i++)
        if (block->is_start[i]) block->starts[block->part_count++] = i;
    assert(block->part_count == parts && block->starts[0] == 0);
    block->starts[parts] = count;
    return HR_OK;
}

hr_status hr_over_block_parts(struct hr_over_block *block, struct hr_batch *rows,
                              uint32_t part_count, struct hr_err *err)
{
    assert(!rows->sel && block->starts[part_count] == rows->row_count);
    block->rows = rows;
    block->count = rows->row_count;
    block->part_count = part_count;
    block->is_start = hr_arena_zalloc(block->arena, block->count);
    if (!block->is_start) return HR_OOM(err);
    for (uint32_t p = 0; p < part_count; p++) block->is_start[block->starts[p]] = true;
    return HR_OK;
}

hr_status hr_over_advance(struct hr_over_block *block, struct hr_err *err)
{
    assert(block->carry); /* what goes on from epoch to epoch */
    HR_TRY(hr_over_peers(block, err));
    for (uint32_t p = 0; p < block->part_count; p++) {
        struct hr_over_carry *carry = hr_over_carried(block, p);
        uint32_t first = hr_over_first(block, p), end = block->starts[p + 1];
        carry->rows += end - first;
        for (uint32_t i = first; i < end; i++) carry->values += block->peer_start[i] == i;
    }
    return HR_OK;
}

hr_status hr_over_peers(struct hr_over_block *block, struct hr_err *err)
{
    assert(block->count > 0 && block->is_start[0]);
    if (block->peer_start) return HR_OK;
    uint32_t count = block->count;
    bool *marks = hr_arena_memdup(block->arena, block->is_start, count);
    block->peer_start = hr_arena_alloc(block->arena, count * sizeof(uint32_t));
    block->peer_end = hr_arena_alloc(block->arena, count * sizeof(uint32_t));
    if (!marks || !block->peer_start || !block->peer_end) {
        block->peer_start = NULL;
        return HR_OOM(err);
    }
    for (uint32_t k = 0; k < block->node->order_count; k++)
        mark_changes(&block->rows->columns[block->node->order[k]], count, marks);
    for (uint32_t i = 0; i < count; i++)
        block->peer_start[i] = marks[i] ? i : block->peer_start[i - 1];
    for (uint32_t i = count; i-- > 0;)
        block->peer_end[i] = i + 1 == count || marks[i + 1] ? i + 1 : block->peer_end[i + 1];
    return HR_OK;
}

/* Frames ----------------------------------------------------------------------------------------*/

static uint32_t clamp(int64_t at, uint32_t start, uint32_t end)
{
    return at < (int64_t)start ? start : at > (int64_t)end ? end : (uint32_t)at;
}

static void row_bound(const struct hr_over_block *block, enum hr_frame_bound bound, int64_t offset,
                      uint32_t *to)
{
    assert(block->part_count > 0 && block->starts[block->part_count] == block->count);
    for (uint32_t p = 0; p < block->part_count; p++) {
        uint32_t start = block->starts[p], end = block->starts[p + 1];
        for (uint32_t i = start; i < end; i++) {
            switch (bound) {
            case HR_BOUND_UNBOUNDED_PRECEDING: to[i] = hr_over_first(block, p); break;
            case HR_BOUND_UNBOUNDED_FOLLOWING: to[i] = end; break;
            default: to[i] = clamp((int64_t)i + offset, start, end);
            }
        }
    }
}

/* In the order of the rows: < 0, 0, > 0. */
static int compare(const struct hr_over_pnode *node, const struct hr_column *key, uint32_t row,
                   const struct hr_column *bound, uint32_t at)
{
    assert(node->order_count == 1); /* frames by values have one key */
    bool a = hr_column_valid(key, row), b = hr_column_valid(bound, at);
    if (!a || !b) return a == b ? 0 : a == node->nulls_first[0] ? 1 : -1;
    int c = hr_column_compare(key, row, bound, at);
    return node->descending[0] ? -c : c;
}

/* past: the first row that is behind the value; else the first that is not before it. */
static void value_bound(const struct hr_over_block *block, int32_t column, bool past, uint32_t *to)
{
    assert(column >= 0 && (uint32_t)column < block->rows->schema->field_count);
    const struct hr_over_pnode *node = block->node;
    const struct hr_column *key = &block->rows->columns[node->order[0]];
    const struct hr_column *bound = &block->rows->columns[column];
    bool fast = !node->descending[0] && !key->validity && !bound->validity &&
                (key->type->id == HR_T_TIMESTAMP || key->type->id == HR_T_LONG);
    for (uint32_t p = 0; p < block->part_count; p++) {
        uint32_t at = block->starts[p], end = block->starts[p + 1];
        for (uint32_t i = at; i < hr_over_first(block, p); i++) to[i] = at;
        for (uint32_t i = hr_over_first(block, p); i < end; i++) {
            if (fast) {
                const int64_t *k = key->values;
                int64_t v = ((const int64_t *)bound->values)[i];
                while (at < end && (k[at] < v || (past && k[at] == v))) at++;
            } else {
                while (at < end && compare(node, key, at, bound, i) < (past ? 1 : 0)) at++;
            }
            to[i] = at;
        }
    }
}

static hr_status range_bound(struct hr_over_block *block, enum hr_frame_bound bound, int32_t column,
                             bool upper, uint32_t *to, struct hr_err *err)
{
    if (hr_bound_has_offset(bound)) {
        value_bound(block, column, upper, to);
        return HR_OK;
    }
    if (bound != HR_BOUND_CURRENT) {
        row_bound(block, bound, 0, to);
        return HR_OK;
    }
    HR_TRY(hr_over_peers(block, err));
    memcpy(to, upper ? block->peer_end : block->peer_start, block->count * sizeof *to);
    return HR_OK;
}

hr_status hr_over_frames(struct hr_over_block *block, const struct hr_over_spec *spec,
                         struct hr_frames *ret, struct hr_err *err)
{
    struct hr_frames f = {hr_arena_alloc(block->arena, block->count * sizeof *f.lo),
                          hr_arena_alloc(block->arena, block->count * sizeof *f.hi)};
    if (!f.lo || !f.hi) return HR_OOM(err);
    if (spec->unit == HR_FRAME_ROWS) {
        row_bound(block, spec->lower, spec->lower_rows, f.lo);
        row_bound(block, spec->upper, spec->upper_rows + 1, f.hi);
    } else {
        HR_TRY(range_bound(block, spec->lower, spec->lower_column, false, f.lo, err));
        HR_TRY(range_bound(block, spec->upper, spec->upper_column, true, f.hi, err));
    }
    *ret = f;
    return HR_OK;
}
