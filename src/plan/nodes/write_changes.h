/* SPDX-License-Identifier: Apache-2.0 */
/* The result of a query over changes, as an output mode wants it. */
#ifndef HR_PLAN_NODE_WRITE_CHANGES_H
#define HR_PLAN_NODE_WRITE_CHANGES_H

#include "plan/logical.h"

struct hr_conf;
struct hr_planner;
struct hr_pnode;

#define HR_CHANGE_COLUMN "_change"

struct hr_write_changes_node {
    struct hr_plan plan;
    enum hr_output_mode mode; /* UPDATE, COMPLETE, CHANGELOG */
    uint32_t change_attr;     /* CHANGELOG: the column that says what a row is */
    bool has_key;             /* no two rows of the result agree in the columns of the key */
    uint32_t *key;            /* ids of attributes */
    uint32_t key_count;
};

/* Puts such a node where the mode needs it: at the root, or for COMPLETE below the ORDER BY and
 * LIMIT of the result. *ret_at: where it stands, so that it can be taken out again. */
hr_status hr_plan_write_changes(struct hr_arena *arena, struct hr_plan **plan,
                                enum hr_output_mode mode, struct hr_plan ***ret_at,
                                struct hr_err *err) HR_CHECKED;
/* Is there one in the plan? */
bool hr_plan_writes_changes(const struct hr_plan *plan);
/* Rows of child that tell of changes, as the rows that they come to. */
hr_status hr_net_rows(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode *child,
                      struct hr_pnode **ret, struct hr_err *err) HR_CHECKED;

#endif
