/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CSV record into fields. Fields without quotes, and quoted ones that close in front of a
 * separator, are cut where they lie. What else quotes may do follows, step by step, the parser that
 * Spark has (univocity): what a stray quote, an escape, or the end of the text means depends on the
 * character read (ch), the one before (prev) and whether a stray quote was seen (unescaped), and
 * nothing shorter gives the same fields.
 */
#include "format/csv/csv.h"

enum { NEWLINE = 256, NONE = 0 };     /* characters that are no bytes */
enum step { GO, END, STOP };          /* the text's end, or an error (parser->raised, ->oom) */
#define DEPTH_MAX 1000

/* The slow path. ch and prev keep their values when the text ends: what they are then decides. */
struct scan {
    struct csv_parser *parser;
    const char *p, *end; /* behind ch */
    int ch, prev;
    size_t newline_len; /* of the line end that ch is */
    bool unescaped, trim, skipped, raw_newlines;
    uint32_t depth;
};

hr_status hr_csv_parser_init(struct csv_parser *parser, const struct csv_options *options,
                             struct hr_err *err)
{
    memset(parser, 0, sizeof *parser);
    parser->options = options;
    parser->sep = options->sep[0];
    parser->sep_len = strlen(options->sep);
    parser->quote = options->quote[0];
    parser->escape = options->escape[0];
    parser->comment = options->comment[0];
    parser->escape_escape = parser->escape == parser->quote ? 0 : parser->escape;
    if (options->escape_escape) parser->escape_escape = options->escape_escape[0];
    parser->newline[0] = '\n';
    parser->capacity = 64;
    parser->fields = hr_alloc(parser->capacity * sizeof *parser->fields);
    return parser->fields ? HR_OK : HR_OOM(err);
}

void hr_csv_parser_done(struct csv_parser *parser)
{
    hr_buf_done(&parser->text);
    hr_free(parser->fields);
    parser->fields = NULL;
}

void hr_csv_find_newline(struct csv_parser *parser, const char *p, const char *end)
{
    const char *sep = parser->options->line_sep;
    if (sep) {
        parser->newline[0] = sep[0];
        parser->newline[1] = sep[1];
        return;
    }
    while (p < end && *p != '\n' && *p != '\r') p++;
    parser->newline[0] = p < end ? *p : '\n';
    parser->newline[1] = p + 1 < end && *p == '\r' && p[1] == '\n' ? '\n' : 0;
}

static bool at_sep(const struct csv_parser *parser, const char *p, const char *end)
{
    if (p >= end || *p != parser->sep) return false;
    return parser->sep_len == 1 || ((size_t)(end - p) >= parser->sep_len &&
                                    memcmp(p, parser->options->sep, parser->sep_len) == 0);
}

/* Length of the line end at p, 0: none. */
static size_t newline_at(const struct csv_parser *parser, const char *p, const char *end)
{
    if (parser->single_line || p >= end || *p != parser->newline[0]) return 0;
    if (!parser->newline[1]) return 1;
    return p + 1 < end && p[1] == parser->newline[1] ? 2 : 0;
}

static bool at_stop(const struct csv_parser *parser, const char *p, const char *end)
{
    return p >= end || at_sep(parser, p, end) || newline_at(parser, p, end);
}

static const char *plain_end(const struct csv_parser *parser, const char *p, const char *end)
{
    if (parser->sep_len == 1 && parser->single_line) {
        const char *hit = memchr(p, parser->sep, (size_t)(end - p));
        return hit ? hit : end;
    }
    while (!at_stop(parser, p, end)) p++;
    return p;
}

static void add(struct csv_parser *parser, struct csv_field field)
{
    if (parser->count == parser->options->max_columns) {
        parser->too_many = true;
        return;
    }
    if (parser->count == parser->capacity) {
        struct csv_field *grown = hr_realloc(parser->fields,
                                             parser->capacity * 2 * sizeof *grown);
        if (!grown) {
            parser->oom = true;
            return;
        }
        parser->fields = grown;
        parser->capacity *= 2;
    }
    int64_t max = parser->options->max_chars;
    if (max >= 0 && field.text.len > (size_t)max) parser->too_long = true;
    parser->fields[parser->count++] = field;
}

static void add_plain(struct csv_parser *parser, const char *p, const char *q)
{
    if (parser->trim_trailing)
        while (p < q && (unsigned char)q[-1] <= ' ') q--;
    add(parser, (struct csv_field){{p, (size_t)(q - p)}, false});
}

/* --- The slow path ---------------------------------------------------------------------------- */

static void put(struct scan *s, int ch)
{
    if (!s->skipped) hr_buf_putc(&s->parser->text, ch == NEWLINE ? '\n' : (char)ch);
}

static enum step next(struct scan *s)
{
    if (s->p >= s->end) return END;
    size_t newline = s->raw_newlines ? 0 : newline_at(s->parser, s->p, s->end);
    s->ch = newline ? NEWLINE : (unsigned char)*s->p;
    s->newline_len = newline;
    s->p += newline ? newline : 1;
    return GO;
}

static bool is(const struct scan *s, int ch, char special)
{
    HR_UNUSED(s);
    return ch == (unsigned char)special;
}

static bool is_quote(const struct scan *s, int ch)
{
    return is(s, ch, s->parser->quote);
}

/* No escape: nothing is one, as no character of a text is 0 in practice. */
static bool is_escape(const struct scan *s, int ch)
{
    return is(s, ch, s->parser->escape);
}

/* ch ends a field. Several characters of a separator are one step. */
static bool at_delimiter(struct scan *s)
{
    if (!is(s, s->ch, s->parser->sep)) return false;
    return s->parser->sep_len == 1 || at_sep(s->parser, s->p - 1, s->end);
}

static bool ends_field(struct scan *s)
{
    return s->ch == NEWLINE || at_delimiter(s);
}

static bool is_space(int ch)
{
    return ch <= ' ';
}

/* What was gathered as a field; empty: the empty value, not NULL. */
static void value_parsed(struct scan *s)
{
    struct csv_parser *parser = s->parser;
    size_t len = parser->text.len;
    if (s->skipped) {
        add(parser, (struct csv_field){{"", 0}, false});
        hr_buf_clear(&parser->text);
        return;
    }
    while (s->trim && len > 0 && (unsigned char)parser->text.ptr[len - 1] <= ' ') len--;
    char *copy = hr_arena_alloc(parser->arena, len + 1);
    if (!copy || hr_buf_status(&parser->text, NULL)) {
        parser->oom = true;
        return;
    }
    if (len) memcpy(copy, parser->text.ptr, len);
    add(parser, (struct csv_field){{copy, len}, true});
    hr_buf_clear(&parser->text);
}

/* When the text ends in such a stretch, ch is still its first character (but its last one where a
 * separator has several). */
static enum step append_until_stop(struct scan *s)
{
    int first = s->ch;
    while (!ends_field(s)) {
        put(s, s->ch);
        if (next(s)) {
            if (s->parser->sep_len == 1) s->ch = first;
            return END;
        }
    }
    return GO;
}

static enum step append_until_special(struct scan *s)
{
    int first = s->ch;
    while (!is_quote(s, s->ch) && !is_escape(s, s->ch) &&
           !is(s, s->ch, s->parser->escape_escape)) {
        put(s, s->ch);
        if (next(s)) {
            s->ch = first;
            return END;
        }
    }
    return GO;
}

static enum step value_with_escapes(struct scan *s);

/* A stray quote where the policy is to drop the value, or the record. */
static enum step skip_value(struct scan *s)
{
    if (s->parser->options->stray_quotes == CSV_RAISE_ERROR) {
        s->parser->raised = true;
        return STOP;
    }
    hr_buf_clear(&s->parser->text);
    s->skipped = true;
    return append_until_stop(s);
}

static enum step stray_quote_in_value(struct scan *s)
{
    if (s->parser->options->stray_quotes >= CSV_SKIP_VALUE) return skip_value(s);
    if (++s->depth > DEPTH_MAX) {
        s->parser->raised = true;
        return STOP;
    }
    put(s, s->parser->quote);
    s->prev = s->ch;
    return value_with_escapes(s);
}

/* ch is a quote or an escape. */
static enum step quote_or_escape(struct scan *s)
{
    struct csv_parser *parser = s->parser;
    if (is_escape(s, s->ch) && is(s, s->prev, parser->escape_escape) && parser->escape_escape) {
        put(s, parser->escape);
        s->ch = NONE;
    } else if (is_escape(s, s->prev)) {
        if (is_quote(s, s->ch)) {
            put(s, parser->quote);
            s->ch = NONE;
        } else {
            put(s, s->prev);
        }
    } else if (is_quote(s, s->ch) && is_quote(s, s->prev)) {
        put(s, parser->quote);
    } else if (is_quote(s, s->prev)) {
        return stray_quote_in_value(s);
    }
    return GO;
}

static enum step value_with_escapes(struct scan *s)
{
    while (!ends_field(s)) {
        if (!is_quote(s, s->ch) && !is_escape(s, s->ch)) {
            if (is_quote(s, s->prev)) return stray_quote_in_value(s);
            put(s, s->ch);
        } else {
            enum step step = quote_or_escape(s);
            if (step) return step;
        }
        s->prev = s->ch;
        if (next(s)) return END;
    }
    return GO;
}

/* BACK_TO_DELIMITER: the separators inside what was taken for quoted count after all. */
static void split_gathered(struct scan *s)
{
    struct hr_buf all = s->parser->text;
    const char *sep = s->parser->options->sep;
    size_t from = 0, sep_len = s->parser->sep_len;
    const char *hit;
    s->parser->text = (struct hr_buf){0};
    while (all.len > from && (hit = memmem(all.ptr + from, all.len - from, sep, sep_len))) {
        size_t at = (size_t)(hit - all.ptr);
        hr_buf_append(&s->parser->text, all.ptr + from, at - from);
        value_parsed(s);
        from = at + sep_len;
    }
    hr_buf_clear(&s->parser->text);
    if (all.len > from) hr_buf_append(&s->parser->text, all.ptr + from, all.len - from);
    hr_buf_done(&all);
}

/* After a stray quote: how the rest of the field is read. GO: as before, from its start. */
static enum step stray_quote(struct scan *s)
{
    s->unescaped = true;
    switch (s->parser->options->stray_quotes) {
    case CSV_BACK_TO_DELIMITER:
        split_gathered(s);
        put(s, s->ch);
        s->prev = NONE;
        return GO;
    case CSV_STOP_AT_CLOSING_QUOTE:
    case CSV_STOP_AT_DELIMITER:
        put(s, s->parser->quote);
        put(s, s->ch);
        s->prev = s->ch;
        return GO;
    default: return skip_value(s);
    }
}

/* Policies under which a stray quote makes the separator alone end the field. */
static bool ends_at_delimiter(const struct scan *s)
{
    int policy = s->parser->options->stray_quotes;
    return policy == CSV_STOP_AT_DELIMITER || policy == CSV_SKIP_VALUE ||
           policy == CSV_BACK_TO_DELIMITER;
}

/* White space behind a closing quote. *ret_again: something follows, it was no closing quote. */
static enum step spaces_behind(struct scan *s, bool *ret_again)
{
    const char *first = s->p - 1;
    do {
        if (next(s)) return END;
        if (s->ch == NEWLINE) return GO;
    } while (is_space(s->ch) && !at_delimiter(s));
    if (at_delimiter(s)) return GO;
    if (s->parser->options->stray_quotes == CSV_RAISE_ERROR) {
        s->parser->raised = true;
        return STOP;
    }
    put(s, s->parser->quote);
    for (const char *p = first; p < s->p - 1; p++) put(s, (unsigned char)*p);
    if (ends_at_delimiter(s) || (!is_quote(s, s->ch) && !is_escape(s, s->ch))) put(s, s->ch);
    s->prev = s->ch;
    *ret_again = true;
    return GO;
}

/* Not quoted after all: the quote belongs to the text, which goes up to the separator. */
static enum step until_delimiter(struct scan *s)
{
    struct hr_buf *text = &s->parser->text;
    if (s->parser->options->stray_quotes == CSV_SKIP_VALUE) return skip_value(s);
    put(s, s->parser->quote);
    if (hr_buf_status(text, NULL) == HR_OK && text->len > 1) {
        memmove(text->ptr + 1, text->ptr, text->len - 1);
        text->ptr[0] = s->parser->quote;
    }
    if (next(s)) return END;
    s->trim = s->parser->trim_trailing;
    return append_until_stop(s);
}

/* One character or stretch inside quotes. *ret_done: the field has ended; *ret_again: it begins
 * anew, with what was gathered. */
static enum step inside_quotes(struct scan *s, bool *ret_done, bool *ret_again)
{
    const struct csv_parser *parser = s->parser;
    if (!is_quote(s, s->ch) && !is_escape(s, s->ch)) {
        if (is_quote(s, s->prev)) {
            enum step step = stray_quote(s);
            *ret_again = !step && parser->options->stray_quotes < CSV_SKIP_VALUE;
            *ret_done = !*ret_again;
            return step;
        }
        if (is_escape(s, s->prev) && parser->escape) put(s, parser->escape);
        if (append_until_special(s)) return END;
        s->prev = s->ch;
        return next(s);
    }
    enum step step = quote_or_escape(s);
    if (step) return step;
    s->prev = s->ch;
    if (next(s)) return END;
    *ret_done = s->unescaped && ends_field(s);
    return GO;
}

static enum step quoted_value(struct scan *s)
{
    for (;;) {
        bool done = false, again = false;
        if (s->prev != NONE && ends_at_delimiter(s)) return until_delimiter(s);
        enum step step = next(s);
        while (!step && !done && !again &&
               !(is_quote(s, s->prev) && (is_space(s->ch) || ends_field(s))))
            step = inside_quotes(s, &done, &again);
        if (step || done) return step;
        if (!again && !ends_field(s)) step = spaces_behind(s, &again);
        if (step || !again) return step;
    }
}

/* The text ended inside a value. */
static void end_of_text(struct scan *s)
{
    bool whole = false;
    if (is_quote(s, s->ch)) {
        whole = is_quote(s, s->prev);
        if (!whole && !s->unescaped) put(s, s->parser->quote);
    }
    char comment = s->parser->comment ? s->parser->comment : '#';
    if (!whole)
        whole = s->prev != NONE && !at_delimiter(s) && s->ch != NEWLINE && !is(s, s->ch, comment);
    if (whole || s->parser->text.len)
        value_parsed(s);
    else
        add(s->parser, (struct csv_field){{"", 0}, false});
}

/* A field that begins with a quote at p, the hard way. Where its separator or line end is. */
static const char *slow_field(struct csv_parser *parser, const char *p, const char *end)
{
    struct scan s = {.parser = parser, .p = p + 1, .end = end, .ch = (unsigned char)*p};
    s.raw_newlines = parser->options->line_sep != NULL && parser->options->multi_line;
    hr_buf_clear(&parser->text);
    enum step step = quoted_value(&s);
    if (step == END) {
        end_of_text(&s);
        return end;
    }
    if (step == STOP) return end;
    bool nothing_left = s.unescaped && parser->text.len == 0 &&
                        parser->options->stray_quotes == CSV_BACK_TO_DELIMITER;
    if (!nothing_left) value_parsed(&s);
    return s.ch == NEWLINE ? s.p - s.newline_len : s.p - 1;
}

/* The closing quote of a field whose inside needs no care and that a separator, or the end of a
 * line, follows; NULL: the slow path's. p is behind the opening quote. */
static const char *simple_close(const struct csv_parser *parser, const char *p, const char *end)
{
    bool plain = true; /* no escapes, not even idle ones */
    for (const char *q = p; q < end; q++) {
        if (*q == parser->quote) {
            if (q[-1] == parser->escape && parser->escape != parser->quote) return NULL;
            bool closes = q + 1 == end ? plain && (q > p || parser->escape)
                                       : at_stop(parser, q + 1, end);
            return closes ? q : NULL;
        }
        if (*q == parser->newline[0]) return NULL;
        if (*q != parser->escape && *q != parser->escape_escape) continue;
        plain = false;
        if (*q == parser->escape && q + 1 < end &&
            (q[1] == parser->quote || q[1] == parser->escape_escape))
            return NULL;
    }
    return NULL;
}

/* [p, q) and its last character once more. */
static void add_doubled(struct csv_parser *parser, const char *p, const char *q)
{
    size_t len = (size_t)(q - p);
    char *copy = hr_arena_alloc(parser->arena, len + 1);
    if (!copy) {
        parser->oom = true;
        return;
    }
    memcpy(copy, p, len);
    copy[len] = q[-1];
    add(parser, (struct csv_field){{copy, len + 1}, false});
}

static const char *field(struct csv_parser *parser, const char *p, const char *end)
{
    if (!parser->quote || p >= end || *p != parser->quote) {
        const char *stop = plain_end(parser, p, end);
        bool doubled = parser->sep_len > 1 && stop == end && stop > p && parser->quote &&
                       stop[-1] == parser->quote; /* so does Spark's, at the end of the text */
        if (doubled)
            add_doubled(parser, p, stop);
        else
            add_plain(parser, p, stop);
        return stop;
    }
    const char *close = simple_close(parser, p + 1, end);
    if (!close) return slow_field(parser, p, end);
    add(parser, (struct csv_field){{p + 1, (size_t)(close - p - 1)}, true});
    return close + 1;
}

static const char *skip_spaces(const struct csv_parser *parser, const char *p, const char *end)
{
    while (parser->trim_leading && p < end && (unsigned char)*p <= ' ' && *p != parser->quote &&
           !at_stop(parser, p, end))
        p++;
    return p;
}

const char *hr_csv_record(struct csv_parser *parser, const char *p, const char *end)
{
    size_t newline;
    parser->count = 0;
    parser->too_many = parser->too_long = parser->raised = false;
    p = skip_spaces(parser, p, end);
    if ((newline = newline_at(parser, p, end))) return p + newline; /* an empty line */
    for (;;) {
        p = field(parser, skip_spaces(parser, p, end), end);
        if (!at_sep(parser, p, end) || parser->raised) break;
        p += parser->sep_len;
    }
    return p + newline_at(parser, p, end);
}
