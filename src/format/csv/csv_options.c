/* SPDX-License-Identifier: Apache-2.0 */
/* What CSV may be told: for reading, inference and writing alike. */
#include "format/csv/csv.h"

#define OPT(member, type, option, default_, doc) \
    {option, type, offsetof(struct csv_options, member), default_, 0, 0, NULL, doc}
static const struct hr_opt_spec specs[] = {
    {"mode", HR_OPT_ENUM, offsetof(struct csv_options, mode), "permissive", 0, 0,
     "permissive|dropmalformed|failfast", "what becomes of a damaged record"},
    OPT(sep, HR_OPT_STRING, "sep", NULL, "between fields; , when not given"),
    OPT(sep, HR_OPT_STRING, "delimiter", NULL, "another name of sep"),
    OPT(quote, HR_OPT_STRING, "quote", "\"", "around fields with separators; empty: none"),
    OPT(escape, HR_OPT_STRING, "escape", "\\", "in front of a quote inside quotes"),
    OPT(comment, HR_OPT_STRING, "comment", "", "lines that begin with it are skipped"),
    OPT(null_value, HR_OPT_STRING, "nullValue", "", "text of NULL"),
    OPT(empty_value, HR_OPT_STRING, "emptyValue", NULL, "text of the empty string"),
    OPT(nan_value, HR_OPT_STRING, "nanValue", "NaN", "text of not-a-number"),
    OPT(positive_inf, HR_OPT_STRING, "positiveInf", "Inf", "text of infinity"),
    OPT(negative_inf, HR_OPT_STRING, "negativeInf", "-Inf", "text of minus infinity"),
    OPT(date_format, HR_OPT_STRING, "dateFormat", NULL, "pattern of DATEs"),
    OPT(timestamp_format, HR_OPT_STRING, "timestampFormat", NULL, "pattern of TIMESTAMPs"),
    OPT(timestamp_ntz_format, HR_OPT_STRING, "timestampNTZFormat", NULL,
        "pattern of TIMESTAMP_NTZs"),
    OPT(zone, HR_OPT_STRING, "timeZone", NULL, "zone of times without one; else the session's"),
    OPT(corrupt_name, HR_OPT_STRING, "columnNameOfCorruptRecord", "_corrupt_record",
        "STRING column that gets the text of damaged records, when the schema has it"),
    OPT(line_sep, HR_OPT_STRING, "lineSep", NULL, "what ends a record; else \\n, \\r\\n and \\r"),
    {"maxRecordBytes", HR_OPT_BYTES, offsetof(struct csv_options, max_record_bytes), "64m", 1024,
     INT64_C(2) << 30, NULL, "a longer record (with multiLine: file) is an error"},
    {"maxColumns", HR_OPT_INT, offsetof(struct csv_options, max_columns), "20480", 1, 1 << 20,
     NULL, "fields of a record"},
    {"maxCharsPerColumn", HR_OPT_INT, offsetof(struct csv_options, max_chars), "-1", -1, INT32_MAX,
     NULL, "bytes of a field; -1: any"},
    OPT(header, HR_OPT_BOOL, "header", "false", "the first line holds names"),
    OPT(enforce_schema, HR_OPT_BOOL, "enforceSchema", "true",
        "take the columns by position, whatever the header says"),
    OPT(multi_line, HR_OPT_BOOL, "multiLine", "false", "quoted fields may hold line ends"),
    OPT(infer, HR_OPT_BOOL, "inferSchema", "false", "types from the data, else all STRING"),
    OPT(quote_all, HR_OPT_BOOL, "quoteAll", "false", "writing: quote every field"),
    OPT(escape_quotes, HR_OPT_BOOL, "escapeQuotes", "true",
        "writing: quote fields that hold quotes"),
    OPT(trim_leading, HR_OPT_STRING, "ignoreLeadingWhiteSpace", NULL,
        "false when reading, true when writing"),
    OPT(trim_trailing, HR_OPT_STRING, "ignoreTrailingWhiteSpace", NULL,
        "false when reading, true when writing"),
    OPT(sampling_ratio, HR_OPT_DOUBLE, "samplingRatio", "1.0",
        "accepted; inference reads all rows, up to 64 MiB"),
    OPT(encoding, HR_OPT_STRING, "encoding", "UTF-8",
        "of files that are read: UTF-16, ISO-8859-1, windows-1252 … (iconv's names)"),
    OPT(encoding, HR_OPT_STRING, "charset", NULL, "another name of encoding"),
    {"locale", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "names of months and days are English"},
    {"preferDate", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "give the columns"},
    {"inferDate", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "give the columns"},
    {"prefersDate", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "give the columns"},
    {"singleVariantColumn", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "there is no VARIANT"},
    {"enableDateTimeParsingFallback", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL,
     "the fallback to Spark 1.5"},
    OPT(escape_escape, HR_OPT_STRING, "charToEscapeQuoteEscaping", NULL,
        "in front of an escape that stands for itself; else the escape, unless that is the quote"),
    {"unescapedQuoteHandling", HR_OPT_ENUM, offsetof(struct csv_options, stray_quotes),
     "STOP_AT_DELIMITER", 0, 0,
     "STOP_AT_CLOSING_QUOTE|BACK_TO_DELIMITER|STOP_AT_DELIMITER|SKIP_VALUE|RAISE_ERROR",
     "what a quote does that neither closes a quoted field nor is escaped"},
    {"inputBufferSize", HR_OPT_ACCEPTED, 0, NULL, 0, 0, NULL, "blocks have a fixed size"},
};
const struct hr_opt_table hr_csv_options = {specs, HR_COUNT(specs)};

hr_status hr_csv_options_parse(const struct hr_format_args *args, struct hr_arena *arena,
                               struct csv_options *o, struct hr_err *err)
{
    memset(o, 0, sizeof *o);
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), args->options, o, err));
    const char *sep = hr_options_get(args->options, "sep");
    if (!sep) sep = hr_options_get(args->options, "delimiter");
    if (!sep) sep = ",";
    o->sep = strcmp(sep, "\\t") == 0 ? "\t" : sep;
    if (!*o->sep) return HR_FAIL(err, HR_E_INVALID_OPTION, "option sep: must not be empty");
    if (o->stray_quotes == CSV_BACK_TO_DELIMITER && o->multi_line)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option unescapedQuoteHandling: BACK_TO_DELIMITER "
                       "is not supported with multiLine");
    if (o->escape_escape && strlen(o->escape_escape) > 1)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option charToEscapeQuoteEscaping: one character");
    if (strlen(o->quote) > 1 || strlen(o->escape) > 1 || strlen(o->comment) > 1)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "options quote, escape and comment: one character each");
    /* The caller's options may not outlive us. */
    const char **texts[] = {&o->sep, &o->quote, &o->escape, &o->comment, &o->null_value,
                            &o->empty_value, &o->nan_value, &o->positive_inf, &o->negative_inf,
                            &o->corrupt_name, &o->line_sep, &o->escape_escape};
    for (size_t i = 0; i < HR_COUNT(texts); i++)
        if (*texts[i] && !(*texts[i] = hr_arena_strdup(arena, *texts[i]))) return HR_OOM(err);
    if (o->line_sep && (!*o->line_sep || strcmp(o->line_sep, "\n") == 0)) o->line_sep = NULL;
    return HR_OK;
}
