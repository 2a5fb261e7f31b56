/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GROUPING SETS, ROLLUP, CUBE. Each input row becomes one row a set (EXPAND), in which the
 * expressions outside of the set are NULL; the aggregation groups by these copies and by the number
 * of the set, in whose bits grouping() and grouping_id() look. Aggregate calls still see the
 * columns as they were.
 */
#include "plan/analyze.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/expand.h"

#define SETS_MAX 16384

/* Sets of expressions: bit i for expression i. */
struct sets {
    uint64_t *items;
    uint32_t count, capacity;
};

struct grouping {
    struct hr_analyzer *an;
    struct hr_plan *plan;
    struct hr_exprs exprs; /* distinct, resolved */
};

static bool is_named(const struct hr_expr *e, const char *name)
{
    return e->kind == HR_X_CALL && !e->type && hr_str_eq_nocase(e->name, name);
}

static bool is_analytic(const struct hr_expr *e)
{
    return is_named(e, "rollup") || is_named(e, "cube") || is_named(e, HR_GROUPING_SETS);
}

bool hr_has_grouping_sets(const struct hr_aggregate_node *agg)
{
    for (uint32_t i = 0; i < agg->group_count; i++)
        if (is_analytic(agg->groups[i])) return true;
    return agg->sets != NULL;
}

static hr_status push_set(struct grouping *g, struct sets *sets, uint64_t set, struct hr_err *err)
{
    if (sets->count >= SETS_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the number of grouping sets", "limit", "16384");
    return HR_VEC_PUSH(g->an->arena, sets, set) ? HR_OK : HR_OOM(err);
}

/* a, or the bits of (a, b). */
static hr_status bits_of(struct grouping *g, struct hr_expr *item, uint64_t *ret,
                         struct hr_err *err)
{
    if (hr_expr_is(item, HR_ROLE_ROW) || is_named(item, HR_GROUPING_SET)) {
        for (uint32_t i = 0; i < item->arg_count; i++) HR_TRY(bits_of(g, item->args[i], ret, err));
        return HR_OK;
    }
    struct hr_expr *expr = hr_expr_copy(g->an->arena, item);
    if (!expr) return HR_OOM(err);
    HR_TRY(hr_resolve_group(g->an, g->plan, &expr, err));
    uint32_t i = 0;
    while (i < g->exprs.count && !hr_expr_equal(g->exprs.items[i], expr)) i++;
    if (i >= 64)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the number of grouping expressions", "limit",
                        "64");
    if (i == g->exprs.count && !HR_VEC_PUSH(g->an->arena, &g->exprs, expr)) return HR_OOM(err);
    *ret |= UINT64_C(1) << i;
    return HR_OK;
}

static hr_status rollup_sets(struct grouping *g, const struct hr_expr *call, struct sets *sets,
                             struct hr_err *err)
{
    uint64_t set = 0;
    uint32_t first = sets->count;
    HR_TRY(push_set(g, sets, 0, err));
    for (uint32_t i = 0; i < call->arg_count; i++) {
        HR_TRY(bits_of(g, call->args[i], &set, err));
        HR_TRY(push_set(g, sets, set, err));
    }
    for (uint32_t i = first, j = sets->count - 1; i < j; i++, j--) { /* the finest first */
        uint64_t other = sets->items[i];
        sets->items[i] = sets->items[j];
        sets->items[j] = other;
    }
    return HR_OK;
}

static hr_status cube_sets(struct grouping *g, const struct hr_expr *call, struct sets *sets,
                           struct hr_err *err)
{
    uint64_t bits[16];
    if (call->arg_count > 14)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the number of grouping sets", "limit", "16384");
    for (uint32_t i = 0; i < call->arg_count; i++) {
        bits[i] = 0;
        HR_TRY(bits_of(g, call->args[i], &bits[i], err));
    }
    for (uint32_t all = 1u << call->arg_count, n = all; n-- > 0;) {
        uint64_t set = 0;
        for (uint32_t i = 0; i < call->arg_count; i++)
            if (n >> (call->arg_count - 1 - i) & 1) set |= bits[i];
        HR_TRY(push_set(g, sets, set, err));
    }
    return HR_OK;
}

/* The sets of one item of GROUP BY, or of GROUPING SETS. */
static hr_status sets_of(struct grouping *g, struct hr_expr *item, struct sets *sets,
                         struct hr_err *err)
{
    if (is_named(item, "rollup")) return rollup_sets(g, item, sets, err);
    if (is_named(item, "cube")) return cube_sets(g, item, sets, err);
    if (is_named(item, HR_GROUPING_SETS)) {
        for (uint32_t i = 0; i < item->arg_count; i++) HR_TRY(sets_of(g, item->args[i], sets, err));
        return HR_OK;
    }
    uint64_t set = 0;
    HR_TRY(bits_of(g, item, &set, err));
    return push_set(g, sets, set, err);
}

/* GROUP BY x, y: each set of x with each of y. */
static hr_status all_sets(struct grouping *g, struct sets *ret, struct hr_err *err)
{
    const struct hr_aggregate_node *agg = HR_NODE(aggregate, g->plan);
    struct sets all = {0};
    HR_TRY(push_set(g, &all, 0, err));
    for (uint32_t i = 0; i < agg->group_count; i++) {
        struct sets own = {0}, both = {0};
        HR_TRY(sets_of(g, agg->groups[i], &own, err));
        for (uint32_t a = 0; a < all.count; a++)
            for (uint32_t b = 0; b < own.count; b++)
                HR_TRY(push_set(g, &both, all.items[a] | own.items[b], err));
        all = both;
    }
    *ret = all;
    if (!agg->sets) return HR_OK; /* GROUP BY a, b GROUPING SETS (…): a and b give the order only */
    *ret = (struct sets){0};
    return sets_of(g, agg->sets, ret, err);
}

/* Expand --------------------------------------------------------------------------------------- */

static bool has_duplicates(const struct sets *sets)
{
    assert(sets->count == 0 || sets->items);
    for (uint32_t i = 0; i < sets->count; i++)
        for (uint32_t j = 0; j < i; j++)
            if (sets->items[i] == sets->items[j]) return true;
    return false;
}

/* Bits from the first expression down, 1: it is not in the set. */
static int64_t id_of(uint64_t set, uint32_t count)
{
    assert(count <= 64);
    uint64_t id = 0;
    for (uint32_t i = 0; i < count; i++) id = id << 1 | !(set >> i & 1);
    return (int64_t)id;
}

static hr_status fill_row(struct grouping *g, const struct sets *sets, uint32_t index,
                          const struct hr_plan *child, struct hr_expr **row, struct hr_err *err)
{
    struct hr_arena *arena = g->an->arena;
    uint32_t at = 0;
    for (uint32_t i = 0; i < child->output_count; i++)
        row[at++] = hr_attr_ref(arena, &child->output[i]);
    for (uint32_t i = 0; i < g->exprs.count; i++)
        row[at++] = sets->items[index] >> i & 1 ? hr_expr_copy(arena, g->exprs.items[i])
                                                : hr_expr_null(arena, g->exprs.items[i]->type);
    row[at++] = hr_expr_int(arena, hr_type(HR_T_LONG), id_of(sets->items[index], g->exprs.count));
    row[at++] = hr_expr_int(arena, hr_type(HR_T_INT), index);
    for (uint32_t i = 0; i < at; i++)
        if (!row[i]) return HR_OOM(err);
    return HR_OK;
}

static struct hr_attr new_attr(const char *name, const struct hr_type *type, bool nullable)
{
    return (struct hr_attr){.id = hr_expr_next_attr_id(),
                            .name = name,
                            .type = type,
                            .nullable = nullable,
                            .watermark_delay_us = -1,
                            .hidden = true};
}

static hr_status expand_rows(struct grouping *g, const struct sets *sets, struct hr_plan **ret,
                             struct hr_err *err)
{
    struct hr_arena *arena = g->an->arena;
    struct hr_plan *child = g->plan->children[0];
    struct hr_plan *plan = hr_plan_new1(arena, HR_P_EXPAND, child);
    if (!plan) return HR_OOM(err);
    struct hr_expand_node *expand = HR_NODE(expand, plan);
    uint32_t width = child->output_count + g->exprs.count + 2, at = 0;
    expand->row_width = plan->output_count = width;
    expand->rows = HR_NEW_ARRAY(arena, struct hr_expr **, sets->count);
    plan->output = HR_NEW_ARRAY(arena, struct hr_attr, width);
    if (!expand->rows || !plan->output) return HR_OOM(err);
    for (uint32_t i = 0; i < sets->count; i++) {
        expand->rows[i] = HR_NEW_ARRAY(arena, struct hr_expr *, width);
        if (!expand->rows[i]) return HR_OOM(err);
        HR_TRY(fill_row(g, sets, i, child, expand->rows[i], err));
    }
    expand->row_count = sets->count;
    for (uint32_t i = 0; i < child->output_count; i++) plan->output[at++] = child->output[i];
    for (uint32_t i = 0; i < g->exprs.count; i++) {
        const struct hr_expr *e = g->exprs.items[i];
        struct hr_attr *attr = &plan->output[at++];
        bool in_all = true;
        for (uint32_t s = 0; s < sets->count; s++) in_all = in_all && sets->items[s] >> i & 1;
        *attr = new_attr(hr_expr_text(arena, e), e->type, !in_all || e->nullable);
        if (in_all) attr->watermark_delay_us = hr_expr_watermark_delay(plan, e);
    }
    plan->output[at++] = new_attr("spark_grouping_id", hr_type(HR_T_LONG), false);
    plan->output[at++] = new_attr("_gen_grouping_pos", hr_type(HR_T_INT), false);
    *ret = plan;
    return hr_plan_refresh(arena, plan, err);
}

hr_status hr_analyze_grouping_sets(struct hr_analyzer *an, struct hr_plan *plan,
                                   struct hr_window_use *window, struct hr_err *err)
{
    struct hr_aggregate_node *agg = HR_NODE(aggregate, plan);
    struct grouping g = {.an = an, .plan = plan};
    struct sets sets = {0};
    struct hr_plan *expand = NULL;
    HR_TRY(all_sets(&g, &sets, err));
    HR_TRY(hr_analyze_windows(an, plan, window, g.exprs.items, g.exprs.count, err));
    if (window->is_session) {
        HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "session_window in grouping sets");
        return hr_err_at(err, plan->sql_pos, plan->sql_end);
    }
    HR_TRY(expand_rows(&g, &sets, &expand, err));
    plan->children[0] = expand;
    agg->originals = g.exprs.items;
    agg->original_count = g.exprs.count;
    agg->has_sets = true;
    agg->sets = NULL;
    agg->group_count = g.exprs.count + 1 + has_duplicates(&sets);
    agg->groups = HR_NEW_ARRAY(an->arena, struct hr_expr *, agg->group_count + 1);
    if (!agg->groups) return HR_OOM(err);
    const struct hr_attr *own = expand->output + expand->output_count - g.exprs.count - 2;
    for (uint32_t i = 0; i < agg->group_count; i++)
        if (!(agg->groups[i] = hr_attr_ref(an->arena, &own[i]))) return HR_OOM(err);
    return HR_OK;
}

/* Over the sets -------------------------------------------------------------------------------- */

static hr_status no_sets(const struct hr_expr *e, struct hr_err *err)
{
    HR_RAISE(err, HR_E_UNSUPPORTED_GROUPING_EXPRESSION);
    return hr_err_at(err, e->sql_pos, e->sql_end);
}

static const char *list_text(struct hr_analyzer *an, struct hr_expr *const *items, uint32_t count)
{
    const char *text = "";
    for (uint32_t i = 0; i < count && text; i++)
        text = hr_arena_printf(an->arena, "%s%s%s", text, i ? "," : "",
                               hr_expr_text(an->arena, items[i]));
    return text ? text : "?";
}

/* Is expr group i, as it was or as a name above the aggregation finds it? */
static bool is_group(const struct hr_aggregate_node *agg, uint32_t i, const struct hr_expr *expr)
{
    return hr_expr_equal(agg->originals[i], expr) || hr_expr_equal(agg->groups[i], expr);
}

/* grouping(a): the bit of a as TINYINT. */
static hr_status grouping_bit(struct hr_analyzer *an, const struct hr_aggregate_node *agg,
                              struct hr_expr **expr, struct hr_err *err)
{
    struct hr_expr *e = *expr;
    uint32_t i = 0, count = agg->original_count;
    while (i < count && !is_group(agg, i, e->args[0])) i++;
    if (i == count) {
        HR_RAISE(err, HR_E_GROUPING_COLUMN_MISMATCH, "grouping",
                 hr_expr_text(an->arena, e->args[0]), "groupingColumns",
                 list_text(an, agg->originals, count));
        return hr_err_at(err, e->sql_pos, e->sql_end);
    }
    struct hr_expr *shift[] = {hr_expr_copy(an->arena, agg->groups[count]),
                               hr_expr_int(an->arena, hr_type(HR_T_INT), count - 1 - i)};
    struct hr_expr *bit[] = {NULL, hr_expr_int(an->arena, hr_type(HR_T_LONG), 1)}, *value = NULL;
    if (!shift[0] || !shift[1] || !bit[1]) return HR_OOM(err);
    HR_TRY(hr_call(an->arena, an->conf, ">>", shift, 2, &bit[0], err));
    HR_TRY(hr_call(an->arena, an->conf, "&", bit, 2, &value, err));
    *expr = hr_expr_cast(an->arena, value, hr_type(HR_T_BYTE));
    if (!*expr) return HR_OOM(err);
    return hr_expr_resolve_node(an->arena, an->conf, *expr, err);
}

static hr_status grouping_id(struct hr_analyzer *an, const struct hr_aggregate_node *agg,
                             struct hr_expr **expr, struct hr_err *err)
{
    struct hr_expr *e = *expr;
    bool same = e->arg_count == 0 || e->arg_count == agg->original_count;
    for (uint32_t i = 0; i < e->arg_count && same; i++) same = is_group(agg, i, e->args[i]);
    if (!same) {
        HR_RAISE(err, HR_E_GROUPING_ID_COLUMN_MISMATCH, "groupingIdColumn",
                 list_text(an, e->args, e->arg_count), "groupByColumns",
                 list_text(an, agg->originals, agg->original_count));
        return hr_err_at(err, e->sql_pos, e->sql_end);
    }
    *expr = hr_expr_copy(an->arena, agg->groups[agg->original_count]);
    return *expr ? HR_OK : HR_OOM(err);
}

hr_status hr_use_groupings(struct hr_analyzer *an, const struct hr_aggregate_node *agg,
                           struct hr_expr **expr, struct hr_err *err)
{
    struct hr_expr *e = *expr;
    bool bit = hr_expr_is(e, HR_ROLE_GROUPING), id = hr_expr_is(e, HR_ROLE_GROUPING_ID);
    if ((bit || id) && (!agg || !agg->has_sets)) return no_sets(e, err);
    if (bit) return grouping_bit(an, agg, expr, err);
    if (id) return grouping_id(an, agg, expr, err);
    if (hr_expr_is_aggregate(e)) return HR_OK;
    for (uint32_t i = 0; agg && i < agg->original_count; i++) {
        if (!hr_expr_equal(agg->originals[i], e)) continue;
        *expr = hr_expr_copy(an->arena, agg->groups[i]);
        if (!*expr) return HR_OOM(err);
        if (e->kind == HR_X_ATTR) (*expr)->name = e->name;
        (*expr)->sql_pos = e->sql_pos;
        (*expr)->sql_end = e->sql_end;
        return HR_OK;
    }
    for (uint32_t i = 0; i < e->arg_count; i++) HR_TRY(hr_use_groupings(an, agg, &e->args[i], err));
    return HR_OK;
}
