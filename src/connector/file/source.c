/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files as a source: USING name OPTIONS (path '…') for every row of format/formats.def. At rest:
 * what the path names now. As a stream: new files, oldest first; file.h tells about the log that
 * makes offsets replayable.
 *
 * Threads: all but the readers and the watcher belong to the query's thread. The watcher only turns
 * inotify events into wake-ups (and wakes once a second for what inotify does not see).
 */
#include <poll.h>
#include <stdio.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "base/codec.h"
#include "base/datetime.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/record_log.h"
#include "column/type_parse.h"
#include "connector/file/file.h"

#define SPLIT_BYTES    (INT64_C(64) << 20)
#define SAMPLE_BYTES   (64 << 20) /* inference reads all files up to here */
/* A file that somebody has open for writing, but did not change for so long, is taken. */
#define WRITER_GONE_US INT64_C(60000000)
/* Where nobody tells who writes to a file, it is finished when it did not change for so long. */
#define SETTLED_US     INT64_C(1000000)

struct file_options {
    const char *path, *archive_dir, *name_filter, *modified_before, *modified_after, *time_zone;
    const char *base_path, *partition_by;
    int64_t max_files, max_bytes, max_age_us, max_cached;
    double discard_ratio;
    bool latest_first, name_only, ignore_missing, ignore_corrupt, recursive;
    int clean;
};
enum { CLEAN_OFF, CLEAN_DELETE, CLEAN_ARCHIVE };

#define OPT(member, type, option, default_, min, max, doc) \
    {option, type, offsetof(struct file_options, member), default_, min, max, NULL, doc}
static const struct hr_opt_spec specs[] = {
    OPT(path, HR_OPT_STRING, "path", NULL, 0, 0, "a file, a folder or a glob"),
    OPT(max_files, HR_OPT_INT, "maxFilesPerTrigger", "0", 0, INT32_MAX, "new files an epoch takes"),
    OPT(max_bytes, HR_OPT_BYTES, "maxBytesPerTrigger", "0", 0, INT64_MAX,
        "bytes an epoch takes; at least one file"),
    OPT(max_age_us, HR_OPT_DURATION, "maxFileAge", "7 days", 0, 0,
        "files that much older than the newest one that was read are left out"),
    OPT(latest_first, HR_OPT_BOOL, "latestFirst", "false", 0, 0, "newest files first"),
    OPT(name_only, HR_OPT_BOOL, "fileNameOnly", "false", 0, 0,
        "a file is known by its name, without its folder"),
    OPT(ignore_missing, HR_OPT_BOOL, "ignoreMissingFiles", NULL, 0, 0,
        "a file that vanishes before it is read is no error"),
    OPT(ignore_corrupt, HR_OPT_BOOL, "ignoreCorruptFiles", NULL, 0, 0,
        "a damaged file gives the rows in front of the damage"),
    OPT(recursive, HR_OPT_BOOL, "recursiveFileLookup", "false", 0, 0,
        "read all folders below; their names are no partitions then"),
    OPT(name_filter, HR_OPT_STRING, "pathGlobFilter", NULL, 0, 0,
        "a pattern that the names of files, without folders, must match"),
    OPT(modified_before, HR_OPT_STRING, "modifiedBefore", NULL, 0, 0,
        "a timestamp; only files modified before it (not for streams)"),
    OPT(modified_after, HR_OPT_STRING, "modifiedAfter", NULL, 0, 0,
        "a timestamp; only files modified after it (not for streams)"),
    OPT(time_zone, HR_OPT_STRING, "timeZone", NULL, 0, 0,
        "zone of modifiedBefore and modifiedAfter, and of the rows' timestamps; the session's"),
    OPT(base_path, HR_OPT_STRING, "basePath", NULL, 0, 0,
        "folders named key=value below it are partitions; the folder that is read"),
    OPT(partition_by, HR_OPT_STRING, "partitionBy", NULL, 0, 0,
        "columns, commas between them, that come from folders (PARTITIONED BY)"),
    OPT(max_cached, HR_OPT_INT, "maxCachedFiles", "10000", 0, INT32_MAX,
        "new files remembered for the next epochs, so that folders are listed less often"),
    OPT(discard_ratio, HR_OPT_DOUBLE, "discardCachedInputRatio", "0.2", 0, 0,
        "remembered files are dropped when fewer than this part of an epoch is left"),
    {"cleanSource", HR_OPT_ENUM, offsetof(struct file_options, clean), "off", 0, 0,
     "off|delete|archive", "what becomes of files whose rows are committed"},
    OPT(archive_dir, HR_OPT_STRING, "sourceArchiveDir", NULL, 0, 0,
        "where cleanSource 'archive' moves files to"),
};

struct file_source {
    struct hr_source base;
    struct hr_arena arena;
    struct hr_env *env;
    const struct hr_format_vt *format;
    struct hr_options format_options;
    struct hr_conf conf;
    struct file_options options;
    const struct hr_file_catalog *files; /* which there are; NULL: what the path names */
    const char *log_path;      /* NULL: the log is in memory only */
    struct hr_record_log *log_file; /* NULL: in memory only */
    struct file_list log;      /* by offset */
    int64_t last_offset;       /* in the log; -1: none */
    int64_t newest_us;         /* modification time of the newest file in the log */
    struct hr_arena found_arena;
    struct file_list found;    /* new files that no epoch has taken yet, in their order */
    uint32_t found_at;         /* the first of them that is left */
    bool missing_told;
    int64_t cleaned;           /* offset up to which cleanSource has run */
    uint32_t *seen;            /* hash set: indexes into log + 1 */
    uint32_t seen_mask;
    struct file_query query;
    bool infer_partition_types;
    int64_t modified_before_us, modified_after_us;
    struct hr_wakeup *wakeup;
    pthread_t watcher;
    int inotify_fd, stop_fds[2];
    bool watching;
};

static struct file_source *self(struct hr_source *source)
{
    return HR_CONTAINER_OF(source, struct file_source, base);
}

/* --- The log ---------------------------------------------------------------------------------- */

static const char *key_of(const struct file_source *s, const char *path)
{
    const char *slash = s->options.name_only ? strrchr(path, '/') : NULL;
    return slash ? slash + 1 : path;
}

static uint32_t *seen_slot(struct file_source *s, const char *path)
{
    const char *key = key_of(s, path);
    uint32_t at = (uint32_t)hr_hash_bytes(key, strlen(key)) & s->seen_mask;
    while (s->seen[at] && strcmp(key_of(s, s->log.items[s->seen[at] - 1].path), key) != 0)
        at = (at + 1) & s->seen_mask;
    return &s->seen[at];
}

static hr_status remember(struct file_source *s, struct file_entry entry, struct hr_err *err)
{
    if (!s->seen || (s->log.count + 1) * 2 > s->seen_mask) {
        uint32_t size = s->seen ? (s->seen_mask + 1) * 2 : 256;
        uint32_t *grown = hr_zalloc(sizeof *grown * size);
        if (!grown) return HR_OOM(err);
        hr_free(s->seen);
        s->seen = grown;
        s->seen_mask = size - 1;
        for (uint32_t i = 0; i < s->log.count; i++) *seen_slot(s, s->log.items[i].path) = i + 1;
    }
    entry.path = hr_arena_strdup(&s->arena, entry.path);
    if (!entry.path || !HR_VEC_PUSH(&s->arena, &s->log, entry)) return HR_OOM(err);
    *seen_slot(s, entry.path) = s->log.count;
    s->last_offset = HR_MAX(s->last_offset, entry.offset);
    s->newest_us = HR_MAX(s->newest_us, entry.mtime_us);
    return HR_OK;
}

static bool is_seen(struct file_source *s, const char *path)
{
    return s->seen && *seen_slot(s, path) != 0;
}

static const struct hr_record_log_kind log_kind = {"HRFILES\n", 64 << 10};

static hr_status log_damaged(const struct file_source *s, const char *why, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_CHECKPOINT_CORRUPT, "path", s->log_path ? s->log_path : "(none)",
                    "why", why);
}

/* The files of one offset. */
static hr_status load_record(void *arg, uint64_t number, struct hr_str_view text,
                             struct hr_err *err)
{
    struct file_source *s = arg;
    for (size_t at = 0; at < text.len;) {
        const char *p = text.ptr + at, *newline = memchr(p, '\n', text.len - at);
        struct file_entry entry = {0};
        int64_t ms = 0;
        struct hr_str_view line = hr_svn(p, newline ? (size_t)(newline - p) : 0);
        if (!newline || !hr_file_json_string(&s->arena, line, "path", &entry.path) ||
            !hr_file_json_number(line, "timestamp", &ms) ||
            !hr_file_json_number(line, "size", &entry.size) ||
            !hr_file_json_number(line, "offset", &entry.offset) ||
            entry.offset != (int64_t)number)
            return log_damaged(s, "it has a line that is none of a source of files", err);
        entry.mtime_us = ms * 1000;
        HR_TRY(hr_file_from_uri(&s->arena, entry.path, &entry.path, err));
        HR_TRY(remember(s, entry, err));
        at += line.len + 1;
    }
    return HR_OK;
}

static hr_status open_log(struct file_source *s, const char *checkpoint_dir, struct hr_err *err)
{
    HR_TRY(s->env->vt->mkdirs(s->env, checkpoint_dir, err));
    s->log_path = hr_arena_printf(&s->arena, "%s/log", checkpoint_dir);
    if (!s->log_path) return HR_OOM(err);
    if (!hr_env_exists(s->env, s->log_path))
        return hr_record_log_create(s->env, s->log_path, &log_kind, NULL, 0, &s->log_file, err);
    HR_TRY(hr_record_log_open(s->env, s->log_path, &log_kind, load_record, s, &s->log_file, err));
    return HR_OK;
}

static void put_file(struct hr_buf *out, const struct file_entry *e)
{
    struct hr_buf uri = {0};
    hr_file_put_uri(e->path, &uri);
    hr_buf_puts(out, "{\"path\":");
    hr_buf_put_json(out, hr_svn(uri.ptr, uri.len));
    out->failed |= uri.failed;
    hr_buf_done(&uri);
    hr_buf_printf(out, ",\"timestamp\":%lld,\"size\":%lld,\"offset\":%lld}\n",
                  (long long)(e->mtime_us / 1000), (long long)e->size, (long long)e->offset);
}

/* A record an offset, durable before any of them is used. files are in the order of offsets. */
static hr_status append_log(struct file_source *s, const struct file_list *files,
                            struct hr_err *err)
{
    struct hr_buf text = {0};
    hr_status status = HR_OK;
    for (uint32_t i = 0; !status && s->log_file && i < files->count; i++) {
        bool last = i + 1 == files->count;
        put_file(&text, &files->items[i]);
        if (!last && files->items[i + 1].offset == files->items[i].offset) continue;
        assert(hr_record_log_count(s->log_file) == (uint64_t)files->items[i].offset);
        status = hr_buf_status(&text, err);
        if (!status)
            status = hr_record_log_append(s->log_file, hr_svn(text.ptr, text.len), last, err);
        hr_buf_clear(&text);
    }
    hr_buf_done(&text);
    for (uint32_t i = 0; !status && i < files->count; i++)
        status = remember(s, files->items[i], err);
    return status;
}

/* The files that there are now. */
static hr_status find_files(struct file_source *s, struct hr_arena *arena, struct file_list *ret,
                            struct hr_err *err)
{
    struct hr_file_name *names = NULL;
    uint32_t count = 0;
    if (!s->files) return hr_file_find(s->env, arena, &s->query, ret, err);
    HR_TRY(s->files->list(s->files, arena, &names, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        struct file_entry entry = {names[i].path, names[i].mtime_us, names[i].size, -1};
        if (!HR_VEC_PUSH(arena, ret, entry)) return HR_OOM(err);
    }
    return HR_OK;
}

/* --- Opening ---------------------------------------------------------------------------------- */

static void file_close(struct hr_source *source)
{
    struct file_source *s = self(source);
    if (s->watching) {
        if (write(s->stop_fds[1], "x", 1) == 1) pthread_join(s->watcher, NULL);
        close(s->inotify_fd);
        close(s->stop_fds[0]);
        close(s->stop_fds[1]);
    }
    hr_record_log_close(s->log_file);
    hr_free(s->seen);
    hr_arena_done(&s->found_arena);
    hr_arena_done(&s->arena);
    hr_free(s);
}

static struct hr_format_args format_args(struct file_source *s)
{
    return (struct hr_format_args){.conf = &s->conf, .options = &s->format_options,
                                   .schema = s->base.schema, .file = true};
}

/* All of a file, up to the budget: no half line at its end. */
static hr_status read_sample(struct file_source *s, const char *path, struct hr_buf *out,
                             struct hr_err *err)
{
    int fd;
    bool last = false;
    struct file_bytes *bytes = NULL;
    const char *encoding = hr_file_encoding(&s->format_options);
    HR_TRY(s->env->vt->open(s->env, path, HR_OPEN_READ, &fd, err));
    hr_status status = hr_file_bytes_open(s->env, path, fd, 0, encoding, &bytes, err);
    while (!status && !last && out->len < SAMPLE_BYTES) {
        size_t n, want = 1 << 20;
        char *room = hr_buf_reserve(out, want + 1);
        status = room ? hr_file_bytes_read(bytes, room, want, &n, &last, err) : HR_OOM(err);
        if (!status) out->len += n;
    }
    if (!status && !last) {
        const char *newline = memrchr(out->ptr, '\n', out->len);
        if (newline) out->len = (size_t)(newline + 1 - out->ptr);
    }
    if (!status && out->len && out->ptr[out->len - 1] != '\n') hr_buf_putc(out, '\n');
    hr_file_bytes_close(bytes);
    hr_status closed = s->env->vt->close(s->env, fd, err);
    return status ? status : closed;
}

/* The columns of the folders go behind those of the data; where both have one, it is the folders'
 * in the data's place. */
static hr_status add_keys(struct file_source *s, const struct hr_type *keys, struct hr_err *err)
{
    const struct hr_type *data = s->base.schema;
    uint32_t count = data->field_count;
    struct hr_field *fields =
        HR_NEW_ARRAY(&s->arena, struct hr_field, count + keys->field_count + 1);
    if (!fields) return HR_OOM(err);
    memcpy(fields, data->fields, sizeof *fields * count);
    for (uint32_t i = 0; i < keys->field_count; i++) {
        int32_t at = hr_type_field_index(data, hr_sv(keys->fields[i].name));
        fields[at >= 0 ? (uint32_t)at : count++] = keys->fields[i];
    }
    s->base.schema = hr_type_struct(fields, count);
    return s->base.schema ? HR_OK : HR_OOM(err);
}

static hr_status no_schema(struct file_source *s, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "Unable to infer schema for %s. It must be "
                   "specified manually.", s->format->name);
}

/* Of a stream of bytes: from all files, up to a budget. */
static hr_status infer_sample(struct file_source *s, const struct file_list *files,
                              struct hr_err *err)
{
    struct hr_buf sample = {0};
    struct hr_format_args args = format_args(s);
    hr_status status = HR_OK;
    for (uint32_t i = 0; !status && i < files->count && sample.len < SAMPLE_BYTES; i++)
        status = read_sample(s, files->items[i].path, &sample, err);
    if (!status && sample.len == 0) status = no_schema(s, err);
    if (!status && sample.len >= SAMPLE_BYTES)
        HR_LOG(HR_LOG_WARN, "%s: columns are inferred from the first %d MiB", s->options.path,
               SAMPLE_BYTES >> 20);
    if (!status) status = s->format->infer(&args, sample.ptr, sample.len, &s->base.schema, err);
    hr_buf_done(&sample);
    return status;
}

static hr_status infer_data(struct file_source *s, const struct file_list *files,
                            struct hr_err *err)
{
    const struct hr_format_vt *format = s->format;
    struct hr_format_args args = format_args(s);
    if (format->columns) return hr_schema_parse(hr_sv(format->columns), &s->base.schema, err);
    if (!format->container) return format->infer ? infer_sample(s, files, err) : no_schema(s, err);
    const struct hr_container_vt *vt = format->container;
    bool all = vt->merges && vt->merges(&s->format_options);
    for (uint32_t i = 0; i < files->count && (all || !s->base.schema); i++) {
        const struct hr_type *one;
        if (files->items[i].size == 0) continue;
        HR_TRY(hr_file_container_infer(s->env, format, &args, files->items[i].path, &one, err));
        if (s->base.schema) HR_TRY(vt->merge(s->base.schema, one, &one, err));
        s->base.schema = one;
    }
    if (s->base.schema) return HR_OK;
    return no_schema(s, err);
}

static hr_status infer_schema(struct file_source *s, struct hr_err *err)
{
    struct file_list files = {0};
    const struct hr_type *keys;
    hr_status status = find_files(s, &s->arena, &files, err);
    if (!(s->format->columns && status == HR_E_PATH_NOT_FOUND)) HR_TRY(status); /* it is known */
    hr_file_sort(&files, false);
    HR_TRY(hr_file_keys_infer(&s->arena, &s->query, &files, s->infer_partition_types, &keys, err));
    HR_TRY(infer_data(s, &files, err));
    return add_keys(s, keys, err);
}

/* Columns of the user's that the folders do not give: all of them where nothing is there yet. */
static hr_status data_schema(struct file_source *s, const struct hr_type **ret, struct hr_err *err)
{
    struct file_list files = {0};
    struct file_keys keys = {0};
    hr_status status = find_files(s, &s->arena, &files, err);
    if (status != HR_E_PATH_NOT_FOUND) HR_TRY(status);
    HR_TRY(hr_file_keys_check(&s->arena, &s->query, &files, &keys, err));
    return hr_file_data_schema(&s->arena, s->base.schema, &keys, ret, err);
}

/* Can the format read what the folders do not give? Most tables have no such columns: nothing is
 * looked for where the format takes all of them. */
static hr_status check_schema(struct file_source *s, struct hr_err *err)
{
    const struct hr_type *data = s->base.schema;
    if (!s->format->check || s->format->check(data, false, NULL) == HR_OK) return HR_OK;
    HR_TRY(data_schema(s, &data, err));
    return s->format->check(data, false, err);
}

static hr_status find_schema(struct file_source *s, const struct hr_source_args *args,
                             struct hr_err *err)
{
    if (args->schema && args->schema->field_count) {
        s->base.schema = args->schema;
        return check_schema(s, err);
    }
    if (args->streaming && !s->format->columns)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a stream of %s files needs its columns to be "
                       "given: CREATE TABLE … (name TYPE, …) USING %s", s->format->name,
                       s->format->name);
    return infer_schema(s, err);
}

/* A wrong option or column should be told now, not by the first task. */
static hr_status probe(struct file_source *s, struct hr_err *err)
{
    struct hr_decoder *decoder;
    struct hr_format_args args = format_args(s);
    if (!s->format->decoder_open) return HR_OK;
    if (s->format->columns)
        HR_TRY(hr_schema_parse(hr_sv(s->format->columns), &args.schema, err));
    HR_TRY(s->format->decoder_open(&args, &decoder, err));
    s->format->decoder_close(decoder);
    return HR_OK;
}

/* Does the pattern match where the archive is, at the depth of the less deep of the two? */
static hr_status may_match(struct file_source *s, const char *source, const char *archive,
                           bool *ret, struct hr_err *err)
{
    *ret = true;
    while (*ret && *source && *archive) {
        struct file_glob glob;
        source += strspn(source, "/");
        archive += strspn(archive, "/");
        size_t source_len = strcspn(source, "/"), archive_len = strcspn(archive, "/");
        if (!source_len || !archive_len) break;
        const char *part = hr_arena_strndup(&s->arena, source, source_len);
        const char *name = hr_arena_strndup(&s->arena, archive, archive_len);
        if (!part || !name) return HR_OOM(err);
        HR_TRY(hr_file_glob_compile(&s->arena, part, &glob, err));
        *ret = hr_file_glob_match(&glob, name);
        source += source_len;
        archive += archive_len;
    }
    return HR_OK;
}

/* Spark's rule: neither the source nor the archive may hold the other. */
static hr_status check_archive(struct file_source *s, struct hr_err *err)
{
    struct file_glob glob;
    HR_TRY(hr_file_glob_compile(&s->arena, s->options.path, &glob, err));
    for (uint32_t i = 0; i < glob.count; i++) {
        bool match;
        HR_TRY(may_match(s, glob.items[i], s->options.archive_dir, &match, err));
        if (match)
            return HR_FAIL(err, HR_E_INVALID_OPTION,
                           "option sourceArchiveDir: Base archive path cannot be set to the path "
                           "where archived path can possibly match with source pattern. Ensure the "
                           "base archive path doesn't match with source pattern in depth, where "
                           "the depth is minimum of depth on both paths. (%s, %s)",
                           s->options.archive_dir, s->options.path);
    }
    return HR_OK;
}

static hr_status check_options(struct file_source *s, struct hr_err *err)
{
    struct file_options *o = &s->options;
    if (!o->path) return HR_FAIL(err, HR_E_INVALID_OPTION, "option path: must be given");
    if (o->max_files && o->max_bytes)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "options maxFilesPerTrigger and maxBytesPerTrigger exclude each other");
    if (o->clean == CLEAN_ARCHIVE && !o->archive_dir)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option sourceArchiveDir: cleanSource 'archive' needs it");
    HR_TRY(hr_file_path(&s->arena, o->path, &o->path, err));
    if (o->base_path) HR_TRY(hr_file_path(&s->arena, o->base_path, &o->base_path, err));
    if (o->archive_dir) HR_TRY(hr_file_path(&s->arena, o->archive_dir, &o->archive_dir, err));
    return o->clean == CLEAN_ARCHIVE ? check_archive(s, err) : HR_OK;
}

static hr_status threshold(struct file_source *s, const char *name, const char *text,
                           int64_t *ret_us, const int64_t **ret, struct hr_err *err)
{
    const struct hr_tz *tz = s->conf.tz ? s->conf.tz : hr_tz_utc();
    if (!text) return HR_OK;
    if (s->options.time_zone) tz = hr_tz_find(hr_sv(s->options.time_zone));
    if (!tz)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option timeZone: there is no zone '%s'",
                       s->options.time_zone);
    if (!hr_parse_timestamp(hr_sv(text), tz, ret_us))
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option %s: the expected format is 'YYYY-MM-DDTHH:mm:ss', but the provided "
                       "timestamp is '%s'", name, text);
    *ret = ret_us;
    return HR_OK;
}

/* What is looked for, by the options. */
static hr_status make_query(struct file_source *s, const struct hr_source_args *args,
                            struct hr_err *err)
{
    const struct file_options *o = &s->options;
    const char *before = o->modified_before, *after = o->modified_after;
    s->query = (struct file_query){.path = o->path, .recursive = o->recursive,
                                   .base_path = o->base_path};
    if (o->base_path && !hr_file_within(o->path, o->base_path))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option basePath: %s does not hold %s",
                       o->base_path, o->path);
    if (o->name_filter)
        HR_TRY(hr_file_glob_compile(&s->arena, o->name_filter, &s->query.name_filter, err));
    if (args->streaming && (before || after))
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option %s: is not allowed in file stream sources",
                       before ? "modifiedBefore" : "modifiedAfter");
    HR_TRY(threshold(s, "modifiedBefore", before, &s->modified_before_us,
                     &s->query.modified_before_us, err));
    HR_TRY(threshold(s, "modifiedAfter", after, &s->modified_after_us,
                     &s->query.modified_after_us, err));
    if (!args->checkpoint_dir) return HR_OK;
    /* <checkpoint>/sources/<n> is ours: the query's folder is no input. */
    const char *own = hr_arena_printf(&s->arena, "%s/../..", args->checkpoint_dir);
    return own ? hr_file_path(&s->arena, own, &s->query.skip_dir, err) : HR_OOM(err);
}

static hr_status setup(struct file_source *s, const struct hr_source_args *args,
                       struct hr_err *err)
{
    hr_options_init(&s->format_options, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(&s->format_options, args->options->items[i].key,
                              args->options->items[i].value, err));
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), &s->format_options, &s->options, err));
    HR_TRY(check_options(s, err));
    if (args->conf) s->conf = *args->conf;
    if (!hr_options_get(&s->format_options, "ignoreMissingFiles"))
        s->options.ignore_missing = s->conf.ignore_missing_files;
    if (!hr_options_get(&s->format_options, "ignoreCorruptFiles"))
        s->options.ignore_corrupt = s->conf.ignore_corrupt_files;
    HR_TRY(make_query(s, args, err));
    HR_TRY(find_schema(s, args, err));
    HR_TRY(probe(s, err));
    if (!args->streaming) return HR_OK;
    return args->checkpoint_dir ? open_log(s, args->checkpoint_dir, err) : HR_OK;
}

static hr_status open_format(const struct hr_source_args *args, const struct hr_format_vt *format,
                             const struct hr_source_vt *vt, struct hr_source **ret,
                             struct hr_err *err)
{
    struct file_source *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, args->mem);
    hr_arena_init(&s->found_arena, args->mem);
    s->base.vt = vt;
    s->env = args->env;
    s->files = args->files;
    s->format = format;
    s->last_offset = s->cleaned = -1;
    s->newest_us = INT64_MIN;
    s->infer_partition_types = !args->conf || !args->conf->partitions_as_text;
    hr_status status = setup(s, args, err);
    if (status) {
        file_close(&s->base);
        return status;
    }
    if (hr_file_reads_by_column(&s->format_options, s->base.schema))
        s->base.flags |= HR_SOURCE_BY_COLUMN;
    *ret = &s->base;
    return HR_OK;
}

/* The folders of all files give the same columns, and those that the table is said to have. */
static hr_status check_folders(struct file_source *s, struct hr_arena *arena,
                               const struct file_list *files, struct hr_err *err)
{
    struct file_keys keys;
    HR_TRY(hr_file_keys_check(arena, &s->query, files, &keys, err));
    const char *p = files->count && s->options.partition_by ? s->options.partition_by : "";
    for (; *p; p += strcspn(p, ",") + (strchr(p, ',') != NULL)) {
        struct hr_str_view name = hr_sv_trim(hr_svn(p, strcspn(p, ",")));
        bool found = false;
        for (uint32_t i = 0; i < keys.count && !found; i++)
            found = hr_sv_eq_nocase(hr_sv(keys.items[i].name), name);
        if (!found)
            return HR_FAIL(err, HR_E_INVALID_OPTION,
                           "option partitionBy: no folder %.*s=… holds the files of %s",
                           (int)name.len, name.ptr, s->query.path);
    }
    return HR_OK;
}

/* --- Splits ----------------------------------------------------------------------------------- */

static bool splittable(const struct file_source *s, const char *path)
{
    const struct hr_options *o = &s->format_options;
    if (!s->format->splits || !s->format->splits(o)) return false;
    return s->format->container || (!hr_codec_packs(path) && hr_file_is_utf8(hr_file_encoding(o)));
}

typedef HR_VEC(struct hr_split) split_vec;

static hr_status add_splits(struct file_source *s, const struct file_entry *entry,
                            struct hr_arena *arena, split_vec *splits, struct hr_err *err)
{
    if (entry->size == 0) return HR_OK; /* no rows, and no header of a packed file either */
    int64_t parts = entry->size > SPLIT_BYTES && splittable(s, entry->path)
                        ? (entry->size + SPLIT_BYTES - 1) / SPLIT_BYTES
                        : 1;
    for (int64_t i = 0; i < parts; i++) {
        struct file_split *data = HR_NEW(arena, struct file_split);
        if (!data) return HR_OOM(err);
        data->path = entry->path;
        data->whole = parts == 1;
        data->start = (int64_t)((hr_i128)entry->size * i / parts);
        data->end = (int64_t)((hr_i128)entry->size * (i + 1) / parts);
        struct hr_split split = {.data = data, .rows_estimate = -1,
                                 .bytes_estimate = data->end - data->start};
        split.description = parts == 1 ? entry->path
                                       : hr_arena_printf(arena, "%s [%lld, %lld)", entry->path,
                                                         (long long)data->start,
                                                         (long long)data->end);
        split.key = hr_arena_printf(arena, "%s [%lld, %lld) %lld", entry->path,
                                    (long long)data->start, (long long)data->end,
                                    (long long)entry->mtime_us);
        bool complete = split.key && split.description;
        if (!complete || !HR_VEC_PUSH(arena, splits, split)) return HR_OOM(err);
    }
    return HR_OK;
}

static hr_status parse_log_offset(const char *text, int64_t *ret, struct hr_err *err)
{
    if (!hr_file_json_number(hr_sv(text), "logOffset", ret))
        return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "not an offset of files: %s", text);
    return HR_OK;
}

/* The first entry of the log whose offset is greater. */
static uint32_t behind(const struct file_source *s, int64_t offset)
{
    uint32_t low = 0, high = s->log.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (s->log.items[middle].offset > offset)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static hr_status log_short(const struct file_source *s, int64_t offset, struct hr_err *err)
{
    char why[100];
    snprintf(why, sizeof why, "it ends at offset %lld, but the journal is at %lld",
             (long long)s->last_offset, (long long)offset);
    return log_damaged(s, why, err);
}

static hr_status file_plan(struct hr_source *source, const char *start, const char *end,
                           struct hr_arena *arena, struct hr_split **ret_splits,
                           uint32_t *ret_count, struct hr_err *err)
{
    struct file_source *s = self(source);
    split_vec splits = {0};
    if (!start && !end) {
        struct file_list files = {0};
        HR_TRY(find_files(s, arena, &files, err));
        HR_TRY(check_folders(s, arena, &files, err));
        hr_file_sort(&files, false);
        for (uint32_t i = 0; i < files.count; i++)
            HR_TRY(add_splits(s, &files.items[i], arena, &splits, err));
    } else {
        int64_t from = -1, to = s->last_offset;
        if (start) HR_TRY(parse_log_offset(start, &from, err));
        if (end) HR_TRY(parse_log_offset(end, &to, err));
        if (to > s->last_offset)
            return log_short(s, to, err);
        for (uint32_t i = behind(s, from); i < s->log.count && s->log.items[i].offset <= to; i++)
            HR_TRY(add_splits(s, &s->log.items[i], arena, &splits, err));
    }
    *ret_splits = splits.items;
    *ret_count = splits.count;
    return HR_OK;
}

hr_status hr_file_splits_of(struct hr_source *source, const char *const *paths, uint32_t count,
                            struct hr_arena *arena, struct hr_split **ret_splits,
                            uint32_t *ret_count, struct hr_err *err)
{
    struct file_source *s = self(source);
    split_vec splits = {0};
    assert(source->vt->plan_splits == file_plan);
    for (uint32_t i = 0; i < count; i++) {
        struct hr_file_info info;
        HR_TRY(s->env->vt->stat(s->env, paths[i], &info, err));
        struct file_entry entry = {.path = hr_arena_strdup(arena, paths[i]),
                                   .size = info.size_bytes};
        if (!entry.path) return HR_OOM(err);
        HR_TRY(add_splits(s, &entry, arena, &splits, err));
    }
    *ret_splits = splits.items;
    *ret_count = splits.count;
    return HR_OK;
}

static hr_status file_open_reader(struct hr_source *source, const struct hr_split *split,
                                  const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                                  struct hr_err *err)
{
    struct file_source *s = self(source);
    const struct file_split *file = split->data;
    struct hr_format_args args = format_args(s);
    struct hr_scan_spec data_spec = *spec;
    struct hr_scan_reader *reader = NULL;
    struct file_keys keys;
    struct hr_arena arena;
    hr_arena_init(&arena, spec->mem);
    hr_status status = hr_file_keys(&arena, &s->query, file->path, &keys, err);
    if (!status) status = hr_file_data_schema(&arena, args.schema, &keys, &args.schema, err);
    if (!status) status = hr_file_data_schema(&arena, spec->schema, &keys, &data_spec.schema, err);
    struct file_read read = {.env = s->env, .format = s->format, .args = &args,
                             .spec = &data_spec, .filters_over = spec->schema, .split = file,
                             .ignore_missing = s->options.ignore_missing,
                             .ignore_corrupt = s->options.ignore_corrupt};
    if (!status)
        status = s->format->container ? hr_file_container_open(&read, &reader, err)
                                      : hr_file_reader_open(&read, &reader, err);
    if (!status && data_spec.schema != spec->schema)
        status = hr_file_keyed_reader(&s->conf, spec, &keys, reader, &reader, err);
    hr_arena_done(&arena);
    if (!status) *ret = reader;
    return status;
}

/* --- Streaming -------------------------------------------------------------------------------- */

/* As Spark's: what a query that starts names must be there, a pattern's matches may come later. */
static hr_status check_path(struct file_source *s, struct hr_err *err)
{
    if (hr_file_is_glob(s->query.path) || hr_env_exists(s->env, s->query.path)) return HR_OK;
    return HR_RAISE(err, HR_E_PATH_NOT_FOUND, "path", s->query.path);
}

static hr_status file_initial(struct hr_source *source, struct hr_buf *ret, struct hr_err *err)
{
    struct file_source *s = self(source);
    if (s->log.count) return log_damaged(s, "it holds files, but the query never started", err);
    HR_TRY(check_path(s, err));
    hr_buf_puts(ret, "{\"logOffset\":-1}");
    return hr_buf_status(ret, err);
}

/* A writer has not finished with the file: somebody has it open for writing or, where the system
 * does not tell, it changed within the last second. Old enough, it is taken all the same. */
static bool is_unfinished(struct file_source *s, const struct file_entry *file, int64_t now_us,
                          bool *ret_unsettled)
{
    bool written = false;
    if (file->mtime_us < now_us - WRITER_GONE_US) return false;
    if (s->env->vt->is_written(s->env, file->path, &written, NULL) == HR_OK) return written;
    bool young = file->mtime_us > now_us - SETTLED_US && file->mtime_us <= now_us;
    *ret_unsettled |= young;
    return young;
}

static void tell_missing(struct file_source *s, bool missing)
{
    if (missing && !s->missing_told)
        HR_LOG(HR_LOG_WARN, "%s: there is no such file or folder; waiting for it", s->query.path);
    s->missing_told = missing;
}

/* Lists the files that are not in the log yet, in the order in which they are taken. Files that
 * hold nothing wait until they do. *ret_unsettled: some wait for the clock. */
static hr_status list_new(struct file_source *s, bool *ret_unsettled, struct hr_err *err)
{
    struct file_list all = {0};
    const struct file_options *o = &s->options;
    int64_t now_us = hr_now_us(s->env);
    bool age_counts = o->max_age_us > 0 && s->log.count &&
                      !(o->latest_first && (o->max_files || o->max_bytes));
    int64_t oldest_us = age_counts ? s->newest_us - o->max_age_us : INT64_MIN;
    s->found = (struct file_list){0};
    s->found_at = 0;
    hr_arena_reset(&s->found_arena);
    hr_status status = find_files(s, &s->found_arena, &all, err);
    tell_missing(s, status == HR_E_PATH_NOT_FOUND);
    if (status == HR_E_PATH_NOT_FOUND) return HR_OK;
    HR_TRY(status);
    HR_TRY(check_folders(s, &s->found_arena, &all, err));
    for (uint32_t i = 0; i < all.count; i++) {
        struct file_entry *file = &all.items[i];
        if (file->size == 0 || file->mtime_us < oldest_us || is_seen(s, file->path)) continue;
        if (!s->files && is_unfinished(s, file, now_us, ret_unsettled)) continue;
        if (!HR_VEC_PUSH(&s->found_arena, &s->found, *file)) return HR_OOM(err);
    }
    hr_file_sort(&s->found, o->latest_first);
    return HR_OK;
}

/* How many of the files from `first` on make one epoch: at least one. */
static uint32_t take(const struct file_source *s, const struct file_list *files, uint32_t first,
                     const struct hr_read_limit *limit)
{
    int64_t max_files = limit && limit->max_files ? limit->max_files : s->options.max_files;
    int64_t max_bytes = limit && limit->max_bytes ? limit->max_bytes : s->options.max_bytes;
    int64_t bytes = 0;
    uint32_t count = 0;
    while (first + count < files->count) {
        bytes += files->items[first + count].size;
        if (count && ((max_files && count >= max_files) || (max_bytes && bytes > max_bytes))) break;
        count++;
    }
    return count;
}

/* What is left of the last listing serves further epochs, by Spark's rule: unless the newest are to
 * come first, too many are left (memory), or so few that the next epoch would be a small one. */
static void trim_found(struct file_source *s)
{
    const struct file_options *o = &s->options;
    uint32_t left = s->found.count - s->found_at;
    int64_t most = s->found_at + o->max_cached;
    bool few = o->max_files && left < o->discard_ratio * (double)o->max_files;
    s->found.count = (uint32_t)HR_MIN(most, (int64_t)s->found.count);
    if (o->latest_first || few) s->found_at = s->found.count;
}

/* all: everything that is there now, cut into epochs; else one epoch. */
static hr_status extend_log(struct file_source *s, const struct hr_read_limit *limit, bool all,
                            struct hr_err *err)
{
    bool unsettled = false;
    int64_t offset = s->last_offset;
    if (all || s->found_at == s->found.count) HR_TRY(list_new(s, &unsettled, err));
    if (all && unsettled) { /* what the clock alone makes doubtful is settled after this */
        s->env->vt->sleep_us(s->env, SETTLED_US);
        HR_TRY(list_new(s, &unsettled, err));
    }
    struct file_list taken = {s->found.items + s->found_at, 0, 0};
    while (s->found_at < s->found.count) {
        uint32_t n = take(s, &s->found, s->found_at, limit);
        offset++;
        for (uint32_t i = 0; i < n; i++) s->found.items[s->found_at + i].offset = offset;
        s->found_at += n;
        taken.count += n;
        if (!all) break;
    }
    hr_status status = taken.count ? append_log(s, &taken, err) : HR_OK;
    trim_found(s);
    return status;
}

static hr_status put_offset(int64_t offset, struct hr_buf *ret, struct hr_err *err)
{
    hr_buf_printf(ret, "{\"logOffset\":%lld}", (long long)offset);
    return hr_buf_status(ret, err);
}

static hr_status file_latest(struct hr_source *source, const char *start,
                             const struct hr_read_limit *limit, struct hr_buf *ret,
                             struct hr_err *err)
{
    struct file_source *s = self(source);
    int64_t from = -1;
    if (start) HR_TRY(parse_log_offset(start, &from, err));
    /* Logged before and not used yet: a crash in between, or available now. */
    if (s->last_offset <= from) {
        if (s->last_offset < from)
            return log_short(s, from, err);
        HR_TRY(extend_log(s, limit, false, err));
    }
    return put_offset(HR_MIN(from + 1, s->last_offset), ret, err);
}

static hr_status file_final(struct hr_source *source, const char *start, struct hr_buf *ret,
                            struct hr_err *err)
{
    struct file_source *s = self(source);
    HR_UNUSED(start);
    HR_TRY(extend_log(s, NULL, true, err));
    return put_offset(s->last_offset, ret, err);
}

static hr_status archive(struct file_source *s, const char *path, struct hr_err *err)
{
    char to[4096];
    int len = snprintf(to, sizeof to, "%s%s", s->options.archive_dir, path);
    if (len >= (int)sizeof to) return HR_FAIL(err, HR_E_LIMIT, "path too long: %s", path);
    char *slash = strrchr(to, '/');
    *slash = 0;
    HR_TRY(s->env->vt->mkdirs(s->env, to, err));
    *slash = '/';
    return s->env->vt->rename(s->env, path, to, err);
}

/* cleanSource: best effort, as in Spark; a file that is gone already is fine. */
static hr_status file_commit(struct hr_source *source, const char *end, struct hr_err *err)
{
    struct file_source *s = self(source);
    int64_t to;
    if (s->options.clean == CLEAN_OFF) return HR_OK;
    HR_TRY(parse_log_offset(end, &to, err));
    for (uint32_t i = behind(s, s->cleaned); i < s->log.count; i++) {
        const struct file_entry *e = &s->log.items[i];
        struct hr_err ignored;
        hr_err_init(&ignored);
        if (e->offset > to) break;
        if (!hr_env_exists(s->env, e->path)) continue;
        hr_status status = s->options.clean == CLEAN_DELETE
                               ? s->env->vt->unlink(s->env, e->path, &ignored)
                               : archive(s, e->path, &ignored);
        if (status && status != HR_E_NOT_FOUND) continue;
    }
    s->cleaned = HR_MAX(s->cleaned, to);
    return HR_OK;
}

static void *watch(void *arg)
{
    struct file_source *s = arg;
    struct pollfd fds[2] = {{s->inotify_fd, POLLIN, 0}, {s->stop_fds[0], POLLIN, 0}};
    char events[4096];
    for (;;) {
        if (poll(fds, 2, 1000) < 0) continue;
        if (fds[1].revents) return NULL;
        if ((fds[0].revents & POLLIN) && read(s->inotify_fd, events, sizeof events) < 0) continue;
        hr_wakeup_signal(s->wakeup);
    }
}

static hr_status file_subscribe(struct hr_source *source, struct hr_wakeup *wakeup,
                                struct hr_err *err)
{
    struct file_source *s = self(source);
    const char *wild = strpbrk(s->options.path, "*?[{\\");
    size_t len = wild ? (size_t)(wild - s->options.path) : strlen(s->options.path);
    while (wild && len > 0 && s->options.path[len - 1] != '/') len--;
    const char *dir = len ? hr_arena_strndup(&s->arena, s->options.path, len) : ".";
    if (!dir) return HR_OOM(err);
    s->wakeup = wakeup;
    s->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (s->inotify_fd < 0 || pipe(s->stop_fds) < 0)
        return HR_FAIL(err, HR_E_IO, "cannot watch %s", dir);
    /* Where it cannot be watched, once a second has to do. */
    int watch_id = inotify_add_watch(s->inotify_fd, dir, IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE);
    HR_UNUSED(watch_id);
    hr_status status = hr_thread_start(&s->watcher, "hr-files", watch, s, err);
    if (status) {
        close(s->inotify_fd);
        close(s->stop_fds[0]);
        close(s->stop_fds[1]);
        return status;
    }
    s->watching = true;
    return HR_OK;
}

static hr_status file_reads(struct hr_source *source, const char *path, bool *ret,
                            struct hr_err *err)
{
    struct file_source *s = HR_CONTAINER_OF(source, struct file_source, base);
    return hr_file_would_find(&s->arena, &s->query, path, ret, err);
}

static void file_describe(const struct hr_source *source, struct hr_buf *out)
{
    const struct file_source *s = HR_CONTAINER_OF(source, const struct file_source, base);
    hr_buf_printf(out, "FileStreamSource[file:%s]", s->options.path);
}

static hr_status count_record(void *arg, uint64_t number, struct hr_str_view text,
                              struct hr_err *err)
{
    HR_UNUSED(text);
    HR_UNUSED(err);
    *(int64_t *)arg = (int64_t)number;
    return HR_OK;
}

static hr_status file_verify(struct hr_env *env, const char *dir, const char *end,
                             struct hr_err *err)
{
    struct file_source s = {.env = env, .last_offset = -1};
    int64_t to;
    if (!hr_file_json_number(hr_sv(end), "logOffset", &to)) return HR_OK; /* another kind's */
    hr_arena_init(&s.arena, NULL);
    s.log_path = hr_arena_printf(&s.arena, "%s/log", dir);
    hr_status status = s.log_path ? HR_OK : HR_OOM(err);
    if (!status && hr_env_exists(env, s.log_path))
        status = hr_record_log_read(env, s.log_path, &log_kind, count_record, &s.last_offset, err);
    if (!status && s.last_offset < to) status = log_short(&s, to, err);
    hr_arena_done(&s.arena);
    return status;
}

/* A source of every format. */
#define X(id, name_, kind)                                                               \
    extern const struct hr_format_vt hr_format_##id;                                     \
    extern const struct hr_source_vt hr_source_##id;                                     \
    static hr_status open_##id(const struct hr_source_args *args,                        \
                                   struct hr_source **ret, struct hr_err *err)           \
    {                                                                                    \
        return open_format(args, &hr_format_##id, &hr_source_##id, ret, err);            \
    }                                                                                    \
    const struct hr_source_vt hr_source_##id = {                                         \
        .name = name_,                                                                   \
        .abi = HR_CONNECTOR_ABI,                                                         \
        .flags = HR_SOURCE_BATCH | HR_SOURCE_STREAM | HR_SOURCE_REPLAYABLE |             \
                 (HR_FORMAT_##kind == HR_FORMAT_SKIPPING ? HR_SOURCE_SKIPS : 0),         \
        .options = specs,                                                                \
        .option_count = HR_COUNT(specs),                                                 \
        .format = name_,                                                                 \
        .open = open_##id,                                                               \
        .close = file_close,                                                             \
        .plan_splits = file_plan,                                                        \
        .open_reader = file_open_reader,                                                 \
        .initial_offset = file_initial,                                                  \
        .latest_offset = file_latest,                                                    \
        .final_offset = file_final,                                                      \
        .commit = file_commit,                                                           \
        .subscribe = file_subscribe,                                                     \
        .describe = file_describe,                                                       \
        .identity = file_describe,                                                       \
        .reads = file_reads,                                                             \
        .verify = file_verify,                                                           \
    };

#include "format/formats.def"
#undef X
