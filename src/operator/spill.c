/* SPDX-License-Identifier: Apache-2.0 */
/* Files of rows without a name. */
#include "operator/spill.h"

#include "rdd/block_store.h"

#define HELD_MIN   (INT64_C(256) << 10)
#define HEAD_BYTES 8 /* of a batch, as batch_file.c has it: its length, its checksum */

struct hr_spill {
    struct hr_env *env;
    struct hr_mem *mem;
    const struct hr_type *schema;
    int fd;
    int64_t end;
    struct hr_buf buf;
};

hr_status hr_spill_new(struct hr_task *task, const struct hr_type *schema, struct hr_spill **ret,
                       struct hr_err *err)
{
    const char *dir = getenv("TMPDIR");
    char id[37];
    struct hr_buf path = {0};
    struct hr_spill *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    s->env = task->env;
    s->mem = task->mem;
    s->schema = schema;
    s->fd = -1;
    hr_env_uuid(s->env, id);
    hr_buf_printf(&path, "%s/headrace-spill-%s", dir && *dir ? dir : "/tmp", id);
    hr_status status = hr_buf_status(&path, err);
    const char *name = hr_buf_cstr(&path);
    if (!status) status = s->env->vt->open(s->env, name, HR_OPEN_EXCL, &s->fd, err);
    if (!status) status = s->env->vt->unlink(s->env, name, err);
    hr_buf_done(&path);
    if (status)
        hr_spill_free(s);
    else
        *ret = s;
    return status;
}

void hr_spill_free(struct hr_spill *spill)
{
    if (!spill) return;
    if (spill->fd >= 0 && spill->env->vt->close(spill->env, spill->fd, NULL)) spill->fd = -1;
    hr_buf_done(&spill->buf);
    hr_free(spill);
}

int64_t hr_spill_end(const struct hr_spill *spill)
{
    return spill->end;
}

hr_status hr_spill_write(struct hr_spill *spill, const struct hr_batch *batch, struct hr_err *err)
{
    hr_buf_clear(&spill->buf);
    HR_TRY(hr_batch_file_append(&spill->buf, batch, err));
    HR_TRY(spill->env->vt->pwrite(spill->env, spill->fd, spill->buf.ptr, spill->buf.len, spill->end,
                                  err));
    spill->end += (int64_t)spill->buf.len;
    return HR_OK;
}

static hr_status read_at(struct hr_spill *s, int64_t pos, size_t size, struct hr_err *err)
{
    char *to = hr_buf_reserve(&s->buf, size);
    if (!to) return HR_OOM(err);
    for (size_t at = 0, n; at < size; at += n) {
        HR_TRY(s->env->vt->pread(s->env, s->fd, to + at, size - at, pos + (int64_t)at, &n, err));
        if (n == 0) return HR_FAIL(err, HR_E_IO_FATAL, "a file of spilled rows is cut off");
    }
    s->buf.len += size;
    return HR_OK;
}

hr_status hr_spill_read(struct hr_spill *spill, struct hr_spill_run *run, struct hr_batch **ret,
                        struct hr_err *err)
{
    uint32_t body;
    *ret = NULL;
    if (run->at >= run->end) return HR_OK;
    hr_buf_clear(&spill->buf);
    HR_TRY(read_at(spill, run->at, HEAD_BYTES, err));
    memcpy(&body, spill->buf.ptr, 4);
    if (body > run->end - run->at - HEAD_BYTES)
        return HR_FAIL(err, HR_E_IO_FATAL, "a file of spilled rows is damaged");
    HR_TRY(read_at(spill, run->at + HEAD_BYTES, body, err));
    struct hr_reader reader = hr_reader(spill->buf.ptr, spill->buf.len);
    HR_TRY(hr_batch_file_next(&reader, spill->schema, spill->mem, ret, err));
    run->at += HEAD_BYTES + (int64_t)body;
    return HR_OK;
}

bool hr_spill_due(struct hr_task *task, int64_t held, int64_t need)
{
    int64_t limit, room = hr_mem_room(task->mem, &limit);
    return held >= HELD_MIN && room - need < limit / 4;
}

uint32_t hr_spill_rows(struct hr_task *task, int64_t row_bytes)
{
    int64_t limit, most = HR_BATCH_ROWS;
    hr_mem_room(task->mem, &limit);
    if (task->conf->batch_rows) most = HR_MIN(most, (int64_t)task->conf->batch_rows);
    return (uint32_t)HR_MAX(HR_MIN(limit / 256 / HR_MAX(row_bytes, 1), HR_MIN(most, 1024)), 16);
}
