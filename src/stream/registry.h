/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The queries of a session: found, listed and stopped from any thread.
 *
 * Threads: every function may be called from any thread; `lock` covers the list alone and is never
 * held while a query is asked or waited for. What is returned is referenced and stays usable after
 * the query has ended; hr_query_unref gives it back, before the session is freed, whose memory a
 * query counts on.
 */
#ifndef HR_STREAM_REGISTRY_H
#define HR_STREAM_REGISTRY_H

#include "stream/query.h"

struct hr_query_registry {
    pthread_mutex_t lock;
    struct hr_query **items; /* in the order in which they were added; a reference each */
    uint32_t count, capacity;
};

hr_status hr_registry_init(struct hr_query_registry *registry, struct hr_err *err) HR_CHECKED;
/* Stops all (after their running epochs), waits for them, and gives them back. */
void hr_registry_done(struct hr_query_registry *registry);
/* Takes the caller's reference, unless it fails. */
hr_status hr_registry_add(struct hr_query_registry *registry, struct hr_query *query,
                          struct hr_err *err) HR_CHECKED;
uint32_t hr_registry_count(struct hr_query_registry *registry);
/* A reference to the index-th, or NULL behind the last. Indexes never change. */
struct hr_query *hr_registry_at(struct hr_query_registry *registry, uint32_t index);
/* A reference to the active query of that name (any case) or id, or NULL. */
struct hr_query *hr_registry_find(struct hr_query_registry *registry, const char *name_or_id);

#endif
