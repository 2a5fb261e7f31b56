/* SPDX-License-Identifier: Apache-2.0 */
/* The query's watermark from marks: policies, partitions, idleness, the clock, the journal. */
#include "hr_test.h"
#include "stream/watermarks.h"

static struct hr_err err;
static struct hr_arena arena;

/* Rows up to max_us of a partition of a node, then the watermark. */
static int64_t see(struct hr_watermarks *w, uint32_t node, uint64_t partition, int64_t max_us,
                   int64_t now_us)
{
    struct hr_exec exec = {0};
    HR_EXPECT_OK(hr_watermarks_run_init(&exec, w->count, &arena, &err));
    exec.watermarks[node].marks = hr_zalloc(sizeof(struct hr_exec_mark));
    exec.watermarks[node].marks[0] = (struct hr_exec_mark){partition, max_us};
    exec.watermarks[node].mark_count = 1;
    atomic_store(&exec.watermarks[node].max_us, max_us);
    HR_EXPECT_OK(hr_watermarks_take(w, &exec, now_us, &err));
    hr_watermarks_run_done(&exec);
    return hr_watermarks_now(w, HR_WATERMARK_NONE, now_us);
}

static struct hr_watermarks make(struct hr_watermark_options options, uint32_t count)
{
    struct hr_watermarks w = {0};
    hr_err_init(&err);
    hr_arena_init(&arena, NULL);
    HR_EXPECT_OK(hr_watermarks_init(&w, &options, count, 1000, &arena, &err));
    return w;
}

static void done(struct hr_watermarks *w)
{
    hr_watermarks_done(w);
    hr_arena_done(&arena);
}

HR_TEST(the_least_of_the_nodes_counts)
{
    struct hr_watermarks w = make((struct hr_watermark_options){0}, 2);
    w.inputs[1].delay_us = 10;
    HR_EXPECT_EQ_I64(see(&w, 0, 0, 200, 1000), HR_WATERMARK_NONE);
    HR_EXPECT_EQ_I64(see(&w, 1, 7, 110, 1000), 100);
    HR_EXPECT_EQ_I64(see(&w, 1, 8, 160, 1000), 150);
    HR_EXPECT_EQ_I64(see(&w, 1, 7, 60, 1000), 150);
    done(&w);
}

HR_TEST(by_policy_max_the_largest)
{
    struct hr_watermarks w = make((struct hr_watermark_options){.policy_max = true}, 2);
    HR_EXPECT_EQ_I64(see(&w, 0, 0, 200, 1000), 200);
    HR_EXPECT_EQ_I64(see(&w, 1, 0, 100, 1000), 200);
    HR_EXPECT_EQ_I64(see(&w, 1, 0, 300, 1000), 300);
    done(&w);
}

HR_TEST(by_partition_the_slowest_one)
{
    struct hr_watermarks w = make((struct hr_watermark_options){.by_partition = true}, 1);
    HR_EXPECT_EQ_I64(see(&w, 0, 1, 200, 1000), 200);
    HR_EXPECT_EQ_I64(see(&w, 0, 2, 100, 1000), 100);
    HR_EXPECT_EQ_I64(see(&w, 0, 1, 300, 1000), 100);
    HR_EXPECT_EQ_I64(see(&w, 0, 2, 250, 1000), 250);
    HR_EXPECT_EQ_I64(hr_watermarks_now(&w, 260, 1000), 260);
    done(&w);
}

HR_TEST(an_idle_source_holds_nothing_back)
{
    struct hr_watermarks w = make((struct hr_watermark_options){.idle_us = 50}, 2);
    HR_EXPECT_EQ_I64(see(&w, 0, 0, 200, 1040), HR_WATERMARK_NONE);
    HR_EXPECT_EQ_I64(hr_watermarks_now(&w, HR_WATERMARK_NONE, 1049), HR_WATERMARK_NONE);
    HR_EXPECT_EQ_I64(hr_watermarks_now(&w, HR_WATERMARK_NONE, 1050), 200); /* never had rows */
    HR_EXPECT_EQ_I64(see(&w, 1, 0, 100, 1060), 100);
    HR_EXPECT_EQ_I64(hr_watermarks_now(&w, HR_WATERMARK_NONE, 1095), 100); /* 0 is idle */
    HR_EXPECT_EQ_I64(hr_watermarks_now(&w, HR_WATERMARK_NONE, 2000), 200); /* both are */
    HR_EXPECT_EQ_I64(see(&w, 1, 0, 120, 2010), 120);
    done(&w);
}

HR_TEST(the_idle_clock_goes_on)
{
    struct hr_watermarks w =
        make((struct hr_watermark_options){.idle_us = 50, .idle_clock = true}, 1);
    HR_EXPECT_EQ_I64(see(&w, 0, 0, 200, 1000), 200);
    HR_EXPECT_EQ_I64(hr_watermarks_now(&w, 200, 1049), 200);
    HR_EXPECT_EQ_I64(hr_watermarks_now(&w, 200, 1050), 250);
    HR_EXPECT_EQ_I64(hr_watermarks_now(&w, 250, 1300), 500);
    HR_EXPECT_EQ_I64(see(&w, 0, 0, 210, 1310), 210); /* the caller's never goes back */
    done(&w);
}

HR_TEST(idleness_is_looked_at_once_in_a_while)
{
    struct hr_watermarks w = make((struct hr_watermark_options){.idle_us = 50}, 1);
    HR_EXPECT_EQ_I64(see(&w, 0, 0, 200, 1000), 200);
    HR_EXPECT_EQ_I64(hr_watermarks_idle(&w, 7, 1049), 7);
    HR_EXPECT_EQ_I64(hr_watermarks_idle(&w, 7, 1050), 200);
    HR_EXPECT_EQ_I64(hr_watermarks_idle(&w, 7, 1099), 7);
    w.options.idle_us = 0;
    HR_EXPECT_EQ_I64(hr_watermarks_idle(&w, 7, 9000), 7);
    HR_EXPECT_EQ_I64(hr_watermarks_wait(&w, 9000), INT64_MAX);
    done(&w);
}

HR_TEST(marks_go_through_the_journal)
{
    struct hr_watermark_options options = {.by_partition = true};
    struct hr_watermarks w = make(options, 2), again = {0};
    struct hr_commit_record record = {0}, back;
    struct hr_buf buf;
    (void)see(&w, 0, 3, 300, 1000);
    (void)see(&w, 0, 4, 250, 1000);
    (void)see(&w, 1, UINT64_MAX, 280, 1000);
    hr_buf_init(&buf, 0);
    HR_ASSERT_OK(hr_watermarks_put(&w, &arena, &record, &err));
    hr_commit_record_put(&record, &buf);
    HR_ASSERT_OK(hr_commit_record_get(&arena, hr_svn(buf.ptr, buf.len), &back, &err));
    HR_EXPECT_EQ_I64(back.mark_count, 3);
    HR_ASSERT_OK(hr_watermarks_init(&again, &options, 2, 1000, &arena, &err));
    HR_ASSERT_OK(hr_watermarks_restore(&again, &back, &err));
    HR_EXPECT_EQ_I64(hr_watermarks_now(&again, HR_WATERMARK_NONE, 1000), 250);
    HR_EXPECT_EQ_I64(see(&again, 0, 4, 290, 1000), 280);
    /* And where partitions are no longer told apart, the newest of each node is left. */
    struct hr_watermarks whole = {0};
    options.by_partition = false;
    HR_ASSERT_OK(hr_watermarks_init(&whole, &options, 2, 1000, &arena, &err));
    HR_ASSERT_OK(hr_watermarks_restore(&whole, &back, &err));
    HR_EXPECT_EQ_I64(hr_watermarks_now(&whole, HR_WATERMARK_NONE, 1000), 280);
    back.marks[0].node = 2;
    HR_EXPECT_EQ_I64(hr_watermarks_restore(&again, &back, &err), HR_E_CHECKPOINT_CORRUPT);
    hr_buf_done(&buf);
    hr_watermarks_done(&again);
    hr_watermarks_done(&whole);
    done(&w);
}
