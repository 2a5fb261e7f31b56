/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A CSV record into fields, as Spark's parser cuts it:
 *
 *   a,"b,c",  d   separators inside quotes do not count
 *   "a\"b"        the escape in front of a quote (or of itself) inside quotes
 *   "a" ,b        white space behind a closing quote is ignored
 *   "a"b,c        a quote that closes nothing: the field is taken as it stands, up to the separator
 */
#include "format/csv/csv.h"

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
    parser->capacity = 64;
    parser->fields = hr_alloc(parser->capacity * sizeof *parser->fields);
    return parser->fields ? HR_OK : HR_OOM(err);
}

void hr_csv_parser_done(struct csv_parser *parser)
{
    hr_free(parser->fields);
    parser->fields = NULL;
}

static bool at_sep(const struct csv_parser *parser, const char *p, const char *end)
{
    if (p >= end || *p != parser->sep) return false;
    return parser->sep_len == 1 || ((size_t)(end - p) >= parser->sep_len &&
                                    memcmp(p, parser->options->sep, parser->sep_len) == 0);
}

static bool at_line_end(const struct csv_parser *parser, const char *p, const char *end)
{
    return p >= end || (parser->options->multi_line && (*p == '\n' || *p == '\r'));
}

static const char *plain_end(const struct csv_parser *parser, const char *p, const char *end)
{
    if (parser->sep_len == 1 && !parser->options->multi_line) {
        const char *hit = memchr(p, parser->sep, (size_t)(end - p));
        return hit ? hit : end;
    }
    while (!at_line_end(parser, p, end) && !at_sep(parser, p, end)) p++;
    return p;
}

static void add(struct csv_parser *parser, const char *p, const char *q, bool quoted)
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
    if (!quoted) {
        while (parser->trim_leading && p < q && (unsigned char)*p <= ' ') p++;
        while (parser->trim_trailing && p < q && (unsigned char)q[-1] <= ' ') q--;
    }
    parser->fields[parser->count++] = (struct csv_field){{p, (size_t)(q - p)}, quoted};
}

/* The text between quotes with its escapes resolved. */
static void add_unescaped(struct csv_parser *parser, const char *p, const char *q)
{
    char *out = hr_arena_alloc(parser->arena, (size_t)(q - p) + 1), *o = out;
    if (!out) {
        parser->oom = true;
        return;
    }
    while (p < q) {
        bool escaped = *p == parser->escape && p + 1 < q &&
                       (p[1] == parser->quote || p[1] == parser->escape);
        p += escaped;
        *o++ = *p++;
    }
    add(parser, out, o, true);
}

/* A quoted field at p (the opening quote); behind it. */
static const char *quoted_field(struct csv_parser *parser, const char *p, const char *end)
{
    const char *start = p + 1, *q = start;
    bool escapes = false;
    while (q < end) {
        bool escape = *q == parser->escape && q + 1 < end &&
                      (q[1] == parser->quote ||
                       (q[1] == parser->escape && parser->escape != parser->quote));
        if (escape) {
            escapes = true;
            q += 2;
            continue;
        }
        if (*q != parser->quote) {
            q++;
            continue;
        }
        const char *after = q + 1;
        while (after < end && (*after == ' ' || *after == '\t') && !at_sep(parser, after, end))
            after++;
        if (at_line_end(parser, after, end) || at_sep(parser, after, end)) {
            if (escapes)
                add_unescaped(parser, start, q);
            else
                add(parser, start, q, true);
            return after;
        }
        /* A quote in the middle. When quotes alone lead up to the separator, the last one closes.
         */
        const char *run = q + 1;
        while (run < end && *run == parser->quote) run++;
        if (run > q + 1 && q > start &&
            (at_line_end(parser, run, end) || at_sep(parser, run, end))) {
            add(parser, start, run - 1, true);
            return run;
        }
        q = plain_end(parser, run, end);
        add(parser, p, q, false);
        return q;
    }
    /* Never closed: the rest is the field. */
    if (escapes)
        add_unescaped(parser, start, end);
    else
        add(parser, start, end, true);
    return end;
}

const char *hr_csv_record(struct csv_parser *parser, const char *p, const char *end)
{
    parser->count = 0;
    parser->too_many = false;
    for (;;) {
        const char *first = p;
        while (parser->trim_leading && first < end && (*first == ' ' || *first == '\t') &&
               !at_sep(parser, first, end))
            first++;
        if (parser->quote && first < end && *first == parser->quote) {
            p = quoted_field(parser, first, end);
        } else {
            const char *q = plain_end(parser, p, end);
            add(parser, p, q, false);
            p = q;
        }
        if (!at_sep(parser, p, end)) break;
        p += parser->sep_len;
    }
    if (p < end && *p == '\r') p += p + 1 < end && p[1] == '\n' ? 2 : 1;
    else if (p < end && *p == '\n') p++;
    return p;
}
