/* SPDX-License-Identifier: Apache-2.0 */
/* EventTimeWatermark: notes the event times that pass. */
#ifndef HR_OPERATOR_WATERMARK_H
#define HR_OPERATOR_WATERMARK_H

#include "operator/physical.h"

struct hr_watermark_pnode {
    struct hr_pnode node;
    uint32_t column; /* TIMESTAMP, or a window STRUCT */
    uint32_t index;  /* its place in exec->watermarks */
    int64_t delay_us;
    /* A row further ahead of the epoch's time than this is too far in the future; 0: none is. */
    int64_t max_future_us;
    enum hr_far_future far_future;
    const struct hr_type *late_schema; /* where the rows dropped go; NULL: nowhere */
    int32_t *late_columns;
    bool by_partition; /* the newest time of each partition of the sources is told */
};

/* NULL: the node observes no event time. */
HR_INLINE const struct hr_watermark_pnode *hr_pnode_watermark(const struct hr_pnode *node)
{
    return node->vt->marks_event_time ? HR_PNODE(watermark, node) : NULL;
}

#endif
