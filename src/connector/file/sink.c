/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as a sink: USING json|csv|text OPTIONS (path '…'). A task writes
 * part-<partition>-<uuid>-c000.<format>, unpacked and synced; the epoch is committed by its
 * manifest (file.h), so that every epoch is there once or not at all. What an epoch that never
 * committed left behind is in no manifest: readers do not see it, and a task that fails removes its
 * own.
 *
 * A batch query (INSERT) has no epochs: its files get their names when the job commits.
 *
 * With allowUpdates, update and complete modes are taken too: complete replaces what the manifest
 * names, update appends the changed rows.
 */
#include <stdio.h>

#include "base/fault.h"
#include "connector/file/file.h"

#define FLUSH_BYTES (1 << 20)

struct sink_options {
    const char *path;
    bool allow_updates, take_over;
};
static const struct hr_opt_spec specs[] = {
    {"path", HR_OPT_STRING, offsetof(struct sink_options, path), NULL, 0, 0, NULL,
     "the folder that gets the files"},
    {"allowUpdates", HR_OPT_BOOL, offsetof(struct sink_options, allow_updates), "false", 0, 0, NULL,
     "take update and complete modes: changed rows appended, or all rows replaced, an epoch"},
    {"takeOver", HR_OPT_BOOL, offsetof(struct sink_options, take_over), "false", 0, 0, NULL,
     "append to a folder that another streaming query wrote"},
    {"compression", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "files are written as they are"},
    {"codec", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "files are written as they are"},
    {"maxRecordsPerFile", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "a task writes one file an epoch"},
    {"retention", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "the manifest keeps every file"},
};

struct file_sink {
    struct hr_sink base;
    struct hr_arena arena;
    struct hr_env *env;
    const struct hr_format_vt *format;
    struct hr_options format_options;
    struct hr_conf conf;
    const struct hr_type *schema;
    const char *dir;
    bool streaming, replace;
    struct file_owner owner; /* streaming: this query's right to write */
    int64_t number;          /* of the running epoch in the manifest */
};

struct file_writer {
    struct hr_sink_writer base;
    struct file_sink *sink;
    struct hr_encoder *encoder;
    struct hr_buf out;
    char *path;       /* as it will be called */
    char *temp_path;  /* batch queries: as it is called until the job commits */
    int fd;
    int64_t size;
    bool finished;
};

static struct file_sink *self(struct hr_sink *sink)
{
    return HR_CONTAINER_OF(sink, struct file_sink, base);
}

static void sink_close(struct hr_sink *sink)
{
    hr_file_owner_close(&self(sink)->owner);
    hr_arena_done(&self(sink)->arena);
    hr_free(self(sink));
}

static bool any_name(void *arg, const char *name)
{
    HR_UNUSED(name);
    *(bool *)arg = true;
    return false;
}

static hr_status check_empty(struct file_sink *s, struct hr_err *err)
{
    bool any = false;
    if (!hr_env_exists(s->env, s->dir)) return HR_OK;
    HR_TRY(s->env->vt->list(s->env, s->dir, any_name, &any, err));
    return any ? HR_RAISE(err, HR_E_CTAS_NOT_EMPTY, "tablePath", s->dir) : HR_OK;
}

static hr_status setup(struct file_sink *s, const struct hr_sink_args *args, struct hr_err *err)
{
    struct sink_options o;
    hr_options_init(&s->format_options, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(&s->format_options, args->options->items[i].key,
                              args->options->items[i].value, err));
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), &s->format_options, &o, err));
    if (!o.path) return HR_FAIL(err, HR_E_INVALID_OPTION, "option path: must be given");
    if (args->streaming && args->mode != HR_MODE_APPEND && !o.allow_updates)
        return HR_FAIL(err, HR_E_UNSUPPORTED_STREAMING,
                       "Data source %s does not support %s output mode; allowUpdates 'true' "
                       "writes a set of files an epoch", s->format->name,
                       args->mode == HR_MODE_UPDATE ? "Update" : "Complete");
    HR_TRY(hr_file_path(&s->arena, o.path, &s->dir, err));
    if (strcmp(s->format->name, "text") == 0 &&
        (args->schema->field_count != 1 || args->schema->fields[0].type->id != HR_T_STRING))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "text takes one column of type STRING, not %u columns",
                       args->schema->field_count);
    if (args->conf) s->conf = *args->conf;
    s->schema = args->schema;
    s->streaming = args->streaming;
    s->replace = args->streaming && args->mode == HR_MODE_COMPLETE;
    struct hr_encoder *probe;
    struct hr_format_args fargs = {.conf = &s->conf, .options = &s->format_options,
                                   .schema = s->schema};
    HR_TRY(s->format->encoder_open(&fargs, &probe, err));
    s->format->encoder_close(probe);
    if (args->creates) HR_TRY(check_empty(s, err));
    HR_TRY(s->env->vt->mkdirs(s->env, s->dir, err));
    if (!s->streaming) return hr_file_owner_none(s->env, &s->arena, s->dir, err);
    const char *id = hr_arena_strdup(&s->arena, args->query_id ? args->query_id : "");
    if (!id) return HR_OOM(err);
    return hr_file_owner_open(&s->owner, s->env, s->dir, id, o.take_over, err);
}

static hr_status open_format(const struct hr_sink_args *args, const char *format,
                             const struct hr_sink_vt *vt, struct hr_sink **ret, struct hr_err *err)
{
    struct file_sink *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, args->mem);
    s->base.vt = vt;
    s->base.guarantee = HR_EXACTLY_ONCE;
    s->env = args->env;
    s->format = hr_format_find(format);
    hr_status status = setup(s, args, err);
    if (status) {
        sink_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

static hr_status sink_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                            struct hr_err *err)
{
    struct file_sink *s = self(sink);
    struct hr_arena arena;
    if (!s->streaming) {
        *ret_committed = false;
        return HR_OK;
    }
    hr_arena_init(&arena, NULL);
    hr_status status =
        hr_file_owner_begin(&s->owner, &arena, epoch, &s->number, ret_committed, err);
    hr_arena_done(&arena);
    return status;
}

static hr_status flush(struct file_writer *w, struct hr_err *err)
{
    struct hr_env *env = w->sink->env;
    HR_TRY(hr_buf_status(&w->out, err));
    if (w->out.len == 0) return HR_OK;
    HR_TRY(env->vt->pwrite(env, w->fd, w->out.ptr, w->out.len, w->size, err));
    w->size += (int64_t)w->out.len;
    hr_buf_clear(&w->out);
    return HR_OK;
}

static hr_status writer_write(struct hr_sink_writer *base, struct hr_batch *batch,
                              struct hr_err *err)
{
    struct file_writer *w = HR_CONTAINER_OF(base, struct file_writer, base);
    const struct hr_format_vt *format = w->sink->format;
    if (batch->sel_count == 0) return HR_OK;
    if (w->fd < 0) { /* a task without rows leaves no file */
        HR_TRY(w->sink->env->vt->open(w->sink->env, w->temp_path ? w->temp_path : w->path,
                                      HR_OPEN_EXCL, &w->fd, err));
        if (format->begin) HR_TRY(format->begin(w->encoder, &w->out, err));
    }
    HR_TRY(format->encode(w->encoder, batch, &w->out, NULL, err));
    base->rows_written += batch->sel_count;
    return w->out.len >= FLUSH_BYTES ? flush(w, err) : HR_OK;
}

/* The message: path, size and time of the file, a line. */
static hr_status writer_finish(struct hr_sink_writer *base, struct hr_buf *message,
                               struct hr_err *err)
{
    struct file_writer *w = HR_CONTAINER_OF(base, struct file_writer, base);
    struct hr_env *env = w->sink->env;
    if (w->fd < 0) {
        w->finished = true;
        return HR_OK;
    }
    HR_TRY(flush(w, err));
    HR_TRY(env->vt->fdatasync(env, w->fd, err));
    int fd = w->fd;
    w->fd = -1;
    hr_status status = env->vt->close(env, fd, err);
    if (status) return status;
    hr_buf_puts(message, "{\"path\":");
    hr_buf_put_json(message, hr_sv(w->path));
    hr_buf_printf(message, ",\"size\":%lld,\"modificationTime\":%lld}", (long long)w->size,
                  (long long)(hr_now_us(env) / 1000));
    HR_TRY(hr_buf_status(message, err));
    w->finished = true;
    return HR_OK;
}

static void writer_close(struct hr_sink_writer *base)
{
    struct file_writer *w = HR_CONTAINER_OF(base, struct file_writer, base);
    struct hr_env *env = w->sink->env;
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (w->fd >= 0 && env->vt->close(env, w->fd, &ignored)) w->fd = -1;
    const char *path = w->temp_path ? w->temp_path : w->path;
    bool left = !w->finished && path && hr_env_exists(env, path);
    if (left && env->vt->unlink(env, path, &ignored)) left = false;
    if (w->encoder) w->sink->format->encoder_close(w->encoder);
    hr_buf_done(&w->out);
    hr_free(w->path);
    hr_free(w->temp_path);
    hr_free(w);
}

static hr_status sink_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                             uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    static const struct hr_sink_writer_vt vt = {writer_write, writer_finish, writer_close};
    struct file_sink *s = self(sink);
    char uuid[37], path[4096];
    HR_UNUSED(epoch);
    HR_UNUSED(attempt);
    struct file_writer *w = hr_zalloc(sizeof *w);
    if (!w) return HR_OOM(err);
    w->base.vt = &vt;
    w->sink = s;
    w->fd = -1;
    hr_env_uuid(s->env, uuid);
    int len = snprintf(path, sizeof path, "%s/part-%05u-%s-c000%s", s->dir, partition, uuid,
                       s->format->file_extension);
    hr_status status = HR_OK;
    if (len >= (int)sizeof path) status = HR_FAIL(err, HR_E_LIMIT, "path too long: %s", s->dir);
    if (!status && !(w->path = hr_strdup(path))) status = HR_OOM(err);
    if (!s->streaming) /* hidden until the job commits */
        snprintf(path, sizeof path, "%s/.part-%05u-%s.tmp", s->dir, partition, uuid);
    if (!status && !s->streaming && !(w->temp_path = hr_strdup(path))) status = HR_OOM(err);
    struct hr_format_args args = {.conf = &s->conf, .options = &s->format_options,
                                  .schema = s->schema};
    if (!status) status = s->format->encoder_open(&args, &w->encoder, err);
    if (status) {
        writer_close(&w->base);
        return status;
    }
    *ret = &w->base;
    return HR_OK;
}

/* The job's files get their names. */
static hr_status publish(struct file_sink *s, struct hr_arena *arena, const struct file_list *files,
                         struct hr_err *err)
{
    for (uint32_t i = 0; i < files->count; i++) {
        const char *path = files->items[i].path, *name = strrchr(path, '/') + 1;
        size_t len = strlen(name) - strlen("-c000") - strlen(s->format->file_extension);
        const char *temp = hr_arena_printf(arena, "%.*s.%.*s.tmp", (int)(name - path), path,
                                           (int)len, name);
        if (!temp) return HR_OOM(err);
        HR_TRY(s->env->vt->rename(s->env, temp, path, err));
    }
    const char *success = hr_arena_printf(arena, "%s/_SUCCESS", s->dir);
    return success ? hr_env_write_file(s->env, success, "", 0, err) : HR_OOM(err);
}

static hr_status sink_commit(struct hr_sink *sink, int64_t epoch,
                             const struct hr_str_view *messages, uint32_t message_count,
                             struct hr_err *err)
{
    struct file_sink *s = self(sink);
    struct file_list files = {0};
    HR_UNUSED(epoch); /* begin said which number it has here */
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = HR_OK;
    for (uint32_t i = 0; !status && i < message_count; i++) {
        struct file_entry entry = {.offset = -1};
        int64_t ms = 0;
        if (messages[i].len == 0) continue;
        if (!hr_file_json_string(&arena, messages[i], "path", &entry.path) ||
            !hr_file_json_number(messages[i], "size", &entry.size) ||
            !hr_file_json_number(messages[i], "modificationTime", &ms))
            status = HR_BUG(err, "not a message of a file writer");
        entry.mtime_us = ms * 1000;
        if (!status && !HR_VEC_PUSH(&arena, &files, entry)) status = HR_OOM(err);
    }
    /* The files' names have to be durable before the manifest names them. */
    if (!status) status = s->env->vt->sync_dir(s->env, s->dir, err);
    if (!status && hr_fault_hit(HR_FAULT_SINK_COMMIT))
        status = HR_FAIL(err, HR_E_IO, "injected fault at HR_FAULT_SINK_COMMIT");
    if (!status && s->streaming)
        status = hr_file_manifest_write(s->env, &arena, s->dir, s->number, &files, s->replace, err);
    else if (!status)
        status = publish(s, &arena, &files, err);
    hr_arena_done(&arena);
    return status;
}

static void sink_describe(const struct hr_sink *sink, struct hr_buf *out)
{
    const struct file_sink *s = HR_CONTAINER_OF(sink, const struct file_sink, base);
    hr_buf_printf(out, "FileSink[file:%s]", s->dir);
}

static hr_status sink_identity(const struct hr_options *options, struct hr_buf *out,
                               struct hr_err *err)
{
    struct hr_arena arena;
    const char *path = hr_options_get(options, "path"), *normal;
    hr_arena_init(&arena, NULL);
    hr_status status = hr_file_path(&arena, path ? path : "", &normal, err);
    if (!status) hr_buf_printf(out, "file:%s", normal);
    hr_arena_done(&arena);
    return status ? status : hr_buf_status(out, err);
}

static hr_status sink_verify(struct hr_env *env, const char *identity, const char *query_id,
                             int64_t planned, int64_t committed, struct hr_err *err)
{
    const char *dir = strncmp(identity, "file:", 5) == 0 ? identity + 5 : identity;
    return hr_file_owner_verify(env, dir, query_id, planned, committed, err);
}

#define FILE_SINK(id)                                                                          \
    extern const struct hr_sink_vt hr_sink_##id;                                               \
    static hr_status open_##id(const struct hr_sink_args *args, struct hr_sink **ret,          \
                                   struct hr_err *err)                                         \
    {                                                                                          \
        return open_format(args, #id, &hr_sink_##id, ret, err);                                \
    }                                                                                          \
    const struct hr_sink_vt hr_sink_##id = {                                                   \
        .name = #id,                                                                           \
        .abi = HR_CONNECTOR_ABI,                                                               \
        .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE | 1 << HR_MODE_COMPLETE,            \
        .options = specs,                                                                      \
        .option_count = HR_COUNT(specs),                                                       \
        .format = #id,                                                                         \
        .open = open_##id,                                                                     \
        .close = sink_close,                                                                   \
        .begin_epoch = sink_begin,                                                             \
        .open_writer = sink_writer,                                                            \
        .commit_epoch = sink_commit,                                                           \
        .describe = sink_describe,                                                             \
        .identity = sink_identity,                                                             \
        .verify = sink_verify,                                                                 \
    };

FILE_SINK(json)
FILE_SINK(csv)
FILE_SINK(text)
