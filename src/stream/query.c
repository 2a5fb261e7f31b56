/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a query: start (open everything, then a thread), stop, await, listeners. The loop itself
 * is in epoch.c.
 */
#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/log.h"
#include "stream/query_int.h"

#define RECOVERY_ATTEMPTS 4
#define RECOVERY_PAUSE_US \
    50000 /* before the second attempt; four times as long before each further one */

static hr_status init_shared(struct hr_query *query, struct hr_err *err)
{
    pthread_condattr_t attr;
    if (pthread_mutex_init(&query->lock, NULL) || pthread_mutex_init(&query->output.lock, NULL) ||
        pthread_condattr_init(&attr))
        return HR_OOM(err);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    int failed = pthread_cond_init(&query->changed, &attr);
    pthread_condattr_destroy(&attr);
    if (failed) return HR_OOM(err);
    return hr_wakeup_init(&query->wakeup, err);
}

static char *join2(const char *a, const char *b)
{
    size_t size = strlen(a) + strlen(b) + 2;
    char *path = hr_alloc(size);
    if (path) snprintf(path, size, "%s/%s", a, b);
    return path;
}

static hr_status fill(struct hr_query *query, struct hr_query_args *args, struct hr_err *err)
{
    query->env = args->env;
    query->conf = *args->conf;
    query->scheduler = args->scheduler;
    query->plan_arena = args->plan_arena; /* moves */
    memset(&args->plan_arena, 0, sizeof args->plan_arena);
    query->plan = args->plan;
    query->output.vt = args->sink;
    query->mode = args->mode;
    query->trigger = args->trigger;
    query->limit = args->limit;
    query->temporary_checkpoint = args->temporary_checkpoint;
    query->no_data_epochs = args->no_data_epochs;
    query->snapshot_every = args->state_snapshot_every > 0 ? args->state_snapshot_every : 10;
    query->watermark_us = query->previous_watermark_us = HR_WATERMARK_NONE;
    query->name = hr_strdup(args->name);
    query->text = hr_strdup(args->text ? args->text : "");
    query->checkpoint_dir = hr_strdup(args->checkpoint_dir);
    query->state_dir = join2(args->checkpoint_dir, "state");
    snprintf(query->mem_name, sizeof query->mem_name, "query %.100s", args->name);
    hr_mem_init(&query->mem, args->mem, query->mem_name, NULL, 0);
    hr_arena_init(&query->epoch_arena, &query->mem);
    hr_buf_init(&query->record, 0);
    hr_buf_init(&query->progress_json, 16 << 20);
    hr_env_uuid(query->env, query->run_id);
    if (!query->name || !query->text || !query->checkpoint_dir || !query->state_dir)
        return HR_OOM(err);
    hr_options_init(&query->output.options, &query->plan_arena);
    for (uint32_t i = 0; args->sink_options && i < args->sink_options->count; i++)
        HR_TRY(hr_options_put(&query->output.options, args->sink_options->items[i].key,
                              args->sink_options->items[i].value, err));
    return HR_OK;
}

/* Runs the loop; after a failure that may pass (a broker away, an injected fault), closes
 * everything and recovers from the log, as a restart of the process would: there is one way to
 * recover. */
static hr_status run_with_recovery(struct hr_query *query, struct hr_err *err)
{
    int64_t pause_us = RECOVERY_PAUSE_US;
    for (int attempt = 1;; attempt++) {
        int64_t first_epoch = query->epoch;
        hr_status status = hr_query_loop(query, err);
        if (status == HR_OK && !__atomic_load_n(&query->cancelled, __ATOMIC_RELAXED))
            status = hr_query_finish_snapshots(query, err);
        if (status == HR_OK || status == HR_E_CANCELLED) return status;
        if (query->epoch > first_epoch) attempt = 1; /* it made progress since the last failure */
        if (!(err->flags & HR_ERR_RETRIABLE) || attempt >= RECOVERY_ATTEMPTS || query->stop)
            return status;
        HR_LOG(HR_LOG_WARN, "query %s: epoch %" PRId64 " failed (%s); attempt %d of %d follows",
               query->name, query->epoch, err->msg, attempt + 1, RECOVERY_ATTEMPTS);
        hr_query_close_all(query);
        hr_wakeup_wait(&query->wakeup, pause_us);
        pause_us *= 4;
        if (query->stop) return HR_OK;
        hr_err_init(err);
        HR_TRY(hr_query_open_all(query, err));
    }
}

static void *query_main(void *arg)
{
    struct hr_query *query = arg;
    struct hr_err err;
    hr_err_init(&err);
    hr_status status = run_with_recovery(query, &err);
    if (status == HR_E_CANCELLED && query->stop) status = HR_OK;
    uint32_t listeners = hr_query_listener_count(query);
    for (uint32_t i = 0; i < listeners; i++) {
        struct hr_query_listener *listener = &query->listeners[i];
        if (listener->on_terminated)
            listener->on_terminated(listener->arg, query, status ? &err : NULL);
    }
    /* The checkpoint's lock is given back before anyone is told that the query has ended. */
    hr_query_close_all(query);
    pthread_mutex_lock(&query->lock);
    query->end_status = status;
    if (status != HR_OK) hr_err_copy(&query->end_err, &err);
    query->ended = true;
    pthread_cond_broadcast(&query->changed);
    pthread_mutex_unlock(&query->lock);
    return NULL;
}

static void query_free(struct hr_query *query)
{
    hr_query_close_all(query);
    if (query->temporary_checkpoint && query->checkpoint_dir) {
        struct hr_err ignored;
        hr_err_init(&ignored);
        if (hr_env_remove_tree(query->env, query->checkpoint_dir, &ignored) != HR_OK)
            HR_LOG(HR_LOG_DEBUG, "%s stays: %s", query->checkpoint_dir, ignored.msg);
    }
    hr_wakeup_done(&query->wakeup);
    hr_buf_done(&query->record);
    hr_buf_done(&query->progress_json);
    hr_arena_done(&query->epoch_arena);
    hr_arena_done(&query->plan_arena);
    pthread_cond_destroy(&query->changed);
    pthread_mutex_destroy(&query->lock);
    pthread_mutex_destroy(&query->output.lock);
    hr_free(query->name);
    hr_free(query->text);
    hr_free(query->checkpoint_dir);
    hr_free(query->state_dir);
    hr_free(query);
}

hr_status hr_query_start(struct hr_query_args *args, struct hr_query **ret, struct hr_err *err)
{
    struct hr_query *query = hr_zalloc(sizeof *query);
    if (!query) return HR_OOM(err);
    atomic_store(&query->refs, 1);
    query->wakeup.fd = -1;
    hr_err_init(&query->end_err);
    hr_status status;
    HR_TRY_OUT(init_shared(query, err));
    HR_TRY_OUT(fill(query, args, err));
    HR_TRY_OUT(hr_query_open_all(query, err));
    char thread_name[16];
    snprintf(thread_name, sizeof thread_name, "q:%s", query->name);
    HR_TRY_OUT(hr_thread_start(&query->thread, thread_name, query_main, query, err));
    query->thread_started = true;
    *ret = query;
    return HR_OK;
out:
    query_free(query);
    return status;
}

struct hr_query *hr_query_ref(struct hr_query *query)
{
    atomic_fetch_add(&query->refs, 1);
    return query;
}

void hr_query_unref(struct hr_query *query)
{
    if (!query || atomic_fetch_sub(&query->refs, 1) != 1) return;
    if (query->thread_started) {
        hr_query_stop(query, true);
        pthread_join(query->thread, NULL);
    }
    query_free(query);
}

const char *hr_query_name(const struct hr_query *query)
{
    return query->name;
}

const char *hr_query_id(const struct hr_query *query)
{
    return query->id;
}

const char *hr_query_run_id(const struct hr_query *query)
{
    return query->run_id;
}

bool hr_query_has_end(const struct hr_query *query)
{
    return query->trigger.kind == HR_TRIGGER_AVAILABLE_NOW ||
           query->trigger.kind == HR_TRIGGER_ONCE;
}

bool hr_query_is_active(const struct hr_query *query)
{
    struct hr_query *q =
        (struct hr_query *)(uintptr_t)query; /* the lock is not part of the value */
    pthread_mutex_lock(&q->lock);
    bool active = !q->ended;
    pthread_mutex_unlock(&q->lock);
    return active;
}

void hr_query_stop(struct hr_query *query, bool at_once)
{
    query->stop = true;
    if (at_once) __atomic_store_n(&query->cancelled, true, __ATOMIC_RELAXED);
    hr_wakeup_signal(&query->wakeup);
}

/* Waits on `changed` until the deadline (-1: none); false when it has passed. lock is held. */
static bool wait_changed(struct hr_query *query, int64_t deadline_ns)
{
    if (deadline_ns < 0) {
        pthread_cond_wait(&query->changed, &query->lock);
        return true;
    }
    struct timespec ts = {deadline_ns / 1000000000, deadline_ns % 1000000000};
    return pthread_cond_timedwait(&query->changed, &query->lock, &ts) == 0;
}

static int64_t deadline_after(int64_t timeout_us)
{
    if (timeout_us < 0) return -1;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec + timeout_us * 1000;
}

bool hr_query_await(struct hr_query *query, int64_t timeout_us, hr_status *ret_status,
                    struct hr_err *err)
{
    int64_t deadline_ns = deadline_after(timeout_us);
    pthread_mutex_lock(&query->lock);
    while (!query->ended) {
        if (!wait_changed(query, deadline_ns)) break;
    }
    bool ended = query->ended;
    if (ended) {
        *ret_status = query->end_status;
        if (query->end_status != HR_OK && err) hr_err_copy(err, &query->end_err);
    }
    pthread_mutex_unlock(&query->lock);
    return ended;
}

hr_status hr_query_process_all_available(struct hr_query *query, struct hr_err *err)
{
    pthread_mutex_lock(&query->lock);
    /* One pass may have been under way before the data came: two whole passes without data after
     * now. */
    uint64_t target = query->idle_passes + 2;
    while (!query->ended && query->idle_passes < target) {
        hr_wakeup_signal(&query->wakeup);
        wait_changed(query, deadline_after(10000));
    }
    hr_status status = query->ended ? query->end_status : HR_OK;
    if (status != HR_OK && err) hr_err_copy(err, &query->end_err);
    pthread_mutex_unlock(&query->lock);
    return status;
}

hr_status hr_query_add_listener(struct hr_query *query, const struct hr_query_listener *listener,
                                struct hr_err *err)
{
    hr_status status = HR_OK;
    pthread_mutex_lock(&query->lock);
    if (query->listener_count == HR_LISTENERS_MAX) {
        status = HR_FAIL(err, HR_E_LIMIT, "a query has at most %d listeners", HR_LISTENERS_MAX);
    } else {
        query->listeners[query->listener_count++] = *listener;
    }
    pthread_mutex_unlock(&query->lock);
    return status;
}
