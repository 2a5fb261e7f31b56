/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of values that stand in columns: elements of arrays, keys of maps. Values are equal as in
 * hr_column_equal (one zero, one NaN); NULL is a value like another. The columns must stay.
 */
#ifndef HR_EXPR_FUNCTIONS_VALUE_SET_H
#define HR_EXPR_FUNCTIONS_VALUE_SET_H

#include "column/column.h"

struct hr_value_place {
    const struct hr_column *col;
    uint32_t row;
    uint64_t hash; /* once there are slots */
};

/* All zeros is empty. Few values are compared with one another, many found by their hash. */
struct hr_place_set {
    struct hr_value_place *items;
    uint32_t count, capacity;
    uint32_t *slots; /* index + 1 into items */
    uint32_t mask;
};

/* Empties it for another row; what it has allocated stays. */
HR_INLINE void hr_place_set_clear(struct hr_place_set *set)
{
    if (set->slots && set->count) memset(set->slots, 0, sizeof *set->slots * (set->mask + 1u));
    set->count = 0;
}
void hr_place_set_done(struct hr_place_set *set);
bool hr_place_set_has(const struct hr_place_set *set, const struct hr_column *col, uint32_t row);
/* *ret_new: it was not there. */
hr_status hr_place_set_add(struct hr_place_set *set, const struct hr_column *col, uint32_t row,
                           bool *ret_new, struct hr_err *err) HR_CHECKED;

/* One more key of a map: DUPLICATED_MAP_KEY where the set has it, NULL_MAP_KEY. scalar_struct.c */
struct hr_eval_ctx;
hr_status hr_map_check_key(struct hr_eval_ctx *ctx, struct hr_place_set *seen,
                           const struct hr_column *keys, uint32_t row,
                           struct hr_err *err) HR_CHECKED;

#endif
