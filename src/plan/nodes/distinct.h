/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT DISTINCT, and DEDUPLICATE BY: Spark's dropDuplicates and dropDuplicatesWithinWatermark. */
#ifndef HR_PLAN_NODE_DISTINCT_H
#define HR_PLAN_NODE_DISTINCT_H

#include "plan/logical.h"

struct hr_distinct_node {
    struct hr_plan plan;
    bool by_keys;          /* DEDUPLICATE BY */
    struct hr_expr **keys; /* by_keys; none before analysis: all columns */
    uint32_t key_count;
    bool within_watermark; /* a key is forgotten when its first row is older than the delay */
    /* On a stream, set by analysis. */
    struct hr_expr *time; /* event time of the input: of the keys, else any; NULL: none */
    int32_t time_key;     /* which key that is; -1: none */
    int64_t delay_us;     /* of the time's watermark */
};

#endif
