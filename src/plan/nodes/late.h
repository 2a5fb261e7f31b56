/* SPDX-License-Identifier: Apache-2.0 */
/* Below a stateful operator of a stream: the rows that are late go to an output of their own. */
#ifndef HR_PLAN_NODE_LATE_H
#define HR_PLAN_NODE_LATE_H

#include "plan/logical.h"

struct hr_late_node {
    struct hr_plan plan;
    struct hr_expr *time; /* the event time that the operator above judges by: an attribute */
    bool null_is_late;    /* it drops rows without a time */
};

/* Puts the node where late rows of an analysed and checked plan are. *ret_schema: of the late
 * rows: the columns that the operator above is given, and what late.h (operator) adds. Refused
 * where there is not one place. */
hr_status hr_plan_divert_late(struct hr_arena *arena, struct hr_plan *plan,
                              enum hr_output_mode mode, const struct hr_type **ret_schema,
                              struct hr_err *err) HR_CHECKED;

#endif
