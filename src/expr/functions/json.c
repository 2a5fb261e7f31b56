/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/functions/json.h"

#include <math.h>

#include "base/decimal.h"
#include "base/utf8.h"
#include "expr/cast.h"

#define DEPTH_MAX 1000

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

/* Over a comment, when one is here and they are allowed. */
static bool skip_comment(struct hr_json *j)
{
    size_t left = (size_t)(j->end - j->pos);
    if (!(j->allow & HR_JSON_COMMENTS) || left < 2 || *j->pos != '/') return false;
    const char *close = j->pos[1] == '/'   ? memchr(j->pos, '\n', left)
                        : j->pos[1] == '*' ? memmem(j->pos + 2, left - 2, "*/", 2)
                                           : NULL;
    if (!close && j->pos[1] != '/') return false;
    j->pos = !close ? j->end : close + (j->pos[1] == '/' ? 1 : 2);
    return true;
}

char hr_json_peek(struct hr_json *j)
{
    while (j->pos < j->end) {
        if (is_space(*j->pos))
            j->pos++;
        else if (!skip_comment(j))
            break;
    }
    return j->pos < j->end ? *j->pos : 0;
}

bool hr_json_at_end(struct hr_json *j)
{
    return !j->bad && hr_json_peek(j) == 0 && j->pos == j->end;
}

static bool is_quote(const struct hr_json *j, char c)
{
    return c == '"' || (c == '\'' && (j->allow & HR_JSON_SINGLE_QUOTES));
}

/* Of a name without quotes. */
static bool is_name_byte(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("_$-+*#@", c)) || (c & 0x80);
}

static void skip_string(struct hr_json *j)
{
    char quote = *j->pos++;
    while (j->pos < j->end && *j->pos != quote) {
        if ((unsigned char)*j->pos < 0x20 && !(j->allow & HR_JSON_CONTROL_CHARS)) j->bad = true;
        if (*j->pos == '\\') {
            if (++j->pos == j->end) break;
            if (!(j->allow & HR_JSON_ANY_ESCAPE) && !strchr("\"\\/bfnrtu", *j->pos))
                j->bad = j->bad || *j->pos != '\'' || !(j->allow & HR_JSON_SINGLE_QUOTES);
            if (*j->pos == 'u') {
                for (int i = 1; i <= 4; i++)
                    if (j->pos + i >= j->end || !strchr("0123456789abcdefABCDEF", j->pos[i]))
                        j->bad = true;
                if (j->bad) return;
                j->pos += 4;
            }
        }
        j->pos++;
    }
    if (j->pos >= j->end)
        j->bad = true;
    else
        j->pos++;
}

static void digits(struct hr_json *j)
{
    const char *start = j->pos;
    while (j->pos < j->end && *j->pos >= '0' && *j->pos <= '9') j->pos++;
    if (j->pos == start) j->bad = true;
}

static void skip_number(struct hr_json *j)
{
    if (*j->pos == '-') j->pos++;
    const char *start = j->pos;
    digits(j);
    if (j->pos - start > 1 && *start == '0' && !(j->allow & HR_JSON_LEADING_ZEROS)) j->bad = true;
    if (j->pos < j->end && *j->pos == '.') {
        j->pos++;
        digits(j);
    }
    if (j->pos < j->end && (*j->pos | 32) == 'e') {
        j->pos++;
        if (j->pos < j->end && (*j->pos == '+' || *j->pos == '-')) j->pos++;
        digits(j);
    }
}

static void skip_word(struct hr_json *j)
{
    static const char *const words[] = {"true",      "false",     "null", "NaN",  "Infinity",
                                        "-Infinity", "+Infinity", "INF",  "-INF", "+INF"};
    size_t count = j->allow & HR_JSON_NON_NUMERIC ? HR_COUNT(words) : 3;
    for (size_t i = 0; i < count; i++) {
        size_t n = strlen(words[i]);
        if ((size_t)(j->end - j->pos) >= n && memcmp(j->pos, words[i], n) == 0) {
            j->pos += n;
            return;
        }
    }
    j->bad = true;
}

bool hr_json_enter(struct hr_json *j, char open)
{
    if (hr_json_peek(j) != open) return false;
    j->pos++;
    return true;
}

bool hr_json_member(struct hr_json *j, bool first, struct hr_str_view *ret_key)
{
    char c = hr_json_peek(j);
    if (c == '}' ) {
        j->pos++;
        return false;
    }
    if (!first) {
        if (c != ',') j->bad = true;
        else j->pos++;
        c = hr_json_peek(j);
    }
    bool quoted = is_quote(j, c);
    if (!quoted && !((j->allow & HR_JSON_UNQUOTED_NAMES) && is_name_byte(c))) j->bad = true;
    if (j->bad) return false;
    const char *start = j->pos;
    if (quoted)
        skip_string(j);
    else
        while (j->pos < j->end && is_name_byte(*j->pos)) j->pos++;
    *ret_key = hr_svn(start, (size_t)(j->pos - start));
    if (hr_json_peek(j) != ':') j->bad = true;
    else j->pos++;
    return !j->bad;
}

bool hr_json_element(struct hr_json *j, bool first)
{
    char c = hr_json_peek(j);
    if (c == ']') {
        j->pos++;
        return false;
    }
    if (!first) {
        if (c != ',') j->bad = true;
        else j->pos++;
    }
    return !j->bad;
}

struct hr_str_view hr_json_value(struct hr_json *j)
{
    char c = hr_json_peek(j);
    const char *start = j->pos;
    struct hr_str_view key;
    if (++j->depth > DEPTH_MAX) j->bad = true;
    if (j->bad) return hr_svn(start, 0);
    if (is_quote(j, c)) {
        skip_string(j);
    } else if (c == '{') {
        j->pos++;
        for (bool first = true; hr_json_member(j, first, &key); first = false) hr_json_value(j);
    } else if (c == '[') {
        j->pos++;
        for (bool first = true; hr_json_element(j, first); first = false) hr_json_value(j);
    } else if ((c >= '0' && c <= '9') ||
               (c == '-' && j->end - j->pos > 1 && j->pos[1] >= '0' && j->pos[1] <= '9')) {
        skip_number(j);
    } else {
        skip_word(j);
    }
    j->depth--;
    return hr_svn(start, (size_t)(j->pos - start));
}

static uint32_t hex4(const char *p)
{
    uint32_t v = 0;
    for (int i = 0; i < 4; i++)
        v = v << 4 | (uint32_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10);
    return v;
}

void hr_json_unquote(struct hr_str_view quoted, struct hr_buf *out)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    bool bare = !quoted.len || (*quoted.ptr != '"' && *quoted.ptr != '\'');
    const char *p = quoted.ptr + !bare, *end = quoted.ptr + quoted.len - !bare;
    while (p < end) {
        const char *slash = memchr(p, '\\', (size_t)(end - p));
        hr_buf_append(out, p, (size_t)((slash ? slash : end) - p));
        if (!slash) break;
        p = slash + 1;
        const char *special = memchr(from, *p, 5);
        if (special) {
            hr_buf_putc(out, to[special - from]);
        } else if (*p == 'u') {
            char text[4];
            uint32_t c = hex4(p + 1);
            p += 4;
            if (c >= 0xd800 && c < 0xdc00 && end - p > 6 && p[1] == '\\' && p[2] == 'u') {
                uint32_t low = hex4(p + 3);
                if (low >= 0xdc00 && low < 0xe000) {
                    c = 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
                    p += 6;
                }
            }
            if (c >= 0xd800 && c < 0xe000)
                hr_buf_putc(out, '?'); /* half a pair, as Java encodes it */
            else
                hr_buf_append(out, text, hr_utf8_encode(c, text));
        } else {
            hr_buf_putc(out, *p);
        }
        p++;
    }
}

bool hr_json_key_is(struct hr_str_view key, struct hr_str_view name)
{
    bool bare = !key.len || (*key.ptr != '"' && *key.ptr != '\'');
    if (!memchr(key.ptr, '\\', key.len))
        return hr_sv_eq(hr_svn(key.ptr + !bare, key.len - 2 * (size_t)!bare), name);
    struct hr_buf text = {0};
    hr_json_unquote(key, &text);
    bool same = hr_sv_eq(hr_svn(text.ptr, text.len), name);
    hr_buf_done(&text);
    return same;
}

static void put_string(struct hr_str_view text, bool escaped, struct hr_buf *out)
{
    struct hr_buf plain = {0};
    hr_buf_put_json(&plain, text);
    for (size_t i = 0; i < plain.len;) {
        uint32_t c;
        size_t n = hr_utf8_decode(plain.ptr + i, plain.len - i, &c);
        if (escaped && c > 0xffff)
            hr_buf_printf(out, "\\u%04X\\u%04X", 0xd800 + ((c - 0x10000) >> 10),
                          0xdc00 + ((c - 0x10000) & 0x3ff));
        else
            hr_buf_append(out, plain.ptr + i, n);
        i += n;
    }
    if (plain.failed) out->failed = true;
    hr_buf_done(&plain);
}

static void put_number(struct hr_str_view number, struct hr_buf *out)
{
    bool fraction = memchr(number.ptr, '.', number.len) || memchr(number.ptr, 'e', number.len) ||
                    memchr(number.ptr, 'E', number.len);
    double d;
    char text[40];
    int64_t i;
    if (fraction && hr_text_to_f64(number, &d)) {
        size_t n = hr_format_f64(d, text);
        if (!isfinite(d)) hr_buf_putc(out, '"');
        hr_buf_append(out, text, n);
        if (!isfinite(d)) hr_buf_putc(out, '"');
    } else if (hr_parse_i64(number, &i)) {
        hr_buf_put_i64(out, i);
    } else {
        hr_buf_put_sv(out, number);
    }
}

void hr_json_rewrite(const struct hr_json *like, struct hr_str_view value, bool escaped,
                     struct hr_buf *out)
{
    struct hr_json j = hr_json_allowing(value, like->allow);
    struct hr_str_view key;
    struct hr_buf text = {0};
    char c = hr_json_peek(&j);
    if (c == '{') {
        hr_buf_putc(out, '{');
        hr_json_enter(&j, '{');
        for (bool first = true; hr_json_member(&j, first, &key); first = false) {
            if (!first) hr_buf_putc(out, ',');
            hr_buf_clear(&text);
            hr_json_unquote(key, &text);
            put_string(hr_svn(text.ptr, text.len), escaped, out);
            hr_buf_putc(out, ':');
            hr_json_rewrite(like, hr_json_value(&j), escaped, out);
        }
        hr_buf_putc(out, '}');
    } else if (c == '[') {
        hr_buf_putc(out, '[');
        hr_json_enter(&j, '[');
        for (bool first = true; hr_json_element(&j, first); first = false) {
            if (!first) hr_buf_putc(out, ',');
            hr_json_rewrite(like, hr_json_value(&j), escaped, out);
        }
        hr_buf_putc(out, ']');
    } else if (is_quote(&j, c)) {
        hr_json_unquote(value, &text);
        put_string(hr_svn(text.ptr, text.len), escaped, out);
    } else if (c == 'N' || c == 'I' || ((c == '-' || c == '+') && value.ptr[1] == 'I')) {
        hr_buf_printf(out, "\"%s%s\"", c == '-' ? "-" : "", c == 'N' ? "NaN" : "Infinity");
    } else if (c == '-' || (c >= '0' && c <= '9')) {
        put_number(value, out);
    } else {
        hr_buf_put_sv(out, value);
    }
    hr_buf_done(&text);
}
