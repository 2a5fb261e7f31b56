/* SPDX-License-Identifier: Apache-2.0 */
#include "plan/join_condition.h"

#include "expr/program.h"
#include "plan/node.h"

/* Keys ----------------------------------------------------------------------------------------- */

static hr_status take_key(struct hr_arena *arena, const struct hr_plan *join,
                          struct hr_join_parts *parts, struct hr_expr *part, bool *ret_taken,
                          struct hr_err *err)
{
    assert(parts->left.count == parts->right.count);
    bool safe = hr_expr_is(part, HR_ROLE_EQUAL_NULL_SAFE);
    bool equal = hr_expr_is(part, HR_ROLE_EQUAL);
    *ret_taken = false;
    if ((!safe && !equal) || !hr_expr_is_deterministic(part)) return HR_OK;
    struct hr_expr *a = part->args[0], *b = part->args[1];
    if (hr_expr_is_foldable(a) || hr_expr_is_foldable(b) || !hr_type_same(a->type, b->type))
        return HR_OK;
    bool straight = hr_expr_within(a, join->children[0]) && hr_expr_within(b, join->children[1]);
    bool swapped = hr_expr_within(b, join->children[0]) && hr_expr_within(a, join->children[1]);
    if (!straight && !swapped) return HR_OK;
    parts->null_safe[parts->left.count] = safe;
    if (!HR_VEC_PUSH(arena, &parts->left, straight ? a : b) ||
        !HR_VEC_PUSH(arena, &parts->right, straight ? b : a))
        return HR_OOM(err);
    *ret_taken = true;
    return HR_OK;
}

hr_status hr_join_split(struct hr_arena *arena, const struct hr_plan *join,
                        struct hr_join_parts *ret, struct hr_err *err)
{
    assert(join->kind == HR_P_JOIN && join->child_count == 2);
    assert(join->resolved && join->child_count == 2);
    struct hr_exprs all = {0};
    struct hr_expr *condition = HR_NODE(join, join)->condition;
    *ret = (struct hr_join_parts){.null_safe = NULL};
    if (condition) HR_TRY(hr_expr_split_and(arena, condition, &all, err));
    ret->null_safe = HR_NEW_ARRAY(arena, bool, all.count + 1);
    if (!ret->null_safe) return HR_OOM(err);
    for (uint32_t i = 0; i < all.count; i++) {
        bool taken = false;
        HR_TRY(take_key(arena, join, ret, all.items[i], &taken, err));
        if (!taken && !HR_VEC_PUSH(arena, &ret->rest, all.items[i])) return HR_OOM(err);
    }
    return HR_OK;
}

/* Time ----------------------------------------------------------------------------------------- */

const struct hr_attr *hr_join_event_time(const struct hr_plan *side)
{
    for (uint32_t i = 0; i < side->output_count; i++)
        if (side->output[i].watermark_delay_us >= 0) return &side->output[i];
    return NULL;
}

static bool is_event_time(const struct hr_expr *expr, const struct hr_plan *side)
{
    const struct hr_attr *attr = expr->kind == HR_X_ATTR ? hr_plan_attr(side, expr->attr_id) : NULL;
    return attr && attr->watermark_delay_us >= 0;
}

/* A column and what is added to it. */
struct moment {
    const struct hr_expr *column;
    int64_t offset_us;
};

struct deriving {
    struct hr_arena *arena;
    const struct hr_conf *conf;
    const struct hr_plan *join;
    struct hr_join_bound *bounds;
};

static bool constant_us(const struct deriving *d, const struct hr_expr *expr, int64_t *ret)
{
    struct hr_column value;
    if (!expr->type || expr->type->id != HR_T_INTERVAL_DT || !hr_expr_is_foldable(expr) ||
        !hr_expr_is_deterministic(expr))
        return false;
    if (hr_expr_fold(d->arena, d->conf, expr, &value, NULL) != HR_OK) return false;
    if (!hr_column_valid(&value, 0)) return false;
    *ret = *(const int64_t *)value.values;
    return true;
}

/* A column of times; with an interval of days and below added or subtracted. */
static bool as_moment(const struct deriving *d, const struct hr_expr *expr, struct moment *ret)
{
    int64_t us;
    if (expr->kind == HR_X_ATTR) {
        *ret = (struct moment){expr, 0};
        return expr->type->id == HR_T_TIMESTAMP || expr->type->id == HR_T_TIMESTAMP_NTZ;
    }
    bool minus = hr_expr_is(expr, HR_ROLE_TIME_SUB);
    if (!minus && !hr_expr_is(expr, HR_ROLE_TIME_ADD)) return false;
    if (!constant_us(d, expr->args[1], &us) || !as_moment(d, expr->args[0], ret)) return false;
    return !(minus ? __builtin_sub_overflow(ret->offset_us, us, &ret->offset_us)
                   : __builtin_add_overflow(ret->offset_us, us, &ret->offset_us));
}

/* lesser < greater as two moments; also a - b < interval, interval < a - b. */
static bool as_moments(const struct deriving *d, const struct hr_expr *lesser,
                       const struct hr_expr *greater, struct moment *low, struct moment *high)
{
    int64_t us;
    if (hr_expr_is(lesser, HR_ROLE_TIME_DIFF) && constant_us(d, greater, &us))
        return as_moment(d, lesser->args[0], low) && as_moment(d, lesser->args[1], high) &&
               !__builtin_add_overflow(high->offset_us, us, &high->offset_us);
    if (hr_expr_is(greater, HR_ROLE_TIME_DIFF) && constant_us(d, lesser, &us))
        return as_moment(d, greater->args[1], low) && as_moment(d, greater->args[0], high) &&
               !__builtin_add_overflow(low->offset_us, us, &low->offset_us);
    return as_moment(d, lesser, low) && as_moment(d, greater, high);
}

/* Watermarks are whole ms, and so are the times that are derived from them. */
static int64_t floor_ms(int64_t us)
{
    return us - (us % 1000 + 1000) % 1000;
}

static void narrow(struct hr_join_bound *bound, const struct hr_attr *time, int64_t offset_us)
{
    if (bound->kind == HR_JOIN_BY_KEY) return;
    if (bound->kind == HR_JOIN_BY_RANGE && bound->time != time) {
        /* One column orders a side's rows: rather the one with the watermark. */
        if (time->watermark_delay_us < 0 || bound->time->watermark_delay_us >= 0) return;
        bound->kind = HR_JOIN_FOR_EVER;
    }
    if (bound->kind == HR_JOIN_BY_RANGE) offset_us = HR_MIN(offset_us, bound->offset_us);
    *bound = (struct hr_join_bound){.kind = HR_JOIN_BY_RANGE, .time = time, .offset_us = offset_us};
}

/* lesser < greater, or <=: bounds the side of greater, when lesser is an event time of the other
 * side. */
static void take_order(const struct deriving *d, const struct hr_expr *lesser,
                       const struct hr_expr *greater, bool or_equal)
{
    struct moment low, high;
    int64_t offset_us;
    if (!as_moments(d, lesser, greater, &low, &high)) return;
    if (__builtin_sub_overflow(low.offset_us, high.offset_us, &offset_us)) return;
    if (offset_us > INT64_MAX / 2 || offset_us < INT64_MIN / 2) return;
    for (uint32_t side = 0; side < 2; side++) {
        const struct hr_plan *mine = d->join->children[side], *other = d->join->children[1 - side];
        const struct hr_attr *time = hr_plan_attr(mine, high.column->attr_id);
        if (!time || !is_event_time(low.column, other)) continue;
        narrow(&d->bounds[side], time, floor_ms(offset_us) - (or_equal ? 1000 : 0));
    }
}

static void take_part(const struct deriving *d, const struct hr_expr *part)
{
    if (hr_expr_is(part, HR_ROLE_BETWEEN)) {
        take_order(d, part->args[1], part->args[0], true);
        take_order(d, part->args[0], part->args[2], true);
    } else if (hr_expr_is(part, HR_ROLE_LESS) || hr_expr_is(part, HR_ROLE_LESS_EQUAL)) {
        take_order(d, part->args[0], part->args[1], hr_expr_is(part, HR_ROLE_LESS_EQUAL));
    } else if (hr_expr_is(part, HR_ROLE_GREATER) || hr_expr_is(part, HR_ROLE_GREATER_EQUAL)) {
        take_order(d, part->args[1], part->args[0], hr_expr_is(part, HR_ROLE_GREATER_EQUAL));
    }
}

hr_status hr_join_bounds(struct hr_arena *arena, const struct hr_conf *conf,
                         const struct hr_plan *join, const struct hr_join_parts *parts,
                         struct hr_join_bound ret[2], struct hr_err *err)
{
    assert(join->kind == HR_P_JOIN && join->child_count == 2);
    assert(join->children[0]->is_streaming && join->children[1]->is_streaming);
    HR_UNUSED(err);
    struct deriving d = {arena, conf, join, ret};
    memset(ret, 0, 2 * sizeof *ret);
    for (uint32_t side = 0; side < 2 && ret[0].kind == HR_JOIN_FOR_EVER; side++) {
        const struct hr_exprs *keys = side == 0 ? &parts->left : &parts->right;
        for (uint32_t k = 0; k < keys->count; k++) {
            if (!is_event_time(keys->items[k], join->children[side])) continue;
            ret[0] = ret[1] = (struct hr_join_bound){.kind = HR_JOIN_BY_KEY, .key = k};
            return HR_OK;
        }
    }
    for (uint32_t i = 0; i < parts->rest.count; i++) take_part(&d, parts->rest.items[i]);
    return HR_OK;
}
