/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a query's JSON that lists and events share. */
#ifndef HR_SERVE_API_QUERIES_H
#define HR_SERVE_API_QUERIES_H

#include "serve/internal.h"

/* "id", "runId", "name", "job", "state", times and the last failure: members of an open object. */
void hr_serve_put_identity(struct hr_buf *out, const struct hr_serve_entry *entry,
                           struct hr_query *query, const struct hr_query_info *info);
/* "operators": [[id, rows, batches, µs of its own]] since the start, and "at" in ms. */
void hr_serve_put_operators(struct hr_serve *serve, struct hr_buf *out, struct hr_query *query);

#endif
