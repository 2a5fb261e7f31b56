/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's parts that the rest of the room uses. */
#ifndef HR_RDD_SCHEDULER_H
#define HR_RDD_SCHEDULER_H

#include "rdd/block_store.h"

/* The scheduler's block store, noted in the RDD so that its blocks go with it. Borrowed. */
struct hr_block_store *hr_scheduler_blocks_of(struct hr_scheduler *scheduler, struct hr_rdd *rdd);
struct hr_block_store *hr_scheduler_blocks(struct hr_scheduler *scheduler);
/* An update of an accumulator (api_shared.c) that a worker process sent; of its batch's schema. */
struct hr_frame;
hr_status hr_acc_take(const struct hr_frame *frame, struct hr_err *err) HR_CHECKED;
const struct hr_type *hr_acc_schema(const void *accumulator);
/* The widest estimate (rows) that runs on the caller's thread. */
int64_t hr_scheduler_inline_rows(const struct hr_scheduler *scheduler);

#endif
