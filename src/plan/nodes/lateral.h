/* SPDX-License-Identifier: Apache-2.0 */
/* JOIN LATERAL (query): the query is asked for each row of child 0. Analysis makes a join of it. */
#ifndef HR_PLAN_NODE_LATERAL_H
#define HR_PLAN_NODE_LATERAL_H

#include "plan/nodes/join.h"

struct hr_lateral_node {
    struct hr_plan plan;       /* child 0: the rows that the query may refer to */
    struct hr_expr *query;     /* HR_X_SUBQUERY, form LATERAL */
    enum hr_join_type type;    /* INNER, CROSS or LEFT */
    struct hr_expr *condition; /* or NULL */
};

#endif
