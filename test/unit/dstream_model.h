/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random graphs of DStreams, and what they give, computed row by row with arrays and nested loops:
 * the model of test_dstream_random.c.
 *
 * All streams have rows (word, n), n at least 1: operations that give others are followed by a map
 * that folds them (fold). No operation depends on the order of rows. A node's rows of a time are
 * computed once, times in order, so that a state finds its last one.
 */
#ifndef DSTREAM_MODEL_H
#define DSTREAM_MODEL_H

#include "dstream_harness.h"

#define TIMES    12 /* batches, at most */
#define NODES    12
#define MAX_ROWS 600 /* of a stream and batch; graphs that make more are passed over */
#define LETTERS  26
#define PRIME    10007

/* --- Graphs ----------------------------------------------------------------------------------- */

enum op {
    INPUT,
    MAP,
    FLAT_MAP,
    FILTER,
    MAP_PARTITIONS,
    MAP_VALUES,
    FLAT_MAP_VALUES,
    KEY_BY,
    REPARTITION,
    COUNT_ROWS,
    REDUCE,
    COUNT_BY_VALUE,
    REDUCE_BY_KEY,
    COMBINE,
    GROUP,
    TRANSFORM,
    WINDOW,
    COUNT_WINDOW,
    REDUCE_WINDOW,
    GROUP_WINDOW,
    VALUE_WINDOW,
    KEY_WINDOW,
    INVERSE,
    INVERSE_FILTER,
    UPDATE,
    STATE,
    SNAPSHOT,
    /* of two parents */
    UNION,
    JOIN,
    LEFT_JOIN,
    RIGHT_JOIN,
    FULL_JOIN,
    COGROUP,
    TRANSFORM_WITH,
    OPS
};

static const char *const NAMES[OPS] = {"input",
                                       "map",
                                       "flatMap",
                                       "filter",
                                       "mapPartitions",
                                       "mapValues",
                                       "flatMapValues",
                                       "keyBy",
                                       "repartition",
                                       "count",
                                       "reduce",
                                       "countByValue",
                                       "reduceByKey",
                                       "combineByKey",
                                       "groupByKey",
                                       "transform",
                                       "window",
                                       "countByWindow",
                                       "reduceByWindow",
                                       "groupByKeyAndWindow",
                                       "countByValueAndWindow",
                                       "reduceByKeyAndWindow",
                                       "with inverse",
                                       "with inverse and filter",
                                       "updateStateByKey",
                                       "mapWithState",
                                       "stateSnapshots",
                                       "union",
                                       "join",
                                       "leftOuterJoin",
                                       "rightOuterJoin",
                                       "fullOuterJoin",
                                       "cogroup",
                                       "transformWith"};

struct row {
    char word;
    int64_t n;
};

struct rows {
    bool made, none; /* none: not one of the stream's times */
    int count;
    struct row *row;
};

struct table {
    bool has[LETTERS];
    int64_t value[LETTERS], touched[LETTERS];
};

struct node {
    enum op op;
    int a, b, slide;
    int length, timeout; /* batches */
    uint32_t partitions;
    bool output;
    enum hr_persist level;
    struct rows at[TIMES + 1];
    struct table state[TIMES + 1];
};

struct graph {
    uint64_t seed, random;
    int nodes, times;
    struct node node[NODES];
    char words[2][TIMES][256]; /* batches; "-": none is pushed */
    struct row *pool;
    int used, pool_size;
    bool too_big;
};

static uint64_t rnd(struct graph *g, uint64_t below)
{
    g->random = g->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (g->random >> 33) % below;
}

/* A stream that has the slide of a; often a itself. */
static int partner(struct graph *g, int a, int n)
{
    for (int tries = 0; tries < 4; tries++) {
        int b = (int)rnd(g, (uint64_t)n);
        if (g->node[b].slide == g->node[a].slide) return b;
    }
    return a;
}

static void make_batches(struct graph *g)
{
    for (int input = 0; input < 2; input++)
        for (int k = 0; k < g->times; k++) {
            char *text = g->words[input][k];
            uint64_t rows = rnd(g, 10);
            text[0] = '\0';
            if (rows == 9) snprintf(text, 2, "-");
            for (uint64_t i = 0; i < rows && rows != 9; i++)
                snprintf(text + 4 * i, 5, "%c:%c ", 'a' + (int)rnd(g, 6), '1' + (int)rnd(g, 9));
        }
}

static void make_graph(struct graph *g, uint64_t seed)
{
    memset(g->node, 0, sizeof g->node);
    g->seed = g->random = seed;
    rnd(g, 2);
    g->used = 0;
    g->too_big = false;
    g->times = 6 + (int)rnd(g, TIMES - 5);
    g->nodes = 4 + (int)rnd(g, NODES - 3);
    for (int i = 0; i < g->nodes; i++) {
        struct node *n = &g->node[i];
        n->slide = 1;
        if (i < 2) continue;
        n->op = MAP + (int)rnd(g, OPS - MAP);
        n->a = (int)rnd(g, (uint64_t)i);
        n->b = n->op >= UNION ? partner(g, n->a, i) : n->a;
        n->slide = g->node[n->a].slide;
        n->partitions = (uint32_t)rnd(g, 4);
        n->length = n->slide * (1 + (int)rnd(g, 4));
        if (n->op >= WINDOW && n->op <= INVERSE_FILTER && n->slide < 4)
            n->slide *= 1 + (int)rnd(g, 3);
        n->timeout = (int)rnd(g, 5);
        n->output = rnd(g, 3) == 0;
        n->level = rnd(g, 4) ? HR_PERSIST_NONE : (enum hr_persist)(1 + rnd(g, 3));
    }
    g->node[g->nodes - 1].output = true;
    make_batches(g);
}

/* --- The model -------------------------------------------------------------------------------- */

static void put(struct graph *g, struct rows *out, char word, int64_t n)
{
    if (out->count == 0) out->row = g->pool + g->used;
    if (out->count >= MAX_ROWS || g->used >= g->pool_size) {
        g->too_big = true;
        return;
    }
    out->row[out->count++] = (struct row){word, n};
    g->used++;
}

/* What the map behind an operation makes of its values. */
static int64_t fold(int64_t a, int64_t b)
{
    return (a + 3 * b) % PRIME + 1;
}

static const struct rows *rows_of(struct graph *g, int node, int time);

/* Sums, counts and largest values of each word. */
struct groups {
    int64_t sum[LETTERS], count[LETTERS];
    char max_word;
    int64_t max, all;
};

static void group(struct groups *q, const struct rows *rows)
{
    for (int i = 0; i < rows->count; i++) {
        const struct row *r = &rows->row[i];
        q->sum[r->word - 'a'] += r->n;
        q->count[r->word - 'a']++;
        q->max_word = r->word > q->max_word ? r->word : q->max_word;
        q->max = r->n > q->max ? r->n : q->max;
        q->all++;
    }
}

/* The parent's rows of (time - length, time]; they are all made before new ones are put. */
static void window_rows(struct graph *g, const struct node *n, int time, struct rows *out)
{
    for (int t = time - n->length + 1; t <= time; t++)
        if (t > 0) HR_EXPECT_TRUE(rows_of(g, n->a, t) != NULL);
    for (int t = time - n->length + 1; t <= time; t++) {
        if (t <= 0) continue;
        const struct rows *in = rows_of(g, n->a, t);
        for (int i = 0; i < in->count; i++) put(g, out, in->row[i].word, in->row[i].n);
    }
}

/* (word, n) as often as it is there, as one row (word, fold(n, times)). */
static void count_values(struct graph *g, const struct rows *in, struct rows *out)
{
    for (int i = 0; i < in->count; i++) {
        int64_t times = 0;
        bool first = true;
        for (int j = 0; j < in->count; j++) {
            bool same = in->row[j].word == in->row[i].word && in->row[j].n == in->row[i].n;
            times += same;
            if (same && j < i) first = false;
        }
        if (first) put(g, out, in->row[i].word, fold(in->row[i].n, times));
    }
}

static void model_row(struct graph *g, const struct node *n, const struct row *r, struct rows *out)
{
    switch (n->op) {
    case MAP: put(g, out, (char)('a' + (r->word - 'a' + 1) % 6), r->n); break;
    case FLAT_MAP:
        for (int64_t i = 0; i < r->n % 3; i++) put(g, out, r->word, r->n + i);
        break;
    case FILTER:
        if (r->n % 3) put(g, out, r->word, r->n);
        break;
    case MAP_PARTITIONS: put(g, out, r->word, r->n * 2); break;
    case MAP_VALUES: put(g, out, r->word, fold(r->n, 7)); break;
    case FLAT_MAP_VALUES:
        put(g, out, r->word, r->n);
        if (r->n % 2) put(g, out, r->word, r->n + 1);
        break;
    case KEY_BY: put(g, out, (char)('a' + r->n % 5), fold(r->word, r->n)); break;
    default: put(g, out, r->word, r->n); break;
    }
}

static void model_groups(struct graph *g, const struct node *n, const struct rows *in,
                         struct rows *out)
{
    struct groups q = {{0}};
    group(&q, in);
    if (n->op == COUNT_ROWS || n->op == COUNT_WINDOW)
        put(g, out, 'z', fold(q.all, 0));
    else if ((n->op == REDUCE || n->op == REDUCE_WINDOW) && q.all)
        put(g, out, q.max_word, q.max);
    else if (n->op != REDUCE && n->op != REDUCE_WINDOW)
        for (int w = 0; w < LETTERS; w++) {
            if (!q.count[w]) continue;
            bool lists = n->op == GROUP || n->op == GROUP_WINDOW;
            put(g, out, (char)('a' + w), lists ? fold(q.sum[w] + 10 * q.count[w], 0) : q.sum[w]);
        }
}

static void model_inverse(struct graph *g, struct node *n, int time, struct rows *out)
{
    struct rows in = {0};
    struct groups q = {{0}};
    struct table *now = &n->state[time];
    window_rows(g, n, time, &in);
    group(&q, &in);
    for (int w = 0; w < LETTERS; w++) {
        bool before = time > n->slide && n->length >= n->slide && n->state[time - n->slide].has[w];
        now->has[w] = q.count[w] || (before && n->op == INVERSE);
    }
    for (int w = 0; w < LETTERS; w++)
        if (now->has[w]) put(g, out, (char)('a' + w), fold(q.sum[w], 0));
}

static void model_pairs(struct graph *g, const struct node *n, const struct rows *a,
                        const struct rows *b, struct rows *out)
{
    struct groups left = {{0}}, right = {{0}};
    group(&left, a), group(&right, b);
    bool outer_left = n->op == LEFT_JOIN || n->op == FULL_JOIN;
    bool outer_right = n->op == RIGHT_JOIN || n->op == FULL_JOIN;
    for (int i = 0; i < a->count; i++) {
        const struct row *r = &a->row[i];
        for (int j = 0; j < b->count; j++)
            if (b->row[j].word == r->word) put(g, out, r->word, fold(r->n, b->row[j].n));
        if (!right.count[r->word - 'a'] && outer_left) put(g, out, r->word, fold(r->n, 1000));
    }
    for (int j = 0; j < b->count && outer_right; j++)
        if (!left.count[b->row[j].word - 'a']) put(g, out, b->row[j].word, fold(1000, b->row[j].n));
}

static void model_two(struct graph *g, const struct node *n, const struct rows *a,
                      const struct rows *b, struct rows *out)
{
    struct groups left = {{0}}, right = {{0}};
    group(&left, a), group(&right, b);
    if (n->op == UNION) {
        for (int i = 0; i < a->count; i++) put(g, out, a->row[i].word, a->row[i].n);
        for (int i = 0; i < b->count; i++) put(g, out, b->row[i].word, b->row[i].n);
    } else if (n->op == COGROUP) {
        for (int w = 0; w < LETTERS; w++)
            if (left.count[w] || right.count[w])
                put(g, out, (char)('a' + w),
                    fold(left.sum[w] + 10 * left.count[w], right.sum[w] + 10 * right.count[w]));
    } else if (n->op == TRANSFORM_WITH) {
        for (int i = 0; i < a->count; i++)
            if (!right.count[a->row[i].word - 'a']) put(g, out, a->row[i].word, a->row[i].n);
    } else {
        model_pairs(g, n, a, b, out);
    }
}

static void model_update(struct graph *g, struct node *n, int time, const struct rows *in,
                         struct rows *out)
{
    struct table *now = &n->state[time];
    struct groups q = {{0}};
    if (time > n->slide) *now = n->state[time - n->slide];
    group(&q, in);
    for (int w = 0; w < LETTERS; w++) {
        if (!q.count[w] && now->has[w] && now->value[w] % 3 == 0) now->has[w] = false;
        if (!q.count[w] && !now->has[w]) continue;
        now->value[w] = fold((now->has[w] ? now->value[w] : 0) + q.sum[w], 0);
        now->has[w] = true;
        put(g, out, (char)('a' + w), now->value[w]);
    }
}

static void model_state(struct graph *g, struct node *n, int time, const struct rows *in,
                        struct rows *out)
{
    struct table *now = &n->state[time];
    struct rows mapped = {0};
    if (time > n->slide) *now = n->state[time - n->slide];
    for (int i = 0; i < in->count; i++) {
        int w = in->row[i].word - 'a';
        now->value[w] = now->has[w] ? now->value[w] + 1 : 1;
        now->has[w] = true;
        now->touched[w] = time;
        put(g, &mapped, in->row[i].word, now->value[w]);
    }
    for (int w = 0; w < LETTERS && n->timeout; w++)
        if (now->has[w] && time - now->touched[w] >= n->timeout) {
            now->has[w] = false;
            put(g, &mapped, (char)('a' + w), 5000 + now->value[w]);
        }
    if (n->op == STATE) *out = mapped;
    for (int w = 0; w < LETTERS && n->op == SNAPSHOT; w++)
        if (now->has[w]) put(g, out, (char)('a' + w), now->value[w]);
}

static void model_transform(struct graph *g, int time, const struct rows *in, struct rows *out)
{
    for (int i = 0; i < in->count; i++) {
        bool again = false;
        for (int j = 0; j < i && time % 2; j++)
            again = again || (in->row[j].word == in->row[i].word && in->row[j].n == in->row[i].n);
        if (!again) put(g, out, in->row[i].word, in->row[i].n);
    }
}

static void model_input(struct graph *g, int input, int time, struct rows *out)
{
    const char *text = g->words[input][time - 1];
    if (text[0] == '-') return;
    for (; *text; text = strchr(text, ' ') + 1) put(g, out, text[0], text[2] - '0');
}

static void model_node(struct graph *g, int node, int time, struct rows *out)
{
    struct node *n = &g->node[node];
    struct rows window = {0};
    if (n->op == INPUT) {
        model_input(g, node, time, out);
        return;
    }
    bool windowed = n->op >= WINDOW && n->op <= INVERSE_FILTER;
    const struct rows *a = windowed ? &window : rows_of(g, n->a, time);
    const struct rows *b = n->op >= UNION ? rows_of(g, n->b, time) : NULL;
    if (n->op == INVERSE || n->op == INVERSE_FILTER) {
        model_inverse(g, n, time, out);
        return;
    }
    if (windowed) window_rows(g, n, time, &window);
    if (b)
        model_two(g, n, a, b, out);
    else if (n->op == UPDATE)
        model_update(g, n, time, a, out);
    else if (n->op == STATE || n->op == SNAPSHOT)
        model_state(g, n, time, a, out);
    else if (n->op == COUNT_BY_VALUE || n->op == VALUE_WINDOW)
        count_values(g, a, out);
    else if (n->op == TRANSFORM)
        model_transform(g, time, a, out);
    else if ((n->op >= COUNT_ROWS && n->op <= GROUP) || (windowed && n->op != WINDOW))
        model_groups(g, n, a, out);
    else
        for (int i = 0; i < a->count; i++) model_row(g, n, &a->row[i], out);
}

/* Times are asked for in order, so that a state finds its last one. */
static const struct rows *rows_of(struct graph *g, int node, int time)
{
    struct node *n = &g->node[node];
    for (int t = 1; t <= time; t++) {
        struct rows rows = {0};
        if (n->at[t].made) continue;
        if (t % n->slide == 0)
            model_node(g, node, t, &rows);
        else
            rows.none = true;
        rows.made = true;
        n->at[t] = rows;
    }
    return &n->at[time];
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* As ds_note writes it. */
static void model_text(struct graph *g, int node, struct ds_out *out)
{
    static char lines[MAX_ROWS][32];
    size_t at = 0;
    for (int t = 1; t <= g->times && !g->too_big; t++) {
        const struct rows *rows = rows_of(g, node, t);
        if (rows->none || g->too_big) continue;
        at += (size_t)snprintf(out->text + at, DS_OUT - at, "%d:", t);
        for (int i = 0; i < rows->count; i++)
            snprintf(lines[i], sizeof lines[i], "(%c,%lld)", rows->row[i].word,
                     (long long)rows->row[i].n);
        qsort(lines, (size_t)rows->count, sizeof *lines, compare_texts);
        for (int i = 0; i < rows->count && at < DS_OUT; i++)
            at += (size_t)snprintf(out->text + at, DS_OUT - at, " %s", lines[i]);
        if (at < DS_OUT) at += (size_t)snprintf(out->text + at, DS_OUT - at, "; ");
        if (at >= DS_OUT) g->too_big = true;
    }
}

#endif
