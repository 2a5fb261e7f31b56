/* SPDX-License-Identifier: Apache-2.0 */
/*
 * to_char and to_number: numbers by patterns of 0 9 , . $ S MI PR. A pattern is constant: it is
 * taken apart and checked when the call is bound.
 */
#include <stdio.h>

#include "base/decimal.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

enum token_kind { N_EXACT, N_AT_MOST, N_COMMA, N_POINT, N_DOLLAR, N_S, N_MI, N_OPEN, N_CLOSE };

struct token {
    enum token_kind kind;
    uint32_t count; /* digits: how many positions */
};

struct pattern {
    struct token *tokens;
    uint32_t count;
    uint32_t before, after; /* digits around the point */
    uint32_t open;          /* the pattern's PR: index of its token, or UINT32_MAX */
    const char *text;       /* in capitals */
};

/* --- Patterns ----------------------------------------------------------------------------------*/

#define STRUCTURE "`[MI|S]` `[$]` `[0|9|G|,]*` `[.|D]` `[0|9]*` `[$]` `[PR|MI|S]`"

static hr_status bad(const char *text, hr_status code, const char *token, struct hr_err *err)
{
    return HR_RAISE(err, code, "format", text, "token", token, "structure", STRUCTURE);
}

static bool is_digits(enum token_kind kind) { return kind == N_EXACT || kind == N_AT_MOST; }

/* One token; 0: a character that means nothing. */
static size_t read_token(const char *p, struct token *ret)
{
    *ret = (struct token){.count = 1};
    switch (*p) {
    case '0':
    case '9':
        ret->kind = *p == '0' ? N_EXACT : N_AT_MOST;
        while (p[ret->count] == '0' || p[ret->count] == '9') ret->count++;
        return ret->count;
    case '.':
    case 'D': ret->kind = N_POINT; return 1;
    case ',':
    case 'G': ret->kind = N_COMMA; return 1;
    case '$': ret->kind = N_DOLLAR; return 1;
    case 'S': ret->kind = N_S; return 1;
    case 'M': ret->kind = N_MI; return p[1] == 'I' ? 2 : 0;
    case 'P': ret->kind = N_CLOSE; return p[1] == 'R' ? 2 : 0;
    default: return 0;
    }
}

static uint32_t count_of(const struct pattern *f, enum token_kind kind)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->count; i++) n += f->tokens[i].kind == kind;
    return n;
}

/* Commas stand between digits, before the point; the currency before all digits. */
static hr_status check_places(const struct pattern *f, struct hr_err *err)
{
    bool point = false, digits = false;
    for (uint32_t i = 0; i < f->count; i++) {
        enum token_kind kind = f->tokens[i].kind;
        bool before = i > 0 && is_digits(f->tokens[i - 1].kind);
        bool behind = i + 1 < f->count && is_digits(f->tokens[i + 1].kind);
        if (kind == N_COMMA && point)
            return bad(f->text, HR_E_NUMBER_FORMAT_COMMA_AFTER_POINT, "", err);
        if (kind == N_COMMA && !(before && behind))
            return bad(f->text, HR_E_NUMBER_FORMAT_COMMAS, "", err);
        if (kind == N_DOLLAR && digits)
            return bad(f->text, HR_E_NUMBER_FORMAT_CURRENCY, "", err);
        point = point || kind == N_POINT;
        digits = digits || is_digits(kind);
    }
    return HR_OK;
}

static hr_status check_counts(const struct pattern *f, struct hr_err *err)
{
    static const struct {
        enum token_kind kind;
        const char *name;
    } single[] = {{N_POINT, ". or D"}, {N_S, "S"}, {N_DOLLAR, "$"}, {N_MI, "MI"}, {N_CLOSE, "PR"}};
    for (size_t i = 0; i < HR_COUNT(single); i++)
        if (count_of(f, single[i].kind) > 1)
            return bad(f->text, HR_E_NUMBER_FORMAT_TOKEN_COUNT, single[i].name, err);
    return HR_OK;
}

/* [MI|S] [$] digits [. digits] [PR|MI|S] */
static hr_status check_structure(const struct pattern *f, struct hr_err *err)
{
    uint32_t i = 0, n = f->count;
    const struct token *t = f->tokens;
    if (i < n && (t[i].kind == N_S || t[i].kind == N_MI)) i++;
    if (i < n && t[i].kind == N_DOLLAR) i++;
    while (i < n && (is_digits(t[i].kind) || t[i].kind == N_COMMA)) i++;
    if (i < n && t[i].kind == N_POINT) i++;
    while (i < n && is_digits(t[i].kind)) i++;
    if (i < n && (t[i].kind == N_S || t[i].kind == N_MI || t[i].kind == N_CLOSE)) i++;
    if (i == n) return HR_OK;
    return bad(f->text, HR_E_NUMBER_FORMAT_UNEXPECTED, "digit sequence", err);
}

static hr_status read_pattern(struct hr_arena *arena, struct hr_str_view text, struct pattern *f,
                              struct hr_err *err)
{
    char *upper = hr_arena_strndup(arena, text.ptr, text.len);
    HR_VEC(struct token) tokens = {0};
    char strange[8] = "";
    if (!upper) return HR_OOM(err);
    for (char *p = upper; *p; p++)
        if (*p >= 'a' && *p <= 'z') *p = (char)(*p - 32);
    f->text = upper;
    f->open = UINT32_MAX;
    if (text.len == 0) return bad("", HR_E_NUMBER_FORMAT_EMPTY, "", err);
    for (const char *p = upper; *p;) {
        struct token token;
        size_t n = read_token(p, &token);
        if (n == 0 && !*strange) snprintf(strange, sizeof strange, "%.1s", p);
        if (n && !HR_VEC_PUSH(arena, &tokens, token)) return HR_OOM(err);
        p += n ? n : 1;
    }
    f->tokens = tokens.items;
    f->count = tokens.count;
    bool point = false;
    for (uint32_t i = 0; i < f->count; i++) {
        point = point || f->tokens[i].kind == N_POINT;
        if (is_digits(f->tokens[i].kind)) *(point ? &f->after : &f->before) += f->tokens[i].count;
        if (f->tokens[i].kind == N_CLOSE) f->open = i;
    }
    if (f->before + f->after == 0) return bad(upper, HR_E_NUMBER_FORMAT_DIGITS, "", err);
    if (*strange) {
        char token[32];
        snprintf(token, sizeof token, "character '%s'", strange);
        return bad(upper, HR_E_NUMBER_FORMAT_UNEXPECTED, token, err);
    }
    HR_TRY(check_counts(f, err));
    HR_TRY(check_places(f, err));
    return check_structure(f, err);
}

/* The pattern of argument 1; *ret NULL where it is NULL. */
static hr_status bind_pattern(HR_BIND_ARGS, struct pattern **ret)
{
    struct hr_str_view text;
    *ret = NULL;
    if (!hr_expr_is_foldable(call->args[1])) {
        const char *kind = call->args[1]->kind == HR_X_CALL ? call->args[1]->name
                                                            : "attributereference";
        const char *name = hr_arena_printf(arena, "`%s`", kind);
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                        hr_expr_quoted(arena, call), "inputName", name ? name : "?", "inputType",
                        "\"STRING\"", "inputExpr", hr_expr_quoted(arena, call->args[1]));
    }
    if (!hr_resolve_const_string(arena, conf, call->args[1], &text)) return HR_OK;
    struct pattern *f = HR_NEW(arena, struct pattern);
    if (!f) return HR_OOM(err);
    HR_TRY(read_pattern(arena, text, f, err));
    call->bound = *ret = f;
    return HR_OK;
}

/* --- to_number ---------------------------------------------------------------------------------*/

hr_status hr_bind_to_number(HR_BIND_ARGS)
{
    struct pattern *f;
    HR_TRY(bind_pattern(arena, conf, call, err, &f));
    uint32_t digits = f ? f->before + f->after : 10, scale = f ? f->after : 0;
    if (digits > 38) {
        char text[16];
        snprintf(text, sizeof text, "%u", digits);
        return HR_RAISE(err, HR_E_DECIMAL_PRECISION, "precision", text, "maxPrecision",
                        "38");
    }
    call->type = hr_type_decimal((int)digits, (int)scale);
    return call->type ? HR_OK : HR_OOM(err);
}

struct number_text {
    struct hr_str_view text;
    size_t at;
    hr_i128 value;
    uint32_t digits; /* taken */
};

static bool is_blank(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

/* The digits that a run of tokens takes: groups between commas, the last ones fill from behind. */
static bool take_groups(const struct pattern *f, uint32_t from, uint32_t to, struct number_text *n,
                        bool fraction, uint32_t *ret_digits)
{
    uint32_t lengths[128], groups = 0, wanted = 0;
    lengths[0] = 0;
    *ret_digits = 0;
    for (; n->at < n->text.len; n->at++) {
        char c = n->text.ptr[n->at];
        if (is_blank(c)) continue;
        if (c == ',' && !fraction) {
            if (++groups == HR_COUNT(lengths)) return false;
            lengths[groups] = 0;
            continue;
        }
        if (c < '0' || c > '9') break;
        if (++n->digits > 38) return false;
        n->value = n->value * 10 + (c - '0');
        lengths[groups]++;
        (*ret_digits)++;
    }
    for (uint32_t i = from; i < to; i++) wanted += is_digits(f->tokens[i].kind);
    if (groups + 1 > wanted) return false;
    uint32_t g = groups + 1;
    for (uint32_t i = to; i-- > from;) {
        const struct token *t = &f->tokens[i];
        if (!is_digits(t->kind)) continue;
        uint32_t have = g ? lengths[--g] : 0;
        if (have > t->count || (t->kind == N_EXACT && have != t->count && !(fraction && !have)))
            return false;
    }
    return true;
}

static bool read_number(const struct pattern *f, struct hr_str_view text, hr_i128 *ret)
{
    struct number_text n = {.text = text};
    bool negative = false, wrapped = false, point = false, behind = false;
    uint32_t fraction = 0, taken;
    if (f->open != UINT32_MAX && text.len && text.ptr[0] == '<') {
        wrapped = true;
        n.at = 1;
    }
    for (uint32_t i = 0; i < f->count; i++) {
        char c = n.at < text.len ? text.ptr[n.at] : 0;
        switch (f->tokens[i].kind) {
        case N_EXACT:
        case N_AT_MOST: {
            uint32_t end = i;
            while (end < f->count && (is_digits(f->tokens[end].kind) ||
                                      f->tokens[end].kind == N_COMMA))
                end++;
            taken = 0; /* without a point there is no fraction, however many digits it may have */
            if ((point || !behind) && !take_groups(f, i, end, &n, behind, &taken)) return false;
            if (behind) fraction += taken;
            i = end - 1;
            break;
        }
        case N_POINT:
            behind = true;
            point = c == '.';
            n.at += point;
            break;
        case N_DOLLAR:
            if (c != '$') return false;
            n.at++;
            break;
        case N_S:
        case N_MI:
            if (c == '-') negative = true;
            n.at += c == '-' || (c == '+' && f->tokens[i].kind == N_S);
            break;
        case N_CLOSE:
            if (wrapped && c != '>') return false;
            n.at += wrapped;
            negative = wrapped;
            break;
        default: break;
        }
    }
    if (n.at != text.len || n.digits == 0 || n.digits - fraction > f->before) return false;
    for (; fraction < f->after; fraction++) n.value *= 10;
    *ret = negative ? -n.value : n.value;
    return true;
}

hr_status hr_fn_to_number(HR_EVAL_ARGS)
{
    const struct pattern *f = call->bound;
    bool is_try = call->function->flags & HR_FN_TRY;
    if (!f) return HR_BUG(err, "%s without a pattern", call->name);
    HR_EACH_ROW(ctx, out, row)
    {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        if (read_number(f, s, &HR_OUT(hr_i128, out)[row])) continue;
        if (!is_try) {
            const char *input = hr_arena_strndup(ctx->arena, s.ptr, s.len);
            return HR_RAISE(err, HR_E_NUMBER_FORMAT_MISMATCH, "format", f->text, "inputType",
                            "\"STRING\"", "input", input ? input : "?");
        }
        hr_out_null(out, row);
    }
    return HR_OK;
}

/* --- to_char -----------------------------------------------------------------------------------*/

/* A date or a time is formatted as such, bytes are encoded. */
hr_status hr_bind_to_char(HR_BIND_ARGS)
{
    const struct hr_type *t = call->args[0]->type;
    const char *name = hr_arena_printf(arena, "`%s`", call->function->name);
    struct pattern *f;
    if (!name) return HR_OOM(err);
    const struct hr_type *text = hr_type_implicit(call->args[1]->type, hr_sv("string"));
    if (!text) return hr_resolve_unexpected_type(arena, call, 1, "\"STRING\"", err);
    HR_TRY(hr_resolve_cast(arena, &call->args[1], text, err));
    if (hr_type_is_datetime(t) || t->id == HR_T_TIME)
        return hr_resolve_as(arena, conf, call, "date_format", err);
    if (t->id == HR_T_BINARY) {
        struct hr_str_view format;
        if (!hr_expr_is_foldable(call->args[1]))
            return HR_RAISE(err, HR_E_NON_FOLDABLE_ARGUMENT, "funcName", name, "paramName",
                            "`format`", "paramType", "\"STRING\"");
        if (hr_resolve_const_string(arena, conf, call->args[1], &format)) {
            call->arg_count = 1;
            if (hr_sv_eq_nocase(format, hr_sv("hex")))
                return hr_resolve_as(arena, conf, call, "hex", err);
            if (hr_sv_eq_nocase(format, hr_sv("base64")))
                return hr_resolve_as(arena, conf, call, "base64", err);
            call->arg_count = 2;
            if (hr_sv_eq_nocase(format, hr_sv("utf-8")))
                return hr_resolve_as(arena, conf, call, "decode", err);
        }
        const char *got = hr_arena_printf(arena, "'%.*s'", (int)format.len, format.ptr);
        return HR_RAISE(err, HR_E_INVALID_BINARY_FORMAT, "functionName", name, "invalidFormat",
                        got ? got : "?");
    }
    const struct hr_type *to = t->id == HR_T_DECIMAL ? t
                               : hr_type_is_numeric(t) ? hr_type_decimal_for(t)
                                                       : hr_type_decimal(38, 18);
    if (!hr_type_is_numeric(t) && t->id != HR_T_STRING && t->id != HR_T_NULL)
        return hr_resolve_unexpected_type(arena, call, 0, "\"DECIMAL\"", err);
    HR_TRY(hr_resolve_cast(arena, &call->args[0], to, err));
    call->name = "to_char";
    return bind_pattern(arena, conf, call, err, &f);
}

/* What is to be written: digits without leading zeros, fraction without trailing ones. */
struct digits {
    char text[96];
    const char *before, *after;
    uint32_t before_len, after_len;
    bool negative;
};

static void split_digits(hr_i128 v, int scale, struct digits *d)
{
    d->negative = v < 0;
    d->text[hr_decimal_format(v < 0 ? -v : v, scale, d->text)] = 0;
    char *point = strchr(d->text, '.');
    d->before = d->text;
    d->before_len = (uint32_t)(point ? point - d->text : (ptrdiff_t)strlen(d->text));
    d->after = point ? point + 1 : "";
    d->after_len = (uint32_t)strlen(d->after);
    while (d->before_len && *d->before == '0') d->before++, d->before_len--;
    while (d->after_len && d->after[d->after_len - 1] == '0') d->after_len--;
}

static bool is_sign(char c) { return c == '+' || c == '-' || c == '<'; }

/* A blank moves in front of a sign that waits for the first digit. */
static void put_blank(struct hr_buf *out)
{
    char last = out->len ? out->ptr[out->len - 1] : 0;
    hr_buf_putc(out, ' ');
    if (out->failed || !is_sign(last)) return;
    out->ptr[out->len - 2] = ' ';
    out->ptr[out->len - 1] = last;
}

static void put_before(const struct pattern *f, uint32_t from, uint32_t to, const struct digits *d,
                       struct hr_buf *out)
{
    uint32_t places = f->before; /* that are still to come */
    bool started = false;
    for (uint32_t i = from; i < to; i++) {
        const struct token *t = &f->tokens[i];
        if (t->kind == N_COMMA) {
            if (started)
                hr_buf_putc(out, ',');
            else
                put_blank(out);
            continue;
        }
        for (uint32_t k = 0; k < t->count; k++, places--) {
            started = started || places <= d->before_len || t->kind == N_EXACT;
            if (places <= d->before_len)
                hr_buf_putc(out, d->before[d->before_len - places]);
            else if (started)
                hr_buf_putc(out, '0');
            else
                put_blank(out);
        }
    }
}

static void put_token(const struct pattern *f, const struct token *t, const struct digits *d,
                      struct hr_buf *out)
{
    switch (t->kind) {
    case N_POINT:
        if (out->len && out->ptr[out->len - 1] == ' ') out->ptr[out->len - 1] = '0';
        hr_buf_putc(out, '.');
        break;
    case N_DOLLAR: hr_buf_putc(out, '$'); break;
    case N_S: hr_buf_putc(out, d->negative ? '-' : '+'); break;
    case N_MI: hr_buf_putc(out, d->negative ? '-' : ' '); break;
    case N_CLOSE:
        if (d->negative)
            hr_buf_putc(out, '>');
        else
            hr_buf_puts(out, "  ");
        break;
    default: break;
    }
    HR_UNUSED(f);
}

static void put_number(const struct pattern *f, const struct digits *d, struct hr_buf *out)
{
    bool point = false;
    if (f->open != UINT32_MAX && d->negative) hr_buf_putc(out, '<');
    for (uint32_t i = 0; i < f->count; i++) {
        if (!is_digits(f->tokens[i].kind)) {
            put_token(f, &f->tokens[i], d, out);
            point = point || f->tokens[i].kind == N_POINT;
            continue;
        }
        uint32_t end = i;
        while (end < f->count && (is_digits(f->tokens[end].kind) || f->tokens[end].kind == N_COMMA))
            end++;
        if (point)
            for (uint32_t k = 0; k < f->after; k++)
                hr_buf_putc(out, k < d->after_len ? d->after[k] : '0');
        else
            put_before(f, i, end, d, out);
        i = end - 1;
    }
}

/* A # in the place of every digit: the number has more of them. */
static void put_overflow(const struct pattern *f, const struct digits *d, struct hr_buf *out)
{
    for (uint32_t i = 0; i < f->count; i++) {
        const struct token *t = &f->tokens[i];
        for (uint32_t k = 0; is_digits(t->kind) && k < t->count; k++) hr_buf_putc(out, '#');
        if (t->kind == N_COMMA) hr_buf_putc(out, ' ');
        if (t->kind == N_POINT) hr_buf_putc(out, '.');
        if (!is_digits(t->kind) && t->kind != N_COMMA && t->kind != N_POINT)
            put_token(f, t, d, out);
    }
}

hr_status hr_fn_to_char(HR_EVAL_ARGS)
{
    const struct pattern *f = call->bound;
    int scale = args[0].col.type->scale;
    struct digits d;
    if (!f) return HR_BUG(err, "%s without a pattern", call->name);
    HR_TEXT_ROWS({
        split_digits(HR_ARG(hr_i128, &args[0], row), scale, &d);
        if (d.before_len > f->before || d.after_len > f->after)
            put_overflow(f, &d, &buf);
        else
            put_number(f, &d, &buf);
        if (buf.len && buf.ptr[buf.len - 1] == '.') buf.ptr[buf.len - 1] = ' ';
    });
}
