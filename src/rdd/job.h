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

#include "rdd/locals.h"
#include "rdd/scheduler.h"

struct hr_work {
    struct hr_stage *stage;
    uint32_t partition, attempt;
    bool copy; /* of an attempt that takes long */
};

struct hr_work_list {
    struct hr_work *items;
    uint32_t first, count, capacity; /* live: [first, count) */
};

/* One partition of a stage. */
struct hr_task_state {
    bool busy; /* in todo, queued or running */
    uint16_t attempts, failures;
};

struct hr_stage {
    uint64_t id;
    struct hr_rdd *rdd;
    struct hr_dependency *dep; /* NULL: the result stage */
    struct hr_stage **parents;
    uint32_t parent_count, parent_capacity;
    struct hr_work_list todo;
    struct hr_task_state *tasks; /* by partition */
    uint32_t active;             /* queued or running tasks */
    uint32_t total;              /* tasks so far, without repetitions */
    int64_t *took_us;            /* by the tasks that have succeeded, with speculation */
    uint32_t took_count, took_capacity;
    uint32_t fetch_failures;
    bool ran;
};

/* One run of a task, on the stack of the thread that runs it. */
struct hr_attempt {
    struct hr_attempt *prev, *next; /* of the job */
    struct hr_job *job;
    struct hr_work work;
    int64_t start_us; /* with speculation */
    bool won;         /* its results count: no other attempt's do */
    bool stopped;     /* its work is not wanted; read by the task without the lock */
};

/* Jobs that share slots, and memory. Made once, by its definition or by the first job that names
 * it; goes with the scheduler. */
struct hr_sched_pool {
    struct hr_sched_pool *next;
    char *name;
    uint32_t weight, min_share;
    bool fair;        /* its own jobs share; else the first one goes first */
    uint32_t running; /* slots that its tasks hold */
    struct hr_budget *budget;
};

struct hr_job {
    struct hr_scheduler *scheduler;
    struct hr_job *prev, *next; /* in order of their start */
    struct hr_sched_pool *pool;
    const struct hr_task_frame *outer; /* the task that started it; NULL: none */
    const struct hr_locals *locals;
    const struct hr_job_options *options;
    uint64_t id;
    struct hr_stage **stages;
    uint32_t stage_count, stage_capacity;
    struct hr_work_list queue, copies; /* copies: when nothing else is to be done */
    struct hr_attempt *attempts;
    uint32_t running; /* attempts */
    uint32_t slots;   /* that they hold */
    bool solo;        /* the caller works alone */
    bool lent;        /* the caller works in the slot of the task that started the job */
    bool caller_idle; /* it is not running a task */
    bool speculates;  /* its tasks may have copies */
    bool failed;
    struct hr_err err;
    hr_status status;
    struct hr_job_stats stats;
    uint32_t tasks_done;
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
    uint32_t thread_count, idle_threads;
    uint32_t slots_used; /* of options.threads */
    bool stop;
    struct hr_job *jobs, *last_job;
    struct hr_sched_pool *pools;
    uint64_t next_job, next_stage, next_walk;
    int64_t next_look_us; /* for tasks that take long */
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
hr_status hr_stage_add(struct hr_stage *stage, uint32_t partition, struct hr_err *err) HR_CHECKED;
/* Puts what is missing above the stage on the todo of the stages there. */
hr_status hr_stage_need_parents(struct hr_job *job, struct hr_stage *stage,
                                struct hr_err *err) HR_CHECKED;
bool hr_stage_idle(const struct hr_stage *stage);
void hr_job_fail(struct hr_job *job, hr_status status, const struct hr_err *err);
/* Queues the todo of every stage whose parents are done. */
void hr_job_schedule(struct hr_job *job);
/* What a failed attempt means: the partition runs again, or the job fails. other: a copy of it
 * still runs. */
void hr_job_take_failure(struct hr_job *job, const struct hr_work *work, bool other,
                         hr_status status, struct hr_err *err);

/* --- speculation.c; the lock is held, but for the first two ----------------------------------- */

int64_t hr_real_us(void); /* also where a test's clock stands still */
/* The attempt has done its work: true when it is the first to say so. Then the others are told to
 * stop, and its effects may happen. */
bool hr_attempt_claim(struct hr_attempt *attempt);
/* Another attempt at the same task, which is still wanted. */
bool hr_attempt_has_other(const struct hr_attempt *attempt);
/* A task ended: its copy need not begin; how long it took counts. */
void hr_speculation_ended(struct hr_attempt *attempt, bool succeeded);
/* Queues copies of tasks that take long, if it is time to look. True: there are some. */
bool hr_speculate(struct hr_scheduler *s);

/* --- scheduler.c; the lock is held ------------------------------------------------------------ */

/* Tasks were queued: wakes who can run them. */
void hr_scheduler_wake(struct hr_job *job, uint32_t queued);

/* --- sched_pool.c; the lock is held ----------------------------------------------------------- */

/* The pool of that name (NULL: "default"), made when it is not there. NULL: no memory. */
struct hr_sched_pool *hr_sched_pool_get(struct hr_scheduler *s, const char *name);
void hr_sched_pools_free(struct hr_scheduler *s);
/* Whether a's next task starts before b's. */
bool hr_job_before(const struct hr_job *a, const struct hr_job *b);

/* --- task.c; the lock is not held ------------------------------------------------------------- */

hr_status hr_task_run(struct hr_attempt *attempt, int64_t *ret_bytes,
                      struct hr_err *err) HR_CHECKED;

#endif
