/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The three programs of the D-Streams paper, on 100-byte records and one core: grep (records that
 * match; grep_batches: the same by whole batches), word count (by key; wordcount_fn: with a reducer
 * in C instead of the ready one), top-k (the ten most frequent words of a window of 30 batches of a
 * second, by the inverse form). Each batch is read from memory; state, windows and outputs are as
 * in a real stream.
 *
 *     bench_dstream [--mib N] [--batches N] [--warm N] [--threads N] [--only PROGRAM]
 *
 * One line of JSON a program: records/s by the clock and by CPU time (user and system, all
 * threads) of --batches batches behind --warm others. The answer, of one batch more that is not
 * counted, is what bench/peers/SparkDStream.java gives for the same input.
 */
#include <headrace/headrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
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

static double cpu_s(void)
{
    struct rusage u;
    getrusage(RUSAGE_SELF, &u);
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
           (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
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

static const struct hr_text wanted = {"word00042", 9};

static bool matches(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_text_contains(hr_row_str(row, 0), wanted);
}

static hr_status select_matches(void *arg, const struct hr_batch_view *in, uint32_t *ret_rows,
                                uint32_t *ret_count, struct hr_err *err)
{
    uint32_t n = 0;
    (void)arg, (void)err;
    for (uint32_t i = 0; i < in->live_count; i++) {
        uint32_t row = in->sel ? in->sel[i] : i;
        ret_rows[n] = row;
        n += hr_text_contains(hr_view_text(in, 0, row), wanted);
    }
    *ret_count = n;
    return 0;
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

static hr_status add(void *arg, const struct hr_row *a, const struct hr_row *b,
                     struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(a, 0) + hr_row_long(b, 0));
    hr_emit_end(out);
    return 0;
}

struct result {
    bool last; /* the batch that gives the answer */
    uint64_t answer;
};

/* FNV-1a of "word,n". */
static uint64_t digest(const struct hr_row *row)
{
    char text[128];
    struct hr_text word = hr_row_str(row, 0);
    int len = snprintf(text, sizeof text, "%.*s,%lld", (int)word.len, word.ptr,
                       (long long)hr_row_long(row, 1));
    uint64_t h = 0xcbf29ce484222325u;
    for (int i = 0; i < len; i++) h = (h ^ (uint8_t)text[i]) * 0x100000001b3u;
    return h;
}

/* The sum of the rows' digests, times their places where rows have places. */
static hr_status add_digests(struct hr_rows *rows, bool ranked, struct result *result,
                             const struct hr_err *err)
{
    uint64_t sum = 0, rank = 1;
    for (const struct hr_row *row; (row = hr_rows_next(rows)); rank++)
        sum += digest(row) * (ranked ? rank : 1);
    hr_rows_free(rows);
    result->answer = sum;
    return rows ? 0 : err->code;
}

static hr_status count_rows(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)time_us;
    return hr_rdd_count(rdd, &((struct result *)arg)->answer, err);
}

static hr_status counts(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct result *result = arg;
    hr_status status = count_rows(arg, rdd, time_us, err);
    if (status || !result->last) return status;
    return add_digests(hr_rdd_collect(rdd, err), false, result, err);
}

static hr_status top(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)time_us;
    return add_digests(hr_rdd_top(rdd, 10, "n, word", err), true, arg, err);
}

static hr_status define(const char *name, struct hr_dstream *lines, struct result *result,
                        struct hr_err *err)
{
    struct hr_dstream *ds;
    if (strcmp(name, "grep") == 0)
        return hr_dstream_foreach_rdd(hr_dstream_filter(lines, matches, NULL, err), count_rows,
                                      result, err);
    if (strcmp(name, "grep_batches") == 0)
        return hr_dstream_foreach_rdd(hr_dstream_filter_batches(lines, select_matches, NULL, err),
                                      count_rows, result, err);
    ds = hr_dstream_flat_map(lines, "word STRING, n LONG", split, NULL, err);
    if (strcmp(name, "topk") == 0)
        return hr_dstream_foreach_rdd(
            hr_dstream_reduce_by_key_and_window(ds, hr_sum, hr_subtract, NULL, NULL,
                                                30 * (int64_t)SECOND, SECOND, 0, err),
            top, result, err);
    ds = hr_dstream_reduce_by_key(ds, strcmp(name, "wordcount_fn") == 0 ? add : hr_sum, NULL, 0,
                                  err);
    return hr_dstream_foreach_rdd(ds, counts, result, err);
}

static hr_status steps(struct hr_streaming *ssc, struct hr_dstream *lines, struct hr_rdd *rdd,
                       int count, struct hr_err *err)
{
    hr_status status = 0;
    for (int i = 0; i < count && status == 0; i++) {
        status = hr_queue_push(lines, rdd, err);
        if (status == 0) status = hr_streaming_step(ssc, err);
    }
    return status;
}

struct options {
    size_t mib;
    int batches, warm;
    uint32_t threads;
    const char *only;
};

static int run(const char *name, const struct input *in, const struct options *options)
{
    struct hr_err err = {0};
    struct result result = {0};
    struct hr_context_options o = {.threads = options->threads, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *lines = hr_queue_stream(ssc, "value STRING", true, &err);
    struct hr_rdd *rdd = hr_parallelize(ctx, "value STRING", fill, (void *)(uintptr_t)in, 0, &err);
    hr_status status = define(name, lines, &result, &err);
    if (status == 0) status = hr_streaming_start(ssc, &err);
    if (status == 0) status = steps(ssc, lines, rdd, options->warm, &err);
    double cpu = cpu_s(), start = now_s();
    if (status == 0) status = steps(ssc, lines, rdd, options->batches, &err);
    double took = now_s() - start, records = (double)in->records * options->batches;
    cpu = cpu_s() - cpu;
    result.last = true;
    if (status == 0) status = steps(ssc, lines, rdd, 1, &err);
    if (status)
        fprintf(stderr, "%s: %s: %s\n", name, hr_err_class(&err), err.msg);
    else
        printf("{\"name\": \"dstream_%s\", \"records\": %.0f, \"answer\": \"%016llx\", "
               "\"seconds\": %.3f, \"cpu_s\": %.3f, \"records_per_s\": %.0f, "
               "\"records_per_cpu_s\": %.0f, \"mb_per_s\": %.1f}\n",
               name, records, (unsigned long long)result.answer, took, cpu, records / took,
               records / cpu, records * RECORD / took / 1e6);
    fflush(stdout);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    return status != 0;
}

static int usage(void)
{
    fprintf(stderr, "bench_dstream [--mib N] [--batches N] [--warm N] [--threads N] "
                    "[--only PROGRAM]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct options o = {.mib = 64, .batches = 10, .threads = 1};
    for (int i = 1; i < argc; i += 2) {
        if (i + 1 == argc) return usage();
        if (strcmp(argv[i], "--mib") == 0)
            o.mib = strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--batches") == 0)
            o.batches = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--warm") == 0)
            o.warm = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--threads") == 0)
            o.threads = (uint32_t)strtoul(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--only") == 0)
            o.only = argv[i + 1];
        else
            return usage();
    }
    struct input in;
    make_input(&in, o.mib);
    if (!in.bytes) return 1;
    const char *programs[] = {"grep", "grep_batches", "wordcount", "wordcount_fn", "topk"};
    int failed = 0, ran = 0;
    for (int i = 0; i < 5; i++) {
        if (o.only && strcmp(o.only, programs[i]) != 0) continue;
        failed |= run(programs[i], &in, &o);
        ran++;
    }
    free(in.bytes);
    return ran ? failed : usage();
}
