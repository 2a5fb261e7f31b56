/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which partitions a table has, and the offsets that its options name: what is named and not there,
 * and what is there and not named, is an error, as in Spark.
 *
 * Threads: as planning, the query's own.
 */
#include "connector/kafka/source.h"

static int timeout(const struct kafka_source *s)
{
    return (int)s->options.request_timeout_ms;
}

/* --- Partitions ------------------------------------------------------------------------------- */

/* Java's consumers never match these by a pattern. */
static bool is_internal(const char *topic)
{
    static const char *const names[] = {"__consumer_offsets", "__transaction_state",
                                        "__share_group_state"};
    for (size_t i = 0; i < HR_COUNT(names); i++)
        if (strcmp(topic, names[i]) == 0) return true;
    return false;
}

/* The next name of a list, and *p behind it; false at the end. */
static bool next_name(const char **p, struct hr_str_view *ret)
{
    if (!**p) return false;
    size_t len = strcspn(*p, ",");
    *ret = hr_sv_trim(hr_svn(*p, len));
    *p += len + ((*p)[len] == ',');
    return true;
}

static bool named(const char *list, const char *topic)
{
    struct hr_str_view one;
    while (next_name(&list, &one))
        if (hr_sv_eq(one, hr_sv(topic))) return true;
    return false;
}

static hr_status wanted_topic(struct kafka_source *s, struct hr_arena *arena, const char *topic,
                              bool *ret, struct hr_err *err)
{
    const struct kafka_options *o = &s->options;
    const size_t *groups;
    uint32_t count;
    *ret = false;
    if (o->assign) {
        for (uint32_t i = 0; i < s->assigned.count && !*ret; i++)
            *ret = strcmp(s->assigned.items[i].topic, topic) == 0;
    } else if (o->subscribe) {
        *ret = named(o->subscribe, topic);
    } else if (!is_internal(topic)) {
        HR_TRY(hr_regex_find(s->pattern, arena, hr_sv(topic), 0, &groups, &count, err));
        *ret = count > 0;
    }
    return HR_OK;
}

static hr_status add_topic(struct kafka_source *s, const struct rd_kafka_metadata_topic *topic,
                           struct hr_arena *arena, struct kafka_offsets *ret, struct hr_err *err)
{
    if (topic->err && topic->err != RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
        return hr_kafka_error(s->options.bootstrap, topic->topic, topic->err, err);
    const char *name = hr_arena_strdup(arena, topic->topic);
    if (!name) return HR_OOM(err);
    for (int i = 0; i < topic->partition_cnt; i++) {
        int32_t id = topic->partitions[i].id;
        if (s->options.assign && !hr_kafka_offsets_find(&s->assigned, name, id)) continue;
        HR_TRY(hr_kafka_offsets_add(arena, ret, name, id, KAFKA_LATEST, err));
    }
    return HR_OK;
}

static bool has_topic(const struct kafka_offsets *offsets, struct hr_str_view topic)
{
    for (uint32_t i = 0; offsets && i < offsets->count; i++)
        if (hr_sv_eq(hr_sv(offsets->items[i].topic), topic)) return true;
    return false;
}

static hr_status missing(struct kafka_source *s, struct hr_str_view topic, struct hr_err *err)
{
    return HR_FAIL(err, HR_E_NOT_FOUND, "the Kafka broker %s has no topic %.*s",
                   s->options.bootstrap, (int)topic.len, topic.ptr);
}

/* Everything that the options name is in found. What the query has read before and is gone now
 * (known) is for failOnDataLoss to judge. */
static hr_status check_named(struct kafka_source *s, const struct kafka_offsets *known,
                             const struct kafka_offsets *found, struct hr_err *err)
{
    const char *list = s->options.subscribe;
    struct hr_str_view topic;
    while (list && next_name(&list, &topic))
        if (!has_topic(found, topic) && !has_topic(known, topic)) return missing(s, topic, err);
    for (uint32_t i = 0; s->options.assign && i < s->assigned.count; i++) {
        const struct kafka_offset *a = &s->assigned.items[i];
        if (hr_kafka_offsets_find(found, a->topic, a->partition) ||
            (known && hr_kafka_offsets_find(known, a->topic, a->partition)))
            continue;
        if (!has_topic(found, hr_sv(a->topic))) return missing(s, hr_sv(a->topic), err);
        return HR_FAIL(err, HR_E_NOT_FOUND, "option assign: topic %s has no partition %d", a->topic,
                       (int)a->partition);
    }
    /* A stream may wait for topics to come. */
    if (found->count || known || (s->options.pattern && s->streaming)) return HR_OK;
    return missing(s, hr_sv(s->options.pattern ? s->options.pattern : ""), err);
}

hr_status hr_kafka_find_partitions(struct kafka_source *s, const struct kafka_offsets *known,
                                   struct hr_arena *arena, struct kafka_offsets *ret,
                                   struct hr_err *err)
{
    const struct rd_kafka_metadata *metadata;
    /* All topics: asking for one by name makes some brokers create it. */
    rd_kafka_resp_err_t error = rd_kafka_metadata(s->client, 1, NULL, &metadata, timeout(s));
    if (error) return hr_kafka_error(s->options.bootstrap, "metadata", error, err);
    hr_status status = HR_OK;
    for (int i = 0; !status && i < metadata->topic_cnt; i++) {
        bool wanted;
        status = wanted_topic(s, arena, metadata->topics[i].topic, &wanted, err);
        if (!status && wanted) status = add_topic(s, &metadata->topics[i], arena, ret, err);
    }
    rd_kafka_metadata_destroy(metadata);
    HR_TRY(status);
    hr_kafka_offsets_sort(ret);
    return check_named(s, known, ret, err);
}

/* --- Offsets ---------------------------------------------------------------------------------- */

/* One request a broker. Times in ms, or KAFKA_EARLIEST and KAFKA_LATEST, become offsets in place;
 * KAFKA_LATEST stays where no message is at or after the time. */
static hr_status ask(struct kafka_source *s, struct kafka_offsets *times, struct hr_err *err)
{
    if (!times->count) return HR_OK;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)times->count);
    if (!list) return HR_OOM(err);
    for (uint32_t i = 0; i < times->count; i++) {
        const struct kafka_offset *o = &times->items[i];
        rd_kafka_topic_partition_list_add(list, o->topic, o->partition)->offset = o->offset;
    }
    rd_kafka_resp_err_t error = rd_kafka_offsets_for_times(s->client, list, timeout(s));
    hr_status status = error ? hr_kafka_error(s->options.bootstrap, "offsets", error, err) : HR_OK;
    for (uint32_t i = 0; !status && i < times->count; i++) {
        struct kafka_offset *o = &times->items[i];
        const rd_kafka_topic_partition_t *got = &list->elems[i];
        if (strcmp(got->topic, o->topic) != 0 || got->partition != o->partition)
            got = rd_kafka_topic_partition_list_find(list, o->topic, o->partition);
        if (got->err) status = hr_kafka_error(s->options.bootstrap, o->topic, got->err, err);
        o->offset = got->offset >= 0 ? got->offset : KAFKA_LATEST;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

hr_status hr_kafka_resolve(struct kafka_source *s, struct kafka_offsets *offsets,
                           struct hr_err *err)
{
    struct kafka_offsets open = {0};
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_status status = HR_OK;
    for (uint32_t i = 0; !status && i < offsets->count; i++) {
        const struct kafka_offset *o = &offsets->items[i];
        if (o->offset < 0)
            status =
                hr_kafka_offsets_add(&arena, &open, o->topic, o->partition, o->offset, err);
    }
    if (!status) status = ask(s, &open, err);
    for (uint32_t i = 0, j = 0; !status && i < offsets->count; i++)
        if (offsets->items[i].offset < 0) offsets->items[i].offset = open.items[j++].offset;
    hr_arena_done(&arena);
    return status;
}

/* The same partitions, all with one offset (or time). */
static hr_status fill(struct hr_arena *arena, const struct kafka_offsets *partitions,
                      int64_t offset, struct kafka_offsets *ret, struct hr_err *err)
{
    for (uint32_t i = 0; i < partitions->count; i++)
        HR_TRY(hr_kafka_offsets_add(arena, ret, partitions->items[i].topic,
                                    partitions->items[i].partition, offset, err));
    return HR_OK;
}

/* Given offsets lie within what the broker has; or, where lost data may pass, are moved there. */
static hr_status check_bounds(struct kafka_source *s, const char *option, struct hr_arena *arena,
                              struct kafka_offsets *offsets, struct hr_err *err)
{
    struct kafka_offsets low = {0}, high = {0};
    HR_TRY(fill(arena, offsets, KAFKA_EARLIEST, &low, err));
    HR_TRY(fill(arena, offsets, KAFKA_LATEST, &high, err));
    HR_TRY(ask(s, &low, err));
    HR_TRY(ask(s, &high, err));
    for (uint32_t i = 0; i < offsets->count; i++) {
        struct kafka_offset *o = &offsets->items[i];
        int64_t first = low.items[i].offset, end = high.items[i].offset;
        if (o->offset < 0 || (o->offset >= first && o->offset <= end)) continue;
        if (s->options.fail_on_data_loss)
            return HR_FAIL(err, HR_E_DATA_LOSS, "option %s: offset %lld of %s-%d is not within the "
                           "messages that are there, [%lld, %lld); set failOnDataLoss 'false' to "
                           "take the nearest", option, (long long)o->offset, o->topic,
                           (int)o->partition, (long long)first, (long long)end);
        o->offset = o->offset < first ? first : end;
    }
    return HR_OK;
}

/* The option's partitions are those that there are: Spark's rule. */
static hr_status take_given(const char *option, const struct kafka_offsets *given,
                            struct kafka_offsets *ret, struct hr_err *err)
{
    for (uint32_t i = 0; i < given->count; i++) {
        const struct kafka_offset *g = &given->items[i];
        if (!hr_kafka_offsets_find(ret, g->topic, g->partition))
            return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: names %s-%d, which is not among "
                           "the partitions of this table", option, g->topic, (int)g->partition);
    }
    for (uint32_t i = 0; i < ret->count; i++) {
        struct kafka_offset *o = &ret->items[i];
        const struct kafka_offset *g = hr_kafka_offsets_find(given, o->topic, o->partition);
        if (!g)
            return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: says nothing of %s-%d; it must "
                           "name all partitions (-1: latest, -2: earliest)", option, o->topic,
                           (int)o->partition);
        o->offset = g->offset;
    }
    return HR_OK;
}

/* ret has a time each. A time without a message: by startingOffsetsByTimestampStrategy an error or
 * the end; always the end where the reading ends. */
static hr_status by_time(struct kafka_source *s, const struct kafka_bound *bound,
                         struct hr_arena *arena, struct kafka_offsets *ret, struct hr_err *err)
{
    struct kafka_offsets times = {0};
    for (uint32_t i = 0; i < ret->count; i++) {
        const struct kafka_offset *o = &ret->items[i];
        if (o->offset < 0)
            return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: times are milliseconds since "
                           "1970, not %lld", bound->timestamps_name, (long long)o->offset);
        HR_TRY(hr_kafka_offsets_add(arena, &times, o->topic, o->partition, o->offset, err));
    }
    HR_TRY(ask(s, ret, err));
    for (uint32_t i = 0; i < ret->count; i++) {
        const struct kafka_offset *o = &ret->items[i];
        if (o->offset >= 0 || bound->ending || s->options.strategy == KAFKA_UNMATCHED_LATEST)
            continue;
        return HR_FAIL(err, HR_E_INVALID_OPTION, "No offset matched from request of "
                       "topic-partition %s-%d and timestamp %lld; "
                       "startingOffsetsByTimestampStrategy 'latest' starts there at the end",
                       o->topic, (int)o->partition, (long long)times.items[i].offset);
    }
    return hr_kafka_resolve(s, ret, err);
}

/* A batch query ends where it can: not before the beginning, nor does it begin at the end. */
static hr_status check_batch(const struct kafka_source *s, const struct kafka_bound *bound,
                             const struct kafka_offsets *offsets, struct hr_err *err)
{
    int64_t wrong = bound->ending ? KAFKA_EARLIEST : KAFKA_LATEST;
    for (uint32_t i = 0; !s->streaming && i < offsets->count; i++)
        if (offsets->items[i].offset == wrong)
            return HR_FAIL(err, HR_E_INVALID_OPTION, "option %s: %s-%d can't be %s for batch "
                           "queries on Kafka", bound->offsets_name, offsets->items[i].topic,
                           (int)offsets->items[i].partition,
                           bound->ending ? "earliest" : "latest");
    return HR_OK;
}

hr_status hr_kafka_offsets_of(struct kafka_source *s, const struct kafka_bound *bound,
                              struct hr_arena *arena, struct kafka_offsets *ret,
                              struct hr_err *err)
{
    struct kafka_offsets given = {0};
    bool earliest = hr_str_eq_nocase(bound->offsets, "earliest");
    HR_TRY(hr_kafka_find_partitions(s, NULL, arena, ret, err));
    if (bound->timestamp >= 0) {
        for (uint32_t i = 0; i < ret->count; i++) ret->items[i].offset = bound->timestamp;
        return by_time(s, bound, arena, ret, err);
    }
    if (bound->timestamps) {
        HR_TRY(hr_kafka_offsets_parse(arena, bound->timestamps, &given, err));
        HR_TRY(take_given(bound->timestamps_name, &given, ret, err));
        return by_time(s, bound, arena, ret, err);
    }
    if (earliest || hr_str_eq_nocase(bound->offsets, "latest")) {
        for (uint32_t i = 0; i < ret->count; i++)
            ret->items[i].offset = earliest ? KAFKA_EARLIEST : KAFKA_LATEST;
    } else {
        HR_TRY(hr_kafka_offsets_parse(arena, bound->offsets, &given, err));
        HR_TRY(take_given(bound->offsets_name, &given, ret, err));
        HR_TRY(check_batch(s, bound, ret, err));
        HR_TRY(check_bounds(s, bound->offsets_name, arena, ret, err));
    }
    return hr_kafka_resolve(s, ret, err);
}
