/* SPDX-License-Identifier: Apache-2.0 */
/* LATERAL VIEW and generators in a select list. Output: the child's columns, then its own. */
#include "operator/generate.h"
#include "plan/nodes/generate.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"

/* Its own columns stand behind the child's in the old output. */
static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->child_count == 1);
    const struct hr_plan *child = plan->children[0];
    uint32_t own = HR_NODE(generate, plan)->column_count, count = child->output_count + own;
    assert(plan->output_count >= own);
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, count + 1);
    if (!output) return HR_OOM(err);
    for (uint32_t i = 0; i < child->output_count; i++) output[i] = child->output[i];
    for (uint32_t i = 0; i < own; i++)
        output[child->output_count + i] = plan->output[plan->output_count - own + i];
    plan->output = output;
    plan->output_count = count;
    return HR_OK;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    struct hr_expr *call = HR_NODE(generate, plan)->call;
    hr_buf_putc(out, ' ');
    hr_node_print_list(&call, 1, out);
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    struct hr_generate_node generate = *HR_NODE(generate, plan);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_generate, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    HR_TRY(hr_bind_all(pl, plan->children[0], &generate.call, 1, &node->exprs, err));
    node->expr_count = 1;
    HR_PNODE(generate, node)->outer = generate.outer;
    *ret = node;
    return hr_compile(pl, node->exprs[0]->args, node->exprs[0]->arg_count, &node->program, err);
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPR(hr_generate_node, call),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_generate = {
    .name = "Generate",
    .size = sizeof(struct hr_generate_node),
    .exprs = exprs,
    .analyze = hr_analyze_generate,
    .output = output,
    .print = print,
    .sink = hr_node_sink_if_within,
    .max_rows = hr_node_rows_none_of_none,
    .accepts = HR_CHANGES_ANY,
    .physical = physical,
};
