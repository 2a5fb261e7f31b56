/* SPDX-License-Identifier: Apache-2.0 */
/* Sort and TakeOrdered. program: the keys. */
#ifndef HR_OPERATOR_SORT_H
#define HR_OPERATOR_SORT_H

#include "operator/physical.h"

struct hr_sort_pnode {
    struct hr_pnode node;
    bool *descending, *nulls_first; /* by key */
    int64_t limit, offset;          /* TakeOrdered only */
};

#endif
