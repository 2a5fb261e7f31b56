/* SPDX-License-Identifier: Apache-2.0 */
/* Marks: which epoch an output has, noted in the query's own consumer group. */
#include <inttypes.h>
#include <stdio.h>

#include "connector/kafka/sink.h"

#define METADATA_MAX 3500 /* brokers take 4096 */

static hr_status fail(const struct kafka_sink *s, const char *what, rd_kafka_resp_err_t error,
                      struct hr_err *err)
{
    return hr_kafka_error(hr_options_get(&s->all_options, "kafka.bootstrap.servers"), what, error,
                          err);
}

hr_status hr_kafka_mismatch(const struct kafka_sink *s, const char *why, struct hr_err *err)
{
    char where[300];
    snprintf(where, sizeof where, "of the query with output to topic %s", s->options.topic);
    return HR_RAISE(err, HR_E_CHECKPOINT_MISMATCH, "path", where, "why", why);
}

hr_status hr_kafka_marker_client(struct kafka_sink *s, rd_kafka_t **ret, struct hr_err *err)
{
    static const char *const own[][2] = {{"kafka.isolation.level", "read_committed"},
                                         {"kafka.fetch.wait.max.ms", "10"}};
    struct hr_options options;
    struct hr_arena arena;
    hr_arena_init(&arena, NULL);
    hr_options_init(&options, &arena);
    hr_status status = HR_OK;
    for (uint32_t i = 0; !status && i < s->all_options.count; i++) {
        const struct hr_option *o = &s->all_options.items[i];
        if (hr_str_eq_nocase(o->key, "kafka.transactional.id")) continue;
        status = hr_options_put(&options, o->key, o->value, err);
    }
    for (size_t i = 0; !status && i < HR_COUNT(own); i++)
        status = hr_options_put(&options, own[i][0], own[i][1], err);
    if (!status) status = hr_options_put(&options, "kafka.group.id", s->group, err);
    if (!status) status = hr_kafka_client(RD_KAFKA_CONSUMER, &options, NULL, ret, err);
    hr_arena_done(&arena);
    return status;
}

hr_status hr_kafka_add_mark(const struct kafka_sink *s, rd_kafka_topic_partition_list_t *list,
                            int32_t partition, int64_t offset, int64_t epoch, struct hr_err *err)
{
    const struct hr_epoch_label *label = &s->base.label;
    rd_kafka_topic_partition_t *mark =
        rd_kafka_topic_partition_list_add(list, s->options.topic, partition);
    mark->offset = offset;
    mark->metadata = rd_kafka_mem_malloc(s->producer, METADATA_MAX);
    if (!mark->metadata) return HR_OOM(err);
    const char *offsets = label->offsets ? label->offsets : "";
    if (strlen(offsets) > METADATA_MAX - 100) offsets = ""; /* the digest stands for them */
    int size = snprintf(mark->metadata, METADATA_MAX, "headrace %" PRId64 " %016" PRIx64 " %s",
                        epoch, label->digest, offsets);
    mark->metadata_size = (size_t)size;
    return HR_OK;
}

hr_status hr_kafka_read_marks(struct kafka_sink *s, rd_kafka_t *client,
                              rd_kafka_topic_partition_list_t *list, struct hr_err *err)
{
    /* While a predecessor's transaction is open, the answer waits for its end. */
    rd_kafka_resp_err_t error = rd_kafka_committed(client, list, (int)s->options.timeout_ms);
    if (error) return fail(s, "the marks of the epochs", error, err);
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *p = &list->elems[i];
        char text[64] = "";
        int64_t epoch;
        uint64_t digest;
        if (p->err) return fail(s, "the marks of the epochs", p->err, err);
        if (!p->metadata_size) continue;
        memcpy(text, p->metadata, HR_MIN(p->metadata_size, sizeof text - 1));
        if (sscanf(text, "headrace %" SCNd64 " %" SCNx64, &epoch, &digest) != 2 ||
            epoch <= s->marked_epoch)
            continue;
        s->marked_epoch = epoch;
        s->marked_digest = digest;
    }
    return HR_OK;
}

hr_status hr_kafka_check_mark(const struct kafka_sink *s, int64_t epoch, bool *ret_done,
                              struct hr_err *err)
{
    const struct hr_epoch_label *label = &s->base.label;
    *ret_done = false;
    if (s->marked_epoch > epoch || (s->marked_epoch == epoch && !label->replanned))
        return hr_kafka_mismatch(s, "the topic has later epochs of this query than the checkpoint, "
                                 "which is an older copy", err);
    if (s->marked_epoch < epoch) return HR_OK;
    if (s->marked_digest != label->digest)
        return hr_kafka_mismatch(s, "the topic has this epoch with other offsets", err);
    *ret_done = true;
    return HR_OK;
}
