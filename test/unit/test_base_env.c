/* SPDX-License-Identifier: Apache-2.0 */
/* Files, locks, clocks, threads. */
#include "base/arena.h"
#include "base/env.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/thread.h"
#include "hr_test.h"

static char folder[64];

static const char *in_folder(const char *name)
{
    static char path[4][128];
    static int turn;
    char *p = path[turn++ % 4];
    snprintf(p, sizeof path[0], "%s/%s", folder, name);
    return p;
}

static struct hr_env *start(void)
{
    snprintf(folder, sizeof folder, "/tmp/hr-test-env-%d", (int)getpid());
    struct hr_env *env = hr_env_default();
    HR_EXPECT_OK(hr_env_remove_tree(env, folder, NULL));
    HR_EXPECT_OK(env->vt->mkdirs(env, in_folder("a/b"), NULL));
    return env;
}

HR_TEST(env_whole_files)
{
    struct hr_env *env = start();
    struct hr_buf buf;
    struct hr_err err;
    hr_buf_init(&buf, 0);
    HR_EXPECT_EQ_I64(hr_env_read_file(env, in_folder("none"), &buf, &err), HR_E_NOT_FOUND);
    HR_EXPECT_TRUE(strstr(err.msg, "none") != NULL);
    for (size_t size = 0; size < 200000; size = size * 3 + 1) {
        char *data = malloc(size + 1);
        memset(data, 'x', size + 1);
        HR_EXPECT_OK(hr_env_write_file(env, in_folder("a/f"), data, size, NULL));
        hr_buf_clear(&buf);
        HR_EXPECT_OK(hr_env_read_file(env, in_folder("a/f"), &buf, NULL));
        HR_EXPECT_TRUE(buf.len == size && (size == 0 || memcmp(buf.ptr, data, size) == 0));
        struct hr_buf small;
        hr_buf_init(&small, size ? size : 1);
        HR_EXPECT_OK(hr_env_read_file(env, in_folder("a/f"), &small, NULL));
        hr_buf_done(&small);
        hr_buf_init(&small, size > 1 ? size - 1 : 1);
        HR_EXPECT_EQ_I64(hr_env_read_file(env, in_folder("a/f"), &small, NULL),
                         size > 1 ? HR_E_LIMIT : HR_OK);
        hr_buf_done(&small);
        free(data);
    }
    HR_EXPECT_FALSE(hr_env_exists(env, in_folder("a/f.tmp")));
    hr_buf_done(&buf);
    HR_EXPECT_OK(hr_env_remove_tree(env, folder, NULL));
    HR_EXPECT_FALSE(hr_env_exists(env, folder));
}

/* An overwrite that fails at any step leaves the old content or the new one, never a mixture. */
HR_TEST(env_write_is_atomic)
{
    struct hr_env *env = start();
    static const enum hr_fault points[] = {HR_FAULT_FILE_WRITE, HR_FAULT_FILE_SYNC};
    for (size_t p = 0; p < HR_COUNT(points); p++) {
        for (int k = 1; k < 10; k++) {
            HR_EXPECT_OK(hr_env_write_file(env, in_folder("f"), "old", 3, NULL));
            hr_fault_arm(points[p], k, false);
            hr_status status = hr_env_write_file(env, in_folder("f"), "newer", 5, NULL);
            bool hit = hr_fault_passed(points[p]) >= k;
            hr_fault_disarm_all();
            HR_EXPECT_EQ_I64(status != HR_OK, hit);
            struct hr_buf buf = {0};
            HR_EXPECT_OK(hr_env_read_file(env, in_folder("f"), &buf, NULL));
            const char *text = hr_buf_cstr(&buf);
            HR_EXPECT_TRUE(strcmp(text, "newer") == 0 || (hit && strcmp(text, "old") == 0));
            HR_EXPECT_FALSE(hr_env_exists(env, in_folder("f.tmp")));
            hr_buf_done(&buf);
            if (!hit) break;
        }
    }
    HR_EXPECT_OK(hr_env_remove_tree(env, folder, NULL));
}

HR_TEST(env_descriptors)
{
    struct hr_env *env = start();
    int fd;
    char bytes[8] = {0};
    size_t n;
    struct hr_file_info info;
    HR_ASSERT_OK(env->vt->open(env, in_folder("u"), HR_OPEN_UPDATE, &fd, NULL));
    HR_EXPECT_OK(env->vt->pwrite(env, fd, "abcdef", 6, 2, NULL));
    HR_EXPECT_OK(env->vt->pread(env, fd, bytes, 8, 0, &n, NULL));
    HR_EXPECT_TRUE(n == 8 && memcmp(bytes, "\0\0abcdef", 8) == 0);
    HR_EXPECT_OK(env->vt->pread(env, fd, bytes, 8, 8, &n, NULL));
    HR_EXPECT_EQ_U64(n, 0);
    HR_EXPECT_OK(env->vt->truncate(env, fd, 3, NULL));
    HR_EXPECT_OK(env->vt->allocate(env, fd, 4096, NULL));
    HR_EXPECT_OK(env->vt->fdatasync(env, fd, NULL));
    HR_EXPECT_OK(env->vt->stat(env, in_folder("u"), &info, NULL));
    HR_EXPECT_TRUE(info.size_bytes == 4096 && !info.is_dir && info.mtime_us > 0);
    HR_EXPECT_OK(env->vt->close(env, fd, NULL));
    HR_EXPECT_EQ_I64(env->vt->open(env, in_folder("u"), HR_OPEN_EXCL, &fd, NULL), HR_E_EXISTS);
    HR_EXPECT_EQ_I64(env->vt->open(env, in_folder("no/u"), HR_OPEN_CREATE, &fd, NULL),
                     HR_E_NOT_FOUND);
    HR_EXPECT_EQ_I64(env->vt->mkdirs(env, in_folder("u"), NULL), HR_E_IO_FATAL);
    HR_EXPECT_OK(hr_env_remove_tree(env, folder, NULL));
}

HR_TEST(env_lists_sorted_and_removes_trees)
{
    struct hr_env *env = start();
    struct hr_arena arena = {0};
    char **names;
    uint32_t count;
    HR_EXPECT_OK(hr_env_write_file(env, in_folder("a/z"), "", 0, NULL));
    HR_EXPECT_OK(hr_env_write_file(env, in_folder("a/Z"), "", 0, NULL));
    HR_EXPECT_OK(hr_env_list_sorted(env, &arena, in_folder("a"), &names, &count, NULL));
    HR_ASSERT_TRUE(count == 3);
    HR_EXPECT_TRUE(strcmp(names[0], "Z") == 0 && strcmp(names[1], "b") == 0 &&
                   strcmp(names[2], "z") == 0);
    HR_EXPECT_EQ_I64(hr_env_list_sorted(env, &arena, in_folder("no"), &names, &count, NULL),
                     HR_E_NOT_FOUND);
    /* a link to a folder outside is removed, what it points to is not */
    HR_EXPECT_OK(env->vt->mkdirs(env, in_folder("outside"), NULL));
    HR_EXPECT_OK(hr_env_write_file(env, in_folder("outside/keep"), "", 0, NULL));
    HR_EXPECT_EQ_I64(symlink(in_folder("outside"), in_folder("a/link")), 0);
    HR_EXPECT_OK(hr_env_remove_tree(env, in_folder("a"), NULL));
    HR_EXPECT_TRUE(hr_env_exists(env, in_folder("outside/keep")) &&
                   !hr_env_exists(env, in_folder("a")));
    hr_arena_done(&arena);
    HR_EXPECT_OK(hr_env_remove_tree(env, folder, NULL));
}

HR_TEST(env_locks_exclude)
{
    struct hr_env *env = start();
    int first, second;
    int64_t pid = -1;
    HR_ASSERT_OK(env->vt->open(env, in_folder("lock"), HR_OPEN_UPDATE, &first, NULL));
    HR_ASSERT_OK(env->vt->open(env, in_folder("lock"), HR_OPEN_UPDATE, &second, NULL));
    HR_EXPECT_OK(env->vt->lock(env, first, &pid, NULL));
    HR_EXPECT_EQ_I64(env->vt->lock(env, second, &pid, NULL), HR_E_AGAIN);
    HR_EXPECT_TRUE(pid == getpid() || pid == 0); /* 0: /proc/locks is not readable here */
    HR_EXPECT_OK(env->vt->close(env, first, NULL));
    HR_EXPECT_OK(env->vt->lock(env, second, &pid, NULL));
    HR_EXPECT_OK(env->vt->close(env, second, NULL));
    HR_EXPECT_OK(hr_env_remove_tree(env, folder, NULL));
}

HR_TEST(env_clocks)
{
    struct hr_env *manual = hr_env_manual_clock_new(1000), *real = hr_env_default();
    HR_ASSERT_TRUE(manual != NULL);
    HR_EXPECT_EQ_I64(hr_now_us(manual), 1000);
    manual->vt->sleep_us(manual, 500);
    hr_env_manual_clock_advance(manual, 1);
    HR_EXPECT_EQ_I64(hr_now_us(manual), 1501);
    HR_EXPECT_EQ_I64(hr_mono_ns(manual), 501000);
    hr_env_free(manual);
    int64_t before = hr_mono_ns(real);
    real->vt->sleep_us(real, 2000);
    HR_EXPECT_TRUE(hr_mono_ns(real) - before >= 2000000);
    HR_EXPECT_TRUE(hr_now_us(real) > INT64_C(1700000000000000));
    char a[37], b[37];
    hr_env_uuid(real, a);
    hr_env_uuid(real, b);
    HR_EXPECT_TRUE(strlen(a) == 36 && a[14] == '4' && strchr("89ab", a[19]) && strcmp(a, b) != 0);
}

static void *signal_later(void *arg)
{
    usleep(3000);
    hr_wakeup_signal(arg);
    return NULL;
}

HR_TEST(thread_wakeup)
{
    struct hr_wakeup wakeup;
    pthread_t thread;
    HR_ASSERT_OK(hr_wakeup_init(&wakeup, NULL));
    HR_EXPECT_FALSE(hr_wakeup_wait(&wakeup, 0));
    HR_EXPECT_FALSE(hr_wakeup_wait(&wakeup, 1500));
    HR_ASSERT_OK(hr_thread_start(&thread, "a-name-that-is-too-long", signal_later, &wakeup, NULL));
    HR_EXPECT_TRUE(hr_wakeup_wait(&wakeup, -1));
    HR_EXPECT_FALSE(hr_wakeup_wait(&wakeup, 0));
    pthread_join(thread, NULL);
    hr_wakeup_signal(&wakeup);
    hr_wakeup_signal(&wakeup);
    HR_EXPECT_TRUE(hr_wakeup_wait(&wakeup, 0) && !hr_wakeup_wait(&wakeup, 0));
    hr_wakeup_done(&wakeup);
    HR_EXPECT_TRUE(hr_cpu_count() >= 1);
}

static char logged[3000];

static void keep_line(void *arg, enum hr_log_level level, const char *line)
{
    HR_UNUSED(arg);
    snprintf(logged, sizeof logged, "%d%s", (int)level, line);
}

HR_TEST(log_lines)
{
    hr_log_set_sink(keep_line, NULL);
    hr_log_threshold = HR_LOG_WARN;
    HR_LOG(HR_LOG_INFO, "hidden");
    HR_EXPECT_EQ_STR(logged, "");
    HR_LOG(HR_LOG_WARN, "disk %s", "full");
    HR_EXPECT_TRUE(strstr(logged, "Z warn disk full") != NULL && logged[0] == '1');
    char text[4000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    HR_LOG(HR_LOG_ERROR, "%s", text);
    HR_EXPECT_TRUE(strlen(logged) > 1900 && strlen(logged) < 2100);
}

/* A child has its locks free; the thread sanitizer would make its status 66. */
HR_TEST(forkable_locks_in_a_child)
{
    static pthread_mutex_t outer = PTHREAD_MUTEX_INITIALIZER, inner = PTHREAD_MUTEX_INITIALIZER;
    int status = -1;
    hr_forkable_lock(&outer); /* known to the sanitizer before the fork */
    hr_forkable_unlock(&outer);
    fflush(NULL);
    pid_t pid = hr_fork();
    if (pid == 0) {
        hr_forkable_lock(&outer);
        hr_forkable_lock(&inner);
        hr_forkable_unlock(&inner);
        hr_forkable_unlock(&outer);
        exit(7);
    }
    HR_ASSERT_TRUE(pid > 0);
    HR_EXPECT_EQ_I64(waitpid(pid, &status, 0), pid);
    HR_EXPECT_TRUE(WIFEXITED(status));
    HR_EXPECT_EQ_I64(WEXITSTATUS(status), 7);
}
