/* SPDX-License-Identifier: Apache-2.0 */
/* range(start, end, step): one LONG column. */
#ifndef HR_PLAN_NODE_RANGE_H
#define HR_PLAN_NODE_RANGE_H

#include "plan/logical.h"

struct hr_range_node {
    struct hr_plan plan;
    int64_t start, end, step;
};

#endif
