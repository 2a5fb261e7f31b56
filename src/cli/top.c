/* SPDX-License-Identifier: Apache-2.0 */
/* headrace top: the queries of a running job or server as a table that renews itself, from its REST
 * API. */
#include <math.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/watch_server.h"
#include "serve/http/json.h"

enum { OPT_URL, OPT_TOKEN, OPT_EVERY, OPT_COUNT };

static const struct cli_option options[] = {
    [OPT_URL] = {"url", 0, "URL", "the server (http://127.0.0.1:4040)"},
    [OPT_TOKEN] = {"token-file", 0, "FILE", "the token that it asks for"},
    [OPT_EVERY] = {"every", 0, "SECONDS", "how often the table is renewed (1)"},
    [OPT_COUNT] = {"count", 'n', "N", "so many tables, then end; one where output is no terminal"},
    {0},
};

struct top {
    struct cli_server server;
    int64_t every_ms, count;
    bool is_terminal;
    double busy_before[64]; /* share of the time is by difference: per query, in their order */
    double run_before[64];
    char ids[64][40];
};

/* 1234567 → "1.23M"; bytes likewise. */
static void put_short(struct hr_buf *out, double n, int width)
{
    static const char units[] = " KMGTP";
    char text[32];
    int unit = 0;
    while (n >= 9999.5 && units[unit + 1]) {
        n /= 1000;
        unit++;
    }
    if (unit == 0)
        snprintf(text, sizeof text, "%.*f", n < 10 && n != floor(n) ? 1 : 0, n);
    else
        snprintf(text, sizeof text, "%.*f%c", n < 100 ? 1 : 0, n, units[unit]);
    hr_buf_printf(out, " %*s", width, text);
}

/* The part of the time since the last table that its epochs took. */
static double busy_share(struct top *top, const struct hr_json *query, size_t at)
{
    const char *id = cli_json_text(query, "runId");
    double busy = cli_json_number(query, "busyUs"), run = cli_json_number(query, "runMs") * 1000;
    if (at >= HR_COUNT(top->ids)) return run > 0 ? busy / run : 0;
    if (strcmp(top->ids[at], id) != 0) {
        snprintf(top->ids[at], sizeof top->ids[at], "%s", id);
        top->busy_before[at] = top->run_before[at] = 0;
    }
    double took = busy - top->busy_before[at], passed = run - top->run_before[at];
    top->busy_before[at] = busy;
    top->run_before[at] = run;
    return passed > 0 ? HR_MIN(took / passed, 1.0) : 0;
}

static void put_query(struct top *top, struct hr_buf *out, const struct hr_json *query, size_t at)
{
    double busy = busy_share(top, query, at);
    double epochs = cli_json_number(query, "epochs");
    cli_put_text(out, cli_json_text(query, "name"), 20);
    hr_buf_putc(out, ' ');
    cli_put_text(out, cli_json_text(query, "job"), 14);
    hr_buf_putc(out, ' ');
    cli_put_text(out, cli_json_text(query, "state"), 10);
    put_short(out, cli_json_number(query, "inputRowsPerSecond"), 7);
    put_short(out, cli_json_number(query, "processedRowsPerSecond"), 7);
    hr_buf_printf(out, " %4.0f%%", 100 * busy);
    put_short(out, epochs, 7);
    hr_buf_printf(out, " %8.2f", epochs > 0 ? cli_json_number(query, "busyUs") / 1000 / epochs : 0);
    put_short(out, cli_json_number(query, "stateRows"), 7);
    put_short(out, cli_json_number(query, "stateBytes"), 7);
    put_short(out, cli_json_number(query, "lateRows"), 6);
    put_short(out, cli_json_number(query, "failures"), 5);
    hr_buf_putc(out, '\n');
    const struct hr_json *failure = hr_json_get(query, "lastFailure");
    if (failure && failure->kind == HR_JSON_OBJECT) {
        hr_buf_puts(out, "    ");
        cli_put_text(out, cli_json_text(failure, "message"), 110);
        hr_buf_putc(out, '\n');
    }
}

static uint32_t terminal_rows(void)
{
    struct winsize size = {0};
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_row > 4 ? size.ws_row : 24;
}

static hr_status put_table(struct top *top, struct hr_buf *out, struct hr_err *err)
{
    struct hr_arena arena;
    struct hr_json *json = NULL;
    hr_arena_init(&arena, NULL);
    hr_status status = cli_server_get(&top->server, &arena, "/api/v1/queries", &json, err);
    const struct hr_json *items = status == HR_OK ? hr_json_get(json, "items") : NULL;
    if (status == HR_OK && (!items || items->kind != HR_JSON_ARRAY))
        status = HR_FAIL(err, HR_E_IO, "%s is no Headrace server", top->server.url);
    if (status == HR_OK) {
        size_t count = 0, room = top->is_terminal ? terminal_rows() - 3 : SIZE_MAX;
        for (const struct hr_json *q = items->first; q; q = q->next) count++;
        hr_buf_printf(out, "%s: %zu quer%s\n\n", top->server.url, count, count == 1 ? "y" : "ies");
        hr_buf_printf(out, "%-20s %-14s %-10s %7s %7s %5s %7s %8s %7s %7s %6s %5s\n", "QUERY",
                      "JOB", "STATE", "IN/S", "DONE/S", "BUSY", "EPOCHS", "MS/EPOCH", "STATE",
                      "BYTES", "LATE", "FAILS");
        size_t at = 0;
        for (const struct hr_json *q = items->first; q && at < room; q = q->next)
            put_query(top, out, q, at++);
        if (at < count) hr_buf_printf(out, "… %zu more\n", count - at);
        status = hr_buf_status(out, err);
    }
    hr_arena_done(&arena);
    return status;
}

/* Until q, Ctrl-C, or so many tables. A server that goes away ends it. */
static int watch(struct top *top)
{
    struct hr_err err;
    struct hr_buf out = {0};
    int exit_status = CLI_DONE;
    cli_catch_signals(NULL);
    for (int64_t i = 0; top->count == 0 || i < top->count; i++) {
        struct pollfd key = {.fd = top->is_terminal ? STDIN_FILENO : -1, .events = POLLIN};
        if (i > 0) poll(&key, 1, (int)top->every_ms);
        if (cli_signal_count() > 0 || (key.revents & POLLIN)) break;
        hr_err_init(&err);
        hr_buf_clear(&out);
        if (put_table(top, &out, &err) != HR_OK) {
            cli_print_error(&err, NULL, hr_svn(NULL, 0));
            exit_status = CLI_FAILED;
            break;
        }
        if (top->is_terminal) fputs("\033[H\033[2J", stdout);
        fwrite(out.ptr, 1, out.len, stdout);
        if (fflush(stdout) != 0) break; /* nobody reads on */
    }
    hr_buf_done(&out);
    return exit_status;
}

static int parse_option(const struct cli_command *command, struct top *top, int option,
                        const char *value)
{
    double seconds;
    switch (option) {
    case OPT_URL: top->server.url = value; break;
    case OPT_TOKEN: top->server.token_file = value; break;
    case OPT_EVERY:
        if (!hr_parse_f64(hr_sv(value), &seconds) || !(seconds >= 0.1 && seconds <= 3600))
            return cli_usage_error(command, "--every %s: seconds from 0.1 to 3600", value);
        top->every_ms = (int64_t)(seconds * 1000);
        break;
    case OPT_COUNT:
        if (!hr_parse_i64(hr_sv(value), &top->count) || top->count < 1)
            return cli_usage_error(command, "--count %s: a number from 1", value);
        break;
    case CLI_ARG_POSITIONAL: return cli_usage_error(command, "unexpected argument '%s'", value);
    default: return CLI_USAGE;
    }
    return CLI_DONE;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct top top = {.server.url = CLI_SERVER_URL, .every_ms = 1000};
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL;
    int exit_status = CLI_DONE;
    for (int option;
         exit_status == CLI_DONE && (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) return CLI_DONE;
        exit_status = parse_option(command, &top, option, value);
    }
    top.is_terminal = isatty(STDOUT_FILENO) && isatty(STDIN_FILENO);
    if (!top.is_terminal && top.count == 0) top.count = 1;
    if (exit_status == CLI_DONE) exit_status = cli_server_open(command, &top.server);
    if (exit_status == CLI_DONE) exit_status = watch(&top);
    cli_server_done(&top.server);
    return exit_status;
}

const struct cli_command cli_top = {
    .name = "top",
    .usage = "[OPTIONS]",
    .doc = "watch the queries of a running job or server",
    .options = options,
    .run = run,
};
