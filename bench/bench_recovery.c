/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Recovery: word count over a sliding window of 30 s with batches of 1 s, each task in a worker
 * process. In one batch past the window's first fill a worker is killed with SIGKILL in the middle
 * of its task; in a second run a quarter of all kept blocks and shuffle outputs is lost before a
 * batch, as with a node of a cluster. Each is a line of JSON: the median time of an undisturbed
 * batch, that of the batch with the loss, and the tasks that ran again.
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

#include "rdd/block_store.h"
#include "rdd/shuffle.h"

#define RECORD  100
#define SECOND  1000000
#define BATCHES 50
#define VICTIM  40
#define WINDOW  (30 * (int64_t)SECOND)
/* Of every RDD, whatever the number of workers. */
#define PARTITIONS 4

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

/* What two ways of losing a worker cost. */
enum loss { LOSE_WORKER, LOSE_BLOCKS };

struct run {
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    struct hr_dstream *lines, *reduced; /* reduced: counts of one batch, kept for the window */
    struct hr_rdd *rdd;
    struct input in;
    uint64_t words;
    double took[BATCHES];
    struct hr_context_stats stats[BATCHES + 1]; /* before batch i */
};

static hr_status build(struct run *r, enum loss loss, struct hr_err *err)
{
    r->ssc = hr_streaming_new(r->ctx, SECOND, err);
    r->lines = hr_queue_stream(r->ssc, "value STRING", true, err);
    r->rdd = hr_parallelize(r->ctx, "value STRING", fill, &r->in, PARTITIONS, err);
    struct hr_dstream *pairs =
        hr_dstream_flat_map(r->lines, "word STRING, n LONG", split, &r->in, err);
    struct hr_dstream *counts;
    if (loss == LOSE_WORKER) {
        counts = hr_dstream_reduce_by_key_and_window(pairs, hr_sum, hr_subtract, NULL, NULL, WINDOW,
                                                     SECOND, PARTITIONS, err);
    } else {
        r->reduced = hr_dstream_reduce_by_key(pairs, hr_sum, NULL, PARTITIONS, err);
        counts = hr_dstream_reduce_by_key(hr_dstream_window(r->reduced, WINDOW, SECOND, err),
                                          hr_sum, NULL, PARTITIONS, err);
    }
    hr_status status = hr_dstream_foreach_rdd(counts, count_rows, &r->words, err);
    return status ? status : hr_streaming_start(r->ssc, err);
}

/* What one of four nodes would take with it in the paper's cluster: a quarter of all kept blocks
 * and shuffle outputs of the window. (A worker process of ours takes nothing that is finished.) */
static void lose_blocks(struct run *r)
{
    struct hr_rdd *kept[64];
    int64_t last = hr_streaming_last_batch_us(r->ssc);
    uint32_t n = hr_dstream_slice(r->reduced, last - WINDOW, last, kept, 64);
    for (uint32_t i = 0; i < n; i++) {
        if (kept[i]->blocks) hr_block_store_drop_one(kept[i]->blocks, kept[i]->id, 1);
        for (struct hr_rdd *at = kept[i]; at->dep_count; at = at->deps[0].parent)
            if (at->deps[0].kind == HR_DEP_SHUFFLE) hr_shuffle_lose(at->deps[0].shuffle, 1);
    }
}

static hr_status step(struct run *r, int i, enum loss loss, struct hr_err *err)
{
    *r->in.kills_left = loss == LOSE_WORKER && i == VICTIM;
    if (loss == LOSE_BLOCKS && i == VICTIM) lose_blocks(r);
    hr_context_get_stats(r->ctx, &r->stats[i]);
    double start = now_s();
    hr_status status = hr_queue_push(r->lines, r->rdd, err);
    if (status == 0) status = hr_streaming_step(r->ssc, err);
    r->took[i] = now_s() - start;
    hr_context_get_stats(r->ctx, &r->stats[i + 1]);
    return status;
}

static void report(struct run *r, enum loss loss)
{
    double hit = r->took[VICTIM];
    qsort(r->took + 31, VICTIM - 31, sizeof *r->took, by_value); /* the window is full from 30 on */
    double median = r->took[31 + (VICTIM - 31) / 2];
    const struct hr_context_stats *s = r->stats;
    uint64_t usual = s[VICTIM].tasks - s[VICTIM - 1].tasks;
    printf("{\"name\": \"recovery\", \"lost\": \"%s\", \"words\": %llu, \"batch_ms\": %.1f, "
           "\"batch_with_loss_ms\": %.1f, \"recovery_ms\": %.1f, \"tasks_a_batch\": %llu, "
           "\"workers_lost\": %llu, \"tasks_run_again\": %llu}\n",
           loss == LOSE_WORKER ? "a worker in mid-task" : "a quarter of all blocks",
           (unsigned long long)r->words, median * 1e3, hit * 1e3, (hit - median) * 1e3,
           (unsigned long long)usual,
           (unsigned long long)(s[VICTIM + 1].lost_workers - s[VICTIM].lost_workers),
           (unsigned long long)(s[VICTIM + 1].tasks - s[VICTIM].tasks - usual));
}

static int run(size_t mib, uint32_t executors, enum loss loss)
{
    struct hr_err err = {0};
    struct hr_context_options o = {
        .executors = executors, .default_parallelism = PARTITIONS, .manual_clock = true};
    struct run r = {.ctx = hr_context_new(&o, &err)};
    r.in =
        (struct input){mib * 1024 * 1024 / RECORD, mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                                                        MAP_SHARED | MAP_ANONYMOUS, -1, 0)};
    hr_status status = build(&r, loss, &err);
    uint64_t words = 0;
    for (int i = 0; i < BATCHES && status == 0; i++) {
        status = step(&r, i, loss, &err);
        if (i == 30) words = r.words;
        if (i > 30 && r.words != words) status = hr_err_fail(&err, "a batch has another answer");
    }
    hr_streaming_free(r.ssc);
    hr_context_free(r.ctx);
    if (status) return fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg), 1;
    report(&r, loss);
    return 0;
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
    int failed = run(mib, executors, LOSE_WORKER);
    return failed ? failed : run(mib, executors, LOSE_BLOCKS);
}
