/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ALTER TABLE and VIEW, TRUNCATE, COMMENT ON, ANALYZE, REFRESH, MSCK, CREATE TABLE LIKE: what
 * changes a definition in the warehouse. What Spark's own tables of files cannot do is refused as
 * there.
 */
#include "connector/connector.h"
#include "connector/file/file.h"
#include "plan/nodes/relation.h"
#include "session/internal.h"

static const char *name_of(struct hr_run *run, const struct hr_table *table)
{
    return hr_full_name(run->arena, table->schema_name ? table->schema_name : HR_WH_DEFAULT,
                        table->name);
}

static hr_status no_operation(struct hr_run *run, const struct hr_table *table, const char *what,
                              struct hr_err *err)
{
    return HR_RAISE(err, HR_E_TABLE_OPERATION, "tableName", name_of(run, table), "operation", what);
}

/* The statement's table of the warehouse. */
static hr_status find(struct hr_run *run, struct hr_table **ret, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_table *table = NULL;
    HR_TRY(hr_catalog_lookup(run->session, stmt->name_parts, stmt->name_part_count, &table, err));
    if (!table) return hr_no_such_table(run, err);
    if (table->durable) {
        *ret = table;
        return HR_OK;
    }
    hr_table_unref(table);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what",
                    "changing a table or view that is this session's own (drop it, and declare it "
                    "anew)");
}

static hr_status store(struct hr_run *run, const struct hr_wh_object *o, struct hr_err *err)
{
    struct hr_wh *wh = NULL;
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    hr_status status = hr_wh_alter(wh, o, err);
    return status == HR_E_EXISTS ? hr_table_exists(run, o->schema, o->name, err) : status;
}

/* Columns -------------------------------------------------------------------------------------- */

static const char *quoted(struct hr_run *run, const char *name)
{
    const char *text = hr_arena_printf(run->arena, "`%s`", name);
    return text ? text : name;
}

static hr_status add_columns(struct hr_run *run, struct hr_wh_object *o, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const struct hr_type *added = stmt->schema;
    if (o->kind == HR_WH_VIEW) return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "ALTER of a view");
    uint32_t old = o->column_count, keys = o->partition_count, at = old - keys;
    struct hr_wh_column *columns =
        HR_NEW_ARRAY(run->arena, struct hr_wh_column, old + added->field_count + 1);
    if (!columns) return HR_OOM(err);
    memcpy(columns, o->columns, sizeof *columns * at);
    for (uint32_t i = 0; i < added->field_count; i++) {
        const struct hr_field *field = &added->fields[i];
        if (!field->nullable) return HR_RAISE(err, HR_E_ADD_COLUMN_NOT_NULL);
        if (stmt->specs[i].def)
            return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what",
                            "ADD COLUMN with DEFAULT, which older rows would have to get: add it, "
                            "then ALTER COLUMN … SET DEFAULT");
        for (uint32_t k = 0; k < old + i; k++) {
            const char *other = k < old ? o->columns[k].name : added->fields[k - old].name;
            if (hr_str_eq_nocase(other, field->name))
                return HR_RAISE(err, HR_E_COLUMN_ALREADY_EXISTS, "columnName",
                                quoted(run, field->name));
        }
        const char *type = stmt->specs[i].type;
        columns[at++] = (struct hr_wh_column){
            .name = field->name,
            .type = hr_is_char_type(type) ? type : hr_type_sql(run->arena, field->type),
            .nullable = true,
            .comment = stmt->specs[i].comment};
    }
    memcpy(columns + at, o->columns + old - keys, sizeof *columns * keys);
    o->columns = columns;
    o->column_count = at + keys;
    return HR_OK;
}

static hr_status find_column(struct hr_run *run, const struct hr_table *table,
                             struct hr_wh_object *o, struct hr_wh_column **ret, struct hr_err *err)
{
    const char *name = run->stmt->column;
    o->columns = hr_arena_memdup(run->arena, o->columns, sizeof *o->columns * o->column_count);
    if (!o->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < o->column_count; i++) {
        *ret = &o->columns[i];
        if (hr_str_eq_nocase((*ret)->name, name)) return HR_OK;
    }
    HR_RAISE(err, HR_E_UNRESOLVED_COLUMN_WITH_SUGGESTION, "objectName", quoted(run, name),
             "proposal", hr_list_names(run, table->schema));
    return hr_err_at(err, 0, (int32_t)run->stmt->text.len);
}

static hr_status change_type(struct hr_run *run, const struct hr_table *table,
                             const struct hr_wh_column *column, struct hr_err *err)
{
    const struct hr_type *to = run->stmt->schema->fields[0].type;
    int32_t at = hr_type_field_index(table->schema, hr_sv(column->name));
    const struct hr_type *from = table->schema->fields[at].type;
    if (from == to) return HR_OK;
    const char *a = hr_arena_printf(run->arena, "\"%s\"", hr_type_sql(run->arena, from));
    const char *b = hr_arena_printf(run->arena, "\"%s\"", hr_type_sql(run->arena, to));
    if (!a || !b) return HR_OOM(err);
    return HR_RAISE(err, HR_E_NOT_SUPPORTED_CHANGE_COLUMN, "table", name_of(run, table),
                    "originName", quoted(run, column->name), "originType", a, "newName",
                    quoted(run, column->name), "newType", b);
}

static hr_status change_column(struct hr_run *run, const struct hr_table *table,
                               struct hr_wh_object *o, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_wh_column *column = NULL;
    HR_TRY(find_column(run, table, o, &column, err));
    switch (stmt->alter) {
    case HR_ALTER_TYPE: return change_type(run, table, column, err);
    case HR_ALTER_COLUMN_COMMENT: column->comment = stmt->comment; return HR_OK;
    case HR_ALTER_DEFAULT: column->def = stmt->value; return HR_OK;
    case HR_ALTER_NOT_NULL:
        return no_operation(run, table,
                            stmt->unset ? "ALTER COLUMN ... DROP NOT NULL"
                                        : "ALTER COLUMN ... SET NOT NULL", err);
    default: return no_operation(run, table, "ALTER COLUMN ... FIRST | AFTER", err);
    }
}

/* Names and properties ------------------------------------------------------------------------- */

static hr_status rename_to(struct hr_run *run, struct hr_wh_object *o, struct hr_err *err)
{
    struct hr_object_name to =
        hr_object_name(run->session, run->stmt->other_parts, run->stmt->other_count);
    if (run->stmt->other_count > 1) HR_TRY(hr_check_schema(run, to.schema, err));
    if (run->stmt->other_count > 1 && !hr_str_eq_nocase(to.schema, o->schema))
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "a table stays in its schema: RENAME TO %s.%s from %s", to.schema, to.name,
                       o->schema);
    char *name = hr_arena_strdup(run->arena, to.name);
    if (!name) return HR_OOM(err);
    for (char *p = name; *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    o->name = name;
    return HR_OK;
}

static hr_status change_properties(struct hr_run *run, struct hr_options *of, struct hr_err *err)
{
    const struct hr_options *given = run->stmt->properties;
    struct hr_options own;
    hr_options_init(&own, run->arena);
    for (uint32_t i = 0; i < of->count; i++)
        HR_TRY(hr_options_put(&own, of->items[i].key, of->items[i].value, err));
    for (uint32_t i = 0; i < given->count; i++) {
        if (run->stmt->unset)
            hr_options_remove(&own, given->items[i].key);
        else
            HR_TRY(hr_options_put(&own, given->items[i].key, given->items[i].value, err));
    }
    *of = own;
    return HR_OK;
}

static hr_status set_location(struct hr_run *run, const struct hr_table *table,
                              struct hr_wh_object *o, struct hr_err *err)
{
    HR_UNUSED(table);
    if (o->kind != HR_WH_EXTERNAL)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "SET LOCATION of a managed table");
    return hr_file_path(run->arena, run->stmt->location, &o->location, err);
}

/* ALTER VIEW v AS query: checked as CREATE OR REPLACE VIEW would. */
static hr_status view_as(struct hr_run *run, struct hr_wh_object *o, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_plan *plan = stmt->plan;
    int32_t start = plan->sql_pos;
    HR_TRY(hr_run_analyze(run, &plan, err));
    o->text = hr_arena_strndup(run->arena, stmt->text.ptr + start, stmt->text.len - (size_t)start);
    o->columns = HR_NEW_ARRAY(run->arena, struct hr_wh_column, plan->output_count + 1);
    if (!o->text || !o->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->output_count; i++)
        o->columns[i] = (struct hr_wh_column){.name = plan->output[i].name,
                                              .type = hr_type_sql(run->arena, plan->output[i].type),
                                              .nullable = true};
    o->column_count = plan->output_count;
    o->context = run->session->schema ? run->session->schema : HR_WH_DEFAULT;
    return HR_OK;
}

static hr_status alter(struct hr_run *run, struct hr_table *table, struct hr_wh_object *o,
                       struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    bool is_view = o->kind == HR_WH_VIEW;
    if (is_view && !stmt->is_view && stmt->alter != HR_ALTER_COMMENT)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "ALTER TABLE of a view (ALTER VIEW)");
    if (!is_view && stmt->is_view)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "ALTER VIEW of a table (ALTER TABLE)");
    switch (stmt->alter) {
    case HR_ALTER_RENAME: return rename_to(run, o, err);
    case HR_ALTER_ADD_COLUMNS: return add_columns(run, o, err);
    case HR_ALTER_DROP_COLUMNS: return no_operation(run, table, "DROP COLUMN", err);
    case HR_ALTER_RENAME_COLUMN: return no_operation(run, table, "RENAME COLUMN", err);
    case HR_ALTER_REPLACE_COLUMNS: return no_operation(run, table, "REPLACE COLUMNS", err);
    case HR_ALTER_PROPERTIES: return change_properties(run, &o->properties, err);
    case HR_ALTER_LOCATION: return set_location(run, table, o, err);
    case HR_ALTER_COMMENT: o->comment = stmt->comment ? stmt->comment : ""; return HR_OK;
    case HR_ALTER_VIEW_AS: return view_as(run, o, err);
    default: return change_column(run, table, o, err);
    }
}

/* Partitions ----------------------------------------------------------------------------------- */

static hr_status bad_spec(struct hr_run *run, const struct hr_table *table,
                          const struct hr_stmt_spec *spec, struct hr_err *err)
{
    const struct hr_wh_object *o = hr_durable_object(table);
    struct hr_buf given = {0}, wanted = {0};
    for (uint32_t i = 0; i < spec->count; i++)
        hr_buf_printf(&given, "%s%s", i ? ", " : "", spec->keys[i].name);
    for (uint32_t i = o->column_count - o->partition_count; i < o->column_count; i++)
        hr_buf_printf(&wanted, "%s%s", wanted.len ? ", " : "", o->columns[i].name);
    hr_status status = HR_RAISE(err, HR_E_PARTITION_SPEC_INVALID, "specKeys", hr_buf_cstr(&given),
                                "partitionColumnNames", hr_buf_cstr(&wanted), "tableName",
                                name_of(run, table));
    hr_buf_done(&given);
    hr_buf_done(&wanted);
    return status;
}

/* "a=1/b=x/" of all (whole) or of some of the partition's columns, from the first on. */
static hr_status folder_of(struct hr_run *run, const struct hr_table *table,
                           const struct hr_stmt_spec *spec, bool whole, const char **ret,
                           struct hr_err *err)
{
    const struct hr_wh_object *o = hr_durable_object(table);
    uint32_t first = o->column_count - o->partition_count, used = 0;
    if (o->partition_count == 0)
        return HR_RAISE(err, HR_E_PARTITION_SCHEMA_IS_EMPTY, "name", name_of(run, table));
    for (uint32_t i = 0; i < spec->count; i++) {
        bool known = false;
        for (uint32_t k = first; k < o->column_count; k++)
            known = known || hr_str_eq_nocase(o->columns[k].name, spec->keys[i].name);
        if (!known)
            return HR_RAISE(err, HR_E_PARTITIONS_NOT_FOUND, "partitionList",
                            quoted(run, spec->keys[i].name), "tableName", name_of(run, table));
    }
    *ret = "";
    for (uint32_t i = first; i < o->column_count; i++) {
        struct hr_expr *value = NULL;
        for (uint32_t k = 0; k < spec->count; k++)
            if (hr_str_eq_nocase(spec->keys[k].name, o->columns[i].name))
                value = spec->keys[k].value;
        if (!value) break;
        used++;
        HR_TRY(hr_partition_folder(run, table, i, value, ret, err));
    }
    if (used != spec->count || (whole && used != o->partition_count))
        return bad_spec(run, table, spec, err);
    return HR_OK;
}

/* "PARTITION (`p` = 3, `q` = k)" of "p=3/q=k" */
static const char *spec_text(struct hr_run *run, const char *folder)
{
    struct hr_buf text = {0};
    hr_buf_puts(&text, "PARTITION (");
    while (*folder) {
        size_t len = strcspn(folder, "/"), key = strcspn(folder, "=");
        hr_buf_printf(&text, "%s`%.*s` = %.*s", text.len > 11 ? ", " : "", (int)key, folder,
                      (int)(len - key - 1), folder + key + 1);
        folder += len + (folder[len] == '/');
    }
    hr_buf_putc(&text, ')');
    const char *copy = hr_arena_strdup(run->arena, hr_buf_cstr(&text));
    hr_buf_done(&text);
    return copy ? copy : "";
}

static hr_status has_partition(struct hr_run *run, const struct hr_table *table,
                               const char *folder, bool *ret, struct hr_err *err)
{
    const char **specs = NULL;
    uint32_t count = 0;
    struct hr_wh *wh = NULL;
    size_t len = strlen(folder) - 1;
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    HR_TRY(hr_wh_partitions(wh, run->arena, hr_durable_object(table)->id, &specs, &count, err));
    *ret = false;
    for (uint32_t i = 0; i < count; i++)
        *ret = *ret || (strlen(specs[i]) == len && strncmp(specs[i], folder, len) == 0);
    return HR_OK;
}

static hr_status change_partition(struct hr_run *run, const struct hr_table *table,
                                  const struct hr_stmt_spec *spec, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    bool adds = stmt->alter == HR_ALTER_ADD_PARTITION, there = false;
    const char *folder = NULL;
    struct hr_wh *wh = NULL;
    const struct hr_wh_object *o = hr_durable_object(table);
    const char *in = hr_arena_printf(run->arena, "`%s`.`%s`", o->schema, o->name);
    HR_TRY(folder_of(run, table, spec, adds, &folder, err));
    HR_TRY(has_partition(run, table, folder, &there, err));
    if (adds && there && !stmt->if_not_exists)
        return HR_RAISE(err, HR_E_PARTITIONS_ALREADY_EXIST, "partitionList",
                        spec_text(run, folder), "tableName", in ? in : "");
    if (!adds && !there && !stmt->if_exists)
        return HR_RAISE(err, HR_E_PARTITIONS_NOT_FOUND, "partitionList", spec_text(run, folder),
                        "tableName", in ? in : "");
    if (adds == there) return HR_OK;
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    char *name = hr_arena_strndup(run->arena, folder, strlen(folder) - 1);
    if (!name) return HR_OOM(err);
    return adds ? hr_wh_partition_add(wh, o->id, name, err)
                : hr_wh_partition_drop(wh, o, name, err);
}

static hr_status alter_partitions(struct hr_run *run, const struct hr_table *table,
                                  struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const struct hr_wh_object *o = hr_durable_object(table);
    struct hr_wh *wh = NULL;
    if (o->kind == HR_WH_VIEW)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "partitions of a view");
    if (o->partition_count == 0 && stmt->alter != HR_ALTER_RECOVER)
        return HR_RAISE(err, HR_E_NO_PARTITION_PROVIDER, "action",
                        stmt->alter == HR_ALTER_ADD_PARTITION ? "ALTER TABLE ADD PARTITION"
                                                              : "ALTER TABLE DROP PARTITION",
                        "tableName", o->name);
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    if (stmt->alter == HR_ALTER_RECOVER) return hr_wh_adopt(wh, o, err);
    for (uint32_t i = 0; i < stmt->spec_count; i++)
        HR_TRY(change_partition(run, table, &stmt->part_specs[i], err));
    return HR_OK;
}

hr_status hr_run_alter(struct hr_run *run, struct hr_err *err)
{
    struct hr_table *table = NULL;
    enum hr_alter what = run->stmt->alter;
    if (run->session->check_only) return HR_OK;
    HR_TRY(find(run, &table, err));
    struct hr_wh_object o = *hr_durable_object(table);
    hr_status status;
    if (what == HR_ALTER_ADD_PARTITION || what == HR_ALTER_DROP_PARTITION ||
        what == HR_ALTER_RECOVER) {
        status = alter_partitions(run, table, err);
    } else {
        status = alter(run, table, &o, err);
        if (status == HR_OK) status = store(run, &o, err);
    }
    hr_table_unref(table);
    return status;
}

/* Other statements over a table ---------------------------------------------------------------- */

static hr_status truncate(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const struct hr_wh_object *o = hr_durable_object(table);
    struct hr_stmt_spec spec = {stmt->keys, stmt->key_count};
    struct hr_durable_write how = {.how = HR_WH_TRUNCATE};
    const struct hr_file_catalog *files = NULL;
    const char *folder = NULL;
    if (o->kind == HR_WH_VIEW)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "TRUNCATE of a view");
    if (o->kind == HR_WH_EXTERNAL)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "Operation not allowed: TRUNCATE TABLE on external tables: %s.",
                       name_of(run, table));
    if (stmt->key_count) {
        HR_TRY(folder_of(run, table, &spec, false, &folder, err));
        how = (struct hr_durable_write){.how = HR_WH_REPLACE_BELOW, .prefixes = &folder,
                                        .prefix_count = 1, .keeps_partitions = true};
    }
    HR_TRY(hr_durable_writer(run, table, &how, &files, err));
    return files->commit(files, NULL, 0, NULL, 0, err);
}

hr_status hr_run_truncate(struct hr_run *run, struct hr_err *err)
{
    struct hr_table *table = NULL;
    if (run->session->check_only) return HR_OK;
    HR_TRY(find(run, &table, err));
    hr_status status = truncate(run, table, err);
    hr_table_unref(table);
    return status;
}

static hr_status count_rows(struct hr_run *run, int64_t *ret, struct hr_err *err)
{
    struct hr_batches batches = {0};
    struct hr_plan *plan = hr_plan_new(run->arena, HR_P_RELATION);
    if (!plan) return HR_OOM(err);
    HR_NODE(relation, plan)->name_parts = run->stmt->name_parts;
    HR_NODE(relation, plan)->name_part_count = run->stmt->name_part_count;
    HR_TRY(hr_run_analyze(run, &plan, err));
    HR_TRY(hr_run_collect(run, plan, &batches, err));
    *ret = 0;
    for (uint32_t i = 0; i < batches.count; i++) *ret += batches.items[i]->sel_count;
    hr_batches_done(&batches);
    return HR_OK;
}

static hr_status analyze(struct hr_run *run, struct hr_table *table, struct hr_err *err)
{
    struct hr_wh_object o = *hr_durable_object(table);
    struct hr_wh_file *files = NULL;
    struct hr_wh *wh = NULL;
    uint32_t count = 0;
    if (o.kind == HR_WH_VIEW)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "ANALYZE TABLE of a view");
    HR_TRY(hr_session_wh(run->session, false, &wh, err));
    HR_TRY(hr_wh_files(wh, run->arena, o.id, &files, &count, err));
    o.bytes = 0;
    for (uint32_t i = 0; i < count; i++) o.bytes += files[i].bytes;
    if (!run->stmt->unset) HR_TRY(count_rows(run, &o.rows, err)); /* else NOSCAN */
    return store(run, &o, err);
}

hr_status hr_run_analyze_table(struct hr_run *run, struct hr_err *err)
{
    struct hr_table *table = NULL;
    if (run->session->check_only) return HR_OK;
    HR_TRY(find(run, &table, err));
    hr_status status = analyze(run, table, err);
    hr_table_unref(table);
    return status;
}

/* REFRESH TABLE: nothing is kept that could be old; the name must be there. */
hr_status hr_run_refresh(struct hr_run *run, struct hr_err *err)
{
    struct hr_table *table = NULL;
    const struct hr_stmt *stmt = run->stmt;
    HR_TRY(hr_catalog_lookup(run->session, stmt->name_parts, stmt->name_part_count, &table, err));
    if (!table) return hr_no_such_table(run, err);
    hr_table_unref(table);
    return HR_OK;
}

/* MERGE, UPDATE, DELETE, INSERT … REPLACE WHERE */
hr_status hr_run_refused(struct hr_run *run, struct hr_err *err)
{
    struct hr_table *table = NULL;
    const struct hr_stmt *stmt = run->stmt;
    HR_TRY(hr_catalog_lookup(run->session, stmt->name_parts, stmt->name_part_count, &table, err));
    if (!table) return hr_no_such_table(run, err);
    hr_status status = no_operation(run, table, stmt->value, err);
    hr_table_unref(table);
    return status;
}

/* CREATE TABLE t LIKE other ------------------------------------------------------------------- */

static hr_status like(struct hr_run *run, struct hr_table *of, struct hr_wh_object *o,
                      struct hr_err *err)
{
    const struct hr_wh_object *like = hr_durable_object(of);
    const struct hr_type *schema = of->schema;
    if (like && like->kind != HR_WH_VIEW) {
        o->columns = like->columns;
        o->column_count = like->column_count;
        o->partition_count = like->partition_count;
        if (!o->provider) o->provider = like->provider;
        if (!run->stmt->provider)
            for (uint32_t i = 0; i < like->options.count; i++)
                HR_TRY(hr_options_put(&o->options, like->options.items[i].key,
                                      like->options.items[i].value, err));
        return HR_OK;
    }
    if (!schema) {
        struct hr_plan *plan = hr_plan_new(run->arena, HR_P_RELATION);
        if (!plan) return HR_OOM(err);
        HR_NODE(relation, plan)->name_parts = run->stmt->other_parts;
        HR_NODE(relation, plan)->name_part_count = run->stmt->other_count;
        HR_TRY(hr_run_analyze(run, &plan, err));
        if (!(schema = hr_plan_schema(plan))) return HR_OOM(err);
    }
    o->columns = HR_NEW_ARRAY(run->arena, struct hr_wh_column, schema->field_count + 1);
    if (!o->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < schema->field_count; i++)
        o->columns[i] = (struct hr_wh_column){
            .name = schema->fields[i].name,
            .type = hr_type_sql(run->arena, schema->fields[i].type),
            .nullable = true};
    o->column_count = schema->field_count;
    return HR_OK;
}

hr_status hr_run_create_like(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_table *of = NULL;
    HR_TRY(hr_catalog_lookup(run->session, stmt->other_parts, stmt->other_count, &of, err));
    if (!of) {
        struct hr_stmt other = *stmt;
        struct hr_run as = *run;
        other.name_parts = stmt->other_parts;
        other.name_part_count = stmt->other_count;
        as.stmt = &other;
        return hr_no_such_table(&as, err);
    }
    struct hr_wh_object o = {0};
    hr_options_init(&o.options, run->arena);
    hr_options_init(&o.properties, run->arena);
    o.provider = stmt->provider;
    hr_status status = like(run, of, &o, err);
    if (status == HR_OK) status = hr_create_object(run, &o, err);
    hr_table_unref(of);
    return status;
}
