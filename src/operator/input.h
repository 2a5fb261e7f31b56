/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One input for several queries. Queries of a session that read the same streaming table (the same
 * source, options and settings) are members of one input: a split that several of them plan is read
 * once, and its batches, which nobody changes, are handed to each.
 *
 * What stays a query's own: its source with its offsets, its epochs, its checkpoint. Sharing is
 * only a shorter way to the same rows, so nothing of it is in a checkpoint: after a restart from
 * another offset a query reads by itself the splits that nobody else reads, and shares again those
 * that others read, too.
 *
 * Who needs a batch that is not there yet reads it, whichever query had opened the reader: a query
 * that waits for its sink holds nobody up. What was read is kept until all members have had it, up
 * to max_bytes; then the fast wait for the slow as long as these take batches. One that takes none
 * for 100 ms is left behind: it reads the rest of the split by itself, and joins again at the first
 * split that it finds kept.
 *
 * Memory: batches are charged to the inputs' own account, since they outlive epochs.
 * Threads: the inputs any; a member's open by any task of its query; a reader by one task.
 */
#ifndef HR_OPERATOR_INPUT_H
#define HR_OPERATOR_INPUT_H

#include "operator/source.h"

struct hr_inputs; /* those of a session */
struct hr_input_member;

/* NULL: out of memory. */
struct hr_inputs *hr_inputs_new(struct hr_mem *parent);
/* How much each input keeps; 0: who joins from now on reads by itself. @thread any */
void hr_inputs_limit(struct hr_inputs *inputs, int64_t max_bytes);
/* All members have left, and no batch that was read through them is left. NULL is fine. */
void hr_inputs_free(struct hr_inputs *inputs);

/* While held, queries that start wait before their first epoch, so that those of one script find
 * each other. @thread any */
void hr_inputs_hold(struct hr_inputs *inputs, bool hold);
/* Until they are not held, or timeout_us; true: they are not. @thread any */
bool hr_inputs_await(struct hr_inputs *inputs, int64_t timeout_us);

/* The scan of a query becomes a member: columns are what it wants of the source, options those that
 * the source was opened with. *ret NULL: its readings are not to be shared. @locks the inputs */
hr_status hr_input_join(struct hr_inputs *inputs, const struct hr_source *source,
                        const struct hr_options *options, const struct hr_conf *conf,
                        const void *user, const struct hr_type *columns,
                        struct hr_input_member **ret, struct hr_err *err) HR_CHECKED;
/* None of its readers is open. NULL is fine. */
void hr_input_leave(struct hr_input_member *member);

/* As source->vt->open_reader, of a source that is the member's own. split and spec's arrays live
 * longer than the reader. @thread task */
hr_status hr_input_open(struct hr_input_member *member, struct hr_source *source,
                        const struct hr_split *split, const struct hr_scan_spec *spec,
                        struct hr_scan_reader **ret, struct hr_err *err) HR_CHECKED;

/* Rows that it was given and another member's source had read; -1: it is the only member. */
int64_t hr_input_shared_rows(struct hr_input_member *member);

#endif
