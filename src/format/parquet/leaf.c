/* SPDX-License-Identifier: Apache-2.0 */
/*
 * So many rows of a leaf. Flat leaves become columns at once: definition levels are the bits of the
 * validity. Of others come levels, a byte each, and the values without NULLs; assemble.c goes on.
 */
#include "format/parquet/parquet.h"

#define AHEAD 1024

static hr_status bad_levels(struct pq_leaf *leaf, struct hr_err *err)
{
    return pq_damaged(leaf->pq, err, "column %s: levels are damaged near byte %lld",
                      leaf->node->name, (long long)leaf->pos);
}

/* --- Flat ------------------------------------------------------------------------------------- */

/* Values of those whose bit is set go to their places, from the last on; the others are zero. */
HR_INLINE void spread(char *to, const uint64_t *bits, uint32_t at, uint32_t count, uint32_t valid,
                      size_t w)
{
    for (uint32_t i = count; i-- > 0;) {
        if (hr_bit_get(bits, at + i))
            memmove(to + i * w, to + --valid * w, w);
        else
            memset(to + i * w, 0, w);
        if (valid == i) break; /* all in front are where they belong */
    }
}

static void spread_any(char *to, const uint64_t *bits, uint32_t at, uint32_t count, uint32_t valid,
                       size_t w)
{
    switch (w) {
    case 1: spread(to, bits, at, count, valid, 1); break;
    case 2: spread(to, bits, at, count, valid, 2); break;
    case 4: spread(to, bits, at, count, valid, 4); break;
    case 8: spread(to, bits, at, count, valid, 8); break;
    default: assert(w == 16); spread(to, bits, at, count, valid, 16);
    }
}

static void pack_bools(const uint8_t *from, uint64_t *to, uint32_t count)
{
    memset(to, 0, hr_bit_words(count) * 8);
    for (uint32_t i = 0; i < count; i++) to[i >> 6] |= (uint64_t)(from[i] & 1) << (i & 63);
}

hr_status pq_leaf_flat(struct pq_leaf *leaf, uint32_t rows, struct hr_batch *batch,
                       struct hr_column *ret, const struct hr_type *type, struct hr_err *err)
{
    bool optional = leaf->node->def > 0, is_bool = type->id == HR_T_BOOLEAN, nulls = false;
    size_t width = leaf->convert.to_width;
    HR_TRY(hr_column_alloc(&batch->arena, type, rows, optional, ret, err));
    uint64_t *validity = (uint64_t *)(uintptr_t)ret->validity;
    char *to = (char *)(uintptr_t)ret->values;
    if (is_bool) {
        if (!pq_room_grow(&leaf->dense, leaf->pq->mem, 0, rows)) return HR_OOM(err);
        to = leaf->dense.data;
    }
    if (optional) memset(validity, 0, hr_bit_words(rows) * 8);
    for (uint32_t done = 0, n, valid; done < rows; done += n) {
        if (leaf->page_left == 0) HR_TRY(pq_leaf_page(leaf, err));
        n = valid = HR_MIN(rows - done, leaf->page_left);
        if (optional && !pq_rle_bits(&leaf->def, validity, done, n, &valid))
            return bad_levels(leaf, err);
        HR_TRY(pq_leaf_values(leaf, to + width * done, valid, batch, err));
        if (valid < n) spread_any(to + width * done, validity, done, n, valid, width);
        nulls |= valid < n;
        leaf->page_left -= n;
    }
    if (is_bool) pack_bools((const uint8_t *)to, (uint64_t *)(uintptr_t)ret->values, rows);
    if (!nulls) ret->validity = NULL;
    return HR_OK;
}

/* --- With levels ------------------------------------------------------------------------------ */

static bool within(const uint8_t *levels, uint32_t count, uint8_t max)
{
    uint8_t most = 0;
    for (uint32_t i = 0; i < count; i++) most = HR_MAX(most, levels[i]);
    return most <= max;
}

/* More levels of the page, or of the next. */
static hr_status look_ahead(struct pq_leaf *leaf, struct hr_err *err)
{
    if (leaf->page_left == 0) HR_TRY(pq_leaf_page(leaf, err));
    uint32_t n = HR_MIN(leaf->page_left, (uint32_t)AHEAD);
    if (!pq_rle_bytes(&leaf->rep, leaf->ahead_rep, n) ||
        !pq_rle_bytes(&leaf->def, leaf->ahead_def, n) ||
        !within(leaf->ahead_rep, n, leaf->node->rep) ||
        !within(leaf->ahead_def, n, leaf->node->def))
        return bad_levels(leaf, err);
    leaf->page_left -= n;
    leaf->ahead_at = 0;
    leaf->ahead_count = n;
    return HR_OK;
}

/* Takes the first n of those ahead, and their values. */
static hr_status take(struct pq_leaf *leaf, uint32_t n, struct hr_batch *batch, struct hr_err *err)
{
    const uint8_t *rep = leaf->ahead_rep + leaf->ahead_at, *def = leaf->ahead_def + leaf->ahead_at;
    size_t have = leaf->entry_count, width = leaf->convert.to_width;
    uint32_t values = 0;
    if (have + n > INT32_MAX)
        return HR_FAIL(err, HR_E_LIMIT, "%s: column %s has more than %d values in a batch",
                       leaf->pq->file->path, leaf->node->name, INT32_MAX);
    /* Pairs of levels, so that both grow together; they are parted when all are there. */
    if (!pq_room_grow(&leaf->levels, leaf->pq->mem, have * 2, (have + n) * 2)) return HR_OOM(err);
    uint8_t *to = (uint8_t *)leaf->levels.data + have * 2;
    for (uint32_t i = 0; i < n; i++) {
        to[i * 2] = rep[i];
        to[i * 2 + 1] = def[i];
        values += def[i] == leaf->node->def;
    }
    leaf->entry_count += n;
    leaf->ahead_at += n;
    if (leaf->levels_only) return HR_OK;
    have = leaf->dense_count;
    if (!pq_room_grow(&leaf->dense, leaf->pq->mem, have * width, (have + values) * width))
        return HR_OOM(err);
    HR_TRY(pq_leaf_values(leaf, leaf->dense.data + have * width, values, batch, err));
    leaf->dense_count += values;
    return HR_OK;
}

/* rep_levels and def_levels, in the batch's memory. */
static hr_status part_levels(struct pq_leaf *leaf, struct hr_batch *batch, struct hr_err *err)
{
    uint32_t count = leaf->entry_count;
    const uint8_t *from = (const uint8_t *)leaf->levels.data;
    leaf->rep_levels = hr_arena_alloc(&batch->arena, (size_t)count * 2 + 1);
    if (!leaf->rep_levels) return HR_OOM(err);
    leaf->def_levels = leaf->rep_levels + count;
    for (uint32_t i = 0; i < count; i++) {
        leaf->rep_levels[i] = from[i * 2];
        leaf->def_levels[i] = from[i * 2 + 1];
    }
    return HR_OK;
}

hr_status pq_leaf_rows(struct pq_leaf *leaf, uint32_t rows, struct hr_batch *batch,
                       struct hr_err *err)
{
    uint32_t seen = 0;
    leaf->entry_count = leaf->dense_count = 0;
    if (!leaf->ahead_rep) {
        if (!(leaf->ahead_rep = hr_alloc(AHEAD * 2))) return HR_OOM(err);
        leaf->ahead_def = leaf->ahead_rep + AHEAD;
    }
    for (bool all = false; !all;) {
        if (leaf->ahead_at == leaf->ahead_count) {
            if (leaf->page_left == 0 && leaf->entries_left == 0) break;
            HR_TRY(look_ahead(leaf, err));
        }
        const uint8_t *rep = leaf->ahead_rep + leaf->ahead_at;
        uint32_t n = 0, count = leaf->ahead_count - leaf->ahead_at;
        if (leaf->node->rep == 0) { /* each is a row */
            n = HR_MIN(count, rows - seen);
            seen += n;
            all = seen == rows;
        }
        for (; leaf->node->rep && n < count && !all; n += !all) {
            all = rep[n] == 0 && seen == rows;
            seen += rep[n] == 0 && !all;
            if (seen == 0) return bad_levels(leaf, err); /* begins inside of a row */
        }
        HR_TRY(take(leaf, n, batch, err));
    }
    if (seen != rows) return bad_levels(leaf, err);
    return part_levels(leaf, batch, err);
}
