/* SPDX-License-Identifier: Apache-2.0 */
/* Errors of the parser: class, position and parameters as real Spark 4 gives them. */
#include "hr_test.h"

#include "sql/parser.h"

static hr_status parse(const char *sql, struct hr_err *err)
{
    struct hr_arena arena;
    struct hr_stmt *stmt;
    hr_arena_init(&arena, NULL);
    hr_err_init(err);
    hr_status status = hr_sql_parse_statement(&arena, hr_sv(sql), NULL, &stmt, err);
    hr_arena_done(&arena);
    return status;
}

/* clang-format off */
static const struct { const char *sql; int line, column; const char *error, *hint; } syntax[] = {
    {"SELEC 1", 1, 0, "'SELEC'", ""},
    {"SELECT", 1, 6, "end of input", ""},
    {"SELECT 1 +", 1, 10, "end of input", ""},
    {"SELECT (1", 1, 9, "end of input", ""},
    {"SELECT 1)", 1, 8, "')'", ": extra input ')'"},
    {"SELECT 1 2", 1, 9, "'2'", ": extra input '2'"},
    {"SELECT 1 2 3", 1, 9, "'2'", ""},
    {"SELECT a b c FROM t", 1, 11, "'c'", ""},
    {"SELECT * FROM t 1", 1, 16, "'1'", ": extra input '1'"},
    {"SELECT count( FROM t", 1, 19, "'t'", ""},
    {"SELECT CAST(1 AS)", 1, 16, "')'", ""},
    {"SELECT CAST(1 INT)", 1, 14, "'INT'", ""},
    {"SELECT 1 FROM t JOIN", 1, 20, "end of input", ""},
    {"SELECT 1 FROM t JOIN u ON", 1, 25, "end of input", ""},
    {"SELECT 1 FROM (SELECT 1", 1, 23, "end of input", ": missing ')'"},
    {"SELECT a[1 FROM t", 1, 11, "'FROM'", ": missing ']'"},
    {"SELECT 1 FROM t LEFT u", 1, 21, "'u'", ": missing 'JOIN'"},
    {"INSERT INTO", 1, 11, "end of input", ""},
    {"CREATE TABLE t (a)", 1, 17, "')'", ""},
    {"CREATE VIEW v", 1, 13, "end of input", ""},
    {"DROP TABLE", 1, 10, "end of input", ""},
    {"FOO BAR", 1, 0, "'FOO'", ""},
    {"SELECT 1 @ 2", 1, 9, "'@'", ""},
    {"WITH x AS SELECT 1 SELECT * FROM x", 1, 10, "'SELECT'", ""},
    {"SELECT * FROM VALUES 1 WATERMARK ts DELAY OF INTERVAL 1 SECOND", 1, 33, "'ts'", ""},
    {"SELECT 1 'x'", 1, 9, "''x''", ": extra input ''x''"},
    {"SELECT f(1,)", 1, 11, "')'", ""},
    {"SELECT a FROM t LIMIT 1 LIMIT 2", 1, 24, "'LIMIT'", ""},
    {"SELECT 1\n  FROM t\n WHERE x =", 3, 10, "end of input", ""},
    {"SELECT 1 IS NOT NULL = true", 1, 21, "'='", ""},
    {"SELECT count(*) FROM t GROUP BY ()", 1, 33, "')'", ""},
    {"SELECT 'é', @", 1, 12, "'@'", ""},
};
static const struct { const char *sql, *error_class; int column; } others[] = {
    {"SELECT a, FROM t", "TRAILING_COMMA_IN_SELECT", 10},
    {"SELECT CAST(1 AS foo)", "UNSUPPORTED_DATATYPE", 17},
    {"SELECT CAST(1 AS DECIMAL(50))", "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", -1},
    {"SELECT CAST('1' AS VARCHAR)", "DATATYPE_MISSING_SIZE", 19},
    {"SELECT a IN () FROM t", "INVALID_SQL_SYNTAX.EMPTY_IN_PREDICATE", 9},
    {"SELECT INTERVAL '1' FOO", "INVALID_TYPED_LITERAL", 7},
    {"SELECT DATE 'abc'", "INVALID_TYPED_LITERAL", 7},
    {"SELECT X'0G'", "INVALID_TYPED_LITERAL", 7},
    {"SELECT 300Y", "INVALID_NUMERIC_LITERAL_RANGE", 7},
    {"SELECT 1e400", "INVALID_NUMERIC_LITERAL_RANGE", 7},
    {"SELECT INTERVAL 1 MONTH 2 DAYS", "_LEGACY_ERROR_TEMP_0029", 7},
    {"SELECT * FROM VALUES (1, 2), (3)", "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH", 14},
    {"SELECT 1 /* open", "UNCLOSED_BRACKETED_COMMENT", 9},
    {"SELECT sum(a) OVER (ROWS a PRECEDING)", "INVALID_SQL_SYNTAX.INVALID_WINDOW_FRAME_BOUND", 25},
    {"  -- nothing", "PARSE_EMPTY_STATEMENT", 0},
};
/* clang-format on */

HR_TEST(syntax_errors)
{
    struct hr_err err;
    for (size_t i = 0; i < HR_COUNT(syntax); i++) {
        int before = hr_test_failures;
        HR_EXPECT_EQ_I64(parse(syntax[i].sql, &err), HR_E_PARSE_SYNTAX_ERROR);
        HR_EXPECT_EQ_I64(err.line, syntax[i].line);
        HR_EXPECT_EQ_I64(err.column, syntax[i].column);
        HR_EXPECT_EQ_STR(hr_err_param(&err, "error"), syntax[i].error);
        HR_EXPECT_EQ_STR(hr_err_param(&err, "hint"), syntax[i].hint);
        if (hr_test_failures > before) printf("  for: %s\n", syntax[i].sql);
    }
}

HR_TEST(other_errors)
{
    struct hr_err err;
    for (size_t i = 0; i < HR_COUNT(others); i++) {
        int before = hr_test_failures;
        hr_status status = parse(others[i].sql, &err);
        HR_EXPECT_EQ_STR(hr_error_info(status)->error_class, others[i].error_class);
        if (others[i].column >= 0) HR_EXPECT_EQ_I64(err.column, others[i].column);
        if (hr_test_failures > before) printf("  for: %s\n", others[i].sql);
    }
}

/* count times unit between head and tail. */
static hr_status parse_repeated(const char *head, const char *unit, int count, const char *tail)
{
    struct hr_err err;
    struct hr_buf buf = {0};
    hr_buf_puts(&buf, head);
    for (int i = 0; i < count; i++) hr_buf_puts(&buf, unit);
    hr_buf_puts(&buf, tail);
    hr_status status = parse(hr_buf_cstr(&buf), &err);
    hr_buf_done(&buf);
    return status;
}

HR_TEST(limits)
{
    HR_EXPECT_EQ_I64(parse_repeated("SELECT 1", " + 1", 900, ""), HR_OK);
    HR_EXPECT_EQ_I64(parse_repeated("SELECT 1", " + 1", 100000, ""), HR_E_LIMIT);
    HR_EXPECT_EQ_I64(parse_repeated("SELECT ", "f(", 5000, "1"), HR_E_LIMIT);
    HR_EXPECT_EQ_I64(parse_repeated("SELECT ", "(", 100000, ""), HR_E_LIMIT);
    HR_EXPECT_EQ_I64(parse_repeated("SELECT * FROM t", ", t", 900, ""), HR_OK);
    HR_EXPECT_EQ_I64(parse_repeated("SELECT * FROM t", ", t", 2000, ""), HR_E_LIMIT);
    HR_EXPECT_EQ_I64(parse_repeated("SELECT 1", " UNION SELECT 1", 2000, ""), HR_E_LIMIT);
    HR_EXPECT_EQ_I64(parse_repeated("SELECT 1", ", 1", 100000, ""), HR_OK);
    HR_EXPECT_EQ_I64(parse_repeated("SELECT CAST(1 AS ", "ARRAY<", 200, "INT"),
                     HR_E_PARSE_SYNTAX_ERROR);
}
