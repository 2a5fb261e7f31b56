/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of alerts share.
 *
 * Threads: the query's thread brings rows (sink.c), a thread of the alert's own keeps the timers
 * and delivers (deliver.c), watchers look (watch.c). `lock` covers all that changes; it is held for
 * memory and one small transaction, never while an action runs. Lock order: the list, an alert.
 */
#ifndef HR_ALERT_INTERNAL_H
#define HR_ALERT_INTERNAL_H

#include "alert/alert.h"
#include "base/thread.h"

#define HR_ALERT_KEEP_EVENTS_US INT64_C(300000000)

enum hr_alert_state { HR_ALERT_INACTIVE, HR_ALERT_PENDING, HR_ALERT_FIRING, HR_ALERT_RECOVERING };
enum hr_alert_kind { HR_ALERT_LOG, HR_ALERT_WEBHOOK, HR_ALERT_COMMAND };
enum { HR_ALERT_ON_FIRING = 1, HR_ALERT_ON_RESOLVED = 2 };

struct hr_alert_action {
    enum hr_alert_kind kind;
    uint32_t on;
    const char *url, *token_env, *command; /* url: never shown */
    const char *target;                    /* what may be shown */
    char **argv;                           /* of the command; ends with NULL */
    int64_t connect_us, timeout_us, retry_first_us, retry_max_us, give_up_us;
};

/* What is known of a key. */
struct hr_alert_instance {
    struct hr_alert_instance *next; /* of the same bucket */
    uint64_t hash, pass;            /* pass: the epoch's commit that last brought it */
    char *key, *row;                /* JSON objects */
    enum hr_alert_state state;
    bool dirty;        /* changed since it was written */
    int64_t since_us;  /* it holds since */
    int64_t fired_us, ended_us, due_us; /* due: when a timer is; 0: none */
    int64_t transition; /* the alert's number of its last */
    int64_t acked_us, silenced_us; /* acknowledged at; silent until */
    char *acked_by, *comment;
};

struct hr_alert_store;

struct hr_alert {
    struct hr_alert *next; /* of the process's list */
    uint32_t refs;         /* its session's and its sink's; under the list's lock */
    struct hr_env *env;
    struct hr_arena arena; /* of the definition */
    const char *name, *severity, *comment, *folder;
    const struct hr_type *schema, *row_schema, *key_schema;
    uint32_t *row_columns, *key_columns; /* of schema */
    bool has_condition, keep_given;
    bool level; /* a key that no row tells of any more can be told: WHEN, or complete mode */
    int64_t for_us, keep_us, cooldown_us;
    struct hr_alert_action *actions;
    uint32_t action_count;

    pthread_mutex_t lock;
    struct hr_alert_store *store; /* NULL: its query does not run */
    struct hr_alert_instance **buckets;
    uint32_t bucket_count, count;
    uint64_t pass;
    int64_t transition, epoch, silenced_us; /* silenced: all of it */
    int64_t next_due_us, written_us;
    bool any_dirty; /* … and urgent: a state changed, which the epoch that did it must write */
    bool urgent;
    hr_status broken; /* writing failed: the next commit fails with it */
    struct hr_alert_counts totals;
    char query_id[40];

    pthread_t sender;
    bool sending; /* the thread is there */
    _Atomic bool stopping;
    _Atomic int64_t stop_ns; /* of the monotonic clock: when it gives up waiting */
    struct hr_wakeup wakeup;
};

/* A row of the outbox. */
struct hr_alert_delivery {
    char id[40];
    char *body;
    uint32_t action;
    int64_t created_us, attempts;
};

extern _Atomic uint64_t hr_alert_changes;

/* watch.c. NULL: there is none. With a reference. */
struct hr_alert *hr_alert_by_name(const char *name);
void hr_alert_unref(struct hr_alert *alert);

/* spec.c */
hr_status hr_alert_read_spec(struct hr_alert *alert, const struct hr_stmt_alert *def,
                             struct hr_err *err) HR_CHECKED;

/* store.c: SQLite; all under the alert's lock. */
hr_status hr_alert_store_open(struct hr_alert *alert, struct hr_err *err) HR_CHECKED;
void hr_alert_store_close(struct hr_alert *alert);
hr_status hr_alert_store_begin(struct hr_alert *alert, struct hr_err *err) HR_CHECKED;
/* With the alert's own numbers. */
hr_status hr_alert_store_commit(struct hr_alert *alert, struct hr_err *err) HR_CHECKED;
void hr_alert_store_rollback(struct hr_alert *alert);
hr_status hr_alert_store_put(struct hr_alert *alert, const struct hr_alert_instance *instance,
                             struct hr_err *err) HR_CHECKED;
hr_status hr_alert_store_event(struct hr_alert *alert, const struct hr_alert_instance *instance,
                               const char *what, int64_t now_us, struct hr_err *err) HR_CHECKED;
hr_status hr_alert_store_post(struct hr_alert *alert, const struct hr_alert_instance *instance,
                              uint32_t action, const char *id, const char *body, int64_t now_us,
                              struct hr_err *err) HR_CHECKED;
/* The next delivery that is due; false: none, *ret_next_us: when there will be one, 0: never. */
bool hr_alert_store_next(struct hr_alert *alert, int64_t now_us, struct hr_alert_delivery *ret,
                         int64_t *ret_next_us);
/* state: 0 again at next_us, 1 done, 2 dead. */
hr_status hr_alert_store_mark(struct hr_alert *alert, const char *id, int state, int64_t attempts,
                              int64_t next_us, const char *error, struct hr_err *err) HR_CHECKED;
hr_status hr_alert_store_retry(struct hr_alert *alert, int64_t *ret, struct hr_err *err) HR_CHECKED;
hr_status hr_alert_store_put_deliveries(struct hr_alert *alert, const char *state, int64_t limit,
                                        struct hr_buf *out, struct hr_err *err) HR_CHECKED;
hr_status hr_alert_store_put_history(struct hr_alert *alert, int64_t limit, struct hr_buf *out,
                                     struct hr_err *err) HR_CHECKED;
void hr_alert_store_count(struct hr_alert *alert, int64_t *ret_waiting);

/* machine.c: states. All under the lock, inside a transaction. */
struct hr_alert_instance *hr_alert_find(struct hr_alert *alert, const char *key);
hr_status hr_alert_add(struct hr_alert *alert, struct hr_str_view key,
                       struct hr_alert_instance **ret, struct hr_err *err) HR_CHECKED;
void hr_alert_clear(struct hr_alert *alert);
/* A row of a key: the condition holds, or no longer. */
hr_status hr_alert_row(struct hr_alert *alert, struct hr_str_view key, struct hr_str_view row,
                       bool holds, int64_t now_us, struct hr_err *err) HR_CHECKED;
/* Complete mode: keys that this pass did not bring hold no longer. */
hr_status hr_alert_absent(struct hr_alert *alert, int64_t now_us, struct hr_err *err) HR_CHECKED;
hr_status hr_alert_timers(struct hr_alert *alert, int64_t now_us, struct hr_err *err) HR_CHECKED;
/* Writes what is dirty. */
hr_status hr_alert_flush(struct hr_alert *alert, struct hr_err *err) HR_CHECKED;

/* body.c */
void hr_alert_put_body(struct hr_alert *alert, const struct hr_alert_instance *instance,
                       const char *id, bool firing, struct hr_buf *out);
/* The comment with {column} replaced by values of the row. */
void hr_alert_put_summary(const struct hr_alert *alert, const char *row, struct hr_buf *out);

/* deliver.c */
hr_status hr_alert_sender_start(struct hr_alert *alert, struct hr_err *err) HR_CHECKED;
void hr_alert_sender_stop(struct hr_alert *alert);
bool hr_alert_gives_up(struct hr_alert *alert); /* an action asks: is it to end now? */

/* webhook.c, command.c: one attempt. */
enum hr_alert_outcome { HR_ALERT_DONE, HR_ALERT_AGAIN, HR_ALERT_DEAD };
enum hr_alert_outcome hr_alert_send_webhook(struct hr_alert *alert,
                                            const struct hr_alert_action *action,
                                            const struct hr_alert_delivery *delivery,
                                            int64_t *ret_wait_us, char *why, size_t why_size);
hr_status hr_alert_check_webhook(const struct hr_alert_action *action,
                                 struct hr_err *err) HR_CHECKED;
enum hr_alert_outcome hr_alert_run_command(struct hr_alert *alert,
                                           const struct hr_alert_action *action,
                                           const struct hr_alert_delivery *delivery, char *why,
                                           size_t why_size);
/* The command's arguments, by the operator's list. HR_E_FORBIDDEN when it is not in it. */
hr_status hr_alert_find_command(struct hr_alert *alert, struct hr_alert_action *action,
                                struct hr_err *err) HR_CHECKED;

#endif
