/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Life of a query: start (open everything, then a thread), stop, await, listeners. The loop itself
 * is in epoch.c.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"
#include "stream/query_int.h"

#define RECOVERY_ATTEMPTS 4
#define RECOVERY_PAUSE_US \
    50000 /* before the second attempt; four times as long before each further one */

static hr_status init_shared(struct hr_query *query, struct hr_err *err)
{
    HR_TRY(hr_life_init(&query->life, err));
    HR_TRY(hr_tap_init(&query->tap, err));
    if (pthread_mutex_init(&query->output.lock, NULL)) return HR_OOM(err);
    if (pthread_mutex_init(&query->late.lock, NULL)) return HR_OOM(err);
    if (pthread_mutex_init(&query->dead.lock, NULL)) return HR_OOM(err);
    return hr_wakeup_init(&query->wakeup, err);
}

static char *join2(const char *a, const char *b)
{
    size_t size = strlen(a) + strlen(b) + 2;
    char *path = hr_alloc(size);
    if (path) snprintf(path, size, "%s/%s", a, b);
    return path;
}

static hr_status copy_options(struct hr_query *query, const struct hr_options *from,
                              struct hr_options *to, struct hr_err *err)
{
    hr_options_init(to, &query->plan_arena);
    for (uint32_t i = 0; from && i < from->count; i++)
        HR_TRY(hr_options_put(to, from->items[i].key, from->items[i].value, err));
    return HR_OK;
}

static hr_status fill(struct hr_query *query, struct hr_query_args *args, struct hr_err *err)
{
    assert(args->name && args->checkpoint_dir);
    query->env = args->env;
    query->conf = *args->conf;
    query->scheduler = args->scheduler;
    query->inputs = args->inputs;
    query->plan_arena = args->plan_arena; /* moves */
    memset(&args->plan_arena, 0, sizeof args->plan_arena);
    query->plan = args->plan;
    query->output.vt = args->sink;
    query->output.files = args->sink_files;
    query->mode = args->mode;
    query->trigger = args->trigger;
    query->limit = args->limit;
    query->temporary_checkpoint = args->temporary_checkpoint;
    query->no_data_epochs = args->no_data_epochs;
    query->watermark_options = args->watermark;
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
    hr_history_init(&query->history);
    hr_buf_init(&query->description, 16 << 20);
    query->started_us = hr_now_us(query->env);
    hr_env_uuid(query->env, query->run_id);
    if (!query->name || !query->text || !query->checkpoint_dir || !query->state_dir)
        return HR_OOM(err);
    query->late.vt = args->late_sink;
    HR_TRY(copy_options(query, args->sink_options, &query->output.options, err));
    HR_TRY(copy_options(query, args->dead.options, &query->dead.options, err));
    query->dead_place = args->dead;
    query->dead_place.options = &query->dead.options;
    return copy_options(query, args->late_sink ? args->late_options : NULL, &query->late.options,
                        err);
}

static void note_failure(struct hr_query *query, const struct hr_err *err, bool recovered)
{
    struct hr_query_failure failure = {
        .time_us = hr_now_us(query->env),
        .epoch = query->epoch,
        .recovered = recovered,
        .code = err->code,
    };
    snprintf(failure.message, sizeof failure.message, "%.511s", err->msg);
    pthread_mutex_lock(&query->life.lock);
    query->failures[query->failure_count++ % HR_COUNT(query->failures)] = failure;
    pthread_mutex_unlock(&query->life.lock);
}

/* Runs the loop; after a failure that may pass (a broker away, an injected fault), closes
 * everything and recovers from the log, as a restart of the process would: there is one way to
 * recover. */
static hr_status run_with_recovery(struct hr_query *query, struct hr_err *err)
{
    assert(query->life.phase == HR_QUERY_RUNNING && query->journal);
    int64_t pause_us = RECOVERY_PAUSE_US;
    for (int attempt = 1;; attempt++) {
        int64_t first_epoch = query->epoch;
        hr_status status = hr_query_loop(query, err);
        if (status == HR_OK && !hr_life_is_cancelled(&query->life))
            status = hr_query_finish_snapshots(query, err);
        if (status == HR_OK || status == HR_E_CANCELLED) return status;
        if (query->epoch > first_epoch) attempt = 1; /* it made progress since the last failure */
        if (!(err->flags & HR_ERR_RETRIABLE) || attempt >= RECOVERY_ATTEMPTS ||
            hr_life_is_stopping(&query->life))
            return status;
        HR_LOG(HR_LOG_WARN, "query %s: epoch %" PRId64 " failed (%s); attempt %d of %d follows",
               query->name, query->epoch, err->msg, attempt + 1, RECOVERY_ATTEMPTS);
        note_failure(query, err, true);
        hr_life_enter(&query->life, HR_QUERY_RECOVERING);
        hr_query_close_all(query);
        hr_wakeup_wait(&query->wakeup, pause_us);
        pause_us *= 4;
        if (hr_life_is_stopping(&query->life)) return HR_OK;
        hr_err_init(err);
        hr_life_enter(&query->life, HR_QUERY_OPENING);
        HR_TRY(hr_query_open_all(query, err));
        hr_life_enter(&query->life, HR_QUERY_RUNNING);
    }
}

static void *query_main(void *arg)
{
    struct hr_query *query = arg;
    struct hr_err err;
    hr_err_init(&err);
    while (query->inputs && !hr_life_is_stopping(&query->life) &&
           !hr_inputs_await(query->inputs, 50000))
        continue;
    hr_status status = run_with_recovery(query, &err);
    if (status == HR_E_CANCELLED && hr_life_is_stopping(&query->life)) status = HR_OK;
    if (status != HR_OK) note_failure(query, &err, false);
    hr_life_enter(&query->life, HR_QUERY_CLOSING);
    uint32_t listeners = hr_query_listener_count(query);
    for (uint32_t i = 0; i < listeners; i++) {
        struct hr_query_listener *listener = &query->listeners[i];
        if (listener->on_terminated)
            listener->on_terminated(listener->arg, query, status ? &err : NULL);
    }
    /* The checkpoint's lock is given back before anyone is told that the query has ended. */
    hr_query_close_all(query);
    pthread_mutex_lock(&query->life.lock);
    query->ended_us = hr_now_us(query->env);
    pthread_mutex_unlock(&query->life.lock);
    hr_life_end(&query->life, status, &err);
    return NULL;
}

static void query_free(struct hr_query *query)
{
    assert(atomic_load(&query->refs) == 0 || !query->life.thread_started);
    hr_query_close_all(query);
    if (query->temporary_checkpoint && query->checkpoint_dir) {
        struct hr_err ignored;
        hr_err_init(&ignored);
        if (hr_env_remove_tree(query->env, query->checkpoint_dir, &ignored) != HR_OK)
            HR_LOG(HR_LOG_DEBUG, "%s stays: %s", query->checkpoint_dir, ignored.msg);
    }
    hr_wakeup_done(&query->wakeup);
    hr_buf_done(&query->record);
    hr_history_done(&query->history);
    hr_buf_done(&query->description);
    hr_free(query->node_figures);
    hr_tap_done(&query->tap);
    hr_arena_done(&query->epoch_arena);
    hr_arena_done(&query->plan_arena);
    hr_life_done(&query->life);
    pthread_mutex_destroy(&query->output.lock);
    pthread_mutex_destroy(&query->late.lock);
    pthread_mutex_destroy(&query->dead.lock);
    hr_free(query->name);
    hr_free(query->text);
    hr_free(query->checkpoint_dir);
    hr_free(query->state_dir);
    hr_free(query);
}

static void log_growing(const struct hr_query *query)
{
    struct hr_buf text;
    hr_buf_init(&text, 1 << 16);
    hr_stateful_put_growing(query->root, &text);
    if (text.len)
        HR_LOG(HR_LOG_WARN, "query %s: nothing bounds the state of %s", query->name,
               hr_buf_cstr(&text));
    hr_buf_done(&text);
}

static bool all_bounded(const struct hr_query *query)
{
    for (uint32_t i = 0; i < query->scan_count; i++) {
        const struct hr_query_scan *scan = &query->scans[i];
        if (scan->streaming && !(scan->source->flags & HR_SOURCE_BOUNDED)) return false;
    }
    return query->stream_count > 0;
}

static void log_start(const struct hr_query *query)
{
    struct hr_buf guarantee;
    hr_buf_init(&guarantee, 1 << 16);
    hr_query_guarantee(query, &guarantee);
    HR_LOG(HR_LOG_INFO, "query %s: starts at epoch %" PRId64 ", %s", query->name, query->epoch,
           hr_buf_cstr(&guarantee));
    hr_buf_done(&guarantee);
}

hr_status hr_query_start(struct hr_query_args *args, struct hr_query **ret, struct hr_err *err)
{
    assert(args->env && args->conf && args->plan && args->sink && args->checkpoint_dir);
    struct hr_query *query = hr_zalloc(sizeof *query);
    if (!query) return HR_OOM(err);
    atomic_store(&query->refs, 1);
    query->wakeup.fd = -1;
    hr_status status;
    HR_TRY_OUT(init_shared(query, err));
    HR_TRY_OUT(fill(query, args, err));
    hr_life_enter(&query->life, HR_QUERY_OPENING);
    HR_TRY_OUT(hr_query_open_all(query, err));
    query->bounded = all_bounded(query);
    query->used_models = query->models;
    hr_query_describe(query);
    log_start(query);
    log_growing(query);
    if (args->listener) HR_TRY_OUT(hr_query_add_listener(query, args->listener, err));
    char thread_name[16];
    snprintf(thread_name, sizeof thread_name, "q:%s", query->name);
    hr_life_enter(&query->life, HR_QUERY_RUNNING);
    HR_TRY_OUT(hr_thread_start(&query->life.thread, thread_name, query_main, query, err));
    query->life.thread_started = true;
    *ret = query;
    return HR_OK;
out:
    query_free(query);
    return status;
}

struct hr_query *hr_query_ref(struct hr_query *query)
{
    assert(atomic_load(&query->refs) > 0);
    atomic_fetch_add(&query->refs, 1);
    return query;
}

void hr_query_unref(struct hr_query *query)
{
    if (!query || atomic_fetch_sub(&query->refs, 1) != 1) return;
    if (query->life.thread_started) {
        hr_query_stop(query, true);
        pthread_join(query->life.thread, NULL);
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
    return hr_trigger_has_end(&query->trigger) || query->bounded;
}

bool hr_query_is_active(const struct hr_query *query)
{
    struct hr_query *q =
        (struct hr_query *)(uintptr_t)query; /* the lock is not part of the value */
    return !hr_life_has_ended(&q->life);
}

void hr_query_stop(struct hr_query *query, bool at_once)
{
    hr_life_stop(&query->life, at_once);
    hr_wakeup_signal(&query->wakeup);
}

bool hr_query_await(struct hr_query *query, int64_t timeout_us, hr_status *ret_status,
                    struct hr_err *err)
{
    return hr_life_await(&query->life, timeout_us, ret_status, err);
}

hr_status hr_query_process_all_available(struct hr_query *query, struct hr_err *err)
{
    struct hr_query_life *life = &query->life;
    pthread_mutex_lock(&life->lock);
    /* One pass may have been under way before the data came: two whole passes without data after
     * now. */
    uint64_t target = query->idle_passes + 2;
    while (life->phase != HR_QUERY_ENDED && query->idle_passes < target) {
        hr_wakeup_signal(&query->wakeup);
        hr_life_wait(life, 10000);
    }
    hr_status status = life->phase == HR_QUERY_ENDED ? life->end_status : HR_OK;
    if (status != HR_OK && err) hr_err_copy(err, &life->end_err);
    pthread_mutex_unlock(&life->lock);
    return status;
}

hr_status hr_query_add_listener(struct hr_query *query, const struct hr_query_listener *listener,
                                struct hr_err *err)
{
    hr_status status = HR_OK;
    pthread_mutex_lock(&query->life.lock);
    if (query->listener_count == HR_LISTENERS_MAX) {
        status = HR_FAIL(err, HR_E_LIMIT, "a query has at most %d listeners", HR_LISTENERS_MAX);
    } else {
        query->listeners[query->listener_count++] = *listener;
    }
    pthread_mutex_unlock(&query->life.lock);
    return status;
}
