/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The data of checkpoints: a log that is cut into segments.
 *
 *   <checkpoint>/segment-0000000007    "HRDSEG1\n", then records:
 *       crc u32 │ stream u32 │ kind u32 │ zero u32 │ time i64 │ length u64 │ bytes[length]
 *
 * A record is written once. What counts is what the metadata file (checkpoint.c) names: segments,
 * and how long each of them is; bytes behind that were never acknowledged and are not read. A
 * record that is no longer needed goes with its segment: a new one is begun when the last one is
 * large, and the oldest are removed as soon as no stream needs them. The crc covers the record
 * behind it.
 *
 * Owned by the thread of the batches.
 */
#ifndef HR_DSTREAM_SEGMENTS_H
#define HR_DSTREAM_SEGMENTS_H

#include "base/env.h"

enum hr_ds_record_kind {
    HR_DS_RECORD_RDD = 1,  /* the RDD of a time, whole */
    HR_DS_RECORD_DELTA,    /* changes of a state in the batch of a time */
    HR_DS_RECORD_SNAPSHOT, /* all of a state, or a piece of it, as of a time */
};

struct hr_ds_record {
    uint32_t stream;
    enum hr_ds_record_kind kind;
    int64_t time;
    uint64_t segment;
    struct hr_str_view bytes; /* borrowed */
};

struct hr_ds_segment {
    uint64_t number; /* from 1 on, ascending */
    int64_t length;
};

struct hr_ds_segments {
    struct hr_env *env;
    const char *dir; /* borrowed */
    const char *id;  /* of the checkpoint; in every checksum. Borrowed */
    struct hr_ds_segment *live;
    uint32_t count, capacity;
    uint64_t next;         /* number of the next segment */
    int fd;                /* of the last of live while it is written to; else -1 */
    bool dirty, new_entry; /* to be synced: the segment, the folder */
    struct hr_buf pending; /* records not handed to the file yet */
};

void hr_ds_segments_init(struct hr_ds_segments *log, struct hr_env *env, const char *dir,
                         const char *id);
void hr_ds_segments_done(struct hr_ds_segments *log);

/* Before the records of a batch: lets a segment that is large enough be the last. */
void hr_ds_segments_begin(struct hr_ds_segments *log);
/* The number of the segment that the next record goes to. */
uint64_t hr_ds_segments_position(const struct hr_ds_segments *log);
/* record->segment is not looked at. */
hr_status hr_ds_segments_put(struct hr_ds_segments *log, const struct hr_ds_record *record,
                             struct hr_err *err) HR_CHECKED;
/* All records are on disk. Costs nothing when there were none. */
hr_status hr_ds_segments_sync(struct hr_ds_segments *log, struct hr_err *err) HR_CHECKED;
/* Takes the segments below number off the list; hr_ds_segments_sweep removes their files, once the
 * metadata without them is durable. */
void hr_ds_segments_drop(struct hr_ds_segments *log, uint64_t number);
/* Removes segment files that are not on the list. Failing to is harmless. */
void hr_ds_segments_sweep(struct hr_ds_segments *log);

/* The list as bytes of the metadata, and back. */
void hr_ds_segments_save(const struct hr_ds_segments *log, struct hr_buf *out);
hr_status hr_ds_segments_load(struct hr_ds_segments *log, struct hr_reader *in,
                              struct hr_err *err) HR_CHECKED;
/* All records of the list in the order in which they were written. */
hr_status hr_ds_segments_replay(struct hr_ds_segments *log,
                                hr_status (*fn)(void *arg, const struct hr_ds_record *,
                                                struct hr_err *),
                                void *arg, struct hr_err *err) HR_CHECKED;
/* HR_E_CHECKPOINT_CORRUPT where a segment, named or not, has a record of a time after newest: the
 * list is older than the segments. */
hr_status hr_ds_segments_check_newest(const struct hr_ds_segments *log, int64_t newest,
                                      struct hr_err *err) HR_CHECKED;

#endif
