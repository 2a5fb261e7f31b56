/* SPDX-License-Identifier: Apache-2.0 */
/* headrace generate NAME: made-up events as lines on standard output. */
#include <errno.h>

#include "cli/cli.h"
#include "connector/generator/generator.h"

enum { OPT_ROWS, OPT_RATE, OPT_SEED, OPT_FORMAT, OPT_OPTION };

static const struct cli_option options[] = {
    [OPT_ROWS] = {"rows", 0, "N", "how many (default: for ever)"},
    [OPT_RATE] = {"rate", 0, "R", "rows a second (default: as fast as it goes)"},
    [OPT_SEED] = {"seed", 0, "N", "the same seed gives the same events (default 1)"},
    [OPT_FORMAT] = {"format", 0, "json|csv|text", "the form of a line (default json)"},
    [OPT_OPTION] = {"option", 0, "KEY=VALUE",
                    "an option of the source 'generator'; may be given "
                    "several times"},
    {0},
};

static hr_status write_lines(void *arg, const char *data, size_t size, struct hr_err *err)
{
    HR_UNUSED(arg);
    if (fwrite(data, 1, size, stdout) == size && fflush(stdout) == 0) return HR_OK;
    if (errno == EPIPE) return HR_FAIL(err, HR_E_CANCELLED, "the reader has gone");
    return HR_RAISE(err, HR_E_IO, "what", "standard output", "why", strerror(errno));
}

static void print_names(void)
{
    puts("\nEvents:");
    const struct hr_generator_vt *vt;
    for (size_t i = 0; (vt = hr_generator_at(i)); i++) printf("  %-12s %s\n", vt->name, vt->doc);
}

static int parse_option(const struct cli_command *command, struct hr_generate_args *g,
                        struct cli_settings *settings, int option, const char *value)
{
    int64_t n;
    switch (option) {
    case OPT_ROWS:
        if (!hr_parse_i64(hr_sv(value), &n) || n < 0)
            return cli_usage_error(command, "--rows %s: a number is needed", value);
        g->rows = n;
        break;
    case OPT_RATE:
        if (!hr_parse_f64(hr_sv(value), &g->rows_per_second) || !(g->rows_per_second >= 0))
            return cli_usage_error(command, "--rate %s: a number is needed", value);
        break;
    case OPT_SEED:
        if (!hr_parse_u64(hr_sv(value), &g->seed))
            return cli_usage_error(command, "--seed %s: a number is needed", value);
        break;
    case OPT_FORMAT: g->format = value; break;
    case OPT_OPTION:
        if (!cli_settings_add(settings, value))
            return cli_usage_error(command, "--option %s: KEY=VALUE is needed", value);
        break;
    case CLI_ARG_POSITIONAL:
        if (g->name) return cli_usage_error(command, "unexpected argument '%s'", value);
        g->name = value;
        break;
    default: return CLI_USAGE;
    }
    return CLI_DONE;
}

static int generate(struct hr_generate_args *g, const struct cli_settings *settings)
{
    struct hr_arena arena;
    struct hr_options source_options;
    struct hr_err err;
    hr_status status = HR_OK;
    hr_err_init(&err);
    hr_arena_init(&arena, NULL);
    hr_options_init(&source_options, &arena);
    for (uint32_t i = 0; i < settings->count && status == HR_OK; i++) {
        const char *equals = strchr(settings->items[i], '=');
        size_t len = (size_t)(equals - settings->items[i]);
        char *key = hr_arena_strndup(&arena, settings->items[i], len);
        status = key ? hr_options_put(&source_options, key, equals + 1, &err) : HR_OOM(&err);
    }
    g->options = &source_options;
    g->env = hr_env_default();
    g->write = write_lines;
    if (status == HR_OK) status = hr_generate(g, &err);
    hr_arena_done(&arena);
    if (status == HR_OK || status == HR_E_CANCELLED) return CLI_DONE;
    cli_print_error(&err, NULL, hr_svn(NULL, 0));
    return CLI_FAILED;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct hr_generate_args g = {.seed = 1};
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    struct cli_settings settings = {0};
    const char *value = NULL;
    int exit_status = CLI_DONE;
    for (int option;
         exit_status == CLI_DONE && (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) {
            print_names();
            cli_settings_done(&settings);
            return CLI_DONE;
        }
        exit_status = parse_option(command, &g, &settings, option, value);
    }
    if (exit_status == CLI_DONE && !g.name)
        exit_status = cli_usage_error(command, "which events? See 'headrace generate --help'");
    if (exit_status == CLI_DONE) exit_status = generate(&g, &settings);
    cli_settings_done(&settings);
    return exit_status;
}

const struct cli_command cli_generate = {
    .name = "generate",
    .usage = "NAME [OPTIONS]",
    .doc = "print made-up events: payments, clicks, sensors, nexmark, ysb …",
    .options = options,
    .run = run,
};
