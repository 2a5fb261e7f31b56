/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/registry.h"

#include "base/alloc.h"

hr_status hr_registry_init(struct hr_query_registry *registry, struct hr_err *err)
{
    *registry = (struct hr_query_registry){0};
    return pthread_mutex_init(&registry->lock, NULL) ? HR_OOM(err) : HR_OK;
}

void hr_registry_done(struct hr_query_registry *registry)
{
    for (uint32_t i = 0; i < registry->count; i++) hr_query_stop(registry->items[i], false);
    for (uint32_t i = 0; i < registry->count; i++) {
        hr_status ended;
        struct hr_err err;
        hr_err_init(&err);
        hr_query_await(registry->items[i], -1, &ended, &err);
        hr_query_unref(registry->items[i]);
    }
    hr_free(registry->items);
    pthread_mutex_destroy(&registry->lock);
}

uint32_t hr_registry_count(struct hr_query_registry *registry)
{
    pthread_mutex_lock(&registry->lock);
    uint32_t count = registry->count;
    pthread_mutex_unlock(&registry->lock);
    return count;
}

struct hr_query *hr_registry_at(struct hr_query_registry *registry, uint32_t index)
{
    pthread_mutex_lock(&registry->lock);
    struct hr_query *query =
        index < registry->count ? hr_query_ref(registry->items[index]) : NULL;
    pthread_mutex_unlock(&registry->lock);
    return query;
}

struct hr_query *hr_registry_find(struct hr_query_registry *registry, const char *name_or_id)
{
    struct hr_query *query;
    for (uint32_t i = 0; (query = hr_registry_at(registry, i)) != NULL; i++) {
        bool is_it = hr_str_eq_nocase(hr_query_name(query), name_or_id) ||
                     hr_str_eq_nocase(hr_query_id(query), name_or_id);
        if (is_it && hr_query_is_active(query)) return query;
        hr_query_unref(query);
    }
    return NULL;
}

static hr_status push(struct hr_query_registry *registry, struct hr_query *query,
                      struct hr_err *err)
{
    assert(registry->count <= registry->capacity);
    if (registry->count == registry->capacity) {
        uint32_t capacity = registry->capacity ? registry->capacity * 2 : 8;
        struct hr_query **items =
            hr_realloc(registry->items, capacity * sizeof(struct hr_query *));
        if (!items) return HR_OOM(err);
        registry->items = items;
        registry->capacity = capacity;
    }
    registry->items[registry->count++] = query;
    return HR_OK;
}

hr_status hr_registry_add(struct hr_query_registry *registry, struct hr_query *query,
                          struct hr_err *err)
{
    pthread_mutex_lock(&registry->lock);
    hr_status status = push(registry, query, err);
    pthread_mutex_unlock(&registry->lock);
    return status;
}
