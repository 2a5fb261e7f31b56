/* SPDX-License-Identifier: Apache-2.0 */
/* The event time of a stream, and how late a row may be. */
#ifndef HR_PLAN_NODE_WATERMARK_H
#define HR_PLAN_NODE_WATERMARK_H

#include "plan/logical.h"

struct hr_watermark_node {
    struct hr_plan plan;
    struct hr_expr *time; /* the event-time column: TIMESTAMP, or a window STRUCT */
    int64_t delay_us;
};

#endif
