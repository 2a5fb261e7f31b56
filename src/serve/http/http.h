/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HTTP side of the server: what a handler gets, and what it may answer. README.md says how to
 * add a route.
 *
 * Threads: the server has one thread for all connections; a handler runs on it and must be quick
 * (copy, print, return), unless its route is SLOW: then on a thread of its own, of which there are
 * at most HR_HTTP_SLOW_MAX. A request belongs to its handler while that runs.
 */
#ifndef HR_SERVE_HTTP_HTTP_H
#define HR_SERVE_HTTP_HTTP_H

#include "serve/http/json.h"

struct MHD_Connection;
struct hr_serve;
struct hr_http_request;

/* Who may: each includes those before it. */
enum hr_http_role {
    HR_HTTP_ANYONE, /* health: without a token */
    HR_HTTP_READ,
    HR_HTTP_OPERATE, /* stop, pause, acknowledge */
    HR_HTTP_WRITE,   /* SQL, jobs */
};

enum {
    HR_HTTP_SLOW = 1,   /* on a thread of its own */
    HR_HTTP_EVENTS = 2, /* answers with a stream of events */
    HR_HTTP_HIDDEN = 4, /* not in the description: pages */
};

#define HR_HTTP_SLOW_MAX   8
#define HR_HTTP_PARAMS_MAX 4
#define HR_HTTP_BODY_MAX   (1 << 20)

/* A row of a module's table. The description (/api/v1/openapi.json) is made from it. */
struct hr_http_route {
    const char *method;
    const char *path; /* "/api/v1/queries/{id}": a part in braces is params[0], [1] … */
    enum hr_http_role role;
    uint32_t flags;
    hr_status (*handle)(struct hr_http_request *request, struct hr_err *err);
    const char *summary;
    const char *query; /* "limit=rows at most;after=…": what may stand behind ?; NULL: nothing */
    const char *body;  /* members of the body's object, in the same form; NULL: it has none */
};

struct hr_http_request {
    struct hr_serve *serve;
    struct MHD_Connection *connection;
    const struct hr_http_route *route;
    const char *method, *path;
    const char *params[HR_HTTP_PARAMS_MAX];
    enum hr_http_role role;     /* of who asks */
    struct hr_arena arena;      /* until the answer is sent */
    struct hr_buf body;         /* as it came */
    const struct hr_json *json; /* the same, read; NULL: the route has none */

    /* The answer. status 0: 200, or by the error. */
    int status;
    const char *content_type; /* NULL: application/json */
    struct hr_buf out;
    const char *header_names[6], *header_values[6]; /* beside those that all have */
    uint32_t header_count;
};

/* The value behind ?name=, or NULL. */
const char *hr_http_query(const struct hr_http_request *request, const char *name);
/* HR_E_INVALID_ARGUMENT unless it is a number in that range; def where it is missing. */
hr_status hr_http_query_int(const struct hr_http_request *request, const char *name, int64_t def,
                            int64_t min, int64_t max, int64_t *ret, struct hr_err *err) HR_CHECKED;
const char *hr_http_header(const struct hr_http_request *request, const char *name);
/* name and value live as long as the request. */
void hr_http_add_header(struct hr_http_request *request, const char *name, const char *value);
/* The answer of an error: application/problem+json into request->out, status by its code where
 * none is set. */
void hr_http_put_error(struct hr_http_request *request, const struct hr_err *err);
/* Sets the status and fails. */
#define HR_HTTP_FAIL(request, http_status, err, code, ...) \
    ((request)->status = (http_status), HR_FAIL((err), (code), __VA_ARGS__))

/* Streams of events (events.c) ----------------------------------------------------------------- */

/* Gives all clients that asked for topic an event; json is copied. Never waits: a client that has
 * fallen too far behind is told to fetch anew. @thread any */
void hr_serve_publish(struct hr_serve *serve, const char *topic, const char *event,
                      struct hr_str_view json);
/* Does any client want it? Spares making it. */
bool hr_serve_is_wanted(struct hr_serve *serve, const char *topic);

#endif
