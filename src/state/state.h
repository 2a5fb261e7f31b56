/* SPDX-License-Identifier: Apache-2.0 */
/*
 * State of the stateful operators of a streaming query: what the operator works on is also what is
 * checkpointed.
 *
 *   hr_state (one operator of one query)
 *     └ part[p] (one task's share: a range of the 256 slots)
 *         └ table[t] (as the operator's layouts say)
 *             keyed   key → one value; a keyed table per window end (pane), or one of pane
 *                     HR_PANE_NONE; rows may have a deadline, by which they are found when due
 *             lists   key → rows (lists.h): sides of a join, sessions, timers (timers.h)
 *
 * Closing a window drops its pane whole. The rows touched in an epoch are serialised by
 * hr_state_part_delta at its end; a snapshot is a delta of everything. Rows carry their key, so a
 * restore routes them by slot (hr_key_partition) and may use another number of parts. A slot can be
 * written (hr_state_put_slots), freed (hr_state_drop_slot) and loaded again (hr_state_load) by
 * itself, in every table: the seam of a tier beyond memory.
 *
 * Memory: counted on state->mem, which may have a budget; an operator that needs more fails with
 * HR_E_MEMORY_LIMIT, which names it and its query.
 *
 * Ownership and threads: during an epoch part p belongs to the task of partition p; between epochs
 * everything belongs to the query's thread. Failure: a task that failed after touching its part
 * leaves it ahead of the last commit; the query drops all parts and restores them (hr_state_clear +
 * load).
 */
#ifndef HR_STATE_STATE_H
#define HR_STATE_STATE_H

#include "expr/codec.h"
#include "state/lists.h"
#include "state/table.h"

#define HR_PANE_NONE        INT64_MIN
#define HR_STATE_TABLES_MAX 4
#define HR_STATE_VERSION    2 /* of deltas; version 1 is read */

/* How values of a row are made durable. All NULL: the bytes as they are. */
struct hr_state_codec {
    void (*save)(const void *arg, const uint8_t *value, struct hr_buf *out);
    hr_status (*load)(const void *arg, uint8_t *value, struct hr_reader *in, struct hr_err *err);
    void (*done)(const void *arg, uint8_t *value);
    const void *arg;
};

enum hr_state_kind { HR_STATE_KEYED, HR_STATE_LISTS };

struct hr_state_layout {
    enum hr_state_kind kind;
    const char *name; /* for figures where there are several: "left"; may be NULL */
    /* keyed */
    uint32_t value_bytes;
    const uint8_t
        *states_init; /* initial value of a row, value_bytes long; NULL: zeroes. Copied. */
    struct hr_state_codec codec; /* its arg must outlive the state */
    bool has_deadline;           /* pane HR_PANE_NONE only */
    uint32_t deadline_at;        /* where in the value an int64_t says when the row is due, in µs;
                             INT64_MIN and INT64_MAX: never */
    /* lists: mem is the state's */
    struct hr_lists_options lists;
};

struct hr_pane {
    int64_t id;
    struct hr_ktable *table;
};

/* One table of one part. */
struct hr_state_table {
    struct hr_pane *panes; /* keyed: ascending by id */
    uint32_t pane_count, pane_capacity;
    int64_t *dropped; /* ids dropped in this epoch */
    uint32_t dropped_count, dropped_capacity;
    struct hr_lists *lists; /* lists: made with the state */
    /* deadlines of a keyed table's rows */
    struct hr_slot_heap order_heap; /* accounts the order's memory */
    struct hr_times order;
    struct hr_times_due due;
};

struct hr_state_part {
    struct hr_state *state;
    uint32_t index;
    struct hr_state_table tables[HR_STATE_TABLES_MAX];
    int64_t rows_updated, rows_removed, rows_late; /* in this epoch */
};

struct hr_state {
    uint32_t id;               /* the operator's id in the checkpoint */
    const char *operator_name; /* progress: "stateStoreSave", "dedupe" */
    struct hr_state_layout layouts[HR_STATE_TABLES_MAX];
    uint32_t table_count;
    struct hr_mem mem;
    struct hr_value_account heap; /* what hangs off values; counts in mem */
    char mem_name[160];
    struct hr_state_part *parts;
    uint32_t part_count;
};

struct hr_state_args {
    uint32_t id;
    const char *operator_name;
    const char *query_name; /* for messages; may be NULL */
    struct hr_state_layout tables[HR_STATE_TABLES_MAX];
    uint32_t table_count; /* 0: one */
    struct hr_mem *mem;
    int64_t budget_bytes;       /* of this operator alone; 0: only mem's */
    const char *budget_setting; /* what raises it, for the message */
    uint32_t part_count;
};
hr_status hr_state_new(const struct hr_state_args *args, struct hr_state **ret,
                       struct hr_err *err) HR_CHECKED;
void hr_state_free(struct hr_state *state);
/* Empties every part. */
hr_status hr_state_clear(struct hr_state *state, struct hr_err *err) HR_CHECKED;
/* Bounds the memory from now on; what is held already stays. @thread any */
void hr_state_set_budget(struct hr_state *state, int64_t bytes);

/* ---- keyed tables: `table` is the number of its layout ---- */

/* The pane's table; created when missing. @thread task of the part */
hr_status hr_state_pane(struct hr_state_part *part, uint32_t table, int64_t pane_id,
                        struct hr_ktable **ret, struct hr_err *err) HR_CHECKED;
/* The oldest pane with an id of at most limit, or NULL. */
struct hr_pane *hr_state_oldest_pane(struct hr_state_part *part, uint32_t table, int64_t limit);
/* Frees the oldest pane and notes it for the delta. */
hr_status hr_state_drop_oldest(struct hr_state_part *part, uint32_t table,
                               struct hr_err *err) HR_CHECKED;
/* The row's deadline has been set for the first time; one that moves later needs no call, one that
 * moves earlier does. */
hr_status hr_state_arm(struct hr_state_part *part, uint32_t table, const uint8_t *states,
                       struct hr_err *err) HR_CHECKED;
/* Rows with a deadline of at most limit_us, in order of deadline; each is given once, and the owner
 * deletes it or arms it again. The array is the caller's until the next call: *ret_count pointers
 * written over `due` entries. */
hr_status hr_state_due(struct hr_state_part *part, uint32_t table, int64_t limit_us,
                       uint8_t ***ret_rows, uint32_t *ret_count, struct hr_err *err) HR_CHECKED;

/* ---- lists ---- */

HR_INLINE struct hr_lists *hr_state_lists(struct hr_state_part *part, uint32_t table)
{
    return part->tables[table].lists;
}

/* ---- deltas and snapshots (delta.c; the format stands in README.md) ---- */

/* Has the part changed since the last hr_state_part_committed? */
bool hr_state_part_is_dirty(const struct hr_state_part *part);
/* Appends the part's changes since then (full: all of it) to out. */
hr_status hr_state_part_delta(struct hr_state_part *part, bool full, struct hr_buf *out,
                              struct hr_err *err) HR_CHECKED;
/* A delta written by hand, for one who keeps changes elsewhere than in the parts: a head that says
 * how many rows follow, then each of them (value NULL: the key is deleted). scratch is reused. For
 * states of one keyed table. */
void hr_state_put_head(const struct hr_state *state, int64_t pane_id, uint64_t rows,
                       struct hr_buf *out);
void hr_state_put_row(const struct hr_state_layout *layout, struct hr_str_view key,
                      const uint8_t *value, struct hr_buf *scratch, struct hr_buf *out);
/* How many rows such a delta of one pane has; 0 when it is none. */
uint64_t hr_state_delta_rows(struct hr_str_view delta);
/* A delta of everything in the slots [first, first + count): a piece of a snapshot. Loading such
 * pieces of all 256 slots and the deltas after them, in the order in which they were written, gives
 * the state; for keyed tables older deltas before them do no harm. Nothing may be dirty in lists.
 * */
hr_status hr_state_put_slots(struct hr_state *state, uint32_t first, uint32_t count,
                             struct hr_buf *out, struct hr_err *err) HR_CHECKED;
/* The delta is durable: forget what was dirty. */
void hr_state_part_committed(struct hr_state_part *part);
/* Applies a delta or snapshot, whatever the number of parts it was written with. */
hr_status hr_state_load(struct hr_state *state, struct hr_str_view delta,
                        struct hr_err *err) HR_CHECKED;
/* The same for the keys of the slots [first, first + count) only. */
hr_status hr_state_load_slots(struct hr_state *state, struct hr_str_view delta, uint32_t first,
                              uint32_t count, struct hr_err *err) HR_CHECKED;
/* Frees all memory of the slot's rows; nothing may be dirty. */
void hr_state_drop_slot(struct hr_state *state, uint32_t slot);

int64_t hr_state_rows(const struct hr_state *state);
int64_t hr_state_table_rows(const struct hr_state *state, uint32_t table);
int64_t hr_state_bytes(const struct hr_state *state);

#endif
