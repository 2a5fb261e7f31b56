/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The journal: a query's log of planned and committed epochs.
 *
 *   <checkpoint>/journal/00000000000000000001.log    a record log (base/record_log.h); rotation
 *                                                    makes …2.log and then removes it
 *   <checkpoint>/lock                                locked by the one process that has it open;
 *                                                    holds the last committed epoch: the witness
 *
 *   payload of a record = kind u8 │ epoch i64 │ what record.h says of the kind
 *
 * The witness is written after each durable COMMIT and never synced by itself. A journal that has
 * not even planned that epoch was cut short, replaced by an older copy or removed, and is refused:
 * its rows would come twice, or not at all.
 */
#ifndef HR_STREAM_JOURNAL_H
#define HR_STREAM_JOURNAL_H

#include "base/arena.h"
#include "base/record_log.h"

enum hr_record_kind {
    HR_REC_META = 1,   /* who this query is: id, identities of sources, state and sink */
    HR_REC_PLAN = 2,   /* epoch is about to run: offset ranges, watermark */
    HR_REC_COMMIT = 3, /* epoch's output is durable: next watermark, state files, counts */
    HR_REC_START = 4,  /* where the sources start: offsets, written before the first wait */
};

struct hr_record {
    enum hr_record_kind kind;
    int64_t epoch;
    struct hr_str_view payload; /* borrowed during the callback */
};
typedef hr_status (*hr_journal_fn)(void *arg, const struct hr_record *, struct hr_err *);

struct hr_journal;

/* Locks the checkpoint and makes the first journal file, if it has none and nothing else either.
 * HR_E_CHECKPOINT_BUSY when another process (or query of this one) has it; HR_E_CHECKPOINT_CORRUPT
 * when there is state, or a source's log, without the journal that goes with it. */
hr_status hr_journal_open(struct hr_env *env, const char *checkpoint_dir, struct hr_journal **ret,
                          struct hr_err *err) HR_CHECKED;
/* Gives every record to fn, oldest first, and makes the journal ready for appends. Once. */
hr_status hr_journal_replay(struct hr_journal *journal, hr_journal_fn fn, void *arg,
                            struct hr_err *err) HR_CHECKED;
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
 * it durable, and removes older files. */
hr_status hr_journal_rotate(struct hr_journal *journal, const struct hr_record *records,
                            uint32_t count, struct hr_err *err) HR_CHECKED;

/* Reads a journal without locking or changing it, for `headrace checkpoint`. */
hr_status hr_journal_scan(struct hr_env *env, const char *checkpoint_dir, hr_journal_fn fn,
                          void *arg, struct hr_err *err) HR_CHECKED;
const char *hr_record_kind_name(enum hr_record_kind kind);

#endif
