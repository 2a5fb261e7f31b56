/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The result of a query over changes, as an output mode wants it:
 *
 *   changelog  every change of the epoch, and a column that says what it is
 *   complete   the whole result (View), below its ORDER BY and LIMIT
 *   update     the new row of each key: only where no key can go again
 *
 * The key of a result is followed from the aggregation that makes it.
 */
#include <stdio.h>

#include "operator/consolidate.h"
#include "plan/nodes/write_changes.h"

#include "plan/catalog.h"
#include "plan/node.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/project.h"
#include "plan/physical.h"

/* The key of a result -------------------------------------------------------------------------- */

/* The item of a select list that gives the attribute further, or NULL. */
static const struct hr_expr *item_of_attr(const struct hr_select *select, uint32_t id)
{
    for (uint32_t i = 0; i < select->expr_count; i++) {
        const struct hr_expr *value = hr_expr_strip_alias(select->exprs[i]);
        if (value->kind == HR_X_ATTR && value->attr_id == id) return select->exprs[i];
    }
    return NULL;
}

/* Does the value tell the group's key: the key itself, or an end of the window that it is? */
static bool names_group(const struct hr_aggregate_node *agg, uint32_t g,
                        const struct hr_expr *value)
{
    if (hr_expr_equal(value, agg->groups[g])) return true;
    bool window = agg->event_time_key == (int32_t)g && agg->session_key < 0 &&
                  agg->groups[g]->type->id == HR_T_STRUCT;
    return window && value->kind == HR_X_FIELD && hr_expr_equal(value->args[0], agg->groups[g]);
}

static bool key_of_groups(struct hr_arena *arena, const struct hr_plan *plan,
                          struct hr_write_changes_node *ret)
{
    const struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    ret->key = HR_NEW_ARRAY(arena, uint32_t, agg->group_count + 1);
    ret->key_count = 0;
    for (uint32_t g = 0; ret->key && g < agg->group_count; g++) {
        const struct hr_expr *found = NULL;
        for (uint32_t i = 0; i < agg->select.expr_count && !found; i++)
            if (names_group(agg, g, hr_expr_strip_alias(agg->select.exprs[i])))
                found = agg->select.exprs[i];
        if (!found) return false;
        ret->key[ret->key_count++] = found->attr_id;
    }
    return ret->key != NULL;
}

static bool find_key(struct hr_arena *arena, const struct hr_plan *plan,
                     struct hr_write_changes_node *ret)
{
    switch (plan->kind) {
    case HR_P_AGGREGATE: return key_of_groups(arena, plan, ret);
    case HR_P_FILTER:
    case HR_P_SUBQUERY_ALIAS: return find_key(arena, plan->children[0], ret);
    case HR_P_PROJECT: break;
    default: return false;
    }
    if (!find_key(arena, plan->children[0], ret)) return false;
    for (uint32_t i = 0; i < ret->key_count; i++) {
        const struct hr_expr *item = item_of_attr(hr_select_of_const(plan), ret->key[i]);
        if (!item) return false;
        ret->key[i] = item->attr_id;
    }
    return true;
}

/* Can a row of the plan be taken back, when it runs by changes? */
static bool takes_back(const struct hr_plan *plan)
{
    bool takes = plan->kind == HR_P_AGGREGATE || plan->kind == HR_P_READ_CHANGES ||
                 plan->kind == HR_P_JOIN || plan->kind == HR_P_DISTINCT;
    if (plan->is_streaming && takes) return true;
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (takes_back(plan->children[i])) return true;
    return false;
}

/* Can a key of the result go, with no row to take its place? */
static bool loses_keys(const struct hr_plan *plan)
{
    switch (plan->kind) {
    case HR_P_AGGREGATE:
        return HR_NODE(aggregate, plan)->group_count > 0 && takes_back(plan->children[0]);
    case HR_P_PROJECT:
    case HR_P_SUBQUERY_ALIAS: return loses_keys(plan->children[0]);
    default: return takes_back(plan);
    }
}

/* Logical -------------------------------------------------------------------------------------- */

static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->child_count == 1);
    const struct hr_write_changes_node *node = HR_NODE(write_changes, plan);
    const struct hr_plan *child = plan->children[0];
    if (node->mode != HR_MODE_CHANGELOG) return hr_node_output_of_child(arena, plan, err);
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, child->output_count + 1);
    if (!output) return HR_OOM(err);
    if (child->output_count) memcpy(output, child->output, sizeof *output * child->output_count);
    output[child->output_count] = (struct hr_attr){
        .id = node->change_attr,
        .name = HR_CHANGE_COLUMN,
        .type = hr_type(HR_T_STRING),
        .watermark_delay_us = -1,
    };
    plan->output = output;
    plan->output_count = child->output_count + 1;
    return HR_OK;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    static const char *const names[] = {" append", " update", " complete", " changelog"};
    hr_buf_puts(out, names[HR_NODE(write_changes, plan)->mode]);
}

static bool passes(const struct hr_plan *plan)
{
    return plan->kind == HR_P_SORT || plan->kind == HR_P_LIMIT || plan->kind == HR_P_PROJECT ||
           plan->kind == HR_P_FILTER || plan->kind == HR_P_SUBQUERY_ALIAS;
}

/* Below the last ORDER BY or LIMIT of the result; the root when there is none. */
static struct hr_plan **place_of(struct hr_plan **plan)
{
    struct hr_plan **at = plan;
    while (passes(*plan)) {
        bool whole = (*plan)->kind == HR_P_SORT || (*plan)->kind == HR_P_LIMIT;
        plan = &(*plan)->children[0];
        if (whole) at = plan;
    }
    return at;
}

hr_status hr_plan_write_changes(struct hr_arena *arena, struct hr_plan **plan,
                                enum hr_output_mode mode, struct hr_plan ***ret_at,
                                struct hr_err *err)
{
    struct hr_plan **at = mode == HR_MODE_COMPLETE ? place_of(plan) : plan;
    struct hr_plan *made = hr_plan_new1(arena, HR_P_WRITE_CHANGES, *at);
    if (!made) return HR_OOM(err);
    made->sql_pos = (*at)->sql_pos;
    made->sql_end = (*at)->sql_end;
    struct hr_write_changes_node *node = HR_NODE(write_changes, made);
    node->mode = mode;
    node->has_key = find_key(arena, *at, node);
    if (mode == HR_MODE_CHANGELOG) {
        for (uint32_t i = 0; i < (*at)->output_count; i++)
            if (hr_str_eq_nocase((*at)->output[i].name, HR_CHANGE_COLUMN))
                return hr_node_refuse(*at, err,
                                      "The column " HR_CHANGE_COLUMN " is the changelog's own: "
                                      "name the query's column otherwise");
        node->change_attr = hr_expr_next_attr_id();
    }
    HR_TRY(hr_plan_refresh(arena, made, err));
    *at = made;
    *ret_at = at;
    return HR_OK;
}

bool hr_plan_writes_changes(const struct hr_plan *plan)
{
    if (plan->kind == HR_P_WRITE_CHANGES) return true;
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (hr_plan_writes_changes(plan->children[i])) return true;
    return false;
}

static hr_status check_streaming(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->is_streaming && plan->child_count == 1);
    const struct hr_write_changes_node *node = HR_NODE(write_changes, plan);
    if (node->mode == HR_MODE_COMPLETE && check->input == HR_CHANGES_APPEND)
        return hr_node_refuse_mode(plan, err, "complete", "no streaming aggregations");
    if (node->mode != HR_MODE_UPDATE) return HR_OK;
    const char *why = !node->has_key ? "a row of its result has no key by which it is replaced"
                      : loses_keys(plan->children[0])
                          ? "rows of its result can go, which update mode cannot say"
                          : NULL;
    if (!why) return HR_OK;
    char msg[200];
    snprintf(msg, sizeof msg,
             "The query runs by changes, and %s; outputMode 'changelog' or 'complete' can", why);
    return hr_node_refuse(plan, err, msg);
}

static enum hr_changes emits(const struct hr_plan *plan, const struct hr_streaming_check *check)
{
    HR_UNUSED(check);
    switch (HR_NODE(write_changes, plan)->mode) {
    case HR_MODE_COMPLETE: return HR_CHANGES_COMPLETE;
    case HR_MODE_UPDATE: return HR_CHANGES_UPDATE;
    default: return HR_CHANGES_APPEND;
    }
}

/* Physical ------------------------------------------------------------------------------------- */

static hr_status key_columns(struct hr_planner *pl, const struct hr_plan *plan,
                             struct hr_consolidate_pnode *to, struct hr_err *err)
{
    const struct hr_write_changes_node *from = HR_NODE(write_changes, plan);
    const struct hr_plan *child = plan->children[0];
    uint32_t *key = HR_NEW_ARRAY(pl->arena, uint32_t, from->key_count + 1);
    if (!key) return HR_OOM(err);
    for (uint32_t i = 0; i < from->key_count; i++) {
        while (key[i] < child->output_count && child->output[key[i]].id != from->key[i]) key[i]++;
        if (key[i] == child->output_count) return HR_BUG(err, "a key column was dropped");
    }
    to->has_key = true;
    to->key = key;
    to->key_count = from->key_count;
    return HR_OK;
}

static hr_status consolidate(struct hr_planner *pl, const struct hr_plan *plan,
                             struct hr_pnode *child, struct hr_pnode **ret, struct hr_err *err)
{
    assert(plan->child_count == 1);
    const struct hr_write_changes_node *from = HR_NODE(write_changes, plan);
    struct hr_consolidate_pnode parts = {.has_key = false};
    if (from->has_key) HR_TRY(key_columns(pl, plan, &parts, err));
    if (parts.has_key)
        HR_TRY(hr_exchange_by_columns(pl, child, parts.key, parts.key_count, &child, err));
    else
        HR_TRY(hr_exchange_by_columns(pl, child, NULL, child->schema->field_count, &child, err));
    struct hr_pnode *node =
        hr_pnode_new(pl, &hr_op_consolidate, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    parts.node = *node;
    parts.as = from->mode == HR_MODE_UPDATE ? HR_CONSOLIDATE_UPDATE : HR_CONSOLIDATE_CHANGELOG;
    *HR_PNODE(consolidate, node) = parts;
    node->is_changes = false;
    *ret = node;
    return HR_OK;
}

static hr_status view(struct hr_planner *pl, struct hr_pnode *child, struct hr_pnode **ret,
                      struct hr_err *err)
{
    HR_TRY(hr_exchange_by_columns(pl, child, NULL, child->schema->field_count, &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_view, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    node->state_id = pl->next_state++;
    node->is_changes = false;
    *ret = node;
    return HR_OK;
}

hr_status hr_net_rows(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode *child,
                      struct hr_pnode **ret, struct hr_err *err)
{
    HR_TRY(hr_exchange_by_columns(pl, child, NULL, child->schema->field_count, &child, err));
    struct hr_pnode *node =
        hr_pnode_new(pl, &hr_op_consolidate, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    HR_PNODE(consolidate, node)->as = HR_CONSOLIDATE_ROWS;
    node->is_changes = false;
    *ret = node;
    return HR_OK;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->resolved && plan->child_count == 1);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    return HR_NODE(write_changes, plan)->mode == HR_MODE_COMPLETE
               ? view(pl, child, ret, err)
               : consolidate(pl, plan, child, ret, err);
}

const struct hr_node_vt hr_node_write_changes = {
    .name = "WriteChanges",
    .size = sizeof(struct hr_write_changes_node),
    .output = output,
    .print = print,
    .max_rows = hr_node_rows_none_of_none,
    .accepts = HR_CHANGES_APPEND | HR_CHANGES_WEIGHTED,
    .check_streaming = check_streaming,
    .emits = emits,
    .physical = physical,
};
