/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler's parts that the rest of the room uses. */
#ifndef HR_RDD_SCHEDULER_H
#define HR_RDD_SCHEDULER_H

#include "rdd/block_store.h"

/* A pool of jobs: hr_pool_options of <headrace/rdd.h> says what it all means. */
struct hr_sched_pool_options {
    const char *name;
    uint32_t weight, min_share;
    int64_t memory_bytes;
    bool fair; /* between its own jobs */
};

/* A job that runs. */
struct hr_job_facts {
    uint64_t id;
    const char *pool, *group, *description; /* borrowed during the call; "" where there is none */
    uint32_t running, tasks_done, tasks_failed, tasks_left, stages_left, stages_done;
};

/* The scheduler's block store, noted in the RDD so that its blocks go with it. Borrowed. */
struct hr_block_store *hr_scheduler_blocks_of(struct hr_scheduler *scheduler, struct hr_rdd *rdd);
struct hr_block_store *hr_scheduler_blocks(struct hr_scheduler *scheduler);
/* Makes a pool, or gives one new values. */
hr_status hr_scheduler_add_pool(struct hr_scheduler *scheduler,
                                const struct hr_sched_pool_options *options,
                                struct hr_err *err) HR_CHECKED;
/* A pool's budget (NULL: that of "default"), made when it is not there; a reference. NULL: no
 * memory. */
struct hr_budget *hr_scheduler_budget(struct hr_scheduler *scheduler, const char *name);
/* What a pool's budget holds now. */
int64_t hr_scheduler_pool_bytes(struct hr_scheduler *scheduler, const char *name);
/* Ends running jobs with HR_CANCELLED: those of a group, one by id, or (NULL, 0) all. Their tasks
 * are told, workers killed; the jobs' callers return once their tasks have ended. */
void hr_scheduler_cancel(struct hr_scheduler *scheduler, const char *group, uint64_t id);
/* The jobs that run, in order of their start: how many; calls fn with each, which must not call the
 * scheduler. */
uint32_t hr_scheduler_jobs(struct hr_scheduler *scheduler,
                           void (*fn)(void *arg, uint32_t n, const struct hr_job_facts *facts),
                           void *arg);

#endif
