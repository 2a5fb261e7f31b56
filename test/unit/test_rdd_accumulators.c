/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Accumulators of numbers, rows and of the user's own: the same exact values in any number of
 * partitions, with threads and with worker processes, and once whatever is retried.
 */
#include <headrace/headrace.h>

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "hr_test.h"

static const uint32_t PARTITIONS[] = {1, 2, 8};
#define EACH(n)                                                            \
    for (size_t i_ = 0; i_ < sizeof PARTITIONS / sizeof *PARTITIONS; i_++) \
        for (uint32_t n = PARTITIONS[i_], executors = 0; executors < 2; executors++)

static struct hr_context *new_context(uint32_t executors)
{
    struct hr_err err = {0};
    struct hr_context_options options = {
        .threads = 2, .executors = executors * 2, .default_parallelism = 3};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

/* --- A state of one's own: smallest, largest, and the longest text ---------------------------- */

static hr_status nothing(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_null(out);
    hr_emit_null(out);
    hr_emit_str(out, "");
    hr_emit_end(out);
    return 0;
}

static void emit_range(const struct hr_row *a, int64_t low, int64_t high, struct hr_text text,
                       struct hr_emitter *out)
{
    bool none = hr_row_is_null(a, 0);
    struct hr_text mine = hr_row_str(a, 2);
    bool longer = text.len > mine.len || (text.len == mine.len && hr_text_cmp(text, mine) > 0);
    hr_emit_long(out, none || low < hr_row_long(a, 0) ? low : hr_row_long(a, 0));
    hr_emit_long(out, none || high > hr_row_long(a, 1) ? high : hr_row_long(a, 1));
    hr_emit_text(out, longer ? text : mine);
    hr_emit_end(out);
}

static hr_status widen(void *arg, const struct hr_row *state, const struct hr_row *row,
                       struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    emit_range(state, hr_row_long(row, 0), hr_row_long(row, 0), hr_row_str(row, 1), out);
    return 0;
}

static hr_status widest(void *arg, const struct hr_row *a, const struct hr_row *b,
                        struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    if (hr_row_is_null(b, 0)) {
        hr_emit_row(out, a);
        return 0;
    }
    emit_range(a, hr_row_long(b, 0), hr_row_long(b, 1), hr_row_str(b, 2), out);
    return 0;
}

static const struct hr_accumulator_fn RANGE = {.row_schema = "x LONG, s STRING",
                                               .state_schema = "low LONG, high LONG, s STRING",
                                               .zero = nothing,
                                               .add = widen,
                                               .merge = widest};

/* --- The function of the action --------------------------------------------------------------- */

struct shared {
    _Atomic uint32_t failures;
};
struct all {
    struct hr_accumulator *sum, *real, *rows, *range, *wrong;
    struct shared *shared;
    int64_t at; /* fails or crashes there, once */
    bool crash;
};

static hr_status emit_row_of(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    char text[64];
    int64_t id = *(const int64_t *)arg;
    (void)err;
    snprintf(text, sizeof text, "a text that is not inlined: %lld", (long long)id);
    hr_emit_long(out, id);
    hr_emit_str(out, text);
    hr_emit_end(out);
    return 0;
}

/* Row 13 fails with an error that is tried again, or crashes. */
static hr_status add_all(void *arg, const struct hr_row *row, struct hr_err *err)
{
    struct all *all = arg;
    int64_t id = hr_row_long(row, 0);
    hr_accumulator_add(all->sum, id);
    hr_accumulator_add_double(all->real, 0.5);
    if (id % 10 == 3) {
        hr_status status = hr_accumulator_emit(all->rows, emit_row_of, &id, err);
        if (status == 0) status = hr_accumulator_emit(all->range, emit_row_of, &id, err);
        if (status != 0) return status;
    }
    if (id == all->at && atomic_fetch_add(&all->shared->failures, 1) == 0) {
        if (all->crash) raise(SIGKILL);
    }
    return 0;
}

static struct all all_new(struct hr_context *ctx, int64_t at, bool crash, struct hr_err *err)
{
    struct all all = {.at = at, .crash = crash};
    all.shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    all.sum = hr_accumulator_long(ctx, "sum", err);
    all.real = hr_accumulator_double(ctx, "real", err);
    all.rows = hr_accumulator_collection(ctx, "rows", "x LONG, s STRING", err);
    all.range = hr_accumulator_custom(ctx, "range", &RANGE, err);
    return all;
}

static int compare_longs(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* 100 rows were added so often. */
static void expect_values(struct all *all, int64_t times)
{
    struct hr_err err = {0};
    char text[256];
    HR_EXPECT_EQ_I64(hr_accumulator_value(all->sum), 4950 * times);
    HR_EXPECT_EQ_U64(hr_accumulator_count(all->sum), 100 * (uint64_t)times);
    HR_EXPECT_EQ_F64(hr_accumulator_value_double(all->real), 50.0 * (double)times);
    HR_EXPECT_EQ_U64(hr_accumulator_count(all->real), 100 * (uint64_t)times);
    HR_EXPECT_EQ_U64(hr_accumulator_count(all->rows), 10 * (uint64_t)times);
    HR_EXPECT_EQ_U64(hr_accumulator_count(all->range), 10 * (uint64_t)times);
    struct hr_rows *rows = hr_accumulator_rows(all->rows, &err);
    int64_t seen[64];
    int n = 0;
    HR_EXPECT_EQ_U64(hr_rows_count(rows), 10 * (uint64_t)times);
    for (const struct hr_row *row; n < 64 && (row = hr_rows_next(rows));) {
        snprintf(text, sizeof text, "a text that is not inlined: %lld",
                 (long long)hr_row_long(row, 0));
        HR_EXPECT_TRUE(hr_text_eq(hr_row_str(row, 1), hr_text(text)));
        seen[n++] = hr_row_long(row, 0);
    }
    qsort(seen, (size_t)n, sizeof *seen, compare_longs);
    for (int i = 0; i < n; i++) HR_EXPECT_EQ_I64(seen[i], i / times * 10 + 3);
    hr_rows_free(rows);
    rows = hr_accumulator_rows(all->range, &err);
    hr_row_print(hr_rows_next(rows), text, sizeof text);
    HR_EXPECT_EQ_STR(text, times ? "(3,93,a text that is not inlined: 93)" : "(null,null,)");
    HR_EXPECT_TRUE(hr_rows_next(rows) == NULL);
    hr_rows_free(rows);
    HR_EXPECT_EQ_STR(err.msg, "");
}

HR_TEST(values_are_exact)
{
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct all all = all_new(ctx, -1, false, &err);
        struct hr_rdd *ids = hr_range(ctx, 0, 100, 1, n, &err);
        expect_values(&all, 0);
        HR_EXPECT_OK(hr_rdd_foreach(ids, add_all, &all, &err));
        expect_values(&all, 1);
        HR_EXPECT_OK(hr_rdd_foreach(ids, add_all, &all, &err));
        expect_values(&all, 2);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_accumulator_reset(all.sum);
        hr_accumulator_reset(all.real);
        hr_accumulator_reset(all.rows);
        hr_accumulator_reset(all.range);
        expect_values(&all, 0);
        hr_context_free(ctx);
    }
}

HR_TEST(a_killed_worker_adds_nothing)
{
    for (size_t i = 0; i < sizeof PARTITIONS / sizeof *PARTITIONS; i++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(1);
        struct all all = all_new(ctx, 94, true, &err);
        HR_EXPECT_OK(
            hr_rdd_foreach(hr_range(ctx, 0, 100, 1, PARTITIONS[i], &err), add_all, &all, &err));
        HR_EXPECT_EQ_U64(atomic_load(&all.shared->failures), 2);
        expect_values(&all, 1);
        hr_context_free(ctx);
    }
}

/* In the driver and in a transformation. */
static hr_status add_in_map(void *arg, const struct hr_row *row, struct hr_emitter *out,
                            struct hr_err *err)
{
    hr_status status = hr_accumulator_add_row(arg, row, err);
    hr_emit_row(out, row);
    return status;
}

HR_TEST(rows_from_everywhere)
{
    EACH(n)
    {
        struct hr_err err = {0};
        uint64_t rows = 0;
        struct hr_context *ctx = new_context(executors);
        struct hr_accumulator *acc = hr_accumulator_collection(ctx, "seen", "id LONG", &err);
        struct hr_rdd *ids = hr_range(ctx, 0, 20000, 1, n, &err);
        struct hr_rdd *seen = hr_rdd_map(ids, "id LONG", add_in_map, acc, &err);
        HR_EXPECT_OK(hr_rdd_count(seen, &rows, &err));
        HR_EXPECT_EQ_U64(hr_accumulator_count(acc), 20000);
        struct hr_rows *got = hr_accumulator_rows(acc, &err);
        int64_t sum = 0;
        for (const struct hr_row *row; (row = hr_rows_next(got));) {
            sum += hr_row_long(row, 0);
            /* the driver adds what it reads */
            if (hr_row_long(row, 0) == 7) HR_EXPECT_OK(hr_accumulator_add_row(acc, row, &err));
        }
        HR_EXPECT_EQ_I64(sum, INT64_C(20000) * 19999 / 2);
        HR_EXPECT_EQ_U64(hr_rows_count(got), 20000); /* a result is its own */
        hr_rows_free(got);
        HR_EXPECT_EQ_U64(hr_accumulator_count(acc), 20001);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
}

/* --- What is wrong is said, and fails the task ------------------------------------------------ */

static hr_status add_wrongly(void *arg, const struct hr_row *row, struct hr_err *err)
{
    (void)err;
    hr_status ignored = hr_accumulator_add_row(arg, row, NULL);
    (void)ignored;
    return 0;
}

static hr_status add_number(void *arg, const struct hr_row *row, struct hr_err *err)
{
    (void)err;
    hr_accumulator_add(arg, hr_row_long(row, 0));
    return 0;
}

static hr_status refuse(void *arg, const struct hr_row *a, const struct hr_row *b,
                        struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)a, (void)b, (void)out;
    return hr_err_fail(err, "no more of it");
}

HR_TEST(what_an_accumulator_does_not_take_fails_the_task)
{
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_rdd *ids = hr_range(ctx, 0, 100, 1, 2, &err);
        struct hr_accumulator *two = hr_accumulator_collection(ctx, "two", "a LONG, b LONG", &err);
        struct hr_accumulator *text = hr_accumulator_collection(ctx, "text", "s STRING", &err);
        struct hr_accumulator *number = hr_accumulator_long(ctx, "number", &err);
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_EXPECT_TRUE(hr_rdd_foreach(ids, add_wrongly, two, &err) != 0);
        HR_EXPECT_EQ_STR(err.msg, "accumulator two takes rows of 2 columns, not 1");
        hr_err_init(&err);
        HR_EXPECT_TRUE(hr_rdd_foreach(ids, add_wrongly, text, &err) != 0);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_USER_FUNCTION");
        hr_err_init(&err);
        HR_EXPECT_TRUE(hr_rdd_foreach(ids, add_wrongly, number, &err) != 0);
        HR_EXPECT_EQ_STR(err.msg, "accumulator number takes numbers");
        hr_err_init(&err);
        HR_EXPECT_TRUE(hr_rdd_foreach(ids, add_number, two, &err) != 0);
        HR_EXPECT_EQ_STR(err.msg, "accumulator two takes rows");
        hr_err_init(&err);
        HR_EXPECT_TRUE(hr_accumulator_rows(number, &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "accumulator number takes numbers");
        struct hr_accumulator_fn fn = RANGE;
        fn.row_schema = "id LONG";
        fn.add = refuse;
        hr_err_init(&err);
        HR_EXPECT_TRUE(hr_rdd_foreach(ids, add_wrongly, hr_accumulator_custom(ctx, "a", &fn, &err),
                                      &err) != 0);
        HR_EXPECT_EQ_STR(err.msg, "no more of it");
        fn.add = widen;
        fn.merge = NULL;
        hr_err_init(&err);
        HR_EXPECT_TRUE(hr_accumulator_custom(ctx, "a", &fn, &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "an accumulator of your own needs zero, add and merge");
        fn.state_schema = "a ARRAY<LONG>";
        hr_err_init(&err);
        HR_EXPECT_TRUE(hr_accumulator_custom(ctx, "a", &fn, &err) == NULL);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "UNSUPPORTED_FEATURE");
        /* nothing of the failed jobs was added */
        HR_EXPECT_EQ_U64(hr_accumulator_count(two) + hr_accumulator_count(text), 0);
        HR_EXPECT_EQ_I64(hr_accumulator_value(number), 0);
        hr_context_free(ctx);
    }
}

/* A merge that fails ends the job; in the driver with executors, in the task without. */
HR_TEST(a_merge_that_fails_ends_the_job)
{
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_accumulator_fn fn = RANGE;
        fn.merge = refuse;
        struct all all = all_new(ctx, -1, false, &err);
        all.range = hr_accumulator_custom(ctx, "refused", &fn, &err);
        HR_EXPECT_TRUE(hr_rdd_foreach(hr_range(ctx, 0, 100, 1, 4, &err), add_all, &all, &err) != 0);
        HR_EXPECT_EQ_STR(err.msg, "no more of it");
        hr_context_free(ctx);
    }
}

/* A partition's function that reads through another function and fails: neither has added. */
static hr_status read_and_fail(void *arg, uint32_t partition, struct hr_rows *in,
                               struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)partition;
    for (const struct hr_row *row; (row = hr_rows_next(in));) hr_emit_row(out, row);
    return hr_err_fail(err, "at the end");
}

HR_TEST(what_a_failed_function_has_read_is_not_added)
{
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_accumulator *acc = hr_accumulator_collection(ctx, "seen", "id LONG", &err);
        struct hr_rdd *seen =
            hr_rdd_map(hr_range(ctx, 0, 100, 1, 1, &err), "id LONG", add_in_map, acc, &err);
        struct hr_rdd *bad = hr_rdd_map_partitions(seen, "id LONG", read_and_fail, NULL, &err);
        HR_EXPECT_TRUE(hr_rdd_collect(bad, &err) == NULL);
        HR_EXPECT_EQ_STR(err.msg, "at the end");
        HR_EXPECT_EQ_U64(hr_accumulator_count(acc), 0);
        hr_context_free(ctx);
    }
}
