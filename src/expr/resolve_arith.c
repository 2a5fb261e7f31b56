/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How arithmetic types itself. As Spark does it: operands that are dates, times or intervals choose
 * another operator first (ResolveBinaryArithmetic); then strings take the type of the other
 * operand, decimals their digits, and the rest the tightest common type, but only where the
 * operator takes that type: else the operands stay as they are and the error speaks of those.
 */
#include "base/datetime.h"
#include "base/decimal.h"
#include "expr/expr.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

/* --- Helpers -----------------------------------------------------------------------------------*/

/* The decimal that an operand becomes next to a decimal: a literal takes no more digits than it
 * has. */
const struct hr_type *hr_resolve_decimal_operand(const struct hr_expr *arg)
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

static bool is_id(const struct hr_expr *arg, enum hr_type_id id) { return arg->type->id == id; }

static bool is_timestamp(const struct hr_expr *arg)
{
    return is_id(arg, HR_T_TIMESTAMP) || is_id(arg, HR_T_TIMESTAMP_NTZ);
}

static bool is_try(const struct hr_expr *call) { return call->function->flags & HR_FN_TRY; }

static char op_of(const struct hr_expr *call)
{
    static const struct {
        const char *name;
        char op;
    } ops[] = {{"+", '+'}, {"-", '-'}, {"*", '*'}, {"/", '/'}, {"%", '%'}, {"mod", '%'},
               {"div", 'd'},
               {"&", '&'}, {"|", '&'}, {"^", '&'}, {"pmod", '%'},
               {"try_add", '+'}, {"try_subtract", '-'},
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

/* --- Dates, times and intervals ----------------------------------------------------------------*/

#define INTERVAL_TYPES "\"INTERVAL DAY TO SECOND\" or \"INTERVAL YEAR TO MONTH\""
#define TIMESTAMP_TYPES "(\"TIMESTAMP\" or \"TIMESTAMP WITHOUT TIME ZONE\")"

/* try_add keeps its name, + becomes date_add. */
static hr_status as_days(HR_BIND_ARGS, const char *function)
{
    const char *name = call->name;
    bool keep = is_try(call);
    enum hr_type_id id = call->args[1]->type->id;
    if (id != HR_T_INT && id != HR_T_SHORT && id != HR_T_BYTE)
        return hr_resolve_unexpected_type(arena, call, 1,
                                          "(\"INT\" or \"SMALLINT\" or \"TINYINT\")", err);
    HR_TRY(hr_resolve_as(arena, conf, call, function, err));
    if (keep) call->name = name;
    return HR_OK;
}

/* A date and an interval of whole days: days are added. */
static hr_status add_day_interval(HR_BIND_ARGS, char op)
{
    if (is_try(call)) /* prints as it was written */
        return hr_resolve_as(arena, conf, call, op == '-' ? "__try_time_sub" : "__try_time_add",
                             err);
    struct hr_expr *days = hr_expr_call(arena, "extractansiintervaldays", &call->args[1], 1);
    if (!days) return HR_OOM(err);
    HR_TRY(hr_resolve_as(arena, conf, days, "__extractansiintervaldays", err));
    if (op == '-') {
        days = hr_expr_call(arena, "-", &days, 1);
        if (!days) return HR_OOM(err);
        HR_TRY(hr_expr_resolve_node(arena, conf, days, err));
    }
    call->args[1] = days;
    return as_days(arena, conf, call, err, "date_add");
}

static hr_status as_time_add(HR_BIND_ARGS, char op)
{
    if (is_id(call->args[1], HR_T_NULL))
        HR_TRY(hr_resolve_cast(arena, &call->args[1], hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND),
                               err));
    if (is_id(call->args[0], HR_T_DATE) && !is_id(call->args[1], HR_T_INTERVAL_YM))
        HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type(HR_T_TIMESTAMP), err));
    return hr_resolve_as(arena, conf, call,
                         op == '-' ? (is_try(call) ? "__try_time_sub" : "__time_sub")
                                   : (is_try(call) ? "__try_time_add" : "__time_add"), err);
}

/* TIME and an interval, or two of TIME. */
static hr_status as_clock(HR_BIND_ARGS, char op)
{
    const char *name = op == 'd' ? "__clock_diff" : op == '-' ? "__clock_sub" : "__clock_add";
    const char *tolerant = op == '-' ? "__try_clock_sub" : "__try_clock_add";
    return hr_resolve_as(arena, conf, call, is_try(call) && op != 'd' ? tolerant : name, err);
}

/* A text plus an interval is a timestamp, and a text again. */
static hr_status text_plus_interval(HR_BIND_ARGS, char op)
{
    HR_TRY(hr_resolve_cast(arena, &call->args[0], hr_type(HR_T_TIMESTAMP), err));
    struct hr_expr *sum = HR_NEW(arena, struct hr_expr), **args = HR_NEW(arena, struct hr_expr *);
    if (!sum || !args) return HR_OOM(err);
    *sum = *call;
    HR_TRY(as_time_add(arena, conf, sum, err, op));
    args[0] = sum;
    call->kind = HR_X_CAST;
    call->implicit_cast = true;
    call->args = args;
    call->arg_count = 1;
    call->function = NULL;
    call->type = hr_type(HR_T_STRING);
    return hr_expr_resolve_node(arena, conf, call, err);
}

/* The first operand is what the second is added to. *ret_done false: none of Spark's forms. */
static hr_status bind_time_plus(HR_BIND_ARGS, char op, bool *ret_done)
{
    struct hr_expr *a = call->args[0], *b = call->args[1];
    *ret_done = true;
    if (is_id(b, HR_T_INTERVAL_DT)) {
        if (is_id(a, HR_T_DATE) && b->type->start_field == HR_IV_DAY &&
            b->type->end_field == HR_IV_DAY)
            return add_day_interval(arena, conf, call, err, op);
        if (is_id(a, HR_T_STRING)) return text_plus_interval(arena, conf, call, err, op);
        if (is_id(a, HR_T_TIME)) return as_clock(arena, conf, call, err, op);
        if (!hr_type_is_datetime(a->type))
            return hr_resolve_unexpected_type(arena, call, 0, TIMESTAMP_TYPES, err);
        return as_time_add(arena, conf, call, err, op);
    }
    if (hr_type_is_datetime(a->type) && is_id(b, HR_T_INTERVAL_YM))
        return as_time_add(arena, conf, call, err, op);
    if (op == '+' && hr_type_is_datetime(a->type) && is_id(b, HR_T_NULL))
        return as_time_add(arena, conf, call, err, op);
    if (op == '+' && is_id(a, HR_T_TIME) && is_id(b, HR_T_NULL)) {
        HR_TRY(hr_resolve_cast(arena, &call->args[1], hr_type_interval_dt(HR_IV_DAY, HR_IV_SECOND),
                               err));
        return as_clock(arena, conf, call, err, op);
    }
    if (op == '+' && is_id(a, HR_T_DATE) && !is_id(b, HR_T_STRING))
        return as_days(arena, conf, call, err, "date_add");
    *ret_done = false;
    return HR_OK;
}

/* Whether the operands of a sum are the wrong way round. */
static bool is_swapped_sum(const struct hr_expr *a, const struct hr_expr *b)
{
    if (is_id(b, HR_T_INTERVAL_DT)) return false;
    if (is_id(a, HR_T_INTERVAL_DT)) return true;
    if (is_id(a, HR_T_INTERVAL_YM)) return hr_type_is_datetime(b->type);
    if (is_id(a, HR_T_NULL)) return hr_type_is_datetime(b->type) || is_id(b, HR_T_TIME);
    return is_id(b, HR_T_DATE) && !is_id(a, HR_T_DATE) && !is_id(a, HR_T_STRING);
}

static hr_status bind_time_minus(HR_BIND_ARGS, bool *ret_done)
{
    struct hr_expr *a = call->args[0], *b = call->args[1];
    bool times = is_timestamp(a) || is_timestamp(b);
    *ret_done = true;
    for (uint32_t i = 0; i < 2; i++)
        if (is_id(call->args[i], HR_T_NULL) && is_id(call->args[1 - i], HR_T_TIME))
            HR_TRY(hr_resolve_cast(arena, &call->args[i], call->args[1 - i]->type, err));
    a = call->args[0];
    b = call->args[1];
    if (is_id(a, HR_T_TIME) && is_id(b, HR_T_TIME)) return as_clock(arena, conf, call, err, 'd');
    if (times || is_id(b, HR_T_DATE) || (is_id(a, HR_T_DATE) && is_id(b, HR_T_NULL))) {
        for (uint32_t i = 0; i < 2; i++) {
            const struct hr_type *t = call->args[i]->type;
            if (!hr_type_is_datetime(t) && t->id != HR_T_STRING && t->id != HR_T_NULL)
                return hr_resolve_unexpected_type(arena, call, i,
                                                  times ? TIMESTAMP_TYPES : "\"DATE\"", err);
            if (!times) HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type(HR_T_DATE), err));
        }
        return hr_resolve_as(arena, conf, call, times ? "__timestamp_diff" : "__date_diff", err);
    }
    if (is_id(a, HR_T_DATE) && !is_id(b, HR_T_STRING))
        return as_days(arena, conf, call, err, "date_sub");
    *ret_done = false;
    return HR_OK;
}

static hr_status bind_interval_scale(HR_BIND_ARGS, char op, bool *ret_done)
{
    struct hr_expr *a = call->args[0], *b = call->args[1];
    if (op == '*' && hr_type_is_interval(b->type) && !is_id(a, HR_T_INTERVAL_YM) &&
        (is_id(b, HR_T_INTERVAL_YM) || !hr_type_is_interval(a->type)))
        swap_args(call);
    if (!hr_type_is_interval(call->args[0]->type)) return HR_OK;
    b = call->args[1];
    *ret_done = true;
    if (!hr_type_is_numeric(b->type) && !is_id(b, HR_T_STRING) && !is_id(b, HR_T_NULL))
        return hr_resolve_unexpected_type(arena, call, 1, "\"NUMERIC\"", err);
    if (!hr_type_is_numeric(b->type) || is_id(b, HR_T_FLOAT))
        HR_TRY(hr_resolve_cast(arena, &call->args[1], hr_type(HR_T_DOUBLE), err));
    return hr_resolve_as(arena, conf, call,
                         op == '*' ? (is_try(call) ? "__try_interval_mul" : "__interval_mul")
                                   : (is_try(call) ? "__try_interval_div" : "__interval_div"), err);
}

/* *ret_done false: the operands are as arithmetic takes them (two intervals, a NULL that has become
 * one), or fit nothing. */
static hr_status bind_time_arith(HR_BIND_ARGS, char op, bool *ret_done)
{
    if (op == '*' || op == '/') return bind_interval_scale(arena, conf, call, err, op, ret_done);
    if (op != '+' && op != '-') return HR_OK;
    if (op == '+' && is_swapped_sum(call->args[0], call->args[1])) swap_args(call);
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    if (a->id == b->id && hr_type_is_interval(a)) return HR_OK;
    for (int i = 0; i < 2; i++) {
        const struct hr_type *other = call->args[1 - i]->type;
        if (call->args[i]->type->id == HR_T_NULL && hr_type_is_interval(other))
            return hr_resolve_cast(arena, &call->args[i], other, err);
    }
    HR_TRY(bind_time_plus(arena, conf, call, err, op, ret_done));
    return *ret_done || op == '+' ? HR_OK : bind_time_minus(arena, conf, call, err, ret_done);
}

/* --- Numbers -----------------------------------------------------------------------------------*/

static bool accepts(char op, const struct hr_type *t)
{
    switch (op) {
    case '+':
    case '-': return hr_type_is_numeric(t) || hr_type_is_interval(t);
    case '/': return t->id == HR_T_DOUBLE || t->id == HR_T_DECIMAL;
    case 'd': return t->id == HR_T_LONG || t->id == HR_T_DECIMAL || hr_type_is_interval(t);
    case '&': return hr_type_is_integral(t);
    default: return hr_type_is_numeric(t);
    }
}

static const char *required(char op)
{
    switch (op) {
    case '+':
    case '-': return "(\"NUMERIC\" or " INTERVAL_TYPES " or \"INTERVAL\")";
    case '/': return "(\"DOUBLE\" or \"DECIMAL\")";
    case 'd':
        return "(\"BIGINT\" or \"DECIMAL\" or \"INTERVAL YEAR TO MONTH\" or \"INTERVAL DAY TO "
               "SECOND\")";
    case '&': return "\"INTEGRAL\"";
    default: return "\"NUMERIC\"";
    }
}

static hr_status cast_both(struct hr_arena *arena, struct hr_expr *call, const struct hr_type *type,
                           struct hr_err *err)
{
    HR_TRY(hr_resolve_cast(arena, &call->args[0], type, err));
    return hr_resolve_cast(arena, &call->args[1], type, err);
}

/* A text takes the type of what it meets. */
static hr_status promote_strings(struct hr_arena *arena, struct hr_expr *call, bool *ret_promoted,
                                 struct hr_err *err)
{
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    if ((a->id == HR_T_STRING) == (b->id == HR_T_STRING)) return HR_OK;
    const struct hr_type *t = hr_type_common(a, b);
    if (!t) return HR_OK;
    *ret_promoted = true;
    return cast_both(arena, call, t, err);
}

/* NULLs alone are of the first type that the operator takes; quotients are DOUBLE, integral ones
 * BIGINT. */
static hr_status cast_operands(struct hr_arena *arena, struct hr_expr *call, char op,
                               struct hr_err *err)
{
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    if (a->id == HR_T_NULL && b->id == HR_T_NULL)
        return cast_both(arena, call,
                         hr_type(op == '&' ? HR_T_INT : op == 'd' ? HR_T_LONG : HR_T_DOUBLE), err);
    bool numbers = (hr_type_is_numeric(a) || a->id == HR_T_NULL) &&
                   (hr_type_is_numeric(b) || b->id == HR_T_NULL);
    if (op == '/' && numbers && a->id != HR_T_DECIMAL &&
        !(b->id == HR_T_DECIMAL && hr_type_is_integral(a)))
        return cast_both(arena, call, hr_type(HR_T_DOUBLE), err);
    for (int i = 0; i < 2 && op == 'd'; i++)
        if (hr_type_is_integral(call->args[i]->type) &&
            call->args[1 - i]->type->id != HR_T_DECIMAL)
            HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type(HR_T_LONG), err));
    const struct hr_type *t = hr_type_tightest(call->args[0]->type, call->args[1]->type);
    if (!t || t->id == HR_T_DECIMAL || !accepts(op, t)) return HR_OK;
    return cast_both(arena, call, t, err);
}

static hr_status bind_decimal_arith(struct hr_arena *arena, struct hr_expr *call, char op,
                                    struct hr_err *err)
{
    const struct hr_type *types[2];
    for (int i = 0; i < 2; i++) {
        const struct hr_expr *arg = call->args[i];
        types[i] = arg->type->id == HR_T_NULL ? call->args[1 - i]->type
                                              : hr_resolve_decimal_operand(arg);
    }
    for (int i = 0; i < 2; i++) HR_TRY(hr_resolve_cast(arena, &call->args[i], types[i], err));
    call->type = decimal_result(op, types[0], types[1]);
    call->nullable = call->nullable || op == '/' || op == '%';
    return HR_OK;
}

hr_status hr_bind_arith(HR_BIND_ARGS)
{
    char op = op_of(call);
    bool done = false, promoted = false;
    HR_TRY(bind_time_arith(arena, conf, call, err, op, &done));
    if (done) return HR_OK;
    HR_TRY(promote_strings(arena, call, &promoted, err));
    if (promoted) HR_TRY(bind_time_arith(arena, conf, call, err, op, &done));
    if (done) return HR_OK;
    HR_TRY(cast_operands(arena, call, op, err));
    const struct hr_type *a = call->args[0]->type, *b = call->args[1]->type;
    const struct hr_type *t = hr_type_tightest(a, b);
    if (t && t->id == HR_T_DECIMAL && accepts(op, t))
        return bind_decimal_arith(arena, call, op, err);
    if (!hr_type_same(a, b)) return hr_resolve_operands_differ(arena, call, err);
    if (!accepts(op, a)) return hr_resolve_operand_type(arena, call, required(op), err);
    call->type = op == 'd' ? hr_type(HR_T_LONG) : t;
    return HR_OK;
}

/* Unary minus and plus share the rows of "-" and "+". */
hr_status hr_bind_plus_minus(HR_BIND_ARGS)
{
    if (call->arg_count == 2) return hr_bind_arith(arena, conf, call, err);
    return hr_resolve_as(arena, conf, call, call->name[0] == '-' ? "__negative" : "__positive",
                         err);
}
