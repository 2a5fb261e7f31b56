/* SPDX-License-Identifier: Apache-2.0 */
/* Contexts: a scheduler, a clock, the pool of RDDs; running jobs. */
#include "api/api.h"
#include <stdio.h>

#include "rdd/executor.h"
#include "rdd/locals.h"
#include "rdd/scheduler.h"
#include "rdd/shared_batch.h"

static _Atomic uint64_t next_context = 1;

hr_status hr_set_memory_limit(int64_t bytes, struct hr_err *err)
{
    return hr_mem_process_set(bytes, err);
}

void hr_get_memory(struct hr_memory *ret)
{
    struct hr_mem *mem = hr_mem_process();
    if (!ret) return;
    *ret = (struct hr_memory){.limit_bytes = __atomic_load_n(&mem->limit_bytes, __ATOMIC_RELAXED),
                              .used_bytes = atomic_load(&mem->used_bytes),
                              .peak_bytes = atomic_load(&mem->peak_bytes)};
}

static hr_status context_init(struct hr_context *ctx, const struct hr_context_options *o,
                              struct hr_err *err)
{
    uint32_t threads = o->executors ? o->executors
                       : o->threads ? o->threads
                                    : (uint32_t)HR_MAX(1, hr_cpu_count());
    if (o->memory_bytes < 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a context's memory_bytes: %lld",
                       (long long)o->memory_bytes);
    ctx->parallelism = o->default_parallelism ? o->default_parallelism : threads;
    ctx->executors = o->executors;
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
        .fair = o->scheduling == HR_FAIR,
        .speculation = {.enabled = o->speculation,
                        .interval_us = o->speculation_interval_ms * 1000,
                        .multiplier = o->speculation_multiplier,
                        .quantile = o->speculation_quantile,
                        .min_runtime_us = o->speculation_min_runtime_ms * 1000},
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
    hr_effects_set(&hr_acc_effects);
    ctx->id = atomic_fetch_add(&next_context, 1);
    hr_pool_init(&ctx->pool, ctx);
    pthread_mutex_init(&ctx->lock, NULL);
    if (context_init(ctx, options ? options : &defaults, err) != HR_OK) {
        hr_context_free(ctx);
        return NULL;
    }
    return ctx;
}

void hr_context_share(struct hr_context *ctx, struct hr_batch **batches, uint32_t count)
{
    if (!ctx->executors || hr_in_worker()) return;
    hr_status status = hr_shared_move(batches, count, NULL);
    HR_UNUSED(status); /* then they stay where they are */
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

uint32_t hr_context_default_parallelism(const struct hr_context *ctx)
{
    if (!ctx) return 0;
    return ctx->parallelism;
}

int64_t hr_context_now_us(struct hr_context *ctx)
{
    if (!ctx) return 0;
    return hr_now_us(ctx->env);
}

void hr_context_advance(struct hr_context *ctx, int64_t us)
{
    if (!ctx) return;
    if (ctx->own_env) hr_env_manual_clock_advance(ctx->env, us);
}

void hr_context_get_stats(struct hr_context *ctx, struct hr_context_stats *ret)
{
    if (ret && !ctx) *ret = (struct hr_context_stats){0};
    if (!ctx || !ret) return;
    pthread_mutex_lock(&ctx->lock);
    *ret = ctx->stats;
    pthread_mutex_unlock(&ctx->lock);
}

hr_status hr_context_run(struct hr_context *ctx, struct hr_rdd *rdd,
                         const struct hr_job_options *options, struct hr_err *err)
{
    struct hr_job_options job = *options;
    struct hr_job_stats stats = {0};
    struct hr_err own = {0};
    if (!err) err = &own; /* user functions are owed one */
    const struct hr_locals *locals = hr_locals_find(hr_locals_now(), ctx->id);
    if (locals) {
        job.pool = locals->pool;
        job.group = locals->group;
        if (locals->description) job.description = locals->description;
    }
    hr_status status = hr_scheduler_run(ctx->scheduler, rdd, &job, &stats, err);

    pthread_mutex_lock(&ctx->lock);
    ctx->stats.jobs++;
    ctx->stats.tasks += stats.tasks;
    ctx->stats.failed_tasks += stats.failed_tasks;
    ctx->stats.recomputed_tasks += stats.recomputed_tasks;
    ctx->stats.lost_workers += stats.lost_workers;
    ctx->stats.speculative_tasks += stats.speculative_tasks;
    ctx->stats.shuffle_bytes += stats.shuffle_bytes;
    pthread_mutex_unlock(&ctx->lock);
    return status;
}

/* --- Pools, groups, facts --------------------------------------------------------------------- */

hr_status hr_context_add_pool(struct hr_context *ctx, const struct hr_pool_options *options,
                              struct hr_err *err)
{
    const struct hr_pool_options *o = options;
    if (!ctx || !o || !o->name || !*o->name)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a pool without a name");
    if ((o->scheduling != HR_FIFO && o->scheduling != HR_FAIR) || o->memory_bytes < 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "pool %s: scheduling %d, memory_bytes %lld",
                       o->name, (int)o->scheduling, (long long)o->memory_bytes);
    const struct hr_sched_pool_options pool = {.name = o->name,
                                               .weight = o->weight,
                                               .min_share = o->min_share,
                                               .memory_bytes = o->memory_bytes,
                                               .fair = o->scheduling == HR_FAIR};
    return hr_scheduler_add_pool(ctx->scheduler, &pool, err);
}

int64_t hr_context_pool_memory_bytes(struct hr_context *ctx, const char *pool)
{
    if (!ctx) return 0;
    return hr_scheduler_pool_bytes(ctx->scheduler, pool);
}

hr_status hr_context_set_pool(struct hr_context *ctx, const char *pool, struct hr_err *err)
{
    if (!ctx) return hr_missing("no context", err);
    const struct hr_locals *locals = hr_locals_find(hr_locals_now(), ctx->id);
    return hr_locals_set(ctx->id, pool, locals ? locals->group : NULL,
                         locals ? locals->description : NULL, err);
}

hr_status hr_context_set_job_group(struct hr_context *ctx, const char *group,
                                   const char *description, struct hr_err *err)
{
    if (!ctx) return hr_missing("no context", err);
    const struct hr_locals *locals = hr_locals_find(hr_locals_now(), ctx->id);
    return hr_locals_set(ctx->id, locals ? locals->pool : NULL, group, description, err);
}

void hr_context_clear_job_group(struct hr_context *ctx)
{
    if (!ctx) return;
    hr_locals_clear_group(ctx->id);
}

void hr_context_cancel_jobs(struct hr_context *ctx)
{
    if (!ctx) return;
    hr_scheduler_cancel(ctx->scheduler, NULL, 0);
}

void hr_context_cancel_job_group(struct hr_context *ctx, const char *group)
{
    if (!ctx) return;
    hr_scheduler_cancel(ctx->scheduler, group ? group : "", 0);
}

void hr_context_cancel_job(struct hr_context *ctx, uint64_t id)
{
    if (!ctx) return;
    if (id) hr_scheduler_cancel(ctx->scheduler, NULL, id);
}

struct job_list {
    struct hr_job_status *items;
    uint32_t max;
};

static void put_job(void *arg, uint32_t n, const struct hr_job_facts *f)
{
    const struct job_list *list = arg;
    if (n >= list->max) return;
    struct hr_job_status *ret = &list->items[n];
    *ret = (struct hr_job_status){.id = f->id,
                                  .running = f->running,
                                  .tasks_done = f->tasks_done,
                                  .tasks_failed = f->tasks_failed,
                                  .tasks_left = f->tasks_left,
                                  .stages_left = f->stages_left,
                                  .stages_done = f->stages_done};
    snprintf(ret->pool, sizeof ret->pool, "%s", f->pool);
    snprintf(ret->group, sizeof ret->group, "%s", f->group);
    snprintf(ret->description, sizeof ret->description, "%s", f->description);
}

uint32_t hr_context_jobs(struct hr_context *ctx, struct hr_job_status *ret, uint32_t max)
{
    if (!ctx) return 0;
    struct job_list list = {ret, ret ? max : 0};
    return hr_scheduler_jobs(ctx->scheduler, put_job, &list);
}
