/* SPDX-License-Identifier: Apache-2.0 */
/* CSV, inside: options, and the cutting of a record into fields. */
#ifndef HR_FORMAT_CSV_CSV_H
#define HR_FORMAT_CSV_CSV_H

#include "format/format.h"

#define CSV_MAX_COLUMNS 20480

struct csv_options {
    int mode;
    const char *sep, *quote, *escape, *comment, *null_value, *empty_value, *nan_value;
    const char *positive_inf, *negative_inf, *date_format, *timestamp_format;
    const char *timestamp_ntz_format, *zone, *corrupt_name, *line_sep, *encoding;
    int64_t max_record_bytes, max_columns, max_chars;
    int stray_quotes; /* enum csv_stray_quotes */
    const char *escape_escape; /* NULL: the escape, unless that is the quote */
    bool header, enforce_schema, multi_line, infer, quote_all, escape_quotes;
    const char *trim_leading, *trim_trailing; /* NULL: false reading, true writing */
    double sampling_ratio;
};
/* What a quote inside a quoted field does, when it neither closes it nor is escaped. */
enum csv_stray_quotes {
    CSV_STOP_AT_CLOSING_QUOTE,
    CSV_BACK_TO_DELIMITER,
    CSV_STOP_AT_DELIMITER,
    CSV_SKIP_VALUE,
    CSV_RAISE_ERROR,
};
enum { CSV_PERMISSIVE, CSV_DROPMALFORMED, CSV_FAILFAST };

extern const struct hr_opt_table hr_csv_options;
/* Parsed and checked; sep may come as "\t". */
hr_status hr_csv_options_parse(const struct hr_format_args *args, struct hr_arena *arena,
                               struct csv_options *ret, struct hr_err *err) HR_CHECKED;

struct csv_field {
    struct hr_str_view text;
    bool quoted;
};
struct csv_parser {
    const struct csv_options *options;
    struct hr_arena *arena; /* for fields with escapes; may change between records */
    struct csv_field *fields;
    uint32_t capacity, count;
    size_t sep_len;
    char sep, quote, escape, comment, escape_escape; /* 0: none */
    char newline[2];  /* what ends a record */
    bool single_line; /* the text has no line end inside: nobody looks for one */
    bool trim_leading, trim_trailing;
    struct hr_buf text; /* a field being put together */
    /* Of the last record: */
    bool oom, too_many, too_long;
    bool raised; /* a stray quote that is an error */
};
hr_status hr_csv_parser_init(struct csv_parser *parser, const struct csv_options *options,
                             struct hr_err *err) HR_CHECKED;
void hr_csv_parser_done(struct csv_parser *parser);
/* Several lines: what ends the first one ends all, unless lineSep says. */
void hr_csv_find_newline(struct csv_parser *parser, const char *p, const char *end);
/* Cuts the record at p; behind it and its line end. No fields: an empty line. */
const char *hr_csv_record(struct csv_parser *parser, const char *p, const char *end);

hr_status hr_csv_infer(const struct hr_format_args *args, const char *sample, size_t size,
                       const struct hr_type **ret, struct hr_err *err);
hr_status hr_csv_encoder_open(const struct hr_format_args *args, struct hr_encoder **ret,
                              struct hr_err *err);
hr_status hr_csv_begin(struct hr_encoder *base, struct hr_buf *out, struct hr_err *err);
hr_status hr_csv_encode(struct hr_encoder *base, const struct hr_batch *batch, struct hr_buf *out,
                        uint64_t *ret_ends, struct hr_err *err);
void hr_csv_encoder_close(struct hr_encoder *base);

#endif
