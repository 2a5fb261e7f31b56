/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a file whose format reads it by itself (struct hr_container_vt): here the file is opened,
 * and what is common to all files' readers is done: a file that is gone, damage, cancelling.
 */
#include "base/fault.h"
#include "connector/file/file.h"
#include "format/bound.h"

struct container_reader {
    struct hr_scan_reader base;
    const struct hr_container_vt *vt;
    struct hr_format_reader *reader; /* NULL: no rows */
    struct hr_format_file file;
    struct hr_arena arena; /* path, bounds */
    const volatile bool *cancelled;
    bool ignore_corrupt;
};

static void close_file(struct hr_format_file *file)
{
    if (file->fd >= 0 && file->env->vt->close(file->env, file->fd, NULL)) file->fd = -1;
}

static void reader_close(struct hr_scan_reader *base)
{
    struct container_reader *r = HR_CONTAINER_OF(base, struct container_reader, base);
    if (r->reader) r->vt->reader_close(r->reader);
    close_file(&r->file);
    hr_arena_done(&r->arena);
    hr_free(r);
}

/* Its rest is left out, as of a stream of bytes: whole batches in front of the damage stay. */
static hr_status or_ignore(struct container_reader *r, hr_status status, struct hr_err *err)
{
    if (!hr_file_ignores(r->ignore_corrupt, status == HR_E_FILE_DAMAGED, r->file.path, err))
        return status;
    if (r->reader) r->vt->reader_close(r->reader);
    r->reader = NULL;
    return HR_OK;
}

static hr_status reader_next(struct hr_scan_reader *base, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct container_reader *r = HR_CONTAINER_OF(base, struct container_reader, base);
    struct hr_batch *batch = NULL;
    if (r->cancelled && __atomic_load_n(r->cancelled, __ATOMIC_RELAXED))
        return HR_RAISE(err, HR_E_CANCELLED);
    HR_FAULT_POINT(HR_FAULT_SOURCE_READ, err);
    if (r->reader) HR_TRY(or_ignore(r, r->vt->next(r->reader, &batch, err), err));
    *ret = batch;
    return HR_OK;
}

static hr_status open_file(struct hr_format_file *file, bool ignore_missing, struct hr_err *err)
{
    struct hr_file_info info;
    HR_TRY(hr_file_open(file->env, file->path, ignore_missing, &file->fd, err));
    if (file->fd < 0) return HR_OK;
    HR_TRY(file->env->vt->stat(file->env, file->path, &info, err));
    file->size = info.size_bytes;
    file->mtime_us = info.mtime_us;
    return HR_OK;
}

static hr_status open_range(struct container_reader *r, const struct file_read *read,
                            struct hr_err *err)
{
    const struct hr_scan_spec *spec = read->spec;
    struct hr_format_args args = hr_file_reader_args(read);
    HR_TRY(open_file(&r->file, read->ignore_missing, err));
    if (r->file.fd < 0) return HR_OK;
    HR_TRY(hr_bounds_of(&r->arena, spec->filters, spec->filter_count, read->filters_over,
                        spec->schema, &args.bounds, &args.bound_count, err));
    int64_t end = read->split->whole ? r->file.size : read->split->end;
    return or_ignore(
        r, r->vt->reader_open(&args, &r->file, read->split->start, end, &r->reader, err), err);
}

hr_status hr_file_container_open(const struct file_read *read, struct hr_scan_reader **ret,
                                 struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {reader_next, reader_close};
    struct container_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    r->base.vt = &vt;
    r->vt = read->format->container;
    r->cancelled = read->spec->cancelled;
    r->ignore_corrupt = read->ignore_corrupt;
    hr_arena_init(&r->arena, NULL);
    r->file = (struct hr_format_file){.env = read->env, .fd = -1};
    r->file.path = hr_arena_strdup(&r->arena, read->split->path);
    hr_status status = r->file.path ? open_range(r, read, err) : HR_OOM(err);
    if (status) {
        reader_close(&r->base);
        return status;
    }
    *ret = &r->base;
    return HR_OK;
}

hr_status hr_file_container_infer(struct hr_env *env, const struct hr_format_vt *format,
                                  const struct hr_format_args *args, const char *path,
                                  const struct hr_type **ret, struct hr_err *err)
{
    struct hr_format_file file = {.env = env, .fd = -1, .path = path};
    assert(format->container->infer);
    hr_status status = open_file(&file, false, err);
    if (!status) status = format->container->infer(args, &file, ret, err);
    close_file(&file);
    return status;
}
