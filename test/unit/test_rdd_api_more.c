/* SPDX-License-Identifier: Apache-2.0 */
/* The rest of the public RDD interface: the same exact results in 1, 2 and 8 partitions. */
#include <headrace/headrace.h>
#include <stdio.h>
#include <stdlib.h>

#include "hr_test.h"

static const uint32_t PARTITIONS[] = {1, 2, 8};
static const int64_t TEN[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

static struct hr_context *new_context(uint32_t threads)
{
    struct hr_err err = {0};
    struct hr_context_options options = {.threads = threads, .default_parallelism = threads};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rows printed, sorted as texts where asked, joined by spaces. Frees rows. */
static const char *text_of(struct hr_rows *rows, bool sort)
{
    static char out[16384];
    char *lines[512];
    int n = 0;
    size_t at = 0;
    if (!rows) return "(failed)";
    for (const struct hr_row *row; n < 512 && (row = hr_rows_next(rows));) {
        size_t len = hr_row_print(row, NULL, 0);
        lines[n] = malloc(len + 1);
        hr_row_print(row, lines[n++], len + 1);
    }
    if (sort) qsort(lines, (size_t)n, sizeof *lines, compare_lines);
    out[0] = '\0';
    for (int i = 0; i < n; i++) {
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s", i ? " " : "", lines[i]);
        free(lines[i]);
    }
    hr_rows_free(rows);
    return out;
}

#define EXPECT(rdd, sort, text)                                       \
    do {                                                              \
        struct hr_err err_ = {0};                                     \
        const char *got_ = text_of(hr_rdd_collect(rdd, &err_), sort); \
        HR_EXPECT_EQ_STR(got_, text);                                 \
        HR_EXPECT_EQ_STR(err_.msg, "");                               \
    } while (0)

/* --- Functions -------------------------------------------------------------------------------- */

static hr_status odd_or_even(void *arg, const struct hr_row *row, struct hr_emitter *out,
                             struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_str(out, hr_row_long(row, 0) % 2 ? "odd" : "even");
    hr_emit_end(out);
    return 0;
}

static hr_status up_to(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    (void)arg, (void)err;
    for (int64_t i = 0; i < hr_row_long(row, 1) && i < 2; i++) {
        hr_emit_long(out, hr_row_long(row, 1) * 10 + i);
        hr_emit_end(out);
    }
    return 0;
}

static hr_status sum_of(void *arg, uint32_t partition, struct hr_rows *in, struct hr_emitter *out,
                        struct hr_err *err)
{
    int64_t sum = 0;
    (void)arg, (void)err, (void)partition;
    for (const struct hr_row *row; (row = hr_rows_next(in));) sum += hr_row_long(row, 0);
    hr_emit_long(out, sum);
    hr_emit_end(out);
    return 0;
}

static hr_status products(void *arg, uint32_t partition, struct hr_rows *left,
                          struct hr_rows *right, struct hr_emitter *out, struct hr_err *err)
{
    const struct hr_row *a, *b;
    (void)arg, (void)err, (void)partition;
    while ((a = hr_rows_next(left)) && (b = hr_rows_next(right))) {
        hr_emit_long(out, hr_row_long(a, 0) * hr_row_long(b, 0));
        hr_emit_end(out);
    }
    return 0;
}

static hr_status key_odd(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_str(out, "odd");
    hr_emit_end(out);
    return 0;
}

static hr_status create(void *arg, const struct hr_row *row, struct hr_emitter *out,
                        struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(row, 0));
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return 0;
}

static hr_status merge_value(void *arg, const struct hr_row *s, const struct hr_row *v,
                             struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(s, 0) + hr_row_long(v, 0));
    hr_emit_long(out, hr_row_long(s, 1) + 1);
    hr_emit_end(out);
    return 0;
}

/* --- Tests ------------------------------------------------------------------------------------ */

HR_TEST(keys_of_all_sorts)
{
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        struct hr_err err = {0};
        uint32_t n = PARTITIONS[i];
        struct hr_context *ctx = new_context(2);
        struct hr_rdd *ten = hr_parallelize_longs(ctx, TEN, 10, n, &err);
        struct hr_rdd *keyed = hr_rdd_key_by(ten, "k STRING", odd_or_even, NULL, &err);
        HR_EXPECT_TRUE(hr_rdd_context(keyed) == ctx && hr_rdd_id(keyed) != hr_rdd_id(ten));
        char *schema = hr_rdd_schema(keyed);
        HR_EXPECT_EQ_STR(schema, "k STRING, value BIGINT");
        hr_free(schema);
        EXPECT(keyed, true,
               "(even,10) (even,2) (even,4) (even,6) (even,8) (odd,1) (odd,3) (odd,5) (odd,7) "
               "(odd,9)");
        struct hr_combiner c = {"sum LONG, n LONG", create, merge_value, hr_sum, NULL, false};
        EXPECT(hr_rdd_combine_by_key(keyed, &c, n, &err), true, "(even,30,5) (odd,25,5)");
        c.no_map_side = true;
        EXPECT(hr_rdd_combine_by_key(keyed, &c, n, &err), true, "(even,30,5) (odd,25,5)");
        EXPECT(hr_rdd_flat_map_values(keyed, "v LONG", up_to, NULL, &err), true,
               "(even,100) (even,101) (even,20) (even,21) (even,40) (even,41) (even,60) (even,61) "
               "(even,80) (even,81) (odd,10) (odd,30) (odd,31) (odd,50) (odd,51) (odd,70) "
               "(odd,71) (odd,90) (odd,91)");
        const char *odd = text_of(hr_rdd_lookup(keyed, key_odd, NULL, &err), true);
        HR_EXPECT_EQ_STR(odd, "(odd,1) (odd,3) (odd,5) (odd,7) (odd,9)");
        EXPECT(hr_rdd_select(keyed, "value, k", &err), false,
               "(1,odd) (2,even) (3,odd) (4,even) (5,odd) (6,even) (7,odd) (8,even) (9,odd) "
               "(10,even)");
        struct hr_rdd *both = hr_rdd_with_keys(hr_rdd_union(keyed, keyed, &err), 2, &err);
        EXPECT(hr_rdd_keys(hr_rdd_distinct(both, n, &err), &err), true,
               "(even,10) (even,2) (even,4) (even,6) (even,8) (odd,1) (odd,3) (odd,5) (odd,7) "
               "(odd,9)");
        struct hr_rdd *grouped = hr_rdd_group_by(ten, "k STRING", odd_or_even, NULL, n, &err);
        HR_EXPECT_EQ_STR(text_of(hr_rdd_count_by_key(grouped, &err), true), "(even,1) (odd,1)");
        const char *values = text_of(hr_rdd_count_by_value(hr_rdd_keys(keyed, &err), &err), true);
        HR_EXPECT_EQ_STR(values, "(even,5) (odd,5)");
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

/* A union of RDDs that are partitioned alike stays partitioned: nothing is shuffled again. */
HR_TEST(a_union_of_what_is_partitioned_alike)
{
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        struct hr_err err = {0};
        uint32_t n = PARTITIONS[i];
        struct hr_context *ctx = new_context(2);
        struct hr_rdd *ten = hr_parallelize_longs(ctx, TEN, 10, n, &err);
        struct hr_rdd *keyed = hr_rdd_key_by(ten, "k STRING", odd_or_even, NULL, &err);
        struct hr_rdd *a = hr_rdd_reduce_by_key(keyed, hr_sum, NULL, 3, &err);
        struct hr_rdd *b = hr_rdd_partition_by(keyed, 3, &err);
        struct hr_rdd *four = hr_rdd_partition_by(keyed, 4, &err);
        struct hr_rdd *both = hr_rdd_union(a, b, &err);
        HR_EXPECT_EQ_U64(hr_rdd_partitions(both), 3);
        struct hr_rdd *sums = hr_rdd_reduce_by_key(both, hr_sum, NULL, 3, &err);
        EXPECT(sums, true, "(even,60) (odd,50)");
        char *lineage = hr_rdd_to_debug_string(sums);
        HR_EXPECT_TRUE(strstr(lineage, "PartitionerAwareUnionRDD") != NULL);
        HR_EXPECT_TRUE(strncmp(lineage, "(3)", 3) == 0);
        HR_EXPECT_TRUE(strstr(lineage, "+-") > strstr(lineage, "Union")); /* no shuffle above it */
        hr_free(lineage);
        struct hr_rdd *other = hr_rdd_union(both, four, &err); /* partitioned otherwise */
        HR_EXPECT_EQ_U64(hr_rdd_partitions(other), 7);
        EXPECT(hr_rdd_reduce_by_key(other, hr_sum, NULL, 3, &err), true, "(even,90) (odd,75)");
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

HR_TEST(pairs_of_rdds)
{
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        struct hr_err err = {0};
        uint32_t n = PARTITIONS[i];
        struct hr_context *ctx = new_context(2);
        struct hr_rdd *ten = hr_parallelize_longs(ctx, TEN, 10, n, &err);
        struct hr_rdd *three = hr_parallelize_longs(ctx, TEN, 3, n, &err);
        EXPECT(hr_rdd_zip_partitions(ten, ten, "p LONG", products, NULL, &err), false,
               "1 4 9 16 25 36 49 64 81 100");
        EXPECT(hr_rdd_zip(ten, ten, &err), false,
               "(1,1) (2,2) (3,3) (4,4) (5,5) (6,6) (7,7) (8,8) (9,9) (10,10)");
        EXPECT(hr_rdd_zip_with_index(three, &err), false, "(1,0) (2,1) (3,2)");
        EXPECT(hr_rdd_cartesian(three, hr_parallelize_longs(ctx, TEN, 2, n, &err), &err), true,
               "(1,1) (1,2) (2,1) (2,2) (3,1) (3,2)");
        struct hr_rdd *all[] = {three, three, three};
        EXPECT(hr_rdd_union_all(all, 3, &err), false, "1 2 3 1 2 3 1 2 3");
        struct hr_rdd *sums = hr_rdd_map_partitions(ten, "s LONG", sum_of, NULL, &err);
        uint64_t count = 0;
        hr_rdd_count(sums, &count, &err);
        HR_EXPECT_EQ_U64(count, n);
        HR_EXPECT_EQ_STR(text_of(hr_rdd_reduce(sums, hr_sum, NULL, &err), false), "55");
        struct hr_rdd *one = hr_rdd_coalesce(ten, 1, &err);
        HR_EXPECT_EQ_U64(hr_rdd_partitions(one), 1);
        EXPECT(hr_rdd_map_partitions(one, "s LONG", sum_of, NULL, &err), false, "55");
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

HR_TEST(samples)
{
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(2);
        struct hr_rdd *many = hr_range(ctx, 0, 400, 1, PARTITIONS[i], &err), *parts[2] = {0};
        struct hr_rdd *half = hr_rdd_sample(many, false, 0.5, 7, &err);
        uint64_t a = 0, b = 0, c = 0;
        hr_rdd_count(half, &a, &err);
        HR_EXPECT_TRUE(a > 150 && a < 250);
        hr_rdd_count(hr_rdd_intersection(half, hr_rdd_sample(many, false, 0.5, 7, &err), 2, &err),
                     &b, &err);
        HR_EXPECT_EQ_U64(b, a); /* the same seed: the same rows, each once */
        hr_rdd_count(hr_rdd_sample(many, false, 1, 7, &err), &a, &err);
        hr_rdd_count(hr_rdd_sample(many, true, 2, 7, &err), &b, &err);
        HR_EXPECT_EQ_U64(a, 400);
        HR_EXPECT_TRUE(b > 700 && b < 900);
        hr_rdd_random_split(many, (double[]){1, 3}, 2, 5, parts, &err);
        hr_rdd_count(parts[0], &a, &err);
        hr_rdd_count(parts[1], &b, &err);
        hr_rdd_count(hr_rdd_intersection(parts[0], parts[1], 2, &err), &c, &err);
        HR_EXPECT_EQ_U64(a + b, 400);
        HR_EXPECT_EQ_U64(c, 0);
        HR_EXPECT_TRUE(a > 60 && a < 140);
        struct hr_rows *rows = hr_rdd_take_sample(many, false, 1000, 3, &err);
        HR_EXPECT_EQ_U64(hr_rows_count(rows), 400);
        hr_rows_free(rows);
        rows = hr_rdd_take_sample(many, true, 1000, 3, &err);
        HR_EXPECT_EQ_U64(hr_rows_count(rows), 1000);
        hr_rows_free(rows);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

HR_TEST(pipes)
{
    static const char *const upper[] = {"tr", "a-z", "A-Z", NULL}, *const fails[] = {"false", NULL};
    static const char *const words[] = {"one", "two", "three"};
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(2);
        struct hr_rdd *in = hr_parallelize_strings(ctx, words, 3, PARTITIONS[i], &err);
        EXPECT(hr_rdd_pipe(in, upper, &err), false, "ONE TWO THREE");
        HR_EXPECT_TRUE(hr_rdd_collect(hr_rdd_pipe(in, fails, &err), &err) == NULL);
        HR_EXPECT_TRUE(err.code != 0);
        hr_context_free(ctx);
    }
}

HR_TEST(histograms)
{
    static const double values[] = {1, 2.5, 4, 10};
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        struct hr_err err = {0};
        uint64_t counts[3] = {0};
        double edges[4] = {0};
        bool empty = false;
        struct hr_context *ctx = new_context(2);
        struct hr_rdd *d = hr_parallelize_doubles(ctx, values, 4, PARTITIONS[i], &err);
        hr_rdd_histogram(d, "value", (double[]){0, 2.5, 10}, 2, counts, &err);
        HR_EXPECT_EQ_U64(counts[0], 1);
        HR_EXPECT_EQ_U64(counts[1], 3);
        hr_rdd_histogram_even(d, "value", 3, edges, counts, &err);
        HR_EXPECT_TRUE(edges[0] == 1 && edges[1] == 4 && edges[2] == 7 && edges[3] == 10);
        HR_EXPECT_TRUE(counts[0] == 2 && counts[1] == 1 && counts[2] == 1);
        hr_rdd_is_empty(d, &empty, &err);
        HR_EXPECT_TRUE(!empty);
        hr_rdd_is_empty(hr_empty_rdd(ctx, "a LONG", &err), &empty, &err);
        HR_EXPECT_TRUE(empty);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

static int freed;
static void count_free(void *value)
{
    (void)value;
    freed++;
}

struct shared {
    struct hr_accumulator *sum;
    struct hr_broadcast *factor;
};

/* Keys of a partition ascend; adds value times factor. */
static hr_status check_order(void *arg, uint32_t partition, struct hr_rows *rows,
                             struct hr_err *err)
{
    struct shared *s = arg;
    int64_t last = INT64_MIN;
    for (const struct hr_row *row; (row = hr_rows_next(rows));) {
        int64_t v = hr_row_long(row, 0);
        if (v < last) return hr_err_fail(err, "partition %u is out of order", partition);
        last = v;
        hr_accumulator_add_double(s->sum,
                                  (double)v * *(const double *)hr_broadcast_value(s->factor));
    }
    return 0;
}

HR_TEST(shared_variables_and_life)
{
    static double half = 0.5;
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(2);
        struct shared s = {hr_accumulator_double(ctx, "sum", &err),
                           hr_broadcast(ctx, &half, count_free, &err)};
        freed = 0;
        struct hr_rdd *down = hr_range(ctx, 10, 0, -1, PARTITIONS[i], &err);
        struct hr_rdd *sorted = hr_rdd_repartition_and_sort(down, PARTITIONS[i], &err);
        hr_rdd_foreach_partition(sorted, check_order, &s, &err);
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_EXPECT_TRUE(hr_accumulator_value_double(s.sum) == 27.5);
        hr_accumulator_reset(s.sum);
        HR_EXPECT_TRUE(hr_accumulator_value_double(s.sum) == 0);
        HR_EXPECT_EQ_STR(hr_rdd_name(hr_rdd_set_name(down, "down", &err)), "down");
        hr_rdd_on_free(down, count_free, NULL, &err);
        hr_rdd_unref(hr_rdd_ref(down));
        HR_EXPECT_EQ_I64(freed, 0);
        hr_broadcast_destroy(s.factor);
        HR_EXPECT_EQ_I64(freed, 1);
        hr_context_free(ctx);
        HR_EXPECT_EQ_I64(freed, 2);
    }
}

HR_TEST(whole_files_and_records)
{
    struct hr_err err = {0};
    char dir[] = "/tmp/hr-more-XXXXXX", path[64];
    struct hr_context *ctx = new_context(2);
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    snprintf(path, sizeof path, "%s/f", dir);
    FILE *f = fopen(path, "w");
    HR_ASSERT_TRUE(f != NULL);
    fputs("abcdef", f);
    fclose(f);
    EXPECT(hr_rdd_select(hr_whole_text_files(ctx, dir, 0, &err), "content", &err), false, "abcdef");
    uint64_t n = 0;
    hr_rdd_count(hr_binary_records(ctx, path, 2, &err), &n, &err);
    HR_EXPECT_EQ_U64(n, 3);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_TRUE(hr_binary_records(ctx, path, 4, &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_INVALID_ARGUMENT");
    hr_context_free(ctx);
}

/* More rows than a partition keeps: trimmed on the way. */
HR_TEST(first_and_last_of_many)
{
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(2);
        struct hr_rdd *many = hr_range(ctx, 0, 300000, 1, PARTITIONS[i], &err);
        struct hr_rdd *down = hr_range(ctx, 300000, 0, -1, PARTITIONS[i], &err);
        struct hr_rdd *both = hr_rdd_union(many, down, &err);
        const char *top = text_of(hr_rdd_top(both, 4, "id", &err), false);
        HR_EXPECT_EQ_STR(top, "300000 299999 299999 299998");
        const char *least = text_of(hr_rdd_take_ordered(both, 4, "id", &err), false);
        HR_EXPECT_EQ_STR(least, "0 1 1 2");
        HR_EXPECT_EQ_STR(text_of(hr_rdd_top(both, 0, "id", &err), false), "");
        struct hr_rows *rows = hr_rdd_top(both, 20000, "id", &err);
        struct hr_row row;
        HR_EXPECT_EQ_U64(hr_rows_count(rows), 20000);
        HR_EXPECT_TRUE(hr_rows_get(rows, 19999, &row) && hr_row_long(&row, 0) == 290000);
        hr_rows_free(rows);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}
