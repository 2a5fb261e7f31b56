/* SPDX-License-Identifier: Apache-2.0 */
/* The session: statement after statement, settings, errors that leave it usable. */
#include "hr_test.h"

#include "session/session.h"

static struct hr_session *session_new(void)
{
    struct hr_session_options options = {.threads = 1};
    struct hr_session *session = NULL;
    struct hr_err err;
    hr_err_init(&err);
    if (!HR_EXPECT_OK(hr_session_new(&options, &session, &err))) printf("  %s\n", err.msg);
    return session;
}

/* The one value of a statement's result, as text. */
static void expect_value(struct hr_session *session, const char *sql, const char *wanted)
{
    struct hr_result result;
    struct hr_err err;
    hr_err_init(&err);
    if (!HR_EXPECT_OK(hr_session_sql(session, hr_sv(sql), &result, &err))) {
        printf("  %s: %s\n", sql, err.msg);
        return;
    }
    struct hr_buf text = {0};
    if (HR_EXPECT_EQ_I64(result.batch_count, 1) &&
        HR_EXPECT_EQ_I64(result.batches[0]->sel_count, 1)) {
        const struct hr_batch *batch = result.batches[0];
        uint32_t row = batch->sel ? batch->sel[0] : 0, last = batch->schema->field_count - 1;
        hr_column_print(&batch->columns[last], row, hr_session_conf(session)->tz, &text);
        HR_EXPECT_EQ_STR(hr_buf_cstr(&text), wanted);
    }
    hr_buf_done(&text);
    hr_result_done(&result);
}

static void expect_error(struct hr_session *session, const char *sql, hr_status code)
{
    struct hr_result result;
    struct hr_err err;
    hr_err_init(&err);
    HR_EXPECT_EQ_I64(hr_session_sql(session, hr_sv(sql), &result, &err), code);
}

static void run(struct hr_session *session, const char *sql)
{
    struct hr_result result;
    struct hr_err err;
    hr_err_init(&err);
    if (HR_EXPECT_OK(hr_session_sql(session, hr_sv(sql), &result, &err)))
        hr_result_done(&result);
    else
        printf("  %s: %s\n", sql, err.msg);
}

HR_TEST(one_and_one)
{
    struct hr_session *session = session_new();
    HR_ASSERT_TRUE(session);
    expect_value(session, "SELECT 1 + 1", "2");
    hr_session_free(session);
}

HR_TEST(a_failed_statement_does_not_end_the_text)
{
    struct hr_session *session = session_new();
    HR_ASSERT_TRUE(session);
    const char *text = "SELECT nosuch; SELECT 7";
    size_t pos = 0;
    bool more = false;
    struct hr_str_view statement;
    struct hr_result result;
    struct hr_err err;
    HR_EXPECT_EQ_I64(hr_session_next(session, text, strlen(text), &pos, &more, &statement, &result,
                                     &err),
                     HR_E_UNRESOLVED_COLUMN_WITHOUT_SUGGESTION);
    HR_EXPECT_TRUE(more);
    HR_EXPECT_EQ_I64(err.line, 1);
    HR_EXPECT_EQ_I64(err.column, 7);
    HR_ASSERT_OK(
        hr_session_next(session, text, strlen(text), &pos, &more, &statement, &result, &err));
    HR_EXPECT_EQ_BYTES(statement.ptr, statement.len, "SELECT 7");
    hr_result_done(&result);
    HR_ASSERT_OK(
        hr_session_next(session, text, strlen(text), &pos, &more, &statement, &result, &err));
    HR_EXPECT_FALSE(more);
    hr_session_free(session);
}

HR_TEST(tables_in_memory_outlive_their_statements)
{
    struct hr_session *session = session_new();
    HR_ASSERT_TRUE(session);
    run(session, "CREATE TABLE m (a INT, b STRING)");
    run(session, "INSERT INTO m VALUES (1, 'a text that is longer than twelve bytes')");
    run(session, "INSERT INTO m SELECT a + 1, b FROM m");
    expect_value(session, "SELECT b FROM m WHERE a = 2", "a text that is longer than twelve bytes");
    run(session, "CREATE TEMPORARY VIEW v AS SELECT max(a) AS top FROM m");
    expect_value(session, "SELECT top FROM v", "2");
    expect_error(session, "CREATE TABLE m (x INT)", HR_E_TABLE_OR_VIEW_ALREADY_EXISTS);
    expect_error(session, "DROP VIEW m", HR_E_WRONG_COMMAND_FOR_OBJECT_TYPE);
    run(session, "DROP TABLE m");
    expect_error(session, "SELECT * FROM v", HR_E_TABLE_OR_VIEW_NOT_FOUND);
    hr_session_free(session);
}

HR_TEST(settings_are_checked_and_kept)
{
    struct hr_session *session = session_new();
    HR_ASSERT_TRUE(session);
    expect_error(session, "SELECT 1 / 0", HR_E_DIVIDE_BY_ZERO);
    run(session, "SET spark.sql.ansi.enabled=false");
    HR_EXPECT_FALSE(hr_session_conf(session)->ansi);
    expect_error(session, "SET spark.sql.ansi.enabled=maybe", HR_E_INVALID_CONF_TYPE);
    expect_error(session, "SET headrace.batchSize=0", HR_E_INVALID_OPTION);
    expect_value(session, "SET nobody.knows.it=5", "5");
    expect_value(session, "SET nobody.knows.it", "5");
    run(session, "RESET");
    HR_EXPECT_TRUE(hr_session_conf(session)->ansi);
    expect_value(session, "SET nobody.knows.it", "<undefined>");
    hr_session_free(session);
}
