/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler: threads that run the tasks of jobs, and whose task is next.
 *
 * A job is the RDD that is wanted, cut into stages at shuffle dependencies: a map stage for every
 * shuffle above which something is missing, and the result stage (stage.c).
 *
 * There are as many slots as `threads`; a task holds one while it runs. The policy (sched_pool.c)
 * says which job gets a free slot. Who runs the task then is a matter of convenience: one of the
 * threads - 1 workers, which take any job's tasks, or the caller of that very job, which would only
 * wait otherwise. A caller does not go before the policy: with FIFO a later job whose caller helped
 * itself would run beside the earlier one, and with FAIR a pool would get a slot for every thread
 * that submits to it. Nor does it run other jobs' tasks, which could keep it long after its own
 * job's end. A free slot with queued work always has somebody to use it: if all workers are busy,
 * no caller is, so that the next job's own one waits.
 *
 * Two kinds of jobs ask nobody. A small one (rows_estimate) is run by its caller at once, since
 * waking and waiting would cost more than the work. A job inside of a task is worked on by its
 * caller in the slot of that task, which stands still meanwhile; so it ends even where no slot gets
 * free. What remains forbidden is a task that waits for a job which another thread has started.
 */
#include <stdio.h>
#include <time.h>

#include "base/machine.h"
#include "rdd/executor.h"
#include "rdd/job.h"

#define INLINE_ROWS 32768
#define POLL_NS     5000000 /* how often a waiting caller looks at its cancel flag */

/* --- Slots ------------------------------------------------------------------------------------ */

static bool has_work(const struct hr_job *job)
{
    return !job->failed && (!hr_work_empty(&job->queue) || !hr_work_empty(&job->copies));
}

static bool pop(struct hr_job *job, struct hr_work *ret)
{
    return hr_work_pop(&job->queue, ret) || hr_work_pop(&job->copies, ret);
}

/* The job that a free slot belongs to; NULL: no slot is free, or nobody wants it. */
static struct hr_job *next_job(struct hr_scheduler *s)
{
    struct hr_job *next = NULL;
    if (s->slots_used >= s->options.threads) return NULL;
    for (struct hr_job *job = s->jobs; job; job = job->next)
        if (!job->solo && has_work(job) && (!next || hr_job_before(job, next))) next = job;
    return next;
}

/* A slot may have become free, or its next user is not the one who looked. */
static void hand_over(struct hr_scheduler *s)
{
    if (hr_in_worker()) return; /* the threads are the driver's */
    struct hr_job *job = next_job(s);
    if (job && s->idle_threads)
        pthread_cond_signal(&s->work);
    else if (job)
        pthread_cond_signal(&job->changed);
}

void hr_scheduler_wake(struct hr_job *job, uint32_t queued)
{
    struct hr_scheduler *s = job->scheduler;
    if (job->caller_idle) {
        pthread_cond_signal(&job->changed);
        queued--;
    }
    if (job->solo || hr_in_worker()) return;
    for (queued = HR_MIN(queued, s->idle_threads); queued > 0; queued--)
        pthread_cond_signal(&s->work);
}

static void take_slot(struct hr_job *job, int n)
{
    job->scheduler->slots_used += (uint32_t)n;
    job->slots += (uint32_t)n;
    job->pool->running += (uint32_t)n;
}

static void attempt_link(struct hr_attempt *a)
{
    struct hr_job *job = a->job;
    a->next = job->attempts;
    if (a->next) a->next->prev = a;
    job->attempts = a;
    job->running++;
}

static void attempt_unlink(struct hr_attempt *a)
{
    *(a->prev ? &a->prev->next : &a->job->attempts) = a->next;
    if (a->next) a->next->prev = a->prev;
    a->job->running--;
}

/* Lock held: what the end of an attempt means. */
static void attempt_ended(struct hr_attempt *a, hr_status status, int64_t bytes, struct hr_err *err)
{
    struct hr_job *job = a->job;
    struct hr_stage *stage = a->work.stage;
    bool lost = a->stopped && !a->won && !job->failed; /* another attempt has settled the task */
    bool other = !lost && status != HR_OK && hr_attempt_has_other(a);
    attempt_unlink(a);
    job->stats.tasks++;
    job->stats.speculative_tasks += a->work.copy;
    if (!lost && !other) {
        hr_speculation_ended(a, status == HR_OK);
        stage->tasks[a->work.partition].busy = false;
        stage->active--;
        job->tasks_done += status == HR_OK;
        job->stats.shuffle_bytes += bytes;
    }
    if (!lost && status != HR_OK) {
        job->stats.lost_workers += status == HR_E_WORKER_LOST || status == HR_E_TASK_TIMEOUT;
        hr_job_take_failure(job, &a->work, other, status, err);
    }
    hr_job_schedule(job);
    if (job->running == 0) pthread_cond_signal(&job->changed);
}

/* Lock held on entry and on return, not in between. */
static void run_work(struct hr_job *job, const struct hr_work *work, bool takes_slot)
{
    struct hr_scheduler *s = job->scheduler;
    const struct hr_job_options *o = job->options;
    struct hr_attempt a = {.job = job, .work = *work, .won = !job->speculates};
    struct hr_task_frame frame = {s, job->outer, job->locals};
    const struct hr_task_frame *before = hr_task_frame;
    struct hr_err err;
    int64_t bytes = 0;
    hr_err_init(&err);
    if (job->speculates) a.start_us = hr_real_us();
    if (takes_slot) take_slot(job, 1);
    attempt_link(&a);
    pthread_mutex_unlock(&s->lock);
    hr_task_frame = &frame;
    hr_status status = hr_task_run(&a, &bytes, &err);
    /* before the partition can run again; what has not won has had no effect */
    if (status != HR_OK && !work->stage->dep && o->reset && a.won)
        o->reset(o->arg, work->partition, work->attempt);
    hr_task_frame = before;
    pthread_mutex_lock(&s->lock);
    if (takes_slot) take_slot(job, -1);
    attempt_ended(&a, status, bytes, &err);
}

static void timed_wait(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t ns)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    ns += until.tv_nsec;
    until.tv_sec += ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_cond_timedwait(cond, lock, &until);
}

static void *worker(void *arg)
{
    struct hr_scheduler *s = arg;
    pthread_mutex_lock(&s->lock);
    while (!s->stop) {
        struct hr_job *job = next_job(s);
        struct hr_work work;
        if (job && pop(job, &work)) {
            run_work(job, &work, true);
            continue;
        }
        if (hr_speculate(s)) continue;
        s->idle_threads++;
        if (s->options.speculation.enabled)
            timed_wait(&s->work, &s->lock, s->options.speculation.interval_us * 1000);
        else
            pthread_cond_wait(&s->work, &s->lock);
        s->idle_threads--;
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
        HR_TRY(hr_stage_add(result, p, err));
    }
    if (count) job->stats.stages++;
    return count ? hr_stage_need_parents(job, result, err) : HR_OK;
}

static void job_link(struct hr_scheduler *s, struct hr_job *job)
{
    job->prev = s->last_job;
    *(s->last_job ? &s->last_job->next : &s->jobs) = job;
    s->last_job = job;
}

static void job_unlink(struct hr_scheduler *s, struct hr_job *job)
{
    *(job->prev ? &job->prev->next : &s->jobs) = job->next;
    *(job->next ? &job->next->prev : &s->last_job) = job->prev;
}

static bool job_done(const struct hr_job *job)
{
    if (job->running) return false;
    if (job->failed) return true;
    for (uint32_t i = 0; i < job->stage_count; i++)
        if (!hr_stage_idle(job->stages[i])) return false;
    return true;
}

static void cancel(struct hr_job *job)
{
    struct hr_err err;
    hr_err_init(&err);
    hr_job_fail(job, HR_RAISE(&err, HR_E_CANCELLED), &err);
}

static void look_at_cancel(struct hr_job *job)
{
    const volatile bool *cancelled = job->options->cancelled;
    if (!job->failed && cancelled && __atomic_load_n(cancelled, __ATOMIC_RELAXED)) cancel(job);
}

static void monotonic_cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &attr);
    pthread_condattr_destroy(&attr);
}

/* Whether the caller may run a task of its job now. */
static bool may_take(struct hr_job *job)
{
    return has_work(job) && (job->solo || job->lent || next_job(job->scheduler) == job);
}

/* Lock held. Works on the job until it is done. */
static void job_work(struct hr_job *job)
{
    while (!job_done(job)) {
        struct hr_work work;
        look_at_cancel(job);
        if (may_take(job) && pop(job, &work)) {
            job->caller_idle = false;
            run_work(job, &work, !job->solo && !job->lent);
            job->caller_idle = true;
            continue;
        }
        if (job_done(job)) break;
        if (hr_speculate(job->scheduler)) continue;
        hand_over(job->scheduler);
        timed_wait(&job->changed, &job->scheduler->lock, POLL_NS);
    }
}

static hr_status job_start(struct hr_job *job, struct hr_rdd *rdd, struct hr_err *err)
{
    struct hr_scheduler *s = job->scheduler;
    job->pool = hr_sched_pool_get(s, job->options->pool);
    if (!job->pool) return HR_OOM(err);
    job->id = s->next_job++;
    return job_plan(job, rdd, err);
}

hr_status hr_scheduler_run(struct hr_scheduler *scheduler, struct hr_rdd *rdd,
                           const struct hr_job_options *options, struct hr_job_stats *ret_stats,
                           struct hr_err *err)
{
    struct hr_job job = {.scheduler = scheduler,
                         .options = options,
                         .outer = hr_task_frame,
                         .locals = hr_locals_now(),
                         .lent = hr_in_task_of(scheduler),
                         .caller_idle = true};
    int64_t start = hr_mono_ns(scheduler->env);
    hr_err_init(&job.err);
    job.solo = !scheduler->options.executors && rdd->rows_estimate >= 0 &&
               rdd->rows_estimate <= scheduler->options.inline_rows;
    job.speculates = scheduler->options.speculation.enabled && !job.solo && !hr_in_worker() &&
                     options->max_attempts != 1;
    monotonic_cond_init(&job.changed);
    pthread_mutex_lock(&scheduler->lock);
    hr_status status = job_start(&job, rdd, err);
    if (status == HR_OK) {
        job_link(scheduler, &job);
        hr_job_schedule(&job);
        job_work(&job);
        job_unlink(scheduler, &job);
        hand_over(scheduler);
        status = job.status;
        if (status != HR_OK && err) hr_err_copy(err, &job.err);
    }
    pthread_mutex_unlock(&scheduler->lock);
    pthread_cond_destroy(&job.changed);
    for (uint32_t i = 0; i < job.stage_count; i++) hr_stage_free(job.stages[i]);
    hr_free(job.stages);
    hr_free(job.queue.items);
    hr_free(job.copies.items);
    job.stats.wall_us = (hr_mono_ns(scheduler->env) - start) / 1000;
    if (ret_stats) *ret_stats = job.stats;
    return status;
}

void hr_scheduler_cancel(struct hr_scheduler *s, const char *group, uint64_t id)
{
    pthread_mutex_lock(&s->lock);
    for (struct hr_job *job = s->jobs; job; job = job->next) {
        const char *of = job->options->group;
        if ((group && (!of || strcmp(of, group) != 0)) || (id && id != job->id)) continue;
        cancel(job);
        pthread_cond_signal(&job->changed);
    }
    pthread_mutex_unlock(&s->lock);
}

/* --- Facts ------------------------------------------------------------------------------------ */

static void job_facts(const struct hr_job *job, struct hr_job_facts *ret)
{
    const struct hr_job_options *o = job->options;
    *ret = (struct hr_job_facts){.id = job->id,
                                 .pool = job->pool->name,
                                 .group = o->group ? o->group : "",
                                 .description = o->description ? o->description : "",
                                 .running = job->running,
                                 .tasks_done = job->tasks_done,
                                 .tasks_failed = job->stats.failed_tasks};
    for (uint32_t i = 0; i < job->stage_count; i++) {
        const struct hr_stage *stage = job->stages[i];
        uint32_t left = stage->active + stage->todo.count - stage->todo.first;
        ret->tasks_left += left;
        ret->stages_left += left > 0;
        ret->stages_done += left == 0 && stage->ran;
    }
}

uint32_t hr_scheduler_jobs(struct hr_scheduler *s,
                           void (*fn)(void *arg, uint32_t n, const struct hr_job_facts *facts),
                           void *arg)
{
    uint32_t n = 0;
    pthread_mutex_lock(&s->lock);
    for (const struct hr_job *job = s->jobs; job; job = job->next, n++) {
        struct hr_job_facts facts;
        job_facts(job, &facts);
        fn(arg, n, &facts);
    }
    pthread_mutex_unlock(&s->lock);
    return n;
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

static int64_t quarter_of_machine(void)
{
    int64_t bytes = hr_machine_memory_bytes() / 4;
    return HR_MAX(bytes, 1);
}

static void speculation_defaults(struct hr_speculation_options *o)
{
    if (o->interval_us <= 0) o->interval_us = 100000;
    if (!(o->multiplier > 0)) o->multiplier = 3;
    if (!(o->quantile > 0)) o->quantile = 0.9;
    if (!o->min_runtime_us) o->min_runtime_us = 100000;
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
    speculation_defaults(&s->options.speculation);
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
    monotonic_cond_init(&s->work);
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
    hr_sched_pools_free(scheduler);
    pthread_cond_destroy(&scheduler->work);
    pthread_mutex_destroy(&scheduler->lock);
    hr_block_store_unref(scheduler->blocks);
    hr_free(scheduler);
}
