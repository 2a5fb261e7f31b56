/* SPDX-License-Identifier: Apache-2.0 */
/* SELECT DISTINCT, and DEDUPLICATE BY: rows that repeat a key. */
#include "operator/distinct.h"
#include "plan/nodes/distinct.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/nodes/aggregate.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->resolved && plan->child_count == 1);
    struct hr_wanted down = {0};
    for (uint32_t i = 0; i < up->count; i++) HR_TRY(hr_want(ctx, &down, up->items[i], err));
    HR_TRY(hr_want_refs(ctx, &down, plan, err));
    if (HR_NODE(distinct, plan)->key_count == 0)
        HR_TRY(hr_want_output(ctx, &down, plan->children[0], err));
    return hr_prune_children(ctx, plan, &down, err);
}

/* Not when the first row of a key is kept: it could be another one. */
static hr_status sink(struct hr_arena *arena, const struct hr_plan *plan, struct hr_expr **part,
                      bool *ret_sinks, struct hr_err *err)
{
    assert(plan->child_count == 1 && hr_expr_is_deterministic(*part));
    HR_UNUSED(arena);
    HR_UNUSED(part);
    HR_UNUSED(err);
    *ret_sinks = HR_NODE(distinct, plan)->key_count == 0;
    return HR_OK;
}

static void init(struct hr_plan *plan)
{
    HR_NODE(distinct, plan)->time_key = -1;
}

static const char *title(const struct hr_plan *plan)
{
    const struct hr_distinct_node *distinct = HR_NODE(distinct, plan);
    if (!distinct->by_keys) return "Distinct";
    return distinct->within_watermark ? "DeduplicateWithinWatermark" : "Deduplicate";
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_distinct_node *distinct = HR_NODE(distinct, plan);
    if (!distinct->by_keys) return;
    hr_buf_putc(out, ' ');
    hr_node_print_list(distinct->keys, distinct->key_count, out);
}

static hr_status check_streaming(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err)
{
    assert(plan->is_streaming && plan->child_count == 1);
    const struct hr_distinct_node *distinct = HR_NODE(distinct, plan);
    if (check->input == HR_CHANGES_WEIGHTED && distinct->by_keys)
        return hr_node_refuse(plan, err,
                              "DEDUPLICATE BY is not supported where rows can be taken back");
    if (!distinct->within_watermark || distinct->time) return HR_OK;
    return hr_node_refuse(plan, err,
                          "dropDuplicatesWithinWatermark is not supported on streaming "
                          "DataFrames/DataSets without watermark");
}

/* By changes it is a grouping: rows that are there more than once, not those that came first. */
static bool is_grouping(const struct hr_plan *plan, bool changes)
{
    return !HR_NODE(distinct, plan)->by_keys && (!plan->is_streaming || changes);
}

static enum hr_changes emits(const struct hr_plan *plan, const struct hr_streaming_check *check)
{
    return is_grouping(plan, check->changes) ? HR_CHANGES_WEIGHTED : check->input;
}

static hr_status all_keys(struct hr_planner *pl, const struct hr_plan *plan, struct hr_exprs *keys,
                          struct hr_err *err)
{
    assert(plan->child_count == 1);
    const struct hr_distinct_node *distinct = HR_NODE(distinct, plan);
    const struct hr_plan *child = plan->children[0];
    for (uint32_t i = 0; i < distinct->key_count; i++)
        if (!HR_VEC_PUSH(pl->arena, keys, distinct->keys[i])) return HR_OOM(err);
    if (distinct->key_count) return HR_OK;
    for (uint32_t i = 0; i < child->output_count; i++) {
        struct hr_expr *ref = hr_attr_ref(pl->arena, &child->output[i]);
        if (!ref || !HR_VEC_PUSH(pl->arena, keys, ref)) return HR_OOM(err);
    }
    return HR_OK;
}

/* All columns of rows at rest: an aggregation with keys only. */
static hr_status by_grouping(struct hr_planner *pl, const struct hr_plan *plan,
                             const struct hr_exprs *keys, struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_plan *plan_of_group = hr_plan_new1(pl->arena, HR_P_AGGREGATE, plan->children[0]);
    if (!plan_of_group) return HR_OOM(err);
    struct hr_aggregate_node *group = HR_NODE(aggregate, plan_of_group);
    group->groups = group->select.exprs = keys->items;
    group->group_count = group->select.expr_count = keys->count;
    HR_TRY(hr_plan_refresh(pl->arena, plan_of_group, err));
    return hr_physical(pl, plan_of_group, ret, err);
}

/* Spark's rules of when a key is forgotten. */
static hr_status over_epochs(struct hr_planner *pl, const struct hr_plan *plan,
                             struct hr_pnode *node, struct hr_err *err)
{
    const struct hr_distinct_node *from = HR_NODE(distinct, plan);
    struct hr_distinct_pnode *to = HR_PNODE(distinct, node);
    node->state_id = pl->next_state++;
    to->time = from->time_key;
    to->within_watermark = from->within_watermark;
    to->expires = from->time_key >= 0 || from->within_watermark;
    to->life_us = from->within_watermark ? from->delay_us : 0;
    if (!from->time || from->time_key >= 0) return HR_OK;
    struct hr_exprs exprs = {node->exprs, node->expr_count, node->expr_count};
    struct hr_expr *time = NULL;
    HR_TRY(hr_bind(pl, (const struct hr_plan *const *)plan->children, 1, from->time, &time, err));
    to->time = (int32_t)exprs.count;
    if (!HR_VEC_PUSH(pl->arena, &exprs, time)) return HR_OOM(err);
    node->exprs = exprs.items;
    node->expr_count = exprs.count;
    return HR_OK;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->kind == HR_P_DISTINCT && plan->child_count == 1);
    assert(plan->resolved && plan->child_count == 1);
    struct hr_pnode *child = NULL;
    struct hr_exprs keys = {0};
    if (!plan->is_streaming && HR_NODE(distinct, plan)->within_watermark)
        return hr_node_refuse(plan, err,
                              "dropDuplicatesWithinWatermark is not supported with batch "
                              "DataFrames/DataSets!");
    HR_TRY(all_keys(pl, plan, &keys, err));
    if (is_grouping(plan, pl->changes) && HR_NODE(distinct, plan)->key_count == 0 && keys.count)
        return by_grouping(pl, plan, &keys, ret, err);
    struct hr_expr **bound = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    HR_TRY(hr_bind_all(pl, plan->children[0], keys.items, keys.count, &bound, err));
    if (pl->parallel) HR_TRY(hr_exchange_by_keys(pl, child, bound, keys.count, &child, err));
    struct hr_pnode *node = hr_pnode_new(
        pl, plan->is_streaming ? &hr_op_state_dedup : &hr_op_distinct, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    node->exprs = bound;
    node->expr_count = keys.count;
    HR_PNODE(distinct, node)->key_count = keys.count;
    *ret = node;
    if (plan->is_streaming) HR_TRY(over_epochs(pl, plan, node, err));
    return hr_compile(pl, node->exprs, node->expr_count, &node->program, err);
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPRS(hr_distinct_node, keys, key_count),
    HR_NODE_EXPR(hr_distinct_node, time),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_distinct = {
    .name = "Distinct",
    .size = sizeof(struct hr_distinct_node),
    .exprs = exprs,
    .in_block = true,
    .keeps_state = true,
    .init = init,
    .analyze = hr_analyze_distinct,
    .output = hr_node_output_of_child,
    .title = title,
    .print = print,
    .prune = prune,
    .sink = sink,
    .max_rows = hr_node_rows_of_child,
    .accepts = HR_CHANGES_APPEND | HR_CHANGES_WEIGHTED,
    .check_streaming = check_streaming,
    .emits = emits,
    .physical = physical,
};
