/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The usual way: conditions about the query around are pulled up through the nodes of the subquery
 * until they stand above it, where they are a join's. Below a grouping only equalities can be
 * pulled: the inner side of each becomes a group.
 *
 *   SELECT max(s.c) FROM s WHERE s.a = t.a    →   SELECT s.a, max(s.c) FROM s GROUP BY s.a
 *                                                 joined on t.a = s.a
 *
 * A grouping of all rows has a row where there is nothing to group, which such a join cannot give:
 * what the columns are there is computed along the way (defaults). Where conditions cannot be
 * pulled, decorrelate_domain.c does it.
 */
#include "plan/decorrelate.h"

#include "plan/node.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/distinct.h"
#include "plan/nodes/filter.h"
#include "plan/nodes/generate.h"
#include "plan/nodes/join.h"
#include "plan/nodes/limit.h"

struct pull {
    struct hr_apply *apply;
    struct hr_exprs conditions;
    struct hr_exprs computed; /* ALIASes: columns that are made of parameters */
    struct hr_exprs defaults; /* ALIASes: columns where a grouping of all rows had none */
    bool global, failed;
};

/* Parameters ----------------------------------------------------------------------------------- */

struct params {
    const uint32_t *ids;
    uint32_t count;
};

static bool is_param(const struct params *p, uint32_t id)
{
    for (uint32_t i = 0; i < p->count; i++)
        if (p->ids[i] == id) return true;
    return false;
}

static bool no_param(void *arg, const struct hr_expr *expr)
{
    return expr->kind != HR_X_ATTR || !expr->is_outer || !is_param(arg, expr->attr_id);
}

static bool uses_params(const struct hr_apply *apply, const struct hr_expr *expr)
{
    struct params p = {apply->params, apply->param_count};
    return !hr_expr_walk(expr, no_param, &p);
}

struct search {
    struct params params;
    bool found;
};

static hr_status search_expr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct search *s = arg;
    HR_UNUSED(err);
    s->found = s->found || !hr_expr_walk(*expr, no_param, &s->params);
    return HR_OK;
}

static bool node_uses_params(struct hr_plan *plan, const uint32_t *params, uint32_t count)
{
    struct search s = {{params, count}, false};
    hr_status status = hr_plan_each_expr(plan, search_expr, &s, NULL);
    assert(status == HR_OK);
    HR_UNUSED(status);
    return s.found;
}

bool hr_plan_uses_params(struct hr_plan *plan, const uint32_t *params, uint32_t count)
{
    if (count == 0) return false;
    if (node_uses_params(plan, params, count)) return true;
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (hr_plan_uses_params(plan->children[i], params, count)) return true;
    return false;
}

struct to_args {
    struct hr_arena *arena;
    const uint32_t *params;
    struct hr_expr *const *args;
    uint32_t count;
};

static hr_status param_to_arg(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct to_args *t = arg;
    for (uint32_t i = 0; (*expr)->kind == HR_X_ATTR && (*expr)->is_outer && i < t->count; i++) {
        if (t->params[i] != (*expr)->attr_id) continue;
        *expr = hr_expr_copy(t->arena, t->args[i]);
        return *expr ? HR_OK : HR_OOM(err);
    }
    return HR_OK;
}

hr_status hr_params_to_args(struct hr_arena *arena, const uint32_t *params,
                            struct hr_expr *const *args, uint32_t count, struct hr_expr **expr,
                            struct hr_err *err)
{
    struct to_args t = {arena, params, args, count};
    return hr_expr_rewrite(expr, param_to_arg, &t, err);
}

/* Where there is nothing to group -------------------------------------------------------------- */

hr_status hr_empty_aggregate(struct hr_arena *arena, const struct hr_conf *conf,
                             const struct hr_expr *call, struct hr_expr **ret, struct hr_err *err)
{
    struct hr_expr *value = NULL;
    if (!call->nullable && hr_type_is_integral(call->type)) {
        value = hr_expr_int(arena, call->type, 0);
    } else if (!call->nullable && call->type->id == HR_T_ARRAY) {
        HR_TRY(hr_call(arena, conf, "array", NULL, 0, &value, err));
        HR_TRY(hr_expr_coerce(arena, conf, &value, call->type, err));
    } else {
        value = hr_expr_null(arena, call->type);
    }
    *ret = value;
    return value ? HR_OK : HR_OOM(err);
}

struct emptying {
    struct hr_arena *arena;
    const struct hr_conf *conf;
    const struct hr_exprs *defaults;
};

static hr_status empty_node(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct emptying *e = arg;
    if (hr_expr_is_aggregate(*expr)) return hr_empty_aggregate(e->arena, e->conf, *expr, expr, err);
    for (uint32_t i = 0; (*expr)->kind == HR_X_ATTR && i < e->defaults->count; i++) {
        if (e->defaults->items[i]->attr_id != (*expr)->attr_id) continue;
        *expr = hr_expr_copy(e->arena, e->defaults->items[i]->args[0]);
        return *expr ? HR_OK : HR_OOM(err);
    }
    return HR_OK;
}

hr_status hr_empty_value(struct hr_arena *arena, const struct hr_conf *conf,
                         const struct hr_expr *item, const struct hr_exprs *defaults,
                         struct hr_expr **ret, struct hr_err *err)
{
    struct emptying e = {arena, conf, defaults};
    struct hr_expr *value = hr_expr_copy(arena, item->kind == HR_X_ALIAS ? item->args[0] : item);
    if (!value) return HR_OOM(err);
    HR_TRY(hr_expr_rewrite(&value, empty_node, &e, err));
    *ret = value;
    return HR_OK;
}

static hr_status push_default(struct pull *c, uint32_t id, struct hr_expr *value,
                              struct hr_err *err)
{
    struct hr_expr *alias = hr_expr_alias(c->apply->arena, value, "default");
    if (!alias || !HR_VEC_PUSH(c->apply->arena, &c->defaults, alias)) return HR_OOM(err);
    alias->attr_id = id;
    return HR_OK;
}

/* The items of a select over rows that may be missing. */
static hr_status default_items(struct pull *c, const struct hr_select *select, uint32_t count,
                               struct hr_err *err)
{
    struct hr_apply *a = c->apply;
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_expr *item = select->exprs[i];
        struct hr_expr *value = NULL;
        if (item->kind != HR_X_ALIAS) continue; /* passed through: has its default already */
        HR_TRY(hr_empty_value(a->arena, a->conf, item, &c->defaults, &value, err));
        HR_TRY(push_default(c, item->attr_id, value, err));
    }
    return HR_OK;
}

/* Node by node --------------------------------------------------------------------------------- */

static hr_status pull(struct pull *c, struct hr_plan **plan, struct hr_err *err);

/* What conditions and computed columns refer to, where the node does not show it by itself. */
struct carrying {
    struct hr_arena *arena;
    struct hr_plan *plan;
    struct hr_err *err;
    hr_status status;
};

static bool carry_ref(void *arg, const struct hr_expr *expr)
{
    struct carrying *k = arg;
    if (expr->kind != HR_X_ATTR || expr->is_outer) return true;
    const struct hr_attr *attr = hr_plan_attr(k->plan->children[0], expr->attr_id);
    const struct hr_select *select = hr_select_of(k->plan);
    for (uint32_t i = 0; i < select->expr_count && attr; i++)
        if (select->exprs[i]->attr_id == attr->id) attr = NULL;
    if (!attr) return true;
    struct hr_expr *ref = hr_attr_ref(k->arena, attr);
    k->status = ref ? hr_select_push(k->arena, k->plan, ref, k->err) : HR_OOM(k->err);
    return k->status == HR_OK;
}

static hr_status carry(struct pull *c, struct hr_plan *select, struct hr_err *err)
{
    struct carrying k = {c->apply->arena, select, err, HR_OK};
    for (uint32_t i = 0; i < c->conditions.count; i++)
        if (!hr_expr_walk(c->conditions.items[i], carry_ref, &k)) return k.status;
    for (uint32_t i = 0; i < c->computed.count; i++)
        if (!hr_expr_walk(c->computed.items[i], carry_ref, &k)) return k.status;
    return hr_plan_refresh(c->apply->arena, select, err);
}

static bool uses_computed(const struct pull *c, const struct hr_expr *expr)
{
    for (uint32_t i = 0; i < c->computed.count; i++)
        if (hr_expr_uses(expr, c->computed.items[i]->attr_id)) return true;
    return false;
}

struct computed_search {
    const struct pull *c;
    bool found;
};

static hr_status search_computed(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    struct computed_search *s = arg;
    HR_UNUSED(err);
    s->found = s->found || uses_computed(s->c, *expr) || uses_params(s->c->apply, *expr);
    return HR_OK;
}

/* May the node stay as it is, above what has been pulled? */
static bool stays(const struct pull *c, struct hr_plan *plan)
{
    struct computed_search s = {c, false};
    hr_status status = hr_plan_each_expr(plan, search_computed, &s, NULL);
    return status == HR_OK && !s.found;
}

static hr_status pull_filter(struct pull *c, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_FILTER && (*plan)->child_count == 1);
    struct hr_apply *a = c->apply;
    struct hr_plan *filter = *plan;
    struct hr_exprs all = {0}, stay = {0};
    HR_TRY(pull(c, &filter->children[0], err));
    /* A row that HAVING drops is another thing than one that was never made. */
    if (c->global) c->failed = true;
    HR_TRY(hr_expr_split_and(a->arena, HR_NODE(filter, filter)->condition, &all, err));
    for (uint32_t i = 0; i < all.count; i++) {
        struct hr_expr **part = &all.items[i];
        HR_TRY(hr_expr_inline(a->arena, part, c->computed.items, c->computed.count, err));
        bool up = uses_params(a, *part);
        if (up && !hr_expr_is_deterministic(*part)) c->failed = true;
        if (!HR_VEC_PUSH(a->arena, up ? &c->conditions : &stay, *part)) return HR_OOM(err);
    }
    struct hr_expr *condition = NULL;
    HR_TRY(hr_expr_join_and(a->arena, a->conf, &stay, &condition, err));
    return hr_plan_filter(a->arena, filter->children[0], condition, plan, err);
}

static hr_status pull_project(struct pull *c, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_PROJECT && (*plan)->child_count == 1);
    struct hr_apply *a = c->apply;
    struct hr_plan *project = *plan;
    struct hr_select *select = hr_select_of(project);
    HR_TRY(pull(c, &project->children[0], err));
    if (c->global) HR_TRY(default_items(c, select, select->expr_count, err));
    uint32_t kept = 0, before = c->computed.count;
    for (uint32_t i = 0; i < select->expr_count; i++) {
        struct hr_expr *item = select->exprs[i];
        bool through = item->kind == HR_X_ATTR && uses_computed(c, item);
        if (item->kind == HR_X_ALIAS)
            HR_TRY(hr_expr_inline(a->arena, &item->args[0], c->computed.items, before, err));
        bool computes = item->kind == HR_X_ALIAS && uses_params(a, item);
        if (computes && !hr_expr_is_deterministic(item)) c->failed = true;
        if (computes && !HR_VEC_PUSH(a->arena, &c->computed, item)) return HR_OOM(err);
        if (!through && !computes) select->exprs[kept++] = item;
    }
    select->expr_count = kept;
    return carry(c, project, err);
}

/* Does the condition refer to nothing but the query around? */
static bool is_outer_attr(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    return expr->kind != HR_X_ATTR || expr->is_outer;
}

/* Is the condition parameters = a value of the rows? Then *ret_inner is the place of that. */
static bool is_correlation(const struct pull *c, struct hr_expr *part, const struct hr_plan *child,
                           struct hr_expr ***ret_inner)
{
    bool equal = hr_expr_is(part, HR_ROLE_EQUAL) || hr_expr_is(part, HR_ROLE_EQUAL_NULL_SAFE);
    for (uint32_t i = 0; equal && i < 2; i++) {
        const struct hr_expr *inner = part->args[i], *outer = part->args[1 - i];
        if (uses_params(c->apply, inner) || !hr_expr_within(inner, child)) continue;
        if (!hr_expr_walk(outer, is_outer_attr, NULL) || !hr_expr_is_deterministic(part)) continue;
        *ret_inner = &part->args[i];
        return true;
    }
    return false;
}

/* Makes *inner a group, where it is none yet, and puts a reference to its column in its place. */
static hr_status group_by(struct hr_arena *arena, const struct hr_conf *conf, struct hr_plan *plan,
                          struct hr_expr **inner, struct hr_err *err)
{
    struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    struct hr_exprs groups = {agg->groups, agg->group_count, agg->group_count};
    bool grouped = false;
    struct hr_expr *item = NULL;
    for (uint32_t i = 0; i < groups.count; i++)
        grouped = grouped || hr_expr_equal(groups.items[i], *inner);
    if (!grouped && !HR_VEC_PUSH(arena, &groups, *inner)) return HR_OOM(err);
    agg->groups = groups.items;
    agg->group_count = groups.count;
    for (uint32_t i = 0; i < agg->select.expr_count && !item; i++)
        if (hr_expr_equal(hr_expr_strip_alias(agg->select.exprs[i]), *inner))
            item = agg->select.exprs[i];
    if (!item) {
        item = hr_expr_copy(arena, *inner);
        if (item && item->kind != HR_X_ATTR) {
            item = hr_expr_alias(arena, item, "key");
            if (!item) return HR_OOM(err);
            HR_TRY(hr_expr_resolve_node(arena, conf, item, err));
            item->attr_id = hr_expr_next_attr_id();
        }
        if (!item) return HR_OOM(err);
        HR_TRY(hr_select_push(arena, plan, item, err));
    }
    HR_TRY(hr_plan_refresh(arena, plan, err));
    *inner = hr_attr_ref(arena, hr_plan_attr(plan, item->attr_id));
    return *inner ? HR_OK : HR_OOM(err);
}

static hr_status pull_aggregate(struct pull *c, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_AGGREGATE && (*plan)->child_count == 1);
    struct hr_apply *a = c->apply;
    struct hr_aggregate_node *agg = HR_NODE(aggregate, *plan);
    bool all_rows = agg->group_count == 0;
    uint32_t items = agg->select.expr_count, before = c->conditions.count;
    HR_TRY(pull(c, &(*plan)->children[0], err));
    if (c->global || c->computed.count || agg->session_key >= 0 || !stays(c, *plan) ||
        (all_rows && a->form != HR_SUBQUERY_SCALAR)) {
        c->failed = true;
        return HR_OK;
    }
    for (uint32_t i = before; i < c->conditions.count; i++) {
        struct hr_expr *part = c->conditions.items[i], **inner = NULL;
        if (hr_expr_walk(part, is_outer_attr, NULL)) continue;
        if (!is_correlation(c, part, (*plan)->children[0], &inner)) {
            c->failed = true;
            return HR_OK;
        }
        HR_TRY(group_by(a->arena, a->conf, *plan, inner, err));
    }
    HR_TRY(hr_plan_refresh(a->arena, *plan, err));
    if (!all_rows) return HR_OK;
    c->global = true;
    return default_items(c, &agg->select, items, err);
}

static hr_status pull_distinct(struct pull *c, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_DISTINCT && (*plan)->child_count == 1);
    uint32_t before = c->conditions.count;
    bool any = c->apply->form == HR_SUBQUERY_EXISTS || c->apply->form == HR_SUBQUERY_IN;
    HR_TRY(pull(c, &(*plan)->children[0], err));
    if (HR_NODE(distinct, *plan)->by_keys || c->computed.count) c->failed = true;
    for (uint32_t i = before; i < c->conditions.count && !any; i++) {
        struct hr_expr *part = c->conditions.items[i], **inner = NULL;
        if (hr_expr_walk(part, is_outer_attr, NULL)) continue;
        if (!is_correlation(c, part, (*plan)->children[0], &inner) || (*inner)->kind != HR_X_ATTR)
            c->failed = true;
    }
    return hr_plan_refresh(c->apply->arena, *plan, err);
}

static hr_status pull_inner_join(struct pull *c, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->child_count == 2);
    struct hr_apply *a = c->apply;
    struct hr_join_node *join = HR_NODE(join, *plan);
    struct hr_exprs all = {0}, stay = {0};
    for (uint32_t i = 0; i < 2; i++) HR_TRY(pull(c, &(*plan)->children[i], err));
    if (c->global) c->failed = true;
    if (join->condition) HR_TRY(hr_expr_split_and(a->arena, join->condition, &all, err));
    for (uint32_t i = 0; i < all.count; i++) {
        struct hr_expr **part = &all.items[i];
        HR_TRY(hr_expr_inline(a->arena, part, c->computed.items, c->computed.count, err));
        bool up = uses_params(a, *part);
        if (!HR_VEC_PUSH(a->arena, up ? &c->conditions : &stay, *part)) return HR_OOM(err);
    }
    HR_TRY(hr_expr_join_and(a->arena, a->conf, &stay, &join->condition, err));
    return hr_plan_refresh(a->arena, *plan, err);
}

static hr_status pull_join(struct pull *c, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_JOIN && (*plan)->child_count == 2);
    struct hr_apply *a = c->apply;
    enum hr_join_type type = HR_NODE(join, *plan)->type;
    if (type == HR_JOIN_INNER || type == HR_JOIN_CROSS) return pull_inner_join(c, plan, err);
    uint32_t from = type == HR_JOIN_RIGHT ? 1 : 0;
    struct hr_plan *other = (*plan)->children[1 - from];
    if (type == HR_JOIN_FULL || hr_plan_uses_params(other, a->params, a->param_count)) {
        c->failed = true;
        return HR_OK;
    }
    HR_TRY(pull(c, &(*plan)->children[from], err));
    if (c->global || !stays(c, *plan)) c->failed = true;
    return hr_plan_refresh(a->arena, *plan, err);
}

static hr_status pull_limit(struct pull *c, struct hr_plan **plan, struct hr_err *err)
{
    assert((*plan)->kind == HR_P_LIMIT && (*plan)->child_count == 1);
    const struct hr_limit_node *limit = HR_NODE(limit, *plan);
    if (c->apply->form != HR_SUBQUERY_EXISTS || limit->limit <= 0 || limit->offset > 0) {
        c->failed = true;
        return HR_OK;
    }
    *plan = (*plan)->children[0]; /* of no meaning to whether there are any */
    return pull(c, plan, err);
}

static hr_status pull(struct pull *c, struct hr_plan **plan, struct hr_err *err)
{
    struct hr_apply *a = c->apply;
    if (c->failed || !hr_plan_uses_params(*plan, a->params, a->param_count)) return HR_OK;
    switch ((*plan)->kind) {
    case HR_P_SUBQUERY_ALIAS:
    case HR_P_SORT: /* an order without a limit */
        *plan = (*plan)->children[0];
        return pull(c, plan, err);
    case HR_P_FILTER: return pull_filter(c, plan, err);
    case HR_P_PROJECT: return pull_project(c, plan, err);
    case HR_P_AGGREGATE: return pull_aggregate(c, plan, err);
    case HR_P_DISTINCT: return pull_distinct(c, plan, err);
    case HR_P_JOIN: return pull_join(c, plan, err);
    case HR_P_LIMIT: return pull_limit(c, plan, err);
    case HR_P_GENERATE:
        HR_TRY(pull(c, &(*plan)->children[0], err));
        if (c->global || !stays(c, *plan)) c->failed = true;
        return hr_plan_refresh(a->arena, *plan, err);
    default: c->failed = true; return HR_OK;
    }
}

/* The result ----------------------------------------------------------------------------------- */

/* A column of the query: as it is, or what it is computed of. */
static hr_status column_value(struct pull *c, const struct hr_attr *attr, struct hr_expr **ret,
                              struct hr_err *err)
{
    struct hr_apply *a = c->apply;
    struct hr_expr *value = hr_attr_ref(a->arena, attr);
    if (!value) return HR_OOM(err);
    HR_TRY(hr_expr_inline(a->arena, &value, c->computed.items, c->computed.count, err));
    *ret = value;
    return hr_params_to_args(a->arena, a->params, a->args, a->param_count, ret, err);
}

static hr_status missing_value(struct pull *c, const struct hr_attr *attr, struct hr_err *err)
{
    struct hr_apply *a = c->apply;
    struct hr_expr *ref = hr_attr_ref(a->arena, attr), *value = NULL;
    if (!ref) return HR_OOM(err);
    HR_TRY(hr_empty_value(a->arena, a->conf, ref, &c->defaults, &value, err));
    if (hr_expr_is_literal_null(value)) return HR_OK;
    a->missing = value;
    return hr_params_to_args(a->arena, a->params, a->args, a->param_count, &a->missing, err);
}

static hr_status finish(struct pull *c, const struct hr_attr *columns, uint32_t count,
                        struct hr_err *err)
{
    struct hr_apply *a = c->apply;
    a->columns = HR_NEW_ARRAY(a->arena, struct hr_expr *, count + 1);
    if (!a->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) HR_TRY(column_value(c, &columns[i], &a->columns[i], err));
    for (uint32_t i = 0; i < c->conditions.count; i++)
        HR_TRY(hr_params_to_args(a->arena, a->params, a->args, a->param_count,
                                 &c->conditions.items[i], err));
    a->conditions = c->conditions;
    a->one_row = c->global;
    return c->global ? missing_value(c, &columns[0], err) : HR_OK;
}

hr_status hr_decorrelate(struct hr_apply *apply, struct hr_err *err)
{
    assert(apply->plan && (apply->param_count == 0 || apply->params));
    assert(apply->plan->resolved);
    struct pull c = {.apply = apply};
    struct hr_plan *whole = apply->plan;
    if (apply->param_count && !(apply->plan = hr_plan_twin(apply->arena, whole)))
        return HR_OOM(err);
    HR_TRY(pull(&c, &apply->plan, err));
    if (!c.failed) {
        if (apply->param_count == 0) c.global = false;
        HR_TRY(finish(&c, whole->output, whole->output_count, err));
        if (apply->param_count == 0) apply->one_row = hr_plan_max_rows(whole) == 1;
        return HR_OK;
    }
    apply->plan = whole;
    return hr_decorrelate_by_domain(apply, err);
}
