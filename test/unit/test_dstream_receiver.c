/* SPDX-License-Identifier: Apache-2.0 */
/* Receivers: rows stored by their threads, the log after a crash, sockets, rates, graceful
 * stops. */
#include <arpa/inet.h>
#include <headrace/headrace.h>
#include <sys/socket.h>

#include "dstream/rate.h"
#include "hr_test.h"

#define SECOND 1000000

struct collected {
    uint64_t rows;
    int64_t sum;
    uint32_t batches;
};

static hr_status add_up(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct collected *c = arg;
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    (void)time_us;
    if (!rows) return err->code;
    c->batches++;
    for (const struct hr_row *row; (row = hr_rows_next(rows)); c->rows++) {
        int64_t n = 0;
        hr_text_to_long(hr_row_str(row, 0), &n);
        c->sum += n;
    }
    hr_rows_free(rows);
    return 0;
}

/* A reliable receiver: stores 1 … count one by one, and says when all are kept. */
struct numbers {
    int64_t count;
    _Atomic int64_t stored;
};

static hr_status fill_number(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    char text[32];
    (void)err;
    snprintf(text, sizeof text, "%lld", (long long)*(int64_t *)arg);
    hr_emit_str(out, text);
    hr_emit_end(out);
    return 0;
}

static hr_status numbers_start(void *arg, struct hr_receiver *receiver, struct hr_err *err)
{
    struct numbers *n = arg;
    for (int64_t i = 1; i <= n->count && !hr_receiver_stopped(receiver); i++) {
        hr_status status = hr_receiver_store(receiver, fill_number, &i, err);
        if (status) return status;
        n->stored = i;
    }
    return 0;
}

static struct hr_streaming *open_stream(struct hr_context *ctx, struct numbers *n,
                                        struct collected *c, const char *dir)
{
    struct hr_err err = {0};
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_receiver_vt vt = {"numbers", numbers_start, NULL, n};
    struct hr_dstream *in = hr_receiver_stream(ssc, "value STRING", &vt, &err);
    if (dir) HR_EXPECT_OK(hr_streaming_checkpoint(ssc, dir, &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(in, add_up, c, &err));
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    return ssc;
}

static void wait_stored(struct numbers *n)
{
    for (int i = 0; i < 5000 && n->stored < n->count; i++) usleep(1000);
    HR_EXPECT_EQ_I64(n->stored, n->count);
}

HR_TEST(stored_rows_arrive_once)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct numbers n = {.count = 1000};
    struct collected c = {0};
    struct hr_streaming *ssc = open_stream(ctx, &n, &c, NULL);
    wait_stored(&n);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_U64(c.rows, 1000);
    HR_EXPECT_EQ_I64(c.sum, 500500);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

/* The process "dies" with rows stored and not processed: the log brings them back, once. */
HR_TEST(the_log_brings_back_what_was_stored)
{
    char dir[] = "/tmp/hr-wal-XXXXXX";
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct numbers n = {.count = 100}, none = {.count = 0};
    struct collected first = {0}, second = {0}, third = {0};
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    struct hr_streaming *ssc = open_stream(ctx, &n, &first, dir);
    wait_stored(&n);
    hr_streaming_free(ssc); /* at once: no batch ran */
    HR_EXPECT_EQ_U64(first.rows, 0);
    ssc = open_stream(ctx, &none, &second, dir);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_I64(second.sum, 5050);
    hr_streaming_free(ssc);
    ssc = open_stream(ctx, &none, &third, dir);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_U64(third.rows, 0);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

HR_TEST(graceful_stop_processes_the_rest)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(&(struct hr_context_options){.threads = 2}, &err);
    struct numbers n = {.count = 500};
    struct collected c = {0};
    struct hr_streaming *ssc = open_stream(ctx, &n, &c, NULL);
    wait_stored(&n);
    HR_EXPECT_OK(hr_streaming_stop(ssc, true, &err));
    bool ended = false;
    HR_EXPECT_OK(hr_streaming_await(ssc, -1, &ended, &err));
    HR_EXPECT_TRUE(ended);
    HR_EXPECT_EQ_U64(c.rows, 500);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

HR_TEST(max_rate_holds)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(&(struct hr_context_options){.threads = 1}, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct numbers n = {.count = 1000000};
    struct collected c = {0};
    struct hr_receiver_vt vt = {"numbers", numbers_start, NULL, &n};
    HR_EXPECT_OK(hr_dstream_foreach_rdd(hr_receiver_stream(ssc, "value STRING", &vt, &err), add_up,
                                        &c, &err));
    HR_EXPECT_OK(hr_streaming_set(ssc, "spark.streaming.receiver.maxRate", "200", &err));
    HR_EXPECT_TRUE(hr_streaming_set(ssc, "spark.streaming.nonsense", "1", &err) != 0);
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    usleep(500000);
    int64_t stored = n.stored;
    HR_EXPECT_TRUE(stored >= 20 && stored <= 125);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

HR_TEST(socket_lines)
{
    struct hr_err err = {0};
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    int server = socket(AF_INET, SOCK_STREAM, 0);
    HR_ASSERT_TRUE(bind(server, (struct sockaddr *)&at, len) == 0 && listen(server, 1) == 0);
    getsockname(server, (struct sockaddr *)&at, &len);
    struct hr_context_options o = {.threads = 2, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct collected c = {0};
    struct hr_dstream *in = hr_socket_text_stream(ssc, "127.0.0.1", ntohs(at.sin_port), &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(in, add_up, &c, &err));
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    int client = accept(server, NULL, NULL);
    HR_EXPECT_EQ_I64(write(client, "1\n2\r\n", 5), 5);
    HR_EXPECT_EQ_I64(write(client, "30\n4", 4), 4);
    HR_EXPECT_EQ_I64(write(client, "0\n", 2), 2);
    for (int i = 0; i < 200 && c.rows < 4; i++) {
        usleep(5000);
        HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    }
    HR_EXPECT_EQ_U64(c.rows, 4);
    HR_EXPECT_EQ_I64(c.sum, 73);
    hr_streaming_free(ssc); /* while connected */
    close(client);
    close(server);
    hr_context_free(ctx);
}

/* Figures worked out by hand from Spark's formulas. */
HR_TEST(pid_rate_estimator)
{
    struct hr_pid pid = {
        .proportional = 1, .integral = 0.2, .min_rate = 100, .interval_us = SECOND};
    double rate = 0;
    HR_EXPECT_FALSE(hr_pid_update(&pid, 1 * SECOND, 0, SECOND, 0, &rate));
    HR_EXPECT_FALSE(hr_pid_update(&pid, 2 * SECOND, 1000, SECOND, 0, &rate)); /* start: 1000/s */
    HR_EXPECT_TRUE(hr_pid_update(&pid, 3 * SECOND, 1000, 2 * SECOND, 0, &rate));
    HR_EXPECT_NEAR_F64(rate, 500, 1e-9);
    /* 500/s processed, half a second late: 500 - 0.2 * 0.5 * 500 */
    HR_EXPECT_TRUE(hr_pid_update(&pid, 4 * SECOND, 500, SECOND, SECOND / 2, &rate));
    HR_EXPECT_NEAR_F64(rate, 450, 1e-9);
    HR_EXPECT_TRUE(hr_pid_update(&pid, 5 * SECOND, 1, 10 * SECOND, 9 * SECOND, &rate));
    HR_EXPECT_NEAR_F64(rate, 100, 1e-9);
    HR_EXPECT_FALSE(hr_pid_update(&pid, 5 * SECOND, 100, SECOND, 0, &rate)); /* time stood still */
}
