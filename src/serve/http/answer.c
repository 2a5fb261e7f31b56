/* SPDX-License-Identifier: Apache-2.0 */
/* What handlers ask of a request, and errors as application/problem+json (RFC 9457). */
#include <inttypes.h>
#include "late_microhttpd.h"

#include "serve/internal.h"

const char *hr_http_query(const struct hr_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_GET_ARGUMENT_KIND, name);
}

hr_status hr_http_query_int(const struct hr_http_request *request, const char *name, int64_t def,
                            int64_t min, int64_t max, int64_t *ret, struct hr_err *err)
{
    const char *text = hr_http_query(request, name);
    int64_t value = def;
    if ((text && !hr_parse_i64(hr_sv(text), &value)) || value < min || value > max)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "%s=%.40s: a number from %" PRId64 " to %" PRId64 " is needed", name,
                       text ? text : "", min, max);
    *ret = value;
    return HR_OK;
}

const char *hr_http_header(const struct hr_http_request *request, const char *name)
{
    return MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND, name);
}

void hr_http_add_header(struct hr_http_request *request, const char *name, const char *value)
{
    if (!value || request->header_count == HR_COUNT(request->header_names)) return;
    request->header_names[request->header_count] = name;
    request->header_values[request->header_count++] = value;
}

static int status_of(const struct hr_err *err)
{
    switch (err->code) {
    case HR_E_NOT_FOUND: return 404;
    case HR_E_EXISTS: return 409;
    case HR_E_FORBIDDEN: return 403;
    case HR_E_NO_TOKEN: return 401;
    case HR_E_CANCELLED: return 408;
    case HR_E_OOM:
    case HR_E_MEMORY_LIMIT: return 503;
    default: return err->flags & HR_ERR_USER ? 400 : 500;
    }
}

static const char *title_of(int status)
{
    static const struct {
        int status;
        const char *title;
    } titles[] = {
        {400, "Bad Request"},        {401, "Unauthorized"},          {403, "Forbidden"},
        {404, "Not Found"},          {405, "Method Not Allowed"},    {408, "Request Timeout"},
        {409, "Conflict"},           {413, "Content Too Large"},
        {415, "Unsupported Media Type"},
        {421, "Misdirected Request"}, {429, "Too Many Requests"},    {503, "Service Unavailable"},
    };
    for (size_t i = 0; i < HR_COUNT(titles); i++)
        if (titles[i].status == status) return titles[i].title;
    return status < 500 ? "Bad Request" : "Internal Server Error";
}

void hr_http_put_error(struct hr_http_request *request, const struct hr_err *err)
{
    const struct hr_error_info *info = hr_error_info(err->code);
    struct hr_buf *out = &request->out;
    if (request->status < 400) request->status = status_of(err);
    request->content_type = "application/problem+json";
    hr_buf_clear(out);
    hr_buf_puts(out, "{\"type\":\"about:blank\"");
    hr_http_put_string(out, "title", title_of(request->status));
    hr_http_put_int(out, "status", request->status);
    hr_http_put_string(out, "detail", err->msg);
    hr_http_put_string(out, "errorClass", info->error_class);
    hr_http_put_string(out, "sqlState", info->sql_state);
    hr_http_put_name(out, "parameters");
    hr_buf_putc(out, '{');
    const char *at = err->params;
    for (uint16_t i = 0; i < err->param_count; i++) {
        const char *value = at + strlen(at) + 1;
        hr_http_put_string(out, at, value);
        at = value + strlen(value) + 1;
    }
    hr_buf_putc(out, '}');
    if (err->line > 0) {
        hr_http_put_int(out, "line", err->line);
        hr_http_put_int(out, "column", err->column + 1);
        hr_http_put_int(out, "position", err->sql_pos);
        hr_http_put_int(out, "end", err->sql_end);
    }
    hr_buf_puts(out, "}\n");
}
