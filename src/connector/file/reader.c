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
    struct hr_dead_letters *dead; /* or NULL */
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

bool hr_file_ignores(bool ignore_corrupt, bool damaged, const char *path, const struct hr_err *err)
{
    if (!damaged || !ignore_corrupt) return false;
    HR_LOG(HR_LOG_WARN, "%s: its rest is left out: %s", path, err ? err->msg : "damaged");
    return true;
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
    if (hr_file_ignores(r->ignore_corrupt, damaged, r->path, err)) {
        status = HR_OK;
        size = 0;
        last = true;
    }
    if (!status && r->skip_line && size > 0) {
        const char *newline = memchr(buffer->data, '\n', size);
        skip = newline ? (size_t)(newline + 1 - buffer->data) : size;
        r->skip_line = !newline;
        if (r->dead) r->dead->first += (int64_t)skip;
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

hr_status hr_file_open(struct hr_env *env, const char *path, bool ignore_missing, int *ret_fd,
                       struct hr_err *err)
{
    hr_status status = env->vt->open(env, path, HR_OPEN_READ, ret_fd, err);
    if (status != HR_E_NOT_FOUND) return status;
    *ret_fd = -1;
    if (ignore_missing) return HR_OK;
    return HR_FAIL(err, HR_E_IO_FATAL, "%s: the file was there when the read was planned and "
                   "is gone; set ignoreMissingFiles 'true' to go on without it", path);
}

static hr_status open_file(struct file_reader *r, const char *encoding, bool ignore_missing,
                           struct hr_err *err)
{
    HR_TRY(hr_file_open(r->env, r->path, ignore_missing, &r->fd, err));
    r->at_end = r->fd < 0;
    if (r->at_end) return HR_OK;
    if (!r->whole && r->pos == 0) { /* behind a byte order mark; bytes.c knows of whole files' */
        char mark[3];
        size_t n;
        HR_TRY(r->env->vt->pread(r->env, r->fd, mark, sizeof mark, 0, &n, err));
        if (n == 3 && memcmp(mark, "\xef\xbb\xbf", 3) == 0) r->pos = 3;
    }
    return hr_file_bytes_open(r->env, r->path, r->fd, r->pos, encoding, &r->bytes, err);
}

bool hr_file_reads_by_column(const struct hr_options *options, const struct hr_type *schema)
{
    const char *mode = hr_options_get(options, "mode");
    const char *corrupt = hr_options_get(options, "columnNameOfCorruptRecord");
    if (!corrupt) corrupt = "_corrupt_record";
    bool permissive = !mode || hr_str_eq_nocase(mode, "permissive");
    return permissive && hr_type_field_index(schema, hr_sv(corrupt)) < 0;
}

struct hr_format_args hr_file_reader_args(const struct file_read *read)
{
    struct hr_format_args args = *read->args;
    args.wanted = read->spec->schema;
    args.batch_rows = read->spec->batch_rows ? read->spec->batch_rows : HR_BATCH_ROWS;
    args.mem = read->spec->mem;
    args.malformed_rows = read->spec->malformed_rows;
    args.bad = read->spec->dead ? &read->spec->dead->rows : NULL;
    args.origin = read->split->path;
    return args;
}

hr_status hr_file_reader_open(const struct file_read *read, struct hr_scan_reader **ret,
                              struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {reader_next, reader_close};
    const struct file_split *split = read->split;
    struct file_reader *r = hr_zalloc(sizeof *r);
    if (!r) return HR_OOM(err);
    r->base.vt = &vt;
    r->env = read->env;
    r->format = read->format;
    r->cancelled = read->spec->cancelled;
    r->fd = -1;
    r->end = split->end;
    r->ignore_corrupt = read->ignore_corrupt;
    r->whole = split->whole;
    /* The byte in front tells whether a line begins at start. */
    r->pos = split->start > 0 ? split->start - 1 : 0;
    r->skip_line = split->start > 0;
    struct hr_format_args args = hr_file_reader_args(read);
    hr_status status = (r->path = hr_strdup(split->path)) ? HR_OK : HR_OOM(err);
    if (!status) status = open_file(r, hr_file_encoding(args.options), read->ignore_missing, err);
    if (!status && (r->dead = read->spec->dead)) {
        r->dead->partition = r->path;
        r->dead->first = r->pos;
    }
    if (!status) status = r->format->decoder_open(&args, &r->decoder, err);
    if (status) {
        reader_close(&r->base);
        return status;
    }
    *ret = &r->base;
    return HR_OK;
}
