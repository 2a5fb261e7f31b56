/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared variables of an RDD program: accumulators, which tasks add to and the driver reads, and
 * broadcast variables, which tasks read. Part of <headrace/rdd.h>, which says what holds for
 * errors, ownership and threads.
 */
#ifndef HEADRACE_SHARED_H
#define HEADRACE_SHARED_H

#include <headrace/rdd.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Accumulators: tasks add, the driver reads. Updates made by an action's own function (foreach,
 * foreach_partition) count exactly once, whatever is retried: they are merged when the partition's
 * attempt has succeeded. Updates made in transformations count once per successful attempt of the
 * partition, and again when it is recomputed (as in Spark). Owned by the context. Adding what the
 * accumulator does not take, or an error of its own functions, fails the task.
 * @code
 *     struct hr_accumulator *bad = hr_accumulator_long(ctx, "bad lines", &err);
 *     struct hr_accumulator *sum = hr_accumulator_double(ctx, "sum of prices", &err);
 *     hr_accumulator_add(bad, 1);            // in a function of an action
 *     hr_accumulator_add_double(sum, 12.5);
 *     printf("%" PRId64 " bad, %g in all\n", hr_accumulator_value(bad),
 *            hr_accumulator_value_double(sum));
 *     hr_accumulator_reset(bad);
 * @endcode */
struct hr_accumulator;
struct hr_accumulator *hr_accumulator_long(struct hr_context *ctx, const char *name,
                                           struct hr_err *err);
struct hr_accumulator *hr_accumulator_double(struct hr_context *ctx, const char *name,
                                             struct hr_err *err);
/* Rows of the schema, gathered in any order: bad records to look at, say.
 * @code
 *     struct hr_accumulator *bad = hr_accumulator_collection(ctx, "bad", "line STRING", &err);
 *     status = hr_accumulator_emit(bad, fill, arg, &err); // in a function of an action
 *     struct hr_rows *gathered = hr_accumulator_rows(bad, &err);
 *     printf("%" PRIu64 " bad lines\n", hr_accumulator_count(bad));
 *     hr_rows_free(gathered);
 * @endcode */
struct hr_accumulator *hr_accumulator_collection(struct hr_context *ctx, const char *name,
                                                 const char *schema, struct hr_err *err);
/* One of your own (AccumulatorV2[IN, OUT]): a state, one row of scalar columns, that starts as what
 * zero emits; add takes a row into it, merge another state, each emitting the next state. zero must
 * be neutral, and merge associative and commutative: partitions end in any order. zero and add run
 * where the addition is made; merge runs in the driver when executors are used, as in Spark. The
 * functions are copied, arg must outlive the context.
 * @code
 *     struct hr_accumulator_fn range = {.row_schema = "x DOUBLE",
 *                                       .state_schema = "low DOUBLE, high DOUBLE",
 *                                       .zero = none,
 *                                       .add = widen,
 *                                       .merge = widest};
 *     struct hr_accumulator *acc = hr_accumulator_custom(ctx, "range", &range, &err);
 *     hr_rdd_foreach(rdd, see, acc, &err); // see: hr_accumulator_add_row(arg, row, err)
 *     struct hr_rows *rows = hr_accumulator_rows(acc, &err);
 * @endcode */
struct hr_accumulator_fn {
    const char *row_schema;   /* IN: of the rows that are added */
    const char *state_schema; /* OUT */
    hr_fill_fn zero;
    hr_merge_fn add;
    hr_merge_fn merge;
    void *arg;
};
struct hr_accumulator *hr_accumulator_custom(struct hr_context *ctx, const char *name,
                                             const struct hr_accumulator_fn *fn,
                                             struct hr_err *err);
void hr_accumulator_add(struct hr_accumulator *acc, int64_t value);       /* task or driver */
void hr_accumulator_add_double(struct hr_accumulator *acc, double value); /* task or driver */
/* Those of rows, from task or driver: a row with the types of its schema; rows that fill emits. */
hr_status hr_accumulator_add_row(struct hr_accumulator *acc, const struct hr_row *row,
                                 struct hr_err *err);
hr_status hr_accumulator_emit(struct hr_accumulator *acc, hr_fill_fn fill, void *arg,
                              struct hr_err *err);
int64_t hr_accumulator_value(struct hr_accumulator *acc);       /* driver */
double hr_accumulator_value_double(struct hr_accumulator *acc); /* driver */
uint64_t hr_accumulator_count(struct hr_accumulator *acc);      /* driver: how many were added */
/* Driver: the rows of a collection, the state of one of your own; the caller's. NULL: failed. */
struct hr_rows *hr_accumulator_rows(struct hr_accumulator *acc, struct hr_err *err);
void hr_accumulator_reset(struct hr_accumulator *acc); /* driver */
/* Before its context ends; no job that adds to it may run. NULL is fine.
 * @code
 *     hr_accumulator_free(acc);
 * @endcode */
void hr_accumulator_free(struct hr_accumulator *acc);

/* Broadcast variables: one machine shares memory, so a broadcast is a value with a life: free_fn is
 * called at destroy (or with the context), when no task may use it any more. value is read-only
 * from then on. As accumulators they belong to the context also where a batch makes them: a
 * function of a stream may make one in its first batch and use it in all (Spark's singletons).
 * @code
 *     char *table = strdup("shared by all tasks");
 *     struct hr_broadcast *shared = hr_broadcast(ctx, table, free, &err);
 *     const char *seen = hr_broadcast_value(shared); // in a user's function
 *     hr_broadcast_destroy(shared);
 * @endcode */
struct hr_broadcast;
struct hr_broadcast *hr_broadcast(struct hr_context *ctx, void *value, void (*free_fn)(void *value),
                                  struct hr_err *err);
const void *hr_broadcast_value(const struct hr_broadcast *broadcast); /* any thread */
void hr_broadcast_destroy(struct hr_broadcast *broadcast);

#ifdef __cplusplus
}
#endif

#endif
