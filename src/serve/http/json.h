/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON of request bodies: read into a tree in an arena (strict RFC 8259, at most 64 levels), and
 * the few helpers of writers. Numbers stay text: what they mean is the reader's business.
 */
#ifndef HR_SERVE_HTTP_JSON_H
#define HR_SERVE_HTTP_JSON_H

#include "base/arena.h"
#include "column/column.h"

enum hr_json_kind {
    HR_JSON_NULL,
    HR_JSON_BOOL,
    HR_JSON_NUMBER,
    HR_JSON_STRING,
    HR_JSON_ARRAY,
    HR_JSON_OBJECT
};

struct hr_json {
    enum hr_json_kind kind;
    bool boolean;
    const char *text;      /* of a STRING (UTF-8, without NUL inside) or NUMBER, NUL-terminated */
    const char *name;      /* as a member of an object */
    struct hr_str_view raw; /* as it stands in the parsed text, which it is a part of */
    struct hr_json *first; /* of ARRAY and OBJECT */
    struct hr_json *next;
};

/* The whole of text is one value. HR_E_INVALID_ARGUMENT says at which byte it is not. */
hr_status hr_json_parse(struct hr_arena *arena, struct hr_str_view text, struct hr_json **ret,
                        struct hr_err *err) HR_CHECKED;
/* The member of that name, or NULL; object may be NULL or no object. */
const struct hr_json *hr_json_get(const struct hr_json *object, const char *name);

/* A member must be of that kind where it is there: else HR_E_INVALID_ARGUMENT. NULL, false and
 * def where it is missing or null. */
hr_status hr_json_string(const struct hr_json *object, const char *name, const char **ret,
                         struct hr_err *err) HR_CHECKED;
hr_status hr_json_bool(const struct hr_json *object, const char *name, bool *ret,
                       struct hr_err *err) HR_CHECKED;
hr_status hr_json_int(const struct hr_json *object, const char *name, int64_t def, int64_t min,
                      int64_t max, int64_t *ret, struct hr_err *err) HR_CHECKED;
/* HR_E_INVALID_ARGUMENT for a member that is none of names (ended by NULL). */
hr_status hr_json_check_names(const struct hr_json *object, const char *const *names,
                              struct hr_err *err) HR_CHECKED;

/* ,"name": (without the comma behind { and [) */
void hr_http_put_name(struct hr_buf *out, const char *name);
void hr_http_put_string(struct hr_buf *out, const char *name, const char *value); /* or null */
void hr_http_put_int(struct hr_buf *out, const char *name, int64_t value);
void hr_http_put_double(struct hr_buf *out, const char *name, double value);
void hr_http_put_bool(struct hr_buf *out, const char *name, bool value);
void hr_http_put_raw(struct hr_buf *out, const char *name, const char *json);
/* "2024-01-31T12:34:56.789Z", or null for 0. */
void hr_http_put_time(struct hr_buf *out, const char *name, int64_t us);
/* "columns":[{"name":…,"type":…}, …], types as Spark's simpleString. */
void hr_http_put_columns(struct hr_buf *out, const struct hr_type *schema);

#endif
