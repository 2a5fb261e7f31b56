/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Is it safe to answer a request at all? On every method and path, what is not allowed is refused:
 *
 *   Host    must name this server: a page whose name was made to point at 127.0.0.1 (DNS
 *           rebinding) has its own name there
 *   Origin  must be this server's where it is said: another site's page sends its own
 *   Sec-Fetch-Site  must not be of another site, but for opening a page by a link
 *   a body  must be application/json, which a form of another site cannot send
 *   token   where the server has tokens, the API wants one
 */
#include <ctype.h>
#include <string.h>

#include "serve/internal.h"

static bool is_our_host(const struct hr_serve *serve, const char *host)
{
    char lower[128];
    size_t len = strlen(host);
    if (len >= sizeof lower) return false;
    for (size_t i = 0; i <= len; i++) lower[i] = (char)tolower((unsigned char)host[i]);
    for (uint32_t i = 0; i < serve->host_count; i++)
        if (strcmp(serve->hosts[i], lower) == 0) return true;
    return false;
}

static bool is_our_origin(const struct hr_serve *serve, const char *origin)
{
    const char *scheme = serve->tls ? "https://" : "http://";
    return strncmp(origin, scheme, strlen(scheme)) == 0 &&
           is_our_host(serve, origin + strlen(scheme));
}

static bool is_data(const char *path)
{
    return strncmp(path, "/api/", 5) == 0 || strcmp(path, "/metrics") == 0;
}

static bool is_safe_method(const char *method)
{
    return strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0;
}

static bool has_body(const struct hr_http_request *request)
{
    const char *length = hr_http_header(request, "Content-Length");
    return hr_http_header(request, "Transfer-Encoding") || (length && strcmp(length, "0") != 0);
}

static hr_status check_site(struct hr_http_request *request, struct hr_err *err)
{
    const char *host = hr_http_header(request, "Host");
    const char *origin = hr_http_header(request, "Origin");
    const char *site = hr_http_header(request, "Sec-Fetch-Site");
    if (!host || !is_our_host(request->serve, host))
        return HR_HTTP_FAIL(request, 421, err, HR_E_FORBIDDEN,
                            "this server is not called '%.100s'; --ui-host NAME (headrace serve: "
                            "headrace.http.hosts) adds names",
                            host ? host : "");
    if (origin && !is_our_origin(request->serve, origin))
        return HR_HTTP_FAIL(request, 403, err, HR_E_FORBIDDEN,
                            "a page of '%.100s' may not ask this server", origin);
    bool foreign = site && strcmp(site, "same-origin") != 0 && strcmp(site, "none") != 0;
    if (foreign && (is_data(request->path) || !is_safe_method(request->method)))
        return HR_HTTP_FAIL(request, 403, err, HR_E_FORBIDDEN,
                            "another site's page may not ask this server");
    return HR_OK;
}

static hr_status check_body(struct hr_http_request *request, struct hr_err *err)
{
    const char *type = hr_http_header(request, "Content-Type");
    const char *length = hr_http_header(request, "Content-Length");
    int64_t bytes = 0;
    if (!has_body(request)) return HR_OK;
    if (length && (!hr_parse_i64(hr_sv(length), &bytes) || bytes > HR_HTTP_BODY_MAX))
        return HR_HTTP_FAIL(request, 413, err, HR_E_LIMIT, "a body has at most %d bytes",
                            HR_HTTP_BODY_MAX);
    if (!type || strncmp(type, "application/json", 16) != 0 || (type[16] && type[16] != ';'))
        return HR_HTTP_FAIL(request, 415, err, HR_E_INVALID_ARGUMENT,
                            "Content-Type must be application/json");
    return HR_OK;
}

hr_status hr_http_guard(struct hr_http_request *request, struct hr_err *err)
{
    const char *allow = "";
    HR_TRY(check_site(request, err));
    request->route = hr_http_find_route(request, &allow);
    if (!request->route && *allow) {
        hr_http_add_header(request, "Allow", allow);
        return HR_HTTP_FAIL(request, 405, err, HR_E_INVALID_ARGUMENT, "%.100s takes %s",
                            request->path, allow);
    }
    if (!request->route)
        return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND, "there is no %.200s",
                            request->path);
    request->role = hr_serve_auth_role(request);
    if (request->role < request->route->role && request->role == HR_HTTP_ANYONE) {
        hr_http_add_header(request, "WWW-Authenticate", "Bearer realm=\"headrace\"");
        return HR_HTTP_FAIL(request, 401, err, HR_E_NO_TOKEN,
                            "a token is needed: Authorization: Bearer TOKEN");
    }
    if (request->role < request->route->role)
        return HR_HTTP_FAIL(request, 403, err, HR_E_FORBIDDEN,
                            "the token's role does not allow %s %.100s", request->method,
                            request->path);
    return check_body(request, err);
}
