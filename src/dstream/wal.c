/* SPDX-License-Identifier: Apache-2.0 */
/* A receiver's write-ahead log. Threads: the receiver's lock is held. */
#include "dstream/wal.h"

#include <inttypes.h>
#include <stdio.h>

#include "rdd/block_store.h"

static const struct hr_record_log_kind kind = {.magic = "HRDSWAL1"};

static hr_status path_of(const struct hr_ds_wal *wal, uint64_t segment, struct hr_buf *ret,
                         struct hr_err *err)
{
    hr_buf_clear(ret);
    hr_buf_printf(ret, "%s/wal-%u-%010llu", wal->dir, wal->stream, (unsigned long long)segment);
    return hr_buf_status(ret, err);
}

/* --- Files ------------------------------------------------------------------------------------ */

static hr_status add_file(struct hr_ds_wal_files *files, uint64_t number, uint64_t records,
                          struct hr_err *err)
{
    if (files->count == files->capacity) {
        uint32_t capacity = HR_MAX(8u, files->capacity * 2);
        struct hr_ds_wal_file *items = hr_realloc(files->items, capacity * sizeof *items);
        if (!items) return HR_OOM(err);
        files->items = items;
        files->capacity = capacity;
    }
    files->items[files->count++] = (struct hr_ds_wal_file){number, records};
    return HR_OK;
}

static void files_done(struct hr_ds_wal_files *files)
{
    hr_free(files->items);
    *files = (struct hr_ds_wal_files){0};
}

void hr_ds_wal_save(const struct hr_ds_wal *wal, struct hr_buf *out)
{
    hr_buf_put_varint(out, wal->files.count);
    for (uint32_t i = 0; i < wal->files.count; i++) {
        hr_buf_put_u64(out, wal->files.items[i].number);
        hr_buf_put_u64(out, wal->files.items[i].records);
    }
}

hr_status hr_ds_wal_load(struct hr_ds_wal *wal, struct hr_reader *in, struct hr_err *err)
{
    for (uint64_t n = hr_get_varint(in); n && !in->failed; n--) {
        uint64_t number = hr_get_u64(in), records = hr_get_u64(in);
        if (!in->failed) HR_TRY(add_file(&wal->wanted, number, records, err));
    }
    return HR_OK;
}

/* --- Writing ---------------------------------------------------------------------------------- */

static void close_log(struct hr_ds_wal *wal)
{
    hr_record_log_close(wal->log);
    wal->log = NULL;
}

void hr_ds_wal_done(struct hr_ds_wal *wal)
{
    close_log(wal);
    files_done(&wal->files);
    files_done(&wal->wanted);
}

/* The next segment, with its first record. */
static hr_status create(struct hr_ds_wal *wal, const char *path, struct hr_str_view record,
                        struct hr_err *err)
{
    HR_TRY(add_file(&wal->files, wal->segment, 1, err));
    hr_status status = hr_record_log_create(wal->env, path, &kind, &record, 1, &wal->log, err);
    if (status == HR_OK) return HR_OK;
    HR_UNUSED(wal->env->vt->unlink(wal->env, path, NULL));
    wal->files.count--;
    return status;
}

static hr_status append(struct hr_ds_wal *wal, const char *path, struct hr_str_view record,
                        struct hr_err *err)
{
    int64_t before = hr_record_log_bytes(wal->log);
    int fd;
    hr_status status = hr_record_log_append(wal->log, record, true, err);
    if (status == HR_OK) {
        wal->files.items[wal->files.count - 1].records++;
        return HR_OK;
    }
    /* What is in that file now nobody knows, and a second fsync would not tell. */
    close_log(wal);
    wal->segment++;
    if (wal->env->vt->open(wal->env, path, HR_OPEN_UPDATE, &fd, NULL) == HR_OK) {
        HR_UNUSED(wal->env->vt->truncate(wal->env, fd, before, NULL));
        HR_UNUSED(wal->env->vt->close(wal->env, fd, NULL));
    }
    return status;
}

hr_status hr_ds_wal_append(struct hr_ds_wal *wal, struct hr_batch *const *batches, uint32_t count,
                           struct hr_err *err)
{
    struct hr_buf record, path = {0};
    if (!wal->dir || !count) return HR_OK;
    hr_buf_init(&record, UINT32_MAX);
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count && status == HR_OK; i++)
        status = hr_batch_file_append(&record, batches[i], err);
    if (status == HR_OK) status = hr_buf_status(&record, err);
    if (status == HR_OK) status = path_of(wal, wal->segment, &path, err);
    struct hr_str_view view = hr_svn(record.ptr, record.len);
    if (status == HR_OK)
        status = wal->log ? append(wal, hr_buf_cstr(&path), view, err)
                          : create(wal, hr_buf_cstr(&path), view, err);
    hr_buf_done(&path);
    hr_buf_done(&record);
    return status;
}

void hr_ds_wal_taken(struct hr_ds_wal *wal)
{
    close_log(wal);
    wal->needed = ++wal->segment;
}

void hr_ds_wal_trim(struct hr_ds_wal *wal)
{
    struct hr_buf path = {0};
    struct hr_ds_wal_files *files = &wal->files;
    uint32_t n = 0;
    while (n < files->count && files->items[n].number < wal->needed) {
        if (path_of(wal, files->items[n].number, &path, NULL) == HR_OK)
            HR_UNUSED(wal->env->vt->unlink(wal->env, hr_buf_cstr(&path), NULL));
        n++;
    }
    files->count -= n;
    if (n) memmove(files->items, files->items + n, files->count * sizeof *files->items);
    wal->live = HR_MAX(wal->live, wal->needed);
    hr_buf_done(&path);
}

/* --- Reading ---------------------------------------------------------------------------------- */

struct replay {
    const struct hr_type *schema;
    struct hr_batch_list *rows;
    uint64_t records;
};

static hr_status take_record(void *arg, uint64_t number, struct hr_str_view payload,
                             struct hr_err *err)
{
    struct replay *replay = arg;
    struct hr_reader in = hr_reader(payload.ptr, payload.len);
    replay->records = number + 1;
    for (;;) {
        struct hr_batch *batch = NULL;
        HR_TRY(hr_batch_file_next(&in, replay->schema, NULL, &batch, err));
        if (!batch) return HR_OK;
        HR_TRY(hr_batch_list_push(replay->rows, batch, err));
    }
}

/* What a checkpoint or plan says must be there. */
static hr_status check_wanted(const struct hr_ds_wal *wal, struct hr_err *err)
{
    for (uint32_t i = 0; i < wal->wanted.count; i++) {
        const struct hr_ds_wal_file *want = &wal->wanted.items[i];
        uint64_t found = 0;
        if (want->number < wal->live) continue;
        for (uint32_t k = 0; k < wal->files.count; k++)
            if (wal->files.items[k].number == want->number) found = wal->files.items[k].records;
        if (found >= want->records) continue;
        struct hr_buf path = {0};
        char why[96];
        snprintf(why, sizeof why, "%" PRIu64 " blocks of at least %" PRIu64 " are there", found,
                 want->records);
        hr_status status = path_of(wal, want->number, &path, err);
        if (status == HR_OK)
            status = HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", hr_buf_cstr(&path), "why", why);
        hr_buf_done(&path);
        return status;
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
        uint64_t number;
        if (!segment_of(wal, names[i], &number) || number < wal->live) continue;
        struct replay replay = {.schema = schema, .rows = number < taken ? ret : ret_later};
        status = path_of(wal, number, &path, err);
        if (status == HR_OK)
            status =
                hr_record_log_read(wal->env, hr_buf_cstr(&path), &kind, take_record, &replay, err);
        if (status == HR_OK) status = add_file(&wal->files, number, replay.records, err);
        wal->segment = number + 1;
    }
    if (status == HR_OK) status = check_wanted(wal, err);
    hr_buf_done(&path);
    hr_arena_done(&arena);
    return status;
}
