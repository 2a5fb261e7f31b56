/* SPDX-License-Identifier: Apache-2.0 */
/*
 * /metrics: OpenMetrics text. Names begin with headrace_, counters end in _total, units are base
 * units. Labels are of bounded sets: no run id, epoch, text or key stands in one, so that a query
 * that is started again goes on with its series.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/decimal.h"
#include "hr_config.h"
#include "serve/api/process.h"

struct row {
    char job[128], query[128];
    int64_t started_us, last_us, totals[HR_FIGURE_COUNT];
    uint64_t bins[HR_HISTORY_BINS];
    uint32_t failures;
    bool active, failed;
    char run_id[37], id[37];
    int64_t watermark_us;
};

struct rows {
    struct row *items;
    uint32_t count, capacity;
    bool failed;
};

void hr_metrics_label(struct hr_buf *out, const char *name, const char *value)
{
    if (out->len && out->ptr[out->len - 1] != '{') hr_buf_putc(out, ',');
    hr_buf_printf(out, "%s=\"", name);
    for (; *value; value++) {
        if (*value == '\n')
            hr_buf_puts(out, "\\n");
        else if (*value == '"' || *value == '\\')
            hr_buf_printf(out, "\\%c", *value);
        else
            hr_buf_putc(out, *value);
    }
    hr_buf_putc(out, '"');
}

void hr_metrics_family(struct hr_buf *out, const char *name, const char *type, const char *unit,
                       const char *help)
{
    hr_buf_printf(out, "# TYPE %s %s\n", name, type);
    if (unit) hr_buf_printf(out, "# UNIT %s %s\n", name, unit);
    hr_buf_printf(out, "# HELP %s %s\n", name, help);
}

static void add_row(void *arg, const struct hr_serve_entry *entry, struct hr_query *query)
{
    struct rows *rows = arg;
    struct hr_query_info info;
    struct hr_progress progress = {0};
    uint32_t at = 0;
    while (at < rows->count && (strcmp(rows->items[at].job, entry->name) != 0 ||
                                strcmp(rows->items[at].query, hr_query_name(query)) != 0))
        at++; /* a later run of the same query takes its place */
    if (at == rows->capacity) {
        uint32_t capacity = rows->capacity ? rows->capacity * 2 : 16;
        struct row *items = hr_realloc(rows->items, capacity * sizeof *items);
        if (!items) return;
        rows->items = items;
        rows->capacity = capacity;
    }
    if (at == rows->count) rows->count++;
    struct row *row = &rows->items[at];
    hr_query_get_info(query, &info);
    *row = (struct row){
        .started_us = info.started_us,
        .failures = info.failure_count,
        .active = !info.ended_us,
        .failed = info.failed,
        .watermark_us = INT64_MIN,
    };
    snprintf(row->job, sizeof row->job, "%s", entry->name);
    snprintf(row->query, sizeof row->query, "%s", hr_query_name(query));
    snprintf(row->run_id, sizeof row->run_id, "%s", hr_query_run_id(query));
    snprintf(row->id, sizeof row->id, "%s", hr_query_id(query));
    hr_query_totals(query, row->totals, row->bins);
    if (!hr_query_last_progress(query, &progress)) return;
    row->last_us = progress.timestamp_us + progress.duration_us;
    row->watermark_us = progress.watermark_us;
}

static void put_labels(struct hr_buf *out, const struct row *row)
{
    hr_buf_putc(out, '{');
    hr_metrics_label(out, "job", row->job);
    hr_metrics_label(out, "query", row->query);
}

static void put_f64(struct hr_buf *out, double value)
{
    char text[32];
    size_t len = hr_format_f64(value, text);
    hr_buf_append(out, text, len);
    hr_buf_putc(out, '\n');
}

/* Figures that are counters or gauges as they are; scale: what a unit of the figure is. */
static const struct {
    const char *name, *type, *unit, *help;
    enum hr_figure figure;
    double scale;
} figures[] = {
    {"headrace_query_input_rows", "counter", NULL, "rows read", HR_FIGURE_INPUT_ROWS, 1},
    {"headrace_query_output_rows", "counter", NULL, "rows written", HR_FIGURE_OUTPUT_ROWS, 1},
    {"headrace_query_late_rows", "counter", NULL, "rows dropped as too late", HR_FIGURE_LATE_ROWS,
     1},
    {"headrace_query_malformed_rows", "counter", NULL, "rows that could not be read",
     HR_FIGURE_MALFORMED_ROWS, 1},
    {"headrace_query_epochs", "counter", NULL, "epochs committed", HR_FIGURE_EPOCHS, 1},
    {"headrace_query_state_updated_rows", "counter", NULL, "rows of state put or changed",
     HR_FIGURE_STATE_UPDATED, 1},
    {"headrace_query_state_removed_rows", "counter", NULL, "rows of state removed",
     HR_FIGURE_STATE_REMOVED, 1},
    {"headrace_query_state_rows", "gauge", NULL, "rows of state", HR_FIGURE_STATE_ROWS, 1},
    {"headrace_query_state_bytes", "gauge", "bytes", "memory of state", HR_FIGURE_STATE_BYTES, 1},
};

static void put_figures(struct hr_buf *out, const struct rows *rows)
{
    for (size_t f = 0; f < HR_COUNT(figures); f++) {
        hr_metrics_family(out, figures[f].name, figures[f].type, figures[f].unit, figures[f].help);
        const char *suffix = strcmp(figures[f].type, "counter") == 0 ? "_total" : "";
        for (uint32_t i = 0; i < rows->count; i++) {
            hr_buf_printf(out, "%s%s", figures[f].name, suffix);
            put_labels(out, &rows->items[i]);
            hr_buf_printf(out, "} %" PRId64 "\n", rows->items[i].totals[figures[f].figure]);
        }
    }
}

static void put_phases(struct hr_buf *out, const struct rows *rows)
{
    static const struct {
        const char *name;
        enum hr_figure figure;
    } phases[] = {{"latest_offset", HR_FIGURE_LATEST_OFFSET_US},
                  {"wal_commit", HR_FIGURE_WAL_COMMIT_US},
                  {"get_batch", HR_FIGURE_GET_BATCH_US},
                  {"add_batch", HR_FIGURE_ADD_BATCH_US},
                  {"commit_offsets", HR_FIGURE_COMMIT_OFFSETS_US}};
    hr_metrics_family(out, "headrace_query_phase_seconds", "counter", "seconds",
                      "time that epochs spent in each phase");
    for (uint32_t i = 0; i < rows->count; i++) {
        for (size_t p = 0; p < HR_COUNT(phases); p++) {
            hr_buf_puts(out, "headrace_query_phase_seconds_total");
            put_labels(out, &rows->items[i]);
            hr_metrics_label(out, "phase", phases[p].name);
            hr_buf_puts(out, "} ");
            put_f64(out, (double)rows->items[i].totals[phases[p].figure] / 1e6);
        }
    }
}

static void put_durations(struct hr_buf *out, const struct rows *rows)
{
    static const char name[] = "headrace_query_epoch_duration_seconds";
    hr_metrics_family(out, name, "histogram", "seconds", "how long epochs took");
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct row *row = &rows->items[i];
        for (uint32_t power = 6; power <= 26; power++) { /* 64 µs to 67 s */
            char bound[32];
            bound[hr_format_f64((double)(INT64_C(1) << power) / 1e6, bound)] = '\0';
            hr_buf_printf(out, "%s_bucket", name);
            put_labels(out, row);
            hr_metrics_label(out, "le", bound);
            hr_buf_printf(out, "} %" PRIu64 "\n", hr_history_within(row->bins, power));
        }
        hr_buf_printf(out, "%s_bucket", name);
        put_labels(out, row);
        hr_buf_printf(out, ",le=\"+Inf\"} %" PRId64 "\n", row->totals[HR_FIGURE_EPOCHS]);
        hr_buf_printf(out, "%s_count", name);
        put_labels(out, row);
        hr_buf_printf(out, "} %" PRId64 "\n", row->totals[HR_FIGURE_EPOCHS]);
        hr_buf_printf(out, "%s_sum", name);
        put_labels(out, row);
        hr_buf_puts(out, "} ");
        put_f64(out, (double)row->totals[HR_FIGURE_BUSY_US] / 1e6);
    }
}

static void put_lives(struct hr_buf *out, const struct rows *rows, bool open)
{
    hr_metrics_family(out, open ? "headrace_query" : "headrace_query_info",
                      open ? "info" : "gauge", NULL, "what runs");
    for (uint32_t i = 0; i < rows->count; i++) {
        hr_buf_puts(out, "headrace_query_info");
        put_labels(out, &rows->items[i]);
        hr_metrics_label(out, "id", rows->items[i].id);
        hr_metrics_label(out, "run_id", rows->items[i].run_id);
        hr_buf_puts(out, "} 1\n");
    }
    hr_metrics_family(out, "headrace_query_active", "gauge", NULL, "1: it runs");
    for (uint32_t i = 0; i < rows->count; i++) {
        hr_buf_puts(out, "headrace_query_active");
        put_labels(out, &rows->items[i]);
        hr_buf_printf(out, "} %d\n", rows->items[i].active);
    }
    hr_metrics_family(out, "headrace_query_failures", "counter", NULL, "epochs that failed");
    for (uint32_t i = 0; i < rows->count; i++) {
        hr_buf_puts(out, "headrace_query_failures_total");
        put_labels(out, &rows->items[i]);
        hr_buf_printf(out, "} %u\n", rows->items[i].failures);
    }
}

static void put_times(struct hr_buf *out, const struct rows *rows)
{
    hr_metrics_family(out, "headrace_query_last_commit_timestamp_seconds", "gauge", "seconds",
                      "when the last epoch was committed");
    for (uint32_t i = 0; i < rows->count; i++) {
        if (!rows->items[i].last_us) continue;
        hr_buf_puts(out, "headrace_query_last_commit_timestamp_seconds");
        put_labels(out, &rows->items[i]);
        hr_buf_puts(out, "} ");
        put_f64(out, (double)rows->items[i].last_us / 1e6);
    }
    hr_metrics_family(out, "headrace_query_watermark_timestamp_seconds", "gauge", "seconds",
                      "the watermark");
    for (uint32_t i = 0; i < rows->count; i++) {
        if (rows->items[i].watermark_us == INT64_MIN) continue;
        hr_buf_puts(out, "headrace_query_watermark_timestamp_seconds");
        put_labels(out, &rows->items[i]);
        hr_buf_puts(out, "} ");
        put_f64(out, (double)rows->items[i].watermark_us / 1e6);
    }
}

static void put_one(struct hr_buf *out, const char *name, const char *type, const char *unit,
                    const char *help, double value)
{
    hr_metrics_family(out, name, type, unit, help);
    hr_buf_printf(out, "%s%s ", name, strcmp(type, "counter") == 0 ? "_total" : "");
    put_f64(out, value);
}

static void put_process(struct hr_serve *serve, struct hr_buf *out, bool open)
{
    const struct hr_mem *mem = hr_mem_process();
    hr_metrics_family(out, open ? "headrace_build" : "headrace_build_info",
                      open ? "info" : "gauge", NULL, "the program");
    hr_buf_puts(out, "headrace_build_info{");
    hr_metrics_label(out, "version", HR_VERSION);
    hr_buf_puts(out, "} 1\n");
    put_one(out, "headrace_memory_used_bytes", "gauge", "bytes", "memory of all queries",
            (double)atomic_load(&mem->used_bytes));
    put_one(out, "headrace_memory_limit_bytes", "gauge", "bytes", "headrace.memory",
            (double)mem->limit_bytes);
    put_one(out, "headrace_http_event_clients", "gauge", NULL, "pages that listen to events",
            hr_serve_events_clients(serve));
    hr_metrics_family(out, "headrace_http_requests", "counter", NULL, "answers by status");
    for (int i = 2; i < 6; i++)
        hr_buf_printf(out, "headrace_http_requests_total{code=\"%dxx\"} %" PRIu64 "\n", i,
                      atomic_load(&serve->answers[i]));
    put_one(out, "process_cpu_seconds", "counter", "seconds", "processor time",
            hr_serve_cpu_seconds());
    put_one(out, "process_resident_memory_bytes", "gauge", "bytes", "resident memory",
            (double)hr_serve_resident_bytes(serve));
    put_one(out, "process_start_time_seconds", "gauge", "seconds", "when the server started",
            (double)serve->started_us / 1e6);
}

/* Prometheus 0.0.4 names a counter's family with its _total. */
static hr_status to_plain(struct hr_buf *out, struct hr_err *err)
{
    struct hr_buf plain = {0};
    const char *at = hr_buf_cstr(out), *end = at + out->len;
    bool counter = false;
    while (at < end) {
        const char *line_end = strchr(at, '\n');
        size_t len = (size_t)(line_end - at);
        if (strncmp(at, "# TYPE ", 7) == 0)
            counter = len > 8 && memcmp(line_end - 8, " counter", 8) == 0;
        size_t name = strncmp(at, "# TYPE ", 7) == 0 || strncmp(at, "# HELP ", 7) == 0
                          ? 7 + strcspn(at + 7, " ")
                          : 0;
        if (counter && name)
            hr_buf_printf(&plain, "%.*s_total%.*s\n", (int)name, at, (int)(len - name),
                          at + name);
        else if (strncmp(at, "# UNIT", 6) != 0 && strncmp(at, "# EOF", 5) != 0)
            hr_buf_append(&plain, at, len + 1);
        at = line_end + 1;
    }
    struct hr_buf old = *out;
    *out = plain;
    hr_buf_done(&old);
    return hr_buf_status(out, err);
}

hr_status hr_serve_get_metrics(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_serve *serve = request->serve;
    struct hr_buf *out = &request->out;
    struct rows rows = {0};
    const char *accept = hr_http_header(request, "Accept");
    bool open = accept && strstr(accept, "application/openmetrics-text");
    hr_serve_each_query(serve, add_row, &rows);
    put_lives(out, &rows, open);
    put_figures(out, &rows);
    put_phases(out, &rows);
    put_durations(out, &rows);
    put_times(out, &rows);
    hr_free(rows.items);
    put_process(serve, out, open);
    for (uint32_t i = 0; i < hr_serve_module_count(); i++) {
        const struct hr_serve_module *module = hr_serve_module_at(i);
        if (module->metrics) module->metrics(serve, out);
    }
    hr_buf_puts(out, "# EOF\n");
    request->content_type = open ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                 : "text/plain; version=0.0.4; charset=utf-8";
    return open ? hr_buf_status(out, err) : to_plain(out, err);
}
