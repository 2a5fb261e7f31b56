/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tables and views of the warehouse as the session's tables. A managed table's files are those that
 * the catalog names; an external one's are what is in its folder. A write hands its files over when
 * all are there (hr_file_catalog): then the table has them, in one transaction.
 */
#include "column/type_parse.h"
#include "connector/connector.h"
#include "connector/file/file.h"
#include "session/internal.h"

struct hr_durable {
    struct hr_file_catalog base; /* first: what sources and sinks are given */
    struct hr_wh *wh;
    struct hr_wh_object *object;
    struct hr_durable_write write;
};

const struct hr_wh_object *hr_durable_object(const struct hr_table *table)
{
    return table->durable ? table->durable->object : NULL;
}

hr_status hr_session_wh(struct hr_session *session, bool create, struct hr_wh **ret,
                        struct hr_err *err)
{
    const char *dir = hr_setting(session, HR_SET_WAREHOUSE);
    if (!session->wh)
        HR_TRY(hr_wh_open(session->env, dir && *dir ? dir : "spark-warehouse", create,
                          &session->wh, err));
    *ret = session->wh;
    return HR_OK;
}

/* What sources and sinks ask ------------------------------------------------------------------- */

static hr_status list(const struct hr_file_catalog *base, struct hr_arena *arena,
                      struct hr_file_name **ret, uint32_t *ret_count, struct hr_err *err)
{
    const struct hr_durable *d = (const struct hr_durable *)base;
    struct hr_wh_file *files = NULL;
    uint32_t count = 0;
    HR_TRY(hr_wh_files(d->wh, arena, d->object->id, &files, &count, err));
    struct hr_file_name *names = HR_NEW_ARRAY(arena, struct hr_file_name, count + 1);
    if (!names) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        names[i].path = hr_arena_printf(arena, "%s/%s", d->object->location, files[i].path);
        names[i].size = files[i].bytes;
        names[i].mtime_us = files[i].mtime_us;
        if (!names[i].path) return HR_OOM(err);
    }
    *ret = names;
    *ret_count = count;
    return HR_OK;
}

static hr_status begin(const struct hr_file_catalog *base, const char *query_id, int64_t epoch,
                       bool *ret_committed, struct hr_err *err)
{
    const struct hr_durable *d = (const struct hr_durable *)base;
    int64_t last = -1;
    HR_TRY(hr_wh_mark(d->wh, d->object->id, query_id, &last, err));
    *ret_committed = epoch <= last;
    return HR_OK;
}

/* Another program's folder: its files are what lies there. Old ones go when the new are there. */
static hr_status commit_external(const struct hr_durable *d, struct hr_arena *arena,
                                 const struct hr_file_name *files, uint32_t count,
                                 struct hr_err *err)
{
    struct file_list there = {0};
    struct file_query query = {.path = d->object->location};
    if (d->write.how == HR_WH_APPEND) return HR_OK;
    HR_TRY(hr_file_find(d->wh ? hr_wh_env(d->wh) : NULL, arena, &query, &there, err));
    size_t base = strlen(d->object->location) + 1;
    for (uint32_t i = 0; i < there.count; i++) {
        const char *path = there.items[i].path;
        bool goes = d->write.how == HR_WH_REPLACE || d->write.how == HR_WH_TRUNCATE;
        for (uint32_t k = 0; k < d->write.prefix_count && !goes; k++)
            goes = strncmp(path + base, d->write.prefixes[k], strlen(d->write.prefixes[k])) == 0;
        for (uint32_t k = 0; k < count && d->write.how == HR_WH_REPLACE_WRITTEN && !goes; k++) {
            size_t folder = (size_t)(strrchr(files[k].path, '/') - files[k].path);
            goes = strncmp(path, files[k].path, folder + 1) == 0 && !strchr(path + folder + 1, '/');
        }
        for (uint32_t k = 0; k < count && goes; k++) goes = strcmp(path, files[k].path) != 0;
        if (goes) HR_TRY(hr_wh_env(d->wh)->vt->unlink(hr_wh_env(d->wh), path, err));
    }
    return HR_OK;
}

static hr_status publish(const struct hr_durable *d, struct hr_arena *arena, const char *query_id,
                         int64_t epoch, const struct hr_file_name *names, uint32_t count,
                         struct hr_err *err)
{
    struct hr_wh_file *files = HR_NEW_ARRAY(arena, struct hr_wh_file, count + 1);
    if (!files) return HR_OOM(err);
    size_t base = strlen(d->object->location) + 1;
    for (uint32_t i = 0; i < count; i++)
        files[i] = (struct hr_wh_file){names[i].path + base, names[i].size, names[i].mtime_us,
                                       d->object->column_count};
    if (d->write.creates) {
        const bool managed = d->object->kind == HR_WH_MANAGED;
        return hr_wh_create(d->wh, d->object, files, managed ? count : 0, d->write.replaces, err);
    }
    struct hr_wh_publish what = {
        .object = d->object->id,
        .version = query_id ? -1 : d->object->version,
        .how = d->write.how,
        .prefixes = d->write.prefixes,
        .prefix_count = d->write.prefix_count,
        .keeps_partitions = d->write.keeps_partitions,
        .files = files,
        .file_count = count,
        .query_id = query_id,
        .epoch = epoch,
    };
    return hr_wh_publish(d->wh, d->object->location, &what, err);
}

static hr_status commit(const struct hr_file_catalog *base, const char *query_id, int64_t epoch,
                        const struct hr_file_name *names, uint32_t count, struct hr_err *err)
{
    const struct hr_durable *d = (const struct hr_durable *)base;
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = d->object->kind == HR_WH_EXTERNAL && !d->write.creates
                           ? commit_external(d, &arena, names, count, err)
                           : publish(d, &arena, query_id, epoch, names, count, err);
    hr_arena_done(&arena);
    return status;
}

hr_status hr_durable_writer(struct hr_run *run, struct hr_table *table,
                            const struct hr_durable_write *how,
                            const struct hr_file_catalog **ret, struct hr_err *err)
{
    struct hr_durable *d = hr_arena_memdup(run->arena, table->durable, sizeof *d);
    if (!d) return HR_OOM(err);
    d->write = *how;
    *ret = &d->base;
    return HR_OK;
}

/* Objects as tables ---------------------------------------------------------------------------- */

static void unref_wh(void *wh)
{
    hr_wh_unref(wh);
}

static hr_status take_columns(struct hr_table *table, const struct hr_wh_object *o,
                              struct hr_err *err)
{
    struct hr_field *fields = HR_NEW_ARRAY(&table->arena, struct hr_field, o->column_count + 1);
    if (!fields) return HR_OOM(err);
    for (uint32_t i = 0; i < o->column_count; i++) {
        fields[i] = (struct hr_field){.name = o->columns[i].name, .nullable = true};
        HR_TRY(hr_type_parse(hr_sv(o->columns[i].type), &fields[i].type, err));
    }
    table->schema = hr_type_struct(fields, o->column_count);
    return table->schema ? HR_OK : HR_OOM(err);
}

static hr_status take_options(struct hr_table *table, const struct hr_wh_object *o,
                              struct hr_err *err)
{
    const char *list = "";
    for (uint32_t i = 0; i < o->options.count; i++)
        HR_TRY(hr_options_put(&table->options, o->options.items[i].key, o->options.items[i].value,
                              err));
    HR_TRY(hr_options_put(&table->options, "path", o->location, err));
    for (uint32_t i = o->column_count - o->partition_count; list && i < o->column_count; i++)
        list = hr_arena_printf(&table->arena, "%s%s%s", list, *list ? "," : "",
                               o->columns[i].name);
    if (!list) return HR_OOM(err);
    return *list ? hr_options_put(&table->options, "partitionBy", list, err) : HR_OK;
}

static hr_status fill_view(struct hr_table *view, const struct hr_wh_object *o, struct hr_err *err)
{
    view->is_view = true;
    view->view_text = hr_arena_strdup(&view->arena, o->text ? o->text : "");
    view->schema_name = o->context ? o->context : o->schema;
    view->columns = HR_NEW_ARRAY(&view->arena, const char *, o->column_count + 1);
    if (!view->view_text || !view->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < o->column_count; i++) view->columns[i] = o->columns[i].name;
    view->column_count = o->column_count;
    return HR_OK;
}

/* table->arena has object's memory. */
static hr_status fill(struct hr_table *table, struct hr_wh *wh, struct hr_wh_object *object,
                      struct hr_err *err)
{
    struct hr_durable *d = HR_NEW(&table->arena, struct hr_durable);
    if (!d) return HR_OOM(err);
    *d = (struct hr_durable){{list, begin, commit}, wh, object, {.how = HR_WH_APPEND}};
    hr_status status = hr_arena_on_done(&table->arena, unref_wh, hr_wh_ref(wh), err);
    if (status != HR_OK) hr_wh_unref(wh);
    HR_TRY(status);
    table->durable = d;
    table->schema_name = object->schema;
    if (object->kind == HR_WH_VIEW) return fill_view(table, object, err);
    table->provider = hr_arena_strdup(&table->arena, object->provider);
    if (!table->provider) return HR_OOM(err);
    table->source = hr_source_find(object->provider);
    if (!table->source)
        return HR_RAISE(err, HR_E_DATA_SOURCE_NOT_FOUND, "provider", object->provider);
    if (object->kind == HR_WH_MANAGED) table->files = &d->base;
    HR_TRY(take_columns(table, object, err));
    table->has_declared_columns = true;
    return take_options(table, object, err);
}

hr_status hr_durable_find(struct hr_session *session, const char *schema, const char *name,
                          struct hr_table **ret, struct hr_err *err)
{
    struct hr_wh *wh = NULL;
    struct hr_table *table = NULL;
    struct hr_wh_object *object = NULL;
    *ret = NULL;
    HR_TRY(hr_session_wh(session, false, &wh, err));
    if (!wh) return HR_OK;
    HR_TRY(hr_table_new(name, &table, err));
    hr_status status = hr_wh_find(wh, &table->arena, schema, name, &object, err);
    if (status == HR_OK && object) {
        table->name = hr_arena_strdup(&table->arena, object->name);
        status = table->name ? fill(table, wh, object, err) : HR_OOM(err);
    }
    if (status == HR_OK && object)
        *ret = table;
    else
        hr_table_unref(table);
    return status;
}

hr_status hr_durable_new(struct hr_session *session, struct hr_wh *wh,
                         const struct hr_wh_object *object, struct hr_table **ret,
                         struct hr_err *err)
{
    struct hr_table *table = NULL;
    HR_UNUSED(session);
    HR_TRY(hr_table_new(object->name, &table, err));
    struct hr_wh_object *own = hr_arena_memdup(&table->arena, object, sizeof *own);
    hr_status status = own ? fill(table, wh, own, err) : HR_OOM(err);
    if (status != HR_OK)
        hr_table_unref(table);
    else
        *ret = table;
    return status;
}

hr_status hr_check_schema(struct hr_run *run, const char *schema, struct hr_err *err)
{
    struct hr_wh *wh = NULL;
    struct hr_wh_schema *found = NULL;
    if (hr_str_eq_nocase(schema, HR_WH_DEFAULT)) return HR_OK;
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    if (wh) HR_TRY(hr_wh_schema_find(wh, run->arena, schema, &found, err));
    if (found) return HR_OK;
    const char *name = hr_arena_printf(run->arena, "`spark_catalog`.`%s`", schema);
    return HR_RAISE(err, HR_E_SCHEMA_NOT_FOUND, "schemaName", name ? name : schema);
}
