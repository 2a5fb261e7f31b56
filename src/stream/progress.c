/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Progress: Spark's StreamingQueryProgress.json, in its order of fields, and the listeners. Every
 * figure is measured; what is not is left out (docs/DIFFERENCES.md). Times are kept in
 * microseconds: durationUs and commitTimeUs stand beside Spark's milliseconds.
 */
#include <math.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "stream/query_int.h"

/* A report is made every epoch, and an epoch may take 50 us: its numbers are printed without
 * printf, which alone took as long as an epoch's operators. */

/* name as it is to stand there: with its comma, quotes and colon. */
static void put_int(struct hr_buf *out, const char *name, int64_t v)
{
    hr_buf_puts(out, name);
    hr_buf_put_i64(out, v);
}

static char *put_digits(char *to, int32_t v, int width)
{
    assert(v >= 0 && width > 0);
    for (int i = width - 1; i >= 0; i--, v /= 10) to[i] = (char)('0' + v % 10);
    return to + width;
}

/* "2024-01-31T12:34:56.789Z" with quotes. */
static void put_instant(struct hr_buf *out, int64_t us)
{
    struct hr_civil c = hr_civil_from_us(us);
    hr_buf_putc(out, '"');
    char text[32], *to = text;
    if (c.year >= 0 && c.year <= 9999)
        to = put_digits(to, c.year, 4);
    else
        hr_buf_printf(out, "%04d", c.year);
    const struct {
        char before;
        int width;
        int32_t v;
    } parts[] = {{'-', 2, c.month},  {'-', 2, c.day},    {'T', 2, c.hour},
                 {':', 2, c.minute}, {':', 2, c.second}, {'.', 3, c.us / 1000}};
    for (size_t i = 0; i < HR_COUNT(parts); i++) {
        *to++ = parts[i].before;
        to = put_digits(to, parts[i].v, parts[i].width);
    }
    hr_buf_append(out, text, (size_t)(to - text));
    hr_buf_puts(out, "Z\"");
}

static void put_double(struct hr_buf *out, const char *name, double v)
{
    if (!isfinite(v)) return;
    char text[32];
    size_t len = hr_format_f64(v, text);
    hr_buf_puts(out, name);
    hr_buf_append(out, text, len);
}

static void put_event_time(struct hr_buf *out, const struct hr_progress *p)
{
    if (p->event_count == 0 && p->watermark_us == HR_WATERMARK_NONE) return;
    hr_buf_puts(out, ",\"eventTime\":{");
    if (p->event_count > 0) {
        hr_buf_puts(out, "\"avg\":");
        put_instant(out, p->event_avg_us);
        hr_buf_puts(out, ",\"max\":");
        put_instant(out, p->event_max_us);
        hr_buf_puts(out, ",\"min\":");
        put_instant(out, p->event_min_us);
        hr_buf_putc(out, ',');
    }
    hr_buf_puts(out, "\"watermark\":");
    put_instant(out, HR_MAX(p->watermark_us, INT64_C(0)));
    hr_buf_putc(out, '}');
}

/* Rows of each table of a state that has several: {"leftRows":3,"rightRows":5}. */
static void put_tables(struct hr_buf *out, const struct hr_state *state)
{
    if (state->table_count < 2 || !state->layouts[0].name) return;
    hr_buf_puts(out, ",\"customMetrics\":{");
    for (uint32_t t = 0; t < state->table_count; t++) {
        hr_buf_puts(out, t ? ",\"" : "\"");
        hr_buf_puts(out, state->layouts[t].name);
        put_int(out, "Rows\":", hr_state_table_rows(state, t));
    }
    hr_buf_putc(out, '}');
}

static void put_states(struct hr_buf *out, const struct hr_query *query)
{
    hr_buf_puts(out, ",\"stateOperators\":[");
    bool first = true;
    for (uint32_t i = 0; i < query->state_count; i++) {
        const struct hr_state *state = query->states[i].state;
        const struct hr_stateful_figures *f = &query->states[i].figures;
        if (!state) continue;
        if (!first) hr_buf_putc(out, ',');
        first = false;
        hr_buf_puts(out, "{\"operatorName\":");
        hr_buf_put_json(out, hr_sv(state->operator_name));
        put_int(out, ",\"numRowsTotal\":", f->rows_total);
        put_int(out, ",\"numRowsUpdated\":", f->rows_updated);
        put_int(out, ",\"numRowsRemoved\":", f->rows_removed);
        put_int(out, ",\"commitTimeMs\":", query->states[i].commit_us / 1000);
        put_int(out, ",\"commitTimeUs\":", query->states[i].commit_us);
        put_int(out, ",\"memoryUsedBytes\":", f->memory_bytes);
        put_int(out, ",\"numRowsDroppedByWatermark\":", f->rows_late);
        put_int(out, ",\"numShufflePartitions\":", state->part_count);
        put_int(out, ",\"numStateStoreInstances\":", state->part_count);
        put_tables(out, state);
        hr_buf_putc(out, '}');
    }
    hr_buf_putc(out, ']');
}

/* An offset is JSON of the source's own, else a string. */
static void put_offset(struct hr_buf *out, const char *name, const struct hr_buf *offset)
{
    hr_buf_puts(out, name);
    char first = offset->len ? offset->ptr[0] : '"';
    if (first == '{' || first == '[' || first == '-' || (first >= '0' && first <= '9')) {
        hr_buf_put_sv(out, hr_svn(offset->ptr, offset->len));
    } else {
        hr_buf_put_json(out, hr_svn(offset->ptr, offset->len));
    }
}

static void put_sources(struct hr_buf *out, const struct hr_query *query,
                        const struct hr_progress *p)
{
    hr_buf_puts(out, ",\"sources\":[");
    bool first = true;
    double share = p->input_rows > 0 ? 1.0 / (double)p->input_rows : 0;
    for (uint32_t i = 0; i < query->scan_count; i++) {
        const struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming) continue;
        if (!first) hr_buf_putc(out, ',');
        first = false;
        struct hr_buf text;
        hr_buf_init(&text, 1 << 20);
        assert(scan->source); /* reports are made while all is open */
        const struct hr_source_vt *vt = scan->source->vt;
        if (vt->describe) {
            vt->describe(scan->source, &text);
        } else {
            hr_buf_puts(&text, vt->name);
        }
        hr_buf_puts(out, "{\"description\":");
        hr_buf_put_json(out, hr_svn(text.ptr, text.len));
        put_offset(out, ",\"startOffset\":", &scan->start);
        put_offset(out, ",\"endOffset\":", &scan->end);
        put_int(out, ",\"numInputRows\":", scan->rows);
        put_double(out, ",\"inputRowsPerSecond\":",
                   p->input_rows_per_second * (double)scan->rows * share);
        put_double(out, ",\"processedRowsPerSecond\":",
                   p->processed_rows_per_second * (double)scan->rows * share);
        hr_buf_clear(&text);
        if (vt->metrics)
            vt->metrics(scan->source, hr_buf_cstr((struct hr_buf *)(uintptr_t)&scan->end), &text);
        int64_t shared = scan->input ? hr_input_shared_rows(scan->input) : -1;
        if (shared >= 0) put_int(&text, text.len ? ",\"sharedRows\":" : "\"sharedRows\":", shared);
        if (text.len) {
            hr_buf_puts(out, ",\"metrics\":{");
            hr_buf_put_sv(out, hr_svn(text.ptr, text.len));
            hr_buf_putc(out, '}');
        }
        hr_buf_done(&text);
        hr_buf_putc(out, '}');
    }
    hr_buf_putc(out, ']');
}

/* The phases, in units of that many microseconds: an epoch may take less than a millisecond. */
static void put_durations(struct hr_buf *out, const char *name, const struct hr_progress *p,
                          int64_t unit)
{
    assert(unit > 0);
    hr_buf_puts(out, name);
    put_int(out, "{\"addBatch\":", p->add_batch_us / unit);
    put_int(out, ",\"commitOffsets\":", p->commit_offsets_us / unit);
    put_int(out, ",\"getBatch\":", p->get_batch_us / unit);
    put_int(out, ",\"latestOffset\":", p->latest_offset_us / unit);
    put_int(out, ",\"triggerExecution\":", p->duration_us / unit);
    put_int(out, ",\"walCommit\":", p->wal_commit_us / unit);
    hr_buf_putc(out, '}');
}

static void put_progress(struct hr_buf *out, const struct hr_query *query,
                         const struct hr_progress *p)
{
    hr_buf_puts(out, "{\"id\":\"");
    hr_buf_puts(out, query->id);
    hr_buf_puts(out, "\",\"runId\":\"");
    hr_buf_puts(out, query->run_id);
    hr_buf_puts(out, "\",\"name\":");
    hr_buf_put_json(out, hr_sv(query->name));
    hr_buf_puts(out, ",\"timestamp\":");
    put_instant(out, p->timestamp_us);
    put_int(out, ",\"batchId\":", p->epoch);
    put_int(out, ",\"batchDuration\":", p->duration_us / 1000);
    put_int(out, ",\"numInputRows\":", p->input_rows);
    put_double(out, ",\"inputRowsPerSecond\":", p->input_rows_per_second);
    put_double(out, ",\"processedRowsPerSecond\":", p->processed_rows_per_second);
    put_durations(out, ",\"durationMs\":", p, 1000);
    put_durations(out, ",\"durationUs\":", p, 1);
    put_event_time(out, p);
    put_states(out, query);
    put_sources(out, query, p);
    struct hr_buf text;
    hr_buf_init(&text, 1 << 20);
    if (query->output.sink->vt->describe) {
        query->output.sink->vt->describe(query->output.sink, &text);
    } else {
        hr_buf_puts(&text, query->output.sink->vt->name);
    }
    hr_buf_puts(out, ",\"sink\":{\"description\":");
    hr_buf_put_json(out, hr_svn(text.ptr, text.len));
    put_int(out, ",\"numOutputRows\":", p->output_rows);
    hr_buf_puts(out, "}}");
    hr_buf_done(&text);
}

uint32_t hr_query_listener_count(struct hr_query *query)
{
    pthread_mutex_lock(&query->life.lock);
    uint32_t count = query->listener_count;
    pthread_mutex_unlock(&query->life.lock);
    return count;
}

void hr_query_publish(struct hr_query *query, const struct hr_progress *progress)
{
    assert(progress->duration_us >= 0 && progress->epoch == query->epoch);
    /* Only the query's thread writes reports; readers copy them under the lock. */
    pthread_mutex_lock(&query->life.lock);
    hr_history_add(&query->history, progress);
    struct hr_buf *report =
        hr_history_report(&query->history, progress->timestamp_us + progress->duration_us);
    put_progress(report, query, progress);
    const char *json = hr_buf_cstr(report);
    query->progress = *progress;
    query->has_progress =
        true; /* nobody waits for this: waking someone each epoch would cost more than it */
    uint32_t count = query->listener_count;
    pthread_mutex_unlock(&query->life.lock);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_query_listener *listener = &query->listeners[i];
        if (listener->on_progress)
            listener->on_progress(listener->arg, query, progress, json);
    }
}

bool hr_query_last_progress(struct hr_query *query, struct hr_progress *ret)
{
    pthread_mutex_lock(&query->life.lock);
    bool has = query->has_progress;
    if (has) *ret = query->progress;
    pthread_mutex_unlock(&query->life.lock);
    return has;
}

void hr_query_progress_json(struct hr_query *query, struct hr_buf *out)
{
    pthread_mutex_lock(&query->life.lock);
    const struct hr_buf *report = hr_history_newest(&query->history);
    if (report) hr_buf_put_sv(out, hr_svn(report->ptr, report->len));
    pthread_mutex_unlock(&query->life.lock);
}
