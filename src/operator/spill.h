/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rows on disk while an operator runs: a file without a name (it goes with the process, however
 * that ends), to which batches are appended, and from which any stretch of them is read again.
 * The folder is TMPDIR, else /tmp. Belongs to the operator's thread.
 */
#ifndef HR_OPERATOR_SPILL_H
#define HR_OPERATOR_SPILL_H

#include "operator/operator.h"

struct hr_spill;
/* Batches of a file from at to end. */
struct hr_spill_run {
    int64_t at, end;
};

hr_status hr_spill_new(struct hr_task *task, const struct hr_type *schema, struct hr_spill **ret,
                       struct hr_err *err) HR_CHECKED;
void hr_spill_free(struct hr_spill *spill); /* NULL is fine */
/* Where the next batch will be. */
int64_t hr_spill_end(const struct hr_spill *spill);
hr_status hr_spill_write(struct hr_spill *spill, const struct hr_batch *batch,
                         struct hr_err *err) HR_CHECKED;
/* The run's next batch, and run is behind it; NULL: the end. */
hr_status hr_spill_read(struct hr_spill *spill, struct hr_spill_run *run, struct hr_batch **ret,
                        struct hr_err *err) HR_CHECKED;

/* Should an operator that holds so many bytes, and is about to need so many more, write them out?
 * Not for a trifle, whose file would be no gain. */
bool hr_spill_due(struct hr_task *task, int64_t held, int64_t need);
/* Rows of a batch that is written, so that many of them fit in memory, when a row has so many
 * bytes. */
uint32_t hr_spill_rows(struct hr_task *task, int64_t row_bytes);

#endif
