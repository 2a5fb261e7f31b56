/* SPDX-License-Identifier: Apache-2.0 */
/* ORDER BY and SORT BY. */
#include "operator/sort.h"
#include "plan/nodes/sort.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_sort_node *sort = HR_NODE(sort, plan);
    hr_buf_putc(out, ' ');
    hr_node_print_list(sort->keys, sort->key_count, out);
    hr_buf_puts(out, sort->is_global ? ", true" : ", false");
}

/* A filter may be asked before the rows are in order. */
static hr_status sink(struct hr_arena *arena, const struct hr_plan *plan, struct hr_expr **part,
                      bool *ret_sinks, struct hr_err *err)
{
    assert(plan->child_count == 1 && hr_expr_is_deterministic(*part));
    HR_UNUSED(arena);
    HR_UNUSED(plan);
    HR_UNUSED(part);
    HR_UNUSED(err);
    *ret_sinks = true;
    return HR_OK;
}

static hr_status check_streaming(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err)
{
    assert(plan->is_streaming && plan->child_count == 1);
    if (check->input == HR_CHANGES_COMPLETE) return HR_OK;
    return hr_node_refuse(plan, err,
                          "Sorting is not supported on streaming DataFrames/Datasets, unless it is "
                          "on aggregated DataFrame/Dataset in Complete output mode");
}

hr_status hr_sort_keys(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode *node,
                       struct hr_err *err)
{
    assert(plan->kind == HR_P_SORT);
    assert(plan->child_count == 1 && node->child_count == 1);
    const struct hr_sort_node *sort = HR_NODE(sort, plan);
    struct hr_sort_pnode *out = HR_PNODE(sort, node);
    out->descending = HR_NEW_ARRAY(pl->arena, bool, sort->key_count + 1);
    out->nulls_first = HR_NEW_ARRAY(pl->arena, bool, sort->key_count + 1);
    if (!out->descending || !out->nulls_first) return HR_OOM(err);
    for (uint32_t i = 0; i < sort->key_count; i++) {
        out->descending[i] = sort->keys[i]->descending;
        out->nulls_first[i] = sort->keys[i]->nulls_first;
    }
    return hr_bind_program(pl, node, plan->children[0], sort->keys, sort->key_count, err);
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->resolved && plan->child_count == 1);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    if (HR_NODE(sort, plan)->is_global) HR_TRY(hr_single(pl, child, &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_sort, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    *ret = node;
    return hr_sort_keys(pl, plan, node, err);
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPRS(hr_sort_node, keys, key_count),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_sort = {
    .name = "Sort",
    .size = sizeof(struct hr_sort_node),
    .exprs = exprs,
    .in_block = true,
    .analyze = hr_analyze_sort,
    .output = hr_node_output_of_child,
    .print = print,
    .sink = sink,
    .max_rows = hr_node_rows_of_child,
    .accepts = HR_CHANGES_COMPLETE,
    .check_streaming = check_streaming,
    .physical = physical,
};
