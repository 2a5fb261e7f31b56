/* SPDX-License-Identifier: Apache-2.0 */
/* child AS name [(columns)]: a qualifier for names. Behind analysis it is its child. */
#ifndef HR_PLAN_NODE_SUBQUERY_ALIAS_H
#define HR_PLAN_NODE_SUBQUERY_ALIAS_H

#include "plan/logical.h"

struct hr_subquery_alias_node {
    struct hr_plan plan;
    const char *name;     /* NULL: only the columns get names */
    const char **columns; /* new names of the child's columns, or none */
    uint32_t column_count;
};

#endif
