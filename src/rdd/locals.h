/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a thread has set for the jobs that it starts (Spark's local properties): pool, group,
 * description, by context. And the chain of tasks that the thread is in.
 *
 * A job inside of a task counts as the work of the thread that started the outermost job: it has
 * that thread's settings, whichever task thread it is on. That thread waits for its job, so its
 * settings stand still as long as a task may look at them; inside a task they cannot be changed.
 */
#ifndef HR_RDD_LOCALS_H
#define HR_RDD_LOCALS_H

#include "base/alloc.h"

struct hr_scheduler;

struct hr_locals {
    struct hr_locals *next;
    uint64_t context;                 /* its id: a pointer could be another context's by now */
    char *pool, *group, *description; /* or NULL */
};

/* A task that this thread runs; on the thread's stack. */
struct hr_task_frame {
    const struct hr_scheduler *scheduler;
    const struct hr_task_frame *outer; /* of the job that the task belongs to, on its thread */
    const struct hr_locals *locals;
};
extern __thread const struct hr_task_frame *hr_task_frame;

/* Whether the calling thread works for a task of scheduler, at any depth. */
bool hr_in_task_of(const struct hr_scheduler *scheduler);
/* All settings that count for a job started now. Borrowed. */
const struct hr_locals *hr_locals_now(void);
const struct hr_locals *hr_locals_find(const struct hr_locals *locals, uint64_t context);

/* Replaces what the calling thread has set for a context; texts are copied, NULL is none. Not
 * inside a task. */
hr_status hr_locals_set(uint64_t context, const char *pool, const char *group,
                        const char *description, struct hr_err *err) HR_CHECKED;
/* The same without copying: takes the texts of new, gives the old ones in *new. So settings can be
 * put in place for a while. */
hr_status hr_locals_swap(uint64_t context, struct hr_locals *new, struct hr_err *err) HR_CHECKED;
void hr_locals_clear_group(uint64_t context);  /* and the description; inside a task: nothing */
void hr_locals_done(struct hr_locals *locals); /* frees the texts */

#endif
