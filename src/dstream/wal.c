/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver's write-ahead log. Threads: the receiver's lock is held. */
#include "dstream/wal.h"

#include <stdio.h>

#include "base/hash.h"
#include "rdd/block_store.h"

static hr_status path_of(const struct hr_ds_wal *wal, uint64_t segment, struct hr_buf *ret,
                         struct hr_err *err)
{
    hr_buf_clear(ret);
    hr_buf_printf(ret, "%s/wal-%u-%010llu", wal->dir, wal->stream, (unsigned long long)segment);
    return hr_buf_status(ret, err);
}

static hr_status open_segment(struct hr_ds_wal *wal, struct hr_err *err)
{
    struct hr_env *env = wal->env;
    struct hr_buf path = {0};
    hr_status status = path_of(wal, wal->segment, &path, err);
    if (status == HR_OK)
        status = env->vt->open(env, hr_buf_cstr(&path), HR_OPEN_CREATE, &wal->fd, err);
    wal->end = 0;
    if (status == HR_OK) status = env->vt->sync_dir(env, wal->dir, err);
    hr_buf_done(&path);
    return status;
}

static hr_status encode(struct hr_batch *const *batches, uint32_t count, struct hr_buf *record,
                        struct hr_err *err)
{
    struct hr_buf head = {0};
    hr_buf_put_u64(record, 0); /* room for length and checksum */
    for (uint32_t i = 0; i < count; i++) HR_TRY(hr_batch_file_append(record, batches[i], err));
    HR_TRY(hr_buf_status(record, err));
    if (record->len - 8 > UINT32_MAX)
        return HR_FAIL(err, HR_E_LIMIT, "a block of more than 4 GiB cannot be logged");
    hr_buf_put_u32(&head, (uint32_t)(record->len - 8));
    hr_buf_put_u32(&head, hr_crc32c(0, record->ptr + 8, record->len - 8));
    hr_status status = hr_buf_status(&head, err);
    if (status == HR_OK) memcpy(record->ptr, head.ptr, 8);
    hr_buf_done(&head);
    return status;
}

void hr_ds_wal_close(struct hr_ds_wal *wal)
{
    if (wal->fd >= 0) HR_UNUSED(wal->env->vt->close(wal->env, wal->fd, NULL));
    wal->fd = -1;
}

hr_status hr_ds_wal_append(struct hr_ds_wal *wal, struct hr_batch *const *batches, uint32_t count,
                           struct hr_err *err)
{
    struct hr_env *env = wal->env;
    struct hr_buf record = {0};
    if (!wal->dir || !count) return HR_OK;
    hr_status status = encode(batches, count, &record, err);
    if (status == HR_OK && wal->fd < 0) status = open_segment(wal, err);
    if (status == HR_OK)
        status = env->vt->pwrite(env, wal->fd, record.ptr, record.len, wal->end, err);
    if (status == HR_OK) status = env->vt->fdatasync(env, wal->fd, err);
    if (status == HR_OK) {
        wal->end += (int64_t)record.len;
    } else if (wal->fd >= 0) {
        /* What is in that file now nobody knows, and a second fsync would not tell. */
        HR_UNUSED(env->vt->truncate(env, wal->fd, wal->end, NULL));
        hr_ds_wal_close(wal);
        wal->segment++;
    }
    hr_buf_done(&record);
    return status;
}

void hr_ds_wal_taken(struct hr_ds_wal *wal)
{
    hr_ds_wal_close(wal);
    wal->needed = ++wal->segment;
}

void hr_ds_wal_trim(struct hr_ds_wal *wal)
{
    struct hr_buf path = {0};
    for (; wal->dir && wal->live < wal->needed; wal->live++)
        if (path_of(wal, wal->live, &path, NULL) == HR_OK &&
            hr_env_exists(wal->env, hr_buf_cstr(&path)))
            HR_UNUSED(wal->env->vt->unlink(wal->env, hr_buf_cstr(&path), NULL));
    hr_buf_done(&path);
}

static hr_status replay_segment(const struct hr_buf *file, const struct hr_type *schema,
                                struct hr_batch_list *ret, struct hr_err *err)
{
    size_t at = 0;
    while (file->len - at >= 8) {
        struct hr_reader head = hr_reader(file->ptr + at, 8);
        uint32_t len = hr_get_u32(&head), crc = hr_get_u32(&head);
        const char *body = file->ptr + at + 8;
        if (len > file->len - at - 8 || hr_crc32c(0, body, len) != crc) break; /* torn */
        struct hr_reader in = hr_reader(body, len);
        for (;;) {
            struct hr_batch *batch = NULL;
            HR_TRY(hr_batch_file_next(&in, schema, NULL, &batch, err));
            if (!batch) break;
            HR_TRY(hr_batch_list_push(ret, batch, err));
        }
        at += 8 + (size_t)len;
    }
    return HR_OK;
}

/* The segment's number, if the file is one of this stream's. */
static bool segment_of(const struct hr_ds_wal *wal, const char *name, uint64_t *ret)
{
    char prefix[32];
    int64_t number;
    int len = snprintf(prefix, sizeof prefix, "wal-%u-", wal->stream);
    if (strncmp(name, prefix, (size_t)len) != 0 || !hr_parse_i64(hr_sv(name + len), &number) ||
        number < 0)
        return false;
    *ret = (uint64_t)number;
    return true;
}

hr_status hr_ds_wal_replay(struct hr_ds_wal *wal, const struct hr_type *schema, uint64_t taken,
                           struct hr_batch_list *ret, struct hr_batch_list *ret_later,
                           struct hr_err *err)
{
    struct hr_buf path = {0};
    struct hr_arena arena;
    char **names;
    uint32_t count = 0;
    if (!wal->dir) return HR_OK;
    hr_arena_init(&arena, NULL);
    wal->needed = wal->segment = wal->live;
    hr_status status = hr_env_list_sorted(wal->env, &arena, wal->dir, &names, &count, err);
    for (uint32_t i = 0; status == HR_OK && i < count; i++) {
        struct hr_buf file = {0};
        uint64_t number;
        if (!segment_of(wal, names[i], &number) || number < wal->live) continue;
        status = path_of(wal, number, &path, err);
        if (status == HR_OK) status = hr_env_read_file(wal->env, hr_buf_cstr(&path), &file, err);
        if (status == HR_OK)
            status = replay_segment(&file, schema, number < taken ? ret : ret_later, err);
        wal->segment = number + 1;
        hr_buf_done(&file);
    }
    hr_buf_done(&path);
    hr_arena_done(&arena);
    return status;
}
