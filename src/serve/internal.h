/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of the server share.
 *
 * Locks, each for moments only and none of them inside another but where it says so: entries (the
 * list of sessions), connections, events.lock. A query's own lock is taken below any of them by
 * its copying functions; no lock of ours is held while an answer is printed.
 */
#ifndef HR_SERVE_INTERNAL_H
#define HR_SERVE_INTERNAL_H

#include "base/thread.h"
#include "serve/http/http.h"
#include "serve/serve.h"
#include "stream/history.h"
#include "stream/registry.h"

struct MHD_Daemon;
struct hr_serve_events; /* http/events.c */
struct hr_serve_auth;   /* http/auth.c */
struct hr_serve_logs;   /* api/logs.c */
struct hr_jobs;         /* api/jobs.c */
struct hr_statements;   /* api/sql.c */

/* A session that is shown. */
struct hr_serve_entry {
    char *name;
    struct hr_session *session;
    uint32_t users; /* requests that look at it */
    bool leaving;
    struct hr_serve_entry *next;
};

/* A connection: to be ended when it has not sent a whole request in time. */
struct hr_http_connection {
    int fd;
    int64_t deadline_us; /* of the monotonic clock; 0: none */
    struct hr_http_connection *next, **link;
};

struct hr_serve {
    struct hr_env *env;
    char url[160], boot[17];
    bool tls, open_without_token;
    char hosts[16][128]; /* what Host may be, in lower case */
    uint32_t host_count;
    int64_t started_us;
    struct MHD_Daemon *daemon;
    char *tls_cert, *tls_key;

    pthread_mutex_t entries_lock;
    pthread_cond_t entries_changed;
    struct hr_serve_entry *entries; /* in the order in which they came */

    pthread_mutex_t connections_lock;
    struct hr_http_connection *connections;

    pthread_mutex_t slow_lock;
    pthread_cond_t slow_ended;
    uint32_t slow_running;

    _Atomic uint64_t request_count;
    _Atomic uint64_t answers[6]; /* by hundreds of the status */

    struct hr_serve_auth *auth;
    struct hr_serve_events *events;
    struct hr_serve_logs *logs;
    struct hr_jobs *jobs; /* NULL: none */
    struct hr_statements *statements;
    struct hr_buf told;   /* the list of queries as listeners have it; the ticker's own */

    pthread_t ticker;
    bool ticking;
    _Atomic bool stopping;
    struct hr_wakeup wakeup;
};

/* Modules -------------------------------------------------------------------------------------- */

/* A part of the server: its routes, and what it does. Rows of modules.def. */
struct hr_serve_module {
    const char *name; /* the tag of its routes */
    const struct hr_http_route *routes;
    uint32_t route_count;
    /* Once when all is there, on the starter's thread; may be NULL. */
    hr_status (*start)(struct hr_serve *serve, struct hr_err *err);
    /* Once a second on the ticker's thread; may be NULL. */
    void (*tick)(struct hr_serve *serve, int64_t now_s);
    /* When no request runs any more. Also after a start that failed. May be NULL. */
    void (*stop)(struct hr_serve *serve);
    /* Adds its lines to /metrics; may be NULL. */
    void (*metrics)(struct hr_serve *serve, struct hr_buf *out);
};
uint32_t hr_serve_module_count(void);
const struct hr_serve_module *hr_serve_module_at(uint32_t index);
#define X(name) extern const struct hr_serve_module hr_serve_##name;
#include "serve/modules.def"
#undef X

/* entries.c ------------------------------------------------------------------------------------ */

/* The index-th session, or NULL behind the last; give it back by hr_serve_release. */
struct hr_serve_entry *hr_serve_acquire(struct hr_serve *serve, uint32_t index);
struct hr_serve_entry *hr_serve_acquire_named(struct hr_serve *serve, const char *name);
void hr_serve_release(struct hr_serve *serve, struct hr_serve_entry *entry);
/* The query of that id, run id or name (a running one before ended ones) and its session; 404 when
 * there is none. Both are given back by hr_serve_put_query. */
struct hr_serve_query {
    struct hr_serve_entry *entry;
    struct hr_query *query;
};
hr_status hr_serve_get_query(struct hr_http_request *request, const char *id,
                             struct hr_serve_query *ret, struct hr_err *err) HR_CHECKED;
void hr_serve_put_query(struct hr_serve *serve, struct hr_serve_query *query);
/* fn for every query of every session. */
void hr_serve_each_query(struct hr_serve *serve,
                         void (*fn)(void *arg, const struct hr_serve_entry *, struct hr_query *),
                         void *arg);

/* api/ ----------------------------------------------------------------------------------------- */

/* Cancels the statements over a session's tables and forgets their results; NULL: of all. */
void hr_serve_cancel_statements(struct hr_serve *serve, const struct hr_serve_entry *entry);
/* Opens the store of jobs; starts those that were running; have they all been started? */
hr_status hr_serve_keep_jobs(struct hr_serve *serve, const struct hr_serve_options *options,
                             struct hr_err *err) HR_CHECKED;
void hr_serve_resume_jobs(struct hr_serve *serve);
bool hr_serve_jobs_ready(struct hr_serve *serve);

/* http/ ---------------------------------------------------------------------------------------- */

/* The route of a path, with its params (in the arena); NULL: none. *ret_allow: the methods that the
 * path has ("GET, POST"), "" when it is unknown. */
const struct hr_http_route *hr_http_find_route(struct hr_http_request *request,
                                               const char **ret_allow);

/* Is it safe to answer at all? Checks Host, Origin, Sec-Fetch-Site, content type and token, and
 * finds the role. */
hr_status hr_http_guard(struct hr_http_request *request, struct hr_err *err) HR_CHECKED;

hr_status hr_serve_auth_new(struct hr_serve *serve, const char *token_file,
                            struct hr_err *err) HR_CHECKED;
void hr_serve_auth_free(struct hr_serve *serve);
/* The role that the request's token or cookie gives; HR_HTTP_ANYONE: none. */
enum hr_http_role hr_serve_auth_role(struct hr_http_request *request);

hr_status hr_http_listen(struct hr_serve *serve, const struct hr_serve_options *options,
                         struct hr_err *err) HR_CHECKED;
/* Takes over the listening socket; NULL: it did not start. */
struct MHD_Daemon *hr_http_start_daemon(struct hr_serve *serve, int fd);
void hr_http_close(struct hr_serve *serve);
/* Ends connections whose request did not come in time. */
void hr_http_reap(struct hr_serve *serve);

hr_status hr_serve_events_new(struct hr_serve *serve, struct hr_err *err) HR_CHECKED;
void hr_serve_events_free(struct hr_serve *serve);
/* No client is held back any more. */
void hr_serve_events_wake_all(struct hr_serve *serve);
uint32_t hr_serve_events_clients(struct hr_serve *serve);
/* Answers with the stream; MHD's result. */
int hr_serve_events_answer(struct hr_http_request *request);
hr_status hr_serve_events_handle(struct hr_http_request *request, struct hr_err *err) HR_CHECKED;

#endif
