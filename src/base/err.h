/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Errors. A function that can fail returns hr_status and fills a caller-owned struct hr_err, its
 * last argument, which may be NULL. Nothing is allocated and nothing is global. Every error is
 * born in hr_err_set() or hr_err_raise(), so that one breakpoint catches them all.
 *
 *     HR_TRY(hr_source_open(src, args, err));
 *     return HR_FAIL(err, HR_E_IO, "%s: %s", path, strerror(errno));
 *     return HR_RAISE(err, HR_E_UNRESOLVED_ROUTINE, "routineName", name, "searchPath", path);
 *
 * Out-parameters are named ret_… and stay untouched when a function fails.
 */
#ifndef HR_BASE_ERR_H
#define HR_BASE_ERR_H

#include <headrace/err.h>

#include "base/base.h"

enum hr_code {
    HR_OK = 0,
#define X(code, error_class, sql_state, flags, text) code,
#include "base/errors.def"
#undef X
    HR_ERROR_COUNT
};

/* struct hr_err and its flags are public: <headrace/err.h>. What the runtime does about an error is
 * decided by the flags, never by the code. */

/* One row of errors.def. text holds <name> places for the parameters. */
struct hr_error_info {
    const char *name;        /* "HR_E_…" */
    const char *error_class; /* Spark's error class where Spark has one, else ours */
    const char *sql_state;   /* five characters */
    uint32_t flags;
    const char *text;
};

const struct hr_error_info *hr_error_info(hr_status code);

/* Sets code and a printf-style message; returns code. err may be NULL. */
hr_status hr_err_set(struct hr_err *err, const char *file, int line, hr_status code,
                     const char *fmt, ...) HR_PRINTF(5, 6) HR_COLD;

/* Sets code and fills the class's text from (name, value) string pairs, ended by NULL. */
hr_status hr_err_raise(struct hr_err *err, const char *file, int line, hr_status code, ...)
    HR_SENTINEL HR_COLD;

/* An allocation of this thread gave NULL: HR_E_OOM, or HR_E_MEMORY_LIMIT where a budget refused it
 * (alloc.c). */
hr_status hr_err_no_memory(struct hr_err *err, const char *file, int line) HR_COLD;

/* Puts "context: " before the message; returns err->code. Used where a caller knows more. */
hr_status hr_err_prefix(struct hr_err *err, const char *fmt, ...) HR_PRINTF(2, 3) HR_COLD;

/* Notes the byte range in the SQL text, unless one is noted already; returns err->code. */
hr_status hr_err_at(struct hr_err *err, int32_t sql_pos, int32_t sql_end);

/* Fills line and column from sql_pos and the statement's text. */
void hr_err_locate(struct hr_err *err, const char *sql, size_t sql_len);

void hr_err_copy(struct hr_err *to, const struct hr_err *from);

#define HR_FAIL(err, code, ...) hr_err_set((err), __FILE__, __LINE__, (code), __VA_ARGS__)
#define HR_RAISE(err, code, ...) \
    hr_err_raise((err), __FILE__, __LINE__, (code), ##__VA_ARGS__, (char *)NULL)
#define HR_OOM(err) hr_err_no_memory((err), __FILE__, __LINE__)
#define HR_BUG(err, ...) HR_FAIL((err), HR_E_INTERNAL, __VA_ARGS__)

#define HR_TRY(expr)                                   \
    do {                                               \
        hr_status hr_try_ = (expr);                    \
        if (HR_UNLIKELY(hr_try_ != HR_OK)) return hr_try_; \
    } while (0)

/* As HR_TRY, for functions with an `out:` label and a local `status`. */
#define HR_TRY_OUT(expr)                         \
    do {                                         \
        status = (expr);                         \
        if (HR_UNLIKELY(status != HR_OK)) goto out; \
    } while (0)

#endif
