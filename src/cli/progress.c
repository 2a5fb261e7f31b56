/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Waiting for streaming queries: signals, the line on a terminal, JSON lines.
 *
 * Threads: epochs end on the queries' threads, which print JSON lines under a lock; the main thread
 * waits, draws the line and stops queries. A signal handler only counts.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/cli.h"
#include "stream/query.h"

#define WAIT_US       20000   /* for a query that is about to end */
#define LOOK_EVERY_US 1000000 /* should an end be missed */
#define DRAW_EVERY_US 200000

static volatile sig_atomic_t signals_seen;
static struct hr_session *volatile signalled; /* whose batch statement a signal cancels, or NULL */
static pthread_mutex_t output_lock = PTHREAD_MUTEX_INITIALIZER;
static bool line_drawn;
static struct hr_wakeup woken = {.fd = -1}; /* by a signal, or by a query that ends */
static _Atomic uint32_t terminated;         /* queries that have said so */

static void on_signal(int number)
{
    struct hr_session *session = signalled;
    (void)number;
    if (session) hr_session_cancel(session);
    if (woken.fd >= 0) hr_wakeup_signal(&woken);
    if (++signals_seen >= 3) _exit(130); /* nothing helps */
}

void cli_catch_signals(struct hr_session *session)
{
    signalled = session;
    struct sigaction action = {.sa_handler = on_signal};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
}

int cli_signal_count(void)
{
    return signals_seen;
}

/* JSON lines ----------------------------------------------------------------------------------- */

static void on_progress(void *arg, struct hr_query *query, const struct hr_progress *progress,
                        const char *json)
{
    HR_UNUSED(arg);
    HR_UNUSED(query);
    HR_UNUSED(progress);
    pthread_mutex_lock(&output_lock);
    fputs(json, stdout);
    fputc('\n', stdout);
    fflush(stdout);
    pthread_mutex_unlock(&output_lock);
}

/* The line ------------------------------------------------------------------------------------- */

static void clear_line(void)
{
    if (line_drawn) fputs("\r\033[K", stderr);
    line_drawn = false;
}

/* Log lines go above the status line. */
static void log_above_line(void *arg, enum hr_log_level level, const char *line)
{
    HR_UNUSED(arg);
    HR_UNUSED(level);
    pthread_mutex_lock(&output_lock);
    clear_line();
    fprintf(stderr, "%s\n", line);
    pthread_mutex_unlock(&output_lock);
}

static void put_count(char *out, size_t size, double n)
{
    if (n >= 1e6)
        snprintf(out, size, "%.1fM", n / 1e6);
    else if (n >= 1e4)
        snprintf(out, size, "%.0fK", n / 1e3);
    else
        snprintf(out, size, "%.0f", n);
}

static void draw_line(struct hr_session *session)
{
    char line[512];
    size_t at = 0;
    for (uint32_t i = 0; i < hr_session_query_count(session) && at < sizeof line - 120; i++) {
        struct hr_query *query = hr_session_query(session, i);
        struct hr_progress p;
        if (!hr_query_is_active(query) || !hr_query_last_progress(query, &p)) continue;
        char in[24], done[24], state[24];
        put_count(in, sizeof in, p.input_rows_per_second);
        put_count(done, sizeof done, p.processed_rows_per_second);
        put_count(state, sizeof state, (double)p.state_rows);
        at += (size_t)snprintf(line + at, sizeof line - at,
                               "%s%.24s: epoch %" PRId64 ", in %s/s, done %s/s, %.1f ms, state %s",
                               at ? " | " : "", hr_query_name(query), p.epoch, in, done,
                               (double)p.duration_us / 1000, state);
    }
    if (at == 0) return;
    pthread_mutex_lock(&output_lock);
    fprintf(stderr, "\r%.150s\033[K", line);
    line_drawn = true;
    pthread_mutex_unlock(&output_lock);
}

/* Waiting -------------------------------------------------------------------------------------- */

static void stop_all(struct hr_session *session, bool at_once)
{
    for (uint32_t i = 0; i < hr_session_query_count(session); i++)
        hr_query_stop(hr_session_query(session, i), at_once);
}

static void announce(const char *text, bool on_terminal)
{
    pthread_mutex_lock(&output_lock);
    clear_line();
    if (on_terminal) fprintf(stderr, "%s\n", text);
    pthread_mutex_unlock(&output_lock);
}

static void on_terminated(void *arg, struct hr_query *query, const struct hr_err *err)
{
    HR_UNUSED(arg);
    HR_UNUSED(query);
    HR_UNUSED(err);
    atomic_fetch_add(&terminated, 1);
    hr_wakeup_signal(&woken);
}

/* Waits for one query, of which `before` have ended; what the signals ask for is done to all. */
static bool await_one(struct hr_session *session, struct hr_query *query, bool line,
                      uint32_t before, int *stops_done)
{
    struct hr_err err;
    hr_status status = HR_OK;
    hr_err_init(&err);
    while (!hr_query_await(query, terminated > before ? WAIT_US : 0, &status, &err)) {
        if (signals_seen == *stops_done && terminated <= before)
            hr_wakeup_wait(&woken, line ? DRAW_EVERY_US : LOOK_EVERY_US);
        if (signals_seen > *stops_done) {
            *stops_done = signals_seen;
            stop_all(session, *stops_done > 1);
            announce(*stops_done > 1 ? "stopping at once"
                                     : "stopping after the running epoch (again: at once)",
                     isatty(STDERR_FILENO));
        }
        if (line) draw_line(session);
    }
    if (status == HR_OK) return true;
    if (status == HR_E_CANCELLED && *stops_done > 0) return true;
    announce("", false);
    hr_err_prefix(&err, "query %s", hr_query_name(query));
    cli_print_error(&err, NULL, hr_svn(NULL, 0));
    return false;
}

void cli_wait_for_signal(void)
{
    struct hr_err err;
    hr_err_init(&err);
    bool wakes = woken.fd >= 0 || hr_wakeup_init(&woken, &err) == HR_OK;
    while (signals_seen == 0) {
        if (wakes)
            hr_wakeup_wait(&woken, 60 * LOOK_EVERY_US);
        else
            sleep(1);
    }
}

const struct hr_query_listener cli_json_listener = {.on_progress = on_progress};

int cli_await_queries(struct hr_session *session, enum cli_progress progress)
{
    bool line = progress == CLI_PROGRESS_AUTO && isatty(STDERR_FILENO);
    uint32_t count = hr_session_query_count(session);
    int stops_done = 0, exit_status = CLI_DONE;
    struct hr_query_listener listener = {.on_terminated = on_terminated};
    struct hr_err err;
    if (line && count > 0) hr_log_set_sink(log_above_line, NULL);
    hr_err_init(&err);
    atomic_store(&terminated, 0);
    if (woken.fd < 0 && hr_wakeup_init(&woken, &err) != HR_OK) {
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
        return CLI_FAILED;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (hr_query_add_listener(hr_session_query(session, i), &listener, &err) == HR_OK) continue;
        cli_print_error(&err, NULL, hr_svn(NULL, 0));
        exit_status = CLI_FAILED;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (await_one(session, hr_session_query(session, i), line, i, &stops_done)) continue;
        exit_status = CLI_FAILED; /* one query fails: the job fails, the others end well */
        stop_all(session, false);
    }
    announce("", false);
    hr_log_set_sink(NULL, NULL);
    return exit_status == CLI_DONE && stops_done > 1 ? CLI_INTERRUPTED : exit_status;
}
