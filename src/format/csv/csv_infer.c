/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns of a CSV sample: names from the header (or _c0, _c1 …; a repeated name gets its position
 * behind it, an empty one is _c<position>); types only with inferSchema: INT, BIGINT, DECIMAL for
 * integers beyond it, DOUBLE, BOOLEAN, DATE, TIMESTAMP, else STRING, each the narrowest that fits
 * all values.
 */
#include "base/datetime.h"
#include "format/csv/csv.h"

enum kind { K_NULL, K_INT, K_LONG, K_DECIMAL, K_DOUBLE, K_DATE, K_TIMESTAMP, K_BOOL, K_STRING };

struct infer {
    struct hr_arena arena;
    struct csv_options options;
    struct csv_parser parser;
    const char **names;
    struct hr_str_view head; /* the first record */
    enum kind *kinds;
    uint32_t *digits; /* of the longest integer of a column */
    struct hr_time_format *date_format, *timestamp_format; /* or NULL */
    const struct hr_tz *tz;
    uint32_t columns;
};

/* Digits of an integer without leading zeros; 0: no integer. */
static uint32_t integer_digits(struct hr_str_view text)
{
    uint32_t digits = 0;
    size_t i = text.len && (*text.ptr == '-' || *text.ptr == '+');
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return 0;
        digits += digits || text.ptr[i] != '0' || i + 1 == text.len;
    }
    return digits;
}

static bool is_date(const struct infer *in, struct hr_str_view text)
{
    int64_t us;
    int32_t days;
    if (in->date_format) return hr_time_format_parse(in->date_format, text, hr_tz_utc(), &us);
    /* y-m-d at least: a year alone is no date */
    return text.len >= 8 && text.len <= 10 && memchr(text.ptr, '-', text.len) &&
           hr_parse_date(text, &days);
}

static bool is_timestamp(const struct infer *in, struct hr_str_view text)
{
    int64_t us;
    if (in->timestamp_format) return hr_time_format_parse(in->timestamp_format, text, in->tz, &us);
    return hr_parse_timestamp(text, in->tz, &us);
}

static enum kind kind_of(const struct infer *in, const struct csv_field *field)
{
    const struct csv_options *o = &in->options;
    struct hr_str_view text = field->text;
    int64_t integer;
    double real;
    if (text.len == 0 || hr_sv_eq(text, hr_sv(o->null_value))) return K_NULL;
    if (hr_parse_i64(text, &integer)) return integer == (int32_t)integer ? K_INT : K_LONG;
    uint32_t digits = integer_digits(text);
    if (digits && digits <= 38) return K_DECIMAL;
    if (hr_parse_f64(text, &real) || hr_sv_eq(text, hr_sv(o->nan_value)) ||
        hr_sv_eq(text, hr_sv(o->positive_inf)) || hr_sv_eq(text, hr_sv(o->negative_inf)))
        return K_DOUBLE;
    if (hr_sv_eq_nocase(text, hr_sv("true")) || hr_sv_eq_nocase(text, hr_sv("false")))
        return K_BOOL;
    if (is_date(in, text)) return K_DATE;
    return is_timestamp(in, text) ? K_TIMESTAMP : K_STRING;
}

static enum kind merge(enum kind a, enum kind b)
{
    if (a == b || b == K_NULL) return a;
    if (a == K_NULL) return b;
    if (a <= K_DOUBLE && b <= K_DOUBLE) return HR_MAX(a, b);
    if ((a == K_DATE && b == K_TIMESTAMP) || (a == K_TIMESTAMP && b == K_DATE)) return K_TIMESTAMP;
    return K_STRING;
}

static hr_status take_names(struct infer *in, struct hr_err *err)
{
    struct csv_parser *p = &in->parser;
    in->columns = p->count;
    in->names = HR_NEW_ARRAY(&in->arena, const char *, p->count + 1);
    in->kinds = HR_NEW_ARRAY(&in->arena, enum kind, p->count + 1);
    in->digits = HR_NEW_ARRAY(&in->arena, uint32_t, p->count + 1);
    if (!in->names || !in->kinds || !in->digits) return HR_OOM(err);
    for (uint32_t i = 0; i < p->count; i++) {
        struct hr_str_view text = p->fields[i].text;
        bool repeated = false;
        for (uint32_t j = 0; j < p->count && !repeated; j++)
            repeated = j != i && hr_sv_eq_nocase(p->fields[j].text, text);
        if (!in->options.header || text.len == 0)
            in->names[i] = hr_arena_printf(&in->arena, "_c%u", i);
        else if (repeated)
            in->names[i] = hr_arena_printf(&in->arena, "%.*s%u", (int)text.len, text.ptr, i);
        else
            in->names[i] = hr_arena_strndup(&in->arena, text.ptr, text.len);
        if (!in->names[i]) return HR_OOM(err);
    }
    return HR_OK;
}

static void add_value(struct infer *in, uint32_t i, const struct csv_field *field)
{
    enum kind kind = kind_of(in, field);
    uint32_t digits = kind == K_DECIMAL ? integer_digits(field->text)
                      : kind == K_LONG  ? 20
                      : kind == K_INT   ? 10
                                        : 0;
    in->digits[i] = HR_MAX(in->digits[i], digits);
    in->kinds[i] = merge(in->kinds[i], kind);
}

static hr_status scan(struct infer *in, const char *p, const char *end, struct hr_err *err)
{
    in->parser.arena = &in->arena;
    in->parser.single_line = !in->options.multi_line;
    if (in->options.multi_line) hr_csv_find_newline(&in->parser, p, end);
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        const char *line_end = stop > p && stop[-1] == '\r' ? stop - 1 : stop;
        if (line_end == p || (in->parser.comment && *p == in->parser.comment)) {
            p = stop + 1;
            continue;
        }
        const char *after = hr_csv_record(&in->parser, p, in->options.multi_line ? end : line_end);
        const char *line_stop = in->options.multi_line ? after : line_end;
        struct hr_str_view line = hr_svn(p, (size_t)(line_stop - p));
        p = in->options.multi_line ? after : stop + 1;
        if (in->parser.oom) return HR_OOM(err);
        if (!in->parser.count) continue;
        bool first = !in->names;
        if (first) HR_TRY(take_names(in, err));
        if (first) in->head = line;
        /* every file has the header again */
        if ((in->options.header && hr_sv_eq(line, in->head)) || !in->options.infer) continue;
        for (uint32_t i = 0; i < HR_MIN(in->columns, in->parser.count); i++)
            add_value(in, i, &in->parser.fields[i]);
    }
    return HR_OK;
}

static hr_status make_type(struct infer *in, const struct hr_type **ret, struct hr_err *err)
{
    static const enum hr_type_id ids[] = {
        [K_NULL] = HR_T_STRING, [K_INT] = HR_T_INT,   [K_LONG] = HR_T_LONG,
        [K_DECIMAL] = HR_T_DECIMAL, [K_DOUBLE] = HR_T_DOUBLE, [K_DATE] = HR_T_DATE,
        [K_TIMESTAMP] = HR_T_TIMESTAMP,
        [K_BOOL] = HR_T_BOOLEAN, [K_STRING] = HR_T_STRING};
    struct hr_field *fields = HR_NEW_ARRAY(&in->arena, struct hr_field, in->columns + 1);
    if (!fields) return HR_OOM(err);
    for (uint32_t i = 0; i < in->columns; i++)
        fields[i] = (struct hr_field){in->names[i],
                                      in->kinds[i] == K_DECIMAL
                                          ? hr_type_decimal((int)in->digits[i], 0)
                                          : hr_type(ids[in->kinds[i]]),
                                      true};
    const struct hr_type *type = hr_type_struct(fields, in->columns);
    if (!type) return HR_OOM(err);
    *ret = type;
    return HR_OK;
}

hr_status hr_csv_infer(const struct hr_format_args *args, const char *sample, size_t size,
                       const struct hr_type **ret, struct hr_err *err)
{
    struct infer in;
    memset(&in, 0, sizeof in);
    hr_arena_init(&in.arena, NULL);
    hr_status status = hr_csv_options_parse(args, &in.arena, &in.options, err);
    if (!status) status = hr_csv_parser_init(&in.parser, &in.options, err);
    in.tz = hr_tz_utc();
    if (!status && in.options.date_format)
        status = hr_time_format_compile(&in.arena, hr_sv(in.options.date_format), &in.date_format,
                                        err);
    if (!status && in.options.timestamp_format)
        status = hr_time_format_compile(&in.arena, hr_sv(in.options.timestamp_format),
                                        &in.timestamp_format, err);
    if (!status) status = scan(&in, sample, sample + size, err);
    if (!status) status = make_type(&in, ret, err);
    hr_csv_parser_done(&in.parser);
    hr_arena_done(&in.arena);
    return status;
}
