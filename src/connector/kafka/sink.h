/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kafka sink, shared by its files: rows to messages (sink.c), an epoch as a transaction
 * (transaction.c), and which epoch an output has (marks.c).
 *
 * What an epoch has done is noted in a consumer group of the query's own, headrace-<query id>, as
 * the metadata of offsets of the output's topic: "headrace <epoch> <digest> <offsets>".
 */
#ifndef HR_CONNECTOR_KAFKA_SINK_H
#define HR_CONNECTOR_KAFKA_SINK_H

#include "connector/collect.h"
#include "connector/kafka/kafka.h"

enum kafka_guarantee { KAFKA_AT_LEAST_ONCE, KAFKA_EXACTLY_ONCE };

struct kafka_sink_options {
    const char *topic;
    int64_t timeout_ms, request_timeout_ms;
    int guarantee; /* enum kafka_guarantee */
};

struct kafka_sink {
    struct hr_sink base;
    struct hr_arena arena;
    struct hr_options all_options;
    struct kafka_sink_options options;
    rd_kafka_t *producer;
    struct kafka_deliveries deliveries;
    _Atomic int delivery_error; /* the last one, of the producer's thread */
    int32_t value, key, topic, partition, headers; /* columns; -1: none */

    /* Of KAFKA_EXACTLY_ONCE. */
    const char *query_id; /* NULL: a batch, which has no past */
    const char *group;
    struct hr_collect collect; /* an attempt that fails must not have been sent */
    bool starts_late;
    int64_t marked_epoch;      /* the last that is noted; -1: none */
    uint64_t marked_digest;
    bool in_transaction;
};

/* What the group has noted, as committed offsets. The list is the caller's: topic and partitions
 * in, offsets and metadata out. */
hr_status hr_kafka_read_marks(struct kafka_sink *s, rd_kafka_t *client,
                              rd_kafka_topic_partition_list_t *list, struct hr_err *err) HR_CHECKED;
/* A client of the group, which sees what is committed. */
hr_status hr_kafka_marker_client(struct kafka_sink *s, rd_kafka_t **ret,
                                 struct hr_err *err) HR_CHECKED;
/* Adds the topic's partition with an offset and the epoch's mark to list. */
hr_status hr_kafka_add_mark(const struct kafka_sink *s, rd_kafka_topic_partition_list_t *list,
                            int32_t partition, int64_t offset, int64_t epoch,
                            struct hr_err *err) HR_CHECKED;
/* Is the epoch done, going by the marks? Or do checkpoint and output not belong together? */
hr_status hr_kafka_check_mark(const struct kafka_sink *s, int64_t epoch, bool *ret_done,
                              struct hr_err *err) HR_CHECKED;
hr_status hr_kafka_mismatch(const struct kafka_sink *s, const char *why,
                            struct hr_err *err) HR_CHECKED;

/* transaction.c */
hr_status hr_kafka_transactions_options(struct kafka_sink *s, struct hr_err *err) HR_CHECKED;
hr_status hr_kafka_transactions_open(struct kafka_sink *s, struct hr_err *err) HR_CHECKED;
hr_status hr_kafka_transaction_begin(struct kafka_sink *s, struct hr_err *err) HR_CHECKED;
hr_status hr_kafka_transaction_commit(struct kafka_sink *s, int64_t epoch,
                                      struct hr_err *err) HR_CHECKED;
/* HR_E_FENCED where that is why the producer ended, else HR_E_KAFKA with error. */
hr_status hr_kafka_transaction_error(const struct kafka_sink *s, const char *what,
                                     rd_kafka_resp_err_t error, struct hr_err *err) HR_CHECKED;
void hr_kafka_transaction_abort(struct kafka_sink *s);

#endif
