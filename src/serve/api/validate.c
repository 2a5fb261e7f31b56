/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/validate.h"

#include "serve/http/json.h"
#include "session/session.h"

#define DIAGNOSTICS_MAX 50

struct diagnostics {
    const char *sql;
    size_t len;
    struct hr_buf list;
    uint32_t count;
};

/* The session goes on behind a statement that failed, so that all are checked. */
static bool put_diagnostic(void *arg, struct hr_str_view statement, const struct hr_err *wrong)
{
    struct diagnostics *d = arg;
    struct hr_buf *out = &d->list;
    struct hr_err err = *wrong;
    if (!statement.ptr) return false;
    err.sql_pos = HR_MAX(err.sql_pos, 0) + (int32_t)(statement.ptr - d->sql);
    hr_err_locate(&err, d->sql, d->len);
    if (d->count++ > 0) hr_buf_putc(out, ',');
    hr_buf_putc(out, '{');
    hr_http_put_string(out, "severity", "error");
    hr_http_put_int(out, "line", err.line);
    hr_http_put_int(out, "column", err.column + 1);
    hr_http_put_int(out, "position", err.sql_pos);
    hr_http_put_string(out, "errorClass", hr_error_info(err.code)->error_class);
    hr_http_put_string(out, "message", err.msg);
    hr_buf_putc(out, '}');
    return d->count < DIAGNOSTICS_MAX;
}

hr_status hr_serve_validate(const char *sql, struct hr_buf *out, struct hr_err *err)
{
    struct hr_session_options options = {.check_only = true, .threads = 1};
    struct hr_session *session = NULL;
    struct diagnostics d = {.sql = sql, .len = strlen(sql)};
    HR_TRY(hr_session_new(&options, &session, err));
    hr_buf_putc(&d.list, '[');
    hr_session_check(session, sql, d.len, put_diagnostic, &d);
    hr_buf_putc(&d.list, ']');
    hr_session_free(session);
    hr_buf_putc(out, '{');
    hr_http_put_bool(out, "valid", d.count == 0);
    hr_http_put_raw(out, "diagnostics", hr_buf_cstr(&d.list));
    hr_buf_putc(out, '}');
    hr_status status = hr_buf_status(&d.list, err);
    hr_buf_done(&d.list);
    return status;
}
