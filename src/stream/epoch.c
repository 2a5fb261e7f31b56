/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The epoch loop. hr_query_loop is the table of contents:
 *
 *   wait_for_trigger → choose_ranges → write_plan → run → commit_sink → commit → publish
 *
 * An epoch is a pure function of (plan, state version, offset ranges, timestamp): run again after a
 * crash it gives the same rows, and the sink's label (query id, epoch) makes that exactly-once.
 *
 * Durable writes: one, the COMMIT record, where the sink is at-least-once anyway; with an
 * exactly-once sink the PLAN is made durable before the sink commits, for a range chosen anew after
 * a crash could differ from what the sink has under this epoch's label.
 */
#include <inttypes.h>

#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"
#include "stream/query_int.h"

#define IDLE_EVENT_US INT64_C(10000000) /* Spark: noDataProgressEventInterval */

/* Times of one epoch's phases. */
struct epoch_times {
    int64_t start_ns, latest_ns, planned_ns, splits_ns, ran_ns, wal_ns, commit_ns, end_ns;
};

/* ---- wait
 * -------------------------------------------------------------------------------------------- */

/* Until the trigger is due. An overrun interval starts at once; the next due time stays on the
 * grid. */
static void wait_for_interval(struct hr_query *query)
{
    if (query->trigger.kind != HR_TRIGGER_PROCESSING_TIME || query->last_start_us == 0) return;
    int64_t interval_us = query->trigger.interval_us;
    int64_t due_us = (query->last_start_us / interval_us + 1) * interval_us;
    while (!hr_life_is_stopping(&query->life)) {
        int64_t left_us = due_us - hr_now_us(query->env);
        if (left_us <= 0) return;
        hr_wakeup_wait(&query->wakeup, left_us);
    }
}

static void note_idle(struct hr_query *query)
{
    pthread_mutex_lock(&query->life.lock);
    query->idle_passes++;
    pthread_cond_broadcast(&query->life.changed);
    pthread_mutex_unlock(&query->life.lock);
    int64_t now_us = hr_now_us(query->env);
    if (query->last_idle_us == 0) query->last_idle_us = now_us;
    if (now_us - query->last_idle_us < IDLE_EVENT_US) return;
    query->last_idle_us = now_us;
    uint32_t listeners = hr_query_listener_count(query);
    for (uint32_t i = 0; i < listeners; i++) {
        if (query->listeners[i].on_idle)
            query->listeners[i].on_idle(query->listeners[i].arg, query);
    }
}

/* No data: until a source signals, the next poll, or a stop. */
static void wait_for_data(struct hr_query *query)
{
    assert(!query->replan); /* which has its ranges, and is due */
    note_idle(query);
    if (query->trigger.kind == HR_TRIGGER_PROCESSING_TIME) {
        query->last_start_us = hr_now_us(query->env);
        return;
    }
    int64_t wait_us = query->poll_interval_us ? query->poll_interval_us : IDLE_EVENT_US;
    int64_t idle_us = hr_watermarks_wait(&query->watermarks, hr_now_us(query->env));
    hr_wakeup_wait(&query->wakeup, HR_MIN(wait_us, idle_us));
}

/* ---- plan
 * -------------------------------------------------------------------------------------------- */

/* Available now and once: each source fixes how far this run goes. */
static hr_status fix_final_offsets(struct hr_query *query, struct hr_err *err)
{
    assert(hr_trigger_has_end(&query->trigger));
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming || !scan->source->vt->final_offset) continue;
        struct hr_buf end;
        hr_buf_init(&end, 64 << 20);
        hr_status status =
            scan->source->vt->final_offset(scan->source, hr_buf_cstr(&scan->start), &end, err);
        hr_buf_done(&end);
        HR_TRY(status);
    }
    return HR_OK;
}

static hr_status choose_range(struct hr_query *query, struct hr_query_scan *scan, bool *ret_data,
                              struct hr_err *err)
{
    assert(scan->streaming && scan->source);
    static const struct hr_read_limit no_limit = {0};
    const struct hr_source_vt *vt = scan->source->vt;
    if (scan->has_end) { /* a source that cannot fix its end is read once */
        hr_buf_clear(&scan->end);
        hr_buf_put_sv(&scan->end, hr_svn(scan->start.ptr, scan->start.len));
        return hr_buf_status(&scan->end, err);
    }
    bool once = query->trigger.kind == HR_TRIGGER_ONCE ||
                (hr_trigger_has_end(&query->trigger) && !vt->final_offset);
    hr_buf_clear(&scan->end);
    HR_TRY(vt->latest_offset(scan->source, hr_buf_cstr(&scan->start),
                             once ? &no_limit : &query->limit, &scan->end, err));
    if (once) scan->has_end = true;
    HR_TRY(hr_buf_status(&scan->end, err));
    if (!hr_sv_eq(hr_svn(scan->end.ptr, scan->end.len), hr_svn(scan->start.ptr, scan->start.len)))
        *ret_data = true;
    return HR_OK;
}

/* Would an epoch without data have work: state that the watermark has made final? In complete mode
 * nothing ever is: the table would be written again for nothing. */
static bool watermark_has_work(const struct hr_query *query)
{
    return query->no_data_epochs && query->mode != HR_MODE_COMPLETE && query->state_count > 0 &&
           query->watermark_us > query->previous_watermark_us;
}

static hr_status choose_ranges(struct hr_query *query, bool *ret_run, struct hr_err *err)
{
    if (query->replan) { /* planned before the restart: the same ranges again */
        *ret_run = true;
        return HR_OK;
    }
    bool data = false;
    query->watermark_us =
        hr_watermarks_idle(&query->watermarks, query->watermark_us, hr_now_us(query->env));
    for (uint32_t i = 0; i < query->scan_count; i++) {
        if (query->scans[i].streaming) HR_TRY(choose_range(query, &query->scans[i], &data, err));
    }
    *ret_run = data || watermark_has_work(query);
    return HR_OK;
}

/* The PLAN record of the epoch into query->record, and what it says to the sink as a label. */
static hr_status fill_plan(struct hr_query *query, int64_t now_us, struct hr_err *err)
{
    const char **starts = HR_NEW_ARRAY(&query->epoch_arena, const char *, query->stream_count + 1);
    const char **ends = HR_NEW_ARRAY(&query->epoch_arena, const char *, query->stream_count + 1);
    if (!starts || !ends) return HR_OOM(err);
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming) continue;
        assert(scan->stream_index < query->stream_count);
        starts[scan->stream_index] = hr_buf_cstr(&scan->start);
        ends[scan->stream_index] = hr_buf_cstr(&scan->end);
    }
    struct hr_plan_record plan = {
        .timestamp_us = now_us,
        .late_watermark_us = query->previous_watermark_us,
        .evict_watermark_us = query->watermark_us,
        .source_count = query->stream_count,
        .starts = starts,
        .ends = ends,
    };
    HR_TRY(hr_query_pin_models(query, &plan, err));
    hr_buf_clear(&query->record);
    hr_plan_record_put(&plan, &query->record);
    struct hr_buf offsets = {0};
    for (uint32_t i = 0; i < query->stream_count; i++)
        hr_buf_printf(&offsets, "%s%s", i ? "," : "", ends[i]);
    query->output.sink->label = (struct hr_epoch_label){
        .digest = hr_hash_bytes(query->record.ptr, query->record.len),
        .replanned = query->replan,
        .offsets = hr_arena_strdup(&query->epoch_arena, hr_buf_cstr(&offsets)),
    };
    if (query->late.sink) query->late.sink->label = query->output.sink->label;
    if (query->dead.sink) query->dead.sink->label = query->output.sink->label;
    hr_buf_done(&offsets);
    return hr_buf_status(&query->record, err);
}

static hr_status write_plan(struct hr_query *query, struct hr_err *err)
{
    assert(query->record.len > 0 && !query->replan);
    HR_TRY(hr_journal_append(query->journal, HR_REC_PLAN, query->epoch,
                             hr_svn(query->record.ptr, query->record.len), query->sync_plan, err));
    HR_FAULT_POINT(HR_FAULT_JOURNAL_PLAN, err);
    return HR_OK;
}

/* ---- run
 * --------------------------------------------------------------------------------------------- */

/* @thread task */
static hr_status emit(struct hr_exec *exec, uint32_t partition, uint32_t attempt,
                      struct hr_batch *batch, struct hr_err *err)
{
    struct hr_query *query = exec->emit_arg;
    return hr_output_emit(&query->output, partition, attempt, batch, err);
}

/* @thread task */
static hr_status emit_late(struct hr_exec *exec, uint32_t partition, uint32_t attempt,
                           struct hr_batch *batch, struct hr_err *err)
{
    struct hr_query *query = exec->emit_arg;
    return hr_output_emit(&query->late, partition, attempt, batch, err);
}

/* @thread task */
static hr_status emit_dead(struct hr_exec *exec, uint32_t split, uint32_t attempt,
                           struct hr_batch *batch, struct hr_err *err)
{
    struct hr_query *query = exec->dead_letters_arg;
    return hr_dead_output_emit(&query->dead, split, attempt, batch, err);
}

static hr_status begin_output(struct hr_query *query, struct hr_query_output *output,
                              struct hr_err *err)
{
    HR_TRY(hr_output_begin(output, query->epoch, err));
    /* Only an epoch that was planned before a restart may be in the output already. */
    if (output->discard && !query->replan)
        return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", query->checkpoint_dir, "why",
                        "its output has this epoch already, which it plans only now");
    return HR_OK;
}

/* All outputs, and who tells of dead letters. */
static hr_status begin_outputs(struct hr_query *query, struct hr_exec *exec, struct hr_err *err)
{
    uint32_t splits = 0;
    for (uint32_t i = 0; i < query->scan_count; i++) {
        const struct hr_scan_node *node = query->scans[i].node;
        struct hr_exec_scan *scan = &exec->scans[i];
        if (!node) continue;
        bool asks = hr_dead_letters_option(node->options ? node->options : &node->table->options);
        scan->letters_of = query->dead.sink && asks ? node->table->name : NULL;
        scan->first_split = splits;
        splits += scan->split_count;
    }
    if (query->dead.sink) {
        exec->dead_letters = emit_dead;
        exec->dead_letters_arg = query;
        exec->query_name = query->name;
        hr_dead_letters_init(&query->refused, exec, query->output.vt->name, splits, 0);
        if (query->output.vt->refuses_rows) query->output.sink->dead = &query->refused;
        HR_TRY(begin_output(query, &query->dead, err));
    }
    HR_TRY(begin_output(query, &query->output, err));
    return query->late.sink ? begin_output(query, &query->late, err) : HR_OK;
}

static hr_status plan_splits(struct hr_query *query, struct hr_exec *exec, struct hr_err *err)
{
    exec->scans = HR_NEW_ARRAY(&query->epoch_arena, struct hr_exec_scan, query->scan_count + 1);
    if (!exec->scans) return HR_OOM(err);
    exec->scan_count = query->scan_count;
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        struct hr_exec_scan *to = &exec->scans[i];
        if (!scan->node) continue;
        assert(scan->source);
        to->source = scan->source;
        to->input = scan->input;
        const char *start = scan->streaming ? hr_buf_cstr(&scan->start) : NULL;
        const char *end = scan->streaming ? hr_buf_cstr(&scan->end) : NULL;
        if (scan->streaming && strcmp(start, end) == 0) continue;
        HR_TRY(scan->source->vt->plan_splits(scan->source, start, end, &query->epoch_arena,
                                             &to->splits, &to->split_count, err));
    }
    return HR_OK;
}

static hr_status run(struct hr_query *query, struct hr_exec *exec, struct epoch_times *times,
                     int64_t now_us, struct hr_err *err)
{
    *exec = (struct hr_exec){
        .env = query->env,
        .conf = &query->conf,
        .mem = &query->mem,
        .cancelled = &query->life.cancelled,
        .epoch = query->epoch,
        .now_us = now_us,
        /* Before there is one it is 1970, as in Spark: rows of then and earlier are late. */
        .late_watermark_us = HR_MAX(query->previous_watermark_us, INT64_C(0)),
        .evict_watermark_us = HR_MAX(query->watermark_us, INT64_C(0)),
        .states = query->state_ptrs,
        .state_count = query->state_count,
        .node_figures = query->node_figures,
        .tap = &query->tap,
        .node_times =
            HR_NEW_ARRAY(&query->epoch_arena, struct hr_node_time, query->state_count + 1),
        .emit = emit,
        .emit_late = query->late.sink ? emit_late : NULL,
        .emit_arg = query,
        .scheduler = query->scheduler,
    };
    if (!exec->node_times) return HR_OOM(err);
    HR_TRY(hr_watermarks_run_init(exec, query->watermark_count, &query->epoch_arena, err));
    hr_stateful_propagate(query->root, exec);
    HR_TRY(plan_splits(query, exec, err));
    times->splits_ns = hr_mono_ns(query->env);
    HR_TRY(begin_outputs(query, exec, err));
    return hr_exec_run(query->root, exec, err);
}

/* ---- commit
 * ------------------------------------------------------------------------------------------ */

static hr_status commit(struct hr_query *query, const struct hr_exec *exec,
                        int64_t *ret_watermark_us, const struct hr_progress *progress,
                        struct epoch_times *times, struct hr_err *err)
{
    struct hr_commit_record record = {
        .input_rows = progress->input_rows,
        .output_rows = query->output.rows,
        .late_rows = progress->late_rows,
    };
    int64_t now_us = hr_now_us(query->env);
    HR_TRY(hr_watermarks_take(&query->watermarks, exec, now_us, err));
    record.next_watermark_us = hr_watermarks_now(&query->watermarks, query->watermark_us, now_us);
    HR_TRY(hr_watermarks_put(&query->watermarks, &query->epoch_arena, &record, err));
    HR_TRY(hr_query_stage_states(query, &record, err));
    hr_buf_clear(&query->record);
    hr_commit_record_put(&record, &query->record);
    HR_TRY(hr_buf_status(&query->record, err));
    HR_FAULT_POINT(HR_FAULT_JOURNAL_COMMIT, err);
    times->wal_ns = hr_mono_ns(query->env);
    HR_TRY(hr_journal_append(query->journal, HR_REC_COMMIT, query->epoch,
                             hr_svn(query->record.ptr, query->record.len), true, err));
    HR_TRY(hr_query_states_committed(query, &record, err));
    HR_TRY(hr_query_publish_models(query, false, err));
    if (query->stale_models) hr_query_remove_old_models(query);
    *ret_watermark_us = record.next_watermark_us;
    if (hr_query_may_rotate(query)) HR_TRY(hr_query_rotate(query, &record, err));
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (scan->streaming && scan->source->vt->commit)
            HR_TRY(scan->source->vt->commit(scan->source, hr_buf_cstr(&scan->end), err));
    }
    return HR_OK;
}

/* The ranges are done: the next epoch starts where this one ended. */
static hr_status advance(struct hr_query *query, int64_t watermark_us, struct hr_err *err)
{
    assert(watermark_us >= query->watermark_us); /* it never goes back */
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming) continue;
        struct hr_buf old = scan->start;
        scan->start = scan->end;
        scan->end = old;
        hr_buf_clear(&scan->end);
        hr_buf_put_sv(&scan->end, hr_svn(scan->start.ptr, scan->start.len));
        HR_TRY(hr_buf_status(&scan->end, err));
    }
    query->previous_watermark_us = query->watermark_us;
    query->watermark_us = watermark_us;
    query->replan = false;
    query->epoch++;
    return HR_OK;
}

/* ---- publish
 * ----------------------------------------------------------------------------------------- */

static void measure(struct hr_query *query, const struct hr_exec *exec,
                    struct hr_progress *progress)
{
    assert(progress->input_rows == 0 && progress->state_rows == 0); /* sums begin here */
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        scan->rows = scan->streaming ? atomic_load(&exec->scans[i].rows_read) : 0;
        progress->input_rows += scan->rows;
        progress->malformed_rows += atomic_load(&exec->scans[i].malformed_rows);
    }
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_query_state *state = &query->states[i];
        if (!state->state) continue;
        hr_stateful_figures(state->state, &state->figures);
        if ((int32_t)i == query->late_state)
            state->figures.rows_late += atomic_load(&exec->late_rows);
        progress->state_rows += state->figures.rows_total;
        progress->state_bytes += state->figures.memory_bytes;
        progress->state_updated += state->figures.rows_updated;
        progress->state_removed += state->figures.rows_removed;
        progress->late_rows += state->figures.rows_late;
    }
    int64_t sum_ms = 0;
    for (uint32_t i = 0; i < exec->watermark_count; i++) {
        struct hr_exec_watermark *w = &exec->watermarks[i];
        progress->late_rows += atomic_load(&w->far_rows);
        int64_t count = atomic_load(&w->count);
        if (count == 0) continue;
        int64_t max_us = atomic_load(&w->max_us), min_us = atomic_load(&w->min_us);
        if (progress->event_count == 0 || max_us > progress->event_max_us)
            progress->event_max_us = max_us;
        if (progress->event_count == 0 || min_us < progress->event_min_us)
            progress->event_min_us = min_us;
        progress->event_count += count;
        sum_ms += atomic_load(&w->sum_ms);
    }
    if (progress->event_count) progress->event_avg_us = sum_ms / progress->event_count * 1000;
}

static void fill_times(struct hr_query *query, struct hr_progress *progress,
                       const struct epoch_times *t)
{
    assert(t->start_ns <= t->latest_ns && t->latest_ns <= t->planned_ns);
    assert(t->splits_ns <= t->ran_ns && t->wal_ns <= t->end_ns);
    progress->duration_us = (t->end_ns - t->start_ns) / 1000;
    progress->latest_offset_us = (t->latest_ns - t->start_ns) / 1000;
    progress->get_batch_us = (t->splits_ns - t->planned_ns) / 1000;
    progress->add_batch_us = (t->ran_ns - t->splits_ns) / 1000;
    progress->wal_commit_us = (t->planned_ns - t->latest_ns) / 1000;
    progress->commit_offsets_us = (t->end_ns - t->wal_ns) / 1000;
    double seconds = (double)HR_MAX(progress->duration_us, (int64_t)1) / 1e6;
    progress->processed_rows_per_second = (double)progress->input_rows / seconds;
    int64_t since_us = query->last_start_us ? progress->timestamp_us - query->last_start_us : 0;
    progress->input_rows_per_second =
        since_us > 0 ? (double)progress->input_rows / ((double)since_us / 1e6) : 0;
}

/* ---- the end
 * --------------------------------------------------------------------------------------------- */

/* Bounded sources without new data: have they all given their last row, or do they wait for it? */
static hr_status at_end(struct hr_query *query, bool *ret, struct hr_err *err)
{
    *ret = true;
    for (uint32_t i = 0; *ret && i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming || !scan->source->vt->final_offset) continue;
        struct hr_buf end;
        hr_buf_init(&end, 64 << 20);
        hr_status status =
            scan->source->vt->final_offset(scan->source, hr_buf_cstr(&scan->start), &end, err);
        *ret = hr_sv_eq(hr_svn(end.ptr, end.len), hr_svn(scan->start.ptr, scan->start.len));
        hr_buf_done(&end);
        HR_TRY(status);
    }
    return HR_OK;
}

/* ---- the loop
 * ---------------------------------------------------------------------------------------- */

static hr_status run_and_commit(struct hr_query *query, struct hr_exec *exec,
                                struct epoch_times *times, int64_t now_us,
                                struct hr_progress *progress, int64_t *ret_watermark_us,
                                struct hr_err *err)
{
    HR_TRY(run(query, exec, times, now_us, err));
    HR_TRY(hr_output_commit(&query->output, query->dead.sink ? &query->dead : NULL,
                            &query->epoch_arena, err));
    if (query->late.sink) HR_TRY(hr_output_commit(&query->late, NULL, &query->epoch_arena, err));
    times->ran_ns = hr_mono_ns(query->env);
    measure(query, exec, progress);
    return commit(query, exec, ret_watermark_us, progress, times, err);
}

static hr_status run_epoch(struct hr_query *query, struct epoch_times *times, struct hr_err *err)
{
    int64_t now_us = query->replan ? query->replan_timestamp_us : hr_now_us(query->env);
    struct hr_progress progress = {
        .epoch = query->epoch,
        .timestamp_us = hr_now_us(query->env),
        .watermark_us = query->watermark_us,
    };
    HR_TRY(fill_plan(query, now_us, err));
    if (!query->replan) HR_TRY(write_plan(query, err));
    times->planned_ns = hr_mono_ns(query->env);
    struct hr_exec exec;
    int64_t watermark_us = HR_WATERMARK_NONE;
    hr_status status =
        run_and_commit(query, &exec, times, now_us, &progress, &watermark_us, err);
    hr_watermarks_run_done(&exec);
    HR_TRY(status);
    times->end_ns = hr_mono_ns(query->env);
    progress.output_rows = query->output.rows;
    fill_times(query, &progress, times);
    query->last_start_us = progress.timestamp_us;
    hr_query_publish(query, &progress);
    HR_TRY(advance(query, watermark_us, err));
    assert(!query->replan && query->epoch == progress.epoch + 1);
    hr_arena_reset(&query->epoch_arena);
    return HR_OK;
}

hr_status hr_query_loop(struct hr_query *query, struct hr_err *err)
{
    bool fixed = false;
    while (!hr_life_is_stopping(&query->life)) {
        wait_for_interval(query);
        if (hr_life_is_stopping(&query->life)) break;
        if (hr_trigger_has_end(&query->trigger) && !fixed && !query->replan) {
            HR_TRY(fix_final_offsets(query, err));
            fixed = true;
        }
        struct epoch_times times = {.start_ns = hr_mono_ns(query->env)};
        bool has_work = false;
        HR_TRY(choose_ranges(query, &has_work, err));
        times.latest_ns = hr_mono_ns(query->env);
        if (!has_work) {
            bool ended = hr_trigger_has_end(&query->trigger);
            if (!ended && query->bounded) HR_TRY(at_end(query, &ended, err));
            if (ended) return HR_OK;
            wait_for_data(query);
            continue;
        }
        hr_status status = run_epoch(query, &times, err);
        if (status != HR_OK) {
            hr_output_abort(&query->output, query->epoch);
            if (query->late.sink) hr_output_abort(&query->late, query->epoch);
            if (query->dead.sink) hr_output_abort(&query->dead, query->epoch);
            hr_dead_letters_done(&query->refused);
            return status;
        }
        query->last_idle_us = 0;
    }
    return HR_OK;
}
