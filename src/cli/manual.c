/* SPDX-License-Identifier: Apache-2.0 */
/* headrace completions SHELL, headrace manual [COMMAND]: made from the tables of commands and
 * options, so that they cannot say anything else than --help. */
#include "cli/cli.h"
#include "hr_config.h"

static const struct cli_command *command_named(const char *name)
{
    const struct cli_command *const *c = cli_commands;
    while (*c && strcmp((*c)->name, name) != 0) c++;
    return *c;
}

/* Completions --------------------------------------------------------------------------------- */

/* Single quotes inside are doubled as '\'' of shells. */
static void put_quoted(const char *text)
{
    putchar('\'');
    for (; *text; text++)
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    putchar('\'');
}

/* "auto|json|off" is a choice of words; "FILE", "KEY=VALUE" and "HOST:PORT|off" are not. */
static bool is_choice(const char *value)
{
    return strchr(value, '|') != NULL && !strchr(value, ':');
}

static void put_words(const char *choice)
{
    for (const char *p = choice; *p; p++) putchar(*p == '|' ? ' ' : *p);
}

static void put_bash_values(const struct cli_command *c)
{
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        if (!o->value) continue;
        printf("        %s:--%s) ", c->name, o->name);
        if (is_choice(o->value)) {
            fputs("COMPREPLY=($(compgen -W \"", stdout);
            put_words(o->value);
            puts("\" -- \"$word\")); return ;;");
        } else {
            puts("compopt -o default; COMPREPLY=(); return ;;");
        }
    }
}

static void put_bash(void)
{
    puts("# bash completion of headrace; made by 'headrace completions bash'\n"
         "_headrace() {\n"
         "    local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD-1]}\n"
         "    local command=${COMP_WORDS[1]} options=--help\n"
         "    if [ \"$COMP_CWORD\" -eq 1 ]; then");
    fputs("        COMPREPLY=($(compgen -W \"", stdout);
    for (const struct cli_command *const *c = cli_commands; *c; c++) printf("%s ", (*c)->name);
    puts("--help --version\" -- \"$word\")); return\n    fi\n    case $command:$before in");
    for (const struct cli_command *const *c = cli_commands; *c; c++) put_bash_values(*c);
    puts("    esac\n    case $command in");
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        printf("        %s) options='--help", (*c)->name);
        for (const struct cli_option *o = (*c)->options; o && o->name; o++)
            printf(" --%s", o->name);
        puts("' ;;");
    }
    puts("    esac\n"
         "    case $word in\n"
         "        -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
         "        *) compopt -o default; COMPREPLY=() ;;\n"
         "    esac\n}\n"
         "complete -F _headrace headrace");
}

static void put_fish(void)
{
    puts("# fish completion of headrace; made by 'headrace completions fish'");
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        printf("complete -c headrace -f -n __fish_use_subcommand -a %s -d ", (*c)->name);
        put_quoted((*c)->doc);
        putchar('\n');
        for (const struct cli_option *o = (*c)->options; o && o->name; o++) {
            printf("complete -c headrace -n '__fish_seen_subcommand_from %s' -l %s", (*c)->name,
                   o->name);
            if (o->letter) printf(" -s %c", o->letter);
            if (o->value) fputs(" -r", stdout);
            if (o->value && is_choice(o->value)) {
                fputs(" -f -a '", stdout);
                put_words(o->value);
                putchar('\'');
            }
            fputs(" -d ", stdout);
            put_quoted(o->doc);
            putchar('\n');
        }
    }
}

/* zsh reads ':' and brackets inside a description as its own. */
static void put_zsh_text(const char *text)
{
    for (; *text; text++) {
        if (strchr(":[]\\", *text)) putchar('\\');
        if (*text == '\'')
            fputs("'\\''", stdout);
        else
            putchar(*text);
    }
}

static void put_zsh_options(const struct cli_command *c)
{
    printf("        %s) _arguments -s ", c->name);
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        printf("\\\n            '*--%s%s[", o->name, o->value ? "=" : "");
        put_zsh_text(o->doc);
        putchar(']');
        if (o->value) {
            putchar(':');
            put_zsh_text(o->name);
            putchar(':');
            if (is_choice(o->value)) {
                putchar('(');
                put_words(o->value);
                putchar(')');
            } else {
                fputs("_files", stdout);
            }
        }
        fputs("' ", stdout);
    }
    puts("\\\n            '--help[this text]' '*:file:_files' ;;");
}

static void put_zsh(void)
{
    puts("#compdef headrace\n# zsh completion of headrace; made by 'headrace completions zsh'\n"
         "_headrace() {\n    if (( CURRENT == 2 )); then\n        local -a commands=(");
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        printf("            '%s:", (*c)->name);
        put_zsh_text((*c)->doc);
        puts("'");
    }
    puts("        )\n        _describe command commands\n        return\n    fi\n"
         "    local command=$words[2]\n    shift words\n    (( CURRENT-- ))\n"
         "    case $command in");
    for (const struct cli_command *const *c = cli_commands; *c; c++) put_zsh_options(*c);
    puts("    esac\n}\n_headrace \"$@\"");
}

static int run_completions(const struct cli_command *command, int argc, char **argv)
{
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL, *shell = NULL;
    for (int option; (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) return CLI_DONE;
        if (option == CLI_ARG_ERROR) return CLI_USAGE;
        if (shell) return cli_usage_error(command, "one shell, please: '%s' is too much", value);
        shell = value;
    }
    if (!shell) return cli_usage_error(command, "for which shell: bash, zsh or fish?");
    if (strcmp(shell, "bash") == 0)
        put_bash();
    else if (strcmp(shell, "zsh") == 0)
        put_zsh();
    else if (strcmp(shell, "fish") == 0)
        put_fish();
    else
        return cli_usage_error(command, "no completions for '%s': bash, zsh or fish", shell);
    return CLI_DONE;
}

const struct cli_command cli_completions = {
    .name = "completions",
    .usage = "bash|zsh|fish",
    .doc = "print the completions of a shell",
    .run = run_completions,
};

/* Manual pages --------------------------------------------------------------------------------- */

/* roff: a backslash is an escape, '-' a hyphen, a leading dot or quote a request. */
static void put_roff(const char *text)
{
    for (const char *p = text; *p; p++) {
        if ((p == text || p[-1] == '\n') && (*p == '.' || *p == '\'')) fputs("\\&", stdout);
        if (*p == '\\')
            fputs("\\e", stdout);
        else if (*p == '-')
            fputs("\\-", stdout);
        else if ((unsigned char)*p == 0xe2 && strncmp(p, "…", 3) == 0) {
            fputs("...", stdout);
            p += 2;
        } else
            putchar(*p);
    }
}

static void put_title(const char *page, const char *name, const char *doc)
{
    printf(".TH %s 1 \"\" \"headrace %s\" \"User Commands\"\n.SH NAME\n", page, HR_VERSION);
    put_roff(name);
    fputs(" \\- ", stdout);
    put_roff(doc);
    putchar('\n');
}

static void put_exit_status(void)
{
    puts(".SH EXIT STATUS\n0 done, 1 failed, 2 usage, 130 ended by a signal before it was done.");
}

static void put_command_page(const struct cli_command *c)
{
    char name[64];
    snprintf(name, sizeof name, "headrace-%s", c->name);
    put_title(name, name, c->doc);
    fputs(".SH SYNOPSIS\n.B headrace ", stdout);
    put_roff(c->name);
    putchar('\n');
    put_roff(c->usage);
    putchar('\n');
    if (c->options) puts(".SH OPTIONS");
    for (const struct cli_option *o = c->options; o && o->name; o++) {
        fputs(".TP\n.B ", stdout);
        if (o->letter) printf("\\-%c, ", o->letter);
        fputs("\\-\\-", stdout);
        put_roff(o->name);
        if (o->value) {
            fputs(" \\fI", stdout);
            put_roff(o->value);
            fputs("\\fR", stdout);
        }
        putchar('\n');
        put_roff(o->doc);
        putchar('\n');
    }
    put_exit_status();
    puts(".SH SEE ALSO\n.BR headrace (1)");
}

static void put_main_page(void)
{
    put_title("HEADRACE", "headrace", "stream and batch processing with Spark's SQL");
    puts(".SH SYNOPSIS\n.B headrace\n.I COMMAND\n[\\fIOPTIONS\\fR]\n.SH COMMANDS");
    for (const struct cli_command *const *c = cli_commands; *c; c++) {
        printf(".TP\n.BR headrace\\-%s (1)\n", (*c)->name);
        put_roff((*c)->doc);
        putchar('\n');
    }
    puts(".SH ENVIRONMENT\n.TP\n.B HEADRACE_LOG\nwhat is logged, to standard error: "
         "error, warn, info, debug; with json a JSON line each.");
    put_exit_status();
}

static int run_manual(const struct cli_command *command, int argc, char **argv)
{
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value = NULL, *name = NULL;
    for (int option; (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) return CLI_DONE;
        if (option == CLI_ARG_ERROR) return CLI_USAGE;
        if (name) return cli_usage_error(command, "one command, please: '%s' is too much", value);
        name = value;
    }
    if (!name) {
        put_main_page();
        return CLI_DONE;
    }
    const struct cli_command *of = command_named(name);
    if (!of) return cli_usage_error(command, "there is no command '%s'", name);
    put_command_page(of);
    return CLI_DONE;
}

const struct cli_command cli_manual = {
    .name = "manual",
    .usage = "[COMMAND]",
    .doc = "print a manual page (for man: headrace manual run | man -l -)",
    .run = run_manual,
};
