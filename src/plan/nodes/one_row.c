/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT without FROM. Analysis makes a row without columns of it. */
#include "plan/nodes/one_row.h"

#include "plan/analyze.h"
#include "plan/node.h"

const struct hr_node_vt hr_node_one_row = {
    .name = "OneRowRelation",
    .size = sizeof(struct hr_one_row_node),
    .analyze = hr_analyze_one_row,
};
