/* SPDX-License-Identifier: Apache-2.0 */
/* ORDER BY and SORT BY. */
#ifndef HR_PLAN_NODE_SORT_H
#define HR_PLAN_NODE_SORT_H

#include "plan/logical.h"

struct hr_sort_node {
    struct hr_plan plan;
    struct hr_expr **keys; /* HR_X_SORT */
    uint32_t key_count;
    bool is_pipe;   /* |> ORDER BY: sees the input's columns alone */
    bool is_global; /* ORDER BY; else SORT BY, within partitions */
};

struct hr_planner;
struct hr_pnode;
/* Gives a physical node the keys of a SORT. */
hr_status hr_sort_keys(struct hr_planner *pl, const struct hr_plan *sort, struct hr_pnode *node,
                       struct hr_err *err) HR_CHECKED;

#endif
