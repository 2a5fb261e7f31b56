/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For sinks that need an epoch's rows together (memory, console): writers keep copies of their
 * batches, finish hands them over, commit takes them in the order of partitions. Of a partition
 * that finished twice the last attempt counts. Thread-safe.
 */
#ifndef HR_CONNECTOR_COLLECT_H
#define HR_CONNECTOR_COLLECT_H

#include <pthread.h>

#include "base/datetime.h"
#include "operator/sink.h"

struct hr_collect_part {
    struct hr_collect_part *next;
    uint32_t partition, count, capacity;
    struct hr_batch **batches;
};

struct hr_collect {
    pthread_mutex_t lock;
    struct hr_collect_part *parts; /* finished, by partition */
};

void hr_collect_init(struct hr_collect *collect);
void hr_collect_done(struct hr_collect *collect);
/* A writer whose batches end up in collect. */
hr_status hr_collect_writer(struct hr_collect *collect, uint32_t partition,
                            struct hr_sink_writer **ret, struct hr_err *err) HR_CHECKED;
/* All batches so far, as an array of hr_alloc with a reference on each. */
hr_status hr_collect_take(struct hr_collect *collect, struct hr_batch ***ret, uint32_t *ret_count,
                          struct hr_err *err) HR_CHECKED;
void hr_collect_clear(struct hr_collect *collect);

#endif
