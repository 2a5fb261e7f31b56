/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls of SQL functions: the body, parsed anew, takes the place of the call, and the arguments
 * that of the parameters. A name in the body is a column first, then a parameter. In a query inside
 * the body a parameter is what any name of the query around is (analyze_subquery.c); an argument
 * without columns is put in as it is.
 */
#include <stdio.h>

#include "plan/analyze.h"
#include "plan/nodes/generate.h"
#include "plan/nodes/project.h"

#define DEPTH_MAX 20

const struct hr_sql_function *hr_find_sql_function(struct hr_analyzer *an, const char *name)
{
    if (!an->catalog->function || hr_function_find(name)) return NULL;
    for (const struct hr_param_scope *s = an->inlined; s; s = s->outer)
        if (hr_str_eq_nocase(s->function->name, name))
            return NULL; /* is not there in its own body */
    return an->catalog->function(an->catalog, name);
}

/* Parameters ----------------------------------------------------------------------------------- */

static bool has_no_attr(void *arg, const struct hr_expr *e)
{
    HR_UNUSED(arg);
    return e->kind != HR_X_ATTR && e->kind != HR_X_SUBQUERY;
}

bool hr_find_param(const struct hr_param_scope *scope, const struct hr_expr *name, uint32_t *ret,
                   uint32_t *ret_used_parts)
{
    if (!scope) return false;
    const char *const *parts = name->name_parts;
    for (uint32_t at = 0; at < 2 && at < name->name_part_count; at++) {
        if (at == 1 && !hr_str_eq_nocase(parts[0], scope->function->name)) continue;
        for (uint32_t i = 0; i < scope->function->param_count; i++) {
            if (!hr_str_eq_nocase(parts[at], scope->function->params[i].name)) continue;
            *ret = i;
            *ret_used_parts = at + 1;
            return true;
        }
    }
    return false;
}

hr_status hr_param_value(struct hr_analyzer *an, const struct hr_param_scope *scope, uint32_t i,
                         struct hr_expr **ret, bool *ret_is_constant, struct hr_err *err)
{
    const struct hr_expr *value = scope->args[i];
    *ret_is_constant = hr_expr_walk(value, has_no_attr, NULL);
    if (++scope->uses[i] > 1 && !hr_expr_is_deterministic(value))
        return HR_RAISE(
            err, HR_E_NOT_SUPPORTED, "what",
            "a parameter that is used twice, with an argument that is not deterministic,");
    *ret = hr_expr_copy(an->arena, value);
    if (!*ret) return HR_OOM(err);
    if (value->kind != HR_X_LITERAL) return HR_OK;
    *ret = hr_expr_cast(an->arena, *ret, value->type); /* arithmetic looks at literals' digits */
    if (!*ret) return HR_OOM(err);
    (*ret)->implicit_cast = true;
    return hr_expr_resolve_node(an->arena, an->conf, *ret, err);
}

hr_status hr_resolve_param(struct hr_analyzer *an, const struct hr_expr *name, struct hr_expr **ret,
                           struct hr_err *err)
{
    uint32_t i = 0, used = 0;
    struct hr_expr *value = NULL;
    bool constant;
    if (!hr_find_param(an->params, name, &i, &used)) return HR_OK;
    HR_TRY(hr_param_value(an, an->params, i, &value, &constant, err));
    return hr_take_fields(an, value, name, used, ret, err);
}

/* Arguments ------------------------------------------------------------------------------------ */

static hr_status about_argument(struct hr_analyzer *an, hr_status code, const struct hr_expr *call,
                                const struct hr_sql_function *f, const char *name,
                                struct hr_err *err)
{
    struct hr_buf proposal = {0};
    for (uint32_t i = 0; i < f->param_count; i++)
        hr_buf_printf(&proposal, "%s`%s`", i ? " " : "", f->params[i].name);
    bool unknown = code == HR_E_UNRECOGNIZED_PARAMETER_NAME;
    const char *quoted = hr_quote_name(an->arena, &name, 1);
    const char *last = unknown ? "proposal" : NULL;
    hr_err_raise(err, __FILE__, __LINE__, code, "routineName",
                 hr_quote_name(an->arena, &f->name, 1), unknown ? "argumentName" : "parameterName",
                 quoted, last, hr_buf_cstr(&proposal), (char *)NULL);
    hr_buf_done(&proposal);
    return hr_err_at(err, call->sql_pos, call->sql_end);
}

static hr_status wrong_count(struct hr_analyzer *an, const struct hr_expr *call,
                             const struct hr_sql_function *f, struct hr_err *err)
{
    char expected[16], actual[16];
    snprintf(expected, sizeof expected, "%u", f->param_count);
    snprintf(actual, sizeof actual, "%u", call->arg_count);
    HR_RAISE(err, HR_E_WRONG_NUM_ARGS, "functionName", hr_quote_name(an->arena, &f->name, 1),
             "expectedNum", expected, "actualNum", actual);
    return hr_err_at(err, call->sql_pos, call->sql_end);
}

static hr_status place_named(struct hr_analyzer *an, const struct hr_expr *call,
                             const struct hr_sql_function *f, struct hr_expr *arg,
                             uint32_t positional, struct hr_expr **placed, struct hr_err *err)
{
    uint32_t at = 0;
    while (at < f->param_count && !hr_str_eq_nocase(f->params[at].name, arg->name)) at++;
    if (at == f->param_count)
        return about_argument(an, HR_E_UNRECOGNIZED_PARAMETER_NAME, call, f, arg->name, err);
    if (placed[at])
        return about_argument(
            an, at < positional ? HR_E_POSITIONAL_AND_NAMED : HR_E_DUPLICATE_NAMED_ARGUMENT, call,
            f, f->params[at].name, err);
    placed[at] = arg->args[0];
    return HR_OK;
}

/* SELECT text, with nothing in sight but other functions and variables. */
static hr_status default_value(struct hr_analyzer *an, const char *text, struct hr_expr **ret,
                               struct hr_err *err)
{
    struct hr_plan *plan = NULL;
    struct hr_names none = {.input_count = 0};
    const char *query = hr_arena_printf(an->arena, "SELECT %s", text);
    if (!query) return HR_OOM(err);
    HR_TRY(an->catalog->parse(an->catalog, an->arena, query, &plan, err));
    *ret = hr_expr_strip_alias(hr_select_of(plan)->exprs[0]);
    return hr_resolve(an, &none, ret, err);
}

/* The arguments, cast to the parameters' types; shown: as the call's name shows them. */
static hr_status place(struct hr_analyzer *an, const struct hr_expr *call,
                       const struct hr_sql_function *f, struct hr_param_scope *scope,
                       const char **ret_shown, struct hr_err *err)
{
    uint32_t positional = 0;
    struct hr_buf shown = {0};
    scope->args = HR_NEW_ARRAY(an->arena, struct hr_expr *, f->param_count + 1);
    scope->uses = HR_NEW_ARRAY(an->arena, uint32_t, f->param_count + 1);
    if (!scope->args || !scope->uses) return HR_OOM(err);
    if (call->arg_count > f->param_count) return wrong_count(an, call, f, err);
    while (positional < call->arg_count && !call->args[positional]->is_named_argument) {
        scope->args[positional] = call->args[positional];
        positional++;
    }
    for (uint32_t i = positional; i < call->arg_count; i++) {
        if (!call->args[i]->is_named_argument)
            return about_argument(an, HR_E_UNEXPECTED_POSITIONAL_ARGUMENT, call, f,
                                  call->args[positional]->name, err);
        HR_TRY(place_named(an, call, f, call->args[i], positional, scope->args, err));
    }
    for (uint32_t i = 0; i < f->param_count; i++) {
        struct hr_expr **arg = &scope->args[i];
        if (!*arg) {
            if (!f->params[i].default_text) return wrong_count(an, call, f, err);
            HR_TRY(default_value(an, f->params[i].default_text, arg, err));
        } else {
            hr_buf_printf(&shown, "%s%s", shown.len ? ", " : "", hr_expr_text(an->arena, *arg));
        }
        if (hr_type_same((*arg)->type, f->params[i].type)) continue;
        *arg = hr_expr_cast(an->arena, *arg, f->params[i].type);
        if (!*arg) return HR_OOM(err);
        (*arg)->implicit_cast = true;
        (*arg)->sql_pos = call->sql_pos;
        (*arg)->sql_end = call->sql_end;
        HR_TRY(hr_expr_resolve_node(an->arena, an->conf, *arg, err));
    }
    *ret_shown =
        hr_arena_printf(an->arena, "%s%s(%s)", f->is_temporary ? "" : "spark_catalog.default.",
                        f->name, hr_buf_cstr(&shown));
    hr_buf_done(&shown);
    return *ret_shown ? HR_OK : HR_OOM(err);
}

/* Bodies --------------------------------------------------------------------------------------- */

static bool is_simple(void *arg, const struct hr_expr *e)
{
    HR_UNUSED(arg);
    if (e->kind == HR_X_OVER) return false;
    if (e->kind != HR_X_CALL) return true;
    const struct hr_function *fn = hr_function_find(e->name);
    return !hr_is_generator(e) && !(fn && (fn->flags & (HR_FN_AGGREGATE | HR_FN_GENERATOR)));
}

struct saved {
    const struct hr_cte_scope *ctes;
    const struct hr_param_scope *params;
};

static hr_status enter(struct hr_analyzer *an, struct hr_param_scope *scope, struct saved *saved,
                       struct hr_err *err)
{
    uint32_t depth = 0;
    for (const struct hr_param_scope *s = an->inlined; s; s = s->outer) depth++;
    if (depth >= DEPTH_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the depth of functions", "limit", "20");
    *saved = (struct saved){an->ctes, an->params};
    scope->outer = an->inlined;
    an->inlined = an->params = scope;
    an->ctes = NULL;
    return HR_OK;
}

static void leave(struct hr_analyzer *an, const struct hr_param_scope *scope,
                  const struct saved *saved)
{
    an->inlined = scope->outer;
    an->params = saved->params;
    an->ctes = saved->ctes;
}

static hr_status body_of(struct hr_analyzer *an, const struct hr_sql_function *f,
                         struct hr_expr **ret, struct hr_err *err)
{
    struct hr_plan *plan = NULL;
    const char *text =
        hr_arena_printf(an->arena, f->body_is_query ? "SELECT (%s)" : "SELECT %s", f->body);
    if (!text) return HR_OOM(err);
    HR_TRY(an->catalog->parse(an->catalog, an->arena, text, &plan, err));
    struct hr_select *select = hr_plan_is_select(plan) ? hr_select_of(plan) : NULL;
    if (!select || select->expr_count != 1)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "a function of several values");
    *ret = hr_expr_strip_alias(select->exprs[0]);
    if (hr_expr_walk(*ret, is_simple, NULL)) return HR_OK;
    return HR_RAISE(err, HR_E_FUNCTION_COMPLEX, "queryText", f->body);
}

static hr_status inline_call(struct hr_analyzer *an, struct hr_expr **expr,
                             const struct hr_sql_function *f, struct hr_err *err)
{
    struct hr_param_scope scope = {.function = f};
    struct hr_names none = {.input_count = 0};
    struct hr_expr *body = NULL;
    struct saved saved;
    const char *shown = NULL;
    HR_TRY(place(an, *expr, f, &scope, &shown, err));
    HR_TRY(body_of(an, f, &body, err));
    HR_TRY(enter(an, &scope, &saved, err));
    hr_status status = hr_resolve(an, &none, &body, err);
    leave(an, &scope, &saved);
    HR_TRY(status);
    const struct hr_type *type = f->returns ? f->returns : body->type;
    if (!hr_type_same(body->type, type) || body->kind == HR_X_ATTR || body->kind == HR_X_LITERAL) {
        body = hr_expr_cast(an->arena, body, type);
        if (!body) return HR_OOM(err);
        body->implicit_cast = true;
        HR_TRY(hr_expr_resolve_node(an->arena, an->conf, body, err));
    }
    body->shown = shown;
    body->sql_pos = (*expr)->sql_pos;
    body->sql_end = (*expr)->sql_end;
    *expr = body;
    return HR_OK;
}

hr_status hr_inline_function(struct hr_analyzer *an, struct hr_expr **expr, struct hr_err *err)
{
    const struct hr_sql_function *f = hr_find_sql_function(an, (*expr)->name);
    int32_t pos = (*expr)->sql_pos, end = (*expr)->sql_end;
    if (!f) return HR_OK;
    hr_status status = HR_OK;
    if (f->is_table)
        status = HR_RAISE(err, HR_E_NOT_A_SCALAR_FUNCTION, "functionName",
                          hr_quote_name(an->arena, &f->name, 1));
    else
        status = inline_call(an, expr, f, err);
    if (status != HR_OK) hr_err_at(err, pos, end);
    return status;
}

/* Table functions ------------------------------------------------------------------------------ */

static hr_status check_columns(struct hr_analyzer *an, const struct hr_sql_function *f,
                               const struct hr_plan *body, struct hr_err *err)
{
    if (f->column_count == 0 || f->column_count == body->output_count) return HR_OK;
    const char *output = hr_arena_printf(an->arena, "%u", body->output_count);
    const char *wanted = hr_arena_printf(an->arena, "%u", f->column_count);
    return HR_RAISE(err, HR_E_FUNCTION_COLUMN_COUNT, "outputSize", output, "returnParamSize",
                    wanted, "name", f->name);
}

static hr_status name_columns(struct hr_analyzer *an, const struct hr_sql_function *f,
                              struct hr_plan **body, struct hr_err *err)
{
    if (f->column_count == 0) return HR_OK;
    const struct hr_type **types = HR_NEW_ARRAY(an->arena, const struct hr_type *, f->column_count);
    const char **names = HR_NEW_ARRAY(an->arena, const char *, f->column_count);
    if (!types || !names) return HR_OOM(err);
    for (uint32_t i = 0; i < f->column_count; i++) {
        types[i] = f->columns[i].type;
        names[i] = f->columns[i].name;
    }
    HR_TRY(hr_cast_columns(an, body, types, -1, -1, err));
    return hr_rename_columns(an, body, names, f->column_count, err);
}

static hr_status table_body(struct hr_analyzer *an, const struct hr_sql_function *f,
                            struct hr_param_scope *scope, struct hr_plan **ret, struct hr_err *err)
{
    struct saved saved;
    HR_TRY(an->catalog->parse(an->catalog, an->arena, f->body, ret, err));
    HR_TRY(enter(an, scope, &saved, err));
    hr_status status = hr_analyze(an, ret, err);
    leave(an, scope, &saved);
    HR_TRY(status);
    HR_TRY(check_columns(an, f, *ret, err));
    return name_columns(an, f, ret, err);
}

hr_status hr_inline_table_function(struct hr_analyzer *an, struct hr_plan **plan, bool *ret_done,
                                   struct hr_err *err)
{
    struct hr_generate_node *generate = HR_NODE(generate, *plan);
    struct hr_expr *call = generate->call;
    if (call->kind != HR_X_CALL) return HR_OK;
    const struct hr_sql_function *f = hr_find_sql_function(an, call->name);
    if (!f) return HR_OK;
    *ret_done = true;
    const char *name = generate->name ? generate->name : f->name, *shown = NULL;
    struct hr_param_scope scope = {.function = f};
    struct hr_names names = {.inputs = {(*plan)->children[0]}, .input_count = 1};
    struct hr_plan *body = NULL;
    for (uint32_t i = 0; i < call->arg_count; i++)
        HR_TRY(hr_resolve(an, &names, &call->args[i], err));
    hr_status status = HR_OK;
    if (!f->is_table)
        status = HR_RAISE(err, HR_E_NOT_A_TABLE_FUNCTION, "functionName",
                          hr_quote_name(an->arena, &f->name, 1));
    else if ((*plan)->children[0]->output_count)
        status = HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "LATERAL VIEW of a SQL function");
    if (status == HR_OK) status = place(an, call, f, &scope, &shown, err);
    if (status == HR_OK) status = table_body(an, f, &scope, &body, err);
    if (status == HR_OK && generate->column_count)
        status = hr_rename_columns(an, &body, generate->columns, generate->column_count, err);
    if (status != HR_OK) {
        hr_err_at(err, call->sql_pos, call->sql_end);
        return status;
    }
    *plan = body;
    return hr_alias_plan(an, plan, name, err);
}
