/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Logical plans: one tree from the parser (unresolved) through analysis to the optimised form, as
 * Spark's LogicalPlan. Nodes and their expressions live in one arena. After analysis every node has
 * its output attributes and every expression a type; attributes are found by id, never by place.
 *
 * This is the head that all nodes share. A kind of node is a row of nodes/nodes.def, a struct in
 * nodes/<name>.h and a vtable (node.h) in nodes/<name>.c.
 */
#ifndef HR_PLAN_LOGICAL_H
#define HR_PLAN_LOGICAL_H

#include <assert.h>

#include "expr/expr.h"
#include "operator/sink.h"

/* An output column of a node. */
struct hr_attr {
    uint32_t id;
    const char *name;
    const char *qualifier; /* table or alias that it can be reached by, or NULL */
    const struct hr_type *type;
    bool nullable;
    int64_t watermark_delay_us; /* ≥ 0: event time with this delay; -1: none */
    bool hidden;                /* reached by its qualifier only, not by stars (keys of USING) */
    bool was_hidden;            /* the same attribute further up, selected as t.key */
};

/* One for each row of nodes/nodes.def. */
enum hr_plan_kind {
#define X(kind, name) HR_P_##kind,
#include "plan/nodes/nodes.def"
#undef X
    HR_PLAN_KIND_COUNT
};

/*
 * What all nodes have. A node is a struct hr_<name>_node of nodes/<name>.h which begins with this
 * head and holds what only its kind has; HR_NODE takes the one for the other.
 */
struct hr_plan {
    enum hr_plan_kind kind;
    int32_t sql_pos, sql_end;
    struct hr_plan **children;
    uint32_t child_count;
    /* Set by analysis. */
    struct hr_attr *output;
    uint32_t output_count;
    bool resolved;
    bool is_streaming; /* this node or one below reads a stream */
};

/*
 * HR_NODE(filter, plan): the node as its own struct, const if plan is. To ask for a kind that the
 * node is not is a bug of the caller, who looks at plan->kind first.
 */
#define HR_NODE(name, plan) \
    _Generic((plan), const struct hr_plan *                \
             : hr_node_as_##name##_const, struct hr_plan * \
             : hr_node_as_##name)(plan)
#define X(KIND, name)                                                                              \
    struct hr_##name##_node;                                                                       \
    HR_INLINE struct hr_##name##_node *hr_node_as_##name(struct hr_plan *plan)                     \
    {                                                                                              \
        assert(plan->kind == HR_P_##KIND);                                                         \
        return (struct hr_##name##_node *)plan;                                                    \
    }                                                                                              \
    HR_INLINE const struct hr_##name##_node *hr_node_as_##name##_const(const struct hr_plan *plan) \
    {                                                                                              \
        assert(plan->kind == HR_P_##KIND);                                                         \
        return (const struct hr_##name##_node *)plan;                                              \
    }
#include "plan/nodes/nodes.def"
#undef X

/* A node of the kind with nothing set but its head. NULL: out of memory. */
struct hr_plan *hr_plan_new(struct hr_arena *arena, enum hr_plan_kind kind);
struct hr_plan *hr_plan_new1(struct hr_arena *arena, enum hr_plan_kind kind, struct hr_plan *child);
struct hr_plan *hr_plan_new2(struct hr_arena *arena, enum hr_plan_kind kind, struct hr_plan *left,
                             struct hr_plan *right);
/* A node of another kind in plan's place: its position, children and output, the rest unset. */
struct hr_plan *hr_plan_become(struct hr_arena *arena, enum hr_plan_kind kind,
                               const struct hr_plan *plan);

/* The output of a resolved plan as a STRUCT type. NULL: out of memory. */
const struct hr_type *hr_plan_schema(const struct hr_plan *plan);
/* Spark's tree text: "+- Filter (a > 1)". */
void hr_plan_print(const struct hr_plan *plan, struct hr_buf *out);

#endif
