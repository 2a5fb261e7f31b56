/* SPDX-License-Identifier: Apache-2.0 */
/* headrace run FILE.sql: a job. Its statements run in order; then its streaming queries are waited
 * for. */
#include "cli/cli.h"
#include "serve/serve.h"

enum {
    OPT_CHECKPOINT,
    OPT_AVAILABLE_NOW,
    OPT_ONCE,
    OPT_UI,
    OPT_UI_HOST,
    OPT_UI_TOKEN,
    OPT_UI_CERT,
    OPT_UI_KEY,
    OPT_UI_INSECURE,
    OPT_SET,
    OPT_PROGRESS
};

static const struct cli_option options[] = {
    [OPT_CHECKPOINT] = {"checkpoint", 0, "DIR", "where the job keeps its progress and state"},
    [OPT_AVAILABLE_NOW] = {"available-now", 0, NULL, "process what is there, then end"},
    [OPT_ONCE] = {"once", 0, NULL, "process what is there in one epoch, then end"},
    [OPT_UI] = {"ui", 0, "HOST:PORT|off",
                "where the page and the REST API are (on a terminal 127.0.0.1:4040, else off)"},
    [OPT_UI_HOST] = {"ui-host", 0, "NAMES", "names that the page is also reached by: a,b:8080"},
    [OPT_UI_TOKEN] = {"ui-token-file", 0, "FILE", "tokens that the page and the API ask for"},
    [OPT_UI_CERT] = {"ui-cert", 0, "FILE", "TLS: the certificate (PEM)"},
    [OPT_UI_KEY] = {"ui-key", 0, "FILE", "TLS: its key (PEM)"},
    [OPT_UI_INSECURE] = {"ui-insecure", 0, NULL, "beyond this machine without TLS"},
    [OPT_SET] = {"set", 0, "KEY=VALUE", "a setting; may be given several times"},
    [OPT_PROGRESS] = {"progress", 0, "auto|json|off",
                      "a line on a terminal, JSON lines on "
                      "standard output, or nothing"},
    {0},
};

struct job {
    const char *file;
    struct hr_session_options session;
    struct cli_settings settings;
    enum cli_progress progress;
    struct hr_serve_options ui;
    enum cli_ui ui_mode;
};

/* Is it an option of the page? Then it is noted. */
static bool parse_ui_option(struct job *job, int option, const char *value)
{
    switch (option) {
    case OPT_UI:
        job->ui_mode = strcmp(value, "off") == 0 ? CLI_UI_OFF : CLI_UI_ON;
        job->ui.listen = value;
        return true;
    case OPT_UI_HOST: job->ui.hosts = value; return true;
    case OPT_UI_TOKEN: job->ui.token_file = value; return true;
    case OPT_UI_CERT: job->ui.tls_cert = value; return true;
    case OPT_UI_KEY: job->ui.tls_key = value; return true;
    case OPT_UI_INSECURE: job->ui.insecure_http = true; return true;
    default: return false;
    }
}

static int parse_option(const struct cli_command *command, struct job *job, int option,
                        const char *value)
{
    if (parse_ui_option(job, option, value)) return CLI_DONE;
    switch (option) {
    case OPT_CHECKPOINT: job->session.checkpoint_root = value; break;
    case OPT_AVAILABLE_NOW: job->session.available_now = true; break;
    case OPT_ONCE: job->session.once = true; break;
    case OPT_SET:
        if (!cli_settings_add(&job->settings, value))
            return cli_usage_error(command, "--set %s: KEY=VALUE is needed", value);
        break;
    case OPT_PROGRESS:
        if (strcmp(value, "json") == 0)
            job->progress = CLI_PROGRESS_JSON;
        else if (strcmp(value, "off") == 0)
            job->progress = CLI_PROGRESS_OFF;
        else if (strcmp(value, "auto") != 0)
            return cli_usage_error(command, "--progress %s: auto, json or off", value);
        break;
    case CLI_ARG_POSITIONAL:
        if (job->file) return cli_usage_error(command, "one file, please: '%s' is too much", value);
        job->file = value;
        break;
    default: return CLI_USAGE;
    }
    return CLI_DONE;
}

int cli_run_statements(struct hr_session *session, const struct cli_text *text, bool until_signal)
{
    struct hr_err err;
    for (size_t pos = 0; !until_signal || cli_signal_count() == 0;) {
        struct hr_result result;
        struct hr_str_view statement = {0};
        bool more = false;
        hr_err_init(&err);
        hr_status status = hr_session_next(session, text->buf.ptr, text->buf.len, &pos, &more,
                                           &statement, &result, &err);
        if (status == HR_OK && !more) break;
        if (status == HR_OK) {
            status =
                cli_print_result(CLI_TABLE, &result, statement, hr_session_conf(session), &err);
            hr_result_done(&result);
        }
        if (status != HR_OK) {
            cli_print_error(&err, text, statement);
            return status == HR_E_CANCELLED && cli_signal_count() > 0 ? CLI_INTERRUPTED
                                                                      : CLI_FAILED;
        }
    }
    return CLI_DONE;
}

static int run_job(const struct job *job)
{
    struct hr_err err;
    struct cli_text text = {0};
    struct hr_session *session = NULL;
    struct hr_serve *serve = NULL;
    struct hr_session_options with = job->session;
    int exit_status = CLI_FAILED;
    if (job->progress == CLI_PROGRESS_JSON) with.listener = &cli_json_listener;
    hr_err_init(&err);
    cli_catch_signals(NULL);
    if (cli_read(job->file, &text, &err) != HR_OK ||
        cli_session_new(&with, &job->settings, &session, &err) != HR_OK ||
        cli_start_ui(job->file, &job->ui, job->ui_mode, session, &serve, &err) != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
    } else {
        cli_catch_signals(session);
        hr_session_hold(session, true);
        exit_status = cli_run_statements(session, &text, true);
        hr_session_hold(session, false);
        cli_catch_signals(NULL);
        if (exit_status == CLI_DONE) exit_status = cli_await_queries(session, job->progress);
    }
    hr_serve_stop(serve);
    hr_session_free(session);
    hr_buf_done(&text.buf);
    return exit_status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct job job = {.progress = CLI_PROGRESS_AUTO};
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL;
    int exit_status = CLI_DONE;
    for (int option;
         exit_status == CLI_DONE && (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) {
            cli_settings_done(&job.settings);
            return CLI_DONE;
        }
        exit_status = parse_option(command, &job, option, value);
    }
    if (exit_status == CLI_DONE && !job.file)
        exit_status = cli_usage_error(command, "the file with the job's SQL is missing");
    if (exit_status == CLI_DONE && job.session.available_now && job.session.once)
        exit_status = cli_usage_error(command, "--available-now or --once, not both");
    bool ui_options = job.ui.hosts || job.ui.token_file || job.ui.tls_cert || job.ui.tls_key ||
                      job.ui.insecure_http;
    if (exit_status == CLI_DONE && ui_options && job.ui_mode == CLI_UI_OFF)
        exit_status = cli_usage_error(command, "--ui off, but there is an option of the page");
    if (ui_options && job.ui_mode == CLI_UI_AUTO) job.ui_mode = CLI_UI_ON;
    if (exit_status == CLI_DONE) exit_status = run_job(&job);
    cli_settings_done(&job.settings);
    return exit_status;
}

const struct cli_command cli_run = {
    .name = "run",
    .usage = "FILE.sql [OPTIONS]",
    .doc = "run a job: batch statements and streaming tables",
    .options = options,
    .run = run,
};
