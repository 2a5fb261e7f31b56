/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sources and sinks as the engine sees them (src/connector implements them; a row of
 * connector/connectors.def registers one).
 *
 * A source answers where its data ends now, cuts an offset range into splits, and reads a split.
 * Offsets are JSON texts of the source's own (Spark's forms). The same range gives the same rows,
 * unless the source says that it is not replayable (socket).
 *
 * Threads: offset methods are called by the query's thread only; open_reader and the readers by
 * any task thread, several at a time.
 */
#ifndef HR_OPERATOR_SOURCE_H
#define HR_OPERATOR_SOURCE_H

#include "base/env.h"
#include "base/options.h"
#include "base/thread.h"
#include "expr/expr.h"
#include "operator/dead_letters.h"

#define HR_CONNECTOR_ABI 1

/* What a source declares. The engine asks these, never a name. */
enum {
    HR_SOURCE_BATCH = 1,      /* can be read as a table at rest */
    HR_SOURCE_STREAM = 2,     /* can be read by STREAM t */
    HR_SOURCE_REPLAYABLE = 4, /* the same offsets give the same rows again */
    /* Ends, at final_offset or (NULL) where latest_offset no longer moves: a query over such
     * sources alone ends by itself. */
    HR_SOURCE_BOUNDED = 8,
    HR_SOURCE_SKIPS = 16, /* its readers skip rows by the scan's filters; others are given none */
    /* What a column has does not depend on which others are read with it (a row that is damaged in
     * one column alone is a row of the others): queries that want different columns may share. */
    HR_SOURCE_BY_COLUMN = 32,
};

/*
 * Which files a table has, where a catalog says it and not a folder: a source of files lists
 * these, a sink of files hands over what an epoch wrote instead of a manifest.
 */
struct hr_file_name {
    const char *path; /* absolute */
    int64_t size, mtime_us;
};
struct hr_file_catalog {
    /* @thread any. In the arena. */
    hr_status (*list)(const struct hr_file_catalog *, struct hr_arena *,
                      struct hr_file_name **ret, uint32_t *ret_count, struct hr_err *);
    /* Is the query's epoch there already? */
    hr_status (*begin)(const struct hr_file_catalog *, const char *query_id, int64_t epoch,
                       bool *ret_committed, struct hr_err *);
    /* All of the epoch's files at once, durable when it returns. query_id NULL: of a batch. */
    hr_status (*commit)(const struct hr_file_catalog *, const char *query_id, int64_t epoch,
                        const struct hr_file_name *, uint32_t count, struct hr_err *);
};

struct hr_source_args {
    struct hr_env *env;
    const struct hr_conf *conf;
    struct hr_mem *mem;
    const struct hr_options *options;
    const struct hr_type *schema; /* the user's columns, or NULL */
    bool streaming;
    bool schema_only; /* opened for its schema: connect to nothing that a batch read would not need
                       */
    const char *checkpoint_dir; /* the source's own folder in the query's checkpoint, or NULL */
    const char *query_name;     /* for messages, client ids */
    bool takes_dead_letters;    /* who opens it gives readers a place for them */
    void *user;                 /* the table's own, where a program made it */
    const struct hr_file_catalog *files; /* of a table in a catalog; NULL: what path names */
};

struct hr_source {
    const struct hr_source_vt *vt;
    const struct hr_type *schema; /* set by open */
    uint32_t flags; /* open may add to the vtable's what depends on options */
};

/* A piece of an offset range, made in the epoch's arena; read by one task. */
struct hr_split {
    const void *data;        /* the source's own */
    const char *description; /* "payments-3 [100, 250)" */
    /* Names its rows: those of every split with this key are the same, and in the same order, for
     * all sources with the same options. NULL: it is not shared (operator/input.h). */
    const char *key;
    int64_t rows_estimate;   /* -1 unknown */
    int64_t bytes_estimate;
    uint32_t watermark_partition; /* watermarks are tracked by this number */
};

/* How much one epoch may take; 0: no limit. */
struct hr_read_limit {
    int64_t max_rows, max_files, max_bytes;
    /* Of each partition, for sources whose offsets are by partition (Kafka): no more than max, and
     * what it has up to min even where max_rows would leave it less. */
    int64_t max_rows_per_partition, min_rows_per_partition;
};

struct hr_scan_spec {
    const struct hr_type *schema; /* the columns wanted: a subset of the source's, by name */
    /* Predicates over that schema that the reader may use to skip; the engine filters again. */
    struct hr_expr *const *filters;
    uint32_t filter_count;
    uint32_t batch_rows;
    struct hr_mem *mem;
    const volatile bool *cancelled;  /* readers stop with HR_E_CANCELLED */
    _Atomic int64_t *malformed_rows; /* counted by decoders; may be NULL */
    struct hr_dead_letters *dead;    /* gets records that cannot be read; NULL: nobody asks */
};

struct hr_scan_reader;
struct hr_scan_reader_vt {
    /* *ret_batch NULL: the end of the split. Owned by the caller. May block on I/O. */
    hr_status (*next)(struct hr_scan_reader *, struct hr_batch **ret_batch, struct hr_err *);
    void (*close)(struct hr_scan_reader *);
};
struct hr_scan_reader {
    const struct hr_scan_reader_vt *vt;
};

struct hr_source_vt {
    const char *name; /* USING name */
    uint32_t abi;
    uint32_t flags; /* HR_SOURCE_…: what holds for every source of the name */
    const struct hr_opt_spec *options;
    size_t option_count;
    const char *option_prefix; /* keys with it are somebody else's to check; NULL: none */
    /* The format whose options hold, too; NULL: the one that the option format names, if any. */
    const char *format;
    hr_status (*open)(const struct hr_source_args *, struct hr_source **ret_source,
                      struct hr_err *);
    void (*close)(struct hr_source *);
    /* Splits of [start, end). start NULL: from the beginning; end NULL (batch): all there is now.
     */
    hr_status (*plan_splits)(struct hr_source *, const char *start, const char *end,
                             struct hr_arena *, struct hr_split **ret_splits, uint32_t *ret_count,
                             struct hr_err *);
    hr_status (*open_reader)(struct hr_source *, const struct hr_split *,
                             const struct hr_scan_spec *, struct hr_scan_reader **ret_reader,
                             struct hr_err *);
    /* Streams only. The offset at which a new query starts. */
    hr_status (*initial_offset)(struct hr_source *, struct hr_buf *ret_offset, struct hr_err *);
    /* How far an epoch that starts at start may read under the limit; the same text as start: no
     * data. */
    hr_status (*latest_offset)(struct hr_source *, const char *start,
                               const struct hr_read_limit *limit, struct hr_buf *ret_end,
                               struct hr_err *);
    /* optional: the source will be asked nothing before end again. */
    hr_status (*commit)(struct hr_source *, const char *end, struct hr_err *);
    /* optional: signals wakeup when there may be data, from any thread, until close. The engine
     * asks latest_offset then, and at poll_interval_us, if one is given. NULL: at the latter. */
    hr_status (*subscribe)(struct hr_source *, struct hr_wakeup *wakeup, struct hr_err *);
    /* optional: text for progress: "KafkaV2[Subscribe[payments]]". NULL: the name. */
    void (*describe)(const struct hr_source *, struct hr_buf *out);
    /* optional: what a checkpoint is bound to (a path, topics), the same for the same data however
     * it is spelt. NULL: any source of this name will do. */
    void (*identity)(const struct hr_source *, struct hr_buf *out);
    /* optional: would the source take a file of that name, were it there? A query must not read
     * what it writes. */
    hr_status (*reads)(struct hr_source *, const char *path, bool *ret, struct hr_err *);
    /* optional: members of the "metrics" object of progress, as JSON members without braces. */
    void (*metrics)(struct hr_source *, const char *end, struct hr_buf *out);
    /* optional: available now: the end that this run reads up to, fixed at start. NULL:
     * latest_offset without a limit is asked once. */
    hr_status (*final_offset)(struct hr_source *, const char *start, struct hr_buf *ret_end,
                              struct hr_err *);
    int64_t poll_interval_us; /* 0: 10 ms; of a source that signals: never */
    /* optional: checks what a source of this kind keeps in its folder of a checkpoint (none there:
     * fine) against the offset up to which the journal has read. Changes nothing. */
    hr_status (*verify)(struct hr_env *, const char *dir, const char *end, struct hr_err *);
};

/* By name, or NULL with HR_E_NOT_FOUND-like Spark error DATA_SOURCE_NOT_FOUND raised by the caller.
 */
typedef const struct hr_source_vt *(*hr_source_lookup_fn)(const char *name);

#endif
