/* SPDX-License-Identifier: Apache-2.0 */
/* Which files a path names: one file, a folder and all below it, or a glob of them. */
#include <fnmatch.h>

#include "connector/file/file.h"

#define DEPTH_MAX 32

const char *hr_file_plain_path(const char *path)
{
    if (strncmp(path, "file://", 7) == 0) return path + 7;
    return strncmp(path, "file:", 5) == 0 ? path + 5 : path;
}

static bool hidden(const char *name)
{
    return name[0] == '.' || (name[0] == '_' && !strchr(name, '='));
}

static bool is_glob(const char *path)
{
    return strpbrk(path, "*?[{") != NULL;
}

struct search {
    struct hr_env *env;
    struct hr_arena *arena;
    struct file_list *list;
    struct hr_err *err;
};

static hr_status add(struct search *s, const char *path, const struct hr_file_info *info)
{
    struct file_entry entry = {path, info->mtime_us, info->size_bytes, -1};
    return HR_VEC_PUSH(s->arena, s->list, entry) ? HR_OK : HR_OOM(s->err);
}

static hr_status search_folder(struct search *s, const char *path, int depth);

static hr_status visit(struct search *s, const char *path, int depth)
{
    struct hr_file_info info;
    hr_status status = s->env->vt->stat(s->env, path, &info, s->err);
    if (status == HR_E_NOT_FOUND) return HR_OK; /* gone meanwhile */
    HR_TRY(status);
    return info.is_dir ? search_folder(s, path, depth) : add(s, path, &info);
}

static hr_status search_folder(struct search *s, const char *path, int depth)
{
    char **names;
    uint32_t count;
    bool found = false;
    if (depth > DEPTH_MAX)
        return HR_FAIL(s->err, HR_E_LIMIT, "folders nested deeper than %d: %s", DEPTH_MAX, path);
    HR_TRY(hr_file_manifest_read(s->env, s->arena, path, s->list, &found, s->err));
    if (found) return HR_OK;
    hr_status status = hr_env_list_sorted(s->env, s->arena, path, &names, &count, s->err);
    if (status == HR_E_NOT_FOUND) return HR_OK;
    HR_TRY(status);
    for (uint32_t i = 0; i < count; i++) {
        if (hidden(names[i])) continue;
        const char *sub = hr_arena_printf(s->arena, "%s/%s", path, names[i]);
        if (!sub) return HR_OOM(s->err);
        HR_TRY(visit(s, sub, depth + 1));
    }
    return HR_OK;
}

static hr_status search_glob(struct search *s, const char *base, const char *pattern, int depth);

/* {a,b} in the first part becomes patterns of their own. */
static hr_status alternatives(struct search *s, const char *base, const char *pattern, int depth)
{
    const char *open = strchr(pattern, '{'), *close = open ? strchr(open, '}') : NULL;
    if (!close)
        return HR_FAIL(s->err, HR_E_INVALID_ARGUMENT, "glob without its closing brace: %s",
                       pattern);
    for (const char *p = open + 1; p <= close;) {
        const char *comma = memchr(p, ',', (size_t)(close - p));
        const char *stop = comma ? comma : close;
        const char *one = hr_arena_printf(s->arena, "%.*s%.*s%s", (int)(open - pattern), pattern,
                                          (int)(stop - p), p, close + 1);
        if (!one) return HR_OOM(s->err);
        HR_TRY(search_glob(s, base, one, depth));
        p = stop + 1;
    }
    return HR_OK;
}

/* Folder by folder: the pattern's parts between slashes match names. */
static hr_status search_glob(struct search *s, const char *base, const char *pattern, int depth)
{
    char **names;
    uint32_t count;
    while (*pattern == '/') pattern++;
    if (strchr(pattern, '{')) return alternatives(s, base, pattern, depth);
    const char *slash = strchr(pattern, '/');
    size_t len = slash ? (size_t)(slash - pattern) : strlen(pattern);
    const char *part = hr_arena_strndup(s->arena, pattern, len);
    if (!part) return HR_OOM(s->err);
    hr_status status = hr_env_list_sorted(s->env, s->arena, *base ? base : "/", &names, &count,
                                          s->err);
    if (status == HR_E_NOT_FOUND) return HR_OK;
    HR_TRY(status);
    for (uint32_t i = 0; i < count; i++) {
        if (fnmatch(part, names[i], FNM_PERIOD) != 0) continue;
        if (is_glob(part) && hidden(names[i])) continue;
        const char *sub = hr_arena_printf(s->arena, "%s/%s", base, names[i]);
        struct hr_file_info info;
        if (!sub) return HR_OOM(s->err);
        if (!slash) {
            HR_TRY(visit(s, sub, depth + 1));
            continue;
        }
        status = s->env->vt->stat(s->env, sub, &info, s->err);
        if (status == HR_E_NOT_FOUND || (!status && !info.is_dir)) continue;
        HR_TRY(status);
        HR_TRY(search_glob(s, sub, slash + 1, depth + 1));
    }
    return HR_OK;
}

hr_status hr_file_find(struct hr_env *env, struct hr_arena *arena, const char *path,
                       struct file_list *ret, struct hr_err *err)
{
    struct search s = {env, arena, ret, err};
    struct hr_file_info info;
    path = hr_file_plain_path(path);
    if (!is_glob(path)) {
        size_t len = strlen(path);
        while (len > 1 && path[len - 1] == '/') len--;
        path = hr_arena_strndup(arena, path, len);
        if (!path) return HR_OOM(err);
        hr_status status = env->vt->stat(env, path, &info, err);
        if (status == HR_E_NOT_FOUND)
            return HR_RAISE(err, HR_E_PATH_NOT_FOUND, "path", path);
        HR_TRY(status);
        return info.is_dir ? search_folder(&s, path, 0) : add(&s, path, &info);
    }
    /* The folder in front of the first wildcard. */
    const char *wild = strpbrk(path, "*?[{"), *slash = wild;
    while (slash > path && slash[-1] != '/') slash--;
    const char *base =
        slash == path ? "." : hr_arena_strndup(arena, path, (size_t)(slash - path - 1));
    if (!base) return HR_OOM(err);
    return search_glob(&s, base, slash, 0);
}

static int older(const void *a, const void *b)
{
    const struct file_entry *x = a, *y = b;
    if (x->mtime_us != y->mtime_us) return x->mtime_us < y->mtime_us ? -1 : 1;
    return strcmp(x->path, y->path);
}

static int newer(const void *a, const void *b)
{
    return older(b, a);
}

void hr_file_sort(struct file_list *list, bool latest_first)
{
    if (list->count > 1)
        qsort(list->items, list->count, sizeof *list->items, latest_first ? newer : older);
}
