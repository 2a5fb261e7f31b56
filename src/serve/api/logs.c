/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The newest lines of the log, for the page: kept beside what is printed, from level info on.
 *
 * Threads: any thread logs; `lock` covers the ring, and is held for a copy alone. Who logs while it
 * is held would wait for itself: nothing here does. A forked worker logs too, so it is forkable.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "serve/api/process.h"

#define LINES_MAX 2000
#define TEXT_MAX  500

struct line {
    int64_t time_us;
    enum hr_log_level level;
    char text[TEXT_MAX];
};

struct hr_serve_logs {
    struct hr_env *env;
    pthread_mutex_t lock;
    struct line **ring; /* LINES_MAX, made as they come */
    uint64_t count;     /* that there ever were: the newest is (count − 1) % LINES_MAX */
    uint64_t told;      /* of them as events */
    uint64_t by_level[4];
};

static const char *const levels[] = {"error", "warn", "info", "debug"};

/* Under the log's lock, which is forkable already. */
static void on_line(void *arg, enum hr_log_level level, const char *message)
{
    struct hr_serve_logs *logs = arg;
    pthread_mutex_lock(&logs->lock);
    struct line **slot = &logs->ring[logs->count % LINES_MAX];
    if (!*slot) *slot = hr_alloc(sizeof **slot);
    if (*slot) {
        (*slot)->time_us = hr_now_us(logs->env);
        (*slot)->level = level;
        snprintf((*slot)->text, TEXT_MAX, "%s", message);
        logs->count++;
        logs->by_level[level]++;
    }
    pthread_mutex_unlock(&logs->lock);
}

static void put_line(struct hr_buf *out, const struct line *line)
{
    if (out->ptr[out->len - 1] != '[') hr_buf_putc(out, ',');
    hr_buf_putc(out, '{');
    hr_http_put_time(out, "time", line->time_us);
    hr_http_put_string(out, "level", levels[line->level]);
    hr_http_put_string(out, "message", line->text);
    hr_buf_putc(out, '}');
}

static hr_status get_logs(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_serve_logs *logs = request->serve->logs;
    const char *word = hr_http_query(request, "level");
    int64_t limit;
    int most = 0;
    HR_TRY(hr_http_query_int(request, "limit", 200, 1, LINES_MAX, &limit, err));
    while (word && most < 4 && strcmp(levels[most], word) != 0) most++;
    if (most == 4)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "level=%.20s: error, warn or info", word);
    hr_buf_puts(&request->out, "{\"items\":[");
    hr_forkable_lock(&logs->lock);
    uint64_t kept = HR_MIN(logs->count, (uint64_t)LINES_MAX);
    for (uint64_t i = 0; i < kept && limit > 0; i++) {
        const struct line *line = logs->ring[(logs->count - 1 - i) % LINES_MAX];
        if (word && (int)line->level > most) continue;
        put_line(&request->out, line);
        limit--;
    }
    hr_forkable_unlock(&logs->lock);
    hr_buf_puts(&request->out, "]}");
    return HR_OK;
}

static void tick(struct hr_serve *serve, int64_t now_s)
{
    struct hr_serve_logs *logs = serve->logs;
    struct hr_buf out = {0};
    HR_UNUSED(now_s);
    hr_buf_puts(&out, "{\"items\":[");
    hr_forkable_lock(&logs->lock);
    uint64_t from = logs->told;
    if (logs->count - from > LINES_MAX) from = logs->count - LINES_MAX;
    bool any = from < logs->count;
    for (; from < logs->count; from++) put_line(&out, logs->ring[from % LINES_MAX]);
    logs->told = logs->count;
    hr_forkable_unlock(&logs->lock);
    hr_buf_puts(&out, "]}");
    if (any && !out.failed) hr_serve_publish(serve, "logs", "logs", hr_svn(out.ptr, out.len));
    hr_buf_done(&out);
}

static hr_status start(struct hr_serve *serve, struct hr_err *err)
{
    struct hr_serve_logs *logs = hr_zalloc(sizeof *logs);
    struct line **ring = hr_zalloc(LINES_MAX * sizeof *ring);
    if (!logs || !ring || pthread_mutex_init(&logs->lock, NULL)) {
        hr_free(logs);
        hr_free(ring);
        return HR_OOM(err);
    }
    logs->env = serve->env;
    logs->ring = ring;
    serve->logs = logs;
    hr_log_set_tap(on_line, logs, HR_LOG_INFO);
    return HR_OK;
}

static void stop(struct hr_serve *serve)
{
    struct hr_serve_logs *logs = serve->logs;
    if (!logs) return;
    hr_log_set_tap(NULL, NULL, HR_LOG_ERROR);
    for (int i = 0; i < LINES_MAX; i++) hr_free(logs->ring[i]);
    hr_free(logs->ring);
    pthread_mutex_destroy(&logs->lock);
    hr_free(logs);
    serve->logs = NULL;
}

static void metrics(struct hr_serve *serve, struct hr_buf *out)
{
    struct hr_serve_logs *logs = serve->logs;
    uint64_t by_level[4];
    hr_forkable_lock(&logs->lock);
    memcpy(by_level, logs->by_level, sizeof by_level);
    hr_forkable_unlock(&logs->lock);
    hr_metrics_family(out, "headrace_log_messages", "counter", NULL, "lines logged");
    for (int i = 0; i <= HR_LOG_INFO; i++)
        hr_buf_printf(out, "headrace_log_messages_total{level=\"%s\"} %" PRIu64 "\n", levels[i],
                      by_level[i]);
}

static const struct hr_http_route routes[] = {
    {"GET", "/api/v1/logs", HR_HTTP_READ, 0, get_logs, "the newest lines of the log, newest first",
     "limit=lines at most;level=error, warn or info: that and above", NULL},
};

const struct hr_serve_module hr_serve_log = {
    .name = "logs",
    .routes = routes,
    .route_count = HR_COUNT(routes),
    .start = start,
    .tick = tick,
    .stop = stop,
    .metrics = metrics,
};
