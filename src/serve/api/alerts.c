/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts and dashboards: what fires, who has seen it, what was delivered; rows of tiles. Events:
 *
 *   alerts   when anything of an alert changed: the list
 */
#include <inttypes.h>
#include <stdio.h>

#include "alert/alert.h"
#include "base/alloc.h"
#include "serve/internal.h"

#define INSTANCES_SHOWN 200
#define TILE_ROWS_MAX   5000
#define TILE_MEMORY     (INT64_C(64) << 20)

/* Alerts --------------------------------------------------------------------------------------- */

struct listing {
    struct hr_buf *out;
    const char *state;
    bool any;
};

static void add_alert(void *arg, struct hr_alert *alert)
{
    struct listing *l = arg;
    if (l->any) hr_buf_putc(l->out, ',');
    l->any = true;
    hr_alert_put_json(alert, l->state, INSTANCES_SHOWN, l->out);
}

static void put_alerts(struct hr_buf *out, const char *state)
{
    struct listing listing = {.out = out, .state = state};
    hr_buf_puts(out, "{\"items\":[");
    hr_alerts_each(add_alert, &listing);
    hr_buf_puts(out, "]}");
}

static hr_status get_alerts(struct hr_http_request *request, struct hr_err *err)
{
    static const char *const states[] = {"pending", "firing", "recovering", "resolved"};
    const char *state = hr_http_query(request, "state");
    bool known = !state;
    for (size_t i = 0; i < HR_COUNT(states) && !known; i++) known = strcmp(states[i], state) == 0;
    if (!known)
        return HR_HTTP_FAIL(request, 400, err, HR_E_INVALID_ARGUMENT,
                            "state is pending, firing, recovering or resolved");
    put_alerts(&request->out, state);
    return HR_OK;
}

/* 404 for what is not there, 409 for an alert whose query does not run. */
static hr_status answer(struct hr_http_request *request, hr_status status)
{
    if (status == HR_E_NOT_FOUND) request->status = 404;
    if (status == HR_E_AGAIN) request->status = 409;
    return status;
}

static hr_status get_deliveries(struct hr_http_request *request, struct hr_err *err)
{
    int64_t limit;
    HR_TRY(hr_http_query_int(request, "limit", 100, 1, 1000, &limit, err));
    hr_buf_puts(&request->out, "{\"items\":[");
    HR_TRY(answer(request, hr_alert_put_deliveries(request->params[0],
                                                   hr_http_query(request, "state"), limit,
                                                   &request->out, err)));
    hr_buf_puts(&request->out, "]}");
    return HR_OK;
}

static hr_status get_history(struct hr_http_request *request, struct hr_err *err)
{
    int64_t limit;
    HR_TRY(hr_http_query_int(request, "limit", 100, 1, 1000, &limit, err));
    hr_buf_puts(&request->out, "{\"items\":[");
    HR_TRY(answer(request,
                  hr_alert_put_history(request->params[0], limit, &request->out, err)));
    hr_buf_puts(&request->out, "]}");
    return HR_OK;
}

/* The member key without the spaces between its parts, as alerts have theirs; NULL: all. */
static hr_status read_key(struct hr_http_request *request, const char **ret, struct hr_err *err)
{
    const struct hr_json *key = hr_json_get(request->json, "key");
    *ret = NULL;
    if (!key || key->kind == HR_JSON_NULL) return HR_OK;
    if (key->kind != HR_JSON_OBJECT)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "key is an object of the columns of KEY");
    char *text = hr_arena_strndup(&request->arena, key->raw.ptr, key->raw.len);
    if (!text) return HR_OOM(err);
    size_t to = 0;
    bool quoted = false;
    for (size_t i = 0; text[i]; i++) {
        if (text[i] == '"') quoted = !quoted;
        bool space = !quoted && strchr(" \t\r\n", text[i]);
        if (!space) text[to++] = text[i];
        if (quoted && text[i] == '\\' && text[i + 1]) text[to++] = text[++i];
    }
    text[to] = 0;
    *ret = text;
    return HR_OK;
}

static hr_status post_ack(struct hr_http_request *request, struct hr_err *err)
{
    const char *key, *by, *comment;
    int64_t count = 0;
    HR_TRY(read_key(request, &key, err));
    HR_TRY(hr_json_string(request->json, "by", &by, err));
    HR_TRY(hr_json_string(request->json, "comment", &comment, err));
    hr_status status =
        hr_alert_acknowledge(request->params[0], key, by, comment, &count, err);
    /* An alert that is there, but does not fire: a conflict. */
    HR_TRY(answer(request, status));
    hr_buf_printf(&request->out, "{\"acknowledged\":%" PRId64 "}", count);
    return HR_OK;
}

static hr_status post_silence(struct hr_http_request *request, struct hr_err *err)
{
    const char *key;
    int64_t seconds;
    HR_TRY(read_key(request, &key, err));
    HR_TRY(hr_json_int(request->json, "seconds", 3600, 0, INT64_C(31536000), &seconds, err));
    HR_TRY(answer(request, hr_alert_silence(request->params[0], key, seconds, err)));
    hr_buf_printf(&request->out, "{\"seconds\":%" PRId64 "}", seconds);
    return HR_OK;
}

static hr_status post_retry(struct hr_http_request *request, struct hr_err *err)
{
    int64_t count = 0;
    HR_TRY(answer(request, hr_alert_retry(request->params[0], &count, err)));
    hr_buf_printf(&request->out, "{\"retried\":%" PRId64 "}", count);
    return HR_OK;
}

/* Dashboards ----------------------------------------------------------------------------------- */

static hr_status get_dashboards(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_serve_entry *entry;
    bool any = false;
    HR_UNUSED(err);
    hr_buf_puts(&request->out, "{\"items\":[");
    for (uint32_t i = 0; (entry = hr_serve_acquire(request->serve, i)) != NULL; i++) {
        struct hr_buf list = {0};
        if (hr_session_put_dashboards(entry->session, NULL, &list)) {
            if (any) hr_buf_putc(&request->out, ',');
            hr_buf_append(&request->out, list.ptr, list.len);
            any = true;
        }
        hr_buf_done(&list);
        hr_serve_release(request->serve, entry);
    }
    hr_buf_puts(&request->out, "]}");
    return HR_OK;
}

static hr_status get_dashboard(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_serve_entry *entry;
    bool found = false;
    for (uint32_t i = 0; !found && (entry = hr_serve_acquire(request->serve, i)) != NULL; i++) {
        found = hr_session_put_dashboards(entry->session, request->params[0], &request->out);
        hr_serve_release(request->serve, entry);
    }
    if (found) return HR_OK;
    return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND, "there is no dashboard '%.100s'",
                        request->params[0]);
}

static void put_rows(struct hr_buf *out, const struct hr_result *result,
                     const struct hr_conf *conf, int64_t limit)
{
    struct hr_buf value = {0};
    int64_t rows = 0, put = 0;
    hr_buf_putc(out, '{');
    hr_http_put_columns(out, result->schema);
    hr_buf_puts(out, ",\"rows\":[");
    for (uint32_t b = 0; b < result->batch_count; b++) {
        const struct hr_batch *batch = result->batches[b];
        for (uint32_t k = 0; k < batch->sel_count && put < limit; k++) {
            if (put++) hr_buf_putc(out, ',');
            hr_batch_print_json(batch, batch->sel ? batch->sel[k] : k, conf->tz, SIZE_MAX, &value,
                                out);
        }
        rows += batch->sel_count;
    }
    hr_buf_printf(out, "],\"total\":%" PRId64, rows);
    hr_buf_done(&value);
}

static hr_status run_tile(struct hr_http_request *request, struct hr_serve_entry *entry,
                          const char *query, int64_t limit, struct hr_err *err)
{
    struct hr_session *reader = NULL;
    struct hr_result result = {0};
    HR_TRY(hr_session_new_reader(entry->session, TILE_MEMORY, &reader, err));
    hr_status status = hr_session_sql(reader, hr_sv(query), &result, err);
    if (status == HR_OK) {
        put_rows(&request->out, &result, hr_session_conf(reader), limit);
        hr_http_put_time(&request->out, "asOf", hr_now_us(request->serve->env));
        hr_buf_putc(&request->out, '}');
        hr_result_done(&result);
    }
    hr_session_free(reader);
    return status;
}

static hr_status get_tile(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_serve_entry *entry;
    int64_t limit;
    HR_TRY(hr_http_query_int(request, "limit", 1000, 1, TILE_ROWS_MAX, &limit, err));
    for (uint32_t i = 0; (entry = hr_serve_acquire(request->serve, i)) != NULL; i++) {
        char *query = hr_session_tile_query(entry->session, request->params[0], request->params[1]);
        hr_status status = query ? run_tile(request, entry, query, limit, err) : HR_OK;
        bool found = query != NULL;
        hr_free(query);
        hr_serve_release(request->serve, entry);
        if (found) return status;
    }
    return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND, "there is no tile '%.60s.%.60s'",
                        request->params[0], request->params[1]);
}

/* Life ----------------------------------------------------------------------------------------- */

static uint64_t told; /* the ticker's own */

static void tick(struct hr_serve *serve, int64_t now_s)
{
    uint64_t version = hr_alerts_version();
    HR_UNUSED(now_s);
    if (version == told || !hr_serve_is_wanted(serve, "alerts")) return;
    struct hr_buf list = {0};
    told = version;
    put_alerts(&list, NULL);
    if (!list.failed) hr_serve_publish(serve, "alerts", "alerts", hr_svn(list.ptr, list.len));
    hr_buf_done(&list);
}

static const struct hr_http_route routes[] = {
    {"GET", "/api/v1/alerts", HR_HTTP_READ, HR_HTTP_SLOW, get_alerts,
     "alerts, and of each the keys that it knows, at most 200",
     "state=pending, firing, recovering or resolved", NULL},
    {"GET", "/api/v1/alerts/{alert}/history", HR_HTTP_READ, HR_HTTP_SLOW, get_history,
     "its transitions, the newest first", "limit=at most 1000 (100)", NULL},
    {"GET", "/api/v1/alerts/{alert}/deliveries", HR_HTTP_READ, HR_HTTP_SLOW, get_deliveries,
     "what its actions were given, the newest first",
     "state=pending, done or dead;limit=at most 1000 (100)", NULL},
    {"POST", "/api/v1/alerts/{alert}/ack", HR_HTTP_OPERATE, HR_HTTP_SLOW, post_ack,
     "say that somebody has seen it", NULL,
     "key=an object of its key's columns (without: all that fire);by=who;comment=text"},
    {"POST", "/api/v1/alerts/{alert}/silence", HR_HTTP_OPERATE, HR_HTTP_SLOW, post_silence,
     "no actions for a time", NULL,
     "key=an object of its key's columns (without: all);seconds=how long, 0: no longer (3600)"},
    {"POST", "/api/v1/alerts/{alert}/retry", HR_HTTP_OPERATE, HR_HTTP_SLOW, post_retry,
     "try its dead deliveries again", NULL, "all=true"},
    {"GET", "/api/v1/dashboards", HR_HTTP_READ, 0, get_dashboards, "dashboards with their tiles",
     NULL, NULL},
    {"GET", "/api/v1/dashboards/{dashboard}", HR_HTTP_READ, 0, get_dashboard, "a dashboard", NULL,
     NULL},
    {"GET", "/api/v1/dashboards/{dashboard}/tiles/{tile}", HR_HTTP_READ, HR_HTTP_SLOW, get_tile,
     "the rows of a tile as they are now", "limit=rows at most 5000 (1000)", NULL},
};

const struct hr_serve_module hr_serve_alerts = {
    .name = "alerts",
    .routes = routes,
    .route_count = HR_COUNT(routes),
    .tick = tick,
};
