/* SPDX-License-Identifier: Apache-2.0 */
/* Models by name, snapshots, pins. */
#include "ml/store.h"

#include "base/hash.h"

hr_status hr_ml_store_init(struct hr_ml_store *store, struct hr_err *err)
{
    store->entries = NULL;
    return pthread_mutex_init(&store->lock, NULL) ? HR_OOM(err) : HR_OK;
}

static void entry_free(struct hr_ml_entry *entry)
{
    hr_ml_snapshot_unref(entry->current);
    pthread_mutex_destroy(&entry->lock);
    hr_arena_done(&entry->arena);
    hr_free(entry);
}

void hr_ml_store_done(struct hr_ml_store *store)
{
    while (store->entries) {
        struct hr_ml_entry *entry = store->entries;
        store->entries = entry->next;
        entry_free(entry);
    }
    pthread_mutex_destroy(&store->lock);
}

struct hr_ml_entry *hr_ml_store_find(struct hr_ml_store *store, const char *name)
{
    struct hr_ml_entry *found = NULL;
    if (!store) return NULL;
    pthread_mutex_lock(&store->lock);
    for (struct hr_ml_entry *e = store->entries; e && !found; e = e->next)
        if (!e->dropped && hr_str_eq_nocase(e->name, name)) found = e;
    pthread_mutex_unlock(&store->lock);
    return found;
}

struct hr_ml_entry *hr_ml_store_at(struct hr_ml_store *store, uint32_t index)
{
    pthread_mutex_lock(&store->lock);
    struct hr_ml_entry *e = store->entries;
    for (; e; e = e->next)
        if (!e->dropped && index-- == 0) break;
    pthread_mutex_unlock(&store->lock);
    return e;
}

static hr_status fill(struct hr_ml_entry *entry, const struct hr_ml_entry_spec *spec,
                      struct hr_err *err)
{
    entry->vt = spec->vt;
    entry->name = hr_arena_strdup(&entry->arena, spec->name);
    if (!entry->name) return HR_OOM(err);
    hr_options_init(&entry->options, &entry->arena);
    for (uint32_t i = 0; spec->options && i < spec->options->count; i++)
        HR_TRY(hr_options_put(&entry->options, spec->options->items[i].key,
                              spec->options->items[i].value, err));
    if (spec->label && !(entry->label = hr_arena_strdup(&entry->arena, spec->label)))
        return HR_OOM(err);
    if (spec->input_count == 0) return HR_OK;
    entry->inputs = HR_NEW_ARRAY(&entry->arena, struct hr_ml_input, spec->input_count);
    if (!entry->inputs) return HR_OOM(err);
    for (uint32_t i = 0; i < spec->input_count; i++) {
        entry->inputs[i] = spec->inputs[i];
        entry->inputs[i].name = hr_arena_strdup(&entry->arena, spec->inputs[i].name);
        if (!entry->inputs[i].name) return HR_OOM(err);
    }
    entry->input_count = spec->input_count;
    return HR_OK;
}

hr_status hr_ml_store_add(struct hr_ml_store *store, const struct hr_ml_entry_spec *spec,
                          struct hr_ml_entry **ret, struct hr_err *err)
{
    struct hr_ml_entry *entry = hr_zalloc(sizeof *entry);
    if (!entry) return HR_OOM(err);
    if (pthread_mutex_init(&entry->lock, NULL)) {
        hr_free(entry);
        return HR_OOM(err);
    }
    hr_status status = fill(entry, spec, err);
    if (status != HR_OK) {
        entry_free(entry);
        return status;
    }
    pthread_mutex_lock(&store->lock);
    struct hr_ml_entry **link = &store->entries;
    while (*link) link = &(*link)->next;
    *link = entry;
    pthread_mutex_unlock(&store->lock);
    *ret = entry;
    return HR_OK;
}

void hr_ml_store_drop(struct hr_ml_entry *entry)
{
    atomic_store(&entry->dropped, true);
}

/* ---- snapshots ---- */

struct hr_ml_snapshot *hr_ml_snapshot_ref(struct hr_ml_snapshot *snapshot)
{
    if (snapshot) atomic_fetch_add(&snapshot->refs, 1);
    return snapshot;
}

void hr_ml_snapshot_unref(struct hr_ml_snapshot *snapshot)
{
    if (!snapshot || atomic_fetch_sub(&snapshot->refs, 1) != 1) return;
    hr_ml_free(snapshot->model);
    hr_free(snapshot);
}

struct hr_ml_snapshot *hr_ml_entry_current(struct hr_ml_entry *entry)
{
    pthread_mutex_lock(&entry->lock);
    struct hr_ml_snapshot *snapshot = hr_ml_snapshot_ref(entry->current);
    pthread_mutex_unlock(&entry->lock);
    return snapshot;
}

hr_status hr_ml_snapshot_from(struct hr_str_view bytes, struct hr_ml_snapshot **ret,
                              struct hr_err *err)
{
    struct hr_ml_snapshot *snapshot = hr_zalloc(sizeof *snapshot);
    if (!snapshot) return HR_OOM(err);
    atomic_store(&snapshot->refs, 1);
    hr_status status = hr_ml_load(bytes, &snapshot->model, err);
    if (status != HR_OK) {
        hr_free(snapshot);
        return status;
    }
    snapshot->version = snapshot->model->version;
    snapshot->digest = hr_hash_bytes(bytes.ptr, bytes.len);
    *ret = snapshot;
    return HR_OK;
}

hr_status hr_ml_publish(struct hr_ml_entry *entry, struct hr_ml_model *model, struct hr_err *err)
{
    struct hr_buf bytes = {0};
    struct hr_ml_snapshot *snapshot = NULL;
    hr_status status = hr_ml_save(model, &bytes, err);
    if (status == HR_OK) status = hr_ml_snapshot_from(hr_svn(bytes.ptr, bytes.len), &snapshot, err);
    hr_buf_done(&bytes);
    HR_TRY(status);
    pthread_mutex_lock(&entry->lock);
    struct hr_ml_snapshot *old = entry->current;
    entry->current = snapshot;
    pthread_mutex_unlock(&entry->lock);
    hr_ml_snapshot_unref(old);
    return HR_OK;
}

/* ---- pins ---- */

hr_status hr_ml_pin_all(struct hr_ml_store *store, struct hr_ml_pins *ret, struct hr_err *err)
{
    uint32_t count = 0;
    pthread_mutex_lock(&store->lock);
    for (struct hr_ml_entry *e = store->entries; e; e = e->next) count += !e->dropped;
    ret->count = 0;
    ret->items = count ? hr_alloc(sizeof *ret->items * count) : NULL;
    for (struct hr_ml_entry *e = store->entries; ret->items && e; e = e->next)
        if (!e->dropped) ret->items[ret->count++] = (struct hr_ml_pin){e, hr_ml_entry_current(e)};
    pthread_mutex_unlock(&store->lock);
    return count && !ret->items ? HR_OOM(err) : HR_OK;
}

void hr_ml_unpin(struct hr_ml_pins *pins)
{
    for (uint32_t i = 0; i < pins->count; i++) hr_ml_snapshot_unref(pins->items[i].snapshot);
    hr_free(pins->items);
    *pins = (struct hr_ml_pins){0};
}

const struct hr_ml_pin *hr_ml_pinned(const struct hr_ml_pins *pins, const struct hr_ml_entry *entry)
{
    for (uint32_t i = 0; pins && i < pins->count; i++)
        if (pins->items[i].entry == entry) return &pins->items[i];
    return NULL;
}
