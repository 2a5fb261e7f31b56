/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scheduler.
 *
 * A job is the RDD that is wanted, cut into stages at shuffle dependencies: a map stage for every
 * shuffle above which something is missing, and the result stage. A stage's `todo` holds partitions
 * that must run; they move to the job's queue once no parent stage has anything left to do. The
 * caller of hr_scheduler_run works on its own job; threads - 1 workers help, taking tasks from the
 * jobs in turn, so jobs share the pool fairly and a job inside of a task cannot starve.
 *
 * A task that finds a shuffle block missing (HR_E_UNAVAILABLE, and a map output is indeed not
 * there) does not count as failed: the lost map partitions go to the todo of their stage, and so on
 * up the lineage, and the task runs again after them. Other RETRIABLE errors are tried max_attempts
 * times; USER and FATAL ones end the job.
 *
 * One lock guards all of it; tasks are coarse. It is never held while a task or a callback runs.
 */
#include "rdd/scheduler.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/fault.h"
#include "rdd/executor.h"
#include "rdd/shuffle.h"

#define FETCH_FAILURES_MAX 32u
#define INLINE_ROWS        32768
#define POLL_NS            5000000 /* how often a waiting caller looks at its cancel flag */

struct work {
    struct stage *stage;
    uint32_t partition, attempt;
};

struct work_list {
    struct work *items;
    uint32_t first, count, capacity; /* live: [first, count) */
};

struct stage {
    uint64_t id;
    struct hr_rdd *rdd;
    struct hr_dependency *dep; /* NULL: the result stage */
    struct stage **parents;
    uint32_t parent_count, parent_capacity;
    struct work_list todo;
    uint8_t *busy;   /* by partition: in todo, queued or running */
    uint32_t active; /* queued or running tasks */
    uint32_t fetch_failures;
    bool ran;
};

struct job {
    struct hr_scheduler *scheduler;
    struct job *prev, *next;
    const struct hr_job_options *options;
    uint64_t id;
    struct stage **stages;
    uint32_t stage_count, stage_capacity;
    struct work_list queue;
    uint32_t running;
    bool solo; /* the caller works alone */
    bool failed;
    bool stop; /* read by tasks without the lock */
    struct hr_err err;
    hr_status status;
    struct hr_job_stats stats;
    pthread_cond_t changed;
};

struct hr_scheduler {
    struct hr_env *env;
    struct hr_scheduler_options options;
    struct hr_block_store *blocks;
    pthread_mutex_t lock;
    pthread_cond_t work;
    pthread_t *threads;
    uint32_t thread_count;
    bool stop;
    struct job *jobs; /* ring; the next one to be served first */
    uint64_t next_job, next_stage;
};

/* --- Lists ------------------------------------------------------------------------------------ */

static bool work_push(struct work_list *list, struct work work)
{
    if (list->first && list->first == list->count) list->first = list->count = 0;
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 16;
        struct work *items = hr_realloc(list->items, capacity * sizeof *items);
        if (!items) return false;
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = work;
    return true;
}

static bool work_pop(struct work_list *list, struct work *ret)
{
    if (list->first == list->count) return false;
    *ret = list->items[list->first++];
    return true;
}

static bool work_empty(const struct work_list *list)
{
    return list->first == list->count;
}

static bool grow(void **items, uint32_t count, uint32_t *capacity)
{
    if (count < *capacity) return true;
    uint32_t wider = *capacity ? *capacity * 2 : 4;
    void *more = hr_realloc(*items, wider * sizeof(void *));
    if (!more) return false;
    *items = more;
    *capacity = wider;
    return true;
}

/* --- Stages ----------------------------------------------------------------------------------- */

static hr_status stage_new(struct job *job, struct hr_rdd *rdd, struct hr_dependency *dep,
                           struct stage **ret, struct hr_err *err)
{
    struct stage *stage = hr_zalloc(sizeof *stage);
    if (stage) stage->busy = hr_zalloc(rdd->partition_count);
    if (!stage || !stage->busy ||
        !grow((void **)&job->stages, job->stage_count, &job->stage_capacity)) {
        if (stage) hr_free(stage->busy);
        hr_free(stage);
        return HR_OOM(err);
    }
    stage->id = job->scheduler->next_stage++;
    stage->rdd = rdd;
    stage->dep = dep;
    job->stages[job->stage_count++] = stage;
    *ret = stage;
    return HR_OK;
}

static void stage_free(struct stage *stage)
{
    hr_free(stage->parents);
    hr_free(stage->todo.items);
    hr_free(stage->busy);
    hr_free(stage);
}

static hr_status add_todo(struct job *job, struct stage *stage, uint32_t partition,
                          uint32_t attempt, struct hr_err *err)
{
    HR_UNUSED(job);
    if (!work_push(&stage->todo, (struct work){stage, partition, attempt})) return HR_OOM(err);
    stage->busy[partition] = 1;
    return HR_OK;
}

static bool all_kept(struct job *job, struct hr_rdd *rdd)
{
    if (rdd->storage == HR_STORE_NONE) return false;
    for (uint32_t p = 0; p < rdd->partition_count; p++)
        if (!hr_block_store_has(job->scheduler->blocks, rdd->id, p)) return false;
    return true;
}

static hr_status need_parents(struct job *job, struct stage *stage, struct hr_err *err);

/* Puts the missing map outputs of a shuffle on its stage's todo, and what those need. */
static hr_status need_shuffle(struct job *job, struct hr_dependency *dep, struct stage **ret,
                              struct hr_err *err)
{
    struct stage *stage = NULL;
    for (uint32_t i = 0; i < job->stage_count && !stage; i++)
        if (job->stages[i]->dep == dep) stage = job->stages[i];
    if (!stage) HR_TRY(stage_new(job, dep->parent, dep, &stage, err));
    *ret = stage;
    uint32_t *missing = hr_alloc((dep->parent->partition_count + 1) * sizeof *missing);
    if (!missing) return HR_OOM(err);
    uint32_t count = hr_shuffle_missing(dep->shuffle, missing), added = 0;
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        if (stage->busy[missing[i]]) continue;
        status = add_todo(job, stage, missing[i], 0, err);
        added++;
    }
    hr_free(missing);
    HR_TRY(status);
    if (stage->ran) job->stats.recomputed_tasks += added;
    if (added) job->stats.stages++;
    return added ? need_parents(job, stage, err) : HR_OK;
}

/* Every shuffle that rdd reaches through narrow dependencies and blocks not kept. */
static hr_status visit(struct job *job, struct stage *stage, struct hr_rdd *rdd, struct hr_err *err)
{
    /* narrow chains are followed in a loop: they can be long */
    for (;;) {
        if (all_kept(job, rdd) || rdd->dep_count == 0) return HR_OK;
        for (uint32_t i = 0; i < rdd->dep_count; i++) {
            struct hr_dependency *dep = &rdd->deps[i];
            bool last = i + 1 == rdd->dep_count;
            if (dep->kind != HR_DEP_SHUFFLE) {
                if (!last) HR_TRY(visit(job, stage, dep->parent, err));
                continue;
            }
            struct stage *parent;
            HR_TRY(need_shuffle(job, dep, &parent, err));
            bool known = false;
            for (uint32_t k = 0; k < stage->parent_count; k++)
                known = known || stage->parents[k] == parent;
            if (known) continue;
            if (!grow((void **)&stage->parents, stage->parent_count, &stage->parent_capacity))
                return HR_OOM(err);
            stage->parents[stage->parent_count++] = parent;
        }
        struct hr_dependency *tail = &rdd->deps[rdd->dep_count - 1];
        if (tail->kind == HR_DEP_SHUFFLE) return HR_OK;
        rdd = tail->parent;
    }
}

static hr_status need_parents(struct job *job, struct stage *stage, struct hr_err *err)
{
    return visit(job, stage, stage->rdd, err);
}

/* --- Lock held: moving work ------------------------------------------------------------------- */

static void fail_job(struct job *job, hr_status status, const struct hr_err *err)
{
    if (!job->failed) {
        job->failed = true;
        job->status = status;
        hr_err_copy(&job->err, err);
    }
    __atomic_store_n(&job->stop, true, __ATOMIC_RELAXED);
}

static bool stage_idle(const struct stage *stage)
{
    return work_empty(&stage->todo) && stage->active == 0;
}

/* Queues the todo of every stage whose parents are done. */
static void schedule(struct job *job)
{
    uint32_t queued = 0;
    for (uint32_t i = 0; i < job->stage_count && !job->failed; i++) {
        struct stage *stage = job->stages[i];
        if (work_empty(&stage->todo)) continue;
        bool ready = true;
        for (uint32_t k = 0; k < stage->parent_count; k++)
            ready = ready && stage_idle(stage->parents[k]);
        struct work work;
        while (ready && work_pop(&stage->todo, &work)) {
            if (!work_push(&job->queue, work)) {
                struct hr_err err;
                hr_err_init(&err);
                fail_job(job, HR_OOM(&err), &err);
                return;
            }
            stage->active++;
            stage->ran = true;
            queued++;
        }
    }
    if (queued > 1 && !job->solo && job->scheduler->thread_count)
        pthread_cond_broadcast(&job->scheduler->work);
    if (queued) pthread_cond_signal(&job->changed);
}

static bool shuffle_lost(struct job *job, struct stage *stage)
{
    HR_UNUSED(job);
    for (uint32_t i = 0; i < stage->parent_count; i++) {
        struct hr_dependency *dep = stage->parents[i]->dep;
        for (uint32_t m = 0; m < dep->parent->partition_count; m++)
            if (!hr_shuffle_has(dep->shuffle, m)) return true;
    }
    return false;
}

/* What a failed attempt means: the partition runs again, or the job fails. */
static void take_failure(struct job *job, const struct work *work, hr_status status,
                         struct hr_err *err)
{
    struct stage *stage = work->stage;
    uint32_t max_attempts = job->options->max_attempts ? job->options->max_attempts
                                                       : job->scheduler->options.max_attempts;
    job->stats.failed_tasks++;
    if (job->failed) return;
    if (status == HR_E_UNAVAILABLE && stage->fetch_failures < FETCH_FAILURES_MAX) {
        /* an evicted block may have hidden shuffles until now */
        struct hr_err inner;
        hr_err_init(&inner);
        hr_status needed = need_parents(job, stage, &inner);
        if (needed != HR_OK) {
            fail_job(job, needed, &inner);
            return;
        }
        bool waits = shuffle_lost(job, stage);
        for (uint32_t i = 0; i < stage->parent_count; i++)
            waits = waits || !stage_idle(stage->parents[i]);
        if (waits) {
            stage->fetch_failures++;
            if (add_todo(job, stage, work->partition, work->attempt + 1, err) == HR_OK) return;
        }
    }
    if ((err->flags & HR_ERR_RETRIABLE) && work->attempt + 1 < max_attempts &&
        add_todo(job, stage, work->partition, work->attempt + 1, err) == HR_OK)
        return;
    if ((err->flags & HR_ERR_RETRIABLE) && work->attempt > 0) {
        struct hr_err last;
        hr_err_copy(&last, err);
        char n[16];
        snprintf(n, sizeof n, "%u", work->attempt + 1);
        status = HR_RAISE(err, HR_E_TASK_FAILED, "n", n, "why", last.msg);
    }
    fail_job(job, status, err);
}

/* --- Running a task --------------------------------------------------------------------------- */

static hr_status run_map(struct stage *stage, const struct work *work, struct hr_batch_iter *iter,
                         const bool *stop, int64_t *ret_bytes, struct hr_err *err)
{
    struct hr_shuffle_writer *writer;
    HR_TRY(hr_shuffle_writer_new(stage->dep->shuffle, stage->dep->partitioner, stage->rdd->schema,
                                 work->partition, &writer, err));
    hr_status status = HR_OK;
    for (;;) {
        struct hr_batch *batch;
        status = iter->next(iter, &batch, err);
        if (status != HR_OK || !batch) break;
        status = hr_shuffle_write(writer, batch, err);
        if (status == HR_OK && __atomic_load_n(stop, __ATOMIC_RELAXED))
            status = HR_RAISE(err, HR_E_CANCELLED);
        if (status != HR_OK) break;
    }
    if (status == HR_OK) status = hr_shuffle_commit(writer, ret_bytes, err);
    hr_shuffle_writer_free(writer);
    return status;
}

static hr_status run_result(struct job *job, const struct work *work, struct hr_batch_iter *iter,
                            struct hr_err *err)
{
    const struct hr_job_options *o = job->options;
    for (;;) {
        struct hr_batch *batch;
        HR_TRY(iter->next(iter, &batch, err));
        if (!batch) break;
        hr_status status = HR_OK;
        if (hr_in_worker() && !o->in_worker)
            status =
                hr_worker_send(&(struct hr_frame){.kind = HR_FRAME_RESULT, .batch = batch}, err);
        else if (o->consume)
            status = o->consume(o->arg, work->partition, work->attempt, batch, err);
        hr_batch_unref(batch);
        HR_TRY(status);
        if (__atomic_load_n(&job->stop, __ATOMIC_RELAXED)) return HR_RAISE(err, HR_E_CANCELLED);
    }
    if (!o->finish || (hr_in_worker() && !o->in_worker)) return HR_OK;
    return o->finish(o->arg, work->partition, work->attempt, err);
}

static hr_status attempt_here(struct job *job, const struct work *work, int64_t *ret_bytes,
                              struct hr_err *err)
{
    HR_FAULT_POINT(HR_FAULT_TASK_RUN, err);
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    struct hr_task_ctx ctx = {
        .scheduler = job->scheduler,
        .partition = work->partition,
        .attempt = work->attempt,
        .stage_id = work->stage->id,
        .job_id = job->id,
        .arena = &arena,
        .cancelled = job->options->cancelled ? job->options->cancelled : &job->stop,
        .stopped = &job->stop,
    };
    struct hr_batch_iter *iter;
    hr_status status = hr_rdd_iter(work->stage->rdd, work->partition, &ctx, &iter, err);
    if (status == HR_OK) {
        status = work->stage->dep ? run_map(work->stage, work, iter, &job->stop, ret_bytes, err)
                                  : run_result(job, work, iter, err);
        iter->close(iter);
    }
    hr_arena_done(&arena);
    return status;
}

/* --- Running a task in a worker process ------------------------------------------------------- */

static int64_t quarter_of_machine(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGE_SIZE);
    return pages > 0 && size > 0 ? (int64_t)pages / 4 * size : INT64_C(256) << 20;
}

struct remote {
    struct job *job;
    const struct work *work;
    struct hr_shuffle_writer *writer; /* map tasks */
    struct hr_batch **kept;           /* of a kept partition whose frames are coming */
    uint32_t kept_count, kept_capacity;
};

static hr_status remote_run(void *arg, int64_t *ret_bytes, struct hr_err *err)
{
    struct remote *r = arg;
    return attempt_here(r->job, r->work, ret_bytes, err);
}

static const struct hr_type *remote_schema(void *arg, const struct hr_frame *frame)
{
    struct remote *r = arg;
    if (frame->kind == HR_FRAME_KEPT) return ((struct hr_rdd *)frame->object)->schema;
    if (frame->kind == HR_FRAME_UPDATE) return hr_acc_schema(frame->object);
    return r->work->stage->rdd->schema;
}

static void kept_done(struct remote *r)
{
    while (r->kept_count) hr_batch_unref(r->kept[--r->kept_count]);
}

static hr_status take_kept(struct remote *r, const struct hr_frame *frame, struct hr_err *err)
{
    struct hr_rdd *rdd = frame->object;
    if (frame->batch) {
        if (!grow((void **)&r->kept, r->kept_count, &r->kept_capacity)) return HR_OOM(err);
        r->kept[r->kept_count++] = hr_batch_ref(frame->batch);
    }
    if (frame->more) return HR_OK;
    hr_status status = HR_OK;
    if (rdd->storage != HR_STORE_NONE)
        status =
            hr_block_store_put(hr_scheduler_blocks_of(r->job->scheduler, rdd), rdd->id, frame->n,
                               rdd->storage, r->kept, r->kept_count, rdd->schema, err);
    kept_done(r);
    return status;
}

static hr_status remote_take(void *arg, const struct hr_frame *frame, struct hr_err *err)
{
    struct remote *r = arg;
    const struct hr_job_options *o = r->job->options;
    switch (frame->kind) {
    case HR_FRAME_RESULT:
        if (!o->consume) return HR_OK;
        return o->consume(o->arg, r->work->partition, r->work->attempt, frame->batch, err);
    case HR_FRAME_SHUFFLE: return hr_shuffle_add(r->writer, frame->n, frame->batch, err);
    case HR_FRAME_KEPT: return take_kept(r, frame, err);
    case HR_FRAME_UPDATE: return hr_acc_take(frame, err);
    }
    return HR_BUG(err, "a worker's frame of kind %d", (int)frame->kind);
}

static hr_status attempt_remote(struct job *job, const struct work *work, int64_t *ret_bytes,
                                struct hr_err *err)
{
    struct hr_scheduler *s = job->scheduler;
    const struct stage *stage = work->stage;
    const volatile bool *cancelled = job->options->cancelled;
    struct remote r = {.job = job, .work = work};
    char what[128];
    snprintf(what, sizeof what, "partition %u of %s %u", work->partition,
             stage->rdd->label ? stage->rdd->label : stage->rdd->vt->name, stage->rdd->id);
    struct hr_worker_call call = {
        .lock = &s->lock,
        .what = what,
        .task_timeout_us = s->options.task_timeout_us,
        .heartbeat_timeout_us = s->options.heartbeat_timeout_us,
        .output_bytes_max = quarter_of_machine(),
        .stopped = &job->stop,
        .cancelled = cancelled ? cancelled : &job->stop,
        .run = remote_run,
        .take = remote_take,
        .schema = remote_schema,
        .arg = &r,
    };
    if (stage->dep)
        HR_TRY(hr_shuffle_writer_new(stage->dep->shuffle, stage->dep->partitioner,
                                     stage->rdd->schema, work->partition, &r.writer, err));
    hr_status status = hr_worker_run(&call, ret_bytes, err);
    if (status == HR_OK && r.writer) {
        int64_t bytes; /* the worker's count stands */
        status = hr_shuffle_commit(r.writer, &bytes, err);
    }
    const struct hr_job_options *o = job->options;
    if (status == HR_OK && !stage->dep && o->finish && !o->in_worker)
        status = o->finish(o->arg, work->partition, work->attempt, err);
    hr_shuffle_writer_free(r.writer);
    kept_done(&r);
    hr_free(r.kept);
    return status;
}

static hr_status attempt(struct job *job, const struct work *work, int64_t *ret_bytes,
                         struct hr_err *err)
{
    /* a job inside of a worker's task stays in that worker */
    if (job->scheduler->options.executors && !hr_in_worker())
        return attempt_remote(job, work, ret_bytes, err);
    return attempt_here(job, work, ret_bytes, err);
}

/* Lock held on entry and on return, not in between. */
static void run_work(struct job *job, const struct work *work)
{
    struct hr_scheduler *s = job->scheduler;
    job->running++;
    bool skip = job->failed;
    pthread_mutex_unlock(&s->lock);
    struct hr_err err;
    hr_err_init(&err);
    int64_t bytes = 0;
    hr_status status = HR_OK;
    if (!skip) status = attempt(job, work, &bytes, &err);
    /* before the partition can run again */
    if (status != HR_OK && !work->stage->dep && job->options->reset)
        job->options->reset(job->options->arg, work->partition, work->attempt);
    pthread_mutex_lock(&s->lock);
    struct stage *stage = work->stage;
    stage->busy[work->partition] = 0;
    stage->active--;
    job->stats.tasks += !skip;
    job->stats.shuffle_bytes += bytes;
    job->stats.lost_workers += status == HR_E_WORKER_LOST || status == HR_E_TASK_TIMEOUT;
    if (status != HR_OK) take_failure(job, work, status, &err);
    job->running--;
    schedule(job);
    if (job->running == 0) pthread_cond_signal(&job->changed);
}

/* The next job with queued work, from the ring's head on; the head moves behind it. */
static struct job *next_job(struct hr_scheduler *s)
{
    struct job *job = s->jobs;
    if (!job) return NULL;
    do {
        if (!job->solo && !work_empty(&job->queue)) {
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
        struct job *job = next_job(s);
        struct work work;
        if (job && work_pop(&job->queue, &work))
            run_work(job, &work);
        else
            pthread_cond_wait(&s->work, &s->lock);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

/* --- Jobs ------------------------------------------------------------------------------------- */

static hr_status job_plan(struct job *job, struct hr_rdd *rdd, struct hr_err *err)
{
    const struct hr_job_options *o = job->options;
    struct stage *result;
    HR_TRY(stage_new(job, rdd, NULL, &result, err));
    uint32_t count = o->partitions ? o->partition_count : rdd->partition_count;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t p = o->partitions ? o->partitions[i] : i;
        if (p >= rdd->partition_count)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "partition %u of %u", p,
                           rdd->partition_count);
        HR_TRY(add_todo(job, result, p, 0, err));
    }
    if (count) job->stats.stages++;
    return count ? need_parents(job, result, err) : HR_OK;
}

static void job_link(struct hr_scheduler *s, struct job *job)
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

static void job_unlink(struct hr_scheduler *s, struct job *job)
{
    if (job->next == job) {
        s->jobs = NULL;
        return;
    }
    job->prev->next = job->next;
    job->next->prev = job->prev;
    if (s->jobs == job) s->jobs = job->next;
}

static bool job_done(const struct job *job)
{
    if (job->running) return false;
    if (job->failed) return true;
    for (uint32_t i = 0; i < job->stage_count; i++)
        if (!stage_idle(job->stages[i])) return false;
    return true;
}

static void look_at_cancel(struct job *job)
{
    const volatile bool *cancelled = job->options->cancelled;
    if (job->failed || !cancelled || !__atomic_load_n(cancelled, __ATOMIC_RELAXED)) return;
    struct hr_err err;
    hr_err_init(&err);
    fail_job(job, HR_RAISE(&err, HR_E_CANCELLED), &err);
}

/* Lock held. Works on the job until it is done. */
static void job_work(struct job *job)
{
    struct hr_scheduler *s = job->scheduler;
    while (!job_done(job)) {
        look_at_cancel(job);
        struct work work;
        if (!job->failed && work_pop(&job->queue, &work)) {
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
    struct job job = {.scheduler = scheduler, .options = options};
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
        schedule(&job);
        job_work(&job);
        job_unlink(scheduler, &job);
        status = job.status;
        if (status != HR_OK && err) hr_err_copy(err, &job.err);
    }
    pthread_mutex_unlock(&scheduler->lock);
    pthread_cond_destroy(&job.changed);
    for (uint32_t i = 0; i < job.stage_count; i++) stage_free(job.stages[i]);
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
