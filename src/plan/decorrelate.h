/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subquery that refers to the query around it, made into one that does not, and a condition
 * between the two: what a join can be made of.
 */
#ifndef HR_PLAN_DECORRELATE_H
#define HR_PLAN_DECORRELATE_H

#include "plan/tree.h"

struct hr_apply {
    /* Given */
    struct hr_arena *arena;
    const struct hr_conf *conf;
    enum hr_subquery_form form;
    struct hr_plan *plan;        /* analysed, its own subqueries are joins; becomes the result */
    const uint32_t *params;      /* attributes that stand for args[i] in it */
    struct hr_expr *const *args; /* over outer's columns */
    uint32_t param_count;
    const struct hr_plan *outer; /* the rows around; copied where their values are needed below */
    /* Results. plan has the columns that columns[] and conditions refer to. */
    struct hr_expr **columns;   /* values of the query's columns, over plan and outer */
    struct hr_exprs conditions; /* which of plan's rows belong to a row of outer */
    bool one_row;               /* surely at most one for each */
    /* SCALAR: the value where none does, over outer; NULL: it is NULL. */
    struct hr_expr *missing;
};

hr_status hr_decorrelate(struct hr_apply *apply, struct hr_err *err) HR_CHECKED;

/* Is the attribute one of the parameters anywhere in the plan? */
bool hr_plan_uses_params(struct hr_plan *plan, const uint32_t *params, uint32_t count);
/* A copy of expr with what the parameters stand for in their place. */
hr_status hr_params_to_args(struct hr_arena *arena, const uint32_t *params,
                            struct hr_expr *const *args, uint32_t count, struct hr_expr **expr,
                            struct hr_err *err) HR_CHECKED;

/* decorrelate_domain.c: the general way, by a join with all distinct values of the parameters.
 * apply->args become conditions. */
hr_status hr_decorrelate_by_domain(struct hr_apply *apply, struct hr_err *err) HR_CHECKED;
/* The result of an aggregate call over no rows. */
hr_status hr_empty_aggregate(struct hr_arena *arena, const struct hr_conf *conf,
                             const struct hr_expr *call, struct hr_expr **ret,
                             struct hr_err *err) HR_CHECKED;
/* item's value where its aggregate calls have no rows, and attributes of defaults (ALIASes)
 * theirs. */
hr_status hr_empty_value(struct hr_arena *arena, const struct hr_conf *conf,
                         const struct hr_expr *item, const struct hr_exprs *defaults,
                         struct hr_expr **ret, struct hr_err *err) HR_CHECKED;

#endif
