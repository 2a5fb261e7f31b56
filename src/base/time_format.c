/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Java's DateTimeFormatter patterns as Spark uses them. A pattern is compiled to a flat list of
 * items; printing walks it, parsing walks it over the text. An optional section is an item that
 * knows its end: when something inside does not match, parsing goes on behind it as if it had not
 * begun. Numbers that stand side by side ("yyyyMMdd") give up digits to those behind them.
 *
 * English texts only. Differences from Java: the full zone name (zzzz) prints the abbreviation; a
 * fraction next to digits ("ssSSS") may be part of such a run, which Java refuses.
 */
#include <stdio.h>

#include "base/arena.h"
#include "base/decimal.h"
#include "base/tz.h"

enum item_kind { ITEM_FIELD, ITEM_LITERAL, ITEM_OPEN, ITEM_CLOSE };

struct item {
    enum item_kind kind;
    char letter;      /* FIELD */
    uint8_t count;    /* letters in the pattern */
    uint8_t reserved; /* digits that the numbers directly behind need */
    uint32_t end;     /* OPEN: index of its CLOSE */
    struct hr_str_view text;
};

struct hr_time_format {
    HR_VEC(struct item) items;
    bool has_era;
    char prints_only; /* a letter that cannot be parsed, or 0 */
    struct hr_str_view pattern;
};

static const char *const months[] = {"January",   "February", "March",    "April",
                                     "May",       "June",     "July",     "August",
                                     "September", "October",  "November", "December"};
static const char *const days[] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                   "Friday", "Saturday", "Sunday"};

/* Compiling ----------------------------------------------------------------------------------- */

/* Largest count of each letter; a letter that is not here is an error. */
static int max_count(char letter)
{
    switch (letter) {
    case 'G':
    case 'E':
    case 'z':
    case 'M':
    case 'L':
    case 'Q':
    case 'q': return 4;
    case 'y': return 6;
    case 'F': return 1;
    case 'd':
    case 'h':
    case 'H':
    case 'K':
    case 'k':
    case 'm':
    case 's': return 2;
    case 'D': return 3;
    case 'a': return 1;
    case 'S': return 9;
    case 'V': return 2;
    case 'O': return 4;
    case 'X':
    case 'x':
    case 'Z': return 5;
    default: return 0;
    }
}

/* Digits of a field of fixed width, 0 where the width varies or the field is text. */
static uint8_t fixed_width(const struct item *it)
{
    if (it->kind != ITEM_FIELD) return 0;
    if (strchr("ML", it->letter)) return it->count == 2 ? 2 : 0;
    if (strchr("dhHKkms", it->letter)) return it->count == 2 ? 2 : 0;
    if (strchr("yu", it->letter)) return it->count == 2 ? 2 : 0;
    return it->letter == 'S' ? it->count : 0;
}

static void set_reserved(struct hr_time_format *format)
{
    for (uint32_t i = 0; i < format->items.count; i++) {
        uint32_t sum = 0;
        for (uint32_t j = i + 1; j < format->items.count; j++) {
            uint8_t width = fixed_width(&format->items.items[j]);
            if (!width) break;
            sum += width;
        }
        format->items.items[i].reserved = (uint8_t)HR_MIN(sum, 255);
    }
}

/* Java's SimpleDateFormat, which Spark used before 3.0, would take the pattern. */
static bool was_legal(struct hr_str_view pattern)
{
    bool quoted = false;
    int zones = 0;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (c == '\'') quoted = !quoted;
        bool letter = !quoted && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'));
        zones = letter && c == 'X' ? zones + 1 : 0;
        if (zones > 3 || (letter && !strchr("GyMdkHmsSEDFwWahKzZYuXL", c))) return false;
    }
    return !quoted;
}

#define DOCROOT "https://spark.apache.org/docs/latest"

/* c is the letter that is none, 0 where the letters are good. */
static hr_status illegal(struct hr_str_view pattern, char c, struct hr_err *err)
{
    char text[200], quoted[210], letter[2] = {c};
    snprintf(text, sizeof text, "%.*s", (int)HR_MIN(pattern.len, 190), pattern.ptr);
    snprintf(quoted, sizeof quoted, "'%s'", text);
    if (was_legal(pattern))
        return HR_RAISE(err, HR_E_INCONSISTENT_DATETIME_PATTERN, "pattern", quoted, "config",
                        "\"spark.sql.legacy.timeParserPolicy\"", "docroot", DOCROOT);
    if (c == 'e' || c == 'c')
        return HR_RAISE(err, HR_E_INCONSISTENT_WEEK_BASED_PATTERN, "c", letter);
    if (c && strchr("ABNnpFqQ", c))
        return HR_RAISE(err, HR_E_INVALID_DATETIME_PATTERN_CHARACTER, "pattern", text, "c", letter);
    return HR_RAISE(err, HR_E_INVALID_DATETIME_PATTERN, "pattern", quoted, "docroot", DOCROOT);
}

struct compiler {
    struct hr_arena *arena;
    struct hr_str_view pattern;
    struct hr_time_format *format;
    uint32_t open[16];
    int depth;
};

static hr_status push(struct compiler *c, struct item item, struct hr_err *err)
{
    return HR_VEC_PUSH(c->arena, &c->format->items, item) ? HR_OK : HR_OOM(err);
}

static hr_status compile_letters(struct compiler *c, size_t *at, struct hr_err *err)
{
    const char *p = c->pattern.ptr;
    char letter = p[*at];
    size_t from = *at;
    while (*at < c->pattern.len && p[*at] == letter) (*at)++;
    size_t count = *at - from;
    int max = max_count(letter);
    if (max == 0) return illegal(c->pattern, letter, err);
    bool wrong = count > (size_t)max || (letter == 'V' && count != 2) ||
                 (letter == 'O' && count != 1 && count != 4);
    if (wrong) return illegal(c->pattern, 0, err);
    if (strchr("EFqQ", letter)) c->format->prints_only = letter;
    c->format->has_era = c->format->has_era || letter == 'G';
    return push(c, (struct item){.kind = ITEM_FIELD, .letter = letter, .count = (uint8_t)count},
                err);
}

/* 'text', with '' for a quote; an empty pair is a quote. */
static hr_status compile_quoted(struct compiler *c, size_t *at, struct hr_err *err)
{
    const char *p = c->pattern.ptr;
    size_t i = *at + 1, len = 0;
    char *text = hr_arena_alloc(c->arena, c->pattern.len);
    if (!text) return HR_OOM(err);
    for (;; i++) {
        if (i >= c->pattern.len) return illegal(c->pattern, 0, err);
        if (p[i] == '\'') {
            if (i + 1 >= c->pattern.len || p[i + 1] != '\'') break;
            i++;
        }
        text[len++] = p[i];
    }
    if (len == 0) text[len++] = '\'';
    *at = i + 1;
    return push(c, (struct item){.kind = ITEM_LITERAL, .text = hr_svn(text, len)}, err);
}

static hr_status compile_bracket(struct compiler *c, char bracket, struct hr_err *err)
{
    uint32_t index = c->format->items.count;
    if (bracket == '[') {
        if (c->depth == (int)HR_COUNT(c->open)) return illegal(c->pattern, 0, err);
        c->open[c->depth++] = index;
        return push(c, (struct item){.kind = ITEM_OPEN}, err);
    }
    if (c->depth == 0) return illegal(c->pattern, 0, err);
    c->format->items.items[c->open[--c->depth]].end = index;
    return push(c, (struct item){.kind = ITEM_CLOSE}, err);
}

static hr_status compile_one(struct compiler *c, size_t *at, struct hr_err *err)
{
    char ch = c->pattern.ptr[*at];
    if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z')) return compile_letters(c, at, err);
    if (ch == '\'') return compile_quoted(c, at, err);
    if (ch == '{' || ch == '}' || ch == '#')
        return illegal(c->pattern, 0, err);
    if (ch == '[' || ch == ']') {
        (*at)++;
        return compile_bracket(c, ch, err);
    }
    const char *text = hr_arena_strndup(c->arena, &ch, 1);
    if (!text) return HR_OOM(err);
    (*at)++;
    return push(c, (struct item){.kind = ITEM_LITERAL, .text = hr_svn(text, 1)}, err);
}

hr_status hr_time_format_compile(struct hr_arena *arena, struct hr_str_view pattern,
                                 struct hr_time_format **ret, struct hr_err *err)
{
    struct compiler c = {.arena = arena, .pattern = pattern};
    c.format = HR_NEW(arena, struct hr_time_format);
    if (!c.format) return HR_OOM(err);
    for (size_t at = 0; at < pattern.len;) HR_TRY(compile_one(&c, &at, err));
    while (c.depth > 0) HR_TRY(compile_bracket(&c, ']', err)); /* Java closes them, too */
    set_reserved(c.format);
    char *text = hr_arena_strndup(arena, pattern.ptr, pattern.len);
    if (!text) return HR_OOM(err);
    c.format->pattern = hr_svn(text, pattern.len);
    *ret = c.format;
    return HR_OK;
}

hr_status hr_time_format_check_parse(const struct hr_time_format *format, struct hr_err *err)
{
    return format->prints_only ? illegal(format->pattern, format->prints_only, err) : HR_OK;
}

/* Printing ------------------------------------------------------------------------------------ */

struct moment {
    struct hr_civil civil;
    int64_t days, utc_us;
    int32_t offset;
    bool has_era; /* y counts years of the era then, as Java's; alone it is the year, as Spark's */
    const struct hr_tz *tz;
};

static void put_padded(struct hr_buf *out, int64_t value, size_t width)
{
    char digits[24];
    bool negative = value < 0;
    size_t n = hr_format_i64(negative ? -value : value, digits);
    if (negative) hr_buf_putc(out, '-');
    for (; n < width; width--) hr_buf_putc(out, '0');
    hr_buf_append(out, digits, n);
}

static void print_year(const struct item *it, int64_t year, struct hr_buf *out)
{
    if (it->count == 2) {
        put_padded(out, (year % 100 + 100) % 100, 2);
        return;
    }
    if (it->count >= 4) {
        int64_t limit = it->count == 4 ? 9999 : it->count == 5 ? 99999 : 999999;
        if (year > limit) hr_buf_putc(out, '+');
    }
    put_padded(out, year, it->count);
}

/* ±HH[:]MM[[:]ss] by Java's letters; zulu: "Z" for zero. */
static void print_offset(int32_t offset, int count, bool zulu, struct hr_buf *out)
{
    if (offset == 0 && zulu) {
        hr_buf_putc(out, 'Z');
        return;
    }
    int32_t v = offset < 0 ? -offset : offset, h = v / 3600, m = v / 60 % 60, s = v % 60;
    const char *colon = count == 3 || count == 5 ? ":" : "";
    hr_buf_putc(out, offset < 0 ? '-' : '+');
    put_padded(out, h, 2);
    if (count > 1 || m) hr_buf_printf(out, "%s%02d", colon, m);
    if (count > 3 && s) hr_buf_printf(out, "%s%02d", colon, s);
}

static void print_localized_offset(int32_t offset, bool full, struct hr_buf *out)
{
    int32_t v = offset < 0 ? -offset : offset;
    hr_buf_puts(out, "GMT");
    if (v == 0) return;
    hr_buf_putc(out, offset < 0 ? '-' : '+');
    put_padded(out, v / 3600, full ? 2 : 1);
    if (full || v % 3600) hr_buf_printf(out, ":%02d", v / 60 % 60);
    if (v % 60) hr_buf_printf(out, ":%02d", v % 60);
}

static void print_zone(const struct item *it, const struct moment *m, struct hr_buf *out)
{
    switch (it->letter) {
    case 'V': hr_buf_puts(out, hr_tz_name(m->tz)); break;
    case 'z': hr_buf_puts(out, hr_tz_abbreviation(m->tz, m->utc_us)); break;
    case 'O': print_localized_offset(m->offset, it->count == 4, out); break;
    case 'X': print_offset(m->offset, it->count, true, out); break;
    case 'x': print_offset(m->offset, it->count, false, out); break;
    default: /* Z */
        if (it->count == 4)
            print_localized_offset(m->offset, true, out);
        else
            print_offset(m->offset, it->count == 5 ? 5 : 2, it->count == 5, out);
    }
}

static void print_text(const char *text, bool full, struct hr_buf *out)
{
    if (full)
        hr_buf_puts(out, text);
    else
        hr_buf_append(out, text, 3);
}

static void print_quarter(const struct item *it, int32_t month, struct hr_buf *out)
{
    static const char *const full[] = {"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};
    int32_t q = (month - 1) / 3;
    if (it->count <= 2)
        put_padded(out, q + 1, it->count);
    else if (it->count == 3)
        hr_buf_printf(out, "Q%d", q + 1);
    else
        hr_buf_puts(out, full[q]);
}

static void print_field(const struct item *it, const struct moment *m, struct hr_buf *out)
{
    const struct hr_civil *c = &m->civil;
    switch (it->letter) {
    case 'G':
        hr_buf_puts(out, it->count == 4 ? (c->year > 0 ? "Anno Domini" : "Before Christ")
                                        : (c->year > 0 ? "AD" : "BC"));
        break;
    case 'y':
    case 'u': {
        bool of_era = it->letter == 'y' && m->has_era && c->year <= 0;
        print_year(it, of_era ? 1 - (int64_t)c->year : c->year, out);
        break;
    }
    case 'Q':
    case 'q': print_quarter(it, c->month, out); break;
    case 'M':
    case 'L':
        if (it->count <= 2)
            put_padded(out, c->month, it->count);
        else
            print_text(months[c->month - 1], it->count == 4, out);
        break;
    case 'd': put_padded(out, c->day, it->count); break;
    case 'F': put_padded(out, (c->day - 1) % 7 + 1, it->count); break;
    case 'D': put_padded(out, m->days - hr_days_from_civil(c->year, 1, 1) + 1, it->count); break;
    case 'E': print_text(days[((m->days + 3) % 7 + 7) % 7], it->count == 4, out); break;
    case 'a': hr_buf_puts(out, c->hour < 12 ? "AM" : "PM"); break;
    case 'h': put_padded(out, (c->hour + 11) % 12 + 1, it->count); break;
    case 'H': put_padded(out, c->hour, it->count); break;
    case 'K': put_padded(out, c->hour % 12, it->count); break;
    case 'k': put_padded(out, c->hour ? c->hour : 24, it->count); break;
    case 'm': put_padded(out, c->minute, it->count); break;
    case 's': put_padded(out, c->second, it->count); break;
    case 'S': {
        char digits[16];
        snprintf(digits, sizeof digits, "%06d000", c->us);
        hr_buf_append(out, digits, it->count);
        break;
    }
    case 'n': put_padded(out, (int64_t)c->us * 1000, it->count); break;
    default: print_zone(it, m, out);
    }
}

void hr_time_format_print(const struct hr_time_format *format, int64_t local_us,
                          const struct hr_tz *tz, struct hr_buf *out)
{
    struct moment m = {.civil = hr_civil_from_us(local_us),
                       .tz = tz ? tz : hr_tz_utc(),
                       .has_era = format->has_era};
    m.days = local_us / HR_US_PER_DAY - (local_us % HR_US_PER_DAY < 0);
    m.utc_us = hr_tz_to_utc(m.tz, local_us);
    m.offset = (int32_t)((local_us - m.utc_us) / HR_US_PER_SECOND);
    for (uint32_t i = 0; i < format->items.count; i++) {
        const struct item *it = &format->items.items[i];
        if (it->kind == ITEM_FIELD)
            print_field(it, &m, out);
        else if (it->kind == ITEM_LITERAL)
            hr_buf_put_sv(out, it->text);
    }
}

/* Parsing ------------------------------------------------------------------------------------- */

enum {
    HAS_YEAR = 1,
    HAS_MONTH = 2,
    HAS_DAY = 4,
    HAS_DAY_OF_YEAR = 8,
    HAS_HOUR = 16,
    HAS_HOUR12 = 32,
    HAS_PM = 64,
    HAS_WEEKDAY = 128,
    HAS_ERA = 256,
    HAS_QUARTER = 512
};

struct parsed {
    uint32_t has;
    int64_t year;
    int32_t month, day, day_of_year, hour, hour12, minute, second, nano, weekday, quarter;
    bool pm, bc, has_offset;
    int32_t offset;
    const struct hr_tz *tz; /* a region in the text */
};

struct cursor {
    const char *p, *end;
};

/* Between min and max digits, leaving `reserved` for the numbers behind. */
static bool take_number(struct cursor *c, int min, int max, int reserved, int64_t *ret)
{
    int available = 0;
    while (c->p + available < c->end && c->p[available] >= '0' && c->p[available] <= '9' &&
           available < max + reserved)
        available++;
    int n = HR_MIN(available, max);
    if (reserved && available - reserved < n) n = HR_MAX(available - reserved, min);
    if (n < min || n > available || n == 0) return false;
    int64_t v = 0;
    for (int i = 0; i < n; i++) v = v * 10 + (c->p[i] - '0');
    c->p += n;
    *ret = v;
    return true;
}

static bool take_year(const struct item *it, struct cursor *c, int64_t *ret)
{
    bool negative = c->p < c->end && *c->p == '-', plus = c->p < c->end && *c->p == '+';
    if (it->count == 2) {
        if (!take_number(c, 2, 2, it->reserved, ret)) return false;
        *ret += 2000;
        return true;
    }
    if (negative || (plus && it->count >= 4)) c->p++;
    const char *start = c->p;
    if (!take_number(c, it->count == 1 ? 1 : it->count, 9, it->reserved, ret)) return false;
    int n = (int)(c->p - start);
    /* From four letters on, more digits need a plus sign, and only they may have one. */
    if (it->count >= 4 && !negative && (n > it->count) != plus) return false;
    if (negative) *ret = -*ret;
    return true;
}

static bool take_text(struct cursor *c, const char *text, size_t len)
{
    if ((size_t)(c->end - c->p) < len || !hr_sv_eq_nocase(hr_svn(c->p, len), hr_svn(text, len)))
        return false;
    c->p += len;
    return true;
}

/* One of names, in full or by its first three letters; its index or -1. */
static int take_name(struct cursor *c, const char *const *names, int count, bool full)
{
    for (int i = 0; i < count; i++)
        if (take_text(c, names[i], full ? strlen(names[i]) : 3)) return i;
    return -1;
}

static bool take_offset(struct cursor *c, struct parsed *out)
{
    size_t n = 0;
    while (
        c->p + n < c->end && n < 9 &&
        ((c->p[n] >= '0' && c->p[n] <= '9') || c->p[n] == ':' || (n == 0 && strchr("+-", c->p[0]))))
        n++;
    for (; n >= 2; n--) {
        if (!hr_tz_parse_offset(hr_svn(c->p, n), &out->offset)) continue;
        c->p += n;
        out->has_offset = true;
        return true;
    }
    return false;
}

static bool take_region(struct cursor *c, struct parsed *out)
{
    static const char *const zones[][2] = {
        {"EDT", "America/New_York"},  {"EST", "America/New_York"},  {"CDT", "America/Chicago"},
        {"MDT", "America/Denver"},    {"MST", "America/Denver"},    {"PDT", "America/Los_Angeles"},
        {"CET", "Europe/Paris"},      {"CEST", "Europe/Paris"},     {"BST", "Europe/London"},
        {"EET", "Europe/Bucharest"},  {"EEST", "Europe/Bucharest"}, {"MSK", "Europe/Moscow"},
        {"AEST", "Australia/Sydney"}, {"AEDT", "Australia/Sydney"}, {"IST", "Asia/Kolkata"},
    };
    size_t n = 0;
    while (c->p + n < c->end && n < 64 &&
           (((c->p[n] | 32) >= 'a' && (c->p[n] | 32) <= 'z') ||
            (c->p[n] >= '0' && c->p[n] <= '9') || strchr("/_+-:", c->p[n])))
        n++;
    for (; n > 0; n--) {
        struct hr_str_view name = hr_svn(c->p, n);
        const struct hr_tz *tz = NULL;
        for (size_t i = 0; i < HR_COUNT(zones) && !tz; i++)
            if (hr_sv_eq(name, hr_sv(zones[i][0]))) tz = hr_tz_find(hr_sv(zones[i][1]));
        if (!tz) tz = hr_tz_find(name);
        if (!tz) continue;
        out->tz = tz;
        c->p += n;
        return true;
    }
    return false;
}

static bool take_zone(const struct item *it, struct cursor *c, struct parsed *out)
{
    bool localized = it->letter == 'O' || (it->letter == 'Z' && it->count == 4);
    if (localized) {
        if (!take_text(c, "GMT", 3)) return false;
        out->offset = 0;
        out->has_offset = true;
        take_offset(c, out);
        return true;
    }
    if (it->letter == 'V' || it->letter == 'z') return take_region(c, out);
    bool zulu = it->letter == 'X' || (it->letter == 'Z' && it->count == 5);
    if (zulu && take_text(c, "Z", 1)) {
        out->offset = 0;
        out->has_offset = true;
        return true;
    }
    return take_offset(c, out);
}

static bool take_fraction(const struct item *it, struct cursor *c, struct parsed *out)
{
    int64_t v;
    const char *start = c->p;
    if (!take_number(c, 1, it->count, it->reserved, &v)) return false;
    for (int n = (int)(c->p - start); n < 9; n++) v *= 10;
    out->nano = (int32_t)v;
    return true;
}

/* A number of one or two digits (exactly two when the pattern has two letters) within a range. */
static bool take_small(const struct item *it, struct cursor *c, int32_t low, int32_t high,
                       int32_t *ret)
{
    int64_t v;
    int max = it->letter == 'D' ? 3 : 2;
    if (!take_number(c, it->count, max, it->reserved, &v) || v < low || v > high) return false;
    *ret = (int32_t)v;
    return true;
}

static bool take_month(const struct item *it, struct cursor *c, struct parsed *out)
{
    out->has |= HAS_MONTH;
    if (it->count <= 2) return take_small(it, c, 1, 12, &out->month);
    out->month = take_name(c, months, 12, it->count == 4) + 1;
    return out->month > 0;
}

static bool take_quarter(const struct item *it, struct cursor *c, struct parsed *out)
{
    out->has |= HAS_QUARTER;
    if (it->count == 3 && !take_text(c, "Q", 1)) return false;
    struct item one = *it;
    one.count = it->count == 2 ? 2 : 1;
    return it->count <= 3 && take_small(&one, c, 1, 4, &out->quarter);
}

static bool take_half(struct cursor *c, struct parsed *out)
{
    out->has |= HAS_PM;
    out->pm = take_text(c, "PM", 2);
    return out->pm || take_text(c, "AM", 2);
}

static bool take_era(struct cursor *c, struct parsed *out)
{
    out->has |= HAS_ERA;
    out->bc = take_text(c, "BC", 2) || take_text(c, "Before Christ", 13);
    return out->bc || take_text(c, "AD", 2) || take_text(c, "Anno Domini", 11);
}

static bool take_field(const struct item *it, struct cursor *c, struct parsed *out)
{
    int64_t v;
    switch (it->letter) {
    case 'G': return take_era(c, out);
    case 'y':
    case 'u': out->has |= HAS_YEAR; return take_year(it, c, &out->year);
    case 'M':
    case 'L': return take_month(it, c, out);
    case 'Q':
    case 'q': return take_quarter(it, c, out);
    case 'd': out->has |= HAS_DAY; return take_small(it, c, 1, 31, &out->day);
    case 'D': out->has |= HAS_DAY_OF_YEAR; return take_small(it, c, 1, 366, &out->day_of_year);
    case 'E':
        out->has |= HAS_WEEKDAY;
        out->weekday = take_name(c, days, 7, it->count == 4);
        return out->weekday >= 0;
    case 'a': return take_half(c, out);
    case 'h':
        out->has |= HAS_HOUR12;
        if (!take_small(it, c, 1, 12, &out->hour12)) return false;
        out->hour12 %= 12;
        return true;
    case 'K': out->has |= HAS_HOUR12; return take_small(it, c, 0, 11, &out->hour12);
    case 'H': out->has |= HAS_HOUR; return take_small(it, c, 0, 23, &out->hour);
    case 'k':
        out->has |= HAS_HOUR;
        if (!take_small(it, c, 1, 24, &out->hour)) return false;
        out->hour %= 24;
        return true;
    case 'm': return take_small(it, c, 0, 59, &out->minute);
    case 's': return take_small(it, c, 0, 59, &out->second);
    case 'S': return take_fraction(it, c, out);
    case 'n':
        if (!take_number(c, it->count, 9, it->reserved, &v)) return false;
        out->nano = (int32_t)v;
        return true;
    default: return take_zone(it, c, out);
    }
}

/* Items [from, to); false leaves *c and *out in any state. */
static bool parse_items(const struct hr_time_format *format, uint32_t from, uint32_t to,
                        struct cursor *c, struct parsed *out)
{
    for (uint32_t i = from; i < to; i++) {
        const struct item *it = &format->items.items[i];
        if (it->kind == ITEM_OPEN) {
            struct cursor saved = *c;
            struct parsed before = *out;
            if (!parse_items(format, i + 1, it->end, c, out)) {
                *c = saved;
                *out = before;
            }
            i = it->end;
        } else if (it->kind == ITEM_LITERAL) {
            if (!take_text(c, it->text.ptr, it->text.len)) return false;
        } else if (it->kind == ITEM_FIELD && !take_field(it, c, out)) {
            return false;
        }
    }
    return true;
}

/* The date that the fields say: Spark's defaults are 1970-01-01 and midnight. */
static bool resolve_date(const struct parsed *f, int64_t *ret_days)
{
    int64_t year = f->has & HAS_YEAR ? f->year : 1970;
    if (f->bc) year = 1 - year;
    if (year < -999999 || year > 999999) return false;
    if (f->has & HAS_DAY_OF_YEAR && !(f->has & (HAS_MONTH | HAS_DAY))) {
        if (f->day_of_year > 337 + hr_days_in_month(year, 2)) return false;
        *ret_days = hr_days_from_civil(year, 1, 1) + f->day_of_year - 1;
        return true;
    }
    int32_t month = f->has & HAS_MONTH ? f->month : 1, day = f->has & HAS_DAY ? f->day : 1;
    if (day > hr_days_in_month(year, month)) return false;
    if (f->has & HAS_QUARTER && f->has & HAS_MONTH && (month - 1) / 3 + 1 != f->quarter)
        return false;
    *ret_days = hr_days_from_civil(year, month, day);
    if (f->has & HAS_DAY_OF_YEAR &&
        *ret_days - hr_days_from_civil(year, 1, 1) + 1 != f->day_of_year)
        return false;
    return true;
}

static bool resolve(const struct parsed *f, int64_t *ret_local_us)
{
    int64_t date;
    if (!resolve_date(f, &date)) return false;
    if (f->has & HAS_WEEKDAY && ((date + 3) % 7 + 7) % 7 != f->weekday) return false;
    int32_t hour = f->has & HAS_HOUR ? f->hour : 0;
    if (f->has & HAS_HOUR12) {
        int32_t full = f->hour12 + (f->pm ? 12 : 0);
        if (f->has & HAS_HOUR && full != hour) return false;
        hour = full;
    }
    *ret_local_us = date * HR_US_PER_DAY + hour * HR_US_PER_HOUR + f->minute * HR_US_PER_MINUTE +
                    f->second * HR_US_PER_SECOND + f->nano / 1000;
    return true;
}

bool hr_time_format_parse(const struct hr_time_format *format, struct hr_str_view text,
                          const struct hr_tz *tz, int64_t *ret_us)
{
    struct cursor c = {text.ptr, text.ptr + text.len};
    struct parsed f;
    int64_t local;
    memset(&f, 0, sizeof f);
    if (!parse_items(format, 0, format->items.count, &c, &f) || c.p != c.end) return false;
    if (!resolve(&f, &local)) return false;
    if (f.has_offset)
        *ret_us = local - f.offset * HR_US_PER_SECOND;
    else if (f.tz || tz)
        *ret_us = hr_tz_to_utc(f.tz ? f.tz : tz, local);
    else
        *ret_us = local;
    return true;
}
