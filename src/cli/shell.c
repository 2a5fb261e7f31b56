/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shell: statements over several lines until ';', history in ~/.headrace_history, completion of
 * keywords, tables and functions. Without libedit lines are read plainly.
 *
 * Ctrl-C ends the running statement, or the lines typed so far; never the shell. libedit's own
 * handling of it would end the program or restart the line behind our back, so the keys are read
 * here, by a function that an interrupt makes return. Its handler only stores: no lock, no call.
 */
#include <errno.h>
#include <inttypes.h>
#include <langinfo.h>
#include <locale.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "cli/cli.h"
#include "expr/function.h"
#include "hr_config.h"
#include "sql/parser.h"

#if HR_HAVE_EDIT
#include <editline/readline.h>
#endif

#define MAX_STATEMENT_BYTES (16 << 20)

static volatile sig_atomic_t interrupted;
static struct hr_session *volatile running; /* the session whose statement Ctrl-C ends */

static void on_interrupt(int number)
{
    struct hr_session *session = running;
    (void)number;
    interrupted = 1;
    if (session) hr_session_cancel(session);
}

/* No SA_RESTART: a read of the terminal is to return. */
static void catch_interrupts(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

/* Text is UTF-8, whatever the environment says: libedit drops what its locale does not know. */
static void set_locale(void)
{
    if (!setlocale(LC_CTYPE, "") || strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
        setlocale(LC_CTYPE, "C.UTF-8");
}

struct shell {
    struct hr_session *session;
    enum cli_format format;
    struct hr_buf text; /* lines so far */
    char history[512];
};

/* Lines ---------------------------------------------------------------------------------------- */

#if HR_HAVE_EDIT
static struct hr_session *completing; /* libedit's callbacks have no argument */

/* The word number state that begins with prefix: keywords, then functions, then tables. */
static char *copy_for_edit(const char *text)
{
    char *copy = malloc(strlen(text) + 1); /* libedit frees it */
    if (copy) memcpy(copy, text, strlen(text) + 1);
    return copy;
}

static const char *table_name(uint32_t index, struct hr_buf *out)
{
    struct hr_result result;
    struct hr_err err;
    bool found = false;
    hr_buf_clear(out);
    if (hr_session_sql(completing, hr_sv("SHOW TABLES"), &result, &err) != HR_OK) return NULL;
    for (uint32_t i = 0; i < result.batch_count && !found; i++) {
        const struct hr_batch *b = result.batches[i];
        if (index < b->sel_count && b->schema->field_count > 1)
            found = cli_value(&b->columns[1], b->sel ? b->sel[index] : index,
                              hr_session_conf(completing), out);
        index -= HR_MIN(index, b->sel_count);
    }
    hr_result_done(&result);
    return found ? hr_buf_cstr(out) : NULL;
}

static char *complete(const char *prefix, int state)
{
    static uint32_t stage, index;
    size_t len = strlen(prefix);
    char *match = NULL;
    struct hr_buf name = {0};
    if (state == 0) stage = index = 0;
    while (stage < 3 && !match) {
        const struct hr_function *function = stage == 1 ? hr_function_at(index) : NULL;
        const char *word = stage == 0   ? hr_sql_keyword_at(index)
                           : stage == 1 ? (function ? function->name : NULL)
                                        : table_name(index, &name);
        if (!word) {
            stage++;
            index = 0;
            continue;
        }
        index++;
        if (strlen(word) >= len && hr_sv_eq_nocase(hr_svn(word, len), hr_svn(prefix, len)))
            match = copy_for_edit(word);
    }
    hr_buf_done(&name);
    return match;
}

static char **complete_word(const char *text, int start, int end)
{
    HR_UNUSED(start);
    HR_UNUSED(end);
    return rl_completion_matches(text, complete);
}

/* Waits for a key or an interrupt; false: interrupted. The signal is blocked until ppoll waits, so
 * that one which comes between two keys is not slept through. */
static bool wait_for_key(void)
{
    struct pollfd terminal = {.fd = STDIN_FILENO, .events = POLLIN};
    sigset_t interrupts, before;
    sigemptyset(&interrupts);
    sigaddset(&interrupts, SIGINT);
    pthread_sigmask(SIG_BLOCK, &interrupts, &before);
    while (!interrupted && ppoll(&terminal, 1, NULL, &before) < 0 && errno == EINTR) continue;
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return !interrupted;
}

/* The next code point that is typed, as libedit wants it; -1 at the end. An interrupt ends the
 * line: the caller finds the flag and drops what the line holds. */
static int read_key(FILE *ignored)
{
    unsigned char bytes[4];
    HR_UNUSED(ignored);
    for (size_t have = 0; have < sizeof bytes;) {
        if (!wait_for_key()) return '\n';
        ssize_t n = read(STDIN_FILENO, bytes + have, 1);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0) return -1;
        have++;
        size_t need = bytes[0] < 0xc0 ? 1 : bytes[0] < 0xe0 ? 2 : bytes[0] < 0xf0 ? 3 : 4;
        if (have < need) continue;
        uint32_t point = need == 1 ? bytes[0] : bytes[0] & (0xffu >> (need + 1));
        for (size_t i = 1; i < need; i++) point = point << 6 | (bytes[i] & 0x3f);
        return (int)point;
    }
    return -1;
}

static void open_lines(struct shell *shell)
{
    const char *home = getenv("HOME");
    completing = shell->session;
    rl_readline_name = (char *)(uintptr_t) "headrace";
    rl_catch_signals = 0;
    rl_getc_function = read_key;
    rl_initialize();
    rl_attempted_completion_function = complete_word;
    using_history();
    stifle_history(1000);
    if (home) {
        snprintf(shell->history, sizeof shell->history, "%.480s/.headrace_history", home);
        read_history(shell->history);
    }
}

static char *read_one(const char *prompt)
{
    return readline(prompt);
}
static void free_line(char *line)
{
    free(line);
}

static void remember(struct shell *shell, struct hr_str_view statement)
{
    struct hr_buf line = {0}; /* one line, so that history shows it whole */
    for (size_t i = 0; i < statement.len; i++)
        hr_buf_putc(&line, statement.ptr[i] == '\n' ? ' ' : statement.ptr[i]);
    hr_buf_putc(&line, ';');
    if (!line.failed && line.len < 65536) add_history(hr_buf_cstr(&line));
    hr_buf_done(&line);
    if (shell->history[0]) write_history(shell->history);
}

#else

static void open_lines(struct shell *shell)
{
    HR_UNUSED(shell);
}

static char *read_one(const char *prompt)
{
    char *line = NULL;
    size_t size = 0;
    fputs(prompt, stdout);
    fflush(stdout);
    ssize_t n = getline(&line, &size, stdin);
    if (n < 0) {
        free(line);
        return NULL;
    }
    if (n > 0 && line[n - 1] == '\n') line[n - 1] = 0;
    return line;
}
static void free_line(char *line)
{
    free(line);
}
static void remember(struct shell *shell, struct hr_str_view statement)
{
    HR_UNUSED(shell);
    HR_UNUSED(statement);
}
#endif

/* Statements ----------------------------------------------------------------------------------- */

static uint64_t row_count(const struct hr_result *result)
{
    uint64_t rows = 0;
    for (uint32_t i = 0; i < result->batch_count; i++) rows += result->batches[i]->sel_count;
    return rows;
}

/* The rest behind a statement that was interrupted is not run. */
static void run_statements(struct shell *shell)
{
    struct cli_text text = {.name = "line", .buf = shell->text};
    struct hr_env *env = hr_env_default();
    for (size_t pos = 0; !interrupted;) {
        struct hr_result result;
        struct hr_str_view statement = {0};
        struct hr_err err;
        bool more = false;
        hr_err_init(&err);
        int64_t start = hr_mono_ns(env);
        running = shell->session;
        hr_status status = hr_session_next(shell->session, text.buf.ptr, text.buf.len, &pos, &more,
                                           &statement, &result, &err);
        running = NULL;
        if (status == HR_OK && !more) break;
        double ms = (double)(hr_mono_ns(env) - start) / 1e6;
        remember(shell, statement);
        if (status == HR_OK) {
            status = cli_print_result(shell->format, &result, statement,
                                      hr_session_conf(shell->session), &err);
            if (status == HR_OK && result.query)
                printf("started (%.1f ms)\n", ms);
            else if (status == HR_OK && result.schema->field_count == 0)
                printf("done (%.1f ms)\n", ms);
            else if (status == HR_OK)
                printf("%" PRIu64 " rows (%.1f ms)\n", row_count(&result), ms);
            hr_result_done(&result);
        }
        if (status != HR_OK) cli_print_error(&err, &text, statement);
    }
}

static bool is_word(const char *line, const char *word)
{
    struct hr_str_view s = hr_sv_trim(hr_sv(line));
    if (s.len > 0 && s.ptr[s.len - 1] == ';') s = hr_sv_trim(hr_svn(s.ptr, s.len - 1));
    return hr_sv_eq_nocase(s, hr_sv(word));
}

int cli_shell(struct hr_session *session, enum cli_format format)
{
    struct shell shell = {.session = session, .format = format};
    hr_buf_init(&shell.text, MAX_STATEMENT_BYTES);
    set_locale();
    catch_interrupts();
    open_lines(&shell);
    puts("Statements end with ';'. help; shows what there is, quit; ends.");
    for (;;) {
        interrupted = 0;
        char *line = read_one(shell.text.len ? "       -> " : "headrace> ");
        if (interrupted) {
            puts("^C");
            free_line(line);
            hr_buf_clear(&shell.text);
            continue;
        }
        if (!line) break;
        bool first = shell.text.len == 0;
        if (first && (is_word(line, "quit") || is_word(line, "exit"))) {
            free_line(line);
            break;
        }
        if (first && is_word(line, "help")) {
            puts("SHOW TABLES; SHOW FUNCTIONS; DESCRIBE t; EXPLAIN query; SET key=value; quit;");
        } else {
            hr_buf_puts(&shell.text, line);
            hr_buf_putc(&shell.text, '\n');
        }
        free_line(line);
        if (shell.text.failed) {
            fputs("headrace: error: the statement is too long\n", stderr);
            hr_buf_clear(&shell.text);
        }
        if (hr_sql_is_complete(shell.text.ptr ? shell.text.ptr : "", shell.text.len)) {
            if (shell.text.len > 0) run_statements(&shell);
            hr_buf_clear(&shell.text);
        }
    }
    hr_buf_done(&shell.text);
    return CLI_DONE;
}
