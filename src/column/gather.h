/* SPDX-License-Identifier: Apache-2.0 */
/* Copying rows from one or several columns of one type into a fresh one (private to this room). */
#ifndef HR_COLUMN_GATHER_H
#define HR_COLUMN_GATHER_H

#include "column/column.h"

/* Rows rows[0 … count) of col (UINT32_MAX: NULL), or first … first+count when rows is NULL. */
struct hr_part {
    const struct hr_column *col;
    const uint32_t *rows;
    uint32_t first, count;
};

/* The rows of all parts, one after the other. deep: bytes of strings are copied into the arena. */
hr_status hr_gather(struct hr_arena *arena, const struct hr_type *type, const struct hr_part *parts,
                    uint32_t part_count, bool deep, struct hr_column *ret,
                    struct hr_err *err) HR_CHECKED;

/* Whether values of the type point outside of the column's own buffers. */
bool hr_type_has_strings(const struct hr_type *type);

#endif
