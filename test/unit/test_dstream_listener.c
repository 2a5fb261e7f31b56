/* SPDX-License-Identifier: Apache-2.0 */
/* What listeners are told: the exact sequence of events, and exact delays, by a manual clock that
 * the outputs advance. */
#include <headrace/headrace.h>
#include <pthread.h>
#include <stdarg.h>

#include "hr_test.h"

#define SECOND 1000000

/* The events so far, one word each. Receivers write from threads of their own. */
struct told {
    pthread_mutex_t lock;
    char text[4096];
};

__attribute__((format(printf, 2, 3))) static void tell(struct told *t, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    pthread_mutex_lock(&t->lock);
    size_t at = strlen(t->text);
    vsnprintf(t->text + at, sizeof t->text - at, fmt, args);
    pthread_mutex_unlock(&t->lock);
    va_end(args);
}

/* The text, which is begun anew. */
static const char *taken(struct told *t)
{
    static char copy[sizeof t->text];
    pthread_mutex_lock(&t->lock);
    memcpy(copy, t->text, sizeof copy);
    t->text[0] = '\0';
    pthread_mutex_unlock(&t->lock);
    return copy;
}

static void on_started(void *arg, int64_t time_us)
{
    tell(arg, "streaming@%lld ", (long long)time_us / 1000);
}
static void receiver_event(struct told *t, const char *what, const struct hr_receiver_info *info)
{
    tell(t, "%s(%u,%s,%s,'%s') ", what, info->stream_id, info->name,
         info->active ? "active" : "inactive", info->last_error);
}
static void on_receiver_started(void *arg, const struct hr_receiver_info *info)
{
    receiver_event(arg, "receiver-started", info);
}
static void on_receiver_error(void *arg, const struct hr_receiver_info *info)
{
    receiver_event(arg, "receiver-error", info);
}
static void on_receiver_stopped(void *arg, const struct hr_receiver_info *info)
{
    receiver_event(arg, "receiver-stopped", info);
}
static void on_submitted(void *arg, const struct hr_batch_info *info)
{
    tell(arg, "submitted[");
    for (uint32_t i = 0; i < info->input_count; i++)
        tell(arg, "%s%u:%s=%llu", i ? "," : "", info->inputs[i].stream_id, info->inputs[i].name,
             (unsigned long long)info->inputs[i].rows);
    tell(arg, "]%s ",
         info->processing_delay_us == -1 && !info->output_infos[0].start_us
             ? ""
             : " with figures of the future");
}
static void on_batch_started(void *arg, const struct hr_batch_info *info)
{
    tell(arg, "started(%lld) ", (long long)info->scheduling_delay_us / 1000);
}
static void on_output_started(void *arg, const struct hr_output_info *info)
{
    tell(arg, "output%u@%lld ", info->output, (long long)info->start_us / 1000);
}
static void on_output_completed(void *arg, const struct hr_output_info *info)
{
    tell(arg, "done%u@%lld%s%s ", info->output, (long long)info->end_us / 1000,
         info->error ? ":" : "", info->error ? info->error : "");
}
static void on_completed(void *arg, const struct hr_batch_info *info)
{
    tell(arg, "completed(%lld+%lld=%lld%s%s", (long long)info->scheduling_delay_us / 1000,
         (long long)info->processing_delay_us / 1000, (long long)info->total_delay_us / 1000,
         info->error ? "," : "", info->error ? info->error : "");
    for (uint32_t i = 0; i < info->outputs; i++)
        tell(arg, "|%lld-%lld%s", (long long)info->output_infos[i].start_us / 1000,
             (long long)info->output_infos[i].end_us / 1000,
             info->output_infos[i].error ? "!" : "");
    tell(arg, ") ");
}

/* An output that takes its time, and fails when told so. */
struct work {
    struct hr_context *ctx;
    int64_t takes_us;
    bool fail;
};

static hr_status work(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct work *w = arg;
    uint64_t n;
    (void)time_us;
    hr_context_advance(w->ctx, w->takes_us);
    return w->fail ? hr_err_fail(err, "broken") : hr_rdd_count(rdd, &n, err);
}

/* Stores two rows and fails; the second time one row, and stays. */
struct flaky {
    int starts;
    _Atomic int stored;
};

static hr_status flaky_start(void *arg, struct hr_receiver *receiver, struct hr_err *err)
{
    struct flaky *f = arg;
    bool first = f->starts++ == 0;
    for (int i = 0; i < (first ? 2 : 1); i++) {
        hr_status status = hr_receiver_store_text(receiver, hr_text("x"), err);
        if (status) return status;
        f->stored++;
    }
    if (first) return hr_err_fail(err, "lost the source");
    while (!hr_receiver_stopped(receiver)) usleep(500);
    return 0;
}

struct bench {
    struct told told;
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    struct flaky flaky;
    struct work work[2];
};

static void open_bench(struct bench *b)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 1, .manual_clock = true};
    memset(b, 0, sizeof *b);
    pthread_mutex_init(&b->told.lock, NULL);
    b->ctx = hr_context_new(&o, &err);
    b->ssc = hr_streaming_new(b->ctx, SECOND, &err);
    struct hr_streaming_listener listener = {.arg = &b->told,
                                             .on_streaming_started = on_started,
                                             .on_receiver_started = on_receiver_started,
                                             .on_receiver_error = on_receiver_error,
                                             .on_receiver_stopped = on_receiver_stopped,
                                             .on_batch_submitted = on_submitted,
                                             .on_batch_started = on_batch_started,
                                             .on_batch_completed = on_completed,
                                             .on_output_started = on_output_started,
                                             .on_output_completed = on_output_completed};
    HR_EXPECT_OK(hr_streaming_set(b->ssc, "spark.streaming.receiverRestartDelay", "0", &err));
    HR_EXPECT_OK(hr_streaming_add_listener(b->ssc, &listener, &err));
    b->work[0] = (struct work){.ctx = b->ctx, .takes_us = 250000};
    b->work[1] = (struct work){.ctx = b->ctx, .takes_us = 500000};
}

static void step(struct bench *b)
{
    struct hr_err err = {0};
    HR_EXPECT_OK(hr_streaming_step(b->ssc, &err));
}

HR_TEST(events_come_in_sparks_order)
{
    struct bench b;
    struct hr_err err = {0};
    open_bench(&b);
    struct hr_receiver_vt vt = {"flaky", flaky_start, NULL, &b.flaky};
    struct hr_dstream *queue = hr_queue_stream(b.ssc, "value STRING", true, &err);
    struct hr_dstream *in = hr_receiver_stream(b.ssc, "value STRING", &vt, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(in, work, &b.work[0], &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(queue, work, &b.work[1], &err));
    HR_EXPECT_EQ_I64(hr_streaming_get_state(b.ssc), HR_STREAMING_INITIALIZED);
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    HR_EXPECT_EQ_I64(hr_streaming_get_state(b.ssc), HR_STREAMING_ACTIVE);
    for (int i = 0; i < 10000 && b.flaky.stored < 3; i++) usleep(1000);
    HR_EXPECT_EQ_STR(taken(&b.told), "streaming@0 "
                                     "receiver-started(1,flaky,active,'') "
                                     "receiver-error(1,flaky,active,'lost the source') "
                                     "receiver-stopped(1,flaky,inactive,'lost the source') "
                                     "receiver-started(1,flaky,active,'lost the source') ");
    step(&b);
    HR_EXPECT_EQ_STR(taken(&b.told), "submitted[0:queue=0,1:flaky=3] started(0) "
                                     "output0@1000 done0@1250 output1@1250 done1@1750 "
                                     "completed(0+750=750|1000-1250|1250-1750) ");
    step(&b);
    HR_EXPECT_EQ_STR(taken(&b.told), "submitted[0:queue=0,1:flaky=0] started(0) "
                                     "output0@2000 done0@2250 output1@2250 done1@2750 "
                                     "completed(0+750=750|2000-2250|2250-2750) ");
    b.work[1].fail = true;
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(err.msg, "broken");
    HR_EXPECT_EQ_STR(taken(&b.told), "submitted[0:queue=0,1:flaky=0] started(0) "
                                     "output0@3000 done0@3250 output1@3250 done1@3750:broken "
                                     "completed(0+750=750,broken|3000-3250|3250-3750!) ");
    HR_EXPECT_EQ_I64(hr_streaming_get_state(b.ssc), HR_STREAMING_STOPPED);
    HR_EXPECT_OK(hr_streaming_stop(b.ssc, false, &err));
    HR_EXPECT_EQ_STR(taken(&b.told), "receiver-stopped(1,flaky,inactive,'lost the source') ");
    hr_streaming_free(b.ssc);
    hr_context_free(b.ctx);
}

/* A slow batch makes the ones behind it late, until they have caught up. */
HR_TEST(delays_add_up)
{
    struct bench b;
    struct hr_err err = {0};
    open_bench(&b);
    struct hr_dstream *queue = hr_queue_stream(b.ssc, "value LONG", true, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(queue, work, &b.work[0], &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    taken(&b.told);
    b.work[0].takes_us = 2500000;
    step(&b);
    HR_EXPECT_EQ_STR(taken(&b.told), "submitted[0:queue=0] started(0) output0@1000 done0@3500 "
                                     "completed(0+2500=2500|1000-3500) ");
    b.work[0].takes_us = 250000;
    step(&b);
    HR_EXPECT_EQ_STR(taken(&b.told), "submitted[0:queue=0] started(1500) output0@3500 done0@3750 "
                                     "completed(1500+250=1750|3500-3750) ");
    step(&b);
    HR_EXPECT_EQ_STR(taken(&b.told), "submitted[0:queue=0] started(750) output0@3750 done0@4000 "
                                     "completed(750+250=1000|3750-4000) ");
    step(&b);
    HR_EXPECT_EQ_STR(taken(&b.told), "submitted[0:queue=0] started(0) output0@4000 done0@4250 "
                                     "completed(0+250=250|4000-4250) ");
    hr_streaming_free(b.ssc);
    hr_context_free(b.ctx);
}

/* Output 1 slides by two batches: in the others it is not begun. Outputs behind one that fails are
 * not, either. */
HR_TEST(outputs_that_do_not_run)
{
    struct bench b;
    struct hr_err err = {0};
    open_bench(&b);
    struct hr_dstream *queue = hr_queue_stream(b.ssc, "value LONG", true, &err);
    struct hr_dstream *pairs = hr_dstream_window(queue, 2 * SECOND, 2 * SECOND, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(queue, work, &b.work[0], &err));
    HR_EXPECT_OK(hr_dstream_foreach_rdd(pairs, work, &b.work[1], &err));
    HR_EXPECT_OK(hr_streaming_start(b.ssc, &err));
    taken(&b.told);
    step(&b);
    HR_EXPECT_EQ_STR(taken(&b.told), "submitted[0:queue=0] started(0) output0@1000 done0@1250 "
                                     "completed(0+250=250|1000-1250|0-0) ");
    b.work[0].fail = true;
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(taken(&b.told), "submitted[0:queue=0] started(0) output0@2000 "
                                     "done0@2250:broken "
                                     "completed(0+250=250,broken|2000-2250!|0-0) ");
    hr_streaming_free(b.ssc);
    hr_context_free(b.ctx);
}
