/* SPDX-License-Identifier: Apache-2.0 */
/* Direct streams over a connector: files as batches of offsets, and going on from a checkpoint. */
#include <headrace/headrace.h>

#include "hr_test.h"

#define SECOND 1000000

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[512], temp[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(temp, sizeof temp, "%s/.%s", dir, name);
    FILE *f = fopen(temp, "w");
    fputs(text, f);
    fclose(f);
    rename(temp, path);
}

struct seen {
    int64_t sum;
    uint32_t ranges;
};

static hr_status add_up(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct seen *seen = arg;
    const char *start, *end;
    struct hr_stats stats;
    (void)time_us;
    hr_status status = hr_rdd_stats(rdd, "n", &stats, err);
    if (status == 0 && stats.count) seen->sum += (int64_t)stats.sum;
    if (hr_rdd_offset_range(rdd, &start, &end)) seen->ranges += strcmp(start, end) != 0;
    return status;
}

static struct hr_streaming *open_stream(struct hr_context *ctx, const char *in,
                                        const char *checkpoint, struct seen *seen)
{
    struct hr_err err = {0};
    const char *options[] = {"path", in, NULL};
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *rows = hr_source_stream(ssc, "json", "n LONG", options, &err);
    HR_EXPECT_OK(hr_streaming_checkpoint(ssc, checkpoint, &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(rows, add_up, seen, &err));
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    return ssc;
}

HR_TEST(files_are_read_once)
{
    char in[] = "/tmp/hr-in-XXXXXX", checkpoint[] = "/tmp/hr-cp-XXXXXX";
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct seen first = {0}, second = {0};
    HR_ASSERT_TRUE(mkdtemp(in) && mkdtemp(checkpoint));
    write_file(in, "a.json", "{\"n\": 1}\n{\"n\": 2}\n");
    struct hr_streaming *ssc = open_stream(ctx, in, checkpoint, &first);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_I64(first.sum, 3);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_I64(first.sum, 3);
    HR_EXPECT_EQ_I64(first.ranges, 1);
    hr_streaming_free(ssc);
    write_file(in, "b.json", "{\"n\": 40}\n");
    ssc = open_stream(ctx, in, checkpoint, &second);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_I64(second.sum, 40);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

static hr_status fail(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    hr_status status = add_up(arg, rdd, time_us, err);
    return status ? status : hr_err_fail(err, "broken");
}

/* A batch that was cut short takes the same files again, though there are more by now; and a stream
 * that died in its first batch knows where that began, and its time. */
HR_TEST(a_batch_is_run_again_with_its_own_range)
{
    char in[] = "/tmp/hr-in-XXXXXX", checkpoint[] = "/tmp/hr-cp-XXXXXX";
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct seen first = {0}, second = {0};
    HR_ASSERT_TRUE(mkdtemp(in) && mkdtemp(checkpoint));
    write_file(in, "a.json", "{\"n\": 1}\n{\"n\": 2}\n");
    const char *options[] = {"path", in, NULL};
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *rows = hr_source_stream(ssc, "json", "n LONG", options, &err);
    HR_EXPECT_OK(hr_streaming_checkpoint(ssc, checkpoint, &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(rows, fail, &first, &err));
    HR_EXPECT_OK(hr_streaming_start(ssc, &err));
    HR_EXPECT_TRUE(hr_streaming_step(ssc, &err) != 0);
    HR_EXPECT_EQ_I64(first.sum, 3);
    hr_streaming_free(ssc);
    write_file(in, "b.json", "{\"n\": 40}\n");
    hr_context_advance(ctx, 10 * SECOND);
    ssc = open_stream(ctx, in, checkpoint, &second);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_I64(hr_streaming_last_batch_us(ssc), SECOND);
    HR_EXPECT_EQ_I64(second.sum, 3);
    HR_EXPECT_OK(hr_streaming_step(ssc, &err));
    HR_EXPECT_EQ_I64(second.sum, 43);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}

HR_TEST(unknown_source)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    HR_EXPECT_TRUE(hr_source_stream(ssc, "nonsense", NULL, NULL, &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "DATA_SOURCE_NOT_FOUND");
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}
