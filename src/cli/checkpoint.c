/* SPDX-License-Identifier: Apache-2.0 */
/* headrace checkpoint show|verify DIR: what a query's checkpoint holds, one JSON object a record;
 * whether it is whole. DIR may be the folder of several. Changes nothing. */
#include "cli/cli.h"
#include "stream/journal.h"
#include "stream/record.h"
#include "stream/verify.h"

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

static hr_status show_one(const char *dir, struct hr_err *err)
{
    return hr_journal_scan(hr_env_default(), dir, print_record, NULL, err);
}

static hr_status summarize(const char *dir, struct hr_err *err)
{
    struct hr_buf out = {0};
    hr_status status = hr_checkpoint_summary(hr_env_default(), dir, &out, err);
    if (status == HR_OK) printf("%.*s\n", (int)out.len, out.ptr);
    hr_buf_done(&out);
    return status;
}

static void print_finding(void *arg, const struct hr_err *err)
{
    HR_UNUSED(arg);
    cli_print_error(err, NULL, hr_svn(NULL, 0));
}

static hr_status verify_one(const char *dir, struct hr_err *err)
{
    uint32_t findings = hr_checkpoint_verify(hr_env_default(), dir, print_finding, NULL);
    if (findings == 0) printf("%s: whole\n", dir);
    return findings ? HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "%s: findings: %u", dir, findings)
                    : HR_OK;
}

/* Each checkpoint below dir; all are tried, the first failure is returned. */
static hr_status for_each(const char *dir, hr_status (*fn)(const char *, struct hr_err *),
                          struct hr_err *err)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    char **names;
    uint32_t count = 0, found = 0;
    hr_status first = hr_env_list_sorted(hr_env_default(), &arena, dir, &names, &count, err);
    for (uint32_t i = 0; first == HR_OK && i < count; i++) {
        const char *path = hr_arena_printf(&arena, "%s/%s", dir, names[i]);
        if (!path) first = HR_OOM(err);
        if (!path || !hr_checkpoint_is_one(hr_env_default(), path)) continue;
        struct hr_err own;
        hr_err_init(&own);
        found++;
        hr_status status = fn(path, &own);
        if (status == HR_OK) continue;
        first = status;
        hr_err_copy(err, &own);
    }
    if (first == HR_OK && found == 0)
        first =
            HR_FAIL(err, HR_E_NOT_FOUND, "%s is no checkpoint of Headrace, and holds none", dir);
    hr_arena_done(&arena);
    return first;
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
    bool show = count == 2 && strcmp(words[0], "show") == 0;
    if (!show && (count != 2 || strcmp(words[0], "verify") != 0))
        return cli_usage_error(command, "what to do? headrace checkpoint show|verify DIR");
    struct hr_err err;
    hr_err_init(&err);
    bool is_one = hr_checkpoint_is_one(hr_env_default(), words[1]);
    hr_status status = is_one ? (show ? show_one : verify_one)(words[1], &err)
                              : for_each(words[1], show ? summarize : verify_one, &err);
    if (status == HR_OK) return CLI_DONE;
    cli_print_error(&err, NULL, hr_svn(NULL, 0));
    return CLI_FAILED;
}

const struct cli_command cli_checkpoint = {
    .name = "checkpoint",
    .usage = "show|verify DIR",
    .doc = "show what a query's checkpoint holds, or check it",
    .run = run,
};
