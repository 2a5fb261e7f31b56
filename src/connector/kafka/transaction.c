/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Exactly once: an epoch is a transaction, which holds its messages and the mark of the epoch. The
 * commit of the transaction is the decision. After a crash (or any error: the query then closes
 * the sink and opens it again, which makes a new producer of the same transactional id) the mark
 * says whether the epoch is done. The new producer fences whoever wrote under that id before,
 * wherever it runs.
 *
 * Readers must set isolation.level=read_committed.
 */
#include "base/fault.h"
#include "connector/kafka/sink.h"

#define INIT_TIMEOUT_MS 60000

static hr_status put_default(struct kafka_sink *s, const char *key, const char *value,
                             struct hr_err *err)
{
    return hr_options_get(&s->all_options, key) ? HR_OK
                                                : hr_options_put(&s->all_options, key, value, err);
}

hr_status hr_kafka_transactions_options(struct kafka_sink *s, struct hr_err *err)
{
    HR_TRY(put_default(s, "kafka.transaction.timeout.ms", "60000", err));
    HR_TRY(put_default(s, "kafka.delivery.timeout.ms",
                       hr_options_get(&s->all_options, "kafka.transaction.timeout.ms"), err));
    /* A transaction that follows at once waits for the markers of the one before: tries often. */
    HR_TRY(put_default(s, "kafka.retry.backoff.ms", "1", err));
    return put_default(s, "kafka.transactional.id", s->group, err);
}

static bool is_fenced(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR__FENCED || code == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
           code == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

static hr_status fenced(const struct kafka_sink *s, struct hr_err *err)
{
    return HR_RAISE(err, HR_E_FENCED, "what", s->options.topic);
}

static hr_status fail(const struct kafka_sink *s, const char *what, rd_kafka_error_t *error,
                      struct hr_err *err)
{
    if (!error) return HR_OK;
    rd_kafka_resp_err_t code = rd_kafka_error_code(error);
    hr_status status =
        is_fenced(code) ? fenced(s, err)
                        : HR_FAIL(err, HR_E_KAFKA, "Kafka: %s: %s", what,
                                  rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
    return status;
}

hr_status hr_kafka_transaction_error(const struct kafka_sink *s, const char *what,
                                     rd_kafka_resp_err_t error, struct hr_err *err)
{
    char why[256];
    if (is_fenced(error) || is_fenced(rd_kafka_fatal_error(s->producer, why, sizeof why)))
        return fenced(s, err);
    return hr_kafka_error(hr_options_get(&s->all_options, "kafka.bootstrap.servers"), what, error,
                          err);
}

static hr_status read_mark(struct kafka_sink *s, struct hr_err *err)
{
    rd_kafka_t *client;
    HR_TRY(hr_kafka_marker_client(s, &client, err));
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    hr_status status = list ? HR_OK : HR_OOM(err);
    if (list) {
        rd_kafka_topic_partition_list_add(list, s->options.topic, 0);
        status = hr_kafka_read_marks(s, client, list, err);
        rd_kafka_topic_partition_list_destroy(list);
    }
    rd_kafka_destroy(client);
    return status;
}

/* Ends what a predecessor left open, and keeps it from ever committing. */
hr_status hr_kafka_transactions_open(struct kafka_sink *s, struct hr_err *err)
{
    HR_TRY(fail(s, "transactions", rd_kafka_init_transactions(s->producer, INIT_TIMEOUT_MS), err));
    return s->query_id ? read_mark(s, err) : HR_OK;
}

hr_status hr_kafka_transaction_begin(struct kafka_sink *s, struct hr_err *err)
{
    HR_TRY(fail(s, "begin of a transaction", rd_kafka_begin_transaction(s->producer), err));
    s->in_transaction = true;
    return HR_OK;
}

static hr_status send_mark(struct kafka_sink *s, int64_t epoch, struct hr_err *err)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_consumer_group_metadata_t *group = rd_kafka_consumer_group_metadata_new(s->group);
    hr_status status =
        list && group ? hr_kafka_add_mark(s, list, 0, epoch + 1, epoch, err) : HR_OOM(err);
    for (int tries = 0; !status; tries++) {
        rd_kafka_error_t *error =
            rd_kafka_send_offsets_to_transaction(s->producer, list, group, INIT_TIMEOUT_MS);
        if (error && rd_kafka_error_is_retriable(error) && tries < 10) {
            rd_kafka_error_destroy(error);
            continue;
        }
        status = fail(s, "the mark of the epoch", error, err);
        break;
    }
    if (list) rd_kafka_topic_partition_list_destroy(list);
    if (group) rd_kafka_consumer_group_metadata_destroy(group);
    return status;
}

hr_status hr_kafka_transaction_commit(struct kafka_sink *s, int64_t epoch, struct hr_err *err)
{
    if (s->query_id) HR_TRY(send_mark(s, epoch, err));
    HR_FAULT_POINT(HR_FAULT_SINK_COMMIT, err);
    HR_TRY(fail(s, "commit of a transaction", rd_kafka_commit_transaction(s->producer, -1), err));
    s->in_transaction = false;
    s->marked_epoch = epoch;
    s->marked_digest = s->base.label.digest;
    return HR_OK;
}

void hr_kafka_transaction_abort(struct kafka_sink *s)
{
    if (!s->in_transaction) return;
    rd_kafka_error_t *error = rd_kafka_abort_transaction(s->producer, 5000);
    if (error) rd_kafka_error_destroy(error); /* the next producer of the id ends it */
    s->in_transaction = false;
}
