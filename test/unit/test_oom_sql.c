/* SPDX-License-Identifier: Apache-2.0 */
/* The parser with its k-th allocation failing, k = 1, 2, … until all succeed. */
#include "hr_test.h"

#include "base/fault.h"
#include "column/type_parse.h"
#include "sql/parser.h"

static const char *const statements[] = {
    "SELECT a, count(*) AS n, sum(b + 1.5) FILTER (WHERE c LIKE 'x%' ESCAPE '/') FROM t WHERE d IN "
    "(1, 2, 3) "
    "AND e BETWEEN DATE '2024-01-01' AND DATE '2024-12-31' GROUP BY a HAVING count(*) > 5 ORDER BY "
    "n DESC LIMIT 3",
    "SELECT window(ts, '10 minutes') AS w, card FROM STREAM p WATERMARK ts DELAY OF INTERVAL 30 "
    "SECONDS x "
    "LEFT JOIN (SELECT 1 AS i UNION ALL SELECT 2 UNION ALL SELECT 3) y USING (i) GROUP BY "
    "window(ts, '10 minutes'), card",
    "WITH a AS (SELECT 1 x), b(y) AS (SELECT x FROM a) SELECT CASE y WHEN 1 THEN 'a' ELSE 'b' END, "
    "CAST(y AS ARRAY<INT>), "
    "transform(z, q -> q + 1), INTERVAL '1 02:03' DAY TO MINUTE, X'1F', 1.5f, `q``r` FROM a, b",
    "CREATE TABLE p (card STRING, s STRUCT<a: ARRAY<INT>>) USING kafka OPTIONS (subscribe 'p', a.b "
    "= 1) PARTITIONED BY (card)",
    "CREATE OR REPLACE TEMP VIEW v (a, b) AS VALUES (1, 2), (3, 4)",
    "INSERT INTO t (a, b) SELECT * FROM range(1, 10) LATERAL VIEW explode(x) y AS z",
    "EXPLAIN SELECT 1 AS select, case FROM t",
    "SET a.b = c",
};

HR_TEST(every_allocation_of_the_parser)
{
    for (size_t i = 0; i < HR_COUNT(statements); i++) {
        hr_status status = HR_E_OOM;
        int64_t k = 1;
        for (; status == HR_E_OOM && k < 10000; k++) {
            struct hr_arena arena;
            struct hr_err err;
            struct hr_stmt *stmt = NULL;
            hr_arena_init(&arena, NULL);
            arena.chunk_bytes = 64; /* so that the arena allocates often */
            hr_err_init(&err);
            hr_fault_arm(HR_FAULT_ALLOC, k, false);
            status = hr_sql_parse_statement(&arena, hr_sv(statements[i]), NULL, &stmt, &err);
            hr_fault_disarm_all();
            hr_arena_done(&arena);
            if (status != HR_OK && !HR_EXPECT_EQ_I64(status, HR_E_OOM)) {
                printf("  for: %s\n  k %" PRId64 ": %s\n", statements[i], k, err.msg);
                break;
            }
        }
        HR_EXPECT_OK(status);
        HR_EXPECT_TRUE(k > 2); /* something failed on the way */
    }
}

HR_TEST(every_allocation_of_the_type_parser)
{
    hr_status status = HR_E_OOM;
    for (int64_t k = 1; status == HR_E_OOM && k < 1000; k++) {
        const struct hr_type *type;
        hr_fault_arm(HR_FAULT_ALLOC, k, false);
        status = hr_schema_parse(
            hr_sv("a INT, `b``c` MAP<STRING, STRUCT<x: DECIMAL(11,3), y: ARRAY<DATE>>>"), &type,
            NULL);
        hr_fault_disarm_all();
    }
    HR_EXPECT_OK(status);
}
