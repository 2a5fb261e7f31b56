/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worker processes: user functions that crash, hang, stop or write where they must not cost their
 * own attempt; results, kept blocks and accumulators are as with threads; nothing is left behind.
 */
#include <headrace/headrace.h>

#include <dirent.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <time.h>

#include "hr_test.h"
#include "rdd/rdd.h"
#include "rdd/shuffle.h"

static struct hr_context *new_context(uint32_t executors, int64_t task_timeout_ms)
{
    struct hr_err err = {0};
    struct hr_context_options options = {.executors = executors,
                                         .default_parallelism = 4,
                                         .task_timeout_ms = task_timeout_ms,
                                         .heartbeat_timeout_ms = 1500};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

/* Counters that driver and workers share: a plain variable would be the worker's own copy. */
struct shared {
    _Atomic uint32_t calls, mischief;
    _Atomic int pid;
};
static struct shared *shared_new(void)
{
    return mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

enum harm { HARM_NONE, HARM_KILL, HARM_EXIT, HARM_FPE, HARM_SEGV, HARM_LOOP, HARM_STOP, HARM_HEAP };
struct function {
    struct shared *shared;
    enum harm harm;
    int64_t at;     /* the row that does it */
    uint32_t times; /* so often */
    struct hr_accumulator *acc;
};

static void do_harm(enum harm harm)
{
    static volatile int zero;
    switch (harm) {
    case HARM_NONE: break;
    case HARM_KILL: kill(getpid(), SIGKILL); break;
    case HARM_EXIT: _exit(7);
    case HARM_FPE:
#ifndef __SANITIZE_ADDRESS__ /* whose sibling would exit before the signal */
        zero = 1 / zero;
#endif
        raise(SIGFPE); /* arm64 divides by zero in silence */
        break;
    case HARM_SEGV: *(volatile int *)(uintptr_t)8 = 1; break;
    case HARM_LOOP:
        for (;;) zero++;
    case HARM_STOP: kill(getpid(), SIGSTOP); break;
    case HARM_HEAP: {
        char *p = malloc(64);
        memset(p - 64, 0x5a, 65536);
        for (int i = 0; i < 1000; i++) free(malloc((size_t)i * 16));
        abort(); /* whoever survives that is found out later; the test wants an end */
    }
    }
}

/* id → (id % 10, id) */
static hr_status keyed(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    struct function *f = arg;
    int64_t id = hr_row_long(row, 0);
    (void)err;
    if (id == f->at && atomic_fetch_add(&f->shared->mischief, 1) < f->times) do_harm(f->harm);
    if (f->acc) hr_accumulator_add(f->acc, 1);
    hr_emit_long(out, id % 10);
    hr_emit_long(out, id);
    hr_emit_end(out);
    return 0;
}

/* Sums of 0 … 999 by last digit: digit d has 100 rows, 100 d + 10 (0 + … + 99). */
static void expect_sums(struct hr_rdd *sums, struct hr_err *err)
{
    struct hr_rows *rows = hr_rdd_collect(sums, err);
    HR_EXPECT_EQ_STR(err->msg, "");
    int64_t seen = 0;
    for (const struct hr_row *row; rows && (row = hr_rows_next(rows)); seen++)
        HR_EXPECT_EQ_I64(hr_row_long(row, 1), 100 * hr_row_long(row, 0) + 49500);
    HR_EXPECT_EQ_I64(seen, 10);
    hr_rows_free(rows);
}

static struct hr_rdd *sums_of(struct hr_context *ctx, struct function *f, struct hr_err *err)
{
    struct hr_rdd *pairs =
        hr_rdd_map(hr_range(ctx, 0, 1000, 1, 4, err), "k LONG, v LONG", keyed, f, err);
    return hr_rdd_reduce_by_key(pairs, hr_sum, NULL, 3, err);
}

static int open_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int n = 0;
    while (readdir(dir)) n++;
    closedir(dir);
    return n;
}

HR_TEST(crashes_cost_one_attempt)
{
    static const enum harm harms[] = {HARM_KILL, HARM_EXIT, HARM_FPE, HARM_SEGV, HARM_HEAP};
    for (size_t i = 0; i < sizeof harms / sizeof *harms; i++) {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(2, 0);
        struct function f = {shared_new(), harms[i], 333, 1, NULL};
        int before = open_descriptors();
        expect_sums(sums_of(ctx, &f, &err), &err);
        struct hr_context_stats stats;
        hr_context_get_stats(ctx, &stats);
        HR_EXPECT_EQ_U64(stats.lost_workers, 1);
        HR_EXPECT_EQ_U64(stats.failed_tasks, 1);
        HR_EXPECT_EQ_U64(stats.tasks, 4 + 1 + 3); /* nobody else ran again */
        HR_EXPECT_EQ_U64(stats.recomputed_tasks, 0);
        HR_EXPECT_EQ_I64(open_descriptors(), before);
        HR_EXPECT_TRUE(waitpid(-1, NULL, WNOHANG) < 0); /* no child, no zombie */
        hr_context_free(ctx);
    }
}

static void expect_failure(enum harm harm, int64_t timeout_ms, const char *why)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(2, timeout_ms);
    struct function f = {shared_new(), harm, 333, 1000, NULL};
    struct hr_rows *rows = hr_rdd_collect(sums_of(ctx, &f, &err), &err);
    HR_EXPECT_TRUE(rows == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_TASK_FAILED");
    HR_EXPECT_TRUE(strstr(err.msg, why) != NULL);
    HR_EXPECT_TRUE(strstr(err.msg, "partition 1 of ") != NULL);
    if (!strstr(err.msg, why)) printf("  %s\n", err.msg);
    /* the program and its next job go on */
    struct hr_err after = {0};
    struct function good = {shared_new(), HARM_NONE, -1, 0, NULL};
    expect_sums(sums_of(ctx, &good, &after), &after);
    hr_context_free(ctx);
}

HR_TEST(lasting_harm_fails_its_job_by_name)
{
    expect_failure(HARM_FPE, 0, "SIGFPE");
    expect_failure(HARM_EXIT, 0, "exit status 7");
    expect_failure(HARM_KILL, 0, "SIGKILL");
    expect_failure(HARM_LOOP, 200, "task timeout of 200 ms");
}

HR_TEST(a_stopped_worker_is_found_by_its_silence)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(2, 0);
    struct function f = {shared_new(), HARM_STOP, 10, 1, NULL};
    expect_sums(sums_of(ctx, &f, &err), &err);
    struct hr_context_stats stats;
    hr_context_get_stats(ctx, &stats);
    HR_EXPECT_EQ_U64(stats.lost_workers, 1);
    hr_context_free(ctx);
}

static hr_status note_pid(void *arg, const struct hr_row *row, struct hr_err *err)
{
    struct function *f = arg;
    (void)err;
    hr_accumulator_add(f->acc, hr_row_long(row, 0));
    if (hr_row_long(row, 0) == f->at && atomic_fetch_add(&f->shared->calls, 1) == 0) {
        atomic_store(&f->shared->pid, getpid());
        pause(); /* until it is killed from outside */
    }
    return 0;
}

static void *killer(void *arg)
{
    struct shared *shared = arg;
    while (!atomic_load(&shared->pid)) usleep(1000);
    kill(atomic_load(&shared->pid), SIGKILL);
    return NULL;
}

HR_TEST(accumulators_count_once_when_a_worker_is_killed)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(3, 0);
    struct function f = {.shared = shared_new(), .at = 777};
    f.acc = hr_accumulator_long(ctx, "sum", &err);
    pthread_t thread;
    pthread_create(&thread, NULL, killer, f.shared);
    hr_status status = hr_rdd_foreach(hr_range(ctx, 0, 1000, 1, 4, &err), note_pid, &f, &err);
    pthread_join(thread, NULL);
    HR_EXPECT_EQ_I64(status, 0);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_I64(hr_accumulator_value(f.acc), 499500);
    HR_EXPECT_TRUE(atomic_load(&f.shared->pid) != getpid());
    hr_context_free(ctx);
}

HR_TEST(kept_blocks_come_back_to_the_driver)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(2, 0);
    struct function f = {.shared = shared_new(), .at = -1};
    f.acc = hr_accumulator_long(ctx, "calls", &err);
    struct hr_rdd *pairs = hr_rdd_cache(
        hr_rdd_map(hr_range(ctx, 0, 1000, 1, 4, &err), "k LONG, v LONG", keyed, &f, &err), &err);
    struct hr_rdd *empty = hr_rdd_cache(hr_empty_rdd(ctx, "k LONG, v LONG", &err), &err);
    uint64_t n = 0;
    for (int i = 0; i < 3; i++) {
        hr_rdd_count(hr_rdd_union(pairs, empty, &err), &n, &err);
        HR_EXPECT_EQ_U64(n, 1000);
    }
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_I64(hr_accumulator_value(f.acc), 1000); /* computed once */
    hr_context_free(ctx);
}

/* A shuffle output that is lost is made again, and nothing else is. */
HR_TEST(only_lost_blocks_are_recomputed)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(2, 0);
    struct function f = {.shared = shared_new(), .at = -1};
    f.acc = hr_accumulator_long(ctx, "calls", &err);
    struct hr_rdd *sums = sums_of(ctx, &f, &err);
    expect_sums(sums, &err);
    HR_EXPECT_EQ_I64(hr_accumulator_value(f.acc), 1000);
    struct hr_rdd *at = sums;
    while (at->dep_count && at->deps[0].kind != HR_DEP_SHUFFLE) at = at->deps[0].parent;
    HR_ASSERT_TRUE(at->dep_count == 1);
    hr_shuffle_lose(at->deps[0].shuffle, 2);
    expect_sums(sums, &err);
    HR_EXPECT_EQ_I64(hr_accumulator_value(f.acc), 1250); /* one map partition of four */
    hr_context_free(ctx);
}

struct runner {
    struct hr_context *ctx;
    struct function f;
    struct hr_err err;
    bool fails;
};
static void *run_jobs(void *arg)
{
    struct runner *r = arg;
    for (int i = 0; i < 5; i++) {
        struct hr_rows *rows = hr_rdd_collect(sums_of(r->ctx, &r->f, &r->err), &r->err);
        if (!r->fails && (!rows || hr_rows_count(rows) != 10)) return (void *)(uintptr_t) "wrong";
        if (r->fails && rows) return (void *)(uintptr_t) "not failed";
        hr_rows_free(rows);
        hr_err_init(&r->err);
    }
    return NULL;
}

HR_TEST(jobs_beside_a_crashing_one_go_on)
{
#ifdef __SANITIZE_ADDRESS__
    /* Its allocator (of gcc 12) does not know of forks: one made while another thread allocates
     * leaves the worker with a lock that nobody opens. Here two threads do both all the time. */
    return;
#endif
    struct hr_context *ctx = new_context(2, 0);
    struct runner good = {.ctx = ctx, .f = {.shared = shared_new(), .at = -1}};
    struct runner bad = {
        .ctx = ctx, .f = {shared_new(), HARM_SEGV, 500, 1000000, NULL}, .fails = true};
    pthread_t a, b;
    void *said_a, *said_b;
    pthread_create(&a, NULL, run_jobs, &good);
    pthread_create(&b, NULL, run_jobs, &bad);
    pthread_join(a, &said_a);
    pthread_join(b, &said_b);
    HR_EXPECT_EQ_STR(said_a, NULL);
    HR_EXPECT_EQ_STR(said_b, NULL);
    hr_context_free(ctx);
}

static void *cancel_soon(void *arg)
{
    struct runner *r = arg;
    while (!atomic_load(&r->f.shared->mischief)) usleep(1000);
    hr_context_cancel_jobs(r->ctx);
    return NULL;
}

HR_TEST(cancelling_kills_the_workers)
{
    struct hr_context *ctx = new_context(2, 0);
    struct runner r = {.ctx = ctx, .f = {shared_new(), HARM_LOOP, 500, 1000000, NULL}};
    pthread_t thread;
    pthread_create(&thread, NULL, cancel_soon, &r);
    HR_EXPECT_TRUE(hr_rdd_collect(sums_of(ctx, &r.f, &r.err), &r.err) == NULL);
    pthread_join(thread, NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&r.err), "HR_CANCELLED");
    HR_EXPECT_TRUE(waitpid(-1, NULL, WNOHANG) < 0);
    hr_context_free(ctx);
}

/* The other tests' programs again, their contexts with executors (they read HR_TEST_EXECUTORS). */
static void run_again(const char *program)
{
    char path[4096];
    ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
    HR_ASSERT_TRUE(n > 0);
    path[n] = '\0';
    char *slash = strrchr(path, '/');
    snprintf(slash + 1, sizeof path - (size_t)(slash + 1 - path), "%s", program);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("HR_TEST_EXECUTORS", "2", 1);
        execl(path, path, (char *)NULL);
        _exit(127);
    }
    int status;
    waitpid(pid, &status, 0);
    HR_EXPECT_EQ_I64(WIFEXITED(status) ? WEXITSTATUS(status) : -1, 0);
}

HR_TEST(rdd_operations_with_executors)
{
    run_again("test_rdd_api_basic");
}

HR_TEST(dstreams_with_executors)
{
    run_again("test_dstream_basic");
}
