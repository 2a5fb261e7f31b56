/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Levels and values of leaves → columns. Each node of a column goes once over the levels of a leaf
 * below it: an entry with def ≥ slot_def and rep ≤ slot_rep is a slot of the node, valid when def ≥
 * def; of lists, one with def ≥ item_def and rep ≤ slot_rep + 1 is an element. Leaves that disagree
 * about lists are damage.
 */
#include "format/parquet/parquet.h"

struct assembler {
    struct pq_file *pq;
    struct pq_binding *b;
    struct hr_batch *batch;
};

static hr_status damaged(const struct assembler *a, const struct pq_leaf *leaf, struct hr_err *err)
{
    return pq_damaged(a->pq, err, "column %s: its levels do not fit those beside it",
                      leaf->node->name);
}

HR_INLINE void place(const struct pq_leaf *leaf, const struct pq_col *col, const char *dense,
                     char *to, uint64_t *validity, size_t w)
{
    uint8_t max = leaf->node->def, slot = col->slot_def;
    uint32_t row = 0;
    for (uint32_t e = 0; e < leaf->entry_count; e++) {
        uint8_t def = leaf->def_levels[e];
        if (def < slot) continue;
        if (def == max) {
            memcpy(to + row * w, dense, w);
            dense += w;
            validity[row >> 6] |= UINT64_C(1) << (row & 63);
        } else {
            memset(to + row * w, 0, w);
        }
        row++;
    }
}

static void place_any(const struct pq_leaf *leaf, const struct pq_col *col, char *to,
                      uint64_t *validity)
{
    const char *dense = leaf->dense.data;
    switch (leaf->convert.to_width) {
    case 1: place(leaf, col, dense, to, validity, 1); break;
    case 2: place(leaf, col, dense, to, validity, 2); break;
    case 4: place(leaf, col, dense, to, validity, 4); break;
    case 8: place(leaf, col, dense, to, validity, 8); break;
    default: assert(leaf->convert.to_width == 16); place(leaf, col, dense, to, validity, 16);
    }
}

static uint32_t count_slots(const struct pq_leaf *leaf, uint8_t slot_def)
{
    uint32_t count = 0;
    for (uint32_t e = 0; e < leaf->entry_count; e++) count += leaf->def_levels[e] >= slot_def;
    return count;
}

static hr_status leaf_column(struct assembler *a, const struct pq_col *col, uint32_t length,
                             struct hr_column *ret, struct hr_err *err)
{
    struct pq_leaf *leaf = &a->b->leaves[col->leaf];
    uint32_t slots = count_slots(leaf, col->slot_def);
    bool is_bool = col->type->id == HR_T_BOOLEAN;
    if (slots != length) return damaged(a, leaf, err);
    HR_TRY(hr_column_alloc(&a->batch->arena, col->type, length, true, ret, err));
    uint64_t *validity = (uint64_t *)(uintptr_t)ret->validity;
    char *to = (char *)(uintptr_t)ret->values;
    memset(validity, 0, hr_bit_words(length) * 8);
    if (is_bool && !(to = hr_arena_alloc(&a->batch->arena, (size_t)length + 1))) return HR_OOM(err);
    place_any(leaf, col, to, validity);
    if (is_bool) {
        uint64_t *bits = (uint64_t *)(uintptr_t)ret->values;
        memset(bits, 0, hr_bit_words(length) * 8);
        for (uint32_t i = 0; i < length; i++) bits[i >> 6] |= (uint64_t)(to[i] & 1) << (i & 63);
    }
    if (leaf->dense_count == length) ret->validity = NULL;
    if (col->keys && ret->validity) return damaged(a, leaf, err);
    return HR_OK;
}

/* The slots of a node, from the levels of a leaf: their validity, and of lists the offsets (either
 * may be NULL). More than length of them are counted, but not written; UINT32_MAX: an element is in
 * no list. */
static uint32_t walk(const struct pq_leaf *leaf, const struct pq_col *col, uint32_t length,
                     uint64_t *validity, int32_t *offsets, uint32_t *ret_items)
{
    uint32_t row = 0, items = 0;
    bool open = false, stray = false;
    for (uint32_t e = 0; e < leaf->entry_count; e++) {
        uint8_t def = leaf->def_levels[e], rep = leaf->rep_levels[e];
        bool item = def >= col->item_def;
        if (rep <= col->slot_rep) {
            open = def >= col->slot_def;
            if (open && row < length) {
                if (validity && def >= col->def) hr_bit_set(validity, row);
                if (offsets) offsets[row] = (int32_t)items;
            }
            row += open;
            open &= item;
            items += open;
        } else if (rep == col->slot_rep + 1) {
            stray |= !open || !item;
            items += item;
        }
    }
    if (offsets && row <= length) offsets[row] = (int32_t)items;
    *ret_items = items;
    return stray && offsets ? UINT32_MAX : row;
}

/* Leaves of one list have the same lists. */
static hr_status check_siblings(struct assembler *a, const struct pq_col *col, uint32_t length,
                                const int32_t *offsets, struct hr_err *err)
{
    uint32_t items;
    if (col->leaf + 1 >= col->last_leaf) return HR_OK;
    int32_t *others = hr_arena_alloc(&a->batch->arena, sizeof *others * ((size_t)length + 1));
    if (!others) return HR_OOM(err);
    for (uint32_t i = col->leaf + 1; i < col->last_leaf; i++) {
        const struct pq_leaf *leaf = &a->b->leaves[i];
        if (walk(leaf, col, length, NULL, others, &items) != length ||
            memcmp(others, offsets, sizeof *others * ((size_t)length + 1)) != 0)
            return damaged(a, leaf, err);
    }
    return HR_OK;
}

static hr_status assemble(struct assembler *a, const struct pq_col *col, uint32_t length,
                          struct hr_column *ret, struct hr_err *err);

static hr_status children_of(struct assembler *a, const struct pq_col *col, uint32_t length,
                             struct hr_column *ret, struct hr_err *err)
{
    for (uint32_t i = 0; i < col->child_count; i++)
        HR_TRY(assemble(a, &col->children[i], length, &ret->children[i], err));
    return HR_OK;
}

static hr_status group_column(struct assembler *a, const struct pq_col *col, uint32_t length,
                              struct hr_column *ret, struct hr_err *err)
{
    const struct pq_leaf *leaf = &a->b->leaves[col->leaf];
    uint32_t items = 0;
    HR_TRY(hr_column_alloc(&a->batch->arena, col->type, length, true, ret, err));
    uint64_t *validity = (uint64_t *)(uintptr_t)ret->validity;
    memset(validity, 0, hr_bit_words(length) * 8);
    int32_t *offsets = col->shape == PQ_RECORD ? NULL : (int32_t *)(uintptr_t)ret->values;
    if (walk(leaf, col, length, validity, offsets, &items) != length) return damaged(a, leaf, err);
    if (offsets) HR_TRY(check_siblings(a, col, length, offsets, err));
    if (hr_column_null_count(ret) == 0) ret->validity = NULL;
    if (col->keys && ret->validity) return damaged(a, leaf, err);
    return children_of(a, col, offsets ? items : length, ret, err);
}

static hr_status assemble(struct assembler *a, const struct pq_col *col, uint32_t length,
                          struct hr_column *ret, struct hr_err *err)
{
    switch (col->shape) {
    case PQ_MISSING: return hr_column_nulls(&a->batch->arena, col->type, length, ret, err);
    case PQ_LEAF: return leaf_column(a, col, length, ret, err);
    default: return group_column(a, col, length, ret, err);
    }
}

hr_status pq_assemble(struct pq_file *pq, struct pq_binding *b, const struct pq_col *col,
                      uint32_t rows, struct hr_batch *batch, struct hr_column *ret,
                      struct hr_err *err)
{
    struct assembler a = {pq, b, batch};
    for (uint32_t i = col->leaf; i < col->last_leaf; i++) b->leaves[i].held = false;
    if (col->flat) return pq_leaf_flat(&b->leaves[col->leaf], rows, batch, ret, col->type, err);
    for (uint32_t i = col->leaf; i < col->last_leaf; i++)
        HR_TRY(pq_leaf_rows(&b->leaves[i], rows, batch, err));
    return assemble(&a, col, rows, ret, err);
}
