/* SPDX-License-Identifier: Apache-2.0 */
/* Clients from options. */
#include "connector/kafka/kafka.h"

hr_status hr_kafka_error(const char *bootstrap, const char *what, rd_kafka_resp_err_t error,
                         struct hr_err *err)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__RESOLVE:
        return HR_FAIL(err, HR_E_UNAVAILABLE, "the Kafka broker %s cannot be reached: %s (%s)",
                       bootstrap, rd_kafka_err2str(error), what);
    default: return HR_FAIL(err, HR_E_KAFKA, "Kafka: %s: %s", what, rd_kafka_err2str(error));
    }
}

/* Spark refuses these: the engine decides them. */
static bool is_reserved(const char *key)
{
    static const char *const keys[] = {"auto.offset.reset",  "enable.auto.commit",
                                       "key.serializer",     "value.serializer",
                                       "key.deserializer",   "value.deserializer",
                                       "interceptor.classes"};
    for (size_t i = 0; i < HR_COUNT(keys); i++)
        if (hr_str_eq_nocase(keys[i], key)) return true;
    return false;
}

static hr_status set(rd_kafka_conf_t *conf, const char *key, const char *value, struct hr_err *err)
{
    char why[256];
    if (rd_kafka_conf_set(conf, key, value, why, sizeof why) == RD_KAFKA_CONF_OK) return HR_OK;
    return HR_FAIL(err, HR_E_INVALID_OPTION, "option kafka.%s: %s", key,
                   hr_option_is_secret(key) ? "not accepted" : why);
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    HR_UNUSED(rk);
    const struct kafka_deliveries *d = opaque;
    if (d) d->delivered(d->arg, message);
}

/* librdkafka's own lines would come between ours. Failures surface as statuses. */
static void quiet(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    HR_UNUSED(rk);
    HR_UNUSED(level);
    HR_UNUSED(facility);
    HR_UNUSED(text);
}

/* What librdkafka calls what Java calls key. */
static const char *librdkafkas(const char *key)
{
    static const char *const names[][2] = {
        {"request.timeout.ms", "socket.timeout.ms"},
        {"max.request.size", "message.max.bytes"},
        {"fetch.max.wait.ms", "fetch.wait.max.ms"},
        {"ssl.truststore.location", "ssl.ca.location"},
        {"metadata.max.age.ms", "topic.metadata.refresh.interval.ms"},
    };
    for (size_t i = 0; i < HR_COUNT(names); i++)
        if (hr_str_eq_nocase(key, names[i][0])) return names[i][1];
    return key;
}

static hr_status configure(rd_kafka_conf_t *conf, rd_kafka_type_t type,
                           const struct hr_options *options, struct hr_err *err)
{
    if (type == RD_KAFKA_CONSUMER) {
        HR_TRY(set(conf, "enable.auto.commit", "false", err));
        HR_TRY(set(conf, "enable.auto.offset.store", "false", err));
        HR_TRY(set(conf, "enable.partition.eof", "true", err));
        HR_TRY(set(conf, "auto.offset.reset", "error", err));
        HR_TRY(set(conf, "group.id", "headrace", err)); /* never joined, never committed to */
        HR_TRY(set(conf, "fetch.wait.max.ms", "10", err));
        HR_TRY(set(conf, "fetch.error.backoff.ms", "10", err));
        /* Spark's, which are the Java client's: librdkafka's own differ. */
        HR_TRY(set(conf, "isolation.level", "read_uncommitted", err));
        HR_TRY(set(conf, "check.crcs", "true", err));
    } else {
        HR_TRY(set(conf, "enable.idempotence", "true", err));
        HR_TRY(set(conf, "linger.ms", "1", err));
        /* As in Java: a key has the same partition whoever writes it. */
        HR_TRY(set(conf, "partitioner", "murmur2_random", err));
        HR_TRY(set(conf, "delivery.timeout.ms", "120000", err));
        rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    }
    HR_TRY(set(conf, "client.id", "headrace", err));
    for (uint32_t i = 0; options && i < options->count; i++) {
        const char *key = options->items[i].key;
        if (strncasecmp(key, "kafka.", 6) != 0) continue;
        key += 6;
        if (is_reserved(key))
            return HR_FAIL(err, HR_E_INVALID_OPTION, "option kafka.%s: is not supported", key);
        HR_TRY(set(conf, librdkafkas(key), options->items[i].value, err));
    }
    return HR_OK;
}

hr_status hr_kafka_client(rd_kafka_type_t type, const struct hr_options *options, void *opaque,
                          rd_kafka_t **ret, struct hr_err *err)
{
    char why[256];
    HR_TRY(hr_late_rdkafka(err));
    const char *bootstrap = hr_options_get(options, "kafka.bootstrap.servers");
    if (!bootstrap)
        return HR_FAIL(err, HR_E_INVALID_OPTION,
                       "option kafka.bootstrap.servers: must be given, host:port");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    if (!conf) return HR_OOM(err);
    hr_status status = configure(conf, type, options, err);
    if (status) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rd_kafka_conf_set_log_cb(conf, quiet);
    rd_kafka_conf_set_opaque(conf, opaque);
    rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof why);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        return HR_FAIL(err, HR_E_KAFKA, "Kafka: %s", why);
    }
    *ret = rk;
    return HR_OK;
}
