/* SPDX-License-Identifier: Apache-2.0 */
/* headrace tap: rows that pass by an operator of a running query. */
#include <ctype.h>

#include "cli/watch_server.h"

enum { OPT_ROWS, OPT_FORMAT, OPT_PLAN, OPT_URL, OPT_TOKEN };

static const struct cli_option options[] = {
    [OPT_ROWS] = {"rows", 'n', "N", "so many rows, then end (without: until Ctrl-C)"},
    [OPT_FORMAT] = {"format", 0, "text|json", "a line of values, or a JSON object a row"},
    [OPT_PLAN] = {"plan", 0, NULL, "list the operators and their columns instead"},
    [OPT_URL] = {"url", 0, "URL", "the server (http://127.0.0.1:4040)"},
    [OPT_TOKEN] = {"token-file", 0, "FILE", "the token that it asks for"},
    {0},
};

struct tap {
    struct cli_server server;
    const char *query, *operator; /* NULL: the last, what goes to the sink */
    int64_t rows;                 /* 0: without end */
    bool json, plan;
    int64_t id;
    struct hr_arena arena;
    const struct hr_json *columns; /* of the operator */
    const char *path;              /* of the query, with its name encoded */
};

static const char *path_of(struct hr_arena *arena, const char *query)
{
    struct hr_buf path = {0};
    hr_buf_puts(&path, "/api/v1/queries/");
    for (const char *p = query; *p; p++) {
        if (isalnum((unsigned char)*p) || strchr("-_.", *p))
            hr_buf_putc(&path, *p);
        else
            hr_buf_printf(&path, "%%%02X", (unsigned char)*p);
    }
    const char *ret = hr_arena_strdup(arena, hr_buf_cstr(&path));
    hr_buf_done(&path);
    return ret;
}

static void print_operator(const struct hr_json *op)
{
    struct hr_buf line = {0};
    hr_buf_printf(&line, "%3.0f  ", cli_json_number(op, "id"));
    cli_put_text(&line, cli_json_text(op, "name"), 20);
    const struct hr_json *columns = hr_json_get(op, "columns");
    for (const struct hr_json *c = columns ? columns->first : NULL; c; c = c->next) {
        hr_buf_puts(&line, c == columns->first ? " " : ", ");
        cli_put_text(&line, cli_json_text(c, "name"), 0);
    }
    puts(hr_buf_cstr(&line));
    hr_buf_done(&line);
}

/* By id, or the first of that name. */
static bool is_meant(const struct tap *tap, const struct hr_json *op)
{
    int64_t id;
    if (!tap->operator) return cli_json_number(op, "id") == 0;
    if (hr_parse_i64(hr_sv(tap->operator), &id)) return cli_json_number(op, "id") == (double)id;
    return hr_str_eq_nocase(cli_json_text(op, "name"), tap->operator);
}

static hr_status find_operator(struct tap *tap, struct hr_err *err)
{
    struct hr_json *plan = NULL;
    tap->path = path_of(&tap->arena, tap->query);
    const char *path = tap->path ? hr_arena_printf(&tap->arena, "%s/plan", tap->path) : NULL;
    if (!path) return HR_OOM(err);
    HR_TRY(cli_server_get(&tap->server, &tap->arena, path, &plan, err));
    const struct hr_json *operators = hr_json_get(plan, "operators");
    for (const struct hr_json *op = operators ? operators->first : NULL; op; op = op->next) {
        if (tap->plan) {
            print_operator(op);
        } else if (is_meant(tap, op)) {
            tap->id = (int64_t)cli_json_number(op, "id");
            tap->columns = hr_json_get(op, "columns");
            return HR_OK;
        }
    }
    if (tap->plan) return HR_OK;
    return HR_FAIL(err, HR_E_NOT_FOUND,
                   "query %s has no operator '%s'; headrace tap %s --plan lists them", tap->query,
                   tap->operator ? tap->operator : "0", tap->query);
}

static void print_header(const struct tap *tap)
{
    struct hr_buf line = {0};
    for (const struct hr_json *c = tap->columns ? tap->columns->first : NULL; c; c = c->next) {
        cli_put_text(&line, cli_json_text(c, "name"), 0);
        if (c->next) hr_buf_puts(&line, " | ");
    }
    fprintf(stderr, "%s\n", hr_buf_cstr(&line)); /* rows alone are the output */
    hr_buf_done(&line);
}

static void put_text_row(const struct hr_json *row, struct hr_buf *line)
{
    const struct hr_json *values = hr_json_get(row, "values");
    double weight = cli_json_number(row, "weight");
    if (weight != 0) hr_buf_printf(line, "%+.0f ", weight);
    for (const struct hr_json *v = values ? values->first : NULL; v; v = v->next) {
        cli_put_text(line, v->kind == HR_JSON_STRING ? v->text : "NULL", 0);
        if (v->next) hr_buf_puts(line, " | ");
    }
}

/* {"column": "value" or null, …}; the weight of a change as "_weight". */
static void put_json_row(const struct tap *tap, const struct hr_json *row, struct hr_buf *line)
{
    const struct hr_json *values = hr_json_get(row, "values");
    const struct hr_json *c = tap->columns ? tap->columns->first : NULL;
    double weight = cli_json_number(row, "weight");
    hr_buf_putc(line, '{');
    if (weight != 0) hr_buf_printf(line, "\"_weight\":%.0f,", weight);
    for (const struct hr_json *v = values ? values->first : NULL; v && c; v = v->next) {
        hr_buf_put_json(line, hr_sv(cli_json_text(c, "name")));
        hr_buf_putc(line, ':');
        hr_buf_put_sv(line, v->raw);
        c = c->next;
        if (v->next && c) hr_buf_putc(line, ',');
    }
    hr_buf_putc(line, '}');
}

/* One answer's rows; how many. */
static int64_t print_rows(const struct tap *tap, const struct hr_json *answer)
{
    const struct hr_json *rows = hr_json_get(answer, "rows");
    int64_t count = 0;
    struct hr_buf line = {0};
    for (const struct hr_json *row = rows ? rows->first : NULL; row; row = row->next, count++) {
        hr_buf_clear(&line);
        if (tap->json)
            put_json_row(tap, row, &line);
        else
            put_text_row(row, &line);
        puts(hr_buf_cstr(&line));
    }
    hr_buf_done(&line);
    fflush(stdout);
    return count;
}

static hr_status follow(struct tap *tap, struct hr_err *err)
{
    int64_t seen = 0;
    int silent = 0;
    if (!tap->json) print_header(tap);
    while (cli_signal_count() == 0 && (tap->rows == 0 || seen < tap->rows)) {
        struct hr_arena arena;
        struct hr_json *answer = NULL;
        int64_t wanted = tap->rows ? HR_MIN(tap->rows - seen, 100) : 20;
        hr_arena_init(&arena, NULL);
        const char *path =
            hr_arena_printf(&arena, "%s/tap?operator=%lld&rows=%lld&waitMs=500", tap->path,
                            (long long)tap->id, (long long)wanted);
        hr_status status = path ? cli_server_get(&tap->server, &arena, path, &answer, err)
                                : HR_OOM(err);
        int64_t got = status == HR_OK ? print_rows(tap, answer) : 0;
        const struct hr_json *active = status == HR_OK ? hr_json_get(answer, "active") : NULL;
        bool ended = got == 0 && active && active->kind == HR_JSON_BOOL && !active->boolean;
        hr_arena_done(&arena);
        HR_TRY(status);
        seen += got;
        silent = got ? 0 : silent + 1;
        if (silent == 6) /* three seconds */
            fputs("headrace: no rows pass by here (of exchanges none are seen)\n", stderr);
        if (ended || ferror(stdout)) break;
    }
    return HR_OK;
}

static int parse_option(const struct cli_command *command, struct tap *tap, int option,
                        const char *value)
{
    switch (option) {
    case OPT_ROWS:
        if (!hr_parse_i64(hr_sv(value), &tap->rows) || tap->rows < 1)
            return cli_usage_error(command, "--rows %s: a number from 1", value);
        break;
    case OPT_FORMAT:
        tap->json = strcmp(value, "json") == 0;
        if (!tap->json && strcmp(value, "text") != 0)
            return cli_usage_error(command, "--format %s: text or json", value);
        break;
    case OPT_PLAN: tap->plan = true; break;
    case OPT_URL: tap->server.url = value; break;
    case OPT_TOKEN: tap->server.token_file = value; break;
    case CLI_ARG_POSITIONAL:
        if (tap->operator) return cli_usage_error(command, "unexpected argument '%s'", value);
        *(tap->query ? &tap->operator : &tap->query) = value;
        break;
    default: return CLI_USAGE;
    }
    return CLI_DONE;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct tap tap = {.server.url = CLI_SERVER_URL};
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL;
    int exit_status = CLI_DONE;
    struct hr_err err;
    hr_err_init(&err);
    for (int option;
         exit_status == CLI_DONE && (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) return CLI_DONE;
        exit_status = parse_option(command, &tap, option, value);
    }
    if (exit_status == CLI_DONE && !tap.query)
        exit_status = cli_usage_error(command, "which query? headrace top shows them");
    if (exit_status == CLI_DONE) exit_status = cli_server_open(command, &tap.server);
    hr_arena_init(&tap.arena, NULL);
    if (exit_status == CLI_DONE) {
        cli_catch_signals(NULL);
        hr_status status = find_operator(&tap, &err);
        if (status == HR_OK && !tap.plan) status = follow(&tap, &err);
        if (status != HR_OK && cli_signal_count() == 0) {
            cli_print_error(&err, NULL, hr_svn(NULL, 0));
            exit_status = CLI_FAILED;
        }
    }
    hr_arena_done(&tap.arena);
    cli_server_done(&tap.server);
    return exit_status;
}

const struct cli_command cli_tap = {
    .name = "tap",
    .usage = "QUERY [OPERATOR] [OPTIONS]",
    .doc = "show rows that pass by in a running query",
    .options = options,
    .run = run,
};
