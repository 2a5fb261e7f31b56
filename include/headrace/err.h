/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors of the public interface.
 *
 * A function that can fail takes a struct hr_err * as its last argument (NULL: not interested) and
 * returns hr_status (0: it worked) or a pointer (NULL: it failed). The struct belongs to the
 * caller, nothing is allocated for it, and nothing is global.
 *
 *     struct hr_err err = {0};
 *     if (hr_rdd_count(words, &n, &err)) fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
 *
 * Decide by the class (a stable name) or by the flags, never by the number in `code`: numbers may
 * differ between versions.
 */
#ifndef HEADRACE_ERR_H
#define HEADRACE_ERR_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* 0: it worked. */
typedef int32_t hr_status;

/* What to do about an error. */
enum {
    HR_ERR_RETRIABLE = 1, /* the same call may succeed later: the task is tried again */
    HR_ERR_FATAL = 2,     /* the query (or process) must stop: retrying could lose data */
    HR_ERR_USER = 4,      /* the user's text, data or function is at fault */
    HR_ERR_BUG = 8,       /* an invariant of the library broke */
};

#define HR_ERR_MSG_MAX    1024
#define HR_ERR_PARAMS_MAX 768

/* Zero it before first use. Read code, flags and msg; the rest has functions. */
struct hr_err {
    hr_status code;
    uint32_t flags;
    int32_t sql_pos, sql_end; /* byte range in the statement's text, -1 when unknown */
    int32_t line, column;     /* 1-based line, 0-based column (as Spark); 0 line: unknown */
    const char *file;         /* the library's source file and line that raised it */
    int file_line;
    uint16_t param_count;
    uint16_t params_len;
    char msg[HR_ERR_MSG_MAX];       /* NUL-terminated, one line, without the class */
    char params[HR_ERR_PARAMS_MAX]; /* name NUL value NUL …, param_count pairs */
};

/* The error's class: "HR_USER_FUNCTION", "HR_CANCELLED", "DIVIDE_BY_ZERO" … "OK" when there is
 * none. Never NULL; valid for ever. Any thread.
 * @code
 *     if (status) fprintf(stderr, "%s: %s\n", hr_err_class(&err), err.msg);
 * @endcode */
const char *hr_err_class(const struct hr_err *err);

/* Five characters, as in SQL: "22012". Never NULL; valid for ever.
 * @code
 *     bool bad_data = strncmp(hr_err_sql_state(&err), "22", 2) == 0;
 * @endcode */
const char *hr_err_sql_state(const struct hr_err *err);

/* For user functions: fills err with class HR_USER_FUNCTION and a printf-style message, returns its
 * code.
 *
 *     if (price < 0) return hr_err_fail(err, "price %f", price);
 * @code
 *     static hr_status price_of(void *arg, const struct hr_row *row, struct hr_emitter *out,
 *                               struct hr_err *err)
 *     {
 *         double price = hr_row_double(row, 0);
 *         if (price < 0) return hr_err_fail(err, "price %f", price);
 *         hr_emit_double(out, price);
 *         hr_emit_end(out);
 *         return 0;
 *     }
 *     struct hr_rdd *prices = hr_rdd_map(rdd, "price DOUBLE", price_of, NULL, &err);
 * @endcode */
hr_status hr_err_fail(struct hr_err *err, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* The value of the error's parameter name ("sqlExpr"), or NULL. Borrowed from err.
 * @code
 *     const char *expr = hr_err_param(&err, "sqlExpr");
 *     if (expr) fprintf(stderr, "in %s\n", expr);
 * @endcode */
const char *hr_err_param(const struct hr_err *err, const char *name);

/* Makes err empty again.
 * @code
 *     hr_err_init(&err); // before err is used for the next call
 * @endcode */
void hr_err_init(struct hr_err *err);

#ifdef __cplusplus
}
#endif

#endif
