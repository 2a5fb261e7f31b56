/* SPDX-License-Identifier: Apache-2.0 */
/* RDDs: their life, and how a partition's batches are had (kept block, parent, shuffle). */
#include "rdd/block_store.h"
#include "rdd/executor.h"
#include "rdd/locals.h"
#include "rdd/scheduler.h"
#include "rdd/shuffle.h"

static _Atomic uint32_t next_rdd_id = 1;
static _Atomic uint64_t next_shuffle_id = 1;

hr_status hr_rdd_init(struct hr_rdd *rdd, const struct hr_rdd_vt *vt, const struct hr_type *schema,
                      uint32_t partition_count, const struct hr_dependency *deps,
                      uint32_t dep_count, struct hr_err *err)
{
    struct hr_dependency *copies = hr_zalloc((dep_count + 1) * sizeof *copies);
    if (!copies) return HR_OOM(err);
    for (uint32_t i = 0; i < dep_count; i++) {
        copies[i] = deps[i];
        copies[i].shuffle = NULL;
        if (deps[i].kind != HR_DEP_SHUFFLE) continue;
        assert(deps[i].partitioner);
        copies[i].shuffle =
            hr_shuffle_new(deps[i].parent->partition_count, deps[i].partitioner->partition_count);
        if (!copies[i].shuffle) {
            while (i--) hr_shuffle_free(copies[i].shuffle);
            hr_free(copies);
            return HR_OOM(err);
        }
        copies[i].shuffle_id = atomic_fetch_add(&next_shuffle_id, 1);
    }
    for (uint32_t i = 0; i < dep_count; i++) hr_rdd_ref(copies[i].parent);
    rdd->vt = vt;
    atomic_init(&rdd->refs, 1);
    rdd->id = atomic_fetch_add(&next_rdd_id, 1);
    rdd->depth = 0;
    for (uint32_t i = 0; i < dep_count; i++)
        if (deps[i].kind != HR_DEP_SHUFFLE)
            rdd->depth = HR_MAX(rdd->depth, deps[i].parent->depth + 1);
    rdd->visited = 0;
    rdd->label = NULL;
    rdd->schema = schema;
    rdd->partition_count = partition_count;
    rdd->deps = copies;
    rdd->dep_count = dep_count;
    rdd->storage = HR_STORE_NONE;
    rdd->rows_estimate = -1;
    rdd->blocks = NULL;
    return HR_OK;
}

struct hr_rdd *hr_rdd_ref(struct hr_rdd *rdd)
{
    if (rdd) atomic_fetch_add_explicit(&rdd->refs, 1, memory_order_relaxed);
    return rdd;
}

/* A lineage can be long (a loop that maps its own result): parents are let go of by a list, not by
 * recursion. */
static void destroy(struct hr_rdd *rdd, struct hr_rdd **garbage)
{
    hr_rdd_unpersist(rdd);
    hr_block_store_unref(rdd->blocks);
    if (rdd->vt->free) rdd->vt->free(rdd);
    for (uint32_t i = 0; i < rdd->dep_count; i++) {
        struct hr_dependency *dep = &rdd->deps[i];
        hr_shuffle_free(dep->shuffle);
        if (dep->partitioner && dep->partitioner->free) dep->partitioner->free(dep->partitioner);
        struct hr_rdd *parent = dep->parent;
        if (atomic_fetch_sub_explicit(&parent->refs, 1, memory_order_acq_rel) > 1) continue;
        /* deps of a dead RDD are no longer read through this field */
        parent->label = (hr_free((void *)(uintptr_t)parent->label), (const char *)*garbage);
        *garbage = parent;
    }
    hr_free(rdd->deps);
    hr_free(rdd);
}

void hr_rdd_unref(struct hr_rdd *rdd)
{
    if (!rdd || atomic_fetch_sub_explicit(&rdd->refs, 1, memory_order_acq_rel) > 1) return;
    hr_free((void *)(uintptr_t)rdd->label);
    struct hr_rdd *garbage = NULL;
    destroy(rdd, &garbage);
    while (garbage) {
        struct hr_rdd *dead = garbage;
        garbage = (struct hr_rdd *)(uintptr_t)dead->label;
        dead->label = NULL;
        destroy(dead, &garbage);
    }
}

void hr_rdd_unpersist(struct hr_rdd *rdd)
{
    if (!rdd) return;
    rdd->storage = HR_STORE_NONE;
    if (rdd->blocks) hr_block_store_drop(rdd->blocks, rdd->id);
}

/* --- Kept partitions -------------------------------------------------------------------------- */

struct gathered {
    struct hr_batch **batches;
    uint32_t count, capacity;
};

static void gathered_done(struct gathered *g)
{
    for (uint32_t i = 0; i < g->count; i++) hr_batch_unref(g->batches[i]);
    hr_free(g->batches);
}

/* All batches of an iterator, compact: a kept block must not pin what a filter threw away. */
static hr_status gather(struct hr_batch_iter *iter, struct gathered *g, struct hr_err *err)
{
    for (;;) {
        struct hr_batch *batch;
        HR_TRY(iter->next(iter, &batch, err));
        if (!batch) return HR_OK;
        struct hr_batch *compact = hr_batch_compact(batch, batch->sel != NULL);
        hr_batch_unref(batch);
        if (!compact) return HR_OOM(err);
        if (g->count == g->capacity) {
            uint32_t capacity = g->capacity ? g->capacity * 2 : 16;
            struct hr_batch **batches = hr_realloc(g->batches, capacity * sizeof *batches);
            if (!batches) {
                hr_batch_unref(compact);
                return HR_OOM(err);
            }
            g->batches = batches;
            g->capacity = capacity;
        }
        g->batches[g->count++] = compact;
    }
}

struct gathered_iter {
    struct hr_batch_iter iter;
    struct gathered g;
    uint32_t next;
};

static hr_status gathered_next(struct hr_batch_iter *base, struct hr_batch **ret_batch,
                               struct hr_err *err)
{
    struct gathered_iter *it = (struct gathered_iter *)base;
    HR_UNUSED(err);
    *ret_batch = it->next < it->g.count ? hr_batch_ref(it->g.batches[it->next++]) : NULL;
    return HR_OK;
}

static void gathered_close(struct hr_batch_iter *base)
{
    struct gathered_iter *it = (struct gathered_iter *)base;
    gathered_done(&it->g);
    hr_free(it);
}

/* A worker's store dies with it: what it would keep, the driver keeps. */
static hr_status send_kept(struct hr_rdd *rdd, uint32_t partition, const struct gathered *g,
                           struct hr_err *err)
{
    for (uint32_t i = 0; i < HR_MAX(g->count, 1); i++) {
        struct hr_frame frame = {.kind = HR_FRAME_KEPT,
                                 .more = i + 1 < g->count,
                                 .n = partition,
                                 .object = rdd,
                                 .batch = g->count ? g->batches[i] : NULL};
        HR_TRY(hr_worker_send(&frame, err));
    }
    return HR_OK;
}

static hr_status compute_and_keep(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                                  struct hr_block_store *store, struct hr_batch_iter **ret_iter,
                                  struct hr_err *err)
{
    struct hr_batch_iter *iter;
    HR_TRY(rdd->vt->compute(rdd, partition, ctx, &iter, err));
    struct gathered_iter *it = hr_zalloc(sizeof *it);
    hr_status status = it ? gather(iter, &it->g, err) : HR_OOM(err);
    iter->close(iter);
    if (status == HR_OK && hr_in_worker())
        status = send_kept(rdd, partition, &it->g, err);
    else if (status == HR_OK)
        status = hr_block_store_put(store, rdd->id, partition, rdd->storage, it->g.batches,
                                    it->g.count, rdd->schema, ctx->budget, err);
    if (status != HR_OK) {
        if (it) gathered_done(&it->g);
        hr_free(it);
        return status;
    }
    it->iter = (struct hr_batch_iter){gathered_next, gathered_close};
    *ret_iter = &it->iter;
    return HR_OK;
}

/* Whose blocks another task may be computing, and who does not wait for it: a worker's are not the
 * driver's; a copy is there because of a task that takes long; a job inside of a task could wait
 * for that very task. */
static bool works_alone(const struct hr_task_ctx *ctx)
{
    return hr_in_worker() || ctx->copy || (hr_task_frame && hr_task_frame->outer);
}

hr_status hr_rdd_iter(struct hr_rdd *rdd, uint32_t partition, struct hr_task_ctx *ctx,
                      struct hr_batch_iter **ret_iter, struct hr_err *err)
{
    assert(partition < rdd->partition_count);
    if (rdd->storage == HR_STORE_NONE || !ctx->scheduler)
        return rdd->vt->compute(rdd, partition, ctx, ret_iter, err);
    struct hr_block_store *store = hr_scheduler_blocks_of(ctx->scheduler, rdd);
    for (;;) { /* a block that has just been settled may be gone again */
        struct hr_batch_iter *kept;
        bool claimed = false, alone = works_alone(ctx);
        HR_TRY(hr_block_store_get(store, rdd->id, partition, &kept, err));
        if (kept) {
            *ret_iter = kept;
            return HR_OK;
        }
        if (!alone) HR_TRY(hr_block_store_claim(store, rdd->id, partition, ctx, &claimed, err));
        if (!alone && !claimed) continue;
        hr_status status = compute_and_keep(rdd, partition, ctx, store, ret_iter, err);
        if (claimed) hr_block_store_settle(store, rdd->id, partition);
        return status;
    }
}

hr_status hr_rdd_parent_iter(struct hr_rdd *rdd, uint32_t dep, uint32_t parent_partition,
                             struct hr_task_ctx *ctx, struct hr_batch_iter **ret_iter,
                             struct hr_err *err)
{
    assert(dep < rdd->dep_count);
    struct hr_dependency *d = &rdd->deps[dep];
    if (d->kind == HR_DEP_SHUFFLE)
        return hr_shuffle_read(d->shuffle, parent_partition, ret_iter, err);
    return hr_rdd_iter(d->parent, parent_partition, ctx, ret_iter, err);
}
