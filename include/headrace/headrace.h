/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headrace: stream and batch processing with Spark's semantics, in C.
 *
 *     cc program.c $(pkg-config --cflags --libs headrace)
 *
 *   <headrace/err.h>      errors
 *   <headrace/row.h>      rows, emitters: what user functions see
 *   <headrace/rdd.h>      RDDs: transformations and actions over data at rest
 *   <headrace/typed.h>    rows as structs of your own (not included here)
 *   <headrace/dstream.h>  DStreams: the same over micro-batches of live data
 *   <headrace/ml.h>       models that learn from rows
 *
 * This header has what they share: the context, and whose task runs next when there are several
 * jobs.
 */
#ifndef HEADRACE_HEADRACE_H
#define HEADRACE_HEADRACE_H

#include <headrace/dstream.h>
#include <headrace/err.h>
#include <headrace/ml.h>
#include <headrace/rdd.h>
#include <headrace/row.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Releases texts that the library gave to the caller. NULL is fine.
 * @code
 *     char *text = hr_rdd_to_debug_string(rdd);
 *     puts(text ? text : "no memory");
 *     hr_free(text);
 * @endcode */
void hr_free(void *ptr);

/* --- The budget of the process ---------------------------------------------------------------- */

/* What all contexts, sessions, streaming contexts and queries of the process may hold together:
 * batches, tables and orders of running tasks, states, shuffle outputs, kept blocks. Beyond it kept
 * blocks make room, least recently used first (to disk where their level says so); what still finds
 * no room ends its job, statement or query with HR_MEMORY_LIMIT, and the others go on. Three
 * quarters of what the machine, its control group (memory.max, memory.limit_in_bytes) or ulimit -v
 * grants; more than that is refused. The same as SQL's SET headrace.memory. Rows that an action
 * brings to the program, and those that it makes RDDs of, are its own and do not count. Any thread.
 * @code
 *     status = hr_set_memory_limit(INT64_C(2) << 30, &err);
 * @endcode */
hr_status hr_set_memory_limit(int64_t bytes, struct hr_err *err);

/* @code
 *     struct hr_memory memory;
 *     hr_get_memory(&memory);
 *     printf("%" PRId64 " of %" PRId64 " bytes\n", memory.used_bytes, memory.limit_bytes);
 * @endcode */
struct hr_memory {
    int64_t limit_bytes, used_bytes;
    int64_t peak_bytes; /* the most that was used since the start */
};
void hr_get_memory(struct hr_memory *ret);

/* --- The context: threads, memory, the owner of RDDs ------------------------------------------ */

/* Whose tasks go first where several want to run: the job that was started first, or shares. */
enum hr_scheduling { HR_FIFO, HR_FAIR };

/* Zero (or a NULL pointer to the whole) means the default. Borrowed for the call. */
struct hr_context_options {
    const char *app_name;         /* "headrace" */
    uint32_t threads;             /* one a core */
    uint32_t default_parallelism; /* partitions where none are given; threads */
    int64_t memory_bytes;         /* of kept blocks; a quarter of what the machine grants */
    const char *spill_dir;        /* TMPDIR */
    uint32_t max_attempts;        /* of a task; 4 */
    bool manual_clock;            /* time stands still until hr_context_advance: for tests */
    int64_t manual_start_us;      /* µs since 1970 UTC */
    /* > 0: every task runs in a worker process, up to so many at a time (threads is then not
     * used). A user function that crashes, hangs or writes where it must not costs one attempt of
     * one task; after max_attempts its job ends with HR_TASK_FAILED, and the program goes on.
     * Functions then work on a copy of the program's memory: what they store in variables is gone
     * with the worker; accumulators and rows come back. They must not take locks that other
     * threads of the program may hold. */
    uint32_t executors;
    int64_t task_timeout_ms;       /* a worker's task that runs longer is killed; 0: never */
    int64_t heartbeat_timeout_ms;  /* so is a worker that gives no sign of life; 10 000 */
    enum hr_scheduling scheduling; /* between jobs: spark.scheduler.mode; HR_FIFO */
    /* Speculative execution (spark.speculation): when a part of a stage's tasks is done, a task
     * that has run for longer than multiplier times their median gets a copy on a free slot. The
     * first of the two to end counts, for rows, shuffles and accumulators; the other is stopped: a
     * worker process is killed; a task on a thread ends at its next batch and its job waits for it,
     * because its function may use the caller's memory. So with threads a copy helps against a slow
     * disk or an unlucky lock, not against a function that never returns. A partition's result is
     * held in memory until it is known to count. The function of foreach itself runs for one
     * attempt only with threads; with executors it may begin twice (as in Spark). */
    bool speculation;                   /* false */
    int64_t speculation_interval_ms;    /* how often to look for such tasks; 100 */
    double speculation_multiplier;      /* 3 */
    double speculation_quantile;        /* the part of the tasks that must be done; 0.9 */
    int64_t speculation_min_runtime_ms; /* a task that has run for less gets no copy; 100 */
};

/* The caller's; NULL: failed. Several contexts may live side by side.
 * @code
 *     struct hr_context_options options = {.app_name = "counts", .executors = 4};
 *     struct hr_context *mine = hr_context_new(&options, &err);
 *     if (!mine) fprintf(stderr, "%s\n", err.msg);
 * @endcode */
struct hr_context *hr_context_new(const struct hr_context_options *options, struct hr_err *err);
/* Frees all RDDs, accumulators and broadcasts of the context. No job may be running and streaming
 * contexts must be freed before. NULL is fine.
 * @code
 *     hr_streaming_free(ssc);
 *     hr_context_free(ctx);
 *     uint32_t partitions = 2 * hr_context_default_parallelism(ctx);
 * @endcode */
void hr_context_free(struct hr_context *ctx);
uint32_t hr_context_default_parallelism(const struct hr_context *ctx);
/* Now, in µs since 1970 UTC, by the context's clock; moves a manual clock forward.
 * @code
 *     struct hr_context_options options = {.manual_clock = true};
 *     struct hr_context *test = hr_context_new(&options, &err);
 *     hr_context_advance(test, 1000000);
 *     bool one = hr_context_now_us(test) == 1000000;
 * @endcode */
int64_t hr_context_now_us(struct hr_context *ctx);
void hr_context_advance(struct hr_context *ctx, int64_t us);

/* One SQL statement; its rows as an RDD (an empty one where it has none). Tables and views
 * that earlier statements of the context made are there. The query runs now, on the context's
 * threads, and the RDD stands on its result. One statement at a time.
 *     struct hr_rdd *r = hr_sql(ctx, "SELECT word, n FROM csv.`words.csv`", &err); */
struct hr_rdd *hr_sql(struct hr_context *ctx, const char *statement, struct hr_err *err);

/* What the jobs of this context did so far.
 * @code
 *     struct hr_context_stats stats;
 *     hr_context_get_stats(ctx, &stats);
 *     printf("%" PRIu64 " tasks, %" PRIu64 " failed\n", stats.tasks, stats.failed_tasks);
 * @endcode */
struct hr_context_stats {
    uint64_t jobs, tasks, failed_tasks, recomputed_tasks, lost_workers;
    uint64_t speculative_tasks; /* copies of tasks that took long; also among tasks */
    int64_t shuffle_bytes;
};
void hr_context_get_stats(struct hr_context *ctx, struct hr_context_stats *ret);

/* --- Several jobs at once --------------------------------------------------------------------- */

/*
 * Every action is a job. Jobs started from several threads share the context's `threads` slots (or
 * its `executors`): a task holds one while it runs, and is never interrupted for another.
 *
 * HR_FIFO, as Spark by default: the job that was started first has the first claim on free slots,
 * later ones get what it leaves. HR_FAIR: jobs are in pools that take turns. A free slot goes to a
 * pool that runs fewer tasks than its min_share (the one with the smallest part of it first), else
 * to the pool with the fewest running tasks by weight, ties by name. A job is in the pool that its
 * thread has set, else in "default"; a pool that was never added has weight 1 and no minimum.
 *
 * Two kinds of jobs do not queue: those over at most 1 000 rows known in advance, which run on the
 * thread that asks, and those that a task starts, which run in that task's slot (and any free one).
 * A task must not wait for a job that another thread starts.
 */

/* Zero means the default. Borrowed for the call. */
struct hr_pool_options {
    const char *name;              /* needed */
    uint32_t weight;               /* 1 */
    uint32_t min_share;            /* tasks; 0 */
    enum hr_scheduling scheduling; /* between the pool's own jobs; HR_FIFO */
    /* A cap on what the pool's jobs hold, in both modes: their kept partitions, shuffle outputs (as
     * long as the RDD behind the shuffle lives), and the tables of running tasks. Over it the
     * pool's own kept partitions go, least recently used first (to disk where their level says so),
     * never another pool's; what still finds no room ends its job with HR_MEMORY_LIMIT, and other
     * jobs go on. The state of DStreams that a thread of the pool started counts too. Rows brought
     * to the program and RDDs made of them do not count. No cap. */
    int64_t memory_bytes;
};
/* Adds a pool, or gives one that is there new values; pools stay as long as the context. Any
 * thread. There is no file of pools (fairscheduler.xml).
 * @code
 *     struct hr_context_options o = {.scheduling = HR_FAIR};
 *     struct hr_context *ctx = hr_context_new(&o, &err);
 *     struct hr_pool_options etl = {.name = "etl", .weight = 3, .min_share = 2};
 *     hr_context_add_pool(ctx, &etl, &err);
 *     hr_context_set_pool(ctx, "etl", &err); // from here on for the jobs of this thread
 * @endcode */
hr_status hr_context_add_pool(struct hr_context *ctx, const struct hr_pool_options *options,
                              struct hr_err *err);

/* What a pool's jobs hold now, as counted for memory_bytes. 0 for a pool that is not there; NULL:
 * "default".
 * @code
 *     printf("%" PRId64 " bytes\n", hr_context_pool_memory_bytes(ctx, "etl"));
 * @endcode */
int64_t hr_context_pool_memory_bytes(struct hr_context *ctx, const char *pool);

/* What follows is set for the calling thread and the jobs that it starts from now on (Spark's
 * setLocalProperty, setJobGroup); other threads, also those started later, have their own. Texts
 * are copied. Jobs that a task starts have the settings of the job that the task belongs to: inside
 * of a task these functions fail. */

/* The pool (spark.scheduler.pool). NULL: "default" again. */
hr_status hr_context_set_pool(struct hr_context *ctx, const char *pool, struct hr_err *err);
/* A name to find and cancel jobs by, and a text for people (NULL: the action's name).
 * @code
 *     hr_context_set_job_group(ctx, "report", "the monthly report", &err);
 *     uint64_t rows;
 *     status = hr_rdd_count(rdd, &rows, &err); // can be cancelled by its group
 *     hr_context_clear_job_group(ctx);
 * @endcode */
hr_status hr_context_set_job_group(struct hr_context *ctx, const char *group,
                                   const char *description, struct hr_err *err);
void hr_context_clear_job_group(struct hr_context *ctx);

/* Ends running jobs of the context with HR_CANCELLED, from any thread: all, those of a group, one.
 * Jobs started later run. A job's worker processes are killed; a task on a thread ends at its next
 * batch, because a function cannot be taken off its thread, and its job returns then.
 * @code
 *     hr_context_cancel_jobs(ctx); // from the thread that heard Ctrl-C
 *     hr_context_cancel_job_group(ctx, "report"); // from another thread
 *     struct hr_job_status job;
 *     if (hr_context_jobs(ctx, &job, 1) > 0) hr_context_cancel_job(ctx, job.id);
 * @endcode */
void hr_context_cancel_jobs(struct hr_context *ctx);
void hr_context_cancel_job_group(struct hr_context *ctx, const char *group);
void hr_context_cancel_job(struct hr_context *ctx, uint64_t id);

/* A job that runs, as it is now. Texts are cut to fit; "" where there is none. */
struct hr_job_status {
    uint64_t id;
    char pool[64], group[64], description[128];
    uint32_t stages_done, stages_left;
    uint32_t tasks_done, tasks_left; /* left: planned or running; a lost block can add some */
    uint32_t running, tasks_failed;  /* attempts that run now; that failed */
};
/* The running jobs in order of their start (statusTracker): fills ret with up to max and returns
 * how many there are. Any thread.
 * @code
 *     struct hr_job_status jobs[16];
 *     uint32_t n = hr_context_jobs(ctx, jobs, 16);
 *     for (uint32_t i = 0; i < n && i < 16; i++)
 *         printf("%s: %u of %u tasks\n", jobs[i].description, jobs[i].tasks_done,
 *                jobs[i].tasks_done + jobs[i].tasks_left);
 * @endcode */
uint32_t hr_context_jobs(struct hr_context *ctx, struct hr_job_status *ret, uint32_t max);

#ifdef __cplusplus
}
#endif

#endif
