/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Running one attempt of a task: on this thread, or in a worker process (executor.h) that it waits
 * for. The scheduler's lock is not held.
 */
#include <stdio.h>

#include "base/fault.h"
#include "rdd/batch_list.h"
#include "rdd/executor.h"
#include "rdd/job.h"
#include "rdd/shuffle.h"

/* --- On this thread --------------------------------------------------------------------------- */

/* Between two batches. */
static hr_status go_on(const struct hr_attempt *a, struct hr_err *err)
{
    const volatile bool *cancelled = a->job->options->cancelled;
    if (__atomic_load_n(&a->stopped, __ATOMIC_RELAXED) ||
        (cancelled && __atomic_load_n(cancelled, __ATOMIC_RELAXED)))
        return HR_RAISE(err, HR_E_CANCELLED);
    return HR_OK;
}

static hr_status named(hr_status status, struct hr_err *err)
{
    return status == HR_E_MEMORY_LIMIT && err ? hr_err_prefix(err, "the shuffle") : status;
}

static hr_status run_map(struct hr_attempt *a, struct hr_batch_iter *iter, int64_t *ret_bytes,
                         struct hr_err *err)
{
    const struct hr_stage *stage = a->work.stage;
    struct hr_shuffle_writer *writer;
    HR_TRY(hr_shuffle_writer_new(stage->dep->shuffle, stage->dep->partitioner, stage->rdd->schema,
                                 a->work.partition, a->job->pool->budget, &writer, err));
    hr_status status = HR_OK;
    for (;;) {
        struct hr_batch *batch;
        status = iter->next(iter, &batch, err);
        if (status != HR_OK || !batch) break;
        status = named(hr_shuffle_write(writer, batch, err), err);
        if (status == HR_OK) status = go_on(a, err);
        if (status != HR_OK) break;
    }
    if (status == HR_OK && !hr_attempt_claim(a)) status = HR_RAISE(err, HR_E_CANCELLED);
    if (status == HR_OK) status = named(hr_shuffle_commit(writer, ret_bytes, err), err);
    hr_shuffle_writer_free(writer);
    return status;
}

/* A batch of the wanted partition goes to whom it is for. */
static hr_status deliver(struct hr_attempt *a, struct hr_batch *batch, struct hr_err *err)
{
    const struct hr_job_options *o = a->job->options;
    if (hr_in_worker() && !o->in_worker)
        return hr_worker_send(&(struct hr_frame){.kind = HR_FRAME_RESULT, .batch = batch}, err);
    if (o->consume) HR_TRY(o->consume(o->arg, a->work.partition, a->work.attempt, batch, err));
    return HR_OK;
}

static hr_status finish(struct hr_attempt *a, struct hr_err *err)
{
    const struct hr_job_options *o = a->job->options;
    if (!o->finish || (hr_in_worker() && !o->in_worker)) return HR_OK;
    return o->finish(o->arg, a->work.partition, a->work.attempt, err);
}

static hr_status run_result(struct hr_attempt *a, struct hr_batch_iter *iter, struct hr_err *err)
{
    for (;;) {
        struct hr_batch *batch;
        HR_TRY(iter->next(iter, &batch, err));
        if (!batch) return finish(a, err);
        hr_status status = deliver(a, batch, err);
        hr_batch_unref(batch);
        HR_TRY(status);
        HR_TRY(go_on(a, err));
    }
}

/* While a copy may run, nobody sees a batch before it is known which of them counts. */
static hr_status run_result_held(struct hr_attempt *a, struct hr_batch_iter *iter,
                                 struct hr_err *err)
{
    struct hr_batch_list held = {0};
    hr_status status = HR_OK;
    for (struct hr_batch *batch = NULL; status == HR_OK;) {
        status = iter->next(iter, &batch, err);
        if (status != HR_OK || !batch) break;
        status = hr_batch_list_push(&held, batch, err);
        if (status == HR_OK) status = go_on(a, err);
    }
    if (status == HR_OK && !hr_attempt_claim(a)) status = HR_RAISE(err, HR_E_CANCELLED);
    for (uint32_t i = 0; i < held.count && status == HR_OK; i++) {
        status = deliver(a, held.items[i], err);
        if (status == HR_OK) status = go_on(a, err);
    }
    if (status == HR_OK) status = finish(a, err);
    hr_batch_list_done(&held);
    return status;
}

static hr_status compute(struct hr_attempt *a, int64_t *ret_bytes, struct hr_err *err)
{
    HR_FAULT_POINT(HR_FAULT_TASK_RUN, err);
    const struct hr_job *job = a->job;
    const struct hr_stage *stage = a->work.stage;
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    struct hr_task_ctx ctx = {
        .scheduler = job->scheduler,
        .partition = a->work.partition,
        .attempt = a->work.attempt,
        .stage_id = stage->id,
        .job_id = job->id,
        .arena = &arena,
        .mem = &job->pool->budget->mem,
        .budget = job->pool->budget,
        .cancelled = job->options->cancelled ? job->options->cancelled : &a->stopped,
        .stopped = &a->stopped,
        .copy = a->work.copy,
    };
    struct hr_batch_iter *iter;
    hr_status status = hr_rdd_iter(stage->rdd, a->work.partition, &ctx, &iter, err);
    if (status == HR_OK) {
        bool held = a->job->speculates && !hr_in_worker();
        status = stage->dep ? run_map(a, iter, ret_bytes, err)
                 : held     ? run_result_held(a, iter, err)
                            : run_result(a, iter, err);
        iter->close(iter);
    }
    hr_arena_done(&arena);
    return status;
}

/* --- On a stack that is deep enough ----------------------------------------------------------- */

/* An RDD pulls its parent's batches, and so on: a call or two a step, of some hundred bytes. */
#define DEPTH_HERE  1000u
#define DEPTH_MAX   1000000u
#define DEPTH_BYTES ((size_t)8 << 10)
#define STACK_BYTES ((size_t)16 << 20) /* for what users' functions do at the top */

struct deep {
    struct hr_attempt *attempt;
    const struct hr_task_frame *frame;
    int64_t *ret_bytes;
    hr_status status;
    struct hr_err *err;
};

static hr_status attempt_on_this_stack(struct hr_attempt *a, int64_t *ret_bytes,
                                       struct hr_err *err);

static void attempt_deep(void *arg)
{
    struct deep *deep = arg;
    hr_task_frame = deep->frame;
    deep->status = attempt_on_this_stack(deep->attempt, deep->ret_bytes, deep->err);
}

static hr_status attempt_here(struct hr_attempt *a, int64_t *ret_bytes, struct hr_err *err)
{
    const struct hr_rdd *rdd = a->work.stage->rdd;
    struct deep deep = {a, hr_task_frame, ret_bytes, HR_OK, err};
    if (rdd->depth <= DEPTH_HERE) return attempt_on_this_stack(a, ret_bytes, err);
    if (rdd->depth > DEPTH_MAX)
        return HR_FAIL(err, HR_E_LIMIT,
                       "RDD %u is the last of %u that follow one from the other: at most %u; "
                       "hr_rdd_checkpoint or hr_rdd_local_checkpoint on the way cuts the lineage",
                       rdd->id, rdd->depth, DEPTH_MAX);
    HR_TRY(hr_thread_deep(STACK_BYTES + rdd->depth * DEPTH_BYTES, attempt_deep, &deep, err));
    return deep.status;
}

static _Atomic(const struct hr_effects *) effects;

void hr_effects_set(const struct hr_effects *e)
{
    atomic_store(&effects, e);
}

struct computation {
    struct hr_attempt *attempt;
    int64_t *ret_bytes;
};

static hr_status run_computation(void *arg, struct hr_err *err)
{
    const struct computation *c = arg;
    return compute(c->attempt, c->ret_bytes, err);
}

static hr_status attempt_on_this_stack(struct hr_attempt *a, int64_t *ret_bytes, struct hr_err *err)
{
    struct computation c = {a, ret_bytes};
    const struct hr_effects *e = atomic_load(&effects);
    return e ? e->attempt(run_computation, &c, err) : run_computation(&c, err);
}

/* --- In a worker process ---------------------------------------------------------------------- */

struct remote {
    struct hr_attempt *attempt;
    struct hr_shuffle_writer *writer; /* map tasks */
    struct hr_batch **kept;           /* of a kept partition whose frames are coming */
    uint32_t kept_count, kept_capacity;
};

static hr_status remote_run(void *arg, int64_t *ret_bytes, struct hr_err *err)
{
    struct remote *r = arg;
    return attempt_here(r->attempt, ret_bytes, err);
}

static bool remote_claim(void *arg)
{
    return hr_attempt_claim(((struct remote *)arg)->attempt);
}

static const struct hr_type *remote_schema(void *arg, const struct hr_frame *frame)
{
    struct remote *r = arg;
    if (frame->kind == HR_FRAME_KEPT) return ((struct hr_rdd *)frame->object)->schema;
    if (frame->kind == HR_FRAME_UPDATE) return atomic_load(&effects)->schema(frame->object);
    return r->attempt->work.stage->rdd->schema;
}

static void kept_done(struct remote *r)
{
    while (r->kept_count) hr_batch_unref(r->kept[--r->kept_count]);
}

static hr_status take_kept(struct remote *r, const struct hr_frame *frame, struct hr_err *err)
{
    struct hr_rdd *rdd = frame->object;
    if (frame->batch) {
        if (!hr_pointers_grow((void **)&r->kept, r->kept_count, &r->kept_capacity))
            return HR_OOM(err);
        r->kept[r->kept_count++] = hr_batch_ref(frame->batch);
    }
    if (frame->more) return HR_OK;
    hr_status status = HR_OK;
    if (rdd->storage != HR_STORE_NONE)
        status = hr_block_store_put(hr_scheduler_blocks_of(r->attempt->job->scheduler, rdd),
                                    rdd->id, frame->n, rdd->storage, r->kept, r->kept_count,
                                    rdd->schema, r->attempt->job->pool->budget, err);
    kept_done(r);
    return status;
}

static hr_status remote_take(void *arg, const struct hr_frame *frame, struct hr_err *err)
{
    struct remote *r = arg;
    const struct hr_job_options *o = r->attempt->job->options;
    const struct hr_work *work = &r->attempt->work;
    switch (frame->kind) {
    case HR_FRAME_RESULT:
        if (!o->consume) return HR_OK;
        return o->consume(o->arg, work->partition, work->attempt, frame->batch, err);
    case HR_FRAME_SHUFFLE: return hr_shuffle_add(r->writer, frame->n, frame->batch, err);
    case HR_FRAME_KEPT: return take_kept(r, frame, err);
    case HR_FRAME_UPDATE: return atomic_load(&effects)->take(frame, err);
    }
    return HR_BUG(err, "a worker's frame of kind %d", (int)frame->kind);
}

static hr_status attempt_remote(struct hr_attempt *a, int64_t *ret_bytes, struct hr_err *err)
{
    struct hr_scheduler *s = a->job->scheduler;
    const struct hr_work *work = &a->work;
    const struct hr_stage *stage = work->stage;
    const struct hr_job_options *o = a->job->options;
    struct remote r = {.attempt = a};
    char what[128];
    snprintf(what, sizeof what, "partition %u of %s %u", work->partition,
             stage->rdd->label ? stage->rdd->label : stage->rdd->vt->name, stage->rdd->id);
    struct hr_worker_call call = {
        .lock = &s->lock,
        .what = what,
        .task_timeout_us = s->options.task_timeout_us,
        .heartbeat_timeout_us = s->options.heartbeat_timeout_us,
        .output_bytes_max = s->output_bytes_max,
        .stopped = &a->stopped,
        .cancelled = o->cancelled ? o->cancelled : &a->stopped,
        .run = remote_run,
        .claim = remote_claim,
        .take = remote_take,
        .schema = remote_schema,
        .arg = &r,
    };
    if (stage->dep)
        HR_TRY(hr_shuffle_writer_new(stage->dep->shuffle, stage->dep->partitioner,
                                     stage->rdd->schema, work->partition, a->job->pool->budget,
                                     &r.writer, err));
    hr_status status = hr_worker_run(&call, ret_bytes, err);
    if (status == HR_OK && r.writer) {
        int64_t bytes; /* the worker's count stands */
        status = hr_shuffle_commit(r.writer, &bytes, err);
    }
    if (status == HR_OK && !stage->dep && o->finish && !o->in_worker)
        status = o->finish(o->arg, work->partition, work->attempt, err);
    hr_shuffle_writer_free(r.writer);
    kept_done(&r);
    hr_free(r.kept);
    return status;
}

hr_status hr_task_run(struct hr_attempt *attempt, int64_t *ret_bytes, struct hr_err *err)
{
    /* a job inside of a worker's task stays in that worker */
    if (attempt->job->scheduler->options.executors && !hr_in_worker())
        return attempt_remote(attempt, ret_bytes, err);
    return attempt_here(attempt, ret_bytes, err);
}
