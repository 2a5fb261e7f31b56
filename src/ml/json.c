/* SPDX-License-Identifier: Apache-2.0 */
/* A small reader of JSON: exact about syntax, bounded in depth. */
#include "ml/json.h"

#include <stdio.h>

#define DEPTH_MAX 32

struct parser {
    struct hr_arena *arena;
    const char *start, *pos, *end;
    const char *why;
};

static bool fail(struct parser *p, const char *why)
{
    if (!p->why) p->why = why;
    return false;
}

static void skip_space(struct parser *p)
{
    while (p->pos < p->end &&
           (*p->pos == ' ' || *p->pos == '\t' || *p->pos == '\n' || *p->pos == '\r'))
        p->pos++;
}

static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (p->pos == p->end || *p->pos != c) return false;
    p->pos++;
    return true;
}

static bool hex4(struct parser *p, uint32_t *ret)
{
    uint32_t v = 0;
    if (p->end - p->pos < 4) return fail(p, "a \\u escape is cut short");
    for (int i = 0; i < 4; i++) {
        char c = *p->pos++;
        uint32_t d = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                     : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                     : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                            : 16;
        if (d == 16) return fail(p, "a \\u escape without four digits");
        v = v * 16 + d;
    }
    *ret = v;
    return true;
}

static void put_utf8(struct hr_buf *out, uint32_t c)
{
    if (c < 0x80) {
        hr_buf_putc(out, (char)c);
    } else if (c < 0x800) {
        hr_buf_putc(out, (char)(0xc0 | c >> 6));
        hr_buf_putc(out, (char)(0x80 | (c & 63)));
    } else {
        if (c >= 0x10000) hr_buf_putc(out, (char)(0xf0 | c >> 18));
        hr_buf_putc(out, (char)(c >= 0x10000 ? 0x80 | (c >> 12 & 63) : 0xe0 | c >> 12));
        hr_buf_putc(out, (char)(0x80 | (c >> 6 & 63)));
        hr_buf_putc(out, (char)(0x80 | (c & 63)));
    }
}

static bool parse_unicode(struct parser *p, struct hr_buf *out)
{
    uint32_t c = 0, low = 0;
    if (!hex4(p, &c)) return false;
    if (c >= 0xd800 && c < 0xe000) {
        if (c >= 0xdc00 || p->end - p->pos < 2 || p->pos[0] != '\\' || p->pos[1] != 'u')
            return fail(p, "half of a surrogate pair");
        p->pos += 2;
        if (!hex4(p, &low)) return false;
        if (low < 0xdc00 || low >= 0xe000) return fail(p, "half of a surrogate pair");
        c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
    }
    put_utf8(out, c);
    return true;
}

static bool parse_escape(struct parser *p, struct hr_buf *out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (p->pos == p->end) return fail(p, "a text without an end");
    char c = *p->pos++;
    if (c == 'u') return parse_unicode(p, out);
    const char *at = c ? strchr(from, c) : NULL;
    if (!at) return fail(p, "an unknown escape");
    hr_buf_putc(out, to[at - from]);
    return true;
}

static bool parse_text(struct parser *p, struct hr_str_view *ret)
{
    struct hr_buf out = {0};
    bool ok = true;
    while (ok && p->pos < p->end && *p->pos != '"') {
        char c = *p->pos++;
        if (c == '\\')
            ok = parse_escape(p, &out);
        else if ((unsigned char)c < 0x20)
            ok = fail(p, "a control character in a text");
        else
            hr_buf_putc(&out, c);
    }
    if (ok && p->pos == p->end) ok = fail(p, "a text without an end");
    if (ok) p->pos++;
    char *copy =
        ok && !out.failed ? hr_arena_strndup(p->arena, out.ptr ? out.ptr : "", out.len) : NULL;
    if (copy) *ret = hr_svn(copy, out.len);
    hr_buf_done(&out);
    return copy ? true : fail(p, "no memory");
}

static bool parse_number(struct parser *p, struct hr_ml_json *node)
{
    const char *start = p->pos;
    double ignored;
    while (p->pos < p->end && *p->pos && strchr("+-.eE0123456789", *p->pos)) p->pos++;
    node->kind = HR_ML_JSON_NUMBER;
    node->text = hr_svn(start, (size_t)(p->pos - start));
    return hr_parse_f64(node->text, &ignored) ? true : fail(p, "no value that JSON knows");
}

static bool parse_word(struct parser *p, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(p->end - p->pos) < len || memcmp(p->pos, word, len) != 0)
        return fail(p, "no value that JSON knows");
    p->pos += len;
    return true;
}

static bool parse_value(struct parser *p, struct hr_ml_json *node, int depth);

static bool parse_items(struct parser *p, struct hr_ml_json *node, int depth)
{
    bool object = node->kind == HR_ML_JSON_OBJECT;
    const struct hr_ml_json **link = &node->first;
    if (take(p, object ? '}' : ']')) return true;
    do {
        struct hr_ml_json *item = HR_NEW(p->arena, struct hr_ml_json);
        if (!item) return fail(p, "no memory");
        if (object) {
            if (!take(p, '"')) return fail(p, "a member without a name");
            if (!parse_text(p, &item->name)) return false;
            if (!take(p, ':')) return fail(p, "a member without ':'");
        }
        if (!parse_value(p, item, depth)) return false;
        *link = item;
        link = &item->next;
        node->count++;
    } while (take(p, ','));
    return take(p, object ? '}' : ']') ? true : fail(p, "a list without an end");
}

static bool parse_value(struct parser *p, struct hr_ml_json *node, int depth)
{
    if (depth == DEPTH_MAX) return fail(p, "too many levels");
    skip_space(p);
    if (p->pos == p->end) return fail(p, "it ends too early");
    switch (*p->pos) {
    case '{':
    case '[':
        node->kind = *p->pos++ == '{' ? HR_ML_JSON_OBJECT : HR_ML_JSON_ARRAY;
        return parse_items(p, node, depth + 1);
    case '"':
        p->pos++;
        node->kind = HR_ML_JSON_STRING;
        return parse_text(p, &node->text);
    case 't':
    case 'f':
        node->kind = HR_ML_JSON_BOOL;
        node->boolean = *p->pos == 't';
        return parse_word(p, node->boolean ? "true" : "false");
    case 'n': return parse_word(p, "null");
    default: return parse_number(p, node);
    }
}

hr_status hr_ml_json_parse(struct hr_arena *arena, struct hr_str_view text,
                           const struct hr_ml_json **ret, struct hr_err *err)
{
    struct parser p = {arena, text.ptr, text.ptr, text.ptr + text.len, NULL};
    struct hr_ml_json *root = HR_NEW(arena, struct hr_ml_json);
    if (!root) return HR_OOM(err);
    bool ok = parse_value(&p, root, 0);
    skip_space(&p);
    if (ok && p.pos != p.end) ok = fail(&p, "something stands behind its end");
    if (ok) {
        *ret = root;
        return HR_OK;
    }
    char why[128];
    snprintf(why, sizeof why, "at byte %zu: %s", (size_t)(p.pos - p.start), p.why);
    return HR_RAISE(err, HR_E_ML_FORMAT, "why", why);
}

const struct hr_ml_json *hr_ml_json_get(const struct hr_ml_json *object, const char *name)
{
    if (!object || object->kind != HR_ML_JSON_OBJECT) return NULL;
    for (const struct hr_ml_json *m = object->first; m; m = m->next)
        if (hr_sv_eq(m->name, hr_sv(name))) return m;
    return NULL;
}
