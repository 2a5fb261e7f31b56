/* SPDX-License-Identifier: Apache-2.0 */
/* CSV from foreign bytes: no crash, valid batches, the same rows whatever the block size. The first
 * byte picks the block size, the second the options. */
#include "column/type_parse.h"
#include "format/format.h"

static void check(bool good)
{
    if (!good) __builtin_trap();
}

static void decode(const char *data, size_t size, size_t block, unsigned how, struct hr_buf *out)
{
    static const char *const option[][2] = {
        {"multiLine", "true"},    {"header", "true"},
        {"escape", "\""},         {"sep", "||"},
        {"comment", "#"},         {"ignoreLeadingWhiteSpace", "true"},
        {"mode", "DROPMALFORMED"}};
    const struct hr_format_vt *csv = hr_format_find("csv"), *json = hr_format_find("json");
    const struct hr_type *schema;
    struct hr_decoder *dec;
    struct hr_encoder *enc;
    struct hr_arena arena;
    struct hr_options options;
    hr_arena_init(&arena, NULL);
    hr_options_init(&options, &arena);
    check(!hr_schema_parse(hr_sv("a INT, b STRING, c DOUBLE, t TIMESTAMP, _corrupt_record STRING"),
                           &schema, NULL));
    for (size_t i = 0; i < HR_COUNT(option); i++)
        if (how >> i & 1) check(!hr_options_put(&options, option[i][0], option[i][1], NULL));
    struct hr_format_args args = {.options = &options, .schema = schema, .batch_rows = 64};
    struct hr_format_args plain = {.schema = schema};
    check(!csv->decoder_open(&args, &dec, NULL) && !json->encoder_open(&plain, &enc, NULL));
    for (size_t at = 0; at <= size; at += block) {
        size_t n = HR_MIN(block, size - at);
        struct hr_buffer *buffer = hr_buffer_new(n);
        if (n) memcpy(buffer->data, data + at, n);
        check(!csv->feed(dec, buffer, buffer->data, n, at + n >= size, NULL));
        hr_buffer_unref(buffer);
        for (;;) {
            struct hr_batch *batch = NULL;
            check(!csv->next(dec, &batch, NULL));
            if (!batch) break;
            check(!hr_batch_verify(batch, NULL));
            check(!json->encode(enc, batch, out, NULL, NULL));
            hr_batch_unref(batch);
        }
        if (at + n >= size) break;
    }
    csv->decoder_close(dec);
    json->encoder_close(enc);
    hr_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 3) return 0;
    struct hr_buf whole = {0}, pieces = {0};
    decode((const char *)data + 2, size - 2, size, data[1], &whole);
    decode((const char *)data + 2, size - 2, data[0] + 1u, data[1], &pieces);
    check(whole.len == pieces.len && (!whole.len || !memcmp(whole.ptr, pieces.ptr, whole.len)));
    hr_buf_done(&whole);
    hr_buf_done(&pieces);
    return 0;
}
