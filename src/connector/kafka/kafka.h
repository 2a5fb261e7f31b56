/* SPDX-License-Identifier: Apache-2.0 */
/* Kafka, inside: clients from options. */
#ifndef HR_CONNECTOR_KAFKA_KAFKA_H
#define HR_CONNECTOR_KAFKA_KAFKA_H

#include "late_rdkafka.h"

#include "connector/connector.h"
#include "connector/kafka/offsets.h"

/* Who is told of a producer's messages; opaque of hr_kafka_client. @thread any */
struct kafka_deliveries {
    void (*delivered)(void *arg, const rd_kafka_message_t *message);
    void *arg;
};

/* A client from the options that begin with "kafka.". HR_E_INVALID_OPTION with librdkafka's reason.
 */
hr_status hr_kafka_client(rd_kafka_type_t type, const struct hr_options *options, void *opaque,
                          rd_kafka_t **ret, struct hr_err *err) HR_CHECKED;
/* librdkafka's error as ours, naming the broker when it cannot be reached. */
hr_status hr_kafka_error(const char *bootstrap, const char *what, rd_kafka_resp_err_t error,
                         struct hr_err *err);

#endif
