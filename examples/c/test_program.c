/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How to test a DStream program: its graph is built by one function from any input, so that a test
 * gives it a queue in the place of a socket and steps it by a manual clock, batch by batch. No
 * thread runs, nothing waits, and the result is the same every time.
 */
#include <headrace/headrace.h>
#include <stdio.h>
#include <string.h>

#define SECOND 1000000

/* --- The program: errors a host in the last three seconds ------------------------------------- */

/* "host LEVEL text" */
static hr_status error_of(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    struct hr_text line = hr_row_str(row, 0), host, level;
    (void)arg, (void)err;
    if (!hr_text_next_word(&line, &host) || !hr_text_next_word(&line, &level)) return 0;
    if (!hr_text_eq(level, hr_text("ERROR"))) return 0;
    hr_emit_text(out, host);
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return 0;
}

static struct hr_dstream *errors_by_host(struct hr_dstream *lines, struct hr_err *err)
{
    struct hr_dstream *errors =
        hr_dstream_flat_map(lines, "host STRING, n LONG", error_of, NULL, err);
    return hr_dstream_reduce_by_key_and_window(errors, hr_sum, NULL, NULL, NULL, 3 * SECOND,
                                               1 * SECOND, 0, err);
}

/* --- What a test needs once ------------------------------------------------------------------- */

#define TEXT_MAX 1024

/* An output: the batch as text "(h1,2) (h2,1) ; ", in order, at the end of what is there. */
static hr_status append_text(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    char *text = arg;
    size_t at = strlen(text);
    struct hr_rows *rows = hr_rdd_collect(hr_rdd_sort_by_key(rdd, true, 1, err), err);
    (void)time_us;
    if (!rows) return err->code;
    for (const struct hr_row *row; (row = hr_rows_next(rows)) && at + 64 < TEXT_MAX;) {
        at += hr_row_print(row, text + at, 60);
        text[at++] = ' ';
    }
    snprintf(text + at, TEXT_MAX - at, "; ");
    hr_rows_free(rows);
    return 0;
}

static hr_status step(struct hr_streaming *ssc, struct hr_dstream *in, const char *const *lines,
                      size_t count, struct hr_err *err)
{
    struct hr_context *ctx = hr_streaming_context(ssc);
    hr_queue_push(in, hr_parallelize_strings(ctx, lines, count, 2, err), err);
    return hr_streaming_step(ssc, err);
}

static int failures;

static void expect_text(const char *got, const char *expected, const struct hr_err *err)
{
    bool same = err->code == 0 && strcmp(got, expected) == 0;
    failures += !same;
    if (same)
        printf("ok\n");
    else
        printf("FAIL: got \"%s\", expected \"%s\" %s\n", got, expected, err->msg);
}

/* --- The test --------------------------------------------------------------------------------- */

static void test_errors_leave_the_window(void)
{
    struct hr_err err = {0};
    char text[TEXT_MAX] = "";
    struct hr_context *ctx =
        hr_context_new(&(struct hr_context_options){.manual_clock = true}, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, 1 * SECOND, &err);
    struct hr_dstream *in = hr_queue_stream(ssc, "value STRING", true, &err);
    hr_dstream_foreach_rdd(errors_by_host(in, &err), append_text, text, &err);
    hr_streaming_start(ssc, &err);
    step(ssc, in, (const char *[]){"h1 ERROR a", "h2 INFO b", "h1 ERROR c"}, 3, &err);
    step(ssc, in, (const char *[]){"h2 ERROR d", "damaged"}, 2, &err);
    for (int i = 0; i < 3; i++) hr_streaming_step(ssc, &err); /* batches without rows */
    expect_text(text, "(h1,2) ; (h1,2) (h2,1) ; (h1,2) (h2,1) ; (h2,1) ; ; ", &err);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

int main(void)
{
    test_errors_leave_the_window();
    return failures > 0;
}
