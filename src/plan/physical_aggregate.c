/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Aggregations. The output list of the logical node is cut into group keys, aggregate calls, and a
 * projection over both:
 *
 *   Project [k + 1, sum / 2]
 *   +- HashAggregate(keys=[k], functions=[sum(v)])          one task, or a DISTINCT aggregate
 *
 *   Project … +- HashAggregate FINAL +- Exchange hash(k) +- HashAggregate PARTIAL
 *
 * On a stream the upper one keeps its groups from epoch to epoch (StateAggregate).
 */
#include "plan/physical.h"

struct parts {
    const struct hr_plan *plan;
    struct hr_exprs calls;      /* distinct aggregate calls, over attributes */
    struct hr_exprs keys, args; /* bound: keys; keys, arguments and filters */
    struct hr_agg_spec *specs;
    uint32_t states_bytes;
    bool has_distinct;
};

static int32_t call_index(const struct parts *p, const struct hr_expr *call)
{
    for (uint32_t i = 0; i < p->calls.count; i++)
        if (hr_expr_equal(p->calls.items[i], call)) return (int32_t)i;
    return -1;
}

static hr_status collect_calls(struct hr_planner *pl, struct parts *p, struct hr_expr *expr,
                               struct hr_err *err)
{
    if (hr_expr_is_aggregate(expr)) {
        if (call_index(p, expr) >= 0) return HR_OK;
        return HR_VEC_PUSH(pl->arena, &p->calls, expr) ? HR_OK : HR_OOM(err);
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) HR_TRY(collect_calls(pl, p, expr->args[i], err));
    return HR_OK;
}

static hr_status bind_call(struct hr_planner *pl, struct parts *p, uint32_t index,
                           struct hr_err *err)
{
    struct hr_agg_spec *spec = &p->specs[index];
    struct hr_expr *call = NULL;
    HR_TRY(hr_bind(pl, (const struct hr_plan *const *)p->plan->children, 1, p->calls.items[index],
                   &call, err));
    spec->call = call;
    spec->first_arg = p->args.count;
    spec->distinct = call->distinct;
    spec->filter = -1;
    p->has_distinct = p->has_distinct || call->distinct;
    for (uint32_t i = 0; i < call->arg_count; i++)
        if (!HR_VEC_PUSH(pl->arena, &p->args, call->args[i])) return HR_OOM(err);
    spec->state_bytes = hr_aggregate_of(call)->state_bytes(call);
    spec->state_offset = p->states_bytes;
    p->states_bytes += (spec->state_bytes + 7u) & ~7u;
    return HR_OK;
}

static hr_status cut(struct hr_planner *pl, struct parts *p, struct hr_err *err)
{
    const struct hr_plan *plan = p->plan;
    for (uint32_t i = 0; i < plan->expr_count; i++)
        HR_TRY(collect_calls(pl, p, plan->exprs[i], err));
    struct hr_expr **keys = NULL;
    HR_TRY(hr_bind_all(pl, plan->children[0], plan->groups, plan->group_count, &keys, err));
    for (uint32_t i = 0; i < plan->group_count; i++)
        if (!HR_VEC_PUSH(pl->arena, &p->keys, keys[i]) ||
            !HR_VEC_PUSH(pl->arena, &p->args, keys[i]))
            return HR_OOM(err);
    p->specs = HR_NEW_ARRAY(pl->arena, struct hr_agg_spec, p->calls.count + 1);
    if (!p->specs) return HR_OOM(err);
    for (uint32_t i = 0; i < p->calls.count; i++) HR_TRY(bind_call(pl, p, i, err));
    for (uint32_t i = 0; i < p->calls.count; i++) {
        struct hr_expr *filter = (struct hr_expr *)(uintptr_t)p->specs[i].call->filter;
        if (!filter) continue;
        p->specs[i].filter = (int32_t)p->args.count;
        if (!HR_VEC_PUSH(pl->arena, &p->args, filter)) return HR_OOM(err);
    }
    return HR_OK;
}

static const char *name_of(struct hr_planner *pl, const struct hr_expr *expr)
{
    return expr->name && expr->kind != HR_X_CALL ? expr->name : hr_expr_text(pl->arena, expr);
}

/* keys, then results (or one BINARY of states) */
static const struct hr_type *schema_of(struct hr_planner *pl, const struct parts *p, bool partial)
{
    uint32_t keys = p->keys.count, count = keys + (partial ? 1 : p->calls.count);
    struct hr_field *fields = HR_NEW_ARRAY(pl->arena, struct hr_field, count + 1);
    if (!fields) return NULL;
    for (uint32_t i = 0; i < keys; i++) {
        const struct hr_expr *key = p->keys.items[i];
        fields[i] = (struct hr_field){name_of(pl, p->plan->groups[i]), key->type, key->nullable};
    }
    if (partial) {
        fields[keys] = (struct hr_field){"states", hr_type(HR_T_BINARY), false};
        return hr_type_struct(fields, count);
    }
    for (uint32_t i = 0; i < p->calls.count; i++) {
        const struct hr_expr *call = p->calls.items[i];
        fields[keys + i] =
            (struct hr_field){hr_expr_text(pl->arena, call), call->type, call->nullable};
    }
    return hr_type_struct(fields, count);
}

static hr_status aggregate_node(struct hr_planner *pl, const struct parts *p,
                                enum hr_agg_mode agg_mode, bool stateful, struct hr_pnode *child,
                                struct hr_pnode **ret, struct hr_err *err)
{
    const struct hr_type *schema = schema_of(pl, p, agg_mode == HR_AGG_PARTIAL);
    struct hr_pnode *node = hr_pnode_new(
        pl, stateful ? &hr_op_state_aggregate : &hr_op_hash_aggregate, schema, child, NULL);
    if (!node) return HR_OOM(err);
    node->key_count = p->keys.count;
    node->aggs = p->specs;
    node->agg_count = p->calls.count;
    node->states_bytes = p->states_bytes;
    node->agg_mode = agg_mode;
    node->exprs = p->args.items;
    node->expr_count = p->args.count;
    if (agg_mode != HR_AGG_FINAL)
        HR_TRY(hr_compile(pl, p->args.items, p->args.count, &node->program, err));
    if (stateful) {
        node->state_id = pl->next_state++;
        node->event_time_key = p->plan->event_time_key;
    }
    *ret = node;
    return HR_OK;
}

/* References to the key columns of PARTIAL's output. */
static hr_status key_columns(struct hr_planner *pl, const struct parts *p, struct hr_expr ***ret,
                             struct hr_err *err)
{
    struct hr_expr **columns = HR_NEW_ARRAY(pl->arena, struct hr_expr *, p->keys.count + 1);
    if (!columns) return HR_OOM(err);
    for (uint32_t i = 0; i < p->keys.count; i++) {
        const struct hr_expr *key = p->keys.items[i];
        columns[i] = hr_expr_column(pl->arena, key->type, i, key->nullable);
        if (!columns[i]) return HR_OOM(err);
        columns[i]->name = name_of(pl, p->plan->groups[i]);
    }
    *ret = columns;
    return HR_OK;
}

static hr_status by_keys(struct hr_planner *pl, struct hr_pnode *child, struct hr_expr **keys,
                         uint32_t key_count, struct hr_pnode **ret, struct hr_err *err)
{
    if (key_count == 0) return hr_single(pl, child, ret, err);
    return hr_exchange(pl, child, HR_DIST_HASH, keys, key_count, ret, err);
}

static hr_status stack(struct hr_planner *pl, const struct parts *p, struct hr_pnode *child,
                       struct hr_pnode **ret, struct hr_err *err)
{
    bool stateful = p->plan->is_streaming;
    bool split = pl->parallel && (stateful || !hr_pnode_is_single(child));
    if (!split) return aggregate_node(pl, p, HR_AGG_COMPLETE, stateful, child, ret, err);
    if (p->has_distinct) {
        HR_TRY(by_keys(pl, child, p->keys.items, p->keys.count, &child, err));
        return aggregate_node(pl, p, HR_AGG_COMPLETE, stateful, child, ret, err);
    }
    struct hr_expr **columns = NULL;
    HR_TRY(aggregate_node(pl, p, HR_AGG_PARTIAL, false, child, &child, err));
    HR_TRY(key_columns(pl, p, &columns, err));
    HR_TRY(by_keys(pl, child, columns, p->keys.count, &child, err));
    return aggregate_node(pl, p, HR_AGG_FINAL, stateful, child, ret, err);
}

/* An output expression over the aggregation's columns. */
static hr_status over_columns(struct hr_planner *pl, const struct parts *p,
                              const struct hr_type *schema, struct hr_expr **expr,
                              struct hr_err *err)
{
    struct hr_expr *e = *expr;
    int32_t at = hr_expr_is_aggregate(e) ? call_index(p, e) : -1;
    if (at >= 0) at += (int32_t)p->keys.count;
    for (uint32_t i = 0; i < p->plan->group_count && at < 0; i++)
        if (hr_expr_equal(p->plan->groups[i], e)) at = (int32_t)i;
    if (at >= 0) {
        const struct hr_field *field = &schema->fields[at];
        *expr = hr_expr_column(pl->arena, field->type, (uint32_t)at, field->nullable);
        if (!*expr) return HR_OOM(err);
        (*expr)->name = field->name;
        return HR_OK;
    }
    if (e->kind == HR_X_ATTR) return HR_BUG(err, "%s is neither grouped nor aggregated", e->name);
    for (uint32_t i = 0; i < e->arg_count; i++)
        HR_TRY(over_columns(pl, p, schema, &e->args[i], err));
    return HR_OK;
}

static hr_status result_project(struct hr_planner *pl, const struct parts *p,
                                struct hr_pnode *child, struct hr_pnode **ret, struct hr_err *err)
{
    const struct hr_plan *plan = p->plan;
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_project, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    node->exprs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, plan->expr_count + 1);
    if (!node->exprs) return HR_OOM(err);
    node->expr_count = plan->expr_count;
    bool same = plan->expr_count == child->schema->field_count;
    for (uint32_t i = 0; i < plan->expr_count; i++) {
        struct hr_expr *copy = hr_expr_copy(pl->arena, plan->exprs[i]);
        if (!copy) return HR_OOM(err);
        HR_TRY(over_columns(pl, p, child->schema, &copy, err));
        const struct hr_expr *value = hr_expr_strip_alias(copy);
        same = same && value->kind == HR_X_COLUMN && value->ordinal == i &&
               strcmp(child->schema->fields[i].name, plan->output[i].name) == 0;
        node->exprs[i] = copy;
    }
    *ret = node;
    if (same && child->schema == node->schema) {
        *ret = child;
        return HR_OK;
    }
    return hr_compile(pl, node->exprs, node->expr_count, &node->program, err);
}

hr_status hr_physical_aggregate(struct hr_planner *pl, const struct hr_plan *plan,
                                struct hr_pnode **ret, struct hr_err *err)
{
    struct parts p = {.plan = plan};
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    HR_TRY(cut(pl, &p, err));
    HR_TRY(stack(pl, &p, child, &child, err));
    return result_project(pl, &p, child, ret, err);
}

/* DISTINCT ------------------------------------------------------------------------------------- */

static hr_status distinct_keys(struct hr_planner *pl, const struct hr_plan *plan,
                               struct hr_exprs *keys, struct hr_err *err)
{
    const struct hr_plan *child = plan->children[0];
    for (uint32_t i = 0; i < plan->expr_count; i++)
        if (!HR_VEC_PUSH(pl->arena, keys, plan->exprs[i])) return HR_OOM(err);
    if (plan->expr_count) return HR_OK;
    for (uint32_t i = 0; i < child->output_count; i++) {
        struct hr_expr *ref = hr_attr_ref(pl->arena, &child->output[i]);
        if (!ref || !HR_VEC_PUSH(pl->arena, keys, ref)) return HR_OOM(err);
    }
    return HR_OK;
}

/* All columns of rows at rest: an aggregation with keys only. */
static hr_status distinct_rows(struct hr_planner *pl, const struct hr_plan *plan,
                               struct hr_exprs *keys, struct hr_pnode *child, struct hr_pnode **ret,
                               struct hr_err *err)
{
    struct hr_plan *group = hr_plan_new1(pl->arena, HR_P_AGGREGATE, plan->children[0]);
    if (!group) return HR_OOM(err);
    group->groups = group->exprs = keys->items;
    group->group_count = group->expr_count = keys->count;
    HR_TRY(hr_plan_refresh(pl->arena, group, err));
    struct parts p = {.plan = group};
    HR_TRY(cut(pl, &p, err));
    return stack(pl, &p, child, ret, err);
}

hr_status hr_physical_distinct(struct hr_planner *pl, const struct hr_plan *plan,
                               struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *child = NULL;
    struct hr_exprs keys = {0};
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    HR_TRY(distinct_keys(pl, plan, &keys, err));
    if (!plan->is_streaming && plan->expr_count == 0 && keys.count)
        return distinct_rows(pl, plan, &keys, child, ret, err);
    struct hr_expr **bound = NULL;
    HR_TRY(hr_bind_all(pl, plan->children[0], keys.items, keys.count, &bound, err));
    if (pl->parallel) HR_TRY(by_keys(pl, child, bound, keys.count, &child, err));
    struct hr_pnode *node = hr_pnode_new(
        pl, plan->is_streaming ? &hr_op_state_dedup : &hr_op_distinct, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    node->exprs = bound;
    node->expr_count = node->key_count = keys.count;
    HR_TRY(hr_compile(pl, bound, keys.count, &node->program, err));
    if (plan->is_streaming) {
        node->state_id = pl->next_state++;
        for (uint32_t i = 0; i < keys.count; i++) {
            const struct hr_attr *attr = keys.items[i]->kind == HR_X_ATTR
                                             ? hr_plan_input_attr(plan, keys.items[i]->attr_id)
                                             : NULL;
            if (attr && attr->watermark_delay_us >= 0) node->event_time_key = (int32_t)i;
        }
    }
    *ret = node;
    return HR_OK;
}
