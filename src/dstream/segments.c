/* SPDX-License-Identifier: Apache-2.0 */
/* The log of checkpoint records (segments.h). */
#include "dstream/segments.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/fault.h"
#include "base/hash.h"
#include "base/log.h"

#define MAGIC         "HRDSEG2\n"
#define MAGIC_BYTES   8
#define HEAD_BYTES    32
#define SEGMENT_BYTES (INT64_C(8) << 20) /* a longer one is not added to */
#define PENDING_BYTES ((size_t)4 << 20)
#define BUFFER_MAX    ((size_t)64 << 30)
#define PREFIX        "segment-"

void hr_ds_segments_init(struct hr_ds_segments *log, struct hr_env *env, const char *dir,
                         const char *id)
{
    *log = (struct hr_ds_segments){.env = env, .dir = dir, .id = id, .next = 1, .fd = -1};
    hr_buf_init(&log->pending, BUFFER_MAX);
}

static void close_segment(struct hr_ds_segments *log)
{
    if (log->fd >= 0) HR_UNUSED(log->env->vt->close(log->env, log->fd, NULL));
    log->fd = -1;
}

void hr_ds_segments_done(struct hr_ds_segments *log)
{
    close_segment(log);
    hr_buf_done(&log->pending);
    hr_free(log->live);
    log->live = NULL;
    log->count = log->capacity = 0;
}

static hr_status path_of(const struct hr_ds_segments *log, uint64_t number, struct hr_buf *ret,
                         struct hr_err *err)
{
    hr_buf_clear(ret);
    hr_buf_printf(ret, "%s/" PREFIX "%010" PRIu64, log->dir, number);
    return hr_buf_status(ret, err);
}

static hr_status add_live(struct hr_ds_segments *log, struct hr_ds_segment segment,
                          struct hr_err *err)
{
    if (log->count == log->capacity) {
        uint32_t capacity = HR_MAX(8u, log->capacity * 2);
        struct hr_ds_segment *live = hr_realloc(log->live, capacity * sizeof *live);
        if (!live) return HR_OOM(err);
        log->live = live;
        log->capacity = capacity;
    }
    log->live[log->count++] = segment;
    return HR_OK;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static struct hr_ds_segment *last_of(const struct hr_ds_segments *log)
{
    assert(log->fd >= 0 && log->count);
    return &log->live[log->count - 1];
}

static hr_status flush(struct hr_ds_segments *log, struct hr_err *err)
{
    if (!log->pending.len) return HR_OK;
    HR_TRY(hr_buf_status(&log->pending, err));
    struct hr_ds_segment *last = last_of(log);
    HR_FAULT_POINT(HR_FAULT_STATE_DELTA, err);
    HR_TRY(log->env->vt->pwrite(log->env, log->fd, log->pending.ptr, log->pending.len, last->length,
                                err));
    last->length += (int64_t)log->pending.len;
    log->dirty = true;
    hr_buf_clear(&log->pending);
    return HR_OK;
}

static hr_status open_segment(struct hr_ds_segments *log, struct hr_err *err)
{
    struct hr_buf path = {0};
    hr_status status = add_live(log, (struct hr_ds_segment){log->next, 0}, err);
    if (status == HR_OK) status = path_of(log, log->next, &path, err);
    if (status == HR_OK)
        status = log->env->vt->open(log->env, hr_buf_cstr(&path), HR_OPEN_CREATE, &log->fd, err);
    hr_buf_done(&path);
    HR_TRY(status);
    log->next++;
    log->new_entry = true;
    hr_buf_append(&log->pending, MAGIC, MAGIC_BYTES);
    return HR_OK;
}

void hr_ds_segments_begin(struct hr_ds_segments *log)
{
    if (log->fd >= 0 && last_of(log)->length >= SEGMENT_BYTES) close_segment(log);
}

uint64_t hr_ds_segments_position(const struct hr_ds_segments *log)
{
    return log->fd >= 0 ? last_of(log)->number : log->next;
}

/* Of a record but its place for the sum: in another segment or checkpoint it is another. */
static uint32_t checksum(const struct hr_ds_segments *log, uint64_t number, const char *record,
                         size_t size)
{
    uint32_t crc = hr_crc32c((uint32_t)number, log->id, strlen(log->id));
    return hr_crc32c(crc, record + 4, size - 4);
}

hr_status hr_ds_segments_put(struct hr_ds_segments *log, const struct hr_ds_record *record,
                             struct hr_err *err)
{
    if (log->fd < 0) HR_TRY(open_segment(log, err));
    struct hr_buf *out = &log->pending;
    size_t at = out->len;
    hr_buf_put_u32(out, 0);
    hr_buf_put_u32(out, record->stream);
    hr_buf_put_u32(out, record->kind);
    hr_buf_put_u32(out, 0);
    hr_buf_put_u64(out, (uint64_t)record->time);
    hr_buf_put_u64(out, record->bytes.len);
    hr_buf_append(out, record->bytes.ptr, record->bytes.len);
    HR_TRY(hr_buf_status(out, err));
    uint32_t crc = checksum(log, last_of(log)->number, out->ptr + at, out->len - at);
    struct hr_buf head = {0};
    hr_buf_put_u32(&head, crc);
    hr_status status = hr_buf_status(&head, err);
    if (status == HR_OK) memcpy(out->ptr + at, head.ptr, 4);
    hr_buf_done(&head);
    HR_TRY(status);
    return out->len >= PENDING_BYTES ? flush(log, err) : HR_OK;
}

hr_status hr_ds_segments_sync(struct hr_ds_segments *log, struct hr_err *err)
{
    HR_TRY(flush(log, err));
    if (log->dirty) HR_TRY(log->env->vt->fdatasync(log->env, log->fd, err));
    if (log->new_entry) HR_TRY(log->env->vt->sync_dir(log->env, log->dir, err));
    log->dirty = log->new_entry = false;
    if (log->pending.capacity > 2 * PENDING_BYTES) hr_buf_done(&log->pending);
    return HR_OK;
}

void hr_ds_segments_drop(struct hr_ds_segments *log, uint64_t number)
{
    uint32_t n = 0;
    while (n < log->count && log->live[n].number < number) n++;
    if (!n) return;
    if (n == log->count) close_segment(log);
    log->count -= n;
    memmove(log->live, log->live + n, log->count * sizeof *log->live);
}

static bool is_live(const struct hr_ds_segments *log, uint64_t number)
{
    for (uint32_t i = 0; i < log->count; i++)
        if (log->live[i].number == number) return true;
    return false;
}

void hr_ds_segments_sweep(struct hr_ds_segments *log)
{
    struct hr_arena arena = {0};
    struct hr_err err;
    char **names;
    uint32_t count = 0;
    hr_err_init(&err);
    if (hr_env_list_sorted(log->env, &arena, log->dir, &names, &count, &err) != HR_OK) count = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t number;
        char extra;
        if (sscanf(names[i], PREFIX "%" SCNu64 "%c", &number, &extra) != 1) continue;
        if (is_live(log, number)) continue;
        char *path = hr_arena_printf(&arena, "%s/%s", log->dir, names[i]);
        if (path && log->env->vt->unlink(log->env, path, &err) != HR_OK)
            HR_LOG(HR_LOG_DEBUG, "old checkpoint file %s stays: %s", path, err.msg);
    }
    hr_arena_done(&arena);
}

/* --- The list --------------------------------------------------------------------------------- */

void hr_ds_segments_save(const struct hr_ds_segments *log, struct hr_buf *out)
{
    hr_buf_put_u64(out, log->next);
    hr_buf_put_varint(out, log->count);
    for (uint32_t i = 0; i < log->count; i++) {
        hr_buf_put_u64(out, log->live[i].number);
        hr_buf_put_u64(out, (uint64_t)log->live[i].length);
    }
}

hr_status hr_ds_segments_load(struct hr_ds_segments *log, struct hr_reader *in, struct hr_err *err)
{
    log->next = hr_get_u64(in);
    for (uint64_t n = hr_get_varint(in); n && !in->failed; n--) {
        struct hr_ds_segment segment = {.number = hr_get_u64(in)};
        segment.length = (int64_t)hr_get_u64(in);
        if (!in->failed) HR_TRY(add_live(log, segment, err));
    }
    return HR_OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

static hr_status corrupt(const char *path, size_t at, const char *what, struct hr_err *err)
{
    char why[96];
    snprintf(why, sizeof why, "%s at byte %zu", what, at);
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", why);
}

/* The record at a place; false: there is none that is whole. */
static bool record_at(const struct hr_ds_segments *log, uint64_t number, const struct hr_buf *file,
                      size_t at, size_t length, struct hr_ds_record *ret)
{
    if (at > length || length - at < HEAD_BYTES) return false;
    struct hr_reader in = hr_reader(file->ptr + at, HEAD_BYTES);
    uint32_t crc = hr_get_u32(&in);
    *ret = (struct hr_ds_record){.segment = number, .stream = hr_get_u32(&in)};
    ret->kind = (enum hr_ds_record_kind)hr_get_u32(&in);
    HR_UNUSED(hr_get_u32(&in));
    ret->time = (int64_t)hr_get_u64(&in);
    uint64_t size = hr_get_u64(&in);
    if (size > length - at - HEAD_BYTES) return false;
    ret->bytes = hr_svn(file->ptr + at + HEAD_BYTES, size);
    return checksum(log, number, file->ptr + at, HEAD_BYTES + size) == crc;
}

static hr_status replay_file(const struct hr_ds_segments *log, const struct hr_ds_segment *segment,
                             const char *path, const struct hr_buf *file,
                             hr_status (*fn)(void *arg, const struct hr_ds_record *,
                                             struct hr_err *),
                             void *arg, struct hr_err *err)
{
    size_t length = (size_t)segment->length;
    if (file->len < length) return corrupt(path, file->len, "it ends", err);
    if (length < MAGIC_BYTES || memcmp(file->ptr, MAGIC, MAGIC_BYTES) != 0)
        return corrupt(path, 0, "not a segment of a checkpoint", err);
    for (size_t at = MAGIC_BYTES; at < length;) {
        struct hr_ds_record record;
        if (!record_at(log, segment->number, file, at, length, &record))
            return corrupt(path, at, "a record is damaged", err);
        HR_TRY(fn(arg, &record, err));
        at += HEAD_BYTES + record.bytes.len;
    }
    return HR_OK;
}

hr_status hr_ds_segments_replay(struct hr_ds_segments *log,
                                hr_status (*fn)(void *arg, const struct hr_ds_record *,
                                                struct hr_err *),
                                void *arg, struct hr_err *err)
{
    struct hr_buf path = {0}, file;
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < log->count && status == HR_OK; i++) {
        hr_buf_init(&file, BUFFER_MAX);
        status = path_of(log, log->live[i].number, &path, err);
        if (status == HR_OK && !hr_env_exists(log->env, hr_buf_cstr(&path)))
            status = HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", hr_buf_cstr(&path), "why",
                              "the file is missing");
        if (status == HR_OK) status = hr_env_read_file(log->env, hr_buf_cstr(&path), &file, err);
        if (status == HR_OK)
            status = replay_file(log, &log->live[i], hr_buf_cstr(&path), &file, fn, arg, err);
        hr_buf_done(&file);
    }
    hr_buf_done(&path);
    return status;
}

/* Beyond what the checkpoint names. */
static hr_status check_rest(const struct hr_ds_segments *log, uint64_t number, size_t at,
                            int64_t newest, struct hr_err *err)
{
    struct hr_buf path = {0}, file;
    struct hr_ds_record record;
    hr_buf_init(&file, BUFFER_MAX);
    hr_status status = path_of(log, number, &path, err);
    if (status == HR_OK && hr_env_exists(log->env, hr_buf_cstr(&path)))
        status = hr_env_read_file(log->env, hr_buf_cstr(&path), &file, err);
    while (status == HR_OK && record_at(log, number, &file, at, file.len, &record)) {
        if (record.time > newest)
            status = corrupt(hr_buf_cstr(&path), at,
                             "dstream.checkpoint is older than its segments: the one that belongs "
                             "to them is needed; a later batch's record is",
                             err);
        at += HEAD_BYTES + record.bytes.len;
    }
    hr_buf_done(&file);
    hr_buf_done(&path);
    return status;
}

hr_status hr_ds_segments_check_newest(const struct hr_ds_segments *log, int64_t newest,
                                      struct hr_err *err)
{
    struct hr_arena arena = {0};
    char **names;
    uint32_t count = 0;
    hr_status status = hr_env_list_sorted(log->env, &arena, log->dir, &names, &count, err);
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        uint64_t number;
        char extra;
        size_t at = MAGIC_BYTES;
        if (sscanf(names[i], PREFIX "%" SCNu64 "%c", &number, &extra) != 1) continue;
        for (uint32_t k = 0; k < log->count; k++)
            if (log->live[k].number == number) at = (size_t)log->live[k].length;
        status = check_rest(log, number, at, newest, err);
    }
    hr_arena_done(&arena);
    return status;
}
