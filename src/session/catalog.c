/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The catalog of a session: what the session declares itself (tables over outside data, temporary
 * views, which go first), then the warehouse. Names compare without case. The list holds a
 * reference on each table.
 */
#include "plan/nodes/subquery_alias.h"
#include "session/internal.h"
#include "sql/parser.h"

hr_status hr_table_new(const char *name, struct hr_table **ret, struct hr_err *err)
{
    struct hr_table *table = hr_zalloc(sizeof *table);
    if (!table) return HR_OOM(err);
    atomic_init(&table->refs, 1);
    hr_arena_init(&table->arena, NULL);
    hr_options_init(&table->options, &table->arena);
    table->name = hr_arena_strdup(&table->arena, name);
    table->schema_name = HR_WH_DEFAULT;
    if (!table->name) {
        hr_table_unref(table);
        return HR_OOM(err);
    }
    *ret = table;
    return HR_OK;
}

const char *hr_full_name(struct hr_arena *arena, const char *schema, const char *name)
{
    const char *text = hr_arena_printf(arena, "`spark_catalog`.`%s`.`%s`", schema, name);
    return text ? text : name;
}

struct hr_object_name hr_object_name(const struct hr_session *session, const char *const *parts,
                                     uint32_t count)
{
    assert(count > 0);
    const char *here = session->catalog.view_schema;
    if (!here) here = session->schema;
    struct hr_object_name name = {.schema = here ? here : HR_WH_DEFAULT, .name = parts[count - 1],
                                  .is_bare = count == 1};
    if (count >= 2) name.schema = parts[count - 2];
    name.is_global = count == 2 && hr_str_eq_nocase(parts[0], HR_GLOBAL_TEMP);
    name.is_elsewhere = count > 3 || (count == 3 && !hr_str_eq_nocase(parts[0], "spark_catalog"));
    return name;
}

struct hr_table *hr_catalog_own(struct hr_session *session, const char *schema, const char *name,
                                bool is_temporary)
{
    for (uint32_t i = 0; i < session->table_count; i++) {
        struct hr_table *table = session->tables[i];
        if (table->is_temporary != is_temporary || !hr_str_eq_nocase(table->name, name)) continue;
        if (schema ? table->schema_name && hr_str_eq_nocase(table->schema_name, schema)
                   : !table->schema_name)
            return table;
    }
    return NULL;
}

hr_status hr_catalog_lookup(struct hr_session *session, const char *const *parts, uint32_t count,
                            struct hr_table **ret, struct hr_err *err)
{
    struct hr_object_name name = hr_object_name(session, parts, count);
    struct hr_table *own = NULL;
    *ret = NULL;
    if (name.is_elsewhere) return HR_OK;
    if (name.is_bare && !session->catalog.view_schema)
        own = hr_catalog_own(session, NULL, name.name, true);
    if (!own && name.is_global) own = hr_catalog_own(session, HR_GLOBAL_TEMP, name.name, true);
    if (own) {
        session->saw_temporary = true;
    } else {
        own = hr_catalog_own(session, name.schema, name.name, false);
        session->saw_session |= own != NULL;
    }
    if (own) {
        *ret = hr_table_ref(own);
        return HR_OK;
    }
    HR_TRY(hr_durable_find(session, name.schema, name.name, ret, err));
    session->saw_durable |= *ret != NULL;
    return HR_OK;
}

static hr_status insert(struct hr_session *session, struct hr_table *table, struct hr_err *err)
{
    if (session->table_count == session->table_capacity) {
        uint32_t capacity = session->table_capacity ? session->table_capacity * 2 : 16;
        void *grown = hr_realloc(session->tables, capacity * sizeof *session->tables);
        if (!grown) return HR_OOM(err);
        session->tables = grown;
        session->table_capacity = capacity;
    }
    uint32_t at = session->table_count;
    while (at > 0 && strcmp(session->tables[at - 1]->name, table->name) > 0) at--;
    memmove(&session->tables[at + 1], &session->tables[at],
            (session->table_count - at) * sizeof *session->tables);
    session->tables[at] = table;
    session->table_count++;
    return HR_OK;
}

hr_status hr_catalog_put(struct hr_session *session, struct hr_table *table, struct hr_err *err)
{
    pthread_mutex_lock(&session->share_lock);
    hr_status status = insert(session, table, err);
    pthread_mutex_unlock(&session->share_lock);
    if (status != HR_OK) hr_table_unref(table);
    return status;
}

void hr_catalog_remove(struct hr_session *session, struct hr_table *table)
{
    bool found = false;
    pthread_mutex_lock(&session->share_lock);
    for (uint32_t i = 0; i < session->table_count && !found; i++) {
        if (session->tables[i] != table) continue;
        session->table_count--;
        memmove(&session->tables[i], &session->tables[i + 1],
                (session->table_count - i) * sizeof *session->tables);
        found = true;
    }
    pthread_mutex_unlock(&session->share_lock);
    if (found) hr_table_unref(table);
}

static void quote(struct hr_buf *out, const char *const *parts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) hr_buf_printf(out, "%s`%s`", i ? "." : "", parts[i]);
}

static hr_status not_found(struct hr_session *session, const char *const *parts, uint32_t count,
                           struct hr_err *err)
{
    struct hr_buf name = {0}, path = {0};
    quote(&name, parts, count);
    hr_buf_printf(&path, "[`system`.`builtin`, `system`.`session`, `spark_catalog`.`%s`]",
                  session->schema ? session->schema : HR_WH_DEFAULT);
    hr_status status = HR_RAISE(err, HR_E_TABLE_OR_VIEW_NOT_FOUND, "relationName",
                                hr_buf_cstr(&name), "searchPath", hr_buf_cstr(&path));
    hr_buf_done(&name);
    hr_buf_done(&path);
    return status;
}

static hr_status catalog_find(struct hr_catalog *catalog, const char *const *parts, uint32_t count,
                              struct hr_table **ret_table, struct hr_err *err)
{
    struct hr_session *session = HR_CONTAINER_OF(catalog, struct hr_session, catalog);
    struct hr_table *table = NULL;
    HR_TRY(hr_catalog_lookup(session, parts, count, &table, err));
    if (!table) return not_found(session, parts, count, err);
    *ret_table = table;
    return HR_OK;
}

hr_status hr_no_such_table(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_buf name = {0}, path = {0};
    const char *here = run->session->schema ? run->session->schema : HR_WH_DEFAULT;
    quote(&name, stmt->name_parts, stmt->name_part_count);
    hr_buf_printf(&path, "[`system`.`session`, `spark_catalog`.`%s`]", here);
    HR_RAISE(err, HR_E_TABLE_OR_VIEW_NOT_FOUND, "relationName", hr_buf_cstr(&name), "searchPath",
             hr_buf_cstr(&path));
    hr_buf_done(&name);
    hr_buf_done(&path);
    return HR_E_TABLE_OR_VIEW_NOT_FOUND;
}

static hr_status catalog_parse_view(struct hr_catalog *catalog, struct hr_arena *arena,
                                    const struct hr_table *view, struct hr_plan **ret_plan,
                                    struct hr_err *err)
{
    struct hr_session *session = HR_CONTAINER_OF(catalog, struct hr_session, catalog);
    struct hr_plan *plan = NULL;
    HR_TRY(hr_session_parse_query(session, arena, hr_sv(view->view_text), &plan, err));
    if (view->column_count) {
        plan = hr_plan_new1(arena, HR_P_SUBQUERY_ALIAS, plan);
        if (!plan) return HR_OOM(err);
        struct hr_subquery_alias_node *alias = HR_NODE(subquery_alias, plan);
        alias->columns =
            hr_arena_memdup(arena, view->columns, sizeof *view->columns * view->column_count);
        if (!alias->columns) return HR_OOM(err);
        for (uint32_t i = 0; i < view->column_count; i++)
            if (!(alias->columns[i] = hr_arena_strdup(arena, view->columns[i]))) return HR_OOM(err);
        alias->column_count = view->column_count;
    }
    *ret_plan = plan;
    return HR_OK;
}

void hr_catalog_init(struct hr_session *session)
{
    session->catalog = (struct hr_catalog){.find = catalog_find,
                                            .parse_view = catalog_parse_view,
                                            .variable = hr_catalog_variable,
                                            .function = hr_catalog_function,
                                            .parse = hr_catalog_parse};
}

void hr_catalog_done(struct hr_session *session)
{
    for (uint32_t i = 0; i < session->table_count; i++) hr_table_unref(session->tables[i]);
    hr_free(session->tables);
    session->tables = NULL;
    session->table_count = session->table_capacity = 0;
}
