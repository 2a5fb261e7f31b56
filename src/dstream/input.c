/* SPDX-License-Identifier: Apache-2.0 */
/* Inputs without a receiver: a queue of RDDs, and files that appear in a folder. */
#include "dstream/dstream.h"

/* --- Queue ------------------------------------------------------------------------------------ */

struct queue_item {
    struct hr_rdd *rdd;
    struct queue_item *next;
};

struct queue_ds {
    struct hr_dstream ds;
    pthread_mutex_t lock;
    struct queue_item *first, **tail;
    bool one;
};

static struct queue_item *queue_take(struct queue_ds *q)
{
    pthread_mutex_lock(&q->lock);
    struct queue_item *items = q->first;
    if (items && q->one) {
        q->first = items->next;
        items->next = NULL;
    } else {
        q->first = NULL;
    }
    if (!q->first) q->tail = &q->first;
    pthread_mutex_unlock(&q->lock);
    return items;
}

static void items_free(struct queue_item *items)
{
    while (items) {
        struct queue_item *item = items;
        items = item->next;
        hr_rdd_unref(item->rdd);
        hr_free(item);
    }
}

static struct hr_rdd *queue_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct hr_pool *pool = ds->ssc->batch_pool;
    struct queue_item *items = queue_take((struct queue_ds *)ds);
    struct hr_rdd *out = NULL;
    HR_UNUSED(time);
    ds->rows = 0;
    if (!items) return hr_ds_empty(ds, err);
    for (struct queue_item *item = items; item; item = item->next) {
        struct hr_rdd *rdd = hr_node_wrap(pool, item->rdd, err);
        if (rdd) hr_node_of(rdd)->key_columns = ds->key_columns;
        if (rdd && item->rdd->rows_estimate > 0) ds->rows += (uint64_t)item->rdd->rows_estimate;
        out = item == items ? rdd : hr_rdd_union(out, rdd, err);
        if (!out) break;
    }
    items_free(items);
    return out;
}

static void queue_free(struct hr_dstream *ds)
{
    struct queue_ds *q = (struct queue_ds *)ds;
    items_free(q->first);
    pthread_mutex_destroy(&q->lock);
}
static const struct hr_ds_vt queue_vt = {
    .name = "queue", .compute = queue_compute, .free = queue_free, .input = true};

struct hr_dstream *hr_queue_stream(struct hr_streaming *ssc, const char *schema, bool one_at_a_time,
                                   struct hr_err *err)
{
    const struct hr_type *type;
    if (!ssc || hr_schema_from_ddl(schema, &type, err) != HR_OK) return NULL;
    struct queue_ds *q = hr_ds_new(ssc, &queue_vt, sizeof *q, type, NULL, NULL, err);
    if (!q) return NULL;
    pthread_mutex_init(&q->lock, NULL);
    q->tail = &q->first;
    q->one = one_at_a_time;
    return &q->ds;
}

hr_status hr_queue_push(struct hr_dstream *queue, struct hr_rdd *rdd, struct hr_err *err)
{
    if (!queue || queue->vt != &queue_vt)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "not a queue stream");
    if (!rdd) return err && err->code ? err->code : HR_FAIL(err, HR_E_INVALID_ARGUMENT, "no RDD");
    if (!hr_type_same(rdd->schema, queue->schema))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "the RDD's schema is not the queue's");
    struct queue_ds *q = (struct queue_ds *)queue;
    struct queue_item *item = hr_alloc(sizeof *item);
    if (!item) return HR_OOM(err);
    *item = (struct queue_item){hr_rdd_ref(rdd), NULL};
    pthread_mutex_lock(&q->lock);
    *q->tail = item;
    q->tail = &item->next;
    pthread_mutex_unlock(&q->lock);
    return HR_OK;
}

/* --- Files ------------------------------------------------------------------------------------ */

/* Every name that was seen in the folder; names that are gone from it are dropped at each look, so
 * the list is no longer than the folder. */
struct files_ds {
    struct hr_dstream ds;
    char *dir;
    bool new_only;
    struct hr_arena arenas[2]; /* the current list of names, and the next one */
    char **names;
    uint32_t count, which;
};

static bool seen(const struct files_ds *f, const char *name)
{
    uint32_t low = 0, high = f->count;
    while (low < high) {
        uint32_t mid = (low + high) / 2;
        int cmp = strcmp(f->names[mid], name);
        if (cmp == 0) return true;
        if (cmp < 0)
            low = mid + 1;
        else
            high = mid;
    }
    return false;
}

/* Lists the folder; paths of new files joined by commas go to new_files (may be NULL). */
static hr_status look(struct files_ds *f, struct hr_buf *new_files, struct hr_err *err)
{
    struct hr_env *env = f->ds.ssc->ctx->env;
    struct hr_arena *arena = &f->arenas[!f->which];
    char **names;
    uint32_t count;
    hr_arena_reset(arena);
    HR_TRY(hr_env_list_sorted(env, arena, f->dir, &names, &count, err));
    for (uint32_t i = 0; new_files && i < count; i++) {
        if (names[i][0] == '.' || names[i][0] == '_' || seen(f, names[i])) continue;
        if (strchr(names[i], ',')) continue; /* cannot be named in a list of paths */
        hr_buf_printf(new_files, "%s%s/%s", new_files->len ? "," : "", f->dir, names[i]);
    }
    f->names = names;
    f->count = count;
    f->which = !f->which;
    return new_files ? hr_buf_status(new_files, err) : HR_OK;
}

static hr_status files_start(struct hr_dstream *ds, struct hr_err *err)
{
    struct files_ds *f = (struct files_ds *)ds;
    return f->new_only && !f->count ? look(f, NULL, err) : HR_OK;
}

static struct hr_rdd *files_compute(struct hr_dstream *ds, int64_t time, struct hr_err *err)
{
    struct files_ds *f = (struct files_ds *)ds;
    struct hr_buf paths = {0};
    struct hr_rdd *out = NULL;
    HR_UNUSED(time);
    if (look(f, &paths, err) == HR_OK) {
        struct hr_rdd *files =
            paths.len ? hr_text_file(ds->ssc->ctx, hr_buf_cstr(&paths), 1, err) : NULL;
        out = files       ? hr_node_wrap(ds->ssc->batch_pool, files, err)
              : paths.len ? NULL
                          : hr_ds_empty(ds, err);
    }
    hr_buf_done(&paths);
    return out;
}

static void files_free(struct hr_dstream *ds)
{
    struct files_ds *f = (struct files_ds *)ds;
    hr_arena_done(&f->arenas[0]);
    hr_arena_done(&f->arenas[1]);
    hr_free(f->dir);
}

static hr_status files_save(struct hr_dstream *ds, struct hr_buf *out, struct hr_err *err)
{
    const struct files_ds *f = (const struct files_ds *)ds;
    hr_buf_put_varint(out, f->count);
    for (uint32_t i = 0; i < f->count; i++) hr_buf_put_bytes(out, f->names[i], strlen(f->names[i]));
    return hr_buf_status(out, err);
}

static hr_status files_load(struct hr_dstream *ds, struct hr_reader *in, struct hr_err *err)
{
    struct files_ds *f = (struct files_ds *)ds;
    struct hr_arena *arena = &f->arenas[f->which];
    uint64_t n = hr_get_varint(in);
    if (in->failed || n > (uint64_t)(in->end - in->pos))
        return HR_FAIL(err, HR_E_CHECKPOINT_CORRUPT, "the list of files seen is damaged");
    f->names = HR_NEW_ARRAY(arena, char *, n + 1);
    if (!f->names) return HR_OOM(err);
    for (f->count = 0; f->count < n; f->count++) {
        struct hr_str_view name = hr_get_bytes(in);
        f->names[f->count] = hr_arena_strndup(arena, name.ptr, name.len);
        if (!f->names[f->count]) return HR_OOM(err);
    }
    f->new_only = true;
    return HR_OK;
}
static const struct hr_ds_vt files_vt = {.name = "text-files",
                                         .compute = files_compute,
                                         .free = files_free,
                                         .start = files_start,
                                         .save = files_save,
                                         .load = files_load,
                                         .input = true};

struct hr_dstream *hr_text_file_stream(struct hr_streaming *ssc, const char *dir, bool new_only,
                                       struct hr_err *err)
{
    const struct hr_type *type;
    if (!ssc || hr_schema_from_ddl("value STRING", &type, err) != HR_OK) return NULL;
    char *copy = hr_strdup(dir);
    if (!copy) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    struct files_ds *f = hr_ds_new(ssc, &files_vt, sizeof *f, type, NULL, NULL, err);
    if (!f) {
        hr_free(copy);
        return NULL;
    }
    f->dir = copy;
    f->new_only = new_only;
    return &f->ds;
}
