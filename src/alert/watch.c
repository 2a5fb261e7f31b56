/* SPDX-License-Identifier: Apache-2.0 */
/* The alerts of the process: made, listed, acknowledged, silenced. */
#include "base/alloc.h"
#include "alert/internal.h"
#include "base/datetime.h"

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct hr_alert *list;

static struct hr_alert *find(const char *name)
{
    struct hr_alert *alert = list;
    while (alert && !hr_str_eq_nocase(alert->name, name)) alert = alert->next;
    return alert;
}

struct hr_alert *hr_alert_by_name(const char *name)
{
    pthread_mutex_lock(&list_lock);
    struct hr_alert *alert = find(name);
    if (alert) alert->refs++;
    pthread_mutex_unlock(&list_lock);
    return alert;
}

static hr_status put_into_list(struct hr_alert *alert, struct hr_err *err)
{
    pthread_mutex_lock(&list_lock);
    bool taken = find(alert->name) != NULL;
    struct hr_alert **tail = &list;
    while (*tail) tail = &(*tail)->next;
    if (!taken) *tail = alert;
    pthread_mutex_unlock(&list_lock);
    hr_alert_changes++;
    return taken ? HR_FAIL(err, HR_E_EXISTS, "alert %s exists; DROP ALERT it first", alert->name)
                 : HR_OK;
}

void hr_alert_unref(struct hr_alert *alert)
{
    pthread_mutex_lock(&list_lock);
    bool last = --alert->refs == 0;
    pthread_mutex_unlock(&list_lock);
    if (!last) return;
    hr_alert_clear(alert);
    pthread_mutex_destroy(&alert->lock);
    hr_arena_done(&alert->arena);
    hr_free(alert);
}

hr_status hr_alert_new(struct hr_env *env, const char *name, const struct hr_stmt_alert *def,
                       const struct hr_type *schema, bool check_only, struct hr_alert **ret,
                       struct hr_err *err)
{
    struct hr_alert *alert = hr_zalloc(sizeof *alert);
    *ret = NULL;
    if (!alert) return HR_OOM(err);
    alert->env = env;
    alert->refs = 1;
    alert->schema = schema;
    hr_arena_init(&alert->arena, NULL);
    pthread_mutex_init(&alert->lock, NULL); /* cannot fail without attributes */
    alert->name = hr_arena_strdup(&alert->arena, name);
    hr_status status = alert->name ? hr_alert_read_spec(alert, def, err) : HR_OOM(err);
    if (status == HR_OK && !check_only) status = put_into_list(alert, err);
    if (status != HR_OK || check_only) {
        hr_alert_unref(alert);
        return status;
    }
    *ret = alert;
    return HR_OK;
}

hr_status hr_alert_place(struct hr_alert *alert, const char *folder, struct hr_err *err)
{
    alert->folder = hr_arena_strdup(&alert->arena, folder);
    return alert->folder ? HR_OK : HR_OOM(err);
}

void hr_alert_free(struct hr_alert *alert)
{
    if (!alert) return;
    pthread_mutex_lock(&list_lock);
    struct hr_alert **at = &list;
    while (*at && *at != alert) at = &(*at)->next;
    if (*at) *at = alert->next;
    pthread_mutex_unlock(&list_lock);
    hr_alert_changes++;
    hr_alert_unref(alert);
}

const char *hr_alert_name(const struct hr_alert *alert) { return alert->name; }
const char *hr_alert_severity(const struct hr_alert *alert) { return alert->severity; }
uint64_t hr_alerts_version(void) { return hr_alert_changes; }

void hr_alerts_each(void (*fn)(void *arg, struct hr_alert *alert), void *arg)
{
    pthread_mutex_lock(&list_lock);
    for (struct hr_alert *alert = list; alert; alert = alert->next) fn(arg, alert);
    pthread_mutex_unlock(&list_lock);
}

static bool is_firing(const struct hr_alert_instance *i)
{
    return i->state == HR_ALERT_FIRING || i->state == HR_ALERT_RECOVERING;
}

void hr_alert_get_counts(struct hr_alert *alert, struct hr_alert_counts *ret)
{
    pthread_mutex_lock(&alert->lock);
    int64_t now_us = hr_now_us(alert->env);
    *ret = alert->totals;
    for (uint32_t b = 0; b < alert->bucket_count; b++) {
        for (const struct hr_alert_instance *i = alert->buckets[b]; i; i = i->next) {
            ret->pending += i->state == HR_ALERT_PENDING;
            ret->firing += is_firing(i);
            ret->resolved += i->state == HR_ALERT_INACTIVE && i->fired_us;
            ret->acknowledged += is_firing(i) && i->acked_us;
            ret->silenced += now_us < i->silenced_us;
        }
    }
    if (alert->store) hr_alert_store_count(alert, &ret->waiting);
    pthread_mutex_unlock(&alert->lock);
}

/* JSON ----------------------------------------------------------------------------------------- */

static const char *state_name(const struct hr_alert_instance *i)
{
    static const char *const names[] = {"resolved", "pending", "firing", "recovering"};
    return names[i->state];
}

static void put_time(struct hr_buf *out, const char *name, int64_t us)
{
    hr_buf_printf(out, ",\"%s\":", name);
    hr_put_json_time(us, out);
}

static void put_text(struct hr_buf *out, const char *name, const char *text)
{
    hr_buf_printf(out, ",\"%s\":", name);
    if (text)
        hr_buf_put_json(out, hr_sv(text));
    else
        hr_buf_puts(out, "null");
}

static void put_instance(const struct hr_alert *alert, const struct hr_alert_instance *i,
                         int64_t now_us, struct hr_buf *out)
{
    struct hr_buf summary = {0};
    hr_alert_put_summary(alert, i->row, &summary);
    hr_buf_printf(out, "{\"key\":%s,\"state\":\"%s\",\"transition\":%lld,\"row\":%s", i->key,
                  state_name(i), (long long)i->transition, i->row ? i->row : "null");
    put_text(out, "summary", hr_buf_cstr(&summary));
    put_time(out, "since", i->since_us);
    put_time(out, "firedAt", i->fired_us);
    put_time(out, "endedAt", i->ended_us);
    put_time(out, "acknowledgedAt", i->acked_us);
    put_text(out, "acknowledgedBy", i->acked_by);
    put_text(out, "comment", i->comment);
    put_time(out, "silencedUntil", now_us < i->silenced_us ? i->silenced_us : 0);
    hr_buf_putc(out, '}');
    hr_buf_done(&summary);
}

static void put_definition(const struct hr_alert *alert, int64_t now_us, struct hr_buf *out)
{
    hr_buf_puts(out, "{\"name\":");
    hr_buf_put_json(out, hr_sv(alert->name));
    put_text(out, "severity", alert->severity);
    put_text(out, "comment", alert->comment);
    hr_buf_printf(out, ",\"running\":%s,\"actions\":[", alert->store ? "true" : "false");
    for (uint32_t a = 0; a < alert->action_count; a++) {
        if (a) hr_buf_putc(out, ',');
        hr_buf_put_json(out, hr_sv(alert->actions[a].target));
    }
    hr_buf_putc(out, ']');
    put_time(out, "silencedUntil", now_us < alert->silenced_us ? alert->silenced_us : 0);
}

void hr_alert_put_json(struct hr_alert *alert, const char *state, int64_t limit,
                       struct hr_buf *out)
{
    struct hr_alert_counts counts;
    int64_t now_us = hr_now_us(alert->env), shown = 0;
    hr_alert_get_counts(alert, &counts);
    pthread_mutex_lock(&alert->lock);
    put_definition(alert, now_us, out);
    hr_buf_printf(out,
                  ",\"pending\":%lld,\"firing\":%lld,\"acknowledged\":%lld,\"resolved\":%lld,"
                  "\"fired\":%lld,\"suppressed\":%lld,\"deliveries\":{\"waiting\":%lld,"
                  "\"done\":%lld,\"dead\":%lld},\"instances\":[",
                  (long long)counts.pending, (long long)counts.firing,
                  (long long)counts.acknowledged, (long long)counts.resolved,
                  (long long)counts.fired_total, (long long)counts.suppressed_total,
                  (long long)counts.waiting, (long long)counts.delivered_total,
                  (long long)counts.dead_total);
    for (int pass = 0; pass < 2; pass++) { /* what is resolved comes last */
        for (uint32_t b = 0; b < alert->bucket_count; b++) {
            for (const struct hr_alert_instance *i = alert->buckets[b]; i; i = i->next) {
                bool over = i->state == HR_ALERT_INACTIVE;
                if (over != (pass == 1) || (over && !i->fired_us) || shown >= limit) continue;
                if (state && strcmp(state, state_name(i)) != 0) continue;
                if (shown++) hr_buf_putc(out, ',');
                put_instance(alert, i, now_us, out);
            }
        }
    }
    pthread_mutex_unlock(&alert->lock);
    hr_buf_puts(out, "]}");
}

/* One alert, while the list is held so that it stays ------------------------------------------- */

typedef hr_status (*alert_fn)(struct hr_alert *alert, void *arg, struct hr_err *err);

static hr_status with(const char *name, bool running, alert_fn fn, void *arg, struct hr_err *err)
{
    pthread_mutex_lock(&list_lock);
    struct hr_alert *alert = find(name);
    hr_status status;
    if (!alert) {
        status = HR_FAIL(err, HR_E_NOT_FOUND, "there is no alert '%.100s'", name);
    } else {
        pthread_mutex_lock(&alert->lock);
        status = running && !alert->store
                     ? HR_FAIL(err, HR_E_AGAIN, "the query of alert %s does not run", alert->name)
                     : fn(alert, arg, err);
        if (alert->store && status == HR_OK) status = hr_alert_store_commit(alert, err);
        if (status != HR_OK) hr_alert_store_rollback(alert);
        pthread_mutex_unlock(&alert->lock);
    }
    pthread_mutex_unlock(&list_lock);
    hr_alert_changes++;
    return status;
}

struct order {
    const char *key, *state, *by, *comment;
    int64_t number;
    struct hr_buf *out;
};

static hr_status deliveries(struct hr_alert *alert, void *arg, struct hr_err *err)
{
    const struct order *o = arg;
    return hr_alert_store_put_deliveries(alert, o->state, o->number, o->out, err);
}

hr_status hr_alert_put_deliveries(const char *name, const char *state, int64_t limit,
                                  struct hr_buf *out, struct hr_err *err)
{
    struct order o = {.state = state, .number = limit, .out = out};
    return with(name, true, deliveries, &o, err);
}

static hr_status history(struct hr_alert *alert, void *arg, struct hr_err *err)
{
    const struct order *o = arg;
    return hr_alert_store_put_history(alert, o->number, o->out, err);
}

hr_status hr_alert_put_history(const char *name, int64_t limit, struct hr_buf *out,
                               struct hr_err *err)
{
    struct order o = {.number = limit, .out = out};
    return with(name, true, history, &o, err);
}

static hr_status set_ack(struct hr_alert *alert, struct hr_alert_instance *i,
                         const struct order *o, struct hr_err *err)
{
    char *by = o->by ? hr_strdup(o->by) : NULL;
    char *comment = o->comment ? hr_strdup(o->comment) : NULL;
    hr_free(i->acked_by);
    hr_free(i->comment);
    i->acked_by = by;
    i->comment = comment;
    i->acked_us = hr_now_us(alert->env);
    return hr_alert_store_put(alert, i, err);
}

static hr_status acknowledge(struct hr_alert *alert, void *arg, struct hr_err *err)
{
    struct order *o = arg;
    if (o->key) {
        struct hr_alert_instance *i = hr_alert_find(alert, o->key);
        if (!i || !is_firing(i))
            return HR_FAIL(err, HR_E_NOT_FOUND, "alert %s does not fire for %.200s", alert->name,
                           o->key);
        o->number = 1;
        return set_ack(alert, i, o, err);
    }
    for (uint32_t b = 0; b < alert->bucket_count; b++) {
        for (struct hr_alert_instance *i = alert->buckets[b]; i; i = i->next) {
            if (!is_firing(i)) continue;
            HR_TRY(set_ack(alert, i, o, err));
            o->number++;
        }
    }
    return o->number ? HR_OK : HR_FAIL(err, HR_E_NOT_FOUND, "alert %s does not fire", alert->name);
}

hr_status hr_alert_acknowledge(const char *name, const char *key, const char *by,
                               const char *comment, int64_t *ret_count, struct hr_err *err)
{
    struct order o = {.key = key, .by = by, .comment = comment};
    hr_status status = with(name, true, acknowledge, &o, err);
    *ret_count = o.number;
    return status;
}

static hr_status silence(struct hr_alert *alert, void *arg, struct hr_err *err)
{
    const struct order *o = arg;
    int64_t until_us = o->number ? hr_now_us(alert->env) + o->number * 1000000 : 0;
    if (!o->key) {
        alert->silenced_us = until_us;
        return hr_alert_store_begin(alert, err); /* the commit writes it */
    }
    struct hr_alert_instance *i = hr_alert_find(alert, o->key);
    if (!i)
        return HR_FAIL(err, HR_E_NOT_FOUND, "alert %s knows no key %.200s", alert->name, o->key);
    i->silenced_us = until_us;
    return hr_alert_store_put(alert, i, err);
}

hr_status hr_alert_silence(const char *name, const char *key, int64_t seconds, struct hr_err *err)
{
    struct order o = {.key = key, .number = seconds};
    return with(name, true, silence, &o, err);
}

static hr_status retry(struct hr_alert *alert, void *arg, struct hr_err *err)
{
    struct order *o = arg;
    HR_TRY(hr_alert_store_retry(alert, &o->number, err));
    alert->totals.dead_total = 0;
    if (alert->sending) hr_wakeup_signal(&alert->wakeup);
    return HR_OK;
}

hr_status hr_alert_retry(const char *name, int64_t *ret_count, struct hr_err *err)
{
    struct order o = {0};
    hr_status status = with(name, true, retry, &o, err);
    *ret_count = o.number;
    return status;
}
