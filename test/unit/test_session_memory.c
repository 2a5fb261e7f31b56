/* SPDX-License-Identifier: Apache-2.0 */
/* headrace.memory: what is beyond it ends by name or goes another way, and all is given back. */
#include "hr_test.h"

#include <stdlib.h>

#include "base/machine.h"
#include "session/session.h"

static struct hr_session *session_new(uint32_t threads, int64_t memory_bytes)
{
    struct hr_session_options options = {.threads = threads, .memory_bytes = memory_bytes};
    struct hr_session *session = NULL;
    struct hr_err err = {0};
    if (!HR_EXPECT_OK(hr_session_new(&options, &session, &err))) printf("  %s\n", err.msg);
    return session;
}

static hr_status run(struct hr_session *session, const char *sql, struct hr_err *err)
{
    struct hr_result result;
    hr_err_init(err);
    hr_status status = hr_session_sql(session, hr_sv(sql), &result, err);
    if (status == HR_OK) hr_result_done(&result);
    return status;
}

static int64_t used(void)
{
    return atomic_load(&hr_mem_process()->used_bytes);
}

/* 100 bytes a row. */
#define ROWS "(SELECT id, repeat('x', 92) || lpad(CAST(id AS STRING), 8, '0') s FROM range(60000))"

/* Each operator that keeps what it reads (or, of several tasks, the exchange below it), and the
 * result itself. */
static const struct {
    const char *name, *sql;
} beyond[] = {
    {"HashAggregate", "SELECT s, count(*) FROM " ROWS " GROUP BY s"},
    {"HashAggregate", "SELECT count(DISTINCT s) FROM " ROWS},
    {"HashAggregate", "SELECT DISTINCT s FROM " ROWS},
    {"HashJoin", "SELECT count(*) FROM " ROWS " a JOIN " ROWS " b ON a.s = b.s"},
    {"HashJoin", "SELECT count(*) FROM " ROWS " a JOIN " ROWS " b ON a.s < b.s"},
    {"TakeOrdered", "SELECT s FROM " ROWS " ORDER BY s LIMIT 55000"},
    {"", "SELECT s FROM " ROWS},
    {"", "SELECT array_repeat('x', 3000000)"},
    {"", "SELECT length(repeat('x', 5000000)) FROM range(10)"},
};

HR_TEST(every_operator_beyond_the_budget_ends_by_name)
{
    for (uint32_t threads = 1; threads <= 3; threads += 2) {
        int64_t before = used();
        struct hr_session *session = session_new(threads, 3 << 20);
        HR_ASSERT_TRUE(session);
        int64_t idle = used();
        for (size_t i = 0; i < HR_COUNT(beyond); i++) {
            struct hr_err err;
            if (!HR_EXPECT_EQ_I64(run(session, beyond[i].sql, &err), HR_E_MEMORY_LIMIT) ||
                !HR_EXPECT_TRUE(strstr(err.msg, "memory limit of 3145728 bytes; raise "
                                                "headrace.memory") != NULL) ||
                !HR_EXPECT_TRUE(strstr(err.msg, beyond[i].name) || strstr(err.msg, "Exchange") ||
                                strstr(err.msg, "the shuffle")))
                printf("  %s\n  %s\n", beyond[i].sql, err.msg);
            HR_EXPECT_EQ_I64(used(), idle);
            HR_EXPECT_OK(run(session, "SELECT max(id) FROM range(100000)", &err));
        }
        hr_session_free(session);
        HR_EXPECT_EQ_I64(used(), before);
    }
    hr_mem_process_reset();
}

/* The same with room enough: it is the budget that ends them. */
HR_TEST(the_same_within_the_budget)
{
    struct hr_session *session = session_new(1, 0);
    HR_ASSERT_TRUE(session);
    for (size_t i = 0; i < HR_COUNT(beyond); i++) {
        struct hr_err err;
        if (strstr(beyond[i].sql, "<")) continue; /* takes long */
        if (!HR_EXPECT_OK(run(session, beyond[i].sql, &err))) printf("  %s\n", err.msg);
    }
    hr_session_free(session);
}

HR_TEST(the_setting_holds_from_its_statement_on_and_for_the_process)
{
    static const char big[] = "SELECT s, count(*) FROM " ROWS " GROUP BY s";
    struct hr_session *a = session_new(1, 0), *b = session_new(1, 0);
    struct hr_err err;
    HR_ASSERT_TRUE(a && b);
    HR_EXPECT_OK(run(a, big, &err));
    HR_EXPECT_OK(run(a, "SET headrace.memory = 2m", &err));
    HR_EXPECT_EQ_I64(run(a, big, &err), HR_E_MEMORY_LIMIT);
    HR_EXPECT_EQ_I64(run(b, big, &err), HR_E_MEMORY_LIMIT);
    HR_EXPECT_OK(run(b, "SET headrace.memory = 64m", &err));
    HR_EXPECT_OK(run(a, big, &err));
    HR_EXPECT_OK(run(b, "SET spark.sql.shuffle.partitions = 3", &err)); /* changes nothing */
    HR_EXPECT_EQ_I64(hr_mem_process()->limit_bytes, 64 << 20);
    HR_EXPECT_OK(run(b, "RESET headrace.memory", &err));
    HR_EXPECT_EQ_I64(hr_mem_process()->limit_bytes, hr_machine_memory_bytes() / 4 * 3);
    hr_session_free(a);
    hr_session_free(b);
}

HR_TEST(wrong_values_are_refused)
{
    static const char *const wrong[] = {
        "0",     "-1",  "-5m", "1000",     "lots",                "''",
        "1.5g",  "1e9", "4 x", "8000000g", "9223372036854775807", "100000t",
    };
    int64_t before = hr_mem_process()->limit_bytes;
    struct hr_session *session = session_new(1, 0);
    struct hr_err err;
    HR_ASSERT_TRUE(session);
    for (size_t i = 0; i < HR_COUNT(wrong); i++) {
        if (!HR_EXPECT_TRUE(hr_session_set(session, "headrace.memory", wrong[i], &err) != HR_OK) ||
            !HR_EXPECT_TRUE(strstr(err.msg, "headrace.memory") != NULL))
            printf("  %s: %s\n", wrong[i], err.msg);
        HR_EXPECT_EQ_I64(hr_mem_process()->limit_bytes, before);
    }
    HR_EXPECT_TRUE(hr_session_set(session, "headrace.memroy", "1g", &err) != HR_OK);
    hr_session_free(session);
    struct hr_session_options options = {.memory_bytes = -1};
    HR_EXPECT_EQ_I64(hr_session_new(&options, &session, &err), HR_E_INVALID_OPTION);
}
