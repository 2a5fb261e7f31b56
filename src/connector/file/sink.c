/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as a sink: USING <a format> OPTIONS (path '…'). A task writes
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
#include "base/fault.h"
#include "connector/file/sink.h"

struct sink_options {
    const char *path, *partition_by;
    bool allow_updates, take_over;
    int compression, codec; /* checked; found by its name */
};

static const struct hr_opt_spec specs[] = {
    {"path", HR_OPT_STRING, offsetof(struct sink_options, path), NULL, 0, 0, NULL,
     "the folder that gets the files"},
    {"allowUpdates", HR_OPT_BOOL, offsetof(struct sink_options, allow_updates), "false", 0, 0, NULL,
     "take update and complete modes: changed rows appended, or all rows replaced, an epoch"},
    {"takeOver", HR_OPT_BOOL, offsetof(struct sink_options, take_over), "false", 0, 0, NULL,
     "append to a folder that another streaming query wrote"},
    {"partitionBy", HR_OPT_STRING, offsetof(struct sink_options, partition_by), NULL, 0, 0, NULL,
     "columns, commas between them, whose values become folders key=value (PARTITIONED BY)"},
    {"maxRecordsPerFile", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "a task writes one file an epoch"},
    {"retention", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "the manifest keeps every file"},
    {"compression", HR_OPT_ENUM, offsetof(struct sink_options, compression), "none", 0, 0,
     HR_CODEC_NAMES,
     "how files are packed"},
    {"codec", HR_OPT_ENUM, offsetof(struct sink_options, codec), "none", 0, 0,
     HR_CODEC_NAMES,
     "another name of compression"},
};
#define PACKING_SPECS 2 /* the last: not of containers, which pack what is in them */

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

static hr_status partition_column(struct file_sink *s, struct hr_str_view name, uint32_t *ret,
                                  struct hr_err *err)
{
    int32_t at = hr_type_field_index(s->schema, name);
    if (at < 0)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "partition column %.*s is none of the columns",
                       (int)name.len, name.ptr);
    enum hr_type_id id = s->schema->fields[at].type->id;
    if (id == HR_T_ARRAY || id == HR_T_MAP || id == HR_T_STRUCT)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "partition column %.*s has a nested type",
                       (int)name.len, name.ptr);
    *ret = (uint32_t)at;
    return HR_OK;
}

/* Which columns become folders, and which stay in the files. */
static hr_status choose_columns(struct file_sink *s, const char *partition_by, struct hr_err *err)
{
    uint32_t count = s->schema->field_count, data = 0, keys = 0;
    struct hr_field *fields = HR_NEW_ARRAY(&s->arena, struct hr_field, count + 1);
    uint32_t *numbers = HR_NEW_ARRAY(&s->arena, uint32_t, count + 1);
    uint32_t *folders = HR_NEW_ARRAY(&s->arena, uint32_t, count + 1);
    bool *taken = HR_NEW_ARRAY(&s->arena, bool, count + 1);
    if (!fields || !numbers || !folders || !taken) return HR_OOM(err);
    for (const char *p = partition_by; p && *p; p += strcspn(p, ",") + (strchr(p, ',') != NULL)) {
        uint32_t at;
        struct hr_str_view name = hr_sv_trim(hr_svn(p, strcspn(p, ",")));
        HR_TRY(partition_column(s, name, &at, err));
        if (taken[at])
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "partition column %.*s is named twice",
                           (int)name.len, name.ptr);
        taken[at] = true;
        folders[keys++] = at;
    }
    if (keys && keys == count)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "all columns are partition columns: none is left for the files");
    for (uint32_t i = 0; i < count; i++) {
        if (taken[i]) continue;
        fields[data] = s->schema->fields[i];
        numbers[data++] = i;
    }
    s->data_schema = keys ? hr_type_struct(fields, data) : s->schema;
    s->data_columns = numbers;
    s->partition_columns = folders;
    s->partition_count = keys;
    return s->data_schema ? HR_OK : HR_OOM(err);
}

static hr_status setup(struct file_sink *s, const struct hr_sink_args *args, struct hr_err *err)
{
    struct sink_options o = {0};
    hr_options_init(&s->format_options, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(&s->format_options, args->options->items[i].key,
                              args->options->items[i].value, err));
    HR_TRY(hr_options_parse(s->base.vt->options, s->base.vt->option_count, &s->format_options,
                            &o, err));
    if (!o.path) return HR_FAIL(err, HR_E_INVALID_OPTION, "option path: must be given");
    if (args->streaming && args->mode != HR_MODE_APPEND && !o.allow_updates)
        return HR_FAIL(err, HR_E_OUTPUT_MODE_DATA_SOURCE,
                       "Invalid streaming output mode: %s. This output mode is not supported in "
                       "Data Source %s; allowUpdates 'true' writes a set of files an epoch",
                       args->mode == HR_MODE_UPDATE ? "Update" : "Complete", s->format->name);
    HR_TRY(hr_file_path(&s->arena, o.path, &s->dir, err));
    if (args->conf) s->conf = *args->conf;
    s->schema = args->schema;
    HR_TRY(choose_columns(s, o.partition_by, err));
    if (s->format->check) HR_TRY(s->format->check(s->data_schema, true, err));
    if (!s->format->encoder_open)
        return HR_RAISE(err, HR_E_NOT_SUPPORTED, "what", "writing files of this format");
    const char *packing = s->format->container
                              ? NULL /* it packs what is in the file, by its own options */
                              : hr_options_get(&s->format_options, "compression");
    if (!packing && !s->format->container) packing = hr_options_get(&s->format_options, "codec");
    s->codec = packing ? hr_codec_find(packing) : NULL;
    s->extension = hr_arena_printf(&s->arena, "%s%s", s->format->file_extension,
                                   s->codec ? hr_codec_suffix(s->codec) : "");
    if (!s->extension) return HR_OOM(err);
    s->streaming = args->streaming;
    s->replace = args->streaming && args->mode == HR_MODE_COMPLETE;
    struct hr_encoder *probe;
    struct hr_format_args fargs = {.conf = &s->conf, .options = &s->format_options,
                                   .schema = s->data_schema, .file = true};
    HR_TRY(s->format->encoder_open(&fargs, &probe, err));
    s->format->encoder_close(probe);
    if (args->creates && !args->files) HR_TRY(check_empty(s, err));
    HR_TRY(s->env->vt->mkdirs(s->env, s->dir, err));
    const char *id = hr_arena_strdup(&s->arena, args->query_id ? args->query_id : "");
    if (!id) return HR_OOM(err);
    if (args->files) {
        s->files = args->files;
        s->query_id = s->streaming ? id : NULL;
        return HR_OK;
    }
    if (!s->streaming) return hr_file_owner_none(s->env, &s->arena, s->dir, err);
    HR_TRY(hr_file_owner_open(&s->owner, s->env, s->dir, id, o.take_over, err));
    s->owner.starts_late = args->starts_late;
    return HR_OK;
}

static hr_status open_format(const struct hr_sink_args *args, const struct hr_format_vt *format,
                             const struct hr_sink_vt *vt, struct hr_sink **ret, struct hr_err *err)
{
    struct file_sink *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, args->mem);
    s->base.vt = vt;
    s->base.guarantee = HR_EXACTLY_ONCE;
    s->env = args->env;
    s->format = format;
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
    if (s->files) return s->files->begin(s->files, s->query_id, epoch, ret_committed, err);
    hr_arena_init(&arena, NULL);
    hr_status status =
        hr_file_owner_begin(&s->owner, &arena, epoch, &s->number, ret_committed, err);
    hr_arena_done(&arena);
    return status;
}

/* The folders of the files, up to the sink's own: names are durable when they are synced. */
static hr_status sync_folders(struct file_sink *s, struct hr_arena *arena,
                              const struct file_list *files, struct hr_err *err)
{
    const char *last = "";
    for (uint32_t i = 0; s->partition_count && i < files->count; i++) {
        const char *path = files->items[i].path;
        char *folder = hr_arena_strndup(arena, path, (size_t)(strrchr(path, '/') - path));
        if (!folder) return HR_OOM(err);
        if (strcmp(folder, last) == 0) continue;
        last = hr_arena_strdup(arena, folder);
        for (; last && strcmp(folder, s->dir) != 0; *strrchr(folder, '/') = 0)
            HR_TRY(s->env->vt->sync_dir(s->env, folder, err));
        if (!last) return HR_OOM(err);
    }
    return s->env->vt->sync_dir(s->env, s->dir, err);
}

/* The job's files get their names. */
static hr_status rename_files(struct file_sink *s, struct hr_arena *arena,
                              const struct file_list *files, struct hr_err *err)
{
    for (uint32_t i = 0; i < files->count; i++) {
        const char *temp = hr_file_temp_path(arena, files->items[i].path);
        if (!temp) return HR_OOM(err);
        HR_TRY(s->env->vt->rename(s->env, temp, files->items[i].path, err));
    }
    return sync_folders(s, arena, files, err);
}

static hr_status publish(struct file_sink *s, struct hr_arena *arena, const struct file_list *files,
                         struct hr_err *err)
{
    HR_TRY(rename_files(s, arena, files, err));
    const char *success = hr_arena_printf(arena, "%s/_SUCCESS", s->dir);
    return success ? hr_env_write_file(s->env, success, "", 0, err) : HR_OOM(err);
}

/* The catalog names them, all at once. */
static hr_status hand_over(struct file_sink *s, struct hr_arena *arena,
                           const struct file_list *files, int64_t epoch, struct hr_err *err)
{
    struct hr_file_name *names = HR_NEW_ARRAY(arena, struct hr_file_name, files->count + 1);
    if (!names) return HR_OOM(err);
    for (uint32_t i = 0; i < files->count; i++)
        names[i] = (struct hr_file_name){files->items[i].path, files->items[i].size,
                                         files->items[i].mtime_us};
    if (!s->streaming) HR_TRY(rename_files(s, arena, files, err));
    return s->files->commit(s->files, s->query_id, epoch, names, files->count, err);
}

static hr_status sink_commit(struct hr_sink *sink, int64_t epoch,
                             const struct hr_str_view *messages, uint32_t message_count,
                             struct hr_err *err)
{
    struct file_sink *s = self(sink);
    struct file_list files = {0};
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = HR_OK;
    for (uint32_t i = 0; !status && i < message_count; i++)
        status = hr_file_read_message(&arena, messages[i], &files, err);
    /* The files' names have to be durable before the manifest names them. */
    if (!status && s->streaming) status = sync_folders(s, &arena, &files, err);
    if (!status && hr_fault_hit(HR_FAULT_SINK_COMMIT))
        status = HR_FAIL(err, HR_E_IO, "injected fault at HR_FAULT_SINK_COMMIT");
    if (!status && s->files)
        status = hand_over(s, &arena, &files, epoch, err);
    else if (!status && s->streaming) /* begin said which number it has here */
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

static void sink_sample(const struct hr_sink *sink, struct hr_buf *out)
{
    const struct file_sink *s = HR_CONTAINER_OF(sink, const struct file_sink, base);
    hr_buf_puts(out, s->dir);
    for (uint32_t i = 0; i < s->partition_count; i++)
        hr_buf_printf(out, "/%s=0", s->schema->fields[s->partition_columns[i]].name);
    hr_buf_printf(out, "/part-00000-00000000-0000-0000-0000-000000000000-c000%s", s->extension);
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

/* A sink of every format; one that cannot be written says so when it is opened. */
#define X(id, name_, kind)                                                                     \
    extern const struct hr_format_vt hr_format_##id;                                           \
    extern const struct hr_sink_vt hr_sink_##id;                                               \
    static hr_status open_##id(const struct hr_sink_args *args, struct hr_sink **ret,          \
                                   struct hr_err *err)                                         \
    {                                                                                          \
        return open_format(args, &hr_format_##id, &hr_sink_##id, ret, err);                    \
    }                                                                                          \
    const struct hr_sink_vt hr_sink_##id = {                                                   \
        .name = name_,                                                                         \
        .abi = HR_CONNECTOR_ABI,                                                               \
        .guarantee = HR_EXACTLY_ONCE,                                                          \
        .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE | 1 << HR_MODE_COMPLETE,            \
        .options = specs,                                                                      \
        .option_count =                                                                        \
            HR_COUNT(specs) - (HR_FORMAT_##kind == HR_FORMAT_STREAM ? 0 : PACKING_SPECS),      \
        .format = name_,                                                                       \
        .open = open_##id,                                                                     \
        .close = sink_close,                                                                   \
        .begin_epoch = sink_begin,                                                             \
        .open_writer = hr_file_sink_writer,                                                    \
        .commit_epoch = sink_commit,                                                           \
        .describe = sink_describe,                                                             \
        .sample = sink_sample,                                                                 \
        .identity = sink_identity,                                                             \
        .verify = sink_verify,                                                                 \
    };

#include "format/formats.def"
#undef X
