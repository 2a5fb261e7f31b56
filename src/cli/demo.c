/* SPDX-License-Identifier: Apache-2.0 */
/*
 * headrace demo [NAME]: runs examples/demo/NAME.sql or apps/NAME/NAME.sql with fresh output folders
 * until Ctrl-C (or for DEMO_SECONDS), then NAME_check.sql, in which ${rows} is the number of source
 * rows that every query has committed.
 */
#include <signal.h>
#include <unistd.h>

#include "base/thread.h"
#include "cli/cli.h"
#include "serve/serve.h"
#include "stream/query.h"

#define CHECKPOINT_DIR "out/demo-checkpoint"

struct demo {
    char job[512], check[512];
    char out[256]; /* what the job writes */
};

/* Source rows that all queries over the generator have behind them; -1: one has run no epoch. */
static int64_t rows_committed(struct hr_session *session)
{
    int64_t least = -1;
    for (uint32_t i = 0; i < hr_session_query_count(session); i++) {
        struct hr_buf json = {0};
        hr_query_progress_json(hr_session_query(session, i), &json);
        const char *text = hr_buf_cstr(&json);
        if (strstr(text, "Generator[")) {
            const char *end = strstr(text, "\"endOffset\":");
            int64_t rows = end ? strtoll(end + strlen("\"endOffset\":"), NULL, 10) : 0;
            if (least < 0 || rows < least) least = rows;
        }
        hr_buf_done(&json);
    }
    return least;
}

/* The check's text with ${rows} filled in. */
static hr_status fill_rows(const struct cli_text *text, int64_t rows, struct cli_text *ret,
                           struct hr_err *err)
{
    static const char place[] = "${rows}";
    const char *at = hr_buf_cstr((struct hr_buf *)(uintptr_t)&text->buf);
    for (const char *found; (found = strstr(at, place)); at = found + strlen(place)) {
        hr_buf_append(&ret->buf, at, (size_t)(found - at));
        hr_buf_put_i64(&ret->buf, rows);
    }
    hr_buf_puts(&ret->buf, at);
    ret->name = text->name;
    return hr_buf_status(&ret->buf, err);
}

static int check(struct hr_session *session, const char *path)
{
    struct hr_err err;
    struct cli_text text = {0}, filled = {0};
    hr_err_init(&err);
    int64_t rows = rows_committed(session);
    if (!hr_env_exists(hr_env_default(), path) || rows <= 0) return CLI_DONE;
    int exit_status = CLI_FAILED;
    hr_status status = cli_read(path, &text, &err);
    if (status == HR_OK) status = fill_rows(&text, rows, &filled, &err);
    if (status != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
    } else {
        printf("\n%lld payments seen by every rule; the frauds planted among them:\n",
               (long long)rows);
        exit_status = cli_run_statements(session, &filled, false);
    }
    hr_buf_done(&text.buf);
    hr_buf_done(&filled.buf);
    return exit_status;
}

/* Ends the demo as Ctrl-C would. */
static void *end_after(void *arg)
{
    sleep((unsigned)*(const int64_t *)arg);
    kill(getpid(), SIGTERM);
    return NULL;
}

static hr_status prepare(const char *out, int64_t *ret_seconds, struct hr_err *err)
{
    const char *seconds = getenv("DEMO_SECONDS");
    if (seconds && *seconds &&
        (!hr_parse_i64(hr_sv(seconds), ret_seconds) || *ret_seconds < 1 || *ret_seconds > 86400))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "DEMO_SECONDS=%.20s: a number from 1 to 86400 is needed", seconds);
    HR_TRY(hr_env_remove_tree(hr_env_default(), out, err));
    return hr_env_remove_tree(hr_env_default(), CHECKPOINT_DIR, err);
}

static int run_demo(const struct demo *demo)
{
    static int64_t seconds = 0; /* outlives this call: the timer's thread reads it */
    struct hr_session_options options = {.checkpoint_root = CHECKPOINT_DIR};
    struct cli_settings settings = {0};
    struct cli_text text = {0};
    struct hr_session *session = NULL;
    static const struct hr_serve_options ui; /* as it is by default */
    struct hr_serve *serve = NULL;
    struct hr_err err;
    hr_err_init(&err);
    cli_catch_signals(NULL);
    int exit_status = CLI_FAILED;
    pthread_t timer;
    hr_status status = prepare(demo->out, &seconds, &err);
    if (status == HR_OK) status = cli_read(demo->job, &text, &err);
    if (status == HR_OK) status = cli_session_new(&options, &settings, &session, &err);
    if (status == HR_OK && seconds)
        status = hr_thread_start(&timer, "demo-end", end_after, &seconds, &err);
    if (status == HR_OK && seconds) pthread_detach(timer); /* nobody waits for it */
    if (status == HR_OK) status = cli_start_ui(demo->job, &ui, CLI_UI_AUTO, session, &serve, &err);
    if (status != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
    } else if (cli_run_statements(session, &text, true) == CLI_DONE) {
        printf("Watching; alerts follow and are kept in %s. %s\n", demo->out,
               seconds ? "It ends by itself." : "Ctrl-C ends it.");
        fflush(stdout);
        exit_status = cli_await_queries(session, CLI_PROGRESS_AUTO);
        if (exit_status == CLI_DONE) exit_status = check(session, demo->check);
    }
    hr_serve_stop(serve);
    hr_session_free(session);
    hr_buf_done(&text.buf);
    return exit_status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL, *name = NULL;
    for (int option; (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) return CLI_DONE;
        if (option != CLI_ARG_POSITIONAL) return CLI_USAGE;
        if (name) return cli_usage_error(command, "unexpected argument '%s'", value);
        name = value;
    }
    if (!name) name = "payments";
    struct demo demo;
    snprintf(demo.job, sizeof demo.job, "examples/demo/%.200s.sql", name);
    snprintf(demo.check, sizeof demo.check, "examples/demo/%.200s_check.sql", name);
    snprintf(demo.out, sizeof demo.out, "out/alerts");
    if (!hr_env_exists(hr_env_default(), demo.job)) {
        snprintf(demo.job, sizeof demo.job, "apps/%.200s/%.200s.sql", name, name);
        snprintf(demo.check, sizeof demo.check, "apps/%.200s/%.200s_check.sql", name, name);
        snprintf(demo.out, sizeof demo.out, "out/%.200s", name);
    }
    if (strchr(name, '/') || !hr_env_exists(hr_env_default(), demo.job))
        return cli_usage_error(command,
                               "there is no %s: run a demo by its name (payments, fraud, "
                               "iot, shop, social), in the project's folder",
                               demo.job);
    return run_demo(&demo);
}

const struct cli_command cli_demo = {
    .name = "demo",
    .usage = "[NAME]",
    .doc = "run a demonstration: payments (default), fraud, iot, shop, social; DEMO_SECONDS=20 "
           "ends it by itself",
    .run = run,
};
