/* SPDX-License-Identifier: Apache-2.0 */
/* A table that a source reads, at rest or as a stream. */
#include "operator/scan.h"
#include "plan/nodes/scan.h"

#include "plan/catalog.h"
#include "plan/node.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count == 0);
    HR_UNUSED(arena);
    HR_UNUSED(err);
    plan->is_streaming = HR_NODE(scan, plan)->is_stream;
    return HR_OK;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_scan_node *scan = HR_NODE(scan, plan);
    if (scan->is_stream) hr_buf_puts(out, " stream");
    hr_buf_putc(out, ' ');
    hr_buf_puts(out, scan->table->name ? scan->table->name : "");
    hr_node_print_output(plan, out);
    if (scan->table->provider) hr_buf_printf(out, " %s", scan->table->provider);
}

/* At least one column stays: a source without any could not say how many rows it has. */
static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 0);
    HR_UNUSED(ctx);
    HR_UNUSED(err);
    uint32_t kept = 0, narrow = 0;
    for (uint32_t i = 0; i < plan->output_count; i++) {
        if (hr_wanted_has(up, plan->output[i].id)) plan->output[kept++] = plan->output[i];
        if (kept == 0 && hr_type_width(plan->output[narrow].type) == 0) narrow = i;
    }
    if (kept == 0 && plan->output_count) plan->output[kept++] = plan->output[narrow];
    plan->output_count = kept;
    return HR_OK;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 0);
    const struct hr_scan_node *scan = HR_NODE(scan, plan);
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_scan, hr_plan_schema(plan), NULL, NULL);
    if (!node) return HR_OOM(err);
    assert(scan->table);
    node->is_streaming = plan->is_streaming;
    struct hr_scan_pnode *out = HR_PNODE(scan, node);
    out->table = scan->table;
    out->scan_id = scan->scan_id;
    out->options = scan->options;
    *ret = node;
    return HR_OK;
}

const struct hr_node_vt hr_node_scan = {
    .name = "Relation",
    .size = sizeof(struct hr_scan_node),
    .output = output,
    .print = print,
    .prune = prune,
    .physical = physical,
};
