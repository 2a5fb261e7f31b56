/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spark's manifest of a file sink: <dir>/_spark_metadata/<epoch>, `v1` and a JSON line a file.
 * Every tenth is <epoch>.compact and holds all lines so far; older ones are then of no use. A
 * manifest file appears whole (written aside, synced, renamed) or not at all: that is the commit.
 */
#include <stdio.h>

#include "connector/file/file.h"

#define COMPACT_INTERVAL 10

static const char *after_key(struct hr_str_view line, const char *key)
{
    char name[64];
    int len = snprintf(name, sizeof name, "\"%s\":", key);
    const char *hit = memmem(line.ptr, line.len, name, (size_t)len);
    return hit ? hit + len : NULL;
}

bool hr_file_json_number(struct hr_str_view line, const char *key, int64_t *ret)
{
    const char *p = after_key(line, key), *end = line.ptr + line.len, *q = p;
    if (!p) return false;
    while (q < end && (*q == '-' || (*q >= '0' && *q <= '9'))) q++;
    return hr_parse_i64(hr_svn(p, (size_t)(q - p)), ret);
}

bool hr_file_json_string(struct hr_arena *arena, struct hr_str_view line, const char *key,
                         const char **ret)
{
    const char *p = after_key(line, key), *end = line.ptr + line.len;
    if (!p || p >= end || *p++ != '"') return false;
    char *out = hr_arena_alloc(arena, (size_t)(end - p) + 1), *o = out;
    if (!out) return false;
    for (; p < end && *p != '"'; p++) {
        if (*p == '\\' && p + 1 < end) p++;
        *o++ = *p;
    }
    *o = 0;
    *ret = out;
    return p < end;
}

/* "12" or "12.compact" → 12, else -1. */
static int64_t epoch_of(const char *name, bool *ret_compact)
{
    const char *dot = strchr(name, '.');
    int64_t epoch;
    if (dot && strcmp(dot, ".compact") != 0) return -1;
    *ret_compact = dot != NULL;
    return hr_parse_i64(hr_svn(name, dot ? (size_t)(dot - name) : strlen(name)), &epoch) &&
                   epoch >= 0
               ? epoch
               : -1;
}

static hr_status read_epoch(struct hr_env *env, struct hr_arena *arena, const char *path,
                            struct file_list *list, struct hr_err *err)
{
    struct hr_buf text = {0};
    hr_status status = hr_env_read_file(env, path, &text, err);
    if (!status && (text.len < 2 || memcmp(text.ptr, "v1", 2) != 0))
        status = HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "%s does not begin with v1", path);
    for (size_t at = 2; !status && at < text.len;) {
        const char *p = text.ptr + at, *newline = memchr(p, '\n', text.len - at);
        size_t len = newline ? (size_t)(newline - p) : text.len - at;
        struct hr_str_view line = hr_svn(p, len);
        at += len + 1;
        if (len == 0) continue;
        struct file_entry entry = {.offset = -1};
        const char *action = "add";
        int64_t ms = 0;
        if (!hr_file_json_string(arena, line, "path", &entry.path) ||
            !hr_file_json_number(line, "size", &entry.size)) {
            status = HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "%s: not a manifest line", path);
            break;
        }
        if (hr_file_json_number(line, "modificationTime", &ms)) entry.mtime_us = ms * 1000;
        hr_file_json_string(arena, line, "action", &action);
        entry.path = hr_file_plain_path(entry.path);
        if (strcmp(action, "delete") == 0) {
            for (uint32_t i = 0; i < list->count; i++)
                if (strcmp(list->items[i].path, entry.path) == 0)
                    list->items[i--] = list->items[--list->count];
        } else if (!HR_VEC_PUSH(arena, list, entry)) {
            status = HR_OOM(err);
        }
    }
    hr_buf_done(&text);
    return status;
}

/* Names of the manifest's files; *ret_count 0 when there is none. */
static hr_status list_epochs(struct hr_env *env, struct hr_arena *arena, const char *dir,
                             const char **ret_meta, char ***ret_names, uint32_t *ret_count,
                             struct hr_err *err)
{
    const char *meta = hr_arena_printf(arena, "%s/" FILE_METADATA, dir);
    if (!meta) return HR_OOM(err);
    *ret_meta = meta;
    *ret_count = 0;
    if (!hr_env_exists(env, meta)) return HR_OK;
    return hr_env_list_sorted(env, arena, meta, ret_names, ret_count, err);
}

static hr_status bounds(char **names, uint32_t count, int64_t *ret_last, int64_t *ret_compact)
{
    *ret_last = *ret_compact = -1;
    for (uint32_t i = 0; i < count; i++) {
        bool compact = false;
        int64_t epoch = epoch_of(names[i], &compact);
        *ret_last = HR_MAX(*ret_last, epoch);
        if (compact) *ret_compact = HR_MAX(*ret_compact, epoch);
    }
    return HR_OK;
}

static hr_status read_all(struct hr_env *env, struct hr_arena *arena, const char *meta,
                          int64_t compact, int64_t last, struct file_list *ret, struct hr_err *err)
{
    for (int64_t e = compact >= 0 ? compact : 0; e <= last; e++) {
        const char *path = hr_arena_printf(arena, "%s/%lld%s", meta, (long long)e,
                                           e == compact ? ".compact" : "");
        if (!path) return HR_OOM(err);
        /* An epoch without output leaves no file. */
        if (hr_env_exists(env, path)) HR_TRY(read_epoch(env, arena, path, ret, err));
    }
    return HR_OK;
}

hr_status hr_file_manifest_read(struct hr_env *env, struct hr_arena *arena, const char *dir,
                                struct file_list *ret, bool *ret_found, struct hr_err *err)
{
    const char *meta;
    char **names = NULL;
    uint32_t count;
    int64_t last, compact;
    HR_TRY(list_epochs(env, arena, dir, &meta, &names, &count, err));
    HR_TRY(bounds(names, count, &last, &compact));
    *ret_found = last >= 0;
    return last < 0 ? HR_OK : read_all(env, arena, meta, compact, last, ret, err);
}

hr_status hr_file_manifest_last(struct hr_env *env, struct hr_arena *arena, const char *dir,
                                int64_t *ret_epoch, struct hr_err *err)
{
    const char *meta;
    char **names = NULL;
    uint32_t count;
    int64_t compact;
    HR_TRY(list_epochs(env, arena, dir, &meta, &names, &count, err));
    return bounds(names, count, ret_epoch, &compact);
}

static void put_entry(struct hr_buf *out, const struct file_entry *entry)
{
    hr_buf_puts(out, "\n{\"path\":");
    struct hr_buf uri = {0};
    hr_buf_printf(&uri, "%s%s", entry->path[0] == '/' ? "file://" : "", entry->path);
    hr_buf_put_json(out, hr_svn(uri.ptr, uri.len));
    hr_buf_done(&uri);
    hr_buf_printf(out, ",\"size\":%lld,\"isDir\":false,\"modificationTime\":%lld,"
                  "\"blockReplication\":1,\"blockSize\":33554432,\"action\":\"add\"}",
                  (long long)entry->size, (long long)(entry->mtime_us / 1000));
}

hr_status hr_file_manifest_write(struct hr_env *env, struct hr_arena *arena, const char *dir,
                                 int64_t epoch, const struct file_list *entries, bool replace_all,
                                 struct hr_err *err)
{
    const char *meta;
    char **names = NULL;
    uint32_t count;
    int64_t last, old_compact;
    struct file_list all = {0};
    bool compact = replace_all || (epoch + 1) % COMPACT_INTERVAL == 0;
    HR_TRY(list_epochs(env, arena, dir, &meta, &names, &count, err));
    HR_TRY(bounds(names, count, &last, &old_compact));
    if (compact && !replace_all) HR_TRY(read_all(env, arena, meta, old_compact, last, &all, err));
    HR_TRY(env->vt->mkdirs(env, meta, err));
    struct hr_buf out = {0};
    hr_buf_puts(&out, "v1");
    for (uint32_t i = 0; i < all.count; i++) put_entry(&out, &all.items[i]);
    for (uint32_t i = 0; i < entries->count; i++) put_entry(&out, &entries->items[i]);
    const char *path = hr_arena_printf(arena, "%s/%lld%s", meta, (long long)epoch,
                                       compact ? ".compact" : "");
    hr_status status = path ? hr_buf_status(&out, err) : HR_OOM(err);
    if (!status) status = hr_env_write_file(env, path, out.ptr, out.len, err);
    hr_buf_done(&out);
    HR_TRY(status);
    if (!compact) return HR_OK;
    /* What a compact file holds is not needed twice. */
    for (uint32_t i = 0; i < count; i++) {
        bool is_compact;
        if (epoch_of(names[i], &is_compact) < 0) continue;
        const char *old = hr_arena_printf(arena, "%s/%s", meta, names[i]);
        struct hr_err ignored;
        hr_err_init(&ignored);
        if (old && strcmp(old, path) != 0 && env->vt->unlink(env, old, &ignored)) continue;
    }
    return HR_OK;
}
