/* SPDX-License-Identifier: Apache-2.0 */
/* The life of a session, and statements one after the other. */
#include "session/session.h"

#include "connector/connector.h"
#include "session/internal.h"
#include "sql/parser.h"

hr_status hr_session_new(const struct hr_session_options *options, struct hr_session **ret,
                         struct hr_err *err)
{
    static const struct hr_session_options defaults;
    if (!options) options = &defaults;
    struct hr_session *session = hr_zalloc(sizeof *session);
    if (!session) return HR_OOM(err);
    hr_connector_functions();
    if (hr_registry_init(&session->queries, err) != HR_OK) {
        hr_free(session);
        return HR_OOM(err);
    }
    if (hr_ml_store_init(&session->models, err) != HR_OK) {
        hr_registry_done(&session->queries);
        hr_free(session);
        return HR_OOM(err);
    }
    pthread_mutex_init(&session->share_lock, NULL); /* cannot fail without attributes */
    session->env = options->env ? options->env : hr_env_default();
    session->available_now = options->available_now;
    session->once = options->once;
    session->check_only = options->check_only;
    session->before = options->before;
    session->before_arg = options->before_arg;
    session->scheduler = options->scheduler;
    session->lent_scheduler = options->scheduler != NULL;
    session->listener = options->listener;
    hr_mem_init(&session->mem, hr_mem_process(), "the statement", NULL, 0);
    hr_settings_init(session, options);
    session->conf.models = &session->models;
    hr_catalog_init(session);
    hr_status status = HR_OK;
    if (options->checkpoint_root) {
        session->checkpoint_root = hr_strdup(options->checkpoint_root);
        if (!session->checkpoint_root) status = HR_OOM(err);
    }
    if (status == HR_OK && options->memory_bytes)
        status = hr_mem_process_set(options->memory_bytes, err);
    if (status != HR_OK) {
        hr_session_free(session);
        return status;
    }
    *ret = session;
    return HR_OK;
}

void hr_session_free(struct hr_session *session)
{
    if (!session) return;
    hr_session_hold(session, false);
    hr_registry_done(&session->queries);
    while (session->alert_count) hr_session_remove_alert(session, session->alerts[0]);
    hr_free(session->alerts);
    hr_dashboards_done(session);
    hr_variables_done(session);
    hr_functions_done(session);
    hr_ml_store_done(&session->models); /* plans of the queries point into it */
    hr_catalog_done(session);
    hr_wh_unref(session->wh);
    if (session->scheduler && !session->lent_scheduler) hr_scheduler_free(session->scheduler);
    hr_arena_done(&session->settings_arena);
    hr_inputs_free(session->inputs);
    hr_free(session->checkpoint_root);
    pthread_mutex_destroy(&session->share_lock);
    hr_free(session);
}

void hr_result_done(struct hr_result *result)
{
    for (uint32_t i = 0; i < result->batch_count; i++) hr_batch_unref(result->batches[i]);
    result->batches = NULL;
    result->batch_count = 0;
    hr_arena_done(&result->arena);
}

uint32_t hr_session_query_count(struct hr_session *session)
{
    return hr_registry_count(&session->queries);
}

struct hr_query *hr_session_query(struct hr_session *session, uint32_t index)
{
    struct hr_query *query = hr_registry_at(&session->queries, index);
    hr_query_unref(query); /* the session's own reference lives as long as it does */
    return query;
}

struct hr_query_registry *hr_session_registry(struct hr_session *session)
{
    return &session->queries;
}

void hr_session_hold(struct hr_session *session, bool hold)
{
    session->holds_queries = hold;
    if (!hold && session->inputs) hr_inputs_hold(session->inputs, false);
}

void hr_session_cancel(struct hr_session *session)
{
    __atomic_store_n(&session->cancelled, true, __ATOMIC_RELAXED);
}

/* Does it only declare something? Others may wait for rows of queries, which then must run. */
static bool declares(const struct hr_stmt *stmt)
{
    switch (stmt->kind) {
    case HR_STMT_CREATE_TABLE: return !stmt->plan;
    case HR_STMT_CREATE_VIEW:
    case HR_STMT_CREATE_STREAMING_TABLE:
    case HR_STMT_CREATE_FLOW:
    case HR_STMT_CREATE_ALERT:
    case HR_STMT_CREATE_DASHBOARD:
    case HR_STMT_CREATE_MODEL:
    case HR_STMT_USE:
    case HR_STMT_SET: return true;
    default: return false;
    }
}

/* Statements ----------------------------------------------------------------------------------- */

typedef hr_status (*run_fn)(struct hr_run *run, struct hr_err *err);

static hr_status not_supported(struct hr_run *run, struct hr_err *err)
{
    HR_UNUSED(run);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "this statement");
}

static const run_fn runners[] = {
    [HR_STMT_QUERY] = hr_run_query,
    [HR_STMT_CREATE_VIEW] = hr_run_create_view,
    [HR_STMT_CREATE_TABLE] = hr_run_create_table,
    [HR_STMT_CREATE_STREAMING_TABLE] = hr_run_streaming,
    [HR_STMT_CREATE_MATERIALIZED_VIEW] = not_supported,
    [HR_STMT_CREATE_FLOW] = hr_run_streaming,
    [HR_STMT_INSERT] = hr_run_insert,
    [HR_STMT_DROP] = hr_run_drop,
    [HR_STMT_SHOW_TABLES] = hr_run_show,
    [HR_STMT_DESCRIBE] = hr_run_describe,
    [HR_STMT_EXPLAIN] = hr_run_explain,
    [HR_STMT_SET] = hr_run_set,
    [HR_STMT_RESET] = hr_run_reset,
    [HR_STMT_CACHE] = hr_run_cache,
    [HR_STMT_UNCACHE] = hr_run_uncache,
    [HR_STMT_USE] = hr_run_use,
    [HR_STMT_CREATE_MODEL] = hr_run_create_model,
    [HR_STMT_TRAIN_MODEL] = hr_run_train_model,
    [HR_STMT_EXPORT_MODEL] = hr_run_export_model,
    [HR_STMT_DROP_MODEL] = hr_run_drop_model,
    [HR_STMT_DESCRIBE_MODEL] = hr_run_describe_model,
    [HR_STMT_CREATE_ALERT] = hr_run_streaming,
    [HR_STMT_DROP_ALERT] = hr_run_drop_alert,
    [HR_STMT_CREATE_DASHBOARD] = hr_run_create_dashboard,
    [HR_STMT_DROP_DASHBOARD] = hr_run_drop_dashboard,
    [HR_STMT_ALTER] = hr_run_alter,
    [HR_STMT_SCHEMA] = hr_run_schema,
    [HR_STMT_TRUNCATE] = hr_run_truncate,
    [HR_STMT_ANALYZE] = hr_run_analyze_table,
    [HR_STMT_REFRESH] = hr_run_refresh,
    [HR_STMT_REFUSED] = hr_run_refused,
    [HR_STMT_CREATE_LIKE] = hr_run_create_like,
    [HR_STMT_CREATE_FUNCTION] = hr_run_create_function,
    [HR_STMT_DROP_FUNCTION] = hr_run_drop_function,
    [HR_STMT_DECLARE] = hr_run_declare,
    [HR_STMT_SET_VARIABLE] = hr_run_set_variable,
    [HR_STMT_DROP_VARIABLE] = hr_run_drop_variable,
    [HR_STMT_EXECUTE] = hr_run_execute,
};

static hr_status await_one(struct hr_session *session, struct hr_query *query, struct hr_err *err)
{
    hr_status status = HR_OK;
    if (!hr_query_has_end(query)) return HR_OK;
    while (!hr_query_await(query, 100000, &status, err))
        if (__atomic_load_n(&session->cancelled, __ATOMIC_RELAXED))
            return HR_RAISE(err, HR_E_CANCELLED);
    return status == HR_OK ? HR_OK : hr_err_prefix(err, "streaming query %s", hr_query_name(query));
}

/* A statement that reads: what queries with an end (available now, once) before it write is there
 * when it runs. One that fails fails it, for the rows would be a part of them. */
static hr_status await_bounded(struct hr_session *session, const struct hr_stmt *stmt,
                               struct hr_err *err)
{
    bool reads = stmt->kind == HR_STMT_QUERY || stmt->kind == HR_STMT_INSERT ||
                 (stmt->kind == HR_STMT_CREATE_TABLE && stmt->plan) ||
                 (stmt->kind >= HR_STMT_CREATE_MODEL && stmt->kind <= HR_STMT_DESCRIBE_MODEL) ||
                 (stmt->kind == HR_STMT_SHOW_TABLES &&
                  (stmt->show == HR_SHOW_MODELS || stmt->show == HR_SHOW_ALERTS));
    struct hr_query *query;
    /* Who waits for queries cannot let them wait for the rest of the script. */
    if (reads && session->inputs) hr_inputs_hold(session->inputs, false);
    for (uint32_t i = 0; reads && (query = hr_registry_at(&session->queries, i)) != NULL; i++) {
        hr_status status = await_one(session, query, err);
        hr_query_unref(query);
        HR_TRY(status);
    }
    return HR_OK;
}

static hr_status set_no_rows(struct hr_result *result, struct hr_err *err)
{
    result->schema = hr_type_struct(NULL, 0);
    return result->schema ? HR_OK : HR_OOM(err);
}

hr_status hr_session_parse(struct hr_session *session, struct hr_arena *arena,
                           struct hr_str_view text, struct hr_stmt **ret, struct hr_err *err)
{
    struct hr_sql_context context = {session->conf.tz, hr_session_constant, session};
    return hr_sql_parse_in(arena, text, &context, ret, err);
}

hr_status hr_session_parse_query(struct hr_session *session, struct hr_arena *arena,
                                 struct hr_str_view text, struct hr_plan **ret, struct hr_err *err)
{
    struct hr_stmt *stmt = NULL;
    HR_TRY(hr_session_parse(session, arena, text, &stmt, err));
    if (stmt->kind != HR_STMT_QUERY)
        return HR_RAISE(err, HR_E_INVALID_ARGUMENT, "what", "the text is not a query");
    *ret = stmt->plan;
    return HR_OK;
}

hr_status hr_run_dispatch(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    if ((size_t)stmt->kind >= HR_COUNT(runners) || !runners[stmt->kind])
        return not_supported(run, err);
    HR_TRY(hr_share_check(run->session, stmt, err));
    HR_TRY(await_bounded(run->session, stmt, err));
    return runners[stmt->kind](run, err);
}

static hr_status run_statement(struct hr_session *session, const struct hr_stmt *stmt,
                               struct hr_result *result, struct hr_err *err)
{
    struct hr_run run = {
        .session = session,
        .conf = session->conf,
        .stmt = stmt,
        .result = result,
        .arena = &result->arena,
    };
    run.conf.now_us = hr_now_us(session->env);
    __atomic_store_n(&session->cancelled, false, __ATOMIC_RELAXED);
    if ((size_t)stmt->kind >= HR_COUNT(runners) || !runners[stmt->kind])
        return not_supported(&run, err);
    HR_TRY(hr_share_check(session, stmt, err));
    bool acts = stmt->kind == HR_STMT_TRAIN_MODEL || stmt->kind == HR_STMT_EXPORT_MODEL;
    if (session->check_only && acts) return set_no_rows(result, err);
    if (!declares(stmt) && session->inputs) hr_inputs_hold(session->inputs, false);
    HR_TRY(await_bounded(session, stmt, err));
    /* All rows of the statement are scored by the models as they are now. */
    struct hr_ml_pins pins = {0};
    HR_TRY(hr_ml_pin_all(session->conf.models, &pins, err));
    run.conf.pins = &pins;
    hr_status status = runners[stmt->kind](&run, err);
    hr_ml_unpin(&pins);
    HR_TRY(status);
    return result->schema ? HR_OK : set_no_rows(result, err);
}

hr_status hr_session_next(struct hr_session *session, const char *text, size_t text_len,
                          size_t *pos, bool *ret_more, struct hr_str_view *ret_text,
                          struct hr_result *ret_result, struct hr_err *err)
{
    struct hr_result result = {0};
    struct hr_stmt *stmt = NULL;
    struct hr_str_view statement = {0};
    struct hr_err own;
    if (!err) err = &own;
    hr_err_init(err);
    hr_arena_init(&result.arena, &session->mem);
    hr_status status = HR_OK;
    bool more = hr_sql_split_next(text, text_len, pos, &statement);
    if (more)
        status = hr_session_parse(session, &result.arena, statement, &stmt, err);
    if (status == HR_OK && stmt && session->before)
        status = session->before(session->before_arg, stmt, &result.arena, err);
    if (status == HR_OK && stmt) {
        status = run_statement(session, stmt, &result, err);
        if (status != HR_OK) hr_err_locate(err, statement.ptr, statement.len);
    }
    *ret_more = more;
    *ret_text = statement;
    if (status == HR_OK && stmt) {
        *ret_result = result;
        return HR_OK;
    }
    hr_result_done(&result);
    return status;
}

uint32_t hr_session_check(struct hr_session *session, const char *text, size_t text_len,
                          bool (*wrong)(void *arg, struct hr_str_view statement,
                                        const struct hr_err *err),
                          void *arg)
{
    uint32_t count = 0;
    bool more = true;
    assert(session->check_only);
    for (size_t pos = 0; more;) {
        struct hr_result result;
        struct hr_str_view statement = {0};
        struct hr_err err;
        hr_err_init(&err);
        hr_status status =
            hr_session_next(session, text, text_len, &pos, &more, &statement, &result, &err);
        count += more || status != HR_OK;
        if (status == HR_OK && more) hr_result_done(&result);
        if (status == HR_OK) continue;
        /* Without a statement nothing can be split off any more. */
        if (!wrong(arg, statement, &err) || !statement.ptr) break;
    }
    return count;
}

bool hr_session_has_more(const char *text, size_t text_len, size_t pos)
{
    struct hr_str_view statement;
    return hr_sql_split_next(text, text_len, &pos, &statement);
}

hr_status hr_session_parse_set(struct hr_arena *arena, struct hr_str_view text,
                               const char **ret_key, const char **ret_value, struct hr_err *err)
{
    struct hr_stmt *stmt = NULL;
    HR_TRY(hr_sql_parse_statement(arena, text, NULL, &stmt, err));
    if (!stmt || stmt->kind != HR_STMT_SET || !stmt->key || !stmt->value)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "SET key = value alone may stand here");
    *ret_key = stmt->key;
    *ret_value = stmt->value;
    return HR_OK;
}

hr_status hr_session_sql(struct hr_session *session, struct hr_str_view text, struct hr_result *ret,
                         struct hr_err *err)
{
    size_t pos = 0;
    bool more = false;
    struct hr_str_view statement;
    HR_TRY(hr_session_next(session, text.ptr, text.len, &pos, &more, &statement, ret, err));
    if (more) return HR_OK;
    return HR_RAISE(err, HR_E_PARSE_EMPTY_STATEMENT);
}
