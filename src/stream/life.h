/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a query: its phases, and who may wait for them. A phase follows another only where
 * the table in life.c allows it; every change is made here, under the lock, and asserted.
 *
 *   CREATED ─→ OPENING ─→ RUNNING ─→ CLOSING ─→ ENDED
 *                  ↑          │ ↘       ↑
 *                  └─ RECOVERING ───────┘
 *
 * Threads: the query's own thread changes the phase from RUNNING on, its starter until then. stop
 * and cancelled are asked for by any thread, and never taken back.
 */
#ifndef HR_STREAM_LIFE_H
#define HR_STREAM_LIFE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/err.h"

enum hr_query_phase {
    HR_QUERY_CREATED,    /* its arguments are copied; nothing is open */
    HR_QUERY_OPENING,    /* plan, sources, journal and sink; a failed start ends here */
    HR_QUERY_RUNNING,    /* the loop */
    HR_QUERY_RECOVERING, /* an epoch failed in a way that may pass: closed, to be opened again */
    HR_QUERY_CLOSING,    /* the loop has ended: listeners are told, the checkpoint is given back */
    HR_QUERY_ENDED,      /* end_status and end_err are final */
};

struct hr_query_life {
    pthread_mutex_t lock; /* of this struct's plain members, and of what the query reports */
    pthread_cond_t changed;
    pthread_t thread;
    bool thread_started; /* the starter's own */
    enum hr_query_phase phase;
    hr_status end_status;
    struct hr_err end_err;
    _Atomic bool stop; /* after the running epoch */
    volatile bool
        cancelled; /* at once; by __atomic built-ins: readers of sources have its address */
};

hr_status hr_life_init(struct hr_query_life *life, struct hr_err *err) HR_CHECKED;
/* Of one that hr_life_init made, or that failed to. */
void hr_life_done(struct hr_query_life *life);

/* @locks life->lock */
void hr_life_enter(struct hr_query_life *life, enum hr_query_phase phase);
/* The last phase, with what the query ended by; wakes who waits. @locks life->lock */
void hr_life_end(struct hr_query_life *life, hr_status status, const struct hr_err *err);
/* @locks life->lock */
bool hr_life_has_ended(struct hr_query_life *life);

/* Asks for an end. The caller wakes the loop. @thread any @locks none */
void hr_life_stop(struct hr_query_life *life, bool at_once);
HR_INLINE bool hr_life_is_stopping(const struct hr_query_life *life)
{
    return atomic_load_explicit(&life->stop, memory_order_relaxed);
}
HR_INLINE bool hr_life_is_cancelled(const struct hr_query_life *life)
{
    return __atomic_load_n(&life->cancelled, __ATOMIC_RELAXED);
}

/* Waits on `changed` for at most timeout_us (-1: for ever); false: the time is over. The caller
 * holds the lock. */
bool hr_life_wait(struct hr_query_life *life, int64_t timeout_us);
/* Waits for the end; false: the time is over. *ret_status and err are those of the end.
 * @locks life->lock */
bool hr_life_await(struct hr_query_life *life, int64_t timeout_us, hr_status *ret_status,
                   struct hr_err *err);

#endif
