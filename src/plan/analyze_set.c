/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Set operations. UNION casts its inputs to common types. EXCEPT and INTERSECT become distinct rows
 * of the left side that have no (or some) equal row on the right: NULLs are equal here.
 */
#include <stdio.h>

#include "plan/analyze.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/generate.h"
#include "plan/nodes/join.h"
#include "plan/nodes/project.h"
#include "plan/nodes/setop.h"
#include "plan/nodes/union.h"

static const char *ordinal(uint32_t index)
{
    static const char *const words[] = {"first", "second",  "third",  "fourth", "fifth",
                                        "sixth", "seventh", "eighth", "ninth",  "tenth"};
    return index < HR_COUNT(words) ? words[index] : "next";
}

static const char *operator_name(const struct hr_plan *plan)
{
    if (plan->kind == HR_P_UNION) return "UNION";
    return HR_NODE(setop, plan)->op == HR_SET_EXCEPT ? "EXCEPT" : "INTERSECT";
}

static hr_status check_counts(const struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count >= 2);
    for (uint32_t i = 1; i < plan->child_count; i++) {
        uint32_t first = plan->children[0]->output_count, other = plan->children[i]->output_count;
        if (first == other) continue;
        char a[16], b[16];
        snprintf(a, sizeof a, "%u", first);
        snprintf(b, sizeof b, "%u", other);
        HR_RAISE(err, HR_E_NUM_COLUMNS_MISMATCH, "operator", operator_name(plan), "firstNumColumns",
                 a, "invalidOrdinalNum", ordinal(i), "invalidNumColumns", b);
        return hr_err_at(err, plan->sql_pos, plan->sql_end);
    }
    return HR_OK;
}

static hr_status incompatible(struct hr_analyzer *an, const struct hr_plan *plan, uint32_t column,
                              uint32_t child, struct hr_err *err)
{
    const char *here = hr_type_sql(an->arena, plan->children[child]->output[column].type);
    const char *first = hr_type_sql(an->arena, plan->children[0]->output[column].type);
    here = hr_arena_printf(an->arena, "\"%s\"", here);
    first = hr_arena_printf(an->arena, "\"%s\"", first);
    if (!here || !first) return HR_OOM(err);
    HR_RAISE(err, HR_E_INCOMPATIBLE_COLUMN_TYPE, "operator", operator_name(plan),
             "columnOrdinalNumber", ordinal(column), "tableOrdinalNumber", ordinal(child),
             "dataType1", here, "dataType2", first, "hint", "");
    return hr_err_at(err, plan->sql_pos, plan->sql_end);
}

static hr_status common_types(struct hr_analyzer *an, const struct hr_plan *plan,
                              const struct hr_type ***ret, struct hr_err *err)
{
    assert(plan->child_count >= 2);
    assert(plan->child_count >= 2);
    uint32_t count = plan->children[0]->output_count;
    const struct hr_type **types = HR_NEW_ARRAY(an->arena, const struct hr_type *, count + 1);
    if (!types) return HR_OOM(err);
    for (uint32_t j = 0; j < count; j++) {
        types[j] = plan->children[0]->output[j].type;
        for (uint32_t i = 1; i < plan->child_count; i++) {
            const struct hr_type *other = plan->children[i]->output[j].type;
            types[j] = hr_type_same(types[j], other)
                           ? types[j] : hr_conf_common(an->conf, types[j], other);
            if (!types[j]) return incompatible(an, plan, j, i, err);
        }
    }
    *ret = types;
    return HR_OK;
}

hr_status hr_cast_columns(struct hr_analyzer *an, struct hr_plan **child,
                          const struct hr_type *const *types, int32_t pos, int32_t end,
                          struct hr_err *err)
{
    bool same = true;
    for (uint32_t j = 0; j < (*child)->output_count; j++)
        same = same && hr_type_same((*child)->output[j].type, types[j]);
    if (same) return HR_OK;
    struct hr_plan *project = hr_plan_pass(an->arena, *child);
    if (!project) return HR_OOM(err);
    struct hr_select *select = hr_select_of(project);
    for (uint32_t j = 0; j < select->expr_count; j++) {
        if (hr_type_same(project->output[j].type, types[j])) continue;
        struct hr_expr *value = select->exprs[j];
        value->sql_pos = pos;
        value->sql_end = end;
        HR_TRY(hr_expr_coerce(an->arena, an->conf, &value, types[j], err));
        value = hr_expr_alias(an->arena, value, project->output[j].name);
        if (!value) return HR_OOM(err);
        HR_TRY(hr_expr_resolve_node(an->arena, an->conf, value, err));
        value->attr_id = hr_expr_next_attr_id();
        select->exprs[j] = value;
    }
    *child = project;
    return hr_plan_refresh(an->arena, project, err);
}

/* BY NAME: the other inputs' columns in the order of the first. */
static hr_status order_by_name(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->kind == HR_P_UNION);
    const struct hr_plan *first = plan->children[0];
    for (uint32_t i = 1; i < plan->child_count; i++) {
        struct hr_plan *project = hr_plan_pass(an->arena, plan->children[i]);
        if (!project) return HR_OOM(err);
        struct hr_select *select = hr_select_of(project);
        HR_TRY(check_counts(plan, err));
        for (uint32_t j = 0; j < first->output_count; j++) {
            const struct hr_attr *found = NULL;
            for (uint32_t k = 0; k < plan->children[i]->output_count && !found; k++)
                if (hr_name_eq(an, plan->children[i]->output[k].name, first->output[j].name))
                    found = &plan->children[i]->output[k];
            if (!found) {
                struct hr_attr wanted = first->output[j];
                struct hr_expr *name = hr_expr_name(an->arena, &wanted.name, 1);
                const struct hr_plan *in = plan->children[i];
                return name ? hr_unresolved(an, name, &in, 1, err) : HR_OOM(err);
            }
            select->exprs[j] = hr_attr_ref(an->arena, found);
            if (!select->exprs[j]) return HR_OOM(err);
        }
        HR_TRY(hr_plan_refresh(an->arena, project, err));
        plan->children[i] = project;
    }
    return HR_OK;
}

static hr_status drop_hidden(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    for (uint32_t i = 0; i < plan->child_count; i++) {
        bool hidden = false;
        for (uint32_t j = 0; j < plan->children[i]->output_count; j++)
            hidden = hidden || plan->children[i]->output[j].hidden;
        if (!hidden) continue;
        plan->children[i] = hr_plan_pass(an->arena, plan->children[i]);
        if (!plan->children[i]) return HR_OOM(err);
    }
    return HR_OK;
}

static hr_status cast_children(struct hr_analyzer *an, struct hr_plan *plan, struct hr_err *err)
{
    const struct hr_type **types = NULL;
    HR_TRY(drop_hidden(an, plan, err));
    if (plan->kind == HR_P_UNION && HR_NODE(union, plan)->by_name)
        HR_TRY(order_by_name(an, plan, err));
    HR_TRY(check_counts(plan, err));
    HR_TRY(common_types(an, plan, &types, err));
    for (uint32_t i = 0; i < plan->child_count; i++)
        HR_TRY(hr_cast_columns(an, &plan->children[i], types, plan->sql_pos, plan->sql_end, err));
    return HR_OK;
}

hr_status hr_analyze_union(struct hr_analyzer *an, struct hr_plan **ret_plan, struct hr_err *err)
{
    assert((*ret_plan)->kind == HR_P_UNION);
    assert((*ret_plan)->child_count >= 2);
    struct hr_plan *plan = *ret_plan;
    HR_TRY(cast_children(an, plan, err));
    const struct hr_plan *first = plan->children[0];
    plan->output = HR_NEW_ARRAY(an->arena, struct hr_attr, first->output_count + 1);
    if (!plan->output) return HR_OOM(err);
    plan->output_count = first->output_count;
    for (uint32_t j = 0; j < first->output_count; j++) {
        plan->output[j] = first->output[j];
        plan->output[j].id = hr_expr_next_attr_id();
        for (uint32_t i = 1; i < plan->child_count; i++)
            if (plan->children[i]->output[j].nullable) plan->output[j].nullable = true;
    }
    return hr_plan_refresh(an->arena, plan, err);
}

/* Columns that count a row for its side: 1, 0 or 0, 1. */
static hr_status count_side(struct hr_analyzer *an, struct hr_plan **child, uint32_t side,
                            struct hr_err *err)
{
    struct hr_plan *project = hr_plan_pass(an->arena, *child);
    if (!project) return HR_OOM(err);
    for (uint32_t i = 0; i < 2; i++) {
        struct hr_expr *one = hr_expr_int(an->arena, hr_type(HR_T_LONG), i == side);
        if (one) one = hr_expr_alias(an->arena, one, "count");
        if (!one) return HR_OOM(err);
        one->attr_id = hr_expr_next_attr_id();
        HR_TRY(hr_select_push(an->arena, project, one, err));
    }
    *child = project;
    return hr_plan_refresh(an->arena, project, err);
}

/* How often a row is in the result: left - right, or the lesser of both. */
static hr_status times(struct hr_analyzer *an, const struct hr_attr *counts, bool except,
                       struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *sums[2] = {NULL, NULL}, *value = NULL;
    for (uint32_t i = 0; i < 2; i++) {
        struct hr_expr *count = hr_attr_ref(an->arena, &counts[i]);
        if (!count) return HR_OOM(err);
        HR_TRY(hr_call(an->arena, an->conf, "sum", &count, 1, &sums[i], err));
    }
    HR_TRY(hr_call(an->arena, an->conf, except ? "-" : "least", sums, 2, &value, err));
    value = hr_expr_alias(an->arena, value, "times");
    if (!value) return HR_OOM(err);
    value->attr_id = hr_expr_next_attr_id();
    *ret = value;
    return HR_OK;
}

/* Groups of equal rows with how often they are in the result, where that is not never. */
static hr_status count_rows(struct hr_analyzer *an, struct hr_plan **plan, uint32_t columns,
                            bool except, struct hr_err *err)
{
    struct hr_plan *agg = hr_plan_new1(an->arena, HR_P_AGGREGATE, *plan);
    struct hr_expr *n = NULL, *positive = NULL;
    if (!agg) return HR_OOM(err);
    struct hr_aggregate_node *node = HR_NODE(aggregate, agg);
    node->groups = HR_NEW_ARRAY(an->arena, struct hr_expr *, columns + 1);
    node->group_count = columns;
    if (!node->groups) return HR_OOM(err);
    for (uint32_t i = 0; i < columns; i++) {
        struct hr_expr *item = hr_attr_ref(an->arena, &(*plan)->output[i]);
        node->groups[i] = hr_attr_ref(an->arena, &(*plan)->output[i]);
        if (!item || !node->groups[i]) return HR_OOM(err);
        HR_TRY(hr_select_push(an->arena, agg, item, err));
    }
    HR_TRY(times(an, &(*plan)->output[columns], except, &n, err));
    HR_TRY(hr_select_push(an->arena, agg, n, err));
    HR_TRY(hr_plan_refresh(an->arena, agg, err));
    struct hr_expr *args[] = {hr_attr_ref(an->arena, &agg->output[columns]),
                              hr_expr_int(an->arena, hr_type(HR_T_LONG), 0)};
    if (!args[0] || !args[1]) return HR_OOM(err);
    HR_TRY(hr_call(an->arena, an->conf, ">", args, 2, &positive, err));
    return hr_plan_filter(an->arena, agg, positive, plan, err);
}

/* Each row as often as its last column says, which is left out. */
static hr_status repeat_rows(struct hr_analyzer *an, struct hr_plan **plan, uint32_t columns,
                             struct hr_err *err)
{
    struct hr_plan *generate = hr_plan_new1(an->arena, HR_P_GENERATE, *plan);
    struct hr_plan *project = hr_plan_pass(an->arena, *plan);
    struct hr_expr *n = hr_attr_ref(an->arena, &(*plan)->output[columns]), *array = NULL;
    struct hr_expr *args[] = {hr_expr_bool(an->arena, true), n};
    if (!generate || !project || !n || !args[0]) return HR_OOM(err);
    args[1] = hr_expr_cast(an->arena, n, hr_type(HR_T_INT));
    if (!args[1]) return HR_OOM(err);
    HR_TRY(hr_expr_resolve_node(an->arena, an->conf, args[1], err));
    HR_TRY(hr_call(an->arena, an->conf, "array_repeat", args, 2, &array, err));
    HR_NODE(generate, generate)->call = hr_expr_call(an->arena, "explode", &array, 1);
    if (!HR_NODE(generate, generate)->call) return HR_OOM(err);
    HR_TRY(hr_analyze_generate(an, &generate, err));
    hr_select_of(project)->expr_count = columns;
    project->children[0] = generate;
    *plan = project;
    return hr_plan_refresh(an->arena, project, err);
}

/* EXCEPT ALL, INTERSECT ALL: rows of both sides are counted. */
static hr_status set_all(struct hr_analyzer *an, struct hr_plan **plan, bool except,
                         struct hr_err *err)
{
    struct hr_plan *set = *plan;
    uint32_t columns = set->children[0]->output_count;
    for (uint32_t i = 0; i < 2; i++) HR_TRY(count_side(an, &set->children[i], i, err));
    struct hr_plan *all = hr_plan_new2(an->arena, HR_P_UNION, set->children[0], set->children[1]);
    if (!all) return HR_OOM(err);
    all->sql_pos = set->sql_pos;
    all->sql_end = set->sql_end;
    HR_TRY(hr_analyze_union(an, &all, err));
    HR_TRY(count_rows(an, &all, columns, except, err));
    *plan = all;
    return repeat_rows(an, plan, columns, err);
}

hr_status hr_analyze_setop(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->child_count == 2);
    assert((*plan)->child_count == 2 && (*plan)->children[1]->resolved);
    struct hr_plan *set = *plan;
    bool except = HR_NODE(setop, set)->op == HR_SET_EXCEPT;
    HR_TRY(cast_children(an, set, err));
    if (HR_NODE(setop, set)->is_all) return set_all(an, plan, except, err);
    struct hr_plan *left = set->children[0], *right = set->children[1];
    struct hr_exprs parts = {0};
    for (uint32_t j = 0; j < left->output_count; j++) {
        struct hr_expr *args[] = {hr_attr_ref(an->arena, &left->output[j]),
                                  hr_attr_ref(an->arena, &right->output[j])};
        struct hr_expr *equal = NULL;
        if (!args[0] || !args[1]) return HR_OOM(err);
        HR_TRY(hr_call(an->arena, an->conf, "<=>", args, 2, &equal, err));
        if (!HR_VEC_PUSH(an->arena, &parts, equal)) return HR_OOM(err);
    }
    struct hr_plan *join = hr_plan_new2(an->arena, HR_P_JOIN, left, right);
    if (!join) return HR_OOM(err);
    HR_NODE(join, join)->type = except ? HR_JOIN_ANTI : HR_JOIN_SEMI;
    HR_TRY(hr_expr_join_and(an->arena, an->conf, &parts, &HR_NODE(join, join)->condition, err));
    HR_TRY(hr_plan_refresh(an->arena, join, err));
    struct hr_plan *distinct = hr_plan_new1(an->arena, HR_P_DISTINCT, join);
    if (!distinct) return HR_OOM(err);
    *plan = distinct;
    return hr_plan_refresh(an->arena, distinct, err);
}
