/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session variables, EXECUTE IMMEDIATE and its parameters, IDENTIFIER(). The value of IDENTIFIER's
 * argument is asked of the session while the statement is parsed, so that what it names may stand
 * wherever a name may.
 */
#include <stdio.h>

#include "expr/literal_sql.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

/* Names of variables --------------------------------------------------------------------------- */

static struct hr_sql_name_list *push(struct hr_sql_parser *p, struct hr_sql_name_list *list,
                                     struct hr_sql_names *names, struct hr_sql_x value,
                                     bool to_default)
{
    if (p->status != HR_OK) return NULL;
    if (!list) list = HR_NEW(p->arena, struct hr_sql_name_list);
    struct hr_stmt_variable v = {.parts = names->names.items,
                                 .part_count = names->names.count,
                                 .pos = names->pos,
                                 .end = names->end,
                                 .to_default = to_default};
    if (list && HR_VEC_PUSH(p->arena, &list->items, v) &&
        HR_VEC_PUSH(p->arena, &list->values, value))
        return list;
    hr_sql_oom(p);
    return NULL;
}

struct hr_sql_name_list *hr_sql_push_names(struct hr_sql_parser *p, struct hr_sql_name_list *list,
                                           struct hr_sql_names *names)
{
    return push(p, list, names, (struct hr_sql_x){0}, false);
}

struct hr_sql_name_list *hr_sql_assign(struct hr_sql_parser *p, struct hr_sql_name_list *list,
                                       struct hr_sql_names *names, struct hr_sql_x value)
{
    return push(p, list, names, value, value.x == NULL);
}

static void set_variables(struct hr_stmt *stmt, const struct hr_sql_name_list *list)
{
    stmt->variables = list->items.items;
    stmt->variable_count = list->items.count;
}

struct hr_stmt *hr_sql_declare(struct hr_sql_parser *p, struct hr_sql_name_list *names,
                               struct hr_sql_type type, struct hr_sql_x value)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_DECLARE);
    if (!stmt) return NULL;
    if (!type.type && !value.x) {
        HR_SQL_RAISE(p, 0, (int32_t)p->len, HR_E_VARIABLE_TYPE_OR_DEFAULT);
        return NULL;
    }
    set_variables(stmt, names);
    stmt->type = type.type;
    stmt->value_expr = value.x;
    if (!value.x) return stmt;
    stmt->value = hr_arena_strndup(p->arena, p->text + value.pos, (size_t)(value.end - value.pos));
    if (!stmt->value) hr_sql_oom(p);
    return stmt;
}

/* SET VAR a = 1, b = a + 1 is the row that SELECT 1 AS a, a + 1 AS b gives. */
static void row_of_values(struct hr_sql_parser *p, struct hr_stmt *stmt,
                          const struct hr_sql_name_list *list)
{
    static const struct hr_sql_token start = {.pos = 0};
    struct hr_sql_select *select = hr_sql_new_select(p, &start);
    for (uint32_t i = 0; i < list->items.count && p->status == HR_OK; i++) {
        const struct hr_stmt_variable *v = &list->items.items[i];
        struct hr_sql_x x = list->values.items[i];
        if (!x.x) x = hr_sql_wrap(p, hr_expr_null(p->arena, NULL), v->pos, v->end, 1);
        if (p->status != HR_OK) return;
        struct hr_expr *alias = hr_expr_alias(p->arena, x.x, v->parts[v->part_count - 1]);
        x = hr_sql_wrap(p, alias, x.pos, x.end, x.depth + 1u);
        if (p->status == HR_OK) select->items = hr_sql_push(p, select->items, x);
    }
    if (p->status != HR_OK) return;
    hr_sql_stmt_query(stmt, hr_sql_select(p, select));
}

struct hr_stmt *hr_sql_set_variables(struct hr_sql_parser *p, struct hr_sql_name_list *list)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_SET_VARIABLE);
    if (!stmt) return NULL;
    set_variables(stmt, list);
    bool assigned = list->items.items[0].to_default || list->values.items[0].x;
    if (assigned) row_of_values(p, stmt, list);
    return stmt;
}

/* EXECUTE IMMEDIATE ---------------------------------------------------------------------------- */

struct hr_sql_list *hr_sql_push_first(struct hr_sql_parser *p, struct hr_sql_x first,
                                      struct hr_sql_list *rest)
{
    struct hr_sql_list *all = hr_sql_push(p, NULL, first);
    for (uint32_t i = 0; all && rest && i < rest->exprs.count; i++)
        all =
            hr_sql_push(p, all, (struct hr_sql_x){.x = rest->exprs.items[i], .depth = rest->depth});
    return all;
}

struct hr_stmt *hr_sql_execute(struct hr_sql_parser *p, struct hr_sql_x text,
                               struct hr_sql_name_list *into, struct hr_sql_list *values)
{
    struct hr_stmt *stmt = hr_sql_stmt(p, HR_STMT_EXECUTE);
    if (!stmt) return NULL;
    stmt->value_expr = text.x;
    if (into) set_variables(stmt, into);
    if (!values) return stmt;
    stmt->values = values->exprs.items;
    stmt->value_count = values->exprs.count;
    if (stmt->value_count == 1 && values->is_row.items[0]) { /* USING (1, 2) */
        stmt->value_count = stmt->values[0]->arg_count;
        stmt->values = stmt->values[0]->args;
    }
    return stmt;
}

void hr_sql_unbound(struct hr_sql_parser *p, const struct hr_sql_token *marker,
                    const struct hr_sql_token *name)
{
    char text[24];
    if (p->status != HR_OK) return;
    snprintf(text, sizeof text, "_%d", marker->pos);
    const char *shown = name ? hr_sql_ident(p, name) : text;
    HR_SQL_RAISE(p, marker->pos, name ? name->end : marker->end, HR_E_UNBOUND_SQL_PARAMETER, "name",
                 shown ? shown : "?");
}

/* Is the ':' at a place where a value may begin? (Not that of STRUCT<a: INT>, nor of col:path.) */
static bool begins_value(const struct hr_sql_token *prev)
{
    static const int words[] = {
        HR_TK_SELECT, HR_TK_DISTINCT, HR_TK_ALL,    HR_TK_WHERE,   HR_TK_AND,    HR_TK_OR,
        HR_TK_NOT,    HR_TK_BETWEEN,  HR_TK_IN,     HR_TK_LIKE,    HR_TK_ILIKE,  HR_TK_RLIKE,
        HR_TK_THEN,   HR_TK_ELSE,     HR_TK_WHEN,   HR_TK_CASE,    HR_TK_ON,     HR_TK_HAVING,
        HR_TK_BY,     HR_TK_LIMIT,    HR_TK_OFFSET, HR_TK_VALUES,  HR_TK_FROM,   HR_TK_USING,
        HR_TK_DIV,    HR_TK_ESCAPE,   HR_TK_SET,    HR_TK_DEFAULT, HR_TK_IS,     HR_TK_AS,
        HR_TK_FOR,    HR_TK_ROWS,     HR_TK_RANGE,  HR_TK_QUALIFY, HR_TK_OPTIONS};
    if (!prev->is_word)
        return prev->kind != HR_TK_RP && prev->kind != HR_TK_RB && prev->kind != HR_TK_QUOTED &&
               prev->kind != HR_TK_STRING;
    if (hr_sql_word_is(prev, "INTERVAL")) return true;
    for (size_t i = 0; i < HR_COUNT(words); i++)
        if (prev->kind == words[i]) return true;
    return false;
}

static const struct hr_sql_param *find_param(const struct hr_sql_param *params, uint32_t count,
                                             const char *name)
{
    for (uint32_t i = 0; i < count; i++)
        if (params[i].name && hr_str_eq_nocase(params[i].name, name)) return &params[i];
    return NULL;
}

static hr_status unbound(const char *name, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_UNBOUND_SQL_PARAMETER, "name", name);
}

struct binding {
    struct hr_arena *arena;
    const struct hr_sql_param *params;
    uint32_t count, next;
    bool any_named, any_positional;
};

static hr_status unnamed(const struct binding *b, struct hr_err *err)
{
    struct hr_buf list = {0};
    for (uint32_t i = 0; i < b->count; i++)
        hr_buf_printf(&list, "%s\"%s\"", i ? ", " : "", b->params[i].text);
    hr_status status =
        HR_RAISE(err, HR_E_ALL_PARAMETERS_MUST_BE_NAMED, "exprs", hr_buf_cstr(&list));
    hr_buf_done(&list);
    return status;
}

static hr_status bind_marker(struct binding *b, const char *name, int32_t pos, const char **ret,
                             struct hr_err *err)
{
    char text[24];
    snprintf(text, sizeof text, "_%d", pos);
    const struct hr_sql_param *param = NULL;
    if (name)
        param = find_param(b->params, b->count, name);
    else if (b->next < b->count)
        param = &b->params[b->next++];
    if (name)
        b->any_named = true;
    else
        b->any_positional = true;
    if (b->any_named && b->any_positional) return HR_RAISE(err, HR_E_MIXED_PARAMETERS);
    if (name && !param && b->count && !b->params[0].name) return unnamed(b, err);
    if (!param) return unbound(name ? name : text, err);
    *ret = param->text;
    return HR_OK;
}

hr_status hr_sql_bind_params(struct hr_arena *arena, struct hr_str_view text,
                             const struct hr_sql_param *params, uint32_t count,
                             struct hr_str_view *ret, struct hr_err *err)
{
    struct hr_buf out = {0};
    struct binding b = {arena, params, count, 0, false, false};
    const char *copy = hr_arena_strndup(arena, text.ptr, text.len);
    if (!copy) return HR_OOM(err);
    const char *cursor = copy, *end = copy + text.len;
    struct hr_sql_token prev = {.kind = HR_TK_SELECT, .is_word = true}, token, name;
    int32_t from = 0;
    hr_status status = HR_OK;
    while (status == HR_OK && hr_sql_lex(copy, &cursor, end, &token)) {
        token.is_word = token.kind == HR_TK_ID;
        if (token.is_word) token.kind = (uint16_t)hr_sql_keyword(token.ptr, token.len);
        const char *value = NULL, *after = cursor;
        int32_t last = token.end;
        if (token.kind == HR_TK_QUESTION) {
            status = bind_marker(&b, NULL, token.pos, &value, err);
        } else if (token.kind == HR_TK_COLON && begins_value(&prev) &&
                   hr_sql_lex(copy, &after, end, &name) && name.kind == HR_TK_ID) {
            const char *word = hr_arena_strndup(arena, name.ptr, name.len);
            status = word ? bind_marker(&b, word, token.pos, &value, err) : HR_OOM(err);
            last = name.end;
            cursor = after;
        }
        prev = token;
        if (!value) continue;
        prev.kind = HR_TK_RP;
        prev.is_word = false;
        hr_buf_append(&out, copy + from, (size_t)(token.pos - from));
        hr_buf_puts(&out, value);
        from = last;
    }
    hr_buf_append(&out, copy + from, text.len - (size_t)from);
    if (status == HR_OK) status = hr_buf_status(&out, err);
    if (status == HR_OK) {
        *ret = hr_svn(hr_arena_strndup(arena, out.ptr ? out.ptr : "", out.len), out.len);
        if (!ret->ptr) status = HR_OOM(err);
    }
    hr_buf_done(&out);
    return status;
}

/* IDENTIFIER ----------------------------------------------------------------------------------- */

/* The text of the argument, when it is a literal or the session can tell. */
static const char *constant(struct hr_sql_parser *p, struct hr_sql_x x)
{
    const char *text = NULL;
    if (p->status != HR_OK) return NULL;
    const struct hr_expr *e = x.x;
    if (e->kind == HR_X_LITERAL && e->type->id == HR_T_STRING && !hr_expr_is_literal_null(e)) {
        struct hr_str_view s = hr_string_view((const struct hr_string *)e->literal->values);
        text = hr_arena_strndup(p->arena, s.ptr, s.len);
        if (!text) hr_sql_oom(p);
    } else if (p->context && p->context->constant) {
        hr_status status = p->context->constant(p->context->arg, p->arena, x.x, &text, p->err);
        if (status != HR_OK) hr_sql_fail(p, status, x.pos, x.end);
    } else {
        hr_sql_unsupported(p, x.pos, x.end, "IDENTIFIER() of what is no literal, here");
    }
    return text;
}

static void bad_name(struct hr_sql_parser *p, const struct hr_sql_token *at, int32_t pos,
                     int32_t end)
{
    char error[80], hint[96];
    snprintf(error, sizeof error, "'%.*s'", (int)HR_MIN(at->len, 60u), at->ptr);
    snprintf(hint, sizeof hint, ": extra input %s", error);
    if (at->kind == 0) snprintf(error, sizeof error, "end of input");
    HR_SQL_RAISE(p, pos, end, HR_E_PARSE_SYNTAX_ERROR, "error", error, "hint",
                 at->kind ? hint : "");
}

/* a.`b c`.d as names that all have the place of IDENTIFIER(…). */
static struct hr_sql_names *split_name(struct hr_sql_parser *p, const char *text, int32_t pos,
                                       int32_t end)
{
    struct hr_sql_names *names = NULL;
    const char *cursor = text, *last = text + strlen(text);
    struct hr_sql_token token = {.kind = 0};
    bool more = true;
    while (more && p->status == HR_OK) {
        if (!hr_sql_lex(text, &cursor, last, &token)) token = (struct hr_sql_token){.ptr = last};
        if (token.kind != HR_TK_ID && token.kind != HR_TK_QUOTED) {
            bad_name(p, &token, pos, end);
            return NULL;
        }
        token.is_word = token.kind == HR_TK_ID;
        token.pos = pos;
        token.end = end;
        names = hr_sql_push_name(p, names, &token);
        more = hr_sql_lex(text, &cursor, last, &token);
        if (more && token.kind != HR_TK_DOT) bad_name(p, &token, pos, end);
    }
    return names;
}

struct hr_sql_names *hr_sql_identifier(struct hr_sql_parser *p, const struct hr_sql_token *start,
                                       struct hr_sql_x x, const struct hr_sql_token *rp)
{
    const char *text = constant(p, x);
    if (p->status != HR_OK) return NULL;
    return split_name(p, text, start->pos, rp->end);
}

bool hr_sql_fold_identifier(struct hr_sql_parser *p, struct hr_sql_token *token)
{
    const struct hr_sql_token *string = &p->raw[token->first + 2];
    struct hr_sql_token whole = *string, inner;
    whole.first = token->first + 2;
    whole.count = 1;
    struct hr_str_view text = hr_sql_string(p, &whole);
    if (p->status != HR_OK) return false;
    const char *cursor = text.ptr, *end = text.ptr + text.len;
    if (!hr_sql_lex(text.ptr, &cursor, end, &inner) ||
        (inner.kind != HR_TK_ID && inner.kind != HR_TK_QUOTED))
        return false;
    const char *after = cursor;
    struct hr_sql_token next;
    if (hr_sql_lex(text.ptr, &after, end, &next)) return false;
    token->kind = HR_TK_QUOTED;
    token->is_word = false;
    token->ptr = inner.ptr;
    token->len = inner.len;
    return true;
}

struct hr_sql_x hr_sql_named_argument(struct hr_sql_parser *p, const struct hr_sql_token *name,
                                      struct hr_sql_x x)
{
    char *text = hr_sql_ident(p, name);
    if (!text) return (struct hr_sql_x){0};
    struct hr_expr *alias = hr_expr_alias(p->arena, x.x, text);
    if (alias) alias->is_named_argument = true;
    return hr_sql_wrap(p, alias, name->pos, x.end, x.depth + 1u);
}
