/* SPDX-License-Identifier: Apache-2.0 */
/* A small JSON reader for expressions: extents of values, no tree. */
#ifndef HR_EXPR_FUNCTIONS_JSON_H
#define HR_EXPR_FUNCTIONS_JSON_H

#include "base/options.h"
#include "expr/function.h"

/* What a text may hold beyond JSON: Jackson's features, as the options of from_json name them. */
enum hr_json_allow {
    HR_JSON_COMMENTS = 1,
    HR_JSON_SINGLE_QUOTES = 2,
    HR_JSON_UNQUOTED_NAMES = 4,
    HR_JSON_LEADING_ZEROS = 8,
    HR_JSON_ANY_ESCAPE = 16,
    HR_JSON_CONTROL_CHARS = 32,
    HR_JSON_NON_NUMERIC = 64,
};

struct hr_json {
    const char *pos, *end;
    bool bad; /* sticky: the text is not JSON */
    int depth;
    uint32_t allow;
};

/* As the functions read that take no options. */
HR_INLINE struct hr_json hr_json(struct hr_str_view text)
{
    return (struct hr_json){text.ptr, text.ptr + text.len, false, 0,
                            HR_JSON_SINGLE_QUOTES | HR_JSON_CONTROL_CHARS};
}
HR_INLINE struct hr_json hr_json_allowing(struct hr_str_view text, uint32_t allow)
{
    return (struct hr_json){text.ptr, text.ptr + text.len, false, 0, allow};
}
/* First byte of the next value or mark, 0 at the end. */
char hr_json_peek(struct hr_json *j);
/* The next value as it stands in the text; checked. */
struct hr_str_view hr_json_value(struct hr_json *j);
/* Walks objects and arrays: call after the opening mark was seen by _enter. */
bool hr_json_enter(struct hr_json *j, char open);
/* The next member: key as it stands in the text (with quotes). false: closed. */
bool hr_json_member(struct hr_json *j, bool first, struct hr_str_view *ret_key);
bool hr_json_element(struct hr_json *j, bool first);
/* Only white space is left. */
bool hr_json_at_end(struct hr_json *j);

/* A string or name without quotes and escapes. */
void hr_json_unquote(struct hr_str_view quoted, struct hr_buf *out);
/* The value of an option in the call's last argument, map('name', 'value', …). */
bool hr_json_option(struct hr_arena *arena, const struct hr_conf *conf, const struct hr_expr *call,
                    const char *name, struct hr_str_view *ret);
/* The constants of map('name', 'value', …) as the call's argument at, for functions of CSV, too. */
hr_status hr_call_options(struct hr_arena *arena, const struct hr_conf *conf,
                          const struct hr_expr *call, uint32_t at, struct hr_options *ret,
                          struct hr_err *err);
/* HR_E_INVALID_OPTION for an option in the call's map that Spark's JSON has not, with the nearest
 * that it has, and for one that is refused. */
enum hr_json_use { HR_JSON_FROM = 1, HR_JSON_TO = 2, HR_JSON_SCHEMA_OF = 4 };
hr_status hr_json_check_options(struct hr_arena *arena, const struct hr_conf *conf,
                                const struct hr_expr *call, enum hr_json_use use,
                                struct hr_err *err);
/* An option that is true or false; *ret stays as it is without it. */
hr_status hr_json_flag(struct hr_arena *arena, const struct hr_conf *conf,
                       const struct hr_expr *call, const char *name, bool *ret,
                       struct hr_err *err);
/* HR_JSON_… as the options of the call say. */
hr_status hr_json_allowed(struct hr_arena *arena, const struct hr_conf *conf,
                          const struct hr_expr *call, uint32_t *ret, struct hr_err *err);

/* What is kept of a damaged record for a STRUCT, as JSON; false: nothing. */
bool hr_json_mend(struct hr_str_view record, uint32_t allow, const struct hr_type *type,
                  struct hr_buf *out);

/* Whether the key as it stands in the text means the name. */
bool hr_json_key_is(struct hr_str_view key, struct hr_str_view name);
/* A checked value as Jackson writes it again: without white space and comments, fractions as Java
 * writes a DOUBLE (1.50 is 1.5, 1e3 is 1000.0); escaped: what lies beyond U+FFFF as two escapes of
 * its surrogates. */
void hr_json_rewrite(const struct hr_json *like, struct hr_str_view value, bool escaped,
                     struct hr_buf *out);

#endif
