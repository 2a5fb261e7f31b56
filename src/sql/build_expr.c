/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions: what the grammar's actions make of operators, calls, names and stars. */
#include <stdio.h>

#include "base/env.h"
#include "column/type_parse.h"
#include "expr/function.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

static const struct hr_sql_x no_x;

struct hr_sql_x hr_sql_wrap(struct hr_sql_parser *p, struct hr_expr *x, int32_t pos, int32_t end,
                            uint32_t depth)
{
    if (p->status != HR_OK) return no_x;
    if (!x) {
        hr_sql_oom(p);
        return no_x;
    }
    if (depth > HR_SQL_MAX_DEPTH) {
        HR_SQL_RAISE(p, pos, end, HR_E_LIMIT, "what", "the nesting of an expression", "limit",
                     "1000 levels");
        return no_x;
    }
    x->sql_pos = pos;
    x->sql_end = end;
    return (struct hr_sql_x){.x = x, .pos = pos, .end = end, .depth = (uint16_t)depth};
}

/* Lists and names ------------------------------------------------------------------------------ */

struct hr_sql_list *hr_sql_push(struct hr_sql_parser *p, struct hr_sql_list *list,
                                struct hr_sql_x a)
{
    if (p->status != HR_OK) return NULL;
    if (!list) {
        list = HR_NEW(p->arena, struct hr_sql_list);
        if (list) list->pos = a.pos;
    }
    if (!list || !HR_VEC_PUSH(p->arena, &list->exprs, a.x) ||
        !HR_VEC_PUSH(p->arena, &list->is_row, a.is_row)) {
        hr_sql_oom(p);
        return NULL;
    }
    list->end = a.end;
    list->depth = HR_MAX(list->depth, a.depth);
    return list;
}

struct hr_sql_names *hr_sql_push_name(struct hr_sql_parser *p, struct hr_sql_names *names,
                                      const struct hr_sql_token *name)
{
    char *text = hr_sql_ident(p, name);
    if (!text) return NULL;
    if (!names) {
        names = HR_NEW(p->arena, struct hr_sql_names);
        if (names) {
            names->pos = name->pos;
            names->first_is_word = name->is_word;
        }
    }
    if (!names || !HR_VEC_PUSH(p->arena, &names->names, text)) {
        hr_sql_oom(p);
        return NULL;
    }
    names->end = name->end;
    return names;
}

/* Operators ------------------------------------------------------------------------------------ */

struct hr_sql_x hr_sql_call(struct hr_sql_parser *p, int32_t pos, int32_t end, const char *name,
                            const struct hr_sql_x *args, uint32_t count)
{
    struct hr_expr *list[4];
    uint32_t depth = 0;
    if (p->status != HR_OK) return no_x;
    assert(count <= HR_COUNT(list));
    for (uint32_t i = 0; i < count; i++) {
        list[i] = args[i].x;
        depth = HR_MAX(depth, args[i].depth);
    }
    return hr_sql_wrap(p, hr_expr_call(p->arena, name, list, count), pos, end, depth + 1);
}

static struct hr_sql_x call_list(struct hr_sql_parser *p, int32_t pos, int32_t end,
                                 const char *name, const struct hr_sql_list *list)
{
    if (p->status != HR_OK) return no_x;
    struct hr_expr *x =
        hr_expr_call(p->arena, name, list ? list->exprs.items : NULL, list ? list->exprs.count : 0);
    return hr_sql_wrap(p, x, pos, end, (list ? list->depth : 0) + 1u);
}

struct hr_sql_x hr_sql_unary(struct hr_sql_parser *p, const struct hr_sql_token *op,
                             const char *name, struct hr_sql_x a)
{
    return hr_sql_call(p, op->pos, a.end, name, &a, 1);
}

#define CHAIN_PLAIN 256u /* so long a chain leans to the left, as it is written */
#define CHAIN_SLACK 40u  /* levels that 2^32 more operands add */

static bool is_chain(const struct hr_expr *x, const char *name)
{
    return x->kind == HR_X_CALL && x->arg_count == 2 && strcmp(x->name, name) == 0;
}

/* Of a right operand that join_chain made: its levels of name, down its left side. */
static uint32_t chain_height(const struct hr_expr *x, const char *name)
{
    uint32_t height = 0;
    for (; is_chain(x, name); x = x->args[0]) height++;
    return height;
}

/*
 * a op b for a long chain a of an associative operator. Behind its first part the operands stand in
 * full trees, the larger ones first, as the bits of a counter: two of one height become one. So n
 * operands are log n levels deep, in the order in which they were written.
 */
static struct hr_sql_x join_chain(struct hr_sql_parser *p, struct hr_sql_x a, const char *name,
                                  struct hr_sql_x b)
{
    bool joined = a.depth >= CHAIN_PLAIN + CHAIN_SLACK;
    uint32_t depth = HR_MAX(joined ? a.depth : a.depth + CHAIN_SLACK, b.depth + CHAIN_SLACK);
    struct hr_expr *left = a.x, *right = b.x;
    for (uint32_t height = 0; joined && is_chain(left, name); height++) {
        if (chain_height(left->args[1], name) != height) break;
        struct hr_expr *pair[] = {left->args[1], right};
        right = hr_expr_call(p->arena, name, pair, 2);
        if (!right) break;
        right->sql_pos = pair[0]->sql_pos;
        right->sql_end = b.end;
        left = left->args[0];
    }
    struct hr_expr *args[] = {left, right};
    struct hr_expr *x = right ? hr_expr_call(p->arena, name, args, 2) : NULL;
    return hr_sql_wrap(p, x, a.pos, b.end, depth);
}

struct hr_sql_x hr_sql_binary(struct hr_sql_parser *p, struct hr_sql_x a, const char *name,
                              struct hr_sql_x b)
{
    struct hr_sql_x args[] = {a, b};
    bool associative =
        strcmp(name, "or") == 0 || strcmp(name, "and") == 0 || strcmp(name, "||") == 0;
    if (p->status == HR_OK && associative && a.depth >= CHAIN_PLAIN && is_chain(a.x, name))
        return join_chain(p, a, name, b);
    return hr_sql_call(p, a.pos, b.end, name, args, 2);
}

struct hr_sql_x hr_sql_not(struct hr_sql_parser *p, struct hr_sql_x a, bool negated)
{
    return negated ? hr_sql_call(p, a.pos, a.end, "not", &a, 1) : a;
}

static struct hr_sql_x copy_of(struct hr_sql_parser *p, struct hr_sql_x a)
{
    if (p->status != HR_OK) return no_x;
    a.x = hr_expr_copy(p->arena, a.x);
    if (!a.x) {
        hr_sql_oom(p);
        return no_x;
    }
    return a;
}

/* a in front of the list. */
static struct hr_sql_list *with_first(struct hr_sql_parser *p, struct hr_sql_x a,
                                      const struct hr_sql_list *list)
{
    struct hr_sql_list *all = hr_sql_push(p, NULL, a);
    if (!list) return NULL;
    for (uint32_t i = 0; i < list->exprs.count; i++) {
        struct hr_expr *x = list->exprs.items[i];
        all = hr_sql_push(p, all, (struct hr_sql_x){.x = x, .depth = list->depth});
    }
    return all;
}

struct hr_sql_x hr_sql_in(struct hr_sql_parser *p, struct hr_sql_x a, bool negated,
                          struct hr_sql_list *list, int32_t end)
{
    return hr_sql_not(p, call_list(p, a.pos, end, "in", with_first(p, a, list)), negated);
}

/* a LIKE ANY (x, y): a like x or a like y. NOT LIKE ALL: not a like x and not a like y. */
struct hr_sql_x hr_sql_like_many(struct hr_sql_parser *p, struct hr_sql_x a, bool negated,
                                 const char *name, bool all, struct hr_sql_list *list, int32_t end)
{
    struct hr_sql_x whole = no_x;
    for (uint32_t i = 0; p->status == HR_OK && list && i < list->exprs.count; i++) {
        struct hr_sql_x args[] = {i == 0 ? a : copy_of(p, a),
                                  {.x = list->exprs.items[i], .depth = list->depth}};
        struct hr_sql_x one = hr_sql_not(p, hr_sql_call(p, a.pos, end, name, args, 2), negated);
        whole = i == 0 ? one : hr_sql_binary(p, whole, all ? "and" : "or", one);
    }
    return whole;
}

struct hr_sql_x hr_sql_case(struct hr_sql_parser *p, const struct hr_sql_token *start,
                            struct hr_sql_x operand, struct hr_sql_list *whens,
                            struct hr_sql_x otherwise, const struct hr_sql_token *end)
{
    struct hr_sql_list *args = NULL;
    for (uint32_t i = 0; p->status == HR_OK && whens && i < whens->exprs.count; i++) {
        struct hr_expr *item = whens->exprs.items[i];
        struct hr_sql_x x = {
            .x = item, .pos = item->sql_pos, .end = item->sql_end, .depth = whens->depth};
        if (operand.x && i % 2 == 0)
            x = hr_sql_binary(p, i == 0 ? operand : copy_of(p, operand), "=", x);
        args = hr_sql_push(p, args, x);
    }
    if (otherwise.x) args = hr_sql_push(p, args, otherwise);
    return call_list(p, start->pos, end->end, "case", args);
}

struct hr_sql_x hr_sql_cast(struct hr_sql_parser *p, struct hr_sql_x a, struct hr_sql_type type,
                            bool try_cast, int32_t pos, int32_t end)
{
    if (p->status != HR_OK) return no_x;
    struct hr_expr *x = hr_expr_cast(p->arena, a.x, type.type);
    if (x) x->try_cast = try_cast;
    return hr_sql_wrap(p, x, pos, end, a.depth + 1u);
}

struct hr_sql_x hr_sql_paren(struct hr_sql_x a, const struct hr_sql_token *lp,
                             const struct hr_sql_token *rp)
{
    a.pos = lp->pos;
    a.end = rp->end;
    return a;
}

struct hr_sql_x hr_sql_row(struct hr_sql_parser *p, struct hr_sql_list *list,
                           const struct hr_sql_token *lp, const struct hr_sql_token *rp)
{
    struct hr_sql_x x = call_list(p, lp->pos, rp->end, "__row", list);
    x.is_row = true;
    return x;
}

struct hr_sql_type hr_sql_type(struct hr_sql_parser *p, const struct hr_sql_token *first,
                               const struct hr_sql_token *last)
{
    struct hr_sql_type result = {.pos = first->pos, .end = last->end};
    if (p->status != HR_OK) return result;
    struct hr_str_view text = hr_svn(p->text + first->pos, (size_t)(last->end - first->pos));
    hr_status status = hr_type_parse(text, &result.type, p->err);
    if (status != HR_OK) {
        if (p->err && p->err->sql_pos >= 0) {
            p->err->sql_pos += first->pos;
            p->err->sql_end += first->pos;
        }
        hr_sql_fail(p, status, first->pos, last->end);
    }
    return result;
}

/* Names, stars, aliases ------------------------------------------------------------------------ */

struct hr_sql_x hr_sql_name_expr(struct hr_sql_parser *p, struct hr_sql_names *names)
{
    if (p->status != HR_OK) return no_x;
    struct hr_expr *x = hr_expr_name(p->arena, names->names.items, names->names.count);
    return hr_sql_wrap(p, x, names->pos, names->end, 1);
}

/* t.* EXCEPT (a, b): the columns left out are NAMEs in args. */
struct hr_sql_x hr_sql_star(struct hr_sql_parser *p, struct hr_sql_names *qualifier,
                            const struct hr_sql_token *star, struct hr_sql_names *except,
                            int32_t end)
{
    if (p->status != HR_OK) return no_x;
    struct hr_expr *x = hr_expr_new(p->arena, HR_X_STAR);
    int32_t pos = qualifier ? qualifier->pos : star->pos;
    if (x && qualifier) {
        x->name_parts = qualifier->names.items;
        x->name_part_count = qualifier->names.count;
    }
    if (x && except) {
        x->args = HR_NEW_ARRAY(p->arena, struct hr_expr *, except->names.count);
        for (uint32_t i = 0; x->args && i < except->names.count; i++) {
            x->args[i] = hr_expr_name(p->arena, &except->names.items[i], 1);
            if (!x->args[i]) x->args = NULL;
        }
        if (!x->args) x = NULL;
        if (x) x->arg_count = except->names.count;
    }
    return hr_sql_wrap(p, x, pos, end, 1);
}

struct hr_sql_x hr_sql_field(struct hr_sql_parser *p, struct hr_sql_x a,
                             const struct hr_sql_token *name)
{
    char *text = hr_sql_ident(p, name);
    if (!text) return no_x;
    struct hr_expr *x = hr_expr_new(p->arena, HR_X_FIELD);
    if (x) {
        x->name = text;
        x->args = HR_NEW(p->arena, struct hr_expr *);
        x->arg_count = 1;
        if (x->args)
            x->args[0] = a.x;
        else
            x = NULL;
    }
    return hr_sql_wrap(p, x, a.pos, name->end, a.depth + 1u);
}

/* SELECT a, FROM t reads FROM as a column called t: Spark says what was meant. */
static bool is_trailing_comma(const struct hr_sql_parser *p, const struct hr_expr *x)
{
    int32_t at = x->sql_pos - 1;
    if (x->kind != HR_X_NAME || x->name_part_count != 1 ||
        !hr_str_eq_nocase(x->name_parts[0], "from") || p->text[x->sql_pos] == '`')
        return false;
    while (at >= 0 && strchr(" \t\r\n", p->text[at])) at--;
    return at >= 0 && p->text[at] == ',';
}

/* One name, or several for a generator's columns (name_parts). */
struct hr_sql_x hr_sql_alias(struct hr_sql_parser *p, struct hr_sql_x a, struct hr_sql_names *names)
{
    if (p->status != HR_OK) return no_x;
    if (is_trailing_comma(p, a.x)) {
        HR_SQL_RAISE(p, a.pos, a.end, HR_E_TRAILING_COMMA_IN_SELECT);
        return no_x;
    }
    struct hr_expr *x = hr_expr_alias(p->arena, a.x, names->names.items[0]);
    if (x && names->names.count > 1) {
        x->name_parts = names->names.items;
        x->name_part_count = names->names.count;
    }
    return hr_sql_wrap(p, x, a.pos, names->end, a.depth + 1u);
}

struct hr_sql_x hr_sql_sort_key(struct hr_sql_parser *p, struct hr_sql_x a,
                                struct hr_sql_flag descending, struct hr_sql_flag nulls)
{
    if (p->status != HR_OK) return no_x;
    struct hr_expr *x = hr_expr_new(p->arena, HR_X_SORT);
    struct hr_expr **args = HR_NEW(p->arena, struct hr_expr *);
    if (!x || !args) {
        hr_sql_oom(p);
        return no_x;
    }
    args[0] = a.x;
    x->args = args;
    x->arg_count = 1;
    x->descending = descending.value != 0;
    x->nulls_first = nulls.value > 0 || (nulls.value == 0 && !x->descending);
    return hr_sql_wrap(p, x, a.pos, HR_MAX(a.end, HR_MAX(descending.end, nulls.end)),
                       a.depth + 1u);
}

/* Calls ---------------------------------------------------------------------------------------- */

/* timestampadd(DAY, …): the unit is a word there, not a column. */
static const char *unit_function(const char *name)
{
    static const char *const names[][2] = {
        {"timestampadd", "__timestampadd"}, {"dateadd", "__timestampadd"},
        {"date_add", "__timestampadd"},     {"timestampdiff", "__timestampdiff"},
        {"datediff", "__timestampdiff"},    {"date_diff", "__timestampdiff"},
    };
    for (size_t i = 0; i < HR_COUNT(names); i++)
        if (hr_str_eq_nocase(name, names[i][0])) return names[i][1];
    return NULL;
}

/* The unit becomes a text; a text that the user wrote is refused, other words are names. */
static void take_unit(struct hr_sql_parser *p, const char **name, struct hr_sql_list *args,
                      int32_t pos, int32_t end)
{
    static const char *const units[] = {"YEAR", "QUARTER", "MONTH",  "WEEK",   "DAY",
                                        "DAYOFYEAR", "HOUR", "MINUTE", "SECOND", "MILLISECOND",
                                        "MICROSECOND"};
    const char *function = unit_function(*name);
    struct hr_expr *unit = function && args && args->exprs.count == 3 ? args->exprs.items[0] : NULL;
    if (!unit) return;
    if (unit->kind == HR_X_LITERAL && unit->type && unit->type->id == HR_T_STRING) {
        const char *got = hr_arena_printf(p->arena, "'%s'", hr_expr_text(p->arena, unit));
        const char *called = hr_arena_printf(p->arena, "`%s`", *name);
        HR_SQL_RAISE(p, pos, end, HR_E_INVALID_DATETIME_UNIT, "functionName",
                     called ? called : "?", "invalidValue", got ? got : "?");
        return;
    }
    if (unit->kind != HR_X_NAME || unit->name_part_count != 1) return;
    for (size_t i = 0; i < HR_COUNT(units); i++) {
        if (!hr_str_eq_nocase(unit->name_parts[0], units[i])) continue;
        struct hr_expr *literal = hr_expr_string(p->arena, hr_sv(units[i]));
        args->exprs.items[0] = hr_sql_wrap(p, literal, unit->sql_pos, unit->sql_end, 1).x;
        *name = function;
        return;
    }
}

/* count(*); but count(DISTINCT *) and count(* EXCEPT (a)) are of columns. */
static bool is_count_star(const struct hr_sql_names *name, const struct hr_sql_list *args,
                          bool distinct)
{
    return args && args->exprs.count && !distinct && args->exprs.items[0]->arg_count == 0 &&
           args->exprs.count == 1 && args->exprs.items[0]->kind == HR_X_STAR &&
           args->exprs.items[0]->name_part_count == 0 && name->names.count == 1 &&
           hr_function_role(hr_function_find(name->names.items[0])) == HR_ROLE_COUNT;
}

struct hr_sql_x hr_sql_function(struct hr_sql_parser *p, struct hr_sql_names *name, bool distinct,
                                struct hr_sql_list *args, const struct hr_sql_token *rp)
{
    const char *text = hr_sql_dotted(p, name);
    if (p->status != HR_OK) return no_x;
    if (is_count_star(name, args, distinct)) {
        struct hr_expr *star = args->exprs.items[0];
        struct hr_expr *one = hr_expr_int(p->arena, hr_type(HR_T_INT), 1);
        args->exprs.items[0] = hr_sql_wrap(p, one, star->sql_pos, star->sql_end, 1).x;
    }
    take_unit(p, &text, args, name->pos, rp->end);
    if (p->status != HR_OK) return no_x;
    struct hr_sql_x x = call_list(p, name->pos, rp->end, text, args);
    if (!x.x) return x;
    x.x->distinct = distinct;
    const struct hr_function *function = hr_function_find(text);
    if (function && function->flags & HR_FN_NONDETERMINISTIC)
        hr_env_default()->vt->random(hr_env_default(), &x.x->seed, sizeof x.x->seed);
    return x;
}

struct hr_sql_x hr_sql_filter(struct hr_sql_parser *p, struct hr_sql_x call, struct hr_sql_x filter,
                              const struct hr_sql_token *rp)
{
    if (p->status != HR_OK) return no_x;
    call.x->filter = filter.x;
    return hr_sql_wrap(p, call.x, call.pos, rp->end, HR_MAX(call.depth, filter.depth + 1u));
}

/* WITHIN GROUP (ORDER BY …): the keys are the call's last arguments. */
struct hr_sql_x hr_sql_within(struct hr_sql_parser *p, struct hr_sql_x call,
                              struct hr_sql_list *keys, const struct hr_sql_token *rp)
{
    if (p->status != HR_OK) return no_x;
    uint32_t plain = call.x->arg_count, count = keys->exprs.count;
    struct hr_expr **args = HR_NEW_ARRAY(p->arena, struct hr_expr *, plain + count);
    if (!args) {
        hr_sql_oom(p);
        return no_x;
    }
    for (uint32_t i = 0; i < plain; i++) args[i] = call.x->args[i];
    for (uint32_t i = 0; i < count; i++) args[plain + i] = keys->exprs.items[i];
    call.x->args = args;
    call.x->arg_count = plain + count;
    call.x->order_count = count;
    return hr_sql_wrap(p, call.x, call.pos, rp->end, call.depth + 1u);
}

struct hr_sql_x hr_sql_plain_name(struct hr_sql_x call)
{
    if (call.x && hr_str_eq_nocase(call.x->name, "first_value")) call.x->name = "first";
    if (call.x && hr_str_eq_nocase(call.x->name, "last_value")) call.x->name = "last";
    return call;
}

/* first(x) IGNORE NULLS is first(x, true); window functions have a mark. */
struct hr_sql_x hr_sql_ignore_nulls(struct hr_sql_parser *p, struct hr_sql_x call,
                                    const struct hr_sql_token *last)
{
    if (p->status != HR_OK) return no_x;
    enum hr_function_role role = hr_expr_role(call.x);
    if (role != HR_ROLE_FIRST && role != HR_ROLE_LAST) {
        call.x->ignores_nulls = true;
        call.x->sql_end = call.end = last->end;
        return call;
    }
    struct hr_sql_list *args = NULL;
    for (uint32_t i = 0; i < call.x->arg_count; i++)
        args = hr_sql_push(p, args, (struct hr_sql_x){.x = call.x->args[i], .depth = call.depth});
    struct hr_sql_x yes = hr_sql_wrap(p, hr_expr_bool(p->arena, true), last->pos, last->end, 1);
    args = hr_sql_push(p, args, yes);
    if (!args) return no_x;
    call.x->args = args->exprs.items;
    call.x->arg_count = args->exprs.count;
    call.x->sql_end = call.end = last->end;
    return hr_sql_plain_name(call);
}

struct hr_sql_x hr_sql_lambda(struct hr_sql_parser *p, struct hr_sql_names *names, int32_t pos,
                              struct hr_sql_x body)
{
    if (p->status != HR_OK) return no_x;
    struct hr_expr *x = hr_expr_new(p->arena, HR_X_LAMBDA);
    struct hr_expr **args = HR_NEW(p->arena, struct hr_expr *);
    if (!x || !args) {
        hr_sql_oom(p);
        return no_x;
    }
    args[0] = body.x;
    x->args = args;
    x->arg_count = 1;
    x->name_parts = names->names.items;
    x->name_part_count = names->names.count;
    return hr_sql_wrap(p, x, pos, body.end, body.depth + 1u);
}

struct hr_sql_x hr_sql_extract(struct hr_sql_parser *p, const struct hr_sql_token *start,
                               const struct hr_sql_token *field, struct hr_sql_x a,
                               const struct hr_sql_token *rp)
{
    char *name = hr_sql_ident(p, field);
    if (!name) return no_x;
    struct hr_expr *literal = hr_expr_string(p->arena, hr_sv(name));
    struct hr_sql_x args[] = {hr_sql_wrap(p, literal, field->pos, field->end, 1), a};
    return hr_sql_call(p, start->pos, rp->end, "extract", args, 2);
}

/* values: of IN, else none. pos, end: of the whole; text: what is between the parentheses. */
struct hr_sql_x hr_sql_subquery(struct hr_sql_parser *p, enum hr_subquery_form form,
                                struct hr_sql_list *values, struct hr_sql_q q, int32_t pos,
                                int32_t end)
{
    if (p->status != HR_OK || !q.plan) return no_x;
    struct hr_expr *x = hr_expr_new(p->arena, HR_X_SUBQUERY);
    struct hr_subquery *s = HR_NEW(p->arena, struct hr_subquery);
    if (!x || !s) {
        hr_sql_oom(p);
        return no_x;
    }
    s->form = form;
    s->plan = q.plan;
    s->text = hr_arena_strndup(p->arena, p->text + q.pos, (size_t)(q.end - q.pos));
    if (!s->text) {
        hr_sql_oom(p);
        return no_x;
    }
    x->subquery = s;
    uint32_t depth = 1;
    if (values) {
        x->args = values->exprs.items;
        s->value_count = x->arg_count = values->exprs.count;
        depth += values->depth;
    }
    return hr_sql_wrap(p, x, pos, end, depth);
}

struct hr_sql_x hr_sql_in_subquery(struct hr_sql_parser *p, struct hr_sql_x a, bool negated,
                                   struct hr_sql_q q, int32_t end)
{
    struct hr_sql_list *values = NULL;
    if (p->status != HR_OK) return no_x;
    if (a.is_row) /* (a, b) IN (…) */
        for (uint32_t i = 0; i < a.x->arg_count; i++)
            values = hr_sql_push(p, values,
                                 hr_sql_wrap(p, a.x->args[i], a.x->args[i]->sql_pos,
                                             a.x->args[i]->sql_end, a.depth));
    else
        values = hr_sql_push(p, NULL, a);
    return hr_sql_not(p, hr_sql_subquery(p, HR_SUBQUERY_IN, values, q, a.pos, end), negated);
}
