/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: a query's append-only log of planned and committed epochs.
 *
 *   <checkpoint>/journal/00000000000000000001.log, …2.log     one is being written, older ones are
 *                                                             dropped after the next rotation
 *
 *   file   = magic "HRJRNL1\n", record …, zeros up to its preallocated size
 *   record = length u32 │ crc32c u32 │ chain u64 │ epoch i64 │ kind u8 │ payload[length]
 *
 * crc covers all behind it; chain is the XXH3 of the record before (of the file's name for the
 * first), so that a record of an older life of the file is never taken for a new one. The file is
 * preallocated and overwritten, one pwrite and one fdatasync a record that must be durable: about
 * 125 µs on current disks instead of twice that for a growing file.
 *
 * Recovery reads to the last valid record; what is behind it was never acknowledged. A failed
 * fdatasync makes the journal unusable (HR_E_IO_FATAL): the same descriptor is never synced again;
 * the query stops and recovers from the log at its next start.
 *
 * One process holds the lock of <checkpoint>/lock while its journal is open.
 */
#ifndef HR_STREAM_JOURNAL_H
#define HR_STREAM_JOURNAL_H

#include "base/arena.h"
#include "base/env.h"

enum hr_record_kind {
    HR_REC_META = 1,   /* who this query is: id, plan and state fingerprints */
    HR_REC_PLAN = 2,   /* epoch is about to run: offset ranges, watermark */
    HR_REC_COMMIT = 3, /* epoch's output is durable: next watermark, state files, counts */
};

struct hr_record {
    enum hr_record_kind kind;
    int64_t epoch;
    struct hr_str_view payload; /* borrowed during the callback */
};

struct hr_journal;

/* Opens (creating folders and the first file) and locks; replays every valid record, oldest first,
 * through fn. HR_E_CHECKPOINT_BUSY when another process has it. */
hr_status hr_journal_open(struct hr_env *env, const char *checkpoint_dir,
                          hr_status (*fn)(void *arg, const struct hr_record *, struct hr_err *),
                          void *arg, struct hr_journal **ret, struct hr_err *err) HR_CHECKED;
void hr_journal_close(struct hr_journal *journal);

/* Appends a record. durable: returns when it is on disk; else it becomes so with the next durable
 * one.
 * @thread any, one at a time */
hr_status hr_journal_append(struct hr_journal *journal, enum hr_record_kind kind, int64_t epoch,
                            struct hr_str_view payload, bool durable,
                            struct hr_err *err) HR_CHECKED;
/* Should the owner rotate (the file is beyond its size)? */
bool hr_journal_is_full(const struct hr_journal *journal);
/* Starts a new file whose first records are the given ones (what recovery needs of the past), makes
 * it durable, and removes files older than the one just left. */
hr_status hr_journal_rotate(struct hr_journal *journal, const struct hr_record *records,
                            uint32_t count, struct hr_err *err) HR_CHECKED;

/* Reads a journal without locking or changing it, for `headrace checkpoint show`. */
hr_status hr_journal_scan(struct hr_env *env, const char *checkpoint_dir,
                          hr_status (*fn)(void *arg, const struct hr_record *, struct hr_err *),
                          void *arg, struct hr_err *err) HR_CHECKED;
const char *hr_record_kind_name(enum hr_record_kind kind);

#endif
