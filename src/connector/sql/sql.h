/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables of SQL databases, inside: what a driver (sqlite.c, postgres.c) does for the one source and
 * the one sink that all have in common.
 *
 * Exactly once: an epoch is one transaction, which also notes (query id, epoch, writer) in a table
 * of ours. The row of a query is locked by who writes; a run that finds another writer in it than
 * itself has been replaced and stops (HR_E_FENCED).
 *
 * Threads: a connection belongs to one thread at a time.
 */
#ifndef HR_CONNECTOR_SQL_SQL_H
#define HR_CONNECTOR_SQL_SQL_H

#include "column/builder.h"
#include "connector/collect.h"
#include "connector/connector.h"

struct sql_options {
    const char *path, *url, *user, *password; /* of one driver or the other */
    const char *table, *query, *key, *epoch_table;
    bool create;
};

/* A value on its way in. */
enum sql_kind { SQL_NULL, SQL_I64, SQL_F64, SQL_BOOL, SQL_TEXT, SQL_BYTES };
struct sql_value {
    enum sql_kind kind;
    int64_t i64;
    double f64;
    struct hr_str_view text;
};

/* A row to write: which of the two statements, with its values. */
enum { SQL_PUT, SQL_DELETE, SQL_STATEMENTS };
struct sql_op {
    int statement;
    const struct sql_value *values;
    uint32_t count;
};

struct sql_db;
typedef hr_status (*sql_refuse_fn)(void *arg, uint32_t index, const char *why, struct hr_err *err);

struct sql_driver {
    const char *name;
    bool server;           /* takes locks of rows, and has connections to be lost */
    const char *begin;     /* a transaction that writes */
    const char *now_owned; /* behind a SELECT of our row: locks it; "" where begin does */
    /* Of a column in CREATE TABLE; NULL: has no such values. */
    const char *(*type)(const struct hr_type *);
    hr_status (*open)(const struct sql_options *, bool writes, struct sql_db **ret,
                      struct hr_err *);
    void (*close)(struct sql_db *); /* NULL is fine */
    hr_status (*exec)(struct sql_db *, const char *sql, struct hr_err *);
    /* The first two columns of the first row as texts; params are texts. */
    hr_status (*row)(struct sql_db *, const char *sql, const char *const *params, uint32_t count,
                     struct hr_buf ret[2], bool *ret_found, struct hr_err *);
    hr_status (*prepare)(struct sql_db *, int statement, const char *sql, uint32_t params,
                         struct hr_err *);
    /* All ops, in order, in the open transaction. One that the database will not take is told by
     * refuse, which may fail; the others stay. */
    hr_status (*apply)(struct sql_db *, const struct sql_op *ops, uint32_t count, sql_refuse_fn,
                       void *arg, struct hr_err *);
    /* Columns of the result of a query, as our types; what has no counterpart is STRING. */
    hr_status (*columns)(struct sql_db *, const char *sql, const struct hr_type **ret,
                         struct hr_err *);
    /* Starts a query; then up to max rows at a time into builders of the schema. */
    hr_status (*query)(struct sql_db *, const char *sql, struct hr_err *);
    hr_status (*fetch)(struct sql_db *, const struct hr_type *schema, struct hr_builder **columns,
                       uint32_t max, uint32_t *ret_rows, struct hr_err *);
};

/* --- text.c ----------------------------------------------------------------------------------- */

/* "a.b" → "a"."b"; one name as it is. */
void hr_sql_put_table(const char *table, struct hr_buf *out);
void hr_sql_put_name(const char *name, struct hr_buf *out);
/* The value of a row; texts in the arena or the batch's. */
hr_status hr_sql_value(const struct hr_column *column, uint32_t row, struct hr_arena *arena,
                       struct sql_value *ret, struct hr_err *err) HR_CHECKED;
/* A text of the database as a value of the builder's type. false: it is none. */
bool hr_sql_read(struct hr_str_view text, const struct hr_type *type, struct hr_builder *b);
/* The error of a text that is none. */
hr_status hr_sql_no_value(const char *db, const struct hr_field *field, struct hr_str_view text,
                          struct hr_err *err);

/* --- sink.c, source.c: the drivers' vtables are made of these -------------------------------- */

hr_status hr_sql_sink_open(const struct hr_sink_args *args, const struct sql_driver *driver,
                           const struct hr_sink_vt *vt, struct hr_sink **ret,
                           struct hr_err *err) HR_CHECKED;
void hr_sql_sink_close(struct hr_sink *sink);
hr_status hr_sql_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                       struct hr_err *err) HR_CHECKED;
hr_status hr_sql_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition, uint32_t attempt,
                        struct hr_sink_writer **ret, struct hr_err *err) HR_CHECKED;
hr_status hr_sql_prepare(struct hr_sink *sink, int64_t epoch, const struct hr_str_view *messages,
                         uint32_t count, struct hr_err *err) HR_CHECKED;
hr_status hr_sql_commit(struct hr_sink *sink, int64_t epoch, const struct hr_str_view *messages,
                        uint32_t count, struct hr_err *err) HR_CHECKED;
void hr_sql_abort(struct hr_sink *sink, int64_t epoch);
enum hr_guarantee hr_sql_explain(const struct hr_options *options, struct hr_buf *out);

hr_status hr_sql_source_open(const struct hr_source_args *args, const struct sql_driver *driver,
                             const struct hr_source_vt *vt, struct hr_source **ret,
                             struct hr_err *err) HR_CHECKED;
void hr_sql_source_close(struct hr_source *source);
hr_status hr_sql_plan(struct hr_source *source, const char *start, const char *end,
                      struct hr_arena *arena, struct hr_split **ret_splits, uint32_t *ret_count,
                      struct hr_err *err) HR_CHECKED;
hr_status hr_sql_open_reader(struct hr_source *source, const struct hr_split *split,
                             const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                             struct hr_err *err) HR_CHECKED;

/* What all drivers' tables of options share. */
#define SQL_TABLE_SPECS                                                                         \
    {"table", HR_OPT_STRING, offsetof(struct sql_options, table), NULL, 0, 0, NULL,             \
     "the table, or schema.table"}
#define SQL_SINK_SPECS                                                                          \
    SQL_TABLE_SPECS,                                                                            \
        {"key", HR_OPT_STRING, offsetof(struct sql_options, key), NULL, 0, 0, NULL,             \
         "columns, commas between them, that tell rows apart: a row replaces that of its key, " \
         "and a change takes one away; else rows are inserted"},                                \
        {"createTable", HR_OPT_BOOL, offsetof(struct sql_options, create), "true", 0, 0, NULL,  \
         "make the table when it is not there"},                                                \
        {"epochTable", HR_OPT_STRING, offsetof(struct sql_options, epoch_table),                \
         "headrace_epochs", 0, 0, NULL, "where the epochs that are written are noted"}
#define SQL_SOURCE_SPECS                                                                        \
    SQL_TABLE_SPECS, {"query", HR_OPT_STRING, offsetof(struct sql_options, query), NULL, 0, 0,  \
                      NULL, "a SELECT of the database, in place of a table"}

#endif
