/* SPDX-License-Identifier: Apache-2.0 */
/*
 * StateJoin: a join of two streams. program: what is left of the condition beside the keys and the
 * sides' own filters, over left ++ right columns, or NULL. exprs: the left keys, the right keys,
 * then that condition. Output as HashJoin's.
 */
#ifndef HR_OPERATOR_STATE_JOIN_H
#define HR_OPERATOR_STATE_JOIN_H

#include "operator/hash_join.h"

/* By what the rows of a side leave the state. */
enum hr_join_bound_kind {
    HR_JOIN_FOR_EVER, /* never */
    HR_JOIN_BY_KEY,   /* a key is an event time: when the watermark has passed it */
    HR_JOIN_BY_RANGE, /* when the watermark and offset_us have passed a column */
};

struct hr_join_side {
    const struct hr_program *keys;
    /* Rows that fail it have no partner. Only of sides whose rows are wanted without one: others
     * are filtered below. NULL: none. */
    const struct hr_program *filter;
    const struct hr_expr *filter_expr;
    int32_t event_time; /* column by which rows are late; -1: none */
    enum hr_join_bound_kind bound;
    uint32_t time; /* BY_KEY: of the keys; BY_RANGE: of the columns */
    int64_t offset_us;
};

struct hr_state_join_pnode {
    struct hr_pnode node;
    enum hr_join_kind kind;
    uint32_t key_count;
    const bool *null_safe;
    struct hr_join_side sides[2]; /* by child */
};

#endif
