/* SPDX-License-Identifier: Apache-2.0 */
/* The graph of streams: making them, generating and remembering their RDDs, forgetting. */
#include "dstream/delta.h"

void *hr_ds_new(struct hr_streaming *ssc, const struct hr_ds_vt *vt, size_t size,
                const struct hr_type *schema, struct hr_dstream *a, struct hr_dstream *b,
                struct hr_err *err)
{
    if (ssc->state != HR_DS_NEW) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "streams cannot be added after the start"));
        return NULL;
    }
    if (b && a->ssc != b->ssc) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                          "the two streams belong to different streaming contexts"));
        return NULL;
    }
    if (b && a->slide != b->slide) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                          "streams %u and %u have different slides, %lld and %lld µs: put a window "
                          "of the same slide before",
                          a->id, b->id, (long long)a->slide, (long long)b->slide));
        return NULL;
    }
    struct hr_dstream *ds = hr_zalloc(size);
    if (!ds) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    ds->vt = vt;
    ds->name = vt->name;
    ds->ssc = ssc;
    ds->id = ssc->stream_count++;
    ds->schema = schema;
    ds->key_columns = 1;
    ds->slide = a ? a->slide : ssc->interval;
    ds->parents[0] = a;
    ds->parents[1] = b;
    ds->parent_count = (a != NULL) + (b != NULL);
    for (uint32_t i = 0; i < ds->parent_count; i++) ds->parents[i]->consumers++;
    *ssc->tail = ds;
    ssc->tail = &ds->next;
    return ds;
}

struct hr_rdd *hr_ds_remembered(struct hr_dstream *ds, int64_t time)
{
    for (struct hr_ds_generated *g = ds->generated; g; g = g->next)
        if (g->time == time) return g->rdd;
    return NULL;
}

hr_status hr_ds_put(struct hr_dstream *ds, int64_t time, struct hr_rdd *rdd, struct hr_err *err)
{
    struct hr_ds_generated *g = hr_alloc(sizeof *g);
    if (!g) return HR_OOM(err);
    *g = (struct hr_ds_generated){.time = time, .rdd = hr_rdd_ref(rdd)};
    struct hr_ds_generated **at = &ds->generated;
    while (*at && (*at)->time > time) at = &(*at)->next;
    g->next = *at;
    *at = g;
    return HR_OK;
}

struct hr_rdd *hr_ds_empty(struct hr_dstream *ds, struct hr_err *err)
{
    struct hr_pool *pool = ds->ssc->batch_pool ? ds->ssc->batch_pool : &ds->ssc->ctx->pool;
    struct hr_rdd *rdd = hr_node_from_batches(pool, ds->schema, NULL, NULL, 0, 0, err);
    if (rdd) hr_node_of(rdd)->key_columns = ds->key_columns;
    return rdd;
}

struct hr_rdd *hr_ds_keep(struct hr_dstream *ds, struct hr_rdd *rdd, struct hr_err *err)
{
    struct hr_rdd *kept = hr_rdd_local_checkpoint(rdd, err);
    if (!kept || hr_node_account(kept, ds->ssc->budget, err) != HR_OK) return NULL;
    return kept;
}

static hr_status another_schema(const struct hr_dstream *ds, const struct hr_rdd *rdd,
                                struct hr_err *err)
{
    char *got = hr_rdd_schema(rdd);
    const struct hr_rdd like = {.schema = ds->schema};
    char *wanted = hr_rdd_schema(&like);
    hr_status status = HR_FAIL(err, HR_E_USER_FUNCTION,
                               "the RDD of stream %u has the columns %s, the stream has %s", ds->id,
                               got ? got : "?", wanted ? wanted : "?");
    hr_free(got);
    hr_free(wanted);
    return status;
}

void hr_ds_use_keys(struct hr_dstream *ds)
{
    ds->keys_used = true;
    for (uint32_t i = 0; ds->passes_keys && i < ds->parent_count; i++)
        hr_ds_use_keys(ds->parents[i]);
}

/* What a user's function made has a key of its own, and what is behind was built for another. */
static hr_status another_key(const struct hr_dstream *ds, const struct hr_rdd *rdd,
                             struct hr_err *err)
{
    uint32_t n = hr_node_of(rdd)->key_columns;
    return HR_FAIL(err, HR_E_USER_FUNCTION,
                   "the RDD of stream %u has a key of %u columns, operations by key on the stream "
                   "take %u: put hr_dstream_with_keys(stream, %u, err) in front of them",
                   ds->id, n, ds->key_columns, n);
}

static hr_status generate(struct hr_dstream *ds, int64_t time, struct hr_rdd **ret,
                          struct hr_err *err)
{
    struct hr_rdd *rdd = ds->vt->compute(ds, time, err);
    if (!rdd)
        return err->code ? err->code
                         : HR_FAIL(err, HR_E_USER_FUNCTION, "stream %u gave no RDD", ds->id);
    if (!hr_type_same(rdd->schema, ds->schema)) return another_schema(ds, rdd, err);
    if (ds->keys_used && hr_node_of(rdd)->key_columns != ds->key_columns)
        return another_key(ds, rdd, err);
    bool shared = ds->consumers > 1 || ds->level != HR_PERSIST_NONE;
    if (shared && !ds->vt->shares && rdd->storage == HR_STORE_NONE &&
        !hr_rdd_persist(rdd, ds->level ? ds->level : HR_MEMORY_AND_DISK, err))
        return err->code;
    HR_TRY(hr_ds_put(ds, time, rdd, err));
    *ret = rdd;
    return HR_OK;
}

hr_status hr_ds_rdd(struct hr_dstream *ds, int64_t time, struct hr_rdd **ret, struct hr_err *err)
{
    struct hr_streaming *ssc = ds->ssc;
    if (time <= ssc->zero || (time - ssc->zero) % ds->slide != 0) {
        *ret = NULL;
        return HR_OK;
    }
    struct hr_rdd *rdd = hr_ds_remembered(ds, time);
    if (!rdd) return generate(ds, time, ret, err);
    /* What is derived from it now belongs to this batch. */
    if (ssc->batch_pool) hr_node_of(rdd)->pool = ssc->batch_pool;
    *ret = rdd;
    return HR_OK;
}

/* What is remembered of n times behind after, in one walk: a window may be of thousands. */
static void find_remembered(struct hr_dstream *ds, int64_t after, int64_t n, struct hr_rdd **rdds)
{
    struct hr_streaming *ssc = ds->ssc;
    for (struct hr_ds_generated *g = ds->generated; g && g->time > after; g = g->next) {
        int64_t i = (g->time - after) / ds->slide - 1;
        if (i >= n) continue;
        rdds[i] = g->rdd;
        if (ssc->batch_pool) hr_node_of(g->rdd)->pool = ssc->batch_pool;
    }
}

struct hr_rdd *hr_ds_union(struct hr_dstream *in, int64_t after, int64_t upto, struct hr_err *err)
{
    if (after < in->ssc->zero) after = in->ssc->zero; /* a window that is still filling */
    if (upto <= after) return hr_ds_empty(in, err);
    int64_t places = (upto - after) / in->slide;
    struct hr_rdd **rdds = hr_zalloc((size_t)(places + 1) * sizeof *rdds), *out = NULL;
    if (!rdds) {
        HR_UNUSED(HR_OOM(err));
        return NULL;
    }
    uint32_t n = 0;
    find_remembered(in, after, places, rdds);
    for (int64_t i = 0; i < places; i++) {
        struct hr_rdd *rdd = rdds[i];
        if (!rdd && hr_ds_rdd(in, after + (i + 1) * in->slide, &rdd, err) != HR_OK) goto out;
        if (rdd && rdd->partition_count) rdds[n++] = rdd;
    }
    out = n == 0 ? hr_ds_empty(in, err) : n == 1 ? rdds[0] : hr_rdd_union_all(rdds, n, err);
out:
    hr_free(rdds);
    return out;
}

/* --- Memory ----------------------------------------------------------------------------------- */

/* Children come after their parents, so one pass from the last to the first settles all. The
 * list is singly linked: the pass is by id. */
static struct hr_dstream *by_id(struct hr_streaming *ssc, uint32_t id)
{
    struct hr_dstream *ds = ssc->first;
    while (ds && ds->id != id) ds = ds->next;
    return ds;
}

static int64_t add_durations(int64_t a, int64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

void hr_ds_plan_remember(struct hr_streaming *ssc)
{
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next)
        ds->remember = HR_MAX(ds->remember, HR_MAX(ds->slide, ssc->remember));
    for (const struct hr_ds_output *o = ssc->outputs; o; o = o->next) o->in->used = true;
    for (uint32_t id = ssc->stream_count; id-- > 0;) {
        struct hr_dstream *ds = by_id(ssc, id);
        for (uint32_t i = 0; i < ds->parent_count; i++) {
            struct hr_dstream *parent = ds->parents[i];
            if (ds->used) parent->used = true;
            parent->remember = HR_MAX(parent->remember, add_durations(ds->remember, ds->window));
            if (ds->window) parent->checkpointed = true;
            if (ds->window && parent->level == HR_PERSIST_NONE) parent->level = HR_MEMORY_AND_DISK;
        }
        if (ds->needs_previous && !ds->vt->put_changes) ds->checkpointed = true;
    }
}

void hr_ds_forget(struct hr_streaming *ssc, int64_t time)
{
    for (struct hr_dstream *ds = ssc->first; ds; ds = ds->next) {
        struct hr_ds_generated **at = &ds->generated;
        while (*at) {
            struct hr_ds_generated *g = *at;
            if (g->time > time - ds->remember) {
                hr_node_of(g->rdd)->pool = &ssc->ctx->pool;
                at = &g->next;
                continue;
            }
            *at = g->next;
            hr_rdd_unref(g->rdd);
            hr_free(g);
        }
    }
}

void hr_ds_free_all(struct hr_streaming *ssc)
{
    while (ssc->outputs) {
        struct hr_ds_output *o = ssc->outputs;
        ssc->outputs = o->next;
        if (o->free_arg) o->free_arg(o->arg);
        hr_free(o->error);
        hr_free(o);
    }
    while (ssc->listeners) {
        struct hr_ds_listener *l = ssc->listeners;
        ssc->listeners = l->next;
        hr_free(l);
    }
    while (ssc->first) {
        struct hr_dstream *ds = ssc->first;
        ssc->first = ds->next;
        while (ds->generated) {
            struct hr_ds_generated *g = ds->generated;
            ds->generated = g->next;
            hr_rdd_unref(g->rdd);
            hr_free(g);
        }
        hr_ds_delta_free(ds);
        if (ds->vt->free) ds->vt->free(ds);
        hr_free(ds);
    }
}

uint32_t hr_dstream_slice(struct hr_dstream *in, int64_t from_us, int64_t to_us,
                          struct hr_rdd **ret, uint32_t max)
{
    if (!in) return 0;
    uint32_t n = 0, all = 0;
    for (struct hr_ds_generated *g = in->generated; g; g = g->next)
        all += g->time >= from_us && g->time <= to_us;
    uint32_t skip = all > max ? all - max : 0, at = all;
    for (struct hr_ds_generated *g = in->generated; g; g = g->next) {
        if (g->time < from_us || g->time > to_us) continue;
        if (--at >= all - skip) continue; /* newest beyond the room */
        ret[at] = g->rdd;
        n++;
    }
    return n;
}

uint32_t hr_dstream_id(const struct hr_dstream *in)
{
    if (!in) return 0;
    return in->id;
}
int64_t hr_dstream_slide_us(const struct hr_dstream *in)
{
    if (!in) return 0;
    return in->slide;
}

struct hr_dstream *hr_dstream_persist(struct hr_dstream *in, enum hr_persist level,
                                      struct hr_err *err)
{
    struct hr_dstream *kept = in;
    if (!in) return NULL;
    if (in->ssc->state != HR_DS_NEW) {
        HR_UNUSED(HR_FAIL(err, HR_E_INVALID_ARGUMENT, "storage levels are fixed at the start"));
        return NULL;
    }
    while (kept->vt->shares) kept = kept->parents[0];
    kept->level = level;
    return in;
}

struct hr_dstream *hr_dstream_cache(struct hr_dstream *in, struct hr_err *err)
{
    return hr_dstream_persist(in, HR_MEMORY, err);
}
