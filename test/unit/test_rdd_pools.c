/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Several jobs at once: FIFO, FAIR pools, groups, cancelling, what can be asked.
 *
 * Tasks stop at a gate, so that the test decides which one ends and sees which one starts then.
 * Every task writes its job's letter into the gate's log when it starts.
 */
#include <headrace/headrace.h>

#include <pthread.h>
#include <sys/mman.h>

#include "hr_test.h"

struct gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char log[64];
    uint32_t started;
    uint32_t permits[128]; /* by letter: tasks that may end */
};

static struct gate *gate_new(void)
{
    static struct gate one; /* a test has one at a time */
    struct gate *gate = &one;
    *gate = (struct gate){0};
    pthread_mutex_init(&gate->lock, NULL);
    pthread_cond_init(&gate->changed, NULL);
    return gate;
}

static void pass(struct gate *gate, char letter)
{
    pthread_mutex_lock(&gate->lock);
    gate->log[gate->started++] = letter;
    pthread_cond_broadcast(&gate->changed);
    while (!gate->permits[(int)letter]) pthread_cond_wait(&gate->changed, &gate->lock);
    gate->permits[(int)letter]--;
    pthread_mutex_unlock(&gate->lock);
}

static void permit(struct gate *gate, char letter, uint32_t n)
{
    pthread_mutex_lock(&gate->lock);
    gate->permits[(int)letter] += n;
    pthread_cond_broadcast(&gate->changed);
    pthread_mutex_unlock(&gate->lock);
}

static void await_started(struct gate *gate, uint32_t n)
{
    pthread_mutex_lock(&gate->lock);
    while (gate->started < n) pthread_cond_wait(&gate->changed, &gate->lock);
    pthread_mutex_unlock(&gate->lock);
}

/* A job on a thread of its own: `parts` tasks that pass the gate. */
struct submit {
    struct hr_context *ctx;
    struct gate *gate;
    char letter;
    uint32_t parts;
    const char *pool, *group;
    pthread_t thread;
    uint64_t rows;
    hr_status status;
    struct hr_err err;
};

static hr_status gated(void *arg, uint32_t partition, struct hr_rows *in, struct hr_emitter *out,
                       struct hr_err *err)
{
    struct submit *s = arg;
    (void)partition, (void)err;
    pass(s->gate, s->letter);
    for (const struct hr_row *row; (row = hr_rows_next(in));) hr_emit_row(out, row);
    return 0;
}

static void *submit_main(void *arg)
{
    struct submit *s = arg;
    if (s->pool) HR_EXPECT_OK(hr_context_set_pool(s->ctx, s->pool, &s->err));
    if (s->group) HR_EXPECT_OK(hr_context_set_job_group(s->ctx, s->group, "a text", &s->err));
    struct hr_rdd *rdd = hr_rdd_map_partitions(hr_range(s->ctx, 0, 2000, 1, s->parts, &s->err),
                                               "id LONG", gated, s, &s->err);
    s->status = hr_rdd_count(rdd, &s->rows, &s->err);
    return NULL;
}

/* Returns when its tasks are queued (or run). */
static void submit(struct submit *s)
{
    struct hr_job_status jobs[16];
    uint32_t before = hr_context_jobs(s->ctx, jobs, 16);
    pthread_create(&s->thread, NULL, submit_main, s);
    while (hr_context_jobs(s->ctx, jobs, 16) == before) usleep(100);
}

static void finished(struct submit *s)
{
    pthread_join(s->thread, NULL);
    HR_EXPECT_OK(s->status);
    HR_EXPECT_EQ_U64(s->rows, 2000);
}

static struct hr_context *context_new(uint32_t threads, enum hr_scheduling scheduling)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = threads, .scheduling = scheduling};
    struct hr_context *ctx = hr_context_new(&o, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

HR_TEST(fifo_serves_the_first_job_first)
{
    struct hr_context *ctx = context_new(1, HR_FIFO);
    struct gate *gate = gate_new();
    struct submit a = {.ctx = ctx, .gate = gate, .letter = 'a', .parts = 3};
    struct submit b = {.ctx = ctx, .gate = gate, .letter = 'b', .parts = 3, .pool = "above"};
    struct submit c = {.ctx = ctx, .gate = gate, .letter = 'c', .parts = 2};
    submit(&a);
    await_started(gate, 1);
    submit(&b);
    submit(&c);
    permit(gate, 'c', 2);
    permit(gate, 'b', 3);
    permit(gate, 'a', 3);
    finished(&a);
    finished(&b);
    finished(&c);
    HR_EXPECT_EQ_STR(gate->log, "aaabbbcc");
    hr_context_free(ctx);
}

HR_TEST(a_later_job_gets_what_the_first_one_leaves)
{
    struct hr_context *ctx = context_new(2, HR_FIFO);
    struct gate *gate = gate_new();
    struct submit a = {.ctx = ctx, .gate = gate, .letter = 'a', .parts = 1};
    struct submit b = {.ctx = ctx, .gate = gate, .letter = 'b', .parts = 3};
    submit(&a);
    await_started(gate, 1);
    submit(&b);
    await_started(gate, 2);
    permit(gate, 'b', 3);
    finished(&b); /* while a holds its slot */
    permit(gate, 'a', 1);
    finished(&a);
    HR_EXPECT_EQ_STR(gate->log, "abbb");
    hr_context_free(ctx);
}

/* All slots are held; then one after the other gets free, and the log says who takes it. */
static void fill(struct submit *hold, uint32_t slots)
{
    hold->letter = 'H';
    hold->parts = slots;
    hold->pool = "hold";
    submit(hold);
    await_started(hold->gate, slots);
}

static void free_slots(struct gate *gate, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        uint32_t before = gate->started;
        permit(gate, 'H', 1);
        await_started(gate, before + 1);
    }
}

HR_TEST(pools_share_by_weight)
{
    struct hr_context *ctx = context_new(4, HR_FAIR);
    struct gate *gate = gate_new();
    HR_EXPECT_OK(
        hr_context_add_pool(ctx, &(struct hr_pool_options){.name = "b", .weight = 3}, NULL));
    struct submit hold = {.ctx = ctx, .gate = gate};
    struct submit a = {.ctx = ctx, .gate = gate, .letter = 'a', .parts = 6, .pool = "a"};
    struct submit b = {.ctx = ctx, .gate = gate, .letter = 'b', .parts = 9, .pool = "b"};
    fill(&hold, 4);
    submit(&a);
    submit(&b);
    free_slots(gate, 4); /* 0/1 and 0/3: the name; then b until it has three for a's one */
    HR_EXPECT_EQ_STR(gate->log, "HHHHabbb");
    permit(gate, 'b', 1);
    await_started(gate, 9);
    permit(gate, 'a', 1);
    await_started(gate, 10);
    permit(gate, 'b', 1);
    await_started(gate, 11);
    HR_EXPECT_EQ_STR(gate->log, "HHHHabbbbab");
    permit(gate, 'a', 5);
    permit(gate, 'b', 7);
    finished(&a);
    finished(&b);
    finished(&hold);
    hr_context_free(ctx);
}

HR_TEST(minimum_shares_come_first)
{
    struct hr_context *ctx = context_new(6, HR_FAIR);
    struct gate *gate = gate_new();
    struct hr_pool_options a = {.name = "a", .weight = 100}, m = {.name = "m", .min_share = 3},
                           n = {.name = "n", .min_share = 1};
    HR_EXPECT_OK(hr_context_add_pool(ctx, &a, NULL));
    HR_EXPECT_OK(hr_context_add_pool(ctx, &m, NULL));
    HR_EXPECT_OK(hr_context_add_pool(ctx, &n, NULL));
    struct submit hold = {.ctx = ctx, .gate = gate};
    struct submit ja = {.ctx = ctx, .gate = gate, .letter = 'a', .parts = 4, .pool = "a"};
    struct submit jm = {.ctx = ctx, .gate = gate, .letter = 'm', .parts = 4, .pool = "m"};
    struct submit jn = {.ctx = ctx, .gate = gate, .letter = 'n', .parts = 4, .pool = "n"};
    fill(&hold, 6);
    submit(&ja);
    submit(&jn);
    submit(&jm);
    free_slots(gate, 6); /* m 0/3, n 0/1: the name; m 1/3, n 0/1; m 1/3, m 2/3; a by its weight */
    HR_EXPECT_EQ_STR(gate->log, "HHHHHHmnmmaa");
    permit(gate, 'a', 4);
    permit(gate, 'm', 4);
    permit(gate, 'n', 4);
    finished(&ja);
    finished(&jm);
    finished(&jn);
    finished(&hold);
    hr_context_free(ctx);
}

HR_TEST(jobs_of_one_pool_by_its_own_mode)
{
    for (int fair = 0; fair < 2; fair++) {
        struct hr_context *ctx = context_new(4, HR_FAIR);
        struct gate *gate = gate_new();
        struct hr_pool_options p = {.name = "p", .scheduling = fair ? HR_FAIR : HR_FIFO};
        HR_EXPECT_OK(hr_context_add_pool(ctx, &p, NULL));
        struct submit hold = {.ctx = ctx, .gate = gate};
        struct submit x = {.ctx = ctx, .gate = gate, .letter = 'x', .parts = 4, .pool = "p"};
        struct submit y = {.ctx = ctx, .gate = gate, .letter = 'y', .parts = 4, .pool = "p"};
        fill(&hold, 4);
        submit(&x);
        submit(&y);
        free_slots(gate, 4);
        HR_EXPECT_EQ_STR(gate->log, fair ? "HHHHxyxy" : "HHHHxxxx");
        permit(gate, 'x', 4);
        permit(gate, 'y', 4);
        finished(&x);
        finished(&y);
        finished(&hold);
        hr_context_free(ctx);
    }
}

/* Slots are a bound: with three callers and two threads never more than two tasks run. */
HR_TEST(callers_do_not_go_beyond_the_slots)
{
    struct hr_context *ctx = context_new(2, HR_FAIR);
    struct gate *gate = gate_new();
    struct submit jobs[3];
    for (uint32_t i = 0; i < 3; i++) {
        jobs[i] = (struct submit){
            .ctx = ctx, .gate = gate, .letter = (char)('a' + i), .parts = 2, .pool = "p"};
        submit(&jobs[i]);
    }
    await_started(gate, 2);
    struct hr_job_status status[3];
    HR_EXPECT_EQ_U64(hr_context_jobs(ctx, status, 3), 3);
    HR_EXPECT_EQ_U64(status[0].running + status[1].running + status[2].running, 2);
    HR_EXPECT_EQ_U64(status[0].tasks_left + status[1].tasks_left + status[2].tasks_left, 6);
    for (uint32_t i = 0; i < 3; i++) permit(gate, (char)('a' + i), 2);
    for (uint32_t i = 0; i < 3; i++) finished(&jobs[i]);
    hr_context_free(ctx);
}

/* --- Facts ------------------------------------------------------------------------------------ */

static hr_status keyed(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(row, 0) % 10);
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return 0;
}

static void *counts_main(void *arg)
{
    struct submit *s = arg;
    struct hr_rdd *in = hr_rdd_map_partitions(hr_range(s->ctx, 0, 2000, 1, s->parts, &s->err),
                                              "id LONG", gated, s, &s->err);
    struct hr_rdd *pairs = hr_rdd_map(in, "k LONG, n LONG", keyed, NULL, &s->err);
    HR_EXPECT_OK(hr_context_set_pool(s->ctx, "reports", &s->err));
    HR_EXPECT_OK(hr_context_set_job_group(s->ctx, "nightly", "counts by digit", &s->err));
    s->status =
        hr_rdd_count(hr_rdd_reduce_by_key(pairs, hr_sum, NULL, 2, &s->err), &s->rows, &s->err);
    return NULL;
}

HR_TEST(what_runs_can_be_asked)
{
    struct hr_context *ctx = context_new(1, HR_FIFO);
    struct gate *gate = gate_new();
    struct submit s = {.ctx = ctx, .gate = gate, .letter = 's', .parts = 3};
    struct hr_job_status status[2];
    HR_EXPECT_EQ_U64(hr_context_jobs(ctx, status, 2), 0);
    pthread_create(&s.thread, NULL, counts_main, &s);
    await_started(gate, 1);
    permit(gate, 's', 1);
    await_started(gate, 2); /* one is done, one runs, one waits, and two behind the shuffle */
    HR_EXPECT_EQ_U64(hr_context_jobs(ctx, status, 2), 1);
    HR_EXPECT_EQ_STR(status[0].pool, "reports");
    HR_EXPECT_EQ_STR(status[0].group, "nightly");
    HR_EXPECT_EQ_STR(status[0].description, "counts by digit");
    HR_EXPECT_EQ_U64(status[0].id, 1);
    HR_EXPECT_EQ_U64(status[0].tasks_done, 1);
    HR_EXPECT_EQ_U64(status[0].tasks_left, 4);
    HR_EXPECT_EQ_U64(status[0].running, 1);
    HR_EXPECT_EQ_U64(status[0].stages_left, 2);
    HR_EXPECT_EQ_U64(status[0].stages_done, 0);
    permit(gate, 's', 2);
    pthread_join(s.thread, NULL);
    HR_EXPECT_OK(s.status);
    HR_EXPECT_EQ_U64(s.rows, 10);
    HR_EXPECT_EQ_U64(hr_context_jobs(ctx, status, 2), 0);
    hr_context_free(ctx);
}

/* --- Settings --------------------------------------------------------------------------------- */

struct inner {
    struct hr_context *ctx;
    struct hr_job_status seen[4]; /* by partition: the inner job */
    hr_status set_in_task;
    uint64_t rows;
};

static hr_status look(void *arg, uint32_t partition, struct hr_rows *rows, struct hr_err *err)
{
    struct inner *inner = arg;
    struct hr_job_status jobs[4];
    (void)rows, (void)err;
    if (hr_context_jobs(inner->ctx, jobs, 4) >= 2) inner->seen[partition] = jobs[1];
    return 0;
}

static hr_status start_inner(void *arg, uint32_t partition, struct hr_rows *rows,
                             struct hr_err *err)
{
    struct inner *inner = arg;
    struct hr_err ignored = {0};
    (void)partition, (void)rows;
    inner->set_in_task = hr_context_set_pool(inner->ctx, "other", &ignored);
    hr_context_clear_job_group(inner->ctx);
    return hr_rdd_foreach_partition(hr_range(inner->ctx, 0, 4000, 1, 4, err), look, inner, err);
}

/* One thread: the inner job has no slot but that of its task. */
HR_TEST(a_job_inside_of_a_task_has_its_settings)
{
    for (uint32_t threads = 1; threads <= 3; threads++) {
        struct hr_context *ctx = context_new(threads, HR_FAIR);
        struct hr_err err = {0};
        struct inner inner = {.ctx = ctx};
        HR_EXPECT_OK(hr_context_set_pool(ctx, "mine", &err));
        HR_EXPECT_OK(hr_context_set_job_group(ctx, "group", NULL, &err));
        HR_EXPECT_OK(hr_rdd_foreach_partition(hr_range(ctx, 0, 2000, 1, 1, &err), start_inner,
                                              &inner, &err));
        for (int i = 0; i < 4; i++) {
            HR_EXPECT_EQ_STR(inner.seen[i].pool, "mine");
            HR_EXPECT_EQ_STR(inner.seen[i].group, "group");
            HR_EXPECT_EQ_STR(inner.seen[i].description, "foreach");
        }
        HR_EXPECT_TRUE(inner.set_in_task != 0);
        hr_context_free(ctx);
    }
}

HR_TEST(settings_belong_to_thread_and_context)
{
    struct hr_context *one = context_new(1, HR_FAIR), *two = context_new(1, HR_FAIR);
    struct gate *gate = gate_new();
    struct hr_err err = {0};
    HR_EXPECT_OK(hr_context_set_pool(one, "p", &err));
    HR_EXPECT_OK(hr_context_set_job_group(one, "g", "text", &err));
    struct submit s = {.ctx = one, .gate = gate, .letter = 's', .parts = 1};
    struct submit t = {.ctx = two, .gate = gate, .letter = 't', .parts = 1, .pool = "q"};
    submit(&s);
    submit(&t);
    struct hr_job_status status[2];
    HR_EXPECT_EQ_U64(hr_context_jobs(one, status, 1), 1);
    HR_EXPECT_EQ_U64(hr_context_jobs(two, status + 1, 1), 1);
    HR_EXPECT_EQ_STR(status[0].pool, "default"); /* not this thread's */
    HR_EXPECT_EQ_STR(status[0].group, "");
    HR_EXPECT_EQ_STR(status[0].description, "count");
    HR_EXPECT_EQ_STR(status[1].pool, "q");
    permit(gate, 's', 1);
    permit(gate, 't', 1);
    finished(&s);
    finished(&t);
    HR_EXPECT_EQ_I64(hr_context_add_pool(one, &(struct hr_pool_options){.weight = 2}, &err),
                     err.code);
    HR_EXPECT_EQ_STR(err.msg, "a pool without a name");
    hr_context_free(one);
    hr_context_free(two);
}

/* --- Cancelling ------------------------------------------------------------------------------- */

struct endless {
    struct hr_context *ctx;
    const char *group;
    int64_t rows;
    bool *seen; /* shared with workers */
    struct hr_err err;
    hr_status status;
    uint64_t count;
    pthread_t thread;
};

static bool note(void *arg, const struct hr_row *row)
{
    struct endless *e = arg;
    (void)row;
    __atomic_store_n(e->seen, true, __ATOMIC_RELAXED);
    return true;
}

static void *endless_main(void *arg)
{
    struct endless *e = arg;
    HR_EXPECT_OK(hr_context_set_job_group(e->ctx, e->group, NULL, &e->err));
    struct hr_rdd *rdd =
        hr_rdd_filter(hr_range(e->ctx, 0, e->rows, 1, 2, &e->err), note, e, &e->err);
    e->status = hr_rdd_count(rdd, &e->count, &e->err);
    return NULL;
}

static void cancel_one_group(uint32_t executors)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2, .executors = executors, .scheduling = HR_FAIR};
    struct hr_context *ctx = hr_context_new(&o, &err);
    bool *seen = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct endless bad = {.ctx = ctx, .group = "bad", .rows = INT64_MAX, .seen = seen};
    struct endless good = {.ctx = ctx, .group = "good", .rows = 100000, .seen = seen + 1};
    pthread_create(&bad.thread, NULL, endless_main, &bad);
    while (!__atomic_load_n(seen, __ATOMIC_RELAXED)) usleep(100);
    pthread_create(&good.thread, NULL, endless_main, &good);
    hr_context_cancel_job_group(ctx, "nobody's");
    hr_context_cancel_job(ctx, 1000);
    HR_EXPECT_TRUE(hr_context_jobs(ctx, NULL, 0) >= 1);
    hr_context_cancel_job_group(ctx, "bad");
    pthread_join(bad.thread, NULL);
    pthread_join(good.thread, NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&bad.err), "HR_CANCELLED");
    HR_EXPECT_EQ_STR(good.err.msg, "");
    HR_EXPECT_EQ_U64(good.count, 100000);
    HR_EXPECT_TRUE(waitpid(-1, NULL, WNOHANG) < 0); /* no worker is left */
    hr_context_free(ctx);
}

HR_TEST(cancelling_a_group)
{
    cancel_one_group(0);
}

HR_TEST(cancelling_a_group_with_executors)
{
    cancel_one_group(2);
}

/* The caller is in a task itself, so that nobody but the canceller can tell it. */
HR_TEST(cancelling_a_job_on_its_callers_thread)
{
    struct hr_context *ctx = context_new(1, HR_FIFO);
    bool seen = false;
    struct endless e = {.ctx = ctx, .group = "e", .rows = INT64_MAX, .seen = &seen};
    pthread_create(&e.thread, NULL, endless_main, &e);
    while (!__atomic_load_n(&seen, __ATOMIC_RELAXED)) usleep(100);
    struct hr_job_status status;
    HR_EXPECT_EQ_U64(hr_context_jobs(ctx, &status, 1), 1);
    hr_context_cancel_job(ctx, status.id);
    pthread_join(e.thread, NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&e.err), "HR_CANCELLED");
    hr_context_free(ctx);
}
