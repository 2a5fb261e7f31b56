/* SPDX-License-Identifier: Apache-2.0 */
/* headrace lint FILE.sql …: every statement is parsed, analysed and planned, none is run. */
#include "cli/cli.h"

enum { OPT_FORMAT, OPT_SET };

static const struct cli_option options[] = {
    [OPT_FORMAT] = {"format", 0, "text|json",
                    "how what is wrong is told: with a caret, or a JSON line each"},
    [OPT_SET] = {"set", 0, "KEY=VALUE", "a setting; may be given several times"},
    {0},
};

struct lint {
    struct cli_settings settings;
    bool json;
    uint32_t statements, errors;
};

static void put_json_line(const struct hr_err *err, const struct cli_text *text,
                          struct hr_str_view statement)
{
    struct hr_buf line = {0};
    struct hr_err whole = *err;
    const struct hr_error_info *info = hr_error_info(err->code);
    hr_buf_puts(&line, "{\"file\":");
    hr_buf_put_json(&line, hr_sv(text->name));
    if (statement.ptr && err->sql_pos >= 0) {
        whole.sql_pos += (int32_t)(statement.ptr - text->buf.ptr);
        hr_err_locate(&whole, text->buf.ptr, text->buf.len);
        hr_buf_printf(&line, ",\"line\":%d,\"column\":%d", whole.line, whole.column + 1);
    }
    hr_buf_printf(&line,
                  ",\"severity\":\"error\",\"errorClass\":\"%s\",\"sqlState\":\"%s\""
                  ",\"message\":", info->error_class, info->sql_state);
    hr_buf_put_json(&line, hr_sv(err->msg));
    hr_buf_putc(&line, '}');
    puts(hr_buf_cstr(&line));
    hr_buf_done(&line);
}

static void report(struct lint *lint, const struct hr_err *err, const struct cli_text *text,
                   struct hr_str_view statement)
{
    lint->errors++;
    if (lint->json)
        put_json_line(err, text, statement);
    else
        cli_print_error(err, text, statement);
}

/* The session goes on behind a statement that failed, so that all are checked; it knows the tables
 * of those before, as a job would. */
static void lint_text(struct lint *lint, struct hr_session *session, const struct cli_text *text)
{
    bool more = true;
    for (size_t pos = 0; more;) {
        struct hr_err err;
        struct hr_result result;
        struct hr_str_view statement = {0};
        hr_err_init(&err);
        hr_status status = hr_session_next(session, text->buf.ptr, text->buf.len, &pos, &more,
                                           &statement, &result, &err);
        if (status == HR_OK) {
            if (more) hr_result_done(&result);
            lint->statements += more;
            continue;
        }
        lint->statements++;
        report(lint, &err, text, statement);
        if (!statement.ptr) break; /* nothing can be split off any more */
    }
}

/* Each file is a job of its own. */
static void lint_file(struct lint *lint, const char *path)
{
    const struct hr_session_options with = {.check_only = true, .threads = 1};
    struct hr_session *session = NULL;
    struct cli_text text = {.name = path};
    struct hr_err err;
    hr_err_init(&err);
    if (cli_read(path, &text, &err) != HR_OK ||
        cli_session_new(&with, &lint->settings, &session, &err) != HR_OK)
        report(lint, &err, &text, hr_svn(NULL, 0));
    else
        lint_text(lint, session, &text);
    hr_session_free(session);
    hr_buf_done(&text.buf);
}

static int parse_option(const struct cli_command *command, struct lint *lint, int option,
                        const char *value)
{
    switch (option) {
    case OPT_FORMAT:
        lint->json = strcmp(value, "json") == 0;
        if (!lint->json && strcmp(value, "text") != 0)
            return cli_usage_error(command, "--format %s: text or json", value);
        return CLI_DONE;
    case OPT_SET:
        if (!cli_settings_add(&lint->settings, value))
            return cli_usage_error(command, "--set %s: KEY=VALUE is needed", value);
        return CLI_DONE;
    default: return option == CLI_ARG_POSITIONAL ? CLI_DONE : CLI_USAGE;
    }
}

/* Options first, wherever they stand: they hold for all files. */
static int run(const struct cli_command *command, int argc, char **argv)
{
    struct lint lint = {0};
    const char *value = NULL;
    uint32_t files = 0;
    int exit_status = CLI_DONE;
    for (int pass = 0; pass < 2 && exit_status == CLI_DONE; pass++) {
        struct cli_args args = {.command = command, .argc = argc, .argv = argv};
        for (int option;
             exit_status == CLI_DONE && (option = cli_next(&args, &value)) != CLI_ARG_END;) {
            if (option == CLI_ARG_HELP) goto out;
            if (pass == 0) {
                exit_status = parse_option(command, &lint, option, value);
                files += option == CLI_ARG_POSITIONAL;
            } else if (option == CLI_ARG_POSITIONAL) {
                lint_file(&lint, value);
            }
        }
        if (exit_status == CLI_DONE && files == 0)
            exit_status = cli_usage_error(command, "the file with the job's SQL is missing");
    }
    if (exit_status == CLI_DONE) {
        fprintf(stderr, "headrace: %u statement%s checked, %u error%s\n", lint.statements,
                lint.statements == 1 ? "" : "s", lint.errors, lint.errors == 1 ? "" : "s");
        if (lint.errors) exit_status = CLI_FAILED;
    }
out:
    cli_settings_done(&lint.settings);
    return exit_status;
}

const struct cli_command cli_lint = {
    .name = "lint",
    .usage = "FILE.sql … [OPTIONS]",
    .doc = "check every statement of jobs without running any",
    .options = options,
    .run = run,
};
