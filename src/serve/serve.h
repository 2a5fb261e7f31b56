/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The server: a page, a REST API under /api/v1, events and metrics about the queries of the
 * sessions that are attached to it. It sees queries only through the registries of their sessions.
 *
 * Threads: start, attach, detach and stop by the program; the rest on threads of its own.
 */
#ifndef HR_SERVE_SERVE_H
#define HR_SERVE_SERVE_H

#include "session/session.h"

struct hr_serve;

struct hr_serve_options {
    const char *listen; /* "127.0.0.1:4040", "[::1]:0" (0: any free port); NULL: 127.0.0.1:4040 */
    bool next_ports;    /* a port that is taken: the next one, up to fifteen */
    const char *token_file; /* lines "TOKEN" or "read|operate|write TOKEN"; NULL: no token asked */
    const char *tls_cert, *tls_key; /* PEM files; both or none */
    bool insecure_http; /* beyond the machine itself without TLS */
    const char *hosts;  /* names (with a port where it is another) that it is reached by, behind
                           commas */
    const char *store;  /* folder of the jobs; NULL: there are none (headrace run) */
    const struct hr_session_options *session; /* of the jobs' sessions; copied; may be NULL */
    const struct hr_options *settings; /* set in each of them; copied; may be NULL */
};

/* HR_E_INVALID_ARGUMENT: what is not safe (another address than the machine's own without a token)
 * or not sound. HR_E_EXISTS: the port is taken. */
hr_status hr_serve_start(const struct hr_serve_options *options, struct hr_serve **ret,
                         struct hr_err *err) HR_CHECKED;
/* Sessions that are still attached are let go. NULL is fine. */
void hr_serve_stop(struct hr_serve *serve);
/* "http://127.0.0.1:4040/" */
const char *hr_serve_url(const struct hr_serve *serve);

/* From now on its queries are shown, under that name; detach before it is freed: waits until nobody
 * looks at it any more. */
hr_status hr_serve_attach(struct hr_serve *serve, const char *name, struct hr_session *session,
                          struct hr_err *err) HR_CHECKED;
void hr_serve_detach(struct hr_serve *serve, struct hr_session *session);

#endif
