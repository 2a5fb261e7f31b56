/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Speculative execution: a copy of a task that takes much longer than the others of its stage.
 *
 * As Spark's TaskSetManager decides it: at least `quantile` of a stage's tasks are done (and it has
 * more than one), the task has run for longer than `multiplier` times the median of those, and for
 * at least `min_runtime_us`, and it has no copy yet. Whoever has nothing to do looks, at most once
 * in interval_us; a free slot means that there is somebody with nothing to do.
 *
 * Several attempts at a task then run side by side, and each may end. The first that has done its
 * work claims the task, before its first effect: then the others are told to stop, and what they do
 * afterwards is ignored. If the one that claimed it fails after that, the task is run anew. A task
 * counts as running (stage.active) until the claimer's end, so that a stage below does not wait for
 * the losers; a job ends when the last of them has left.
 *
 * The clock is the real one: a task is late in real time, also where a test's clock stands still.
 */
#include <time.h>

#include "rdd/executor.h"
#include "rdd/job.h"

int64_t hr_real_us(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

static bool same_task(const struct hr_work *a, const struct hr_work *b)
{
    return a->stage == b->stage && a->partition == b->partition;
}

static bool copy_queued(const struct hr_job *job, const struct hr_work *work)
{
    for (uint32_t i = job->copies.first; i < job->copies.count; i++)
        if (same_task(&job->copies.items[i], work)) return true;
    return false;
}

static void drop_queued_copy(struct hr_job *job, const struct hr_work *work)
{
    uint32_t kept = job->copies.first;
    for (uint32_t i = job->copies.first; i < job->copies.count; i++)
        if (!same_task(&job->copies.items[i], work))
            job->copies.items[kept++] = job->copies.items[i];
    job->copies.count = kept;
}

bool hr_attempt_claim(struct hr_attempt *attempt)
{
    struct hr_job *job = attempt->job;
    /* in a worker, the driver claims for it */
    if (!job->speculates || hr_in_worker()) return true;
    pthread_mutex_lock(&job->scheduler->lock);
    attempt->won = !attempt->stopped;
    for (struct hr_attempt *a = job->attempts; a && attempt->won; a = a->next)
        if (a != attempt && same_task(&a->work, &attempt->work))
            __atomic_store_n(&a->stopped, true, __ATOMIC_RELAXED);
    if (attempt->won) drop_queued_copy(job, &attempt->work);
    pthread_mutex_unlock(&job->scheduler->lock);
    return attempt->won;
}

bool hr_attempt_has_other(const struct hr_attempt *attempt)
{
    for (const struct hr_attempt *a = attempt->job->attempts; a; a = a->next)
        if (a != attempt && !a->stopped && same_task(&a->work, &attempt->work)) return true;
    return false;
}

void hr_speculation_ended(struct hr_attempt *attempt, bool succeeded)
{
    struct hr_job *job = attempt->job;
    struct hr_stage *stage = attempt->work.stage;
    if (!job->speculates) return;
    drop_queued_copy(job, &attempt->work);
    if (!succeeded) return;
    if (stage->took_count == stage->took_capacity) {
        uint32_t capacity = HR_MAX(stage->took_capacity * 2, 16u);
        int64_t *took_us = hr_realloc(stage->took_us, capacity * sizeof *took_us);
        if (!took_us) return; /* then there is less to go by */
        stage->took_us = took_us;
        stage->took_capacity = capacity;
    }
    stage->took_us[stage->took_count++] = hr_real_us() - attempt->start_us;
}

static int compare_i64(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Which runtime is too long in a stage; INT64_MAX: none yet. */
static int64_t threshold_us(const struct hr_speculation_options *o, struct hr_stage *stage)
{
    uint32_t enough = HR_MAX((uint32_t)(o->quantile * stage->total), 1u), n = stage->took_count;
    if (stage->total < 2 || stage->active == 0 || n < enough) return INT64_MAX;
    qsort(stage->took_us, n, sizeof *stage->took_us, compare_i64);
    int64_t median =
        n % 2 ? stage->took_us[n / 2] : (stage->took_us[n / 2 - 1] + stage->took_us[n / 2]) / 2;
    double limit = o->multiplier * (double)median;
    return limit < (double)o->min_runtime_us ? o->min_runtime_us : (int64_t)limit;
}

static bool look_at_stage(struct hr_job *job, struct hr_stage *stage, int64_t now)
{
    int64_t limit = threshold_us(&job->scheduler->options.speculation, stage);
    bool found = false;
    if (limit == INT64_MAX) return false;
    for (struct hr_attempt *a = job->attempts; a; a = a->next) {
        if (a->work.stage != stage || a->stopped || a->won || now - a->start_us <= limit ||
            hr_attempt_has_other(a) || copy_queued(job, &a->work))
            continue;
        struct hr_task_state *task = &stage->tasks[a->work.partition];
        struct hr_work copy = {stage, a->work.partition, task->attempts, true};
        if (!hr_work_push(&job->copies, copy)) return found;
        task->attempts++;
        found = true;
    }
    return found;
}

bool hr_speculate(struct hr_scheduler *s)
{
    bool found = false;
    if (!s->options.speculation.enabled || hr_in_worker()) return false;
    if (s->slots_used >= s->options.threads) return false;
    int64_t now = hr_real_us();
    if (now < s->next_look_us) return false;
    s->next_look_us = now + s->options.speculation.interval_us;
    for (struct hr_job *job = s->jobs; job; job = job->next)
        for (uint32_t i = 0; i < job->stage_count && job->speculates && !job->failed; i++)
            found = look_at_stage(job, job->stages[i], now) || found;
    return found;
}
