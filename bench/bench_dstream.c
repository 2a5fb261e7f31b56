/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three programs of the D-Streams paper, on 100-byte records and one core: grep (records that
 * match), word count (by key), top-k (the ten most frequent words of a window of 30 batches of a
 * second, by the inverse form). Each batch is read from memory; state, windows and outputs are as
 * in a real stream.
 *
 *     bench_dstream [--mib N] [--batches N] [--threads N]
 *
 * One line of JSON a program: records/s and MB/s of one run, all of it counted.
 */
#include <headrace/headrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORD 100
#define SECOND 1000000

struct input {
    char *bytes;
    size_t records;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Ten words of nine letters from a vocabulary of 10 000, skewed. */
static void make_input(struct input *in, size_t mib)
{
    uint64_t x = 88172645463325252u;
    in->records = mib * 1024 * 1024 / RECORD;
    in->bytes = malloc(in->records * RECORD);
    for (size_t r = 0; in->bytes && r < in->records; r++) {
        char *at = in->bytes + r * RECORD;
        for (int w = 0; w < 10; w++, at += 10) {
            char word[16];
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            snprintf(word, sizeof word, "word%05u ",
                     (unsigned)((x % 10000) * (x >> 32 & 0xff) / 256));
            memcpy(at, word, 10);
        }
    }
}

static hr_status fill(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    const struct input *in = arg;
    (void)err;
    for (size_t r = 0; r < in->records; r++) {
        hr_emit_text(out, (struct hr_text){in->bytes + r * RECORD, RECORD});
        hr_emit_end(out);
    }
    return 0;
}

static bool matches(void *arg, const struct hr_row *row)
{
    struct hr_text t = hr_row_str(row, 0);
    (void)arg;
    return memmem(t.ptr, t.len, "word00042", 9) != NULL;
}

static hr_status split(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    struct hr_text line = hr_row_str(row, 0), word;
    (void)arg, (void)err;
    while (hr_text_next_word(&line, &word)) {
        hr_emit_text(out, word);
        hr_emit_long(out, 1);
        hr_emit_end(out);
    }
    return 0;
}

static hr_status count_rows(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    uint64_t n = 0;
    (void)time_us;
    hr_status status = hr_rdd_count(rdd, &n, err);
    *(uint64_t *)arg += n;
    return status;
}

static hr_status top(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct hr_rows *rows = hr_rdd_top(rdd, 10, "n, word", err);
    (void)time_us;
    *(uint64_t *)arg += hr_rows_count(rows);
    hr_rows_free(rows);
    return rows ? 0 : err->code;
}

static int run(const char *name, const struct input *in, int batches, uint32_t threads)
{
    struct hr_err err = {0};
    uint64_t out = 0;
    struct hr_context_options o = {.threads = threads, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *lines = hr_queue_stream(ssc, "value STRING", true, &err), *ds;
    struct hr_rdd *rdd = hr_parallelize(ctx, "value STRING", fill, (void *)(uintptr_t)in, 0, &err);
    hr_status status;
    if (strcmp(name, "grep") == 0) {
        ds = hr_dstream_filter(lines, matches, NULL, &err);
        status = hr_dstream_foreach_rdd(ds, count_rows, &out, &err);
    } else {
        ds = hr_dstream_flat_map(lines, "word STRING, n LONG", split, NULL, &err);
        if (strcmp(name, "wordcount") == 0)
            status = hr_dstream_foreach_rdd(hr_dstream_reduce_by_key(ds, hr_sum, NULL, 0, &err),
                                            count_rows, &out, &err);
        else
            status = hr_dstream_foreach_rdd(
                hr_dstream_reduce_by_key_and_window(ds, hr_sum, hr_subtract, NULL, NULL,
                                                    30 * (int64_t)SECOND, SECOND, 0, &err),
                top, &out, &err);
    }
    if (status == 0) status = hr_streaming_start(ssc, &err);
    double start = now_s();
    for (int i = 0; i < batches && status == 0; i++) {
        status = hr_queue_push(lines, rdd, &err);
        if (status == 0) status = hr_streaming_step(ssc, &err);
    }
    double took = now_s() - start, records = (double)in->records * batches;
    if (status)
        fprintf(stderr, "%s: %s: %s\n", name, hr_err_class(&err), err.msg);
    else
        printf("{\"name\": \"dstream_%s\", \"records\": %.0f, \"out\": %llu, \"seconds\": %.3f, "
               "\"records_per_s\": %.0f, \"mb_per_s\": %.1f}\n",
               name, records, (unsigned long long)out, took, records / took,
               records * RECORD / took / 1e6);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    return status != 0;
}

int main(int argc, char **argv)
{
    size_t mib = 64;
    int batches = 10;
    uint32_t threads = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--mib") == 0)
            mib = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--batches") == 0)
            batches = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--threads") == 0)
            threads = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else
            return fprintf(stderr, "bench_dstream [--mib N] [--batches N] [--threads N]\n"), 2;
    }
    struct input in;
    make_input(&in, mib);
    if (!in.bytes) return 1;
    const char *programs[] = {"grep", "wordcount", "topk"};
    int failed = 0;
    for (int i = 0; i < 3; i++) failed |= run(programs[i], &in, batches, threads);
    free(in.bytes);
    return failed;
}
