/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A pipeline in four worker processes, with a user function that crashes:
 *
 *     crash_proof_pipeline
 *
 * Orders are parsed, joined with a list of customers that is kept in memory, and summed. The
 * parser goes down on an order that it does not expect, first once (a flaky library: the attempt is
 * made again in another process, the sums are right), then always (the job ends with an error that
 * says so, and the program goes on).
 */
#include <headrace/headrace.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>

#define ORDERS 100000

struct parser {
    int *crashes_left; /* shared with the workers: a plain variable would be their own copy */
    struct hr_accumulator *parsed;
};

/* order id → customer, amount */
static hr_status parse(void *arg, const struct hr_row *row, struct hr_emitter *out,
                       struct hr_err *err)
{
    struct parser *parser = arg;
    int64_t id = hr_row_long(row, 0);
    (void)err;
    if (id == 77777 && __atomic_fetch_sub(parser->crashes_left, 1, __ATOMIC_RELAXED) > 0)
        raise(SIGSEGV);
    hr_accumulator_add(parser->parsed, 1);
    hr_emit_long(out, id % 5);
    hr_emit_long(out, id % 100);
    hr_emit_end(out);
    return 0;
}

static hr_status customers(void *arg, struct hr_emitter *out, struct hr_err *err)
{
    static const char *const names[] = {"ann", "bob", "cid", "dora", "eve"};
    (void)arg, (void)err;
    for (int i = 0; i < 5; i++) {
        hr_emit_long(out, i);
        hr_emit_str(out, names[i]);
        hr_emit_end(out);
    }
    return 0;
}

static int print_sums(struct hr_rdd *totals, struct hr_rdd *names)
{
    struct hr_err err = {0};
    struct hr_rdd *named = hr_rdd_join(names, totals, 2, &err);
    struct hr_rows *rows = hr_rdd_collect(hr_rdd_sort_by_key(named, true, 1, &err), &err);
    for (const struct hr_row *row; (row = hr_rows_next(rows));)
        printf("%.*s %lld\n", (int)hr_row_str(row, 1).len, hr_row_str(row, 1).ptr,
               (long long)hr_row_long(row, 2));
    if (!rows) printf("%s: %s\n", hr_err_class(&err), err.msg);
    hr_rows_free(rows);
    return err.code != 0;
}

int main(void)
{
    struct hr_err err = {0};
    struct hr_context_options options = {.executors = 4, .task_timeout_ms = 60000};
    struct hr_context *ctx = hr_context_new(&options, &err);
    struct parser parser = {mmap(NULL, sizeof(int), PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0),
                            hr_accumulator_long(ctx, "parsed", &err)};
    struct hr_rdd *names =
        hr_rdd_cache(hr_parallelize(ctx, "id LONG, name STRING", customers, NULL, 2, &err), &err);
    struct hr_rdd *orders = hr_range(ctx, 0, ORDERS, 1, 8, &err);
    for (int crashes = 1; crashes < 1000 && !err.code; crashes += 998) {
        struct hr_rdd *parsed =
            hr_rdd_map(orders, "customer LONG, amount LONG", parse, &parser, &err);
        *parser.crashes_left = crashes;
        print_sums(hr_rdd_reduce_by_key(parsed, hr_sum, NULL, 4, &err), names);
        struct hr_context_stats stats;
        hr_context_get_stats(ctx, &stats);
        printf("workers lost so far: %llu\n", (unsigned long long)stats.lost_workers);
    }
    if (err.code) fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
    hr_context_free(ctx);
    return err.code != 0;
}
