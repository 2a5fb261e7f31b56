/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW and DESCRIBE, with Spark's columns. */
#include <stdlib.h>

#include "base/secrets.h"
#include "expr/function.h"
#include "plan/nodes/relation.h"
#include "session/internal.h"

/* Spark's patterns: '*' any characters, '|' alternatives, no case. */
static bool match_one(const char *pattern, const char *end, const char *text)
{
    if (pattern == end) return *text == '\0';
    if (*pattern == '*') {
        for (; *text; text++)
            if (match_one(pattern + 1, end, text)) return true;
        return match_one(pattern + 1, end, text);
    }
    char a = *pattern, b = *text;
    if (a >= 'A' && a <= 'Z') a = (char)(a + 32);
    if (b >= 'A' && b <= 'Z') b = (char)(b + 32);
    return b && a == b && match_one(pattern + 1, end, text + 1);
}

bool hr_name_matches(const char *pattern, const char *text)
{
    while (pattern) {
        const char *bar = strchr(pattern, '|');
        if (match_one(pattern, bar ? bar : pattern + strlen(pattern), text)) return true;
        pattern = bar ? bar + 1 : NULL;
    }
    return false;
}

struct listing {
    HR_VEC(const char *) names;
};

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static hr_status push_name(struct hr_run *run, struct listing *to, const char *name,
                           struct hr_err *err)
{
    if (run->stmt->pattern && !hr_name_matches(run->stmt->pattern, name)) return HR_OK;
    return HR_VEC_PUSH(run->arena, &to->names, name) ? HR_OK : HR_OOM(err);
}

/* The names in a schema, sorted: the session's own and the warehouse's. */
static hr_status list_names(struct hr_run *run, const char *schema, bool views,
                            struct listing *ret, struct hr_err *err)
{
    struct hr_session *session = run->session;
    struct hr_wh *wh = NULL;
    struct hr_wh_name *kept = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < session->table_count; i++) {
        const struct hr_table *t = session->tables[i];
        if (!t->schema_name || !hr_str_eq_nocase(t->schema_name, schema)) continue;
        if (!views || t->is_view) HR_TRY(push_name(run, ret, t->name, err));
    }
    HR_TRY(hr_session_wh(session, false, &wh, err));
    if (wh) HR_TRY(hr_wh_names(wh, run->arena, schema, &kept, &count, err));
    for (uint32_t i = 0; i < count; i++)
        if (!views || kept[i].kind == HR_WH_VIEW) HR_TRY(push_name(run, ret, kept[i].name, err));
    if (ret->names.count) qsort(ret->names.items, ret->names.count, sizeof(char *), by_name);
    return HR_OK;
}

/* The schema that the statement names, or the current one. */
hr_status hr_stmt_schema(struct hr_run *run, const char **ret, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    *ret = run->session->schema ? run->session->schema : HR_WH_DEFAULT;
    if (stmt->name_part_count == 0) return HR_OK;
    if (!hr_str_eq_nocase(stmt->name_parts[0], HR_GLOBAL_TEMP) || stmt->name_part_count > 1)
        HR_TRY(hr_check_namespace(run, err));
    *ret = stmt->name_parts[stmt->name_part_count - 1];
    if (stmt->name_part_count == 1 && hr_str_eq_nocase(*ret, "spark_catalog")) *ret = HR_WH_DEFAULT;
    return HR_OK;
}

static hr_status show_tables(struct hr_run *run, bool views, struct hr_err *err)
{
    static const char *const table_names[] = {"namespace", "tableName", "isTemporary"};
    static const char *const view_names[] = {"namespace", "viewName", "isTemporary"};
    struct hr_rows *rows = NULL;
    struct listing kept = {.names = {0}};
    const char *schema = NULL;
    HR_TRY(hr_stmt_schema(run, &schema, err));
    bool global = hr_str_eq_nocase(schema, HR_GLOBAL_TEMP);
    HR_TRY(hr_rows_new(run, views ? view_names : table_names, 3, &rows, err));
    if (!global) HR_TRY(list_names(run, schema, views, &kept, err));
    for (uint32_t i = 0; i < kept.names.count; i++) {
        const char *row[] = {schema, kept.names.items[i], "false"};
        hr_rows_add(rows, row);
    }
    for (uint32_t i = 0; i < run->session->table_count; i++) {
        const struct hr_table *table = run->session->tables[i];
        if (!table->is_temporary || (table->schema_name && !global)) continue;
        if (views && !table->is_view && !table->user) continue;
        if (run->stmt->pattern && !hr_name_matches(run->stmt->pattern, table->name)) continue;
        const char *row[] = {table->schema_name ? HR_GLOBAL_TEMP : "", table->name, "true"};
        hr_rows_add(rows, row);
    }
    return hr_rows_finish(rows, err);
}

static hr_status show_functions(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"function"};
    struct hr_rows *rows = NULL;
    HR_TRY(hr_rows_new(run, names, 1, &rows, err));
    const struct hr_function *function;
    const char *own;
    for (uint32_t i = 0; (own = hr_session_function_name(run->session, i, run->arena)); i++) {
        const char *last = strrchr(own, '.') ? strrchr(own, '.') + 1 : own;
        if (run->stmt->pattern && !hr_name_matches(run->stmt->pattern, last)) continue;
        hr_rows_add(rows, &own);
    }
    if (run->stmt->user_functions) return hr_rows_finish(rows, err);
    for (uint32_t i = 0; (function = hr_function_at(i)) != NULL; i++) {
        if (strncmp(function->name, "__", 2) == 0) continue; /* our own */
        if (run->stmt->pattern && !hr_name_matches(run->stmt->pattern, function->name)) continue;
        const char *row[] = {function->name};
        hr_rows_add(rows, row);
    }
    return hr_rows_finish(rows, err);
}

/* The columns of a named table or view. */
static hr_status columns_of(struct hr_run *run, const struct hr_type **ret, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_plan *plan = stmt->plan;
    if (!plan) {
        plan = hr_plan_new(run->arena, HR_P_RELATION);
        if (!plan) return HR_OOM(err);
        HR_NODE(relation, plan)->name_parts = stmt->name_parts;
        HR_NODE(relation, plan)->name_part_count = stmt->name_part_count;
    }
    HR_TRY(hr_run_analyze(run, &plan, err));
    *ret = hr_plan_schema(plan);
    return *ret ? HR_OK : HR_OOM(err);
}

static hr_status show_columns(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"col_name"};
    const struct hr_type *schema = NULL;
    struct hr_rows *rows = NULL;
    HR_TRY(columns_of(run, &schema, err));
    HR_TRY(hr_rows_new(run, names, 1, &rows, err));
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const char *row[] = {schema->fields[i].name};
        hr_rows_add(rows, row);
    }
    return hr_rows_finish(rows, err);
}

static void put_create_table(const struct hr_table *table, struct hr_buf *out)
{
    hr_buf_printf(out, "CREATE TABLE spark_catalog.default.%s (\n", table->name);
    /* With the column that says what a row is, which is none of the rows'. */
    const struct hr_type *schema = table->change_column ? table->source_schema : table->schema;
    for (uint32_t i = 0; schema && i < schema->field_count; i++) {
        const struct hr_field *field = &schema->fields[i];
        hr_buf_printf(out, "%s  %s ", i ? ",\n" : "", field->name);
        hr_type_print_sql(field->type, out);
        if (!field->nullable) hr_buf_puts(out, " NOT NULL");
    }
    hr_buf_puts(out, ")\n");
    const char *quote = table->provider && strchr(table->provider, '-') ? "`" : "";
    if (table->provider) hr_buf_printf(out, "USING %s%s%s\n", quote, table->provider, quote);
    if (table->options.count == 0) return;
    hr_buf_puts(out, "OPTIONS (");
    for (uint32_t i = 0; i < table->options.count; i++) {
        const struct hr_option *o = &table->options.items[i];
        bool secret = hr_option_is_secret(o->key);
        const char *value = secret ? "*********(redacted)" : o->value;
        hr_buf_printf(out, "%s\n  '%s' = '%s'", i ? "," : "", o->key, value);
        size_t size = strlen(value) + 1; /* a password may be in an address */
        if (!secret && !out->failed) hr_hide_secret_value("", out->ptr + out->len - size, size - 1);
    }
    hr_buf_puts(out, ")\n");
}

static hr_status show_create(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"createtab_stmt"};
    struct hr_catalog *catalog = &run->session->catalog;
    struct hr_table *table = NULL;
    struct hr_rows *rows = NULL;
    HR_TRY(catalog->find(catalog, run->stmt->name_parts, run->stmt->name_part_count, &table, err));
    struct hr_buf text = {0};
    if (table->durable)
        hr_put_create_durable(table, &text);
    else if (table->is_view)
        hr_buf_printf(&text, "CREATE %sVIEW %s AS %s", table->is_temporary ? "TEMPORARY " : "",
                      table->name, table->view_text);
    else
        put_create_table(table, &text);
    hr_status status = hr_rows_new(run, names, 1, &rows, err);
    const char *row[] = {hr_buf_cstr(&text)};
    if (status == HR_OK) {
        hr_rows_add(rows, row);
        status = hr_rows_finish(rows, err);
    }
    hr_buf_done(&text);
    hr_table_unref(table);
    return status;
}

hr_status hr_run_show(struct hr_run *run, struct hr_err *err)
{
    enum hr_show show = run->stmt->show;
    if (show == HR_SHOW_FUNCTIONS) HR_TRY(hr_check_namespace(run, err));
    switch (show) {
    case HR_SHOW_TABLES: return show_tables(run, false, err);
    case HR_SHOW_VIEWS: return show_tables(run, true, err);
    case HR_SHOW_FUNCTIONS: return show_functions(run, err);
    case HR_SHOW_COLUMNS: return show_columns(run, err);
    case HR_SHOW_CREATE_TABLE: return show_create(run, err);
    case HR_SHOW_MODELS: return hr_run_show_models(run, err);
    case HR_SHOW_ALERTS: return hr_run_show_alerts(run, err);
    case HR_SHOW_DASHBOARDS: return hr_run_show_dashboards(run, err);
    case HR_SHOW_SCHEMAS:
    case HR_SHOW_CATALOGS:
    case HR_SHOW_CURRENT: return hr_run_show_schemas(run, err);
    case HR_SHOW_PARTITIONS: return hr_run_show_partitions(run, err);
    case HR_SHOW_PROPERTIES: return hr_run_show_properties(run, err);
    case HR_SHOW_EXTENDED: return hr_run_show_extended(run, err);
    }
    return HR_BUG(err, "SHOW %d", (int)show);
}

hr_status hr_run_describe(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"col_name", "data_type", "comment"};
    const struct hr_type *schema = NULL;
    struct hr_rows *rows = NULL;
    struct hr_table *table = NULL;
    const struct hr_stmt *stmt = run->stmt;
    const struct hr_wh_object *o = NULL;
    HR_TRY(columns_of(run, &schema, err));
    if (!stmt->plan)
        HR_TRY(hr_catalog_lookup(run->session, stmt->name_parts, stmt->name_part_count, &table,
                                 err));
    if (table) o = hr_durable_object(table);
    hr_status status = HR_OK;
    if (stmt->column) {
        status = hr_describe_column(run, table, err);
        hr_table_unref(table);
        return status;
    }
    status = hr_rows_new(run, names, 3, &rows, err);
    for (uint32_t i = 0; i < schema->field_count && status == HR_OK; i++) {
        const struct hr_field *field = &schema->fields[i];
        bool declared = o && i < o->column_count && hr_is_char_type(o->columns[i].type);
        const char *row[] = {field->name,
                             declared ? o->columns[i].type
                                      : hr_type_simple(run->arena, field->type),
                             o && i < o->column_count ? o->columns[i].comment : NULL};
        hr_rows_add(rows, row);
    }
    if (status == HR_OK && o) hr_describe_rest(run, table, rows);
    if (status == HR_OK) status = hr_rows_finish(rows, err);
    hr_table_unref(table);
    return status;
}
