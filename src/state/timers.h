/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Timers of keys: ordered lists (lists.h) whose rows are times. A key may have many; setting one
 * for a time that it has already changes nothing. One such table of a state is for event time,
 * fired by the watermark, another for processing time, fired by the epoch's timestamp: which one a
 * table is says its owner. Both are written and restored with the rest of the state.
 */
#ifndef HR_STATE_TIMERS_H
#define HR_STATE_TIMERS_H

#include "state/lists.h"

/* Of rows given out by hr_lists_first, hr_lists_next and hr_timers_fire. */
HR_INLINE int64_t hr_timer_time(const struct hr_lrow *timer)
{
    int64_t time_us;
    memcpy(&time_us, timer + 1, sizeof time_us);
    return time_us;
}

hr_status hr_timers_set(struct hr_lists *timers, const struct hr_string *key, uint64_t hash,
                        int64_t time_us, struct hr_err *err) HR_CHECKED;
/* Nothing happens when the key has no timer for the time. */
hr_status hr_timers_delete(struct hr_lists *timers, const struct hr_string *key, uint64_t hash,
                           int64_t time_us, struct hr_err *err) HR_CHECKED;
/* The timers for times of at most now_us, in order of time; they are gone. Readable, with their
 * keys (hr_lists_key_of), until the epoch ends. */
hr_status hr_timers_fire(struct hr_lists *timers, int64_t now_us, struct hr_lrow ***ret_timers,
                         uint32_t *ret_count, struct hr_err *err) HR_CHECKED;

#endif
