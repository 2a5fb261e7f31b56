/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker processes: one attempt of a task in a process of its own.
 *
 * The driver forks a worker for the attempt. So lineage, user functions with what they point to,
 * broadcasts, kept blocks and finished shuffle outputs are all there, copy-on-write, with nothing
 * serialised. What the attempt makes goes the other way through shared memory (a memfd that both
 * have): result batches, shuffle blocks, kept blocks, accumulator updates, as frames. The driver
 * takes them in once the worker has said that it is done; of a worker that dies nothing is seen.
 * Large batches are not copied: they stay in that memory, read-only, for driver and later workers
 * (shared_batch.h). So blocks do not weigh on forking either, which copies the page tables of
 * private memory only (about 80 ms a GiB), not those of shared mappings. What the driver makes
 * itself (parallelized rows, receivers' blocks) is moved there too (hr_context_share).
 *
 * Compared with long-lived workers: a fork costs 0.1 to 1 ms a task, but a worker has no state of
 * its own, so a crash can lose or damage nothing but its own attempt, and no list of bad workers is
 * needed. Everything that was finished lives in the driver.
 *
 * Threads: a task thread of the driver forks, waits for its worker and takes its output in; as many
 * workers run as there are task threads. In the worker there is that thread, and one that beats.
 *
 * Failure: a signal, an exit, silence (no heartbeat for heartbeat_timeout_us: stopped or swapped
 * out) and a task longer than task_timeout_us give HR_E_WORKER_LOST or HR_E_TASK_TIMEOUT, both
 * RETRIABLE. A worker dies with its driver.
 */
#ifndef HR_RDD_EXECUTOR_H
#define HR_RDD_EXECUTOR_H

#include "rdd/rdd.h"

/* What a worker sends. */
enum hr_frame_kind {
    HR_FRAME_RESULT = 1, /* a batch of the wanted partition */
    HR_FRAME_SHUFFLE,    /* a batch for reduce partition n */
    HR_FRAME_KEPT,       /* a batch of partition n of a persisted RDD; more: another follows */
    HR_FRAME_UPDATE,     /* of an accumulator */
};
struct hr_frame {
    enum hr_frame_kind kind;
    bool more;
    uint32_t n;
    void *object; /* the RDD or accumulator: the same address in both processes */
    int64_t i64;
    double f64;
    struct hr_batch *batch; /* or NULL: a kept partition without rows */
};

struct hr_worker_call {
    pthread_mutex_t *lock; /* held while forking, so that the worker can take it */
    const char *what;      /* for messages: "partition 3 of MapPartitionsRDD 7" */
    int64_t task_timeout_us, heartbeat_timeout_us;
    int64_t output_bytes_max;
    const volatile bool *stopped, *cancelled; /* the worker is killed when one becomes true */
    /* In the worker. Sends its output by hr_worker_send. */
    hr_status (*run)(void *arg, int64_t *ret_bytes, struct hr_err *err);
    /* In the driver, once the worker is done: false: its output is not wanted, HR_E_CANCELLED. */
    bool (*claim)(void *arg);
    /* In the driver, for every frame in order. Does not own the frame's batch. */
    hr_status (*take)(void *arg, const struct hr_frame *frame, struct hr_err *err);
    /* The schema of a frame's batch. */
    const struct hr_type *(*schema)(void *arg, const struct hr_frame *frame);
    void *arg;
};
/* Forks, waits, takes the output in. */
hr_status hr_worker_run(const struct hr_worker_call *call, int64_t *ret_bytes,
                        struct hr_err *err) HR_CHECKED;

/* True in a worker process. */
bool hr_in_worker(void);
/* In a worker: sends a frame; reads the batch only. */
hr_status hr_worker_send(const struct hr_frame *frame, struct hr_err *err) HR_CHECKED;

#endif
