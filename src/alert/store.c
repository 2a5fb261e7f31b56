/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an alert knows, on disk: states, transitions, and the outbox of deliveries, in a SQLite file
 * beside the query's journal. One transaction an epoch that changes something, with the epoch's
 * number: an epoch that is run again after a crash finds it and is not counted twice.
 */
#include "base/alloc.h"
#include "hr_config.h"
#include "alert/internal.h"
#include "base/datetime.h"

#if HR_HAVE_SQLITE
#include "late_sqlite.h"
#include <stdarg.h>
#include <stdio.h>

#define WAITING_MAX 10000
#define KEPT        2000 /* transitions and deliveries that are over */

struct hr_alert_store {
    sqlite3 *db;
    bool open; /* a transaction */
    char path[1100];
};

static hr_status failed(struct hr_alert *alert, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_IO_FATAL, "alert %s: %s: %s", alert->name, alert->store->path,
                   sqlite3_errmsg(alert->store->db));
}

/* A statement with its values: 's' a text, 'i' a number. */
static hr_status query(struct hr_alert *alert, sqlite3_stmt **ret, struct hr_err *err,
                       const char *sql, const char *types, ...)
{
    if (sqlite3_prepare_v2(alert->store->db, sql, -1, ret, NULL) != SQLITE_OK)
        return failed(alert, err);
    va_list args;
    va_start(args, types);
    for (int i = 0; types[i]; i++) {
        if (types[i] == 's')
            sqlite3_bind_text(*ret, i + 1, va_arg(args, const char *), -1, SQLITE_TRANSIENT);
        else
            sqlite3_bind_int64(*ret, i + 1, va_arg(args, int64_t));
    }
    va_end(args);
    return HR_OK;
}

/* To its end. */
static hr_status done(struct hr_alert *alert, sqlite3_stmt *s, struct hr_err *err)
{
    hr_status status = sqlite3_step(s) == SQLITE_DONE ? HR_OK : failed(alert, err);
    sqlite3_finalize(s);
    return status;
}

static hr_status exec(struct hr_alert *alert, const char *sql, struct hr_err *err)
{
    return sqlite3_exec(alert->store->db, sql, NULL, NULL, NULL) == SQLITE_OK ? HR_OK
                                                                              : failed(alert, err);
}

static int64_t number(struct hr_alert *alert, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(alert->store->db, sql, -1, &s, NULL) != SQLITE_OK) return -1;
    if (sqlite3_step(s) == SQLITE_ROW) value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

static hr_status prepare(struct hr_alert *alert, struct hr_err *err)
{
    static const char setup[] =
        "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
        "PRAGMA cache_size=-512; BEGIN EXCLUSIVE;"
        "CREATE TABLE IF NOT EXISTS alert (one INTEGER PRIMARY KEY, epoch INTEGER,"
        " transition INTEGER, silenced INTEGER, fired INTEGER, delivered INTEGER);"
        "INSERT OR IGNORE INTO alert VALUES (1, -1, 0, 0, 0, 0);"
        "CREATE TABLE IF NOT EXISTS instance (key TEXT PRIMARY KEY, state INTEGER, since INTEGER,"
        " fired INTEGER, ended INTEGER, due INTEGER, transition INTEGER, acked INTEGER,"
        " silenced INTEGER, row TEXT, acked_by TEXT, comment TEXT) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS history (transition INTEGER, key TEXT, what TEXT, at INTEGER,"
        " row TEXT);"
        "CREATE TABLE IF NOT EXISTS outbox (id TEXT PRIMARY KEY, key TEXT, transition INTEGER,"
        " action INTEGER, body TEXT, created INTEGER, next INTEGER, attempts INTEGER,"
        " state INTEGER, error TEXT);"
        "CREATE INDEX IF NOT EXISTS turn ON outbox (key, action, state);"
        "CREATE INDEX IF NOT EXISTS due ON outbox (state, next);"
        "PRAGMA user_version=1; COMMIT;";
    if (number(alert, "PRAGMA user_version") > 1)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s is of a later version of the program",
                       alert->store->path);
    return exec(alert, setup, err);
}

static char *text(sqlite3_stmt *s, int column)
{
    const char *value = (const char *)sqlite3_column_text(s, column);
    return value ? hr_strdup(value) : NULL;
}

static hr_status load(struct hr_alert *alert, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    HR_TRY(query(alert, &s, err,
                 "SELECT key, state, since, fired, ended, due, transition, acked, silenced, row,"
                 " acked_by, comment FROM instance", ""));
    hr_status status = HR_OK;
    while (status == HR_OK && sqlite3_step(s) == SQLITE_ROW) {
        struct hr_alert_instance *i = NULL;
        const char *key = (const char *)sqlite3_column_text(s, 0);
        status = hr_alert_add(alert, hr_sv(key ? key : ""), &i, err);
        if (status != HR_OK) break;
        i->state = (enum hr_alert_state)sqlite3_column_int(s, 1);
        i->since_us = sqlite3_column_int64(s, 2);
        i->fired_us = sqlite3_column_int64(s, 3);
        i->ended_us = sqlite3_column_int64(s, 4);
        i->due_us = sqlite3_column_int64(s, 5);
        i->transition = sqlite3_column_int64(s, 6);
        i->acked_us = sqlite3_column_int64(s, 7);
        i->silenced_us = sqlite3_column_int64(s, 8);
        i->row = text(s, 9);
        i->acked_by = text(s, 10);
        i->comment = text(s, 11);
        if (i->due_us && (!alert->next_due_us || i->due_us < alert->next_due_us))
            alert->next_due_us = i->due_us;
    }
    sqlite3_finalize(s);
    return status;
}

hr_status hr_alert_store_open(struct hr_alert *alert, struct hr_err *err)
{
    HR_TRY(hr_late_sqlite(err));
    HR_TRY(alert->env->vt->mkdirs(alert->env, alert->folder, err));
    struct hr_alert_store *store = hr_zalloc(sizeof *store);
    if (!store) return HR_OOM(err);
    alert->store = store;
    snprintf(store->path, sizeof store->path, "%.1000s/alert.sqlite", alert->folder);
    hr_status status =
        sqlite3_open(store->path, &store->db) == SQLITE_OK ? HR_OK : failed(alert, err);
    if (status == HR_OK) status = prepare(alert, err);
    hr_alert_clear(alert);
    alert->next_due_us = 0;
    if (status == HR_OK) status = load(alert, err);
    if (status != HR_OK) {
        hr_alert_store_close(alert);
        return status;
    }
    alert->epoch = number(alert, "SELECT epoch FROM alert");
    alert->transition = number(alert, "SELECT transition FROM alert");
    alert->silenced_us = number(alert, "SELECT silenced FROM alert");
    alert->totals.fired_total = number(alert, "SELECT fired FROM alert");
    alert->totals.delivered_total = number(alert, "SELECT delivered FROM alert");
    alert->totals.dead_total = number(alert, "SELECT count(*) FROM outbox WHERE state = 2");
    return HR_OK;
}

void hr_alert_store_close(struct hr_alert *alert)
{
    if (!alert->store) return;
    sqlite3_close(alert->store->db);
    hr_free(alert->store);
    alert->store = NULL;
}

hr_status hr_alert_store_begin(struct hr_alert *alert, struct hr_err *err)
{
    if (alert->store->open) return HR_OK;
    HR_TRY(exec(alert, "BEGIN IMMEDIATE", err));
    alert->store->open = true;
    return HR_OK;
}

hr_status hr_alert_store_commit(struct hr_alert *alert, struct hr_err *err)
{
    if (!alert->store->open) return HR_OK;
    sqlite3_stmt *s = NULL;
    HR_TRY(query(alert, &s, err,
                 "UPDATE alert SET epoch = ?, transition = ?, silenced = ?, fired = ?,"
                 " delivered = ?",
                 "iiiii", alert->epoch, alert->transition, alert->silenced_us,
                 alert->totals.fired_total, alert->totals.delivered_total));
    HR_TRY(done(alert, s, err));
    HR_TRY(exec(alert, "COMMIT", err));
    alert->store->open = false;
    return HR_OK;
}

void hr_alert_store_rollback(struct hr_alert *alert)
{
    if (!alert->store || !alert->store->open) return;
    sqlite3_exec(alert->store->db, "ROLLBACK", NULL, NULL, NULL);
    alert->store->open = false;
}

hr_status hr_alert_store_put(struct hr_alert *alert, const struct hr_alert_instance *i,
                             struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    HR_TRY(hr_alert_store_begin(alert, err));
    HR_TRY(query(alert, &s, err, "INSERT OR REPLACE INTO instance VALUES (?,?,?,?,?,?,?,?,?,?,?,?)",
                 "siiiiiiiisss", i->key, (int64_t)i->state, i->since_us, i->fired_us, i->ended_us,
                 i->due_us, i->transition, i->acked_us, i->silenced_us, i->row, i->acked_by,
                 i->comment));
    return done(alert, s, err);
}

hr_status hr_alert_store_event(struct hr_alert *alert, const struct hr_alert_instance *i,
                               const char *what, int64_t now_us, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    HR_TRY(hr_alert_store_begin(alert, err));
    HR_TRY(query(alert, &s, err, "INSERT INTO history VALUES (?, ?, ?, ?, ?)", "issis",
                 i->transition, i->key, what, now_us, i->row));
    HR_TRY(done(alert, s, err));
    if (i->transition % 256 != 0) return HR_OK;
    HR_TRY(query(alert, &s, err, "DELETE FROM history WHERE transition < ?", "i",
                 i->transition - KEPT));
    HR_TRY(done(alert, s, err));
    HR_TRY(query(alert, &s, err, "DELETE FROM outbox WHERE state = 1 AND transition < ?", "i",
                 i->transition - KEPT));
    return done(alert, s, err);
}

hr_status hr_alert_store_post(struct hr_alert *alert, const struct hr_alert_instance *i,
                              uint32_t action, const char *id, const char *body, int64_t now_us,
                              struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    int64_t waiting = number(alert, "SELECT count(*) FROM outbox WHERE state = 0");
    bool full = waiting >= WAITING_MAX;
    HR_TRY(hr_alert_store_begin(alert, err));
    HR_TRY(query(alert, &s, err,
                 "INSERT OR IGNORE INTO outbox VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, ?)", "ssiisiiis",
                 id, i->key, i->transition, (int64_t)action, body, now_us, now_us,
                 (int64_t)(full ? 2 : 0), full ? "too many deliveries wait" : NULL));
    if (full) alert->totals.dead_total++;
    return done(alert, s, err);
}

/* In order for each key and action: what follows one that waits, waits as well. */
bool hr_alert_store_next(struct hr_alert *alert, int64_t now_us, struct hr_alert_delivery *ret,
                         int64_t *ret_next_us)
{
    static const char sql[] =
        "SELECT id, action, body, created, attempts, next FROM outbox AS o WHERE state = 0"
        " AND NOT EXISTS (SELECT 1 FROM outbox AS b WHERE b.state = 0 AND b.key = o.key"
        " AND b.action = o.action AND b.transition < o.transition) ORDER BY next, transition"
        " LIMIT 1";
    sqlite3_stmt *s = NULL;
    struct hr_err ignored;
    bool found = false;
    *ret_next_us = 0;
    hr_err_init(&ignored);
    if (query(alert, &s, &ignored, sql, "") != HR_OK) return false;
    if (sqlite3_step(s) == SQLITE_ROW) {
        *ret_next_us = sqlite3_column_int64(s, 5);
        if (*ret_next_us <= now_us) {
            snprintf(ret->id, sizeof ret->id, "%s", (const char *)sqlite3_column_text(s, 0));
            ret->action = (uint32_t)sqlite3_column_int64(s, 1);
            ret->body = text(s, 2);
            ret->created_us = sqlite3_column_int64(s, 3);
            ret->attempts = sqlite3_column_int64(s, 4);
            found = ret->body != NULL;
        }
    }
    sqlite3_finalize(s);
    return found;
}

hr_status hr_alert_store_mark(struct hr_alert *alert, const char *id, int state, int64_t attempts,
                              int64_t next_us, const char *error, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    HR_TRY(hr_alert_store_begin(alert, err));
    HR_TRY(query(alert, &s, err,
                 "UPDATE outbox SET state = ?, attempts = ?, next = ?, error = ? WHERE id = ?",
                 "iiiss", (int64_t)state, attempts, next_us, error, id));
    return done(alert, s, err);
}

hr_status hr_alert_store_retry(struct hr_alert *alert, int64_t *ret, struct hr_err *err)
{
    int64_t now_us = hr_now_us(alert->env);
    sqlite3_stmt *s = NULL;
    HR_TRY(hr_alert_store_begin(alert, err));
    HR_TRY(query(alert, &s, err,
                 "UPDATE outbox SET state = 0, attempts = 0, next = ?, created = ? WHERE state = 2",
                 "ii", now_us, now_us));
    HR_TRY(done(alert, s, err));
    *ret = sqlite3_changes(alert->store->db);
    return HR_OK;
}

static void put_member(struct hr_buf *out, const char *name, const unsigned char *value)
{
    hr_buf_printf(out, ",\"%s\":", name);
    if (value)
        hr_buf_put_json(out, hr_sv((const char *)value));
    else
        hr_buf_puts(out, "null");
}

hr_status hr_alert_store_put_deliveries(struct hr_alert *alert, const char *state, int64_t limit,
                                        struct hr_buf *out, struct hr_err *err)
{
    static const char *const names[] = {"pending", "done", "dead"};
    int64_t wanted = -1;
    sqlite3_stmt *s = NULL;
    for (int i = 0; state && i < 3; i++)
        if (strcmp(state, names[i]) == 0) wanted = i;
    if (state && wanted < 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "state is pending, done or dead, not '%.20s'",
                       state);
    HR_TRY(query(alert, &s, err,
                 "SELECT id, key, transition, action, created, next, attempts, state, error"
                 " FROM outbox WHERE ?1 < 0 OR state = ?1 ORDER BY transition DESC, action"
                 " LIMIT ?2",
                 "ii", wanted, limit));
    for (int n = 0; sqlite3_step(s) == SQLITE_ROW; n++) {
        const struct hr_alert_action *action = &alert->actions[0];
        if (sqlite3_column_int64(s, 3) < alert->action_count) action += sqlite3_column_int64(s, 3);
        hr_buf_printf(out, "%s{\"id\":\"%s\",\"key\":%s,\"transition\":%lld,\"attempts\":%lld",
                      n ? "," : "", sqlite3_column_text(s, 0), sqlite3_column_text(s, 1),
                      sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 6));
        put_member(out, "action", (const unsigned char *)action->target);
        hr_buf_printf(out, ",\"state\":\"%s\",\"createdAt\":", names[sqlite3_column_int(s, 7) % 3]);
        hr_put_json_time(sqlite3_column_int64(s, 4), out);
        put_member(out, "error", sqlite3_column_text(s, 8));
        hr_buf_putc(out, '}');
    }
    sqlite3_finalize(s);
    return HR_OK;
}

hr_status hr_alert_store_put_history(struct hr_alert *alert, int64_t limit, struct hr_buf *out,
                                     struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    HR_TRY(query(alert, &s, err,
                 "SELECT transition, key, what, at, row FROM history ORDER BY transition DESC"
                 " LIMIT ?",
                 "i", limit));
    for (int n = 0; sqlite3_step(s) == SQLITE_ROW; n++) {
        const unsigned char *row = sqlite3_column_text(s, 4);
        hr_buf_printf(out, "%s{\"transition\":%lld,\"key\":%s,\"what\":\"%s\",\"at\":",
                      n ? "," : "", sqlite3_column_int64(s, 0), sqlite3_column_text(s, 1),
                      sqlite3_column_text(s, 2));
        hr_put_json_time(sqlite3_column_int64(s, 3), out);
        hr_buf_printf(out, ",\"row\":%s}", row ? (const char *)row : "null");
    }
    sqlite3_finalize(s);
    return HR_OK;
}

void hr_alert_store_count(struct hr_alert *alert, int64_t *ret_waiting)
{
    *ret_waiting = number(alert, "SELECT count(*) FROM outbox WHERE state = 0");
}

#else /* hr_alert_read_spec refuses alerts, so that none of these is reached */

#define ABSENT(err) HR_FAIL(err, HR_E_NOT_SUPPORTED, "alerts need a build with SQLite")

hr_status hr_alert_store_open(struct hr_alert *a, struct hr_err *err)
{
    HR_UNUSED(a);
    return ABSENT(err);
}
void hr_alert_store_close(struct hr_alert *a) { HR_UNUSED(a); }
hr_status hr_alert_store_begin(struct hr_alert *a, struct hr_err *err)
{
    HR_UNUSED(a);
    return ABSENT(err);
}
hr_status hr_alert_store_commit(struct hr_alert *a, struct hr_err *err)
{
    HR_UNUSED(a);
    return ABSENT(err);
}
void hr_alert_store_rollback(struct hr_alert *a) { HR_UNUSED(a); }
hr_status hr_alert_store_put(struct hr_alert *a, const struct hr_alert_instance *i,
                             struct hr_err *err)
{
    HR_UNUSED(a);
    HR_UNUSED(i);
    return ABSENT(err);
}
hr_status hr_alert_store_event(struct hr_alert *a, const struct hr_alert_instance *i,
                               const char *what, int64_t now_us, struct hr_err *err)
{
    HR_UNUSED(a);
    HR_UNUSED(i);
    HR_UNUSED(what);
    HR_UNUSED(now_us);
    return ABSENT(err);
}
hr_status hr_alert_store_post(struct hr_alert *a, const struct hr_alert_instance *i,
                              uint32_t action, const char *id, const char *body, int64_t now_us,
                              struct hr_err *err)
{
    HR_UNUSED(a);
    HR_UNUSED(i);
    HR_UNUSED(action);
    HR_UNUSED(id);
    HR_UNUSED(body);
    HR_UNUSED(now_us);
    return ABSENT(err);
}
bool hr_alert_store_next(struct hr_alert *a, int64_t now_us, struct hr_alert_delivery *ret,
                         int64_t *ret_next_us)
{
    HR_UNUSED(a);
    HR_UNUSED(now_us);
    HR_UNUSED(ret);
    *ret_next_us = 0;
    return false;
}
hr_status hr_alert_store_mark(struct hr_alert *a, const char *id, int state, int64_t attempts,
                              int64_t next_us, const char *error, struct hr_err *err)
{
    HR_UNUSED(a);
    HR_UNUSED(id);
    HR_UNUSED(state);
    HR_UNUSED(attempts);
    HR_UNUSED(next_us);
    HR_UNUSED(error);
    return ABSENT(err);
}
hr_status hr_alert_store_retry(struct hr_alert *a, int64_t *ret, struct hr_err *err)
{
    HR_UNUSED(a);
    *ret = 0;
    return ABSENT(err);
}
hr_status hr_alert_store_put_deliveries(struct hr_alert *a, const char *state, int64_t limit,
                                        struct hr_buf *out, struct hr_err *err)
{
    HR_UNUSED(a);
    HR_UNUSED(state);
    HR_UNUSED(limit);
    HR_UNUSED(out);
    return ABSENT(err);
}
hr_status hr_alert_store_put_history(struct hr_alert *a, int64_t limit, struct hr_buf *out,
                                     struct hr_err *err)
{
    HR_UNUSED(a);
    HR_UNUSED(limit);
    HR_UNUSED(out);
    return ABSENT(err);
}
void hr_alert_store_count(struct hr_alert *a, int64_t *ret_waiting)
{
    HR_UNUSED(a);
    *ret_waiting = 0;
}
#endif
