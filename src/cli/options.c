/* SPDX-License-Identifier: Apache-2.0 */
/* headrace options [NAME]: what OPTIONS of a table may say, from the connectors' own tables. */
#include "cli/cli.h"
#include "connector/connector.h"
#include "format/format.h"

enum { OPT_MARKDOWN };

static const struct cli_option options[] = {
    [OPT_MARKDOWN] = {"markdown", 0, NULL, "all of them as the page docs/reference/options.md"},
    {0},
};

static bool is_given(const struct hr_opt_spec *spec)
{
    return spec->type != HR_OPT_ACCEPTED && spec->type != HR_OPT_REFUSED;
}

/* A cell of a Markdown table: a bar would end it, < would be a tag. */
static void put_cell(const char *text, struct hr_buf *out)
{
    for (const char *p = text; *p; p++) {
        if (*p == '|')
            hr_buf_puts(out, "\\|");
        else if (*p == '<')
            hr_buf_puts(out, "&lt;");
        else
            hr_buf_append(out, p, 1);
    }
}

static void put_markdown_row(const struct hr_opt_spec *spec, struct hr_buf *out)
{
    struct hr_buf type = {0};
    hr_opt_describe(spec, &type);
    hr_buf_printf(out, "| `%s` | ", spec->name);
    put_cell(hr_buf_cstr(&type), out);
    hr_buf_puts(out, " | ");
    if (spec->def && *spec->def) {
        hr_buf_puts(out, "`");
        put_cell(spec->def, out);
        hr_buf_puts(out, "`");
    }
    hr_buf_puts(out, " | ");
    put_cell(spec->doc, out);
    hr_buf_puts(out, " |\n");
    hr_buf_done(&type);
}

static void put_text_row(const struct hr_opt_spec *spec, struct hr_buf *out)
{
    hr_buf_printf(out, "  %-28s ", spec->name);
    hr_opt_describe(spec, out);
    if (spec->def && *spec->def) hr_buf_printf(out, ", default '%s'", spec->def);
    hr_buf_printf(out, "\n      %s\n", spec->doc);
}

/* What can be given, then what only Spark has. */
static void put_table(const char *title, struct hr_opt_table table, bool markdown,
                      struct hr_buf *out)
{
    hr_buf_printf(out, markdown ? "\n## %s\n\n" : "\n%s\n", title);
    if (!table.count) {
        hr_buf_puts(out, markdown ? "None.\n" : "  none\n");
        return;
    }
    if (markdown) hr_buf_puts(out, "| option | type | default | what |\n|---|---|---|---|\n");
    for (int pass = 0; pass < 2; pass++) {
        for (size_t i = 0; i < table.count; i++) {
            if (is_given(&table.specs[i]) != (pass == 0)) continue;
            if (markdown)
                put_markdown_row(&table.specs[i], out);
            else
                put_text_row(&table.specs[i], out);
        }
    }
}

static struct hr_opt_table source_table(const struct hr_source_vt *vt)
{
    return (struct hr_opt_table){vt->options, vt->option_count};
}

static struct hr_opt_table sink_table(const struct hr_sink_vt *vt)
{
    return (struct hr_opt_table){vt->options, vt->option_count};
}

static struct hr_opt_table format_table(const struct hr_format_vt *vt)
{
    static const struct hr_opt_table none;
    return vt->options ? *vt->options : none;
}

static void put_page(struct hr_buf *out)
{
    char title[80];
    const struct hr_source_vt *source;
    const struct hr_sink_vt *sink;
    const struct hr_format_vt *format;
    hr_buf_puts(out,
                "<!-- made by tools/docs from the option tables; do not edit -->\n\n# Options\n\n"
                "What `OPTIONS (…)` of a table may say; `headrace options NAME` prints the same. "
                "Keys compare without case. A key that no table has is an error, so is one that "
                "is *refused*: Spark has it and it would change the answer here. Tables of files "
                "take the options of their format, too; those of Kafka and sockets when the "
                "option `format` names one. Keys that begin with `kafka.` go to librdkafka, which "
                "checks them.\n");
    put_table("Every streaming table", hr_query_option_table, true, out);
    put_table("Every table that is read", hr_change_option_table, true, out);
    put_table("Every table whose records may be damaged, or rows refused",
              hr_dead_letter_option_table, true, out);
    for (size_t i = 0; (source = hr_source_at(i)); i++) {
        snprintf(title, sizeof title, "Reading: %s", source->name);
        put_table(title, source_table(source), true, out);
    }
    for (size_t i = 0; (sink = hr_sink_at(i)); i++) {
        if (sink->format && !hr_format_find(sink->format)->encoder_open) continue;
        snprintf(title, sizeof title, "Writing: %s", sink->name);
        put_table(title, sink_table(sink), true, out);
    }
    for (size_t i = 0; (format = hr_format_at(i)); i++) {
        snprintf(title, sizeof title, "Format: %s", format->name);
        put_table(title, format_table(format), true, out);
    }
}

static bool put_one(const char *name, struct hr_buf *out)
{
    const struct hr_source_vt *source = hr_source_find(name);
    const struct hr_sink_vt *sink = hr_sink_find(name);
    const struct hr_format_vt *format = hr_format_find(name);
    if (source) put_table("Reading", source_table(source), false, out);
    if (sink) put_table("Writing", sink_table(sink), false, out);
    if (format) put_table("Format", format_table(format), false, out);
    if (sink) put_table("Streaming queries", hr_query_option_table, false, out);
    return source || sink || format;
}

static int unknown_name(const struct cli_command *command, const char *name)
{
    const char *names[128] = {0};
    size_t count = 0;
    for (size_t i = 0; count < 60 && hr_source_at(i); i++) names[count++] = hr_source_at(i)->name;
    for (size_t i = 0; count < 120 && hr_sink_at(i); i++) names[count++] = hr_sink_at(i)->name;
    const char *near = cli_nearest(name, names);
    return cli_usage_error(command, "no connector or format is called '%s'%s%s%s", name,
                           near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

static void put_names(struct hr_buf *out)
{
    hr_buf_puts(out, "'headrace options NAME' lists what a table USING NAME may say.\n\nRead:   ");
    for (size_t i = 0; hr_source_at(i); i++) hr_buf_printf(out, " %s", hr_source_at(i)->name);
    hr_buf_puts(out, "\nWritten:");
    for (size_t i = 0; hr_sink_at(i); i++) hr_buf_printf(out, " %s", hr_sink_at(i)->name);
    hr_buf_puts(out, "\n");
}

static int run(const struct cli_command *command, int argc, char **argv)
{
    struct cli_args args = {.command = command, .argc = argc, .argv = argv};
    const char *value, *name = NULL;
    bool markdown = false;
    for (int option; (option = cli_next(&args, &value)) != CLI_ARG_END;) {
        if (option == CLI_ARG_HELP) return CLI_DONE;
        if (option == CLI_ARG_ERROR) return CLI_USAGE;
        if (option == OPT_MARKDOWN)
            markdown = true;
        else if (name)
            return cli_usage_error(command, "unexpected argument '%s'", value);
        else
            name = value;
    }
    struct hr_buf out = {0};
    int status = CLI_DONE;
    if (markdown)
        put_page(&out);
    else if (!name)
        put_names(&out);
    else if (!put_one(name, &out))
        status = unknown_name(command, name);
    if (status == CLI_DONE) fputs(hr_buf_cstr(&out), stdout);
    hr_buf_done(&out);
    return status;
}

const struct cli_command cli_options = {
    .name = "options",
    .usage = "[OPTIONS] [NAME]",
    .doc = "lists the options of a connector or format",
    .options = options,
    .run = run,
};
