/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Physical plans and operators.
 *
 * A physical node (hr_pnode) is read-only, printable and shared by all tasks; an operator (hr_op)
 * is one task's running state. Nodes between two exchanges form a fragment, which runs as one
 * pipeline inside one RDD partition: operators pull batches of up to conf->batch_rows rows from
 * their children. An exchange is where the scheduler cuts stages.
 *
 * This is the head that all nodes share and the vtable. What a kind has besides is in its header
 * (hash_join.h: struct hr_join_pnode); HR_PNODE takes the head for it.
 */
#ifndef HR_OPERATOR_PHYSICAL_H
#define HR_OPERATOR_PHYSICAL_H

#include <assert.h>

#include "expr/program.h"
#include "operator/sink.h"

struct hr_pnode;
struct hr_exec;
struct hr_pipeline; /* exec.h */
struct hr_op;
struct hr_task;
struct hr_state_args;
struct hr_state; /* state/state.h: the state of one stateful operator in one query */

/* What the state of an operator is of: its place in the identity of a checkpoint. */
struct hr_state_identity {
    const char *variant;                   /* of the operator, behind its name; NULL: it has one */
    uint32_t key_count;                    /* the first columns of its output */
    bool keys_are_childs;                  /* columns of its child, else its first exprs */
    const struct hr_aggregate_pnode *aggs; /* whose aggregates it holds; NULL: none */
    const char *form; /* what kind of it, behind its name; NULL: there is one */
    /* Keeps whole rows of its children: the first key_count exprs are the keys of the first child,
     * those behind them of the next; the columns that order the rows, -1: none. 0: it does not. */
    uint32_t side_count;
    int32_t times[2];
    const bool *null_safe; /* by key: NULLs are equal; NULL: they are in none */
};

/* What a kind of node is and how it runs. Methods may be NULL where a default is named. */
struct hr_operator_vt {
    const char *name;         /* "HashAggregate" */
    size_t node_size;         /* of its struct; 0: the head is all it has */
    bool is_exchange;         /* struct hr_exchange_pnode: a stage boundary */
    bool reads_source;        /* struct hr_scan_pnode: sources are opened for it */
    bool marks_event_time;    /* struct hr_watermark_pnode */
    bool appends_children;    /* its partitions are those of its children, one after the other */
    bool opens_children;      /* open does it itself and is given none */
    bool passes_columns;      /* column i of its output is column i of its child */
    bool computes_columns;    /* column i of its output is exprs[i] (an aggregation: the keys) */
    bool is_tight_in_explain; /* "HashAggregate(keys", but "Filter (a > 1)" */
    bool gathers;             /* keeps what it has read: rows, groups, keys */
    /* @thread task. The op's memory: task->arena. Children are opened by the caller first. */
    hr_status (*open)(const struct hr_pnode *node, struct hr_task *task, struct hr_op **children,
                      struct hr_op **ret_op, struct hr_err *err);
    /* *ret_batch NULL: the end. Owned by the caller; never empty unless the plan is at its end. */
    hr_status (*next)(struct hr_op *op, struct hr_batch **ret_batch, struct hr_err *err);
    void (*close)(struct hr_op *op);
    /* Arguments after the name in EXPLAIN: "(keys=[a], functions=[count(1)])". optional */
    void (*explain)(const struct hr_pnode *node, struct hr_buf *out);
    /* In place of name in EXPLAIN. NULL: name. */
    const char *(*title)(const struct hr_pnode *node);

    /* Shape of the plan, asked before tasks are made. */

    /* Tasks that the node's data is dealt to; 0: any number. NULL: as its children; leaves: 1. */
    uint32_t (*partitions)(const struct hr_pipeline *pipeline, const struct hr_pnode *node);
    /* Rows of a leaf; -1: unknown. NULL: those of its children. */
    int64_t (*rows_estimate)(const struct hr_exec *exec, const struct hr_pnode *node);
    /* Does it surely run as one task? NULL: when all children do; leaves do not. */
    bool (*is_single)(const struct hr_pnode *node);
    /* The node whose children it is opened with: itself, or one below that it takes the work of.
     * NULL: itself. */
    const struct hr_pnode *(*input)(const struct hr_pnode *node, bool collapsed);
    /* Given the conditions of a filter above, while planning. NULL: of no use to it. */
    void (*push_filters)(struct hr_pnode *node, struct hr_expr **filters, uint32_t count);

    /* Stateful operators: the layout of their state (all but id, mem and part_count). Things it
     * points to live in the arena. */
    hr_status (*state_args)(const struct hr_pnode *node, struct hr_arena *arena,
                            struct hr_state_args *ret, struct hr_err *err);
    /* Stateful operators: filled by the caller with all columns as keys, from exprs. NULL: so it
     * is. */
    void (*state_identity)(const struct hr_pnode *node, struct hr_state_identity *inout);
    /* Stateful operators, for EXPLAIN: what is kept and what bounds it. */
    void (*state_text)(const struct hr_pnode *node, struct hr_buf *out);
    /* Part of the identity of its columns besides exprs. NULL: nothing. */
    void (*put_origin)(const struct hr_pnode *node, struct hr_buf *out);
    /* The watermark that the node puts out when its input's is input_us: at most that. NULL: the
     * same. stateful.h says how watermarks pass through a plan. */
    int64_t (*output_watermark)(const struct hr_pnode *node, int64_t input_us);
    /* What of its state nothing bounds: "left rows". NULL, or NULL given: it is bounded, or that is
     * for its output mode to say. */
    const char *(*grows)(const struct hr_pnode *node);
    /* Stateful operators: what others may see of the state is what it is now. Called on the query's
     * thread once the state is restored, and after each COMMIT. NULL: nobody else sees it. */
    hr_status (*committed)(const struct hr_pnode *node, struct hr_state *state, bool restored,
                           struct hr_err *err);
};

struct hr_op {
    const struct hr_operator_vt *vt;
    const struct hr_pnode *node;
    struct hr_task *task;
    struct hr_op **children;
    int64_t rows_out, batches_out, self_ns; /* the last without its children, where measured */
};

struct hr_pnode {
    const struct hr_operator_vt *vt;
    const struct hr_type *schema; /* of its output */
    struct hr_pnode **children;
    uint32_t child_count;
    uint32_t id; /* pre-order number, unique in the plan */
    bool is_streaming;
    bool is_changes; /* its rows may have weights other than +1 */
    int32_t state_id; /* stateful: operator id in the checkpoint; -1: stateless */
    /* What it evaluates on its input's rows, bound to the child's schema; what it is for says the
     * kind (Project: the outputs, Filter: the predicate). */
    const struct hr_program *program;
    struct hr_expr **exprs; /* the same, for types and EXPLAIN */
    uint32_t expr_count;
};

HR_INLINE void *hr_pnode_as(struct hr_pnode *node, size_t size)
{
    assert(node && node->vt->node_size == size); /* else the node is of another kind */
    return node;
}
HR_INLINE const void *hr_pnode_as_const(const struct hr_pnode *node, size_t size)
{
    assert(node && node->vt->node_size == size);
    return node;
}
/* HR_PNODE(join, node): the node as struct hr_join_pnode, const if node is. */
#define HR_PNODE_TYPE(name, node) \
    __typeof__(_Generic((node), const struct hr_pnode *         \
                        : (const struct hr_##name##_pnode *)0,  \
                          struct hr_pnode *                     \
                        : (struct hr_##name##_pnode *)0))
#define HR_PNODE(name, node) \
    ((HR_PNODE_TYPE(name, node))_Generic((node), const struct hr_pnode *           \
                                         : hr_pnode_as_const, struct hr_pnode *    \
                                         : hr_pnode_as)((node),                    \
                                                        sizeof(struct hr_##name##_pnode)))

#define X(name) extern const struct hr_operator_vt hr_op_##name;
#include "operator/operators.def"
#undef X

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
    struct hr_node_figures *figures; /* of the exec; NULL: operators are not measured */
    struct hr_tap *tap;              /* of the exec; NULL: no rows are shown */
    int64_t nested_ns;               /* of what the running operator has called */
    uint64_t partition_read;         /* of a source: what the last batch of a scan is of */
    /* Who ran out of memory: where, and for the nearest above that gathers. */
    const struct hr_operator_vt *short_in, *short_for;
    /* streaming */
    int64_t epoch;        /* -1: batch */
    int64_t now_us;       /* current_timestamp of the epoch */
    struct hr_exec *exec; /* shared by the epoch's tasks: splits by scan, shuffles, states */
};

/* Shared by all tasks of one run (one epoch or one batch query). Implemented in operator/exec.c. */
struct hr_exec {
    struct hr_env *env;
    const struct hr_conf *conf;
    struct hr_mem *mem;
    const volatile bool *cancelled;
    int64_t epoch, now_us;
    /* The query's watermark in the epoch before and in this one; INT64_MIN: none. Nodes have their
     * own (node_times). */
    int64_t late_watermark_us, evict_watermark_us;
    /* Splits by scan_id; sources opened by the caller. */
    struct hr_exec_scan {
        struct hr_source *source;
        struct hr_input_member *input; /* shares the reading with other queries; or NULL */
        struct hr_split *splits;
        uint32_t split_count;
        _Atomic int64_t rows_read, malformed_rows;
        /* The table's name, where its damaged records are dead letters; NULL: they are not. */
        const char *letters_of;
        uint32_t first_split; /* its splits' numbers among those of all scans */
        /* max event time and counts, by watermark node, are in watermarks below */
    } * scans;
    uint32_t scan_count;
    /* One per watermark node, by its order in the plan: filled by tasks (atomics), read at the
     * end. */
    struct hr_exec_watermark {
        /* The caller sets max INT64_MIN, min INT64_MAX, count 0. */
        _Atomic int64_t max_us, min_us, count;
        _Atomic int64_t sum_ms;
        _Atomic int64_t far_rows; /* left out: too far in the future */
        /* By partition of the sources, where these are told apart. */
        pthread_mutex_t lock;
        struct hr_exec_mark {
            uint64_t partition;
            int64_t max_us;
        } * marks;
        uint32_t mark_count, mark_capacity;
    } * watermarks;
    uint32_t watermark_count;
    /* States by state_id; NULL for batch. */
    struct hr_state **states;
    /* Input watermarks of the stateful nodes, by state_id (hr_stateful_propagate). */
    struct hr_node_time {
        int64_t late_us, evict_us;
    } * node_times;
    uint32_t state_count;
    /* By node id, added to when an operator is closed; NULL: nobody asks. */
    struct hr_node_figures {
        _Atomic int64_t rows, batches, self_ns;
    } * node_figures;
    struct hr_tap *tap; /* tap.h: with node_figures alone; or NULL */
    /* Where results go: called by tasks of the last stage, one writer per partition. */
    hr_status (*emit)(struct hr_exec *, uint32_t partition, uint32_t attempt,
                      struct hr_batch *batch, struct hr_err *err);
    /* Late rows, where they have an output of their own; else NULL. */
    hr_status (*emit_late)(struct hr_exec *, uint32_t partition, uint32_t attempt,
                           struct hr_batch *batch, struct hr_err *err);
    _Atomic int64_t late_rows; /* that went there */
    void *emit_arg;
    /* Where dead letters go (dead_letters.h), by the split's number; set where a scan has any. */
    hr_status (*dead_letters)(struct hr_exec *, uint32_t split, uint32_t attempt,
                              struct hr_batch *batch, struct hr_err *err);
    void *dead_letters_arg;
    const char *query_name; /* for them; NULL: none */
    void *scheduler; /* struct hr_scheduler: the pool that runs the stages */
};

/* Runs the plan to its end: cuts it into stages, makes their RDDs, runs the tasks (inline where
 * there is one), and hands every output batch to exec->emit in partition order per task. */
hr_status hr_exec_run(const struct hr_pnode *root, struct hr_exec *exec,
                      struct hr_err *err) HR_CHECKED;

/* Spark-like tree text of the physical plan. */
void hr_pnode_print(const struct hr_pnode *root, struct hr_buf *out);

#endif
