/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Above the scan of a table whose records are changes. On a stream its rows carry weights; at rest
 * they are what all changes come to, so that nothing above knows of it.
 */
#include "operator/read_changes.h"
#include "plan/nodes/read_changes.h"

#include "plan/node.h"
#include "plan/nodes/write_changes.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

bool hr_plan_reads_changes(const struct hr_plan *plan)
{
    if (plan->kind == HR_P_READ_CHANGES && plan->is_streaming) return true;
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (hr_plan_reads_changes(plan->children[i])) return true;
    return false;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_read_changes_node *node = HR_NODE(read_changes, plan);
    if (node->change_column)
        hr_buf_printf(out, " by %s", node->change_column);
    else
        hr_buf_puts(out, " debezium");
}

/* Columns of its own: those that nobody above asks for are not taken out of the record. */
static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    struct hr_wanted down = {0};
    struct hr_plan *child = plan->children[0];
    const struct hr_read_changes_node *node = HR_NODE(read_changes, plan);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < plan->output_count; i++)
        if (hr_wanted_has(up, plan->output[i].id)) plan->output[kept++] = plan->output[i];
    if (kept) plan->output_count = kept;
    for (uint32_t i = 0; i < child->output_count; i++) {
        const struct hr_attr *attr = &child->output[i];
        bool needed = node->envelope || strcmp(attr->name, node->change_column) == 0;
        for (uint32_t k = 0; k < plan->output_count && !needed; k++)
            needed = strcmp(attr->name, plan->output[k].name) == 0;
        if (needed) HR_TRY(hr_want(ctx, &down, attr->id, err));
    }
    return hr_prune_children(ctx, plan, &down, err);
}

static enum hr_changes emits(const struct hr_plan *plan, const struct hr_streaming_check *check)
{
    HR_UNUSED(plan);
    HR_UNUSED(check);
    return HR_CHANGES_WEIGHTED;
}

static hr_status take_columns(struct hr_planner *pl, const struct hr_plan *plan,
                              const struct hr_type *from, struct hr_read_changes_pnode *to,
                              struct hr_err *err)
{
    uint32_t *columns = HR_NEW_ARRAY(pl->arena, uint32_t, plan->output_count + 1);
    if (!columns) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->output_count; i++) {
        int32_t at = hr_type_field_index(from, hr_sv(plan->output[i].name));
        if (at < 0) return HR_BUG(err, "records have no column %s", plan->output[i].name);
        columns[i] = (uint32_t)at;
    }
    to->columns = columns;
    return HR_OK;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    const struct hr_read_changes_node *from = HR_NODE(read_changes, plan);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    struct hr_pnode *node =
        hr_pnode_new(pl, &hr_op_read_changes, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    struct hr_read_changes_pnode *to = HR_PNODE(read_changes, node);
    const struct hr_type *row = child->schema;
    to->envelope = from->envelope;
    if (from->envelope) {
        row = row->fields[0].type;
    } else {
        int32_t at = hr_type_field_index(row, hr_sv(from->change_column));
        if (at < 0) return HR_BUG(err, "records have no column %s", from->change_column);
        to->change_column = (uint32_t)at;
    }
    HR_TRY(take_columns(pl, plan, row, to, err));
    node->is_changes = true;
    *ret = node;
    return plan->is_streaming ? HR_OK : hr_net_rows(pl, plan, node, ret, err);
}

const struct hr_node_vt hr_node_read_changes = {
    .name = "ReadChanges",
    .size = sizeof(struct hr_read_changes_node),
    .print = print,
    .prune = prune,
    .accepts = HR_CHANGES_APPEND,
    .emits = emits,
    .physical = physical,
};
