/* SPDX-License-Identifier: Apache-2.0 */
/* headrace checkpoint show DIR: the journal's records, one JSON object a line. Changes nothing. */
#include "cli/cli.h"
#include "stream/journal.h"
#include "stream/record.h"

static hr_status print_record(void *arg, const struct hr_record *record, struct hr_err *err)
{
    HR_UNUSED(arg);
    struct hr_buf out = {0};
    hr_status status = hr_record_print(record, &out, err);
    if (status == HR_OK) status = hr_buf_status(&out, err);
    if (status == HR_OK) printf("%.*s\n", (int)out.len, out.ptr);
    hr_buf_done(&out);
    return status;
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL, *words[2] = {0};
    int count = 0;
    for (int option; (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) return CLI_DONE;
        if (option != CLI_ARG_POSITIONAL) return CLI_USAGE;
        if (count == 2) return cli_usage_error(command, "unexpected argument '%s'", value);
        words[count++] = value;
    }
    if (count != 2 || strcmp(words[0], "show") != 0)
        return cli_usage_error(command, "what to do? headrace checkpoint show DIR");
    struct hr_err err;
    hr_err_init(&err);
    if (hr_journal_scan(hr_env_default(), words[1], print_record, NULL, &err) == HR_OK)
        return CLI_DONE;
    cli_print_error(&err, NULL, hr_svn(NULL, 0));
    return CLI_FAILED;
}

const struct cli_command cli_checkpoint = {
    .name = "checkpoint",
    .usage = "show DIR",
    .doc = "show what a query's checkpoint holds",
    .run = run,
};
