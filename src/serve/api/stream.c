/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events about queries, once a second and only when somebody listens:
 *
 *   queries      when a query came, ended or failed: the list
 *   samples      of every running query the figures of the second that is over
 *   query:RUNID  the last report of one query
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "serve/api/queries.h"

struct tick {
    struct hr_serve *serve;
    struct hr_buf list, samples;
    int64_t second;
};

static hr_status get_events(struct hr_http_request *request, struct hr_err *err)
{
    HR_UNUSED(request);
    return HR_BUG(err, "a stream is answered elsewhere");
}

static void put_samples(struct tick *tick, struct hr_query *query)
{
    struct hr_sample samples[3];
    int64_t idle[HR_FIGURE_COUNT] = {0};
    uint64_t bins[HR_HISTORY_BINS];
    int64_t totals[HR_FIGURE_COUNT];
    const int64_t *figures = NULL;
    uint32_t count = hr_query_samples(query, 0, tick->second, samples, HR_COUNT(samples));
    for (uint32_t i = 0; i < count && !figures; i++)
        if (samples[i].start_s == tick->second) figures = samples[i].figures;
    if (!figures) { /* an idle second: what is held stays, what is counted is 0 */
        hr_query_totals(query, totals, bins);
        idle[HR_FIGURE_STATE_ROWS] = totals[HR_FIGURE_STATE_ROWS];
        idle[HR_FIGURE_STATE_BYTES] = totals[HR_FIGURE_STATE_BYTES];
        idle[HR_FIGURE_WATERMARK_GAP_MS] = totals[HR_FIGURE_WATERMARK_GAP_MS];
        figures = idle;
    }
    hr_http_put_name(&tick->samples, hr_query_run_id(query));
    for (int i = 0; i < HR_FIGURE_COUNT; i++)
        hr_buf_printf(&tick->samples, "%c%" PRId64, i ? ',' : '[', figures[i]);
    hr_buf_putc(&tick->samples, ']');
}

static void publish_report(struct hr_serve *serve, struct hr_query *query)
{
    char topic[64];
    struct hr_buf report = {0};
    snprintf(topic, sizeof topic, "query:%s", hr_query_run_id(query));
    if (!hr_serve_is_wanted(serve, topic)) return;
    hr_buf_puts(&report, "{");
    hr_http_put_string(&report, "runId", hr_query_run_id(query));
    hr_http_put_name(&report, "progress");
    size_t before = report.len;
    hr_query_progress_json(query, &report);
    if (report.len == before) hr_buf_puts(&report, "null");
    hr_serve_put_operators(serve, &report, query);
    hr_buf_putc(&report, '}');
    if (!report.failed) hr_serve_publish(serve, topic, "query", hr_svn(report.ptr, report.len));
    hr_buf_done(&report);
}

static void add_query(void *arg, const struct hr_serve_entry *entry, struct hr_query *query)
{
    struct tick *tick = arg;
    struct hr_query_info info;
    hr_query_get_info(query, &info);
    if (tick->list.ptr[tick->list.len - 1] != '[') hr_buf_putc(&tick->list, ',');
    hr_buf_putc(&tick->list, '{');
    hr_serve_put_identity(&tick->list, entry, query, &info);
    hr_buf_putc(&tick->list, '}');
    if (info.ended_us) return;
    put_samples(tick, query);
    publish_report(tick->serve, query);
}

static void tick(struct hr_serve *serve, int64_t now_s)
{
    struct tick tick = {.serve = serve, .second = now_s - 1};
    if (!hr_serve_events_clients(serve)) {
        hr_buf_clear(&serve->told);
        return;
    }
    hr_buf_puts(&tick.list, "{\"items\":[");
    hr_buf_printf(&tick.samples, "{\"t\":%" PRId64 ",\"cols\":[", tick.second);
    for (int i = 0; i < HR_FIGURE_COUNT; i++)
        hr_buf_printf(&tick.samples, "%s\"%s\"", i ? "," : "", hr_figure_names[i]);
    hr_buf_puts(&tick.samples, "],\"q\":{");
    hr_serve_each_query(serve, add_query, &tick);
    hr_buf_puts(&tick.list, "]}");
    hr_buf_puts(&tick.samples, "}}");
    struct hr_str_view list = hr_svn(tick.list.ptr, tick.list.len);
    if (!tick.list.failed && !hr_sv_eq(list, hr_svn(serve->told.ptr, serve->told.len))) {
        hr_serve_publish(serve, "queries", "queries", list);
        hr_buf_clear(&serve->told);
        hr_buf_put_sv(&serve->told, list);
    }
    if (!tick.samples.failed)
        hr_serve_publish(serve, "samples", "samples",
                         hr_svn(tick.samples.ptr, tick.samples.len));
    hr_buf_done(&tick.list);
    hr_buf_done(&tick.samples);
}

static void stop(struct hr_serve *serve)
{
    hr_buf_done(&serve->told);
}

static const struct hr_http_route routes[] = {
    {"GET", "/api/v1/events", HR_HTTP_READ, HR_HTTP_EVENTS, get_events,
     "Server-Sent Events of what changes; Last-Event-ID goes on where it was",
     "topics=queries,samples,logs,jobs,alerts,query:RUNID (without: all that have no colon);"
     "lastEventId=in place of the header",
     NULL},
};

const struct hr_serve_module hr_serve_stream = {
    .name = "events",
    .routes = routes,
    .route_count = HR_COUNT(routes),
    .tick = tick,
    .stop = stop,
};
