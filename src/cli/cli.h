/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the subcommands share: options from tables, texts from files, sessions, results and errors
 * on the terminal. Only the executable has this room; it exits with 0 done, 1 the job failed,
 * 2 usage, 130 ended by a signal before it was done.
 */
#ifndef HR_CLI_CLI_H
#define HR_CLI_CLI_H

#include <stdio.h>

#include "session/session.h"

enum { CLI_DONE = 0, CLI_FAILED = 1, CLI_USAGE = 2, CLI_INTERRUPTED = 130 };

/* Options -------------------------------------------------------------------------------------- */

struct cli_option {
    const char *name;  /* without -- */
    char letter;       /* -e; 0: none */
    const char *value; /* what --help calls its value; NULL: it takes none */
    const char *doc;
};

struct cli_command {
    const char *name;
    const char *usage;                /* behind "headrace NAME" */
    const char *doc;                  /* one line */
    const struct cli_option *options; /* ended by a row without name; may be NULL */
    int (*run)(const struct cli_command *, int argc, char **argv);
};

/* One walk over the arguments of a command. */
struct cli_args {
    const struct cli_command *command;
    int argc, at;
    char **argv;
    bool only_positional; /* after -- */
};

enum { CLI_ARG_END = -1, CLI_ARG_POSITIONAL = -2, CLI_ARG_HELP = -3, CLI_ARG_ERROR = -4 };

/* The next option's index in the table, or one of the above. HELP and ERROR have been printed. */
int cli_next(struct cli_args *args, const char **ret_value);
/* "headrace: error: …" and a hint to --help; CLI_USAGE. */
int cli_usage_error(const struct cli_command *command, const char *fmt, ...) HR_PRINTF(2, 3);
void cli_print_help(const struct cli_command *command);
/* The nearest of names (ended by NULL) when it is near enough, else NULL. */
const char *cli_nearest(const char *word, const char *const *names);

/* The files and folders among a command's arguments. They are gathered in argv itself, behind which
 * the walk of cli_next is always ahead; options hold for all of them, wherever they stand. */
struct cli_paths {
    char **items;
    uint32_t count;
};
HR_INLINE struct cli_paths cli_paths(char **argv)
{
    return (struct cli_paths){argv, 0};
}
HR_INLINE void cli_paths_add(struct cli_paths *paths, const char *path)
{
    paths->items[paths->count++] = (char *)(uintptr_t)path;
}

/* --set KEY=VALUE, kept until there is a session. */
struct cli_settings {
    const char **items;
    uint32_t count;
};
bool cli_settings_add(struct cli_settings *settings,
                      const char *item); /* false: no '=' or no memory */
void cli_settings_done(struct cli_settings *settings);

/* Texts and errors ----------------------------------------------------------------------------- */

struct cli_text {
    const char *name; /* for messages: the file */
    struct hr_buf buf;
};
/* path "-": standard input. */
hr_status cli_read(const char *path, struct cli_text *ret, struct hr_err *err) HR_CHECKED;

/* One line: class, message, SQLSTATE, file:line:column, then the source line with a caret.
 * statement lies in text; NULL text: no position. */
void cli_print_error(const struct hr_err *err, const struct cli_text *text,
                     struct hr_str_view statement);

/* Results -------------------------------------------------------------------------------------- */

enum cli_format { CLI_TABLE, CLI_CSV, CLI_JSON, CLI_RESULTS };
/* false: no such format. */
bool cli_format_parse(const char *name, enum cli_format *ret);

/* Prints a result to standard output. */
hr_status cli_print_result(enum cli_format format, const struct hr_result *result,
                           struct hr_str_view sql, const struct hr_conf *conf,
                           struct hr_err *err) HR_CHECKED;
/* The error object of the format results. */
hr_status cli_print_error_object(const struct hr_err *error, struct hr_str_view sql,
                                 struct hr_err *err) HR_CHECKED;
/* Appends one live row's value as Spark's cast to STRING; false: NULL. */
bool cli_value(const struct hr_column *col, uint32_t row, const struct hr_conf *conf,
               struct hr_buf *out);
/* fn is called for each live row of the result. */
void cli_each_row(const struct hr_result *result,
                  void (*fn)(void *arg, const struct hr_batch *batch, uint32_t row), void *arg);
hr_status cli_print_table(const struct hr_result *result, const struct hr_conf *conf,
                          struct hr_buf *out, struct hr_err *err) HR_CHECKED;

/* Sessions and queries ------------------------------------------------------------------------- */

hr_status cli_session_new(const struct hr_session_options *options,
                          const struct cli_settings *settings, struct hr_session **ret,
                          struct hr_err *err) HR_CHECKED;

/* Runs a text's statements and prints their results as tables; the first error is printed and ends
 * it. until_signal: Ctrl-C ends it too. Exit status. */
int cli_run_statements(struct hr_session *session, const struct cli_text *text, bool until_signal);

enum cli_progress { CLI_PROGRESS_AUTO, CLI_PROGRESS_JSON, CLI_PROGRESS_OFF };
/* Ctrl-C and SIGTERM ask for an end from now on: once after the running epoch, twice at once. A
 * batch statement of session (may be NULL) that is running then is cancelled. */
void cli_catch_signals(struct hr_session *session);
/* How often they came. */
int cli_signal_count(void);
/* Waits for Ctrl-C or SIGTERM. */
void cli_wait_for_signal(void);
/* Waits for the session's queries to end, with progress. Exit status; a failure has been printed.
 */
extern const struct hr_query_listener cli_json_listener; /* a line on stdout an epoch */
int cli_await_queries(struct hr_session *session, enum cli_progress progress);

/* The page of the queries of session: on a terminal (AUTO), or where options say (ON). *ret stays
 * untouched where there is none; else hr_serve_stop before the session is freed. */
enum cli_ui { CLI_UI_AUTO, CLI_UI_ON, CLI_UI_OFF };
struct hr_serve;
struct hr_serve_options;
hr_status cli_start_ui(const char *file, const struct hr_serve_options *options, enum cli_ui mode,
                       struct hr_session *session, struct hr_serve **ret,
                       struct hr_err *err) HR_CHECKED;

/* The interactive shell. */
int cli_shell(struct hr_session *session, enum cli_format format);

extern const struct cli_command cli_sql, cli_run, cli_explain, cli_lint, cli_test, cli_checkpoint,
    cli_generate, cli_demo, cli_options, cli_serve, cli_top, cli_tap, cli_completions, cli_manual;
extern const struct cli_command *const cli_commands[]; /* all of them, ended by NULL */

#endif
