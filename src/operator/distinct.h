/* SPDX-License-Identifier: Apache-2.0 */
/* Distinct and Deduplicate (over the epochs of a query): the first row of each key. */
#ifndef HR_OPERATOR_DISTINCT_H
#define HR_OPERATOR_DISTINCT_H

#include "operator/physical.h"

/* program: key_count keys; NULL: all columns. */
struct hr_distinct_pnode {
    struct hr_pnode node;
    uint32_t key_count;
    int32_t event_time_key; /* stateful: which key is the event time or its window; -1: none */
};

#endif
