/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Columns of a CSV sample: names from the header (or _c0, _c1 …; a repeated name gets its position
 * behind it, an empty one is _c<position>); types only with inferSchema: INT, BIGINT, DOUBLE,
 * BOOLEAN, DATE, TIMESTAMP, else STRING, each the narrowest that fits all values.
 */
#include "base/datetime.h"
#include "format/csv/csv.h"

enum kind { K_NULL, K_INT, K_LONG, K_DOUBLE, K_DATE, K_TIMESTAMP, K_BOOL, K_STRING };

struct infer {
    struct hr_arena arena;
    struct csv_options options;
    struct csv_parser parser;
    const char **names;
    enum kind *kinds;
    uint32_t columns;
};

static enum kind kind_of(const struct csv_options *o, const struct csv_field *field)
{
    struct hr_str_view text = field->text;
    int64_t integer;
    int32_t days;
    double real;
    if (text.len == 0 || hr_sv_eq(text, hr_sv(o->null_value))) return K_NULL;
    if (hr_parse_i64(text, &integer)) return integer == (int32_t)integer ? K_INT : K_LONG;
    if (hr_parse_f64(text, &real) || hr_sv_eq(text, hr_sv(o->nan_value)) ||
        hr_sv_eq(text, hr_sv(o->positive_inf)) || hr_sv_eq(text, hr_sv(o->negative_inf)))
        return K_DOUBLE;
    if (hr_sv_eq_nocase(text, hr_sv("true")) || hr_sv_eq_nocase(text, hr_sv("false")))
        return K_BOOL;
    /* y-m-d at least: a year or a time of day alone is no date */
    if (text.len >= 8 && memchr(text.ptr, '-', text.len)) {
        if (text.len <= 10 && hr_parse_date(text, &days)) return K_DATE;
        if (hr_parse_timestamp(text, hr_tz_utc(), &integer)) return K_TIMESTAMP;
    }
    return K_STRING;
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
    if (!in->names || !in->kinds) return HR_OOM(err);
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

static hr_status scan(struct infer *in, const char *p, const char *end, struct hr_err *err)
{
    in->parser.arena = &in->arena;
    while (p < end) {
        const char *newline = memchr(p, '\n', (size_t)(end - p));
        const char *stop = newline ? newline : end;
        const char *line_end = stop > p && stop[-1] == '\r' ? stop - 1 : stop;
        if (line_end == p || (in->parser.comment && *p == in->parser.comment)) {
            p = stop + 1;
            continue;
        }
        const char *after = hr_csv_record(&in->parser, p, in->options.multi_line ? end : line_end);
        p = in->options.multi_line ? after : stop + 1;
        if (in->parser.oom) return HR_OOM(err);
        bool first = !in->names;
        if (first) HR_TRY(take_names(in, err));
        if ((first && in->options.header) || !in->options.infer) continue;
        for (uint32_t i = 0; i < HR_MIN(in->columns, in->parser.count); i++)
            in->kinds[i] = merge(in->kinds[i], kind_of(&in->options, &in->parser.fields[i]));
    }
    return HR_OK;
}

static hr_status make_type(struct infer *in, const struct hr_type **ret, struct hr_err *err)
{
    static const enum hr_type_id ids[] = {
        [K_NULL] = HR_T_STRING, [K_INT] = HR_T_INT,   [K_LONG] = HR_T_LONG,
        [K_DOUBLE] = HR_T_DOUBLE, [K_DATE] = HR_T_DATE, [K_TIMESTAMP] = HR_T_TIMESTAMP,
        [K_BOOL] = HR_T_BOOLEAN, [K_STRING] = HR_T_STRING};
    struct hr_field *fields = HR_NEW_ARRAY(&in->arena, struct hr_field, in->columns + 1);
    if (!fields) return HR_OOM(err);
    for (uint32_t i = 0; i < in->columns; i++)
        fields[i] = (struct hr_field){in->names[i], hr_type(ids[in->kinds[i]]), true};
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
    if (!status) status = scan(&in, sample, sample + size, err);
    if (!status) status = make_type(&in, ret, err);
    hr_csv_parser_done(&in.parser);
    hr_arena_done(&in.arena);
    return status;
}
