/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/journal.h"

#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "base/fault.h"
#include "base/hash.h"

#define JOURNAL_MAGIC     "HRJRNL1\n"
#define MAGIC_BYTES       8
#define HEADER_BYTES      25           /* length, crc, chain, epoch, kind */
#define PREALLOCATE_BYTES (4 << 20)    /* zeros written ahead of the records, at a time */
#define FULL_BYTES        (64 << 20)   /* size at which the owner should rotate */
#define RECORD_MAX_BYTES  (256u << 20) /* a longer length is damage, not a record */

struct hr_journal {
    struct hr_env *env;
    char *dir; /* <checkpoint>/journal */
    int lock_fd, fd;
    uint64_t sequence; /* number in the file's name */
    int64_t end;       /* where the next record goes */
    int64_t allocated; /* zeros are written up to here */
    uint64_t chain;    /* hash of the last record */
    bool dirty;        /* written since the last sync */
    bool broken;       /* a sync or write failed: nothing more is written */
    struct hr_buf buf;
};

const char *hr_record_kind_name(enum hr_record_kind kind)
{
    switch (kind) {
    case HR_REC_META: return "META";
    case HR_REC_PLAN: return "PLAN";
    case HR_REC_COMMIT: return "COMMIT";
    }
    return "UNKNOWN";
}

static void file_name(char out[32], uint64_t sequence)
{
    snprintf(out, 32, "%020" PRIu64 ".log", sequence);
}

static char *join_path(const char *dir, const char *name)
{
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = hr_alloc(size);
    if (path) snprintf(path, size, "%s/%s", dir, name);
    return path;
}

static uint64_t first_chain(uint64_t sequence)
{
    char name[32];
    file_name(name, sequence);
    return hr_hash_bytes(name, strlen(name));
}

/* ---- records ↔ bytes ----------------------------------------------------------------------------
 */

static void put_record(struct hr_buf *buf, const struct hr_record *record, uint64_t *chain)
{
    size_t start = buf->len;
    hr_buf_put_u32(buf, (uint32_t)record->payload.len);
    hr_buf_put_u32(buf, 0);
    hr_buf_put_u64(buf, *chain);
    hr_buf_put_u64(buf, (uint64_t)record->epoch);
    hr_buf_put_u8(buf, (uint8_t)record->kind);
    hr_buf_append(buf, record->payload.ptr, record->payload.len);
    if (buf->failed) return;
    char *head = buf->ptr + start;
    uint32_t crc = hr_crc32c(0, head, 4);
    crc = hr_crc32c(crc, head + 8, buf->len - start - 8);
    memcpy(head + 4, &crc, 4);
    *chain = hr_hash_bytes(head, buf->len - start);
}

/* The record at *pos, or false where the valid ones end. */
static bool get_record(const char *data, size_t size, size_t *pos, uint64_t *chain,
                       struct hr_record *ret)
{
    if (size - *pos < HEADER_BYTES) return false;
    const char *head = data + *pos;
    struct hr_reader r = hr_reader(head, HEADER_BYTES);
    uint32_t length = hr_get_u32(&r), crc = hr_get_u32(&r);
    uint64_t prev = hr_get_u64(&r);
    int64_t epoch = (int64_t)hr_get_u64(&r);
    uint8_t kind = hr_get_u8(&r);
    if (kind < HR_REC_META || kind > HR_REC_COMMIT || prev != *chain) return false;
    if (length > RECORD_MAX_BYTES || length > size - *pos - HEADER_BYTES) return false;
    uint32_t actual = hr_crc32c(0, head, 4);
    actual = hr_crc32c(actual, head + 8, HEADER_BYTES - 8 + (size_t)length);
    if (actual != crc) return false;
    *chain = hr_hash_bytes(head, HEADER_BYTES + (size_t)length);
    *ret =
        (struct hr_record){(enum hr_record_kind)kind, epoch, hr_svn(head + HEADER_BYTES, length)};
    *pos += HEADER_BYTES + (size_t)length;
    return true;
}

/* ---- reading
 * --------------------------------------------------------------------------------------- */

struct replay {
    hr_status (*fn)(void *arg, const struct hr_record *, struct hr_err *);
    void *arg;
    size_t end;
    uint64_t chain;
    uint32_t count;
};

static hr_status replay_file(struct hr_env *env, const char *path, uint64_t sequence,
                             struct replay *replay, struct hr_err *err)
{
    struct hr_buf buf;
    hr_buf_init(&buf, (size_t)4 << 30);
    hr_status status = hr_env_read_file(env, path, &buf, err);
    if (status != HR_OK) goto out;
    replay->end = MAGIC_BYTES;
    replay->chain = first_chain(sequence);
    replay->count = 0;
    if (buf.len < MAGIC_BYTES || memcmp(buf.ptr, JOURNAL_MAGIC, MAGIC_BYTES) != 0) {
        replay->end = 0; /* never finished being created */
        goto out;
    }
    struct hr_record record;
    while (get_record(buf.ptr, buf.len, &replay->end, &replay->chain, &record)) {
        replay->count++;
        HR_TRY_OUT(replay->fn(replay->arg, &record, err));
    }
out:
    hr_buf_done(&buf);
    return status;
}

static bool parse_name(const char *name, uint64_t *ret_sequence)
{
    size_t len = strlen(name);
    return len == 24 && strcmp(name + 20, ".log") == 0 &&
           hr_parse_u64(hr_svn(name, 20), ret_sequence);
}

/* Replays the newest file that holds a record: each file starts with all that is needed of the
 * past. */
static hr_status replay_dir(struct hr_env *env, const char *dir, struct replay *replay,
                            uint64_t *ret_sequence, struct hr_err *err)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    char **names;
    uint32_t count;
    hr_status status = hr_env_list_sorted(env, &arena, dir, &names, &count, err);
    if (status != HR_OK) goto out;
    *ret_sequence = 0;
    for (uint32_t i = count; i-- > 0;) {
        uint64_t sequence;
        if (!parse_name(names[i], &sequence)) continue;
        char *path = join_path(dir, names[i]);
        if (!path) {
            status = HR_OOM(err);
            goto out;
        }
        status = replay_file(env, path, sequence, replay, err);
        hr_free(path);
        if (status != HR_OK) goto out;
        if (*ret_sequence == 0) *ret_sequence = sequence;
        if (replay->count > 0) {
            *ret_sequence = sequence;
            break;
        }
    }
out:
    hr_arena_done(&arena);
    return status;
}

hr_status hr_journal_scan(struct hr_env *env, const char *checkpoint_dir,
                          hr_status (*fn)(void *arg, const struct hr_record *, struct hr_err *),
                          void *arg, struct hr_err *err)
{
    char *dir = join_path(checkpoint_dir, "journal");
    if (!dir) return HR_OOM(err);
    hr_status status;
    if (!hr_env_exists(env, dir)) {
        status = HR_FAIL(err, HR_E_NOT_FOUND, "%s is no checkpoint of Headrace: it has no journal",
                         checkpoint_dir);
    } else {
        struct replay replay = {.fn = fn, .arg = arg};
        uint64_t sequence;
        status = replay_dir(env, dir, &replay, &sequence, err);
    }
    hr_free(dir);
    return status;
}

/* ---- writing
 * --------------------------------------------------------------------------------------- */

static hr_status allocate_ahead(struct hr_journal *journal, int64_t upto, struct hr_err *err)
{
    if (upto <= journal->allocated) return HR_OK;
    int64_t target = (upto / PREALLOCATE_BYTES + 1) * PREALLOCATE_BYTES;
    char *zeros = hr_zalloc(PREALLOCATE_BYTES);
    if (!zeros) return HR_OOM(err);
    hr_status status = HR_OK;
    while (status == HR_OK && journal->allocated < target) {
        int64_t step = HR_MIN(target - journal->allocated, (int64_t)PREALLOCATE_BYTES);
        status = journal->env->vt->pwrite(journal->env, journal->fd, zeros, (size_t)step,
                                          journal->allocated, err);
        if (status == HR_OK) journal->allocated += step;
    }
    hr_free(zeros);
    if (status == HR_OK) status = journal->env->vt->fdatasync(journal->env, journal->fd, err);
    return status;
}

static hr_status create_file(struct hr_journal *journal, uint64_t sequence, struct hr_err *err)
{
    char name[32];
    file_name(name, sequence);
    char *path = join_path(journal->dir, name);
    if (!path) return HR_OOM(err);
    hr_status status =
        journal->env->vt->open(journal->env, path, HR_OPEN_CREATE, &journal->fd, err);
    hr_free(path);
    HR_TRY(status);
    journal->sequence = sequence;
    journal->chain = first_chain(sequence);
    journal->end = MAGIC_BYTES;
    journal->allocated = 0;
    HR_TRY(allocate_ahead(journal, MAGIC_BYTES, err));
    HR_TRY(journal->env->vt->pwrite(journal->env, journal->fd, JOURNAL_MAGIC, MAGIC_BYTES, 0, err));
    HR_TRY(journal->env->vt->fdatasync(journal->env, journal->fd, err));
    return journal->env->vt->sync_dir(journal->env, journal->dir, err);
}

static hr_status reopen_file(struct hr_journal *journal, uint64_t sequence,
                             const struct replay *replay, struct hr_err *err)
{
    char name[32];
    file_name(name, sequence);
    char *path = join_path(journal->dir, name);
    if (!path) return HR_OOM(err);
    struct hr_file_info info = {0};
    hr_status status = journal->env->vt->stat(journal->env, path, &info, err);
    if (status == HR_OK)
        status = journal->env->vt->open(journal->env, path, HR_OPEN_UPDATE, &journal->fd, err);
    hr_free(path);
    HR_TRY(status);
    journal->sequence = sequence;
    journal->chain = replay->chain;
    journal->end = (int64_t)replay->end;
    journal->allocated = (int64_t)replay->end;
    /* What lies behind the last valid record must not be read as records later: overwrite it. */
    HR_TRY(journal->env->vt->truncate(journal->env, journal->fd, journal->end, err));
    return allocate_ahead(journal, journal->end + 1, err);
}

static hr_status take_lock(struct hr_journal *journal, const char *checkpoint_dir,
                           struct hr_err *err)
{
    char *path = join_path(checkpoint_dir, "lock");
    if (!path) return HR_OOM(err);
    hr_status status =
        journal->env->vt->open(journal->env, path, HR_OPEN_UPDATE, &journal->lock_fd, err);
    hr_free(path);
    HR_TRY(status);
    int64_t pid = 0;
    status = journal->env->vt->lock(journal->env, journal->lock_fd, &pid, err);
    if (status == HR_E_AGAIN) {
        char text[24];
        snprintf(text, sizeof text, "%" PRId64, pid);
        return HR_RAISE(err, HR_E_CHECKPOINT_BUSY, "path", checkpoint_dir, "pid",
                        pid > 0 ? text : "unknown");
    }
    return status;
}

hr_status hr_journal_open(struct hr_env *env, const char *checkpoint_dir,
                          hr_status (*fn)(void *arg, const struct hr_record *, struct hr_err *),
                          void *arg, struct hr_journal **ret, struct hr_err *err)
{
    struct hr_journal *journal = hr_zalloc(sizeof *journal);
    if (!journal) return HR_OOM(err);
    journal->env = env;
    journal->fd = journal->lock_fd = -1;
    hr_buf_init(&journal->buf, RECORD_MAX_BYTES + HEADER_BYTES);
    hr_status status;
    journal->dir = join_path(checkpoint_dir, "journal");
    if (!journal->dir) {
        status = HR_OOM(err);
        goto out;
    }
    HR_TRY_OUT(env->vt->mkdirs(env, journal->dir, err));
    HR_TRY_OUT(take_lock(journal, checkpoint_dir, err));
    struct replay replay = {.fn = fn, .arg = arg};
    uint64_t sequence;
    HR_TRY_OUT(replay_dir(env, journal->dir, &replay, &sequence, err));
    if (sequence == 0 || replay.end == 0) {
        HR_TRY_OUT(create_file(journal, sequence + 1, err));
    } else {
        HR_TRY_OUT(reopen_file(journal, sequence, &replay, err));
    }
    *ret = journal;
    return HR_OK;
out:
    hr_journal_close(journal);
    return status;
}

void hr_journal_close(struct hr_journal *journal)
{
    if (!journal) return;
    struct hr_err ignored;
    if (journal->fd >= 0) HR_UNUSED(journal->env->vt->close(journal->env, journal->fd, &ignored));
    if (journal->lock_fd >= 0)
        HR_UNUSED(journal->env->vt->close(journal->env, journal->lock_fd, &ignored));
    hr_buf_done(&journal->buf);
    hr_free(journal->dir);
    hr_free(journal);
}

static hr_status write_buf(struct hr_journal *journal, bool durable, struct hr_err *err)
{
    HR_TRY(hr_buf_status(&journal->buf, err));
    int64_t size = (int64_t)journal->buf.len;
    HR_TRY(allocate_ahead(journal, journal->end + size, err));
    HR_TRY(journal->env->vt->pwrite(journal->env, journal->fd, journal->buf.ptr, (size_t)size,
                                    journal->end, err));
    journal->end += size;
    journal->dirty = true;
    if (!durable) return HR_OK;
    HR_TRY(journal->env->vt->fdatasync(journal->env, journal->fd, err));
    journal->dirty = false;
    return HR_OK;
}

hr_status hr_journal_append(struct hr_journal *journal, enum hr_record_kind kind, int64_t epoch,
                            struct hr_str_view payload, bool durable, struct hr_err *err)
{
    if (journal->broken)
        return HR_FAIL(err, HR_E_IO_FATAL, "journal %s: an earlier write failed; restart the query",
                       journal->dir);
    hr_buf_clear(&journal->buf);
    struct hr_record record = {kind, epoch, payload};
    uint64_t chain = journal->chain;
    put_record(&journal->buf, &record, &chain);
    hr_status status = write_buf(journal, durable, err);
    if (status != HR_OK) {
        journal->broken = true;
        return status;
    }
    journal->chain = chain;
    return HR_OK;
}

bool hr_journal_is_full(const struct hr_journal *journal)
{
    return journal->end >= FULL_BYTES;
}

/* Files before `keep` are no longer needed by recovery. */
static hr_status drop_older(struct hr_journal *journal, uint64_t keep, struct hr_err *err)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    char **names;
    uint32_t count;
    hr_status status = hr_env_list_sorted(journal->env, &arena, journal->dir, &names, &count, err);
    for (uint32_t i = 0; status == HR_OK && i < count; i++) {
        uint64_t sequence;
        if (!parse_name(names[i], &sequence) || sequence >= keep) continue;
        char *path = join_path(journal->dir, names[i]);
        status = path ? journal->env->vt->unlink(journal->env, path, err) : HR_OOM(err);
        hr_free(path);
    }
    hr_arena_done(&arena);
    return status;
}

hr_status hr_journal_rotate(struct hr_journal *journal, const struct hr_record *records,
                            uint32_t count, struct hr_err *err)
{
    assert(count > 0); /* a file without a record does not supersede the one before it */
    if (journal->broken)
        return HR_FAIL(err, HR_E_IO_FATAL, "journal %s: an earlier write failed", journal->dir);
    int old_fd = journal->fd;
    uint64_t old_sequence = journal->sequence;
    journal->broken = true; /* until the new file is whole */
    HR_TRY(create_file(journal, old_sequence + 1, err));
    HR_TRY(journal->env->vt->close(journal->env, old_fd, err));
    /* One write for all of them: a crash in the middle leaves a valid prefix, which would supersede
     * the old file without all of its facts; so the first record is written last. */
    hr_buf_clear(&journal->buf);
    uint64_t chain = journal->chain;
    size_t first_size = 0;
    for (uint32_t i = 0; i < count; i++) {
        put_record(&journal->buf, &records[i], &chain);
        if (i == 0) first_size = journal->buf.len;
    }
    HR_TRY(hr_buf_status(&journal->buf, err));
    struct hr_env *env = journal->env;
    HR_TRY(allocate_ahead(journal, journal->end + (int64_t)journal->buf.len, err));
    if (journal->buf.len > first_size)
        HR_TRY(env->vt->pwrite(env, journal->fd, journal->buf.ptr + first_size,
                               journal->buf.len - first_size, journal->end + (int64_t)first_size,
                               err));
    HR_TRY(env->vt->fdatasync(env, journal->fd, err));
    HR_TRY(env->vt->pwrite(env, journal->fd, journal->buf.ptr, first_size, journal->end, err));
    HR_TRY(env->vt->fdatasync(env, journal->fd, err));
    journal->end += (int64_t)journal->buf.len;
    journal->chain = chain;
    journal->broken = false;
    return drop_older(journal, old_sequence, err);
}
