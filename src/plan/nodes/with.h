/* SPDX-License-Identifier: Apache-2.0 */
/* WITH: definitions in sight of the query below. Analysis puts the query in its place. */
#ifndef HR_PLAN_NODE_WITH_H
#define HR_PLAN_NODE_WITH_H

#include "plan/logical.h"

struct hr_cte {
    const char *name;
    const char **columns;
    uint32_t column_count;
    struct hr_plan *plan; /* analysed in a copy for each use */
};

struct hr_with_node {
    struct hr_plan plan; /* the query is child 0 */
    struct hr_cte *ctes;
    uint32_t cte_count;
};

#endif
