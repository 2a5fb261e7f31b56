/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams of files that appear in a folder: lines, records of a fixed length, or any format of SQL.
 *
 * Every path that was seen is remembered as long as it is in the folder, and is in the checkpoint.
 * So no clock decides what is new: Spark looks at modification times within a "remember window",
 * and passes over files that were moved there with an older one. Names are exact: commas and
 * brackets in them mean nothing.
 *
 * Memory: two arenas take turns for the list of paths, a third has the batch's. Threads: the
 * batch's; a filter is called there.
 */
#include <fnmatch.h>

#include "connector/file/file.h"
#include "dstream/source.h"

struct paths {
    const char **items; /* ascending */
    uint32_t count, capacity;
};

struct files_ds {
    struct hr_dstream ds;
    const char *dir;
    bool is_glob, new_only, loaded;
    hr_path_filter_fn filter;
    void *filter_arg;
    uint32_t record_bytes;
    struct hr_arena arena;    /* dir, options */
    struct hr_source *source; /* reads the files; NULL: lines or records by rdd/ops_files.c */
    struct hr_conf conf;
    struct hr_options options;
    struct hr_arena arenas[2]; /* the paths seen, and the next list of them */
    uint32_t which;
    struct paths seen;
    struct hr_arena batch_arena;
    struct paths batch; /* of the batch that was generated last */
    bool planned;       /* a crash cut the batch short: the first one takes `batch` again */
};

/* --- Looking into the folder ------------------------------------------------------------------ */

static int compare(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool has(const struct paths *paths, const char *path)
{
    return paths->count &&
           bsearch(&path, paths->items, paths->count, sizeof *paths->items, compare) != NULL;
}

static const char *join(struct hr_arena *arena, const char *folder, const char *name)
{
    size_t len = strlen(folder);
    return hr_arena_printf(arena, "%s%s%s", folder, len && folder[len - 1] != '/' ? "/" : "", name);
}

static hr_status list_folder(const struct files_ds *f, struct hr_arena *arena, const char *folder,
                             struct paths *ret, struct hr_err *err)
{
    char **names;
    uint32_t count;
    HR_TRY(hr_env_list_sorted(f->ds.ssc->ctx->env, arena, folder, &names, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        const char *path = join(arena, folder, names[i]);
        if (!path) return HR_OOM(err);
        bool wanted =
            f->filter ? f->filter(f->filter_arg, path) : names[i][0] != '.' && names[i][0] != '_';
        if (wanted && !HR_VEC_PUSH(arena, ret, path)) return HR_OOM(err);
    }
    return HR_OK;
}

/* Every folder that base and the pattern behind it name. */
static hr_status list_glob(const struct files_ds *f, struct hr_arena *arena, const char *base,
                           const char *pattern, struct paths *ret, struct hr_err *err)
{
    struct hr_env *env = f->ds.ssc->ctx->env;
    size_t len = strcspn(pattern, "/");
    const char *behind = pattern + len + (pattern[len] == '/');
    const char *part = hr_arena_strndup(arena, pattern, len);
    struct hr_file_info info;
    char **names;
    uint32_t count;
    if (!part) return HR_OOM(err);
    if (!*pattern) return list_folder(f, arena, *base ? base : ".", ret, err);
    if (hr_env_list_sorted(env, arena, *base ? base : ".", &names, &count, NULL) != HR_OK)
        return HR_OK; /* no folder */
    for (uint32_t i = 0; i < count; i++) {
        if (fnmatch(part, names[i], FNM_PERIOD) != 0) continue;
        const char *path = join(arena, base, names[i]);
        if (!path) return HR_OOM(err);
        if (env->vt->stat(env, path, &info, NULL) == HR_OK && info.is_dir)
            HR_TRY(list_glob(f, arena, path, behind, ret, err));
    }
    return HR_OK;
}

static hr_status list(const struct files_ds *f, struct hr_arena *arena, struct paths *ret,
                      struct hr_err *err)
{
    const char *dir = f->dir;
    if (!f->is_glob) {
        HR_TRY(list_folder(f, arena, dir, ret, err));
    } else {
        size_t slashes = strspn(dir, "/");
        HR_TRY(list_glob(f, arena, slashes ? "/" : "", dir + slashes, ret, err));
    }
    if (ret->count) qsort(ret->items, ret->count, sizeof *ret->items, compare);
    return HR_OK;
}

/* Of the paths that are there and were not seen: the files. */
static hr_status choose_new(struct files_ds *f, const struct paths *all, struct hr_err *err)
{
    struct hr_env *env = f->ds.ssc->ctx->env;
    for (uint32_t i = 0; i < all->count; i++) {
        struct hr_file_info info;
        if (has(&f->seen, all->items[i])) continue;
        hr_status status = env->vt->stat(env, all->items[i], &info, err);
        if (status == HR_E_NOT_FOUND || (status == HR_OK && info.is_dir)) continue;
        HR_TRY(status);
        const char *path = hr_arena_strdup(&f->batch_arena, all->items[i]);
        if (!path || !HR_VEC_PUSH(&f->batch_arena, &f->batch, path)) return HR_OOM(err);
    }
    if (err) hr_err_init(err);
    return HR_OK;
}

/* What a planned batch takes was seen, too. */
static hr_status add_planned(struct files_ds *f, struct hr_arena *arena, struct paths *all,
                             struct hr_err *err)
{
    *all = (struct paths){0};
    for (uint32_t i = 0; i < f->seen.count + f->batch.count; i++) {
        const char *path = i < f->seen.count ? f->seen.items[i] : f->batch.items[i - f->seen.count];
        path = hr_arena_strdup(arena, path);
        if (!path || !HR_VEC_PUSH(arena, all, path)) return HR_OOM(err);
    }
    if (all->count) qsort(all->items, all->count, sizeof *all->items, compare);
    return HR_OK;
}

/* Fills f->batch (choose: else only notes what is there) and moves f->seen on. */
static hr_status look(struct files_ds *f, bool choose, struct hr_err *err)
{
    struct hr_arena *arena = &f->arenas[!f->which];
    struct paths all = {0};
    hr_arena_reset(arena);
    if (f->planned) {
        HR_TRY(add_planned(f, arena, &all, err));
    } else {
        HR_TRY(list(f, arena, &all, err));
        f->batch = (struct paths){0};
        hr_arena_reset(&f->batch_arena);
        if (choose) HR_TRY(choose_new(f, &all, err));
    }
    f->planned = false;
    f->seen = all;
    f->which = !f->which;
    return HR_OK;
}

/* --- The stream ------------------------------------------------------------------------------- */

static hr_status files_start(struct hr_dstream *ds, struct hr_err *err)
{
    struct files_ds *f = (struct files_ds *)ds;
    return f->new_only && !f->loaded ? look(f, false, err) : HR_OK;
}

static struct hr_rdd *files_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct files_ds *f = (struct files_ds *)ds;
    struct hr_pool *pool = ds->ssc->batch_pool;
    HR_UNUSED(time);
    if (look(f, true, err) != HR_OK) return NULL;
    if (!f->batch.count) return hr_ds_empty(ds, err);
    if (!f->source)
        return hr_node_files(pool, f->batch.items, f->batch.count, ds->schema, f->record_bytes,
                             err);
    struct source_node *n = hr_source_node_new(pool, f->source, err);
    if (!n || hr_file_splits_of(f->source, f->batch.items, f->batch.count, &n->arena, &n->splits,
                                &n->node.base.partition_count, err) != HR_OK)
        return NULL;
    return &n->node.base;
}

static void files_free(struct hr_dstream *ds)
{
    struct files_ds *f = (struct files_ds *)ds;
    if (f->source) f->source->vt->close(f->source);
    hr_arena_done(&f->arenas[0]);
    hr_arena_done(&f->arenas[1]);
    hr_arena_done(&f->batch_arena);
    hr_arena_done(&f->arena);
}

static hr_status put_paths(const struct paths *paths, struct hr_buf *out, struct hr_err *err)
{
    hr_buf_put_varint(out, paths->count);
    for (uint32_t i = 0; i < paths->count; i++)
        hr_buf_put_bytes(out, paths->items[i], strlen(paths->items[i]));
    return hr_buf_status(out, err);
}

static hr_status get_paths(struct paths *paths, struct hr_arena *arena, struct hr_reader *in,
                           struct hr_err *err)
{
    uint64_t n = hr_get_varint(in);
    for (; n && !in->failed; n--) {
        struct hr_str_view path = hr_get_bytes(in);
        const char *copy = hr_arena_strndup(arena, path.ptr, path.len);
        if (in->failed) break;
        if (!copy || !HR_VEC_PUSH(arena, paths, copy)) return HR_OOM(err);
    }
    if (in->failed)
        return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "the list of files seen is damaged");
    return HR_OK;
}

static hr_status files_save(struct hr_dstream *ds, struct hr_buf *out, struct hr_err *err)
{
    return put_paths(&((struct files_ds *)ds)->seen, out, err);
}

static hr_status files_load(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct files_ds *f = (struct files_ds *)ds;
    f->loaded = true;
    return get_paths(&f->seen, &f->arenas[f->which], in, err);
}

static hr_status files_plan_save(struct hr_dstream *ds, int64_t time, struct hr_buf *out,
                                 struct hr_err *err)
{
    HR_UNUSED(time);
    return put_paths(&((struct files_ds *)ds)->batch, out, err);
}

static hr_status files_plan_load(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct files_ds *f = (struct files_ds *)ds;
    f->planned = true;
    return get_paths(&f->batch, &f->batch_arena, in, err);
}

static void files_describe(struct hr_dstream *ds, int64_t time, struct hr_buf *out)
{
    const struct files_ds *f = (const struct files_ds *)ds;
    HR_UNUSED(time);
    for (uint32_t i = 0; i < f->batch.count; i++)
        hr_buf_printf(out, "%s%s", i ? "\n" : "", f->batch.items[i]);
}

static void files_params(const struct hr_dstream *ds, struct hr_buf *out)
{
    const struct files_ds *f = (const struct files_ds *)ds;
    hr_buf_printf(out, "folder %s\nrecords of %u bytes\n", f->dir, f->record_bytes);
}

static const struct hr_ds_vt files_vt = {.name = "files",
                                         .params = files_params,
                                         .compute = files_compute,
                                         .free = files_free,
                                         .start = files_start,
                                         .save = files_save,
                                         .load = files_load,
                                         .plan_save = files_plan_save,
                                         .plan_load = files_plan_load,
                                         .describe = files_describe,
                                         .input = true};

/* --- Making one ------------------------------------------------------------------------------- */

static hr_status open_format(struct files_ds *f, const struct hr_file_stream_spec *spec,
                             struct hr_err *err)
{
    const struct hr_type *type = NULL;
    const struct hr_source_vt *vt = hr_source_find(spec->format);
    if (!vt) return HR_RAISE(err, HR_E_DATA_SOURCE_NOT_FOUND, "provider", spec->format);
    if (!vt->format) /* only files have theirs in the table */
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "%s is no format of files", vt->name);
    if (spec->schema) HR_TRY(hr_schema_from_ddl(spec->schema, &type, err));
    f->conf = hr_source_conf(f->ds.ssc->ctx);
    HR_TRY(hr_source_options(&f->options, &f->arena, spec->options, err));
    HR_TRY(hr_options_put(&f->options, "path", f->dir, err));
    struct hr_source_args args = {.env = f->ds.ssc->ctx->env,
                                  .conf = &f->conf,
                                  .options = &f->options,
                                  .schema = type,
                                  .streaming = true,
                                  .query_name = f->ds.ssc->ctx->app_name};
    HR_TRY(hr_source_open(vt, &args, &f->source, err));
    f->ds.schema = f->source->schema;
    return HR_OK;
}

static hr_status open_files(struct files_ds *f, const char *dir,
                            const struct hr_file_stream_spec *spec, struct hr_err *err)
{
    f->dir = hr_arena_strdup(&f->arena, dir);
    if (!f->dir) return HR_OOM(err);
    f->is_glob = strpbrk(dir, "*?[") != NULL;
    f->new_only = spec->new_only;
    f->filter = spec->filter;
    f->filter_arg = spec->filter_arg;
    f->record_bytes = spec->record_bytes;
    if (spec->record_bytes && (spec->format || spec->schema || spec->options))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "files of records have neither a format nor columns nor options");
    if (spec->record_bytes) return hr_schema_from_ddl("value BINARY", &f->ds.schema, err);
    if (spec->format) return open_format(f, spec, err);
    return hr_schema_from_ddl("value STRING", &f->ds.schema, err);
}

struct hr_dstream *hr_file_stream(struct hr_streaming *ssc, const char *dir,
                                  const struct hr_file_stream_spec *spec, struct hr_err *err)
{
    if (!spec) {
        HR_UNUSED(hr_missing("no specification", err));
        return NULL;
    }
    if (!ssc) return NULL;
    struct files_ds *f = hr_ds_new(ssc, &files_vt, sizeof *f, NULL, NULL, NULL, err);
    return f && open_files(f, dir, spec, err) == HR_OK ? &f->ds : NULL;
}

struct hr_dstream *hr_text_file_stream(struct hr_streaming *ssc, const char *dir, bool new_only,
                                       struct hr_err *err)
{
    if (!dir) {
        HR_UNUSED(hr_missing("no folder", err));
        return NULL;
    }
    return hr_file_stream(ssc, dir, &(struct hr_file_stream_spec){.new_only = new_only}, err);
}

struct hr_dstream *hr_binary_records_stream(struct hr_streaming *ssc, const char *dir,
                                            uint32_t record_bytes, bool new_only,
                                            struct hr_err *err)
{
    if (!dir) {
        HR_UNUSED(hr_missing("no folder", err));
        return NULL;
    }
    if (record_bytes == 0) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "records of 0 bytes"));
        return NULL;
    }
    struct hr_file_stream_spec spec = {.record_bytes = record_bytes, .new_only = new_only};
    return hr_file_stream(ssc, dir, &spec, err);
}
