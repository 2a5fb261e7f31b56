/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What needs no row is computed once. An expression that fails is left as it is: its error belongs
 * to the run, where the row may never be reached. On a stream the clock is not constant.
 */
#include "expr/program.h"
#include "plan/node.h"
#include "plan/rules/rules.h"

struct fold {
    struct hr_rule_ctx *ctx;
    bool streaming;
};

static bool no_clock(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    return !(expr->kind == HR_X_CALL && expr->function &&
             expr->function->flags & (HR_FN_CONTEXT | HR_FN_CLOCK));
}

/* -1: not a literal, else 0, 1, or 2 for NULL. */
static int truth(const struct hr_expr *expr)
{
    if (expr->kind != HR_X_LITERAL || expr->type->id != HR_T_BOOLEAN) return -1;
    if (!hr_column_valid(expr->literal, 0)) return 2;
    return hr_bit_get(expr->literal->values, 0);
}

/* true AND x → x, false AND x → false; OR the other way round. */
static bool shrink_logic(struct hr_expr **expr)
{
    struct hr_expr *e = *expr;
    bool is_and = hr_expr_is(e, HR_ROLE_AND), is_or = hr_expr_is(e, HR_ROLE_OR);
    if (!is_and && !is_or) return false;
    for (uint32_t i = 0; i < 2; i++) {
        int t = truth(e->args[i]);
        if (t != 0 && t != 1) continue;
        bool decides = (t == 1) == is_or;
        *expr = decides ? e->args[i] : e->args[1 - i];
        return true;
    }
    return false;
}

static hr_status fold_node(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct fold *f = arg;
    struct hr_expr *e = *expr;
    bool foldable = e->kind == HR_X_CALL || e->kind == HR_X_CAST || e->kind == HR_X_FIELD;
    if (!foldable || !e->type) return HR_OK;
    if (shrink_logic(expr)) {
        f->ctx->changed = true;
        return HR_OK;
    }
    if (!hr_expr_is_foldable(e) || !hr_expr_is_deterministic(e)) return HR_OK;
    if (hr_expr_is_aggregate(e) || hr_expr_is_generator(e)) return HR_OK;
    if (f->streaming && !hr_expr_walk(e, no_clock, NULL)) return HR_OK;
    struct hr_column value;
    if (hr_expr_fold(f->ctx->arena, f->ctx->conf, e, &value, NULL) != HR_OK) return HR_OK;
    struct hr_expr *literal = hr_expr_new(f->ctx->arena, HR_X_LITERAL);
    if (!literal) return HR_OOM(err);
    literal->literal = hr_arena_memdup(f->ctx->arena, &value, sizeof value);
    if (!literal->literal) return HR_OOM(err);
    literal->type = e->type;
    literal->nullable = value.type->id == HR_T_NULL || !hr_column_valid(&value, 0);
    literal->sql_pos = e->sql_pos;
    literal->sql_end = e->sql_end;
    *expr = literal;
    f->ctx->changed = true;
    return HR_OK;
}

static hr_status fold_tree(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    return hr_expr_rewrite(expr, fold_node, arg, err);
}

hr_status hr_rule_fold_constants(struct hr_rule_ctx *ctx, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->resolved);
    struct fold f = {ctx, (*plan)->is_streaming};
    if (!hr_plan_vt(*plan)->may_fold) return HR_OK;
    return hr_plan_each_expr(*plan, fold_tree, &f, err);
}
