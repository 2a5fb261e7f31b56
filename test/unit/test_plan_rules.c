/* SPDX-License-Identifier: Apache-2.0 */
/* What the rules and the physical planner make of queries, by the text of the plan. */
#include "hr_test.h"

#include "base/datetime.h"
#include "operator/physical.h"
#include "plan/catalog.h"
#include "sql/parser.h"

static hr_status no_table(struct hr_catalog *catalog, const char *const *parts, uint32_t count,
                          struct hr_table **ret, struct hr_err *err)
{
    (void)catalog, (void)count, (void)ret;
    return HR_RAISE(err, HR_E_TABLE_OR_VIEW_NOT_FOUND, "relationName", parts[0]);
}

/* The optimised plan (or, with several threads, the physical one) must read as wanted. */
static void expect_plan(const char *sql, uint32_t threads, const char *wanted)
{
    struct hr_conf conf = {.ansi = true,
                           .batch_rows = 8192,
                           .threads = threads,
                           .shuffle_partitions = threads,
                           .tz = hr_tz_utc()};
    struct hr_catalog catalog = {.find = no_table};
    struct hr_arena arena;
    struct hr_err err;
    struct hr_plan *plan = NULL;
    struct hr_pnode *root = NULL;
    struct hr_buf text = {0};
    hr_arena_init(&arena, NULL);
    hr_err_init(&err);
    hr_status status = hr_sql_parse_query(&arena, hr_sv(sql), &plan, &err);
    if (status == HR_OK) status = hr_plan_analyze(&arena, &conf, &catalog, &plan, &err);
    if (status == HR_OK) status = hr_plan_optimize(&arena, &conf, &plan, &err);
    if (status == HR_OK && threads > 1)
        status = hr_plan_physical(&arena, &conf, plan, HR_MODE_APPEND, &root, &err);
    if (!HR_EXPECT_OK(status)) printf("  %s\n", err.msg);
    if (status == HR_OK && root) hr_pnode_print(root, &text);
    if (status == HR_OK && !root) hr_plan_print(plan, &text);
    HR_EXPECT_EQ_STR(hr_buf_cstr(&text), wanted);
    hr_buf_done(&text);
    hr_arena_done(&arena);
}

HR_TEST(constants_are_folded_but_errors_are_not)
{
    expect_plan("SELECT 1 + 2 AS x", 1, "Project [3 AS x]\n+- LocalRelation []\n");
    expect_plan("SELECT 1 / 0 AS x", 1, "Project [(1.0 / 0.0) AS x]\n+- LocalRelation []\n");
}

HR_TEST(a_false_filter_leaves_nothing)
{
    expect_plan("SELECT id FROM range(5) WHERE 1 > 2", 1, "LocalRelation [id]\n");
    expect_plan("SELECT id FROM range(5) WHERE 2 > 1", 1, "Range (0, 5, step=1)\n");
    expect_plan("SELECT id FROM range(5) LIMIT 0", 1, "LocalRelation [id]\n");
}

HR_TEST(filters_reach_the_sides_of_a_join)
{
    expect_plan(
        "SELECT a.id FROM range(5) a JOIN range(6) b ON a.id = b.id WHERE a.id > 1 AND b.id < 4", 1,
        "Project [id]\n+- Join Inner, (id = id)\n   :- Filter (id > 1)\n"
        "   :  +- Range (0, 5, step=1)\n   +- Filter (id < 4)\n      +- Range (0, 6, step=1)\n");
}

HR_TEST(a_filter_turns_an_outer_join_into_an_inner_one)
{
    expect_plan("SELECT a.id FROM range(5) a LEFT JOIN range(6) b ON a.id = b.id WHERE b.id < 4", 1,
                "Project [id]\n+- Join Inner, (id = id)\n   :- Range (0, 5, step=1)\n"
                "   +- Filter (id < 4)\n      +- Range (0, 6, step=1)\n");
    /* IS NULL keeps the rows that the join made up. */
    expect_plan(
        "SELECT a.id FROM range(5) a LEFT JOIN range(6) b ON a.id = b.id WHERE b.id IS NULL", 1,
        "Project [id]\n+- Filter (id IS NULL)\n   +- Join LeftOuter, (id = id)\n"
        "      :- Range (0, 5, step=1)\n      +- Range (0, 6, step=1)\n");
}

HR_TEST(exchanges_cut_an_aggregation_in_two)
{
    expect_plan("SELECT id % 3 AS k, count(*) AS n FROM range(100) GROUP BY id % 3", 4,
                "Project [(id % 3) AS k, count(1) AS n]\n"
                "+- HashAggregate(keys=[(id % 3)], functions=[count(1)])\n"
                "   +- Exchange hashpartitioning((id % 3), 4)\n"
                "      +- HashAggregate(keys=[(id % 3)], functions=[partial_count(1)])\n"
                "         +- Range (0, 100, step=1)\n");
}
