/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapWithState over many live keys: the first batch makes --keys keys, each batch after it touches
 * --rows of them at random. Printed as a line of JSON: the median time of such a batch (its
 * checkpoint included) and the bytes that it wrote, without a timeout and with one (that no key
 * reaches: what is measured is the watching).
 *
 *     bench_state --dir FOLDER [--keys N] [--rows N] [--batches N] [--threads N]
 */
#include <headrace/headrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SECOND 1000000

struct load {
    uint64_t rows, keys, seed; /* seed 0: the keys 0 … rows - 1 */
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Bytes this process has handed to write calls. */
static double written(void)
{
    char line[128];
    double bytes = 0;
    FILE *io = fopen("/proc/self/io", "r");
    while (io && fgets(line, sizeof line, io))
        if (strncmp(line, "wchar: ", 7) == 0) bytes = strtod(line + 7, NULL);
    if (io) fclose(io);
    return bytes;
}

static hr_status fill(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    const struct load *load = arg;
    uint64_t x = load->seed;
    (void)err;
    for (uint64_t i = 0; i < load->rows; i++) {
        char key[32];
        x ^= x << 13, x ^= x >> 7, x ^= x << 17;
        snprintf(key, sizeof key, "user-%llu",
                 (unsigned long long)(load->seed ? x % load->keys : i));
        hr_emit_str(out, key);
        hr_emit_long(out, 1);
        hr_emit_end(out);
    }
    return 0;
}

static hr_status count(void *arg, int64_t time_us, const struct hr_row *key,
                       const struct hr_row *value, struct hr_state *state, struct hr_emitter *out,
                       struct hr_err *err)
{
    const struct hr_row *old = hr_state_get(state);
    int64_t n = old ? hr_row_long(old, 0) : 0;
    (void)arg, (void)time_us, (void)err;
    if (value) {
        n += hr_row_long(value, 0);
        struct hr_emitter *update = hr_state_update(state);
        hr_emit_long(update, n);
        hr_emit_end(update);
    }
    hr_emit_field(out, key, 0);
    hr_emit_long(out, n);
    hr_emit_end(out);
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

struct bench {
    struct load all, some;
    int batches;
    uint32_t threads;
    const char *dir;
    double *took, *bytes;
};

static hr_status step(struct hr_streaming *ssc, struct hr_dstream *in, struct load *load,
                      struct hr_err *err)
{
    struct hr_rdd *rdd =
        hr_parallelize(hr_streaming_context(ssc), "user STRING, n LONG", fill, load, 0, err);
    hr_status status = hr_queue_push(in, rdd, err);
    return status ? status : hr_streaming_step(ssc, err);
}

static int run(struct bench *b, const char *name, int64_t timeout_us)
{
    struct hr_err err = {0};
    uint64_t out = 0;
    char dir[4096];
    struct hr_context_options o = {.threads = b->threads, .manual_clock = true};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_dstream *in = hr_queue_stream(ssc, "user STRING, n LONG", true, &err);
    struct hr_state_spec spec = {.state_schema = "n LONG",
                                 .mapped_schema = "user STRING, n LONG",
                                 .fn = count,
                                 .timeout_us = timeout_us};
    struct hr_dstream *mapped = hr_dstream_map_with_state(in, &spec, &err);
    snprintf(dir, sizeof dir, "%s/%s", b->dir, name);
    hr_status status = hr_dstream_foreach_rdd(mapped, count_rows, &out, &err);
    if (status == 0) status = hr_streaming_checkpoint(ssc, dir, &err);
    if (status == 0) status = hr_streaming_start(ssc, &err);
    double start = now_s(), first;
    if (status == 0) status = step(ssc, in, &b->all, &err);
    first = now_s() - start;
    double all = 0, most = 0;
    for (int i = 0; i < b->batches && status == 0; i++) {
        double before = written();
        b->some.seed = (uint64_t)i * 2654435761u + 88172645463325252u;
        start = now_s();
        status = step(ssc, in, &b->some, &err);
        b->took[i] = now_s() - start;
        b->bytes[i] = written() - before;
        all += b->bytes[i];
        if (b->took[i] > most) most = b->took[i];
    }
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    if (status) return fprintf(stderr, "%s: %s: %s\n", name, hr_err_class(&err), err.msg), 1;
    qsort(b->took, (size_t)b->batches, sizeof *b->took, by_value);
    printf("{\"name\": \"%s\", \"keys\": %llu, \"rows_a_batch\": %llu, \"batches\": %d, "
           "\"first_batch_ms\": %.1f, \"batch_ms\": %.2f, \"slowest_batch_ms\": %.2f, "
           "\"checkpoint_kb_a_batch\": %.1f}\n",
           name, (unsigned long long)b->all.rows, (unsigned long long)b->some.rows, b->batches,
           first * 1e3, b->took[b->batches / 2] * 1e3, most * 1e3, all / b->batches / 1e3);
    return 0;
}

int main(int argc, char **argv)
{
    struct bench b = {.all.rows = 1000000, .some.rows = 10000, .batches = 40, .threads = 1};
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--dir") == 0)
            b.dir = argv[i + 1];
        else if (strcmp(argv[i], "--keys") == 0)
            b.all.rows = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--rows") == 0)
            b.some.rows = strtoull(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--batches") == 0)
            b.batches = (int)strtol(argv[i + 1], NULL, 10);
        else if (strcmp(argv[i], "--threads") == 0)
            b.threads = (uint32_t)strtoul(argv[i + 1], NULL, 10);
    }
    if (!b.dir || b.batches < 1 || b.all.rows == 0)
        return fprintf(stderr, "bench_state --dir FOLDER [--keys N] [--rows N] [--batches N] "
                               "[--threads N]\n"),
               2;
    b.some.keys = b.all.rows;
    b.took = calloc((size_t)b.batches, sizeof *b.took);
    b.bytes = calloc((size_t)b.batches, sizeof *b.bytes);
    if (!b.took || !b.bytes) return 1;
    int failed = run(&b, "state", 0);
    failed |= run(&b, "state_timeout", (int64_t)b.batches * 2 * SECOND);
    free(b.took);
    free(b.bytes);
    return failed;
}
