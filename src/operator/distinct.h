/* SPDX-License-Identifier: Apache-2.0 */
/* Distinct and Deduplicate (over the epochs of a query): the first row of each key. */
#ifndef HR_OPERATOR_DISTINCT_H
#define HR_OPERATOR_DISTINCT_H

#include "operator/physical.h"

/* program: key_count keys and, last, the event time unless it is one of them; NULL: all columns
 * are keys. */
struct hr_distinct_pnode {
    struct hr_pnode node;
    uint32_t key_count;
    /* stateful */
    int32_t time;          /* which of exprs is the event time or its window; -1: there is none */
    bool expires;          /* a key is forgotten when its first row's time + life_us has passed */
    int64_t life_us;
    bool within_watermark; /* a row without a time is of 1970; else its key lives for ever */
};

#endif
