/* SPDX-License-Identifier: Apache-2.0 */
/*
 * parse_url: addresses taken apart as java.net.URI does it. What has no "/" behind its scheme is
 * opaque and has no host, path or query; an authority that is no user@host:port stays whole.
 */
#include <ctype.h>

#include "expr/functions/functions.h"
#include "expr/functions/regex.h"
#include "expr/internal.h"

/* ptr NULL: there is none. */
struct url {
    struct hr_str_view protocol, authority, user, host, path, query, ref;
};

#define MARKS "_-!.~'()*"

/* Letters, digits, MARKS, %hh, the characters of more, and all beyond ASCII but control characters
 * and white space of ISO 8859. */
static bool are_legal(struct hr_str_view s, const char *more)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (c == '%') {
            if (i + 2 >= s.len || !isxdigit((unsigned char)s.ptr[i + 1]) ||
                !isxdigit((unsigned char)s.ptr[i + 2]))
                return false;
            i += 2;
        } else if (c == 0xc2 && i + 1 < s.len && (unsigned char)s.ptr[i + 1] <= 0xa0) {
            return false;
        } else if (c < 0x80 && !isalnum(c) && (!c || (!strchr(MARKS, c) && !strchr(more, c)))) {
            return false;
        }
    }
    return true;
}

/* What stands before the first of the characters, and those behind it; false: there is none. */
static bool cut_at(struct hr_str_view *s, const char *chars, struct hr_str_view *ret_before)
{
    size_t n = 0;
    while (n < s->len && !(s->ptr[n] && strchr(chars, s->ptr[n]))) n++;
    *ret_before = hr_svn(s->ptr, n);
    *s = hr_svn(s->ptr + n, s->len - n);
    return s->len > 0;
}

static bool is_host_name(struct hr_str_view host)
{
    size_t label = 0;
    for (size_t i = 0; i <= host.len; i++) {
        if (i < host.len && host.ptr[i] != '.') {
            if (!isalnum((unsigned char)host.ptr[i]) && host.ptr[i] != '-') return false;
            continue;
        }
        if (i == label) return i == host.len && label > 0; /* a point at the end is fine */
        if (host.ptr[label] == '-' || host.ptr[i - 1] == '-') return false;
        bool last = i + 1 >= host.len;
        if (last && !isalpha((unsigned char)host.ptr[label])) return false;
        label = i + 1;
    }
    return true;
}

static bool is_ipv4(struct hr_str_view host)
{
    uint32_t parts = 1, value = 0, digits = 0;
    for (size_t i = 0; i < host.len; i++) {
        if (host.ptr[i] == '.') {
            if (!digits) return false;
            parts++;
            value = digits = 0;
        } else if (isdigit((unsigned char)host.ptr[i]) && digits < 3) {
            value = value * 10 + (uint32_t)(host.ptr[i] - '0');
            digits++;
            if (value > 255) return false;
        } else {
            return false;
        }
    }
    return parts == 4 && digits > 0;
}

static bool is_ipv6(struct hr_str_view host)
{
    bool colon = false;
    for (size_t i = 1; i + 1 < host.len; i++) {
        char c = host.ptr[i];
        colon = colon || c == ':';
        if (c == '%') return colon; /* a scope follows */
        if (!isxdigit((unsigned char)c) && c != ':' && c != '.') return false;
    }
    return colon;
}

/* user@host:port into u, or false: a name in some registry. */
static bool take_server(struct hr_str_view authority, struct url *u)
{
    struct hr_str_view rest = authority, user = {0}, host;
    const char *at = memchr(rest.ptr, '@', rest.len);
    if (at) {
        user = hr_svn(rest.ptr, (size_t)(at - rest.ptr));
        if (!are_legal(user, ";:&=+$,")) return false;
        rest = hr_svn(at + 1, rest.len - user.len - 1);
    }
    bool brackets = rest.len && rest.ptr[0] == '[';
    if (brackets) {
        const char *end = memchr(rest.ptr, ']', rest.len);
        if (!end) return false;
        host = hr_svn(rest.ptr, (size_t)(end - rest.ptr) + 1);
        if (!is_ipv6(host)) return false;
        rest = hr_svn(end + 1, rest.len - host.len);
    } else {
        cut_at(&rest, ":", &host);
        if (!is_ipv4(host) && !is_host_name(host)) return false;
    }
    if (rest.len && rest.ptr[0] != ':') return false;
    for (size_t i = 1; i < rest.len; i++)
        if (!isdigit((unsigned char)rest.ptr[i]) || i > 10) return false;
    u->user = user;
    u->host = host;
    return true;
}

static bool take_authority(struct hr_str_view *s, struct url *u)
{
    *s = hr_svn(s->ptr + 2, s->len - 2);
    struct hr_str_view authority;
    bool more = cut_at(s, "/?#", &authority);
    if (authority.len == 0) return more;
    u->authority = authority;
    if (take_server(authority, u)) return true;
    return are_legal(authority, "$,;:@&=+") && !memchr(authority.ptr, '[', authority.len);
}

static bool take_scheme(struct hr_str_view *s, struct url *u, bool *ret_opaque)
{
    struct hr_str_view rest = *s, scheme;
    *ret_opaque = false;
    if (!cut_at(&rest, ":/?#", &scheme) || rest.ptr[0] != ':') return true;
    for (size_t i = 0; i < scheme.len; i++) {
        unsigned char c = (unsigned char)scheme.ptr[i];
        if (!(isalpha(c) && c < 0x80) && (i == 0 || !(isdigit(c) || memchr("+-.", c, 3))))
            return false;
    }
    if (scheme.len == 0 || rest.len == 1) return false;
    u->protocol = scheme;
    *s = hr_svn(rest.ptr + 1, rest.len - 1);
    *ret_opaque = s->ptr[0] != '/';
    return true;
}

#define URI_CHARS ";/?:@&=+$,[]"

static bool split_url(struct hr_str_view s, struct url *u)
{
    bool opaque;
    struct hr_str_view part;
    memset(u, 0, sizeof *u);
    if (!s.ptr) s.ptr = "";
    if (!take_scheme(&s, u, &opaque)) return false;
    if (opaque) {
        cut_at(&s, "#", &part);
        if (part.len == 0 || !are_legal(part, URI_CHARS)) return false;
    } else {
        bool authority = s.len >= 2 && s.ptr[0] == '/' && s.ptr[1] == '/';
        if (authority && !take_authority(&s, u)) return false;
        cut_at(&s, "?#", &u->path);
        if (!are_legal(u->path, ":@&=+$,;/")) return false;
        if (s.len && s.ptr[0] == '?') {
            s = hr_svn(s.ptr + 1, s.len - 1);
            cut_at(&s, "#", &u->query);
            if (!are_legal(u->query, URI_CHARS)) return false;
        }
    }
    if (s.len) u->ref = hr_svn(s.ptr + 1, s.len - 1);
    return are_legal(u->ref, URI_CHARS);
}

static struct hr_str_view url_part(const struct url *u, struct hr_str_view part)
{
    struct hr_str_view file = u->path;
    if (file.ptr && u->query.ptr) file.len += u->query.len + 1;
    const struct {
        const char *name;
        struct hr_str_view value;
    } parts[] = {{"PROTOCOL", u->protocol}, {"AUTHORITY", u->authority},
                 {"USERINFO", u->user},     {"HOST", u->host},
                 {"PATH", u->path},         {"QUERY", u->query},
                 {"REF", u->ref},           {"FILE", file}};
    for (size_t i = 0; i < HR_COUNT(parts); i++)
        if (hr_sv_eq(part, hr_sv(parts[i].name))) return parts[i].value;
    return hr_svn(NULL, 0);
}

/* The pattern that finds the value of a key, which is itself a pattern; kept while it is one. */
struct key_at {
    struct hr_str_view key;
    struct hr_regex *regex;
};

static hr_status regex_of(struct hr_eval_ctx *ctx, struct hr_str_view key, struct key_at *at,
                          struct hr_err *err)
{
    if (at->regex && hr_sv_eq(at->key, key)) return HR_OK;
    const char *pattern = hr_arena_printf(ctx->arena, "(&|^)%.*s=([^&]*)", (int)key.len, key.ptr);
    if (!pattern) return HR_OOM(err);
    at->key = key;
    return hr_regex_compile(ctx->arena, hr_sv(pattern), "parse_url", &at->regex, err);
}

static hr_status query_value(struct hr_eval_ctx *ctx, struct hr_str_view key, struct key_at *at,
                             struct hr_str_view *part, struct hr_err *err)
{
    const size_t *groups;
    uint32_t count = 0;
    if (!part->ptr) return HR_OK;
    HR_TRY(regex_of(ctx, key, at, err));
    HR_TRY(hr_regex_find(at->regex, ctx->arena, *part, 0, &groups, &count, err));
    *part = count > 2 ? hr_svn(part->ptr + groups[4], groups[5] - groups[4]) : hr_svn(NULL, 0);
    return HR_OK;
}

hr_status hr_fn_parse_url(HR_EVAL_ARGS)
{
    struct key_at at = {.regex = NULL};
    HR_EACH_ROW(ctx, out, row) {
        struct url u;
        struct hr_str_view s = hr_arg_str(&args[0], row), name = hr_arg_str(&args[1], row);
        if (!split_url(s, &u)) {
            if (ctx->conf->ansi && !(call->function->flags & HR_FN_TRY))
                return HR_RAISE(err, HR_E_INVALID_URL, "url",
                                hr_arena_strndup(ctx->arena, s.ptr, s.len));
            hr_out_null(out, row);
            continue;
        }
        struct hr_str_view part = url_part(&u, name);
        if (call->arg_count > 2) {
            if (!hr_sv_eq(name, hr_sv("QUERY"))) part = hr_svn(NULL, 0);
            HR_TRY(query_value(ctx, hr_arg_str(&args[2], row), &at, &part, err));
        }
        if (!part.ptr)
            hr_out_null(out, row);
        else
            hr_out_str_shared(out, row, part.ptr, part.len);
    }
    return HR_OK;
}
