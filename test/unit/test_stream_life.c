/* SPDX-License-Identifier: Apache-2.0 */
/* A query's phases: the way through them, forbidden steps, waiting for the end. */
#include "stream/life.h"

#include "base/thread.h"
#include "hr_test.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static void new_life(struct hr_query_life *life)
{
    struct hr_err err;
    memset(life, 0, sizeof *life);
    hr_err_init(&err);
    HR_ASSERT_OK(hr_life_init(life, &err));
}

HR_TEST(a_life_with_a_recovery)
{
    struct hr_query_life life;
    struct hr_err err;
    hr_status status = HR_E_IO;
    hr_err_init(&err);
    new_life(&life);
    hr_life_enter(&life, HR_QUERY_OPENING);
    hr_life_enter(&life, HR_QUERY_RUNNING);
    hr_life_enter(&life, HR_QUERY_RECOVERING);
    hr_life_enter(&life, HR_QUERY_OPENING);
    hr_life_enter(&life, HR_QUERY_RUNNING);
    HR_EXPECT_TRUE(!hr_life_await(&life, 1000, &status, &err));
    HR_EXPECT_TRUE(!hr_life_has_ended(&life));
    hr_life_stop(&life, false);
    HR_EXPECT_TRUE(hr_life_is_stopping(&life) && !hr_life_is_cancelled(&life));
    hr_life_stop(&life, true);
    HR_EXPECT_TRUE(hr_life_is_stopping(&life) && hr_life_is_cancelled(&life));
    hr_life_enter(&life, HR_QUERY_CLOSING);
    hr_life_end(&life, HR_OK, NULL);
    HR_EXPECT_TRUE(hr_life_has_ended(&life));
    HR_EXPECT_TRUE(hr_life_await(&life, 0, &status, &err));
    HR_EXPECT_EQ_I64(status, HR_OK);
    hr_life_done(&life);
}

static void *fail_soon(void *arg)
{
    struct hr_query_life *life = arg;
    struct hr_err err;
    hr_err_init(&err);
    usleep(2000);
    hr_status status = HR_FAIL(&err, HR_E_LIMIT, "too much of %s", "it");
    hr_life_enter(life, HR_QUERY_CLOSING);
    hr_life_end(life, status, &err);
    return NULL;
}

HR_TEST(who_waits_gets_the_error)
{
    struct hr_query_life life;
    struct hr_err err;
    hr_status status = HR_OK;
    pthread_t thread;
    hr_err_init(&err);
    new_life(&life);
    hr_life_enter(&life, HR_QUERY_OPENING);
    HR_ASSERT_OK(hr_thread_start(&thread, "life", fail_soon, &life, &err));
    HR_ASSERT_TRUE(hr_life_await(&life, -1, &status, &err));
    HR_EXPECT_EQ_I64(status, HR_E_LIMIT);
    HR_EXPECT_TRUE(strstr(err.msg, "too much of it"));
    pthread_join(thread, NULL);
    hr_life_done(&life);
}

/* Whether the step from a phase to another ends the process by its assertion. */
static bool step_aborts(enum hr_query_phase from, enum hr_query_phase to)
{
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        struct hr_query_life life;
        new_life(&life);
        life.phase = from;
        freopen("/dev/null", "w", stderr);
        if (to == HR_QUERY_ENDED)
            hr_life_end(&life, HR_OK, NULL);
        else
            hr_life_enter(&life, to);
        _exit(0);
    }
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

HR_TEST(steps_that_are_not_in_the_table_abort)
{
    HR_EXPECT_TRUE(step_aborts(HR_QUERY_CREATED, HR_QUERY_RUNNING));
    HR_EXPECT_TRUE(step_aborts(HR_QUERY_CREATED, HR_QUERY_ENDED));
    HR_EXPECT_TRUE(step_aborts(HR_QUERY_RUNNING, HR_QUERY_OPENING));
    HR_EXPECT_TRUE(step_aborts(HR_QUERY_RUNNING, HR_QUERY_ENDED));
    HR_EXPECT_TRUE(step_aborts(HR_QUERY_ENDED, HR_QUERY_OPENING));
    HR_EXPECT_TRUE(step_aborts(HR_QUERY_ENDED, HR_QUERY_ENDED));
    HR_EXPECT_TRUE(!step_aborts(HR_QUERY_RECOVERING, HR_QUERY_CLOSING));
    HR_EXPECT_TRUE(!step_aborts(HR_QUERY_CLOSING, HR_QUERY_ENDED));
}
