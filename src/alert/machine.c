/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The states of a key:
 *
 *             holds         FOR is over         no longer        KEEP FIRING is over
 *   inactive ─────▶ pending ───────────▶ firing ─────────▶ recovering ─────────────▶ inactive
 *
 * Without WHEN (and but for complete mode) each row is an event: it fires, and what fires ends KEEP
 * FIRING after its last row. COOLDOWN: so long after a firing the key does not fire again; what
 * holds waits, an event is only counted. A transition, its deliveries and the state are one
 * transaction.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "base/hash.h"
#include "alert/internal.h"

#define INSTANCES_MAX 200000

_Atomic uint64_t hr_alert_changes;

struct hr_alert_instance *hr_alert_find(struct hr_alert *alert, const char *key)
{
    uint64_t hash = hr_hash_bytes(key, strlen(key));
    if (!alert->bucket_count) return NULL;
    struct hr_alert_instance *i = alert->buckets[hash & (alert->bucket_count - 1)];
    while (i && (i->hash != hash || strcmp(i->key, key) != 0)) i = i->next;
    return i;
}

static hr_status grow(struct hr_alert *alert, struct hr_err *err)
{
    uint32_t count = alert->bucket_count ? alert->bucket_count * 2 : 64;
    struct hr_alert_instance **buckets = hr_zalloc(count * sizeof(struct hr_alert_instance *));
    if (!buckets) return HR_OOM(err);
    for (uint32_t b = 0; b < alert->bucket_count; b++) {
        struct hr_alert_instance *next;
        for (struct hr_alert_instance *i = alert->buckets[b]; i; i = next) {
            next = i->next;
            i->next = buckets[i->hash & (count - 1)];
            buckets[i->hash & (count - 1)] = i;
        }
    }
    hr_free(alert->buckets);
    alert->buckets = buckets;
    alert->bucket_count = count;
    return HR_OK;
}

static char *copy_text(struct hr_str_view text)
{
    char *copy = hr_alloc(text.len + 1);
    if (!copy) return NULL;
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    return copy;
}

hr_status hr_alert_add(struct hr_alert *alert, struct hr_str_view key,
                       struct hr_alert_instance **ret, struct hr_err *err)
{
    if (alert->count >= INSTANCES_MAX)
        return HR_FAIL(err, HR_E_LIMIT,
                       "alert %s has more than %d keys; KEY wants columns with fewer values",
                       alert->name, INSTANCES_MAX);
    if (alert->count >= alert->bucket_count) HR_TRY(grow(alert, err));
    struct hr_alert_instance *i = hr_zalloc(sizeof *i);
    if (!i || !(i->key = copy_text(key))) {
        hr_free(i);
        return HR_OOM(err);
    }
    i->hash = hr_hash_bytes(key.ptr, key.len);
    i->next = alert->buckets[i->hash & (alert->bucket_count - 1)];
    alert->buckets[i->hash & (alert->bucket_count - 1)] = i;
    alert->count++;
    *ret = i;
    return HR_OK;
}

void hr_alert_clear(struct hr_alert *alert)
{
    for (uint32_t b = 0; b < alert->bucket_count; b++) {
        struct hr_alert_instance *next;
        for (struct hr_alert_instance *i = alert->buckets[b]; i; i = next) {
            next = i->next;
            hr_free(i->key);
            hr_free(i->row);
            hr_free(i->acked_by);
            hr_free(i->comment);
            hr_free(i);
        }
    }
    hr_free(alert->buckets);
    alert->buckets = NULL;
    alert->bucket_count = alert->count = 0;
}

static void set_due(struct hr_alert *alert, struct hr_alert_instance *i, int64_t due_us)
{
    i->due_us = due_us;
    if (due_us && (!alert->next_due_us || due_us < alert->next_due_us))
        alert->next_due_us = due_us;
}

static void touch(struct hr_alert *alert, struct hr_alert_instance *i)
{
    i->dirty = true;
    alert->any_dirty = true;
}

/* The deliveries of a transition, unless they are silenced. */
static hr_status post(struct hr_alert *alert, struct hr_alert_instance *i, bool firing,
                      int64_t now_us, struct hr_err *err)
{
    bool silent = now_us < i->silenced_us || now_us < alert->silenced_us;
    const char *what = silent ? firing ? "firing, silenced" : "resolved, silenced"
                              : firing ? "firing" : "resolved";
    HR_TRY(hr_alert_store_event(alert, i, what, now_us, err));
    struct hr_buf text = {0}, body = {0};
    hr_status status = HR_OK;
    for (uint32_t a = 0; a < alert->action_count && !silent && status == HR_OK; a++) {
        if (!(alert->actions[a].on & (firing ? HR_ALERT_ON_FIRING : HR_ALERT_ON_RESOLVED)))
            continue;
        char id[40];
        hr_buf_clear(&text);
        hr_buf_printf(&text, "%s|%s|%s|%lld|%u", alert->query_id, alert->name, i->key,
                      (long long)i->transition, a);
        uint64_t low = hr_hash_bytes(text.ptr, text.len);
        hr_buf_putc(&text, '|');
        uint64_t high = hr_hash_bytes(text.ptr, text.len);
        snprintf(id, sizeof id, "hr_%016llx%016llx", (unsigned long long)high,
                 (unsigned long long)low);
        hr_buf_clear(&body);
        hr_alert_put_body(alert, i, id, firing, &body);
        status = text.failed || body.failed
                     ? HR_OOM(err)
                     : hr_alert_store_post(alert, i, a, id, hr_buf_cstr(&body), now_us, err);
    }
    hr_buf_done(&text);
    hr_buf_done(&body);
    return status;
}

static hr_status fire(struct hr_alert *alert, struct hr_alert_instance *i, int64_t now_us,
                      struct hr_err *err)
{
    i->state = HR_ALERT_FIRING;
    i->fired_us = now_us;
    i->ended_us = i->acked_us = 0;
    hr_free(i->acked_by);
    hr_free(i->comment);
    i->acked_by = i->comment = NULL;
    i->transition = ++alert->transition;
    alert->totals.fired_total++;
    set_due(alert, i, alert->level ? 0 : now_us + alert->keep_us);
    touch(alert, i);
    alert->urgent = true;
    hr_alert_changes++;
    return post(alert, i, true, now_us, err);
}

static hr_status resolve(struct hr_alert *alert, struct hr_alert_instance *i, int64_t now_us,
                         struct hr_err *err)
{
    i->state = HR_ALERT_INACTIVE;
    i->ended_us = now_us;
    i->transition = ++alert->transition;
    set_due(alert, i, 0);
    touch(alert, i);
    alert->urgent = true;
    hr_alert_changes++;
    return post(alert, i, false, now_us, err);
}

static void change(struct hr_alert *alert, struct hr_alert_instance *i, enum hr_alert_state state,
                   int64_t due_us)
{
    i->state = state;
    set_due(alert, i, due_us);
    touch(alert, i);
    alert->urgent = true;
    hr_alert_changes++;
}

static hr_status holds_not(struct hr_alert *alert, struct hr_alert_instance *i, int64_t now_us,
                           struct hr_err *err)
{
    if (i->state == HR_ALERT_PENDING) change(alert, i, HR_ALERT_INACTIVE, 0);
    if (i->state != HR_ALERT_FIRING) return HR_OK;
    if (alert->keep_us == 0) return resolve(alert, i, now_us, err);
    change(alert, i, HR_ALERT_RECOVERING, now_us + alert->keep_us);
    return HR_OK;
}

static hr_status event(struct hr_alert *alert, struct hr_alert_instance *i, int64_t now_us,
                       struct hr_err *err)
{
    touch(alert, i);
    if (i->state == HR_ALERT_FIRING) {
        set_due(alert, i, now_us + alert->keep_us);
        return HR_OK;
    }
    if (i->fired_us && now_us < i->fired_us + alert->cooldown_us) {
        alert->totals.suppressed_total++;
        return HR_OK;
    }
    i->since_us = now_us;
    return fire(alert, i, now_us, err);
}

static hr_status holds_now(struct hr_alert *alert, struct hr_alert_instance *i, int64_t now_us,
                           struct hr_err *err)
{
    int64_t earliest;
    touch(alert, i);
    switch (i->state) {
    case HR_ALERT_INACTIVE:
        i->since_us = now_us;
        earliest = now_us + alert->for_us;
        if (i->fired_us) earliest = HR_MAX(earliest, i->fired_us + alert->cooldown_us);
        if (earliest <= now_us) return fire(alert, i, now_us, err);
        change(alert, i, HR_ALERT_PENDING, earliest);
        return HR_OK;
    case HR_ALERT_RECOVERING: change(alert, i, HR_ALERT_FIRING, 0); return HR_OK;
    case HR_ALERT_PENDING:
    case HR_ALERT_FIRING: break;
    }
    return HR_OK;
}

hr_status hr_alert_row(struct hr_alert *alert, struct hr_str_view key, struct hr_str_view row,
                       bool holds, int64_t now_us, struct hr_err *err)
{
    struct hr_buf text = {0};
    hr_buf_put_sv(&text, key);
    struct hr_alert_instance *i = hr_alert_find(alert, hr_buf_cstr(&text));
    bool failed = text.failed;
    hr_buf_done(&text);
    if (failed) return HR_OOM(err);
    if (!i && !holds) return HR_OK;
    if (!i) HR_TRY(hr_alert_add(alert, key, &i, err));
    i->pass = alert->pass;
    if (holds || i->state != HR_ALERT_INACTIVE) {
        char *copy = copy_text(row);
        if (!copy) return HR_OOM(err);
        hr_free(i->row);
        i->row = copy;
    }
    if (!holds) return holds_not(alert, i, now_us, err);
    return alert->level ? holds_now(alert, i, now_us, err) : event(alert, i, now_us, err);
}

hr_status hr_alert_absent(struct hr_alert *alert, int64_t now_us, struct hr_err *err)
{
    for (uint32_t b = 0; b < alert->bucket_count; b++)
        for (struct hr_alert_instance *i = alert->buckets[b]; i; i = i->next)
            if (i->pass != alert->pass && i->state != HR_ALERT_INACTIVE)
                HR_TRY(holds_not(alert, i, now_us, err));
    return HR_OK;
}

hr_status hr_alert_timers(struct hr_alert *alert, int64_t now_us, struct hr_err *err)
{
    if (!alert->next_due_us || now_us < alert->next_due_us) return HR_OK;
    int64_t next = 0;
    for (uint32_t b = 0; b < alert->bucket_count; b++) {
        for (struct hr_alert_instance *i = alert->buckets[b]; i; i = i->next) {
            if (i->due_us && i->due_us <= now_us) {
                if (i->state == HR_ALERT_PENDING)
                    HR_TRY(fire(alert, i, now_us, err));
                else
                    HR_TRY(resolve(alert, i, now_us, err));
            }
            if (i->due_us && (!next || i->due_us < next)) next = i->due_us;
        }
    }
    alert->next_due_us = next;
    return HR_OK;
}

hr_status hr_alert_flush(struct hr_alert *alert, struct hr_err *err)
{
    if (!alert->any_dirty) return HR_OK;
    for (uint32_t b = 0; b < alert->bucket_count; b++) {
        for (struct hr_alert_instance *i = alert->buckets[b]; i; i = i->next) {
            if (!i->dirty) continue;
            HR_TRY(hr_alert_store_put(alert, i, err));
            i->dirty = false;
        }
    }
    alert->any_dirty = alert->urgent = false;
    return HR_OK;
}
