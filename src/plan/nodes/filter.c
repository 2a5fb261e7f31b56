/* SPDX-License-Identifier: Apache-2.0 */
/* WHERE and HAVING. */
#include "plan/nodes/filter.h"

#include "plan/analyze.h"
#include "plan/catalog.h"
#include "plan/node.h"
#include "plan/nodes/scan.h"
#include "plan/physical.h"

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    hr_buf_putc(out, ' ');
    hr_expr_print(HR_NODE(filter, plan)->condition, out);
}

static hr_status analyze(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err)
{
    bool having = HR_NODE(filter, *plan)->is_having;
    if (HR_NODE(filter, *plan)->is_qualify) return hr_analyze_qualify(an, plan, err);
    return having ? hr_analyze_having(an, plan, err) : hr_analyze_filter(an, plan, err);
}

static int64_t max_rows(const struct hr_plan *plan, const int64_t *child_rows)
{
    assert(plan->child_count == 1);
    return hr_expr_never_true(HR_NODE(filter, plan)->condition) ? 0 : child_rows[0];
}

/* Is there a reader that makes use of filters? EXPLAIN shows none where there is not. */
static bool scan_skips(const struct hr_plan *scan)
{
    const struct hr_source_vt *source = HR_NODE(scan, scan)->table->source;
    return source && source->flags & HR_SOURCE_SKIPS;
}

/* What a source may use to skip: parts that name columns and are the same each time. */
static hr_status push_filters(struct hr_planner *pl, struct hr_pnode *filter,
                              struct hr_pnode *child, struct hr_err *err)
{
    struct hr_exprs parts = {0}, kept = {0};
    HR_TRY(hr_expr_split_and(pl->arena, filter->exprs[0], &parts, err));
    for (uint32_t i = 0; i < parts.count; i++)
        if (hr_expr_is_deterministic(parts.items[i]) &&
            !HR_VEC_PUSH(pl->arena, &kept, parts.items[i]))
            return HR_OOM(err);
    child->vt->push_filters(child, kept.items, kept.count);
    return HR_OK;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_filter, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    *ret = node;
    struct hr_expr *condition = HR_NODE(filter, plan)->condition;
    HR_TRY(hr_bind_program(pl, node, plan->children[0], &condition, 1, err));
    bool skips = plan->children[0]->kind == HR_P_SCAN && scan_skips(plan->children[0]);
    return skips ? push_filters(pl, node, child, err) : HR_OK;
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPR(hr_filter_node, condition),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_filter = {
    .name = "Filter",
    .size = sizeof(struct hr_filter_node),
    .exprs = exprs,
    .in_block = true,
    .may_fold = true,
    .analyze = analyze,
    .output = hr_node_output_of_child,
    .print = print,
    .max_rows = max_rows,
    .accepts = HR_CHANGES_ANY,
    .physical = physical,
};
