/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections and requests over libmicrohttpd: one thread with epoll; a slow handler's connection
 * is suspended while a thread of its own works for it.
 *
 * A request: NEW (headers are there: guarded before its body is read) → BODY → RUNNING → READY →
 * answered, freed when the answer is sent.
 */
#include "late_microhttpd.h"
#include <stdio.h>
#include <sys/socket.h>

#include "base/alloc.h"
#include "base/log.h"
#include "serve/internal.h"

#if MHD_VERSION >= 0x00097002
typedef enum MHD_Result mhd_result;
#else
typedef int mhd_result;
#endif

#define HEADER_US      INT64_C(10000000) /* for the headers of a request */
#define BODY_US        INT64_C(30000000) /* for its body */
#define KEEP_ALIVE_US  INT64_C(75000000) /* for the next request */
#define CSP                                                                                      \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; "      \
    "connect-src 'self'; worker-src 'self'; font-src 'self'; base-uri 'none'; "                  \
    "form-action 'none'; frame-ancestors 'none'"

enum stage { NEW, BODY, RUNNING, READY };

/* What a request is inside. */
struct exchange {
    struct hr_http_request request; /* first */
    _Atomic int stage;
    bool too_large;
    struct hr_err err;
};

static int64_t mono_us(struct hr_serve *serve)
{
    return serve->env->vt->mono_ns(serve->env) / 1000;
}

/* Connections ---------------------------------------------------------------------------------- */

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct hr_serve *serve = arg;
    pthread_mutex_lock(&serve->connections_lock);
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        struct hr_http_connection *c = hr_zalloc(sizeof *c);
        if (c && fd) {
            c->fd = fd->connect_fd;
            c->deadline_us = mono_us(serve) + HEADER_US;
            c->next = serve->connections;
            c->link = &serve->connections;
            if (c->next) c->next->link = &c->next;
            serve->connections = c;
        }
        *context = c;
    } else if (*context) {
        struct hr_http_connection *c = *context;
        *c->link = c->next;
        if (c->next) c->next->link = c->link;
        hr_free(c);
        *context = NULL;
    }
    pthread_mutex_unlock(&serve->connections_lock);
}

/* wait_us 0: as long as it takes. */
static void set_deadline(struct hr_serve *serve, struct MHD_Connection *connection,
                         int64_t wait_us)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct hr_http_connection *c = info ? info->socket_context : NULL;
    if (!c) return;
    pthread_mutex_lock(&serve->connections_lock);
    c->deadline_us = wait_us ? mono_us(serve) + wait_us : 0;
    pthread_mutex_unlock(&serve->connections_lock);
}

void hr_http_reap(struct hr_serve *serve)
{
    int64_t now_us = mono_us(serve);
    pthread_mutex_lock(&serve->connections_lock);
    for (struct hr_http_connection *c = serve->connections; c; c = c->next) {
        if (!c->deadline_us || c->deadline_us > now_us) continue;
        shutdown(c->fd, SHUT_RDWR); /* the server's thread sees its end */
        c->deadline_us = 0;
    }
    pthread_mutex_unlock(&serve->connections_lock);
}

/* Answers -------------------------------------------------------------------------------------- */

static mhd_result answer(struct exchange *x)
{
    static const char *const headers[][2] = {
        {"Content-Security-Policy", CSP},
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    struct hr_http_request *request = &x->request;
    if (request->out.failed) {
        hr_buf_done(&request->out);
        request->status = 503;
        hr_buf_puts(&request->out, "{\"status\":503,\"detail\":\"the answer is too large\"}");
    }
    if (!request->status) request->status = 200;
    atomic_fetch_add(&request->serve->answers[HR_MIN(request->status / 100, 5)], 1);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        request->out.len, request->out.ptr, MHD_RESPMEM_PERSISTENT);
    if (!response) return MHD_NO;
    MHD_add_response_header(response, "Content-Type",
                            request->content_type ? request->content_type : "application/json");
    for (size_t i = 0; i < HR_COUNT(headers); i++)
        MHD_add_response_header(response, headers[i][0], headers[i][1]);
    bool cached = false;
    for (uint32_t i = 0; i < request->header_count; i++) {
        MHD_add_response_header(response, request->header_names[i], request->header_values[i]);
        if (strcmp(request->header_names[i], "Cache-Control") == 0) cached = true;
    }
    if (!cached) MHD_add_response_header(response, "Cache-Control", "no-store");
    mhd_result result =
        MHD_queue_response(request->connection, (unsigned)request->status, response);
    MHD_destroy_response(response);
    return result;
}

static mhd_result answer_error(struct exchange *x)
{
    hr_http_put_error(&x->request, &x->err);
    return answer(x);
}

/* Slow handlers -------------------------------------------------------------------------------- */

static void handle(struct exchange *x)
{
    struct hr_http_request *request = &x->request;
    hr_status status = request->route->handle(request, &x->err);
    if (status != HR_OK) hr_http_put_error(request, &x->err);
}

static void *slow_main(void *arg)
{
    struct exchange *x = arg;
    struct hr_serve *serve = x->request.serve;
    struct MHD_Connection *connection = x->request.connection;
    handle(x);
    atomic_store(&x->stage, READY);
    MHD_resume_connection(connection); /* x is the server's thread's again */
    pthread_mutex_lock(&serve->slow_lock);
    serve->slow_running--;
    pthread_cond_broadcast(&serve->slow_ended);
    pthread_mutex_unlock(&serve->slow_lock);
    return NULL;
}

static bool may_run_slow(struct hr_serve *serve)
{
    pthread_mutex_lock(&serve->slow_lock);
    bool may = serve->slow_running < HR_HTTP_SLOW_MAX && !atomic_load(&serve->stopping);
    if (may) serve->slow_running++;
    pthread_mutex_unlock(&serve->slow_lock);
    return may;
}

static mhd_result run_slow(struct exchange *x)
{
    struct hr_serve *serve = x->request.serve;
    pthread_t thread;
    if (!may_run_slow(serve)) {
        hr_http_add_header(&x->request, "Retry-After", "1");
        x->request.status = 429;
        HR_FAIL(&x->err, HR_E_LIMIT, "%d statements run already", HR_HTTP_SLOW_MAX);
        return answer_error(x);
    }
    atomic_store(&x->stage, RUNNING);
    MHD_suspend_connection(x->request.connection);
    if (hr_thread_start(&thread, "http-slow", slow_main, x, &x->err) != HR_OK) {
        hr_http_put_error(&x->request, &x->err);
        atomic_store(&x->stage, READY);
        MHD_resume_connection(x->request.connection);
        pthread_mutex_lock(&serve->slow_lock);
        serve->slow_running--;
        pthread_mutex_unlock(&serve->slow_lock);
        return MHD_YES;
    }
    pthread_detach(thread);
    return MHD_YES;
}

/* Requests ------------------------------------------------------------------------------------- */

static mhd_result dispatch(struct exchange *x)
{
    struct hr_http_request *request = &x->request;
    set_deadline(request->serve, request->connection, 0);
    struct hr_json *json = NULL;
    if (request->route->body && request->body.len &&
        hr_json_parse(&request->arena, hr_svn(request->body.ptr, request->body.len), &json,
                      &x->err) != HR_OK)
        return answer_error(x);
    request->json = json;
    if (request->route->flags & HR_HTTP_EVENTS) {
        if (hr_serve_events_handle(request, &x->err) != HR_OK) return answer_error(x);
        return (mhd_result)hr_serve_events_answer(request);
    }
    if (request->route->flags & HR_HTTP_SLOW) return run_slow(x);
    handle(x);
    return answer(x);
}

static struct exchange *exchange_new(struct hr_serve *serve, struct MHD_Connection *connection,
                                     const char *path, const char *method)
{
    struct exchange *x = hr_zalloc(sizeof *x);
    if (!x) return NULL;
    hr_err_init(&x->err);
    x->request.serve = serve;
    x->request.connection = connection;
    hr_arena_init(&x->request.arena, NULL);
    hr_buf_init(&x->request.body, HR_HTTP_BODY_MAX);
    hr_buf_init(&x->request.out, 16 << 20);
    x->request.path = hr_arena_strdup(&x->request.arena, path);
    x->request.method = hr_arena_strdup(&x->request.arena, method);
    if (x->request.path && x->request.method) return x;
    hr_arena_done(&x->request.arena);
    hr_free(x);
    return NULL;
}

static mhd_result on_request(void *arg, struct MHD_Connection *connection, const char *path,
                             const char *method, const char *version, const char *upload,
                             size_t *upload_size, void **context)
{
    struct hr_serve *serve = arg;
    struct exchange *x = *context;
    HR_UNUSED(version);
    if (!x) { /* the headers are there */
        x = *context = exchange_new(serve, connection, path, method);
        if (!x) return MHD_NO;
        atomic_fetch_add(&serve->request_count, 1);
        set_deadline(serve, connection, BODY_US);
        if (hr_http_guard(&x->request, &x->err) != HR_OK) return answer_error(x);
        atomic_store(&x->stage, BODY);
        return MHD_YES;
    }
    if (atomic_load(&x->stage) == READY) return answer(x);
    if (*upload_size) {
        if (x->request.body.len + *upload_size > HR_HTTP_BODY_MAX) return MHD_NO; /* in chunks */
        hr_buf_append(&x->request.body, upload, *upload_size);
        *upload_size = 0;
        return x->request.body.failed ? MHD_NO : MHD_YES;
    }
    return dispatch(x);
}

static void on_completed(void *arg, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode why)
{
    struct hr_serve *serve = arg;
    struct exchange *x = *context;
    HR_UNUSED(why);
    if (!x) return;
    set_deadline(serve, connection, KEEP_ALIVE_US);
    hr_buf_done(&x->request.body);
    hr_buf_done(&x->request.out);
    hr_arena_done(&x->request.arena);
    hr_free(x);
    *context = NULL;
}

static void on_log(void *arg, const char *fmt, va_list args)
{
    char text[400];
    HR_UNUSED(arg);
    vsnprintf(text, sizeof text, fmt, args);
    HR_LOG(HR_LOG_DEBUG, "http: %s", text);
}

/* Start and end -------------------------------------------------------------------------------- */

struct MHD_Daemon *hr_http_start_daemon(struct hr_serve *serve, int fd)
{
    struct MHD_OptionItem options[] = {
        {MHD_OPTION_EXTERNAL_LOGGER, (intptr_t)on_log, NULL},
        {MHD_OPTION_NOTIFY_CONNECTION, (intptr_t)on_connection, serve},
        {MHD_OPTION_NOTIFY_COMPLETED, (intptr_t)on_completed, serve},
        {MHD_OPTION_CONNECTION_LIMIT, 512, NULL},
        {MHD_OPTION_CONNECTION_TIMEOUT, 90, NULL},
        {MHD_OPTION_CONNECTION_MEMORY_LIMIT, 32768, NULL},
        {MHD_OPTION_STRICT_FOR_CLIENT, 1, NULL},
        {serve->tls ? MHD_OPTION_HTTPS_MEM_CERT : MHD_OPTION_END, 0, serve->tls_cert},
        {MHD_OPTION_HTTPS_MEM_KEY, 0, serve->tls_key},
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    if (serve->tls) flags |= MHD_USE_TLS;
    return MHD_start_daemon(flags, 0, NULL, NULL, on_request, serve, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_ARRAY, options, MHD_OPTION_END);
}

void hr_http_close(struct hr_serve *serve)
{
    if (!serve->daemon) return;
    pthread_mutex_lock(&serve->slow_lock);
    while (serve->slow_running) pthread_cond_wait(&serve->slow_ended, &serve->slow_lock);
    pthread_mutex_unlock(&serve->slow_lock);
    hr_serve_events_wake_all(serve);
    MHD_stop_daemon(serve->daemon);
    serve->daemon = NULL;
}
