/* SPDX-License-Identifier: Apache-2.0 */
/*
 * EXECUTE IMMEDIATE: a statement that is a value, with values in the place of its parameters; and
 * what IDENTIFIER() asks while a statement is parsed.
 */
#include "expr/literal_sql.h"
#include "session/internal.h"
#include "session/variable.h"
#include "sql/parser.h"

static hr_status text_of(struct hr_run *run, struct hr_str_view *ret, struct hr_err *err)
{
    struct hr_expr *x = run->stmt->value_expr;
    const struct hr_column *column = NULL;
    const char *shown = hr_expr_text(run->arena, x);
    int32_t pos = x->sql_pos, end = x->sql_end;
    hr_status status =
        hr_session_evaluate(run->session, &run->conf, run->arena, x, NULL, &column, err);
    if (status == HR_OK && !column) {
        HR_RAISE(err, HR_E_PARAMETER_EXPRESSION, "invalidExprSql", shown);
        status = hr_err_at(err, pos, end);
    }
    HR_TRY(status);
    if (column->type->id != HR_T_STRING) {
        const char *type =
            hr_arena_printf(run->arena, "\"%s\"", hr_type_sql(run->arena, column->type));
        return HR_RAISE(err, HR_E_EXECUTE_IMMEDIATE_TYPE, "exprType", type ? type : "?");
    }
    if (!hr_column_valid(column, 0))
        return HR_RAISE(err, HR_E_EXECUTE_IMMEDIATE_NULL, "varName",
                        hr_quoted_name(run->arena, &shown, 1));
    *ret = hr_string_view((const struct hr_string *)column->values);
    return HR_OK;
}

static hr_status param_of(struct hr_run *run, struct hr_expr *x, struct hr_sql_param *ret,
                          struct hr_err *err)
{
    const struct hr_column *column = NULL;
    struct hr_buf text = {0};
    if (x->kind == HR_X_ALIAS) ret->name = x->name;
    x = hr_expr_strip_alias(x);
    const char *shown = hr_expr_quoted(run->arena, x);
    int32_t pos = x->sql_pos, end = x->sql_end;
    HR_TRY(hr_session_evaluate(run->session, &run->conf, run->arena, x, NULL, &column, err));
    if (!column) {
        HR_RAISE(err, HR_E_PARAMETER_EXPRESSION, "invalidExprSql", shown);
        return hr_err_at(err, pos, end);
    }
    hr_literal_sql(column, 0, run->conf.tz, true, &text);
    ret->text = hr_arena_strdup(run->arena, hr_buf_cstr(&text));
    hr_status status = hr_buf_status(&text, err);
    hr_buf_done(&text);
    HR_TRY(status);
    return ret->text ? HR_OK : HR_OOM(err);
}

static hr_status params_of(struct hr_run *run, struct hr_sql_param **ret, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    struct hr_sql_param *params =
        HR_NEW_ARRAY(run->arena, struct hr_sql_param, stmt->value_count + 1);
    if (!params) return HR_OOM(err);
    bool any_name = false, all_names = true;
    for (uint32_t i = 0; i < stmt->value_count; i++) {
        HR_TRY(param_of(run, stmt->values[i], &params[i], err));
        if (params[i].name)
            any_name = true;
        else
            all_names = false;
    }
    if (any_name && !all_names) return HR_RAISE(err, HR_E_MIXED_PARAMETERS);
    *ret = params;
    return HR_OK;
}

static const char *upper(struct hr_arena *arena, struct hr_str_view text)
{
    char *copy = hr_arena_strndup(arena, text.ptr, text.len);
    for (char *c = copy; c && *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 32);
    return copy ? copy : "?";
}

/* INTO x where there is no x: Spark says it as of a column. */
static hr_status unknown_target(struct hr_run *run, struct hr_err *err)
{
    const struct hr_stmt *stmt = run->stmt;
    for (uint32_t i = 0; i < stmt->variable_count; i++) {
        const struct hr_stmt_variable *v = &stmt->variables[i];
        if (hr_session_has_variable(run->session, v->parts[v->part_count - 1])) continue;
        HR_RAISE(err, HR_E_UNRESOLVED_COLUMN_WITHOUT_SUGGESTION, "objectName",
                 hr_quoted_name(run->arena, v->parts, v->part_count));
        return hr_err_at(err, v->pos, v->end);
    }
    return HR_E_UNRESOLVED_VARIABLE;
}

/* The statement's own result becomes that of the one inside. */
static hr_status run_inner(struct hr_run *run, struct hr_str_view text, struct hr_err *err)
{
    const struct hr_stmt *outer = run->stmt;
    struct hr_stmt *inner = NULL;
    struct hr_str_view rest = hr_sv_trim(text);
    while (rest.len && rest.ptr[rest.len - 1] == ';')
        rest = hr_sv_trim(hr_svn(rest.ptr, rest.len - 1));
    HR_TRY(hr_session_parse(run->session, run->arena, rest, &inner, err));
    if (run->session->before)
        HR_TRY(run->session->before(run->session->before_arg, inner, run->arena, err));
    if (outer->variable_count == 0) {
        if (run->depth >= 20)
            return HR_RAISE(err, HR_E_LIMIT, "what", "EXECUTE IMMEDIATE inside itself", "limit",
                            "20 levels");
        run->stmt = inner;
        run->depth++;
        hr_status status = hr_run_dispatch(run, err);
        run->depth--;
        run->stmt = outer;
        return status;
    }
    if (inner->kind != HR_STMT_QUERY)
        return HR_RAISE(err, HR_E_EXECUTE_INTO_STATEMENT, "sqlString", upper(run->arena, rest));
    struct hr_variable **targets = NULL;
    hr_status status = hr_find_variables(run, &targets, err);
    if (status == HR_E_UNRESOLVED_VARIABLE) return unknown_target(run, err);
    HR_TRY(status);
    return hr_assign_row(run, inner->plan, targets, outer->variable_count, err);
}

hr_status hr_run_execute(struct hr_run *run, struct hr_err *err)
{
    struct hr_str_view text = {0};
    struct hr_sql_param *params = NULL;
    HR_TRY(text_of(run, &text, err));
    HR_TRY(params_of(run, &params, err));
    HR_TRY(hr_sql_bind_params(run->arena, text, params, run->stmt->value_count, &text, err));
    return run_inner(run, text, err);
}

/* IDENTIFIER ----------------------------------------------------------------------------------- */

static hr_status not_constant(hr_status code, const char *shown, const struct hr_type *type,
                              struct hr_arena *arena, struct hr_err *err)
{
    const char *last = type ? "dataType" : NULL; /* ends the list without a type */
    return hr_err_raise(err, __FILE__, __LINE__, code, "expr", shown, "name", "IDENTIFIER", last,
                        type ? hr_type_simple(arena, type) : NULL, (char *)NULL);
}

hr_status hr_session_constant(void *arg, struct hr_arena *arena, struct hr_expr *x,
                              const char **ret_text, struct hr_err *err)
{
    struct hr_session *session = arg;
    const struct hr_column *column = NULL;
    const char *shown = hr_expr_text(arena, x);
    hr_status status = hr_session_evaluate(session, &session->conf, arena, x, NULL, &column, err);
    if (status == HR_E_UNRESOLVED_COLUMN_WITHOUT_SUGGESTION || (status == HR_OK && !column))
        return not_constant(HR_E_IDENTIFIER_NOT_CONSTANT, shown, NULL, arena, err);
    HR_TRY(status);
    if (column->type->id != HR_T_STRING)
        return not_constant(HR_E_IDENTIFIER_WRONG_TYPE, shown, column->type, arena, err);
    if (!hr_column_valid(column, 0))
        return not_constant(HR_E_IDENTIFIER_NULL, shown, NULL, arena, err);
    struct hr_str_view text = hr_string_view((const struct hr_string *)column->values);
    *ret_text = hr_arena_strndup(arena, text.ptr, text.len);
    return *ret_text ? HR_OK : HR_OOM(err);
}
