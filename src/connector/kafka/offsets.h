/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Offsets as Spark writes them, {"topic":{"0":12}}, and ranges of them. Needs no Kafka client: also
 * in builds without one.
 */
#ifndef HR_CONNECTOR_KAFKA_OFFSETS_H
#define HR_CONNECTOR_KAFKA_OFFSETS_H

#include "base/arena.h"
#include "base/str.h"

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
/* {"topicA":[0,1]}: partitions, their offsets KAFKA_LATEST. None at all is an error. */
hr_status hr_kafka_assign_parse(struct hr_arena *arena, const char *text, struct kafka_offsets *ret,
                                struct hr_err *err) HR_CHECKED;
void hr_kafka_offsets_print(const struct kafka_offsets *offsets, struct hr_buf *out);
/* NULL: not there. */
const struct kafka_offset *hr_kafka_offsets_find(const struct kafka_offsets *offsets,
                                                 const char *topic, int32_t partition);
hr_status hr_kafka_offsets_add(struct hr_arena *arena, struct kafka_offsets *offsets,
                               const char *topic, int32_t partition, int64_t offset,
                               struct hr_err *err) HR_CHECKED;
void hr_kafka_offsets_sort(struct kafka_offsets *offsets);

/* What a split of the Kafka source stands for (its data): messages [start, end). */
struct kafka_range {
    const char *topic;
    int32_t partition;
    int64_t start, end;
};

#endif
