/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The condition of a join in parts, and what it says about time: until when a row of one side may
 * still find a partner on the other one, when both sides are streams.
 */
#ifndef HR_PLAN_JOIN_CONDITION_H
#define HR_PLAN_JOIN_CONDITION_H

#include "operator/state_join.h"
#include "plan/nodes/join.h"
#include "plan/tree.h"

struct hr_join_parts {
    struct hr_exprs left, right; /* equal to each other, over attributes of the sides */
    bool *null_safe;             /* by key: <=> */
    struct hr_exprs rest;
};
hr_status hr_join_split(struct hr_arena *arena, const struct hr_plan *join,
                        struct hr_join_parts *ret, struct hr_err *err) HR_CHECKED;

/* What lets a row of one side go. */
struct hr_join_bound {
    enum hr_join_bound_kind kind;
    uint32_t key;               /* BY_KEY: which of the keys is an event time */
    const struct hr_attr *time; /* BY_RANGE: the side's column that the condition bounds */
    int64_t offset_us;          /* BY_RANGE: final is what is at or below the watermark and this */
};
/*
 * Bounds of both sides, as Spark derives them (StreamingSymmetricHashJoinHelper): a key that is an
 * event time on either side, or inequalities between a time of this side and an event time of the
 * other: other + c1 < this + c2 makes this final at the watermark + c1 - c2, <= one ms earlier. Of
 * several the least counts. This side's time needs no watermark of its own: late rows of the other
 * side are dropped, so that none comes for it (in Spark such a row stays for ever).
 */
hr_status hr_join_bounds(struct hr_arena *arena, const struct hr_conf *conf,
                         const struct hr_plan *join, const struct hr_join_parts *parts,
                         struct hr_join_bound ret[2], struct hr_err *err) HR_CHECKED;
/* The event time of a side, by which its late rows are dropped; NULL: there is none. */
const struct hr_attr *hr_join_event_time(const struct hr_plan *side);

#endif
