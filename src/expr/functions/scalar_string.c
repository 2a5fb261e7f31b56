/* SPDX-License-Identifier: Apache-2.0 */
/* Text: case, parts, padding, searching. Positions count code points from 1, as in Spark. Results
 * that are parts of an argument share its bytes. */
#include <stdio.h>

#include "base/decimal.h"
#include "base/utf8.h"
#include "expr/functions/functions.h"
#include "expr/functions/array.h"
#include "expr/internal.h"
#include "expr/program.h"
#include "hr_config.h"
#if HR_HAVE_UTF8PROC
#include <utf8proc.h>
#endif

static bool is_ascii(struct hr_str_view s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] & 0x80) return false;
    return true;
}

/* --- Case --------------------------------------------------------------------------------------*/

enum letter_case { LOWER, UPPER, TITLE };

static uint32_t change_case(uint32_t c, enum letter_case to)
{
    if (c < 128) {
        if (to != LOWER) return c >= 'a' && c <= 'z' ? c - 32 : c;
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    }
#if HR_HAVE_UTF8PROC
    utf8proc_int32_t u = (utf8proc_int32_t)c;
    return (uint32_t)(to == UPPER   ? utf8proc_toupper(u)
                      : to == TITLE ? utf8proc_totitle(u)
                                    : utf8proc_tolower(u));
#else
    return c;
#endif
}

/* Letters that become several, sorted. */
static const struct special_case {
    uint32_t letter;
    const char *upper, *title;
} special_cases[] = {
#define X(letter, upper, title) {letter, upper, title},
#include "expr/functions/special_case.def"
#undef X
};

static int compare_letter(const void *key, const void *entry)
{
    uint32_t a = *(const uint32_t *)key, b = ((const struct special_case *)entry)->letter;
    return a < b ? -1 : a > b;
}

static bool is_cased(uint32_t c)
{
    return change_case(c, LOWER) != c || change_case(c, UPPER) != c;
}

/* What stands between letters of a word without ending it: Unicode's Case_Ignorable. */
static bool is_ignorable(uint32_t c)
{
    if (c < 128) return c && strchr("'.:^`", (int)c);
#if HR_HAVE_UTF8PROC
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_MN:
    case UTF8PROC_CATEGORY_ME:
    case UTF8PROC_CATEGORY_CF:
    case UTF8PROC_CATEGORY_LM:
    case UTF8PROC_CATEGORY_SK: return true;
    default: return c == 0xb7 || c == 0x2019 || c == 0x2018;
    }
#else
    return false;
#endif
}

/* The sigma at byte at ends a word: a letter is before it, none behind it. */
static bool is_final_sigma(struct hr_str_view s, size_t at, size_t len)
{
    uint32_t c = 0;
    bool before = false;
    for (size_t i = at; i > 0 && !before;) {
        for (i--; i > 0 && (s.ptr[i] & 0xc0) == 0x80;) i--;
        hr_utf8_decode(s.ptr + i, s.len - i, &c);
        before = is_cased(c);
        if (!before && !is_ignorable(c)) return false;
    }
    for (size_t i = at + len; i < s.len;) {
        i += hr_utf8_decode(s.ptr + i, s.len - i, &c);
        if (is_ignorable(c)) continue;
        return before && !is_cased(c);
    }
    return before;
}

/* The character c, of n bytes at byte at of s. */
static void put_case(struct hr_buf *buf, struct hr_str_view s, size_t at, size_t n, uint32_t c,
                     enum letter_case to)
{
    char out[8];
    if (n == 1 && (s.ptr[at] & 0x80)) { /* not UTF-8: kept */
        hr_buf_putc(buf, s.ptr[at]);
        return;
    }
    if (c >= 128 && to != LOWER) {
        const struct special_case *special =
            bsearch(&c, special_cases, HR_COUNT(special_cases), sizeof *special, compare_letter);
        if (special) {
            hr_buf_puts(buf, to == UPPER ? special->upper : special->title);
            return;
        }
    }
    if (to == LOWER && c == 0x130)
        hr_buf_puts(buf, "i\xcc\x87"); /* the dot stays */
    else if (to == LOWER && c == 0x3a3 && is_final_sigma(s, at, n))
        hr_buf_puts(buf, "\xcf\x82");
    else
        hr_buf_append(buf, out, hr_utf8_encode(change_case(c, to), out));
}

void hr_text_case(struct hr_buf *buf, struct hr_str_view s, bool upper)
{
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        size_t n = hr_utf8_decode(s.ptr + i, s.len - i, &c);
        put_case(buf, s, i, n, c, upper ? UPPER : LOWER);
        i += n;
    }
}

hr_status hr_fn_upper(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({ hr_text_case(&buf, hr_arg_str(&args[0], row), true); });
}
hr_status hr_fn_lower(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({ hr_text_case(&buf, hr_arg_str(&args[0], row), false); });
}

hr_status hr_fn_initcap(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        bool start = true;
        for (size_t i = 0; i < s.len;) {
            uint32_t c;
            size_t n = hr_utf8_decode(s.ptr + i, s.len - i, &c);
            put_case(&buf, s, i, n, c, start ? TITLE : LOWER);
            start = s.ptr[i] == ' ';
            i += n;
        }
    });
}

/* --- Lengths -----------------------------------------------------------------------------------*/

hr_status hr_fn_length(HR_EVAL_ARGS)
{
    bool binary = args[0].col.type->id == HR_T_BINARY;
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        HR_OUT(int32_t, out)[row] = (int32_t)(binary ? s.len : hr_utf8_count(s.ptr, s.len));
    }
    return HR_OK;
}

hr_status hr_fn_octet_length(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) HR_OUT(int32_t, out)[row] = (int32_t)hr_arg_str(&args[0], row).len;
    return HR_OK;
}

hr_status hr_fn_bit_length(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(int32_t, out)[row] = (int32_t)hr_arg_str(&args[0], row).len * 8;
    return HR_OK;
}

hr_status hr_fn_ascii(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        uint32_t c = 0;
        if (s.len) hr_utf8_decode(s.ptr, s.len, &c);
        HR_OUT(int32_t, out)[row] = (int32_t)c;
    }
    return HR_OK;
}

hr_status hr_fn_chr(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        int64_t v = HR_ARG(int64_t, &args[0], row);
        char text[4];
        size_t n = v < 0 ? 0 : hr_utf8_encode((uint32_t)(v & 0xff), text);
        hr_out_str_shared(out, row, text, n);
    }
    return HR_OK;
}

/* --- Parts -------------------------------------------------------------------------------------*/

/* Spark's substringSQL: 1-based, negative from the end, 0 as 1; len code points. */
static struct hr_str_view substring(struct hr_str_view s, int64_t pos, int64_t len, bool binary)
{
    bool bytes = binary || is_ascii(s);
    int64_t n = (int64_t)(bytes ? s.len : hr_utf8_count(s.ptr, s.len));
    int64_t start = pos > 0 ? pos - 1 : pos < 0 ? n + pos : 0;
    int64_t end = HR_MIN(start + len, n);
    if (start < 0) start = 0;
    if (end <= start || len <= 0) return hr_svn(s.ptr, 0);
    size_t from = bytes ? (size_t)start : hr_utf8_offset(s.ptr, s.len, (size_t)start);
    size_t to = bytes ? (size_t)end : hr_utf8_offset(s.ptr, s.len, (size_t)end);
    return hr_svn(s.ptr + from, to - from);
}

#define SHARE(VIEW)                                     \
    do {                                                \
        struct hr_str_view v_ = (VIEW);                 \
        hr_out_str_shared(out, row, v_.ptr, v_.len);    \
    } while (0)

hr_status hr_fn_substring(HR_EVAL_ARGS)
{
    bool binary = args[0].col.type->id == HR_T_BINARY;
    HR_EACH_ROW(ctx, out, row) {
        int64_t pos = HR_ARG(int32_t, &args[1], row);
        int64_t len = call->arg_count > 2 ? HR_ARG(int32_t, &args[2], row) : INT32_MAX;
        SHARE(substring(hr_arg_str(&args[0], row), pos, len, binary));
    }
    return HR_OK;
}

/* The value without the spaces that make it longer than n; HR_E_EXCEED_LIMIT_LENGTH. */
static hr_status limit_length(struct hr_str_view *s, int32_t n, int64_t *ret_count,
                              struct hr_err *err)
{
    char limit[16];
    *ret_count = (int64_t)hr_utf8_count(s->ptr, s->len);
    while (*ret_count > n && s->ptr[s->len - 1] == ' ') {
        s->len--;
        --*ret_count;
    }
    if (*ret_count <= n) return HR_OK;
    snprintf(limit, sizeof limit, "%d", n);
    return HR_RAISE(err, HR_E_EXCEED_LIMIT_LENGTH, "limit", limit);
}

hr_status hr_fn_varchar_write(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int64_t count;
        HR_TRY(limit_length(&s, HR_ARG(int32_t, &args[1], row), &count, err));
        SHARE(s);
    }
    return HR_OK;
}

hr_status hr_fn_char_write(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int32_t n = HR_ARG(int32_t, &args[1], row);
        int64_t count;
        HR_TRY(limit_length(&s, n, &count, err));
        if (count < n) {
            size_t len = s.len + (size_t)(n - count);
            char *text = hr_arena_alloc(ctx->arena, len);
            if (!text) return HR_OOM(err);
            memcpy(text, s.ptr, s.len);
            memset(text + s.len, ' ', len - s.len);
            s = hr_svn(text, len);
        }
        HR_TRY(hr_out_str(ctx, out, row, s.ptr, s.len, err));
    }
    return HR_OK;
}

hr_status hr_fn_left(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        SHARE(substring(hr_arg_str(&args[0], row), 1, HR_ARG(int32_t, &args[1], row),
                        args[0].col.type->id == HR_T_BINARY));
    return HR_OK;
}

hr_status hr_fn_right(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int64_t n = HR_ARG(int32_t, &args[1], row), len = (int64_t)hr_utf8_count(s.ptr, s.len);
        SHARE(n <= 0 ? hr_svn(s.ptr, 0) : n >= len ? s : substring(s, -n, INT32_MAX, false));
    }
    return HR_OK;
}

/* Is the code point at p one of set's? */
static bool in_set(struct hr_str_view set, const char *p, size_t n)
{
    for (size_t i = 0; i < set.len;) {
        uint32_t c;
        size_t m = hr_utf8_decode(set.ptr + i, set.len - i, &c);
        if (m == n && memcmp(set.ptr + i, p, n) == 0) return true;
        i += m;
    }
    return false;
}

static struct hr_str_view trim_set(struct hr_str_view s, struct hr_str_view set, int sides)
{
    uint32_t c;
    while ((sides & 1) && s.len) {
        size_t n = hr_utf8_decode(s.ptr, s.len, &c);
        if (!in_set(set, s.ptr, n)) break;
        s.ptr += n;
        s.len -= n;
    }
    while ((sides & 2) && s.len) {
        size_t n = 1;
        while (n < 4 && n < s.len && (s.ptr[s.len - n] & 0xc0) == 0x80) n++;
        if (!in_set(set, s.ptr + s.len - n, n)) break;
        s.len -= n;
    }
    return s;
}

static hr_status trim(HR_EVAL_ARGS, int sides)
{
    /* trim(set, text), but btrim(text, set) */
    bool set_first = call->arg_count > 1 && call->function->name[0] != 'b';
    HR_EACH_ROW(ctx, out, row)
        SHARE(trim_set(hr_arg_str(&args[set_first], row),
                       call->arg_count > 1 ? hr_arg_str(&args[!set_first], row) : hr_sv(" "),
                       sides));
    return HR_OK;
}

hr_status hr_fn_trim(HR_EVAL_ARGS) { return trim(ctx, call, args, out, err, 3); }
hr_status hr_fn_ltrim(HR_EVAL_ARGS) { return trim(ctx, call, args, out, err, 1); }
hr_status hr_fn_rtrim(HR_EVAL_ARGS) { return trim(ctx, call, args, out, err, 2); }

/* A text that is long before its first byte is made. */
static hr_status check_size(uint64_t bytes, struct hr_err *err)
{
    if (bytes <= HR_TEXT_MAX) return HR_OK;
    return HR_RAISE(err, HR_E_LIMIT, "what", "the length of a text", "limit", "268435456 bytes");
}

static hr_status pad(HR_EVAL_ARGS, bool left)
{
    bool bytes = call->type->id == HR_T_BINARY;
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int64_t want = HR_ARG(int32_t, &args[1], row);
        struct hr_str_view p = call->arg_count > 2 ? hr_arg_str(&args[2], row) : hr_sv(" ");
        int64_t have = (int64_t)(bytes ? s.len : hr_utf8_count(s.ptr, s.len));
        int64_t unit = (int64_t)(bytes ? p.len : hr_utf8_count(p.ptr, p.len));
        int64_t missing = want - have;
        if (missing <= 0) hr_buf_put_sv(&buf, substring(s, 1, want, bytes));
        if (missing > 0 && !left) hr_buf_put_sv(&buf, s);
        if (missing > 0 && unit) {
            status_ = check_size((uint64_t)(missing / unit + 1) * p.len + s.len, err);
            if (status_ != HR_OK) break;
            for (int64_t i = 0; i < missing / unit && !buf.failed; i++) hr_buf_put_sv(&buf, p);
            hr_buf_put_sv(&buf, substring(p, 1, missing % unit, bytes));
        }
        if (missing > 0 && left) hr_buf_put_sv(&buf, s);
    });
}

hr_status hr_fn_lpad(HR_EVAL_ARGS) { return pad(ctx, call, args, out, err, true); }
hr_status hr_fn_rpad(HR_EVAL_ARGS) { return pad(ctx, call, args, out, err, false); }

hr_status hr_fn_repeat(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int32_t count = HR_MAX(HR_ARG(int32_t, &args[1], row), 0);
        status_ = check_size((uint64_t)count * s.len, err);
        if (status_ != HR_OK) break;
        for (int32_t n = count; n > 0 && s.len && !buf.failed; n--)
            hr_buf_put_sv(&buf, s);
    });
}

hr_status hr_fn_space(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        int32_t count = HR_MAX(HR_ARG(int32_t, &args[0], row), 0);
        status_ = check_size((uint64_t)count, err);
        if (status_ != HR_OK) break;
        for (int32_t n = count; n > 0 && !buf.failed; n--)
            hr_buf_putc(&buf, ' ');
    });
}

static hr_status reverse_text(HR_EVAL_ARGS)
{
    bool bytes = call->type->id == HR_T_BINARY;
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        for (size_t end = s.len; end > 0;) {
            size_t n = 1;
            while (!bytes && n < 4 && n < end && (s.ptr[end - n] & 0xc0) == 0x80) n++;
            hr_buf_append(&buf, s.ptr + end - n, n);
            end -= n;
        }
    });
}

/* --- Searching ---------------------------------------------------------------------------------*/

static const char *find(struct hr_str_view s, struct hr_str_view what)
{
    return what.len ? memmem(s.ptr, s.len, what.ptr, what.len) : s.ptr;
}

/* 1-based position of what in s from a 1-based position; 0: none. */
static int32_t locate(struct hr_str_view s, struct hr_str_view what, int64_t from)
{
    if (from < 1) return 0;
    if (!what.len) return 1;
    size_t start = hr_utf8_offset(s.ptr, s.len, (size_t)from - 1);
    if (start == s.len && (int64_t)hr_utf8_count(s.ptr, s.len) < from - 1) return 0;
    const char *at = find(hr_svn(s.ptr + start, s.len - start), what);
    return at ? (int32_t)hr_utf8_count(s.ptr, (size_t)(at - s.ptr)) + 1 : 0;
}

hr_status hr_fn_instr(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        HR_OUT(int32_t, out)[row] = locate(hr_arg_str(&args[0], row), hr_arg_str(&args[1], row), 1);
    return HR_OK;
}

hr_status hr_fn_locate(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) {
        bool start = call->arg_count < 3 || hr_arg_valid(&args[2], row);
        HR_OUT(int32_t, out)[row] = 0; /* also where the start is NULL, whatever the texts are */
        if (!start) continue;
        if (!hr_arg_valid(&args[0], row) || !hr_arg_valid(&args[1], row)) {
            hr_out_null(out, row);
            continue;
        }
        HR_OUT(int32_t, out)[row] = locate(hr_arg_str(&args[1], row), hr_arg_str(&args[0], row),
                   call->arg_count > 2 ? HR_ARG(int32_t, &args[2], row) : 1);
    }
    return HR_OK;
}

hr_status hr_fn_contains(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row)
        hr_out_bool(out, row, find(hr_arg_str(&args[0], row), hr_arg_str(&args[1], row)) != NULL);
    return HR_OK;
}

hr_status hr_fn_startswith(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row), p = hr_arg_str(&args[1], row);
        hr_out_bool(out, row, p.len <= s.len && (!p.len || memcmp(s.ptr, p.ptr, p.len) == 0));
    }
    return HR_OK;
}

hr_status hr_fn_endswith(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row), p = hr_arg_str(&args[1], row);
        hr_out_bool(out, row, p.len <= s.len &&
                                  (!p.len || memcmp(s.ptr + s.len - p.len, p.ptr, p.len) == 0));
    }
    return HR_OK;
}

hr_status hr_fn_replace(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        struct hr_str_view from = hr_arg_str(&args[1], row);
        struct hr_str_view to = call->arg_count > 2 ? hr_arg_str(&args[2], row) : hr_sv("");
        const char *at;
        while (from.len && (at = find(s, from))) {
            hr_buf_append(&buf, s.ptr, (size_t)(at - s.ptr));
            hr_buf_put_sv(&buf, to);
            s.len -= (size_t)(at - s.ptr) + from.len;
            s.ptr = at + from.len;
        }
        hr_buf_put_sv(&buf, s);
    });
}

hr_status hr_fn_translate(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        struct hr_str_view from = hr_arg_str(&args[1], row);
        struct hr_str_view to = hr_arg_str(&args[2], row);
        for (size_t i = 0; i < s.len;) {
            uint32_t c;
            uint32_t d = 0;
            size_t n = hr_utf8_decode(s.ptr + i, s.len - i, &c);
            size_t f = 0;
            size_t t = 0;
            bool hit = false;
            while (f < from.len && !hit) {
                size_t m = hr_utf8_decode(from.ptr + f, from.len - f, &d);
                size_t k = t < to.len ? hr_utf8_decode(to.ptr + t, to.len - t, &d) : 0;
                if (m == n && memcmp(from.ptr + f, s.ptr + i, n) == 0) {
                    hr_buf_append(&buf, to.ptr + t, k);
                    hit = true;
                }
                f += m;
                t += k;
            }
            if (!hit) hr_buf_append(&buf, s.ptr + i, n);
            i += n;
        }
    });
}

hr_status hr_fn_overlay(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        struct hr_str_view r = hr_arg_str(&args[1], row);
        int64_t pos = HR_ARG(int32_t, &args[2], row);
        int64_t len = call->arg_count > 3 ? HR_ARG(int32_t, &args[3], row) : -1;
        bool bytes = call->type->id == HR_T_BINARY;
        if (len < 0) len = (int64_t)(bytes ? r.len : hr_utf8_count(r.ptr, r.len));
        hr_buf_put_sv(&buf, substring(s, 1, pos - 1, bytes));
        hr_buf_put_sv(&buf, r);
        hr_buf_put_sv(&buf, substring(s, pos + len, INT32_MAX, bytes));
    });
}

/* Where delimiters are looked for, the next one may begin inside of the last. */
static struct hr_str_view before_delimiter(struct hr_str_view s, struct hr_str_view d, int64_t n)
{
    const char *end = s.ptr + s.len, *at = s.ptr - 1;
    for (; n > 0; n--) {
        at++;
        at = at <= end ? memmem(at, (size_t)(end - at), d.ptr, d.len) : NULL;
        if (!at) return s;
    }
    return hr_svn(s.ptr, (size_t)(at - s.ptr));
}

static struct hr_str_view behind_delimiter(struct hr_str_view s, struct hr_str_view d, int64_t n)
{
    int64_t at = (int64_t)s.len - (int64_t)d.len + 1;
    for (; n > 0; n--) {
        do at--;
        while (at >= 0 && memcmp(s.ptr + at, d.ptr, d.len) != 0);
        if (at < 0) return s;
    }
    return hr_svn(s.ptr + at + d.len, s.len - (size_t)at - d.len);
}

hr_status hr_fn_substring_index(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row), d = hr_arg_str(&args[1], row);
        int64_t n = HR_ARG(int32_t, &args[2], row);
        if (n == 0 || !d.len)
            SHARE(hr_svn(s.ptr, 0));
        else
            SHARE(n > 0 ? before_delimiter(s, d, n) : behind_delimiter(s, d, -n));
    }
    return HR_OK;
}

hr_status hr_fn_split_part(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row), d = hr_arg_str(&args[1], row);
        int32_t n = HR_ARG(int32_t, &args[2], row);
        if (n == 0) return HR_RAISE(err, HR_E_INVALID_INDEX_OF_ZERO);
        int64_t parts = 1;
        for (const char *p = s.ptr, *e = s.ptr + s.len;
             d.len && (p = memmem(p, (size_t)(e - p), d.ptr, d.len)); p += d.len)
            parts++;
        int64_t want = n > 0 ? n - 1 : parts + n;
        const char *p = s.ptr, *e = s.ptr + s.len;
        struct hr_str_view r = {s.ptr, 0};
        for (int64_t i = 0; want >= 0 && want < parts; i++) {
            const char *at = d.len ? memmem(p, (size_t)(e - p), d.ptr, d.len) : NULL;
            if (i == want) {
                r = hr_svn(p, (size_t)((at ? at : e) - p));
                break;
            }
            p = at + d.len;
        }
        SHARE(r);
    }
    return HR_OK;
}

hr_status hr_fn_find_in_set(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view what = hr_arg_str(&args[0], row), set = hr_arg_str(&args[1], row);
        int32_t found = 0, n = 1;
        const char *p = set.ptr, *e = set.ptr + set.len;
        for (; !memchr(what.ptr, ',', what.len); n++) {
            const char *comma = memchr(p, ',', (size_t)(e - p));
            struct hr_str_view item = hr_svn(p, (size_t)((comma ? comma : e) - p));
            if (hr_sv_eq(item, what)) found = n;
            if (found || !comma) break;
            p = comma + 1;
        }
        HR_OUT(int32_t, out)[row] = found;
    }
    return HR_OK;
}

/* --- Joining -----------------------------------------------------------------------------------*/

static hr_status concat_text(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        uint64_t bytes = 0;
        for (uint32_t a = 0; a < call->arg_count; a++) bytes += hr_arg_str(&args[a], row).len;
        status_ = check_size(bytes, err);
        if (status_ != HR_OK) break;
        for (uint32_t a = 0; a < call->arg_count; a++)
            hr_buf_put_sv(&buf, hr_arg_str(&args[a], row));
    });
}

/* concat_ws(sep, texts and arrays of texts…): NULLs are left out. */
hr_status hr_fn_concat_ws(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) if (!hr_arg_valid(&args[0], row)) hr_out_null(out, row);
    HR_TEXT_ROWS({
        struct hr_str_view sep = hr_arg_str(&args[0], row);
        bool any = false;
        for (uint32_t a = 1; a < call->arg_count; a++) {
            if (!hr_arg_valid(&args[a], row)) continue;
            if (args[a].col.type->id != HR_T_ARRAY) {
                if (any) hr_buf_put_sv(&buf, sep);
                hr_buf_put_sv(&buf, hr_arg_str(&args[a], row));
                any = true;
                continue;
            }
            const int32_t *offsets = args[a].col.values;
            uint32_t at = hr_vector_row(&args[a], row);
            struct hr_vector items = {.col = args[a].col.children[0]};
            for (int32_t i = offsets[at]; i < offsets[at + 1]; i++) {
                if (!hr_arg_valid(&items, (uint32_t)i)) continue;
                if (any) hr_buf_put_sv(&buf, sep);
                hr_buf_put_sv(&buf, hr_arg_str(&items, (uint32_t)i));
                any = true;
            }
        }
    });
}

hr_status hr_bind_concat_ws(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct hr_type *t = call->args[i]->type;
        bool texts = i > 0 && t->id == HR_T_ARRAY;
        if (hr_type_is_nested(t) && !texts)
            return hr_resolve_unexpected_type(
                arena, call, i, i ? "(\"ARRAY<STRING>\" or \"STRING\")" : "\"STRING\"", err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i],
                               texts ? hr_type_array(hr_type(HR_T_STRING), true)
                                     : hr_type(HR_T_STRING), err));
    }
    call->nullable = call->args[0]->nullable;
    return HR_OK;
}

hr_status hr_fn_elt(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) {
        int32_t n = hr_arg_valid(&args[0], row) ? HR_ARG(int32_t, &args[0], row) : 0;
        if (!hr_arg_valid(&args[0], row)) {
            hr_out_null(out, row);
        } else if (n < 1 || n >= (int64_t)call->arg_count) {
            char index[16], size[16];
            index[hr_format_i64(n, index)] = 0;
            size[hr_format_i64(call->arg_count - 1, size)] = 0;
            if (ctx->conf->ansi)
                return HR_RAISE(err, HR_E_INVALID_ARRAY_INDEX, "indexValue", index, "arraySize",
                                size);
            hr_out_null(out, row);
        } else if (!hr_arg_valid(&args[n], row)) {
            hr_out_null(out, row);
        } else {
            SHARE(hr_arg_str(&args[n], row));
        }
    }
    return HR_OK;
}

/* --- Comparing ---------------------------------------------------------------------------------*/

hr_status hr_fn_levenshtein(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view a = hr_arg_str(&args[0], row), b = hr_arg_str(&args[1], row);
        uint32_t *x = hr_arena_alloc(ctx->arena, 4 * (a.len + 1)), n = 0;
        uint32_t *y = hr_arena_alloc(ctx->arena, 4 * (b.len + 1)), m = 0;
        uint32_t *cost = hr_arena_alloc(ctx->arena, 4 * (b.len + 2));
        if (!x || !y || !cost) return HR_OOM(err);
        for (size_t i = 0; i < a.len; n++) i += hr_utf8_decode(a.ptr + i, a.len - i, &x[n]);
        for (size_t i = 0; i < b.len; m++) i += hr_utf8_decode(b.ptr + i, b.len - i, &y[m]);
        if ((uint64_t)n * m > UINT64_C(1) << 32)
            return HR_RAISE(err, HR_E_LIMIT, "what", "the texts of levenshtein", "limit",
                            "2^32 steps");
        for (uint32_t j = 0; j <= m; j++) cost[j] = j;
        for (uint32_t i = 0; i < n; i++) {
            uint32_t diagonal = cost[0];
            cost[0] = i + 1;
            for (uint32_t j = 0; j < m; j++) {
                uint32_t change = diagonal + (x[i] != y[j]);
                diagonal = cost[j + 1];
                uint32_t best = HR_MIN(cost[j], cost[j + 1]) + 1;
                cost[j + 1] = HR_MIN(best, change);
            }
        }
        int32_t d = (int32_t)cost[m];
        if (call->arg_count > 2 && d > HR_ARG(int32_t, &args[2], row)) d = -1;
        HR_OUT(int32_t, out)[row] = d;
    }
    return HR_OK;
}

hr_status hr_fn_soundex(HR_EVAL_ARGS)
{
    static const char codes[] = "01230127022455012623017202";
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        char first =
            s.len ? (char)(s.ptr[0] >= 'a' && s.ptr[0] <= 'z' ? s.ptr[0] - 32 : s.ptr[0]) : 0;
        if (first < 'A' || first > 'Z') {
            hr_buf_put_sv(&buf, s);
        } else {
            char code[5] = "0000";
            size_t n = 1;
            char last = codes[first - 'A'];
            code[0] = first;
            for (size_t i = 1; i < s.len && n < 4; i++) {
                char c = (char)(s.ptr[i] >= 'a' && s.ptr[i] <= 'z' ? s.ptr[i] - 32 : s.ptr[i]);
                if (c < 'A' || c > 'Z') {
                    last = '0';
                    continue;
                }
                char k = codes[c - 'A'];
                if (k == '7') continue; /* H and W do not separate */
                if (k != '0' && k != last) code[n++] = k;
                last = k;
            }
            hr_buf_puts(&buf, code);
        }
    });
}

hr_status hr_fn_luhn_check(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int sum = 0;
        bool ok = s.len > 0;
        for (size_t i = 0; i < s.len && ok; i++) {
            int d = s.ptr[s.len - 1 - i] - '0';
            ok = d >= 0 && d <= 9;
            if (i % 2) d = d * 2 > 9 ? d * 2 - 9 : d * 2;
            sum += d;
        }
        hr_out_bool(out, row, ok && sum % 10 == 0);
    }
    return HR_OK;
}

/* 0 a capital, 1 a small letter, 2 a digit, 3 anything else. */
static int kind_of(uint32_t c)
{
    if (c < 128)
        return c >= 'A' && c <= 'Z' ? 0 : c >= 'a' && c <= 'z' ? 1 : c >= '0' && c <= '9' ? 2 : 3;
#if HR_HAVE_UTF8PROC
    switch (utf8proc_category((utf8proc_int32_t)c)) {
    case UTF8PROC_CATEGORY_LU: return 0;
    case UTF8PROC_CATEGORY_LL: return 1;
    case UTF8PROC_CATEGORY_ND: return 2;
    default: break;
    }
#endif
    return 3;
}

hr_status hr_fn_mask(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) if (!hr_arg_valid(&args[0], row)) hr_out_null(out, row);
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        for (size_t i = 0; i < s.len;) {
            uint32_t c;
            size_t n = hr_utf8_decode(s.ptr + i, s.len - i, &c);
            const struct hr_vector *by = &args[1 + kind_of(c)];
            if (!hr_arg_valid(by, row)) /* as it is */
                hr_buf_append(&buf, s.ptr + i, n);
            else
                hr_buf_put_sv(&buf, hr_arg_str(by, row));
            i += n;
        }
    });
}

/* --- Defaults that Spark shows in names
 * ----------------------------------------------------------*/

static hr_status default_arg(HR_BIND_ARGS, uint32_t count, struct hr_expr *value)
{
    HR_UNUSED(conf);
    return call->arg_count == count ? hr_resolve_add_arg(arena, call, value, err) : HR_OK;
}

hr_status hr_bind_pad(HR_BIND_ARGS)
{
    /* BINARY with BINARY stays BINARY: the casts of the row are taken off again. */
    for (uint32_t i = 0; i < call->arg_count; i += 2)
        if (!call->args[i]->implicit_cast || call->args[i]->args[0]->type->id != HR_T_BINARY)
            return default_arg(arena, conf, call, err, 2, hr_expr_string(arena, hr_sv(" ")));
    struct hr_expr *zero = hr_expr_string(arena, hr_svn("", 1));
    for (uint32_t i = 0; i < call->arg_count; i += 2) call->args[i] = call->args[i]->args[0];
    if (call->arg_count < 3) {
        HR_TRY(hr_resolve_add_arg(arena, call, zero, err));
        HR_TRY(hr_expr_coerce(arena, conf, &call->args[2], hr_type(HR_T_BINARY), err));
        struct hr_column *value = HR_NEW(arena, struct hr_column);
        if (!value) return HR_OOM(err);
        HR_TRY(hr_expr_fold(arena, conf, call->args[2], value, err));
        if (!(zero = hr_expr_new(arena, HR_X_LITERAL))) return HR_OOM(err);
        zero->type = hr_type(HR_T_BINARY);
        zero->literal = value;
        call->args[2] = zero;
    }
    call->type = hr_type(HR_T_BINARY);
    return HR_OK;
}

hr_status hr_bind_substring(HR_BIND_ARGS)
{
    return default_arg(arena, conf, call, err, 2, hr_expr_int(arena, hr_type(HR_T_INT), INT32_MAX));
}

hr_status hr_bind_locate(HR_BIND_ARGS)
{
    return default_arg(arena, conf, call, err, 2, hr_expr_int(arena, hr_type(HR_T_INT), 1));
}

hr_status hr_bind_replace(HR_BIND_ARGS)
{
    return default_arg(arena, conf, call, err, 2, hr_expr_string(arena, hr_sv("")));
}

hr_status hr_bind_overlay(HR_BIND_ARGS)
{
    return default_arg(arena, conf, call, err, 3, hr_expr_int(arena, hr_type(HR_T_INT), -1));
}

hr_status hr_bind_mask(HR_BIND_ARGS)
{
    HR_TRY(default_arg(arena, conf, call, err, 1, hr_expr_string(arena, hr_sv("X"))));
    HR_TRY(default_arg(arena, conf, call, err, 2, hr_expr_string(arena, hr_sv("x"))));
    HR_TRY(default_arg(arena, conf, call, err, 3, hr_expr_string(arena, hr_sv("n"))));
    HR_TRY(default_arg(arena, conf, call, err, 4, hr_expr_null(arena, hr_type(HR_T_STRING))));
    static const char *const names[] = {"upperChar", "lowerChar", "digitChar", "otherChar"};
    for (uint32_t i = 0; i < HR_COUNT(names); i++) {
        struct hr_str_view by;
        if (!hr_expr_is_foldable(call->args[i + 1])) {
            const char *input = hr_arena_printf(arena, "`%s`", names[i]);
            return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                            hr_expr_quoted(arena, call), "inputName", input ? input : "?",
                            "inputType", "\"STRING\"", "inputExpr",
                            hr_expr_quoted(arena, call->args[i + 1]));
        }
        if (hr_resolve_const_string(arena, conf, call->args[i + 1], &by) &&
            hr_utf8_count(by.ptr, by.len) != 1)
            return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INPUT_SIZE_NOT_ONE, "sqlExpr",
                            hr_expr_quoted(arena, call), "exprName", names[i]);
    }
    return HR_OK;
}

/* --- What is for arrays too (scalar_array.c)
 * ------------------------------------------------------*/

hr_status hr_fn_reverse(HR_EVAL_ARGS)
{
    bool array = call->type->id == HR_T_ARRAY;
    return array ? hr_array_reverse(ctx, call, args, out, err)
                 : reverse_text(ctx, call, args, out, err);
}

hr_status hr_fn_concat(HR_EVAL_ARGS)
{
    bool array = call->type->id == HR_T_ARRAY;
    return array ? hr_array_concat(ctx, call, args, out, err)
                 : concat_text(ctx, call, args, out, err);
}

hr_status hr_bind_concat(HR_BIND_ARGS)
{
    bool arrays = false, binaries = call->arg_count > 0;
    for (uint32_t i = 0; i < call->arg_count; i++) {
        arrays = arrays || call->args[i]->type->id == HR_T_ARRAY;
        binaries = binaries && call->args[i]->type->id == HR_T_BINARY;
    }
    const struct hr_type *t = hr_type(binaries ? HR_T_BINARY : HR_T_STRING);
    if (arrays) {
        for (uint32_t i = 0; i < call->arg_count; i++) /* Spark makes them STRING, which is none */
            if (call->args[i]->type->id == HR_T_NULL)
                HR_TRY(hr_resolve_cast(arena, &call->args[i], hr_type(HR_T_STRING), err));
        HR_TRY(hr_resolve_same_type(arena, conf, call, 0, call->arg_count, 1, &t, err));
        call->type = t;
        return HR_OK;
    }
    for (uint32_t i = 0; i < call->arg_count; i++) {
        if (hr_type_is_nested(call->args[i]->type))
            return hr_resolve_unexpected_type(arena, call, i,
                                              "(\"STRING\" or \"BINARY\" or \"ARRAY\")", err);
        HR_TRY(hr_resolve_cast(arena, &call->args[i], t, err));
    }
    call->type = t;
    return HR_OK;
}
