/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parquet: GB/s of one core, of the bytes that a column has in memory (16 a view of a string,
 * without what it points to), and values/s: writing all columns, then reading them one by one.
 *
 *     bench_parquet [million rows [codec]]
 *
 * The file is in TMPDIR, and in the page cache when it is read.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"
#include "column/type_parse.h"
#include "format/format.h"

#define COLUMNS                                                                               \
    "sorted BIGINT, random BIGINT, i INT, nulls INT, d DOUBLE, few BIGINT, key STRING, text " \
    "STRING"

static uint64_t seed = 42;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* a busy machine does not count */
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void check(hr_status status, const struct hr_err *err)
{
    if (!status) return;
    fprintf(stderr, "bench_parquet: %s\n", err->msg);
    exit(1);
}

static struct hr_batch *rows(const struct hr_type *schema, int64_t first)
{
    struct hr_err err = {0};
    uint32_t n = HR_BATCH_ROWS;
    struct hr_batch *b = hr_batch_new(schema, n, NULL);
    for (uint32_t c = 0; c < schema->field_count; c++)
        check(hr_column_alloc(&b->arena, schema->fields[c].type, n, c == 3, &b->columns[c], &err),
              &err);
#define VALUES(c, type) ((type *)(uintptr_t)b->columns[c].values)
    for (uint32_t i = 0; i < n; i++) {
        uint64_t r = hr_splitmix64(&seed);
        VALUES(0, int64_t)[i] = first + i;
        VALUES(1, uint64_t)[i] = r;
        VALUES(2, int32_t)[i] = (int32_t)(r >> 33);
        VALUES(3, int32_t)[i] = (int32_t)(r >> 32);
        if (r % 10 == 0) hr_bit_clear((uint64_t *)(uintptr_t)b->columns[3].validity, i);
        VALUES(4, double)[i] = (double)(r >> 11);
        VALUES(5, int64_t)[i] = (int64_t)(r % 1000) * 1000003;
        char text[40];
        int len = snprintf(text, sizeof text, "a key of some length %u", (unsigned)(r % 1000));
        VALUES(6, struct hr_string)
        [i] = hr_string_make(hr_arena_strndup(&b->arena, text, (size_t)len), (uint32_t)len);
        len = snprintf(text, sizeof text, "%016llx/%08x", (unsigned long long)r, i);
        VALUES(7, struct hr_string)
        [i] = hr_string_make(hr_arena_strndup(&b->arena, text, (size_t)len), (uint32_t)len);
    }
    return b;
}

static void write_file(const struct hr_format_vt *vt, const struct hr_format_args *args, int fd,
                       int64_t count)
{
    struct hr_err err = {0};
    struct hr_encoder *encoder;
    struct hr_buf out = {0};
    double spent = 0, bytes = 0;
    check(vt->encoder_open(args, &encoder, &err), &err);
    check(vt->begin(encoder, &out, &err), &err);
    for (int64_t at = 0; at < count; at += HR_BATCH_ROWS) {
        struct hr_batch *batch = rows(args->schema, at);
        double start = now();
        check(vt->encode(encoder, batch, &out, NULL, &err), &err);
        spent += now() - start;
        bytes += HR_BATCH_ROWS * (8 + 8 + 4 + 4 + 8 + 8 + 16 + 16);
        hr_batch_unref(batch);
        if (out.len && write(fd, out.ptr, out.len) != (ssize_t)out.len) exit(1);
        hr_buf_clear(&out);
    }
    double start = now();
    check(vt->end(encoder, &out, &err), &err);
    spent += now() - start;
    if (write(fd, out.ptr, out.len) != (ssize_t)out.len) exit(1);
    vt->encoder_close(encoder);
    hr_buf_done(&out);
    printf("%-8s %6.2f GB/s\n", "write", bytes / spent / 1e9);
}

static void read_column(const struct hr_format_vt *vt, struct hr_format_args args, int fd,
                        uint32_t column)
{
    struct hr_err err = {0};
    struct stat st;
    struct hr_format_reader *reader;
    double best = 0;
    const struct hr_field *field = &args.schema->fields[column];
    uint64_t count = 0;
    fstat(fd, &st);
    struct hr_format_file file = {
        .env = hr_env_default(), .path = "bench", .fd = fd, .size = st.st_size};
    args.wanted = hr_type_struct(field, 1);
    for (int round = 0; round < 5; round++) {
        double start = now();
        count = 0;
        check(vt->container->reader_open(&args, &file, 0, st.st_size, &reader, &err), &err);
        for (struct hr_batch *batch;; hr_batch_unref(batch)) {
            check(vt->container->next(reader, &batch, &err), &err);
            if (!batch) break;
            count += batch->row_count;
        }
        vt->container->reader_close(reader);
        best = HR_MAX(best, (double)count / (now() - start));
    }
    printf("%-8s %6.2f GB/s %8.0f M values/s\n", field->name,
           best * (double)hr_type_width(field->type) / 1e9, best / 1e6);
}

int main(int argc, char **argv)
{
    struct hr_err err = {0};
    struct hr_arena arena = {0};
    struct hr_options options;
    double millions = 4;
    if (argc > 1 && !hr_parse_f64(hr_sv(argv[1]), &millions)) return 2;
    int64_t count = (int64_t)(millions * 1e6);
    const char *tmp = getenv("TMPDIR");
    const struct hr_format_vt *vt = hr_format_find("parquet");
    struct hr_format_args args = {.options = &options, .batch_rows = HR_BATCH_ROWS, .file = true};
    hr_options_init(&options, &arena);
    check(hr_options_put(&options, "compression", argc > 2 ? argv[2] : "none", &err), &err);
    check(hr_schema_parse(hr_sv(COLUMNS), &args.schema, &err), &err);
    char *name = hr_arena_printf(&arena, "%s/bench_parquet.XXXXXX", tmp ? tmp : "/tmp");
    int fd = mkstemp(name);
    if (fd < 0 || unlink(name)) return 1;
    write_file(vt, &args, fd, count);
    for (uint32_t i = 0; i < args.schema->field_count; i++) read_column(vt, args, fd, i);
    hr_arena_done(&arena);
    return 0;
}
