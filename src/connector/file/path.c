/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a path is spelt. What a user types is what Hadoop's Path takes: a plain path, or a file: URI
 * whose path is not percent-decoded. Logs and manifests hold URIs as Java prints them, which
 * Spark reads and writes. Inside, a path is absolute and normal, so that one file has one name;
 * links keep their own names, as in Hadoop.
 */
#include <ctype.h>
#include <errno.h>
#include <unistd.h>

#include "base/utf8.h"
#include "connector/file/file.h"

/* Bytes of the scheme in front of a URI, without its colon; 0: a plain path. */
static size_t scheme_len(const char *text)
{
    size_t n = 0;
    if (!isalpha((unsigned char)*text)) return 0;
    while (isalnum((unsigned char)text[n]) || (text[n] && strchr("+-.", text[n]))) n++;
    return text[n] == ':' && (text[n + 1] == '/' || hr_sv_eq_nocase(hr_svn(text, n), hr_sv("file")))
               ? n
               : 0;
}

/* The path in text behind "file:", "file://" and "file://localhost"; other schemes are refused. */
static hr_status without_scheme(const char *text, const char **ret, struct hr_err *err)
{
    size_t n = scheme_len(text);
    *ret = text;
    if (n == 0) return HR_OK;
    if (!hr_sv_eq_nocase(hr_svn(text, n), hr_sv("file")))
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "%s: files of scheme %.*s are not supported; only those of this machine, "
                       "plain or as file:", text, (int)n, text);
    const char *path = text + n + 1;
    if (strncmp(path, "//", 2) == 0) {
        path += 2;
        if (strncmp(path, "localhost/", 10) == 0) path += 9;
        if (*path != '/')
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                           "%s names the machine %.*s; a file of this one is file:///…", text,
                           (int)strcspn(path, "/"), path);
    }
    *ret = path;
    return HR_OK;
}

/* Drops empty parts, "." and, with the part in front of it, "..". path is absolute. */
static void normalise(char *path)
{
    char *out = path;
    for (const char *p = path; *p;) {
        while (*p == '/') p++;
        size_t len = strcspn(p, "/");
        if (len == 2 && p[0] == '.' && p[1] == '.') {
            while (out > path && *--out != '/') continue;
        } else if (len && !(len == 1 && p[0] == '.')) {
            *out++ = '/';
            memmove(out, p, len);
            out += len;
        }
        p += len;
    }
    if (out == path) *out++ = '/';
    *out = 0;
}

hr_status hr_file_path(struct hr_arena *arena, const char *text, const char **ret,
                       struct hr_err *err)
{
    const char *path;
    char cwd[4096] = "";
    HR_TRY(without_scheme(text, &path, err));
    if (!*path)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a path cannot be made of an empty string");
    if (*path != '/' && !getcwd(cwd, sizeof cwd))
        return HR_FAIL(err, HR_E_IO, "the current folder has no path: %s", strerror(errno));
    char *full = hr_arena_printf(arena, "%s/%s", cwd, path);
    if (!full) return HR_OOM(err);
    normalise(full);
    *ret = full;
    return HR_OK;
}

/* Blanks and control characters beyond ASCII, which Java's URI escapes, unlike letters. */
static bool is_escaped_code(uint32_t c)
{
    return (c >= 0x80 && c <= 0xA0) || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) ||
           c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

void hr_file_put_uri(const char *path, struct hr_buf *out)
{
    static const char plain[] = "-_.!~*'():@&=+$,;/";
    hr_buf_puts(out, "file://");
    for (const char *p = path; *p;) {
        unsigned char c = (unsigned char)*p;
        size_t n = c < 0xC0 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
        uint32_t code = c;
        n = HR_MIN(n, strlen(p)); /* at most 4 are looked at below */
        bool whole = c < 0x80 || hr_utf8_valid(p, n);
        if (!whole) n = 1;
        if (whole && n > 1) hr_utf8_decode(p, n, &code);
        if (c < 0x80 ? isalnum(c) || strchr(plain, c) : whole && !is_escaped_code(code))
            hr_buf_append(out, p, n);
        else
            for (size_t i = 0; i < n; i++) hr_buf_printf(out, "%%%02X", (unsigned char)p[i]);
        p += n;
    }
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : isxdigit((unsigned char)c) ? (c | 32) - 'a' + 10 : -1;
}

const char *hr_file_unescape(struct hr_arena *arena, struct hr_str_view text)
{
    char *out = hr_arena_alloc(arena, text.len + 1), *o = out;
    if (!out) return NULL;
    for (size_t i = 0; i < text.len; i++) {
        bool escaped = text.ptr[i] == '%' && i + 2 < text.len && hex(text.ptr[i + 1]) >= 0 &&
                       hex(text.ptr[i + 2]) >= 0;
        *o++ = escaped ? (char)(hex(text.ptr[i + 1]) << 4 | hex(text.ptr[i + 2])) : text.ptr[i];
        if (escaped) i += 2;
    }
    *o = 0;
    return out;
}

hr_status hr_file_from_uri(struct hr_arena *arena, const char *uri, const char **ret,
                           struct hr_err *err)
{
    const char *path;
    HR_TRY(without_scheme(uri, &path, err));
    if (path != uri && !(path = hr_file_unescape(arena, hr_sv(path)))) return HR_OOM(err);
    if (strlen(path) != 0) return hr_file_path(arena, *path == '/' ? path : uri, ret, err);
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s names no file", uri);
}

bool hr_file_within(const char *path, const char *folder)
{
    size_t len = strlen(folder);
    if (len == 1) return true; /* the root */
    return strncmp(path, folder, len) == 0 && (path[len] == '/' || path[len] == 0);
}
