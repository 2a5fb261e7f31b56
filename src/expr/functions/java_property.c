/* SPDX-License-Identifier: Apache-2.0 */
/* \p{…} of Java's regular expressions: what the names stand for. */
#include "expr/functions/java_regex.h"

struct property {
    const char *name, *items;
};

/* Of ASCII only, or java.lang.Character's; names as they are written. */
static const struct property plain[] = {
    {"Lower", "a-z"},
    {"Upper", "A-Z"},
    {"ASCII", "\\x{0}-\\x{7f}"},
    {"Alpha", "a-zA-Z"},
    {"Digit", "0-9"},
    {"Alnum", "a-zA-Z0-9"},
    {"Punct", "\\x{21}-\\x{2f}\\x{3a}-\\x{40}\\x{5b}-\\x{60}\\x{7b}-\\x{7e}"},
    {"Graph", "\\x{21}-\\x{7e}"},
    {"Print", "\\x{20}-\\x{7e}"},
    {"Blank", "\\x{20}\\x{9}"},
    {"Cntrl", "\\x{0}-\\x{1f}\\x{7f}"},
    {"XDigit", "0-9a-fA-F"},
    {"Space", "\\x{9}-\\x{d}\\x{20}"},
    {"LC", "\\p{Lu}\\p{Ll}\\p{Lt}"},
    {"LD", "\\p{L}\\p{Nd}"},
    {"L1", "\\x{0}-\\x{ff}"},
    {"all", "\\x{0}-\\x{10ffff}"},
    {"ALL", "\\x{0}-\\x{10ffff}"},
    {"javaLowerCase", "\\p{Lowercase}"},
    {"javaUpperCase", "\\p{Uppercase}"},
    {"javaAlphabetic", "\\p{Alphabetic}"},
    {"javaIdeographic", "\\p{Ideographic}"},
    {"javaTitleCase", "\\p{Lt}"},
    {"javaDigit", "\\p{Nd}"},
    {"javaDefined", "\\P{Cn}"},
    {"javaLetter", "\\p{L}"},
    {"javaLetterOrDigit", "\\p{L}\\p{Nd}"},
    {"javaJavaIdentifierStart", "\\p{L}\\p{Nl}\\p{Sc}\\p{Pc}"},
    {"javaJavaIdentifierPart",
     "\\p{L}\\p{Nl}\\p{Sc}\\p{Pc}\\p{Nd}\\p{Mc}\\p{Mn}\\p{Cf}\\x{0}-\\x{8}\\x{e}-\\x{1b}"
     "\\x{7f}-\\x{9f}"},
    {"javaUnicodeIdentifierStart", "\\p{IDS}"},
    {"javaUnicodeIdentifierPart", "\\p{IDC}\\p{Cf}\\x{0}-\\x{8}\\x{e}-\\x{1b}\\x{7f}-\\x{9f}"},
    {"javaIdentifierIgnorable", "\\p{Cf}\\x{0}-\\x{8}\\x{e}-\\x{1b}\\x{7f}-\\x{9f}"},
    {"javaSpaceChar", "\\p{Z}"},
    {"javaWhitespace",
     "\\x{9}-\\x{d}\\x{1c}-\\x{20}\\x{1680}\\x{2000}-\\x{2006}\\x{2008}-\\x{200a}\\x{2028}\\x{2029}"
     "\\x{205f}\\x{3000}"},
    {"javaISOControl", "\\x{0}-\\x{1f}\\x{7f}-\\x{9f}"},
    {"javaMirrored", "\\p{Bidi_Mirrored}"},
};

/* \p{IsName}: Unicode's binary properties, in any case. */
static const struct property binary[] = {
    {"alphabetic", "\\p{Alphabetic}"},
    {"assigned", "\\P{Cn}"},
    {"control", "\\p{Cc}"},
    {"hexdigit", "\\p{Nd}0-9A-Fa-f\\x{ff10}-\\x{ff19}\\x{ff21}-\\x{ff26}\\x{ff41}-\\x{ff46}"},
    {"hex_digit", "\\p{Nd}0-9A-Fa-f\\x{ff10}-\\x{ff19}\\x{ff21}-\\x{ff26}\\x{ff41}-\\x{ff46}"},
    {"ideographic", "\\p{Ideographic}"},
    {"joincontrol", "\\x{200c}\\x{200d}"},
    {"join_control", "\\x{200c}\\x{200d}"},
    {"letter", "\\p{L}"},
    {"lowercase", "\\p{Lowercase}"},
    {"noncharactercodepoint", "\\p{Noncharacter_Code_Point}"},
    {"noncharacter_code_point", "\\p{Noncharacter_Code_Point}"},
    {"titlecase", "\\p{Lt}"},
    {"punctuation", "\\p{P}"},
    {"uppercase", "\\p{Uppercase}"},
    {"whitespace", "\\p{White_Space}"},
    {"white_space", "\\p{White_Space}"},
    {"word", "\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\x{200c}\\x{200d}"},
};

/* \p{Name} under (?U). */
static const struct property posix[] = {
    {"alpha", "\\p{Alphabetic}"},
    {"lower", "\\p{Lowercase}"},
    {"upper", "\\p{Uppercase}"},
    {"space", "\\p{White_Space}"},
    {"punct", "\\p{P}"},
    {"xdigit", "\\p{Nd}0-9A-Fa-f\\x{ff10}-\\x{ff19}\\x{ff21}-\\x{ff26}\\x{ff41}-\\x{ff46}"},
    {"alnum", "\\p{Alphabetic}\\p{Nd}"},
    {"cntrl", "\\p{Cc}"},
    {"digit", "\\p{Nd}"},
    {"blank", "\\p{Zs}\\x{9}"},
    {"graph", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}"},
    {"print", "\\p{L}\\p{M}\\p{N}\\p{P}\\p{S}\\p{Cf}\\p{Co}\\p{Zs}"},
};

static const char *const categories[] = {
    "Cn", "Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Me", "Mc", "Nd", "Nl", "No", "Zs",
    "Zl", "Zp", "Cc", "Cf", "Co", "Cs", "Pd", "Ps", "Pe", "Pc", "Po", "Sm", "Sc",
    "Sk", "So", "Pi", "Pf", "L",  "M",  "N",  "Z",  "C",  "P",  "S",
};

struct block {
    const char *name;
    uint32_t first, last;
};
static const struct block blocks[] = {
#define X(name, first, last) {name, first, last},
#include "expr/functions/unicode_blocks.def"
#undef X
};

static bool put_named(const struct property *table, size_t count, struct hr_str_view name,
                      bool any_case, struct hr_buf *out)
{
    for (size_t i = 0; i < count; i++) {
        struct hr_str_view known = hr_sv(table[i].name);
        if (!(any_case ? hr_sv_eq_nocase(known, name) : hr_sv_eq(known, name))) continue;
        hr_buf_puts(out, table[i].items);
        return true;
    }
    return false;
}
#define PUT_NAMED(table, name, any_case, out) \
    put_named(table, HR_COUNT(table), name, any_case, out)

/* Where case does not matter, one letter case stands for all three. */
static bool put_cased(struct hr_str_view name, struct hr_buf *out)
{
    static const char *const ascii[] = {"Lower", "Upper"};
    static const char *const categories_of_case[] = {"Lu", "Ll", "Lt"};
    static const char *const others[] = {"javaLowerCase", "javaUpperCase", "javaTitleCase"};
    for (size_t i = 0; i < HR_COUNT(ascii); i++)
        if (hr_sv_eq(name, hr_sv(ascii[i]))) return hr_buf_puts(out, "a-zA-Z"), true;
    for (size_t i = 0; i < HR_COUNT(others); i++) {
        if (hr_sv_eq(name, hr_sv(categories_of_case[i])))
            return hr_buf_puts(out, "\\p{Lu}\\p{Ll}\\p{Lt}"), true;
        if (hr_sv_eq(name, hr_sv(others[i])))
            return hr_buf_puts(out, "\\p{Lowercase}\\p{Uppercase}\\p{Lt}"), true;
    }
    return false;
}

static bool put_category(struct hr_str_view name, bool ignore_case, struct hr_buf *out)
{
    if (ignore_case && put_cased(name, out)) return true;
    for (size_t i = 0; i < HR_COUNT(categories); i++) {
        if (!hr_sv_eq(name, hr_sv(categories[i]))) continue;
        hr_buf_printf(out, "\\p{%s}", categories[i]);
        return true;
    }
    return PUT_NAMED(plain, name, false, out);
}

static bool same_but_for_joints(const char *known, struct hr_str_view name)
{
    size_t k = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i], want = known[k];
        if (want == ' ' && c != ' ' && c != '_') want = known[++k]; /* "GreekandCoptic" */
        if (want == '-' && c == '_') c = '-';                       /* "LATIN_1_SUPPLEMENT" */
        if (want == ' ' && c == '_') c = ' ';
        if (!want || (c | 32) != (want | 32)) return false;
        k++;
    }
    return !known[k];
}

static bool put_block(struct hr_str_view name, struct hr_buf *out)
{
    static const struct property also[] = { /* names of before Unicode 4 */
        {"greek", "Greek and Coptic"},
        {"cyrillic_supplementary", "Cyrillic Supplement"},
        {"cyrillicsupplementary", "Cyrillic Supplement"},
        {"combining_marks_for_symbols", "Combining Diacritical Marks for Symbols"},
        {"combiningmarksforsymbols", "Combining Diacritical Marks for Symbols"},
    };
    for (size_t i = 0; i < HR_COUNT(also); i++)
        if (hr_sv_eq_nocase(name, hr_sv(also[i].name))) name = hr_sv(also[i].items);
    for (size_t i = 0; i < HR_COUNT(blocks); i++) {
        if (!same_but_for_joints(blocks[i].name, name)) continue;
        hr_buf_printf(out, "\\x{%x}-\\x{%x}", blocks[i].first, blocks[i].last);
        return true;
    }
    return false;
}

/* PCRE2 says whether there is such a script. */
static bool put_script(struct hr_str_view name, struct hr_buf *out)
{
    for (size_t i = 0; i < name.len; i++)
        if (((name.ptr[i] | 32) < 'a' || (name.ptr[i] | 32) > 'z') && name.ptr[i] != '_')
            return false;
    hr_buf_printf(out, "\\p{sc:%.*s}", (int)name.len, name.ptr);
    return name.len > 1;
}

static struct hr_str_view from(struct hr_str_view s, size_t at)
{
    return hr_svn(s.ptr + at, s.len - at);
}

bool hr_java_property(struct hr_str_view name, bool unicode, bool ignore_case, struct hr_buf *out)
{
    const char *equals = name.len ? memchr(name.ptr, '=', name.len) : NULL;
    if (equals) {
        struct hr_str_view key = hr_svn(name.ptr, (size_t)(equals - name.ptr));
        struct hr_str_view value = from(name, key.len + 1);
        if (hr_sv_eq_nocase(key, hr_sv("sc")) || hr_sv_eq_nocase(key, hr_sv("script")))
            return put_script(value, out);
        if (hr_sv_eq_nocase(key, hr_sv("blk")) || hr_sv_eq_nocase(key, hr_sv("block")))
            return put_block(value, out);
        if (hr_sv_eq_nocase(key, hr_sv("gc")) || hr_sv_eq_nocase(key, hr_sv("general_category")))
            return put_category(value, ignore_case, out);
        return false;
    }
    if (name.len > 2 && !memcmp(name.ptr, "In", 2)) return put_block(from(name, 2), out);
    if (name.len > 2 && !memcmp(name.ptr, "Is", 2)) {
        struct hr_str_view rest = from(name, 2);
        bool cased = ignore_case && (hr_sv_eq_nocase(rest, hr_sv("lowercase")) ||
                                     hr_sv_eq_nocase(rest, hr_sv("uppercase")) ||
                                     hr_sv_eq_nocase(rest, hr_sv("titlecase")));
        if (cased) return put_cased(hr_sv("javaTitleCase"), out);
        return PUT_NAMED(binary, rest, true, out) || put_category(rest, ignore_case, out) ||
               put_script(rest, out);
    }
    if (unicode && PUT_NAMED(posix, name, true, out)) return true;
    return put_category(name, ignore_case, out);
}
