/* SPDX-License-Identifier: Apache-2.0 */
/* UNION ALL; UNION has a DISTINCT above. */
#ifndef HR_PLAN_NODE_UNION_H
#define HR_PLAN_NODE_UNION_H

#include "plan/logical.h"

struct hr_union_node {
    struct hr_plan plan; /* two or more children */
    bool by_name;        /* before analysis */
};

#endif
