/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CREATE TABLE of a table that the warehouse keeps: managed, in a folder of its own, or external,
 * by LOCATION. With a query its files are written first, and then the table is there with all of
 * them, or not at all.
 */
#include "column/type_parse.h"
#include "connector/connector.h"
#include "connector/file/file.h"
#include "format/format.h"
#include "plan/nodes/project.h"
#include "plan/tree.h"
#include "hr_config.h"
#include "session/internal.h"

#define DEFAULT_FORMAT "parquet"
#define LOSSLESS       "headrace" /* where the default format cannot be written */

static const char *default_format(void)
{
    const struct hr_format_vt *format = hr_format_find(DEFAULT_FORMAT);
    return format && format->encoder_open ? DEFAULT_FORMAT : LOSSLESS;
}

/* Without USING, or USING a format of files, and no folder that OPTIONS name. */
bool hr_creates_durable(const struct hr_stmt *stmt)
{
    if (stmt->is_view || !HR_HAVE_SQLITE) return false;
    if (hr_options_get(stmt->options, "path")) return false;
    if (!stmt->provider) return true;
    const struct hr_format_vt *format = hr_format_find(stmt->provider);
    return format && !format->envelope;
}

static char *lower(struct hr_arena *arena, const char *text)
{
    char *copy = hr_arena_strdup(arena, text);
    for (char *p = copy; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    return copy;
}

static int32_t partition_at(const struct hr_stmt *stmt, const char *name)
{
    for (uint32_t i = 0; i < stmt->partition_count; i++)
        if (hr_str_eq_nocase(stmt->partitions[i], name)) return (int32_t)i;
    return -1;
}

/* The columns in the table's order, the folders' last; ret_from: which of schema's each is. */
static hr_status order_columns(struct hr_run *run, const struct hr_type *schema,
                               struct hr_wh_object *o, uint32_t **ret_from, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    uint32_t count = schema->field_count, keys = stmt->partition_count, at = 0;
    uint32_t *from = HR_NEW_ARRAY(run->arena, uint32_t, count + 1);
    o->columns = HR_NEW_ARRAY(run->arena, struct hr_wh_column, count + 1);
    if (!from || !o->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        if (partition_at(stmt, schema->fields[i].name) < 0) from[at++] = i;
    if (at + keys != count || (keys && at == 0)) {
        if (keys && at == 0) return HR_RAISE(err, HR_E_ALL_PARTITION_COLUMNS_NOT_ALLOWED);
        for (uint32_t i = 0; i < keys; i++) {
            if (hr_type_field_index(schema, hr_sv(stmt->partitions[i])) >= 0) continue;
            const char *name = hr_arena_printf(run->arena, "`%s`", stmt->partitions[i]);
            const char *table = hr_full_name(run->arena, o->schema, o->name);
            return name ? HR_RAISE(err, HR_E_COLUMN_NOT_DEFINED_IN_TABLE, "colType", "partition",
                                   "colName", name, "tableName", table, "tableCols",
                                   hr_list_names(run, schema))
                        : HR_OOM(err);
        }
    }
    for (uint32_t i = 0; i < keys; i++)
        from[at++] = (uint32_t)hr_type_field_index(schema, hr_sv(stmt->partitions[i]));
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_field *field = &schema->fields[from[i]];
        bool declared = stmt->specs && !stmt->plan;
        const struct hr_stmt_column *spec = declared ? &stmt->specs[from[i]] : NULL;
        const char *type = spec ? lower(run->arena, spec->type) : NULL;
        if (!type || !hr_is_char_type(type)) type = hr_type_sql(run->arena, field->type);
        o->columns[i] = (struct hr_wh_column){.name = field->name, .type = type,
                                              .nullable = field->nullable,
                                              .comment = spec ? spec->comment : NULL,
                                              .def = spec ? spec->def : NULL};
    }
    o->column_count = count;
    o->partition_count = keys;
    *ret_from = from;
    return HR_OK;
}

/* The query's columns in the table's order. */
static hr_status reorder(struct hr_run *run, const uint32_t *from, struct hr_plan **plan,
                         struct hr_err *err)
{
    uint32_t count = (*plan)->output_count;
    struct hr_plan *project = hr_plan_new1(run->arena, HR_P_PROJECT, *plan);
    struct hr_expr **exprs = HR_NEW_ARRAY(run->arena, struct hr_expr *, count + 1);
    if (!project || !exprs) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        if (!(exprs[i] = hr_attr_ref(run->arena, &(*plan)->output[from[i]]))) return HR_OOM(err);
    hr_select_of(project)->exprs = exprs;
    hr_select_of(project)->expr_count = count;
    project->output = HR_NEW_ARRAY(run->arena, struct hr_attr, count + 1);
    if (!project->output) return HR_OOM(err);
    *plan = project;
    return hr_plan_refresh(run->arena, project, err);
}

static hr_status find_columns(struct hr_run *run, struct hr_wh_object *o,
                              const struct hr_type **ret, struct hr_plan **plan, uint32_t **from,
                              struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    *ret = stmt->schema;
    if (stmt->plan) {
        HR_TRY(hr_run_analyze(run, plan, err));
        *ret = hr_plan_schema(*plan);
        if (!*ret) return HR_OOM(err);
    } else if (!*ret && o->kind == HR_WH_EXTERNAL) {
        HR_TRY(hr_infer_columns(run, o->provider, o->location, stmt->options, ret, err));
    } else if (!*ret) {
        return HR_RAISE(err, HR_E_UNABLE_TO_INFER_SCHEMA, "format", o->provider);
    }
    HR_TRY(hr_check_columns(run, *ret, err));
    return order_columns(run, *ret, o, from, err);
}

static hr_status describe(struct hr_run *run, struct hr_object_name name, struct hr_wh_object *o,
                          struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    o->kind = stmt->location ? HR_WH_EXTERNAL : HR_WH_MANAGED;
    o->schema = lower(run->arena, name.schema);
    o->name = lower(run->arena, name.name);
    o->provider = lower(run->arena, stmt->provider ? stmt->provider : default_format());
    o->comment = stmt->comment;
    hr_options_init(&o->options, run->arena);
    hr_options_init(&o->properties, run->arena);
    if (!o->schema || !o->name || !o->provider) return HR_OOM(err);
    for (uint32_t i = 0; stmt->options && i < stmt->options->count; i++)
        if (!hr_str_eq_nocase(stmt->options->items[i].key, "partitionBy"))
            HR_TRY(hr_options_put(&o->options, stmt->options->items[i].key,
                                  stmt->options->items[i].value, err));
    for (uint32_t i = 0; stmt->properties && i < stmt->properties->count; i++)
        HR_TRY(hr_options_put(&o->properties, stmt->properties->items[i].key,
                              stmt->properties->items[i].value, err));
    if (stmt->location)
        return hr_file_path(run->arena, stmt->location, &o->location, err);
    if (stmt->is_external)
        return HR_FAIL(err, HR_E_PARSE_SYNTAX_ERROR,
                       "Operation not allowed: CREATE EXTERNAL TABLE must be accompanied by "
                       "LOCATION.");
    return HR_OK;
}

hr_status hr_table_exists(struct hr_run *run, const char *schema, const char *name,
                          struct hr_err *err)
{
    return HR_RAISE(err, HR_E_TABLE_OR_VIEW_ALREADY_EXISTS, "relationName",
                    hr_full_name(run->arena, schema, name));
}

/* A query's rows first, and the table with them. */
static hr_status create(struct hr_run *run, struct hr_wh *wh, struct hr_wh_object *o,
                        struct hr_plan *plan, struct hr_err *err)
{
    struct hr_table *table = NULL;
    const struct hr_file_catalog *files = NULL;
    struct hr_durable_write how = {.creates = true, .replaces = run->stmt->or_replace};
    HR_TRY(hr_durable_new(run->session, wh, o, &table, err));
    const struct hr_format_vt *format = hr_format_find(o->provider);
    const struct hr_sink_vt *sink = hr_sink_find(o->provider);
    hr_status status = HR_OK;
    if (!sink || !format->encoder_open) {
        if (plan || o->kind == HR_WH_MANAGED) {
            const char *what = hr_arena_printf(run->arena, "writing tables of %s", o->provider);
            status = HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", what ? what : o->provider);
        }
    }
    if (status == HR_OK) status = hr_connector_check_options(o->provider, &table->options, err);
    if (status == HR_OK && plan) {
        status = hr_durable_writer(run, table, &how, &files, err);
        if (status == HR_OK)
            status = hr_run_into_sink(run, plan, sink, &table->options, table->schema, files, err);
    } else if (status == HR_OK) {
        status = hr_wh_create(wh, o, NULL, 0, run->stmt->or_replace, err);
    }
    hr_table_unref(table);
    return status == HR_E_EXISTS ? hr_table_exists(run, o->schema, o->name, err) : status;
}

/* Statements are only checked: what follows may read the table's columns. */
static hr_status pretend(struct hr_run *run, const struct hr_wh_object *o, struct hr_err *err)
{
    struct hr_table *table = NULL;
    struct hr_field *fields = HR_NEW_ARRAY(run->arena, struct hr_field, o->column_count + 1);
    if (!fields) return HR_OOM(err);
    HR_TRY(hr_table_new(o->name, &table, err));
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < o->column_count && status == HR_OK; i++) {
        fields[i] = (struct hr_field){.name = o->columns[i].name, .nullable = true};
        status = hr_type_parse(hr_sv(o->columns[i].type), &fields[i].type, err);
    }
    if (status == HR_OK && !(table->schema = hr_type_struct(fields, o->column_count)))
        status = HR_OOM(err);
    if (status == HR_OK && !(table->schema_name = hr_arena_strdup(&table->arena, o->schema)))
        status = HR_OOM(err);
    if (status == HR_OK) return hr_catalog_put(run->session, table, err);
    hr_table_unref(table);
    return status;
}

hr_status hr_create_object(struct hr_run *run, struct hr_wh_object *o, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_object_name name =
        hr_object_name(run->session, stmt->name_parts, stmt->name_part_count);
    struct hr_wh *wh = NULL;
    struct hr_wh_object own = {0};
    struct hr_table *old = NULL;
    const char *provider = o->provider;
    HR_TRY(hr_check_schema(run, name.schema, err));
    HR_TRY(hr_catalog_lookup(run->session, stmt->name_parts, stmt->name_part_count, &old, err));
    bool found = old && !old->is_temporary;
    hr_table_unref(old);
    if (found && stmt->if_not_exists) return HR_OK;
    if (found) return hr_table_exists(run, name.schema, name.name, err);
    HR_TRY(describe(run, name, &own, err));
    own.columns = o->columns;
    own.column_count = o->column_count;
    own.partition_count = o->partition_count;
    if (provider) own.provider = provider;
    for (uint32_t i = 0; i < o->options.count; i++)
        HR_TRY(hr_options_put(&own.options, o->options.items[i].key, o->options.items[i].value,
                              err));
    if (run->session->check_only) return pretend(run, &own, err);
    HR_TRY(hr_session_wh(run->session, true, &wh, err));
    if (own.kind == HR_WH_MANAGED)
        HR_TRY(hr_wh_new_location(wh, run->arena, own.schema, own.name, &own.location, err));
    return create(run, wh, &own, NULL, err);
}

hr_status hr_create_durable(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_session *session = run->session;
    struct hr_object_name name =
        hr_object_name(session, stmt->name_parts, stmt->name_part_count);
    struct hr_wh *wh = NULL;
    struct hr_table *old = NULL;
    struct hr_wh_object o = {0};
    struct hr_plan *plan = stmt->plan;
    const struct hr_type *schema = NULL;
    uint32_t *from = NULL;
    if (name.is_elsewhere) return hr_no_such_table(run, err);
    HR_TRY(hr_check_schema(run, name.schema, err));
    struct hr_table *own = hr_catalog_own(session, name.schema, name.name, false);
    if (!own) HR_TRY(hr_durable_find(session, name.schema, name.name, &old, err));
    bool is_view = old && old->is_view, found = own || old;
    hr_table_unref(old);
    if (found && stmt->if_not_exists) return HR_OK;
    if (found && (!stmt->or_replace || own || is_view))
        return hr_table_exists(run, name.schema, name.name, err);
    HR_TRY(describe(run, name, &o, err));
    HR_TRY(hr_connector_check_options(o.provider, &o.options, err));
    HR_TRY(find_columns(run, &o, &schema, &plan, &from, err));
    if (session->check_only) return pretend(run, &o, err);
    if (plan && stmt->partition_count) HR_TRY(reorder(run, from, &plan, err));
    HR_TRY(hr_session_wh(session, true, &wh, err));
    if (o.kind == HR_WH_MANAGED)
        HR_TRY(hr_wh_new_location(wh, run->arena, o.schema, o.name, &o.location, err));
    hr_status status = create(run, wh, &o, plan, err);
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (status != HR_OK && o.kind == HR_WH_MANAGED &&
        hr_env_remove_tree(session->env, o.location, &ignored) != HR_OK)
        return status;
    return status;
}
