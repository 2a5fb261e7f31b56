/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Behind the scheduler: its jobs, their stages, and attempts at tasks. scheduler.c has the threads
 * and who is served first, stage.c what is to be done, task.c how it is done.
 *
 * One lock, the scheduler's, guards all of it; tasks are coarse. It is never held while a task or a
 * callback runs.
 */
#ifndef HR_RDD_JOB_H
#define HR_RDD_JOB_H

#include "rdd/scheduler.h"

struct hr_work {
    struct hr_stage *stage;
    uint32_t partition, attempt;
};

struct hr_work_list {
    struct hr_work *items;
    uint32_t first, count, capacity; /* live: [first, count) */
};

struct hr_stage {
    uint64_t id;
    struct hr_rdd *rdd;
    struct hr_dependency *dep; /* NULL: the result stage */
    struct hr_stage **parents;
    uint32_t parent_count, parent_capacity;
    struct hr_work_list todo;
    uint8_t *busy;   /* by partition: in todo, queued or running */
    uint32_t active; /* queued or running tasks */
    uint32_t fetch_failures;
    bool ran;
};

struct hr_job {
    struct hr_scheduler *scheduler;
    struct hr_job *prev, *next;
    const struct hr_job_options *options;
    uint64_t id;
    struct hr_stage **stages;
    uint32_t stage_count, stage_capacity;
    struct hr_work_list queue;
    uint32_t running;
    bool solo; /* the caller works alone */
    bool failed;
    bool stop; /* read by tasks without the lock */
    struct hr_err err;
    hr_status status;
    struct hr_job_stats stats;
    pthread_cond_t changed;
};

struct hr_scheduler {
    struct hr_env *env;
    struct hr_scheduler_options options;
    struct hr_block_store *blocks;
    int64_t output_bytes_max; /* of a worker's task */
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t *threads;
    uint32_t thread_count;
    bool stop;
    struct hr_job *jobs; /* ring; the next one to be served first */
    uint64_t next_job, next_stage;
};

/* --- stage.c; the lock is held ---------------------------------------------------------------- */

bool hr_work_push(struct hr_work_list *list, struct hr_work work); /* false: no memory */
bool hr_work_pop(struct hr_work_list *list, struct hr_work *ret);  /* false: empty */
bool hr_work_empty(const struct hr_work_list *list);
/* Room for one more pointer than count; false: no memory. */
bool hr_pointers_grow(void **items, uint32_t count, uint32_t *capacity);

hr_status hr_stage_new(struct hr_job *job, struct hr_rdd *rdd, struct hr_dependency *dep,
                       struct hr_stage **ret, struct hr_err *err) HR_CHECKED;
void hr_stage_free(struct hr_stage *stage);
/* Puts a partition on the todo. */
hr_status hr_stage_add(struct hr_job *job, struct hr_stage *stage, uint32_t partition,
                       uint32_t attempt, struct hr_err *err) HR_CHECKED;
/* Puts what is missing above the stage on the todo of the stages there. */
hr_status hr_stage_need_parents(struct hr_job *job, struct hr_stage *stage,
                                struct hr_err *err) HR_CHECKED;
bool hr_stage_idle(const struct hr_stage *stage);
void hr_job_fail(struct hr_job *job, hr_status status, const struct hr_err *err);
/* Queues the todo of every stage whose parents are done. */
void hr_job_schedule(struct hr_job *job);
/* What a failed attempt means: the partition runs again, or the job fails. */
void hr_job_take_failure(struct hr_job *job, const struct hr_work *work, hr_status status,
                         struct hr_err *err);

/* --- task.c; the lock is not held ------------------------------------------------------------- */

hr_status hr_task_run(struct hr_job *job, const struct hr_work *work, int64_t *ret_bytes,
                      struct hr_err *err) HR_CHECKED;

#endif
