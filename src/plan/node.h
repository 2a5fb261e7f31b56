/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a kind of logical node is: its vtable. Analysis, the optimiser, the streaming check and
 * physical planning ask the vtable and name no kind; only rules about certain pairs of nodes and
 * the parser do.
 *
 * To add a kind: a row in nodes/nodes.def, nodes/<name>.h with its struct, nodes/<name>.c with its
 * hr_node_vt. What is left NULL has the default said at the member.
 */
#ifndef HR_PLAN_NODE_H
#define HR_PLAN_NODE_H

#include <stddef.h>

#include "plan/tree.h"

struct hr_analyzer; /* analyze.h */
struct hr_planner;  /* physical.h */
struct hr_rule_ctx; /* rules/rules.h */
struct hr_wanted;   /* rules/prune.h */
struct hr_pnode;    /* operator/physical.h */

/*
 * What a streaming node's rows mean to the node above, in order of how much they ask of it. Masks:
 * a node says which it accepts, and which one it emits.
 */
enum hr_changes {
    HR_CHANGES_APPEND = 1,   /* a row stands for ever */
    HR_CHANGES_UPDATE = 2,   /* a row takes the place of the earlier one with its key */
    HR_CHANGES_COMPLETE = 4, /* each epoch gives the whole result anew */
    HR_CHANGES_WEIGHTED = 8, /* rows have weights: what is no longer so is taken back */
};
#define HR_CHANGES_ANY \
    (HR_CHANGES_APPEND | HR_CHANGES_UPDATE | HR_CHANGES_COMPLETE | HR_CHANGES_WEIGHTED)

/* What the streaming check knows when it comes to a node: its children have passed. */
struct hr_streaming_check {
    const struct hr_conf *conf;
    enum hr_output_mode mode;
    bool changes;          /* the query runs by changes: aggregations take back what they said */
    enum hr_changes input; /* the most that a child emits; APPEND for leaves */
    uint32_t aggregates;   /* streaming aggregations below the node */
};

/* A member of a node's struct that holds expressions: offsets of the pointer and of its counts. */
struct hr_node_exprs {
    enum { HR_EXPRS_END, HR_EXPRS_ONE, HR_EXPRS_LIST, HR_EXPRS_ROWS } shape;
    uint16_t items, count, width;
};
#define HR_NODE_EXPR(type, member)                        \
    {                                                     \
        HR_EXPRS_ONE, offsetof(struct type, member), 0, 0 \
    }
#define HR_NODE_EXPRS(type, member, count)                                            \
    {                                                                                 \
        HR_EXPRS_LIST, offsetof(struct type, member), offsetof(struct type, count), 0 \
    }
#define HR_NODE_ROWS(type, member, count, width)                                    \
    {                                                                               \
        HR_EXPRS_ROWS, offsetof(struct type, member), offsetof(struct type, count), \
            offsetof(struct type, width)                                            \
    }

struct hr_node_vt {
    const char *name;                  /* Spark's: "Filter" */
    size_t size;                       /* of its struct */
    const struct hr_node_exprs *exprs; /* ends with HR_EXPRS_END; NULL: it has no expressions */
    /* An error about a node below points at the whole SELECT, as in Spark. */
    bool in_block;
    bool analyzes_children;   /* analyze goes to the children by itself */
    bool may_fold;            /* constants in its expressions may be computed */
    bool counts_as_aggregate; /* at most one is in a query that does not only append */
    /* Instead of counts_as_aggregate, where it depends on the node. NULL: it does not. */
    bool (*counts)(const struct hr_plan *plan);
    bool keeps_state;         /* on a stream: from epoch to epoch */

    /* Sets members whose unset value is not zero. NULL: there are none. */
    void (*init)(struct hr_plan *plan);
    /* Names, types and output of a node whose children are analysed; may put another node in its
     * place. NULL: output only. */
    hr_status (*analyze)(struct hr_analyzer *an, struct hr_plan **plan, struct hr_err *err);
    /* Computes output from expressions and children. NULL: it keeps the attributes that it has. */
    hr_status (*output)(struct hr_arena *arena, struct hr_plan *plan, struct hr_err *err);
    /* In place of name. NULL: name. */
    const char *(*title)(const struct hr_plan *plan);
    /* Arguments behind the name in EXPLAIN, with the space in front. NULL: none. */
    void (*print)(const struct hr_plan *plan, struct hr_buf *out);

    /* Plans inside that are no children: the address of the index-th, NULL behind the last one.
     * NULL: there are none. */
    struct hr_plan **(*inner)(struct hr_plan *plan, uint32_t index);
    /* Completes a flat copy whose children and expressions are copied. False: out of memory. NULL:
     * nothing else is to be copied. */
    bool (*copy)(struct hr_arena *arena, struct hr_plan *copy);

    /* Drops what only columns outside up need, and goes on with the children: rules/prune.h. NULL:
     * columns pass through, its expressions stay. */
    hr_status (*prune)(struct hr_rule_ctx *ctx, struct hr_plan *plan, const struct hr_wanted *up,
                       struct hr_err *err);
    /* May a deterministic part of a filter above be asked of the child instead? The part is then
     * rewritten over the child's attributes. NULL: no. */
    hr_status (*sink)(struct hr_arena *arena, const struct hr_plan *plan, struct hr_expr **part,
                      bool *ret_sinks, struct hr_err *err);
    /* Rows that the node surely does not exceed when its children do not exceed child_rows; -1:
     * unknown, also there. NULL: unknown. */
    int64_t (*max_rows)(const struct hr_plan *plan, const int64_t *child_rows);

    /* What it takes from its children when it is streaming: a mask of hr_changes. */
    unsigned accepts;
    /* Spark's rules about it, for nodes that are streaming. NULL: accepts says it all. */
    hr_status (*check_streaming)(const struct hr_plan *plan, const struct hr_streaming_check *check,
                                 struct hr_err *err);
    /* NULL: what comes in goes out. */
    enum hr_changes (*emits)(const struct hr_plan *plan, const struct hr_streaming_check *check);

    /* The operators that do it. NULL: analysis leaves no such node. */
    hr_status (*physical)(struct hr_planner *pl, const struct hr_plan *plan, struct hr_pnode **ret,
                          struct hr_err *err);
};

#define X(KIND, name) extern const struct hr_node_vt hr_node_##name;
#include "plan/nodes/nodes.def"
#undef X

const struct hr_node_vt *hr_plan_vt(const struct hr_plan *plan);

/* Streaming aggregations in the plan. */
uint32_t hr_plan_aggregates(const struct hr_plan *plan);
/* Rows that the plan surely does not exceed; -1: unknown. */
int64_t hr_plan_max_rows(const struct hr_plan *plan);

/* Calls fn for each expression of the node itself (not for those below it). */
typedef hr_status (*hr_node_expr_fn)(void *arg, struct hr_expr **expr, struct hr_err *err);
hr_status hr_plan_each_expr(struct hr_plan *plan, hr_node_expr_fn fn, void *arg,
                            struct hr_err *err) HR_CHECKED;

/* Outputs, rows and refusals that several kinds share. */
hr_status hr_node_output_of_child(struct hr_arena *arena, struct hr_plan *plan,
                                  struct hr_err *err) HR_CHECKED;
int64_t hr_node_rows_of_child(const struct hr_plan *plan, const int64_t *child_rows);
/* 0 when nothing comes in, else unknown: kinds that may make several rows of one. */
int64_t hr_node_rows_none_of_none(const struct hr_plan *plan, const int64_t *child_rows);
/* The part may go down as it is. */
hr_status hr_node_sink_if_within(struct hr_arena *arena, const struct hr_plan *plan,
                                 struct hr_expr **part, bool *ret_sinks,
                                 struct hr_err *err) HR_CHECKED;
/* Spark's refusal of an operation on a stream, at the node. */
hr_status hr_node_refuse(const struct hr_plan *plan, struct hr_err *err, const char *msg);
/* The same where an output mode does not allow it. */
hr_status hr_node_refuse_mode(const struct hr_plan *plan, struct hr_err *err, const char *mode,
                              const char *operation);
/* Ours, where Spark can and we cannot. */
hr_status hr_node_not_supported(const struct hr_plan *plan, struct hr_err *err, const char *what);

/* Text. */
void hr_node_print_list(struct hr_expr *const *exprs, uint32_t count, struct hr_buf *out);
void hr_node_print_names(const char *const *names, uint32_t count, const char *between,
                         struct hr_buf *out);
void hr_node_print_output(const struct hr_plan *plan, struct hr_buf *out);

#endif
