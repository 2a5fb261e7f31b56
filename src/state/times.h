/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows of a state by time: what eviction, sessions, deduplication and timers find their due rows
 * with, without a scan of all keys.
 *
 *   slot s ── 65 buckets of (time, row reference)
 *
 * A radix heap: an entry is in the bucket of the highest bit in which its time differs from the
 * time advanced to last. Advancing to a later time drains the buckets below the highest changed bit
 * whole, splits the one of that bit, and touches no other. So an entry is copied once at most for
 * each bit of the distance it was ahead (about ten times for a minute in a stream that advances
 * every few ms, sequentially), nothing is compared with its neighbours, and there is no width to
 * choose: a timer in a year costs the timers of the next second nothing. An entry at or before the
 * time advanced to is due at once.
 *
 * Against it stood time buckets of a fixed width (bench/bench_times.c has both; rows that live 1
 * s, one in a hundred 1000 s, an advance each 10 ms): 270 ns a row here, most of it cache misses
 * of 256 slots; one ring of buckets of 1 to 30 ms 70 ns, of 1 s 130 ns, of 30 s 450 ns, for the
 * bucket that is cut is scanned at each advance, and memory for the emptiness between: the narrow
 * ones need a million buckets for the long-lived rows. Chosen for having no width to be wrong:
 * sessions, joins and timers of a user's own choice share it. Digits of four bits would move
 * entries a third as often.
 *
 * Entries are never taken out: an owner whose row has gone, or has another time by now, notices
 * when the entry is due (lists.c, state.c). Nothing of it is written; it is rebuilt from the rows.
 *
 * Memory is accounted by the owner's heap. One thread at a time.
 */
#ifndef HR_STATE_TIMES_H
#define HR_STATE_TIMES_H

#include "state/slot_heap.h"

#define HR_TIMES_BUCKETS 65

struct hr_times_entry {
    int64_t time_us;
    uint32_t ref;
} __attribute__((packed, aligned(4)));
static_assert(sizeof(struct hr_times_entry) == 12, "12 bytes a row of an ordered state");

struct hr_times_bucket {
    struct hr_times_entry *entries;
    uint32_t count, capacity;
};

struct hr_times_slot {
    uint64_t last;     /* advanced to; order of unsigned numbers */
    uint64_t occupied; /* bit b - 1: bucket b may have entries */
    struct hr_times_bucket buckets[HR_TIMES_BUCKETS];
};

struct hr_times {
    struct hr_slot_heap *heap; /* accounts the memory */
    int64_t last_us;           /* where new slots begin */
    uint64_t count;
    struct hr_times_slot *slots[HR_SLOT_COUNT];
};

/* Entries that have become due; grows, reused. Zeroed is valid. */
struct hr_times_due {
    struct hr_times_entry *entries;
    uint32_t count, capacity;
};

void hr_times_init(struct hr_times *order, struct hr_slot_heap *heap);
void hr_times_done(struct hr_times *order);
void hr_times_due_done(struct hr_times *order, struct hr_times_due *due);

hr_status hr_times_add(struct hr_times *order, uint32_t slot, int64_t time_us, uint32_t ref,
                       struct hr_err *err) HR_CHECKED;
/* Moves every entry with a time of at most limit_us to due, in no order. On failure what has not
 * been moved is still there. */
hr_status hr_times_advance(struct hr_times *order, int64_t limit_us, struct hr_times_due *due,
                           struct hr_err *err) HR_CHECKED;
/* The same for the slots [first, first + count). */
hr_status hr_times_advance_slots(struct hr_times *order, uint32_t first, uint32_t count,
                                 int64_t limit_us, struct hr_times_due *due,
                                 struct hr_err *err) HR_CHECKED;
/* Sorts entries by time, then reference. */
void hr_times_sort(struct hr_times_due *due);
/* Forgets the slot's entries. */
void hr_times_drop_slot(struct hr_times *order, uint32_t slot);

#endif
