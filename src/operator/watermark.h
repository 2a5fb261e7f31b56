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
};

/* NULL: the node observes no event time. */
HR_INLINE const struct hr_watermark_pnode *hr_pnode_watermark(const struct hr_pnode *node)
{
    return node->vt->marks_event_time ? HR_PNODE(watermark, node) : NULL;
}

#endif
