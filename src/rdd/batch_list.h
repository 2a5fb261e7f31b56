/* SPDX-License-Identifier: Apache-2.0 */
/* A growing list of references on batches. */
#ifndef HR_RDD_BATCH_LIST_H
#define HR_RDD_BATCH_LIST_H

#include "column/column.h"

struct hr_batch_list {
    struct hr_batch **items;
    uint32_t count, capacity;
};
/* Takes the reference, also on failure. */
hr_status hr_batch_list_push(struct hr_batch_list *list, struct hr_batch *batch,
                             struct hr_err *err) HR_CHECKED;
void hr_batch_list_done(struct hr_batch_list *list);

#endif
