/* SPDX-License-Identifier: Apache-2.0 */
/* LIMIT and OFFSET. */
#include "operator/limit.h"
#include "operator/sort.h"
#include "plan/nodes/limit.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/nodes/sort.h"
#include "plan/physical.h"

#define TOP_N_MAX 100000 /* rows that are better kept in a heap than sorted */

static void init(struct hr_plan *plan)
{
    HR_NODE(limit, plan)->limit = -1;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_limit_node *limit = HR_NODE(limit, plan);
    if (limit->limit_expr) {
        hr_buf_putc(out, ' ');
        hr_expr_print(limit->limit_expr, out);
    } else if (limit->limit >= 0) {
        hr_buf_printf(out, " %lld", (long long)limit->limit);
    }
    if (limit->offset_expr) {
        hr_buf_puts(out, " offset ");
        hr_expr_print(limit->offset_expr, out);
    } else if (limit->offset > 0) {
        hr_buf_printf(out, " offset %lld", (long long)limit->offset);
    }
}

static int64_t max_rows(const struct hr_plan *plan, const int64_t *child_rows)
{
    assert(plan->child_count == 1);
    assert(plan->child_count == 1);
    return child_rows[0] == 0 ? 0 : HR_NODE(limit, plan)->limit;
}

static hr_status check_streaming(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->is_streaming && plan->child_count == 1);
    if (HR_NODE(limit, plan)->offset > 0 && check->mode != HR_MODE_COMPLETE)
        return hr_node_refuse(plan, err,
                              "Offset is not supported on streaming DataFrames/Datasets");
    if (check->mode == HR_MODE_UPDATE)
        return hr_node_refuse(
            plan, err,
            "Limits are not supported on streaming DataFrames/Datasets in Update output mode");
    return HR_OK;
}

static hr_status limited(struct hr_planner *pl, struct hr_pnode *child, int64_t limit,
                         int64_t offset, struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_limit, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    HR_PNODE(limit, node)->limit = limit;
    HR_PNODE(limit, node)->offset = offset;
    *ret = node;
    return HR_OK;
}

static hr_status top_n(struct hr_planner *pl, const struct hr_plan *sort, struct hr_pnode *child,
                       int64_t limit, int64_t offset, struct hr_pnode **ret, struct hr_err *err)
{
    assert(sort->kind == HR_P_SORT);
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_top_n, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    HR_PNODE(sort, node)->limit = limit;
    HR_PNODE(sort, node)->offset = offset;
    *ret = node;
    return hr_sort_keys(pl, sort, node, err);
}

/* LIMIT over ORDER BY: the best rows of each partition, then the best of them. */
static hr_status plan_top_n(struct hr_planner *pl, const struct hr_limit_node *limit,
                            const struct hr_plan *sort, struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, sort->children[0], &child, err));
    if (pl->parallel && !hr_pnode_is_single(child)) {
        HR_TRY(top_n(pl, sort, child, limit->limit + limit->offset, 0, &child, err));
        HR_TRY(hr_single(pl, child, &child, err));
    }
    return top_n(pl, sort, child, limit->limit, limit->offset, ret, err);
}

/* Over rows that stand for ever the limit is of the whole query; in complete mode, above an
 * aggregation, of each epoch's result. */
static bool counts_over_epochs(const struct hr_planner *pl, const struct hr_plan *below)
{
    return below->is_streaming && (pl->mode == HR_MODE_APPEND || !hr_plan_aggregates(below));
}

static hr_status over_epochs(struct hr_planner *pl, int64_t limit, struct hr_pnode *child,
                             struct hr_pnode **ret, struct hr_err *err)
{
    assert(limit >= 0);
    HR_TRY(hr_single(pl, child, &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_state_limit, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    HR_PNODE(limit, node)->limit = limit;
    node->state_id = pl->next_state++;
    *ret = node;
    return HR_OK;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->kind == HR_P_LIMIT && plan->child_count == 1);
    assert(plan->resolved && plan->child_count == 1);
    const struct hr_limit_node *limit = HR_NODE(limit, plan);
    const struct hr_plan *below = plan->children[0];
    bool small = limit->limit >= 0 && limit->limit <= TOP_N_MAX && limit->offset <= TOP_N_MAX;
    if (small && below->kind == HR_P_SORT && HR_NODE(sort, below)->is_global)
        return plan_top_n(pl, limit, below, ret, err);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, below, &child, err));
    if (counts_over_epochs(pl, below)) return over_epochs(pl, limit->limit, child, ret, err);
    if (pl->parallel && !hr_pnode_is_single(child)) {
        if (limit->limit >= 0 && limit->limit <= INT64_MAX - limit->offset)
            HR_TRY(limited(pl, child, limit->limit + limit->offset, 0, &child, err));
        HR_TRY(hr_single(pl, child, &child, err));
    }
    return limited(pl, child, limit->limit, limit->offset, ret, err);
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPR(hr_limit_node, limit_expr),
    HR_NODE_EXPR(hr_limit_node, offset_expr),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_limit = {
    .name = "Limit",
    .size = sizeof(struct hr_limit_node),
    .exprs = exprs,
    .in_block = true,
    .init = init,
    .analyze = hr_analyze_limit,
    .output = hr_node_output_of_child,
    .print = print,
    .max_rows = max_rows,
    .accepts = HR_CHANGES_APPEND | HR_CHANGES_COMPLETE,
    .check_streaming = check_streaming,
    .physical = physical,
};
