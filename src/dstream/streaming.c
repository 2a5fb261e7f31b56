/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The streaming context: its life, and the batch loop.
 *
 *   wait for the batch's time → generate inputs → write what they take → run outputs
 *   (run_outputs.c) → checkpoint → forget
 *
 * One thread runs batches, one after the other (with a manual clock: whoever calls step). A failed
 * batch ends the loop.
 */
#include <errno.h>

#include "base/options.h"
#include "dstream/dstream.h"
#include "rdd/locals.h"
#include "rdd/scheduler.h"

/* --- Settings --------------------------------------------------------------------------------- */

#define OPT(name, type, field, def)                                           \
    {                                                                         \
        name, type, offsetof(struct hr_ds_conf, field), def, 0, 0, NULL, NULL \
    }
static const struct hr_opt_spec conf_specs[] = {
    OPT("spark.streaming.receiver.maxRate", HR_OPT_INT, max_rate, "0"),
    OPT("spark.streaming.backpressure.enabled", HR_OPT_BOOL, backpressure, "false"),
    OPT("spark.streaming.backpressure.initialRate", HR_OPT_INT, initial_rate, "0"),
    OPT("spark.streaming.backpressure.pid.proportional", HR_OPT_DOUBLE, pid_proportional, "1.0"),
    OPT("spark.streaming.backpressure.pid.integral", HR_OPT_DOUBLE, pid_integral, "0.2"),
    OPT("spark.streaming.backpressure.pid.derived", HR_OPT_DOUBLE, pid_derived, "0.0"),
    OPT("spark.streaming.backpressure.pid.minRate", HR_OPT_INT, pid_min_rate, "100"),
    OPT("spark.streaming.blockInterval", HR_OPT_INT, block_interval_ms, "200"),
    OPT("spark.streaming.concurrentJobs", HR_OPT_INT, concurrent_jobs, "1"),
    OPT("spark.streaming.receiverRestartDelay", HR_OPT_INT, restart_delay_ms, "2000"),
    OPT("spark.streaming.kafka.maxRatePerPartition", HR_OPT_INT, max_rate_per_partition, "0"),
    OPT("spark.streaming.kafka.minRatePerPartition", HR_OPT_INT, min_rate_per_partition, "1"),
};

/* Parses one key over what is set already: defaults only for a NULL key. */
static hr_status conf_put(struct hr_ds_conf *conf, const char *key, const char *value,
                          struct hr_err *err)
{
    struct hr_arena arena = {0};
    struct hr_options options;
    struct hr_ds_conf fresh = {0};
    hr_options_init(&options, &arena);
    const struct hr_opt_spec *spec = NULL;
    for (size_t i = 0; key && i < HR_COUNT(conf_specs); i++)
        if (hr_str_eq_nocase(conf_specs[i].name, key)) spec = &conf_specs[i];
    hr_status status = HR_OK;
    if (key && !spec)
        status = HR_FAIL(err, HR_E_INVALID_OPTION, "%s is no setting of a streaming context", key);
    if (key && status == HR_OK) status = hr_options_put(&options, key, value, err);
    if (status == HR_OK)
        status = hr_options_parse(spec ? spec : conf_specs, spec ? 1 : HR_COUNT(conf_specs),
                                  &options, spec ? conf : &fresh, err);
    if (status == HR_OK && !key) *conf = fresh;
    hr_arena_done(&arena);
    return status;
}

hr_status hr_streaming_set(struct hr_streaming *ssc, const char *key, const char *value,
                           struct hr_err *err)
{
    if (!ssc) return hr_missing("no streaming context", err);
    if (ssc->state != HR_DS_NEW)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "settings are fixed at the start");
    return conf_put(&ssc->conf, key, value, err);
}

/* --- Life ------------------------------------------------------------------------------------- */

struct hr_streaming *hr_streaming_new(struct hr_context *ctx, int64_t interval_us,
                                      struct hr_err *err)
{
    if (!ctx) return NULL;
    if (interval_us < 1000) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a batch interval of %lld µs; at least 1 000",
                          (long long)interval_us));
        return NULL;
    }
    struct hr_streaming *ssc = hr_zalloc(sizeof *ssc);
    if (!ssc) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    ssc->ctx = ctx;
    ssc->interval = interval_us;
    ssc->tail = &ssc->first;
    ssc->outputs_tail = &ssc->outputs;
    pthread_mutex_init(&ssc->lock, NULL);
    pthread_cond_init(&ssc->ended, NULL);
    hr_status status = conf_put(&ssc->conf, NULL, NULL, err);
    if (status == HR_OK) status = hr_wakeup_init(&ssc->wakeup, err);
    ssc->has_wakeup = status == HR_OK;
    if (status != HR_OK) {
        hr_streaming_free(ssc);
        return NULL;
    }
    return ssc;
}

void hr_streaming_free(struct hr_streaming *ssc)
{
    if (!ssc) return;
    if (ssc->state == HR_DS_RUNNING) HR_UNUSED(hr_streaming_stop(ssc, false, NULL));
    hr_ds_free_all(ssc);
    hr_ds_checkpoint_close(ssc);
    if (ssc->has_wakeup) hr_wakeup_done(&ssc->wakeup);
    pthread_cond_destroy(&ssc->ended);
    pthread_mutex_destroy(&ssc->lock);
    hr_free(ssc->checkpoint_dir);
    hr_free(ssc->sched_pool);
    hr_budget_unref(ssc->budget);
    hr_free(ssc);
}

struct hr_context *hr_streaming_context(const struct hr_streaming *ssc)
{
    if (!ssc) return NULL;
    return ssc->ctx;
}
int64_t hr_streaming_last_batch_us(const struct hr_streaming *ssc)
{
    if (!ssc) return 0;
    return ssc->last;
}

void hr_streaming_remember(struct hr_streaming *ssc, int64_t duration_us)
{
    if (!ssc) return;
    ssc->remember = duration_us;
}

hr_status hr_streaming_checkpoint(struct hr_streaming *ssc, const char *dir, struct hr_err *err)
{
    if (!ssc) return hr_missing("no streaming context", err);
    if (!dir) return hr_missing("no folder", err);
    if (ssc->state != HR_DS_NEW)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the checkpoint folder is fixed at the start");
    char *copy = hr_strdup(dir);
    if (!copy) return HR_OOM(err);
    hr_free(ssc->checkpoint_dir);
    ssc->checkpoint_dir = copy;
    return ssc->ctx->env->vt->mkdirs(ssc->ctx->env, dir, err);
}

struct hr_streaming *hr_streaming_get_or_create(const char *dir,
                                                struct hr_streaming *(*create)(void *arg,
                                                                               struct hr_err *err),
                                                void *arg, struct hr_err *err)
{
    if (!create) {
        HR_UNUSED(hr_missing("no function that makes the streaming context", err));
        return NULL;
    }
    struct hr_streaming *ssc = create(arg, err);
    if (ssc && hr_streaming_checkpoint(ssc, dir, err) != HR_OK) {
        hr_streaming_free(ssc);
        return NULL;
    }
    return ssc;
}

hr_status hr_streaming_add_listener(struct hr_streaming *ssc,
                                    const struct hr_streaming_listener *listener,
                                    struct hr_err *err)
{
    if (!ssc) return hr_missing("no streaming context", err);
    if (!listener) return hr_missing("no listener", err);
    if (ssc->state != HR_DS_NEW)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "listeners are added before the start");
    struct hr_ds_listener *l = hr_alloc(sizeof *l);
    if (!l) return HR_OOM(err);
    *l = (struct hr_ds_listener){NULL, *listener};
    struct hr_ds_listener **at = &ssc->listeners;
    while (*at) at = &(*at)->next;
    *at = l;
    return HR_OK;
}

hr_status hr_ds_output_add(struct hr_dstream *in, hr_foreach_rdd_fn fn, void *arg,
                           void (*free_arg)(void *), struct hr_err *err)
{
    if (in->ssc->state != HR_DS_NEW)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "outputs cannot be added after the start");
    struct hr_ds_output *o = hr_alloc(sizeof *o);
    if (!o) return HR_OOM(err);
    *o = (struct hr_ds_output){.in = in, .fn = fn, .arg = arg, .free_arg = free_arg};
    *in->ssc->outputs_tail = o;
    in->ssc->outputs_tail = &o->next;
    in->consumers++;
    return HR_OK;
}

/* --- One batch -------------------------------------------------------------------------------- */

static hr_status generate_inputs(struct hr_streaming *ssc, int64_t time, uint64_t *ret_rows,
                                 struct hr_err *err)
{
    *ret_rows = 0;
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next) {
        struct hr_rdd *rdd;
        if (!ds->vt->input) continue;
        HR_TRY(hr_ds_rdd(ds, time, &rdd, err));
        *ret_rows += ds->rows;
    }
    return HR_OK;
}

_Thread_local const struct hr_streaming *hr_ds_batch_of;

static hr_status run_batch_here(struct hr_streaming *ssc, int64_t time, struct hr_err *err)
{
    const struct hr_streaming *outer = hr_ds_batch_of;
    struct hr_env *env = ssc->ctx->env;
    struct hr_pool pool;
    struct hr_arena arena;
    struct hr_batch_info info = {.batch_time_us = time,
                                 .submission_us = hr_now_us(env),
                                 .scheduling_delay_us = -1,
                                 .processing_delay_us = -1,
                                 .total_delay_us = -1};
    hr_arena_init(&arena, NULL);
    hr_pool_init(&pool, ssc->ctx);
    ssc->batch_pool = &pool;
    struct hr_pool *outer_pool = hr_pool_swap(&pool);
    hr_ds_batch_of = ssc;
    hr_status status = generate_inputs(ssc, time, &info.rows, err);
    hr_status told = hr_ds_info_inputs(ssc, &info, &arena, status == HR_OK ? err : NULL);
    if (status == HR_OK) status = told;
    if (status == HR_OK) status = hr_ds_plan_write(ssc, time, err);
    hr_ds_info_outputs(ssc, &info, &arena);
    HR_DS_NOTIFY(ssc, on_batch_submitted, &info);
    info.processing_start_us = hr_now_us(env);
    info.scheduling_delay_us = HR_MAX(INT64_C(0), info.processing_start_us - time);
    HR_DS_NOTIFY(ssc, on_batch_started, &info);
    if (status == HR_OK) status = hr_ds_run_outputs(ssc, time, err);
    if (status == HR_OK) {
        ssc->last = time;
        if (ssc->checkpoint_dir) status = hr_ds_checkpoint_write(ssc, err);
    }
    info.processing_end_us = hr_now_us(env);
    info.processing_delay_us = info.processing_end_us - info.processing_start_us;
    info.total_delay_us = info.scheduling_delay_us + info.processing_delay_us;
    info.error = status == HR_OK ? NULL : err->msg;
    ssc->info = info;
    hr_ds_info_outputs(ssc, &info, &arena);
    for (struct hr_dstream *ds = ssc->first; ds && status == HR_OK; ds = ds->next)
        if (ds->vt->batch_done) ds->vt->batch_done(ds, time);
    HR_DS_NOTIFY(ssc, on_batch_completed, &info);
    hr_ds_batch_of = outer;
    hr_pool_swap(outer_pool);
    ssc->batch_pool = NULL;
    hr_ds_forget(ssc, time);
    hr_pool_done(&pool);
    hr_arena_done(&arena);
    return status;
}

/* The jobs of a batch are in the pool of the thread that started the stream, whoever runs it. */
static hr_status run_batch(struct hr_streaming *ssc, int64_t time, struct hr_err *err)
{
    struct hr_locals locals = {.pool = ssc->sched_pool ? hr_strdup(ssc->sched_pool) : NULL};
    if (ssc->sched_pool && !locals.pool) return HR_OOM(err);
    hr_status status = hr_locals_swap(ssc->ctx->id, &locals, err);
    if (status == HR_OK) {
        status = run_batch_here(ssc, time, err);
        hr_status back = hr_locals_swap(ssc->ctx->id, &locals, status == HR_OK ? err : NULL);
        if (status == HR_OK) status = back;
    }
    hr_locals_done(&locals);
    return status;
}

/* --- The loop --------------------------------------------------------------------------------- */

static void note_failure(struct hr_streaming *ssc, const struct hr_err *err)
{
    pthread_mutex_lock(&ssc->lock);
    if (!ssc->failed) hr_err_copy(&ssc->err, err);
    ssc->failed = true;
    pthread_mutex_unlock(&ssc->lock);
}

static void stop_inputs(struct hr_streaming *ssc)
{
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next)
        if (ds->vt->stop) ds->vt->stop(ds);
}

static void finish(struct hr_streaming *ssc)
{
    pthread_mutex_lock(&ssc->lock);
    ssc->finished = true;
    pthread_cond_broadcast(&ssc->ended);
    pthread_mutex_unlock(&ssc->lock);
}

static void *loop(void *arg)
{
    struct hr_streaming *ssc = arg;
    struct hr_err err = {0};
    hr_status status = HR_OK;
    int64_t next = (ssc->last ? ssc->last : ssc->zero) + ssc->interval;
    while (status == HR_OK && !atomic_load(&ssc->stopping)) {
        int64_t wait = next - hr_now_us(ssc->ctx->env);
        if (wait > 0) {
            HR_UNUSED(hr_wakeup_wait(&ssc->wakeup, wait));
            continue;
        }
        status = run_batch(ssc, next, &err);
        next += ssc->interval;
    }
    stop_inputs(ssc);
    if (status == HR_OK && ssc->graceful) status = run_batch(ssc, next, &err);
    if (status != HR_OK) note_failure(ssc, &err);
    finish(ssc);
    return NULL;
}

static hr_status note_pool(struct hr_streaming *ssc, struct hr_err *err)
{
    const struct hr_locals *locals = hr_locals_find(hr_locals_now(), ssc->ctx->id);
    if (!locals || !locals->pool) return HR_OK;
    char *pool = hr_strdup(locals->pool);
    if (!pool) return HR_OOM(err);
    hr_free(ssc->sched_pool); /* of a start that failed */
    ssc->sched_pool = pool;
    return HR_OK;
}

hr_status hr_streaming_start(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_err own = {0};
    if (!err) err = &own;
    if (!ssc) return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no streaming context");
    if (ssc->state != HR_DS_NEW)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the streaming context was started before");
    if (!ssc->outputs)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "no output operations registered, so nothing to execute");
    int64_t now = hr_now_us(ssc->ctx->env);
    HR_TRY(note_pool(ssc, err));
    if (!ssc->budget) ssc->budget = hr_scheduler_budget(ssc->ctx->scheduler, ssc->sched_pool);
    if (!ssc->budget) return HR_OOM(err);
    hr_ds_plan_remember(ssc);
    ssc->zero = now / ssc->interval * ssc->interval;
    if (ssc->checkpoint_dir) {
        HR_TRY(hr_ds_checkpoint_restore(ssc, err));
        HR_TRY(hr_ds_plan_restore(ssc, err));
    }
    ssc->state = HR_DS_RUNNING;
    HR_DS_NOTIFY(ssc, on_streaming_started, now);
    hr_status status = HR_OK;
    for (struct hr_dstream *ds = ssc->first; ds && status == HR_OK; ds = ds->next)
        if (ds->vt->start) status = ds->vt->start(ds, err);
    /* Where the inputs begin must not be found out anew after a crash in the first batch. */
    if (status == HR_OK && ssc->checkpoint_dir && !ssc->last)
        status = hr_ds_checkpoint_write(ssc, err);
    if (status == HR_OK && !ssc->ctx->own_env) {
        status = hr_thread_start(&ssc->thread, "hr-streaming", loop, ssc, err);
        ssc->has_thread = status == HR_OK;
    }
    if (status != HR_OK) {
        stop_inputs(ssc);
        ssc->state = HR_DS_STOPPED;
    }
    return status;
}

static hr_status step_batch(struct hr_streaming *ssc, struct hr_err *err)
{
    int64_t next = (ssc->last ? ssc->last : ssc->zero) + ssc->interval;
    int64_t now = hr_now_us(ssc->ctx->env);
    if (next > now) hr_context_advance(ssc->ctx, next - now);
    hr_status status = run_batch(ssc, next, err);
    if (status != HR_OK) note_failure(ssc, err);
    return status;
}

hr_status hr_streaming_step(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_err own = {0};
    if (!err) err = &own;
    if (!ssc || ssc->state != HR_DS_RUNNING || ssc->has_thread)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "step needs a started streaming context with a manual clock");
    if (ssc->failed) {
        hr_err_copy(err, &ssc->err);
        return err->code;
    }
    hr_err_init(err); /* an old error must not be taken for this batch's */
    HR_TRY(step_batch(ssc, err));
    return atomic_load(&ssc->stopping) ? hr_streaming_stop(ssc, ssc->graceful, err) : HR_OK;
}

hr_status hr_streaming_stop(struct hr_streaming *ssc, bool graceful, struct hr_err *err)
{
    struct hr_err own = {0};
    hr_status status = HR_OK;
    if (!err) err = &own;
    if (!ssc || ssc->state != HR_DS_RUNNING) return HR_OK;
    ssc->graceful = graceful;
    atomic_store(&ssc->stopping, true);
    if (hr_ds_batch_of == ssc) return HR_OK; /* once this batch has ended */
    if (ssc->has_thread) {
        hr_wakeup_signal(&ssc->wakeup);
        if (!graceful) hr_context_cancel_jobs(ssc->ctx);
        pthread_join(ssc->thread, NULL);
        ssc->has_thread = false;
    } else {
        stop_inputs(ssc);
        if (graceful && !ssc->failed) status = step_batch(ssc, err);
        finish(ssc);
    }
    ssc->state = HR_DS_STOPPED;
    hr_ds_checkpoint_close(ssc);
    return status;
}

hr_status hr_streaming_await(struct hr_streaming *ssc, int64_t timeout_us, bool *ret_ended,
                             struct hr_err *err)
{
    if (!ssc) return hr_missing("no streaming context", err);
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    int64_t ns = until.tv_nsec + timeout_us % 1000000 * 1000;
    until.tv_sec += timeout_us / 1000000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    pthread_mutex_lock(&ssc->lock);
    int why = 0;
    while (!ssc->finished && !ssc->failed && why != ETIMEDOUT)
        why = timeout_us < 0 ? pthread_cond_wait(&ssc->ended, &ssc->lock)
                             : pthread_cond_timedwait(&ssc->ended, &ssc->lock, &until);
    if (ret_ended) *ret_ended = ssc->finished || ssc->failed;
    hr_status status = ssc->failed && !(atomic_load(&ssc->stopping) && !ssc->graceful &&
                                        ssc->err.code == HR_E_CANCELLED)
                           ? ssc->err.code
                           : HR_OK;
    if (status != HR_OK && err) hr_err_copy(err, &ssc->err);
    pthread_mutex_unlock(&ssc->lock);
    return status;
}
