/* SPDX-License-Identifier: Apache-2.0 */
/* The public RDD interface: transformations and actions with their exact results. */
#include <headrace/headrace.h>

#include "base/env.h"
#include "base/fault.h"
#include "hr_test.h"

/* test_rdd_executor runs this program again with worker processes. */
static uint32_t executors(void)
{
    const char *n = getenv("HR_TEST_EXECUTORS");
    return n ? (uint32_t)strtoul(n, NULL, 10) : 0;
}

static struct hr_context *new_context(uint32_t threads)
{
    struct hr_err err = {0};
    struct hr_context_options options = {
        .threads = threads, .default_parallelism = 3, .executors = executors()};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rows printed, sorted where asked, joined by spaces. Frees rows. */
static const char *text_of(struct hr_rows *rows, bool sort)
{
    static char out[65536];
    char *lines[4096];
    int n = 0;
    size_t at = 0;
    if (!rows) return "(failed)";
    for (const struct hr_row *row; (row = hr_rows_next(rows)) && n < 4096;) {
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

#define EXPECT_ROWS(rdd, text)                                         \
    do {                                                               \
        struct hr_err err_ = {0};                                      \
        const char *got_ = text_of(hr_rdd_collect(rdd, &err_), false); \
        HR_EXPECT_EQ_STR(got_, text);                                  \
        HR_EXPECT_EQ_STR(err_.msg, "");                                \
    } while (0)
#define EXPECT_SORTED(rdd, text)                                      \
    do {                                                              \
        struct hr_err err_ = {0};                                     \
        const char *got_ = text_of(hr_rdd_collect(rdd, &err_), true); \
        HR_EXPECT_EQ_STR(got_, text);                                 \
        HR_EXPECT_EQ_STR(err_.msg, "");                               \
    } while (0)

static hr_status twice(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(row, 0) * 2);
    hr_emit_end(out);
    return 0;
}

static hr_status split(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    struct hr_text line = hr_row_str(row, 0), word;
    (void)arg, (void)err;
    while (hr_text_next_word(&line, &word)) {
        hr_emit_text(out, word);
        hr_emit_long(out, 1);
        hr_emit_end(out);
    }
    return 0;
}

static hr_status twice_value(void *arg, const struct hr_row *row, struct hr_emitter *out,
                             struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(row, 1) * 2);
    hr_emit_end(out);
    return 0;
}

static bool is_odd(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_row_long(row, 0) % 2 != 0;
}

static const int64_t TEN[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

HR_TEST(map_filter_range)
{
    struct hr_context *ctx = new_context(2);
    struct hr_err err = {0};
    struct hr_rdd *ten = hr_parallelize_longs(ctx, TEN, 10, 3, &err);
    EXPECT_ROWS(hr_rdd_map(ten, "v LONG", twice, NULL, &err), "2 4 6 8 10 12 14 16 18 20");
    EXPECT_ROWS(hr_rdd_filter(ten, is_odd, NULL, &err), "1 3 5 7 9");
    EXPECT_ROWS(hr_range(ctx, 10, 0, -3, 2, &err), "10 7 4 1");
    EXPECT_ROWS(hr_range(ctx, 5, 5, 1, 2, &err), "");
    EXPECT_ROWS(hr_empty_rdd(ctx, "a INT", &err), "");
    uint64_t n = 0;
    HR_EXPECT_OK(hr_rdd_count(hr_range(ctx, 0, 100000, 1, 7, &err), &n, &err));
    HR_EXPECT_EQ_U64(n, 100000);
    HR_EXPECT_EQ_I64(hr_rdd_partitions(ten), 3);
    hr_context_free(ctx);
}

HR_TEST(word_count)
{
    const char *lines[] = {"to be or not to be", "that is the question", "", "to  be"};
    for (uint32_t partitions = 1; partitions <= 8; partitions += partitions == 1 ? 1 : 6) {
        struct hr_context *ctx = new_context(2);
        struct hr_err err = {0};
        struct hr_rdd *text = hr_parallelize_strings(ctx, lines, 4, partitions, &err);
        struct hr_rdd *words = hr_rdd_flat_map(text, "word STRING, n LONG", split, NULL, &err);
        struct hr_rdd *counts = hr_rdd_reduce_by_key(words, hr_sum, NULL, partitions, &err);
        EXPECT_SORTED(counts, "(be,3) (is,1) (not,1) (or,1) (question,1) (that,1) (the,1) (to,3)");
        EXPECT_ROWS(hr_rdd_sort_by(counts, "n DESC, word", 1, &err),
                    "(be,3) (to,3) (is,1) (not,1) (or,1) (question,1) (that,1) (the,1)");
        EXPECT_ROWS(hr_rdd_sort_by_key(counts, false, 3, &err),
                    "(to,3) (the,1) (that,1) (question,1) (or,1) (not,1) (is,1) (be,3)");
        HR_EXPECT_EQ_STR(text_of(hr_rdd_top(counts, 2, "n, word", &err), false), "(to,3) (be,3)");
        HR_EXPECT_EQ_STR(text_of(hr_rdd_count_by_key(words, &err), true),
                         "(be,3) (is,1) (not,1) (or,1) (question,1) (that,1) (the,1) (to,3)");
        hr_context_free(ctx);
    }
}

struct pair {
    const char *key;
    int64_t value;
};

static hr_status fill_pairs(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)err;
    for (const struct pair *p = arg; p->key; p++) {
        hr_emit_str(out, p->key);
        hr_emit_long(out, p->value);
        hr_emit_end(out);
    }
    return 0;
}

static struct hr_rdd *pairs(struct hr_context *ctx, const struct pair *p, uint32_t n)
{
    struct hr_err err = {0};
    struct hr_rdd *rdd =
        hr_parallelize(ctx, "k STRING, v LONG", fill_pairs, (void *)(uintptr_t)p, n, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return rdd;
}

static const struct pair LEFT[] = {{"a", 1}, {"b", 2}, {"a", 3}, {"c", 4}, {NULL, 0}};
static const struct pair RIGHT[] = {{"a", 10}, {"d", 40}, {"b", 20}, {"b", 21}, {NULL, 0}};

HR_TEST(joins_and_groups)
{
    struct hr_context *ctx = new_context(2);
    struct hr_err err = {0};
    struct hr_rdd *l = pairs(ctx, LEFT, 2), *r = pairs(ctx, RIGHT, 3), *both[] = {l, r};
    EXPECT_SORTED(hr_rdd_join(l, r, 0, &err), "(a,1,10) (a,3,10) (b,2,20) (b,2,21)");
    EXPECT_SORTED(hr_rdd_left_outer_join(l, r, 4, &err),
                  "(a,1,10) (a,3,10) (b,2,20) (b,2,21) (c,4,null)");
    EXPECT_SORTED(hr_rdd_right_outer_join(l, r, 1, &err),
                  "(a,1,10) (a,3,10) (b,2,20) (b,2,21) (d,null,40)");
    EXPECT_SORTED(hr_rdd_full_outer_join(l, r, 5, &err),
                  "(a,1,10) (a,3,10) (b,2,20) (b,2,21) (c,4,null) (d,null,40)");
    EXPECT_SORTED(hr_rdd_group_by_key(l, 0, &err), "(a,[1, 3]) (b,[2]) (c,[4])");
    EXPECT_SORTED(hr_rdd_cogroup(both, 2, 0, &err),
                  "(a,[1, 3],[10]) (b,[2],[20, 21]) (c,[4],[]) (d,[],[40])");
    EXPECT_SORTED(hr_rdd_subtract_by_key(l, r, 0, &err), "(c,4)");
    EXPECT_SORTED(hr_rdd_intersection(l, hr_rdd_union(l, r, &err), 0, &err),
                  "(a,1) (a,3) (b,2) (c,4)");
    EXPECT_SORTED(hr_rdd_subtract(hr_rdd_union(l, r, &err), l, 0, &err),
                  "(a,10) (b,20) (b,21) (d,40)");
    EXPECT_SORTED(hr_rdd_distinct(hr_rdd_union(l, l, &err), 0, &err), "(a,1) (a,3) (b,2) (c,4)");
    EXPECT_SORTED(hr_rdd_keys(l, &err), "a a b c");
    EXPECT_SORTED(hr_rdd_values(l, &err), "1 2 3 4");
    EXPECT_SORTED(hr_rdd_map_values(l, "w LONG", twice_value, NULL, &err),
                  "(a,2) (a,6) (b,4) (c,8)");
    hr_context_free(ctx);
}

static hr_status zero_long(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)err;
    hr_emit_long(out, arg ? *(int64_t *)arg : 0);
    hr_emit_end(out);
    return 0;
}

static hr_status longest(void *arg, const struct hr_row *a, const struct hr_row *b,
                         struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_row(out, hr_row_str(a, 0).len >= hr_row_str(b, 0).len ? a : b);
    return 0;
}

static hr_status count_and_sum_zero(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, 0);
    hr_emit_double(out, 0);
    hr_emit_end(out);
    return 0;
}

static hr_status count_and_sum(void *arg, const struct hr_row *s, const struct hr_row *v,
                               struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(s, 0) + 1);
    hr_emit_double(out, hr_row_double(s, 1) + hr_row_double(v, 0));
    hr_emit_end(out);
    return 0;
}

HR_TEST(reductions)
{
    struct hr_context *ctx = new_context(2);
    struct hr_err err = {0};
    struct hr_rdd *ten = hr_parallelize_longs(ctx, TEN, 10, 4, &err);
    HR_EXPECT_EQ_STR(text_of(hr_rdd_reduce(ten, hr_sum, NULL, &err), false), "55");
    HR_EXPECT_EQ_STR(text_of(hr_rdd_reduce(ten, hr_min, NULL, &err), false), "1");
    HR_EXPECT_EQ_STR(text_of(hr_rdd_fold(ten, zero_long, hr_max, NULL, &err), false), "10");
    HR_EXPECT_EQ_STR(text_of(hr_rdd_aggregate(ten, "n LONG, s DOUBLE", count_and_sum_zero,
                                              count_and_sum, hr_sum, NULL, &err),
                             false),
                     "(10,55.0)");
    const char *words[] = {"a word", "a much longer word than others", "short"};
    struct hr_rdd *text = hr_parallelize_strings(ctx, words, 3, 3, &err);
    HR_EXPECT_EQ_STR(text_of(hr_rdd_reduce(text, longest, NULL, &err), false),
                     "a much longer word than others");
    struct hr_rdd *l = pairs(ctx, LEFT, 3);
    EXPECT_SORTED(hr_rdd_aggregate_by_key(l, "n LONG, s DOUBLE", count_and_sum_zero, count_and_sum,
                                          hr_sum, NULL, 2, &err),
                  "(a,2,4.0) (b,1,2.0) (c,1,4.0)");
    int64_t hundred = 100;
    EXPECT_SORTED(hr_rdd_fold_by_key(hr_rdd_partition_by(l, 2, &err), zero_long, hr_max, &hundred,
                                     2, &err),
                  "(a,100) (b,100) (c,100)");
    HR_EXPECT_TRUE(hr_rdd_reduce(hr_empty_rdd(ctx, "a INT", &err), hr_sum, NULL, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "reduce of an empty RDD");
    hr_context_free(ctx);
}

HR_TEST(take_first_stats)
{
    struct hr_context *ctx = new_context(1);
    struct hr_err err = {0};
    struct hr_rdd *ten = hr_parallelize_longs(ctx, TEN, 10, 5, &err);
    HR_EXPECT_EQ_STR(text_of(hr_rdd_take(ten, 3, &err), false), "1 2 3");
    HR_EXPECT_EQ_STR(text_of(hr_rdd_take(ten, 99, &err), false), "1 2 3 4 5 6 7 8 9 10");
    HR_EXPECT_EQ_STR(text_of(hr_rdd_first(ten, &err), false), "1");
    HR_EXPECT_EQ_STR(text_of(hr_rdd_take_ordered(ten, 2, "value DESC", &err), false), "10 9");
    struct hr_stats s;
    HR_EXPECT_OK(hr_rdd_stats(ten, "value", &s, &err));
    HR_EXPECT_EQ_F64(s.mean, 5.5);
    HR_EXPECT_NEAR_F64(s.variance, 8.25, 1e-12);
    HR_EXPECT_EQ_F64(s.max, 10);
    double edges[4];
    uint64_t counts[3];
    HR_EXPECT_OK(hr_rdd_histogram_even(ten, "value", 3, edges, counts, &err));
    HR_EXPECT_EQ_U64(counts[0], 3);
    HR_EXPECT_EQ_U64(counts[1], 3);
    HR_EXPECT_EQ_U64(counts[2], 4);
    hr_context_free(ctx);
}

HR_TEST(partitions)
{
    struct hr_context *ctx = new_context(2);
    struct hr_err err = {0};
    struct hr_rdd *ten = hr_parallelize_longs(ctx, TEN, 10, 5, &err);
    struct hr_rdd *two = hr_rdd_coalesce(ten, 2, &err);
    HR_EXPECT_EQ_I64(hr_rdd_partitions(two), 2);
    EXPECT_ROWS(hr_rdd_glom(two, &err), "[1, 2, 3, 4] [5, 6, 7, 8, 9, 10]");
    EXPECT_SORTED(hr_rdd_repartition(ten, 3, &err), "1 10 2 3 4 5 6 7 8 9");
    EXPECT_ROWS(hr_rdd_zip_with_index(two, &err),
                "(1,0) (2,1) (3,2) (4,3) (5,4) (6,5) (7,6) (8,7) (9,8) (10,9)");
    EXPECT_ROWS(hr_rdd_zip_with_unique_id(two, &err),
                "(1,0) (2,2) (3,4) (4,6) (5,1) (6,3) (7,5) (8,7) (9,9) (10,11)");
    EXPECT_ROWS(hr_rdd_zip(two, hr_rdd_map(two, "d LONG", twice, NULL, &err), &err),
                "(1,2) (2,4) (3,6) (4,8) (5,10) (6,12) (7,14) (8,16) (9,18) (10,20)");
    struct hr_rdd *three = hr_range(ctx, 0, 3, 1, 2, &err);
    EXPECT_SORTED(hr_rdd_cartesian(three, three, &err),
                  "(0,0) (0,1) (0,2) (1,0) (1,1) (1,2) (2,0) (2,1) (2,2)");
    hr_context_free(ctx);
}

static hr_status fail_at_five(void *arg, const struct hr_row *row, struct hr_emitter *out,
                              struct hr_err *err)
{
    (void)arg;
    if (hr_row_long(row, 0) == 5) return hr_err_fail(err, "five is not liked");
    hr_emit_row(out, row);
    return 0;
}

static hr_status wrong_type(void *arg, const struct hr_row *row, struct hr_emitter *out,
                            struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_text(out, hr_row_str(row, 0));
    hr_emit_end(out);
    return 0;
}

static hr_status half_row(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_row(out, row);
    return 0;
}

HR_TEST(user_errors)
{
    struct hr_context *ctx = new_context(2);
    struct hr_err err = {0};
    uint64_t n;
    struct hr_rdd *ten = hr_parallelize_longs(ctx, TEN, 10, 5, &err);
    HR_EXPECT_TRUE(hr_rdd_count(hr_rdd_map(ten, "v LONG", fail_at_five, NULL, &err), &n, &err) !=
                   0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_USER_FUNCTION");
    HR_EXPECT_TRUE(strstr(err.msg, "five is not liked") != NULL);
    HR_EXPECT_TRUE(hr_rdd_count(hr_rdd_map(ten, "v STRING", wrong_type, NULL, &err), &n, &err) !=
                   0);
    HR_EXPECT_TRUE(strstr(err.msg, "read as STRING") != NULL);
    HR_EXPECT_TRUE(
        hr_rdd_count(hr_rdd_map(ten, "v LONG, w LONG", half_row, NULL, &err), &n, &err) != 0);
    HR_EXPECT_TRUE(strstr(err.msg, "1 of 2 columns") != NULL);
    hr_err_init(&err);
    HR_EXPECT_TRUE(hr_rdd_map(ten, "v WRONGTYPE", twice, NULL, &err) == NULL);
    HR_EXPECT_TRUE(hr_rdd_collect(NULL, &err) == NULL);
    HR_EXPECT_TRUE(err.code != 0);
    hr_context_free(ctx);
}

static hr_status add_to(void *arg, const struct hr_row *row, struct hr_err *err)
{
    (void)err;
    hr_accumulator_add(arg, hr_row_long(row, 0));
    return 0;
}

HR_TEST(accumulators_and_storage)
{
    struct hr_context *ctx = new_context(2);
    struct hr_err err = {0};
    struct hr_accumulator *acc = hr_accumulator_long(ctx, "sum", &err);
    struct hr_rdd *ten = hr_parallelize_longs(ctx, TEN, 10, 4, &err);
    HR_EXPECT_OK(hr_rdd_foreach(ten, add_to, acc, &err));
    HR_EXPECT_EQ_I64(hr_accumulator_value(acc), 55);
    struct hr_rdd *cached = hr_rdd_cache(hr_rdd_map(ten, "v LONG", twice, NULL, &err), &err);
    for (int i = 0; i < 2; i++) EXPECT_ROWS(cached, "2 4 6 8 10 12 14 16 18 20");
    HR_EXPECT_EQ_I64(hr_rdd_storage_level(cached), HR_MEMORY);
    hr_rdd_unpersist(cached);
    struct hr_rdd *cut = hr_rdd_local_checkpoint(cached, &err);
    EXPECT_ROWS(cut, "2 4 6 8 10 12 14 16 18 20");
    char *text = hr_rdd_to_debug_string(hr_rdd_set_name(cut, "kept", &err));
    HR_EXPECT_TRUE(text && strstr(text, "kept ParallelCollectionRDD") != NULL);
    hr_free(text);
    hr_context_free(ctx);
}

static hr_status add_line(void *arg, const struct hr_row *row, struct hr_err *err)
{
    int64_t n = 0;
    (void)err;
    hr_text_to_long(hr_row_str(row, 0), &n);
    hr_accumulator_add(arg, n);
    return 0;
}

/* The second read of a file fails when rows of the first have been added already. */
HR_TEST(accumulators_count_once_when_tasks_fail)
{
    if (executors()) return; /* an armed fault would be armed in every worker anew */
    char dir[] = "/tmp/hr-acc-XXXXXX", out[256];
    struct hr_context *ctx = new_context(2);
    struct hr_err err = {0};
    struct hr_context_stats stats;
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    snprintf(out, sizeof out, "%s/out", dir);
    HR_EXPECT_OK(hr_rdd_save_as_text_file(
        hr_rdd_map(hr_range(ctx, 0, 400000, 1, 1, &err), "v LONG", twice, NULL, &err), out, &err));
    struct hr_accumulator *acc = hr_accumulator_long(ctx, "lines", &err);
    struct hr_rdd *lines = hr_text_file(ctx, out, 1, &err);
    hr_fault_arm(HR_FAULT_SOURCE_READ, 2, false);
    HR_EXPECT_OK(hr_rdd_foreach(lines, add_line, acc, &err));
    hr_fault_disarm_all();
    hr_context_get_stats(ctx, &stats);
    HR_EXPECT_EQ_U64(stats.failed_tasks, 1);
    HR_EXPECT_EQ_I64(hr_accumulator_value(acc), INT64_C(399999) * 400000);
    hr_context_free(ctx);
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), dir, &err));
}

HR_TEST(text_files)
{
    char dir[] = "/tmp/hr-rdd-XXXXXX", path[256], out[256];
    struct hr_context *ctx = new_context(2);
    struct hr_err err = {0};
    HR_ASSERT_TRUE(mkdtemp(dir) != NULL);
    snprintf(out, sizeof out, "%s/out", dir);
    struct hr_rdd *numbers = hr_range(ctx, 0, 1000, 1, 4, &err);
    HR_EXPECT_OK(hr_rdd_save_as_text_file(numbers, out, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    snprintf(path, sizeof path, "%s/o*t/part-0000[0-3]", dir);
    for (uint32_t partitions = 1; partitions < 40; partitions += 7) {
        uint64_t n = 0;
        HR_EXPECT_OK(hr_rdd_count(hr_text_file(ctx, path, partitions, &err), &n, &err));
        HR_EXPECT_EQ_U64(n, 1000);
        HR_EXPECT_OK(hr_rdd_count(
            hr_rdd_distinct(hr_text_file(ctx, out, partitions, &err), 3, &err), &n, &err));
        HR_EXPECT_EQ_U64(n, 1000);
    }
    HR_EXPECT_EQ_STR(text_of(hr_rdd_take(hr_text_file(ctx, out, 9, &err), 2, &err), false), "0 1");
    HR_EXPECT_TRUE(hr_rdd_save_as_text_file(numbers, out, &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_EXISTS");
    hr_err_init(&err);
    HR_EXPECT_TRUE(hr_text_file(ctx, "/nowhere/at/all", 1, &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_NOT_FOUND");
    hr_context_free(ctx);
    hr_err_init(&err);
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), dir, &err));
}
