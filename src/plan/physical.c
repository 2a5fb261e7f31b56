/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From a logical to a physical plan: which operator, where the exchanges are, expressions bound to
 * ordinals and compiled. A physical node's columns are its logical node's output, in that order.
 *
 * With one thread or one shuffle partition there are no exchanges at all.
 */
#include "plan/physical.h"

#include "plan/node.h"
#include "plan/nodes/write_changes.h"

struct hr_pnode *hr_pnode_new(struct hr_planner *pl, const struct hr_operator_vt *vt,
                              const struct hr_type *schema, struct hr_pnode *child0,
                              struct hr_pnode *child1)
{
    assert(vt && vt->open && (child0 || !child1));
    struct hr_pnode *node =
        hr_arena_zalloc(pl->arena, HR_MAX(vt->node_size, sizeof(struct hr_pnode)));
    if (!node || !schema) return NULL;
    node->vt = vt;
    node->schema = schema;
    node->state_id = -1;
    node->children = HR_NEW_ARRAY(pl->arena, struct hr_pnode *, 2);
    if (!node->children) return NULL;
    if (child0) node->children[node->child_count++] = child0;
    if (child1) node->children[node->child_count++] = child1;
    for (uint32_t i = 0; i < node->child_count; i++) {
        node->is_streaming = node->is_streaming || node->children[i]->is_streaming;
        node->is_changes = node->is_changes || node->children[i]->is_changes;
    }
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
    assert(input_count > 0 && expr);
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
    assert(count == 0 || exprs);
    struct hr_expr **bound = HR_NEW_ARRAY(pl->arena, struct hr_expr *, count + 1);
    if (!bound) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) HR_TRY(hr_bind(pl, &input, 1, exprs[i], &bound[i], err));
    *ret = bound;
    return HR_OK;
}

hr_status hr_compile(struct hr_planner *pl, struct hr_expr *const *exprs, uint32_t count,
                     const struct hr_program **ret, struct hr_err *err)
{
    assert(count == 0 || exprs);
    struct hr_expr **values = HR_NEW_ARRAY(pl->arena, struct hr_expr *, count + 1);
    if (!values) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        values[i] = exprs[i];
        while (values[i]->kind == HR_X_ALIAS || values[i]->kind == HR_X_SORT)
            values[i] = values[i]->args[0];
    }
    return hr_program_compile(pl->arena, pl->conf, values, count, ret, err);
}

hr_status hr_bind_program(struct hr_planner *pl, struct hr_pnode *node, const struct hr_plan *input,
                          struct hr_expr *const *exprs, uint32_t count, struct hr_err *err)
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
    assert((dist == HR_DIST_HASH) == (expr_count > 0));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_exchange, child->schema, child, NULL);
    if (!node) return HR_OOM(err);
    HR_PNODE(exchange, node)->dist = dist;
    HR_PNODE(exchange, node)->partition_count =
        dist == HR_DIST_HASH ? pl->conf->shuffle_partitions : 1;
    node->exprs = exprs;
    node->expr_count = expr_count;
    if (expr_count) HR_TRY(hr_compile(pl, exprs, expr_count, &node->program, err));
    *ret = node;
    return HR_OK;
}

bool hr_pnode_is_single(const struct hr_pnode *node)
{
    if (node->vt->is_single) return node->vt->is_single(node);
    for (uint32_t i = 0; i < node->child_count; i++)
        if (!hr_pnode_is_single(node->children[i])) return false;
    return node->child_count > 0;
}

hr_status hr_single(struct hr_planner *pl, struct hr_pnode *child, struct hr_pnode **ret,
                    struct hr_err *err)
{
    assert(child && child->vt);
    *ret = child;
    if (!pl->parallel || hr_pnode_is_single(child)) return HR_OK;
    return hr_exchange(pl, child, HR_DIST_SINGLE, NULL, 0, ret, err);
}

hr_status hr_exchange_by_keys(struct hr_planner *pl, struct hr_pnode *child, struct hr_expr **keys,
                              uint32_t key_count, struct hr_pnode **ret, struct hr_err *err)
{
    if (key_count == 0) return hr_single(pl, child, ret, err);
    return hr_exchange(pl, child, HR_DIST_HASH, keys, key_count, ret, err);
}

hr_status hr_exchange_by_columns(struct hr_planner *pl, struct hr_pnode *child,
                                 const uint32_t *columns, uint32_t count, struct hr_pnode **ret,
                                 struct hr_err *err)
{
    *ret = child;
    if (!pl->parallel || hr_pnode_is_single(child)) return HR_OK;
    struct hr_expr **keys = HR_NEW_ARRAY(pl->arena, struct hr_expr *, count + 1);
    if (!keys) return HR_OOM(err);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t at = columns ? columns[i] : i;
        const struct hr_field *field = &child->schema->fields[at];
        keys[i] = hr_expr_column(pl->arena, field->type, at, field->nullable);
        if (!keys[i]) return HR_OOM(err);
        keys[i]->name = field->name;
    }
    return hr_exchange_by_keys(pl, child, keys, count, ret, err);
}

hr_status hr_physical(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                      struct hr_err *err)
{
    if (pl->depth >= HR_PLAN_DEPTH_MAX * 4)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the depth of the plan", "limit", "1600");
    const struct hr_node_vt *vt = hr_plan_vt(plan);
    if (!vt->physical) return HR_BUG(err, "no operator for %s", vt->name);
    assert(plan->resolved);
    pl->depth++;
    hr_status status = vt->physical(pl, plan, ret, err);
    pl->depth--;
    assert(status != HR_OK || *ret);
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
        .parallel = conf->threads > 1, /* also with one partition: leaves are read by many tasks */
        .changes = hr_plan_writes_changes(plan),
    };
    struct hr_pnode *root = NULL;
    uint32_t next = 0;
    HR_TRY(hr_physical(&pl, plan, &root, err));
    number_nodes(root, &next);
    *ret = root;
    return HR_OK;
}
