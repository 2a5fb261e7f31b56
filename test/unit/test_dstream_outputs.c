/* SPDX-License-Identifier: Apache-2.0 */
/* Several outputs of a batch: their order, side by side, failures, pools. */
#include <headrace/headrace.h>

#include <pthread.h>

#include "hr_test.h"

/* What happened, as a text; "0<" output 0 began, "0>" it ended, "0!" it failed, "B" batch done. */
struct story {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    char text[128];
    uint32_t inside, most; /* outputs that run now; at the most */
};

static void tell(struct story *story, const char *what, uint32_t number)
{
    char line[8];
    snprintf(line, sizeof line, "%u%s", number, what);
    pthread_mutex_lock(&story->lock);
    size_t at = strlen(story->text);
    snprintf(story->text + at, sizeof story->text - at, "%s", *what == 'B' ? what : line);
    pthread_cond_broadcast(&story->changed);
    pthread_mutex_unlock(&story->lock);
}

static void await_text(struct story *story, const char *part)
{
    pthread_mutex_lock(&story->lock);
    while (!strstr(story->text, part)) pthread_cond_wait(&story->changed, &story->lock);
    pthread_mutex_unlock(&story->lock);
}

/* No lock of its own: the library calls listeners one at a time. */
static void on_started(void *arg, const struct hr_output_info *info)
{
    tell(arg, "<", info->output);
}
static void on_completed(void *arg, const struct hr_output_info *info)
{
    tell(arg, info->error ? "!" : ">", info->output);
}
static void on_batch(void *arg, const struct hr_batch_info *info)
{
    (void)info;
    tell(arg, "B", 0);
}

struct output {
    struct story *story;
    const char *wait_for; /* before it ends */
    bool fails;
    uint64_t rows;
};

static hr_status run(void *arg, struct hr_rdd *rdd, int64_t time, struct hr_err *err)
{
    struct output *o = arg;
    uint64_t n = 0;
    (void)time;
    pthread_mutex_lock(&o->story->lock);
    if (++o->story->inside > o->story->most) o->story->most = o->story->inside;
    pthread_mutex_unlock(&o->story->lock);
    if (o->wait_for) await_text(o->story, o->wait_for);
    hr_status status = hr_rdd_count(rdd, &n, err);
    pthread_mutex_lock(&o->story->lock);
    o->rows += n;
    o->story->inside--;
    pthread_mutex_unlock(&o->story->lock);
    return o->fails ? hr_err_fail(err, "no output") : status;
}

struct program {
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    struct hr_dstream *in;
    struct story story;
};

static void program_init(struct program *p, const char *concurrent)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2, .manual_clock = true, .scheduling = HR_FAIR};
    *p = (struct program){.ctx = hr_context_new(&o, &err)};
    pthread_mutex_init(&p->story.lock, NULL);
    pthread_cond_init(&p->story.changed, NULL);
    p->ssc = hr_streaming_new(p->ctx, 1000000, &err);
    p->in = hr_queue_stream(p->ssc, "value LONG", true, &err);
    HR_EXPECT_OK(hr_streaming_add_listener(p->ssc,
                                           &(struct hr_streaming_listener){
                                               .arg = &p->story,
                                               .on_output_started = on_started,
                                               .on_output_completed = on_completed,
                                               .on_batch_completed = on_batch,
                                           },
                                           &err));
    if (concurrent)
        HR_EXPECT_OK(hr_streaming_set(p->ssc, "spark.streaming.concurrentJobs", concurrent, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
}

static void program_push(struct program *p, size_t rows)
{
    static const int64_t values[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    struct hr_err err = {0};
    HR_EXPECT_OK(hr_queue_push(p->in, hr_parallelize_longs(p->ctx, values, rows, 2, &err), &err));
}

static void program_done(struct program *p)
{
    hr_streaming_free(p->ssc);
    hr_context_free(p->ctx);
}

HR_TEST(outputs_run_in_order)
{
    struct program p;
    struct hr_err err = {0};
    program_init(&p, NULL);
    struct output o[3] = {{&p.story}, {&p.story}, {&p.story}};
    for (int i = 0; i < 3; i++) HR_EXPECT_OK(hr_dstream_foreach_rdd(p.in, run, &o[i], &err));
    program_push(&p, 3);
    program_push(&p, 5);
    HR_EXPECT_OK(hr_streaming_start(p.ssc, &err));
    HR_EXPECT_OK(hr_streaming_step(p.ssc, &err));
    HR_EXPECT_OK(hr_streaming_step(p.ssc, &err));
    HR_EXPECT_EQ_STR(p.story.text, "0<0>1<1>2<2>B0<0>1<1>2<2>B");
    HR_EXPECT_EQ_U64(p.story.most, 1);
    for (int i = 0; i < 3; i++) HR_EXPECT_EQ_U64(o[i].rows, 8);
    program_done(&p);
}

/* Each of two waits for the beginning of the other; the third comes when one of them is done. */
HR_TEST(outputs_run_side_by_side)
{
    struct program p;
    struct hr_err err = {0};
    program_init(&p, "2");
    struct hr_dstream *window = hr_dstream_window(p.in, 2000000, 0, &err);
    struct output o[4] = {{&p.story, "1<"}, {&p.story, "0<"}, {&p.story}, {&p.story}};
    HR_EXPECT_OK(hr_dstream_foreach_rdd(p.in, run, &o[0], &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(window, run, &o[1], &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(window, run, &o[2], &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(p.in, run, &o[3], &err));
    program_push(&p, 3);
    program_push(&p, 5);
    HR_EXPECT_OK(hr_streaming_start(p.ssc, &err));
    for (int batch = 0; batch < 2; batch++) {
        p.story.text[0] = '\0';
        HR_EXPECT_OK(hr_streaming_step(p.ssc, &err));
        HR_EXPECT_EQ_U64(strlen(p.story.text), 4 * 4 + 1);
        HR_EXPECT_EQ_I64(p.story.text[16], 'B');
        static const char *const events[] = {"0<", "0>", "1<", "1>", "2<", "2>", "3<", "3>"};
        for (int i = 0; i < 8; i++) HR_EXPECT_TRUE(strstr(p.story.text, events[i]) != NULL);
    }
    HR_EXPECT_EQ_U64(p.story.most, 2);
    HR_EXPECT_EQ_U64(o[0].rows, 3 + 5);
    HR_EXPECT_EQ_U64(o[1].rows, 3 + 8);
    HR_EXPECT_EQ_U64(o[2].rows, 3 + 8);
    HR_EXPECT_EQ_U64(o[3].rows, 3 + 5);
    program_done(&p);
}

HR_TEST(a_failing_output_waits_for_those_beside_it)
{
    struct program p;
    struct hr_err err = {0};
    program_init(&p, "2");
    struct output o[3] = {{&p.story, "1!"}, {&p.story, "0<", true}, {&p.story}};
    for (int i = 0; i < 3; i++) HR_EXPECT_OK(hr_dstream_foreach_rdd(p.in, run, &o[i], &err));
    program_push(&p, 3);
    HR_EXPECT_OK(hr_streaming_start(p.ssc, &err));
    HR_EXPECT_TRUE(hr_streaming_step(p.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_USER_FUNCTION");
    HR_EXPECT_EQ_STR(err.msg, "no output");
    HR_EXPECT_TRUE(strstr(p.story.text, "1!0>B") != NULL); /* and the third one did not begin */
    HR_EXPECT_EQ_U64(strlen(p.story.text), 4 * 2 + 1);
    HR_EXPECT_EQ_U64(o[0].rows, 3);
    program_done(&p);
}

/* --- Pools ------------------------------------------------------------------------------------ */

struct look {
    struct hr_context *ctx;
    const char *set_pool;
    struct hr_job_status seen;
};

static hr_status look_at_job(void *arg, const struct hr_row *row, struct hr_err *err)
{
    struct look *l = arg;
    (void)row, (void)err;
    HR_EXPECT_EQ_U64(hr_context_jobs(l->ctx, &l->seen, 1), 1);
    return 0;
}

static hr_status look(void *arg, struct hr_rdd *rdd, int64_t time, struct hr_err *err)
{
    struct look *l = arg;
    (void)time;
    if (l->set_pool) HR_EXPECT_OK(hr_context_set_pool(l->ctx, l->set_pool, err));
    return hr_rdd_foreach(rdd, look_at_job, l, err);
}

HR_TEST(batches_are_in_the_pool_of_the_start)
{
    static const char *const concurrent[] = {"1", "3"};
    for (int c = 0; c < 2; c++) {
        struct program p;
        struct hr_err err = {0};
        program_init(&p, concurrent[c]);
        struct look a = {p.ctx}, b = {p.ctx, "other"};
        HR_EXPECT_OK(hr_dstream_foreach_rdd(p.in, look, &a, &err));
        if (c == 0) HR_EXPECT_OK(hr_dstream_foreach_rdd(p.in, look, &b, &err));
        program_push(&p, 1);
        program_push(&p, 1);
        HR_EXPECT_OK(hr_context_set_pool(p.ctx, "stream", &err));
        HR_EXPECT_OK(hr_streaming_start(p.ssc, &err));
        HR_EXPECT_OK(hr_context_set_pool(p.ctx, "mine", &err));
        HR_EXPECT_OK(hr_context_set_job_group(p.ctx, "my group", "my text", &err));
        for (int batch = 1; batch <= 2; batch++) {
            char text[64];
            HR_EXPECT_OK(hr_streaming_step(p.ssc, &err));
            snprintf(text, sizeof text, "output 0 of batch %d ms", batch * 1000);
            HR_EXPECT_EQ_STR(a.seen.pool, "stream"); /* also after the other output's change */
            HR_EXPECT_EQ_STR(a.seen.group, "");
            HR_EXPECT_EQ_STR(a.seen.description, text);
            if (c == 0) HR_EXPECT_EQ_STR(b.seen.pool, "other");
        }
        struct look own = {p.ctx}; /* the thread has its own settings again */
        HR_EXPECT_OK(hr_rdd_foreach(hr_range(p.ctx, 0, 1, 1, 1, &err), look_at_job, &own, &err));
        HR_EXPECT_EQ_STR(own.seen.pool, "mine");
        HR_EXPECT_EQ_STR(own.seen.group, "my group");
        HR_EXPECT_EQ_STR(own.seen.description, "my text");
        program_done(&p);
    }
}
