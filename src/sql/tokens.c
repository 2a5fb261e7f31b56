/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between lexer and grammar: words become keywords, and what needs more than one token of
 * look-ahead is settled here, so that the grammar stays LALR(1):
 *
 *   'a' "b"                → one STRING           DATE '…', TIMESTAMP '…'     → TYPED
 *   INTERVAL 1 DAY 2 HOURS → INTERVAL             ARRAY<STRUCT<a: INT>>       → NESTED_TYPE
 *   x -> …, (x, y) -> …    → LAMBDA_WORD, LAMBDA_LP
 *   * EXCEPT (a)           → STAR_EXCEPT          TABLE t as a query          → TABLE_QUERY
 *   STREAM t, VALUES (…), CASE …, CAST(…), TRIM(BOTH …): keywords only where they start that;
 *   elsewhere they stay identifiers (a column may be called values).
 *
 * A folded token remembers the raw ones that it covers (first, count).
 */
#include "column/type_parse.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

static const struct {
    const char *word;
    int token;
} keywords[] = {
#define X(word, token) {word, token},
#include "sql/keywords.def"
#undef X
};

int hr_sql_keyword(const char *word, size_t len)
{
    size_t low = 0, high = HR_COUNT(keywords);
    while (low < high) {
        size_t mid = (low + high) / 2, i = 0;
        const char *k = keywords[mid].word;
        int cmp = 0;
        for (; i < len && k[i] && cmp == 0; i++) {
            char c = word[i] >= 'a' && word[i] <= 'z' ? (char)(word[i] - 32) : word[i];
            cmp = (unsigned char)c - (unsigned char)k[i];
        }
        if (cmp == 0) cmp = i < len ? 1 : k[i] ? -1 : 0;
        if (cmp == 0) return keywords[mid].token;
        if (cmp < 0)
            high = mid;
        else
            low = mid + 1;
    }
    return HR_TK_ID;
}

const char *hr_sql_keyword_at(uint32_t index)
{
    return index < HR_COUNT(keywords) ? keywords[index].word : NULL;
}

bool hr_sql_word_is(const struct hr_sql_token *token, const char *word)
{
    return token->is_word && hr_sv_eq_nocase(hr_svn(token->ptr, token->len), hr_sv(word));
}

/* The raw token at i; one of kind 0 beyond the end. */
static const struct hr_sql_token *raw(const struct hr_sql_parser *p, uint32_t i)
{
    return &p->raw[HR_MIN(i, p->raw_count)];
}

static bool is_unit(const struct hr_sql_token *token)
{
    static const char *const units[] = {"year",        "month",     "week",   "day",
                                        "hour",        "minute",    "second", "millisecond",
                                        "microsecond", "nanosecond"};
    struct hr_str_view w = hr_svn(token->ptr, token->len);
    if (!token->is_word) return false;
    if (w.len > 3 && (w.ptr[w.len - 1] | 0x20) == 's') w.len--;
    for (size_t i = 0; i < HR_COUNT(units); i++)
        if (hr_sv_eq_nocase(w, hr_sv(units[i]))) return true;
    return false;
}

static bool is_number(const struct hr_sql_token *t)
{
    return t->kind == HR_TK_INTEGER || t->kind == HR_TK_NUMBER;
}

/* Tokens of an interval literal after INTERVAL at i; 0: it is none. */
static uint32_t interval_length(const struct hr_sql_parser *p, uint32_t i)
{
    uint32_t n = i + 1;
    if (raw(p, n)->kind == HR_TK_STRING && !is_unit(raw(p, n + 1))) {
        /* INTERVAL '1 day', or a unit that there is not: the literal's error, as in Spark. */
        return 2;
    }
    for (;;) {
        uint32_t v = n;
        if (raw(p, v)->kind == HR_TK_DASH || raw(p, v)->kind == HR_TK_PLUS) v++;
        if (!is_number(raw(p, v)) && raw(p, v)->kind != HR_TK_STRING) break;
        if (!is_unit(raw(p, v + 1))) break;
        n = v + 2;
        if (hr_sql_word_is(raw(p, n), "TO") && is_unit(raw(p, n + 1))) return n + 2 - i;
    }
    return n == i + 1 ? 0 : n - i;
}

/* Tokens of ARRAY<…>, MAP<…>, STRUCT<…> or INTERVAL DAY TO SECOND at i; 0: it is no type. */
static uint32_t type_length(const struct hr_sql_parser *p, uint32_t i)
{
    const struct hr_sql_token *t = raw(p, i);
    if (hr_sql_word_is(t, "INTERVAL")) {
        bool after_as =
            i > 0 && (hr_sql_word_is(raw(p, i - 1), "AS") || raw(p, i - 1)->kind == HR_TK_DCOLON);
        bool in_columns = i > 1 &&
                          (raw(p, i - 1)->is_word || raw(p, i - 1)->kind == HR_TK_QUOTED) &&
                          (raw(p, i - 2)->kind == HR_TK_LP || raw(p, i - 2)->kind == HR_TK_COMMA ||
                           raw(p, 0)->kind == HR_TK_DECLARE);
        if (!(after_as || in_columns) || !is_unit(raw(p, i + 1))) return 0;
        return hr_sql_word_is(raw(p, i + 2), "TO") && is_unit(raw(p, i + 3)) ? 4 : 2;
    }
    if (hr_sql_word_is(t, "TIME")) { /* TIME(3) WITHOUT TIME ZONE */
        uint32_t n = raw(p, i + 1)->kind != HR_TK_LP ? 1 : raw(p, i + 3)->kind == HR_TK_RP ? 4 : 0;
        bool words = n && hr_sql_word_is(raw(p, i + n), "WITHOUT") &&
                     hr_sql_word_is(raw(p, i + n + 1), "TIME") &&
                     hr_sql_word_is(raw(p, i + n + 2), "ZONE");
        return words ? n + 3 : 0;
    }
    if (!hr_sql_word_is(t, "ARRAY") && !hr_sql_word_is(t, "MAP") && !hr_sql_word_is(t, "STRUCT"))
        return 0;
    if (raw(p, i + 1)->kind == HR_TK_NE) return raw(p, i + 1)->ptr[0] == '<' ? 2 : 0;
    if (raw(p, i + 1)->kind != HR_TK_LT) return 0;
    int depth = 0;
    for (uint32_t n = i + 1; n < p->raw_count; n++) {
        switch (raw(p, n)->kind) {
        case HR_TK_LT: depth++; break;
        case HR_TK_GT: depth--; break;
        case HR_TK_SHR: depth -= 2; break;
        case HR_TK_USHR: depth -= 3; break;
        case HR_TK_NE:
        case HR_TK_COLON:
        case HR_TK_COMMA:
        case HR_TK_LP:
        case HR_TK_RP:
        case HR_TK_INTEGER:
        case HR_TK_QUOTED:
        case HR_TK_STRING: break;
        default:
            if (!raw(p, n)->is_word) return 0;
        }
        if (depth == 0) return n + 1 - i;
        if (depth < 0) return 0;
    }
    return 0;
}

/* Is there a word of list (or, in a list with 'I', IN) between the parentheses that open at i? */
static bool call_has(const struct hr_sql_parser *p, uint32_t i, int a, int b)
{
    int depth = 0;
    for (uint32_t n = i; n < p->raw_count; n++) {
        int kind = raw(p, n)->kind;
        if (kind == HR_TK_LP) depth++;
        if (kind == HR_TK_RP && --depth == 0) return false;
        if (depth == 1 && (kind == a || kind == b)) return true;
    }
    return false;
}

static bool starts_query(const struct hr_sql_parser *p, uint32_t i)
{
    while (raw(p, i)->kind == HR_TK_LP) i++;
    int kind = raw(p, i)->kind;
    return kind == HR_TK_SELECT || kind == HR_TK_WITH || kind == HR_TK_VALUES || kind == HR_TK_FROM;
}

/* TABLESAMPLE (…) [REPEATABLE (…)], read as a whole (build_pipe.c); 0: the word is a name. */
static uint32_t sample_length(const struct hr_sql_parser *p, uint32_t i)
{
    int depth = 0;
    if (raw(p, i)->kind != HR_TK_TABLESAMPLE) return 0;
    for (uint32_t n = i + 1; n < p->raw_count; n++) {
        if (raw(p, n)->kind == HR_TK_LP) depth++;
        if (raw(p, n)->kind == HR_TK_RP && --depth == 0) {
            bool again = raw(p, n + 1)->kind == HR_TK_REPEATABLE && raw(p, n + 2)->kind == HR_TK_LP;
            uint32_t close = n + 3;
            while (again && close < p->raw_count && raw(p, close)->kind != HR_TK_RP) close++;
            return (again && close < p->raw_count ? close : n) + 1 - i;
        }
        if (depth <= 0) return 0;
    }
    return 0;
}

static bool starts_value(const struct hr_sql_token *t)
{
    switch (t->kind) {
    case HR_TK_LP:
    case HR_TK_INTEGER:
    case HR_TK_NUMBER:
    case HR_TK_STRING:
    case HR_TK_HEX:
    case HR_TK_DASH:
    case HR_TK_PLUS:
    case HR_TK_NULL:
    case HR_TK_TRUE:
    case HR_TK_FALSE:
    case HR_TK_CAST:
    case HR_TK_QUOTED:
    case HR_TK_CASE: return true;
    case HR_TK_ID: return t->is_word;
    default: return false;
    }
}

/* The words of frames are names everywhere else. */
static bool is_name(const struct hr_sql_token *t)
{
    switch (t->kind) {
    case HR_TK_ID:
    case HR_TK_QUOTED:
    case HR_TK_LATE:
    case HR_TK_ROW:
    case HR_TK_ROWS:
    case HR_TK_RANGE:
    case HR_TK_CURRENT:
    case HR_TK_PARTITION: return true;
    default: return false;
    }
}

/* TABLE t where a query may stand. */
static bool is_table_query(const struct hr_sql_parser *p, const struct hr_sql_token *prev,
                           const struct hr_sql_token *next)
{
    static const int before[] = {HR_TK_LP, HR_TK_UNION, HR_TK_EXCEPT, HR_TK_INTERSECT, HR_TK_QUERY,
                                 HR_TK_ALL, HR_TK_RP, HR_TK_SETMINUS, HR_TK_DISTINCT, HR_TK_AS};
    if (next->kind != HR_TK_ID && next->kind != HR_TK_QUOTED) return false;
    if (!prev) return true;
    bool inserts = hr_sql_word_is(&p->raw[0], "INSERT"); /* INSERT INTO t TABLE u */
    bool behind_name = prev->kind == HR_TK_ID || prev->kind == HR_TK_QUOTED;
    if (inserts && (behind_name || prev->kind == HR_TK_NAME)) return true;
    for (size_t i = 0; i < HR_COUNT(before); i++)
        if (prev->kind == before[i]) return true;
    return false;
}

/* WITHIN WATERMARK; f(…) WITHIN GROUP (ORDER BY …) */
static bool starts_within(const struct hr_sql_parser *p, uint32_t i,
                          const struct hr_sql_token *prev)
{
    const struct hr_sql_token *next = raw(p, i + 1);
    if (next->kind == HR_TK_WATERMARK) return true;
    return prev && prev->kind == HR_TK_RP && next->kind == HR_TK_GROUP &&
           raw(p, i + 2)->kind == HR_TK_LP;
}

/* What a keyword at i is here: itself, or an identifier. prev: the token before. */
static int keyword_here(const struct hr_sql_parser *p, uint32_t i, const struct hr_sql_token *prev)
{
    const struct hr_sql_token *t = raw(p, i), *next = raw(p, i + 1);
    bool call = next->kind == HR_TK_LP;
    if (prev && prev->kind == HR_TK_DOT) return HR_TK_ID;
    switch (t->kind) {
    case HR_TK_STREAM: /* before a table's name, which may be a word that is a keyword elsewhere */
        if (is_name(next) || call || next->kind == HR_TK_STREAM) return t->kind;
        return keyword_here(p, i + 1, t) == HR_TK_ID ? t->kind : HR_TK_ID;
    case HR_TK_SILENT: return next->kind == HR_TK_BY ? t->kind : HR_TK_ID;
    case HR_TK_DEDUPLICATE: return next->kind == HR_TK_BY ? t->kind : HR_TK_ID;
    case HR_TK_LATE: return next->kind == HR_TK_ROWS ? t->kind : HR_TK_ID;
    case HR_TK_WITHIN: return starts_within(p, i, prev) ? t->kind : HR_TK_ID;
    case HR_TK_VALUES: return starts_value(next) ? t->kind : HR_TK_ID;
    case HR_TK_EXISTS:
        if (prev && (prev->kind == HR_TK_IF || prev->kind == HR_TK_NOT) && !call) return t->kind;
        return call && starts_query(p, i + 2) ? t->kind : HR_TK_ID;
    case HR_TK_IF: /* IF EXISTS, IF NOT EXISTS; else a function */
        return next->kind == HR_TK_EXISTS || next->kind == HR_TK_NOT ? t->kind : HR_TK_ID;
    case HR_TK_GROUPING: return next->kind == HR_TK_SETS ? t->kind : HR_TK_ID;
    case HR_TK_LATERAL: /* VIEW; a query or a function in FROM; else a name */
        if (next->kind == HR_TK_VIEW) return t->kind;
        if (!prev ||
            (prev->kind != HR_TK_COMMA && prev->kind != HR_TK_JOIN && prev->kind != HR_TK_FROM))
            return HR_TK_ID;
        return (call && starts_query(p, i + 2)) || raw(p, i + 2)->kind == HR_TK_LP
                   ? HR_TK_LATERAL_QUERY
                   : HR_TK_ID;
    case HR_TK_OVER: /* f(…) OVER w, f(…) IGNORE NULLS OVER (…) */
        if (!prev || (prev->kind != HR_TK_RP && prev->kind != HR_TK_NULLS)) return HR_TK_ID;
        return call || is_name(next) ? t->kind : HR_TK_ID;
    case HR_TK_TABLESAMPLE: return HR_TK_ID; /* else sample_length() */
    case HR_TK_WINDOW:                       /* WINDOW w AS … */
        return is_name(next) && raw(p, i + 2)->kind == HR_TK_AS ? t->kind : HR_TK_ID;
    case HR_TK_VARIABLE: /* DECLARE VARIABLE x, SET VAR x, DROP TEMPORARY VARIABLE x */
        if (!prev || (next->kind == HR_TK_EQ && prev->kind != HR_TK_DECLARE)) return HR_TK_ID;
        return prev->kind == HR_TK_DECLARE || prev->kind == HR_TK_REPLACE ||
                       prev->kind == HR_TK_SET || prev->kind == HR_TK_TEMPORARY
                   ? t->kind
                   : HR_TK_ID;
    case HR_TK_REPEATABLE: return HR_TK_ID; /* else sample_length() */
    case HR_TK_AGGREGATE:
    case HR_TK_EXTEND: return prev && prev->kind == HR_TK_PIPE_TO ? t->kind : HR_TK_ID;
    case HR_TK_PIVOT: return call ? t->kind : HR_TK_ID;
    case HR_TK_UNPIVOT:
        return call || next->kind == HR_TK_INCLUDE || next->kind == HR_TK_EXCLUDE ? t->kind
                                                                                  : HR_TK_ID;
    case HR_TK_IDENTIFIER: return call ? t->kind : HR_TK_ID;
    case HR_TK_CAST:
    case HR_TK_TRY_CAST: return call ? t->kind : HR_TK_ID;
    case HR_TK_EXTRACT: return call && call_has(p, i + 1, HR_TK_FROM, 0) ? t->kind : HR_TK_ID;
    case HR_TK_SUBSTRING: return call && call_has(p, i + 1, HR_TK_FROM, 0) ? t->kind : HR_TK_ID;
    case HR_TK_TRIM: return call && call_has(p, i + 1, HR_TK_FROM, 0) ? t->kind : HR_TK_ID;
    case HR_TK_POSITION: return call && call_has(p, i + 1, HR_TK_IN, 0) ? t->kind : HR_TK_ID;
    case HR_TK_OVERLAY: return call && call_has(p, i + 1, HR_TK_PLACING, 0) ? t->kind : HR_TK_ID;
    case HR_TK_TABLE: return is_table_query(p, prev, next) ? HR_TK_TABLE_QUERY : t->kind;
    case HR_TK_EXCEPT:
        if (prev && prev->kind == HR_TK_STAR && call && !starts_query(p, i + 2))
            return HR_TK_STAR_EXCEPT;
        return t->kind;
    default: return t->kind;
    }
}

/* ( x, y ) -> at i? */
static bool starts_lambda(const struct hr_sql_parser *p, uint32_t i)
{
    if (raw(p, i)->kind != HR_TK_LP) return false;
    uint32_t n = i + 1;
    for (;; n++) {
        if (!raw(p, n)->is_word && raw(p, n)->kind != HR_TK_QUOTED) return false;
        n++;
        if (raw(p, n)->kind == HR_TK_RP) break;
        if (raw(p, n)->kind != HR_TK_COMMA) return false;
    }
    return raw(p, n + 1)->kind == HR_TK_ARROW;
}

/* How many raw tokens from i make one token, and of which kind. */
static uint32_t fold(const struct hr_sql_parser *p, uint32_t i, const struct hr_sql_token *prev,
                     int *ret_kind)
{
    const struct hr_sql_token *t = raw(p, i), *next = raw(p, i + 1);
    uint32_t n = 1;
    *ret_kind = t->kind;
    if (t->kind == HR_TK_STRING) {
        while (raw(p, i + n)->kind == HR_TK_STRING) n++;
        return n;
    }
    if (starts_lambda(p, i)) *ret_kind = HR_TK_LAMBDA_LP;
    if (!t->is_word) return 1;
    bool after_dot = prev && prev->kind == HR_TK_DOT;
    if (next->kind == HR_TK_ARROW) {
        *ret_kind = HR_TK_LAMBDA_WORD;
    } else if (next->kind == HR_TK_STRING && !after_dot &&
               (hr_sql_word_is(t, "DATE") || hr_sql_word_is(t, "TIME") ||
                hr_sql_word_is(t, "TIMESTAMP") ||
                hr_sql_word_is(t, "TIMESTAMP_NTZ") || hr_sql_word_is(t, "TIMESTAMP_LTZ"))) {
        *ret_kind = HR_TK_TYPED;
        n = 2;
    } else if ((n = type_length(p, i)) > 0) {
        *ret_kind = HR_TK_NESTED_TYPE;
    } else if (hr_sql_word_is(t, "INTERVAL") && !after_dot && (n = interval_length(p, i)) > 0) {
        *ret_kind = HR_TK_INTERVAL;
    } else if ((n = sample_length(p, i)) > 0) {
        *ret_kind = t->kind;
    } else {
        n = 1;
        *ret_kind = keyword_here(p, i, prev);
    }
    return n;
}

static hr_status lex_all(struct hr_sql_parser *p)
{
    HR_VEC(struct hr_sql_token) tokens = {0};
    const char *cursor = p->text, *end = p->text + p->len;
    struct hr_sql_token token;
    while (hr_sql_lex(p->text, &cursor, end, &token)) {
        if (token.kind == HR_TK_OPEN_COMMENT) {
            HR_SQL_RAISE(p, token.pos, token.pos + 2, HR_E_UNCLOSED_BRACKETED_COMMENT);
            return p->status;
        }
        token.is_word = token.kind == HR_TK_ID;
        if (token.is_word) token.kind = (uint16_t)hr_sql_keyword(token.ptr, token.len);
        if (!HR_VEC_PUSH(p->arena, &tokens, token)) return HR_OOM(p->err);
    }
    token = (struct hr_sql_token){.ptr = end, .pos = (int32_t)p->len, .end = (int32_t)p->len};
    if (!HR_VEC_PUSH(p->arena, &tokens, token)) return HR_OOM(p->err);
    p->raw = tokens.items;
    p->raw_count = tokens.count - 1;
    return HR_OK;
}

hr_status hr_sql_tokenize(struct hr_sql_parser *p)
{
    HR_TRY(lex_all(p));
    p->tokens = HR_NEW_ARRAY(p->arena, struct hr_sql_token, p->raw_count + 1);
    if (!p->tokens) return HR_OOM(p->err);
    uint32_t count = 0;
    for (uint32_t i = 0; i < p->raw_count;) {
        int kind;
        uint32_t n = fold(p, i, count ? &p->tokens[count - 1] : NULL, &kind);
        struct hr_sql_token *t = &p->tokens[count++];
        *t = p->raw[i];
        t->kind = (uint16_t)kind;
        t->first = i;
        t->count = n;
        t->end = p->raw[i + n - 1].end;
        if (kind == HR_TK_IDENTIFIER && raw(p, i + 2)->kind == HR_TK_STRING &&
            raw(p, i + 3)->kind == HR_TK_RP && hr_sql_fold_identifier(p, t)) {
            t->count = n = 4;
            t->end = p->raw[i + 3].end;
        }
        i += n;
    }
    p->tokens[count] = p->raw[p->raw_count];
    p->tokens[count].first = p->raw_count;
    p->token_count = count;
    return HR_OK;
}
