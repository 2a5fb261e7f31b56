/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Object files: an RDD as files that any program can read back, and that a checkpoint stands on.
 *
 * A folder has a file for each partition, part-00000 …, and _SUCCESS when all are there. A file:
 *
 *   "hrobject" │ u32 version │ u32 length of the head │ u32 CRC32C of the head │ head
 *   head: u32 partition │ u32 partitions │ u32 key columns │ the schema as Spark's DDL
 *   batches as in column/batch_bytes.c: u32 length │ u32 CRC32C │ body
 *   u32 0xffffffff │ u32 CRC32C of what follows │ u64 batches │ u64 rows
 *
 * Numbers are little-endian. The end counts what is before it, so a file cut anywhere is found
 * damaged, as one with any byte changed. Bytes that are whole but wrong (made by someone else) are
 * checked before they are used: lengths against the file, offsets against their children.
 *
 * Memory: writing holds a partition's bytes, reading one batch. A file is written whole under
 * another name and renamed: a retry or a crash leaves no half file behind.
 */
#include "api/object_file.h"

#include <stdio.h>

#include "api/files.h"
#include "base/hash.h"
#include "column/type_parse.h"
#include "rdd/block_store.h"

#define MAGIC         "hrobject"
#define MAGIC_BYTES   8
#define VERSION       1u
#define FIXED_BYTES   (MAGIC_BYTES + 12)
#define HEAD_MAX      (1u << 20)
#define END_MARK      0xffffffffu
#define END_BYTES     24
#define PART_MAX      ((size_t)16 << 30)
#define PART_NAME_MAX 32

/* --- Folders ---------------------------------------------------------------------------------- */

static bool found_file(void *arg, const char *name)
{
    HR_UNUSED(name);
    *(bool *)arg = true;
    return false;
}

hr_status hr_output_folder(struct hr_env *env, const char *path, struct hr_err *err)
{
    bool used = false;
    if (hr_env_exists(env, path)) HR_TRY(env->vt->list(env, path, found_file, &used, err));
    if (used) return HR_FAIL(err, HR_E_EXISTS, "output folder %s exists and is not empty", path);
    return env->vt->mkdirs(env, path, err);
}

hr_status hr_output_done(struct hr_env *env, const char *path, struct hr_err *err)
{
    struct hr_buf name = {0};
    hr_buf_printf(&name, "%s/_SUCCESS", path);
    hr_status status = hr_buf_status(&name, err);
    if (status == HR_OK) status = hr_env_write_file(env, hr_buf_cstr(&name), "", 0, err);
    hr_buf_done(&name);
    return status;
}

/* --- Writing ---------------------------------------------------------------------------------- */

struct part {
    struct hr_buf bytes;
    uint64_t batches, rows;
};

struct saver {
    const struct hr_rdd *rdd;
    struct hr_env *env;
    const char *path;
    struct part *parts;
};

static void put_head(struct hr_buf *buf, const struct hr_rdd *rdd, uint32_t partition)
{
    struct hr_buf head = {0};
    hr_buf_put_u32(&head, partition);
    hr_buf_put_u32(&head, rdd->partition_count);
    hr_buf_put_u32(&head, hr_node_of(rdd)->key_columns);
    hr_type_print_sql(rdd->schema, &head);
    hr_buf_init(buf, PART_MAX);
    hr_buf_append(buf, MAGIC, MAGIC_BYTES);
    hr_buf_put_u32(buf, VERSION);
    hr_buf_put_u32(buf, (uint32_t)head.len);
    hr_buf_put_u32(buf, hr_crc32c(0, head.ptr, head.len));
    hr_buf_append(buf, head.ptr, head.len);
    buf->failed = buf->failed || head.failed;
    hr_buf_done(&head);
}

static void put_end(struct part *part)
{
    struct hr_buf end = {0};
    hr_buf_put_u64(&end, part->batches);
    hr_buf_put_u64(&end, part->rows);
    hr_buf_put_u32(&part->bytes, END_MARK);
    hr_buf_put_u32(&part->bytes, hr_crc32c(0, end.ptr, end.len));
    hr_buf_append(&part->bytes, end.ptr, end.len);
    part->bytes.failed = part->bytes.failed || end.failed;
    hr_buf_done(&end);
}

static hr_status save_batch(void *arg, uint32_t partition, uint32_t attempt, struct hr_batch *batch,
                            struct hr_err *err)
{
    struct saver *s = arg;
    struct part *part = &s->parts[partition];
    HR_UNUSED(attempt);
    if (!batch->sel_count) return HR_OK;
    if (!part->bytes.len) put_head(&part->bytes, s->rdd, partition);
    part->batches++;
    part->rows += batch->sel_count;
    return hr_batch_file_append(&part->bytes, batch, err);
}

static void save_reset(void *arg, uint32_t partition, uint32_t attempt)
{
    struct part *part = &((struct saver *)arg)->parts[partition];
    HR_UNUSED(attempt);
    hr_buf_done(&part->bytes);
    *part = (struct part){.rows = 0};
}

static hr_status save_finish(void *arg, uint32_t partition, uint32_t attempt, struct hr_err *err)
{
    struct saver *s = arg;
    struct part *part = &s->parts[partition];
    struct hr_buf name = {0};
    HR_UNUSED(attempt);
    if (!part->bytes.len) put_head(&part->bytes, s->rdd, partition);
    put_end(part);
    hr_buf_printf(&name, "%s/part-%05u", s->path, partition);
    hr_status status = hr_buf_status(&part->bytes, err);
    if (status == HR_OK) status = hr_buf_status(&name, err);
    if (status == HR_OK)
        status =
            hr_env_write_file(s->env, hr_buf_cstr(&name), part->bytes.ptr, part->bytes.len, err);
    hr_buf_done(&name);
    hr_buf_done(&part->bytes);
    part->bytes = (struct hr_buf){0};
    return status;
}

hr_status hr_object_save(struct hr_rdd *rdd, const char *path, const char *description,
                         uint64_t *ret_rows, struct hr_err *err)
{
    struct hr_context *ctx = hr_node_of(rdd)->ctx;
    uint32_t n = rdd->partition_count;
    struct saver s = {.rdd = rdd, .env = ctx->env, .path = path};
    HR_TRY(hr_output_folder(s.env, path, err));
    s.parts = hr_zalloc((n + 1) * sizeof *s.parts);
    if (!s.parts) return HR_OOM(err);
    struct hr_job_options job = {.consume = save_batch,
                                 .finish = save_finish,
                                 .reset = save_reset,
                                 .arg = &s,
                                 .description = description};
    hr_status status = hr_context_run(ctx, rdd, &job, err);
    /* What has no partitions still has a schema. */
    if (status == HR_OK && n == 0) status = save_finish(&s, 0, 0, err);
    uint64_t rows = 0;
    for (uint32_t i = 0; i < n; i++) {
        rows += s.parts[i].rows;
        hr_buf_done(&s.parts[i].bytes);
    }
    hr_free(s.parts);
    if (status == HR_OK) status = hr_output_done(s.env, path, err);
    if (status == HR_OK) *ret_rows = rows;
    return status;
}

hr_status hr_rdd_save_as_object_file(struct hr_rdd *rdd, const char *path, struct hr_err *err)
{
    if (!path) return hr_missing("no path", err);
    uint64_t rows;
    if (!rdd) return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
    return hr_object_save(rdd, path, "saveAsObjectFile", &rows, err);
}

/* --- Reading ---------------------------------------------------------------------------------- */

struct object_node {
    struct hr_node node;
    struct hr_arena arena;
    const char *folder; /* of a checkpoint; NULL: files by name */
    const struct hr_found_file *files;
};

struct object_iter {
    struct hr_batch_iter base;
    const struct object_node *node;
    const char *path;
    struct hr_env *env;
    int fd;
    int64_t pos, size;
    struct hr_buf buf;
    uint64_t batches, rows;
    bool ended;
};

struct object_head {
    uint32_t partition, partitions, key_columns;
    struct hr_str_view ddl; /* in the iterator's buffer */
};

static hr_status damaged(const char *path, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_FILE_DAMAGED, "path", path, "why", why);
}

/* The next size bytes, behind what is in the buffer. */
static hr_status get(struct object_iter *it, size_t size, struct hr_err *err)
{
    if ((int64_t)size > it->size - it->pos) return damaged(it->path, "it ends too early", err);
    char *to = hr_buf_reserve(&it->buf, size);
    if (!to) return hr_buf_status(&it->buf, err);
    for (size_t at = 0, got; at < size; at += got) {
        HR_TRY(it->env->vt->pread(it->env, it->fd, to + at, size - at, it->pos, &got, err));
        if (!got) return damaged(it->path, "it became shorter while it was read", err);
        it->pos += (int64_t)got;
    }
    it->buf.len += size;
    return HR_OK;
}

static hr_status read_head(struct object_iter *it, struct object_head *ret, struct hr_err *err)
{
    HR_TRY(get(it, FIXED_BYTES, err));
    if (memcmp(it->buf.ptr, MAGIC, MAGIC_BYTES) != 0)
        return damaged(it->path, "it is no object file", err);
    struct hr_reader r = hr_reader(it->buf.ptr + MAGIC_BYTES, FIXED_BYTES - MAGIC_BYTES);
    uint32_t version = hr_get_u32(&r), length = hr_get_u32(&r), crc = hr_get_u32(&r);
    if (version != VERSION) return damaged(it->path, "its version is not known", err);
    if (length < 12 || length > HEAD_MAX) return damaged(it->path, "its head is too long", err);
    hr_buf_clear(&it->buf);
    HR_TRY(get(it, length, err));
    if (hr_crc32c(0, it->buf.ptr, length) != crc)
        return damaged(it->path, "its head has another checksum", err);
    r = hr_reader(it->buf.ptr, length);
    ret->partition = hr_get_u32(&r);
    ret->partitions = hr_get_u32(&r);
    ret->key_columns = hr_get_u32(&r);
    ret->ddl = hr_svn((const char *)r.pos, (size_t)(r.end - r.pos));
    return HR_OK;
}

static hr_status open_file(struct object_iter *it, struct hr_err *err)
{
    struct hr_file_info info;
    it->fd = -1;
    hr_buf_init(&it->buf, (size_t)5 << 30);
    hr_status status = it->env->vt->stat(it->env, it->path, &info, err);
    if (status == HR_OK) status = it->env->vt->open(it->env, it->path, HR_OPEN_READ, &it->fd, err);
    /* Not to be tried again: what was written before is gone. */
    if (status == HR_E_NOT_FOUND) return damaged(it->path, "it is missing", err);
    if (status == HR_OK) it->size = info.size_bytes;
    return status;
}

static void close_file(struct object_iter *it)
{
    if (it->fd >= 0) HR_UNUSED(it->env->vt->close(it->env, it->fd, NULL));
    hr_buf_done(&it->buf);
}

static hr_status read_end(struct object_iter *it, uint32_t crc, struct hr_err *err)
{
    hr_buf_clear(&it->buf);
    HR_TRY(get(it, END_BYTES - 8, err));
    struct hr_reader r = hr_reader(it->buf.ptr, END_BYTES - 8);
    if (hr_crc32c(0, it->buf.ptr, END_BYTES - 8) != crc)
        return damaged(it->path, "its end has another checksum", err);
    uint64_t batches = hr_get_u64(&r), rows = hr_get_u64(&r);
    if (batches != it->batches || rows != it->rows || it->pos != it->size)
        return damaged(it->path, "it has other rows than its end says", err);
    it->ended = true;
    return HR_OK;
}

static hr_status object_next(struct hr_batch_iter *base, struct hr_batch **ret, struct hr_err *err)
{
    struct object_iter *it = (struct object_iter *)base;
    struct hr_err why = {0};
    *ret = NULL;
    if (it->ended) return HR_OK;
    hr_buf_clear(&it->buf);
    HR_TRY(get(it, 8, err));
    struct hr_reader r = hr_reader(it->buf.ptr, 8);
    uint32_t length = hr_get_u32(&r), crc = hr_get_u32(&r);
    if (length == END_MARK) return read_end(it, crc, err);
    HR_TRY(get(it, length, err));
    r = hr_reader(it->buf.ptr, it->buf.len);
    struct hr_batch *batch = NULL;
    hr_status status = hr_batch_file_next(&r, it->node->node.base.schema, NULL, &batch, &why);
    if (status == HR_OK) status = hr_batch_verify(batch, &why);
    if (status != HR_OK) {
        hr_batch_unref(batch);
        if (status != HR_E_OOM) return damaged(it->path, why.msg, err);
        if (err) hr_err_copy(err, &why);
        return status;
    }
    it->batches++;
    it->rows += batch->sel_count;
    *ret = batch;
    return HR_OK;
}

static void object_close(struct hr_batch_iter *base)
{
    close_file((struct object_iter *)base);
    hr_free(base);
}

/* The file is of this RDD's rows. */
static hr_status check_head(struct object_iter *it, const struct hr_rdd *rdd, struct hr_err *err)
{
    struct object_head head;
    struct hr_buf ddl = {0};
    HR_TRY(read_head(it, &head, err));
    hr_type_print_sql(rdd->schema, &ddl);
    bool same = hr_sv_eq(head.ddl, hr_svn(ddl.ptr, ddl.len));
    hr_status status = hr_buf_status(&ddl, err);
    hr_buf_done(&ddl);
    if (status != HR_OK || same) return status;
    return damaged(it->path, "its columns are not those of the other files", err);
}

static hr_status object_compute(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                struct hr_batch_iter **ret, struct hr_err *err)
{
    struct object_node *node = (struct object_node *)rdd;
    struct object_iter *it = hr_zalloc(sizeof *it);
    HR_UNUSED(ctx);
    if (!it) return HR_OOM(err);
    it->base = (struct hr_batch_iter){object_next, object_close};
    it->node = node;
    it->env = node->node.ctx->env;
    it->path = node->files[partition].path;
    hr_status status = open_file(it, err);
    if (status == HR_OK) status = check_head(it, rdd, err);
    if (status != HR_OK) {
        object_close(&it->base);
        return status;
    }
    *ret = &it->base;
    return HR_OK;
}
static const struct hr_rdd_vt object_vt = {"ObjectFileRDD", object_compute, NULL, hr_node_free};
static const struct hr_rdd_vt checkpoint_vt = {"ReliableCheckpointRDD", object_compute, NULL,
                                               hr_node_free};

const char *hr_object_folder(const struct hr_rdd *rdd)
{
    return rdd->vt == &checkpoint_vt ? ((const struct object_node *)rdd)->folder : NULL;
}

/* --- Building --------------------------------------------------------------------------------- */

static void object_done(struct hr_node *node)
{
    hr_arena_done(&((struct object_node *)node)->arena);
}

static struct object_node *object_node(struct hr_pool *pool, const struct hr_rdd_vt *vt,
                                       const struct hr_type *schema, uint32_t partitions,
                                       uint32_t key_columns, struct hr_err *err)
{
    return hr_node_new(&(struct hr_node_spec){.vt = vt,
                                              .size = sizeof(struct object_node),
                                              .pool = pool,
                                              .schema = schema,
                                              .partitions = partitions,
                                              .key_columns = key_columns,
                                              .op_done = object_done},
                       err);
}

struct hr_rdd *hr_object_parts(struct hr_pool *pool, const char *path, uint32_t count,
                               const struct hr_type *schema, struct hr_err *err)
{
    struct object_node *node = object_node(pool, &checkpoint_vt, schema, count, 1, err);
    if (!node) return NULL;
    struct hr_found_file *files = HR_NEW_ARRAY(&node->arena, struct hr_found_file, count + 1);
    node->folder = hr_arena_strdup(&node->arena, path);
    bool ok = files && node->folder;
    for (uint32_t i = 0; ok && i < count; i++) {
        files[i].path = hr_arena_printf(&node->arena, "%s/part-%05u", path, i);
        ok = files[i].path != NULL;
    }
    node->files = files;
    if (ok) return &node->node.base;
    HR_UNUSED(HR_OOM(err));
    return NULL;
}

/* What a file says of the whole: its schema, key and how many parts there are. */
static hr_status look_at(struct hr_env *env, const char *path, const struct hr_type **ret_schema,
                         struct object_head *ret, struct hr_err *err)
{
    struct object_iter it = {.env = env, .path = path};
    struct hr_err why = {0};
    hr_status status = open_file(&it, err);
    if (status == HR_OK) status = read_head(&it, ret, err);
    if (status == HR_OK && hr_schema_parse(ret->ddl, ret_schema, &why) != HR_OK)
        status = damaged(path, why.msg, err);
    if (status == HR_OK &&
        ((*ret_schema)->field_count == 0 || ret->key_columns > (*ret_schema)->field_count))
        status = damaged(path, "its head is wrong", err);
    close_file(&it);
    return status;
}

/* A folder has all of its parts. */
static hr_status check_count(struct hr_env *env, const char *path, uint32_t found, uint32_t wanted,
                             struct hr_err *err)
{
    struct hr_file_info info;
    char why[64];
    if (strchr(path, ',') || env->vt->stat(env, path, &info, NULL) != HR_OK || !info.is_dir)
        return HR_OK;
    if (found == HR_MAX(wanted, 1u)) return HR_OK;
    snprintf(why, sizeof why, "%u of its %u parts are there", found, HR_MAX(wanted, 1u));
    return damaged(path, why, err);
}

struct hr_rdd *hr_object_file(struct hr_context *ctx, const char *path, struct hr_err *err)
{
    struct hr_arena arena = {0};
    struct hr_found_files found = {0};
    struct object_head head = {0};
    const struct hr_type *schema = NULL;
    struct object_node *node = NULL;
    if (!ctx) return NULL;
    hr_status status = hr_files_find(ctx->env, &arena, path, &found, err);
    if (status == HR_OK && !found.files.count)
        status = HR_FAIL(err, HR_E_NOT_FOUND, "no object file in %s", path);
    if (status == HR_OK) status = look_at(ctx->env, found.files.items[0].path, &schema, &head, err);
    if (status == HR_OK)
        status = check_count(ctx->env, path, found.files.count, head.partitions, err);
    if (status == HR_OK)
        node = object_node(&ctx->pool, &object_vt, schema, head.partitions ? found.files.count : 0,
                           head.key_columns, err);
    if (!node) {
        hr_arena_done(&arena);
        return NULL;
    }
    node->arena = arena;
    node->files = found.files.items;
    return &node->node.base;
}
