/* SPDX-License-Identifier: Apache-2.0 */
/* Checkpoints of DStreams: what a batch writes, what is removed, what happens to damaged files, and
 * that a failure at any write or sync leaves one that restores. */
#include <dirent.h>
#include <headrace/headrace.h>
#include <sys/stat.h>

#include "base/env.h"
#include "base/fault.h"
#include "hr_test.h"

#define SECOND 1000000

struct load {
    uint32_t first, count;
    int64_t value;
};

struct program {
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    struct hr_dstream *in;
    uint64_t rows;
    int64_t sum, keys;
};

static char folder[64];

static const char *new_folder(void)
{
    snprintf(folder, sizeof folder, "%s/hr-ckpt-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder);
}

static void remove_folder(void)
{
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), folder, NULL));
}

static hr_status fill(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    const struct load *load = arg;
    (void)err;
    for (uint32_t i = 0; i < load->count; i++) {
        char key[32];
        snprintf(key, sizeof key, "key-%u-of-some-length", load->first + i);
        hr_emit_str(out, key);
        hr_emit_long(out, load->value);
        hr_emit_end(out);
    }
    return 0;
}

/* A negative value removes the key, 0 changes nothing. */
static hr_status add(void *arg, int64_t time_us, const struct hr_row *key,
                     const struct hr_row *value, struct hr_state *state, struct hr_emitter *out,
                     struct hr_err *err)
{
    const struct hr_row *old = hr_state_get(state);
    int64_t v = value ? hr_row_long(value, 0) : 0, n = (old ? hr_row_long(old, 0) : 0) + v;
    (void)arg, (void)time_us, (void)key, (void)out, (void)err;
    if (v < 0) hr_state_remove(state);
    if (v > 0) {
        struct hr_emitter *update = hr_state_update(state);
        hr_emit_long(update, n);
        hr_emit_end(update);
    }
    return 0;
}

static hr_status sum_up(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    struct program *p = arg;
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    (void)time_us;
    if (!rows) return err->code;
    p->keys = p->sum = 0;
    for (const struct hr_row *row; (row = hr_rows_next(rows)); p->keys++)
        p->sum += hr_row_long(row, 1);
    hr_rows_free(rows);
    return 0;
}

static hr_status ignore(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    (void)time_us;
    return hr_rdd_count(rdd, arg, err);
}

static hr_status running(void *arg, const struct hr_row *key, const struct hr_row *values,
                         const struct hr_row *state, struct hr_emitter *out, struct hr_err *err)
{
    int64_t sum = state ? hr_row_long(state, 0) : 0;
    (void)arg, (void)key, (void)err;
    for (uint32_t i = 0; i < hr_row_length(values, 0); i++) {
        struct hr_row v;
        if (!hr_row_element(values, 0, i, &v)) continue;
        if (hr_row_long(&v, 0) < 0) return 0;
        sum += hr_row_long(&v, 0);
    }
    hr_emit_long(out, sum);
    hr_emit_end(out);
    return 0;
}

/* What is given out, by its sum: mapped rows, the states of mapWithState or updateStateByKey, a
 * long window by key in its inverse form. */
enum kind { MAPPED, SNAPSHOTS, UPDATE, INVERSE };

static hr_status open_program(struct program *p, enum kind kind, struct hr_err *err)
{
    struct hr_context_options o = {.threads = 1, .manual_clock = true, .default_parallelism = 2};
    struct hr_state_spec spec = {.state_schema = "n LONG", .mapped_schema = "n LONG", .fn = add};
    memset(err, 0, sizeof *err);
    *p = (struct program){.ctx = hr_context_new(&o, err)};
    p->ssc = hr_streaming_new(p->ctx, SECOND, err);
    p->in = hr_queue_stream(p->ssc, "k STRING, v LONG", true, err);
    struct hr_dstream *out;
    if (kind == UPDATE)
        out = hr_dstream_update_state_by_key(p->in, "n LONG", running, NULL, 0, NULL, err);
    else if (kind == INVERSE)
        out = hr_dstream_reduce_by_key_and_window(p->in, hr_sum, hr_subtract, NULL, NULL,
                                                  100 * (int64_t)SECOND, 0, 0, err);
    else
        out = hr_dstream_map_with_state(p->in, &spec, err);
    if (kind <= SNAPSHOTS) { /* one graph for both */
        struct hr_dstream *states = hr_dstream_state_snapshots(out, err);
        if (kind == SNAPSHOTS) out = states;
    }
    hr_status status = kind == MAPPED ? hr_dstream_foreach_rdd(out, ignore, &p->rows, err)
                                      : hr_dstream_foreach_rdd(out, sum_up, p, err);
    if (status == 0) status = hr_streaming_checkpoint(p->ssc, folder, err);
    return status ? status : hr_streaming_start(p->ssc, err);
}

static void close_program(struct program *p)
{
    hr_streaming_free(p->ssc);
    hr_context_free(p->ctx);
}

static hr_status step(struct program *p, uint32_t first, uint32_t count, int64_t value,
                      struct hr_err *err)
{
    struct load load = {first, count, value};
    struct hr_rdd *rdd = hr_parallelize(p->ctx, "k STRING, v LONG", fill, &load, 2, err);
    hr_status status = hr_queue_push(p->in, rdd, err);
    return status ? status : hr_streaming_step(p->ssc, err);
}

/* Bytes of all segments; *ret_count of them. ret_first: path of the lowest. */
static int64_t segment_bytes(int *ret_count, char *ret_first, size_t size)
{
    DIR *dir = opendir(folder);
    int64_t bytes = 0;
    *ret_count = 0;
    ret_first[0] = '\0';
    for (struct dirent *e; dir && (e = readdir(dir));) {
        char path[512];
        struct stat st;
        if (strncmp(e->d_name, "segment-", 8) != 0) continue;
        snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
        if (stat(path, &st) == 0) bytes += st.st_size;
        if (!ret_first[0] || strcmp(path, ret_first) < 0) snprintf(ret_first, size, "%s", path);
        ++*ret_count;
    }
    if (dir) closedir(dir);
    return bytes;
}

static int64_t bytes_now(void)
{
    int count;
    char first[512];
    return segment_bytes(&count, first, sizeof first);
}

HR_TEST(a_batch_writes_what_it_changes)
{
    struct program p;
    struct hr_err err;
    HR_ASSERT_TRUE(new_folder() != NULL);
    HR_ASSERT_OK(open_program(&p, MAPPED, &err));
    HR_ASSERT_OK(step(&p, 0, 20000, 5, &err));
    int64_t all = bytes_now(), before = all;
    HR_EXPECT_TRUE(all > 20000 * 30);
    HR_ASSERT_OK(step(&p, 7, 1, 1, &err));
    HR_EXPECT_TRUE(bytes_now() > before);
    HR_EXPECT_TRUE(bytes_now() < before + 200);
    before = bytes_now();
    HR_ASSERT_OK(step(&p, 0, 0, 1, &err));   /* nothing comes in */
    HR_ASSERT_OK(step(&p, 0, 100, 0, &err)); /* nothing changes */
    HR_EXPECT_EQ_I64(bytes_now(), before);
    close_program(&p);
    HR_ASSERT_OK(open_program(&p, SNAPSHOTS, &err));
    HR_ASSERT_OK(step(&p, 0, 0, 1, &err));
    HR_EXPECT_EQ_I64(p.keys, 20000);
    HR_EXPECT_EQ_I64(p.sum, 100001);
    close_program(&p);
    remove_folder();
}

/* The same for states that are RDDs; in the middle the program ends. */
static void check_deltas(enum kind kind)
{
    struct program p;
    struct hr_err err;
    int64_t before = 0;
    HR_ASSERT_TRUE(new_folder() != NULL);
    for (int life = 0; life < 3; life++) {
        HR_ASSERT_OK(open_program(&p, kind, &err));
        HR_ASSERT_OK(life ? step(&p, 3, 1, 1, &err) : step(&p, 0, 20000, 5, &err));
        before = bytes_now();
        HR_EXPECT_TRUE(before > 20000 * 30);
        for (int i = 0; i < 4; i++) HR_ASSERT_OK(step(&p, 7, 1, 1, &err));
        HR_EXPECT_TRUE(bytes_now() > before);
        HR_EXPECT_TRUE(bytes_now() < before + 4 * 2 * 250); /* the window's rows beside the state */
        before = bytes_now();
        HR_ASSERT_OK(step(&p, 0, 0, 1, &err));
        HR_EXPECT_EQ_I64(bytes_now(), before);
        HR_EXPECT_EQ_I64(p.keys, 20000);
        HR_EXPECT_EQ_I64(p.sum, 100000 + 4 + life * 5);
        close_program(&p);
    }
    /* Most of it changes, more than once; keys go, and come again. */
    HR_ASSERT_OK(open_program(&p, kind, &err));
    for (int i = 0; i < 5; i++) HR_ASSERT_OK(step(&p, 0, 15000, 1, &err));
    if (kind == UPDATE) HR_ASSERT_OK(step(&p, 0, 20000, -1, &err));
    int64_t keys = kind == UPDATE ? 0 : 20000, sum = kind == UPDATE ? 0 : 100014 + 75000;
    HR_EXPECT_EQ_I64(p.keys, keys);
    HR_EXPECT_EQ_I64(p.sum, sum);
    close_program(&p);
    HR_ASSERT_OK(open_program(&p, kind, &err));
    HR_ASSERT_OK(step(&p, 1, 2, 1, &err));
    HR_EXPECT_EQ_I64(p.keys, keys ? keys : 2);
    HR_EXPECT_EQ_I64(p.sum, sum + 2);
    close_program(&p);
    remove_folder();
}

HR_TEST(a_state_by_key_writes_what_it_changes)
{
    check_deltas(UPDATE);
}
HR_TEST(a_window_with_an_inverse_writes_what_it_changes)
{
    check_deltas(INVERSE);
}

/* A thousand of 20000 keys a batch, for many rounds of snapshots: the folder stays within a few
 * times the state, and what is left of it restores all. */
HR_TEST(old_segments_go)
{
    struct program p;
    struct hr_err err;
    int count;
    char first[512];
    HR_ASSERT_TRUE(new_folder() != NULL);
    HR_ASSERT_OK(open_program(&p, MAPPED, &err));
    HR_ASSERT_OK(step(&p, 0, 20000, 1, &err));
    int64_t state = bytes_now(), most = 0;
    for (int b = 0; b < 400; b++) {
        HR_ASSERT_OK(step(&p, (uint32_t)(b * 1000 % 20000), 1000, 1, &err));
        most = HR_MAX(most, bytes_now());
    }
    HR_EXPECT_TRUE(most < 4 * state + (17 << 20)); /* 8 MiB before a segment is closed */
    HR_EXPECT_TRUE(segment_bytes(&count, first, sizeof first) > 0);
    HR_EXPECT_TRUE(strstr(first, "segment-0000000001") == NULL);
    HR_ASSERT_OK(step(&p, 0, 10, -1, &err));
    close_program(&p);
    HR_ASSERT_OK(open_program(&p, SNAPSHOTS, &err));
    HR_ASSERT_OK(step(&p, 0, 0, 1, &err));
    HR_EXPECT_EQ_I64(p.keys, 19990);
    HR_EXPECT_EQ_I64(p.sum, 19990 * 21);
    close_program(&p);
    remove_folder();
}

static void change_byte(const char *path, long at)
{
    FILE *f = fopen(path, "r+");
    HR_ASSERT_TRUE(f != NULL);
    fseek(f, at, SEEK_SET);
    int c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 0x20, f);
    fclose(f);
}

static void expect_corrupt(const char *name, const char *why)
{
    struct program p;
    struct hr_err err;
    HR_EXPECT_TRUE(open_program(&p, MAPPED, &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_CHECKPOINT_CORRUPT");
    if (!HR_EXPECT_TRUE(strstr(err.msg, name) && strstr(err.msg, why))) printf("  %s\n", err.msg);
    close_program(&p);
}

HR_TEST(damaged_files_are_named)
{
    struct program p;
    struct hr_err err;
    int count;
    char first[512], meta[512], moved[600];
    HR_ASSERT_TRUE(new_folder() != NULL);
    HR_ASSERT_OK(open_program(&p, MAPPED, &err));
    HR_ASSERT_OK(step(&p, 0, 100, 5, &err));
    HR_ASSERT_OK(step(&p, 0, 10, 5, &err));
    close_program(&p);
    int64_t size = segment_bytes(&count, first, sizeof first);
    HR_ASSERT_TRUE(count == 1);
    change_byte(first, (long)size - 30);
    expect_corrupt("segment-0000000001", "damaged at byte");
    change_byte(first, (long)size - 30);
    change_byte(first, 3);
    expect_corrupt("segment-0000000001", "not a segment");
    change_byte(first, 3);
    change_byte(first, 8 + 24); /* a length */
    expect_corrupt("segment-0000000001", "record");
    change_byte(first, 8 + 24);
    snprintf(moved, sizeof moved, "%s.moved", first);
    HR_ASSERT_TRUE(rename(first, moved) == 0);
    expect_corrupt("segment-0000000001", "missing");
    HR_ASSERT_TRUE(rename(moved, first) == 0);
    snprintf(meta, sizeof meta, "%s/dstream.checkpoint", folder);
    change_byte(meta, 20);
    expect_corrupt("dstream.checkpoint", "checksum");
    change_byte(meta, 20);
    /* All as it was: it goes on. What a crash left behind a segment's end is not looked at. */
    FILE *f = fopen(first, "a");
    HR_ASSERT_TRUE(f != NULL);
    fputs("torn", f);
    fclose(f);
    HR_ASSERT_OK(open_program(&p, SNAPSHOTS, &err));
    HR_ASSERT_OK(step(&p, 0, 1, 1, &err));
    HR_EXPECT_EQ_I64(p.sum, 551);
    close_program(&p);
    HR_ASSERT_TRUE(truncate(first, size - 1) == 0);
    expect_corrupt("segment-0000000001", "it ends at byte");
    remove_folder();
}

HR_TEST(one_program_at_a_time)
{
    struct program p, q;
    struct hr_err err;
    HR_ASSERT_TRUE(new_folder() != NULL);
    HR_ASSERT_OK(open_program(&p, MAPPED, &err));
    HR_EXPECT_TRUE(open_program(&q, MAPPED, &err) != 0);
    HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_CHECKPOINT_BUSY");
    HR_ASSERT_OK(hr_streaming_stop(p.ssc, false, &err));
    HR_EXPECT_OK(hr_streaming_start(q.ssc, &err));
    close_program(&p);
    close_program(&q);
    remove_folder();
}

/* Batches of these until all have gone through; a program that fails is followed by another. */
static void run_with_faults(enum hr_fault fault, int64_t k, int *ret_failures)
{
    static const struct load BATCHES[] = {{0, 3000, 1}, {10, 500, 2}, {0, 0, 0},
                                          {20, 30, -1}, {0, 3000, 3}, {5, 2000, 1}};
    struct program p;
    struct hr_err err;
    bool open = false;
    *ret_failures = 0;
    HR_ASSERT_TRUE(new_folder() != NULL);
    for (int tries = 0; tries < 100; tries++) {
        hr_status status = open ? 0 : open_program(&p, SNAPSHOTS, &err);
        open = true;
        int64_t done = hr_streaming_last_batch_us(p.ssc) / SECOND;
        if (status == 0 && done >= (int64_t)HR_COUNT(BATCHES)) break;
        if (status == 0)
            status = step(&p, BATCHES[done].first, BATCHES[done].count, BATCHES[done].value, &err);
        if (status == 0 && tries == 0) hr_fault_arm(fault, k, false);
        if (status == 0) continue;
        ++*ret_failures;
        close_program(&p);
        open = false;
    }
    hr_fault_disarm_all();
    HR_EXPECT_OK(step(&p, 0, 0, 0, &err));
    HR_EXPECT_EQ_I64(p.keys, 3000);
    HR_EXPECT_EQ_I64(p.sum, 3000 + 500 * 2 - 30 * 3 + 3000 * 3 + 2000);
    close_program(&p);
    remove_folder();
}

static void every_passing(enum hr_fault fault)
{
    int failures = 1, k = 0, hits = 0;
    for (; failures && k < 200; k++) {
        run_with_faults(fault, k + 1, &failures);
        hits += failures;
    }
    HR_EXPECT_TRUE(hits >= 4); /* each batch with changes passes it at least once */
    HR_EXPECT_TRUE(k < 200);
}

HR_TEST(a_failed_write_leaves_a_checkpoint)
{
    every_passing(HR_FAULT_FILE_WRITE);
}
HR_TEST(a_failed_sync_leaves_a_checkpoint)
{
    every_passing(HR_FAULT_FILE_SYNC);
}
HR_TEST(a_failed_delta_leaves_a_checkpoint)
{
    every_passing(HR_FAULT_STATE_DELTA);
}
HR_TEST(a_failed_commit_leaves_a_checkpoint)
{
    every_passing(HR_FAULT_JOURNAL_COMMIT);
}
