/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of an epoch into an alert. They are collected as they come and taken at the commit, in
 * one transaction with the epoch's number: exactly once, for an epoch that is run again is known.
 */
#include <stdio.h>

#include "base/alloc.h"
#include "connector/collect.h"
#include "format/format.h"
#include "alert/internal.h"

struct alert_options {
    const char *name;
};
static const struct hr_opt_spec specs[] = {
    {"name", HR_OPT_STRING, offsetof(struct alert_options, name), NULL, 0, 0, NULL,
     "the alert that CREATE ALERT made"},
};

struct alert_sink {
    struct hr_sink base;
    struct hr_alert *alert;
    struct hr_collect collect;
    const struct hr_format_vt *json;
    struct hr_encoder *keys, *rows;
    struct hr_arena arena; /* of the encoders' options */
    struct hr_conf conf;
    bool complete, owns; /* owns: it has opened the store */
};

static struct alert_sink *self(struct hr_sink *sink)
{
    return HR_CONTAINER_OF(sink, struct alert_sink, base);
}

static void sink_close(struct hr_sink *sink)
{
    struct alert_sink *s = self(sink);
    struct hr_alert *alert = s->alert;
    struct hr_err ignored;
    hr_err_init(&ignored);
    if (s->owns) {
        hr_alert_sender_stop(alert);
        pthread_mutex_lock(&alert->lock);
        if (alert->broken || hr_alert_flush(alert, &ignored) != HR_OK ||
            hr_alert_store_commit(alert, &ignored) != HR_OK)
            hr_alert_store_rollback(alert);
        hr_alert_store_close(alert);
        pthread_mutex_unlock(&alert->lock);
        hr_alert_changes++;
    }
    if (s->keys) s->json->encoder_close(s->keys);
    if (s->rows) s->json->encoder_close(s->rows);
    hr_collect_done(&s->collect);
    hr_arena_done(&s->arena);
    if (alert) hr_alert_unref(alert);
    hr_free(s);
}

static hr_status open_encoders(struct alert_sink *s, const struct hr_sink_args *args,
                               struct hr_err *err)
{
    struct hr_options *options = HR_NEW(&s->arena, struct hr_options);
    if (!options) return HR_OOM(err);
    hr_options_init(options, &s->arena);
    HR_TRY(hr_options_put(options, "ignoreNullFields", "false", err));
    s->json = hr_format_find("json");
    s->conf = *args->conf;
    struct hr_format_args format = {.conf = &s->conf, .options = options};
    format.schema = s->alert->key_schema;
    HR_TRY(s->json->encoder_open(&format, &s->keys, err));
    format.schema = s->alert->row_schema;
    return s->json->encoder_open(&format, &s->rows, err);
}

static hr_status open_alert(struct alert_sink *s, const struct hr_sink_args *args,
                            struct hr_err *err)
{
    struct hr_alert *alert = s->alert;
    HR_TRY(open_encoders(s, args, err));
    pthread_mutex_lock(&alert->lock);
    snprintf(alert->query_id, sizeof alert->query_id, "%s", args->query_id ? args->query_id : "");
    alert->broken = HR_OK;
    alert->level = alert->has_condition || s->complete;
    if (!alert->keep_given) alert->keep_us = alert->level ? 0 : HR_ALERT_KEEP_EVENTS_US;
    hr_status status = alert->store ? HR_FAIL(err, HR_E_EXISTS, "alert %s has a query", alert->name)
                                    : hr_alert_store_open(alert, err);
    s->owns = status == HR_OK;
    pthread_mutex_unlock(&alert->lock);
    hr_alert_changes++;
    return status == HR_OK ? hr_alert_sender_start(alert, err) : status;
}

static hr_status sink_open(const struct hr_sink_args *args, struct hr_sink **ret,
                           struct hr_err *err)
{
    struct alert_options o;
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), args->options, &o, err));
    struct hr_alert *alert = o.name ? hr_alert_by_name(o.name) : NULL;
    if (!alert)
        return HR_FAIL(err, HR_E_NOT_FOUND, "there is no alert '%.100s'", o.name ? o.name : "");
    struct alert_sink *s = hr_zalloc(sizeof *s);
    if (!s) {
        hr_alert_unref(alert);
        return HR_OOM(err);
    }
    s->base.vt = &hr_sink_alert;
    s->base.guarantee = HR_EXACTLY_ONCE;
    s->alert = alert;
    s->complete = args->mode == HR_MODE_COMPLETE;
    hr_collect_init(&s->collect);
    hr_arena_init(&s->arena, args->mem);
    hr_status status = open_alert(s, args, err);
    if (status != HR_OK) {
        sink_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

static hr_status sink_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                            struct hr_err *err)
{
    struct alert_sink *s = self(sink);
    HR_UNUSED(err);
    hr_collect_clear(&s->collect);
    pthread_mutex_lock(&s->alert->lock);
    *ret_committed = epoch <= s->alert->epoch;
    pthread_mutex_unlock(&s->alert->lock);
    return HR_OK;
}

static hr_status sink_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                             uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    HR_UNUSED(epoch);
    HR_UNUSED(attempt);
    return hr_collect_writer(&self(sink)->collect, partition, ret, err);
}

/* The texts of a batch's rows: keys, then rows, each with where they end. */
struct texts {
    struct hr_buf keys, rows;
    uint64_t *key_ends, *row_ends;
};

static hr_status encode(struct alert_sink *s, struct hr_batch *batch, struct texts *ret,
                        struct hr_err *err)
{
    struct hr_alert *alert = s->alert;
    struct hr_batch *keys = hr_batch_project(batch, alert->key_schema, alert->key_columns);
    struct hr_batch *rows = hr_batch_project(batch, alert->row_schema, alert->row_columns);
    ret->key_ends = hr_alloc((batch->sel_count + 1) * sizeof(uint64_t));
    ret->row_ends = hr_alloc((batch->sel_count + 1) * sizeof(uint64_t));
    hr_status status = keys && rows && ret->key_ends && ret->row_ends ? HR_OK : HR_OOM(err);
    if (status == HR_OK) status = s->json->encode(s->keys, keys, &ret->keys, ret->key_ends, err);
    if (status == HR_OK) status = s->json->encode(s->rows, rows, &ret->rows, ret->row_ends, err);
    hr_batch_unref(keys);
    hr_batch_unref(rows);
    if (status == HR_OK) status = hr_buf_status(&ret->keys, err);
    return status == HR_OK ? hr_buf_status(&ret->rows, err) : status;
}

static struct hr_str_view line(const struct hr_buf *buf, const uint64_t *ends, uint32_t k)
{
    uint64_t start = k ? ends[k - 1] : 0, end = ends[k];
    while (end > start && buf->ptr[end - 1] == '\n') end--;
    return hr_svn(buf->ptr + start, end - start);
}

static hr_status take_batch(struct alert_sink *s, struct hr_batch *batch, int64_t now_us,
                            struct hr_err *err)
{
    struct texts t = {0};
    struct hr_alert *alert = s->alert;
    const struct hr_column *condition =
        alert->has_condition ? &batch->columns[batch->schema->field_count - 1] : NULL;
    hr_status status = encode(s, batch, &t, err);
    for (uint32_t k = 0; status == HR_OK && k < batch->sel_count; k++) {
        uint32_t row = batch->sel ? batch->sel[k] : k;
        bool holds = !condition || (condition->type->id == HR_T_BOOLEAN &&
                                    hr_column_valid(condition, row) &&
                                    hr_bit_get(condition->values, row));
        if (batch->weights && batch->weights[row] < 0) holds = false;
        status = hr_alert_row(alert, line(&t.keys, t.key_ends, k), line(&t.rows, t.row_ends, k),
                              holds, now_us, err);
    }
    hr_buf_done(&t.keys);
    hr_buf_done(&t.rows);
    hr_free(t.key_ends);
    hr_free(t.row_ends);
    return status;
}

static hr_status take(struct alert_sink *s, int64_t epoch, struct hr_batch **batches,
                      uint32_t count, struct hr_err *err)
{
    struct hr_alert *alert = s->alert;
    int64_t now_us = hr_now_us(alert->env);
    if (alert->broken)
        return HR_FAIL(err, HR_E_IO_FATAL, "alert %s could not write its state", alert->name);
    alert->epoch = epoch;
    alert->pass++;
    HR_TRY(hr_alert_timers(alert, now_us, err));
    for (uint32_t i = 0; i < count; i++) HR_TRY(take_batch(s, batches[i], now_us, err));
    if (s->complete) HR_TRY(hr_alert_absent(alert, now_us, err));
    return HR_OK;
}

static hr_status sink_commit(struct hr_sink *sink, int64_t epoch,
                             const struct hr_str_view *messages, uint32_t message_count,
                             struct hr_err *err)
{
    struct alert_sink *s = self(sink);
    struct hr_alert *alert = s->alert;
    struct hr_batch **batches;
    uint32_t count;
    HR_UNUSED(messages);
    HR_UNUSED(message_count);
    HR_TRY(hr_collect_take(&s->collect, &batches, &count, err));
    pthread_mutex_lock(&alert->lock);
    int64_t transition = alert->transition;
    hr_status status = take(s, epoch, batches, count, err);
    bool changed = alert->transition != transition || alert->urgent;
    /* Where no state changed the rows are written a little later (deliver.c). */
    if (status == HR_OK && changed) status = hr_alert_flush(alert, err);
    if (status == HR_OK) status = hr_alert_store_commit(alert, err);
    if (status != HR_OK) {
        alert->broken = status;
        hr_alert_store_rollback(alert);
    }
    pthread_mutex_unlock(&alert->lock);
    if (changed) hr_wakeup_signal(&alert->wakeup);
    for (uint32_t i = 0; i < count; i++) hr_batch_unref(batches[i]);
    hr_free(batches);
    if (status == HR_OK) hr_collect_clear(&s->collect);
    return status;
}

static void sink_abort(struct hr_sink *sink, int64_t epoch)
{
    HR_UNUSED(epoch);
    hr_collect_clear(&self(sink)->collect);
}

static void sink_describe(const struct hr_sink *sink, struct hr_buf *out)
{
    hr_buf_printf(out, "Alert[%s]",
                  HR_CONTAINER_OF(sink, const struct alert_sink, base)->alert->name);
}

const struct hr_sink_vt hr_sink_alert = {
    .name = "alert",
    .abi = HR_CONNECTOR_ABI,
    .guarantee = HR_EXACTLY_ONCE,
    .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE | 1 << HR_MODE_COMPLETE,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .open = sink_open,
    .close = sink_close,
    .begin_epoch = sink_begin,
    .open_writer = sink_writer,
    .commit_epoch = sink_commit,
    .abort_epoch = sink_abort,
    .describe = sink_describe,
};
