/* SPDX-License-Identifier: Apache-2.0 */
/* A small JSON reader for expressions: extents of values, no tree. */
#ifndef HR_EXPR_FUNCTIONS_JSON_H
#define HR_EXPR_FUNCTIONS_JSON_H

#include "base/str.h"

struct hr_json {
    const char *pos, *end;
    bool bad; /* sticky: the text is not JSON */
    int depth;
};

HR_INLINE struct hr_json hr_json(struct hr_str_view text)
{
    return (struct hr_json){text.ptr, text.ptr + text.len, false, 0};
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

/* A quoted string without quotes and escapes. */
void hr_json_unquote(struct hr_str_view quoted, struct hr_buf *out);
/* A checked value without white space between tokens. */
void hr_json_compact(struct hr_str_view value, struct hr_buf *out);

#endif
