/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE TABLE, INSERT INTO, DROP. A table without USING keeps its rows in memory. */
#include "connector/connector.h"
#include "plan/nodes/project.h"
#include "plan/tree.h"
#include "session/internal.h"

static const char *last_part(const struct hr_stmt *stmt)
{
    return stmt->name_parts[stmt->name_part_count - 1];
}

static hr_status copy_options(struct hr_table *table, const struct hr_options *from,
                              struct hr_err *err)
{
    for (uint32_t i = 0; from && i < from->count; i++)
        HR_TRY(hr_options_put(&table->options, from->items[i].key, from->items[i].value, err));
    return HR_OK;
}

/* The columns that the source finds by itself. */
static hr_status infer_schema(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    struct hr_source_args args = {
        .env = run->session->env,
        .conf = &run->conf,
        .mem = &run->session->mem,
        .options = &table->options,
        .schema = table->schema,
        .schema_only = true,
        .query_name = table->name,
    };
    struct hr_source *source = NULL;
    HR_TRY(hr_source_open(table->source, &args, &source, err));
    table->schema = source->schema;
    table->source->close(source);
    return table->schema ? HR_OK : HR_BUG(err, "source %s has no schema", table->source->name);
}

static hr_status check_columns(struct hr_run *run, const struct hr_type *schema, struct hr_err *err)
{
    for (uint32_t i = 0; schema && i < schema->field_count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (!hr_str_eq_nocase(schema->fields[i].name, schema->fields[j].name)) continue;
            const char *name = hr_arena_printf(run->arena, "`%s`", schema->fields[i].name);
            return name ? HR_RAISE(err, HR_E_COLUMN_ALREADY_EXISTS, "columnName", name)
                        : HR_OOM(err);
        }
    }
    return HR_OK;
}

/* Fills a table from the statement: provider, options, columns. */
static hr_status fill_table(struct hr_run *run, struct hr_table *table,
                            const struct hr_type *schema, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    table->schema = schema;
    table->has_declared_columns = schema != NULL;
    HR_TRY(check_columns(run, schema, err));
    HR_TRY(copy_options(table, stmt->options, err));
    if (!stmt->provider) return HR_OK;
    table->provider = hr_arena_strdup(&table->arena, stmt->provider);
    if (!table->provider) return HR_OOM(err);
    table->source = hr_source_find(stmt->provider);
    const struct hr_sink_vt *sink = hr_sink_find(stmt->provider);
    if (!table->source && !sink)
        return HR_RAISE(err, HR_E_DATA_SOURCE_NOT_FOUND, "provider", stmt->provider);
    if (table->source && !schema && !hr_table_has_envelope(table)) {
        HR_TRY(infer_schema(run, table, err));
    } else {
        HR_TRY(hr_connector_check_options(stmt->provider, &table->options, err));
    }
    return hr_table_take_changes(table, err);
}

static hr_status exists(struct hr_run *run, const char *name, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_TABLE_OR_VIEW_ALREADY_EXISTS, "relationName",
                    hr_full_name(run->arena, name));
}

/* Rows for a table in memory: copies that need nothing of the statement. */
static hr_status append_rows(struct hr_session *session, struct hr_table *table,
                             const struct hr_batches *rows, bool overwrite, struct hr_err *err)
{
    uint32_t keep = overwrite ? 0 : table->batch_count;
    struct hr_batch **grown = hr_alloc((keep + rows->count + 1) * sizeof *grown);
    if (!grown) return HR_OOM(err);
    uint32_t count = 0;
    for (; count < keep; count++) grown[count] = table->batches[count];
    for (uint32_t i = 0; i < rows->count; i++) {
        /* concat copies whatever the batch: a compacted one may share bytes with its input. */
        struct hr_batch *copy = hr_batch_concat(&rows->items[i], 1, table->schema, true);
        if (!copy) {
            while (count > keep) hr_batch_unref(grown[--count]);
            hr_free(grown);
            return HR_OOM(err);
        }
        grown[count++] = copy;
    }
    struct hr_batch **old = table->batches;
    uint32_t old_count = table->batch_count;
    pthread_mutex_lock(&session->share_lock); /* a watcher may be copying them */
    table->batches = grown;
    table->batch_count = count;
    pthread_mutex_unlock(&session->share_lock);
    for (uint32_t i = 0; overwrite && i < old_count; i++) hr_batch_unref(old[i]);
    hr_free(old);
    return HR_OK;
}

/* The plan's rows into the table: its own memory, or the sink of its provider. */
static hr_status write_rows(struct hr_run *run, struct hr_table *table, struct hr_plan *plan,
                            bool overwrite, struct hr_err *err)
{
    if (!table->provider) {
        struct hr_batches rows = {0};
        HR_TRY(hr_run_collect(run, plan, &rows, err));
        hr_status status = append_rows(run->session, table, &rows, overwrite, err);
        hr_batches_done(&rows);
        return status;
    }
    const struct hr_sink_vt *sink = hr_sink_find(table->provider);
    if (!sink) {
        const char *what = hr_arena_printf(run->arena, "writing to %s", table->provider);
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", what ? what : table->provider);
    }
    if (overwrite) return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "INSERT OVERWRITE into a sink");
    return hr_run_into_sink(run, plan, sink, &table->options, table->schema, err);
}

static hr_status create_as(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    struct hr_plan *plan = run->stmt->plan;
    HR_TRY(hr_run_analyze(run, &plan, err));
    const struct hr_type *schema = hr_plan_schema(plan);
    if (!schema) return HR_OOM(err);
    HR_TRY(fill_table(run, table, schema, err));
    return write_rows(run, table, plan, false, err);
}

hr_status hr_run_create_table(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_session *session = run->session;
    struct hr_table *old = hr_catalog_get(session, stmt->name_parts, stmt->name_part_count);
    if (old && old->is_temporary) old = NULL; /* hides the table, but is another object */
    if (old && stmt->if_not_exists) return HR_OK;
    if (old && !stmt->or_replace) return exists(run, last_part(stmt), err);
    struct hr_table *table = NULL;
    HR_TRY(hr_table_new(last_part(stmt), &table, err));
    hr_status status =
        stmt->plan ? create_as(run, table, err) : fill_table(run, table, stmt->schema, err);
    if (status == HR_OK && !table->schema && !table->provider)
        status = HR_RAISE(err, HR_E_UNABLE_TO_INFER_SCHEMA, "format",
                          "a table in memory, without columns and without a query");
    if (status != HR_OK) {
        hr_table_unref(table);
        return status;
    }
    if (old) hr_catalog_remove(session, old);
    return hr_catalog_put(session, table, err);
}

/* INSERT --------------------------------------------------------------------------------------- */

static const char *list_names(struct hr_run *run, const struct hr_type *schema)
{
    struct hr_buf buf = {0};
    for (uint32_t i = 0; i < schema->field_count; i++)
        hr_buf_printf(&buf, "%s`%s`", i ? ", " : "", schema->fields[i].name);
    const char *text = hr_arena_strdup(run->arena, hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return text ? text : "";
}

static hr_status bad_arity(struct hr_run *run, const struct hr_table *table,
                           const struct hr_plan *plan, uint32_t wanted, struct hr_err *err)
{
    bool few = plan->output_count < wanted;
    return hr_err_raise(
        err, __FILE__, __LINE__,
        few ? HR_E_INSERT_NOT_ENOUGH_DATA_COLUMNS : HR_E_INSERT_TOO_MANY_DATA_COLUMNS, "tableName",
        hr_full_name(run->arena, table->name), "tableColumns", list_names(run, table->schema),
        "dataColumns", list_names(run, hr_plan_schema(plan)), (char *)NULL);
}

/* Which column of the data goes into column index of the table; UINT32_MAX: none, NULL. */
static uint32_t source_column(const struct hr_run *run, const struct hr_table *table,
                              const struct hr_plan *plan, uint32_t index)
{
    const struct hr_stmt *stmt = run->stmt;
    const char *name = table->schema->fields[index].name;
    for (uint32_t i = 0; i < stmt->column_count; i++)
        if (hr_str_eq_nocase(stmt->columns[i], name)) return i;
    if (stmt->column_count) return UINT32_MAX;
    if (!stmt->by_name) return index;
    for (uint32_t i = 0; i < plan->output_count; i++)
        if (hr_str_eq_nocase(plan->output[i].name, name)) return i;
    return UINT32_MAX;
}

/* One output expression: the data's column, cast as ANSI store assignment allows. */
static hr_status assign(struct hr_run *run, const struct hr_table *table,
                        const struct hr_plan *plan, uint32_t index, struct hr_expr **ret,
                        struct hr_err *err)
{
    const struct hr_field *field = &table->schema->fields[index];
    uint32_t from = source_column(run, table, plan, index);
    struct hr_expr *value = NULL;
    if (from == UINT32_MAX) {
        value = hr_expr_null(run->arena, field->type);
    } else {
        const struct hr_attr *attr = &plan->output[from];
        value = hr_expr_new(run->arena, HR_X_ATTR);
        if (!value) return HR_OOM(err);
        value->name = attr->name;
        value->type = attr->type;
        value->nullable = attr->nullable;
        value->attr_id = attr->id;
        if (!hr_type_same(attr->type, field->type) && !hr_type_can_store(attr->type, field->type)) {
            const char *column = hr_arena_printf(run->arena, "`%s`", field->name);
            const char *src =
                hr_arena_printf(run->arena, "\"%s\"", hr_type_sql(run->arena, attr->type));
            const char *to =
                hr_arena_printf(run->arena, "\"%s\"", hr_type_sql(run->arena, field->type));
            if (!column || !src || !to) return HR_OOM(err);
            return HR_RAISE(err, HR_E_INCOMPATIBLE_DATA_CANNOT_SAFELY_CAST, "tableName",
                            hr_full_name(run->arena, table->name), "colName", column, "srcType",
                            src, "targetType", to);
        }
        HR_TRY(hr_expr_coerce(run->arena, &run->conf, &value, field->type, err));
    }
    struct hr_expr *alias = value ? hr_expr_alias(run->arena, value, field->name) : NULL;
    if (!alias) return HR_OOM(err);
    alias->attr_id = hr_expr_next_attr_id();
    *ret = alias;
    return hr_expr_resolve_node(run->arena, &run->conf, alias, err);
}

hr_status hr_insert_fit(struct hr_run *run, const struct hr_table *table, struct hr_plan **plan,
                        struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    uint32_t count = table->schema->field_count;
    uint32_t wanted = stmt->column_count ? stmt->column_count : count;
    if ((*plan)->output_count != wanted && !stmt->by_name)
        return bad_arity(run, table, *plan, wanted, err);
    struct hr_plan *project = hr_plan_new1(run->arena, HR_P_PROJECT, *plan);
    if (!project) return HR_OOM(err);
    struct hr_select *select = hr_select_of(project);
    select->exprs = HR_NEW_ARRAY(run->arena, struct hr_expr *, count + 1);
    project->output = HR_NEW_ARRAY(run->arena, struct hr_attr, count + 1);
    if (!select->exprs || !project->output) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        HR_TRY(assign(run, table, *plan, i, &select->exprs[i], err));
    select->expr_count = count;
    *plan = project;
    return hr_plan_refresh(run->arena, project, err);
}

hr_status hr_run_insert(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_plan *plan = stmt->plan;
    struct hr_table *table = NULL;
    struct hr_catalog *catalog = &run->session->catalog;
    HR_TRY(catalog->find(catalog, stmt->name_parts, stmt->name_part_count, &table, err));
    hr_status status = HR_OK;
    if (table->is_view) status = HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "INSERT into a view");
    if (table->source_schema)
        status = HR_RAISE(err, HR_E_NOT_SUPPORTED, "what",
                          "INSERT into a table whose records are changes");
    if (status == HR_OK) status = hr_run_analyze(run, &plan, err);
    if (status == HR_OK && !table->schema) table->schema = hr_plan_schema(plan);
    if (status == HR_OK && !table->schema) status = HR_OOM(err);
    if (status == HR_OK) status = hr_insert_fit(run, table, &plan, err);
    if (status == HR_OK) status = write_rows(run, table, plan, stmt->overwrite, err);
    hr_table_unref(table);
    return status;
}

/* DROP ----------------------------------------------------------------------------------------- */

hr_status hr_run_drop(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_table *table = hr_catalog_get(run->session, stmt->name_parts, stmt->name_part_count);
    if (!table && stmt->if_exists) return HR_OK;
    if (!table)
        return HR_RAISE(err, HR_E_TABLE_OR_VIEW_NOT_FOUND, "relationName",
                        hr_full_name(run->arena, last_part(stmt)), "searchPath",
                        "[`spark_catalog`.`default`]");
    bool is_view = table->is_view || table->user;
    if (stmt->is_view != is_view) {
        const char *object = hr_arena_printf(run->arena, "spark_catalog.default.%s", table->name);
        if (!object) return HR_OOM(err);
        return HR_RAISE(err, HR_E_WRONG_COMMAND_FOR_OBJECT_TYPE, "operation",
                        stmt->is_view ? "DROP VIEW" : "DROP TABLE", "requiredType",
                        stmt->is_view ? "VIEW or METRIC_VIEW" : "EXTERNAL or MANAGED", "objectName",
                        object, "foundType", is_view ? "VIEW" : "MANAGED", "alternative",
                        is_view ? "DROP VIEW" : "DROP TABLE");
    }
    hr_catalog_remove(run->session, table);
    return HR_OK;
}
