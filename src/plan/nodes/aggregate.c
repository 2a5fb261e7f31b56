/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GROUP BY, logical and physical. The output list of the logical node is cut into group keys,
 * aggregate calls, and a projection over both:
 *
 *   Project [k + 1, sum / 2]
 *   +- HashAggregate(keys=[k], functions=[sum(v)])          one task, or a DISTINCT aggregate
 *
 *   Project … +- HashAggregate FINAL +- Exchange hash(k) +- HashAggregate PARTIAL
 *
 * On a stream the upper one keeps its groups from epoch to epoch (StateAggregate). Sessions are
 * merged by a SessionAggregate, which takes whole rows: at rest in order of time.
 */
#include "operator/aggregate.h"
#include "operator/sort.h"
#include "plan/nodes/aggregate.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

/* Logical -------------------------------------------------------------------------------------- */

static void init(struct hr_plan *plan)
{
    HR_NODE(aggregate, plan)->event_time_key = -1;
    HR_NODE(aggregate, plan)->session_key = -1;
}

/* The event time is noted once: the rules may later put an expression in the attribute's place. */
static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->child_count == 1);
    struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    for (uint32_t i = 0; i < agg->group_count && agg->event_time_key < 0; i++)
        if (hr_expr_watermark_delay(plan, agg->groups[i]) >= 0) agg->event_time_key = (int32_t)i;
    return hr_select_output(arena, plan, err);
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    hr_buf_putc(out, ' ');
    hr_node_print_list(agg->groups, agg->group_count, out);
    hr_buf_puts(out, ", ");
    hr_node_print_list(agg->select.exprs, agg->select.expr_count, out);
}

/* Parts over groups only are asked of the rows that make the groups. */
static hr_status sink(struct hr_arena *arena, const struct hr_plan *plan, struct hr_expr **part,
                      bool *ret_sinks, struct hr_err *err)
{
    assert(plan->child_count == 1 && hr_expr_is_deterministic(*part));
    const struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    *ret_sinks = false;
    if (agg->group_count == 0) return HR_OK;
    for (uint32_t i = 0; i < agg->select.expr_count; i++) {
        const struct hr_expr *item = agg->select.exprs[i];
        bool bad = hr_expr_has_aggregate(item) || !hr_expr_is_deterministic(item);
        if (bad && hr_expr_uses(*part, item->attr_id)) return HR_OK;
    }
    *ret_sinks = true;
    return hr_expr_inline(arena, part, agg->select.exprs, agg->select.expr_count, err);
}

static int64_t max_rows(const struct hr_plan *plan, const int64_t *child_rows)
{
    assert(plan->child_count == 1);
    return HR_NODE(aggregate, plan)->group_count == 0 ? 1 : child_rows[0];
}

static bool not_distinct(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    return !(expr->kind == HR_X_CALL && expr->distinct);
}

static hr_status check_streaming(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err)
{
    assert(plan->kind == HR_P_AGGREGATE && plan->child_count == 1);
    assert(plan->is_streaming && plan->child_count == 1);
    const struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    bool weighted = check->input == HR_CHANGES_WEIGHTED;
    if (weighted && !check->changes && check->mode != HR_MODE_APPEND)
        return hr_node_refuse(plan, err, "an aggregation of rows that can be taken back");
    if (agg->session_key >= 0 && (weighted || check->changes))
        return hr_node_refuse(plan, err,
                              "session_window is not supported where rows can be taken back");
    if (check->changes) return HR_OK;
    for (uint32_t i = 0; i < agg->select.expr_count && !weighted; i++)
        if (!hr_expr_walk(agg->select.exprs[i], not_distinct, NULL))
            return hr_node_refuse(
                plan, err,
                "Distinct aggregations are not supported on streaming DataFrames/Datasets. "
                "Consider using approx_count_distinct() instead.");
    if (agg->session_key >= 0 && check->mode == HR_MODE_UPDATE)
        return hr_node_refuse_mode(plan, err, "update", "session window streaming aggregations");
    if (agg->session_key >= 0 && agg->group_count == 1)
        return hr_node_refuse(
            plan, err,
            "Global aggregation with session window in streaming query is not supported.");
    if (check->mode != HR_MODE_APPEND || agg->event_time_key >= 0) return HR_OK;
    return hr_node_refuse_mode(plan, err, "append", "streaming aggregations without watermark");
}

/* In append mode a group comes out once, when the watermark has passed it. */
static enum hr_changes emits(const struct hr_plan *plan, const struct hr_streaming_check *check)
{
    HR_UNUSED(plan);
    if (check->changes) return HR_CHANGES_WEIGHTED;
    switch (check->mode) {
    case HR_MODE_UPDATE: return HR_CHANGES_UPDATE;
    case HR_MODE_COMPLETE: return HR_CHANGES_COMPLETE;
    default: return HR_CHANGES_APPEND;
    }
}

/* Physical ------------------------------------------------------------------------------------- */

struct parts {
    const struct hr_plan *plan;
    const struct hr_aggregate_node *agg; /* the same node */
    struct hr_exprs calls;               /* distinct aggregate calls, over attributes */
    HR_VEC(uint64_t) hashes;             /* theirs */
    struct hr_exprs keys, args;          /* bound: keys; keys, arguments and filters */
    struct hr_agg_spec *specs;
    uint32_t states_bytes;
    bool has_distinct;
    bool retracts; /* rows of the input may be taken back */
};

static int32_t call_index(const struct parts *p, const struct hr_expr *call)
{
    const uint64_t hash = hr_expr_hash(call);
    for (uint32_t i = 0; i < p->calls.count; i++)
        if (p->hashes.items[i] == hash && hr_expr_equal(p->calls.items[i], call)) return (int32_t)i;
    return -1;
}

static hr_status collect_calls(struct hr_planner *pl, struct parts *p, struct hr_expr *expr,
                               struct hr_err *err)
{
    assert(p->calls.count == p->hashes.count);
    if (hr_expr_is_aggregate(expr)) {
        if (call_index(p, expr) >= 0) return HR_OK;
        if (!HR_VEC_PUSH(pl->arena, &p->calls, expr)) return HR_OOM(err);
        return HR_VEC_PUSH(pl->arena, &p->hashes, hr_expr_hash(expr)) ? HR_OK : HR_OOM(err);
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) HR_TRY(collect_calls(pl, p, expr->args[i], err));
    return HR_OK;
}

static hr_status bind_call(struct hr_planner *pl, struct parts *p, uint32_t index,
                           struct hr_err *err)
{
    assert(index < p->calls.count && p->specs);
    struct hr_agg_spec *spec = &p->specs[index];
    struct hr_expr *call = NULL;
    HR_TRY(hr_bind(pl, (const struct hr_plan *const *)p->plan->children, 1, p->calls.items[index],
                   &call, err));
    call->retracts = p->retracts;
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
    assert(p->calls.count == 0 && !p->specs);
    const struct hr_plan *plan = p->plan;
    const struct hr_aggregate_node *agg = p->agg;
    for (uint32_t i = 0; i < agg->select.expr_count; i++)
        HR_TRY(collect_calls(pl, p, agg->select.exprs[i], err));
    struct hr_expr **keys = NULL;
    HR_TRY(hr_bind_all(pl, plan->children[0], agg->groups, agg->group_count, &keys, err));
    for (uint32_t i = 0; i < agg->group_count; i++)
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
        fields[i] = (struct hr_field){name_of(pl, p->agg->groups[i]), key->type, key->nullable};
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
    assert(p->specs && p->states_bytes % 8 == 0);
    assert(agg_mode != HR_AGG_FINAL || child);
    const struct hr_type *schema = schema_of(pl, p, agg_mode == HR_AGG_PARTIAL);
    const struct hr_operator_vt *vt = p->agg->session_key >= 0 ? &hr_op_session_aggregate
                                      : stateful               ? &hr_op_state_aggregate
                                                               : &hr_op_hash_aggregate;
    struct hr_pnode *node = hr_pnode_new(pl, vt, schema, child, NULL);
    if (!node) return HR_OOM(err);
    struct hr_aggregate_pnode *agg = HR_PNODE(aggregate, node);
    agg->key_count = p->keys.count;
    agg->aggs = p->specs;
    agg->agg_count = p->calls.count;
    agg->states_bytes = p->states_bytes;
    agg->mode = agg_mode;
    agg->output_mode = pl->mode;
    agg->retracts = stateful && p->retracts;
    agg->emits_changes = stateful && pl->changes;
    node->is_changes = agg->emits_changes;
    agg->session_key = p->agg->session_key;
    agg->event_time_key = stateful ? p->agg->event_time_key : -1;
    node->exprs = p->args.items;
    node->expr_count = p->args.count;
    if (agg_mode != HR_AGG_FINAL)
        HR_TRY(hr_compile(pl, p->args.items, p->args.count, &node->program, err));
    if (stateful) node->state_id = pl->next_state++;
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
        columns[i]->name = name_of(pl, p->agg->groups[i]);
    }
    *ret = columns;
    return HR_OK;
}

/* Rows at rest in order of the time at which their own session begins. */
static hr_status sort_by_time(struct hr_planner *pl, const struct parts *p, struct hr_pnode *child,
                              struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_sort, child->schema, child, NULL);
    struct hr_expr *start = hr_expr_new(pl->arena, HR_X_FIELD);
    if (!node || !start) return HR_OOM(err);
    struct hr_sort_pnode *sort = HR_PNODE(sort, node);
    node->exprs = HR_NEW(pl->arena, struct hr_expr *);
    start->args = HR_NEW(pl->arena, struct hr_expr *);
    sort->descending = HR_NEW(pl->arena, bool);
    sort->nulls_first = HR_NEW(pl->arena, bool);
    if (!node->exprs || !start->args || !sort->descending || !sort->nulls_first) return HR_OOM(err);
    start->args[0] = hr_expr_copy(pl->arena, p->keys.items[p->agg->session_key]);
    start->arg_count = 1;
    start->name = "start";
    if (!start->args[0]) return HR_OOM(err);
    HR_TRY(hr_expr_resolve_node(pl->arena, pl->conf, start, err));
    node->exprs[0] = start;
    node->expr_count = 1;
    *ret = node;
    return hr_compile(pl, node->exprs, 1, &node->program, err);
}

/* A session is found by its key alone: rows of a key go to one task. */
static hr_status stack_sessions(struct hr_planner *pl, const struct parts *p,
                                struct hr_pnode *child, struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_exprs others = {0};
    for (uint32_t i = 0; i < p->keys.count; i++)
        if ((int32_t)i != p->agg->session_key &&
            !HR_VEC_PUSH(pl->arena, &others, p->keys.items[i]))
            return HR_OOM(err);
    if (p->has_distinct)
        return hr_node_not_supported(p->plan, err, "a DISTINCT aggregate over session_window");
    bool split = pl->parallel && (p->plan->is_streaming || !hr_pnode_is_single(child));
    if (split) HR_TRY(hr_exchange_by_keys(pl, child, others.items, others.count, &child, err));
    if (!p->plan->is_streaming) HR_TRY(sort_by_time(pl, p, child, &child, err));
    return aggregate_node(pl, p, HR_AGG_COMPLETE, p->plan->is_streaming, child, ret, err);
}

static hr_status stack(struct hr_planner *pl, const struct parts *p, struct hr_pnode *child,
                       struct hr_pnode **ret, struct hr_err *err)
{
    assert(p->specs && p->args.count >= p->keys.count);
    if (p->agg->session_key >= 0) return stack_sessions(pl, p, child, ret, err);
    bool stateful = p->plan->is_streaming;
    bool split = pl->parallel && (stateful || !hr_pnode_is_single(child));
    if (!split) return aggregate_node(pl, p, HR_AGG_COMPLETE, stateful, child, ret, err);
    if (p->has_distinct || p->retracts) {
        HR_TRY(hr_exchange_by_keys(pl, child, p->keys.items, p->keys.count, &child, err));
        return aggregate_node(pl, p, HR_AGG_COMPLETE, stateful, child, ret, err);
    }
    struct hr_expr **columns = NULL;
    HR_TRY(aggregate_node(pl, p, HR_AGG_PARTIAL, false, child, &child, err));
    HR_TRY(key_columns(pl, p, &columns, err));
    HR_TRY(hr_exchange_by_keys(pl, child, columns, p->keys.count, &child, err));
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
    for (uint32_t i = 0; i < p->agg->group_count && at < 0; i++)
        if (hr_expr_equal(p->agg->groups[i], e)) at = (int32_t)i;
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
    assert(child->schema->field_count >= p->keys.count);
    const struct hr_plan *plan = p->plan;
    const struct hr_select *select = &p->agg->select;
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_project, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    node->exprs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, select->expr_count + 1);
    if (!node->exprs) return HR_OOM(err);
    node->expr_count = select->expr_count;
    bool same = select->expr_count == child->schema->field_count;
    for (uint32_t i = 0; i < select->expr_count; i++) {
        struct hr_expr *copy = hr_expr_copy(pl->arena, select->exprs[i]);
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

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    struct parts p = {.plan = plan, .agg = HR_NODE(aggregate, plan)};
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    p.retracts = child->is_changes;
    HR_TRY(cut(pl, &p, err));
    HR_TRY(stack(pl, &p, child, &child, err));
    return result_project(pl, &p, child, ret, err);
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPRS(hr_aggregate_node, select.exprs, select.expr_count),
    HR_NODE_EXPRS(hr_aggregate_node, groups, group_count),
    {HR_EXPRS_END, 0, 0, 0},
};

/* Constants stay: items must stay equal to groups. */
const struct hr_node_vt hr_node_aggregate = {
    .name = "Aggregate",
    .size = sizeof(struct hr_aggregate_node),
    .exprs = exprs,
    .in_block = true,
    .counts_as_aggregate = true,
    .keeps_state = true,
    .init = init,
    .analyze = hr_analyze_select,
    .output = output,
    .print = print,
    .prune = hr_select_prune,
    .sink = sink,
    .max_rows = max_rows,
    .accepts = HR_CHANGES_APPEND | HR_CHANGES_WEIGHTED,
    .check_streaming = check_streaming,
    .emits = emits,
    .physical = physical,
};
