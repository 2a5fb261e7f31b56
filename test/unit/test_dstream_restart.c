/* SPDX-License-Identifier: Apache-2.0 */
/* What a checkpoint is held against when a stream goes on from it: another graph is refused by what
 * differs, and what is damaged, missing or put back from an older copy by what it is. Never is it
 * taken for less than it was. */
#include <dirent.h>
#include <headrace/headrace.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/env.h"
#include "hr_test.h"

#define SECOND 1000000

static char folder[64];

static const char *new_folder(void)
{
    snprintf(folder, sizeof folder, "%s/hr-restart-XXXXXX",
             access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    return mkdtemp(folder);
}

static void remove_folder(void)
{
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), folder, NULL));
}

static const char *in_folder(const char *a, const char *b)
{
    static char paths[4][400];
    static int which;
    char *path = paths[which++ % 4];
    snprintf(path, sizeof paths[0], "%s/%s%s", folder, a, b);
    return path;
}

/* --- A graph with all kinds of state ---------------------------------------------------------- */

struct shape {
    int64_t length, slide, timeout, remember;
    const char *schema, *state, *input;
    uint32_t keys;
    bool filter, no_output;
};
static const struct shape USUAL = {.length = 3 * SECOND,
                                   .slide = SECOND,
                                   .schema = "k STRING, j LONG, n LONG",
                                   .state = "total LONG",
                                   .input = "in",
                                   .keys = 1};

struct program {
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    int64_t sums, states;
};

static hr_status pair(void *arg, const struct hr_row *row, struct hr_emitter *out,
                      struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_text(out, hr_row_str(row, 0));
    hr_emit_long(out, 1);
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return 0;
}

static bool any(void *arg, const struct hr_row *row)
{
    (void)arg, (void)row;
    return true;
}

static hr_status note_state(void *arg, int64_t time_us, const struct hr_row *key,
                            const struct hr_row *value, struct hr_state *state,
                            struct hr_emitter *out, struct hr_err *err)
{
    const struct hr_row *old = hr_state_get(state);
    (void)arg, (void)time_us, (void)value, (void)err, (void)key;
    struct hr_emitter *next = hr_state_update(state);
    int64_t total = (old ? hr_row_long(old, 0) : 0) + 1;
    hr_emit_long(next, total);
    hr_emit_end(next);
    hr_emit_long(out, total);
    hr_emit_end(out);
    return 0;
}

static hr_status total(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    int64_t *sum = arg;
    (void)time_us;
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    if (!rows) return err->code;
    *sum = 0;
    for (const struct hr_row *row; (row = hr_rows_next(rows));)
        *sum += hr_row_long(row, hr_row_columns(row) - 1);
    hr_rows_free(rows);
    return 0;
}

static hr_status build(struct program *p, const struct shape *s, struct hr_err *err)
{
    *p = (struct program){
        .ctx =
            hr_context_new(&(struct hr_context_options){.manual_clock = true, .threads = 1}, err)};
    p->ssc = hr_streaming_new(p->ctx, SECOND, err);
    if (s->remember) hr_streaming_remember(p->ssc, s->remember);
    struct hr_dstream *lines = hr_text_file_stream(p->ssc, in_folder(s->input, ""), false, err);
    struct hr_dstream *rows = hr_dstream_map(lines, s->schema, pair, NULL, err);
    struct hr_dstream *keyed = hr_dstream_with_keys(rows, s->keys, err);
    struct hr_dstream *sums = hr_dstream_reduce_by_key_and_window(
        keyed, hr_sum, hr_subtract, s->filter ? any : NULL, NULL, s->length, s->slide, 0, err);
    struct hr_state_spec spec = {.mapped_schema = "total LONG",
                                 .state_schema = s->state,
                                 .fn = note_state,
                                 .timeout_us = s->timeout};
    struct hr_dstream *states = hr_dstream_map_with_state(keyed, &spec, err);
    hr_status status = hr_dstream_foreach_rdd(states, total, &p->states, err);
    if (!s->no_output && status == 0) status = hr_dstream_foreach_rdd(sums, total, &p->sums, err);
    if (status == 0) status = hr_streaming_checkpoint(p->ssc, in_folder("ckpt", ""), err);
    return status ? status : hr_streaming_start(p->ssc, err);
}

static void end(struct program *p)
{
    hr_streaming_free(p->ssc);
    hr_context_free(p->ctx);
}

static void put_file(int number)
{
    char name[32];
    snprintf(name, sizeof name, "/%d.txt", number);
    static const char lines[] = "a\nb\na\n";
    HR_EXPECT_OK(hr_env_write_file(hr_env_default(), in_folder("in", name), lines, 6, NULL));
}

static void run(int first, int batches)
{
    struct hr_err err = {0};
    struct program p;
    HR_EXPECT_OK(build(&p, &USUAL, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
    for (int i = 0; i < batches; i++) {
        put_file(first + i);
        HR_EXPECT_OK(hr_streaming_step(p.ssc, &err));
        HR_EXPECT_EQ_I64(p.sums, 3 * (first + i < 3 ? first + i : 3));
    }
    end(&p);
}

static void begin(void)
{
    HR_ASSERT_TRUE(new_folder() != NULL);
    mkdir(in_folder("in", ""), 0777);
    mkdir(in_folder("other", ""), 0777);
}

/* --- Another graph ---------------------------------------------------------------------------- */

HR_TEST(another_graph_is_refused_by_what_differs)
{
    static const struct {
        struct shape shape;
        const char *why;
    } CASES[] = {
#define CASE(text, ...)                     \
    {{.length = 3 * SECOND,                 \
      .slide = SECOND,                      \
      .schema = "k STRING, j LONG, n LONG", \
      .state = "total LONG",                \
      .input = "in",                        \
      .keys = 1,                            \
      __VA_ARGS__},                         \
     text}
        CASE("had \"length 3000000 us\", now it has \"length 2000000 us\"", .length = 2 * SECOND),
        CASE("had \"length 3000000 us\", now it has \"length 4000000 us\"", .length = 4 * SECOND),
        CASE("now it has \"slide 3000000 us\"", .slide = 3 * SECOND),
        CASE("now it has \"key columns 2\"", .keys = 2),
        CASE("now it has \"filter yes\"", .filter = true),
        CASE("now it has \"timeout 5000000 us\"", .timeout = 5 * SECOND),
        CASE("total: DOUBLE", .state = "total DOUBLE"),
        CASE("now it has \"columns", .schema = "k STRING, j LONG, m LONG"),
        CASE("now it has \"folder", .input = "other"),
        CASE("had \"kept yes\", now it has \"kept no\"", .no_output = true),
        CASE("now 13000000 us are wanted", .remember = 9 * SECOND),
#undef CASE
    };
    begin();
    run(1, 3);
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        struct hr_err err = {0};
        struct program p;
        HR_EXPECT_TRUE(build(&p, &CASES[i].shape, &err) != 0);
        HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_CHECKPOINT_MISMATCH");
        if (!strstr(err.msg, CASES[i].why)) HR_EXPECT_EQ_STR(err.msg, CASES[i].why);
        end(&p);
    }
    run(4, 2);
    remove_folder();
}

/* --- Damage ----------------------------------------------------------------------------------- */

static void copy_file(const char *from, const char *to)
{
    struct hr_buf bytes = {0};
    HR_EXPECT_OK(hr_env_read_file(hr_env_default(), from, &bytes, NULL));
    HR_EXPECT_OK(hr_env_write_file(hr_env_default(), to, bytes.ptr, bytes.len, NULL));
    hr_buf_done(&bytes);
}

static void copy_folder(const char *from, const char *to)
{
    char a[600], b[600];
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), to, NULL));
    mkdir(to, 0777);
    DIR *dir = opendir(from);
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.') continue;
        snprintf(a, sizeof a, "%s/%s", from, e->d_name);
        snprintf(b, sizeof b, "%s/%s", to, e->d_name);
        copy_file(a, b);
    }
    closedir(dir);
}

/* The checkpoint as it is now must be refused; then it is as it was. */
static void refused(const char *what)
{
    struct hr_err err = {0};
    struct program p;
    hr_status status = build(&p, &USUAL, &err);
    if (status == 0 || strcmp(hr_err_class(&err), "HR_CHECKPOINT_CORRUPT") != 0)
        HR_EXPECT_EQ_STR(status ? err.msg : "it was taken", what);
    end(&p);
    copy_folder(in_folder("good", ""), in_folder("ckpt", ""));
}

static void damage(const char *name)
{
    char what[320], path[400];
    snprintf(path, sizeof path, "%s", in_folder("ckpt/", name));
    struct hr_buf bytes = {0};
    HR_EXPECT_OK(hr_env_read_file(hr_env_default(), path, &bytes, NULL));
    for (size_t at = 0; at < bytes.len; at += at < 200 ? 1 : 17) {
        bytes.ptr[at] ^= (char)(1 << at % 8);
        HR_EXPECT_OK(hr_env_write_file(hr_env_default(), path, bytes.ptr, bytes.len, NULL));
        bytes.ptr[at] ^= (char)(1 << at % 8);
        snprintf(what, sizeof what, "%s, byte %zu flipped", name, at);
        refused(what);
    }
    for (size_t n = 0; n < bytes.len; n += 1 + bytes.len / 20) {
        HR_EXPECT_OK(hr_env_write_file(hr_env_default(), path, bytes.ptr, n, NULL));
        snprintf(what, sizeof what, "%s cut to %zu bytes", name, n);
        refused(what);
    }
    unlink(path);
    snprintf(what, sizeof what, "%s deleted", name);
    refused(what);
    hr_buf_done(&bytes);
}

HR_TEST(a_damaged_checkpoint_is_refused)
{
    begin();
    run(1, 4);
    copy_folder(in_folder("ckpt", ""), in_folder("good", ""));
    int files = 0;
    DIR *dir = opendir(in_folder("good", ""));
    for (struct dirent *e; (e = readdir(dir));) {
        if (e->d_name[0] == '.' || strcmp(e->d_name, "lock") == 0) continue;
        damage(e->d_name);
        files++;
    }
    closedir(dir);
    HR_EXPECT_EQ_I64(files, 3); /* a segment, dstream.plan, dstream.checkpoint */
    run(5, 2);
    remove_folder();
}

HR_TEST(an_older_piece_is_refused)
{
    static const char *const NAMES[] = {"dstream.checkpoint", "dstream.plan"};
    begin();
    run(1, 2);
    copy_folder(in_folder("ckpt", ""), in_folder("older", ""));
    run(3, 3);
    copy_folder(in_folder("ckpt", ""), in_folder("good", ""));
    for (int i = 0; i < 2; i++) {
        copy_file(in_folder("older/", NAMES[i]), in_folder("ckpt/", NAMES[i]));
        refused(NAMES[i]);
    }
    /* both, without the segments that belong to them */
    for (int i = 0; i < 2; i++)
        copy_file(in_folder("older/", NAMES[i]), in_folder("ckpt/", NAMES[i]));
    refused("checkpoint and plan");
    copy_file(in_folder("good/", "segment-0000000001"), in_folder("ckpt/", "segment-0000000002"));
    refused("one segment in another's place");
    run(6, 2);
    remove_folder();
}
