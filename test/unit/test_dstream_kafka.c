/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka direct streams against librdkafka's mock broker; test/e2e/test_kafka_dstream.py has the
 * real one. */
#include <headrace/headrace.h>

#include "hr_config.h"
#include "hr_test.h"

#define SECOND 1000000

static void refused(const char *topics, const char *const *params, const char *why)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    HR_EXPECT_TRUE(hr_kafka_direct_stream(ssc, topics, params, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, why);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

#if HR_HAVE_RDKAFKA
/* in this order */
#include <librdkafka/rdkafka.h>
/* clang-format off */
#include <librdkafka/rdkafka_mock.h>
/* clang-format on */

#define PARAMS(...) ((const char *const[]){"bootstrap.servers", __VA_ARGS__, NULL})

HR_TEST(parameters_are_checked)
{
    refused("t", PARAMS("x:1", "auto.offset.reset", "newest"),
            "option auto.offset.reset: latest, earliest or none, not newest");
    refused("t", PARAMS("x:1", "enable.auto.commit", "maybe"),
            "option enable.auto.commit: true or false, not maybe");
    refused("t", PARAMS("x:1", "group.id"), "option group.id: has no value");
    refused("t", PARAMS("x:1", "auto.offset.reset", "none"),
            "option startingOffsets: none needs groupOffsets");
    refused("t", NULL, "option kafka.bootstrap.servers: must be given, host:port");
    refused(NULL, PARAMS("x:1"),
            "one of the options subscribe, subscribePattern and assign must be given");
    refused("t", PARAMS("x:1", "no.such.thing", "1"),
            "option kafka.no.such.thing: No such configuration property: \"no.such.thing\"");
}

HR_TEST(commits_are_for_kafka_with_a_group)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *queue = hr_queue_stream(ssc, "n LONG", true, &err);
    struct hr_dstream *alone = hr_kafka_direct_stream(ssc, "t", PARAMS("x:1"), &err);
    struct hr_dstream *in = hr_kafka_direct_stream(ssc, "t", PARAMS("x:1", "group.id", "g"), &err);
    struct hr_offset_range range = {"t", 0, 1, 2}, none = {"t", 0, 0, -1};
    HR_EXPECT_TRUE(hr_dstream_commit_offsets(queue, &range, 1, &err) != 0);
    HR_EXPECT_TRUE(hr_dstream_commit_offsets(NULL, &range, 1, &err) != 0);
    HR_EXPECT_TRUE(hr_dstream_commit_offsets(alone, &range, 1, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "stream 1 has no group to commit to: give it \"group.id\"");
    HR_EXPECT_TRUE(hr_dstream_commit_offsets(in, &none, 1, &err) != 0);
    HR_EXPECT_OK(hr_dstream_commit_offsets(in, &range, 1, &err));
    HR_EXPECT_EQ_U64(hr_rdd_offset_ranges(NULL, NULL, 0), 0);
    HR_EXPECT_EQ_U64(hr_rdd_offset_ranges(hr_range(ctx, 0, 9, 1, 1, &err), NULL, 0), 0);
    HR_EXPECT_TRUE(hr_kafka_rdd(ctx, PARAMS("x:1"), NULL, 0, &err) == NULL);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

struct broker {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *mock;
    const char *bootstrap;
};

static struct broker broker_start(void)
{
    char why[256];
    struct broker b = {.rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), why, sizeof why)};
    b.mock = rd_kafka_mock_cluster_new(b.rk, 1);
    b.bootstrap = rd_kafka_mock_cluster_bootstraps(b.mock);
    rd_kafka_mock_topic_create(b.mock, "t", 2, 1);
    rd_kafka_brokers_add(b.rk, b.bootstrap);
    return b;
}

static void produce(struct broker *b, int partition, const char *letters)
{
    for (; *letters; letters++)
        HR_EXPECT_EQ_I64(
            rd_kafka_producev(b->rk, RD_KAFKA_V_TOPIC("t"), RD_KAFKA_V_PARTITION(partition),
                              RD_KAFKA_V_VALUE((void *)(uintptr_t)letters, 1),
                              RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END),
            0);
    HR_EXPECT_EQ_I64(rd_kafka_flush(b->rk, 10000), 0);
}

struct reading {
    struct hr_dstream *in;
    bool commit, fail;
    char out[512]; /* "abc [0,2)[0,1); " of each batch */
};

static hr_status note(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct reading *r = arg;
    struct hr_offset_range ranges[2];
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    (void)time_us;
    if (!rows) return err->code;
    size_t at = strlen(r->out);
    for (const struct hr_row *row; (row = hr_rows_next(rows));)
        r->out[at++] = hr_row_str(row, 1).ptr[0];
    hr_rows_free(rows);
    HR_EXPECT_EQ_U64(hr_rdd_offset_ranges(rdd, NULL, 0), 2);
    HR_EXPECT_EQ_U64(hr_rdd_offset_ranges(rdd, ranges, 2), 2);
    for (int i = 0; i < 2; i++) {
        HR_EXPECT_EQ_STR(ranges[i].topic, "t");
        HR_EXPECT_EQ_I64(ranges[i].partition, i);
        at += (size_t)snprintf(r->out + at, sizeof r->out - at, " [%lld,%lld)",
                               (long long)ranges[i].from, (long long)ranges[i].until);
    }
    snprintf(r->out + at, sizeof r->out - at, "; ");
    if (r->fail) return hr_err_fail(err, "broken");
    return r->commit ? hr_dstream_commit_offsets(r->in, ranges, 2, err) : 0;
}

/* Two batches of at most two messages a partition. */
static void run(struct broker *b, const char *auto_commit, bool commit, const char *expected)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 1, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct reading r = {.commit = commit};
    HR_EXPECT_OK(hr_streaming_set(ssc, "spark.streaming.kafka.maxRatePerPartition", "2", &err));
    r.in = hr_kafka_direct_stream(ssc, "t",
                                  PARAMS(b->bootstrap, "group.id", "g", "auto.offset.reset",
                                         "earliest", "enable.auto.commit", auto_commit),
                                  &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(r.in, note, &r, &err));
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_STR(r.out, expected);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

HR_TEST(ranges_and_commits)
{
    struct broker b = broker_start();
    produce(&b, 0, "abcde");
    produce(&b, 1, "x");
    run(&b, "false", false, "abx [0,2) [0,1); cd [2,4) [1,1); ");
    run(&b, "false", true, "abx [0,2) [0,1); cd [2,4) [1,1); ");
    run(&b, "true", false, "e [4,5) [1,1);  [5,5) [1,1); ");
    produce(&b, 1, "y");
    run(&b, "true", false, "y [5,5) [1,2);  [5,5) [2,2); ");
    rd_kafka_mock_cluster_destroy(b.mock);
    rd_kafka_destroy(b.rk);
}

/* A batch that was cut short takes the same offsets again, though there are more by now. */
HR_TEST(a_batch_is_run_again_with_its_own_range)
{
    char dir[] = "/tmp/hr-cp-XXXXXX";
    struct broker b = broker_start();
    struct hr_err err = {0};
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    produce(&b, 0, "ab");
    for (int i = 0; i < 2; i++) {
        struct hr_context_options o = {.threads = 1, .manual_clock = true};
        struct hr_context *ctx = hr_context_new(&o, &err);
        struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
        struct reading r = {.fail = i == 0};
        r.in = hr_kafka_direct_stream(ssc, "t",
                                      PARAMS(b.bootstrap, "auto.offset.reset", "earliest"), &err);
        HR_EXPECT_OK(hr_streaming_checkpoint(ssc, dir, &err));
        HR_EXPECT_OK(hr_dstream_foreach_rdd(r.in, note, &r, &err));
        HR_EXPECT_OK(hr_streaming_start(ssc, &err));
        HR_EXPECT_EQ_I64(hr_streaming_step(ssc, &err) != 0, i == 0);
        produce(&b, 0, "c");
        if (i) HR_EXPECT_OK(hr_streaming_step(ssc, &err));
        HR_EXPECT_EQ_STR(r.out, i ? "ab [0,2) [0,0); cc [2,4) [0,0); " : "ab [0,2) [0,0); ");
        hr_streaming_free(ssc);
        hr_context_free(ctx);
    }
    rd_kafka_mock_cluster_destroy(b.mock);
    rd_kafka_destroy(b.rk);
}

HR_TEST(an_rdd_of_ranges)
{
    struct broker b = broker_start();
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(&(struct hr_context_options){.threads = 4}, &err);
    struct hr_offset_range ranges[] = {
        {"t", 1, 0, 1}, {"t", 0, 1, 3}, {"t", 0, 4, 4}, {"t", 0, 0, 5}, {"t", 0, 3, 5}};
    struct hr_offset_range got[5];
    char values[16] = "";
    produce(&b, 0, "abcde");
    produce(&b, 1, "x");
    struct hr_rdd *rdd = hr_kafka_rdd(ctx, PARAMS(b.bootstrap), ranges, 5, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_ASSERT_TRUE(rdd != NULL);
    HR_EXPECT_EQ_U64(hr_rdd_partitions(rdd), 5);
    HR_EXPECT_EQ_U64(hr_rdd_offset_ranges(rdd, got, 5), 5);
    HR_EXPECT_EQ_I64(got[1].until, 3);
    struct hr_rows *rows = hr_rdd_collect(rdd, &err);
    HR_ASSERT_TRUE(rows != NULL);
    for (const struct hr_row *row; (row = hr_rows_next(rows)) && strlen(values) < 15;)
        values[strlen(values)] = hr_row_str(row, 1).ptr[0];
    HR_EXPECT_EQ_STR(values, "xbcabcdede"); /* several of one partition at a time */
    hr_rows_free(rows);
    ranges[0].until = 2;
    HR_EXPECT_TRUE(hr_kafka_rdd(ctx, PARAMS(b.bootstrap), ranges, 3, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "range 0: t-1 [0, 2) is not within the messages that are there, [0, "
                              "1)");
    hr_context_free(ctx);
    rd_kafka_mock_cluster_destroy(b.mock);
    rd_kafka_destroy(b.rk);
}
#else
HR_TEST(kafka_is_not_in_this_build)
{
    refused("t", NULL,
            "Failed to find the data source: kafka. Make sure the provider name is "
            "correct and the package is properly registered and compatible with your "
            "Spark version.");
}
#endif
