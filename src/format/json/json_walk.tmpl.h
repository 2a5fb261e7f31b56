/* SPDX-License-Identifier: Apache-2.0 */
/* Values by the grammar, for k_json.c alone: what no shape fits. */
#ifndef HR_FORMAT_JSON_JSON_WALK_TMPL_H
#define HR_FORMAT_JSON_JSON_WALK_TMPL_H

#include "format/json/json_scan.tmpl.h"

/* --- Walk ------------------------------------------------------------------------------------- */

struct walk {
    struct json_decoder *d;
    const char *end;
    bool newlines; /* messages: newlines are white space */
    unsigned depth;
};

static HR_NOINLINE const char *space_slow(const struct walk *w, const char *p)
{
    while (p < w->end && (*p == ' ' || *p == '\t' || (w->newlines && (*p == '\n' || *p == '\r'))))
        p++;
    return p;
}
HR_INLINE const char *space(const struct walk *w, const char *p)
{
    return HR_LIKELY((unsigned char)*p > ' ') ? p : space_slow(w, p);
}

HR_INLINE bool is_true(const char *p) { return load4(p) == 0x65757274; }
HR_INLINE bool is_null(const char *p) { return load4(p) == 0x6c6c756e; }
HR_INLINE bool is_false(const char *p) { return load4(p + 1) == 0x65736c61; }

/* The end of a literal; NULL: no such. */
HR_INLINE const char *word_end(const char *p)
{
    if (*p == 't') return is_true(p) ? p + 4 : NULL;
    if (*p == 'n') return is_null(p) ? p + 4 : NULL;
    return *p == 'f' && is_false(p) ? p + 5 : NULL;
}

HR_INLINE const char *skip_string(struct walk *w, const char *p)
{
    bool escaped = false;
    const char *q = string_end(p, w->end, &escaped);
    if (HR_UNLIKELY(!q)) return NULL;
    if (HR_UNLIKELY(escaped) && !check_escapes(w->d, p, q)) return NULL;
    return q + 1;
}

/* Any value, validated and not kept; no recursion. */
static const char *skip(struct walk *w, const char *p)
{
    uint64_t objects[(JSON_MAX_DEPTH + 63) / 64] = {0}; /* per open container: is it an object? */
    unsigned depth = 0, max = JSON_MAX_DEPTH - w->depth;
#define IN_OBJECT ((objects[(depth - 1) >> 6] >> ((depth - 1) & 63)) & 1)
#define OPEN(bit)                                                                       \
    do {                                                                                \
        if (depth >= max) return NULL;                                                  \
        uint64_t m_ = UINT64_C(1) << (depth & 63);                                      \
        objects[depth >> 6] = (bit) ? objects[depth >> 6] | m_ : objects[depth >> 6] & ~m_; \
        depth++;                                                                        \
    } while (0)
value:
    p = space(w, p);
    if (p >= w->end) return NULL;
    switch (*p) {
    case '"':
        p = skip_string(w, p + 1);
        break;
    case '{':
        OPEN(1);
        p = space(w, p + 1);
        if (*p != '}') goto key;
        p++;
        depth--;
        break;
    case '[':
        OPEN(0);
        p = space(w, p + 1);
        if (*p != ']') goto value;
        p++;
        depth--;
        break;
    case 't':
    case 'f':
    case 'n': p = word_end(p); break;
    default: p = number(w->d, NULL, 0, p, w->end); break;
    }
    if (HR_UNLIKELY(!p)) return NULL;
    while (depth) {
        p = space(w, p);
        if (p >= w->end) return NULL;
        if (*p == ',') {
            p++;
            if (!IN_OBJECT) goto value;
            p = space(w, p);
            goto key;
        }
        if (*p != (IN_OBJECT ? '}' : ']')) return NULL;
        p++;
        depth--;
    }
    return p;
key:
    if (p >= w->end || *p != '"') return NULL;
    p = skip_string(w, p + 1);
    if (!p) return NULL;
    p = space(w, p);
    if (*p != ':') return NULL;
    p++;
    goto value;
#undef IN_OBJECT
#undef OPEN
}

static const char *object(struct walk *w, struct json_node *node, uint32_t idx, const char *p);
static const char *array(struct walk *w, struct json_node *node, uint32_t idx, const char *p);
static const char *map(struct walk *w, struct json_node *node, uint32_t idx, const char *p);

static HR_NOINLINE const char *value_other(struct walk *w, struct json_node *node, uint32_t idx,
                                           const char *p)
{
    const char *q;
    switch (*p) {
    case '{':
        if (node->id == HR_T_STRUCT) {
            json_mark(node, idx);
            return object(w, node, idx, p);
        }
        if (node->id == HR_T_MAP) return map(w, node, idx, p);
        break;
    case '[':
        if (node->id == HR_T_ARRAY) return array(w, node, idx, p);
        break;
    case 'n': return is_null(p) ? p + 4 : NULL;
    case 't':
    case 'f':
        q = word_end(p);
        if (q) hr_json_put_bool(w->d, node, idx, *p == 't', p, (size_t)(q - p));
        return w->d->mismatch ? NULL : q;
    default: return NULL;
    }
    if (node->id != HR_T_STRING) return NULL;
    q = skip(w, p);
    if (q) hr_json_put_raw(w->d, node, idx, p, (size_t)(q - p));
    return q;
}

/* A wanted value at p < end. */
HR_INLINE const char *value(struct walk *w, struct json_node *node, uint32_t idx, const char *p)
{
    if (HR_LIKELY(*p == '"')) {
        bool escaped = false;
        const char *q = string_end(++p, w->end, &escaped);
        if (HR_UNLIKELY(!q)) return NULL;
        bool good = HR_UNLIKELY(escaped) ? put_text(w->d, node, idx, p, q, true)
                                         : put_string(w->d, node, idx, p, q);
        return good ? q + 1 : NULL;
    }
    if ((unsigned)(*p - '0') < 10 || *p == '-') return number(w->d, node, idx, p, w->end);
    return value_other(w, node, idx, p);
}

HR_INLINE struct json_node *find(struct json_node *node, const char *key, uint32_t len)
{
    uint64_t name8 = low_bytes(load8(key), len < 8 ? len : 8);
    struct json_node *child = &node->children[node->hint];
    bool hit = child->name8 == name8 && child->name_len == len && !child->skip &&
               (len <= 8 || memcmp(child->name + 8, key + 8, len - 8) == 0);
    if (HR_UNLIKELY(!hit)) child = hr_json_find8(node, key, name8, len);
    if (child) {
        uint32_t next = (uint32_t)(child - node->children) + 1;
        node->hint = next < node->child_count ? next : 0;
    }
    return child;
}

static HR_NOINLINE bool escaped_key(struct walk *w, const char *p, const char *q,
                                    struct json_node *node, struct json_node **ret)
{
    size_t len;
    char *out = hr_json_bytes(w->d, (size_t)(q - p));
    if (!out || !hr_json_unescape(p, q, false, out, &len)) return false;
    *ret = hr_json_find(node, out, (uint32_t)len);
    return true;
}

/* p at the brace; the closing brace + 1. */
static const char *object(struct walk *w, struct json_node *node, uint32_t idx, const char *p)
{
    w->depth++;
    p = space(w, p + 1);
    if (*p == '}') {
        w->depth--;
        return p + 1;
    }
    for (;;) {
        bool escaped = false;
        if (p >= w->end || *p != '"') return NULL;
        const char *key = p + 1, *q = string_end(key, w->end, &escaped);
        if (HR_UNLIKELY(!q)) return NULL;
        struct json_node *child;
        if (HR_LIKELY(!escaped)) child = find(node, key, (uint32_t)(q - key));
        else if (!escaped_key(w, key, q, node, &child)) return NULL;
        p = q + 1;
        if (HR_UNLIKELY(*p != ':')) {
            p = space(w, p);
            if (*p != ':') return NULL;
        }
        p = space(w, p + 1);
        if (HR_UNLIKELY(p >= w->end)) return NULL;
        /* Repeated keys are rare; the slow parser knows what then counts. */
        if (child && HR_UNLIKELY(json_has(child, idx))) return NULL;
        p = child ? value(w, child, idx, p) : skip(w, p);
        if (HR_UNLIKELY(!p)) return NULL;
        p = space(w, p);
        if (HR_LIKELY(*p == ',')) {
            p = space(w, p + 1);
            continue;
        }
        w->depth--;
        return *p == '}' && p < w->end ? p + 1 : NULL;
    }
}

static const char *array(struct walk *w, struct json_node *node, uint32_t idx, const char *p)
{
    w->depth++;
    p = space(w, p + 1);
    if (*p == ']') {
        p++;
    } else {
        for (;;) {
            if (p >= w->end) return NULL;
            uint32_t at = hr_json_level_push(w->d, node->inner);
            if (at == UINT32_MAX) return NULL;
            p = value(w, &node->children[0], at, p);
            if (HR_UNLIKELY(!p)) return NULL;
            p = space(w, p);
            if (*p == ']') break;
            if (*p != ',') return NULL;
            p = space(w, p + 1);
        }
        p++;
    }
    w->depth--;
    ((int32_t *)node->values)[idx] = (int32_t)node->inner->len;
    json_mark(node, idx);
    return p;
}

static const char *map(struct walk *w, struct json_node *node, uint32_t idx, const char *p)
{
    w->depth++;
    p = space(w, p + 1);
    if (*p == '}') {
        p++;
    } else {
        for (;;) {
            if (p >= w->end || *p != '"') return NULL;
            uint32_t at = hr_json_level_push(w->d, node->inner);
            if (at == UINT32_MAX) return NULL;
            p = value(w, &node->children[0], at, p);
            if (HR_UNLIKELY(!p)) return NULL;
            p = space(w, p);
            if (*p != ':') return NULL;
            p = space(w, p + 1);
            if (p >= w->end) return NULL;
            p = value(w, &node->children[1], at, p);
            if (HR_UNLIKELY(!p)) return NULL;
            p = space(w, p);
            if (*p == '}') break;
            if (*p != ',') return NULL;
            p = space(w, p + 1);
        }
        p++;
    }
    w->depth--;
    ((int32_t *)node->values)[idx] = (int32_t)node->inner->len;
    json_mark(node, idx);
    return p;
}

/* A whole record by the grammar; the byte behind its closing brace, or NULL. */
static HR_NOINLINE const char *walk_record(struct json_decoder *d, const char *p, const char *end,
                                           bool newlines)
{
    struct walk w = {.d = d, .end = end, .newlines = newlines};
    struct json_level *level = d->levels[0];
    json_row_clear(level);
    d->mismatch = false;
    p = space(&w, p);
    if (p >= end || *p != '{') return NULL;
    d->root.hint = 0;
    p = object(&w, &d->root, level->len, p);
    if (HR_UNLIKELY(!p)) return NULL;
    p = space(&w, p);
    if (p > end) return NULL;
    if (newlines) return p == end ? p : NULL;
    if (*p == '\r') p++;
    return p < end && *p == '\n' ? p : NULL;
}

#endif
