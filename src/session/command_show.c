/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW and DESCRIBE, with Spark's columns. */
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

static hr_status show_tables(struct hr_run *run, bool views, struct hr_err *err)
{
    static const char *const table_names[] = {"namespace", "tableName", "isTemporary"};
    static const char *const view_names[] = {"namespace", "viewName", "isTemporary"};
    struct hr_rows *rows = NULL;
    HR_TRY(hr_rows_new(run, views ? view_names : table_names, 3, &rows, err));
    for (int temporary = 0; temporary <= 1; temporary++) {
        for (uint32_t i = 0; i < run->session->table_count; i++) {
            const struct hr_table *table = run->session->tables[i];
            if (table->is_temporary != (temporary == 1) || (views && !table->is_view)) continue;
            if (run->stmt->pattern && !hr_name_matches(run->stmt->pattern, table->name)) continue;
            const char *row[] = {table->is_temporary ? "" : "default", table->name,
                                 table->is_temporary ? "true" : "false"};
            hr_rows_add(rows, row);
        }
    }
    return hr_rows_finish(rows, err);
}

static hr_status show_functions(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"function"};
    struct hr_rows *rows = NULL;
    HR_TRY(hr_rows_new(run, names, 1, &rows, err));
    const struct hr_function *function;
    if (run->stmt->user_functions) return hr_rows_finish(rows, err); /* there are none */
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
    if (table->is_view)
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
    if (show == HR_SHOW_TABLES || show == HR_SHOW_VIEWS || show == HR_SHOW_FUNCTIONS)
        HR_TRY(hr_check_namespace(run, err));
    switch (show) {
    case HR_SHOW_TABLES: return show_tables(run, false, err);
    case HR_SHOW_VIEWS: return show_tables(run, true, err);
    case HR_SHOW_FUNCTIONS: return show_functions(run, err);
    case HR_SHOW_COLUMNS: return show_columns(run, err);
    case HR_SHOW_CREATE_TABLE: return show_create(run, err);
    case HR_SHOW_MODELS: return hr_run_show_models(run, err);
    case HR_SHOW_ALERTS: return hr_run_show_alerts(run, err);
    case HR_SHOW_DASHBOARDS: return hr_run_show_dashboards(run, err);
    }
    return HR_BUG(err, "SHOW %d", (int)show);
}

hr_status hr_run_describe(struct hr_run *run, struct hr_err *err)
{
    static const char *const names[] = {"col_name", "data_type", "comment"};
    const struct hr_type *schema = NULL;
    struct hr_rows *rows = NULL;
    HR_TRY(columns_of(run, &schema, err));
    HR_TRY(hr_rows_new(run, names, 3, &rows, err));
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct hr_field *field = &schema->fields[i];
        const char *row[] = {field->name, hr_type_simple(run->arena, field->type), NULL};
        hr_rows_add(rows, row);
    }
    return hr_rows_finish(rows, err);
}
