/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines from foreign bytes: no crash, valid batches, and the same rows whatever the block size
 * and whether the fast parsers or the general one decode. The first byte picks the block size.
 */
#include "column/type_parse.h"
#include "format/format.h"

#define SCHEMA                                                                            \
    "a INT, b STRING, c DOUBLE, t TIMESTAMP, m DECIMAL(9,2), s STRUCT<x:BIGINT,y:STRING>," \
    "r ARRAY<INT>, q MAP<STRING,STRING>, o BOOLEAN, _corrupt_record STRING"

static void check(bool good)
{
    if (!good) __builtin_trap();
}

static void decode(const char *data, size_t size, size_t block, struct hr_buf *out)
{
    const struct hr_format_vt *json = hr_format_find("json");
    const struct hr_type *schema;
    struct hr_decoder *dec;
    struct hr_encoder *enc;
    struct hr_arena arena;
    struct hr_options options;
    hr_arena_init(&arena, NULL);
    hr_options_init(&options, &arena);
    check(!hr_schema_parse(hr_sv(SCHEMA), &schema, NULL));
    struct hr_format_args args = {.options = &options, .schema = schema, .batch_rows = 64};
    check(!json->decoder_open(&args, &dec, NULL) && !json->encoder_open(&args, &enc, NULL));
    for (size_t at = 0; at <= size; at += block) {
        size_t n = HR_MIN(block, size - at);
        struct hr_buffer *buffer = hr_buffer_new(n);
        if (n) memcpy(buffer->data, data + at, n);
        check(!json->feed(dec, buffer, buffer->data, n, at + n >= size, NULL));
        hr_buffer_unref(buffer);
        for (;;) {
            struct hr_batch *batch = NULL;
            struct hr_err err;
            check(!json->next(dec, &batch, NULL));
            if (!batch) break;
            check(!hr_batch_verify(batch, &err));
            check(!json->encode(enc, batch, out, NULL, NULL));
            hr_batch_unref(batch);
        }
        if (at + n >= size) break;
    }
    json->decoder_close(dec);
    json->encoder_close(enc);
    hr_arena_done(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    struct hr_buf whole = {0}, pieces = {0}, slow = {0};
    const char *text = (const char *)data + 1;
    unsetenv("HEADRACE_JSON");
    decode(text, size - 1, size, &whole);
    decode(text, size - 1, data[0] + 1u, &pieces);
    setenv("HEADRACE_JSON", "slow", 1);
    decode(text, size - 1, size, &slow);
    check(whole.len == pieces.len && (!whole.len || !memcmp(whole.ptr, pieces.ptr, whole.len)));
    check(whole.len == slow.len && (!whole.len || !memcmp(whole.ptr, slow.ptr, whole.len)));
    hr_buf_done(&whole);
    hr_buf_done(&pieces);
    hr_buf_done(&slow);
    return 0;
}
