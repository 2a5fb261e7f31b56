/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A shuffle's data: for each map partition, once it is done, the batches of every reduce partition.
 * Blocks are batches in memory here; what moves them elsewhere (worker processes, Kafka) replaces
 * this file behind the same calls.
 *
 * A map task writes through a writer of its own and commits at its end: all or nothing, the first
 * attempt to commit wins. Any thread may read what is committed.
 */
#ifndef HR_RDD_SHUFFLE_H
#define HR_RDD_SHUFFLE_H

#include "rdd/budget.h"
#include "rdd/rdd.h"

struct hr_shuffle;
struct hr_shuffle_writer;

struct hr_shuffle *hr_shuffle_new(uint32_t map_count, uint32_t reduce_count); /* NULL: no memory */
void hr_shuffle_free(struct hr_shuffle *shuffle);

/* What is written is on the account of budget (NULL: nobody's) until it is dropped. */
hr_status hr_shuffle_writer_new(struct hr_shuffle *shuffle, struct hr_partitioner *partitioner,
                                const struct hr_type *schema, uint32_t map,
                                struct hr_budget *budget, struct hr_shuffle_writer **ret,
                                struct hr_err *err) HR_CHECKED;
/* Takes the batch over, also when it fails. */
hr_status hr_shuffle_write(struct hr_shuffle_writer *writer, struct hr_batch *batch,
                           struct hr_err *err) HR_CHECKED;
/* A batch that was cut already (by a worker process); referenced. */
hr_status hr_shuffle_add(struct hr_shuffle_writer *writer, uint32_t reduce, struct hr_batch *batch,
                         struct hr_err *err) HR_CHECKED;
/* Publishes what was written. *ret_bytes is an estimate of its size. */
hr_status hr_shuffle_commit(struct hr_shuffle_writer *writer, int64_t *ret_bytes,
                            struct hr_err *err) HR_CHECKED;
void hr_shuffle_writer_free(struct hr_shuffle_writer *writer);

bool hr_shuffle_has(struct hr_shuffle *shuffle, uint32_t map);
/* Map outputs that are missing, into ret_maps (map_count places). */
uint32_t hr_shuffle_missing(struct hr_shuffle *shuffle, uint32_t *ret_maps);
/* Forgets the output of a map partition, as when the worker that held it is gone. */
void hr_shuffle_lose(struct hr_shuffle *shuffle, uint32_t map);

/* Batches of a reduce partition in order of the map partitions. HR_E_UNAVAILABLE when a map output
 * is missing: the scheduler then computes it again. */
hr_status hr_shuffle_read(struct hr_shuffle *shuffle, uint32_t reduce,
                          struct hr_batch_iter **ret_iter, struct hr_err *err) HR_CHECKED;

#endif
