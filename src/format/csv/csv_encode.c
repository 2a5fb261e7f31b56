/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows to CSV as Spark writes them: NULL is nullValue (empty), the empty string is "", white space
 * around values is trimmed, quotes stand where a separator, quote or line end needs them.
 */
#include "base/datetime.h"
#include "base/decimal.h"
#include "format/csv/csv.h"

struct csv_encoder {
    struct hr_encoder base;
    struct hr_arena arena;
    struct csv_options options;
    const struct hr_type *schema;
    const struct hr_tz *tz;
    struct hr_time_format *date_format, *timestamp_format, *timestamp_ntz_format;
    struct hr_buf cell;
    bool trim_leading, trim_trailing;
};

extern const struct hr_format_vt hr_format_csv;

static struct csv_encoder *encoder(struct hr_encoder *base)
{
    return HR_CONTAINER_OF(base, struct csv_encoder, base);
}

void hr_csv_encoder_close(struct hr_encoder *base)
{
    if (!base) return;
    struct csv_encoder *e = encoder(base);
    hr_buf_done(&e->cell);
    hr_arena_done(&e->arena);
    hr_free(e);
}

static bool not_false(const char *text)
{
    return !text || !hr_str_eq_nocase(text, "false");
}

static hr_status setup(struct csv_encoder *e, const struct hr_format_args *args,
                       struct hr_err *err)
{
    struct csv_options *o = &e->options;
    HR_TRY(hr_csv_options_parse(args, &e->arena, o, err));
    e->schema = args->schema;
    for (uint32_t i = 0; i < args->schema->field_count; i++)
        if ((hr_type_is_nested(args->schema->fields[i].type) && !args->texts_of_nested) ||
            args->schema->fields[i].type->id == HR_T_BINARY)
            return HR_FAIL(err, HR_E_UNSUPPORTED_DATATYPE,
                           "The CSV datasource doesn't support the column `%s` of the type %s.",
                           args->schema->fields[i].name,
                           hr_type_sql(&e->arena, args->schema->fields[i].type));
    e->tz = args->conf && args->conf->tz ? args->conf->tz : hr_tz_utc();
    if (o->zone && !(e->tz = hr_tz_find(hr_sv(o->zone))))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option timeZone: unknown zone %s", o->zone);
    const char *timestamp = o->timestamp_format ? o->timestamp_format
                                                : "yyyy-MM-dd'T'HH:mm:ss.SSSXXX";
    const char *ntz = o->timestamp_ntz_format ? o->timestamp_ntz_format
                                              : "yyyy-MM-dd'T'HH:mm:ss.SSS";
    HR_TRY(hr_time_format_compile(&e->arena, hr_sv(timestamp), &e->timestamp_format, err));
    HR_TRY(hr_time_format_compile(&e->arena, hr_sv(ntz), &e->timestamp_ntz_format, err));
    if (o->date_format)
        HR_TRY(hr_time_format_compile(&e->arena, hr_sv(o->date_format), &e->date_format, err));
    e->trim_leading = not_false(o->trim_leading);
    e->trim_trailing = not_false(o->trim_trailing);
    return HR_OK;
}

hr_status hr_csv_encoder_open(const struct hr_format_args *args, struct hr_encoder **ret,
                              struct hr_err *err)
{
    struct csv_encoder *e = hr_zalloc(sizeof *e);
    if (!e) return HR_OOM(err);
    e->base.vt = &hr_format_csv;
    hr_arena_init(&e->arena, NULL);
    hr_status status = setup(e, args, err);
    if (status) {
        hr_csv_encoder_close(&e->base);
        return status;
    }
    *ret = &e->base;
    return HR_OK;
}

static void put_field(struct csv_encoder *e, struct hr_buf *out, struct hr_str_view text)
{
    const struct csv_options *o = &e->options;
    while (e->trim_leading && text.len && (unsigned char)text.ptr[0] <= ' ') {
        text.ptr++;
        text.len--;
    }
    while (e->trim_trailing && text.len && (unsigned char)text.ptr[text.len - 1] <= ' ') text.len--;
    if (text.len == 0) {
        hr_buf_puts(out, o->empty_value ? o->empty_value : "\"\"");
        return;
    }
    char quote = o->quote[0], escape = o->escape[0];
    bool has_quote = quote && memchr(text.ptr, quote, text.len);
    bool quoted = o->quote_all || (has_quote && o->escape_quotes) ||
                  memmem(text.ptr, text.len, o->sep, strlen(o->sep)) ||
                  memchr(text.ptr, '\n', text.len) || memchr(text.ptr, '\r', text.len) ||
                  (o->comment[0] && text.ptr[0] == o->comment[0]);
    if (!quoted || !quote) {
        hr_buf_put_sv(out, text);
        return;
    }
    hr_buf_putc(out, quote);
    for (size_t i = 0; i < text.len; i++) {
        bool needs = text.ptr[i] == quote || (text.ptr[i] == escape && escape != quote);
        if (needs && escape && (has_quote || escape == text.ptr[i])) hr_buf_putc(out, escape);
        hr_buf_putc(out, text.ptr[i]);
    }
    hr_buf_putc(out, quote);
}

hr_status hr_csv_begin(struct hr_encoder *base, struct hr_buf *out, struct hr_err *err)
{
    struct csv_encoder *e = encoder(base);
    if (!e->options.header) return HR_OK;
    for (uint32_t i = 0; i < e->schema->field_count; i++) {
        if (i) hr_buf_puts(out, e->options.sep);
        put_field(e, out, hr_sv(e->schema->fields[i].name));
    }
    hr_buf_puts(out, e->options.line_sep ? e->options.line_sep : "\n");
    return hr_buf_status(out, err);
}

static void put_cell(struct csv_encoder *e, const struct hr_column *col, uint32_t row)
{
    char text[32];
    int64_t us;
    switch (col->type->id) {
    case HR_T_STRING:
        hr_buf_put_sv(&e->cell, hr_string_view((const struct hr_string *)col->values + row));
        break;
    case HR_T_FLOAT: {
        float v = ((const float *)col->values)[row];
        hr_buf_append(&e->cell, text, hr_format_f32(v, text));
        break;
    }
    case HR_T_DOUBLE: {
        double v = ((const double *)col->values)[row];
        hr_buf_append(&e->cell, text, hr_format_f64(v, text));
        break;
    }
    case HR_T_TIMESTAMP:
        us = ((const int64_t *)col->values)[row];
        hr_time_format_print(e->timestamp_format, hr_tz_to_local(e->tz, us), e->tz, &e->cell);
        break;
    case HR_T_TIMESTAMP_NTZ:
        us = ((const int64_t *)col->values)[row];
        hr_time_format_print(e->timestamp_ntz_format, us, hr_tz_utc(), &e->cell);
        break;
    case HR_T_DATE:
        if (e->date_format) {
            us = ((const int32_t *)col->values)[row] * HR_US_PER_DAY;
            hr_time_format_print(e->date_format, us, hr_tz_utc(), &e->cell);
            break;
        }
        /* fall through */
    default: hr_column_print(col, row, e->tz, &e->cell); break;
    }
}

hr_status hr_csv_encode(struct hr_encoder *base, const struct hr_batch *batch, struct hr_buf *out,
                        uint64_t *ret_ends, struct hr_err *err)
{
    struct csv_encoder *e = encoder(base);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint32_t row = batch->sel ? batch->sel[i] : i;
        for (uint32_t c = 0; c < batch->schema->field_count; c++) {
            const struct hr_column *col = &batch->columns[c];
            if (c) hr_buf_puts(out, e->options.sep);
            if (col->type->id == HR_T_NULL || !hr_column_valid(col, row)) {
                hr_buf_puts(out, e->options.null_value);
                continue;
            }
            hr_buf_clear(&e->cell);
            put_cell(e, col, row);
            if (e->cell.failed) return hr_buf_status(&e->cell, err);
            put_field(e, out, hr_svn(e->cell.ptr ? e->cell.ptr : "", e->cell.len));
        }
        hr_buf_puts(out, e->options.line_sep ? e->options.line_sep : "\n");
        if (ret_ends) ret_ends[i] = out->len;
    }
    return hr_buf_status(out, err);
}
