/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which files a path names: one file, a folder, or a glob of them.
 *
 * Of a folder: the files in it, and those below folders named key=value (partitions, and whatever
 * is below them); with recursiveFileLookup all below it. Left out are names that Hadoop hides, what
 * is no regular file (FIFOs, sockets, devices: opening one may never return), links that lead
 * nowhere or back to a folder above, and what a manifest in the folder does not name.
 */
#include <stdio.h>

#include "connector/file/file.h"

#define DEPTH_MAX 64

bool hr_file_hidden(const char *name)
{
    size_t len = strlen(name);
    static const char copying[] = "._COPYING_";
    return name[0] == '.' || (name[0] == '_' && !strchr(name, '=')) ||
           (len >= sizeof copying - 1 && strcmp(name + len - sizeof copying + 1, copying) == 0);
}

/* The folders from the root down to where the search is: a link to one of them is a ring. */
struct level {
    const struct level *above;
    uint64_t device, inode;
    int depth;
};

struct search {
    struct hr_env *env;
    struct hr_arena *arena;
    const struct file_query *query;
    struct file_list *list;
    bool matched;     /* the path names something */
    struct hr_err *err;
};

static hr_status add(struct search *s, const char *path, int64_t mtime_us, int64_t size)
{
    const struct file_query *q = s->query;
    const char *slash = strrchr(path, '/');
    if (q->name_filter.count && !hr_file_glob_match(&q->name_filter, slash + 1)) return HR_OK;
    if (q->modified_before_us && mtime_us >= *q->modified_before_us) return HR_OK;
    if (q->modified_after_us && mtime_us <= *q->modified_after_us) return HR_OK;
    struct file_entry entry = {path, mtime_us, size, -1};
    return HR_VEC_PUSH(s->arena, s->list, entry) ? HR_OK : HR_OOM(s->err);
}

static hr_status search_manifest(struct search *s, const char *path, bool *ret_found)
{
    struct file_list valid = {0};
    HR_TRY(hr_file_manifest_read(s->env, s->arena, path, &valid, ret_found, s->err));
    for (uint32_t i = 0; i < valid.count; i++)
        HR_TRY(add(s, valid.items[i].path, valid.items[i].mtime_us, valid.items[i].size));
    return HR_OK;
}

static bool is_ring(const struct level *above, const struct hr_file_info *info)
{
    for (; above; above = above->above)
        if (above->device == info->device && above->inode == info->inode) return true;
    return false;
}

/* everything: folders below are searched whatever they are called. */
static hr_status search_folder(struct search *s, const char *path, const struct hr_file_info *info,
                               const struct level *above, bool everything)
{
    struct level here = {above, info->device, info->inode, above ? above->depth + 1 : 0};
    char **names;
    uint32_t count;
    bool found = false;
    if (here.depth > DEPTH_MAX)
        return HR_FAIL(s->err, HR_E_LIMIT, "folders nested deeper than %d: %s", DEPTH_MAX, path);
    if (s->query->skip_dir && strcmp(path, s->query->skip_dir) == 0) return HR_OK;
    HR_TRY(search_manifest(s, path, &found));
    if (found) return HR_OK;
    hr_status status = hr_env_list_sorted(s->env, s->arena, path, &names, &count, s->err);
    if (status == HR_E_NOT_FOUND) return HR_OK; /* gone meanwhile */
    HR_TRY(status);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_file_info sub;
        if (hr_file_hidden(names[i])) continue;
        const char *at = hr_arena_printf(s->arena, "%s/%s", path[1] ? path : "", names[i]);
        if (!at) return HR_OOM(s->err);
        status = s->env->vt->stat(s->env, at, &sub, s->err);
        if (status == HR_E_NOT_FOUND) continue; /* gone, or a link that leads nowhere */
        HR_TRY(status);
        bool partition = strchr(names[i], '=') != NULL;
        if (sub.is_regular)
            HR_TRY(add(s, at, sub.mtime_us, sub.size_bytes));
        else if (sub.is_dir && (everything || partition) && !is_ring(&here, &sub))
            HR_TRY(search_folder(s, at, &sub, &here, true));
    }
    return HR_OK;
}

/* path is what the user named, or a match of the pattern. */
static hr_status visit_root(struct search *s, const char *path)
{
    struct hr_file_info info;
    hr_status status = s->env->vt->stat(s->env, path, &info, s->err);
    if (status == HR_E_NOT_FOUND) return HR_OK;
    HR_TRY(status);
    s->matched = true;
    if (info.is_dir) return search_folder(s, path, &info, NULL, s->query->recursive);
    if (!info.is_regular)
        return HR_FAIL(s->err, HR_E_INVALID_ARGUMENT, "%s is neither a file nor a folder", path);
    return add(s, path, info.mtime_us, info.size_bytes);
}

/* A part of a pattern without wildcards: the name that it means. */
static const char *plain_part(struct hr_arena *arena, const char *part)
{
    char *name = hr_arena_strdup(arena, part), *o = name;
    for (const char *p = name; name && *p; p++) {
        if (*p == '\\' && p[1]) p++;
        *o++ = *p;
    }
    if (name) *o = 0;
    return name;
}

/* Folder by folder: the pattern's parts between slashes match names. base: "" for the root. */
static hr_status search_glob(struct search *s, const char *base, const char *pattern)
{
    while (*pattern == '/') pattern++;
    if (!*pattern) return visit_root(s, *base ? base : "/");
    size_t len = strcspn(pattern, "/");
    const char *part = hr_arena_strndup(s->arena, pattern, len), *rest = pattern + len;
    if (!part) return HR_OOM(s->err);
    if (!strpbrk(part, "*?[")) {
        const char *name = plain_part(s->arena, part);
        const char *sub = name ? hr_arena_printf(s->arena, "%s/%s", base, name) : NULL;
        return sub ? search_glob(s, sub, rest) : HR_OOM(s->err);
    }
    char **names;
    uint32_t count;
    struct file_glob glob;
    HR_TRY(hr_file_glob_compile(s->arena, part, &glob, s->err));
    hr_status status =
        hr_env_list_sorted(s->env, s->arena, *base ? base : "/", &names, &count, s->err);
    if (status == HR_E_NOT_FOUND) return HR_OK;
    HR_TRY(status);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_file_info info;
        if (hr_file_hidden(names[i]) || !hr_file_glob_match(&glob, names[i])) continue;
        const char *sub = hr_arena_printf(s->arena, "%s/%s", base, names[i]);
        if (!sub) return HR_OOM(s->err);
        if (s->env->vt->stat(s->env, sub, &info, NULL) != HR_OK) continue;
        if (*rest ? info.is_dir : info.is_dir || info.is_regular)
            HR_TRY(search_glob(s, sub, rest));
    }
    return HR_OK;
}

static int by_path(const void *a, const void *b)
{
    return strcmp(((const struct file_entry *)a)->path, ((const struct file_entry *)b)->path);
}

/* Two alternatives of a pattern may name one file. */
static void drop_doubles(struct file_list *list)
{
    uint32_t kept = 0;
    if (list->count < 2) return;
    qsort(list->items, list->count, sizeof *list->items, by_path);
    for (uint32_t i = 0; i < list->count; i++)
        if (!kept || strcmp(list->items[kept - 1].path, list->items[i].path) != 0)
            list->items[kept++] = list->items[i];
    list->count = kept;
}

hr_status hr_file_find(struct hr_env *env, struct hr_arena *arena, const struct file_query *query,
                       struct file_list *ret, struct hr_err *err)
{
    struct search s = {.env = env, .arena = arena, .query = query, .list = ret, .err = err};
    if (hr_file_is_glob(query->path)) {
        struct file_glob glob;
        HR_TRY(hr_file_glob_compile(arena, query->path, &glob, err));
        for (uint32_t i = 0; i < glob.count; i++) HR_TRY(search_glob(&s, "", glob.items[i]));
        if (glob.count > 1) drop_doubles(ret);
    }
    /* A pattern that matches nothing names itself, as in a shell. */
    if (!s.matched) HR_TRY(visit_root(&s, query->path));
    return s.matched ? HR_OK : HR_RAISE(err, HR_E_PATH_NOT_FOUND, "path", query->path);
}

/* Does what is below a matched folder count: the rest of a file's path from there on? */
static bool is_below(const struct file_query *q, const char *rest)
{
    bool everything = q->recursive;
    for (rest += strspn(rest, "/"); *rest; rest += strspn(rest, "/")) {
        char name[256];
        size_t len = strcspn(rest, "/");
        snprintf(name, sizeof name, "%.*s", (int)HR_MIN(len, sizeof name - 1), rest);
        if (hr_file_hidden(name)) return false;
        rest += len;
        if (!*rest) return q->name_filter.count == 0 || hr_file_glob_match(&q->name_filter, name);
        if (!everything && !strchr(name, '=')) return false;
        everything = true;
    }
    return true; /* the file itself was named */
}

/* The pattern's parts against the first parts of the path. */
static hr_status would_match(struct hr_arena *arena, const struct file_query *q,
                             const char *pattern, const char *path, bool *ret, struct hr_err *err)
{
    *ret = false;
    for (pattern += strspn(pattern, "/"); *pattern; pattern += strspn(pattern, "/")) {
        path += strspn(path, "/");
        size_t part_len = strcspn(pattern, "/"), name_len = strcspn(path, "/");
        const char *part = hr_arena_strndup(arena, pattern, part_len);
        const char *name = hr_arena_strndup(arena, path, name_len);
        if (!part || !name) return HR_OOM(err);
        struct file_glob glob;
        HR_TRY(hr_file_glob_compile(arena, part, &glob, err));
        if (!name_len || !hr_file_glob_match(&glob, name)) return HR_OK;
        if (strpbrk(part, "*?[") && hr_file_hidden(name)) return HR_OK;
        pattern += part_len;
        path += name_len;
    }
    *ret = is_below(q, path);
    return HR_OK;
}

hr_status hr_file_would_find(struct hr_arena *arena, const struct file_query *query,
                             const char *path, bool *ret, struct hr_err *err)
{
    struct file_glob glob;
    *ret = hr_file_within(path, query->path) && is_below(query, path + strlen(query->path));
    if (*ret || !hr_file_is_glob(query->path)) return HR_OK;
    HR_TRY(hr_file_glob_compile(arena, query->path, &glob, err));
    for (uint32_t i = 0; i < glob.count && !*ret; i++)
        HR_TRY(would_match(arena, query, glob.items[i], path, ret, err));
    return HR_OK;
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
