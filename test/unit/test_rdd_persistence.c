/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Storage levels: what is kept where, what is computed again when the memory does not hold it all,
 * and what is read back. Counted by calls of a function and by blocks.
 */
#include <headrace/headrace.h>

#include "hr_test.h"
#include "api/api.h"
#include "rdd/scheduler.h"

#define ROWS  INT64_C(4000)
#define PARTS 4

static struct hr_context *new_context(uint32_t executors, int64_t memory_bytes)
{
    struct hr_err err = {0};
    struct hr_context_options options = {.threads = 2,
                                         .executors = executors * 2,
                                         .default_parallelism = PARTS,
                                         .memory_bytes = memory_bytes};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

static hr_status counted(void *arg, const struct hr_row *row, struct hr_emitter *out,
                         struct hr_err *err)
{
    (void)err;
    hr_accumulator_add(arg, 1);
    hr_emit_row(out, row);
    return 0;
}

struct kept {
    struct hr_rdd *rdd;
    struct hr_accumulator *calls;
};

static struct kept keep(struct hr_context *ctx, enum hr_persist level)
{
    struct hr_err err = {0};
    struct kept k = {.calls = hr_accumulator_long(ctx, "calls", &err)};
    k.rdd = hr_rdd_map(hr_range(ctx, 0, ROWS, 1, PARTS, &err), "id LONG", counted, k.calls, &err);
    HR_EXPECT_TRUE(hr_rdd_persist(k.rdd, level, &err) == k.rdd);
    HR_EXPECT_EQ_I64(hr_rdd_storage_level(k.rdd), level);
    HR_EXPECT_EQ_STR(err.msg, "");
    return k;
}

/* Uses the RDD; how many rows were computed for it. */
static int64_t use(struct kept *k)
{
    struct hr_err err = {0};
    int64_t before = hr_accumulator_value(k->calls), sum = 0;
    struct hr_rows *rows = hr_rdd_collect(k->rdd, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    for (const struct hr_row *row; (row = hr_rows_next(rows));) sum += hr_row_long(row, 0);
    HR_EXPECT_EQ_I64(sum, ROWS * (ROWS - 1) / 2);
    hr_rows_free(rows);
    return hr_accumulator_value(k->calls) - before;
}

static struct hr_block_stats blocks(struct hr_context *ctx, const struct hr_rdd *rdd)
{
    struct hr_block_stats stats;
    hr_block_store_stats(hr_scheduler_blocks(ctx->scheduler), rdd ? hr_rdd_id(rdd) : 0, &stats);
    return stats;
}

#define EXPECT_BLOCKS(ctx, k, memory, disk)                  \
    do {                                                     \
        struct hr_block_stats s_ = blocks(ctx, (k).rdd);     \
        HR_EXPECT_EQ_U64(s_.blocks_in_memory, memory);       \
        HR_EXPECT_EQ_U64(s_.blocks_on_disk, disk);           \
        HR_EXPECT_EQ_I64(s_.memory_bytes > 0, (memory) > 0); \
        HR_EXPECT_EQ_I64(s_.disk_bytes > 0, (disk) > 0);     \
    } while (0)

/* Bytes that the blocks of one such RDD take. */
static int64_t bytes_of_one(void)
{
    struct hr_context *ctx = new_context(0, 0);
    struct kept k = keep(ctx, HR_MEMORY);
    use(&k);
    int64_t bytes = blocks(ctx, k.rdd).memory_bytes;
    hr_context_free(ctx);
    HR_EXPECT_TRUE(bytes > ROWS * 8 && bytes < ROWS * 16);
    return bytes;
}

HR_TEST(with_room_each_level_keeps_where_it_says)
{
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_context *ctx = new_context(executors, 0);
        struct kept none = keep(ctx, HR_PERSIST_NONE), memory = keep(ctx, HR_MEMORY),
                    both = keep(ctx, HR_MEMORY_AND_DISK), disk = keep(ctx, HR_DISK);
        HR_EXPECT_EQ_I64(use(&none), ROWS);
        HR_EXPECT_EQ_I64(use(&none), ROWS);
        EXPECT_BLOCKS(ctx, none, 0, 0);
        HR_EXPECT_EQ_I64(use(&memory), ROWS);
        HR_EXPECT_EQ_I64(use(&memory), 0);
        EXPECT_BLOCKS(ctx, memory, PARTS, 0);
        HR_EXPECT_EQ_I64(use(&both), ROWS);
        HR_EXPECT_EQ_I64(use(&both), 0);
        EXPECT_BLOCKS(ctx, both, PARTS, 0);
        HR_EXPECT_EQ_I64(use(&disk), ROWS);
        HR_EXPECT_EQ_I64(use(&disk), 0);
        EXPECT_BLOCKS(ctx, disk, 0, PARTS); /* also after it was read */
        hr_rdd_unpersist(memory.rdd);
        hr_rdd_unpersist(disk.rdd);
        EXPECT_BLOCKS(ctx, memory, 0, 0);
        EXPECT_BLOCKS(ctx, disk, 0, 0);
        HR_EXPECT_EQ_I64(hr_rdd_storage_level(disk.rdd), HR_PERSIST_NONE);
        HR_EXPECT_EQ_I64(use(&memory), ROWS);
        HR_EXPECT_EQ_I64(use(&both), 0);
        hr_context_free(ctx);
    }
}

HR_TEST(without_room_memory_is_computed_again_and_disk_is_read)
{
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_context *ctx = new_context(executors, 100);
        struct kept memory = keep(ctx, HR_MEMORY), both = keep(ctx, HR_MEMORY_AND_DISK),
                    disk = keep(ctx, HR_DISK);
        for (int i = 0; i < 2; i++) HR_EXPECT_EQ_I64(use(&memory), ROWS);
        for (int i = 0; i < 2; i++) HR_EXPECT_EQ_I64(use(&both), i ? 0 : ROWS);
        for (int i = 0; i < 2; i++) HR_EXPECT_EQ_I64(use(&disk), i ? 0 : ROWS);
        EXPECT_BLOCKS(ctx, memory, 0, 0);
        EXPECT_BLOCKS(ctx, both, 0, PARTS);
        EXPECT_BLOCKS(ctx, disk, 0, PARTS);
        hr_context_free(ctx);
    }
}

/* Room for one RDD and three quarters of another: of the four blocks of the first, the one that was
 * not used for longest makes room. */
HR_TEST(the_least_recently_used_goes_first)
{
    int64_t one = bytes_of_one();
    for (uint32_t executors = 0; executors < 2; executors++) {
        for (int disk = 0; disk < 2; disk++) {
            struct hr_context *ctx = new_context(executors, one * 7 / 4 + 64);
            struct kept a = keep(ctx, disk ? HR_MEMORY_AND_DISK : HR_MEMORY),
                        b = keep(ctx, HR_MEMORY);
            HR_EXPECT_EQ_I64(use(&a), ROWS);
            EXPECT_BLOCKS(ctx, a, PARTS, 0);
            HR_EXPECT_EQ_I64(use(&b), ROWS);
            EXPECT_BLOCKS(ctx, a, PARTS - 1, disk);
            EXPECT_BLOCKS(ctx, b, PARTS, 0);
            HR_EXPECT_EQ_I64(blocks(ctx, NULL).evicted, 1);
            /* Only what is gone is computed again, or read back. */
            struct hr_err err = {0};
            uint64_t rows;
            int64_t before = hr_accumulator_value(a.calls);
            HR_EXPECT_EQ_I64(hr_rdd_count(a.rdd, &rows, &err), 0);
            HR_EXPECT_EQ_U64(rows, ROWS);
            HR_EXPECT_EQ_I64(hr_accumulator_value(a.calls) - before, disk ? 0 : ROWS / PARTS);
            /* which made room by one block of the other: that one, and no more, comes again */
            HR_EXPECT_EQ_I64(use(&b), disk ? 0 : ROWS / PARTS);
            hr_context_free(ctx);
        }
    }
}

/* Two and a half of its four blocks fit: two stay, whatever is read in which order. */
HR_TEST(an_rdd_does_not_throw_out_its_own_blocks)
{
    int64_t one = bytes_of_one();
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_context *ctx = new_context(executors, one * 5 / 8);
        struct kept memory = keep(ctx, HR_MEMORY), both = keep(ctx, HR_MEMORY_AND_DISK);
        HR_EXPECT_EQ_I64(use(&memory), ROWS);
        EXPECT_BLOCKS(ctx, memory, 2, 0);
        for (int i = 0; i < 3; i++) HR_EXPECT_EQ_I64(use(&memory), ROWS / 2);
        hr_rdd_unpersist(memory.rdd);
        HR_EXPECT_EQ_I64(use(&both), ROWS);
        EXPECT_BLOCKS(ctx, both, 2, 2);
        for (int i = 0; i < 3; i++) HR_EXPECT_EQ_I64(use(&both), 0);
        hr_context_free(ctx);
    }
}

HR_TEST(an_unknown_level_is_refused)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(0, 0);
    struct hr_rdd *rdd = hr_range(ctx, 0, 10, 1, 2, &err);
    HR_EXPECT_TRUE(hr_rdd_persist(rdd, (enum hr_persist)17, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "storage level 17");
    HR_EXPECT_EQ_I64(hr_rdd_storage_level(rdd), HR_PERSIST_NONE);
    hr_context_free(ctx);
}
