/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka source and sink against librdkafka's mock broker, or a real one named by KAFKA_BOOTSTRAP
 * (tools/kafka run …).
 */
#include "hr_config.h"
#include "connector_fixture.h"

#if HR_HAVE_RDKAFKA
/* in this order */
#include <librdkafka/rdkafka.h>
/* clang-format off */
#include <librdkafka/rdkafka_mock.h>
/* clang-format on */

#include "connector/kafka/offsets.h"

HR_TEST(kafka_offsets_text)
{
    struct fixture *f = fixture();
    struct kafka_offsets offsets;
    struct hr_buf out = {0};
    HR_EXPECT_OK(hr_kafka_offsets_parse(
        &f->arena, " {\"b\" : {\"1\":-1, \"0\":23},\"a\":{\"10\":-2}} ", &offsets, &f->err));
    hr_kafka_offsets_print(&offsets, &out);
    HR_EXPECT_EQ_STR(hr_buf_cstr(&out), "{\"a\":{\"10\":-2},\"b\":{\"0\":23,\"1\":-1}}");
    static const char *const bad[] = {"", "{", "[]", "{\"a\":1}", "{\"a\":{\"x\":1}}",
                                      "{\"a\":{\"0\":-3}}", "{\"a\":{\"0\":1}", "latest"};
    for (size_t i = 0; i < HR_COUNT(bad); i++)
        HR_EXPECT_EQ_I64(hr_kafka_offsets_parse(&f->arena, bad[i], &offsets, &f->err),
                         HR_E_INVALID_ARGUMENT);
    hr_buf_done(&out);
    fixture_done(f);
}

HR_TEST(kafka_options_are_checked)
{
    struct fixture *f = fixture();
#define SERVER "kafka.bootstrap.servers", "127.0.0.1:1"
    HR_EXPECT_TRUE(open_source(f, "kafka", NULL, true, OPTS(SERVER)) == NULL);
    HR_EXPECT_TRUE(open_source(f, "kafka", NULL, true, OPTS("subscribe", "t")) == NULL);
    HR_EXPECT_TRUE(strstr(f->err.msg, "kafka.bootstrap.servers") != NULL);
    HR_EXPECT_TRUE(
        open_source(f, "kafka", NULL, true,
                    OPTS(SERVER, "subscribe", "t", "kafka.auto.offset.reset", "latest")) == NULL);
    HR_EXPECT_TRUE(open_source(f, "kafka", NULL, true, OPTS(SERVER, "subscribe", "t",
                                                            "kafka.no.such", "1")) == NULL);
    HR_EXPECT_TRUE(open_source(f, "kafka", NULL, true, OPTS(SERVER, "subscribe", "t",
                                                            "format", "json")) == NULL);
    HR_EXPECT_TRUE(open_sink(f, "kafka", "a INT", true, HR_MODE_APPEND,
                             OPTS(SERVER, "topic", "t")) == NULL);
    HR_EXPECT_TRUE(strstr(f->err.msg, "'value'") != NULL);
    struct hr_source *s = open_source(f, "kafka", NULL, true,
                                      OPTS(SERVER, "subscribe", "t",
                                           "kafka.request.timeout.ms", "500"));
    HR_ASSERT_TRUE(s != NULL);
    initial(f, s);
    HR_EXPECT_EQ_I64(f->err.code, HR_E_UNAVAILABLE);
    HR_EXPECT_TRUE(strstr(f->err.msg, "127.0.0.1:1 cannot be reached") != NULL);
    s->vt->close(s);
    fixture_done(f);
}

struct broker {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *mock;
    const char *bootstrap;
    char topic[40];
};

static struct broker broker_start(int partitions)
{
    struct broker b = {.bootstrap = getenv("KAFKA_BOOTSTRAP")};
    char why[256], uuid[37];
    hr_env_uuid(hr_env_default(), uuid);
    snprintf(b.topic, sizeof b.topic, "t%.8s", uuid);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (b.bootstrap) rd_kafka_conf_set(conf, "bootstrap.servers", b.bootstrap, why, sizeof why);
    b.rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, why, sizeof why);
    if (!b.bootstrap) {
        b.mock = rd_kafka_mock_cluster_new(b.rk, 1);
        b.bootstrap = rd_kafka_mock_cluster_bootstraps(b.mock);
        rd_kafka_mock_topic_create(b.mock, b.topic, partitions, 1);
        return b;
    }
    rd_kafka_NewTopic_t *topic = rd_kafka_NewTopic_new(b.topic, partitions, 1, why, sizeof why);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(b.rk);
    rd_kafka_CreateTopics(b.rk, &topic, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 15000);
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_NewTopic_destroy(topic);
    return b;
}

static void broker_stop(struct broker *b)
{
    if (b->mock) rd_kafka_mock_cluster_destroy(b->mock);
    rd_kafka_destroy(b->rk);
}

HR_TEST(kafka_round_trip)
{
    struct fixture *f = fixture();
    struct broker b = broker_start(2);
    const char *schema = "key STRING, value STRING, partition INT";
    struct hr_sink *sink =
        open_sink(f, "kafka", schema, true, HR_MODE_APPEND,
                  OPTS("kafka.bootstrap.servers", b.bootstrap, "topic", b.topic));
    HR_ASSERT_TRUE(sink != NULL);
    HR_EXPECT_EQ_I64(sink->guarantee, HR_AT_LEAST_ONCE);
    HR_EXPECT_OK(write_epoch(f, sink, 0, schema,
                             "{\"key\":\"k\",\"value\":\"{\\\"a\\\":1}\",\"partition\":0}\n"
                             "{\"value\":\"{\\\"a\\\":2}\",\"partition\":1}\n"
                             "{\"value\":\"{\\\"a\\\":3}\",\"partition\":1}"));
    struct hr_source *s = open_source(f, "kafka", "a INT", true,
                                      OPTS("kafka.bootstrap.servers", b.bootstrap, "subscribe",
                                           b.topic, "startingOffsets", "earliest", "format", "json",
                                           "maxOffsetsPerTrigger", "2"));
    HR_ASSERT_TRUE(s != NULL);
    const char *zero = initial(f, s);
    HR_EXPECT_EQ_STR(zero, hr_arena_printf(&f->arena, "{\"%s\":{\"0\":0,\"1\":0}}", b.topic));
    const char *one = latest(f, s, zero);
    HR_EXPECT_EQ_STR(one, hr_arena_printf(&f->arena, "{\"%s\":{\"0\":1,\"1\":1}}", b.topic));
    HR_EXPECT_EQ_STR(read_range(f, s, zero, one, NULL), "{\"a\":1}\n{\"a\":2}\n");
    const char *two = latest(f, s, one);
    HR_EXPECT_EQ_STR(read_range(f, s, one, two, NULL), "{\"a\":3}\n");
    HR_EXPECT_EQ_STR(latest(f, s, two), two);
    /* the next epoch goes on where the consumer stands; an old one is read again */
    HR_EXPECT_OK(write_epoch(f, sink, 1, schema, "{\"value\":\"{\\\"a\\\":4}\",\"partition\":1}"));
    const char *three = latest(f, s, two);
    HR_EXPECT_EQ_STR(read_range(f, s, two, three, NULL), "{\"a\":4}\n");
    HR_EXPECT_EQ_STR(read_range(f, s, one, two, NULL), "{\"a\":3}\n");
    s->vt->close(s);
    s = open_source(f, "kafka", NULL, false,
                    OPTS("kafka.bootstrap.servers", b.bootstrap, "subscribePattern",
                         hr_arena_printf(&f->arena, "%.6s.*", b.topic)));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(read_range(f, s, NULL, NULL,
                                "key BINARY, partition INT, offset BIGINT, timestampType INT"),
                     "{\"key\":\"aw==\",\"partition\":0,\"offset\":0,\"timestampType\":0}\n"
                     "{\"partition\":1,\"offset\":0,\"timestampType\":0}\n"
                     "{\"partition\":1,\"offset\":1,\"timestampType\":0}\n"
                     "{\"partition\":1,\"offset\":2,\"timestampType\":0}\n");
    s->vt->close(s);
    sink->vt->close(sink);
    broker_stop(&b);
    fixture_done(f);
}

HR_TEST(kafka_many_messages)
{
    struct fixture *f = fixture();
    struct broker b = broker_start(1);
    struct hr_buf lines = {0};
    for (int i = 0; i < 3000; i++)
        hr_buf_printf(&lines, "{\"value\":\"%d\",\"pad\":\"%0100d\"}\n", i, 0);
    struct hr_sink *sink =
        open_sink(f, "kafka", "value STRING", true, HR_MODE_APPEND,
                  OPTS("kafka.bootstrap.servers", b.bootstrap, "topic", b.topic));
    HR_ASSERT_TRUE(sink != NULL);
    struct hr_buf expected = {0};
    for (int epoch = 0; epoch < 10; epoch++) {
        HR_EXPECT_OK(write_epoch(f, sink, epoch, "value STRING", hr_buf_cstr(&lines)));
        for (int i = 0; i < 3000; i++) hr_buf_printf(&expected, "{\"value\":\"%d\"}\n", i);
    }
    sink->vt->close(sink);
    struct hr_source *s = open_source(f, "kafka", "value STRING", false,
                                      OPTS("kafka.bootstrap.servers", b.bootstrap, "subscribe",
                                           b.topic, "format", "text"));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_TRUE(strcmp(read_range(f, s, NULL, NULL, NULL), hr_buf_cstr(&expected)) == 0);
    s->vt->close(s);
    hr_buf_done(&lines);
    hr_buf_done(&expected);
    broker_stop(&b);
    fixture_done(f);
}
/* count messages into a partition, an epoch of the sink each. */
static void produce(struct fixture *f, const struct broker *b, int partition, int count)
{
    const char *schema = "value STRING, partition INT";
    struct hr_sink *sink =
        open_sink(f, "kafka", schema, true, HR_MODE_APPEND,
                  OPTS("kafka.bootstrap.servers", b->bootstrap, "topic", b->topic));
    HR_ASSERT_TRUE(sink != NULL);
    const char *line = hr_arena_printf(&f->arena, "{\"value\":\"x\",\"partition\":%d}", partition);
    for (int i = 0; i < count; i++) HR_EXPECT_OK(write_epoch(f, sink, i, schema, line));
    sink->vt->close(sink);
}

/* "a,b": the ends of partitions 0 and 1 under a limit, from start. */
static const char *ends(struct fixture *f, struct hr_source *s, const struct broker *b,
                        const char *start, struct hr_read_limit limit)
{
    struct hr_buf text = {0};
    struct kafka_offsets got;
    HR_EXPECT_OK(s->vt->latest_offset(s, start, &limit, &text, &f->err));
    HR_EXPECT_OK(hr_kafka_offsets_parse(&f->arena, hr_buf_cstr(&text), &got, &f->err));
    hr_buf_done(&text);
    const struct kafka_offset *zero = hr_kafka_offsets_find(&got, b->topic, 0);
    const struct kafka_offset *one = hr_kafka_offsets_find(&got, b->topic, 1);
    return hr_arena_printf(&f->arena, "%lld,%lld", zero ? (long long)zero->offset : -1,
                           one ? (long long)one->offset : -1);
}

/* 30 and 10 messages behind. */
HR_TEST(kafka_limits_of_a_partition)
{
    struct fixture *f = fixture();
    struct broker b = broker_start(2);
    produce(f, &b, 0, 30);
    produce(f, &b, 1, 10);
    struct hr_source *s = open_source(f, "kafka", "value STRING", true,
                                      OPTS("kafka.bootstrap.servers", b.bootstrap, "subscribe",
                                           b.topic, "startingOffsets", "earliest", "format",
                                           "text"));
    HR_ASSERT_TRUE(s != NULL);
    const char *zero = initial(f, s);
#define LIMIT(...) ends(f, s, &b, zero, (struct hr_read_limit){__VA_ARGS__})
    HR_EXPECT_EQ_STR(LIMIT(0), "30,10");
    HR_EXPECT_EQ_STR(LIMIT(.max_rows_per_partition = 12), "12,10");
    HR_EXPECT_EQ_STR(LIMIT(.max_rows = 10), "7,2"); /* 7.5 and 2.5 */
    HR_EXPECT_EQ_STR(LIMIT(.max_rows = 10, .max_rows_per_partition = 4), "4,2");
    HR_EXPECT_EQ_STR(LIMIT(.max_rows = 10, .min_rows_per_partition = 5), "7,5");
    HR_EXPECT_EQ_STR(LIMIT(.max_rows = 2, .min_rows_per_partition = 40), "30,10");
    HR_EXPECT_EQ_STR(LIMIT(.max_rows = 1), "1,1");
    /* A partition that start does not know begins at its beginning, and is limited, too. */
    const char *known = hr_arena_printf(&f->arena, "{\"%s\":{\"0\":30}}", b.topic);
    HR_EXPECT_EQ_STR(ends(f, s, &b, known, (struct hr_read_limit){.max_rows_per_partition = 3}),
                     "30,3");
    s->vt->close(s);
    broker_stop(&b);
    fixture_done(f);
}

/* A run to the end stops where the end was when it began, in however many epochs. */
HR_TEST(kafka_available_now)
{
    struct fixture *f = fixture();
    struct broker b = broker_start(2);
    struct hr_buf end = {0};
    produce(f, &b, 0, 3);
    struct hr_source *s = open_source(f, "kafka", "value STRING", true,
                                      OPTS("kafka.bootstrap.servers", b.bootstrap, "subscribe",
                                           b.topic, "startingOffsets", "earliest", "format",
                                           "text", "maxOffsetsPerTrigger", "2"));
    HR_ASSERT_TRUE(s != NULL);
    const char *zero = initial(f, s);
    HR_EXPECT_OK(s->vt->final_offset(s, zero, &end, &f->err));
    produce(f, &b, 0, 2);
    produce(f, &b, 1, 2);
    const char *one = latest(f, s, zero), *two = latest(f, s, one);
    HR_EXPECT_EQ_STR(one, hr_arena_printf(&f->arena, "{\"%s\":{\"0\":2,\"1\":0}}", b.topic));
    HR_EXPECT_EQ_STR(two, hr_buf_cstr(&end));
    HR_EXPECT_EQ_STR(latest(f, s, two), two);
    hr_buf_done(&end);
    s->vt->close(s);
    broker_stop(&b);
    fixture_done(f);
}

/* A query that waits is told of messages in any partition, those never read before, too. */
HR_TEST(kafka_wakes_who_waits)
{
    struct fixture *f = fixture();
    struct broker b = broker_start(2);
    struct hr_wakeup wakeup;
    HR_ASSERT_OK(hr_wakeup_init(&wakeup, &f->err));
    struct hr_source *s = open_source(f, "kafka", "value STRING", true,
                                      OPTS("kafka.bootstrap.servers", b.bootstrap, "subscribe",
                                           b.topic, "format", "text"));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_OK(s->vt->subscribe(s, &wakeup, &f->err));
    const char *at = initial(f, s);
    for (int i = 0; i < 4; i++) {
        do HR_EXPECT_EQ_STR(latest(f, s, at), at);
        while (hr_wakeup_wait(&wakeup, 200000)); /* ends of partitions wake, too */
        produce(f, &b, i % 2, 1);
        HR_EXPECT_TRUE(hr_wakeup_wait(&wakeup, 10000000));
        const char *end = latest(f, s, at);
        HR_EXPECT_EQ_STR(read_range(f, s, at, end, NULL), "{\"value\":\"x\"}\n");
        at = end;
    }
    s->vt->close(s);
    hr_wakeup_done(&wakeup);
    broker_stop(&b);
    fixture_done(f);
}

static const char *start_of_group(struct fixture *f, const struct broker *b, const char *starting,
                                  const char *commit)
{
    struct hr_source *s = open_source(f, "kafka", "value STRING", true,
                                      OPTS("kafka.bootstrap.servers", b->bootstrap, "subscribe",
                                           b->topic, "startingOffsets", starting, "format", "text",
                                           "kafka.group.id", "g", "groupOffsets", "true"));
    HR_EXPECT_TRUE(s != NULL);
    if (!s) return NULL;
    const char *start = initial(f, s);
    if (commit) HR_EXPECT_OK(s->vt->commit(s, commit, &f->err));
    s->vt->close(s);
    return start;
}

HR_TEST(kafka_group_offsets)
{
    struct fixture *f = fixture();
    struct broker b = broker_start(2);
    produce(f, &b, 0, 5);
#define OFFSETS(a, c) hr_arena_printf(&f->arena, "{\"%s\":{\"0\":" #a ",\"1\":" #c "}}", b.topic)
    HR_EXPECT_TRUE(open_source(f, "kafka", NULL, true,
                               OPTS("kafka.bootstrap.servers", b.bootstrap, "subscribe", b.topic,
                                    "groupOffsets", "true")) == NULL);
    HR_EXPECT_EQ_STR(start_of_group(f, &b, "latest", NULL), OFFSETS(5, 0));
    const char *commit = hr_arena_printf(&f->arena, "{\"%s\":{\"0\":3}}", b.topic);
    HR_EXPECT_EQ_STR(start_of_group(f, &b, "earliest", commit), OFFSETS(0, 0));
    HR_EXPECT_EQ_STR(start_of_group(f, &b, "latest", OFFSETS(4, 0)), OFFSETS(3, 0));
    HR_EXPECT_EQ_STR(start_of_group(f, &b, "none", NULL), OFFSETS(4, 0));
    HR_EXPECT_EQ_STR(start_of_group(f, &b, OFFSETS(1, 0), NULL), OFFSETS(1, 0));
    broker_stop(&b);
    fixture_done(f);
}
#else
HR_TEST(kafka_is_not_in_this_build)
{
    HR_EXPECT_TRUE(hr_source_find("kafka") == NULL);
}
#endif
