/* SPDX-License-Identifier: Apache-2.0 */
/* The sessions that are shown, and the queries in them. */
#include <time.h>

#include "base/alloc.h"
#include "serve/internal.h"

hr_status hr_serve_attach(struct hr_serve *serve, const char *name, struct hr_session *session,
                          struct hr_err *err)
{
    struct hr_serve_entry *entry = hr_zalloc(sizeof *entry);
    char *copy = hr_strdup(name);
    if (!entry || !copy) {
        hr_free(entry);
        hr_free(copy);
        return HR_OOM(err);
    }
    entry->name = copy;
    entry->session = session;
    pthread_mutex_lock(&serve->entries_lock);
    struct hr_serve_entry **tail = &serve->entries;
    while (*tail) tail = &(*tail)->next;
    *tail = entry;
    pthread_mutex_unlock(&serve->entries_lock);
    return HR_OK;
}

static void unlink_entry(struct hr_serve *serve, struct hr_serve_entry *entry)
{
    struct hr_serve_entry **at = &serve->entries;
    while (*at != entry) at = &(*at)->next;
    *at = entry->next;
}

static bool wait_a_moment(struct hr_serve *serve)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += 50000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&serve->entries_changed, &serve->entries_lock, &until);
    return true;
}

void hr_serve_detach(struct hr_serve *serve, struct hr_session *session)
{
    if (!serve) return;
    pthread_mutex_lock(&serve->entries_lock);
    struct hr_serve_entry *entry = serve->entries;
    while (entry && entry->session != session) entry = entry->next;
    if (entry) {
        entry->leaving = true;
        do { /* a request that came just before may have begun a statement since */
            pthread_mutex_unlock(&serve->entries_lock);
            hr_serve_cancel_statements(serve, entry);
            pthread_mutex_lock(&serve->entries_lock);
        } while (entry->users && wait_a_moment(serve));
        unlink_entry(serve, entry);
    }
    pthread_mutex_unlock(&serve->entries_lock);
    if (!entry) return;
    hr_free(entry->name);
    hr_free(entry);
}

struct hr_serve_entry *hr_serve_acquire(struct hr_serve *serve, uint32_t index)
{
    pthread_mutex_lock(&serve->entries_lock);
    struct hr_serve_entry *entry = serve->entries;
    while (entry && (entry->leaving || index-- > 0)) entry = entry->next;
    if (entry) entry->users++;
    pthread_mutex_unlock(&serve->entries_lock);
    return entry;
}

struct hr_serve_entry *hr_serve_acquire_named(struct hr_serve *serve, const char *name)
{
    pthread_mutex_lock(&serve->entries_lock);
    struct hr_serve_entry *entry = serve->entries;
    while (entry && (entry->leaving || strcmp(entry->name, name) != 0)) entry = entry->next;
    if (entry) entry->users++;
    pthread_mutex_unlock(&serve->entries_lock);
    return entry;
}

void hr_serve_release(struct hr_serve *serve, struct hr_serve_entry *entry)
{
    if (!entry) return;
    pthread_mutex_lock(&serve->entries_lock);
    if (--entry->users == 0) pthread_cond_broadcast(&serve->entries_changed);
    pthread_mutex_unlock(&serve->entries_lock);
}

static bool is_called(const struct hr_query *query, const char *id)
{
    return strcmp(hr_query_run_id(query), id) == 0 || strcmp(hr_query_id(query), id) == 0 ||
           hr_str_eq_nocase(hr_query_name(query), id);
}

/* The newest of a session that is called so, a running one first. */
static struct hr_query *find_in(struct hr_session *session, const char *id)
{
    struct hr_query *found = NULL, *query;
    struct hr_query_registry *registry = hr_session_registry(session);
    for (uint32_t i = 0; (query = hr_registry_at(registry, i)) != NULL; i++) {
        if (is_called(query, id) && (!found || hr_query_is_active(query) ||
                                     !hr_query_is_active(found))) {
            hr_query_unref(found);
            found = query;
        } else {
            hr_query_unref(query);
        }
    }
    return found;
}

hr_status hr_serve_get_query(struct hr_http_request *request, const char *id,
                             struct hr_serve_query *ret, struct hr_err *err)
{
    struct hr_serve *serve = request->serve;
    struct hr_serve_query found = {0};
    struct hr_serve_entry *entry;
    for (uint32_t i = 0; (entry = hr_serve_acquire(serve, i)) != NULL; i++) {
        struct hr_query *query = find_in(entry->session, id);
        if (query && (!found.query || hr_query_is_active(query))) {
            hr_serve_put_query(serve, &found);
            found = (struct hr_serve_query){entry, query};
            continue;
        }
        hr_query_unref(query);
        hr_serve_release(serve, entry);
    }
    if (!found.query)
        return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND, "there is no query '%.100s'", id);
    *ret = found;
    return HR_OK;
}

void hr_serve_put_query(struct hr_serve *serve, struct hr_serve_query *query)
{
    hr_query_unref(query->query);
    hr_serve_release(serve, query->entry);
    *query = (struct hr_serve_query){0};
}

void hr_serve_each_query(struct hr_serve *serve,
                         void (*fn)(void *arg, const struct hr_serve_entry *, struct hr_query *),
                         void *arg)
{
    struct hr_serve_entry *entry;
    for (uint32_t i = 0; (entry = hr_serve_acquire(serve, i)) != NULL; i++) {
        struct hr_query_registry *registry = hr_session_registry(entry->session);
        struct hr_query *query;
        for (uint32_t k = 0; (query = hr_registry_at(registry, k)) != NULL; k++) {
            fn(arg, entry, query);
            hr_query_unref(query);
        }
        hr_serve_release(serve, entry);
    }
}
