/* SPDX-License-Identifier: Apache-2.0 */
/*
 * INSERT: the rows in the table's columns, by ANSI store assignment, with defaults for those that
 * are not given, and into memory, a sink, or the files of a table of the warehouse.
 */
#include "connector/connector.h"
#include "expr/function.h"
#include "plan/nodes/project.h"
#include "plan/nodes/relation.h"
#include "plan/nodes/scan.h"
#include "plan/nodes/values.h"
#include "plan/tree.h"
#include "session/internal.h"
#include "sql/parser.h"

#define NOWHERE UINT32_MAX

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
hr_status hr_write_rows(struct hr_run *run, struct hr_table *table, struct hr_plan *plan,
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
    return hr_run_into_sink(run, plan, sink, &table->options, table->schema, NULL, err);
}


const char *hr_list_names(struct hr_run *run, const struct hr_type *schema)
{
    struct hr_buf buf = {0};
    for (uint32_t i = 0; i < schema->field_count; i++)
        hr_buf_printf(&buf, "%s`%s`", i ? ", " : "", schema->fields[i].name);
    const char *text = hr_arena_strdup(run->arena, hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return text ? text : "";
}

static const char *full_name(struct hr_run *run, const struct hr_table *table)
{
    return hr_full_name(run->arena, table->schema_name ? table->schema_name : HR_WH_DEFAULT,
                        table->name);
}

/* Which column of the data each of the table's gets ------------------------------------------- */

struct target {
    uint32_t *from;            /* of each column: which of the data, or NOWHERE */
    struct hr_expr **constant; /* … PARTITION (p = 1) says it, or NULL */
    uint32_t *to;              /* of each column of the data: which of the table's, or NOWHERE */
    uint32_t to_count;         /* as many as the data must have */
};

static int32_t key_of(const struct hr_stmt *stmt, const char *name)
{
    for (uint32_t i = 0; i < stmt->key_count; i++)
        if (hr_str_eq_nocase(stmt->keys[i].name, name)) return (int32_t)i;
    return -1;
}

static const char *key_names(struct hr_run *run, bool of_table, const struct hr_table *table)
{
    struct hr_buf buf = {0};
    const struct hr_wh_object *o = hr_durable_object(table);
    uint32_t first = o ? o->column_count - o->partition_count : 0;
    for (uint32_t i = 0; of_table && o && i < o->partition_count; i++)
        hr_buf_printf(&buf, "%s%s", i ? "," : "", o->columns[first + i].name);
    for (uint32_t i = 0; !of_table && i < run->stmt->key_count; i++)
        hr_buf_printf(&buf, "%s%s", i ? "," : "", run->stmt->keys[i].name);
    const char *text = hr_arena_strdup(run->arena, hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return text ? text : "";
}

static hr_status check_keys(struct hr_run *run, const struct hr_table *table, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const struct hr_wh_object *o = hr_durable_object(table);
    if (stmt->key_count == 0) return HR_OK;
    if (!o) return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "PARTITION of this kind of table");
    uint32_t first = o->column_count - o->partition_count;
    bool dynamic = false;
    for (uint32_t i = 0; i < stmt->key_count; i++) {
        bool found = false;
        for (uint32_t k = first; k < o->column_count; k++)
            found = found || hr_str_eq_nocase(o->columns[k].name, stmt->keys[i].name);
        const char *name = hr_arena_printf(run->arena, "`%s`", stmt->keys[i].name);
        if (!found && name)
            return HR_RAISE(err, HR_E_PARTITIONS_NOT_FOUND, "partitionList", name, "tableName",
                            full_name(run, table));
    }
    if (stmt->key_count != o->partition_count)
        return HR_RAISE(err, HR_E_PARTITION_SPEC_MISMATCH, "tableName", full_name(run, table),
                        "normalizedPartSpec", key_names(run, false, table), "partitionColNames",
                        key_names(run, true, table));
    for (uint32_t i = 0; i < o->partition_count; i++) {
        int32_t key = key_of(stmt, o->columns[first + i].name);
        bool constant = key >= 0 && stmt->keys[key].value;
        if (constant && dynamic)
            return HR_RAISE(err, HR_E_PARTITION_ORDER, "partitionColumns",
                            key_names(run, true, table));
        dynamic = dynamic || !constant;
    }
    return HR_OK;
}

static hr_status check_names(struct hr_run *run, const struct hr_table *table, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    for (uint32_t i = 0; i < stmt->column_count; i++) {
        const char *name = hr_arena_printf(run->arena, "`%s`", stmt->columns[i]);
        if (!name) return HR_OOM(err);
        for (uint32_t j = 0; j < i; j++)
            if (hr_str_eq_nocase(stmt->columns[i], stmt->columns[j]))
                return HR_RAISE(err, HR_E_COLUMN_ALREADY_EXISTS, "columnName", name);
        if (hr_type_field_index(table->schema, hr_sv(stmt->columns[i])) >= 0) continue;
        HR_RAISE(err, HR_E_UNRESOLVED_COLUMN_WITH_SUGGESTION, "objectName", name, "proposal",
                 hr_list_names(run, table->schema));
        return hr_err_at(err, 0, (int32_t)stmt->text.len);
    }
    return HR_OK;
}

/* By position, by the list of columns; BY NAME needs the data's columns and comes later. */
static hr_status map_columns(struct hr_run *run, const struct hr_table *table, struct target *t,
                             struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    uint32_t count = table->schema->field_count, at = 0;
    t->from = HR_NEW_ARRAY(run->arena, uint32_t, count + 1);
    t->to = HR_NEW_ARRAY(run->arena, uint32_t, count + 1);
    t->constant = HR_NEW_ARRAY(run->arena, struct hr_expr *, count + 1);
    if (!t->from || !t->to || !t->constant) return HR_OOM(err);
    HR_TRY(check_keys(run, table, err));
    HR_TRY(check_names(run, table, err));
    for (uint32_t i = 0; i < count; i++) {
        int32_t key = key_of(stmt, table->schema->fields[i].name);
        t->from[i] = NOWHERE;
        if (key >= 0) t->constant[i] = stmt->keys[key].value;
    }
    for (uint32_t i = 0; i < stmt->column_count; i++) {
        int32_t to = hr_type_field_index(table->schema, hr_sv(stmt->columns[i]));
        t->from[to] = i;
        t->to[i] = (uint32_t)to;
    }
    t->to_count = stmt->column_count;
    if (stmt->column_count || stmt->by_name) return HR_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (t->constant[i]) continue;
        t->from[i] = at;
        t->to[at++] = i;
    }
    t->to_count = at;
    return HR_OK;
}

static hr_status map_by_name(struct hr_run *run, const struct hr_table *table,
                             const struct hr_plan *plan, struct target *t, struct hr_err *err)
{
    struct hr_buf extra = {0};
    for (uint32_t i = 0; i < plan->output_count; i++) {
        int32_t to = hr_type_field_index(table->schema, hr_sv(plan->output[i].name));
        if (to >= 0 && !t->constant[to] && t->from[to] == NOWHERE)
            t->from[to] = i;
        else
            hr_buf_printf(&extra, "%s`%s`", extra.len ? ", " : "", plan->output[i].name);
    }
    hr_status status = HR_OK;
    if (extra.len)
        status = HR_RAISE(err, HR_E_INCOMPATIBLE_DATA_EXTRA_COLUMNS, "tableName",
                          full_name(run, table), "extraColumns", hr_buf_cstr(&extra));
    hr_buf_done(&extra);
    return status;
}

static const char *target_names(struct hr_run *run, const struct hr_table *table,
                                const struct target *t)
{
    struct hr_buf buf = {0};
    const struct hr_type *schema = table->schema;
    bool some = run->stmt->column_count != 0 || run->stmt->key_count != 0;
    for (uint32_t i = 0; some && i < t->to_count; i++)
        hr_buf_printf(&buf, "%s`%s`", i ? ", " : "", schema->fields[t->to[i]].name);
    const char *text = some ? hr_arena_strdup(run->arena, hr_buf_cstr(&buf))
                            : hr_list_names(run, schema);
    hr_buf_done(&buf);
    return text ? text : "";
}

static hr_status check_arity(struct hr_run *run, const struct hr_table *table,
                             const struct hr_plan *plan, const struct target *t,
                             struct hr_err *err)
{
    if (run->stmt->by_name || plan->output_count == t->to_count) return HR_OK;
    bool few = plan->output_count < t->to_count;
    return hr_err_raise(
        err, __FILE__, __LINE__,
        few ? HR_E_INSERT_NOT_ENOUGH_DATA_COLUMNS : HR_E_INSERT_TOO_MANY_DATA_COLUMNS, "tableName",
        full_name(run, table), "tableColumns", target_names(run, table, t), "dataColumns",
        hr_list_names(run, hr_plan_schema(plan)), (char *)NULL);
}

/* Defaults ------------------------------------------------------------------------------------- */

static const char *default_text(const struct hr_table *table, uint32_t column)
{
    const struct hr_wh_object *o = hr_durable_object(table);
    return o ? o->columns[column].def : NULL;
}

/* The column's DEFAULT as the parser makes it, or NULL without an error: it has none. */
static hr_status parse_default(struct hr_run *run, const char *text, struct hr_expr **ret,
                               struct hr_err *err)
{
    struct hr_plan *plan = NULL;
    const char *query = hr_arena_printf(run->arena, "SELECT %s", text);
    if (!query) return HR_OOM(err);
    HR_TRY(hr_sql_parse_query_tz(run->arena, hr_sv(query), run->conf.tz, &plan, err));
    if (plan->kind != HR_P_PROJECT || hr_select_of(plan)->expr_count != 1)
        return HR_BUG(err, "a default of the form %s", text);
    *ret = hr_select_of(plan)->exprs[0];
    return HR_OK;
}

static bool is_default_word(const struct hr_expr *x)
{
    return x && x->kind == HR_X_NAME && x->name_part_count == 1 &&
           hr_str_eq_nocase(x->name_parts[0], "DEFAULT");
}

static hr_status put_default(struct hr_run *run, const struct hr_table *table,
                             const struct target *t, uint32_t at, struct hr_expr **x,
                             struct hr_err *err)
{
    if (!is_default_word(*x)) return HR_OK;
    const char *text = at < t->to_count ? default_text(table, t->to[at]) : NULL;
    return parse_default(run, text ? text : "NULL", x, err);
}

/* The word DEFAULT in VALUES and SELECT lists of the statement itself. */
static hr_status put_defaults(struct hr_run *run, const struct hr_table *table,
                              const struct target *t, struct hr_plan *plan, struct hr_err *err)
{
    if (plan->kind == HR_P_VALUES) {
        struct hr_values_node *values = HR_NODE(values, plan);
        for (uint32_t i = 0; i < values->row_count; i++)
            for (uint32_t j = 0; j < values->row_width; j++)
                HR_TRY(put_default(run, table, t, j, &values->rows[i][j], err));
        return HR_OK;
    }
    if (plan->kind == HR_P_PROJECT) {
        struct hr_select *select = hr_select_of(plan);
        for (uint32_t i = 0; i < select->expr_count; i++)
            HR_TRY(put_default(run, table, t, i, &select->exprs[i], err));
        return HR_OK;
    }
    if (plan->kind != HR_P_UNION) return HR_OK;
    for (uint32_t i = 0; i < plan->child_count; i++)
        HR_TRY(put_defaults(run, table, t, plan->children[i], err));
    return HR_OK;
}

/* Assignment ----------------------------------------------------------------------------------- */

static hr_status check_store(struct hr_run *run, const struct hr_table *table,
                             const struct hr_field *field, const struct hr_type *from,
                             struct hr_err *err)
{
    if (hr_type_same(from, field->type) || hr_type_can_store(from, field->type)) return HR_OK;
    const char *column = hr_arena_printf(run->arena, "`%s`", field->name);
    const char *src = hr_arena_printf(run->arena, "\"%s\"", hr_type_sql(run->arena, from));
    const char *to = hr_arena_printf(run->arena, "\"%s\"", hr_type_sql(run->arena, field->type));
    if (!column || !src || !to) return HR_OOM(err);
    return HR_RAISE(err, HR_E_INCOMPATIBLE_DATA_CANNOT_SAFELY_CAST, "tableName",
                    full_name(run, table), "colName", column, "srcType", src, "targetType", to);
}

bool hr_is_char_type(const char *type)
{
    return strncmp(type, "char", 4) == 0 || strncmp(type, "varchar", 7) == 0;
}

/* CHAR(n) is padded, and what is too long refused. */
static hr_status limit_length(struct hr_run *run, const struct hr_table *table, uint32_t column,
                              struct hr_expr **value, struct hr_err *err)
{
    const struct hr_wh_object *o = hr_durable_object(table);
    int64_t n = 0;
    if (!o || !hr_is_char_type(o->columns[column].type)) return HR_OK;
    const char *type = o->columns[column].type, *open = strchr(type, '(');
    const char *close = open ? strchr(open, ')') : NULL;
    if (!close) return HR_OK;
    struct hr_str_view digits = hr_sv_trim(hr_svn(open + 1, (size_t)(close - open - 1)));
    if (!hr_parse_i64(digits, &n)) return HR_OK;
    const char *name = *type == 'c' ? "__char_write" : "__varchar_write";
    struct hr_expr *args[] = {*value, hr_expr_int(run->arena, hr_type(HR_T_INT), n)};
    struct hr_expr *call = args[1] ? hr_expr_call(run->arena, name, args, 2) : NULL;
    if (!call) return HR_OOM(err);
    call->function = hr_function_find_internal(name);
    call->type = hr_type(HR_T_STRING);
    call->nullable = (*value)->nullable;
    *value = call;
    return HR_OK;
}

/* One output expression: the data's column, cast as ANSI store assignment allows. */
static hr_status assign(struct hr_run *run, const struct hr_table *table,
                        const struct hr_plan *plan, const struct target *t, uint32_t index,
                        struct hr_expr **ret, struct hr_err *err)
{
    const struct hr_field *field = &table->schema->fields[index];
    const char *text = default_text(table, index);
    struct hr_expr *value = NULL;
    if (t->from[index] != NOWHERE) {
        value = hr_attr_ref(run->arena, &plan->output[t->from[index]]);
        if (!value) return HR_OOM(err);
        HR_TRY(check_store(run, table, field, value->type, err));
    } else if (t->constant[index]) { /* as text: any type's */
        HR_TRY(hr_resolve_constant(run, t->constant[index], &value, err));
    } else if (text) {
        HR_TRY(parse_default(run, text, &value, err));
        HR_TRY(hr_resolve_constant(run, value, &value, err));
    } else {
        value = hr_expr_null(run->arena, field->type);
        if (!value) return HR_OOM(err);
    }
    HR_TRY(hr_expr_coerce(run->arena, &run->conf, &value, field->type, err));
    HR_TRY(limit_length(run, table, index, &value, err));
    struct hr_expr *alias = hr_expr_alias(run->arena, value, field->name);
    if (!alias) return HR_OOM(err);
    alias->attr_id = hr_expr_next_attr_id();
    *ret = alias;
    return hr_expr_resolve_node(run->arena, &run->conf, alias, err);
}

static hr_status fit(struct hr_run *run, const struct hr_table *table, struct target *t,
                     struct hr_plan **plan, struct hr_err *err)
{
    uint32_t count = table->schema->field_count;
    HR_TRY(check_arity(run, table, *plan, t, err));
    if (run->stmt->by_name) HR_TRY(map_by_name(run, table, *plan, t, err));
    struct hr_plan *project = hr_plan_new1(run->arena, HR_P_PROJECT, *plan);
    if (!project) return HR_OOM(err);
    struct hr_select *select = hr_select_of(project);
    select->exprs = HR_NEW_ARRAY(run->arena, struct hr_expr *, count + 1);
    project->output = HR_NEW_ARRAY(run->arena, struct hr_attr, count + 1);
    if (!select->exprs || !project->output) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++)
        HR_TRY(assign(run, table, *plan, t, i, &select->exprs[i], err));
    select->expr_count = count;
    *plan = project;
    return hr_plan_refresh(run->arena, project, err);
}

hr_status hr_insert_fit(struct hr_run *run, const struct hr_table *table, struct hr_plan **plan,
                        struct hr_err *err)
{
    struct target t = {0};
    HR_TRY(map_columns(run, table, &t, err));
    return fit(run, table, &t, plan, err);
}

/* Into the warehouse --------------------------------------------------------------------------- */

static bool reads(const struct hr_plan *plan, int64_t id)
{
    if (plan->kind == HR_P_SCAN) {
        const struct hr_wh_object *o = hr_durable_object(HR_NODE(scan, plan)->table);
        return o && o->id == id;
    }
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (reads(plan->children[i], id)) return true;
    return false;
}

/* What INSERT OVERWRITE replaces: everything, what the constants name, or what is written. */
static hr_status overwritten(struct hr_run *run, const struct hr_table *table,
                             struct hr_durable_write *how, struct hr_err *err)
{
    const struct hr_wh_object *o = hr_durable_object(table);
    const char **prefix = HR_NEW(run->arena, const char *), *spec = "";
    bool dynamic = hr_str_eq_nocase(hr_setting(run->session, HR_SET_OVERWRITE_MODE), "dynamic");
    uint32_t first = o->column_count - o->partition_count;
    if (!prefix) return HR_OOM(err);
    how->how = HR_WH_REPLACE;
    if (o->partition_count && dynamic) {
        how->how = HR_WH_REPLACE_WRITTEN;
        return HR_OK;
    }
    for (uint32_t i = first; i < o->column_count; i++) {
        int32_t key = key_of(run->stmt, o->columns[i].name);
        struct hr_expr *value = key >= 0 ? run->stmt->keys[key].value : NULL;
        if (!value) break;
        HR_TRY(hr_partition_folder(run, table, i, value, &spec, err));
    }
    if (!*spec) return HR_OK;
    *prefix = spec;
    how->how = HR_WH_REPLACE_BELOW;
    how->prefixes = prefix;
    how->prefix_count = 1;
    return HR_OK;
}

/* INSERT OVERWRITE … PARTITION (p = 1) IF NOT EXISTS */
static hr_status is_there(struct hr_run *run, const struct hr_durable_write *how,
                          const struct hr_table *table, bool *ret, struct hr_err *err)
{
    const char **specs = NULL;
    uint32_t count = 0;
    struct hr_wh *wh = NULL;
    *ret = false;
    if (!run->stmt->if_not_exists || how->how != HR_WH_REPLACE_BELOW) return HR_OK;
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    HR_TRY(hr_wh_partitions(wh, run->arena, hr_durable_object(table)->id, &specs, &count, err));
    size_t len = strlen(how->prefixes[0]) - 1; /* without the slash */
    for (uint32_t i = 0; i < count; i++)
        *ret = *ret || (strlen(specs[i]) == len && strncmp(specs[i], how->prefixes[0], len) == 0);
    return HR_OK;
}

static hr_status write_durable(struct hr_run *run, struct hr_table *table, struct hr_plan *plan,
                               struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const struct hr_wh_object *o = hr_durable_object(table);
    const struct hr_sink_vt *sink = hr_sink_find(table->provider);
    const struct hr_file_catalog *files = NULL;
    struct hr_durable_write how = {.how = HR_WH_APPEND};
    bool there = false;
    if (stmt->overwrite && reads(plan, o->id))
        return HR_RAISE(err, HR_E_UNSUPPORTED_OVERWRITE_TABLE, "table", full_name(run, table));
    if (stmt->overwrite) HR_TRY(overwritten(run, table, &how, err));
    HR_TRY(is_there(run, &how, table, &there, err));
    if (there) return HR_OK;
    if (!sink) {
        const char *what = hr_arena_printf(run->arena, "writing to %s", table->provider);
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", what ? what : table->provider);
    }
    HR_TRY(hr_durable_writer(run, table, &how, &files, err));
    return hr_run_into_sink(run, plan, sink, &table->options, table->schema, files, err);
}

static hr_status insert(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_plan *plan = stmt->plan;
    struct target t = {0};
    if (table->is_view)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "INSERT into a view");
    if (table->source_schema)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what",
                        "INSERT into a table whose records are changes");
    if (table->schema) {
        HR_TRY(map_columns(run, table, &t, err));
        HR_TRY(put_defaults(run, table, &t, plan, err));
    }
    HR_TRY(hr_run_analyze(run, &plan, err));
    if (!table->schema) {
        table->schema = hr_plan_schema(plan);
        if (!table->schema) return HR_OOM(err);
        HR_TRY(map_columns(run, table, &t, err));
    }
    HR_TRY(fit(run, table, &t, &plan, err));
    return table->durable ? write_durable(run, table, plan, err)
                          : hr_write_rows(run, table, plan, stmt->overwrite, err);
}

hr_status hr_run_insert(struct hr_run *run, struct hr_err *err)
{
    struct hr_table *table = NULL;
    struct hr_catalog *catalog = &run->session->catalog;
    HR_TRY(catalog->find(catalog, run->stmt->name_parts, run->stmt->name_part_count, &table, err));
    hr_status status = insert(run, table, err);
    hr_table_unref(table);
    return status;
}
