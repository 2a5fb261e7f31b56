/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Entry points: finds where a statement ends, copies it, has it cut into tokens and feeds them to
 * the grammar.
 *
 * Spark lets nearly every keyword be an identifier and looks ahead as far as it takes. The grammar
 * takes a keyword as such wherever that fits. When that ends in an error, the last keywords before
 * it are tried as identifiers, one at a time (`SELECT 1 AS order`, `SELECT if, case FROM t`); the
 * first error stands when none of them helps.
 */
#include "sql/parser.h"

#include <stdio.h>

#include "base/datetime.h"
#include "column/type_parse.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

void hr_sql_fail(struct hr_sql_parser *p, hr_status status, int32_t pos, int32_t end)
{
    if (p->status != HR_OK) return;
    if (p->err) hr_err_at(p->err, pos, end);
    p->status = status;
}

void hr_sql_oom(struct hr_sql_parser *p)
{
    if (p->status == HR_OK) p->status = HR_OOM(p->err);
}

void hr_sql_unsupported(struct hr_sql_parser *p, int32_t pos, int32_t end, const char *what)
{
    if (p->status == HR_OK) HR_SQL_RAISE(p, pos, end, HR_E_NOT_SUPPORTED, "what", what);
}

void hr_sql_syntax_error(struct hr_sql_parser *p, const struct hr_sql_token *token,
                         const char *hint)
{
    char error[160];
    if (p->status != HR_OK) return;
    size_t len = (size_t)(token->end - token->pos);
    if (token->kind == 0) {
        snprintf(error, sizeof error, "end of input");
    } else {
        /* A folded token is named by its first part; a long one is cut, not inside a character. */
        if (token->count > 1) len = token->len;
        if (len > 120) {
            len = 120;
            while (len > 0 && ((unsigned char)token->ptr[len] & 0xc0) == 0x80) len--;
        }
        snprintf(error, sizeof error, "'%.*s'", (int)len, token->ptr);
    }
    HR_SQL_RAISE(p, token->pos, token->end, HR_E_PARSE_SYNTAX_ERROR, "error", error, "hint", hint);
}

/* The kind of bracket that is open at the token, '(' or '[', and the index of the token before it.
 */
static char open_bracket(const struct hr_sql_parser *p, uint32_t at, int32_t *ret_before)
{
    int depth = 0;
    for (int32_t i = (int32_t)at - 1; i >= 0; i--) {
        int kind = p->tokens[i].kind;
        if (kind == HR_TK_RP || kind == HR_TK_RB) depth++;
        if ((kind == HR_TK_LP || kind == HR_TK_LB) && --depth < 0) {
            *ret_before = i - 1;
            return kind == HR_TK_LP ? '(' : '[';
        }
    }
    return 0;
}

/* Spark's hint in the cases where it has one. */
static void syntax_hint(const struct hr_sql_parser *p, char *hint, size_t size)
{
    const struct hr_sql_token *token = &p->tokens[p->at];
    int32_t before = -1;
    char open = open_bracket(p, p->at, &before);
    hint[0] = 0;
    if (p->end_is_fine && token->kind && token->count <= 1 && p->at + 1 == p->token_count &&
        token->kind != HR_TK_BAD && token->len <= 120) {
        snprintf(hint, size, ": extra input '%.*s'", (int)token->len, token->ptr);
    } else if (open == '[' && p->expected == HR_TK_RB) {
        snprintf(hint, size, ": missing ']'");
    } else if (open == '(' && p->expected == HR_TK_RP && !token->kind && before >= 0 &&
               (p->tokens[before].kind == HR_TK_FROM || p->tokens[before].kind == HR_TK_JOIN)) {
        snprintf(hint, size, ": missing ')'");
    } else if (p->expected == HR_TK_JOIN && p->at > 0 && token->kind) {
        static const int sides[] = {HR_TK_LEFT,  HR_TK_RIGHT, HR_TK_FULL, HR_TK_CROSS,
                                    HR_TK_INNER, HR_TK_SEMI,  HR_TK_ANTI, HR_TK_OUTER};
        for (size_t i = 0; i < HR_COUNT(sides); i++)
            if (p->tokens[p->at - 1].kind == sides[i]) snprintf(hint, size, ": missing 'JOIN'");
    }
}

/* Feeds all tokens; p->status tells. */
static void feed(struct hr_sql_parser *p, void *lemon)
{
    p->status = HR_OK;
    p->failed_at_token = false;
    p->stmt = NULL;
    p->relation_count = 0;
    hr_sql_lemonInit(lemon, p);
    for (p->at = 0; p->at <= p->token_count && p->status == HR_OK; p->at++)
        hr_sql_lemon(lemon, p->tokens[p->at].kind, &p->tokens[p->at]);
    p->at--;
    hr_sql_lemonFinalize(lemon);
}

/* Words that cannot name a table: once FROM has been read they stay keywords. */
static bool is_strict(const struct hr_sql_parser *p, uint32_t at)
{
    static const int strict[] = {HR_TK_ANTI,  HR_TK_CROSS,     HR_TK_EXCEPT, HR_TK_FULL,
                                 HR_TK_INNER, HR_TK_INTERSECT, HR_TK_JOIN,   HR_TK_LATERAL,
                                 HR_TK_LEFT,  HR_TK_NATURAL,   HR_TK_ON,     HR_TK_RIGHT,
                                 HR_TK_SEMI,  HR_TK_SETMINUS,  HR_TK_UNION,  HR_TK_USING};
    bool found = false;
    for (size_t i = 0; i < HR_COUNT(strict); i++) found = found || p->tokens[at].kind == strict[i];
    int depth = 0;
    for (uint32_t i = at; found && i-- > 0 && depth >= 0;) {
        int kind = p->tokens[i].kind;
        if (kind == HR_TK_RP) depth++;
        if (kind == HR_TK_LP) depth--;
        if (kind == HR_TK_FROM && depth == 0) return true;
    }
    return false;
}

/* Another reading of the keywords at or before the error: true when one parses. */
static bool retry(struct hr_sql_parser *p, void *lemon)
{
    uint32_t at = p->at;
    bool end_is_fine = p->end_is_fine;
    int expected = p->expected;
    for (uint32_t back = 0; back <= 3 && back <= at; back++) {
        struct hr_sql_token *t = &p->tokens[at - back];
        if (!t->is_word || t->count != 1 || t->kind == HR_TK_ID || t->kind == HR_TK_LAMBDA_WORD ||
            is_strict(p, at - back))
            continue;
        uint16_t kind = t->kind;
        t->kind = HR_TK_ID;
        feed(p, lemon);
        if (p->status != HR_E_PARSE_SYNTAX_ERROR || !p->failed_at_token) return true;
        t->kind = kind;
    }
    p->at = at;
    p->end_is_fine = end_is_fine;
    p->expected = expected;
    return false;
}

static hr_status run_grammar(struct hr_sql_parser *p)
{
    void *lemon = hr_alloc(hr_sql_lemon_size());
    if (!lemon) return HR_OOM(p->err);
    feed(p, lemon);
    if (p->failed_at_token && !retry(p, lemon)) {
        char hint[192];
        syntax_hint(p, hint, sizeof hint);
        p->status = HR_OK;
        hr_sql_syntax_error(p, &p->tokens[p->at], hint);
    }
    hr_free(lemon);
    return p->status;
}

static hr_status parse_text(struct hr_sql_parser *p, struct hr_str_view text)
{
    if (text.len > HR_SQL_MAX_STATEMENT_BYTES) {
        HR_SQL_RAISE(p, 0, 0, HR_E_LIMIT, "what", "the size of a statement", "limit", "16 MiB");
        return p->status;
    }
    p->text = hr_arena_strndup(p->arena, text.ptr, text.len);
    if (!p->text) return HR_OOM(p->err);
    p->len = text.len;
    p->status = hr_sql_tokenize(p);
    if (p->status != HR_OK) return p->status;
    if (p->raw_count == 0) {
        HR_SQL_RAISE(p, 0, 0, HR_E_PARSE_EMPTY_STATEMENT);
        return p->status;
    }
    if (hr_sql_set_statement(p) || hr_sql_refused_statement(p) ||
        hr_sql_refused_write(p)) return p->status;
    HR_TRY(run_grammar(p));
    if (!p->stmt) return HR_BUG(p->err, "the parser made no statement");
    return HR_OK;
}

static struct hr_sql_parser new_parser(struct hr_arena *arena, const struct hr_tz *tz,
                                       struct hr_err *err)
{
    return (struct hr_sql_parser){.arena = arena, .tz = tz ? tz : hr_tz_utc(), .err = err};
}

/* Splitting ------------------------------------------------------------------------------------ */

struct splitter {
    const char *text;
    size_t len, pos;
};

/* false: it is not closed. */
static bool skip_comment(struct splitter *s)
{
    int depth = 1;
    s->pos += 2;
    while (s->pos < s->len && depth > 0) {
        bool two = s->pos + 1 < s->len;
        if (two && s->text[s->pos] == '/' && s->text[s->pos + 1] == '*') {
            depth++;
            s->pos += 2;
        } else if (two && s->text[s->pos] == '*' && s->text[s->pos + 1] == '/') {
            depth--;
            s->pos += 2;
        } else {
            s->pos++;
        }
    }
    return depth == 0;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

static void skip_quotes(struct splitter *s, size_t start)
{
    char quote = s->text[s->pos];
    bool raw = quote != '`' && s->pos > start && (s->text[s->pos - 1] | 0x20) == 'r' &&
               (s->pos < start + 2 || !is_word_char(s->text[s->pos - 2]));
    s->pos++;
    while (s->pos < s->len && s->text[s->pos] != quote)
        s->pos += s->text[s->pos] == '\\' && quote != '`' && !raw ? 2 : 1;
    s->pos = HR_MIN(s->pos + 1, s->len);
}

/* The next statement that says something, with the comments in front of it; false: none. */
static bool split(struct splitter *s, struct hr_str_view *ret_text)
{
    size_t start = s->pos;
    bool says = false;
    while (s->pos < s->len) {
        char c = s->text[s->pos], next = s->pos + 1 < s->len ? s->text[s->pos + 1] : 0;
        if (c == '-' && next == '-') {
            while (s->pos < s->len && s->text[s->pos] != '\n') s->pos++;
        } else if (c == '/' && next == '*') {
            says |= !skip_comment(s); /* an open one is an error, not nothing */
        } else if (c == '\'' || c == '"' || c == '`') {
            says = true;
            skip_quotes(s, start);
        } else if (c == ';') {
            size_t end = s->pos++;
            if (says) {
                *ret_text = hr_sv_trim(hr_svn(s->text + start, end - start));
                return true;
            }
            start = s->pos;
        } else {
            says = says || !strchr(" \t\r\n\f\v", c) || c == 0;
            s->pos++;
        }
    }
    if (says) *ret_text = hr_sv_trim(hr_svn(s->text + start, s->len - start));
    return says;
}

bool hr_sql_is_complete(const char *text, size_t len)
{
    struct splitter s = {text, len, 0};
    struct hr_str_view last;
    bool open = false;
    /* Complete when nothing follows the last ';' that was outside of quotes and comments. */
    while (s.pos < len) {
        size_t before = s.pos;
        open = split(&s, &last) && !(s.pos > before && text[s.pos - 1] == ';' &&
                                     last.ptr + last.len <= text + s.pos - 1);
    }
    return !open;
}

bool hr_sql_split_next(const char *text, size_t len, size_t *pos, struct hr_str_view *ret_text)
{
    struct splitter s = {text, len, *pos};
    bool found = split(&s, ret_text);
    *pos = s.pos;
    return found;
}

/* Entry points --------------------------------------------------------------------------------- */

static hr_status located(hr_status status, struct hr_str_view text, struct hr_err *err)
{
    if (status != HR_OK && err) hr_err_locate(err, text.ptr, text.len);
    return status;
}

hr_status hr_sql_parse_statement(struct hr_arena *arena, struct hr_str_view text,
                                 const struct hr_tz *tz, struct hr_stmt **ret, struct hr_err *err)
{
    struct hr_sql_context context = {.tz = tz};
    return hr_sql_parse_in(arena, text, &context, ret, err);
}

hr_status hr_sql_parse_in(struct hr_arena *arena, struct hr_str_view text,
                          const struct hr_sql_context *context, struct hr_stmt **ret,
                          struct hr_err *err)
{
    struct hr_sql_parser p = new_parser(arena, context->tz, err);
    p.context = context;
    hr_status status = parse_text(&p, text);
    if (status == HR_OK) {
        p.stmt->text = text;
        *ret = p.stmt;
    }
    return located(status, text, err);
}

hr_status hr_sql_parse_next(struct hr_arena *arena, const char *text, size_t len, size_t *pos,
                            struct hr_stmt **ret, struct hr_str_view *ret_text, struct hr_err *err)
{
    struct hr_str_view statement;
    if (!hr_sql_split_next(text, len, pos, &statement)) {
        *ret = NULL;
        return HR_OK;
    }
    if (ret_text) *ret_text = statement;
    HR_TRY(hr_sql_parse_statement(arena, statement, NULL, ret, err));
    (*ret)->text_pos = (int32_t)(statement.ptr - text);
    return HR_OK;
}

hr_status hr_sql_parse_query_tz(struct hr_arena *arena, struct hr_str_view text,
                                const struct hr_tz *tz, struct hr_plan **ret, struct hr_err *err)
{
    struct hr_stmt *stmt;
    HR_TRY(hr_sql_parse_statement(arena, text, tz, &stmt, err));
    if (stmt->kind != HR_STMT_QUERY)
        return HR_RAISE(err, HR_E_INVALID_ARGUMENT, "what", "the text is not a query");
    *ret = stmt->plan;
    return HR_OK;
}

hr_status hr_sql_parse_query(struct hr_arena *arena, struct hr_str_view text, struct hr_plan **ret,
                             struct hr_err *err)
{
    return hr_sql_parse_query_tz(arena, text, NULL, ret, err);
}
