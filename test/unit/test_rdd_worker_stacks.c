/* SPDX-License-Identifier: Apache-2.0 */
/* A worker process has a copy of all the program's threads' stacks, and must leave them alone. */
#include <headrace/headrace.h>

#include <pthread.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "hr_test.h"

struct on_stack {
    _Atomic uint32_t *started; /* shared with workers */
    unsigned char filling[65536];
};

/* Both tasks at once, so that one of them is not forked by the thread whose stack it reads. */
static hr_status check_filling(void *arg, uint32_t partition, struct hr_rows *rows,
                               struct hr_err *err)
{
    struct on_stack *s = arg;
    (void)partition, (void)rows;
    for (atomic_fetch_add(s->started, 1); atomic_load(s->started) < 2;) usleep(100);
    for (size_t i = 0; i < sizeof s->filling; i++)
        if (s->filling[i] != 0x5a) return hr_err_fail(err, "byte %d is overwritten", (int)i);
    return 0;
}

static void *on_stack_main(void *arg)
{
    struct on_stack s;
    struct hr_err *err = arg;
    struct hr_context *ctx = hr_context_new(&(struct hr_context_options){.executors = 2}, err);
    s.started = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    memset(s.filling, 0x5a, sizeof s.filling);
    HR_EXPECT_OK(hr_rdd_foreach_partition(hr_range(ctx, 0, 2, 1, 2, err), check_filling, &s, err));
    hr_context_free(ctx);
    return NULL;
}

HR_TEST(workers_see_the_stack_of_the_thread_that_started_the_job)
{
    struct hr_err err = {0};
    pthread_t thread;
    pthread_create(&thread, NULL, on_stack_main, &err);
    pthread_join(thread, NULL);
    HR_EXPECT_EQ_STR(err.msg, "");
}
