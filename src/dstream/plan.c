/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch takes from its inputs, on disk before its outputs run.
 *
 * A batch that a crash cuts short is run again under the same time. An output may have been done by
 * then and be left alone (saveAsTextFiles' folder is there): so the batch must take the same ranges
 * again, no more, though there is more by now. Spark keeps them with each generated batch in its
 * checkpoint. Here one file says them, for the last batch that was begun:
 *
 *   DIR/dstream.plan    [u32 magic, u32 length, u32 crc, id of the checkpoint, u64 time,
 *                        (varint stream, bytes)*]
 *
 * It is renamed into place, so one that is damaged was damaged later: it is refused, and so is one
 * that is missing, of another checkpoint, or of neither the last batch of the checkpoint nor the
 * next: then one of the two was put back from an older copy. When it is of the last batch, the next
 * had not been planned.
 *
 * Threads: the batch's.
 */
#include "base/hash.h"
#include "dstream/dstream.h"

#define PLAN_MAGIC 0x32504448u /* "HDP2" */
#define HEAD_BYTES 12

static hr_status path_of(const struct hr_streaming *ssc, struct hr_buf *ret, struct hr_err *err)
{
    hr_buf_printf(ret, "%s/dstream.plan", ssc->checkpoint_dir);
    return hr_buf_status(ret, err);
}

static bool plans(const struct hr_streaming *ssc)
{
    for (const struct hr_dstream *ds = ssc->first; ds; ds = ds->next)
        if (ds->vt->plan_save) return true;
    return false;
}

static hr_status encode(struct hr_streaming *ssc, int64_t time, struct hr_buf *file,
                        struct hr_err *err)
{
    struct hr_buf body = {0}, one = {0};
    hr_status status = HR_OK;
    hr_buf_put_bytes(&body, ssc->checkpoint_id, strlen(ssc->checkpoint_id));
    hr_buf_put_u64(&body, (uint64_t)time);
    for (struct hr_dstream *ds = ssc->first; ds && status == HR_OK; ds = ds->next) {
        if (!ds->vt->plan_save) continue;
        hr_buf_clear(&one);
        status = ds->vt->plan_save(ds, time, &one, err);
        hr_buf_put_varint(&body, ds->id);
        hr_buf_put_bytes(&body, one.ptr, one.len);
    }
    hr_buf_put_u32(file, PLAN_MAGIC);
    hr_buf_put_u32(file, (uint32_t)body.len);
    hr_buf_put_u32(file, hr_crc32c(0, body.ptr, body.len));
    hr_buf_append(file, body.ptr, body.len);
    if (status == HR_OK) status = hr_buf_status(&body, err);
    if (status == HR_OK) status = hr_buf_status(file, err);
    hr_buf_done(&body);
    hr_buf_done(&one);
    return status;
}

hr_status hr_ds_plan_write(struct hr_streaming *ssc, int64_t time, struct hr_err *err)
{
    struct hr_env *env = ssc->ctx->env;
    struct hr_buf file = {0}, path = {0};
    if (!plans(ssc) || !ssc->checkpoint_dir) return HR_OK;
    hr_status status = encode(ssc, time, &file, err);
    if (status == HR_OK) status = path_of(ssc, &path, err);
    if (status == HR_OK)
        status = hr_env_write_file(env, hr_buf_cstr(&path), file.ptr, file.len, err);
    hr_buf_done(&path);
    hr_buf_done(&file);
    return status;
}

static struct hr_dstream *find(struct hr_streaming *ssc, uint64_t id)
{
    struct hr_dstream *ds = ssc->first;
    while (ds && ds->id != id) ds = ds->next;
    return ds;
}

static hr_status corrupt(const struct hr_streaming *ssc, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", ssc->checkpoint_dir, "why", why);
}

static hr_status decode(struct hr_streaming *ssc, struct hr_reader *in, struct hr_err *err)
{
    int64_t next = (ssc->last ? ssc->last : ssc->zero) + ssc->interval;
    struct hr_str_view id = hr_get_bytes(in);
    int64_t time = (int64_t)hr_get_u64(in);
    if (in->failed || !hr_sv_eq(id, hr_sv(ssc->checkpoint_id)))
        return corrupt(ssc, "dstream.plan belongs to another checkpoint", err);
    if (time > next)
        return corrupt(ssc,
                       "dstream.checkpoint is older than dstream.plan: later batches were "
                       "run, the dstream.checkpoint that belongs to them is needed",
                       err);
    if (time < next - ssc->interval)
        return corrupt(ssc, "dstream.plan is older than dstream.checkpoint", err);
    if (time < next) return HR_OK; /* a batch that is done */
    while (in->pos < in->end) {
        struct hr_dstream *ds = find(ssc, hr_get_varint(in));
        struct hr_str_view bytes = hr_get_bytes(in);
        if (in->failed || !ds || !ds->vt->plan_load)
            return corrupt(ssc, "the plan of the last batch is damaged", err);
        struct hr_reader own = hr_reader(bytes.ptr, bytes.len);
        HR_TRY(ds->vt->plan_load(ds, &own, err));
    }
    return HR_OK;
}

static hr_status read_plan(struct hr_streaming *ssc, const struct hr_buf *file, struct hr_err *err)
{
    struct hr_reader head = hr_reader(file->ptr, HR_MIN(file->len, (size_t)HEAD_BYTES));
    uint32_t magic = hr_get_u32(&head), len = hr_get_u32(&head), crc = hr_get_u32(&head);
    if (head.failed || magic != PLAN_MAGIC || len != file->len - HEAD_BYTES ||
        hr_crc32c(0, file->ptr + HEAD_BYTES, len) != crc)
        return corrupt(ssc, "dstream.plan is damaged, or of another version", err);
    struct hr_reader body = hr_reader(file->ptr + HEAD_BYTES, len);
    return decode(ssc, &body, err);
}

hr_status hr_ds_plan_restore(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_buf path = {0}, file = {0};
    hr_status status = path_of(ssc, &path, err);
    if (status == HR_OK && hr_env_exists(ssc->ctx->env, hr_buf_cstr(&path))) {
        status = hr_env_read_file(ssc->ctx->env, hr_buf_cstr(&path), &file, err);
        if (status == HR_OK) status = read_plan(ssc, &file, err);
    } else if (status == HR_OK && ssc->last && plans(ssc)) {
        status = corrupt(ssc, "dstream.plan is missing", err);
    }
    hr_buf_done(&path);
    hr_buf_done(&file);
    return status;
}
