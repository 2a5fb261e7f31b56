/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HashAggregate, StateAggregate and SessionAggregate. Output: keys, then results (PARTIAL: one
 * BINARY of states).
 */
#ifndef HR_OPERATOR_AGGREGATE_H
#define HR_OPERATOR_AGGREGATE_H

#include "operator/physical.h"

/* One aggregate of an aggregation. args are evaluated by the node's program. */
struct hr_agg_spec {
    const struct hr_expr *call; /* bound: call->function->aggregate, types */
    /* index of its first argument among the program's outputs (≥ key_count) */
    uint32_t first_arg;
    int32_t filter; /* index of the FILTER predicate among them, or -1 */
    bool distinct;
    uint32_t state_offset, state_bytes;
};

enum hr_agg_mode {
    HR_AGG_COMPLETE, /* rows in, results out */
    HR_AGG_PARTIAL,  /* rows in; keys and one BINARY column of states out */
    HR_AGG_FINAL,    /* the latter in, results out */
};

/* program: key_count keys, arguments, filters; FINAL: none, the child is PARTIAL's output. DISTINCT
 * aggregates: COMPLETE only, above an exchange by the keys. */
struct hr_aggregate_pnode {
    struct hr_pnode node;
    uint32_t key_count;
    struct hr_agg_spec *aggs;
    uint32_t agg_count;
    uint32_t states_bytes; /* of all aggregates of one group */
    enum hr_agg_mode mode;
    int32_t session_key; /* which key is the row's own session, to be merged; -1: none */
    /* stateful */
    bool retracts;      /* rows of its input may be taken back */
    bool emits_changes; /* what it has said of a group is taken back before it says anew */
    enum hr_output_mode output_mode;
    int32_t event_time_key; /* which key is the event time or its window; -1: none */
};

HR_INLINE const struct hr_aggregate_pnode *hr_agg_node(const struct hr_pnode *node)
{
    return HR_PNODE(aggregate, node);
}

#endif
