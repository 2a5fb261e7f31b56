/* SPDX-License-Identifier: Apache-2.0 */
/* Streams of files: what is new, names with commas and brackets, filters, formats, restarts. */
#include <headrace/headrace.h>
#include <sys/stat.h>

#include "hr_test.h"

#define SECOND 1000000

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[512], temp[512];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    snprintf(temp, sizeof temp, "%s/.%s", dir, name);
    FILE *f = fopen(temp, "w");
    fputs(text, f);
    fclose(f);
    rename(temp, path);
}

struct bench {
    char dir[32], checkpoint[32];
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    char out[1024];   /* the rows of every batch, "; " behind each */
    char names[1024]; /* the files of the last batch, without their folder */
    bool fail;
};

static hr_status note(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct bench *b = arg;
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    (void)time_us;
    if (!rows) return err->code;
    size_t at = strlen(b->out);
    for (const struct hr_row *row; (row = hr_rows_next(rows)); at++) {
        at += hr_row_print(row, b->out + at, sizeof b->out - at - 4);
        b->out[at] = ' ';
        b->out[at + 1] = '\0';
    }
    snprintf(b->out + at, sizeof b->out - at, "; ");
    hr_rows_free(rows);
    return b->fail ? hr_err_fail(err, "broken") : 0;
}

static void submitted(void *arg, const struct hr_batch_info *info)
{
    struct bench *b = arg;
    size_t dir = strlen(b->dir) + 1, at = 0;
    b->names[0] = '\0';
    for (const char *p = info->inputs[0].description; *p;) {
        size_t len = strcspn(p, "\n");
        at += (size_t)snprintf(b->names + at, sizeof b->names - at, "%.*s ", (int)(len - dir),
                               p + dir);
        p += len + (p[len] == '\n');
    }
}

static void make_folders(struct bench *b)
{
    snprintf(b->dir, sizeof b->dir, "/tmp/hr-files-XXXXXX");
    snprintf(b->checkpoint, sizeof b->checkpoint, "/tmp/hr-cp-XXXXXX");
    HR_ASSERT_TRUE(mkdtemp(b->dir) && mkdtemp(b->checkpoint));
}

static void open_bench(struct bench *b, const char *dir, const struct hr_file_stream_spec *spec)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2, .manual_clock = true};
    struct hr_streaming_listener listener = {.arg = b, .on_batch_submitted = submitted};
    b->out[0] = '\0';
    b->fail = false;
    b->ctx = hr_context_new(&o, &err);
    b->ssc = hr_streaming_new(b->ctx, SECOND, &err);
    HR_EXPECT_OK(hr_streaming_checkpoint(b->ssc, b->checkpoint, &err));
    HR_EXPECT_OK(hr_streaming_add_listener(b->ssc, &listener, &err));
    struct hr_dstream *in = hr_file_stream(b->ssc, dir, spec, &err);
    HR_EXPECT_OK(hr_dstream_foreach_rdd(in, note, b, &err));
    HR_EXPECT_OK(hr_streaming_start(b->ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
}

static void close_bench(struct bench *b)
{
    hr_streaming_free(b->ssc);
    hr_context_free(b->ctx);
}

static void step(struct bench *b)
{
    struct hr_err err = {0};
    HR_EXPECT_OK(hr_streaming_step(b->ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
}

HR_TEST(names_are_taken_as_they_are)
{
    struct bench b = {0};
    make_folders(&b);
    write_file(b.dir, "old", "0\n");
    open_bench(&b, b.dir, &(struct hr_file_stream_spec){.new_only = true});
    write_file(b.dir, "a,b.txt", "1\n2\n");
    write_file(b.dir, "x[1]*?.txt", "3\n");
    write_file(b.dir, "_no", "4\n");
    write_file(b.dir, "empty", "");
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "1 2 3 ; ");
    HR_EXPECT_EQ_STR(b.names, "a,b.txt empty x[1]*?.txt ");
    write_file(b.dir, "a,b.txt", "5\n"); /* not new */
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "1 2 3 ; ; ");
    HR_EXPECT_EQ_STR(b.names, "");
    close_bench(&b);
}

static bool is_report(void *arg, const char *path)
{
    return strstr(path, arg) != NULL;
}

HR_TEST(a_filter_and_old_files)
{
    struct bench b = {0};
    char part[] = "report";
    make_folders(&b);
    write_file(b.dir, "_report 1", "1\n");
    write_file(b.dir, "other", "2\n");
    open_bench(&b, b.dir, &(struct hr_file_stream_spec){.filter = is_report, .filter_arg = part});
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "1 ; ");
    close_bench(&b);
}

HR_TEST(json_and_csv)
{
    struct bench b = {0};
    make_folders(&b);
    open_bench(&b, b.dir,
               &(struct hr_file_stream_spec){.format = "json", .schema = "k STRING, n LONG"});
    write_file(b.dir, "a,1.json", "{\"k\":\"x\",\"n\":1}\n{\"n\":2}\n");
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "(x,1) (null,2) ; ");
    close_bench(&b);
    make_folders(&b);
    const char *options[] = {"header", "true", "sep", ";", NULL};
    open_bench(&b, b.dir,
               &(struct hr_file_stream_spec){
                   .format = "csv", .schema = "k STRING, n LONG", .options = options});
    write_file(b.dir, "b.csv", "k;n\ny;3\n");
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "(y,3) ; ");
    close_bench(&b);
}

/* Folders that a glob names, also those that come later; folders within them are not searched. */
HR_TEST(a_glob_of_folders)
{
    struct bench b = {0};
    char path[64], day[64];
    make_folders(&b);
    snprintf(path, sizeof path, "%s/2026-*", b.dir);
    open_bench(&b, path, &(struct hr_file_stream_spec){0});
    step(&b);
    snprintf(day, sizeof day, "%s/2026-01", b.dir);
    mkdir(day, 0777);
    write_file(day, "f", "1\n");
    snprintf(day, sizeof day, "%s/2026-02", b.dir);
    mkdir(day, 0777);
    write_file(day, "f", "2\n");
    snprintf(day, sizeof day, "%s/2026-02/inner", b.dir);
    mkdir(day, 0777);
    write_file(day, "f", "3\n");
    write_file(b.dir, "2026-file", "4\n");
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "; 1 2 ; ");
    HR_EXPECT_EQ_STR(b.names, "2026-01/f 2026-02/f ");
    close_bench(&b);
}

HR_TEST(binary_records)
{
    struct bench b = {0};
    struct hr_err err = {0};
    make_folders(&b);
    open_bench(&b, b.dir, &(struct hr_file_stream_spec){.record_bytes = 3});
    write_file(b.dir, "r", "abcdef");
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "abc def ; ");
    write_file(b.dir, "s", "abcd");
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    HR_EXPECT_TRUE(strstr(err.msg, "/s: 4 bytes are no multiple of 3") != NULL);
    close_bench(&b);
}

/* A folder that was empty at the checkpoint: what comes while the program is away is new. A batch
 * that was cut short is run again with its own files. */
HR_TEST(restarts)
{
    struct bench b = {0};
    struct hr_err err = {0};
    make_folders(&b);
    struct hr_file_stream_spec spec = {.new_only = true};
    open_bench(&b, b.dir, &spec);
    step(&b);
    close_bench(&b);
    write_file(b.dir, "a", "1\n");
    open_bench(&b, b.dir, &spec);
    b.fail = true;
    HR_EXPECT_TRUE(hr_streaming_step(b.ssc, &err) != 0);
    HR_EXPECT_EQ_STR(b.out, "1 ; ");
    close_bench(&b);
    write_file(b.dir, "b", "2\n");
    open_bench(&b, b.dir, &spec);
    step(&b);
    step(&b);
    step(&b);
    HR_EXPECT_EQ_STR(b.out, "1 ; 2 ; ; ");
    close_bench(&b);
}

HR_TEST(what_is_refused)
{
    struct hr_err err = {0};
    struct hr_context *ctx = hr_context_new(NULL, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    struct hr_file_stream_spec spec = {.format = "json"};
    HR_EXPECT_TRUE(hr_file_stream(ssc, "/tmp", &spec, &err) == NULL);
    HR_EXPECT_TRUE(strstr(err.msg, "needs its columns to be given") != NULL);
    spec = (struct hr_file_stream_spec){.format = "nonsense"};
    HR_EXPECT_TRUE(hr_file_stream(ssc, "/tmp", &spec, &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "DATA_SOURCE_NOT_FOUND");
    spec = (struct hr_file_stream_spec){.format = "rate"};
    HR_EXPECT_TRUE(hr_file_stream(ssc, "/tmp", &spec, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "rate is no format of files");
    spec = (struct hr_file_stream_spec){.record_bytes = 2, .format = "text"};
    HR_EXPECT_TRUE(hr_file_stream(ssc, "/tmp", &spec, &err) == NULL);
    HR_EXPECT_TRUE(hr_binary_records_stream(ssc, "/tmp", 0, true, &err) == NULL);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    ctx = hr_context_new(NULL, &err);
    ssc = hr_streaming_new(ctx, SECOND, &err);
    hr_err_init(&err);
    struct hr_dstream *in = hr_text_file_stream(ssc, "/tmp/hr-no-such-folder", true, &err);
    HR_EXPECT_OK(hr_dstream_print(in, 1, &err));
    HR_EXPECT_TRUE(hr_streaming_start(ssc, &err) != 0);
    HR_EXPECT_TRUE(strstr(err.msg, "/tmp/hr-no-such-folder") != NULL);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
}
