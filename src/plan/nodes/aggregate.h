/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GROUP BY. After analysis its items are made of its groups and of aggregate calls over its
 * child.
 */
#ifndef HR_PLAN_NODE_AGGREGATE_H
#define HR_PLAN_NODE_AGGREGATE_H

#include "plan/nodes/project.h"

#define HR_GROUPING_SETS "grouping sets" /* a call of it: its arguments are sets */
#define HR_GROUPING_SET  "grouping set"  /* () */

struct hr_aggregate_node {
    struct hr_select select; /* the output list, with aggregate calls inside */
    struct hr_expr **groups;
    uint32_t group_count;
    bool group_by_all; /* before analysis */
    bool is_pipe;      /* |> AGGREGATE: the groups, then the aggregates; ordinals are the input's */
    /* GROUP BY a, b GROUPING SETS (…), before analysis. Of groups, calls of rollup, cube and
     * HR_GROUPING_SETS are no functions but sets. */
    struct hr_expr *sets;
    /* With grouping sets: the groups as they were. groups has a copy of each, NULL where it is not
     * in the row's set, and the set's number behind them. */
    bool has_sets;
    struct hr_expr **originals;
    uint32_t original_count;
    int32_t event_time_key; /* the group that is the event time or its window; -1 */
    int32_t session_key;    /* the group that is session_window(); -1 */
};

#endif
