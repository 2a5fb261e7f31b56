/* SPDX-License-Identifier: Apache-2.0 */
/* Functions over windows of rows (OVER). Output: the child's columns, then its own. */
#ifndef HR_PLAN_NODE_OVER_H
#define HR_PLAN_NODE_OVER_H

#include "plan/logical.h"

struct hr_over_node {
    struct hr_plan plan;
    struct hr_expr **exprs; /* ALIAS of OVER each, all of one PARTITION BY and ORDER BY */
    uint32_t expr_count;
    uint32_t top; /* on a stream: a filter above keeps row_number() <= top, by any order; 0: none */
};

/* row_number() on a stream by what no stream is ordered by: a filter on it may make it the first
 * rows of a key. */
bool hr_over_may_be_top(const struct hr_plan *plan);

#endif
