/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GROUP BY. After analysis its items are made of its groups and of aggregate calls over its
 * child.
 */
#ifndef HR_PLAN_NODE_AGGREGATE_H
#define HR_PLAN_NODE_AGGREGATE_H

#include "plan/nodes/project.h"

struct hr_aggregate_node {
    struct hr_select select; /* the output list, with aggregate calls inside */
    struct hr_expr **groups;
    uint32_t group_count;
    bool group_by_all;      /* before analysis */
    int32_t event_time_key; /* the group that is the event time or its window; -1 */
    int32_t session_key;    /* the group that is session_window(); -1 */
};

#endif
