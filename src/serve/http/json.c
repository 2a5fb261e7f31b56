/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/http/json.h"

#include <inttypes.h>
#include <math.h>

#include "base/datetime.h"
#include "base/decimal.h"
#include "base/utf8.h"

#define LEVELS_MAX 64

struct parser {
    struct hr_arena *arena;
    const char *start, *at, *end;
    int level;
};

static hr_status bad(const struct parser *p, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the body is no JSON: byte %zu is unexpected",
                   (size_t)(p->at - p->start));
}

static void skip_space(struct parser *p)
{
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

static bool take(struct parser *p, char c)
{
    skip_space(p);
    if (p->at == p->end || *p->at != c) return false;
    p->at++;
    return true;
}

static bool take_word(struct parser *p, const char *word)
{
    size_t len = strlen(word);
    if ((size_t)(p->end - p->at) < len || memcmp(p->at, word, len) != 0) return false;
    p->at += len;
    return true;
}

/* Four hexadecimal digits. */
static bool take_hex(struct parser *p, uint32_t *ret)
{
    uint32_t v = 0;
    if (p->end - p->at < 4) return false;
    for (int i = 0; i < 4; i++) {
        char c = *p->at++;
        uint32_t digit = c >= '0' && c <= '9'   ? (uint32_t)(c - '0')
                         : c >= 'a' && c <= 'f' ? (uint32_t)(c - 'a' + 10)
                         : c >= 'A' && c <= 'F' ? (uint32_t)(c - 'A' + 10)
                                                : 16;
        if (digit == 16) return false;
        v = v * 16 + digit;
    }
    *ret = v;
    return true;
}

/* What follows a backslash, as UTF-8 to out. */
static bool take_escape(struct parser *p, char **out)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (p->at == p->end) return false;
    char c = *p->at++;
    const char *found = c ? strchr(from, c) : NULL;
    if (found) {
        *(*out)++ = to[found - from];
        return true;
    }
    uint32_t code, low;
    if (c != 'u' || !take_hex(p, &code) || code == 0) return false;
    if (code >= 0xdc00 && code < 0xe000) return false;
    if (code >= 0xd800 && code < 0xdc00) {
        if (!take_word(p, "\\u") || !take_hex(p, &low) || low < 0xdc00 || low >= 0xe000)
            return false;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    char *o = *out;
    if (code < 0x80) {
        *o++ = (char)code;
    } else if (code < 0x800) {
        *o++ = (char)(0xc0 | code >> 6);
        *o++ = (char)(0x80 | (code & 0x3f));
    } else {
        if (code < 0x10000) {
            *o++ = (char)(0xe0 | code >> 12);
        } else {
            *o++ = (char)(0xf0 | code >> 18);
            *o++ = (char)(0x80 | (code >> 12 & 0x3f));
        }
        *o++ = (char)(0x80 | (code >> 6 & 0x3f));
        *o++ = (char)(0x80 | (code & 0x3f));
    }
    *out = o;
    return true;
}

static hr_status take_string(struct parser *p, const char **ret, struct hr_err *err)
{
    if (!take(p, '"')) return bad(p, err);
    const char *close = p->at;
    while (close < p->end && *close != '"') close += *close == '\\' ? 2 : 1;
    if (close >= p->end) return bad(p, err);
    char *text = hr_arena_alloc(p->arena, (size_t)(close - p->at) + 1), *out = text;
    if (!text) return HR_OOM(err);
    while (p->at < close) {
        unsigned char c = (unsigned char)*p->at;
        if (c < 0x20) return bad(p, err);
        p->at++;
        if (c != '\\')
            *out++ = (char)c;
        else if (!take_escape(p, &out))
            return bad(p, err);
    }
    *out = '\0';
    p->at++;
    *ret = text;
    return HR_OK;
}

static size_t take_digits(struct parser *p)
{
    const char *from = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') p->at++;
    return (size_t)(p->at - from);
}

static hr_status take_number(struct parser *p, const char **ret, struct hr_err *err)
{
    const char *from = p->at;
    if (p->at < p->end && *p->at == '-') p->at++;
    const char *digits = p->at;
    size_t count = take_digits(p);
    if (count == 0 || (count > 1 && *digits == '0')) return bad(p, err);
    if (p->at < p->end && *p->at == '.') {
        p->at++;
        if (!take_digits(p)) return bad(p, err);
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-')) p->at++;
        if (!take_digits(p)) return bad(p, err);
    }
    *ret = hr_arena_strndup(p->arena, from, (size_t)(p->at - from));
    return *ret ? HR_OK : HR_OOM(err);
}

static hr_status take_value(struct parser *p, struct hr_json **ret, struct hr_err *err);

static hr_status take_members(struct parser *p, struct hr_json *value, char close,
                              struct hr_err *err)
{
    struct hr_json **tail = &value->first;
    if (++p->level > LEVELS_MAX)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the body has more than %d levels", LEVELS_MAX);
    bool first = true;
    while (!take(p, close)) {
        const char *name = NULL;
        if (!first && !take(p, ',')) return bad(p, err);
        first = false;
        if (close == '}') {
            skip_space(p);
            HR_TRY(take_string(p, &name, err));
            if (!take(p, ':')) return bad(p, err);
        }
        HR_TRY(take_value(p, tail, err));
        (*tail)->name = name;
        tail = &(*tail)->next;
    }
    p->level--;
    return HR_OK;
}

static hr_status take_kind(struct parser *p, struct hr_json *value, struct hr_err *err)
{
    switch (*p->at) {
    case '{':
    case '[':
        value->kind = *p->at == '{' ? HR_JSON_OBJECT : HR_JSON_ARRAY;
        return take_members(p, value, *p->at++ == '{' ? '}' : ']', err);
    case '"': value->kind = HR_JSON_STRING; return take_string(p, &value->text, err);
    case 't':
    case 'f':
        value->kind = HR_JSON_BOOL;
        value->boolean = *p->at == 't';
        return take_word(p, value->boolean ? "true" : "false") ? HR_OK : bad(p, err);
    case 'n': return take_word(p, "null") ? HR_OK : bad(p, err);
    default: value->kind = HR_JSON_NUMBER; return take_number(p, &value->text, err);
    }
}

static hr_status take_value(struct parser *p, struct hr_json **ret, struct hr_err *err)
{
    struct hr_json *value = HR_NEW(p->arena, struct hr_json);
    if (!value) return HR_OOM(err);
    *ret = value;
    skip_space(p);
    if (p->at == p->end) return bad(p, err);
    const char *from = p->at;
    HR_TRY(take_kind(p, value, err));
    value->raw = hr_svn(from, (size_t)(p->at - from));
    return HR_OK;
}

hr_status hr_json_parse(struct hr_arena *arena, struct hr_str_view text, struct hr_json **ret,
                        struct hr_err *err)
{
    struct parser p = {arena, text.ptr, text.ptr, text.ptr + text.len, 0};
    if (!hr_utf8_valid(text.ptr, text.len))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the body is not UTF-8");
    HR_TRY(take_value(&p, ret, err));
    skip_space(&p);
    return p.at == p.end ? HR_OK : bad(&p, err);
}

/* Members -------------------------------------------------------------------------------------- */

const struct hr_json *hr_json_get(const struct hr_json *object, const char *name)
{
    if (!object || object->kind != HR_JSON_OBJECT) return NULL;
    for (const struct hr_json *m = object->first; m; m = m->next)
        if (strcmp(m->name, name) == 0) return m;
    return NULL;
}

static hr_status wrong_kind(const char *name, const char *kind, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "\"%s\" must be %s", name, kind);
}

hr_status hr_json_string(const struct hr_json *object, const char *name, const char **ret,
                         struct hr_err *err)
{
    const struct hr_json *m = hr_json_get(object, name);
    if (m && m->kind != HR_JSON_STRING && m->kind != HR_JSON_NULL)
        return wrong_kind(name, "a string", err);
    *ret = m && m->kind == HR_JSON_STRING ? m->text : NULL;
    return HR_OK;
}

hr_status hr_json_bool(const struct hr_json *object, const char *name, bool *ret,
                       struct hr_err *err)
{
    const struct hr_json *m = hr_json_get(object, name);
    if (m && m->kind != HR_JSON_BOOL && m->kind != HR_JSON_NULL)
        return wrong_kind(name, "true or false", err);
    *ret = m && m->boolean;
    return HR_OK;
}

hr_status hr_json_int(const struct hr_json *object, const char *name, int64_t def, int64_t min,
                      int64_t max, int64_t *ret, struct hr_err *err)
{
    const struct hr_json *m = hr_json_get(object, name);
    int64_t value = def;
    if (m && m->kind != HR_JSON_NULL &&
        (m->kind != HR_JSON_NUMBER || !hr_parse_i64(hr_sv(m->text), &value)))
        return wrong_kind(name, "a whole number", err);
    if (value < min || value > max)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "\"%s\" must be from %" PRId64 " to %" PRId64, name, min, max);
    *ret = value;
    return HR_OK;
}

hr_status hr_json_check_names(const struct hr_json *object, const char *const *names,
                              struct hr_err *err)
{
    if (!object || object->kind != HR_JSON_OBJECT)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the body must be a JSON object");
    for (const struct hr_json *m = object->first; m; m = m->next) {
        size_t i = 0;
        while (names[i] && strcmp(names[i], m->name) != 0) i++;
        if (!names[i])
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "\"%.60s\" is not known here", m->name);
    }
    return HR_OK;
}

/* Writing -------------------------------------------------------------------------------------- */

void hr_http_put_name(struct hr_buf *out, const char *name)
{
    char last = out->len ? out->ptr[out->len - 1] : '{';
    if (last != '{' && last != '[') hr_buf_putc(out, ',');
    hr_buf_put_json(out, hr_sv(name));
    hr_buf_putc(out, ':');
}

void hr_http_put_string(struct hr_buf *out, const char *name, const char *value)
{
    hr_http_put_name(out, name);
    if (value)
        hr_buf_put_json(out, hr_sv(value));
    else
        hr_buf_puts(out, "null");
}

void hr_http_put_int(struct hr_buf *out, const char *name, int64_t value)
{
    hr_http_put_name(out, name);
    hr_buf_put_i64(out, value);
}

void hr_http_put_double(struct hr_buf *out, const char *name, double value)
{
    char text[32] = "null";
    size_t len = isfinite(value) ? hr_format_f64(value, text) : 4;
    hr_http_put_name(out, name);
    hr_buf_append(out, text, len);
}

void hr_http_put_bool(struct hr_buf *out, const char *name, bool value)
{
    hr_http_put_name(out, name);
    hr_buf_puts(out, value ? "true" : "false");
}

void hr_http_put_raw(struct hr_buf *out, const char *name, const char *json)
{
    hr_http_put_name(out, name);
    hr_buf_puts(out, json);
}

void hr_http_put_time(struct hr_buf *out, const char *name, int64_t us)
{
    hr_http_put_name(out, name);
    hr_put_json_time(us, out);
}

void hr_http_put_columns(struct hr_buf *out, const struct hr_type *schema)
{
    struct hr_buf type = {0};
    hr_http_put_name(out, "columns");
    hr_buf_putc(out, '[');
    for (uint32_t i = 0; i < schema->field_count; i++) {
        hr_buf_puts(out, i ? ",{" : "{");
        hr_http_put_string(out, "name", schema->fields[i].name);
        hr_buf_clear(&type);
        hr_type_print_simple(schema->fields[i].type, &type);
        hr_http_put_string(out, "type", hr_buf_cstr(&type));
        hr_buf_putc(out, '}');
    }
    hr_buf_putc(out, ']');
    hr_buf_done(&type);
}
