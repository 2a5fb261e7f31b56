/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins in the place of subqueries, from the leaves up:
 *
 *   WHERE … AND [NOT] EXISTS (q), a [NOT] IN (q)   a semi or anti join of the filter's child
 *   EXISTS and IN elsewhere                        a join that adds whether there is one (mark)
 *   scalar                                         a join that adds the value, of at most one row
 *   LATERAL                                        an inner or left join
 *
 * What a node's expressions need is joined to its child, and a projection above the node takes the
 * new columns away again. Subqueries that are equal are joined once a node.
 */
#include "plan/subquery.h"

#include "plan/decorrelate.h"
#include "plan/node.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/filter.h"
#include "plan/nodes/join.h"
#include "plan/nodes/lateral.h"
#include "plan/nodes/limit.h"

struct lowering {
    struct hr_arena *arena;
    const struct hr_conf *conf;
};

/* Subqueries of a node that have their join, and what stands for them. */
struct joined {
    struct lowering *l;
    struct hr_plan **child; /* the joins go above it */
    struct hr_exprs subqueries, values;
    bool correlated_scalars; /* are allowed here */
    const struct hr_plan *node;
};

static bool no_subquery(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    return expr->kind != HR_X_SUBQUERY;
}

static bool has_subquery(const struct hr_expr *expr)
{
    return !hr_expr_walk(expr, no_subquery, NULL);
}

static hr_status search(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    HR_UNUSED(err);
    *(bool *)arg = *(bool *)arg || has_subquery(*expr);
    return HR_OK;
}

/* All columns of plan, hidden ones as well, and no other. NULL: out of memory. */
static struct hr_plan *same_columns(struct hr_arena *arena, struct hr_plan *plan)
{
    assert(plan->output_count == 0 || plan->output);
    struct hr_plan *project = hr_plan_new1(arena, HR_P_PROJECT, plan);
    if (!project) return NULL;
    for (uint32_t i = 0; i < plan->output_count; i++) {
        struct hr_expr *ref = hr_attr_ref(arena, &plan->output[i]);
        if (!ref || hr_select_push(arena, project, ref, NULL) != HR_OK) return NULL;
    }
    if (hr_plan_refresh(arena, project, NULL) != HR_OK) return NULL;
    return project;
}

/* One subquery ----------------------------------------------------------------------------------*/

/* The query without parameters, for the rows of outer. A query that is used in a second place is
 * a copy with columns of its own. */
static hr_status apply_to(struct lowering *l, const struct hr_expr *expr,
                          const struct hr_plan *outer, struct hr_apply *ret, struct hr_err *err)
{
    assert(expr->subquery && expr->arg_count >= expr->subquery->value_count);
    struct hr_subquery *s = expr->subquery;
    struct hr_plan *plan = NULL;
    HR_TRY(hr_plan_join_subqueries(l->arena, l->conf, &s->plan, err));
    HR_TRY(hr_plan_again(l->arena, s->plan, &plan, err));
    *ret = (struct hr_apply){
        .arena = l->arena,
        .conf = l->conf,
        .form = s->form,
        .plan = plan,
        .params = s->params,
        .param_count = s->param_count,
        .args = expr->args + s->value_count,
        .outer = outer,
    };
    return hr_decorrelate(ret, err);
}

/* LIMIT 1: whether there is a row. */
static hr_status first_row(struct lowering *l, struct hr_plan **plan, struct hr_err *err)
{
    assert(*plan);
    if ((*plan)->is_streaming) return HR_OK;
    struct hr_plan *limit = hr_plan_new1(l->arena, HR_P_LIMIT, *plan);
    if (!limit) return HR_OOM(err);
    HR_NODE(limit, limit)->limit = 1;
    *plan = limit;
    return hr_plan_refresh(l->arena, limit, err);
}

/* value = column AND …, of IN. */
static hr_status in_condition(struct lowering *l, const struct hr_expr *in,
                              const struct hr_apply *a, struct hr_expr **ret, struct hr_err *err)
{
    assert(in->subquery && in->arg_count >= in->subquery->value_count);
    struct hr_exprs parts = {0};
    for (uint32_t i = 0; i < in->subquery->value_count; i++) {
        struct hr_expr *equal = NULL;
        struct hr_expr *args[] = {hr_expr_copy(l->arena, in->args[i]), a->columns[i]};
        if (!args[0]) return HR_OOM(err);
        HR_TRY(hr_call(l->arena, l->conf, "=", args, 2, &equal, err));
        equal->sql_pos = in->sql_pos;
        equal->sql_end = in->sql_end;
        if (!HR_VEC_PUSH(l->arena, &parts, equal)) return HR_OOM(err);
    }
    return hr_expr_join_and(l->arena, l->conf, &parts, ret, err);
}

/* The join of outer with the applied query, its condition set; not refreshed. */
static hr_status new_join(struct lowering *l, enum hr_join_type type, struct hr_plan *outer,
                          const struct hr_apply *a, struct hr_plan **ret, struct hr_err *err)
{
    assert(a->plan && a->plan != outer);
    struct hr_plan *join = hr_plan_new2(l->arena, HR_P_JOIN, outer, a->plan);
    if (!join) return HR_OOM(err);
    HR_NODE(join, join)->type = type;
    *ret = join;
    return hr_expr_join_and(l->arena, l->conf, &a->conditions, &HR_NODE(join, join)->condition,
                            err);
}

/* IN's own condition: apart from the rest where NULL is another answer than false and the
 * difference shows. */
static hr_status take_in(struct lowering *l, struct hr_plan *join, const struct hr_expr *in,
                         const struct hr_apply *a, bool null_matters, struct hr_err *err)
{
    struct hr_join_node *node = HR_NODE(join, join);
    struct hr_expr *equal = NULL;
    HR_TRY(in_condition(l, in, a, &equal, err));
    if (null_matters && equal->nullable) {
        node->in_condition = equal;
        return HR_OK;
    }
    struct hr_expr *args[] = {equal, node->condition};
    if (node->condition) HR_TRY(hr_call(l->arena, l->conf, "and", args, 2, &equal, err));
    node->condition = equal;
    return HR_OK;
}

/* EXISTS and IN as parts of a WHERE. */
static hr_status join_predicate(struct lowering *l, struct hr_plan **child, struct hr_expr *expr,
                                bool negated, struct hr_err *err)
{
    assert(expr->subquery);
    struct hr_apply a;
    struct hr_plan *join = NULL;
    bool in = expr->subquery->form == HR_SUBQUERY_IN;
    HR_TRY(apply_to(l, expr, *child, &a, err));
    if (!in && a.conditions.count == 0) HR_TRY(first_row(l, &a.plan, err));
    HR_TRY(new_join(l, negated ? HR_JOIN_ANTI : HR_JOIN_SEMI, *child, &a, &join, err));
    join->sql_pos = expr->sql_pos;
    join->sql_end = expr->sql_end;
    if (in) HR_TRY(take_in(l, join, expr, &a, negated, err));
    *child = join;
    return hr_plan_refresh(l->arena, join, err);
}

static bool is_null(const struct hr_expr *value)
{
    while (value->kind == HR_X_CAST) value = value->args[0];
    return hr_expr_is_literal_null(value);
}

/* EXISTS and IN as values. As in Spark they are never NULL: IN says whether a value is equal, and
 * NOT IN whether none is or might be. */
static hr_status join_mark(struct lowering *l, struct hr_plan **child, const struct hr_expr *expr,
                           bool negated, struct hr_expr **ret, struct hr_err *err)
{
    assert(expr->subquery && *child);
    struct hr_apply a;
    struct hr_plan *join = NULL;
    bool in = expr->subquery->form == HR_SUBQUERY_IN && !is_null(expr->args[0]);
    HR_TRY(apply_to(l, expr, *child, &a, err));
    if (!in && a.conditions.count == 0) HR_TRY(first_row(l, &a.plan, err));
    HR_TRY(new_join(l, HR_JOIN_MARK, *child, &a, &join, err));
    if (in) HR_TRY(take_in(l, join, expr, &a, negated, err));
    join->sql_pos = expr->sql_pos;
    join->sql_end = expr->sql_end;
    struct hr_attr mark = {.id = hr_expr_next_attr_id(),
                           .name = "exists",
                           .type = hr_type(HR_T_BOOLEAN),
                           .nullable = false,
                           .watermark_delay_us = -1};
    HR_NODE(join, join)->mark = hr_attr_ref(l->arena, &mark);
    if (!HR_NODE(join, join)->mark) return HR_OOM(err);
    *child = join;
    *ret = hr_attr_ref(l->arena, &mark);
    if (!*ret) return HR_OOM(err);
    return hr_plan_refresh(l->arena, join, err);
}

/* A column that says whether the join found a row. */
static hr_status mark_rows(struct lowering *l, struct hr_plan **plan, struct hr_attr *ret,
                           struct hr_err *err)
{
    struct hr_plan *project = same_columns(l->arena, *plan);
    struct hr_expr *yes = hr_expr_bool(l->arena, true);
    struct hr_expr *found = yes ? hr_expr_alias(l->arena, yes, "found") : NULL;
    if (!project || !found) return HR_OOM(err);
    found->attr_id = hr_expr_next_attr_id();
    HR_TRY(hr_select_push(l->arena, project, found, err));
    HR_TRY(hr_plan_refresh(l->arena, project, err));
    *plan = project;
    *ret = *hr_plan_attr(project, found->attr_id);
    ret->nullable = true;
    return HR_OK;
}

/* Is it a grouping of all rows, which always has its one row? */
static bool always_one_row(const struct hr_plan *plan)
{
    while (plan->kind == HR_P_PROJECT || plan->kind == HR_P_SUBQUERY_ALIAS)
        plan = plan->children[0];
    return plan->kind == HR_P_AGGREGATE && HR_NODE(aggregate, plan)->group_count == 0;
}

static hr_status join_value(struct lowering *l, struct hr_plan **child, const struct hr_expr *expr,
                            struct hr_expr **ret, struct hr_err *err)
{
    assert(expr->subquery && *child);
    struct hr_apply a;
    struct hr_plan *join = NULL;
    struct hr_attr found = {0};
    HR_TRY(apply_to(l, expr, *child, &a, err));
    enum hr_join_type type = a.one_row ? HR_JOIN_LEFT : HR_JOIN_SINGLE;
    if (a.conditions.count == 0 && always_one_row(a.plan)) type = HR_JOIN_CROSS;
    if (a.missing) HR_TRY(mark_rows(l, &a.plan, &found, err));
    HR_TRY(new_join(l, type, *child, &a, &join, err));
    join->sql_pos = expr->sql_pos;
    join->sql_end = expr->sql_end;
    struct hr_expr *value = a.columns[0];
    if (value->kind == HR_X_ATTR) value->nullable = true;
    if (a.missing) {
        struct hr_expr *args[] = {hr_attr_ref(l->arena, &found), value, a.missing};
        if (!args[0]) return HR_OOM(err);
        HR_TRY(hr_call(l->arena, l->conf, "case", args, 3, &value, err));
    }
    *child = join;
    *ret = value;
    return hr_plan_refresh(l->arena, join, err);
}

/* A node's expressions --------------------------------------------------------------------------*/

/* The constant NULL is in no set, but it is not outside of one that has rows. */
static hr_status null_in(struct lowering *l, struct hr_expr **value, struct hr_err *err)
{
    struct hr_expr *args[] = {*value, hr_expr_null(l->arena, hr_type(HR_T_BOOLEAN)),
                              hr_expr_bool(l->arena, false)};
    if (!args[1] || !args[2]) return HR_OOM(err);
    return hr_call(l->arena, l->conf, "case", args, 3, value, err);
}

/* Puts what stands for a subquery in its place. negated: NOT stands around it. */
static hr_status value_of(struct joined *j, bool negated, struct hr_expr **expr, struct hr_err *err)
{
    struct hr_expr *value = NULL, *subquery = *expr;
    bool scalar = subquery->subquery->form == HR_SUBQUERY_SCALAR;
    if (scalar && subquery->arg_count && !j->correlated_scalars) {
        HR_RAISE(err, HR_E_CORRELATED_SCALAR_SUBQUERY, "treeNode", hr_plan_vt(j->node)->name);
        return hr_err_at(err, subquery->sql_pos, subquery->sql_end);
    }
    bool in = subquery->subquery->form == HR_SUBQUERY_IN;
    for (uint32_t i = 0; i < j->subqueries.count && !value && !in; i++)
        if (hr_expr_equal(j->subqueries.items[i], subquery)) value = j->values.items[i];
    if (!value) {
        if (scalar)
            HR_TRY(join_value(j->l, j->child, subquery, &value, err));
        else
            HR_TRY(join_mark(j->l, j->child, subquery, negated, &value, err));
        if (in && is_null(subquery->args[0])) HR_TRY(null_in(j->l, &value, err));
        if (!HR_VEC_PUSH(j->l->arena, &j->subqueries, subquery) ||
            !HR_VEC_PUSH(j->l->arena, &j->values, value))
            return HR_OOM(err);
    }
    *expr = hr_expr_copy(j->l->arena, value);
    if (!*expr) return HR_OOM(err);
    (*expr)->sql_pos = subquery->sql_pos;
    (*expr)->sql_end = subquery->sql_end;
    return HR_OK;
}

/* Where the values of an expression's subqueries are joined to. */
typedef hr_status (*place_fn)(void *arg, bool negated, struct hr_expr **expr, struct hr_err *err);

static hr_status each_subquery(struct hr_expr **expr, bool negated, place_fn place, void *arg,
                               struct hr_err *err)
{
    bool is_not = hr_expr_is(*expr, HR_ROLE_NOT);
    for (uint32_t i = 0; i < (*expr)->arg_count; i++)
        HR_TRY(each_subquery(&(*expr)->args[i], is_not, place, arg, err));
    if ((*expr)->filter) HR_TRY(each_subquery(&(*expr)->filter, false, place, arg, err));
    return (*expr)->kind == HR_X_SUBQUERY ? place(arg, negated, expr, err) : HR_OK;
}

static hr_status place_below(void *arg, bool negated, struct hr_expr **expr, struct hr_err *err)
{
    return value_of(arg, negated, expr, err);
}

static hr_status values_of(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    return each_subquery(expr, false, place_below, arg, err);
}

static hr_status lower_node(struct lowering *l, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *node = *plan;
    assert(node->child_count == 1);
    bool keeps_columns = hr_plan_is_select(node);
    struct joined j = {.l = l,
                       .child = &node->children[0],
                       .node = node,
                       .correlated_scalars = keeps_columns || node->kind == HR_P_FILTER};
    struct hr_plan *restore = keeps_columns ? NULL : same_columns(l->arena, node);
    if (!keeps_columns && !restore) return HR_OOM(err);
    HR_TRY(hr_plan_each_expr(node, values_of, &j, err));
    HR_TRY(hr_plan_refresh(l->arena, node, err));
    if (!restore) return HR_OK;
    *plan = restore;
    return hr_plan_refresh(l->arena, restore, err);
}

/* [NOT] EXISTS (…) or a [NOT] IN (…) alone. */
static struct hr_expr *predicate_of(struct hr_expr *part, bool *ret_negated)
{
    *ret_negated = false;
    while (hr_expr_is(part, HR_ROLE_NOT)) {
        *ret_negated = !*ret_negated;
        part = part->args[0];
    }
    bool is = part->kind == HR_X_SUBQUERY && part->subquery->form != HR_SUBQUERY_SCALAR;
    for (uint32_t i = 0; is && i < part->arg_count; i++) is = !has_subquery(part->args[i]);
    return is ? part : NULL;
}

/* Plain parts first, then semi and anti joins, then what needs a value. */
static hr_status lower_filter(struct lowering *l, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *filter = *plan, *child = filter->children[0];
    struct hr_exprs all = {0}, plain = {0}, rest = {0};
    struct hr_expr *condition = NULL;
    bool negated;
    HR_TRY(hr_expr_split_and(l->arena, HR_NODE(filter, filter)->condition, &all, err));
    for (uint32_t i = 0; i < all.count; i++) {
        struct hr_exprs *to = has_subquery(all.items[i]) ? &rest : &plain;
        if (to == &rest && predicate_of(all.items[i], &negated)) continue;
        if (!HR_VEC_PUSH(l->arena, to, all.items[i])) return HR_OOM(err);
    }
    HR_TRY(hr_expr_join_and(l->arena, l->conf, &plain, &condition, err));
    HR_TRY(hr_plan_filter(l->arena, child, condition, &child, err));
    for (uint32_t i = 0; i < all.count; i++) {
        struct hr_expr *predicate = predicate_of(all.items[i], &negated);
        if (predicate) HR_TRY(join_predicate(l, &child, predicate, negated, err));
    }
    if (rest.count == 0) {
        *plan = child;
        return HR_OK;
    }
    filter->children[0] = child;
    HR_TRY(hr_expr_join_and(l->arena, l->conf, &rest, &HR_NODE(filter, filter)->condition, err));
    HR_TRY(hr_plan_refresh(l->arena, filter, err));
    return lower_node(l, plan, err);
}

/* GROUP BY --------------------------------------------------------------------------------------*/

struct splitting {
    struct lowering *l;
    struct hr_plan *agg;
    struct hr_exprs items;
};

static bool is_group(const struct hr_plan *agg, const struct hr_expr *expr)
{
    const struct hr_aggregate_node *node = HR_NODE(aggregate, agg);
    for (uint32_t i = 0; i < node->group_count; i++)
        if (hr_expr_equal(node->groups[i], expr)) return true;
    return false;
}

/* Groups and calls become columns of the aggregation. */
static hr_status split_item(struct splitting *s, struct hr_expr **expr, struct hr_err *err)
{
    struct hr_arena *arena = s->l->arena;
    struct hr_expr *e = *expr, *item = NULL;
    if (!hr_expr_is_aggregate(e) && !is_group(s->agg, e)) {
        for (uint32_t i = 0; i < e->arg_count; i++) HR_TRY(split_item(s, &e->args[i], err));
        return HR_OK;
    }
    for (uint32_t i = 0; i < s->items.count && !item; i++)
        if (hr_expr_equal(hr_expr_strip_alias(s->items.items[i]), e)) item = s->items.items[i];
    if (!item) {
        item = e;
        if (e->kind != HR_X_ATTR) {
            item = hr_expr_alias(arena, e, hr_expr_text(arena, e));
            if (!item) return HR_OOM(err);
            item->attr_id = hr_expr_next_attr_id();
        }
        if (!HR_VEC_PUSH(arena, &s->items, item)) return HR_OOM(err);
    }
    struct hr_attr attr = {item->attr_id,  item->name, NULL,  item->type,
                           item->nullable, -1,         false, false};
    *expr = hr_attr_ref(arena, &attr);
    return *expr ? HR_OK : HR_OOM(err);
}

/* Is there a subquery outside of the aggregate calls and groups? */
static bool above_groups(const struct hr_plan *agg, const struct hr_expr *expr)
{
    if (hr_expr_is_aggregate(expr) || is_group(agg, expr)) return false;
    if (expr->kind == HR_X_SUBQUERY) return true;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (above_groups(agg, expr->args[i])) return true;
    return false;
}

static hr_status lower_aggregate(struct lowering *l, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *agg = *plan;
    struct hr_select *select = hr_select_of(agg);
    bool any = false, below = false;
    for (uint32_t i = 0; i < select->expr_count; i++)
        any = any || above_groups(agg, select->exprs[i]);
    if (!any) return lower_node(l, plan, err);
    struct hr_plan *project = hr_plan_new1(l->arena, HR_P_PROJECT, agg);
    if (!project) return HR_OOM(err);
    struct splitting s = {.l = l, .agg = agg};
    struct hr_select *upper = hr_select_of(project);
    upper->exprs = select->exprs;
    upper->expr_count = select->expr_count;
    for (uint32_t i = 0; i < upper->expr_count; i++) {
        struct hr_expr **item = &upper->exprs[i];
        HR_TRY(split_item(&s, (*item)->kind == HR_X_ALIAS ? &(*item)->args[0] : item, err));
    }
    select->exprs = s.items.items;
    select->expr_count = s.items.count;
    HR_TRY(hr_plan_refresh(l->arena, agg, err));
    HR_TRY(hr_plan_each_expr(agg, search, &below, err));
    if (below) HR_TRY(lower_node(l, &project->children[0], err));
    HR_TRY(hr_plan_refresh(l->arena, project, err));
    *plan = project;
    return lower_node(l, plan, err);
}

/* Joins -----------------------------------------------------------------------------------------*/

/* Parts with subqueries filter the pairs of an inner join. */
static hr_status lower_inner_join(struct lowering *l, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_join_node *join = HR_NODE(join, *plan);
    struct hr_exprs all = {0}, plain = {0}, rest = {0};
    struct hr_expr *condition = NULL;
    HR_TRY(hr_expr_split_and(l->arena, join->condition, &all, err));
    for (uint32_t i = 0; i < all.count; i++)
        if (!HR_VEC_PUSH(l->arena, has_subquery(all.items[i]) ? &rest : &plain, all.items[i]))
            return HR_OOM(err);
    HR_TRY(hr_expr_join_and(l->arena, l->conf, &plain, &join->condition, err));
    HR_TRY(hr_expr_join_and(l->arena, l->conf, &rest, &condition, err));
    HR_TRY(hr_plan_refresh(l->arena, *plan, err));
    HR_TRY(hr_plan_filter(l->arena, *plan, condition, plan, err));
    return lower_filter(l, plan, err);
}

/* In an outer join a value is joined to the side that it is about. */
struct sides {
    struct lowering *l;
    struct hr_plan *join;
    struct joined joined[2];
};

static hr_status place_at_side(void *arg, bool negated, struct hr_expr **expr, struct hr_err *err)
{
    struct sides *s = arg;
    const struct hr_expr *e = *expr;
    bool within[2] = {true, true};
    for (uint32_t side = 0; side < 2; side++)
        for (uint32_t i = 0; i < e->arg_count; i++)
            within[side] = within[side] && hr_expr_within(e->args[i], s->join->children[side]);
    if (!within[0] && !within[1]) {
        HR_RAISE(err, HR_E_CORRELATED_JOIN_CONDITION, "subqueryExpression",
                 hr_expr_text(s->l->arena, e));
        return hr_err_at(err, e->sql_pos, e->sql_end);
    }
    bool right_first = HR_NODE(join, s->join)->type != HR_JOIN_RIGHT;
    uint32_t side = within[right_first] ? right_first : !right_first;
    return value_of(&s->joined[side], negated, expr, err);
}

static hr_status lower_join(struct lowering *l, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_plan *join = *plan;
    enum hr_join_type type = HR_NODE(join, join)->type;
    if (type == HR_JOIN_INNER || type == HR_JOIN_CROSS) return lower_inner_join(l, plan, err);
    struct sides s = {.l = l, .join = join};
    for (uint32_t i = 0; i < 2; i++)
        s.joined[i] = (struct joined){
            .l = l, .child = &join->children[i], .node = join, .correlated_scalars = true};
    struct hr_plan *restore = same_columns(l->arena, join);
    if (!restore) return HR_OOM(err);
    HR_TRY(each_subquery(&HR_NODE(join, join)->condition, false, place_at_side, &s, err));
    HR_TRY(hr_plan_refresh(l->arena, join, err));
    *plan = restore;
    return hr_plan_refresh(l->arena, restore, err);
}

/* Columns of the query under the ids by which they are known above; where an outer join finds no
 * row they are NULL, also those that are computed of the left side. */
static hr_status name_columns(struct lowering *l, const struct hr_plan *query,
                              const struct hr_apply *a, const struct hr_attr *found,
                              struct hr_exprs *ret, struct hr_err *err)
{
    for (uint32_t i = 0; i < query->output_count; i++) {
        struct hr_expr *value = a->columns[i];
        if (found && value->kind != HR_X_ATTR) {
            struct hr_expr *args[] = {hr_attr_ref(l->arena, found), value};
            if (!args[0]) return HR_OOM(err);
            HR_TRY(hr_call(l->arena, l->conf, "case", args, 2, &value, err));
        } else if (found) {
            value->nullable = true;
        }
        struct hr_expr *alias = hr_expr_alias(l->arena, value, query->output[i].name);
        if (!alias || !HR_VEC_PUSH(l->arena, ret, alias)) return HR_OOM(err);
        alias->attr_id = query->output[i].id;
    }
    return HR_OK;
}

static hr_status lower_lateral(struct lowering *l, struct hr_plan **plan, struct hr_err *err)
{
    const struct hr_lateral_node *lateral = HR_NODE(lateral, *plan);
    struct hr_plan *left = (*plan)->children[0], *join = NULL;
    const struct hr_plan *query = lateral->query->subquery->plan;
    struct hr_exprs named = {0}, plain = {0};
    struct hr_attr found = {0};
    struct hr_apply a;
    bool outer = lateral->type == HR_JOIN_LEFT;
    struct hr_expr *condition = lateral->condition;
    if (condition && has_subquery(condition)) {
        HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "a subquery in the condition of a LATERAL join");
        return hr_err_at(err, condition->sql_pos, condition->sql_end);
    }
    HR_TRY(apply_to(l, lateral->query, left, &a, err));
    HR_TRY(name_columns(l, query, &a, NULL, &plain, err));
    if (outer) HR_TRY(mark_rows(l, &a.plan, &found, err));
    if (condition) {
        HR_TRY(hr_expr_inline(l->arena, &condition, plain.items, plain.count, err));
        if (!HR_VEC_PUSH(l->arena, &a.conditions, condition)) return HR_OOM(err);
    }
    enum hr_join_type type = outer ? HR_JOIN_LEFT : HR_JOIN_INNER;
    HR_TRY(new_join(l, a.conditions.count || outer ? type : HR_JOIN_CROSS, left, &a, &join, err));
    join->sql_pos = (*plan)->sql_pos;
    join->sql_end = (*plan)->sql_end;
    HR_TRY(hr_plan_refresh(l->arena, join, err));
    HR_TRY(name_columns(l, query, &a, outer ? &found : NULL, &named, err));
    struct hr_plan *project = same_columns(l->arena, left);
    if (!project) return HR_OOM(err);
    project->children[0] = join;
    for (uint32_t i = 0; i < named.count; i++)
        HR_TRY(hr_select_push(l->arena, project, named.items[i], err));
    *plan = project;
    return hr_plan_refresh(l->arena, project, err);
}

/* The walk --------------------------------------------------------------------------------------*/

hr_status hr_plan_join_subqueries(struct hr_arena *arena, const struct hr_conf *conf,
                                  struct hr_plan **plan, struct hr_err *err)
{
    struct lowering l = {arena, conf};
    bool found = false;
    for (uint32_t i = 0; i < (*plan)->child_count; i++)
        HR_TRY(hr_plan_join_subqueries(arena, conf, &(*plan)->children[i], err));
    HR_TRY(hr_plan_each_expr(*plan, search, &found, err));
    if (!found) return HR_OK;
    switch ((*plan)->kind) {
    case HR_P_FILTER: return lower_filter(&l, plan, err);
    case HR_P_AGGREGATE: return lower_aggregate(&l, plan, err);
    case HR_P_JOIN: return lower_join(&l, plan, err);
    case HR_P_LATERAL: return lower_lateral(&l, plan, err);
    default: break;
    }
    if ((*plan)->child_count == 1) return lower_node(&l, plan, err);
    HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "a subquery here");
    return hr_err_at(err, (*plan)->sql_pos, (*plan)->sql_end);
}
