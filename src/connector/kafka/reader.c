/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages [start, end) of one partition. One client serves all partitions; each has a queue of its
 * own, and keeps consuming between epochs, so that the next epoch finds its messages in memory.
 *
 * Payloads are copied into a buffer of the batch: librdkafka's fetch buffers are then free at once,
 * and decoders find readable bytes behind the last message.
 *
 * Offsets may have holes (transaction markers, compaction) but never go back, and a hole that
 * begins below the partition's oldest message is lost data. A worker process (executors=N) reads
 * with a client of its own.
 */
#include <stdio.h>
#include <unistd.h>

#include "base/datetime.h"
#include "base/fault.h"
#include "column/builder.h"
#include "connector/kafka/source.h"
#include "rdd/executor.h"

#define MESSAGES_MAX 8192
#define BATCH_BYTES  (16 << 20)

struct kafka_reader {
    struct hr_scan_reader base;
    struct kafka_source *source;
    struct kafka_partition *partition;
    struct hr_decoder *decoder;
    struct hr_scan_spec spec;
    struct kafka_range range;
    rd_kafka_message_t **messages;
    uint32_t count;
    bool done;
    char place[280]; /* "topic-3", of dead letters */
};

/* @thread librdkafka's */
static void new_messages(rd_kafka_t *rk, void *wakeup)
{
    HR_UNUSED(rk);
    hr_wakeup_signal(wakeup);
}

void hr_kafka_partition_free(struct kafka_partition *p)
{
    if (p->queue) rd_kafka_queue_cb_event_enable(p->queue, NULL, NULL);
    if (p->held) rd_kafka_message_destroy(p->held);
    if (p->consuming) rd_kafka_consume_stop(p->topic, p->partition);
    if (p->queue) rd_kafka_queue_destroy(p->queue);
    if (p->topic) rd_kafka_topic_destroy(p->topic);
    if (p->own_client) rd_kafka_destroy(p->own_client);
    hr_free(p->name);
    hr_free(p);
}

static hr_status data_loss(const struct kafka_range *range, const char *why, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_DATA_LOSS, "messages of %s-%d from offset %lld on are gone (%s); set "
                   "failOnDataLoss 'false' to go on without them", range->topic,
                   (int)range->partition, (long long)range->start, why);
}

/* librdkafka ends the process when a client consumes a partition twice: a second reader at the same
 * time (an attempt that is tried elsewhere, ranges of one partition) gets a client of its own. */
static hr_status new_partition(struct kafka_source *s, const struct kafka_range *range,
                               bool own_client, struct kafka_partition **ret, struct hr_err *err)
{
    struct kafka_partition *p = hr_zalloc(sizeof *p);
    if (!p || !(p->name = hr_strdup(range->topic))) {
        hr_free(p);
        return HR_OOM(err);
    }
    p->partition = range->partition;
    rd_kafka_t **client = own_client ? &p->own_client : &s->consumer;
    hr_status status = HR_OK;
    if (!*client)
        status = hr_kafka_client(RD_KAFKA_CONSUMER, &s->all_options, NULL, client, err);
    if (status == HR_OK) {
        p->topic = rd_kafka_topic_new(*client, range->topic, NULL);
        p->queue = rd_kafka_queue_new(*client);
        if (!p->topic || !p->queue)
            status = HR_FAIL(err, HR_E_KAFKA, "Kafka: no consumer for %s-%d", range->topic,
                             (int)range->partition);
    }
    if (status != HR_OK) {
        hr_kafka_partition_free(p);
        return status;
    }
    *ret = p;
    return HR_OK;
}

/* Consumes from another place: what was fetched ahead is of no use. */
static hr_status consume_from(struct kafka_source *s, struct kafka_partition *p, int64_t offset,
                              struct hr_err *err)
{
    if (p->consuming) rd_kafka_consume_stop(p->topic, p->partition);
    p->consuming = false;
    if (p->held) rd_kafka_message_destroy(p->held);
    p->held = NULL;
    rd_kafka_queue_cb_event_enable(p->queue, NULL, NULL);
    rd_kafka_queue_destroy(p->queue);
    p->queue = rd_kafka_queue_new(p->own_client ? p->own_client : s->consumer);
    if (!p->queue) return HR_OOM(err);
    if (s->wakeup) rd_kafka_queue_cb_event_enable(p->queue, new_messages, s->wakeup);
    if (rd_kafka_consume_start_queue(p->topic, p->partition, offset, p->queue) < 0)
        return hr_kafka_error(s->options.bootstrap, "consume", rd_kafka_last_error(), err);
    p->consuming = true;
    p->position = offset;
    return HR_OK;
}

/* The partition's consumer, ours until the reader closes, at the range's start. */
static hr_status take_partition(struct kafka_source *s, const struct kafka_range *range,
                                struct kafka_partition **ret, struct hr_err *err)
{
    struct kafka_partition *p;
    bool taken = false;
    hr_status status = HR_OK;
    pthread_mutex_lock(&s->lock);
    for (p = s->partitions; p; p = p->next) {
        if (p->partition != range->partition || strcmp(p->name, range->topic) != 0) continue;
        if (!p->in_use) break;
        taken = true;
    }
    if (!p) {
        status = new_partition(s, range, taken, &p, err);
        if (status == HR_OK) {
            p->next = s->partitions;
            s->partitions = p;
        }
    }
    if (status == HR_OK) p->in_use = true;
    pthread_mutex_unlock(&s->lock);
    HR_TRY(status);
    *ret = p;
    if (p->consuming && p->position == range->start) return HR_OK;
    return consume_from(s, p, range->start, err);
}

/* A queue wakes when something comes into it while it is empty: what is no message goes. A message
 * is kept for the range that it will belong to. */
static void drain(struct kafka_source *s, struct kafka_partition *p)
{
    rd_kafka_message_t *m;
    while (!p->held && rd_kafka_consume_batch_queue(p->queue, 0, &m, 1) == 1) {
        if (!m->err) {
            p->held = m;
            return;
        }
        /* An error is looked into; an end behind markers is found again by who reads them. */
        if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) s->refreshed_ns = 0;
        if (m->err != RD_KAFKA_RESP_ERR__PARTITION_EOF || m->offset > p->position)
            p->position = -1;
        rd_kafka_message_destroy(m);
    }
}

static bool drain_partition(struct kafka_source *s, const struct kafka_offset *o)
{
    bool found = false;
    pthread_mutex_lock(&s->lock);
    for (struct kafka_partition *p = s->partitions; p; p = p->next) {
        if (p->partition != o->partition || strcmp(p->name, o->topic) != 0) continue;
        found = true;
        if (!p->in_use && p->consuming) drain(s, p);
    }
    pthread_mutex_unlock(&s->lock);
    return found;
}

hr_status hr_kafka_watch(struct kafka_source *s, const struct kafka_offsets *from,
                         struct hr_err *err)
{
    for (uint32_t i = 0; s->wakeup && i < from->count; i++) {
        const struct kafka_offset *o = &from->items[i];
        struct kafka_partition *p;
        if (drain_partition(s, o)) continue;
        HR_TRY(take_partition(s, &(struct kafka_range){o->topic, o->partition, o->offset, 0}, &p,
                              err));
        pthread_mutex_lock(&s->lock);
        p->in_use = false;
        pthread_mutex_unlock(&s->lock);
    }
    return HR_OK;
}

hr_status hr_kafka_fetched_ends(struct kafka_source *s, const struct kafka_offsets *from,
                                struct hr_arena *arena, struct kafka_offsets *ret,
                                struct hr_err *err)
{
    for (uint32_t i = 0; i < from->count; i++) {
        const struct kafka_offset *o = &from->items[i];
        int64_t low, high = 0;
        if (!s->consumer || rd_kafka_get_watermark_offsets(s->consumer, o->topic, o->partition,
                                                           &low, &high) != 0)
            high = 0;
        HR_TRY(hr_kafka_offsets_add(arena, ret, o->topic, o->partition, HR_MAX(high, o->offset),
                                    err));
    }
    return HR_OK;
}

/* A forked worker has none of its parent's Kafka threads: it needs a client of its own. What it
 * changes is its own copy, and goes with it. */
static hr_status worker_client(struct kafka_source *s, struct hr_err *err)
{
    if (!hr_in_worker() || s->client_pid == getpid()) return HR_OK;
    HR_TRY(hr_kafka_client(RD_KAFKA_CONSUMER, &s->all_options, NULL, &s->client, err));
    s->client_pid = getpid();
    s->consumer = NULL;
    s->partitions = NULL;
    s->wakeup = NULL;
    pthread_mutex_init(&s->lock, NULL);
    return HR_OK;
}

static void release_messages(struct kafka_reader *r)
{
    for (uint32_t i = 0; i < r->count; i++) rd_kafka_message_destroy(r->messages[i]);
    r->count = 0;
}

static void reader_close(struct hr_scan_reader *base)
{
    struct kafka_reader *r = HR_CONTAINER_OF(base, struct kafka_reader, base);
    release_messages(r);
    if (r->decoder) r->source->format->decoder_close(r->decoder);
    if (r->partition) {
        /* Left half-way: the position is not to be trusted. */
        if (!r->done) r->partition->position = -1;
        pthread_mutex_lock(&r->source->lock);
        r->partition->in_use = false;
        pthread_mutex_unlock(&r->source->lock);
    }
    hr_free(r->messages);
    hr_free(r);
}

/* A hole in front of offset: is it lost data? */
static hr_status check_hole(struct kafka_reader *r, int64_t offset, struct hr_err *err)
{
    int64_t low = 0, high = 0;
    if (!r->source->options.fail_on_data_loss) return HR_OK;
    rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        r->source->client, r->range.topic, r->range.partition, &low, &high,
        (int)r->source->options.request_timeout_ms);
    if (error) return hr_kafka_error(r->source->options.bootstrap, "offsets", error, err);
    if (low <= r->partition->position) return HR_OK; /* markers, compaction */
    r->range.start = r->partition->position;
    HR_UNUSED(offset);
    return data_loss(&r->range, "deleted by retention", err);
}

/* The position is not among what the broker has: an error, or the reader goes on at the first
 * message that is still there (none: the range is done). */
static hr_status skip_lost(struct kafka_reader *r, rd_kafka_resp_err_t why, struct hr_err *err)
{
    struct kafka_source *s = r->source;
    struct kafka_partition *p = r->partition;
    int64_t low = 0, high = 0;
    if (s->options.fail_on_data_loss) return data_loss(&r->range, rd_kafka_err2str(why), err);
    rd_kafka_resp_err_t error = rd_kafka_query_watermark_offsets(
        s->client, r->range.topic, r->range.partition, &low, &high,
        (int)s->options.request_timeout_ms);
    if (!error && low > p->position && low < r->range.end) return consume_from(s, p, low, err);
    p->position = -1;
    r->done = true;
    return HR_OK;
}

/* One message or event; keeps it or lets it go. */
static hr_status take(struct kafka_reader *r, rd_kafka_message_t *m, struct hr_err *err)
{
    struct kafka_partition *p = r->partition;
    hr_status status = HR_OK;
    if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        if (m->offset > p->position) p->position = m->offset; /* markers at the end */
        r->done = p->position >= r->range.end;
        rd_kafka_message_destroy(m);
        return HR_OK;
    }
    if (m->err) {
        rd_kafka_resp_err_t error = m->err;
        rd_kafka_message_destroy(m);
        if (error == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
            error == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE ||
            error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC ||
            error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            return skip_lost(r, error, err);
        return hr_kafka_error(r->source->options.bootstrap, "fetch", error, err);
    }
    if (m->offset < p->position) { /* seen already */
        rd_kafka_message_destroy(m);
        return HR_OK;
    }
    if (m->offset > p->position) status = check_hole(r, m->offset, err);
    if (status) {
        rd_kafka_message_destroy(m);
        return status;
    }
    if (m->offset >= r->range.end) {
        p->held = m;
        p->position = r->range.end;
        r->done = true;
        return HR_OK;
    }
    r->messages[r->count++] = m;
    p->position = m->offset + 1;
    r->done = p->position >= r->range.end;
    return HR_OK;
}

/* Some messages, or the end of the range. */
static hr_status fetch(struct kafka_reader *r, struct hr_err *err)
{
    struct kafka_partition *p = r->partition;
    rd_kafka_message_t *got[1024];
    int64_t waited_ms = 0;
    size_t bytes = 0;
    uint32_t room = HR_MIN(r->spec.batch_rows, (uint32_t)MESSAGES_MAX);
    if (p->held) {
        rd_kafka_message_t *held = p->held;
        p->held = NULL;
        HR_TRY(take(r, held, err));
    }
    while (!r->done && r->count < room && bytes < BATCH_BYTES) {
        size_t want = HR_MIN(HR_COUNT(got), (size_t)(room - r->count));
        want = HR_MIN(want, (size_t)(r->range.end - p->position));
        if (hr_connector_cancelled(&r->spec)) return HR_RAISE(err, HR_E_CANCELLED);
        ssize_t n = rd_kafka_consume_batch_queue(p->queue, r->count ? 1 : 100, got, want);
        if (n < 0) return hr_kafka_error(r->source->options.bootstrap, "fetch",
                                         rd_kafka_last_error(), err);
        if (n == 0 && r->count) return HR_OK;
        waited_ms = n ? 0 : waited_ms + 100;
        if (waited_ms > r->source->options.poll_timeout_ms)
            return HR_FAIL(err, HR_E_UNAVAILABLE, "the Kafka broker %s gave no message of %s-%d at "
                           "offset %lld within %lld ms", r->source->options.bootstrap,
                           r->range.topic, (int)r->range.partition, (long long)p->position,
                           (long long)r->source->options.poll_timeout_ms);
        hr_status status = HR_OK;
        for (ssize_t i = 0; i < n; i++) {
            bytes += got[i]->err ? 0 : got[i]->len;
            if (status || (r->done && got[i]->err)) rd_kafka_message_destroy(got[i]);
            else status = take(r, got[i], err);
        }
        HR_TRY(status);
    }
    return HR_OK;
}

/* --- Batches ---------------------------------------------------------------------------------- */

/* The payloads one behind the other, values first; ret views into it. */
static hr_status copy_payloads(struct kafka_reader *r, struct hr_arena *arena,
                               struct hr_buffer **ret_buffer, struct hr_str_view **ret_values,
                               struct hr_str_view **ret_keys, struct hr_err *err)
{
    size_t total = 0;
    for (uint32_t i = 0; i < r->count; i++) total += r->messages[i]->len + r->messages[i]->key_len;
    struct hr_buffer *buffer = hr_buffer_new(total);
    struct hr_str_view *views = HR_NEW_ARRAY(arena, struct hr_str_view, r->count * 2 + 1);
    if (!buffer || !views) {
        hr_buffer_unref(buffer);
        return HR_OOM(err);
    }
    char *o = buffer->data;
    for (uint32_t i = 0; i < r->count * 2; i++) {
        const rd_kafka_message_t *m = r->messages[i % r->count];
        const void *from = i < r->count ? m->payload : m->key;
        size_t len = i < r->count ? m->len : m->key_len;
        if (!from) continue;
        memcpy(o, from, len);
        views[i] = hr_svn(o, len);
        o += len;
    }
    *ret_buffer = buffer;
    *ret_values = views;
    *ret_keys = views + r->count;
    return HR_OK;
}

static void put_bytes(struct hr_builder *b, struct hr_str_view bytes)
{
    if (bytes.ptr)
        hr_builder_str_shared(b, bytes);
    else
        hr_builder_null(b);
}

static void put_headers(struct hr_builder *b, const rd_kafka_message_t *m)
{
    rd_kafka_headers_t *headers;
    const char *name;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(m, &headers)) {
        hr_builder_null(b);
        return;
    }
    struct hr_builder *item = hr_builder_child(b, 0);
    for (size_t i = 0; !rd_kafka_header_get_all(headers, i, &name, &value, &size); i++) {
        hr_builder_str(hr_builder_child(item, 0), hr_sv(name));
        if (value)
            hr_builder_str(hr_builder_child(item, 1), hr_svn(value, size));
        else
            hr_builder_null(hr_builder_child(item, 1));
        hr_builder_close(item);
    }
    hr_builder_close(b);
}

static void put_column(struct kafka_reader *r, struct hr_builder *b, const char *name,
                       const struct hr_str_view *values, const struct hr_str_view *keys)
{
    struct hr_str_view topic = hr_sv(r->range.topic);
    for (uint32_t i = 0; i < r->count; i++) {
        rd_kafka_message_t *m = r->messages[i];
        rd_kafka_timestamp_type_t type;
        int64_t ms = rd_kafka_message_timestamp(m, &type);
        if (strcmp(name, "value") == 0) put_bytes(b, values[i]);
        else if (strcmp(name, "key") == 0) put_bytes(b, keys[i]);
        else if (strcmp(name, "topic") == 0) hr_builder_str(b, topic);
        else if (strcmp(name, "partition") == 0) hr_builder_i64(b, m->partition);
        else if (strcmp(name, "offset") == 0) hr_builder_i64(b, m->offset);
        else if (strcmp(name, "timestamp") == 0) hr_builder_i64(b, ms * 1000);
        else if (strcmp(name, "timestampType") == 0)
            hr_builder_i64(b, type == RD_KAFKA_TIMESTAMP_LOG_APPEND_TIME ? 1 : 0);
        else put_headers(b, m);
    }
}

static hr_status raw_batch(struct kafka_reader *r, const struct hr_str_view *values,
                           const struct hr_str_view *keys, struct hr_batch **ret,
                           struct hr_err *err)
{
    struct hr_batch_builder builder;
    const struct hr_type *schema = r->spec.schema, *own = r->source->base.schema;
    HR_TRY(hr_batch_builder_init(&builder, schema, r->count, r->spec.mem, err));
    for (uint32_t c = 0; c < schema->field_count; c++) {
        int32_t at = hr_type_field_index(own, hr_sv(schema->fields[c].name));
        put_column(r, builder.columns[c], own->fields[at].name, values, keys);
    }
    struct hr_batch *batch;
    hr_status status = hr_batch_builder_finish(&builder, &batch, err);
    if (status) {
        hr_batch_builder_done(&builder);
        return status;
    }
    if (schema->field_count == 0) batch->row_count = batch->sel_count = r->count;
    *ret = batch;
    return HR_OK;
}

static hr_status make_batch(struct kafka_reader *r, struct hr_batch **ret, struct hr_err *err)
{
    struct hr_buffer *buffer = NULL;
    struct hr_str_view *values, *keys;
    struct hr_batch *batch = NULL;
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = copy_payloads(r, &arena, &buffer, &values, &keys, err);
    if (!status && r->decoder)
        status = r->source->format->messages(r->decoder, values, r->count, &batch, err);
    else if (!status)
        status = raw_batch(r, values, keys, &batch, err);
    hr_arena_done(&arena);
    if (batch && !hr_batch_hold_buffer(batch, buffer)) {
        hr_batch_unref(batch);
        status = HR_OOM(err);
    }
    hr_buffer_unref(buffer);
    release_messages(r);
    if (!status) *ret = batch;
    return status;
}

static hr_status reader_next(struct hr_scan_reader *base, struct hr_batch **ret,
                             struct hr_err *err)
{
    struct kafka_reader *r = HR_CONTAINER_OF(base, struct kafka_reader, base);
    HR_FAULT_POINT(HR_FAULT_SOURCE_READ, err);
    if (!r->done) HR_TRY(fetch(r, err));
    *ret = NULL;
    return r->count ? make_batch(r, ret, err) : HR_OK;
}

/* Of the message with that number in the batch. */
static int64_t offset_of(void *arg, int64_t at)
{
    const struct kafka_reader *r = arg;
    return r->messages[at]->offset;
}

hr_status hr_kafka_open_reader(struct hr_source *source, const struct hr_split *split,
                               const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                               struct hr_err *err)
{
    static const struct hr_scan_reader_vt vt = {reader_next, reader_close};
    struct kafka_source *s = HR_CONTAINER_OF(source, struct kafka_source, base);
    HR_TRY(worker_client(s, err));
    struct kafka_reader *r = hr_zalloc(sizeof *r);
    if (!r || !(r->messages = hr_alloc(sizeof *r->messages * (MESSAGES_MAX + 1)))) {
        hr_free(r);
        return HR_OOM(err);
    }
    r->base.vt = &vt;
    r->source = s;
    r->spec = *spec;
    if (!r->spec.batch_rows) r->spec.batch_rows = HR_BATCH_ROWS;
    r->range = *(const struct kafka_range *)split->data;
    r->done = r->range.start >= r->range.end;
    struct hr_format_args args = {.conf = &s->conf, .options = &s->all_options,
                                  .schema = s->base.schema, .wanted = spec->schema,
                                  .batch_rows = spec->batch_rows, .mem = spec->mem,
                                  .malformed_rows = spec->malformed_rows,
                                  .bad = spec->dead ? &spec->dead->rows : NULL,
                                  .origin = r->range.topic};
    hr_status status = HR_OK;
    if (spec->dead) {
        snprintf(r->place, sizeof r->place, "%s-%d", r->range.topic, (int)r->range.partition);
        spec->dead->partition = r->place;
        spec->dead->offset = offset_of;
        spec->dead->arg = r;
    }
    if (s->format) status = s->format->decoder_open(&args, &r->decoder, err);
    if (!status && !r->done) status = take_partition(s, &r->range, &r->partition, err);
    if (status) {
        reader_close(&r->base);
        return status;
    }
    *ret = &r->base;
    return HR_OK;
}
