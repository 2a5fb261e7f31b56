/* SPDX-License-Identifier: Apache-2.0 */
/* The process's named tables: a list under one lock; tables are few. */
#include "connector/memory/memory.h"

#include <pthread.h>

struct memory_table {
    struct memory_table *next;
    char *name;
    const struct hr_type *schema;
    struct hr_batch **batches;
    uint32_t count, capacity;
    int64_t rows;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct memory_table *tables;

static struct memory_table *find(const char *name)
{
    for (struct memory_table *t = tables; t; t = t->next)
        if (hr_str_eq_nocase(t->name, name)) return t;
    return NULL;
}

static void clear(struct memory_table *t)
{
    for (uint32_t i = 0; i < t->count; i++) hr_batch_unref(t->batches[i]);
    t->count = 0;
    t->rows = 0;
}

static hr_status create_locked(const char *name, const struct hr_type *schema, struct hr_err *err)
{
    struct memory_table *t = find(name);
    if (t) {
        if (t->schema == schema || hr_type_same(t->schema, schema)) return HR_OK;
        return HR_FAIL(err, HR_E_EXISTS, "memory table %s exists with other columns", name);
    }
    t = hr_zalloc(sizeof *t);
    if (!t || !(t->name = hr_strdup(name))) {
        hr_free(t);
        return HR_OOM(err);
    }
    t->schema = schema;
    t->next = tables;
    tables = t;
    return HR_OK;
}

hr_status hr_memory_create(const char *name, const struct hr_type *schema, struct hr_err *err)
{
    pthread_mutex_lock(&lock);
    hr_status status = create_locked(name, schema, err);
    pthread_mutex_unlock(&lock);
    return status;
}

static hr_status append_locked(const char *name, struct hr_batch *const *batches, uint32_t count,
                               bool replace, struct hr_err *err)
{
    struct memory_table *t = find(name);
    if (!t) return HR_RAISE(err, HR_E_TABLE_OR_VIEW_NOT_FOUND, "relationName", name);
    uint32_t need = count + (replace ? 0 : t->count);
    if (need > t->capacity) {
        uint32_t capacity = HR_MAX(need, t->capacity * 2);
        struct hr_batch **grown = hr_realloc(t->batches, capacity * sizeof(struct hr_batch *));
        if (!grown) return HR_OOM(err);
        t->batches = grown;
        t->capacity = capacity;
    }
    if (replace) clear(t);
    for (uint32_t i = 0; i < count; i++) {
        t->batches[t->count++] = hr_batch_ref(batches[i]);
        t->rows += batches[i]->sel_count;
    }
    return HR_OK;
}

hr_status hr_memory_append(const char *name, struct hr_batch *const *batches, uint32_t count,
                           bool replace, struct hr_err *err)
{
    pthread_mutex_lock(&lock);
    hr_status status = append_locked(name, batches, count, replace, err);
    pthread_mutex_unlock(&lock);
    return status;
}

const struct hr_type *hr_memory_schema(const char *name)
{
    pthread_mutex_lock(&lock);
    struct memory_table *t = find(name);
    const struct hr_type *schema = t ? t->schema : NULL;
    pthread_mutex_unlock(&lock);
    return schema;
}

int64_t hr_memory_rows(const char *name)
{
    pthread_mutex_lock(&lock);
    struct memory_table *t = find(name);
    int64_t rows = t ? t->rows : -1;
    pthread_mutex_unlock(&lock);
    return rows;
}

hr_status hr_memory_batches(const char *name, struct hr_batch ***ret, uint32_t *ret_count,
                            struct hr_err *err)
{
    pthread_mutex_lock(&lock);
    struct memory_table *t = find(name);
    uint32_t count = t ? t->count : 0;
    struct hr_batch **copy = t ? hr_alloc((count + 1) * sizeof(struct hr_batch *)) : NULL;
    for (uint32_t i = 0; copy && i < count; i++) copy[i] = hr_batch_ref(t->batches[i]);
    pthread_mutex_unlock(&lock);
    if (!t) return HR_RAISE(err, HR_E_TABLE_OR_VIEW_NOT_FOUND, "relationName", name);
    if (!copy) return HR_OOM(err);
    *ret = copy;
    *ret_count = count;
    return HR_OK;
}

bool hr_memory_drop(const char *name)
{
    pthread_mutex_lock(&lock);
    struct memory_table **at = &tables, *t = NULL;
    while (*at && !hr_str_eq_nocase((*at)->name, name)) at = &(*at)->next;
    if ((t = *at)) {
        *at = t->next;
        clear(t);
        hr_free(t->batches);
        hr_free(t->name);
        hr_free(t);
    }
    pthread_mutex_unlock(&lock);
    return t != NULL;
}
