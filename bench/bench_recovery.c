/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery from a killed worker process: word count over a sliding window of 30 s with batches of
 * 1 s, each task in a worker process. In one batch past the window's first fill a worker is killed
 * with SIGKILL in the middle of its task. Printed as a line of JSON: the median time of an
 * undisturbed batch, that of the batch with the loss, and the tasks that ran again.
 *
 *     bench_recovery [--mib N] [--executors N]
 */
#include <headrace/headrace.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#define RECORD  100
#define SECOND  1000000
#define BATCHES 50
#define VICTIM  40

struct input {
    size_t records;
    int *kills_left; /* shared with the workers */
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Records of ten words of nine letters from a vocabulary of 10 000. */
static hr_status fill(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    const struct input *in = arg;
    uint64_t x = 88172645463325252u;
    (void)err;
    for (size_t r = 0; r < in->records; r++) {
        char record[RECORD + 16];
        for (int w = 0; w < 10; w++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            snprintf(record + (size_t)w * 10, 16, "word%05u ", (unsigned)(x % 10000));
        }
        hr_emit_text(out, (struct hr_text){record, RECORD});
        hr_emit_end(out);
    }
    return 0;
}

static hr_status split(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    const struct input *in = arg;
    struct hr_text line = hr_row_str(row, 0), word;
    (void)err;
    while (hr_text_next_word(&line, &word)) {
        hr_emit_text(out, word);
        hr_emit_long(out, 1);
        hr_emit_end(out);
    }
    /* about the middle of somebody's partition */
    if (*in->kills_left > 0 && line.len == 0 && rand() % 5000 == 0 &&
        __atomic_fetch_sub(in->kills_left, 1, __ATOMIC_RELAXED) > 0)
        kill(getpid(), SIGKILL);
    return 0;
}

static hr_status count_rows(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)time_us;
    return hr_rdd_count(rdd, arg, err);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    size_t mib = 16;
    uint32_t executors = 2;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--mib") == 0)
            mib = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--executors") == 0)
            executors = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else
            return fprintf(stderr, "bench_recovery [--mib N] [--executors N]\n"), 2;
    }
    struct hr_err err = {0};
    struct input in = {mib * 1024 * 1024 / RECORD, mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0)};
    uint64_t words = 0;
    struct hr_context_options o = {
        .executors = executors, .default_parallelism = 4, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *lines = hr_queue_stream(ssc, "value STRING", true, &err);
    struct hr_rdd *rdd = hr_parallelize(ctx, "value STRING", fill, &in, 4, &err);
    struct hr_dstream *pairs = hr_dstream_flat_map(lines, "word STRING, n LONG", split, &in, &err);
    struct hr_dstream *counts = hr_dstream_reduce_by_key_and_window(
        pairs, hr_sum, hr_subtract, NULL, NULL, 30 * (int64_t)SECOND, SECOND, 4, &err);
    hr_status status = hr_dstream_foreach_rdd(counts, count_rows, &words, &err);
    if (status == 0) status = hr_streaming_start(ssc, &err);
    double took[BATCHES];
    struct hr_context_stats before = {0}, usual = {0}, after = {0};
    for (int i = 0; i < BATCHES && status == 0; i++) {
        *in.kills_left = i == VICTIM;
        if (i == VICTIM - 1) hr_context_get_stats(ctx, &before);
        if (i == VICTIM) hr_context_get_stats(ctx, &usual);
        double start = now_s();
        status = hr_queue_push(lines, rdd, &err);
        if (status == 0) status = hr_streaming_step(ssc, &err);
        took[i] = now_s() - start;
        if (i == VICTIM) hr_context_get_stats(ctx, &after);
    }
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    if (status) return fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg), 1;
    double hit = took[VICTIM];
    qsort(took + 31, VICTIM - 31, sizeof *took, by_value); /* the window is full from 30 on */
    double median = took[31 + (VICTIM - 31) / 2];
    printf("{\"name\": \"recovery\", \"words\": %llu, \"batch_ms\": %.1f, \"batch_with_loss_ms\": "
           "%.1f, \"recovery_ms\": %.1f, \"tasks_a_batch\": %llu, \"workers_lost\": %llu, "
           "\"tasks_run_again\": %llu}\n",
           (unsigned long long)words, median * 1e3, hit * 1e3, (hit - median) * 1e3,
           (unsigned long long)(usual.tasks - before.tasks),
           (unsigned long long)(after.lost_workers - usual.lost_workers),
           (unsigned long long)(after.tasks - usual.tasks - (usual.tasks - before.tasks)));
    return 0;
}
