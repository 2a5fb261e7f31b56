/* SPDX-License-Identifier: Apache-2.0 */
/* SQL and RDDs of the C API with the k-th allocation failing, k = 1, 2, … until all succeed. */
#include <headrace/headrace.h>

#include "base/fault.h"
#include "hr_test.h"

#define RUNS_MAX 20000

static const char STATEMENT[] =
    "SELECT id, 'a text beyond twelve' AS s, map('key', 'a value beyond twelve') AS m "
    "FROM range(0, 2)";
static const char EXPECTED[] = "(0,a text beyond twelve,{key -> a value beyond twelve})"
                               "(1,a text beyond twelve,{key -> a value beyond twelve})";

/* Nested values of many rows: the arrays that build them grow in the middle of a batch. */
static const char NESTED[] =
    "SELECT max(size(map(id, array(id, id + 1), -id - 1, array(id)))) AS m, "
    "max(size(split(repeat('a,', 40), ','))) AS n, max(element_at(array(id, id), -1)) AS o "
    "FROM range(0, 20000)";

/* Whether the rows are there and as expected. Frees them. */
static bool are(struct hr_rows *rows, const char *expected)
{
    char text[512] = "";
    size_t at = 0;
    if (!rows) return false;
    for (const struct hr_row *row; (row = hr_rows_next(rows)) && at < sizeof text;)
        at += hr_row_print(row, text + at, sizeof text - at);
    HR_EXPECT_EQ_STR(text, expected);
    hr_rows_free(rows);
    return true;
}

static struct hr_rows *rows_of_sql(struct hr_context *ctx, struct hr_err *err)
{
    return hr_sql_rows(ctx, STATEMENT, err);
}

static struct hr_rows *rows_of_nested(struct hr_context *ctx, struct hr_err *err)
{
    return hr_sql_rows(ctx, NESTED, err);
}

static struct hr_rows *rdd_of_sql(struct hr_context *ctx, struct hr_err *err)
{
    struct hr_rdd *rdd = hr_sql(ctx, STATEMENT, err);
    return rdd ? hr_rdd_collect(rdd, err) : NULL;
}

/* In a context of its own each time, with the first k - 1 allocations of fn granted. */
static void every_allocation(struct hr_rows *(*fn)(struct hr_context *, struct hr_err *),
                             const char *expected)
{
    bool done = false;
    int64_t k = 1;
    for (; !done && k < RUNS_MAX; k++) {
        struct hr_context_options options = {.threads = 1, .default_parallelism = 1};
        struct hr_err err = {0};
        struct hr_context *ctx = hr_context_new(&options, &err);
        HR_ASSERT_TRUE(ctx != NULL);
        hr_fault_arm(HR_FAULT_ALLOC, k, false);
        struct hr_rows *rows = fn(ctx, &err);
        done = hr_fault_passed(HR_FAULT_ALLOC) < k; /* none was left to fail */
        hr_fault_disarm_all();
        bool good = are(rows, expected); /* also where the library can do without */
        HR_EXPECT_TRUE(good || !done);
        if (!good && !HR_EXPECT_EQ_STR(hr_err_class(&err), "HR_OUT_OF_MEMORY"))
            printf("  k %lld: %s\n", (long long)k, err.msg);
        hr_context_free(ctx);
        if (hr_test_failures) break;
    }
    HR_EXPECT_TRUE(done);
    printf("  %lld allocations\n", (long long)k - 2);
    HR_EXPECT_TRUE(k > 10); /* something failed on the way; arenas make few of many */
}

HR_TEST(every_allocation_of_hr_sql)
{
    every_allocation(rdd_of_sql, EXPECTED);
}

HR_TEST(every_allocation_of_hr_sql_rows)
{
    every_allocation(rows_of_sql, EXPECTED);
}

HR_TEST(every_allocation_of_nested_values)
{
    every_allocation(rows_of_nested, "(2,41,19999)");
}
