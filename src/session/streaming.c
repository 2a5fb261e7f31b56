/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming statements: CREATE STREAMING TABLE t … AS query, and CREATE FLOW f AS INSERT INTO t
 * query. A query is analysed, checked against its output mode, optimised and handed to src/stream,
 * which runs it on a thread of its own until the session stops it.
 *
 * OPTIONS that are the query's own (Spark's writer options) are taken out here; the rest are the
 * sink's.
 */
#include "base/log.h"
#include "base/secrets.h"
#include "connector/connector.h"
#include "plan/nodes/late.h"
#include "plan/nodes/scan.h"
#include "plan/nodes/train.h"
#include "plan/nodes/read_changes.h"
#include "session/internal.h"

/* The query's own options into ret, the rest into sink_options. */
static hr_status split_options(struct hr_run *run, const struct hr_options *options,
                               struct hr_query_options *ret, struct hr_options *sink_options,
                               struct hr_err *err)
{
    const struct hr_opt_table *own = &hr_query_option_table;
    hr_options_init(sink_options, run->arena);
    for (uint32_t i = 0; options && i < options->count; i++) {
        const struct hr_option *option = &options->items[i];
        if (!hr_opt_find(own, 1, option->key))
            HR_TRY(hr_options_put(sink_options, option->key, option->value, err));
    }
    return hr_options_parse(own->specs, own->count, options, ret, err);
}

static hr_status parse_mode(const char *text, enum hr_output_mode *ret, struct hr_err *err)
{
    for (int i = 0; i < HR_MODE_COUNT; i++) {
        if (hr_str_eq_nocase(text, hr_output_mode_name((enum hr_output_mode)i))) {
            *ret = (enum hr_output_mode)i;
            return HR_OK;
        }
    }
    return HR_FAIL(err, HR_E_INVALID_OPTION,
                   "option outputMode: '%.60s' is none of 'append', 'update', 'complete', "
                   "'changelog'", text);
}

/* As Spark runs it or, where Spark cannot, by changes. What Spark says is the message when neither
 * can, but for plans over changes, which it does not know. */
static hr_status check_mode(struct hr_run *run, struct hr_plan **plan, enum hr_output_mode mode,
                            struct hr_err *err)
{
    if (mode == HR_MODE_CHANGELOG)
        return hr_plan_check_changes(run->arena, &run->conf, plan, mode, err);
    hr_status status = hr_plan_check_streaming(*plan, &run->conf, mode, err);
    if (status == HR_OK || mode == HR_MODE_APPEND) return status;
    struct hr_err other;
    hr_err_init(&other);
    hr_status by_changes = hr_plan_check_changes(run->arena, &run->conf, plan, mode, &other);
    if (by_changes == HR_OK) hr_err_init(err);
    if (by_changes == HR_OK || !hr_plan_reads_changes(*plan)) return by_changes ? status : HR_OK;
    *err = other;
    return by_changes;
}

hr_status hr_streaming_mode(struct hr_run *run, struct hr_plan **plan, enum hr_output_mode *ret,
                            struct hr_err *err)
{
    const char *text = hr_options_get(run->stmt->options, "outputMode");
    if (text) {
        HR_TRY(parse_mode(text, ret, err));
        return check_mode(run, plan, *ret, err);
    }
    /* Append where the rules allow it, else update; what append says is the message when neither
     * is. */
    *ret = HR_MODE_APPEND;
    hr_status status = hr_plan_check_streaming(*plan, &run->conf, HR_MODE_APPEND, err);
    if (status == HR_OK) return HR_OK;
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (hr_plan_check_streaming(*plan, &run->conf, HR_MODE_UPDATE, &ignored) != HR_OK)
        return status;
    hr_err_init(err);
    *ret = HR_MODE_UPDATE;
    return HR_OK;
}

/* Where output goes: the statement's own USING and OPTIONS, or (CREATE FLOW) those of its table. */
struct target {
    const char *name;
    const char *provider;
    const struct hr_options *options;
    const struct hr_sink_vt *sink;
    struct hr_table *table; /* CREATE FLOW's; borrowed */
    const struct hr_file_catalog *files; /* the same, of the warehouse */
    struct hr_alert *alert; /* CREATE ALERT's */
};

static bool is_training(const struct hr_stmt *stmt)
{
    return stmt->kind == HR_STMT_CREATE_FLOW && stmt->plan && stmt->plan->kind == HR_P_TRAIN;
}

static hr_status no_sink(const char *provider, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_NOT_FOUND,
                   "there is no sink '%.100s'; streaming tables are written USING json, csv, text, "
                   "kafka, postgres, sqlite, http, console, memory, socket or noop",
                   provider);
}

static void unref_table(void *table)
{
    hr_table_unref(table);
}

/* The table that a flow writes to, which lives as long as the statement's arena: the query. */
static hr_status flow_table(struct hr_run *run, struct target *ret, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_table *table = NULL;
    HR_TRY(hr_catalog_lookup(run->session, stmt->name_parts, stmt->name_part_count, &table, err));
    if (!table) return hr_no_such_table(run, err);
    hr_status status = hr_arena_on_done(run->arena, unref_table, table, err);
    if (status != HR_OK) {
        hr_table_unref(table);
        return status;
    }
    if (table->is_view) return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "a flow into a view");
    ret->table = table;
    ret->provider = table->provider;
    ret->options = &table->options;
    ret->files = table->files;
    ret->name = stmt->flow_name;
    return HR_OK;
}

/* The session's own table of a name, or NULL. */
static struct hr_table *own_table(struct hr_run *run, const char *const *parts, uint32_t count)
{
    struct hr_object_name name = hr_object_name(run->session, parts, count);
    return hr_catalog_own(run->session, name.schema, name.name, false);
}

static hr_status check_free(struct hr_run *run, const char *const *parts, uint32_t count,
                            bool *ret_taken, struct hr_err *err)
{
    struct hr_table *table = NULL;
    HR_TRY(hr_catalog_lookup(run->session, parts, count, &table, err));
    *ret_taken = table != NULL;
    hr_table_unref(table);
    return HR_OK;
}

static hr_status find_target(struct hr_run *run, struct target *ret, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    ret->name = stmt->name_part_count ? stmt->name_parts[stmt->name_part_count - 1] : "query";
    ret->provider = stmt->provider;
    ret->options = stmt->options;
    if (stmt->kind == HR_STMT_CREATE_ALERT) {
        ret->provider = "alert";
        ret->sink = &hr_sink_alert;
        return HR_OK;
    }
    if (is_training(stmt)) { /* what it learns is its state; its rows tell how far it has come */
        ret->name = stmt->flow_name;
        if (!ret->provider) ret->provider = "noop";
    } else if (stmt->kind == HR_STMT_CREATE_FLOW) {
        HR_TRY(flow_table(run, ret, err));
    }
    if (!ret->provider) ret->provider = "memory";
    ret->sink = hr_sink_find(ret->provider);
    return ret->sink ? HR_OK : no_sink(ret->provider, err);
}

hr_status hr_streaming_sink(struct hr_run *run, const struct hr_sink_vt **ret,
                            const struct hr_options **ret_options, struct hr_err *err)
{
    struct target target = {0};
    HR_TRY(find_target(run, &target, err));
    *ret = target.sink;
    *ret_options = target.options;
    return HR_OK;
}

/* <root>/<name>, or a folder that goes away with the query: two jobs in one place never share one
 * that neither has named. */
static hr_status checkpoint_dir(struct hr_run *run, const struct target *target, const char *given,
                                const char **ret, bool *ret_temporary, struct hr_err *err)
{
    struct hr_session *session = run->session;
    const char *root = session->checkpoint_root;
    if (!root || !*root) root = hr_setting(session, HR_SET_CHECKPOINT_LOCATION);
    *ret_temporary = !given && (!root || !*root);
    if (given) {
        *ret = given;
    } else if (*ret_temporary) {
        char uuid[37];
        hr_env_uuid(session->env, uuid);
        const char *tmp = getenv("TMPDIR");
        *ret = hr_arena_printf(run->arena, "%s/headrace-%s", tmp && *tmp ? tmp : "/tmp", uuid);
        if (target->sink->guarantee != HR_NO_GUARANTEE)
            HR_LOG(HR_LOG_WARN,
                   "query %s: no checkpoint is named, so that it begins anew at its next start; "
                   "--checkpoint DIR or the option checkpointLocation keeps its progress",
                   target->name);
    } else {
        *ret = hr_arena_printf(run->arena, "%s/%s", root, target->name);
    }
    return *ret ? HR_OK : HR_OOM(err);
}

static hr_status choose_trigger(struct hr_run *run, const char *text, struct hr_trigger *ret,
                                struct hr_err *err)
{
    if (run->session->available_now) {
        *ret = (struct hr_trigger){HR_TRIGGER_AVAILABLE_NOW, 0};
    } else if (run->session->once) {
        *ret = (struct hr_trigger){HR_TRIGGER_ONCE, 0};
    } else if (text) {
        return hr_trigger_parse(hr_sv(text), ret, err);
    } else {
        *ret = (struct hr_trigger){HR_TRIGGER_ASAP, 0};
    }
    return HR_OK;
}

static hr_status check_name(struct hr_session *session, const char *name, struct hr_err *err)
{
    struct hr_query *other = hr_registry_find(&session->queries, name);
    hr_query_unref(other);
    if (!other) return HR_OK;
    return HR_FAIL(err, HR_E_EXISTS, "a streaming query named %.100s is running already", name);
}

/* The output as a table that later statements may read. */
static hr_status register_table(struct hr_run *run, const struct target *target,
                                const struct hr_type *schema, const struct hr_options *options,
                                struct hr_err *err)
{
    struct hr_table *table;
    HR_TRY(hr_table_new(target->name, &table, err));
    table->provider = hr_arena_strdup(&table->arena, target->provider);
    table->source = hr_source_find(target->provider);
    const struct hr_stmt *stmt = run->stmt;
    if (stmt->kind == HR_STMT_CREATE_STREAMING_TABLE && target->name != stmt->late_name)
        table->schema_name = hr_arena_strdup(
            &table->arena,
            hr_object_name(run->session, stmt->name_parts, stmt->name_part_count).schema);
    if (!table->schema_name) table->schema_name = HR_WH_DEFAULT;
    table->schema = schema;
    table->has_declared_columns = schema && schema == run->stmt->schema;
    table->is_output = true;
    hr_status status = table->provider ? HR_OK : HR_OOM(err);
    for (uint32_t i = 0; status == HR_OK && options && i < options->count; i++)
        status =
            hr_options_put(&table->options, options->items[i].key, options->items[i].value, err);
    if (status == HR_OK && schema) status = hr_table_take_changes(table, err);
    if (status != HR_OK) {
        hr_table_unref(table);
        return status;
    }
    return hr_catalog_put(run->session, table, err);
}

/* The memory sink keeps its rows under the query's name. */
static hr_status name_memory_table(const struct target *target, struct hr_options *options,
                                   struct hr_err *err)
{
    if (strcmp(target->sink->name, "memory") != 0 || hr_options_get(options, "name")) return HR_OK;
    return hr_options_put(options, "name", target->name, err);
}

/* Of the watermark's settings those that would change nothing are refused. */
static hr_status watermark_options(struct hr_run *run, struct hr_watermark_options *ret,
                                   struct hr_err *err)
{
    struct hr_session *session = run->session;
    *ret = (struct hr_watermark_options){
        .policy_max = hr_str_eq_nocase(hr_setting(session, HR_SET_WATERMARK_POLICY), "max"),
        .by_partition = run->conf.watermark_by_partition,
        .idle_clock = hr_str_eq_nocase(hr_setting(session, HR_SET_IDLE_CLOCK), "true"),
        .idle_us = hr_setting_int(session, HR_SET_IDLE_TIMEOUT),
    };
    if (ret->idle_clock && ret->idle_us == 0)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "headrace.watermark.idleClock", "why",
                        "needs headrace.watermark.idleTimeout, behind which it begins");
    if (run->conf.watermark_far_future != HR_FAR_CAP && run->conf.watermark_max_future_us == 0)
        return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "headrace.watermark.farFuture", "why",
                        "needs headrace.watermark.maxFuture, which says how far that is");
    return HR_OK;
}

/* LATE ROWS INTO: a table like the query's own, with the columns of the late rows. */
static hr_status add_late(struct hr_run *run, struct hr_plan *plan, enum hr_output_mode mode,
                          struct target *ret, struct hr_options *ret_options, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const struct hr_type *schema = NULL;
    struct hr_query_options own = {0};
    *ret = (struct target){.name = stmt->late_name,
                           .provider = stmt->late_provider ? stmt->late_provider : "memory",
                           .options = stmt->late_options};
    ret->sink = hr_sink_find(ret->provider);
    if (!ret->sink) return no_sink(ret->provider, err);
    HR_TRY(split_options(run, ret->options, &own, ret_options, err));
    for (uint32_t i = 0; ret->options && i < ret->options->count; i++)
        if (!hr_options_get(ret_options, ret->options->items[i].key))
            return HR_RAISE(err, HR_E_INVALID_OPTION, "name", ret->options->items[i].key, "why",
                            "is the query's, not that of its late rows");
    HR_TRY(name_memory_table(ret, ret_options, err));
    HR_TRY(hr_plan_divert_late(run->arena, plan, mode, &schema, err));
    const char *const names[] = {ret->name};
    bool is_taken = false;
    HR_TRY(check_free(run, (const char **)(uintptr_t)names, 1, &is_taken, err));
    if (is_taken)
        return HR_RAISE(err, HR_E_TABLE_OR_VIEW_ALREADY_EXISTS, "relationName",
                        hr_full_name(run->arena, HR_WH_DEFAULT, ret->name));
    return register_table(run, ret, schema, ret_options, err);
}

static bool reads_output(const struct hr_plan *plan)
{
    if (plan->kind == HR_P_SCAN && HR_NODE(scan, plan)->table->is_output) return true;
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (reads_output(plan->children[i])) return true;
    return false;
}

/* What the session's queries read together; they wait for each other while a script declares
 * them, unless one is to read what another writes. */
static hr_status share_inputs(struct hr_session *session, const struct hr_plan *plan,
                              struct hr_inputs **ret, struct hr_err *err)
{
    if (!session->inputs) session->inputs = hr_inputs_new(&session->mem);
    if (!session->inputs) return HR_OOM(err);
    hr_inputs_limit(session->inputs, hr_setting_int(session, HR_SET_SHARED_INPUT));
    hr_inputs_hold(session->inputs, session->holds_queries && !reads_output(plan));
    *ret = session->inputs;
    return HR_OK;
}

static hr_status start(struct hr_run *run, struct hr_plan *plan, const struct target *target,
                       const struct hr_query_options *writer, const struct hr_options *sink_options,
                       const struct target *late, const struct hr_options *late_options,
                       enum hr_output_mode mode, struct hr_err *err)
{
    struct hr_session *session = run->session;
    struct hr_query_args args = {
        .env = session->env,
        .conf = &run->conf,
        .mem = &session->mem,
        .name = writer->name ? writer->name : target->name,
        .text = hr_arena_strndup(run->arena, run->stmt->text.ptr, run->stmt->text.len),
        .plan = plan,
        .mode = mode,
        .sink = target->sink,
        .sink_options = sink_options,
        .sink_files = target->files,
        .late_sink = late->sink,
        .late_options = late_options,
        .listener = session->listener,
        .state_snapshot_every = (int32_t)hr_setting_int(session, HR_SET_SNAPSHOT_EVERY),
    };
    HR_TRY(watermark_options(run, &args.watermark, err));
    HR_TRY(hr_run_dead_letters(run, plan, sink_options, &args.dead, err));
    const char *no_data = hr_setting(session, HR_SET_NO_DATA);
    args.no_data_epochs = !no_data || !hr_str_eq_nocase(no_data, "false");
    if (target->alert) args.text = hr_alert_shown_text(run);
    if (!args.text) return HR_OOM(err);
    hr_hide_secrets((char *)(uintptr_t)args.text, strlen(args.text));
    HR_TRY(choose_trigger(run, writer->trigger, &args.trigger, err));
    HR_TRY(checkpoint_dir(run, target, writer->checkpoint, &args.checkpoint_dir,
                          &args.temporary_checkpoint, err));
    HR_TRY(check_name(session, args.name, err));
    HR_TRY(share_inputs(session, plan, &args.inputs, err));
    if (target->alert) HR_TRY(hr_alert_place(target->alert, args.checkpoint_dir, err));
    HR_TRY(hr_session_scheduler(session, &args.scheduler, err));
    /* The statement's arena, with the plan in it, becomes the query's. */
    args.plan_arena = *run->arena;
    hr_arena_init(run->arena, &session->mem);
    struct hr_query *query;
    hr_status status = hr_query_start(&args, &query, err);
    if (status != HR_OK) {
        hr_arena_done(&args.plan_arena); /* empty when the query had taken it */
        return status;
    }
    status = hr_registry_add(&session->queries, query, err);
    if (status != HR_OK) {
        hr_query_unref(query);
        return status;
    }
    run->result->query = query;
    return HR_OK;
}

/* A streaming table without a query: flows fill it. */
static hr_status register_empty(struct hr_run *run, const struct target *target, struct hr_err *err)
{
    if (run->stmt->late_name)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what",
                        "LATE ROWS INTO of a streaming table without a query (the flows that fill "
                        "it have it)");
    return register_table(run, target, run->stmt->schema, target->options, err);
}

hr_status hr_run_streaming(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct target target = {0};
    HR_TRY(find_target(run, &target, err));
    struct hr_query_options writer = {0};
    struct hr_options sink_options;
    HR_TRY(split_options(run, target.options, &writer, &sink_options, err));
    HR_TRY(name_memory_table(&target, &sink_options, err));
    bool is_there = stmt->alert && hr_session_has_alert(run->session, target.name);
    if (is_there && stmt->if_not_exists) return HR_OK;
    if (stmt->alert && stmt->or_replace)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "CREATE OR REPLACE ALERT");
    bool is_table = stmt->kind == HR_STMT_CREATE_STREAMING_TABLE;
    bool is_taken = false;
    if (is_table)
        HR_TRY(check_free(run, stmt->name_parts, stmt->name_part_count, &is_taken, err));
    if (is_taken) {
        struct hr_object_name name =
            hr_object_name(run->session, stmt->name_parts, stmt->name_part_count);
        return stmt->if_not_exists ? HR_OK : hr_table_exists(run, name.schema, name.name, err);
    }
    if (!stmt->plan) return register_empty(run, &target, err);
    struct hr_plan *plan = stmt->plan;
    HR_TRY(hr_run_analyze(run, &plan, err));
    if (!plan->is_streaming && is_training(stmt))
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "CREATE FLOW needs a query that reads a stream: write FROM STREAM table, or "
                       "TRAIN MODEL %s ON … to learn from a table once",
                       HR_NODE(train, plan)->model_name);
    if (is_training(stmt))
        HR_TRY(hr_check_model_free(run->session, HR_NODE(train, plan)->entry, true, err));
    if (!plan->is_streaming)
        return HR_FAIL(
            err, HR_E_NOT_SUPPORTED,
            "%s needs a query that reads a stream: write FROM STREAM %s%s",
            stmt->alert ? "CREATE ALERT"
            : is_table ? "CREATE STREAMING TABLE"
                       : "CREATE FLOW",
            "table", stmt->alert ? "" : ", or use CREATE TABLE … AS");
    if (target.table && target.table->has_declared_columns)
        HR_TRY(hr_insert_fit(run, target.table, &plan, err));
    enum hr_output_mode mode;
    HR_TRY(hr_streaming_mode(run, &plan, &mode, err));
    struct target late = {0};
    struct hr_options late_options;
    if (stmt->late_name) HR_TRY(add_late(run, plan, mode, &late, &late_options, err));
    const struct hr_type *schema = hr_plan_schema(plan);
    if (!schema) return HR_OOM(err);
    HR_TRY(hr_plan_optimize(run->arena, &run->conf, &plan, err));
    struct hr_table *table = NULL;
    if (stmt->alert)
        HR_TRY(hr_session_add_alert(run, schema, &sink_options, &target.alert, err));
    if (is_table) {
        HR_TRY(register_table(run, &target, schema, &sink_options, err));
        table = own_table(run, stmt->name_parts, stmt->name_part_count);
    }
    if (run->session->check_only) return HR_OK;
    hr_status status = start(run, plan, &target, &writer, &sink_options, &late,
                             &late_options, mode, err);
    /* The statement's memory is the query's now, and gone when it did not start. */
    if (status != HR_OK && table) hr_catalog_remove(run->session, table);
    if (status != HR_OK && late.name) {
        struct hr_table *late_table = own_table(run, &late.name, 1);
        if (late_table) hr_catalog_remove(run->session, late_table);
    }
    if (status != HR_OK && target.alert) hr_session_remove_alert(run->session, target.alert);
    return status;
}
