/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A recursive-descent parser of Spark's type texts. One token is looked at ahead (cur); words keep
 * their case, names in back quotes are unescaped into the scratch arena, which lives as long as
 * the call (types copy the names that they keep).
 */
#include "column/type_parse.h"

#include <stdio.h>

#include "base/datetime.h"

enum tok { T_END, T_WORD, T_QUOTED, T_NUMBER, T_STRING, T_PUNCT, T_BAD };

struct parser {
    const char *text, *pos, *end;
    struct hr_arena *arena;
    struct hr_err *err;
    int depth;
    /* The token ahead. */
    enum tok tok;
    struct hr_str_view word; /* its text; of T_QUOTED without the quotes */
    const char *tok_start;
};

static hr_status syntax_error(struct parser *p)
{
    assert(p->tok_start >= p->text && p->pos <= p->end);
    char near[160];
    size_t len = (size_t)(p->pos - p->tok_start);
    if (p->tok == T_END)
        snprintf(near, sizeof near, "end of input");
    else
        snprintf(near, sizeof near, "'%.*s'", (int)HR_MIN(len, 120), p->tok_start);
    HR_RAISE(p->err, HR_E_PARSE_SYNTAX_ERROR, "error", near, "hint", "");
    hr_err_at(p->err, (int32_t)(p->tok_start - p->text), (int32_t)(p->pos - p->text));
    return HR_E_PARSE_SYNTAX_ERROR;
}

static bool is_word_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           (unsigned char)c >= 0x80;
}

/* `a``b` → a`b, or a string in '…' or "…" (skipped over: only COMMENT has one). */
static hr_status next_quoted(struct parser *p, char quote)
{
    assert(p->pos < p->end && *p->pos == quote);
    const char *s = ++p->pos;
    size_t quotes = 0;
    while (p->pos < p->end) {
        if (quote != '`' && *p->pos == '\\' && p->pos + 1 < p->end) {
            p->pos += 2;
            continue;
        }
        if (*p->pos == quote) {
            if (p->pos + 1 >= p->end || p->pos[1] != quote) break;
            quotes++;
            p->pos++;
        }
        p->pos++;
    }
    if (p->pos >= p->end) {
        p->tok = T_BAD;
        p->pos = p->end;
        return syntax_error(p);
    }
    p->tok = quote == '`' ? T_QUOTED : T_STRING;
    p->word = hr_svn(s, (size_t)(p->pos - s));
    p->pos++;
    if (quotes == 0 || quote != '`') return HR_OK;
    char *copy = hr_arena_alloc(p->arena, p->word.len);
    if (!copy) return HR_OOM(p->err);
    size_t n = 0;
    for (size_t i = 0; i < p->word.len; i++) {
        copy[n++] = s[i];
        if (s[i] == '`') i++;
    }
    p->word = hr_svn(copy, n);
    return HR_OK;
}

static hr_status next(struct parser *p)
{
    while (p->pos < p->end && strchr(" \t\r\n", *p->pos) && *p->pos) p->pos++;
    p->tok_start = p->pos;
    if (p->pos >= p->end) {
        p->tok = T_END;
        p->word = hr_svn(p->pos, 0);
        return HR_OK;
    }
    char c = *p->pos;
    if (c == '`' || c == '\'' || c == '"') return next_quoted(p, c);
    if (is_word_char(c)) {
        bool digits = true;
        for (; p->pos < p->end && is_word_char(*p->pos); p->pos++)
            digits = digits && *p->pos >= '0' && *p->pos <= '9';
        p->tok = digits ? T_NUMBER : T_WORD;
    } else {
        p->pos++;
        p->tok = T_PUNCT;
    }
    p->word = hr_svn(p->tok_start, (size_t)(p->pos - p->tok_start));
    return HR_OK;
}

static bool at_punct(const struct parser *p, char c)
{
    return p->tok == T_PUNCT && p->word.ptr[0] == c;
}

static bool at_word(const struct parser *p, const char *word)
{
    return p->tok == T_WORD && hr_sv_eq_nocase(p->word, hr_sv(word));
}

static hr_status expect(struct parser *p, char c)
{
    if (!at_punct(p, c)) return syntax_error(p);
    return next(p);
}

static hr_status made(struct parser *p, const struct hr_type *type, const struct hr_type **ret)
{
    if (!type) return HR_OOM(p->err);
    *ret = type;
    return HR_OK;
}

/* ( n [, n …] ): how many, and the texts of the first two. 0 when there is no '('. */
static hr_status parse_sizes(struct parser *p, struct hr_str_view sizes[2], int *ret_count)
{
    int count = 0;
    if (at_punct(p, '(')) {
        do {
            HR_TRY(next(p));
            if (p->tok != T_NUMBER) return syntax_error(p);
            if (count < 2) sizes[count] = p->word;
            count++;
            HR_TRY(next(p));
        } while (at_punct(p, ','));
        HR_TRY(expect(p, ')'));
    }
    *ret_count = count;
    return HR_OK;
}

/* A size as a number of 32 bits. */
static hr_status size_value(struct parser *p, struct hr_str_view text, const char *what,
                            const char *type, int32_t *ret)
{
    int64_t n;
    if (hr_parse_i64(text, &n) && n <= INT32_MAX) {
        *ret = (int32_t)n;
        return HR_OK;
    }
    char value[64];
    snprintf(value, sizeof value, "%.*s", (int)HR_MIN(text.len, 60), text.ptr);
    return HR_RAISE(p->err, HR_E_DATATYPE_PARAMETER_RANGE, "parameter", what, "value", value,
                    "type", type);
}

/* INT(3), STRING(5), DECIMAL(1,2,3) …: from start to the token ahead. */
static hr_status unsupported(struct parser *p, const char *start)
{
    char quoted[96];
    size_t len = (size_t)(p->tok_start - start);
    while (len > 0 && strchr(" \t\r\n", start[len - 1])) len--;
    snprintf(quoted, sizeof quoted, "\"%.*s\"", (int)HR_MIN(len, 80), start);
    for (char *c = quoted; *c; c++)
        if (*c >= 'a' && *c <= 'z') *c = (char)(*c - 32);
    HR_RAISE(p->err, HR_E_UNSUPPORTED_DATATYPE, "typeName", quoted);
    int32_t pos = (int32_t)(start - p->text);
    return hr_err_at(p->err, pos, pos + (int32_t)len);
}

static hr_status parse_decimal(struct parser *p, const char *start, const struct hr_type **ret)
{
    struct hr_str_view sizes[2];
    int count;
    int32_t precision = 10, scale = 0;
    HR_TRY(parse_sizes(p, sizes, &count));
    if (count > 2) return unsupported(p, start);
    if (count > 0) {
        int64_t n;
        if (!hr_parse_i64(sizes[0], &n) || n > 38) {
            char value[64];
            snprintf(value, sizeof value, "%.*s", (int)HR_MIN(sizes[0].len, 60), sizes[0].ptr);
            return HR_RAISE(p->err, HR_E_DECIMAL_PRECISION, "precision", value, "maxPrecision",
                            "38");
        }
        precision = (int32_t)n;
    }
    if (count > 1) HR_TRY(size_value(p, sizes[1], "scale", "DECIMAL", &scale));
    char a[16], b[16];
    snprintf(a, sizeof a, "%d", precision);
    snprintf(b, sizeof b, "%d", scale);
    if (scale > precision)
        return HR_RAISE(p->err, HR_E_DECIMAL_SCALE, "scale", b, "precision", a);
    if (precision == 0) return HR_RAISE(p->err, HR_E_NOT_SUPPORTED, "what", "DECIMAL(0)");
    return made(p, hr_type_decimal(precision, scale), ret);
}

int hr_interval_field(struct hr_str_view word)
{
    static const char *const names[] = {"year", "month", "day", "hour", "minute", "second"};
    for (int i = 0; i < (int)HR_COUNT(names); i++) {
        size_t len = strlen(names[i]);
        if (word.len == len + 1 && (word.ptr[len] | 0x20) == 's') word.len--;
        if (hr_sv_eq_nocase(word, hr_svn(names[i], len))) return i;
    }
    return -1;
}

/* After INTERVAL: YEAR [TO MONTH], DAY [TO SECOND] … */
static hr_status parse_interval(struct parser *p, const struct hr_type **ret)
{
    int start = p->tok == T_WORD ? hr_interval_field(p->word) : -1;
    if (start < 0) {
        HR_RAISE(p->err, HR_E_UNSUPPORTED_DATATYPE, "typeName", "\"INTERVAL\"");
        hr_err_at(p->err, 0, (int32_t)(p->pos - p->text));
        return HR_E_UNSUPPORTED_DATATYPE;
    }
    int last = start;
    HR_TRY(next(p));
    if (at_word(p, "TO")) {
        HR_TRY(next(p));
        last = p->tok == T_WORD ? hr_interval_field(p->word) : -1;
        bool year_month = last <= HR_IV_MONTH;
        if (last <= start || year_month != (start <= HR_IV_MONTH)) return syntax_error(p);
        HR_TRY(next(p));
    }
    return made(p,
                start <= HR_IV_MONTH ? hr_type_interval_ym(start, last)
                                     : hr_type_interval_dt(start, last),
                ret);
}

static hr_status parse_type(struct parser *p, const struct hr_type **ret);

/* [NOT NULL] [COMMENT 'x'] [DEFAULT …: not here] */
static hr_status parse_column_tail(struct parser *p, bool *ret_nullable)
{
    bool nullable = true;
    for (;;) {
        if (at_word(p, "NOT")) {
            HR_TRY(next(p));
            if (!at_word(p, "NULL")) return syntax_error(p);
            nullable = false;
        } else if (at_word(p, "COMMENT")) {
            HR_TRY(next(p));
            if (p->tok != T_STRING) return syntax_error(p);
        } else {
            break;
        }
        HR_TRY(next(p));
    }
    *ret_nullable = nullable;
    return HR_OK;
}

/* name [:] type tail, … up to close ('>' or 0 for the end of the text). */
static hr_status parse_fields(struct parser *p, char close, const struct hr_type **ret)
{
    HR_VEC(struct hr_field) fields = {0};
    while (!(close ? at_punct(p, close) : p->tok == T_END)) {
        if (fields.count > 0) HR_TRY(expect(p, ','));
        if (p->tok != T_WORD && p->tok != T_QUOTED) return syntax_error(p);
        struct hr_field field = {.nullable = true};
        field.name = hr_arena_strndup(p->arena, p->word.ptr, p->word.len);
        if (!field.name) return HR_OOM(p->err);
        HR_TRY(next(p));
        if (at_punct(p, ':')) HR_TRY(next(p));
        HR_TRY(parse_type(p, &field.type));
        HR_TRY(parse_column_tail(p, &field.nullable));
        if (!HR_VEC_PUSH(p->arena, &fields, field)) return HR_OOM(p->err);
    }
    if (close) HR_TRY(next(p));
    return made(p, hr_type_struct(fields.items, fields.count), ret);
}

static hr_status parse_nested(struct parser *p, char kind, const struct hr_type **ret)
{
    if (++p->depth > HR_TYPE_MAX_DEPTH)
        return HR_RAISE(p->err, HR_E_LIMIT, "what", "the nesting of a data type", "limit", "64");
    HR_TRY(expect(p, '<'));
    if (kind == 's') {
        HR_TRY(parse_fields(p, '>', ret));
    } else {
        const struct hr_type *a, *b = NULL;
        HR_TRY(parse_type(p, &a));
        if (kind == 'm') {
            HR_TRY(expect(p, ','));
            HR_TRY(parse_type(p, &b));
        }
        HR_TRY(expect(p, '>'));
        HR_TRY(made(p, b ? hr_type_map(a, b, true) : hr_type_array(a, true), ret));
    }
    p->depth--;
    return HR_OK;
}

/* clang-format off */
static const struct {
    const char *name;
    char how; /* p plain, t time, d decimal, c sized characters, i interval, a/m/s nested */
    enum hr_type_id id;
} names[] = {
    {"ARRAY", 'a', 0}, {"BIGINT", 'p', HR_T_LONG}, {"BINARY", 'p', HR_T_BINARY},
    {"BOOLEAN", 'p', HR_T_BOOLEAN}, {"BYTE", 'p', HR_T_BYTE}, {"CHAR", 'c', HR_T_STRING},
    {"CHARACTER", 'c', HR_T_STRING}, {"DATE", 'p', HR_T_DATE}, {"DEC", 'd', HR_T_DECIMAL},
    {"DECIMAL", 'd', HR_T_DECIMAL}, {"DOUBLE", 'p', HR_T_DOUBLE}, {"FLOAT", 'p', HR_T_FLOAT},
    {"INT", 'p', HR_T_INT}, {"INTEGER", 'p', HR_T_INT}, {"INTERVAL", 'i', 0},
    {"LONG", 'p', HR_T_LONG}, {"MAP", 'm', 0}, {"NUMERIC", 'd', HR_T_DECIMAL},
    {"REAL", 'p', HR_T_FLOAT}, {"SHORT", 'p', HR_T_SHORT}, {"SMALLINT", 'p', HR_T_SHORT},
    {"STRING", 'p', HR_T_STRING}, {"STRUCT", 's', 0},
    {"TIME", 't', HR_T_TIME}, {"TIMESTAMP", 'p', HR_T_TIMESTAMP},
    {"TIMESTAMP_LTZ", 'p', HR_T_TIMESTAMP}, {"TIMESTAMP_NTZ", 'p', HR_T_TIMESTAMP_NTZ},
    {"TINYINT", 'p', HR_T_BYTE}, {"VARCHAR", 'c', HR_T_STRING}, {"VOID", 'p', HR_T_NULL},
};
/* clang-format on */

static hr_status parse_sized_string(struct parser *p, const char *name, const char *start,
                                    const struct hr_type **ret)
{
    struct hr_str_view sizes[2];
    int count;
    int32_t length;
    const char *type = strcmp(name, "CHARACTER") == 0 ? "CHAR" : name;
    HR_TRY(parse_sizes(p, sizes, &count));
    if (count == 0) {
        char quoted[32];
        snprintf(quoted, sizeof quoted, "\"%s\"", type);
        return HR_RAISE(p->err, HR_E_DATATYPE_MISSING_SIZE, "type", quoted);
    }
    if (count != 1) return unsupported(p, start);
    HR_TRY(size_value(p, sizes[0], "length", type, &length));
    return made(p, hr_type(HR_T_STRING), ret);
}

/* TIME, TIME(3), TIME(3) WITHOUT TIME ZONE */
static hr_status parse_time(struct parser *p, const struct hr_type **ret)
{
    struct hr_str_view sizes[2];
    int count;
    int64_t digits = HR_TIME_PRECISION;
    HR_TRY(parse_sizes(p, sizes, &count));
    if (count > 1 || (count == 1 && !hr_parse_i64(sizes[0], &digits))) return syntax_error(p);
    if (digits > 9) {
        char text[24];
        snprintf(text, sizeof text, "%lld", (long long)digits);
        return HR_RAISE(p->err, HR_E_UNSUPPORTED_TIME_PRECISION, "precision", text);
    }
    if (at_word(p, "WITHOUT")) {
        HR_TRY(next(p));
        if (!at_word(p, "TIME")) return syntax_error(p);
        HR_TRY(next(p));
        if (!at_word(p, "ZONE")) return syntax_error(p);
        HR_TRY(next(p));
    }
    return made(p, hr_type_time((int)digits), ret);
}

/* TIMESTAMP(6) is what TIMESTAMP is; nanoseconds are not there. */
static hr_status parse_plain(struct parser *p, enum hr_type_id id, const char *start,
                             const struct hr_type **ret)
{
    if (!at_punct(p, '(')) return made(p, hr_type(id), ret);
    struct hr_str_view sizes[2];
    int count;
    int64_t digits;
    HR_TRY(parse_sizes(p, sizes, &count));
    bool is_time = id == HR_T_TIMESTAMP || id == HR_T_TIMESTAMP_NTZ;
    if (count != 1 || !is_time || !hr_parse_i64(sizes[0], &digits) || (digits >= 7 && digits <= 9))
        return unsupported(p, start);
    if (digits == 6) return made(p, hr_type(id), ret);
    char value[24];
    snprintf(value, sizeof value, "%lld", (long long)digits);
    return HR_RAISE(p->err, HR_E_TIMESTAMP_PRECISION, "precision", value, "type",
                    id == HR_T_TIMESTAMP ? "TIMESTAMP_LTZ" : "TIMESTAMP_NTZ");
}

/* STRUCT, ARRAY and MAP without what they hold. */
static hr_status incomplete(struct parser *p, char kind, const char *start)
{
    HR_RAISE(p->err,
             kind == 's'   ? HR_E_INCOMPLETE_STRUCT
             : kind == 'a' ? HR_E_INCOMPLETE_ARRAY
                           : HR_E_INCOMPLETE_MAP,
             NULL);
    return hr_err_at(p->err, (int32_t)(start - p->text),
                     (int32_t)(start - p->text) + (kind == 's' ? 6 : kind == 'a' ? 5 : 3));
}

static hr_status parse_type(struct parser *p, const struct hr_type **ret)
{
    if (p->tok != T_WORD) return syntax_error(p);
    size_t i = 0;
    while (i < HR_COUNT(names) && !hr_sv_eq_nocase(p->word, hr_sv(names[i].name))) i++;
    if (i == HR_COUNT(names)) {
        char quoted[96];
        size_t len = HR_MIN(p->word.len, 80);
        quoted[0] = '"';
        for (size_t k = 0; k < len; k++) {
            char c = p->word.ptr[k];
            quoted[1 + k] = c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
        }
        memcpy(quoted + 1 + len, "\"", 2);
        HR_RAISE(p->err, HR_E_UNSUPPORTED_DATATYPE, "typeName", quoted);
        hr_err_at(p->err, (int32_t)(p->tok_start - p->text), (int32_t)(p->pos - p->text));
        return HR_E_UNSUPPORTED_DATATYPE;
    }
    const char *start = p->tok_start;
    HR_TRY(next(p));
    switch (names[i].how) {
    case 'p': return parse_plain(p, names[i].id, start, ret);
    case 't': return parse_time(p, ret);
    case 'd': return parse_decimal(p, start, ret);
    case 'c': return parse_sized_string(p, names[i].name, start, ret);
    case 'i': return parse_interval(p, ret);
    default:
        if (p->tok == T_END || at_punct(p, ',') || at_punct(p, '>'))
            return incomplete(p, names[i].how, start);
        return parse_nested(p, names[i].how, ret);
    }
}

static hr_status run(struct parser *p, bool schema, const struct hr_type **ret)
{
    if (p->end - p->text > 1 << 20)
        return HR_RAISE(p->err, HR_E_LIMIT, "what", "the text of a data type", "limit",
                        "1048576 bytes");
    HR_TRY(next(p));
    const struct hr_type *type;
    bool is_struct_text = false;
    if (schema && at_word(p, "STRUCT")) { /* "struct<…>", or a column of that name */
        struct parser ahead = *p;
        is_struct_text = next(&ahead) == HR_OK && at_punct(&ahead, '<');
    }
    HR_TRY(schema && !is_struct_text ? parse_fields(p, 0, &type) : parse_type(p, &type));
    if (p->tok != T_END) return syntax_error(p);
    *ret = type;
    return HR_OK;
}

static hr_status parse_text(struct hr_str_view text, bool schema, const struct hr_type **ret,
                            struct hr_err *err)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    struct parser p = {.text = text.ptr,
                       .pos = text.ptr,
                       .end = text.ptr + text.len,
                       .arena = &arena,
                       .err = err,
                       .tok_start = text.ptr};
    hr_status status = run(&p, schema, ret);
    hr_arena_done(&arena);
    return status;
}

hr_status hr_type_parse(struct hr_str_view text, const struct hr_type **ret, struct hr_err *err)
{
    return parse_text(text, false, ret, err);
}

hr_status hr_schema_parse(struct hr_str_view text, const struct hr_type **ret, struct hr_err *err)
{
    return parse_text(text, true, ret, err);
}
