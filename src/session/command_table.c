/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE TABLE of what the session declares itself: tables over outside data. DROP of all. */
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

hr_status hr_check_columns(struct hr_run *run, const struct hr_type *schema, struct hr_err *err)
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
    HR_TRY(hr_check_columns(run, schema, err));
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

static hr_status create_as(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    struct hr_plan *plan = run->stmt->plan;
    HR_TRY(hr_run_analyze(run, &plan, err));
    const struct hr_type *schema = hr_plan_schema(plan);
    if (!schema) return HR_OOM(err);
    HR_TRY(fill_table(run, table, schema, err));
    return hr_write_rows(run, table, plan, false, err);
}

hr_status hr_infer_columns(struct hr_run *run, const char *provider, const char *path,
                           const struct hr_options *options, const struct hr_type **ret,
                           struct hr_err *err)
{
    struct hr_table *table = NULL;
    HR_TRY(hr_table_new(provider, &table, err));
    table->source = hr_source_find(provider);
    hr_status status = copy_options(table, options, err);
    if (status == HR_OK) hr_options_remove(&table->options, "partitionBy");
    if (status == HR_OK) status = hr_options_put(&table->options, "path", path, err);
    if (status == HR_OK)
        status = table->source ? infer_schema(run, table, err)
                               : HR_RAISE(err, HR_E_DATA_SOURCE_NOT_FOUND, "provider", provider);
    if (status == HR_OK) *ret = table->schema;
    hr_table_unref(table);
    return status;
}

/* LOCATION of a table over outside data is its option path. */
static hr_status fill(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    if (stmt->location) HR_TRY(hr_options_put(&table->options, "path", stmt->location, err));
    return stmt->plan ? create_as(run, table, err) : fill_table(run, table, stmt->schema, err);
}

hr_status hr_run_create_table(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_session *session = run->session;
    if (hr_creates_durable(stmt)) return hr_create_durable(run, err);
    struct hr_object_name name =
        hr_object_name(session, stmt->name_parts, stmt->name_part_count);
    struct hr_table *table = NULL, *kept = NULL;
    HR_TRY(hr_check_schema(run, name.schema, err));
    struct hr_table *old = hr_catalog_own(session, name.schema, name.name, false);
    if (!old) HR_TRY(hr_durable_find(session, name.schema, name.name, &kept, err));
    bool is_kept = kept != NULL;
    hr_table_unref(kept);
    if ((old || is_kept) && stmt->if_not_exists) return HR_OK;
    if ((old && !stmt->or_replace) || is_kept)
        return hr_table_exists(run, name.schema, name.name, err);
    HR_TRY(hr_table_new(last_part(stmt), &table, err));
    table->schema_name = hr_arena_strdup(&table->arena, name.schema);
    hr_status status = table->schema_name ? fill(run, table, err) : HR_OOM(err);
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

/* DROP ----------------------------------------------------------------------------------------- */

static hr_status not_there(struct hr_run *run, const char *schema, const char *name,
                           struct hr_err *err)
{
    const char *path = hr_arena_printf(run->arena, "[`spark_catalog`.`%s`]", schema);
    return path ? HR_RAISE(err, HR_E_TABLE_OR_VIEW_NOT_FOUND, "relationName",
                           hr_full_name(run->arena, schema, name), "searchPath", path)
                : HR_OOM(err);
}

static hr_status wrong_kind(struct hr_run *run, const struct hr_table *table, bool is_view,
                            struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const char *object = hr_arena_printf(run->arena, "spark_catalog.%s.%s",
                                         table->schema_name ? table->schema_name : HR_WH_DEFAULT,
                                         table->name);
    if (!object) return HR_OOM(err);
    return HR_RAISE(err, HR_E_WRONG_COMMAND_FOR_OBJECT_TYPE, "operation",
                    stmt->is_view ? "DROP VIEW" : "DROP TABLE", "requiredType",
                    stmt->is_view ? "VIEW or METRIC_VIEW" : "EXTERNAL or MANAGED", "objectName",
                    object, "foundType", is_view ? "VIEW" : "MANAGED", "alternative",
                    is_view ? "DROP VIEW" : "DROP TABLE");
}

static hr_status drop(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    struct hr_wh *wh = NULL;
    if (!table->durable) {
        hr_catalog_remove(run->session, table);
        return HR_OK;
    }
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    return hr_wh_drop(wh, hr_durable_object(table), err);
}

hr_status hr_run_drop(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_table *table = NULL;
    HR_TRY(hr_catalog_lookup(run->session, stmt->name_parts, stmt->name_part_count, &table, err));
    if (!table && stmt->if_exists) return HR_OK;
    struct hr_object_name name =
        hr_object_name(run->session, stmt->name_parts, stmt->name_part_count);
    if (!table) return not_there(run, name.schema, name.name, err);
    bool is_view = table->is_view || table->user;
    hr_status status = stmt->is_view != is_view ? wrong_kind(run, table, is_view, err)
                                                : drop(run, table, err);
    hr_table_unref(table);
    return status;
}
