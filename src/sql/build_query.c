/* SPDX-License-Identifier: Apache-2.0 */
/* Queries: what the grammar's actions make of SELECT, FROM, joins and set operations. */
#include <stdio.h>

#include "base/datetime.h"
#include "plan/nodes/aggregate.h"
#include "plan/nodes/distinct.h"
#include "plan/nodes/filter.h"
#include "plan/nodes/generate.h"
#include "plan/nodes/join.h"
#include "plan/nodes/lateral.h"
#include "plan/nodes/limit.h"
#include "plan/nodes/range.h"
#include "plan/nodes/relation.h"
#include "plan/nodes/setop.h"
#include "plan/nodes/sort.h"
#include "plan/nodes/subquery_alias.h"
#include "plan/nodes/union.h"
#include "plan/nodes/values.h"
#include "plan/nodes/silent.h"
#include "plan/nodes/watermark.h"
#include "plan/nodes/with.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

static const struct hr_sql_q no_q;

static struct hr_sql_q wrap(struct hr_sql_parser *p, struct hr_plan *plan, int32_t pos, int32_t end)
{
    if (p->status != HR_OK) return no_q;
    if (!plan) {
        hr_sql_oom(p);
        return no_q;
    }
    plan->sql_pos = pos;
    plan->sql_end = end;
    return (struct hr_sql_q){.plan = plan, .pos = pos, .end = end};
}

/* Trees of plans are walked by recursion: relations and set operations are counted. */
static bool one_more_relation(struct hr_sql_parser *p, int32_t pos, int32_t end)
{
    if (p->status == HR_OK && ++p->relation_count > HR_SQL_MAX_RELATIONS)
        HR_SQL_RAISE(p, pos, end, HR_E_LIMIT, "what",
                     "the number of relations and set operations in a statement", "limit", "1000");
    return p->status == HR_OK;
}

static struct hr_sql_q above(struct hr_sql_parser *p, enum hr_plan_kind kind, struct hr_sql_q q)
{
    if (p->status != HR_OK) return no_q;
    return wrap(p, hr_plan_new1(p->arena, kind, q.plan), q.pos, q.end);
}

/* SELECT --------------------------------------------------------------------------------------- */

struct hr_sql_select *hr_sql_new_select(struct hr_sql_parser *p, const struct hr_sql_token *start)
{
    if (p->status != HR_OK) return NULL;
    struct hr_sql_select *select = HR_NEW(p->arena, struct hr_sql_select);
    if (!select) hr_sql_oom(p);
    if (select) select->pos = start->pos;
    return select;
}

struct hr_sql_group hr_sql_group(struct hr_sql_parser *p, struct hr_sql_list *items,
                                 struct hr_expr *sets)
{
    if (p->status != HR_OK) return (struct hr_sql_group){0};
    return (struct hr_sql_group){.items = items, .sets = sets, .has = true, .end = items->end};
}

static struct hr_sql_x call_of(struct hr_sql_parser *p, const char *name, struct hr_sql_list *args,
                               int32_t pos, int32_t end)
{
    if (p->status != HR_OK) return (struct hr_sql_x){0};
    struct hr_expr *const *items = args ? args->exprs.items : NULL;
    struct hr_expr *call = hr_expr_call(p->arena, name, items, args ? args->exprs.count : 0);
    return hr_sql_wrap(p, call, pos, end, (args ? args->depth : 0) + 1u);
}

struct hr_sql_group hr_sql_group_with(struct hr_sql_parser *p, struct hr_sql_list *items,
                                      const char *name, const struct hr_sql_token *last)
{
    if (p->status != HR_OK) return (struct hr_sql_group){0};
    struct hr_sql_x call = call_of(p, name, items, items->pos, last->end);
    return hr_sql_group(p, hr_sql_push(p, NULL, call), NULL);
}

struct hr_sql_x hr_sql_grouping_sets(struct hr_sql_parser *p, struct hr_sql_list *sets, int32_t pos,
                                     int32_t end)
{
    return call_of(p, HR_GROUPING_SETS, sets, pos, end);
}

struct hr_sql_x hr_sql_empty_set(struct hr_sql_parser *p, int32_t pos, int32_t end)
{
    return call_of(p, HR_GROUPING_SET, NULL, pos, end);
}

static int32_t select_end(const struct hr_sql_select *s)
{
    int32_t end = HR_MAX(s->items->end, s->from.end);
    end = HR_MAX(end, s->where.end);
    if (s->group.items) end = HR_MAX(end, s->group.end);
    return HR_MAX(end, HR_MAX(s->having.end, s->qualify.end));
}

struct hr_sql_q hr_sql_select(struct hr_sql_parser *p, struct hr_sql_select *s)
{
    if (p->status != HR_OK || !s || !s->items) return no_q;
    hr_sql_apply_windows(p, s);
    int32_t end = select_end(s);
    struct hr_sql_q q = s->from;
    if (!q.plan) q = wrap(p, hr_plan_new(p->arena, HR_P_ONE_ROW), s->pos, end);
    if (s->where.x) {
        q = above(p, HR_P_FILTER, q);
        if (q.plan) HR_NODE(filter, q.plan)->condition = s->where.x;
    }
    /* HAVING without GROUP BY aggregates all rows. */
    bool aggregate = s->group.has || s->having.x;
    q = above(p, aggregate ? HR_P_AGGREGATE : HR_P_PROJECT, q);
    if (p->status != HR_OK) return no_q;
    hr_select_of(q.plan)->exprs = s->items->exprs.items;
    hr_select_of(q.plan)->expr_count = s->items->exprs.count;
    if (aggregate) HR_NODE(aggregate, q.plan)->group_by_all = s->group.all;
    if (s->group.items) {
        HR_NODE(aggregate, q.plan)->groups = s->group.items->exprs.items;
        HR_NODE(aggregate, q.plan)->group_count = s->group.items->exprs.count;
        HR_NODE(aggregate, q.plan)->sets = s->group.sets;
    }
    if (s->having.x) {
        q = above(p, HR_P_FILTER, q);
        if (p->status != HR_OK) return no_q;
        HR_NODE(filter, q.plan)->condition = s->having.x;
        HR_NODE(filter, q.plan)->is_having = true;
    }
    if (s->qualify.x) {
        q = above(p, HR_P_FILTER, q);
        if (p->status != HR_OK) return no_q;
        HR_NODE(filter, q.plan)->condition = s->qualify.x;
        HR_NODE(filter, q.plan)->is_qualify = true;
    }
    if (s->distinct) q = above(p, HR_P_DISTINCT, q);
    q.pos = s->pos;
    q.end = end;
    if (q.plan) {
        q.plan->sql_pos = s->pos;
        q.plan->sql_end = end;
    }
    return q;
}

struct hr_sql_q hr_sql_order(struct hr_sql_parser *p, struct hr_sql_q q, struct hr_sql_list *keys,
                             bool global)
{
    if (p->status != HR_OK) return no_q;
    q = above(p, HR_P_SORT, q);
    if (p->status != HR_OK) return no_q;
    struct hr_sort_node *sort = HR_NODE(sort, q.plan);
    sort->keys = keys->exprs.items;
    sort->key_count = keys->exprs.count;
    sort->is_global = global;
    q.end = q.plan->sql_end = keys->end;
    q.is_union_all = false;
    return q;
}

struct hr_sql_q hr_sql_limit(struct hr_sql_parser *p, struct hr_sql_q q, struct hr_sql_x limit,
                             struct hr_sql_x offset)
{
    q.is_union_all = false;
    if (!limit.x && !offset.x) return q; /* LIMIT ALL */
    q = above(p, HR_P_LIMIT, q);
    if (p->status != HR_OK) return no_q;
    HR_NODE(limit, q.plan)->limit_expr = limit.x;
    HR_NODE(limit, q.plan)->offset_expr = offset.x;
    q.end = q.plan->sql_end = offset.x ? offset.end : limit.end;
    return q;
}

/* VALUES --------------------------------------------------------------------------------------- */

static void width_mismatch(struct hr_sql_parser *p, const struct hr_sql_token *start, int32_t end,
                           uint32_t expected, uint32_t actual, uint32_t row)
{
    char a[16], b[16], c[16];
    snprintf(a, sizeof a, "%u", expected);
    snprintf(b, sizeof b, "%u", actual);
    snprintf(c, sizeof c, "%u", row);
    HR_SQL_RAISE(p, start->pos, end, HR_E_INLINE_TABLE_NUM_COLUMNS, "expectedNumCols", a,
                 "actualNumCols", b, "rowIndex", c);
}

struct hr_sql_q hr_sql_values(struct hr_sql_parser *p, const struct hr_sql_token *start,
                              struct hr_sql_list *rows)
{
    if (p->status != HR_OK) return no_q;
    struct hr_sql_q q = wrap(p, hr_plan_new(p->arena, HR_P_VALUES), start->pos, rows->end);
    uint32_t count = rows->exprs.count;
    struct hr_expr ***items = HR_NEW_ARRAY(p->arena, struct hr_expr **, count);
    if (!items) hr_sql_oom(p);
    if (p->status != HR_OK) return no_q;
    struct hr_values_node *values = HR_NODE(values, q.plan);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_expr *x = rows->exprs.items[i];
        bool row = rows->is_row.items[i];
        uint32_t width = row ? x->arg_count : 1;
        if (i == 0) values->row_width = width;
        if (width != values->row_width) {
            width_mismatch(p, start, rows->end, values->row_width, width, i);
            return no_q;
        }
        items[i] = row ? x->args : &rows->exprs.items[i];
    }
    values->rows = items;
    values->row_count = count;
    return q;
}

/* Set operations ------------------------------------------------------------------------------- */

/* a UNION ALL b UNION ALL c is one node. */
static bool add_to_union(struct hr_sql_parser *p, struct hr_sql_q *a, struct hr_sql_q b)
{
    uint32_t count = a->plan->child_count;
    struct hr_plan **children = a->plan->children;
    if (!(count & (count - 1))) /* room for twice as many at powers of two */
        children = hr_arena_grow(p->arena, children, count * sizeof *children,
                                 2 * count * sizeof *children);
    if (!children) {
        hr_sql_oom(p);
        return false;
    }
    children[count] = b.plan;
    a->plan->children = children;
    a->plan->child_count = count + 1;
    return true;
}

static struct hr_sql_q union_all(struct hr_sql_parser *p, struct hr_sql_q a, bool by_name,
                                 struct hr_sql_q b)
{
    if (a.is_union_all && !by_name && !HR_NODE(union, a.plan)->by_name) {
        if (!add_to_union(p, &a, b)) return no_q;
        a.plan->sql_end = a.end = b.end;
        return a;
    }
    struct hr_plan *plan = hr_plan_new2(p->arena, HR_P_UNION, a.plan, b.plan);
    struct hr_sql_q q = wrap(p, plan, a.pos, b.end);
    if (q.plan) HR_NODE(union, q.plan)->by_name = by_name;
    q.is_union_all = true;
    return q;
}

struct hr_sql_q hr_sql_set_op(struct hr_sql_parser *p, struct hr_sql_q a, int op, bool all,
                              bool by_name, struct hr_sql_q b)
{
    if (!one_more_relation(p, a.pos, b.end)) return no_q;
    struct hr_sql_q q;
    if (op == 'U') {
        q = union_all(p, a, by_name, b);
        if (!all) {
            q = above(p, HR_P_DISTINCT, q);
            q.is_union_all = false;
        }
        return q;
    }
    q = wrap(p, hr_plan_new2(p->arena, HR_P_SETOP, a.plan, b.plan), a.pos, b.end);
    if (q.plan) {
        HR_NODE(setop, q.plan)->op = op == 'E' ? HR_SET_EXCEPT : HR_SET_INTERSECT;
        HR_NODE(setop, q.plan)->is_all = all;
    }
    return q;
}

struct hr_sql_q hr_sql_paren_query(struct hr_sql_q q, const struct hr_sql_token *lp,
                                   const struct hr_sql_token *rp)
{
    q.pos = lp->pos;
    q.end = rp->end;
    q.is_union_all = false;
    return q;
}

/* WITH ----------------------------------------------------------------------------------------- */

struct hr_plan *hr_sql_with(struct hr_sql_parser *p)
{
    if (p->status != HR_OK) return NULL;
    struct hr_plan *with = hr_plan_new(p->arena, HR_P_WITH);
    if (!with) hr_sql_oom(p);
    return with;
}

void hr_sql_push_cte(struct hr_sql_parser *p, struct hr_plan *plan, const struct hr_sql_token *name,
                     struct hr_sql_names *columns, struct hr_sql_q q)
{
    char *text = hr_sql_ident(p, name);
    if (!text || !one_more_relation(p, name->pos, q.end)) return;
    struct hr_cte cte = {.name = text, .plan = q.plan};
    if (columns) {
        cte.columns = columns->names.items;
        cte.column_count = columns->names.count;
    }
    struct hr_with_node *with = HR_NODE(with, plan);
    struct hr_cte *ctes = hr_arena_grow(p->arena, with->ctes, with->cte_count * sizeof cte,
                                        (with->cte_count + 1) * sizeof cte);
    if (!ctes) {
        hr_sql_oom(p);
        return;
    }
    ctes[with->cte_count++] = cte;
    with->ctes = ctes;
}

struct hr_sql_q hr_sql_with_query(struct hr_sql_parser *p, struct hr_plan *with, int32_t pos,
                                  struct hr_sql_q q)
{
    if (p->status != HR_OK) return no_q;
    with->children = HR_NEW(p->arena, struct hr_plan *);
    if (!with->children) {
        hr_sql_oom(p);
        return no_q;
    }
    with->children[0] = q.plan;
    with->child_count = 1;
    return wrap(p, with, pos, q.end);
}

/* FROM ----------------------------------------------------------------------------------------- */

struct hr_sql_q hr_sql_relation(struct hr_sql_parser *p, struct hr_sql_names *name, bool stream,
                                struct hr_options *options, int32_t pos, int32_t end)
{
    if (!one_more_relation(p, pos, end)) return no_q;
    struct hr_sql_q q = wrap(p, hr_plan_new(p->arena, HR_P_RELATION), pos, end);
    if (!q.plan) return no_q;
    struct hr_relation_node *relation = HR_NODE(relation, q.plan);
    relation->name_parts = name->names.items;
    relation->name_part_count = name->names.count;
    relation->is_stream = stream;
    relation->options = options;
    return q;
}

/* The value of an integer literal. */
static bool literal_i64(const struct hr_expr *x, int64_t *ret)
{
    if (x->kind != HR_X_LITERAL || !hr_type_is_integral(x->type)) return false;
    switch (x->type->id) {
    case HR_T_BYTE: *ret = *(const int8_t *)x->literal->values; break;
    case HR_T_SHORT: *ret = *(const int16_t *)x->literal->values; break;
    case HR_T_INT: *ret = *(const int32_t *)x->literal->values; break;
    default: *ret = *(const int64_t *)x->literal->values; break;
    }
    return true;
}

/* range(end), range(start, end[, step[, partitions]]). */
static struct hr_sql_q range(struct hr_sql_parser *p, struct hr_sql_list *args, int32_t pos,
                             int32_t end)
{
    int64_t v[4] = {0, 0, 1, 0};
    uint32_t count = args ? args->exprs.count : 0;
    if (count < 1 || count > 4) {
        char n[16];
        snprintf(n, sizeof n, "%u", count);
        HR_SQL_RAISE(p, pos, end, HR_E_WRONG_NUM_ARGS, "functionName", "`range`", "expectedNum",
                     "[1, 2, 3, 4]", "actualNum", n);
        return no_q;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct hr_expr *x = args->exprs.items[i];
        if (!literal_i64(x, &v[count == 1 ? 1 : i])) {
            hr_sql_unsupported(p, x->sql_pos, x->sql_end,
                               "an argument of range() that is no integer literal");
            return no_q;
        }
    }
    if (v[2] == 0) {
        HR_SQL_RAISE(p, pos, end, HR_E_INVALID_ARGUMENT, "what", "step of range() cannot be 0");
        return no_q;
    }
    struct hr_sql_q q = wrap(p, hr_plan_new(p->arena, HR_P_RANGE), pos, end);
    if (!q.plan) return no_q;
    struct hr_range_node *range = HR_NODE(range, q.plan);
    range->start = v[0];
    range->end = v[1];
    range->step = v[2];
    return q;
}

/* A function in FROM: range, or a generator over one row. */
struct hr_sql_q hr_sql_table_function(struct hr_sql_parser *p, struct hr_sql_names *name,
                                      struct hr_sql_list *args, const struct hr_sql_token *rp)
{
    if (p->status != HR_OK || !one_more_relation(p, name->pos, rp->end)) return no_q;
    if (name->names.count == 1 && hr_str_eq_nocase(name->names.items[0], "range"))
        return range(p, args, name->pos, rp->end);
    struct hr_sql_x call = hr_sql_function(p, name, false, args, rp);
    struct hr_sql_q q = wrap(p, hr_plan_new(p->arena, HR_P_ONE_ROW), name->pos, rp->end);
    return hr_sql_lateral_view(p, q, false, call, NULL, NULL, rp->end);
}

struct hr_sql_wm *hr_sql_new_wm(struct hr_sql_parser *p, struct hr_sql_x column,
                                const struct hr_sql_token *interval)
{
    if (p->status != HR_OK) return NULL;
    struct hr_sql_wm *wm = HR_NEW(p->arena, struct hr_sql_wm);
    if (!wm) {
        hr_sql_oom(p);
        return NULL;
    }
    wm->column = column;
    wm->interval = interval;
    return wm;
}

struct hr_sql_q hr_sql_watermarked(struct hr_sql_parser *p, struct hr_sql_q q,
                                   const struct hr_sql_wm *wm)
{
    const struct hr_type *type;
    int64_t delay;
    if (p->status != HR_OK || !wm) return q;
    if (!hr_sql_interval_value(p, wm->interval, &type, &delay)) return no_q;
    if (type->id == HR_T_INTERVAL_YM) delay *= 31 * HR_US_PER_DAY; /* as Spark counts a month */
    if (delay < 0) {
        HR_SQL_RAISE(p, wm->interval->pos, wm->interval->end, HR_E_INVALID_ARGUMENT, "what",
                     "the delay of a watermark must not be negative");
        return no_q;
    }
    int32_t pos = q.pos;
    q = above(p, HR_P_WATERMARK, q);
    if (p->status != HR_OK) return no_q;
    HR_NODE(watermark, q.plan)->time = wm->column.x;
    HR_NODE(watermark, q.plan)->delay_us = delay;
    return wrap(p, q.plan, pos, wm->interval->end);
}

struct hr_sql_q hr_sql_silent(struct hr_sql_parser *p, struct hr_sql_q q,
                              const struct hr_sql_token *start, struct hr_sql_list *keys,
                              const struct hr_sql_token *interval)
{
    const struct hr_type *type;
    int64_t after_us;
    if (p->status != HR_OK || !hr_sql_interval_value(p, interval, &type, &after_us)) return no_q;
    if (type->id == HR_T_INTERVAL_YM || after_us <= 0) {
        HR_SQL_RAISE(p, interval->pos, interval->end, HR_E_INVALID_ARGUMENT, "what",
                     "SILENT BY … FOR takes an interval above zero, of days and below");
        return no_q;
    }
    int32_t pos = q.pos;
    q = above(p, HR_P_SILENT, q);
    if (p->status != HR_OK) return no_q;
    struct hr_silent_node *silent = HR_NODE(silent, q.plan);
    silent->keys = keys->exprs.items;
    silent->key_count = keys->exprs.count;
    silent->after_us = after_us;
    q.plan->sql_pos = start->pos;
    q.plan->sql_end = interval->end;
    return wrap(p, q.plan, pos, interval->end);
}

struct hr_sql_q hr_sql_deduplicate(struct hr_sql_parser *p, struct hr_sql_q q,
                                   const struct hr_sql_token *start, struct hr_sql_list *keys,
                                   bool within_watermark)
{
    q = above(p, HR_P_DISTINCT, q);
    if (p->status != HR_OK) return no_q;
    struct hr_distinct_node *distinct = HR_NODE(distinct, q.plan);
    distinct->by_keys = true;
    distinct->within_watermark = within_watermark;
    if (keys) {
        distinct->keys = keys->exprs.items;
        distinct->key_count = keys->exprs.count;
    }
    q.plan->sql_pos = start->pos;
    q.plan->sql_end = keys ? keys->end : start->end;
    return q;
}

struct hr_sql_alias *hr_sql_table_alias(struct hr_sql_parser *p, const struct hr_sql_token *name,
                                        struct hr_sql_names *columns, int32_t end)
{
    char *text = hr_sql_ident(p, name);
    if (!text) return NULL;
    struct hr_sql_alias *alias = HR_NEW(p->arena, struct hr_sql_alias);
    if (!alias) {
        hr_sql_oom(p);
        return NULL;
    }
    *alias = (struct hr_sql_alias){.name = text, .columns = columns, .end = end};
    return alias;
}

struct hr_sql_q hr_sql_alias_query(struct hr_sql_parser *p, struct hr_sql_q q,
                                   const struct hr_sql_alias *alias)
{
    if (p->status != HR_OK) return no_q;
    bool lateral = q.is_lateral;
    q = above(p, HR_P_SUBQUERY_ALIAS, q);
    if (p->status != HR_OK) return no_q;
    q.is_lateral = lateral;
    struct hr_subquery_alias_node *node = HR_NODE(subquery_alias, q.plan);
    node->name = alias->name;
    if (alias->columns) {
        node->columns = alias->columns->names.items;
        node->column_count = alias->columns->names.count;
    }
    q.end = q.plan->sql_end = alias->end;
    return q;
}

static struct hr_sql_q lateral_join(struct hr_sql_parser *p, struct hr_sql_q a,
                                    struct hr_sql_join join, struct hr_sql_q b, struct hr_sql_on on)
{
    if (on.names || join.natural) {
        HR_SQL_RAISE(p, a.pos, HR_MAX(b.end, on.end), HR_E_LATERAL_JOIN_USING);
        return no_q;
    }
    if (join.type != HR_JOIN_INNER && join.type != HR_JOIN_CROSS && join.type != HR_JOIN_LEFT) {
        static const char *const names[] = {[HR_JOIN_RIGHT] = "RIGHT OUTER",
                                            [HR_JOIN_FULL] = "FULL OUTER",
                                            [HR_JOIN_SEMI] = "LEFT SEMI",
                                            [HR_JOIN_ANTI] = "LEFT ANTI"};
        HR_SQL_RAISE(p, a.pos, HR_MAX(b.end, on.end), HR_E_INVALID_LATERAL_JOIN_TYPE, "joinType",
                     names[join.type]);
        return no_q;
    }
    struct hr_sql_x query = hr_sql_subquery(p, HR_SUBQUERY_LATERAL, NULL, b, b.pos, b.end);
    struct hr_sql_q q =
        wrap(p, hr_plan_new1(p->arena, HR_P_LATERAL, a.plan), a.pos, HR_MAX(b.end, on.end));
    if (!q.plan) return no_q;
    struct hr_lateral_node *node = HR_NODE(lateral, q.plan);
    node->query = query.x;
    node->type = join.type;
    node->condition = on.condition;
    return q;
}

struct hr_sql_q hr_sql_join(struct hr_sql_parser *p, struct hr_sql_q a, struct hr_sql_join join,
                            struct hr_sql_q b, struct hr_sql_on on)
{
    if (p->status != HR_OK) return no_q;
    if (join.natural && join.type == HR_JOIN_CROSS) {
        HR_SQL_RAISE(p, a.pos, b.end, HR_E_INCOMPATIBLE_JOIN_TYPES, "joinType1", "NATURAL",
                     "joinType2", "CROSS");
        return no_q;
    }
    if (b.is_lateral) return lateral_join(p, a, join, b, on);
    struct hr_plan *plan = hr_plan_new2(p->arena, HR_P_JOIN, a.plan, b.plan);
    struct hr_sql_q q = wrap(p, plan, a.pos, HR_MAX(b.end, on.end));
    if (!q.plan) return no_q;
    struct hr_join_node *node = HR_NODE(join, q.plan);
    node->type = join.type;
    node->is_natural = join.natural;
    node->condition = on.condition;
    if (on.names) {
        node->using_columns = on.names->names.items;
        node->using_count = on.names->names.count;
    }
    return q;
}

struct hr_sql_q hr_sql_lateral_view(struct hr_sql_parser *p, struct hr_sql_q q, bool outer,
                                    struct hr_sql_x call, const char *table,
                                    struct hr_sql_names *columns, int32_t end)
{
    if (!one_more_relation(p, call.pos, end)) return no_q;
    q = above(p, HR_P_GENERATE, q);
    if (p->status != HR_OK) return no_q;
    struct hr_generate_node *generate = HR_NODE(generate, q.plan);
    generate->call = call.x;
    generate->outer = outer;
    generate->name = table;
    if (columns) {
        generate->columns = columns->names.items;
        generate->column_count = columns->names.count;
    }
    q.end = q.plan->sql_end = columns ? columns->end : end;
    return q;
}
