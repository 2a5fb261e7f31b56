/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mapWithState with its snapshots, updateStateByKey and windows (plain, with an inverse) against a
 * dumb model: random rows, updates, removals, timeouts, empty batches; in the middle the program
 * ends and a new one goes on from the checkpoint, with other numbers of partitions and worker
 * processes. The runs' numbers follow from HR_SEED (1); the one that fails is printed.
 */
#include <ftw.h>
#include <headrace/headrace.h>

#include "hr_test.h"

#define SECOND  1000000
#define KEYS    12
#define BATCHES 10
#define ROWS    24
#define OUTPUTS 5
#define TEXT    16384

struct rows {
    uint32_t count;
    uint32_t key[ROWS];
    int64_t value[ROWS];
};

/* What the program does, and what comes in. */
struct plan {
    uint64_t seed;
    int64_t timeout, length, slide, plain_length, plain_slide;
    struct rows batch[BATCHES];
};

struct model {
    struct {
        bool has;
        int64_t n, touched, sum; /* sum: of updateStateByKey, INT64_MIN: none */
        char text[64];
    } key[KEYS];
};

static uint64_t next(uint64_t *x)
{
    *x ^= *x << 13, *x ^= *x >> 7, *x ^= *x << 17;
    return *x;
}

/* Some short enough to lie in a cell, some not. */
static const char *name_of(uint32_t key)
{
    static const char *const NAMES[KEYS] = {"a",
                                            "b",
                                            "",
                                            "key-of-13-byt",
                                            "a key that is longer than what fits",
                                            "f",
                                            "g",
                                            "h",
                                            "another of the longer keys, to be copied",
                                            "j",
                                            "k",
                                            "l"};
    return NAMES[key];
}

static void make_plan(struct plan *p, uint64_t seed)
{
    uint64_t x = seed * 0x9e3779b97f4a7c15u + 1;
    for (int i = 0; i < 4; i++) next(&x);
    *p = (struct plan){.seed = seed};
    p->timeout = (int64_t)(next(&x) % 4) * SECOND;
    p->slide = (int64_t)(1 + next(&x) % 2) * SECOND;
    p->length = (int64_t)(1 + next(&x) % 4) * p->slide;
    p->plain_slide = (int64_t)(1 + next(&x) % 3) * SECOND;
    p->plain_length = (int64_t)(1 + next(&x) % 4) * SECOND;
    for (int b = 0; b < BATCHES; b++) {
        struct rows *rows = &p->batch[b];
        rows->count = next(&x) % 4 == 0 ? 0 : (uint32_t)(next(&x) % ROWS);
        for (uint32_t i = 0; i < rows->count; i++) {
            rows->key[i] = (uint32_t)(next(&x) % (1 + next(&x) % KEYS));
            rows->value[i] = (int64_t)(next(&x) % 40);
        }
    }
}

/* --- The program ------------------------------------------------------------------------------ */

static hr_status put_state(struct hr_state *state, const struct hr_row *key, int64_t n)
{
    char text[64];
    struct hr_text name = hr_row_str(key, 0);
    snprintf(text, sizeof text, "%.*s=%lld", (int)name.len, name.ptr, (long long)n);
    struct hr_emitter *out = hr_state_update(state);
    hr_emit_long(out, n);
    hr_emit_str(out, text);
    hr_emit_end(out);
    return 0;
}

static void emit(struct hr_emitter *out, const struct hr_row *key, const struct hr_state *state,
                 const char *what)
{
    const struct hr_row *now = hr_state_get(state);
    hr_emit_field(out, key, 0);
    if (now)
        hr_emit_long(out, hr_row_long(now, 0));
    else
        hr_emit_null(out);
    hr_emit_str(out, what);
    hr_emit_end(out);
}

static hr_status step(void *arg, int64_t time_us, const struct hr_row *key,
                      const struct hr_row *value, struct hr_state *state, struct hr_emitter *out,
                      struct hr_err *err)
{
    const struct hr_row *old = hr_state_get(state);
    int64_t n = old ? hr_row_long(old, 0) : 0, v = value ? hr_row_long(value, 0) : 0;
    (void)arg, (void)time_us, (void)err;
    if (!value) {
        emit(out, key, state, hr_state_timing_out(state) ? "timeout" : "wrong");
        return 0;
    }
    switch (v % 8) {
    case 0: emit(out, key, state, "seen"); return 0;
    case 1: hr_state_remove(state); return 0;
    case 2:
        put_state(state, key, 7);
        hr_state_remove(state);
        emit(out, key, state, "gone");
        return 0;
    case 3:
        hr_state_remove(state);
        put_state(state, key, v);
        break;
    case 4:
        put_state(state, key, n + v);
        put_state(state, key, hr_row_long(hr_state_get(state), 0) + 1);
        break;
    default: put_state(state, key, n + v);
    }
    emit(out, key, state, "set");
    return 0;
}

/* A running sum that goes when a batch brings nothing and it is a multiple of 3. */
static hr_status running(void *arg, const struct hr_row *key, const struct hr_row *values,
                         const struct hr_row *state, struct hr_emitter *out, struct hr_err *err)
{
    int64_t sum = state ? hr_row_long(state, 0) : 0;
    uint32_t n = hr_row_length(values, 0);
    (void)arg, (void)key, (void)err;
    if (n == 0 && sum % 3 == 0) return 0;
    for (uint32_t i = 0; i < n; i++) {
        struct hr_row v;
        if (hr_row_element(values, 0, i, &v)) sum += hr_row_long(&v, 0);
    }
    hr_emit_long(out, sum);
    hr_emit_end(out);
    return 0;
}

static hr_status count_one(void *arg, const struct hr_row *row, struct hr_emitter *out,
                           struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_field(out, row, 1);
    hr_emit_long(out, 1);
    hr_emit_end(out);
    return 0;
}

static bool some_left(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_row_long(row, 2) > 0;
}

struct program {
    struct hr_context *ctx;
    struct hr_streaming *ssc;
    struct hr_dstream *in;
    struct output {
        char name;
        char *text; /* of all programs of a run */
    } out[OUTPUTS];
};

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void put_sorted(struct output *o, int64_t time_us, char **lines, int n)
{
    size_t at = strlen(o->text);
    qsort(lines, (size_t)n, sizeof *lines, compare_lines);
    at += (size_t)snprintf(o->text + at, TEXT - at, "%c%lld:", o->name,
                           (long long)(time_us / SECOND));
    for (int i = 0; i < n; i++) {
        at += (size_t)snprintf(o->text + at, TEXT - at, " %s", lines[i]);
        free(lines[i]);
    }
    snprintf(o->text + at, TEXT - at, "\n");
}

static hr_status note(void *arg, struct hr_rdd *rdd, int64_t time_us, struct hr_err *err)
{
    char *lines[ROWS * BATCHES];
    int n = 0;
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    if (!rows) return err->code;
    for (const struct hr_row *row; (row = hr_rows_next(rows));) {
        size_t len = hr_row_print(row, NULL, 0);
        lines[n] = malloc(len + 1);
        hr_row_print(row, lines[n++], len + 1);
    }
    hr_rows_free(rows);
    put_sorted(arg, time_us, lines, n);
    return 0;
}

static void open_program(struct program *p, const struct plan *plan, const char *dir, uint64_t *x)
{
    static const uint32_t PARTITIONS[] = {1, 2, 8, 3};
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 1 + (uint32_t)(next(x) % 2),
                                   .executors = next(x) % 16 == 0 ? 2 : 0,
                                   .manual_clock = true,
                                   .default_parallelism = PARTITIONS[next(x) % 4]};
    p->ctx = hr_context_new(&o, &err);
    p->ssc = hr_streaming_new(p->ctx, SECOND, &err);
    p->in = hr_queue_stream(p->ssc, "k STRING, v LONG", true, &err);
    struct hr_state_spec spec = {.state_schema = "n LONG, t STRING",
                                 .mapped_schema = "k STRING, n LONG, what STRING",
                                 .fn = step,
                                 .timeout_us = plan->timeout,
                                 .partitions = PARTITIONS[next(x) % 4]};
    struct hr_dstream *mapped = hr_dstream_map_with_state(p->in, &spec, &err), *s[OUTPUTS];
    s[0] = mapped;
    s[1] = hr_dstream_state_snapshots(mapped, &err);
    s[2] = hr_dstream_update_state_by_key(p->in, "sum LONG", running, NULL, PARTITIONS[next(x) % 4],
                                          NULL, &err);
    s[3] = hr_dstream_reduce_by_key_and_window(
        hr_dstream_map_values(p->in, "v LONG, n LONG", count_one, NULL, &err), hr_sum, hr_subtract,
        some_left, NULL, plan->length, plan->slide, 0, &err);
    s[4] = hr_dstream_reduce_by_key(
        hr_dstream_window(hr_dstream_map_values(p->in, "v LONG, n LONG", count_one, NULL, &err),
                          plan->plain_length, plan->plain_slide, &err),
        hr_sum, NULL, 0, &err);
    for (int i = 0; i < OUTPUTS; i++)
        HR_EXPECT_OK(hr_dstream_foreach_rdd(s[i], note, &p->out[i], &err));
    HR_EXPECT_OK(hr_streaming_checkpoint(p->ssc, dir, &err));
    HR_EXPECT_OK(hr_streaming_start(p->ssc, &err));
    HR_EXPECT_EQ_STR(err.msg, "");
}

static void close_program(struct program *p)
{
    hr_streaming_free(p->ssc);
    hr_context_free(p->ctx);
}

static hr_status fill(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    const struct rows *rows = arg;
    (void)err;
    for (uint32_t i = 0; i < rows->count; i++) {
        hr_emit_str(out, name_of(rows->key[i]));
        hr_emit_long(out, rows->value[i]);
        hr_emit_end(out);
    }
    return 0;
}

/* --- The model -------------------------------------------------------------------------------- */

static char *line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
static char *line(const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    return strdup(text);
}

static char *model_row(struct model *m, uint32_t k, int64_t v)
{
    const char *name = name_of(k), *what = "set";
    int64_t n = m->key[k].has ? m->key[k].n : 0;
    switch (v % 8) {
    case 0: what = "seen"; break;
    case 1: m->key[k].has = false; return NULL;
    case 2:
        m->key[k].has = false;
        what = "gone";
        break;
    default:
        m->key[k].n = v % 8 == 3 ? v : n + v + (v % 8 == 4);
        m->key[k].has = true;
        snprintf(m->key[k].text, sizeof m->key[k].text, "%s=%lld", name, (long long)m->key[k].n);
    }
    return m->key[k].has ? line("(%s,%lld,%s)", name, (long long)m->key[k].n, what)
                         : line("(%s,null,%s)", name, what);
}

static void model_state(struct model *m, const struct plan *plan, int b, struct output *out)
{
    int64_t now = (int64_t)(b + 1) * SECOND;
    const struct rows *rows = &plan->batch[b];
    bool met[KEYS] = {false};
    char *lines[ROWS + KEYS];
    int n = 0;
    for (uint32_t i = 0; i < rows->count; i++) {
        uint32_t k = rows->key[i];
        char *text = model_row(m, k, rows->value[i]);
        if (text) lines[n++] = text;
        m->key[k].touched = now;
        met[k] = true;
    }
    for (uint32_t k = 0; k < KEYS && plan->timeout; k++) {
        if (met[k] || !m->key[k].has || now - m->key[k].touched < plan->timeout) continue;
        lines[n++] = line("(%s,%lld,timeout)", name_of(k), (long long)m->key[k].n);
        m->key[k].has = false;
    }
    put_sorted(&out[0], now, lines, n);
    n = 0;
    for (uint32_t k = 0; k < KEYS; k++)
        if (m->key[k].has)
            lines[n++] = line("(%s,%lld,%s)", name_of(k), (long long)m->key[k].n, m->key[k].text);
    put_sorted(&out[1], now, lines, n);
}

static void model_update(struct model *m, const struct plan *plan, int b, struct output *out)
{
    const struct rows *rows = &plan->batch[b];
    char *lines[KEYS];
    int n = 0;
    for (uint32_t k = 0; k < KEYS; k++) {
        int64_t *sum = &m->key[k].sum, more = 0;
        bool any = false;
        for (uint32_t i = 0; i < rows->count; i++) {
            if (rows->key[i] != k) continue;
            any = true;
            more += rows->value[i];
        }
        if (any)
            *sum = (*sum == INT64_MIN ? 0 : *sum) + more;
        else if (*sum != INT64_MIN && *sum % 3 == 0)
            *sum = INT64_MIN;
        if (*sum != INT64_MIN) lines[n++] = line("(%s,%lld)", name_of(k), (long long)*sum);
    }
    put_sorted(&out[2], (int64_t)(b + 1) * SECOND, lines, n);
}

static void model_window(const struct plan *plan, int b, int64_t length, int64_t slide,
                         struct output *out)
{
    int64_t now = (int64_t)(b + 1) * SECOND;
    int first = b + 1 - (int)(length / SECOND);
    char *lines[KEYS];
    int n = 0;
    if (now % slide) return;
    for (uint32_t k = 0; k < KEYS; k++) {
        long long sum = 0, count = 0;
        for (int i = first < 0 ? 0 : first; i <= b; i++) {
            for (uint32_t r = 0; r < plan->batch[i].count; r++) {
                if (plan->batch[i].key[r] != k) continue;
                sum += plan->batch[i].value[r];
                count++;
            }
        }
        if (count) lines[n++] = line("(%s,%lld,%lld)", name_of(k), sum, count);
    }
    put_sorted(out, now, lines, n);
}

static void run_model(const struct plan *plan, struct output *out)
{
    struct model m;
    memset(&m, 0, sizeof m);
    for (uint32_t k = 0; k < KEYS; k++) m.key[k].sum = INT64_MIN;
    for (int b = 0; b < BATCHES; b++) {
        model_state(&m, plan, b, out);
        model_update(&m, plan, b, out);
        model_window(plan, b, plan->length, plan->slide, &out[3]);
        model_window(plan, b, plan->plain_length, plan->plain_slide, &out[4]);
    }
}

/* --- The runs --------------------------------------------------------------------------------- */

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
    (void)st, (void)flag, (void)ftw;
    return remove(path);
}

static bool one_run(uint64_t seed)
{
    /* in memory where there is such a folder: 200 runs sync 6000 times */
    char shm[] = "/dev/shm/hr-state-XXXXXX", tmp[] = "/tmp/hr-state-XXXXXX";
    char *dir = access("/dev/shm", W_OK) == 0 ? shm : tmp;
    struct plan plan;
    struct output expected[OUTPUTS];
    struct program p = {0};
    struct hr_err err = {0};
    uint64_t x = seed * 0xbf58476d1ce4e5b9u + 7;
    int before = hr_test_failures;
    make_plan(&plan, seed);
    for (int i = 0; i < OUTPUTS; i++) {
        expected[i] = (struct output){"msuiw"[i], calloc(1, TEXT)};
        p.out[i] = (struct output){"msuiw"[i], calloc(1, TEXT)};
    }
    run_model(&plan, expected);
    if (!mkdtemp(dir)) return HR_EXPECT_TRUE(!"mkdtemp");
    open_program(&p, &plan, dir, &x);
    for (int b = 0; b < BATCHES && hr_test_failures == before; b++) {
        struct hr_rdd *rdd = hr_parallelize(p.ctx, "k STRING, v LONG", fill, &plan.batch[b],
                                            1 + (uint32_t)(next(&x) % 3), &err);
        HR_EXPECT_OK(hr_queue_push(p.in, rdd, &err));
        HR_EXPECT_OK(hr_streaming_step(p.ssc, &err));
        HR_EXPECT_EQ_STR(err.msg, "");
        if (next(&x) % 3) continue;
        close_program(&p);
        open_program(&p, &plan, dir, &x);
    }
    close_program(&p);
    nftw(dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
    for (int i = 0; i < OUTPUTS; i++) {
        HR_EXPECT_EQ_STR(p.out[i].text, expected[i].text);
        free(p.out[i].text);
        free(expected[i].text);
    }
    if (hr_test_failures > before)
        printf("  run %llu: timeout %lld, inverse window %lld/%lld, window %lld/%lld\n",
               (unsigned long long)seed, (long long)plan.timeout, (long long)plan.length,
               (long long)plan.slide, (long long)plan.plain_length, (long long)plan.plain_slide);
    return hr_test_failures == before;
}

/* Of the 20 seeds that each test has for itself: worker processes are slow under a sanitizer. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RUNS 6
#else
#define RUNS 20
#endif

static void runs(uint64_t first)
{
    const char *seed = getenv("HR_SEED"), *count = getenv("HR_RUNS");
    uint64_t from = (seed ? strtoull(seed, NULL, 10) : 1) * 1000 + first;
    uint64_t n = count ? strtoull(count, NULL, 10) : RUNS;
    printf("  runs %llu … %llu\n", (unsigned long long)from, (unsigned long long)(from + n - 1));
    for (uint64_t i = 0; i < n && one_run(from + i); i++) continue;
}

HR_TEST(states_and_windows_as_the_model_1)
{
    runs(0);
}
HR_TEST(states_and_windows_as_the_model_2)
{
    runs(20);
}
HR_TEST(states_and_windows_as_the_model_3)
{
    runs(40);
}
HR_TEST(states_and_windows_as_the_model_4)
{
    runs(60);
}
HR_TEST(states_and_windows_as_the_model_5)
{
    runs(80);
}
HR_TEST(states_and_windows_as_the_model_6)
{
    runs(100);
}
HR_TEST(states_and_windows_as_the_model_7)
{
    runs(120);
}
HR_TEST(states_and_windows_as_the_model_8)
{
    runs(140);
}
HR_TEST(states_and_windows_as_the_model_9)
{
    runs(160);
}
HR_TEST(states_and_windows_as_the_model_10)
{
    runs(180);
}
