/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Copies of tasks that take long. The first attempt at partition 0 stands still until something
 * that only its copy can bring about; so there is a copy, whatever the clock does.
 */
#include <headrace/headrace.h>

#include <pthread.h>
#include <sys/mman.h>

#include "base/err.h"
#include "hr_test.h"

/* Shared with worker processes. */
struct shared {
    _Atomic uint32_t calls; /* of the function, at partition 0 */
    _Atomic bool seen;      /* what the first attempt waits for */
    _Atomic uint32_t rows;  /* that the action's function saw */
};

enum kind {
    WAITS,          /* until the action has seen a row of partition 0 */
    WAITS_FOR_COPY, /* until the copy has read its rows */
    FOR_EVER,
    COPY_FAILS,      /* retriable; on threads the first attempt waits until that is known */
    COPY_FAILS_HARD, /* the user's error; the same */
};

struct straggler {
    struct hr_context *ctx;
    bool workers;
    struct shared *shared;
    enum kind kind;
    struct hr_accumulator *mapped, *seen;
};

static struct hr_context *context_new(uint32_t threads, uint32_t executors)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = threads,
                                   .executors = executors,
                                   .default_parallelism = 4,
                                   .speculation = true,
                                   .speculation_interval_ms = 1,
                                   .speculation_min_runtime_ms = 1};
    struct hr_context *ctx = hr_context_new(&o, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

static bool may_end(const struct straggler *s)
{
    struct hr_job_status job;
    if (s->kind < COPY_FAILS || s->workers) return s->shared->seen && s->kind != FOR_EVER;
    return hr_context_jobs(s->ctx, &job, 1) == 1 && job.tasks_failed > 0;
}

static hr_status straggle(void *arg, uint32_t partition, struct hr_rows *in, struct hr_emitter *out,
                          struct hr_err *err)
{
    struct straggler *s = arg;
    uint32_t call = partition == 0 ? s->shared->calls++ : UINT32_MAX;
    for (const struct hr_row *row; (row = hr_rows_next(in));) {
        hr_accumulator_add(s->mapped, 1);
        hr_emit_long(out, hr_row_long(row, 0) % 10);
        hr_emit_long(out, hr_row_long(row, 0));
        hr_emit_end(out);
    }
    if (call == 1 && s->kind >= WAITS_FOR_COPY) s->shared->seen = true;
    if (call == 1 && s->kind == COPY_FAILS) return HR_FAIL(err, HR_E_IO, "the copy fails");
    if (call == 1 && s->kind == COPY_FAILS_HARD) return hr_err_fail(err, "the copy fails");
    while (call == 0 && !may_end(s)) usleep(100);
    return 0;
}

static hr_status see(void *arg, const struct hr_row *row, struct hr_err *err)
{
    struct straggler *s = arg;
    (void)err;
    s->shared->rows++;
    hr_accumulator_add(s->seen, 1);
    if (hr_row_long(row, 1) < 1000) s->shared->seen = true; /* a row of partition 0 */
    return 0;
}

static struct straggler straggler_new(struct hr_context *ctx, enum kind kind)
{
    return (struct straggler){.ctx = ctx,
                              .shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                                             MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                              .kind = kind,
                              .mapped = hr_accumulator_long(ctx, "mapped", NULL),
                              .seen = hr_accumulator_long(ctx, "seen", NULL)};
}

/* (id % 10, id) of 0 … 3999 in four partitions. */
static struct hr_rdd *straggling(struct hr_context *ctx, struct straggler *s, struct hr_err *err)
{
    return hr_rdd_map_partitions(hr_range(ctx, 0, 4000, 1, 4, err), "k LONG, v LONG", straggle, s,
                                 err);
}

static void expect_stats(struct hr_context *ctx, uint64_t copies, uint64_t tasks, uint64_t failed)
{
    struct hr_context_stats stats;
    hr_context_get_stats(ctx, &stats);
    HR_EXPECT_EQ_U64(stats.speculative_tasks, copies);
    HR_EXPECT_EQ_U64(stats.tasks, tasks);
    HR_EXPECT_EQ_U64(stats.failed_tasks, failed);
    HR_EXPECT_EQ_U64(stats.lost_workers, 0);
}

HR_TEST(the_copy_wins_on_threads)
{
    for (int i = 0; i < 5; i++) {
        struct hr_err err = {0};
        struct hr_context *ctx = context_new(2, 0);
        struct straggler s = straggler_new(ctx, WAITS);
        HR_EXPECT_OK(hr_rdd_foreach(straggling(ctx, &s, &err), see, &s, &err));
        expect_stats(ctx, 1, 5, 0);
        HR_EXPECT_EQ_I64(hr_accumulator_value(s.mapped), 4000);
        HR_EXPECT_EQ_I64(hr_accumulator_value(s.seen), 4000);
        HR_EXPECT_EQ_U64(s.shared->rows, 4000);
        hr_context_free(ctx);
    }
}

/* The stage below does not wait for the loser, which ends only because that stage has run. */
HR_TEST(the_copy_of_a_map_task_wins)
{
    struct hr_err err = {0};
    struct hr_context *ctx = context_new(2, 0);
    struct straggler s = straggler_new(ctx, WAITS);
    struct hr_rdd *one = hr_rdd_repartition(straggling(ctx, &s, &err), 1, &err);
    HR_EXPECT_OK(hr_rdd_foreach(one, see, &s, &err));
    expect_stats(ctx, 1, 6, 0);
    HR_EXPECT_EQ_I64(hr_accumulator_value(s.mapped), 4000);
    HR_EXPECT_EQ_I64(hr_accumulator_value(s.seen), 4000);
    hr_context_free(ctx);
}

static void expect_sums(struct hr_context *ctx, struct straggler *s)
{
    struct hr_err err = {0};
    struct hr_rdd *sums = hr_rdd_reduce_by_key(straggling(ctx, s, &err), hr_sum, NULL, 2, &err);
    struct hr_rows *rows = hr_rdd_collect(sums, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    int64_t seen = 0;
    for (const struct hr_row *row; rows && (row = hr_rows_next(rows)); seen++)
        HR_EXPECT_EQ_I64(hr_row_long(row, 1), 400 * hr_row_long(row, 0) + 10 * 399 * 400 / 2);
    HR_EXPECT_EQ_I64(seen, 10);
    HR_EXPECT_EQ_I64(hr_accumulator_value(s->mapped), 4000);
    hr_rows_free(rows);
}

/* Both end at about the same time: one of them counts. */
HR_TEST(whoever_wins_the_answer_is_the_same)
{
    for (int i = 0; i < 20; i++) {
        struct hr_context *ctx = context_new(3, 0);
        struct straggler s = straggler_new(ctx, WAITS_FOR_COPY);
        expect_sums(ctx, &s);
        hr_context_free(ctx);
    }
    for (int i = 0; i < 20; i++) {
        struct hr_err err = {0};
        struct hr_context *ctx = context_new(3, 0);
        struct straggler s = straggler_new(ctx, WAITS_FOR_COPY);
        struct hr_rows *rows = hr_rdd_collect(straggling(ctx, &s, &err), &err);
        HR_EXPECT_EQ_U64(rows ? hr_rows_count(rows) : 0, 4000);
        HR_EXPECT_EQ_I64(hr_accumulator_value(s.mapped), 4000);
        hr_rows_free(rows);
        hr_context_free(ctx);
    }
}

HR_TEST(a_worker_that_lost_is_killed)
{
    struct hr_err err = {0};
    struct hr_context *ctx = context_new(0, 2);
    struct straggler s = straggler_new(ctx, FOR_EVER);
    HR_EXPECT_OK(hr_rdd_foreach(straggling(ctx, &s, &err), see, &s, &err));
    expect_stats(ctx, 1, 5, 0);
    HR_EXPECT_EQ_I64(hr_accumulator_value(s.mapped), 4000);
    HR_EXPECT_EQ_I64(hr_accumulator_value(s.seen), 4000);
    HR_EXPECT_TRUE(waitpid(-1, NULL, WNOHANG) < 0); /* no child is left */
    hr_context_free(ctx);
}

HR_TEST(a_worker_that_lost_a_map_task_is_killed)
{
    struct hr_context *ctx = context_new(0, 2);
    struct straggler s = straggler_new(ctx, FOR_EVER);
    expect_sums(ctx, &s);
    struct hr_context_stats stats;
    hr_context_get_stats(ctx, &stats);
    HR_EXPECT_TRUE(stats.speculative_tasks >= 1); /* a slow reducer may get one too */
    HR_EXPECT_EQ_U64(stats.failed_tasks + stats.lost_workers, 0);
    HR_EXPECT_TRUE(waitpid(-1, NULL, WNOHANG) < 0);
    hr_context_free(ctx);
}

HR_TEST(a_copy_that_fails_leaves_the_task_to_the_first)
{
    for (uint32_t executors = 0; executors <= 2; executors += 2) {
        struct hr_context *ctx = context_new(2, executors);
        struct straggler s = straggler_new(ctx, COPY_FAILS);
        struct hr_context_stats stats;
        s.workers = executors > 0; /* they see no more of the driver than it was at their fork */
        expect_sums(ctx, &s);
        hr_context_get_stats(ctx, &stats);
        HR_EXPECT_TRUE(stats.failed_tasks == 1 || s.workers);
        hr_context_free(ctx);
    }
}

HR_TEST(a_user_error_of_a_copy_ends_the_job)
{
    struct hr_err err = {0};
    struct hr_context *ctx = context_new(2, 0);
    struct straggler s = straggler_new(ctx, COPY_FAILS_HARD);
    HR_EXPECT_TRUE(hr_rdd_foreach(straggling(ctx, &s, &err), see, &s, &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_USER_FUNCTION");
    HR_EXPECT_EQ_STR(err.msg, "the copy fails");
    hr_context_free(ctx);
}

/* The action's own failure after its partition was claimed: it runs again, and counts once. */
static hr_status fail_once(void *arg, uint32_t partition, struct hr_rows *rows, struct hr_err *err)
{
    struct straggler *s = arg;
    while (hr_rows_next(rows)) hr_accumulator_add(s->seen, 1);
    if (partition == 0) s->shared->seen = true;
    if (partition == 0 && s->shared->rows++ == 0) return HR_FAIL(err, HR_E_IO, "once more");
    return 0;
}

HR_TEST(a_winner_that_fails_is_run_again)
{
    struct hr_err err = {0};
    struct hr_context *ctx = context_new(2, 0);
    struct straggler s = straggler_new(ctx, WAITS);
    HR_EXPECT_OK(hr_rdd_foreach_partition(straggling(ctx, &s, &err), fail_once, &s, &err));
    struct hr_context_stats stats;
    hr_context_get_stats(ctx, &stats);
    HR_EXPECT_EQ_U64(stats.failed_tasks, 1);
    HR_EXPECT_EQ_I64(hr_accumulator_value(s.mapped), 4000);
    HR_EXPECT_EQ_I64(hr_accumulator_value(s.seen), 4000);
    hr_context_free(ctx);
}

HR_TEST(without_speculation_nothing_is_copied)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct straggler s = straggler_new(ctx, WAITS);
    s.shared->seen = true;
    HR_EXPECT_OK(hr_rdd_foreach(straggling(ctx, &s, &err), see, &s, &err));
    expect_stats(ctx, 0, 4, 0);
    hr_context_free(ctx);
}
