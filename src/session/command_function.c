/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL functions: CREATE FUNCTION keeps the text, DROP FUNCTION forgets it. A function is tried when
 * it is made: a call of it with NULLs is analysed.
 */
#include "plan/nodes/generate.h"
#include "plan/nodes/project.h"
#include "session/internal.h"
#include "session/variable.h"

struct hr_user_function {
    struct hr_arena arena;
    struct hr_sql_function def;
};

static void free_function(struct hr_user_function *f)
{
    hr_arena_done(&f->arena);
    hr_free(f);
}

void hr_functions_done(struct hr_session *session)
{
    for (uint32_t i = 0; i < session->function_count; i++) free_function(session->functions[i]);
    hr_free(session->functions);
    session->functions = NULL;
    session->function_count = 0;
}

/* f, session.f, default.f, spark_catalog.default.f: the last part, and which kinds it may mean. */
static const char *last_part(const char *name, bool *ret_temporary, bool *ret_persistent)
{
    static const struct {
        const char *prefix;
        bool temporary, persistent;
    } prefixes[] = {{"session.", true, false},
                    {"system.session.", true, false},
                    {"default.", false, true},
                    {"spark_catalog.default.", false, true}};
    *ret_temporary = *ret_persistent = true;
    if (!strchr(name, '.')) return name;
    for (size_t i = 0; i < HR_COUNT(prefixes); i++) {
        size_t len = strlen(prefixes[i].prefix);
        if (strlen(name) <= len || strchr(name + len, '.')) continue;
        if (!hr_sv_eq_nocase(hr_svn(name, len), hr_sv(prefixes[i].prefix))) continue;
        *ret_temporary = prefixes[i].temporary;
        *ret_persistent = prefixes[i].persistent;
        return name + len;
    }
    *ret_temporary = *ret_persistent = false;
    return name;
}

static struct hr_user_function *find(const struct hr_session *session, const char *name,
                                     bool temporary)
{
    for (uint32_t i = 0; i < session->function_count; i++) {
        struct hr_user_function *f = session->functions[i];
        if (f->def.is_temporary == temporary && hr_str_eq_nocase(f->def.name, name)) return f;
    }
    return NULL;
}

const struct hr_sql_function *hr_catalog_function(struct hr_catalog *catalog, const char *name)
{
    struct hr_session *session = HR_CONTAINER_OF(catalog, struct hr_session, catalog);
    bool temporary, persistent;
    const char *last = last_part(name, &temporary, &persistent);
    const struct hr_user_function *f = temporary ? find(session, last, true) : NULL;
    if (!f && persistent) f = find(session, last, false);
    return f ? &f->def : NULL;
}

hr_status hr_catalog_parse(struct hr_catalog *catalog, struct hr_arena *arena, const char *text,
                           struct hr_plan **ret, struct hr_err *err)
{
    struct hr_session *session = HR_CONTAINER_OF(catalog, struct hr_session, catalog);
    return hr_session_parse_query(session, arena, hr_sv(text), ret, err);
}

const char *hr_session_function_name(const struct hr_session *session, uint32_t index,
                                     struct hr_arena *arena)
{
    if (index >= session->function_count) return NULL;
    const struct hr_sql_function *f = &session->functions[index]->def;
    return f->is_temporary ? f->name : hr_arena_printf(arena, "spark_catalog.default.%s", f->name);
}

/* Checks --------------------------------------------------------------------------------------- */

static hr_status whole(const struct hr_run *run, hr_status status, struct hr_err *err)
{
    if (status != HR_OK) hr_err_at(err, 0, (int32_t)run->stmt->text.len);
    return status;
}

static hr_status check_form(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const char *name = stmt->function->name, *qualifier = stmt->name_parts[0];
    uint32_t parts = stmt->name_part_count;
    if (stmt->or_replace && stmt->if_not_exists)
        return HR_RAISE(err, HR_E_ROUTINE_IF_NOT_EXISTS_AND_REPLACE);
    if (stmt->is_temporary && stmt->if_not_exists)
        return HR_RAISE(err, HR_E_TEMP_FUNC_WITH_IF_NOT_EXISTS);
    bool in_session = parts >= 2 && hr_str_eq_nocase(stmt->name_parts[parts - 2], "session");
    if (stmt->is_temporary && parts > 1 && !in_session)
        return HR_RAISE(err, HR_E_INVALID_TEMP_OBJ_QUALIFIER, "objectType", "FUNCTION",
                        "objectName", hr_quoted_name(run->arena, &name, 1), "qualifier",
                        hr_quoted_name(run->arena, &qualifier, 1));
    if (stmt->function->is_table && !stmt->function->body_is_query)
        return HR_RAISE(err, HR_E_FUNCTION_BODY_QUERY, "name", name);
    return HR_OK;
}

static hr_status check_params(struct hr_run *run, struct hr_err *err)
{
    const struct hr_sql_function *f = run->stmt->function;
    for (uint32_t i = 0; i < f->param_count; i++) {
        for (uint32_t j = 0; j < i; j++)
            if (hr_str_eq_nocase(f->params[i].name, f->params[j].name))
                return HR_RAISE(err, HR_E_DUPLICATE_ROUTINE_PARAMETER_NAMES, "routineName", f->name,
                                "names", hr_quoted_name(run->arena, &f->params[i].name, 1));
        if (i > 0 && f->params[i - 1].default_text && !f->params[i].default_text)
            return HR_RAISE(err, HR_E_FUNCTION_DEFAULT_POSITION, "functionName", f->name,
                            "parameterName", f->params[i - 1].name, "nextParameterName",
                            f->params[i].name);
    }
    for (uint32_t i = 0; i < f->column_count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (hr_str_eq_nocase(f->columns[i].name, f->columns[j].name))
                return HR_RAISE(err, HR_E_DUPLICATE_ROUTINE_RETURNS_COLUMNS, "routineName", f->name,
                                "columns", hr_quoted_name(run->arena, &f->columns[i].name, 1));
    return HR_OK;
}

/* A copy that needs nothing of the statement. */
static hr_status copy_of(const struct hr_stmt *stmt, struct hr_user_function **ret,
                         struct hr_err *err)
{
    const struct hr_sql_function *from = stmt->function;
    struct hr_user_function *f = hr_zalloc(sizeof *f);
    if (!f) return HR_OOM(err);
    hr_arena_init(&f->arena, NULL);
    f->def = *from;
    f->def.is_temporary = stmt->is_temporary;
    f->def.name = hr_arena_strdup(&f->arena, from->name);
    f->def.body = hr_arena_strdup(&f->arena, from->body);
    f->def.params = HR_NEW_ARRAY(&f->arena, struct hr_function_param, from->param_count + 1);
    f->def.columns = HR_NEW_ARRAY(&f->arena, struct hr_field, from->column_count + 1);
    bool ok = f->def.name && f->def.body && f->def.params && f->def.columns;
    for (uint32_t i = 0; ok && i < from->param_count; i++) {
        struct hr_function_param *p = &f->def.params[i];
        *p = from->params[i];
        p->name = hr_arena_strdup(&f->arena, p->name);
        if (p->default_text) p->default_text = hr_arena_strdup(&f->arena, p->default_text);
        ok = p->name && (p->default_text || !from->params[i].default_text);
    }
    for (uint32_t i = 0; ok && i < from->column_count; i++) {
        f->def.columns[i] = from->columns[i];
        f->def.columns[i].name = hr_arena_strdup(&f->arena, from->columns[i].name);
        ok = f->def.columns[i].name != NULL;
    }
    if (!ok) {
        free_function(f);
        return HR_OOM(err);
    }
    *ret = f;
    return HR_OK;
}

static hr_status null_call(struct hr_run *run, struct hr_expr **ret, struct hr_err *err)
{
    const struct hr_sql_function *f = run->stmt->function;
    struct hr_expr **args = HR_NEW_ARRAY(run->arena, struct hr_expr *, f->param_count + 1);
    if (!args) return HR_OOM(err);
    for (uint32_t i = 0; i < f->param_count; i++)
        if (!(args[i] = hr_expr_null(run->arena, f->params[i].type))) return HR_OOM(err);
    const char *name = hr_arena_printf(run->arena, "%s.%s",
                                       run->stmt->is_temporary ? "session" : "default", f->name);
    *ret = name ? hr_expr_call(run->arena, name, args, f->param_count) : NULL;
    return *ret ? HR_OK : HR_OOM(err);
}

/* SELECT f(NULL, …), or FROM f(NULL, …), analysed. */
static hr_status try_call(struct hr_run *run, struct hr_err *err)
{
    struct hr_plan *row = hr_plan_new(run->arena, HR_P_ONE_ROW), *plan = NULL;
    struct hr_expr **exprs = HR_NEW(run->arena, struct hr_expr *);
    bool is_table = run->stmt->function->is_table;
    if (row) plan = hr_plan_new1(run->arena, is_table ? HR_P_GENERATE : HR_P_PROJECT, row);
    if (!plan || !exprs) return HR_OOM(err);
    HR_TRY(null_call(run, &exprs[0], err));
    if (is_table) {
        HR_NODE(generate, plan)->call = exprs[0];
    } else {
        hr_select_of(plan)->exprs = exprs;
        hr_select_of(plan)->expr_count = 1;
    }
    HR_TRY(hr_run_analyze(run, &plan, err));
    for (uint32_t i = 0; is_table && run->stmt->function->column_count == 0; i++) {
        if (i == plan->output_count) break;
        const char *c = plan->output[i].name;
        bool named = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
        if (!named || strchr(c, '('))
            return HR_RAISE(err, HR_E_FUNCTION_COLUMN_NAMES, "functionName",
                            hr_quoted_name(run->arena, &run->stmt->function->name, 1));
    }
    return HR_OK;
}

/* Statements ----------------------------------------------------------------------------------- */

static hr_status put(struct hr_session *session, struct hr_user_function *f, struct hr_err *err)
{
    struct hr_user_function **grown =
        hr_realloc(session->functions, (session->function_count + 1) * sizeof *grown);
    if (!grown) return HR_OOM(err);
    session->functions = grown;
    grown[session->function_count++] = f;
    return HR_OK;
}

static void take_out(struct hr_session *session, const struct hr_user_function *f)
{
    for (uint32_t i = 0; i < session->function_count; i++) {
        if (session->functions[i] != f) continue;
        session->functions[i] = session->functions[--session->function_count];
        return;
    }
}

static const char *shown_name(struct hr_run *run, const char *name)
{
    const char *parts[] = {"default", name};
    bool temporary = run->stmt->is_temporary;
    return hr_quoted_name(run->arena, parts + temporary, temporary ? 1 : 2);
}

static hr_status exists(struct hr_run *run, const char *name, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_ROUTINE_ALREADY_EXISTS, "routineName", shown_name(run, name),
                    "newRoutineType", "routine", "existingRoutineType", "routine");
}

hr_status hr_run_create_function(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_session *session = run->session;
    HR_TRY(whole(run, check_form(run, err), err));
    HR_TRY(check_params(run, err));
    struct hr_user_function *old = find(session, stmt->function->name, stmt->is_temporary);
    if (old && stmt->if_not_exists) return HR_OK;
    if (old && !stmt->or_replace) return exists(run, stmt->function->name, err);
    struct hr_user_function *f = NULL;
    HR_TRY(copy_of(stmt, &f, err));
    if (old) take_out(session, old);
    hr_status status = put(session, f, err);
    if (status != HR_OK) {
        free_function(f);
    } else {
        status = whole(run, try_call(run, err), err);
        if (status != HR_OK) {
            take_out(session, f);
            free_function(f);
        }
    }
    if (old && status != HR_OK) return put(session, old, NULL) == HR_OK ? status : HR_OOM(err);
    if (old) free_function(old);
    return status;
}

hr_status hr_run_drop_function(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    const char *name = stmt->name_parts[stmt->name_part_count - 1];
    struct hr_user_function *f = find(run->session, name, stmt->is_temporary);
    if (f) {
        take_out(run->session, f);
        free_function(f);
        return HR_OK;
    }
    if (!stmt->is_temporary && stmt->name_part_count == 1 && hr_function_find(name))
        return HR_RAISE(err, HR_E_FORBIDDEN_OPERATION, "statement", "DROP", "objectType",
                        "FUNCTION", "objectName", hr_quoted_name(run->arena, &name, 1));
    if (stmt->if_exists) return HR_OK;
    return HR_RAISE(err, HR_E_ROUTINE_NOT_FOUND, "routineName", shown_name(run, name));
}
