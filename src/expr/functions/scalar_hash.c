/* SPDX-License-Identifier: Apache-2.0 */
/* Hashes and encodings: hash, xxhash64, md5, sha1, sha2, crc32, hex, base64, encode, url. */
#include "base/decimal.h"
#include "base/utf8.h"
#include "expr/functions/digest.h"
#include "expr/functions/functions.h"
#include "expr/internal.h"
#include "expr/spark_hash.h"

static bool holds_map(const struct hr_type *type)
{
    if (type->id == HR_T_MAP) return true;
    for (uint32_t i = 0; hr_type_is_nested(type) && i < type->field_count; i++)
        if (holds_map(type->fields[i].type)) return true;
    return false;
}

hr_status hr_bind_hash(HR_BIND_ARGS)
{
    HR_UNUSED(conf);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        if (!holds_map(call->args[i]->type)) continue;
        const char *name = hr_arena_printf(arena, "`%s`", call->function->name);
        return HR_RAISE(err, HR_E_DATATYPE_MISMATCH_HASH_MAP_TYPE, "sqlExpr",
                        hr_expr_quoted(arena, call), "functionName", name ? name : "?");
    }
    return HR_OK;
}

hr_status hr_fn_hash(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) {
        uint32_t h = 42;
        for (uint32_t a = 0; a < call->arg_count; a++)
            h = hr_spark_murmur3(&args[a].col, hr_vector_row(&args[a], row), h);
        HR_OUT(int32_t, out)[row] = (int32_t)h;
    }
    return HR_OK;
}

hr_status hr_fn_xxhash64(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) {
        uint64_t h = 42;
        for (uint32_t a = 0; a < call->arg_count; a++)
            h = hr_spark_xxhash64(&args[a].col, hr_vector_row(&args[a], row), h);
        HR_OUT(int64_t, out)[row] = (int64_t)h;
    }
    return HR_OK;
}

static void put_hex(struct hr_buf *buf, const uint8_t *bytes, size_t n, const char *digits)
{
    for (size_t i = 0; i < n; i++) {
        hr_buf_putc(buf, digits[bytes[i] >> 4]);
        hr_buf_putc(buf, digits[bytes[i] & 15]);
    }
}

static const char lower_digits[] = "0123456789abcdef", upper_digits[] = "0123456789ABCDEF";

hr_status hr_fn_md5(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        uint8_t digest[16];
        hr_md5(s.ptr, s.len, digest);
        put_hex(&buf, digest, 16, lower_digits);
    });
}

hr_status hr_fn_sha1(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        uint8_t digest[20];
        hr_sha1(s.ptr, s.len, digest);
        put_hex(&buf, digest, 20, lower_digits);
    });
}

hr_status hr_fn_sha2(HR_EVAL_ARGS)
{
    HR_ALL_ROWS(ctx, row) {
        if (!hr_bit_get(out->validity, row)) continue;
        int32_t bits = HR_ARG(int32_t, &args[1], row);
        if (bits != 0 && bits != 224 && bits != 256 && bits != 384 && bits != 512)
            hr_out_null(out, row);
    }
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        int bits = HR_ARG(int32_t, &args[1], row);
        uint8_t digest[64];
        hr_sha2(s.ptr, s.len, bits ? bits : 256, digest);
        put_hex(&buf, digest, (size_t)(bits ? bits : 256) / 8, lower_digits);
    });
}

hr_status hr_fn_crc32(HR_EVAL_ARGS)
{
    HR_EACH_ROW(ctx, out, row) {
        struct hr_str_view s = hr_arg_str(&args[0], row);
        HR_OUT(int64_t, out)[row] = hr_crc32_ieee(s.ptr, s.len);
    }
    return HR_OK;
}

/* --- hex ---------------------------------------------------------------------------------------*/

hr_status hr_fn_hex(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        if (hr_type_is_string(args[0].col.type)) {
            struct hr_str_view s = hr_arg_str(&args[0], row);
            put_hex(&buf, (const uint8_t *)s.ptr, s.len, upper_digits);
        } else {
            hr_buf_printf(&buf, "%llX", (unsigned long long)hr_arg_i64(&args[0], row));
        }
    });
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                  : -1;
}

hr_status hr_fn_unhex(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        bool ok = true;
        size_t i = 0;
        if (s.len % 2) hr_buf_putc(&buf, (char)hex_digit(s.ptr[i++]));
        for (size_t k = 0; k < s.len; k++) ok = ok && hex_digit(s.ptr[k]) >= 0;
        for (; ok && i < s.len; i += 2)
            hr_buf_putc(&buf, (char)(hex_digit(s.ptr[i]) << 4 | hex_digit(s.ptr[i + 1])));
        if (!ok) {
            hr_out_null(out, row);
            hr_buf_clear(&buf);
        }
    });
}

/* --- base64 ------------------------------------------------------------------------------------*/

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void hr_base64_put(struct hr_buf *out, struct hr_str_view s)
{
    for (size_t i = 0; i < s.len; i += 3) {
        uint32_t v = 0;
        size_t n = HR_MIN(s.len - i, (size_t)3);
        for (size_t k = 0; k < 3; k++) v = v << 8 | (k < n ? (uint8_t)s.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            hr_buf_putc(out, k <= n ? base64_digits[v >> (18 - 6 * k) & 63] : '=');
    }
}

bool hr_base64_get(struct hr_buf *out, struct hr_str_view s)
{
    uint32_t v = 0;
    int have = 0;
    bool good = true;
    for (size_t i = 0; i < s.len && s.ptr[i] != '='; i++) {
        const char *d = memchr(base64_digits, s.ptr[i], 64);
        if (!d) {
            good = good && strchr(" \r\n\t", s.ptr[i]);
            continue;
        }
        v = v << 6 | (uint32_t)(d - base64_digits);
        if ((have += 6) >= 8) hr_buf_putc(out, (char)(v >> (have -= 8)));
    }
    return good;
}

hr_status hr_fn_base64(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({ hr_base64_put(&buf, hr_arg_str(&args[0], row)); });
}

/* What is no digit is passed over, as by Java's MIME decoder; what is wrong, or NULL. */
static const char *unbase64(struct hr_str_view s, struct hr_buf *out)
{
    uint32_t v = 0;
    int have = 0;
    size_t i = 0;
    bool pad = false;
    for (; i < s.len && !pad; i++) {
        const char *d = memchr(base64_digits, s.ptr[i], 64);
        pad = s.ptr[i] == '=';
        if (d) {
            v = v << 6 | (uint32_t)(d - base64_digits);
            if (++have == 4) {
                char three[] = {(char)(v >> 16), (char)(v >> 8), (char)v};
                hr_buf_append(out, three, 3);
                have = 0;
            }
        }
    }
    if (pad && (have < 2 || (have == 2 && (i >= s.len || s.ptr[i++] != '='))))
        return "Input byte array has wrong 4-byte ending unit";
    if (have == 1) return "Last unit does not have enough valid bits";
    if (have >= 2) hr_buf_putc(out, (char)(have == 2 ? v >> 4 : v >> 10));
    if (have == 3) hr_buf_putc(out, (char)(v >> 2));
    for (; i < s.len; i++)
        if (memchr(base64_digits, s.ptr[i], 64))
            return "Input byte array has incorrect ending byte";
    return NULL;
}

hr_status hr_fn_unbase64(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        const char *wrong = unbase64(hr_arg_str(&args[0], row), &buf);
        if (wrong) {
            status_ = HR_FAIL(err, HR_E_INVALID_ARGUMENT, "unbase64: %s", wrong);
            break;
        }
    });
}

/* --- Character sets ----------------------------------------------------------------------------*/

enum charset { CS_UTF8, CS_LATIN1, CS_ASCII, CS_UTF32, CS_UTF16, CS_UTF16BE, CS_UTF16LE, CS_NONE };

static enum charset charset_of(struct hr_str_view s)
{
    static const struct {
        const char *name;
        enum charset cs;
    } sets[] = {{"utf-8", CS_UTF8},   {"iso-8859-1", CS_LATIN1}, {"us-ascii", CS_ASCII},
                {"utf-16", CS_UTF16}, {"utf-16be", CS_UTF16BE},  {"utf-16le", CS_UTF16LE},
                {"utf-32", CS_UTF32}};
    for (size_t i = 0; i < HR_COUNT(sets); i++)
        if (hr_sv_eq_nocase(s, hr_sv(sets[i].name))) return sets[i].cs;
    return CS_NONE;
}

static hr_status bad_charset(struct hr_eval_ctx *ctx, struct hr_str_view s, const char *function,
                             struct hr_err *err)
{
    const char *name = hr_arena_strndup(ctx->arena, s.ptr, s.len);
    return HR_RAISE(err, HR_E_INVALID_CHARSET, "functionName", function, "parameter", "`charset`",
                    "charset", name ? name : "?", "charsets",
                    "iso-8859-1, us-ascii, utf-16, utf-16be, utf-16le, utf-32, utf-8");
}

static void put_unit(struct hr_buf *buf, uint32_t u, bool little)
{
    hr_buf_putc(buf, (char)(little ? u : u >> 8));
    hr_buf_putc(buf, (char)(little ? u >> 8 : u));
}

static hr_status malformed(struct hr_eval_ctx *ctx, struct hr_str_view charset,
                           const char *function, struct hr_err *err)
{
    char *name = hr_arena_strndup(ctx->arena, charset.ptr, charset.len);
    for (char *c = name; c && *c; c++)
        if (*c >= 'a' && *c <= 'z') *c -= 32;
    return HR_RAISE(err, HR_E_MALFORMED_CHARACTER_CODING, "function", function, "charset",
                    name ? name : "?");
}

/* False: the character set does not have it. */
static bool encode_char(struct hr_buf *buf, uint32_t c, enum charset cs)
{
    bool little = cs == CS_UTF16LE;
    if (cs == CS_LATIN1 || cs == CS_ASCII) {
        if (c >= (cs == CS_ASCII ? 128u : 256u)) return false;
        hr_buf_putc(buf, (char)c);
    } else if (cs == CS_UTF32) {
        put_unit(buf, c >> 16, false);
        put_unit(buf, c & 0xffff, false);
    } else if (c < 0x10000) {
        put_unit(buf, c, little);
    } else {
        put_unit(buf, 0xd800 + ((c - 0x10000) >> 10), little);
        put_unit(buf, 0xdc00 + ((c - 0x10000) & 0x3ff), little);
    }
    return true;
}

static bool encode_text(struct hr_buf *buf, struct hr_str_view s, enum charset cs)
{
    if (cs == CS_UTF8) {
        hr_buf_put_sv(buf, s);
        return true;
    }
    if (cs == CS_UTF16 && s.len) put_unit(buf, 0xfeff, false);
    for (size_t i = 0; i < s.len;) {
        uint32_t c;
        i += hr_utf8_decode(s.ptr + i, s.len - i, &c);
        if (!encode_char(buf, c, cs)) return false;
    }
    return true;
}

hr_status hr_fn_encode(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row), name = hr_arg_str(&args[1], row);
        enum charset cs = charset_of(name);
        if (cs == CS_NONE)
            status_ = bad_charset(ctx, name, "`encode`", err);
        else if (!encode_text(&buf, s, cs))
            status_ = malformed(ctx, name, "`encode`", err);
        if (status_ != HR_OK) break;
    });
}

static void put_char(struct hr_buf *buf, uint32_t c)
{
    char bytes[4];
    hr_buf_append(buf, bytes, hr_utf8_encode(c, bytes));
}

static bool decode_utf16(struct hr_buf *buf, struct hr_str_view s, enum charset cs)
{
    bool little = cs == CS_UTF16LE;
    uint32_t high = 0;
    for (size_t i = 0; i + 1 < s.len; i += 2) {
        uint32_t u =
            (uint32_t)(uint8_t)s.ptr[i + !little] | (uint32_t)(uint8_t)s.ptr[i + little] << 8;
        bool low = u >= 0xdc00 && u < 0xe000;
        if (i == 0 && cs == CS_UTF16 && (u == 0xfeff || u == 0xfffe)) {
            little = u == 0xfffe;
            continue;
        }
        if (low != (high != 0)) return false;
        if (u >= 0xd800 && u < 0xdc00) {
            high = u;
            continue;
        }
        put_char(buf, low ? 0x10000 + ((high - 0xd800) << 10) + (u - 0xdc00) : u);
        high = 0;
    }
    return !high && s.len % 2 == 0;
}

static bool decode_utf32(struct hr_buf *buf, struct hr_str_view s)
{
    bool little = s.len >= 4 && memcmp(s.ptr, "\xff\xfe\0\0", 4) == 0;
    bool marked = little || (s.len >= 4 && memcmp(s.ptr, "\0\0\xfe\xff", 4) == 0);
    for (size_t i = marked ? 4 : 0; i + 3 < s.len; i += 4) {
        uint32_t c = 0;
        for (size_t k = 0; k < 4; k++)
            c = c << 8 | (uint8_t)s.ptr[i + (little ? 3 - k : k)];
        if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) return false;
        put_char(buf, c);
    }
    return s.len % 4 == 0;
}

static bool decode_text(struct hr_buf *buf, struct hr_str_view s, enum charset cs)
{
    if (cs >= CS_UTF16) return decode_utf16(buf, s, cs);
    if (cs == CS_UTF32) return decode_utf32(buf, s);
    if (cs == CS_UTF8) {
        hr_buf_put_sv(buf, s);
        return hr_utf8_valid(s.ptr, s.len);
    }
    for (size_t i = 0; i < s.len; i++) {
        if (cs == CS_ASCII && (s.ptr[i] & 0x80)) return false;
        put_char(buf, (uint8_t)s.ptr[i]);
    }
    return true;
}

hr_status hr_fn_decode(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view name = hr_arg_str(&args[1], row);
        enum charset cs = charset_of(name);
        if (cs == CS_NONE)
            status_ = bad_charset(ctx, name, "`decode`", err);
        else if (!decode_text(&buf, hr_arg_str(&args[0], row), cs))
            status_ = malformed(ctx, name, "`decode`", err);
        if (status_ != HR_OK) break;
    });
}

/* --- URLs --------------------------------------------------------------------------------------*/

hr_status hr_fn_url_encode(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        for (size_t i = 0; i < s.len; i++) {
            unsigned char c = (unsigned char)s.ptr[i];
            bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                         (c >= '0' && c <= '9') || memchr(".-*_", c, 4);
            if (c == ' ')
                hr_buf_putc(&buf, '+');
            else if (plain)
                hr_buf_putc(&buf, (char)c);
            else
                hr_buf_printf(&buf, "%%%02X", c);
        }
    });
}

hr_status hr_fn_url_decode(HR_EVAL_ARGS)
{
    HR_TEXT_ROWS({
        struct hr_str_view s = hr_arg_str(&args[0], row);
        for (size_t i = 0; i < s.len; i++) {
            if (s.ptr[i] == '+') {
                hr_buf_putc(&buf, ' ');
            } else if (s.ptr[i] != '%') {
                hr_buf_putc(&buf, s.ptr[i]);
            } else if (i + 2 < s.len && hex_digit(s.ptr[i + 1]) >= 0 &&
                       hex_digit(s.ptr[i + 2]) >= 0) {
                hr_buf_putc(&buf, (char)(hex_digit(s.ptr[i + 1]) << 4 | hex_digit(s.ptr[i + 2])));
                i += 2;
            } else if (call->function->flags & HR_FN_TRY) {
                hr_out_null(out, row);
                hr_buf_clear(&buf);
                break;
            } else {
                hr_buf_done(&buf);
                return HR_RAISE(err, HR_E_CANNOT_DECODE_URL, "url",
                                hr_arena_strndup(ctx->arena, s.ptr, s.len));
            }
        }
    });
}
