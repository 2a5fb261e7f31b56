/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streaming queries: the epoch loop (wait → plan → run → sink → commit → publish) on a thread of
 * its own. A batch query is not a special case here: it runs hr_exec_run once; a query runs it per
 * epoch.
 *
 * Threads: start, stop, await and the progress getters may be called from any thread; the query's
 * own thread alone touches its journal, sources, sink and state.
 */
#ifndef HR_STREAM_QUERY_H
#define HR_STREAM_QUERY_H

#include "operator/physical.h"
#include "plan/catalog.h"
#include "rdd/rdd.h"
#include "stream/dead_letters.h"

struct hr_query;

enum hr_trigger_kind {
    HR_TRIGGER_ASAP,
    HR_TRIGGER_PROCESSING_TIME,
    HR_TRIGGER_ONCE,
    HR_TRIGGER_AVAILABLE_NOW
};

struct hr_trigger {
    enum hr_trigger_kind kind;
    int64_t interval_us; /* PROCESSING_TIME */
};
/* "1 second", "processing time 1 second", "available now", "once", "as soon as possible". */
hr_status hr_trigger_parse(struct hr_str_view text, struct hr_trigger *ret,
                           struct hr_err *err) HR_CHECKED;

/* Does it end the query when there is no more data? */
static inline bool hr_trigger_has_end(const struct hr_trigger *trigger)
{
    return trigger->kind == HR_TRIGGER_AVAILABLE_NOW || trigger->kind == HR_TRIGGER_ONCE;
}

/* How the watermark follows from event times: watermarks.h. */
struct hr_watermark_options {
    bool policy_max; /* spark.sql.streaming.multipleWatermarkPolicy: max; else min */
    bool by_partition, idle_clock;
    int64_t idle_us; /* 0: nothing is ever idle */
};

struct hr_query_listener;
struct hr_query_args {
    struct hr_env *env;
    const struct hr_conf *conf; /* copied */
    struct hr_mem *mem;
    struct hr_scheduler *scheduler;
    const char *name; /* unique among the active queries of a session */
    const char *text; /* the SQL, for the UI; may be NULL */
    /* The optimised logical plan and the arena that owns it and what hangs off it: moves to the
     * query. */
    struct hr_arena plan_arena;
    struct hr_plan *plan;
    enum hr_output_mode mode;
    struct hr_trigger trigger;
    const char *checkpoint_dir; /* created when missing */
    bool temporary_checkpoint;  /* removed when the query is freed */
    const struct hr_sink_vt *sink;
    const struct hr_options *sink_options;
    const struct hr_file_catalog *sink_files; /* of a table in a catalog; lives as the plan does */
    const struct hr_sink_vt *late_sink; /* where late rows go (LATE ROWS INTO); NULL: nowhere */
    const struct hr_options *late_options;
    struct hr_dead_place dead; /* copied, but for what its schema is in; sink NULL: none */
    struct hr_inputs *inputs; /* shared with the session's other queries; or NULL */
    const struct hr_query_listener *listener; /* copied; hears of the first epoch too; or NULL */
    struct hr_read_limit limit; /* session-wide admission limits; sources' own options add to it */
    int32_t state_snapshot_every; /* deltas between snapshots; 0: default */
    struct hr_watermark_options watermark;
    bool no_data_epochs;          /* spark.sql.streaming.noDataMicroBatches.enabled, default true */
};

/* Opens sources, sink, journal and state (recovering), and starts the thread. Errors of opening
 * (another query's checkpoint, one in use, unreadable input) are returned here. */
hr_status hr_query_start(struct hr_query_args *args, struct hr_query **ret,
                         struct hr_err *err) HR_CHECKED;
struct hr_query *hr_query_ref(struct hr_query *query);
void hr_query_unref(struct hr_query *query); /* the last one stops it */

/* Does it train the model, or (trains_only false) score with it? */
struct hr_ml_entry;
bool hr_query_uses_model(const struct hr_query *query, const struct hr_ml_entry *entry,
                         bool trains_only);

const char *hr_query_name(const struct hr_query *query);
const char *hr_query_id(const struct hr_query *query);     /* kept in the checkpoint */
const char *hr_query_run_id(const struct hr_query *query); /* new at each start */
bool hr_query_is_active(const struct hr_query *query);
/* Ends by itself: by its trigger (available now, once), or as all its streams are bounded. */
bool hr_query_has_end(const struct hr_query *query);
/* Asks it to stop: after the running epoch, or at once (the epoch is abandoned and run again at the
 * next start). Does not wait. Async-signal-safe is not promised. */
void hr_query_stop(struct hr_query *query, bool at_once);
/* Waits until it has ended; false after timeout_us (-1: for ever). The query's failure, if any, is
 * returned in *ret_status and err. */
bool hr_query_await(struct hr_query *query, int64_t timeout_us, hr_status *ret_status,
                    struct hr_err *err);
/* Waits until all data that was there at the call is committed. */
hr_status hr_query_process_all_available(struct hr_query *query, struct hr_err *err) HR_CHECKED;

/* The figures of the last epoch, for progress lines and listeners. */
struct hr_progress {
    int64_t epoch, timestamp_us, duration_us, input_rows, output_rows;
    double input_rows_per_second, processed_rows_per_second;
    int64_t watermark_us;                             /* INT64_MIN: none */
    int64_t event_max_us, event_min_us, event_avg_us; /* count 0: none */
    int64_t event_count;
    int64_t state_rows, state_updated, state_removed, state_bytes, late_rows, malformed_rows;
    int64_t latest_offset_us, get_batch_us, add_batch_us, wal_commit_us,
        commit_offsets_us;
};
/* false before the first epoch. */
bool hr_query_last_progress(struct hr_query *query, struct hr_progress *ret);
/* Spark's StreamingQueryProgress.json of the last epoch (or "" before). */
void hr_query_progress_json(struct hr_query *query, struct hr_buf *out);
/* Called on the query's thread after each epoch, on idle (every 10 s, epoch -1 in idle) and at its
 * end. */
struct hr_query_listener {
    void (*on_progress)(void *arg, struct hr_query *query, const struct hr_progress *progress,
                        const char *json);
    void (*on_idle)(void *arg, struct hr_query *query);
    void (*on_terminated)(void *arg, struct hr_query *query, const struct hr_err *err_or_null);
    void *arg;
};
hr_status hr_query_add_listener(struct hr_query *query, const struct hr_query_listener *listener,
                                struct hr_err *err) HR_CHECKED;

/* Watching from outside ------------------------------------------------------------------------
 * All of these copy under the query's lock, which no task waits for. @thread any */

/* A run that failed. */
struct hr_query_failure {
    int64_t time_us, epoch;
    bool recovered; /* it was tried again; false: the query ended by it */
    hr_status code;
    char message[512];
};
struct hr_query_info {
    int64_t started_us, ended_us; /* ended 0: it has not */
    const char *phase;            /* "RUNNING", … of life.h */
    bool failed;
    uint32_t failure_count;              /* since the start */
    struct hr_query_failure failures[8]; /* the newest, oldest first … */
    uint32_t failures_kept;
    /* … and what never changes, borrowed from the query: */
    const char *text;           /* its SQL */
    const char *checkpoint_dir; /* NULL: one that goes away with it */
    const char *description;    /* JSON: mode, trigger, guarantee, plans, operators (describe.c) */
};
void hr_query_get_info(struct hr_query *query, struct hr_query_info *ret);
/* Spark's recentProgress: up to limit reports, oldest first, as a JSON array. Those of the last
 * epochs, but never two of the same tenth of a second. */
void hr_query_recent_progress(struct hr_query *query, uint32_t limit, struct hr_buf *out);
/* The last epochs, newest first, to ret, which has room for max; how many. */
uint32_t hr_query_recent_epochs(struct hr_query *query, struct hr_progress *ret, uint32_t max);
/* What the operators of the plan have done since the start, by the ids of the description. */
struct hr_operator_figures {
    uint32_t id;
    int64_t rows, batches, self_us;
};
uint32_t hr_query_operators(struct hr_query *query, struct hr_operator_figures *ret, uint32_t max);
#define HR_QUERY_TAP_ROWS 1000
/* Up to HR_QUERY_TAP_ROWS rows of the operator of that id as they pass by: operator/tap.h.
 * HR_E_INVALID_ARGUMENT: there is none of that id. */
hr_status hr_query_tap(struct hr_query *query, uint32_t id, uint32_t rows, int64_t wait_us,
                       struct hr_buf *out, struct hr_err *err) HR_CHECKED;
struct hr_sample; /* history.h */
uint32_t hr_query_samples(struct hr_query *query, uint32_t level, int64_t from_s,
                          struct hr_sample *ret, uint32_t max);
/* Since the start: figures (HR_FIGURE_COUNT) and durations (HR_HISTORY_BINS). */
void hr_query_totals(struct hr_query *query, int64_t *ret_figures, uint64_t *ret_bins);

/* "exactly-once", "at-least-once: …why": from what the open sources and sink declare. */
void hr_query_guarantee(const struct hr_query *query, struct hr_buf *out);
/* The same without a running query, for EXPLAIN: from what their kinds declare. */
void hr_plan_guarantee(const struct hr_plan *plan, const struct hr_sink_vt *sink,
                       const struct hr_options *options, const struct hr_dead_place *dead,
                       struct hr_buf *out);

#endif
