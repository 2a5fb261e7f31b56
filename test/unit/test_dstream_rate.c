/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates: Spark's PID estimator by figures worked by hand, and streams that follow it, with a manual
 * clock that the outputs advance.
 */
#include <headrace/headrace.h>

#include "dstream/rate.h"
#include "hr_test.h"

#define SECOND 1000000

/*
 * newRate = latestRate - proportional × error - integral × historicalError - derived × dError,
 * where error = latestRate - processingRate, historicalError = schedulingDelay × processingRate ÷
 * interval and dError = (error - latestError) ÷ (time - latestTime); no less than minRate.
 */
HR_TEST(the_derived_term)
{
    struct hr_pid pid = {.proportional = 1, .derived = 0.5, .min_rate = 10, .interval_us = SECOND};
    double rate = -1;
    /* 100 rows in 1 s: the base, and no rate yet */
    HR_EXPECT_FALSE(hr_pid_update(&pid, 1 * SECOND, 100, 1 * SECOND, 0, &rate));
    HR_EXPECT_NEAR_F64(rate, -1, 0);
    /* 50 a second after 2 s: error 50, dError 25; 100 - 50 - 12.5 */
    HR_EXPECT_TRUE(hr_pid_update(&pid, 3 * SECOND, 200, 4 * SECOND, 0, &rate));
    HR_EXPECT_NEAR_F64(rate, 37.5, 1e-9);
    /* 60 a second after 1 s: error -22.5, dError -72.5; 37.5 + 22.5 + 36.25 */
    HR_EXPECT_TRUE(hr_pid_update(&pid, 4 * SECOND, 60, 1 * SECOND, 0, &rate));
    HR_EXPECT_NEAR_F64(rate, 96.25, 1e-9);
}

HR_TEST(the_integral_term_and_the_smallest_rate)
{
    struct hr_pid pid = {
        .proportional = 0.5, .integral = 0.1, .min_rate = 20, .interval_us = 2 * SECOND};
    double rate;
    HR_EXPECT_FALSE(hr_pid_update(&pid, 2 * SECOND, 400, 2 * SECOND, 0, &rate)); /* 200 a second */
    /* 100 a second, 3 s late: backlog 150; 200 - 0.5 × 100 - 0.1 × 150 */
    HR_EXPECT_TRUE(hr_pid_update(&pid, 4 * SECOND, 100, SECOND, 3 * SECOND, &rate));
    HR_EXPECT_NEAR_F64(rate, 135, 1e-9);
    /* 10 a second, 20 s late: backlog 100; 135 - 0.5 × 125 - 10 = 62.5 */
    HR_EXPECT_TRUE(hr_pid_update(&pid, 6 * SECOND, 10, SECOND, 20 * SECOND, &rate));
    HR_EXPECT_NEAR_F64(rate, 62.5, 1e-9);
    /* 10 a second, 200 s late: 62.5 - 26.25 - 100 is below 20 */
    HR_EXPECT_TRUE(hr_pid_update(&pid, 8 * SECOND, 10, SECOND, 200 * SECOND, &rate));
    HR_EXPECT_NEAR_F64(rate, 20, 1e-9);
}

/* No rows, no time spent, time that stands still or goes back: as if they had not been. */
HR_TEST(updates_that_do_not_count)
{
    struct hr_pid pid = {.proportional = 1, .derived = 1, .interval_us = SECOND};
    double rate;
    HR_EXPECT_FALSE(hr_pid_update(&pid, 1 * SECOND, 0, SECOND, 0, &rate));
    HR_EXPECT_FALSE(hr_pid_update(&pid, 2 * SECOND, 100, SECOND, 0, &rate));
    HR_EXPECT_FALSE(hr_pid_update(&pid, 3 * SECOND, 0, SECOND, 0, &rate));
    HR_EXPECT_FALSE(hr_pid_update(&pid, 3 * SECOND, 10, 0, 0, &rate));
    HR_EXPECT_FALSE(hr_pid_update(&pid, 2 * SECOND, 10, SECOND, 0, &rate));
    HR_EXPECT_FALSE(hr_pid_update(&pid, 1 * SECOND, 10, SECOND, 0, &rate));
    /* 80 a second, 2 s after the base: error 20, dError 10 */
    HR_EXPECT_TRUE(hr_pid_update(&pid, 4 * SECOND, 80, SECOND, 0, &rate));
    HR_EXPECT_NEAR_F64(rate, 70, 1e-9);
}

/* Stores single rows as fast as it may. */
struct eager {
    _Atomic int64_t stored;
};

static void wait_stored(struct eager *e, int64_t count)
{
    for (int i = 0; i < 10000 && e->stored < count; i++) usleep(1000);
    HR_EXPECT_EQ_I64(e->stored, count);
}

struct batches {
    struct hr_context *ctx;
    const int64_t *takes_us;
    struct eager *eager; /* has stored so many when the batch is done */
    const int64_t *stored;
    uint32_t count;
    uint64_t rows[16][2]; /* of batch and input */
};

static hr_status slow(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct batches *b = arg;
    (void)rdd, (void)err, (void)time_us;
    if (b->takes_us) hr_context_advance(b->ctx, b->takes_us[b->count]);
    if (b->eager) wait_stored(b->eager, b->stored[b->count]);
    return 0;
}

static void completed(void *arg, const struct hr_batch_info *info)
{
    struct batches *b = arg;
    for (uint32_t i = 0; i < info->input_count && i < 2; i++)
        b->rows[b->count][i] = info->inputs[i].rows;
    b->count++;
}

static struct hr_streaming *open_stream(struct batches *b)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 1, .manual_clock = true};
    b->ctx = hr_context_new(&o, &err);
    struct hr_streaming *ssc = hr_streaming_new(b->ctx, SECOND, &err);
    struct hr_streaming_listener listener = {.arg = b, .on_batch_completed = completed};
    HR_EXPECT_OK(hr_streaming_add_listener(ssc, &listener, &err));
    return ssc;
}

/* A source that always has more. Ends and delays in seconds; rows as the estimate gives them:
 *   batch  starts  takes  ends   rows   a second  late   the next rate
 *   1      1       2      3      1000   500       0      (base; still the initial rate)
 *   2      3       1      4      1000   1000      1      500 + 500 - 0.2 × 1000 = 800
 *   3      4       0.5    4.5    800    1600      1      800 + 800 - 0.2 × 1600 = 1280
 *   4      4.5     4      8.5    1280   320       0.5    1280 - 960 - 0.2 × 160 = 288
 *   5      8.5     0.288  8.788  288    1000      3.5    288 + 712 - 0.2 × 3500 = 300
 *   6      8.788                 300
 */
HR_TEST(a_slow_batch_makes_the_next_smaller)
{
    static const int64_t takes[] = {2000000, 1000000, 500000, 4000000, 288000, 100000};
    static const uint64_t expected[] = {1000, 1000, 800, 1280, 288, 300};
    static const char *const options[] = {"name", "payments", NULL};
    struct hr_err err = {0};
    struct batches b = {.takes_us = takes};
    struct hr_streaming *ssc = open_stream(&b);
    HR_EXPECT_OK(hr_streaming_set(ssc, "spark.streaming.backpressure.enabled", "true", &err));
    HR_EXPECT_OK(hr_streaming_set(ssc, "spark.streaming.backpressure.initialRate", "1000", &err));
    struct hr_dstream *in = hr_source_stream(ssc, "generator", NULL, options, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(in, slow, &b, &err));
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    for (int i = 0; i < 6; i++) {
        HR_EXPECT_OK(hr_streaming_step(ssc, &err));
        HR_EXPECT_EQ_U64(b.rows[i][0], expected[i]);
    }
    hr_streaming_free(ssc);
    hr_context_free(b.ctx);
}

static hr_status eager_start(void *arg, struct hr_receiver *receiver, struct hr_err *err)
{
    struct eager *e = arg;
    for (;; e->stored++) {
        hr_status status = hr_receiver_store_text(receiver, hr_text("x"), err);
        if (status) return status;
    }
}

/* The rate is of each receiver. The first row is free; then a second of the clock lets in as many
 * as the rate says, no more. */
HR_TEST(receivers_have_a_rate_each)
{
    struct hr_err err = {0};
    struct batches b = {0};
    struct eager e[2] = {0};
    struct hr_streaming *ssc = open_stream(&b);
    HR_EXPECT_OK(hr_streaming_set(ssc, "spark.streaming.receiver.maxRate", "100", &err));
    for (int i = 0; i < 2; i++) {
        struct hr_receiver_vt vt = {"eager", eager_start, NULL, &e[i]};
        struct hr_dstream *in = hr_receiver_stream(ssc, "value STRING", &vt, &err);
        HR_EXPECT_OK(hr_dstream_foreach_rdd(in, slow, &b, &err));
    }
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    for (int i = 0; i < 3; i++) {
        for (int j = 0; j < 2; j++) wait_stored(&e[j], 1 + 100 * i);
        hr_context_advance(b.ctx, SECOND);
        for (int j = 0; j < 2; j++) wait_stored(&e[j], 1 + 100 * (i + 1));
        HR_EXPECT_OK(hr_streaming_step(ssc, &err));
        for (int j = 0; j < 2; j++) HR_EXPECT_EQ_U64(b.rows[i][j], 100u + (i == 0));
    }
    hr_streaming_free(ssc);
    hr_context_free(b.ctx);
}

/* With backpressure the first batch has the initial rate; then the estimate holds, up to the
 * largest rate. 51 rows (the first is free) in 0.5 s: 102 a second, the base. 50 rows in 0.25 s:
 * 200 a second, 102 + 98 = 200, but no more than 120. So a row comes every 20 ms, and from the end
 * of the second batch on, the next being due at 2.26 s, every 8.3 ms: 89 until 3 s. */
HR_TEST(receivers_follow_the_estimate)
{
    static const int64_t takes[] = {500000, 250000, 0}, stored[] = {76, 113, 202};
    struct hr_err err = {0};
    struct eager e = {0};
    struct batches b = {.takes_us = takes, .eager = &e, .stored = stored};
    struct hr_streaming *ssc = open_stream(&b);
    HR_EXPECT_OK(hr_streaming_set(ssc, "spark.streaming.receiver.maxRate", "120", &err));
    HR_EXPECT_OK(hr_streaming_set(ssc, "spark.streaming.backpressure.enabled", "true", &err));
    HR_EXPECT_OK(hr_streaming_set(ssc, "spark.streaming.backpressure.initialRate", "50", &err));
    struct hr_receiver_vt vt = {"eager", eager_start, NULL, &e};
    struct hr_dstream *in = hr_receiver_stream(ssc, "value STRING", &vt, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(in, slow, &b, &err));
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    wait_stored(&e, 1);
    hr_context_advance(b.ctx, SECOND);
    wait_stored(&e, 51);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err)); /* until 1.5 s */
    HR_EXPECT_EQ_U64(b.rows[0][0], 51);
    hr_context_advance(b.ctx, SECOND / 2);
    wait_stored(&e, 101);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err)); /* until 2.25 s */
    HR_EXPECT_EQ_U64(b.rows[1][0], 50);
    hr_context_advance(b.ctx, SECOND - SECOND / 4);
    wait_stored(&e, 202);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_U64(b.rows[2][0], 101);
    hr_streaming_free(ssc);
    hr_context_free(b.ctx);
}
