/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which options a table may have: those of its source and of its sink, of their format, and of the
 * query that writes it. The tables are in the vtables; nothing that they do not list passes.
 */
#include "connector/connector.h"
#include "format/format.h"

#define OPT(member, option, doc) \
    {option, HR_OPT_STRING, offsetof(struct hr_query_options, member), NULL, 0, 0, NULL, doc}
static const struct hr_opt_spec query_specs[] = {
    OPT(mode, "outputMode",
        "append, update, complete or changelog; else the first of append, update that is allowed"),
    OPT(trigger, "trigger", "when epochs run: '10 seconds', 'availableNow', 'once' \xe2\x80\xa6"),
    OPT(checkpoint, "checkpointLocation", "the folder of the query's checkpoint"),
    OPT(name, "queryName", "the query's name in progress and messages; else the table's"),
};
const struct hr_opt_table hr_query_option_table = {query_specs, HR_COUNT(query_specs)};

/* Of any table that is read: the engine takes the column out. */
static const struct hr_opt_spec change_specs[] = {
    {"changes.column", HR_OPT_STRING, 0, NULL, 0, 0, NULL,
     "rows are changes; this column says of what kind: +I, -U, +U, -D, or a signed count"},
};
const struct hr_opt_table hr_change_option_table = {change_specs, HR_COUNT(change_specs)};

/* Of any table whose records may be damaged, or whose rows may be refused. */
static const struct hr_opt_spec dead_letter_specs[] = {
    {"deadLetters", HR_OPT_STRING, 0, NULL, 0, 0, NULL,
     "records that cannot be read, and rows that the sink cannot store, go there: a table's name, "
     "or a folder (with a slash) for JSON lines"},
};
const struct hr_opt_table hr_dead_letter_option_table = {dead_letter_specs,
                                                         HR_COUNT(dead_letter_specs)};

/* Own side first: the first table that has a key decides. */
enum { OWN, OWN_FORMAT, OTHER, OTHER_FORMAT, CHANGES, QUERY, LETTERS, TABLES };
#define OF_THE_ENGINE                                                             \
    [CHANGES] = hr_change_option_table, [QUERY] = hr_query_option_table,          \
    [LETTERS] = hr_dead_letter_option_table

/* The format of a side, or NULL. */
static const struct hr_format_vt *format_of(struct hr_opt_table side, const char *format,
                                            const struct hr_options *options)
{
    const struct hr_opt_spec *choice = hr_opt_find(&side, 1, "format");
    if (!format && choice && choice->type == HR_OPT_STRING) {
        format = hr_options_get(options, "format");
        if (!format) format = choice->def;
    }
    return format ? hr_format_find(format) : NULL;
}

static void add_side(struct hr_opt_table *to, struct hr_opt_table side, const char *format,
                     const struct hr_options *options)
{
    static const struct hr_opt_table none;
    to[0] = side;
    to[1] = none;
    const struct hr_format_vt *vt = format_of(side, format, options);
    if (vt && vt->options) to[1] = *vt->options;
}

static void add_source(struct hr_opt_table *to, const struct hr_source_vt *vt,
                       const struct hr_options *options)
{
    add_side(to, (struct hr_opt_table){vt->options, vt->option_count}, vt->format, options);
}

static void add_sink(struct hr_opt_table *to, const struct hr_sink_vt *vt,
                     const struct hr_options *options)
{
    add_side(to, (struct hr_opt_table){vt->options, vt->option_count}, vt->format, options);
}

/* Only whole files are converted (file/bytes.c). */
static hr_status check_utf8(const struct hr_options *options, struct hr_err *err)
{
    static const char *const names[] = {"encoding", "charset"};
    for (size_t i = 0; i < HR_COUNT(names); i++) {
        const char *value = hr_options_get(options, names[i]);
        if (value && !hr_str_eq_nocase(value, "UTF-8") && !hr_str_eq_nocase(value, "UTF8"))
            return HR_RAISE(err, HR_E_INVALID_OPTION, "name", names[i], "why",
                            "only UTF-8 is supported here");
    }
    return HR_OK;
}

static hr_status bad_letters(const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_INVALID_OPTION, "name", "deadLetters", "why", why);
}

/* Who asks for dead letters gets them, or hears why there are none. */
static hr_status check_letters(const struct hr_source_vt *vt, const struct hr_source_args *args,
                               struct hr_err *err)
{
    if (!hr_options_get(args->options, "deadLetters")) return HR_OK;
    const struct hr_sink_vt *sink = hr_sink_find(vt->name);
    const struct hr_format_vt *format = format_of(
        (struct hr_opt_table){vt->options, vt->option_count}, vt->format, args->options);
    const char *mode = hr_options_get(args->options, "mode");
    if (!format || !format->tells_damage)
        return sink && sink->refuses_rows
                   ? HR_OK /* they are the sink's */
                   : bad_letters("no record of this table can be damaged", err);
    if (mode && hr_str_eq_nocase(mode, "failfast"))
        return bad_letters("mode FAILFAST ends the query at the first damaged record", err);
    if (args->schema_only || args->takes_dead_letters) return HR_OK;
    return bad_letters("only queries have it", err);
}

hr_status hr_source_open(const struct hr_source_vt *vt, const struct hr_source_args *args,
                         struct hr_source **ret_source, struct hr_err *err)
{
    struct hr_opt_table tables[TABLES] = {OF_THE_ENGINE};
    const struct hr_sink_vt *sink = hr_sink_find(vt->name);
    add_source(tables + OWN, vt, args->options);
    if (sink) add_sink(tables + OTHER, sink, args->options);
    HR_TRY(hr_options_check_known(args->options, vt->option_prefix, tables, TABLES, err));
    if (!vt->format) HR_TRY(check_utf8(args->options, err));
    HR_TRY(check_letters(vt, args, err));
    HR_TRY(vt->open(args, ret_source, err));
    (*ret_source)->flags |= vt->flags;
    return HR_OK;
}

hr_status hr_sink_open(const struct hr_sink_vt *vt, const struct hr_sink_args *args,
                       struct hr_sink **ret_sink, struct hr_err *err)
{
    struct hr_opt_table tables[TABLES] = {OF_THE_ENGINE};
    const struct hr_source_vt *source = hr_source_find(vt->name);
    add_sink(tables + OWN, vt, args->options);
    if (source) add_source(tables + OTHER, source, args->options);
    HR_TRY(hr_options_check_known(args->options, vt->option_prefix, tables, TABLES, err));
    HR_TRY(check_utf8(args->options, err));
    if (hr_options_get(args->options, "deadLetters") && !vt->refuses_rows && !source)
        return bad_letters("this sink refuses no rows", err);
    HR_TRY(vt->open(args, ret_sink, err));
    assert((*ret_sink)->guarantee <= vt->guarantee);
    return HR_OK;
}

hr_status hr_connector_check_options(const char *name, const struct hr_options *options,
                                     struct hr_err *err)
{
    struct hr_opt_table tables[TABLES] = {OF_THE_ENGINE};
    const struct hr_source_vt *source = hr_source_find(name);
    const struct hr_sink_vt *sink = hr_sink_find(name);
    if (source) add_source(tables + OWN, source, options);
    if (sink) add_sink(tables + OTHER, sink, options);
    const char *prefix = source ? source->option_prefix : sink ? sink->option_prefix : NULL;
    return hr_options_check_known(options, prefix, tables, TABLES, err);
}

enum hr_envelope hr_connector_envelope(const struct hr_source_vt *source,
                                       const struct hr_options *options)
{
    const char *name = source->format ? source->format : hr_options_get(options, "format");
    const struct hr_format_vt *format = name ? hr_format_find(name) : NULL;
    return format ? format->envelope : HR_ENVELOPE_NONE;
}
