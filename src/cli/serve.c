/* SPDX-License-Identifier: Apache-2.0 */
/* headrace serve: a server that keeps jobs and runs them until it is told to end. */
#include <unistd.h>

#include "base/log.h"
#include "base/thread.h"
#include "cli/cli.h"
#include "serve/serve.h"
#include "sql/parser.h"

enum { OPT_CONFIG, OPT_LISTEN, OPT_STORE, OPT_SET };

static const struct cli_option options[] = {
    [OPT_CONFIG] = {"config", 0, "FILE", "SET statements: of the server, and of all jobs"},
    [OPT_LISTEN] = {"listen", 0, "HOST:PORT", "where it listens (127.0.0.1:4040)"},
    [OPT_STORE] = {"store", 0, "DIR", "where jobs and their checkpoints are kept"},
    [OPT_SET] = {"set", 0, "KEY=VALUE", "one more setting; may be given several times"},
    {0},
};

/* What the server is made of, and the memory of its texts. */
struct setup {
    struct hr_arena arena;
    struct hr_serve_options serve;
    struct hr_options settings; /* of the jobs' sessions */
};

/* Keys of the server itself. */
static const struct {
    const char *key;
    size_t offset;
    bool is_bool;
} keys[] = {
    {"headrace.http.listen", offsetof(struct hr_serve_options, listen), false},
    {"headrace.http.hosts", offsetof(struct hr_serve_options, hosts), false},
    {"headrace.http.tokenFile", offsetof(struct hr_serve_options, token_file), false},
    {"headrace.http.tlsCertificate", offsetof(struct hr_serve_options, tls_cert), false},
    {"headrace.http.tlsKey", offsetof(struct hr_serve_options, tls_key), false},
    {"headrace.http.insecure", offsetof(struct hr_serve_options, insecure_http), true},
    {"headrace.serve.store", offsetof(struct hr_serve_options, store), false},
};

static hr_status put_setting(struct setup *setup, const char *key, const char *value,
                             struct hr_err *err)
{
    for (size_t i = 0; i < HR_COUNT(keys); i++) {
        if (!hr_str_eq_nocase(keys[i].key, key)) continue;
        char *to = (char *)&setup->serve + keys[i].offset;
        if (*value == '\'' || *value == '"')
            return HR_FAIL(err, HR_E_INVALID_OPTION, "%s: SET takes its value without quotes", key);
        if (!keys[i].is_bool) {
            const char *copy = hr_arena_strdup(&setup->arena, value);
            if (!copy) return HR_OOM(err);
            memcpy(to, &copy, sizeof copy);
        } else if (!hr_parse_bool(hr_sv(value), (bool *)to)) {
            return HR_FAIL(err, HR_E_INVALID_OPTION, "%s: true or false is needed", key);
        }
        return HR_OK;
    }
    const char *names[HR_COUNT(keys)];
    for (size_t i = 0; i < HR_COUNT(keys); i++) names[i] = keys[i].key;
    bool own = strncasecmp(key, "headrace.http.", 14) == 0 ||
               strncasecmp(key, "headrace.serve.", 15) == 0;
    const char *near = hr_name_nearest(key, names, HR_COUNT(keys));
    if (own)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "%s is no setting of the server%s%s", key,
                       near ? "; did you mean " : "", near ? near : "");
    return hr_options_put(&setup->settings, key, value, err);
}

static hr_status read_statement(struct setup *setup, struct hr_str_view text, struct hr_err *err)
{
    const char *key, *value;
    HR_TRY(hr_session_parse_set(&setup->arena, text, &key, &value, err));
    return put_setting(setup, key, value, err);
}

static int read_config(struct setup *setup, const char *path)
{
    struct cli_text text = {0};
    struct hr_str_view statement = {0};
    struct hr_err err;
    hr_err_init(&err);
    hr_status status = cli_read(path, &text, &err);
    for (size_t pos = 0; status == HR_OK &&
                         hr_sql_split_next(text.buf.ptr, text.buf.len, &pos, &statement);)
        status = read_statement(setup, statement, &err);
    if (status != HR_OK) cli_print_error(&err, statement.ptr ? &text : NULL, statement);
    hr_buf_done(&text.buf);
    return status == HR_OK ? CLI_DONE : CLI_FAILED;
}

static int set_option(const struct cli_command *command, struct setup *setup, const char *text)
{
    struct hr_err err;
    const char *equals = strchr(text, '=');
    if (!equals) return cli_usage_error(command, "--set %s: KEY=VALUE is needed", text);
    char *key = hr_arena_strndup(&setup->arena, text, (size_t)(equals - text));
    hr_err_init(&err);
    if (key && put_setting(setup, key, equals + 1, &err) == HR_OK) return CLI_DONE;
    cli_print_error(&err, NULL, hr_svn(NULL, 0));
    return CLI_USAGE;
}

/* Settings that no job could use are found here, not at the first job's start. */
static hr_status check_settings(const struct setup *setup, struct hr_err *err)
{
    struct hr_session *session = NULL;
    HR_TRY(hr_session_new(NULL, &session, err));
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < setup->settings.count && status == HR_OK; i++)
        status = hr_session_set(session, setup->settings.items[i].key,
                                setup->settings.items[i].value, err);
    hr_session_free(session);
    return status;
}

static int serve(struct setup *setup)
{
    struct hr_serve *server = NULL;
    struct hr_err err;
    hr_err_init(&err);
    cli_catch_signals(NULL);
    setup->serve.settings = &setup->settings;
    hr_status status = check_settings(setup, &err);
    if (status == HR_OK) status = hr_serve_start(&setup->serve, &server, &err);
    if (status != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
        return CLI_FAILED;
    }
    fprintf(stderr, "Headrace serves %s with jobs of %s; Ctrl-C ends it.\n",
            hr_serve_url(server), setup->serve.store);
    cli_wait_for_signal();
    if (isatty(STDERR_FILENO)) fputs("stopping after the running epochs\n", stderr);
    hr_serve_stop(server);
    return CLI_DONE;
}

static int parse(const struct cli_command *command, struct setup *setup, int argc, char **argv,
                 bool *ret_help)
{
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL, *listen = NULL, *store = NULL;
    for (int option; (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        int status = CLI_DONE;
        switch (option) {
        case CLI_ARG_HELP: *ret_help = true; return CLI_DONE;
        case OPT_CONFIG: status = read_config(setup, value); break;
        case OPT_LISTEN: listen = value; break;
        case OPT_STORE: store = value; break;
        case OPT_SET: status = set_option(command, setup, value); break;
        case CLI_ARG_POSITIONAL:
            return cli_usage_error(command, "unexpected argument '%s'", value);
        default: return CLI_USAGE;
        }
        if (status != CLI_DONE) return status;
    }
    if (listen) setup->serve.listen = listen; /* the command line before the file */
    if (store) setup->serve.store = store;
    if (!setup->serve.store)
        return cli_usage_error(command, "--store DIR is missing: where jobs are kept");
    return CLI_DONE;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct setup setup = {0};
    bool help = false;
    hr_arena_init(&setup.arena, NULL);
    hr_options_init(&setup.settings, &setup.arena);
    int status = parse(command, &setup, argc, argv, &help);
    if (status == CLI_DONE && !help) status = serve(&setup);
    hr_arena_done(&setup.arena);
    return status;
}

const struct cli_command cli_serve = {
    .name = "serve",
    .usage = "--store DIR [OPTIONS]",
    .doc = "keep jobs and run them, with the page and the REST API",
    .options = options,
    .run = run,
};
