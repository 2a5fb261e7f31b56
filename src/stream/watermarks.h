/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From event times to the query's watermark. Each watermark node of the plan has marks: the newest
 * event time less the delay, one for the node or (headrace.watermark.byPartition) one for each
 * partition of its sources. The least of the marks counts, over all nodes (policy max: the largest
 * of the nodes' leasts); a node that has seen no row holds it back.
 *
 * A mark is idle when its rows have stopped for headrace.watermark.idleTimeout by the clock: then
 * it holds nothing back. When all are idle the largest counts, and with
 * headrace.watermark.idleClock it goes on as the clock does. What comes of the clock is in the next
 * PLAN record before it has an effect, so that a restart decides alike; the clock itself begins
 * anew with the process.
 *
 * Threads: the query's.
 */
#ifndef HR_STREAM_WATERMARKS_H
#define HR_STREAM_WATERMARKS_H

#include "stream/query.h"
#include "stream/record.h"

#define HR_WATERMARK_NONE INT64_MIN

struct hr_watermark_mark {
    uint64_t partition; /* of which source and which part of it; 0 where they are not told apart */
    int64_t mark_us;
    int64_t moved_us; /* by the clock: when rows came last */
};

struct hr_watermarks {
    struct hr_watermark_options options;
    struct hr_watermark_input {
        int64_t delay_us;
        struct hr_watermark_mark *marks;
        uint32_t count, capacity;
    } * inputs; /* by watermark node; in the query's arena */
    int64_t *newest_us; /* by node: of all of its marks */
    uint32_t count;
    int64_t opened_us; /* by the clock: a node without rows is idle so long after it */
    int64_t ticked_us; /* by the clock: when idleness was looked at */
};

/* Zeroed before. The inputs' delays are the caller's to fill. */
hr_status hr_watermarks_init(struct hr_watermarks *w, const struct hr_watermark_options *options,
                             uint32_t count, int64_t now_us, struct hr_arena *arena,
                             struct hr_err *err) HR_CHECKED;
void hr_watermarks_done(struct hr_watermarks *w);

/* What the tasks of a run tell. */
hr_status hr_watermarks_run_init(struct hr_exec *exec, uint32_t count, struct hr_arena *arena,
                                 struct hr_err *err) HR_CHECKED;
void hr_watermarks_run_done(struct hr_exec *exec);

/* Takes over what an epoch has seen. */
hr_status hr_watermarks_take(struct hr_watermarks *w, const struct hr_exec *exec, int64_t now_us,
                             struct hr_err *err) HR_CHECKED;
/* The watermark, at least current_us. */
int64_t hr_watermarks_now(const struct hr_watermarks *w, int64_t current_us, int64_t now_us);
/* Between epochs: the watermark when idleness has raised it, else current_us. Looks once in a while
 * only: a watermark that rises with the clock makes an epoch each time. */
int64_t hr_watermarks_idle(struct hr_watermarks *w, int64_t current_us, int64_t now_us);
/* How long until hr_watermarks_idle may have an answer; INT64_MAX: never. */
int64_t hr_watermarks_wait(const struct hr_watermarks *w, int64_t now_us);

/* ↔ COMMIT records. Memory of the record: the arena's. */
hr_status hr_watermarks_put(const struct hr_watermarks *w, struct hr_arena *arena,
                            struct hr_commit_record *ret, struct hr_err *err) HR_CHECKED;
/* Of as many nodes. */
hr_status hr_watermarks_restore(struct hr_watermarks *w, const struct hr_commit_record *commit,
                                struct hr_err *err) HR_CHECKED;

#endif
