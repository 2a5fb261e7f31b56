/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE, DROP, ALTER, DESCRIBE SCHEMA; SHOW SCHEMAS and what else is about schemas. */
#include "connector/file/file.h"
#include "session/internal.h"

static const char *schema_name(struct hr_run *run, const char *name)
{
    const char *text = hr_arena_printf(run->arena, "`spark_catalog`.`%s`", name);
    return text ? text : name;
}

static hr_status not_found(struct hr_run *run, const char *name, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_SCHEMA_NOT_FOUND, "schemaName", schema_name(run, name));
}

static hr_status not_empty(struct hr_run *run, const char *name, struct hr_err *err)
{
    const char *text = hr_arena_printf(run->arena, "`%s`", name);
    return HR_RAISE(err, HR_E_SCHEMA_NOT_EMPTY, "schemaName", text ? text : name);
}

static const char *last(const struct hr_stmt *stmt)
{
    return stmt->name_parts[stmt->name_part_count - 1];
}

static hr_status create(struct hr_run *run, const char *name, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_wh *wh = NULL;
    struct hr_wh_schema schema = {.comment = stmt->comment};
    char *lower = hr_arena_strdup(run->arena, name);
    if (!lower) return HR_OOM(err);
    for (char *p = lower; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    if (strcmp(lower, HR_GLOBAL_TEMP) == 0)
        return HR_FAIL(err, HR_E_SCHEMA_ALREADY_EXISTS,
                       "global_temp is a system preserved database");
    schema.name = lower;
    if (stmt->location) {
        const char *path = NULL;
        HR_TRY(hr_file_path(run->arena, stmt->location, &path, err));
        schema.location = hr_arena_printf(run->arena, "file:%s", path);
        if (!schema.location) return HR_OOM(err);
    }
    hr_options_init(&schema.properties, run->arena);
    for (uint32_t i = 0; stmt->properties && i < stmt->properties->count; i++)
        HR_TRY(hr_options_put(&schema.properties, stmt->properties->items[i].key,
                              stmt->properties->items[i].value, err));
    HR_TRY(hr_session_wh(run->session, true, &wh, err));
    hr_status status = hr_wh_schema_create(wh, &schema, err);
    if (status != HR_E_EXISTS) return status;
    if (stmt->if_not_exists) {
        if (err) hr_err_init(err);
        return HR_OK;
    }
    const char *short_name = hr_arena_printf(run->arena, "`%s`", name);
    return HR_RAISE(err, HR_E_SCHEMA_ALREADY_EXISTS, "schemaName", short_name ? short_name : name);
}

static hr_status drop(struct hr_run *run, const char *name, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_wh *wh = NULL;
    struct hr_wh_schema *found = NULL;
    bool dropped = false;
    if (hr_str_eq_nocase(name, HR_WH_DEFAULT))
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "Can not drop default database");
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    if (wh) HR_TRY(hr_wh_schema_find(wh, run->arena, name, &found, err));
    if (!found) return stmt->if_exists ? HR_OK : not_found(run, name, err);
    struct hr_session *session = run->session;
    for (uint32_t i = session->table_count; i-- > 0;) {
        struct hr_table *table = session->tables[i];
        if (!table->schema_name || !hr_str_eq_nocase(table->schema_name, name)) continue;
        if (!stmt->cascade)
            return not_empty(run, name, err);
        hr_catalog_remove(session, table);
    }
    HR_TRY(hr_wh_schema_drop(wh, name, stmt->cascade, &dropped, err));
    if (dropped) return HR_OK;
    return not_empty(run, name, err);
}

static hr_status alter(struct hr_run *run, const char *name, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_wh *wh = NULL;
    struct hr_wh_schema *schema = NULL;
    HR_TRY(hr_session_wh(run->session, hr_str_eq_nocase(name, HR_WH_DEFAULT), &wh, err));
    if (wh) HR_TRY(hr_wh_schema_find(wh, run->arena, name, &schema, err));
    if (!schema) return not_found(run, name, err);
    if (stmt->alter == HR_ALTER_COMMENT) schema->comment = stmt->comment ? stmt->comment : "";
    if (stmt->location) {
        const char *path = NULL;
        HR_TRY(hr_file_path(run->arena, stmt->location, &path, err));
        schema->location = hr_arena_printf(run->arena, "file:%s", path);
        if (!schema->location) return HR_OOM(err);
    }
    for (uint32_t i = 0; stmt->properties && i < stmt->properties->count; i++) {
        const struct hr_option *o = &stmt->properties->items[i];
        if (stmt->unset)
            hr_options_remove(&schema->properties, o->key);
        else
            HR_TRY(hr_options_put(&schema->properties, o->key, o->value, err));
    }
    return hr_wh_schema_alter(wh, schema, err);
}

static hr_status describe(struct hr_run *run, const char *name, struct hr_err *err)
{
    static const char *const names[] = {"info_name", "info_value"};
    struct hr_wh *wh = NULL;
    struct hr_wh_schema *schema = NULL, own = {HR_WH_DEFAULT, "", "default database", {0}};
    struct hr_rows *rows = NULL;
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    if (wh) HR_TRY(hr_wh_schema_find(wh, run->arena, name, &schema, err));
    if (!schema && hr_str_eq_nocase(name, HR_WH_DEFAULT)) schema = &own;
    if (!schema) return not_found(run, name, err);
    HR_TRY(hr_rows_new(run, names, 2, &rows, err));
    const char *lines[][2] = {{"Catalog Name", "spark_catalog"},
                              {"Namespace Name", schema->name},
                              {"Comment", schema->comment ? schema->comment : ""},
                              {"Location", schema->location}};
    for (size_t i = 0; i < HR_COUNT(lines); i++) hr_rows_add(rows, lines[i]);
    if (run->stmt->extended) {
        struct hr_buf text = {0};
        const struct hr_options *p = &schema->properties;
        for (uint32_t i = 0; i < p->count; i++)
            hr_buf_printf(&text, "%s(%s,%s)", i ? ", " : "", p->items[i].key, p->items[i].value);
        const char *all = p->count ? hr_arena_printf(run->arena, "(%s)", hr_buf_cstr(&text)) : "";
        hr_buf_done(&text);
        if (!all) return HR_OOM(err);
        const char *row[] = {"Properties", all};
        hr_rows_add(rows, row);
    }
    return hr_rows_finish(rows, err);
}

hr_status hr_run_schema(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    if (stmt->name_part_count > 2 ||
        (stmt->name_part_count == 2 && !hr_str_eq_nocase(stmt->name_parts[0], "spark_catalog")))
        return hr_check_namespace(run, err);
    if (run->session->check_only && stmt->schema_op != HR_SCHEMA_DESCRIBE) return HR_OK;
    switch (stmt->schema_op) {
    case HR_SCHEMA_CREATE: return create(run, last(stmt), err);
    case HR_SCHEMA_DROP: return drop(run, last(stmt), err);
    case HR_SCHEMA_ALTER: return alter(run, last(stmt), err);
    case HR_SCHEMA_DESCRIBE: return describe(run, last(stmt), err);
    }
    return HR_BUG(err, "SCHEMA %d", (int)stmt->schema_op);
}

/* SHOW SCHEMAS, CATALOGS, CURRENT NAMESPACE ---------------------------------------------------- */

static hr_status show_schemas(struct hr_run *run, struct hr_err *err)
{
    static const char *const columns[] = {"namespace"};
    struct hr_wh *wh = NULL;
    struct hr_rows *rows = NULL;
    const char *own[] = {HR_WH_DEFAULT}, **names = own;
    uint32_t count = 1;
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    if (wh) HR_TRY(hr_wh_schema_names(wh, run->arena, &names, &count, err));
    HR_TRY(hr_rows_new(run, columns, 1, &rows, err));
    for (uint32_t i = 0; i < count; i++)
        if (!run->stmt->pattern || hr_name_matches(run->stmt->pattern, names[i]))
            hr_rows_add(rows, &names[i]);
    return hr_rows_finish(rows, err);
}

static hr_status show_catalogs(struct hr_run *run, struct hr_err *err)
{
    static const char *const columns[] = {"catalog"};
    struct hr_rows *rows = NULL;
    const char *row[] = {"spark_catalog"};
    HR_TRY(hr_rows_new(run, columns, 1, &rows, err));
    if (!run->stmt->pattern || hr_name_matches(run->stmt->pattern, row[0])) hr_rows_add(rows, row);
    return hr_rows_finish(rows, err);
}

static hr_status show_current(struct hr_run *run, struct hr_err *err)
{
    static const char *const columns[] = {"catalog", "namespace"};
    struct hr_rows *rows = NULL;
    const char *row[] = {"spark_catalog",
                         run->session->schema ? run->session->schema : HR_WH_DEFAULT};
    HR_TRY(hr_rows_new(run, columns, 2, &rows, err));
    hr_rows_add(rows, row);
    return hr_rows_finish(rows, err);
}

hr_status hr_run_show_schemas(struct hr_run *run, struct hr_err *err)
{
    switch (run->stmt->show) {
    case HR_SHOW_CATALOGS: return show_catalogs(run, err);
    case HR_SHOW_CURRENT: return show_current(run, err);
    default: return show_schemas(run, err);
    }
}
