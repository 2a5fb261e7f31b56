/* SPDX-License-Identifier: Apache-2.0 */
/* PIVOT: analysis makes aggregations of it. */
#ifndef HR_PLAN_NODE_PIVOT_H
#define HR_PLAN_NODE_PIVOT_H

#include "plan/logical.h"

struct hr_pivot_node {
    struct hr_plan plan;
    struct hr_expr **aggregates; /* ALIASes where they have names */
    uint32_t aggregate_count;
    struct hr_expr **columns; /* NAMEs: whose values become columns */
    uint32_t column_count;
    struct hr_expr **values; /* ALIASes where they have names */
    uint32_t value_count;
};

#endif
