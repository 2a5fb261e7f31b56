/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The block store: a table of RDDs, each with its blocks by partition, and a list of the blocks in
 * memory in order of use, under one lock. Files are written and read outside of the lock; a block
 * that is being written is not yet in the table, and a reader of a file holds its bytes.
 *
 * Blocks that are being computed are a short list (at most one a task) under a lock of its own,
 * which worker processes never take.
 */
#include "rdd/block_store.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "rdd/executor.h"

#define CLAIM_POLL_NS 20000000

struct block {
    struct block *prev, *next; /* in memory: most recently used first */
    uint32_t rdd_id, partition;
    enum hr_storage_level level;
    const struct hr_type *schema;
    struct hr_batch **batches; /* NULL: on disk */
    uint32_t count;
    int64_t bytes, file_bytes;
    uint64_t file_id;         /* 0: no file */
    struct hr_budget *budget; /* where bytes are reserved while batches are here; NULL: nowhere */
};

/* The blocks of an RDD that has some. */
struct rdd_blocks {
    struct rdd_blocks *next; /* in its bucket */
    uint32_t rdd_id, count, capacity;
    int64_t memory_bytes;
    struct block **at; /* by partition; NULL: not here */
};

struct claim {
    struct claim *next;
    uint32_t rdd_id, partition;
};

struct hr_block_store {
    _Atomic uint32_t refs;
    struct hr_block_store *next, *prev; /* of all */
    struct hr_env *env;
    pthread_mutex_t lock;
    struct rdd_blocks **buckets;
    uint32_t bucket_count, rdd_count; /* a power of two, or 0 */
    struct block *first, *last;
    pthread_mutex_t claims_lock; /* claims */
    pthread_cond_t settled;
    struct claim *claims;
    int64_t limit_bytes, used_bytes, evicted;
    uint64_t next_file;
    char *spill_dir;
    bool dir_made;
};

/* --- All stores of the process ---------------------------------------------------------------- */

static pthread_mutex_t stores_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hr_block_store *stores;

/* The budget of the process wants bytes: kept blocks make room, of one store after the other. The
 * lock is held meanwhile, so that none of them goes. Writing a block may want memory itself: that
 * makes no room. */
static int64_t reclaim(struct hr_mem *mem, int64_t bytes)
{
    static _Thread_local bool is_reclaiming;
    int64_t freed = 0;
    if (is_reclaiming || bytes > __atomic_load_n(&mem->limit_bytes, __ATOMIC_RELAXED)) return 0;
    is_reclaiming = true;
    hr_forkable_lock(&stores_lock);
    for (struct hr_block_store *s = stores; s && freed < bytes; s = s->next)
        freed += hr_block_store_evict(s, NULL, bytes - freed);
    hr_forkable_unlock(&stores_lock);
    is_reclaiming = false;
    return freed;
}

static void stores_add(struct hr_block_store *store)
{
    hr_forkable_lock(&stores_lock);
    __atomic_store_n(&hr_mem_process()->reclaim, reclaim, __ATOMIC_RELAXED);
    store->next = stores;
    if (stores) stores->prev = store;
    stores = store;
    hr_forkable_unlock(&stores_lock);
}

static void stores_remove(struct hr_block_store *store)
{
    hr_forkable_lock(&stores_lock);
    *(store->prev ? &store->prev->next : &stores) = store->next;
    if (store->next) store->next->prev = store->prev;
    hr_forkable_unlock(&stores_lock);
}

/* --- Life ------------------------------------------------------------------------------------- */

hr_status hr_block_store_new(struct hr_env *env, int64_t memory_bytes, const char *spill_dir,
                             struct hr_block_store **ret, struct hr_err *err)
{
    struct hr_block_store *store = hr_zalloc(sizeof *store);
    char uuid[37], path[512];
    hr_env_uuid(env, uuid);
    snprintf(path, sizeof path, "%s/headrace-blocks-%s", spill_dir ? spill_dir : "/tmp", uuid);
    if (!store || !(store->spill_dir = hr_strdup(path))) {
        hr_free(store);
        return HR_OOM(err);
    }
    atomic_init(&store->refs, 1);
    store->env = env;
    store->limit_bytes = memory_bytes;
    store->next_file = 1;
    pthread_mutex_init(&store->lock, NULL);
    pthread_mutex_init(&store->claims_lock, NULL);
    pthread_cond_init(&store->settled, NULL);
    stores_add(store);
    *ret = store;
    return HR_OK;
}

struct hr_block_store *hr_block_store_ref(struct hr_block_store *store)
{
    atomic_fetch_add_explicit(&store->refs, 1, memory_order_relaxed);
    return store;
}

static void file_path(const struct hr_block_store *store, uint64_t file_id, char *path, size_t size)
{
    snprintf(path, size, "%s/%" PRIu64 ".block", store->spill_dir, file_id);
}

static void remove_file(struct hr_block_store *store, uint64_t file_id)
{
    if (!file_id) return;
    char path[600];
    file_path(store, file_id, path, sizeof path);
    (void)!store->env->vt->unlink(store->env, path, NULL);
}

/* --- Finding ---------------------------------------------------------------------------------- */

static struct rdd_blocks **bucket_of(struct hr_block_store *store, uint32_t rdd_id)
{
    struct rdd_blocks **at = &store->buckets[rdd_id & (store->bucket_count - 1)]; /* ids count up */
    while (*at && (*at)->rdd_id != rdd_id) at = &(*at)->next;
    return at;
}

static struct rdd_blocks *blocks_of(struct hr_block_store *store, uint32_t rdd_id)
{
    return store->bucket_count ? *bucket_of(store, rdd_id) : NULL;
}

static struct block *find(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition)
{
    const struct rdd_blocks *of = blocks_of(store, rdd_id);
    return of && partition < of->capacity ? of->at[partition] : NULL;
}

static bool widen_table(struct hr_block_store *store)
{
    uint32_t count = store->bucket_count ? store->bucket_count * 2 : 64;
    struct rdd_blocks **old = store->buckets, **wider = hr_zalloc(count * sizeof *wider);
    if (!wider) return false;
    for (uint32_t i = 0; i < store->bucket_count; i++) {
        while (old[i]) {
            struct rdd_blocks *of = old[i];
            old[i] = of->next;
            of->next = wider[of->rdd_id & (count - 1)];
            wider[of->rdd_id & (count - 1)] = of;
        }
    }
    hr_free(old);
    store->buckets = wider;
    store->bucket_count = count;
    return true;
}

/* A place for a block; false: no memory. */
static bool make_place(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition)
{
    if (store->rdd_count == store->bucket_count && !widen_table(store)) return false;
    struct rdd_blocks **bucket = bucket_of(store, rdd_id), *of = *bucket;
    if (!of) {
        of = hr_zalloc(sizeof *of);
        if (!of) return false;
        of->rdd_id = rdd_id;
        *bucket = of;
        store->rdd_count++;
    }
    if (partition < of->capacity) return true;
    uint32_t capacity = HR_MAX(HR_MAX(8u, of->capacity * 2), partition + 1);
    struct block **at = hr_realloc(of->at, capacity * sizeof *at);
    if (!at) return false;
    memset(at + of->capacity, 0, (capacity - of->capacity) * sizeof *at);
    of->at = at;
    of->capacity = capacity;
    return true;
}

static void unlink_used(struct hr_block_store *store, struct block *block)
{
    *(block->prev ? &block->prev->next : &store->first) = block->next;
    *(block->next ? &block->next->prev : &store->last) = block->prev;
    block->prev = block->next = NULL;
}

static void link_used(struct hr_block_store *store, struct block *block)
{
    block->prev = NULL;
    block->next = store->first;
    *(store->first ? &store->first->prev : &store->last) = block;
    store->first = block;
}

static void unlink_block(struct hr_block_store *store, struct block *block)
{
    struct rdd_blocks **bucket = bucket_of(store, block->rdd_id), *of = *bucket;
    assert(of && of->at[block->partition] == block);
    of->at[block->partition] = NULL;
    if (block->batches) {
        unlink_used(store, block);
        store->used_bytes -= block->bytes;
        of->memory_bytes -= block->bytes;
    }
    if (--of->count) return;
    *bucket = of->next;
    store->rdd_count--;
    hr_free(of->at);
    hr_free(of);
}

/* Takes the block, unless there is one or no memory: false. */
static bool link_block(struct hr_block_store *store, struct block *block)
{
    if (find(store, block->rdd_id, block->partition) ||
        !make_place(store, block->rdd_id, block->partition))
        return false;
    struct rdd_blocks *of = blocks_of(store, block->rdd_id);
    of->at[block->partition] = block;
    of->count++;
    if (block->batches) {
        link_used(store, block);
        store->used_bytes += block->bytes;
        of->memory_bytes += block->bytes;
    }
    return true;
}

/* Takes an RDD's blocks out; they are linked by next. */
static struct block *take_rdd(struct hr_block_store *store, uint32_t rdd_id)
{
    struct block *out = NULL;
    struct rdd_blocks *of = blocks_of(store, rdd_id);
    uint32_t left = of ? of->count : 0;
    for (uint32_t p = 0; left; p++) { /* the table's entry goes with its last block */
        struct block *block = of->at[p];
        if (!block) continue;
        left--;
        unlink_block(store, block);
        block->next = out;
        out = block;
    }
    return out;
}

/* Of an unlinked block. */
static void forget_batches(struct block *block)
{
    for (uint32_t i = 0; block->batches && i < block->count; i++) hr_batch_unref(block->batches[i]);
    hr_free(block->batches);
    block->batches = NULL;
    if (block->budget) hr_mem_release(&block->budget->mem, block->bytes);
    hr_budget_unref(block->budget);
    block->budget = NULL;
}

/* An unlinked block. */
static void block_free(struct hr_block_store *store, struct block *block)
{
    if (!block) return;
    forget_batches(block);
    remove_file(store, block->file_id);
    hr_free(block);
}

/* Unlinked blocks, linked by next. */
static void free_blocks(struct hr_block_store *store, struct block *blocks)
{
    while (blocks) {
        struct block *block = blocks;
        blocks = block->next;
        block_free(store, block);
    }
}

void hr_block_store_unref(struct hr_block_store *store)
{
    if (!store || atomic_fetch_sub_explicit(&store->refs, 1, memory_order_acq_rel) > 1) return;
    stores_remove(store);
    for (uint32_t i = 0; i < store->bucket_count; i++)
        while (store->buckets[i]) free_blocks(store, take_rdd(store, store->buckets[i]->rdd_id));
    hr_free(store->buckets);
    assert(!store->claims);
    if (store->dir_made) (void)!hr_env_remove_tree(store->env, store->spill_dir, NULL);
    pthread_mutex_destroy(&store->lock);
    pthread_mutex_destroy(&store->claims_lock);
    pthread_cond_destroy(&store->settled);
    hr_free(store->spill_dir);
    hr_free(store);
}

/* --- Files ------------------------------------------------------------------------------------ */

/* Writes an unlinked block's batches to a file and lets go of them. */
static hr_status spill(struct hr_block_store *store, struct block *block, struct hr_err *err)
{
    struct hr_buf buf;
    hr_buf_init(&buf, (size_t)16 << 30);
    hr_forkable_lock(&store->lock);
    hr_status status = HR_OK;
    if (!store->dir_made) {
        status = store->env->vt->mkdirs(store->env, store->spill_dir, err);
        store->dir_made = status == HR_OK;
    }
    uint64_t file_id = store->next_file++;
    hr_forkable_unlock(&store->lock);
    for (uint32_t i = 0; i < block->count && status == HR_OK; i++)
        status = hr_batch_file_append(&buf, block->batches[i], err);
    char path[600];
    file_path(store, file_id, path, sizeof path);
    int fd = -1;
    if (status == HR_OK) status = store->env->vt->open(store->env, path, HR_OPEN_EXCL, &fd, err);
    if (status == HR_OK) status = store->env->vt->pwrite(store->env, fd, buf.ptr, buf.len, 0, err);
    if (fd >= 0) {
        struct hr_err *close_err = status == HR_OK ? err : NULL;
        hr_status closed = store->env->vt->close(store->env, fd, close_err);
        if (status == HR_OK) status = closed;
    }
    if (status == HR_OK) {
        block->file_id = file_id;
        block->file_bytes = (int64_t)buf.len;
        forget_batches(block);
    } else {
        remove_file(store, file_id);
    }
    hr_buf_done(&buf);
    return status;
}

/* bytes more of this RDD can be kept. Its own blocks are not thrown out for it, as in Spark: an RDD
 * larger than the memory would then, read in order, never find a block that it has kept. */
static bool has_room(struct hr_block_store *store, uint32_t rdd_id, int64_t bytes)
{
    const struct rdd_blocks *of = blocks_of(store, rdd_id);
    return (of ? of->memory_bytes : 0) + bytes <= store->limit_bytes;
}

/* Takes least recently used blocks (of a budget, or of all; but none of the spared RDD) out until
 * bytes are free. They are linked by next. */
static struct block *take_out(struct hr_block_store *store, const struct hr_budget *budget,
                              uint32_t spared_rdd_id, int64_t bytes)
{
    struct block *out = NULL;
    for (struct block *b = store->last, *prev; b && bytes > 0; b = prev) {
        prev = b->prev;
        bool other = budget && b->budget != budget;
        if (other || b->rdd_id == spared_rdd_id) continue;
        unlink_block(store, b);
        b->next = out;
        out = b;
        bytes -= b->bytes;
        store->evicted++;
    }
    return out;
}

/* Spills or drops what was taken out. Failing to spill only loses the block. A worker process,
 * whose store is a copy that goes with it, leaves the folder to the driver. */
static void settle_evicted(struct hr_block_store *store, struct block *evicted)
{
    while (evicted) {
        struct block *block = evicted;
        evicted = block->next;
        block->next = NULL;
        bool keep = block->level == HR_STORE_MEMORY_AND_DISK && !hr_in_worker() &&
                    spill(store, block, NULL) == HR_OK;
        hr_forkable_lock(&store->lock);
        if (keep && link_block(store, block)) block = NULL;
        hr_forkable_unlock(&store->lock);
        block_free(store, block);
    }
}

int64_t hr_block_store_evict(struct hr_block_store *store, const struct hr_budget *budget,
                             int64_t bytes)
{
    hr_forkable_lock(&store->lock);
    struct block *evicted = take_out(store, budget, 0, bytes);
    hr_forkable_unlock(&store->lock);
    int64_t freed = 0;
    for (const struct block *b = evicted; b; b = b->next) freed += b->bytes;
    settle_evicted(store, evicted);
    return freed;
}

/* --- Use -------------------------------------------------------------------------------------- */

hr_status hr_block_store_put(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition,
                             enum hr_storage_level level, struct hr_batch *const *batches,
                             uint32_t count, const struct hr_type *schema, struct hr_budget *budget,
                             struct hr_err *err)
{
    if (level == HR_STORE_NONE) return HR_OK;
    struct block *block = hr_zalloc(sizeof *block);
    if (block) block->batches = hr_alloc((count + 1) * sizeof(struct hr_batch *));
    if (!block || !block->batches) {
        hr_free(block);
        return HR_OOM(err);
    }
    block->rdd_id = rdd_id;
    block->partition = partition;
    block->level = level;
    block->schema = schema;
    for (uint32_t i = 0; i < count; i++) {
        block->batches[block->count++] = hr_batch_ref(batches[i]);
        block->bytes += hr_batch_bytes(batches[i]);
    }
    hr_forkable_lock(&store->lock);
    bool fits = level != HR_STORE_DISK && has_room(store, rdd_id, block->bytes);
    hr_forkable_unlock(&store->lock);
    if (fits && budget) { /* its other blocks make room */
        fits = hr_mem_reserve(&budget->mem, block->bytes, NULL) == HR_OK;
        if (fits) block->budget = hr_budget_ref(budget);
    }
    if (!fits && (level == HR_STORE_MEMORY || spill(store, block, err) != HR_OK)) {
        block_free(store, block); /* computed again when wanted */
        return HR_OK;
    }
    struct block *evicted = NULL;
    hr_forkable_lock(&store->lock);
    /* Another of its blocks may have taken the room meanwhile: then this one is not kept. */
    bool keep = !fits || has_room(store, rdd_id, block->bytes);
    if (keep && !find(store, rdd_id, partition)) {
        if (fits)
            evicted = take_out(store, NULL, rdd_id,
                               store->used_bytes + block->bytes - store->limit_bytes);
        if (link_block(store, block)) block = NULL;
    }
    hr_forkable_unlock(&store->lock);
    block_free(store, block);
    settle_evicted(store, evicted);
    return HR_OK;
}

struct block_iter {
    struct hr_batch_iter iter;
    struct hr_batch **batches;
    uint32_t next, count;
};

static hr_status block_next(struct hr_batch_iter *base, struct hr_batch **ret_batch,
                            struct hr_err *err)
{
    struct block_iter *it = (struct block_iter *)base;
    HR_UNUSED(err);
    *ret_batch = it->next < it->count ? it->batches[it->next++] : NULL;
    return HR_OK;
}

static void block_iter_close(struct hr_batch_iter *base)
{
    struct block_iter *it = (struct block_iter *)base;
    for (uint32_t i = it->next; i < it->count; i++) hr_batch_unref(it->batches[i]);
    hr_free(it->batches);
    hr_free(it);
}

static bool iter_add(struct block_iter *it, uint32_t *capacity, struct hr_batch *batch)
{
    if (it->count == *capacity) {
        uint32_t wider = *capacity ? *capacity * 2 : 8;
        struct hr_batch **batches = hr_realloc(it->batches, wider * sizeof *batches);
        if (!batches) return false;
        it->batches = batches;
        *capacity = wider;
    }
    it->batches[it->count++] = batch;
    return true;
}

static hr_status load(struct hr_block_store *store, uint64_t file_id, const struct hr_type *schema,
                      struct block_iter *it, struct hr_err *err)
{
    char path[600];
    file_path(store, file_id, path, sizeof path);
    struct hr_buf buf;
    hr_buf_init(&buf, (size_t)16 << 30);
    hr_status status = hr_env_read_file(store->env, path, &buf, err);
    struct hr_reader reader = hr_reader(buf.ptr, buf.len);
    uint32_t capacity = 0;
    while (status == HR_OK) {
        struct hr_batch *batch;
        status = hr_batch_file_next(&reader, schema, NULL, &batch, err);
        if (status != HR_OK || !batch) break;
        if (iter_add(it, &capacity, batch)) continue;
        hr_batch_unref(batch);
        status = HR_OOM(err);
    }
    hr_buf_done(&buf);
    return status;
}

hr_status hr_block_store_get(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition,
                             struct hr_batch_iter **ret_iter, struct hr_err *err)
{
    struct block_iter *it = hr_zalloc(sizeof *it);
    if (!it) return HR_OOM(err);
    it->iter = (struct hr_batch_iter){block_next, block_iter_close};
    uint32_t capacity = 0;
    uint64_t file_id = 0;
    const struct hr_type *schema = NULL;
    bool ok = true;
    hr_forkable_lock(&store->lock);
    struct block *block = find(store, rdd_id, partition);
    if (block) {
        if (block->batches) {
            unlink_used(store, block);
            link_used(store, block);
        }
        schema = block->schema;
        file_id = block->batches ? 0 : block->file_id;
        for (uint32_t i = 0; block->batches && i < block->count && ok; i++) {
            ok = iter_add(it, &capacity, block->batches[i]);
            if (ok) hr_batch_ref(block->batches[i]);
        }
    }
    hr_forkable_unlock(&store->lock);
    hr_status status = ok ? HR_OK : HR_OOM(err);
    if (status == HR_OK && file_id) {
        status = load(store, file_id, schema, it, err);
        if (status == HR_E_IO || status == HR_E_NOT_FOUND) {
            /* Unreadable: as if it had been evicted. */
            hr_block_store_drop_one(store, rdd_id, partition);
            status = HR_OK;
            block = NULL;
        }
    }
    if (status != HR_OK || !block) block_iter_close(&it->iter);
    if (status == HR_OK) *ret_iter = block ? &it->iter : NULL;
    return status;
}

bool hr_block_store_has(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition)
{
    hr_forkable_lock(&store->lock);
    bool has = find(store, rdd_id, partition) != NULL;
    hr_forkable_unlock(&store->lock);
    return has;
}

void hr_block_store_drop(struct hr_block_store *store, uint32_t rdd_id)
{
    hr_forkable_lock(&store->lock);
    struct block *dropped = take_rdd(store, rdd_id);
    hr_forkable_unlock(&store->lock);
    free_blocks(store, dropped);
}

void hr_block_store_drop_one(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition)
{
    hr_forkable_lock(&store->lock);
    struct block *block = find(store, rdd_id, partition);
    if (block) unlink_block(store, block);
    hr_forkable_unlock(&store->lock);
    block_free(store, block);
}

static void count_blocks(const struct rdd_blocks *of, struct hr_block_stats *stats)
{
    for (uint32_t p = 0; p < of->capacity; p++) {
        const struct block *b = of->at[p];
        if (!b) continue;
        stats->blocks_in_memory += b->batches != NULL;
        stats->blocks_on_disk += b->batches == NULL;
        stats->memory_bytes += b->batches ? b->bytes : 0;
        stats->disk_bytes += b->batches ? 0 : b->file_bytes;
    }
}

void hr_block_store_stats(struct hr_block_store *store, uint32_t rdd_id, struct hr_block_stats *ret)
{
    struct hr_block_stats stats = {0};
    hr_forkable_lock(&store->lock);
    const struct rdd_blocks *one = rdd_id ? blocks_of(store, rdd_id) : NULL;
    if (one) count_blocks(one, &stats);
    for (uint32_t i = 0; !rdd_id && i < store->bucket_count; i++)
        for (const struct rdd_blocks *of = store->buckets[i]; of; of = of->next)
            count_blocks(of, &stats);
    stats.evicted = store->evicted;
    hr_forkable_unlock(&store->lock);
    *ret = stats;
}

/* --- Claims ----------------------------------------------------------------------------------- */

static struct claim **claim_at(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition)
{
    struct claim **at = &store->claims;
    while (*at && ((*at)->rdd_id != rdd_id || (*at)->partition != partition)) at = &(*at)->next;
    return at;
}

static bool told_to_stop(const struct hr_task_ctx *ctx)
{
    return (ctx->stopped && __atomic_load_n(ctx->stopped, __ATOMIC_RELAXED)) ||
           (ctx->cancelled && __atomic_load_n(ctx->cancelled, __ATOMIC_RELAXED));
}

/* For a moment: nobody signals that this task is no longer wanted. */
static void wait_settled(struct hr_block_store *store)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += CLAIM_POLL_NS;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_cond_timedwait(&store->settled, &store->claims_lock, &until);
}

hr_status hr_block_store_claim(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition,
                               const struct hr_task_ctx *ctx, bool *ret_claimed, struct hr_err *err)
{
    struct claim *claim = hr_alloc(sizeof *claim);
    if (!claim) return HR_OOM(err);
    *claim = (struct claim){NULL, rdd_id, partition};
    hr_status status = HR_OK;
    pthread_mutex_lock(&store->claims_lock);
    while (status == HR_OK && *claim_at(store, rdd_id, partition)) {
        if (told_to_stop(ctx))
            status = HR_RAISE(err, HR_E_CANCELLED);
        else
            wait_settled(store);
    }
    bool claimed = status == HR_OK && !hr_block_store_has(store, rdd_id, partition);
    if (claimed) {
        claim->next = store->claims;
        store->claims = claim;
    }
    pthread_mutex_unlock(&store->claims_lock);
    if (!claimed) hr_free(claim);
    if (status == HR_OK) *ret_claimed = claimed;
    return status;
}

void hr_block_store_settle(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition)
{
    pthread_mutex_lock(&store->claims_lock);
    struct claim **at = claim_at(store, rdd_id, partition), *claim = *at;
    assert(claim);
    *at = claim->next;
    pthread_cond_broadcast(&store->settled);
    pthread_mutex_unlock(&store->claims_lock);
    hr_free(claim);
}
