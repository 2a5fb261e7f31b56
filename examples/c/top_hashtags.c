/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three most used hashtags of the last five batches, after every batch. Reads messages from
 * standard input, 100 lines a batch, with a manual clock: the same input gives the same output.
 */
#include <headrace/headrace.h>
#include <stdio.h>

#define SECOND 1000000

static hr_status hashtags(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    struct hr_text line = hr_row_str(row, 0), word;
    (void)arg, (void)err;
    while (hr_text_next_word(&line, &word)) {
        if (word.len < 2 || word.ptr[0] != '#') continue;
        hr_emit_text(out, word);
        hr_emit_long(out, 1);
        hr_emit_end(out);
    }
    return 0;
}

static bool in_use(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_row_long(row, 1) > 0;
}

static hr_status print_top(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct hr_rows *top = hr_rdd_take_ordered(rdd, 3, "n DESC, tag", err);
    (void)arg;
    if (!top) return err->code;
    printf("%lld s:", (long long)(time_us / SECOND));
    for (const struct hr_row *row; (row = hr_rows_next(top));)
        printf(" %.*s=%lld", (int)hr_row_str(row, 0).len, hr_row_str(row, 0).ptr,
               (long long)hr_row_long(row, 1));
    printf("\n");
    hr_rows_free(top);
    return 0;
}

/* Up to 100 lines. */
static hr_status read_lines(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    char line[4096];
    (void)err;
    for (int i = 0; i < 100 && fgets(line, sizeof line, stdin); i++) {
        hr_emit_str(out, line);
        hr_emit_end(out);
        *(bool *)arg = true;
    }
    return 0;
}

int main(void)
{
    struct hr_err err = {0};
    struct hr_context_options options = {.manual_clock = true};
    struct hr_context *ctx = hr_context_new(&options, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *lines = hr_queue_stream(ssc, "line STRING", true, &err);
    struct hr_dstream *tags =
        hr_dstream_flat_map(lines, "tag STRING, n LONG", hashtags, NULL, &err);
    struct hr_dstream *counts = hr_dstream_reduce_by_key_and_window(
        tags, hr_sum, hr_subtract, in_use, NULL, 5 * SECOND, SECOND, 0, &err);
    hr_status status = hr_dstream_foreach_rdd(counts, print_top, NULL, &err);
    if (status == 0) status = hr_streaming_start(ssc, &err);
    for (bool more = true; status == 0 && more;) {
        more = false;
        struct hr_rdd *batch = hr_parallelize(ctx, "line STRING", read_lines, &more, 0, &err);
        if (!more) break;
        status = hr_queue_push(lines, batch, &err);
        hr_rdd_release(batch); /* the queue has it until its batch has been */
        if (status == 0) status = hr_streaming_step(ssc, &err);
    }
    if (status) fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    return status != 0;
}
