/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DStream programs over fixed batches, with the exact text of every batch.
 *
 *     static const struct ds_program PROGRAMS[] = {
 *         {"counts", counts, "1: (a,2) (b,1); 2: (b,1); 3:; …"},
 *     };
 *     ds_check_all(PROGRAMS, COUNT(PROGRAMS));
 *
 * Each program is built and run anew in every mode, and must print the same in all: with 1, 2 and 8
 * partitions, with pieces of one row, with next to no memory for kept blocks; and all of a table
 * side by side in one streaming context (which costs less than each alone): with worker processes,
 * and stopped after every batch k and gone on with from the checkpoint, by another number of
 * partitions. A batch prints as "seconds: rows; ", its rows in the order of their texts.
 */
#ifndef DSTREAM_HARNESS_H
#define DSTREAM_HARNESS_H

#include <headrace/headrace.h>

#include "base/env.h"
#include "hr_test.h"

#define SECOND   INT64_C(1000000)
#define DS_OUT   8192
#define DS_ROWS  4096 /* most rows of one batch */
#define COUNT(a) (sizeof(a) / sizeof *(a))

struct ds_bench {
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    struct hr_dstream *in, *other; /* queues of (word STRING, n LONG) */
    const void *own;               /* the program's */
};

/* What a stream gave. */
struct ds_out {
    char text[DS_OUT];
};

typedef struct hr_dstream *(*ds_build_fn)(struct ds_bench *b, struct hr_err *err);

struct ds_program {
    const char *name;
    ds_build_fn build; /* the stream that is looked at */
    const char *expected;
    bool by_piece;   /* what comes out depends on the pieces that a batch came in */
    bool alone;      /* restarted alone as well: what it needs, no other keeps for it */
    const void *own; /* for build */
};

/* Batches of words with a number after a colon (else 1), a text a batch, NULL the end; of the
 * other input maybe fewer, or NULL. */
struct ds_input {
    const char *const *words, *const *others;
    bool quick; /* without worker processes */
};

static const char *const DS_WORDS[] = {"a b a", "b", "", "a c", "c c", "", "", "b a", NULL};
static const char *const DS_OTHERS[] = {"a:7", "",    "b:8 d:9",     "c:5 c:6 a:4", "",
                                        "x:1", "a:2", "a:3 b:1 b:2", NULL};
__attribute__((unused)) static const struct ds_input DS_INPUT = {DS_WORDS, DS_OTHERS, false};

/* Under a sanitizer a fork takes long, and there are thousands: test_rdd_executor has its share. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define DS_FORKS false
#else
#define DS_FORKS true
#endif

struct ds_mode {
    const char *name;
    uint32_t partitions, executors, pieces;
    int64_t memory_bytes;
    bool together, restart;
};

static const struct ds_mode DS_MODES[] = {
    {.name = "1 partition", .partitions = 1, .pieces = 2},
    {.name = "2 partitions", .partitions = 2, .pieces = 2},
    {.name = "8 partitions", .partitions = 8, .pieces = 2},
    {.name = "pieces of a row", .partitions = 2, .pieces = 64},
    {.name = "no memory", .partitions = 2, .pieces = 2, .memory_bytes = 1},
    {.name = "executors", .partitions = 2, .pieces = 2, .executors = 2, .together = true},
    {.name = "restart", .partitions = 2, .pieces = 2, .together = true, .restart = true},
};

/* --- Rows in and out -------------------------------------------------------------------------- */

/* Words "a b:3" as rows (a,1) (b,3). */
__attribute__((unused)) static hr_status ds_fill(void *arg, struct hr_emitter *out,
                                                 struct hr_err *err)
{
    struct hr_text text = hr_text(arg), word, part;
    (void)err;
    while (hr_text_next_word(&text, &word)) {
        int64_t n = 1;
        hr_text_next_field(&word, ':', &part);
        hr_emit_text(out, part);
        if (word.ptr && hr_text_next_field(&word, ':', &part)) hr_text_to_long(part, &n);
        hr_emit_long(out, n);
        hr_emit_end(out);
    }
    return 0;
}

static int ds_compare(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rows of a result in the order of their texts, " row row" at the end of out. */
__attribute__((unused)) static void ds_put_rows(struct hr_rows *rows, char *out, size_t size)
{
    static _Thread_local char *lines[DS_ROWS];
    size_t n = 0, at = strlen(out);
    for (const struct hr_row *row; (row = hr_rows_next(rows)) && n < DS_ROWS;) {
        size_t len = hr_row_print(row, NULL, 0);
        lines[n] = malloc(len + 1);
        hr_row_print(row, lines[n++], len + 1);
    }
    qsort(lines, n, sizeof *lines, ds_compare);
    for (size_t i = 0; i < n; i++) {
        if (at < size) at += (size_t)snprintf(out + at, size - at, " %s", lines[i]);
        free(lines[i]);
    }
}

/* An output: appends the batch to a struct ds_out. */
__attribute__((unused)) static hr_status ds_note(void *arg, struct hr_rdd *rdd, int64_t time_us,
                                                 struct hr_err *err)
{
    char *text = ((struct ds_out *)arg)->text;
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    if (!rows) return err->code;
    size_t at = strlen(text);
    snprintf(text + at, DS_OUT - at, "%lld:", (long long)(time_us / SECOND));
    ds_put_rows(rows, text, DS_OUT);
    hr_rows_free(rows);
    at = strlen(text);
    snprintf(text + at, DS_OUT - at, "; ");
    return 0;
}

/* --- One run ---------------------------------------------------------------------------------- */

/* The context's clock stands at start_us. dir NULL: no checkpoint. */
__attribute__((unused)) static void ds_open(struct ds_bench *b, const struct ds_mode *mode,
                                            int64_t start_us, const char *dir)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 2,
                                   .executors = mode->executors,
                                   .manual_clock = true,
                                   .manual_start_us = start_us,
                                   .memory_bytes = mode->memory_bytes,
                                   .default_parallelism = mode->partitions};
    b->ctx = hr_context_new(&o, &err);
    b->ssc = hr_streaming_new(b->ctx, SECOND, &err);
    b->in = hr_queue_stream(b->ssc, "word STRING, n LONG", true, &err);
    b->other = hr_queue_stream(b->ssc, "word STRING, n LONG", true, &err);
    if (dir) HR_EXPECT_OK(hr_streaming_checkpoint(b->ssc, dir, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
}

__attribute__((unused)) static void ds_close(struct ds_bench *b)
{
    hr_streaming_free(b->ssc);
    hr_context_free(b->ctx);
}

__attribute__((unused)) static struct hr_rdd *ds_rdd(struct ds_bench *b, const char *words,
                                                     uint32_t pieces, struct hr_err *err)
{
    return hr_parallelize(b->ctx, "word STRING, n LONG", ds_fill, (void *)(uintptr_t)words, pieces,
                          err);
}

/* Gives the inputs their batches (NULL: none) and runs one. */
__attribute__((unused)) static hr_status ds_step(struct ds_bench *b, const char *words,
                                                 const char *others, uint32_t pieces,
                                                 struct hr_err *err)
{
    if (words) HR_EXPECT_OK(hr_queue_push(b->in, ds_rdd(b, words, pieces, err), err));
    if (others) HR_EXPECT_OK(hr_queue_push(b->other, ds_rdd(b, others, pieces, err), err));
    return hr_streaming_step(b->ssc, err);
}

/* Builds the programs, starts and runs batches [from, upto). */
static void ds_run(struct ds_bench *b, const struct ds_program *const *programs, size_t count,
                   struct ds_out *outs, const struct ds_input *input, uint32_t pieces, int from,
                   int upto)
{
    struct hr_err err = {0};
    hr_status status = 0;
    for (size_t i = 0; i < count && status == 0; i++) {
        b->own = programs[i]->own;
        status = hr_dstream_foreach_rdd(programs[i]->build(b, &err), ds_note, &outs[i], &err);
    }
    if (status == 0) status = hr_streaming_start(b->ssc, &err);
    for (int k = from; k < upto && status == 0; k++)
        status = ds_step(b, input->words[k], input->others ? input->others[k] : NULL, pieces, &err);
    hr_test_check(status == 0 && err.msg[0] == '\0', __FILE__, __LINE__,
                  "%s%s, batches %d to %d: %s", programs[0]->name, count > 1 ? " and others" : "",
                  from + 1, upto, err.msg);
}

static int ds_batch_count(const struct ds_input *input)
{
    int n = 0;
    while (input->words[n]) n++;
    return n;
}

__attribute__((unused)) static void ds_remove(const char *dir)
{
    struct hr_err err = {0};
    HR_EXPECT_OK(hr_env_remove_tree(hr_env_default(), dir, &err));
}

static void ds_compare_out(const struct ds_program *const *programs, size_t count,
                           const struct ds_out *outs, const char *mode, int k)
{
    char restart[32] = "";
    if (k) snprintf(restart, sizeof restart, " after batch %d", k);
    for (size_t i = 0; i < count; i++)
        hr_test_check(strcmp(outs[i].text, programs[i]->expected) == 0, __FILE__, __LINE__,
                      "%s, %s%s:\n    got      \"%s\"\n    expected \"%s\"", programs[i]->name,
                      mode, restart, outs[i].text, programs[i]->expected);
}

/* Batches up to k by one process, the rest by another, which has other partitions. */
static void ds_check_restart(const struct ds_program *const *programs, size_t count,
                             struct ds_out *outs, const struct ds_input *input,
                             const struct ds_mode *mode, int k)
{
    char dir[] = "/tmp/hr-dstream-XXXXXX";
    struct ds_bench b = {0};
    struct ds_mode more = *mode;
    more.partitions = 5;
    if (!HR_EXPECT_TRUE(mkdtemp(dir) != NULL)) return;
    ds_open(&b, mode, 0, dir);
    ds_run(&b, programs, count, outs, input, mode->pieces, 0, k);
    ds_close(&b);
    ds_open(&b, &more, k * SECOND + SECOND / 3, dir);
    ds_run(&b, programs, count, outs, input, mode->pieces, k, ds_batch_count(input));
    ds_close(&b);
    ds_remove(dir);
}

/* In one context, or in one after the other for every k. */
static void ds_check_set(const struct ds_program *const *programs, size_t count,
                         const struct ds_input *input, const struct ds_mode *mode)
{
    int batches = ds_batch_count(input);
    struct ds_out *outs = calloc(count, sizeof *outs);
    for (int k = 1; k < (mode->restart ? batches : 2); k++) {
        struct ds_bench b = {0};
        for (size_t i = 0; i < count; i++) outs[i].text[0] = '\0';
        if (mode->restart) {
            ds_check_restart(programs, count, outs, input, mode, k);
        } else {
            ds_open(&b, mode, 0, NULL);
            ds_run(&b, programs, count, outs, input, mode->pieces, 0, batches);
            ds_close(&b);
        }
        ds_compare_out(programs, count, outs, mode->name, mode->restart ? k : 0);
        if (hr_test_failures > 20) break; /* enough said */
    }
    free(outs);
}

/* Every program over the input, in every mode. */
__attribute__((unused)) static void ds_check_over(const struct ds_program *programs, size_t count,
                                                  const struct ds_input *input)
{
    const struct ds_program **set = malloc(count * sizeof *set);
    for (size_t m = 0; m < COUNT(DS_MODES); m++) {
        const struct ds_mode *mode = &DS_MODES[m];
        size_t n = 0;
        if (mode->executors && (input->quick || !DS_FORKS)) continue;
        for (size_t i = 0; i < count; i++)
            if (!programs[i].by_piece || mode->pieces == 2) set[n++] = &programs[i];
        if (mode->together && n) ds_check_set(set, n, input, mode);
        for (size_t i = 0; i < n; i++)
            if (!mode->together || (mode->restart && set[i]->alone && n > 1))
                ds_check_set(&set[i], 1, input, mode);
    }
    free(set);
}

__attribute__((unused)) static void ds_check_all(const struct ds_program *programs, size_t count)
{
    ds_check_over(programs, count, &DS_INPUT);
}

#define DS_PROGRAM(name, expr)                                             \
    static struct hr_dstream *name(struct ds_bench *b, struct hr_err *err) \
    {                                                                      \
        return expr;                                                       \
    }

#endif
