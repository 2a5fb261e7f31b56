/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State in the checkpoint. Each epoch's changes of an operator become deltas: small ones travel in
 * the COMMIT record (one durable write an epoch), larger ones in files
 * <checkpoint>/state/<op>-<epoch>-<part>.delta that are durable before the record is. When the
 * deltas since the last snapshot outweigh it, a snapshot is made of them in the background
 * (snapshot.c) and takes their place in a later COMMIT. No epoch writes more than what it changed.
 *
 * What a restore would read, oldest first, is kept with each state (refs): the background reads it,
 * and a new journal file begins with it. The record holds size and CRC32C of a file; a restore
 * reads only what records list. Files: state/README.md.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/log.h"
#include "base/plant.h"
#include "stream/query_int.h"

#define SNAPSHOT_MIN_BYTES \
    (1 << 20) /* deltas below this are never worth a snapshot by size alone */
#define ROTATE_INLINE_BYTES (4 << 20) /* a new journal file begins with no more of inline deltas */

/* ---- files
 * ----------------------------------------------------------------------------------------- */

static char *state_path(const struct hr_query *query, const char *name)
{
    size_t size = strlen(query->state_dir) + strlen(name) + 2;
    char *path = hr_alloc(size);
    if (path) snprintf(path, size, "%s/%s", query->state_dir, name);
    return path;
}

hr_status hr_query_write_state(struct hr_query *query, const char *name,
                               const struct hr_buf *packed, struct hr_err *err)
{
    assert(packed->len > 0 && !packed->failed);
    HR_FAULT_POINT(HR_FAULT_STATE_DELTA, err);
    struct hr_env *env = query->env;
    char *path = state_path(query, name);
    if (!path) return HR_OOM(err);
    int fd;
    hr_status opened = env->vt->open(env, path, HR_OPEN_CREATE, &fd, err);
    hr_free(path);
    HR_TRY(opened);
    hr_status status = env->vt->pwrite(env, fd, packed->ptr, packed->len, 0, err);
    if (status == HR_OK) status = env->vt->fdatasync(env, fd, err);
    hr_status closed = env->vt->close(env, fd, status == HR_OK ? err : NULL);
    return status != HR_OK ? status : closed;
}

/* ---- staging
 * --------------------------------------------------------------------------------------- */

/* One part's changes, in the record or in a file. */
static hr_status stage_part(struct hr_query *query, struct hr_query_state *state, uint32_t part,
                            struct hr_state_ref *ret_ref, struct hr_err *err)
{
    assert(part < state->state->part_count);
    struct hr_buf raw, packed;
    hr_buf_init(&raw, (size_t)64 << 30);
    hr_buf_init(&packed, (size_t)64 << 30);
    struct hr_state_ref ref = {.state_id = state->state->id, .epoch = query->epoch};
    hr_status status = hr_state_part_delta(&state->state->parts[part], false, &raw, err);
    if (status != HR_OK) goto out;
    if (raw.len <= HR_INLINE_DELTA_BYTES) {
        char *bytes = hr_arena_memdup(&query->epoch_arena, raw.ptr, raw.len);
        if (!bytes) {
            status = HR_OOM(err);
            goto out;
        }
        ref.bytes = hr_svn(bytes, raw.len);
        ref.size_bytes = raw.len;
    } else {
        hr_state_file_put(&packed, hr_svn(raw.ptr, raw.len));
        HR_TRY_OUT(hr_buf_status(&packed, err));
        char *name = hr_arena_printf(&query->epoch_arena, "%u-%" PRId64 "-%u.delta", ref.state_id,
                                     query->epoch, part);
        if (!name) {
            status = HR_OOM(err);
            goto out;
        }
        HR_TRY_OUT(hr_query_write_state(query, name, &packed, err));
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

/* A snapshot that has become ready, then the epoch's deltas. */
static hr_status stage_state(struct hr_query *query, struct hr_query_state *state,
                             struct hr_commit_record *commit, bool *ret_files, struct hr_err *err)
{
    assert(state->state && commit->refs);
    if (hr_query_take_snapshot(query, state, &commit->refs[commit->ref_count])) commit->ref_count++;
    for (uint32_t p = 0; p < state->state->part_count; p++) {
        if (!hr_state_part_is_dirty(&state->state->parts[p])) continue;
        struct hr_state_ref *ref = &commit->refs[commit->ref_count];
        HR_TRY(stage_part(query, state, p, ref, err));
        commit->ref_count++;
        if (ref->file) *ret_files = true;
    }
    return HR_OK;
}

hr_status hr_query_stage_states(struct hr_query *query, struct hr_commit_record *commit,
                                struct hr_err *err)
{
    uint32_t most = 0; /* a delta for each part and a snapshot for each state */
    for (uint32_t i = 0; i < query->state_count; i++)
        most += query->states[i].state ? query->states[i].state->part_count + 1 : 0;
    commit->refs = HR_NEW_ARRAY(&query->epoch_arena, struct hr_state_ref, most + 1);
    if (!commit->refs) return HR_OOM(err);
    bool files = false;
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_query_state *state = &query->states[i];
        if (!state->state) continue;
        int64_t start_ns = hr_mono_ns(query->env);
        HR_TRY(stage_state(query, state, commit, &files, err));
        state->commit_us = (hr_mono_ns(query->env) - start_ns) / 1000;
    }
    assert(commit->ref_count <= most);
    return files ? query->env->vt->sync_dir(query->env, query->state_dir, err) : HR_OK;
}

/* ---- what a restore reads
 * -------------------------------------------------------------------------- */

static void free_ref(struct hr_state_ref *ref)
{
    hr_free((void *)(uintptr_t)ref->file);
    hr_free((void *)(uintptr_t)ref->bytes.ptr);
}

void hr_query_drop_refs(struct hr_query_state *state)
{
    assert(state->ref_count <= state->ref_capacity);
    for (uint32_t i = 0; i < state->ref_count; i++) free_ref(&state->refs[i]);
    hr_free(state->refs);
    state->refs = NULL;
    state->ref_count = state->ref_capacity = 0;
    state->delta_bytes = state->snapshot_bytes = 0;
    state->deltas = 0;
}

/* Names and bytes become the state's own. */
static hr_status copy_ref(const struct hr_state_ref *from, struct hr_state_ref *to,
                          struct hr_err *err)
{
    *to = *from;
    to->file = from->file ? hr_strdup(from->file) : NULL;
    char *bytes = from->bytes.len ? hr_alloc(from->bytes.len) : NULL;
    if (bytes) memcpy(bytes, from->bytes.ptr, from->bytes.len);
    to->bytes.ptr = bytes;
    if ((!from->file || to->file) && (!from->bytes.len || bytes)) return HR_OK;
    free_ref(to);
    return HR_OOM(err);
}

/* A snapshot stands for everything up to its epoch. */
static void drop_until(struct hr_query_state *state, int64_t epoch)
{
    const struct hr_state_ref *refs = state->refs;
    assert(state->ref_count == 0 || refs[0].epoch <= refs[state->ref_count - 1].epoch);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < state->ref_count; i++) {
        if (state->refs[i].epoch <= epoch)
            free_ref(&state->refs[i]);
        else
            state->refs[kept++] = state->refs[i];
    }
    state->ref_count = kept;
}

/* Adds one to the sums: whether a snapshot is due is asked every epoch, of thousands of deltas. */
static void count_ref(struct hr_query_state *state, const struct hr_state_ref *ref)
{
    assert(state->ref_count > 0);
    /* of a snapshot in several parts, as older programs wrote, only the first has the mark */
    if (ref->epoch == state->refs[0].epoch && state->refs[0].is_snapshot) {
        state->snapshot_bytes += (int64_t)ref->size_bytes;
    } else {
        state->delta_bytes += (int64_t)ref->size_bytes;
        state->deltas++;
    }
}

static void count_refs(struct hr_query_state *state)
{
    state->delta_bytes = state->snapshot_bytes = 0;
    state->deltas = 0;
    for (uint32_t i = 0; i < state->ref_count; i++) count_ref(state, &state->refs[i]);
}

hr_status hr_query_add_ref(struct hr_query *query, const struct hr_state_ref *ref,
                           struct hr_err *err)
{
    if (ref->state_id >= query->state_count || !query->states[ref->state_id].state)
        return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", query->checkpoint_dir, "why",
                        "it has state of an operator that this query is without");
    struct hr_query_state *state = &query->states[ref->state_id];
    if (state->ref_count == state->ref_capacity) {
        uint32_t capacity = state->ref_capacity ? state->ref_capacity * 2 : 16;
        struct hr_state_ref *refs = hr_realloc(state->refs, sizeof *refs * capacity);
        if (!refs) return HR_OOM(err);
        state->refs = refs;
        state->ref_capacity = capacity;
    }
    struct hr_state_ref copy;
    HR_TRY(copy_ref(ref, &copy, err));
    if (!ref->is_snapshot) {
        state->refs[state->ref_count++] = copy;
        count_ref(state, &copy);
        return HR_OK;
    }
    drop_until(state, ref->epoch);
    memmove(&state->refs[1], &state->refs[0], sizeof copy * state->ref_count);
    state->refs[0] = copy;
    state->ref_count++;
    count_refs(state);
    return HR_OK;
}

/* ---- after the commit
 * ------------------------------------------------------------------------------ */

/* When the deltas outweigh the snapshot, or the journal is to have room again. */
static bool wants_snapshot(const struct hr_query *query, const struct hr_query_state *state)
{
    assert(state->deltas >= 0 && state->delta_bytes >= 0);
    if (state->job || state->deltas <= state->not_before) return false;
    if (hr_journal_is_full(query->journal)) return true;
    if (state->deltas < query->snapshot_every) return false;
    return state->delta_bytes > HR_MAX(state->snapshot_bytes, (int64_t)SNAPSHOT_MIN_BYTES);
}

hr_status hr_query_states_committed(struct hr_query *query, const struct hr_commit_record *commit,
                                    struct hr_err *err)
{
    assert(commit->ref_count == 0 || commit->refs);
    bool snapshots = false;
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_state *state = query->states[i].state;
        for (uint32_t p = 0; state && p < state->part_count; p++)
            hr_state_part_committed(&state->parts[p]);
    }
    for (uint32_t i = 0; i < commit->ref_count; i++) {
        HR_TRY(hr_query_add_ref(query, &commit->refs[i], err));
        snapshots |= commit->refs[i].is_snapshot;
    }
    if (snapshots) hr_query_remove_old_state(query);
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_query_state *state = &query->states[i];
        if (state->state && wants_snapshot(query, state)) hr_query_start_snapshot(query, state);
    }
    return HR_OK;
}

/* "<op>-<epoch>-<part>.kind"; false for foreign files. */
static bool parse_state_name(const char *name, uint32_t *ret_op, int64_t *ret_epoch)
{
    uint32_t part;
    char kind[16];
    return sscanf(name, "%" SCNu32 "-%" SCNd64 "-%" SCNu32 ".%15s", ret_op, ret_epoch, &part,
                  kind) == 4;
}

static bool is_listed(const struct hr_query_state *state, const char *name)
{
    const char *underway = hr_query_snapshot_name(state);
    if (underway && strcmp(underway, name) == 0) return true;
    for (uint32_t i = 0; i < state->ref_count; i++)
        if (state->refs[i].file && strcmp(state->refs[i].file, name) == 0) return true;
    return false;
}

/* Removes the files that no restore will read: a snapshot has taken their place, or an attempt that
 * wrote them died. Called right after a commit or a restore. Failing to remove is harmless. */
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
        if (is_listed(&query->states[op], names[i])) continue;
        char *path = hr_arena_printf(&query->epoch_arena, "%s/%s", query->state_dir, names[i]);
        if (path && query->env->vt->unlink(query->env, path, &err) != HR_OK)
            HR_LOG(HR_LOG_DEBUG, "old state file %s stays: %s", path, err.msg);
    }
}

/* ---- restore
 * --------------------------------------------------------------------------------------- */

/* Into which state, and which of its slots. */
struct load_target {
    struct hr_state *state;
    uint32_t first, count;
};

static hr_status load_frame(void *arg, struct hr_str_view raw, struct hr_err *err)
{
    const struct load_target *to = arg;
    HR_TRY(hr_state_load_slots(to->state, raw, to->first, to->count, err));
    for (uint32_t p = 0; p < to->state->part_count; p++)
        hr_state_part_committed(&to->state->parts[p]);
    return HR_OK;
}

hr_status hr_query_load_ref(struct hr_query *query, struct hr_state *state,
                            const struct hr_state_ref *ref, uint32_t first, uint32_t count,
                            struct hr_err *err)
{
    assert(count > 0 && first + count <= HR_SLOT_COUNT);
    struct load_target to = {state, first, count};
    if (!ref->file) return load_frame(&to, ref->bytes, err);
    struct hr_buf file;
    hr_buf_init(&file, (size_t)64 << 30);
    char *path = state_path(query, ref->file);
    hr_status status = path ? hr_env_read_file(query->env, path, &file, err) : HR_OOM(err);
    if (status == HR_E_NOT_FOUND)
        status = HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", "the file is missing");
    if (status != HR_OK) goto out;
    if (file.len != ref->size_bytes || hr_crc32c(0, file.ptr, file.len) != ref->crc) {
        status =
            HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", path, "why", "its checksum is wrong");
        goto out;
    }
    status = hr_state_file_read(path, hr_svn(file.ptr, file.len), load_frame, &to, err);
out:
    hr_free(path);
    hr_buf_done(&file);
    return status;
}

hr_status hr_query_restore_states(struct hr_query *query, struct hr_err *err)
{
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_query_state *state = &query->states[i];
        if (!state->state) continue;
        HR_TRY(hr_state_clear(state->state, err));
        uint32_t count = state->ref_count - (HR_PLANTED(STATE_SHORT) && state->ref_count);
        for (uint32_t r = 0; r < count; r++)
            HR_TRY(hr_query_load_ref(query, state->state, &state->refs[r], 0, HR_SLOT_COUNT, err));
    }
    hr_arena_reset(&query->epoch_arena);
    return HR_OK;
}

/* ---- rotation
 * -------------------------------------------------------------------------------------- */

bool hr_query_may_rotate(const struct hr_query *query)
{
    uint64_t inline_bytes = 0;
    if (!hr_journal_is_full(query->journal)) return false;
    for (uint32_t i = 0; i < query->state_count; i++) {
        const struct hr_query_state *state = &query->states[i];
        for (uint32_t r = 0; r < state->ref_count; r++)
            inline_bytes += state->refs[r].file ? 0 : state->refs[r].size_bytes;
    }
    return inline_bytes <= ROTATE_INLINE_BYTES; /* else a snapshot is on its way */
}

/* All that a restore reads, as one COMMIT lists it. */
static hr_status list_refs(struct hr_query *query, struct hr_commit_record *commit,
                           struct hr_err *err)
{
    uint32_t all = 0;
    for (uint32_t i = 0; i < query->state_count; i++) all += query->states[i].ref_count;
    commit->refs = HR_NEW_ARRAY(&query->epoch_arena, struct hr_state_ref, all + 1);
    if (!commit->refs) return HR_OOM(err);
    commit->ref_count = 0;
    for (uint32_t i = 0; i < query->state_count; i++) {
        const struct hr_query_state *state = &query->states[i];
        for (uint32_t r = 0; r < state->ref_count; r++)
            commit->refs[commit->ref_count++] = state->refs[r];
    }
    return HR_OK;
}

/* A new journal file begins with META, the last PLAN and its COMMIT with all that a restore reads.
 * */
static hr_status rotate(struct hr_query *query, const struct hr_commit_record *commit,
                        int64_t epoch, int64_t late_us, int64_t evict_us, struct hr_err *err)
{
    struct hr_commit_record all = *commit;
    HR_TRY(list_refs(query, &all, err));
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
        .late_watermark_us = late_us,
        .evict_watermark_us = evict_us,
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
        {HR_REC_PLAN, epoch, hr_svn(plan_buf.ptr, plan_buf.len)},
        {HR_REC_COMMIT, epoch, hr_svn(commit_buf.ptr, commit_buf.len)},
    };
    HR_TRY_OUT(hr_journal_rotate(query->journal, records, HR_COUNT(records), err));
out:
    hr_buf_done(&meta_buf);
    hr_buf_done(&plan_buf);
    hr_buf_done(&commit_buf);
    return status;
}

hr_status hr_query_rotate(struct hr_query *query, const struct hr_commit_record *commit,
                          struct hr_err *err)
{
    return rotate(query, commit, query->epoch, query->previous_watermark_us, query->watermark_us,
                  err);
}

hr_status hr_query_finish_snapshots(struct hr_query *query, struct hr_err *err)
{
    bool any = false;
    if (query->replan || query->epoch == 0) return HR_OK; /* the journal does not end in a COMMIT */
    for (uint32_t i = 0; i < query->state_count; i++) {
        struct hr_state_ref ref;
        struct hr_query_state *state = &query->states[i];
        if (!state->job) continue;
        hr_query_wait_snapshot(state);
        if (!hr_query_take_snapshot(query, state, &ref)) continue;
        HR_TRY(hr_query_add_ref(query, &ref, err));
        any = true;
    }
    if (!any) return HR_OK;
    /* The last COMMIT again, as the query has advanced behind it. */
    struct hr_commit_record commit = {.next_watermark_us = query->watermark_us};
    HR_TRY(hr_watermarks_put(&query->watermarks, &query->epoch_arena, &commit, err));
    HR_TRY(rotate(query, &commit, query->epoch - 1, query->previous_watermark_us,
                  query->previous_watermark_us, err));
    hr_query_remove_old_state(query);
    hr_arena_reset(&query->epoch_arena);
    return HR_OK;
}
