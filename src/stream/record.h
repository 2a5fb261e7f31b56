/* SPDX-License-Identifier: Apache-2.0 */
/* The payloads of journal records: META, PLAN and COMMIT ↔ structs. */
#ifndef HR_STREAM_RECORD_H
#define HR_STREAM_RECORD_H

#include "base/arena.h"

/* Who a query is. A restart is compared with it. */
struct hr_meta_record {
    const char *query_id;
    const char *name;
    uint64_t state_fingerprint; /* of the stateful operators: ids, keys, aggregates, types */
    const char *state_text;     /* the same in words, for the message when they differ */
    const char *sources_text;   /* the sources in plan order */
    const char *sink_text; /* its sink; where late rows go, behind HR_META_LATE */
};
#define HR_META_LATE '\n'

/* Where a query starts: offsets by source. */
struct hr_start_record {
    uint32_t source_count;
    const char **offsets;
};

/* A model that an epoch scores with. */
struct hr_model_ref {
    const char *name;
    int64_t version; /* 0: untrained */
    uint64_t digest;
};

struct hr_plan_record {
    int64_t timestamp_us; /* current_timestamp of the epoch */
    int64_t late_watermark_us, evict_watermark_us;
    uint32_t source_count;
    const char **starts, **ends; /* offsets by source */
    uint32_t model_count;
    struct hr_model_ref *models;
};

/* A delta or snapshot of one part of one state: in a file, or in the record itself. */
struct hr_state_ref {
    uint32_t state_id;
    bool is_snapshot; /* replaces all older refs of this state */
    int64_t epoch;
    const char *file; /* name in <checkpoint>/state, or NULL: inline */
    uint64_t size_bytes;
    uint32_t crc;
    struct hr_str_view bytes; /* inline */
};

/* The newest event time less the delay, of one partition of a watermark node's sources. */
struct hr_mark_record {
    uint32_t node;
    uint64_t partition;
    int64_t mark_us;
};

struct hr_commit_record {
    int64_t next_watermark_us;
    int64_t input_rows, output_rows, late_rows;
    int64_t *source_watermarks_us; /* max event time seen by each watermark node */
    uint32_t watermark_count;
    struct hr_mark_record *marks; /* where partitions are told apart */
    uint32_t mark_count;
    uint32_t ref_count;
    struct hr_state_ref *refs; /* new in this epoch */
};

void hr_meta_record_put(const struct hr_meta_record *meta, struct hr_buf *out);
void hr_start_record_put(const struct hr_start_record *start, struct hr_buf *out);
void hr_plan_record_put(const struct hr_plan_record *plan, struct hr_buf *out);
void hr_commit_record_put(const struct hr_commit_record *commit, struct hr_buf *out);
/* Copies into the arena. HR_E_CHECKPOINT_CORRUPT when the payload is not one. */
hr_status hr_meta_record_get(struct hr_arena *arena, struct hr_str_view payload,
                             struct hr_meta_record *ret, struct hr_err *err) HR_CHECKED;
hr_status hr_start_record_get(struct hr_arena *arena, struct hr_str_view payload,
                              struct hr_start_record *ret, struct hr_err *err) HR_CHECKED;
hr_status hr_plan_record_get(struct hr_arena *arena, struct hr_str_view payload,
                             struct hr_plan_record *ret, struct hr_err *err) HR_CHECKED;
hr_status hr_commit_record_get(struct hr_arena *arena, struct hr_str_view payload,
                               struct hr_commit_record *ret, struct hr_err *err) HR_CHECKED;

/* One line of JSON for `headrace checkpoint show`. */
struct hr_record;
hr_status hr_record_print(const struct hr_record *record, struct hr_buf *out,
                          struct hr_err *err) HR_CHECKED;

#endif
