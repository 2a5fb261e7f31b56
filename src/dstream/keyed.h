/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The state of mapWithState: keyed tables (src/state), one per partition, in the driver.
 *
 * During a batch nobody changes them: tasks look keys up (in a worker process in its copy-on-write
 * image) and write what changes as deltas. The driver applies these when the job has ended well,
 * and a checkpoint appends the same bytes. So an attempt that fails, is killed or ran twice leaves
 * no trace, and nothing is serialised a second time.
 *
 *   value of a row   when touched │ neighbours by that time │ the state's cells
 *
 * The keys of a partition are in a ring by the time they were touched, the oldest first: timeouts
 * are found from its end.
 *
 * struct hr_state means the user's handle in this room (<headrace/dstream.h>) and the tables of an
 * operator in src/state: only keyed.c sees the latter.
 */
#ifndef HR_DSTREAM_KEYED_H
#define HR_DSTREAM_KEYED_H

#include "api/api.h"
#include "rdd/budget.h"
#include "state/table.h"

struct hr_ds_keyed;

struct hr_ds_key {
    int64_t touched_us; /* batch time */
    struct hr_ds_key *older, *newer;
    /* struct hr_cells follows */
};
HR_INLINE struct hr_cells *hr_ds_key_cells(const struct hr_ds_key *key)
{
    return (struct hr_cells *)((uintptr_t)key + sizeof *key);
}
HR_INLINE uint32_t hr_ds_key_bytes(const struct hr_type *state)
{
    return (uint32_t)(sizeof(struct hr_ds_key) + hr_cells_bytes(state->field_count));
}

hr_status hr_ds_keyed_new(const struct hr_type *state, uint32_t parts, struct hr_ds_keyed **ret,
                          struct hr_err *err) HR_CHECKED;
void hr_ds_keyed_free(struct hr_ds_keyed *keyed); /* NULL is fine */
/* Its memory counts against budget from now on. */
hr_status hr_ds_keyed_account(struct hr_ds_keyed *keyed, struct hr_budget *budget,
                              struct hr_err *err) HR_CHECKED;
int64_t hr_ds_keyed_rows(const struct hr_ds_keyed *keyed);

/* --- In tasks: reading ------------------------------------------------------------------------ */

/* The keys' entries, NULL where there is none. */
void hr_ds_keyed_find(const struct hr_ds_keyed *keyed, uint32_t part, const struct hr_string *keys,
                      const uint64_t *hashes, uint32_t count, struct hr_ds_key **ret);
/* The oldest key of a part (after NULL) or the one after; NULL: no more. */
const struct hr_ds_key *hr_ds_keyed_next_oldest(const struct hr_ds_keyed *keyed, uint32_t part,
                                                const struct hr_ds_key *after);
struct hr_str_view hr_ds_keyed_key(const struct hr_ds_keyed *keyed, const struct hr_ds_key *key);
/* Its table, to be read whole. */
const struct hr_ktable *hr_ds_keyed_table(const struct hr_ds_keyed *keyed, uint32_t part);

/* A delta: how many keys follow, then each of them (key NULL: it is gone). */
void hr_ds_keyed_put_head(const struct hr_ds_keyed *keyed, uint64_t keys, struct hr_buf *out);
void hr_ds_keyed_put(const struct hr_ds_keyed *keyed, struct hr_str_view name,
                     const struct hr_ds_key *key, struct hr_buf *scratch, struct hr_buf *out);

/* --- Between batches -------------------------------------------------------------------------- */

/* Keys are taken as touched in the order of the deltas. */
hr_status hr_ds_keyed_apply(struct hr_ds_keyed *keyed, struct hr_str_view delta,
                            struct hr_err *err) HR_CHECKED;
uint64_t hr_ds_keyed_delta_keys(struct hr_str_view delta);
/* After deltas out of order (pieces of a snapshot): sorts the rings. */
hr_status hr_ds_keyed_sort(struct hr_ds_keyed *keyed, struct hr_err *err) HR_CHECKED;
/* All keys of the slots [first, first + count) as a delta (hr_state_put_slots). */
hr_status hr_ds_keyed_put_slots(struct hr_ds_keyed *keyed, uint32_t first, uint32_t count,
                                struct hr_buf *out, struct hr_err *err) HR_CHECKED;

#endif
