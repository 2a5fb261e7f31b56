/* SPDX-License-Identifier: Apache-2.0 */
/*
 * toLocalIterator, max and min, reduceByKeyLocally, lookup, zipPartitions of several, binaryFiles:
 * exact results in any number of partitions, with threads and worker processes.
 */
#include <headrace/headrace.h>

#include <stdio.h>
#include <stdlib.h>

#include "hr_test.h"
#include "api/api.h"

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

static int nodes_of(struct hr_context *ctx)
{
    int n = 0;
    for (struct hr_node *node = ctx->pool.first; node; node = node->pool_next) n++;
    return n;
}

static const char *print_first(struct hr_rows *rows)
{
    static char out[256];
    if (!rows) return "(failed)";
    const struct hr_row *row = hr_rows_next(rows);
    snprintf(out, sizeof out, "(none)");
    if (row) hr_row_print(row, out, sizeof out);
    hr_rows_free(rows);
    return out;
}

static hr_status mod_pair(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    int64_t id = hr_row_long(row, 0);
    (void)err;
    if (arg) hr_accumulator_add(arg, 1);
    hr_emit_long(out, id % 4);
    hr_emit_long(out, id);
    hr_emit_end(out);
    return 0;
}

/* --- toLocalIterator -------------------------------------------------------------------------- */

HR_TEST(a_partition_at_a_time)
{
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_accumulator *calls = hr_accumulator_long(ctx, "calls", &err);
        struct hr_rdd *rdd = hr_rdd_map(hr_range(ctx, 0, 40000, 1, n, &err), "k LONG, v LONG",
                                        mod_pair, calls, &err);
        struct hr_rows *rows = hr_rdd_to_local_iterator(rdd, &err);
        HR_EXPECT_EQ_I64(hr_accumulator_value(calls),
                         0); /* nothing is computed before it is asked */
        for (int64_t i = 0; i < 40000; i++) {
            const struct hr_row *row = hr_rows_next(rows);
            HR_ASSERT_TRUE(row != NULL);
            HR_ASSERT(HR_EXPECT_EQ_I64(hr_row_long(row, 1), i));
            /* the partitions up to this row's, not one more */
            int64_t partition = i * n / 40000;
            if (i % 5000 == 0)
                HR_EXPECT_EQ_I64(hr_accumulator_value(calls), (partition + 1) * 40000 / n);
        }
        HR_EXPECT_TRUE(hr_rows_next(rows) == NULL && hr_rows_next(rows) == NULL);
        HR_EXPECT_EQ_I64(hr_rows_status(rows, &err), 0);
        hr_rows_free(rows);
        rows = hr_rdd_to_local_iterator(rdd, &err); /* left early */
        HR_EXPECT_EQ_I64(hr_row_long(hr_rows_next(rows), 1), 0);
        hr_rows_free(rows);
        struct hr_batch_view view;
        uint64_t live = 0;
        rows = hr_rdd_to_local_iterator(rdd, &err);
        while (hr_rows_next_batch(rows, &view)) live += view.live_count;
        HR_EXPECT_EQ_U64(live, 40000);
        hr_rows_free(rows);
        rows = hr_rdd_to_local_iterator(hr_empty_rdd(ctx, "a INT", &err), &err);
        HR_EXPECT_TRUE(hr_rows_next(rows) == NULL && hr_rows_status(rows, &err) == 0);
        hr_rows_free(rows);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

static hr_status fail_at_30(void *arg, const struct hr_row *row, struct hr_emitter *out,
                            struct hr_err *err)
{
    (void)arg;
    if (hr_row_long(row, 0) == 30) return hr_err_fail(err, "row 30");
    hr_emit_row(out, row);
    return 0;
}

HR_TEST(a_failure_is_told_where_it_comes)
{
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rows *rows = hr_rdd_to_local_iterator(
            hr_rdd_map(hr_range(ctx, 0, 40, 1, 4, &err), "id LONG", fail_at_30, NULL, &err), &err);
        int64_t n = 0;
        while (hr_rows_next(rows)) n++;
        HR_EXPECT_EQ_I64(n, 30); /* the partitions before it */
        HR_EXPECT_TRUE(hr_rows_next(rows) == NULL);
        HR_EXPECT_TRUE(hr_rows_status(rows, &err) != 0);
        HR_EXPECT_EQ_STR(err.msg, "row 30");
        hr_rows_free(rows);
        HR_EXPECT_TRUE(hr_rows_status(NULL, NULL) != 0);
        hr_context_free(ctx);
    }
}

/* --- One answer ------------------------------------------------------------------------------- */

HR_TEST(largest_and_smallest_row)
{
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *pairs =
            hr_rdd_map(hr_range(ctx, 0, 1000, 1, n, &err), "k LONG, v LONG", mod_pair, NULL, &err);
        HR_EXPECT_EQ_STR(print_first(hr_rdd_max(pairs, "v", &err)), "(3,999)");
        HR_EXPECT_EQ_STR(print_first(hr_rdd_min(pairs, "v", &err)), "(0,0)");
        HR_EXPECT_EQ_STR(print_first(hr_rdd_max(pairs, "k, v DESC", &err)), "(3,3)");
        HR_EXPECT_EQ_STR(print_first(hr_rdd_min(pairs, "k DESC, v DESC", &err)), "(3,999)");
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_EXPECT_TRUE(hr_rdd_max(hr_range(ctx, 0, 0, 1, n, &err), "id", &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "max of an empty RDD");
        hr_context_free(ctx);
    }
}

static hr_status key_two(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, 2);
    hr_emit_end(out);
    return 0;
}

HR_TEST(by_key_without_leaving_anything)
{
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *pairs =
            hr_rdd_map(hr_range(ctx, 0, 1000, 1, n, &err), "k LONG, v LONG", mod_pair, NULL, &err);
        int before = nodes_of(ctx);
        for (int i = 0; i < 3; i++) {
            struct hr_rows *sums = hr_rdd_reduce_by_key_locally(pairs, hr_sum, NULL, &err);
            HR_EXPECT_EQ_U64(hr_rows_count(sums), 4);
            for (const struct hr_row *row; (row = hr_rows_next(sums));)
                HR_EXPECT_EQ_I64(hr_row_long(row, 1), 124500 + 250 * hr_row_long(row, 0));
            hr_rows_free(sums);
            struct hr_rows *twos = hr_rdd_lookup(pairs, key_two, NULL, &err);
            HR_EXPECT_EQ_U64(hr_rows_count(twos), 250);
            int64_t sum = 0;
            for (const struct hr_row *row; (row = hr_rows_next(twos));) sum += hr_row_long(row, 1);
            HR_EXPECT_EQ_I64(sum, 125000);
            hr_rows_free(twos);
            uint64_t distinct = 0;
            HR_EXPECT_EQ_I64(hr_rdd_count_approx_distinct(pairs, 0.05, &distinct, &err), 0);
        }
        HR_EXPECT_EQ_I64(nodes_of(ctx), before);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

/* --- Several side by side --------------------------------------------------------------------- */

static hr_status side_by_side(void *arg, uint32_t partition, struct hr_rows *const *in,
                              uint32_t count, struct hr_emitter *out, struct hr_err *err)
{
    (void)err;
    hr_accumulator_add(arg, 1);
    for (;;) {
        int64_t sum = 0;
        for (uint32_t i = 0; i < count; i++) {
            const struct hr_row *row = hr_rows_next(in[i]);
            if (!row) return 0;
            sum += hr_row_long(row, 0) << (8 * i);
        }
        hr_emit_long(out, partition);
        hr_emit_long(out, sum);
        hr_emit_end(out);
    }
}

HR_TEST(up_to_eight_partitions_side_by_side)
{
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_accumulator *calls = hr_accumulator_long(ctx, "calls", &err);
        struct hr_rdd *in[9];
        for (int i = 0; i < 9; i++) in[i] = hr_range(ctx, i, i + 16, 1, n, &err);
        for (uint32_t count = 1; count <= 8; count++) {
            struct hr_rows *rows = hr_rdd_collect(
                hr_rdd_zip_partitions_all(in, count, "p LONG, sum LONG", side_by_side, calls, &err),
                &err);
            HR_EXPECT_EQ_STR(err.msg, "");
            HR_EXPECT_EQ_U64(hr_rows_count(rows), 16);
            for (int64_t j = 0; j < 16; j++) {
                const struct hr_row *row = hr_rows_next(rows);
                int64_t want = 0;
                for (uint32_t i = 0; i < count; i++) want += (j + i) << (8 * i);
                HR_EXPECT_EQ_I64(hr_row_long(row, 0), j * n / 16);
                HR_EXPECT_EQ_I64(hr_row_long(row, 1), want);
            }
            hr_rows_free(rows);
        }
        HR_EXPECT_EQ_I64(hr_accumulator_value(calls), 8 * (int64_t)n);
        HR_EXPECT_TRUE(hr_rdd_zip_partitions_all(in, 9, "a LONG", side_by_side, calls, &err) ==
                       NULL);
        HR_EXPECT_EQ_STR(err.msg, "zip of 9 RDDs; 1 to 8");
        hr_err_init(&err);
        in[2] = hr_range(ctx, 0, 10, 1, n + 1, &err);
        HR_EXPECT_TRUE(hr_rdd_zip_partitions_all(in, 3, "a LONG", side_by_side, calls, &err) ==
                       NULL);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_INVALID_ARGUMENT");
        hr_context_free(ctx);
    }
}

/* --- binaryFiles ------------------------------------------------------------------------------ */

HR_TEST(files_as_bytes)
{
    static const char bytes[] = {0, (char)0xff, '\n', 0, 'x'};
    char folder[64], path[128];
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(0);
    snprintf(folder, sizeof folder, "/tmp/hr-bytes-XXXXXX");
    HR_ASSERT_TRUE(mkdtemp(folder) != NULL);
    for (int i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s/%c", folder, 'a' + i);
        FILE *f = fopen(path, "wb");
        HR_EXPECT_EQ_U64(fwrite(bytes, 1, i ? 0 : sizeof bytes, f), i ? 0 : sizeof bytes);
        fclose(f);
    }
    struct hr_rdd *files = hr_binary_files(ctx, folder, 0, &err);
    char *schema = hr_rdd_schema(files);
    HR_EXPECT_EQ_STR(schema, "path STRING, content BINARY");
    hr_free(schema);
    struct hr_rows *rows = hr_rdd_collect(files, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_U64(hr_rows_count(rows), 2);
    for (int i = 0; i < 2; i++) {
        const struct hr_row *row = hr_rows_next(rows);
        snprintf(path, sizeof path, "%s/%c", folder, 'a' + i);
        HR_EXPECT_TRUE(hr_text_eq(hr_row_str(row, 0), hr_text(path)));
        struct hr_text content = hr_row_str(row, 1);
        HR_EXPECT_TRUE(hr_text_eq(content, (struct hr_text){bytes, i ? 0 : sizeof bytes}));
        unlink(path);
    }
    hr_rows_free(rows);
    hr_context_free(ctx);
    rmdir(folder);
}
