/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a consumer group has committed, without joining the group: partitions are not shared out by
 * it, it only keeps offsets, for a start without a checkpoint and for tools that watch the lag.
 *
 * Threads: as planning, the query's own.
 */
#include "connector/kafka/source.h"

static rd_kafka_topic_partition_list_t *as_list(const struct kafka_offsets *offsets)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)offsets->count);
    for (uint32_t i = 0; list && i < offsets->count; i++) {
        const struct kafka_offset *o = &offsets->items[i];
        rd_kafka_topic_partition_list_add(list, o->topic, o->partition)->offset = o->offset;
    }
    return list;
}

static const char *group_of(const struct kafka_source *s)
{
    return hr_options_get(&s->all_options, "kafka.group.id");
}

hr_status hr_kafka_committed(struct kafka_source *s, struct kafka_offsets *offsets, bool required,
                             struct hr_err *err)
{
    rd_kafka_topic_partition_list_t *list = as_list(offsets);
    if (!list) return HR_OOM(err);
    rd_kafka_resp_err_t error =
        rd_kafka_committed(s->client, list, (int)s->options.request_timeout_ms);
    hr_status status =
        error ? hr_kafka_error(s->options.bootstrap, "committed offsets", error, err) : HR_OK;
    for (uint32_t i = 0; !status && i < offsets->count; i++) {
        struct kafka_offset *o = &offsets->items[i];
        const rd_kafka_topic_partition_t *got =
            rd_kafka_topic_partition_list_find(list, o->topic, o->partition);
        if (got->err)
            status = hr_kafka_error(s->options.bootstrap, o->topic, got->err, err);
        else if (got->offset >= 0)
            o->offset = got->offset;
        else if (required)
            status = HR_FAIL(err, HR_E_INVALID_OPTION,
                             "option startingOffsets: none, and group %s "
                             "has no committed offset of %s-%d",
                             group_of(s), o->topic, (int)o->partition);
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status;
}

/* The answer of the broker, or why there was none in time. */
static rd_kafka_resp_err_t wait_commit(rd_kafka_queue_t *queue, int timeout_ms)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, timeout_ms);
    if (!event) return RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_resp_err_t error = rd_kafka_event_error(event);
    rd_kafka_topic_partition_list_t *list = rd_kafka_event_topic_partition_list(event);
    for (int i = 0; !error && list && i < list->cnt; i++) error = list->elems[i].err;
    rd_kafka_event_destroy(event);
    return error;
}

hr_status hr_kafka_commit(struct kafka_source *s, const struct kafka_offsets *offsets,
                          struct hr_err *err)
{
    rd_kafka_topic_partition_list_t *list = as_list(offsets);
    rd_kafka_queue_t *queue = list ? rd_kafka_queue_new(s->client) : NULL;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__FAIL;
    if (queue) {
        error = rd_kafka_commit_queue(s->client, list, queue, NULL, NULL);
        if (!error) error = wait_commit(queue, (int)s->options.request_timeout_ms);
        rd_kafka_queue_destroy(queue);
    }
    if (list) rd_kafka_topic_partition_list_destroy(list);
    if (!list || !queue) return HR_OOM(err);
    return error ? hr_kafka_error(s->options.bootstrap, "commit of offsets", error, err) : HR_OK;
}
