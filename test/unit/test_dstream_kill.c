/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill -9 at any moment loses nothing and doubles nothing: a program with every kind of kept state
 * (mapWithState with a timeout and its snapshots, updateStateByKey, windows, the inverse form,
 * files that were seen) is run in a process that dies at a random passing of a fault point or at a
 * random time, 30 times, each time with other numbers of partitions and worker processes. What it
 * has written at the end is what an undisturbed run writes. HR_SEED (1) chooses the moments.
 */
#include <dirent.h>
#include <headrace/headrace.h>
#include <sys/stat.h>

#include "base/env.h"
#include "base/fault.h"
#include "base/hash.h"
#include "hr_test.h"

#define SECOND  1000000
#define KILLS   30
#define OUTPUTS 5

/* --- The program ------------------------------------------------------------------------------ */

static hr_status split(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    struct hr_text line = hr_row_str(row, 0), word;
    (void)arg, (void)err;
    while (hr_text_next_word(&line, &word)) {
        hr_emit_text(out, word);
        hr_emit_long(out, (int64_t)word.len);
        hr_emit_end(out);
    }
    return 0;
}

static hr_status session(void *arg, int64_t time_us, const struct hr_row *key,
                         const struct hr_row *value, struct hr_state *state, struct hr_emitter *out,
                         struct hr_err *err)
{
    const struct hr_row *old = hr_state_get(state);
    int64_t n = old ? hr_row_long(old, 0) : 0;
    (void)arg, (void)time_us, (void)err;
    if (value && n == 9) { /* long enough */
        hr_state_remove(state);
    } else if (value) {
        struct hr_emitter *update = hr_state_update(state);
        hr_emit_long(update, ++n);
        hr_emit_text(update, hr_row_str(key, 0));
        hr_emit_end(update);
    }
    hr_emit_field(out, key, 0);
    hr_emit_long(out, n);
    hr_emit_bool(out, hr_state_timing_out(state));
    hr_emit_end(out);
    return 0;
}

static hr_status running(void *arg, const struct hr_row *key, const struct hr_row *values,
                         const struct hr_row *state, struct hr_emitter *out, struct hr_err *err)
{
    int64_t n = state ? hr_row_long(state, 0) : 0;
    uint32_t more = hr_row_length(values, 0);
    (void)arg, (void)key, (void)err;
    if (!more && n % 5 == 0) return 0;
    hr_emit_long(out, n + more);
    hr_emit_end(out);
    return 0;
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* FOLDER/out/NAME-SECONDS, complete or not there. */
static hr_status write_sorted(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    static char *lines[4096];
    char path[512], text[256];
    int n = 0;
    struct hr_buf out = {0};
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    if (!rows) return err->code;
    for (const struct hr_row *row; n < 4096 && (row = hr_rows_next(rows));) {
        hr_row_print(row, text, sizeof text);
        lines[n++] = strdup(text);
    }
    hr_rows_free(rows);
    qsort(lines, (size_t)n, sizeof *lines, compare_lines);
    for (int i = 0; i < n; i++) {
        hr_buf_printf(&out, "%s\n", lines[i]);
        free(lines[i]);
    }
    snprintf(path, sizeof path, "%s-%lld", (const char *)arg, (long long)(time_us / SECOND));
    hr_status status =
        hr_env_write_file(hr_env_default(), path, out.len ? out.ptr : "", out.len, err);
    hr_buf_done(&out);
    return status;
}

/* The words of batch n; the same in every life. */
static void put_input(const char *folder, int64_t n)
{
    char path[512];
    struct hr_buf text = {0};
    uint64_t x = (uint64_t)n * 77 + 5;
    snprintf(path, sizeof path, "%s/in/part-%05lld", folder, (long long)n);
    if (hr_env_exists(hr_env_default(), path)) return;
    for (uint64_t i = hr_splitmix64(&x) % 60; i > 0; i--) {
        uint64_t word = hr_splitmix64(&x) % (1 + hr_splitmix64(&x) % 40);
        hr_buf_printf(&text, "word-%llu%s%c", (unsigned long long)word,
                      word % 3 ? "" : "-longer-than-a-cell", i % 7 ? ' ' : '\n');
    }
    if (hr_env_write_file(hr_env_default(), path, text.len ? text.ptr : "", text.len, NULL) != 0)
        _exit(3);
    hr_buf_done(&text);
}

static struct hr_dstream *build(struct hr_streaming *ssc, const char *folder, uint64_t *x,
                                struct hr_err *err)
{
    static char names[OUTPUTS][512];
    static const uint32_t PARTITIONS[] = {1, 2, 8};
    char in[512];
    snprintf(in, sizeof in, "%s/in", folder);
    struct hr_dstream *words = hr_dstream_flat_map(hr_text_file_stream(ssc, in, false, err),
                                                   "word STRING, n LONG", split, NULL, err);
    struct hr_state_spec spec = {.state_schema = "n LONG, word STRING",
                                 .mapped_schema = "word STRING, n LONG, over BOOLEAN",
                                 .fn = session,
                                 .timeout_us = 3 * (int64_t)SECOND,
                                 .partitions = PARTITIONS[hr_splitmix64(x) % 3]};
    struct hr_dstream *mapped = hr_dstream_map_with_state(words, &spec, err);
    struct hr_dstream *streams[OUTPUTS] = {
        mapped, hr_dstream_state_snapshots(mapped, err),
        hr_dstream_update_state_by_key(words, "n LONG", running, NULL,
                                       PARTITIONS[hr_splitmix64(x) % 3], NULL, err),
        hr_dstream_reduce_by_key_and_window(words, hr_sum, hr_subtract, NULL, NULL,
                                            4 * (int64_t)SECOND, SECOND, 0, err),
        hr_dstream_count(hr_dstream_window(words, 3 * (int64_t)SECOND, 2 * (int64_t)SECOND, err),
                         err)};
    for (int i = 0; i < OUTPUTS; i++) {
        snprintf(names[i], sizeof names[i], "%s/out/%c", folder, "msuiw"[i]);
        if (hr_dstream_foreach_rdd(streams[i], write_sorted, names[i], err) != 0) return NULL;
    }
    return mapped;
}

/* Runs batches up to `last`; the exit status of a process. */
static int run_program(const char *folder, int64_t last, uint64_t seed, bool workers)
{
    struct hr_err err = {0};
    char checkpoint[512];
    struct hr_context_options o = {.threads = 1 + (uint32_t)(hr_splitmix64(&seed) % 2),
                                   .executors = hr_splitmix64(&seed) % 5 == 0 && workers ? 2 : 0,
                                   .manual_clock = true,
                                   .default_parallelism = 2};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct hr_streaming *ssc = hr_streaming_new(ctx, SECOND, &err);
    snprintf(checkpoint, sizeof checkpoint, "%s/checkpoint", folder);
    hr_status status = build(ssc, folder, &seed, &err) ? 0 : 1;
    if (status == 0) status = hr_streaming_checkpoint(ssc, checkpoint, &err);
    if (status == 0) status = hr_streaming_start(ssc, &err);
    while (status == 0 && hr_streaming_last_batch_us(ssc) < last * SECOND) {
        put_input(folder, hr_streaming_last_batch_us(ssc) / SECOND + 1);
        status = hr_streaming_step(ssc, &err);
    }
    if (status) printf("  %s: %s\n", hr_err_class(&err), err.msg);
    hr_streaming_free(ssc);
    hr_context_free(ctx);
    return status ? 2 : 0;
}

/* --- Its lives -------------------------------------------------------------------------------- */

/* The highest batch whose input was there. */
static int64_t last_input(const char *folder)
{
    char path[512];
    long long last = 0, n;
    snprintf(path, sizeof path, "%s/in", folder);
    DIR *dir = opendir(path);
    for (struct dirent *e; dir && (e = readdir(dir));)
        if (sscanf(e->d_name, "part-%lld", &n) == 1 && n > last) last = n;
    if (dir) closedir(dir);
    return last;
}

/* One life of at most two batches more; true when it was killed. */
static bool live(const char *folder, uint64_t *x, int *ret_bad)
{
    static const char *const POINTS[] = {"file-write", "file-write",  "file-sync",
                                         "file-sync",  "state-delta", "journal-commit",
                                         "task-run",   "file-read",   "shuffle-write"};
    uint64_t how = hr_splitmix64(x) % 12, k = 1 + hr_splitmix64(x) % 14,
             wait_us = hr_splitmix64(x) % 30000, seed = hr_splitmix64(x);
    char at[64] = "";
    /* Points that tasks pass kill every attempt's worker, not the program: no workers there. */
    bool in_tasks = how >= 6 && how < HR_COUNT(POINTS);
    if (how < HR_COUNT(POINTS)) snprintf(at, sizeof at, "%s:%d", POINTS[how], (int)k);
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        setenv("HR_CRASH_AT", at, 1);
        hr_fault_init_from_environment();
        int status = run_program(folder, last_input(folder) + 2, seed, !in_tasks);
        fflush(NULL);
        _exit(status);
    }
    if (!at[0]) {
        usleep((useconds_t)wait_us);
        kill(pid, SIGKILL);
    }
    int status = 0;
    waitpid(pid, &status, 0);
    if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) return true;
    if (status == 0) return false;
    printf("  a life ended with status %x (crash at %s)\n", (unsigned)status, at);
    ++*ret_bad;
    return false;
}

static void make_folders(const char *folder)
{
    static const char *const NAMES[] = {"in", "out", "checkpoint"};
    char path[512];
    for (size_t i = 0; i < HR_COUNT(NAMES); i++) {
        snprintf(path, sizeof path, "%s/%s", folder, NAMES[i]);
        mkdir(path, 0777);
    }
}

static void expect_same_output(const char *a, const char *b, int64_t batches)
{
    uint64_t rows = 0;
    for (int64_t n = 1; n <= batches; n++) {
        for (int i = 0; i < OUTPUTS; i++) {
            struct hr_buf x = {0}, y = {0};
            char path[512];
            if ("msuiw"[i] == 'w' && n % 2) continue;
            snprintf(path, sizeof path, "%s/out/%c-%lld", a, "msuiw"[i], (long long)n);
            HR_EXPECT_OK(hr_env_read_file(hr_env_default(), path, &x, NULL));
            snprintf(path, sizeof path, "%s/out/%c-%lld", b, "msuiw"[i], (long long)n);
            HR_EXPECT_OK(hr_env_read_file(hr_env_default(), path, &y, NULL));
            if (!HR_EXPECT_EQ_STR(hr_buf_cstr(&x), hr_buf_cstr(&y))) printf("  in %s\n", path);
            rows += x.len;
            hr_buf_done(&x);
            hr_buf_done(&y);
        }
    }
    HR_EXPECT_TRUE(rows > (uint64_t)batches * 500);
}

HR_TEST(killed_thirty_times)
{
    const char *base = access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp";
    const char *text = getenv("HR_SEED");
    uint64_t x = text ? strtoull(text, NULL, 10) : 1;
    char folder[64], calm[64];
    int kills = 0, lives = 0, bad = 0;
    snprintf(folder, sizeof folder, "%s/hr-kill-XXXXXX", base);
    snprintf(calm, sizeof calm, "%s/hr-calm-XXXXXX", base);
    HR_ASSERT_TRUE(mkdtemp(folder) && mkdtemp(calm));
    make_folders(folder);
    make_folders(calm);
    for (; kills < KILLS && lives < 20 * KILLS && !bad; lives++) kills += live(folder, &x, &bad);
    HR_EXPECT_EQ_I64(kills, KILLS);
    HR_EXPECT_EQ_I64(bad, 0);
    int64_t batches = last_input(folder) + 4;
    printf("  %d lives, %lld batches\n", lives, (long long)batches);
    HR_EXPECT_EQ_I64(run_program(folder, batches, 5, true), 0);
    HR_EXPECT_EQ_I64(run_program(calm, batches, 1, false), 0);
    expect_same_output(folder, calm, batches);
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), folder, NULL));
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), calm, NULL));
}
