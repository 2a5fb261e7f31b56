/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resolves one node whose arguments are resolved: finds its function, checks and casts the
 * arguments, finds the type. What is special to operators is in resolve_ops.c, to functions beside
 * them (bind).
 */
#include <stdio.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/expr.h"
#include "expr/internal.h"
#include "expr/lambda.h"
#include "expr/program.h"

#define SEARCH_PATH "[`system`.`builtin`, `system`.`session`, `spark_catalog`.`default`]"

hr_status hr_resolve_cast(struct hr_arena *arena, struct hr_expr **expr,
                          const struct hr_type *type, struct hr_err *err)
{
    if (!type) return HR_OOM(err);
    if ((*expr)->type == type || hr_type_same((*expr)->type, type)) return HR_OK;
    struct hr_expr *cast = hr_expr_cast(arena, *expr, type);
    if (!cast) return HR_OOM(err);
    cast->implicit_cast = true;
    bool real = (*expr)->type->id == HR_T_FLOAT || (*expr)->type->id == HR_T_DOUBLE;
    cast->nullable = (*expr)->nullable || (*expr)->type->id == HR_T_NULL ||
                     (real && type->id == HR_T_DECIMAL);
    *expr = cast;
    return HR_OK;
}

/* A literal is cast at once: 'a' = 1 must say what is wrong with 'a', and NULL stays a literal. */
hr_status hr_expr_coerce(struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr **expr,
                         const struct hr_type *type, struct hr_err *err)
{
    HR_UNUSED(conf);
    const struct hr_type *from = (*expr)->type;
    if (from == type || hr_type_same(from, type)) return HR_OK;
    if (!hr_type_can_cast(from, type)) {
        hr_status status = HR_RAISE(err, HR_E_DATATYPE_MISMATCH_CAST_WITHOUT_SUGGESTION, "sqlExpr",
                                    hr_expr_quoted(arena, *expr), "srcType",
                                    hr_type_quoted(arena, from), "targetType",
                                    hr_type_quoted(arena, type));
        if (err) hr_err_at(err, (*expr)->sql_pos, (*expr)->sql_end);
        return status;
    }
    return hr_resolve_cast(arena, expr, type, err);
}

hr_status hr_resolve_add_arg(struct hr_arena *arena, struct hr_expr *call, struct hr_expr *arg,
                             struct hr_err *err)
{
    struct hr_expr **args = HR_NEW_ARRAY(arena, struct hr_expr *, call->arg_count + 1);
    if (!args || !arg) return HR_OOM(err);
    for (uint32_t i = 0; i < call->arg_count; i++) args[i] = call->args[i];
    args[call->arg_count] = arg;
    call->args = args;
    call->arg_count++;
    return HR_OK;
}

static bool fold_const(struct hr_arena *arena, const struct hr_conf *conf,
                       const struct hr_expr *arg, struct hr_column *ret)
{
    if (arg->kind == HR_X_LITERAL) {
        *ret = *arg->literal;
    } else {
        if (!arg->type || !hr_expr_is_foldable(arg)) return false;
        if (hr_expr_fold(arena, conf, arg, ret, NULL) != HR_OK) return false;
    }
    return ret->type->id != HR_T_NULL && hr_column_valid(ret, 0);
}

bool hr_resolve_const_string(struct hr_arena *arena, const struct hr_conf *conf,
                             const struct hr_expr *arg, struct hr_str_view *ret)
{
    struct hr_column *col = HR_NEW(arena, struct hr_column); /* inline strings point into it */
    if (!col || !fold_const(arena, conf, arg, col)) return false;
    if (!hr_type_is_string(col->type)) return false;
    *ret = hr_string_view((const struct hr_string *)col->values);
    return true;
}

bool hr_resolve_const_i64(struct hr_arena *arena, const struct hr_conf *conf,
                          const struct hr_expr *arg, int64_t *ret)
{
    struct hr_vector v = {.is_const = true};
    if (!fold_const(arena, conf, arg, &v.col)) return false;
    size_t width = hr_type_width(v.col.type);
    if (width == 0 || width > 8 || hr_type_is_fractional(v.col.type)) return false;
    *ret = hr_arg_i64(&v, 0);
    return true;
}

bool hr_resolve_const_f64(struct hr_arena *arena, const struct hr_conf *conf,
                          const struct hr_expr *arg, double *ret)
{
    struct hr_vector v = {.is_const = true};
    if (!fold_const(arena, conf, arg, &v.col) || !hr_type_is_numeric(v.col.type)) return false;
    if (v.col.type->id == HR_T_DECIMAL)
        *ret = hr_decimal_to_double(*(const hr_i128 *)v.col.values, v.col.type->scale);
    else if (hr_type_is_fractional(v.col.type))
        *ret = hr_arg_f64(&v, 0);
    else
        *ret = (double)hr_arg_i64(&v, 0);
    return true;
}

/* --- Arguments ---------------------------------------------------------------------------------*/

static const char *ordinal_word(uint32_t index)
{
    static const char *const words[] = {"first",   "second", "third", "fourth", "fifth", "sixth",
                                        "seventh", "eighth", "ninth", "tenth"};
    return index < HR_COUNT(words) ? words[index] : "next";
}

hr_status hr_resolve_unexpected_type(struct hr_arena *arena, const struct hr_expr *call,
                                     uint32_t index, const char *required, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNEXPECTED_INPUT_TYPE, "sqlExpr",
                    hr_expr_quoted(arena, call), "paramIndex", ordinal_word(index), "requiredType",
                    required, "inputSql", hr_expr_quoted(arena, call->args[index]), "inputType",
                    hr_type_quoted(arena, call->args[index]->type));
}

/* "string|binary" → ("STRING" or "BINARY"). */
static const char *required_text(struct hr_arena *arena, struct hr_str_view expected)
{
    struct hr_buf out = {0};
    if (expected.len && expected.ptr[0] == '=')
        expected = hr_svn(expected.ptr + 1, expected.len - 1);
    bool many = memchr(expected.ptr, '|', expected.len) != NULL;
    if (many) hr_buf_putc(&out, '(');
    hr_buf_putc(&out, '"');
    struct hr_str_view rest = expected;
    while (rest.len) {
        const char *bar = memchr(rest.ptr, '|', rest.len);
        size_t len = bar ? (size_t)(bar - rest.ptr) : rest.len;
        struct hr_str_view word = hr_svn(rest.ptr, len);
        if (hr_sv_eq(word, hr_sv("interval")))
            hr_buf_puts(&out, "INTERVAL DAY TO SECOND\" or \"INTERVAL YEAR TO MONTH");
        else if (hr_sv_eq(word, hr_sv("anytime")) || hr_sv_eq(word, hr_sv("clock")))
            hr_buf_puts(&out, "(TIMESTAMP OR TIMESTAMP WITHOUT TIME ZONE)");
        else if (hr_sv_eq(word, hr_sv("long")))
            hr_buf_puts(&out, "BIGINT");
        else if (hr_sv_eq(word, hr_sv("short")))
            hr_buf_puts(&out, "SMALLINT");
        else if (hr_sv_eq(word, hr_sv("byte")))
            hr_buf_puts(&out, "TINYINT");
        else
            for (size_t i = 0; i < len; i++)
                hr_buf_putc(&out, word.ptr[i] >= 'a' ? word.ptr[i] - 32 : word.ptr[i]);
        if (bar) hr_buf_puts(&out, "\" or \"");
        rest.ptr += len + (bar != NULL);
        rest.len -= len + (bar != NULL);
    }
    hr_buf_putc(&out, '"');
    if (many) hr_buf_putc(&out, ')');
    const char *text = out.failed ? NULL : hr_arena_strndup(arena, out.ptr, out.len);
    hr_buf_done(&out);
    return text ? text : "?";
}

static hr_status coerce_args(struct hr_arena *arena, struct hr_expr *call,
                             const struct hr_signature *sig, struct hr_err *err)
{
    assert(sig->word_count > 0);
    for (uint32_t i = 0; i < call->arg_count - call->order_count; i++) {
        struct hr_str_view word = sig->words[HR_MIN(i, sig->word_count - 1)];
        const struct hr_type *from = call->args[i]->type;
        if (call->args[i]->kind == HR_X_LAMBDA) continue; /* its function looks at it */
        const struct hr_type *to = hr_type_implicit(from, word);
        if (!to) return hr_resolve_unexpected_type(arena, call, i, required_text(arena, word), err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i], to, err));
    }
    return HR_OK;
}

hr_status hr_resolve_diff_types(struct hr_arena *arena, const struct hr_expr *call, uint32_t from,
                                uint32_t to, uint32_t step, struct hr_err *err)
{
    bool in = !hr_str_eq_nocase(call->name, "coalesce");
    struct hr_buf list = {0};
    hr_buf_putc(&list, in ? '[' : '(');
    for (uint32_t i = from; i < to; i += step) {
        if (i > from) hr_buf_puts(&list, in ? ", " : " or ");
        hr_buf_puts(&list, hr_type_quoted(arena, call->args[i]->type));
    }
    hr_buf_putc(&list, in ? ']' : ')');
    const char *types = hr_arena_strdup(arena, hr_buf_cstr(&list));
    const char *name = hr_arena_printf(arena, "`%s`", call->name);
    hr_buf_done(&list);
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_DATA_DIFF_TYPES, "sqlExpr",
                    hr_expr_quoted(arena, call), "functionName", name ? name : "?", "dataType",
                    types ? types : "?");
}

hr_status hr_resolve_same_type(struct hr_arena *arena, const struct hr_conf *conf,
                               struct hr_expr *call, uint32_t from, uint32_t to, uint32_t step,
                               const struct hr_type **ret, struct hr_err *err)
{
    /* Strings first: Spark widens all others, then meets them with the strings' rule. */
    const struct hr_type *common = hr_type(HR_T_NULL);
    for (int strings = 1; strings >= 0 && common; strings--) {
        for (uint32_t i = from; i < to && common; i += step) {
            const struct hr_type *t = call->args[i]->type;
            if ((t->id == HR_T_STRING) == (strings == 1)) common = hr_conf_common(conf, common, t);
        }
    }
    if (!common) return hr_resolve_diff_types(arena, call, from, to, step, err);
    for (uint32_t i = from; i < to; i += step)
        HR_TRY(hr_resolve_cast(arena, &call->args[i], common, err));
    *ret = common;
    return HR_OK;
}

/* --- Result types ------------------------------------------------------------------------------*/

/* NULL: out of memory. */
static const struct hr_type *result_type(const struct hr_expr *call, const struct hr_signature *sig)
{
    const struct hr_expr *arg =
        sig->result_arg < call->arg_count ? call->args[sig->result_arg] : NULL;
    switch (sig->result) {
    case HR_RESULT_TYPE: return hr_type(sig->result_type);
    case HR_RESULT_ARG: return arg->type;
    case HR_RESULT_ELEMENT: return arg->type->fields[0].type;
    case HR_RESULT_ARRAY_OF_ARG: return hr_type_array(arg->type, arg->nullable);
    case HR_RESULT_ARRAY_OF_TYPE: return hr_type_array(hr_type(sig->result_type), false);
    default: return NULL;
    }
}

static bool any_nullable(const struct hr_expr *call)
{
    for (uint32_t i = 0; i < call->arg_count; i++)
        if (call->args[i]->nullable) return true;
    return false;
}

static hr_status wrong_count(struct hr_arena *arena, const struct hr_expr *call,
                             const struct hr_function *fn, struct hr_err *err)
{
    char expected[32];
    if (fn->max_args < 0)
        snprintf(expected, sizeof expected, "> %d", fn->min_args - 1);
    else if (fn->max_args == fn->min_args)
        snprintf(expected, sizeof expected, "%d", fn->min_args);
    else if (fn->max_args == fn->min_args + 1)
        snprintf(expected, sizeof expected, "[%d, %d]", fn->min_args, fn->max_args);
    else
        snprintf(expected, sizeof expected, "[%d, %d]", fn->min_args, fn->max_args);
    return hr_resolve_wrong_count(arena, call, expected, err);
}

hr_status hr_resolve_wrong_count(struct hr_arena *arena, const struct hr_expr *call,
                                 const char *expected, struct hr_err *err)
{
    char actual[16];
    snprintf(actual, sizeof actual, "%u", call->arg_count);
    const char *name = hr_arena_printf(arena, "`%s`", call->name);
    return HR_RAISE(err, HR_E_WRONG_NUM_ARGS, "functionName", name ? name : "?", "expectedNum",
                    expected, "actualNum", actual, "docroot",
                    "https://spark.apache.org/docs/latest");
}

static hr_status resolve_with(struct hr_arena *arena, const struct hr_conf *conf,
                              struct hr_expr *call, const struct hr_function *fn,
                              struct hr_err *err)
{
    uint32_t plain = call->arg_count - call->order_count;
    if (plain < (uint32_t)fn->min_args || (fn->max_args >= 0 && plain > (uint32_t)fn->max_args))
        return wrong_count(arena, call, fn, err);
    call->function = fn;
    call->type = NULL;
    hr_status status = HR_OK;
    const struct hr_signature *sig = hr_function_signature(fn);
    if (sig->word_count) status = coerce_args(arena, call, sig, err);
    if (status == HR_OK) {
        if (sig->result != HR_RESULT_BIND) call->type = result_type(call, sig);
        call->nullable = !(fn->flags & HR_FN_NEVER_NULL) &&
                         (!(fn->flags & HR_FN_STRICT) || (fn->flags & HR_FN_MAY_NULL) ||
                          any_nullable(call));
        if (fn->bind) status = fn->bind(arena, conf, call, err);
    }
    if (status == HR_OK && !call->type) status = HR_OOM(err);
    if (status != HR_OK) {
        call->function = NULL;
        call->type = NULL;
    }
    return status;
}

hr_status hr_resolve_as(struct hr_arena *arena, const struct hr_conf *conf, struct hr_expr *call,
                        const char *name, struct hr_err *err)
{
    const struct hr_function *fn = hr_function_find_internal(name);
    if (!fn) return HR_BUG(err, "no function %s", name);
    if (name[0] != '_') call->name = fn->name;
    return resolve_with(arena, conf, call, fn, err);
}

static bool takes_ignore_nulls(const struct hr_function *fn)
{
    enum hr_function_role role = hr_function_role(fn);
    return role == HR_ROLE_LAG || role == HR_ROLE_LEAD || role == HR_ROLE_NTH_VALUE;
}

/* DISTINCT and FILTER are for aggregates, and a filter is a condition. */
static hr_status check_syntax(struct hr_arena *arena, const struct hr_expr *call,
                              const struct hr_function *fn, struct hr_err *err)
{
    bool aggregate = fn->flags & HR_FN_AGGREGATE;
    bool nulls = call->ignores_nulls && !takes_ignore_nulls(fn);
    bool within = call->order_count && !(fn->flags & HR_FN_ORDERED);
    if (nulls || within || (!aggregate && (call->distinct || call->filter))) {
        const char *name = hr_arena_printf(arena, "`%s`", call->name);
        return HR_RAISE(err, HR_E_FUNCTION_WITH_UNSUPPORTED_SYNTAX, "prettyName",
                        name ? name : "?", "syntax",
                        nulls            ? "IGNORE NULLS"
                        : within         ? "WITHIN GROUP (ORDER BY ...)"
                        : call->distinct ? "DISTINCT"
                                         : "FILTER CLAUSE");
    }
    if (aggregate && call->filter && call->filter->type &&
        call->filter->type->id != HR_T_BOOLEAN)
        return HR_RAISE(err, HR_E_AGGREGATE_FILTER_NOT_BOOLEAN, "filterExpr",
                        hr_expr_quoted(arena, call->filter));
    return HR_OK;
}

static hr_status resolve_call(struct hr_arena *arena, const struct hr_conf *conf,
                              struct hr_expr *expr, struct hr_err *err)
{
    if (expr->type && expr->function) return HR_OK;
    const struct hr_function *fn = hr_expr_is(expr, HR_ROLE_ROW) || hr_expr_is(expr, HR_ROLE_UNIT)
                                       ? hr_function_find_internal(expr->name)
                                       : hr_function_find(expr->name);
    const char *absent = fn ? NULL : hr_function_absent(expr->name);
    if (absent)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED, "the function %s is not supported: %s", expr->name,
                       absent);
    if (!fn) {
        const char *name = hr_arena_printf(arena, "`%s`", expr->name);
        return HR_RAISE(err, HR_E_UNRESOLVED_ROUTINE, "routineName", name ? name : "?",
                        "searchPath", SEARCH_PATH);
    }
    for (uint32_t i = 0; i < expr->arg_count && !hr_lambda_is_taken(expr); i++)
        if (expr->args[i]->kind == HR_X_LAMBDA)
            return HR_RAISE(err, HR_E_INVALID_LAMBDA_FUNCTION, "class", fn->name);
    if (!hr_lambda_is_complete(expr))
        return HR_BUG(err, "%s is called without its lambda", fn->name);
    HR_TRY(check_syntax(arena, expr, fn, err));
    HR_TRY(resolve_with(arena, conf, expr, fn, err));
    if (fn->flags & HR_FN_WINDOW && !expr->is_windowed)
        return HR_RAISE(err, HR_E_WINDOW_WITHOUT_OVER, "funcName", hr_expr_quoted(arena, expr));
    return HR_OK;
}

/* --- Casts and fields --------------------------------------------------------------------------*/

static const char *suggested_functions(const struct hr_type *from, const struct hr_type *to)
{
    if (to->id == HR_T_DATE && hr_type_is_numeric(from)) return "`DATE_FROM_UNIX_DATE`";
    if (from->id == HR_T_DATE && hr_type_is_numeric(to)) return "`UNIX_DATE`";
    return NULL;
}

/* What only the modes without ANSI can cast. */
static bool casts_without_ansi(const struct hr_type *from, const struct hr_type *to)
{
    if (to->id == HR_T_BINARY) return hr_type_is_integral(from);
    if (to->id == HR_T_BOOLEAN) return from->id == HR_T_DATE || from->id == HR_T_TIMESTAMP;
    return to->id == HR_T_TIMESTAMP && from->id == HR_T_BOOLEAN;
}

static hr_status resolve_cast(struct hr_arena *arena, const struct hr_conf *conf,
                              struct hr_expr *expr, struct hr_err *err)
{
    const struct hr_type *from = expr->args[0]->type, *to = expr->type;
    bool lenient = !expr->try_cast && casts_without_ansi(from, to);
    /* Spark prints a cast only where the user wrote one to an atomic type */
    if (hr_type_is_nested(to)) expr->implicit_cast = true;
    if (hr_type_can_cast(from, to) || (lenient && !conf->ansi)) {
        bool real = from->id == HR_T_FLOAT || from->id == HR_T_DOUBLE; /* NaN is no DECIMAL */
        expr->nullable = expr->args[0]->nullable || expr->try_cast || from->id == HR_T_NULL ||
                         (real && to->id == HR_T_DECIMAL) || (lenient && from->id == HR_T_DATE);
        return HR_OK;
    }
    if (lenient)
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_CAST_WITH_CONF_SUGGESTION, "sqlExpr",
                        hr_expr_quoted(arena, expr), "srcType", hr_type_quoted(arena, from),
                        "targetType", hr_type_quoted(arena, to), "config", HR_ANSI_CONFIG,
                        "configVal", "'false'");
    const char *functions = suggested_functions(from, to);
    if (functions)
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_CAST_WITH_FUNC_SUGGESTION, "sqlExpr",
                        hr_expr_quoted(arena, expr), "srcType", hr_type_quoted(arena, from),
                        "targetType", hr_type_quoted(arena, to), "functionNames", functions);
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_CAST_WITHOUT_SUGGESTION, "sqlExpr",
                    hr_expr_quoted(arena, expr), "srcType", hr_type_quoted(arena, from),
                    "targetType", hr_type_quoted(arena, to));
}

static hr_status no_such_field(struct hr_arena *arena, const struct hr_expr *expr,
                               const struct hr_type *type, struct hr_err *err)
{
    struct hr_buf list = {0};
    for (uint32_t i = 0; i < type->field_count; i++)
        hr_buf_printf(&list, "%s`%s`", i ? ", " : "", type->fields[i].name);
    const char *fields = hr_arena_strdup(arena, hr_buf_cstr(&list));
    hr_buf_done(&list);
    const char *name = hr_arena_printf(arena, "`%s`", expr->name);
    return HR_RAISE(err, HR_E_FIELD_NOT_FOUND, "fieldName", name ? name : "?", "fields",
                    fields ? fields : "?");
}

static hr_status resolve_field(struct hr_arena *arena, const struct hr_conf *conf,
                               struct hr_expr *expr, struct hr_err *err)
{
    if (expr->type) return HR_OK;
    const struct hr_expr *arg = expr->args[0];
    const struct hr_type *type = arg->type;
    if (type->id == HR_T_MAP) {
        struct hr_expr *key = hr_expr_string(arena, hr_sv(expr->name));
        HR_TRY(hr_resolve_add_arg(arena, expr, key, err));
        expr->kind = HR_X_CALL;
        expr->name = "[]";
        return resolve_call(arena, conf, expr, err);
    }
    bool of_array = type->id == HR_T_ARRAY && type->fields[0].type->id == HR_T_STRUCT;
    const struct hr_type *fields = of_array ? type->fields[0].type : type;
    if (fields->id != HR_T_STRUCT)
        return HR_RAISE(err, HR_E_INVALID_EXTRACT_BASE_FIELD_TYPE, "base",
                        hr_expr_quoted(arena, arg), "other", hr_type_quoted(arena, type));
    int32_t index = hr_type_field_index(fields, hr_sv(expr->name));
    if (index < 0) return no_such_field(arena, expr, fields, err);
    const struct hr_field *field = &fields->fields[index];
    expr->ordinal = (uint32_t)index;
    expr->nullable = arg->nullable || field->nullable;
    expr->type = field->type;
    if (of_array)
        expr->type = hr_type_array(field->type, field->nullable || type->fields[0].nullable);
    return expr->type ? HR_OK : HR_OOM(err);
}

hr_status hr_expr_resolve_node(struct hr_arena *arena, const struct hr_conf *conf,
                               struct hr_expr *expr, struct hr_err *err)
{
    hr_status status = HR_OK;
    switch (expr->kind) {
    case HR_X_CALL: status = resolve_call(arena, conf, expr, err); break;
    case HR_X_CAST: status = resolve_cast(arena, conf, expr, err); break;
    case HR_X_FIELD: status = resolve_field(arena, conf, expr, err); break;
    case HR_X_ALIAS:
    case HR_X_OVER:
    case HR_X_SORT:
        expr->type = expr->args[0]->type;
        expr->nullable = expr->args[0]->nullable;
        break;
    default: break;
    }
    if (status != HR_OK && err) hr_err_at(err, expr->sql_pos, expr->sql_end);
    return status;
}
