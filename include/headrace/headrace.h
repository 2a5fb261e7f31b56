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
 */
#ifndef HEADRACE_HEADRACE_H
#define HEADRACE_HEADRACE_H

#include <headrace/dstream.h>
#include <headrace/err.h>
#include <headrace/rdd.h>
#include <headrace/row.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Releases texts that the library gave to the caller. NULL is fine. */
void hr_free(void *ptr);

/* --- The context: threads, memory, the owner of RDDs ------------------------------------------ */

/* Zero (or a NULL pointer to the whole) means the default. Borrowed for the call. */
struct hr_context_options {
    const char *app_name;         /* "headrace" */
    uint32_t threads;             /* one a core */
    uint32_t default_parallelism; /* partitions where none are given; threads */
    int64_t memory_bytes;         /* of kept blocks; a quarter of the machine */
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
    int64_t task_timeout_ms;      /* a worker's task that runs longer is killed; 0: never */
    int64_t heartbeat_timeout_ms; /* so is a worker that gives no sign of life; 10 000 */
};

/* The caller's; NULL: failed. Several contexts may live side by side. */
struct hr_context *hr_context_new(const struct hr_context_options *options, struct hr_err *err);
/* Frees all RDDs, accumulators and broadcasts of the context. No job may be running and streaming
 * contexts must be freed before. NULL is fine. */
void hr_context_free(struct hr_context *ctx);
/* Ends all running jobs of the context with HR_CANCELLED, from any thread; jobs started later
 * run. */
void hr_context_cancel_jobs(struct hr_context *ctx);
uint32_t hr_context_default_parallelism(const struct hr_context *ctx);
/* Now, in µs since 1970 UTC, by the context's clock; moves a manual clock forward. */
int64_t hr_context_now_us(struct hr_context *ctx);
void hr_context_advance(struct hr_context *ctx, int64_t us);

/* One SQL statement; its rows as an RDD (an empty one where it has none). Tables and views
 * that earlier statements of the context made are there. The query runs now, on its own threads,
 * and the RDD stands on its result. One statement at a time.
 *     struct hr_rdd *r = hr_sql(ctx, "SELECT word, n FROM csv.`words.csv`", &err); */
struct hr_rdd *hr_sql(struct hr_context *ctx, const char *statement, struct hr_err *err);

/* What the jobs of this context did so far. */
struct hr_context_stats {
    uint64_t jobs, tasks, failed_tasks, recomputed_tasks, lost_workers;
    int64_t shuffle_bytes;
};
void hr_context_get_stats(struct hr_context *ctx, struct hr_context_stats *ret);

#ifdef __cplusplus
}
#endif

#endif
