/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of values: a list up to FEW of them, then with slots by hash (linear probing). */
#include "expr/functions/value_set.h"

#include "base/hash.h"

#define FEW 16u

void hr_place_set_done(struct hr_place_set *set)
{
    hr_free(set->items);
    hr_free(set->slots);
    memset(set, 0, sizeof *set);
}

static bool is_null(const struct hr_column *col, uint32_t row)
{
    return col->type->id == HR_T_NULL || !hr_column_valid(col, row);
}

static bool same(const struct hr_value_place *item, const struct hr_column *col, uint32_t row)
{
    bool a = is_null(item->col, item->row), b = is_null(col, row);
    return a || b ? a && b : hr_column_equal(item->col, item->row, col, row);
}

static uint64_t hash_of(const struct hr_column *col, uint32_t row)
{
    uint64_t hash = 0;
    if (!is_null(col, row)) hr_column_hash(col, &row, 1, &hash);
    return hash;
}

/* The slot of the value, or the free one where it belongs. */
static uint32_t find_slot(const struct hr_place_set *set, const struct hr_column *col, uint32_t row,
                          uint64_t hash)
{
    uint32_t at = (uint32_t)hr_hash_u64(hash) & set->mask;
    for (; set->slots[at]; at = (at + 1) & set->mask) {
        const struct hr_value_place *item = &set->items[set->slots[at] - 1];
        if (item->hash == hash && same(item, col, row)) break;
    }
    return at;
}

static hr_status rehash(struct hr_place_set *set, struct hr_err *err)
{
    uint32_t size = 4 * FEW;
    while (size < set->count * 4) size *= 2;
    uint32_t *slots = hr_zalloc(size * sizeof *slots);
    if (!slots) return HR_OOM(err);
    bool first = !set->slots;
    hr_free(set->slots);
    set->slots = slots;
    set->mask = size - 1;
    for (uint32_t i = 0; i < set->count; i++) {
        struct hr_value_place *item = &set->items[i];
        if (first) item->hash = hash_of(item->col, item->row);
        slots[find_slot(set, item->col, item->row, item->hash)] = i + 1;
    }
    return HR_OK;
}

bool hr_place_set_has(const struct hr_place_set *set, const struct hr_column *col, uint32_t row)
{
    if (set->slots) return set->slots[find_slot(set, col, row, hash_of(col, row))] != 0;
    for (uint32_t i = 0; i < set->count; i++)
        if (same(&set->items[i], col, row)) return true;
    return false;
}

hr_status hr_place_set_add(struct hr_place_set *set, const struct hr_column *col, uint32_t row,
                           bool *ret_new, struct hr_err *err)
{
    uint64_t hash = set->slots ? hash_of(col, row) : 0;
    uint32_t slot = set->slots ? find_slot(set, col, row, hash) : 0;
    *ret_new = set->slots ? !set->slots[slot] : !hr_place_set_has(set, col, row);
    if (!*ret_new) return HR_OK;
    if (set->count == set->capacity) {
        uint32_t capacity = set->capacity ? set->capacity * 2 : FEW;
        struct hr_value_place *items = hr_realloc(set->items, sizeof *items * capacity);
        if (!items) return HR_OOM(err);
        set->items = items;
        set->capacity = capacity;
    }
    set->items[set->count++] = (struct hr_value_place){.col = col, .row = row, .hash = hash};
    if (set->slots) set->slots[slot] = set->count;
    bool full = set->slots ? set->count * 2 > set->mask : set->count > FEW;
    return full ? rehash(set, err) : HR_OK;
}
