/* SPDX-License-Identifier: Apache-2.0 */
#include "base/plant.h"
#include "base/record_log.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/hash.h"

#define MAGIC_BYTES      8
#define HEADER_BYTES     32           /* length, crc, previous, number, durable */
#define RECORD_MAX_BYTES (256u << 20) /* a longer length is damage, not a record */
#define FILE_MAX_BYTES   ((size_t)4 << 30)

struct hr_record_log {
    struct hr_env *env;
    const struct hr_record_log_kind *kind;
    char *path;
    int fd;
    int64_t end;       /* where the next record goes */
    int64_t allocated; /* the file's size; zeros from end on, unless torn */
    uint64_t previous; /* hash of the last record */
    uint64_t count;
    uint64_t durable; /* how many of them are known to be on disk */
    bool torn;        /* behind end lies what a crash left */
    bool broken;      /* a sync or write failed: nothing more is written */
    struct hr_buf buf;
};

static uint64_t first_hash(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    return hr_hash_bytes(name, strlen(name));
}

/* ---- records ↔ bytes ------------------------------------------------------------------------- */

static uint32_t crc_of(const char *record, size_t size)
{
    uint32_t crc = hr_crc32c(0, record, 4);
    return hr_crc32c(crc, record + 8, size - 8);
}

/* Appends a record to log->buf and counts it. */
static void put_record(struct hr_record_log *log, struct hr_str_view payload, uint64_t durable)
{
    struct hr_buf *buf = &log->buf;
    size_t start = buf->len;
    hr_buf_put_u32(buf, (uint32_t)payload.len);
    hr_buf_put_u32(buf, 0);
    hr_buf_put_u64(buf, log->previous);
    hr_buf_put_u64(buf, log->count);
    hr_buf_put_u64(buf, durable);
    hr_buf_append(buf, payload.ptr, payload.len);
    if (buf->failed) return;
    char *head = buf->ptr + start;
    uint32_t crc = crc_of(head, buf->len - start);
    memcpy(head + 4, &crc, 4);
    log->previous = hr_hash_bytes(head, buf->len - start);
    log->count++;
}

struct record {
    uint64_t previous, number, durable;
    struct hr_str_view payload;
    size_t size; /* with its header */
};

/* Is there a whole record with a right checksum at data? */
static bool get_record(const char *data, size_t size, struct record *ret)
{
    if (size < HEADER_BYTES) return false;
    struct hr_reader r = hr_reader(data, HEADER_BYTES);
    uint32_t length = hr_get_u32(&r), crc = hr_get_u32(&r);
    ret->previous = hr_get_u64(&r);
    ret->number = hr_get_u64(&r);
    ret->durable = hr_get_u64(&r);
    if (length > RECORD_MAX_BYTES || length > size - HEADER_BYTES) return false;
    ret->size = HEADER_BYTES + (size_t)length;
    ret->payload = hr_svn(data + HEADER_BYTES, length);
    return HR_PLANTED(JOURNAL_CRC) || crc_of(data, ret->size) == crc;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct scan {
    size_t end; /* behind the last valid record */
    uint64_t previous, count;
    uint64_t durable; /* how many records must be there */
    bool torn;        /* something lies behind end */
};

static hr_status damaged(const char *path, size_t at, const char *what, struct hr_err *err)
{
    char why[200];
    snprintf(why, sizeof why, "%s (at byte %zu)", what, at);
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", why);
}

/* Behind the place where the valid records end: does a later record say that more were durable?
 * Only a plausible number makes it worth a checksum. */
static void look_behind(const struct hr_buf *file, struct scan *scan)
{
    for (size_t at = scan->end; at < file->len; at++) {
        if (!file->ptr[at] && !scan->torn) continue; /* zeros so far */
        scan->torn = true;
        break;
    }
    if (!scan->torn) return;
    for (size_t at = scan->end + 1; at + HEADER_BYTES <= file->len; at++) {
        struct hr_reader r = hr_reader(file->ptr + at + 16, 8);
        uint64_t number = hr_get_u64(&r);
        struct record record;
        if (number <= scan->count || number - scan->count > file->len) continue;
        if (!get_record(file->ptr + at, file->len - at, &record)) continue;
        scan->durable = HR_MAX(scan->durable, record.durable);
        at += record.size - 1;
    }
}

static hr_status scan_file(struct hr_env *env, const char *path,
                           const struct hr_record_log_kind *kind, hr_record_log_fn fn, void *arg,
                           struct scan *ret, int64_t *ret_size, struct hr_err *err)
{
    struct hr_buf file;
    hr_buf_init(&file, FILE_MAX_BYTES);
    hr_status status = hr_env_read_file(env, path, &file, err);
    if (status != HR_OK) goto out;
    if (file.len < MAGIC_BYTES || memcmp(file.ptr, kind->magic, MAGIC_BYTES) != 0) {
        status = damaged(path, 0, "it does not begin as such a file does", err);
        goto out;
    }
    struct scan scan = {.end = MAGIC_BYTES, .previous = first_hash(path)};
    struct record record;
    /* Nothing is handed out before the whole file is known to be good. */
    while (get_record(file.ptr + scan.end, file.len - scan.end, &record) &&
           record.number == scan.count && record.previous == scan.previous) {
        scan.previous = hr_hash_bytes(file.ptr + scan.end, record.size);
        scan.durable = HR_MAX(scan.durable, record.durable);
        scan.end += record.size;
        scan.count++;
    }
    look_behind(&file, &scan);
    if (scan.durable > scan.count) {
        status = damaged(path, scan.end, "a record that was on disk is not there any more", err);
        goto out;
    }
    size_t at = MAGIC_BYTES;
    for (uint64_t i = 0; i < scan.count; i++) {
        bool valid = get_record(file.ptr + at, file.len - at, &record);
        assert(valid);
        HR_UNUSED(valid);
        HR_TRY_OUT(fn(arg, i, record.payload, err));
        at += record.size;
    }
    *ret = scan;
    *ret_size = (int64_t)file.len;
out:
    hr_buf_done(&file);
    return status;
}

hr_status hr_record_log_read(struct hr_env *env, const char *path,
                             const struct hr_record_log_kind *kind, hr_record_log_fn fn, void *arg,
                             struct hr_err *err)
{
    struct scan scan;
    int64_t size;
    return scan_file(env, path, kind, fn, arg, &scan, &size, err);
}

/* ---- writing --------------------------------------------------------------------------------- */

static hr_status new_log(struct hr_env *env, const char *path,
                         const struct hr_record_log_kind *kind, struct hr_record_log **ret,
                         struct hr_err *err)
{
    assert(strlen(kind->magic) == MAGIC_BYTES);
    struct hr_record_log *log = hr_zalloc(sizeof *log);
    if (!log) return HR_OOM(err);
    log->env = env;
    log->kind = kind;
    log->fd = -1;
    log->end = MAGIC_BYTES;
    log->previous = first_hash(path);
    log->path = hr_strdup(path);
    hr_buf_init(&log->buf, (size_t)RECORD_MAX_BYTES * 4);
    if (!log->path) {
        hr_record_log_close(log);
        return HR_OOM(err);
    }
    *ret = log;
    return HR_OK;
}

void hr_record_log_close(struct hr_record_log *log)
{
    if (!log) return;
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (log->fd >= 0) HR_UNUSED(log->env->vt->close(log->env, log->fd, &ignored));
    hr_buf_done(&log->buf);
    hr_free(log->path);
    hr_free(log);
}

/* Room for upto bytes, as zeros. */
static hr_status allocate_ahead(struct hr_record_log *log, int64_t upto, struct hr_err *err)
{
    int64_t step = log->kind->extend_bytes;
    if (upto <= log->allocated || step == 0) return HR_OK;
    char *zeros = hr_zalloc((size_t)step);
    if (!zeros) return HR_OOM(err);
    hr_status status = HR_OK;
    while (status == HR_OK && log->allocated < upto) {
        int64_t next = (log->allocated / step + 1) * step;
        status = log->env->vt->pwrite(log->env, log->fd, zeros, (size_t)(next - log->allocated),
                                      log->allocated, err);
        if (status == HR_OK) log->allocated = next;
    }
    hr_free(zeros);
    return status == HR_OK ? log->env->vt->fdatasync(log->env, log->fd, err) : status;
}

static hr_status sync_folder(struct hr_record_log *log, struct hr_err *err)
{
    const char *slash = strrchr(log->path, '/');
    if (!slash) return log->env->vt->sync_dir(log->env, ".", err);
    char *dir = hr_strdup(log->path);
    if (!dir) return HR_OOM(err);
    dir[slash - log->path] = '\0';
    hr_status status = log->env->vt->sync_dir(log->env, *dir ? dir : "/", err);
    hr_free(dir);
    return status;
}

static hr_status create(struct hr_record_log *log, const char *temp,
                        const struct hr_str_view *payloads, uint32_t count, struct hr_err *err)
{
    struct hr_env *env = log->env;
    hr_buf_append(&log->buf, log->kind->magic, MAGIC_BYTES);
    for (uint32_t i = 0; i < count; i++) put_record(log, payloads[i], count);
    HR_TRY(hr_buf_status(&log->buf, err));
    HR_TRY(env->vt->open(env, temp, HR_OPEN_CREATE, &log->fd, err));
    HR_TRY(allocate_ahead(log, (int64_t)log->buf.len, err));
    HR_TRY(env->vt->pwrite(env, log->fd, log->buf.ptr, log->buf.len, 0, err));
    HR_TRY(env->vt->fdatasync(env, log->fd, err));
    HR_TRY(env->vt->rename(env, temp, log->path, err));
    log->end = (int64_t)log->buf.len;
    log->allocated = HR_MAX(log->allocated, log->end);
    log->durable = log->count;
    return sync_folder(log, err);
}

hr_status hr_record_log_create(struct hr_env *env, const char *path,
                               const struct hr_record_log_kind *kind,
                               const struct hr_str_view *payloads, uint32_t count,
                               struct hr_record_log **ret, struct hr_err *err)
{
    struct hr_record_log *log;
    HR_TRY(new_log(env, path, kind, &log, err));
    struct hr_buf temp;
    hr_buf_init(&temp, 8192);
    hr_buf_printf(&temp, "%s.tmp", path);
    hr_status status = hr_buf_status(&temp, err);
    if (status == HR_OK) status = create(log, hr_buf_cstr(&temp), payloads, count, err);
    hr_buf_done(&temp);
    if (status != HR_OK) {
        hr_record_log_close(log);
        return status;
    }
    *ret = log;
    return HR_OK;
}

hr_status hr_record_log_open(struct hr_env *env, const char *path,
                             const struct hr_record_log_kind *kind, hr_record_log_fn fn, void *arg,
                             struct hr_record_log **ret, struct hr_err *err)
{
    struct hr_record_log *log;
    HR_TRY(new_log(env, path, kind, &log, err));
    struct scan scan;
    hr_status status = scan_file(env, path, kind, fn, arg, &scan, &log->allocated, err);
    if (status == HR_OK) status = env->vt->open(env, path, HR_OPEN_UPDATE, &log->fd, err);
    if (status != HR_OK) {
        hr_record_log_close(log);
        return status;
    }
    log->end = (int64_t)scan.end;
    log->previous = scan.previous;
    /* What was read may still be only in the page cache; the first sync makes it durable. */
    log->count = scan.count;
    log->durable = scan.durable;
    log->torn = scan.torn;
    *ret = log;
    return HR_OK;
}

/* What lies behind the last record must never be read as a record: it goes before anything new is
 * written. */
static hr_status cut_tail(struct hr_record_log *log, struct hr_err *err)
{
    HR_TRY(log->env->vt->truncate(log->env, log->fd, log->end, err));
    HR_TRY(log->env->vt->fdatasync(log->env, log->fd, err));
    log->allocated = log->end;
    log->torn = false;
    return HR_OK;
}

static hr_status append(struct hr_record_log *log, struct hr_str_view payload, bool durable,
                        struct hr_err *err)
{
    if (log->torn) HR_TRY(cut_tail(log, err));
    hr_buf_clear(&log->buf);
    put_record(log, payload, log->durable);
    HR_TRY(hr_buf_status(&log->buf, err));
    int64_t size = (int64_t)log->buf.len;
    HR_TRY(allocate_ahead(log, log->end + size, err));
    HR_TRY(log->env->vt->pwrite(log->env, log->fd, log->buf.ptr, log->buf.len, log->end, err));
    log->end += size;
    log->allocated = HR_MAX(log->allocated, log->end);
    if (!durable) return HR_OK;
    HR_TRY(log->env->vt->fdatasync(log->env, log->fd, err));
    log->durable = log->count;
    return HR_OK;
}

hr_status hr_record_log_append(struct hr_record_log *log, struct hr_str_view payload, bool durable,
                               struct hr_err *err)
{
    if (log->broken)
        return HR_FAIL(err, HR_E_IO_FATAL, "%s: an earlier write failed", log->path);
    if (payload.len > RECORD_MAX_BYTES)
        return HR_FAIL(err, HR_E_LIMIT, "%s: a record of %zu bytes exceeds the limit of %u",
                       log->path, payload.len, RECORD_MAX_BYTES);
    log->broken = true; /* until it has gone well */
    HR_TRY(append(log, payload, durable, err));
    log->broken = false;
    return HR_OK;
}

uint64_t hr_record_log_count(const struct hr_record_log *log)
{
    return log->count;
}

int64_t hr_record_log_bytes(const struct hr_record_log *log)
{
    return log->end;
}
