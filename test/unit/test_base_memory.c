/* SPDX-License-Identifier: Apache-2.0 */
/* Heap, budgets, arenas and the byte buffer, with every allocation failing in turn. */
#include "base/arena.h"
#include "base/env.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/machine.h"
#include "hr_test.h"

HR_TEST(mem_budget_is_all_or_nothing)
{
    struct hr_mem process, query, op;
    struct hr_err err;
    hr_mem_init(&process, NULL, "process", "p", 1000);
    hr_mem_init(&query, &process, "query q", "spark.q.memory", 600);
    hr_mem_init(&op, &query, "join", "j", 0);
    HR_EXPECT_OK(hr_mem_reserve(&op, 500, &err));
    HR_EXPECT_EQ_I64(hr_mem_reserve(&op, 200, &err), HR_E_MEMORY_LIMIT);
    HR_EXPECT_EQ_STR(err.msg,
                     "join needs more than the memory limit of 600 bytes; raise spark.q.memory");
    HR_EXPECT_TRUE(op.used_bytes == 500 && query.used_bytes == 500 && process.used_bytes == 500);
    HR_EXPECT_OK(hr_mem_reserve(&process, 500, &err));
    HR_EXPECT_EQ_I64(hr_mem_reserve(&op, 50, &err), HR_E_MEMORY_LIMIT);
    HR_EXPECT_TRUE(op.used_bytes == 500 && query.used_bytes == 500 && process.used_bytes == 1000);
    hr_mem_release(&op, 500);
    HR_EXPECT_TRUE(op.used_bytes == 0 && query.used_bytes == 0 && process.used_bytes == 500);
    HR_EXPECT_TRUE(process.peak_bytes == 1000 && op.peak_bytes >= 500);
    HR_EXPECT_OK(hr_mem_reserve(NULL, 1 << 30, &err));
}

/* NULL says no more than that there is none; the error says whose limit it was. */
HR_TEST(an_arena_over_its_budget_is_no_shortage_of_the_machine)
{
    struct hr_mem process, query;
    struct hr_arena arena;
    struct hr_err err;
    hr_mem_init(&process, NULL, "process", "p", 100000);
    hr_mem_init(&query, &process, "query q", NULL, 0);
    hr_arena_init(&arena, &query);
    HR_EXPECT_TRUE(hr_arena_alloc(&arena, 10000) != NULL);
    HR_EXPECT_TRUE(hr_arena_alloc(&arena, 100000) == NULL);
    HR_EXPECT_EQ_I64(HR_OOM(&err), HR_E_MEMORY_LIMIT);
    HR_EXPECT_EQ_STR(err.msg, "query q needs more than the memory limit of 100000 bytes; raise p");
    HR_EXPECT_EQ_I64(HR_OOM(&err), HR_E_OOM); /* told once */
    HR_EXPECT_TRUE(hr_arena_alloc(&arena, 100000) == NULL);
    HR_EXPECT_TRUE(hr_alloc_aligned(SIZE_MAX) == NULL); /* the last reason counts */
    HR_EXPECT_EQ_I64(HR_OOM(&err), HR_E_OOM);
    hr_arena_done(&arena);
    HR_EXPECT_TRUE(query.used_bytes == 0 && process.used_bytes == 0);
}

static int64_t given_back;

static int64_t give_back(struct hr_mem *mem, int64_t bytes)
{
    HR_UNUSED(bytes);
    if (!given_back) return 0;
    hr_mem_release(mem, given_back);
    given_back = 0;
    return 1;
}

HR_TEST(what_can_be_given_back_is_asked_for_first)
{
    struct hr_mem process, query;
    hr_mem_init(&process, NULL, "process", "p", 1000);
    hr_mem_init(&query, &process, "query q", NULL, 0);
    process.reclaim = give_back;
    HR_EXPECT_OK(hr_mem_reserve(&process, 900, NULL));
    given_back = 400;
    HR_EXPECT_OK(hr_mem_reserve(&query, 300, NULL));
    HR_EXPECT_TRUE(process.used_bytes == 800 && query.used_bytes == 300);
    HR_EXPECT_EQ_I64(hr_mem_reserve(&query, 300, NULL), HR_E_MEMORY_LIMIT);
    HR_EXPECT_TRUE(process.used_bytes == 800 && query.used_bytes == 300);
}

/* --- What the machine grants ------------------------------------------------------------------ */

static void put(const char *root, const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    *strrchr(full, '/') = '\0';
    struct hr_env *env = hr_env_default();
    HR_EXPECT_OK(env->vt->mkdirs(env, full, NULL));
    snprintf(full, sizeof full, "%s/%s", root, path);
    FILE *file = fopen(full, "w");
    if (!HR_EXPECT_TRUE(file != NULL)) return;
    fputs(text, file);
    fclose(file);
}

HR_TEST(limits_of_control_groups)
{
    static const struct {
        const char *groups;      /* /proc/self/cgroup; NULL: there is none */
        const char *files[3][2]; /* below /sys/fs/cgroup */
        int64_t wanted;
    } cases[] = {
        {NULL, {{"memory.max", "1000\n"}}, INT64_MAX},
        {"0::/\n", {{"memory.max", "1000\n"}}, 1000},
        {"0::/\n", {{NULL, NULL}}, INT64_MAX},
        {"0::/a/b\n", {{"a/b/memory.max", "max\n"}, {"a/memory.max", "500\n"}}, 500},
        {"0::/a/b\n", {{"a/b/memory.max", "300\n"}, {"a/memory.max", "500\n"}}, 300},
        {"0::/a/b\n", {{"a/b/memory.max", "900\n"}, {"a/memory.max", "500\n"}}, 500},
        {"0::/of/the/host\n", {{"memory.max", "700\n"}}, 700},
        {"4:cpu,memory:/x\n0::/\n", {{"memory/x/memory.limit_in_bytes", "123\n"}}, 123},
        {"4:memory:/x\n", {{"memory/memory.limit_in_bytes", "77"}}, 77},
        {"4:memory_other:/x\n", {{"memory/memory.limit_in_bytes", "77"}}, INT64_MAX},
        {"4:memory:/\n0::/\n",
         {{"memory/memory.limit_in_bytes", "9223372036854771712"}, {"memory.max", "50"}},
         50},
        {"0::/\n", {{"memory.max", "nonsense"}}, INT64_MAX},
        {"\n:\nx", {{"memory.max", "5"}}, INT64_MAX},
    };
    for (size_t i = 0; i < HR_COUNT(cases); i++) {
        char root[] = "/tmp/hr-cgroup-XXXXXX";
        HR_ASSERT_TRUE(mkdtemp(root) != NULL);
        if (cases[i].groups) put(root, "proc/self/cgroup", cases[i].groups);
        for (size_t f = 0; f < 3 && cases[i].files[f][0]; f++) {
            char path[128];
            snprintf(path, sizeof path, "sys/fs/cgroup/%s", cases[i].files[f][0]);
            put(root, path, cases[i].files[f][1]);
        }
        if (!HR_EXPECT_EQ_I64(hr_cgroup_memory_bytes(root), cases[i].wanted))
            printf("  case %zu\n", i);
        HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), root, NULL));
    }
    int64_t all = hr_machine_memory_bytes();
    HR_EXPECT_TRUE(all > 0);
    hr_mem_process_reset();
    HR_EXPECT_EQ_I64(hr_mem_process()->limit_bytes, HR_MAX(all / 4 * 3, 1));
}

static void note(void *arg)
{
    *(int *)arg = *(int *)arg * 10 + 1;
}

static void note_two(void *arg)
{
    *(int *)arg = *(int *)arg * 10 + 2;
}

HR_TEST(arena_random_allocations_keep_their_bytes)
{
    struct hr_mem mem;
    struct hr_arena arena;
    uint64_t seed = 5;
    hr_mem_init(&mem, NULL, "test", "t", 0);
    hr_arena_init(&arena, &mem);
    for (int round = 0; round < 20; round++) {
        struct {
            unsigned char *p;
            size_t size;
        } blocks[300];
        for (size_t i = 0; i < HR_COUNT(blocks); i++) {
            uint64_t r = hr_splitmix64(&seed);
            size_t size = r % (i % 50 == 0 ? 700000 : 300);
            bool aligned = r >> 60 & 1;
            blocks[i].p =
                aligned ? hr_arena_alloc_aligned(&arena, size) : hr_arena_alloc(&arena, size);
            blocks[i].size = aligned ? (size + 63) & ~(size_t)63 : size;
            HR_ASSERT_TRUE(blocks[i].p != NULL);
            HR_EXPECT_EQ_U64((uintptr_t)blocks[i].p % (aligned ? 64 : 16), 0);
            memset(blocks[i].p, (int)(i & 255), blocks[i].size);
        }
        for (size_t i = 0; i < HR_COUNT(blocks); i++)
            for (size_t k = 0; k < blocks[i].size; k += 97)
                HR_ASSERT_TRUE(blocks[i].p[k] == (i & 255));
        HR_EXPECT_EQ_I64(mem.used_bytes, (int64_t)arena.total_bytes);
        hr_arena_reset(&arena);
        HR_EXPECT_TRUE(arena.total_bytes <= 1 << 20);
    }
    hr_arena_done(&arena);
    HR_EXPECT_EQ_I64(mem.used_bytes, 0);
}

HR_TEST(arena_cleanups_run_backwards_once)
{
    struct hr_arena arena = {0};
    int trace = 0;
    HR_EXPECT_OK(hr_arena_on_done(&arena, note, &trace, NULL));
    HR_EXPECT_OK(hr_arena_on_done(&arena, note_two, &trace, NULL));
    hr_arena_reset(&arena);
    HR_EXPECT_EQ_I64(trace, 21);
    HR_EXPECT_OK(hr_arena_on_done(&arena, note, &trace, NULL));
    hr_arena_done(&arena);
    HR_EXPECT_EQ_I64(trace, 211);
    hr_arena_done(&arena);
    HR_EXPECT_EQ_I64(trace, 211);
}

HR_TEST(arena_texts)
{
    struct hr_arena arena = {0};
    HR_EXPECT_EQ_STR(hr_arena_strdup(&arena, "abc"), "abc");
    HR_EXPECT_EQ_STR(hr_arena_strndup(&arena, "abcdef", 3), "abc");
    HR_EXPECT_EQ_STR(hr_arena_strndup(&arena, NULL, 0), "");
    char *wide = hr_arena_printf(&arena, "%0500d", 7);
    HR_EXPECT_TRUE(strlen(wide) == 500 && wide[499] == '7');
    HR_VEC(int) v = {0};
    for (int i = 0; i < 1000; i++) HR_ASSERT_TRUE(HR_VEC_PUSH(&arena, &v, i));
    for (int i = 0; i < 1000; i++) HR_ASSERT_TRUE(v.items[i] == i);
    HR_EXPECT_TRUE(hr_arena_alloc(&arena, SIZE_MAX / 2) == NULL);
    HR_EXPECT_TRUE(hr_arena_alloc_aligned(&arena, SIZE_MAX) == NULL);
    hr_arena_done(&arena);
}

HR_TEST(arena_obeys_the_budget)
{
    struct hr_mem mem;
    struct hr_arena arena;
    hr_mem_init(&mem, NULL, "test", "t", 100000);
    hr_arena_init(&arena, &mem);
    size_t got = 0;
    while (hr_arena_alloc(&arena, 1000) && got < 1000) got++;
    HR_EXPECT_TRUE(got >= 60 && got <= 100);
    HR_EXPECT_TRUE(mem.used_bytes <= 100000);
    hr_arena_done(&arena);
    HR_EXPECT_EQ_I64(mem.used_bytes, 0);
}

/* Some of everything; false when memory ran out on the way. */
static bool scenario(struct hr_mem *mem)
{
    struct hr_arena arena;
    struct hr_buf buf = {0};
    hr_arena_init(&arena, mem);
    int trace = 0;
    bool ok = hr_arena_on_done(&arena, note, &trace, NULL) == HR_OK;
    HR_VEC(int64_t) v = {0};
    for (int i = 0; ok && i < 200; i++)
        ok = HR_VEC_PUSH(&arena, &v, i) && hr_arena_alloc(&arena, (size_t)i * 50);
    for (int i = 0; i < 100; i++) hr_buf_printf(&buf, "%d,", i);
    ok = ok && hr_buf_status(&buf, NULL) == HR_OK;
    if (ok) HR_EXPECT_EQ_U64(buf.len, 290);
    if (ok) HR_EXPECT_EQ_I64(v.items[199], 199);
    hr_buf_done(&buf);
    hr_arena_done(&arena);
    return ok;
}

HR_TEST(every_allocation_may_fail)
{
    struct hr_mem mem;
    hr_mem_init(&mem, NULL, "test", "t", 0);
    for (int persistent = 0; persistent < 2; persistent++) {
        bool clean = false;
        for (int k = 1; k < 1000 && !clean; k++) {
            hr_fault_arm(HR_FAULT_ALLOC, k, persistent);
            bool ok = scenario(&mem);
            clean = hr_fault_passed(HR_FAULT_ALLOC) < k;
            hr_fault_disarm_all();
            HR_EXPECT_TRUE(ok || !clean);
            HR_EXPECT_EQ_I64(mem.used_bytes, 0);
        }
        HR_EXPECT_TRUE(clean);
    }
}

HR_TEST(buf_grows_and_stops_at_its_maximum)
{
    struct hr_buf buf;
    hr_buf_init(&buf, 100);
    HR_EXPECT_EQ_STR(hr_buf_cstr(&buf), "");
    for (int i = 0; i < 100; i++) hr_buf_putc(&buf, 'x');
    HR_EXPECT_OK(hr_buf_status(&buf, NULL));
    HR_EXPECT_EQ_U64(strlen(hr_buf_cstr(&buf)), 100);
    hr_buf_putc(&buf, 'y');
    HR_EXPECT_EQ_I64(hr_buf_status(&buf, NULL), HR_E_LIMIT);
    HR_EXPECT_EQ_STR(hr_buf_cstr(&buf), "");
    hr_buf_clear(&buf);
    hr_buf_printf(&buf, "%d-%s", 12, "ab");
    hr_buf_put_i64(&buf, INT64_MIN);
    HR_EXPECT_EQ_STR(hr_buf_cstr(&buf), "12-ab-9223372036854775808");
    hr_buf_printf(&buf, "%0200d", 1);
    HR_EXPECT_EQ_I64(hr_buf_status(&buf, NULL), HR_E_LIMIT);
    hr_buf_done(&buf);
}
