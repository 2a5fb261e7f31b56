/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spark's manifest of a file sink: <dir>/_spark_metadata/<epoch>, `v1` and a JSON line a file.
 * Every tenth is <epoch>.compact and holds all lines so far; older ones are then of no use, but
 * stay until the next compaction for readers under way. A manifest file appears whole (written
 * aside, synced, renamed) or not at all: that is the commit. Epochs have no gaps, so a reader that
 * misses one knows that a compaction came in between, and begins again.
 */
#include <stdio.h>

#include "base/utf8.h"
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

/* \uXXXX at p (behind the backslash), two of them for a code point beyond 16 bits. */
static const char *unescape_code(const char *p, const char *end, char **out)
{
    uint32_t code = 0, pair = 0;
    for (int half = 0; half < 2; half++) {
        uint32_t unit = 0;
        if (end - p < 5 || *p != 'u') return NULL;
        for (int i = 1; i <= 4; i++) {
            int digit = p[i] >= '0' && p[i] <= '9' ? p[i] - '0' : (p[i] | 32) - 'a' + 10;
            if (digit < 0 || digit > 15) return NULL;
            unit = unit << 4 | (uint32_t)digit;
        }
        p += 5;
        if (half == 0) code = unit;
        pair = unit;
        if (half || (unit & 0xFC00) != 0xD800) break;
        if (end - p < 6 || *p++ != '\\') return NULL;
    }
    if ((code & 0xFC00) == 0xD800) {
        if ((pair & 0xFC00) != 0xDC00) return NULL;
        code = 0x10000 + ((code & 0x3FF) << 10) + (pair & 0x3FF);
    }
    *out += hr_utf8_encode(code, *out);
    return p;
}

bool hr_file_json_string(struct hr_arena *arena, struct hr_str_view line, const char *key,
                         const char **ret)
{
    static const char from[] = "bfnrt", to[] = "\b\f\n\r\t";
    const char *p = after_key(line, key), *end = line.ptr + line.len;
    if (!p || p >= end || *p++ != '"') return false;
    char *out = hr_arena_alloc(arena, (size_t)(end - p) + 1), *o = out;
    if (!out) return false;
    while (p && p < end && *p != '"') {
        if (*p != '\\') {
            *o++ = *p++;
        } else if (++p < end && *p == 'u') {
            p = unescape_code(p, end, &o);
        } else if (p < end) {
            const char *hit = strchr(from, *p);
            *o++ = hit ? to[hit - from] : *p;
            p++;
        }
    }
    *o = 0;
    *ret = out;
    return p && p < end;
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
    if (!status) status = hr_file_sums_check(env, arena, path, hr_svn(text.ptr, text.len), err);
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
        status = hr_file_from_uri(arena, entry.path, &entry.path, err);
        if (status) break;
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

/* Which files of a manifest count: those from the last compact one on. */
struct epochs {
    const char *meta;        /* the folder */
    int64_t first, last;     /* -1: none */
    bool compact;            /* first is <first>.compact */
    char **names;            /* all, older ones too */
    uint32_t count;
};

static hr_status list_epochs(struct hr_env *env, struct hr_arena *arena, const char *dir,
                             struct epochs *ret, struct hr_err *err)
{
    *ret = (struct epochs){.first = -1, .last = -1};
    ret->meta = hr_arena_printf(arena, "%s/" FILE_METADATA, dir);
    if (!ret->meta) return HR_OOM(err);
    if (!hr_env_exists(env, ret->meta)) return HR_OK;
    HR_TRY(hr_env_list_sorted(env, arena, ret->meta, &ret->names, &ret->count, err));
    for (uint32_t i = 0; i < ret->count; i++) {
        bool compact = false;
        int64_t epoch = epoch_of(ret->names[i], &compact);
        ret->last = HR_MAX(ret->last, epoch);
        if (compact && epoch > ret->first) ret->first = epoch;
    }
    ret->compact = ret->first >= 0;
    if (!ret->compact && ret->last >= 0) ret->first = 0; /* whether it is there or not */
    return HR_OK;
}

static const char *epoch_path(struct hr_arena *arena, const struct epochs *e, int64_t epoch)
{
    return hr_arena_printf(arena, "%s/%lld%s", e->meta, (long long)epoch,
                           e->compact && epoch == e->first ? ".compact" : "");
}

/* HR_E_NOT_FOUND: a compaction came in between, or the manifest has a gap. */
static hr_status read_epochs(struct hr_env *env, struct hr_arena *arena, const struct epochs *e,
                             struct file_list *ret, struct hr_err *err)
{
    for (int64_t epoch = e->first; epoch >= 0 && epoch <= e->last; epoch++) {
        const char *path = epoch_path(arena, e, epoch);
        if (!path) return HR_OOM(err);
        HR_TRY(read_epoch(env, arena, path, ret, err));
    }
    return HR_OK;
}

/* Each try finds another compaction in its way, so a reader would have to lose this often. */
#define TRIES_MAX 100

hr_status hr_file_manifest_read(struct hr_env *env, struct hr_arena *arena, const char *dir,
                                struct file_list *ret, bool *ret_found, struct hr_err *err)
{
    int64_t missed = -1;
    for (int try = 0; try < TRIES_MAX; try++) {
        struct epochs e;
        struct file_list list = *ret;
        HR_TRY(list_epochs(env, arena, dir, &e, err));
        *ret_found = e.last >= 0;
        hr_status status = read_epochs(env, arena, &e, &list, err);
        if (status == HR_OK) *ret = list;
        if (status != HR_E_NOT_FOUND) return status;
        if (missed == e.first) break; /* no newer compaction: a gap */
        missed = e.first;
    }
    return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT,
                   "the manifest %s/" FILE_METADATA " lacks an epoch between two others", dir);
}

hr_status hr_file_manifest_last(struct hr_env *env, struct hr_arena *arena, const char *dir,
                                int64_t *ret_epoch, struct hr_err *err)
{
    struct epochs e;
    HR_TRY(list_epochs(env, arena, dir, &e, err));
    *ret_epoch = e.last;
    return HR_OK;
}

static void put_entry(struct hr_buf *out, const struct file_entry *entry)
{
    struct hr_buf uri = {0};
    hr_file_put_uri(entry->path, &uri);
    hr_buf_puts(out, "\n{\"path\":");
    hr_buf_put_json(out, hr_svn(uri.ptr, uri.len));
    hr_buf_done(&uri);
    hr_buf_printf(out, ",\"size\":%lld,\"isDir\":false,\"modificationTime\":%lld,"
                  "\"blockReplication\":1,\"blockSize\":33554432,\"action\":\"add\"}",
                  (long long)entry->size, (long long)(entry->mtime_us / 1000));
}

/* A manifest file on its way: what is in memory is written out block by block. */
struct manifest_out {
    struct hr_env *env;
    int fd;
    int64_t size;
    struct hr_buf text;
    struct file_sums sums;
};

static hr_status put_out(struct manifest_out *o, struct hr_err *err)
{
    HR_TRY(hr_buf_status(&o->text, err));
    HR_TRY(o->env->vt->pwrite(o->env, o->fd, o->text.ptr, o->text.len, o->size, err));
    hr_file_sums_add(&o->sums, hr_svn(o->text.ptr, o->text.len));
    o->size += (int64_t)o->text.len;
    hr_buf_clear(&o->text);
    return HR_OK;
}

/* The lines of an older manifest file, as they are. */
static hr_status copy_lines(struct manifest_out *o, const char *path, struct hr_err *err)
{
    int fd;
    int64_t at = 2; /* behind its v1 */
    size_t n = 1;
    HR_TRY(o->env->vt->open(o->env, path, HR_OPEN_READ, &fd, err));
    hr_status status = HR_OK;
    while (!status && n > 0) {
        char *room = hr_buf_reserve(&o->text, 65536);
        status = room ? o->env->vt->pread(o->env, fd, room, 65536, at, &n, err) : HR_OOM(err);
        if (!status) {
            o->text.len += n;
            at += (int64_t)n;
            status = put_out(o, err);
        }
    }
    hr_status closed = o->env->vt->close(o->env, fd, err);
    return status ? status : closed;
}

static hr_status write_lines(struct manifest_out *o, struct hr_arena *arena, const struct epochs *e,
                             const struct file_list *entries, struct hr_err *err)
{
    hr_buf_puts(&o->text, "v1");
    for (int64_t epoch = e->first; epoch >= 0 && epoch <= e->last; epoch++) {
        const char *path = epoch_path(arena, e, epoch);
        if (!path) return HR_OOM(err);
        HR_TRY(copy_lines(o, path, err));
    }
    for (uint32_t i = 0; i < entries->count; i++) {
        put_entry(&o->text, &entries->items[i]);
        if (o->text.len > 65536) HR_TRY(put_out(o, err));
    }
    HR_TRY(put_out(o, err));
    return o->env->vt->fdatasync(o->env, o->fd, err);
}

/* Written aside, synced, renamed: it appears whole or not at all, and never in the place of one
 * that another writer has put there. */
static hr_status write_epoch(struct hr_env *env, struct hr_arena *arena, const char *path,
                             const struct epochs *e, const struct file_list *entries,
                             struct hr_err *err)
{
    char uuid[37]; /* another writer, who must not exist, writes another file */
    hr_env_uuid(env, uuid);
    const char *meta = e->meta, *temp = hr_arena_printf(arena, "%s/.%s.%s.tmp", meta,
                                                        strrchr(path, '/') + 1, uuid);
    if (!temp) return HR_OOM(err);
    struct manifest_out o = {.env = env};
    HR_TRY(env->vt->open(env, temp, HR_OPEN_CREATE, &o.fd, err));
    hr_status status = write_lines(&o, arena, e, entries, err);
    hr_status closed = env->vt->close(env, o.fd, status ? NULL : err);
    hr_buf_done(&o.text);
    if (!status) status = closed;
    if (!status) status = env->vt->rename_new(env, temp, path, err);
    if (status == HR_E_EXISTS)
        status = HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", path, "why",
                          "another writer has committed this epoch");
    if (!status) status = env->vt->sync_dir(env, meta, err);
    else HR_UNUSED(env->vt->unlink(env, temp, NULL));
    if (!status) status = hr_file_sums_write(env, arena, path, &o.sums, err);
    hr_file_sums_done(&o.sums);
    return status;
}

/* Files from before the last compaction (all: what was replaced, too): a reader that began before
 * this one still finds its own. */
static void remove_old(struct hr_env *env, struct hr_arena *arena, const struct epochs *e, bool all)
{
    for (uint32_t i = 0; i < e->count; i++) {
        bool compact;
        int64_t epoch = epoch_of(e->names[i], &compact);
        bool older = epoch < e->first || (epoch == e->first && !compact);
        if (epoch < 0 || !(older || all)) continue;
        const char *old = hr_arena_printf(arena, "%s/%s", e->meta, e->names[i]);
        struct hr_err ignored;
        hr_err_init(&ignored);
        if (old && env->vt->unlink(env, old, &ignored) == HR_OK)
            hr_file_sums_remove(env, arena, old);
    }
}

hr_status hr_file_manifest_write(struct hr_env *env, struct hr_arena *arena, const char *dir,
                                 int64_t epoch, const struct file_list *entries, bool replace_all,
                                 struct hr_err *err)
{
    struct epochs e, none = {.first = -1, .last = -1};
    bool compact = replace_all || (epoch + 1) % COMPACT_INTERVAL == 0;
    HR_TRY(list_epochs(env, arena, dir, &e, err));
    none.meta = e.meta;
    HR_TRY(env->vt->mkdirs(env, e.meta, err));
    const char *path = hr_arena_printf(arena, "%s/%lld%s", e.meta, (long long)epoch,
                                       compact ? ".compact" : "");
    if (!path) return HR_OOM(err);
    HR_TRY(write_epoch(env, arena, path, compact && !replace_all ? &e : &none, entries, err));
    if (compact && (e.compact || replace_all)) remove_old(env, arena, &e, replace_all);
    return HR_OK;
}
