/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDDs: immutable, partitioned data sets that know how to compute themselves from their parents.
 *
 * An RDD has partitions, dependencies on parents (narrow or shuffle) and compute(partition), which
 * yields batches. From the last RDD the scheduler cuts stages at shuffle dependencies, runs a task
 * per partition on a pool (inline when a stage has one small task), retries a failed task up to
 * max_attempts, and recomputes from lineage what was lost: a cached or shuffled block, a worker.
 *
 * SQL's fragments and the C API's RDDs are both made of these; there is one scheduler, one shuffle,
 * one block store.
 *
 * Ownership: RDDs are reference-counted; an RDD holds its parents. Threads: building a lineage
 * belongs to one thread; compute runs on any; jobs may be submitted from several threads.
 */
#ifndef HR_RDD_RDD_H
#define HR_RDD_RDD_H

#include "base/env.h"
#include "base/thread.h"
#include "column/column.h"

struct hr_budget;
struct hr_rdd;
struct hr_scheduler;

/* One attempt at one partition of one stage. */
struct hr_task_ctx {
    struct hr_scheduler *scheduler;
    uint32_t partition, attempt;
    uint64_t stage_id, job_id;
    struct hr_arena *arena;   /* the task's */
    struct hr_mem *mem;       /* for what the task holds until its end; batches may outlive it */
    struct hr_budget *budget; /* for what is kept longer; NULL: without one */
    const volatile bool *cancelled; /* by the user */
    const volatile bool *stopped;   /* the job failed elsewhere: this work is not wanted */
    bool copy;                      /* of an attempt that takes long */
};

/* Batches of one partition. next: *ret_batch NULL is the end; owned by the caller. */
struct hr_batch_iter {
    hr_status (*next)(struct hr_batch_iter *, struct hr_batch **ret_batch, struct hr_err *);
    void (*close)(struct hr_batch_iter *);
};

enum hr_dep_kind {
    HR_DEP_ONE_TO_ONE,
    HR_DEP_RANGE, /* union: partitions [in_start, in_start+count) ↔ [out_start, …) */
    HR_DEP_MANY,  /* coalesce, cartesian …: parents_of() says which */
    HR_DEP_SHUFFLE,
};

/* Cuts a batch of the map side by reduce partition. */
struct hr_partitioner {
    uint32_t partition_count;
    /* partition of every live row, in order of the live rows. @thread task */
    hr_status (*assign)(struct hr_partitioner *, const struct hr_batch *, uint32_t *ret_partition,
                        struct hr_err *);
    void (*free)(struct hr_partitioner *);
    const char *name; /* "hash", "range", "single", "round-robin" */
};

struct hr_dependency {
    enum hr_dep_kind kind;
    struct hr_rdd *parent;
    uint32_t in_start, out_start, count; /* RANGE */
    struct hr_partitioner *partitioner;  /* SHUFFLE; owned */
    uint64_t shuffle_id;                 /* SHUFFLE; set by hr_rdd_init */
    struct hr_shuffle *shuffle;          /* SHUFFLE: the map outputs (shuffle.h); owned */
};

struct hr_rdd_vt {
    const char *name; /* for debug strings: "ParallelCollectionRDD" */
    hr_status (*compute)(struct hr_rdd *, uint32_t partition, struct hr_task_ctx *,
                         struct hr_batch_iter **ret_iter, struct hr_err *);
    /* MANY: parent partitions that partition needs; optional otherwise. */
    void (*parents_of)(struct hr_rdd *, uint32_t dep, uint32_t partition, const uint32_t **ret,
                       uint32_t *ret_count);
    void (*free)(
        struct hr_rdd *); /* the subclass's own parts; the struct itself goes after it. optional */
};

enum hr_storage_level { HR_STORE_NONE, HR_STORE_MEMORY, HR_STORE_MEMORY_AND_DISK, HR_STORE_DISK };

struct hr_rdd {
    const struct hr_rdd_vt *vt;
    _Atomic uint32_t refs;
    uint32_t id;
    uint32_t depth;    /* RDDs one upon the other from the last shuffle to this one, at most */
    uint64_t visited;  /* by the walk of this number; with the scheduler's lock */
    const char *label; /* user's name, or NULL; owned */
    const struct hr_type *schema;
    uint32_t partition_count;
    struct hr_dependency *deps;
    uint32_t dep_count;
    enum hr_storage_level storage;
    int64_t rows_estimate;         /* -1 unknown: small inputs run inline */
    struct hr_block_store *blocks; /* where its partitions are kept, once one was; referenced */
};

/* Embeds: the caller's struct begins with struct hr_rdd. deps' parents are referenced by it. */
hr_status hr_rdd_init(struct hr_rdd *rdd, const struct hr_rdd_vt *vt, const struct hr_type *schema,
                      uint32_t partition_count, const struct hr_dependency *deps,
                      uint32_t dep_count, struct hr_err *err) HR_CHECKED;
/* The struct must come from hr_alloc. On success deps' partitioners belong to the RDD. */
struct hr_rdd *hr_rdd_ref(struct hr_rdd *rdd);
void hr_rdd_unref(struct hr_rdd *rdd);

/* Inside compute: the batches of a parent's partition through dependency dep (cached, recomputed or
 * fetched from the shuffle). */
hr_status hr_rdd_parent_iter(struct hr_rdd *rdd, uint32_t dep, uint32_t parent_partition,
                             struct hr_task_ctx *ctx, struct hr_batch_iter **ret_iter,
                             struct hr_err *err) HR_CHECKED;

/* As hr_rdd_parent_iter for any RDD: from the block store where it is persisted, else computed. */
hr_status hr_rdd_iter(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                      struct hr_batch_iter **ret_iter, struct hr_err *err) HR_CHECKED;
/* Drops the kept blocks; storage becomes NONE. */
void hr_rdd_unpersist(struct hr_rdd *rdd);

/* What tasks do beside yielding batches, by the room above: its accumulators. One for the process,
 * set before the first job whose tasks do such a thing. */
struct hr_frame;
struct hr_effects {
    /* Runs an attempt on this thread: what it does beside counts when it has succeeded. */
    hr_status (*attempt)(hr_status (*run)(void *arg, struct hr_err *err), void *arg,
                         struct hr_err *err);
    /* An effect of a worker process's attempt that has succeeded; of its batch's schema. */
    hr_status (*take)(const struct hr_frame *frame, struct hr_err *err);
    const struct hr_type *(*schema)(const void *object);
};
void hr_effects_set(const struct hr_effects *effects);

/* Copies of tasks that take long; zero values mean Spark 4's defaults. */
struct hr_speculation_options {
    bool enabled;
    int64_t interval_us;         /* how often to look; 100 ms */
    double multiplier, quantile; /* of the median time; of tasks done; 3, 0.9 */
    int64_t min_runtime_us;      /* of a task; 100 ms, < 0: none */
};
struct hr_scheduler_options {
    uint32_t threads;      /* worker threads; 0: one a core */
    uint32_t max_attempts; /* per task; default 4 */
    int64_t memory_bytes;  /* block store budget; 0: a quarter of the machine */
    const char *spill_dir; /* for MEMORY_AND_DISK and DISK; NULL: TMPDIR */
    int64_t inline_rows; /* jobs of at most this many rows run on the caller; 0: 32768; < 0: none */
    uint32_t executors;  /* > 0: tasks run in so many worker processes (executor.h), threads is
                            then this number */
    int64_t task_timeout_us;      /* of a worker's task; 0: none */
    int64_t heartbeat_timeout_us; /* of a worker; 0: 10 s */
    struct hr_speculation_options speculation;
    bool fair; /* between pools: by weight and share; else the job that started first */
};
hr_status hr_scheduler_new(struct hr_env *env, const struct hr_scheduler_options *options,
                           struct hr_scheduler **ret, struct hr_err *err) HR_CHECKED;
void hr_scheduler_free(struct hr_scheduler *scheduler);

/* Runs a job: calls consume for every batch of every wanted partition of rdd, in order within a
 * partition, from the task's thread (consume must be thread-safe). After a retry the partition's
 * earlier batches have been announced with reset. With speculation two attempts at a partition may
 * run, but only the batches of one reach consume. partitions NULL: all. Blocks. */
struct hr_job_options {
    const uint32_t *partitions;
    uint32_t partition_count;
    hr_status (*consume)(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                         struct hr_err *err);
    /* The partition's task ended well; commits may happen here. optional */
    hr_status (*finish)(void *arg, uint32_t partition, uint32_t attempt, struct hr_err *err);
    void (*reset)(void *arg, uint32_t partition, uint32_t attempt); /* optional */
    void *arg;
    const volatile bool *cancelled;
    /* Attempts per task, 0: the scheduler's. With 1 a failure is returned as it is, flags included:
     * tasks that change state in place must not run twice. */
    uint32_t max_attempts;
    bool in_worker;   /* with executors, consume and finish run in the worker process: they are user
                         functions whose only result is accumulator updates */
    const char *pool; /* its scheduling pool; NULL: "default" */
    const char *group;       /* for those who ask which jobs run; or NULL */
    const char *description; /* or NULL */
};
struct hr_job_stats {
    uint32_t stages, tasks, failed_tasks, recomputed_tasks, lost_workers, speculative_tasks;
    int64_t wall_us, shuffle_bytes;
};
hr_status hr_scheduler_run(struct hr_scheduler *scheduler, struct hr_rdd *rdd,
                           const struct hr_job_options *options, struct hr_job_stats *ret_stats,
                           struct hr_err *err) HR_CHECKED;

/* Spark's toDebugString. */
void hr_rdd_debug_string(struct hr_rdd *rdd, struct hr_buf *out);

#endif
