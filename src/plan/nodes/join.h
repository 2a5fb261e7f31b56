/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of two inputs by a condition. */
#ifndef HR_PLAN_NODE_JOIN_H
#define HR_PLAN_NODE_JOIN_H

#include "plan/logical.h"

enum hr_join_type {
    HR_JOIN_INNER,
    HR_JOIN_LEFT,
    HR_JOIN_RIGHT,
    HR_JOIN_FULL,
    HR_JOIN_SEMI,
    HR_JOIN_ANTI,
    HR_JOIN_CROSS,
    HR_JOIN_SINGLE, /* LEFT, with an error where a row has two partners: scalar subqueries */
    HR_JOIN_MARK,   /* rows of the left side, and whether they have a partner: EXISTS, IN */
};

struct hr_join_node {
    struct hr_plan plan;
    enum hr_join_type type;
    struct hr_expr *condition; /* NULL: every pair */
    /* ANTI and MARK, of the pairs that fulfil the condition: NOT IN's comparison, where a NULL
     * counts as a partner, too. */
    struct hr_expr *in_condition;
    struct hr_expr *mark; /* MARK: a reference to the column that it makes */
    /* Before analysis, which makes a condition and a projection of them. */
    bool is_natural;
    const char **using_columns;
    uint32_t using_count;
};

/* SEMI and ANTI: rows of the left side only. */
HR_INLINE bool hr_join_is_half(enum hr_join_type type)
{
    return type == HR_JOIN_SEMI || type == HR_JOIN_ANTI;
}

#endif
