/* SPDX-License-Identifier: Apache-2.0 */
#include "expr/functions/json.h"

#include "base/utf8.h"

#define DEPTH_MAX 1000

static bool is_space(char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

char hr_json_peek(struct hr_json *j)
{
    while (j->pos < j->end && is_space(*j->pos)) j->pos++;
    return j->pos < j->end ? *j->pos : 0;
}

bool hr_json_at_end(struct hr_json *j)
{
    return !j->bad && hr_json_peek(j) == 0 && j->pos == j->end;
}

static void skip_string(struct hr_json *j)
{
    char quote = *j->pos++;
    while (j->pos < j->end && *j->pos != quote) {
        if ((unsigned char)*j->pos < 0x20) j->bad = true;
        if (*j->pos == '\\') {
            if (++j->pos == j->end) break;
            if (!strchr("\"'\\/bfnrtu", *j->pos)) j->bad = true;
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
    if (j->pos - start > 1 && *start == '0') j->bad = true;
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
    for (size_t i = 0; i < HR_COUNT(words); i++) {
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
    if (c != '"' && c != '\'') j->bad = true;
    if (j->bad) return false;
    const char *start = j->pos;
    skip_string(j);
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
    if (c == '"' || c == '\'') {
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
    const char *p = quoted.ptr + 1, *end = quoted.ptr + quoted.len - 1;
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
            hr_buf_append(out, text, hr_utf8_encode(c, text));
        } else {
            hr_buf_putc(out, *p);
        }
        p++;
    }
}

void hr_json_compact(struct hr_str_view value, struct hr_buf *out)
{
    struct hr_buf text = {0};
    for (const char *p = value.ptr, *end = p + value.len; p < end;) {
        if (is_space(*p)) {
            p++;
        } else if (*p == '"' || *p == '\'') { /* written again, as Jackson does */
            struct hr_json j = {p, end, false, 0};
            skip_string(&j);
            hr_buf_clear(&text);
            hr_json_unquote(hr_svn(p, (size_t)(j.pos - p)), &text);
            hr_buf_put_json(out, hr_svn(text.ptr, text.len));
            p = j.pos;
        } else {
            hr_buf_putc(out, *p++);
        }
    }
    hr_buf_done(&text);
}
