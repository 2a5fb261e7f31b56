/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The models that a query scores with. Which version an epoch sees is a part of its PLAN record,
 * and the model itself is a file of the checkpoint (models/<name>-<version>-<digest>) before that
 * record is: an epoch that is run again sees what it saw, whatever has been learned since. A file
 * goes when a later epoch that needs another one is committed.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/log.h"
#include "stream/query_int.h"

static struct hr_ml_pin *pin_at(struct hr_query *query, uint32_t index)
{
    assert(index < query->pins.count);
    return &query->pins.items[index];
}

static char *models_dir(struct hr_query *query, struct hr_arena *arena)
{
    return hr_arena_printf(arena, "%s/models", query->checkpoint_dir);
}

static char *file_name(struct hr_arena *arena, const char *name, int64_t version, uint64_t digest)
{
    return hr_arena_printf(arena, "%s-%" PRId64 "-%016" PRIx64, name, version, digest);
}

hr_status hr_query_open_models(struct hr_query *query, struct hr_err *err)
{
    assert(!query->pins.items && query->plan);
    struct hr_arena *arena = &query->plan_arena;
    HR_TRY(hr_plan_find_models(arena, query->plan, &query->models, err));
    query->pins.items = HR_NEW_ARRAY(arena, struct hr_ml_pin, query->models.count + 1);
    query->saved = HR_NEW_ARRAY(arena, uint64_t, query->models.count + 1);
    if (!query->pins.items || !query->saved) return HR_OOM(err);
    for (uint32_t i = 0; i < query->models.count; i++) {
        struct hr_plan_model *model = &query->models.items[i];
        if (model->scores) query->pins.items[query->pins.count++].entry = model->entry;
    }
    assert(query->pins.count <= query->models.count);
    query->conf.pins = &query->pins;
    if (query->pins.count == 0) return HR_OK;
    char *dir = models_dir(query, arena);
    return dir ? query->env->vt->mkdirs(query->env, dir, err) : HR_OOM(err);
}

void hr_query_close_models(struct hr_query *query)
{
    for (uint32_t i = 0; i < query->pins.count; i++)
        hr_ml_snapshot_unref(pin_at(query, i)->snapshot);
    query->pins = (struct hr_ml_pins){0};
    query->models.count = 0;
    query->conf.pins = NULL;
}

/* Durable before the PLAN record that names it. */
static hr_status save(struct hr_query *query, const struct hr_ml_pin *pin, struct hr_err *err)
{
    assert(pin->snapshot && pin->snapshot->model);
    struct hr_arena *arena = &query->epoch_arena;
    struct hr_buf bytes = {0};
    char *dir = models_dir(query, arena);
    char *name = file_name(arena, pin->entry->name, pin->snapshot->version, pin->snapshot->digest);
    char *path = dir && name ? hr_arena_printf(arena, "%s/%s", dir, name) : NULL;
    if (!path) return HR_OOM(err);
    if (hr_env_exists(query->env, path)) return HR_OK;
    hr_status status = hr_ml_save(pin->snapshot->model, &bytes, err);
    if (status == HR_OK) status = hr_env_write_file(query->env, path, bytes.ptr, bytes.len, err);
    hr_buf_done(&bytes);
    return status;
}

hr_status hr_query_pin_models(struct hr_query *query, struct hr_plan_record *plan,
                              struct hr_err *err)
{
    plan->model_count = query->pins.count;
    plan->models = HR_NEW_ARRAY(&query->epoch_arena, struct hr_model_ref, query->pins.count + 1);
    if (!plan->models) return HR_OOM(err);
    for (uint32_t i = 0; i < query->pins.count; i++) {
        struct hr_ml_pin *pin = pin_at(query, i);
        if (!query->replan) {
            hr_ml_snapshot_unref(pin->snapshot);
            pin->snapshot = hr_ml_entry_current(pin->entry);
        }
        plan->models[i].name = pin->entry->name;
        if (!pin->snapshot) continue;
        plan->models[i].version = pin->snapshot->version;
        plan->models[i].digest = pin->snapshot->digest;
        if (query->saved[i] == pin->snapshot->digest) continue;
        HR_TRY(save(query, pin, err));
        query->stale_models |= query->saved[i] != 0;
        query->saved[i] = pin->snapshot->digest;
    }
    return HR_OK;
}

static hr_status load(struct hr_query *query, const struct hr_model_ref *ref,
                      struct hr_ml_snapshot **ret, struct hr_err *err)
{
    assert(ref->name && ref->version > 0 && *ret == NULL);
    struct hr_arena *arena = &query->epoch_arena;
    struct hr_buf bytes = {0};
    char *dir = models_dir(query, arena);
    char *name = file_name(arena, ref->name, ref->version, ref->digest);
    char *path = dir && name ? hr_arena_printf(arena, "%s/%s", dir, name) : NULL;
    if (!path) return HR_OOM(err);
    hr_status status = hr_env_read_file(query->env, path, &bytes, err);
    if (status == HR_OK && hr_hash_bytes(bytes.ptr, bytes.len) != ref->digest)
        status = HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why",
                          "its bytes are not those of the model that an epoch was planned with");
    if (status == HR_OK) status = hr_ml_snapshot_from(hr_svn(bytes.ptr, bytes.len), ret, err);
    hr_buf_done(&bytes);
    return status;
}

hr_status hr_query_repin_models(struct hr_query *query, const struct hr_plan_record *plan,
                                struct hr_err *err)
{
    assert(query->replan); /* else the newest are pinned at each epoch */
    for (uint32_t i = 0; i < query->pins.count; i++) {
        const struct hr_model_ref *ref = NULL;
        struct hr_ml_pin *pin = pin_at(query, i);
        for (uint32_t j = 0; j < plan->model_count && !ref; j++)
            if (hr_str_eq_nocase(plan->models[j].name, pin->entry->name)) ref = &plan->models[j];
        if (!ref)
            return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", query->checkpoint_dir, "why",
                            "its last epoch was planned without a model that this query scores "
                            "with");
        if (ref->version == 0) continue;
        HR_TRY(load(query, ref, &pin->snapshot, err));
        query->saved[i] = ref->digest;
    }
    return HR_OK;
}

static bool is_saved(const struct hr_query *query, struct hr_arena *arena, const char *name)
{
    for (uint32_t i = 0; i < query->pins.count; i++) {
        const struct hr_ml_pin *pin = &query->pins.items[i];
        if (!pin->snapshot) continue;
        char *own =
            file_name(arena, pin->entry->name, pin->snapshot->version, pin->snapshot->digest);
        if (!own || strcmp(own, name) == 0) return true;
    }
    return false;
}

/* Failing to remove is harmless. */
void hr_query_remove_old_models(struct hr_query *query)
{
    struct hr_arena *arena = &query->epoch_arena;
    struct hr_err ignored;
    char **names = NULL;
    uint32_t count = 0;
    char *dir = models_dir(query, arena);
    hr_err_init(&ignored);
    if (query->pins.count == 0 || !dir) return;
    query->stale_models = false;
    if (hr_env_list_sorted(query->env, arena, dir, &names, &count, &ignored) != HR_OK) return;
    for (uint32_t i = 0; i < count; i++) {
        char *path = hr_arena_printf(arena, "%s/%s", dir, names[i]);
        if (!path || is_saved(query, arena, names[i])) continue;
        if (query->env->vt->unlink(query->env, path, &ignored) != HR_OK)
            HR_LOG(HR_LOG_DEBUG, "%s stays: %s", path, ignored.msg);
    }
}

bool hr_query_uses_model(const struct hr_query *query, const struct hr_ml_entry *entry,
                         bool trains_only)
{
    for (uint32_t i = 0; i < query->used_models.count; i++) {
        const struct hr_plan_model *model = &query->used_models.items[i];
        if (model->entry == entry && (model->trains || !trains_only)) return true;
    }
    return false;
}

hr_status hr_query_publish_models(struct hr_query *query, bool restored, struct hr_err *err)
{
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_query_state *state = &query->states[i];
        if (state->state && state->node->vt->committed)
            HR_TRY(state->node->vt->committed(state->node, state->state, restored, err));
    }
    return HR_OK;
}
