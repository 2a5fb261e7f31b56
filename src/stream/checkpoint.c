/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State in the checkpoint. Each epoch's changes of an operator become deltas: small ones travel in
 * the COMMIT record (one durable write an epoch), larger ones in files
 * <checkpoint>/state/<op>-<epoch>-<part> .delta that are durable before the record is. When the
 * deltas since the last snapshot outweigh it, the epoch writes a snapshot instead of a delta.
 *
 *   file = magic "HRST" │ codec u8 │ raw size u64 │ bytes (LZ4 when codec is 1)
 *
 * The COMMIT record holds size and CRC32C of the file; a restore reads only what records list.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/log.h"
#include "hr_config.h"
#include "stream/query_int.h"

#ifdef HR_HAVE_LZ4
#include <lz4.h>
#endif

#define FILE_MAGIC      "HRST"
#define FILE_HEAD_BYTES 13
#define SNAPSHOT_MIN_BYTES \
    (1 << 20) /* deltas below this are never worth a snapshot by size alone */
#define RAW_MAX_BYTES (UINT64_C(1) << 40)

enum { CODEC_NONE = 0, CODEC_LZ4 = 1 };

/* ---- files
 * ----------------------------------------------------------------------------------------- */

static void pack(const struct hr_buf *raw, struct hr_buf *out)
{
    hr_buf_append(out, FILE_MAGIC, 4);
#ifdef HR_HAVE_LZ4
    if (raw->len < LZ4_MAX_INPUT_SIZE) {
        hr_buf_put_u8(out, CODEC_LZ4);
        hr_buf_put_u64(out, raw->len);
        int bound = LZ4_compressBound((int)raw->len);
        char *to = hr_buf_reserve(out, (size_t)bound);
        if (to) out->len += (size_t)LZ4_compress_default(raw->ptr, to, (int)raw->len, bound);
        return;
    }
#endif
    hr_buf_put_u8(out, CODEC_NONE);
    hr_buf_put_u64(out, raw->len);
    hr_buf_append(out, raw->ptr, raw->len);
}

static hr_status unpack(const char *path, struct hr_str_view file, struct hr_buf *out,
                        struct hr_err *err)
{
    struct hr_reader in = hr_reader(file.ptr, file.len);
    in.pos += HR_MIN(file.len, (size_t)4);
    uint8_t codec = hr_get_u8(&in);
    uint64_t raw_size = hr_get_u64(&in);
    if (in.failed || memcmp(file.ptr, FILE_MAGIC, 4) != 0 || raw_size > RAW_MAX_BYTES)
        return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", "it is no state file");
    size_t size = (size_t)(in.end - in.pos);
    char *to = hr_buf_reserve(out, raw_size);
    if (!to) return hr_buf_status(out, err);
    bool good = false;
    if (codec == CODEC_NONE && size == raw_size) {
        memcpy(to, in.pos, size);
        good = true;
    }
#ifdef HR_HAVE_LZ4
    if (codec == CODEC_LZ4 && raw_size < LZ4_MAX_INPUT_SIZE)
        good = LZ4_decompress_safe((const char *)in.pos, to, (int)size, (int)raw_size) ==
               (int)raw_size;
#else
    if (codec == CODEC_LZ4)
        return HR_FAIL(err, HR_E_NOT_SUPPORTED,
                       "%s is compressed with LZ4, which this build is without", path);
#endif
    if (!good)
        return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why",
                        "its content cannot be unpacked");
    out->len += raw_size;
    return HR_OK;
}

static hr_status write_file(struct hr_query *query, const char *name, const struct hr_buf *packed,
                            struct hr_err *err)
{
    HR_FAULT_POINT(HR_FAULT_STATE_DELTA, err);
    struct hr_env *env = query->env;
    char *path = hr_arena_printf(&query->epoch_arena, "%s/%s", query->state_dir, name);
    if (!path) return HR_OOM(err);
    int fd;
    HR_TRY(env->vt->open(env, path, HR_OPEN_CREATE, &fd, err));
    hr_status status = env->vt->pwrite(env, fd, packed->ptr, packed->len, 0, err);
    if (status == HR_OK) status = env->vt->fdatasync(env, fd, err);
    hr_status closed = env->vt->close(env, fd, status == HR_OK ? err : NULL);
    return status != HR_OK ? status : closed;
}

/* ---- staging
 * --------------------------------------------------------------------------------------- */

static bool wants_snapshot(const struct hr_query *query, const struct hr_query_state *state)
{
    if (state->deltas < query->snapshot_every) return false;
    return state->delta_bytes > HR_MAX(state->snapshot_bytes, (int64_t)SNAPSHOT_MIN_BYTES);
}

static hr_status stage_part(struct hr_query *query, struct hr_query_state *state, uint32_t part,
                            bool snapshot, struct hr_state_ref *ret_ref, struct hr_err *err)
{
    struct hr_buf raw, packed;
    hr_buf_init(&raw, (size_t)64 << 30);
    hr_buf_init(&packed, (size_t)64 << 30);
    struct hr_state_ref ref = {
        .state_id = state->state->id, .is_snapshot = snapshot && part == 0, .epoch = query->epoch};
    hr_status status = hr_state_part_delta(&state->state->parts[part], snapshot, &raw, err);
    if (status != HR_OK) goto out;
    if (!snapshot && raw.len <= HR_INLINE_DELTA_BYTES) {
        char *bytes = hr_arena_memdup(&query->epoch_arena, raw.ptr, raw.len);
        if (!bytes) {
            status = HR_OOM(err);
            goto out;
        }
        ref.bytes = hr_svn(bytes, raw.len);
        ref.size_bytes = raw.len;
    } else {
        pack(&raw, &packed);
        HR_TRY_OUT(hr_buf_status(&packed, err));
        char *name = hr_arena_printf(&query->epoch_arena, "%u-%" PRId64 "-%u.%s", ref.state_id,
                                     query->epoch, part, snapshot ? "snapshot" : "delta");
        if (!name) {
            status = HR_OOM(err);
            goto out;
        }
        HR_TRY_OUT(write_file(query, name, &packed, err));
        ref.file = name;
        ref.size_bytes = packed.len;
        ref.crc = hr_crc32c(0, packed.ptr, packed.len);
    }
    *ret_ref = ref;
out:
    hr_buf_done(&raw);
    hr_buf_done(&packed);
    return status;
}

static hr_status stage_state(struct hr_query *query, struct hr_query_state *state, bool snapshot,
                             struct hr_commit_record *commit, bool *ret_files, struct hr_err *err)
{
    for (uint32_t p = 0; p < state->state->part_count; p++) {
        if (!snapshot && !hr_state_part_is_dirty(&state->state->parts[p])) continue;
        struct hr_state_ref *ref = &commit->refs[commit->ref_count];
        HR_TRY(stage_part(query, state, p, snapshot, ref, err));
        commit->ref_count++;
        if (ref->file) *ret_files = true;
    }
    return HR_OK;
}

static hr_status stage_all(struct hr_query *query, bool snapshots, struct hr_commit_record *commit,
                           struct hr_err *err)
{
    uint32_t parts = 0;
    for (uint32_t i = 0; i < query->state_count; i++)
        parts += query->states[i].state ? query->states[i].state->part_count : 0;
    commit->refs = HR_NEW_ARRAY(&query->epoch_arena, struct hr_state_ref, parts + 1);
    if (!commit->refs) return HR_OOM(err);
    bool files = false;
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_query_state *state = &query->states[i];
        if (!state->state) continue;
        HR_TRY(stage_state(query, state, snapshots || wants_snapshot(query, state), commit, &files,
                           err));
    }
    return files ? query->env->vt->sync_dir(query->env, query->state_dir, err) : HR_OK;
}

hr_status hr_query_stage_states(struct hr_query *query, struct hr_commit_record *commit,
                                struct hr_err *err)
{
    return stage_all(query, false, commit, err);
}

/* ---- after the commit
 * ------------------------------------------------------------------------------ */

hr_status hr_query_add_ref(struct hr_query *query, const struct hr_state_ref *ref,
                           struct hr_err *err)
{
    if (ref->state_id >= query->state_count || !query->states[ref->state_id].state)
        return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", query->checkpoint_dir, "why",
                        "it has state of an operator that this query is without");
    struct hr_query_state *state = &query->states[ref->state_id];
    if (ref->is_snapshot) {
        state->ref_count = 0;
        state->delta_bytes = state->snapshot_bytes = 0;
        state->deltas = 0;
    }
    if (state->ref_count == state->ref_capacity) {
        uint32_t capacity = state->ref_capacity ? state->ref_capacity * 2 : 16;
        struct hr_state_ref *refs = hr_realloc(state->refs, sizeof *refs * capacity);
        if (!refs) return HR_OOM(err);
        state->refs = refs;
        state->ref_capacity = capacity;
    }
    state->refs[state->ref_count++] = *ref;
    return HR_OK;
}

static void count_refs(struct hr_query *query, const struct hr_commit_record *commit)
{
    for (uint32_t i = 0; i < commit->ref_count; i++) {
        const struct hr_state_ref *ref = &commit->refs[i];
        struct hr_query_state *state = &query->states[ref->state_id];
        if (ref->is_snapshot) {
            state->delta_bytes = 0;
            state->snapshot_bytes = 0;
            state->deltas = 0;
        }
        bool of_snapshot = ref->file && strstr(ref->file, ".snapshot") != NULL;
        if (of_snapshot) {
            state->snapshot_bytes += (int64_t)ref->size_bytes;
        } else {
            state->delta_bytes += (int64_t)ref->size_bytes;
            state->deltas++;
        }
    }
}

void hr_query_states_committed(struct hr_query *query, const struct hr_commit_record *commit)
{
    bool snapshots = false;
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_state *state = query->states[i].state;
        for (uint32_t p = 0; state && p < state->part_count; p++)
            hr_state_part_committed(&state->parts[p]);
    }
    count_refs(query, commit);
    for (uint32_t i = 0; i < commit->ref_count; i++) snapshots |= commit->refs[i].is_snapshot;
    if (snapshots) hr_query_remove_old_state(query);
}

/* "<op>-<epoch>-<part>.kind"; false for foreign files. */
static bool parse_state_name(const char *name, uint32_t *ret_op, int64_t *ret_epoch)
{
    uint32_t part;
    char kind[16];
    return sscanf(name, "%" SCNu32 "-%" SCNd64 "-%" SCNu32 ".%15s", ret_op, ret_epoch, &part,
                  kind) == 4;
}

/* Removes the files that no restore will read: those from before an operator's last snapshot.
 * Called right after a commit with snapshots, whose epoch is the limit. Failing to remove is
 * harmless. */
void hr_query_remove_old_state(struct hr_query *query)
{
    char **names;
    uint32_t count;
    struct hr_err err;
    hr_err_init(&err);
    if (hr_env_list_sorted(query->env, &query->epoch_arena, query->state_dir, &names, &count,
                           &err) != HR_OK)
        return;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t op;
        int64_t epoch;
        if (!parse_state_name(names[i], &op, &epoch) || op >= query->state_count) continue;
        if (query->states[op].deltas > 0 || epoch >= query->epoch) continue;
        char *path = hr_arena_printf(&query->epoch_arena, "%s/%s", query->state_dir, names[i]);
        if (path && query->env->vt->unlink(query->env, path, &err) != HR_OK)
            HR_LOG(HR_LOG_DEBUG, "old state file %s stays: %s", path, err.msg);
    }
}

/* ---- restore
 * --------------------------------------------------------------------------------------- */

static hr_status restore_ref(struct hr_query *query, struct hr_state *state,
                             const struct hr_state_ref *ref, struct hr_err *err)
{
    if (!ref->file) return hr_state_load(state, ref->bytes, err);
    struct hr_buf file, raw;
    hr_buf_init(&file, (size_t)64 << 30);
    hr_buf_init(&raw, (size_t)64 << 30);
    hr_status status = HR_OK;
    char *path = hr_arena_printf(&query->epoch_arena, "%s/%s", query->state_dir, ref->file);
    if (!path) {
        status = HR_OOM(err);
        goto out;
    }
    status = hr_env_read_file(query->env, path, &file, err);
    if (status == HR_E_NOT_FOUND)
        status = HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", "the file is missing");
    if (status != HR_OK) goto out;
    if (file.len != ref->size_bytes || hr_crc32c(0, file.ptr, file.len) != ref->crc) {
        status =
            HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", "its checksum is wrong");
        goto out;
    }
    HR_TRY_OUT(unpack(path, hr_svn(file.ptr, file.len), &raw, err));
    status = hr_state_load(state, hr_svn(raw.ptr, raw.len), err);
out:
    hr_buf_done(&file);
    hr_buf_done(&raw);
    return status;
}

hr_status hr_query_restore_states(struct hr_query *query, struct hr_err *err)
{
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_query_state *state = &query->states[i];
        if (!state->state) continue;
        HR_TRY(hr_state_clear(state->state, err));
        for (uint32_t r = 0; r < state->ref_count; r++) {
            HR_TRY(restore_ref(query, state->state, &state->refs[r], err));
            for (uint32_t p = 0; p < state->state->part_count; p++)
                hr_state_part_committed(&state->state->parts[p]);
            state->delta_bytes += (int64_t)state->refs[r].size_bytes;
            state->deltas++;
        }
    }
    hr_arena_reset(&query->epoch_arena);
    return HR_OK;
}

/* ---- rotation
 * -------------------------------------------------------------------------------------- */

/* A new journal file begins with META, the last PLAN and its COMMIT with snapshots of all state. */
hr_status hr_query_rotate(struct hr_query *query, const struct hr_commit_record *commit,
                          struct hr_err *err)
{
    struct hr_commit_record all = *commit;
    HR_TRY(stage_all(query, true, &all, err));
    const char **starts = HR_NEW_ARRAY(&query->epoch_arena, const char *, query->stream_count + 1);
    const char **ends = HR_NEW_ARRAY(&query->epoch_arena, const char *, query->stream_count + 1);
    if (!starts || !ends) return HR_OOM(err);
    for (uint32_t i = 0; i < query->scan_count; i++) {
        struct hr_query_scan *scan = &query->scans[i];
        if (!scan->streaming) continue;
        starts[scan->stream_index] = hr_buf_cstr(&scan->start);
        ends[scan->stream_index] = hr_buf_cstr(&scan->end);
    }
    struct hr_plan_record plan = {
        .timestamp_us = query->last_start_us,
        .late_watermark_us = query->previous_watermark_us,
        .evict_watermark_us = query->watermark_us,
        .source_count = query->stream_count,
        .starts = starts,
        .ends = ends,
    };
    struct hr_buf meta_buf, plan_buf, commit_buf;
    hr_buf_init(&meta_buf, 0);
    hr_buf_init(&plan_buf, 0);
    hr_buf_init(&commit_buf, 0);
    hr_meta_record_put(&query->meta, &meta_buf);
    hr_plan_record_put(&plan, &plan_buf);
    hr_commit_record_put(&all, &commit_buf);
    hr_status status;
    HR_TRY_OUT(hr_buf_status(&meta_buf, err));
    HR_TRY_OUT(hr_buf_status(&plan_buf, err));
    HR_TRY_OUT(hr_buf_status(&commit_buf, err));
    struct hr_record records[] = {
        {HR_REC_META, -1, hr_svn(meta_buf.ptr, meta_buf.len)},
        {HR_REC_PLAN, query->epoch, hr_svn(plan_buf.ptr, plan_buf.len)},
        {HR_REC_COMMIT, query->epoch, hr_svn(commit_buf.ptr, commit_buf.len)},
    };
    HR_TRY_OUT(hr_journal_rotate(query->journal, records, HR_COUNT(records), err));
    count_refs(query, &all);
    if (query->state_count) hr_query_remove_old_state(query);
out:
    hr_buf_done(&meta_buf);
    hr_buf_done(&plan_buf);
    hr_buf_done(&commit_buf);
    return status;
}
