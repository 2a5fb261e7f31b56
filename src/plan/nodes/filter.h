/* SPDX-License-Identifier: Apache-2.0 */
/* WHERE and HAVING. */
#ifndef HR_PLAN_NODE_FILTER_H
#define HR_PLAN_NODE_FILTER_H

#include "plan/logical.h"

struct hr_filter_node {
    struct hr_plan plan;
    struct hr_expr *condition;
    bool is_pipe;    /* |> WHERE: sees the input's columns alone */
    bool is_having;  /* over an AGGREGATE, whose groups and calls it may use */
    bool is_qualify; /* over the windows of a select list, and windows of its own */
};

#endif
