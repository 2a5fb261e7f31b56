/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A query's checkpoint as it lies on disk: its files, and of a query that has ended whose it is and
 * its last epoch. Nothing of it is locked or changed; so the journal of one that runs is not read:
 * it may grow between two looks, which would be taken for damage.
 */
#include "serve/internal.h"
#include "stream/verify.h"

#define FILES_MAX 500

struct listing {
    struct hr_http_request *request;
    const char *folder, *prefix;
    struct hr_buf *out;
    int64_t count, bytes;
};

static bool add_file(void *arg, const char *name)
{
    struct listing *l = arg;
    struct hr_env *env = l->request->serve->env;
    struct hr_file_info info;
    const char *path = hr_arena_printf(&l->request->arena, "%s/%s", l->folder, name);
    /* a file may go while it is looked at: the query drops old ones */
    if (!path || env->vt->stat(env, path, &info, NULL) != HR_OK || info.is_dir) return true;
    l->bytes += info.size_bytes;
    if (l->count++ >= FILES_MAX) return true;
    if (l->out->ptr[l->out->len - 1] != '[') hr_buf_putc(l->out, ',');
    hr_buf_putc(l->out, '{');
    hr_http_put_string(l->out, "name",
                       hr_arena_printf(&l->request->arena, "%s%s", l->prefix, name));
    hr_http_put_int(l->out, "bytes", info.size_bytes);
    hr_http_put_time(l->out, "changedAt", info.mtime_us);
    hr_buf_putc(l->out, '}');
    return true;
}

static void put_files(struct hr_http_request *request, const char *dir)
{
    static const char *const parts[] = {"", "journal/", "sources/", "state/"};
    struct hr_env *env = request->serve->env;
    struct listing l = {.request = request, .out = &request->out};
    hr_http_put_name(l.out, "files");
    hr_buf_putc(l.out, '[');
    for (size_t i = 0; i < HR_COUNT(parts); i++) {
        l.prefix = parts[i];
        l.folder = hr_arena_printf(&request->arena, "%s/%s", dir, parts[i]);
        if (l.folder) HR_UNUSED(env->vt->list(env, l.folder, add_file, &l, NULL));
    }
    hr_buf_putc(l.out, ']');
    hr_http_put_int(l.out, "fileCount", l.count);
    hr_http_put_int(l.out, "totalBytes", l.bytes);
}

static hr_status put_checkpoint(struct hr_http_request *request, const char *dir, bool active,
                                struct hr_err *err)
{
    struct hr_buf summary = {0};
    hr_status status = HR_OK;
    if (!active) status = hr_checkpoint_summary(request->serve->env, dir, &summary, err);
    if (status == HR_OK) {
        while (summary.len && summary.ptr[summary.len - 1] == '\n') summary.len--;
        hr_buf_putc(&request->out, '{');
        hr_http_put_string(&request->out, "folder", dir);
        hr_http_put_raw(&request->out, "summary", summary.len ? hr_buf_cstr(&summary) : "null");
        put_files(request, dir);
        hr_buf_putc(&request->out, '}');
    }
    hr_buf_done(&summary);
    return status;
}

static hr_status get_checkpoint(struct hr_http_request *request, struct hr_err *err)
{
    struct hr_serve_query found;
    struct hr_query_info info;
    HR_TRY(hr_serve_get_query(request, request->params[0], &found, err));
    hr_query_get_info(found.query, &info);
    hr_status status =
        info.checkpoint_dir
            ? put_checkpoint(request, info.checkpoint_dir, !info.ended_us, err)
            : HR_HTTP_FAIL(request, 404, err, HR_E_NOT_FOUND,
                           "query %s has a temporary checkpoint, which goes away with it",
                           hr_query_name(found.query));
    hr_serve_put_query(request->serve, &found);
    return status;
}

static const struct hr_http_route routes[] = {
    {"GET", "/api/v1/queries/{id}/checkpoint", HR_HTTP_READ, HR_HTTP_SLOW, get_checkpoint,
     "a query's checkpoint on disk: its files, and its last epoch where it has ended", NULL, NULL},
};

const struct hr_serve_module hr_serve_checkpoint = {
    .name = "checkpoints", .routes = routes, .route_count = HR_COUNT(routes)};
