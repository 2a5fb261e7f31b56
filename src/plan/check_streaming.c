/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a streaming query may do in an output mode: Spark's UnsupportedOperationChecker, its rules
 * and its words.
 */
#include <stdio.h>

#include "plan/catalog.h"
#include "plan/tree.h"

static const char *const mode_names[] = {"Append", "Update", "Complete"};

static hr_status refuse(const struct hr_plan *plan, struct hr_err *err, const char *msg)
{
    HR_RAISE(err, HR_E_UNSUPPORTED_STREAMING, "msg", msg);
    if (err) hr_err_at(err, plan->sql_pos, plan->sql_end);
    return HR_E_UNSUPPORTED_STREAMING;
}

static uint32_t count_aggregates(const struct hr_plan *plan)
{
    uint32_t count = plan->kind == HR_P_AGGREGATE && plan->is_streaming;
    for (uint32_t i = 0; i < plan->child_count; i++) count += count_aggregates(plan->children[i]);
    return count;
}

static bool not_distinct(void *arg, const struct hr_expr *expr)
{
    HR_UNUSED(arg);
    return !(expr->kind == HR_X_CALL && expr->distinct);
}

static bool has_distinct_call(const struct hr_plan *plan)
{
    for (uint32_t i = 0; i < plan->expr_count; i++)
        if (!hr_expr_walk(plan->exprs[i], not_distinct, NULL)) return true;
    return false;
}

static hr_status check_aggregate(const struct hr_plan *plan, enum hr_output_mode mode,
                                 struct hr_err *err)
{
    if (!plan->is_streaming) return HR_OK;
    if (has_distinct_call(plan))
        return refuse(plan, err,
                      "Distinct aggregations are not supported on streaming DataFrames/Datasets. "
                      "Consider using approx_count_distinct() instead.");
    if (mode != HR_MODE_APPEND || plan->event_time_key >= 0) return HR_OK;
    return refuse(plan, err,
                  "Append output mode not supported when there are streaming aggregations on "
                  "streaming DataFrames/DataSets without watermark");
}

static const char *const join_texts[] = {
    [HR_JOIN_LEFT] = "Left outer join with a streaming DataFrame/Dataset on the right and a static "
                     "DataFrame/Dataset on the left is not supported",
    [HR_JOIN_RIGHT] =
        "Right outer join with a streaming DataFrame/Dataset on the left and a static "
        "DataFrame/DataSet on the right is not supported",
    [HR_JOIN_FULL] =
        "FullOuter joins with streaming DataFrames/Datasets on one side are not supported",
    [HR_JOIN_SEMI] =
        "LeftSemi join with a streaming DataFrame/Dataset on the right is not supported",
    [HR_JOIN_ANTI] =
        "LeftAnti join with a streaming DataFrame/Dataset on the right is not supported",
};

static hr_status check_join(const struct hr_plan *plan, struct hr_err *err)
{
    bool left = plan->children[0]->is_streaming, right = plan->children[1]->is_streaming;
    if (left && right) {
        HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "a join of two streams");
        if (err) hr_err_at(err, plan->sql_pos, plan->sql_end);
        return HR_E_NOT_SUPPORTED;
    }
    bool bad = false;
    switch (plan->join_type) {
    case HR_JOIN_LEFT:
    case HR_JOIN_SEMI:
    case HR_JOIN_ANTI: bad = right; break;
    case HR_JOIN_RIGHT: bad = left; break;
    case HR_JOIN_FULL: bad = left || right; break;
    default: break;
    }
    return bad ? refuse(plan, err, join_texts[plan->join_type]) : HR_OK;
}

static hr_status check_union(const struct hr_plan *plan, struct hr_err *err)
{
    for (uint32_t i = 0; i < plan->child_count; i++)
        if (!plan->children[i]->is_streaming && plan->is_streaming)
            return refuse(plan, err,
                          "Union between streaming and batch DataFrames/Datasets is not supported");
    return HR_OK;
}

static hr_status check_sort(const struct hr_plan *plan, enum hr_output_mode mode,
                            struct hr_err *err)
{
    if (!plan->is_streaming || (mode == HR_MODE_COMPLETE && count_aggregates(plan) > 0))
        return HR_OK;
    return refuse(plan, err,
                  "Sorting is not supported on streaming DataFrames/Datasets, unless it is on "
                  "aggregated DataFrame/Dataset in Complete output mode");
}

static hr_status check_limit(const struct hr_plan *plan, enum hr_output_mode mode,
                             struct hr_err *err)
{
    if (!plan->is_streaming) return HR_OK;
    if (plan->offset > 0 && mode != HR_MODE_COMPLETE)
        return refuse(plan, err, "Offset is not supported on streaming DataFrames/Datasets");
    if (mode == HR_MODE_UPDATE)
        return refuse(
            plan, err,
            "Limits are not supported on streaming DataFrames/Datasets in Update output mode");
    if (mode == HR_MODE_COMPLETE && count_aggregates(plan) > 0) return HR_OK;
    HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "LIMIT on a stream in append mode");
    if (err) hr_err_at(err, plan->sql_pos, plan->sql_end);
    return HR_E_NOT_SUPPORTED;
}

static hr_status check_distinct(const struct hr_plan *plan, struct hr_err *err)
{
    if (!plan->is_streaming || count_aggregates(plan->children[0]) == 0) return HR_OK;
    return refuse(plan, err,
                  "dropDuplicates is not supported after aggregation on a streaming "
                  "DataFrame/Dataset");
}

static hr_status check_node(const struct hr_plan *plan, enum hr_output_mode mode,
                            struct hr_err *err)
{
    for (uint32_t i = 0; i < plan->child_count; i++)
        HR_TRY(check_node(plan->children[i], mode, err));
    switch (plan->kind) {
    case HR_P_AGGREGATE: return check_aggregate(plan, mode, err);
    case HR_P_JOIN: return check_join(plan, err);
    case HR_P_UNION: return check_union(plan, err);
    case HR_P_SORT: return check_sort(plan, mode, err);
    case HR_P_LIMIT: return check_limit(plan, mode, err);
    case HR_P_DISTINCT: return check_distinct(plan, err);
    default: return HR_OK;
    }
}

hr_status hr_plan_check_streaming(const struct hr_plan *plan, enum hr_output_mode mode,
                                  struct hr_err *err)
{
    uint32_t aggregates = count_aggregates(plan);
    if (!plan->is_streaming)
        return refuse(plan, err, "'writeStream' can be called only on streaming Dataset/DataFrame");
    if (mode == HR_MODE_COMPLETE && aggregates == 0)
        return refuse(plan, err,
                      "Complete output mode not supported when there are no streaming aggregations "
                      "on streaming DataFrames/Datasets");
    HR_TRY(check_node(plan, mode, err));
    if (aggregates < 2 || mode == HR_MODE_APPEND) return HR_OK;
    char msg[160];
    snprintf(msg, sizeof msg,
             "Multiple streaming aggregations are not supported with streaming "
             "DataFrames/Datasets in %s output mode",
             mode_names[mode]);
    return refuse(plan, err, msg);
}
