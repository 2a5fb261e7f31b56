/* SPDX-License-Identifier: Apache-2.0 */
/* The event time of a stream, and how late a row may be. */
#include "operator/watermark.h"
#include "plan/nodes/watermark.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"

static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count == 1);
    const struct hr_watermark_node *mark = HR_NODE(watermark, plan);
    HR_TRY(hr_node_output_of_child(arena, plan, err));
    for (uint32_t i = 0; i < plan->output_count; i++)
        if (plan->output[i].id == mark->time->attr_id)
            plan->output[i].watermark_delay_us = mark->delay_us;
    return HR_OK;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_watermark_node *mark = HR_NODE(watermark, plan);
    hr_buf_putc(out, ' ');
    if (mark->time) hr_expr_print(mark->time, out);
    hr_buf_printf(out, ", %lld microseconds", (long long)mark->delay_us);
}

/* Not what is asked of the time: rows that a filter drops still move the watermark. */
static hr_status sink(struct hr_arena *arena, const struct hr_plan *plan, struct hr_expr **part,
                      bool *ret_sinks, struct hr_err *err)
{
    assert(plan->child_count == 1 && hr_expr_is_deterministic(*part));
    HR_UNUSED(arena);
    HR_UNUSED(err);
    *ret_sinks =
        !plan->is_streaming || !hr_expr_uses(*part, HR_NODE(watermark, plan)->time->attr_id);
    return HR_OK;
}

/* Which columns of a late row are the node's: rows too far in the future go where late ones do. */
static hr_status late_columns(struct hr_planner *pl, const struct hr_plan *plan,
                              struct hr_watermark_pnode *watermark, struct hr_err *err)
{
    uint32_t count = pl->late->output_count;
    watermark->late_schema = pl->late_schema;
    watermark->late_columns = HR_NEW_ARRAY(pl->arena, int32_t, count + 1);
    if (!watermark->late_columns) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        watermark->late_columns[i] = -1;
        for (uint32_t k = 0; k < plan->output_count; k++)
            if (plan->output[k].id == pl->late->output[i].id)
                watermark->late_columns[i] = (int32_t)k;
    }
    return HR_OK;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    struct hr_watermark_node mark = *HR_NODE(watermark, plan);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    *ret = child;
    if (!plan->is_streaming) return HR_OK;
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_watermark, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    HR_TRY(hr_bind_all(pl, plan->children[0], &mark.time, 1, &node->exprs, err));
    node->expr_count = 1;
    struct hr_watermark_pnode *watermark = HR_PNODE(watermark, node);
    watermark->column = node->exprs[0]->ordinal;
    watermark->delay_us = mark.delay_us;
    watermark->index = pl->next_watermark++;
    watermark->max_future_us = pl->conf->watermark_max_future_us;
    watermark->far_future = pl->conf->watermark_far_future;
    watermark->by_partition = pl->conf->watermark_by_partition;
    if (pl->late) HR_TRY(late_columns(pl, plan, watermark, err));
    *ret = node;
    return HR_OK;
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPR(hr_watermark_node, time),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_watermark = {
    .name = "EventTimeWatermark",
    .size = sizeof(struct hr_watermark_node),
    .exprs = exprs,
    .analyze = hr_analyze_watermark,
    .output = output,
    .print = print,
    .sink = sink,
    .accepts = HR_CHANGES_ANY,
    .physical = physical,
};
