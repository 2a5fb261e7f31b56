/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQLite: a file, its lock, its own way of types: what a column holds is what a row says. Values
 * come back as what our column is; a text that is none of its type is an error.
 */
#include "hr_config.h"
#include "connector/sql/sql.h"

#if HR_HAVE_SQLITE
#include "late_sqlite.h"

#define BUSY_MS 10000

struct sql_db {
    sqlite3 *db;
    sqlite3_stmt *statements[SQL_STATEMENTS];
    sqlite3_stmt *result;
    const char *path;
};

static hr_status failed(const struct sql_db *d, struct hr_err *err)
{
    int code = sqlite3_errcode(d->db) & 0xff;
    hr_status kind = code == SQLITE_BUSY || code == SQLITE_LOCKED ? HR_E_UNAVAILABLE : HR_E_SQL;
    return HR_FAIL(err, kind, "SQLite %s: %s", d->path, sqlite3_errmsg(d->db));
}

static void db_close(struct sql_db *d)
{
    if (!d) return;
    for (int i = 0; i < SQL_STATEMENTS; i++)
        if (d->statements[i]) sqlite3_finalize(d->statements[i]);
    if (d->result) sqlite3_finalize(d->result);
    if (d->db) sqlite3_close(d->db);
    hr_free(d);
}

static hr_status db_open(const struct sql_options *options, bool writes, struct sql_db **ret,
                         struct hr_err *err)
{
    if (!options->path) return HR_FAIL(err, HR_E_INVALID_OPTION, "option path: must be given");
    HR_TRY(hr_late_sqlite(err));
    struct sql_db *d = hr_zalloc(sizeof *d);
    if (!d) return HR_OOM(err);
    d->path = options->path;
    int flags = writes ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
    hr_status status = HR_OK;
    if (sqlite3_open_v2(d->path, &d->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        status = d->db ? failed(d, err) : HR_OOM(err);
    if (!status) {
        sqlite3_busy_timeout(d->db, BUSY_MS);
        /* "x" is a column, never a text. */
        sqlite3_db_config(d->db, SQLITE_DBCONFIG_DQS_DML, 0, (int *)NULL);
        sqlite3_db_config(d->db, SQLITE_DBCONFIG_DQS_DDL, 0, (int *)NULL);
    }
    if (status) {
        db_close(d);
        return status;
    }
    *ret = d;
    return HR_OK;
}

static hr_status db_exec(struct sql_db *d, const char *sql, struct hr_err *err)
{
    return sqlite3_exec(d->db, sql, NULL, NULL, NULL) == SQLITE_OK ? HR_OK : failed(d, err);
}

static hr_status db_row(struct sql_db *d, const char *sql, const char *const *params,
                        uint32_t count, struct hr_buf ret[2], bool *ret_found, struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(d->db, sql, -1, &s, NULL) != SQLITE_OK) return failed(d, err);
    for (uint32_t i = 0; i < count; i++)
        sqlite3_bind_text(s, (int)i + 1, params[i], -1, SQLITE_TRANSIENT);
    int code = sqlite3_step(s);
    *ret_found = code == SQLITE_ROW;
    for (int i = 0; code == SQLITE_ROW && i < 2; i++)
        hr_buf_append(&ret[i], (const char *)sqlite3_column_text(s, i),
                      (size_t)sqlite3_column_bytes(s, i));
    hr_status status = code == SQLITE_ROW || code == SQLITE_DONE ? HR_OK : failed(d, err);
    sqlite3_finalize(s);
    return status;
}

static hr_status db_prepare(struct sql_db *d, int statement, const char *sql, uint32_t params,
                            struct hr_err *err)
{
    HR_UNUSED(params);
    return sqlite3_prepare_v2(d->db, sql, -1, &d->statements[statement], NULL) == SQLITE_OK
               ? HR_OK
               : failed(d, err);
}

static void bind(sqlite3_stmt *s, int at, const struct sql_value *v)
{
    const char *text = v->text.ptr ? v->text.ptr : "";
    switch (v->kind) {
    case SQL_NULL: sqlite3_bind_null(s, at); break;
    case SQL_BOOL:
    case SQL_I64: sqlite3_bind_int64(s, at, v->i64); break;
    case SQL_F64: sqlite3_bind_double(s, at, v->f64); break;
    case SQL_TEXT: sqlite3_bind_text(s, at, text, (int)v->text.len, SQLITE_STATIC); break;
    case SQL_BYTES: sqlite3_bind_blob(s, at, text, (int)v->text.len, SQLITE_STATIC); break;
    }
}

/* A constraint undoes its own statement only. */
static hr_status db_apply(struct sql_db *d, const struct sql_op *ops, uint32_t count,
                          sql_refuse_fn refuse, void *arg, struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        sqlite3_stmt *s = d->statements[ops[i].statement];
        for (uint32_t p = 0; p < ops[i].count; p++) bind(s, (int)p + 1, &ops[i].values[p]);
        int code = sqlite3_step(s) & 0xff;
        hr_status status = HR_OK;
        if (code == SQLITE_CONSTRAINT || code == SQLITE_MISMATCH || code == SQLITE_TOOBIG)
            status = refuse(arg, i, sqlite3_errmsg(d->db), err);
        else if (code != SQLITE_DONE && code != SQLITE_ROW)
            status = failed(d, err);
        sqlite3_reset(s);
        HR_TRY(status);
    }
    return HR_OK;
}

static const char *column_type(const struct hr_type *type)
{
    switch (type->id) {
    case HR_T_BOOLEAN:
    case HR_T_BYTE:
    case HR_T_SHORT:
    case HR_T_INT:
    case HR_T_LONG: return "INTEGER";
    case HR_T_FLOAT:
    case HR_T_DOUBLE: return "REAL";
    case HR_T_STRING:
    case HR_T_DECIMAL: /* a number would be rounded */
    case HR_T_DATE:
    case HR_T_TIMESTAMP:
    case HR_T_TIMESTAMP_NTZ: return "TEXT";
    case HR_T_BINARY: return "BLOB";
    default: return NULL;
    }
}

/* SQLite's own rules of a declared type's affinity. */
static enum hr_type_id type_of(const char *declared)
{
    if (!declared || !*declared) return HR_T_STRING;
    char upper[64];
    size_t n = 0;
    for (; declared[n] && n < sizeof upper - 1; n++)
        upper[n] = (char)(declared[n] - (declared[n] >= 'a' && declared[n] <= 'z' ? 32 : 0));
    upper[n] = 0;
    if (strstr(upper, "BOOL")) return HR_T_BOOLEAN;
    if (strstr(upper, "INT")) return HR_T_LONG;
    if (strstr(upper, "BLOB")) return HR_T_BINARY;
    if (strstr(upper, "REAL") || strstr(upper, "FLOA") || strstr(upper, "DOUB"))
        return HR_T_DOUBLE;
    return HR_T_STRING;
}

static hr_status db_columns(struct sql_db *d, const char *sql, const struct hr_type **ret,
                            struct hr_err *err)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(d->db, sql, -1, &s, NULL) != SQLITE_OK) return failed(d, err);
    uint32_t count = (uint32_t)sqlite3_column_count(s);
    struct hr_field *fields = hr_alloc(sizeof *fields * (count + 1));
    for (uint32_t i = 0; fields && i < count; i++)
        fields[i] = (struct hr_field){sqlite3_column_name(s, (int)i),
                                      hr_type(type_of(sqlite3_column_decltype(s, (int)i))), true};
    *ret = fields ? hr_type_struct(fields, count) : NULL;
    hr_free(fields);
    sqlite3_finalize(s);
    return *ret ? HR_OK : HR_OOM(err);
}

static hr_status db_query(struct sql_db *d, const char *sql, struct hr_err *err)
{
    return sqlite3_prepare_v2(d->db, sql, -1, &d->result, NULL) == SQLITE_OK ? HR_OK
                                                                             : failed(d, err);
}

static hr_status take(struct sql_db *d, int at, const struct hr_field *field, struct hr_builder *b,
                      struct hr_err *err)
{
    sqlite3_stmt *s = d->result;
    if (sqlite3_column_type(s, at) == SQLITE_NULL) {
        hr_builder_null(b);
        return HR_OK;
    }
    /* The text first: it may change what the size is. */
    const char *text = field->type->id == HR_T_BINARY
                           ? (const char *)sqlite3_column_blob(s, at)
                           : (const char *)sqlite3_column_text(s, at);
    struct hr_str_view view = hr_svn(text ? text : "", (size_t)sqlite3_column_bytes(s, at));
    if (hr_sql_read(view, field->type, b)) return HR_OK;
    return hr_sql_no_value("SQLite", field, view, err);
}

static hr_status db_fetch(struct sql_db *d, const struct hr_type *schema,
                          struct hr_builder **columns, uint32_t max, uint32_t *ret_rows,
                          struct hr_err *err)
{
    for (*ret_rows = 0; *ret_rows < max; ++*ret_rows) {
        int code = sqlite3_step(d->result);
        if (code == SQLITE_DONE) return HR_OK;
        if (code != SQLITE_ROW) return failed(d, err);
        for (uint32_t i = 0; i < schema->field_count; i++)
            HR_TRY(take(d, (int)i, &schema->fields[i], columns[i], err));
    }
    return HR_OK;
}

static const struct sql_driver driver = {
    .name = "SQLite",
    .begin = "BEGIN IMMEDIATE",
    .now_owned = "",
    .type = column_type,
    .open = db_open,
    .close = db_close,
    .exec = db_exec,
    .row = db_row,
    .prepare = db_prepare,
    .apply = db_apply,
    .columns = db_columns,
    .query = db_query,
    .fetch = db_fetch,
};

/* --- The connector ---------------------------------------------------------------------------- */

#define PATH_SPEC                                                                      \
    {"path", HR_OPT_STRING, offsetof(struct sql_options, path), NULL, 0, 0, NULL,      \
     "the database's file"}
static const struct hr_opt_spec sink_specs[] = {PATH_SPEC, SQL_SINK_SPECS};
static const struct hr_opt_spec source_specs[] = {PATH_SPEC, SQL_SOURCE_SPECS};
extern const struct hr_sink_vt hr_sink_sqlite;
extern const struct hr_source_vt hr_source_sqlite;

static hr_status sink_open(const struct hr_sink_args *args, struct hr_sink **ret,
                           struct hr_err *err)
{
    return hr_sql_sink_open(args, &driver, &hr_sink_sqlite, ret, err);
}

static hr_status source_open(const struct hr_source_args *args, struct hr_source **ret,
                             struct hr_err *err)
{
    return hr_sql_source_open(args, &driver, &hr_source_sqlite, ret, err);
}

static hr_status sink_identity(const struct hr_options *options, struct hr_buf *out,
                               struct hr_err *err)
{
    const char *path = hr_options_get(options, "path"), *table = hr_options_get(options, "table");
    hr_buf_printf(out, "%s %s", path ? path : "", table ? table : "");
    return hr_buf_status(out, err);
}

const struct hr_sink_vt hr_sink_sqlite = {
    .name = "sqlite",
    .abi = HR_CONNECTOR_ABI,
    .guarantee = HR_EXACTLY_ONCE,
    .explain = hr_sql_explain,
    .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE | 1 << HR_MODE_COMPLETE,
    .options = sink_specs,
    .option_count = HR_COUNT(sink_specs),
    .refuses_rows = true,
    .open = sink_open,
    .close = hr_sql_sink_close,
    .begin_epoch = hr_sql_begin,
    .open_writer = hr_sql_writer,
    .prepare_epoch = hr_sql_prepare,
    .commit_epoch = hr_sql_commit,
    .abort_epoch = hr_sql_abort,
    .identity = sink_identity,
};

const struct hr_source_vt hr_source_sqlite = {
    .name = "sqlite",
    .abi = HR_CONNECTOR_ABI,
    .flags = HR_SOURCE_BATCH,
    .options = source_specs,
    .option_count = HR_COUNT(source_specs),
    .open = source_open,
    .close = hr_sql_source_close,
    .plan_splits = hr_sql_plan,
    .open_reader = hr_sql_open_reader,
};
#endif
