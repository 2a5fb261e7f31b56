/* SPDX-License-Identifier: Apache-2.0 */
/* headrace demo [NAME]: runs a job that is shipped with the program's examples. */
#include <unistd.h>

#include "cli/cli.h"

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
    char path[512];
    snprintf(path, sizeof path, "examples/demo/%.200s.sql", name ? name : "payments");
    if (!hr_env_exists(hr_env_default(), path))
        return cli_usage_error(command, "%s is missing: run the demo in the project's folder",
                               path);
    char *job[] = {path};
    return cli_run.run(&cli_run, 1, job);
}

const struct cli_command cli_demo = {
    .name = "demo",
    .usage = "[NAME]",
    .doc = "run a demonstration (default: payments)",
    .run = run,
};
