/* SPDX-License-Identifier: Apache-2.0 */
/* Generator, rate, memory, console and noop. */
#include "connector/console/table.h"
#include "connector/generator/generator.h"
#include "connector/memory/memory.h"
#include "connector_fixture.h"

static int count_lines(const char *text)
{
    int n = 0;
    for (; *text; text++) n += *text == '\n';
    return n;
}

HR_TEST(connector_registry)
{
    HR_EXPECT_TRUE(hr_source_find("RATE") != NULL);
    HR_EXPECT_TRUE(hr_source_find("nowhere") == NULL);
    HR_EXPECT_TRUE(hr_sink_find("Console") != NULL);
    HR_EXPECT_TRUE(hr_sink_find("rate") == NULL);
    for (size_t i = 0; hr_source_at(i); i++)
        HR_EXPECT_EQ_PTR(hr_source_find(hr_source_at(i)->name), hr_source_at(i));
}

HR_TEST(generator_events_are_functions_of_their_number)
{
    struct fixture *f = fixture();
    for (size_t i = 0; hr_generator_at(i); i++) {
        const char *name = hr_generator_at(i)->name;
        struct hr_source *s = open_source(f, "generator", NULL, true, OPTS("name", name));
        HR_ASSERT_TRUE(s != NULL);
        bool rare = strstr(name, "_truth") != NULL; /* few events are rows */
        const char *begin = rare ? "30000" : "1500", *end = rare ? "40000" : "2000";
        char *whole = hr_arena_strdup(&f->arena, read_range(f, s, "0", end, NULL));
        char *tail = hr_arena_strdup(&f->arena, read_range(f, s, begin, end, NULL));
        HR_EXPECT_TRUE(strlen(tail) > 100 && strlen(whole) > strlen(tail));
        HR_EXPECT_EQ_STR(whole + strlen(whole) - strlen(tail), tail);
        f->conf.batch_rows = 7;
        HR_EXPECT_EQ_STR(read_range(f, s, "0", end, NULL), whole);
        f->conf.batch_rows = HR_BATCH_ROWS;
        s->vt->close(s);
        s = open_source(f, "generator", NULL, true, OPTS("name", name, "seed", "7"));
        HR_EXPECT_TRUE(strcmp(read_range(f, s, "0", end, NULL), whole) != 0);
        s->vt->close(s);
    }
    fixture_done(f);
}

HR_TEST(generator_plants_frauds)
{
    struct fixture *f = fixture();
    struct hr_source *s = open_source(f, "generator", NULL, false,
                                      OPTS("name", "payments", "numRows", "10000"));
    HR_ASSERT_TRUE(s != NULL);
    const char *rows = read_range(f, s, NULL, NULL, "fraud BOOLEAN");
    HR_EXPECT_EQ_I64(count_lines(rows), 10000);
    int frauds = 0;
    for (const char *p = rows; (p = strstr(p, "true")); p++) frauds++;
    HR_EXPECT_EQ_I64(frauds, 60); /* six in every 1 000 */
    s->vt->close(s);
    fixture_done(f);
}

HR_TEST(generator_nexmark_proportions)
{
    struct fixture *f = fixture();
    static const char *const names[] = {"nexmark_person", "nexmark_auction", "nexmark_bid"};
    static const int expected[] = {100, 300, 4600};
    for (int i = 0; i < 3; i++) {
        struct hr_source *s = open_source(f, "generator", NULL, false,
                                          OPTS("name", names[i], "numRows", "5000"));
        HR_ASSERT_TRUE(s != NULL);
        HR_EXPECT_EQ_I64(count_lines(read_range(f, s, NULL, NULL, NULL)), expected[i]);
        s->vt->close(s);
    }
    struct hr_source *s = open_source(f, "generator", NULL, false,
                                      OPTS("name", "nexmark", "numRows", "50"));
    const char *rows = read_range(f, s, NULL, NULL, NULL);
    HR_EXPECT_TRUE(strncmp(rows, "{\"event_type\":0,\"person\":{\"id\":1000,\"name\":\"", 44) == 0);
    HR_EXPECT_TRUE(strstr(rows, "{\"event_type\":1,\"auction\":{\"id\":1000,") != NULL);
    HR_EXPECT_TRUE(strstr(rows, "{\"event_type\":2,\"bid\":{\"auction\":1") != NULL);
    s->vt->close(s);
    fixture_done(f);
}

HR_TEST(generator_follows_the_clock)
{
    struct fixture *f = fixture();
    f->env = hr_env_manual_clock_new(INT64_C(1700000000000000));
    struct hr_source *s =
        open_source(f, "generator", NULL, true,
                    OPTS("name", "clicks", "rowsPerSecond", "100", "numRows", "150"));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(initial(f, s), "0");
    HR_EXPECT_EQ_STR(latest(f, s, "0"), "0");
    hr_env_manual_clock_advance(f->env, 1000000);
    HR_EXPECT_EQ_STR(latest(f, s, "0"), "100");
    hr_env_manual_clock_advance(f->env, 1000000);
    HR_EXPECT_EQ_STR(latest(f, s, "100"), "150"); /* the end */
    s->vt->close(s);
    HR_EXPECT_TRUE(open_source(f, "generator", NULL, true, OPTS("name", "nothing")) == NULL);
    HR_EXPECT_TRUE(strstr(f->err.msg, "payments, clicks") != NULL);
    HR_EXPECT_TRUE(open_source(f, "generator", NULL, false, OPTS("name", "clicks")) == NULL);
    fixture_done(f);
}

static hr_status to_buf(void *arg, const char *data, size_t size, struct hr_err *err)
{
    hr_buf_append(arg, data, size);
    return hr_buf_status(arg, err);
}

HR_TEST(generate_writes_lines)
{
    struct fixture *f = fixture();
    struct hr_buf out = {0};
    struct hr_generate_args args = {.env = f->env, .name = "sensors", .rows = 10000, .seed = 3,
                                    .write = to_buf, .arg = &out};
    HR_EXPECT_OK(hr_generate(&args, &f->err));
    HR_EXPECT_EQ_I64(count_lines(hr_buf_cstr(&out)), 10000);
    HR_EXPECT_TRUE(strncmp(out.ptr, "{\"sensor\":0,\"temperature\":", 25) == 0);
    args.name = "no such";
    HR_EXPECT_EQ_I64(hr_generate(&args, &f->err), HR_E_NOT_FOUND);
    hr_buf_done(&out);
    fixture_done(f);
}

HR_TEST(rate_grows_by_seconds)
{
    struct fixture *f = fixture();
    f->env = hr_env_manual_clock_new(INT64_C(1700000000000000));
    struct hr_source *s = open_source(f, "rate", NULL, true, OPTS("rowsPerSecond", "2"));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(initial(f, s), "0");
    hr_env_manual_clock_advance(f->env, 1999999);
    HR_EXPECT_EQ_STR(latest(f, s, "0"), "1");
    HR_EXPECT_EQ_STR(read_range(f, s, "0", "2", NULL),
                     "{\"timestamp\":\"2023-11-14T22:13:20.000Z\",\"value\":0}\n"
                     "{\"timestamp\":\"2023-11-14T22:13:20.500Z\",\"value\":1}\n"
                     "{\"timestamp\":\"2023-11-14T22:13:21.000Z\",\"value\":2}\n"
                     "{\"timestamp\":\"2023-11-14T22:13:21.500Z\",\"value\":3}\n");
    HR_EXPECT_EQ_STR(read_range(f, s, "1", "1", NULL), "");
    s->vt->close(s);
    /* the moment of creation survives a restart */
    hr_env_manual_clock_advance(f->env, 8000001);
    s = open_source(f, "rate", NULL, true, OPTS("rowsPerSecond", "2"));
    HR_EXPECT_EQ_STR(latest(f, s, "1"), "10");
    HR_EXPECT_EQ_STR(read_range(f, s, "9", "10", "value BIGINT"),
                     "{\"value\":18}\n{\"value\":19}\n");
    s->vt->close(s);
    fixture_done(f);
}

HR_TEST(rate_micro_batch)
{
    struct fixture *f = fixture();
    struct hr_source *s = open_source(f, "rate-micro-batch", NULL, true,
                                      OPTS("rowsPerBatch", "2", "startTimestamp", "1000"));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(initial(f, s), "{\"offset\":0,\"timestamp\":1000}");
    const char *end = latest(f, s, "{\"offset\":0,\"timestamp\":1000}");
    HR_EXPECT_EQ_STR(end, "{\"offset\":2,\"timestamp\":2000}");
    HR_EXPECT_EQ_STR(read_range(f, s, end, latest(f, s, end), NULL),
                     "{\"timestamp\":\"1970-01-01T00:00:02.000Z\",\"value\":2}\n"
                     "{\"timestamp\":\"1970-01-01T00:00:02.000Z\",\"value\":3}\n");
    s->vt->close(s);
    HR_EXPECT_TRUE(open_source(f, "rate-micro-batch", NULL, true, NULL) == NULL);
    fixture_done(f);
}

HR_TEST(memory_sink_then_source)
{
    struct fixture *f = fixture();
    const char *schema = "a INT, b STRING";
    struct hr_sink *sink = open_sink(f, "memory", schema, true, HR_MODE_APPEND, OPTS("name", "t"));
    HR_ASSERT_TRUE(sink != NULL);
    HR_EXPECT_OK(
        write_epoch(f, sink, 0, schema, "{\"a\":1,\"b\":\"a text of more than 12 bytes\"}"));
    HR_EXPECT_OK(write_epoch(f, sink, 1, schema, "{\"a\":2}\n{\"a\":3}"));
    HR_EXPECT_EQ_I64(write_epoch(f, sink, 1, schema, "{\"a\":2}"), HR_E_EXISTS);
    sink->vt->close(sink);
    struct hr_source *s = open_source(f, "memory", NULL, false, OPTS("name", "T"));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(read_range(f, s, NULL, NULL, NULL),
                     "{\"a\":1,\"b\":\"a text of more than 12 bytes\"}\n{\"a\":2}\n{\"a\":3}\n");
    HR_EXPECT_EQ_STR(latest(f, s, "0"), "3");
    HR_EXPECT_EQ_STR(read_range(f, s, "1", "2", "a INT"), "{\"a\":2}\n");
    s->vt->close(s);
    sink = open_sink(f, "memory", schema, true, HR_MODE_COMPLETE, OPTS("name", "t"));
    HR_EXPECT_OK(write_epoch(f, sink, 0, schema, "{\"a\":9}"));
    HR_EXPECT_EQ_I64(hr_memory_rows("t"), 1);
    sink->vt->close(sink);
    HR_EXPECT_TRUE(open_sink(f, "memory", "x INT", true, HR_MODE_APPEND, OPTS("name", "t")) ==
                   NULL);
    HR_EXPECT_TRUE(hr_memory_drop("t"));
    HR_EXPECT_TRUE(open_source(f, "memory", NULL, false, OPTS("name", "t")) == NULL);
    fixture_done(f);
}

HR_TEST(console_table)
{
    struct fixture *f = fixture();
    struct hr_buf out = {0};
    const char *schema = "a INT, b STRING, c INT, d STRING";
    struct hr_batch *batch = json_batch(f, schema, "{\"a\":1,\"b\":\"x\",\"d\":\"ünïcode日本\"}");
    struct hr_show_options show = {20, 20, hr_tz_utc()};
    hr_show_table(batch->schema, &batch, 1, &show, &out);
    HR_EXPECT_EQ_STR(hr_buf_cstr(&out), "+---+---+----+-----------+\n"
                                        "|  a|  b|   c|          d|\n"
                                        "+---+---+----+-----------+\n"
                                        "|  1|  x|NULL|ünïcode日本|\n"
                                        "+---+---+----+-----------+\n");
    hr_batch_unref(batch);
    schema = "s STRING, n INT, x BINARY";
    batch = json_batch(f, schema,
                       "{\"s\":\"abcdefghijklmnopqrstuvwxyz\",\"n\":1,\"x\":\"AQL/\"}\n{}\n{}");
    show.rows = 1;
    hr_buf_clear(&out);
    hr_show_table(batch->schema, &batch, 1, &show, &out);
    HR_EXPECT_EQ_STR(hr_buf_cstr(&out), "+--------------------+---+----------+\n"
                                        "|                   s|  n|         x|\n"
                                        "+--------------------+---+----------+\n"
                                        "|abcdefghijklmnopq...|  1|[01 02 FF]|\n"
                                        "+--------------------+---+----------+\n"
                                        "only showing top 1 row\n");
    show.truncate = 0;
    hr_buf_clear(&out);
    hr_show_table(batch->schema, &batch, 1, &show, &out);
    HR_EXPECT_TRUE(strstr(hr_buf_cstr(&out), "|abcdefghijklmnopqrstuvwxyz|1  |[01 02 FF]|") !=
                   NULL);
    hr_batch_unref(batch);
    hr_buf_done(&out);
    fixture_done(f);
}

HR_TEST(noop_counts)
{
    struct fixture *f = fixture();
    struct hr_sink *sink = open_sink(f, "noop", "a INT", true, HR_MODE_UPDATE, NULL);
    HR_ASSERT_TRUE(sink != NULL);
    HR_EXPECT_OK(write_epoch(f, sink, 0, "a INT", "{\"a\":1}"));
    sink->vt->close(sink);
    fixture_done(f);
}
