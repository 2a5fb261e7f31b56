/* SPDX-License-Identifier: Apache-2.0 */
/* Each input row as several output rows: sliding windows. */
#include "operator/expand.h"
#include "plan/nodes/expand.h"

#include "plan/node.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    hr_buf_putc(out, ' ');
    hr_node_print_output(plan, out);
}

static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    struct hr_expand_node *expand = HR_NODE(expand, plan);
    struct hr_wanted down = {0};
    uint32_t kept = 0;
    assert(expand->row_width == plan->output_count);
    for (uint32_t j = 0; j < expand->row_width; j++) {
        if (!hr_wanted_has(up, plan->output[j].id)) continue;
        for (uint32_t i = 0; i < expand->row_count; i++) expand->rows[i][kept] = expand->rows[i][j];
        plan->output[kept++] = plan->output[j];
    }
    expand->row_width = plan->output_count = kept;
    HR_TRY(hr_want_refs(ctx, &down, plan, err));
    return hr_prune_children(ctx, plan, &down, err);
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    const struct hr_expand_node *expand = HR_NODE(expand, plan);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_expand, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    struct hr_expand_pnode *out = HR_PNODE(expand, node);
    out->projections = HR_NEW_ARRAY(pl->arena, const struct hr_program *, expand->row_count + 1);
    if (!out->projections) return HR_OOM(err);
    for (uint32_t i = 0; i < expand->row_count; i++) {
        struct hr_expr **bound = NULL;
        HR_TRY(hr_bind_all(pl, plan->children[0], expand->rows[i], expand->row_width, &bound, err));
        HR_TRY(hr_compile(pl, bound, expand->row_width, &out->projections[i], err));
        if (i > 0) continue;
        node->exprs = bound;
        node->expr_count = expand->row_width;
    }
    out->projection_count = expand->row_count;
    *ret = node;
    return HR_OK;
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_ROWS(hr_expand_node, rows, row_count, row_width),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_expand = {
    .name = "Expand",
    .size = sizeof(struct hr_expand_node),
    .exprs = exprs,
    .print = print,
    .prune = prune,
    .sink = hr_node_sink_if_within,
    .max_rows = hr_node_rows_none_of_none,
    .accepts = HR_CHANGES_ANY,
    .physical = physical,
};
