/* SPDX-License-Identifier: Apache-2.0 */
/* headrace explain FILE.sql: the plans of a job's queries. Nothing runs and nothing is written: a
 * statement's tables and views become known to those behind it. */
#include "cli/cli.h"
#include "sql/parser.h"

enum { OPT_EXECUTE, OPT_EXTENDED, OPT_SET };

static const struct cli_option options[] = {
    [OPT_EXECUTE] = {"execute", 'e', "TEXT", "explain these statements instead of a file's"},
    [OPT_EXTENDED] = {"extended", 0, NULL, "the logical plans too"},
    [OPT_SET] = {"set", 0, "KEY=VALUE", "a setting; may be given several times"},
    {0},
};

/* Those that would work are explained. */
static bool is_explained(const struct hr_stmt *stmt)
{
    return stmt->kind == HR_STMT_QUERY || stmt->kind == HR_STMT_CREATE_STREAMING_TABLE ||
           stmt->kind == HR_STMT_CREATE_MATERIALIZED_VIEW || stmt->kind == HR_STMT_INSERT ||
           (stmt->kind == HR_STMT_CREATE_TABLE && stmt->plan);
}

static void put_row(void *arg, const struct hr_batch *batch, uint32_t row)
{
    struct hr_buf line = {0};
    if (batch->schema->field_count > 0 && cli_value(&batch->columns[0], row, arg, &line))
        printf("%.*s\n", (int)line.len, line.ptr);
    hr_buf_done(&line);
}

static hr_status make_known(struct hr_session *session, struct hr_str_view statement,
                            struct hr_err *err)
{
    struct hr_result result;
    HR_TRY(hr_session_sql(session, statement, &result, err));
    hr_result_done(&result);
    return HR_OK;
}

static hr_status explain_one(struct hr_session *session, struct hr_str_view statement,
                             bool extended, struct hr_err *err)
{
    struct hr_arena arena;
    struct hr_stmt *stmt;
    struct hr_result result;
    struct hr_buf sql = {0};
    hr_arena_init(&arena, NULL);
    hr_status status = hr_sql_parse_statement(&arena, statement, NULL, &stmt, err);
    bool explain = status == HR_OK && is_explained(stmt);
    hr_arena_done(&arena);
    if (status != HR_OK) return status;
    if (!explain) return make_known(session, statement, err);
    const char *how = extended ? "EXPLAIN EXTENDED " : "EXPLAIN ";
    hr_buf_puts(&sql, how);
    hr_buf_put_sv(&sql, statement);
    status = hr_buf_status(&sql, err);
    if (status == HR_OK) status = hr_session_sql(session, hr_svn(sql.ptr, sql.len), &result, err);
    if (status == HR_OK) {
        cli_each_row(&result, put_row, (void *)(uintptr_t)hr_session_conf(session));
        hr_result_done(&result);
    } else if (err->sql_pos >= (int32_t)strlen(how)) {
        err->sql_pos -= (int32_t)strlen(how);
    }
    hr_buf_done(&sql);
    return status == HR_OK ? make_known(session, statement, err) : status;
}

static int explain(const struct cli_text *text, const struct cli_settings *settings, bool extended)
{
    struct hr_err err;
    struct hr_session *session;
    struct hr_session_options session_options = {.check_only = true};
    struct hr_str_view statement = {0};
    hr_err_init(&err);
    if (cli_session_new(&session_options, settings, &session, &err) != HR_OK) {
        cli_print_error(&err, NULL, statement);
        return CLI_FAILED;
    }
    int exit_status = CLI_DONE;
    for (size_t pos = 0; hr_sql_split_next(text->buf.ptr, text->buf.len, &pos, &statement);) {
        hr_err_init(&err);
        if (explain_one(session, statement, extended, &err) == HR_OK) continue;
        cli_print_error(&err, text, statement);
        exit_status = CLI_FAILED;
        break;
    }
    hr_session_free(session);
    return exit_status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    struct cli_settings settings = {0};
    struct cli_text text = {0};
    const char *value = NULL, *file = NULL, *sql = NULL;
    bool extended = false;
    int exit_status = CLI_DONE;
    for (int option;
         exit_status == CLI_DONE && (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) goto out;
        if (option == OPT_EXECUTE)
            sql = value;
        else if (option == OPT_EXTENDED)
            extended = true;
        else if (option == CLI_ARG_POSITIONAL)
            file = value;
        else if (option != OPT_SET)
            exit_status = CLI_USAGE;
        else if (!cli_settings_add(&settings, value))
            exit_status = cli_usage_error(command, "--set %s: KEY=VALUE is needed", value);
    }
    if (exit_status == CLI_DONE && !file == !sql)
        exit_status = cli_usage_error(command, "give a file or -e TEXT");
    struct hr_err err;
    hr_err_init(&err);
    if (exit_status == CLI_DONE && sql) {
        text.name = "-e";
        hr_buf_puts(&text.buf, sql);
    } else if (exit_status == CLI_DONE && cli_read(file, &text, &err) != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
        exit_status = CLI_FAILED;
    }
    if (exit_status == CLI_DONE) exit_status = explain(&text, &settings, extended);
out:
    cli_settings_done(&settings);
    hr_buf_done(&text.buf);
    return exit_status;
}

const struct cli_command cli_explain = {
    .name = "explain",
    .usage = "FILE.sql | -e TEXT [OPTIONS]",
    .doc = "show how a job's queries would run",
    .options = options,
    .run = run,
};
