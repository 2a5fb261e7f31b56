/* SPDX-License-Identifier: Apache-2.0 */
/* format_string in the manner of Java's Formatter, and parse_url. */
#include <math.h>
#include <stdio.h>

#include "base/datetime.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

/* --- format_string
 * -------------------------------------------------------------------------------*/

struct spec {
    char flags[8];
    int flag_count, width, precision; /* precision -1: none */
    char conversion;
    bool left, group;
};

/* Parses what follows a '%'; false: not a format. */
static bool parse_spec(struct hr_str_view f, size_t *pos, struct spec *ret, uint32_t *next_arg)
{
    struct spec s = {.precision = -1};
    size_t i = *pos, start = i;
    int64_t number = 0;
    for (; i < f.len && f.ptr[i] >= '0' && f.ptr[i] <= '9'; i++)
        number = HR_MIN(number * 10 + f.ptr[i] - '0', 10000);
    if (i < f.len && f.ptr[i] == '$' && number > 0) {
        *next_arg = (uint32_t)number;
        i++;
    } else {
        i = start;
    }
    while (i < f.len && strchr("-+ 0,#(", f.ptr[i]) && s.flag_count < 7) {
        s.left = s.left || f.ptr[i] == '-';
        s.group = s.group || f.ptr[i] == ',';
        if (f.ptr[i] != ',' && f.ptr[i] != '(') s.flags[s.flag_count++] = f.ptr[i];
        i++;
    }
    for (; i < f.len && f.ptr[i] >= '0' && f.ptr[i] <= '9'; i++)
        s.width = HR_MIN(s.width * 10 + f.ptr[i] - '0', 10000);
    if (i < f.len && f.ptr[i] == '.') {
        s.precision = 0;
        for (i++; i < f.len && f.ptr[i] >= '0' && f.ptr[i] <= '9'; i++)
            s.precision = HR_MIN(s.precision * 10 + f.ptr[i] - '0', 1000);
    }
    if (i >= f.len) return false;
    s.conversion = f.ptr[i++];
    *pos = i;
    *ret = s;
    return strchr("sSdxXofeEgGcbBn%", s.conversion) != NULL;
}

static void put_padded(struct hr_buf *buf, const struct spec *s, struct hr_str_view text)
{
    size_t len = s->precision >= 0 ? HR_MIN(text.len, (size_t)s->precision) : text.len;
    if (!s->left) for (size_t i = len; i < (size_t)s->width; i++) hr_buf_putc(buf, ' ');
    hr_buf_append(buf, text.ptr, len);
    if (s->left) for (size_t i = len; i < (size_t)s->width; i++) hr_buf_putc(buf, ' ');
}

/* Commas between groups of three digits of the integral part. */
static void put_grouped(struct hr_buf *buf, const struct spec *s, const char *text)
{
    struct hr_buf out = {0};
    size_t start = strspn(text, "+- "), whole = strspn(text + start, "0123456789");
    hr_buf_append(&out, text, start);
    for (size_t i = 0; i < whole; i++) {
        if (i && (whole - i) % 3 == 0) hr_buf_putc(&out, ',');
        hr_buf_putc(&out, text[start + i]);
    }
    hr_buf_puts(&out, text + start + whole);
    struct spec plain = {.precision = -1, .width = s->width, .left = s->left};
    put_padded(buf, &plain, hr_svn(out.ptr, out.len));
    hr_buf_done(&out);
}

static void put_number(struct hr_buf *buf, const struct spec *s, const struct hr_vector *v,
                       uint32_t row)
{
    char format[48], text[512];
    bool real = strchr("feEgG", s->conversion) != NULL;
    int width = s->group ? 0 : s->width;
    if (real) {
        snprintf(format, sizeof format, "%%%.*s*.*%c", s->flag_count, s->flags, s->conversion);
        double x = hr_type_is_fractional(v->col.type) && v->col.type->id != HR_T_DECIMAL
                       ? hr_arg_f64(v, row)
                       : 0;
        snprintf(text, sizeof text, format, width, s->precision < 0 ? 6 : HR_MIN(s->precision, 100),
                 x);
    } else {
        int64_t x = hr_arg_i64(v, row);
        char c = s->conversion;
        if (c != 'd' && hr_type_width(v->col.type) == 4) x = (uint32_t)x;
        snprintf(format, sizeof format, "%%%.*s*ll%c", s->flag_count, s->flags, c);
        snprintf(text, sizeof text, format, width, (long long)x);
    }
    if (s->group)
        put_grouped(buf, s, text);
    else
        hr_buf_puts(buf, text);
}

static bool put_argument(struct hr_eval_ctx *ctx, struct hr_buf *buf, const struct spec *s,
                         const struct hr_vector *v, uint32_t row)
{
    enum hr_type_id id = v->col.type->id;
    bool integral = hr_type_is_integral(v->col.type), real = id == HR_T_FLOAT || id == HR_T_DOUBLE;
    if (!hr_arg_valid(v, row)) {
        put_padded(buf, s, hr_sv("null"));
        return true;
    }
    if (strchr("dxXo", s->conversion) && !integral) return false;
    if (strchr("feEgG", s->conversion) && !real) return false;
    if (strchr("dxXofeEgG", s->conversion)) {
        put_number(buf, s, v, row);
        return true;
    }
    struct hr_buf text = {0};
    hr_column_print(&v->col, hr_vector_row(v, row), ctx->conf->tz, &text);
    if (s->conversion == 'S')
        for (size_t i = 0; i < text.len; i++)
            if (text.ptr[i] >= 'a' && text.ptr[i] <= 'z') text.ptr[i] -= 32;
    put_padded(buf, s, hr_svn(text.ptr, text.len));
    hr_buf_done(&text);
    return true;
}

hr_status hr_fn_format_string(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) if (!hr_arg_valid(&args[0], row)) hr_out_null(out, row);
    HR_TEXT_ROWS({
        struct hr_str_view f = hr_arg_str(&args[0], row);
        uint32_t next = 1;
        bool ok = true;
        for (size_t i = 0; i < f.len && ok;) {
            struct spec s;
            uint32_t at = 0;
            if (f.ptr[i] != '%') {
                hr_buf_putc(&buf, f.ptr[i++]);
                continue;
            }
            i++;
            ok = parse_spec(f, &i, &s, &at);
            if (ok && (s.conversion == '%' || s.conversion == 'n')) {
                hr_buf_putc(&buf, s.conversion == '%' ? '%' : '\n');
            } else if (ok) {
                uint32_t a = at ? at : next++;
                ok = a < call->arg_count && put_argument(ctx, &buf, &s, &args[a], row);
            }
        }
        if (!ok) {
            hr_buf_done(&buf);
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "the format '%.*s' does not fit its arguments", (int)f.len, f.ptr);
        }
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
