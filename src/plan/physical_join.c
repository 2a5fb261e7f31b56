/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins. Equalities between the two sides become hash keys, what is left of the condition is tested
 * on each pair. The table is made of the right side, or of the left one where that is the static
 * side of a stream or much smaller.
 *
 * With several tasks either both sides are dealt out by the keys, or the table's side is given to
 * every task, which needs that its rows without a partner are not wanted.
 */
#include "plan/physical.h"

/* Rows of a side that is given to every task rather than dealt out. */
#define BROADCAST_ROWS 200000

struct keys {
    struct hr_exprs left, right; /* over attributes */
    struct hr_exprs rest;
    bool *null_safe;
};

static const enum hr_join_kind join_kinds[] = {
    [HR_JOIN_INNER] = HR_PJOIN_INNER, [HR_JOIN_LEFT] = HR_PJOIN_LEFT,
    [HR_JOIN_RIGHT] = HR_PJOIN_RIGHT, [HR_JOIN_FULL] = HR_PJOIN_FULL,
    [HR_JOIN_SEMI] = HR_PJOIN_SEMI,   [HR_JOIN_ANTI] = HR_PJOIN_ANTI,
    [HR_JOIN_CROSS] = HR_PJOIN_CROSS,
};

static bool has_attrs(const struct hr_expr *expr)
{
    return !hr_expr_is_foldable(expr);
}

static hr_status take_key(struct hr_planner *pl, const struct hr_plan *join, struct keys *keys,
                          struct hr_expr *part, bool *ret_taken, struct hr_err *err)
{
    bool safe = hr_expr_is_call(part, "<=>", 2);
    bool equal = hr_expr_is_call(part, "=", 2) || hr_expr_is_call(part, "==", 2);
    *ret_taken = false;
    if ((!safe && !equal) || !hr_expr_is_deterministic(part)) return HR_OK;
    struct hr_expr *a = part->args[0], *b = part->args[1];
    if (!has_attrs(a) || !has_attrs(b) || !hr_type_same(a->type, b->type)) return HR_OK;
    bool straight = hr_expr_within(a, join->children[0]) && hr_expr_within(b, join->children[1]);
    bool swapped = hr_expr_within(b, join->children[0]) && hr_expr_within(a, join->children[1]);
    if (!straight && !swapped) return HR_OK;
    keys->null_safe[keys->left.count] = safe;
    if (!HR_VEC_PUSH(pl->arena, &keys->left, straight ? a : b) ||
        !HR_VEC_PUSH(pl->arena, &keys->right, straight ? b : a))
        return HR_OOM(err);
    *ret_taken = true;
    return HR_OK;
}

static hr_status split_condition(struct hr_planner *pl, const struct hr_plan *join,
                                 struct keys *keys, struct hr_err *err)
{
    struct hr_exprs parts = {0};
    if (join->condition) HR_TRY(hr_expr_split_and(pl->arena, join->condition, &parts, err));
    keys->null_safe = HR_NEW_ARRAY(pl->arena, bool, parts.count + 1);
    if (!keys->null_safe) return HR_OOM(err);
    for (uint32_t i = 0; i < parts.count; i++) {
        bool taken = false;
        HR_TRY(take_key(pl, join, keys, parts.items[i], &taken, err));
        if (!taken && !HR_VEC_PUSH(pl->arena, &keys->rest, parts.items[i])) return HR_OOM(err);
    }
    return HR_OK;
}

/* Rows that a side surely does not exceed; -1: unknown. */
static int64_t most_rows(const struct hr_plan *plan)
{
    if (plan->kind == HR_P_LOCAL) {
        int64_t rows = 0;
        for (uint32_t i = 0; i < plan->batch_count; i++) rows += plan->batches[i]->sel_count;
        return rows;
    }
    if (plan->kind == HR_P_LIMIT && plan->limit >= 0) return plan->limit;
    if (plan->kind == HR_P_AGGREGATE && plan->group_count == 0) return 1;
    if (plan->kind == HR_P_RANGE && plan->step > 0)
        return plan->limit > plan->offset ? (plan->limit - plan->offset) / plan->step + 1 : 0;
    bool passes = plan->kind == HR_P_FILTER || plan->kind == HR_P_PROJECT ||
                  plan->kind == HR_P_SORT || plan->kind == HR_P_DISTINCT ||
                  plan->kind == HR_P_SUBQUERY_ALIAS || plan->kind == HR_P_AGGREGATE;
    return passes ? most_rows(plan->children[0]) : -1;
}

static bool is_small(const struct hr_plan *plan)
{
    int64_t rows = most_rows(plan);
    return rows >= 0 && rows <= BROADCAST_ROWS;
}

/* May the side's own unmatched rows be dropped, so that every task can have all of it? */
static bool right_can_be_table(enum hr_join_type type)
{
    return type != HR_JOIN_RIGHT && type != HR_JOIN_FULL;
}

static bool left_can_be_table(enum hr_join_type type)
{
    return type == HR_JOIN_INNER || type == HR_JOIN_CROSS || type == HR_JOIN_RIGHT;
}

static hr_status deal_out(struct hr_planner *pl, const struct hr_plan *join, struct keys *keys,
                          struct hr_pnode *node, struct hr_expr **left, struct hr_expr **right,
                          struct hr_err *err)
{
    const struct hr_plan *l = join->children[0], *r = join->children[1];
    uint32_t table = node->build_left ? 0 : 1;
    bool may =
        node->build_left ? left_can_be_table(join->join_type) : right_can_be_table(join->join_type);
    bool is_static = join->is_streaming && !join->children[table]->is_streaming;
    if (!pl->parallel) return HR_OK;
    if (hr_pnode_is_single(node->children[0]) && hr_pnode_is_single(node->children[1]))
        return HR_OK;
    if (may && (is_static || keys->left.count == 0 || is_small(node->build_left ? l : r)))
        return hr_exchange(pl, node->children[table], HR_DIST_BROADCAST, NULL, 0,
                           &node->children[table], err);
    if (keys->left.count == 0) {
        HR_TRY(hr_single(pl, node->children[0], &node->children[0], err));
        return hr_single(pl, node->children[1], &node->children[1], err);
    }
    HR_TRY(hr_exchange(pl, node->children[0], HR_DIST_HASH, left, keys->left.count,
                       &node->children[0], err));
    return hr_exchange(pl, node->children[1], HR_DIST_HASH, right, keys->right.count,
                       &node->children[1], err);
}

static bool table_is_left(const struct hr_plan *join)
{
    const struct hr_plan *l = join->children[0], *r = join->children[1];
    if (!left_can_be_table(join->join_type)) return false;
    if (join->is_streaming) return r->is_streaming && !l->is_streaming;
    return is_small(l) && !is_small(r);
}

hr_status hr_physical_join(struct hr_planner *pl, const struct hr_plan *join, struct hr_pnode **ret,
                           struct hr_err *err)
{
    const struct hr_plan *const *sides = (const struct hr_plan *const *)join->children;
    struct hr_pnode *l = NULL, *r = NULL;
    struct keys keys = {.null_safe = NULL};
    struct hr_expr **left = NULL, **right = NULL, *rest = NULL;
    HR_TRY(hr_physical(pl, join->children[0], &l, err));
    HR_TRY(hr_physical(pl, join->children[1], &r, err));
    HR_TRY(split_condition(pl, join, &keys, err));
    HR_TRY(hr_bind_all(pl, sides[0], keys.left.items, keys.left.count, &left, err));
    HR_TRY(hr_bind_all(pl, sides[1], keys.right.items, keys.right.count, &right, err));
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_hash_join, hr_plan_schema(join), l, r);
    if (!node) return HR_OOM(err);
    node->join_kind = join_kinds[join->join_type];
    node->join_key_count = keys.left.count;
    node->null_safe = keys.null_safe;
    node->build_left = table_is_left(join);
    HR_TRY(hr_compile(pl, left, keys.left.count, &node->left_keys, err));
    HR_TRY(hr_compile(pl, right, keys.right.count, &node->right_keys, err));
    HR_TRY(hr_expr_join_and(pl->arena, pl->conf, &keys.rest, &rest, err));
    node->exprs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, keys.left.count * 2 + 1);
    if (!node->exprs) return HR_OOM(err);
    if (rest) {
        HR_TRY(hr_bind(pl, sides, 2, rest, &rest, err));
        HR_TRY(hr_compile(pl, &rest, 1, &node->program, err));
        node->exprs[0] = rest;
        node->expr_count = 1;
    }
    *ret = node;
    return deal_out(pl, join, &keys, node, left, right, err);
}
