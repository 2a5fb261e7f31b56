/* SPDX-License-Identifier: Apache-2.0 */
#include "stream/journal.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/hash.h"

#define FULL_BYTES    (64 << 20) /* size at which the owner should rotate */
#define HEAD_BYTES    9          /* kind, epoch */
#define WITNESS_MAGIC 0x31544957 /* "WIT1" */
#define WITNESS_BYTES 16         /* magic, epoch, crc of both */

static const struct hr_record_log_kind journal_kind = {"HRJRNL2\n", 4 << 20};

struct hr_journal {
    struct hr_env *env;
    char *checkpoint_dir, *dir; /* <checkpoint>/journal */
    int lock_fd;
    uint64_t sequence; /* number in the file's name */
    struct hr_record_log *log;
    struct hr_buf buf;
};

const char *hr_record_kind_name(enum hr_record_kind kind)
{
    switch (kind) {
    case HR_REC_META: return "META";
    case HR_REC_PLAN: return "PLAN";
    case HR_REC_COMMIT: return "COMMIT";
    case HR_REC_START: return "START";
    }
    return "UNKNOWN";
}

static char *join_path(const char *dir, const char *name)
{
    assert(dir && name);
    size_t size = strlen(dir) + strlen(name) + 2;
    char *path = hr_alloc(size);
    if (path) snprintf(path, size, "%s/%s", dir, name);
    return path;
}

static char *file_path(const char *dir, uint64_t sequence)
{
    assert(sequence > 0); /* 0 is: there is no file */
    char name[32];
    snprintf(name, sizeof name, "%020" PRIu64 ".log", sequence);
    return join_path(dir, name);
}

static bool parse_name(const char *name, uint64_t *ret_sequence)
{
    size_t len = strlen(name);
    return len == 24 && strcmp(name + 20, ".log") == 0 &&
           hr_parse_u64(hr_svn(name, 20), ret_sequence);
}

/* The number of the newest file, 0: none. Each file starts with all that is needed of the past. */
static hr_status newest_file(struct hr_env *env, const char *dir, uint64_t *ret_sequence,
                             struct hr_err *err)
{
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    char **names;
    uint32_t count;
    hr_status status = hr_env_list_sorted(env, &arena, dir, &names, &count, err);
    if (status == HR_OK) {
        *ret_sequence = 0;
        for (uint32_t i = 0; i < count; i++) parse_name(names[i], ret_sequence);
    }
    hr_arena_done(&arena);
    return status;
}

/* ---- records --------------------------------------------------------------------------------- */

struct replay {
    hr_journal_fn fn;
    void *arg;
    const char *path;
    int64_t planned; /* the last epoch that has a PLAN, -1: none */
};

static hr_status replay_record(void *arg, uint64_t number, struct hr_str_view payload,
                               struct hr_err *err)
{
    struct replay *replay = arg;
    struct hr_reader in = hr_reader(payload.ptr, payload.len);
    uint8_t kind = hr_get_u8(&in);
    int64_t epoch = (int64_t)hr_get_u64(&in);
    if (in.failed || kind < HR_REC_META || kind > HR_REC_START) {
        char why[80];
        snprintf(why, sizeof why, "record %" PRIu64 " is of no known kind", number);
        return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", replay->path, "why", why);
    }
    struct hr_record record = {(enum hr_record_kind)kind, epoch,
                               hr_svn(payload.ptr + HEAD_BYTES, payload.len - HEAD_BYTES)};
    if (kind == HR_REC_PLAN) replay->planned = epoch;
    return replay->fn(replay->arg, &record, err);
}

static void put_record(struct hr_buf *buf, const struct hr_record *record)
{
    assert(record->kind >= HR_REC_META && record->kind <= HR_REC_START);
    hr_buf_put_u8(buf, (uint8_t)record->kind);
    hr_buf_put_u64(buf, (uint64_t)record->epoch);
    hr_buf_append(buf, record->payload.ptr, record->payload.len);
}

/* ---- the witness ----------------------------------------------------------------------------- */

static hr_status write_witness(struct hr_journal *journal, int64_t epoch, struct hr_err *err)
{
    assert(journal->lock_fd >= 0 && epoch >= 0);
    char bytes[WITNESS_BYTES];
    uint32_t magic = WITNESS_MAGIC;
    memcpy(bytes, &magic, 4);
    memcpy(bytes + 4, &epoch, 8);
    uint32_t crc = hr_crc32c(0, bytes, 12);
    memcpy(bytes + 12, &crc, 4);
    return journal->env->vt->pwrite(journal->env, journal->lock_fd, bytes, sizeof bytes, 0, err);
}

/* The epoch in the lock's file; -1 when there is none (that is never an error: it is a second
 * opinion, and may be lost with the machine). */
static hr_status read_witness(struct hr_env *env, const char *checkpoint_dir, int64_t *ret,
                              struct hr_err *err)
{
    char *path = join_path(checkpoint_dir, "lock");
    if (!path) return HR_OOM(err);
    struct hr_buf buf;
    hr_buf_init(&buf, 4096);
    hr_status status =
        hr_env_exists(env, path) ? hr_env_read_file(env, path, &buf, err) : HR_OK;
    hr_free(path);
    *ret = -1;
    if (status == HR_OK && buf.len == WITNESS_BYTES) {
        uint32_t magic, crc;
        memcpy(&magic, buf.ptr, 4);
        memcpy(&crc, buf.ptr + 12, 4);
        if (magic == WITNESS_MAGIC && crc == hr_crc32c(0, buf.ptr, 12))
            memcpy(ret, buf.ptr + 4, 8);
    }
    hr_buf_done(&buf);
    return status;
}

static hr_status check_witness(struct hr_env *env, const char *checkpoint_dir, const char *path,
                               int64_t planned, struct hr_err *err)
{
    int64_t witness;
    HR_TRY(read_witness(env, checkpoint_dir, &witness, err));
    if (witness <= planned) return HR_OK;
    char why[160];
    snprintf(why, sizeof why,
             "it ends at epoch %" PRId64 ", but epoch %" PRId64
             " was committed: it is cut short, or an older copy",
             planned, witness);
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", why);
}

/* ---- opening --------------------------------------------------------------------------------- */

static hr_status take_lock(struct hr_journal *journal, struct hr_err *err)
{
    assert(journal->lock_fd < 0);
    char *path = join_path(journal->checkpoint_dir, "lock");
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
        return HR_RAISE(err, HR_E_CHECKPOINT_BUSY, "path", journal->checkpoint_dir, "pid",
                        pid > 0 ? text : "unknown");
    }
    return status;
}

struct finding {
    struct hr_env *env;
    const char *dir;
    bool found;
};

/* A file, or a folder with one in it? */
static bool find_file(void *arg, const char *name)
{
    struct finding *finding = arg;
    char *path = join_path(finding->dir, name);
    struct hr_file_info info;
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (path && finding->env->vt->stat(finding->env, path, &info, &ignored) == HR_OK) {
        struct finding below = {finding->env, path, !info.is_dir};
        if (info.is_dir && finding->env->vt->list(finding->env, path, find_file, &below, &ignored))
            below.found = true; /* what cannot be read is not nothing */
        finding->found = below.found;
    }
    hr_free(path);
    return !finding->found;
}

/* A checkpoint that has no journal must have nothing else. */
static hr_status check_empty(struct hr_journal *journal, struct hr_err *err)
{
    assert(journal->lock_fd >= 0 && !journal->log);
    static const char *const others[] = {"state", "sources"};
    HR_TRY(check_witness(journal->env, journal->checkpoint_dir, journal->dir, -1, err));
    for (size_t i = 0; i < HR_COUNT(others); i++) {
        char *path = join_path(journal->checkpoint_dir, others[i]);
        if (!path) return HR_OOM(err);
        struct finding finding = {journal->env, path, false};
        hr_status status = HR_OK;
        if (hr_env_exists(journal->env, path))
            status = journal->env->vt->list(journal->env, path, find_file, &finding, err);
        hr_free(path);
        HR_TRY(status);
        if (finding.found)
            return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", journal->dir, "why",
                            "it is empty, though the checkpoint holds state or offsets");
    }
    return HR_OK;
}

static hr_status prepare(struct hr_journal *journal, struct hr_err *err)
{
    assert(journal->lock_fd < 0 && !journal->log);
    struct hr_env *env = journal->env;
    HR_TRY(env->vt->mkdirs(env, journal->dir, err));
    HR_TRY(take_lock(journal, err));
    HR_TRY(newest_file(env, journal->dir, &journal->sequence, err));
    if (journal->sequence > 0) return HR_OK;
    HR_TRY(check_empty(journal, err));
    char *path = file_path(journal->dir, 1);
    if (!path) return HR_OOM(err);
    hr_status status = hr_record_log_create(env, path, &journal_kind, NULL, 0, &journal->log, err);
    hr_free(path);
    HR_TRY(status);
    journal->sequence = 1;
    return env->vt->sync_dir(env, journal->checkpoint_dir, err);
}

hr_status hr_journal_open(struct hr_env *env, const char *checkpoint_dir, struct hr_journal **ret,
                          struct hr_err *err)
{
    struct hr_journal *journal = hr_zalloc(sizeof *journal);
    if (!journal) return HR_OOM(err);
    journal->env = env;
    journal->lock_fd = -1;
    hr_buf_init(&journal->buf, (size_t)1 << 30);
    journal->checkpoint_dir = hr_strdup(checkpoint_dir);
    journal->dir = join_path(checkpoint_dir, "journal");
    hr_status status =
        journal->checkpoint_dir && journal->dir ? prepare(journal, err) : HR_OOM(err);
    if (status != HR_OK) {
        hr_journal_close(journal);
        return status;
    }
    *ret = journal;
    return HR_OK;
}

hr_status hr_journal_replay(struct hr_journal *journal, hr_journal_fn fn, void *arg,
                            struct hr_err *err)
{
    assert(journal->lock_fd >= 0 && journal->sequence > 0);
    if (journal->log) return HR_OK; /* made by open: nothing is in it */
    char *path = file_path(journal->dir, journal->sequence);
    if (!path) return HR_OOM(err);
    struct replay replay = {fn, arg, path, -1};
    hr_status status = hr_record_log_open(journal->env, path, &journal_kind, replay_record, &replay,
                                          &journal->log, err);
    if (status == HR_OK)
        status =
            check_witness(journal->env, journal->checkpoint_dir, path, replay.planned, err);
    hr_free(path);
    return status;
}

void hr_journal_close(struct hr_journal *journal)
{
    if (!journal) return;
    struct hr_err ignored;
    hr_err_init(&ignored);
    hr_record_log_close(journal->log);
    if (journal->lock_fd >= 0)
        HR_UNUSED(journal->env->vt->close(journal->env, journal->lock_fd, &ignored));
    hr_buf_done(&journal->buf);
    hr_free(journal->checkpoint_dir);
    hr_free(journal->dir);
    hr_free(journal);
}

hr_status hr_journal_scan(struct hr_env *env, const char *checkpoint_dir, hr_journal_fn fn,
                          void *arg, struct hr_err *err)
{
    char *dir = join_path(checkpoint_dir, "journal"), *path = NULL;
    if (!dir) return HR_OOM(err);
    hr_status status;
    if (!hr_env_exists(env, dir)) {
        status = HR_FAIL(err, HR_E_NOT_FOUND, "%s is no checkpoint of Headrace: it has no journal",
                         checkpoint_dir);
        goto out;
    }
    uint64_t sequence;
    HR_TRY_OUT(newest_file(env, dir, &sequence, err));
    if (!(path = file_path(dir, sequence))) {
        status = HR_OOM(err);
        goto out;
    }
    struct replay replay = {fn, arg, path, -1};
    if (sequence > 0)
        HR_TRY_OUT(hr_record_log_read(env, path, &journal_kind, replay_record, &replay, err));
    status = check_witness(env, checkpoint_dir, path, replay.planned, err);
out:
    hr_free(dir);
    hr_free(path);
    return status;
}

/* ---- writing --------------------------------------------------------------------------------- */

hr_status hr_journal_append(struct hr_journal *journal, enum hr_record_kind kind, int64_t epoch,
                            struct hr_str_view payload, bool durable, struct hr_err *err)
{
    assert(journal->log); /* replayed */
    struct hr_record record = {kind, epoch, payload};
    hr_buf_clear(&journal->buf);
    put_record(&journal->buf, &record);
    HR_TRY(hr_buf_status(&journal->buf, err));
    HR_TRY(hr_record_log_append(journal->log, hr_svn(journal->buf.ptr, journal->buf.len), durable,
                                err));
    return kind == HR_REC_COMMIT && durable ? write_witness(journal, epoch, err) : HR_OK;
}

bool hr_journal_is_full(const struct hr_journal *journal)
{
    assert(journal->log);
    return hr_record_log_bytes(journal->log) >= FULL_BYTES;
}

/* Files before `keep` are no longer needed by recovery. */
static hr_status drop_older(struct hr_journal *journal, uint64_t keep, struct hr_err *err)
{
    assert(keep <= journal->sequence);
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
    assert(count > 0 && count <= 8); /* a file without a record would not supersede the old one */
    struct hr_str_view payloads[8];
    size_t ends[8];
    hr_buf_clear(&journal->buf);
    for (uint32_t i = 0; i < count; i++) {
        put_record(&journal->buf, &records[i]);
        ends[i] = journal->buf.len;
    }
    HR_TRY(hr_buf_status(&journal->buf, err));
    for (uint32_t i = 0; i < count; i++) {
        size_t start = i ? ends[i - 1] : 0;
        payloads[i] = hr_svn(journal->buf.ptr + start, ends[i] - start);
    }
    char *path = file_path(journal->dir, journal->sequence + 1);
    if (!path) return HR_OOM(err);
    struct hr_record_log *log;
    hr_status status =
        hr_record_log_create(journal->env, path, &journal_kind, payloads, count, &log, err);
    hr_free(path);
    HR_TRY(status);
    hr_record_log_close(journal->log);
    journal->log = log;
    journal->sequence++;
    return drop_older(journal, journal->sequence, err);
}
