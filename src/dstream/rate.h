/* SPDX-License-Identifier: Apache-2.0 */
/* Spark's PID rate estimator: how many rows a second an input may take in. */
#ifndef HR_DSTREAM_RATE_H
#define HR_DSTREAM_RATE_H

#include "base/base.h"

struct hr_pid {
    double proportional, integral, derived, min_rate;
    int64_t interval_us; /* batch interval */
    bool started;
    int64_t latest_us;
    double latest_rate, latest_error;
};

/* After a batch: when it ended, its rows, how long it took and how long it had waited. true:
 * *ret is the new rate in rows a second. The first batch with rows only sets the starting point. */
bool hr_pid_update(struct hr_pid *pid, int64_t time_us, uint64_t rows, int64_t processing_us,
                   int64_t scheduling_us, double *ret);

#endif
