/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka as a sink: a row a message from the columns value (required), key, topic, partition and
 * headers. The producer is idempotent; the epoch commits when every message is acknowledged. An
 * epoch that runs again is produced again: at least once. Option guarantee 'exactly-once' makes an
 * epoch a transaction instead: transaction.c.
 */
#include "connector/kafka/sink.h"

static const struct hr_opt_spec specs[] = {
    {"topic", HR_OPT_STRING, offsetof(struct kafka_sink_options, topic), NULL, 0, 0, NULL,
     "the topic of all rows; else the column topic"},
    {"kafka.delivery.timeout.ms", HR_OPT_INT, offsetof(struct kafka_sink_options, timeout_ms),
     "120000", 1, INT32_MAX, NULL, "how long a message may take"},
    {"kafka.request.timeout.ms", HR_OPT_INT,
     offsetof(struct kafka_sink_options, request_timeout_ms), "10000", 1, INT32_MAX, NULL,
     "how long a broker may take to answer"},
    {"guarantee", HR_OPT_ENUM, offsetof(struct kafka_sink_options, guarantee), "at-least-once", 0,
     0, "at-least-once|exactly-once",
     "at-least-once, as Spark; exactly-once: a transaction an epoch, for readers with "
     "isolation.level=read_committed"},
};

static struct kafka_sink *self(struct hr_sink *sink)
{
    return HR_CONTAINER_OF(sink, struct kafka_sink, base);
}

static void kafka_close(struct hr_sink *sink)
{
    struct kafka_sink *s = self(sink);
    hr_kafka_transaction_abort(s);
    hr_collect_done(&s->collect);
    if (s->producer) {
        rd_kafka_purge(s->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_destroy(s->producer);
    }
    hr_arena_done(&s->arena);
    hr_free(s);
}

static const char *bootstrap(const struct kafka_sink *s)
{
    return hr_options_get(&s->all_options, "kafka.bootstrap.servers");
}

/* The place of a column, -1 when it is not there; its type is one of two. */
static hr_status find_column(const struct hr_type *schema, const char *name, enum hr_type_id type,
                             enum hr_type_id other, const char *wanted, int32_t *ret,
                             struct hr_err *err)
{
    *ret = hr_type_field_index(schema, hr_sv(name));
    if (*ret < 0) return HR_OK;
    enum hr_type_id id = schema->fields[*ret].type->id;
    if (id == type || id == other) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "column %s of a Kafka sink must be %s", name,
                   wanted);
}

static bool is_headers(const struct hr_type *type)
{
    const struct hr_type *item = type->id == HR_T_ARRAY ? type->fields[0].type : NULL;
    return item && item->id == HR_T_STRUCT && item->field_count == 2 &&
           strcmp(item->fields[0].name, "key") == 0 &&
           strcmp(item->fields[1].name, "value") == 0 &&
           item->fields[0].type->id == HR_T_STRING && item->fields[1].type->id == HR_T_BINARY;
}

/* Spark's rules for the columns; others are not looked at. */
static hr_status find_columns(struct kafka_sink *s, const struct hr_type *schema,
                              struct hr_err *err)
{
    HR_TRY(find_column(schema, "value", HR_T_STRING, HR_T_BINARY, "STRING or BINARY", &s->value,
                       err));
    HR_TRY(find_column(schema, "key", HR_T_STRING, HR_T_BINARY, "STRING or BINARY", &s->key, err));
    HR_TRY(find_column(schema, "topic", HR_T_STRING, HR_T_STRING, "STRING", &s->topic, err));
    HR_TRY(find_column(schema, "partition", HR_T_INT, HR_T_INT, "INT", &s->partition, err));
    s->headers = hr_type_field_index(schema, hr_sv("headers"));
    if (s->value < 0)
        return HR_FAIL(
            err, HR_E_INVALID_ARGUMENT,
            "Required attribute 'value' not found; to_json(struct(â¦)) AS value makes one");
    if (s->topic < 0 && !s->options.topic)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option topic: topic option required when no "
                       "'topic' attribute is present. Use the topic option for setting a topic.");
    if (s->headers >= 0 && !is_headers(schema->fields[s->headers].type))
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                       "column headers must be ARRAY<STRUCT<key: STRING, value: BINARY>>");
    return HR_OK;
}

/* @thread any that polls */
static void delivered(void *arg, const rd_kafka_message_t *message)
{
    struct kafka_sink *s = arg;
    if (message->err) s->delivery_error = message->err;
}

/* A broker that cannot be reached is found now, not when the first message has waited long. */
static hr_status check_broker(struct kafka_sink *s, struct hr_err *err)
{
    const struct rd_kafka_metadata *metadata;
    rd_kafka_resp_err_t error =
        rd_kafka_metadata(s->producer, 0, NULL, &metadata, (int)s->options.request_timeout_ms);
    if (error) return hr_kafka_error(bootstrap(s), "metadata", error, err);
    rd_kafka_metadata_destroy(metadata);
    return HR_OK;
}

/* What writing once needs: a topic to note epochs at, an id, settings of the producer. */
static hr_status prepare_once(struct kafka_sink *s, const struct hr_sink_args *args,
                              struct hr_err *err)
{
    const char *idempotence = hr_options_get(&s->all_options, "kafka.enable.idempotence");
    s->marked_epoch = -1;
    if (s->options.guarantee == KAFKA_AT_LEAST_ONCE) {
        if (!hr_options_get(&s->all_options, "kafka.transactional.id")) return HR_OK;
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option kafka.transactional.id: needs guarantee 'exactly-once'");
    }
    if (!s->options.topic)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option guarantee: needs the option topic; the "
                       "epochs of a column topic are noted nowhere");
    if (idempotence && !hr_str_eq_nocase(idempotence, "true"))
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option kafka.enable.idempotence: guarantee needs it to be true");
    s->starts_late = args->starts_late;
    s->group = hr_arena_printf(&s->arena, "headrace-%s", args->query_id);
    if (args->streaming) s->query_id = hr_arena_strdup(&s->arena, args->query_id);
    if (!s->group || (args->streaming && !s->query_id)) return HR_OOM(err);
    s->base.guarantee = HR_EXACTLY_ONCE;
    return hr_kafka_transactions_options(s, err);
}

static hr_status setup(struct kafka_sink *s, const struct hr_sink_args *args, struct hr_err *err)
{
    hr_options_init(&s->all_options, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(&s->all_options, args->options->items[i].key,
                              args->options->items[i].value, err));
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), &s->all_options, &s->options, err));
    HR_TRY(find_columns(s, args->schema, err));
    s->deliveries = (struct kafka_deliveries){delivered, s};
    HR_TRY(prepare_once(s, args, err));
    HR_TRY(hr_kafka_client(RD_KAFKA_PRODUCER, &s->all_options, &s->deliveries,
                           &s->producer, err));
    HR_TRY(check_broker(s, err));
    return s->options.guarantee == KAFKA_EXACTLY_ONCE ? hr_kafka_transactions_open(s, err) : HR_OK;
}

extern const struct hr_sink_vt hr_sink_kafka;

static hr_status kafka_open(const struct hr_sink_args *args, struct hr_sink **ret,
                            struct hr_err *err)
{
    struct kafka_sink *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, NULL);
    hr_collect_init(&s->collect);
    s->base.vt = &hr_sink_kafka;
    s->base.guarantee = HR_AT_LEAST_ONCE;
    hr_status status = setup(s, args, err);
    if (status) {
        kafka_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

static hr_status kafka_begin(struct hr_sink *sink, int64_t epoch, bool *ret_committed,
                             struct hr_err *err)
{
    struct kafka_sink *s = self(sink);
    s->delivery_error = 0;
    *ret_committed = false;
    hr_collect_clear(&s->collect);
    if (s->query_id) HR_TRY(hr_kafka_check_mark(s, epoch, ret_committed, err));
    if (*ret_committed) return HR_OK;
    if (s->options.guarantee == KAFKA_EXACTLY_ONCE) {
        if (s->query_id && sink->label.replanned && epoch > 0 && s->marked_epoch < 0 &&
            !s->starts_late)
            return hr_kafka_mismatch(s, "whether the last epoch was written is not noted any more "
                                     "(the broker's offsets.retention.minutes)", err);
        return hr_kafka_transaction_begin(s, err);
    }
    return HR_OK;
}

struct kafka_writer {
    struct hr_sink_writer base;
    struct kafka_sink *sink;
};

static struct hr_str_view cell(const struct hr_batch *batch, int32_t column, uint32_t row)
{
    if (column < 0 || !hr_column_valid(&batch->columns[column], row)) return hr_svn(NULL, 0);
    return hr_string_view((const struct hr_string *)batch->columns[column].values + row);
}

/* NULL where the row has none. */
static hr_status make_headers(const struct kafka_sink *s, const struct hr_batch *batch,
                              uint32_t row, rd_kafka_headers_t **ret, struct hr_err *err)
{
    *ret = NULL;
    if (s->headers < 0 || !hr_column_valid(&batch->columns[s->headers], row)) return HR_OK;
    const struct hr_column *list = &batch->columns[s->headers], *item = &list->children[0];
    const struct hr_column *key = &item->children[0], *value = &item->children[1];
    const struct hr_string *keys = key->values, *values = value->values;
    const int32_t *offsets = list->values;
    rd_kafka_headers_t *headers = rd_kafka_headers_new((size_t)(offsets[row + 1] - offsets[row]));
    if (!headers) return HR_OOM(err);
    for (int32_t i = offsets[row]; i < offsets[row + 1]; i++) {
        if (!hr_column_valid(item, (uint32_t)i) || !hr_column_valid(key, (uint32_t)i)) {
            rd_kafka_headers_destroy(headers);
            return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "a header without a key");
        }
        struct hr_str_view k = hr_string_view(keys + i), v = hr_string_view(values + i);
        bool valid = hr_column_valid(value, (uint32_t)i);
        rd_kafka_header_add(headers, k.ptr, (ssize_t)k.len, valid ? v.ptr : NULL, (ssize_t)v.len);
    }
    *ret = headers;
    return HR_OK;
}

static hr_status find_partition(const struct kafka_sink *s, const struct hr_batch *batch,
                                uint32_t row, int32_t *ret, struct hr_err *err)
{
    *ret = RD_KAFKA_PARTITION_UA;
    if (s->partition < 0 || !hr_column_valid(&batch->columns[s->partition], row)) return HR_OK;
    *ret = ((const int32_t *)batch->columns[s->partition].values)[row];
    if (*ret >= 0) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "Invalid partition: %d. Partition number should "
                   "always be non-negative or null.", (int)*ret);
}

static hr_status produce(struct kafka_sink *s, const struct hr_batch *batch, uint32_t row,
                         struct hr_err *err)
{
    struct hr_str_view value = cell(batch, s->value, row), key = cell(batch, s->key, row);
    struct hr_str_view topic = s->options.topic ? hr_sv(s->options.topic)
                                                : cell(batch, s->topic, row);
    char name[256];
    int32_t partition;
    HR_TRY(find_partition(s, batch, row, &partition, err));
    if (!topic.ptr || topic.len == 0 || topic.len >= sizeof name)
        return HR_FAIL(err, HR_E_INVALID_ARGUMENT, "null topic present in the data. Use the topic "
                       "option for setting a topic.");
    memcpy(name, topic.ptr, topic.len);
    name[topic.len] = 0;
    for (int64_t waited = 0;; waited += 100) {
        rd_kafka_headers_t *headers;
        HR_TRY(make_headers(s, batch, row, &headers, err));
        rd_kafka_resp_err_t error = rd_kafka_producev(
            s->producer, RD_KAFKA_V_TOPIC(name), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value.ptr, value.len),
            RD_KAFKA_V_KEY((void *)(uintptr_t)key.ptr, key.len), RD_KAFKA_V_HEADERS(headers),
            RD_KAFKA_V_END);
        if (error && headers) rd_kafka_headers_destroy(headers);
        if (!error) return HR_OK;
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL || waited > s->options.timeout_ms)
            return hr_kafka_transaction_error(s, name, error, err);
        rd_kafka_poll(s->producer, 100);
    }
}

static hr_status check_delivery(struct kafka_sink *s, struct hr_err *err)
{
    rd_kafka_resp_err_t error = (rd_kafka_resp_err_t)s->delivery_error;
    return error ? hr_kafka_transaction_error(s, "a message was not delivered", error, err) : HR_OK;
}

static hr_status writer_write(struct hr_sink_writer *base, struct hr_batch *batch,
                              struct hr_err *err)
{
    struct kafka_writer *w = HR_CONTAINER_OF(base, struct kafka_writer, base);
    for (uint32_t i = 0; i < batch->sel_count; i++)
        HR_TRY(produce(w->sink, batch, batch->sel ? batch->sel[i] : i, err));
    base->rows_written += batch->sel_count;
    rd_kafka_poll(w->sink->producer, 0);
    return check_delivery(w->sink, err);
}

static hr_status flush(struct kafka_sink *s, struct hr_err *err)
{
    rd_kafka_resp_err_t error = rd_kafka_flush(s->producer, (int)s->options.timeout_ms);
    HR_TRY(check_delivery(s, err));
    return error ? hr_kafka_error(bootstrap(s), "flush", error, err) : HR_OK;
}

/* A task may run in a process of its own, whose producer nobody else can flush. */
static hr_status writer_finish(struct hr_sink_writer *base, struct hr_buf *message,
                               struct hr_err *err)
{
    HR_UNUSED(message);
    return flush(HR_CONTAINER_OF(base, struct kafka_writer, base)->sink, err);
}

static void writer_close(struct hr_sink_writer *base)
{
    hr_free(HR_CONTAINER_OF(base, struct kafka_writer, base));
}

static hr_status kafka_writer(struct hr_sink *sink, int64_t epoch, uint32_t partition,
                              uint32_t attempt, struct hr_sink_writer **ret, struct hr_err *err)
{
    static const struct hr_sink_writer_vt vt = {writer_write, writer_finish, writer_close};
    struct kafka_sink *s = self(sink);
    if (s->options.guarantee != KAFKA_AT_LEAST_ONCE)
        return hr_collect_writer(&s->collect, partition, ret, err);
    HR_UNUSED(epoch);
    HR_UNUSED(partition);
    HR_UNUSED(attempt);
    struct kafka_writer *w = hr_zalloc(sizeof *w);
    if (!w) return HR_OOM(err);
    w->base.vt = &vt;
    w->sink = s;
    *ret = &w->base;
    return HR_OK;
}

static hr_status produce_all(struct kafka_sink *s, struct hr_err *err)
{
    struct hr_batch **batches = NULL;
    uint32_t count = 0;
    HR_TRY(hr_collect_take(&s->collect, &batches, &count, err));
    hr_status status = HR_OK;
    for (uint32_t i = 0; i < count; i++) {
        const struct hr_batch *b = batches[i];
        for (uint32_t j = 0; !status && j < b->sel_count; j++)
            status = produce(s, b, b->sel ? b->sel[j] : j, err);
        rd_kafka_poll(s->producer, 0);
        hr_batch_unref(batches[i]);
    }
    hr_free(batches);
    hr_collect_clear(&s->collect);
    return status ? status : check_delivery(s, err);
}

static hr_status kafka_commit(struct hr_sink *sink, int64_t epoch,
                              const struct hr_str_view *messages, uint32_t message_count,
                              struct hr_err *err)
{
    struct kafka_sink *s = self(sink);
    HR_UNUSED(messages);
    HR_UNUSED(message_count);
    HR_TRY(produce_all(s, err));
    if (s->options.guarantee == KAFKA_EXACTLY_ONCE)
        return hr_kafka_transaction_commit(s, epoch, err);
    return flush(s, err);
}

static void kafka_abort(struct hr_sink *sink, int64_t epoch)
{
    HR_UNUSED(epoch);
    hr_kafka_transaction_abort(self(sink));
}

static enum hr_guarantee kafka_explain(const struct hr_options *options, struct hr_buf *out)
{
    struct kafka_sink_options o;
    if (hr_options_parse(specs, HR_COUNT(specs), options, &o, NULL)) return HR_NO_GUARANTEE;
    if (o.guarantee == KAFKA_AT_LEAST_ONCE) return HR_AT_LEAST_ONCE;
    hr_buf_puts(out, " by transactions: readers must set isolation.level=read_committed");
    return HR_EXACTLY_ONCE;
}

static void kafka_describe(const struct hr_sink *sink, struct hr_buf *out)
{
    HR_UNUSED(sink);
    hr_buf_puts(out, "KafkaTable");
}

static hr_status kafka_identity(const struct hr_options *options, struct hr_buf *out,
                                struct hr_err *err)
{
    const char *topic = hr_options_get(options, "topic");
    hr_buf_puts(out, topic ? topic : "(topics by row)");
    return hr_buf_status(out, err);
}

const struct hr_sink_vt hr_sink_kafka = {
    .name = "kafka",
    .abi = HR_CONNECTOR_ABI,
    .guarantee = HR_EXACTLY_ONCE,
    .explain = kafka_explain,
    .modes = 1 << HR_MODE_APPEND | 1 << HR_MODE_UPDATE | 1 << HR_MODE_COMPLETE,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .option_prefix = "kafka.",
    .takes_records = true,
    .open = kafka_open,
    .close = kafka_close,
    .begin_epoch = kafka_begin,
    .open_writer = kafka_writer,
    .commit_epoch = kafka_commit,
    .abort_epoch = kafka_abort,
    .describe = kafka_describe,
    .identity = kafka_identity,
};
