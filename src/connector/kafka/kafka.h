/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka, inside: offsets as Spark writes them, {"topic":{"0":12}}, and clients from options. */
#ifndef HR_CONNECTOR_KAFKA_KAFKA_H
#define HR_CONNECTOR_KAFKA_KAFKA_H

#include <librdkafka/rdkafka.h>

#include "connector/connector.h"

#define KAFKA_EARLIEST (-2)
#define KAFKA_LATEST   (-1)

struct kafka_offset {
    const char *topic;
    int32_t partition;
    int64_t offset;
};
struct kafka_offsets {
    struct kafka_offset *items; /* by topic, then partition */
    uint32_t count, capacity;
};

hr_status hr_kafka_offsets_parse(struct hr_arena *arena, const char *text,
                                 struct kafka_offsets *ret, struct hr_err *err) HR_CHECKED;
void hr_kafka_offsets_print(const struct kafka_offsets *offsets, struct hr_buf *out);
/* NULL: not there. */
const struct kafka_offset *hr_kafka_offsets_find(const struct kafka_offsets *offsets,
                                                 const char *topic, int32_t partition);
hr_status hr_kafka_offsets_add(struct hr_arena *arena, struct kafka_offsets *offsets,
                               const char *topic, int32_t partition, int64_t offset,
                               struct hr_err *err) HR_CHECKED;
void hr_kafka_offsets_sort(struct kafka_offsets *offsets);

/* A client from the options that begin with "kafka.". HR_E_INVALID_OPTION with librdkafka's reason.
 */
hr_status hr_kafka_client(rd_kafka_type_t type, const struct hr_options *options, void *opaque,
                          rd_kafka_t **ret, struct hr_err *err) HR_CHECKED;
/* librdkafka's error as ours, naming the broker when it cannot be reached. */
hr_status hr_kafka_error(const char *bootstrap, const char *what, rd_kafka_resp_err_t error,
                         struct hr_err *err);

#endif
