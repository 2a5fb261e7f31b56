/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What streams keep and let go: parts that several outputs share are computed once, blocks go with
 * their batch, storage levels, slices; and what print and saveAsTextFiles write.
 */
#include <fcntl.h>

#include "dstream_harness.h"
#include "api/api.h"
#include "rdd/scheduler.h"

static const struct ds_mode PLAIN = {.partitions = 2, .pieces = 2};

/* All kept blocks of the context; on disk: only those. */
static uint32_t kept_blocks(const struct ds_bench *b, bool on_disk)
{
    struct hr_block_stats stats;
    hr_block_store_stats(hr_scheduler_blocks(b->ctx->scheduler), 0, &stats);
    return stats.blocks_on_disk + (on_disk ? 0 : stats.blocks_in_memory);
}

/* --- Computed once ---------------------------------------------------------------------------- */

static hr_status count_calls(void *arg, const struct hr_row *row, struct hr_emitter *out,
                             struct hr_err *err)
{
    (void)err;
    hr_accumulator_add(arg, 1);
    hr_emit_row(out, row);
    return 0;
}

/* The 10 rows of the batches are mapped once each, for five outputs. */
static void check_shared(const struct ds_mode *mode)
{
    struct ds_bench b = {0};
    static struct ds_out outs[5];
    struct hr_err err = {0};
    memset(outs, 0, sizeof outs);
    ds_open(&b, mode, 0, NULL);
    struct hr_accumulator *calls = hr_accumulator_long(b.ctx, "calls", &err);
    struct hr_dstream *m = hr_dstream_map(b.in, "word STRING, n LONG", count_calls, calls, &err);
    struct hr_dstream *streams[] = {
        m, hr_dstream_count(m, &err), hr_dstream_reduce_by_key(m, hr_sum, NULL, 0, &err),
        hr_dstream_count(hr_dstream_window(m, 3 * SECOND, 2 * SECOND, &err), &err),
        hr_dstream_reduce_by_key_and_window(m, hr_sum, hr_subtract, NULL, NULL, 2 * SECOND, 0, 0,
                                            &err)};
    for (size_t i = 0; i < COUNT(streams); i++)
        HR_EXPECT_OK(hr_dstream_foreach_rdd(streams[i], ds_note, &outs[i], &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    for (int k = 0; DS_WORDS[k]; k++)
        HR_EXPECT_OK(ds_step(&b, DS_WORDS[k], NULL, mode->pieces, &err));
    hr_test_check(hr_accumulator_value(calls) == 10, __FILE__, __LINE__, "%s: %d calls", mode->name,
                  (int)hr_accumulator_value(calls));
    HR_EXPECT_EQ_STR(outs[1].text, "1: 3; 2: 1; 3: 0; 4: 2; 5: 2; 6: 0; 7: 0; "
                                   "8: 2; ");
    HR_EXPECT_EQ_STR(outs[3].text, "2: 4; 4: 3; 6: 4; 8: 2; ");
    ds_close(&b);
}

HR_TEST(what_outputs_share_is_computed_once)
{
    for (size_t m = 0; m < COUNT(DS_MODES); m++)
        if (!DS_MODES[m].restart) check_shared(&DS_MODES[m]);
}

/* --- Blocks ----------------------------------------------------------------------------------- */

static hr_status count_rows(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    uint64_t n;
    (void)arg, (void)time_us;
    return hr_rdd_count(rdd, &n, err);
}

/* The blocks that are there after each batch, "2 4 6 …". */
static void check_blocks(const char *what, ds_build_fn build, int outputs, const char *expected)
{
    struct ds_bench b = {0};
    struct hr_err err = {0};
    char got[256] = "";
    ds_open(&b, &PLAIN, 0, NULL);
    struct hr_dstream *ds = build(&b, &err);
    for (int i = 0; i < outputs; i++)
        HR_EXPECT_OK(hr_dstream_foreach_rdd(ds, count_rows, NULL, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    for (int k = 0; k < 10; k++) {
        HR_EXPECT_OK(ds_step(&b, "a b c d", NULL, 2, &err));
        size_t at = strlen(got);
        snprintf(got + at, sizeof got - at, "%s%u", k ? " " : "", kept_blocks(&b, false));
    }
    hr_test_check(strcmp(got, expected) == 0, __FILE__, __LINE__, "%s: %s, expected %s", what, got,
                  expected);
    hr_streaming_free(b.ssc);
    b.ssc = NULL;
    HR_EXPECT_EQ_U64(kept_blocks(&b, false), 0);
    HR_EXPECT_EQ_STR(err.msg, "");
    ds_close(&b);
}

static hr_status same_row(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_row(out, row);
    return 0;
}

DS_PROGRAM(mapped, hr_dstream_map(b->in, "word STRING, n LONG", same_row, NULL, err))
DS_PROGRAM(cached, hr_dstream_cache(mapped(b, err), err))
DS_PROGRAM(window3, hr_dstream_window(mapped(b, err), 3 * SECOND, 0, err))
DS_PROGRAM(window3_kept, hr_dstream_persist(window3(b, err), HR_MEMORY_AND_DISK, err))
DS_PROGRAM(inverse3, hr_dstream_reduce_by_key_and_window(b->in, hr_sum, hr_subtract, NULL, NULL,
                                                         3 * SECOND, 0, 2, err))

HR_TEST(blocks_go_with_their_batch)
{
    check_blocks("one output", mapped, 1, "0 0 0 0 0 0 0 0 0 0");
    check_blocks("two outputs", mapped, 2, "2 2 2 2 2 2 2 2 2 2");
    check_blocks("cache", cached, 1, "2 2 2 2 2 2 2 2 2 2");
    /* the window's length and a slide, as in Spark */
    check_blocks("window", window3, 1, "2 4 6 8 8 8 8 8 8 8");
    /* windows share the blocks of what they are made of, and keep none of their own */
    check_blocks("window, two outputs", window3, 2, "2 4 6 8 8 8 8 8 8 8");
    check_blocks("window, kept", window3_kept, 1, "2 4 6 8 8 8 8 8 8 8");
    /* the reduced batches of the window, of the slide that left it, and of one more */
    check_blocks("inverse", inverse3, 1, "2 4 6 8 10 10 10 10 10 10");
}

HR_TEST(remembered_blocks_stay_as_long)
{
    struct ds_bench b = {0};
    struct hr_err err = {0};
    ds_open(&b, &PLAIN, 0, NULL);
    hr_streaming_remember(b.ssc, 4 * SECOND);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(cached(&b, &err), count_rows, NULL, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    for (uint32_t k = 1; k <= 8; k++) {
        HR_EXPECT_OK(ds_step(&b, "a b c", NULL, 2, &err));
        HR_EXPECT_EQ_U64(kept_blocks(&b, false), 2 * (k < 4 ? k : 4));
    }
    ds_close(&b);
}

HR_TEST(storage_levels)
{
    static const struct {
        enum hr_persist level;
        int64_t memory;
        uint32_t blocks, on_disk;
    } CASES[] = {{HR_PERSIST_NONE, 0, 0, 0},    {HR_MEMORY, 0, 2, 0},          {HR_MEMORY, 1, 0, 0},
                 {HR_MEMORY_AND_DISK, 0, 2, 0}, {HR_MEMORY_AND_DISK, 1, 2, 2}, {HR_DISK, 0, 2, 2}};
    for (size_t i = 0; i < COUNT(CASES); i++) {
        struct ds_bench b = {0};
        struct hr_err err = {0};
        struct ds_mode mode = {.partitions = 2, .memory_bytes = CASES[i].memory};
        ds_open(&b, &mode, 0, NULL);
        struct hr_dstream *m = mapped(&b, &err);
        HR_EXPECT_EQ_PTR(hr_dstream_persist(m, CASES[i].level, &err), m);
        HR_EXPECT_OK(hr_dstream_foreach_rdd(m, count_rows, NULL, &err));
        HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
        for (int k = 0; k < 3; k++) HR_EXPECT_OK(ds_step(&b, "a b c", NULL, 2, &err));
        HR_EXPECT_EQ_U64(kept_blocks(&b, false), CASES[i].blocks);
        HR_EXPECT_EQ_U64(kept_blocks(&b, true), CASES[i].on_disk);
        HR_EXPECT_TRUE(hr_dstream_persist(m, HR_DISK, &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "storage levels are fixed at the start");
        ds_close(&b);
    }
}

/* --- Slices ----------------------------------------------------------------------------------- */

/* Rows of a slice, batch by batch. */
static void put_slice(struct hr_dstream *ds, int64_t from_us, int64_t to_us, uint32_t max,
                      char *out, size_t size)
{
    struct hr_rdd *rdds[16];
    struct hr_err err = {0};
    uint32_t n = hr_dstream_slice(ds, from_us, to_us, rdds, max);
    out[0] = '\0';
    for (uint32_t i = 0; i < n; i++) {
        struct hr_rows *rows = hr_rdd_collect(rdds[i], &err);
        snprintf(out + strlen(out), size - strlen(out), "%s", i ? " |" : "");
        if (HR_EXPECT_TRUE(rows != NULL)) ds_put_rows(rows, out, size);
        hr_rows_free(rows);
    }
}

HR_TEST(slices_of_what_is_remembered)
{
    struct ds_bench b = {0};
    struct hr_err err = {0};
    char got[512];
    ds_open(&b, &PLAIN, 0, NULL);
    struct hr_dstream *by2 = hr_dstream_window(b.in, 2 * SECOND, 2 * SECOND, &err);
    hr_streaming_remember(b.ssc, 5 * SECOND);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(by2, count_rows, NULL, &err));
    HR_EXPECT_EQ_U64(hr_dstream_slice(b.in, 0, 100 * SECOND, NULL, 0), 0);
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    for (int k = 0; DS_WORDS[k]; k++) HR_EXPECT_OK(ds_step(&b, DS_WORDS[k], NULL, 2, &err));
    put_slice(b.in, 4 * SECOND, 6 * SECOND, 16, got, sizeof got);
    HR_EXPECT_EQ_STR(got, " (a,1) (c,1) | (c,1) (c,1) |");
    put_slice(b.in, 4 * SECOND, 8 * SECOND, 2, got, sizeof got); /* the first ones, if no room */
    HR_EXPECT_EQ_STR(got, " (a,1) (c,1) | (c,1) (c,1)");
    put_slice(b.in, 7 * SECOND + 1, 100 * SECOND, 16, got, sizeof got);
    HR_EXPECT_EQ_STR(got, " (a,1) (b,1)");
    put_slice(by2, 5 * SECOND, 8 * SECOND, 16, got, sizeof got);
    HR_EXPECT_EQ_STR(got, " (c,1) (c,1) | (a,1) (b,1)");
    put_slice(by2, 0, 3 * SECOND, 16, got, sizeof got); /* forgotten: it is 5 seconds ago */
    HR_EXPECT_EQ_STR(got, "");
    HR_EXPECT_EQ_U64(hr_dstream_slice(by2, 8 * SECOND, 2 * SECOND, NULL, 0), 0);
    HR_EXPECT_EQ_I64(hr_dstream_slide_us(by2), 2 * SECOND);
    HR_EXPECT_EQ_U64(hr_dstream_id(b.in), 0);
    HR_EXPECT_EQ_U64(hr_dstream_id(by2), 2);
    ds_close(&b);
}

/* The last two batches of the input. The text is Spark 4.2.0's. */
static struct hr_rdd *last_two(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct hr_rdd *rdds[2];
    (void)rdd;
    uint32_t n = hr_dstream_slice(arg, time_us - SECOND, time_us, rdds, 2);
    return hr_rdd_union_all(rdds, n, err);
}
DS_PROGRAM(slices, hr_dstream_transform(hr_dstream_window(b->in, SECOND, 2 * SECOND, err), NULL,
                                        last_two, b->in, err))

HR_TEST(slices_inside_of_transform)
{
    static const struct ds_program PROGRAMS[] = {
        {"slice", slices,
         "2: (a,1) (a,1) (b,1) (b,1); 4: (a,1) (c,1); 6: (c,1) (c,1); 8: (a,1) (b,1); "}};
    ds_check_all(PROGRAMS, COUNT(PROGRAMS));
}

/* --- Outputs ---------------------------------------------------------------------------------- */

/* A file's bytes as text, "" if there is none. */
static const char *text_of(const char *dir, const char *name)
{
    static char text[4096];
    char path[256];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    int fd = open(path, O_RDONLY);
    ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    text[n > 0 ? n : 0] = '\0';
    if (fd >= 0) close(fd);
    return text;
}

HR_TEST(print_writes_the_first_rows)
{
    struct ds_bench b = {0};
    struct hr_err err = {0};
    char dir[] = "/tmp/hr-dstream-XXXXXX", path[64];
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/out", dir);
    ds_open(&b, &PLAIN, 0, NULL);
    HR_EXPECT_OK(hr_dstream_print(b.in, 2, &err));
    HR_EXPECT_OK(hr_dstream_print(hr_dstream_count(b.in, &err), 10, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    fflush(stdout);
    int console = dup(STDOUT_FILENO), file = open(path, O_CREAT | O_WRONLY, 0600);
    dup2(file, STDOUT_FILENO);
    hr_status first = ds_step(&b, "a b a", NULL, 1, &err);
    hr_status second = ds_step(&b, "a b", NULL, 1, &err);
    fflush(stdout);
    dup2(console, STDOUT_FILENO);
    close(console), close(file);
    HR_EXPECT_TRUE(first == 0 && second == 0);
#define LINE "-------------------------------------------\n"
    HR_EXPECT_EQ_STR(text_of(dir, "out"),
                     LINE "Time: 1000 ms\n" LINE "(a,1)\n(b,1)\n...\n\n" LINE "Time: 1000 ms\n" LINE
                          "3\n\n" LINE "Time: 2000 ms\n" LINE "(a,1)\n(b,1)\n\n" LINE
                          "Time: 2000 ms\n" LINE "2\n\n");
    ds_close(&b);
    ds_remove(dir);
}

HR_TEST(text_files_of_every_batch)
{
    struct ds_bench b = {0};
    struct hr_err err = {0};
    char dir[] = "/tmp/hr-dstream-XXXXXX", prefix[64], path[96];
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    snprintf(prefix, sizeof prefix, "%s/w", dir);
    ds_open(&b, &PLAIN, 0, NULL);
    HR_EXPECT_OK(hr_dstream_save_as_text_files(b.in, prefix, "txt", &err));
    HR_EXPECT_OK(hr_dstream_save_as_text_files(b.in, prefix, NULL, &err));
    snprintf(path, sizeof path, "%s/x", dir);
    HR_EXPECT_OK(hr_dstream_save_as_text_files(b.in, path, "", &err)); /* as none */
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    HR_EXPECT_OK(ds_step(&b, "a b a", NULL, 2, &err));
    HR_EXPECT_OK(ds_step(&b, NULL, NULL, 2, &err));
    HR_EXPECT_EQ_STR(text_of(dir, "w-1000.txt/part-00000"), "(a,1)\n");
    HR_EXPECT_EQ_STR(text_of(dir, "w-1000.txt/part-00001"), "(b,1)\n(a,1)\n");
    HR_EXPECT_EQ_STR(text_of(dir, "w-1000/part-00001"), "(b,1)\n(a,1)\n");
    HR_EXPECT_EQ_STR(text_of(dir, "x-1000/part-00001"), "(b,1)\n(a,1)\n");
    snprintf(path, sizeof path, "%s/w-2000.txt/_SUCCESS", dir);
    HR_EXPECT_EQ_I64(access(path, F_OK), 0); /* an empty batch has its folder too */
    HR_EXPECT_EQ_STR(text_of(dir, "w-2000.txt/part-00000"), "");
    HR_EXPECT_EQ_STR(err.msg, "");
    ds_close(&b);
    ds_remove(dir);
}

/* Without a prefix the name is the time alone, as in Spark: in the working folder. */
HR_TEST(text_files_without_a_prefix)
{
    struct ds_bench b = {0};
    struct hr_err err = {0};
    char dir[] = "/tmp/hr-dstream-XXXXXX";
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL && chdir(dir) == 0);
    ds_open(&b, &PLAIN, 0, NULL);
    HR_EXPECT_OK(hr_dstream_save_as_text_files(b.in, NULL, "a", &err));
    HR_EXPECT_OK(hr_dstream_save_as_text_files(b.in, "", NULL, &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    HR_EXPECT_OK(ds_step(&b, "a", NULL, 1, &err));
    HR_EXPECT_EQ_STR(text_of(dir, "1000.a/part-00000"), "(a,1)\n");
    HR_EXPECT_EQ_STR(text_of(dir, "1000/part-00000"), "(a,1)\n");
    ds_close(&b);
    ds_remove(dir);
}
