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

/* Own side first: the first table that has a key decides. */
enum { OWN, OWN_FORMAT, OTHER, OTHER_FORMAT, CHANGES, QUERY, TABLES };

static void add_side(struct hr_opt_table *to, struct hr_opt_table side, const char *format,
                     const struct hr_options *options)
{
    static const struct hr_opt_table none;
    to[0] = side;
    to[1] = none;
    const struct hr_opt_spec *choice = hr_opt_find(&side, 1, "format");
    if (!format && choice && choice->type == HR_OPT_STRING) {
        format = hr_options_get(options, "format");
        if (!format) format = choice->def;
    }
    const struct hr_format_vt *vt = format ? hr_format_find(format) : NULL;
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

hr_status hr_source_open(const struct hr_source_vt *vt, const struct hr_source_args *args,
                         struct hr_source **ret_source, struct hr_err *err)
{
    struct hr_opt_table tables[TABLES] = {[CHANGES] = hr_change_option_table,
                                         [QUERY] = hr_query_option_table};
    const struct hr_sink_vt *sink = hr_sink_find(vt->name);
    add_source(tables + OWN, vt, args->options);
    if (sink) add_sink(tables + OTHER, sink, args->options);
    HR_TRY(hr_options_check_known(args->options, vt->option_prefix, tables, TABLES, err));
    if (!vt->format) HR_TRY(check_utf8(args->options, err));
    HR_TRY(vt->open(args, ret_source, err));
    (*ret_source)->flags |= vt->flags;
    return HR_OK;
}

hr_status hr_sink_open(const struct hr_sink_vt *vt, const struct hr_sink_args *args,
                       struct hr_sink **ret_sink, struct hr_err *err)
{
    struct hr_opt_table tables[TABLES] = {[CHANGES] = hr_change_option_table,
                                         [QUERY] = hr_query_option_table};
    const struct hr_source_vt *source = hr_source_find(vt->name);
    add_sink(tables + OWN, vt, args->options);
    if (source) add_source(tables + OTHER, source, args->options);
    HR_TRY(hr_options_check_known(args->options, vt->option_prefix, tables, TABLES, err));
    HR_TRY(check_utf8(args->options, err));
    HR_TRY(vt->open(args, ret_sink, err));
    assert((*ret_sink)->guarantee <= vt->guarantee);
    return HR_OK;
}

hr_status hr_connector_check_options(const char *name, const struct hr_options *options,
                                     struct hr_err *err)
{
    struct hr_opt_table tables[TABLES] = {[CHANGES] = hr_change_option_table,
                                         [QUERY] = hr_query_option_table};
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
