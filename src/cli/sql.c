/* SPDX-License-Identifier: Apache-2.0 */
/* headrace sql: statements from an argument, a file, a pipe, or the shell. */
#include <unistd.h>

#include "cli/cli.h"

enum { OPT_EXECUTE, OPT_FILE, OPT_FORMAT, OPT_KEEP_GOING, OPT_SET, OPT_CHECKPOINT };

static const struct cli_option options[] = {
    [OPT_EXECUTE] = {"execute", 'e', "TEXT", "run these statements"},
    [OPT_FILE] = {"file", 'f', "FILE", "run the statements of a file (-: standard input)"},
    [OPT_FORMAT] = {"format", 0, "FORMAT",
                    "table, csv, json (an object a row) or results (an "
                    "object a statement)"},
    [OPT_KEEP_GOING] = {"keep-going", 'k', NULL,
                        "go on after an error; the exit status is the "
                        "first one's"},
    [OPT_SET] = {"set", 0, "KEY=VALUE", "a setting; may be given several times"},
    [OPT_CHECKPOINT] = {"checkpoint", 0, "DIR", "where streaming tables keep their state"},
    {0},
};

struct request {
    const char *text, *file, *checkpoint;
    enum cli_format format;
    bool keep_going;
    struct cli_settings settings;
};

/* CLI_DONE and *ret_run: go on; else the exit status. */
static int parse_args(const struct cli_command *command, int argc, char **argv, struct request *r,
                      bool *ret_run)
{
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL;
    for (int option; (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        switch (option) {
        case OPT_EXECUTE: r->text = value; break;
        case OPT_FILE: r->file = value; break;
        case OPT_KEEP_GOING: r->keep_going = true; break;
        case OPT_CHECKPOINT: r->checkpoint = value; break;
        case OPT_FORMAT:
            if (!cli_format_parse(value, &r->format))
                return cli_usage_error(command, "unknown format '%s': table, csv, json or results",
                                       value);
            break;
        case OPT_SET:
            if (!cli_settings_add(&r->settings, value))
                return cli_usage_error(command, "--set %s: KEY=VALUE is needed", value);
            break;
        case CLI_ARG_HELP: return CLI_DONE;
        case CLI_ARG_POSITIONAL:
            return cli_usage_error(command, "unexpected argument '%s'; statements go behind -e",
                                   value);
        default: return CLI_USAGE;
        }
    }
    if (r->text && r->file) return cli_usage_error(command, "give -e or -f, not both");
    *ret_run = true;
    return CLI_DONE;
}

/* All statements of a text. */
static int run_text(struct hr_session *session, const struct cli_text *text,
                    const struct request *r)
{
    int exit_status = CLI_DONE;
    struct hr_err err;
    for (size_t pos = 0;;) {
        struct hr_result result;
        struct hr_str_view statement = {0};
        bool more = false;
        hr_err_init(&err);
        hr_status status = hr_session_next(session, text->buf.ptr, text->buf.len, &pos, &more,
                                           &statement, &result, &err);
        if (status == HR_OK && !more) break;
        if (status == HR_OK) {
            status =
                cli_print_result(r->format, &result, statement, hr_session_conf(session), &err);
            hr_result_done(&result);
            if (status != HR_OK) {
                cli_print_error(&err, NULL, statement);
                return CLI_FAILED;
            }
            continue;
        }
        exit_status = CLI_FAILED;
        if (r->format == CLI_RESULTS) {
            struct hr_err own;
            if (cli_print_error_object(&err, statement, &own) != HR_OK) return CLI_FAILED;
            if (!r->keep_going) cli_print_error(&err, text, statement);
        } else {
            cli_print_error(&err, text, statement);
        }
        if (!r->keep_going) break;
    }
    return exit_status;
}

static int run_request(const struct request *r)
{
    struct hr_err err;
    struct hr_session *session = NULL;
    struct cli_text text = {0};
    struct hr_session_options session_options = {.checkpoint_root = r->checkpoint};
    int exit_status = CLI_FAILED;
    hr_err_init(&err);
    bool shell = !r->text && !r->file && isatty(STDIN_FILENO);
    if (r->text) {
        text.name = "-e";
        hr_buf_puts(&text.buf, r->text);
    } else if (!shell && cli_read(r->file ? r->file : "-", &text, &err) != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
        goto out;
    }
    if (cli_session_new(&session_options, &r->settings, &session, &err) != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
        goto out;
    }
    if (shell) {
        exit_status = cli_shell(session, r->format);
    } else {
        exit_status = run_text(session, &text, r);
        if (hr_session_query_count(session) > 0 && (exit_status == CLI_DONE || r->keep_going)) {
            cli_catch_signals(NULL);
            int streams = cli_await_queries(session, CLI_PROGRESS_OFF);
            if (exit_status == CLI_DONE) exit_status = streams;
        }
    }
    hr_session_free(session);
out:
    hr_buf_done(&text.buf);
    return exit_status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct request r = {.format = CLI_TABLE};
    bool go = false;
    int exit_status = parse_args(command, argc, argv, &r, &go);
    if (go) exit_status = run_request(&r);
    cli_settings_done(&r.settings);
    return exit_status;
}

const struct cli_command cli_sql = {
    .name = "sql",
    .usage = "[-e TEXT | -f FILE] [OPTIONS]",
    .doc = "run SQL statements, or open a shell",
    .options = options,
    .run = run,
};
