/* SPDX-License-Identifier: Apache-2.0 */
/* The routes of all modules: the one that a request is for. */
#include "serve/internal.h"

static const struct hr_serve_module *const modules[] = {
#define X(name) &hr_serve_##name,
#include "serve/modules.def"
#undef X
};

uint32_t hr_serve_module_count(void)
{
    return HR_COUNT(modules);
}

const struct hr_serve_module *hr_serve_module_at(uint32_t index)
{
    return modules[index];
}

/* Part by part; params are filled on the way. */
static bool matches(struct hr_http_request *request, const char *pattern)
{
    const char *path = request->path;
    uint32_t count = 0;
    while (*pattern) {
        if (*pattern != '{') {
            if (*pattern++ != *path++) return false;
            continue;
        }
        size_t len = strcspn(path, "/");
        if (len == 0 || count == HR_HTTP_PARAMS_MAX) return false;
        request->params[count] = hr_arena_strndup(&request->arena, path, len);
        if (!request->params[count++]) return false;
        path += len;
        pattern += strcspn(pattern, "}") + 1;
    }
    return *path == '\0';
}

const struct hr_http_route *hr_http_find_route(struct hr_http_request *request,
                                               const char **ret_allow)
{
    const char *allow = "";
    const char *method = strcmp(request->method, "HEAD") == 0 ? "GET" : request->method;
    for (uint32_t i = 0; i < HR_COUNT(modules); i++) {
        for (uint32_t k = 0; k < modules[i]->route_count; k++) {
            const struct hr_http_route *route = &modules[i]->routes[k];
            if (!matches(request, route->path)) continue;
            if (strcmp(route->method, method) == 0) return route;
            const char *more = hr_arena_printf(&request->arena, "%s%s%s", allow,
                                               *allow ? ", " : "", route->method);
            if (more) allow = more;
        }
    }
    *ret_allow = allow;
    return NULL;
}
