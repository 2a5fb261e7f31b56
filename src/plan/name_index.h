/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The columns of a wide node by their names, so that a list of n names over n columns is found in n
 * steps. Made at the NAME_INDEX_AFTER-th look at the same output; narrow ones are walked through.
 */
#ifndef HR_PLAN_NAME_INDEX_H
#define HR_PLAN_NAME_INDEX_H

#include "plan/logical.h"

struct hr_name_index {
    const struct hr_attr *output; /* of which it is: another array is another node or state of it */
    uint32_t output_count;
    uint32_t looks;
    uint32_t *first, *next; /* by hash: position + 1, 0: none; next by position */
    uint32_t mask;
};

/* The first position ≥ from whose name may be this one (upper and lower case are alike), or
 * output_count. Names are to be compared, as before. */
uint32_t hr_name_index_next(struct hr_arena *arena, struct hr_name_index *index,
                            const struct hr_plan *plan, const char *name, uint32_t from);

#endif
