/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object files and checkpoints: what is written is read back exactly, of every type; what is
 * damaged in any byte, cut anywhere or missing is an error by name and never a crash.
 */
#include <headrace/headrace.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/env.h"
#include "base/hash.h"
#include "hr_test.h"
#include "rdd/rdd.h"

static const uint32_t PARTITIONS[] = {1, 2, 8};
#define EACH(n)                                                            \
    for (size_t i_ = 0; i_ < sizeof PARTITIONS / sizeof *PARTITIONS; i_++) \
        for (uint32_t n = PARTITIONS[i_], executors = 0; executors < 2; executors++)

static struct hr_context *new_context(uint32_t executors)
{
    struct hr_err err = {0};
    struct hr_context_options options = {
        .threads = 2, .executors = executors * 2, .default_parallelism = 3};
    struct hr_context *ctx = hr_context_new(&options, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    return ctx;
}

/* A fresh name in a folder of the test's own. */
static char own_folder[64];
static const char *fresh(void)
{
    static char path[128];
    static int n;
    if (!*own_folder) {
        snprintf(own_folder, sizeof own_folder, "/tmp/hr-object-XXXXXX");
        HR_EXPECT_TRUE(mkdtemp(own_folder) != NULL);
    }
    snprintf(path, sizeof path, "%s/%d", own_folder, n++);
    return path;
}

static void remove_all(void)
{
    HR_EXPECT_EQ_I64(hr_env_remove_tree(hr_env_default(), own_folder, NULL), 0);
}

/* All rows printed, one a line, in order. The caller's. */
static char *print_all(struct hr_rdd *rdd, struct hr_err *err)
{
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    size_t len = 0, room = 1 << 20;
    char *out = malloc(room);
    out[0] = '\0';
    for (const struct hr_row *row; rows && (row = hr_rows_next(rows));) {
        len += hr_row_print(row, out + len, room - len);
        HR_EXPECT_TRUE(len + 2 < room);
        out[len++] = '\n';
        out[len] = '\0';
    }
    hr_rows_free(rows);
    return out;
}

static void expect_same(struct hr_rdd *a, struct hr_rdd *b)
{
    struct hr_err err = {0};
    char *x = print_all(a, &err), *y = print_all(b, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_STR(x, y);
    free(x);
    free(y);
    x = hr_rdd_schema(a);
    y = hr_rdd_schema(b);
    HR_EXPECT_EQ_STR(x, y);
    hr_free(x);
    hr_free(y);
}

static const char ALL_TYPES[] =
    "SELECT id, if(id % 3 = 0, NULL, id % 2 = 0) AS b, CAST(id % 100 AS TINYINT) AS t, "
    "CAST(id AS SMALLINT) AS s, CAST(-id AS INT) AS i, CAST(id AS FLOAT) / 3 AS f, "
    "id / 7 AS d, CAST(id AS DECIMAL(30,2)) AS m, if(id % 4 = 0, NULL, 'short') AS a, "
    "repeat(CAST(id AS STRING), 20) AS l, CAST('bytes' AS BINARY) AS y, "
    "date_add(DATE'2020-01-01', CAST(id AS INT)) AS dt, TIMESTAMP'2021-02-03 04:05:06.789' AS ts, "
    "NULL AS nil, array(id, NULL, id + 1) AS arr, if(id % 5 = 0, NULL, array('x', NULL)) AS strs, "
    "map('k', id, 'l', NULL) AS mp, named_struct('p', id, 'q', array(named_struct('r', 'deep'))) "
    "AS st, INTERVAL '3' DAY AS iv FROM range(0, 200)";

HR_TEST(all_types_come_back)
{
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        const char *path = fresh();
        struct hr_rdd *rows = hr_rdd_repartition(hr_sql(ctx, ALL_TYPES, &err), n, &err);
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_EXPECT_EQ_I64(hr_rdd_save_as_object_file(rows, path, &err), 0);
        HR_EXPECT_EQ_STR(err.msg, "");
        struct hr_rdd *back = hr_object_file(ctx, path, &err);
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_EXPECT_EQ_U64(hr_rdd_partitions(back), n);
        expect_same(rows, back);
        hr_context_free(ctx);
    }
    remove_all();
}

static hr_status one_row(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    (void)err;
    hr_emit_str(out, arg ? arg : "a word that is not inlined");
    hr_emit_long(out, 42);
    hr_emit_null(out);
    hr_emit_end(out);
    return 0;
}

static void path_of(char *to, size_t size, const char *folder, const char *name)
{
    snprintf(to, size, "%s/%s", folder, name);
}

HR_TEST(names_keys_and_empty_ones)
{
    struct hr_err err = {0};
    char folder[128], path[192];
    struct hr_context *ctx = new_context(0), *other = new_context(0);
    snprintf(folder, sizeof folder, "%s", fresh());
    struct hr_rdd *rows = hr_parallelize(
        ctx, "`a b` STRING NOT NULL, `c``d` LONG, select ARRAY<INT>", one_row, NULL, 3, &err);
    rows = hr_rdd_with_keys(rows, 2, &err);
    HR_EXPECT_EQ_I64(hr_rdd_save_as_object_file(rows, folder, &err), 0);
    struct hr_rdd *back = hr_object_file(other, folder, &err);
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_EQ_U64(hr_rdd_partitions(back), 3);
    expect_same(rows, back);
    expect_same(hr_rdd_keys(rows, &err), hr_rdd_keys(back, &err)); /* the key is known */
    HR_EXPECT_TRUE(hr_rdd_partitioner(back) == NULL);
    path_of(path, sizeof path, folder, "_SUCCESS");
    HR_EXPECT_EQ_I64(access(path, F_OK), 0);
    path_of(path, sizeof path, folder, "part-00001");
    HR_EXPECT_EQ_U64(hr_rdd_partitions(hr_object_file(ctx, path, &err)), 1); /* one file */
    path_of(path, sizeof path, folder, "part-*");
    expect_same(rows, hr_object_file(ctx, path, &err));
    HR_EXPECT_TRUE(hr_rdd_save_as_object_file(rows, folder, &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_EXISTS");
    hr_err_init(&err);
    /* without rows; without partitions */
    const char *empty = fresh();
    HR_EXPECT_EQ_I64(hr_rdd_save_as_object_file(hr_range(ctx, 0, 0, 1, 2, &err), empty, &err), 0);
    HR_EXPECT_EQ_U64(hr_rdd_partitions(hr_object_file(ctx, empty, &err)), 2);
    expect_same(hr_range(ctx, 0, 0, 1, 2, &err), hr_object_file(ctx, empty, &err));
    empty = fresh();
    struct hr_rdd *none = hr_empty_rdd(ctx, "a STRING, b MAP<INT, DATE>", &err);
    HR_EXPECT_EQ_I64(hr_rdd_save_as_object_file(none, empty, &err), 0);
    HR_EXPECT_EQ_U64(hr_rdd_partitions(hr_object_file(ctx, empty, &err)), 0);
    expect_same(none, hr_object_file(ctx, empty, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    HR_EXPECT_TRUE(hr_object_file(ctx, "/nowhere/at/all", &err) == NULL);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_NOT_FOUND");
    hr_context_free(ctx);
    hr_context_free(other);
    remove_all();
}

/* --- Damage ----------------------------------------------------------------------------------- */

static size_t read_bytes(const char *path, char *to, size_t size)
{
    FILE *f = fopen(path, "rb");
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

/* Reads the folder to its end; true: it was fine. */
static bool reads_well(struct hr_context *ctx, const char *folder, struct hr_err *err)
{
    hr_err_init(err);
    struct hr_rows *rows = hr_rdd_collect(hr_object_file(ctx, folder, err), err);
    hr_rows_free(rows);
    return rows != NULL;
}

static const char MIXED[] = "SELECT id, CAST(id AS STRING) AS s, array(id, 7) AS a, map('k', 'a "
                            "value beyond twelve') AS m, "
                            "if(id = 1, NULL, named_struct('x', true)) AS st FROM range(0, 3)";

/* One small part in a folder of its own. */
static size_t small_part(struct hr_context *ctx, char *folder, size_t folder_size, char *part,
                         size_t part_size, char *bytes, size_t size)
{
    struct hr_err err = {0};
    snprintf(folder, folder_size, "%s", fresh());
    struct hr_rdd *rows = hr_rdd_coalesce(hr_sql(ctx, MIXED, &err), 1, &err);
    HR_EXPECT_EQ_I64(hr_rdd_save_as_object_file(rows, folder, &err), 0);
    HR_EXPECT_EQ_STR(err.msg, "");
    path_of(part, part_size, folder, "part-00000");
    HR_EXPECT_TRUE(reads_well(ctx, folder, &err));
    return read_bytes(part, bytes, size);
}

HR_TEST(every_damaged_byte_is_found)
{
    char folder[128], part[192], bytes[8192];
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(0);
    size_t n = small_part(ctx, folder, sizeof folder, part, sizeof part, bytes, sizeof bytes);
    HR_ASSERT_TRUE(n > 100 && n < sizeof bytes);
    for (size_t i = 0; i < n; i++) {
        for (int bit = 0; bit < 8; bit += i % 2 ? 7 : 3) {
            bytes[i] = (char)(bytes[i] ^ (1 << bit));
            write_bytes(part, bytes, n);
            HR_ASSERT_TRUE(!reads_well(ctx, folder, &err));
            HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_FILE_DAMAGED");
            HR_EXPECT_TRUE(strstr(err.msg, part) != NULL);
            bytes[i] = (char)(bytes[i] ^ (1 << bit));
        }
    }
    for (size_t cut = 0; cut < n; cut++) {
        write_bytes(part, bytes, cut);
        HR_ASSERT_TRUE(!reads_well(ctx, folder, &err));
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_FILE_DAMAGED");
    }
    write_bytes(part, bytes, n + 1); /* one too many */
    HR_EXPECT_TRUE(!reads_well(ctx, folder, &err));
    write_bytes(part, bytes, n);
    HR_EXPECT_TRUE(reads_well(ctx, folder, &err));
    hr_context_free(ctx);
    remove_all();
}

static uint32_t get32(const char *at)
{
    uint32_t v;
    memcpy(&v, at, 4);
    return v;
}

/* Wrong bytes under a right checksum, as someone could make them: an error or other values, never a
 * crash (the sanitizers' builds see more of it). */
HR_TEST(wrong_bytes_with_right_checksums_are_no_crash)
{
    static const uint8_t values[] = {0, 1, 0x7f, 0x80, 0xff};
    char folder[128], part[192], bytes[8192];
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(0);
    size_t n = small_part(ctx, folder, sizeof folder, part, sizeof part, bytes, sizeof bytes);
    size_t head = get32(bytes + 12), body = 20 + head + 8, length = get32(bytes + 20 + head);
    HR_ASSERT_TRUE(body + length + 24 == n);
    uint32_t failed = 0;
    for (size_t i = 20; i < n - 24; i++) {
        bool in_head = i < 20 + head;
        char before = bytes[i];
        if (!in_head && i < body) continue;
        for (size_t v = 0; v < sizeof values; v++) {
            bytes[i] = (char)values[v];
            uint32_t crc =
                in_head ? hr_crc32c(0, bytes + 20, head) : hr_crc32c(0, bytes + body, length);
            memcpy(bytes + (in_head ? 16 : body - 4), &crc, 4);
            write_bytes(part, bytes, n);
            if (reads_well(ctx, folder, &err)) continue;
            failed++;
            HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_FILE_DAMAGED"); /* and no memory was asked */
        }
        bytes[i] = before;
        uint32_t crc =
            in_head ? hr_crc32c(0, bytes + 20, head) : hr_crc32c(0, bytes + body, length);
        memcpy(bytes + (in_head ? 16 : body - 4), &crc, 4);
    }
    HR_EXPECT_TRUE(failed > 100);
    write_bytes(part, bytes, n);
    HR_EXPECT_TRUE(reads_well(ctx, folder, &err));
    hr_context_free(ctx);
    remove_all();
}

HR_TEST(a_part_that_is_missing_or_of_another_rdd_is_named)
{
    struct hr_err err = {0};
    char folder[128], other[128], part[192], want[256];
    struct hr_context *ctx = new_context(0);
    snprintf(folder, sizeof folder, "%s", fresh());
    snprintf(other, sizeof other, "%s", fresh());
    HR_EXPECT_EQ_I64(hr_rdd_save_as_object_file(hr_range(ctx, 0, 9, 1, 3, &err), folder, &err), 0);
    struct hr_rdd *texts = hr_rdd_to_df(hr_range(ctx, 0, 9, 1, 3, &err), "other", &err);
    HR_EXPECT_EQ_I64(hr_rdd_save_as_object_file(texts, other, &err), 0);
    char bytes[4096];
    path_of(part, sizeof part, other, "part-00001");
    size_t n = read_bytes(part, bytes, sizeof bytes);
    path_of(part, sizeof part, folder, "part-00001");
    write_bytes(part, bytes, n);
    HR_EXPECT_TRUE(!reads_well(ctx, folder, &err));
    snprintf(want, sizeof want, "file %s is damaged: its columns are not those of the other files",
             part);
    HR_EXPECT_EQ_STR(err.msg, want);
    HR_EXPECT_EQ_I64(unlink(part), 0);
    HR_EXPECT_TRUE(!reads_well(ctx, folder, &err));
    snprintf(want, sizeof want, "file %s is damaged: 2 of its 3 parts are there", folder);
    HR_EXPECT_EQ_STR(err.msg, want);
    write_bytes(part, "something else altogether", 25);
    HR_EXPECT_TRUE(!reads_well(ctx, folder, &err));
    snprintf(want, sizeof want, "file %s is damaged: it is no object file", part);
    HR_EXPECT_EQ_STR(err.msg, want);
    hr_context_free(ctx);
    remove_all();
}

/* --- Checkpoints ------------------------------------------------------------------------------ */

static hr_status counted(void *arg, const struct hr_row *row, struct hr_emitter *out,
                         struct hr_err *err)
{
    (void)err;
    hr_accumulator_add(arg, 1);
    hr_emit_long(out, hr_row_long(row, 0) % 7);
    hr_emit_long(out, hr_row_long(row, 0));
    hr_emit_end(out);
    return 0;
}

HR_TEST(a_checkpoint_cuts_the_lineage)
{
    EACH(n)
    {
        struct hr_err err = {0};
        struct hr_context *ctx = new_context(executors);
        struct hr_accumulator *calls = hr_accumulator_long(ctx, "calls", &err);
        struct hr_rdd *rows =
            hr_rdd_map(hr_range(ctx, 0, 1000, 1, 3, &err), "k LONG, v LONG", counted, calls, &err);
        rows = hr_rdd_partition_by(rows, n, &err);
        HR_EXPECT_TRUE(hr_rdd_checkpoint(rows, &err) == NULL);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_INVALID_ARGUMENT");
        HR_EXPECT_TRUE(strstr(err.msg, "hr_context_set_checkpoint_dir") != NULL);
        hr_err_init(&err);
        HR_EXPECT_EQ_I64(hr_context_set_checkpoint_dir(ctx, fresh(), &err), 0);
        struct hr_rdd *cut = hr_rdd_checkpoint(rows, &err);
        HR_EXPECT_EQ_STR(err.msg, "");
        HR_EXPECT_EQ_I64(hr_accumulator_value(calls), 1000);
        HR_EXPECT_TRUE(hr_rdd_is_checkpointed(cut) && !hr_rdd_is_checkpointed(rows));
        HR_EXPECT_EQ_U64(cut->dep_count, 0);
        HR_EXPECT_EQ_STR(hr_rdd_partitioner(cut), "hash");
        HR_EXPECT_TRUE(hr_rdd_partition_by(cut, n, &err) == cut);
        HR_EXPECT_TRUE(hr_rdd_checkpoint(cut, &err) == cut);
        char *debug = hr_rdd_to_debug_string(cut);
        HR_EXPECT_TRUE(strstr(debug, "ReliableCheckpointRDD") && !strstr(debug, "MapPartitions"));
        hr_free(debug);
        expect_same(cut, rows);
        expect_same(cut, rows);
        HR_EXPECT_EQ_I64(hr_accumulator_value(calls), 1000); /* rows has its shuffle still */
        struct hr_rdd *again = hr_rdd_checkpoint(rows, &err);
        expect_same(again, cut);
        HR_EXPECT_TRUE(strcmp(hr_rdd_checkpoint_file(again), hr_rdd_checkpoint_file(cut)) != 0);
        /* another program reads it */
        struct hr_context *other = new_context(0);
        expect_same(cut, hr_object_file(other, hr_rdd_checkpoint_file(cut), &err));
        hr_context_free(other);
        HR_EXPECT_EQ_STR(err.msg, "");
        hr_context_free(ctx);
    }
    remove_all();
}

HR_TEST(a_lost_checkpoint_is_named)
{
    for (uint32_t executors = 0; executors < 2; executors++) {
        struct hr_err err = {0};
        char part[512], want[640];
        uint64_t rows;
        struct hr_context *ctx = new_context(executors);
        HR_EXPECT_EQ_I64(hr_context_set_checkpoint_dir(ctx, fresh(), &err), 0);
        struct hr_rdd *cut = hr_rdd_checkpoint(hr_range(ctx, 0, 1000, 1, 4, &err), &err);
        HR_EXPECT_EQ_I64(hr_rdd_count(cut, &rows, &err), 0);
        HR_EXPECT_EQ_U64(rows, 1000);
        path_of(part, sizeof part, hr_rdd_checkpoint_file(cut), "part-00002");
        HR_EXPECT_EQ_I64(unlink(part), 0);
        HR_EXPECT_TRUE(hr_rdd_count(cut, &rows, &err) != 0);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_FILE_DAMAGED");
        snprintf(want, sizeof want, "file %s is damaged: it is missing", part);
        HR_EXPECT_EQ_STR(err.msg, want);
        hr_err_init(&err);
        write_bytes(part, "hrobject", 8);
        HR_EXPECT_TRUE(hr_rdd_count(cut, &rows, &err) != 0);
        snprintf(want, sizeof want, "file %s is damaged: it ends too early", part);
        HR_EXPECT_EQ_STR(err.msg, want);
        hr_context_free(ctx);
    }
    remove_all();
}

static hr_status fail_late(void *arg, const struct hr_row *row, struct hr_emitter *out,
                           struct hr_err *err)
{
    (void)arg;
    if (hr_row_long(row, 0) == 999) return hr_err_fail(err, "not this one");
    hr_emit_row(out, row);
    return 0;
}

/* Checkpoints in the folder of the context's own that set_checkpoint_dir made. */
static int checkpoints_in(const char *folder)
{
    struct hr_arena arena = {0};
    char **names = NULL, path[256];
    uint32_t count = 0;
    struct hr_env *env = hr_env_default();
    HR_EXPECT_EQ_I64(hr_env_list_sorted(env, &arena, folder, &names, &count, NULL), 0);
    HR_EXPECT_EQ_U64(count, 1);
    path_of(path, sizeof path, folder, names[0]);
    HR_EXPECT_EQ_I64(hr_env_list_sorted(env, &arena, path, &names, &count, NULL), 0);
    hr_arena_done(&arena);
    return (int)count;
}

HR_TEST(a_failed_checkpoint_leaves_nothing)
{
    struct hr_err err = {0};
    struct hr_context *ctx = new_context(0);
    const char *folder = fresh();
    HR_EXPECT_EQ_I64(hr_context_set_checkpoint_dir(ctx, folder, &err), 0);
    struct hr_rdd *bad =
        hr_rdd_map(hr_range(ctx, 0, 1000, 1, 4, &err), "id LONG", fail_late, NULL, &err);
    HR_EXPECT_TRUE(hr_rdd_checkpoint(bad, &err) == NULL);
    HR_EXPECT_EQ_STR(err.msg, "not this one");
    HR_EXPECT_EQ_I64(checkpoints_in(folder), 0);
    hr_context_free(ctx);
    remove_all();
}
