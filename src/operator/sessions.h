/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The sessions of one key: the value of a keyed table's row. Sessions are disjoint and ascending by
 * time. The newest one lies in the row, where almost every row of a stream goes; older ones, which
 * are few, in an array beside it.
 *
 * A row covers [start, end). It joins what it overlaps or touches, and what it bridges becomes one
 * session. The states of a session's aggregates follow its bounds; they may move when a session is
 * added or merged, never when one grows.
 *
 * Ownership: the array is the value's; hr_sessions_done frees it. The state's account counts it
 * (expr/codec.h). Threads: the task's.
 */
#ifndef HR_OPERATOR_SESSIONS_H
#define HR_OPERATOR_SESSIONS_H

#include "operator/agg_states.h"
#include "state/state.h"

struct hr_session {
    int64_t start_us, end_us;
    /* states of the aggregates */
};

struct hr_sessions {
    int64_t deadline_us; /* end of the oldest: what the state finds closed sessions by */
    uint8_t *older;      /* count - 1 sessions */
    uint32_t count, capacity;
    uint64_t block;          /* the operator's: the block of rows that was last here */
    struct hr_session newest; /* when count > 0 */
};

HR_INLINE uint32_t hr_session_bytes(const struct hr_pnode *node)
{
    return (uint32_t)sizeof(struct hr_session) + ((hr_agg_node(node)->states_bytes + 7u) & ~7u);
}
HR_INLINE struct hr_session *hr_sessions_at(const struct hr_pnode *node, struct hr_sessions *s,
                                            uint32_t index)
{
    assert(index < s->count);
    if (index + 1 == s->count) return &s->newest;
    return (struct hr_session *)(void *)(s->older + (size_t)index * hr_session_bytes(node));
}
HR_INLINE uint8_t *hr_session_states(struct hr_session *session)
{
    return (uint8_t *)(session + 1);
}

/* Does [start, end) only lengthen the newest session? Then nothing moves. */
HR_INLINE bool hr_sessions_grows(const struct hr_sessions *s, int64_t start_us)
{
    return s->count && start_us >= s->newest.start_us && start_us <= s->newest.end_us;
}
HR_INLINE void hr_sessions_grow(struct hr_sessions *s, int64_t end_us)
{
    s->newest.end_us = HR_MAX(s->newest.end_us, end_us);
    if (s->count == 1) s->deadline_us = s->newest.end_us;
}

/* What merging needs; one a task. */
struct hr_sessions_scratch {
    struct hr_buf buf;
    uint8_t *states; /* states_bytes of the node */
};

/* The session that [start, end) is in from now on, made or merged where need be. *ret_earlier: the
 * deadline has moved to an earlier time. On failure the sessions are whole. */
hr_status hr_sessions_place(const struct hr_pnode *node, struct hr_sessions *s, int64_t start_us,
                            int64_t end_us, struct hr_sessions_scratch *scratch,
                            struct hr_session **ret, bool *ret_earlier,
                            struct hr_err *err) HR_CHECKED;
/* How many of the oldest have ended by limit_us. */
uint32_t hr_sessions_ended(const struct hr_pnode *node, struct hr_sessions *s, int64_t limit_us);
/* Takes the oldest count sessions out. */
void hr_sessions_drop(const struct hr_pnode *node, struct hr_sessions *s, uint32_t count);

/* The value's codec; arg is the node. An initial value is zero but for the newest one's states. */
void hr_sessions_init(const struct hr_pnode *node, struct hr_sessions *s);
void hr_sessions_save(const void *node, const uint8_t *value, struct hr_buf *out);
hr_status hr_sessions_load(const void *node, uint8_t *value, struct hr_reader *in,
                           struct hr_err *err) HR_CHECKED;
void hr_sessions_done(const void *node, uint8_t *value);

#endif
