/* SPDX-License-Identifier: Apache-2.0 */
/* Analysis, rules and physical planning with the k-th allocation failing, until all succeed. */
#include "hr_test.h"

#include "base/fault.h"
#include "operator/physical.h"
#include "plan/catalog.h"
#include "sql/parser.h"

static const char *const queries[] = {
    "SELECT a + 1 AS x, x * 2, upper(b) FROM VALUES (1, 'x'), (2, 'y') AS t(a, b) WHERE a > 1",
    "SELECT b, sum(a) FILTER (WHERE a > 1), count(DISTINCT a) FROM VALUES (1, 'x'), (2, 'y') AS "
    "t(a, b) "
    "GROUP BY b HAVING count(*) > 0 ORDER BY max(a) DESC LIMIT 1",
    "SELECT id, l.id FROM VALUES (1, 2) AS l(id, p) FULL JOIN VALUES (1, 3) AS r(id, q) USING (id) "
    "WHERE p IS NOT NULL",
    "WITH c(x) AS (SELECT 1), d AS (SELECT x + 1 AS y FROM c) SELECT c.*, y FROM c LEFT JOIN d ON "
    "x = y AND y > 0 "
    "UNION SELECT 1, 2.5 EXCEPT SELECT 3, 4",
    "SELECT window(ts, '10 minutes', '5 minutes') AS w, count(*) FROM VALUES (TIMESTAMP "
    "'2024-01-01 00:03:00') AS t(ts) "
    "GROUP BY window(ts, '10 minutes', '5 minutes')",
    "SELECT id % 3, avg(id) FROM range(10) GROUP BY ALL",
};

static hr_status no_table(struct hr_catalog *catalog, const char *const *parts, uint32_t count,
                          struct hr_table **ret, struct hr_err *err)
{
    (void)catalog, (void)count, (void)ret;
    return HR_RAISE(err, HR_E_TABLE_OR_VIEW_NOT_FOUND, "relationName", parts[0]);
}

static hr_status plan_query(struct hr_arena *arena, const struct hr_conf *conf, const char *sql,
                            struct hr_err *err)
{
    struct hr_catalog catalog = {.find = no_table};
    struct hr_plan *plan = NULL;
    struct hr_pnode *root = NULL;
    HR_TRY(hr_sql_parse_query(arena, hr_sv(sql), &plan, err));
    HR_TRY(hr_plan_analyze(arena, conf, &catalog, &plan, err));
    HR_TRY(hr_plan_optimize(arena, conf, &plan, err));
    return hr_plan_physical(arena, conf, plan, HR_MODE_APPEND, &root, err);
}

static void fail_each(const char *sql, uint32_t threads)
{
    struct hr_conf conf = {.ansi = true,
                           .batch_rows = 8192,
                           .threads = threads,
                           .shuffle_partitions = threads,
                           .tz = NULL};
    hr_status status = HR_E_OOM;
    int64_t k = 1;
    for (; status == HR_E_OOM && k < 20000; k++) {
        struct hr_arena arena;
        struct hr_err err;
        hr_arena_init(&arena, NULL);
        arena.chunk_bytes = 64; /* so that the arena allocates often */
        hr_err_init(&err);
        hr_fault_arm(HR_FAULT_ALLOC, k, false);
        status = plan_query(&arena, &conf, sql, &err);
        hr_fault_disarm_all();
        hr_arena_done(&arena);
        if (status != HR_OK && !HR_EXPECT_EQ_I64(status, HR_E_OOM)) {
            printf("  for: %s\n  k %" PRId64 ": %s (%s:%d)\n", sql, k, err.msg, err.file,
                   err.file_line);
            return;
        }
    }
    HR_EXPECT_OK(status);
    HR_EXPECT_TRUE(k > 2); /* something failed on the way */
}

HR_TEST(every_allocation_of_the_planner)
{
    for (size_t i = 0; i < HR_COUNT(queries); i++) fail_each(queries[i], 1);
}

HR_TEST(every_allocation_of_the_planner_with_exchanges)
{
    for (size_t i = 0; i < HR_COUNT(queries); i++) fail_each(queries[i], 2);
}
