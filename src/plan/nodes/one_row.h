/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT without FROM. Analysis makes a row without columns of it. */
#ifndef HR_PLAN_NODE_ONE_ROW_H
#define HR_PLAN_NODE_ONE_ROW_H

#include "plan/logical.h"

struct hr_one_row_node {
    struct hr_plan plan;
};

#endif
