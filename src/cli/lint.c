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
    struct cli_paths paths;
    const struct cli_text *text; /* that is being checked */
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

static bool report(void *arg, struct hr_str_view statement, const struct hr_err *err)
{
    struct lint *lint = arg;
    lint->errors++;
    if (lint->json)
        put_json_line(err, lint->text, statement);
    else
        cli_print_error(err, lint->text, statement);
    return true;
}

/* Each file is a job of its own; in it a statement sees the tables of those before. */
static void lint_file(struct lint *lint, const char *path)
{
    const struct hr_session_options with = {.check_only = true, .threads = 1};
    struct hr_session *session = NULL;
    struct cli_text text = {.name = path};
    struct hr_err err;
    hr_err_init(&err);
    lint->text = &text;
    if (cli_read(path, &text, &err) != HR_OK ||
        cli_session_new(&with, &lint->settings, &session, &err) != HR_OK)
        report(lint, hr_svn(NULL, 0), &err);
    else
        lint->statements +=
            hr_session_check(session, text.buf.ptr, text.buf.len, report, lint);
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
    case CLI_ARG_POSITIONAL: cli_paths_add(&lint->paths, value); return CLI_DONE;
    default: return CLI_USAGE;
    }
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct lint lint = {.paths = cli_paths(argv)};
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL;
    int exit_status = CLI_DONE;
    for (int option;
         exit_status == CLI_DONE && (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) goto out;
        exit_status = parse_option(command, &lint, option, value);
    }
    if (exit_status == CLI_DONE && lint.paths.count == 0)
        exit_status = cli_usage_error(command, "the file with the job's SQL is missing");
    if (exit_status == CLI_DONE) {
        for (uint32_t i = 0; i < lint.paths.count; i++) lint_file(&lint, lint.paths.items[i]);
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
