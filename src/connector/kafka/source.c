/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kafka as a source: which partitions there are, where they end, what an epoch takes. Offsets are
 * kept by the query; with groupOffsets they are also committed to the group, where a query without
 * a checkpoint takes them up again. Raw columns as Spark's (key, value, topic, partition, offset,
 * timestamp, timestampType, headers), or with format 'json'|'csv'|'text' the table's own, decoded
 * from value.
 *
 * Threads: planning belongs to the query's thread; readers share the client (reader.c).
 */
#include <stdio.h>

#include "base/hash.h"
#include "column/type_parse.h"
#include "connector/kafka/source.h"

#define QUEUES_KB  65536u
#define REFRESH_NS INT64_C(1000000000) /* new partitions are found within it */

#define OPT(member, type, option, default_, min, max, doc) \
    {option, type, offsetof(struct kafka_options, member), default_, min, max, NULL, doc}
static const struct hr_opt_spec specs[] = {
    OPT(bootstrap, HR_OPT_STRING, "kafka.bootstrap.servers", NULL, 0, 0, "host:port,host:port"),
    OPT(subscribe, HR_OPT_STRING, "subscribe", NULL, 0, 0, "topics, separated by commas"),
    OPT(pattern, HR_OPT_STRING, "subscribePattern", NULL, 0, 0, "regular expression of topics"),
    OPT(assign, HR_OPT_STRING, "assign", NULL, 0, 0, "{\"topicA\":[0,1]}"),
    OPT(start.offsets, HR_OPT_STRING, "startingOffsets", NULL, 0, 0,
        "earliest, latest or {\"topic\":{\"0\":12}}; -2 earliest, -1 latest; for a new query; "
        "none: only the group's, see groupOffsets"),
    OPT(group_offsets, HR_OPT_BOOL, "groupOffsets", "false", 0, 0,
        "a new query starts where the group kafka.group.id has committed, and commits to it"),
    OPT(end.offsets, HR_OPT_STRING, "endingOffsets", NULL, 0, 0,
        "the same, for the end of a batch query, else latest"),
    OPT(start.timestamp, HR_OPT_INT, "startingTimestamp", "-1", -1, INT64_MAX,
        "ms since 1970: the first offsets at or after it; before startingOffsetsByTimestamp and "
        "startingOffsets"),
    OPT(end.timestamp, HR_OPT_INT, "endingTimestamp", "-1", -1, INT64_MAX,
        "the same, for the end of a batch query"),
    OPT(start.timestamps, HR_OPT_STRING, "startingOffsetsByTimestamp", NULL, 0, 0,
        "{\"topic\":{\"0\":ms}}: the same by partition; all must be named"),
    OPT(end.timestamps, HR_OPT_STRING, "endingOffsetsByTimestamp", NULL, 0, 0,
        "the same, for the end of a batch query"),
    {"startingOffsetsByTimestampStrategy", HR_OPT_ENUM, offsetof(struct kafka_options, strategy),
     "error", 0, 0, "error|latest", "where no message is at or after the start's time"},
    OPT(max_offsets, HR_OPT_INT, "maxOffsetsPerTrigger", "0", 0, INT64_MAX,
        "messages an epoch takes, split in proportion to what each partition has"),
    OPT(min_offsets, HR_OPT_INT, "minOffsetsPerTrigger", "0", 0, INT64_MAX,
        "messages that an epoch waits for"),
    OPT(max_delay_us, HR_OPT_DURATION, "maxTriggerDelay", "15m", 0, 0,
        "how long it waits for them"),
    OPT(group_prefix, HR_OPT_STRING, "groupIdPrefix", NULL, 0, 0,
        "the clients' group.id begins so; kafka.group.id says it whole"),
    OPT(fail_on_data_loss, HR_OPT_BOOL, "failOnDataLoss", "true", 0, 0,
        "an error when messages are gone before they were read"),
    OPT(headers, HR_OPT_BOOL, "includeHeaders", "false", 0, 0, "a column headers"),
    OPT(format, HR_OPT_STRING, "format", NULL, 0, 0,
        "json, csv or text: decode value into the table's columns"),
    OPT(poll_timeout_ms, HR_OPT_INT, "kafkaConsumer.pollTimeoutMs", "120000", 1, INT32_MAX,
        "how long a read waits for a message that should be there"),
    OPT(request_timeout_ms, HR_OPT_INT, "kafka.request.timeout.ms", "10000", 1, INT32_MAX,
        "how long a broker may take to answer"),
    {"minPartitions", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "a partition is one split"},
    {"maxRecordsPerPartition", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "a partition is one split"},
    {"fetchOffset.numRetries", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "say kafka.request.timeout.ms"},
    {"fetchOffset.retryIntervalMs", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL,
     "say kafka.request.timeout.ms"},
};

static struct kafka_source *self(struct hr_source *source)
{
    return HR_CONTAINER_OF(source, struct kafka_source, base);
}

static void kafka_close(struct hr_source *source)
{
    struct kafka_source *s = self(source);
    while (s->partitions) {
        struct kafka_partition *p = s->partitions;
        s->partitions = p->next;
        hr_kafka_partition_free(p);
    }
    if (s->consumer) rd_kafka_destroy(s->consumer);
    if (s->client) rd_kafka_destroy(s->client);
    pthread_mutex_destroy(&s->lock);
    hr_arena_done(&s->ends_arena);
    hr_arena_done(&s->arena);
    hr_free(s);
}

/* --- Opening ---------------------------------------------------------------------------------- */

extern const struct hr_source_vt hr_source_kafka;

static hr_status find_schema(struct kafka_source *s, const struct hr_source_args *args,
                             struct hr_err *err)
{
    const char *raw = s->options.headers
                          ? "key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, "
                            "timestamp TIMESTAMP, timestampType INT, headers ARRAY<STRUCT<key: "
                            "STRING, value: BINARY>>"
                          : "key BINARY, value BINARY, topic STRING, partition INT, offset BIGINT, "
                            "timestamp TIMESTAMP, timestampType INT";
    if (!s->options.format) {
        HR_TRY(hr_schema_parse(hr_sv(raw), &s->base.schema, err));
        s->base.flags |= HR_SOURCE_BY_COLUMN;
        if (!args->schema || !args->schema->field_count) return HR_OK;
        hr_status status = hr_connector_fixed_schema("kafka", args->schema, s->base.schema, err);
        return status ? hr_err_prefix(err, "for columns of your own say format 'json'") : HR_OK;
    }
    HR_TRY(hr_format_choose(s->options.format, HR_FORMAT_MESSAGES_IN, &s->format, err));
    return hr_format_schema(s->format, args->schema, "a Kafka table", &s->base.schema, err);
}

static bool has(const struct kafka_source *s, const char *option)
{
    return hr_options_get(&s->all_options, option) != NULL;
}

/* Which partitions: exactly one of three options, and it can be read. */
static hr_status check_strategy(struct kafka_source *s, struct hr_err *err)
{
    struct kafka_options *o = &s->options;
    if (!o->subscribe + !o->pattern + !o->assign != 2)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "one of the options subscribe, subscribePattern "
                       "and assign must be given");
    if (o->subscribe && strspn(o->subscribe, " ,") == strlen(o->subscribe))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option subscribe: names no topic");
    if (o->assign)
        return hr_kafka_assign_parse(&s->arena, o->assign, &s->assigned, err);
    if (!o->pattern) return HR_OK;
    /* The whole name, as Java's matches(). */
    const char *whole = hr_arena_printf(&s->arena, "\\A(?:%s)\\z", o->pattern);
    if (!whole) return HR_OOM(err);
    return hr_regex_compile(&s->arena, hr_sv(whole), "subscribePattern", &s->pattern, err);
}

static hr_status check_group(struct kafka_source *s, struct hr_err *err)
{
    struct kafka_options *o = &s->options;
    if (!has(s, "kafka.group.id") && has(s, "group.id"))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option group.id: say kafka.group.id");
    if (o->group_offsets && !has(s, "kafka.group.id"))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option groupOffsets: needs kafka.group.id");
    if (o->start.offsets && hr_str_eq_nocase(o->start.offsets, "none") && !o->group_offsets)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option startingOffsets: none needs groupOffsets");
    if (!o->group_prefix || has(s, "kafka.group.id")) return HR_OK;
    char uuid[37];
    hr_env_uuid(hr_env_default(), uuid);
    const char *group = hr_arena_printf(&s->arena, "%s-%s", o->group_prefix, uuid);
    return group ? hr_options_put(&s->all_options, "kafka.group.id", group, err) : HR_OOM(err);
}

/* Where reading begins and ends. What a stream may say a batch query may not, and the reverse; a
 * table that is only looked at for its columns is neither yet. */
static hr_status check_bounds(struct kafka_source *s, const struct hr_source_args *args,
                              struct hr_err *err)
{
    static const char *const ends[] = {"endingOffsets", "endingOffsetsByTimestamp",
                                       "endingTimestamp"};
    struct kafka_options *o = &s->options;
    o->start.offsets_name = "startingOffsets";
    o->start.timestamps_name = "startingOffsetsByTimestamp";
    o->end.offsets_name = "endingOffsets";
    o->end.timestamps_name = "endingOffsetsByTimestamp";
    o->end.ending = true;
    if ((has(s, "startingTimestamp") && o->start.timestamp < 0) ||
        (has(s, "endingTimestamp") && o->end.timestamp < 0))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "options startingTimestamp and endingTimestamp: "
                       "milliseconds since 1970, not negative");
    if (o->min_offsets && o->max_offsets && o->min_offsets > o->max_offsets)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option minOffsetsPerTrigger: %lld is more than "
                       "maxOffsetsPerTrigger, %lld", (long long)o->min_offsets,
                       (long long)o->max_offsets);
    bool latest = o->start.offsets && hr_str_eq_nocase(o->start.offsets, "latest");
    if (!o->start.offsets) o->start.offsets = args->streaming ? "latest" : "earliest";
    for (size_t i = 0; args->streaming && i < HR_COUNT(ends); i++)
        if (has(s, ends[i]))
            return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: not valid in streaming queries",
                           ends[i]);
    if (args->streaming || args->schema_only) return HR_OK;
    if (latest && o->start.timestamp < 0 && !o->start.timestamps)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option startingOffsets: can't be latest for batch queries on Kafka");
    if (o->end.offsets && hr_str_eq_nocase(o->end.offsets, "earliest"))
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option endingOffsets: can't be earliest for batch queries on Kafka");
    return HR_OK;
}

static hr_status setup(struct kafka_source *s, const struct hr_source_args *args,
                       struct hr_err *err)
{
    hr_options_init(&s->all_options, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(&s->all_options, args->options->items[i].key,
                              args->options->items[i].value, err));
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), &s->all_options, &s->options, err));
    HR_TRY(check_strategy(s, err));
    HR_TRY(check_group(s, err));
    HR_TRY(check_bounds(s, args, err));
    if (!s->options.end.offsets) s->options.end.offsets = "latest";
    if (args->conf) s->conf = *args->conf;
    s->streaming = args->streaming;
    HR_TRY(find_schema(s, args, err));
    return hr_kafka_client(RD_KAFKA_CONSUMER, &s->all_options, NULL, &s->client, err);
}

static hr_status kafka_open(const struct hr_source_args *args, struct hr_source **ret,
                            struct hr_err *err)
{
    struct kafka_source *s = hr_zalloc(sizeof *s);
    if (!s) return HR_OOM(err);
    hr_arena_init(&s->arena, NULL);
    hr_arena_init(&s->ends_arena, NULL);
    pthread_mutex_init(&s->lock, NULL);
    s->base.vt = &hr_source_kafka;
    hr_status status = setup(s, args, err);
    if (status) {
        kafka_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

/* --- Splits ----------------------------------------------------------------------------------- */

/* The same whatever other topics and partitions there are. */
static uint32_t partition_number(const char *topic, int32_t partition)
{
    return (uint32_t)hr_hash_bytes(topic, strlen(topic)) << 16 ^ (uint32_t)partition;
}

static hr_status make_splits(struct kafka_source *s, const struct kafka_offsets *from,
                             const struct kafka_offsets *to, struct hr_arena *arena,
                             struct hr_split **ret_splits, uint32_t *ret_count, struct hr_err *err)
{
    struct hr_split *splits = HR_NEW_ARRAY(arena, struct hr_split, to->count + 1);
    uint32_t count = 0;
    if (!splits) return HR_OOM(err);
    for (uint32_t i = 0; i < to->count; i++) {
        const struct kafka_offset *end = &to->items[i];
        const struct kafka_offset *start = hr_kafka_offsets_find(from, end->topic, end->partition);
        if (start && start->offset > end->offset && s->options.fail_on_data_loss)
            return HR_FAIL(err, HR_E_DATA_LOSS, "the range of %s-%d ends at %lld, before its start "
                           "%lld; set failOnDataLoss 'false' to read nothing of it", end->topic,
                           (int)end->partition, (long long)end->offset, (long long)start->offset);
        if (!start || start->offset >= end->offset) continue;
        struct kafka_range *range = HR_NEW(arena, struct kafka_range);
        if (!range) return HR_OOM(err);
        *range = (struct kafka_range){end->topic, end->partition, start->offset, end->offset};
        struct hr_split *split = &splits[count++];
        *split = (struct hr_split){
            .data = range,
            .description = hr_arena_printf(arena, "%s-%d [%lld, %lld)", end->topic,
                                           (int)end->partition, (long long)start->offset,
                                           (long long)end->offset),
            .rows_estimate = end->offset - start->offset,
            .bytes_estimate = -1,
            .watermark_partition = partition_number(end->topic, end->partition),
        };
        split->key = split->description;
    }
    *ret_splits = splits;
    *ret_count = count;
    return HR_OK;
}

/* Partitions that are not in from begin at their beginning. */
static hr_status add_new(struct kafka_source *s, const struct kafka_offsets *to,
                         struct hr_arena *arena, struct kafka_offsets *from, struct hr_err *err)
{
    struct kafka_offsets added = {0};
    for (uint32_t i = 0; i < to->count; i++)
        if (!hr_kafka_offsets_find(from, to->items[i].topic, to->items[i].partition))
            HR_TRY(hr_kafka_offsets_add(arena, &added, to->items[i].topic, to->items[i].partition,
                                        KAFKA_EARLIEST, err));
    HR_TRY(hr_kafka_resolve(s, &added, err));
    for (uint32_t i = 0; i < added.count; i++)
        HR_TRY(hr_kafka_offsets_add(arena, from, added.items[i].topic, added.items[i].partition,
                                    added.items[i].offset, err));
    return HR_OK;
}

/* Each partition's queue of messages fetched ahead has a bound: all of them together QUEUES_KB. To
 * be called before the first is consumed. */
static hr_status bound_queues(struct kafka_source *s, uint32_t partitions, struct hr_err *err)
{
    char text[24];
    if (s->consumer || has(s, "kafka.queued.max.messages.kbytes")) return HR_OK;
    snprintf(text, sizeof text, "%u", HR_MAX(QUEUES_KB / HR_MAX(partitions, 1u), 1024u));
    return hr_options_put(&s->all_options, "kafka.queued.max.messages.kbytes", text, err);
}

static hr_status kafka_plan(struct hr_source *source, const char *start, const char *end,
                            struct hr_arena *arena, struct hr_split **ret_splits,
                            uint32_t *ret_count, struct hr_err *err)
{
    struct kafka_source *s = self(source);
    struct kafka_offsets from = {0}, to = {0};
    if (start)
        HR_TRY(hr_kafka_offsets_parse(arena, start, &from, err));
    else
        HR_TRY(hr_kafka_offsets_of(s, &s->options.start, arena, &from, err));
    if (end)
        HR_TRY(hr_kafka_offsets_parse(arena, end, &to, err));
    else
        HR_TRY(hr_kafka_offsets_of(s, &s->options.end, arena, &to, err));
    HR_TRY(add_new(s, &to, arena, &from, err));
    HR_TRY(bound_queues(s, to.count, err));
    return make_splits(s, &from, &to, arena, ret_splits, ret_count, err);
}

/* --- Streaming -------------------------------------------------------------------------------- */

static hr_status kafka_initial(struct hr_source *source, struct hr_buf *ret, struct hr_err *err)
{
    struct kafka_source *s = self(source);
    struct hr_arena arena;
    struct kafka_offsets offsets = {0};
    struct kafka_bound start = s->options.start;
    bool none = hr_str_eq_nocase(start.offsets, "none");
    if (none) start.offsets = "latest";
    hr_arena_init(&arena, NULL);
    hr_status status = hr_kafka_offsets_of(s, &start, &arena, &offsets, err);
    /* Offsets that are named one by one, or by a time, come before the group's. */
    bool named = hr_str_eq_nocase(start.offsets, "earliest") ||
                 hr_str_eq_nocase(start.offsets, "latest");
    if (!status && s->options.group_offsets && named && start.timestamp < 0 && !start.timestamps)
        status = hr_kafka_committed(s, &offsets, none, err);
    if (!status) hr_kafka_offsets_print(&offsets, ret);
    hr_arena_done(&arena);
    return status ? status : hr_buf_status(ret, err);
}

/* Each partition gets its part of max_rows, in proportion to what it has, at least one message;
 * then the bounds of one partition hold. */
static void apply_limit(const struct kafka_offsets *from, struct kafka_offsets *to,
                        const struct hr_read_limit *limit)
{
    double total = 0;
    for (uint32_t i = 0; i < to->count; i++) {
        const struct kafka_offset *f = hr_kafka_offsets_find(from, to->items[i].topic,
                                                             to->items[i].partition);
        if (f && to->items[i].offset > f->offset)
            total += (double)(to->items[i].offset - f->offset);
    }
    for (uint32_t i = 0; i < to->count; i++) {
        struct kafka_offset *t = &to->items[i];
        const struct kafka_offset *f = hr_kafka_offsets_find(from, t->topic, t->partition);
        if (!f || t->offset <= f->offset) continue;
        int64_t behind = t->offset - f->offset, take = behind;
        if (limit->max_rows && total > (double)limit->max_rows) {
            double part = (double)limit->max_rows * ((double)behind / total);
            take = part < 1 ? 1 : (int64_t)part;
        }
        if (limit->max_rows_per_partition) take = HR_MIN(take, limit->max_rows_per_partition);
        take = HR_MAX(take, limit->min_rows_per_partition);
        t->offset = f->offset + HR_MIN(take, behind);
    }
}

/* minOffsetsPerTrigger: is there too little for an epoch, and not for too long? */
static bool wait_for_more(struct kafka_source *s, const struct kafka_offsets *from,
                          const struct kafka_offsets *to)
{
    int64_t available = 0, now_ns = hr_mono_ns(hr_env_default());
    if (!s->options.min_offsets) return false;
    for (uint32_t i = 0; i < to->count; i++) {
        const struct kafka_offset *t = &to->items[i];
        const struct kafka_offset *f = hr_kafka_offsets_find(from, t->topic, t->partition);
        available += HR_MAX(t->offset - (f ? f->offset : 0), INT64_C(0));
    }
    if (!s->waiting_since_ns) s->waiting_since_ns = now_ns;
    if (available < s->options.min_offsets &&
        now_ns - s->waiting_since_ns < s->options.max_delay_us * 1000)
        return true;
    s->waiting_since_ns = now_ns;
    return false;
}

/* What of the past is gone? */
static hr_status check_loss(const struct kafka_source *s, const struct kafka_offsets *from,
                            const struct kafka_offsets *to, struct hr_err *err)
{
    for (uint32_t i = 0; s->options.fail_on_data_loss && i < from->count; i++) {
        const struct kafka_offset *f = &from->items[i];
        const struct kafka_offset *t = hr_kafka_offsets_find(to, f->topic, f->partition);
        if (!t)
            return HR_FAIL(err, HR_E_DATA_LOSS, "partition %s-%d is gone; set failOnDataLoss "
                           "'false' to go on without it", f->topic, (int)f->partition);
        if (t->offset < f->offset)
            return HR_FAIL(err, HR_E_DATA_LOSS, "%s-%d ends at %lld, before offset %lld, which was "
                           "read already (the topic was made anew?); set failOnDataLoss 'false' to "
                           "go on", t->topic, (int)t->partition, (long long)t->offset,
                           (long long)f->offset);
    }
    return HR_OK;
}

/* For metrics. */
static hr_status keep_ends(struct kafka_source *s, const struct kafka_offsets *to,
                           struct hr_err *err)
{
    hr_arena_reset(&s->ends_arena);
    memset(&s->ends, 0, sizeof s->ends);
    for (uint32_t i = 0; i < to->count; i++) {
        const struct kafka_offset *t = &to->items[i];
        const char *name = hr_arena_strdup(&s->ends_arena, t->topic);
        if (!name) return HR_OOM(err);
        HR_TRY(hr_kafka_offsets_add(&s->ends_arena, &s->ends, name, t->partition, t->offset, err));
    }
    return HR_OK;
}

static bool has_more(const struct kafka_offsets *from, const struct kafka_offsets *to)
{
    for (uint32_t i = 0; i < to->count; i++)
        if (to->items[i].offset > from->items[i].offset) return true;
    return false;
}

/* Where the partitions end. Fetches have told already of most messages; only to say that there are
 * none is the broker asked, so that none is missed that was there before the question. Partitions
 * are looked for once a second. */
static hr_status find_ends(struct kafka_source *s, const struct kafka_offsets *from, bool fresh,
                           struct hr_arena *arena, struct kafka_offsets *to, struct hr_err *err)
{
    int64_t now_ns = hr_mono_ns(hr_env_default());
    if (!fresh && s->wakeup && s->refreshed_ns && now_ns - s->refreshed_ns < REFRESH_NS) {
        HR_TRY(hr_kafka_fetched_ends(s, from, arena, to, err));
        if (has_more(from, to)) return keep_ends(s, to, err);
        for (uint32_t i = 0; i < to->count; i++) to->items[i].offset = KAFKA_LATEST;
    } else {
        HR_TRY(hr_kafka_find_partitions(s, from, arena, to, err));
        s->refreshed_ns = now_ns;
    }
    HR_TRY(hr_kafka_resolve(s, to, err));
    HR_TRY(keep_ends(s, to, err));
    return from ? check_loss(s, from, to, err) : HR_OK;
}

/* Available now: what came since the run began is for the next one, new partitions too. */
static void keep_to_final(const struct kafka_source *s, struct kafka_offsets *to)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < to->count; i++) {
        struct kafka_offset t = to->items[i];
        const struct kafka_offset *f = hr_kafka_offsets_find(&s->final, t.topic, t.partition);
        if (!f) continue;
        t.offset = HR_MIN(t.offset, f->offset);
        to->items[count++] = t;
    }
    to->count = count;
}

static hr_status latest(struct kafka_source *s, const char *start,
                        const struct hr_read_limit *limit, bool fresh, struct hr_arena *arena,
                        struct kafka_offsets *to, struct hr_err *err)
{
    struct kafka_offsets from = {0};
    if (start) HR_TRY(hr_kafka_offsets_parse(arena, start, &from, err));
    HR_TRY(find_ends(s, start ? &from : NULL, fresh || !start, arena, to, err));
    if (s->has_final) keep_to_final(s, to);
    HR_TRY(bound_queues(s, to->count, err));
    HR_TRY(hr_kafka_watch(s, &from, err));
    if (wait_for_more(s, &from, to)) {
        *to = from;
        return HR_OK;
    }
    struct hr_read_limit both = limit ? *limit : (struct hr_read_limit){0};
    int64_t max = s->options.max_offsets;
    if (max) both.max_rows = both.max_rows ? HR_MIN(max, both.max_rows) : max;
    if (!both.max_rows && !both.max_rows_per_partition) return HR_OK;
    HR_TRY(add_new(s, to, arena, &from, err)); /* so that they are limited, too */
    apply_limit(&from, to, &both);
    return HR_OK;
}

static hr_status print_latest(struct kafka_source *s, const char *start,
                              const struct hr_read_limit *limit, bool fresh, struct hr_buf *ret,
                              struct hr_err *err)
{
    struct hr_arena arena;
    struct kafka_offsets to = {0};
    hr_arena_init(&arena, NULL);
    hr_status status = latest(s, start, limit, fresh, &arena, &to, err);
    if (!status) hr_kafka_offsets_print(&to, ret);
    hr_arena_done(&arena);
    return status ? status : hr_buf_status(ret, err);
}

static hr_status kafka_latest(struct hr_source *source, const char *start,
                              const struct hr_read_limit *limit, struct hr_buf *ret,
                              struct hr_err *err)
{
    return print_latest(self(source), start, limit, false, ret, err);
}

static hr_status kafka_final(struct hr_source *source, const char *start, struct hr_buf *ret,
                             struct hr_err *err)
{
    struct kafka_source *s = self(source);
    struct kafka_options saved = s->options;
    s->options.max_offsets = s->options.min_offsets = 0;
    hr_status status = print_latest(s, start, NULL, true, ret, err);
    s->options = saved;
    HR_TRY(status);
    s->has_final = true;
    const char *end = hr_arena_strdup(&s->arena, hr_buf_cstr(ret));
    return end ? hr_kafka_offsets_parse(&s->arena, end, &s->final, err) : HR_OOM(err);
}

static hr_status kafka_subscribe(struct hr_source *source, struct hr_wakeup *wakeup,
                                 struct hr_err *err)
{
    struct kafka_source *s = self(source);
    s->wakeup = wakeup;
    /* Messages end a fetch at once; only silence waits, and costs the less the longer it does. */
    if (has(s, "kafka.fetch.wait.max.ms") || has(s, "kafka.fetch.max.wait.ms")) return HR_OK;
    return hr_options_put(&s->all_options, "kafka.fetch.wait.max.ms", "500", err);
}

static hr_status kafka_commit(struct hr_source *source, const char *end, struct hr_err *err)
{
    struct kafka_source *s = self(source);
    struct kafka_offsets offsets;
    struct hr_arena arena;
    if (!s->options.group_offsets) return HR_OK;
    hr_arena_init(&arena, NULL);
    hr_status status = hr_kafka_offsets_parse(&arena, end, &offsets, err);
    if (!status && offsets.count) status = hr_kafka_commit(s, &offsets, err);
    hr_arena_done(&arena);
    return status;
}

static void kafka_describe(const struct hr_source *source, struct hr_buf *out)
{
    const struct kafka_source *s = HR_CONTAINER_OF(source, const struct kafka_source, base);
    const struct kafka_options *o = &s->options;
    hr_buf_printf(out, "KafkaV2[%s[%s]]",
                  o->subscribe ? "Subscribe" : o->pattern ? "SubscribePattern" : "Assign",
                  o->subscribe ? o->subscribe : o->pattern ? o->pattern : o->assign);
}

static void kafka_metrics(struct hr_source *source, const char *end, struct hr_buf *out)
{
    struct kafka_source *s = self(source);
    struct kafka_offsets to = {0};
    struct hr_arena arena;
    int64_t min = INT64_MAX, max = 0, sum = 0, count = 0;
    hr_arena_init(&arena, NULL);
    if (end && !hr_kafka_offsets_parse(&arena, end, &to, NULL)) {
        for (uint32_t i = 0; i < to.count; i++) {
            const struct kafka_offset *o = &to.items[i];
            const struct kafka_offset *last =
                hr_kafka_offsets_find(&s->ends, o->topic, o->partition);
            int64_t behind = last && last->offset > o->offset ? last->offset - o->offset : 0;
            min = HR_MIN(min, behind);
            max = HR_MAX(max, behind);
            sum += behind;
            count++;
        }
    }
    hr_arena_done(&arena);
    if (count)
        hr_buf_printf(out,
                      "\"avgOffsetsBehindLatest\":\"%.1f\",\"maxOffsetsBehindLatest\":\"%lld\","
                      "\"minOffsetsBehindLatest\":\"%lld\"",
                      (double)sum / (double)count, (long long)max, (long long)min);
}

const struct hr_source_vt hr_source_kafka = {
    .name = "kafka",
    .abi = HR_CONNECTOR_ABI,
    .flags = HR_SOURCE_BATCH | HR_SOURCE_STREAM | HR_SOURCE_REPLAYABLE,
    .options = specs,
    .option_count = HR_COUNT(specs),
    .option_prefix = "kafka.",
    .open = kafka_open,
    .close = kafka_close,
    .plan_splits = kafka_plan,
    .open_reader = hr_kafka_open_reader,
    .initial_offset = kafka_initial,
    .latest_offset = kafka_latest,
    .commit = kafka_commit,
    .final_offset = kafka_final,
    .describe = kafka_describe,
    .identity = kafka_describe,
    .metrics = kafka_metrics,
    .subscribe = kafka_subscribe,
    .poll_interval_us = REFRESH_NS / 1000,
};
