/* SPDX-License-Identifier: Apache-2.0 */
/* EXCEPT and INTERSECT. Analysis makes joins of them. */
#ifndef HR_PLAN_NODE_SETOP_H
#define HR_PLAN_NODE_SETOP_H

#include "plan/logical.h"

enum hr_set_op { HR_SET_EXCEPT, HR_SET_INTERSECT };

struct hr_setop_node {
    struct hr_plan plan;
    enum hr_set_op op;
    bool is_all;
};

#endif
