/* SPDX-License-Identifier: Apache-2.0 */
/*
 * PID control of ingestion. The error is how far the last rate was from what the engine processed;
 * the accumulated error is the backlog (scheduling delay × processing rate ÷ interval); the derived
 * term damps. Formulas and start as in Spark's PIDRateEstimator.
 */
#include "dstream/rate.h"

bool hr_pid_update(struct hr_pid *pid, int64_t time_us, uint64_t rows, int64_t processing_us,
                   int64_t scheduling_us, double *ret)
{
    if (time_us <= pid->latest_us || rows == 0 || processing_us <= 0) return false;
    double since_s = (double)(time_us - pid->latest_us) / 1e6;
    double processing_rate = (double)rows / (double)processing_us * 1e6;
    double error = pid->latest_rate - processing_rate;
    double backlog = (double)scheduling_us * processing_rate / (double)pid->interval_us;
    double change = (error - pid->latest_error) / since_s;
    double rate = pid->latest_rate - pid->proportional * error - pid->integral * backlog -
                  pid->derived * change;
    if (rate < pid->min_rate) rate = pid->min_rate;
    bool first = !pid->started;
    pid->latest_us = time_us;
    pid->started = true;
    pid->latest_rate = first ? processing_rate : rate;
    pid->latest_error = first ? 0 : error;
    if (first) return false;
    *ret = rate;
    return true;
}
