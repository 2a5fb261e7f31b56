/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The general JSON parser: recursive descent, all of Spark's options, one record at a time. It
 * decides what a record means; the fast parsers take only what this one reads the same way, and
 * hand it the rest. What follows the root value on its line is ignored, as in Spark.
 *
 * Values are put into their columns while they are read. A value that does not fit costs the member
 * of the nearest object: the others stay (Spark's partial results). Damage inside a member's object
 * or array costs that member, too, and the reader goes on where it stands, as Spark's does:
 * behind a name without a good value the object ends there; else what follows is taken for the next
 * members of the object around. When that cannot be read either, the record is undone.
 */
#include <ctype.h>

#include "base/utf8.h"
#include "format/json/json.h"

struct parser {
    struct json_decoder *d;
    const char *p, *end;
    uint32_t depth;
    bool partial; /* a member was given up */
    bool no_value; /* the damage is behind a member's name */
    bool ended;    /* the object around ends here, brace or not */
};

static bool value(struct parser *ps, struct json_node *node, uint32_t idx);

static bool at(const struct parser *ps, char c)
{
    return ps->p < ps->end && *ps->p == c;
}

/* A character that cannot stand here: whoever goes on does so behind it. */
static bool unexpected(struct parser *ps)
{
    ps->p += ps->p < ps->end;
    return false;
}

static bool comment(struct parser *ps)
{
    if (ps->end - ps->p < 2) return false;
    if (ps->p[1] == '/') {
        while (ps->p < ps->end && *ps->p != '\n') ps->p++;
        return true;
    }
    if (ps->p[1] != '*') return false;
    for (const char *q = ps->p + 2; q + 1 < ps->end; q++) {
        if (q[0] == '*' && q[1] == '/') {
            ps->p = q + 2;
            return true;
        }
    }
    return false;
}

static void space(struct parser *ps)
{
    for (;;) {
        while (ps->p < ps->end &&
               (*ps->p == ' ' || *ps->p == '\t' || *ps->p == '\n' || *ps->p == '\r'))
            ps->p++;
        if (!ps->d->options.comments || !at(ps, '/') || !comment(ps)) return;
    }
}

static int hex4(const char *p)
{
    int v = 0;
    for (int i = 0; i < 4; i++) {
        int c = (unsigned char)p[i], x;
        if (c >= '0' && c <= '9') x = c - '0';
        else if ((c | 32) >= 'a' && (c | 32) <= 'f') x = (c | 32) - 'a' + 10;
        else return -1;
        v = v * 16 + x;
    }
    return v;
}

/* p at the u of \uXXXX; the bytes written, -1: damaged. A surrogate without its other half becomes
 * '?', as Java prints it. */
static int unescape_unicode(const char **p, const char *end, char *out)
{
    if (end - *p < 5) return -1;
    int u = hex4(*p + 1);
    if (u < 0) return -1;
    *p += 5;
    if (u >= 0xd800 && u < 0xdc00 && end - *p >= 6 && (*p)[0] == '\\' && (*p)[1] == 'u') {
        int low = hex4(*p + 2);
        if (low >= 0xdc00 && low < 0xe000) {
            *p += 6;
            return (int)hr_utf8_encode(0x10000u + (((uint32_t)u - 0xd800u) << 10) +
                                           ((uint32_t)low - 0xdc00u), out);
        }
    }
    if (u >= 0xd800 && u < 0xe000) {
        *out = '?';
        return 1;
    }
    return (int)hr_utf8_encode((uint32_t)u, out);
}

bool hr_json_unescape(const char *p, const char *end, bool any_backslash, char *out,
                      size_t *ret_len)
{
    static const char from[] = "\"\\/bfnrt'", to[] = "\"\\/\b\f\n\r\t'";
    char *o = out;
    while (p < end) {
        if (*p != '\\') {
            *o++ = *p++;
            continue;
        }
        if (++p == end) return false;
        if (*p == 'u') {
            int n = unescape_unicode(&p, end, o);
            if (n < 0) return false;
            o += n;
            continue;
        }
        const char *hit = *p ? strchr(from, *p) : NULL;
        if (!hit && !any_backslash) return false;
        if (hit && *hit == '\'' && !any_backslash) return false;
        *o++ = hit ? to[hit - from] : *p;
        p++;
    }
    *ret_len = (size_t)(o - out);
    return true;
}

/* p behind the opening quote. The text lives in the input or in the batch. */
static bool string(struct parser *ps, char quote, struct hr_str_view *ret)
{
    const char *start = ps->p, *p = start;
    bool escaped = false;
    while (p < ps->end && *p != quote) {
        if ((unsigned char)*p < 0x20 && !ps->d->options.control_chars) return false;
        if (*p == '\\') {
            escaped = true;
            p++;
            if (p == ps->end) return false;
        }
        p++;
    }
    if (p >= ps->end) {
        ps->p = ps->end;
        return false;
    }
    ps->p = p + 1;
    if (!hr_utf8_valid(start, (size_t)(p - start))) return false;
    *ret = hr_svn(start, (size_t)(p - start));
    if (!escaped) return true;
    char *out = hr_json_bytes(ps->d, (size_t)(p - start));
    /* \' is known where strings may stand in single quotes */
    bool any = ps->d->options.any_backslash;
    if (!out) return false;
    if (!any && quote == '\'') {
        for (const char *q = start; q + 1 < p; q++) {
            if (*q != '\\') continue;
            q++;
            if (!strchr("\"\\/bfnrtu'", *q)) return false;
        }
        any = true;
    }
    ret->ptr = out;
    return hr_json_unescape(start, p, any, out, &ret->len);
}

static bool word(struct parser *ps, const char *text)
{
    size_t n = strlen(text);
    if ((size_t)(ps->end - ps->p) < n || memcmp(ps->p, text, n) != 0) return false;
    const char *q = ps->p + n;
    if (q < ps->end && (isalnum((unsigned char)*q) || *q == '_' || *q == '$')) return false;
    ps->p = q;
    return true;
}

static bool digit(const struct parser *ps)
{
    return ps->p < ps->end && *ps->p >= '0' && *ps->p <= '9';
}

static bool non_numeric(struct parser *ps, struct json_node *node, uint32_t idx)
{
    static const char *const words[] = {"NaN", "Infinity", "-Infinity", "-INF", "+INF",
                                        "+Infinity"};
    const char *start = ps->p;
    if (!ps->d->options.non_numeric) return false;
    for (size_t i = 0; i < HR_COUNT(words); i++) {
        if (!word(ps, words[i])) continue;
        if (!node) return true;
        hr_json_put_string(ps->d, node, idx, start, (size_t)(ps->p - start));
        return true;
    }
    return false;
}

static bool number(struct parser *ps, struct json_node *node, uint32_t idx)
{
    const char *start = ps->p;
    bool is_integer = true;
    if (at(ps, '-')) ps->p++;
    if (!digit(ps)) {
        ps->p = start;
        return non_numeric(ps, node, idx);
    }
    if (at(ps, '0')) {
        ps->p++;
        if (digit(ps) && !ps->d->options.leading_zeros) return false;
    }
    while (digit(ps)) ps->p++;
    if (at(ps, '.')) {
        is_integer = false;
        ps->p++;
        if (!digit(ps)) return false;
        while (digit(ps)) ps->p++;
    }
    if (at(ps, 'e') || at(ps, 'E')) {
        is_integer = false;
        ps->p++;
        if (at(ps, '+') || at(ps, '-')) ps->p++;
        if (!digit(ps)) return false;
        while (digit(ps)) ps->p++;
    }
    /* A number ends at white space or a structural character. */
    if (ps->p < ps->end && !strchr(" \t\r\n,]}/", *ps->p)) return false;
    if (node)
        hr_json_put_number(ps->d, node, idx, start, (size_t)(ps->p - start), is_integer);
    return true;
}

static bool field_name(struct parser *ps, struct hr_str_view *ret)
{
    if (at(ps, '"') || (ps->d->options.single_quotes && at(ps, '\''))) {
        char quote = *ps->p++;
        return string(ps, quote, ret);
    }
    if (!ps->d->options.unquoted_names) return unexpected(ps);
    const char *start = ps->p;
    while (ps->p < ps->end && (isalnum((unsigned char)*ps->p) || *ps->p == '_' ||
                               *ps->p == '$' || (unsigned char)*ps->p >= 0x80))
        ps->p++;
    *ret = hr_svn(start, (size_t)(ps->p - start));
    return ret->len > 0 && hr_utf8_valid(ret->ptr, ret->len);
}

static bool is_scalar(const char *p, const char *end)
{
    return p < end && *p != '{' && *p != '[';
}

/* A member's value of a STRUCT; child NULL: nobody asked. */
static bool struct_value(struct parser *ps, struct json_node *child, uint32_t idx)
{
    const char *start = ps->p;
    uint32_t depth = ps->depth;
    bool around = ps->d->mismatch; /* an element of the array that the object is in */
    ps->d->mismatch = false;
    bool good = value(ps, child, idx);
    if (!good && is_scalar(start, ps->end)) {
        ps->no_value = *start != '"' && *start != '\'';
    } else if (!good && child && start < ps->end) {
        ps->depth = depth;
        ps->d->mismatch = good = true;
        ps->ended = ps->no_value;
    }
    if (ps->d->mismatch) {
        if (child && child->child_count && json_has(child, idx)) hr_json_unset(child, idx);
        ps->partial = true;
    }
    ps->d->mismatch = around;
    return good;
}

/* The members of an object whose brace is read. node: STRUCT, MAP or NULL. */
static bool member(struct parser *ps, struct json_node *node, uint32_t idx)
{
    struct hr_str_view name;
    if (!field_name(ps, &name)) return false;
    space(ps);
    ps->no_value = true;
    if (!at(ps, ':')) return false;
    ps->no_value = false;
    ps->p++;
    space(ps);
    if (!node) return value(ps, NULL, 0);
    if (node->id == HR_T_STRUCT) {
        struct json_node *child = hr_json_find(node, name.ptr, (uint32_t)name.len);
        return struct_value(ps, child, idx);
    }
    uint32_t at_row = hr_json_level_push(ps->d, node->inner);
    if (at_row == UINT32_MAX) return false;
    hr_json_put_string(ps->d, &node->children[0], at_row, name.ptr, name.len);
    const char *start = ps->p;
    bool good = value(ps, &node->children[1], at_row);
    if (!good && is_scalar(start, ps->end)) ps->no_value = *start != '"' && *start != '\'';
    return good;
}

static bool object(struct parser *ps, struct json_node *node, uint32_t idx)
{
    if (++ps->depth > JSON_MAX_DEPTH) return false;
    ps->p++;
    space(ps);
    if (at(ps, '}')) {
        ps->p++;
        ps->depth--;
        return true;
    }
    for (;;) {
        if (!member(ps, node, idx)) return false;
        if (ps->ended) {
            ps->ended = false;
            ps->depth--;
            return true;
        }
        space(ps);
        if (at(ps, '}')) break;
        if (!at(ps, ',')) return unexpected(ps);
        ps->p++;
        space(ps);
    }
    ps->p++;
    ps->depth--;
    return true;
}

static bool array(struct parser *ps, struct json_node *node)
{
    if (++ps->depth > JSON_MAX_DEPTH) return false;
    ps->p++;
    space(ps);
    if (at(ps, ']')) {
        ps->p++;
        ps->depth--;
        return true;
    }
    for (;;) {
        uint32_t at_row = node ? hr_json_level_push(ps->d, node->inner) : 0;
        if (at_row == UINT32_MAX) return false;
        if (!value(ps, node ? &node->children[0] : NULL, at_row)) return false;
        space(ps);
        if (at(ps, ']')) break;
        if (!at(ps, ',')) return unexpected(ps);
        ps->p++;
        space(ps);
    }
    ps->p++;
    ps->depth--;
    return true;
}

/* An element that does not fit takes the array or map with it, up to the member of an object; one
 * that is an object has only lost a member. */
static bool container(struct parser *ps, struct json_node *node, uint32_t idx)
{
    bool good = node->id == HR_T_ARRAY ? array(ps, node) : object(ps, node, idx);
    ((int32_t *)node->values)[idx] = (int32_t)node->inner->len;
    json_mark(node, idx);
    return good;
}

static bool nested(struct parser *ps, struct json_node *node, uint32_t idx)
{
    bool is_object = at(ps, '{');
    const char *start = ps->p;
    /* Of repeated keys the last one counts. */
    if (node && node->child_count && json_has(node, idx)) hr_json_unset(node, idx);
    if (node && is_object && node->id == HR_T_STRUCT) {
        json_mark(node, idx);
        return object(ps, node, idx);
    }
    if (node && ((is_object && node->id == HR_T_MAP) || (!is_object && node->id == HR_T_ARRAY)))
        return container(ps, node, idx);
    if (!(is_object ? object(ps, NULL, 0) : array(ps, NULL))) return false;
    if (node) hr_json_put_raw(ps->d, node, idx, start, (size_t)(ps->p - start));
    return true;
}

/* A word that is no value: whoever goes on does so behind it. */
static bool unexpected_word(struct parser *ps)
{
    const char *start = ps->p;
    while (ps->p < ps->end && (isalnum((unsigned char)*ps->p) || *ps->p == '_' || *ps->p == '$'))
        ps->p++;
    return ps->p > start ? false : unexpected(ps);
}

static bool value(struct parser *ps, struct json_node *node, uint32_t idx)
{
    struct hr_str_view text;
    const char *start = ps->p;
    if (ps->p >= ps->end) return false;
    switch (*ps->p) {
    case '{':
    case '[': return nested(ps, node, idx);
    case '\'':
        if (!ps->d->options.single_quotes) return false;
        /* fall through */
    case '"':
        ps->p++;
        if (!string(ps, *start, &text)) return false;
        if (node) hr_json_put_string(ps->d, node, idx, text.ptr, text.len);
        return true;
    case 't':
    case 'f':
        if (!word(ps, *start == 't' ? "true" : "false")) return unexpected_word(ps);
        if (node)
            hr_json_put_bool(ps->d, node, idx, *start == 't', start, (size_t)(ps->p - start));
        return true;
    case 'n':
        if (!word(ps, "null")) return unexpected_word(ps);
        if (node && json_has(node, idx)) hr_json_unset(node, idx); /* a repeated key */
        return true;
    default: return number(ps, node, idx) || unexpected_word(ps);
    }
}

static bool root_object(struct parser *ps)
{
    struct json_level *level = ps->d->levels[0];
    json_row_clear(level);
    ps->depth = 0;
    return object(ps, &ps->d->root, level->len);
}

/* An array of objects at the root: a row each. */
static bool root_array(struct parser *ps, uint32_t max_rows, uint32_t *rows)
{
    ps->p++;
    space(ps);
    if (at(ps, ']')) return true;
    for (;;) {
        if (!at(ps, '{') || *rows == max_rows || !root_object(ps)) return false;
        ps->d->levels[0]->len++;
        (*rows)++;
        space(ps);
        if (at(ps, ']')) return true;
        if (!at(ps, ',')) return false;
        ps->p++;
        space(ps);
    }
}

enum json_verdict hr_json_slow(struct json_decoder *d, const char *p, const char *end,
                               uint32_t max_rows, uint32_t *ret_rows)
{
    struct parser ps = {.d = d, .p = p, .end = end};
    struct json_level *level = d->levels[0];
    uint32_t first = level->len, rows = 0;
    if (end - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0) ps.p += 3;
    space(&ps);
    if (ps.p == end) {
        *ret_rows = 0;
        return JSON_ROW;
    }
    d->mismatch = false;
    bool good = false;
    if (*ps.p == '{') {
        good = root_object(&ps);
        level->len += good;
        rows = 1;
    } else if (*ps.p == '[') {
        good = root_array(&ps, max_rows, &rows);
    }
    if (!good) {
        hr_json_truncate(level, first);
        if (first < level->capacity) json_row_clear(level);
        *ret_rows = 0;
        return JSON_BAD;
    }
    *ret_rows = rows;
    d->mismatch |= ps.partial;
    return d->mismatch ? JSON_PARTIAL : JSON_ROW;
}
