/* SPDX-License-Identifier: Apache-2.0 */
/* Which lambdas functions take, the types of their variables, and running them over elements. */
#include "expr/lambda.h"

#include <stdio.h>

#include "expr/internal.h"
#include "expr/lambda_run.h"

/* --- Shapes ------------------------------------------------------------------------------------*/

/* The argument that is a function: the first such one, and how many. */
struct shape {
    enum hr_function_role role;
    uint8_t first, count, lists; /* lists: arrays or maps before it */
    uint8_t min_vars, max_vars;
    enum hr_type_id list;
};

static const struct shape shapes[] = {
    {HR_ROLE_EACH_ELEMENT, 1, 1, 1, 1, 2, HR_T_ARRAY},
    {HR_ROLE_EACH_VALUE, 1, 1, 1, 1, 1, HR_T_ARRAY},
    {HR_ROLE_EACH_ENTRY, 1, 1, 1, 2, 2, HR_T_MAP},
    {HR_ROLE_EACH_PAIR, 2, 1, 2, 2, 2, HR_T_ARRAY},
    {HR_ROLE_EACH_KEY, 2, 1, 2, 3, 3, HR_T_MAP},
    {HR_ROLE_FOLD, 2, 2, 1, 2, 2, HR_T_ARRAY},
    {HR_ROLE_SORT_BY, 1, 1, 1, 2, 2, HR_T_ARRAY},
};

static const struct shape *shape_of(const struct hr_expr *call)
{
    enum hr_function_role role = hr_expr_role(call);
    for (size_t i = 0; i < HR_COUNT(shapes); i++)
        if (shapes[i].role == role) return &shapes[i];
    return NULL;
}

bool hr_lambda_is_taken(const struct hr_expr *call)
{
    return call->kind == HR_X_CALL && shape_of(call) != NULL;
}

bool hr_lambda_is_complete(const struct hr_expr *call)
{
    const struct shape *shape = shape_of(call);
    if (!shape) return true;
    for (uint32_t i = shape->first; i < shape->first + shape->count && i < call->arg_count; i++)
        if (call->args[i]->kind != HR_X_LAMBDA || !call->args[i]->type) return false;
    return true;
}

/* --- Types of variables ------------------------------------------------------------------------*/

/* Keys of two maps become of one type. */
static hr_status widen_keys(struct hr_arena *arena, struct hr_expr *call, struct hr_err *err)
{
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    const struct hr_type *key = a->fields[0].type == b->fields[0].type
                                    ? a->fields[0].type
                                    : hr_type_tightest(a->fields[0].type, b->fields[0].type);
    if (!key)
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_MAP_ZIP_WITH_DIFF_TYPES, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", "`map_zip_with`", "leftType",
                        hr_type_quoted(arena, a->fields[0].type), "rightType",
                        hr_type_quoted(arena, b->fields[0].type));
    for (uint32_t i = 0; i < 2; i++) {
        const struct hr_field *f = call->args[i]->type->fields;
        HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type_map(key, f[1].type, f[1].nullable),
                               err));
    }
    return HR_OK;
}

static void set_var(struct hr_lambda_scope *scope, uint32_t i, const struct hr_type *type,
                    bool nullable)
{
    scope->types[i] = type;
    scope->nullable[i] = nullable;
}

static void type_variables(const struct hr_expr *call, uint32_t arg, struct hr_lambda_scope *scope)
{
    const struct hr_field *a = call->args[0]->type->fields;
    const struct hr_field *b = call->args[1]->type ? call->args[1]->type->fields : NULL;
    switch (hr_expr_role(call)) {
    case HR_ROLE_EACH_ENTRY:
        set_var(scope, 0, a[0].type, false);
        set_var(scope, 1, a[1].type, a[1].nullable);
        break;
    case HR_ROLE_EACH_PAIR:
        set_var(scope, 0, a[0].type, true);
        set_var(scope, 1, b[0].type, true);
        break;
    case HR_ROLE_EACH_KEY:
        set_var(scope, 0, a[0].type, false);
        set_var(scope, 1, a[1].type, true);
        set_var(scope, 2, b[1].type, true);
        break;
    case HR_ROLE_FOLD:
        set_var(scope, 0, call->args[1]->type, true);
        if (arg == 2) set_var(scope, 1, a[0].type, a[0].nullable);
        break;
    case HR_ROLE_SORT_BY:
        set_var(scope, 0, a[0].type, a[0].nullable);
        set_var(scope, 1, a[0].type, a[0].nullable);
        break;
    default:
        set_var(scope, 0, a[0].type, a[0].nullable);
        set_var(scope, 1, hr_type(HR_T_INT), false);
        break;
    }
}

static hr_status check_lists(struct hr_arena *arena, const struct hr_expr *call,
                             const struct shape *shape, struct hr_err *err)
{
    const char *required = shape->list == HR_T_MAP ? "\"MAP\"" : "\"ARRAY\"";
    for (uint32_t i = 0; i < shape->lists; i++)
        if (call->args[i]->type->id != shape->list)
            return hr_resolve_unexpected_type(arena, call, i, required, err);
    return HR_OK;
}

static hr_status check_names(struct hr_arena *arena, const struct hr_conf *conf,
                             const struct hr_expr *lambda, struct hr_err *err)
{
    bool twice = false;
    struct hr_buf list = {0};
    for (uint32_t i = 0; i < lambda->name_part_count; i++) {
        const char *name = lambda->name_parts[i];
        hr_buf_printf(&list, "%s`%s`", i ? ", " : "", name);
        for (uint32_t j = 0; j < i; j++)
            twice = twice || (conf->case_sensitive ? !strcmp(name, lambda->name_parts[j])
                                                   : hr_str_eq_nocase(name, lambda->name_parts[j]));
    }
    const char *names = hr_arena_strdup(arena, hr_buf_cstr(&list));
    hr_buf_done(&list);
    if (!twice) return HR_OK;
    return HR_RAISE(err, HR_E_LAMBDA_DUPLICATE_ARG_NAMES, "args", names ? names : "?",
                    "caseSensitiveConfig", "\"spark.sql.caseSensitive\"");
}

static hr_status check_count(const struct hr_expr *lambda, uint32_t least, uint32_t most,
                             struct hr_err *err)
{
    char expected[16], actual[16];
    if (lambda->name_part_count >= least && lambda->name_part_count <= most) return HR_OK;
    snprintf(expected, sizeof expected, "%u", lambda->name_part_count);
    snprintf(actual, sizeof actual, "%u", least);
    return HR_RAISE(err, HR_E_LAMBDA_NUM_ARGS, "expectedNumArgs", expected, "actualNumArgs",
                    actual);
}

/* The value itself in the place of a function: a lambda that looks at no variable. */
static hr_status wrap(struct hr_arena *arena, struct hr_expr **arg, uint32_t vars,
                      struct hr_err *err)
{
    static const char *const hidden[] = {"", "", ""};
    struct hr_expr *lambda = hr_expr_new(arena, HR_X_LAMBDA);
    struct hr_expr **args = HR_NEW(arena, struct hr_expr *);
    if (!lambda || !args) return HR_OOM(err);
    args[0] = *arg;
    lambda->args = args;
    lambda->arg_count = 1;
    lambda->name_parts = (const char **)(uintptr_t)hidden;
    lambda->name_part_count = vars;
    lambda->sql_pos = (*arg)->sql_pos;
    lambda->sql_end = (*arg)->sql_end;
    *arg = lambda;
    return HR_OK;
}

/* aggregate(a, zero, merge): the state itself is the result. */
static hr_status add_finish(struct hr_arena *arena, struct hr_expr *call, struct hr_err *err)
{
    const char *name = "state";
    struct hr_expr *var = hr_expr_name(arena, &name, 1), *lambda = var;
    if (!var) return HR_OOM(err);
    HR_TRY(wrap(arena, &lambda, 1, err));
    lambda->name_parts = var->name_parts;
    return hr_resolve_add_arg(arena, call, lambda, err);
}

hr_status hr_lambda_open(struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr *call,
                         uint32_t i, struct hr_lambda_scope *scope, struct hr_err *err)
{
    const struct shape *shape = shape_of(call);
    bool is_lambda = call->args[i]->kind == HR_X_LAMBDA;
    if (i < shape->first || i >= shape->first + shape->count) {
        if (!is_lambda) return HR_OK;
        return HR_RAISE(err, HR_E_LAMBDA_NOT_ACCEPTED);
    }
    HR_TRY(check_lists(arena, call, shape, err));
    if (shape->role == HR_ROLE_EACH_KEY) HR_TRY(widen_keys(arena, call, err));
    if (shape->role == HR_ROLE_FOLD && call->arg_count == 3) HR_TRY(add_finish(arena, call, err));
    bool finish = shape->role == HR_ROLE_FOLD && i == 3;
    uint32_t least = finish ? 1 : shape->min_vars, most = finish ? 1 : shape->max_vars;
    if (!is_lambda) HR_TRY(wrap(arena, &call->args[i], least, err));
    struct hr_expr *lambda = call->args[i];
    hr_status status = check_count(lambda, least, most, err);
    if (status == HR_OK && is_lambda) status = check_names(arena, conf, lambda, err);
    if (status != HR_OK) return hr_err_at(err, lambda->sql_pos, lambda->sql_end);
    scope->lambda = lambda;
    scope->count = lambda->name_part_count;
    scope->names = lambda->name_parts;
    scope->first_id = 1;
    if (scope->outer) scope->first_id = scope->outer->first_id + HR_LAMBDA_VARS_MAX;
    lambda->attr_id = scope->first_id;
    type_variables(call, i, scope);
    return HR_OK;
}

static bool has_no_var(void *arg, const struct hr_expr *expr)
{
    const struct hr_lambda_scope *scope = arg;
    return expr->kind != HR_X_VAR || expr->attr_id - scope->first_id >= scope->count;
}

/* What is computed over the rows of a group knows no element of one row. */
static bool is_of_a_row(void *arg, const struct hr_expr *expr)
{
    bool of_rows = expr->kind == HR_X_OVER ||
                   (expr->kind == HR_X_CALL && expr->function &&
                    expr->function->flags & (HR_FN_AGGREGATE | HR_FN_GENERATOR));
    return !of_rows || hr_expr_walk(expr, has_no_var, arg);
}

hr_status hr_lambda_close(struct hr_lambda_scope *scope, struct hr_err *err)
{
    struct hr_expr *body = scope->lambda->args[0];
    scope->lambda->type = body->type;
    scope->lambda->nullable = body->nullable;
    if (hr_expr_walk(body, is_of_a_row, scope)) return HR_OK;
    HR_FAIL(err, HR_E_NOT_SUPPORTED,
            "an aggregate or window function of a lambda's variable is not supported");
    return hr_err_at(err, body->sql_pos, body->sql_end);
}

/* --- Running -----------------------------------------------------------------------------------*/

/* One column of a call's argument by the elements' rows. */
static hr_status take_captured(struct hr_arena *arena, const struct hr_vector *v,
                               const uint32_t *parents, uint32_t count, struct hr_column *ret,
                               struct hr_err *err)
{
    if (v->is_const) return hr_vector_spread(arena, v, count, ret, err);
    if (v->col.type->id == HR_T_NULL) return hr_column_nulls(arena, v->col.type, count, ret, err);
    return hr_column_take(arena, &v->col, parents, count, ret, err);
}

hr_status hr_lambda_eval(struct hr_eval_ctx *ctx, const struct hr_vector *args, uint32_t index,
                         const struct hr_column *vars, const uint32_t *parents, uint32_t count,
                         struct hr_arena *arena, struct hr_column *ret, struct hr_err *err)
{
    const struct hr_lambda_run *run = &ctx->lambdas[index];
    const struct hr_lambda_code *code = run->code;
    struct hr_column *columns =
        HR_NEW_ARRAY(arena, struct hr_column, code->var_count + code->arg_count + 1);
    if (!columns) return HR_OOM(err);
    for (uint32_t i = 0; i < code->var_count; i++) columns[i] = vars[i];
    for (uint32_t i = 0; i < code->arg_count; i++)
        HR_TRY(take_captured(arena, &args[code->first_arg + i], parents, count,
                             &columns[code->var_count + i], err));
    struct hr_batch batch = {.row_count = count, .sel_count = count, .columns = columns};
    return hr_eval_run(run->eval, &batch, arena, ret, err);
}
