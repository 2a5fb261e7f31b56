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
    const char *timestamp_ntz_format, *zone, *corrupt_name, *line_sep;
    int64_t max_record_bytes, max_columns, max_chars;
    bool header, enforce_schema, multi_line, infer, quote_all, escape_quotes;
    const char *trim_leading, *trim_trailing; /* NULL: false reading, true writing */
    double sampling_ratio;
};
enum { CSV_PERMISSIVE, CSV_DROPMALFORMED, CSV_FAILFAST };

extern const struct hr_opt_spec hr_csv_options[];
extern const size_t hr_csv_option_count;
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
    char sep, quote, escape, comment; /* 0: none */
    bool trim_leading, trim_trailing, oom, too_many;
};
hr_status hr_csv_parser_init(struct csv_parser *parser, const struct csv_options *options,
                             struct hr_err *err) HR_CHECKED;
void hr_csv_parser_done(struct csv_parser *parser);
/* Cuts the record at p (in a line without its end, or in a whole text); behind it. */
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
