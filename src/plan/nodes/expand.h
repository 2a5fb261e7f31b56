/* SPDX-License-Identifier: Apache-2.0 */
/* Each input row as several output rows: sliding windows. */
#ifndef HR_PLAN_NODE_EXPAND_H
#define HR_PLAN_NODE_EXPAND_H

#include "plan/logical.h"

struct hr_expand_node {
    struct hr_plan plan;
    struct hr_expr ***rows; /* rows[i]: the i-th output row of an input row */
    uint32_t row_count, row_width;
};

#endif
