/* SPDX-License-Identifier: Apache-2.0 */
/* Packed text files: written, read back, as Hadoop writes them; damaged and cut ones. */
#include <headrace/headrace.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/env.h"
#include "hr_config.h"
#include "hr_test.h"

#if HR_HAVE_ZLIB && HR_HAVE_BZIP2 && HR_HAVE_ZSTD && HR_HAVE_LZ4 && HR_HAVE_SNAPPY

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
            char folder[64] = "/tmp/hr-packed-XXXXXX", path[128], plain[192];
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

static const char *const codecs[] = {"gzip", "deflate", "bzip2", "zstd", "lz4", "snappy"};

static void pack(const char *codec, const char *text, struct hr_buf *out)
{
    struct hr_err err = {0};
    HR_EXPECT_EQ_I64(hr_codec_pack(hr_codec_find(codec), text, strlen(text), out, &err), 0);
    HR_EXPECT_EQ_STR(err.msg, "");
}

/* Cut anywhere or with a byte changed: an error, or the same lines. */
static void expect_damage_seen(struct hr_context *ctx, const char *path, const char *codec,
                               char *bytes, size_t n)
{
    bool checked = strcmp(codec, "lz4") != 0 && strcmp(codec, "snappy") != 0; /* no sums */
    struct hr_err err = {0};
    uint32_t failed = 0;
    uint64_t rows;
    for (size_t cut = 0; cut < n; cut++) {
        write_bytes(path, bytes, cut);
        hr_err_init(&err);
        failed += hr_rdd_count(hr_text_file(ctx, path, 0, &err), &rows, &err) != 0;
    }
    /* but empty, and at the ends of the first members */
    HR_EXPECT_TRUE(failed == n - 3 || (!checked && failed == n - 2));
    for (size_t i = 10; i < n; i++) {
        bytes[i] = (char)(bytes[i] ^ 0x55);
        write_bytes(path, bytes, n);
        hr_err_init(&err);
        if (hr_rdd_count(hr_text_file(ctx, path, 0, &err), &rows, &err) != 0)
            HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_IO_FATAL");
        else if (checked)
            HR_EXPECT_EQ_U64(rows, 3);
        bytes[i] = (char)(bytes[i] ^ 0x55);
    }
}

HR_TEST(several_members_and_damage)
{
    for (size_t c = 0; c < HR_COUNT(codecs); c++) {
        struct hr_err err = {0};
        char folder[64] = "/tmp/hr-packed-XXXXXX", path[128], bytes[8192];
        struct hr_buf packed = {0};
        HR_ASSERT_TRUE(mkdtemp(folder) != NULL);
        snprintf(path, sizeof path, "%s/a%s", folder, hr_codec_suffix(hr_codec_find(codecs[c])));
        struct hr_context *ctx = new_context(0);
        pack(codecs[c], "line 0 of many\nline 1 of", &packed);
        pack(codecs[c], " many\nline 2 of many", &packed);
        pack(codecs[c], "", &packed);
        write_bytes(path, packed.ptr, packed.len);
        expect_lines(hr_text_file(ctx, path, 0, &err), 3);
        size_t n = read_bytes(path, bytes, sizeof bytes);
        hr_buf_done(&packed);
        expect_damage_seen(ctx, path, codecs[c], bytes, n);
        hr_context_free(ctx);
        HR_EXPECT_EQ_I64(hr_env_remove_tree(hr_env_default(), folder, NULL), 0);
    }
}

HR_TEST(every_codec_both_ways)
{
    for (size_t c = 0; c < HR_COUNT(codecs); c++) {
        struct hr_err err = {0};
        char folder[64] = "/tmp/hr-packed-XXXXXX", path[128];
        HR_ASSERT_TRUE(mkdtemp(folder) != NULL);
        struct hr_context *ctx = new_context(0);
        struct hr_rdd *lines =
            hr_rdd_map(hr_range(ctx, 0, 100000, 1, 2, &err), "s STRING", line, NULL, &err);
        snprintf(path, sizeof path, "%s/out", folder);
        HR_EXPECT_EQ_I64(hr_rdd_save_as_packed_text_file(lines, path, codecs[c], &err), 0);
        HR_EXPECT_EQ_STR(err.msg, "");
        expect_lines(hr_text_file(ctx, path, 100, &err), 100000);
        uint64_t files = 0;
        HR_EXPECT_EQ_I64(hr_rdd_count(hr_whole_text_files(ctx, path, 0, &err), &files, &err), 0);
        HR_EXPECT_EQ_U64(files, 2);
        hr_context_free(ctx);
        HR_EXPECT_EQ_I64(hr_env_remove_tree(hr_env_default(), folder, NULL), 0);
    }
}

/* Written by Hadoop 3.4's codecs: "0\n1\n2\n". */
HR_TEST(hadoop_files)
{
    static const struct {
        const char *name, *bytes;
        size_t len;
    } rows[] = {
        {"a.LZ4", "\0\0\0\6\0\0\0\7\x60" "0\n1\n2\n", 15},
        {"a.Snappy", "\0\0\0\6\0\0\0\x08\6\x14" "0\n1\n2\n", 16},
        {"a.deflate", "\x78\x9c\x33\xe0\x32\xe4\x32\xe2\x02\0\x02\xa8\0\xb2", 14},
        {"a.bz2", "BZh91AY&SY\xbb\x1b\xe1\x40\0\0\x01\xc8\0\0\x10\x70\0\x20\0\x30\xcd\x34\x19"
                  "\xa6\x8e\x5b\xc5\xdc\x91\x4e\x14\x24\x2e\xc6\xf8\x50\0", 43},
    };
    struct hr_err err = {0};
    char folder[64] = "/tmp/hr-packed-XXXXXX", path[128];
    HR_ASSERT_TRUE(mkdtemp(folder) != NULL);
    struct hr_context *ctx = new_context(0);
    for (size_t i = 0; i < HR_COUNT(rows); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, rows[i].name);
        write_bytes(path, rows[i].bytes, rows[i].len);
        struct hr_rows *got = hr_rdd_collect(hr_text_file(ctx, path, 0, &err), &err);
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_EXPECT_EQ_U64(hr_rows_count(got), 3);
        const struct hr_row *first = hr_rows_next(got);
        HR_EXPECT_TRUE(first && hr_text_eq(hr_row_str(first, 0), hr_text("0")));
        hr_rows_free(got);
    }
    hr_context_free(ctx);
    HR_EXPECT_EQ_I64(hr_env_remove_tree(hr_env_default(), folder, NULL), 0);
}

/* The lz4 program's own format: two frames of "0\n" and "1\n", no sums. */
HR_TEST(lz4_frames)
{
    static const char frame[] = "\x04\x22\x4d\x18\x60\x40\x82\x02\0\0\x80" "0\n" "\0\0\0\0";
    struct hr_err err = {0};
    char path[64] = "/tmp/hr-packed-XXXXXX.lz4", bytes[64];
    int fd = mkstemps(path, 4);
    HR_ASSERT_TRUE(fd >= 0);
    close(fd);
    size_t n = sizeof frame - 1;
    memcpy(bytes, frame, n);
    memcpy(bytes + n, frame, n);
    struct hr_context *ctx = new_context(0);
    uint64_t rows = 0;
    write_bytes(path, bytes, 2 * n);
    HR_EXPECT_EQ_I64(hr_rdd_count(hr_text_file(ctx, path, 0, &err), &rows, &err), 0);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_U64(rows, 2);
    write_bytes(path, bytes, 2 * n - 5);
    HR_EXPECT_TRUE(hr_rdd_count(hr_text_file(ctx, path, 0, &err), &rows, &err) != 0);
    hr_context_free(ctx);
    unlink(path);
}

#endif

HR_TEST(refused_by_name_and_by_first_bytes)
{
    static const char *const names[] = {"a.xz", "a.ZIP", "a.lzo", "a.tar.gz", "a.7z", "a.Z"};
    static const struct {
        const char *bytes;
        size_t len;
    } heads[] = {{"\x1f\x8b\x08\0\0", 5},        {"BZh91AY&SYxx", 12},
                 {"\x28\xb5\x2f\xfd", 4},         {"\x04\x22\x4d\x18", 4},
                 {"\xfd" "7zXZ\0", 6},            {"PK\x03\x04", 4},
                 {"\xff\x06\0\0sNaPpY", 10}};
    struct hr_err err = {0};
    char folder[64] = "/tmp/hr-packed-XXXXXX", path[128];
    struct hr_unpack *u = NULL;
    struct hr_env *env = hr_env_default();
    HR_ASSERT_TRUE(mkdtemp(folder) != NULL);
    for (size_t i = 0; i < HR_COUNT(names) + HR_COUNT(heads); i++) {
        bool named = i < HR_COUNT(names);
        size_t head = named ? 0 : i - HR_COUNT(names);
        int fd;
        snprintf(path, sizeof path, "%s/%s", folder, named ? names[i] : "a.txt");
        write_bytes(path, named ? "abc" : heads[head].bytes, named ? 3 : heads[head].len);
        HR_ASSERT_OK(env->vt->open(env, path, HR_OPEN_READ, &fd, &err));
        HR_EXPECT_EQ_I64(hr_unpack_new(env, fd, path, &u, &err), HR_E_NOT_SUPPORTED);
        HR_EXPECT_TRUE(u == NULL);
        HR_ASSERT_OK(env->vt->close(env, fd, &err));
        hr_err_init(&err);
    }
    HR_EXPECT_EQ_I64(hr_env_remove_tree(env, folder, NULL), 0);
}

HR_TEST(names)
{
    HR_EXPECT_TRUE(hr_codec_packs("a.gz") && hr_codec_packs("b/c.txt.GZ"));
    HR_EXPECT_TRUE(hr_codec_packs("a.bz2") && hr_codec_packs("a.Zst") && hr_codec_packs("a.xz"));
    HR_EXPECT_TRUE(!hr_codec_packs(".gz") && !hr_codec_packs("b/.gz") && !hr_codec_packs("a.gzip"));
    HR_EXPECT_TRUE(!hr_codec_packs("") && !hr_codec_packs("a.gz/b"));
    HR_EXPECT_TRUE(hr_codec_find("GZip") && !hr_codec_find("none") && !hr_codec_find("xz"));
}
