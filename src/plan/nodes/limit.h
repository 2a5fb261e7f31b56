/* SPDX-License-Identifier: Apache-2.0 */
/* LIMIT and OFFSET. */
#ifndef HR_PLAN_NODE_LIMIT_H
#define HR_PLAN_NODE_LIMIT_H

#include "plan/logical.h"

struct hr_limit_node {
    struct hr_plan plan;
    int64_t limit, offset;                    /* rows; limit -1: none */
    struct hr_expr *limit_expr, *offset_expr; /* before analysis */
};

#endif
