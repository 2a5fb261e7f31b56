/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT DISTINCT and dropDuplicates. */
#ifndef HR_PLAN_NODE_DISTINCT_H
#define HR_PLAN_NODE_DISTINCT_H

#include "plan/logical.h"

struct hr_distinct_node {
    struct hr_plan plan;
    struct hr_expr **keys; /* dropDuplicates; none: all columns */
    uint32_t key_count;
};

#endif
