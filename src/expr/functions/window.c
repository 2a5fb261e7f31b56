/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The functions that are only computed with OVER: their types and arguments. What they give is a
 * matter of positions, which operator/over_value.c knows.
 */
#include <stdio.h>

#include "expr/functions/functions.h"
#include "expr/internal.h"
#include "expr/program.h"

/* rank(a) is rank(): Spark looks at nothing but the order. */
hr_status hr_bind_position(HR_BIND_ARGS)
{
    HR_UNUSED(arena);
    HR_UNUSED(conf);
    HR_UNUSED(err);
    call->arg_count = 0;
    call->nullable = false;
    return HR_OK;
}

static hr_status not_foldable(struct hr_arena *arena, const struct hr_expr *call, uint32_t index,
                              const char *name, bool negated, struct hr_err *err)
{
    const char *text = hr_expr_quoted(arena, call->args[index]);
    if (negated)
        text = hr_arena_printf(arena, "\"(- %s)\"", hr_expr_text(arena, call->args[index]));
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                    hr_expr_quoted(arena, call), "inputName", name, "inputType", "\"INT\"",
                    "inputExpr", text ? text : "?");
}

static hr_status out_of_range(struct hr_arena *arena, const struct hr_expr *call, const char *name,
                              const char *range, int64_t value, const char *suffix,
                              struct hr_err *err)
{
    char text[32];
    snprintf(text, sizeof text, "%lld%s", (long long)value, suffix);
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_VALUE_OUT_OF_RANGE, "sqlExpr",
                    hr_expr_quoted(arena, call), "exprName", name, "valueRange", range,
                    "currentValue", text);
}

static bool is_const(const struct hr_expr *arg)
{
    return hr_expr_is_foldable(arg);
}

/* bound: the number of buckets, as an int64_t. */
hr_status hr_bind_ntile(HR_BIND_ARGS)
{
    int64_t *n = HR_NEW(arena, int64_t);
    if (!n) return HR_OOM(err);
    if (call->arg_count == 0)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 1), err));
    if (call->args[0]->type->id != HR_T_INT)
        return hr_resolve_unexpected_type(arena, call, 0, "\"INT\"", err);
    if (!is_const(call->args[0])) return not_foldable(arena, call, 0, "`buckets`", false, err);
    if (!hr_resolve_const_i64(arena, conf, call->args[0], n))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_UNEXPECTED_NULL, "sqlExpr",
                        hr_expr_quoted(arena, call), "exprName", "buckets");
    if (*n <= 0) return out_of_range(arena, call, "buckets", "(0, 2147483647]", *n, "", err);
    call->bound = n;
    call->nullable = false;
    return HR_OK;
}

/* The third argument becomes a value of the first's type. */
static hr_status cast_default(HR_BIND_ARGS)
{
    const struct hr_type *to = call->args[0]->type, *from = call->args[2]->type;
    bool both_numbers = hr_type_is_numeric(to) && hr_type_is_numeric(from);
    bool same = hr_type_same(to, from) || from->id == HR_T_NULL;
    bool text = hr_type_is_string(from) && !hr_type_is_nested(to);
    bool to_text = to->id == HR_T_STRING && !hr_type_is_nested(from);
    bool times = hr_type_is_datetime(to) && hr_type_is_datetime(from);
    HR_UNUSED(conf);
    if (same || both_numbers || text || to_text || times)
        return hr_resolve_cast(arena, &call->args[2], to, err);
    const char *wanted = hr_arena_printf(arena, "(%s or \"VOID\")", hr_type_quoted(arena, to));
    return hr_resolve_unexpected_type(arena, call, 2, wanted ? wanted : "?", err);
}

/* bound: how many rows before (lag) or behind (lead), as an int64_t. */
hr_status hr_bind_offset(HR_BIND_ARGS)
{
    int64_t *n = HR_NEW(arena, int64_t);
    if (!n) return HR_OOM(err);
    if (call->arg_count == 0)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_null(arena, hr_type(HR_T_NULL)), err));
    if (call->arg_count == 1)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 1), err));
    if (call->arg_count == 2)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_null(arena, hr_type(HR_T_NULL)), err));
    bool lag = hr_expr_is(call, HR_ROLE_LAG);
    if (!is_const(call->args[1])) return not_foldable(arena, call, 1, "`offset`", lag, err);
    if (call->args[1]->type->id != HR_T_INT ||
        !hr_resolve_const_i64(arena, conf, call->args[1], n))
        return HR_RAISE(err, HR_E_WINDOW_FRAME_FIXED, "prettyName", call->function->name);
    HR_TRY(cast_default(arena, conf, call, err));
    call->bound = n;
    call->type = call->args[0]->type;
    call->nullable = true;
    return HR_OK;
}

/* bound: n, as an int64_t. A third argument is IGNORE NULLS in Spark's own words. */
hr_status hr_bind_nth_value(HR_BIND_ARGS)
{
    int64_t *n = HR_NEW(arena, int64_t);
    if (!n) return HR_OOM(err);
    if (call->arg_count == 3) {
        if (call->args[2]->type->id != HR_T_BOOLEAN || call->args[2]->kind != HR_X_LITERAL)
            return hr_resolve_unexpected_type(arena, call, 2, "\"BOOLEAN\"", err);
        struct hr_vector v = {.col = *call->args[2]->literal, .is_const = true};
        call->ignores_nulls = hr_arg_valid(&v, 0) && hr_arg_bool(&v, 0);
        call->arg_count = 2;
    }
    if (!is_const(call->args[1])) return not_foldable(arena, call, 1, "`offset`", false, err);
    const struct hr_type *type = hr_type_implicit(call->args[1]->type, hr_sv("int|long|double"));
    bool number = hr_type_is_numeric(call->args[1]->type) || call->args[1]->type->id == HR_T_NULL;
    if (!type || !number) return hr_resolve_unexpected_type(arena, call, 1, "\"INT\"", err);
    double real = 0;
    if (hr_type_is_fractional(call->args[1]->type)) {
        hr_resolve_const_f64(arena, conf, call->args[1], &real);
        *n = real >= 1 && real < 9e18 ? (int64_t)real : 0;
    } else if (!hr_resolve_const_i64(arena, conf, call->args[1], n)) {
        *n = 0; /* NULL */
    }
    if (*n <= 0)
        return out_of_range(arena, call, "offset", "(0, 9223372036854775807]", *n, "L", err);
    call->bound = n;
    call->type = call->args[0]->type;
    call->nullable = true;
    return HR_OK;
}
