/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The page: web/ as embedded. /assets/HASH/name never changes and may be kept for ever; any other
 * address without a dot is the page itself, which finds its place by the address.
 */
#include "serve/http/assets.h"
#include "serve/internal.h"

static const struct hr_asset *find(const char *name)
{
    for (const struct hr_asset *a = hr_assets; a->name; a++)
        if (strcmp(a->name, name) == 0) return a;
    return NULL;
}

static void send_asset(struct hr_http_request *request, const struct hr_asset *asset)
{
    const char *accept = hr_http_header(request, "Accept-Encoding");
    bool packed = accept && strstr(accept, "gzip") && asset->packed_end > asset->packed;
    request->content_type = asset->type;
    hr_http_add_header(request, "Vary", "Accept-Encoding");
    if (packed) {
        hr_http_add_header(request, "Content-Encoding", "gzip");
        hr_buf_append(&request->out, asset->packed, (size_t)(asset->packed_end - asset->packed));
    } else {
        hr_buf_append(&request->out, asset->data, (size_t)(asset->end - asset->data));
    }
}

static hr_status get_asset(struct hr_http_request *request, struct hr_err *err)
{
    const struct hr_asset *asset = find(request->params[1]);
    if (!asset || strcmp(request->params[0], hr_assets_hash) != 0)
        return HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND, "there is no %.200s",
                            request->path);
    hr_http_add_header(request, "Cache-Control", "public, max-age=31536000, immutable");
    send_asset(request, asset);
    return HR_OK;
}

static hr_status get_page(struct hr_http_request *request, struct hr_err *err)
{
    const struct hr_asset *page = find("index.html");
    const char *etag = hr_arena_printf(&request->arena, "\"%s\"", hr_assets_hash);
    const char *known = hr_http_header(request, "If-None-Match");
    if (!page || !etag) return HR_OOM(err);
    hr_http_add_header(request, "Cache-Control", "no-cache");
    hr_http_add_header(request, "ETag", etag);
    if (known && strcmp(known, etag) == 0)
        request->status = 304;
    else
        send_asset(request, page);
    return HR_OK;
}

#define PAGE(path) {"GET", path, HR_HTTP_ANYONE, HR_HTTP_HIDDEN, get_page, "the page", NULL, NULL}
static const struct hr_http_route routes[] = {
    PAGE("/"),
    PAGE("/queries"),
    PAGE("/q/{id}"),
    PAGE("/q/{id}/{tab}"),
    PAGE("/sql"),
    PAGE("/jobs"),
    PAGE("/jobs/{name}"),
    PAGE("/tables"),
    PAGE("/tables/{name}"),
    PAGE("/alerts"),
    PAGE("/dashboards"),
    PAGE("/d/{name}"),
    PAGE("/logs"),
    PAGE("/settings"),
    PAGE("/api"),
    {"GET", "/assets/{hash}/{name}", HR_HTTP_ANYONE, HR_HTTP_HIDDEN, get_asset, "a file", NULL,
     NULL},
};

const struct hr_serve_module hr_serve_pages = {
    .name = "pages", .routes = routes, .route_count = HR_COUNT(routes)};
