/* SPDX-License-Identifier: Apache-2.0 */
/* headrace COMMAND …: finds the subcommand. */
#include <signal.h>

#include "base/fault.h"
#include "cli/cli.h"
#include "hr_config.h"

const struct cli_command *const cli_commands[] = {
    &cli_sql,      &cli_run,  &cli_explain, &cli_lint,  &cli_test, &cli_checkpoint,
    &cli_generate, &cli_demo, &cli_options, &cli_serve, &cli_top,  &cli_tap,
    &cli_completions, &cli_manual, NULL,
};

static void print_help(void)
{
    puts("Usage: headrace COMMAND [OPTIONS]\n\n"
         "Stream and batch processing with Spark's SQL, in one program.\n\nCommands:");
    for (const struct cli_command *const *c = cli_commands; *c; c++)
        printf("  %-12s %s\n", (*c)->name, (*c)->doc);
    puts("\n'headrace COMMAND --help' lists a command's options; 'headrace --version' names the "
         "build.");
}

static int unknown_command(const char *word)
{
    const char *names[HR_COUNT(cli_commands)] = {0};
    for (size_t i = 0; cli_commands[i]; i++) names[i] = cli_commands[i]->name;
    const char *near = cli_nearest(word, names);
    fprintf(stderr, "headrace: error: unknown command '%s'", word);
    if (near) fprintf(stderr, "; did you mean '%s'?", near);
    fputs("\nTry 'headrace --help'.\n", stderr);
    return CLI_USAGE;
}

int main(int argc, char **argv)
{
    hr_fault_init_from_environment();
    /* A closed connection is an error of its write, not the end of the program. Standard output is
     * checked when it is flushed. */
    signal(SIGPIPE, SIG_IGN);
    /* So is a file beyond the limit of its size (ulimit -f): EFBIG, with the file's name. */
    signal(SIGXFSZ, SIG_IGN);
    if (argc < 2) {
        print_help();
        return CLI_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_help();
        return CLI_DONE;
    }
    if (strcmp(argv[1], "--version") == 0 || strcmp(argv[1], "version") == 0) {
        printf("headrace %s (%s)\n", HR_VERSION, HR_BUILD);
        return CLI_DONE;
    }
    for (const struct cli_command *const *c = cli_commands; *c; c++)
        if (strcmp(argv[1], (*c)->name) == 0) return (*c)->run(*c, argc - 2, argv + 2);
    return unknown_command(argv[1]);
}
