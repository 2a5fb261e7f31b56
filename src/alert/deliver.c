/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An alert's own thread: timers, states that only lasted, and deliveries one after the other.
 * An action runs without the lock; what came of it is written; tried again it has the same id.
 */
#include <inttypes.h>
#include <stdio.h>

#include "base/alloc.h"
#include "base/log.h"
#include "alert/internal.h"

#define LINGER_US INT64_C(1000000) /* states without a transition are written so often */
#define DRAIN_US  INT64_C(5000000) /* the end of a query waits so long for deliveries */

bool hr_alert_gives_up(struct hr_alert *alert)
{
    return alert->stopping && hr_mono_ns(alert->env) > alert->stop_ns;
}

static enum hr_alert_outcome attempt(struct hr_alert *alert, const struct hr_alert_action *action,
                                     const struct hr_alert_delivery *d, int64_t *ret_wait_us,
                                     char *why, size_t why_size)
{
    *ret_wait_us = 0;
    switch (action->kind) {
    case HR_ALERT_LOG:
        hr_log_write(HR_LOG_WARN, "alert %s: %s", alert->name, d->body);
        return HR_ALERT_DONE;
    case HR_ALERT_WEBHOOK:
        return hr_alert_send_webhook(alert, action, d, ret_wait_us, why, why_size);
    case HR_ALERT_COMMAND: return hr_alert_run_command(alert, action, d, why, why_size);
    }
    return HR_ALERT_DEAD;
}

/* 20 % to either side, so that many that failed together do not come together. */
static int64_t jitter(struct hr_alert *alert, int64_t us)
{
    uint16_t random = 0;
    alert->env->vt->random(alert->env, &random, sizeof random);
    return us + us / 5 * ((int64_t)random - 32768) / 32768;
}

static int64_t wait_us(struct hr_alert *alert, const struct hr_alert_action *action,
                       int64_t attempts)
{
    int64_t wait = action->retry_first_us;
    for (int64_t i = 1; i < attempts && wait < action->retry_max_us; i++) wait *= 2;
    return jitter(alert, HR_MIN(wait, action->retry_max_us));
}

static void record(struct hr_alert *alert, const struct hr_alert_action *action,
                   const struct hr_alert_delivery *d, enum hr_alert_outcome outcome,
                   int64_t asked_us, const char *why)
{
    struct hr_err err;
    hr_err_init(&err);
    int64_t now_us = hr_now_us(alert->env), attempts = d->attempts + 1, next_us = 0;
    int state = outcome == HR_ALERT_DONE ? 1 : 2;
    if (outcome == HR_ALERT_AGAIN) {
        next_us = now_us + HR_MAX(wait_us(alert, action, attempts), asked_us);
        if (next_us - d->created_us <= action->give_up_us) state = 0;
    }
    hr_status status = HR_OK;
    pthread_mutex_lock(&alert->lock);
    if (state == 1) alert->totals.delivered_total++;
    if (state != 1) alert->totals.failed_total++;
    if (state == 2) alert->totals.dead_total++;
    status = hr_alert_store_mark(alert, d->id, state, attempts, next_us,
                                 outcome == HR_ALERT_DONE ? NULL : why, &err);
    if (status == HR_OK) status = hr_alert_store_commit(alert, &err);
    if (status != HR_OK) {
        hr_alert_store_rollback(alert);
        alert->broken = status;
    }
    pthread_mutex_unlock(&alert->lock);
    hr_alert_changes++;
    if (state == 2)
        HR_LOG(HR_LOG_ERROR, "alert %s: delivery %s to %s is given up after %" PRId64
               " attempts: %s", alert->name, d->id, action->target, attempts, why);
    else if (state == 0 && attempts == 1)
        HR_LOG(HR_LOG_WARN, "alert %s: delivery to %s failed and is tried again: %s", alert->name,
               action->target, why);
    if (status != HR_OK) HR_LOG(HR_LOG_ERROR, "%s", err.msg);
}

/* Timers, and states that have waited to be written. */
static void keep_time(struct hr_alert *alert, int64_t now_us)
{
    struct hr_err err;
    hr_err_init(&err);
    if (alert->broken) return;
    hr_status status = hr_alert_timers(alert, now_us, &err);
    if (status == HR_OK &&
        (alert->urgent || (alert->any_dirty && now_us - alert->written_us >= LINGER_US))) {
        status = hr_alert_flush(alert, &err);
        alert->written_us = now_us;
    }
    if (status == HR_OK) status = hr_alert_store_commit(alert, &err);
    if (status == HR_OK) return;
    alert->broken = status;
    hr_alert_store_rollback(alert);
    HR_LOG(HR_LOG_ERROR, "%s", err.msg);
}

/* Until the next timer or delivery; at most a second. */
static int64_t rest_us(const struct hr_alert *alert, int64_t now_us, int64_t next_us)
{
    int64_t rest = LINGER_US;
    if (next_us) rest = HR_MIN(rest, next_us - now_us);
    if (alert->next_due_us) rest = HR_MIN(rest, alert->next_due_us - now_us);
    return HR_MAX(rest, 1000);
}

static void *sender(void *arg)
{
    struct hr_alert *alert = arg;
    for (;;) {
        struct hr_alert_delivery delivery = {0};
        int64_t next_us = 0, now_us = hr_now_us(alert->env), asked_us = 0;
        char why[256] = "";
        pthread_mutex_lock(&alert->lock);
        if (!alert->stopping) keep_time(alert, now_us);
        bool found = !alert->broken && hr_alert_store_next(alert, now_us, &delivery, &next_us);
        int64_t rest = rest_us(alert, now_us, next_us);
        pthread_mutex_unlock(&alert->lock);
        if (alert->stopping && (!found || hr_alert_gives_up(alert))) {
            hr_free(delivery.body);
            return NULL;
        }
        if (!found) {
            hr_wakeup_wait(&alert->wakeup, rest);
            continue;
        }
        /* A definition with fewer actions than the one that posted it. */
        static const struct hr_alert_action gone = {.target = "an action that is gone"};
        const struct hr_alert_action *action =
            delivery.action < alert->action_count ? &alert->actions[delivery.action] : &gone;
        enum hr_alert_outcome outcome = HR_ALERT_DEAD;
        if (action == &gone)
            snprintf(why, sizeof why, "the alert has no such action any more");
        else
            outcome = attempt(alert, action, &delivery, &asked_us, why, sizeof why);
        record(alert, action, &delivery, outcome, asked_us, why);
        hr_free(delivery.body);
    }
}

hr_status hr_alert_sender_start(struct hr_alert *alert, struct hr_err *err)
{
    alert->stopping = false;
    HR_TRY(hr_wakeup_init(&alert->wakeup, err));
    hr_status status = hr_thread_start(&alert->sender, "alert", sender, alert, err);
    if (status != HR_OK) {
        hr_wakeup_done(&alert->wakeup);
        return status;
    }
    alert->sending = true;
    return HR_OK;
}

void hr_alert_sender_stop(struct hr_alert *alert)
{
    int64_t waiting = 0;
    if (!alert->sending) return;
    alert->stop_ns = hr_mono_ns(alert->env) + DRAIN_US * 1000;
    alert->stopping = true;
    hr_wakeup_signal(&alert->wakeup);
    pthread_join(alert->sender, NULL);
    pthread_mutex_lock(&alert->lock);
    hr_wakeup_done(&alert->wakeup);
    alert->sending = false;
    hr_alert_store_count(alert, &waiting);
    pthread_mutex_unlock(&alert->lock);
    if (waiting > 0)
        HR_LOG(HR_LOG_WARN,
               "alert %s: %" PRId64 " deliveries wait; they are made when its query runs again",
               alert->name, waiting);
}
