/* SPDX-License-Identifier: Apache-2.0 */
/* The Kafka source, shared by its two files: planning (source.c) and reading (reader.c). */
#ifndef HR_CONNECTOR_KAFKA_SOURCE_H
#define HR_CONNECTOR_KAFKA_SOURCE_H

#include "connector/kafka/kafka.h"
#include "expr/functions/regex.h"
#include "format/format.h"

/* Where reading begins or ends, as the options say: the first that is given of timestamp,
 * timestamps and offsets. */
struct kafka_bound {
    const char *offsets, *timestamps; /* JSON by partition, or 'earliest' …; may be NULL */
    int64_t timestamp;                /* ms, of all partitions; -1: not given */
    const char *offsets_name, *timestamps_name; /* of the options */
    bool ending;
};

enum { KAFKA_UNMATCHED_ERROR, KAFKA_UNMATCHED_LATEST };

struct kafka_options {
    const char *bootstrap, *subscribe, *pattern, *assign, *format, *group_prefix;
    struct kafka_bound start, end;
    int64_t max_offsets, min_offsets, max_delay_us, poll_timeout_ms, request_timeout_ms;
    int strategy; /* KAFKA_UNMATCHED_… */
    bool fail_on_data_loss, headers, group_offsets;
};

/* A partition that is being consumed. Between epochs it goes on fetching ahead. */
struct kafka_partition {
    struct kafka_partition *next;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    rd_kafka_message_t *held; /* taken from the queue, belongs behind the last range */
    rd_kafka_t *own_client; /* where another reader has the partition already; else NULL */
    char *name;
    int32_t partition;
    int64_t position; /* the offset that comes next */
    bool consuming, in_use;
};

struct kafka_source {
    struct hr_source base;
    struct hr_arena arena;
    struct hr_options all_options;
    struct hr_conf conf;
    struct kafka_options options;
    const struct hr_format_vt *format; /* NULL: raw columns */
    struct hr_regex *pattern;      /* of subscribePattern */
    struct kafka_offsets assigned; /* of assign: the partitions alone */
    int64_t waiting_since_ns;      /* for minOffsetsPerTrigger; 0: not waiting */
    rd_kafka_t *client; /* for questions: no fetch that waits for messages delays its answers */
    rd_kafka_t *consumer; /* of the partitions below; made with the first of them */
    pid_t client_pid; /* of the worker process whose client it is; 0: of the driver */
    bool streaming;
    struct hr_wakeup *wakeup; /* the query's, told of new messages; NULL: nobody waits */
    int64_t refreshed_ns;     /* when partitions were last asked for; 0: never */
    bool has_final;           /* this run reads up to final, and no further; in arena */
    struct kafka_offsets final;
    pthread_mutex_t lock;
    struct kafka_partition *partitions;
    struct kafka_offsets ends; /* the latest that we know, for metrics; in ends_arena */
    struct hr_arena ends_arena;
};

hr_status hr_kafka_open_reader(struct hr_source *source, const struct hr_split *split,
                               const struct hr_scan_spec *spec, struct hr_scan_reader **ret,
                               struct hr_err *err);
void hr_kafka_partition_free(struct kafka_partition *partition);
/* Consumes each partition from its offset on, unless it is consumed already, so that the wakeup is
 * told of new messages. */
hr_status hr_kafka_watch(struct kafka_source *s, const struct kafka_offsets *from,
                         struct hr_err *err) HR_CHECKED;
/* Where partitions end as far as fetches have told, or their own offset: no question is asked. */
hr_status hr_kafka_fetched_ends(struct kafka_source *s, const struct kafka_offsets *from,
                                struct hr_arena *arena, struct kafka_offsets *ret,
                                struct hr_err *err) HR_CHECKED;

/* partitions.c: the partitions that the options name, sorted. known: those that the query has read
 * already (NULL: a new one); when they are gone, the caller judges. */
hr_status hr_kafka_find_partitions(struct kafka_source *s, const struct kafka_offsets *known,
                                   struct hr_arena *arena, struct kafka_offsets *ret,
                                   struct hr_err *err) HR_CHECKED;
/* Turns every offset -1, -2 into a real one, a request a broker. */
hr_status hr_kafka_resolve(struct kafka_source *s, struct kafka_offsets *offsets,
                           struct hr_err *err) HR_CHECKED;
/* The partitions with the offsets that the options say. */
hr_status hr_kafka_offsets_of(struct kafka_source *s, const struct kafka_bound *bound,
                              struct hr_arena *arena, struct kafka_offsets *ret,
                              struct hr_err *err) HR_CHECKED;

/* group.c. Puts the offsets that the group has committed in the place of those given. With
 * required, a partition without one is an error. */
hr_status hr_kafka_committed(struct kafka_source *s, struct kafka_offsets *offsets, bool required,
                             struct hr_err *err) HR_CHECKED;
/* Commits them to the group, and waits until the broker has them. */
hr_status hr_kafka_commit(struct kafka_source *s, const struct kafka_offsets *offsets,
                          struct hr_err *err) HR_CHECKED;

#endif
