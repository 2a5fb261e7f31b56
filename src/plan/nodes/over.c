/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions over windows of rows (OVER), logical and physical:
 *
 *   Window [sum(v) OVER (…)]
 *   +- Sort [k, ts]                keys of the partition, then the order
 *      +- Exchange hash(k)         with several tasks
 *         +- Project [*, k + 1, …] what keys, arguments and bounds compute
 *
 * On a stream StateWindow takes the place of Window and Sort.
 */
#include <stdio.h>

#include "expr/program.h"
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
    assert(plan->child_count == 1);
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
    assert(plan->child_count == 1);
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
    uint32_t base;           /* the child's columns */
    struct hr_exprs columns; /* they, then what is computed */
};

/* The column of the input that holds expr. */
static hr_status place(struct parts *p, struct hr_expr *expr, uint32_t *ret, struct hr_err *err)
{
    assert(p->columns.count >= p->base);
    if (expr->kind == HR_X_COLUMN) {
        *ret = expr->ordinal;
        return HR_OK;
    }
    for (uint32_t i = p->base; i < p->columns.count; i++) {
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
    assert(over->over->order_count == 1); /* else there is no distance */
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
    assert(over->kind == HR_X_OVER && over->arg_count > 0);
    struct hr_expr *call = hr_expr_copy(p->pl->arena, over->args[0]);
    uint32_t column;
    if (!call) return HR_OOM(err);
    *spec = (struct hr_over_spec){.over = over,
                                  .unit = over->over->unit,
                                  .lower = over->over->lower,
                                  .upper = over->over->upper,
                                  .lower_column = -1,
                                  .upper_column = -1,
                                  .filter_column = -1,
                                  .carry_at = -1};
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
    assert(over->kind == HR_X_OVER && over->over);
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
    struct hr_planner *pl = p->pl;
    if (p->columns.count == p->base) return HR_OK;
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

static hr_status child_columns(struct parts *p, const struct hr_pnode *child, struct hr_err *err)
{
    p->base = child->schema->field_count;
    for (uint32_t i = 0; i < p->base; i++) {
        struct hr_expr *column = column_of(p->pl, child, i);
        if (!column || !HR_VEC_PUSH(p->pl->arena, &p->columns, column)) return HR_OOM(err);
    }
    return HR_OK;
}

/* The child's columns, then one a function. */
static const struct hr_type *result_schema(struct hr_planner *pl, const struct hr_pnode *child,
                                           struct hr_expr *const *overs, uint32_t count)
{
    uint32_t base = child->schema->field_count;
    struct hr_field *fields = HR_NEW_ARRAY(pl->arena, struct hr_field, base + count + 1);
    if (!fields) return NULL;
    for (uint32_t i = 0; i < base; i++) fields[i] = child->schema->fields[i]; /* or none at all */
    for (uint32_t i = 0; i < count; i++)
        fields[base + i] = (struct hr_field){overs[i]->name, overs[i]->type, overs[i]->nullable};
    return hr_type_struct(fields, base + count);
}

/* On a stream ---------------------------------------------------------------------------------- */

static bool is_arrival(const struct hr_expr *sort)
{
    const struct hr_expr *key = sort->args[0];
    return key->kind == HR_X_CALL && key->function && key->function->flags & HR_FN_CONTEXT;
}

static bool by_arrival(const struct hr_expr *over)
{
    return is_arrival(over->args[1 + over->over->partition_count]);
}

static bool ranges_by_value(const struct hr_expr *over)
{
    return over->over->unit == HR_FRAME_RANGE && over->over->lower == HR_BOUND_PRECEDING;
}

/* Rows before the current one that a function looks back to. */
static int64_t rows_back(const struct hr_over_spec *spec)
{
    if (hr_expr_role(spec->call) == HR_ROLE_LAG) return -spec->n;
    bool offset = spec->unit == HR_FRAME_ROWS && spec->lower == HR_BOUND_PRECEDING;
    return offset ? -spec->lower_rows : 0;
}

/* From its first row on: an aggregate goes on from the state that it had. */
static bool is_carried(const struct hr_over_spec *spec)
{
    bool aggregate = spec->call->function->flags & HR_FN_AGGREGATE;
    return aggregate && spec->lower == HR_BOUND_UNBOUNDED_PRECEDING;
}

static bool counts_rows(const struct hr_over_spec *spec)
{
    enum hr_function_role role = hr_expr_role(spec->call);
    return role == HR_ROLE_ROW_NUMBER || role == HR_ROLE_RANK || role == HR_ROLE_DENSE_RANK;
}

static hr_status keep_column(struct hr_planner *pl, struct hr_over_pnode *node, uint32_t column,
                             struct hr_err *err)
{
    for (uint32_t i = 0; i < node->kept_count; i++)
        if (node->kept[i] == column) return HR_OK;
    uint32_t *kept = HR_NEW_ARRAY(pl->arena, uint32_t, node->kept_count + 1);
    if (!kept) return HR_OOM(err);
    if (node->kept_count) memcpy(kept, node->kept, node->kept_count * sizeof *kept);
    kept[node->kept_count++] = column;
    node->kept = kept;
    return HR_OK;
}

static hr_status range_back(struct parts *p, const struct hr_over_spec *spec, int64_t *ret,
                            struct hr_err *err)
{
    struct hr_column col;
    HR_TRY(hr_expr_fold(p->pl->arena, p->pl->conf, hr_over_offset(spec->over, false), &col, err));
    bool valid = col.type->id == HR_T_INTERVAL_DT && hr_column_valid(&col, 0);
    *ret = valid ? *(const int64_t *)col.values : -1;
    if (*ret >= 0) return HR_OK;
    return hr_node_not_supported(p->plan, err,
                                 "on a stream, an OVER whose range is not an interval of days, "
                                 "hours, minutes or seconds before the row");
}

/* What of a key is kept from epoch to epoch. */
static hr_status plan_history(struct parts *p, struct hr_over_pnode *node, struct hr_err *err)
{
    bool carries = false;
    uint32_t bytes = sizeof(struct hr_over_carry);
    node->keep_us = -1;
    for (uint32_t i = 0; i < node->spec_count; i++) {
        struct hr_over_spec *spec = &node->specs[i];
        int64_t back = rows_back(spec), back_us = -1;
        if (spec->unit == HR_FRAME_ROWS && (spec->lower_rows > 0 || spec->upper_rows > 0))
            return hr_node_not_supported(p->plan, err, "on a stream, an OVER with following rows");
        if (ranges_by_value(spec->over)) HR_TRY(range_back(p, spec, &back_us, err));
        node->keep_rows = HR_MAX(node->keep_rows, back);
        node->keep_us = HR_MAX(node->keep_us, back_us);
        carries = carries || counts_rows(spec) || is_carried(spec);
        if (is_carried(spec)) {
            spec->carry_at = (int32_t)bytes;
            bytes += (hr_aggregate_of(spec->call)->state_bytes(spec->call) + 7u) & ~7u;
        }
        if (back == 0 && back_us < 0) continue;
        for (uint32_t a = 0; a < spec->call->arg_count; a++)
            HR_TRY(keep_column(p->pl, node, hr_over_arg(spec, a), err));
        if (spec->filter_column >= 0)
            HR_TRY(keep_column(p->pl, node, (uint32_t)spec->filter_column, err));
        if (!node->by_arrival) HR_TRY(keep_column(p->pl, node, node->order[0], err));
    }
    node->keeps_history = node->keep_rows > 0 || node->keep_us >= 0;
    node->carry_bytes = carries ? bytes : 0;
    if (!node->keeps_history || node->kept_count) return HR_OK;
    return keep_column(p->pl, node, node->partition[0], err); /* count(*): rows of something */
}

/* The first rows of a key are kept whole. Complete mode needs a list of the keys. */
static hr_status plan_top(struct parts *p, struct hr_over_pnode *node, struct hr_err *err)
{
    node->keep_us = -1;
    node->keep_rows = node->top;
    /* The rows of a key are in order of arrival, which a clock need not be. */
    const struct hr_expr *over = node->specs[0].over;
    const struct hr_expr *last = over->args[over->over->partition_count + node->order_count];
    if (is_arrival(last)) {
        node->newest_first = last->descending;
        node->order_count--;
    }
    node->keeps_history = true;
    node->all_each_epoch = p->pl->mode == HR_MODE_COMPLETE;
    node->carry_bytes = node->all_each_epoch ? sizeof(struct hr_over_carry) : 0;
    for (uint32_t c = 0; c < p->columns.count; c++) HR_TRY(keep_column(p->pl, node, c, err));
    return HR_OK;
}

static const char *identity_of(struct hr_planner *pl, const struct hr_over_pnode *node)
{
    struct hr_buf text = {0};
    for (uint32_t i = 0; i < node->spec_count; i++) {
        hr_buf_puts(&text, i ? ", " : "[");
        hr_expr_print(node->specs[i].over, &text);
    }
    hr_buf_putc(&text, ']');
    if (node->top) hr_buf_printf(&text, " first %u", node->top);
    if (node->all_each_epoch) hr_buf_puts(&text, " of all keys");
    const char *kept = hr_arena_strdup(pl->arena, hr_buf_cstr(&text));
    hr_buf_done(&text);
    return kept;
}

static hr_status over_epochs(struct parts *p, struct hr_pnode *base, struct hr_pnode **child,
                             struct hr_err *err)
{
    struct hr_planner *pl = p->pl;
    struct hr_over_pnode *node = HR_PNODE(over, base);
    if (node->partition_count == 0) { /* one key for all rows */
        struct hr_expr *zero = hr_expr_int(pl->arena, hr_type(HR_T_INT), 0);
        if (!zero) return HR_OOM(err);
        HR_TRY(place(p, zero, &node->partition[0], err));
        node->partition_count = 1;
    }
    node->top = HR_NODE(over, p->plan)->top;
    node->by_arrival = node->top || by_arrival(node->specs[0].over);
    if (node->by_arrival && !node->top) node->order_count = 0;
    HR_TRY(node->top ? plan_top(p, node, err) : plan_history(p, node, err));
    HR_TRY(with_columns(p, child, err));
    base->exprs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, node->partition_count);
    if (!base->exprs) return HR_OOM(err);
    base->expr_count = node->partition_count;
    for (uint32_t i = 0; i < node->partition_count; i++)
        if (!(base->exprs[i] = column_of(pl, *child, node->partition[i]))) return HR_OOM(err);
    if (pl->parallel)
        HR_TRY(hr_exchange_by_keys(pl, *child, base->exprs, base->expr_count, child, err));
    node->identity = identity_of(pl, node);
    base->state_id = pl->next_state++;
    return node->identity ? HR_OK : HR_OOM(err);
}

static hr_status stack(struct hr_planner *pl, const struct hr_plan *plan, struct hr_expr **overs,
                       uint32_t count, struct hr_pnode *child, struct hr_pnode **ret,
                       struct hr_err *err)
{
    struct parts p = {.pl = pl, .plan = plan};
    const struct hr_operator_vt *vt = plan->is_streaming ? &hr_op_state_over : &hr_op_over;
    HR_TRY(child_columns(&p, child, err));
    struct hr_pnode *node =
        hr_pnode_new(pl, vt, result_schema(pl, child, overs, count), child, NULL);
    if (!node) return HR_OOM(err);
    struct hr_over_pnode *over = HR_PNODE(over, node);
    over->pass_count = p.base;
    over->spec_count = count;
    over->specs = HR_NEW_ARRAY(pl->arena, struct hr_over_spec, count);
    if (!over->specs) return HR_OOM(err);
    HR_TRY(make_keys(&p, overs[0]->args[0], over, err));
    for (uint32_t i = 0; i < count; i++)
        HR_TRY(make_spec(&p, overs[i]->args[0], &over->specs[i], err));
    if (plan->is_streaming) {
        HR_TRY(over_epochs(&p, node, &child, err));
    } else {
        HR_TRY(with_columns(&p, &child, err));
        HR_TRY(sorted(&p, over, &child, err));
    }
    node->children[0] = child;
    *ret = node;
    return HR_OK;
}

/* On a stream a key's history is so many rows or so much time. Where functions want both, those of
 * time are a node above; a projection puts the columns in their order. */
static hr_status stack_two(struct hr_planner *pl, const struct hr_plan *plan,
                           struct hr_expr **overs, uint32_t count, struct hr_pnode *child,
                           struct hr_pnode **ret, struct hr_err *err)
{
    uint32_t base = child->schema->field_count, lower = 0, upper = 0;
    struct hr_expr **sorted_overs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, count);
    uint32_t *places = HR_NEW_ARRAY(pl->arena, uint32_t, count);
    struct hr_expr **exprs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, base + count);
    if (!sorted_overs || !places || !exprs) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) lower += !ranges_by_value(overs[i]->args[0]);
    for (uint32_t i = 0, at = 0; i < count; i++) {
        bool above = ranges_by_value(overs[i]->args[0]);
        places[i] = above ? lower + upper++ : at++;
        sorted_overs[places[i]] = overs[i];
    }
    HR_TRY(stack(pl, plan, sorted_overs, lower, child, &child, err));
    HR_TRY(stack(pl, plan, sorted_overs + lower, upper, child, &child, err));
    for (uint32_t i = 0; i < base + count; i++) {
        exprs[i] = column_of(pl, child, i < base ? i : base + places[i - base]);
        if (!exprs[i]) return HR_OOM(err);
    }
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_project, hr_plan_schema(plan), child, NULL);
    if (!node) return HR_OOM(err);
    node->exprs = exprs;
    node->expr_count = base + count;
    *ret = node;
    return hr_compile(pl, exprs, base + count, &node->program, err);
}

static bool wants_both(struct hr_expr *const *overs, uint32_t count)
{
    bool time = false, rows = false;
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_expr *over = overs[i]->args[0];
        bool lag = hr_expr_role(over->args[0]) == HR_ROLE_LAG;
        bool offset = over->over->unit == HR_FRAME_ROWS && over->over->lower == HR_BOUND_PRECEDING;
        time = time || ranges_by_value(over);
        rows = rows || lag || offset;
    }
    return time && rows;
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(plan->child_count == 1);
    assert(plan->resolved && plan->child_count == 1);
    const struct hr_over_node *logical = HR_NODE(over, plan);
    uint32_t count = logical->expr_count;
    struct hr_pnode *child = NULL;
    struct hr_expr **overs = NULL;
    HR_TRY(hr_physical(pl, plan->children[0], &child, err));
    if (count == 0) {
        *ret = child;
        return HR_OK;
    }
    HR_TRY(hr_bind_all(pl, plan->children[0], logical->exprs, count, &overs, err));
    if (plan->is_streaming && wants_both(overs, count))
        return stack_two(pl, plan, overs, count, child, ret, err);
    return stack(pl, plan, overs, count, child, ret, err);
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPRS(hr_over_node, exprs, expr_count),
    {HR_EXPRS_END, 0, 0, 0},
};

/* What an OVER asks that a stream cannot give; NULL: nothing. */
static const char *beyond_a_stream(const struct hr_plan *plan, const struct hr_expr *over)
{
    const struct hr_over *o = over->over;
    const struct hr_expr *call = over->args[0];
    enum hr_function_role role = hr_expr_role(call);
    if (o->order_count != 1) return "an OVER that is not ordered by one time";
    const struct hr_expr *key = over->args[1 + o->partition_count];
    bool arrival = by_arrival(over);
    if (arrival && key->descending)
        return "an OVER by arrival, the newest first (but for row_number() <= n)";
    if (!arrival && (hr_expr_watermark_delay(plan, key->args[0]) < 0 || key->descending ||
                     key->type->id == HR_T_STRUCT))
        return "an OVER that is ordered neither by the event time (a column with a WATERMARK, "
               "ascending) nor by arrival (current_timestamp())";
    if (role == HR_ROLE_LEAD || role == HR_ROLE_NTILE || role == HR_ROLE_PERCENT_RANK ||
        role == HR_ROLE_CUME_DIST)
        return "a function over rows that have not come: lead, ntile, percent_rank, cume_dist";
    if (role == HR_ROLE_LAG) {
        if (call->ignores_nulls) return "lag with IGNORE NULLS";
        return *(const int64_t *)call->bound < 0 ? "lag of a row that has not come" : NULL;
    }
    if (arrival && (role == HR_ROLE_RANK || role == HR_ROLE_DENSE_RANK))
        return "a rank by arrival: it is row_number";
    if (arrival && o->unit == HR_FRAME_RANGE)
        return "a frame of RANGE by arrival: write ROWS BETWEEN … AND CURRENT ROW";
    if (o->upper != HR_BOUND_CURRENT && o->upper != HR_BOUND_PRECEDING)
        return "a frame that reaches beyond the current row";
    if (o->lower == HR_BOUND_FOLLOWING) return "a frame that reaches beyond the current row";
    if (o->lower == HR_BOUND_UNBOUNDED_PRECEDING && o->upper != HR_BOUND_CURRENT)
        return "a frame without a lower bound that ends before the current row";
    if (o->lower == HR_BOUND_UNBOUNDED_PRECEDING && role == HR_ROLE_NTH_VALUE)
        return "nth_value over a frame without a lower bound";
    return NULL;
}

static hr_status check_streaming(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err)
{
    assert(plan->kind == HR_P_OVER && plan->child_count == 1);
    const struct hr_over_node *node = HR_NODE(over, plan);
    bool told = check->mode == HR_MODE_UPDATE || check->mode == HR_MODE_COMPLETE;
    if (node->top && !told)
        return hr_node_refuse_mode(plan, err,
                                   check->mode == HR_MODE_APPEND ? "append" : "changelog",
                                   "the first rows of a key (row_number() <= n), which change,");
    for (uint32_t i = 0; i < node->expr_count && !node->top; i++) {
        const char *what = beyond_a_stream(plan, node->exprs[i]->args[0]);
        if (!what) continue;
        char text[240];
        snprintf(text, sizeof text, "on a stream, %s", what);
        return hr_node_not_supported(plan, err, text);
    }
    return HR_OK;
}

/* Ordered by anything but the event time or arrival: is it the first rows of a key? */
bool hr_over_may_be_top(const struct hr_plan *plan)
{
    const struct hr_over_node *node = HR_NODE(over, plan);
    if (!plan->is_streaming || node->expr_count != 1) return false;
    const struct hr_expr *over = node->exprs[0]->args[0];
    return hr_expr_is(over->args[0], HR_ROLE_ROW_NUMBER) && beyond_a_stream(plan, over);
}

static bool is_top(const struct hr_plan *plan)
{
    return HR_NODE(over, plan)->top > 0;
}

static enum hr_changes emits(const struct hr_plan *plan, const struct hr_streaming_check *check)
{
    if (!is_top(plan)) return HR_CHANGES_APPEND;
    return check->mode == HR_MODE_COMPLETE ? HR_CHANGES_COMPLETE : HR_CHANGES_UPDATE;
}

const struct hr_node_vt hr_node_over = {
    .name = "Window",
    .size = sizeof(struct hr_over_node),
    .exprs = exprs,
    .in_block = true,
    .keeps_state = true,
    .output = output,
    .print = print,
    .prune = prune,
    .sink = sink,
    .max_rows = hr_node_rows_of_child,
    .accepts = HR_CHANGES_APPEND,
    .counts = is_top,
    .check_streaming = check_streaming,
    .emits = emits,
    .physical = physical,
};
