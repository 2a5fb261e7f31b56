/* SPDX-License-Identifier: Apache-2.0 */
/* What a source tells of changes of rows, as the rows: with weights on a stream, net at rest. */
#ifndef HR_PLAN_NODE_READ_CHANGES_H
#define HR_PLAN_NODE_READ_CHANGES_H

#include "plan/logical.h"

struct hr_read_changes_node {
    struct hr_plan plan;
    enum hr_envelope envelope;
    const char *change_column; /* without an envelope: the child's column that says what a row is */
};

/* Does the plan read changes as a stream? */
bool hr_plan_reads_changes(const struct hr_plan *plan);

#endif
