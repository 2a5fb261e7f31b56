/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Queries inside expressions: their names, their types. A name that the query does not have itself
 * is looked up in the queries around it, nearest first; each query on the way gets a parameter for
 * it (expr/expr.h: struct hr_subquery).
 */
#include <stdio.h>

#include "plan/analyze.h"
#include "plan/decorrelate.h"
#include "plan/nodes/generate.h"
#include "plan/nodes/lateral.h"
#include "plan/nodes/project.h"
#include "plan/nodes/subquery_alias.h"

/* Names of the queries around ------------------------------------------------------------------ */

/* A reference, inside the query, to what stands outside. */
static hr_status param_of(struct hr_analyzer *an, struct hr_expr *subquery, struct hr_expr *outer,
                          struct hr_expr **ret, struct hr_err *err)
{
    struct hr_subquery *s = subquery->subquery;
    uint32_t i = 0;
    while (i < s->param_count && !hr_expr_equal(subquery->args[s->value_count + i], outer)) i++;
    if (i == s->param_count) {
        struct hr_exprs args = {subquery->args, subquery->arg_count, subquery->arg_count};
        HR_VEC(uint32_t) ids = {s->params, s->param_count, s->param_count};
        uint32_t id = hr_expr_next_attr_id();
        if (!HR_VEC_PUSH(an->arena, &args, outer) || !HR_VEC_PUSH(an->arena, &ids, id))
            return HR_OOM(err);
        subquery->args = args.items;
        subquery->arg_count = args.count;
        s->params = ids.items;
        s->param_count = ids.count;
    }
    struct hr_expr *ref = hr_expr_new(an->arena, HR_X_ATTR);
    if (!ref) return HR_OOM(err);
    ref->name = outer->name ? outer->name : hr_expr_text(an->arena, outer);
    ref->type = outer->type;
    ref->nullable = outer->nullable;
    ref->attr_id = s->params[i];
    ref->is_outer = true;
    ref->sql_pos = outer->sql_pos;
    ref->sql_end = outer->sql_end;
    *ret = ref;
    return HR_OK;
}

/* Through the queries from the one that has it down to the innermost. */
static hr_status pass_down(struct hr_analyzer *an, const struct hr_outer_scope *from,
                           struct hr_expr *outer, struct hr_expr **ret, struct hr_err *err)
{
    const struct hr_outer_scope *path[HR_PLAN_DEPTH_MAX];
    uint32_t count = 0;
    for (const struct hr_outer_scope *s = an->outer; s; s = s->outer) {
        path[count++] = s; /* queries nest less deep than plans */
        if (s == from) break;
    }
    while (count > 0) HR_TRY(param_of(an, path[--count]->subquery, outer, &outer, err));
    *ret = outer;
    return HR_OK;
}

/* A parameter of the function in whose body the query around stands. */
static hr_status outer_param(struct hr_analyzer *an, const struct hr_outer_scope *scope,
                             const struct hr_expr *name, struct hr_expr **ret, struct hr_err *err)
{
    uint32_t i = 0, used_parts = 0;
    struct hr_expr *value = NULL;
    bool constant = false;
    if (!hr_find_param(scope->params, name, &i, &used_parts)) return HR_OK;
    HR_TRY(hr_param_value(an, scope->params, i, &value, &constant, err));
    if (!constant) HR_TRY(pass_down(an, scope, value, &value, err));
    return hr_take_fields(an, value, name, used_parts, ret, err);
}

hr_status hr_resolve_outer(struct hr_analyzer *an, const struct hr_expr *name, bool in_call,
                           struct hr_expr **ret, struct hr_err *err)
{
    for (const struct hr_outer_scope *s = an->outer; s; s = s->outer) {
        const struct hr_attr *attr = NULL;
        uint32_t used_parts = 0;
        bool below = s->in_call != NULL || (in_call && s->names->aggregate);
        HR_TRY(hr_find_name(an, s->names, below, name, &attr, &used_parts, err));
        if (!attr && s->params) HR_TRY(outer_param(an, s, name, ret, err));
        if (*ret) return HR_OK;
        if (!attr) continue;
        struct hr_expr *ref = hr_attr_ref(an->arena, attr), *param = NULL;
        if (!ref) return HR_OOM(err);
        ref->name = name->name_parts[used_parts - 1];
        ref->sql_pos = name->sql_pos;
        ref->sql_end = name->sql_end;
        HR_TRY(pass_down(an, s, ref, &param, err));
        return hr_take_fields(an, param, name, used_parts, ret, err);
    }
    return HR_OK;
}

struct outer_only {
    bool any_outer, any_own;
};

static bool note_attr(void *arg, const struct hr_expr *expr)
{
    struct outer_only *o = arg;
    if (expr->kind != HR_X_ATTR) return true;
    if (expr->is_outer)
        o->any_outer = true;
    else
        o->any_own = true;
    return true;
}

struct to_outer {
    struct hr_analyzer *an;
    struct hr_expr *subquery;
};

/* The parameter's meaning in the query around. */
static hr_status param_to_arg(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct to_outer *t = arg;
    const struct hr_subquery *s = t->subquery->subquery;
    for (uint32_t i = 0; (*expr)->kind == HR_X_ATTR && i < s->param_count; i++) {
        if (s->params[i] != (*expr)->attr_id) continue;
        *expr = hr_expr_copy(t->an->arena, t->subquery->args[s->value_count + i]);
        return *expr ? HR_OK : HR_OOM(err);
    }
    return HR_OK;
}

static hr_status take_aggregate(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct to_outer *t = arg;
    struct outer_only only = {false, false};
    if (!hr_expr_is_aggregate(*expr)) return HR_OK;
    hr_expr_walk(*expr, note_attr, &only);
    if (!only.any_outer || only.any_own) return HR_OK;
    struct hr_expr *outer = hr_expr_copy(t->an->arena, *expr);
    if (!outer) return HR_OOM(err);
    HR_TRY(hr_expr_rewrite(&outer, param_to_arg, t, err));
    return param_of(t->an, t->subquery, outer, expr, err);
}

hr_status hr_take_outer_aggregates(struct hr_analyzer *an, struct hr_expr **expr,
                                   struct hr_err *err)
{
    if (!an->outer || !an->outer->names->aggregate) return HR_OK;
    struct to_outer t = {an, an->outer->subquery};
    return hr_expr_rewrite(expr, take_aggregate, &t, err);
}

/* Types ---------------------------------------------------------------------------------------- */

static hr_status too_many_columns(const struct hr_expr *expr, uint32_t count, struct hr_err *err)
{
    char number[16];
    snprintf(number, sizeof number, "%u", count);
    HR_RAISE(err, HR_E_SCALAR_SUBQUERY_COLUMNS, "number", number);
    return hr_err_at(err, expr->sql_pos, expr->sql_end);
}

static const char *list_columns(struct hr_analyzer *an, const struct hr_plan *plan)
{
    const char *text = "";
    for (uint32_t i = 0; i < plan->output_count && text; i++)
        text = hr_arena_printf(an->arena, "%s%s\"%s\"", text, i ? ", " : "", plan->output[i].name);
    return text ? text : "?";
}

static const char *list_values(struct hr_analyzer *an, const struct hr_expr *expr)
{
    const char *text = "";
    for (uint32_t i = 0; i < expr->subquery->value_count && text; i++)
        text = hr_arena_printf(an->arena, "%s%s%s", text, i ? ", " : "",
                               hr_expr_quoted(an->arena, expr->args[i]));
    return text ? text : "?";
}

static hr_status length_mismatch(struct hr_analyzer *an, const struct hr_expr *expr,
                                 struct hr_err *err)
{
    char left[16], right[16];
    const struct hr_plan *plan = expr->subquery->plan;
    snprintf(left, sizeof left, "%u", expr->subquery->value_count);
    snprintf(right, sizeof right, "%u", plan->output_count);
    HR_RAISE(err, HR_E_IN_SUBQUERY_LENGTH_MISMATCH, "sqlExpr", hr_expr_quoted(an->arena, expr),
             "leftLength", left, "leftColumns", list_values(an, expr), "rightLength", right,
             "rightColumns", list_columns(an, plan));
    return hr_err_at(err, expr->sql_pos, expr->sql_end);
}

static hr_status type_mismatch(struct hr_analyzer *an, const struct hr_expr *expr, uint32_t at,
                               struct hr_err *err)
{
    const struct hr_attr *column = &expr->subquery->plan->output[at];
    const struct hr_type *value = expr->args[at]->type;
    const char *pair =
        hr_arena_printf(an->arena, "(%s:%s, %s:%s)", hr_expr_text(an->arena, expr->args[at]),
                        hr_type_simple(an->arena, value), column->name,
                        hr_type_simple(an->arena, column->type));
    const char *left = hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, value));
    const char *right = hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, column->type));
    HR_RAISE(err, HR_E_IN_SUBQUERY_DATA_TYPE_MISMATCH, "sqlExpr", hr_expr_quoted(an->arena, expr),
             "mismatchedColumns", pair ? pair : "?", "leftType", left ? left : "?", "rightType",
             right ? right : "?");
    return hr_err_at(err, expr->sql_pos, expr->sql_end);
}

static hr_status coerce_in(struct hr_analyzer *an, struct hr_expr *expr, struct hr_err *err)
{
    struct hr_subquery *s = expr->subquery;
    if (s->plan->output_count != s->value_count) return length_mismatch(an, expr, err);
    const struct hr_type **types = HR_NEW_ARRAY(an->arena, const struct hr_type *, s->value_count);
    if (!types) return HR_OOM(err);
    for (uint32_t i = 0; i < s->value_count; i++) {
        const struct hr_type *value = expr->args[i]->type, *column = s->plan->output[i].type;
        types[i] = hr_type_same(value, column) ? value : hr_type_common(value, column);
        if (!types[i]) return type_mismatch(an, expr, i, err);
    }
    for (uint32_t i = 0; i < s->value_count; i++)
        HR_TRY(hr_expr_coerce(an->arena, an->conf, &expr->args[i], types[i], err));
    return hr_cast_columns(an, &s->plan, types, expr->sql_pos, expr->sql_end, err);
}

static hr_status type_of(struct hr_analyzer *an, struct hr_expr *expr, struct hr_err *err)
{
    const struct hr_subquery *s = expr->subquery;
    bool is_scalar = s->form == HR_SUBQUERY_SCALAR;
    if (is_scalar && s->plan->output_count != 1)
        return too_many_columns(expr, s->plan->output_count, err);
    if (s->form == HR_SUBQUERY_IN) HR_TRY(coerce_in(an, expr, err));
    expr->type = is_scalar ? s->plan->output[0].type : hr_type(HR_T_BOOLEAN);
    expr->nullable = is_scalar || s->form == HR_SUBQUERY_IN;
    return HR_OK;
}

/* A copy of the expression was analysed before: what that found outside is meant here, too. */
static hr_status repeat_outer(struct hr_analyzer *an, struct hr_expr *expr, struct hr_err *err)
{
    const struct hr_subquery *s = expr->subquery;
    struct hr_exprs args = {expr->args, expr->arg_count, expr->arg_count};
    for (uint32_t i = 0; i < s->param_count; i++) {
        struct hr_expr *outer = hr_expr_copy(an->arena, s->outer[i]);
        if (!outer || !HR_VEC_PUSH(an->arena, &args, outer)) return HR_OOM(err);
    }
    expr->args = args.items;
    expr->arg_count = args.count;
    return HR_OK;
}

/* Parameters that only stood in an aggregate which became the outer query's own. */
static void drop_unused(struct hr_expr *expr)
{
    struct hr_subquery *s = expr->subquery;
    uint32_t kept = 0, values = s->value_count;
    for (uint32_t i = 0; i < s->param_count; i++) {
        if (!hr_plan_uses_params(s->plan, &s->params[i], 1)) continue;
        s->params[kept] = s->params[i];
        expr->args[values + kept++] = expr->args[values + i];
    }
    s->param_count = kept;
    expr->arg_count = values + kept;
}

static hr_status analyze_query(struct hr_analyzer *an, const struct hr_names *names,
                               const char *in_call, struct hr_expr *expr, struct hr_err *err)
{
    struct hr_subquery *s = expr->subquery;
    struct hr_outer_scope scope = {names, in_call, expr, an->outer, an->params};
    uint32_t open = an->open_names; /* those of the query itself are its own matter */
    s->scope = an->ctes;
    if (an->inlined) { /* equal texts are not equal queries: their parameters may differ */
        s->scope = HR_NEW(an->arena, uint64_t);
        if (!s->scope) return HR_OOM(err);
    }
    an->outer = &scope;
    an->params = NULL;
    hr_status status = hr_analyze(an, &s->plan, err);
    an->outer = scope.outer;
    an->params = scope.params;
    an->open_names = open;
    HR_TRY(status);
    bool hidden = false;
    for (uint32_t i = 0; i < s->plan->output_count; i++)
        hidden = hidden || s->plan->output[i].hidden;
    if (hidden && !(s->plan = hr_plan_pass(an->arena, s->plan))) return HR_OOM(err);
    drop_unused(expr);
    s->outer = HR_NEW_ARRAY(an->arena, struct hr_expr *, s->param_count + 1);
    if (!s->outer) return HR_OOM(err);
    for (uint32_t i = 0; i < s->param_count; i++)
        if (!(s->outer[i] = hr_expr_copy(an->arena, expr->args[s->value_count + i])))
            return HR_OOM(err);
    return HR_OK;
}

hr_status hr_resolve_subquery(struct hr_analyzer *an, const struct hr_names *names,
                              const char *in_call, struct hr_expr *expr, struct hr_err *err)
{
    assert(expr->kind == HR_X_SUBQUERY && expr->subquery);
    if (expr->type) return HR_OK;
    if (expr->subquery->plan->resolved)
        HR_TRY(repeat_outer(an, expr, err));
    else
        HR_TRY(analyze_query(an, names, in_call, expr, err));
    return type_of(an, expr, err);
}

/* LATERAL -------------------------------------------------------------------------------------- */

/* LATERAL explode(…) AS t(a): the generator itself takes the left side's rows. NULL: it is another
 * query. */
static struct hr_plan *generator_of(struct hr_analyzer *an,
                                    const struct hr_lateral_node *lateral)
{
    struct hr_plan *plan = lateral->query->subquery->plan;
    const struct hr_subquery_alias_node *alias = NULL;
    if (plan->kind == HR_P_SUBQUERY_ALIAS) {
        alias = HR_NODE(subquery_alias, plan);
        plan = plan->children[0];
    }
    if (plan->kind != HR_P_GENERATE || plan->children[0]->kind != HR_P_ONE_ROW) return NULL;
    struct hr_generate_node *generate = HR_NODE(generate, plan);
    if (hr_find_sql_function(an, generate->call->name)) return NULL;
    const struct hr_expr *on = lateral->condition;
    bool always = !on || (on->kind == HR_X_LITERAL && !hr_expr_never_true(on));
    if (!always) return NULL;
    if (alias) {
        generate->name = alias->name;
        generate->columns = alias->columns;
        generate->column_count = alias->column_count;
    }
    generate->outer = lateral->type == HR_JOIN_LEFT;
    plan->children[0] = lateral->plan.children[0];
    return plan;
}

hr_status hr_analyze_lateral(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_lateral_node *lateral = HR_NODE(lateral, *plan);
    struct hr_plan **left = &(*plan)->children[0];
    HR_TRY(hr_analyze(an, left, err));
    struct hr_plan *generate = generator_of(an, lateral);
    if (generate) {
        *plan = generate;
        return hr_analyze_generate(an, plan, err);
    }
    struct hr_names names = {.inputs = {*left}, .input_count = 1};
    HR_TRY(hr_resolve(an, &names, &lateral->query, err));
    if (lateral->condition) {
        names =
            (struct hr_names){.inputs = {*left, lateral->query->subquery->plan}, .input_count = 2};
        HR_TRY(hr_resolve(an, &names, &lateral->condition, err));
        HR_TRY(
            hr_expr_coerce(an->arena, an->conf, &lateral->condition, hr_type(HR_T_BOOLEAN), err));
    }
    return hr_plan_refresh(an->arena, *plan, err);
}
