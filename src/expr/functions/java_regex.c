/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java's regular expressions for PCRE2. Every construct is written out in what means the same to
 * PCRE2 without options: line terminators, word boundaries and case are Java's. Java's flags never
 * become PCRE2's, except that (?iu) folds as (?i) does there.
 */
#include "expr/functions/java_regex.h"

#include <ctype.h>

#include "base/utf8.h"
#include "expr/functions/java_class.h"

#define DEPTH_MAX 200
#define REPEAT_MAX 65535 /* PCRE2's */

#define TERMINATORS "\\n\\r\\x{85}\\x{2028}\\x{2029}"
#define NOT_LF "\\r\\x{85}\\x{2028}\\x{2029}" /* those that need no look at what is before them */
#define WORD "[_\\p{L}\\p{Nd}\\p{Mn}]"

/* --- Code points -------------------------------------------------------------------------------*/

bool hr_java_ok(const struct java_parser *p)
{
    return !p->out->invalid && !p->out->unsupported && !p->out->text.failed;
}

static bool is_space(uint32_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
static bool is_terminator(uint32_t c)
{
    return c == '\n' || c == '\r' || c == 0x85 || c == 0x2028 || c == 0x2029;
}

uint32_t hr_java_peek(struct java_parser *p)
{
    while ((p->flags & F_X) && p->at < p->len) {
        if (p->text[p->at] == '#')
            while (p->at < p->len && !is_terminator(p->text[p->at])) p->at++;
        else if (is_space(p->text[p->at]))
            p->at++;
        else
            break;
    }
    return p->at < p->len ? p->text[p->at] : C_END;
}

/* Code points of the pattern; those between \Q and \E are marked. */
static void decode(struct java_parser *p, struct hr_str_view s)
{
    bool quoted = false;
    for (size_t i = 0; i < s.len;) {
        bool escape = s.ptr[i] == '\\' && i + 1 < s.len;
        if (escape && s.ptr[i + 1] == (quoted ? 'E' : 'Q')) {
            quoted = !quoted;
            i += 2;
            continue;
        }
        uint32_t c;
        i += hr_utf8_decode(s.ptr + i, s.len - i, &c);
        p->text[p->len++] = quoted ? c | C_QUOTED : c;
        if (escape && !quoted) { /* what is escaped begins no quotation */
            i += hr_utf8_decode(s.ptr + i, s.len - i, &c);
            p->text[p->len++] = c;
        }
    }
}

/* --- Atoms -------------------------------------------------------------------------------------*/

static void put(struct java_parser *p, const char *text)
{
    p->plain = false;
    hr_buf_puts(&p->out->text, text);
}

static void put_literal(struct java_parser *p, uint32_t c)
{
    struct hr_buf *out = &p->out->text;
    bool ascii_letter = (c | 32) >= 'a' && (c | 32) <= 'z' && c < 128;
    if (!(p->flags & F_I) || (!ascii_letter && !(p->flags & F_U))) {
        hr_java_put_char(c, out);
        return;
    }
    p->plain = false;
    if (p->flags & F_U) {
        hr_buf_puts(out, "(?i:");
        hr_java_put_char(c, out);
        hr_buf_putc(out, ')');
    } else {
        hr_buf_printf(out, "[%c%c]", (int)(c | 32), (int)(c & ~32u));
    }
}

static void put_dot(struct java_parser *p)
{
    put(p, p->flags & F_S ? "[\\s\\S]" : p->flags & F_D ? "[^\\n]" : "[^" TERMINATORS "]");
}

static void put_end_of_text(struct java_parser *p) /* \Z, and $ without (?m) */
{
    put(p, p->flags & F_D ? "(?=\\n?\\z)"
                          : "(?:(?=(?:\\r\\n|[" NOT_LF "])?\\z)|(?<!\\r)(?=\\n\\z))");
}

static void put_caret(struct java_parser *p)
{
    if (!(p->flags & F_M))
        put(p, "(?:\\A)");
    else if (p->flags & F_D)
        put(p, "(?:(?:\\A|(?<=\\n))(?!\\z))");
    else
        put(p, "(?:(?:\\A|(?<=[\\n\\x{85}\\x{2028}\\x{2029}])|(?<=\\r)(?!\\n))(?!\\z))");
}

static void put_dollar(struct java_parser *p)
{
    if (!(p->flags & F_M))
        put_end_of_text(p);
    else if (p->flags & F_D)
        put(p, "(?:(?=\\n)|\\z)");
    else
        put(p, "(?:(?=[" NOT_LF "])|(?<!\\r)(?=\\n)|\\z)");
}

/* As many digits as there are groups so far; the first one always counts. */
static void put_back_reference(struct java_parser *p, uint32_t number)
{
    while (p->at < p->len && p->text[p->at] >= '0' && p->text[p->at] <= '9') {
        uint32_t longer = number * 10 + (p->text[p->at] - '0');
        if (longer > p->out->groups) break;
        number = longer;
        p->at++;
    }
    p->plain = false;
    if (number > p->total_groups)
        put(p, "(?!)"); /* Java: never matches */
    else
        hr_buf_printf(&p->out->text, p->flags & F_I ? "(?i:\\g{%u})" : "(?:\\g{%u})", number);
}

static struct hr_str_view group_name(struct java_parser *p)
{
    size_t from = p->at, n = 0;
    for (; p->at < p->len && p->text[p->at] < 128 && isalnum((int)p->text[p->at]); p->at++) n++;
    char *name = hr_arena_alloc(p->arena, n + 1);
    if (!n || (p->text[from] >= '0' && p->text[from] <= '9') || p->at >= p->len ||
        p->text[p->at] != '>' || !name) {
        p->out->invalid = "named capturing group is missing trailing '>'";
        return hr_sv("");
    }
    for (size_t i = 0; i < n; i++) name[i] = (char)p->text[from + i];
    p->at++;
    return hr_svn(name, n);
}

static uint32_t named_group(const struct java_parser *p, struct hr_str_view name)
{
    for (uint32_t i = 0; i < p->out->name_count; i++)
        if (hr_sv_eq(p->out->names[i].name, name)) return p->out->names[i].group;
    return 0;
}

static void put_named_reference(struct java_parser *p)
{
    if (p->at >= p->len || p->text[p->at++] != '<') {
        p->out->invalid = "\\k is not followed by '<' for named capturing group";
        return;
    }
    uint32_t group = named_group(p, group_name(p));
    if (!group) p->out->invalid = "named capturing group does not exist";
    size_t at = p->at;
    p->at = p->len; /* no digits belong to it */
    if (group) put_back_reference(p, group);
    p->at = at;
}

static void put_set(struct java_parser *p, struct java_set *set)
{
    if (hr_java_ok(p)) hr_java_put_set(p, set, &p->out->text);
    if (set->text.failed) p->out->text.failed = true;
    hr_buf_done(&set->text);
    p->plain = false;
}

static void escape(struct java_parser *p)
{
    uint32_t c = p->at < p->len ? p->text[p->at] : C_END;
    struct java_set set = {0};
    p->at++;
    switch (c) {
    case '1': case '2': case '3': case '4': case '5': case '6': case '7': case '8': case '9':
        put_back_reference(p, c - '0');
        return;
    case 'A': put(p, "(?:\\A)"); return;
    case 'G': put(p, "(?:\\G)"); return;
    case 'Z': put_end_of_text(p); return;
    case 'z': put(p, "(?:\\z)"); return;
    case 'R': put(p, "(?:\\r\\n|[\\n-\\r\\x{85}\\x{2028}\\x{2029}])"); return;
    case 'X': put(p, "\\X"); return;
    case 'B': put(p, "(?:(?<=" WORD ")(?=" WORD ")|(?<!" WORD ")(?!" WORD "))"); return;
    case 'b':
        if (p->at < p->len && p->text[p->at] == '{')
            p->out->unsupported = "\\b{g}, the boundary of a grapheme";
        put(p, "(?:(?<=" WORD ")(?!" WORD ")|(?<!" WORD ")(?=" WORD "))");
        return;
    case 'k': put_named_reference(p); return;
    default: break;
    }
    p->at--;
    if (hr_java_escape(p, false, &c, &set))
        put_literal(p, c);
    else
        put_set(p, &set);
}

/* --- Quantifiers -------------------------------------------------------------------------------*/

static bool count_of(struct java_parser *p, uint32_t *ret)
{
    size_t from = p->at;
    uint64_t n = 0;
    for (; p->at < p->len && p->text[p->at] >= '0' && p->text[p->at] <= '9'; p->at++) {
        n = n * 10 + (p->text[p->at] - '0');
        if (n > INT32_MAX) p->out->invalid = "Illegal repetition range";
    }
    if (n > REPEAT_MAX && n <= INT32_MAX) p->out->unsupported = "a repetition beyond 65535";
    *ret = (uint32_t)HR_MIN(n, (uint64_t)INT32_MAX);
    return p->at > from;
}

/* {n}, {n,} and {n,m}; p->at is at the {. */
static void put_counts(struct java_parser *p, bool empty_atom)
{
    uint32_t from, to;
    bool open = false;
    p->plain = false;
    p->at++;
    if (!count_of(p, &from)) {
        p->out->invalid = "Illegal repetition";
        return;
    }
    to = from;
    if (p->at < p->len && p->text[p->at] == ',') {
        p->at++;
        open = !count_of(p, &to);
    }
    if (p->at >= p->len || p->text[p->at] != '}')
        p->out->invalid = "Unclosed counted closure";
    else if (!open && to < from)
        p->out->invalid = "Illegal repetition range";
    p->at++;
    if (empty_atom) return;
    hr_buf_printf(&p->out->text, open ? "{%u,}" : "{%u,%u}", from, to);
}

static void quantifier(struct java_parser *p, bool empty_atom)
{
    uint32_t c = hr_java_peek(p);
    if (c == '{') {
        put_counts(p, empty_atom);
    } else if (c == '?' || c == '*' || c == '+') {
        p->at++;
        put(p, c == '?' ? "?" : c == '*' ? "*" : "+");
    } else {
        return;
    }
    c = hr_java_peek(p);
    if (c != '?' && c != '+') return;
    p->at++;
    if (!empty_atom) put(p, c == '?' ? "?" : "+");
}

/* --- Groups ------------------------------------------------------------------------------------*/

static void alternatives(struct java_parser *p);

static uint32_t flag_of(uint32_t c)
{
    switch (c) {
    case 'i': return F_I;
    case 'm': return F_M;
    case 's': return F_S;
    case 'd': return F_D;
    case 'u': return F_U;
    case 'x': return F_X;
    case 'U': return F_CLASS | F_U;
    default: return 0;
    }
}

/* (?ims-x) and (?ims-x: …): true where a group opens. */
static bool flags(struct java_parser *p)
{
    bool off = false;
    for (uint32_t f; p->at < p->len; p->at++) {
        uint32_t c = p->text[p->at];
        if (c == '-' && !off)
            off = true;
        else if ((f = flag_of(c)))
            p->flags = off ? p->flags & ~f : p->flags | f;
        else
            break;
    }
    uint32_t c = p->at < p->len ? p->text[p->at] : C_END;
    p->at++;
    if (c != ')' && c != ':') p->out->invalid = "Unknown inline modifier";
    return c == ':';
}

static void open_capture(struct java_parser *p, struct hr_str_view name)
{
    p->out->groups++;
    put(p, "(");
    if (!name.len) return;
    struct hr_java_name *names =
        hr_arena_alloc(p->arena, (p->out->name_count + 1) * sizeof *names);
    if (named_group(p, name)) p->out->invalid = "Named capturing group is already defined";
    if (!names) {
        p->out->text.failed = true;
        return;
    }
    if (p->out->name_count) memcpy(names, p->out->names, p->out->name_count * sizeof *names);
    names[p->out->name_count++] = (struct hr_java_name){name, p->out->groups};
    p->out->names = names;
}

static void lookbehind_or_name(struct java_parser *p)
{
    uint32_t c = p->at < p->len ? p->text[p->at] : C_END;
    if (c != '=' && c != '!') {
        open_capture(p, group_name(p));
        return;
    }
    p->at++;
    put(p, c == '=' ? "(?<=" : "(?<!");
}

/* From behind the (. False where it was only (?flags), which cannot be repeated. */
static bool group(struct java_parser *p)
{
    uint32_t saved = p->flags;
    if (hr_java_peek(p) == '?') {
        p->at++;
        uint32_t c = p->at < p->len ? p->text[p->at] : C_END;
        if (c == ':' || c == '=' || c == '!' || c == '>') {
            p->at++;
            put(p, c == ':' ? "(?:" : c == '=' ? "(?=" : c == '!' ? "(?!" : "(?>");
        } else if (c == '<') {
            p->at++;
            lookbehind_or_name(p);
        } else {
            if (!flags(p)) return false;
            put(p, "(?:");
        }
    } else {
        open_capture(p, hr_sv(""));
    }
    alternatives(p);
    if (hr_java_peek(p) != ')' && hr_java_ok(p)) p->out->invalid = "Unclosed group";
    p->at++;
    put(p, ")");
    p->flags = saved;
    return true;
}

/* --- Sequences ---------------------------------------------------------------------------------*/

/* One atom; false where a quantifier may not follow. */
static bool atom(struct java_parser *p, uint32_t c)
{
    struct java_set set = {0};
    p->at++;
    switch (c) {
    case '(': p->plain = false; return group(p);
    case '[':
        hr_java_class(p, true, &set);
        put_set(p, &set);
        return true;
    case '\\': escape(p); return true;
    case '.': put_dot(p); return true;
    case '^': put_caret(p); return true;
    case '$': put_dollar(p); return true;
    case '*': case '+': case '?': p->out->invalid = "Dangling meta character"; return false;
    default: put_literal(p, c & ~C_QUOTED); return true;
    }
}

static void alternatives(struct java_parser *p)
{
    if (++p->depth > DEPTH_MAX) p->out->unsupported = "more than 200 levels of nesting";
    while (hr_java_ok(p)) {
        uint32_t c = hr_java_peek(p);
        if (c == C_END || c == ')') break;
        if (c == '|') {
            p->at++;
            put(p, "|");
        } else if (c == '{') {
            quantifier(p, true); /* Java repeats an empty text */
        } else if (atom(p, c)) {
            quantifier(p, false);
        }
    }
    p->depth--;
}

static void translate(struct java_parser *p)
{
    p->at = p->flags = p->depth = 0;
    p->plain = true;
    p->out->groups = p->out->name_count = 0;
    hr_buf_clear(&p->out->text);
    alternatives(p);
    if (hr_java_ok(p) && p->at < p->len) p->out->invalid = "Unmatched closing ')'";
    p->total_groups = p->out->groups;
}

hr_status hr_java_regex_translate(struct hr_arena *arena, struct hr_str_view pattern,
                                  struct hr_java_regex *ret, struct hr_err *err)
{
    struct java_parser p = {.arena = arena, .out = ret};
    *ret = (struct hr_java_regex){0};
    p.text = hr_arena_alloc(arena, (pattern.len + 1) * sizeof *p.text);
    if (!p.text) return HR_OOM(err);
    decode(&p, pattern);
    p.total_groups = UINT32_MAX;
    translate(&p);
    /* once more, now that it is known which groups there are to refer to */
    if (hr_java_ok(&p) && !p.plain) translate(&p);
    if (p.plain && hr_java_ok(&p)) {
        ret->literal = true;
        hr_buf_clear(&ret->text);
        p.at = p.flags = 0;
        while (p.at < p.len) {
            uint32_t c = p.text[p.at++];
            struct java_set none = {0};
            char bytes[4];
            if (c == '\\' && !hr_java_escape(&p, false, &c, &none)) return HR_BUG(err, "literal");
            hr_buf_append(&ret->text, bytes, hr_utf8_encode(c & ~C_QUOTED, bytes));
        }
    }
    return hr_buf_status(&ret->text, err);
}
