/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas, and routines in them. */
#include "catalog/internal.h"

#if HR_HAVE_SQLITE
#include <stdio.h>

static const char *owner_of(struct hr_arena *arena, const char *name)
{
    char *owner = hr_arena_printf(arena, "s:%s", name);
    for (char *p = owner; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    return owner;
}

static hr_status load(struct hr_wh *wh, struct hr_arena *arena, const char *name,
                      struct hr_wh_schema **ret, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false, failed = false;
    struct hr_wh_schema *schema = NULL;
    HR_TRY(hr_wh_prepare(wh, &s, err, "SELECT name, location, comment FROM schema WHERE name = ?",
                         "s", name));
    hr_status status = hr_wh_step(wh, s, &row, err);
    if (status == HR_OK && row) {
        schema = HR_NEW(arena, struct hr_wh_schema);
        if (schema) {
            schema->name = hr_wh_text(s, 0, arena, &failed);
            schema->location = hr_wh_text(s, 1, arena, &failed);
            schema->comment = hr_wh_text(s, 2, arena, &failed);
        }
        if (!schema || failed) status = HR_OOM(err);
    }
    sqlite3_finalize(s);
    const char *owner = schema ? owner_of(arena, name) : NULL;
    if (status == HR_OK && schema)
        status = owner ? hr_wh_get_options(wh, arena, owner, &schema->properties, err)
                       : HR_OOM(err);
    if (status == HR_OK) *ret = schema;
    return status;
}

hr_status hr_wh_schema_find(struct hr_wh *wh, struct hr_arena *arena, const char *name,
                            struct hr_wh_schema **ret, struct hr_err *err)
{
    pthread_mutex_lock(&wh->lock);
    hr_status status = load(wh, arena, name, ret, err);
    pthread_mutex_unlock(&wh->lock);
    return status;
}

hr_status hr_wh_schema_names(struct hr_wh *wh, struct hr_arena *arena, const char ***ret,
                             uint32_t *ret_count, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    pthread_mutex_lock(&wh->lock);
    hr_status status =
        hr_wh_prepare(wh, &s, err, "SELECT name FROM schema ORDER BY name COLLATE BINARY", "");
    if (status == HR_OK) status = hr_wh_list(wh, arena, s, ret, ret_count, err);
    pthread_mutex_unlock(&wh->lock);
    return status;
}

static hr_status put(struct hr_wh *wh, const struct hr_wh_schema *schema, bool is_new,
                     struct hr_err *err)
{
    struct hr_arena arena;
    struct hr_wh_schema *old = NULL;
    hr_arena_init(&arena, NULL);
    hr_status status = load(wh, &arena, schema->name, &old, err);
    if (status == HR_OK && is_new && old)
        status = HR_RAISE(err, HR_E_EXISTS, "what", schema->name);
    const char *location = schema->location, *owner = owner_of(&arena, schema->name);
    if (!location) location = hr_arena_printf(&arena, "file:%s/%s.db", wh->dir, schema->name);
    if (status == HR_OK && (!location || !owner)) status = HR_OOM(err);
    if (status == HR_OK)
        status = hr_wh_exec(wh, err, "INSERT OR REPLACE INTO schema VALUES (?, ?, ?)", "sss",
                            schema->name, location, schema->comment);
    if (status == HR_OK) status = hr_wh_put_options(wh, owner, &schema->properties, err);
    hr_arena_done(&arena);
    return status;
}

hr_status hr_wh_schema_create(struct hr_wh *wh, const struct hr_wh_schema *schema,
                              struct hr_err *err)
{
    HR_TRY(hr_wh_begin(wh, err));
    return hr_wh_end(wh, put(wh, schema, true, err), err);
}

hr_status hr_wh_schema_alter(struct hr_wh *wh, const struct hr_wh_schema *schema,
                             struct hr_err *err)
{
    HR_TRY(hr_wh_begin(wh, err));
    return hr_wh_end(wh, put(wh, schema, false, err), err);
}

/* What is in it: ids, and the folders of managed tables. */
struct contents {
    HR_VEC(int64_t) ids;
    HR_VEC(const char *) folders;
};

static hr_status list_contents(struct hr_wh *wh, struct hr_arena *arena, const char *name,
                               struct contents *ret, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false, failed = false;
    HR_TRY(hr_wh_prepare(wh, &s, err, "SELECT id, kind, location FROM object WHERE schema = ?",
                         "s", name));
    hr_status status = hr_wh_step(wh, s, &row, err);
    while (status == HR_OK && row) {
        int64_t id = sqlite3_column_int64(s, 0);
        const char *folder = hr_wh_text(s, 2, arena, &failed);
        bool ok = HR_VEC_PUSH(arena, &ret->ids, id);
        if (ok && folder && sqlite3_column_int(s, 1) == HR_WH_MANAGED)
            ok = HR_VEC_PUSH(arena, &ret->folders, folder);
        status = ok && !failed ? hr_wh_step(wh, s, &row, err) : HR_OOM(err);
    }
    sqlite3_finalize(s);
    return status;
}

static hr_status drop(struct hr_wh *wh, struct hr_arena *arena, const char *name, bool cascade,
                      struct contents *what, bool *ret_dropped, struct hr_err *err)
{
    const char **routines;
    uint32_t routine_count = 0;
    sqlite3_stmt *s = NULL;
    HR_TRY(list_contents(wh, arena, name, what, err));
    HR_TRY(hr_wh_prepare(wh, &s, err, "SELECT name FROM routine WHERE schema = ?", "s", name));
    HR_TRY(hr_wh_list(wh, arena, s, &routines, &routine_count, err));
    *ret_dropped = cascade || (what->ids.count == 0 && routine_count == 0);
    if (!*ret_dropped) return HR_OK;
    const char *owner = owner_of(arena, name);
    if (!owner) return HR_OOM(err);
    for (uint32_t i = 0; i < what->ids.count; i++)
        HR_TRY(hr_wh_forget(wh, what->ids.items[i], err));
    HR_TRY(hr_wh_exec(wh, err, "DELETE FROM routine WHERE schema = ?", "s", name));
    HR_TRY(hr_wh_exec(wh, err, "DELETE FROM property WHERE owner = ?", "s", owner));
    return hr_wh_exec(wh, err, "DELETE FROM schema WHERE name = ?", "s", name);
}

hr_status hr_wh_schema_drop(struct hr_wh *wh, const char *name, bool cascade, bool *ret_dropped,
                            struct hr_err *err)
{
    struct hr_arena arena;
    struct contents what = {.ids = {0}};
    HR_TRY(hr_wh_begin(wh, err));
    hr_arena_init(&arena, NULL);
    hr_status status =
        hr_wh_end(wh, drop(wh, &arena, name, cascade, &what, ret_dropped, err), err);
    for (uint32_t i = 0; status == HR_OK && *ret_dropped && i < what.folders.count; i++)
        status = hr_env_remove_tree(wh->env, what.folders.items[i], err);
    hr_arena_done(&arena);
    return status;
}

/* Routines ------------------------------------------------------------------------------------- */

hr_status hr_wh_routine_put(struct hr_wh *wh, const char *schema, const char *name,
                            const char *text, bool replace, struct hr_err *err)
{
    struct hr_arena arena;
    const char *old = NULL;
    hr_arena_init(&arena, NULL);
    hr_status status =
        replace ? HR_OK : hr_wh_routine_find(wh, &arena, schema, name, &old, err);
    if (status == HR_OK && old) status = HR_RAISE(err, HR_E_EXISTS, "what", name);
    hr_arena_done(&arena);
    HR_TRY(status);
    HR_TRY(hr_wh_begin(wh, err));
    status = hr_wh_exec(wh, err, "INSERT OR REPLACE INTO routine VALUES (?, ?, ?)", "sss", schema,
                        name, text);
    return hr_wh_end(wh, status, err);
}

hr_status hr_wh_routine_find(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                             const char *name, const char **ret, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    const char **texts = NULL;
    uint32_t count = 0;
    pthread_mutex_lock(&wh->lock);
    hr_status status = hr_wh_prepare(
        wh, &s, err, "SELECT text FROM routine WHERE schema = ? AND name = ?", "ss", schema, name);
    if (status == HR_OK) status = hr_wh_list(wh, arena, s, &texts, &count, err);
    pthread_mutex_unlock(&wh->lock);
    if (status == HR_OK) *ret = count ? texts[0] : NULL;
    return status;
}

hr_status hr_wh_routine_names(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                              const char ***ret, uint32_t *ret_count, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    pthread_mutex_lock(&wh->lock);
    hr_status status = hr_wh_prepare(
        wh, &s, err, "SELECT name FROM routine WHERE schema = ? ORDER BY name", "s", schema);
    if (status == HR_OK) status = hr_wh_list(wh, arena, s, ret, ret_count, err);
    pthread_mutex_unlock(&wh->lock);
    return status;
}

hr_status hr_wh_routine_drop(struct hr_wh *wh, const char *schema, const char *name,
                             bool *ret_dropped, struct hr_err *err)
{
    HR_TRY(hr_wh_begin(wh, err));
    hr_status status = hr_wh_exec(wh, err, "DELETE FROM routine WHERE schema = ? AND name = ?",
                                  "ss", schema, name);
    *ret_dropped = status == HR_OK && sqlite3_changes(wh->db) > 0;
    return hr_wh_end(wh, status, err);
}
#endif
