/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Checkpoints of streams whose RDD is a state by key of which only the last one counts
 * (updateStateByKey, windows with an inverse): in place of the RDD the rows that differ from those
 * of the batch before, and the keys that are gone. When these outweigh the last whole RDD, a whole
 * one is written, and the log before it is not needed.
 *
 * The comparison is a job over the two RDDs, which are in place by key; a state of which most
 * changes in every batch is not compared, but for a batch now and then.
 */
#ifndef HR_DSTREAM_DELTA_H
#define HR_DSTREAM_DELTA_H

#include "dstream/dstream.h"

/* Whether the stream is of this kind. Known from the start on. */
bool hr_ds_delta_fits(const struct hr_dstream *ds);
/* Writes what g changed; *ret_done false: write it whole, and say so. */
hr_status hr_ds_delta_put(struct hr_dstream *ds, struct hr_ds_generated *g, bool *ret_done,
                          struct hr_err *err) HR_CHECKED;
void hr_ds_delta_whole(struct hr_dstream *ds, const struct hr_ds_generated *g, size_t bytes);

/* Takes a whole RDD or a delta back, in the order of writing; then all rows there are. */
hr_status hr_ds_delta_replay(struct hr_dstream *ds, const struct hr_ds_record *record,
                             struct hr_err *err) HR_CHECKED;
hr_status hr_ds_delta_rows(struct hr_dstream *ds, struct hr_batch_list *ret,
                           struct hr_err *err) HR_CHECKED;
void hr_ds_delta_free(struct hr_dstream *ds);

#endif
