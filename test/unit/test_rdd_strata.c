/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By key: stratified samples (exact numbers, or near them, always the same ones) and approximate
 * distinct counts, in any number of partitions, with threads and worker processes.
 */
#include <headrace/headrace.h>

#include <stdio.h>

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

/* Key k = 0 … 4 has 1000 k + 1 rows: 0 has 1, 4 has 4001. Values are 0, 1, … within the key. */
static hr_status strata(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    for (int64_t i = 0; i < 4001; i++) {
        for (int64_t k = 4; k >= 0 && 1000 * k >= i; k--) {
            hr_emit_long(out, k);
            hr_emit_long(out, i);
            hr_emit_end(out);
        }
    }
    return 0;
}

static double tenths(void *arg, const struct hr_row *key)
{
    (void)arg;
    return (double)hr_row_long(key, 0) / 10;
}

static double thirds(void *arg, const struct hr_row *key)
{
    (void)arg;
    return (double)hr_row_long(key, 0) / 3;
}

struct counts {
    int64_t rows[5], repeats[5], sum[5];
};

/* Rows must be of their key; repeats: the same row again, right behind itself. */
static struct counts count(struct hr_rdd *sample)
{
    struct hr_err err = {0};
    struct counts c = {{0}, {0}, {0}};
    int64_t last[5] = {-1, -1, -1, -1, -1};
    struct hr_rows *rows = hr_rdd_collect(sample, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    for (const struct hr_row *row; (row = hr_rows_next(rows));) {
        int64_t k = hr_row_long(row, 0), v = hr_row_long(row, 1);
        if (!HR_EXPECT_TRUE(k >= 0 && k < 5 && v >= 0 && v <= 1000 * k)) break;
        c.rows[k]++;
        c.repeats[k] += v == last[k];
        c.sum[k] += v;
        last[k] = v;
    }
    hr_rows_free(rows);
    return c;
}

HR_TEST(exact_samples_are_exact)
{
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *rows = hr_parallelize(ctx, "k LONG, v LONG", strata, NULL, n, &err);
        for (uint64_t seed = 1; seed < 6; seed++) {
            struct counts c =
                count(hr_rdd_sample_by_key_exact(rows, false, tenths, NULL, seed, &err));
            /* ceil(k/10 * (1000 k + 1)) */
            static const int64_t want[] = {0, 101, 401, 901, 1601};
            for (int k = 0; k < 5; k++) HR_EXPECT_EQ_I64(c.rows[k], want[k]);
            for (int k = 0; k < 5; k++) HR_EXPECT_EQ_I64(c.repeats[k], 0);
            /* spread over the whole key: the mean within five standard errors */
            for (int k = 1; k < 5; k++)
                HR_EXPECT_NEAR_F64((double)c.sum[k] / (double)c.rows[k], 500.0 * k,
                                   5 * 289.0 * k / sqrt((double)c.rows[k]));
            c = count(hr_rdd_sample_by_key_exact(rows, true, thirds, NULL, seed, &err));
            /* ceil(k/3 * (1000 k + 1)), more than there are for k = 4 */
            static const int64_t twice[] = {0, 334, 1334, 3001, 5335};
            for (int k = 0; k < 5; k++) HR_EXPECT_EQ_I64(c.rows[k], twice[k]);
            HR_EXPECT_TRUE(c.repeats[3] > 800 && c.repeats[4] > 2000);
            for (int k = 1; k < 5; k++)
                HR_EXPECT_NEAR_F64((double)c.sum[k] / (double)c.rows[k], 500.0 * k,
                                   5 * 289.0 * k / sqrt((double)c.rows[k]));
        }
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

static double all_or_none(void *arg, const struct hr_row *key)
{
    (void)arg;
    return (double)(hr_row_long(key, 0) % 2);
}

HR_TEST(samples_are_near_and_always_the_same)
{
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *rows = hr_parallelize(ctx, "k LONG, v LONG", strata, NULL, n, &err);
        struct hr_rdd *sample = hr_rdd_sample_by_key(rows, false, tenths, NULL, 7, &err);
        struct counts c = count(sample), again = count(sample);
        HR_EXPECT_EQ_I64(memcmp(&c, &again, sizeof c), 0);
        struct counts other = count(hr_rdd_sample_by_key(rows, false, tenths, NULL, 8, &err));
        HR_EXPECT_TRUE(memcmp(&c, &other, sizeof c) != 0);
        struct counts repeated = count(hr_rdd_sample_by_key(rows, true, thirds, NULL, 7, &err));
        HR_EXPECT_EQ_I64(c.rows[0] + repeated.rows[0], 0);
        for (int k = 1; k < 5; k++) {
            double all = 1000.0 * k + 1, f = k / 10.0, r = k / 3.0;
            HR_EXPECT_NEAR_F64((double)c.rows[k], f * all, 5 * sqrt(f * (1 - f) * all));
            HR_EXPECT_NEAR_F64((double)repeated.rows[k], r * all, 5 * sqrt(r * all));
            HR_EXPECT_EQ_I64(c.repeats[k], 0);
            HR_EXPECT_TRUE(repeated.repeats[k] > 0);
        }
        c = count(hr_rdd_sample_by_key(rows, false, all_or_none, NULL, 7, &err));
        for (int k = 0; k < 5; k++) HR_EXPECT_EQ_I64(c.rows[k], k % 2 ? 1000 * k + 1 : 0);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

static double wrong(void *arg, const struct hr_row *key)
{
    return hr_row_long(key, 0) == 3 ? *(const double *)arg : 0.5;
}

HR_TEST(a_wrong_fraction_fails_by_name)
{
    static double wrongs[] = {-0.1, 1.5, NAN, INFINITY};
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_context *ctx = new_context(executors);
        for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++) {
            for (int exact = 0; exact < 2; exact++) {
                struct hr_err err = {0};
                char want[128];
                struct hr_rdd *rows = hr_parallelize(ctx, "k LONG, v LONG", strata, NULL, 2, &err);
                struct hr_rdd *sample =
                    exact ? hr_rdd_sample_by_key_exact(rows, false, wrong, &wrongs[i], 1, &err)
                          : hr_rdd_sample_by_key(rows, false, wrong, &wrongs[i], 1, &err);
                HR_EXPECT_TRUE(hr_rdd_collect(sample, &err) == NULL);
                snprintf(want, sizeof want, "sampleByKey: a fraction of %g for key 3", wrongs[i]);
                HR_EXPECT_EQ_STR(err.msg, want);
                HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_USER_FUNCTION");
            }
        }
        hr_context_free(ctx);
    }
}

/* --- Distinct, about -------------------------------------------------------------------------- */

/* id → (id % 3, id % modulus as text) */
static hr_status texts(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    char text[32];
    int64_t id = hr_row_long(row, 0);
    (void)err;
    hr_emit_long(out, id % 3);
    snprintf(text, sizeof text, "value %lld", (long long)(id % *(const int64_t *)arg));
    hr_emit_str(out, text);
    hr_emit_end(out);
    return 0;
}

HR_TEST(approximate_counts_are_near_and_the_same_in_any_partitions)
{
    static const int64_t moduli[] = {1, 30, 3000, 30000};
    for (size_t m = 0; m < sizeof moduli / sizeof *moduli; m++) {
        int64_t first = -1;
        EACH(n)
        {
            struct hr_err err = {0};
            struct hr_context *ctx = new_context(executors);
            struct hr_rdd *rows =
                hr_rdd_map(hr_range(ctx, 0, 60000, 1, n, &err), "k LONG, s STRING", texts,
                           (void *)(uintptr_t)&moduli[m], &err);
            uint64_t all = 0;
            HR_EXPECT_EQ_I64(hr_rdd_count_approx_distinct(rows, 0.02, &all, &err), 0);
            /* pairs: a modulus that 3 divides has each text with one key only, 1 with three */
            double want = moduli[m] == 1 ? 3 : (double)moduli[m];
            HR_EXPECT_NEAR_F64((double)all, want, want * 0.06);
            if (first < 0) first = (int64_t)all;
            HR_EXPECT_EQ_I64((int64_t)all, first); /* not a matter of where the rows are */
            struct hr_rdd *counts = hr_rdd_count_approx_distinct_by_key(rows, 0.02, n, &err);
            HR_EXPECT_EQ_STR(hr_rdd_partitioner(counts), "hash");
            struct hr_rdd *placed = hr_rdd_partition_by(rows, n, &err);
            struct hr_rdd *here = hr_rdd_count_approx_distinct_by_key(placed, 0.02, 0, &err);
            HR_EXPECT_EQ_U64(here->deps[0].kind, HR_DEP_ONE_TO_ONE); /* no second shuffle */
            for (int i = 0; i < 2; i++) {
                struct hr_rows *got = hr_rdd_collect(i ? here : counts, &err);
                HR_EXPECT_EQ_U64(hr_rows_count(got), 3);
                for (const struct hr_row *row; (row = hr_rows_next(got));)
                    HR_EXPECT_NEAR_F64((double)hr_row_long(row, 1), want / 3, want / 3 * 0.06);
                hr_rows_free(got);
            }
            HR_EXPECT_EQ_STR(err.msg, "");
            hr_context_free(ctx);
        }
    }
}

HR_TEST(approximate_counts_of_little)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(0);
    uint64_t n = 7;
    HR_EXPECT_EQ_I64(hr_rdd_count_approx_distinct(hr_empty_rdd(ctx, "a INT", &err), 0.05, &n, &err),
                     0);
    HR_EXPECT_EQ_U64(n, 0);
    HR_EXPECT_EQ_I64(hr_rdd_count_approx_distinct(hr_range(ctx, 0, 0, 1, 3, &err), 1, &n, &err), 0);
    HR_EXPECT_EQ_U64(n, 0);
    for (uint32_t i = 0; i < 2; i++) {
        HR_EXPECT_TRUE(
            hr_rdd_count_approx_distinct(hr_range(ctx, 0, 9, 1, 3, &err), i ? 1.5 : 0, &n, &err));
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_INVALID_ARGUMENT");
        hr_err_init(&err);
    }
    HR_EXPECT_TRUE(
        hr_rdd_count_approx_distinct_by_key(hr_range(ctx, 0, 9, 1, 3, &err), 0.1, 0, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "the RDD has key columns only, no values");
    hr_context_free(ctx);
}
