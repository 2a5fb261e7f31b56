/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: a scheduler, a clock, the pool of RDDs, and the jobs that run. */
#include "rdd/api.h"

static hr_status context_init(struct hr_context *ctx, const struct hr_context_options *o,
                              struct hr_err *err)
{
    uint32_t threads = o->executors ? o->executors
                       : o->threads ? o->threads
                                    : (uint32_t)HR_MAX(1, hr_cpu_count());
    ctx->parallelism = o->default_parallelism ? o->default_parallelism : threads;
    ctx->app_name = hr_strdup(o->app_name ? o->app_name : "headrace");
    if (!ctx->app_name) return HR_OOM(err);
    ctx->own_env = o->manual_clock;
    ctx->env = o->manual_clock ? hr_env_manual_clock_new(o->manual_start_us) : hr_env_default();
    if (!ctx->env) return HR_OOM(err);
    struct hr_scheduler_options options = {
        .threads = threads,
        .max_attempts = o->max_attempts ? o->max_attempts : 4,
        .memory_bytes = o->memory_bytes,
        .spill_dir = o->spill_dir,
        .inline_rows = 1000,
        .executors = o->executors,
        .task_timeout_us = o->task_timeout_ms * 1000,
        .heartbeat_timeout_us = o->heartbeat_timeout_ms * 1000,
    };
    return hr_scheduler_new(ctx->env, &options, &ctx->scheduler, err);
}

struct hr_context *hr_context_new(const struct hr_context_options *options, struct hr_err *err)
{
    static const struct hr_context_options defaults;
    struct hr_context *ctx = hr_zalloc(sizeof *ctx);
    if (!ctx) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    hr_pool_init(&ctx->pool, ctx);
    pthread_mutex_init(&ctx->lock, NULL);
    if (context_init(ctx, options ? options : &defaults, err) != HR_OK) {
        hr_context_free(ctx);
        return NULL;
    }
    return ctx;
}

void hr_context_free(struct hr_context *ctx)
{
    if (!ctx) return;
    hr_pool_done(&ctx->pool);
    if (ctx->sql) ctx->sql_free(ctx->sql);
    hr_scheduler_free(ctx->scheduler);
    hr_context_free_shared(ctx);
    if (ctx->own_env) hr_env_free(ctx->env);
    hr_free(ctx->app_name);
    pthread_mutex_destroy(&ctx->lock);
    hr_free(ctx);
}

void hr_context_cancel_jobs(struct hr_context *ctx)
{
    pthread_mutex_lock(&ctx->lock);
    for (struct hr_running_job *job = ctx->jobs; job; job = job->next)
        /* tasks read it without the lock */
        __atomic_store_n(&job->cancelled, true, __ATOMIC_RELAXED);
    pthread_mutex_unlock(&ctx->lock);
}

uint32_t hr_context_default_parallelism(const struct hr_context *ctx)
{
    return ctx->parallelism;
}

int64_t hr_context_now_us(struct hr_context *ctx)
{
    return hr_now_us(ctx->env);
}

void hr_context_advance(struct hr_context *ctx, int64_t us)
{
    if (ctx->own_env) hr_env_manual_clock_advance(ctx->env, us);
}

void hr_context_get_stats(struct hr_context *ctx, struct hr_context_stats *ret)
{
    pthread_mutex_lock(&ctx->lock);
    *ret = ctx->stats;
    pthread_mutex_unlock(&ctx->lock);
}

hr_status hr_context_run(struct hr_context *ctx, struct hr_rdd *rdd, struct hr_job_options *options,
                         struct hr_err *err)
{
    struct hr_running_job job = {.cancelled = false};
    struct hr_job_stats stats = {0};
    struct hr_err own = {0};
    if (!err) err = &own; /* user functions are owed one */
    pthread_mutex_lock(&ctx->lock);
    job.next = ctx->jobs;
    ctx->jobs = &job;
    pthread_mutex_unlock(&ctx->lock);
    if (!options->cancelled) options->cancelled = &job.cancelled;

    hr_status status = hr_scheduler_run(ctx->scheduler, rdd, options, &stats, err);

    pthread_mutex_lock(&ctx->lock);
    for (struct hr_running_job **at = &ctx->jobs; *at; at = &(*at)->next) {
        if (*at != &job) continue;
        *at = job.next;
        break;
    }
    ctx->stats.jobs++;
    ctx->stats.tasks += stats.tasks;
    ctx->stats.failed_tasks += stats.failed_tasks;
    ctx->stats.recomputed_tasks += stats.recomputed_tasks;
    ctx->stats.lost_workers += stats.lost_workers;
    ctx->stats.shuffle_bytes += stats.shuffle_bytes;
    pthread_mutex_unlock(&ctx->lock);
    if (options->cancelled == &job.cancelled) options->cancelled = NULL;
    return status;
}
