/* SPDX-License-Identifier: Apache-2.0 */
/* /api/v1/openapi.json: OpenAPI 3.1, made from the tables of routes; and readiness. */
#include <assert.h>
#include <ctype.h>

#include "hr_config.h"
#include "serve/api/process.h"

/* "name=text;name=text": the next of them. */
static bool next_item(const char **text, struct hr_str_view *name, struct hr_str_view *doc)
{
    if (!*text || !**text) return false;
    size_t len = strcspn(*text, "="), end = strcspn(*text, ";");
    assert(len < end); /* a route's text has no ';' inside of an item */
    *name = hr_svn(*text, len);
    *doc = hr_svn(*text + len + 1, end - len - 1);
    *text += end + ((*text)[end] == ';');
    return true;
}

static void put_parameter(struct hr_buf *out, const char *where, struct hr_str_view name,
                          struct hr_str_view doc)
{
    if (out->ptr[out->len - 1] != '[') hr_buf_putc(out, ',');
    hr_buf_puts(out, "{\"name\":");
    hr_buf_put_json(out, name);
    hr_buf_printf(out, ",\"in\":\"%s\",\"required\":%s,\"schema\":{\"type\":\"string\"}", where,
                  strcmp(where, "path") == 0 ? "true" : "false");
    if (doc.len) {
        hr_buf_puts(out, ",\"description\":");
        hr_buf_put_json(out, doc);
    }
    hr_buf_putc(out, '}');
}

static void put_parameters(struct hr_buf *out, const struct hr_http_route *route)
{
    struct hr_str_view name, doc;
    const char *query = route->query;
    hr_http_put_name(out, "parameters");
    hr_buf_putc(out, '[');
    for (const char *p = strchr(route->path, '{'); p; p = strchr(p + 1, '{'))
        put_parameter(out, "path", hr_svn(p + 1, strcspn(p + 1, "}")), hr_sv(""));
    while (next_item(&query, &name, &doc)) put_parameter(out, "query", name, doc);
    hr_buf_putc(out, ']');
}

static void put_body(struct hr_buf *out, const struct hr_http_route *route)
{
    struct hr_str_view name, doc;
    const char *body = route->body;
    if (!body) return;
    hr_http_put_name(out, "requestBody");
    hr_buf_puts(out, "{\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\","
                     "\"properties\":{");
    for (bool first = true; next_item(&body, &name, &doc); first = false) {
        hr_buf_puts(out, first ? "" : ",");
        hr_buf_put_json(out, name);
        hr_buf_puts(out, ":{\"description\":");
        hr_buf_put_json(out, doc);
        hr_buf_putc(out, '}');
    }
    hr_buf_puts(out, "}}}}}");
}

static void put_operation(struct hr_buf *out, const struct hr_serve_module *module,
                          const struct hr_http_route *route)
{
    static const char *const roles[] = {"anyone", "read", "operate", "write"};
    char method[16];
    size_t i = 0;
    for (; route->method[i] && i + 1 < sizeof method; i++)
        method[i] = (char)tolower((unsigned char)route->method[i]);
    method[i] = '\0';
    hr_http_put_name(out, method);
    hr_buf_putc(out, '{');
    hr_http_put_string(out, "summary", route->summary);
    hr_http_put_name(out, "tags");
    hr_buf_printf(out, "[\"%s\"]", module->name);
    hr_http_put_string(out, "x-role", roles[route->role]);
    put_parameters(out, route);
    put_body(out, route);
    hr_http_put_name(out, "responses");
    hr_buf_printf(out,
                  "{\"2XX\":{\"description\":\"%s\"},\"default\":{\"description\":\"a problem\","
                  "\"content\":{\"application/problem+json\":{\"schema\":"
                  "{\"$ref\":\"#/components/schemas/Problem\"}}}}}",
                  route->flags & HR_HTTP_EVENTS ? "a stream of events" : "the answer");
    hr_buf_putc(out, '}');
}

/* Is it the first route of its path? The others of the path are printed with it. */
static bool is_first(const struct hr_serve_module *module, uint32_t index)
{
    for (uint32_t i = 0; i < index; i++)
        if (strcmp(module->routes[i].path, module->routes[index].path) == 0) return false;
    return true;
}

static void put_paths(struct hr_buf *out, const struct hr_serve_module *module)
{
    for (uint32_t i = 0; i < module->route_count; i++) {
        const struct hr_http_route *route = &module->routes[i];
        if (route->flags & HR_HTTP_HIDDEN || !is_first(module, i)) continue;
        hr_http_put_name(out, route->path);
        hr_buf_putc(out, '{');
        for (uint32_t k = i; k < module->route_count; k++)
            if (strcmp(module->routes[k].path, route->path) == 0)
                put_operation(out, module, &module->routes[k]);
        hr_buf_putc(out, '}');
    }
}

hr_status hr_serve_get_openapi(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_buf *out = &request->out;
    hr_buf_puts(out, "{\"openapi\":\"3.1.0\",\"info\":{\"title\":\"Headrace\",\"version\":\""
                     HR_VERSION "\"},\"security\":[{},{\"token\":[]}],\"paths\":{");
    for (uint32_t i = 0; i < hr_serve_module_count(); i++) put_paths(out, hr_serve_module_at(i));
    hr_buf_puts(out,
                "},\"components\":{\"securitySchemes\":{\"token\":{\"type\":\"http\",\"scheme\":"
                "\"bearer\"}},\"schemas\":{\"Problem\":{\"type\":\"object\",\"properties\":{"
                "\"title\":{\"type\":\"string\"},\"status\":{\"type\":\"integer\"},"
                "\"detail\":{\"type\":\"string\"},\"errorClass\":{\"type\":\"string\"},"
                "\"sqlState\":{\"type\":\"string\"},\"parameters\":{\"type\":\"object\"},"
                "\"line\":{\"type\":\"integer\"},\"column\":{\"type\":\"integer\"}}}}}}");
    return hr_buf_status(out, err);
}

hr_status hr_serve_get_ready(struct hr_http_request *request, struct hr_err *err)
{
    if (!hr_serve_jobs_ready(request->serve))
        return HR_HTTP_FAIL(request, 503, err, HR_E_AGAIN, "jobs are being started");
    hr_buf_puts(&request->out, "{\"status\":\"ready\"}");
    return HR_OK;
}
