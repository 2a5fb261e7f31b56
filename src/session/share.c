/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What other threads may do with a session: look at its tables and settings, and open a session of
 * their own that reads what it has. Tables never change once they are in the catalog, so that a
 * reference is enough; but for the rows of those in memory, which a reader gets as they are.
 */
#include "session/internal.h"

hr_status hr_share_check(const struct hr_session *session, const struct hr_stmt *stmt,
                         struct hr_err *err)
{
    if (!session->read_only) return HR_OK;
    switch (stmt->kind) {
    case HR_STMT_QUERY:
    case HR_STMT_SHOW_TABLES:
    case HR_STMT_DESCRIBE:
    case HR_STMT_DESCRIBE_MODEL:
    case HR_STMT_EXPLAIN:
    case HR_STMT_DECLARE: /* the session's own */
    case HR_STMT_SET_VARIABLE:
    case HR_STMT_DROP_VARIABLE:
    case HR_STMT_EXECUTE: /* what is inside is checked, too */ return HR_OK;
    case HR_STMT_SET: /* those of headrace are the process's */
        if (!stmt->value || strncmp(stmt->key, "headrace.", 9) != 0) return HR_OK;
        return HR_FAIL(err, HR_E_FORBIDDEN, "this session may not set %.60s for all", stmt->key);
    default:
        return HR_FAIL(err, HR_E_FORBIDDEN,
                       "this session only reads: SELECT, SHOW, DESCRIBE, EXPLAIN and SET; what "
                       "changes tables belongs into a job");
    }
}

/* The same table with the rows that it has now: INSERT puts others in their place. */
static hr_status copy_rows(const struct hr_table *of, struct hr_table **ret, struct hr_err *err)
{
    struct hr_table *table;
    HR_TRY(hr_table_new(of->name, &table, err));
    table->schema = of->schema;
    table->is_temporary = of->is_temporary;
    table->schema_name = of->schema_name ? hr_arena_strdup(&table->arena, of->schema_name) : NULL;
    table->batches = hr_alloc((of->batch_count + 1) * sizeof *table->batches);
    if (!table->batches) {
        hr_table_unref(table);
        return HR_OOM(err);
    }
    for (; table->batch_count < of->batch_count; table->batch_count++)
        table->batches[table->batch_count] = hr_batch_ref(of->batches[table->batch_count]);
    *ret = table;
    return HR_OK;
}

static hr_status copy_table(struct hr_table *of, struct hr_session *to, struct hr_err *err)
{
    bool in_memory = !of->is_view && !of->provider && !of->source;
    struct hr_table *table = NULL;
    if (in_memory)
        HR_TRY(copy_rows(of, &table, err));
    else
        table = hr_table_ref(of);
    return hr_catalog_put(to, table, err);
}

static hr_status copy_tables(struct hr_session *of, struct hr_session *to, struct hr_err *err)
{
    hr_status status = HR_OK;
    pthread_mutex_lock(&of->share_lock);
    for (uint32_t i = 0; i < of->table_count && status == HR_OK; i++)
        status = copy_table(of->tables[i], to, err);
    pthread_mutex_unlock(&of->share_lock);
    return status;
}

static hr_status copy_settings(struct hr_session *of, struct hr_session *to, struct hr_err *err)
{
    hr_status status = HR_OK;
    pthread_mutex_lock(&of->share_lock);
    for (uint32_t i = 0; i < of->settings.count && status == HR_OK; i++)
        status = hr_session_set(to, of->settings.items[i].key, of->settings.items[i].value, err);
    pthread_mutex_unlock(&of->share_lock);
    return status;
}

hr_status hr_session_new_reader(struct hr_session *of, int64_t memory_bytes,
                                struct hr_session **ret, struct hr_err *err)
{
    struct hr_session_options options = {.env = of->env, .threads = 1};
    struct hr_session *session = NULL;
    HR_TRY(hr_session_new(&options, &session, err));
    hr_status status = copy_settings(of, session, err);
    if (status == HR_OK) status = copy_tables(of, session, err);
    if (of->wh) session->wh = hr_wh_ref(of->wh);
    session->read_only = true;
    session->conf.models = of->conf.models; /* which are seen by snapshots */
    session->mem.limit_bytes = memory_bytes;
    session->mem.setting = "it, or ask for fewer rows (LIMIT)";
    if (status != HR_OK) {
        hr_session_free(session);
        return status;
    }
    *ret = session;
    return HR_OK;
}

static void put_member(struct hr_buf *out, const char *name, const char *value)
{
    char last = out->len ? out->ptr[out->len - 1] : '{';
    if (last != '{') hr_buf_putc(out, ',');
    hr_buf_put_json(out, hr_sv(name));
    hr_buf_putc(out, ':');
    hr_buf_put_json(out, hr_sv(value ? value : ""));
}

void hr_session_put_settings(struct hr_session *session, struct hr_buf *out)
{
    hr_buf_putc(out, '{');
    pthread_mutex_lock(&session->share_lock);
    const struct hr_options *set = &session->settings;
    for (uint32_t i = 0; i < set->count; i++)
        put_member(out, set->items[i].key,
                   hr_setting_shown(set->items[i].key, set->items[i].value));
    pthread_mutex_unlock(&session->share_lock);
    hr_buf_putc(out, '}');
}

static void put_columns(const struct hr_type *schema, struct hr_buf *out)
{
    struct hr_buf type = {0};
    hr_buf_puts(out, ",\"columns\":[");
    for (uint32_t i = 0; schema && i < schema->field_count; i++) {
        hr_buf_puts(out, i ? ",{" : "{");
        put_member(out, "name", schema->fields[i].name);
        hr_buf_clear(&type);
        hr_type_print_simple(schema->fields[i].type, &type);
        put_member(out, "type", hr_buf_cstr(&type));
        hr_buf_putc(out, '}');
    }
    hr_buf_putc(out, ']');
    hr_buf_done(&type);
}

static void put_kept(struct hr_wh *wh, const char *schema, const char *name, struct hr_buf *out)
{
    struct hr_arena arena;
    struct hr_wh_object *o = NULL;
    hr_arena_init(&arena, NULL);
    if (hr_wh_find(wh, &arena, schema, name, &o, NULL) == HR_OK && o) {
        hr_buf_puts(out, out->ptr[out->len - 1] == '[' ? "{" : ",{");
        put_member(out, "name", o->name);
        put_member(out, "kind", o->kind == HR_WH_VIEW ? "view" : "table");
        put_member(out, "provider", o->provider);
        hr_buf_puts(out, ",\"columns\":[");
        for (uint32_t i = 0; i < o->column_count; i++) {
            hr_buf_puts(out, i ? ",{" : "{");
            put_member(out, "name", o->columns[i].name);
            put_member(out, "type", o->columns[i].type);
            hr_buf_putc(out, '}');
        }
        hr_buf_puts(out, "]}");
    }
    hr_arena_done(&arena);
}

/* What the warehouse has in the schema. */
static void put_warehouse(struct hr_session *session, struct hr_buf *out)
{
    struct hr_arena arena;
    struct hr_wh_name *names = NULL;
    uint32_t count = 0;
    struct hr_wh *wh = __atomic_load_n(&session->wh, __ATOMIC_ACQUIRE);
    const char *schema = session->schema ? session->schema : HR_WH_DEFAULT;
    if (!wh) return;
    hr_arena_init(&arena, NULL);
    if (hr_wh_names(wh, &arena, schema, &names, &count, NULL) == HR_OK)
        for (uint32_t i = 0; i < count; i++) put_kept(wh, schema, names[i].name, out);
    hr_arena_done(&arena);
}

void hr_session_put_tables(struct hr_session *session, struct hr_buf *out)
{
    hr_buf_putc(out, '[');
    pthread_mutex_lock(&session->share_lock);
    for (uint32_t i = 0; i < session->table_count; i++) {
        const struct hr_table *table = session->tables[i];
        hr_buf_puts(out, i ? ",{" : "{");
        put_member(out, "name", table->name);
        put_member(out, "kind", table->is_view ? "view" : "table");
        put_member(out, "provider", table->provider);
        put_columns(table->schema, out);
        hr_buf_putc(out, '}');
    }
    pthread_mutex_unlock(&session->share_lock);
    put_warehouse(session, out);
    hr_buf_putc(out, ']');
}
