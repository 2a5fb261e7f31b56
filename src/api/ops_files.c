/* SPDX-License-Identifier: Apache-2.0 */
/*
 * RDDs over files: lines, whole files, fixed-size records.
 *
 * The files are listed when the RDD is made and cut into splits (file, offset, length). A line
 * belongs to the split in which it starts: a split that does not start at 0 looks one byte back and
 * skips to the first line end, and reads over its own end to finish its last line. Values are views
 * into the blocks that were read; the batch holds the block. A file named .gz is unpacked on the
 * way and is one split.
 */
#include <fnmatch.h>
#include <stdio.h>

#include "api/api.h"
#include "api/files.h"
#include "base/codec.h"
#include "base/fault.h"

#define BLOCK_BYTES    ((size_t)1 << 20)
#define SPLIT_BYTES    (INT64_C(32) << 20)
#define LINE_MAX_BYTES ((size_t)1 << 30)
#define GLOB_DEPTH     32

struct file_split {
    const char *path;
    int64_t offset, length, size;
};

enum file_mode { LINES, WHOLE, RECORDS };

struct files_node {
    struct hr_node node;
    struct hr_arena arena;
    HR_VEC(struct file_split) splits;
    enum file_mode mode;
    uint32_t record_bytes;
};

/* --- Listing ---------------------------------------------------------------------------------- */

struct lister {
    struct hr_env *env;
    struct hr_arena *arena;
    struct hr_found_files *found;
};

static bool is_glob(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (text[i] == '*' || text[i] == '?' || text[i] == '[') return true;
    return false;
}

static hr_status add_path(struct lister *l, const char *path, struct hr_err *err);

static hr_status add_folder(struct lister *l, const char *path, struct hr_err *err)
{
    char **names;
    uint32_t count;
    HR_TRY(hr_env_list_sorted(l->env, l->arena, path, &names, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        struct hr_file_info info;
        if (names[i][0] == '_' || names[i][0] == '.') continue;
        char *full = hr_arena_printf(l->arena, "%s/%s", path, names[i]);
        if (!full) return HR_OOM(err);
        HR_TRY(l->env->vt->stat(l->env, full, &info, err));
        if (!info.is_dir) HR_TRY(add_path(l, full, err));
    }
    return HR_OK;
}

static hr_status add_path(struct lister *l, const char *path, struct hr_err *err)
{
    struct hr_file_info info;
    HR_TRY(l->env->vt->stat(l->env, path, &info, err));
    if (info.is_dir) return add_folder(l, path, err);
    struct hr_found_file file = {path, info.size_bytes};
    return HR_VEC_PUSH(l->arena, &l->found->files, file) ? HR_OK : HR_OOM(err);
}

/* done is the part matched so far ("" or ends before a '/'), rest the pattern behind it. */
static hr_status expand(struct lister *l, const char *done, const char *rest, int depth,
                        struct hr_err *err)
{
    if (depth > GLOB_DEPTH) return HR_FAIL(err, HR_E_LIMIT, "a path of more than %d parts", depth);
    size_t len = strcspn(rest, "/");
    const char *behind = rest[len] ? rest + len + 1 : NULL;
    const char *slash = *done && strcmp(done, "/") != 0 ? "/" : "";
    if (!is_glob(rest, strlen(rest))) {
        char *path = hr_arena_printf(l->arena, "%s%s%s", done, slash, rest);
        if (!path) return HR_OOM(err);
        /* A folder without the rest's file is no match, and no error. */
        if (depth > 0 && !hr_env_exists(l->env, path)) return HR_OK;
        return add_path(l, path, err);
    }
    if (!is_glob(rest, len)) {
        const char *path = len == 0 && !*done
                               ? "/"
                               : hr_arena_printf(l->arena, "%s%s%.*s", done, slash, (int)len, rest);
        if (!path) return HR_OOM(err);
        return expand(l, path, behind, depth + 1, err);
    }
    char *pattern = hr_arena_strndup(l->arena, rest, len);
    char **names;
    uint32_t count;
    if (!pattern) return HR_OOM(err);
    if (hr_env_list_sorted(l->env, l->arena, *done ? done : ".", &names, &count, NULL) != HR_OK)
        return HR_OK;
    for (uint32_t i = 0; i < count; i++) {
        if (fnmatch(pattern, names[i], FNM_PERIOD) != 0 || names[i][0] == '_') continue;
        char *path = hr_arena_printf(l->arena, "%s%s%s", done, slash, names[i]);
        if (!path) return HR_OOM(err);
        HR_TRY(behind ? expand(l, path, behind, depth + 1, err) : add_path(l, path, err));
    }
    return HR_OK;
}

hr_status hr_files_find(struct hr_env *env, struct hr_arena *arena, const char *paths,
                        struct hr_found_files *ret, struct hr_err *err)
{
    struct lister l = {env, arena, ret};
    struct hr_text rest = hr_text(paths), path;
    while (hr_text_next_field(&rest, ',', &path)) {
        uint32_t before = ret->files.count;
        char *copy = hr_arena_strndup(arena, path.ptr, path.len);
        if (!copy) return HR_OOM(err);
        HR_TRY(expand(&l, "", copy, 0, err));
        if (ret->files.count == before && is_glob(copy, path.len))
            return HR_FAIL(err, HR_E_NOT_FOUND, "no file matches %s", copy);
    }
    return HR_OK;
}

/* --- Reading lines ---------------------------------------------------------------------------- */

struct lines_iter {
    struct hr_batch_iter base;
    const struct files_node *node;
    struct hr_env *env;
    const struct file_split *split;
    int fd;
    struct hr_unpack *packed; /* or NULL: not packed */
    int64_t pos;          /* of the next read, unpacked */
    struct hr_buffer
        *buf; /* bytes [at, end) are not handed out yet; file position of `end` is pos */
    size_t at, end;
    bool skip_first, eof;
    const volatile bool *cancelled;
};

/* Keeps the unread tail and reads more behind it. */
static hr_status read_more(struct lines_iter *it, struct hr_err *err)
{
    size_t tail = it->end - it->at, want = HR_MAX(BLOCK_BYTES, tail), got;
    HR_FAULT_POINT(HR_FAULT_SOURCE_READ, err);
    if (tail > LINE_MAX_BYTES)
        return HR_FAIL(err, HR_E_LIMIT, "%s: a line of more than 1 GiB", it->split->path);
    struct hr_buffer *buf = hr_buffer_new(tail + want);
    if (!buf) return HR_OOM(err);
    if (tail) memcpy(buf->data, it->buf->data + it->at, tail);
    hr_buffer_unref(it->buf);
    it->buf = buf;
    it->at = 0;
    it->end = tail;
    HR_TRY(it->packed
               ? hr_unpack_read(it->packed, buf->data + tail, want, &got, err)
               : it->env->vt->pread(it->env, it->fd, buf->data + tail, want, it->pos, &got, err));
    it->end += got;
    it->pos += (int64_t)got;
    it->eof = got == 0;
    return HR_OK;
}

/* The file position of the next line's start is within the split. */
static bool in_split(const struct lines_iter *it)
{
    int64_t start = it->pos - (int64_t)(it->end - it->at);
    return start < it->split->offset + it->split->length;
}

/* The next line of the buffer; false: more bytes are needed (or there are no more lines). */
static bool next_line(struct lines_iter *it, struct hr_str_view *ret)
{
    if (it->at == it->end || !in_split(it)) return false;
    const char *start = it->buf->data + it->at;
    size_t left = it->end - it->at;
    const char *nl = memchr(start, '\n', left);
    if (!nl && !it->eof) return false;
    size_t len = nl ? (size_t)(nl - start) : left;
    it->at += nl ? len + 1 : len;
    if (len && start[len - 1] == '\r') len--;
    *ret = hr_svn(start, len);
    return true;
}

static hr_status lines_batch(struct lines_iter *it, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_str_view line;
    if (!next_line(it, &line)) {
        *ret = NULL;
        return HR_OK;
    }
    struct hr_batch_builder bb;
    HR_TRY(hr_batch_builder_init(&bb, it->node->node.base.schema, 1024, NULL, err));
    uint32_t n = 0;
    do {
        if (it->skip_first)
            it->skip_first = false;
        else {
            hr_builder_str_shared(bb.columns[0], line);
            n++;
        }
    } while (n < HR_BATCH_ROWS && next_line(it, &line));
    struct hr_batch *batch;
    HR_TRY(hr_batch_builder_finish(&bb, &batch, err));
    if (!hr_batch_hold_buffer(batch, it->buf)) {
        hr_batch_unref(batch);
        return HR_OOM(err);
    }
    *ret = batch;
    return HR_OK;
}

static hr_status lines_next(struct hr_batch_iter *iter, struct hr_batch **ret, struct hr_err *err)
{
    struct lines_iter *it = (struct lines_iter *)iter;
    for (;;) {
        if (it->cancelled && __atomic_load_n(it->cancelled, __ATOMIC_RELAXED))
            return HR_RAISE(err, HR_E_CANCELLED);
        HR_TRY(lines_batch(it, ret, err));
        if (*ret && (*ret)->sel_count) return HR_OK;
        hr_batch_unref(*ret);
        *ret = NULL;
        if (it->eof || !in_split(it)) return HR_OK;
        HR_TRY(read_more(it, err));
    }
}

static void lines_close(struct hr_batch_iter *iter)
{
    struct lines_iter *it = (struct lines_iter *)iter;
    hr_unpack_free(it->packed);
    if (it->fd >= 0) HR_UNUSED(it->env->vt->close(it->env, it->fd, NULL));
    hr_buffer_unref(it->buf);
    hr_free(it);
}

/* --- Whole files and records ------------------------------------------------------------------ */

static hr_status read_all(struct hr_env *env, const struct file_split *split,
                          struct hr_buffer **ret, struct hr_err *err)
{
    int fd;
    size_t done = 0, got = 1;
    struct hr_buffer *buf = hr_buffer_new((size_t)split->length);
    if (!buf) return HR_OOM(err);
    hr_status status = env->vt->open(env, split->path, HR_OPEN_READ, &fd, err);
    if (status == HR_OK) {
        while (status == HR_OK && done < (size_t)split->length && got) {
            status = env->vt->pread(env, fd, buf->data + done, (size_t)split->length - done,
                                    split->offset + (int64_t)done, &got, err);
            if (status == HR_OK) done += got;
        }
        HR_UNUSED(env->vt->close(env, fd, NULL));
    }
    if (status == HR_OK && done < (size_t)split->length)
        status = HR_FAIL(err, HR_E_IO, "%s became shorter while it was read", split->path);
    if (status != HR_OK)
        hr_buffer_unref(buf);
    else
        *ret = buf;
    return status;
}

/* A packed file's bytes. */
static hr_status unpack_all(struct hr_unpack *packed, struct hr_buffer **ret,
                            size_t *ret_size, struct hr_err *err)
{
    struct hr_buf bytes = {0};
    hr_status status = HR_OK;
    while (!status && !hr_unpack_at_end(packed)) {
        size_t n;
        char *room = hr_buf_reserve(&bytes, BLOCK_BYTES);
        if (!room) break;
        status = hr_unpack_read(packed, room, BLOCK_BYTES, &n, err);
        if (!status) bytes.len += n;
    }
    if (!status) status = hr_buf_status(&bytes, err);
    if (!status && !(*ret = hr_buffer_new(bytes.len))) status = HR_OOM(err);
    if (!status && bytes.len) memcpy((*ret)->data, bytes.ptr, bytes.len);
    if (!status) *ret_size = bytes.len;
    hr_buf_done(&bytes);
    return status;
}

/* A whole file, unpacked by its name. */
static hr_status read_file(struct hr_env *env, const struct file_split *split,
                           struct hr_buffer **ret, size_t *ret_size, struct hr_err *err)
{
    int fd;
    struct hr_unpack *packed;
    *ret_size = (size_t)split->length;
    if (!hr_codec_packs(split->path)) return read_all(env, split, ret, err);
    HR_TRY(env->vt->open(env, split->path, HR_OPEN_READ, &fd, err));
    hr_status status = hr_unpack_new(env, fd, split->path, &packed, err);
    if (!status) {
        status = unpack_all(packed, ret, ret_size, err);
        hr_unpack_free(packed);
    }
    HR_UNUSED(env->vt->close(env, fd, NULL));
    return status;
}

static hr_status block_compute(const struct files_node *f, const struct file_split *split,
                               struct hr_batch_iter **ret, struct hr_err *err)
{
    struct hr_buffer *buf;
    struct hr_batch_builder bb;
    struct hr_batch *batch = NULL;
    size_t size = (size_t)split->length;
    struct hr_env *env = f->node.ctx->env;
    HR_TRY(f->mode == WHOLE ? read_file(env, split, &buf, &size, err)
                            : read_all(env, split, &buf, err));
    hr_status status = hr_batch_builder_init(&bb, f->node.base.schema, 64, NULL, err);
    if (status == HR_OK) {
        if (f->mode == WHOLE) {
            hr_builder_str(bb.columns[0], hr_sv(split->path));
            hr_builder_str_shared(bb.columns[1], hr_svn(buf->data, size));
        } else {
            for (int64_t at = 0; at < split->length; at += f->record_bytes)
                hr_builder_str_shared(bb.columns[0], hr_svn(buf->data + at, f->record_bytes));
        }
        status = hr_batch_builder_finish(&bb, &batch, err);
    }
    if (status == HR_OK && !hr_batch_hold_buffer(batch, buf)) {
        hr_batch_unref(batch);
        status = HR_OOM(err);
    }
    hr_buffer_unref(buf);
    return status == HR_OK ? hr_iter_of_batch(batch, ret, err) : status;
}

static hr_status files_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                               struct hr_batch_iter **ret, struct hr_err *err)
{
    const struct files_node *f = (const struct files_node *)rdd;
    const struct file_split *split = &f->splits.items[partition];
    if (f->mode != LINES) return block_compute(f, split, ret, err);
    struct lines_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->base = (struct hr_batch_iter){lines_next, lines_close};
    it->node = f;
    it->env = f->node.ctx->env;
    it->split = split;
    it->fd = -1;
    it->skip_first = split->offset > 0;
    it->pos = split->offset - (split->offset > 0);
    it->cancelled = ctx->cancelled;
    hr_status status = it->env->vt->open(it->env, split->path, HR_OPEN_READ, &it->fd, err);
    if (status == HR_OK && split->offset == 0)
        status = hr_unpack_new(it->env, it->fd, split->path, &it->packed, err);
    if (status != HR_OK) {
        lines_close(&it->base);
        return status;
    }
    *ret = &it->base;
    return HR_OK;
}
static const struct hr_rdd_vt files_vt = {"HadoopRDD", files_compute, NULL, hr_node_free};

/* --- Building --------------------------------------------------------------------------------- */

static void files_done(struct hr_node *node)
{
    hr_arena_done(&((struct files_node *)node)->arena);
}

static hr_status cut_file(struct files_node *f, const struct hr_found_file *file,
                          int64_t split_bytes, struct hr_err *err)
{
    bool packed = f->mode == LINES && hr_codec_packs(file->path);
    int64_t size = packed ? 0 : file->size_bytes; /* of what is packed it is not known */
    for (int64_t at = 0; at < size || (size == 0 && at == 0); at += split_bytes) {
        struct file_split split = {.path = file->path, .offset = at, .size = size};
        split.length = HR_MIN(split_bytes, size - at);
        /* What has no size may be no file (a pipe): reading it must say so, not give no rows. */
        if (size == 0 && f->mode == LINES) split.length = INT64_MAX / 2;
        if (!HR_VEC_PUSH(&f->arena, &f->splits, split)) return HR_OOM(err);
        if (size == 0) break;
    }
    return HR_OK;
}

static int64_t split_size(const struct hr_found_files *found, enum file_mode mode,
                          uint32_t partitions, uint32_t record_bytes)
{
    int64_t total = 0;
    for (uint32_t i = 0; i < found->files.count; i++) total += found->files.items[i].size_bytes;
    if (mode == WHOLE) return INT64_MAX;
    int64_t size = HR_MIN(SPLIT_BYTES, HR_MAX(INT64_C(1), total / HR_MAX(1u, partitions)));
    if (mode == RECORDS) size = HR_MAX(INT64_C(1), size / record_bytes) * record_bytes;
    return size;
}

static struct hr_rdd *files(struct hr_context *ctx, const char *paths, const char *ddl,
                            enum file_mode mode, uint32_t partitions, uint32_t record_bytes,
                            struct hr_err *err)
{
    const struct hr_type *schema;
    if (!ctx || hr_schema_from_ddl(ddl, &schema, err) != HR_OK) return NULL;
    struct files_node *f = hr_node_new(&(struct hr_node_spec){.vt = &files_vt,
                                                              .size = sizeof *f,
                                                              .pool = &ctx->pool,
                                                              .schema = schema,
                                                              .op_done = files_done},
                                       err);
    if (!f) return NULL;
    f->mode = mode;
    f->record_bytes = record_bytes;
    struct hr_found_files found = {0};
    if (hr_files_find(ctx->env, &f->arena, paths, &found, err) != HR_OK) return NULL;
    int64_t size = split_size(&found, mode, partitions ? partitions : HR_MIN(2u, ctx->parallelism),
                              record_bytes);
    for (uint32_t i = 0; i < found.files.count; i++) {
        const struct hr_found_file *file = &found.files.items[i];
        if (record_bytes && file->size_bytes % record_bytes) {
            HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s: %lld bytes are no multiple of %u",
                              file->path, (long long)file->size_bytes, record_bytes));
            return NULL;
        }
        if (cut_file(f, file, size, err) != HR_OK) return NULL;
    }
    f->node.base.partition_count = f->splits.count;
    return &f->node.base;
}

struct hr_rdd *hr_text_file(struct hr_context *ctx, const char *path, uint32_t partitions,
                            struct hr_err *err)
{
    return files(ctx, path, "value STRING", LINES, partitions, 0, err);
}

struct hr_rdd *hr_whole_text_files(struct hr_context *ctx, const char *path, uint32_t partitions,
                                   struct hr_err *err)
{
    return files(ctx, path, "path STRING, content STRING", WHOLE, partitions, 0, err);
}

struct hr_rdd *hr_binary_files(struct hr_context *ctx, const char *path, uint32_t partitions,
                               struct hr_err *err)
{
    return files(ctx, path, "path STRING, content BINARY", WHOLE, partitions, 0, err);
}

struct hr_rdd *hr_binary_records(struct hr_context *ctx, const char *path, uint32_t record_bytes,
                                 struct hr_err *err)
{
    if (record_bytes == 0) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "records of 0 bytes"));
        return NULL;
    }
    return files(ctx, path, "value BINARY", RECORDS, 0, record_bytes, err);
}

static hr_status add_file(struct files_node *f, const char *path, struct hr_err *err)
{
    struct hr_file_info info;
    HR_TRY(f->node.ctx->env->vt->stat(f->node.ctx->env, path, &info, err));
    struct file_split split = {.path = hr_arena_strdup(&f->arena, path), .size = info.size_bytes};
    if (!split.path) return HR_OOM(err);
    if (f->record_bytes && split.size % f->record_bytes)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s: %lld bytes are no multiple of %u", path,
                       (long long)split.size, f->record_bytes);
    int64_t unit = HR_MAX(1u, f->record_bytes);
    int64_t most = HR_MAX(INT64_C(1), SPLIT_BYTES / unit) * unit;
    for (; split.offset < split.size; split.offset += most) {
        split.length = HR_MIN(most, split.size - split.offset);
        if (!HR_VEC_PUSH(&f->arena, &f->splits, split)) return HR_OOM(err);
    }
    return HR_OK;
}

struct hr_rdd *hr_node_files(struct hr_pool *pool, const char *const *paths, uint32_t count,
                             const struct hr_type *schema, uint32_t record_bytes,
                             struct hr_err *err)
{
    struct files_node *f = hr_node_new(&(struct hr_node_spec){.vt = &files_vt,
                                                              .size = sizeof *f,
                                                              .pool = pool,
                                                              .schema = schema,
                                                              .op_done = files_done},
                                       err);
    if (!f) return NULL;
    f->mode = record_bytes ? RECORDS : LINES;
    f->record_bytes = record_bytes;
    for (uint32_t i = 0; i < count; i++)
        if (add_file(f, paths[i], err) != HR_OK) return NULL;
    f->node.base.partition_count = f->splits.count;
    return &f->node.base;
}
