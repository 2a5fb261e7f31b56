/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of the stateful operators of a streaming query: what the operator works on is also what is
 * checkpointed.
 *
 *   hr_state (one operator of one query)
 *     └ part[p] (one task's share: a range of the 256 slots)
 *         └ pane (one keyed table per window end; one with pane id HR_PANE_NONE when not windowed)
 *
 * Closing a window drops its pane whole. The rows touched in an epoch are serialised by
 * hr_state_part_delta at its end; a snapshot is a delta of everything. Rows carry their key, so a
 * restore routes them by slot (hr_key_partition) and may use another number of parts.
 *
 * Ownership and threads: during an epoch part p belongs to the task of partition p; between epochs
 * everything belongs to the query's thread. Failure: a task that failed after touching its part
 * leaves it ahead of the last commit; the query drops all parts and restores them (hr_state_clear +
 * load).
 */
#ifndef HR_STATE_STATE_H
#define HR_STATE_STATE_H

#include "state/table.h"

#define HR_PANE_NONE INT64_MIN

/* How values of a row are made durable. All NULL: the bytes as they are. */
struct hr_state_codec {
    void (*save)(const void *arg, const uint8_t *value, struct hr_buf *out);
    hr_status (*load)(const void *arg, uint8_t *value, struct hr_reader *in, struct hr_err *err);
    void (*done)(const void *arg, uint8_t *value);
    int64_t (*heap_bytes)(const void *arg, const uint8_t *value); /* may be NULL */
    const void *arg;
};

struct hr_pane {
    int64_t id;
    struct hr_ktable *table;
};

struct hr_state_part {
    struct hr_state *state;
    uint32_t index;
    struct hr_pane *panes; /* ascending by id */
    uint32_t pane_count, pane_capacity;
    int64_t *dropped; /* ids dropped in this epoch */
    uint32_t dropped_count, dropped_capacity;
    int64_t rows_updated, rows_removed; /* in this epoch */
};

struct hr_state {
    uint32_t id;               /* the operator's id in the checkpoint */
    const char *operator_name; /* progress: "stateStoreSave", "dedupe" */
    uint32_t value_bytes;
    const uint8_t *states_init; /* initial value of a row, value_bytes long; NULL: zeroes */
    int64_t epoch;              /* being worked on */
    struct hr_state_codec codec;
    struct hr_mem *mem;
    struct hr_state_part *parts;
    uint32_t part_count;
};

struct hr_state_args {
    uint32_t id;
    const char *operator_name;
    uint32_t value_bytes;
    const uint8_t *states_init;  /* copied */
    struct hr_state_codec codec; /* its arg must outlive the state */
    struct hr_mem *mem;
    uint32_t part_count;
};
hr_status hr_state_new(const struct hr_state_args *args, struct hr_state **ret,
                       struct hr_err *err) HR_CHECKED;
void hr_state_free(struct hr_state *state);
/* Empties every part. */
void hr_state_clear(struct hr_state *state);

/* The pane's table; created when missing. @thread task of the part */
hr_status hr_state_pane(struct hr_state_part *part, int64_t pane_id, struct hr_ktable **ret,
                        struct hr_err *err) HR_CHECKED;
/* The oldest pane with an id of at most limit, or NULL. */
struct hr_pane *hr_state_oldest_pane(struct hr_state_part *part, int64_t limit);
/* Frees the oldest pane and notes it for the delta. */
hr_status hr_state_drop_oldest(struct hr_state_part *part, struct hr_err *err) HR_CHECKED;

/* Appends the part's changes since the last hr_state_part_committed (full: all of it) to out. */
hr_status hr_state_part_delta(struct hr_state_part *part, bool full, struct hr_buf *out,
                              struct hr_err *err) HR_CHECKED;
/* A delta written by hand, for one who keeps changes elsewhere than in the parts: a head that says
 * how many rows follow, then each of them (value NULL: the key is deleted). scratch is reused. */
void hr_state_put_head(const struct hr_state *state, int64_t pane_id, uint64_t rows,
                       struct hr_buf *out);
void hr_state_put_row(const struct hr_state *state, struct hr_str_view key, const uint8_t *value,
                      struct hr_buf *scratch, struct hr_buf *out);
/* How many rows such a delta of one pane has; 0 when it is none. */
uint64_t hr_state_delta_rows(struct hr_str_view delta);
/* A delta of all rows of a pane in the slots [first, first + count): a piece of a snapshot. Loading
 * such pieces of all 256 slots and the deltas after them, in the order in which they were written,
 * gives the state; older deltas before them do no harm. */
hr_status hr_state_put_slots(struct hr_state *state, int64_t pane_id, uint32_t first,
                             uint32_t count, struct hr_buf *out, struct hr_err *err) HR_CHECKED;
/* The delta is durable: forget what was dirty. */
void hr_state_part_committed(struct hr_state_part *part);
/* Applies a delta or snapshot, whatever the number of parts it was written with. */
hr_status hr_state_load(struct hr_state *state, struct hr_str_view delta,
                        struct hr_err *err) HR_CHECKED;

int64_t hr_state_rows(const struct hr_state *state);
int64_t hr_state_bytes(const struct hr_state *state);

#endif
