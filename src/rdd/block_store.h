/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks: computed partitions of persisted RDDs, by (RDD, partition). In memory within a budget,
 * least recently used out first (but never for a block of the same RDD): dropped (to be computed
 * again from lineage) or written to the spill folder, as the storage level says. Thread-safe.
 * Reference-counted: RDDs keep the store their blocks are in.
 */
#ifndef HR_RDD_BLOCK_STORE_H
#define HR_RDD_BLOCK_STORE_H

#include "column/batch_bytes.h"
#include "rdd/budget.h"
#include "rdd/rdd.h"

struct hr_block_store;

/* spill_dir is made when first needed; its files go with their blocks. */
hr_status hr_block_store_new(struct hr_env *env, int64_t memory_bytes, const char *spill_dir,
                             struct hr_block_store **ret, struct hr_err *err) HR_CHECKED;
struct hr_block_store *hr_block_store_ref(struct hr_block_store *store);
void hr_block_store_unref(struct hr_block_store *store); /* NULL is fine */

/* Keeps a computed partition (references on the batches are taken) on the account of budget (NULL:
 * nobody's). A block that is there already stays. Without room nothing is kept: that is no
 * error. */
hr_status hr_block_store_put(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition,
                             enum hr_storage_level level, struct hr_batch *const *batches,
                             uint32_t count, const struct hr_type *schema, struct hr_budget *budget,
                             struct hr_err *err) HR_CHECKED;
/* Takes blocks of a budget (NULL: of all) out of memory, least recently used first, until bytes are
 * free; returns how many are. */
int64_t hr_block_store_evict(struct hr_block_store *store, const struct hr_budget *budget,
                             int64_t bytes);
/* *ret_iter NULL: not there (never computed, evicted, or its file is damaged). */
hr_status hr_block_store_get(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition,
                             struct hr_batch_iter **ret_iter, struct hr_err *err) HR_CHECKED;
bool hr_block_store_has(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition);
/* Drops the blocks of an RDD, or one of them. */
void hr_block_store_drop(struct hr_block_store *store, uint32_t rdd_id);
void hr_block_store_drop_one(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition);

/* A task is about to compute a block that is to be kept: waits while another one does so, until
 * that has settled. *ret_claimed: it is this task's to compute, and hr_block_store_settle must
 * follow; else the block is there. Not in a worker process, whose store nobody shares, and not by a
 * job inside of a task, which could wait for itself. HR_E_CANCELLED: the task is not wanted any
 * more. */
hr_status hr_block_store_claim(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition,
                               const struct hr_task_ctx *ctx, bool *ret_claimed,
                               struct hr_err *err) HR_CHECKED;
void hr_block_store_settle(struct hr_block_store *store, uint32_t rdd_id, uint32_t partition);

struct hr_block_stats {
    uint32_t blocks_in_memory, blocks_on_disk;
    int64_t memory_bytes, disk_bytes;
    int64_t evicted; /* since the start */
};
/* Of one RDD, or of all (rdd_id 0). */
void hr_block_store_stats(struct hr_block_store *store, uint32_t rdd_id,
                          struct hr_block_stats *ret);

#endif
