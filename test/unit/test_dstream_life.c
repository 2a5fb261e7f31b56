/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a streaming context: graphs that are built wrongly and what is said about them, stops
 * with and without grace, waiting, batches that fail and are run again.
 */
#include <pthread.h>

#include "dstream_harness.h"

#define WORDS "word STRING, n LONG"

static const struct ds_mode PLAIN = {.partitions = 2, .pieces = 2};

static hr_status ignore(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)arg, (void)rdd, (void)time_us, (void)err;
    return 0;
}

static hr_status same_row(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_row(out, row);
    return 0;
}

/* --- Graphs built wrongly --------------------------------------------------------------------- */

struct wrong {
    const char *name;
    ds_build_fn build;
    const char *message;
};

DS_PROGRAM(odd_length, hr_dstream_window(b->in, 1500000, SECOND, err))
DS_PROGRAM(odd_slide, hr_dstream_window(b->in, 2 * SECOND, 1500000, err))
DS_PROGRAM(no_length, hr_dstream_window(b->in, 0, SECOND, err))
DS_PROGRAM(negative, hr_dstream_count_by_window(b->in, SECOND, -SECOND, err))
DS_PROGRAM(odd_inverse, hr_dstream_reduce_by_key_and_window(b->in, hr_sum, hr_subtract, NULL, NULL,
                                                            2500000, SECOND, 0, err))
DS_PROGRAM(window_over_slide,
           hr_dstream_window(hr_dstream_window(b->in, 2 * SECOND, 2 * SECOND, err), 3 * SECOND, 0,
                             err))
DS_PROGRAM(endless, hr_dstream_window(b->in, INT64_MAX / SECOND * SECOND, 0, err))
DS_PROGRAM(two_slides,
           hr_dstream_join(hr_dstream_window(b->in, 2 * SECOND, 2 * SECOND, err), b->other, 0, err))
DS_PROGRAM(other_context, hr_dstream_union(b->in, (struct hr_dstream *)(uintptr_t)b->own, err))
DS_PROGRAM(bad_schema, hr_dstream_map(b->in, "word STRIN", same_row, NULL, err))
DS_PROGRAM(other_columns,
           hr_dstream_union(b->in, hr_dstream_map(b->in, "x LONG", same_row, NULL, err), err))
DS_PROGRAM(other_keys,
           hr_dstream_join(b->in, hr_dstream_map(b->in, "x LONG, n LONG", same_row, NULL, err), 0,
                           err))
DS_PROGRAM(no_snapshots, hr_dstream_state_snapshots(b->in, err))

HR_TEST(graphs_built_wrongly)
{
    static const struct wrong CASES[] = {
        {"a length between batches", odd_length,
         "a window of 1500000 µs sliding by 1000000 µs: both must be multiples of the stream's "
         "slide of 1000000 µs"},
        {"a slide between batches", odd_slide,
         "a window of 2000000 µs sliding by 1500000 µs: both must be multiples of the stream's "
         "slide of 1000000 µs"},
        {"no length", no_length,
         "a window of 0 µs sliding by 1000000 µs: both must be multiples of the stream's slide of "
         "1000000 µs"},
        {"a negative slide", negative,
         "a window of 1000000 µs sliding by -1000000 µs: both must be multiples of the stream's "
         "slide of 1000000 µs"},
        {"inverse", odd_inverse,
         "a window of 2500000 µs sliding by 1000000 µs: both must be multiples of the stream's "
         "slide of 1000000 µs"},
        {"a window over longer slides", window_over_slide,
         "a window of 3000000 µs sliding by 2000000 µs: both must be multiples of the stream's "
         "slide of 2000000 µs"},
        {"too long", endless,
         "a window of 9223372036854000000 µs sliding by 1000000 µs: at most 2305843009213693951 "
         "µs"},
        {"two slides", two_slides,
         "streams 2 and 1 have different slides, 2000000 and 1000000 µs: put a window of the same "
         "slide before"},
        {"two contexts", other_context, "the two streams belong to different streaming contexts"},
        {"no snapshots", no_snapshots, "only map_with_state has state snapshots"},
        {"a schema that is none", bad_schema, NULL},
        {"a union of different columns", other_columns, NULL},
        {"a join of different keys", other_keys, NULL},
    };
    struct ds_bench elsewhere = {0};
    ds_open(&elsewhere, &PLAIN, 0, NULL);
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct hr_err err = {0};
        const struct wrong *c = &CASES[i];
        struct ds_bench fresh = {0};
        ds_open(&fresh, &PLAIN, 0, NULL);
        fresh.own = elsewhere.in;
        struct hr_dstream *ds = c->build(&fresh, &err);
        hr_test_check(!ds && err.code && (!c->message || strcmp(err.msg, c->message) == 0),
                      __FILE__, __LINE__, "%s: %s\n    expected \"%s\"", c->name, err.msg,
                      c->message ? c->message : "an error");
        /* The chain behind it says nothing else, and its first error is what the output gives. */
        hr_status first = err.code;
        struct hr_err kept = err;
        struct hr_dstream *chain = hr_dstream_count(
            hr_dstream_window(hr_dstream_filter(ds, NULL, NULL, &err), SECOND, 0, &err), &err);
        HR_EXPECT_TRUE(hr_dstream_union(chain, fresh.in, &err) == NULL);
        HR_EXPECT_TRUE(hr_dstream_union(fresh.in, chain, &err) == NULL);
        HR_EXPECT_TRUE(hr_dstream_cache(chain, &err) == NULL);
        HR_EXPECT_EQ_I64(hr_dstream_foreach_rdd(chain, ignore, NULL, &err), first);
        HR_EXPECT_EQ_I64(hr_dstream_print(chain, 10, &err), first);
        HR_EXPECT_EQ_I64(hr_dstream_save_as_text_files(chain, "x", NULL, &err), first);
        HR_EXPECT_EQ_STR(err.msg, kept.msg);
        /* What is left of the graph works. */
        hr_err_init(&err);
        HR_EXPECT_OK(hr_dstream_foreach_rdd(fresh.in, ignore, NULL, &err));
        HR_EXPECT_OK(hr_streaming_start(fresh.ssc, &err));
        HR_EXPECT_OK(ds_step(&fresh, "a", "b", 2, &err));
        ds_close(&fresh);
    }
    ds_close(&elsewhere);
}

HR_TEST(starts_and_what_comes_after)
{
    struct ds_bench b = {0};
    struct hr_err err = {0};
    struct hr_streaming_listener listener = {0};
    ds_open(&b, &PLAIN, 0, NULL);
    HR_EXPECT_TRUE(hr_streaming_start(b.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "no output operations registered, so nothing to execute");
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "step needs a started streaming context with a manual clock");
    HR_EXPECT_TRUE(hr_dstream_foreach_rdd(b.in, NULL, NULL, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "foreach_rdd without a function");
    HR_EXPECT_OK(hr_dstream_foreach_rdd(b.in, ignore, NULL, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    HR_EXPECT_TRUE(hr_streaming_start(b.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "the streaming context was started before");
    HR_EXPECT_TRUE(hr_dstream_count(b.in, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "streams cannot be added after the start");
    HR_EXPECT_TRUE(hr_queue_stream(b.ssc, WORDS, true, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "streams cannot be added after the start");
    HR_EXPECT_TRUE(hr_dstream_foreach_rdd(b.in, ignore, NULL, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "outputs cannot be added after the start");
    HR_EXPECT_TRUE(hr_dstream_print(b.in, 1, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "outputs cannot be added after the start");
    HR_EXPECT_TRUE(hr_streaming_checkpoint(b.ssc, "/tmp", &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "the checkpoint folder is fixed at the start");
    HR_EXPECT_TRUE(hr_streaming_add_listener(b.ssc, &listener, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "listeners are added before the start");
    HR_EXPECT_TRUE(hr_streaming_set(b.ssc, "spark.streaming.blockInterval", "1", &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "settings are fixed at the start");
    HR_EXPECT_OK(hr_streaming_stop(b.ssc, false, &err));
    HR_EXPECT_OK(hr_streaming_stop(b.ssc, false, &err)); /* again: nothing */
    HR_EXPECT_TRUE(hr_streaming_start(b.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "the streaming context was started before");
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    HR_EXPECT_TRUE(hr_streaming_start(NULL, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "no streaming context");
    ds_close(&b);
    hr_err_init(&err);
    HR_EXPECT_TRUE(hr_streaming_new(NULL, SECOND, &err) == NULL);
    struct hr_context *ctx = hr_context_new(NULL, &err);
    HR_EXPECT_TRUE(hr_streaming_new(ctx, 999, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "a batch interval of 999 µs; at least 1 000");
    hr_context_free(ctx);
}

/* --- transform's errors ----------------------------------------------------------------------- */

static struct hr_rdd *wrong_columns(void *arg, struct hr_rdd *rdd, int64_t time_us,
                                    struct hr_err *err)
{
    (void)arg, (void)time_us;
    return hr_rdd_zip_with_index(rdd, err);
}

static struct hr_rdd *nothing(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)arg, (void)rdd, (void)time_us, (void)err;
    return NULL;
}

static struct hr_rdd *fails(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)arg, (void)rdd;
    hr_err_fail(err, "not at %lld s", (long long)(time_us / SECOND));
    return NULL;
}

HR_TEST(what_transform_may_not_give)
{
    static const struct {
        hr_transform_fn fn;
        const char *message;
    } CASES[] = {
        {wrong_columns,
         "the RDD of stream 2 has the columns word STRING, n BIGINT, index BIGINT, the "
         "stream has word STRING, n BIGINT"},
        {nothing, "stream 2 gave no RDD"},
        {fails, "not at 1 s"},
    };
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct ds_bench b = {0};
        struct hr_err err = {0};
        ds_open(&b, &PLAIN, 0, NULL);
        struct hr_dstream *ds = hr_dstream_transform(b.in, NULL, CASES[i].fn, NULL, &err);
        HR_EXPECT_OK(hr_dstream_foreach_rdd(ds, ignore, NULL, &err));
        HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
        HR_EXPECT_TRUE(ds_step(&b, "a b", NULL, 2, &err) != 0);
        HR_EXPECT_EQ_STR(err.msg, CASES[i].message);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_USER_FUNCTION");
        ds_close(&b);
    }
}

/* --- Batches that fail ------------------------------------------------------------------------ */

static bool refusing;

static hr_status refuse_c(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    (void)arg;
    if (refusing && hr_text_eq(hr_row_str(row, 0), hr_text("c")))
        return hr_err_fail(err, "no c here");
    hr_emit_row(out, row);
    return 0;
}

DS_PROGRAM(refused,
           hr_dstream_reduce_by_key_and_window(hr_dstream_map(b->in, WORDS, refuse_c, NULL, err),
                                               hr_sum, hr_subtract, NULL, NULL, 2 * SECOND, SECOND,
                                               0, err))

static void start_refused(struct ds_bench *b, struct ds_out *out, int64_t now, const char *dir)
{
    struct hr_err err = {0};
    ds_open(b, &PLAIN, now, dir);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(refused(b, &err), ds_note, out, &err));
    HR_EXPECT_OK(hr_streaming_start(b->ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
}

/* Ends the stream, with the same error from then on; the program started again runs it again. */
HR_TEST(a_failed_batch_is_run_again_after_the_restart)
{
    char dir[] = "/tmp/hr-dstream-XXXXXX";
    struct ds_bench b = {0};
    struct ds_out out = {""};
    struct hr_err err = {0};
    bool ended = false;
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    refusing = true;
    start_refused(&b, &out, 0, dir);
    HR_EXPECT_OK(ds_step(&b, "a b", NULL, 2, &err));
    HR_EXPECT_OK(hr_streaming_await(b.ssc, 0, &ended, &err));
    HR_EXPECT_FALSE(ended);
    for (int i = 0; i < 2; i++) { /* not the next batch either: none is skipped */
        HR_EXPECT_TRUE(ds_step(&b, i ? "b" : "a c", NULL, 2, &err) != 0);
        HR_EXPECT_EQ_STR(err.msg, "no c here");
        HR_EXPECT_EQ_I64(hr_streaming_last_batch_us(b.ssc), SECOND);
    }
    hr_err_init(&err);
    HR_EXPECT_TRUE(hr_streaming_await(b.ssc, -1, &ended, &err) != 0);
    HR_EXPECT_TRUE(ended);
    HR_EXPECT_EQ_STR(err.msg, "no c here");
    HR_EXPECT_OK(hr_streaming_stop(b.ssc, true, &err)); /* no batch behind a failed one */
    ds_close(&b);
    refusing = false;
    start_refused(&b, &out, 5 * SECOND, dir);
    hr_err_init(&err);
    HR_EXPECT_EQ_I64(hr_streaming_last_batch_us(b.ssc), SECOND);
    HR_EXPECT_OK(ds_step(&b, "a c", NULL, 2, &err));
    HR_EXPECT_OK(ds_step(&b, "b", NULL, 2, &err));
    HR_EXPECT_EQ_STR(out.text, "1: (a,1) (b,1); 2: (a,2) (b,1) (c,1); 3: (a,1) (b,1) (c,1); ");
    ds_close(&b);
    ds_remove(dir);
}

static hr_status fails_at_2(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)rdd;
    if (time_us == 2 * SECOND) return hr_err_fail(err, "the second one");
    *(int *)arg += 1;
    return 0;
}

static hr_status odd_status(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)arg, (void)rdd, (void)time_us, (void)err;
    return 4711; /* without an error */
}

/* Outputs run in their order; those behind a failed one do not run. */
HR_TEST(outputs_behind_a_failed_one)
{
    struct ds_bench b = {0};
    struct hr_err err = {0};
    int first = 0, third = 0;
    ds_open(&b, &PLAIN, 0, NULL);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(b.in, fails_at_2, &first, &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(b.other, fails_at_2, &third, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    HR_EXPECT_OK(ds_step(&b, "a", "b", 2, &err));
    HR_EXPECT_TRUE(ds_step(&b, "a", "b", 2, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "the second one");
    HR_EXPECT_EQ_I64(first, 1);
    HR_EXPECT_EQ_I64(third, 1);
    ds_close(&b);
    hr_err_init(&err);
    ds_open(&b, &PLAIN, 0, NULL);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(b.in, odd_status, NULL, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    HR_EXPECT_TRUE(ds_step(&b, "a", NULL, 2, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "output 0: status 4711");
    ds_close(&b);
}

/* --- Receivers and stops ---------------------------------------------------------------------- */

/* Stores "1" … "100" (count), tells so, and waits until it is stopped. */
struct hundred {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int count;
    bool stored, stopped;
};

static hr_status hundred_start(void *arg, struct hr_receiver *receiver, struct hr_err *err)
{
    struct hundred *h = arg;
    for (int i = 1; i <= h->count; i++) {
        char text[16];
        snprintf(text, sizeof text, "%d", i);
        hr_status status = hr_receiver_store_text(receiver, hr_text(text), err);
        if (status) return status;
    }
    pthread_mutex_lock(&h->lock);
    h->stored = true;
    pthread_cond_broadcast(&h->changed);
    while (!h->stopped) pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
    return 0;
}

static void hundred_stop(void *arg)
{
    struct hundred *h = arg;
    pthread_mutex_lock(&h->lock);
    h->stopped = true;
    pthread_cond_broadcast(&h->changed);
    pthread_mutex_unlock(&h->lock);
}

static bool adding_fails;

static hr_status add_up(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    (void)time_us;
    if (!rows) return err->code;
    if (adding_fails && hr_rows_count(rows)) {
        hr_rows_free(rows);
        return hr_err_fail(err, "cannot add");
    }
    for (const struct hr_row *row; (row = hr_rows_next(rows));) {
        int64_t n = 0;
        hr_text_to_long(hr_row_str(row, 0), &n);
        *(int64_t *)arg += n;
    }
    hr_rows_free(rows);
    return 0;
}

/* Everything is stored, and no batch has run (the interval is an hour). */
static struct hr_streaming *start_hundred(struct hr_context *ctx, struct hundred *h, int count,
                                          const char *dir, int64_t *sum)
{
    struct hr_err err = {0};
    struct hr_streaming *ssc = hr_streaming_new(ctx, 3600 * SECOND, &err);
    struct hr_receiver_vt vt = {"hundred", hundred_start, hundred_stop, h};
    *sum = 0;
    *h = (struct hundred){PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, count, false, false};
    if (dir) HR_EXPECT_OK(hr_streaming_checkpoint(ssc, dir, &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(hr_receiver_stream(ssc, "value STRING", &vt, &err), add_up,
                                        sum, &err));
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    pthread_mutex_lock(&h->lock);
    while (!h->stored) pthread_cond_wait(&h->changed, &h->lock);
    pthread_mutex_unlock(&h->lock);
    return ssc;
}

HR_TEST(stops_with_grace_and_at_once)
{
    for (int manual = 0; manual < 2; manual++)
        for (int graceful = 0; graceful < 2; graceful++) {
            struct hr_err err = {0};
            struct hr_context_options o = {.threads = 2, .manual_clock = manual};
            struct hr_context *ctx = hr_context_new(&o, &err);
            struct hundred h;
            int64_t sum;
            bool ended = true;
            struct hr_streaming *ssc = start_hundred(ctx, &h, 100, NULL, &sum);
            HR_EXPECT_OK(hr_streaming_await(ssc, 0, &ended, &err));
            HR_EXPECT_FALSE(ended);
            HR_EXPECT_OK(hr_streaming_await(ssc, 1000, NULL, &err));
            HR_EXPECT_OK(hr_streaming_stop(ssc, graceful, &err));
            HR_EXPECT_TRUE(h.stopped);
            HR_EXPECT_EQ_I64(sum, graceful ? 5050 : 0);
            HR_EXPECT_OK(hr_streaming_await(ssc, -1, &ended, &err));
            HR_EXPECT_TRUE(ended);
            HR_EXPECT_EQ_STR(err.msg, "");
            hr_streaming_free(ssc);
            hr_context_free(ctx);
        }
}

/* What a failed batch had taken from a receiver comes back from the log, once. */
HR_TEST(a_failed_batch_loses_no_received_rows)
{
    char dir[] = "/tmp/hr-dstream-XXXXXX";
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    for (int run = 0; run < 4; run++) { /* fails twice, then adds, then there is nothing more */
        struct hundred h;
        int64_t sum;
        adding_fails = run < 2;
        struct hr_streaming *ssc = start_hundred(ctx, &h, run == 0 ? 100 : 0, dir, &sum);
        hr_status status = hr_streaming_step(ssc, &err);
        HR_EXPECT_EQ_STR(err.msg, run < 2 ? "cannot add" : "");
        HR_EXPECT_TRUE((status == 0) == (run >= 2));
        HR_EXPECT_EQ_I64(sum, run == 2 ? 5050 : 0);
        HR_EXPECT_OK(hr_streaming_stop(ssc, false, &err));
        hr_streaming_free(ssc);
        hr_err_init(&err);
    }
    hr_context_free(ctx);
    ds_remove(dir);
}

/* The error of a batch on the stream's own thread reaches whoever waits. */
static hr_status always_fails(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)arg, (void)rdd, (void)time_us;
    return hr_err_fail(err, "the output is broken");
}

static struct hr_streaming *start_fast(struct hr_context *ctx, hr_foreach_rdd_fn fn, void *arg)
{
    struct hr_err err = {0};
    struct hr_streaming *ssc = hr_streaming_new(ctx, 1000, &err);
    struct hr_dstream *in = hr_queue_stream(ssc, WORDS, true, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(in, fn, arg ? arg : ssc, &err));
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    return ssc;
}

HR_TEST(await_gives_the_error_of_a_batch)
{
    struct hr_err err = {0};
    bool ended = false;
    struct hr_context *ctx = hr_context_new(&(struct hr_context_options){.threads = 1}, &err);
    struct hr_streaming *ssc = start_fast(ctx, always_fails, NULL);
    HR_EXPECT_TRUE(hr_streaming_await(ssc, -1, &ended, &err) != 0);
    HR_EXPECT_TRUE(ended);
    HR_EXPECT_EQ_STR(err.msg, "the output is broken");
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

/* An output that has seen enough stops its own stream: the batch ends, then the stream. */
static hr_status stop_here(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    uint64_t n;
    hr_status status = hr_streaming_stop(arg, false, err);
    (void)time_us;
    return status ? status : hr_rdd_count(rdd, &n, err);
}

HR_TEST(a_batch_stops_its_stream)
{
    struct hr_err err = {0};
    bool ended = false;
    struct hr_context *ctx = hr_context_new(&(struct hr_context_options){.threads = 1}, &err);
    struct hr_streaming *ssc = start_fast(ctx, stop_here, NULL);
    HR_EXPECT_OK(hr_streaming_await(ssc, -1, &ended, &err));
    HR_EXPECT_TRUE(ended);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_OK(hr_streaming_stop(ssc, true, &err)); /* it is over already */
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

static struct ds_out stopping_out;
static hr_status note_and_stop(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct ds_bench *b = arg;
    hr_status status = ds_note(&stopping_out, rdd, time_us, err);
    return status || time_us != 2 * SECOND ? status : hr_streaming_stop(b->ssc, true, err);
}

/* The same by a manual clock; graceful, so that one more batch takes what is left. */
HR_TEST(a_step_stops_its_stream)
{
    struct ds_bench b = {0};
    struct hr_err err = {0};
    bool ended = false;
    stopping_out.text[0] = '\0';
    ds_open(&b, &PLAIN, 0, NULL);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(b.in, note_and_stop, &b, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    HR_EXPECT_OK(hr_queue_push(b.in, ds_rdd(&b, "a", 1, &err), &err));
    HR_EXPECT_OK(hr_queue_push(b.in, ds_rdd(&b, "b", 1, &err), &err));
    HR_EXPECT_OK(hr_queue_push(b.in, ds_rdd(&b, "c", 1, &err), &err));
    HR_EXPECT_OK(hr_streaming_step(b.ssc, &err));
    HR_EXPECT_OK(hr_streaming_step(b.ssc, &err));
    HR_EXPECT_EQ_STR(stopping_out.text, "1: (a,1); 2: (b,1); 3: (c,1); ");
    HR_EXPECT_OK(hr_streaming_await(b.ssc, -1, &ended, &err));
    HR_EXPECT_TRUE(ended);
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    ds_close(&b);
}
