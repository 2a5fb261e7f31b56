/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The write-ahead log of one receiver: blocks of rows that are on disk before they are
 * acknowledged.
 *
 *   DIR/wal-STREAM-0000000007   a record log (base/record_log.h), a record a block; one a batch
 *
 * A batch starts the next segment; once its checkpoint is written (which names the first live
 * segment) the older ones are deleted. A batch without rows has no file, so numbers have holes:
 * the checkpoint and the plan of a batch say which files there were, and how many records of each.
 * With less than those the log is damaged.
 */
#ifndef HR_DSTREAM_WAL_H
#define HR_DSTREAM_WAL_H

#include "api/api.h"
#include "base/record_log.h"

struct hr_ds_wal_file {
    uint64_t number, records;
};

struct hr_ds_wal_files {
    struct hr_ds_wal_file *items;
    uint32_t count, capacity;
};

struct hr_ds_wal {
    struct hr_env *env;
    const char *dir; /* NULL: there is no log, and all calls do nothing */
    uint32_t stream;
    uint64_t live;                 /* the oldest segment that may be there */
    uint64_t needed;               /* the first whose rows no batch has taken */
    uint64_t segment;              /* the one that is being written */
    struct hr_record_log *log;     /* NULL: the segment has no file yet */
    struct hr_ds_wal_files files;  /* that are there */
    struct hr_ds_wal_files wanted; /* that a restart must find, with so many records at least */
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
void hr_ds_wal_done(struct hr_ds_wal *wal);
/* The files that are there, for a checkpoint or plan; what such a list says must be found by the
 * replay. */
void hr_ds_wal_save(const struct hr_ds_wal *wal, struct hr_buf *out);
hr_status hr_ds_wal_load(struct hr_ds_wal *wal, struct hr_reader *in,
                         struct hr_err *err) HR_CHECKED;

#endif
