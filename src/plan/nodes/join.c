/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Joins, logical and physical. Equalities between the two sides become hash keys, what is left of
 * the condition is tested on each pair. The table is made of the right side, or of the left one
 * where that is the static side of a stream or much smaller.
 *
 * With several tasks either both sides are dealt out by the keys, or the table's side is given to
 * every task, which needs that its rows without a partner are not wanted.
 */
#include <stdio.h>

#include "operator/changes_join.h"
#include "plan/nodes/join.h"

#include "plan/analyze.h"
#include "plan/join_condition.h"
#include "plan/node.h"
#include "plan/nodes/project.h"
#include "plan/physical.h"
#include "plan/rules/prune.h"

/* Rows of a side that is given to every task rather than dealt out. */
#define BROADCAST_ROWS 200000

/* Logical -------------------------------------------------------------------------------------- */

static const char *const names[] = {
    [HR_JOIN_INNER] = "Inner",    [HR_JOIN_LEFT] = "LeftOuter",    [HR_JOIN_RIGHT] = "RightOuter",
    [HR_JOIN_FULL] = "FullOuter", [HR_JOIN_SEMI] = "LeftSemi",     [HR_JOIN_ANTI] = "LeftAnti",
    [HR_JOIN_CROSS] = "Cross",    [HR_JOIN_SINGLE] = "LeftSingle", [HR_JOIN_MARK] = "ExistenceJoin",
};

static hr_status output(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err)
{
    assert(plan->kind == HR_P_JOIN && plan->child_count == 2);
    assert(plan->child_count == 2);
    const struct hr_plan *left = plan->children[0], *right = plan->children[1];
    enum hr_join_type type = HR_NODE(join, plan)->type;
    bool only_left = hr_join_is_half(type) || type == HR_JOIN_MARK;
    uint32_t count = left->output_count + (only_left ? 0 : right->output_count);
    struct hr_attr *output = HR_NEW_ARRAY(arena, struct hr_attr, count + 2);
    if (!output) return HR_OOM(err);
    bool null_left = type == HR_JOIN_RIGHT || type == HR_JOIN_FULL;
    bool null_right = type == HR_JOIN_LEFT || type == HR_JOIN_FULL || type == HR_JOIN_SINGLE;
    for (uint32_t i = 0; i < count; i++) {
        bool is_left = i < left->output_count;
        output[i] = is_left ? left->output[i] : right->output[i - left->output_count];
        if (is_left ? null_left : null_right) output[i].nullable = true;
    }
    if (type == HR_JOIN_MARK) {
        const struct hr_expr *mark = HR_NODE(join, plan)->mark;
        output[count++] = (struct hr_attr){.id = mark->attr_id,
                                           .name = mark->name,
                                           .type = mark->type,
                                           .nullable = mark->nullable,
                                           .watermark_delay_us = -1};
    }
    plan->output = output;
    plan->output_count = count;
    return HR_OK;
}

static void print(const struct hr_plan *plan, struct hr_buf *out)
{
    const struct hr_join_node *join = HR_NODE(join, plan);
    hr_buf_putc(out, ' ');
    if (join->is_natural) hr_buf_puts(out, "Natural");
    hr_buf_puts(out, names[join->type]);
    if (join->using_count) {
        hr_buf_puts(out, ", using [");
        hr_node_print_names(join->using_columns, join->using_count, ", ", out);
        hr_buf_putc(out, ']');
    } else if (join->condition) {
        hr_buf_puts(out, ", ");
        hr_expr_print(join->condition, out);
    }
    if (join->in_condition) {
        hr_buf_puts(out, ", IN: ");
        hr_expr_print(join->in_condition, out);
    }
}

/* A side without what only its filters needed: rows are copied and dealt out. */
static hr_status narrow(struct hr_rule_ctx *ctx, struct hr_plan **child, const struct hr_wanted *w,
                        struct hr_err *err)
{
    uint32_t needed = 0;
    for (uint32_t i = 0; i < (*child)->output_count; i++)
        needed += hr_wanted_has(w, (*child)->output[i].id);
    bool leaf = (*child)->child_count == 0;
    if (needed == (*child)->output_count || leaf) return HR_OK;
    struct hr_plan *project = hr_plan_pass(ctx->arena, *child);
    if (!project) return HR_OOM(err);
    hr_prune_exprs(project, w);
    *child = project;
    return hr_plan_refresh(ctx->arena, project, err);
}

static hr_status prune(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err)
{
    assert(plan->kind == HR_P_JOIN && plan->child_count == 2);
    assert(plan->resolved && plan->child_count == 2);
    struct hr_wanted down = {0};
    for (uint32_t i = 0; i < up->count; i++) HR_TRY(hr_want(ctx, &down, up->items[i], err));
    HR_TRY(hr_want_refs(ctx, &down, plan, err));
    for (uint32_t i = 0; i < plan->child_count; i++) {
        HR_TRY(hr_prune(ctx, &plan->children[i], &down, err));
        HR_TRY(narrow(ctx, &plan->children[i], &down, err));
    }
    return hr_plan_refresh(ctx->arena, plan, err);
}

/* Only whether there are any: pairs are not estimated. */
static int64_t max_rows(const struct hr_plan *plan, const int64_t *child_rows)
{
    assert(plan->child_count == 2);
    assert(plan->child_count == 2);
    bool left = child_rows[0] == 0, right = child_rows[1] == 0;
    switch (HR_NODE(join, plan)->type) {
    case HR_JOIN_LEFT:
    case HR_JOIN_ANTI: return left ? 0 : -1;
    case HR_JOIN_SINGLE:
    case HR_JOIN_MARK: return child_rows[0];
    case HR_JOIN_RIGHT: return right ? 0 : -1;
    case HR_JOIN_FULL: return left && right ? 0 : -1;
    default: return left || right ? 0 : -1;
    }
}

/* Of a stream and a table, where the table's rows without a partner are wanted: Spark's words. */
static const char *refusal(enum hr_join_type type, bool stream_is_left)
{
    switch (type) {
    case HR_JOIN_LEFT:
        return "LeftOuter join with a streaming DataFrame/Dataset on the right and a static "
               "DataFrame/Dataset on the left is not supported";
    case HR_JOIN_RIGHT:
        return "RightOuter join with a streaming DataFrame/Dataset on the left and a static "
               "DataFrame/DataSet on the right not supported";
    case HR_JOIN_SEMI:
        return "LeftSemi join with a streaming DataFrame/Dataset on the right and a static "
               "DataFrame/Dataset on the left is not supported";
    case HR_JOIN_ANTI:
        return "LeftAnti joins with a streaming DataFrame/Dataset on the right are not supported";
    case HR_JOIN_SINGLE:
    case HR_JOIN_MARK: return "A subquery over a streaming DataFrame/Dataset is not supported";
    default:
        return stream_is_left
                   ? "FullOuter joins with streaming DataFrames/Datasets on the left and a static "
                     "DataFrame/Dataset on the right is not supported"
                   : "FullOuter joins with streaming DataFrames/Datasets on the right and a static "
                     "DataFrame/Dataset on the left is not supported";
    }
}

/* Are there rows whose partner may come at any time, so that they never stand alone for good? */
static hr_status outer_waits(const struct hr_plan *plan, const struct hr_conf *conf, bool *ret,
                             struct hr_err *err)
{
    enum hr_join_type type = HR_NODE(join, plan)->type;
    struct hr_arena arena;
    struct hr_join_parts parts;
    struct hr_join_bound bounds[2];
    hr_arena_init(&arena, NULL);
    hr_status status = hr_join_split(&arena, plan, &parts, err);
    if (status == HR_OK) status = hr_join_bounds(&arena, conf, plan, &parts, bounds, err);
    hr_arena_done(&arena);
    HR_TRY(status);
    bool left_stays = type != HR_JOIN_RIGHT && bounds[0].kind == HR_JOIN_FOR_EVER;
    bool right_stays =
        (type == HR_JOIN_RIGHT || type == HR_JOIN_FULL) && bounds[1].kind == HR_JOIN_FOR_EVER;
    *ret = left_stays || right_stays;
    return HR_OK;
}

/* Must the rows that come out be taken back when partners come, or can StateJoin not do it? */
static hr_status may_wait_for_ever(const struct hr_plan *plan, const struct hr_conf *conf,
                                   bool *ret, struct hr_err *err)
{
    enum hr_join_type type = HR_NODE(join, plan)->type;
    struct hr_arena arena;
    struct hr_join_parts parts;
    hr_arena_init(&arena, NULL);
    hr_status status = hr_join_split(&arena, plan, &parts, err);
    *ret = status == HR_OK && parts.left.count == 0;
    hr_arena_done(&arena);
    HR_TRY(status);
    bool alone = type != HR_JOIN_INNER && type != HR_JOIN_CROSS && type != HR_JOIN_SEMI;
    return *ret || !alone ? HR_OK : outer_waits(plan, conf, ret, err);
}

/* Two streams: rows without a partner are wanted only once nothing can come for them. */
static hr_status check_streams(const struct hr_plan *plan, const struct hr_streaming_check *check,
                               struct hr_err *err)
{
    enum hr_join_type type = HR_NODE(join, plan)->type;
    bool inner = type == HR_JOIN_INNER || type == HR_JOIN_CROSS;
    if (type == HR_JOIN_SINGLE || type == HR_JOIN_MARK || HR_NODE(join, plan)->in_condition)
        return hr_node_refuse(plan, err, refusal(HR_JOIN_MARK, true));
    bool may_update = inner || type == HR_JOIN_SEMI;
    char msg[256];
    if (check->changes) return HR_OK;
    if (check->mode == HR_MODE_COMPLETE || (check->mode == HR_MODE_UPDATE && !may_update)) {
        snprintf(msg, sizeof msg,
                 "%s join between two streaming DataFrames/Datasets is not supported in %s output "
                 "mode, only in Append %s",
                 inner ? "Inner" : names[type],
                 check->mode == HR_MODE_COMPLETE ? "Complete" : "Update",
                 may_update ? "and Update output modes" : "output mode");
        return hr_node_refuse(plan, err, msg);
    }
    if (check->input != HR_CHANGES_APPEND)
        return hr_node_refuse(plan, err,
                              "a join of two streams is supported on rows that are only appended; "
                              "an aggregation below it needs Append output mode and a watermark");
    if (inner) return HR_OK;
    bool waits = false;
    HR_TRY(outer_waits(plan, check->conf, &waits, err));
    if (!waits) return HR_OK;
    snprintf(msg, sizeof msg,
             "Stream-stream %s join between two streaming DataFrame/Datasets is not supported "
             "without a watermark in the join keys, or a watermark on the nullable side and an "
             "appropriate range condition",
             names[type]);
    return hr_node_refuse(plan, err, msg);
}

static hr_status check_streaming(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err)
{
    assert(plan->kind == HR_P_JOIN && plan->child_count == 2);
    assert(plan->is_streaming && plan->child_count == 2);
    bool left = plan->children[0]->is_streaming, right = plan->children[1]->is_streaming;
    if (left && right) return check_streams(plan, check, err);
    enum hr_join_type type = HR_NODE(join, plan)->type;
    bool bad = false;
    switch (type) {
    case HR_JOIN_LEFT:
    case HR_JOIN_SEMI:
    case HR_JOIN_SINGLE:
    case HR_JOIN_MARK:
    case HR_JOIN_ANTI: bad = right; break;
    case HR_JOIN_RIGHT: bad = left; break;
    case HR_JOIN_FULL: bad = left || right; break;
    default: break;
    }
    return bad ? hr_node_refuse(plan, err, refusal(type, left)) : HR_OK;
}

/* Of two streams, where the query runs by changes: with rows that may be taken back, or without a
 * bound in time, what a row stands with may change. */
static enum hr_changes emits(const struct hr_plan *plan, const struct hr_streaming_check *check)
{
    bool both = plan->children[0]->is_streaming && plan->children[1]->is_streaming;
    bool waits = true;
    if (!both || !check->changes || check->input == HR_CHANGES_WEIGHTED) return check->input;
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (may_wait_for_ever(plan, check->conf, &waits, &ignored) != HR_OK) waits = true;
    return waits ? HR_CHANGES_WEIGHTED : check->input;
}

/* Physical ------------------------------------------------------------------------------------- */

static const enum hr_join_kind join_kinds[] = {
    [HR_JOIN_INNER] = HR_PJOIN_INNER, [HR_JOIN_LEFT] = HR_PJOIN_LEFT,
    [HR_JOIN_RIGHT] = HR_PJOIN_RIGHT, [HR_JOIN_FULL] = HR_PJOIN_FULL,
    [HR_JOIN_SEMI] = HR_PJOIN_SEMI,   [HR_JOIN_ANTI] = HR_PJOIN_ANTI,
    [HR_JOIN_CROSS] = HR_PJOIN_CROSS, [HR_JOIN_SINGLE] = HR_PJOIN_SINGLE,
    [HR_JOIN_MARK] = HR_PJOIN_MARK,
};

static bool is_small(const struct hr_plan *plan)
{
    int64_t rows = hr_plan_max_rows(plan);
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

static hr_status deal_out(struct hr_planner *pl, const struct hr_plan *join,
                          const struct hr_join_parts *keys, struct hr_pnode *node,
                          struct hr_expr **left, struct hr_expr **right, struct hr_err *err)
{
    assert(node->child_count == 2);
    const struct hr_plan *l = join->children[0], *r = join->children[1];
    bool build_left = HR_PNODE(join, node)->build_left;
    uint32_t table = build_left ? 0 : 1;
    enum hr_join_type type = HR_NODE(join, join)->type;
    bool may = build_left ? left_can_be_table(type) : right_can_be_table(type);
    bool is_static = join->is_streaming && !join->children[table]->is_streaming;
    if (!pl->parallel) return HR_OK;
    if (hr_pnode_is_single(node->children[0]) && hr_pnode_is_single(node->children[1]))
        return HR_OK;
    if (HR_PNODE(join, node)->nulls == HR_JOIN_NULLS_IN_KEY) is_static = true; /* all see NULLs */
    if (may && (is_static || keys->left.count == 0 || is_small(build_left ? l : r)))
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
    assert(join->child_count == 2);
    const struct hr_plan *l = join->children[0], *r = join->children[1];
    if (!left_can_be_table(HR_NODE(join, join)->type)) return false;
    if (join->is_streaming) return r->is_streaming && !l->is_streaming;
    return is_small(l) && !is_small(r);
}

/* The parts of a condition as the operators of a join want them. */
struct bound_parts {
    struct hr_join_parts parts;
    struct hr_expr **left, **right, *rest; /* over columns: of a side, of a side, of both */
    enum hr_join_nulls nulls;
};

static hr_status bind_rest(struct hr_planner *pl, const struct hr_plan *join,
                           const struct hr_exprs *rest, struct hr_expr **ret, struct hr_err *err)
{
    const struct hr_plan *const *sides = (const struct hr_plan *const *)join->children;
    HR_TRY(hr_expr_join_and(pl->arena, pl->conf, rest, ret, err));
    return *ret ? hr_bind(pl, sides, 2, *ret, ret, err) : HR_OK;
}

static hr_status bind_keys(struct hr_planner *pl, const struct hr_plan *join, struct bound_parts *b,
                           struct hr_err *err)
{
    /* Pairs: the i-th of the left is compared with the i-th of the right. */
    assert(b->parts.left.count == b->parts.right.count);
    uint32_t count = b->parts.left.count;
    HR_TRY(hr_bind_all(pl, join->children[0], b->parts.left.items, count, &b->left, err));
    return hr_bind_all(pl, join->children[1], b->parts.right.items, count, &b->right, err);
}

/* IN's comparison: one of one column is a key of its own, others are tested on each pair. */
static hr_status take_in_condition(struct hr_planner *pl, const struct hr_plan *plan,
                                   struct bound_parts *b, struct hr_err *err)
{
    struct hr_join_node join = *HR_NODE(join, plan);
    struct hr_expr *rest = NULL, *in = join.in_condition;
    if (!in) return HR_OK;
    join.condition = in;
    if (b->parts.left.count == 0 && b->parts.rest.count == 0) {
        struct hr_join_parts parts;
        HR_TRY(hr_join_split(pl->arena, &join.plan, &parts, err));
        b->nulls = HR_JOIN_NULLS_IN_KEY;
        if (parts.left.count == 1 && parts.rest.count == 0) b->parts = parts;
        if (parts.left.count == 1 && parts.rest.count == 0) return HR_OK;
    }
    b->nulls = HR_JOIN_NULLS_IN_CONDITION;
    HR_TRY(hr_expr_join_and(pl->arena, pl->conf, &b->parts.rest, &rest, err));
    if (rest) { /* pairs for which the rest is NULL are none */
        HR_TRY(hr_call(pl->arena, pl->conf, "istrue", &rest, 1, &rest, err));
        struct hr_expr *args[] = {rest, in};
        HR_TRY(hr_call(pl->arena, pl->conf, "and", args, 2, &in, err));
    }
    b->parts.rest = (struct hr_exprs){0};
    return HR_VEC_PUSH(pl->arena, &b->parts.rest, in) ? HR_OK : HR_OOM(err);
}

/* Two streams: what is kept of each side, and until when. */

/* Conjuncts about one side decide that its rows have no partner before they are kept. */
static hr_status take_filters(struct hr_planner *pl, const struct hr_plan *join,
                              struct bound_parts *b, struct hr_state_join_pnode *out,
                              struct hr_err *err)
{
    assert(join->children[0]->is_streaming && join->children[1]->is_streaming);
    struct hr_exprs own[2] = {{0}}, both = {0};
    for (uint32_t i = 0; i < b->parts.rest.count; i++) {
        struct hr_expr *part = b->parts.rest.items[i];
        bool fixed = hr_expr_is_deterministic(part);
        struct hr_exprs *to = &both;
        for (uint32_t s = 0; s < 2 && to == &both; s++)
            if (fixed && hr_expr_within(part, join->children[s])) to = &own[s];
        if (!HR_VEC_PUSH(pl->arena, to, part)) return HR_OOM(err);
    }
    for (uint32_t s = 0; s < 2; s++) {
        const struct hr_plan *side = join->children[s];
        struct hr_expr *filter = NULL;
        HR_TRY(hr_expr_join_and(pl->arena, pl->conf, &own[s], &filter, err));
        if (!filter) continue;
        HR_TRY(hr_bind(pl, &side, 1, filter, &filter, err));
        HR_TRY(hr_compile(pl, &filter, 1, &out->sides[s].filter, err));
        out->sides[s].filter_expr = filter;
    }
    return bind_rest(pl, join, &both, &b->rest, err);
}

static uint32_t column_of(const struct hr_plan *side, const struct hr_attr *attr)
{
    assert(attr >= side->output && attr < side->output + side->output_count);
    return (uint32_t)(attr - side->output);
}

static hr_status take_bounds(struct hr_planner *pl, const struct hr_plan *join,
                             const struct bound_parts *b, struct hr_state_join_pnode *out,
                             struct hr_err *err)
{
    assert(join->is_streaming && b->parts.left.count == b->parts.right.count);
    struct hr_join_bound bounds[2];
    HR_TRY(hr_join_bounds(pl->arena, pl->conf, join, &b->parts, bounds, err));
    for (uint32_t s = 0; s < 2; s++) {
        const struct hr_plan *side = join->children[s];
        const struct hr_attr *time = hr_join_event_time(side);
        out->sides[s].event_time = time ? (int32_t)column_of(side, time) : -1;
        out->sides[s].bound = bounds[s].kind;
        out->sides[s].offset_us = bounds[s].offset_us;
        out->sides[s].time =
            bounds[s].kind == HR_JOIN_BY_RANGE ? column_of(side, bounds[s].time) : bounds[s].key;
    }
    return HR_OK;
}

static hr_status physical_of_streams(struct hr_planner *pl, const struct hr_plan *join,
                                     struct hr_pnode *l, struct hr_pnode *r, struct bound_parts *b,
                                     struct hr_pnode **ret, struct hr_err *err)
{
    uint32_t keys = b->parts.left.count;
    if (keys == 0)
        return hr_node_refuse(join, err,
                              "Stream-stream join without equality predicate is not supported.");
    if (pl->parallel) {
        HR_TRY(hr_exchange_by_keys(pl, l, b->left, keys, &l, err));
        HR_TRY(hr_exchange_by_keys(pl, r, b->right, keys, &r, err));
    }
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_state_join, hr_plan_schema(join), l, r);
    if (!node) return HR_OOM(err);
    struct hr_state_join_pnode *out = HR_PNODE(state_join, node);
    out->kind = join_kinds[HR_NODE(join, join)->type];
    out->key_count = keys;
    out->null_safe = b->parts.null_safe;
    HR_TRY(take_filters(pl, join, b, out, err));
    HR_TRY(take_bounds(pl, join, b, out, err));
    HR_TRY(hr_compile(pl, b->left, keys, &out->sides[0].keys, err));
    HR_TRY(hr_compile(pl, b->right, keys, &out->sides[1].keys, err));
    node->exprs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, keys * 2 + 1);
    if (!node->exprs) return HR_OOM(err);
    memcpy(node->exprs, b->left, keys * sizeof *b->left);
    memcpy(node->exprs + keys, b->right, keys * sizeof *b->right);
    node->expr_count = keys * 2;
    if (b->rest) {
        node->exprs[node->expr_count++] = b->rest;
        HR_TRY(hr_compile(pl, &b->rest, 1, &node->program, err));
    }
    node->state_id = pl->next_state++;
    *ret = node;
    return HR_OK;
}

/* Two streams of which rows may be taken back. */
static hr_status physical_of_changes(struct hr_planner *pl, const struct hr_plan *join,
                                     struct hr_pnode *l, struct hr_pnode *r, struct bound_parts *b,
                                     struct hr_pnode **ret, struct hr_err *err)
{
    uint32_t keys = b->parts.left.count;
    if (pl->parallel) {
        HR_TRY(hr_exchange_by_keys(pl, l, b->left, keys, &l, err));
        HR_TRY(hr_exchange_by_keys(pl, r, b->right, keys, &r, err));
    }
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_changes_join, hr_plan_schema(join), l, r);
    if (!node) return HR_OOM(err);
    struct hr_changes_join_pnode *out = HR_PNODE(changes_join, node);
    out->kind = join_kinds[HR_NODE(join, join)->type];
    out->key_count = keys;
    out->null_safe = b->parts.null_safe;
    if (keys) HR_TRY(hr_compile(pl, b->left, keys, &out->keys[0], err));
    if (keys) HR_TRY(hr_compile(pl, b->right, keys, &out->keys[1], err));
    HR_TRY(bind_rest(pl, join, &b->parts.rest, &b->rest, err));
    node->exprs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, keys * 2 + 1);
    if (!node->exprs) return HR_OOM(err);
    if (keys) memcpy(node->exprs, b->left, keys * sizeof *b->left);
    if (keys) memcpy(node->exprs + keys, b->right, keys * sizeof *b->right);
    node->expr_count = keys * 2;
    if (b->rest) {
        node->exprs[node->expr_count++] = b->rest;
        HR_TRY(hr_compile(pl, &b->rest, 1, &node->program, err));
    }
    node->state_id = pl->next_state++;
    node->is_changes = true;
    *ret = node;
    return HR_OK;
}

static hr_status physical_of_two(struct hr_planner *pl, const struct hr_plan *join,
                                 struct hr_pnode *l, struct hr_pnode *r, struct bound_parts *b,
                                 struct hr_pnode **ret, struct hr_err *err)
{
    bool changes = l->is_changes || r->is_changes;
    if (!changes && pl->changes) HR_TRY(may_wait_for_ever(join, pl->conf, &changes, err));
    return changes ? physical_of_changes(pl, join, l, r, b, ret, err)
                   : physical_of_streams(pl, join, l, r, b, ret, err);
}

static hr_status physical(struct hr_planner *pl, const struct hr_plan *join, struct hr_pnode **ret,
                          struct hr_err *err)
{
    assert(join->kind == HR_P_JOIN && join->child_count == 2);
    assert(join->resolved && join->child_count == 2);
    struct hr_pnode *l = NULL, *r = NULL;
    struct bound_parts b = {.rest = NULL};
    HR_TRY(hr_physical(pl, join->children[0], &l, err));
    HR_TRY(hr_physical(pl, join->children[1], &r, err));
    HR_TRY(hr_join_split(pl->arena, join, &b.parts, err));
    HR_TRY(take_in_condition(pl, join, &b, err));
    HR_TRY(bind_keys(pl, join, &b, err));
    if (join->children[0]->is_streaming && join->children[1]->is_streaming)
        return physical_of_two(pl, join, l, r, &b, ret, err);
    HR_TRY(bind_rest(pl, join, &b.parts.rest, &b.rest, err));
    uint32_t keys = b.parts.left.count;
    struct hr_pnode *node = hr_pnode_new(pl, &hr_op_hash_join, hr_plan_schema(join), l, r);
    if (!node) return HR_OOM(err);
    struct hr_join_pnode *out = HR_PNODE(join, node);
    out->kind = join_kinds[HR_NODE(join, join)->type];
    out->key_count = keys;
    out->null_safe = b.parts.null_safe;
    out->nulls = b.nulls;
    out->build_left = table_is_left(join);
    HR_TRY(hr_compile(pl, b.left, keys, &out->left_keys, err));
    HR_TRY(hr_compile(pl, b.right, keys, &out->right_keys, err));
    node->exprs = HR_NEW_ARRAY(pl->arena, struct hr_expr *, 1);
    if (!node->exprs) return HR_OOM(err);
    if (b.rest) {
        HR_TRY(hr_compile(pl, &b.rest, 1, &node->program, err));
        node->exprs[0] = b.rest;
        node->expr_count = 1;
    }
    *ret = node;
    return deal_out(pl, join, &b.parts, node, b.left, b.right, err);
}

static const struct hr_node_exprs exprs[] = {
    HR_NODE_EXPR(hr_join_node, condition),
    HR_NODE_EXPR(hr_join_node, in_condition),
    HR_NODE_EXPR(hr_join_node, mark),
    {HR_EXPRS_END, 0, 0, 0},
};

const struct hr_node_vt hr_node_join = {
    .name = "Join",
    .size = sizeof(struct hr_join_node),
    .exprs = exprs,
    .may_fold = true,
    .analyze = hr_analyze_join,
    .output = output,
    .print = print,
    .prune = prune,
    .max_rows = max_rows,
    .accepts = HR_CHANGES_ANY,
    .check_streaming = check_streaming,
    .emits = emits,
    .physical = physical,
};
