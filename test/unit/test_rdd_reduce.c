/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reduce, fold, aggregate and their tree forms: exact results in any number of partitions, in order
 * of partitions, and a user's function that crashes in any of the merges costs its job alone.
 */
#include <headrace/headrace.h>

#include <stdio.h>
#include <sys/mman.h>

#include "hr_test.h"
#include "api/api.h"

static const uint32_t PARTITIONS[] = {1, 2, 8, 37};
#define EACH(n)                                                            \
    for (size_t i_ = 0; i_ < sizeof PARTITIONS / sizeof *PARTITIONS; i_++) \
        for (uint32_t n = PARTITIONS[i_], executors = 0; executors <= (n == 8); executors++)

static struct hr_context *new_context(uint32_t executors)
{
    struct hr_err err = {0};
    struct hr_context_options options = {
        .threads = 2, .executors = executors * 2, .default_parallelism = 4};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

static const char *text_of(struct hr_rows *rows)
{
    static char out[4096];
    const struct hr_row *row = hr_rows_next(rows);
    if (!row) return "(none)";
    hr_row_print(row, out, sizeof out);
    if (hr_rows_next(rows)) return "(several)";
    hr_rows_free(rows);
    return out;
}

/* Not commutative: the texts one after the other. */
static hr_status concat(void *arg, const struct hr_row *a, const struct hr_row *b,
                        struct hr_emitter *out, struct hr_err *err)
{
    char text[4096];
    struct hr_text x = hr_row_str(a, 0), y = hr_row_str(b, 0);
    (void)arg, (void)err;
    int len = snprintf(text, sizeof text, "%.*s%.*s", (int)x.len, x.ptr, (int)y.len, y.ptr);
    hr_emit_text(out, (struct hr_text){text, (size_t)len});
    hr_emit_end(out);
    return 0;
}

static hr_status letter(void *arg, const struct hr_row *row, struct hr_emitter *out,
                        struct hr_err *err)
{
    char text[2] = {(char)('a' + hr_row_long(row, 0) % 26), 0};
    (void)arg, (void)err;
    hr_emit_str(out, text);
    hr_emit_end(out);
    return 0;
}

/* ten: as LONG or as (sum, count). */
static hr_status ten(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)err;
    hr_emit_long(out, 10);
    if (arg) hr_emit_long(out, 0);
    hr_emit_end(out);
    return 0;
}

static hr_status zeros(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, 0);
    hr_emit_long(out, 0);
    hr_emit_end(out);
    return 0;
}

static hr_status count_in(void *arg, const struct hr_row *state, const struct hr_row *value,
                          struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(state, 0) + hr_row_long(value, 0));
    hr_emit_long(out, hr_row_long(state, 1) + 1);
    hr_emit_end(out);
    return 0;
}

HR_TEST(results_are_exact_and_in_order)
{
    static const char *const alphabet = "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz";
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *ids = hr_range(ctx, 0, 52, 1, n, &err);
        struct hr_rdd *letters = hr_rdd_map(ids, "s STRING", letter, NULL, &err);
        HR_EXPECT_EQ_STR(text_of(hr_rdd_reduce(ids, hr_sum, NULL, &err)), "1326");
        HR_EXPECT_EQ_STR(text_of(hr_rdd_reduce(letters, concat, NULL, &err)), alphabet);
        for (uint32_t depth = 1; depth < 5; depth++) {
            HR_EXPECT_EQ_STR(text_of(hr_rdd_tree_reduce(letters, concat, NULL, depth, &err)),
                             alphabet);
            HR_EXPECT_EQ_STR(text_of(hr_rdd_tree_aggregate(ids, "sum LONG, n LONG", zeros, count_in,
                                                           hr_sum, NULL, depth, &err)),
                             "(1326,52)");
        }
        HR_EXPECT_EQ_STR(
            text_of(hr_rdd_aggregate(ids, "sum LONG, n LONG", zeros, count_in, hr_sum, NULL, &err)),
            "(1326,52)");
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

/* As in Spark: once a partition, empty ones too, and once for the merge. */
HR_TEST(zero_starts_every_partition_and_the_whole)
{
    EACH(n)
    {
        struct hr_err err = {0};
        char want[32];
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *ids = hr_range(ctx, 0, 5, 1, n, &err);
        snprintf(want, sizeof want, "%u", 10 + 10 * (n + 1));
        HR_EXPECT_EQ_STR(text_of(hr_rdd_fold(ids, ten, hr_sum, NULL, &err)), want);
        snprintf(want, sizeof want, "(%u,5)", 10 + 10 * (n + 1));
        for (uint32_t depth = 1; depth < 4; depth++)
            HR_EXPECT_EQ_STR(text_of(hr_rdd_tree_aggregate(ids, "s LONG, n LONG", ten, count_in,
                                                           hr_sum, ctx, depth, &err)),
                             want);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

HR_TEST(nothing_to_reduce)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(0);
    struct hr_rdd *none[] = {hr_empty_rdd(ctx, "id LONG", &err), hr_range(ctx, 0, 0, 1, 3, &err)};
    for (int i = 0; i < 2; i++) {
        HR_EXPECT_TRUE(hr_rdd_reduce(none[i], hr_sum, NULL, &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "reduce of an empty RDD");
        HR_EXPECT_TRUE(hr_rdd_tree_reduce(none[i], hr_sum, NULL, 2, &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "treeReduce of an empty RDD");
        HR_EXPECT_TRUE(hr_rdd_tree_reduce(none[i], hr_sum, NULL, 0, NULL) == NULL);
        hr_err_init(&err);
    }
    HR_EXPECT_EQ_STR(text_of(hr_rdd_fold(none[0], ten, hr_sum, NULL, &err)), "10");
    HR_EXPECT_EQ_STR(text_of(hr_rdd_fold(none[1], ten, hr_sum, NULL, &err)), "40");
    HR_EXPECT_TRUE(hr_rdd_tree_reduce(hr_range(ctx, 0, 9, 1, 2, &err), hr_sum, NULL, 0, &err) ==
                   NULL);
    HR_EXPECT_EQ_STR(err.msg, "treeReduce of depth 0; at least 1");
    hr_context_free(ctx);
}

/* --- Crashes ---------------------------------------------------------------------------------- */

struct crash {
    int64_t above; /* sums that crash */
    bool null_write;
};

static hr_status crashing_sum(void *arg, const struct hr_row *a, const struct hr_row *b,
                              struct hr_emitter *out, struct hr_err *err)
{
    const struct crash *c = arg;
    int64_t sum = hr_row_long(a, 0) + hr_row_long(b, 0);
    (void)err;
    if (sum > c->above) {
        if (c->null_write) *(volatile int *)(uintptr_t)8 = 1;
        raise(SIGFPE);
    }
    hr_emit_long(out, sum);
    hr_emit_end(out);
    return 0;
}

static hr_status one(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, 0);
    hr_emit_end(out);
    return 0;
}

/* Sums of 0 … 999 in four partitions: 31125, 93625, 156125, 218625; all: 499500. */
HR_TEST(a_crash_in_any_merge_is_its_jobs_failure)
{
    static const struct crash crashes[] = {{100, true},     {100, false}, /* within a partition */
                                           {250000, true},  {250000, false}, /* of partitions */
                                           {499000, false}, {499000, true}}; /* the very last */
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(1);
    struct hr_rdd *ids = hr_range(ctx, 0, 1000, 1, 4, &err);
    for (size_t i = 0; i < sizeof crashes / sizeof *crashes; i++) {
        void *arg = (void *)(uintptr_t)&crashes[i];
        const char *signal = crashes[i].null_write ? "SIGSEGV" : "SIGFPE";
        for (int how = 0; how < 4; how++) {
            struct hr_err why = {0};
            struct hr_rows *rows =
                how == 0   ? hr_rdd_reduce(ids, crashing_sum, arg, &why)
                : how == 1 ? hr_rdd_fold(ids, one, crashing_sum, arg, &why)
                : how == 2 ? hr_rdd_tree_reduce(ids, crashing_sum, arg, 3, &why)
                           : hr_rdd_aggregate(ids, "id LONG", one, hr_sum, crashing_sum, arg, &why);
            HR_EXPECT_TRUE(rows == NULL);
            HR_EXPECT_EQ_STR(hr_err_class(&why), "HR_TASK_FAILED");
            HR_EXPECT_TRUE(strstr(why.msg, signal) != NULL);
        }
        HR_EXPECT_EQ_STR(text_of(hr_rdd_reduce(ids, hr_sum, NULL, &err)), "499500");
    }
    HR_EXPECT_EQ_STR(err.msg, "");
    hr_context_free(ctx);
}

static int nodes_of(struct hr_context *ctx)
{
    int n = 0;
    for (struct hr_node *node = ctx->pool.first; node; node = node->pool_next) n++;
    return n;
}

/* A program that reduces again and again does not grow. */
HR_TEST(an_action_leaves_no_nodes_in_its_context)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(0);
    struct hr_rdd *ids = hr_range(ctx, 0, 1000, 1, 4, &err);
    HR_EXPECT_EQ_I64(nodes_of(ctx), 1);
    HR_EXPECT_EQ_STR(text_of(hr_rdd_reduce(ids, hr_sum, NULL, &err)), "499500");
    HR_EXPECT_EQ_STR(text_of(hr_rdd_tree_reduce(ids, hr_sum, NULL, 3, &err)), "499500");
    HR_EXPECT_EQ_I64(nodes_of(ctx), 1);
    hr_context_free(ctx);
}
