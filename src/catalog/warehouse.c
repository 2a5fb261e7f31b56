/* SPDX-License-Identifier: Apache-2.0 */
/* Opening a warehouse, and what its other files ask of SQLite. */
#include "catalog/internal.h"

#if HR_HAVE_SQLITE
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/alloc.h"

#define FILE_NAME    "_catalog.sqlite"
#define VERSION      1
#define BUSY_WAIT_MS 60000

hr_status hr_wh_failed(struct hr_wh *wh, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_IO, "warehouse %s: %s", wh->dir,
                   wh->db ? sqlite3_errmsg(wh->db) : "cannot be opened");
}

static hr_status bind(struct hr_wh *wh, sqlite3_stmt *s, const char *types, va_list args,
                      struct hr_err *err)
{
    int rc = SQLITE_OK;
    for (int i = 0; types[i] && rc == SQLITE_OK; i++) {
        if (types[i] == 's')
            rc = sqlite3_bind_text(s, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
        else
            rc = sqlite3_bind_int64(s, i + 1, va_arg(args, int64_t));
    }
    return rc == SQLITE_OK ? HR_OK : hr_wh_failed(wh, err);
}

static hr_status vprepare(struct hr_wh *wh, sqlite3_stmt **ret, struct hr_err *err,
                          const char *sql, const char *types, va_list args)
{
    if (sqlite3_prepare_v2(wh->db, sql, -1, ret, NULL) != SQLITE_OK) return hr_wh_failed(wh, err);
    hr_status status = bind(wh, *ret, types, args, err);
    if (status != HR_OK) sqlite3_finalize(*ret);
    return status;
}

hr_status hr_wh_prepare(struct hr_wh *wh, sqlite3_stmt **ret, struct hr_err *err, const char *sql,
                        const char *types, ...)
{
    va_list args;
    va_start(args, types);
    hr_status status = vprepare(wh, ret, err, sql, types, args);
    va_end(args);
    return status;
}

hr_status hr_wh_exec(struct hr_wh *wh, struct hr_err *err, const char *sql, const char *types, ...)
{
    sqlite3_stmt *s = NULL;
    va_list args;
    va_start(args, types);
    hr_status status = vprepare(wh, &s, err, sql, types, args);
    va_end(args);
    HR_TRY(status);
    int rc = sqlite3_step(s);
    status = rc == SQLITE_DONE || rc == SQLITE_ROW ? HR_OK : hr_wh_failed(wh, err);
    sqlite3_finalize(s);
    return status;
}

hr_status hr_wh_step(struct hr_wh *wh, sqlite3_stmt *s, bool *ret_row, struct hr_err *err)
{
    int rc = sqlite3_step(s);
    *ret_row = rc == SQLITE_ROW;
    return rc == SQLITE_ROW || rc == SQLITE_DONE ? HR_OK : hr_wh_failed(wh, err);
}

const char *hr_wh_text(sqlite3_stmt *s, int column, struct hr_arena *arena, bool *failed)
{
    const char *text = (const char *)sqlite3_column_text(s, column);
    const char *copy = text ? hr_arena_strdup(arena, text) : NULL;
    *failed |= text && !copy;
    return copy;
}

hr_status hr_wh_list(struct hr_wh *wh, struct hr_arena *arena, sqlite3_stmt *s, const char ***ret,
                     uint32_t *ret_count, struct hr_err *err)
{
    HR_VEC(const char *) names = {0};
    bool row = false, failed = false;
    hr_status status = hr_wh_step(wh, s, &row, err);
    while (status == HR_OK && row) {
        const char *name = hr_wh_text(s, 0, arena, &failed);
        if (failed || !HR_VEC_PUSH(arena, &names, name)) status = HR_OOM(err);
        if (status == HR_OK) status = hr_wh_step(wh, s, &row, err);
    }
    sqlite3_finalize(s);
    *ret = names.items;
    *ret_count = names.count;
    return status;
}

hr_status hr_wh_begin(struct hr_wh *wh, struct hr_err *err)
{
    pthread_mutex_lock(&wh->lock);
    if (sqlite3_exec(wh->db, "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) return HR_OK;
    hr_status status = hr_wh_failed(wh, err);
    pthread_mutex_unlock(&wh->lock);
    return status;
}

hr_status hr_wh_end(struct hr_wh *wh, hr_status status, struct hr_err *err)
{
    if (status == HR_OK && sqlite3_exec(wh->db, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
        status = hr_wh_failed(wh, err);
    if (status != HR_OK) sqlite3_exec(wh->db, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&wh->lock);
    return status;
}

/* Properties ----------------------------------------------------------------------------------- */

hr_status hr_wh_put_options(struct hr_wh *wh, const char *owner, const struct hr_options *options,
                            struct hr_err *err)
{
    HR_TRY(hr_wh_exec(wh, err, "DELETE FROM property WHERE owner = ?", "s", owner));
    for (uint32_t i = 0; i < options->count; i++)
        HR_TRY(hr_wh_exec(wh, err, "INSERT INTO property VALUES (?, ?, ?)", "sss", owner,
                          options->items[i].key, options->items[i].value));
    return HR_OK;
}

hr_status hr_wh_get_options(struct hr_wh *wh, struct hr_arena *arena, const char *owner,
                            struct hr_options *ret, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    hr_options_init(ret, arena);
    HR_TRY(hr_wh_prepare(wh, &s, err,
                         "SELECT key, value FROM property WHERE owner = ? ORDER BY rowid", "s",
                         owner));
    hr_status status = hr_wh_step(wh, s, &row, err);
    while (status == HR_OK && row) {
        status = hr_options_put(ret, (const char *)sqlite3_column_text(s, 0),
                                (const char *)sqlite3_column_text(s, 1), err);
        if (status == HR_OK) status = hr_wh_step(wh, s, &row, err);
    }
    sqlite3_finalize(s);
    return status;
}

/* Opening -------------------------------------------------------------------------------------- */

static hr_status check_version(struct hr_wh *wh, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    bool row = false;
    HR_TRY(hr_wh_prepare(wh, &s, err, "PRAGMA user_version", ""));
    hr_status status = hr_wh_step(wh, s, &row, err);
    int version = row ? sqlite3_column_int(s, 0) : 0;
    sqlite3_finalize(s);
    if (status == HR_OK && version > VERSION)
        status = HR_FAIL(err, HR_E_NOT_SUPPORTED,
                         "warehouse %s is of a later version of the program", wh->dir);
    return status;
}

static hr_status prepare(struct hr_wh *wh, struct hr_err *err)
{
    static const char setup[] =
        "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; BEGIN IMMEDIATE;"
        "CREATE TABLE IF NOT EXISTS schema (name TEXT PRIMARY KEY COLLATE NOCASE, location TEXT,"
        " comment TEXT);"
        "CREATE TABLE IF NOT EXISTS object (id INTEGER PRIMARY KEY AUTOINCREMENT,"
        " schema TEXT COLLATE NOCASE, name TEXT COLLATE NOCASE, kind INTEGER, provider TEXT,"
        " location TEXT, comment TEXT, text TEXT, context TEXT, partitions INTEGER,"
        " version INTEGER, created INTEGER, rows INTEGER, bytes INTEGER, UNIQUE (schema, name));"
        "CREATE TABLE IF NOT EXISTS field (object INTEGER, position INTEGER, name TEXT, type TEXT,"
        " nullable INTEGER, comment TEXT, def TEXT, old TEXT, PRIMARY KEY (object, position))"
        " WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS property (owner TEXT, key TEXT, value TEXT,"
        " PRIMARY KEY (owner, key));"
        "CREATE TABLE IF NOT EXISTS file (object INTEGER, path TEXT, bytes INTEGER, mtime INTEGER,"
        " fields INTEGER, PRIMARY KEY (object, path)) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS part (object INTEGER, spec TEXT, PRIMARY KEY (object, spec))"
        " WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS mark (object INTEGER, query TEXT, epoch INTEGER,"
        " PRIMARY KEY (object, query)) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS garbage (path TEXT PRIMARY KEY, since INTEGER) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS routine (schema TEXT COLLATE NOCASE,"
        " name TEXT COLLATE NOCASE, text TEXT, PRIMARY KEY (schema, name)) WITHOUT ROWID;"
        "PRAGMA user_version=1; COMMIT;";
    sqlite3_busy_timeout(wh->db, BUSY_WAIT_MS);
    HR_TRY(check_version(wh, err));
    if (sqlite3_exec(wh->db, setup, NULL, NULL, NULL) != SQLITE_OK) return hr_wh_failed(wh, err);
    char location[sizeof wh->dir + 8];
    snprintf(location, sizeof location, "file:%s", wh->dir);
    return hr_wh_exec(wh, err, "INSERT OR IGNORE INTO schema VALUES (?, ?, ?)", "sss",
                      HR_WH_DEFAULT, location, "default database");
}

/* The absolute path of dir in ret. */
static hr_status absolute(const char *dir, char *ret, size_t size, struct hr_err *err)
{
    char here[PATH_MAX];
    if (strncmp(dir, "file:", 5) == 0) dir += strncmp(dir, "file:///", 8) == 0 ? 7 : 5;
    if (*dir != '/' && !getcwd(here, sizeof here))
        return HR_FAIL(err, HR_E_IO, "the working directory is gone");
    const char *base = *dir == '/' ? "" : here;
    int len = snprintf(ret, size, "%s%s%s", base, *base ? "/" : "", dir);
    if (len < 0 || (size_t)len >= size)
        return HR_FAIL(err, HR_E_LIMIT, "path too long: %s", dir);
    while (len > 1 && ret[len - 1] == '/') ret[--len] = 0;
    return HR_OK;
}

hr_status hr_wh_open(struct hr_env *env, const char *dir, bool create, struct hr_wh **ret,
                     struct hr_err *err)
{
    char path[sizeof((struct hr_wh *)0)->dir + 32];
    struct hr_wh *wh = hr_zalloc(sizeof *wh);
    if (!wh) return HR_OOM(err);
    atomic_init(&wh->refs, 1);
    wh->env = env;
    pthread_mutex_init(&wh->lock, NULL);
    hr_status status = absolute(dir, wh->dir, sizeof wh->dir, err);
    snprintf(path, sizeof path, "%s/" FILE_NAME, wh->dir);
    bool found = status == HR_OK && hr_env_exists(env, path);
    if (status == HR_OK && (found || create)) status = hr_late_sqlite(err);
    if (status != HR_OK || (!found && !create)) {
        hr_wh_unref(wh);
        if (status == HR_OK) *ret = NULL;
        return status;
    }
    if (!found) status = env->vt->mkdirs(env, wh->dir, err);
    if (status == HR_OK && sqlite3_open(path, &wh->db) != SQLITE_OK)
        status = hr_wh_failed(wh, err);
    if (status == HR_OK) status = prepare(wh, err);
    if (status != HR_OK)
        hr_wh_unref(wh);
    else
        *ret = wh;
    return status;
}

struct hr_wh *hr_wh_ref(struct hr_wh *wh)
{
    atomic_fetch_add_explicit(&wh->refs, 1, memory_order_relaxed);
    return wh;
}

void hr_wh_unref(struct hr_wh *wh)
{
    if (!wh || atomic_fetch_sub_explicit(&wh->refs, 1, memory_order_acq_rel) != 1) return;
    if (wh->db) sqlite3_close(wh->db); /* else the library may not be there */
    pthread_mutex_destroy(&wh->lock);
    hr_free(wh);
}

const char *hr_wh_dir(const struct hr_wh *wh)
{
    return wh->dir;
}

struct hr_env *hr_wh_env(const struct hr_wh *wh)
{
    return wh->env;
}
#endif
