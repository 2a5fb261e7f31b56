/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Alerts: a streaming query whose rows begin and end incidents, one for each key, and the actions
 * that follow. CREATE ALERT makes one; its query writes into hr_sink_alert; watchers list,
 * acknowledge and silence. What an alert knows is in a file of its own beside the query's journal.
 */
#ifndef HR_ALERT_ALERT_H
#define HR_ALERT_ALERT_H

#include "operator/sink.h"
#include "plan/statement.h"

struct hr_alert;

/* The last column of a query of an alert with WHEN: does the condition hold? */
#define HR_ALERT_CONDITION "alert condition"

extern const struct hr_sink_vt hr_sink_alert; /* option name: the alert's */

/* A new one of that name, which no other of the process has; schema is its query's. All that the
 * definition says is checked. check_only: nothing is kept, *ret is NULL. */
hr_status hr_alert_new(struct hr_env *env, const char *name, const struct hr_stmt_alert *def,
                       const struct hr_type *schema, bool check_only, struct hr_alert **ret,
                       struct hr_err *err) HR_CHECKED;
/* Where its query keeps its journal; before that starts. */
hr_status hr_alert_place(struct hr_alert *alert, const char *folder, struct hr_err *err) HR_CHECKED;
/* Nobody finds it any more; it goes when its query has ended. What is in its folder stays. */
void hr_alert_free(struct hr_alert *alert);
const char *hr_alert_name(const struct hr_alert *alert);

/* How many keys are in a state. */
struct hr_alert_counts {
    int64_t pending, firing, acknowledged, silenced, resolved;
    int64_t fired_total, delivered_total, failed_total, dead_total, waiting, suppressed_total;
};
void hr_alert_get_counts(struct hr_alert *alert, struct hr_alert_counts *ret);
const char *hr_alert_severity(const struct hr_alert *alert);

/* For watchers, by name. @thread any */

/* Grows with every change of any alert. */
uint64_t hr_alerts_version(void);
/* fn for every alert of the process, under the list's lock. */
void hr_alerts_each(void (*fn)(void *arg, struct hr_alert *alert), void *arg);
/* {"name", "severity", …, "instances": […]}: at most limit, those that are not resolved first. */
void hr_alert_put_json(struct hr_alert *alert, const char *state, int64_t limit,
                       struct hr_buf *out);
/* Deliveries ("pending", "done", "dead"; NULL: all), or transitions: JSON, the newest first.
 * HR_E_NOT_FOUND: there is no such alert; HR_E_AGAIN: its query does not run. */
hr_status hr_alert_put_deliveries(const char *name, const char *state, int64_t limit,
                                  struct hr_buf *out, struct hr_err *err) HR_CHECKED;
hr_status hr_alert_put_history(const char *name, int64_t limit, struct hr_buf *out,
                               struct hr_err *err) HR_CHECKED;
/* key: the JSON object of its columns, NULL: all keys that fire. HR_E_NOT_FOUND where none does. */
hr_status hr_alert_acknowledge(const char *name, const char *key, const char *by,
                               const char *comment, int64_t *ret_count,
                               struct hr_err *err) HR_CHECKED;
/* No actions for seconds (0: from now on again). key NULL: all keys, those to come as well. */
hr_status hr_alert_silence(const char *name, const char *key, int64_t seconds,
                           struct hr_err *err) HR_CHECKED;
/* Dead deliveries are tried once more; how many. */
hr_status hr_alert_retry(const char *name, int64_t *ret_count, struct hr_err *err) HR_CHECKED;

#endif
