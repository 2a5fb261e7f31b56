/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What from_json keeps of a damaged record, written again as JSON. Damage inside a member's object
 * or array costs that member, and the reader goes on where it stands, as Spark's does: behind a
 * name without a good value the object ends there; else what follows is taken for the next members
 * of the object around. When that cannot be read either, nothing is kept. (The reader of files has
 * rules of the same kind in src/format/json/json_slow.c.)
 */
#include <ctype.h>

#include "expr/functions/json.h"

#define DEPTH_MAX 1000

struct mend {
    struct hr_json j;
    struct hr_buf *out;
    bool no_value; /* the damage is behind a member's name */
    bool ended;    /* the object around ends here, brace or not */
};

static bool mend_value(struct mend *m, const struct hr_type *type);

/* A character that cannot stand here: whoever goes on does so behind it. */
static bool unexpected(struct mend *m)
{
    m->j.pos += m->j.pos < m->j.end;
    return false;
}

static bool is_quote(const struct mend *m, char c)
{
    return c == '"' || (c == '\'' && (m->j.allow & HR_JSON_SINGLE_QUOTES));
}

static bool scalar(struct mend *m)
{
    char c = hr_json_peek(&m->j);
    bool quoted = is_quote(m, c), number = c == '-' || (c >= '0' && c <= '9');
    struct hr_str_view v = hr_json_value(&m->j);
    const char *p = m->j.pos;
    if (!m->j.bad && (quoted || number || p == m->j.end || strchr(" \t\r\n,]}/", *p))) {
        hr_buf_put_sv(m->out, v);
        return true;
    }
    m->j.bad = false;
    if (quoted) return false;
    while (p < m->j.end && (isalnum((unsigned char)*p) || *p == '_' || *p == '$')) p++;
    if (p == m->j.pos) return unexpected(m);
    m->j.pos = p;
    return false;
}

static const struct hr_type *field_of(const struct hr_type *type, struct hr_str_view key)
{
    for (uint32_t i = type->field_count; i-- > 0;)
        if (hr_json_key_is(key, hr_sv(type->fields[i].name))) return type->fields[i].type;
    return NULL;
}

/* An array ends where it stands, or what follows is taken for its elements and nothing is kept. */
static bool array_closes(struct mend *m)
{
    if (hr_json_peek(&m->j) != ']') {
        m->j.pos = m->j.end;
        return false;
    }
    m->j.pos++;
    m->no_value = false;
    return true;
}

/* type NULL: nobody asked. */
static bool member(struct mend *m, const struct hr_type *type)
{
    struct hr_str_view key = {0};
    char c = hr_json_peek(&m->j);
    if (!is_quote(m, c) && !(m->j.allow & HR_JSON_UNQUOTED_NAMES)) return unexpected(m);
    size_t before = m->out->len;
    bool good = hr_json_member(&m->j, true, &key);
    m->no_value = !good && key.ptr && m->j.pos < m->j.end;
    m->j.bad = false;
    if (!good) return false;
    bool of_struct = type && type->id == HR_T_STRUCT;
    const struct hr_type *inner = of_struct                          ? field_of(type, key)
                                  : type && type->id == HR_T_MAP ? type->fields[1].type
                                                                 : NULL;
    if (before && m->out->ptr[before - 1] != '{') hr_buf_putc(m->out, ',');
    hr_buf_put_sv(m->out, key);
    hr_buf_putc(m->out, ':');
    c = hr_json_peek(&m->j);
    int depth = m->j.depth;
    if (mend_value(m, inner)) return true;
    if (c != '{' && c != '[') {
        m->no_value = !is_quote(m, c);
        return false;
    }
    if (!of_struct || !inner || m->j.pos == m->j.end) return false;
    if (c == '[' && !array_closes(m)) return false;
    m->out->len = before;
    m->j.depth = depth;
    m->ended = m->no_value;
    return true;
}

static bool object(struct mend *m, const struct hr_type *type)
{
    m->j.pos++;
    hr_buf_putc(m->out, '{');
    for (bool first = true; !first || hr_json_peek(&m->j) != '}'; first = false) {
        if (!member(m, type)) return false;
        if (m->ended) {
            m->ended = false;
            hr_buf_putc(m->out, '}');
            return true;
        }
        char c = hr_json_peek(&m->j);
        if (c == '}') break;
        if (c != ',') return unexpected(m);
        m->j.pos++;
    }
    m->j.pos++;
    hr_buf_putc(m->out, '}');
    return true;
}

static bool array(struct mend *m, const struct hr_type *type)
{
    const struct hr_type *inner = type && type->id == HR_T_ARRAY ? type->fields[0].type : NULL;
    m->j.pos++;
    hr_buf_putc(m->out, '[');
    for (bool first = true; !first || hr_json_peek(&m->j) != ']'; first = false) {
        if (!first) hr_buf_putc(m->out, ',');
        if (!mend_value(m, inner)) return false;
        char c = hr_json_peek(&m->j);
        if (c == ']') break;
        if (c != ',') return unexpected(m);
        m->j.pos++;
    }
    m->j.pos++;
    hr_buf_putc(m->out, ']');
    return true;
}

static bool mend_value(struct mend *m, const struct hr_type *type)
{
    char c = hr_json_peek(&m->j);
    if (c != '{' && c != '[') return m->j.pos < m->j.end && scalar(m);
    if (++m->j.depth > DEPTH_MAX) return false;
    bool good = c == '{' ? object(m, type) : array(m, type);
    m->j.depth--;
    return good;
}

bool hr_json_mend(struct hr_str_view record, uint32_t allow, const struct hr_type *type,
                  struct hr_buf *out)
{
    struct mend m = {.j = hr_json_allowing(record, allow), .out = out};
    hr_buf_clear(out);
    return hr_json_peek(&m.j) == '{' && object(&m, type) && !out->failed;
}
