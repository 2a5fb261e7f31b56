/* SPDX-License-Identifier: Apache-2.0 */
/* Statements → plans, as their printed trees. */
#include "hr_test.h"

#include "base/datetime.h"
#include "base/options.h"
#include "plan/nodes/project.h"
#include "plan/nodes/values.h"
#include "sql/parser.h"

static struct hr_stmt *parse(struct hr_arena *arena, const char *sql)
{
    struct hr_stmt *stmt = NULL;
    struct hr_err err;
    size_t pos = 0;
    struct hr_str_view text;
    hr_err_init(&err);
    hr_status status = hr_sql_parse_next(arena, sql, strlen(sql), &pos, &stmt, &text, &err);
    if (status != HR_OK) printf("  %s\n  at %d: %s\n", sql, err.sql_pos, err.msg);
    HR_EXPECT_OK(status);
    return status == HR_OK ? stmt : NULL;
}

static void expect_plan(const char *sql, const char *expected)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    struct hr_stmt *stmt = parse(&arena, sql);
    struct hr_buf buf = {0};
    if (stmt && HR_EXPECT_TRUE(stmt->plan != NULL)) {
        hr_plan_print(stmt->plan, &buf);
        const char *text = hr_buf_cstr(&buf);
        if (!HR_EXPECT_EQ_STR(text, expected)) printf("  for: %s\n", sql);
    }
    hr_buf_done(&buf);
    hr_arena_done(&arena);
}

#define ONE "\n+- 'OneRowRelation\n"
#define T   "\n+- 'UnresolvedRelation [t], [], false\n"

HR_TEST(select_items)
{
    expect_plan("SELECT 1", "'Project [1]" ONE);
    expect_plan("select 1 as a, 2 b, 'x' `c d`", "'Project [1 AS a, 2 AS b, x AS c d]" ONE);
    expect_plan("SELECT t.*, a.b.c FROM t", "'Project [t.*, a.b.c]" T);
    expect_plan("SELECT DISTINCT a FROM t",
                "'Distinct\n+- 'Project [a]\n   +- 'UnresolvedRelation [t], [], false\n");
    expect_plan("FROM t SELECT a", "'Project [a]" T);
    expect_plan("SELECT /*+ BROADCAST(t) */ a /* c /* nested */ */ FROM t -- end",
                "'Project [a]" T);
}

HR_TEST(keywords_are_identifiers)
{
    expect_plan("SELECT date, year, first, values FROM t",
                "'Project [date, year, first, values]" T);
    expect_plan("SELECT 1 left, 2 full, 3 on", "'Project [1 AS left, 2 AS full, 3 AS on]" ONE);
    expect_plan("SELECT if, case FROM t", "'Project [if, case]" T);
    expect_plan("SELECT 1 AS select, 2 from", "'Project [1 AS select, 2 AS from]" ONE);
    expect_plan("SELECT NOT, DISTINCT, interval FROM t", "'Project [NOT, DISTINCT, interval]" T);
    expect_plan("SELECT left('a', 1), if(true, 1, 2), replace('a', 'b'), extract FROM t",
                "'Project [left(a, 1), (IF(true, 1, 2)), replace(a, b), extract]" T);
    expect_plan("SELECT a FROM stream",
                "'Project [a]\n+- 'UnresolvedRelation [stream], [], false\n");
    expect_plan("SELECT a FROM t WHERE", "'Project [a]\n+- 'SubqueryAlias WHERE\n"
                                         "   +- 'UnresolvedRelation [t], [], false\n");
}

HR_TEST(precedence)
{
    expect_plan("SELECT 1 + 2 * 3 - 4 / 5", "'Project [((1 + (2 * 3)) - (4 / 5))]" ONE);
    expect_plan("SELECT 1 & 2 | 3 ^ 4 << 5", "'Project [((1 & 2) | (3 ^ (4 << 5)))]" ONE);
    expect_plan("SELECT a OR b AND NOT c = d FROM t", "'Project [(a OR (b AND (NOT (c = d))))]" T);
    expect_plan("SELECT NOT a IS NULL, a = b IS NULL FROM t",
                "'Project [(NOT (a IS NULL)), ((a = b) IS NULL)]" T);
    expect_plan("SELECT -a, - -1, -1, 2 -1, -(1) FROM t",
                "'Project [(- a), (- -1), -1, (2 - 1), (- 1)]" T);
    expect_plan("SELECT a < b = c FROM t", "'Project [((a < b) = c)]" T);
    expect_plan("SELECT a BETWEEN 1 AND 2 AND b FROM t", "'Project [(between(a, 1, 2) AND b)]" T);
    expect_plan("SELECT -a::int, a::int + 1 FROM t",
                "'Project [(- CAST(a AS INT)), (CAST(a AS INT) + 1)]" T);
}

HR_TEST(predicates)
{
    expect_plan("SELECT a IN (1, 2), a NOT IN (1) FROM t",
                "'Project [(a IN (1, 2)), (NOT (a IN (1)))]" T);
    expect_plan("SELECT a LIKE 'x%', a NOT LIKE 'y' FROM t",
                "'Project [a LIKE x%, (NOT a LIKE y)]" T);
    expect_plan("SELECT a LIKE ANY ('x', 'y') FROM t", "'Project [(a LIKE x OR a LIKE y)]" T);
    expect_plan("SELECT a NOT LIKE ALL ('x', 'y') FROM t",
                "'Project [((NOT a LIKE x) AND (NOT a LIKE y))]" T);
    expect_plan("SELECT a IS NOT NULL, a IS DISTINCT FROM 1, a IS NOT DISTINCT FROM 1 FROM t",
                "'Project [(a IS NOT NULL), (NOT (a <=> 1)), (a <=> 1)]" T);
    expect_plan("SELECT CASE a WHEN 1 THEN 'x' ELSE 'y' END FROM t",
                "'Project [CASE WHEN (a = 1) THEN x ELSE y END]" T);
    expect_plan("SELECT CASE WHEN a THEN 1 WHEN b THEN 2 END FROM t",
                "'Project [CASE WHEN a THEN 1 WHEN b THEN 2 END]" T);
}

HR_TEST(calls)
{
    expect_plan("SELECT count(*), count(DISTINCT a, b), sum(a) FILTER (WHERE b > 1) FROM t",
                "'Project [count(1), count(DISTINCT a, b), sum(a) FILTER (WHERE (b > 1))]" T);
    expect_plan("SELECT first(a) IGNORE NULLS FROM t", "'Project [first(a)]" T);
    expect_plan("SELECT substring('abc' FROM 2 FOR 1), substring(a, 1) FROM t",
                "'Project [substring(abc, 2, 1), substring(a, 1)]" T);
    expect_plan("SELECT current_date, current_timestamp() FROM t",
                "'Project [current_date, current_timestamp()]" T);
    expect_plan("SELECT date_add(DAY, 1, a), date_add(a, 1) FROM t",
                "'Project [timestampadd(DAY, 1, a), date_add(a, 1)]" T);
}

HR_TEST(from)
{
    expect_plan("SELECT * FROM a, b x",
                "'Project [*]\n+- 'Join Inner\n"
                "   :- 'UnresolvedRelation [a], [], false\n   +- 'SubqueryAlias x\n"
                "      +- 'UnresolvedRelation [b], [], false\n");
    expect_plan(
        "SELECT * FROM a LEFT SEMI JOIN b ON a.i = b.i",
        "'Project [*]\n+- 'Join LeftSemi, (a.i = b.i)\n"
        "   :- 'UnresolvedRelation [a], [], false\n   +- 'UnresolvedRelation [b], [], false\n");
    expect_plan(
        "SELECT * FROM STREAM(a.b) WATERMARK ts DELAY OF INTERVAL 10 SECONDS AS x",
        "'Project [*]\n+- 'SubqueryAlias x\n   +- 'EventTimeWatermark ts, 10000000 microseconds\n"
        "      +- 'UnresolvedRelation [a.b], [], true\n");
    expect_plan("SELECT * FROM (SELECT 1) WATERMARK f(a) AS e DELAY OF INTERVAL '1' MINUTE",
                "'Project [*]\n+- 'EventTimeWatermark f(a) AS e, 60000000 microseconds\n"
                "   +- 'Project [1]\n      +- 'OneRowRelation\n");
    expect_plan("SELECT * FROM range(3)", "'Project [*]\n+- 'Range (0, 3, step=1)\n");
    expect_plan("SELECT * FROM range(1, 10, 2)", "'Project [*]\n+- 'Range (1, 10, step=2)\n");
    expect_plan("SELECT * FROM ((SELECT 1))",
                "'Project [*]\n+- 'Project [1]\n   +- 'OneRowRelation\n");
}

HR_TEST(set_operations)
{
    expect_plan("SELECT 1 UNION ALL SELECT 2 UNION ALL SELECT 3",
                "'Union\n:- 'Project [1]\n:  +- 'OneRowRelation\n:- 'Project [2]\n"
                ":  +- 'OneRowRelation\n+- 'Project [3]\n   +- 'OneRowRelation\n");
    expect_plan("SELECT 1 UNION SELECT 2",
                "'Distinct\n+- 'Union\n   :- 'Project [1]\n"
                "   :  +- 'OneRowRelation\n   +- 'Project [2]\n      +- 'OneRowRelation\n");
    expect_plan("SELECT 1 EXCEPT SELECT 2 INTERSECT SELECT 3",
                "'Except\n:- 'Project [1]\n:  +- 'OneRowRelation\n+- 'Intersect\n"
                "   :- 'Project [2]\n   :  +- 'OneRowRelation\n   +- 'Project [3]\n"
                "      +- 'OneRowRelation\n");
}

HR_TEST(statements)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    struct hr_stmt *s = parse(
        &arena,
        "CREATE TABLE IF NOT EXISTS a.b (x INT NOT NULL COMMENT 'c', y STRUCT<z: ARRAY<INT>>) "
        "USING csv OPTIONS (path 'p', n -3, t true, a.b = 'c') PARTITIONED BY (x) COMMENT 'q'");
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_I64(s->kind, HR_STMT_CREATE_TABLE);
    HR_EXPECT_TRUE(s->if_not_exists);
    HR_EXPECT_EQ_I64(s->name_part_count, 2);
    HR_EXPECT_EQ_STR(hr_type_simple(&arena, s->schema), "struct<x:int,y:struct<z:array<int>>>");
    HR_EXPECT_FALSE(s->schema->fields[0].nullable);
    HR_EXPECT_EQ_STR(s->provider, "csv");
    HR_EXPECT_EQ_STR(hr_options_get(s->options, "path"), "p");
    HR_EXPECT_EQ_STR(hr_options_get(s->options, "n"), "-3");
    HR_EXPECT_EQ_STR(hr_options_get(s->options, "T"), "true");
    HR_EXPECT_EQ_STR(hr_options_get(s->options, "a.b"), "c");
    HR_EXPECT_EQ_STR(hr_options_get(s->options, "partitionBy"), "x");
    s = parse(&arena, "CREATE OR REPLACE TEMP VIEW v (a, b COMMENT 'x') AS (SELECT 1, 2) ");
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_TRUE(s->or_replace && s->is_temporary && s->is_view);
    HR_EXPECT_EQ_I64(s->column_count, 2);
    /* A view is kept as the text of its query. */
    HR_EXPECT_EQ_BYTES(s->text.ptr + s->plan->sql_pos, s->plan->sql_end - s->plan->sql_pos,
                       "(SELECT 1, 2)");
    s = parse(&arena, "SET a.b = 'x y' ");
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(s->key, "a.b");
    HR_EXPECT_EQ_STR(s->value, "'x y'");
    s = parse(&arena, "INSERT OVERWRITE TABLE t (a, b) VALUES (1, 2), (3, 4)");
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_TRUE(s->overwrite);
    HR_EXPECT_EQ_I64(HR_NODE(values, s->plan)->row_count, 2);
    HR_EXPECT_EQ_I64(HR_NODE(values, s->plan)->row_width, 2);
    s = parse(&arena, "CREATE FLOW f AS INSERT INTO t BY NAME SELECT * FROM STREAM x");
    HR_ASSERT_TRUE(s != NULL);
    HR_EXPECT_EQ_STR(s->flow_name, "f");
    HR_EXPECT_TRUE(s->by_name);
    hr_arena_done(&arena);
}

HR_TEST(positions)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    struct hr_stmt *s = parse(&arena, "SELECT a,\n  (b + 1) * c AS d FROM t");
    HR_ASSERT_TRUE(s != NULL);
    const struct hr_expr *alias = hr_select_of(s->plan)->exprs[1], *product = alias->args[0];
    HR_EXPECT_EQ_I64(alias->sql_pos, 12);
    HR_EXPECT_EQ_I64(alias->sql_end, 28);
    HR_EXPECT_EQ_I64(product->sql_pos, 12); /* with the parenthesis */
    HR_EXPECT_EQ_I64(product->sql_end, 23);
    HR_EXPECT_EQ_I64(product->args[0]->sql_pos, 13); /* without */
    HR_EXPECT_EQ_I64(product->args[0]->sql_end, 18);
    HR_EXPECT_EQ_I64(s->plan->children[0]->sql_pos, 34);
    hr_arena_done(&arena);
}

static void expect_literal(const char *sql, const char *type, const char *value)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    char text[300];
    snprintf(text, sizeof text, "SELECT %s", sql);
    struct hr_stmt *s = parse(&arena, text);
    struct hr_buf buf = {0};
    if (s && HR_EXPECT_EQ_I64(hr_select_of(s->plan)->exprs[0]->kind, HR_X_LITERAL)) {
        HR_EXPECT_EQ_STR(hr_type_simple(&arena, hr_select_of(s->plan)->exprs[0]->type), type);
        hr_column_print(hr_select_of(s->plan)->exprs[0]->literal, 0, hr_tz_utc(), &buf);
        const char *got = hr_buf_cstr(&buf);
        if (!HR_EXPECT_EQ_STR(got, value)) printf("  for: %s\n", sql);
    }
    hr_buf_done(&buf);
    hr_arena_done(&arena);
}

HR_TEST(literals)
{
    expect_literal("10L", "bigint", "10");
    expect_literal("-128Y", "tinyint", "-128");
    expect_literal("2147483648", "bigint", "2147483648");
    expect_literal("-2147483648", "int", "-2147483648");
    expect_literal("-9223372036854775808", "bigint", "-9223372036854775808");
    expect_literal("9223372036854775808", "decimal(19,0)", "9223372036854775808");
    expect_literal(".5", "decimal(1,1)", "0.5");
    expect_literal("5.", "decimal(1,0)", "5");
    expect_literal("0.010", "decimal(3,3)", "0.010");
    expect_literal("1e2BD", "decimal(3,0)", "100");
    expect_literal("1.0E-2BD", "decimal(3,3)", "0.010");
    expect_literal("1e2", "double", "100.0");
    expect_literal("1.5f", "float", "1.5");
    expect_literal("007", "int", "7");
    expect_literal("'a' 'b' \"c\"", "string", "abc");
    expect_literal("'it''s\\t\\u0041\\101\\%\\x'", "string", "it's\tAA\\%x");
    expect_literal("r'raw\\n'", "string", "raw\\n");
    expect_literal("X'414'", "binary", "\x04\x14");
    expect_literal("DATE '2024-01-02'", "date", "2024-01-02");
    expect_literal("TIMESTAMP '2024-01-02 03:04:05+02:00'", "timestamp", "2024-01-02 01:04:05");
    expect_literal("INTERVAL 1 DAY 2 HOURS", "interval day to hour", "INTERVAL '1 02' DAY TO HOUR");
    expect_literal("INTERVAL '1-2' YEAR TO MONTH", "interval year to month",
                   "INTERVAL '1-2' YEAR TO MONTH");
    expect_literal("INTERVAL -'1' DAY", "interval day", "INTERVAL '-1' DAY");
    expect_literal("INTERVAL '1 day 2 hours'", "interval day to hour",
                   "INTERVAL '1 02' DAY TO HOUR");
    expect_literal("INTERVAL 5 MILLISECONDS", "interval second", "INTERVAL '00.005' SECOND");
}

HR_TEST(splitting)
{
    const char *text =
        ";; -- nothing\n /* c ; */ SELECT ';' ; SELECT \"a;b\" -- x ;\n; SELECT `a;`";
    const char *expected[] = {"-- nothing\n /* c ; */ SELECT ';'", "SELECT \"a;b\" -- x ;",
                              "SELECT `a;`"};
    size_t pos = 0;
    struct hr_str_view view;
    for (int i = 0; i < 3; i++) {
        HR_ASSERT_TRUE(hr_sql_split_next(text, strlen(text), &pos, &view));
        HR_EXPECT_EQ_BYTES(view.ptr, view.len, expected[i]);
    }
    HR_EXPECT_FALSE(hr_sql_split_next(text, strlen(text), &pos, &view));
    const struct {
        const char *text;
        bool complete;
    } cases[] = {
        {"SELECT 1", false},  {"SELECT 1;", true},   {"SELECT 1; ", true},
        {"", true},           {" -- x\n", true},     {"SELECT 1; SELECT", false},
        {"SELECT ';", false}, {"SELECT ';';", true}, {"a -- ;", false},
    };
    for (size_t i = 0; i < HR_COUNT(cases); i++)
        if (!HR_EXPECT_EQ_I64(hr_sql_is_complete(cases[i].text, strlen(cases[i].text)),
                              cases[i].complete))
            printf("  for: %s\n", cases[i].text);
}
