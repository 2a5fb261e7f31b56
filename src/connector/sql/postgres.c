/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PostgreSQL by libpq. Rows go as prepared statements in a pipeline, a block under a savepoint: an
 * answer is waited for once a block. A row that the server refuses undoes its block, which is then
 * written again row by row. Values travel as texts; a table is read by a cursor.
 *
 * The address may hold a password: neither it nor what libpq says of it is printed.
 */
#include <stdio.h>

#include "hr_config.h"
#include "connector/sql/sql.h"

#if HR_HAVE_POSTGRES
#include "late_postgres.h"

struct sql_db {
    PGconn *conn;
    struct hr_arena arena;
    bool cursor;
};

/* Of what failed: refused by what the row is, away for now, or for ever. */
enum verdict { ROW_REFUSED, AWAY, FOREVER };

static enum verdict judge(const PGresult *result)
{
    const char *state = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!state) return AWAY; /* no answer */
    if (strncmp(state, "22", 2) == 0 || strncmp(state, "23", 2) == 0) return ROW_REFUSED;
    static const char *const passing[] = {"08", "40", "53", "55", "57"};
    for (size_t i = 0; i < HR_COUNT(passing); i++)
        if (strncmp(state, passing[i], 2) == 0) return AWAY;
    return FOREVER;
}

/* One line of what the server says. */
static void say(const struct sql_db *d, const PGresult *result, char *out, size_t size)
{
    const char *text = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    const char *detail = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL) : NULL;
    if (!text) text = PQerrorMessage(d->conn);
    int len = (int)strcspn(text, "\n");
    snprintf(out, size, "%.*s%s%.200s", HR_MIN(len, 300), text, detail ? ": " : "",
             detail ? detail : "");
}

static hr_status failed(const struct sql_db *d, const PGresult *result, struct hr_err *err)
{
    char why[560];
    say(d, result, why, sizeof why);
    return HR_FAIL(err, judge(result) == AWAY ? HR_E_UNAVAILABLE : HR_E_SQL, "PostgreSQL: %s", why);
}

static void db_close(struct sql_db *d)
{
    if (!d) return;
    if (d->conn) PQfinish(d->conn);
    hr_arena_done(&d->arena);
    hr_free(d);
}

static hr_status db_exec(struct sql_db *d, const char *sql, struct hr_err *err)
{
    PGresult *result = PQexec(d->conn, sql);
    ExecStatusType status = PQresultStatus(result);
    /* COMMIT of a transaction that has failed answers ROLLBACK, and no error. */
    bool undone = strcmp(sql, "COMMIT") == 0 && strcmp(PQcmdStatus(result), "COMMIT") != 0;
    bool good = (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK) && !undone;
    hr_status ret = good ? HR_OK : failed(d, result, err);
    PQclear(result);
    return ret;
}

static void ignore_notice(void *arg, const char *message)
{
    HR_UNUSED(arg);
    HR_UNUSED(message);
}

static hr_status db_open(const struct sql_options *o, bool writes, struct sql_db **ret,
                         struct hr_err *err)
{
    const char *keys[8] = {"dbname"}, *values[8] = {o->url ? o->url : ""};
    int n = 1;
    HR_TRY(hr_late_postgres(err));
    PQconninfoOption *parsed = o->url ? PQconninfoParse(o->url, NULL) : NULL;
    if (o->url && !parsed && (strstr(o->url, "://") || strchr(o->url, '=')))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option url: not as libpq wants it: "
                       "postgresql://user@host:port/database or host=… dbname=…");
    if (parsed) PQconninfoFree(parsed);
    if (o->user) keys[n] = "user", values[n++] = o->user;
    if (o->password) keys[n] = "password", values[n++] = o->password;
    keys[n] = "connect_timeout", values[n++] = "10";
    keys[n] = "fallback_application_name", values[n++] = "headrace";
    keys[n] = "client_encoding", values[n++] = "UTF8";
    struct sql_db *d = hr_zalloc(sizeof *d);
    if (!d) return HR_OOM(err);
    hr_arena_init(&d->arena, NULL);
    d->conn = PQconnectdbParams(keys, values, 1);
    hr_status status = HR_OK;
    if (!d->conn) status = HR_OOM(err);
    else if (PQstatus(d->conn) != CONNECTION_OK) status = failed(d, NULL, err);
    if (!status) {
        PQsetNoticeProcessor(d->conn, ignore_notice, NULL);
        status = db_exec(d, writes ? "SET TIME ZONE 'UTC'; SET DateStyle = ISO; SET lock_timeout = "
                                     "'10s'"
                                   : "SET TIME ZONE 'UTC'; SET DateStyle = ISO", err);
    }
    if (status) {
        db_close(d);
        return status;
    }
    *ret = d;
    return HR_OK;
}

static hr_status db_row(struct sql_db *d, const char *sql, const char *const *params,
                        uint32_t count, struct hr_buf ret[2], bool *ret_found, struct hr_err *err)
{
    PGresult *result = PQexecParams(d->conn, sql, (int)count, NULL, params, NULL, NULL, 0);
    hr_status status = PQresultStatus(result) == PGRES_TUPLES_OK ? HR_OK : failed(d, result, err);
    *ret_found = !status && PQntuples(result) > 0;
    for (int i = 0; *ret_found && i < 2; i++) hr_buf_puts(&ret[i], PQgetvalue(result, 0, i));
    PQclear(result);
    return status;
}

static const char *const names[SQL_STATEMENTS] = {"put", "delete"};

static hr_status db_prepare(struct sql_db *d, int statement, const char *sql, uint32_t params,
                            struct hr_err *err)
{
    PGresult *result = PQprepare(d->conn, names[statement], sql, (int)params, NULL);
    hr_status status = PQresultStatus(result) == PGRES_COMMAND_OK ? HR_OK : failed(d, result, err);
    PQclear(result);
    return status;
}

/* A value as the server's text. NULL where it is NULL; *ret_bad: it has a byte that no text has. */
static const char *text_of(struct hr_arena *arena, const struct sql_value *v, bool *ret_bad)
{
    switch (v->kind) {
    case SQL_NULL: return NULL;
    case SQL_BOOL: return v->i64 ? "t" : "f";
    case SQL_I64: return hr_arena_printf(arena, "%lld", (long long)v->i64);
    case SQL_F64:
        if (v->f64 != v->f64) return "NaN";
        if (v->f64 - v->f64 != 0) return v->f64 > 0 ? "Infinity" : "-Infinity";
        return hr_arena_printf(arena, "%.17g", v->f64);
    case SQL_TEXT:
        if (v->text.len && memchr(v->text.ptr, 0, v->text.len)) *ret_bad = true;
        return hr_arena_strndup(arena, v->text.ptr ? v->text.ptr : "", v->text.len);
    case SQL_BYTES: break;
    }
    char *hex = hr_arena_alloc(arena, v->text.len * 2 + 3), *o = hex;
    if (!hex) return NULL;
    *o++ = '\\';
    *o++ = 'x';
    for (size_t i = 0; i < v->text.len; i++) {
        static const char digits[] = "0123456789abcdef";
        *o++ = digits[(unsigned char)v->text.ptr[i] >> 4];
        *o++ = digits[v->text.ptr[i] & 15];
    }
    *o = 0;
    return hex;
}

static const char **params_of(struct sql_db *d, const struct sql_op *op, bool *ret_bad,
                              struct hr_err *err)
{
    const char **params = HR_NEW_ARRAY(&d->arena, const char *, op->count + 1);
    for (uint32_t i = 0; params && i < op->count; i++) {
        params[i] = text_of(&d->arena, &op->values[i], ret_bad);
        if (!params[i] && op->values[i].kind != SQL_NULL) params = NULL;
    }
    if (!params && HR_OOM(err)) return NULL;
    return params;
}

/* One by one, each under a savepoint: those that are refused are told. */
static hr_status apply_singly(struct sql_db *d, const struct sql_op *ops, uint32_t count,
                              sql_refuse_fn refuse, void *arg, struct hr_err *err)
{
    for (uint32_t i = 0; i < count; i++) {
        bool bad = false;
        const char **params = params_of(d, &ops[i], &bad, err);
        if (!params) return err ? err->code : HR_E_OOM;
        if (bad) {
            HR_TRY(refuse(arg, i, "a text with a NUL byte", err));
            continue;
        }
        HR_TRY(db_exec(d, "SAVEPOINT hr_row", err));
        PGresult *result = PQexecPrepared(d->conn, names[ops[i].statement], (int)ops[i].count,
                                          params, NULL, NULL, 0);
        hr_status status = HR_OK;
        char why[560];
        bool good = PQresultStatus(result) == PGRES_COMMAND_OK;
        bool refused = !good && judge(result) == ROW_REFUSED;
        if (refused) say(d, result, why, sizeof why);
        else if (!good) status = failed(d, result, err);
        PQclear(result);
        HR_TRY(status);
        HR_TRY(db_exec(d, refused ? "ROLLBACK TO SAVEPOINT hr_row" : "RELEASE SAVEPOINT hr_row",
                       err));
        if (refused) HR_TRY(refuse(arg, i, why, err));
    }
    return HR_OK;
}

/* The answers of a block, to the end of its pipeline. */
static hr_status answers(struct sql_db *d, uint32_t count, bool *ret_refused, struct hr_err *err)
{
    hr_status status = HR_OK;
    for (uint32_t i = 0; i <= count; i++) { /* and that of the sync */
        PGresult *result = PQgetResult(d->conn);
        ExecStatusType kind = PQresultStatus(result);
        if (!result || (kind == PGRES_FATAL_ERROR && judge(result) != ROW_REFUSED)) {
            if (!status) status = failed(d, result, err);
            PQclear(result);
            if (PQstatus(d->conn) != CONNECTION_OK) return status;
            if (!result) continue;
        } else {
            *ret_refused |= kind == PGRES_FATAL_ERROR;
            PQclear(result);
        }
        if (i == count) break;
        result = PQgetResult(d->conn); /* the NULL behind each */
        if (result) PQclear(result);
    }
    return status;
}

static hr_status apply_together(struct sql_db *d, const struct sql_op *ops, uint32_t count,
                                bool *ret_refused, struct hr_err *err)
{
    if (!PQenterPipelineMode(d->conn)) return failed(d, NULL, err);
    hr_status status = HR_OK;
    uint32_t sent = 0;
    for (; !status && sent < count && !*ret_refused; sent++) {
        const char **params = params_of(d, &ops[sent], ret_refused, err);
        if (!params) return err ? err->code : HR_E_OOM;
        if (*ret_refused) break;
        if (!PQsendQueryPrepared(d->conn, names[ops[sent].statement], (int)ops[sent].count, params,
                                 NULL, NULL, 0))
            status = failed(d, NULL, err);
    }
    if (!status && !PQpipelineSync(d->conn)) status = failed(d, NULL, err);
    if (!status) status = answers(d, sent, ret_refused, err);
    if (!status && !PQexitPipelineMode(d->conn)) status = failed(d, NULL, err);
    return status;
}

static hr_status db_apply(struct sql_db *d, const struct sql_op *ops, uint32_t count,
                          sql_refuse_fn refuse, void *arg, struct hr_err *err)
{
    bool refused = false;
    HR_TRY(db_exec(d, "SAVEPOINT hr_block", err));
    hr_status status = apply_together(d, ops, count, &refused, err);
    if (!status && refused) {
        status = db_exec(d, "ROLLBACK TO SAVEPOINT hr_block", err);
        if (!status) status = apply_singly(d, ops, count, refuse, arg, err);
    }
    if (!status) status = db_exec(d, "RELEASE SAVEPOINT hr_block", err);
    hr_arena_reset(&d->arena);
    return status;
}

static const char *column_type(const struct hr_type *type)
{
    switch (type->id) {
    case HR_T_BOOLEAN: return "boolean";
    case HR_T_BYTE:
    case HR_T_SHORT: return "smallint";
    case HR_T_INT: return "integer";
    case HR_T_LONG: return "bigint";
    case HR_T_FLOAT: return "real";
    case HR_T_DOUBLE: return "double precision";
    case HR_T_DECIMAL: return "numeric";
    case HR_T_STRING: return "text";
    case HR_T_BINARY: return "bytea";
    case HR_T_DATE: return "date";
    case HR_T_TIMESTAMP: return "timestamptz";
    case HR_T_TIMESTAMP_NTZ: return "timestamp";
    default: return NULL;
    }
}

/* By the numbers of pg_type, which do not change; precision and scale are in the modifier. */
static const struct hr_type *type_of(unsigned oid, int modifier)
{
    switch (oid) {
    case 16: return hr_type(HR_T_BOOLEAN);
    case 17: return hr_type(HR_T_BINARY);
    case 20: return hr_type(HR_T_LONG);
    case 21: return hr_type(HR_T_SHORT);
    case 23: return hr_type(HR_T_INT);
    case 700: return hr_type(HR_T_FLOAT);
    case 701: return hr_type(HR_T_DOUBLE);
    case 1082: return hr_type(HR_T_DATE);
    case 1114: return hr_type(HR_T_TIMESTAMP_NTZ);
    case 1184: return hr_type(HR_T_TIMESTAMP);
    case 1700: {
        int precision = (modifier - 4) >> 16, scale = (modifier - 4) & 0x7ff;
        bool fits = modifier >= 4 && precision <= 38 && scale <= precision;
        return hr_type_decimal(fits ? precision : 38, fits ? scale : 18);
    }
    default: return hr_type(HR_T_STRING);
    }
}

static hr_status db_columns(struct sql_db *d, const char *sql, const struct hr_type **ret,
                            struct hr_err *err)
{
    PGresult *result = PQexec(d->conn, sql);
    hr_status status = PQresultStatus(result) == PGRES_TUPLES_OK ? HR_OK : failed(d, result, err);
    uint32_t count = status ? 0 : (uint32_t)PQnfields(result);
    struct hr_field *fields = hr_alloc(sizeof *fields * (count + 1));
    for (uint32_t i = 0; fields && i < count; i++)
        fields[i] = (struct hr_field){PQfname(result, (int)i),
                                      type_of(PQftype(result, (int)i), PQfmod(result, (int)i)),
                                      true};
    if (!status) {
        *ret = fields ? hr_type_struct(fields, count) : NULL;
        if (!*ret) status = HR_OOM(err);
    }
    hr_free(fields);
    PQclear(result);
    return status;
}

static hr_status db_query(struct sql_db *d, const char *sql, struct hr_err *err)
{
    char *text = hr_arena_printf(&d->arena, "DECLARE hr_rows NO SCROLL CURSOR FOR %s", sql);
    if (!text) return HR_OOM(err);
    HR_TRY(db_exec(d, "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY", err));
    d->cursor = true;
    return db_exec(d, text, err);
}

static hr_status take(const PGresult *result, int row, int at, const struct hr_field *field,
                      struct hr_builder *b, struct hr_err *err)
{
    if (PQgetisnull(result, row, at)) {
        hr_builder_null(b);
        return HR_OK;
    }
    struct hr_str_view text =
        hr_svn(PQgetvalue(result, row, at), (size_t)PQgetlength(result, row, at));
    if (field->type->id == HR_T_BINARY) {
        size_t size;
        unsigned char *bytes = PQunescapeBytea((const unsigned char *)text.ptr, &size);
        if (!bytes) return HR_OOM(err);
        hr_builder_str(b, hr_svn((const char *)bytes, size));
        PQfreemem(bytes);
        return HR_OK;
    }
    if (hr_sql_read(text, field->type, b)) return HR_OK;
    return hr_sql_no_value("PostgreSQL", field, text, err);
}

static hr_status db_fetch(struct sql_db *d, const struct hr_type *schema,
                          struct hr_builder **columns, uint32_t max, uint32_t *ret_rows,
                          struct hr_err *err)
{
    char sql[64];
    snprintf(sql, sizeof sql, "FETCH %u FROM hr_rows", max);
    PGresult *result = PQexec(d->conn, sql);
    hr_status status = PQresultStatus(result) == PGRES_TUPLES_OK ? HR_OK : failed(d, result, err);
    *ret_rows = status ? 0 : (uint32_t)PQntuples(result);
    for (uint32_t row = 0; row < *ret_rows && !status; row++)
        for (uint32_t i = 0; i < schema->field_count && !status; i++)
            status = take(result, (int)row, (int)i, &schema->fields[i], columns[i], err);
    PQclear(result);
    return status;
}

static const struct sql_driver driver = {
    .name = "PostgreSQL",
    .server = true,
    .begin = "BEGIN",
    .now_owned = " FOR UPDATE",
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

#define OPT(member, doc) \
    {#member, HR_OPT_STRING, offsetof(struct sql_options, member), NULL, 0, 0, NULL, doc}
#define PLACE_SPECS                                                                         \
    OPT(url, "where the server is: postgresql://user@host:port/database, or libpq's "       \
             "host=… dbname=…; the environment's PG… variables fill in what is missing"),   \
        OPT(user, "who connects"),                                                          \
        OPT(password, "its password; better in the file that PGPASSFILE names")
static const struct hr_opt_spec sink_specs[] = {PLACE_SPECS, SQL_SINK_SPECS};
static const struct hr_opt_spec source_specs[] = {PLACE_SPECS, SQL_SOURCE_SPECS};
extern const struct hr_sink_vt hr_sink_postgres;
extern const struct hr_source_vt hr_source_postgres;

static hr_status sink_open(const struct hr_sink_args *args, struct hr_sink **ret,
                           struct hr_err *err)
{
    return hr_sql_sink_open(args, &driver, &hr_sink_postgres, ret, err);
}

static hr_status source_open(const struct hr_source_args *args, struct hr_source **ret,
                             struct hr_err *err)
{
    return hr_sql_source_open(args, &driver, &hr_source_postgres, ret, err);
}

/* Host, database and table: no word of users and passwords. */
static hr_status sink_identity(const struct hr_options *options, struct hr_buf *out,
                               struct hr_err *err)
{
    const char *url = hr_options_get(options, "url"), *table = hr_options_get(options, "table");
    HR_TRY(hr_late_postgres(err));
    PQconninfoOption *parsed = url ? PQconninfoParse(url, NULL) : NULL;
    for (const PQconninfoOption *o = parsed; o && o->keyword; o++)
        if (o->val && (strcmp(o->keyword, "host") == 0 || strcmp(o->keyword, "port") == 0 ||
                       strcmp(o->keyword, "dbname") == 0))
            hr_buf_printf(out, "%s=%s ", o->keyword, o->val);
    if (parsed) PQconninfoFree(parsed);
    hr_buf_puts(out, table ? table : "");
    return hr_buf_status(out, err);
}

const struct hr_sink_vt hr_sink_postgres = {
    .name = "postgres",
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

const struct hr_source_vt hr_source_postgres = {
    .name = "postgres",
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
