/* SPDX-License-Identifier: Apache-2.0 */
/* How operators and the conditional forms type themselves: the bind functions of their rows. */
#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/expr.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

/* --- Helpers -----------------------------------------------------------------------------------*/

static hr_status diff_types(struct hr_arena *arena, const struct hr_expr *call, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_BINARY_OP_DIFF_TYPES, "sqlExpr",
                    hr_expr_quoted(arena, call), "left",
                    hr_type_quoted(arena, call->args[0]->type), "right",
                    hr_type_quoted(arena, call->args[1]->type));
}

static hr_status wrong_type(struct hr_arena *arena, const struct hr_expr *call,
                            const char *required, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_BINARY_OP_WRONG_TYPE, "sqlExpr",
                    hr_expr_quoted(arena, call), "inputType", required, "actualDataType",
                    hr_type_quoted(arena, call->args[0]->type));
}

/* The decimal that an operand becomes next to a decimal: a literal takes no more digits than it
 * has. */
static const struct hr_type *decimal_operand(const struct hr_expr *arg)
{
    if (arg->kind == HR_X_LITERAL && hr_type_is_integral(arg->type) &&
        !hr_expr_is_literal_null(arg)) {
        struct hr_vector v = {.col = *arg->literal, .is_const = true};
        return hr_type_decimal(hr_decimal_digits(hr_arg_i64(&v, 0)), 0);
    }
    return hr_type_decimal_for(arg->type);
}

static void swap_args(struct hr_expr *call)
{
    struct hr_expr *first = call->args[0];
    call->args[0] = call->args[1];
    call->args[1] = first;
}

/* --- Arithmetic --------------------------------------------------------------------------------*/

static char op_of(const struct hr_expr *call)
{
    static const struct {
        const char *name;
        char op;
    } ops[] = {{"+", '+'}, {"-", '-'}, {"*", '*'}, {"/", '/'}, {"%", '%'}, {"mod", '%'},
               {"div", 'd'}, {"pmod", '%'}, {"try_add", '+'}, {"try_subtract", '-'},
               {"try_multiply", '*'}, {"try_divide", '/'}, {"try_mod", '%'}};
    for (size_t i = 0; i < HR_COUNT(ops); i++)
        if (hr_str_eq_nocase(ops[i].name, call->function->name)) return ops[i].op;
    return '?';
}

static const struct hr_type *decimal_result(char op, const struct hr_type *a,
                                            const struct hr_type *b)
{
    int p1 = a->precision, s1 = a->scale, p2 = b->precision, s2 = b->scale;
    int scale = HR_MAX(s1, s2);
    switch (op) {
    case '+':
    case '-': return hr_type_decimal_adjusted(HR_MAX(p1 - s1, p2 - s2) + scale + 1, scale);
    case '*': return hr_type_decimal_adjusted(p1 + p2 + 1, s1 + s2);
    case '/': {
        int s = HR_MAX(6, s1 + p2 + 1);
        return hr_type_decimal_adjusted(p1 - s1 + s2 + s, s);
    }
    case '%': return hr_type_decimal_adjusted(HR_MIN(p1 - s1, p2 - s2) + scale, scale);
    default: return hr_type(HR_T_LONG);
    }
}

/* try_add keeps its name, + becomes date_add. */
static hr_status add_days(HR_BIND_ARGS, char op, bool is_try)
{
    const char *name = call->name;
    HR_TRY(hr_resolve_as(arena, conf, call, op == '-' ? "date_sub" : "date_add", err));
    if (is_try) call->name = name;
    return HR_OK;
}

/* One date or time operand. *ret_done false: none of Spark's forms. */
static hr_status bind_time_arith(HR_BIND_ARGS, char op, bool *ret_done)
{
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    bool is_try = call->function->flags & HR_FN_TRY;
    *ret_done = true;
    if (op == '+' && (hr_type_is_datetime(b) && !hr_type_is_datetime(a))) {
        if (a->id == HR_T_STRING) {
            *ret_done = false;
            return HR_OK;
        }
        swap_args(call);
        a = call->args[0]->type;
        b = call->args[1]->type;
    }
    if (op == '-' && hr_type_is_datetime(b)) {
        if (a->id == HR_T_STRING) HR_TRY(hr_resolve_cast(arena, &call->args[0], b, err));
        a = call->args[0]->type;
        bool dates = a->id == HR_T_DATE && b->id == HR_T_DATE;
        return hr_resolve_as(arena, conf, call, dates ? "__date_diff" : "__timestamp_diff", err);
    }
    if (b->id == HR_T_STRING && op == '-') {
        HR_TRY(hr_resolve_cast(arena, &call->args[1], a, err));
        return hr_resolve_as(arena, conf, call,
                             a->id == HR_T_DATE ? "__date_diff" : "__timestamp_diff", err);
    }
    if (b->id == HR_T_INTERVAL_YM || b->id == HR_T_INTERVAL_DT) {
        bool days = b->id == HR_T_INTERVAL_DT && a->id == HR_T_DATE && b->end_field == HR_IV_DAY;
        if (a->id == HR_T_DATE && b->id == HR_T_INTERVAL_DT && !days)
            HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type(HR_T_TIMESTAMP), err));
        return hr_resolve_as(arena, conf, call,
                             op == '-' ? (is_try ? "__try_time_sub" : "__time_sub")
                                       : (is_try ? "__try_time_add" : "__time_add"), err);
    }
    if (a->id == HR_T_DATE && !hr_type_is_nested(b) && b->id != HR_T_BOOLEAN)
        return add_days(arena, conf, call, err, op, is_try);
    *ret_done = false;
    return HR_OK;
}

static hr_status bind_interval_arith(HR_BIND_ARGS, char op, bool *ret_done)
{
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    *ret_done = true;
    if (hr_type_is_interval(a) && a->id == b->id && (op == '+' || op == '-')) {
        const struct hr_type *t = hr_type_tightest(a, b);
        HR_TRY(hr_resolve_cast(arena, &call->args[0], t, err));
        HR_TRY(hr_resolve_cast(arena, &call->args[1], t, err));
        call->type = t;
        return HR_OK;
    }
    if (op == '*' && hr_type_is_interval(b) && !hr_type_is_interval(a)) {
        swap_args(call);
        a = call->args[0]->type;
        b = call->args[1]->type;
    }
    if ((op == '*' || op == '/') && hr_type_is_interval(a) &&
        (hr_type_is_numeric(b) || b->id == HR_T_STRING)) {
        if (b->id == HR_T_STRING || b->id == HR_T_FLOAT)
            HR_TRY(hr_resolve_cast(arena, &call->args[1], hr_type(HR_T_DOUBLE), err));
        return hr_resolve_as(arena, conf, call, op == '*' ? "__interval_mul" : "__interval_div",
                             err);
    }
    *ret_done = false;
    return HR_OK;
}

static const char *arith_required(char op)
{
    switch (op) {
    case '+':
    case '-':
        return "(\"NUMERIC\" or \"INTERVAL DAY TO SECOND\" or \"INTERVAL YEAR TO MONTH\" or "
               "\"INTERVAL\")";
    case '/': return "(\"DOUBLE\" or \"DECIMAL\")";
    case 'd':
        return "(\"BIGINT\" or \"DECIMAL\" or \"INTERVAL YEAR TO MONTH\" or \"INTERVAL DAY TO "
               "SECOND\")";
    default: return "\"NUMERIC\"";
    }
}

static hr_status bind_decimal_arith(HR_BIND_ARGS, char op)
{
    for (int i = 0; i < 2; i++)
        HR_TRY(hr_resolve_cast(arena, &call->args[i], decimal_operand(call->args[i]), err));
    call->type = decimal_result(op, call->args[0]->type, call->args[1]->type);
    call->nullable = call->nullable || op == '/' || op == '%';
    return HR_OK;
}

hr_status hr_bind_arith(HR_BIND_ARGS)
{
    char op = op_of(call);
    bool done = false;
    for (int i = 0; i < 2; i++) { /* NULL takes the other's type */
        const struct hr_type *other = call->args[1 - i]->type;
        if (call->args[i]->type->id != HR_T_NULL) continue;
        if (hr_type_is_datetime(other)) break;
        HR_TRY(hr_resolve_cast(arena, &call->args[i],
                               other->id == HR_T_NULL || other->id == HR_T_STRING
                                   ? hr_type(HR_T_DOUBLE) : other, err));
    }
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    if (hr_type_is_datetime(a) || hr_type_is_datetime(b)) {
        if (op == '+' || op == '-') HR_TRY(bind_time_arith(arena, conf, call, err, op, &done));
    } else if (hr_type_is_interval(a) || hr_type_is_interval(b)) {
        HR_TRY(bind_interval_arith(arena, conf, call, err, op, &done));
    }
    if (done) return HR_OK;
    if ((a->id == HR_T_STRING) != (b->id == HR_T_STRING)) {
        const struct hr_type *t = hr_type_common(a, b);
        if (t && hr_type_is_numeric(t)) {
            int s = a->id == HR_T_STRING ? 0 : 1;
            HR_TRY(hr_resolve_cast(arena, &call->args[s], t, err));
            a = call->args[0]->type;
            b = call->args[1]->type;
        }
    }
    const struct hr_type *t = hr_type_tightest(a, b);
    if (!t) return diff_types(arena, call, err);
    if (!hr_type_is_numeric(t)) return wrong_type(arena, call, arith_required(op), err);
    if (t->id == HR_T_DECIMAL) return bind_decimal_arith(arena, conf, call, err, op);
    if (op == '/') t = hr_type(HR_T_DOUBLE);
    if (op == 'd') {
        if (!hr_type_is_integral(t)) return wrong_type(arena, call, arith_required(op), err);
        t = hr_type(HR_T_LONG);
    }
    HR_TRY(hr_resolve_cast(arena, &call->args[0], t, err));
    HR_TRY(hr_resolve_cast(arena, &call->args[1], t, err));
    call->type = t;
    return HR_OK;
}

/* Unary minus and plus share the rows of "-" and "+". */
hr_status hr_bind_plus_minus(HR_BIND_ARGS)
{
    if (call->arg_count == 2) return hr_bind_arith(arena, conf, call, err);
    return hr_resolve_as(arena, conf, call, call->name[0] == '-' ? "__negative" : "__positive",
                         err);
}

hr_status hr_bind_bitwise(HR_BIND_ARGS)
{
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    if (a->id == HR_T_STRING && hr_type_is_integral(b)) a = hr_type(HR_T_LONG);
    if (b->id == HR_T_STRING && hr_type_is_integral(a)) b = hr_type(HR_T_LONG);
    const struct hr_type *t = hr_type_tightest(a, b);
    if (!t) return diff_types(arena, call, err);
    if (t->id == HR_T_NULL) t = hr_type(HR_T_INT);
    if (!hr_type_is_integral(t)) return wrong_type(arena, call, "\"INTEGRAL\"", err);
    HR_TRY(hr_resolve_cast(arena, &call->args[0], t, err));
    HR_TRY(hr_resolve_cast(arena, &call->args[1], t, err));
    call->type = t;
    return HR_OK;
}

/* --- Comparison and logic ----------------------------------------------------------------------*/

hr_status hr_bind_compare(HR_BIND_ARGS)
{
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    if (a->id == HR_T_DECIMAL && hr_type_is_integral(b)) b = decimal_operand(call->args[1]);
    if (b->id == HR_T_DECIMAL && hr_type_is_integral(a)) a = decimal_operand(call->args[0]);
    const struct hr_type *t = hr_type_common(a, b);
    if (!t) return diff_types(arena, call, err);
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
    HR_UNUSED(conf);
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
    if (!all && call->args[0]->type != call->args[1]->type) return diff_types(arena, call, err);
    if (!all) return wrong_type(arena, call, "\"BOOLEAN\"", err);
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
    const struct hr_type *t = hr_type_common(call->args[1]->type, call->args[2]->type);
    if (!t) {
        const char *types = hr_arena_printf(arena, "[%s, %s]",
                                            hr_type_quoted(arena, call->args[1]->type),
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
                 {"int", HR_T_INT}, {"bigint", HR_T_LONG}, {"float", HR_T_FLOAT},
                 {"double", HR_T_DOUBLE}, {"date", HR_T_DATE}, {"timestamp", HR_T_TIMESTAMP},
                 {"binary", HR_T_BINARY}, {"string", HR_T_STRING}};
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
