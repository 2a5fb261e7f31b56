/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queries of all sessions: list, one of them, its history, epochs, plan, sources, state,
 * failures; and stopping one. All are copies that the query's registry hands out.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "serve/api/queries.h"

#define RATE_SECONDS 5

/* What a reader calls the phase: a query that has ended did so by itself, by a stop, or failed. */
static const char *state_of(const struct hr_query_info *info)
{
    if (info->failed) return "failed";
    if (strcmp(info->phase, "RUNNING") == 0) return "running";
    if (strcmp(info->phase, "RECOVERING") == 0 || strcmp(info->phase, "OPENING") == 0)
        return "recovering";
    return strcmp(info->phase, "CLOSING") == 0 ? "stopping" : "stopped";
}

/* Rows a second over the last whole seconds, and rows a second of the time that epochs took. */
static void rates(struct hr_query *query, int64_t now_s, double *ret_in, double *ret_processed)
{
    struct hr_sample samples[RATE_SECONDS + 2];
    uint32_t count =
        hr_query_samples(query, 0, now_s - RATE_SECONDS, samples, HR_COUNT(samples));
    int64_t rows = 0, busy_us = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (samples[i].start_s >= now_s) continue; /* not whole yet */
        rows += samples[i].figures[HR_FIGURE_INPUT_ROWS];
        busy_us += samples[i].figures[HR_FIGURE_BUSY_US];
    }
    *ret_in = (double)rows / RATE_SECONDS;
    *ret_processed = busy_us > 0 ? (double)rows / ((double)busy_us / 1e6) : 0;
}

static void put_failure(struct hr_buf *out, const struct hr_query_failure *failure)
{
    hr_buf_putc(out, '{');
    hr_http_put_time(out, "time", failure->time_us);
    hr_http_put_int(out, "epoch", failure->epoch);
    hr_http_put_string(out, "errorClass", hr_error_info(failure->code)->error_class);
    hr_http_put_string(out, "message", failure->message);
    hr_http_put_bool(out, "recovered", failure->recovered);
    hr_buf_putc(out, '}');
}

void hr_serve_put_identity(struct hr_buf *out, const struct hr_serve_entry *entry,
                           struct hr_query *query, const struct hr_query_info *info)
{
    hr_http_put_string(out, "id", hr_query_id(query));
    hr_http_put_string(out, "runId", hr_query_run_id(query));
    hr_http_put_string(out, "name", hr_query_name(query));
    hr_http_put_string(out, "job", entry->name);
    hr_http_put_string(out, "state", state_of(info));
    hr_http_put_time(out, "startedAt", info->started_us);
    hr_http_put_time(out, "endedAt", info->ended_us);
    hr_http_put_int(out, "failures", info->failure_count);
    hr_http_put_name(out, "lastFailure");
    if (info->failures_kept)
        put_failure(out, &info->failures[info->failures_kept - 1]);
    else
        hr_buf_puts(out, "null");
}

#define OPERATORS_MAX 256

void hr_serve_put_operators(struct hr_serve *serve, struct hr_buf *out, struct hr_query *query)
{
    struct hr_operator_figures figures[OPERATORS_MAX];
    uint32_t count = hr_query_operators(query, figures, OPERATORS_MAX);
    hr_http_put_int(out, "at", hr_now_us(serve->env) / 1000);
    hr_http_put_name(out, "operators");
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < count; i++)
        hr_buf_printf(out, "%s[%u,%" PRId64 ",%" PRId64 ",%" PRId64 "]", i ? "," : "",
                      figures[i].id, figures[i].rows, figures[i].batches, figures[i].self_us);
    hr_buf_putc(out, ']');
}

static void put_figures(struct hr_serve *serve, struct hr_query *query,
                        const struct hr_query_info *info, struct hr_buf *out)
{
    int64_t totals[HR_FIGURE_COUNT];
    uint64_t bins[HR_HISTORY_BINS];
    struct hr_progress p;
    double in = 0, processed = 0;
    bool has = hr_query_last_progress(query, &p);
    int64_t until_us = info->ended_us ? info->ended_us : hr_now_us(serve->env);
    hr_query_totals(query, totals, bins);
    if (!info->ended_us) rates(query, until_us / 1000000, &in, &processed);
    hr_http_put_double(out, "inputRowsPerSecond", in);
    hr_http_put_double(out, "processedRowsPerSecond", processed);
    hr_http_put_name(out, "epoch");
    if (has)
        hr_buf_put_i64(out, p.epoch);
    else
        hr_buf_puts(out, "null");
    hr_http_put_int(out, "runMs", (until_us - info->started_us) / 1000);
    for (int i = 0; i < HR_FIGURE_COUNT; i++) {
        char name[40];
        bool is_quantile = i == HR_FIGURE_P50_US || i == HR_FIGURE_P99_US;
        if (is_quantile) continue;
        snprintf(name, sizeof name, "%s", hr_figure_names[i]);
        hr_http_put_int(out, name, totals[i]);
    }
}

struct list {
    struct hr_serve *serve;
    struct hr_buf *out;
};

static void put_query(void *arg, const struct hr_serve_entry *entry, struct hr_query *query)
{
    struct list *list = arg;
    struct hr_query_info info;
    hr_query_get_info(query, &info);
    if (list->out->ptr[list->out->len - 1] != '[') hr_buf_putc(list->out, ',');
    hr_buf_putc(list->out, '{');
    hr_serve_put_identity(list->out, entry, query, &info);
    put_figures(list->serve, query, &info, list->out);
    hr_buf_putc(list->out, '}');
}

static hr_status list_queries(struct hr_http_request *request, struct hr_err *err)
{
    struct list list = {request->serve, &request->out};
    HR_UNUSED(err);
    hr_buf_puts(&request->out, "{\"items\":[");
    hr_serve_each_query(request->serve, put_query, &list);
    hr_buf_puts(&request->out, "]}");
    return HR_OK;
}

/* One query: fn prints into the answer. */
static hr_status with_query(struct hr_http_request *request, struct hr_err *err,
                            hr_status (*fn)(struct hr_http_request *, struct hr_serve_query *,
                                            struct hr_err *))
{
    struct hr_serve_query found;
    HR_TRY(hr_serve_get_query(request, request->params[0], &found, err));
    hr_status status = fn(request, &found, err);
    hr_serve_put_query(request->serve, &found);
    return status;
}

static hr_status put_detail(struct hr_http_request *request, struct hr_serve_query *q,
                            struct hr_err *err)
{
    struct hr_buf *out = &request->out;
    struct hr_query_info info;
    HR_UNUSED(err);
    hr_query_get_info(q->query, &info);
    hr_buf_putc(out, '{');
    hr_serve_put_identity(out, q->entry, q->query, &info);
    put_figures(request->serve, q->query, &info, out);
    hr_http_put_string(out, "sql", info.text);
    hr_http_put_string(out, "checkpoint", info.checkpoint_dir);
    hr_http_put_raw(out, "description", info.description);
    hr_serve_put_operators(request->serve, out, q->query);
    hr_http_put_name(out, "lastProgress");
    size_t before = out->len;
    hr_query_progress_json(q->query, out);
    if (out->len == before) hr_buf_puts(out, "null");
    hr_buf_putc(out, '}');
    return HR_OK;
}

static hr_status get_query(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_detail);
}

/* History -------------------------------------------------------------------------------------- */

static hr_status put_samples(struct hr_http_request *request, struct hr_serve_query *q,
                             struct hr_err *err)
{
    struct hr_buf *out = &request->out;
    int64_t seconds, now_s = hr_now_us(request->serve->env) / 1000000;
    HR_TRY(hr_http_query_int(request, "seconds", 600, 1, 172800, &seconds, err));
    uint32_t level = hr_history_level_of(seconds);
    uint32_t max = hr_history_capacity(level);
    struct hr_sample *samples = hr_alloc(max * sizeof *samples);
    if (!samples) return HR_OOM(err);
    uint32_t count = hr_query_samples(q->query, level, now_s - seconds, samples, max);
    hr_buf_putc(out, '{');
    hr_http_put_string(out, "runId", hr_query_run_id(q->query));
    hr_http_put_int(out, "step", hr_history_step(level));
    hr_http_put_int(out, "now", now_s);
    hr_http_put_name(out, "t");
    for (uint32_t i = 0; i < count; i++)
        hr_buf_printf(out, "%c%" PRId64, i ? ',' : '[', samples[i].start_s);
    hr_buf_puts(out, count ? "]" : "[]");
    for (int f = 0; f < HR_FIGURE_COUNT; f++) {
        hr_http_put_name(out, hr_figure_names[f]);
        for (uint32_t i = 0; i < count; i++) {
            hr_buf_putc(out, i ? ',' : '[');
            hr_buf_put_i64(out, samples[i].figures[f]);
        }
        hr_buf_puts(out, count ? "]" : "[]");
    }
    hr_buf_putc(out, '}');
    hr_free(samples);
    return HR_OK;
}

static hr_status get_samples(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_samples);
}

static hr_status put_progress(struct hr_http_request *request, struct hr_serve_query *q,
                              struct hr_err *err)
{
    int64_t limit;
    HR_TRY(hr_http_query_int(request, "limit", HR_HISTORY_REPORTS, 1, HR_HISTORY_REPORTS, &limit,
                             err));
    hr_buf_puts(&request->out, "{\"items\":");
    hr_query_recent_progress(q->query, (uint32_t)limit, &request->out);
    hr_buf_putc(&request->out, '}');
    return HR_OK;
}

static hr_status get_progress(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_progress);
}

static void put_epoch(struct hr_buf *out, const struct hr_progress *p)
{
    hr_buf_putc(out, '{');
    hr_http_put_int(out, "epoch", p->epoch);
    hr_http_put_time(out, "time", p->timestamp_us);
    hr_http_put_int(out, "durationUs", p->duration_us);
    hr_http_put_int(out, "latestOffsetUs", p->latest_offset_us);
    hr_http_put_int(out, "walCommitUs", p->wal_commit_us);
    hr_http_put_int(out, "getBatchUs", p->get_batch_us);
    hr_http_put_int(out, "addBatchUs", p->add_batch_us);
    hr_http_put_int(out, "commitOffsetsUs", p->commit_offsets_us);
    hr_http_put_int(out, "inputRows", p->input_rows);
    hr_http_put_int(out, "outputRows", p->output_rows);
    hr_http_put_time(out, "watermark", p->watermark_us == INT64_MIN ? 0 : p->watermark_us);
    hr_http_put_int(out, "stateRows", p->state_rows);
    hr_http_put_int(out, "lateRows", p->late_rows);
    hr_http_put_int(out, "malformedRows", p->malformed_rows);
    hr_buf_putc(out, '}');
}

static hr_status put_epochs(struct hr_http_request *request, struct hr_serve_query *q,
                            struct hr_err *err)
{
    int64_t limit;
    HR_TRY(hr_http_query_int(request, "limit", 100, 1, HR_HISTORY_EPOCHS, &limit, err));
    struct hr_progress *epochs = hr_arena_alloc(&request->arena, (size_t)limit * sizeof *epochs);
    if (!epochs) return HR_OOM(err);
    uint32_t count = hr_query_recent_epochs(q->query, epochs, (uint32_t)limit);
    hr_buf_puts(&request->out, "{\"items\":[");
    for (uint32_t i = 0; i < count; i++) {
        if (i) hr_buf_putc(&request->out, ',');
        put_epoch(&request->out, &epochs[i]);
    }
    hr_buf_puts(&request->out, "]}");
    return HR_OK;
}

static hr_status get_epochs(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_epochs);
}

/* Parts ---------------------------------------------------------------------------------------- */

/* A member of the description beside one of the last report. */
static hr_status put_parts(struct hr_http_request *request, struct hr_serve_query *q,
                           const char *described, const char *reported, struct hr_err *err)
{
    struct hr_query_info info;
    struct hr_json *description = NULL, *report = NULL;
    struct hr_buf text = {0};
    hr_query_get_info(q->query, &info);
    hr_query_progress_json(q->query, &text);
    hr_status status =
        hr_json_parse(&request->arena, hr_sv(info.description), &description, err);
    if (status == HR_OK && text.len)
        status = hr_json_parse(&request->arena, hr_svn(text.ptr, text.len), &report, err);
    const struct hr_json *a = hr_json_get(description, described);
    const struct hr_json *b = hr_json_get(report, reported);
    hr_buf_puts(&request->out, "{\"declared\":");
    hr_buf_put_sv(&request->out, a ? a->raw : hr_sv("null"));
    hr_buf_puts(&request->out, ",\"last\":");
    hr_buf_put_sv(&request->out, b ? b->raw : hr_sv("null"));
    hr_buf_putc(&request->out, '}');
    hr_buf_done(&text);
    return status;
}

static hr_status put_sources(struct hr_http_request *request, struct hr_serve_query *q,
                             struct hr_err *err)
{
    return put_parts(request, q, "sources", "sources", err);
}

static hr_status get_sources(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_sources);
}

static hr_status put_sink(struct hr_http_request *request, struct hr_serve_query *q,
                          struct hr_err *err)
{
    return put_parts(request, q, "sink", "sink", err);
}

static hr_status get_sinks(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_sink);
}

static hr_status put_state(struct hr_http_request *request, struct hr_serve_query *q,
                           struct hr_err *err)
{
    return put_parts(request, q, "growing", "stateOperators", err);
}

static hr_status get_state(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_state);
}

static hr_status put_plan(struct hr_http_request *request, struct hr_serve_query *q,
                          struct hr_err *err)
{
    const char *format = hr_http_query(request, "format");
    struct hr_query_info info;
    struct hr_json *description = NULL;
    hr_query_get_info(q->query, &info);
    if (!format || strcmp(format, "json") == 0) {
        hr_buf_puts(&request->out, info.description);
        return HR_OK;
    }
    if (strcmp(format, "text") != 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "format=%.20s: json or text", format);
    HR_TRY(hr_json_parse(&request->arena, hr_sv(info.description), &description, err));
    const struct hr_json *text = hr_json_get(description, "physicalPlan");
    request->content_type = "text/plain; charset=utf-8";
    hr_buf_puts(&request->out, text ? text->text : "");
    return HR_OK;
}

static hr_status get_plan(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_plan);
}

static hr_status put_errors(struct hr_http_request *request, struct hr_serve_query *q,
                            struct hr_err *err)
{
    struct hr_query_info info;
    HR_UNUSED(err);
    hr_query_get_info(q->query, &info);
    hr_buf_putc(&request->out, '{');
    hr_http_put_int(&request->out, "count", info.failure_count);
    hr_http_put_name(&request->out, "items");
    hr_buf_putc(&request->out, '[');
    for (uint32_t i = info.failures_kept; i-- > 0;) {
        put_failure(&request->out, &info.failures[i]);
        if (i) hr_buf_putc(&request->out, ',');
    }
    hr_buf_puts(&request->out, "]}");
    return HR_OK;
}

static hr_status get_errors(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_errors);
}

/* Rows passing by ---------------------------------------------------------------------------- */

static hr_status query_number(struct hr_http_request *request, const char *name, int64_t def,
                              int64_t max, int64_t *ret, struct hr_err *err)
{
    const char *text = hr_http_query(request, name);
    *ret = def;
    if (text && (!hr_parse_i64(hr_sv(text), ret) || *ret < 0 || *ret > max))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s=%.20s: a number from 0 to %" PRId64, name,
                       text, max);
    return HR_OK;
}

static hr_status put_tap(struct hr_http_request *request, struct hr_serve_query *q,
                         struct hr_err *err)
{
    int64_t id, rows, wait_ms;
    HR_TRY(query_number(request, "operator", 0, UINT32_MAX, &id, err));
    HR_TRY(query_number(request, "rows", 20, HR_QUERY_TAP_ROWS, &rows, err));
    HR_TRY(query_number(request, "waitMs", 1000, 2000, &wait_ms, err));
    hr_buf_putc(&request->out, '{');
    hr_http_put_int(&request->out, "operator", id);
    hr_http_put_bool(&request->out, "active", hr_query_is_active(q->query));
    hr_http_put_name(&request->out, "rows");
    hr_buf_putc(&request->out, '[');
    hr_status status = hr_query_tap(q->query, (uint32_t)id, (uint32_t)HR_MAX(rows, 1),
                                    wait_ms * 1000, &request->out, err);
    hr_buf_puts(&request->out, "]}");
    if (status == HR_E_EXISTS) request->status = 409;
    return status;
}

static hr_status get_tap(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, put_tap);
}

/* Stopping ------------------------------------------------------------------------------------- */

static hr_status stop_query(struct hr_http_request *request, struct hr_serve_query *q,
                            struct hr_err *err)
{
    static const char *const names[] = {"atOnce", NULL};
    bool at_once = false;
    if (request->json) HR_TRY(hr_json_check_names(request->json, names, err));
    HR_TRY(hr_json_bool(request->json, "atOnce", &at_once, err));
    if (!hr_query_is_active(q->query))
        return HR_HTTP_FAIL(request, 409, err, HR_E_INVALID_ARGUMENT, "query %s has ended",
                            hr_query_name(q->query));
    hr_query_stop(q->query, at_once);
    request->status = 202;
    hr_buf_puts(&request->out, "{}");
    return HR_OK;
}

static hr_status post_stop(struct hr_http_request *request, struct hr_err *err)
{
    return with_query(request, err, stop_query);
}

#define ID "/api/v1/queries/{id}"
static const struct hr_http_route routes[] = {
    {"GET", "/api/v1/queries", HR_HTTP_READ, 0, list_queries, "queries of all jobs", NULL, NULL},
    {"GET", ID, HR_HTTP_READ, 0, get_query,
     "a query (by run id, id or name): its SQL, plan, last progress and totals", NULL, NULL},
    {"GET", ID "/samples", HR_HTTP_READ, 0, get_samples,
     "figures over time, a column each: 1 s steps for ten minutes, 10 s for six hours, 60 s for "
     "two days",
     "seconds=how far back", NULL},
    {"GET", ID "/progress", HR_HTTP_READ, 0, get_progress,
     "the last reports, in the form of Spark's StreamingQueryProgress", "limit=reports at most",
     NULL},
    {"GET", ID "/epochs", HR_HTTP_READ, 0, get_epochs, "the last epochs, newest first",
     "limit=epochs at most", NULL},
    {"GET", ID "/plan", HR_HTTP_READ, 0, get_plan, "operators, plans, sources, sink, guarantee",
     "format=json or text", NULL},
    {"GET", ID "/sources", HR_HTTP_READ, 0, get_sources, "its sources and their offsets", NULL,
     NULL},
    {"GET", ID "/sinks", HR_HTTP_READ, 0, get_sinks, "its sink", NULL, NULL},
    {"GET", ID "/state", HR_HTTP_READ, 0, get_state, "its stateful operators", NULL, NULL},
    {"GET", ID "/tap", HR_HTTP_READ, HR_HTTP_SLOW, get_tap,
     "rows that an operator hands over while one waits for them",
     "operator=id in the plan (0, the last, unless said);rows=at most;waitMs=how long", NULL},
    {"GET", ID "/errors", HR_HTTP_READ, 0, get_errors, "its failures, newest first", NULL, NULL},
    {"POST", ID "/stop", HR_HTTP_OPERATE, 0, post_stop, "ask it to end", NULL,
     "atOnce=true: without waiting for the running epoch"},
};

const struct hr_serve_module hr_serve_queries = {
    .name = "queries", .routes = routes, .route_count = HR_COUNT(routes)};
