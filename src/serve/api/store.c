/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/store.h"

#include "base/alloc.h"
#include "base/env.h"
#include "hr_config.h"

#if HR_HAVE_SQLITE
#include "late_sqlite.h"
#include <stdio.h>

struct hr_job_store {
    sqlite3 *db;
    char path[1024];
};

static hr_status failed(struct hr_job_store *store, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_IO_FATAL, "%s: %s", store->path, sqlite3_errmsg(store->db));
}

/* The format is a number of its own: a later program changes the tables and raises it. */
static hr_status prepare(struct hr_job_store *store, struct hr_err *err)
{
    static const char setup[] =
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "PRAGMA cache_size=-256; BEGIN EXCLUSIVE;"
        "CREATE TABLE IF NOT EXISTS jobs (name TEXT PRIMARY KEY, sql TEXT NOT NULL,"
        " wanted TEXT NOT NULL, created_us INTEGER NOT NULL) WITHOUT ROWID;"
        "PRAGMA user_version=1; COMMIT;";
    sqlite3_stmt *statement = NULL;
    int version = 0;
    if (sqlite3_prepare_v2(store->db, "PRAGMA user_version", -1, &statement, NULL) != SQLITE_OK)
        return failed(store, err);
    if (sqlite3_step(statement) == SQLITE_ROW) version = sqlite3_column_int(statement, 0);
    sqlite3_finalize(statement);
    if (version > 1)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s is of a later version of the program (%d)",
                       store->path, version);
    int status = sqlite3_exec(store->db, setup, NULL, NULL, NULL);
    if (status == SQLITE_BUSY)
        return HR_FAIL(err, HR_E_EXISTS, "%s is in use by another server", store->path);
    return status == SQLITE_OK ? HR_OK : failed(store, err);
}

hr_status hr_job_store_open(struct hr_env *env, const char *folder, struct hr_job_store **ret,
                            struct hr_err *err)
{
    HR_TRY(hr_late_sqlite(err));
    HR_TRY(env->vt->mkdirs(env, folder, err));
    struct hr_job_store *store = hr_zalloc(sizeof *store);
    if (!store) return HR_OOM(err);
    snprintf(store->path, sizeof store->path, "%.1000s/jobs.sqlite", folder);
    hr_status status = sqlite3_open(store->path, &store->db) == SQLITE_OK ? HR_OK
                                                                         : failed(store, err);
    if (status == HR_OK) status = prepare(store, err);
    if (status != HR_OK) {
        hr_job_store_close(store);
        return status;
    }
    *ret = store;
    return HR_OK;
}

void hr_job_store_close(struct hr_job_store *store)
{
    if (!store) return;
    sqlite3_close(store->db);
    hr_free(store);
}

hr_status hr_job_store_each(struct hr_job_store *store,
                            hr_status (*fn)(void *arg, const char *name, const char *sql,
                                            const char *wanted, int64_t created_us,
                                            struct hr_err *err),
                            void *arg, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    static const char sql[] = "SELECT name, sql, wanted, created_us FROM jobs ORDER BY name";
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK)
        return failed(store, err);
    hr_status status = HR_OK;
    int step;
    while (status == HR_OK && (step = sqlite3_step(s)) == SQLITE_ROW)
        status = fn(arg, (const char *)sqlite3_column_text(s, 0),
                    (const char *)sqlite3_column_text(s, 1),
                    (const char *)sqlite3_column_text(s, 2), sqlite3_column_int64(s, 3), err);
    if (status == HR_OK && step != SQLITE_DONE) status = failed(store, err);
    sqlite3_finalize(s);
    return status;
}

/* One statement with up to four values, to its end. */
static hr_status change(struct hr_job_store *store, const char *sql, const char *const *texts,
                        int count, int64_t number, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(store->db, sql, -1, &s, NULL) != SQLITE_OK) return failed(store, err);
    for (int i = 0; i < count; i++) sqlite3_bind_text(s, i + 1, texts[i], -1, SQLITE_STATIC);
    if (count > 1) sqlite3_bind_int64(s, count + 1, number);
    hr_status status = sqlite3_step(s) == SQLITE_DONE ? HR_OK : failed(store, err);
    sqlite3_finalize(s);
    return status;
}

hr_status hr_job_store_put(struct hr_job_store *store, const char *name, const char *sql,
                           const char *wanted, int64_t created_us, struct hr_err *err)
{
    const char *texts[] = {name, sql, wanted};
    return change(store, "INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?)", texts, 3, created_us,
                  err);
}

hr_status hr_job_store_drop(struct hr_job_store *store, const char *name, struct hr_err *err)
{
    return change(store, "DELETE FROM jobs WHERE name = ?", &name, 1, 0, err);
}

#else

hr_status hr_job_store_open(struct hr_env *env, const char *folder, struct hr_job_store **ret,
                            struct hr_err *err)
{
    HR_UNUSED(env);
    HR_UNUSED(folder);
    HR_UNUSED(ret);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what",
                    "keeping jobs by this build (it was made without SQLite)");
}

void hr_job_store_close(struct hr_job_store *store)
{
    HR_UNUSED(store);
}

hr_status hr_job_store_each(struct hr_job_store *store,
                            hr_status (*fn)(void *arg, const char *name, const char *sql,
                                            const char *wanted, int64_t created_us,
                                            struct hr_err *err),
                            void *arg, struct hr_err *err)
{
    HR_UNUSED(store);
    HR_UNUSED(fn);
    HR_UNUSED(arg);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "keeping jobs by this build");
}

hr_status hr_job_store_put(struct hr_job_store *store, const char *name, const char *sql,
                           const char *wanted, int64_t created_us, struct hr_err *err)
{
    HR_UNUSED(store);
    HR_UNUSED(name);
    HR_UNUSED(sql);
    HR_UNUSED(wanted);
    HR_UNUSED(created_us);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "keeping jobs by this build");
}

hr_status hr_job_store_drop(struct hr_job_store *store, const char *name, struct hr_err *err)
{
    HR_UNUSED(store);
    HR_UNUSED(name);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "keeping jobs by this build");
}
#endif
