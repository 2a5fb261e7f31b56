/* SPDX-License-Identifier: Apache-2.0 */
/* Direct streams, shared by their two files: any connector (source.c), and what is Kafka's own
 * (kafka.c). */
#ifndef HR_DSTREAM_SOURCE_H
#define HR_DSTREAM_SOURCE_H

#include "connector/connector.h"
#include "connector/kafka/offsets.h"
#include "dstream/dstream.h"
#include "expr/expr.h"

struct source_ds {
    struct hr_dstream ds;
    struct hr_arena arena; /* options */
    struct hr_options options;
    struct hr_conf conf;
    const struct hr_source_vt *vt;
    const struct hr_type *given; /* the user's columns, or NULL */
    struct hr_source *source;
    struct hr_buf offset; /* where the next batch starts */
    struct hr_buf planned; /* where it ends: a crash cut it short; empty: not known */
    bool has_offset, kafka;
    struct hr_pid pid;
    int64_t rate; /* rows a second of all partitions; 0: no limit */
    bool auto_commit;
    pthread_mutex_t lock; /* what follows: offsets that the program wants to be committed */
    struct hr_arena commit_arena;
    struct kafka_offsets commits;
};

/* Ranges of one batch, or of hr_kafka_rdd. */
struct source_node {
    struct hr_node node;
    struct hr_arena arena;
    struct hr_source *source;
    bool own_source; /* closed with the node */
    struct hr_split *splits;
    const char *start, *end;        /* as the source writes them */
    struct hr_offset_range *ranges; /* Kafka only */
    uint32_t range_count;
};

/* A stream over the source vt. options: names and values, NULL; type may be NULL. */
struct source_ds *hr_source_ds_new(struct hr_streaming *ssc, const struct hr_source_vt *vt,
                                   const struct hr_type *type, const char *const *options,
                                   struct hr_err *err);
/* An RDD node without partitions yet. NULL: failed. */
struct source_node *hr_source_node_new(struct hr_pool *pool, struct hr_source *source,
                                       struct hr_err *err);
/* NULL: of another kind. */
const struct source_node *hr_source_node_of(const struct hr_rdd *rdd);
hr_status hr_source_options(struct hr_options *ret, struct hr_arena *arena,
                            const char *const *options, struct hr_err *err) HR_CHECKED;
struct hr_conf hr_source_conf(const struct hr_context *ctx);

/* kafka.c. The ranges between the node's start and end. */
hr_status hr_kafka_node_ranges(struct source_node *n, struct hr_err *err) HR_CHECKED;
/* Spark's text of a batch's ranges. */
void hr_kafka_describe(const struct source_node *n, struct hr_buf *out);
/* What the program has asked for until now: as text into out, and forgotten. */
void hr_kafka_take_commits(struct source_ds *s, struct hr_buf *out);
/* The broker did not take it: for the next time. */
void hr_kafka_return_commits(struct source_ds *s, const char *text);

#endif
