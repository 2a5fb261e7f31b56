/* SPDX-License-Identifier: Apache-2.0 */
/* LIKE by a matcher of its own; RLIKE, regexp_… and split by regular expressions. */
#include "base/utf8.h"
#include "expr/codec.h"
#include "expr/functions/functions.h"
#include "expr/functions/regex.h"
#include "expr/internal.h"

/* --- LIKE --------------------------------------------------------------------------------------*/

/* A pattern as pieces of text between %; _ is any one character. */
enum { ANY_ONE = 1, ANY_MANY = 2 };

struct like {
    uint8_t *kinds; /* per byte of text: 0 literal, ANY_ONE, ANY_MANY */
    char *text;
    size_t len;
    bool fold, literal; /* literal: no wildcards but (perhaps) % at the ends */
    bool open_start, open_end;
    size_t from, to; /* of the literal middle */
};

static hr_status bad_escape(struct hr_arena *arena, struct hr_str_view p, size_t at,
                            struct hr_err *err)
{
    const char *format = hr_arena_printf(arena, "'%.*s'", (int)p.len, p.ptr);
    if (at >= p.len)
        return HR_RAISE(err, HR_E_INVALID_ESC_AT_THE_END, "format", format ? format : "?");
    const char *c = hr_arena_printf(arena, "'%c'", p.ptr[at]);
    return HR_RAISE(err, HR_E_INVALID_ESC_IN_THE_MIDDLE, "format", format ? format : "?", "char",
                    c ? c : "?");
}

static char folded(char c, bool fold)
{
    return fold && c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

/* ILIKE looks for the escape in the pattern in lower case, as Spark does. */
static bool is_escape(struct hr_str_view p, size_t at, struct hr_str_view escape, bool fold)
{
    if (!escape.len || at + escape.len > p.len) return false;
    return escape.len == 1 ? folded(p.ptr[at], fold) == escape.ptr[0]
                           : memcmp(p.ptr + at, escape.ptr, escape.len) == 0;
}

static hr_status like_compile(struct hr_arena *arena, struct hr_str_view p,
                              struct hr_str_view escape, bool fold, struct like **ret,
                              struct hr_err *err)
{
    struct like *like = HR_NEW(arena, struct like);
    if (!like) return HR_OOM(err);
    like->kinds = hr_arena_alloc(arena, p.len + 1);
    like->text = hr_arena_alloc(arena, p.len + 1);
    if (!like->kinds || !like->text) return HR_OOM(err);
    like->fold = fold;
    for (size_t i = 0; i < p.len;) {
        uint8_t kind = p.ptr[i] == '_' ? ANY_ONE : p.ptr[i] == '%' ? ANY_MANY : 0;
        size_t end = i + 1;
        if (is_escape(p, i, escape, fold)) {
            i += escape.len;
            bool twice = is_escape(p, i, escape, fold);
            if (!twice && (i >= p.len || (p.ptr[i] != '_' && p.ptr[i] != '%')))
                return bad_escape(arena, p, i, err);
            kind = 0;
            end = i + (twice ? escape.len : 1);
        }
        for (; i < end; i++) {
            like->kinds[like->len] = kind;
            like->text[like->len++] = folded(p.ptr[i], fold);
        }
    }
    like->from = 0;
    like->to = like->len;
    like->open_start = like->len && like->kinds[0] == ANY_MANY;
    like->open_end = like->len && like->kinds[like->len - 1] == ANY_MANY;
    while (like->from < like->to && like->kinds[like->from] == ANY_MANY) like->from++;
    while (like->to > like->from && like->kinds[like->to - 1] == ANY_MANY) like->to--;
    like->literal = !fold;
    for (size_t i = like->from; i < like->to; i++) like->literal = like->literal && !like->kinds[i];
    *ret = like;
    return HR_OK;
}

static size_t char_bytes(const char *p, const char *end)
{
    size_t n = 1;
    if (*p & 0x80)
        while (p + n < end && (p[n] & 0xc0) == 0x80 && n < 4) n++;
    return n;
}

/* Greedy with one step back per %: linear in practice, quadratic at worst. */
static bool like_general(const struct like *like, struct hr_str_view s)
{
    const char *p = s.ptr, *end = s.ptr + s.len, *back_p = NULL;
    size_t i = 0, back_i = 0;
    for (;;) {
        if (i < like->len && like->kinds[i] == ANY_MANY) {
            back_i = ++i;
            back_p = p;
            continue;
        }
        if (p == end) break;
        if (i < like->len && like->kinds[i] == ANY_ONE) {
            p += char_bytes(p, end);
            i++;
            continue;
        }
        char c = *p;
        if (like->fold && c >= 'A' && c <= 'Z') c += 32;
        if (i < like->len && like->text[i] == c) {
            p++;
            i++;
            continue;
        }
        if (!back_p) return false;
        back_p += char_bytes(back_p, end);
        p = back_p;
        i = back_i;
    }
    while (i < like->len && like->kinds[i] == ANY_MANY) i++;
    return i == like->len;
}

static bool like_match(const struct like *like, struct hr_str_view s)
{
    if (!like->literal) return like_general(like, s);
    size_t n = like->to - like->from;
    const char *text = like->text + like->from;
    if (s.len < n) return false;
    if (!n) return like->open_start || s.len == 0;
    if (like->open_start && like->open_end) return memmem(s.ptr, s.len, text, n) != NULL;
    if (like->open_start) return memcmp(s.ptr + s.len - n, text, n) == 0;
    return (like->open_end || s.len == n) && memcmp(s.ptr, text, n) == 0;
}

/* One for all rows: bind takes nothing but a literal. */
static struct hr_str_view escape_of(const struct hr_expr *call, const struct hr_vector *args)
{
    return call->arg_count < 3 ? hr_sv("\\") : hr_arg_str(&args[2], 0);
}

hr_status hr_bind_like(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    if (call->arg_count < 3) return HR_OK;
    const struct hr_expr *arg = call->args[2];
    if (arg->kind != HR_X_LITERAL || !hr_column_valid(arg->literal, 0))
        return HR_RAISE(err, HR_E_INVALID_ESCAPE_CHAR, "sqlExpr", hr_expr_quoted(arena, arg));
    struct hr_str_view escape = hr_string_view((const struct hr_string *)arg->literal->values);
    if (hr_utf8_count(escape.ptr, escape.len) == 1) return HR_OK;
    const char *shown = hr_arena_printf(arena, "'%.*s'", (int)escape.len, escape.ptr);
    return HR_RAISE(err, HR_E_INVALID_ESC, "invalidEscape", shown ? shown : "?");
}

/* ILIKE beyond ASCII: both sides in lower case. */
static hr_status ilike_texts(HR_EVAL_ARGS)
{
    struct like *like = NULL;
    struct hr_buf text = {0}, pattern = {0};
    struct hr_str_view escape = escape_of(call, args);
    hr_status status = HR_OK;
    HR_EACH_ROW(ctx, out, row) {
        if (!like || !args[1].is_const) {
            hr_buf_clear(&pattern);
            hr_text_case(&pattern, hr_arg_str(&args[1], row), false);
            status = like_compile(ctx->arena, hr_svn(pattern.ptr, pattern.len), escape, true, &like,
                                  err);
        }
        hr_buf_clear(&text);
        hr_text_case(&text, hr_arg_str(&args[0], row), false);
        if (status == HR_OK) status = hr_buf_status(&text, err);
        if (status == HR_OK) status = hr_buf_status(&pattern, err);
        if (status != HR_OK) break;
        hr_out_bool(out, row, like_match(like, hr_svn(text.ptr, text.len)));
    }
    hr_buf_done(&text);
    hr_buf_done(&pattern);
    return status;
}

static bool all_ascii(struct hr_str_view s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] & 0x80) return false;
    return true;
}

static hr_status like_rows(HR_EVAL_ARGS, bool fold)
{
    struct like *like = NULL;
    if (fold &&
        (!args[1].is_const || !hr_arg_valid(&args[1], 0) || !all_ascii(hr_arg_str(&args[1], 0))))
        return ilike_texts(ctx, call, args, out, err);
    struct hr_str_view escape = escape_of(call, args);
    HR_EACH_ROW(ctx, out, row) {
        if (!like || !args[1].is_const)
            HR_TRY(like_compile(ctx->arena, hr_arg_str(&args[1], row), escape, fold, &like, err));
        hr_out_bool(out, row, like_match(like, hr_arg_str(&args[0], row)));
    }
    return HR_OK;
}

hr_status hr_fn_like(HR_EVAL_ARGS)
{
    return like_rows(ctx, call, args, out, err, false);
}
hr_status hr_fn_ilike(HR_EVAL_ARGS)
{
    return like_rows(ctx, call, args, out, err, true);
}

/* --- Regular expressions
 * -------------------------------------------------------------------------*/

/* Spark writes two of them in terms of others, and its errors say so. */
static const char *name_in_errors(const struct hr_expr *call)
{
    const char *name = call->function->name;
    if (strcmp(name, "regexp_count") == 0) return "regexp_extract_all";
    if (strcmp(name, "regexp_substr") == 0) return "regexp_extract";
    return strcmp(name, "regexp") == 0 || strcmp(name, "regexp_like") == 0 ? "rlike" : name;
}

static hr_status bind_pattern(HR_BIND_ARGS, uint32_t index)
{
    struct hr_str_view pattern;
    call->bound = NULL;
    if (!hr_resolve_const_string(arena, conf, call->args[index], &pattern)) return HR_OK;
    struct hr_regex *regex;
    struct hr_err bad = {0}; /* is raised by the first text that meets it, as in Spark */
    hr_status status = hr_regex_compile(arena, pattern, name_in_errors(call), &regex, &bad);
    if (status == HR_OK) call->bound = regex;
    return HR_OK;
}

/* The regex of a row: compiled at bind, else per distinct run of patterns. */
struct regex_at {
    struct hr_regex *regex;
    struct hr_str_view pattern;
};

static hr_status regex_of(struct hr_eval_ctx *ctx, const struct hr_expr *call,
                          const struct hr_vector *v, uint32_t row, struct regex_at *at,
                          struct hr_err *err)
{
    if (call->bound) {
        at->regex = call->bound;
        return HR_OK;
    }
    struct hr_str_view pattern = hr_arg_str(v, row);
    if (at->regex && hr_sv_eq(pattern, at->pattern)) return HR_OK;
    at->pattern = pattern;
    return hr_regex_compile(ctx->arena, pattern, name_in_errors(call), &at->regex, err);
}

hr_status hr_bind_rlike(HR_BIND_ARGS)
{
    return bind_pattern(arena, conf, call, err, 1);
}

#define EACH_MATCH_SETUP    \
    const size_t *g = NULL; \
    uint32_t groups = 0;    \
    struct regex_at at = {0};

hr_status hr_fn_rlike(HR_EVAL_ARGS)
{
    EACH_MATCH_SETUP
    HR_EACH_ROW(ctx, out, row) {
        HR_TRY(regex_of(ctx, call, &args[1], row, &at, err));
        HR_TRY(hr_regex_find(at.regex, ctx->arena, hr_arg_str(&args[0], row), 0, &g, &groups, err));
        hr_out_bool(out, row, groups > 0);
    }
    return HR_OK;
}

static hr_status bad_group(const struct hr_expr *call, struct hr_eval_ctx *ctx, uint32_t have,
                           int64_t want, struct hr_err *err)
{
    const char *name = hr_arena_printf(ctx->arena, "`%s`", call->name);
    const char *count = hr_arena_printf(ctx->arena, "%u", have),
               *index = hr_arena_printf(ctx->arena, "%lld", (long long)want);
    return HR_RAISE(err, HR_E_INVALID_REGEX_GROUP, "parameter", "`idx`", "functionName",
                    name ? name : "?", "groupCount", count ? count : "?", "groupIndex",
                    index ? index : "?");
}

hr_status hr_bind_regexp_extract(HR_BIND_ARGS)
{
    if (call->arg_count == 2)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 1), err));
    return bind_pattern(arena, conf, call, err, 1);
}

hr_status hr_fn_regexp_extract(HR_EVAL_ARGS)
{
    EACH_MATCH_SETUP
    HR_EACH_ROW(ctx, out, row) {
        HR_TRY(regex_of(ctx, call, &args[1], row, &at, err));
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int32_t index = HR_ARG(int32_t, &args[2], row);
        HR_TRY(hr_regex_find(at.regex, ctx->arena, s, 0, &g, &groups, err));
        if (groups && (index < 0 || (uint32_t)index > hr_regex_group_count(at.regex)))
            return bad_group(call, ctx, hr_regex_group_count(at.regex), index, err);
        bool taken = groups && g[2 * index] != SIZE_MAX;
        hr_out_str_shared(out, row, taken ? s.ptr + g[2 * index] : "",
                          taken ? g[2 * index + 1] - g[2 * index] : 0);
    }
    return HR_OK;
}

hr_status hr_fn_regexp_extract_all(HR_EVAL_ARGS)
{
    EACH_MATCH_SETUP
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    if (!b) return HR_OOM(err);
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        HR_TRY(regex_of(ctx, call, &args[1], row, &at, err));
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int32_t index = HR_ARG(int32_t, &args[2], row);
        for (size_t start = 0; start <= s.len;) {
            HR_TRY(hr_regex_find(at.regex, ctx->arena, s, start, &g, &groups, err));
            if (!groups) break;
            if (index < 0 || (uint32_t)index > hr_regex_group_count(at.regex))
                return bad_group(call, ctx, hr_regex_group_count(at.regex), index, err);
            bool taken = g[2 * index] != SIZE_MAX;
            hr_builder_str_shared(
                hr_builder_child(b, 0),
                taken ? hr_svn(s.ptr + g[2 * index], g[2 * index + 1] - g[2 * index]) : hr_sv(""));
            start = hr_regex_next(s, g);
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

static void put_group(struct hr_buf *buf, struct hr_str_view s, const size_t *g, uint32_t groups,
                      uint32_t k)
{
    if (k < groups && g[2 * k] != SIZE_MAX)
        hr_buf_append(buf, s.ptr + g[2 * k], g[2 * k + 1] - g[2 * k]);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* The group that the $ before r[i] stands for, and the end of its name. False: Java has none. */
static bool group_of(const struct hr_regex *regex, struct hr_str_view r, size_t *i, uint32_t *ret)
{
    if (*i < r.len && r.ptr[*i] == '{') {
        const char *close = memchr(r.ptr + *i, '}', r.len - *i);
        if (!close) return false;
        struct hr_str_view name = hr_svn(r.ptr + *i + 1, (size_t)(close - r.ptr) - *i - 1);
        *i = (size_t)(close - r.ptr) + 1;
        *ret = hr_regex_group_named(regex, name);
        return *ret > 0;
    }
    if (*i >= r.len || !is_digit(r.ptr[*i])) return false;
    uint32_t k = (uint32_t)(r.ptr[(*i)++] - '0'), longer;
    while (*i < r.len && is_digit(r.ptr[*i]) &&
           (longer = k * 10 + (uint32_t)(r.ptr[*i] - '0')) <= hr_regex_group_count(regex)) {
        k = longer;
        (*i)++;
    }
    *ret = k;
    return k <= hr_regex_group_count(regex);
}

/* Java's replacement: $1 and ${name} are groups, \ escapes. False: it is none. */
static bool put_replacement(const struct hr_regex *regex, struct hr_buf *buf, struct hr_str_view r,
                            struct hr_str_view s, const size_t *g, uint32_t groups)
{
    for (size_t i = 0; i < r.len;) {
        uint32_t k;
        char c = r.ptr[i++];
        if (c == '\\') {
            if (i >= r.len) return false;
            hr_buf_putc(buf, r.ptr[i++]);
        } else if (c == '$') {
            if (!group_of(regex, r, &i, &k)) return false;
            put_group(buf, s, g, groups, k);
        } else {
            hr_buf_putc(buf, c);
        }
    }
    return true;
}

static hr_status bad_replacement(struct hr_arena *arena, struct hr_str_view s, struct hr_str_view p,
                                 struct hr_str_view r, int64_t position, struct hr_err *err)
{
    const char *source = hr_arena_printf(arena, "%.*s", (int)s.len, s.ptr);
    const char *pattern = hr_arena_printf(arena, "%.*s", (int)p.len, p.ptr);
    const char *replacement = hr_arena_printf(arena, "%.*s", (int)r.len, r.ptr);
    const char *at = hr_arena_printf(arena, "%lld", (long long)position);
    if (!source || !pattern || !replacement || !at) return HR_OOM(err);
    return HR_RAISE(err, HR_E_INVALID_REGEXP_REPLACE, "source", source, "pattern", pattern,
                    "replacement", replacement, "position", at);
}

/* s without what is before the position: patterns do not look there. */
static hr_status replace_all(struct hr_eval_ctx *ctx, struct hr_regex *regex, struct hr_str_view s,
                             struct hr_str_view r, struct hr_buf *buf, bool *ret_bad,
                             struct hr_err *err)
{
    const size_t *g = NULL;
    uint32_t groups = 0;
    size_t done = 0, start = 0;
    *ret_bad = false;
    while (start <= s.len && !buf->failed) {
        HR_TRY(hr_regex_find(regex, ctx->arena, s, start, &g, &groups, err));
        if (!groups) break;
        hr_buf_append(buf, s.ptr + done, g[0] - done);
        *ret_bad = !put_replacement(regex, buf, r, s, g, groups);
        if (*ret_bad) return HR_OK;
        done = g[1];
        start = hr_regex_next(s, g);
    }
    hr_buf_append(buf, s.ptr + done, s.len - done);
    return HR_OK;
}

/* The position is one for all rows, and one of the text. */
static hr_status check_position(HR_BIND_ARGS)
{
    int64_t position;
    const char *sql = hr_expr_quoted(arena, call);
    const char *argument = hr_expr_quoted(arena, call->args[3]);
    if (!sql || !argument) return HR_OOM(err);
    if (!hr_expr_is_foldable(call->args[3]))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr", sql, "inputName",
                        "`position`", "inputType", "\"INT\"", "inputExpr", argument);
    if (!hr_resolve_const_i64(arena, conf, call->args[3], &position) || position > 0) return HR_OK;
    const char *value = hr_arena_printf(arena, "%lld", (long long)position);
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_VALUE_OUT_OF_RANGE, "sqlExpr", sql, "exprName",
                    "position", "valueRange", "(0, 2147483647]", "currentValue",
                    value ? value : "?");
}

hr_status hr_bind_regexp_replace(HR_BIND_ARGS)
{
    if (call->arg_count == 3)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 1), err));
    HR_TRY(check_position(arena, conf, call, err));
    return bind_pattern(arena, conf, call, err, 1);
}

hr_status hr_fn_regexp_replace(HR_EVAL_ARGS)
{
    struct regex_at at = {0};
    HR_TEXT_ROWS({
        status_ = regex_of(ctx, call, &args[1], row, &at, err);
        if (status_ != HR_OK) break;
        struct hr_str_view s = hr_arg_str(&args[0], row), r = hr_arg_str(&args[2], row);
        int64_t position = HR_ARG(int32_t, &args[3], row);
        size_t from = position > 1 ? hr_utf8_offset(s.ptr, s.len, (size_t)position - 1) : 0;
        bool bad;
        hr_buf_append(&buf, s.ptr, from);
        if (from && from == s.len) goto done; /* nothing is there */
        struct hr_str_view rest = hr_svn(s.ptr + from, s.len - from);
        status_ = replace_all(ctx, at.regex, rest, r, &buf, &bad, err);
        if (status_ == HR_OK && bad)
            status_ = bad_replacement(ctx->arena, s, hr_arg_str(&args[1], row), r, position, err);
        if (status_ != HR_OK) break;
    done:;
    });
}

hr_status hr_fn_regexp_count(HR_EVAL_ARGS)
{
    EACH_MATCH_SETUP
    HR_EACH_ROW(ctx, out, row) {
        HR_TRY(regex_of(ctx, call, &args[1], row, &at, err));
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int32_t n = 0;
        for (size_t start = 0; start <= s.len; n++) {
            HR_TRY(hr_regex_find(at.regex, ctx->arena, s, start, &g, &groups, err));
            if (!groups) break;
            start = hr_regex_next(s, g);
        }
        HR_OUT(int32_t, out)[row] = n;
    }
    return HR_OK;
}

hr_status hr_fn_regexp_substr(HR_EVAL_ARGS)
{
    EACH_MATCH_SETUP
    HR_EACH_ROW(ctx, out, row) {
        HR_TRY(regex_of(ctx, call, &args[1], row, &at, err));
        struct hr_str_view s = hr_arg_str(&args[0], row);
        HR_TRY(hr_regex_find(at.regex, ctx->arena, s, 0, &g, &groups, err));
        if (groups && g[1] > g[0])
            hr_out_str_shared(out, row, s.ptr + g[0], g[1] - g[0]);
        else
            hr_out_null(out, row);
    }
    return HR_OK;
}

hr_status hr_bind_regexp_instr(HR_BIND_ARGS)
{
    if (call->arg_count == 2)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), 0), err));
    return bind_pattern(arena, conf, call, err, 1);
}

hr_status hr_fn_regexp_instr(HR_EVAL_ARGS)
{
    EACH_MATCH_SETUP
    HR_EACH_ROW(ctx, out, row) {
        HR_TRY(regex_of(ctx, call, &args[1], row, &at, err));
        struct hr_str_view s = hr_arg_str(&args[0], row);
        HR_TRY(hr_regex_find(at.regex, ctx->arena, s, 0, &g, &groups, err));
        HR_OUT(int32_t, out)[row] = groups ? (int32_t)hr_utf8_count(s.ptr, g[0]) + 1 : 0;
    }
    return HR_OK;
}

/* --- split -------------------------------------------------------------------------------------*/

hr_status hr_bind_split(HR_BIND_ARGS)
{
    if (call->arg_count == 2)
        HR_TRY(hr_resolve_add_arg(arena, call, hr_expr_int(arena, hr_type(HR_T_INT), -1), err));
    return bind_pattern(arena, conf, call, err, 1);
}

/* Parts of s between matches as java.util.regex.Pattern.split has them: empty ones at the end are
 * kept. An empty pattern parts the characters. */
struct splitter {
    struct hr_regex *regex;
    struct hr_str_view s;
    bool empty_pattern;
    size_t done, start;
};

static hr_status next_part(struct hr_eval_ctx *ctx, struct splitter *at, bool all_that_is_left,
                           struct hr_str_view *ret, bool *ret_more, struct hr_err *err)
{
    const size_t *g = NULL;
    uint32_t groups = 0;
    struct hr_str_view s = at->s;
    *ret_more = false;
    while (!all_that_is_left && at->start <= s.len) {
        HR_TRY(hr_regex_find(at->regex, ctx->arena, s, at->start, &g, &groups, err));
        if (!groups) break;
        at->start = hr_regex_next(s, g);
        if (g[1] == 0 || (at->empty_pattern && g[0] == s.len)) continue;
        *ret = hr_svn(s.ptr + at->done, g[0] - at->done);
        at->done = g[1];
        *ret_more = true;
        return HR_OK;
    }
    *ret = hr_svn(s.ptr + at->done, s.len - at->done);
    return HR_OK;
}

/* limit > 0: at most so many parts. */
hr_status hr_fn_split(HR_EVAL_ARGS)
{
    struct regex_at at = {0};
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    if (!b) return HR_OOM(err);
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        HR_TRY(regex_of(ctx, call, &args[1], row, &at, err));
        struct splitter parts = {.regex = at.regex,
                                 .s = hr_arg_str(&args[0], row),
                                 .empty_pattern = !hr_arg_str(&args[1], row).len};
        struct hr_str_view part;
        int32_t limit = HR_ARG(int32_t, &args[2], row), n = 1;
        for (bool more = true; more; n++) {
            HR_TRY(next_part(ctx, &parts, limit > 0 && n >= limit, &part, &more, err));
            hr_builder_str_shared(hr_builder_child(b, 0), part);
        }
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}

/* --- str_to_map --------------------------------------------------------------------------------*/

static hr_status check_new_key(struct hr_eval_ctx *ctx, struct hr_str_view key,
                               struct hr_value_set *keys, struct hr_err *err)
{
    uint32_t before = keys->live;
    HR_TRY(hr_value_set_add(keys, key.ptr, (uint32_t)key.len, 1, err));
    if (keys->live > before) return HR_OK;
    const char *text = hr_arena_strndup(ctx->arena, key.ptr, key.len);
    return HR_RAISE(err, HR_E_DUPLICATED_MAP_KEY, "key", text ? text : "?", "mapKeyDedupPolicy",
                    "\"spark.sql.mapKeyDedupPolicy\"");
}

/* One row: its pairs, each cut in two at the first match of the second pattern. */
static hr_status map_of_text(struct hr_eval_ctx *ctx, struct splitter *pairs, struct splitter *two,
                             struct hr_value_set *keys, struct hr_builder *b, struct hr_err *err)
{
    struct hr_str_view pair, key, value;
    for (bool more = true, cut; more;) {
        HR_TRY(next_part(ctx, pairs, false, &pair, &more, err));
        two->s = pair;
        two->done = two->start = 0;
        HR_TRY(next_part(ctx, two, false, &key, &cut, err));
        HR_TRY(check_new_key(ctx, key, keys, err));
        hr_builder_str_shared(hr_builder_child(b, 0), key);
        if (cut) {
            HR_TRY(next_part(ctx, two, true, &value, &cut, err));
            hr_builder_str_shared(hr_builder_child(b, 1), value);
        } else {
            hr_builder_null(hr_builder_child(b, 1));
        }
    }
    return HR_OK;
}

hr_status hr_fn_str_to_map(HR_EVAL_ARGS)
{
    struct regex_at pair_at = {0}, key_at = {0};
    struct hr_builder *b = hr_builder_new(ctx->arena, call->type, ctx->row_count);
    if (!b) return HR_OOM(err);
    HR_BUILD_ROWS(ctx, out, b, row)
    {
        HR_TRY(regex_of(ctx, call, &args[1], row, &pair_at, err));
        HR_TRY(regex_of(ctx, call, &args[2], row, &key_at, err));
        struct splitter pairs = {.regex = pair_at.regex,
                                 .s = hr_arg_str(&args[0], row),
                                 .empty_pattern = !hr_arg_str(&args[1], row).len};
        struct splitter two = {.regex = key_at.regex,
                               .empty_pattern = !hr_arg_str(&args[2], row).len};
        struct hr_value_set keys = {0};
        hr_status status = map_of_text(ctx, &pairs, &two, &keys, b, err);
        hr_value_set_done(&keys);
        if (status != HR_OK) return status;
        hr_builder_close(b);
    }
    return hr_out_from_builder(ctx, b, out, err);
}
