/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interval literals → a type (its first and last field) and a value in months or microseconds.
 *
 *   INTERVAL 1 DAY 2 HOURS        values and units, each with a sign of its own
 *   INTERVAL '1 day 2 hours'      the same in a string
 *   INTERVAL '1 02:03' DAY TO MINUTE
 */
#include <stdio.h>

#include "base/datetime.h"
#include "column/type_parse.h"
#include "sql/grammar.h"
#include "sql/sql_internal.h"

struct interval {
    int64_t months, us;
    int first, last; /* HR_IV_…; first -1: empty */
    bool months_seen, us_seen;
    hr_status fault; /* what a value with a unit, or from a unit to a unit, has wrong */
};

struct unit {
    const char *name;
    int field;
    int64_t months, us; /* of one; 0 us and 0 months: nanoseconds */
};

static const struct unit units[] = {
    {"year", HR_IV_YEAR, 12, 0},
    {"month", HR_IV_MONTH, 1, 0},
    {"week", HR_IV_DAY, 0, 7 * HR_US_PER_DAY},
    {"day", HR_IV_DAY, 0, HR_US_PER_DAY},
    {"hour", HR_IV_HOUR, 0, HR_US_PER_HOUR},
    {"minute", HR_IV_MINUTE, 0, HR_US_PER_MINUTE},
    {"second", HR_IV_SECOND, 0, HR_US_PER_SECOND},
    {"millisecond", HR_IV_SECOND, 0, 1000},
    {"microsecond", HR_IV_SECOND, 0, 1},
    {"nanosecond", HR_IV_SECOND, 0, 0},
};

static const struct unit *find_unit(struct hr_str_view w)
{
    if (w.len > 3 && (w.ptr[w.len - 1] | 0x20) == 's') w.len--;
    for (size_t i = 0; i < HR_COUNT(units); i++)
        if (hr_sv_eq_nocase(w, hr_sv(units[i].name))) return &units[i];
    return NULL;
}

static bool wrong(struct interval *iv, hr_status fault)
{
    iv->fault = fault;
    return false;
}

/* [+-]digits[.digits]: whole part and up to nine digits of fraction in nanoseconds. */
static bool parse_value(struct interval *iv, struct hr_str_view s, bool *ret_negative,
                        int64_t *ret_whole, int64_t *ret_nanos, bool *ret_has_fraction)
{
    int64_t whole = 0, nanos = 0, scale = 100000000;
    size_t i = 0, digits = 0;
    s = hr_sv_trim(s);
    if (s.len == 0) return wrong(iv, HR_E_INTERVAL_NUMBER);
    *ret_negative = s.len > 0 && s.ptr[0] == '-';
    if (s.len > 0 && (s.ptr[0] == '-' || s.ptr[0] == '+')) i++;
    for (; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++, digits++) {
        if (whole > (INT64_MAX - 9) / 10) return wrong(iv, HR_E_INTERVAL_ARITHMETIC);
        whole = whole * 10 + (s.ptr[i] - '0');
    }
    *ret_has_fraction = i < s.len && s.ptr[i] == '.';
    if (*ret_has_fraction) {
        for (i++; i < s.len && s.ptr[i] >= '0' && s.ptr[i] <= '9'; i++, digits++) {
            if (scale == 0) return wrong(iv, HR_E_INTERVAL_PRECISION);
            nanos += scale * (s.ptr[i] - '0');
            scale /= 10;
        }
    }
    *ret_whole = whole;
    *ret_nanos = nanos;
    if (i == s.len && digits > 0) return true;
    bool is_signed = s.ptr[0] == '-' || s.ptr[0] == '+';
    return wrong(iv, is_signed ? HR_E_INTERVAL_VALUE : HR_E_INVALID_TYPED_LITERAL);
}

static bool add_part(struct interval *iv, struct hr_str_view value, bool minus,
                     const struct unit *unit)
{
    bool negative, fraction;
    int64_t whole, nanos, product;
    if (!unit || !parse_value(iv, value, &negative, &whole, &nanos, &fraction)) return false;
    if (fraction && strcmp(unit->name, "second") != 0) return wrong(iv, HR_E_INTERVAL_FRACTION);
    if (negative != minus) {
        whole = -whole;
        nanos = -nanos;
    }
    if (unit->months) {
        if (__builtin_mul_overflow(whole, unit->months, &product) ||
            __builtin_add_overflow(iv->months, product, &iv->months) ||
            iv->months != (int32_t)iv->months)
            return wrong(iv, HR_E_INTERVAL_ARITHMETIC);
        iv->months_seen = true;
    } else {
        product = whole / 1000; /* nanoseconds */
        if ((unit->us && __builtin_mul_overflow(whole, unit->us, &product)) ||
            __builtin_add_overflow(iv->us, product, &iv->us) ||
            __builtin_add_overflow(iv->us, nanos / 1000, &iv->us)) {
            /* days are an INT until they become a part of the whole */
            bool late = unit->field == HR_IV_DAY && whole == (int32_t)whole;
            return wrong(iv, late ? HR_E_INTERVAL_ARITHMETIC_OVERFLOW : HR_E_INTERVAL_ARITHMETIC);
        }
        iv->us_seen = true;
    }
    if (iv->first < 0 || unit->field < iv->first) iv->first = unit->field;
    if (unit->field > iv->last) iv->last = unit->field;
    return true;
}

/* "1 day 2 hours", with or without INTERVAL in front. */
static bool parse_text(struct interval *iv, struct hr_str_view text)
{
    struct hr_str_view rest = hr_sv_trim(text);
    bool first = true;
    while (rest.len > 0) {
        struct hr_str_view words[2];
        size_t got = 0;
        bool minus = false;
        while (got < 2 && rest.len > 0) {
            size_t n = 0;
            while (n < rest.len && !strchr(" \t\r\n", rest.ptr[n])) n++;
            struct hr_str_view word = hr_svn(rest.ptr, n);
            rest = hr_sv_trim(hr_svn(rest.ptr + n, rest.len - n));
            if (first && hr_sv_eq_nocase(word, hr_sv("interval"))) {
                first = false;
                continue;
            }
            first = false;
            if (got == 0 && word.len == 1 && (word.ptr[0] == '-' || word.ptr[0] == '+')) {
                minus = word.ptr[0] == '-';
                continue;
            }
            words[got++] = word;
        }
        if (got != 2 || !add_part(iv, words[0], minus, find_unit(words[1]))) return false;
    }
    return iv->first >= 0;
}

/* digits up to a separator; -1: none or too many. */
static int64_t take_number(struct hr_str_view *s)
{
    int64_t n = 0;
    size_t i = 0;
    while (i < s->len && i < 10 && s->ptr[i] >= '0' && s->ptr[i] <= '9')
        n = n * 10 + (s->ptr[i++] - '0');
    if (i == 0) return -1;
    *s = hr_svn(s->ptr + i, s->len - i);
    return n;
}

static bool take_char(struct hr_str_view *s, char c)
{
    if (s->len == 0 || s->ptr[0] != c) return false;
    *s = hr_svn(s->ptr + 1, s->len - 1);
    return true;
}

/* '1-2' YEAR TO MONTH; '1 02:03:04.5' DAY TO SECOND and its shorter forms. *ret_far: a field is out
 * of its range, all else is well. */
static bool scan_range(struct interval *iv, struct hr_str_view text, bool minus, int from, int to,
                       bool *ret_far)
{
    static const int64_t sizes[] = {
        12, 1, HR_US_PER_DAY, HR_US_PER_HOUR, HR_US_PER_MINUTE, HR_US_PER_SECOND};
    static const int64_t most[] = {INT64_MAX, 11, INT64_MAX, 23, 59, 59};
    struct hr_str_view s = hr_sv_trim(text);
    bool year_month = to <= HR_IV_MONTH;
    int64_t sum = 0, product;
    if (take_char(&s, '-'))
        minus = !minus;
    else
        take_char(&s, '+');
    for (int field = from; field <= to; field++) {
        int64_t n = take_number(&s);
        if (n < 0) return false;
        *ret_far = *ret_far || (field > from && n > most[field]) ||
                   __builtin_mul_overflow(n, sizes[field], &product) ||
                   __builtin_sub_overflow(sum, product, &sum);
        char separator = year_month ? '-' : field == HR_IV_DAY ? ' ' : ':';
        if (field < to && !take_char(&s, separator)) return false;
    }
    if (to == HR_IV_SECOND && take_char(&s, '.')) {
        int64_t scale = 100000;
        if (s.len == 0 || s.len > 9) return false;
        for (size_t i = 0; i < s.len; i++, scale /= 10) {
            if (s.ptr[i] < '0' || s.ptr[i] > '9') return false;
            *ret_far = __builtin_sub_overflow(sum, scale * (s.ptr[i] - '0'), &sum) || *ret_far;
        }
        s.len = 0;
    }
    /* The sum was taken below zero, where the least interval has room. */
    if (!minus) *ret_far = __builtin_sub_overflow(INT64_C(0), sum, &sum) || *ret_far;
    *ret_far = *ret_far || (year_month && sum != (int32_t)sum);
    if (s.len != 0 || *ret_far) return false;
    *(year_month ? &iv->months : &iv->us) = sum;
    *(year_month ? &iv->months_seen : &iv->us_seen) = true;
    iv->first = from;
    iv->last = to;
    return true;
}

static bool parse_range(struct interval *iv, struct hr_str_view text, bool minus, int from, int to)
{
    bool far = false;
    if (from >= to || (to <= HR_IV_MONTH) != (from <= HR_IV_MONTH))
        return wrong(iv, HR_E_INTERVAL_FROM_TO);
    if (scan_range(iv, text, minus, from, to, &far)) return true;
    if (to <= HR_IV_MONTH)
        return wrong(iv, far ? HR_E_INTERVAL_PARSING : HR_E_INVALID_INTERVAL_TEXT);
    return wrong(iv, far ? HR_E_INVALID_TYPED_LITERAL : HR_E_INVALID_INTERVAL_TEXT_NOTICE);
}

static struct hr_str_view value_text(struct hr_sql_parser *p, uint32_t index)
{
    struct hr_sql_token t = p->raw[index];
    if (t.kind != HR_TK_STRING) return hr_svn(t.ptr, t.len);
    t.first = index;
    t.count = 1;
    return hr_sql_string(p, &t);
}

static bool parse_tokens(struct hr_sql_parser *p, const struct hr_sql_token *token,
                         struct interval *iv, struct hr_str_view *ret_value,
                         struct hr_str_view *ret_unit, struct hr_str_view *ret_to)
{
    uint32_t i = token->first + 1, end = token->first + token->count;
    if (token->count == 2) {
        *ret_value = value_text(p, i);
        bool ok = parse_text(iv, *ret_value);
        iv->fault = HR_OK; /* of a text as a whole */
        return ok;
    }
    while (i < end) {
        bool minus = p->raw[i].kind == HR_TK_DASH;
        if (minus || p->raw[i].kind == HR_TK_PLUS) i++;
        *ret_value = value_text(p, i++);
        struct hr_str_view unit = hr_svn(p->raw[i].ptr, p->raw[i].len);
        *ret_unit = unit;
        i++;
        if (i < end && hr_sql_word_is(&p->raw[i], "TO")) {
            int from = hr_interval_field(unit);
            int to = hr_interval_field(hr_svn(p->raw[i + 1].ptr, p->raw[i + 1].len));
            if (from < 0 || to < 0 || iv->first >= 0) return false;
            *ret_to = hr_svn(p->raw[i + 1].ptr, p->raw[i + 1].len);
            return parse_range(iv, *ret_value, minus, from, to);
        }
        if (!add_part(iv, *ret_value, minus, find_unit(unit))) return false;
    }
    return iv->first >= 0;
}

static const char *lower_text(struct hr_sql_parser *p, struct hr_str_view s)
{
    char *text = hr_arena_strndup(p->arena, s.ptr, s.len);
    for (char *c = text; c && *c; c++) *c = (char)(*c >= 'A' && *c <= 'Z' ? *c + 32 : *c);
    return text ? text : "?";
}

static void report(struct hr_sql_parser *p, const struct hr_sql_token *token, hr_status fault,
                   struct hr_str_view value, struct hr_str_view unit, struct hr_str_view to)
{
    const char *text = hr_arena_strndup(p->arena, value.ptr, HR_MIN(value.len, 120));
    if (!text) text = "?";
    const char *from = lower_text(p, unit), *until = lower_text(p, to);
    const char *form = hr_arena_printf(p->arena, "%s to %s", from, until);
    const char *quoted = hr_arena_printf(p->arena, "'%s'", text);
    const char *pair = hr_arena_printf(p->arena, " %s %.*s", text, (int)unit.len, unit.ptr);
    if (!form || !quoted || !pair)
        hr_sql_oom(p);
    else if (fault == HR_OK || fault == HR_E_INVALID_TYPED_LITERAL)
        HR_SQL_RAISE(p, token->pos, token->end, HR_E_INVALID_TYPED_LITERAL, "valueType",
                     "\"INTERVAL\"", "value", quoted);
    else if (fault == HR_E_INTERVAL_ARITHMETIC_OVERFLOW)
        HR_SQL_RAISE(p, token->pos, token->end, HR_E_INTERVAL_ARITHMETIC_OVERFLOW);
    else if (fault == HR_E_INTERVAL_FROM_TO)
        HR_SQL_RAISE(p, token->pos, token->end, fault, "input", text, "from", from, "to", until);
    else if (to.len) /* UNMATCHED_FORMAT_STRING…, INTERVAL_PARSING */
        HR_SQL_RAISE(p, token->pos, token->end, fault, "input", text, "interval", "year-month",
                     "intervalStr",
                     fault == HR_E_INVALID_INTERVAL_TEXT_NOTICE ? "day-time" : "year-month",
                     "supportedFormat", form, "typeName", form);
    else
        HR_SQL_RAISE(p, token->pos, token->end, fault, "input", pair, "unit", from, "value", text,
                     "number", from);
}

bool hr_sql_interval_value(struct hr_sql_parser *p, const struct hr_sql_token *token,
                           const struct hr_type **ret_type, int64_t *ret_value)
{
    struct interval iv = {.first = -1, .last = -1};
    struct hr_str_view value = {"", 0}, unit = {"", 0}, to = {"", 0};
    if (p->status != HR_OK) return false;
    bool ok = parse_tokens(p, token, &iv, &value, &unit, &to);
    if (p->status != HR_OK) return false;
    if (iv.months_seen && iv.us_seen) {
        char text[200];
        size_t len = HR_MIN((size_t)(token->end - token->pos), 180);
        snprintf(text, sizeof text, "%.*s", (int)len, token->ptr);
        HR_SQL_RAISE(p, token->pos, token->end, HR_E_MIXED_INTERVAL, "literal", text);
        return false;
    }
    if (!ok || iv.months > INT32_MAX || iv.months < INT32_MIN) {
        report(p, token, iv.fault, value, unit, to);
        return false;
    }
    *ret_type = iv.months_seen ? hr_type_interval_ym(iv.first, iv.last)
                               : hr_type_interval_dt(iv.first, iv.last);
    *ret_value = iv.months_seen ? iv.months : iv.us;
    if (!*ret_type) hr_sql_oom(p);
    return *ret_type != NULL;
}

struct hr_sql_x hr_sql_interval(struct hr_sql_parser *p, const struct hr_sql_token *token)
{
    const struct hr_type *type;
    int64_t value;
    if (!hr_sql_interval_value(p, token, &type, &value)) return (struct hr_sql_x){0};
    return hr_sql_wrap(p, hr_expr_int(p->arena, type, value), token->pos, token->end, 1);
}
