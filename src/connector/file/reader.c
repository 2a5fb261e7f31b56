/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a byte range of a file: the lines that begin in it. Blocks of 1 MiB are read into buffers
 * of their own, which the batches then keep; bytes.c unpacks and converts on the way.
 */
#include "base/codec.h"
#include "base/fault.h"
#include "base/log.h"
#include "connector/file/file.h"

#define BLOCK_BYTES (1 << 20)

struct file_reader {
    struct hr_scan_reader base;
    struct hr_env *env;
    const struct hr_format_vt *format;
    struct hr_decoder *decoder;
    const volatile bool *cancelled;
    char *path;
    int fd;
    int64_t pos, end;  /* next byte to read; where the range ends */
    bool skip_line;    /* the range begins inside a line of the one before */
    bool at_end;       /* the last block was fed */
    bool whole;        /* the range is the whole file */
    bool ignore_corrupt;
    struct file_bytes *bytes;
};

static void reader_close(struct hr_scan_reader *base)
{
    struct file_reader *r = HR_CONTAINER_OF(base, struct file_reader, base);
    if (r->decoder) r->format->decoder_close(r->decoder);
    if (r->fd >= 0 && r->env->vt->close(r->env, r->fd, NULL)) r->fd = -1; /* only read */
    hr_file_bytes_close(r->bytes);
    hr_free(r->path);
    hr_free(r);
}

/* The next bytes of the range: to its end, then on to the end of the line that crosses it. */
static hr_status read_block(struct file_reader *r, struct hr_buffer *buffer, size_t *ret_size,
                            bool *ret_last, struct hr_err *err)
{
    HR_TRY(hr_file_bytes_read(r->bytes, buffer->data, BLOCK_BYTES, ret_size, ret_last, err));
    size_t n = *ret_size;
    if (r->whole || *ret_last) return HR_OK;
    /* A line belongs to the range that its first byte is in. */
    if (r->pos + (int64_t)n >= r->end) {
        int64_t from = HR_MAX(r->end - 1, r->pos);
        char *p = buffer->data + (from - r->pos);
        char *newline = memchr(p, '\n', n - (size_t)(from - r->pos));
        if (newline) {
            *ret_size = (size_t)(newline + 1 - buffer->data);
            *ret_last = true;
        }
    }
    r->pos += (int64_t)n;
    return HR_OK;
}

static hr_status feed(struct file_reader *r, struct hr_err *err)
{
    struct hr_buffer *buffer = hr_buffer_new(BLOCK_BYTES);
    if (!buffer) return HR_OOM(err);
    size_t size, skip = 0;
    bool last;
    hr_status status = HR_OK;
    if (hr_fault_hit(HR_FAULT_SOURCE_READ))
        status = HR_FAIL(err, HR_E_IO, "injected fault at HR_FAULT_SOURCE_READ");
    if (!status) status = read_block(r, buffer, &size, &last, err);
    bool damaged = status == HR_E_FILE_DAMAGED ||
                   (hr_codec_packs(r->path) && status == HR_E_IO_FATAL);
    if (damaged && r->ignore_corrupt) {
        HR_LOG(HR_LOG_WARN, "%s: its rest is left out: %s", r->path, err ? err->msg : "damaged");
        status = HR_OK;
        size = 0;
        last = true;
    }
    if (!status && r->skip_line && size > 0) {
        const char *newline = memchr(buffer->data, '\n', size);
        skip = newline ? (size_t)(newline + 1 - buffer->data) : size;
        r->skip_line = !newline;
    }
    if (!status) {
        r->at_end = last;
        status = r->format->feed(r->decoder, buffer, buffer->data + skip, size - skip, last, err);
    }
    hr_buffer_unref(buffer);
    return status;
}

static hr_status reader_next(struct hr_scan_reader *base, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct file_reader *r = HR_CONTAINER_OF(base, struct file_reader, base);
    for (;;) {
        struct hr_batch *batch = NULL;
        if (r->cancelled && __atomic_load_n(r->cancelled, __ATOMIC_RELAXED))
            return HR_RAISE(err, HR_E_CANCELLED);
        if (r->decoder) HR_TRY(r->format->next(r->decoder, &batch, err));
        if (batch || r->at_end) {
            *ret = batch;
            return HR_OK;
        }
        HR_TRY(feed(r, err));
    }
}

static hr_status open_file(struct file_reader *r, const char *encoding, bool ignore_missing,
                           struct hr_err *err)
{
    hr_status status = r->env->vt->open(r->env, r->path, HR_OPEN_READ, &r->fd, err);
    if (status == HR_E_NOT_FOUND) {
        r->fd = -1;
        if (ignore_missing) {
            r->at_end = true; /* ignoreMissingFiles */
            return HR_OK;
        }
        return HR_FAIL(err, HR_E_IO_FATAL, "%s: the file was there when the read was planned and "
                       "is gone; set ignoreMissingFiles 'true' to go on without it", r->path);
    }
    HR_TRY(status);
    if (!r->whole && r->pos == 0) { /* behind a byte order mark; bytes.c knows of whole files' */
        char mark[3];
        size_t n;
        HR_TRY(r->env->vt->pread(r->env, r->fd, mark, sizeof mark, 0, &n, err));
        if (n == 3 && memcmp(mark, "\xef\xbb\xbf", 3) == 0) r->pos = 3;
    }
    return hr_file_bytes_open(r->env, r->path, r->fd, r->pos, encoding, &r->bytes, err);
}

hr_status hr_file_reader_open(struct hr_env *env, const struct hr_format_vt *format,
                              const struct hr_format_args *format_args,
                              const struct hr_scan_spec *spec, const struct file_split *split,
                              bool ignore_missing, bool ignore_corrupt,
                              struct hr_scan_reader **ret, struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {reader_next, reader_close};
    struct file_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    r->base.vt = &vt;
    r->env = env;
    r->format = format;
    r->cancelled = spec->cancelled;
    r->fd = -1;
    r->end = split->end;
    r->ignore_corrupt = ignore_corrupt;
    r->whole = split->whole;
    /* The byte in front tells whether a line begins at start. */
    r->pos = split->start > 0 ? split->start - 1 : 0;
    r->skip_line = split->start > 0;
    struct hr_format_args args = *format_args;
    args.wanted = spec->schema;
    args.batch_rows = spec->batch_rows;
    args.mem = spec->mem;
    args.malformed_rows = spec->malformed_rows;
    args.origin = split->path;
    hr_status status = (r->path = hr_strdup(split->path)) ? HR_OK : HR_OOM(err);
    if (!status) status = open_file(r, hr_file_encoding(args.options), ignore_missing, err);
    if (!status) status = format->decoder_open(&args, &r->decoder, err);
    if (status) {
        reader_close(&r->base);
        return status;
    }
    *ret = &r->base;
    return HR_OK;
}
