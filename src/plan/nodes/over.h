/* SPDX-License-Identifier: Apache-2.0 */
/* Functions over windows of rows (OVER). Output: the child's columns, then its own. */
#ifndef HR_PLAN_NODE_OVER_H
#define HR_PLAN_NODE_OVER_H

#include "plan/logical.h"

struct hr_over_node {
    struct hr_plan plan;
    struct hr_expr **exprs; /* ALIAS of OVER each, all of one PARTITION BY and ORDER BY */
    uint32_t expr_count;
};

#endif
