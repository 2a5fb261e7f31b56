/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Patterns of names as Hadoop reads them: ? * [abc] [a-z] [^a] {one,other} and \ before a character
 * that means itself. * and ? do not match a slash, but names that begin with a dot.
 *
 * Braces are written out first ({a,b{c,d}} is three patterns), so that matching one pattern is a
 * loop with a single point to go back to.
 */
#include "base/utf8.h"
#include "connector/file/file.h"

#define PATTERNS_MAX 1024

bool hr_file_is_glob(const char *path)
{
    return strpbrk(path, "*?[]{}\\") != NULL;
}

/* Behind the character or escaped character or class at p. NULL: a class without its end. */
static const char *skip_one(const char *p)
{
    if (*p == '\\' && p[1]) return p + 2;
    if (*p != '[') return p + 1;
    p++;
    if (*p == '^' || *p == '!') p++;
    for (bool first = true; *p; first = false) {
        if (*p == ']' && !first) return p + 1;
        p += *p == '\\' && p[1] ? 2 : 1;
    }
    return NULL;
}

/* The end of the brace that opens at p, and its first comma or end; NULL: not closed. */
static const char *brace_end(const char *open)
{
    int depth = 0;
    for (const char *p = open; p && *p; p = skip_one(p)) {
        if (*p == '{') depth++;
        if (*p == '}' && --depth == 0) return p;
    }
    return NULL;
}

static hr_status bad(const char *pattern, const char *why, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "illegal file pattern: %s in %s", why, pattern);
}

static const char *first_brace(const char *p)
{
    while (p && *p && *p != '{') p = skip_one(p);
    return p;
}

static hr_status expand(struct hr_arena *arena, const char *pattern, struct file_glob *ret,
                        struct hr_err *err)
{
    const char *open = first_brace(pattern);
    if (!open) return bad(pattern, "unclosed character class", err);
    if (!*open) {
        if (ret->count == PATTERNS_MAX)
            return HR_FAIL(err, HR_E_LIMIT, "a file pattern has more than %d alternatives",
                           PATTERNS_MAX);
        return HR_VEC_PUSH(arena, ret, pattern) ? HR_OK : HR_OOM(err);
    }
    const char *end = brace_end(open);
    if (!end) return bad(pattern, "unclosed group", err);
    int depth = 0;
    const char *from = open + 1;
    for (const char *p = from; p <= end; p = skip_one(p)) {
        if (*p == '{') depth++;
        if (depth == 0 && (*p == ',' || p == end)) {
            const char *one = hr_arena_printf(arena, "%.*s%.*s%s", (int)(open - pattern), pattern,
                                              (int)(p - from), from, end + 1);
            if (!one) return HR_OOM(err);
            HR_TRY(expand(arena, one, ret, err));
            from = p + 1;
        }
        if (*p == '}') depth--;
    }
    return HR_OK;
}

hr_status hr_file_glob_compile(struct hr_arena *arena, const char *pattern, struct file_glob *ret,
                               struct hr_err *err)
{
    *ret = (struct file_glob){0};
    return expand(arena, pattern, ret, err);
}

static uint32_t code_at(const char *p, size_t *ret_len)
{
    uint32_t code = (unsigned char)*p;
    size_t n = code < 0xC0 ? 1 : code < 0xE0 ? 2 : code < 0xF0 ? 3 : 4;
    if (n > 1 && strnlen(p, n) == n && hr_utf8_valid(p, n)) {
        hr_utf8_decode(p, n, &code);
        *ret_len = n;
        return code;
    }
    *ret_len = 1;
    return code;
}

static bool in_class(const char *p, uint32_t c)
{
    bool not = p[1] == '^' || p[1] == '!', hit = false;
    p += 1 + not;
    for (bool first = true; *p != ']' || first; first = false) {
        size_t n;
        if (*p == '\\') p++;
        uint32_t low = code_at(p, &n), high = low;
        p += n;
        if (*p == '-' && p[1] != ']') {
            p += 1 + (p[1] == '\\');
            high = code_at(p, &n);
            p += n;
        }
        hit |= low <= c && c <= high;
    }
    return hit != not;
}

/* One pattern without braces over one name. */
static bool match_one(const char *p, const char *name)
{
    const char *star = NULL, *again = NULL;
    while (*name) {
        size_t n, m;
        uint32_t c = code_at(name, &n);
        bool same;
        if (*p == '*') {
            star = ++p;
            again = name;
            continue;
        }
        if (*p == '?')
            same = true;
        else if (*p == '[')
            same = in_class(p, c);
        else
            same = *p && code_at(p + (*p == '\\' && p[1]), &m) == c;
        if (same) {
            if (*p == '[' || *p == '\\' || *p == '?') {
                const char *next = skip_one(p);
                p = *p == '\\' ? p + 1 + n : next;
            } else {
                p += n;
            }
            name += n;
        } else if (star) {
            code_at(again, &n);
            again += n;
            name = again;
            p = star;
        } else {
            return false;
        }
    }
    while (*p == '*') p++;
    return *p == 0;
}

bool hr_file_glob_match(const struct file_glob *glob, const char *name)
{
    for (uint32_t i = 0; i < glob->count; i++)
        if (match_one(glob->items[i], name)) return true;
    return false;
}
