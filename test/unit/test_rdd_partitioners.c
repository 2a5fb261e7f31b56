/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partitioners: a user's function and ranges put rows where they say; what is placed alike needs no
 * further shuffle; a wrong answer fails the task by name.
 */
#include <headrace/headrace.h>

#include <stdio.h>

#include "hr_test.h"
#include "rdd/rdd.h"

static const uint32_t PARTITIONS[] = {1, 2, 8};
#define EACH(n)                                                            \
    for (size_t i_ = 0; i_ < sizeof PARTITIONS / sizeof *PARTITIONS; i_++) \
        for (uint32_t n = PARTITIONS[i_], executors = 0; executors <= (n == 2); executors++)

static struct hr_context *new_context(uint32_t executors)
{
    struct hr_err err = {0};
    struct hr_context_options options = {
        .threads = 2, .executors = executors * 2, .default_parallelism = 3};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

static hr_status to_pair(void *arg, const struct hr_row *row, struct hr_emitter *out,
                         struct hr_err *err)
{
    (void)err;
    hr_emit_long(out, hr_row_long(row, 0) % *(const int64_t *)arg);
    hr_emit_long(out, hr_row_long(row, 0));
    hr_emit_end(out);
    return 0;
}

/* (i % keys, i) for i in 0 … rows - 1. keys must live on. */
static struct hr_rdd *pairs(struct hr_context *ctx, int64_t rows, const int64_t *keys,
                            struct hr_err *err)
{
    return hr_rdd_map(hr_range(ctx, 0, rows, 1, 3, err), "k LONG, v LONG", to_pair,
                      (void *)(uintptr_t)keys, err);
}

/* Backwards, so that it is no accident. */
static int64_t from_behind(void *arg, const struct hr_row *key, uint32_t partitions)
{
    (void)arg;
    return partitions - 1 - hr_row_long(key, 0) % partitions;
}

static hr_status with_partition(void *arg, uint32_t partition, struct hr_rows *in,
                                struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    for (const struct hr_row *row; (row = hr_rows_next(in));) {
        hr_emit_long(out, partition);
        hr_emit_fields(out, row);
        hr_emit_end(out);
    }
    return 0;
}

/* Shuffles between the RDD and its sources. */
static uint32_t shuffles(const struct hr_rdd *rdd)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < rdd->dep_count; i++)
        n += (rdd->deps[i].kind == HR_DEP_SHUFFLE) + shuffles(rdd->deps[i].parent);
    return n;
}

/* Every row (k, v) is where from_behind says. */
static void expect_in_place(struct hr_rdd *rdd, const char *ddl, uint64_t rows)
{
    struct hr_err err = {0};
    uint32_t n = hr_rdd_partitions(rdd);
    struct hr_rows *got =
        hr_rdd_collect(hr_rdd_map_partitions(rdd, ddl, with_partition, NULL, &err), &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_U64(hr_rows_count(got), rows);
    for (const struct hr_row *row; (row = hr_rows_next(got));)
        HR_EXPECT_EQ_I64(hr_row_long(row, 0), n - 1 - hr_row_long(row, 1) % n);
    hr_rows_free(got);
}

HR_TEST(a_function_places_rows)
{
    static const int64_t keys = 10;
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *placed = hr_rdd_partition_by_fn(pairs(ctx, 1000, &keys, &err), n,
                                                       from_behind, NULL, "behind", &err);
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_EXPECT_EQ_STR(hr_rdd_partitioner(placed), "behind");
        HR_EXPECT_EQ_U64(hr_rdd_partitions(placed), n);
        expect_in_place(placed, "p LONG, k LONG, v LONG", 1000);
        /* asked for again: the same RDD */
        HR_EXPECT_TRUE(hr_rdd_partition_by_fn(placed, n, from_behind, NULL, "behind", &err) ==
                       placed);
        HR_EXPECT_TRUE(hr_rdd_partition_by_fn(placed, n, from_behind, ctx, "behind", &err) !=
                       placed);
        struct hr_rdd *sums = hr_rdd_reduce_by_key(placed, hr_sum, NULL, 0, &err);
        HR_EXPECT_EQ_U64(shuffles(sums), 1);
        HR_EXPECT_EQ_STR(hr_rdd_partitioner(sums), "behind");
        expect_in_place(sums, "p LONG, k LONG, v LONG", 10);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

HR_TEST(placed_alike_is_joined_in_place)
{
    static const int64_t ten = 10, five = 5;
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *plain = pairs(ctx, 20, &five, &err);
        struct hr_rdd *a = hr_rdd_partition_by_fn(pairs(ctx, 100, &ten, &err), n, from_behind, NULL,
                                                  "behind", &err);
        struct hr_rdd *b = hr_rdd_partition_by_fn(plain, n, from_behind, NULL, "behind", &err);
        struct hr_rdd *like = hr_rdd_partition_like(plain, a, &err);
        HR_EXPECT_EQ_U64(shuffles(hr_rdd_join(a, b, 0, &err)), 2); /* their own */
        HR_EXPECT_EQ_U64(shuffles(hr_rdd_join(a, like, n, &err)), 2);
        HR_EXPECT_EQ_U64(shuffles(hr_rdd_join(a, plain, 0, &err)), 2); /* plain moves, a stays */
        HR_EXPECT_EQ_U64(shuffles(hr_rdd_join(plain, a, 0, &err)), 2);
        HR_EXPECT_EQ_U64(shuffles(hr_rdd_join(a, b, n + 1, &err)), 4); /* asked for */
        struct hr_rdd *joins[] = {hr_rdd_join(a, b, 0, &err), hr_rdd_join(a, plain, 0, &err),
                                  hr_rdd_join(plain, a, 0, &err), hr_rdd_join(a, like, n, &err),
                                  hr_rdd_join(a, b, n + 1, &err)};
        /* keys 0 … 4: ten rows in a, four in b each */
        for (size_t i = 0; i < 5; i++) {
            uint64_t rows = 0;
            HR_EXPECT_OK(hr_rdd_count(joins[i], &rows, &err));
            HR_EXPECT_EQ_U64(rows, 200);
            HR_EXPECT_EQ_STR(hr_rdd_partitioner(joins[i]), i < 4 ? "behind" : "hash");
            if (i < 4) expect_in_place(joins[i], "p LONG, k LONG, v LONG, w LONG", 200);
        }
        struct hr_rdd *all = hr_rdd_union(a, b, &err); /* alike: still placed */
        HR_EXPECT_EQ_STR(hr_rdd_partitioner(all), "behind");
        expect_in_place(all, "p LONG, k LONG, v LONG", 120);
        HR_EXPECT_TRUE(hr_rdd_partitioner(hr_rdd_union(a, plain, &err)) == NULL);
        /* what keeps the key keeps the place; what may change it does not */
        HR_EXPECT_EQ_STR(hr_rdd_partitioner(hr_rdd_sample(a, false, 0.5, 1, &err)), "behind");
        HR_EXPECT_EQ_STR(hr_rdd_partitioner(hr_rdd_keys(a, &err)), "behind");
        HR_EXPECT_TRUE(hr_rdd_partitioner(hr_rdd_values(a, &err)) == NULL);
        HR_EXPECT_TRUE(hr_rdd_partitioner(plain) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_EXPECT_TRUE(hr_rdd_partition_like(a, plain, &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "the other RDD is not partitioned by its key");
        HR_EXPECT_TRUE(
            hr_rdd_partition_like(hr_rdd_to_df(hr_rdd_with_keys(plain, 2, &err), "a, b", &err), a,
                                  &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "the keys of the RDDs differ in type");
        hr_context_free(ctx);
    }
}

static int64_t beyond(void *arg, const struct hr_row *key, uint32_t partitions)
{
    return hr_row_long(key, 0) == 7 ? *(const int64_t *)arg : hr_row_long(key, 0) % partitions;
}

static int64_t misread(void *arg, const struct hr_row *key, uint32_t partitions)
{
    (void)arg, (void)partitions;
    return (int64_t)hr_row_str(key, 0).len;
}

HR_TEST(a_wrong_answer_fails_by_name)
{
    static const int64_t keys = 10, wrong[] = {4, -1, INT64_MIN, INT64_MAX, INT64_C(1) << 32};
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_context *ctx = new_context(executors);
        for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
            struct hr_err err = {0};
            char want[128];
            uint64_t rows;
            struct hr_rdd *placed =
                hr_rdd_partition_by_fn(pairs(ctx, 100, &keys, &err), 4, beyond,
                                       (void *)(uintptr_t)&wrong[i], "sevens", &err);
            HR_EXPECT_TRUE(hr_rdd_count(placed, &rows, &err) != HR_OK);
            HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_USER_FUNCTION");
            snprintf(want, sizeof want,
                     "partitioner sevens: partition %lld for key 7; there are 0 to 3",
                     (long long)wrong[i]);
            HR_EXPECT_EQ_STR(err.msg, want);
        }
        struct hr_err err = {0};
        uint64_t rows;
        struct hr_rdd *placed =
            hr_rdd_partition_by_fn(pairs(ctx, 100, &keys, &err), 4, misread, NULL, "misread", &err);
        HR_EXPECT_TRUE(hr_rdd_count(placed, &rows, &err) != HR_OK);
        HR_EXPECT_EQ_STR(err.msg, "column 0 is BIGINT and was read as STRING");
        hr_err_init(&err);
        HR_EXPECT_TRUE(hr_rdd_partition_by_fn(placed, 4, NULL, NULL, "x", &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "a partitioner without a function");
        HR_EXPECT_TRUE(hr_rdd_partition_by_fn(placed, 4, beyond, NULL, "", &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "a partitioner without a name");
        hr_context_free(ctx);
    }
}

/* Keys of a partition are all before (behind) those of the next; all of a key are in one. */
static void expect_ranges(struct hr_rdd *rdd, bool ascending, uint64_t rows)
{
    struct hr_err err = {0};
    int64_t low[8], high[8], last = -1;
    uint32_t n = hr_rdd_partitions(rdd), used = 0;
    struct hr_rows *got = hr_rdd_collect(
        hr_rdd_map_partitions(rdd, "p LONG, k LONG, v LONG", with_partition, NULL, &err), &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_U64(hr_rows_count(got), rows);
    for (uint32_t p = 0; p < n; p++) low[p] = INT64_MAX, high[p] = INT64_MIN;
    for (const struct hr_row *row; (row = hr_rows_next(got));) {
        int64_t p = hr_row_long(row, 0), k = hr_row_long(row, 1);
        if (k < low[p]) low[p] = k;
        if (k > high[p]) high[p] = k;
    }
    for (uint32_t p = 0; p < n; p++) {
        if (low[p] > high[p]) continue;
        if (last >= 0) HR_EXPECT_TRUE(ascending ? high[last] < low[p] : low[last] > high[p]);
        last = p;
        used++;
    }
    HR_EXPECT_EQ_U64(used, n);
    hr_rows_free(got);
}

HR_TEST(ranges_are_in_order_and_whole)
{
    static const int64_t keys = 100;
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *all = pairs(ctx, 5000, &keys, &err);
        for (int ascending = 0; ascending < 2; ascending++) {
            struct hr_rdd *ranges = hr_rdd_partition_by_range(all, ascending, n, &err);
            HR_EXPECT_EQ_STR(err.msg, "");
            HR_EXPECT_EQ_STR(hr_rdd_partitioner(ranges), n == 1 ? "hash" : "range");
            expect_ranges(ranges, ascending, 5000);
            struct hr_rdd *like = hr_rdd_partition_like(all, ranges, &err);
            expect_ranges(like, ascending, 5000);
            HR_EXPECT_EQ_U64(shuffles(hr_rdd_join(ranges, like, 0, &err)), 2);
            struct hr_rdd *sums = hr_rdd_reduce_by_key(ranges, hr_sum, NULL, 0, &err);
            HR_EXPECT_EQ_U64(shuffles(sums), 1);
            expect_ranges(sums, ascending, 100);
        }
        hr_context_free(ctx);
    }
}

/* As in Spark, what is sorted by key is partitioned by ranges of it. */
HR_TEST(sorted_is_placed)
{
    static const int64_t keys = 100;
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *sorted = hr_rdd_sort_by_key(pairs(ctx, 5000, &keys, &err), true, n, &err);
        struct hr_rdd *groups = hr_rdd_group_by_key(sorted, 0, &err);
        HR_EXPECT_EQ_U64(shuffles(groups), 1);
        uint64_t rows = 0;
        HR_EXPECT_OK(hr_rdd_count(groups, &rows, &err));
        HR_EXPECT_EQ_U64(rows, 100);
        struct hr_rdd *again = hr_rdd_repartition_and_sort(
            hr_rdd_partition_by_fn(sorted, n, from_behind, NULL, "behind", &err), 0, &err);
        HR_EXPECT_EQ_U64(shuffles(again), 2);
        expect_in_place(again, "p LONG, k LONG, v LONG", 5000);
        struct hr_rdd *other = hr_rdd_sort_by(pairs(ctx, 5000, &keys, &err), "v", n, &err);
        HR_EXPECT_TRUE(hr_rdd_partitioner(other) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}
