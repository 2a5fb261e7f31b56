/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shuffle in memory.
 *
 * A writer gathers input batches until there are FLUSH_ROWS rows, sorts their rows by reduce
 * partition, and makes one compact batch a partition: few large blocks instead of many small ones.
 * String bytes stay where they are, held by reference (all of a batch's rows end up in some block,
 * so nothing is pinned in vain), but are copied when most of the batch's rows are not live.
 */
#include "rdd/shuffle.h"

#include "base/fault.h"
#include "rdd/block_store.h"
#include "rdd/executor.h"

#define FLUSH_ROWS  65536u
#define PENDING_MAX 64u

struct block {
    struct hr_batch **batches;
    uint32_t count, capacity;
};

/* Of a map partition. */
struct output {
    struct block *blocks;     /* reduce_count; NULL: missing */
    struct hr_budget *budget; /* where reserved_bytes are; or NULL */
    int64_t reserved_bytes;
};

struct hr_shuffle {
    pthread_mutex_t lock;
    uint32_t map_count, reduce_count;
    struct output *outputs; /* by map */
};

struct hr_shuffle_writer {
    struct hr_shuffle *shuffle;
    struct hr_partitioner *partitioner;
    const struct hr_type *schema;
    uint32_t map;
    struct output out;
    struct hr_batch *pending[PENDING_MAX];
    uint32_t pending_count, pending_rows;
    bool deep;
    int64_t bytes;
};

static void blocks_free(struct block *blocks, uint32_t count)
{
    for (uint32_t i = 0; blocks && i < count; i++) {
        for (uint32_t k = 0; k < blocks[i].count; k++) hr_batch_unref(blocks[i].batches[k]);
        hr_free(blocks[i].batches);
    }
    hr_free(blocks);
}

static void output_done(struct output *out, uint32_t reduce_count)
{
    blocks_free(out->blocks, reduce_count);
    if (out->budget) hr_mem_release(&out->budget->mem, out->reserved_bytes);
    hr_budget_unref(out->budget);
    *out = (struct output){0};
}

struct hr_shuffle *hr_shuffle_new(uint32_t map_count, uint32_t reduce_count)
{
    struct hr_shuffle *s = hr_zalloc(sizeof *s);
    if (!s) return NULL;
    s->outputs = hr_zalloc(map_count * sizeof *s->outputs);
    if (!s->outputs) {
        hr_free(s);
        return NULL;
    }
    s->map_count = map_count;
    s->reduce_count = reduce_count;
    pthread_mutex_init(&s->lock, NULL);
    return s;
}

void hr_shuffle_free(struct hr_shuffle *shuffle)
{
    if (!shuffle) return;
    for (uint32_t i = 0; i < shuffle->map_count; i++)
        output_done(&shuffle->outputs[i], shuffle->reduce_count);
    hr_free(shuffle->outputs);
    pthread_mutex_destroy(&shuffle->lock);
    hr_free(shuffle);
}

/* --- Writing ---------------------------------------------------------------------------------- */

hr_status hr_shuffle_writer_new(struct hr_shuffle *shuffle, struct hr_partitioner *partitioner,
                                const struct hr_type *schema, uint32_t map,
                                struct hr_budget *budget, struct hr_shuffle_writer **ret,
                                struct hr_err *err)
{
    assert(map < shuffle->map_count && partitioner->partition_count == shuffle->reduce_count);
    struct hr_shuffle_writer *w = hr_zalloc(sizeof *w);
    if (!w) return HR_OOM(err);
    w->out.blocks = hr_zalloc(shuffle->reduce_count * sizeof *w->out.blocks);
    if (!w->out.blocks) {
        hr_free(w);
        return HR_OOM(err);
    }
    w->shuffle = shuffle;
    w->partitioner = partitioner;
    w->schema = schema;
    w->map = map;
    w->out.budget = hr_budget_ref(budget);
    *ret = w;
    return HR_OK;
}

void hr_shuffle_writer_free(struct hr_shuffle_writer *writer)
{
    if (!writer) return;
    for (uint32_t i = 0; i < writer->pending_count; i++) hr_batch_unref(writer->pending[i]);
    output_done(&writer->out, writer->shuffle->reduce_count);
    hr_free(writer);
}

/* Takes the batch over. */
static hr_status add_block(struct hr_shuffle_writer *w, uint32_t reduce, struct hr_batch *batch,
                           struct hr_err *err)
{
    struct block *block = &w->out.blocks[reduce];
    if (w->out.budget && !batch->arena.mem) { /* else its arena counts */
        int64_t bytes = hr_batch_bytes(batch);
        hr_status status = hr_mem_reserve(&w->out.budget->mem, bytes, err);
        if (status != HR_OK) {
            hr_batch_unref(batch);
            return status;
        }
        w->out.reserved_bytes += bytes;
    }
    if (block->count == block->capacity) {
        uint32_t capacity = block->capacity ? block->capacity * 2 : 4;
        struct hr_batch **batches = hr_realloc(block->batches, capacity * sizeof *batches);
        if (!batches) {
            hr_batch_unref(batch);
            return HR_OOM(err);
        }
        block->batches = batches;
        block->capacity = capacity;
    }
    block->batches[block->count++] = batch;
    w->bytes += (int64_t)batch->arena.total_bytes;
    return HR_OK;
}

/* Row numbers of the pending batches sorted by partition: counting sort per batch. rows has room
 * for all; starts[b * (n + 1) + p] is where partition p of batch b begins. */
struct cut {
    uint32_t *assigned, *rows, *starts;
};

static hr_status cut_batch(struct hr_shuffle_writer *w, const struct hr_batch *batch,
                           uint32_t *assigned, uint32_t *rows, uint32_t *starts, struct hr_err *err)
{
    uint32_t n = w->shuffle->reduce_count;
    HR_TRY(w->partitioner->assign(w->partitioner, batch, assigned, err));
    memset(starts, 0, (n + 1) * sizeof *starts);
    for (uint32_t i = 0; i < batch->sel_count; i++) {
        if (assigned[i] >= n)
            return HR_BUG(err, "row assigned to partition %u of %u", assigned[i], n);
        starts[assigned[i] + 1]++;
    }
    for (uint32_t p = 0; p < n; p++) starts[p + 1] += starts[p];
    for (uint32_t i = 0; i < batch->sel_count; i++)
        rows[starts[assigned[i]]++] = batch->sel ? batch->sel[i] : i;
    memmove(starts + 1, starts, n * sizeof *starts);
    starts[0] = 0;
    return HR_OK;
}

static hr_status flush_partition(struct hr_shuffle_writer *w, const struct cut *cut, uint32_t p,
                                 struct hr_err *err)
{
    uint32_t n = w->shuffle->reduce_count, count = 0, first = 0;
    struct hr_batch *parts[PENDING_MAX];
    hr_status status = HR_OK;
    for (uint32_t b = 0; b < w->pending_count; b++) {
        const uint32_t *starts = cut->starts + (size_t)b * (n + 1);
        uint32_t rows = starts[p + 1] - starts[p];
        if (rows) {
            parts[count] = hr_batch_with_sel(w->pending[b], cut->rows + first + starts[p], rows);
            if (!parts[count]) {
                status = HR_OOM(err);
                break;
            }
            count++;
        }
        first += w->pending[b]->sel_count;
    }
    if (status == HR_OK && count) {
        struct hr_batch *block = hr_batch_concat(parts, count, w->schema, w->deep);
        status = block ? add_block(w, p, block, err) : HR_OOM(err);
    }
    while (count) hr_batch_unref(parts[--count]);
    return status;
}

static hr_status flush(struct hr_shuffle_writer *w, struct hr_err *err)
{
    if (!w->pending_count) return HR_OK;
    HR_FAULT_POINT(HR_FAULT_SHUFFLE_WRITE, err);
    size_t n = w->shuffle->reduce_count;
    struct cut cut = {
        .assigned = hr_alloc((w->pending_rows + 1) * sizeof(uint32_t)),
        .rows = hr_alloc((w->pending_rows + 1) * sizeof(uint32_t)),
        .starts = hr_alloc((n + 1) * w->pending_count * sizeof(uint32_t)),
    };
    hr_status status = cut.assigned && cut.rows && cut.starts ? HR_OK : HR_OOM(err);
    uint32_t at = 0;
    for (uint32_t b = 0; b < w->pending_count && status == HR_OK; b++) {
        status =
            cut_batch(w, w->pending[b], cut.assigned, cut.rows + at, cut.starts + b * (n + 1), err);
        at += w->pending[b]->sel_count;
    }
    for (uint32_t p = 0; p < n && status == HR_OK; p++) status = flush_partition(w, &cut, p, err);
    hr_free(cut.assigned);
    hr_free(cut.rows);
    hr_free(cut.starts);
    for (uint32_t b = 0; b < w->pending_count; b++) hr_batch_unref(w->pending[b]);
    w->pending_count = w->pending_rows = 0;
    w->deep = false;
    return status;
}

hr_status hr_shuffle_write(struct hr_shuffle_writer *writer, struct hr_batch *batch,
                           struct hr_err *err)
{
    if (batch->sel_count == 0) {
        hr_batch_unref(batch);
        return HR_OK;
    }
    bool sparse = batch->sel_count < batch->row_count / 4;
    if (writer->shuffle->reduce_count == 1) {
        struct hr_batch *whole = batch;
        if (sparse) {
            whole = hr_batch_compact(batch, true);
            hr_batch_unref(batch);
            if (!whole) return HR_OOM(err);
        }
        return add_block(writer, 0, whole, err);
    }
    writer->pending[writer->pending_count++] = batch;
    writer->pending_rows += batch->sel_count;
    writer->deep = writer->deep || sparse;
    if (writer->pending_rows < FLUSH_ROWS && writer->pending_count < PENDING_MAX) return HR_OK;
    return flush(writer, err);
}

hr_status hr_shuffle_add(struct hr_shuffle_writer *writer, uint32_t reduce, struct hr_batch *batch,
                         struct hr_err *err)
{
    return add_block(writer, reduce, hr_batch_ref(batch), err);
}

/* In a worker process: the blocks go to the driver, which commits them. */
static hr_status send_blocks(struct hr_shuffle_writer *w, struct hr_err *err)
{
    for (uint32_t r = 0; r < w->shuffle->reduce_count; r++) {
        for (uint32_t i = 0; i < w->out.blocks[r].count; i++) {
            struct hr_frame frame = {
                .kind = HR_FRAME_SHUFFLE, .n = r, .batch = w->out.blocks[r].batches[i]};
            HR_TRY(hr_worker_send(&frame, err));
        }
    }
    return HR_OK;
}

hr_status hr_shuffle_commit(struct hr_shuffle_writer *writer, int64_t *ret_bytes,
                            struct hr_err *err)
{
    HR_TRY(flush(writer, err));
    *ret_bytes = writer->bytes;
    if (hr_in_worker()) return send_blocks(writer, err);
    struct hr_shuffle *s = writer->shuffle;
    hr_forkable_lock(&s->lock);
    if (!s->outputs[writer->map].blocks) {
        s->outputs[writer->map] = writer->out;
        writer->out = (struct output){0};
    }
    hr_forkable_unlock(&s->lock);
    return HR_OK;
}

/* --- Reading ---------------------------------------------------------------------------------- */

bool hr_shuffle_has(struct hr_shuffle *shuffle, uint32_t map)
{
    hr_forkable_lock(&shuffle->lock);
    bool has = shuffle->outputs[map].blocks != NULL;
    hr_forkable_unlock(&shuffle->lock);
    return has;
}

uint32_t hr_shuffle_missing(struct hr_shuffle *shuffle, uint32_t *ret_maps)
{
    uint32_t n = 0;
    hr_forkable_lock(&shuffle->lock);
    for (uint32_t i = 0; i < shuffle->map_count; i++)
        if (!shuffle->outputs[i].blocks) ret_maps[n++] = i;
    hr_forkable_unlock(&shuffle->lock);
    return n;
}

void hr_shuffle_lose(struct hr_shuffle *shuffle, uint32_t map)
{
    hr_forkable_lock(&shuffle->lock);
    struct output lost = shuffle->outputs[map];
    shuffle->outputs[map] = (struct output){0};
    hr_forkable_unlock(&shuffle->lock);
    output_done(&lost, shuffle->reduce_count);
}

/* References on all batches of the partition, taken at once: a loss later does not matter. */
struct reader {
    struct hr_batch_iter iter;
    uint32_t next, count;
    struct hr_batch *batches[];
};

static hr_status reader_next(struct hr_batch_iter *iter, struct hr_batch **ret_batch,
                             struct hr_err *err)
{
    struct reader *r = (struct reader *)iter;
    HR_UNUSED(err);
    *ret_batch = NULL;
    if (r->next == r->count) return HR_OK;
    *ret_batch = r->batches[r->next];
    r->batches[r->next++] = NULL;
    return HR_OK;
}

static void reader_close(struct hr_batch_iter *iter)
{
    struct reader *r = (struct reader *)iter;
    for (uint32_t i = r->next; i < r->count; i++) hr_batch_unref(r->batches[i]);
    hr_free(r);
}

hr_status hr_shuffle_read(struct hr_shuffle *shuffle, uint32_t reduce,
                          struct hr_batch_iter **ret_iter, struct hr_err *err)
{
    assert(reduce < shuffle->reduce_count);
    hr_forkable_lock(&shuffle->lock);
    size_t count = 0;
    for (uint32_t m = 0; m < shuffle->map_count; m++) {
        if (shuffle->outputs[m].blocks) {
            count += shuffle->outputs[m].blocks[reduce].count;
            continue;
        }
        hr_forkable_unlock(&shuffle->lock);
        return HR_RAISE(err, HR_E_UNAVAILABLE, "what", "a shuffle block", "why",
                        "the output of its map task is lost");
    }
    struct reader *r = hr_alloc(sizeof *r + count * sizeof(struct hr_batch *));
    if (r) {
        *r = (struct reader){.iter = {reader_next, reader_close}};
        for (uint32_t m = 0; m < shuffle->map_count; m++) {
            const struct block *block = &shuffle->outputs[m].blocks[reduce];
            for (uint32_t i = 0; i < block->count; i++)
                r->batches[r->count++] = hr_batch_ref(block->batches[i]);
        }
    }
    hr_forkable_unlock(&shuffle->lock);
    if (!r) return HR_OOM(err);
    *ret_iter = &r->iter;
    return HR_OK;
}
