/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys with many rows each: the sides of a join, the sessions of a key, the pending rows of an
 * OVER, timers.
 *
 *   keys    keyed table (table.h), by slot: key → first row, last row, how many
 *   rows    slot heap, by slot: head of 24 bytes │ payload, padded to 8
 *   order   times of the rows (times.h), where asked for
 *
 * The rows of a key are a list linked both ways, in order of arrival; each has a number that is
 * unique among its key's. Beside the payload a row costs 24 bytes and, when ordered, 12; chunks and
 * arrays have about a quarter to spare.
 *
 * Within a key rows are not in order of time. State is evicted by the very condition that a join's
 * probe tests, so that most rows of a list are candidates anyway; sorting a hot key's list would
 * cost every insertion.
 *
 * Changes are tracked for the epoch's delta: rows that came, were changed or went, and the time up
 * to which rows were expired (one number instead of a record for each row). A row that goes stays
 * readable, with its key, until hr_lists_end_epoch.
 *
 * Failure leaves the lists ahead of the last commit, but whole. One thread at a time.
 */
#ifndef HR_STATE_LISTS_H
#define HR_STATE_LISTS_H

#include "state/table.h"
#include "state/times.h"

#define HR_LISTS_NEVER INT64_MAX /* a row without a time: it is never due */

enum {
    /* the owner's marks, written with the row */
    HR_LROW_MATCHED = 1,
    HR_LROW_USER = 2,
    HR_LROW_MARKS = 3,
    /* lists.c's own */
    HR_LROW_NEW = 4,         /* came in this epoch */
    HR_LROW_TOUCHED = 8,     /* marks, weight or payload changed in this epoch */
    HR_LROW_GONE = 16,       /* out of its list; readable until the epoch ends */
    HR_LROW_EXPIRED = 32,    /* gone because its time had come */
    HR_LROW_FREEING = 64,    /* on the list of rows whose memory goes when the epoch ends */
    HR_LROW_REWRITTEN = 128, /* TOUCHED, and the payload is not what it was */
};
#define HR_LROW_PAYLOAD_MAX ((1u << 24) - 1)

struct hr_lrow {
    uint32_t next, prev; /* references; 0: none */
    uint32_t key;        /* of the key's row */
    uint32_t id;
    uint32_t len : 24; /* payload bytes */
    uint32_t flags : 8;
    int32_t weight; /* how often the row is there; 1 for rows that are only appended */
};
static_assert(sizeof(struct hr_lrow) == 24, "24 bytes a row");

/* The states of a key's row. */
struct hr_lkey {
    uint32_t first, last, count;
    uint32_t next_id;
    uint32_t self;     /* reference of this row */
    uint32_t is_empty; /* noted as empty: goes when the epoch ends, unless rows come */
};

struct hr_lists_options {
    bool ordered;
    /* Ordered lists whose rows may come to have a later time (a session that grows): says the
     * row's time now. NULL: a row keeps the time it was added with. */
    int64_t (*time_of)(const void *arg, const uint8_t *payload, uint32_t len);
    const void *arg;
    struct hr_mem *mem;
};

struct hr_lists;
hr_status hr_lists_new(const struct hr_lists_options *options, struct hr_lists **ret,
                       struct hr_err *err) HR_CHECKED;
void hr_lists_free(struct hr_lists *lists); /* NULL is fine */

HR_INLINE uint8_t *hr_lrow_payload(struct hr_lrow *row)
{
    return (uint8_t *)(row + 1);
}
struct hr_lrow *hr_lists_row(const struct hr_lists *lists, uint32_t ref);
HR_INLINE struct hr_lrow *hr_lists_first(const struct hr_lists *lists, const struct hr_lkey *key)
{
    return key && key->first ? hr_lists_row(lists, key->first) : NULL;
}
HR_INLINE struct hr_lrow *hr_lists_next(const struct hr_lists *lists, const struct hr_lrow *row)
{
    return row->next ? hr_lists_row(lists, row->next) : NULL;
}
struct hr_lkey *hr_lists_key_of(const struct hr_lists *lists, const struct hr_lrow *row);
struct hr_str_view hr_lists_key_bytes(const struct hr_lists *lists, const struct hr_lkey *key);

/* One look-up for both ends of a probe: the keys' rows, NULL where a key has none. */
void hr_lists_find(const struct hr_lists *lists, const struct hr_string *keys,
                   const uint64_t *hashes, uint32_t count, struct hr_lkey **ret_keys);
/* Adds a row with the payload to each key. times_us: of ordered lists only. ret_rows may be NULL.
 * */
hr_status hr_lists_add(struct hr_lists *lists, const struct hr_string *keys, const uint64_t *hashes,
                       const struct hr_str_view *payloads, const int64_t *times_us, uint32_t count,
                       struct hr_lrow **ret_rows, struct hr_err *err) HR_CHECKED;
/* The row's marks or weight, or also its payload's bytes, are changed in this epoch. The delta has
 * the payload again only where it says so: a first match costs a few bytes. */
hr_status hr_lists_touch(struct hr_lists *lists, struct hr_lrow *row, bool payload,
                         struct hr_err *err) HR_CHECKED;
/* Takes the row out. Its neighbours in the list stay valid. */
hr_status hr_lists_delete(struct hr_lists *lists, struct hr_lrow *row,
                          struct hr_err *err) HR_CHECKED;
/* Takes out every row with a time of at most limit_us. *ret_rows: they, in order of time, readable
 * until the epoch ends; the array until the next call. */
hr_status hr_lists_expire(struct hr_lists *lists, int64_t limit_us, struct hr_lrow ***ret_rows,
                          uint32_t *ret_count, struct hr_err *err) HR_CHECKED;

uint64_t hr_lists_row_count(const struct hr_lists *lists);
uint64_t hr_lists_key_count(const struct hr_lists *lists); /* keys with rows */
int64_t hr_lists_bytes(const struct hr_lists *lists);

/* ---- for the checkpoint (state.c) ---- */

bool hr_lists_is_dirty(const struct hr_lists *lists);
/* Appends the changes of the epoch. */
hr_status hr_lists_put_delta(const struct hr_lists *lists, struct hr_buf *out,
                             struct hr_err *err) HR_CHECKED;
/* Appends all rows of the slots, as a delta that is loaded into empty lists. */
hr_status hr_lists_put_slots(const struct hr_lists *lists, uint32_t first, uint32_t count,
                             struct hr_buf *out, struct hr_err *err) HR_CHECKED;
void hr_lists_end_epoch(struct hr_lists *lists);
/* Frees the slot's keys and rows; nothing may be dirty. */
void hr_lists_drop_slot(struct hr_lists *lists, uint32_t slot);

enum hr_lists_op {
    HR_LISTS_DELETE = 0,
    HR_LISTS_PUT = 1,
    HR_LISTS_CHANGE = 2,
    HR_LISTS_REWRITE = 3
};
/* Applies an expiry that a delta of these slots notes: rows of before it with at most this time
 * go. */
hr_status hr_lists_load_expiry(struct hr_lists *lists, uint32_t first, uint32_t count,
                               int64_t limit_us, struct hr_err *err) HR_CHECKED;
/* One row's change as a delta has it; state.c gives it to the part that owns the key. */
struct hr_lists_change {
    enum hr_lists_op op;
    struct hr_str_view key;
    uint32_t id, marks;
    int32_t weight;
    int64_t time_us;
    struct hr_str_view payload;
};
/* false: it is no change. */
bool hr_lists_get_change(struct hr_reader *in, struct hr_lists_change *ret);
hr_status hr_lists_load(struct hr_lists *lists, uint64_t hash, const struct hr_lists_change *change,
                        struct hr_err *err) HR_CHECKED;

#endif
