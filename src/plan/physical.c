/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a logical to a physical plan: which operator, where the exchanges are, expressions bound to
 * ordinals and compiled. A physical node's columns are its logical node's output, in that order.
 *
 * With one thread or one shuffle partition there are no exchanges at all.
 */
#include "plan/physical.h"

struct hr_pnode *hr_pnode_new(struct hr_planner *pl, const struct hr_operator_vt *vt,
                              const struct hr_type *schema, struct hr_pnode *child0,
                              struct hr_pnode *child1)
{
    struct hr_pnode *node = HR_NEW(pl->arena, struct hr_pnode);
    if (!node || !schema) return NULL;
    node->vt = vt;
    node->schema = schema;
    node->state_id = node->event_time_key = -1;
    node->limit = -1;
    node->output_mode = pl->mode;
    node->children = HR_NEW_ARRAY(pl->arena, struct hr_pnode *, 2);
    if (!node->children) return NULL;
    if (child0) node->children[node->child_count++] = child0;
    if (child1) node->children[node->child_count++] = child1;
    for (uint32_t i = 0; i < node->child_count; i++)
        node->is_streaming = node->is_streaming || node->children[i]->is_streaming;
    return node;
}

/* Expressions ---------------------------------------------------------------------------------- */

struct binding {
    struct hr_planner *pl;
    const struct hr_plan *const *inputs;
    uint32_t input_count;
};

static hr_status bind_attr(void *arg, struct hr_expr **expr, struct hr_err *err)
{
    const struct binding *b = arg;
    const struct hr_expr *attr = *expr;
    if (attr->kind != HR_X_ATTR) return HR_OK;
    uint32_t first = 0;
    for (uint32_t p = 0; p < b->input_count; p++) {
        for (uint32_t i = 0; i < b->inputs[p]->output_count; i++) {
            const struct hr_attr *in = &b->inputs[p]->output[i];
            if (in->id != attr->attr_id) continue;
            struct hr_expr *column =
                hr_expr_column(b->pl->arena, in->type, first + i, in->nullable);
            if (!column) return HR_OOM(err);
            column->name = in->name;
            column->sql_pos = attr->sql_pos;
            column->sql_end = attr->sql_end;
            *expr = column;
            return HR_OK;
        }
        first += b->inputs[p]->output_count;
    }
    return HR_BUG(err, "column %s (%u) is not in the input", attr->name, attr->attr_id);
}

hr_status hr_bind(struct hr_planner *pl, const struct hr_plan *const *inputs, uint32_t input_count,
                  const struct hr_expr *expr, struct hr_expr **ret, struct hr_err *err)
{
    struct binding b = {pl, inputs, input_count};
    struct hr_expr *copy = hr_expr_copy(pl->arena, expr);
    if (!copy) return HR_OOM(err);
    HR_TRY(hr_expr_rewrite(&copy, bind_attr, &b, err));
    *ret = copy;
    return HR_OK;
}

hr_status hr_bind_all(struct hr_planner *pl, const struct hr_plan *input,
                      struct hr_expr *const *exprs, uint32_t count, struct hr_expr ***ret,
                      struct hr_err *err)
{
    struct hr_expr **bound = HR_NEW_ARRAY(pl->arena, struct hr_expr *, count + 1);
    if (!bound) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) HR_TRY(hr_bind(pl, &input, 1, exprs[i], &bound[i], err));
    *ret = bound;
    return HR_OK;
}

hr_status hr_compile(struct hr_planner *pl, struct hr_expr *const *exprs, uint32_t count,
                     const struct hr_program **ret, struct hr_err *err)
{
    struct hr_expr **values = HR_NEW_ARRAY(pl->arena, struct hr_expr *, count + 1);
    if (!values) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = exprs[i];
        while (values[i]->kind == HR_X_ALIAS || values[i]->kind == HR_X_SORT)
            values[i] = values[i]->args[0];
    }
    return hr_program_compile(pl->arena, pl->conf, values, count, ret, err);
}

static hr_status bind_program(struct hr_planner *pl, struct hr_pnode *node,
                              const struct hr_plan *input, struct hr_expr *const *exprs,
                              uint32_t count, struct hr_err *err)
{
    HR_TRY(hr_bind_all(pl, input, exprs, count, &node->exprs, err));
    node->expr_count = count;
    return hr_compile(pl, node->exprs, count, &node->program, err);
}

/* Exchanges ------------------------------------------------------------------------------------ */

hr_status hr_exchange(struct hr_planner *pl, struct hr_pnode *child, enum hr_dist dist,
                      struct hr_expr **exprs, uint32_t expr_count, struct hr_pnode **ret,
                      struct hr_err *err)
{
    struct hr_pnode *node = hr_pnode_new(pl, NULL, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    node->dist = dist;
    node->partition_count = dist == HR_DIST_HASH ? pl->conf->shuffle_partitions : 1;
    node->exprs = exprs;
    node->expr_count = expr_count;
    if (expr_count) HR_TRY(hr_compile(pl, exprs, expr_count, &node->program, err));
    *ret = node;
    return HR_OK;
}

bool hr_pnode_is_single(const struct hr_pnode *node)
{
    if (!node->vt) return node->dist == HR_DIST_SINGLE;
    if (node->vt == &hr_op_local) return true;
    if (node->vt == &hr_op_union || node->child_count == 0) return false;
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct hr_pnode *child = node->children[i];
        bool broadcast = !child->vt && child->dist == HR_DIST_BROADCAST;
        if (!broadcast && !hr_pnode_is_single(child)) return false;
    }
    return true;
}

hr_status hr_single(struct hr_planner *pl, struct hr_pnode *child, struct hr_pnode **ret,
                    struct hr_err *err)
{
    *ret = child;
    if (!pl->parallel || hr_pnode_is_single(child)) return HR_OK;
    return hr_exchange(pl, child, HR_DIST_SINGLE, NULL, 0, ret, err);
}

/* Nodes ---------------------------------------------------------------------------------------- */

static hr_status plan_leaf(struct hr_planner *pl, const struct hr_plan *plan,
                           const struct hr_operator_vt *vt, struct hr_pnode **ret,
                           struct hr_err *err)
{
    struct hr_pnode *node = hr_pnode_new(pl, vt, hr_plan_schema(plan), NULL, NULL);
    if (!node) return HR_OOM(err);
    node->is_streaming = plan->is_streaming;
    node->table = plan->table;
    node->scan_id = plan->scan_id;
    node->options = plan->options;
    node->batches = plan->batches;
    node->batch_count = plan->batch_count;
    node->range_start = plan->offset;
    node->range_end = plan->limit;
    node->range_step = plan->step;
    *ret = node;
    return HR_OK;
}

static hr_status plan_project(struct hr_planner *pl, const struct hr_plan *plan,
                              struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_project, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    *ret = node;
    return bind_program(pl, node, plan->children[0], plan->exprs, plan->expr_count, err);
}

/* What a source may use to skip: parts that name columns and are the same each time. */
static hr_status push_filters(struct hr_planner *pl, struct hr_pnode *filter, struct hr_pnode *scan,
                              struct hr_err *err)
{
    struct hr_exprs parts = {0}, kept = {0};
    HR_TRY(hr_expr_split_and(pl->arena, filter->exprs[0], &parts, err));
    for (uint32_t i = 0; i < parts.count; i++)
        if (hr_expr_is_deterministic(parts.items[i]) &&
            !HR_VEC_PUSH(pl->arena, &kept, parts.items[i]))
            return HR_OOM(err);
    scan->pushed_filters = kept.items;
    scan->pushed_filter_count = kept.count;
    return HR_OK;
}

static hr_status plan_filter(struct hr_planner *pl, const struct hr_plan *plan,
                             struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_filter, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    *ret = node;
    struct hr_expr *condition = plan->condition;
    HR_TRY(bind_program(pl, node, plan->children[0], &condition, 1, err));
    return child->vt == &hr_op_scan ? push_filters(pl, node, child, err) : HR_OK;
}

static hr_status sort_keys(struct hr_planner *pl, const struct hr_plan *sort, struct hr_pnode *node,
                           struct hr_err *err)
{
    node->descending = HR_NEW_ARRAY(pl->arena, bool, sort->expr_count + 1);
    node->nulls_first = HR_NEW_ARRAY(pl->arena, bool, sort->expr_count + 1);
    if (!node->descending || !node->nulls_first) return HR_OOM(err);
    for (uint32_t i = 0; i < sort->expr_count; i++) {
        node->descending[i] = sort->exprs[i]->descending;
        node->nulls_first[i] = sort->exprs[i]->nulls_first;
    }
    return bind_program(pl, node, sort->children[0], sort->exprs, sort->expr_count, err);
}

static hr_status plan_sort(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                           struct hr_err *err)
{
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    if (plan->is_global) HR_TRY(hr_single(pl, child, &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_sort, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    *ret = node;
    return sort_keys(pl, plan, node, err);
}

static hr_status top_n(struct hr_planner *pl, const struct hr_plan *sort, struct hr_pnode *child,
                       int64_t limit, int64_t offset, struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_top_n, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    node->limit = limit;
    node->offset = offset;
    *ret = node;
    return sort_keys(pl, sort, node, err);
}

/* LIMIT over ORDER BY: the best rows of each partition, then the best of them. */
static hr_status plan_top_n(struct hr_planner *pl, const struct hr_plan *limit,
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

#define TOP_N_MAX 100000 /* rows that are better kept in a heap than sorted */

static hr_status plan_limit(struct hr_planner *pl, const struct hr_plan *plan,
                            struct hr_pnode **ret, struct hr_err *err)
{
    const struct hr_plan *below = plan->children[0];
    bool small = plan->limit >= 0 && plan->limit <= TOP_N_MAX && plan->offset <= TOP_N_MAX;
    if (below->kind == HR_P_SORT && below->is_global && small)
        return plan_top_n(pl, plan, below, ret, err);
    struct hr_pnode *child = NULL, *node = NULL;
    HR_TRY(hr_physical(pl, below, &child, err));
    if (pl->parallel && !hr_pnode_is_single(child)) {
        if (plan->limit >= 0 && plan->limit <= INT64_MAX - plan->offset) {
            node = hr_pnode_new(pl, &hr_op_limit, child->schema, child, NULL);
            if (!node) return HR_OOM(err);
            node->limit = plan->limit + plan->offset;
            child = node;
        }
        HR_TRY(hr_single(pl, child, &child, err));
    }
    node = hr_pnode_new(pl, &hr_op_limit, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    node->limit = plan->limit;
    node->offset = plan->offset;
    *ret = node;
    return HR_OK;
}

static hr_status plan_union(struct hr_planner *pl, const struct hr_plan *plan,
                            struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_union, hr_plan_schema(plan), NULL, NULL);
    if (!node) return HR_OOM(err);
    node->children = HR_NEW_ARRAY(pl->arena, struct hr_pnode *, plan->child_count + 1);
    if (!node->children) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->child_count; i++) {
        HR_TRY(hr_physical(pl, plan->children[i], &node->children[i], err));
        node->is_streaming = node->is_streaming || node->children[i]->is_streaming;
    }
    node->child_count = plan->child_count;
    *ret = node;
    return HR_OK;
}

static hr_status plan_expand(struct hr_planner *pl, const struct hr_plan *plan,
                             struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_expand, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    node->projections = HR_NEW_ARRAY(pl->arena, const struct hr_program *, plan->row_count + 1);
    if (!node->projections) return HR_OOM(err);
    for (uint32_t i = 0; i < plan->row_count; i++) {
        struct hr_expr **bound = NULL;
        HR_TRY(hr_bind_all(pl, plan->children[0], plan->rows[i], plan->row_width, &bound, err));
        HR_TRY(hr_compile(pl, bound, plan->row_width, &node->projections[i], err));
        if (i > 0) continue;
        node->exprs = bound;
        node->expr_count = plan->row_width;
    }
    node->projection_count = plan->row_count;
    *ret = node;
    return HR_OK;
}

static hr_status plan_generate(struct hr_planner *pl, const struct hr_plan *plan,
                               struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_generate, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    HR_TRY(hr_bind_all(pl, plan->children[0], plan->exprs, 1, &node->exprs, err));
    node->expr_count = 1;
    node->outer = plan->outer;
    *ret = node;
    return hr_compile(pl, node->exprs[0]->args, node->exprs[0]->arg_count, &node->program, err);
}

static hr_status plan_watermark(struct hr_planner *pl, const struct hr_plan *plan,
                                struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    *ret = child;
    if (!plan->is_streaming) return HR_OK;
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_watermark, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    HR_TRY(hr_bind_all(pl, plan->children[0], plan->exprs, 1, &node->exprs, err));
    node->expr_count = 1;
    node->event_time_column = node->exprs[0]->ordinal;
    node->delay_us = plan->delay_us;
    node->watermark_index = pl->next_watermark++;
    *ret = node;
    return HR_OK;
}

static hr_status plan_node(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                           struct hr_err *err)
{
    switch (plan->kind) {
    case HR_P_SCAN: return plan_leaf(pl, plan, &hr_op_scan, ret, err);
    case HR_P_LOCAL: return plan_leaf(pl, plan, &hr_op_local, ret, err);
    case HR_P_RANGE: return plan_leaf(pl, plan, &hr_op_range, ret, err);
    case HR_P_SUBQUERY_ALIAS: return hr_physical(pl, plan->children[0], ret, err);
    case HR_P_PROJECT: return plan_project(pl, plan, ret, err);
    case HR_P_FILTER: return plan_filter(pl, plan, ret, err);
    case HR_P_AGGREGATE: return hr_physical_aggregate(pl, plan, ret, err);
    case HR_P_DISTINCT: return hr_physical_distinct(pl, plan, ret, err);
    case HR_P_JOIN: return hr_physical_join(pl, plan, ret, err);
    case HR_P_SORT: return plan_sort(pl, plan, ret, err);
    case HR_P_LIMIT: return plan_limit(pl, plan, ret, err);
    case HR_P_UNION: return plan_union(pl, plan, ret, err);
    case HR_P_EXPAND: return plan_expand(pl, plan, ret, err);
    case HR_P_GENERATE: return plan_generate(pl, plan, ret, err);
    case HR_P_WATERMARK: return plan_watermark(pl, plan, ret, err);
    default: return HR_BUG(err, "no operator for logical node %d", (int)plan->kind);
    }
}

hr_status hr_physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                      struct hr_err *err)
{
    if (pl->depth >= HR_PLAN_DEPTH_MAX * 4)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the depth of the plan", "limit", "1600");
    pl->depth++;
    hr_status status = plan_node(pl, plan, ret, err);
    pl->depth--;
    if (status == HR_OK) (*ret)->logical = plan;
    return status;
}

static void number_nodes(struct hr_pnode *node, uint32_t *next)
{
    node->id = (*next)++;
    for (uint32_t i = 0; i < node->child_count; i++) number_nodes(node->children[i], next);
}

hr_status hr_plan_physical(struct hr_arena *arena, const struct hr_conf *conf,
                           const struct hr_plan *plan, enum hr_output_mode mode,
                           struct hr_pnode **ret, struct hr_err *err)
{
    struct hr_planner pl = {
        .arena = arena,
        .conf = conf,
        .mode = mode,
        .parallel = conf->threads > 1 && conf->shuffle_partitions > 1,
    };
    struct hr_pnode *root = NULL;
    uint32_t next = 0;
    HR_TRY(hr_physical(&pl, plan, &root, err));
    number_nodes(root, &next);
    *ret = root;
    return HR_OK;
}
