/* SPDX-License-Identifier: Apache-2.0 */
/* memory_bytes of a pool: what goes first, what fails, and that other pools do not notice. */
#include <headrace/headrace.h>

#include <pthread.h>

#include "hr_test.h"
#include "api/api.h"
#include "rdd/block_store.h"
#include "rdd/scheduler.h"

#define ROWS 4000

static struct hr_context *context_new(uint32_t threads, uint32_t executors)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = threads, .executors = executors};
    struct hr_context *ctx = hr_context_new(&o, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

static void cap(struct hr_context *ctx, const char *pool, int64_t bytes)
{
    struct hr_pool_options o = {.name = pool, .memory_bytes = bytes};
    HR_EXPECT_OK(hr_context_add_pool(ctx, &o, NULL));
}

static void count_in(struct hr_context *ctx, const char *pool, struct hr_rdd *rdd, uint64_t rows)
{
    struct hr_err err = {0};
    uint64_t n = 0;
    HR_EXPECT_OK(hr_context_set_pool(ctx, pool, &err));
    HR_EXPECT_OK(hr_rdd_count(rdd, &n, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_U64(n, rows);
}

static hr_status pass(void *arg, const struct hr_row *row, struct hr_emitter *out,
                      struct hr_err *err)
{
    (void)err;
    if (arg) atomic_fetch_add((_Atomic uint32_t *)arg, 1);
    hr_emit_row(out, row);
    return 0;
}

/* Numbers in four partitions of the same size, persisted. */
static struct hr_rdd *kept(struct hr_context *ctx, enum hr_persist level, _Atomic uint32_t *calls)
{
    struct hr_err err = {0};
    struct hr_rdd *rdd =
        hr_rdd_map(hr_range(ctx, 0, ROWS, 1, 4, &err), "id LONG", pass, calls, &err);
    return hr_rdd_persist(rdd, level, &err);
}

/* What one of the partitions weighs. */
static int64_t block_bytes(void)
{
    struct hr_context *ctx = context_new(1, 0);
    count_in(ctx, "p", kept(ctx, HR_MEMORY, NULL), ROWS);
    int64_t bytes = hr_context_pool_memory_bytes(ctx, "p");
    HR_EXPECT_TRUE(bytes >= 8 * ROWS);
    HR_EXPECT_EQ_I64(bytes % 4, 0);
    HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, NULL), 0);
    HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "none"), 0);
    hr_context_free(ctx);
    return bytes / 4;
}

static void expect_kept(struct hr_context *ctx, struct hr_rdd *rdd, const char *which)
{
    for (uint32_t p = 0; p < 4; p++)
        HR_EXPECT_EQ_I64(hr_block_store_has(hr_scheduler_blocks(ctx->scheduler), rdd->id, p),
                         which[p] == 'x');
}

static struct hr_block_stats stats_of(struct hr_context *ctx, struct hr_rdd *rdd)
{
    struct hr_block_stats stats;
    hr_block_store_stats(hr_scheduler_blocks(ctx->scheduler), rdd ? rdd->id : 0, &stats);
    return stats;
}

HR_TEST(a_pool_evicts_its_own_least_recently_used)
{
    int64_t one = block_bytes();
    struct hr_context *ctx = context_new(1, 0);
    _Atomic uint32_t calls = 0;
    cap(ctx, "small", 2 * one + one / 2);
    struct hr_rdd *others = kept(ctx, HR_MEMORY, NULL), *mine = kept(ctx, HR_MEMORY, &calls);
    count_in(ctx, "big", others, ROWS);
    count_in(ctx, "small", mine, ROWS);
    expect_kept(ctx, others, "xxxx"); /* although used longest ago */
    expect_kept(ctx, mine, "  xx");
    HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "small"), 2 * one);
    HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "big"), 4 * one);
    HR_EXPECT_EQ_I64(stats_of(ctx, NULL).evicted, 2);
    HR_EXPECT_EQ_U64(calls, ROWS);
    count_in(ctx, "small", mine, ROWS); /* computed again, the right number */
    hr_rdd_unpersist(mine);
    HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "small"), 0);
    cap(ctx, "small", 0); /* no cap any more */
    hr_rdd_persist(mine, HR_MEMORY, NULL);
    count_in(ctx, "small", mine, ROWS);
    expect_kept(ctx, mine, "xxxx");
    HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "small"), 4 * one);
    hr_context_free(ctx);
}

HR_TEST(what_may_go_to_disk_goes_there)
{
    int64_t one = block_bytes();
    struct hr_context *ctx = context_new(1, 0);
    _Atomic uint32_t calls = 0;
    cap(ctx, "small", 2 * one);
    struct hr_rdd *mine = kept(ctx, HR_MEMORY_AND_DISK, &calls);
    count_in(ctx, "small", mine, ROWS);
    count_in(ctx, "small", mine, ROWS);
    expect_kept(ctx, mine, "xxxx");
    HR_EXPECT_EQ_U64(stats_of(ctx, mine).blocks_on_disk, 2);
    HR_EXPECT_EQ_U64(calls, ROWS);
    HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "small"), 2 * one);
    hr_context_free(ctx);
}

/* A partition that can never fit is not kept, and costs no other its place. */
HR_TEST(a_partition_beyond_the_cap)
{
    int64_t one = block_bytes();
    struct hr_context *ctx = context_new(1, 0);
    struct hr_err err = {0};
    cap(ctx, "small", 2 * one);
    struct hr_rdd *two = hr_range(ctx, 0, ROWS / 2, 1, 2, &err);
    two = hr_rdd_cache(hr_rdd_map(two, "id LONG", pass, NULL, &err), &err);
    struct hr_rdd *whole =
        hr_rdd_map(hr_range(ctx, 0, ROWS, 1, 1, &err), "id LONG", pass, NULL, &err);
    hr_rdd_cache(whole, &err);
    count_in(ctx, "small", two, ROWS / 2);
    count_in(ctx, "small", whole, ROWS);
    HR_EXPECT_EQ_U64(stats_of(ctx, whole).blocks_in_memory, 0);
    HR_EXPECT_EQ_U64(stats_of(ctx, two).blocks_in_memory, 2);
    hr_context_free(ctx);
}

/* --- What cannot go --------------------------------------------------------------------------- */

static void expect_over(struct hr_context *ctx, const char *pool, struct hr_rdd *rdd,
                        const char *message)
{
    struct hr_err err = {0};
    uint64_t n = 0;
    HR_EXPECT_OK(hr_context_set_pool(ctx, pool, &err));
    HR_EXPECT_TRUE(hr_rdd_count(rdd, &n, &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_MEMORY_LIMIT");
    HR_EXPECT_EQ_STR(err.msg, message);
    struct hr_context_stats stats;
    hr_context_get_stats(ctx, &stats);
    HR_EXPECT_EQ_U64(stats.failed_tasks, 1); /* not tried again */
}

#define TOO_MUCH                                                                          \
    "pool small needs more than the memory limit of 10000 bytes; raise its memory_bytes " \
    "(hr_context_add_pool)"

HR_TEST(a_shuffle_beyond_the_cap_ends_its_job)
{
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_context *ctx = context_new(1, executors);
        struct hr_err err = {0};
        cap(ctx, "small", 10000);
        struct hr_rdd *rdd = hr_rdd_repartition(hr_range(ctx, 0, ROWS, 1, 2, &err), 3, &err);
        expect_over(ctx, "small", rdd, "the shuffle: " TOO_MUCH);
        HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "small"), 0);
        count_in(ctx, "big", rdd, ROWS); /* nothing is wrong with it but the place */
        HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "small"), 0);
        cap(ctx, "small", 1000000);
        struct hr_rdd *again = hr_rdd_repartition(hr_range(ctx, 0, ROWS, 1, 2, &err), 3, &err);
        count_in(ctx, "small", again, ROWS);
        HR_EXPECT_TRUE(hr_context_pool_memory_bytes(ctx, "small") >= 8 * ROWS);
        hr_context_free(ctx);
    }
}

static hr_status key(void *arg, const struct hr_row *row, struct hr_emitter *out,
                     struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(row, 0));
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return 0;
}

HR_TEST(a_tasks_table_beyond_the_cap_ends_its_job)
{
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_context *ctx = context_new(1, executors);
        struct hr_err err = {0};
        cap(ctx, "small", 10000);
        struct hr_rdd *pairs =
            hr_rdd_map(hr_range(ctx, 0, ROWS, 1, 1, &err), "k LONG, n LONG", key, NULL, &err);
        struct hr_rdd *sums = hr_rdd_reduce_by_key(pairs, hr_sum, NULL, 1, &err);
        expect_over(ctx, "small", sums, TOO_MUCH);
        HR_EXPECT_EQ_I64(hr_context_pool_memory_bytes(ctx, "small"), 0);
        count_in(ctx, "big", sums, ROWS);
        hr_context_free(ctx);
    }
}

HR_TEST(kept_blocks_make_room_for_a_shuffle)
{
    int64_t one = block_bytes();
    struct hr_context *ctx = context_new(1, 0);
    struct hr_err err = {0};
    cap(ctx, "small", 5 * one);
    struct hr_rdd *others = kept(ctx, HR_MEMORY, NULL), *mine = kept(ctx, HR_MEMORY, NULL);
    count_in(ctx, "big", others, ROWS);
    count_in(ctx, "small", mine, ROWS);
    expect_kept(ctx, mine, "xxxx");
    struct hr_rdd *rdd = hr_rdd_repartition(hr_range(ctx, 0, ROWS, 1, 2, &err), 1, &err);
    count_in(ctx, "small", rdd, ROWS);
    HR_EXPECT_TRUE(stats_of(ctx, mine).blocks_in_memory < 4);
    HR_EXPECT_EQ_U64(stats_of(ctx, others).blocks_in_memory, 4);
    HR_EXPECT_TRUE(hr_context_pool_memory_bytes(ctx, "small") <= 5 * one);
    count_in(ctx, "small", mine, ROWS);
    HR_EXPECT_TRUE(hr_context_pool_memory_bytes(ctx, "small") <= 5 * one);
    hr_context_free(ctx);
}

/* --- Side by side ----------------------------------------------------------------------------- */

struct runner {
    struct hr_context *ctx;
    const char *pool;
    uint32_t good, over, other;
};

static void *run_jobs(void *arg)
{
    struct runner *r = arg;
    struct hr_err err = {0};
    HR_EXPECT_OK(hr_context_set_pool(r->ctx, r->pool, &err));
    for (int i = 0; i < 20; i++) {
        uint64_t n = 0;
        hr_err_init(&err);
        struct hr_rdd *rdd = hr_rdd_repartition(kept(r->ctx, HR_MEMORY, NULL), 3, &err);
        hr_status status = hr_rdd_count(rdd, &n, &err);
        r->good += status == 0 && n == ROWS;
        r->over += strcmp(hr_err_class(&err), "HR_MEMORY_LIMIT") == 0;
        r->other += status == 0 ? n != ROWS : strcmp(hr_err_class(&err), "HR_MEMORY_LIMIT") != 0;
        hr_rdd_unpersist(rdd);
    }
    return NULL;
}

HR_TEST(jobs_of_other_pools_go_on)
{
    struct hr_context *ctx = context_new(3, 0);
    cap(ctx, "small", 10000);
    struct runner bad = {.ctx = ctx, .pool = "small"}, good = {.ctx = ctx, .pool = "big"};
    pthread_t a, b;
    pthread_create(&a, NULL, run_jobs, &bad);
    pthread_create(&b, NULL, run_jobs, &good);
    pthread_join(a, NULL);
    pthread_join(b, NULL);
    HR_EXPECT_EQ_U64(bad.over, 20);
    HR_EXPECT_EQ_U64(good.good, 20);
    HR_EXPECT_EQ_U64(bad.other + good.other, 0);
    HR_EXPECT_TRUE(hr_context_pool_memory_bytes(ctx, "small") <= 10000);
    hr_context_free(ctx);
}
