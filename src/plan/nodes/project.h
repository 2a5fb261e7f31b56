/* SPDX-License-Identifier: Apache-2.0 */
/* A select list without grouping. */
#ifndef HR_PLAN_NODE_PROJECT_H
#define HR_PLAN_NODE_PROJECT_H

#include "plan/logical.h"

/* What PROJECT and AGGREGATE share: an output list. NAMEs, ALIASes and STARs before analysis, ALIAS
 * or ATTR after. */
struct hr_select {
    struct hr_plan plan;
    struct hr_expr **exprs;
    uint32_t expr_count;
};

struct hr_project_node {
    struct hr_select select;
    const char *pipe_clause; /* |> EXTEND, SET, DROP: takes no aggregates */
    bool keeps_event_time;   /* a computed column (window) is event time: its mark is not derived */
};

HR_INLINE bool hr_plan_is_select(const struct hr_plan *plan)
{
    return plan->kind == HR_P_PROJECT || plan->kind == HR_P_AGGREGATE;
}
HR_INLINE struct hr_select *hr_select_of(struct hr_plan *plan)
{
    assert(hr_plan_is_select(plan));
    return (struct hr_select *)plan;
}
HR_INLINE const struct hr_select *hr_select_of_const(const struct hr_plan *plan)
{
    assert(hr_plan_is_select(plan));
    return (const struct hr_select *)plan;
}

/* Appends an item; the output is not computed yet. */
hr_status hr_select_push(struct hr_arena *arena, struct hr_plan *plan, struct hr_expr *item,
                         struct hr_err *err) HR_CHECKED;
/* The output that the list makes; also AGGREGATE's. */
hr_status hr_select_output(struct hr_arena *arena, struct hr_plan *plan,
                           struct hr_err *err) HR_CHECKED;
/* Drops the items that nobody wants, and asks the children for what the rest needs. */
struct hr_rule_ctx;
struct hr_wanted;
hr_status hr_select_prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                          struct hr_err *err) HR_CHECKED;

#endif
