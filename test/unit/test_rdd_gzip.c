/* SPDX-License-Identifier: Apache-2.0 */
/* Text files packed by gzip: written, read back, read by gzip itself; damaged and cut ones. */
#include <headrace/headrace.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/env.h"
#include "base/gzip.h"
#include "hr_config.h"
#include "hr_test.h"

#if HR_HAVE_ZLIB

static struct hr_context *new_context(uint32_t executors)
{
    struct hr_err err = {0};
    struct hr_context_options options = {
        .threads = 2, .executors = executors * 2, .default_parallelism = 3};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

static hr_status line(void *arg, const struct hr_row *row, struct hr_emitter *out,
                      struct hr_err *err)
{
    char text[64];
    (void)arg, (void)err;
    snprintf(text, sizeof text, "line %lld of many", (long long)hr_row_long(row, 0));
    hr_emit_str(out, text);
    hr_emit_end(out);
    return 0;
}

/* Lines 0 … n - 1, in order. */
static void expect_lines(struct hr_rdd *rdd, int64_t n)
{
    struct hr_err err = {0};
    char text[64];
    struct hr_rows *rows = hr_rdd_collect(rdd, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_I64((int64_t)hr_rows_count(rows), n);
    for (int64_t i = 0; i < n; i++) {
        const struct hr_row *row = hr_rows_next(rows);
        snprintf(text, sizeof text, "line %lld of many", (long long)i);
        if (!HR_EXPECT_TRUE(row && hr_text_eq(hr_row_str(row, 0), hr_text(text)))) break;
    }
    hr_rows_free(rows);
}

static size_t read_bytes(const char *path, char *to, size_t size)
{
    FILE *f = fopen(path, "rb");
    HR_EXPECT_TRUE(f != NULL);
    size_t n = fread(to, 1, size, f);
    fclose(f);
    return n;
}

static void write_bytes(const char *path, const char *bytes, size_t size)
{
    FILE *f = fopen(path, "wb");
    HR_EXPECT_TRUE(f != NULL && fwrite(bytes, 1, size, f) == size);
    fclose(f);
}

HR_TEST(lines_come_back)
{
    static const uint32_t partitions[] = {1, 2, 8};
    for (size_t i = 0; i < 3; i++) {
        for (uint32_t executors = 0; executors < 2; executors++) {
            struct hr_err err = {0};
            char folder[64] = "/tmp/hr-gzip-XXXXXX", path[128], plain[192];
            uint32_t n = partitions[i];
            HR_ASSERT_TRUE(mkdtemp(folder) != NULL);
            struct hr_context *ctx = new_context(executors);
            struct hr_rdd *lines =
                hr_rdd_map(hr_range(ctx, 0, 100000, 1, n, &err), "s STRING", line, NULL, &err);
            snprintf(path, sizeof path, "%s/out", folder);
            HR_EXPECT_EQ_I64(hr_rdd_save_as_gzip_text_file(lines, path, &err), 0);
            HR_EXPECT_TRUE(hr_rdd_save_as_gzip_text_file(lines, path, &err) != 0);
            HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_EXISTS");
            hr_err_init(&err);
            struct hr_rdd *back = hr_text_file(ctx, path, 100, &err);
            HR_EXPECT_EQ_U64(hr_rdd_partitions(back), n); /* packed files are not cut */
            expect_lines(back, 100000);
            /* beside a plain one */
            snprintf(plain, sizeof plain, "%s/plain", path);
            write_bytes(plain, "line 100000 of many\n", 20);
            expect_lines(hr_text_file(ctx, path, 0, &err), 100001);
            hr_context_free(ctx);
            HR_EXPECT_EQ_I64(hr_env_remove_tree(hr_env_default(), folder, NULL), 0);
        }
    }
}

HR_TEST(several_members_and_damage)
{
    struct hr_err err = {0};
    char folder[64] = "/tmp/hr-gzip-XXXXXX", path[128], bytes[8192];
    struct hr_buf packed = {0};
    HR_ASSERT_TRUE(mkdtemp(folder) != NULL);
    snprintf(path, sizeof path, "%s/a.gz", folder);
    struct hr_context *ctx = new_context(0);
    HR_EXPECT_EQ_I64(hr_gzip_pack("line 0 of many\nline 1 of", 24, &packed, &err), 0);
    HR_EXPECT_EQ_I64(hr_gzip_pack(" many\nline 2 of many", 20, &packed, &err), 0);
    HR_EXPECT_EQ_I64(hr_gzip_pack("", 0, &packed, &err), 0);
    write_bytes(path, packed.ptr, packed.len);
    expect_lines(hr_text_file(ctx, path, 0, &err), 3);
    size_t n = read_bytes(path, bytes, sizeof bytes);
    hr_buf_done(&packed);
    uint32_t failed = 0;
    uint64_t rows;
    for (size_t cut = 0; cut < n; cut++) {
        write_bytes(path, bytes, cut);
        hr_err_init(&err);
        failed += hr_rdd_count(hr_text_file(ctx, path, 0, &err), &rows, &err) != 0;
    }
    HR_EXPECT_EQ_U64(failed, n - 3); /* but empty, and at the ends of the first two members */
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_IO_FATAL");
    for (size_t i = 10; i < n; i++) {
        bytes[i] = (char)(bytes[i] ^ 0x55);
        write_bytes(path, bytes, n);
        hr_err_init(&err);
        /* a byte of a head that says nothing, or an error: never other lines */
        if (hr_rdd_count(hr_text_file(ctx, path, 0, &err), &rows, &err) == 0)
            HR_EXPECT_EQ_U64(rows, 3);
        else
            HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_IO_FATAL");
        bytes[i] = (char)(bytes[i] ^ 0x55);
    }
    hr_context_free(ctx);
    HR_EXPECT_EQ_I64(hr_env_remove_tree(hr_env_default(), folder, NULL), 0);
}

#endif

HR_TEST(names)
{
    HR_EXPECT_TRUE(hr_gzip_named("a.gz") && hr_gzip_named("b/c.txt.gz"));
    HR_EXPECT_TRUE(!hr_gzip_named(".gz") && !hr_gzip_named("a.gzip") && !hr_gzip_named(""));
}
