/* SPDX-License-Identifier: Apache-2.0 */
#include "serve/api/validate.h"

#include "serve/http/json.h"
#include "session/session.h"

#define DIAGNOSTICS_MAX 50

static void put_diagnostic(struct hr_buf *out, const struct hr_err *err)
{
    if (out->ptr[out->len - 1] == '}') hr_buf_putc(out, ',');
    hr_buf_putc(out, '{');
    hr_http_put_string(out, "severity", "error");
    hr_http_put_int(out, "line", err->line);
    hr_http_put_int(out, "column", err->column + 1);
    hr_http_put_int(out, "position", err->sql_pos);
    hr_http_put_string(out, "errorClass", hr_error_info(err->code)->error_class);
    hr_http_put_string(out, "message", err->msg);
    hr_buf_putc(out, '}');
}

/* The session goes on behind a statement that failed, so that all are checked. */
hr_status hr_serve_validate(const char *sql, struct hr_buf *out, struct hr_err *err)
{
    struct hr_session_options options = {.check_only = true, .threads = 1};
    struct hr_session *session = NULL;
    struct hr_buf list = {0};
    uint32_t count = 0;
    size_t len = strlen(sql);
    bool more = true;
    HR_TRY(hr_session_new(&options, &session, err));
    hr_buf_putc(&list, '[');
    for (size_t pos = 0; more && count < DIAGNOSTICS_MAX;) {
        struct hr_result result;
        struct hr_str_view statement = {0};
        struct hr_err own;
        hr_err_init(&own);
        hr_status status =
            hr_session_next(session, sql, len, &pos, &more, &statement, &result, &own);
        if (status == HR_OK) {
            if (more) hr_result_done(&result);
            continue;
        }
        if (!statement.ptr) break; /* nothing can be split off any more */
        if (own.sql_pos < 0) own.sql_pos = 0;
        own.sql_pos += (int32_t)(statement.ptr - sql);
        hr_err_locate(&own, sql, len);
        put_diagnostic(&list, &own);
        count++;
    }
    hr_buf_putc(&list, ']');
    hr_session_free(session);
    hr_buf_putc(out, '{');
    hr_http_put_bool(out, "valid", count == 0);
    hr_http_put_raw(out, "diagnostics", hr_buf_cstr(&list));
    hr_buf_putc(out, '}');
    hr_status status = hr_buf_status(&list, err);
    hr_buf_done(&list);
    return status;
}
