/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's parts that the rest of the room uses. */
#ifndef HR_RDD_SCHEDULER_H
#define HR_RDD_SCHEDULER_H

#include <headrace/headrace.h>

#include "rdd/block_store.h"

/* The scheduler's block store, noted in the RDD so that its blocks go with it. Borrowed. */
struct hr_block_store *hr_scheduler_blocks_of(struct hr_scheduler *scheduler, struct hr_rdd *rdd);
struct hr_block_store *hr_scheduler_blocks(struct hr_scheduler *scheduler);
/* Makes a pool, or gives one new values. */
hr_status hr_scheduler_add_pool(struct hr_scheduler *scheduler,
                                const struct hr_pool_options *options,
                                struct hr_err *err) HR_CHECKED;
/* What a pool's budget holds now. */
int64_t hr_scheduler_pool_bytes(struct hr_scheduler *scheduler, const char *name);
/* Ends running jobs with HR_CANCELLED: those of a group, one by id, or (NULL, 0) all. Their tasks
 * are told, workers killed; the jobs' callers return once their tasks have ended. */
void hr_scheduler_cancel(struct hr_scheduler *scheduler, const char *group, uint64_t id);
/* The jobs that run, in order of their start: how many, and the first max of them. */
uint32_t hr_scheduler_jobs(struct hr_scheduler *scheduler, struct hr_job_status *ret, uint32_t max);
/* An update of an accumulator (api_shared.c) that a worker process sent; of its batch's schema. */
struct hr_frame;
hr_status hr_acc_take(const struct hr_frame *frame, struct hr_err *err) HR_CHECKED;
const struct hr_type *hr_acc_schema(const void *accumulator);
/* The widest estimate (rows) that runs on the caller's thread. */
int64_t hr_scheduler_inline_rows(const struct hr_scheduler *scheduler);

#endif
