/* SPDX-License-Identifier: Apache-2.0 */
/* Tables and views. */
#include "catalog/internal.h"

#if HR_HAVE_SQLITE
#include <inttypes.h>
#include <stdio.h>

static void owner_of(char kind, int64_t id, char ret[32])
{
    snprintf(ret, 32, "%c:%" PRId64, kind, id);
}

static hr_status load_columns(struct hr_wh *wh, struct hr_arena *arena,
                              struct hr_wh_object *object, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    HR_VEC(struct hr_wh_column) columns = {0};
    bool row = false, failed = false;
    HR_TRY(hr_wh_prepare(wh, &s, err,
                         "SELECT name, type, nullable, comment, def, old FROM field"
                         " WHERE object = ? ORDER BY position", "i", object->id));
    hr_status status = hr_wh_step(wh, s, &row, err);
    while (status == HR_OK && row) {
        struct hr_wh_column column = {.name = hr_wh_text(s, 0, arena, &failed),
                                      .type = hr_wh_text(s, 1, arena, &failed),
                                      .nullable = sqlite3_column_int(s, 2) != 0,
                                      .comment = hr_wh_text(s, 3, arena, &failed),
                                      .def = hr_wh_text(s, 4, arena, &failed),
                                      .old = hr_wh_text(s, 5, arena, &failed)};
        if (failed || !HR_VEC_PUSH(arena, &columns, column)) status = HR_OOM(err);
        if (status == HR_OK) status = hr_wh_step(wh, s, &row, err);
    }
    sqlite3_finalize(s);
    object->columns = columns.items;
    object->column_count = columns.count;
    return status;
}

static hr_status load_row(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                          const char *name, struct hr_wh_object **ret, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false, failed = false;
    struct hr_wh_object *o = NULL;
    HR_TRY(hr_wh_prepare(wh, &s, err,
                         "SELECT id, kind, version, schema, name, provider, location, comment,"
                         " text, context, partitions, created, rows, bytes FROM object"
                         " WHERE schema = ? AND name = ?", "ss", schema, name));
    hr_status status = hr_wh_step(wh, s, &row, err);
    if (status == HR_OK && row && (o = HR_NEW(arena, struct hr_wh_object)) != NULL) {
        o->id = sqlite3_column_int64(s, 0);
        o->kind = (enum hr_wh_kind)sqlite3_column_int(s, 1);
        o->version = sqlite3_column_int64(s, 2);
        o->schema = hr_wh_text(s, 3, arena, &failed);
        o->name = hr_wh_text(s, 4, arena, &failed);
        o->provider = hr_wh_text(s, 5, arena, &failed);
        o->location = hr_wh_text(s, 6, arena, &failed);
        o->comment = hr_wh_text(s, 7, arena, &failed);
        o->text = hr_wh_text(s, 8, arena, &failed);
        o->context = hr_wh_text(s, 9, arena, &failed);
        o->partition_count = (uint32_t)sqlite3_column_int(s, 10);
        o->created_us = sqlite3_column_int64(s, 11);
        o->rows = sqlite3_column_int64(s, 12);
        o->bytes = sqlite3_column_int64(s, 13);
    }
    if (status == HR_OK && row && (!o || failed)) status = HR_OOM(err);
    sqlite3_finalize(s);
    *ret = o;
    return status;
}

static hr_status load(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                      const char *name, struct hr_wh_object **ret, struct hr_err *err)
{
    char owner[32];
    HR_TRY(load_row(wh, arena, schema, name, ret, err));
    if (!*ret) return HR_OK;
    HR_TRY(load_columns(wh, arena, *ret, err));
    owner_of('o', (*ret)->id, owner);
    HR_TRY(hr_wh_get_options(wh, arena, owner, &(*ret)->options, err));
    owner_of('p', (*ret)->id, owner);
    return hr_wh_get_options(wh, arena, owner, &(*ret)->properties, err);
}

hr_status hr_wh_find(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                     const char *name, struct hr_wh_object **ret, struct hr_err *err)
{
    struct hr_wh_object *object = NULL;
    pthread_mutex_lock(&wh->lock);
    /* one state of all tables, though other processes write */
    hr_status status = hr_wh_exec(wh, err, "BEGIN", "");
    if (status == HR_OK) {
        status = load(wh, arena, schema, name, &object, err);
        sqlite3_exec(wh->db, "END", NULL, NULL, NULL);
    }
    pthread_mutex_unlock(&wh->lock);
    if (status == HR_OK) *ret = object;
    return status;
}

hr_status hr_wh_names(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                      struct hr_wh_name **ret, uint32_t *ret_count, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    HR_VEC(struct hr_wh_name) names = {0};
    bool row = false, failed = false;
    pthread_mutex_lock(&wh->lock);
    hr_status status = hr_wh_prepare(wh, &s, err,
                                     "SELECT name, kind FROM object WHERE schema = ?"
                                     " ORDER BY name COLLATE BINARY", "s", schema);
    if (status == HR_OK) status = hr_wh_step(wh, s, &row, err);
    while (status == HR_OK && row) {
        struct hr_wh_name name = {hr_wh_text(s, 0, arena, &failed),
                                  (enum hr_wh_kind)sqlite3_column_int(s, 1)};
        if (failed || !HR_VEC_PUSH(arena, &names, name)) status = HR_OOM(err);
        if (status == HR_OK) status = hr_wh_step(wh, s, &row, err);
    }
    sqlite3_finalize(s);
    pthread_mutex_unlock(&wh->lock);
    *ret = names.items;
    *ret_count = names.count;
    return status;
}

/* Changing ------------------------------------------------------------------------------------- */

static hr_status put_details(struct hr_wh *wh, const struct hr_wh_object *o, struct hr_err *err)
{
    char owner[32];
    HR_TRY(hr_wh_exec(wh, err, "DELETE FROM field WHERE object = ?", "i", o->id));
    for (uint32_t i = 0; i < o->column_count; i++) {
        const struct hr_wh_column *c = &o->columns[i];
        HR_TRY(hr_wh_exec(wh, err, "INSERT INTO field VALUES (?, ?, ?, ?, ?, ?, ?, ?)", "iississs",
                          o->id, (int64_t)i, c->name, c->type, (int64_t)c->nullable, c->comment,
                          c->def, c->old));
    }
    owner_of('o', o->id, owner);
    HR_TRY(hr_wh_put_options(wh, owner, &o->options, err));
    owner_of('p', o->id, owner);
    return hr_wh_put_options(wh, owner, &o->properties, err);
}

hr_status hr_wh_forget(struct hr_wh *wh, int64_t id, struct hr_err *err)
{
    static const char *const tables[] = {
        "DELETE FROM field WHERE object = ?", "DELETE FROM file WHERE object = ?",
        "DELETE FROM part WHERE object = ?", "DELETE FROM mark WHERE object = ?",
        "DELETE FROM object WHERE id = ?"};
    char owner[32];
    for (size_t i = 0; i < HR_COUNT(tables); i++)
        HR_TRY(hr_wh_exec(wh, err, tables[i], "i", id));
    owner_of('o', id, owner);
    HR_TRY(hr_wh_exec(wh, err, "DELETE FROM property WHERE owner = ?", "s", owner));
    owner_of('p', id, owner);
    return hr_wh_exec(wh, err, "DELETE FROM property WHERE owner = ?", "s", owner);
}

static hr_status insert(struct hr_wh *wh, struct hr_arena *arena, struct hr_wh_object *o,
                        const struct hr_wh_file *files, uint32_t file_count, bool replace,
                        const char **ret_folder, struct hr_err *err)
{
    struct hr_wh_object *old = NULL;
    HR_TRY(load_row(wh, arena, o->schema, o->name, &old, err));
    if (old && !replace) return HR_RAISE(err, HR_E_EXISTS, "what", o->name);
    if (old) HR_TRY(hr_wh_forget(wh, old->id, err));
    if (old && old->kind == HR_WH_MANAGED) *ret_folder = old->location;
    o->version = 1;
    o->created_us = hr_now_us(wh->env);
    o->rows = o->bytes = -1;
    HR_TRY(hr_wh_exec(wh, err,
                      "INSERT INTO object (schema, name, kind, provider, location, comment, text,"
                      " context, partitions, version, created, rows, bytes)"
                      " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, -1, -1)", "ssisssssii", o->schema,
                      o->name, (int64_t)o->kind, o->provider, o->location, o->comment, o->text,
                      o->context, (int64_t)o->partition_count, o->created_us));
    o->id = sqlite3_last_insert_rowid(wh->db);
    HR_TRY(put_details(wh, o, err));
    return hr_wh_add_files(wh, o->id, files, file_count, err);
}

hr_status hr_wh_create(struct hr_wh *wh, struct hr_wh_object *object,
                       const struct hr_wh_file *files, uint32_t file_count, bool replace,
                       struct hr_err *err)
{
    struct hr_arena arena;
    const char *folder = NULL;
    HR_TRY(hr_wh_begin(wh, err));
    hr_arena_init(&arena, NULL);
    hr_status status = insert(wh, &arena, object, files, file_count, replace, &folder, err);
    status = hr_wh_end(wh, status, err);
    if (status == HR_OK && folder) status = hr_env_remove_tree(wh->env, folder, err);
    hr_arena_done(&arena);
    return status;
}

static hr_status update(struct hr_wh *wh, const struct hr_wh_object *o, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    HR_TRY(hr_wh_prepare(wh, &s, err, "SELECT id FROM object WHERE schema = ? AND name = ?", "ss",
                         o->schema, o->name));
    hr_status status = hr_wh_step(wh, s, &row, err);
    bool taken = row && sqlite3_column_int64(s, 0) != o->id;
    sqlite3_finalize(s);
    HR_TRY(status);
    if (taken) return HR_RAISE(err, HR_E_EXISTS, "what", o->name);
    HR_TRY(hr_wh_exec(wh, err,
                      "UPDATE object SET schema = ?, name = ?, provider = ?, location = ?,"
                      " comment = ?, text = ?, context = ?, partitions = ?, rows = ?, bytes = ?,"
                      " version = version + 1 WHERE id = ? AND version = ?", "sssssssiiiii",
                      o->schema, o->name, o->provider, o->location, o->comment, o->text, o->context,
                      (int64_t)o->partition_count, o->rows, o->bytes, o->id, o->version));
    if (sqlite3_changes(wh->db) == 0)
        return HR_FAIL(err, HR_E_AGAIN, "%s was changed by somebody else meanwhile: try again",
                       o->name);
    return put_details(wh, o, err);
}

hr_status hr_wh_alter(struct hr_wh *wh, const struct hr_wh_object *object, struct hr_err *err)
{
    HR_TRY(hr_wh_begin(wh, err));
    return hr_wh_end(wh, update(wh, object, err), err);
}

hr_status hr_wh_drop(struct hr_wh *wh, const struct hr_wh_object *object, struct hr_err *err)
{
    HR_TRY(hr_wh_begin(wh, err));
    HR_TRY(hr_wh_end(wh, hr_wh_forget(wh, object->id, err), err));
    if (object->kind != HR_WH_MANAGED || !object->location) return HR_OK;
    return hr_env_remove_tree(wh->env, object->location, err);
}

hr_status hr_wh_new_location(struct hr_wh *wh, struct hr_arena *arena, const char *schema,
                             const char *name, const char **ret, struct hr_err *err)
{
    struct hr_wh_schema *in = NULL;
    HR_TRY(hr_wh_schema_find(wh, arena, schema, &in, err));
    const char *base = in && in->location ? in->location : wh->dir;
    if (strncmp(base, "file:", 5) == 0) base += strncmp(base, "file:///", 8) == 0 ? 7 : 5;
    const char *path = hr_arena_printf(arena, "%s/%s", base, name);
    if (path && hr_env_exists(wh->env, path)) { /* a crash's leavings, or another's under way */
        char uuid[37];
        hr_env_uuid(wh->env, uuid);
        path = hr_arena_printf(arena, "%s/%s-%.8s", base, name, uuid);
    }
    if (!path) return HR_OOM(err);
    HR_TRY(wh->env->vt->mkdirs(wh->env, path, err));
    *ret = path;
    return HR_OK;
}
#endif
