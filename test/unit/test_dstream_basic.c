/* SPDX-License-Identifier: Apache-2.0 */
/* DStreams stepped batch by batch with a manual clock: exact output of every batch. */
#include <headrace/headrace.h>

#include "hr_test.h"

#define SECOND 1000000

struct bench {
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    struct hr_dstream *in;
    char out[8192]; /* "time: rows; " of every batch */
};

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static hr_status note(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct bench *b = arg;
    char *lines[256];
    int n = 0;
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    if (!rows) return err->code;
    for (const struct hr_row *row; (row = hr_rows_next(rows)) && n < 256;) {
        size_t len = hr_row_print(row, NULL, 0);
        lines[n] = malloc(len + 1);
        hr_row_print(row, lines[n++], len + 1);
    }
    hr_rows_free(rows);
    qsort(lines, (size_t)n, sizeof *lines, compare_lines);
    size_t at = strlen(b->out);
    at += (size_t)snprintf(b->out + at, sizeof b->out - at, "%lld:", (long long)(time_us / SECOND));
    for (int i = 0; i < n; i++) {
        at += (size_t)snprintf(b->out + at, sizeof b->out - at, " %s", lines[i]);
        free(lines[i]);
    }
    snprintf(b->out + at, sizeof b->out - at, "; ");
    return 0;
}

/* test_rdd_executor runs this program again with worker processes. */
static uint32_t executors(void)
{
    const char *n = getenv("HR_TEST_EXECUTORS");
    return n ? (uint32_t)strtoul(n, NULL, 10) : 0;
}

static void open_bench(struct bench *b, const char *schema, uint32_t partitions)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2,
                                   .executors = executors(),
                                   .manual_clock = true,
                                   .manual_start_us = 0,
                                   .default_parallelism = partitions};
    b->out[0] = '\0';
    b->ctx = hr_context_new(&o, &err);
    b->ssc = hr_streaming_new(b->ctx, SECOND, &err);
    b->in = hr_queue_stream(b->ssc, schema, true, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
}

static void close_bench(struct bench *b)
{
    hr_streaming_free(b->ssc);
    hr_context_free(b->ctx);
}

/* Each text is a batch of words "a b a"; NULL is the end. */
static hr_status fill_words(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    struct hr_text text = hr_text(arg), word;
    (void)err;
    while (hr_text_next_word(&text, &word)) {
        hr_emit_text(out, word);
        hr_emit_long(out, 1);
        hr_emit_end(out);
    }
    return 0;
}

static void run(struct bench *b, struct hr_dstream *out, const char *const *batches)
{
    struct hr_err err = {0};
    HR_EXPECT_OK(hr_dstream_foreach_rdd(out, note, b, &err));
    HR_EXPECT_OK(hr_streaming_start(b->ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    for (; *batches; batches++) {
        struct hr_rdd *rdd = hr_parallelize(b->ctx, "word STRING, n LONG", fill_words,
                                            (void *)(uintptr_t)*batches, 2, &err);
        HR_EXPECT_OK(hr_queue_push(b->in, rdd, &err));
        HR_EXPECT_OK(hr_streaming_step(b->ssc, &err));
        HR_EXPECT_EQ_STR(err.msg, "");
    }
}

static const char *const BATCHES[] = {"a b a", "b", "", "a c", "c c", NULL};

/* One program over BATCHES, with every number of partitions. */
static void check(struct hr_dstream *(*build)(struct bench *, struct hr_err *),
                  const char *expected)
{
    for (uint32_t partitions = 1; partitions <= 8; partitions *= partitions == 1 ? 2 : 4) {
        struct bench b;
        struct hr_err err = {0};
        open_bench(&b, "word STRING, n LONG", partitions);
        struct hr_dstream *out = build(&b, &err);
        HR_EXPECT_EQ_STR(err.msg, "");
        if (out) run(&b, out, BATCHES);
        HR_EXPECT_EQ_STR(b.out, expected);
        close_bench(&b);
    }
}

#define PROGRAM(name, expr)                                             \
    static struct hr_dstream *name(struct bench *b, struct hr_err *err) \
    {                                                                   \
        return expr;                                                    \
    }

static bool is_a(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_text_eq(hr_row_str(row, 0), hr_text("a"));
}

PROGRAM(counts, hr_dstream_reduce_by_key(b->in, hr_sum, NULL, 0, err))
PROGRAM(only_a, hr_dstream_filter(b->in, is_a, NULL, err))
PROGRAM(count, hr_dstream_count(b->in, err))
PROGRAM(by_value, hr_dstream_count_by_value(b->in, 0, err))
PROGRAM(grouped, hr_dstream_group_by_key(b->in, 0, err))
PROGRAM(window3, hr_dstream_reduce_by_key(hr_dstream_window(b->in, 3 * SECOND, 0, err), hr_sum,
                                          NULL, 0, err))
PROGRAM(window4by2, hr_dstream_reduce_by_key_and_window(b->in, hr_sum, NULL, NULL, NULL, 4 * SECOND,
                                                        2 * SECOND, 0, err))
PROGRAM(inverse3, hr_dstream_reduce_by_key_and_window(b->in, hr_sum, hr_subtract, NULL, NULL,
                                                      3 * SECOND, SECOND, 0, err))
PROGRAM(value_window, hr_dstream_count_by_value_and_window(b->in, 2 * SECOND, SECOND, 0, err))
PROGRAM(count_window, hr_dstream_count_by_window(b->in, 2 * SECOND, SECOND, err))

HR_TEST(batch_operations)
{
    check(counts, "1: (a,2) (b,1); 2: (b,1); 3:; 4: (a,1) (c,1); 5: (c,2); ");
    check(only_a, "1: (a,1) (a,1); 2:; 3:; 4: (a,1); 5:; ");
    check(count, "1: 3; 2: 1; 3: 0; 4: 2; 5: 2; ");
    check(by_value, "1: (a,1,2) (b,1,1); 2: (b,1,1); 3:; 4: (a,1,1) (c,1,1); 5: (c,1,2); ");
    check(grouped, "1: (a,[1, 1]) (b,[1]); 2: (b,[1]); 3:; 4: (a,[1]) (c,[1]); 5: (c,[1, 1]); ");
}

HR_TEST(windows)
{
    check(window3,
          "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,1) (b,1) (c,1); 5: (a,1) (c,3); ");
    check(window4by2, "2: (a,2) (b,2); 4: (a,3) (b,2) (c,1); ");
    check(inverse3, "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,1) (b,1) (c,1); 5: "
                    "(a,1) (b,0) (c,3); ");
    check(value_window, "1: (a,1,2) (b,1,1); 2: (a,1,2) (b,1,2); 3: (b,1,1); 4: (a,1,1) (c,1,1); "
                        "5: (a,1,1) (c,1,3); ");
    check(count_window, "1: 3; 2: 4; 3: 1; 4: 2; 5: 4; ");
}

/* Keeps a running sum; a key goes when a batch had nothing for it and its sum is 1. */
static hr_status running(void *arg, const struct hr_row *key, const struct hr_row *values,
                         const struct hr_row *state, struct hr_emitter *out, struct hr_err *err)
{
    int64_t sum = state ? hr_row_long(state, 0) : 0;
    uint32_t n = hr_row_length(values, 0);
    (void)arg, (void)key, (void)err;
    if (n == 0 && sum == 1) return 0;
    for (uint32_t i = 0; i < n; i++) {
        struct hr_row v;
        if (hr_row_element(values, 0, i, &v)) sum += hr_row_long(&v, 0);
    }
    hr_emit_long(out, sum);
    hr_emit_end(out);
    return 0;
}
PROGRAM(update, hr_dstream_update_state_by_key(b->in, "sum LONG", running, NULL, 0, NULL, err))

static hr_status session(void *arg, int64_t time_us, const struct hr_row *key,
                         const struct hr_row *value, struct hr_state *state, struct hr_emitter *out,
                         struct hr_err *err)
{
    (void)arg, (void)time_us, (void)err;
    int64_t n = hr_state_get(state) ? hr_row_long(hr_state_get(state), 0) : 0;
    if (value) {
        struct hr_emitter *update = hr_state_update(state);
        hr_emit_long(update, ++n);
        hr_emit_end(update);
    }
    hr_emit_text(out, hr_row_str(key, 0));
    hr_emit_long(out, n);
    hr_emit_str(out, hr_state_timing_out(state) ? "closed" : "open");
    hr_emit_end(out);
    return 0;
}

static struct hr_dstream *sessions(struct bench *b, struct hr_err *err)
{
    struct hr_state_spec spec = {.state_schema = "n LONG",
                                 .mapped_schema = "w STRING, n LONG, s STRING",
                                 .fn = session,
                                 .timeout_us = 2 * SECOND};
    return hr_dstream_map_with_state(b->in, &spec, err);
}

static struct hr_dstream *snapshots(struct bench *b, struct hr_err *err)
{
    return hr_dstream_state_snapshots(sessions(b, err), err);
}

HR_TEST(state)
{
    check(update, "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (a,2) (b,2); 4: (a,3) (b,2) (c,1); 5: (a,3) "
                  "(b,2) (c,3); ");
    check(sessions, "1: (a,1,open) (a,2,open) (b,1,open); 2: (b,2,open); 3: (a,2,closed); "
                    "4: (a,1,open) (b,2,closed) (c,1,open); 5: (c,2,open) (c,3,open); ");
    check(snapshots, "1: (a,2) (b,1); 2: (a,2) (b,2); 3: (b,2); 4: (a,1) (c,1); 5: (a,1) (c,3); ");
}

static _Atomic int mapped_rows;
static hr_status count_calls(void *arg, const struct hr_row *row, struct hr_emitter *out,
                             struct hr_err *err)
{
    (void)arg, (void)err;
    mapped_rows++;
    hr_emit_row(out, row);
    return 0;
}

HR_TEST(shared_part_runs_once)
{
    struct bench b;
    struct hr_err err = {0};
    open_bench(&b, "word STRING, n LONG", 2);
    struct hr_dstream *m = hr_dstream_map(b.in, "word STRING, n LONG", count_calls, NULL, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(hr_dstream_count(m, &err), note, &b, &err));
    run(&b, hr_dstream_reduce_by_key(m, hr_sum, NULL, 0, &err), BATCHES);
    /* a worker counts in its own copy of the variable */
    if (!executors()) HR_EXPECT_EQ_I64(mapped_rows, 8);
    close_bench(&b);
}

HR_TEST(checkpoint_and_restart)
{
    static const char *const FIRST[] = {"a b a", "b", NULL}, *const SECOND_HALF[] = {"", "a c",
                                                                                     "c c", NULL};
    struct hr_dstream *(*programs[])(struct bench *, struct hr_err *) = {update, inverse3, window3,
                                                                         sessions};
    for (int p = 0; p < 4; p++) {
        char dir[] = "/tmp/hr-ds-XXXXXX";
        struct bench whole, b;
        struct hr_err err = {0};
        HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
        open_bench(&whole, "word STRING, n LONG", 2);
        run(&whole, programs[p](&whole, &err), BATCHES);
        close_bench(&whole);
        open_bench(&b, "word STRING, n LONG", 2);
        HR_EXPECT_OK(hr_streaming_checkpoint(b.ssc, dir, &err));
        run(&b, programs[p](&b, &err), FIRST);
        char first[8192];
        snprintf(first, sizeof first, "%s", b.out);
        close_bench(&b);
        open_bench(&b, "word STRING, n LONG", 2);
        HR_EXPECT_OK(hr_streaming_checkpoint(b.ssc, dir, &err));
        run(&b, programs[p](&b, &err), SECOND_HALF);
        char both[sizeof first + sizeof b.out];
        snprintf(both, sizeof both, "%s%s", first, b.out);
        HR_EXPECT_EQ_STR(both, whole.out);
        close_bench(&b);
        /* Another program is refused. */
        open_bench(&b, "word STRING, n LONG", 2);
        HR_EXPECT_OK(hr_streaming_checkpoint(b.ssc, dir, &err));
        HR_EXPECT_OK(hr_dstream_foreach_rdd(only_a(&b, &err), note, &b, &err));
        HR_EXPECT_TRUE(hr_streaming_start(b.ssc, &err) != 0);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_CHECKPOINT_MISMATCH");
        close_bench(&b);
    }
}

static hr_status refuse_c(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    (void)arg;
    if (hr_text_eq(hr_row_str(row, 0), hr_text("c"))) return hr_err_fail(err, "no c here");
    hr_emit_row(out, row);
    return 0;
}

HR_TEST(a_failed_batch_ends_the_stream)
{
    struct bench b;
    struct hr_err err = {0};
    open_bench(&b, "word STRING, n LONG", 2);
    struct hr_dstream *m = hr_dstream_map(b.in, "word STRING, n LONG", refuse_c, NULL, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(m, note, &b, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    HR_EXPECT_OK(hr_queue_push(b.in,
                               hr_parallelize(b.ctx, "word STRING, n LONG", fill_words,
                                              (void *)(uintptr_t) "a c", 1, &err),
                               &err));
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    HR_EXPECT_TRUE(strstr(err.msg, "no c here") != NULL);
    bool ended = false;
    HR_EXPECT_TRUE(hr_streaming_await(b.ssc, -1, &ended, &err) != 0);
    HR_EXPECT_TRUE(ended);
    close_bench(&b);
}
