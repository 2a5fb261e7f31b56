/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions over windows of rows (OVER), logical and physical:
 *
 *   Window [sum(v) OVER (…)]
 *   +- Sort [k, ts]                keys of the partition, then the order
 *      +- Exchange hash(k)         with several tasks
 *         +- Project [*, k + 1, …] what keys, arguments and bounds compute
 */
#include "operator/over.h"
#include "operator/sort.h"
#include "plan/nodes/over.h"

#include "plan/analyze.h"
#include "plan/node.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

/* Logical -------------------------------------------------------------------------------------- */

static const struct hr_expr *first_over(const struct hr_plan *plan)
{
    const struct hr_over_node *node = HR_NODE(over, plan);
    return node->expr_count ? node->exprs[0]->args[0] : NULL;
}

static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    const struct hr_plan *child = plan->children[0];
    const struct hr_over_node *node = HR_NODE(over, plan);
    uint32_t count = child->output_count + node->expr_count;
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, count + 1);
    if (!output) return HR_OOM(err);
    for (uint32_t i = 0; i < child->output_count; i++) output[i] = child->output[i];
    for (uint32_t i = 0; i < node->expr_count; i++) {
        const struct hr_expr *e = node->exprs[i];
        output[child->output_count + i] = (struct hr_attr){.id = e->attr_id,
                                                           .name = e->name,
                                                           .type = e->type,
                                                           .nullable = e->nullable,
                                                           .hidden = true,
                                                           .watermark_delay_us = -1};
    }
    plan->output = output;
    plan->output_count = count;
    return HR_OK;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_over_node *node = HR_NODE(over, plan);
    const struct hr_expr *over = first_over(plan);
    hr_buf_putc(out, ' ');
    hr_node_print_list(node->exprs, node->expr_count, out);
    if (!over) return;
    hr_buf_puts(out, ", ");
    hr_node_print_list(over->args + 1, over->over->partition_count, out);
    hr_buf_puts(out, ", ");
    hr_node_print_list(over->args + 1 + over->over->partition_count, over->over->order_count, out);
}

static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err)
{
    struct hr_over_node *node = HR_NODE(over, plan);
    struct hr_wanted down = {0};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < node->expr_count; i++)
        if (hr_wanted_has(up, node->exprs[i]->attr_id)) node->exprs[kept++] = node->exprs[i];
    node->expr_count = kept;
    for (uint32_t i = 0; i < up->count; i++)
        if (hr_plan_attr(plan->children[0], up->items[i]))
            HR_TRY(hr_want(ctx, &down, up->items[i], err));
    HR_TRY(hr_want_refs(ctx, &down, plan, err));
    return hr_prune_children(ctx, plan, &down, err);
}

struct keys_only {
    const struct hr_expr *over;
    bool ok;
};

static bool is_key(void *arg, const struct hr_expr *expr)
{
    struct keys_only *k = arg;
    if (expr->kind != HR_X_ATTR) return true;
    bool found = false;
    for (uint32_t i = 0; i < k->over->over->partition_count && !found; i++)
        found = hr_expr_equal(k->over->args[1 + i], expr);
    return k->ok = found;
}

/* A part about keys of the partition drops whole partitions: it may do so before. */
static hr_status sink(struct hr_arena *arena, const struct hr_plan *plan, struct hr_expr **part,
                      bool *ret_sinks, struct hr_err *err)
{
    struct keys_only k = {first_over(plan), true};
    HR_UNUSED(arena);
    HR_UNUSED(err);
    *ret_sinks = k.over && hr_expr_walk(*part, is_key, &k) && k.ok;
    return HR_OK;
}

/* Physical ------------------------------------------------------------------------------------- */

struct parts {
    struct hr_planner *pl;
    const struct hr_plan *plan;
    struct hr_exprs columns; /* the child's, then what is computed */
};

/* The column of the input that holds expr. */
static hr_status place(struct parts *p, struct hr_expr *expr, uint32_t *ret, struct hr_err *err)
{
    if (expr->kind == HR_X_COLUMN) {
        *ret = expr->ordinal;
        return HR_OK;
    }
    for (uint32_t i = p->plan->children[0]->output_count; i < p->columns.count; i++) {
        if (!hr_expr_is_deterministic(expr) || !hr_expr_equal(p->columns.items[i], expr)) continue;
        *ret = i;
        return HR_OK;
    }
    *ret = p->columns.count;
    return HR_VEC_PUSH(p->pl->arena, &p->columns, expr) ? HR_OK : HR_OOM(err);
}

/* The value that an offset leads to from each row: as Spark adds it, overflows included. */
static hr_status place_bound(struct parts *p, const struct hr_expr *over, bool upper, int32_t *ret,
                             struct hr_err *err)
{
    struct hr_planner *pl = p->pl;
    const struct hr_expr *key = over->args[1 + over->over->partition_count];
    enum hr_frame_bound bound = upper ? over->over->upper : over->over->lower;
    struct hr_expr *offset = hr_expr_copy(pl->arena, hr_over_offset(over, upper));
    struct hr_expr *from = hr_expr_copy(pl->arena, key->args[0]), *value = NULL;
    uint32_t column;
    if (!offset || !from) return HR_OOM(err);
    if ((bound == HR_BOUND_PRECEDING) != key->descending)
        HR_TRY(hr_call(pl->arena, pl->conf, "-", &offset, 1, &offset, err));
    struct hr_expr *args[] = {from, offset};
    HR_TRY(hr_call(pl->arena, pl->conf, "+", args, 2, &value, err));
    bool comparable = value->type->id == key->type->id && value->type->scale == key->type->scale;
    if (!comparable) HR_TRY(hr_expr_coerce(pl->arena, pl->conf, &value, key->type, err));
    HR_TRY(place(p, value, &column, err));
    *ret = (int32_t)column;
    return HR_OK;
}

static hr_status row_offset(struct parts *p, const struct hr_expr *over, bool upper, int64_t *ret,
                            struct hr_err *err)
{
    const struct hr_expr *offset = hr_over_offset(over, upper);
    struct hr_column col;
    if (!offset) return HR_OK;
    HR_TRY(hr_expr_fold(p->pl->arena, p->pl->conf, offset, &col, err));
    if (!hr_column_valid(&col, 0)) return HR_BUG(err, "an offset of rows that is NULL");
    *ret = *(const int32_t *)col.values;
    if ((upper ? over->over->upper : over->over->lower) == HR_BOUND_PRECEDING) *ret = -*ret;
    return HR_OK;
}

static hr_status spec_numbers(const struct hr_expr *call, struct hr_over_spec *spec)
{
    enum hr_function_role role = hr_expr_role(call);
    spec->ignores_nulls = call->ignores_nulls;
    spec->n = 1;
    switch (role) {
    case HR_ROLE_FIRST:
    case HR_ROLE_LAST: spec->ignores_nulls = *(const int64_t *)call->bound != 0; break;
    case HR_ROLE_LAG: spec->n = -*(const int64_t *)call->bound; break;
    case HR_ROLE_LEAD:
    case HR_ROLE_NTILE:
    case HR_ROLE_NTH_VALUE: spec->n = *(const int64_t *)call->bound; break;
    default: break;
    }
    return HR_OK;
}

static hr_status make_spec(struct parts *p, const struct hr_expr *over, struct hr_over_spec *spec,
                           struct hr_err *err)
{
    struct hr_expr *call = hr_expr_copy(p->pl->arena, over->args[0]);
    uint32_t column;
    if (!call) return HR_OOM(err);
    *spec = (struct hr_over_spec){.over = over,
                                  .unit = over->over->unit,
                                  .lower = over->over->lower,
                                  .upper = over->over->upper,
                                  .lower_column = -1,
                                  .upper_column = -1,
                                  .filter_column = -1};
    HR_TRY(spec_numbers(call, spec));
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct hr_expr *arg = call->args[i];
        HR_TRY(place(p, call->args[i], &column, err));
        call->args[i] = hr_expr_column(p->pl->arena, arg->type, column, arg->nullable);
        if (!call->args[i]) return HR_OOM(err);
    }
    if (call->filter) {
        HR_TRY(place(p, call->filter, &column, err));
        spec->filter_column = (int32_t)column;
    }
    spec->call = call;
    if (spec->unit == HR_FRAME_ROWS) {
        HR_TRY(row_offset(p, over, false, &spec->lower_rows, err));
        return row_offset(p, over, true, &spec->upper_rows, err);
    }
    if (hr_over_offset(over, false))
        HR_TRY(place_bound(p, over, false, &spec->lower_column, err));
    return hr_over_offset(over, true) ? place_bound(p, over, true, &spec->upper_column, err)
                                      : HR_OK;
}

static hr_status make_keys(struct parts *p, const struct hr_expr *over, struct hr_over_pnode *node,
                           struct hr_err *err)
{
    struct hr_arena *arena = p->pl->arena;
    uint32_t keys = over->over->partition_count, order = over->over->order_count;
    node->partition = HR_NEW_ARRAY(arena, uint32_t, keys + 1);
    node->order = HR_NEW_ARRAY(arena, uint32_t, order + 1);
    node->descending = HR_NEW_ARRAY(arena, bool, order + 1);
    node->nulls_first = HR_NEW_ARRAY(arena, bool, order + 1);
    if (!node->partition || !node->order || !node->descending || !node->nulls_first)
        return HR_OOM(err);
    node->partition_count = keys;
    node->order_count = order;
    for (uint32_t i = 0; i < keys; i++)
        HR_TRY(place(p, over->args[1 + i], &node->partition[i], err));
    for (uint32_t i = 0; i < order; i++) {
        const struct hr_expr *key = over->args[1 + keys + i];
        HR_TRY(place(p, key->args[0], &node->order[i], err));
        node->descending[i] = key->descending;
        node->nulls_first[i] = key->nulls_first;
    }
    return HR_OK;
}

/* The child with the computed columns behind its own. */
static hr_status with_columns(struct parts *p, struct hr_pnode **child, struct hr_err *err)
{
    const struct hr_plan *from = p->plan->children[0];
    struct hr_planner *pl = p->pl;
    if (p->columns.count == from->output_count) return HR_OK;
    struct hr_field *fields = HR_NEW_ARRAY(pl->arena, struct hr_field, p->columns.count + 1);
    if (!fields) return HR_OOM(err);
    for (uint32_t i = 0; i < p->columns.count; i++) {
        const struct hr_expr *e = p->columns.items[i];
        const char *name = e->kind == HR_X_COLUMN ? e->name : hr_expr_text(pl->arena, e);
        fields[i] = (struct hr_field){name, e->type, e->nullable};
    }
    const struct hr_type *schema = hr_type_struct(fields, p->columns.count);
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_project, schema, *child, NULL);
    if (!node) return HR_OOM(err);
    node->exprs = p->columns.items;
    node->expr_count = p->columns.count;
    *child = node;
    return hr_compile(pl, node->exprs, node->expr_count, &node->program, err);
}

static struct hr_expr *column_of(struct hr_planner *pl, const struct hr_pnode *child,
                                 uint32_t ordinal)
{
    const struct hr_field *f = &child->schema->fields[ordinal];
    struct hr_expr *e = hr_expr_column(pl->arena, f->type, ordinal, f->nullable);
    if (e) e->name = f->name;
    return e;
}

static hr_status sorted(struct parts *p, const struct hr_over_pnode *over, struct hr_pnode **child,
                        struct hr_err *err)
{
    struct hr_planner *pl = p->pl;
    uint32_t keys = over->partition_count, count = keys + over->order_count;
    struct hr_expr **exprs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, count + 1);
    if (!exprs) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        exprs[i] = column_of(pl, *child, i < keys ? over->partition[i] : over->order[i - keys]);
        if (!exprs[i]) return HR_OOM(err);
    }
    HR_TRY(hr_exchange_by_keys(pl, *child, exprs, keys, child, err));
    if (count == 0) return HR_OK;
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_sort, (*child)->schema, *child, NULL);
    if (!node) return HR_OOM(err);
    struct hr_sort_pnode *sort = HR_PNODE(sort, node);
    sort->descending = HR_NEW_ARRAY(pl->arena, bool, count);
    sort->nulls_first = HR_NEW_ARRAY(pl->arena, bool, count);
    if (!sort->descending || !sort->nulls_first) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        sort->descending[i] = i >= keys && over->descending[i - keys];
        sort->nulls_first[i] = i < keys || over->nulls_first[i - keys];
    }
    node->exprs = exprs;
    node->expr_count = count;
    *child = node;
    return hr_compile(pl, exprs, count, &node->program, err);
}

static hr_status child_columns(struct parts *p, struct hr_err *err)
{
    const struct hr_plan *from = p->plan->children[0];
    for (uint32_t i = 0; i < from->output_count; i++) {
        const struct hr_attr *a = &from->output[i];
        struct hr_expr *column = hr_expr_column(p->pl->arena, a->type, i, a->nullable);
        if (!column || !HR_VEC_PUSH(p->pl->arena, &p->columns, column)) return HR_OOM(err);
        column->name = a->name;
    }
    return HR_OK;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->resolved && plan->child_count == 1);
    const struct hr_over_node *logical = HR_NODE(over, plan);
    struct parts p = {.pl = pl, .plan = plan};
    struct hr_pnode *child = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    if (logical->expr_count == 0) {
        *ret = child;
        return HR_OK;
    }
    struct hr_expr **overs = NULL;
    HR_TRY(child_columns(&p, err));
    HR_TRY(hr_bind_all(pl, plan->children[0], logical->exprs, logical->expr_count, &overs, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_over, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    struct hr_over_pnode *over = HR_PNODE(over, node);
    over->pass_count = plan->children[0]->output_count;
    over->spec_count = logical->expr_count;
    over->specs = HR_NEW_ARRAY(pl->arena, struct hr_over_spec, over->spec_count);
    if (!over->specs) return HR_OOM(err);
    HR_TRY(make_keys(&p, overs[0]->args[0], over, err));
    for (uint32_t i = 0; i < over->spec_count; i++)
        HR_TRY(make_spec(&p, overs[i]->args[0], &over->specs[i], err));
    HR_TRY(with_columns(&p, &child, err));
    HR_TRY(sorted(&p, over, &child, err));
    node->children[0] = child;
    *ret = node;
    return HR_OK;
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPRS(hr_over_node, exprs, expr_count),
    {HR_EXPRS_END, 0, 0, 0},
};

static hr_status check_streaming(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err)
{
    HR_UNUSED(check);
    return hr_node_not_supported(plan, err, "OVER on a stream");
}

const struct hr_node_vt hr_node_over = {
    .name = "Window",
    .size = sizeof(struct hr_over_node),
    .exprs = exprs,
    .in_block = true,
    .output = output,
    .print = print,
    .prune = prune,
    .sink = sink,
    .max_rows = hr_node_rows_of_child,
    .accepts = HR_CHANGES_APPEND,
    .check_streaming = check_streaming,
    .physical = physical,
};
