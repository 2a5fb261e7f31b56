/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: thin names over pthreads, and an eventfd to wake a waiter. */
#ifndef HR_BASE_THREAD_H
#define HR_BASE_THREAD_H

#include <pthread.h>
#include <sys/types.h>

#include "base/err.h"

/* Starts fn(arg) on a thread named name (15 characters). */
hr_status hr_thread_start(pthread_t *ret_thread, const char *name, void *(*fn)(void *), void *arg,
                          struct hr_err *err) HR_CHECKED;

/* Runs fn(arg) on a thread of its own with a stack of so many bytes (of which memory is what gets
 * used), and waits for its end: for recursion as deep as the data. */
hr_status hr_thread_deep(size_t stack_bytes, void (*fn)(void *), void *arg,
                         struct hr_err *err) HR_CHECKED;

/* A wake-up that can be waited for with a timeout, and polled with other descriptors. */
struct hr_wakeup {
    int fd; /* eventfd; readable when signalled */
};
hr_status hr_wakeup_init(struct hr_wakeup *wakeup, struct hr_err *err) HR_CHECKED;
void hr_wakeup_done(struct hr_wakeup *wakeup);
void hr_wakeup_signal(struct hr_wakeup *wakeup); /* any thread, async-signal-safe */
/* true when signalled (and clears it), false after timeout_us (-1: for ever). */
bool hr_wakeup_wait(struct hr_wakeup *wakeup, int64_t timeout_us);

int hr_cpu_count(void);

/*
 * Forking a process that has threads. A lock that another thread holds at that moment stays held in
 * the child for ever; so a lock that a forked worker may need is taken and released through these
 * two, and hr_fork waits until no thread is between them. A thread may hold several.
 */
void hr_forkable_lock(pthread_mutex_t *lock);
void hr_forkable_unlock(pthread_mutex_t *lock);
/* fork(2) while no forkable lock is held, but those that the caller took as plain ones. */
pid_t hr_fork(void);

#endif
