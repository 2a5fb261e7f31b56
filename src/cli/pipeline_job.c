/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The job of a pipeline's test: each table that has inputs reads lines from a folder, a file an
 * input; each table that the job fills keeps its rows in memory; the clock stands still but for
 * ADVANCE. All else of the job's text is as it is. Nothing leaves the process: alerts go to the
 * log alone.
 */
#include "base/options.h"
#include "cli/pipeline.h"
#include "connector/connector.h"
#include "connector/memory/memory.h"
#include "format/format.h"
#include "sql/parser.h"
#include "stream/query.h"

struct clock_env { /* the machine, but for its clock */
    struct hr_env env;
    struct hr_env_vt vt;
    int64_t now_us; /* by __atomic built-ins: queries' threads read it */
};

/* A table of the job that the test speaks of, or that a flow fills. */
struct replaced {
    const char *name;
    bool is_input, is_output, is_complete;
    bool is_made;       /* the job has made it, and it has been replaced */
    uint32_t inputs;    /* files so far */
    int64_t rows_seen;
};

struct pipeline_job {
    struct clock_env clock;
    struct hr_session *session;
    struct hr_arena arena;
    const char *tmp;
    struct replaced *tables;
    uint32_t table_count;
};

static int64_t clock_now(struct hr_env *env)
{
    struct clock_env *clock = HR_CONTAINER_OF(env, struct clock_env, env);
    return __atomic_load_n(&clock->now_us, __ATOMIC_RELAXED);
}

static struct replaced *find(struct pipeline_job *job, const char *name)
{
    for (uint32_t i = 0; i < job->table_count; i++)
        if (hr_str_eq_nocase(job->tables[i].name, name)) return &job->tables[i];
    return NULL;
}

static hr_status add(struct pipeline_job *job, const char *name, struct replaced **ret,
                     struct hr_err *err)
{
    *ret = find(job, name);
    if (*ret) return HR_OK;
    struct replaced *more = HR_NEW_ARRAY(&job->arena, struct replaced, job->table_count + 1);
    char *copy = hr_arena_strdup(&job->arena, name);
    if (!more || !copy) return HR_OOM(err);
    if (job->table_count) memcpy(more, job->tables, job->table_count * sizeof *more);
    job->tables = more;
    *ret = &more[job->table_count++];
    (*ret)->name = copy;
    return HR_OK;
}

static const char *last_part(const struct hr_stmt *stmt)
{
    return stmt->name_part_count ? stmt->name_parts[stmt->name_part_count - 1] : "";
}

/* What flows fill is an output, too; their tables are made before it is known. */
static hr_status find_outputs(struct pipeline_job *job, const struct cli_text *text,
                              struct hr_err *err)
{
    struct hr_str_view statement;
    for (size_t pos = 0; hr_sql_split_next(text->buf.ptr, text->buf.len, &pos, &statement);) {
        struct hr_arena arena;
        struct hr_stmt *stmt = NULL;
        struct replaced *table;
        struct hr_err ignored; /* it is reported where the job runs it */
        hr_err_init(&ignored);
        hr_arena_init(&arena, NULL);
        hr_status status = HR_OK;
        if (hr_sql_parse_statement(&arena, statement, NULL, &stmt, &ignored) == HR_OK && stmt &&
            (stmt->kind == HR_STMT_CREATE_STREAMING_TABLE ||
             (stmt->kind == HR_STMT_CREATE_FLOW && stmt->name_part_count > 0))) {
            status = add(job, last_part(stmt), &table, err);
            if (status == HR_OK) table->is_output = true;
        }
        hr_arena_done(&arena);
        HR_TRY(status);
    }
    return HR_OK;
}

static hr_status find_inputs(struct pipeline_job *job, const struct pipeline *pipeline,
                             struct hr_err *err)
{
    struct replaced *table;
    for (uint32_t i = 0; i < pipeline->step_count; i++) {
        if (pipeline->steps[i].kind != PIPELINE_INPUT) continue;
        HR_TRY(add(job, pipeline->steps[i].name, &table, err));
        table->is_input = true;
    }
    return HR_OK;
}

static hr_status keep_options(const struct hr_options *from, const struct hr_opt_table *tables,
                              size_t count, struct hr_options *to, struct hr_err *err)
{
    for (uint32_t i = 0; from && i < from->count; i++)
        if (hr_opt_find(tables, count, from->items[i].key))
            HR_TRY(hr_options_put(to, from->items[i].key, from->items[i].value, err));
    return HR_OK;
}

/* The columns that a source has by itself: a generator's, Kafka's. */
static hr_status own_columns(struct pipeline_job *job, const struct hr_stmt *stmt,
                             const struct hr_type **ret, struct hr_err *err)
{
    const struct hr_source_vt *vt = stmt->provider ? hr_source_find(stmt->provider) : NULL;
    struct hr_source *source = NULL;
    if (!vt || hr_format_find(stmt->provider))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "table %s: under test its columns must stand in CREATE TABLE",
                       last_part(stmt));
    const struct hr_source_args args = {
        .env = &job->clock.env,
        .conf = hr_session_conf(job->session),
        .options = stmt->options,
        .schema_only = true,
        .query_name = last_part(stmt),
    };
    HR_TRY(hr_source_open(vt, &args, &source, err));
    *ret = source->schema; /* types live as long as the process */
    vt->close(source);
    return HR_OK;
}

/* The lines of its inputs are records of the source's own format; JSON where it has none (rate,
 * generators). */
static hr_status replace_source(struct pipeline_job *job, struct replaced *table,
                                struct hr_stmt *stmt, struct hr_arena *arena, struct hr_err *err)
{
    const char *format = hr_options_get(stmt->options, "format");
    if (!format && stmt->provider && hr_format_find(stmt->provider)) format = stmt->provider;
    if (!format) format = "json";
    const struct hr_format_vt *vt = hr_format_find(format);
    if (!vt)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "table %s: there is no format '%.60s'",
                       table->name, format);
    if (!stmt->schema) HR_TRY(own_columns(job, stmt, &stmt->schema, err));
    struct hr_options *options = HR_NEW(arena, struct hr_options);
    const char *path = hr_arena_printf(arena, "%s/input-%s", job->tmp, table->name);
    if (!options || !path) return HR_OOM(err);
    hr_options_init(options, arena);
    const struct hr_opt_table kept[] = {hr_change_option_table,
                                        vt->options ? *vt->options : (struct hr_opt_table){0}};
    HR_TRY(keep_options(stmt->options, kept, HR_COUNT(kept), options, err));
    HR_TRY(hr_options_put(options, "path", path, err));
    HR_TRY(hr_options_put(options, "maxFilesPerTrigger", "1", err));
    HR_TRY(job->clock.vt.mkdirs(&job->clock.env, path, err));
    stmt->provider = format;
    stmt->options = options;
    table->is_made = true;
    return HR_OK;
}

/* Its rows stay in memory; mode and name are kept, trigger and checkpoint are the test's. */
static hr_status replace_sink(struct replaced *table, struct hr_stmt *stmt, struct hr_arena *arena,
                              struct hr_err *err)
{
    struct hr_options *options = HR_NEW(arena, struct hr_options);
    if (!options) return HR_OOM(err);
    hr_options_init(options, arena);
    const char *mode = hr_options_get(stmt->options, "outputMode");
    const char *query = hr_options_get(stmt->options, "queryName");
    if (mode) HR_TRY(hr_options_put(options, "outputMode", mode, err));
    if (query) HR_TRY(hr_options_put(options, "queryName", query, err));
    HR_TRY(hr_options_put(options, "name", table->name, err));
    table->is_complete = mode && hr_str_eq_nocase(mode, "complete");
    stmt->provider = "memory";
    stmt->options = options;
    if (stmt->kind == HR_STMT_CREATE_TABLE && stmt->schema) /* the memory source's are its own */
        HR_TRY(hr_memory_create(table->name, stmt->schema, err));
    table->is_made = true;
    return HR_OK;
}

/* A test reads no broker, socket or generator, also where it has no rows for it. */
static bool is_fed_from_outside(const struct hr_stmt *stmt)
{
    return stmt->kind == HR_STMT_CREATE_TABLE && !stmt->plan && stmt->provider &&
           !hr_format_find(stmt->provider) && !hr_str_eq_nocase(stmt->provider, "memory") &&
           hr_source_find(stmt->provider);
}

static hr_status before(void *arg, struct hr_stmt *stmt, struct hr_arena *arena,
                        struct hr_err *err)
{
    struct pipeline_job *job = arg;
    struct replaced *table = find(job, last_part(stmt));
    if (stmt->kind == HR_STMT_CREATE_ALERT && stmt->alert) {
        stmt->alert->action_count = 0; /* that is: LOG */
        return HR_OK;
    }
    if (!table && is_fed_from_outside(stmt)) {
        HR_TRY(add(job, last_part(stmt), &table, err));
        table->is_input = true;
    }
    if (!table) return HR_OK;
    if (stmt->kind == HR_STMT_CREATE_STREAMING_TABLE ||
        (stmt->kind == HR_STMT_CREATE_TABLE && table->is_output && !table->is_input))
        return replace_sink(table, stmt, arena, err);
    if (stmt->kind == HR_STMT_CREATE_TABLE && table->is_input && !stmt->plan)
        return replace_source(job, table, stmt, arena, err);
    return HR_OK;
}

static hr_status run_statements(struct pipeline_job *job, const struct cli_text *text,
                                struct hr_err *err)
{
    bool more = true;
    for (size_t pos = 0; more;) {
        struct hr_result result;
        struct hr_str_view statement = {0};
        hr_status status = hr_session_next(job->session, text->buf.ptr, text->buf.len, &pos, &more,
                                           &statement, &result, err);
        if (status != HR_OK) {
            cli_print_error(err, text, statement);
            return status;
        }
        if (more) hr_result_done(&result);
    }
    return HR_OK;
}

static hr_status open_session(struct pipeline_job *job, const struct pipeline *pipeline,
                              struct hr_err *err)
{
    const char *checkpoint = hr_arena_printf(&job->arena, "%s/checkpoint", job->tmp);
    const char *warehouse =
        hr_arena_printf(&job->arena, "spark.sql.warehouse.dir=%s/warehouse", job->tmp);
    const char **items = HR_NEW_ARRAY(&job->arena, const char *, pipeline->setting_count + 1);
    if (!checkpoint || !warehouse || !items) return HR_OOM(err);
    if (pipeline->setting_count)
        memcpy(items, pipeline->settings, pipeline->setting_count * sizeof *items);
    items[pipeline->setting_count] = warehouse; /* last: the test's own does not stand */
    const struct cli_settings settings = {items, pipeline->setting_count + 1};
    const struct hr_session_options with = {
        .env = &job->clock.env,
        .checkpoint_root = checkpoint,
        .before = before,
        .before_arg = job,
    };
    return cli_session_new(&with, &settings, &job->session, err);
}

hr_status pipeline_job_start(const struct pipeline *pipeline, const struct cli_text *text,
                             const char *tmp, struct pipeline_job **ret, struct hr_err *err)
{
    struct pipeline_job *job = hr_zalloc(sizeof *job);
    if (!job) return HR_OOM(err);
    hr_arena_init(&job->arena, NULL);
    job->tmp = tmp;
    job->clock.vt = *hr_env_default()->vt;
    job->clock.vt.now_us = clock_now;
    job->clock.env.vt = &job->clock.vt;
    job->clock.now_us = pipeline->start_us;
    hr_status status = find_outputs(job, text, err);
    if (status == HR_OK) status = find_inputs(job, pipeline, err);
    if (status == HR_OK) status = open_session(job, pipeline, err);
    if (status == HR_OK)
        status = run_statements(job, text, err);
    else
        cli_print_error(err, NULL, hr_svn(NULL, 0));
    if (status != HR_OK) {
        pipeline_job_free(job);
        return status;
    }
    *ret = job;
    return HR_OK;
}

void pipeline_job_free(struct pipeline_job *job)
{
    if (!job) return;
    hr_session_free(job->session);
    hr_arena_done(&job->arena);
    hr_free(job);
}

/* In order of start, so that what one query gives the next has been given when its turn comes;
 * twice, for a query that was started before the one that feeds it. */
static hr_status process_all(struct pipeline_job *job, struct hr_err *err)
{
    uint32_t count = hr_session_query_count(job->session);
    for (uint32_t i = 0; i < 2 * count; i++)
        HR_TRY(hr_query_process_all_available(hr_session_query(job->session, i % count), err));
    return HR_OK;
}

hr_status pipeline_job_input(struct pipeline_job *job, const struct pipeline_step *step,
                             struct hr_err *err)
{
    struct replaced *table = find(job, step->name);
    struct hr_buf lines = {0};
    char path[4096], aside[4096];
    if (!table || !table->is_input || !table->is_made)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the job makes no table %.100s to read from",
                       step->name);
    for (uint32_t i = 0; i < step->row_count; i++) {
        hr_buf_put_sv(&lines, step->rows[i]);
        hr_buf_putc(&lines, '\n');
    }
    snprintf(path, sizeof path, "%s/input-%s/%08u.txt", job->tmp, table->name, table->inputs++);
    snprintf(aside, sizeof aside, "%s/next", job->tmp); /* what is half written is not seen */
    hr_status status = hr_buf_status(&lines, err);
    if (status == HR_OK)
        status = hr_env_write_file(&job->clock.env, aside, lines.ptr, lines.len, err);
    if (status == HR_OK) status = job->clock.vt.rename(&job->clock.env, aside, path, err);
    hr_buf_done(&lines);
    HR_TRY(status);
    return process_all(job, err);
}

hr_status pipeline_job_advance(struct pipeline_job *job, int64_t us, struct hr_err *err)
{
    __atomic_fetch_add(&job->clock.now_us, us, __ATOMIC_RELAXED);
    return process_all(job, err);
}

struct row_list {
    struct hr_arena *arena;
    const struct hr_conf *conf;
    struct hr_str_view *rows;
    int64_t skip;
    uint32_t count;
    bool failed;
};

/* As in the tests of the project: NULL is null, \e the empty string, \| a bar. */
static void put_value(struct hr_str_view value, struct hr_buf *out)
{
    if (value.len == 0) hr_buf_puts(out, "\\e");
    if (hr_sv_eq(value, hr_sv("NULL"))) hr_buf_putc(out, '\\');
    for (size_t i = 0; i < value.len; i++) {
        static const char plain[] = "\n\t\r\\|", escaped[] = "ntr\\|";
        const char *at = value.ptr[i] ? strchr(plain, value.ptr[i]) : NULL;
        if (at) hr_buf_putc(out, '\\');
        hr_buf_putc(out, at ? escaped[at - plain] : value.ptr[i]);
    }
}

static void take_row(void *arg, const struct hr_batch *batch, uint32_t row)
{
    struct row_list *list = arg;
    struct hr_buf line = {0}, value = {0};
    if (list->skip-- > 0) return;
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        if (i > 0) hr_buf_putc(&line, '|');
        hr_buf_clear(&value);
        if (cli_value(&batch->columns[i], row, list->conf, &value))
            put_value(hr_svn(value.ptr, value.len), &line);
        else
            hr_buf_puts(&line, "NULL");
    }
    const char *kept = hr_arena_strndup(list->arena, hr_buf_cstr(&line), line.len);
    if (!kept || line.failed || value.failed) list->failed = true;
    list->rows[list->count++] = hr_svn(kept ? kept : "", kept ? line.len : 0);
    hr_buf_done(&value);
    hr_buf_done(&line);
}

static hr_status collect(struct pipeline_job *job, const struct hr_result *result, int64_t skip,
                         struct hr_arena *arena, struct row_list *list, struct hr_err *err)
{
    size_t total = 0;
    for (uint32_t i = 0; i < result->batch_count; i++) total += result->batches[i]->sel_count;
    *list = (struct row_list){.arena = arena, .conf = hr_session_conf(job->session), .skip = skip};
    list->rows = HR_NEW_ARRAY(arena, struct hr_str_view, total + 1);
    if (!list->rows) return HR_OOM(err);
    cli_each_row(result, take_row, list);
    return list->failed ? HR_OOM(err) : HR_OK;
}

hr_status pipeline_job_rows(struct pipeline_job *job, const struct pipeline_step *step,
                            struct hr_arena *arena, struct hr_str_view **ret, uint32_t *ret_count,
                            struct hr_err *err)
{
    struct hr_result result;
    struct row_list list = {0};
    struct hr_str_view sql = step->sql;
    struct replaced *table = step->kind == PIPELINE_EXPECT ? find(job, step->name) : NULL;
    if (step->kind == PIPELINE_EXPECT) {
        if (!table || !table->is_output || !table->is_made)
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "the job has no streaming table %.100s; for any other: query",
                           step->name);
        const char *text = hr_arena_printf(arena, "SELECT * FROM `%s`", table->name);
        if (!text) return HR_OOM(err);
        sql = hr_sv(text);
    }
    HR_TRY(process_all(job, err));
    HR_TRY(hr_session_sql(job->session, sql, &result, err));
    int64_t skip = table && !table->is_complete ? table->rows_seen : 0;
    hr_status status = collect(job, &result, skip, arena, &list, err);
    hr_result_done(&result);
    if (table) table->rows_seen += list.count;
    *ret = list.rows;
    *ret_count = list.count;
    return status;
}
