/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the session share. */
#ifndef HR_SESSION_INTERNAL_H
#define HR_SESSION_INTERNAL_H

#include "alert/alert.h"
#include "catalog/warehouse.h"
#include "ml/store.h"
#include "operator/input.h"
#include "rdd/rdd.h"
#include "session/session.h"
#include "stream/registry.h"

#define HR_GLOBAL_TEMP "global_temp"

enum hr_setting {
#define X(id, key, kind, def, min, max, doc) HR_SET_##id,
#include "session/settings.def"
#undef X
    HR_SET_COUNT
};

struct hr_session {
    struct hr_catalog catalog; /* first: the catalog's functions get back to the session */
    struct hr_env *env;
    struct hr_conf conf;
    struct hr_mem mem; /* a part of the process's */
    struct hr_scheduler *scheduler; /* made at the first query that wants several tasks … */
    bool lent_scheduler;            /* … or the context's */
    /* Of tables and settings against readers on other threads (share.c): its own thread, which
     * alone changes them, takes it to change them and not to read. */
    pthread_mutex_t share_lock;
    struct hr_options settings;     /* what was set, known or not */
    struct hr_arena settings_arena;
    struct hr_table **tables; /* in order of name */
    uint32_t table_count, table_capacity;
    struct hr_wh *wh; /* what outlives the session; NULL: not there, or not asked for yet */
    const char *schema; /* USE; NULL: default. In settings_arena */
    bool saw_durable, saw_session, saw_temporary; /* tables and views that names have found */
    struct hr_query_registry queries;
    struct hr_inputs *inputs; /* that queries share; made with the first of them */
    bool holds_queries;       /* they wait for those that the script has yet to start */
    struct hr_ml_store models;
    struct hr_alert **alerts; /* that it made */
    uint32_t alert_count;
    struct hr_dashboard **dashboards; /* under share_lock, as tables */
    uint32_t dashboard_count;
    struct hr_user_function **functions; /* command_function.c */
    uint32_t function_count;
    struct hr_variable **variables; /* command_variable.c */
    uint32_t variable_count;
    char *checkpoint_root;
    const struct hr_query_listener *listener; /* borrowed */
    bool available_now, once;
    bool check_only; /* analysed and planned alone: no row is read or written, no query starts */
    bool read_only; /* share.c: statements that change something are refused */
    hr_status (*before)(void *arg, struct hr_stmt *stmt, struct hr_arena *arena,
                        struct hr_err *err); /* of the options; or NULL */
    void *before_arg;
    volatile bool cancelled; /* of the running statement; by __atomic built-ins only */
};

/* A statement being run: all its memory is the result's arena. */
struct hr_run {
    struct hr_session *session;
    struct hr_conf conf; /* as it was when the statement began */
    const struct hr_stmt *stmt;
    struct hr_result *result;
    struct hr_arena *arena; /* result->arena */
    uint32_t depth;         /* of EXECUTE IMMEDIATE inside itself */
};

/* settings.c */
void hr_settings_init(struct hr_session *session, const struct hr_session_options *options);
const char *hr_setting(struct hr_session *session, enum hr_setting setting);
int64_t hr_setting_int(struct hr_session *session, enum hr_setting setting);
hr_status hr_run_set(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_reset(struct hr_run *run, struct hr_err *err) HR_CHECKED;

/* catalog.c */
void hr_catalog_init(struct hr_session *session);
void hr_catalog_done(struct hr_session *session);
/* A new table with one reference, not in the catalog yet. */
hr_status hr_table_new(const char *name, struct hr_table **ret, struct hr_err *err) HR_CHECKED;
/* command_table.c: the data of an INSERT or a flow in the table's columns, cast as ANSI store
 * assignment allows. */
hr_status hr_insert_fit(struct hr_run *run, const struct hr_table *table, struct hr_plan **plan,
                        struct hr_err *err) HR_CHECKED;
/* table_changes.c: is a record of the table a change in an envelope? */
bool hr_table_has_envelope(const struct hr_table *table);
/* Takes from a filled table's options whether its records are changes, and parts what the source
 * gives from the rows' columns. */
hr_status hr_table_take_changes(struct hr_table *table, struct hr_err *err) HR_CHECKED;
/* A name as it is looked up. */
struct hr_object_name {
    const char *schema; /* the current one where the name has none */
    const char *name;
    bool is_bare;         /* without a schema: temporary views go first */
    bool is_global;       /* global_temp.name */
    bool is_elsewhere;    /* of a catalog that is not there */
};
struct hr_object_name hr_object_name(const struct hr_session *session, const char *const *parts,
                                     uint32_t count);
/* The table or view, referenced for the caller; NULL when there is none. */
hr_status hr_catalog_lookup(struct hr_session *session, const char *const *parts, uint32_t count,
                            struct hr_table **ret, struct hr_err *err) HR_CHECKED;
/* The session's own of those names, borrowed, or NULL. */
struct hr_table *hr_catalog_own(struct hr_session *session, const char *schema, const char *name,
                                bool is_temporary);
/* Takes over the reference on table, also on failure. Another of the same name must be gone. */
hr_status hr_catalog_put(struct hr_session *session, struct hr_table *table,
                         struct hr_err *err) HR_CHECKED;
void hr_catalog_remove(struct hr_session *session, struct hr_table *table);
/* "`spark_catalog`.`default`.`t`" */
const char *hr_full_name(struct hr_arena *arena, const char *schema, const char *name);
/* HR_E_TABLE_OR_VIEW_NOT_FOUND as commands say it. */
hr_status hr_no_such_table(struct hr_run *run, struct hr_err *err) HR_COLD;
/* HR_E_SCHEMA_NOT_FOUND when the schema is not there. */
hr_status hr_check_schema(struct hr_run *run, const char *schema, struct hr_err *err) HR_CHECKED;

struct hr_rows;
/* durable.c: tables and views of the warehouse. */
/* *ret borrowed; NULL when there is no warehouse and create is false. */
hr_status hr_session_wh(struct hr_session *session, bool create, struct hr_wh **ret,
                        struct hr_err *err) HR_CHECKED;
hr_status hr_durable_find(struct hr_session *session, const char *schema, const char *name,
                          struct hr_table **ret, struct hr_err *err) HR_CHECKED;
const struct hr_wh_object *hr_durable_object(const struct hr_table *table);
/* A table that is about to be made: object's strings live as long as the arena. */
hr_status hr_durable_new(struct hr_session *session, struct hr_wh *wh,
                         const struct hr_wh_object *object, struct hr_table **ret,
                         struct hr_err *err) HR_CHECKED;
/* How the files of a write get into the table; in the arena. */
struct hr_durable_write {
    enum hr_wh_write how;
    const char *const *prefixes;
    uint32_t prefix_count;
    bool keeps_partitions;
    bool creates, replaces; /* the table itself: CREATE TABLE AS */
};
hr_status hr_durable_writer(struct hr_run *run, struct hr_table *table,
                            const struct hr_durable_write *how,
                            const struct hr_file_catalog **ret, struct hr_err *err) HR_CHECKED;

/* command_create.c: tables of the warehouse. */
bool hr_creates_durable(const struct hr_stmt *stmt);
hr_status hr_create_durable(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_table_exists(struct hr_run *run, const char *schema, const char *name,
                          struct hr_err *err) HR_COLD;
/* command_table.c: the columns that files have by themselves. */
hr_status hr_infer_columns(struct hr_run *run, const char *provider, const char *path,
                           const struct hr_options *options, const struct hr_type **ret,
                           struct hr_err *err) HR_CHECKED;
/* A new object of the statement's name, with the columns, options and provider that it has. */
hr_status hr_create_object(struct hr_run *run, struct hr_wh_object *object,
                           struct hr_err *err) HR_CHECKED;
/* command_alter.c, command_schema.c, command_describe.c */
hr_status hr_run_alter(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_truncate(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_analyze_table(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_refresh(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_refused(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_create_like(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_schema(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_show_schemas(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_show_partitions(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_show_properties(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_show_extended(struct hr_run *run, struct hr_err *err) HR_CHECKED;
/* What DESCRIBE says behind the columns of a table of the warehouse; and of one column. */
void hr_describe_rest(struct hr_run *run, const struct hr_table *table, struct hr_rows *rows);
hr_status hr_describe_column(struct hr_run *run, const struct hr_table *table,
                             struct hr_err *err) HR_CHECKED;
/* SHOW CREATE TABLE of it. */
void hr_put_create_durable(const struct hr_table *table, struct hr_buf *out);
/* command_insert.c */
/* "`a`, `b`" */
const char *hr_list_names(struct hr_run *run, const struct hr_type *schema);
bool hr_is_char_type(const char *type); /* "char(3)", "varchar(3)" */
/* partition.c: appends "p=1/" to *spec: the folder of a constant in a column. */
hr_status hr_partition_folder(struct hr_run *run, const struct hr_table *table, uint32_t column,
                              struct hr_expr *value, const char **spec,
                              struct hr_err *err) HR_CHECKED;
/* Resolves an expression that names no column. */
hr_status hr_resolve_constant(struct hr_run *run, struct hr_expr *x, struct hr_expr **ret,
                              struct hr_err *err) HR_CHECKED;
/* A constant's value, resolved, as the type (NULL: its own), printed; *ret NULL: it is NULL. */
hr_status hr_constant_text(struct hr_run *run, struct hr_expr *value, const struct hr_type *type,
                           const char **ret, struct hr_err *err) HR_CHECKED;
hr_status hr_write_rows(struct hr_run *run, struct hr_table *table, struct hr_plan *plan,
                        bool overwrite, struct hr_err *err) HR_CHECKED;
hr_status hr_check_columns(struct hr_run *run, const struct hr_type *schema,
                           struct hr_err *err) HR_CHECKED;

/* share.c */
/* Does the session take a statement of that kind? */
hr_status hr_share_check(const struct hr_session *session, const struct hr_stmt *stmt,
                         struct hr_err *err) HR_CHECKED;
/* A setting as a report may show it. */
const char *hr_setting_shown(const char *key, const char *value);

/* run.c */
hr_status hr_session_scheduler(struct hr_session *session, struct hr_scheduler **ret,
                               struct hr_err *err) HR_CHECKED;
/* Analyses *plan. */
hr_status hr_run_analyze(struct hr_run *run, struct hr_plan **plan, struct hr_err *err) HR_CHECKED;
/* Runs an analysed plan; its batches in order. The caller unrefs them. */
struct hr_batches {
    struct hr_batch **items; /* hr_alloc'ed */
    uint32_t count, capacity;
};
void hr_batches_done(struct hr_batches *batches);
hr_status hr_run_collect(struct hr_run *run, struct hr_plan *plan, struct hr_batches *ret,
                         struct hr_err *err) HR_CHECKED;
hr_status hr_run_query(struct hr_run *run, struct hr_err *err) HR_CHECKED;
/* Runs an analysed plan into a sink, as epoch 0. */
hr_status hr_run_into_sink(struct hr_run *run, struct hr_plan *plan, const struct hr_sink_vt *vt,
                           const struct hr_options *options, const struct hr_type *schema,
                           const struct hr_file_catalog *files, struct hr_err *err) HR_CHECKED;

/* command_*.c */
hr_status hr_run_create_table(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_create_view(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_insert(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_drop(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_show(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_describe(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_explain(struct hr_run *run, struct hr_err *err) HR_CHECKED;
/* command_names.c: USE, CACHE, UNCACHE */
hr_status hr_run_use(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_cache(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_uncache(struct hr_run *run, struct hr_err *err) HR_CHECKED;
/* The schema that the statement names, or the current one. */
hr_status hr_stmt_schema(struct hr_run *run, const char **ret, struct hr_err *err) HR_CHECKED;
/* The statement's name must be a schema that there is, or nothing. */
hr_status hr_check_namespace(struct hr_run *run, struct hr_err *err) HR_CHECKED;

/* command_function.c */
hr_status hr_run_create_function(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_drop_function(struct hr_run *run, struct hr_err *err) HR_CHECKED;
const struct hr_sql_function *hr_catalog_function(struct hr_catalog *catalog, const char *name);
hr_status hr_catalog_parse(struct hr_catalog *catalog, struct hr_arena *arena, const char *text,
                           struct hr_plan **ret, struct hr_err *err) HR_CHECKED;
void hr_functions_done(struct hr_session *session);
/* The index-th of the session's own functions, with its full name in the arena; NULL: none. */
const char *hr_session_function_name(const struct hr_session *session, uint32_t index,
                                     struct hr_arena *arena);

/* command_variable.c */
hr_status hr_run_declare(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_set_variable(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_drop_variable(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_execute(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_catalog_variable(struct hr_catalog *catalog, struct hr_arena *arena, const char *name,
                              struct hr_expr **ret, struct hr_err *err) HR_CHECKED;
bool hr_session_has_variable(const struct hr_session *session, const char *name);
void hr_variables_done(struct hr_session *session);
/* What IDENTIFIER() asks for (sql/parser.h). */
hr_status hr_session_constant(void *session, struct hr_arena *arena, struct hr_expr *x,
                              const char **ret_text, struct hr_err *err) HR_CHECKED;

/* session.c */
/* One statement, one query, as the session reads them. */
hr_status hr_session_parse(struct hr_session *session, struct hr_arena *arena,
                           struct hr_str_view text, struct hr_stmt **ret,
                           struct hr_err *err) HR_CHECKED;
hr_status hr_session_parse_query(struct hr_session *session, struct hr_arena *arena,
                                 struct hr_str_view text, struct hr_plan **ret,
                                 struct hr_err *err) HR_CHECKED;
/* Runs run->stmt, which was checked, by its kind. */
hr_status hr_run_dispatch(struct hr_run *run, struct hr_err *err) HR_CHECKED;

/* command_model.c */
hr_status hr_run_create_model(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_train_model(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_export_model(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_drop_model(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_describe_model(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_show_models(struct hr_run *run, struct hr_err *err) HR_CHECKED;
/* No running query may use the model; trained_only: may train it. HR_E_ML_IN_USE names it. */
hr_status hr_check_model_free(struct hr_session *session, const struct hr_ml_entry *entry,
                              bool trained_only, struct hr_err *err) HR_CHECKED;
/* command_alert.c */
/* The alert of a CREATE ALERT whose query has that schema, in the session's list and in the sink's
 * options; NULL where statements are only checked. */
hr_status hr_session_add_alert(struct hr_run *run, const struct hr_type *schema,
                               struct hr_options *sink_options, struct hr_alert **ret,
                               struct hr_err *err) HR_CHECKED;
bool hr_session_has_alert(struct hr_session *session, const char *name);
void hr_session_remove_alert(struct hr_session *session, struct hr_alert *alert);
/* What the query of an alert may show of its statement: no addresses. */
const char *hr_alert_shown_text(struct hr_run *run);
hr_status hr_run_drop_alert(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_show_alerts(struct hr_run *run, struct hr_err *err) HR_CHECKED;
/* command_dashboard.c */
hr_status hr_run_create_dashboard(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_drop_dashboard(struct hr_run *run, struct hr_err *err) HR_CHECKED;
hr_status hr_run_show_dashboards(struct hr_run *run, struct hr_err *err) HR_CHECKED;
void hr_dashboards_done(struct hr_session *session);
/* command_show.c: Spark's patterns, '*' and '|'; NULL matches nothing. */
bool hr_name_matches(const char *pattern, const char *text);

/* dead_letters.c: where those of the plan's tables, and of the sink with these options, go. */
hr_status hr_run_dead_letters(struct hr_run *run, const struct hr_plan *plan,
                              const struct hr_options *sink_options, struct hr_dead_place *ret,
                              struct hr_err *err) HR_CHECKED;
/* streaming.c */
hr_status hr_run_streaming(struct hr_run *run, struct hr_err *err) HR_CHECKED;
/* The mode and sink of a streaming statement whose plan is analysed; the plan may get a node that
 * writes its result. */
hr_status hr_streaming_mode(struct hr_run *run, struct hr_plan **plan,
                            enum hr_output_mode *ret, struct hr_err *err) HR_CHECKED;
hr_status hr_streaming_sink(struct hr_run *run, const struct hr_sink_vt **ret,
                            const struct hr_options **ret_options,
                            struct hr_err *err) HR_CHECKED;

/* rows.c: a command's result, row by row, all columns STRING but where said. */
struct hr_rows;
hr_status hr_rows_new(struct hr_run *run, const char *const *names, uint32_t count,
                      struct hr_rows **ret, struct hr_err *err) HR_CHECKED;
/* A value of NULL is NULL. A column whose name begins with "is" is BOOLEAN. */
void hr_rows_add(struct hr_rows *rows, const char *const *values);
/* Ends the rows into the statement's result. */
hr_status hr_rows_finish(struct hr_rows *rows, struct hr_err *err) HR_CHECKED;

#endif
