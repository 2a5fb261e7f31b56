/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random lineage graphs against a sequential evaluation. Rows are (k LONG, v LONG). While a graph
 * runs, task attempts and shuffle writes fail, kept blocks are dropped and shuffle outputs are
 * lost, between jobs and in the middle of them; the result must be the same multiset. A second test
 * does this with worker processes that kill themselves. HR_SEED=n repeats a run (not the moments
 * at which a thread loses blocks), HR_GRAPHS=n sets the number.
 */
#include <headrace/headrace.h>

#include <pthread.h>
#include <sys/mman.h>

#include "base/fault.h"
#include "base/hash.h"
#include "hr_test.h"
#include "rdd/executor.h"
#include "rdd/rdd.h"
#include "rdd/shuffle.h"

struct pair {
    int64_t k, v;
};

struct table {
    struct pair *rows;
    size_t count;
};

#define NODES_MAX 12
#define ROWS_MAX  3000

static uint64_t seed;
static struct hr_context_stats total; /* of all graphs: the faults must have happened */
static uint32_t pick(uint32_t n)
{
    return (uint32_t)(hr_splitmix64(&seed) % n);
}

static int by_pair(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;
    if (x->k != y->k) return x->k < y->k ? -1 : 1;
    return x->v < y->v ? -1 : x->v > y->v;
}

static struct table table_new(size_t capacity)
{
    return (struct table){malloc((capacity + 1) * sizeof(struct pair)), 0};
}

static void push(struct table *t, int64_t k, int64_t v)
{
    t->rows[t->count++] = (struct pair){k, v};
}

static struct table sorted_copy(const struct table *t)
{
    struct table out = table_new(t->count);
    memcpy(out.rows, t->rows, t->count * sizeof *t->rows);
    out.count = t->count;
    qsort(out.rows, out.count, sizeof *out.rows, by_pair);
    return out;
}

static bool with_workers;
static _Atomic uint32_t *deaths_left; /* shared by the driver and its workers */

/* A user function that now and then takes its worker down. */
static void maybe_die(const struct hr_row *row)
{
    if (!hr_in_worker() || (hr_row_long(row, 0) * 31 + hr_row_long(row, 1)) % 13) return;
    uint32_t left = atomic_load(deaths_left);
    while (left && !atomic_compare_exchange_weak(deaths_left, &left, left - 1)) continue;
    if (left) kill(getpid(), SIGKILL);
}

/* --- The operations, both ways ---------------------------------------------------------------- */

static hr_status fill_table(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    const struct table *t = arg;
    (void)err;
    for (size_t i = 0; i < t->count; i++) {
        hr_emit_long(out, t->rows[i].k);
        hr_emit_long(out, t->rows[i].v);
        hr_emit_end(out);
    }
    return 0;
}

static hr_status swap_fn(void *arg, const struct hr_row *row, struct hr_emitter *out,
                         struct hr_err *err)
{
    (void)arg, (void)err;
    maybe_die(row);
    hr_emit_long(out, hr_row_long(row, 1) % 17);
    hr_emit_long(out, hr_row_long(row, 0) + 1);
    hr_emit_end(out);
    return 0;
}

static bool keep_fn(void *arg, const struct hr_row *row)
{
    (void)arg;
    return (hr_row_long(row, 0) + hr_row_long(row, 1)) % 3 != 0;
}

static hr_status twice_fn(void *arg, const struct hr_row *row, struct hr_emitter *out,
                          struct hr_err *err)
{
    (void)arg, (void)err;
    maybe_die(row);
    hr_emit_row(out, row);
    if (hr_row_long(row, 1) % 2) hr_emit_row(out, row);
    return 0;
}

static hr_status length_fn(void *arg, const struct hr_row *row, struct hr_emitter *out,
                           struct hr_err *err)
{
    (void)arg, (void)err;
    hr_emit_long(out, hr_row_length(row, 1));
    hr_emit_end(out);
    return 0;
}

static hr_status add_fn(void *arg, const struct hr_row *row, struct hr_emitter *out,
                        struct hr_err *err)
{
    (void)arg, (void)err;
    maybe_die(row);
    hr_emit_long(out, hr_row_long(row, 0));
    hr_emit_long(out, hr_row_long(row, 1) + hr_row_long(row, 2));
    hr_emit_end(out);
    return 0;
}

#define SCHEMA "k LONG, v LONG"

static struct table by_key(const struct table *t, bool count)
{
    struct table s = sorted_copy(t), out = table_new(t->count);
    for (size_t i = 0; i < s.count; i++) {
        bool same = out.count && out.rows[out.count - 1].k == s.rows[i].k;
        if (!same)
            push(&out, s.rows[i].k, count ? 1 : s.rows[i].v);
        else
            out.rows[out.count - 1].v += count ? 1 : s.rows[i].v;
    }
    free(s.rows);
    return out;
}

static struct table distinct(const struct table *t)
{
    struct table s = sorted_copy(t), out = table_new(t->count);
    for (size_t i = 0; i < s.count; i++)
        if (!i || by_pair(&s.rows[i - 1], &s.rows[i])) push(&out, s.rows[i].k, s.rows[i].v);
    free(s.rows);
    return out;
}

static size_t join_size(const struct table *a, const struct table *b)
{
    size_t n = 0;
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++) n += a->rows[i].k == b->rows[j].k;
    return n;
}

static struct table join(const struct table *a, const struct table *b, size_t size)
{
    struct table out = table_new(size);
    for (size_t i = 0; i < a->count; i++)
        for (size_t j = 0; j < b->count; j++)
            if (a->rows[i].k == b->rows[j].k) push(&out, a->rows[i].k, a->rows[i].v + b->rows[j].v);
    return out;
}

static struct table row_wise(const struct table *t, int op)
{
    struct table out = table_new(t->count * 2);
    for (size_t i = 0; i < t->count; i++) {
        int64_t k = t->rows[i].k, v = t->rows[i].v;
        if (op == 0) push(&out, v % 17, k + 1);
        if (op == 1 && (k + v) % 3 != 0) push(&out, k, v);
        if (op == 2) push(&out, k, v);
        if (op == 2 && v % 2) push(&out, k, v);
        if (op == 3) push(&out, k, v);
    }
    return out;
}

struct graph {
    struct hr_rdd *rdds[NODES_MAX];
    struct table tables[NODES_MAX];
    uint32_t count;
};

static void add_node(struct graph *g, struct hr_err *err)
{
    uint32_t i = g->count, a = pick(i), b = pick(i), parts = pick(7);
    struct hr_rdd *x = g->rdds[a], *y = g->rdds[b];
    const struct table *s = &g->tables[a], *t = &g->tables[b];
    size_t size = 0;
    switch (pick(13)) {
    case 0:
        g->rdds[i] = hr_rdd_map(x, SCHEMA, swap_fn, NULL, err);
        g->tables[i] = row_wise(s, 0);
        break;
    case 1:
        g->rdds[i] = hr_rdd_filter(x, keep_fn, NULL, err);
        g->tables[i] = row_wise(s, 1);
        break;
    case 2:
        if (s->count * 2 > ROWS_MAX) return;
        g->rdds[i] = hr_rdd_flat_map(x, SCHEMA, twice_fn, NULL, err);
        g->tables[i] = row_wise(s, 2);
        break;
    case 3:
        g->rdds[i] = hr_rdd_repartition(x, parts + 1, err);
        g->tables[i] = row_wise(s, 3);
        break;
    case 4:
        g->rdds[i] = hr_rdd_coalesce(x, parts + 1, err);
        g->tables[i] = row_wise(s, 3);
        break;
    case 5:
        g->rdds[i] = hr_rdd_distinct(x, parts, err);
        g->tables[i] = distinct(s);
        break;
    case 6:
        g->rdds[i] = hr_rdd_reduce_by_key(x, hr_sum, NULL, parts, err);
        g->tables[i] = by_key(s, false);
        break;
    case 7:
        g->rdds[i] =
            hr_rdd_map_values(hr_rdd_group_by_key(x, parts, err), "v LONG", length_fn, NULL, err);
        g->tables[i] = by_key(s, true);
        break;
    case 8:
        g->rdds[i] = hr_rdd_sort_by(x, "v, k DESC", parts, err);
        g->tables[i] = row_wise(s, 3);
        break;
    case 9:
        if (s->count + t->count > ROWS_MAX) return;
        g->rdds[i] = hr_rdd_union(x, y, err);
        g->tables[i] = table_new(s->count + t->count);
        memcpy(g->tables[i].rows, s->rows, s->count * sizeof *s->rows);
        memcpy(g->tables[i].rows + s->count, t->rows, t->count * sizeof *t->rows);
        g->tables[i].count = s->count + t->count;
        break;
    case 10:
        if ((size = join_size(s, t)) > ROWS_MAX) return;
        g->rdds[i] = hr_rdd_map(hr_rdd_join(x, y, parts, err), SCHEMA, add_fn, NULL, err);
        g->tables[i] = join(s, t, size);
        break;
    case 11:
        g->rdds[i] = hr_rdd_partition_by(x, parts, err);
        g->tables[i] = row_wise(s, 3);
        break;
    default: g->rdds[i] = hr_rdd_sort_by_key(x, pick(2), parts, err); g->tables[i] = row_wise(s, 3);
    }
    if (pick(4) == 0) hr_rdd_persist(g->rdds[i], (enum hr_persist)(1 + pick(3)), err);
    g->count++;
}

/* What a crash of a worker would take away. */
static void lose_things(struct graph *g)
{
    for (uint32_t i = 0; i < g->count; i++) {
        struct hr_rdd *rdd = g->rdds[i];
        for (uint32_t d = 0; rdd && d < rdd->dep_count; d++)
            if (rdd->deps[d].kind == HR_DEP_SHUFFLE && rdd->deps[d].parent->partition_count &&
                pick(2))
                hr_shuffle_lose(rdd->deps[d].shuffle, pick(rdd->deps[d].parent->partition_count));
        if (rdd && rdd->storage != HR_STORE_NONE && pick(3) == 0) {
            enum hr_storage_level level = rdd->storage;
            hr_rdd_unpersist(rdd);
            rdd->storage = level;
        }
    }
}

static bool same(struct hr_rdd *rdd, const struct table *expected, struct hr_err *err)
{
    struct hr_rows *rows = hr_rdd_collect(rdd, err);
    if (!rows) return false;
    struct table got = table_new(hr_rows_count(rows));
    for (const struct hr_row *row; (row = hr_rows_next(rows));)
        push(&got, hr_row_long(row, 0), hr_row_long(row, 1));
    hr_rows_free(rows);
    struct table a = sorted_copy(&got), b = sorted_copy(expected);
    bool equal = a.count == b.count && memcmp(a.rows, b.rows, a.count * sizeof *a.rows) == 0;
    if (!equal) printf("  %zu rows, expected %zu\n", a.count, b.count);
    free(got.rows);
    free(a.rows);
    free(b.rows);
    return equal;
}

/* Loses a few shuffle outputs while a job runs: fewer than the scheduler bears for one stage. */
struct vandal {
    struct graph *graph;
    uint64_t seed;
    _Atomic bool stop;
};
static void *vandal(void *arg)
{
    struct vandal *v = arg;
    for (int i = 0; i < 8 && !atomic_load(&v->stop); i++) {
        struct hr_rdd *rdd = v->graph->rdds[hr_splitmix64(&v->seed) % v->graph->count];
        while (rdd && rdd->dep_count && rdd->deps[0].kind != HR_DEP_SHUFFLE)
            rdd = rdd->deps[0].parent;
        if (rdd && rdd->dep_count && rdd->deps[0].parent->partition_count)
            hr_shuffle_lose(rdd->deps[0].shuffle, (uint32_t)(hr_splitmix64(&v->seed) %
                                                             rdd->deps[0].parent->partition_count));
        usleep((useconds_t)(hr_splitmix64(&v->seed) % 200));
    }
    return NULL;
}

static bool same_under_attack(struct graph *g, struct hr_err *err)
{
    struct vandal v = {.graph = g, .seed = seed};
    pthread_t thread;
    pthread_create(&thread, NULL, vandal, &v);
    bool ok = same(g->rdds[g->count - 1], &g->tables[g->count - 1], err);
    atomic_store(&v.stop, true);
    pthread_join(thread, NULL);
    return ok;
}

static bool run_graph(void)
{
    struct hr_err err = {0};
    struct hr_context_options o = {.threads = 1 + pick(3),
                                   .default_parallelism = 1 + pick(5),
                                   .memory_bytes = pick(2) ? 20000 : 0,
                                   .executors = with_workers ? 2 : 0};
    struct hr_context *ctx = hr_context_new(&o, &err);
    struct graph g = {.count = 2};
    for (uint32_t i = 0; i < 2; i++) {
        uint32_t n = pick(4) ? pick(400) : 0;
        g.tables[i] = table_new(n);
        for (uint32_t r = 0; r < n; r++) push(&g.tables[i], pick(40), pick(1000));
        g.rdds[i] = hr_parallelize(ctx, SCHEMA, fill_table, &g.tables[i], 1 + pick(6), &err);
    }
    while (g.count < 3 + pick(NODES_MAX - 3)) add_node(&g, &err);
    bool ok = err.code == 0;
    for (int round = 0; round < 2 && ok; round++) {
        if (!with_workers) { /* every worker would have its own armed copy */
            hr_fault_arm(HR_FAULT_TASK_RUN, 1 + pick(12), false);
            hr_fault_arm(HR_FAULT_SHUFFLE_WRITE, 1 + pick(6), false);
        }
        if (deaths_left) atomic_store(deaths_left, pick(3));
        ok = same_under_attack(&g, &err);
        if (ok) lose_things(&g);
    }
    hr_fault_disarm_all();
    if (err.code) printf("  %s: %s\n", hr_err_class(&err), err.msg);
    for (uint32_t i = 0; i < g.count; i++) free(g.tables[i].rows);
    struct hr_context_stats stats;
    hr_context_get_stats(ctx, &stats);
    total.jobs += stats.jobs;
    total.tasks += stats.tasks;
    total.failed_tasks += stats.failed_tasks;
    total.recomputed_tasks += stats.recomputed_tasks;
    total.lost_workers += stats.lost_workers;
    hr_context_free(ctx);
    return ok;
}

static void run_graphs(int fewest)
{
    const char *text = getenv("HR_SEED"), *many = getenv("HR_GRAPHS");
    uint64_t first = text ? strtoull(text, NULL, 10) : (uint64_t)getpid() * 1000003;
    int graphs = many ? (int)strtol(many, NULL, 10) : fewest;
    printf("  seed %llu\n", (unsigned long long)first);
    for (int i = 0; i < graphs; i++) {
        seed = first + (uint64_t)i;
        if (!HR_EXPECT_TRUE(run_graph())) {
            printf("  repeat with HR_SEED=%llu HR_GRAPHS=1\n",
                   (unsigned long long)(first + (uint64_t)i));
            break;
        }
    }
    printf("  %llu jobs, %llu tasks, %llu failed, %llu recomputed\n",
           (unsigned long long)total.jobs, (unsigned long long)total.tasks,
           (unsigned long long)total.failed_tasks, (unsigned long long)total.recomputed_tasks);
    if (graphs < 100) return;
    HR_EXPECT_TRUE(total.failed_tasks > 0);
    HR_EXPECT_TRUE(total.recomputed_tasks > 0);
}

HR_TEST(random_lineage)
{
    run_graphs(1000);
}

HR_TEST(random_lineage_with_killed_workers)
{
    with_workers = true;
    deaths_left = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    run_graphs(150);
    printf("  %llu workers lost\n", (unsigned long long)total.lost_workers);
    HR_EXPECT_TRUE(getenv("HR_GRAPHS") || total.lost_workers > 0);
}
