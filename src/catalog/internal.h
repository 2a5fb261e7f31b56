/* SPDX-License-Identifier: Apache-2.0 */
/* A warehouse, inside: SQLite and who is in it. */
#ifndef HR_CATALOG_INTERNAL_H
#define HR_CATALOG_INTERNAL_H

#include "base/thread.h"
#include "catalog/warehouse.h"
#include "hr_config.h"

#if HR_HAVE_SQLITE
#include "late_sqlite.h"

struct hr_wh {
    _Atomic uint32_t refs;
    struct hr_env *env;
    pthread_mutex_t lock; /* of db */
    sqlite3 *db;
    char dir[4096];
};

/* Of the last call, as HR_E_IO; a lock that did not come is HR_E_IO as well, which may pass. */
hr_status hr_wh_failed(struct hr_wh *wh, struct hr_err *err);
/* A statement with its values: 's' a text or NULL, 'i' a number. */
hr_status hr_wh_prepare(struct hr_wh *wh, sqlite3_stmt **ret, struct hr_err *err, const char *sql,
                        const char *types, ...) HR_CHECKED;
/* The same, to its end. */
hr_status hr_wh_exec(struct hr_wh *wh, struct hr_err *err, const char *sql, const char *types,
                     ...) HR_CHECKED;
/* *ret_row: there is one (else the statement is over). */
hr_status hr_wh_step(struct hr_wh *wh, sqlite3_stmt *s, bool *ret_row,
                     struct hr_err *err) HR_CHECKED;
/* A column of the row; NULL is NULL, and so is no memory (*failed). */
const char *hr_wh_text(sqlite3_stmt *s, int column, struct hr_arena *arena, bool *failed);

/* Lock and transaction; end commits when status is HR_OK, else rolls back, and unlocks. */
hr_status hr_wh_begin(struct hr_wh *wh, struct hr_err *err) HR_CHECKED;
hr_status hr_wh_end(struct hr_wh *wh, hr_status status, struct hr_err *err) HR_CHECKED;

/* property: options kept under an owner ("s:name", "o:7", "p:7"). */
hr_status hr_wh_put_options(struct hr_wh *wh, const char *owner, const struct hr_options *options,
                            struct hr_err *err) HR_CHECKED;
hr_status hr_wh_get_options(struct hr_wh *wh, struct hr_arena *arena, const char *owner,
                            struct hr_options *ret, struct hr_err *err) HR_CHECKED;
/* Texts of a query's first column. */
hr_status hr_wh_list(struct hr_wh *wh, struct hr_arena *arena, sqlite3_stmt *s, const char ***ret,
                     uint32_t *ret_count, struct hr_err *err) HR_CHECKED;
/* In a transaction: the files' rows and their partitions. */
hr_status hr_wh_add_files(struct hr_wh *wh, int64_t object, const struct hr_wh_file *files,
                          uint32_t count, struct hr_err *err) HR_CHECKED;
/* In a transaction: all that is kept of an object. */
hr_status hr_wh_forget(struct hr_wh *wh, int64_t object, struct hr_err *err) HR_CHECKED;
#endif

#endif
