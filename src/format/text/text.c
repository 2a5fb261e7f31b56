/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of text: one column of type STRING, a row a line (or, with wholetext, a file). */
#include "format/format.h"
#include "format/lines.h"

struct text_options {
    const char *line_sep;
    int64_t max_record_bytes;
    bool whole;
};
static const struct hr_opt_spec specs[] = {
    {"lineSep", HR_OPT_STRING, offsetof(struct text_options, line_sep), NULL, 0, 0, NULL,
     "what ends a line; else \\n, \\r\\n and \\r"},
    {"wholetext", HR_OPT_BOOL, offsetof(struct text_options, whole), "false", 0, 0, NULL,
     "a file is one row"},
    {"maxRecordBytes", HR_OPT_BYTES, offsetof(struct text_options, max_record_bytes), "64m", 1024,
     INT64_C(2) << 30, NULL, "a longer line is an error"},
    {"encoding", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "input must be UTF-8"},
};

static const struct hr_opt_table option_table = {specs, HR_COUNT(specs)};

extern const struct hr_format_vt hr_format_text;

struct text_decoder {
    struct hr_decoder base;
    struct hr_arena arena;
    struct hr_lines lines;
    const struct hr_type *wanted;
    struct hr_mem *mem;
    uint32_t batch_rows;
};

struct text_encoder {
    struct hr_encoder base;
    char separator[16];
};

static hr_status parse_options(const struct hr_format_args *args, struct text_options *o,
                               struct hr_err *err)
{
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), args->options, o, err));
    if (o->line_sep && (!*o->line_sep || strlen(o->line_sep) > 15))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option lineSep: 1 to 15 bytes");
    return HR_OK;
}

/* wholetext makes a row of a file, lineSep rows of what is between separators. */
static bool text_splits(const struct hr_options *options)
{
    static const char *const whole[] = {"wholetext"};
    return !hr_format_has_option(options, whole, HR_COUNT(whole));
}

static hr_status text_check(const struct hr_type *schema, bool writing, struct hr_err *err)
{
    if (schema->field_count == 1 && schema->fields[0].type->id == HR_T_STRING) return HR_OK;
    if (!writing)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "text has one column, of type STRING");
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                   "text takes one column of type STRING, not %u columns", schema->field_count);
}

static hr_status text_open(const struct hr_format_args *args, struct hr_decoder **ret,
                           struct hr_err *err)
{
    struct text_options o;
    HR_TRY(parse_options(args, &o, err));
    struct text_decoder *d = hr_zalloc(sizeof *d);
    if (!d) return HR_OOM(err);
    d->base.vt = &hr_format_text;
    hr_arena_init(&d->arena, NULL);
    d->wanted = args->wanted ? args->wanted : args->schema;
    d->mem = args->mem;
    d->batch_rows = args->batch_rows ? args->batch_rows : HR_BATCH_ROWS;
    const char *sep = o.line_sep && strcmp(o.line_sep, "\n") != 0
                          ? hr_arena_strdup(&d->arena, o.line_sep)
                          : NULL;
    hr_lines_init(&d->lines, sep, o.whole, (size_t)o.max_record_bytes);
    *ret = &d->base;
    return HR_OK;
}

static void text_close(struct hr_decoder *base)
{
    if (!base) return;
    struct text_decoder *d = HR_CONTAINER_OF(base, struct text_decoder, base);
    hr_lines_done(&d->lines);
    hr_arena_done(&d->arena);
    hr_free(d);
}

static hr_status text_feed(struct hr_decoder *base, struct hr_buffer *buffer, const char *data,
                           size_t size, bool last, struct hr_err *err)
{
    struct text_decoder *d = HR_CONTAINER_OF(base, struct text_decoder, base);
    return hr_lines_feed(&d->lines, buffer, data, size, last, err);
}

static bool put(struct hr_batch *batch, struct hr_str_view text)
{
    text = hr_lines_utf8(&batch->arena, text);
    if (text.len && !text.ptr) return false;
    if (batch->schema->field_count == 1)
        ((struct hr_string *)(uintptr_t)batch->columns[0].values)[batch->row_count] =
            hr_string_make(text.len ? text.ptr : "", (uint32_t)text.len);
    batch->row_count++;
    return true;
}

/* A batch with room for rows. Zero columns are fine: rows are only counted then. */
static hr_status new_batch(struct text_decoder *d, uint32_t rows, struct hr_batch **ret,
                           struct hr_err *err)
{
    struct hr_batch *batch = hr_batch_new(d->wanted, 0, d->mem);
    if (!batch) return HR_OOM(err);
    if (d->wanted->field_count == 1) {
        hr_status status = hr_column_alloc(&batch->arena, d->wanted->fields[0].type, rows, false,
                                           &batch->columns[0], err);
        if (status) {
            hr_batch_unref(batch);
            return status;
        }
    }
    *ret = batch;
    return HR_OK;
}

static void finish(struct hr_batch *batch)
{
    batch->sel_count = batch->row_count;
    if (batch->schema->field_count == 1) batch->columns[0].length = batch->row_count;
}

static hr_status fill(struct text_decoder *d, struct hr_batch *batch, uint32_t room,
                      struct hr_err *err)
{
    struct hr_buffer *held = NULL, *buffer;
    while (batch->row_count < room) {
        struct hr_str_view line;
        bool more;
        HR_TRY(hr_lines_next(&d->lines, &line, &buffer, &more, err));
        if (!more) return HR_OK;
        if (buffer && buffer != held && !hr_batch_hold_buffer(batch, buffer)) return HR_OOM(err);
        held = buffer;
        if (!put(batch, line)) return HR_OOM(err);
    }
    return HR_OK;
}

static hr_status text_next(struct hr_decoder *base, struct hr_batch **ret, struct hr_err *err)
{
    struct text_decoder *d = HR_CONTAINER_OF(base, struct text_decoder, base);
    size_t left = (size_t)(d->lines.end - d->lines.pos);
    uint32_t room = left / 8 + 8 < d->batch_rows ? (uint32_t)(left / 8 + 8) : d->batch_rows;
    struct hr_batch *batch;
    *ret = NULL;
    if (left == 0 && !(d->lines.last && d->lines.carry.len)) return HR_OK;
    HR_TRY(new_batch(d, room, &batch, err));
    hr_status status = fill(d, batch, room, err);
    if (status || batch->row_count == 0) {
        hr_batch_unref(batch);
        return status;
    }
    finish(batch);
    *ret = batch;
    return HR_OK;
}

static hr_status text_messages(struct hr_decoder *base, const struct hr_str_view *messages,
                               uint32_t count, struct hr_batch **ret, struct hr_err *err)
{
    struct text_decoder *d = HR_CONTAINER_OF(base, struct text_decoder, base);
    struct hr_batch *batch;
    HR_TRY(new_batch(d, count, &batch, err));
    uint64_t *validity = hr_arena_zalloc(&batch->arena, hr_bit_words(count) * 8 + 8);
    bool good = validity != NULL, nulls = false;
    for (uint32_t i = 0; good && i < count; i++) {
        nulls |= !messages[i].ptr;
        if (messages[i].ptr) hr_bit_set(validity, i);
        good = put(batch, messages[i].ptr ? messages[i] : hr_sv(""));
    }
    if (!good) {
        hr_batch_unref(batch);
        return HR_OOM(err);
    }
    finish(batch);
    if (nulls && d->wanted->field_count == 1) batch->columns[0].validity = validity;
    *ret = batch;
    return HR_OK;
}

static hr_status text_encoder_open(const struct hr_format_args *args, struct hr_encoder **ret,
                                   struct hr_err *err)
{
    struct text_options o;
    HR_TRY(parse_options(args, &o, err));
    struct text_encoder *e = hr_zalloc(sizeof *e);
    if (!e) return HR_OOM(err);
    e->base.vt = &hr_format_text;
    memcpy(e->separator, o.line_sep ? o.line_sep : "\n",
           strlen(o.line_sep ? o.line_sep : "\n") + 1);
    *ret = &e->base;
    return HR_OK;
}

/* NULL is an empty line, as in Spark. */
static hr_status text_encode(struct hr_encoder *base, const struct hr_batch *batch,
                             struct hr_buf *out, uint64_t *ret_ends, struct hr_err *err)
{
    struct text_encoder *e = HR_CONTAINER_OF(base, struct text_encoder, base);
    if (batch->schema->field_count != 1 || batch->columns[0].type->id != HR_T_STRING)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "text takes one column of type STRING");
    const struct hr_column *col = &batch->columns[0];
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        uint32_t row = batch->sel ? batch->sel[i] : i;
        if (hr_column_valid(col, row))
            hr_buf_put_sv(out, hr_string_view((const struct hr_string *)col->values + row));
        hr_buf_puts(out, e->separator);
        if (ret_ends) ret_ends[i] = out->len;
    }
    return hr_buf_status(out, err);
}

static void text_encoder_close(struct hr_encoder *base)
{
    if (base) hr_free(HR_CONTAINER_OF(base, struct text_encoder, base));
}

const struct hr_format_vt hr_format_text = {
    .name = "text",
    .file_extension = ".txt",
    .options = &option_table,
    .columns = "value STRING",
    .check = text_check,
    .splits = text_splits,
    .decoder_open = text_open,
    .feed = text_feed,
    .next = text_next,
    .messages = text_messages,
    .decoder_close = text_close,
    .encoder_open = text_encoder_open,
    .encode = text_encode,
    .encoder_close = text_encoder_close,
};
