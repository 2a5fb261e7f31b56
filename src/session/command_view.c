/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE VIEW: the text is kept and parsed again at each use. */
#include "plan/nodes/relation.h"
#include "plan/nodes/with.h"
#include "hr_config.h"
#include "session/internal.h"

static const char *full_name(struct hr_run *run, const char *name)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_object_name as =
        hr_object_name(run->session, stmt->name_parts, stmt->name_part_count);
    return hr_full_name(run->arena, as.schema, name);
}

static hr_status exists(struct hr_run *run, const char *name, struct hr_err *err)
{
    if (!run->stmt->is_temporary)
        return HR_RAISE(err, HR_E_TABLE_OR_VIEW_ALREADY_EXISTS, "relationName",
                        full_name(run, name));
    const char *quoted = hr_arena_printf(run->arena, "`%s`", name);
    return HR_RAISE(err, HR_E_TEMP_TABLE_OR_VIEW_ALREADY_EXISTS, "relationName",
                    quoted ? quoted : name);
}

/* The object that the statement would replace: of the same kind, temporary or not. */
static struct hr_table *find_old(const struct hr_run *run, const char *schema, const char *name)
{
    return hr_catalog_own(run->session, schema, name, run->stmt->is_temporary);
}

static hr_status fill_view(const struct hr_run *run, struct hr_table *view, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    int32_t start = stmt->plan->sql_pos;
    if (start < 0 || (size_t)start > stmt->text.len)
        return HR_BUG(err, "the view's query has no position");
    view->is_view = true;
    view->is_temporary = stmt->is_temporary;
    view->view_text =
        hr_arena_strndup(&view->arena, stmt->text.ptr + start, stmt->text.len - (size_t)start);
    view->columns = HR_NEW_ARRAY(&view->arena, const char *, stmt->column_count + 1);
    if (!view->view_text || !view->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < stmt->column_count; i++)
        if (!(view->columns[i] = hr_arena_strdup(&view->arena, stmt->columns[i])))
            return HR_OOM(err);
    view->column_count = stmt->column_count;
    return HR_OK;
}

static const char *list(struct hr_run *run, const char *const *names, uint32_t count)
{
    struct hr_buf buf = {0};
    for (uint32_t i = 0; i < count; i++) hr_buf_printf(&buf, "%s`%s`", i ? ", " : "", names[i]);
    const char *text = hr_arena_strdup(run->arena, hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return text ? text : "";
}

static hr_status bad_arity(struct hr_run *run, const char *name, const char *const *data,
                           uint32_t data_count, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    bool few = data_count < stmt->column_count;
    return hr_err_raise(err, __FILE__, __LINE__,
                        few ? HR_E_CREATE_VIEW_NOT_ENOUGH : HR_E_CREATE_VIEW_TOO_MANY, "viewName",
                        stmt->is_temporary ? list(run, &name, 1) : full_name(run, name),
                        "viewColumns", list(run, stmt->columns, stmt->column_count), "dataColumns",
                        list(run, data, data_count), (char *)NULL);
}

static hr_status check_columns(struct hr_run *run, const char *name, const struct hr_plan *plan,
                               struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const char **names = HR_NEW_ARRAY(run->arena, const char *, plan->output_count + 1);
    if (!names) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->output_count; i++) names[i] = plan->output[i].name;
    if (stmt->column_count && stmt->column_count != plan->output_count)
        return bad_arity(run, name, names, plan->output_count, err);
    const char *const *own = stmt->column_count ? stmt->columns : names;
    for (uint32_t i = 0; i < plan->output_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (hr_str_eq_nocase(own[i], own[j]))
                return HR_RAISE(err, HR_E_COLUMN_ALREADY_EXISTS, "columnName",
                                list(run, &own[i], 1));
    return HR_OK;
}

/* Does the query read the view that it is to replace? Only what a fresh reading would tell. */
static bool reads(const struct hr_plan *plan, const char *name)
{
    if (plan->kind == HR_P_RELATION) {
        const struct hr_relation_node *relation = HR_NODE(relation, plan);
        return relation->name_part_count == 1 && hr_str_eq_nocase(relation->name_parts[0], name);
    }
    const struct hr_with_node *with = plan->kind == HR_P_WITH ? HR_NODE(with, plan) : NULL;
    for (uint32_t i = 0; with && i < with->cte_count; i++)
        if (hr_str_eq_nocase(with->ctes[i].name, name)) return false;
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (reads(plan->children[i], name)) return true;
    return false;
}

/* A view that could not be read is refused at once. */
static hr_status try_view(struct hr_run *run, const char *name, bool replaces,
                          const struct hr_type **ret, struct hr_err *err)
{
    struct hr_plan *plan = run->stmt->plan;
    bool recursive = replaces && reads(plan, name);
    HR_TRY(hr_run_analyze(run, &plan, err));
    if (recursive) {
        const char *quoted = list(run, &name, 1);
        const char *path = hr_arena_printf(run->arena, "%s -> %s", quoted, quoted);
        return HR_RAISE(err, HR_E_RECURSIVE_VIEW, "viewIdent", quoted, "newPath",
                        path ? path : quoted);
    }
    HR_TRY(check_columns(run, name, plan, err));
    *ret = hr_plan_schema(plan);
    return *ret ? HR_OK : HR_OOM(err);
}

/* In the warehouse is what stands on it, or, where one was named, all that does not stand on what
 * is the session's own. */
static bool is_durable(const struct hr_run *run)
{
    const struct hr_session *session = run->session;
    if (run->stmt->is_temporary || session->check_only || session->saw_session) return false;
    return session->saw_durable ||
           (HR_HAVE_SQLITE &&
            hr_options_get(&session->settings, "spark.sql.warehouse.dir") != NULL);
}

static char *lower(struct hr_arena *arena, const char *text)
{
    char *copy = hr_arena_strdup(arena, text);
    for (char *p = copy; p && *p; p++)
        if (*p >= 'A' && *p <= 'Z') *p = (char)(*p + 32);
    return copy;
}

static hr_status keep(struct hr_run *run, struct hr_object_name name, const struct hr_table *view,
                      const struct hr_type *schema, bool replace, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_wh *wh = NULL;
    struct hr_wh_object o = {.kind = HR_WH_VIEW, .text = view->view_text, .comment = stmt->comment};
    HR_TRY(hr_session_wh(run->session, true, &wh, err));
    o.schema = lower(run->arena, name.schema);
    o.name = lower(run->arena, name.name);
    o.context = run->session->schema ? run->session->schema : HR_WH_DEFAULT;
    o.columns = HR_NEW_ARRAY(run->arena, struct hr_wh_column, schema->field_count + 1);
    if (!o.schema || !o.name || !o.columns) return HR_OOM(err);
    for (uint32_t i = 0; i < schema->field_count; i++)
        o.columns[i] = (struct hr_wh_column){
            .name = stmt->column_count ? stmt->columns[i] : schema->fields[i].name,
            .type = hr_type_sql(run->arena, schema->fields[i].type),
            .nullable = true,
            .comment = stmt->specs ? stmt->specs[i].comment : NULL};
    o.column_count = schema->field_count;
    hr_options_init(&o.options, run->arena);
    hr_options_init(&o.properties, run->arena);
    for (uint32_t i = 0; stmt->properties && i < stmt->properties->count; i++)
        HR_TRY(hr_options_put(&o.properties, stmt->properties->items[i].key,
                              stmt->properties->items[i].value, err));
    hr_status status = hr_wh_create(wh, &o, NULL, 0, replace, err);
    return status == HR_E_EXISTS ? hr_table_exists(run, name.schema, name.name, err) : status;
}

static hr_status put(struct hr_run *run, struct hr_object_name name, struct hr_table *view,
                     struct hr_table *old, bool kept, struct hr_err *err)
{
    const struct hr_type *schema = NULL;
    struct hr_session *session = run->session;
    session->saw_durable = session->saw_session = session->saw_temporary = false;
    HR_TRY(fill_view(run, view, err));
    HR_TRY(try_view(run, name.name, old != NULL || kept, &schema, err));
    if (session->saw_temporary && !run->stmt->is_temporary && is_durable(run))
        return HR_RAISE(err, HR_E_INVALID_TEMP_OBJ_REFERENCE, "objName",
                        hr_full_name(run->arena, name.schema, name.name), "obj", "VIEW",
                        "tempObjName", "`of the session`", "tempObj", "VIEW");
    if (!is_durable(run) && !kept) {
        if (old) hr_catalog_remove(session, old);
        return hr_catalog_put(session, hr_table_ref(view), err);
    }
    HR_TRY(keep(run, name, view, schema, run->stmt->or_replace, err));
    if (old) hr_catalog_remove(session, old);
    return HR_OK;
}

hr_status hr_run_create_view(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_object_name name =
        hr_object_name(run->session, stmt->name_parts, stmt->name_part_count);
    struct hr_table *view = NULL, *kept = NULL;
    if (stmt->is_temporary)
        name.schema = stmt->is_global ? HR_GLOBAL_TEMP : NULL;
    else
        HR_TRY(hr_check_schema(run, name.schema, err));
    struct hr_table *old = find_old(run, name.schema, name.name);
    if (!old && !stmt->is_temporary)
        HR_TRY(hr_durable_find(run->session, name.schema, name.name, &kept, err));
    bool is_kept = kept != NULL, is_table = (kept && !kept->is_view) || (old && !old->is_view);
    hr_table_unref(kept);
    if ((old || is_kept) && stmt->if_not_exists) return HR_OK;
    if ((old || is_kept) && (!stmt->or_replace || (is_table && !stmt->is_temporary)))
        return exists(run, name.name, err);
    HR_TRY(hr_table_new(name.name, &view, err));
    view->schema_name = name.schema ? hr_arena_strdup(&view->arena, name.schema) : NULL;
    hr_status status = put(run, name, view, old, is_kept, err);
    hr_table_unref(view);
    return status;
}

static struct hr_table *temporary_view(const struct hr_session *session, const char *name)
{
    for (uint32_t i = 0; i < session->table_count; i++)
        if (session->tables[i]->is_temporary && hr_str_eq_nocase(session->tables[i]->name, name))
            return session->tables[i];
    return NULL;
}

hr_status hr_session_put_view(struct hr_session *session, const struct hr_view_spec *spec,
                              struct hr_err *err)
{
    struct hr_table *view = NULL, *old = temporary_view(session, spec->name);
    hr_status status = HR_OK;
    if (!*spec->name)
        status = HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a view without a name");
    else if (old && !spec->replace)
        status = HR_RAISE(err, HR_E_TEMP_TABLE_OR_VIEW_ALREADY_EXISTS, "relationName", spec->name);
    else
        status = hr_table_new(spec->name, &view, err);
    if (status != HR_OK) {
        spec->user_free(spec->user);
        return status;
    }
    view->is_temporary = true;
    view->schema_name = NULL;
    view->schema = spec->schema;
    view->source = spec->source;
    view->user = spec->user;
    view->user_free = spec->user_free;
    status = hr_catalog_put(session, view, err);
    if (status == HR_OK && old) hr_catalog_remove(session, old);
    return status;
}
