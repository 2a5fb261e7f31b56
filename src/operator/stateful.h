/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stateful operators share: the parts of the state that a task owns, keys and where they
 * belong, the late filter, event times, the node's watermarks of this epoch, figures.
 *
 *   open    hr_stateful_open        parts, key codec, watermarks
 *   rows    hr_stateful_drop_late   by the node's late mark (input watermark of the epoch before)
 *           hr_stateful_upsert      keys → rows of a keyed table, each in the part that owns it
 *   end     the operator lets go of what is at or below evict_us, part by part
 *   close   hr_stateful_close
 *
 * Watermarks belong to nodes, as in Spark: a node's input watermark is the least of what its
 * children put out; leaves put out the query's. A node puts out what its vtable's output_watermark
 * makes of its input: the same where a row leaves when its time is passed, less where rows are
 * kept longer (a join with a range, an OVER with FOLLOWING). Rows are late by the input watermark
 * of the epoch before, state is final by this epoch's: what an upstream operator puts out as final
 * in this epoch is above the former and so never late downstream. All of it follows from the two
 * values of the query that the PLAN record holds: a restart needs nothing more.
 *
 * An operator's struct has a struct hr_stateful in it. Threads: the task's.
 */
#ifndef HR_OPERATOR_STATEFUL_H
#define HR_OPERATOR_STATEFUL_H

#include "operator/operator.h"
#include "state/state.h"

#define HR_STATEFUL_BLOCK 2048u
#define HR_TIME_NONE      INT64_MIN /* of a row without event time: never late, never final */

struct hr_stateful {
    struct hr_task *task;
    struct hr_state_part *parts; /* the task's own; all of them where the whole plan is one task */
    uint32_t part_count;
    int64_t late_us;                     /* rows at or below are late; INT64_MIN: none is */
    int64_t evict_us;                    /* what is at or below is final; INT64_MIN: nothing is */
    const struct hr_key_codec *codec;    /* NULL: no keys */
    struct hr_keys keys;                 /* of the block under way */
    struct hr_stateful_scratch *scratch; /* routing; only where there are several parts */
    enum hr_stateful_phase { HR_STATEFUL_INPUT, HR_STATEFUL_OUTPUT, HR_STATEFUL_DONE } phase;
    uint32_t part_index; /* being put out */
};

/* What an operator does that takes all of its input and then puts out its parts one by one. */
struct hr_stateful_steps {
    hr_status (*begin)(struct hr_op *, struct hr_err *); /* optional: before the first batch */
    hr_status (*take)(struct hr_op *, const struct hr_batch *, struct hr_err *);
    /* The next batch of the part; *ret stays NULL: it is through. */
    hr_status (*output)(struct hr_op *, struct hr_state_part *, struct hr_batch **ret,
                        struct hr_err *);
    /* The part is through: the watermark's rows go, and what output kept of it is forgotten. */
    hr_status (*leave)(struct hr_op *, struct hr_state_part *, struct hr_err *);
};
/* next of such an operator: input, then output, then done, and never back. What aggregates keep is
 * accounted to the state. */
hr_status hr_stateful_next(struct hr_op *op, struct hr_stateful *s,
                           const struct hr_stateful_steps *steps, struct hr_batch **ret,
                           struct hr_err *err) HR_CHECKED;

/* Zeroed before. types: of the keys. On failure hr_stateful_close is still to be called. */
hr_status hr_stateful_open(struct hr_stateful *s, const struct hr_pnode *node, struct hr_task *task,
                           const struct hr_type *const *types, uint32_t key_count,
                           struct hr_err *err) HR_CHECKED;
void hr_stateful_close(struct hr_stateful *s);

/* Has the watermark moved since the last epoch? Else nothing new can be final. */
HR_INLINE bool hr_stateful_moved(const struct hr_stateful *s)
{
    return s->evict_us != INT64_MIN && s->evict_us != s->late_us;
}

/* Event time of a row: a TIMESTAMP, or a window's end; HR_TIME_NONE for NULL. */
int64_t hr_stateful_time(const struct hr_vector *time, uint32_t row);
/* Keeps those of rows that are not late, with their times; counts the others. Returns how many are
 * left. time NULL: there is no event time, all stay. */
uint32_t hr_stateful_drop_late(struct hr_stateful *s, const struct hr_vector *time, uint32_t *rows,
                               int64_t *times_us, uint32_t count);

/* Encodes the keys of the block's rows into s->keys. */
HR_INLINE hr_status hr_stateful_encode(struct hr_stateful *s, const struct hr_vector *keys,
                                       const uint32_t *rows, uint32_t count, struct hr_err *err)
{
    return hr_keys_encode(s->codec, keys, rows, count, 0, &s->keys, err);
}
/* The part that owns a key. */
HR_INLINE struct hr_state_part *hr_stateful_part(struct hr_stateful *s, uint64_t hash)
{
    if (s->part_count == 1) return s->parts;
    return &s->parts[hr_key_partition(hash, s->part_count)];
}
/* Finds or makes the rows of the encoded keys [0, count) in a keyed table. ret_new may be NULL. At
 * most HR_STATEFUL_BLOCK at a time. */
hr_status hr_stateful_upsert(struct hr_stateful *s, uint32_t table, int64_t pane, uint32_t count,
                             uint8_t **ret_states, uint8_t *ret_new, struct hr_err *err) HR_CHECKED;

/* Input and output watermarks of every stateful node for this run, from the query's two in exec.
 * exec->node_times has room for exec->state_count. */
void hr_stateful_propagate(const struct hr_pnode *root, struct hr_exec *exec);

/* Figures of an operator over its parts, of the epoch under way. */
struct hr_stateful_figures {
    int64_t rows_total, rows_updated, rows_removed, rows_late, memory_bytes;
};
void hr_stateful_figures(const struct hr_state *state, struct hr_stateful_figures *ret);

/* The operators of a plan whose state grows for ever, as text: "StateJoin: left rows". */
void hr_stateful_put_growing(const struct hr_pnode *root, struct hr_buf *out);

#endif
