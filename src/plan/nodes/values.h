/* SPDX-License-Identifier: Apache-2.0 */
/* VALUES. Analysis computes the rows and puts a LOCAL in its place. */
#ifndef HR_PLAN_NODE_VALUES_H
#define HR_PLAN_NODE_VALUES_H

#include "plan/logical.h"

struct hr_values_node {
    struct hr_plan plan;
    struct hr_expr ***rows; /* rows[i][column] */
    uint32_t row_count, row_width;
};

#endif
