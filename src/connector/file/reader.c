/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a byte range of a file: the lines that begin in it. Blocks of 1 MiB are read into buffers
 * of their own, which the batches then keep. A file named .gz is unpacked on the way.
 */
#include "base/fault.h"
#include "connector/file/file.h"
#include "hr_config.h"

#if HR_HAVE_ZLIB
#include <zlib.h>
#endif

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
#if HR_HAVE_ZLIB
    z_stream gz;
    unsigned char *gz_in;
#endif
    bool is_gz, gz_done;
};

static void reader_close(struct hr_scan_reader *base)
{
    struct file_reader *r = HR_CONTAINER_OF(base, struct file_reader, base);
    if (r->decoder) r->format->decoder_close(r->decoder);
    if (r->fd >= 0 && r->env->vt->close(r->env, r->fd, NULL)) r->fd = -1; /* only read */
#if HR_HAVE_ZLIB
    if (r->is_gz) inflateEnd(&r->gz);
    hr_free(r->gz_in);
#endif
    hr_free(r->path);
    hr_free(r);
}

#if HR_HAVE_ZLIB
static hr_status read_gz(struct file_reader *r, struct hr_buffer *buffer, size_t *ret_size,
                         struct hr_err *err)
{
    r->gz.next_out = (unsigned char *)buffer->data;
    r->gz.avail_out = BLOCK_BYTES;
    while (r->gz.avail_out > 0 && !r->gz_done) {
        if (r->gz.avail_in == 0) {
            size_t n;
            HR_TRY(r->env->vt->pread(r->env, r->fd, r->gz_in, BLOCK_BYTES, r->pos, &n, err));
            if (n == 0) return HR_FAIL(err, HR_E_IO_FATAL, "%s: the gzip data is cut off", r->path);
            r->pos += (int64_t)n;
            r->gz.next_in = r->gz_in;
            r->gz.avail_in = (unsigned)n;
        }
        int rc = inflate(&r->gz, Z_NO_FLUSH);
        if (rc == Z_STREAM_END) {
            /* members may follow one another */
            bool more = r->gz.avail_in > 0 || r->pos < r->end;
            r->gz_done = !more || inflateReset(&r->gz) != Z_OK;
        } else if (rc != Z_OK) {
            return HR_FAIL(err, HR_E_IO_FATAL, "%s: the gzip data is damaged", r->path);
        }
    }
    *ret_size = BLOCK_BYTES - r->gz.avail_out;
    return HR_OK;
}
#endif

/* The next bytes of the range: to its end, then on to the end of the line that crosses it. */
static hr_status read_block(struct file_reader *r, struct hr_buffer *buffer, size_t *ret_size,
                            bool *ret_last, struct hr_err *err)
{
    size_t n;
#if HR_HAVE_ZLIB
    if (r->is_gz) {
        HR_TRY(read_gz(r, buffer, ret_size, err));
        *ret_last = r->gz_done;
        return HR_OK;
    }
#endif
    HR_TRY(r->env->vt->pread(r->env, r->fd, buffer->data, BLOCK_BYTES, r->pos, &n, err));
    *ret_size = n;
    *ret_last = n == 0;
    if (r->whole || n == 0) {
        r->pos += (int64_t)n;
        return HR_OK;
    }
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

static hr_status open_file(struct file_reader *r, bool fail_on_missing, struct hr_err *err)
{
    hr_status status = r->env->vt->open(r->env, r->path, HR_OPEN_READ, &r->fd, err);
    if (status == HR_E_NOT_FOUND) {
        r->fd = -1;
        if (!fail_on_missing) {
            r->at_end = true; /* ignoreMissingFiles */
            return HR_OK;
        }
        return HR_FAIL(err, HR_E_IO_FATAL, "%s: the file was there when the read was planned and "
                       "is gone; set ignoreMissingFiles 'true' to go on without it", r->path);
    }
    HR_TRY(status);
    size_t len = strlen(r->path);
    r->is_gz = len > 3 && strcmp(r->path + len - 3, ".gz") == 0;
    if (!r->is_gz) return HR_OK;
#if HR_HAVE_ZLIB
    if (inflateInit2(&r->gz, 15 + 32) != Z_OK || !(r->gz_in = hr_alloc(BLOCK_BYTES)))
        return HR_OOM(err);
    return HR_OK;
#else
    r->is_gz = false;
    return HR_FAIL(err, HR_E_NOT_SUPPORTED, "%s: gzip is not in this build", r->path);
#endif
}

hr_status hr_file_reader_open(struct hr_env *env, const struct hr_format_vt *format,
                              const struct hr_format_args *format_args,
                              const struct hr_scan_spec *spec, const struct file_split *split,
                              bool fail_on_missing, struct hr_scan_reader **ret,
                              struct hr_err *err)
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
    if (!status) status = open_file(r, fail_on_missing, err);
    if (!status) status = format->decoder_open(&args, &r->decoder, err);
    if (status) {
        reader_close(&r->base);
        return status;
    }
    *ret = &r->base;
    return HR_OK;
}
