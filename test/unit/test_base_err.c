/* SPDX-License-Identifier: Apache-2.0 */
/* Errors, options and fault points. */
#include "base/fault.h"
#include "base/options.h"
#include "hr_test.h"

HR_TEST(err_table_is_complete)
{
    for (hr_status code = HR_OK + 1; code < HR_ERROR_COUNT; code++) {
        const struct hr_error_info *info = hr_error_info(code);
        HR_ASSERT_TRUE(info->name && info->error_class && info->text);
        HR_EXPECT_EQ_U64(strlen(info->sql_state), 5);
        HR_EXPECT_TRUE(strncmp(info->name, "HR_E_", 5) == 0);
        for (hr_status other = HR_OK; other < code; other++)
            HR_EXPECT_TRUE(strcmp(hr_error_info(other)->name, info->name) != 0);
    }
    HR_EXPECT_EQ_I64(hr_error_info(-5)->flags & HR_ERR_BUG, HR_ERR_BUG);
    HR_EXPECT_EQ_I64(hr_error_info(HR_ERROR_COUNT)->flags & HR_ERR_BUG, HR_ERR_BUG);
}

HR_TEST(err_raise_fills_places)
{
    struct hr_err err;
    HR_EXPECT_EQ_I64(HR_RAISE(&err, HR_E_UNRESOLVED_ROUTINE, "routineName", "`f`", "searchPath",
                              "[a, b]"),
                     HR_E_UNRESOLVED_ROUTINE);
    HR_EXPECT_EQ_STR(err.msg, "Cannot resolve routine `f` on search path [a, b].");
    HR_EXPECT_EQ_STR(hr_err_param(&err, "searchPath"), "[a, b]");
    HR_EXPECT_TRUE(hr_err_param(&err, "no such") == NULL);
    HR_EXPECT_EQ_I64(err.sql_pos, -1);
    HR_EXPECT_EQ_I64(err.flags, HR_ERR_USER);
    HR_EXPECT_TRUE(strstr(err.file, "test_base_err.c") != NULL);
    /* a place without its parameter stays visible */
    (void)HR_RAISE(&err, HR_E_UNRESOLVED_ROUTINE, "routineName", "f");
    HR_EXPECT_EQ_STR(err.msg, "Cannot resolve routine f on search path <searchPath>.");
    HR_EXPECT_EQ_I64(HR_RAISE(NULL, HR_E_NOT_FOUND, "what", "x"), HR_E_NOT_FOUND);
}

HR_TEST(err_long_texts_are_cut_between_characters)
{
    struct hr_err err;
    char text[3000];
    for (int shift = 0; shift < 4; shift++) {
        size_t n = 0;
        while (n < (size_t)shift) text[n++] = 'x';
        while (n + 3 < sizeof text) memcpy(text + n, "\xE2\x82\xAC", 3), n += 3;
        text[n] = '\0';
        (void)HR_FAIL(&err, HR_E_IO, "%s", text);
        size_t len = strlen(err.msg);
        HR_EXPECT_TRUE(len >= HR_ERR_MSG_MAX - 4 && (len - (size_t)shift) % 3 == 0);
        (void)HR_RAISE(&err, HR_E_NOT_FOUND, "what", text);
        len = strlen(hr_err_param(&err, "what"));
        HR_EXPECT_TRUE(len > 700 && (len - (size_t)shift) % 3 == 0);
        (void)hr_err_prefix(&err, "%s", "context");
        HR_EXPECT_TRUE(strncmp(err.msg, "context: ", 9) == 0);
    }
    /* an error made from its own text */
    (void)HR_FAIL(&err, HR_E_IO, "inner");
    (void)HR_FAIL(&err, HR_E_IO_FATAL, "outer: %s", err.msg);
    HR_EXPECT_EQ_STR(err.msg, "outer: inner");
}

HR_TEST(err_locates_lines_and_columns)
{
    struct hr_err err;
    const char *sql = "SELECT\n  '\xC3\xA4', x";
    (void)HR_FAIL(&err, HR_E_NOT_FOUND, "x");
    (void)hr_err_at(&err, 15, 16);
    (void)hr_err_at(&err, 1, 2); /* the first position stays */
    hr_err_locate(&err, sql, strlen(sql));
    HR_EXPECT_EQ_I64(err.line, 2);
    HR_EXPECT_EQ_I64(err.column, 7);
    struct hr_err copy;
    hr_err_copy(&copy, &err);
    HR_EXPECT_EQ_STR(copy.msg, "x");
    HR_EXPECT_EQ_I64(copy.line, 2);
}

/* Options ------------------------------------------------------------------------------------- */

struct target {
    const char *path;
    int64_t rows, bytes, wait_us;
    bool header;
    double ratio;
    int mode;
    uint32_t quote;
};

#define AT(field) offsetof(struct target, field)
static const struct hr_opt_spec specs[] = {
    {"path", HR_OPT_STRING, AT(path), NULL, 0, 0, NULL, "where"},
    {"maxRows", HR_OPT_INT, AT(rows), "100", 1, 1000, NULL, "rows"},
    {"size", HR_OPT_BYTES, AT(bytes), "1m", 1024, INT64_MAX, NULL, "bytes"},
    {"wait", HR_OPT_DURATION, AT(wait_us), "10 seconds", 0, 0, NULL, "time"},
    {"header", HR_OPT_BOOL, AT(header), "true", 0, 0, NULL, "flag"},
    {"ratio", HR_OPT_DOUBLE, AT(ratio), NULL, 0, 0, NULL, "ratio"},
    {"mode", HR_OPT_ENUM, AT(mode), "PERMISSIVE", 0, 0, "permissive|dropmalformed|failfast",
     "mode"},
    {"quote", HR_OPT_CHAR, AT(quote), "\"", 0, 0, NULL, "quote"},
    {"auth.password", HR_OPT_INT, AT(rows), "1", 0, 0, NULL, "a number, secretly"},
};

static void expect_bad(const char *key, const char *value, const char *message)
{
    struct hr_arena arena = {0};
    struct hr_options options;
    struct target target;
    struct hr_err err;
    hr_options_init(&options, &arena);
    HR_EXPECT_OK(hr_options_put(&options, key, value, NULL));
    HR_EXPECT_EQ_I64(hr_options_parse(specs, HR_COUNT(specs), &options, &target, &err),
                     HR_E_INVALID_OPTION);
    HR_EXPECT_EQ_STR(err.msg, message);
    hr_arena_done(&arena);
}

HR_TEST(options_defaults_and_values)
{
    struct hr_arena arena = {0};
    struct hr_options options;
    struct target t;
    hr_options_init(&options, &arena);
    memset(&t, 0xEE, sizeof t);
    HR_ASSERT_OK(hr_options_parse(specs, HR_COUNT(specs) - 1, NULL, &t, NULL));
    HR_EXPECT_TRUE(t.path == NULL && t.rows == 100 && t.bytes == 1 << 20 && t.wait_us == 10000000);
    HR_EXPECT_TRUE(t.header && t.ratio == 0 && t.mode == 0 && t.quote == '"');
    HR_ASSERT_OK(hr_options_put(&options, "MAXROWS", "7", NULL));
    HR_ASSERT_OK(hr_options_put(&options, "maxrows", " 9 ", NULL));
    HR_ASSERT_OK(hr_options_put(&options, "mode", "FailFast", NULL));
    HR_ASSERT_OK(hr_options_put(&options, "quote", "", NULL));
    HR_ASSERT_OK(hr_options_put(&options, "ratio", "2.5e-1", NULL));
    HR_EXPECT_EQ_I64(options.count, 4);
    HR_ASSERT_OK(hr_options_parse(specs, HR_COUNT(specs) - 1, &options, &t, NULL));
    HR_EXPECT_TRUE(t.rows == 9 && t.mode == 2 && t.quote == UINT32_MAX && t.ratio == 0.25);
    HR_ASSERT_OK(hr_options_put(&options, "quote", "\\t", NULL));
    HR_ASSERT_OK(hr_options_parse(specs, HR_COUNT(specs) - 1, &options, &t, NULL));
    HR_EXPECT_EQ_I64(t.quote, '\t');
    HR_EXPECT_TRUE(hr_options_remove(&options, "Ratio") && !hr_options_remove(&options, "ratio"));
    HR_EXPECT_TRUE(hr_options_get(&options, "ratio") == NULL);
    hr_arena_done(&arena);
}

HR_TEST(options_messages)
{
    expect_bad("maxRows", "0", "option maxRows: '0' is not between 1 and 1000");
    expect_bad("maxRows", "many", "option maxRows: 'many' is not a whole number");
    expect_bad("size", "1k1", "option size: '1k1' is not a size such as 64m or 1g");
    expect_bad("size", "12", "option size: '12' is not at least 1024 bytes");
    expect_bad("wait", "10",
               "option wait: '10' is not a duration such as '10 seconds' or '500 ms'");
    expect_bad("header", "si", "option header: 'si' is not true or false");
    expect_bad("mode", "fast",
               "option mode: 'fast' is not one of permissive,dropmalformed,failfast");
    expect_bad("quote", "ab", "option quote: 'ab' is not a single character");
    expect_bad("auth.password", "hunter2", "option auth.password: must be a whole number");
}

HR_TEST(options_unknown_keys)
{
    struct hr_arena arena = {0};
    struct hr_options options;
    struct hr_err err;
    static const struct hr_opt_spec more[] = {
        {"charset", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "say encoding"},
        {"cacheSize", HR_OPT_ACCEPTED, 0, NULL, 0, 0, NULL, "nothing is cached"},
    };
    const struct hr_opt_table tables[] = {{specs, HR_COUNT(specs)}, {more, HR_COUNT(more)}};
    hr_options_init(&options, &arena);
    HR_ASSERT_OK(hr_options_put(&options, "kafka.anything", "1", NULL));
    HR_ASSERT_OK(hr_options_put(&options, "HEADER", "1", NULL));
    HR_EXPECT_OK(hr_options_check_known(&options, "kafka.", tables, 2, &err));
    HR_EXPECT_EQ_I64(hr_options_check_known(&options, NULL, tables, 2, &err),
                     HR_E_INVALID_OPTION);
    HR_EXPECT_EQ_STR(err.msg, "option kafka.anything: is not known here");
    HR_ASSERT_OK(hr_options_put(&options, "maxRow", "1", NULL));
    HR_EXPECT_EQ_I64(hr_options_check_known(&options, "kafka.", tables, 2, &err),
                     HR_E_INVALID_OPTION);
    HR_EXPECT_EQ_STR(err.msg, "option maxRow: is not known here; did you mean maxRows?");
    HR_EXPECT_TRUE(hr_options_remove(&options, "maxRow"));
    HR_ASSERT_OK(hr_options_put(&options, "CacheSize", "1", NULL));
    HR_EXPECT_OK(hr_options_check_known(&options, "kafka.", tables, 2, &err));
    HR_ASSERT_OK(hr_options_put(&options, "Charset", "x", NULL));
    HR_EXPECT_EQ_I64(hr_options_check_known(&options, "kafka.", tables, 2, &err),
                     HR_E_INVALID_OPTION);
    HR_EXPECT_EQ_STR(err.msg, "option Charset: Spark has it, it is not supported here: "
                              "say encoding");
    hr_arena_done(&arena);
}

HR_TEST(options_secrets)
{
    const char *secret[] = {"kafka.sasl.jaas.config", "Password", "ssl.keystore.password",
                            "apiToken"};
    for (size_t i = 0; i < HR_COUNT(secret); i++) HR_EXPECT_TRUE(hr_option_is_secret(secret[i]));
    HR_EXPECT_FALSE(hr_option_is_secret("path"));
    HR_EXPECT_FALSE(hr_option_is_secret("subscribe"));
}

/* Fault points -------------------------------------------------------------------------------- */

HR_TEST(fault_once_and_persistent)
{
    HR_EXPECT_FALSE(hr_fault_hit(HR_FAULT_TASK_RUN));
    hr_fault_arm(HR_FAULT_TASK_RUN, 2, false);
    HR_EXPECT_FALSE(hr_fault_hit(HR_FAULT_TASK_RUN));
    HR_EXPECT_FALSE(hr_fault_hit(HR_FAULT_SINK_COMMIT));
    HR_EXPECT_TRUE(hr_fault_hit(HR_FAULT_TASK_RUN));
    HR_EXPECT_FALSE(hr_fault_hit(HR_FAULT_TASK_RUN));
    HR_EXPECT_EQ_I64(hr_fault_passed(HR_FAULT_TASK_RUN), 3);
    hr_fault_arm(HR_FAULT_TASK_RUN, 1, true);
    HR_EXPECT_TRUE(hr_fault_hit(HR_FAULT_TASK_RUN) && hr_fault_hit(HR_FAULT_TASK_RUN));
    hr_fault_disarm_all();
    HR_EXPECT_FALSE(hr_fault_hit(HR_FAULT_TASK_RUN));
    setenv("HR_FAIL_AT", "nonsense,file-read:2+,file-write:1", 1);
    hr_fault_init_from_environment();
    HR_EXPECT_TRUE(hr_fault_hit(HR_FAULT_FILE_WRITE) && !hr_fault_hit(HR_FAULT_FILE_READ));
    HR_EXPECT_TRUE(hr_fault_hit(HR_FAULT_FILE_READ) && hr_fault_hit(HR_FAULT_FILE_READ));
    hr_fault_disarm_all();
}

HR_TEST(fault_crash_kills)
{
    pid_t pid = fork();
    if (pid == 0) {
        setenv("HR_CRASH_AT", "alloc:3", 1);
        hr_fault_init_from_environment();
        for (int i = 0; i < 3; i++) hr_free(hr_alloc(1));
        _exit(0);
    }
    int status = 0;
    HR_ASSERT_TRUE(waitpid(pid, &status, 0) == pid);
    HR_EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}
