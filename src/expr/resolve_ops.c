/* SPDX-License-Identifier: Apache-2.0 */
/* How comparisons and the conditional forms type themselves: the bind functions of their rows.
 * Arithmetic is in resolve_arith.c. */
#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/expr.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

/* --- Helpers -----------------------------------------------------------------------------------*/

hr_status hr_resolve_operands_differ(struct hr_arena *arena, const struct hr_expr *call,
                                     struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_BINARY_OP_DIFF_TYPES, "sqlExpr",
                    hr_expr_quoted(arena, call), "left", hr_type_quoted(arena, call->args[0]->type),
                    "right", hr_type_quoted(arena, call->args[1]->type));
}

hr_status hr_resolve_operand_type(struct hr_arena *arena, const struct hr_expr *call,
                                  const char *required, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_BINARY_OP_WRONG_TYPE, "sqlExpr",
                    hr_expr_quoted(arena, call), "inputType", required, "actualDataType",
                    hr_type_quoted(arena, call->args[0]->type));
}

/* --- Comparison and logic ----------------------------------------------------------------------*/

/* An integer against a decimal literal compares with the next BIGINT, as Spark writes it then; a
 * literal beyond all BIGINTs decides alone. */
static hr_status whole_literal(HR_BIND_ARGS, bool *ret_decided)
{
    const char *op = call->function->name;
    int at = call->args[0]->type->id == HR_T_DECIMAL ? 0 : 1;
    const struct hr_expr *lit = call->args[at];
    HR_UNUSED(conf);
    if (!strchr("<>", op[0]) || strcmp(op, "<>") == 0 || strcmp(op, "<=>") == 0 ||
        lit->kind != HR_X_LITERAL || lit->type->id != HR_T_DECIMAL ||
        hr_expr_is_literal_null(lit) || !hr_type_is_integral(call->args[1 - at]->type))
        return HR_OK;
    hr_i128 unit = hr_pow10[lit->type->scale], v = *(const hr_i128 *)lit->literal->values;
    hr_i128 floor = v / unit - (v % unit < 0), whole = floor;
    bool less = op[0] == '<', equal = op[1] == '=', right = at == 1;
    if (v % unit != 0 && right == (less != equal)) whole++; /* i < 1.5 and i >= 1.5: 2 */
    if (whole != (int64_t)whole) {
        call->kind = HR_X_LITERAL;
        struct hr_expr *answer = hr_expr_bool(arena, (v > 0) == (less == right));
        if (!answer) return HR_OOM(err);
        call->literal = answer->literal;
        call->type = answer->type;
        call->nullable = false;
        *ret_decided = true;
        return HR_OK;
    }
    call->args[at] = hr_expr_int(arena, hr_type(HR_T_LONG), (int64_t)whole);
    return call->args[at] ? HR_OK : HR_OOM(err);
}

/* Alike but for the names of fields. */
static bool same_shape(const struct hr_type *a, const struct hr_type *b)
{
    if (!hr_type_is_nested(a)) return hr_type_same(a, b);
    if (a->id != b->id || a->field_count != b->field_count) return false;
    for (uint32_t i = 0; i < a->field_count; i++)
        if (!same_shape(a->fields[i].type, b->fields[i].type)) return false;
    return true;
}

hr_status hr_bind_compare(HR_BIND_ARGS)
{
    bool decided = false;
    HR_TRY(whole_literal(arena, conf, call, err, &decided));
    if (decided) return HR_OK;
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    if (a->id == HR_T_DECIMAL && hr_type_is_integral(b))
        b = hr_resolve_decimal_operand(call->args[1]);
    if (b->id == HR_T_DECIMAL && hr_type_is_integral(a))
        a = hr_resolve_decimal_operand(call->args[0]);
    bool nested = hr_type_is_nested(a) || hr_type_is_nested(b); /* texts in them are not cast */
    const struct hr_type *t = nested ? hr_type_tightest(a, b) : hr_type_common(a, b);
    if (!t && same_shape(a, b)) t = a;
    if (!t) return hr_resolve_operands_differ(arena, call, err);
    bool equality = strchr("=!", call->function->name[0]) ||
                    strcmp(call->function->name, "<=>") == 0 ||
                    strcmp(call->function->name, "<>") == 0;
    if (!hr_type_is_orderable(t))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ORDERING_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName",
                        equality ? "`=`" : hr_arena_printf(arena, "`%s`", call->name), "dataType",
                        hr_type_quoted(arena, t));
    HR_TRY(hr_resolve_cast(arena, &call->args[0], t, err));
    HR_TRY(hr_resolve_cast(arena, &call->args[1], t, err));
    call->type = hr_type(HR_T_BOOLEAN);
    return HR_OK;
}

/* AND, OR, NOT: BOOLEAN only; strings are cast as in comparisons. */
hr_status hr_bind_logic(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    const struct hr_type *boolean = hr_type(HR_T_BOOLEAN);
    bool all = true;
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct hr_type *t = call->args[i]->type;
        if (t->id == HR_T_NULL || t->id == HR_T_STRING)
            HR_TRY(hr_resolve_cast(arena, &call->args[i], boolean, err));
        else if (t != boolean)
            all = false;
    }
    if (!all && call->arg_count == 1)
        return hr_resolve_unexpected_type(arena, call, 0, "\"BOOLEAN\"", err);
    if (!all && call->args[0]->type != call->args[1]->type)
        return hr_resolve_operands_differ(arena, call, err);
    if (!all) return hr_resolve_operand_type(arena, call, "\"BOOLEAN\"", err);
    call->type = boolean;
    call->nullable = false;
    for (uint32_t i = 0; i < call->arg_count; i++)
        call->nullable = call->nullable || call->args[i]->nullable;
    return HR_OK;
}

/* a BETWEEN x AND y. */
hr_status hr_bind_between(HR_BIND_ARGS)
{
    for (uint32_t i = 1; i < 3; i++) { /* each bound is a comparison of its own */
        struct hr_expr *pair[] = {call->args[0], call->args[i]};
        struct hr_expr *cmp = hr_expr_call(arena, i == 1 ? ">=" : "<=", pair, 2);
        if (!cmp) return HR_OOM(err);
        cmp->sql_pos = call->sql_pos;
        cmp->sql_end = call->sql_end;
        HR_TRY(hr_expr_resolve_node(arena, conf, cmp, err));
    }
    call->type = hr_type(HR_T_BOOLEAN);
    return HR_OK;
}

static hr_status boolean_arg(HR_BIND_ARGS, uint32_t index)
{
    HR_UNUSED(conf);
    const struct hr_type *t = call->args[index]->type;
    if (t->id == HR_T_NULL)
        return hr_resolve_cast(arena, &call->args[index], hr_type(HR_T_BOOLEAN), err);
    if (t->id != HR_T_BOOLEAN) {
        const struct hr_expr *arg = call->args[index];
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNEXPECTED_INPUT_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "paramIndex",
                        index / 2 == 0 ? "first" : "second", "requiredType", "\"BOOLEAN\"",
                        "inputSql", hr_expr_quoted(arena, arg), "inputType",
                        hr_type_quoted(arena, t));
    }
    return HR_OK;
}

hr_status hr_bind_case(HR_BIND_ARGS)
{
    uint32_t n = call->arg_count, pairs = n / 2;
    /* values at 1, 3, … and the ELSE at the end: gather them for the common type */
    struct hr_expr **values = HR_NEW_ARRAY(arena, struct hr_expr *, pairs + 1);
    if (!values) return HR_OOM(err);
    uint32_t count = 0;
    for (uint32_t i = 0; i < pairs; i++) values[count++] = call->args[2 * i + 1];
    if (n % 2) values[count++] = call->args[n - 1];
    struct hr_expr proxy = *call;
    proxy.args = values;
    proxy.arg_count = count;
    proxy.name = "coalesce"; /* only for a message, which names it otherwise below */
    const struct hr_type *t;
    if (hr_resolve_same_type(arena, conf, &proxy, 0, count, 1, &t, NULL) != HR_OK) {
        proxy.name = "casewhen";
        struct hr_buf list = {0};
        hr_buf_putc(&list, '[');
        for (uint32_t i = 0; i < count; i++)
            hr_buf_printf(&list, "%s%s", i ? ", " : "", hr_type_quoted(arena, values[i]->type));
        hr_buf_putc(&list, ']');
        const char *types = hr_arena_strdup(arena, hr_buf_cstr(&list));
        hr_buf_done(&list);
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_DATA_DIFF_TYPES, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", "`casewhen`", "dataType",
                        types ? types : "?");
    }
    for (uint32_t i = 0; i < pairs; i++) {
        if (call->args[2 * i]->type->id == HR_T_NULL)
            return hr_resolve_unexpected_type(arena, call, 2 * i, "\"BOOLEAN\"", err);
        HR_TRY(boolean_arg(arena, conf, call, err, 2 * i));
        call->args[2 * i + 1] = values[i];
    }
    if (n % 2) call->args[n - 1] = values[count - 1];
    call->type = t;
    call->nullable = n % 2 == 0;
    for (uint32_t i = 0; i < count; i++) call->nullable = call->nullable || values[i]->nullable;
    return HR_OK;
}

hr_status hr_bind_if(HR_BIND_ARGS)
{
    HR_TRY(boolean_arg(arena, conf, call, err, 0));
    const struct hr_type *t = hr_conf_common(conf, call->args[1]->type, call->args[2]->type);
    if (!t) {
        const char *types =
            hr_arena_printf(arena, "[%s, %s]", hr_type_quoted(arena, call->args[1]->type),
                            hr_type_quoted(arena, call->args[2]->type));
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_DATA_DIFF_TYPES, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", "`if`", "dataType",
                        types ? types : "?");
    }
    HR_TRY(hr_resolve_cast(arena, &call->args[1], t, err));
    HR_TRY(hr_resolve_cast(arena, &call->args[2], t, err));
    call->type = t;
    call->nullable = call->args[1]->nullable || call->args[2]->nullable;
    return HR_OK;
}

/* coalesce, nvl, ifnull: the first that is not NULL. greatest and least: also one type. */
hr_status hr_bind_coalesce(HR_BIND_ARGS)
{
    const struct hr_type *t;
    HR_TRY(hr_resolve_same_type(arena, conf, call, 0, call->arg_count, 1, &t, err));
    call->type = t;
    bool all = true;
    for (uint32_t i = 0; i < call->arg_count; i++) all = all && call->args[i]->nullable;
    call->nullable = all;
    return HR_OK;
}

/* nullif(a, b): a's type; the comparison is resolved where it is compiled. */
hr_status hr_bind_nullif(HR_BIND_ARGS)
{
    struct hr_expr *eq = hr_expr_call(arena, "=", call->args, 2);
    if (!eq) return HR_OOM(err);
    HR_TRY(hr_expr_resolve_node(arena, conf, eq, err));
    call->type = call->args[0]->type;
    call->nullable = true;
    return HR_OK;
}

/* nvl2(a, b, c). */
hr_status hr_bind_nvl2(HR_BIND_ARGS)
{
    const struct hr_type *t;
    HR_TRY(hr_resolve_same_type(arena, conf, call, 1, 3, 1, &t, err));
    call->type = t;
    call->nullable = call->args[1]->nullable || call->args[2]->nullable;
    return HR_OK;
}

hr_status hr_bind_in(HR_BIND_ARGS)
{
    const struct hr_type *t;
    HR_TRY(hr_resolve_same_type(arena, conf, call, 0, call->arg_count, 1, &t, err));
    if (!hr_type_is_orderable(t))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ORDERING_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", "`in`", "dataType",
                        hr_type_quoted(arena, t));
    call->type = hr_type(HR_T_BOOLEAN);
    call->nullable = false;
    for (uint32_t i = 0; i < call->arg_count; i++)
        call->nullable = call->nullable || call->args[i]->nullable;
    return HR_OK;
}

hr_status hr_bind_greatest(HR_BIND_ARGS)
{
    bool strings = false, others = false; /* never meet here, unlike in coalesce */
    for (uint32_t i = 0; i < call->arg_count; i++) {
        enum hr_type_id id = call->args[i]->type->id;
        strings = strings || id == HR_T_STRING;
        others = others || (id != HR_T_STRING && id != HR_T_NULL);
    }
    if (strings && others) return hr_resolve_diff_types(arena, call, 0, call->arg_count, 1, err);
    HR_TRY(hr_bind_coalesce(arena, conf, call, err));
    if (!hr_type_is_orderable(call->type))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ORDERING_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName",
                        hr_arena_printf(arena, "`%s`", call->name), "dataType",
                        hr_type_quoted(arena, call->type));
    return HR_OK;
}

/* Window expressions are rewritten by the analyzer; they only need a type. */
hr_status hr_bind_window(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    const struct hr_type *t = call->args[0]->type;
    if (t->id == HR_T_STRING || t->id == HR_T_DATE || t->id == HR_T_NULL) {
        t = hr_type(HR_T_TIMESTAMP);
        HR_TRY(hr_resolve_cast(arena, &call->args[0], t, err));
    }
    if (t->id == HR_T_STRUCT && t->field_count == 2) t = t->fields[0].type;
    if (t->id != HR_T_TIMESTAMP && t->id != HR_T_TIMESTAMP_NTZ)
        return hr_resolve_unexpected_type(
            arena, call, 0, "(\"TIMESTAMP\" or \"TIMESTAMP WITHOUT TIME ZONE\")", err);
    struct hr_field fields[] = {{"start", t, true}, {"end", t, true}};
    bool is_time = hr_expr_is(call, HR_ROLE_WINDOW_TIME);
    call->type = is_time ? t : hr_type_struct(fields, 2);
    return call->type ? HR_OK : HR_OOM(err);
}

hr_status hr_bind_nothing(HR_BIND_ARGS)
{
    HR_UNUSED(arena);
    HR_UNUSED(conf);
    HR_UNUSED(call);
    HR_UNUSED(err);
    return HR_OK;
}

/* int('1') is CAST('1' AS INT). */
hr_status hr_bind_cast_name(HR_BIND_ARGS)
{
    static const struct {
        const char *name;
        enum hr_type_id id;
    } types[] = {{"boolean", HR_T_BOOLEAN}, {"tinyint", HR_T_BYTE}, {"smallint", HR_T_SHORT},
                 {"int", HR_T_INT},         {"bigint", HR_T_LONG},  {"float", HR_T_FLOAT},
                 {"double", HR_T_DOUBLE},   {"date", HR_T_DATE},    {"timestamp", HR_T_TIMESTAMP},
                 {"binary", HR_T_BINARY},   {"string", HR_T_STRING},
                 {"time", HR_T_TIME}};
    const struct hr_type *type = hr_type_decimal(10, 0);
    for (size_t i = 0; i < HR_COUNT(types); i++)
        if (hr_str_eq_nocase(types[i].name, call->function->name)) type = hr_type(types[i].id);
    call->kind = HR_X_CAST;
    call->implicit_cast = true;
    call->type = type;
    call->function = NULL;
    return hr_expr_resolve_node(arena, conf, call, err);
}

/* zeroifnull(a) is coalesce(a, 0), nullifzero(a) is nullif(a, 0); they print as written. */
hr_status hr_bind_zeroifnull(HR_BIND_ARGS)
{
    bool null_for_zero = call->function->name[0] == 'n';
    const char *shown = call->name;
    HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 0), err));
    HR_TRY(hr_resolve_as(arena, conf, call, null_for_zero ? "nullif" : "coalesce", err));
    call->name = shown;
    return HR_OK;
}

/* grouping, grouping_id: analysis puts what they say in their place. */
hr_status hr_bind_grouping(HR_BIND_ARGS)
{
    HR_UNUSED(arena);
    HR_UNUSED(conf);
    HR_UNUSED(call);
    HR_UNUSED(err);
    return HR_OK;
}
