/* SPDX-License-Identifier: Apache-2.0 */
/* What DESCRIBE and SHOW tell of tables of the warehouse, in Spark's words. */
#include <stdlib.h>

#include "base/datetime.h"
#include "session/internal.h"

static void row3(struct hr_rows *rows, const char *a, const char *b, const char *c)
{
    const char *row[] = {a, b, c};
    hr_rows_add(rows, row);
}

/* "Tue Dec 01 14:48:27 UTC 2026" */
static const char *time_text(struct hr_run *run, int64_t us)
{
    char text[64];
    time_t seconds = (time_t)(us / 1000000);
    struct tm tm;
    if (!gmtime_r(&seconds, &tm) || !strftime(text, sizeof text, "%a %b %d %H:%M:%S UTC %Y", &tm))
        return "";
    const char *copy = hr_arena_strdup(run->arena, text);
    return copy ? copy : "";
}

static int by_key(const void *a, const void *b)
{
    return strcmp(((const struct hr_option *)a)->key, ((const struct hr_option *)b)->key);
}

/* "[a=b,c=d]", or "'a' = 'b'" lines of SHOW CREATE TABLE. */
static const char *pairs(struct hr_run *run, const struct hr_options *options)
{
    struct hr_buf text = {0};
    struct hr_option *sorted =
        hr_arena_memdup(run->arena, options->items, sizeof *sorted * options->count);
    if (!sorted) return "[]";
    qsort(sorted, options->count, sizeof *sorted, by_key);
    hr_buf_putc(&text, '[');
    for (uint32_t i = 0; i < options->count; i++)
        hr_buf_printf(&text, "%s%s=%s", i ? "," : "", sorted[i].key,
                      hr_setting_shown(sorted[i].key, sorted[i].value));
    hr_buf_putc(&text, ']');
    const char *copy = hr_arena_strdup(run->arena, hr_buf_cstr(&text));
    hr_buf_done(&text);
    return copy ? copy : "";
}

/* The lines of "# Detailed Table Information", to a function. */
typedef void (*line_fn)(void *to, const char *name, const char *value);

static void details(struct hr_run *run, const struct hr_wh_object *o, line_fn fn, void *to)
{
    const char *text = NULL;
    fn(to, "Catalog", "spark_catalog");
    fn(to, "Database", o->schema);
    fn(to, "Table", o->name);
    fn(to, "Created Time", time_text(run, o->created_us));
    fn(to, "Last Access", "UNKNOWN");
    fn(to, "Created By", "Spark 4.3.0");
    static const char *const kinds[] = {"MANAGED", "EXTERNAL", "VIEW"};
    fn(to, "Type", kinds[o->kind]);
    if (o->provider) fn(to, "Provider", o->provider);
    if (o->comment) fn(to, "Comment", o->comment);
    if (o->kind == HR_WH_VIEW) {
        fn(to, "View Text", o->text);
        text = hr_arena_printf(run->arena, "spark_catalog.%s", o->context ? o->context : o->schema);
        fn(to, "View Catalog and Namespace", text ? text : "");
    }
    if (o->properties.count) fn(to, "Table Properties", pairs(run, &o->properties));
    if (o->bytes >= 0) {
        text = o->rows >= 0 ? hr_arena_printf(run->arena, "%lld bytes, %lld rows",
                                              (long long)o->bytes, (long long)o->rows)
                            : hr_arena_printf(run->arena, "%lld bytes", (long long)o->bytes);
        fn(to, "Statistics", text ? text : "");
    }
    if (o->location) {
        text = hr_arena_printf(run->arena, "file:%s", o->location);
        fn(to, "Location", text ? text : "");
    }
    if (o->options.count) fn(to, "Storage Properties", pairs(run, &o->options));
    if (o->partition_count) fn(to, "Partition Provider", "Catalog");
}

static void detail_row(void *to, const char *name, const char *value)
{
    row3(to, name, value, "");
}

void hr_describe_rest(struct hr_run *run, const struct hr_table *table, struct hr_rows *rows)
{
    const struct hr_wh_object *o = hr_durable_object(table);
    bool has_default = false;
    if (o->partition_count) {
        row3(rows, "# Partition Information", "", "");
        row3(rows, "# col_name", "data_type", "comment");
        for (uint32_t i = o->column_count - o->partition_count; i < o->column_count; i++)
            row3(rows, o->columns[i].name,
                 hr_type_simple(run->arena, table->schema->fields[i].type), o->columns[i].comment);
    }
    if (run->stmt->extended) {
        row3(rows, "", "", "");
        row3(rows, "# Detailed Table Information", "", "");
        details(run, o, detail_row, rows);
    }
    for (uint32_t i = 0; i < o->column_count; i++) has_default = has_default || o->columns[i].def;
    if (!has_default || o->kind == HR_WH_VIEW) return;
    row3(rows, "", "", "");
    row3(rows, "# Column Default Values", "", "");
    for (uint32_t i = 0; i < o->column_count; i++)
        if (o->columns[i].def)
            row3(rows, o->columns[i].name,
                 hr_type_simple(run->arena, table->schema->fields[i].type), o->columns[i].def);
}

hr_status hr_describe_column(struct hr_run *run, const struct hr_table *table, struct hr_err *err)
{
    static const char *const names[] = {"info_name", "info_value"};
    static const char *const none[] = {"min",         "max",         "num_nulls", "distinct_count",
                                       "avg_col_len", "max_col_len", "histogram"};
    struct hr_rows *rows = NULL;
    const struct hr_type *schema = table->schema;
    const struct hr_wh_object *o = hr_durable_object(table);
    int32_t at = schema ? hr_type_field_index(schema, hr_sv(run->stmt->column)) : -1;
    if (at < 0) {
        const char *name = hr_arena_printf(run->arena, "`%s`", run->stmt->column);
        return HR_RAISE(err, HR_E_COLUMN_NOT_FOUND, "colName", name ? name : "");
    }
    const struct hr_wh_column *c = o ? &o->columns[at] : NULL;
    HR_TRY(hr_rows_new(run, names, 2, &rows, err));
    const char *head[][2] = {
        {"col_name", schema->fields[at].name},
        {"data_type", c && hr_is_char_type(c->type)
                          ? c->type
                          : hr_type_simple(run->arena, schema->fields[at].type)},
        {"comment", c && c->comment ? c->comment : "NULL"}};
    for (size_t i = 0; i < HR_COUNT(head); i++) hr_rows_add(rows, head[i]);
    for (size_t i = 0; run->stmt->extended && i < HR_COUNT(none); i++) {
        const char *row[] = {none[i], "NULL"};
        hr_rows_add(rows, row);
    }
    if (run->stmt->extended && c && c->def) {
        const char *row[] = {"default", c->def};
        hr_rows_add(rows, row);
    }
    return hr_rows_finish(rows, err);
}

static void put_pairs(struct hr_buf *out, const char *head, const struct hr_options *options)
{
    if (!options->count) return;
    hr_buf_printf(out, "%s (", head);
    for (uint32_t i = 0; i < options->count; i++)
        hr_buf_printf(out, "%s\n  '%s' = '%s'", i ? "," : "", options->items[i].key,
                      hr_setting_shown(options->items[i].key, options->items[i].value));
    hr_buf_puts(out, ")\n");
}

static void put_string(struct hr_buf *out, const char *text)
{
    hr_buf_putc(out, '\'');
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') hr_buf_putc(out, '\\');
        hr_buf_putc(out, *text);
    }
    hr_buf_putc(out, '\'');
}

static void put_view(const struct hr_wh_object *o, struct hr_buf *out)
{
    hr_buf_printf(out, "CREATE VIEW %s.%s (", o->schema, o->name);
    for (uint32_t i = 0; i < o->column_count; i++) {
        hr_buf_printf(out, "%s\n  %s", i ? "," : "", o->columns[i].name);
        if (!o->columns[i].comment) continue;
        hr_buf_puts(out, " COMMENT ");
        put_string(out, o->columns[i].comment);
    }
    hr_buf_puts(out, ")\n");
    if (o->comment) {
        hr_buf_puts(out, "COMMENT ");
        put_string(out, o->comment);
        hr_buf_putc(out, '\n');
    }
    put_pairs(out, "TBLPROPERTIES", &o->properties);
    hr_buf_printf(out, "AS %s\n", o->text);
}

void hr_put_create_durable(const struct hr_table *table, struct hr_buf *out)
{
    const struct hr_wh_object *o = hr_durable_object(table);
    if (o->kind == HR_WH_VIEW) {
        put_view(o, out);
        return;
    }
    hr_buf_printf(out, "CREATE TABLE spark_catalog.%s.%s (", o->schema, o->name);
    for (uint32_t i = 0; i < o->column_count; i++) {
        const struct hr_wh_column *c = &o->columns[i];
        hr_buf_printf(out, "%s\n  %s ", i ? "," : "", c->name);
        if (hr_is_char_type(c->type))
            for (const char *p = c->type; *p; p++)
                hr_buf_putc(out, *p >= 'a' && *p <= 'z' ? (char)(*p - 32) : *p);
        else
            hr_type_print_sql(table->schema->fields[i].type, out);
        if (!c->nullable) hr_buf_puts(out, " NOT NULL");
        if (c->def) hr_buf_printf(out, " DEFAULT %s", c->def);
        if (!c->comment) continue;
        hr_buf_puts(out, " COMMENT ");
        put_string(out, c->comment);
    }
    hr_buf_printf(out, ")\nUSING %s\n", o->provider);
    put_pairs(out, "OPTIONS", &o->options);
    uint32_t first = o->column_count - o->partition_count;
    for (uint32_t i = first; i < o->column_count; i++)
        hr_buf_printf(out, "%s%s%s", i == first ? "PARTITIONED BY (" : ", ", o->columns[i].name,
                      i + 1 == o->column_count ? ")\n" : "");
    if (o->comment && *o->comment) {
        hr_buf_puts(out, "COMMENT ");
        put_string(out, o->comment);
        hr_buf_putc(out, '\n');
    }
    if (o->kind == HR_WH_EXTERNAL) hr_buf_printf(out, "LOCATION 'file:%s'\n", o->location);
    put_pairs(out, "TBLPROPERTIES", &o->properties);
}

/* SHOW ----------------------------------------------------------------------------------------- */

static hr_status find(struct hr_run *run, struct hr_table **ret, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    HR_TRY(hr_catalog_lookup(run->session, stmt->name_parts, stmt->name_part_count, ret, err));
    return *ret ? HR_OK : hr_no_such_table(run, err);
}

static hr_status partitions(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    static const char *const columns[] = {"partition"};
    const struct hr_wh_object *o = hr_durable_object(table);
    struct hr_rows *rows = NULL;
    struct hr_wh *wh = NULL;
    const char **specs = NULL;
    uint32_t count = 0;
    if (!o || !o->partition_count)
        return HR_RAISE(err, HR_E_PARTITION_SCHEMA_IS_EMPTY, "name",
                        hr_full_name(run->arena, o ? o->schema : HR_WH_DEFAULT, table->name));
    const char *wanted[16] = {0};
    for (uint32_t k = 0; k < run->stmt->key_count && k < HR_COUNT(wanted); k++) {
        const struct hr_stmt_key *key = &run->stmt->keys[k];
        int32_t at = hr_type_field_index(table->schema, hr_sv(key->name));
        if (at < 0 || (uint32_t)at < o->column_count - o->partition_count || !key->value) {
            const char *name = hr_arena_printf(run->arena, "`%s`", key->name);
            return HR_RAISE(err, HR_E_PARTITIONS_NOT_FOUND, "partitionList", name ? name : "",
                            "tableName", hr_full_name(run->arena, o->schema, o->name));
        }
        wanted[k] = "";
        HR_TRY(hr_partition_folder(run, table, (uint32_t)at, key->value, &wanted[k], err));
    }
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    HR_TRY(hr_wh_partitions(wh, run->arena, o->id, &specs, &count, err));
    HR_TRY(hr_rows_new(run, columns, 1, &rows, err));
    for (uint32_t i = 0; i < count; i++) {
        const char *folder = hr_arena_printf(run->arena, "/%s/", specs[i]);
        bool fits = folder != NULL;
        for (uint32_t k = 0; k < HR_COUNT(wanted) && wanted[k] && fits; k++) {
            const char *part = hr_arena_printf(run->arena, "/%s", wanted[k]);
            fits = part && strstr(folder, part) != NULL;
        }
        if (fits) hr_rows_add(rows, &specs[i]);
    }
    return hr_rows_finish(rows, err);
}

hr_status hr_run_show_partitions(struct hr_run *run, struct hr_err *err)
{
    struct hr_table *table = NULL;
    HR_TRY(find(run, &table, err));
    hr_status status = partitions(run, table, err);
    hr_table_unref(table);
    return status;
}

static hr_status properties(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    static const char *const columns[] = {"key", "value"};
    const struct hr_wh_object *o = hr_durable_object(table);
    struct hr_rows *rows = NULL;
    const char *key = run->stmt->value;
    HR_TRY(hr_rows_new(run, columns, 2, &rows, err));
    if (key) {
        const char *value = o ? hr_options_get(&o->properties, key) : NULL;
        if (!value)
            value = hr_arena_printf(run->arena,
                                    "Table spark_catalog.%s.%s does not have property: %s",
                                    o ? o->schema : HR_WH_DEFAULT, table->name, key);
        const char *row[] = {key, value ? hr_setting_shown(key, value) : ""};
        hr_rows_add(rows, row);
        return hr_rows_finish(rows, err);
    }
    uint32_t count = o ? o->properties.count : 0;
    struct hr_option *sorted =
        o ? hr_arena_memdup(run->arena, o->properties.items, sizeof *sorted * count) : NULL;
    if (sorted && count) qsort(sorted, count, sizeof *sorted, by_key);
    for (uint32_t i = 0; sorted && i < count; i++) {
        const char *row[] = {sorted[i].key, hr_setting_shown(sorted[i].key, sorted[i].value)};
        hr_rows_add(rows, row);
    }
    return hr_rows_finish(rows, err);
}

hr_status hr_run_show_properties(struct hr_run *run, struct hr_err *err)
{
    struct hr_table *table = NULL;
    HR_TRY(find(run, &table, err));
    hr_status status = properties(run, table, err);
    hr_table_unref(table);
    return status;
}

static void detail_line(void *to, const char *name, const char *value)
{
    hr_buf_printf(to, "%s: %s\n", name, value);
}

static hr_status extended_row(struct hr_run *run, struct hr_rows *rows, const char *schema,
                              const char *name, struct hr_err *err)
{
    struct hr_table *table = NULL;
    struct hr_buf text = {0};
    HR_TRY(hr_durable_find(run->session, schema, name, &table, err));
    if (!table) return HR_OK;
    const struct hr_wh_object *o = hr_durable_object(table);
    details(run, o, detail_line, &text);
    if (o->partition_count) {
        hr_buf_puts(&text, "Partition Columns: [");
        for (uint32_t i = o->column_count - o->partition_count; i < o->column_count; i++)
            hr_buf_printf(&text, "%s`%s`", i > o->column_count - o->partition_count ? ", " : "",
                          o->columns[i].name);
        hr_buf_puts(&text, "]\n");
    }
    hr_buf_puts(&text, "Schema: root\n");
    for (uint32_t i = 0; i < o->column_count; i++) {
        const char *type = strcasecmp(o->columns[i].type, "INT") == 0 ? "integer"
                           : strcasecmp(o->columns[i].type, "BIGINT") == 0 ? "long"
                                                                          : o->columns[i].type;
        hr_buf_printf(&text, " |-- %s: ", o->columns[i].name);
        for (; *type; type++)
            hr_buf_putc(&text, *type >= 'A' && *type <= 'Z' ? (char)(*type + 32) : *type);
        hr_buf_puts(&text, " (nullable = true)\n");
    }
    hr_buf_putc(&text, '\n');
    const char *row[] = {schema, o->name, "false", hr_buf_cstr(&text)};
    hr_rows_add(rows, row);
    hr_buf_done(&text);
    hr_table_unref(table);
    return HR_OK;
}

hr_status hr_run_show_extended(struct hr_run *run, struct hr_err *err)
{
    static const char *const columns[] = {"namespace", "tableName", "isTemporary", "information"};
    struct hr_wh *wh = NULL;
    struct hr_wh_name *names = NULL;
    struct hr_rows *rows = NULL;
    const char *schema = NULL;
    uint32_t count = 0;
    HR_TRY(hr_stmt_schema(run, &schema, err));
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    if (wh) HR_TRY(hr_wh_names(wh, run->arena, schema, &names, &count, err));
    HR_TRY(hr_rows_new(run, columns, 4, &rows, err));
    for (uint32_t i = 0; i < count; i++)
        if (hr_name_matches(run->stmt->pattern, names[i].name))
            HR_TRY(extended_row(run, rows, schema, names[i].name, err));
    return hr_rows_finish(rows, err);
}
