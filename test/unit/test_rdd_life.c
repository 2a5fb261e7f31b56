/* SPDX-License-Identifier: Apache-2.0 */
/* When RDDs, accumulators and broadcasts go; lineages that are long; blocks that two tasks want at
 * once; what rows of one column and no rows at all give. */
#include <headrace/headrace.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <unistd.h>

#include "base/env.h"
#include "hr_test.h"

#define SECOND 1000000

static _Atomic int gone;

static void note_gone(void *arg)
{
    (void)arg;
    gone++;
}

static struct hr_rdd *watched(struct hr_rdd *rdd, struct hr_err *err)
{
    HR_EXPECT_OK(hr_rdd_on_free(rdd, note_gone, NULL, err));
    return rdd;
}

static hr_status same(void *arg, const struct hr_row *row, struct hr_emitter *out,
                      struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_row(out, row);
    return 0;
}

HR_TEST(a_released_rdd_goes_with_its_last_user)
{
    struct hr_err err = {0};
    uint64_t n = 0;
    struct hr_context *ctx = hr_context_new(NULL, &err);
    gone = 0;
    hr_rdd_release(watched(hr_range(ctx, 0, 10, 1, 2, &err), &err));
    HR_EXPECT_EQ_I64(gone, 1);
    struct hr_rdd *parent = watched(hr_range(ctx, 0, 10, 1, 2, &err), &err);
    struct hr_rdd *child = watched(hr_rdd_map(parent, "id LONG", same, NULL, &err), &err);
    hr_rdd_release(parent);
    HR_EXPECT_EQ_I64(gone, 1);
    HR_EXPECT_OK(hr_rdd_count(child, &n, &err));
    HR_EXPECT_EQ_U64(n, 10);
    hr_rdd_release(child);
    HR_EXPECT_EQ_I64(gone, 3);
    struct hr_rdd *held = hr_rdd_ref(watched(hr_range(ctx, 0, 10, 1, 2, &err), &err));
    hr_rdd_release(held);
    hr_rdd_release(held); /* of one that is held otherwise: nothing more to let go of */
    HR_EXPECT_EQ_I64(gone, 3);
    hr_rdd_unref(held);
    HR_EXPECT_EQ_I64(gone, 4);
    hr_rdd_release(NULL);
    watched(hr_range(ctx, 0, 10, 1, 2, &err), &err);
    hr_context_free(ctx);
    HR_EXPECT_EQ_I64(gone, 5);
}

static struct hr_context *batch_ctx;
static struct hr_rdd *at_rest;

/* Sources, and what is derived from an RDD of the driver: all of the batch. */
static hr_status use_sources(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    static const int64_t numbers[] = {1, 2, 3};
    uint64_t n = 0;
    (void)arg, (void)time_us;
    struct hr_rdd *all[] = {
        watched(hr_range(batch_ctx, 0, 10, 1, 2, err), err),
        watched(hr_parallelize_longs(batch_ctx, numbers, 3, 1, err), err),
        watched(hr_sql(batch_ctx, "SELECT 1L AS a", err), err),
        watched(hr_rdd_map(at_rest, "id LONG", same, NULL, err), err),
        watched(hr_empty_rdd(batch_ctx, "id LONG", err), err),
        watched(hr_rdd_union(rdd, hr_rdd_map(rdd, "id LONG", same, NULL, err), err), err),
    };
    for (int i = 0; i < 6; i++)
        if (hr_rdd_count(all[i], &n, err)) return err->code;
    return 0;
}

HR_TEST(what_a_batch_makes_goes_with_it)
{
    for (int jobs = 1; jobs <= 2; jobs++) {
        struct hr_err err = {0};
        gone = 0;
        batch_ctx = hr_context_new(&(struct hr_context_options){.manual_clock = true}, &err);
        struct hr_streaming *ssc = hr_streaming_new(batch_ctx, SECOND, &err);
        if (jobs > 1)
            HR_EXPECT_OK(hr_streaming_set(ssc, "spark.streaming.concurrentJobs", "2", &err));
        struct hr_dstream *in = hr_queue_stream(ssc, "id LONG", true, &err);
        at_rest = hr_range(batch_ctx, 0, 5, 1, 1, &err);
        HR_EXPECT_OK(hr_dstream_foreach_rdd(in, use_sources, NULL, &err));
        HR_ASSERT_OK(hr_streaming_start(ssc, &err));
        for (int i = 1; i <= 3; i++) {
            struct hr_rdd *pushed = watched(hr_range(batch_ctx, 0, 4, 1, 1, &err), &err);
            HR_EXPECT_OK(hr_queue_push(in, pushed, &err));
            hr_rdd_release(pushed);
            HR_EXPECT_OK(hr_streaming_step(ssc, &err));
            /* what the batch made, and what was pushed for the batch before */
            HR_EXPECT_EQ_I64(gone, 6 * i + i - 1);
        }
        hr_streaming_free(ssc);
        hr_context_free(batch_ctx);
    }
}

static void free_value(void *value)
{
    *(int *)value += 1;
}

HR_TEST(shared_variables_go_when_told)
{
    struct hr_err err = {0};
    int freed[3] = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_accumulator *acc[3];
    struct hr_broadcast *shared[3];
    for (int i = 0; i < 3; i++) {
        acc[i] = hr_accumulator_long(ctx, "n", &err);
        shared[i] = hr_broadcast(ctx, &freed[i], free_value, &err);
    }
    hr_accumulator_free(acc[1]);
    hr_broadcast_destroy(shared[1]);
    HR_EXPECT_EQ_I64(freed[1], 1);
    hr_accumulator_add(acc[0], 2);
    HR_EXPECT_EQ_I64(hr_accumulator_value(acc[0]), 2);
    hr_accumulator_free(acc[2]);
    hr_accumulator_free(NULL);
    hr_broadcast_destroy(NULL);
    hr_context_free(ctx);
    for (int i = 0; i < 3; i++) HR_EXPECT_EQ_I64(freed[i], 1);
}

static hr_status slow(void *arg, const struct hr_row *row, struct hr_emitter *out,
                      struct hr_err *err)
{
    (void)err;
    usleep(200);
    hr_accumulator_add(arg, 1);
    hr_emit_row(out, row);
    return 0;
}

HR_TEST(a_block_wanted_by_two_tasks_is_computed_once)
{
    struct hr_err err = {0};
    uint64_t n = 0;
    struct hr_context *ctx = hr_context_new(&(struct hr_context_options){.threads = 4}, &err);
    struct hr_accumulator *computed = hr_accumulator_long(ctx, "computed", &err);
    struct hr_rdd *left = hr_rdd_cache(
        hr_rdd_map(hr_range(ctx, 0, 100, 1, 4, &err), "id LONG", slow, computed, &err), &err);
    HR_EXPECT_OK(
        hr_rdd_count(hr_rdd_cartesian(left, hr_range(ctx, 0, 2000, 1, 3, &err), &err), &n, &err));
    HR_EXPECT_EQ_U64(n, 200000);
    HR_EXPECT_EQ_I64(hr_accumulator_value(computed), 100);
    hr_context_free(ctx);
}

/* The second of two tasks waits for one that fails, and makes the block itself. */
static hr_status fails_once(void *arg, const struct hr_row *row, struct hr_emitter *out,
                            struct hr_err *err)
{
    static _Atomic int calls;
    (void)arg;
    usleep(1000);
    if (calls++ == 5) return hr_err_fail(err, "for the test");
    hr_emit_row(out, row);
    return 0;
}

HR_TEST(a_failure_while_others_wait_ends_them)
{
    struct hr_err err = {0};
    uint64_t n = 0;
    struct hr_context *ctx = hr_context_new(&(struct hr_context_options){.threads = 4}, &err);
    struct hr_rdd *left = hr_rdd_cache(
        hr_rdd_map(hr_range(ctx, 0, 20, 1, 1, &err), "id LONG", fails_once, NULL, &err), &err);
    struct hr_rdd *all = hr_rdd_cartesian(left, hr_range(ctx, 0, 2000, 1, 4, &err), &err);
    HR_EXPECT_TRUE(hr_rdd_count(all, &n, &err) != 0);
    hr_err_init(&err);
    HR_EXPECT_OK(hr_rdd_count(all, &n, &err));
    HR_EXPECT_EQ_U64(n, 40000);
    hr_context_free(ctx);
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DEEP 5000
#else
#define DEEP 60000
#endif

HR_TEST(long_lineages)
{
    for (uint32_t executors = 0; executors <= 1; executors++) {
        struct hr_err err = {0};
        uint64_t n = 0;
        const struct hr_context_options options = {.executors = executors, .threads = 2};
        struct hr_context *ctx = hr_context_new(&options, &err);
        struct hr_rdd *rdd = hr_range(ctx, 0, 20, 1, 1, &err);
        for (int i = 0; i < DEEP; i++) rdd = hr_rdd_map(rdd, "id LONG", same, NULL, &err);
        HR_EXPECT_OK(hr_rdd_count(rdd, &n, &err));
        HR_EXPECT_EQ_U64(n, 20);
        HR_EXPECT_EQ_STR(err.msg, "");
        char *text = hr_rdd_to_debug_string(rdd);
        HR_EXPECT_TRUE(text != NULL);
        hr_free(text);
        hr_context_free(ctx);
    }
}

HR_TEST(long_lineages_of_shuffles)
{
    struct hr_err err = {0};
    uint64_t n = 0;
    struct hr_context *ctx = hr_context_new(&(struct hr_context_options){.threads = 1}, &err);
    struct hr_rdd *rdd = hr_range(ctx, 0, 20, 1, 1, &err);
    for (int i = 0; i < 1000; i++) rdd = hr_rdd_repartition(rdd, 1, &err);
    HR_EXPECT_OK(hr_rdd_count(rdd, &n, &err));
    HR_EXPECT_EQ_U64(n, 20);
    hr_context_free(ctx);
}

HR_TEST(a_row_of_one_column_is_its_value)
{
    struct hr_err err = {0};
    char text[64];
    struct hr_context *ctx = hr_context_new(NULL, &err);
    static const struct {
        const char *sql, *text;
    } CASES[] = {
        {"SELECT 3", "3"},          {"SELECT 2.5D", "2.5"},
        {"SELECT true", "true"},    {"SELECT CAST(NULL AS INT)", "null"},
        {"SELECT 'a b'", "a b"},    {"SELECT DATE'2024-02-29'", "2024-02-29"},
        {"SELECT 1, 'x'", "(1,x)"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct hr_rows *rows = hr_sql_rows(ctx, CASES[i].sql, &err);
        HR_ASSERT_TRUE(rows != NULL);
        hr_row_print(hr_rows_next(rows), text, sizeof text);
        HR_EXPECT_EQ_STR(text, CASES[i].text);
        hr_rows_free(rows);
    }
    static const char *const awk[] = {"awk", "{s += $1} END {print s}", NULL};
    struct hr_rows *sum =
        hr_rdd_collect(hr_rdd_pipe(hr_range(ctx, 0, 10, 1, 1, &err), awk, &err), &err);
    HR_ASSERT_TRUE(sum != NULL);
    hr_row_print(hr_rows_next(sum), text, sizeof text);
    HR_EXPECT_EQ_STR(text, "45");
    hr_rows_free(sum);
    hr_context_free(ctx);
}

/* As org.apache.spark.util.StatCounter of nothing. */
HR_TEST(statistics_of_no_rows)
{
    struct hr_err err = {0};
    struct hr_stats stats;
    double edges[3];
    uint64_t counts[2];
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_rdd *none[] = {hr_empty_rdd(ctx, "x DOUBLE", &err),
                             hr_sql(ctx, "SELECT CAST(NULL AS DOUBLE) AS x", &err)};
    for (int i = 0; i < 2; i++) {
        HR_EXPECT_OK(hr_rdd_stats(none[i], "x", &stats, &err));
        HR_EXPECT_EQ_U64(stats.count, 0);
        HR_EXPECT_TRUE(stats.mean == 0 && stats.sum == 0);
        HR_EXPECT_TRUE(stats.min == INFINITY && stats.max == -INFINITY);
        HR_EXPECT_TRUE(isnan(stats.variance) && isnan(stats.stdev));
        HR_EXPECT_TRUE(isnan(stats.sample_variance) && isnan(stats.sample_stdev));
        HR_EXPECT_TRUE(hr_rdd_histogram_even(none[i], "x", 2, edges, counts, &err) != 0);
        hr_err_init(&err);
    }
    hr_context_free(ctx);
}
