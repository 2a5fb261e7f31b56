/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of characters of Java's regular expressions: escapes, classes, their unions, intersections
 * and complements. PCRE2 has no operations of sets: where it takes more than one [class], looking
 * ahead does it. */
#include "expr/functions/java_class.h"

#include "base/utf8.h"

#define DEPTH_MAX 200

static bool is_digit(uint32_t c) { return c >= '0' && c <= '9'; }
static bool is_letter(uint32_t c) { return (c | 32) >= 'a' && (c | 32) <= 'z' && c < 128; }

static int hex_digit(uint32_t c)
{
    if (is_digit(c)) return (int)c - '0';
    if (c < 128 && (c | 32) >= 'a' && (c | 32) <= 'f') return (int)(c | 32) - 'a' + 10;
    return -1;
}

/* The code point here, whatever the flags. */
static uint32_t raw(const struct java_parser *p, size_t ahead)
{
    return p->at + ahead < p->len ? p->text[p->at + ahead] : C_END;
}

void hr_java_put_char(uint32_t c, struct hr_buf *out)
{
    char bytes[4];
    if (c >= 0xd800 && c <= 0xdfff)
        hr_buf_puts(out, "\\x{fffe}"); /* half a pair: no text of ours holds one */
    else if (c < 128 && !is_digit(c) && !is_letter(c))
        hr_buf_printf(out, "\\x{%x}", c);
    else
        hr_buf_append(out, bytes, hr_utf8_encode(c, bytes));
}

/* --- Sets --------------------------------------------------------------------------------------*/

void hr_java_put_set(struct java_parser *p, const struct java_set *set, struct hr_buf *out)
{
    if (set->complex) {
        if (set->negative) hr_buf_puts(out, "(?:(?!");
        hr_buf_append(out, set->text.ptr, set->text.len);
        if (set->negative) hr_buf_puts(out, ")[\\s\\S])");
        return;
    }
    if (!set->text.len) {
        hr_buf_puts(out, set->negative ? "[\\s\\S]" : "(?!)");
        return;
    }
    bool fold = (p->flags & F_I) && (p->flags & F_U);
    hr_buf_puts(out, fold ? "(?i:[" : "[");
    if (set->negative) hr_buf_putc(out, '^');
    hr_buf_append(out, set->text.ptr, set->text.len);
    hr_buf_puts(out, fold ? "])" : "]");
}

/* into becomes before + a + between + b + after, in which a and b match one character. */
static void combine(struct java_parser *p, struct java_set *into, const struct java_set *other,
                    const char *before, const char *between, const char *after)
{
    struct hr_buf both = {0};
    hr_buf_puts(&both, before);
    hr_java_put_set(p, into, &both);
    hr_buf_puts(&both, between);
    hr_java_put_set(p, other, &both);
    hr_buf_puts(&both, after);
    hr_buf_done(&into->text);
    *into = (struct java_set){both, .complex = true};
}

static void swap_sets(struct java_set *a, struct java_set *b)
{
    struct java_set c = *a;
    *a = *b;
    *b = c;
}

static void add_set(struct java_parser *p, struct java_set *into, struct java_set *other)
{
    bool plain = !into->complex && !into->negative && !other->complex && !other->negative;
    if (plain)
        hr_buf_append(&into->text, other->text.ptr, other->text.len);
    else if (!into->text.len && !into->complex && !into->negative)
        swap_sets(into, other);
    else
        combine(p, into, other, "(?:", "|", ")");
    hr_buf_done(&other->text);
}

static void put_range(struct hr_buf *out, uint32_t first, uint32_t last)
{
    if (first > last) return;
    hr_java_put_char(first, out);
    if (first == last) return;
    hr_buf_putc(out, '-');
    hr_java_put_char(last, out);
}

/* Without (?u), case is ignored in ASCII only: PCRE2's (?i) would do more. */
static void add_range(struct java_parser *p, struct java_set *set, uint32_t first, uint32_t last)
{
    if (set->complex || set->negative) {
        struct java_set more = {0};
        add_range(p, &more, first, last);
        add_set(p, set, &more);
        return;
    }
    put_range(&set->text, first, last);
    if (!(p->flags & F_I) || (p->flags & F_U)) return;
    uint32_t upper_first = HR_MAX(first, 'A'), upper_last = HR_MIN(last, 'Z');
    uint32_t lower_first = HR_MAX(first, 'a'), lower_last = HR_MIN(last, 'z');
    if (upper_first <= upper_last) put_range(&set->text, upper_first + 32, upper_last + 32);
    if (lower_first <= lower_last) put_range(&set->text, lower_first - 32, lower_last - 32);
}

/* --- Escapes -----------------------------------------------------------------------------------*/

/* \0n, \0nn, \0mnn with m up to 3. */
static uint32_t octal(struct java_parser *p)
{
    uint32_t value = 0;
    for (int i = 0; i < 3 && raw(p, 0) >= '0' && raw(p, 0) <= '7'; i++) {
        if (i == 2 && value >= 32) break;
        value = value * 8 + (raw(p, 0) - '0');
        p->at++;
    }
    return value;
}

static bool hex(struct java_parser *p, int digits, uint32_t *ret)
{
    uint32_t value = 0;
    for (int i = 0; i < digits; i++) {
        int d = hex_digit(raw(p, (size_t)i));
        if (d < 0) return false;
        value = value * 16 + (uint32_t)d;
    }
    p->at += (size_t)digits;
    *ret = value;
    return true;
}

static uint32_t hex_escape(struct java_parser *p)
{
    uint32_t value = 0;
    if (raw(p, 0) != '{') {
        if (!hex(p, 2, &value)) p->out->invalid = "Illegal hexadecimal escape sequence";
        return value;
    }
    size_t at = p->at + 1;
    for (; at < p->len && hex_digit(p->text[at]) >= 0 && value <= 0x10ffff; at++)
        value = value * 16 + (uint32_t)hex_digit(p->text[at]);
    if (at >= p->len || p->text[at] != '}' || at == p->at + 1 || value > 0x10ffff)
        p->out->invalid = "Illegal hexadecimal escape sequence";
    p->at = at + 1;
    return value;
}

static uint32_t unicode_escape(struct java_parser *p)
{
    uint32_t high, low;
    if (!hex(p, 4, &high)) {
        p->out->invalid = "Illegal Unicode escape sequence";
        return 0;
    }
    if (high < 0xd800 || high > 0xdbff || raw(p, 0) != '\\' || raw(p, 1) != 'u') return high;
    size_t at = p->at;
    p->at += 2;
    if (hex(p, 4, &low) && low >= 0xdc00 && low <= 0xdfff)
        return 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
    p->at = at;
    return high;
}

/* \N{LATIN SMALL LETTER A}: of Unicode's names only those of ASCII letters and digits. */
static uint32_t named_char(struct java_parser *p)
{
    static const char *const digits[] = {"ZERO", "ONE", "TWO",   "THREE", "FOUR",
                                         "FIVE", "SIX", "SEVEN", "EIGHT", "NINE"};
    char name[64];
    size_t n = 0;
    if (raw(p, 0) != '{') {
        p->out->invalid = "Illegal character name escape sequence";
        return 0;
    }
    for (p->at++; p->at < p->len && p->text[p->at] != '}' && n < sizeof name - 1; p->at++)
        name[n++] = (char)(p->text[p->at] & 0x7f);
    name[n] = 0;
    p->at++;
    for (uint32_t i = 0; i < HR_COUNT(digits); i++)
        if (!strncasecmp(name, "DIGIT ", 6) && !strcasecmp(name + 6, digits[i])) return '0' + i;
    if (n == 20 && !strncasecmp(name, "LATIN SMALL LETTER ", 19) && is_letter((uint32_t)name[19]))
        return (uint32_t)name[19] | 32;
    if (n == 22 && !strncasecmp(name, "LATIN CAPITAL LETTER ", 21) &&
        is_letter((uint32_t)name[21]))
        return (uint32_t)name[21] & ~32u;
    p->out->unsupported = "\\N{name} of other characters than ASCII letters and digits";
    return 0;
}

static void family(struct java_parser *p, bool complement, struct java_set *set)
{
    char name[80];
    size_t n = 0;
    if (raw(p, 0) != '{') {
        name[n++] = (char)(raw(p, 0) < 128 ? raw(p, 0) : 0);
        p->at++;
    } else {
        for (p->at++; p->at < p->len && p->text[p->at] != '}' && n < sizeof name - 1; p->at++)
            name[n++] = (char)(p->text[p->at] < 128 ? p->text[p->at] : 0);
        if (p->at >= p->len || p->text[p->at] != '}') p->out->invalid = "Unclosed character family";
        p->at++;
    }
    set->negative = complement;
    if (!n || !hr_java_property(hr_svn(name, n), p->flags & F_CLASS, p->flags & F_I, &set->text))
        p->out->invalid = "Unknown character property name";
}

/* \d \s \w \h \v and their complements. */
static void predefined(struct java_parser *p, uint32_t c, struct java_set *set)
{
    set->negative = c < 'a';
    bool unicode = p->flags & F_CLASS;
    switch (c | 32) {
    case 'd': hr_buf_puts(&set->text, unicode ? "\\p{Nd}" : "0-9"); break;
    case 's': hr_buf_puts(&set->text, unicode ? "\\p{White_Space}" : "\\x{9}-\\x{d}\\x{20}"); break;
    case 'w':
        hr_buf_puts(&set->text, unicode ? "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}"
                                        : "a-zA-Z0-9_");
        break;
    default: hr_buf_printf(&set->text, "\\%c", (int)(c | 32)); break;
    }
}

static uint32_t control_char(uint32_t c)
{
    static const char from[] = "tnrfae", to[] = "\t\n\r\f\a\033";
    const char *at = c < 128 ? strchr(from, (int)c) : NULL;
    return at ? (uint32_t)to[at - from] : C_END;
}

bool hr_java_escape(struct java_parser *p, bool in_class, uint32_t *ret, struct java_set *set)
{
    uint32_t c = raw(p, 0);
    if (c == C_END) {
        p->out->invalid = "Unexpected internal error";
        return false;
    }
    p->at++;
    if (!is_letter(c) && !is_digit(c)) {
        *ret = c & ~C_QUOTED;
        return true;
    }
    *ret = control_char(c);
    if (*ret != C_END) return true;
    switch (c) {
    case '0':
        if (raw(p, 0) < '0' || raw(p, 0) > '7') p->out->invalid = "Illegal octal escape sequence";
        *ret = octal(p);
        return true;
    case 'x': return *ret = hex_escape(p), true;
    case 'u': return *ret = unicode_escape(p), true;
    case 'N': return *ret = named_char(p), true;
    case 'c':
        if (raw(p, 0) == C_END) p->out->invalid = "Illegal control escape sequence";
        *ret = raw(p, 0) ^ 64;
        p->at++;
        return true;
    case 'p':
    case 'P': return family(p, c == 'P', set), false;
    case 'v':
        /* the start of a range would be a vertical tab */
        if (in_class && raw(p, 0) == '-') return *ret = 0xb, true;
        return predefined(p, c, set), false;
    case 'd': case 's': case 'w': case 'h':
    case 'D': case 'S': case 'W': case 'H': case 'V':
        return predefined(p, c, set), false;
    default: p->out->invalid = "Illegal/unsupported escape sequence"; return false;
    }
}

/* --- Classes -----------------------------------------------------------------------------------*/

/* One character, a range, or an escape that stands for a set. */
static void class_item(struct java_parser *p, struct java_set *set)
{
    uint32_t c = hr_java_peek(p), last;
    struct java_set escaped = {0};
    if (c == C_END) {
        p->out->invalid = "Unclosed character class";
        return;
    }
    p->at++;
    if (c == '\\' && !hr_java_escape(p, true, &c, &escaped)) {
        add_set(p, set, &escaped);
        return;
    }
    c = last = c & ~C_QUOTED;
    if (hr_java_peek(p) == '-' && raw(p, 1) != '[' && raw(p, 1) != ']') {
        p->at++;
        last = hr_java_peek(p);
        p->at++;
        if (last == C_END) {
            p->out->invalid = "Unclosed character class";
        } else if (last == '\\' && !hr_java_escape(p, false, &last, &escaped)) {
            hr_buf_done(&escaped.text);
            p->out->invalid = "Illegal character range";
        }
        last &= ~C_QUOTED;
        if (last < c) p->out->invalid = "Illegal character range";
    }
    add_range(p, set, c, last);
}

/* Behind &&: nested classes, or all that follows up to the ]. */
static void intersect(struct java_parser *p, struct java_set *set, bool any)
{
    struct java_set right = {0};
    bool found = false;
    for (uint32_t c; c = hr_java_peek(p), c != ']' && c != '&' && hr_java_ok(p);) {
        struct java_set part = {0};
        if (c == '[') p->at++;
        hr_java_class(p, c == '[', &part);
        if (c == '[' && found) {
            add_set(p, &right, &part);
        } else {
            hr_buf_done(&right.text);
            right = part;
        }
        found = true;
    }
    if (!found && !any) p->out->invalid = "Bad class syntax";
    if (found && any) combine(p, set, &right, "(?:(?=", ")", ")");
    if (found && !any) swap_sets(set, &right);
    hr_buf_done(&right.text);
}

void hr_java_class(struct java_parser *p, bool consume, struct java_set *set)
{
    bool negative = false, any = false;
    if (++p->depth > DEPTH_MAX) p->out->unsupported = "more than 200 levels of nesting";
    if (consume && hr_java_peek(p) == '^') {
        negative = true;
        p->at++;
    }
    while (hr_java_ok(p)) {
        uint32_t c = hr_java_peek(p);
        if (c == ']' && any) {
            if (consume) p->at++;
            break;
        }
        if (c == '[') {
            struct java_set nested = {0};
            p->at++;
            hr_java_class(p, true, &nested);
            add_set(p, set, &nested);
        } else if (c == '&' && raw(p, 1) == '&') {
            p->at += 2;
            intersect(p, set, any);
        } else {
            class_item(p, set);
        }
        any = true;
    }
    p->depth--;
    if (!negative) return;
    set->negative = !set->negative;
}
