/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins. USING and NATURAL become a condition and a projection: the keys once (the left one, the
 * right one of a right join, the first that is not NULL of a full join), then the rest; the keys of
 * both sides stay behind as hidden columns, reached by t.key.
 */
#include "plan/analyze.h"
#include "plan/nodes/join.h"
#include "plan/nodes/project.h"

static const struct hr_attr *visible_attr(const struct hr_analyzer *an, const struct hr_plan *plan,
                                          const char *name)
{
    assert(plan->output_count == 0 || plan->output);
    for (uint32_t i = 0; i < plan->output_count; i++)
        if (!plan->output[i].hidden && hr_name_eq(an, plan->output[i].name, name))
            return &plan->output[i];
    return NULL;
}

/* How many visible columns of plan before column end are called so? */
static uint32_t count_named(const struct hr_analyzer *an, const struct hr_plan *plan, uint32_t end,
                            const char *name)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < end; i++)
        count += !plan->output[i].hidden && hr_name_eq(an, plan->output[i].name, name);
    return count;
}

/* The names of both sides, a name as often as both have it. */
static hr_status natural_columns(struct hr_analyzer *an, struct hr_join_node *join,
                                 struct hr_err *err)
{
    const struct hr_plan *left = join->plan.children[0], *right = join->plan.children[1];
    join->using_columns = HR_NEW_ARRAY(an->arena, const char *, left->output_count + 1);
    if (!join->using_columns) return HR_OOM(err);
    for (uint32_t i = 0; i < left->output_count; i++) {
        const struct hr_attr *attr = &left->output[i];
        if (attr->hidden) continue;
        if (count_named(an, left, i, attr->name) <
            count_named(an, right, right->output_count, attr->name))
            join->using_columns[join->using_count++] = attr->name;
    }
    return HR_OK;
}

static hr_status no_using_column(struct hr_analyzer *an, const char *name, bool is_left,
                                 const struct hr_plan *side, struct hr_err *err)
{
    struct hr_buf buf = {0};
    const char *last = "";
    for (uint32_t done = 0; done < side->output_count; done++) { /* in order of name */
        const char *next = NULL;
        for (uint32_t i = 0; i < side->output_count; i++) {
            const struct hr_attr *attr = &side->output[i];
            if (attr->hidden || strcmp(attr->name, last) <= 0) continue;
            if (!next || strcmp(attr->name, next) < 0) next = attr->name;
        }
        if (!next) break;
        hr_buf_printf(&buf, "%s`%s`", buf.len ? ", " : "", next);
        last = next;
    }
    hr_status status =
        HR_RAISE(err, HR_E_UNRESOLVED_USING_COLUMN, "colName", hr_quote_name(an->arena, &name, 1),
                 "side", is_left ? "left" : "right", "suggestion", hr_buf_cstr(&buf));
    hr_buf_done(&buf);
    return status;
}

static hr_status push_attr(struct hr_analyzer *an, struct hr_select *project,
                           const struct hr_attr *attr, struct hr_err *err)
{
    struct hr_expr *ref = hr_attr_ref(an->arena, attr);
    if (!ref) return HR_OOM(err);
    project->exprs[project->expr_count++] = ref;
    return HR_OK;
}

/* The key as the result shows it. */
static hr_status push_key(struct hr_analyzer *an, struct hr_select *project,
                          const struct hr_join_node *join, const struct hr_attr *left,
                          const struct hr_attr *right, struct hr_err *err)
{
    if (join->type != HR_JOIN_FULL)
        return push_attr(an, project, join->type == HR_JOIN_RIGHT ? right : left, err);
    struct hr_expr *args[] = {hr_attr_ref(an->arena, left), hr_attr_ref(an->arena, right)};
    struct hr_expr *first = NULL;
    if (!args[0] || !args[1]) return HR_OOM(err);
    HR_TRY(hr_call(an->arena, an->conf, "coalesce", args, 2, &first, err));
    struct hr_expr *alias = hr_expr_alias(an->arena, first, left->name);
    if (!alias) return HR_OOM(err);
    alias->attr_id = hr_expr_next_attr_id();
    project->exprs[project->expr_count++] = alias;
    return HR_OK;
}

/* The first column of its side that is called as a key is the key; others of the name are not. */
static bool is_key(const struct hr_analyzer *an, const struct hr_join_node *join,
                   const struct hr_plan *side, const struct hr_attr *attr)
{
    for (uint32_t i = 0; i < join->using_count; i++)
        if (hr_name_eq(an, join->using_columns[i], attr->name))
            return visible_attr(an, side, attr->name) == attr;
    return false;
}

static hr_status push_rest(struct hr_analyzer *an, struct hr_select *project,
                           const struct hr_join_node *join, const struct hr_plan *side, bool hidden,
                           struct hr_err *err)
{
    for (uint32_t i = 0; i < side->output_count; i++) {
        const struct hr_attr *attr = &side->output[i];
        bool key = !attr->hidden && is_key(an, join, side, attr);
        bool goes_hidden = key || attr->hidden;
        bool shown = false; /* as the key of the result */
        for (uint32_t k = 0; k < join->using_count && hidden; k++)
            shown = shown || project->exprs[k]->attr_id == attr->id;
        if (goes_hidden == hidden && !shown) HR_TRY(push_attr(an, project, attr, err));
    }
    return HR_OK;
}

static hr_status project_using(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_JOIN);
    const struct hr_join_node *join = HR_NODE(join, *plan);
    struct hr_plan *left = (*plan)->children[0], *right = (*plan)->children[1];
    bool both = !hr_join_is_half(join->type);
    struct hr_plan *project = hr_plan_new1(an->arena, HR_P_PROJECT, *plan);
    if (!project) return HR_OOM(err);
    struct hr_select *select = hr_select_of(project);
    select->exprs = HR_NEW_ARRAY(an->arena, struct hr_expr *,
                                 join->using_count + left->output_count + right->output_count + 1);
    if (!select->exprs) return HR_OOM(err);
    for (uint32_t i = 0; i < join->using_count; i++)
        HR_TRY(push_key(an, select, join, visible_attr(an, left, join->using_columns[i]),
                        visible_attr(an, right, join->using_columns[i]), err));
    HR_TRY(push_rest(an, select, join, left, false, err));
    if (both) HR_TRY(push_rest(an, select, join, right, false, err));
    uint32_t visible = select->expr_count;
    HR_TRY(push_rest(an, select, join, left, true, err));
    if (both) HR_TRY(push_rest(an, select, join, right, true, err));
    HR_TRY(hr_plan_refresh(an->arena, project, err));
    for (uint32_t i = visible; i < project->output_count; i++) project->output[i].hidden = true;
    *plan = project;
    return HR_OK;
}

static hr_status using_condition(struct hr_analyzer *an, struct hr_join_node *join,
                                 struct hr_err *err)
{
    const struct hr_plan *first = join->plan.children[0], *second = join->plan.children[1];
    struct hr_exprs parts = {0};
    for (uint32_t i = 0; i < join->using_count; i++) {
        const char *name = join->using_columns[i];
        const struct hr_attr *left = visible_attr(an, first, name);
        const struct hr_attr *right = visible_attr(an, second, name);
        if (!left) return no_using_column(an, name, true, first, err);
        if (!right) return no_using_column(an, name, false, second, err);
        struct hr_expr *args[] = {hr_attr_ref(an->arena, left), hr_attr_ref(an->arena, right)};
        struct hr_expr *equal = NULL;
        if (!args[0] || !args[1]) return HR_OOM(err);
        HR_TRY(hr_call(an->arena, an->conf, "=", args, 2, &equal, err));
        if (!HR_VEC_PUSH(an->arena, &parts, equal)) return HR_OOM(err);
    }
    return hr_expr_join_and(an->arena, an->conf, &parts, &join->condition, err);
}

static hr_status resolve_condition(struct hr_analyzer *an, struct hr_join_node *join,
                                   struct hr_err *err)
{
    struct hr_names names = {.inputs = {join->plan.children[0], join->plan.children[1]},
                             .input_count = 2};
    HR_TRY(hr_resolve(an, &names, &join->condition, err));
    struct hr_expr *condition = join->condition;
    if (hr_expr_has_aggregate(condition)) {
        HR_FAIL(err, HR_E_NOT_SUPPORTED, "an aggregate function in a join condition");
        return hr_err_at(err, condition->sql_pos, condition->sql_end);
    }
    if (condition->type->id == HR_T_NULL)
        return hr_expr_coerce(an->arena, an->conf, &join->condition, hr_type(HR_T_BOOLEAN), err);
    if (condition->type->id == HR_T_BOOLEAN) return HR_OK;
    const char *type =
        hr_arena_printf(an->arena, "\"%s\"", hr_type_sql(an->arena, condition->type));
    HR_RAISE(err, HR_E_JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE, "joinCondition",
             hr_expr_quoted(an->arena, condition), "conditionType", type ? type : "?");
    return hr_err_at(err, join->plan.sql_pos, join->plan.sql_end);
}

hr_status hr_analyze_join(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_JOIN && (*plan)->child_count == 2);
    assert((*plan)->children[0]->resolved && (*plan)->children[1]->resolved);
    struct hr_join_node *join = HR_NODE(join, *plan);
    if (join->is_natural) HR_TRY(natural_columns(an, join, err));
    if (join->condition) HR_TRY(resolve_condition(an, join, err));
    if (join->using_count) HR_TRY(using_condition(an, join, err));
    if (join->type == HR_JOIN_CROSS && join->condition) join->type = HR_JOIN_INNER;
    HR_TRY(hr_plan_refresh(an->arena, *plan, err));
    return join->using_count ? project_using(an, plan, err) : HR_OK;
}
