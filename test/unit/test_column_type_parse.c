/* SPDX-License-Identifier: Apache-2.0 */
/* Type texts: what Spark's DDL parser takes and refuses. */
#include "hr_test.h"

#include "column/type_parse.h"

static void expect(const char *text, bool schema, const char *expected)
{
    struct hr_arena arena;
    struct hr_err err;
    const struct hr_type *type = NULL;
    hr_arena_init(&arena, NULL);
    hr_err_init(&err);
    hr_status status = schema ? hr_schema_parse(hr_sv(text), &type, &err)
                              : hr_type_parse(hr_sv(text), &type, &err);
    const char *got =
        status == HR_OK ? hr_type_simple(&arena, type) : hr_error_info(status)->error_class;
    if (!HR_EXPECT_EQ_STR(got, expected)) printf("  for: %s (%s)\n", text, err.msg);
    hr_arena_done(&arena);
}

HR_TEST(types)
{
    expect("int", false, "int");
    expect(" INTEGER ", false, "int");
    expect("long", false, "bigint");
    expect("Byte", false, "tinyint");
    expect("REAL", false, "float");
    expect("decimal", false, "decimal(10,0)");
    expect("NUMERIC(12)", false, "decimal(12,0)");
    expect("dec( 12 , 2 )", false, "decimal(12,2)");
    expect("varchar(10)", false, "string");
    expect("timestamp_ltz", false, "timestamp");
    expect("timestamp_ntz", false, "timestamp_ntz");
    expect("interval day to second", false, "interval day to second");
    expect("INTERVAL YEAR", false, "interval year");
    expect("array<array<int>>", false, "array<array<int>>");
    expect("map<string, struct<a: int, `b c` string not null comment 'it''s'>>", false,
           "map<string,struct<a:int,b c:string>>");
    expect("struct<>", false, "struct<>");
    expect("void", false, "void");
}

HR_TEST(schemas)
{
    expect("a INT, b STRING NOT NULL COMMENT 'x'", true, "struct<a:int,b:string>");
    expect("a: INT, `b``c`: array<int>", true, "struct<a:int,b`c:array<int>>");
    expect("struct<a: int>", true, "struct<a:int>");
    expect("struct INT, map string", true, "struct<struct:int,map:string>");
    expect("", true, "struct<>");
}

HR_TEST(refusals)
{
    expect("foo", false, "UNSUPPORTED_DATATYPE");
    expect("interval", false, "UNSUPPORTED_DATATYPE");
    expect("varchar", false, "DATATYPE_MISSING_SIZE");
    expect("decimal(39)", false, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION");
    expect("decimal(2,3)", false, "DECIMAL_SCALE_EXCEEDS_PRECISION");
    expect("decimal(0)", false, "UNSUPPORTED_FEATURE");
    expect("varchar(99999999999)", false, "DATATYPE_PARAMETER_VALUE_OUT_OF_RANGE");
    expect("int(3)", false, "UNSUPPORTED_DATATYPE");
    expect("", false, "PARSE_SYNTAX_ERROR");
    expect("int int", false, "PARSE_SYNTAX_ERROR");
    expect("array<int", false, "PARSE_SYNTAX_ERROR");
    expect("array<int>>", false, "PARSE_SYNTAX_ERROR");
    expect("interval month to day", false, "PARSE_SYNTAX_ERROR");
    expect("struct<a int b int>", false, "PARSE_SYNTAX_ERROR");
    expect("a INT,", true, "PARSE_SYNTAX_ERROR");
    expect("`a INT", true, "PARSE_SYNTAX_ERROR");
}

HR_TEST(nesting_is_limited)
{
    struct hr_buf buf = {0};
    struct hr_err err;
    const struct hr_type *type;
    for (int depth = 64; depth <= 65; depth++) {
        hr_buf_clear(&buf);
        for (int i = 0; i < depth; i++) hr_buf_puts(&buf, "array<");
        hr_buf_puts(&buf, "int");
        for (int i = 0; i < depth; i++) hr_buf_puts(&buf, ">");
        HR_EXPECT_EQ_I64(hr_type_parse(hr_svn(buf.ptr, buf.len), &type, &err),
                         depth == 64 ? HR_OK : HR_E_LIMIT);
    }
    hr_buf_done(&buf);
}
