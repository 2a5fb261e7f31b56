/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler: threads that run the tasks of jobs.
 *
 * A job is the RDD that is wanted, cut into stages at shuffle dependencies: a map stage for every
 * shuffle above which something is missing, and the result stage (stage.c). The caller of
 * hr_scheduler_run works on its own job; threads - 1 workers help, taking tasks from the jobs in
 * turn, so jobs share the pool fairly and a job inside of a task cannot starve.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "rdd/job.h"

#define INLINE_ROWS 32768
#define POLL_NS     5000000 /* how often a waiting caller looks at its cancel flag */

/* Lock held on entry and on return, not in between. */
static void run_work(struct hr_job *job, const struct hr_work *work)
{
    struct hr_scheduler *s = job->scheduler;
    job->running++;
    bool skip = job->failed;
    pthread_mutex_unlock(&s->lock);
    struct hr_err err;
    hr_err_init(&err);
    int64_t bytes = 0;
    hr_status status = HR_OK;
    if (!skip) status = hr_task_run(job, work, &bytes, &err);
    /* before the partition can run again */
    if (status != HR_OK && !work->stage->dep && job->options->reset)
        job->options->reset(job->options->arg, work->partition, work->attempt);
    pthread_mutex_lock(&s->lock);
    struct hr_stage *stage = work->stage;
    stage->busy[work->partition] = 0;
    stage->active--;
    job->stats.tasks += !skip;
    job->stats.shuffle_bytes += bytes;
    job->stats.lost_workers += status == HR_E_WORKER_LOST || status == HR_E_TASK_TIMEOUT;
    if (status != HR_OK) hr_job_take_failure(job, work, status, &err);
    job->running--;
    hr_job_schedule(job);
    if (job->running == 0) pthread_cond_signal(&job->changed);
}

/* The next job with queued work, from the ring's head on; the head moves behind it. */
static struct hr_job *next_job(struct hr_scheduler *s)
{
    struct hr_job *job = s->jobs;
    if (!job) return NULL;
    do {
        if (!job->solo && !hr_work_empty(&job->queue)) {
            s->jobs = job->next;
            return job;
        }
        job = job->next;
    } while (job != s->jobs);
    return NULL;
}

static void *worker(void *arg)
{
    struct hr_scheduler *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        struct hr_job *job = next_job(s);
        struct hr_work work;
        if (job && hr_work_pop(&job->queue, &work))
            run_work(job, &work);
        else
            pthread_cond_wait(&s->work, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- Jobs ------------------------------------------------------------------------------------- */

static hr_status job_plan(struct hr_job *job, struct hr_rdd *rdd, struct hr_err *err)
{
    const struct hr_job_options *o = job->options;
    struct hr_stage *result;
    HR_TRY(hr_stage_new(job, rdd, NULL, &result, err));
    uint32_t count = o->partitions ? o->partition_count : rdd->partition_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t p = o->partitions ? o->partitions[i] : i;
        if (p >= rdd->partition_count)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "partition %u of %u", p,
                           rdd->partition_count);
        HR_TRY(hr_stage_add(job, result, p, 0, err));
    }
    if (count) job->stats.stages++;
    return count ? hr_stage_need_parents(job, result, err) : HR_OK;
}

static void job_link(struct hr_scheduler *s, struct hr_job *job)
{
    if (!s->jobs) {
        job->prev = job->next = job;
        s->jobs = job;
        return;
    }
    job->next = s->jobs;
    job->prev = s->jobs->prev;
    job->prev->next = job->next->prev = job;
}

static void job_unlink(struct hr_scheduler *s, struct hr_job *job)
{
    if (job->next == job) {
        s->jobs = NULL;
        return;
    }
    job->prev->next = job->next;
    job->next->prev = job->prev;
    if (s->jobs == job) s->jobs = job->next;
}

static bool job_done(const struct hr_job *job)
{
    if (job->running) return false;
    if (job->failed) return true;
    for (uint32_t i = 0; i < job->stage_count; i++)
        if (!hr_stage_idle(job->stages[i])) return false;
    return true;
}

static void look_at_cancel(struct hr_job *job)
{
    const volatile bool *cancelled = job->options->cancelled;
    if (job->failed || !cancelled || !__atomic_load_n(cancelled, __ATOMIC_RELAXED)) return;
    struct hr_err err;
    hr_err_init(&err);
    hr_job_fail(job, HR_RAISE(&err, HR_E_CANCELLED), &err);
}

/* Lock held. Works on the job until it is done. */
static void job_work(struct hr_job *job)
{
    struct hr_scheduler *s = job->scheduler;
    while (!job_done(job)) {
        look_at_cancel(job);
        struct hr_work work;
        if (!job->failed && hr_work_pop(&job->queue, &work)) {
            run_work(job, &work);
            continue;
        }
        if (job_done(job)) break;
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += POLL_NS;
        if (until.tv_nsec >= 1000000000) {
            until.tv_nsec -= 1000000000;
            until.tv_sec++;
        }
        pthread_cond_timedwait(&job->changed, &s->lock, &until);
    }
}

hr_status hr_scheduler_run(struct hr_scheduler *scheduler, struct hr_rdd *rdd,
                           const struct hr_job_options *options, struct hr_job_stats *ret_stats,
                           struct hr_err *err)
{
    struct hr_job job = {.scheduler = scheduler, .options = options};
    int64_t start = hr_mono_ns(scheduler->env);
    hr_err_init(&job.err);
    job.solo = !scheduler->options.executors && rdd->rows_estimate >= 0 &&
               rdd->rows_estimate <= scheduler->options.inline_rows;
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&job.changed, &attr);
    pthread_condattr_destroy(&attr);
    pthread_mutex_lock(&scheduler->lock);
    job.id = scheduler->next_job++;
    hr_status status = job_plan(&job, rdd, err);
    if (status == HR_OK) {
        job_link(scheduler, &job);
        hr_job_schedule(&job);
        job_work(&job);
        job_unlink(scheduler, &job);
        status = job.status;
        if (status != HR_OK && err) hr_err_copy(err, &job.err);
    }
    pthread_mutex_unlock(&scheduler->lock);
    pthread_cond_destroy(&job.changed);
    for (uint32_t i = 0; i < job.stage_count; i++) hr_stage_free(job.stages[i]);
    hr_free(job.stages);
    hr_free(job.queue.items);
    job.stats.wall_us = (hr_mono_ns(scheduler->env) - start) / 1000;
    if (ret_stats) *ret_stats = job.stats;
    return status;
}

/* --- Life ------------------------------------------------------------------------------------- */

struct hr_block_store *hr_scheduler_blocks(struct hr_scheduler *scheduler)
{
    return scheduler->blocks;
}

struct hr_block_store *hr_scheduler_blocks_of(struct hr_scheduler *scheduler, struct hr_rdd *rdd)
{
    pthread_mutex_lock(&scheduler->lock);
    if (!rdd->blocks) rdd->blocks = hr_block_store_ref(scheduler->blocks);
    struct hr_block_store *blocks = rdd->blocks;
    pthread_mutex_unlock(&scheduler->lock);
    return blocks;
}

int64_t hr_scheduler_inline_rows(const struct hr_scheduler *scheduler)
{
    return scheduler->options.inline_rows;
}

static int64_t quarter_of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
    return pages > 0 && size > 0 ? (int64_t)pages / 4 * size : INT64_C(256) << 20;
}

hr_status hr_scheduler_new(struct hr_env *env, const struct hr_scheduler_options *options,
                           struct hr_scheduler **ret, struct hr_err *err)
{
    struct hr_scheduler *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    s->env = env ? env : hr_env_default();
    if (options) s->options = *options;
    if (s->options.executors) s->options.threads = s->options.executors;
    if (!s->options.heartbeat_timeout_us) s->options.heartbeat_timeout_us = 10000000;
    if (!s->options.threads) s->options.threads = (uint32_t)hr_cpu_count();
    if (!s->options.max_attempts) s->options.max_attempts = 4;
    if (!s->options.memory_bytes) s->options.memory_bytes = quarter_of_machine();
    if (!s->options.inline_rows) s->options.inline_rows = INLINE_ROWS;
    s->output_bytes_max = quarter_of_machine();
    s->next_job = s->next_stage = 1;
    const char *dir = s->options.spill_dir ? s->options.spill_dir : getenv("TMPDIR");
    hr_status status = hr_block_store_new(s->env, s->options.memory_bytes, dir, &s->blocks, err);
    if (status != HR_OK) {
        hr_free(s);
        return status;
    }
    s->options.spill_dir = NULL; /* was the caller's memory */
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    s->threads = hr_zalloc(s->options.threads * sizeof *s->threads);
    if (!s->threads) status = HR_OOM(err);
    for (uint32_t i = 1; i < s->options.threads && status == HR_OK; i++) {
        char name[24];
        snprintf(name, sizeof name, "hr-task-%u", i);
        status = hr_thread_start(&s->threads[s->thread_count], name, worker, s, err);
        if (status == HR_OK) s->thread_count++;
    }
    if (status != HR_OK) {
        hr_scheduler_free(s);
        return status;
    }
    *ret = s;
    return HR_OK;
}

void hr_scheduler_free(struct hr_scheduler *scheduler)
{
    if (!scheduler) return;
    pthread_mutex_lock(&scheduler->lock);
    assert(!scheduler->jobs);
    scheduler->stop = true;
    pthread_cond_broadcast(&scheduler->work);
    pthread_mutex_unlock(&scheduler->lock);
    for (uint32_t i = 0; i < scheduler->thread_count; i++)
        pthread_join(scheduler->threads[i], NULL);
    hr_free(scheduler->threads);
    pthread_cond_destroy(&scheduler->work);
    pthread_mutex_destroy(&scheduler->lock);
    hr_block_store_unref(scheduler->blocks);
    hr_free(scheduler);
}
