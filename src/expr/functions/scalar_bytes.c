/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and bytes: to_binary, UTF-8 that is or is made valid, base 32, bitmaps of numbers; and what
 * the session says of itself. */
#include <pwd.h>
#include <unistd.h>

#include "base/utf8.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"

/* --- to_binary ---------------------------------------------------------------------------------*/

enum form { B_HEX, B_UTF8, B_BASE64, B_NONE };

static enum form form_of(struct hr_str_view name)
{
    static const struct {
        const char *name;
        enum form form;
    } forms[] = {{"hex", B_HEX}, {"utf-8", B_UTF8}, {"utf8", B_UTF8}, {"base64", B_BASE64}};
    for (size_t i = 0; i < HR_COUNT(forms); i++)
        if (hr_sv_eq_nocase(name, hr_sv(forms[i].name))) return forms[i].form;
    return B_NONE;
}

hr_status hr_bind_to_binary(HR_BIND_ARGS)
{
    struct hr_str_view name;
    bool is_try = call->function->flags & HR_FN_TRY;
    if (call->arg_count == 1) return HR_OK;
    if (!hr_expr_is_foldable(call->args[1]))
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_NON_FOLDABLE_INPUT, "sqlExpr",
                        hr_expr_quoted(arena, call), "inputName", "`fmt`", "inputType",
                        "\"STRING\"", "inputExpr", hr_expr_quoted(arena, call->args[1]));
    if (!hr_resolve_const_string(arena, conf, call->args[1], &name)) return HR_OK;
    if (form_of(name) != B_NONE || is_try) return HR_OK;
    const char *got = hr_arena_printf(arena, "'%.*s'", (int)name.len, name.ptr);
    return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_INVALID_ARG_VALUE, "sqlExpr",
                    hr_expr_quoted(arena, call), "inputName", "fmt", "requireType",
                    "case-insensitive \"STRING\"", "validValues",
                    "'hex', 'utf-8', 'utf8', or 'base64'", "inputValue", got ? got : "?");
}

static int hex_value(char c)
{
    return c >= '0' && c <= '9'                   ? c - '0'
           : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
                                                  : -1;
}

static bool put_hex(struct hr_buf *out, struct hr_str_view s)
{
    size_t i = s.len % 2;
    for (size_t k = 0; k < s.len; k++)
        if (hex_value(s.ptr[k]) < 0) return false;
    if (i) hr_buf_putc(out, (char)hex_value(s.ptr[0]));
    for (; i < s.len; i += 2)
        hr_buf_putc(out, (char)(hex_value(s.ptr[i]) << 4 | hex_value(s.ptr[i + 1])));
    return true;
}

static bool put_base64(struct hr_buf *out, struct hr_str_view s)
{
    size_t pads = 0, digits = 0;
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] == '=')
            pads++;
        else if (s.ptr[i] > ' ' && pads)
            return false;
        else if (s.ptr[i] > ' ')
            digits++;
    }
    if ((digits + pads) % 4 || pads > 2) return false;
    return hr_base64_get(out, s);
}

hr_status hr_fn_to_binary(HR_EVAL_ARGS)
{
    static const char *const names[] = {"'HEX'", "'UTF-8'", "'BASE64'", "?"};
    bool is_try = call->function->flags & HR_FN_TRY;
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        enum form form = call->arg_count == 1 ? B_HEX : form_of(hr_arg_str(&args[1], row));
        bool ok = form == B_HEX      ? put_hex(&buf, s)
                  : form == B_BASE64 ? put_base64(&buf, s)
                                     : form == B_UTF8;
        if (form == B_UTF8) hr_buf_put_sv(&buf, s);
        if (!ok && !is_try) {
            hr_buf_done(&buf);
            const char *text = hr_arena_printf(ctx->arena, "'%.*s'", (int)s.len, s.ptr);
            return HR_RAISE(err, HR_E_CONVERSION_INVALID_INPUT, "str", text ? text : "?", "fmt",
                            names[form], "targetType", "\"BINARY\"", "suggestion",
                            "`try_to_binary`");
        }
        if (!ok) {
            hr_out_null(out, row);
            hr_buf_clear(&buf);
        }
    });
}

/* --- UTF-8 -------------------------------------------------------------------------------------*/

hr_status hr_fn_is_valid_utf8(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    HR_EACH_ROW(ctx, out, row)
    {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        hr_out_bool(out, row, hr_utf8_valid(s.ptr, s.len));
    }
    return HR_OK;
}

/* How many bytes at p may still become one code point: what one U+FFFD stands for. */
static size_t broken_length(const char *ptr, size_t len)
{
    const uint8_t *p = (const uint8_t *)ptr;
    size_t need = p[0] >= 0xf0 && p[0] <= 0xf4   ? 4
                  : p[0] >= 0xe0 && p[0] <= 0xef ? 3
                  : p[0] >= 0xc2 && p[0] <= 0xdf ? 2
                                                 : 1;
    uint8_t low = p[0] == 0xe0 ? 0xa0 : p[0] == 0xf0 ? 0x90 : 0x80;
    uint8_t high = p[0] == 0xed ? 0x9f : p[0] == 0xf4 ? 0x8f : 0xbf;
    size_t n = 1;
    for (; n < need && n < len; n++) {
        if (p[n] < low || p[n] > high) break;
        low = 0x80;
        high = 0xbf;
    }
    return n;
}

hr_status hr_fn_make_valid_utf8(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        if (hr_utf8_valid(s.ptr, s.len)) {
            hr_buf_put_sv(&buf, s);
        } else {
            for (size_t i = 0; i < s.len;) {
                size_t n = broken_length(s.ptr + i, s.len - i);
                if (hr_utf8_valid(s.ptr + i, n))
                    hr_buf_append(&buf, s.ptr + i, n);
                else
                    hr_buf_puts(&buf, "\xef\xbf\xbd");
                i += n;
            }
        }
    });
}

hr_status hr_fn_validate_utf8(HR_EVAL_ARGS)
{
    bool is_try = call->function->flags & HR_FN_TRY;
    HR_EACH_ROW(ctx, out, row)
    {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        if (hr_utf8_valid(s.ptr, s.len)) {
            HR_TRY(hr_out_str(ctx, out, row, s.ptr, s.len, err));
        } else if (is_try) {
            hr_out_null(out, row);
        } else {
            struct hr_buf text = {0};
            for (size_t i = 0; i < s.len && i < 1000; i++)
                hr_buf_printf(&text, "\\x%02X", (unsigned)(uint8_t)s.ptr[i]);
            hr_status status = HR_RAISE(err, HR_E_INVALID_UTF8, "str", hr_buf_cstr(&text));
            hr_buf_done(&text);
            return status;
        }
    }
    return HR_OK;
}

hr_status hr_fn_quote(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        hr_buf_putc(&buf, '\'');
        for (size_t i = 0; i < s.len; i++) {
            if (s.ptr[i] == '\'') hr_buf_putc(&buf, '\\');
            hr_buf_putc(&buf, s.ptr[i]);
        }
        hr_buf_putc(&buf, '\'');
    });
}

/* --- Base 32 -----------------------------------------------------------------------------------*/

hr_status hr_fn_to_base32(HR_EVAL_ARGS)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    HR_UNUSED(call);
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        for (size_t i = 0; i < s.len; i += 5) {
            uint64_t v = 0;
            size_t n = HR_MIN(s.len - i, (size_t)5);
            for (size_t k = 0; k < 5; k++) v = v << 8 | (k < n ? (uint8_t)s.ptr[i + k] : 0);
            size_t used = (n * 8 + 4) / 5;
            for (size_t k = 0; k < 8; k++)
                hr_buf_putc(&buf, k < used ? digits[v >> (35 - 5 * k) & 31] : '=');
        }
    });
}

/* --- Bitmaps of numbers: 32 768 of them in a bucket of 4 096 bytes -----------------------------*/

hr_status hr_fn_bitmap_bucket_number(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    HR_EACH_ROW(ctx, out, row)
    {
        int64_t v = HR_ARG(int64_t, &args[0], row);
        HR_OUT(int64_t, out)[row] = v > 0 ? 1 + (v - 1) / 32768 : v / 32768;
    }
    return HR_OK;
}

hr_status hr_fn_bitmap_bit_position(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    HR_EACH_ROW(ctx, out, row)
    {
        int64_t v = HR_ARG(int64_t, &args[0], row);
        HR_OUT(int64_t, out)[row] = v > 0 ? (v - 1) % 32768 : -(v % 32768);
    }
    return HR_OK;
}

hr_status hr_fn_bitmap_count(HR_EVAL_ARGS)
{
    HR_UNUSED(call);
    HR_UNUSED(err);
    HR_EACH_ROW(ctx, out, row)
    {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int64_t n = 0;
        for (size_t i = 0; i < s.len; i++) n += __builtin_popcount((uint8_t)s.ptr[i]);
        HR_OUT(int64_t, out)[row] = n;
    }
    return HR_OK;
}

/* --- The session -------------------------------------------------------------------------------*/

hr_status hr_fn_current_user(HR_EVAL_ARGS)
{
    struct passwd entry, *found = NULL;
    char bytes[2048];
    HR_UNUSED(call);
    HR_UNUSED(args);
    if (getpwuid_r(geteuid(), &entry, bytes, sizeof bytes, &found) != 0) found = NULL;
    const char *name = found ? found->pw_name : "unknown";
    HR_ALL_ROWS(ctx, row) HR_TRY(hr_out_str(ctx, out, row, name, strlen(name), err));
    return HR_OK;
}

hr_status hr_fn_current_path(HR_EVAL_ARGS)
{
    static const char path[] = "system.builtin,system.session,spark_catalog.default";
    HR_UNUSED(call);
    HR_UNUSED(args);
    HR_ALL_ROWS(ctx, row) HR_TRY(hr_out_str(ctx, out, row, path, sizeof path - 1, err));
    return HR_OK;
}

/* The release of Spark whose answers these functions give comes first, as its users expect. */
hr_status hr_fn_version(HR_EVAL_ARGS)
{
    static const char text[] = "4.3.0 headrace";
    HR_UNUSED(call);
    HR_UNUSED(args);
    HR_ALL_ROWS(ctx, row) HR_TRY(hr_out_str(ctx, out, row, text, sizeof text - 1, err));
    return HR_OK;
}
