/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical plans and operators.
 *
 * A physical node (hr_pnode) is read-only, printable and shared by all tasks; an operator (hr_op)
 * is one task's running state. Nodes between two exchanges form a fragment, which runs as one
 * pipeline inside one RDD partition: operators pull batches of up to conf->batch_rows rows from
 * their children. An exchange is where the scheduler cuts stages.
 *
 * To add an operator: a kind here, one file with its vt (open, next, close, explain), a row in
 * operators.def, a case in plan/physical.c, tests in test/sql.
 */
#ifndef HR_OPERATOR_PHYSICAL_H
#define HR_OPERATOR_PHYSICAL_H

#include "expr/program.h"
#include "operator/sink.h"

struct hr_pnode;
struct hr_op;
struct hr_task;
struct hr_state_args;
struct hr_state; /* state/state.h: the state of one stateful operator in one query */

enum hr_dist { HR_DIST_ANY, HR_DIST_SINGLE, HR_DIST_HASH, HR_DIST_BROADCAST };

struct hr_operator_vt {
    const char *name; /* "HashAggregate" */
    /* @thread task. The op's memory: task->arena. Children are opened by the caller first. */
    hr_status (*open)(const struct hr_pnode *node, struct hr_task *task, struct hr_op **children,
                      struct hr_op **ret_op, struct hr_err *err);
    /* *ret_batch NULL: the end. Owned by the caller; never empty unless the plan is at its end. */
    hr_status (*next)(struct hr_op *op, struct hr_batch **ret_batch, struct hr_err *err);
    void (*close)(struct hr_op *op);
    /* Arguments after the name in EXPLAIN: "(keys=[a], functions=[count(1)])". optional */
    void (*explain)(const struct hr_pnode *node, struct hr_buf *out);
    /* Stateful operators: the layout of their state (all but id, mem and part_count). Things it
     * points to live in the arena. */
    hr_status (*state_args)(const struct hr_pnode *node, struct hr_arena *arena,
                            struct hr_state_args *ret, struct hr_err *err);
};

struct hr_op {
    const struct hr_operator_vt *vt;
    const struct hr_pnode *node;
    struct hr_task *task;
    struct hr_op **children;
    int64_t rows_out; /* for metrics */
};

/*
 * What the planner gives each kind (programs are bound to the child's schema):
 *
 *   Scan         scan_id, schema, pushed_filters      LocalTableScan  batches
 *   Range        range_start, range_end, range_step   Project         program: the outputs
 *   Filter       program: the predicate               Union           children of one schema
 *   HashAggregate COMPLETE, PARTIAL: program: key_count keys, arguments, filters; FINAL: none,
 *                the child is PARTIAL's output. Output: keys, then results (PARTIAL: one BINARY).
 *                DISTINCT aggregates: COMPLETE only (above an exchange by the keys).
 *   Sort, TopN   program: the keys; descending, nulls_first; limit, offset
 *   Limit        limit, offset
 *   HashJoin     left_keys, right_keys (join_key_count outputs each), null_safe; program: extra
 *                condition over left ++ right columns, or NULL. Output: left ++ right; SEMI and
 *                ANTI: left. No keys: nested loop. A broadcast side is an EXCHANGE of BROADCAST.
 *   Expand       projections, each with the output's columns
 *   Distinct     program: key_count keys (first row of each key is kept); NULL: all columns
 *   Generate     exprs[0]: the generator call; program: its arguments; outer. Output: the child's
 *                columns, then the generator's.
 *   Watermark    event_time_column (TIMESTAMP, or a window STRUCT), delay_us, watermark_index
 *   EXCHANGE     dist, partition_count; HASH: program: its key expressions (expr_count)
 */

/* One aggregate of an aggregation. args are evaluated by the node's program. */
struct hr_agg_spec {
    const struct hr_expr *call; /* bound: call->function->aggregate, types */
    /* index of its first argument among the program's outputs (≥ key_count) */
    uint32_t first_arg;
    int32_t filter;                  /* index of the FILTER predicate among them, or -1 */
    bool distinct;
    uint32_t state_offset, state_bytes;
};

enum hr_agg_mode {
    HR_AGG_COMPLETE, /* rows in, results out */
    HR_AGG_PARTIAL,  /* rows in; keys and one BINARY column of states out */
    HR_AGG_FINAL,    /* the latter in, results out */
};

struct hr_pnode {
    const struct hr_operator_vt *vt; /* NULL for EXCHANGE: a stage boundary */
    const struct hr_type *schema;    /* of its output */
    struct hr_pnode **children;
    uint32_t child_count;
    uint32_t id; /* pre-order number, unique in the plan */
    bool is_streaming;
    const struct hr_plan *logical; /* where it came from, for EXPLAIN; may be NULL */

    /* By kind; expressions are bound to the child's schema. */
    const struct hr_program *program; /* see the table above */
    struct hr_expr **exprs; /* the same, for EXPLAIN */
    uint32_t expr_count;
    /* scan */
    struct hr_table *table;
    uint32_t scan_id;
    const struct hr_options *options;
    struct hr_expr **pushed_filters;
    uint32_t pushed_filter_count;
    struct hr_batch **batches; /* local data */
    uint32_t batch_count;
    int64_t range_start, range_end, range_step;
    /* aggregate */
    uint32_t key_count;
    struct hr_agg_spec *aggs;
    uint32_t agg_count;
    uint32_t states_bytes; /* of all aggregates of one group */
    enum hr_agg_mode agg_mode;
    /* stateful (streaming) nodes */
    int32_t state_id; /* operator id in the checkpoint, -1: stateless */
    enum hr_output_mode output_mode;
    int32_t event_time_key; /* aggregate, dedup: which key is the event time or window; -1 none */
    int64_t delay_us;       /* watermark node; dedup within watermark */
    uint32_t event_time_column; /* watermark node */
    uint32_t watermark_index;   /* watermark node: its place in exec->watermarks */
    bool outer;                 /* generate: a row without elements gives one row of NULLs */
    /* sort, top-n, limit */
    bool *descending, *nulls_first;
    int64_t limit, offset; /* -1: none */
    /* join: build side is child 1 */
    enum hr_join_kind {
        HR_PJOIN_INNER,
        HR_PJOIN_LEFT,
        HR_PJOIN_RIGHT,
        HR_PJOIN_FULL,
        HR_PJOIN_SEMI,
        HR_PJOIN_ANTI,
        HR_PJOIN_CROSS
    } join_kind;
    const struct hr_program *left_keys, *right_keys;
    uint32_t join_key_count;
    bool *null_safe; /* <=> keys */
    bool build_left; /* the hash table is made of child 0 */
    /* expand */
    const struct hr_program **projections;
    uint32_t projection_count;
    /* exchange */
    enum hr_dist dist;
    uint32_t partition_count; /* of its output */
};

extern const struct hr_operator_vt hr_op_scan, hr_op_local, hr_op_range, hr_op_project,
    hr_op_filter, hr_op_hash_aggregate, hr_op_hash_join, hr_op_sort, hr_op_top_n, hr_op_limit,
    hr_op_union, hr_op_expand, hr_op_distinct, hr_op_generate, hr_op_watermark,
    hr_op_state_aggregate, hr_op_state_dedup, hr_op_exchange_read;

/* What a task gives its operators. Made by the scheduler's caller for each (fragment,
 * partition). */
struct hr_task {
    struct hr_env *env;
    const struct hr_conf *conf;
    struct hr_arena *arena; /* of the task */
    struct hr_mem *mem;
    uint32_t partition, attempt;
    const volatile bool *cancelled;
    const volatile bool *stopped; /* the job failed elsewhere; may be NULL */
    uint32_t partition_count;     /* tasks of this fragment; 1: this one sees all rows */
    uint32_t share, share_count;  /* while opening: which part of a leaf's data is this task's */
    struct hr_pipeline *pipeline; /* exec.c's own */
    /* streaming */
    int64_t epoch;              /* -1: batch */
    int64_t now_us;             /* current_timestamp of the epoch */
    int64_t late_watermark_us;  /* rows at or below are late (previous epoch's), INT64_MIN none */
    int64_t evict_watermark_us; /* state at or below is final (this epoch's) */
    struct hr_exec *exec;       /* shared by the epoch's tasks: splits by scan, shuffles, states */
};

/* Shared by all tasks of one run (one epoch or one batch query). Implemented in operator/exec.c. */
struct hr_exec {
    struct hr_env *env;
    const struct hr_conf *conf;
    struct hr_mem *mem;
    const volatile bool *cancelled;
    int64_t epoch, now_us, late_watermark_us, evict_watermark_us;
    /* Splits by scan_id; sources opened by the caller. */
    struct hr_exec_scan {
        struct hr_source *source;
        struct hr_split *splits;
        uint32_t split_count;
        _Atomic int64_t rows_read, malformed_rows;
        /* max event time and counts, by watermark node, are in watermarks below */
    } * scans;
    uint32_t scan_count;
    /* One per watermark node, by its order in the plan: filled by tasks (atomics), read at the
     * end. */
    struct hr_exec_watermark {
        /* The caller sets max INT64_MIN, min INT64_MAX, count 0. */
        _Atomic int64_t max_us, min_us, count;
        _Atomic int64_t sum_ms;
    } * watermarks;
    uint32_t watermark_count;
    _Atomic int64_t rows_dropped_late;
    /* States by state_id; NULL for batch. */
    struct hr_state **states;
    uint32_t state_count;
    /* Where results go: called by tasks of the last stage, one writer per partition. */
    hr_status (*emit)(struct hr_exec *, uint32_t partition, uint32_t attempt,
                      struct hr_batch *batch, struct hr_err *err);
    void *emit_arg;
    void *scheduler; /* struct hr_scheduler: the pool that runs the stages */
};

/* Runs the plan to its end: cuts it into stages, makes their RDDs, runs the tasks (inline where
 * there is one), and hands every output batch to exec->emit in partition order per task. */
hr_status hr_exec_run(const struct hr_pnode *root, struct hr_exec *exec,
                      struct hr_err *err) HR_CHECKED;

/* Spark-like tree text of the physical plan. */
void hr_pnode_print(const struct hr_pnode *root, struct hr_buf *out);

#endif
