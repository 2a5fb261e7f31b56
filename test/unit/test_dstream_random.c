/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random graphs of DStreams over random batches against the plain model of dstream_model.h.
 *
 * A graph is a list of nodes, so that it can be built twice: half are stopped after a random batch
 * and gone on with from their checkpoint. Partitions, pieces, memory and (in a few) worker
 * processes are random too.
 *
 * HR_DSTREAM_GRAPHS: how many (300). HR_TEST_SEED: another start. A failure prints the graph and
 * its seed; HR_DSTREAM_GRAPHS=1 HR_TEST_SEED=that runs it again.
 */
#include "dstream_model.h"

/* --- The same with DStreams ------------------------------------------------------------------- */

static const char WORDS[] = "word STRING, n LONG";

static hr_status emit(struct hr_emitter *out, char word, int64_t n)
{
    hr_emit_text(out, (struct hr_text){&word, 1});
    hr_emit_long(out, n);
    hr_emit_end(out);
    return 0;
}

static char word_of(const struct hr_row *row)
{
    return hr_row_str(row, 0).ptr[0];
}

#define ROW_FN(name)                                                                   \
    static hr_status name(void *arg, const struct hr_row *row, struct hr_emitter *out, \
                          struct hr_err *err)

ROW_FN(map_row)
{
    (void)arg, (void)err;
    return emit(out, (char)('a' + (word_of(row) - 'a' + 1) % 6), hr_row_long(row, 1));
}
ROW_FN(flat_map_row)
{
    int64_t n = hr_row_long(row, 1);
    (void)arg, (void)err;
    for (int64_t i = 0; i < n % 3; i++) emit(out, word_of(row), n + i);
    return 0;
}
ROW_FN(map_value)
{
    (void)arg, (void)err;
    hr_emit_long(out, fold(hr_row_long(row, 1), 7));
    hr_emit_end(out);
    return 0;
}
ROW_FN(flat_map_value)
{
    int64_t n = hr_row_long(row, 1);
    (void)arg, (void)err;
    for (int64_t i = 0; i <= n % 2; i++) {
        hr_emit_long(out, n + i);
        hr_emit_end(out);
    }
    return 0;
}
ROW_FN(key_of_row)
{
    char key = (char)('a' + hr_row_long(row, 1) % 5);
    (void)arg, (void)err;
    hr_emit_text(out, (struct hr_text){&key, 1});
    hr_emit_end(out);
    return 0;
}
/* (key, word, n) */
ROW_FN(fold_keyed)
{
    (void)arg, (void)err;
    return emit(out, word_of(row), fold(hr_row_str(row, 1).ptr[0], hr_row_long(row, 2)));
}
/* A number, or the sum and number of a list; 1000 where there is none. */
static int64_t value_of(const struct hr_row *row, uint32_t column, bool list)
{
    int64_t sum = 0;
    struct hr_row element;
    if (column >= hr_row_columns(row)) return 0;
    if (!list) return hr_row_is_null(row, column) ? 1000 : hr_row_long(row, column);
    uint32_t n = hr_row_length(row, column);
    for (uint32_t i = 0; i < n; i++)
        if (hr_row_element(row, column, i, &element)) sum += hr_row_long(&element, 0);
    return sum + 10 * n;
}
ROW_FN(fold_numbers)
{
    (void)arg, (void)err;
    return emit(out, word_of(row), fold(value_of(row, 1, false), value_of(row, 2, false)));
}
ROW_FN(fold_lists)
{
    (void)arg, (void)err;
    return emit(out, word_of(row), fold(value_of(row, 1, true), value_of(row, 2, true)));
}
ROW_FN(fold_count)
{
    (void)arg, (void)err;
    return emit(out, 'z', fold(hr_row_long(row, 0), 0));
}
ROW_FN(same_value)
{
    (void)arg, (void)err;
    hr_emit_row(out, row);
    return 0;
}

static bool no_third(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_row_long(row, 1) % 3 != 0;
}
static bool not_zero(void *arg, const struct hr_row *row)
{
    (void)arg;
    return hr_row_long(row, 1) != 0;
}
static hr_status double_rows(void *arg, uint32_t partition, struct hr_rows *in,
                             struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err, (void)partition;
    for (const struct hr_row *row; (row = hr_rows_next(in));)
        emit(out, word_of(row), 2 * hr_row_long(row, 1));
    return 0;
}
static hr_status add(void *arg, const struct hr_row *a, const struct hr_row *b,
                     struct hr_emitter *out, struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_long(a, 0) + hr_row_long(b, 0));
    hr_emit_end(out);
    return 0;
}
static struct hr_rdd *distinct_when_odd(void *arg, struct hr_rdd *rdd, int64_t time_us,
                                        struct hr_err *err)
{
    (void)arg;
    return time_us / SECOND % 2 ? hr_rdd_distinct(rdd, 0, err) : rdd;
}
static struct hr_rdd *without_keys(void *arg, struct hr_rdd *a, struct hr_rdd *b, int64_t time_us,
                                   struct hr_err *err)
{
    (void)arg, (void)time_us;
    return hr_rdd_subtract_by_key(a, b, 0, err);
}
static hr_status update(void *arg, const struct hr_row *key, const struct hr_row *values,
                        const struct hr_row *state, struct hr_emitter *out, struct hr_err *err)
{
    int64_t n = hr_row_length(values, 0), old = state ? hr_row_long(state, 0) : 0;
    (void)arg, (void)key, (void)err;
    if (n == 0 && old % 3 == 0) return 0;
    hr_emit_long(out, fold(old + value_of(values, 0, true) - 10 * n, 0));
    hr_emit_end(out);
    return 0;
}
static hr_status count_up(void *arg, int64_t time_us, const struct hr_row *key,
                          const struct hr_row *value, struct hr_state *state,
                          struct hr_emitter *out, struct hr_err *err)
{
    int64_t n = hr_state_get(state) ? hr_row_long(hr_state_get(state), 0) : 0;
    (void)arg, (void)time_us, (void)err;
    if (!value) return emit(out, word_of(key), 5000 + n);
    struct hr_emitter *next = hr_state_update(state);
    hr_emit_long(next, n + 1);
    hr_emit_end(next);
    return emit(out, word_of(key), n + 1);
}

static struct hr_dstream *build_state(const struct node *n, struct hr_dstream *a,
                                      struct hr_err *err)
{
    struct hr_state_spec spec = {.state_schema = "n LONG",
                                 .mapped_schema = WORDS,
                                 .fn = count_up,
                                 .timeout_us = n->timeout * SECOND,
                                 .partitions = n->partitions};
    return hr_dstream_map_with_state(a, &spec, err);
}

static struct hr_dstream *build_window(const struct node *n, struct hr_dstream *a,
                                       struct hr_err *err)
{
    int64_t length = n->length * SECOND, slide = n->slide * SECOND;
    uint32_t p = n->partitions;
    bool inverse = n->op == INVERSE || n->op == INVERSE_FILTER;
    struct hr_dstream *out;
    switch (n->op) {
    case WINDOW: return hr_dstream_window(a, length, slide, err);
    case COUNT_WINDOW:
        out = hr_dstream_count_by_window(a, length, slide, err);
        return hr_dstream_map(out, WORDS, fold_count, NULL, err);
    case REDUCE_WINDOW: return hr_dstream_reduce_by_window(a, hr_max, NULL, length, slide, err);
    case GROUP_WINDOW:
        out = hr_dstream_group_by_key_and_window(a, length, slide, p, err);
        return hr_dstream_map(out, WORDS, fold_lists, NULL, err);
    case VALUE_WINDOW:
        out = hr_dstream_count_by_value_and_window(a, length, slide, p, err);
        return hr_dstream_map(out, WORDS, fold_numbers, NULL, err);
    default:
        out = hr_dstream_reduce_by_key_and_window(a, hr_sum, inverse ? hr_subtract : NULL,
                                                  n->op == INVERSE_FILTER ? not_zero : NULL, NULL,
                                                  length, slide, p, err);
        return inverse ? hr_dstream_map(out, WORDS, fold_numbers, NULL, err) : out;
    }
}

static struct hr_dstream *build_two(const struct node *n, struct hr_dstream *a,
                                    struct hr_dstream *b, struct hr_err *err)
{
    uint32_t p = n->partitions;
    struct hr_dstream *out;
    switch (n->op) {
    case UNION: return hr_dstream_union(a, b, err);
    case JOIN: out = hr_dstream_join(a, b, p, err); break;
    case LEFT_JOIN: out = hr_dstream_left_outer_join(a, b, p, err); break;
    case RIGHT_JOIN: out = hr_dstream_right_outer_join(a, b, p, err); break;
    case FULL_JOIN: out = hr_dstream_full_outer_join(a, b, p, err); break;
    case COGROUP:
        out = hr_dstream_cogroup(a, b, p, err);
        return hr_dstream_map(out, WORDS, fold_lists, NULL, err);
    default: return hr_dstream_transform_with(a, b, NULL, without_keys, NULL, err);
    }
    return hr_dstream_map(out, WORDS, fold_numbers, NULL, err);
}

static struct hr_dstream *build_rows(const struct node *n, struct hr_dstream *a, struct hr_err *err)
{
    switch (n->op) {
    case MAP: return hr_dstream_map(a, WORDS, map_row, NULL, err);
    case FLAT_MAP: return hr_dstream_flat_map(a, WORDS, flat_map_row, NULL, err);
    case FILTER: return hr_dstream_filter(a, no_third, NULL, err);
    case MAP_PARTITIONS: return hr_dstream_map_partitions(a, WORDS, double_rows, NULL, err);
    case MAP_VALUES: return hr_dstream_map_values(a, "n LONG", map_value, NULL, err);
    case FLAT_MAP_VALUES: return hr_dstream_flat_map_values(a, "n LONG", flat_map_value, NULL, err);
    case KEY_BY:
        return hr_dstream_map(hr_dstream_key_by(a, "k STRING", key_of_row, NULL, err), WORDS,
                              fold_keyed, NULL, err);
    default: return hr_dstream_repartition(a, n->partitions + 1, err);
    }
}

static struct hr_dstream *build_groups(const struct node *n, struct hr_dstream *a,
                                       struct hr_err *err)
{
    uint32_t p = n->partitions;
    struct hr_combiner sums = {.state_schema = "n LONG",
                               .create = same_value,
                               .merge_value = add,
                               .merge_states = add,
                               .no_map_side = n->timeout % 2};
    switch (n->op) {
    case COUNT_ROWS: return hr_dstream_map(hr_dstream_count(a, err), WORDS, fold_count, NULL, err);
    case REDUCE: return hr_dstream_reduce(a, hr_max, NULL, err);
    case COUNT_BY_VALUE:
        return hr_dstream_map(hr_dstream_count_by_value(a, p, err), WORDS, fold_numbers, NULL, err);
    case REDUCE_BY_KEY:
        return hr_dstream_reduce_by_key(a, n->timeout % 2 ? add : hr_sum, NULL, p, err);
    case COMBINE: return hr_dstream_combine_by_key(a, &sums, p, err);
    case GROUP:
        return hr_dstream_map(hr_dstream_group_by_key(a, p, err), WORDS, fold_lists, NULL, err);
    case TRANSFORM: return hr_dstream_transform(a, NULL, distinct_when_odd, NULL, err);
    case UPDATE: return hr_dstream_update_state_by_key(a, "n LONG", update, NULL, p, NULL, err);
    case STATE: return build_state(n, a, err);
    default: return hr_dstream_state_snapshots(build_state(n, a, err), err);
    }
}

static struct hr_dstream *build_node(const struct node *n, struct hr_dstream *const *made,
                                     struct hr_err *err)
{
    struct hr_dstream *a = made[n->a], *out;
    if (n->op >= UNION)
        out = build_two(n, a, made[n->b], err);
    else if (n->op >= WINDOW && n->op <= INVERSE_FILTER)
        out = build_window(n, a, err);
    else if (n->op <= REPARTITION)
        out = build_rows(n, a, err);
    else
        out = build_groups(n, a, err);
    return n->level ? hr_dstream_persist(out, n->level, err) : out;
}

static bool run_from(struct graph *g, struct ds_bench *b, const struct ds_mode *mode, int from,
                     int upto, struct ds_out *outs)
{
    struct hr_err err = {0};
    struct hr_dstream *made[NODES] = {b->in, b->other};
    hr_status status = 0;
    for (int i = 2; i < g->nodes; i++) made[i] = build_node(&g->node[i], made, &err);
    for (int i = 2; i < g->nodes && status == 0; i++)
        if (g->node[i].output) status = hr_dstream_foreach_rdd(made[i], ds_note, &outs[i], &err);
    if (status == 0) status = hr_streaming_start(b->ssc, &err);
    for (int k = from; k < upto && status == 0; k++) {
        const char *words = g->words[0][k], *others = g->words[1][k];
        status = ds_step(b, words[0] == '-' ? NULL : words, others[0] == '-' ? NULL : others,
                         mode->pieces, &err);
    }
    return hr_test_check(status == 0 && err.msg[0] == '\0', __FILE__, __LINE__, "%s", err.msg);
}

static bool run_graph(struct graph *g, struct ds_out *outs)
{
    struct ds_bench b = {0};
    struct ds_mode mode = {.partitions = 1 + (uint32_t)rnd(g, 8),
                           .pieces = 1 + (uint32_t)rnd(g, 5),
                           .executors = rnd(g, 40) == 0 ? 2 : 0,
                           .memory_bytes = rnd(g, 3) ? 0 : 1 + (int64_t)rnd(g, 5000)};
    int stop = rnd(g, 2) ? g->times : 1 + (int)rnd(g, (uint64_t)g->times - 1);
    char dir[] = "/tmp/hr-dstream-XXXXXX";
    bool restart = stop < g->times;
    if (restart && !HR_EXPECT_TRUE(mkdtemp(dir) != NULL)) return false;
    ds_open(&b, &mode, 0, restart ? dir : NULL);
    bool ok = run_from(g, &b, &mode, 0, stop, outs);
    ds_close(&b);
    if (restart && ok) {
        mode.partitions = 1 + (uint32_t)rnd(g, 8);
        ds_open(&b, &mode, stop * SECOND, dir);
        ok = run_from(g, &b, &mode, stop, g->times, outs);
        ds_close(&b);
    }
    if (restart) ds_remove(dir);
    if (!ok) printf("  (restart after batch %d of %d)\n", stop, g->times);
    return ok;
}

static void print_graph(const struct graph *g)
{
    printf("  graph of seed %llu, %d batches:\n", (unsigned long long)g->seed, g->times);
    for (int i = 2; i < g->nodes; i++) {
        const struct node *n = &g->node[i];
        printf("    %d: %s of %d", i, NAMES[n->op], n->a);
        if (n->op >= UNION) printf(" and %d", n->b);
        if (n->op >= WINDOW && n->op <= INVERSE_FILTER)
            printf(", %d s every %d s", n->length, n->slide);
        if (n->op == STATE || n->op == SNAPSHOT) printf(", timeout %d s", n->timeout);
        printf(", %u partitions, level %d%s\n", n->partitions, (int)n->level,
               n->output ? ", output" : "");
    }
}

/* False: too big to be run. */
static bool check_graph(struct graph *g, uint64_t seed, struct ds_out *outs, struct ds_out *wanted)
{
    int failures = hr_test_failures;
    make_graph(g, seed);
    for (int i = 0; i < g->nodes; i++) {
        outs[i].text[0] = wanted[i].text[0] = '\0';
        if (g->node[i].output) model_text(g, i, &wanted[i]);
    }
    if (g->too_big) return false;
    if (run_graph(g, outs))
        for (int i = 0; i < g->nodes; i++)
            hr_test_check(strcmp(outs[i].text, wanted[i].text) == 0, __FILE__, __LINE__,
                          "stream %d (%s):\n    got      \"%s\"\n    expected \"%s\"", i,
                          NAMES[g->node[i].op], outs[i].text, wanted[i].text);
    if (hr_test_failures > failures) print_graph(g);
    return true;
}

/* The part-th of four shares: each test has its own time limit. */
static void check_graphs(uint64_t part)
{
    const char *many = getenv("HR_DSTREAM_GRAPHS"), *start = getenv("HR_TEST_SEED");
    uint64_t graphs = many ? strtoull(many, NULL, 10) : 300;
    uint64_t seed = start ? strtoull(start, NULL, 10) : 20261128;
    static struct graph g;
    static struct ds_out outs[NODES], wanted[NODES];
    g.pool_size = 1 << 18;
    g.pool = malloc((size_t)g.pool_size * sizeof *g.pool);
    uint64_t run = 0, big = 0;
    for (uint64_t i = part; i < graphs && hr_test_failures < 4; i += 4) {
        if (check_graph(&g, seed + i, outs, wanted))
            run++;
        else
            big++;
    }
    printf("  %llu graphs from seed %llu, %llu more were too big\n", (unsigned long long)run,
           (unsigned long long)seed, (unsigned long long)big);
    HR_EXPECT_TRUE(graphs < 50 || run > big); /* most must have been looked at */
    free(g.pool);
}

HR_TEST(random_graphs_1)
{
    check_graphs(0);
}

HR_TEST(random_graphs_2)
{
    check_graphs(1);
}

HR_TEST(random_graphs_3)
{
    check_graphs(2);
}

HR_TEST(random_graphs_4)
{
    check_graphs(3);
}
