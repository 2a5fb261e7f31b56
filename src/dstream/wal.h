/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log of one receiver: blocks of rows that are on disk before they are
 * acknowledged.
 *
 *   DIR/wal-STREAM-0000000007   [u32 length, u32 crc, rows]*      one segment a batch
 *
 * A batch starts the next segment; once its checkpoint is written (which names the first live
 * segment) the older ones are deleted. A batch without rows has no file, so numbers have holes.
 */
#ifndef HR_DSTREAM_WAL_H
#define HR_DSTREAM_WAL_H

#include "base/env.h"
#include "api/api.h"

struct hr_ds_wal {
    struct hr_env *env;
    const char *dir; /* NULL: there is no log, and all calls do nothing */
    uint32_t stream;
    uint64_t live;    /* the oldest segment that may be there */
    uint64_t needed;  /* the first whose rows no batch has taken */
    uint64_t segment; /* the one that is being written */
    int fd;           /* -1: the segment has no file yet */
    int64_t end;      /* of what is written and synced */
};

/* Appends one record of all batches, and syncs. When it fails nothing of it will ever be replayed
 * (where the disk allows that), and the next append begins a new segment. */
hr_status hr_ds_wal_append(struct hr_ds_wal *wal, struct hr_batch *const *batches, uint32_t count,
                           struct hr_err *err) HR_CHECKED;
/* A batch has taken all rows: the next segment begins. */
void hr_ds_wal_taken(struct hr_ds_wal *wal);
/* Deletes the segments that were taken: their rows are processed. */
void hr_ds_wal_trim(struct hr_ds_wal *wal);
/* The rows of all live segments, in order; a torn last record was never acknowledged. Those of
 * segments from `taken` on, which a batch that a crash cut short had not taken, go to ret_later. */
hr_status hr_ds_wal_replay(struct hr_ds_wal *wal, const struct hr_type *schema, uint64_t taken,
                           struct hr_batch_list *ret, struct hr_batch_list *ret_later,
                           struct hr_err *err) HR_CHECKED;
void hr_ds_wal_close(struct hr_ds_wal *wal);

#endif
