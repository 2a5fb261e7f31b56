/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Words that arrive at a socket, counted in batches of one second:
 *
 *     nc -lk 9999 &
 *     network_word_count localhost 9999 [seconds]
 */
#include <headrace/headrace.h>
#include <stdio.h>
#include <stdlib.h>

static hr_status split(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    struct hr_text line = hr_row_str(row, 0), word;
    (void)arg, (void)err;
    while (hr_text_next_word(&line, &word)) {
        hr_emit_text(out, word);
        hr_emit_long(out, 1);
        hr_emit_end(out);
    }
    return 0;
}

int main(int argc, char **argv)
{
    struct hr_err err = {0};
    const char *host = argc > 1 ? argv[1] : "localhost";
    uint16_t port = (uint16_t)(argc > 2 ? strtoul(argv[2], NULL, 10) : 9999);
    int64_t seconds = argc > 3 ? strtoll(argv[3], NULL, 10) : -1;
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, 1000000, &err);
    struct hr_dstream *lines = hr_socket_text_stream(ssc, host, port, &err);
    struct hr_dstream *words = hr_dstream_flat_map(lines, "word STRING, n LONG", split, NULL, &err);
    struct hr_dstream *counts = hr_dstream_reduce_by_key(words, hr_sum, NULL, 0, &err);
    hr_status status = hr_dstream_print(counts, 10, &err);
    if (status == 0) status = hr_streaming_start(ssc, &err);
    if (status == 0)
        status = hr_streaming_await(ssc, seconds < 0 ? -1 : seconds * 1000000, NULL, &err);
    if (status == 0) status = hr_streaming_stop(ssc, true, &err);
    if (status) fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    return status != 0;
}
