/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files a table consists of. Files that a write replaces are no longer the table's at once,
 * but stay on disk for a while: who has listed them before may still be reading.
 */
#include "catalog/internal.h"

#if HR_HAVE_SQLITE
#include <stdio.h>

#define GARBAGE_US (INT64_C(600) * 1000000)

static hr_status check_object(struct hr_wh *wh, int64_t id, int64_t version, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    HR_TRY(hr_wh_prepare(wh, &s, err, "SELECT version FROM object WHERE id = ?", "i", id));
    hr_status status = hr_wh_step(wh, s, &row, err);
    int64_t now = row ? sqlite3_column_int64(s, 0) : -1;
    sqlite3_finalize(s);
    HR_TRY(status);
    if (!row)
        return HR_FAIL(err, HR_E_NOT_FOUND, "the table was dropped by somebody else meanwhile");
    if (version < 0 || now == version) return HR_OK;
    return HR_FAIL(err, HR_E_AGAIN, "the table was altered by somebody else meanwhile: try again");
}

static hr_status list(struct hr_wh *wh, struct hr_arena *arena, int64_t object,
                      struct hr_wh_file **ret, uint32_t *ret_count, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    HR_VEC(struct hr_wh_file) files = {0};
    bool row = false, failed = false;
    HR_TRY(hr_wh_prepare(wh, &s, err,
                         "SELECT path, bytes, mtime, fields FROM file WHERE object = ?"
                         " ORDER BY mtime, path", "i", object));
    hr_status status = hr_wh_step(wh, s, &row, err);
    while (status == HR_OK && row) {
        struct hr_wh_file file = {hr_wh_text(s, 0, arena, &failed), sqlite3_column_int64(s, 1),
                                  sqlite3_column_int64(s, 2),
                                  (uint32_t)sqlite3_column_int64(s, 3)};
        if (failed || !HR_VEC_PUSH(arena, &files, file)) status = HR_OOM(err);
        if (status == HR_OK) status = hr_wh_step(wh, s, &row, err);
    }
    sqlite3_finalize(s);
    *ret = files.items;
    *ret_count = files.count;
    return status;
}

hr_status hr_wh_files(struct hr_wh *wh, struct hr_arena *arena, int64_t object,
                      struct hr_wh_file **ret, uint32_t *ret_count, struct hr_err *err)
{
    pthread_mutex_lock(&wh->lock);
    hr_status status = hr_wh_exec(wh, err, "BEGIN", "");
    if (status == HR_OK) {
        status = check_object(wh, object, -1, err);
        if (status == HR_OK) status = list(wh, arena, object, ret, ret_count, err);
        sqlite3_exec(wh->db, "END", NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&wh->lock);
    return status;
}

/* "a=1/b=x" of "a=1/b=x/part-….csv"; 0: the file is in the table's own folder. */
static size_t folder_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) : 0;
}

static hr_status add_part(struct hr_wh *wh, int64_t object, const char *spec, struct hr_err *err)
{
    return hr_wh_exec(wh, err, "INSERT OR IGNORE INTO part VALUES (?, ?)", "is", object, spec);
}

hr_status hr_wh_add_files(struct hr_wh *wh, int64_t object, const struct hr_wh_file *files,
                          uint32_t count, struct hr_err *err)
{
    char spec[4096];
    for (uint32_t i = 0; i < count; i++) {
        HR_TRY(hr_wh_exec(wh, err, "INSERT OR REPLACE INTO file VALUES (?, ?, ?, ?, ?)", "isiii",
                          object, files[i].path, files[i].bytes, files[i].mtime_us,
                          (int64_t)files[i].columns));
        size_t len = folder_of(files[i].path);
        if (!len) continue;
        if (len >= sizeof spec)
            return HR_FAIL(err, HR_E_LIMIT, "path too long: %s", files[i].path);
        memcpy(spec, files[i].path, len);
        spec[len] = 0;
        HR_TRY(add_part(wh, object, spec, err));
    }
    return HR_OK;
}

/* The files whose path begins with prefix ("" all) go. */
static hr_status remove_below(struct hr_wh *wh, int64_t object, const char *location,
                              const char *prefix, struct hr_err *err)
{
    HR_TRY(hr_wh_exec(wh, err,
                      "INSERT OR IGNORE INTO garbage SELECT ? || '/' || path, ? FROM file"
                      " WHERE object = ? AND substr(path, 1, length(?)) = ?", "siiss", location,
                      hr_now_us(wh->env), object, prefix, prefix));
    return hr_wh_exec(wh, err,
                      "DELETE FROM file WHERE object = ? AND substr(path, 1, length(?)) = ?",
                      "iss", object, prefix, prefix);
}

static hr_status forget_parts(struct hr_wh *wh, int64_t object, const char *prefix,
                              struct hr_err *err)
{
    return hr_wh_exec(wh, err,
                      "DELETE FROM part WHERE object = ? AND substr(spec || '/', 1, length(?)) = ?",
                      "iss", object, prefix, prefix);
}

/* Those go that lie in the same folder as a new one. */
static hr_status remove_written(struct hr_wh *wh, const char *location,
                                const struct hr_wh_publish *what, struct hr_err *err)
{
    char prefix[4096];
    for (uint32_t i = 0; i < what->file_count; i++) {
        size_t len = folder_of(what->files[i].path);
        if (len + 2 >= sizeof prefix) return HR_FAIL(err, HR_E_LIMIT, "path too long");
        memcpy(prefix, what->files[i].path, len);
        prefix[len] = len ? '/' : 0;
        prefix[len + 1] = 0;
        HR_TRY(remove_below(wh, what->object, location, prefix, err));
    }
    return HR_OK;
}

static hr_status publish(struct hr_wh *wh, const char *location, const struct hr_wh_publish *what,
                         struct hr_err *err)
{
    HR_TRY(check_object(wh, what->object, what->version, err));
    if (what->how == HR_WH_REPLACE || what->how == HR_WH_TRUNCATE)
        HR_TRY(remove_below(wh, what->object, location, "", err));
    if (what->how == HR_WH_REPLACE) HR_TRY(forget_parts(wh, what->object, "", err));
    for (uint32_t i = 0; what->how == HR_WH_REPLACE_BELOW && i < what->prefix_count; i++) {
        HR_TRY(remove_below(wh, what->object, location, what->prefixes[i], err));
        if (!what->keeps_partitions)
            HR_TRY(forget_parts(wh, what->object, what->prefixes[i], err));
    }
    if (what->how == HR_WH_REPLACE_WRITTEN) HR_TRY(remove_written(wh, location, what, err));
    HR_TRY(hr_wh_add_files(wh, what->object, what->files, what->file_count, err));
    if (!what->query_id) return HR_OK;
    return hr_wh_exec(wh, err, "INSERT OR REPLACE INTO mark VALUES (?, ?, ?)", "isi", what->object,
                      what->query_id, what->epoch);
}

/* What nobody can be reading any more. Files that cannot be removed stay: they are nobody's. */
static hr_status sweep(struct hr_wh *wh, struct hr_err *err)
{
    const char **paths = NULL;
    uint32_t count = 0;
    sqlite3_stmt *s = NULL;
    struct hr_arena arena;
    struct hr_err ignored;
    hr_err_init(&ignored);
    hr_arena_init(&arena, NULL);
    int64_t before = hr_now_us(wh->env) - GARBAGE_US;
    hr_status status =
        hr_wh_prepare(wh, &s, err, "SELECT path FROM garbage WHERE since < ? LIMIT 10000", "i",
                      before);
    if (status == HR_OK) status = hr_wh_list(wh, &arena, s, &paths, &count, err);
    for (uint32_t i = 0; status == HR_OK && i < count; i++) {
        if (wh->env->vt->unlink(wh->env, paths[i], &ignored) != HR_OK) hr_err_init(&ignored);
        status = hr_wh_exec(wh, err, "DELETE FROM garbage WHERE path = ?", "s", paths[i]);
    }
    hr_arena_done(&arena);
    return status;
}

hr_status hr_wh_publish(struct hr_wh *wh, const char *location, const struct hr_wh_publish *what,
                        struct hr_err *err)
{
    HR_TRY(hr_wh_begin(wh, err));
    hr_status status = publish(wh, location, what, err);
    if (status == HR_OK && what->how != HR_WH_APPEND) status = sweep(wh, err);
    return hr_wh_end(wh, status, err);
}

hr_status hr_wh_mark(struct hr_wh *wh, int64_t object, const char *query_id, int64_t *ret_epoch,
                     struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    pthread_mutex_lock(&wh->lock);
    hr_status status = check_object(wh, object, -1, err);
    if (status == HR_OK)
        status = hr_wh_prepare(wh, &s, err, "SELECT epoch FROM mark WHERE object = ? AND query = ?",
                               "is", object, query_id);
    if (status == HR_OK) {
        status = hr_wh_step(wh, s, &row, err);
        *ret_epoch = row ? sqlite3_column_int64(s, 0) : -1;
        sqlite3_finalize(s);
    }
    pthread_mutex_unlock(&wh->lock);
    return status;
}

/* Partitions ----------------------------------------------------------------------------------- */

hr_status hr_wh_partitions(struct hr_wh *wh, struct hr_arena *arena, int64_t object,
                           const char ***ret, uint32_t *ret_count, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    pthread_mutex_lock(&wh->lock);
    hr_status status = hr_wh_prepare(
        wh, &s, err, "SELECT spec FROM part WHERE object = ? ORDER BY spec", "i", object);
    if (status == HR_OK) status = hr_wh_list(wh, arena, s, ret, ret_count, err);
    pthread_mutex_unlock(&wh->lock);
    return status;
}

hr_status hr_wh_partition_add(struct hr_wh *wh, int64_t object, const char *spec,
                              struct hr_err *err)
{
    HR_TRY(hr_wh_begin(wh, err));
    hr_status status = check_object(wh, object, -1, err);
    if (status == HR_OK) status = add_part(wh, object, spec, err);
    return hr_wh_end(wh, status, err);
}

hr_status hr_wh_partition_drop(struct hr_wh *wh, const struct hr_wh_object *table,
                               const char *spec, struct hr_err *err)
{
    char prefix[4096];
    snprintf(prefix, sizeof prefix, "%s/", spec);
    HR_TRY(hr_wh_begin(wh, err));
    hr_status status = remove_below(wh, table->id, table->location, prefix, err);
    if (status == HR_OK)
        status = hr_wh_exec(wh, err, "DELETE FROM part WHERE object = ? AND spec = ?", "is",
                            table->id, spec);
    return hr_wh_end(wh, status, err);
}

/* Adopting ------------------------------------------------------------------------------------- */

struct adoption {
    struct hr_wh *wh;
    struct hr_arena *arena;
    const struct hr_wh_object *table;
    HR_VEC(struct hr_wh_file) files;
};

static hr_status adopt_folder(struct adoption *a, const char *below, uint32_t depth,
                              struct hr_err *err)
{
    struct hr_env *env = a->wh->env;
    char **names;
    uint32_t count;
    const char *dir = *below ? hr_arena_printf(a->arena, "%s/%s", a->table->location, below)
                             : a->table->location;
    if (!dir) return HR_OOM(err);
    hr_status status = hr_env_list_sorted(env, a->arena, dir, &names, &count, err);
    if (status == HR_E_NOT_FOUND) return HR_OK;
    HR_TRY(status);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_file_info info;
        if (*names[i] == '.' || (*names[i] == '_' && !strchr(names[i], '='))) continue;
        const char *path = hr_arena_printf(a->arena, "%s%s%s", below, *below ? "/" : "", names[i]);
        const char *whole = path ? hr_arena_printf(a->arena, "%s/%s", dir, names[i]) : NULL;
        if (!whole) return HR_OOM(err);
        if (env->vt->stat(env, whole, &info, NULL) != HR_OK) continue;
        if (info.is_dir && depth > 0 && strchr(names[i], '='))
            HR_TRY(adopt_folder(a, path, depth - 1, err));
        struct hr_wh_file file = {path, info.size_bytes, info.mtime_us, UINT32_MAX};
        if (info.is_regular && depth == 0 && !HR_VEC_PUSH(a->arena, &a->files, file))
            return HR_OOM(err);
    }
    return HR_OK;
}

static hr_status add_unknown(struct hr_wh *wh, int64_t object, const char *location,
                             const struct hr_wh_file *file, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    size_t len = folder_of(file->path);
    if (!len) return HR_OK; /* a partition is what may be missing, not a file */
    HR_TRY(hr_wh_prepare(wh, &s, err,
                         "SELECT 1 FROM known WHERE spec = substr(?, 1, ?) UNION ALL"
                         " SELECT 1 FROM garbage WHERE path = ? || '/' || ?", "siss", file->path,
                         (int64_t)len, location, file->path));
    hr_status status = hr_wh_step(wh, s, &row, err);
    sqlite3_finalize(s);
    return status != HR_OK || row ? status : hr_wh_add_files(wh, object, file, 1, err);
}

hr_status hr_wh_adopt(struct hr_wh *wh, const struct hr_wh_object *table, struct hr_err *err)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    struct adoption a = {.wh = wh, .arena = &arena, .table = table};
    hr_status status = adopt_folder(&a, "", table->partition_count, err);
    if (status == HR_OK) status = hr_wh_begin(wh, err);
    if (status == HR_OK) {
        status = hr_wh_exec(wh, err, "CREATE TEMP TABLE known (spec TEXT PRIMARY KEY)", "");
        if (status == HR_OK)
            status = hr_wh_exec(wh, err, "INSERT INTO known SELECT spec FROM part WHERE object = ?",
                                "i", table->id);
        for (uint32_t i = 0; status == HR_OK && i < a.files.count; i++)
            status = add_unknown(wh, table->id, table->location, &a.files.items[i], err);
        if (status == HR_OK) status = hr_wh_exec(wh, err, "DROP TABLE temp.known", "");
        status = hr_wh_end(wh, status, err);
    }
    hr_arena_done(&arena);
    return status;
}
#endif
