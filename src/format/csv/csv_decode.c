/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CSV to batches by Spark's rules: a value that does not convert is NULL and makes the record
 * malformed, so does a record of more or fewer fields than the schema (unless only some columns are
 * read, as in Spark with column pruning).
 */
#include <stdio.h>

#include "base/datetime.h"
#include "column/builder.h"
#include "expr/read_text.h"
#include "format/csv/csv.h"
#include "format/lines.h"

struct csv_decoder {
    struct hr_decoder base;
    struct hr_arena arena;
    struct hr_lines lines;
    struct csv_options options;
    struct csv_parser parser;
    const struct hr_tz *tz;
    struct hr_time_format *date_format, *timestamp_format, *timestamp_ntz_format;
    const struct hr_type *schema, *wanted;
    int32_t *field_of;     /* wanted column → position in the record; -1: the corrupt column */
    uint32_t file_columns; /* fields that a good record has */
    bool pruned;
    struct hr_mem *mem;
    _Atomic int64_t *malformed_rows;
    struct hr_bad_rows *bad; /* gets damaged records, or NULL */
    int64_t at;              /* where the record is, for it */
    const char *origin;
    uint32_t batch_rows;
    bool header_seen;
    /* multiLine: the whole text and where we are in it */
    struct hr_buffer *text;
    const char *begin, *pos, *end;
    struct hr_batch_builder builder;
    uint32_t rows;
};

extern const struct hr_format_vt hr_format_csv;

static struct csv_decoder *decoder(struct hr_decoder *base)
{
    return HR_CONTAINER_OF(base, struct csv_decoder, base);
}

static void csv_close(struct hr_decoder *base)
{
    if (!base) return;
    struct csv_decoder *d = decoder(base);
    hr_lines_done(&d->lines);
    hr_csv_parser_done(&d->parser);
    hr_buffer_unref(d->text);
    hr_arena_done(&d->arena);
    hr_free(d);
}

static hr_status map_columns(struct csv_decoder *d, struct hr_err *err)
{
    d->field_of = HR_NEW_ARRAY(&d->arena, int32_t, d->wanted->field_count + 1);
    if (!d->field_of) return HR_OOM(err);
    int32_t corrupt = hr_type_field_index(d->schema, hr_sv(d->options.corrupt_name));
    if (corrupt >= 0 && d->schema->fields[corrupt].type->id != HR_T_STRING) corrupt = -1;
    d->file_columns = d->schema->field_count - (corrupt >= 0);
    uint32_t read = 0;
    for (uint32_t i = 0; i < d->wanted->field_count; i++) {
        const struct hr_field *field = &d->wanted->fields[i];
        int32_t at = hr_type_field_index(d->schema, hr_sv(field->name));
        if (at < 0) return HR_BUG(err, "CSV: no column %s", field->name);
        if (field->type->id >= HR_T_INTERVAL_YM)
            return HR_RAISE(err, HR_E_UNSUPPORTED_DATATYPE, "typeName",
                            hr_type_sql(&d->arena, field->type));
        d->field_of[i] = at == corrupt ? -1 : at > corrupt && corrupt >= 0 ? at - 1 : at;
        read += at != corrupt;
    }
    d->pruned = read < d->file_columns && d->wanted != d->schema;
    return HR_OK;
}

static hr_status time_format(struct csv_decoder *d, const char *pattern,
                             struct hr_time_format **ret, struct hr_err *err)
{
    return pattern ? hr_time_format_compile(&d->arena, hr_sv(pattern), ret, err) : HR_OK;
}

static bool is_true(const char *text)
{
    return text && hr_str_eq_nocase(text, "true");
}

static hr_status setup(struct csv_decoder *d, const struct hr_format_args *args,
                       struct hr_err *err)
{
    struct csv_options *o = &d->options;
    HR_TRY(hr_csv_options_parse(args, &d->arena, o, err));
    if (args->bad && !hr_options_get(args->options, "mode")) o->mode = CSV_DROPMALFORMED;
    d->tz = args->conf && args->conf->tz ? args->conf->tz : hr_tz_utc();
    if (o->zone && !(d->tz = hr_tz_find(hr_sv(o->zone))))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option timeZone: unknown zone %s", o->zone);
    HR_TRY(time_format(d, o->date_format, &d->date_format, err));
    HR_TRY(time_format(d, o->timestamp_format, &d->timestamp_format, err));
    HR_TRY(time_format(d, o->timestamp_ntz_format, &d->timestamp_ntz_format, err));
    HR_TRY(map_columns(d, err));
    HR_TRY(hr_csv_parser_init(&d->parser, o, err));
    d->parser.single_line = !o->multi_line;
    d->parser.trim_leading = is_true(o->trim_leading);
    d->parser.trim_trailing = is_true(o->trim_trailing);
    return HR_OK;
}

static hr_status csv_open(const struct hr_format_args *args, struct hr_decoder **ret,
                          struct hr_err *err)
{
    struct csv_decoder *d = hr_zalloc(sizeof *d);
    if (!d) return HR_OOM(err);
    d->base.vt = &hr_format_csv;
    hr_arena_init(&d->arena, NULL);
    d->schema = args->schema ? args->schema : args->wanted;
    d->wanted = args->wanted ? args->wanted : args->schema;
    d->mem = args->mem;
    d->malformed_rows = args->malformed_rows;
    d->bad = args->bad;
    d->batch_rows = args->batch_rows ? args->batch_rows : HR_BATCH_ROWS;
    d->origin = hr_arena_strdup(&d->arena, args->origin ? args->origin : "the input");
    hr_status status = d->origin ? setup(d, args, err) : HR_OOM(err);
    hr_lines_init(&d->lines, d->options.line_sep, d->options.multi_line,
                  (size_t)(d->options.max_record_bytes ? d->options.max_record_bytes : 1));
    if (status) {
        csv_close(&d->base);
        return status;
    }
    *ret = &d->base;
    return HR_OK;
}

/* --- Values ----------------------------------------------------------------------------------- */

static bool put_integer(struct hr_builder *b, enum hr_type_id id, struct hr_str_view text)
{
    int64_t v;
    if (text.len > 1 && text.ptr[0] == '+' && text.ptr[1] != '-' && text.ptr[1] != '+') {
        text.ptr++;
        text.len--;
    }
    if (!hr_parse_i64(text, &v)) return false;
    if (id == HR_T_BYTE && v != (int8_t)v) return false;
    if (id == HR_T_SHORT && v != (int16_t)v) return false;
    if (id == HR_T_INT && v != (int32_t)v) return false;
    hr_builder_i64(b, v);
    return true;
}

static bool put_double(struct csv_decoder *d, struct hr_builder *b, struct hr_str_view text)
{
    const struct csv_options *o = &d->options;
    double v;
    if (hr_sv_eq(text, hr_sv(o->nan_value))) v = __builtin_nan("");
    else if (hr_sv_eq(text, hr_sv(o->positive_inf))) v = __builtin_inf();
    else if (hr_sv_eq(text, hr_sv(o->negative_inf))) v = -__builtin_inf();
    else if (!hr_parse_f64(hr_sv_trim(text), &v)) return false;
    hr_builder_f64(b, v);
    return true;
}

static bool put_decimal(struct hr_builder *b, const struct hr_type *type, struct hr_str_view text)
{
    hr_i128 v;
    if (!hr_read_decimal(text, type, &v)) return false;
    hr_builder_decimal(b, v);
    return true;
}

static bool put_time(struct csv_decoder *d, struct hr_builder *b, enum hr_type_id id,
                     struct hr_str_view text)
{
    int64_t us;
    int32_t days;
    if (id == HR_T_DATE && !d->date_format) {
        if (!hr_parse_date(text, &days)) return false;
        hr_builder_i64(b, days);
        return true;
    }
    bool good;
    if (id == HR_T_DATE) {
        good = hr_time_format_parse(d->date_format, text, hr_tz_utc(), &us);
        if (good) us = us >= 0 ? us / HR_US_PER_DAY : -((HR_US_PER_DAY - 1 - us) / HR_US_PER_DAY);
    } else if (id == HR_T_TIME) {
        good = hr_parse_time_of_day(text, &us, &(int){0});
    } else if (id == HR_T_TIMESTAMP) {
        good = d->timestamp_format ? hr_time_format_parse(d->timestamp_format, text, d->tz, &us)
                                   : hr_parse_timestamp(text, d->tz, &us);
    } else {
        good = d->timestamp_ntz_format
                   ? hr_time_format_parse(d->timestamp_ntz_format, text, hr_tz_utc(), &us)
                   : hr_read_timestamp_ntz(text, &us);
    }
    if (good) hr_builder_i64(b, us);
    return good;
}

static bool put_bool(struct hr_builder *b, struct hr_str_view text)
{
    bool is_yes = hr_sv_eq_nocase(text, hr_sv("true"));
    if (!is_yes && !hr_sv_eq_nocase(text, hr_sv("false"))) return false;
    hr_builder_bool(b, is_yes);
    return true;
}

static bool put_text(struct csv_decoder *d, struct hr_builder *b, struct hr_str_view text)
{
    text = hr_lines_utf8(&d->builder.batch->arena, text);
    hr_builder_str_shared(b, text.len ? text : hr_sv(""));
    return true;
}

/* false: it does not fit (and nothing was appended). */
static bool put_value(struct csv_decoder *d, struct hr_builder *b, const struct hr_type *type,
                      const struct csv_field *field)
{
    const struct csv_options *o = &d->options;
    struct hr_str_view text = field->text;
    if (text.len == 0 && !field->quoted) {
        hr_builder_null(b);
        return true;
    }
    if (text.len == 0) text = hr_sv(o->empty_value ? o->empty_value : "");
    if (hr_sv_eq(text, hr_sv(o->null_value))) {
        hr_builder_null(b);
        return true;
    }
    switch (type->id) {
    case HR_T_STRING:
    case HR_T_BINARY: return put_text(d, b, text);
    case HR_T_BYTE:
    case HR_T_SHORT:
    case HR_T_INT:
    case HR_T_LONG: return put_integer(b, type->id, text);
    case HR_T_FLOAT:
    case HR_T_DOUBLE: return put_double(d, b, text);
    case HR_T_DECIMAL: return put_decimal(b, type, text);
    case HR_T_BOOLEAN: return put_bool(b, text);
    case HR_T_DATE:
    case HR_T_TIMESTAMP:
    case HR_T_TIME:
    case HR_T_TIMESTAMP_NTZ: return put_time(d, b, type->id, text);
    default: return false;
    }
}

/* --- Records ---------------------------------------------------------------------------------- */

static hr_status fail_fast(struct csv_decoder *d, struct hr_str_view text, struct hr_err *err)
{
    char copy[260];
    snprintf(copy, sizeof copy, "%.*s", (int)HR_MIN(text.len, (size_t)256), text.ptr);
    HR_RAISE(err, HR_E_MALFORMED_RECORD, "badRecord", copy, "failFastMode", "FAILFAST");
    return hr_err_prefix(err, "%s", d->origin);
}

/* No mode forgives these: the limits, and quotes that are an error by option. */
static hr_status bad_record(struct csv_decoder *d, struct hr_str_view text, struct hr_err *err)
{
    char copy[260];
    snprintf(copy, sizeof copy, "%.*s", (int)HR_MIN(text.len, (size_t)256), text.ptr);
    HR_RAISE(err, HR_E_MALFORMED_CSV_RECORD, "badRecord", copy);
    return hr_err_prefix(err, "%s: %s", d->origin,
                         d->parser.raised     ? "a quote that is not escaped"
                         : d->parser.too_many ? "more fields than maxColumns"
                                              : "a field longer than maxCharsPerColumn");
}

/* Would the record convert? Needed before a row is begun, where damaged rows are dropped. */
static bool converts(struct csv_decoder *d, struct hr_err *err)
{
    struct hr_batch_builder probe, saved = d->builder;
    bool good = true;
    if (hr_batch_builder_init(&probe, d->wanted, 1, d->mem, err)) return false;
    d->builder = probe;
    for (uint32_t i = 0; i < d->wanted->field_count && good; i++) {
        int32_t at = d->field_of[i];
        if (at >= 0 && (uint32_t)at < d->parser.count)
            good = put_value(d, probe.columns[i], d->wanted->fields[i].type, &d->parser.fields[at]);
    }
    d->builder = saved;
    hr_batch_builder_done(&probe);
    return good;
}

static hr_status tell(struct csv_decoder *d, struct hr_str_view text, bool fields,
                      struct hr_err *err)
{
    char why[80];
    if (!d->bad) return HR_OK;
    if (fields)
        snprintf(why, sizeof why, "%u fields, not %u", d->parser.count, d->file_columns);
    else
        snprintf(why, sizeof why, "a value does not fit its column");
    return hr_bad_row(d->bad, text, d->at, why, err);
}

static hr_status record_row(struct csv_decoder *d, struct hr_str_view text, bool *ret_kept,
                            struct hr_err *err)
{
    struct hr_builder **columns = d->builder.columns;
    bool bad = (!d->pruned && d->parser.count != d->file_columns), fields = bad;
    *ret_kept = true;
    if (d->parser.oom) return HR_OOM(err);
    if (d->parser.too_many || d->parser.too_long || d->parser.raised)
        return bad_record(d, text, err);
    if (d->options.mode != CSV_PERMISSIVE && (bad || !converts(d, err))) {
        if (d->malformed_rows) atomic_fetch_add(d->malformed_rows, 1);
        if (d->options.mode == CSV_FAILFAST) return fail_fast(d, text, err);
        *ret_kept = false;
        return tell(d, text, fields, err);
    }
    int32_t corrupt = -1;
    for (uint32_t i = 0; i < d->wanted->field_count; i++) {
        int32_t at = d->field_of[i];
        if (at < 0) {
            corrupt = (int32_t)i;
            continue;
        }
        if ((uint32_t)at >= d->parser.count) {
            hr_builder_null(columns[i]);
        } else if (!put_value(d, columns[i], d->wanted->fields[i].type, &d->parser.fields[at])) {
            hr_builder_null(columns[i]);
            bad = true;
        }
    }
    if (corrupt >= 0 && bad)
        hr_builder_str_shared(columns[corrupt], hr_lines_utf8(&d->builder.batch->arena, text));
    else if (corrupt >= 0)
        hr_builder_null(columns[corrupt]);
    if (bad && d->malformed_rows) atomic_fetch_add(d->malformed_rows, 1);
    d->rows++;
    return bad ? tell(d, text, fields, err) : HR_OK;
}

static hr_status check_header(struct csv_decoder *d, struct hr_err *err)
{
    if (d->options.enforce_schema) return HR_OK;
    int32_t corrupt = hr_type_field_index(d->schema, hr_sv(d->options.corrupt_name));
    bool same = d->parser.count == d->file_columns;
    for (uint32_t i = 0; same && i < d->file_columns; i++) {
        uint32_t at = i + (corrupt >= 0 && (int32_t)i >= corrupt);
        same = hr_sv_eq_nocase(d->parser.fields[i].text, hr_sv(d->schema->fields[at].name));
    }
    if (same) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s: CSV header does not conform to the schema",
                   d->origin);
}

static bool is_blank(struct hr_str_view line)
{
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.ptr[i] > ' ') return false;
    return true;
}

/* A line, or in multiLine the next record of the text. *ret_end behind it. */
static hr_status record(struct csv_decoder *d, const char *p, const char *end,
                        const char **ret_end, struct hr_err *err)
{
    bool kept;
    bool is_comment = d->parser.comment && *p == d->parser.comment;
    if (is_comment || (!d->options.multi_line && is_blank(hr_svn(p, (size_t)(end - p))))) {
        while (p < end && *p != d->parser.newline[0]) p++;
        *ret_end = p < end ? p + 1 : end;
        return HR_OK;
    }
    d->parser.arena = &d->builder.batch->arena;
    const char *after = hr_csv_record(&d->parser, p, end);
    *ret_end = after;
    if (!d->parser.count && !d->parser.raised) return HR_OK; /* an empty line */
    if (d->options.header && !d->header_seen) {
        d->header_seen = true;
        return check_header(d, err);
    }
    if (after > p && d->options.multi_line && after[-1] == '\n') after--;
    if (after > p && d->options.multi_line && after[-1] == '\r') after--;
    return record_row(d, hr_svn(p, (size_t)(after - p)), &kept, err);
}

static hr_status csv_feed(struct hr_decoder *base, struct hr_buffer *buffer, const char *data,
                          size_t size, bool last, struct hr_err *err)
{
    return hr_lines_feed(&decoder(base)->lines, buffer, data, size, last, err);
}

static hr_status fill_lines(struct csv_decoder *d, uint32_t room, struct hr_err *err)
{
    struct hr_buffer *held = NULL, *buffer;
    while (d->rows < room) {
        struct hr_str_view line;
        const char *after;
        bool more;
        HR_TRY(hr_lines_next(&d->lines, &line, &buffer, &more, err));
        if (!more) return HR_OK;
        if (buffer && buffer != held && !hr_batch_hold_buffer(d->builder.batch, buffer))
            return HR_OOM(err);
        held = buffer;
        d->at = d->lines.line_at;
        HR_TRY(record(d, line.ptr, line.ptr + line.len, &after, err));
    }
    return HR_OK;
}

static hr_status fill_text(struct csv_decoder *d, uint32_t room, struct hr_err *err)
{
    if (!d->text) {
        struct hr_str_view whole;
        struct hr_buffer *buffer;
        bool more;
        HR_TRY(hr_lines_next(&d->lines, &whole, &buffer, &more, err));
        if (!more) return HR_OK;
        d->text = hr_buffer_ref(buffer);
        d->begin = d->pos = whole.ptr;
        d->end = whole.ptr + whole.len;
        hr_csv_find_newline(&d->parser, d->pos, d->end);
    }
    if (!hr_batch_hold_buffer(d->builder.batch, d->text)) return HR_OOM(err);
    while (d->pos < d->end && d->rows < room) {
        d->at = d->pos - d->begin;
        HR_TRY(record(d, d->pos, d->end, &d->pos, err));
    }
    return HR_OK;
}

static hr_status finish(struct csv_decoder *d, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_batch *batch;
    HR_TRY(hr_batch_builder_finish(&d->builder, &batch, err));
    if (batch->schema->field_count == 0) batch->row_count = batch->sel_count = d->rows;
    *ret = batch;
    return HR_OK;
}

static bool has_input(const struct csv_decoder *d)
{
    return d->lines.pos < d->lines.end || (d->lines.last && d->lines.carry.len) || d->pos < d->end;
}

static hr_status csv_next(struct hr_decoder *base, struct hr_batch **ret, struct hr_err *err)
{
    struct csv_decoder *d = decoder(base);
    *ret = NULL;
    while (has_input(d)) {
        size_t left = (size_t)(d->lines.end - d->lines.pos) + (size_t)(d->end - d->pos);
        uint32_t room = left / 4 + 8 < d->batch_rows ? (uint32_t)(left / 4 + 8) : d->batch_rows;
        HR_TRY(hr_batch_builder_init(&d->builder, d->wanted, HR_MIN(room, left / 64 + 16), d->mem,
                                     err));
        d->rows = 0;
        hr_status status = d->options.multi_line ? fill_text(d, room, err)
                                                 : fill_lines(d, room, err);
        if (!status && d->rows) return finish(d, ret, err);
        hr_batch_builder_done(&d->builder);
        if (status) return status;
        if (d->options.multi_line && !d->lines.last) return HR_OK;
    }
    return HR_OK;
}

static hr_status message(struct csv_decoder *d, struct hr_str_view text, bool *ret_kept,
                         struct hr_err *err)
{
    *ret_kept = true;
    bool is_comment = text.len && d->parser.comment && *text.ptr == d->parser.comment;
    if (!text.ptr || is_comment || is_blank(text)) {
        for (uint32_t i = 0; i < d->wanted->field_count; i++)
            hr_builder_null(d->builder.columns[i]);
        return HR_OK;
    }
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    d->parser.arena = &d->builder.batch->arena;
    d->parser.single_line = false; /* a line end in it ends the record */
    hr_csv_record(&d->parser, text.ptr, text.ptr + text.len);
    HR_TRY(record_row(d, text, ret_kept, err));
    for (uint32_t i = 0; !*ret_kept && i < d->wanted->field_count; i++)
        hr_builder_null(d->builder.columns[i]);
    return HR_OK;
}

static hr_status csv_messages(struct hr_decoder *base, const struct hr_str_view *messages,
                              uint32_t count, struct hr_batch **ret, struct hr_err *err)
{
    struct csv_decoder *d = decoder(base);
    uint32_t kept_count = 0;
    HR_TRY(hr_batch_builder_init(&d->builder, d->wanted, count + 1, d->mem, err));
    uint32_t *sel = hr_arena_alloc(&d->builder.batch->arena, sizeof *sel * (count + 1));
    hr_status status = sel ? HR_OK : HR_OOM(err);
    for (uint32_t i = 0; !status && i < count; i++) {
        bool kept;
        d->at = i;
        status = message(d, messages[i], &kept, err);
        if (kept) sel[kept_count++] = i;
    }
    d->rows = count;
    struct hr_batch *batch = NULL;
    if (!status) status = finish(d, &batch, err);
    if (status) {
        hr_batch_builder_done(&d->builder);
        return status;
    }
    if (kept_count < count) {
        batch->sel = sel;
        batch->sel_count = kept_count;
    }
    *ret = batch;
    return HR_OK;
}

/* A record may hold line ends, and a header belongs to all of its file. */
static bool csv_splits(const struct hr_options *options)
{
    static const char *const whole[] = {"multiLine", "header"};
    return !hr_format_has_option(options, whole, HR_COUNT(whole));
}

const struct hr_format_vt hr_format_csv = {
    .name = "csv",
    .file_extension = ".csv",
    .options = &hr_csv_options,
    .tells_damage = true,
    .splits = csv_splits,
    .decoder_open = csv_open,
    .feed = csv_feed,
    .next = csv_next,
    .messages = csv_messages,
    .decoder_close = csv_close,
    .infer = hr_csv_infer,
    .encoder_open = hr_csv_encoder_open,
    .begin = hr_csv_begin,
    .encode = hr_csv_encode,
    .encoder_close = hr_csv_encoder_close,
};
