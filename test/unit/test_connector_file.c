/* SPDX-License-Identifier: Apache-2.0 */
/* Files as source and sink: what a path names, offsets and their log, manifests, faults. */
#include <sys/stat.h>
#include <utime.h>

#include "base/fault.h"
#include "connector_fixture.h"

static const char *put(struct fixture *f, const char *name, const char *text, int age)
{
    const char *path = hr_arena_printf(&f->arena, "%s/%s", f->dir, name);
    char *slash = strrchr(hr_arena_strdup(&f->arena, path), '/');
    *slash = 0;
    HR_UNUSED(slash);
    char *dir = hr_arena_strndup(&f->arena, path, (size_t)(strrchr(path, '/') - path));
    if (f->env->vt->mkdirs(f->env, dir, &f->err) ||
        hr_env_write_file(f->env, path, text, strlen(text), &f->err))
        printf("  %s\n", f->err.msg);
    struct utimbuf times = {1700000000 - age, 1700000000 - age};
    utime(path, &times);
    return path;
}

static const char *in_dir(struct fixture *f, const char *name)
{
    return hr_arena_printf(&f->arena, "%s/%s", f->dir, name);
}

HR_TEST(file_paths)
{
    struct fixture *f = fixture();
    put(f, "in/b.json", "{\"a\":2}\n", 1);
    put(f, "in/a.json", "{\"a\":1}", 1);
    put(f, "in/deep/er/c.json", "{\"a\":3}\n", 0);
    put(f, "in/_hidden.json", "{\"a\":9}\n", 0);
    put(f, "in/.hidden.json", "{\"a\":9}\n", 0);
    put(f, "in/d.txt", "{\"a\":4}\n", 0);
    struct {
        const char *path, *rows;
    } cases[] = {{"in", "{\"a\":1}\n{\"a\":2}\n{\"a\":4}\n"},
                 {"in/", "{\"a\":1}\n{\"a\":2}\n{\"a\":4}\n"},
                 {"in/a.json", "{\"a\":1}\n"},
                 {"in/*.json", "{\"a\":1}\n{\"a\":2}\n"},
                 {"*/{a,d}.*", "{\"a\":1}\n{\"a\":4}\n"},
                 {"in/[b]*", "{\"a\":2}\n"},
                 {"in/{a,b,a*}.json", "{\"a\":1}\n{\"a\":2}\n"}};
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        struct hr_source *s = open_source(f, "json", "a INT", false,
                                          OPTS("path", in_dir(f, cases[i].path)));
        HR_ASSERT_TRUE(s != NULL);
        if (!HR_EXPECT_EQ_STR(read_range(f, s, NULL, NULL, NULL), cases[i].rows))
            printf("  %s\n", cases[i].path);
        s->vt->close(s);
    }
    fixture_done(f);
}

HR_TEST(file_missing_and_unreadable)
{
    struct fixture *f = fixture();
    struct hr_source *s = open_source(f, "json", "a INT", false, OPTS("path", in_dir(f, "none")));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_TRUE(strncmp(read_range(f, s, NULL, NULL, NULL),
                           "error PATH_NOT_FOUND: Path does not exist: /tmp/", 47) == 0);
    s->vt->close(s);
    const char *path = put(f, "gone.json", "{\"a\":1}", 0);
    for (int ignore = 0; ignore < 2; ignore++) {
        s = open_source(f, "json", "a INT", false,
                        OPTS("path", f->dir, "ignoreMissingFiles", ignore ? "true" : "false"));
        struct hr_split *splits;
        uint32_t count;
        put(f, "gone.json", "{\"a\":1}", 0);
        HR_EXPECT_OK(s->vt->plan_splits(s, NULL, NULL, &f->arena, &splits, &count, &f->err));
        HR_EXPECT_EQ_I64(count, 1);
        unlink(path);
        hr_buf_clear(&f->text);
        hr_status status = read_split(f, s, &splits[0], s->schema);
        HR_EXPECT_EQ_I64(status, ignore ? HR_OK : HR_E_IO_FATAL);
        s->vt->close(s);
    }
    HR_EXPECT_TRUE(open_source(f, "json", NULL, true, OPTS("path", f->dir)) == NULL);
    HR_EXPECT_TRUE(open_source(f, "json", "a INT", false, NULL) == NULL);
    fixture_done(f);
}

HR_TEST(file_splits_at_lines)
{
    struct fixture *f = fixture();
    struct hr_buf text = {0};
    int64_t rows = 0, sum = 0;
    for (; text.len < (70u << 20); rows++) {
        hr_buf_printf(&text, "{\"a\":%lld,\"pad\":\"%0*d\"}\n", (long long)rows,
                      (int)(rows * 7919 % 3000), 0);
        sum += rows;
    }
    const char *path = in_dir(f, "big.json");
    HR_ASSERT_OK(hr_env_write_file(f->env, path, text.ptr, text.len, &f->err));
    hr_buf_done(&text);
    struct hr_source *s = open_source(f, "json", "a BIGINT", false, OPTS("path", path));
    struct hr_split *splits;
    uint32_t count;
    HR_EXPECT_OK(s->vt->plan_splits(s, NULL, NULL, &f->arena, &splits, &count, &f->err));
    HR_EXPECT_EQ_I64(count, 2);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_scan_spec spec = {.schema = s->schema, .batch_rows = HR_BATCH_ROWS};
        struct hr_scan_reader *reader;
        struct hr_batch *batch;
        HR_ASSERT_OK(s->vt->open_reader(s, &splits[i], &spec, &reader, &f->err));
        while (!reader->vt->next(reader, &batch, &f->err) && batch) {
            for (uint32_t r = 0; r < batch->row_count; r++)
                sum -= ((const int64_t *)batch->columns[0].values)[r];
            rows -= batch->row_count;
            hr_batch_unref(batch);
        }
        reader->vt->close(reader);
    }
    HR_EXPECT_EQ_I64(rows, 0);
    HR_EXPECT_EQ_I64(sum, 0);
    s->vt->close(s);
    fixture_done(f);
}

HR_TEST(file_stream_offsets_last_for_ever)
{
    struct fixture *f = fixture();
    const char *const *opts = OPTS("path", in_dir(f, "in"), "maxFilesPerTrigger", "1");
    put(f, "in/b.json", "{\"a\":2}", 10);
    put(f, "in/a.json", "{\"a\":1}", 10);
    put(f, "in/c.json", "{\"a\":0}", 20);
    struct hr_source *s = open_source(f, "json", "a INT", true, opts);
    HR_ASSERT_TRUE(s != NULL);
    const char *zero = initial(f, s), *one = latest(f, s, zero), *two = latest(f, s, one);
    HR_EXPECT_EQ_STR(zero, "{\"logOffset\":-1}");
    HR_EXPECT_EQ_STR(one, "{\"logOffset\":0}");
    HR_EXPECT_EQ_STR(read_range(f, s, zero, one, NULL), "{\"a\":0}\n"); /* the oldest */
    HR_EXPECT_EQ_STR(read_range(f, s, one, two, NULL), "{\"a\":1}\n");
    s->vt->close(s);
    /* another process: the same offsets, the same files; one that was never used comes again */
    put(f, "in/0.json", "{\"a\":5}", 30);
    s = open_source(f, "json", "a INT", true, opts);
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(latest(f, s, one), two);
    HR_EXPECT_EQ_STR(read_range(f, s, one, two, NULL), "{\"a\":1}\n");
    HR_EXPECT_EQ_STR(read_range(f, s, zero, two, NULL), "{\"a\":0}\n{\"a\":1}\n");
    const char *three = latest(f, s, two), *four = latest(f, s, three);
    HR_EXPECT_EQ_STR(read_range(f, s, two, three, NULL), "{\"a\":5}\n");
    HR_EXPECT_EQ_STR(read_range(f, s, three, four, NULL), "{\"a\":2}\n");
    HR_EXPECT_EQ_STR(latest(f, s, four), four); /* nothing new */
    s->vt->close(s);
    /* a torn last line is as if it had never been */
    const char *log = in_dir(f, "checkpoint/log");
    struct hr_buf text = {0};
    HR_EXPECT_OK(hr_env_read_file(f->env, log, &text, &f->err));
    HR_EXPECT_OK(hr_env_write_file(f->env, log, text.ptr, text.len - 5, &f->err));
    s = open_source(f, "json", "a INT", true, opts);
    HR_EXPECT_EQ_STR(latest(f, s, three), four);
    HR_EXPECT_EQ_STR(read_range(f, s, three, four, NULL), "{\"a\":2}\n");
    s->vt->close(s);
    HR_EXPECT_OK(hr_env_write_file(f->env, log, "rubbish\n", 8, &f->err));
    HR_EXPECT_TRUE(open_source(f, "json", "a INT", true, opts) == NULL);
    HR_EXPECT_EQ_I64(f->err.code, HR_E_CHECKPOINT_CORRUPT);
    hr_buf_done(&text);
    fixture_done(f);
}

HR_TEST(file_stream_available_now_and_limits)
{
    struct fixture *f = fixture();
    for (int i = 0; i < 5; i++)
        put(f, hr_arena_printf(&f->arena, "in/%d.json", i), "{\"a\":1}\n", 100 - i);
    struct hr_source *s = open_source(f, "json", "a INT", true,
                                      OPTS("path", in_dir(f, "in"), "maxBytesPerTrigger", "16",
                                           "latestFirst", "true"));
    HR_ASSERT_TRUE(s != NULL);
    hr_buf_clear(&f->offset);
    HR_EXPECT_OK(s->vt->final_offset(s, "{\"logOffset\":-1}", &f->offset, &f->err));
    HR_EXPECT_EQ_STR(hr_buf_cstr(&f->offset), "{\"logOffset\":2}");
    HR_EXPECT_EQ_STR(latest(f, s, "{\"logOffset\":0}"), "{\"logOffset\":1}");
    HR_EXPECT_EQ_STR(read_range(f, s, "{\"logOffset\":0}", "{\"logOffset\":1}", NULL),
                     "{\"a\":1}\n{\"a\":1}\n");
    s->vt->close(s);
    HR_EXPECT_TRUE(open_source(f, "json", "a INT", true,
                               OPTS("path", f->dir, "maxBytesPerTrigger", "1",
                                    "maxFilesPerTrigger", "1")) == NULL);
    fixture_done(f);
}

HR_TEST(file_stream_cleans_and_wakes)
{
    struct fixture *f = fixture();
    const char *path = put(f, "in/x.json", "{\"a\":1}\n", 0);
    struct hr_source *s = open_source(f, "json", "a INT", true,
                                      OPTS("path", in_dir(f, "in"), "cleanSource", "archive",
                                           "sourceArchiveDir", in_dir(f, "old")));
    HR_ASSERT_TRUE(s != NULL);
    const char *end = latest(f, s, initial(f, s));
    HR_EXPECT_OK(s->vt->commit(s, end, &f->err));
    HR_EXPECT_FALSE(hr_env_exists(f->env, path));
    HR_EXPECT_TRUE(hr_env_exists(f->env, hr_arena_printf(&f->arena, "%s/old/%s", f->dir, path)));
    struct hr_wakeup wakeup;
    HR_ASSERT_OK(hr_wakeup_init(&wakeup, &f->err));
    HR_EXPECT_OK(s->vt->subscribe(s, &wakeup, &f->err));
    put(f, "in/y.json", "{\"a\":2}\n", 0);
    HR_EXPECT_TRUE(hr_wakeup_wait(&wakeup, 900000));
    s->vt->close(s);
    hr_wakeup_done(&wakeup);
    fixture_done(f);
}

HR_TEST(file_sink_commits_whole_epochs)
{
    struct fixture *f = fixture();
    const char *dir = in_dir(f, "out"), *schema = "a INT";
    const char *const *opts = OPTS("path", dir);
    struct hr_sink *sink = open_sink(f, "json", schema, true, HR_MODE_APPEND, opts);
    HR_ASSERT_TRUE(sink != NULL);
    HR_EXPECT_EQ_I64(sink->guarantee, HR_EXACTLY_ONCE);
    for (int e = 0; e < 13; e++)
        HR_EXPECT_OK(write_epoch(f, sink, e, schema,
                                 hr_arena_printf(&f->arena, "{\"a\":%d}", e)));
    HR_EXPECT_EQ_I64(write_epoch(f, sink, 12, schema, "{\"a\":99}"), HR_E_EXISTS);
    HR_EXPECT_TRUE(hr_env_exists(f->env, in_dir(f, "out/_spark_metadata/9.compact")));
    HR_EXPECT_TRUE(hr_env_exists(f->env, in_dir(f, "out/_spark_metadata/12")));
    /* an epoch that fails between its files and its commit does not exist, then it does once */
    hr_fault_arm(HR_FAULT_SINK_COMMIT, 1, false);
    HR_EXPECT_EQ_I64(write_epoch(f, sink, 13, schema, "{\"a\":13}"), HR_E_IO);
    hr_fault_disarm_all();
    HR_EXPECT_OK(write_epoch(f, sink, 13, schema, "{\"a\":13}"));
    HR_EXPECT_OK(write_epoch(f, sink, 14, schema, "")); /* no rows: committed all the same */
    sink->vt->close(sink);
    sink = open_sink(f, "json", schema, true, HR_MODE_APPEND, opts);
    HR_EXPECT_EQ_I64(write_epoch(f, sink, 14, schema, "{\"a\":14}"), HR_E_EXISTS);
    sink->vt->close(sink);
    struct hr_source *s = open_source(f, "json", schema, false, opts);
    int64_t sum = 0, rows = 0;
    for (const char *p = read_range(f, s, NULL, NULL, NULL); (p = strstr(p, "{\"a\":")); rows++) {
        sum += strtol(p + 5, NULL, 10);
        p++;
    }
    HR_EXPECT_EQ_I64(rows, 14);
    HR_EXPECT_EQ_I64(sum, 13 * 14 / 2);
    s->vt->close(s);
    fixture_done(f);
}

HR_TEST(file_sink_modes)
{
    struct fixture *f = fixture();
    const char *dir = in_dir(f, "out"), *schema = "a INT";
    HR_EXPECT_TRUE(open_sink(f, "json", schema, true, HR_MODE_COMPLETE, OPTS("path", dir)) == NULL);
    struct hr_sink *sink = open_sink(f, "json", schema, true, HR_MODE_COMPLETE,
                                     OPTS("path", dir, "allowUpdates", "true"));
    HR_ASSERT_TRUE(sink != NULL);
    HR_EXPECT_OK(write_epoch(f, sink, 0, schema, "{\"a\":1}"));
    HR_EXPECT_OK(write_epoch(f, sink, 1, schema, "{\"a\":2}"));
    sink->vt->close(sink);
    struct hr_source *s = open_source(f, "json", schema, false, OPTS("path", dir));
    HR_EXPECT_EQ_STR(read_range(f, s, NULL, NULL, NULL), "{\"a\":2}\n");
    s->vt->close(s);
    fixture_done(f);
}

HR_TEST(file_sink_of_a_batch_query)
{
    struct fixture *f = fixture();
    const char *dir = in_dir(f, "out"), *schema = "a INT, b STRING";
    struct hr_sink *sink = open_sink(f, "csv", schema, false, HR_MODE_APPEND,
                                     OPTS("path", dir, "header", "true"));
    HR_ASSERT_TRUE(sink != NULL);
    HR_EXPECT_OK(write_epoch(f, sink, 0, schema, "{\"a\":1,\"b\":\"x,y\"}"));
    HR_EXPECT_OK(write_epoch(f, sink, 0, schema, "{\"a\":2}")); /* INSERT twice: rows of both */
    struct hr_sink_writer *writer;
    HR_EXPECT_OK(sink->vt->open_writer(sink, 0, 7, 0, &writer, &f->err));
    struct hr_batch *batch = json_batch(f, schema, "{\"a\":3}");
    HR_EXPECT_OK(writer->vt->write(writer, batch, &f->err));
    hr_batch_unref(batch);
    writer->vt->close(writer); /* never finished */
    sink->vt->close(sink);
    HR_EXPECT_TRUE(hr_env_exists(f->env, in_dir(f, "out/_SUCCESS")));
    struct hr_source *s = open_source(f, "csv", NULL, false,
                                      OPTS("path", dir, "header", "true", "inferSchema", "true"));
    HR_ASSERT_TRUE(s != NULL);
    const char *rows = read_range(f, s, NULL, NULL, NULL);
    HR_EXPECT_TRUE(strstr(rows, "{\"a\":1,\"b\":\"x,y\"}\n") && strstr(rows, "{\"a\":2}\n"));
    HR_EXPECT_EQ_I64(strlen(rows), 18 + 8);
    s->vt->close(s);
    fixture_done(f);
}

HR_TEST(file_text)
{
    struct fixture *f = fixture();
    put(f, "in/a.txt", "one\r\n\ntwo", 0);
    struct hr_source *s = open_source(f, "text", NULL, true, OPTS("path", in_dir(f, "in")));
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(read_range(f, s, NULL, latest(f, s, NULL), NULL),
                     "{\"value\":\"one\"}\n{\"value\":\"\"}\n{\"value\":\"two\"}\n");
    s->vt->close(s);
    fixture_done(f);
}
