/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unit tests. Each test_*.c includes this once and is one executable.
 *
 *     HR_TEST(arena_keeps_alignment)
 *     {
 *         HR_EXPECT_EQ_I64(hr_arena_used(&arena), 0);
 *     }
 *
 * A failed expectation is printed and the test goes on; HR_ASSERT… leaves it. Each test runs in a
 * child process with a timeout (HR_TEST_TIMEOUT seconds, 60), so that a crash is that test's
 * failure and no other's. Arguments are parts of names to run; --list names all; --here runs them
 * in this process, for a debugger. The last line is `# passed N failed N`.
 */
#ifndef HR_TEST_H
#define HR_TEST_H

#include <inttypes.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct hr_test {
    const char *name;
    void (*run)(void);
    struct hr_test *next;
};

static struct hr_test *hr_test_first, **hr_test_tail = &hr_test_first;
static int hr_test_failures; /* of the running test */
#define HR_TEST(id)                                                      \
    static void hr_test_##id(void);                                      \
    __attribute__((constructor)) static void hr_test_add_##id(void)      \
    {                                                                    \
        static struct hr_test test = {.name = #id, .run = hr_test_##id}; \
        *hr_test_tail = &test;                                           \
        hr_test_tail = &test.next;                                       \
    }                                                                    \
    static void hr_test_##id(void)

/* Counts a failure and prints where and why; true when the expectation held. */
__attribute__((format(printf, 4, 5), unused)) static bool hr_test_check(bool held, const char *file,
                                                                        int line, const char *fmt,
                                                                        ...)
{
    if (held) return true;
    va_list args;
    va_start(args, fmt);
    printf("  %s:%d: ", file, line);
    vprintf(fmt, args);
    putchar('\n');
    va_end(args);
    hr_test_failures++;
    return false;
}

#define HR_TEST_CMP_(T, a, b, equal, fmt, ...)                                                     \
    ({                                                                                             \
        T a_ = (a);                                                                                \
        T b_ = (b);                                                                                \
        hr_test_check(equal, __FILE__, __LINE__, "%s is " fmt ", expected " fmt, #a, __VA_ARGS__); \
    })
#define HR_EXPECT_TRUE(cond)   hr_test_check((cond), __FILE__, __LINE__, "not true: %s", #cond)
#define HR_EXPECT_FALSE(cond)  hr_test_check(!(cond), __FILE__, __LINE__, "not false: %s", #cond)
#define HR_EXPECT_EQ_I64(a, b) HR_TEST_CMP_(int64_t, a, b, a_ == b_, "%" PRId64, a_, b_)
#define HR_EXPECT_EQ_U64(a, b) HR_TEST_CMP_(uint64_t, a, b, a_ == b_, "%" PRIu64, a_, b_)
#define HR_EXPECT_EQ_PTR(a, b) HR_TEST_CMP_(const void *, a, b, a_ == b_, "%p", a_, b_)
/* Equal bits count as equal, so that NaN equals NaN. */
#define HR_EXPECT_EQ_F64(a, b) \
    HR_TEST_CMP_(double, a, b, a_ == b_ || (isnan(a_) && isnan(b_)), "%.17g", a_, b_)
#define HR_EXPECT_NEAR_F64(a, b, tolerance) \
    HR_TEST_CMP_(double, a, b, fabs(a_ - b_) <= (tolerance), "%.17g", a_, b_)
#define HR_EXPECT_EQ_STR(a, b)                                                                \
    HR_TEST_CMP_(const char *, a, b, a_ == b_ || (a_ && b_ && strcmp(a_, b_) == 0), "\"%s\"", \
                 a_ ? a_ : "(null)", b_ ? b_ : "(null)")
/* Bytes with a length against a C string. */
#define HR_EXPECT_EQ_BYTES(data, len, text)                                                 \
    ({                                                                                      \
        const char *d_ = (const char *)(data), *t_ = (text);                                \
        size_t n_ = (size_t)(len);                                                          \
        hr_test_check(n_ == strlen(t_) && memcmp(d_, t_, n_) == 0, __FILE__, __LINE__,      \
                      "%s is \"%.*s\", expected \"%s\"", #data, (int)n_, n_ ? d_ : "", t_); \
    })
/* A status that must be HR_OK. */
#define HR_EXPECT_OK(status) HR_EXPECT_EQ_I64(status, 0)

#define HR_ASSERT(expectation)      \
    do {                            \
        if (!(expectation)) return; \
    } while (0)
#define HR_ASSERT_TRUE(cond) HR_ASSERT(HR_EXPECT_TRUE(cond))
#define HR_ASSERT_OK(status) HR_ASSERT(HR_EXPECT_OK(status))

static bool hr_test_run_child(const struct hr_test *test)
{
    const char *timeout = getenv("HR_TEST_TIMEOUT");
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        alarm(timeout ? (unsigned)strtoul(timeout, NULL, 10) : 60);
        test->run();
        fflush(NULL);
        exit(hr_test_failures > 0); /* exit, not _exit: the leak checker runs at exit */
    }
    int status = 0;
    if (pid < 0 || waitpid(pid, &status, 0) < 0) return false;
    if (WIFSIGNALED(status))
        printf("  killed by signal %d (%s)%s\n", WTERMSIG(status), strsignal(WTERMSIG(status)),
               WTERMSIG(status) == SIGALRM ? ": timeout" : "");
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

int main(int argc, char **argv)
{
    int passed = 0, failed = 0, filters = 0;
    bool list = false, here = false;
    setvbuf(stdout, NULL, _IOLBF, 0);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--list") == 0)
            list = true;
        else if (strcmp(argv[i], "--here") == 0)
            here = true;
        else
            argv[1 + filters++] = argv[i];
    }
    for (const struct hr_test *test = hr_test_first; test; test = test->next) {
        bool wanted = filters == 0;
        for (int i = 1; i <= filters; i++) wanted = wanted || strstr(test->name, argv[i]);
        if (!wanted) continue;
        if (list) {
            puts(test->name);
            continue;
        }
        hr_test_failures = 0;
        if (here) test->run();
        bool ok = here ? hr_test_failures == 0 : hr_test_run_child(test);
        printf("%s %s\n", ok ? "ok" : "FAIL", test->name);
        ok ? passed++ : failed++;
    }
    if (!list) printf("# passed %d failed %d\n", passed, failed);
    return failed > 0;
}

#endif
