/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Requests over HTTP by libcurl, for web hooks of sinks and of alerts. No redirects; nothing of the
 * machine's link (169.254.0.0/16, fe80::/10), where clouds keep secrets. Addresses are never
 * printed: one may be a secret.
 *
 * Threads: a client belongs to one thread at a time. It keeps its connection.
 */
#ifndef HR_CONNECTOR_HTTP_HTTP_H
#define HR_CONNECTOR_HTTP_HTTP_H

#include "base/err.h"
#include "base/str.h"

struct hr_http_client;

struct hr_http_post {
    const char *url;
    struct hr_str_view body;
    const char *const *headers; /* "Name: value" */
    uint32_t header_count;
    int64_t connect_us, timeout_us;
    bool (*gives_up)(void *arg); /* asked while it waits; may be NULL */
    void *arg;
};

/* Done; worth another try; refused for good. */
enum hr_http_outcome { HR_HTTP_DONE, HR_HTTP_AGAIN, HR_HTTP_REFUSED };

/* Opens libcurl. */
hr_status hr_http_client_new(struct hr_http_client **ret, struct hr_err *err) HR_CHECKED;
void hr_http_client_free(struct hr_http_client *client); /* NULL is fine */
/* *ret_wait_us: what the server asks to wait before the next try; why: what is wrong, "" if nothing
 * is. */
enum hr_http_outcome hr_http_post(struct hr_http_client *client, const struct hr_http_post *post,
                                  int64_t *ret_wait_us, char *why, size_t why_size);
/* An address of http:// or https:// with a host and without names and passwords; what: the option,
 * for messages. */
hr_status hr_http_check_url(const char *what, const char *url, struct hr_err *err) HR_CHECKED;

#endif
