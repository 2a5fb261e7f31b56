/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a batch takes from its inputs, on disk before its outputs run.
 *
 * A batch that a crash cuts short is run again under the same time. An output may have been done by
 * then and be left alone (saveAsTextFiles' folder is there): so the batch must take the same ranges
 * again, no more, though there is more by now. Spark keeps them with each generated batch in its
 * checkpoint. Here one file says them, for the last batch that was begun:
 *
 *   DIR/dstream.plan    [u32 magic, u32 length, u32 crc, u64 time, (varint stream, bytes)*]
 *
 * It is written in place: when it is torn, the outputs of its batch had not begun; when it is of
 * another time than the batch behind the checkpoint, that batch had not been planned.
 *
 * Threads: the batch's.
 */
#include "base/hash.h"
#include "dstream/dstream.h"

#define PLAN_MAGIC 0x31504448u /* "HDP1" */
#define HEAD_BYTES 12

static hr_status path_of(const struct hr_streaming *ssc, struct hr_buf *ret, struct hr_err *err)
{
    hr_buf_printf(ret, "%s/dstream.plan", ssc->checkpoint_dir);
    return hr_buf_status(ret, err);
}

static hr_status encode(struct hr_streaming *ssc, int64_t time, struct hr_buf *file,
                        struct hr_err *err)
{
    struct hr_buf body = {0}, one = {0};
    hr_status status = HR_OK;
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

static hr_status open_file(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_env *env = ssc->ctx->env;
    struct hr_buf path = {0};
    HR_TRY(path_of(ssc, &path, err));
    hr_status status = env->vt->open(env, hr_buf_cstr(&path), HR_OPEN_UPDATE, &ssc->plan_fd, err);
    hr_buf_done(&path);
    return status == HR_OK ? env->vt->sync_dir(env, ssc->checkpoint_dir, err) : status;
}

hr_status hr_ds_plan_write(struct hr_streaming *ssc, int64_t time, struct hr_err *err)
{
    struct hr_env *env = ssc->ctx->env;
    struct hr_buf file = {0};
    bool any = false;
    for (const struct hr_dstream *ds = ssc->first; ds; ds = ds->next)
        any |= ds->vt->plan_save != NULL;
    if (!any || !ssc->checkpoint_dir) return HR_OK;
    hr_status status = encode(ssc, time, &file, err);
    if (status == HR_OK && ssc->plan_fd < 0) status = open_file(ssc, err);
    if (status == HR_OK) status = env->vt->pwrite(env, ssc->plan_fd, file.ptr, file.len, 0, err);
    if (status == HR_OK) status = env->vt->fdatasync(env, ssc->plan_fd, err);
    hr_buf_done(&file);
    return status;
}

void hr_ds_plan_close(struct hr_streaming *ssc)
{
    struct hr_env *env = ssc->ctx->env;
    if (ssc->plan_fd >= 0) HR_UNUSED(env->vt->close(env, ssc->plan_fd, NULL));
    ssc->plan_fd = -1;
}

static struct hr_dstream *find(struct hr_streaming *ssc, uint64_t id)
{
    struct hr_dstream *ds = ssc->first;
    while (ds && ds->id != id) ds = ds->next;
    return ds;
}

static hr_status decode(struct hr_streaming *ssc, struct hr_reader *in, struct hr_err *err)
{
    int64_t next = (ssc->last ? ssc->last : ssc->zero) + ssc->interval;
    if ((int64_t)hr_get_u64(in) != next) return HR_OK; /* a batch that is done */
    while (in->pos < in->end) {
        struct hr_dstream *ds = find(ssc, hr_get_varint(in));
        struct hr_str_view bytes = hr_get_bytes(in);
        if (in->failed || !ds || !ds->vt->plan_load)
            return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", ssc->checkpoint_dir, "why",
                            "the plan of the last batch is damaged");
        struct hr_reader own = hr_reader(bytes.ptr, bytes.len);
        HR_TRY(ds->vt->plan_load(ds, &own, err));
    }
    return HR_OK;
}

hr_status hr_ds_plan_restore(struct hr_streaming *ssc, struct hr_err *err)
{
    struct hr_buf path = {0}, file = {0};
    hr_status status = path_of(ssc, &path, err);
    if (status == HR_OK && hr_env_exists(ssc->ctx->env, hr_buf_cstr(&path)))
        status = hr_env_read_file(ssc->ctx->env, hr_buf_cstr(&path), &file, err);
    if (status == HR_OK && file.len >= HEAD_BYTES) {
        struct hr_reader head = hr_reader(file.ptr, HEAD_BYTES);
        uint32_t magic = hr_get_u32(&head), len = hr_get_u32(&head), crc = hr_get_u32(&head);
        struct hr_reader body = hr_reader(file.ptr + HEAD_BYTES, len);
        if (magic == PLAN_MAGIC && len <= file.len - HEAD_BYTES &&
            hr_crc32c(0, file.ptr + HEAD_BYTES, len) == crc)
            status = decode(ssc, &body, err);
    }
    hr_buf_done(&path);
    hr_buf_done(&file);
    return status;
}
