/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints: one file after every batch, replaced atomically.
 *
 *   magic, version, interval, zero, last batch, number of streams
 *   per stream: schema, then [time, partitions, bytes of batches]… , then its own bytes
 *   CRC-32C of all of it
 *
 * Kept are the remembered RDDs of streams that windows or states need (hr_ds_plan_remember marks
 * them) and what inputs say of themselves. Functions are not in it: the program builds the same
 * graph again, and a graph whose streams differ is refused.
 */
#include <stdio.h>

#include "base/hash.h"
#include "dstream/dstream.h"
#include "rdd/block_store.h"

#define MAGIC 0x31534448u /* "HDS1" */

static void put_schema(const struct hr_dstream *ds, struct hr_buf *out)
{
    struct hr_buf text = {0};
    hr_buf_printf(&text, "%s ", ds->vt->name);
    if (ds->schema) hr_type_print_sql(ds->schema, &text);
    hr_buf_put_bytes(out, hr_buf_cstr(&text), text.len);
    hr_buf_done(&text);
}

static hr_status put_rdd(struct hr_dstream *ds, const struct hr_ds_generated *g, struct hr_buf *out,
                         struct hr_err *err)
{
    struct hr_rows *rows = hr_rdd_collect(g->rdd, err);
    struct hr_buf bytes = {0};
    hr_status status = rows ? HR_OK : err->code;
    for (uint32_t i = 0; status == HR_OK && i < rows->batch_count; i++)
        status = hr_batch_file_append(&bytes, rows->batches[i], err);
    if (status == HR_OK) status = hr_buf_status(&bytes, err);
    if (status == HR_OK) {
        hr_buf_put_u64(out, (uint64_t)g->time);
        hr_buf_put_bytes(out, bytes.ptr, bytes.len);
    }
    HR_UNUSED(ds);
    hr_buf_done(&bytes);
    hr_rows_free(rows);
    return status;
}

static hr_status put_stream(struct hr_dstream *ds, struct hr_buf *out, struct hr_err *err)
{
    struct hr_streaming *ssc = ds->ssc;
    struct hr_buf own = {0};
    uint32_t n = 0;
    hr_status status = HR_OK;
    put_schema(ds, out);
    for (const struct hr_ds_generated *g = ds->generated; g && ds->checkpointed; g = g->next)
        n += g->time > ssc->last - ds->remember;
    hr_buf_put_varint(out, n);
    for (const struct hr_ds_generated *g = ds->generated; n && g; g = g->next)
        if (g->time > ssc->last - ds->remember) HR_TRY(put_rdd(ds, g, out, err));
    if (ds->vt->save) status = ds->vt->save(ds, &own, err);
    if (status == HR_OK) hr_buf_put_bytes(out, own.ptr, own.len);
    hr_buf_done(&own);
    return status;
}

static hr_status path_of(const struct hr_streaming *ssc, struct hr_buf *ret, struct hr_err *err)
{
    hr_buf_printf(ret, "%s/dstream.checkpoint", ssc->checkpoint_dir);
    return hr_buf_status(ret, err);
}

hr_status hr_ds_checkpoint_write(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_buf out = {0}, path = {0};
    hr_buf_put_u32(&out, MAGIC);
    hr_buf_put_u64(&out, (uint64_t)ssc->interval);
    hr_buf_put_u64(&out, (uint64_t)ssc->zero);
    hr_buf_put_u64(&out, (uint64_t)ssc->last);
    hr_buf_put_u32(&out, ssc->stream_count);
    hr_status status = HR_OK;
    for (struct hr_dstream *ds = ssc->first; ds && status == HR_OK; ds = ds->next)
        status = put_stream(ds, &out, err);
    if (status == HR_OK) status = hr_buf_status(&out, err);
    if (status == HR_OK) {
        hr_buf_put_u32(&out, hr_crc32c(0, out.ptr, out.len));
        status = hr_buf_status(&out, err);
    }
    if (status == HR_OK) status = path_of(ssc, &path, err);
    if (status == HR_OK)
        status = hr_env_write_file(ssc->ctx->env, hr_buf_cstr(&path), out.ptr, out.len, err);
    hr_buf_done(&path);
    hr_buf_done(&out);
    return status;
}

/* --- Restoring -------------------------------------------------------------------------------- */

static hr_status corrupt(const struct hr_streaming *ssc, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", ssc->checkpoint_dir, "why", why);
}

static hr_status get_rdd(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    int64_t time = (int64_t)hr_get_u64(in);
    struct hr_str_view bytes = hr_get_bytes(in);
    struct hr_batch_list list = {0};
    if (in->failed) return corrupt(ds->ssc, "a stream's rows are cut short", err);
    struct hr_reader reader = hr_reader(bytes.ptr, bytes.len);
    hr_status status = HR_OK;
    for (;;) {
        struct hr_batch *batch = NULL;
        status = hr_batch_file_next(&reader, ds->schema, NULL, &batch, err);
        if (status == HR_OK && batch) status = hr_batch_list_push(&list, batch, err);
        if (status != HR_OK || !batch) break;
    }
    uint32_t *parts = hr_zalloc((list.count + 1) * sizeof *parts);
    if (status == HR_OK && !parts) status = HR_OOM(err);
    if (status == HR_OK) {
        struct hr_pool pool;
        hr_pool_init(&pool, ds->ssc->ctx);
        struct hr_rdd *rdd =
            hr_node_from_batches(&pool, ds->schema, list.items, parts, list.count, 1, err);
        if (rdd) hr_node_of(rdd)->key_columns = ds->key_columns;
        status = rdd ? hr_ds_put(ds, time, rdd, err) : err->code;
        hr_pool_done(&pool);
    }
    hr_free(parts);
    hr_batch_list_done(&list);
    return status;
}

static hr_status get_stream(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct hr_buf expected = {0};
    put_schema(ds, &expected);
    struct hr_reader reader = hr_reader(expected.ptr, expected.len);
    struct hr_str_view want = hr_get_bytes(&reader), got = hr_get_bytes(in);
    bool same = hr_sv_eq(want, got);
    hr_buf_done(&expected);
    if (!same) {
        char why[128];
        snprintf(why, sizeof why, "stream %u of the graph is another", ds->id);
        return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", ds->ssc->checkpoint_dir, "why", why);
    }
    for (uint64_t n = hr_get_varint(in); n; n--) HR_TRY(get_rdd(ds, in, err));
    struct hr_str_view own = hr_get_bytes(in);
    if (in->failed) return corrupt(ds->ssc, "a stream's own part is cut short", err);
    if (!ds->vt->load) return HR_OK;
    reader = hr_reader(own.ptr, own.len);
    return ds->vt->load(ds, &reader, err);
}

static hr_status restore(struct hr_streaming *ssc, const struct hr_buf *file, struct hr_err *err)
{
    if (file->len < 36) return corrupt(ssc, "too short", err);
    struct hr_reader tail = hr_reader(file->ptr + file->len - 4, 4);
    if (hr_get_u32(&tail) != hr_crc32c(0, file->ptr, file->len - 4))
        return corrupt(ssc, "its checksum is wrong", err);
    struct hr_reader in = hr_reader(file->ptr, file->len - 4);
    if (hr_get_u32(&in) != MAGIC) return corrupt(ssc, "not a checkpoint of this version", err);
    if ((int64_t)hr_get_u64(&in) != ssc->interval)
        return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", ssc->checkpoint_dir, "why",
                        "the batch interval is another");
    ssc->zero = (int64_t)hr_get_u64(&in);
    ssc->last = (int64_t)hr_get_u64(&in);
    if (hr_get_u32(&in) != ssc->stream_count)
        return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", ssc->checkpoint_dir, "why",
                        "the graph has another number of streams");
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next) HR_TRY(get_stream(ds, &in, err));
    return HR_OK;
}

hr_status hr_ds_checkpoint_restore(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_buf path = {0}, file = {0};
    hr_status status = path_of(ssc, &path, err);
    if (status == HR_OK && hr_env_exists(ssc->ctx->env, hr_buf_cstr(&path))) {
        status = hr_env_read_file(ssc->ctx->env, hr_buf_cstr(&path), &file, err);
        if (status == HR_OK) status = restore(ssc, &file, err);
    }
    hr_buf_done(&path);
    hr_buf_done(&file);
    return status;
}
