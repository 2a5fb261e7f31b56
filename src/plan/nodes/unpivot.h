/* SPDX-License-Identifier: Apache-2.0 */
/* UNPIVOT: a row for each group of columns. Analysis makes an EXPAND of it. */
#ifndef HR_PLAN_NODE_UNPIVOT_H
#define HR_PLAN_NODE_UNPIVOT_H

#include "plan/logical.h"

struct hr_unpivot_node {
    struct hr_plan plan;
    bool include_nulls;
    const char *name;    /* of the column that says which group it is */
    const char **values; /* of the columns of values */
    uint32_t value_count;
    struct hr_expr ***rows; /* rows[i]: the columns of group i, NAMEs */
    uint32_t row_count, row_width;
    const char **aliases; /* aliases[i]: what group i is called, or NULL */
};

#endif
