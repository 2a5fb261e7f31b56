/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A direct stream for test_kafka_dstream.py, which drives it:
 *
 *     kafka_dstream OUT CHECKPOINT|- TOPICS key=value …
 *
 * Keys that begin with "spark." are settings, "executors" is the context's, "clock=real" runs by
 * itself, others are Kafka parameters. Commands on standard input: "step", "commit" (the offsets of
 * the batches from here on), "rdd TOPIC PARTITION FROM UNTIL", "quit". For each batch a line on
 * standard output, and a file OUT/TIME of its values: written whole, and left alone when the batch
 * is run again (as saveAsTextFiles does).
 */
#include <headrace/headrace.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MAX 64

static const char *out_dir, *params[2 * MAX + 1], *settings[2 * MAX + 1];
static bool commit, real_clock;
static struct hr_context_options options = {.threads = 2, .manual_start_us = 1000000};

static hr_status values_to(const char *path, struct hr_rdd *rdd, uint64_t *ret, struct hr_err *err)
{
    char temp[4096];
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    if (!rows) return err->code;
    *ret = hr_rows_count(rows);
    snprintf(temp, sizeof temp, "%s.tmp", path);
    bool there = access(path, F_OK) == 0;
    FILE *f = fopen(temp, "w");
    for (const struct hr_row *row; f && (row = hr_rows_next(rows));) {
        struct hr_text value = hr_row_str(row, 1);
        fprintf(f, "%.*s\n", (int)value.len, value.ptr);
    }
    hr_rows_free(rows);
    if (!f || fclose(f) || (there ? remove(temp) : rename(temp, path)))
        return hr_err_fail(err, "cannot write %s", path);
    return 0;
}

static hr_status save(void *stream, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct hr_offset_range ranges[MAX];
    uint32_t n = hr_rdd_offset_ranges(rdd, ranges, MAX);
    uint64_t rows;
    char path[4096];
    snprintf(path, sizeof path, "%s/%lld", out_dir, (long long)time_us);
    hr_status status = values_to(path, rdd, &rows, err);
    if (status) return status;
    printf("rows=%llu", (unsigned long long)rows);
    for (uint32_t i = 0; i < n; i++)
        printf(" %s-%d[%lld,%lld)", ranges[i].topic, ranges[i].partition, (long long)ranges[i].from,
               (long long)ranges[i].until);
    printf("\n");
    fflush(stdout);
    return commit ? hr_dstream_commit_offsets(stream, ranges, n, err) : 0;
}

static void told(void *arg, const struct hr_batch_info *info)
{
    (void)arg;
    for (const char *p = info->inputs[0].description; *p; p++)
        fputc(*p == '\t' ? ' ' : *p == '\n' ? ';' : *p, stderr);
    fprintf(stderr, " (%llu)\n", (unsigned long long)info->inputs[0].rows);
}

static hr_status print_rdd(struct hr_context *ctx, const char *line, struct hr_err *err)
{
    char topic[200];
    int partition;
    long long from, until;
    if (sscanf(line, "rdd %199s %d %lld %lld", topic, &partition, &from, &until) != 4)
        return hr_err_fail(err, "bad command: %s", line);
    struct hr_offset_range range = {topic, partition, from, until};
    struct hr_rows *rows = hr_rdd_collect(hr_kafka_rdd(ctx, params, &range, 1, err), err);
    if (!rows) return err->code;
    for (const struct hr_row *row; (row = hr_rows_next(rows));)
        printf("%lld=%.*s ", (long long)hr_row_long(row, 4), (int)hr_row_str(row, 1).len,
               hr_row_str(row, 1).ptr);
    printf("\n");
    fflush(stdout);
    hr_rows_free(rows);
    return 0;
}

static hr_status drive(struct hr_streaming *ssc, struct hr_err *err)
{
    char line[400];
    hr_status status = 0;
    if (real_clock) return hr_streaming_await(ssc, -1, NULL, err);
    while (!status && fgets(line, sizeof line, stdin) && strcmp(line, "quit\n") != 0) {
        if (strcmp(line, "commit\n") == 0)
            commit = true;
        else if (strcmp(line, "step\n") == 0)
            status = hr_streaming_step(ssc, err);
        else
            status = print_rdd(hr_streaming_context(ssc), line, err);
    }
    return status;
}

static void read_arguments(int argc, char **argv)
{
    int params_at = 0, settings_at = 0;
    for (int i = 4; i < argc; i++) {
        char *value = strchr(argv[i], '=');
        if (!value) exit(2);
        *value++ = '\0';
        if (strcmp(argv[i], "executors") == 0) {
            options.executors = (uint32_t)strtoul(value, NULL, 10);
        } else if (strcmp(argv[i], "clock") == 0) {
            real_clock = true;
        } else if (strncmp(argv[i], "spark.", 6) == 0) {
            settings[settings_at++] = argv[i];
            settings[settings_at++] = value;
        } else {
            params[params_at++] = argv[i];
            params[params_at++] = value;
        }
    }
}

int main(int argc, char **argv)
{
    struct hr_err err = {0};
    if (argc < 4) return 2;
    out_dir = argv[1];
    read_arguments(argc, argv);
    options.manual_clock = !real_clock;
    struct hr_context *ctx = hr_context_new(&options, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, real_clock ? 50000 : 1000000, &err);
    for (int i = 0; ssc && settings[i]; i += 2)
        if (hr_streaming_set(ssc, settings[i], settings[i + 1], &err)) goto end;
    struct hr_dstream *in = hr_kafka_direct_stream(ssc, argv[3], params, &err);
    struct hr_streaming_listener listener = {.on_batch_submitted = told};
    hr_status status = in ? hr_streaming_add_listener(ssc, &listener, &err) : err.code;
    if (!status && strcmp(argv[2], "-") != 0) status = hr_streaming_checkpoint(ssc, argv[2], &err);
    if (!status) status = hr_dstream_foreach_rdd(in, save, in, &err);
    if (!status) status = hr_streaming_start(ssc, &err);
    if (!status) drive(ssc, &err);
end:
    if (err.code) printf("%s: %s\n", hr_err_class(&err), err.msg);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    return err.code != 0;
}
