/* SPDX-License-Identifier: Apache-2.0 */
#include "state/timers.h"

#include <assert.h>

static struct hr_lrow *find(struct hr_lists *timers, const struct hr_string *key, uint64_t hash,
                            int64_t time_us)
{
    struct hr_lkey *of;
    hr_lists_find(timers, key, &hash, 1, &of);
    struct hr_lrow *timer = hr_lists_first(timers, of);
    while (timer && hr_timer_time(timer) != time_us) timer = hr_lists_next(timers, timer);
    return timer;
}

hr_status hr_timers_set(struct hr_lists *timers, const struct hr_string *key, uint64_t hash,
                        int64_t time_us, struct hr_err *err)
{
    assert(time_us != HR_LISTS_NEVER);
    if (find(timers, key, hash, time_us)) return HR_OK;
    struct hr_str_view payload = {(const char *)&time_us, sizeof time_us};
    return hr_lists_add(timers, key, &hash, &payload, &time_us, 1, NULL, err);
}

hr_status hr_timers_delete(struct hr_lists *timers, const struct hr_string *key, uint64_t hash,
                           int64_t time_us, struct hr_err *err)
{
    struct hr_lrow *timer = find(timers, key, hash, time_us);
    return timer ? hr_lists_delete(timers, timer, err) : HR_OK;
}

hr_status hr_timers_fire(struct hr_lists *timers, int64_t now_us, struct hr_lrow ***ret_timers,
                         uint32_t *ret_count, struct hr_err *err)
{
    HR_TRY(hr_lists_expire(timers, now_us, ret_timers, ret_count, err));
    for (uint32_t i = 1; i < *ret_count; i++)
        assert(hr_timer_time((*ret_timers)[i - 1]) <= hr_timer_time((*ret_timers)[i]));
    return HR_OK;
}
