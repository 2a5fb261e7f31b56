/* SPDX-License-Identifier: Apache-2.0 */
/* The operators of query |> …, and TABLESAMPLE. */
#include <stdlib.h>

#include "plan/nodes/aggregate.h"
#include "plan/nodes/filter.h"
#include "plan/nodes/limit.h"
#include "plan/nodes/project.h"
#include "plan/nodes/sort.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

static const struct hr_sql_q no_q;

/* A node of the kind over q, for the operator whose text ends at end. */
static struct hr_sql_q above(struct hr_sql_parser *p, enum hr_plan_kind kind, struct hr_sql_q q,
                             int32_t end)
{
    if (p->status != HR_OK || !q.plan) return no_q;
    if (++p->relation_count > HR_SQL_MAX_RELATIONS) {
        HR_SQL_RAISE(p, q.pos, end, HR_E_LIMIT, "what",
                     "the number of relations and set operations in a statement", "limit", "1000");
        return no_q;
    }
    struct hr_plan *plan = hr_plan_new1(p->arena, kind, q.plan);
    if (!plan) {
        hr_sql_oom(p);
        return no_q;
    }
    plan->sql_pos = q.pos;
    plan->sql_end = end;
    return (struct hr_sql_q){.plan = plan, .pos = q.pos, .end = end};
}

struct hr_sql_q hr_sql_pipe_select(struct hr_sql_parser *p, struct hr_sql_q q,
                                   struct hr_sql_select *select)
{
    if (p->status != HR_OK || !select) return no_q;
    select->from = q;
    struct hr_sql_q result = hr_sql_select(p, select);
    result.pos = q.pos;
    if (result.plan) result.plan->sql_pos = q.pos;
    return result;
}

struct hr_sql_q hr_sql_pipe_where(struct hr_sql_parser *p, struct hr_sql_q q,
                                  struct hr_sql_x condition)
{
    q = above(p, HR_P_FILTER, q, condition.end);
    if (!q.plan) return no_q;
    HR_NODE(filter, q.plan)->condition = condition.x;
    HR_NODE(filter, q.plan)->is_pipe = true;
    return q;
}

struct hr_sql_q hr_sql_pipe_order(struct hr_sql_parser *p, struct hr_sql_q q,
                                  struct hr_sql_list *keys, bool global)
{
    q = hr_sql_order(p, q, keys, global);
    if (q.plan) HR_NODE(sort, q.plan)->is_pipe = true;
    return q;
}

static bool has_star(struct hr_sql_parser *p, const struct hr_sql_list *items)
{
    for (uint32_t i = 0; p->status == HR_OK && i < items->exprs.count; i++) {
        const struct hr_expr *e = items->exprs.items[i];
        if (e->kind != HR_X_STAR) continue;
        HR_SQL_RAISE(p, e->sql_pos, e->sql_end, HR_E_INVALID_USAGE_OF_STAR, "elem", "'*'",
                     "prettyName", "expression `pipeexpression`");
        return true;
    }
    return p->status != HR_OK;
}

/* SELECT star, items: star is all columns, some of them replaced or left out. */
static struct hr_sql_q project(struct hr_sql_parser *p, struct hr_sql_q q, const char *clause,
                               struct hr_sql_x star, struct hr_sql_list *items)
{
    int32_t end = items ? items->end : star.end;
    struct hr_sql_list *all = hr_sql_push(p, NULL, star);
    for (uint32_t i = 0; all && items && i < items->exprs.count; i++)
        all = hr_sql_push(p, all,
                          (struct hr_sql_x){.x = items->exprs.items[i], .depth = items->depth});
    q = above(p, HR_P_PROJECT, q, end);
    if (!q.plan) return no_q;
    hr_select_of(q.plan)->exprs = all->exprs.items;
    hr_select_of(q.plan)->expr_count = all->exprs.count;
    HR_NODE(project, q.plan)->pipe_clause = clause;
    return q;
}

static struct hr_sql_x star_of(struct hr_sql_parser *p, struct hr_expr **args, uint32_t count,
                               int32_t pos, int32_t end)
{
    struct hr_expr *star = p->status == HR_OK ? hr_expr_new(p->arena, HR_X_STAR) : NULL;
    if (star) {
        star->args = args;
        star->arg_count = count;
    }
    return hr_sql_wrap(p, star, pos, end, 1);
}

struct hr_sql_q hr_sql_pipe_extend(struct hr_sql_parser *p, struct hr_sql_q q,
                                   struct hr_sql_list *items)
{
    if (p->status != HR_OK || has_star(p, items)) return no_q;
    return project(p, q, "EXTEND", star_of(p, NULL, 0, q.pos, items->end), items);
}

struct hr_sql_q hr_sql_pipe_drop(struct hr_sql_parser *p, struct hr_sql_q q,
                                 const struct hr_sql_token *start, struct hr_sql_names *names)
{
    return project(p, q, "DROP", hr_sql_star(p, NULL, start, names, names ? names->end : 0), NULL);
}

/* One assignment after the other, each over what the one before has left. */
struct hr_sql_q hr_sql_pipe_set(struct hr_sql_parser *p, struct hr_sql_q q,
                                const struct hr_sql_name_list *list)
{
    for (uint32_t i = 0; p->status == HR_OK && list && i < list->items.count; i++) {
        const struct hr_stmt_variable *v = &list->items.items[i];
        struct hr_sql_x value = list->values.items[i];
        if (v->part_count > 1) {
            hr_sql_unsupported(p, v->pos, v->end, "SET of a column with a qualifier after |>");
        } else if (!value.x) {
            hr_sql_unsupported(p, v->pos, v->end, "DEFAULT in SET after |>");
        }
        if (p->status != HR_OK) return no_q;
        struct hr_expr *alias = hr_expr_alias(p->arena, value.x, v->parts[0]);
        struct hr_expr **args = HR_NEW(p->arena, struct hr_expr *);
        struct hr_sql_x x = hr_sql_wrap(p, alias, v->pos, value.end, value.depth + 1u);
        if (p->status != HR_OK || !args) {
            hr_sql_oom(p);
            return no_q;
        }
        args[0] = x.x;
        q = project(p, q, "SET", star_of(p, args, 1, v->pos, value.end), NULL);
    }
    return q;
}

static void check_groups(struct hr_sql_parser *p, const struct hr_sql_q *q,
                         const struct hr_sql_list *groups)
{
    for (uint32_t i = 0; i < groups->exprs.count; i++) {
        const struct hr_expr *e = groups->exprs.items[i];
        bool rollup = e->kind == HR_X_CALL && hr_str_eq_nocase(e->name, "rollup");
        bool cube = e->kind == HR_X_CALL && hr_str_eq_nocase(e->name, "cube");
        if (rollup || cube)
            HR_SQL_RAISE(p, q->pos, groups->end, HR_E_PIPE_AGGREGATE_CASE, "case",
                         rollup ? "GROUP BY ROLLUP" : "GROUP BY CUBE");
    }
}

struct hr_sql_q hr_sql_pipe_aggregate(struct hr_sql_parser *p, struct hr_sql_q q,
                                      const struct hr_sql_token *start, struct hr_sql_list *items,
                                      struct hr_sql_list *groups)
{
    if (p->status != HR_OK) return no_q;
    if (!items && !groups) {
        hr_sql_syntax_error(p, start + 1, "");
        return no_q;
    }
    if ((items && has_star(p, items)) || (groups && has_star(p, groups))) return no_q;
    if (groups) check_groups(p, &q, groups);
    int32_t end = groups ? groups->end : items->end;
    uint32_t group_count = groups ? groups->exprs.count : 0, count = group_count;
    count += items ? items->exprs.count : 0;
    struct hr_expr **exprs = HR_NEW_ARRAY(p->arena, struct hr_expr *, count + 1);
    struct hr_expr **keys = HR_NEW_ARRAY(p->arena, struct hr_expr *, group_count + 1);
    q = above(p, HR_P_AGGREGATE, q, end);
    if (!q.plan) return no_q;
    if (!exprs || !keys) {
        hr_sql_oom(p);
        return no_q;
    }
    for (uint32_t i = 0; i < group_count; i++) {
        exprs[i] = groups->exprs.items[i];
        const struct hr_expr *key = exprs[i]->kind == HR_X_ALIAS ? exprs[i]->args[0] : exprs[i];
        keys[i] = hr_expr_copy(p->arena, key);
        if (!keys[i]) {
            hr_sql_oom(p);
            return no_q;
        }
    }
    for (uint32_t i = group_count; i < count; i++) exprs[i] = items->exprs.items[i - group_count];
    hr_select_of(q.plan)->exprs = exprs;
    hr_select_of(q.plan)->expr_count = count;
    struct hr_aggregate_node *agg = HR_NODE(aggregate, q.plan);
    agg->groups = keys;
    agg->group_count = group_count;
    agg->is_pipe = true;
    return q;
}

/* ORDER BY … or LIMIT …, not both. */
void hr_sql_pipe_two_clauses(struct hr_sql_parser *p, const struct hr_sql_token *start, int32_t end,
                             const char *one, const char *two)
{
    if (p->status != HR_OK) return;
    HR_SQL_RAISE(p, start->pos, end, HR_E_PIPE_RESULT_CLAUSES, "clause1", one, "clause2", two);
}

/* TABLESAMPLE ---------------------------------------------------------------------------------- */

struct sample {
    const struct hr_sql_token *from, *to; /* the raw tokens between the parentheses */
    bool has_seed;
    int64_t seed;
};

static double number_of(const struct hr_sql_token *t)
{
    char text[64] = {0};
    if (t->len < sizeof text) memcpy(text, t->ptr, t->len);
    return strtod(text, NULL);
}

/* A row is kept when a random number is below the fraction: as Spark samples, with its numbers. */
static struct hr_sql_q keep_fraction(struct hr_sql_parser *p, struct hr_sql_q q,
                                     const struct sample *s, double fraction, int32_t end)
{
    int64_t seed = s->seed;
    if (!s->has_seed) hr_env_default()->vt->random(hr_env_default(), &seed, sizeof seed);
    struct hr_expr *arg = hr_expr_int(p->arena, hr_type(HR_T_LONG), seed);
    struct hr_expr *random = arg ? hr_expr_call(p->arena, "rand", &arg, 1) : NULL;
    struct hr_expr *args[] = {random, hr_expr_double(p->arena, fraction)};
    struct hr_expr *below = args[0] && args[1] ? hr_expr_call(p->arena, "<", args, 2) : NULL;
    if (!below) {
        hr_sql_oom(p);
        return no_q;
    }
    q = above(p, HR_P_FILTER, q, end);
    if (q.plan) HR_NODE(filter, q.plan)->condition = below;
    return q;
}

static struct hr_sql_q percent(struct hr_sql_parser *p, struct hr_sql_q q, const struct sample *s,
                               const struct hr_sql_token *t)
{
    bool minus = s->from->kind == HR_TK_DASH;
    const struct hr_sql_token *n = s->from + minus;
    if (n + 2 != s->to || (n->kind != HR_TK_INTEGER && n->kind != HR_TK_NUMBER)) {
        hr_sql_syntax_error(p, n + 1 < s->to ? n + 1 : s->to, "");
        return no_q;
    }
    double fraction = (minus ? -1 : 1) * number_of(n) / 100;
    if (fraction < -1e-6 || fraction > 1 + 1e-6) {
        const char *text = hr_arena_printf(p->arena, "%.17g", fraction);
        HR_SQL_RAISE(p, t->pos, t->end, HR_E_INVALID_TABLESAMPLE_FRACTION, "fraction",
                     text ? text : "?");
        return no_q;
    }
    return keep_fraction(p, q, s, fraction, t->end);
}

static struct hr_sql_q bucket(struct hr_sql_parser *p, struct hr_sql_q q, const struct sample *s,
                              const struct hr_sql_token *t)
{
    const struct hr_sql_token *at = s->from;
    bool is_plain = at + 5 == s->to && at[1].kind == HR_TK_INTEGER &&
                    hr_sql_word_is(&at[2], "OUT") && hr_sql_word_is(&at[3], "OF") &&
                    at[4].kind == HR_TK_INTEGER;
    if (!is_plain) {
        hr_sql_unsupported(p, t->pos, t->end, "TABLESAMPLE (BUCKET x OUT OF y ON column)");
        return no_q;
    }
    double fraction = number_of(&at[1]) / number_of(&at[4]);
    if (!(fraction >= 0 && fraction <= 1)) {
        const char *text = hr_arena_printf(p->arena, "%.17g", fraction);
        HR_SQL_RAISE(p, t->pos, t->end, HR_E_INVALID_TABLESAMPLE_FRACTION, "fraction",
                     text ? text : "?");
        return no_q;
    }
    return keep_fraction(p, q, s, fraction, t->end);
}

static struct hr_sql_q rows(struct hr_sql_parser *p, struct hr_sql_q q, const struct sample *s,
                            const struct hr_sql_token *t)
{
    if (s->from + 2 != s->to || s->from->kind != HR_TK_INTEGER) {
        hr_sql_unsupported(p, t->pos, t->end,
                           "TABLESAMPLE of a number of rows that is no integer literal");
        return no_q;
    }
    struct hr_sql_token n = *s->from;
    return hr_sql_limit(p, q, hr_sql_number(p, NULL, &n), (struct hr_sql_x){0});
}

struct hr_sql_q hr_sql_sample(struct hr_sql_parser *p, struct hr_sql_q q,
                              const struct hr_sql_token *t)
{
    const struct hr_sql_token *raw = &p->raw[t->first], *end = raw + t->count;
    struct sample s = {.from = raw + 2};
    if (p->status != HR_OK) return no_q;
    const struct hr_sql_token *close = raw + 1;
    for (int depth = 0; close < end; close++) {
        if (close->kind == HR_TK_LP) depth++;
        if (close->kind == HR_TK_RP && --depth == 0) break;
    }
    s.to = close;
    if (close + 1 < end) { /* REPEATABLE (seed) */
        const struct hr_sql_token *n = close + 3;
        s.has_seed = true;
        s.seed = (int64_t)strtoull(n->ptr, NULL, 10);
        if (n->kind != HR_TK_INTEGER || n + 2 != end) {
            hr_sql_syntax_error(p, n, "");
            return no_q;
        }
    }
    const struct hr_sql_token *last = s.to - 1;
    if (s.from == s.to)
        hr_sql_unsupported(p, t->pos, t->end, "TABLESAMPLE without a size");
    else if (hr_sql_word_is(s.from, "BUCKET"))
        return bucket(p, q, &s, t);
    else if (hr_sql_word_is(last, "PERCENT"))
        return percent(p, q, &s, t);
    else if (hr_sql_word_is(last, "ROWS"))
        return rows(p, q, &s, t);
    else
        hr_sql_unsupported(p, t->pos, t->end, "TABLESAMPLE of a number of bytes");
    return no_q;
}
