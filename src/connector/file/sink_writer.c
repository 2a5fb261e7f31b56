/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a task writes files: one, or one a partition folder (k=v/…). Rows go to the encoder of their
 * folder's file; a full buffer goes to the file, packed as a member of its own. Too many
 * folders at a time, and all files are ended and begun anew: memory and descriptors are bounded.
 */
#include <stdio.h>

#include "connector/file/sink.h"

#define FLUSH_BYTES (1 << 20)
#define OPEN_MAX    64

struct out_file {
    char *key;   /* "k=v/l=w"; "" without partitions */
    char *path;  /* as it will be called */
    struct hr_encoder *encoder;
    struct hr_buf out;
    int fd;      /* -1: not open */
    int64_t size;
};

struct file_writer {
    struct hr_sink_writer base;
    struct file_sink *sink;
    struct out_file files[OPEN_MAX];
    uint32_t count;
    uint32_t serial;       /* files begun so far */
    uint32_t partition;
    char uuid[37];
    struct hr_buf key;     /* of a row */
    struct hr_buf packed;
    struct hr_buf message; /* files ended: path, size and time, a line each */
    bool finished;
};

/* Hive's: characters that mean something in paths or to shells. */
void hr_file_put_escaped(struct hr_str_view text, struct hr_buf *out)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7F || strchr("\"#%'*/:=?\\{[]^", c))
            hr_buf_printf(out, "%%%02X", c);
        else
            hr_buf_putc(out, (char)c);
    }
}

/* "k=v/l=w" of a row. */
static hr_status put_key(const struct file_sink *s, const struct hr_batch *batch, uint32_t row,
                         struct hr_buf *out, struct hr_err *err)
{
    struct hr_buf value = {0};
    for (uint32_t i = 0; i < s->partition_count; i++) {
        uint32_t at = s->partition_columns[i];
        const struct hr_column *col = &batch->columns[at];
        hr_buf_clear(&value);
        if (hr_column_valid(col, row) && col->type->id != HR_T_NULL)
            hr_column_print(col, row, s->conf.tz, &value);
        if (i) hr_buf_putc(out, '/');
        hr_file_put_escaped(hr_sv(s->schema->fields[at].name), out);
        hr_buf_putc(out, '=');
        if (value.len)
            hr_file_put_escaped(hr_svn(value.ptr, value.len), out);
        else
            hr_buf_puts(out, "__HIVE_DEFAULT_PARTITION__");
    }
    hr_status status = hr_buf_status(&value, err);
    hr_buf_done(&value);
    return status ? status : hr_buf_status(out, err);
}

static bool same_key(const struct file_sink *s, const struct hr_batch *batch, uint32_t a,
                     uint32_t b)
{
    for (uint32_t i = 0; i < s->partition_count; i++) {
        const struct hr_column *col = &batch->columns[s->partition_columns[i]];
        if (!hr_column_equal(col, a, col, b)) return false;
    }
    return true;
}

const char *hr_file_temp_path(struct hr_arena *arena, const char *path)
{
    const char *name = strrchr(path, '/') + 1;
    return hr_arena_printf(arena, "%.*s.%s.tmp", (int)(name - path), path, name);
}

static hr_status flush(struct file_writer *w, struct out_file *f, struct hr_err *err)
{
    struct hr_env *env = w->sink->env;
    const struct hr_buf *out = &f->out;
    HR_TRY(hr_buf_status(&f->out, err));
    if (f->out.len == 0) return HR_OK;
    if (w->sink->codec) {
        hr_buf_clear(&w->packed);
        HR_TRY(hr_codec_pack(w->sink->codec, f->out.ptr, f->out.len, &w->packed, err));
        out = &w->packed;
    }
    HR_TRY(env->vt->pwrite(env, f->fd, out->ptr, out->len, f->size, err));
    f->size += (int64_t)out->len;
    hr_buf_clear(&f->out);
    return HR_OK;
}

static void drop_file(struct file_writer *w, struct out_file *f)
{
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (f->fd >= 0 && w->sink->env->vt->close(w->sink->env, f->fd, &ignored)) f->fd = -1;
    if (f->encoder) w->sink->format->encoder_close(f->encoder);
    hr_buf_done(&f->out);
    hr_free(f->key);
    hr_free(f->path);
    *f = (struct out_file){.fd = -1};
}

/* Opens the file under its name, or the one that it has until the job commits. */
static hr_status create(struct file_writer *w, struct out_file *f, const char *key,
                        struct hr_err *err)
{
    struct file_sink *s = w->sink;
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    const char *dir = *key ? hr_arena_printf(&arena, "%s/%s", s->dir, key) : s->dir;
    const char *path = dir ? hr_arena_printf(&arena, "%s/part-%05u-%s-c%03u%s", dir, w->partition,
                                             w->uuid, w->serial++, s->extension)
                           : NULL;
    const char *name = path && !s->streaming ? hr_file_temp_path(&arena, path) : path;
    hr_status status = name && (f->path = hr_strdup(path)) ? HR_OK : HR_OOM(err);
    if (!status && *key) status = s->env->vt->mkdirs(s->env, dir, err);
    if (!status) status = s->env->vt->open(s->env, name, HR_OPEN_EXCL, &f->fd, err);
    hr_arena_done(&arena);
    return status;
}

static hr_status begin_file(struct file_writer *w, const char *key, struct hr_err *err)
{
    struct file_sink *s = w->sink;
    struct out_file *f = &w->files[w->count++];
    assert(w->count <= OPEN_MAX);
    *f = (struct out_file){.fd = -1};
    struct hr_format_args args = {.conf = &s->conf, .options = &s->format_options,
                                  .schema = s->data_schema, .file = true};
    if (!(f->key = hr_strdup(key))) return HR_OOM(err);
    HR_TRY(s->format->encoder_open(&args, &f->encoder, err));
    HR_TRY(create(w, f, key, err));
    return s->format->begin ? s->format->begin(f->encoder, &f->out, err) : HR_OK;
}

/* Synced and in the message. */
static hr_status end_file(struct file_writer *w, struct out_file *f, struct hr_err *err)
{
    struct hr_env *env = w->sink->env;
    struct hr_buf uri = {0};
    if (w->sink->format->end) HR_TRY(w->sink->format->end(f->encoder, &f->out, err));
    HR_TRY(flush(w, f, err));
    HR_TRY(env->vt->fdatasync(env, f->fd, err));
    int fd = f->fd;
    f->fd = -1;
    HR_TRY(env->vt->close(env, fd, err));
    hr_file_put_uri(f->path, &uri);
    hr_buf_puts(&w->message, "{\"path\":");
    hr_buf_put_json(&w->message, hr_svn(uri.ptr, uri.len));
    hr_buf_done(&uri);
    hr_buf_printf(&w->message, ",\"size\":%lld,\"modificationTime\":%lld}\n", (long long)f->size,
                  (long long)(hr_now_us(env) / 1000));
    return hr_buf_status(&w->message, err);
}

static hr_status end_all(struct file_writer *w, struct hr_err *err)
{
    for (; w->count; w->count--) {
        struct out_file *f = &w->files[w->count - 1];
        HR_TRY(end_file(w, f, err));
        drop_file(w, f);
    }
    return HR_OK;
}

static hr_status encode(struct file_writer *w, struct out_file *f, struct hr_batch *batch,
                        struct hr_err *err)
{
    HR_TRY(w->sink->format->encode(f->encoder, batch, &f->out, NULL, err));
    return f->out.len >= FLUSH_BYTES ? flush(w, f, err) : HR_OK;
}

/* The number of the file of a row's folder; OPEN_MAX: there is no room for another. */
static hr_status file_of(struct file_writer *w, const struct hr_batch *batch, uint32_t row,
                         uint32_t *ret, struct hr_err *err)
{
    hr_buf_clear(&w->key);
    HR_TRY(put_key(w->sink, batch, row, &w->key, err));
    const char *key = hr_buf_cstr(&w->key);
    for (*ret = 0; *ret < w->count; ++*ret)
        if (strcmp(w->files[*ret].key, key) == 0) return HR_OK;
    return *ret < OPEN_MAX ? begin_file(w, key, err) : HR_OK;
}

/* Rows [from, to) of live into their files: which[i] is row i's. */
static hr_status distribute(struct file_writer *w, struct hr_batch *batch, const uint32_t *live,
                            const uint32_t *which, uint32_t from, uint32_t to, uint32_t *sel,
                            struct hr_err *err)
{
    const struct file_sink *s = w->sink;
    uint32_t starts[OPEN_MAX + 1] = {0}, at[OPEN_MAX];
    for (uint32_t i = from; i < to; i++) starts[which[i] + 1]++;
    for (uint32_t f = 0; f < OPEN_MAX; f++) {
        at[f] = starts[f];
        starts[f + 1] += starts[f];
    }
    for (uint32_t i = from; i < to; i++) sel[at[which[i]]++] = live[i];
    for (uint32_t f = 0; f < w->count; f++) {
        if (starts[f] == starts[f + 1]) continue;
        struct hr_batch *rows =
            hr_batch_with_sel(batch, sel + starts[f], starts[f + 1] - starts[f]);
        struct hr_batch *data =
            rows ? hr_batch_project(rows, s->data_schema, s->data_columns) : NULL;
        hr_status status = data ? encode(w, &w->files[f], data, err) : HR_OOM(err);
        hr_batch_unref(data);
        hr_batch_unref(rows);
        HR_TRY(status);
    }
    return HR_OK;
}

static hr_status write_partitioned(struct file_writer *w, struct hr_batch *batch,
                                   struct hr_arena *arena, struct hr_err *err)
{
    uint32_t n = batch->sel_count, from = 0;
    uint32_t *live = HR_NEW_ARRAY(arena, uint32_t, n), *which = HR_NEW_ARRAY(arena, uint32_t, n);
    uint32_t *sel = HR_NEW_ARRAY(arena, uint32_t, n);
    if (!live || !which || !sel) return HR_OOM(err);
    for (uint32_t i = 0; i < n; i++) {
        live[i] = batch->sel ? batch->sel[i] : i;
        which[i] = i > from ? which[i - 1] : 0;
        if (i > from && same_key(w->sink, batch, live[i], live[i - 1])) continue;
        HR_TRY(file_of(w, batch, live[i], &which[i], err));
        if (which[i] < OPEN_MAX) continue;
        HR_TRY(distribute(w, batch, live, which, from, i, sel, err));
        HR_TRY(end_all(w, err));
        from = i--; /* the row again */
    }
    return distribute(w, batch, live, which, from, n, sel, err);
}

static hr_status writer_write(struct hr_sink_writer *base, struct hr_batch *batch,
                              struct hr_err *err)
{
    struct file_writer *w = HR_CONTAINER_OF(base, struct file_writer, base);
    hr_status status = HR_OK;
    if (batch->sel_count == 0) return HR_OK; /* a task without rows leaves no file */
    if (w->sink->partition_count) {
        struct hr_arena arena;
        hr_arena_init(&arena, NULL);
        status = write_partitioned(w, batch, &arena, err);
        hr_arena_done(&arena);
    } else {
        if (!w->count) status = begin_file(w, "", err);
        if (!status) status = encode(w, &w->files[0], batch, err);
    }
    if (!status) base->rows_written += batch->sel_count;
    return status;
}

static hr_status writer_finish(struct hr_sink_writer *base, struct hr_buf *message,
                               struct hr_err *err)
{
    struct file_writer *w = HR_CONTAINER_OF(base, struct file_writer, base);
    HR_TRY(end_all(w, err));
    hr_buf_append(message, w->message.ptr, w->message.len);
    HR_TRY(hr_buf_status(message, err));
    w->finished = true;
    return HR_OK;
}

hr_status hr_file_read_message(struct hr_arena *arena, struct hr_str_view message,
                               struct file_list *ret, struct hr_err *err)
{
    while (message.len) {
        const char *newline = memchr(message.ptr, '\n', message.len);
        struct file_entry entry = {.offset = -1};
        int64_t ms = 0;
        if (!newline) return HR_BUG(err, "not a message of a file writer");
        struct hr_str_view line = hr_svn(message.ptr, (size_t)(newline - message.ptr));
        if (!hr_file_json_string(arena, line, "path", &entry.path) ||
            !hr_file_json_number(line, "size", &entry.size) ||
            !hr_file_json_number(line, "modificationTime", &ms))
            return HR_BUG(err, "not a message of a file writer");
        HR_TRY(hr_file_from_uri(arena, entry.path, &entry.path, err));
        entry.mtime_us = ms * 1000;
        if (!HR_VEC_PUSH(arena, ret, entry)) return HR_OOM(err);
        message = hr_svn(newline + 1, message.len - line.len - 1);
    }
    return HR_OK;
}

static void unlink_file(struct file_writer *w, struct hr_arena *arena, const char *path)
{
    struct hr_err ignored;
    hr_err_init(&ignored);
    const char *name = w->sink->streaming ? path : hr_file_temp_path(arena, path);
    if (name && w->sink->env->vt->unlink(w->sink->env, name, &ignored)) return; /* gone or stays */
}

/* A task that fails takes its files away. */
static void discard(struct file_writer *w)
{
    struct hr_arena arena;
    struct file_list ended = {0};
    hr_arena_init(&arena, NULL);
    struct hr_str_view message = hr_svn(w->message.ptr, w->message.len);
    if (hr_file_read_message(&arena, message, &ended, NULL) == HR_OK)
        for (uint32_t i = 0; i < ended.count; i++) unlink_file(w, &arena, ended.items[i].path);
    for (uint32_t i = 0; i < w->count; i++)
        if (w->files[i].path) unlink_file(w, &arena, w->files[i].path);
    hr_arena_done(&arena);
}

static void writer_close(struct hr_sink_writer *base)
{
    struct file_writer *w = HR_CONTAINER_OF(base, struct file_writer, base);
    if (!w->finished) discard(w);
    for (uint32_t i = 0; i < w->count; i++) drop_file(w, &w->files[i]);
    hr_buf_done(&w->key);
    hr_buf_done(&w->packed);
    hr_buf_done(&w->message);
    hr_free(w);
}

hr_status hr_file_sink_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                              uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    static const struct hr_sink_writer_vt vt = {writer_write, writer_finish, writer_close};
    HR_UNUSED(epoch);
    HR_UNUSED(attempt);
    struct file_writer *w = hr_zalloc(sizeof *w);
    if (!w) return HR_OOM(err);
    w->base.vt = &vt;
    w->sink = HR_CONTAINER_OF(sink, struct file_sink, base);
    w->partition = partition;
    hr_env_uuid(w->sink->env, w->uuid);
    *ret = &w->base;
    return HR_OK;
}
