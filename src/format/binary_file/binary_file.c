/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Spark's binaryFile: a row a file, with its name, time, size and bytes. The smallest container: it
 * shows what one is given (a file, the wanted columns, bounds) and what it owes (every row in one
 * range only). The bytes are read only when the column is asked for, into a buffer of the batch.
 */
#include <stdio.h>

#include "column/builder.h"
#include "column/type_parse.h"
#include "format/bound.h"
#include "format/format.h"

#define COLUMNS "path STRING, modificationTime TIMESTAMP, length BIGINT, content BINARY"
enum { PATH, MODIFICATION_TIME, LENGTH, CONTENT };
#define LENGTH_MAX INT32_MAX /* of a value */

struct binary_reader {
    struct hr_format_reader base;
    const struct hr_format_file *file;
    const struct hr_type *own, *wanted;
    struct hr_mem *mem;
    bool done;
};

static hr_status binary_check(const struct hr_type *schema, bool writing, struct hr_err *err)
{
    const struct hr_type *own;
    if (writing) return HR_RAISE(err, HR_E_WRITE_FOR_BINARY_SOURCE);
    HR_TRY(hr_schema_parse(hr_sv(COLUMNS), &own, err));
    bool same = schema->field_count == own->field_count;
    for (uint32_t i = 0; same && i < own->field_count; i++)
        same = schema->fields[i].type == own->fields[i].type &&
               hr_str_eq_nocase(schema->fields[i].name, own->fields[i].name);
    if (same) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "binaryFile has the columns %s", COLUMNS);
}

/* Spark's times of files are of whole milliseconds. */
static int64_t millis(const struct hr_format_file *file)
{
    return file->mtime_us / 1000 * 1000;
}

/* Can the file's row be one of those asked for? */
static bool is_asked(const struct hr_format_args *args, const struct hr_format_file *file)
{
    for (uint32_t i = 0; i < args->bound_count; i++) {
        const struct hr_bound *bound = &args->bounds[i];
        const char *name = args->wanted->fields[bound->column].name;
        int64_t value = file->size;
        struct hr_column column = {.type = args->wanted->fields[bound->column].type, .length = 1,
                                   .values = &value};
        struct hr_bound_range range = {.min = &column, .max = &column, .no_nulls = true};
        if (hr_str_eq_nocase(name, "modificationTime"))
            value = millis(file);
        else if (!hr_str_eq_nocase(name, "length"))
            range.min = range.max = NULL;
        if (!hr_bound_may_hold(bound, &range)) return false;
    }
    return true;
}

static hr_status binary_open(const struct hr_format_args *args, const struct hr_format_file *file,
                             int64_t start, int64_t end, struct hr_format_reader **ret,
                             struct hr_err *err)
{
    HR_UNUSED(end);
    struct binary_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    r->file = file;
    r->wanted = args->wanted;
    r->mem = args->mem;
    r->done = start > 0 || !is_asked(args, file); /* the row begins at 0 */
    hr_status status = hr_schema_parse(hr_sv(COLUMNS), &r->own, err);
    if (status)
        hr_free(r);
    else
        *ret = &r->base;
    return status;
}

static hr_status read_content(struct binary_reader *r, struct hr_batch *batch,
                              struct hr_builder *to, struct hr_err *err)
{
    const struct hr_format_file *file = r->file;
    if (file->size > LENGTH_MAX)
        return HR_FAIL(err, HR_E_LIMIT, "%s: a value has at most %d bytes, the file has %lld",
                       file->path, LENGTH_MAX, (long long)file->size);
    struct hr_buffer *buffer = hr_buffer_new((size_t)file->size + 1);
    if (!buffer) return HR_OOM(err);
    size_t at = 0, n = 1;
    hr_status status = HR_OK;
    while (!status && n && at < (size_t)file->size) {
        status = file->env->vt->pread(file->env, file->fd, buffer->data + at,
                                      (size_t)file->size - at, (int64_t)at, &n, err);
        if (!status) at += n;
    }
    if (!status && !hr_batch_hold_buffer(batch, buffer)) status = HR_OOM(err);
    if (!status) hr_builder_str_shared(to, hr_svn(buffer->data, at));
    hr_buffer_unref(buffer);
    return status;
}

/* As Hadoop writes a local file's name. */
static void put_path(const char *path, struct hr_builder *to, struct hr_arena *arena)
{
    const char *uri = hr_arena_printf(arena, "file:%s", path);
    if (uri)
        hr_builder_str(to, hr_sv(uri));
    else
        to->failed = true;
}

static hr_status put_column(struct binary_reader *r, uint32_t i, struct hr_batch *batch,
                            struct hr_err *err)
{
    const struct hr_field *field = &r->wanted->fields[i];
    struct hr_builder *to = hr_builder_new(&batch->arena, field->type, 1);
    if (!to) return HR_OOM(err);
    switch (hr_type_field_index(r->own, hr_sv(field->name))) {
    case PATH: put_path(r->file->path, to, &batch->arena); break;
    case MODIFICATION_TIME: hr_builder_i64(to, millis(r->file)); break;
    case LENGTH: hr_builder_i64(to, r->file->size); break;
    case CONTENT: HR_TRY(read_content(r, batch, to, err)); break;
    default: return HR_BUG(err, "no column of binaryFile: %s", field->name);
    }
    return hr_builder_finish(to, &batch->columns[i], err);
}

static hr_status binary_next(struct hr_format_reader *base, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct binary_reader *r = HR_CONTAINER_OF(base, struct binary_reader, base);
    *ret = NULL;
    if (r->done) return HR_OK;
    r->done = true;
    struct hr_batch *batch = hr_batch_new(r->wanted, 1, r->mem);
    hr_status status = batch ? HR_OK : HR_OOM(err);
    for (uint32_t i = 0; !status && i < r->wanted->field_count; i++)
        status = put_column(r, i, batch, err);
    if (status)
        hr_batch_unref(batch);
    else
        *ret = batch;
    return status;
}

static void binary_close(struct hr_format_reader *base)
{
    hr_free(HR_CONTAINER_OF(base, struct binary_reader, base));
}

static const struct hr_container_vt container = {
    .reader_open = binary_open,
    .next = binary_next,
    .reader_close = binary_close,
};

const struct hr_format_vt hr_format_binary_file = {
    .name = "binaryFile",
    .file_extension = "",
    .columns = COLUMNS,
    .check = binary_check,
    .container = &container,
};
