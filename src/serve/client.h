/* SPDX-License-Identifier: Apache-2.0 */
/* A GET to a server of ours, for the commands that watch one. */
#ifndef HR_SERVE_CLIENT_H
#define HR_SERVE_CLIENT_H

#include "base/str.h"

/* The body of http(s)://…; token (or NULL) goes along as Bearer. HR_E_IO names what went wrong with
 * the connection, or the status that is not 200 with the title of its problem. 10 seconds, 16 MiB,
 * no redirects. @thread one at a time */
hr_status hr_client_get(const char *url, const char *token, struct hr_buf *ret,
                        struct hr_err *err) HR_CHECKED;
/* The first token of a token file (serve.h), into buf. */
hr_status hr_client_read_token(const char *path, struct hr_buf *ret, struct hr_err *err) HR_CHECKED;

#endif
