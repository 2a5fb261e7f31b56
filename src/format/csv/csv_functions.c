/* SPDX-License-Identifier: Apache-2.0 */
/* CSV for expressions: what from_csv, to_csv and schema_of_csv of the room expr stand on. */
#include "expr/functions/csv.h"
#include "format/csv/csv.h"

extern const struct hr_format_vt hr_format_csv;

static struct hr_format_args args_of(const struct hr_conf *conf, const struct hr_options *options,
                                     const struct hr_type *schema)
{
    return (struct hr_format_args){.conf = conf,
                                   .options = options,
                                   .schema = schema,
                                   .batch_rows = UINT32_MAX,
                                   .origin = "from_csv",
                                   .texts_of_nested = true};
}

/* Options are checked as those of files are: what nobody knows is refused with the nearest. */
static hr_status csv_check(const struct hr_conf *conf, const struct hr_options *options,
                           const struct hr_type *schema, bool writing, struct hr_err *err)
{
    struct hr_format_args args = args_of(conf, options, schema);
    HR_TRY(hr_options_check_known(options, NULL, &hr_csv_options, 1, err));
    if (!schema) {
        struct hr_arena arena;
        struct csv_options parsed;
        hr_arena_init(&arena, NULL);
        hr_status status = hr_csv_options_parse(&args, &arena, &parsed, err);
        hr_arena_done(&arena);
        return status;
    }
    if (writing) {
        struct hr_encoder *encoder;
        HR_TRY(hr_csv_encoder_open(&args, &encoder, err));
        hr_csv_encoder_close(encoder);
        return HR_OK;
    }
    struct hr_decoder *decoder;
    HR_TRY(hr_format_csv.decoder_open(&args, &decoder, err));
    hr_format_csv.decoder_close(decoder);
    return HR_OK;
}

static hr_status csv_read(const struct hr_conf *conf, const struct hr_options *options,
                          const struct hr_type *schema, const struct hr_str_view *texts,
                          uint32_t count, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_format_args args = args_of(conf, options, schema);
    struct hr_decoder *decoder;
    HR_TRY(hr_format_csv.decoder_open(&args, &decoder, err));
    hr_status status = hr_format_csv.messages(decoder, texts, count, ret, err);
    hr_format_csv.decoder_close(decoder);
    return status;
}

/* Records without what ends them. */
static hr_status csv_write(const struct hr_conf *conf, const struct hr_options *options,
                           const struct hr_batch *batch, struct hr_buf *out, uint64_t *ends,
                           struct hr_err *err)
{
    struct hr_format_args args = args_of(conf, options, batch->schema);
    const char *newline = hr_options_get(options, "lineSep");
    const size_t mark = newline && *newline ? strlen(newline) : 1;
    struct hr_encoder *encoder;
    HR_TRY(hr_csv_encoder_open(&args, &encoder, err));
    hr_status status = hr_csv_encode(encoder, batch, out, ends, err);
    hr_csv_encoder_close(encoder);
    if (status) return status;
    size_t from = 0, to = 0;
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        const size_t len = (size_t)ends[i] - from - mark;
        memmove(out->ptr + to, out->ptr + from, len);
        from = (size_t)ends[i];
        ends[i] = to += len;
    }
    out->len = to;
    return HR_OK;
}

static hr_status csv_infer(const struct hr_conf *conf, const struct hr_options *options,
                           struct hr_str_view text, const struct hr_type **ret, struct hr_err *err)
{
    struct hr_format_args args = args_of(conf, options, NULL);
    if (text.len == 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "schema_of_csv: an empty text has no schema");
    return hr_csv_infer(&args, text.ptr, text.len, ret, err);
}

void hr_format_csv_functions(void)
{
    static const struct hr_csv_functions functions = {csv_check, csv_read, csv_write, csv_infer};
    hr_csv_functions_set(&functions);
}
