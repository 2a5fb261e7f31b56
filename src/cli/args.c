/* SPDX-License-Identifier: Apache-2.0 */
/* Options from tables: --name VALUE, --name=VALUE, -n VALUE; help and suggestions come from them.
 */
#include <stdarg.h>

#include "cli/cli.h"

/* Edit distance, for words of up to 31 letters. */
static uint32_t distance(const char *a, const char *b)
{
    uint32_t row[33], n = (uint32_t)strlen(b);
    if (strlen(a) > 31 || n > 31) return 99;
    for (uint32_t j = 0; j <= n; j++) row[j] = j;
    for (uint32_t i = 1; a[i - 1]; i++) {
        uint32_t diagonal = row[0];
        row[0] = i;
        for (uint32_t j = 1; j <= n; j++) {
            uint32_t up = row[j];
            uint32_t change = diagonal + (a[i - 1] != b[j - 1]);
            row[j] = HR_MIN(change, HR_MIN(up, row[j - 1]) + 1);
            diagonal = up;
        }
    }
    return row[n];
}

const char *cli_nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    uint32_t best_distance = 4;
    for (; *names; names++) {
        uint32_t d = distance(word, *names);
        bool prefix = strlen(word) >= 2 && strncmp(*names, word, strlen(word)) == 0;
        if (prefix) d = 1;
        if (d < best_distance && (prefix || d * 2 <= strlen(*names))) {
            best = *names;
            best_distance = d;
        }
    }
    return best;
}

int cli_usage_error(const struct cli_command *command, const char *fmt, ...)
{
    va_list args;
    fflush(stdout);
    fputs("headrace: error: ", stderr);
    va_start(args, fmt);
    vfprintf(stderr, fmt, args);
    va_end(args);
    fprintf(stderr, "\nTry 'headrace %s%s--help'.\n", command ? command->name : "",
            command ? " " : "");
    return CLI_USAGE;
}

void cli_print_help(const struct cli_command *command)
{
    printf("Usage: headrace %s %s\n\n%s\n", command->name, command->usage, command->doc);
    if (!command->options) return;
    puts("\nOptions:");
    for (const struct cli_option *o = command->options; o->name; o++) {
        char text[64];
        char letter[8] = "    ";
        if (o->letter) snprintf(letter, sizeof letter, "-%c, ", o->letter);
        snprintf(text, sizeof text, "%s--%s%s%s", letter, o->name, o->value ? " " : "",
                 o->value ? o->value : "");
        printf("  %-32s %s\n", text, o->doc);
    }
    printf("  %-32s %s\n", "-h, --help", "this text");
}

static int unknown_option(const struct cli_args *args, const char *text)
{
    const char *names[32];
    size_t count = 0;
    for (const struct cli_option *o = args->command->options; o && o->name && count < 30; o++)
        names[count++] = o->name;
    names[count++] = "help";
    names[count] = NULL;
    char word[32];
    snprintf(word, sizeof word, "%.*s", (int)strcspn(text, "="), text);
    while (*text == '-') text++;
    snprintf(word, sizeof word, "%.*s", (int)HR_MIN(strcspn(text, "="), 31), text);
    const char *near = cli_nearest(word, names);
    if (near)
        cli_usage_error(args->command, "unknown option --%s; did you mean --%s?", word, near);
    else
        cli_usage_error(args->command, "unknown option --%s", word);
    return CLI_ARG_ERROR;
}

int cli_next(struct cli_args *args, const char **ret_value)
{
    if (args->at >= args->argc) return CLI_ARG_END;
    const char *text = args->argv[args->at++];
    if (args->only_positional || text[0] != '-' || !text[1]) {
        *ret_value = text;
        return CLI_ARG_POSITIONAL;
    }
    if (strcmp(text, "--") == 0) {
        args->only_positional = true;
        return cli_next(args, ret_value);
    }
    if (strcmp(text, "--help") == 0 || strcmp(text, "-h") == 0) {
        cli_print_help(args->command);
        return CLI_ARG_HELP;
    }
    for (int i = 0; args->command->options && args->command->options[i].name; i++) {
        const struct cli_option *o = &args->command->options[i];
        size_t len = strlen(o->name);
        bool is_long = text[1] == '-' && strncmp(text + 2, o->name, len) == 0 &&
                       (!text[2 + len] || text[2 + len] == '=');
        bool is_short = o->letter && text[1] == o->letter && !text[2];
        if (!is_long && !is_short) continue;
        const char *equals = is_long && text[2 + len] ? text + 3 + len : NULL;
        if (o->value && !equals) {
            if (args->at >= args->argc) {
                cli_usage_error(args->command, "option --%s needs %s", o->name, o->value);
                return CLI_ARG_ERROR;
            }
            equals = args->argv[args->at++];
        } else if (!o->value && equals) {
            cli_usage_error(args->command, "option --%s takes no value", o->name);
            return CLI_ARG_ERROR;
        }
        *ret_value = equals;
        return i;
    }
    return unknown_option(args, text);
}

bool cli_settings_add(struct cli_settings *settings, const char *item)
{
    if (!strchr(item, '=')) return false;
    const char **items = hr_realloc(settings->items, (settings->count + 1) * sizeof *items);
    if (!items) return false;
    items[settings->count++] = item;
    settings->items = items;
    return true;
}

void cli_settings_done(struct cli_settings *settings)
{
    hr_free(settings->items);
    *settings = (struct cli_settings){0};
}
