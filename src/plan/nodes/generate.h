/* SPDX-License-Identifier: Apache-2.0 */
/* LATERAL VIEW and generators in a select list. Output: the child's columns, then its own. */
#ifndef HR_PLAN_NODE_GENERATE_H
#define HR_PLAN_NODE_GENERATE_H

#include "plan/logical.h"

struct hr_generate_node {
    struct hr_plan plan;
    struct hr_expr *call;  /* of the generator */
    bool outer;            /* a row without elements gives one row of NULLs */
    const char *name;      /* qualifier of its columns, or NULL */
    const char **columns;  /* names as written, before analysis */
    uint32_t column_count; /* the generator's own, behind the child's */
};

#endif
