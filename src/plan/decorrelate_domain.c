/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The general way: the subquery is asked for all values that the parameters take at once. Its
 * innermost nodes that need them get the domain, all distinct values over the rows around, as an
 * input of their own, and all nodes above carry its columns:
 *
 *   grouping   by the domain's columns too; a grouping of all rows has a row for each value
 *   join       both sides' domains are equal where both have one
 *   the rest   the columns pass
 *
 * The rows around are computed once more for each place.
 */
#include "plan/decorrelate.h"

#include "plan/node.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/distinct.h"
#include "plan/nodes/filter.h"
#include "plan/nodes/join.h"
#include "plan/nodes/union.h"

struct domain {
    struct hr_apply *apply;
    struct hr_plan *values; /* Distinct over Project over a copy of the rows around */
};

/* The columns by which a plan knows the parameters. */
struct ids {
    struct hr_attr *attrs;
};

static hr_status push(struct domain *d, struct hr_plan **plan, struct ids *ret, struct hr_err *err);

static hr_status not_supported(const struct hr_plan *plan, const char *what, struct hr_err *err)
{
    HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", what);
    return hr_err_at(err, plan->sql_pos, plan->sql_end);
}

static hr_status make_values(struct domain *d, struct hr_err *err)
{
    struct hr_apply *a = d->apply;
    struct hr_plan *outer = (struct hr_plan *)(uintptr_t)a->outer;
    struct hr_plan *project = hr_plan_new1(a->arena, HR_P_PROJECT, outer);
    if (!project) return HR_OOM(err);
    for (uint32_t i = 0; i < a->param_count; i++) {
        struct hr_expr *value = hr_expr_copy(a->arena, a->args[i]);
        if (value) value = hr_expr_alias(a->arena, value, "outer");
        if (!value) return HR_OOM(err);
        HR_TRY(hr_expr_resolve_node(a->arena, a->conf, value, err));
        value->attr_id = hr_expr_next_attr_id();
        HR_TRY(hr_select_push(a->arena, project, value, err));
    }
    HR_TRY(hr_plan_refresh(a->arena, project, err));
    d->values = hr_plan_new1(a->arena, HR_P_DISTINCT, project);
    return d->values ? hr_plan_refresh(a->arena, d->values, err) : HR_OOM(err);
}

/* Another copy of the domain. */
static hr_status one_domain(struct domain *d, struct hr_plan **ret_plan, struct ids *ret,
                            struct hr_err *err)
{
    HR_TRY(hr_plan_again(d->apply->arena, d->values, ret_plan, err));
    ret->attrs = (*ret_plan)->output;
    return HR_OK;
}

/* Parameters in the node's own expressions become the columns. */
struct replacing {
    const struct hr_apply *apply;
    const struct ids *ids;
};

static hr_status replace_ref(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct replacing *r = arg;
    const struct hr_apply *a = r->apply;
    for (uint32_t i = 0; (*expr)->kind == HR_X_ATTR && (*expr)->is_outer && i < a->param_count;
         i++) {
        if (a->params[i] != (*expr)->attr_id) continue;
        struct hr_expr *ref = hr_attr_ref(a->arena, &r->ids->attrs[i]);
        if (!ref) return HR_OOM(err);
        ref->sql_pos = (*expr)->sql_pos;
        ref->sql_end = (*expr)->sql_end;
        *expr = ref;
        return HR_OK;
    }
    return HR_OK;
}

static hr_status replace_expr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    return hr_expr_rewrite(expr, replace_ref, arg, err);
}

static hr_status replace_params(struct domain *d, struct hr_plan *plan, const struct ids *ids,
                                struct hr_err *err)
{
    struct replacing r = {d->apply, ids};
    return hr_plan_each_expr(plan, replace_expr, &r, err);
}

/* The columns as plan shows them now. */
static hr_status ids_of(struct domain *d, const struct hr_plan *plan, struct ids *ids,
                        struct hr_err *err)
{
    struct hr_attr *attrs = HR_NEW_ARRAY(d->apply->arena, struct hr_attr, d->apply->param_count);
    if (!attrs) return HR_OOM(err);
    for (uint32_t i = 0; i < d->apply->param_count; i++) {
        const struct hr_attr *attr = hr_plan_attr(plan, ids->attrs[i].id);
        if (!attr) return HR_BUG(err, "a column of the domain is lost");
        attrs[i] = *attr;
    }
    ids->attrs = attrs;
    return HR_OK;
}

static hr_status push_refs(struct domain *d, struct hr_plan *select, const struct ids *ids,
                           struct hr_err *err)
{
    for (uint32_t i = 0; i < d->apply->param_count; i++) {
        struct hr_expr *ref = hr_attr_ref(d->apply->arena, &ids->attrs[i]);
        if (!ref) return HR_OOM(err);
        HR_TRY(hr_select_push(d->apply->arena, select, ref, err));
    }
    return HR_OK;
}

/* a <=> b for each of the columns. */
static hr_status equal_domains(struct domain *d, const struct ids *a, const struct ids *b,
                               struct hr_exprs *parts, struct hr_err *err)
{
    assert(a && b && a != b);
    struct hr_arena *arena = d->apply->arena;
    for (uint32_t i = 0; i < d->apply->param_count; i++) {
        struct hr_expr *args[] = {hr_attr_ref(arena, &a->attrs[i]),
                                  hr_attr_ref(arena, &b->attrs[i])};
        struct hr_expr *equal = NULL;
        if (!args[0] || !args[1]) return HR_OOM(err);
        HR_TRY(hr_call(arena, d->apply->conf, "<=>", args, 2, &equal, err));
        if (!HR_VEC_PUSH(arena, parts, equal)) return HR_OOM(err);
    }
    return HR_OK;
}

/* Node by node --------------------------------------------------------------------------------- */

/* Values of the domain in front of a plan that does not know it. */
static hr_status cross(struct domain *d, struct hr_plan **plan, struct ids *ret, struct hr_err *err)
{
    assert(*plan);
    struct hr_plan *values = NULL;
    HR_TRY(one_domain(d, &values, ret, err));
    struct hr_plan *join = hr_plan_new2(d->apply->arena, HR_P_JOIN, values, *plan);
    if (!join) return HR_OOM(err);
    HR_NODE(join, join)->type = HR_JOIN_CROSS;
    *plan = join;
    HR_TRY(hr_plan_refresh(d->apply->arena, join, err));
    return ids_of(d, join, ret, err);
}

static hr_status push_child(struct domain *d, struct hr_plan *plan, struct ids *ret,
                            struct hr_err *err)
{
    HR_TRY(push(d, &plan->children[0], ret, err));
    return replace_params(d, plan, ret, err);
}

static hr_status push_through(struct domain *d, struct hr_plan *plan, struct ids *ret,
                              struct hr_err *err)
{
    HR_TRY(push_child(d, plan, ret, err));
    HR_TRY(hr_plan_refresh(d->apply->arena, plan, err));
    return ids_of(d, plan, ret, err);
}

static hr_status push_project(struct domain *d, struct hr_plan *plan, struct ids *ret,
                              struct hr_err *err)
{
    assert(plan->kind == HR_P_PROJECT && plan->child_count == 1);
    HR_TRY(push_child(d, plan, ret, err));
    HR_TRY(push_refs(d, plan, ret, err));
    HR_TRY(hr_plan_refresh(d->apply->arena, plan, err));
    return ids_of(d, plan, ret, err);
}

/* A grouping of all rows: values of the domain that have no row get the one of no rows. */
static hr_status add_missing(struct domain *d, struct hr_plan **plan, struct ids *ids,
                             struct hr_err *err)
{
    struct hr_apply *a = d->apply;
    struct hr_plan *agg = *plan, *values = NULL;
    struct hr_select *select = hr_select_of(agg);
    struct hr_exprs parts = {0}, none = {0};
    struct ids own;
    uint32_t items = select->expr_count - a->param_count;
    struct hr_expr *mark = hr_expr_alias(a->arena, hr_expr_bool(a->arena, true), "found");
    if (!mark) return HR_OOM(err);
    mark->attr_id = hr_expr_next_attr_id();
    struct hr_expr **out = HR_NEW_ARRAY(a->arena, struct hr_expr *, items + 1);
    if (!out) return HR_OOM(err);
    for (uint32_t i = 0; i < items; i++) { /* the upper column keeps the id */
        struct hr_expr *item = select->exprs[i], *empty = NULL, *here = NULL;
        if (item->kind != HR_X_ALIAS) return HR_BUG(err, "a column without a group");
        HR_TRY(hr_empty_value(a->arena, a->conf, item, &none, &empty, err));
        out[i] = hr_expr_copy(a->arena, item);
        if (!out[i]) return HR_OOM(err);
        item->attr_id = hr_expr_next_attr_id();
        struct hr_attr attr = {item->attr_id, item->name, NULL, item->type, true, -1, false, false};
        here = hr_attr_ref(a->arena, &attr);
        struct hr_attr mark_attr = {mark->attr_id, "found", NULL,  mark->type,
                                    true,          -1,      false, false};
        struct hr_expr *args[] = {hr_attr_ref(a->arena, &mark_attr), here, empty};
        if (!args[0] || !here) return HR_OOM(err);
        HR_TRY(hr_call(a->arena, a->conf, "case", args, 3, &out[i]->args[0], err));
        HR_TRY(hr_expr_resolve_node(a->arena, a->conf, out[i], err));
    }
    HR_TRY(hr_plan_refresh(a->arena, agg, err));
    struct hr_plan *marked = hr_plan_pass(a->arena, agg);
    if (!marked) return HR_OOM(err);
    HR_TRY(hr_select_push(a->arena, marked, mark, err));
    HR_TRY(hr_plan_refresh(a->arena, marked, err));
    HR_TRY(one_domain(d, &values, &own, err));
    HR_TRY(equal_domains(d, &own, ids, &parts, err));
    struct hr_plan *join = hr_plan_new2(a->arena, HR_P_JOIN, values, marked);
    if (!join) return HR_OOM(err);
    HR_NODE(join, join)->type = HR_JOIN_LEFT;
    HR_TRY(hr_expr_join_and(a->arena, a->conf, &parts, &HR_NODE(join, join)->condition, err));
    HR_TRY(hr_plan_refresh(a->arena, join, err));
    struct hr_plan *project = hr_plan_new1(a->arena, HR_P_PROJECT, join);
    if (!project) return HR_OOM(err);
    hr_select_of(project)->exprs = out;
    hr_select_of(project)->expr_count = items;
    *ids = own;
    HR_TRY(push_refs(d, project, ids, err));
    *plan = project;
    HR_TRY(hr_plan_refresh(a->arena, project, err));
    return ids_of(d, project, ids, err);
}

static hr_status push_aggregate(struct domain *d, struct hr_plan **plan, struct ids *ret,
                                struct hr_err *err)
{
    assert((*plan)->kind == HR_P_AGGREGATE && (*plan)->child_count == 1);
    struct hr_arena *arena = d->apply->arena;
    struct hr_aggregate_node *agg = HR_NODE(aggregate, *plan);
    bool all_rows = agg->group_count == 0;
    HR_TRY(push_child(d, *plan, ret, err));
    struct hr_exprs groups = {agg->groups, agg->group_count, agg->group_count};
    for (uint32_t i = 0; i < d->apply->param_count; i++) {
        struct hr_expr *ref = hr_attr_ref(arena, &ret->attrs[i]);
        if (!ref || !HR_VEC_PUSH(arena, &groups, ref)) return HR_OOM(err);
    }
    agg->groups = groups.items;
    agg->group_count = groups.count;
    HR_TRY(push_refs(d, *plan, ret, err));
    HR_TRY(hr_plan_refresh(arena, *plan, err));
    HR_TRY(ids_of(d, *plan, ret, err));
    return all_rows ? add_missing(d, plan, ret, err) : HR_OK;
}

static hr_status push_join(struct domain *d, struct hr_plan *plan, struct ids *ret,
                           struct hr_err *err)
{
    assert(plan->kind == HR_P_JOIN && plan->child_count == 2);
    struct hr_apply *a = d->apply;
    struct hr_join_node *join = HR_NODE(join, plan);
    struct ids sides[2];
    bool inner = join->type == HR_JOIN_INNER || join->type == HR_JOIN_CROSS;
    uint32_t main = join->type == HR_JOIN_RIGHT ? 1 : 0;
    bool knows[2];
    for (uint32_t i = 0; i < 2; i++)
        knows[i] = hr_plan_uses_params(plan->children[i], a->params, a->param_count);
    if (join->type == HR_JOIN_FULL)
        return not_supported(plan, "a full outer join in a correlated subquery", err);
    if (!inner || (!knows[0] && !knows[1])) knows[main] = true;
    if (inner && !knows[0]) main = 1;
    for (uint32_t i = 0; i < 2; i++)
        if (knows[i]) HR_TRY(push(d, &plan->children[i], &sides[i], err));
    *ret = sides[main];
    HR_TRY(replace_params(d, plan, ret, err));
    if (knows[0] && knows[1]) {
        struct hr_exprs parts = {0};
        HR_TRY(equal_domains(d, &sides[0], &sides[1], &parts, err));
        if (join->condition && !HR_VEC_PUSH(a->arena, &parts, join->condition)) return HR_OOM(err);
        HR_TRY(hr_expr_join_and(a->arena, a->conf, &parts, &join->condition, err));
        if (join->type == HR_JOIN_CROSS) join->type = HR_JOIN_INNER;
    }
    HR_TRY(hr_plan_refresh(a->arena, plan, err));
    return ids_of(d, plan, ret, err);
}

static hr_status push_union(struct domain *d, struct hr_plan *plan, struct ids *ret,
                            struct hr_err *err)
{
    assert(plan->kind == HR_P_UNION && plan->child_count >= 1);
    struct hr_apply *a = d->apply;
    uint32_t own = plan->output_count;
    struct hr_attr *output = HR_NEW_ARRAY(a->arena, struct hr_attr, own + a->param_count);
    if (!output) return HR_OOM(err);
    memcpy(output, plan->output, own * sizeof *output);
    for (uint32_t i = 0; i < plan->child_count; i++) {
        struct ids ids;
        struct hr_plan *project = hr_plan_pass(a->arena, plan->children[i]); /* of its columns */
        if (!project) return HR_OOM(err);
        HR_TRY(push(d, &project->children[0], &ids, err));
        HR_TRY(push_refs(d, project, &ids, err));
        HR_TRY(hr_plan_refresh(a->arena, project, err));
        HR_TRY(ids_of(d, project, &ids, err));
        plan->children[i] = project;
        for (uint32_t j = 0; i == 0 && j < a->param_count; j++) {
            output[own + j] = ids.attrs[j];
            output[own + j].id = hr_expr_next_attr_id();
        }
    }
    plan->output = output;
    plan->output_count = own + a->param_count;
    ret->attrs = output + own;
    return hr_plan_refresh(a->arena, plan, err);
}

static hr_status push(struct domain *d, struct hr_plan **plan, struct ids *ret, struct hr_err *err)
{
    const struct hr_apply *a = d->apply;
    if (!hr_plan_uses_params(*plan, a->params, a->param_count)) return cross(d, plan, ret, err);
    switch ((*plan)->kind) {
    case HR_P_SUBQUERY_ALIAS:
    case HR_P_SORT: *plan = (*plan)->children[0]; return push(d, plan, ret, err);
    case HR_P_FILTER:
    case HR_P_GENERATE: return push_through(d, *plan, ret, err);
    case HR_P_DISTINCT:
        if (HR_NODE(distinct, *plan)->by_keys)
            return not_supported(*plan, "DEDUPLICATE BY in a correlated subquery", err);
        return push_through(d, *plan, ret, err);
    case HR_P_PROJECT: return push_project(d, *plan, ret, err);
    case HR_P_AGGREGATE: return push_aggregate(d, plan, ret, err);
    case HR_P_JOIN: return push_join(d, *plan, ret, err);
    case HR_P_UNION: return push_union(d, *plan, ret, err);
    case HR_P_LIMIT: return not_supported(*plan, "LIMIT or OFFSET in a correlated subquery", err);
    default: {
        const char *what =
            hr_arena_printf(a->arena, "%s in a correlated subquery", hr_plan_vt(*plan)->name);
        return not_supported(*plan, what ? what : "?", err);
    }
    }
}

hr_status hr_decorrelate_by_domain(struct hr_apply *apply, struct hr_err *err)
{
    assert(apply->plan && apply->outer);
    struct domain d = {.apply = apply};
    struct ids ids = {NULL};
    const struct hr_plan *whole = apply->plan;
    uint32_t count = whole->output_count;
    struct hr_attr *columns = hr_arena_memdup(apply->arena, whole->output, sizeof *columns * count);
    if (!columns && count) return HR_OOM(err);
    if (apply->outer->is_streaming)
        return not_supported(whole,
                             "a correlated subquery over a stream that is no equality with columns "
                             "of its own",
                             err);
    HR_TRY(make_values(&d, err));
    HR_TRY(push(&d, &apply->plan, &ids, err));
    apply->columns = HR_NEW_ARRAY(apply->arena, struct hr_expr *, count + 1);
    if (!apply->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_attr *attr = hr_plan_attr(apply->plan, columns[i].id);
        if (!attr) return HR_BUG(err, "column %s of a subquery is lost", columns[i].name);
        if (!(apply->columns[i] = hr_attr_ref(apply->arena, attr))) return HR_OOM(err);
    }
    apply->conditions = (struct hr_exprs){0};
    for (uint32_t i = 0; i < apply->param_count; i++) {
        struct hr_expr *args[] = {hr_expr_copy(apply->arena, apply->args[i]),
                                  hr_attr_ref(apply->arena, &ids.attrs[i])};
        struct hr_expr *equal = NULL;
        if (!args[0] || !args[1]) return HR_OOM(err);
        HR_TRY(hr_call(apply->arena, apply->conf, "<=>", args, 2, &equal, err));
        if (!HR_VEC_PUSH(apply->arena, &apply->conditions, equal)) return HR_OOM(err);
    }
    return HR_OK;
}
