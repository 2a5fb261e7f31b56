/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: after every batch what it changed, and a small file that says what counts.
 *
 *   <checkpoint>/segment-N              data, each record written once (segments.h):
 *                                       RDDs of windows, changes of states (map_state.c, delta.c)
 *   <checkpoint>/dstream.checkpoint     renamed into place when the data is durable:
 *       magic, id, interval, zero, last batch, segments with their lengths, number of streams
 *       per stream: parameters (params.c), how long it remembers, the first segment it needs for
 *       its state, its own bytes
 *       CRC-32C of all of it
 *   <checkpoint>/lock                   held by the process that has the checkpoint
 *
 * A crash at any point leaves the file of the last batch that was finished, and all data that it
 * names; what was written since is not named by it, and swept at the next start. Of a stream whose
 * RDDs are kept every one of the remembered times was generated in its batch; one that has no
 * record had no rows. Functions are not in it: the program builds the same graph again, and a graph
 * whose streams differ in what state depends on is refused (HR_E_CHECKPOINT_MISMATCH).
 *
 * What is damaged, missing or older than the rest is refused (HR_E_CHECKPOINT_CORRUPT): the small
 * file and the segments by checksums, which hold the id of the checkpoint and the number of the
 * segment; segments without the small file; a small file that is older than records or plan.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/fault.h"
#include "base/hash.h"
#include "dstream/delta.h"
#include "rdd/block_store.h"

#define MAGIC    0x33534448u /* "HDS3" */
#define DATA_MAX ((size_t)64 << 30)

#define LOCK_TRIES   50
#define LOCK_WAIT_US 10000

static hr_status path_of(const struct hr_streaming *ssc, const char *name, struct hr_buf *ret,
                         struct hr_err *err)
{
    hr_buf_clear(ret);
    hr_buf_printf(ret, "%s/%s", ssc->checkpoint_dir, name);
    return hr_buf_status(ret, err);
}

/* --- Writing ---------------------------------------------------------------------------------- */

static hr_status put_whole(struct hr_dstream *ds, struct hr_ds_generated *g, bool delta,
                           struct hr_err *err)
{
    struct hr_rows *rows = hr_rdd_collect(g->rdd, err);
    struct hr_buf bytes;
    hr_buf_init(&bytes, DATA_MAX);
    hr_status status = rows ? HR_OK : err->code;
    for (uint32_t i = 0; status == HR_OK && i < rows->batch_count; i++)
        if (rows->batches[i]->sel_count)
            status = hr_batch_file_append(&bytes, rows->batches[i], err);
    if (status == HR_OK) status = hr_buf_status(&bytes, err);
    /* In front of deltas, a state that has become empty must be said to be so. */
    if (status == HR_OK && (bytes.len || (delta && ds->needs_from))) {
        g->segment = hr_ds_segments_position(&ds->ssc->log);
        struct hr_ds_record record = {.stream = ds->id,
                                      .kind = HR_DS_RECORD_RDD,
                                      .time = g->time,
                                      .bytes = hr_svn(bytes.ptr, bytes.len)};
        status = hr_ds_segments_put(&ds->ssc->log, &record, err);
    }
    g->saved = status == HR_OK;
    if (delta && g->saved && g->segment) hr_ds_delta_whole(ds, g, bytes.len);
    hr_buf_done(&bytes);
    hr_rows_free(rows);
    return status;
}

static hr_status put_rdd(struct hr_dstream *ds, struct hr_ds_generated *g, struct hr_err *err)
{
    bool done = false, delta = hr_ds_delta_fits(ds);
    if (delta) HR_TRY(hr_ds_delta_put(ds, g, &done, err));
    if (!delta) ds->needs_from = 0;
    return done ? HR_OK : put_whole(ds, g, delta, err);
}

/* What has come since the last checkpoint. The RDD of this batch is made where nobody has asked for
 * it yet (a window that slides by several batches): its input is here now only. */
static hr_status put_data(struct hr_dstream *ds, struct hr_err *err)
{
    struct hr_streaming *ssc = ds->ssc;
    if (ds->checkpointed && ds->used) {
        struct hr_rdd *rdd;
        HR_TRY(hr_ds_rdd(ds, ssc->last, &rdd, err));
        for (struct hr_ds_generated *g = ds->generated; g; g = g->next)
            if (!g->saved && g->time > ssc->last - ds->remember) HR_TRY(put_rdd(ds, g, err));
    }
    return ds->vt->put_changes && ds->used ? ds->vt->put_changes(ds, err) : HR_OK;
}

/* The oldest segment that a restart would need. */
static uint64_t oldest_needed(const struct hr_streaming *ssc)
{
    uint64_t oldest = hr_ds_segments_position(&ssc->log);
    for (const struct hr_dstream *ds = ssc->first; ds; ds = ds->next) {
        if (ds->needs_from) oldest = HR_MIN(oldest, ds->needs_from);
        for (const struct hr_ds_generated *g = ds->generated; g && ds->checkpointed; g = g->next)
            if (g->segment && g->time > ssc->last - ds->remember)
                oldest = HR_MIN(oldest, g->segment);
    }
    return oldest;
}

static hr_status put_meta(struct hr_streaming *ssc, struct hr_buf *out, struct hr_err *err)
{
    hr_buf_put_u32(out, MAGIC);
    hr_buf_put_bytes(out, ssc->checkpoint_id, strlen(ssc->checkpoint_id));
    hr_buf_put_u64(out, (uint64_t)ssc->interval);
    hr_buf_put_u64(out, (uint64_t)ssc->zero);
    hr_buf_put_u64(out, (uint64_t)ssc->last);
    hr_ds_segments_save(&ssc->log, out);
    hr_buf_put_u32(out, ssc->stream_count);
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next) {
        struct hr_buf own = {0}, params = {0};
        hr_ds_params_put(ds, &params);
        hr_buf_put_bytes(out, params.ptr, params.len);
        hr_buf_done(&params);
        hr_buf_put_u64(out, (uint64_t)ds->remember);
        hr_buf_put_u64(out, ds->needs_from);
        hr_status status = ds->vt->save ? ds->vt->save(ds, &own, err) : HR_OK;
        hr_buf_put_bytes(out, own.ptr, own.len);
        hr_buf_done(&own);
        HR_TRY(status);
    }
    HR_TRY(hr_buf_status(out, err));
    hr_buf_put_u32(out, hr_crc32c(0, out->ptr, out->len));
    return hr_buf_status(out, err);
}

hr_status hr_ds_checkpoint_write(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_buf out = {0}, path = {0};
    uint32_t before = ssc->log.count;
    hr_ds_segments_begin(&ssc->log);
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next) HR_TRY(put_data(ds, err));
    HR_TRY(hr_ds_segments_sync(&ssc->log, err));
    hr_ds_segments_drop(&ssc->log, oldest_needed(ssc));
    hr_status status = put_meta(ssc, &out, err);
    if (status == HR_OK) status = path_of(ssc, "dstream.checkpoint", &path, err);
    if (status == HR_OK && hr_fault_hit(HR_FAULT_JOURNAL_COMMIT))
        status = HR_FAIL(err, HR_E_IO, "injected fault at journal-commit");
    if (status == HR_OK)
        status = hr_env_write_file(ssc->ctx->env, hr_buf_cstr(&path), out.ptr, out.len, err);
    if (status == HR_OK && ssc->log.count < before) hr_ds_segments_sweep(&ssc->log);
    hr_buf_done(&path);
    hr_buf_done(&out);
    return status;
}

/* --- Restoring -------------------------------------------------------------------------------- */

static hr_status corrupt(const struct hr_streaming *ssc, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", ssc->checkpoint_dir, "why", why);
}

static hr_status mismatch(const struct hr_streaming *ssc, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", ssc->checkpoint_dir, "why", why);
}

static hr_status put_restored(struct hr_dstream *ds, int64_t time, uint64_t segment,
                              const struct hr_batch_list *list, struct hr_err *err)
{
    uint32_t *parts = hr_zalloc((list->count + 1) * sizeof *parts);
    if (!parts) return HR_OOM(err);
    hr_context_share(ds->ssc->ctx, list->items, list->count);
    struct hr_rdd *rdd = hr_node_from_batches(ds->ssc->batch_pool, ds->schema, list->items, parts,
                                              list->count, list->count > 0, err);
    hr_free(parts);
    if (!rdd) return err->code;
    hr_node_of(rdd)->key_columns = ds->key_columns;
    HR_TRY(hr_node_account(rdd, ds->ssc->budget, err));
    HR_TRY(hr_ds_put(ds, time, rdd, err));
    for (struct hr_ds_generated *g = ds->generated; g; g = g->next) {
        if (g->time != time) continue;
        g->segment = segment;
        g->saved = true;
    }
    return HR_OK;
}

static hr_status get_rdd(struct hr_dstream *ds, const struct hr_ds_record *record,
                         struct hr_err *err)
{
    struct hr_batch_list list = {0};
    struct hr_reader reader = hr_reader(record->bytes.ptr, record->bytes.len);
    hr_status status = HR_OK;
    for (;;) {
        struct hr_batch *batch = NULL;
        status = hr_batch_file_next(&reader, ds->schema, NULL, &batch, err);
        if (status == HR_OK && batch) status = hr_batch_list_push(&list, batch, err);
        if (status != HR_OK || !batch) break;
    }
    if (status == HR_OK) status = put_restored(ds, record->time, record->segment, &list, err);
    hr_batch_list_done(&list);
    return status;
}

static struct hr_dstream *by_id(const struct hr_streaming *ssc, uint32_t id)
{
    struct hr_dstream *ds = ssc->first;
    while (ds && ds->id != id) ds = ds->next;
    return ds;
}

static hr_status take_record(void *arg, const struct hr_ds_record *record, struct hr_err *err)
{
    struct hr_streaming *ssc = arg;
    struct hr_dstream *ds = by_id(ssc, record->stream);
    if (!ds) return corrupt(ssc, "a record of a stream that is not there", err);
    if (ds->needs_from && !ds->vt->replay)
        return record->segment >= ds->needs_from ? hr_ds_delta_replay(ds, record, err) : HR_OK;
    if (record->kind != HR_DS_RECORD_RDD)
        return ds->vt->replay && record->segment >= ds->needs_from ? ds->vt->replay(ds, record, err)
                                                                   : HR_OK;
    bool wanted = ds->checkpointed && record->time > ssc->last - ds->remember &&
                  record->time <= ssc->last && !hr_ds_remembered(ds, record->time);
    return wanted ? get_rdd(ds, record, err) : HR_OK;
}

/* The last RDD where it was kept by its changes; then the times without a record: no rows. */
static hr_status fill_gaps(struct hr_dstream *ds, struct hr_err *err)
{
    const struct hr_streaming *ssc = ds->ssc;
    struct hr_batch_list none = {0}, rows = {0};
    int64_t back = (ssc->last - ssc->zero) / ds->slide * ds->slide;
    if (ds->needs_from) {
        hr_status status = hr_ds_delta_rows(ds, &rows, err);
        if (status == HR_OK && back > 0)
            status = put_restored(ds, ssc->zero + back, ds->needs_from, &rows, err);
        hr_batch_list_done(&rows);
        HR_TRY(status);
    }
    for (int64_t time = ssc->zero + back; time > ssc->zero && time > ssc->last - ds->remember;
         time -= ds->slide)
        if (!hr_ds_remembered(ds, time)) HR_TRY(put_restored(ds, time, 0, &none, err));
    return HR_OK;
}

static hr_status get_stream(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct hr_buf why = {0};
    struct hr_str_view params = hr_get_bytes(in);
    ds->remembered = (int64_t)hr_get_u64(in);
    bool differ = hr_ds_params_differ(ds, params, &why);
    hr_status status = differ && !in->failed ? mismatch(ds->ssc, hr_buf_cstr(&why), err) : HR_OK;
    hr_buf_done(&why);
    HR_TRY(status);
    ds->needs_from = hr_get_u64(in);
    struct hr_str_view own = hr_get_bytes(in);
    if (in->failed) return corrupt(ds->ssc, "a stream's own part is cut short", err);
    if (!ds->vt->load) return HR_OK;
    struct hr_reader reader = hr_reader(own.ptr, own.len);
    return ds->vt->load(ds, &reader, err);
}

static hr_status check_remembered(const struct hr_dstream *ds, struct hr_err *err)
{
    char why[128];
    if (!ds->checkpointed || !ds->used || ds->remember <= ds->remembered) return HR_OK;
    snprintf(why, sizeof why, "the RDDs of stream %u were kept for %lld us, now %lld us are wanted",
             ds->id, (long long)ds->remembered, (long long)ds->remember);
    return mismatch(ds->ssc, why, err);
}

static hr_status get_meta(struct hr_streaming *ssc, const struct hr_buf *file, struct hr_err *err)
{
    if (file->len < 36) return corrupt(ssc, "dstream.checkpoint is too short", err);
    struct hr_reader tail = hr_reader(file->ptr + file->len - 4, 4);
    if (hr_get_u32(&tail) != hr_crc32c(0, file->ptr, file->len - 4))
        return corrupt(ssc, "the checksum of dstream.checkpoint is wrong", err);
    struct hr_reader in = hr_reader(file->ptr, file->len - 4);
    if (hr_get_u32(&in) != MAGIC) return corrupt(ssc, "not a checkpoint of this version", err);
    struct hr_str_view id = hr_get_bytes(&in);
    if (id.len >= sizeof ssc->checkpoint_id) return corrupt(ssc, "its id is too long", err);
    snprintf(ssc->checkpoint_id, sizeof ssc->checkpoint_id, "%.*s", (int)id.len, id.ptr);
    if ((int64_t)hr_get_u64(&in) != ssc->interval)
        return mismatch(ssc, "the batch interval is another", err);
    ssc->zero = (int64_t)hr_get_u64(&in);
    ssc->last = (int64_t)hr_get_u64(&in);
    HR_TRY(hr_ds_segments_load(&ssc->log, &in, err));
    if (hr_get_u32(&in) != ssc->stream_count)
        return mismatch(ssc, "the graph has another number of streams", err);
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next) HR_TRY(get_stream(ds, &in, err));
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next) HR_TRY(check_remembered(ds, err));
    return HR_OK;
}

static hr_status get_data(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_pool pool;
    hr_pool_init(&pool, ssc->ctx);
    ssc->batch_pool = &pool;
    hr_status status = hr_ds_segments_replay(&ssc->log, take_record, ssc, err);
    for (struct hr_dstream *ds = ssc->first; ds && status == HR_OK; ds = ds->next) {
        if (ds->checkpointed && ds->used) status = fill_gaps(ds, err);
        if (status == HR_OK && ds->vt->replayed) status = ds->vt->replayed(ds, err);
    }
    ssc->batch_pool = NULL;
    hr_pool_done(&pool);
    return status;
}

static hr_status take_lock(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_env *env = ssc->ctx->env;
    struct hr_buf path = {0};
    int64_t pid = 0;
    hr_status status = path_of(ssc, "lock", &path, err);
    if (status == HR_OK)
        status = env->vt->open(env, hr_buf_cstr(&path), HR_OPEN_UPDATE, &ssc->lock_fd, err);
    hr_buf_done(&path);
    HR_TRY(status);
    ssc->locked = true;
    /* Workers of a killed program hold its lock for the moment until they end, too. */
    for (int tries = 0;
         (status = env->vt->lock(env, ssc->lock_fd, &pid, err)) == HR_E_AGAIN && tries < LOCK_TRIES;
         tries++)
        hr_env_default()->vt->sleep_us(hr_env_default(), LOCK_WAIT_US);
    if (status != HR_E_AGAIN) return status;
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, pid);
    return HR_RAISE(err, HR_E_CHECKPOINT_BUSY, "path", ssc->checkpoint_dir, "pid", text);
}

/* There is no dstream.checkpoint: nothing may be there that only comes after the first one. The
 * first segment of a write-ahead log may: receivers start before it. */
static hr_status check_fresh(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_arena arena = {0};
    char **names, why[160];
    uint32_t count = 0;
    hr_status status =
        hr_env_list_sorted(ssc->ctx->env, &arena, ssc->checkpoint_dir, &names, &count, err);
    for (uint32_t i = 0; i < count && status == HR_OK; i++) {
        unsigned long long number = 0;
        unsigned stream;
        bool wal = sscanf(names[i], "wal-%u-%llu", &stream, &number) == 2;
        if ((wal && number == 0) || (!wal && strncmp(names[i], "segment-", 8) != 0 &&
                                     strcmp(names[i], "dstream.plan") != 0))
            continue;
        snprintf(why, sizeof why,
                 "dstream.checkpoint is missing, but %.64s is there: restore it, or delete the "
                 "folder to begin anew",
                 names[i]);
        status = corrupt(ssc, why, err);
    }
    hr_arena_done(&arena);
    return status;
}

hr_status hr_ds_checkpoint_restore(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_buf path = {0}, file = {0};
    hr_env_uuid(ssc->ctx->env, ssc->checkpoint_id);
    hr_ds_segments_init(&ssc->log, ssc->ctx->env, ssc->checkpoint_dir, ssc->checkpoint_id);
    ssc->has_log = true;
    hr_status status = take_lock(ssc, err);
    if (status == HR_OK) status = path_of(ssc, "dstream.checkpoint", &path, err);
    if (status == HR_OK && hr_env_exists(ssc->ctx->env, hr_buf_cstr(&path))) {
        status = hr_env_read_file(ssc->ctx->env, hr_buf_cstr(&path), &file, err);
        if (status == HR_OK) status = get_meta(ssc, &file, err);
        if (status == HR_OK)
            status = hr_ds_segments_check_newest(
                &ssc->log, (ssc->last ? ssc->last : ssc->zero) + ssc->interval, err);
        if (status == HR_OK) status = get_data(ssc, err);
    } else if (status == HR_OK) {
        status = check_fresh(ssc, err);
    }
    if (status == HR_OK) hr_ds_segments_sweep(&ssc->log);
    if (status != HR_OK) hr_ds_checkpoint_close(ssc);
    hr_buf_done(&path);
    hr_buf_done(&file);
    return status;
}

void hr_ds_checkpoint_close(struct hr_streaming *ssc)
{
    if (ssc->has_log) hr_ds_segments_done(&ssc->log);
    if (ssc->locked) HR_UNUSED(ssc->ctx->env->vt->close(ssc->ctx->env, ssc->lock_fd, NULL));
    ssc->has_log = ssc->locked = false;
}
