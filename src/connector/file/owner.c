/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who may write a folder with a manifest: one query, by its id, and one process at a time.
 *
 *   <dir>/_spark_metadata/.owner   {"queryId":…,"firstEpoch":n,"crc32c":…}: the query's epoch e is
 *                                  the manifest's epoch firstEpoch + e
 *   <dir>/_spark_metadata/.lock    locked by the process that writes
 *
 * Spark takes names that are no numbers for none of its business. A folder changes hands only when
 * the user says so (takeOver): its rows stay, the new query's epochs follow them.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/plant.h"
#include "connector/file/file.h"

#define OWNER_BYTES_MAX 4096

static hr_status owned(const struct file_owner *owner, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_OUTPUT_OWNED, "path", owner->dir, "why", why);
}

static const char *owner_path(struct hr_arena *arena, const struct file_owner *owner,
                              const char *name)
{
    return hr_arena_printf(arena, "%s/" FILE_METADATA "/%s", owner->dir, name);
}

/* *ret_id NULL: nobody. */
static hr_status read_owner(const struct file_owner *owner, struct hr_arena *arena,
                            const char **ret_id, int64_t *ret_first, struct hr_err *err)
{
    const char *path = owner_path(arena, owner, ".owner");
    if (!path) return HR_OOM(err);
    *ret_id = NULL;
    if (!hr_env_exists(owner->env, path)) return HR_OK;
    struct hr_buf text;
    hr_buf_init(&text, OWNER_BYTES_MAX);
    hr_status status = hr_env_read_file(owner->env, path, &text, err);
    int64_t crc;
    struct hr_str_view line = hr_svn(text.ptr, text.len);
    const char *sum = status ? NULL : memmem(text.ptr, text.len, ",\"crc32c\"", 9);
    if (status) {
        hr_buf_done(&text);
        return status;
    }
    bool good = sum && hr_file_json_number(line, "crc32c", &crc) &&
                crc == hr_crc32c(0, text.ptr, (size_t)(sum - text.ptr)) &&
                hr_file_json_string(arena, line, "queryId", ret_id) &&
                hr_file_json_number(line, "firstEpoch", ret_first);
    hr_buf_done(&text);
    return good ? HR_OK
                : HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why",
                           "it does not say whose the folder is");
}

static hr_status write_owner(const struct file_owner *owner, struct hr_arena *arena,
                             struct hr_err *err)
{
    const char *path = owner_path(arena, owner, ".owner");
    if (!path) return HR_OOM(err);
    struct hr_buf text;
    hr_buf_init(&text, OWNER_BYTES_MAX);
    hr_buf_puts(&text, "{\"queryId\":");
    hr_buf_put_json(&text, hr_sv(owner->query_id));
    hr_buf_printf(&text, ",\"firstEpoch\":%" PRId64, owner->first_epoch);
    uint32_t crc = hr_crc32c(0, text.ptr, text.len);
    hr_buf_printf(&text, ",\"crc32c\":%u}\n", crc);
    hr_status status = hr_buf_status(&text, err);
    if (!status) status = hr_env_write_file(owner->env, path, text.ptr, text.len, err);
    hr_buf_done(&text);
    return status;
}

static hr_status take_lock(struct file_owner *owner, struct hr_arena *arena, struct hr_err *err)
{
    const char *path = owner_path(arena, owner, ".lock");
    int64_t pid = 0;
    if (!path) return HR_OOM(err);
    HR_TRY(owner->env->vt->open(owner->env, path, HR_OPEN_UPDATE, &owner->lock_fd, err));
    hr_status status = owner->env->vt->lock(owner->env, owner->lock_fd, &pid, err);
    if (HR_PLANTED(LOCK_NONE)) return HR_OK;
    if (status != HR_E_AGAIN) return status;
    char text[24] = "unknown";
    if (pid > 0) snprintf(text, sizeof text, "%" PRId64, pid);
    return HR_RAISE(err, HR_E_OUTPUT_BUSY, "path", owner->dir, "pid", text);
}

static hr_status open_owner(struct file_owner *owner, struct hr_arena *arena, struct hr_err *err)
{
    const char *meta = hr_arena_printf(arena, "%s/" FILE_METADATA, owner->dir), *id;
    int64_t last;
    if (!meta) return HR_OOM(err);
    HR_TRY(owner->env->vt->mkdirs(owner->env, meta, err));
    HR_TRY(take_lock(owner, arena, err));
    /* A manifest that is damaged is not written on. */
    struct file_list files = {0};
    bool found;
    HR_TRY(hr_file_manifest_read(owner->env, arena, owner->dir, &files, &found, err));
    if (owner->take_over) { /* an owner's note that cannot be read is given up with the owner */
        struct hr_err ignored;
        hr_err_init(&ignored);
        if (read_owner(owner, arena, &id, &owner->first_epoch, &ignored) != HR_OK) id = NULL;
        owner->mine = id && strcmp(id, owner->query_id) == 0;
        return HR_OK;
    }
    HR_TRY(read_owner(owner, arena, &id, &owner->first_epoch, err));
    owner->mine = id && strcmp(id, owner->query_id) == 0;
    if (HR_PLANTED(OWNER_ANY)) owner->mine = id != NULL;
    if (owner->mine) return HR_OK;
    if (id) {
        char why[120];
        snprintf(why, sizeof why, "its manifest is that of query %.36s, this one is %.36s", id,
                 owner->query_id);
        return owned(owner, why, err);
    }
    HR_TRY(hr_file_manifest_last(owner->env, arena, owner->dir, &last, err));
    return last < 0 ? HR_OK : owned(owner, "it has a manifest, which names no query", err);
}

hr_status hr_file_owner_open(struct file_owner *owner, struct hr_env *env, const char *dir,
                             const char *query_id, bool take_over, struct hr_err *err)
{
    *owner = (struct file_owner){.env = env, .dir = dir, .query_id = query_id,
                                 .take_over = take_over, .lock_fd = -1};
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = open_owner(owner, &arena, err);
    hr_arena_done(&arena);
    return status;
}

void hr_file_owner_close(struct file_owner *owner)
{
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (owner->env && owner->lock_fd >= 0 &&
        owner->env->vt->close(owner->env, owner->lock_fd, &ignored) == HR_OK)
        owner->lock_fd = -1;
}

static hr_status disagrees(const struct file_owner *owner, int64_t last, int64_t number,
                           struct hr_err *err)
{
    char why[160];
    snprintf(why, sizeof why,
             "the manifest of the output ends at epoch %" PRId64
             ", where the journal goes on with %" PRId64 ": one of them is an older copy, or gone",
             last, number);
    return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", owner->dir, "why", why);
}

hr_status hr_file_owner_begin(struct file_owner *owner, struct hr_arena *arena, int64_t epoch,
                              int64_t *ret_number, bool *ret_committed, struct hr_err *err)
{
    int64_t last;
    HR_TRY(hr_file_manifest_last(owner->env, arena, owner->dir, &last, err));
    if (!owner->mine) {
        bool fresh = last < 0 && (epoch == 0 || owner->starts_late);
        if (!owner->take_over && !fresh)
            return disagrees(owner, last, epoch, err);
        owner->first_epoch = last + 1 - epoch;
        HR_TRY(write_owner(owner, arena, err));
        owner->mine = true;
    }
    int64_t number = owner->first_epoch + epoch;
    if (last != number && last != number - 1) return disagrees(owner, last, number, err);
    *ret_number = number;
    *ret_committed = last == number;
    return HR_OK;
}

static hr_status verify(struct file_owner *owner, struct hr_arena *arena, int64_t planned,
                        int64_t committed, struct hr_err *err)
{
    struct file_list files = {0};
    const char *id;
    int64_t last;
    bool found;
    HR_TRY(hr_file_manifest_read(owner->env, arena, owner->dir, &files, &found, err));
    HR_TRY(read_owner(owner, arena, &id, &owner->first_epoch, err));
    if (id && strcmp(id, owner->query_id) != 0)
        return owned(owner, "its manifest is that of a query with another id", err);
    if (!id && committed >= 0) return owned(owner, "it names no query", err);
    HR_TRY(hr_file_manifest_last(owner->env, arena, owner->dir, &last, err));
    last -= id ? owner->first_epoch : 0;
    if (last < committed || last > planned) return disagrees(owner, last, committed + 1, err);
    for (uint32_t i = 0; i < files.count; i++)
        if (!hr_env_exists(owner->env, files.items[i].path))
            return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", files.items[i].path, "why",
                            "the manifest names it, but it is not there");
    return HR_OK;
}

hr_status hr_file_owner_verify(struct hr_env *env, const char *dir, const char *query_id,
                               int64_t planned, int64_t committed, struct hr_err *err)
{
    struct file_owner owner = {.env = env, .dir = dir, .query_id = query_id};
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = verify(&owner, &arena, planned, committed, err);
    hr_arena_done(&arena);
    return status;
}

hr_status hr_file_owner_none(struct hr_env *env, struct hr_arena *arena, const char *dir,
                             struct hr_err *err)
{
    struct file_owner owner = {.env = env, .dir = dir};
    int64_t last, first;
    const char *id;
    HR_TRY(read_owner(&owner, arena, &id, &first, err));
    HR_TRY(hr_file_manifest_last(env, arena, dir, &last, err));
    if (!id && last < 0) return HR_OK;
    return owned(&owner,
                 "its readers see what a streaming query's manifest names, not what a batch adds",
                 err);
}
