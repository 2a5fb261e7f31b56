/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Headrace's own files: batches as they are in memory, so that every type, NULL and nested value
 * comes back as it was.
 *
 *   "HRTABLE1" │ u32 length, u32 CRC32C of the columns' text │ that text: STRUCT<…>
 *   batches (column/batch_bytes.c): u32 length │ u32 CRC32C │ body
 *   u64 0: the end, without which the file is damaged
 *
 * A file tells its own columns: what is asked for is found by name, and NULL where a file is older
 * than the column.
 */
#include "base/hash.h"
#include "column/batch_bytes.h"
#include "column/type_parse.h"
#include "format/format.h"

#define MAGIC       "HRTABLE1"
#define MAGIC_BYTES 8
#define HEAD_BYTES  (MAGIC_BYTES + 8)
#define NO_COLUMN   UINT32_MAX

struct block_reader {
    struct hr_format_reader base;
    struct hr_arena arena;
    const struct hr_format_file *file;
    const struct hr_type *own, *wanted;
    uint32_t *columns; /* of each wanted column: which of the file's, or NO_COLUMN */
    int64_t at, start, end;
    struct hr_mem *mem;
    struct hr_buf bytes;
};

struct block_encoder {
    struct hr_encoder base;
    const struct hr_type *schema;
};

static hr_status damaged(const struct hr_format_file *file, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_FILE_DAMAGED, "path", file->path, "why", why);
}

/* Exactly size bytes. */
static hr_status read_at(const struct hr_format_file *file, int64_t offset, void *to, size_t size,
                         struct hr_err *err)
{
    size_t done = 0, n = 1;
    while (done < size && n) {
        HR_TRY(file->env->vt->pread(file->env, file->fd, (char *)to + done, size - done,
                                    offset + (int64_t)done, &n, err));
        done += n;
    }
    return done == size ? HR_OK : damaged(file, "it ends too early", err);
}

/* The columns, and where the first batch begins. */
static hr_status read_head(const struct hr_format_file *file, const struct hr_type **ret,
                           int64_t *ret_end, struct hr_err *err)
{
    char head[HEAD_BYTES];
    struct hr_buf text = {0};
    HR_TRY(read_at(file, 0, head, sizeof head, err));
    if (memcmp(head, MAGIC, MAGIC_BYTES) != 0)
        return damaged(file, "it is no file of this format", err);
    struct hr_reader r = hr_reader(head + MAGIC_BYTES, 8);
    uint32_t len = hr_get_u32(&r), crc = hr_get_u32(&r);
    if (len > file->size - HEAD_BYTES) return damaged(file, "its head is cut", err);
    char *room = hr_buf_reserve(&text, len + 1);
    hr_status status = room ? read_at(file, HEAD_BYTES, room, len, err) : HR_OOM(err);
    if (!status && hr_crc32c(0, room, len) != crc)
        status = damaged(file, "its head has another checksum", err);
    if (!status) status = hr_schema_parse(hr_svn(room, len), ret, err);
    hr_buf_done(&text);
    *ret_end = HEAD_BYTES + (int64_t)len;
    return status;
}

static hr_status block_infer(const struct hr_format_args *args, const struct hr_format_file *file,
                             const struct hr_type **ret, struct hr_err *err)
{
    int64_t end;
    HR_UNUSED(args);
    return read_head(file, ret, &end, err);
}

static hr_status find_columns(struct block_reader *r, struct hr_err *err)
{
    r->columns = HR_NEW_ARRAY(&r->arena, uint32_t, r->wanted->field_count + 1);
    if (!r->columns) return HR_OOM(err);
    for (uint32_t i = 0; i < r->wanted->field_count; i++) {
        const struct hr_field *field = &r->wanted->fields[i];
        int32_t at = hr_type_field_index(r->own, hr_sv(field->name));
        r->columns[i] = at < 0 ? NO_COLUMN : (uint32_t)at;
        if (at < 0 || hr_type_same(r->own->fields[at].type, field->type)) continue;
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "%s: column %s is %s in the file and %s in the table", r->file->path,
                       field->name, hr_type_simple(&r->arena, r->own->fields[at].type),
                       hr_type_simple(&r->arena, field->type));
    }
    return HR_OK;
}

static void block_close(struct hr_format_reader *base)
{
    struct block_reader *r = HR_CONTAINER_OF(base, struct block_reader, base);
    hr_buf_done(&r->bytes);
    hr_arena_done(&r->arena);
    hr_free(r);
}

static hr_status block_open(const struct hr_format_args *args, const struct hr_format_file *file,
                            int64_t start, int64_t end, struct hr_format_reader **ret,
                            struct hr_err *err)
{
    struct block_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    hr_arena_init(&r->arena, NULL);
    hr_buf_init(&r->bytes, SIZE_MAX);
    r->file = file;
    r->wanted = args->wanted ? args->wanted : args->schema;
    r->mem = args->mem;
    r->start = start;
    r->end = end;
    hr_status status = read_head(file, &r->own, &r->at, err);
    if (!status) status = find_columns(r, err);
    if (status)
        block_close(&r->base);
    else
        *ret = &r->base;
    return status;
}

/* The wanted columns of a batch of the file's. */
static hr_status choose(struct block_reader *r, struct hr_batch *all, struct hr_batch **ret,
                        struct hr_err *err)
{
    struct hr_batch *out = hr_batch_new(r->wanted, all->row_count, r->mem);
    if (!out) return HR_OOM(err);
    hr_status status = hr_batch_hold_batch(out, all) ? HR_OK : HR_OOM(err);
    for (uint32_t i = 0; !status && i < r->wanted->field_count; i++) {
        if (r->columns[i] == NO_COLUMN) {
            status = hr_column_nulls(&out->arena, r->wanted->fields[i].type, all->row_count,
                                     &out->columns[i], err);
        } else {
            out->columns[i] = all->columns[r->columns[i]];
            out->columns[i].type = r->wanted->fields[i].type;
        }
    }
    if (status)
        hr_batch_unref(out);
    else
        *ret = out;
    return status;
}

static hr_status read_block(struct block_reader *r, size_t size, struct hr_batch **ret,
                            struct hr_err *err)
{
    struct hr_batch *all = NULL;
    hr_buf_clear(&r->bytes);
    char *room = hr_buf_reserve(&r->bytes, size);
    if (!room) return HR_OOM(err);
    HR_TRY(read_at(r->file, r->at, room, size, err));
    struct hr_reader bytes = hr_reader(room, size);
    hr_status status = hr_batch_file_next(&bytes, r->own, r->mem, &all, err);
    if (status == HR_E_IO) return damaged(r->file, "a block of it has another checksum", err);
    HR_TRY(status);
    if (!all) return damaged(r->file, "a block of it is empty", err);
    status = choose(r, all, ret, err);
    hr_batch_unref(all);
    return status;
}

static hr_status block_next(struct hr_format_reader *base, struct hr_batch **ret,
                            struct hr_err *err)
{
    struct block_reader *r = HR_CONTAINER_OF(base, struct block_reader, base);
    *ret = NULL;
    while (r->at < r->end) {
        char head[8];
        HR_TRY(read_at(r->file, r->at, head, sizeof head, err));
        struct hr_reader bytes = hr_reader(head, sizeof head);
        uint32_t body = hr_get_u32(&bytes), crc = hr_get_u32(&bytes);
        if (body == 0 && crc == 0) {
            r->at = r->file->size;
            return HR_OK;
        }
        size_t size = (size_t)body + sizeof head;
        if ((int64_t)size > r->file->size - r->at) return damaged(r->file, "it is cut", err);
        if (r->at >= r->start) HR_TRY(read_block(r, size, ret, err));
        r->at += (int64_t)size;
        if (*ret) return HR_OK;
    }
    if (r->at >= r->file->size) return damaged(r->file, "its end is missing", err);
    return HR_OK;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static hr_status encoder_open(const struct hr_format_args *args, struct hr_encoder **ret,
                              struct hr_err *err)
{
    if (!args->file)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "separate records of format headrace");
    struct block_encoder *e = hr_zalloc(sizeof *e);
    if (!e) return HR_OOM(err);
    e->schema = args->schema;
    *ret = &e->base;
    return HR_OK;
}

static hr_status encode_head(struct hr_encoder *base, struct hr_buf *out, struct hr_err *err)
{
    const struct block_encoder *e = HR_CONTAINER_OF(base, struct block_encoder, base);
    struct hr_buf text = {0};
    hr_type_print_sql(e->schema, &text);
    hr_status status = hr_buf_status(&text, err);
    hr_buf_append(out, MAGIC, MAGIC_BYTES);
    hr_buf_put_u32(out, (uint32_t)text.len);
    hr_buf_put_u32(out, hr_crc32c(0, text.ptr, text.len));
    hr_buf_append(out, text.ptr, text.len);
    hr_buf_done(&text);
    return status ? status : hr_buf_status(out, err);
}

static hr_status encode(struct hr_encoder *base, const struct hr_batch *batch, struct hr_buf *out,
                        uint64_t *ret_ends, struct hr_err *err)
{
    HR_UNUSED(base);
    if (ret_ends) return HR_BUG(err, "format headrace has no separate records");
    return hr_batch_file_append(out, batch, err);
}

static hr_status encode_end(struct hr_encoder *base, struct hr_buf *out, struct hr_err *err)
{
    HR_UNUSED(base);
    hr_buf_put_u64(out, 0);
    return hr_buf_status(out, err);
}

static void encoder_close(struct hr_encoder *base)
{
    hr_free(HR_CONTAINER_OF(base, struct block_encoder, base));
}

static bool any_range(const struct hr_options *options)
{
    HR_UNUSED(options);
    return true;
}

static const struct hr_container_vt container = {
    .infer = block_infer,
    .reader_open = block_open,
    .next = block_next,
    .reader_close = block_close,
};

const struct hr_format_vt hr_format_headrace = {
    .name = "headrace",
    .file_extension = ".hrt",
    .splits = any_range,
    .container = &container,
    .encoder_open = encoder_open,
    .begin = encode_head,
    .encode = encode,
    .end = encode_end,
    .encoder_close = encoder_close,
};
