/* SPDX-License-Identifier: Apache-2.0 */
/* format_number, and parse_url. */
#include <math.h>
#include <stdio.h>

#include "base/datetime.h"
#include "expr/functions/functions.h"
#include "expr/functions/java_decimal_format.h"
#include "expr/internal.h"

/* --- format_number ---------------------------------------------------------------------------- */

/* Digits behind the point that may be asked for. */
#define DIGITS_MAX 1000000

/* The format of one row; *ret_known false: there is none (fewer than no digits). */
static hr_status row_format(const struct hr_vector *v, uint32_t row, struct hr_decimal_format *ret,
                            bool *ret_known, struct hr_err *err)
{
    *ret_known = true;
    if (v->col.type->id == HR_T_STRING) {
        struct hr_str_view pattern = hr_arg_str(v, row);
        const char *wrong = NULL;
        if (pattern.len)
            wrong = hr_decimal_format_parse(pattern, ret);
        else
            *ret = hr_decimal_format_plain(0);
        return wrong ? HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s \"%.*s\"", wrong,
                               (int)HR_MIN(pattern.len, 200u), pattern.ptr)
                     : HR_OK;
    }
    int32_t digits = HR_ARG(int32_t, v, row);
    if (digits > DIGITS_MAX)
        return HR_RAISE(err, HR_E_LIMIT, "what", "the digits of format_number", "limit", "1000000");
    *ret_known = digits >= 0;
    *ret = hr_decimal_format_plain(digits);
    return HR_OK;
}

hr_status hr_fn_format_number(HR_EVAL_ARGS)
{
    const struct hr_type *t = args[0].col.type;
    struct hr_decimal_format f;
    bool known, ready = false;
    HR_TEXT_ROWS({
        if (!ready) status_ = row_format(&args[1], row, &f, &known, err);
        if (status_ != HR_OK) break;
        ready = args[1].is_const;
        if (!known) {
            hr_out_null(out, row);
            continue;
        }
        if (t->id == HR_T_DECIMAL)
            hr_decimal_format_i128(&f, HR_ARG(hr_i128, &args[0], row), t->scale, &buf);
        else if (hr_type_is_integral(t))
            hr_decimal_format_i128(&f, hr_arg_i64(&args[0], row), 0, &buf);
        else
            hr_decimal_format_f64(&f, hr_arg_f64(&args[0], row), &buf);
    });
}

/* --- parse_url
 * -----------------------------------------------------------------------------------*/

struct url {
    struct hr_str_view protocol, authority, user, host, path, query, ref;
};

static bool split_url(struct hr_str_view s, struct url *u)
{
    const char *end = s.ptr + s.len, *p = s.len ? memmem(s.ptr, s.len, "://", 3) : NULL;
    memset(u, 0, sizeof *u);
    if (!p || memchr(s.ptr, ' ', s.len)) return false;
    u->protocol = hr_svn(s.ptr, (size_t)(p - s.ptr));
    p += 3;
    const char *stop = p;
    while (stop < end && *stop != '/' && *stop != '?' && *stop != '#') stop++;
    u->authority = hr_svn(p, (size_t)(stop - p));
    const char *at = memchr(p, '@', u->authority.len), *host = at ? at + 1 : p;
    if (at) u->user = hr_svn(p, (size_t)(at - p));
    const char *colon = memchr(host, ':', (size_t)(stop - host));
    u->host = hr_svn(host, (size_t)((colon ? colon : stop) - host));
    p = stop;
    while (stop < end && *stop != '?' && *stop != '#') stop++;
    u->path = hr_svn(p, (size_t)(stop - p));
    if (stop < end && *stop == '?') {
        p = ++stop;
        while (stop < end && *stop != '#') stop++;
        u->query = hr_svn(p, (size_t)(stop - p));
    }
    if (stop < end) u->ref = hr_svn(stop + 1, (size_t)(end - stop) - 1);
    return true;
}

/* The value of key in a=1&b=2. */
static struct hr_str_view query_value(struct hr_str_view q, struct hr_str_view key)
{
    while (q.ptr && q.len) {
        const char *amp = memchr(q.ptr, '&', q.len);
        struct hr_str_view pair = hr_svn(q.ptr, amp ? (size_t)(amp - q.ptr) : q.len);
        if (pair.len > key.len && pair.ptr[key.len] == '=' &&
            memcmp(pair.ptr, key.ptr, key.len) == 0)
            return hr_svn(pair.ptr + key.len + 1, pair.len - key.len - 1);
        q = amp ? hr_svn(amp + 1, q.len - pair.len - 1) : hr_svn(NULL, 0);
    }
    return hr_svn(NULL, 0);
}

static struct hr_str_view url_part(const struct url *u, struct hr_str_view part,
                                   struct hr_str_view *file)
{
    const struct {
        const char *name;
        struct hr_str_view value;
    } parts[] = {{"PROTOCOL", u->protocol}, {"AUTHORITY", u->authority},
                 {"USERINFO", u->user},     {"HOST", u->host},
                 {"PATH", u->path},         {"QUERY", u->query},
                 {"REF", u->ref},           {"FILE", *file}};
    for (size_t i = 0; i < HR_COUNT(parts); i++)
        if (hr_sv_eq(part, hr_sv(parts[i].name))) return parts[i].value;
    return hr_svn(NULL, 0);
}

hr_status hr_fn_parse_url(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct url u;
        struct hr_str_view s = hr_arg_str(&args[0], row);
        if (!split_url(s, &u)) {
            if (ctx->conf->ansi && !(call->function->flags & HR_FN_TRY))
                return HR_RAISE(err, HR_E_INVALID_URL, "url",
                                hr_arena_strndup(ctx->arena, s.ptr, s.len));
            hr_out_null(out, row);
            continue;
        }
        struct hr_str_view file =
            hr_svn(u.path.ptr, u.path.len + (u.query.ptr ? u.query.len + 1 : 0));
        struct hr_str_view part = url_part(&u, hr_arg_str(&args[1], row), &file);
        if (call->arg_count > 2) part = query_value(part, hr_arg_str(&args[2], row));
        if (!part.ptr)
            hr_out_null(out, row);
        else
            hr_out_str_shared(out, row, part.ptr, part.len);
    }
    return HR_OK;
}
