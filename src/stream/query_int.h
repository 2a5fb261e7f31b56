/* SPDX-License-Identifier: Apache-2.0 */
/* Inside of a query: shared by query.c (life), recover.c (opening), epoch.c (the loop),
 * checkpoint.c (state files) and progress.c. */
#ifndef HR_STREAM_QUERY_INT_H
#define HR_STREAM_QUERY_INT_H

#include "plan/models.h"
#include "plan/nodes/scan.h"
#include "operator/input.h"
#include "operator/stateful.h"
#include "operator/tap.h"
#include "state/file.h"
#include "stream/history.h"
#include "stream/journal.h"
#include "stream/life.h"
#include "stream/output.h"
#include "stream/query.h"
#include "stream/record.h"
#include "stream/watermarks.h"

#define HR_INLINE_DELTA_BYTES 65536 /* larger deltas get a file of their own */
#define HR_LISTENERS_MAX      16

/* A leaf of the plan. */
struct hr_query_scan {
    const struct hr_scan_node *node;
    struct hr_source *source;
    struct hr_input_member *input; /* shares what is read with other queries; or NULL */
    bool streaming;
    uint32_t stream_index;            /* place among the streaming ones: in PLAN records */
    struct hr_buf start, end;         /* offsets: committed, of the epoch */
    bool has_end;                     /* available now without final_offset: `end` is fixed */
    int64_t rows;                     /* of the last epoch */
};

/* A stateful operator of the plan. */
struct hr_query_state {
    const struct hr_pnode *node;
    struct hr_state *state;
    struct hr_state_args args; /* what it was made with: a snapshot is made in another like it */
    struct hr_stateful_figures figures; /* of the last epoch */
    int64_t commit_us;   /* of the last epoch: its changes packed and written */
    int64_t delta_bytes; /* since the last snapshot */
    int64_t snapshot_bytes;
    int32_t deltas;
    int32_t not_before; /* after a snapshot that failed: deltas for another try */
    /* What a restore reads, oldest first: a snapshot, then deltas. Names and bytes are owned. */
    struct hr_state_ref *refs;
    uint32_t ref_count, ref_capacity;
    struct hr_snapshot_job *job; /* a snapshot being made of the refs, or NULL */
};

struct hr_query {
    _Atomic uint32_t refs;
    struct hr_env *env;
    struct hr_conf conf;
    struct hr_mem mem;
    char mem_name[112];
    struct hr_scheduler *scheduler;
    struct hr_inputs *inputs; /* of the session; or NULL */
    char *name, *text, *checkpoint_dir, *state_dir;
    char id[37], run_id[37];
    struct hr_arena plan_arena;
    struct hr_plan *plan;
    struct hr_pnode *root;
    enum hr_output_mode mode;
    struct hr_trigger trigger;
    struct hr_read_limit limit;
    bool no_data_epochs, sync_plan, temporary_checkpoint;
    bool bounded; /* every streaming source is; set once, before other threads see the query */
    int32_t snapshot_every;

    struct hr_query_scan *scans;
    uint32_t scan_count, stream_count;
    struct hr_query_state *states;
    uint32_t state_count;
    struct hr_state **state_ptrs;
    uint32_t watermark_count; /* nodes of the plan that have one */
    struct hr_watermark_options watermark_options;
    struct hr_watermarks watermarks;
    struct hr_plan_models models;      /* that it trains or scores with, while it is open … */
    struct hr_plan_models used_models; /* … and as they were at its start: for other threads */
    struct hr_ml_pins pins;            /* those that it scores with, as the epoch sees them */
    uint64_t *saved;                   /* by pin: digest of what the checkpoint has; 0: none */
    bool stale_models;                 /* it has others too */
    struct hr_query_output output;
    struct hr_query_output late; /* of late rows; vt NULL: there is none */
    int32_t late_state;          /* the operator that they are late for; -1: none */
    struct hr_query_output dead; /* dead letters; vt NULL: nobody asks */
    struct hr_dead_place dead_place;
    struct hr_dead_letters refused; /* rows of the epoch that the sink refuses */
    struct hr_journal *journal;
    struct hr_meta_record meta;

    /* The loop's own. */
    int64_t epoch;                               /* the next to run */
    int64_t watermark_us, previous_watermark_us; /* of the next epoch; of the one before */
    bool replan;                                 /* the next epoch was planned before a restart */
    int64_t replan_timestamp_us;
    struct hr_arena epoch_arena;
    struct hr_buf record; /* payload under construction */
    struct hr_wakeup wakeup;
    int64_t poll_interval_us; /* 0: all sources signal */
    int64_t last_idle_us, last_start_us;

    /* Shared with other threads, under life.lock. */
    struct hr_query_life life;
    bool has_progress;
    struct hr_progress progress;
    struct hr_history history;
    int64_t started_us, ended_us;
    struct hr_query_failure failures[8]; /* a ring */
    uint32_t failure_count;
    struct hr_tap tap;
    struct hr_node_figures *node_figures; /* by id of the plan's nodes; tasks add, any reads */
    uint32_t node_count;
    struct hr_buf description; /* made before the thread starts, never changed */
    struct hr_query_listener listeners[HR_LISTENERS_MAX];
    uint32_t listener_count;
    uint64_t idle_passes; /* times the loop found no data: for process_all_available */
};

/* recover.c */
hr_status hr_query_open_all(struct hr_query *query, struct hr_err *err) HR_CHECKED;
void hr_query_close_all(struct hr_query *query);

/* models.c */
hr_status hr_query_open_models(struct hr_query *query, struct hr_err *err) HR_CHECKED;
void hr_query_close_models(struct hr_query *query);
/* What the epoch scores with: the newest, or (replanned) what it was planned with. Fills the plan's
 * models. */
hr_status hr_query_pin_models(struct hr_query *query, struct hr_plan_record *plan,
                              struct hr_err *err) HR_CHECKED;
/* The pins of a PLAN record that is run again. */
hr_status hr_query_repin_models(struct hr_query *query, const struct hr_plan_record *plan,
                                struct hr_err *err) HR_CHECKED;
void hr_query_remove_old_models(struct hr_query *query);
/* What others may see of the states is as they are now. */
hr_status hr_query_publish_models(struct hr_query *query, bool restored,
                                  struct hr_err *err) HR_CHECKED;

/* describe.c: fills query->description. */
void hr_query_describe(struct hr_query *query);

/* identity.c: fills query->meta; compares an older one with it and takes over its id. */
hr_status hr_query_make_meta(struct hr_query *query, struct hr_err *err) HR_CHECKED;
hr_status hr_query_check_meta(struct hr_query *query, const struct hr_meta_record *old,
                              struct hr_err *err) HR_CHECKED;

/* epoch.c: runs until stopped, ended or failed. */
hr_status hr_query_loop(struct hr_query *query, struct hr_err *err) HR_CHECKED;

/* checkpoint.c */
hr_status hr_query_stage_states(struct hr_query *query, struct hr_commit_record *commit,
                                struct hr_err *err) HR_CHECKED;
hr_status hr_query_states_committed(struct hr_query *query, const struct hr_commit_record *commit,
                                    struct hr_err *err) HR_CHECKED;
hr_status hr_query_restore_states(struct hr_query *query, struct hr_err *err) HR_CHECKED;
hr_status hr_query_add_ref(struct hr_query *query, const struct hr_state_ref *ref,
                           struct hr_err *err) HR_CHECKED;
hr_status hr_query_rotate(struct hr_query *query, const struct hr_commit_record *commit,
                          struct hr_err *err) HR_CHECKED;
/* The orderly end: waits for snapshots under way and lists them, so that runs too short for one to
 * become ready between two of their epochs do not gather deltas for ever. */
hr_status hr_query_finish_snapshots(struct hr_query *query, struct hr_err *err) HR_CHECKED;
/* Is the journal full, and can a new file begin without much of inline deltas? */
bool hr_query_may_rotate(const struct hr_query *query);
void hr_query_remove_old_state(struct hr_query *query);
void hr_query_drop_refs(struct hr_query_state *state);
/* @thread any */
hr_status hr_query_write_state(struct hr_query *query, const char *name,
                               const struct hr_buf *packed, struct hr_err *err) HR_CHECKED;
/* Loads the slots [first, first + count) of what ref names into the state. @thread any */
hr_status hr_query_load_ref(struct hr_query *query, struct hr_state *state,
                            const struct hr_state_ref *ref, uint32_t first, uint32_t count,
                            struct hr_err *err) HR_CHECKED;

/* snapshot.c */
void hr_query_start_snapshot(struct hr_query *query, struct hr_query_state *state);
/* Is a snapshot ready? Its ref is for the next COMMIT; its name lives as long as the epoch. */
bool hr_query_take_snapshot(struct hr_query *query, struct hr_query_state *state,
                            struct hr_state_ref *ret_ref);
void hr_query_wait_snapshot(struct hr_query_state *state); /* until it has ended, whatever way */
/* Waits for the thread; what it made is not used. */
void hr_query_stop_snapshot(struct hr_query_state *state);
/* The file being written, or NULL. */
const char *hr_query_snapshot_name(const struct hr_query_state *state);

/* progress.c */
uint32_t hr_query_listener_count(struct hr_query *query); /* entries below it never change */
void hr_query_publish(struct hr_query *query, const struct hr_progress *progress);

#endif
