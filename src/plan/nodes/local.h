/* SPDX-License-Identifier: Apache-2.0 */
/* Batches in memory: folded VALUES, tables in memory, nothing at all. */
#ifndef HR_PLAN_NODE_LOCAL_H
#define HR_PLAN_NODE_LOCAL_H

#include "plan/logical.h"

struct hr_local_node {
    struct hr_plan plan;
    struct hr_batch **batches; /* held until the arena is done */
    uint32_t batch_count;
};

#endif
