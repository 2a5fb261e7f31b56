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
#include <regex.h>

#include "column/type_parse.h"
#include "connector/kafka/source.h"

#define OPT(member, type, option, default_, min, max, doc) \
    {option, type, offsetof(struct kafka_options, member), default_, min, max, NULL, doc}
static const struct hr_opt_spec specs[] = {
    OPT(bootstrap, HR_OPT_STRING, "kafka.bootstrap.servers", NULL, 0, 0, "host:port,host:port"),
    OPT(subscribe, HR_OPT_STRING, "subscribe", NULL, 0, 0, "topics, separated by commas"),
    OPT(pattern, HR_OPT_STRING, "subscribePattern", NULL, 0, 0, "regular expression of topics"),
    OPT(assign, HR_OPT_STRING, "assign", NULL, 0, 0, "{\"topicA\":[0,1]}"),
    OPT(starting, HR_OPT_STRING, "startingOffsets", NULL, 0, 0,
        "earliest, latest or {\"topic\":{\"0\":12}}; -2 earliest, -1 latest; for a new query; "
        "none: only the group's, see groupOffsets"),
    OPT(group_offsets, HR_OPT_BOOL, "groupOffsets", "false", 0, 0,
        "a new query starts where the group kafka.group.id has committed, and commits to it"),
    OPT(ending, HR_OPT_STRING, "endingOffsets", "latest", 0, 0, "the same, for a batch query"),
    OPT(starting_timestamp, HR_OPT_STRING, "startingTimestamp", NULL, 0, 0,
        "ms since 1970: the first offsets at or after it"),
    OPT(ending_timestamp, HR_OPT_STRING, "endingTimestamp", NULL, 0, 0, "the same, for the end"),
    OPT(max_offsets, HR_OPT_INT, "maxOffsetsPerTrigger", "0", 0, INT64_MAX,
        "messages an epoch takes, split in proportion to what each partition has"),
    OPT(fail_on_data_loss, HR_OPT_BOOL, "failOnDataLoss", "true", 0, 0,
        "an error when messages are gone before they were read"),
    OPT(headers, HR_OPT_BOOL, "includeHeaders", "false", 0, 0, "a column headers"),
    OPT(format, HR_OPT_STRING, "format", NULL, 0, 0,
        "json, csv or text: decode value into the table's columns"),
    OPT(poll_timeout_ms, HR_OPT_INT, "kafkaConsumer.pollTimeoutMs", "120000", 1, INT32_MAX,
        "how long a read waits for a message that should be there"),
    OPT(request_timeout_ms, HR_OPT_INT, "kafka.request.timeout.ms", "10000", 1, INT32_MAX,
        "how long a broker may take to answer"),
    {"startingOffsetsByTimestamp", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL,
     "say startingTimestamp, one for all partitions"},
    {"endingOffsetsByTimestamp", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL,
     "say endingTimestamp, one for all partitions"},
    {"startingOffsetsByTimestampStrategy", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL,
     "a timestamp without offset is an error"},
    {"minPartitions", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "a partition is one split"},
    {"maxRecordsPerPartition", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "a partition is one split"},
    {"minOffsetsPerTrigger", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "say a trigger instead"},
    {"maxTriggerDelay", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "say a trigger instead"},
    {"groupIdPrefix", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "say kafka.group.id"},
    {"fetchOffset.numRetries", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL, "say kafka.request.timeout.ms"},
    {"fetchOffset.retryIntervalMs", HR_OPT_REFUSED, 0, NULL, 0, 0, NULL,
     "say kafka.request.timeout.ms"},
};

static struct kafka_source *self(struct hr_source *source)
{
    return HR_CONTAINER_OF(source, struct kafka_source, base);
}

static int timeout(const struct kafka_source *s)
{
    return (int)s->options.request_timeout_ms;
}

static void kafka_close(struct hr_source *source)
{
    struct kafka_source *s = self(source);
    while (s->partitions) {
        struct kafka_partition *p = s->partitions;
        s->partitions = p->next;
        hr_kafka_partition_free(p);
    }
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
        if (!args->schema || !args->schema->field_count) return HR_OK;
        hr_status status = hr_connector_fixed_schema("kafka", args->schema, s->base.schema, err);
        return status ? hr_err_prefix(err, "for columns of your own say format 'json'") : HR_OK;
    }
    s->format = hr_format_find(s->options.format);
    if (!s->format)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option format: %s is unknown", s->options.format);
    s->base.schema = args->schema;
    if (args->schema && args->schema->field_count) return HR_OK;
    if (strcmp(s->format->name, "text") == 0)
        return hr_schema_parse(hr_sv("value STRING"), &s->base.schema, err);
    return HR_FAIL(err, HR_E_INVALID_ARGUMENT,
                   "a Kafka table of format %s needs its columns to be given", s->format->name);
}

static hr_status setup(struct kafka_source *s, const struct hr_source_args *args,
                       struct hr_err *err)
{
    hr_options_init(&s->all_options, &s->arena);
    for (uint32_t i = 0; args->options && i < args->options->count; i++)
        HR_TRY(hr_options_put(&s->all_options, args->options->items[i].key,
                              args->options->items[i].value, err));
    struct kafka_options *o = &s->options;
    HR_TRY(hr_options_parse(specs, HR_COUNT(specs), &s->all_options, o, err));
    if (!o->subscribe + !o->pattern + !o->assign != 2)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "one of the options subscribe, subscribePattern "
                       "and assign must be given");
    if (hr_options_get(&s->all_options, "kafka.group.id") == NULL &&
        hr_options_get(&s->all_options, "group.id"))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option group.id: say kafka.group.id");
    if (o->group_offsets && !hr_options_get(&s->all_options, "kafka.group.id"))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option groupOffsets: needs kafka.group.id");
    if (!o->starting) o->starting = args->streaming ? "latest" : "earliest";
    if (hr_str_eq_nocase(o->starting, "none") && !o->group_offsets)
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option startingOffsets: none needs groupOffsets");
    if (!args->streaming && hr_str_eq_nocase(o->starting, "latest"))
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option startingOffsets: a batch query cannot start at latest");
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
    s->base.flags = HR_SOURCE_BATCH | HR_SOURCE_STREAM | HR_SOURCE_REPLAYABLE;
    hr_status status = setup(s, args, err);
    if (status) {
        kafka_close(&s->base);
        return status;
    }
    *ret = &s->base;
    return HR_OK;
}

/* --- Partitions ------------------------------------------------------------------------------- */

static bool named(const char *list, const char *topic)
{
    size_t len = strlen(topic);
    for (const char *p = list; *p;) {
        const char *comma = strchr(p, ',');
        struct hr_str_view one = hr_sv_trim(hr_svn(p, comma ? (size_t)(comma - p) : strlen(p)));
        if (one.len == len && memcmp(one.ptr, topic, len) == 0) return true;
        p = comma ? comma + 1 : p + strlen(p);
    }
    return false;
}

static hr_status add_topic(struct kafka_source *s, const struct rd_kafka_metadata_topic *topic,
                           struct hr_arena *arena, struct kafka_offsets *ret, struct hr_err *err)
{
    if (topic->err && topic->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        return hr_kafka_error(s->options.bootstrap, topic->topic, topic->err, err);
    const char *name = hr_arena_strdup(arena, topic->topic);
    if (!name) return HR_OOM(err);
    for (int i = 0; i < topic->partition_cnt; i++)
        HR_TRY(hr_kafka_offsets_add(arena, ret, name, topic->partitions[i].id, KAFKA_LATEST, err));
    return HR_OK;
}

/* {"topicA":[0,1]} */
static hr_status parse_assign(struct kafka_source *s, struct hr_arena *arena,
                              struct kafka_offsets *ret, struct hr_err *err)
{
    const char *p = s->options.assign;
    while ((p = strchr(p, '"'))) {
        const char *end = strchr(p + 1, '"'), *open = end ? strchr(end, '[') : NULL;
        if (!open) break;
        const char *name = hr_arena_strndup(arena, p + 1, (size_t)(end - p - 1));
        if (!name) return HR_OOM(err);
        for (p = open + 1; *p && *p != ']';) {
            size_t len = strspn(p, "0123456789");
            int64_t partition;
            if (len && hr_parse_i64(hr_svn(p, len), &partition))
                HR_TRY(
                    hr_kafka_offsets_add(arena, ret, name, (int32_t)partition, KAFKA_LATEST, err));
            p += len ? len : 1;
        }
    }
    if (ret->count) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_OPTION, "option assign: expected e.g. {\"topicA\":[0,1]}");
}

static bool wanted_topic(const struct kafka_source *s, const regex_t *pattern, const char *topic)
{
    regmatch_t match;
    if (s->options.subscribe) return named(s->options.subscribe, topic);
    return regexec(pattern, topic, 1, &match, 0) == 0 && match.rm_so == 0 &&
           (size_t)match.rm_eo == strlen(topic);
}

static hr_status find_partitions(struct kafka_source *s, struct hr_arena *arena,
                                 struct kafka_offsets *ret, struct hr_err *err)
{
    const struct rd_kafka_metadata *metadata;
    regex_t pattern;
    if (s->options.assign) {
        HR_TRY(parse_assign(s, arena, ret, err));
        hr_kafka_offsets_sort(ret);
        return HR_OK;
    }
    if (s->options.pattern && regcomp(&pattern, s->options.pattern, REG_EXTENDED))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option subscribePattern: not a pattern: %s",
                       s->options.pattern);
    rd_kafka_resp_err_t error = rd_kafka_metadata(s->client, 1, NULL, &metadata, timeout(s));
    hr_status status = error ? hr_kafka_error(s->options.bootstrap, "metadata", error, err) : HR_OK;
    for (int i = 0; !status && i < metadata->topic_cnt; i++)
        if (wanted_topic(s, &pattern, metadata->topics[i].topic))
            status = add_topic(s, &metadata->topics[i], arena, ret, err);
    if (!error) rd_kafka_metadata_destroy(metadata);
    if (s->options.pattern) regfree(&pattern);
    if (!status && ret->count == 0)
        status = HR_FAIL(err, HR_E_UNAVAILABLE, "the Kafka broker %s has no topic %s",
                         s->options.bootstrap,
                         s->options.subscribe ? s->options.subscribe : s->options.pattern);
    hr_kafka_offsets_sort(ret);
    return status;
}

/* Turns every offset -1, -2 (or, with by_time, time) into a real one, a request a broker. */
static hr_status resolve(struct kafka_source *s, struct kafka_offsets *offsets, bool by_time,
                         struct hr_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)offsets->count);
    for (uint32_t i = 0; i < offsets->count; i++) {
        const struct kafka_offset *o = &offsets->items[i];
        if (o->offset < 0 || by_time)
            rd_kafka_topic_partition_list_add(list, o->topic, o->partition)->offset = o->offset;
    }
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    if (list->cnt) error = rd_kafka_offsets_for_times(s->client, list, timeout(s));
    hr_status status = error ? hr_kafka_error(s->options.bootstrap, "offsets", error, err) : HR_OK;
    for (int i = 0, j = 0; !status && i < (int)offsets->count && j < list->cnt; i++) {
        struct kafka_offset *o = &offsets->items[i];
        const rd_kafka_topic_partition_t *got = &list->elems[j];
        if (strcmp(o->topic, got->topic) != 0 || o->partition != got->partition) continue;
        j++;
        if (got->err)
            status = hr_kafka_error(s->options.bootstrap, o->topic, got->err, err);
        int64_t low = 0, high = 0;
        if (!status && got->offset >= 0) {
            o->offset = got->offset;
        } else if (!status) { /* nothing at or after that time: the end */
            error = rd_kafka_query_watermark_offsets(s->client, o->topic, o->partition, &low,
                                                     &high, timeout(s));
            if (error) status = hr_kafka_error(s->options.bootstrap, o->topic, error, err);
            o->offset = o->offset == KAFKA_EARLIEST ? low : high;
        }
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

/* The partitions with the offsets that an option says. */
static hr_status offsets_of(struct kafka_source *s, const char *option, const char *timestamp,
                            struct hr_arena *arena, struct kafka_offsets *ret, struct hr_err *err)
{
    struct kafka_offsets given = {0};
    int64_t all = KAFKA_LATEST;
    HR_TRY(find_partitions(s, arena, ret, err));
    if (timestamp && (!hr_parse_i64(hr_sv(timestamp), &all) || all < 0))
        return HR_FAIL(err, HR_E_INVALID_OPTION, "option startingTimestamp or endingTimestamp: "
                       "milliseconds, not %s", timestamp);
    if (!timestamp && hr_str_eq_nocase(option, "earliest"))
        all = KAFKA_EARLIEST;
    else if (!timestamp && !hr_str_eq_nocase(option, "latest"))
        HR_TRY(hr_kafka_offsets_parse(arena, option, &given, err));
    for (uint32_t i = 0; i < ret->count; i++) {
        struct kafka_offset *o = &ret->items[i];
        const struct kafka_offset *from = hr_kafka_offsets_find(&given, o->topic, o->partition);
        if (given.count && !from)
            return HR_FAIL(err, HR_E_INVALID_OPTION, "offsets are given for some partitions, but "
                           "not for %s-%d", o->topic, (int)o->partition);
        o->offset = from ? from->offset : all;
    }
    return resolve(s, ret, timestamp != NULL, err);
}

/* --- Splits ----------------------------------------------------------------------------------- */

static hr_status make_splits(const struct kafka_offsets *from, const struct kafka_offsets *to,
                             struct hr_arena *arena, struct hr_split **ret_splits,
                             uint32_t *ret_count, struct hr_err *err)
{
    struct hr_split *splits = HR_NEW_ARRAY(arena, struct hr_split, to->count + 1);
    uint32_t count = 0;
    if (!splits) return HR_OOM(err);
    for (uint32_t i = 0; i < to->count; i++) {
        const struct kafka_offset *end = &to->items[i];
        const struct kafka_offset *start = hr_kafka_offsets_find(from, end->topic, end->partition);
        if (!start || start->offset >= end->offset) continue;
        struct kafka_range *range = HR_NEW(arena, struct kafka_range);
        if (!range) return HR_OOM(err);
        *range = (struct kafka_range){end->topic, end->partition, start->offset, end->offset};
        splits[count++] = (struct hr_split){
            .data = range,
            .description = hr_arena_printf(arena, "%s-%d [%lld, %lld)", end->topic,
                                           (int)end->partition, (long long)start->offset,
                                           (long long)end->offset),
            .rows_estimate = end->offset - start->offset,
            .bytes_estimate = -1,
            .watermark_partition = i,
        };
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
    HR_TRY(resolve(s, &added, false, err));
    for (uint32_t i = 0; i < added.count; i++)
        HR_TRY(hr_kafka_offsets_add(arena, from, added.items[i].topic, added.items[i].partition,
                                    added.items[i].offset, err));
    return HR_OK;
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
        HR_TRY(
            offsets_of(s, s->options.starting, s->options.starting_timestamp, arena, &from, err));
    if (end)
        HR_TRY(hr_kafka_offsets_parse(arena, end, &to, err));
    else
        HR_TRY(offsets_of(s, s->options.ending, s->options.ending_timestamp, arena, &to, err));
    HR_TRY(add_new(s, &to, arena, &from, err));
    return make_splits(&from, &to, arena, ret_splits, ret_count, err);
}

/* --- Streaming -------------------------------------------------------------------------------- */

static hr_status kafka_initial(struct hr_source *source, struct hr_buf *ret, struct hr_err *err)
{
    struct kafka_source *s = self(source);
    struct hr_arena arena;
    struct kafka_offsets offsets = {0};
    bool none = hr_str_eq_nocase(s->options.starting, "none");
    hr_arena_init(&arena, NULL);
    hr_status status = offsets_of(s, none ? "latest" : s->options.starting,
                                  s->options.starting_timestamp, &arena, &offsets, err);
    /* Offsets that are named one by one, or by a time, come before the group's. */
    bool named = none || hr_str_eq_nocase(s->options.starting, "earliest") ||
                 hr_str_eq_nocase(s->options.starting, "latest");
    if (!status && s->options.group_offsets && named && !s->options.starting_timestamp)
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

static hr_status latest(struct kafka_source *s, const char *start,
                        const struct hr_read_limit *limit, struct hr_arena *arena,
                        struct kafka_offsets *to, struct hr_err *err)
{
    struct kafka_offsets from = {0};
    if (start) HR_TRY(hr_kafka_offsets_parse(arena, start, &from, err));
    HR_TRY(find_partitions(s, arena, to, err));
    for (uint32_t i = 0; i < from.count; i++) {
        const struct kafka_offset *f = &from.items[i];
        if (hr_kafka_offsets_find(to, f->topic, f->partition)) continue;
        if (s->options.fail_on_data_loss)
            return HR_FAIL(err, HR_E_DATA_LOSS, "partition %s-%d is gone; set failOnDataLoss "
                           "'false' to go on without it", f->topic, (int)f->partition);
    }
    HR_TRY(resolve(s, to, false, err));
    hr_arena_reset(&s->ends_arena);
    memset(&s->ends, 0, sizeof s->ends);
    for (uint32_t i = 0; i < to->count; i++) {
        struct kafka_offset *t = &to->items[i];
        const char *name = hr_arena_strdup(&s->ends_arena, t->topic);
        if (!name) return HR_OOM(err);
        HR_TRY(hr_kafka_offsets_add(&s->ends_arena, &s->ends, name, t->partition, t->offset, err));
        const struct kafka_offset *f = hr_kafka_offsets_find(&from, t->topic, t->partition);
        if (!f || t->offset >= f->offset) continue;
        if (s->options.fail_on_data_loss)
            return HR_FAIL(err, HR_E_DATA_LOSS, "%s-%d ends at %lld, before offset %lld, which was "
                           "read already (the topic was made anew?); set failOnDataLoss 'false' to "
                           "go on", t->topic, (int)t->partition, (long long)t->offset,
                           (long long)f->offset);
    }
    struct hr_read_limit both = limit ? *limit : (struct hr_read_limit){0};
    int64_t max = s->options.max_offsets;
    if (max) both.max_rows = both.max_rows ? HR_MIN(max, both.max_rows) : max;
    if (!both.max_rows && !both.max_rows_per_partition) return HR_OK;
    HR_TRY(add_new(s, to, arena, &from, err)); /* so that they are limited, too */
    apply_limit(&from, to, &both);
    return HR_OK;
}

static hr_status kafka_latest(struct hr_source *source, const char *start,
                              const struct hr_read_limit *limit, struct hr_buf *ret,
                              struct hr_err *err)
{
    struct hr_arena arena;
    struct kafka_offsets to = {0};
    hr_arena_init(&arena, NULL);
    hr_status status = latest(self(source), start, limit, &arena, &to, err);
    if (!status) hr_kafka_offsets_print(&to, ret);
    hr_arena_done(&arena);
    return status ? status : hr_buf_status(ret, err);
}

static hr_status kafka_final(struct hr_source *source, const char *start, struct hr_buf *ret,
                             struct hr_err *err)
{
    struct kafka_source *s = self(source);
    int64_t max = s->options.max_offsets;
    s->options.max_offsets = 0;
    hr_status status = kafka_latest(source, start, NULL, ret, err);
    s->options.max_offsets = max;
    return status;
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
    .poll_interval_us = 5000,
};
