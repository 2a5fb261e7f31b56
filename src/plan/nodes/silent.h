/* SPDX-License-Identifier: Apache-2.0 */
/* SILENT BY (keys) FOR …: the last row of each key that has no other behind it for so long. */
#ifndef HR_PLAN_NODE_SILENT_H
#define HR_PLAN_NODE_SILENT_H

#include "plan/logical.h"

struct hr_silent_node {
    struct hr_plan plan;
    struct hr_expr **keys; /* columns */
    uint32_t key_count;
    int64_t after_us;
    struct hr_expr *time; /* the event time: set by analysis */
    uint32_t at_id;       /* the attribute silent_at */
};

#endif
