/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A receiver of one's own: a reliable one. It stores numbered messages and acknowledges each only
 * when the library keeps it; with a checkpoint folder nothing is lost if the process dies.
 *
 *     custom_receiver [checkpoint folder]
 */
#include <headrace/headrace.h>
#include <stdatomic.h>
#include <stdio.h>

static _Atomic int acknowledged;

static hr_status one_message(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)err;
    hr_emit_long(out, *(int *)arg);
    hr_emit_end(out);
    return 0;
}

static hr_status receive(void *arg, struct hr_receiver *receiver, struct hr_err *err)
{
    (void)arg;
    for (int i = 1; i <= 1000 && !hr_receiver_stopped(receiver); i++) {
        hr_status status = hr_receiver_store(receiver, one_message, &i, err);
        if (status) return status; /* not kept: the source would send it again */
        acknowledged = i;
    }
    return 0;
}

static hr_status print_sum(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct hr_stats stats;
    (void)time_us;
    hr_status status = hr_rdd_stats(rdd, "number", &stats, err);
    if (status == 0 && stats.count) *(double *)arg += stats.sum;
    return status;
}

int main(int argc, char **argv)
{
    struct hr_err err = {0};
    double sum = 0;
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, 100000, &err);
    struct hr_receiver_vt vt = {"numbers", receive, NULL, NULL};
    struct hr_dstream *in = hr_receiver_stream(ssc, "number LONG", &vt, &err);
    hr_status status = hr_dstream_foreach_rdd(in, print_sum, &sum, &err);
    if (status == 0 && argc > 1) status = hr_streaming_checkpoint(ssc, argv[1], &err);
    if (status == 0) status = hr_streaming_start(ssc, &err);
    while (status == 0 && acknowledged < 1000) status = hr_streaming_await(ssc, 20000, NULL, &err);
    if (status == 0) status = hr_streaming_stop(ssc, true, &err);
    if (status)
        fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
    else
        printf("acknowledged %d, sum %.0f\n", acknowledged, sum);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    return status != 0;
}
